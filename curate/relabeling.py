"""Renaming, joining and setting aside classes by an explicit map, with a log of every change."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from curate.dataset import Dataset
from curate.documents import read_yaml
from curate.errors import UsageError, quote
from curate.tables import hex_id

ClassMap = Mapping[str, str | None]  # class as it is to class as it should be; None: set aside

LOG_COLUMNS = ("box_id", "image", "file", "line", "source_id", "column", "old", "new")
SCHEMA = "class-map-1.schema.json"
IGNORE = "ignore"


@dataclass(frozen=True)
class Relabeled:
    """A dataset with other classes, and what was changed.

    `log` has one row per changed value, in the order of the boxes: the columns `LOG_COLUMNS`,
    `box_id` as 16 hex digits. `unused` are classes of the map that no box has.
    """

    dataset: Dataset
    log: pd.DataFrame
    unused: tuple[str, ...] = ()

    def log_csv(self) -> bytes:
        """The log as CSV in UTF-8."""
        return self.log.to_csv(index=False, lineterminator="\n").encode()


def read_class_map(path: Path) -> dict[str, str | None]:
    """The map of a YAML file that fits `schemas/class-map-1.schema.json`.

    Raises
    ------
    UsageError
        When it cannot be read or does not fit, naming the key.
    """
    classes: dict[str, str | None] = read_yaml(path, SCHEMA, str(path))["classes"]
    return classes


def relabel(dataset: Dataset, classes: ClassMap, *, partial: bool = False) -> Relabeled:
    """The dataset with its classes renamed, joined or set aside; the given one stays as it is.

    Parameters
    ----------
    dataset
        Any dataset. Boxes without a class keep none.
    classes
        Class as it is to class as it should be; None keeps the boxes and sets their role to
        `ignore`.
    partial
        Whether classes that the map does not name keep their names; otherwise each must be named.

    Raises
    ------
    UsageError
        For a class of the dataset that is not in the map, with the lines that the map lacks.
    """
    boxes = dataset.boxes
    known = dict.fromkeys([*dataset.classes["label"], *boxes["label"].dropna()])
    if not partial:
        _refuse_unmapped([label for label in known if label not in classes], classes)
    full = {label: classes.get(label, label) for label in known}
    named = {old: old if new is None else new for old, new in full.items()}
    label = boxes["label"].map(named, na_action="ignore")
    aside = boxes["label"].isin([old for old, new in full.items() if new is None])
    role = boxes["role"].where(~aside, IGNORE)
    after = boxes.assign(label=label.astype(boxes["label"].dtype), role=role)
    lists = dataset.classes.assign(
        label=dataset.classes["label"].map(named).astype(dataset.classes["label"].dtype)
    )
    # Of joined classes the first of a file stands for all; a list that was double stays so.
    joined = lists.duplicated(["file", "label"]) & ~dataset.classes.duplicated(["file", "label"])
    return Relabeled(
        dataset.with_tables(boxes=after, classes=lists[~joined]),
        _log(dataset, after),
        tuple(sorted(set(classes) - set(known))),
    )


def _refuse_unmapped(unmapped: Sequence[str], classes: ClassMap) -> None:
    if not unmapped:
        return
    listed = ", ".join(map(quote, unmapped[:10])) + (", …" if len(unmapped) > 10 else "")
    near = difflib.get_close_matches(unmapped[0], list(classes), n=1)
    hint = f"; did you mean {unmapped[0]!r} by {near[0]!r}?" if near else ""
    raise UsageError(
        f"{len(unmapped)} classes are not in the map, should be: {listed}{hint}",
        mend="add each to `classes`: its own name keeps it, ~ sets its boxes aside",
    )


def _log(dataset: Dataset, after: pd.DataFrame) -> pd.DataFrame:
    keys = dict(zip(dataset.images["image_id"], dataset.images["image_key"], strict=True))
    before = dataset.boxes
    parts = []
    for column in ("label", "role"):
        differs = (before[column] != after[column]) & ~(
            before[column].isna() & after[column].isna()
        )
        rows = before[differs.fillna(value=False).to_numpy(bool)]
        values = {
            "box_id": [hex_id(box_id) for box_id in rows["box_id"]],
            "image": [keys[image_id] for image_id in rows["image_id"]],
            **{name: rows[name].tolist() for name in ("file", "line", "source_id")},
            "column": column,
            "old": rows[column].tolist(),
            "new": after.loc[rows.index, column].tolist(),
        }
        parts.append(pd.DataFrame(values, index=rows.index, columns=list(LOG_COLUMNS)))
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)
