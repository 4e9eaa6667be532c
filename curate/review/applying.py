"""Decisions on boxes and images carried out: a new dataset, with a log of every change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate import relabeling
from curate.boxes import Rows
from curate.dataset import Dataset
from curate.review.decisions import EDGES, SEEN, Held, held
from curate.tables import hex_id, with_none

_SAID = ("verdict", "who", "when", "note")
LOG_COLUMNS = (*relabeling.LOG_COLUMNS, *_SAID)
# Tools keep places as shares of the picture's sides: what comes back is off by rounding.
SEEN_TOLERANCE_PX = 0.01
APPLIED, ALREADY, CONFIRMED = "applied", "already", "confirmed"
# What keeps a decision from being applied, and the mend.
NOT_APPLIED = {
    "gone": ("is not in the dataset", "give the dataset that was reviewed, or decide anew"),
    "dropped": ("lies on an image that another decision drops", "take one of the two back"),
    "changed": ("is not as it was when it was decided on", "look at it again and decide anew"),
    "outline": ("is no plain box: its edges follow from its outline", "edit its outline"),
}

Words = npt.NDArray[np.object_]


@dataclass(frozen=True)
class AppliedDecisions:
    """A dataset with decisions carried out, what that changed, and what was not carried out.

    `log` has one row per changed value: the columns `LOG_COLUMNS`, `box_id` as 16 hex digits (none
    for images), in the order of the boxes, then of the images. `fates` are the decisions that hold
    about boxes and images with a column `fate`: applied, already (nothing was left to change),
    confirmed (nothing was to change), or a key of `NOT_APPLIED`. `new_classes` are labels that
    the dataset did not have. `n_findings` is the number of decisions on findings, which change no
    label.
    """

    dataset: Dataset
    log: pd.DataFrame
    fates: pd.DataFrame
    held: Held
    new_classes: tuple[str, ...]

    @property
    def n_findings(self) -> int:
        """Number of decisions that hold about findings: audits take them."""
        return len(self.held.table) - len(self.fates)

    @property
    def not_applied(self) -> pd.DataFrame:
        """The decisions of `fates` that were to change or confirm something and could not."""
        return self.fates[self.fates["fate"].isin(list(NOT_APPLIED))]

    @property
    def counts(self) -> dict[tuple[str, str, str], int]:
        """Number of decisions by subject, verdict and fate, sorted."""
        words = (self.fates[name].tolist() for name in ("subject", "verdict", "fate"))
        return dict(sorted(Counter(zip(*words, strict=True)).items()))

    def log_csv(self) -> bytes:
        """The log as CSV in UTF-8."""
        return self.log.to_csv(index=False, lineterminator="\n").encode()


def applied(dataset: Dataset, decisions: pd.DataFrame) -> AppliedDecisions:
    """The dataset with the decisions that hold carried out; the given one stays as it is.

    `drop` takes a box out, or an image with its boxes; `fix` gives a box another class; `edit`
    gives it other edges, another class, or both. All else, and every box that nobody decided on,
    stays as it is; an image whose last box was dropped is `empty`: somebody has looked. What a
    decision says it has seen has to be there still (edges within 0.01 px).

    Parameters
    ----------
    decisions
        Columns `DECISION_COLUMNS`, of `read_decisions` or `decisions_table`.
    """
    valid = held(decisions)
    about = valid.table
    on_images = about[about["subject"] == "image"].reset_index(drop=True)
    on_boxes = about[about["subject"] == "box"].reset_index(drop=True)
    image_fates = _image_fates(dataset, on_images)
    dropped = on_images[image_fates == APPLIED]
    rows = _rows_of(dataset.boxes["box_id"], on_boxes["box_id"])
    fates = _box_fates(dataset, on_boxes, rows, dropped["image_id"])
    is_todo = fates == APPLIED
    todo, todo_rows = on_boxes[is_todo].reset_index(drop=True), rows[is_todo]
    after = _changed(dataset.boxes, todo, todo_rows)
    known = {*dataset.classes["label"], *dataset.boxes["label"].dropna()}
    given = set(todo.loc[todo["label"].notna(), "label"])
    out, emptied = _without(dataset, after, todo, todo_rows, dropped["image_id"])
    log = _log(dataset, after, todo, todo_rows, dropped, emptied)
    told = [on_boxes.assign(fate=fates), on_images.assign(fate=image_fates)]
    return AppliedDecisions(
        out,
        log,
        pd.concat(told, ignore_index=True),
        valid,
        tuple(sorted(given - known)),
    )


def _rows_of(ids: pd.Series[int], wanted: pd.Series[int]) -> Rows:
    """(N,) the rows of ids in a table; -1 where they are not."""
    index = pd.Index(ids.to_numpy(np.int64))
    return np.asarray(index.get_indexer(pd.Index(wanted.to_numpy(np.int64))), np.int64)


def _image_fates(dataset: Dataset, on_images: pd.DataFrame) -> Words:
    is_there = _rows_of(dataset.images["image_id"], on_images["image_id"]) >= 0
    is_drop = (on_images["verdict"] == "drop").to_numpy(bool)
    fates: Words = np.where(is_drop, APPLIED, CONFIRMED).astype(object)
    fates[~is_there] = "gone"
    return fates


def _box_fates(
    dataset: Dataset, on_boxes: pd.DataFrame, rows: Rows, dropped_ids: pd.Series[int]
) -> Words:
    """What becomes of each decision on a box."""
    is_there = rows >= 0
    verdict = on_boxes["verdict"]
    is_confirm, is_drop = ((verdict == word).to_numpy(bool) for word in ("confirm", "drop"))
    # A box that is not there is a row of nulls.
    now = dataset.boxes.reset_index(drop=True).reindex(rows).reset_index(drop=True)
    fates: Words = np.where(is_confirm, CONFIRMED, APPLIED).astype(object)
    wants = np.isfinite(on_boxes[list(EDGES)].to_numpy(np.float64)).all(axis=1)
    fates[wants & (now["shape"] != "box").to_numpy(bool)] = "outline"
    fates[_differs(on_boxes[list(SEEN)], now, SEEN_TOLERANCE_PX)] = "changed"
    is_done = ~is_confirm & ~is_drop & ~_differs(on_boxes[["label", *EDGES]], now, 0.0)
    fates[is_done] = ALREADY
    fates[now["image_id"].isin(dropped_ids).to_numpy(bool)] = "dropped"
    fates[is_drop & (fates == "dropped")] = ALREADY
    fates[~is_there] = "gone"
    return fates


def _differs(stated: pd.DataFrame, now: pd.DataFrame, tolerance_px: float) -> npt.NDArray[np.bool_]:
    """(N,) whether a class or edge that is stated is not that of the box; null states nothing."""
    label, *edges = (stated[name] for name in stated.columns)
    # Not told as differing where nothing is stated; a box without a class has another than stated.
    own = with_none(now["label"])
    said = with_none(label)
    differs = np.array([a is not None and a != b for a, b in zip(said, own, strict=True)], bool)
    for name, column in zip(EDGES, edges, strict=True):
        wanted = column.to_numpy(np.float64)
        there = now[name].to_numpy(np.float64)
        differs |= ~np.isnan(wanted) & ~(np.abs(wanted - there) <= tolerance_px)
    return differs


def _changed(boxes: pd.DataFrame, todo: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    """The boxes with the classes and edges that decisions give them."""
    columns: dict[str, pd.Series[Any]] = {}  # by their types
    for name in ("label", *EDGES):
        given = todo[name].notna().to_numpy(bool)
        if given.any():
            series = boxes[name].copy()
            series.iloc[rows[given]] = todo.loc[given, name].to_numpy()
            columns[name] = series
    return boxes.assign(**columns)


def _without(
    dataset: Dataset,
    after: pd.DataFrame,
    todo: pd.DataFrame,
    rows: Rows,
    dropped_images: pd.Series[int],
) -> tuple[Dataset, pd.Series[int]]:
    """The dataset with changed boxes but the dropped ones, and the ids of images left empty."""
    is_out = np.zeros(len(after), np.bool_)
    is_out[rows[(todo["verdict"] == "drop").to_numpy(bool)]] = True
    touched = set(after["image_id"][is_out])
    left = after[~is_out]
    images = dataset.images
    ids = images["image_id"]
    is_emptied = ids.isin(list(touched)) & ~ids.isin(left["image_id"]) & ~ids.isin(dropped_images)
    is_emptied &= (images["label_state"] == "present").to_numpy(bool)
    states = images["label_state"].mask(is_emptied.to_numpy(bool), "empty")
    done = dataset.with_tables(images=images.assign(label_state=states), boxes=left)
    if is_out.any() or len(dropped_images):
        # It takes boxes that are gone out of the findings, too.
        done = done.of_images(ids[~ids.isin(dropped_images)])
    return done, ids[is_emptied]


def _log(
    dataset: Dataset,
    after: pd.DataFrame,
    todo: pd.DataFrame,
    rows: Rows,
    dropped: pd.DataFrame,
    emptied: pd.Series[int],
) -> pd.DataFrame:
    before = dataset.boxes
    parts = []
    for name in ("label", *EDGES):
        old, new = with_none(before[name].iloc[rows]), with_none(after[name].iloc[rows])
        differs = np.array([a != b for a, b in zip(old, new, strict=True)], bool)
        values = {"column": name, "old": old[differs], "new": new[differs]}
        parts.append(_box_rows(dataset, rows[differs], values, todo[differs]))
    is_drop = (todo["verdict"] == "drop").to_numpy(bool)
    parts.append(_dropped_rows(dataset, rows[is_drop], todo[is_drop]))
    # Boxes of dropped images, each with the decision on its image.
    of_image = _rows_of(dropped["image_id"], before["image_id"])
    on_dropped = np.flatnonzero(of_image >= 0)
    parts.append(_dropped_rows(dataset, on_dropped, dropped.iloc[of_image[on_dropped]]))
    logged = pd.concat(parts).sort_index(kind="stable")
    told = [logged, _image_rows(dataset, dropped["image_id"], "image", "dropped", dropped)]
    # One of the decisions on an image's boxes speaks for all: the last of them left it empty.
    last = todo[is_drop].assign(image_id=before["image_id"].iloc[rows[is_drop]].to_numpy())
    last = last.drop_duplicates("image_id", keep="last")
    last = last.iloc[_rows_of(last["image_id"], emptied)]
    told.append(_image_rows(dataset, emptied, "label_state", "empty", last))
    return pd.concat(told, ignore_index=True)


def _box_rows(
    dataset: Dataset, rows: Rows, values: Mapping[str, object], decisions: pd.DataFrame
) -> pd.DataFrame:
    """Rows of the log about boxes, with the boxes' row numbers as index."""
    boxes = dataset.boxes.iloc[rows]
    keys = dataset.images.set_index("image_id")["image_key"]
    told = {
        "box_id": [hex_id(box_id) for box_id in boxes["box_id"]],
        "image": keys.loc[boxes["image_id"]].to_numpy(object),
        **{name: with_none(boxes[name]) for name in ("file", "line", "source_id")},
        **values,
        **{name: with_none(decisions[name]) for name in _SAID},
    }
    return pd.DataFrame(told, index=rows, columns=list(LOG_COLUMNS), dtype=object)


def _dropped_rows(dataset: Dataset, rows: Rows, decisions: pd.DataFrame) -> pd.DataFrame:
    boxes = dataset.boxes.iloc[rows]
    old = [
        " ".join(["" if pd.isna(label) else str(label), *map(repr, edges)]).strip()
        for label, *edges in zip(
            boxes["label"], *(boxes[edge].tolist() for edge in EDGES), strict=True
        )
    ]
    values = {"column": "box", "old": old, "new": "dropped"}
    return _box_rows(dataset, rows, values, decisions)


def _image_rows(
    dataset: Dataset, ids: pd.Series[int], column: str, new: str, decisions: pd.DataFrame
) -> pd.DataFrame:
    """Rows of the log about images."""
    images = dataset.images.iloc[_rows_of(dataset.images["image_id"], ids)]
    told = {
        "image": images["image_key"].to_numpy(object),
        **{name: with_none(images[name]) for name in ("file", "line", "source_id")},
        "column": column,
        "old": with_none(images["label_state"]),
        "new": new,
        **{name: with_none(decisions[name]) for name in _SAID},
    }
    return pd.DataFrame(told, columns=list(LOG_COLUMNS), dtype=object)
