"""The decisions table: what a person said of a finding, a box or an image, when, and with what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.dataset import Dataset
from curate.errors import Place, UsageError, quote
from curate.tables import Column, hex_id, key_hashes, make_table, normal_key, with_none

EDGES = ("x1", "y1", "x2", "y2")
SEEN = ("seen_label", *(f"seen_{edge}" for edge in EDGES))
# Subjects, and the verdicts that can be said of each.
VERDICTS = {
    "finding": ("confirm", "false-alarm"),
    "box": ("confirm", "fix", "drop", "edit"),
    "image": ("confirm", "drop"),
}
SOURCES = ("fiftyone", "label-studio", "file")
ID_OF = {"finding": "finding_id", "box": "box_id", "image": "image_id"}

DECISION_COLUMNS: dict[str, Column] = {
    "subject": Column("str", "finding | box | image: what was decided on", "never"),
    "finding_id": Column("Int64", "the finding judged", "not about a finding"),
    "check": Column("str", "code of the finding's check, as BOX-002", "not about a finding"),
    "members": Column("Int64", "boxes and other records of the finding, as judged", "not stated"),
    "box_id": Column("Int64", "the box decided on; of a finding, its only box", "no single box"),
    "image_id": Column("Int64", "63-bit hash of `image`", "no single image"),
    "image": Column("str", "image key", "no single image"),
    "verdict": Column(
        "str", "of a finding confirm | false-alarm; else confirm | fix | drop | edit", "never"
    ),
    "label": Column("str", "class that the box shall have (fix, edit)", "as it is"),
    **{
        edge: Column("float64", f"px, {edge} that the box shall have (edit)", "not moved")
        for edge in EDGES
    },
    "seen_label": Column("str", "class that the box had when it was decided on", "not stated"),
    **{
        f"seen_{edge}": Column("float64", f"px, {edge} that the box had then", "not stated")
        for edge in EDGES
    },
    "who": Column("str", "who decided", "not stated"),
    "when": Column("str", "ISO 8601, as the tool states it; UTC without an offset", "not stated"),
    "note": Column("str", "what else was said", "none"),
    "source": Column("str", "fiftyone | label-studio | file", "never"),
}

Masks = npt.NDArray[np.bool_]
_CHECK = "[A-Z]{2,8}-[0-9]{3}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decisions_table(
    n_rows: int,
    values: Mapping[str, object],
    place: Callable[[int], Place] = lambda row: Place(id=f"row {row + 1}"),
) -> pd.DataFrame:
    """The decisions of some columns, complete and checked.

    Parameters
    ----------
    n_rows
        Number of decisions.
    values
        Columns of `DECISION_COLUMNS`, as `make_table` takes them. Those not named are null, but
        `source`, which is `file`, and `image_id`, which follows from `image`.
    place
        Row, from 0, to where it stands.

    Raises
    ------
    UsageError
        For the first row that is no decision: its place, what is wrong, and how many more are.
    TableError
        For columns that the schema does not know.
    """
    table = make_table(DECISION_COLUMNS, n_rows, values)
    table["source"] = table["source"].fillna("file")
    table["image"] = table["image"].map(normal_key, na_action="ignore")
    hashes = _hashed(table["image"])
    table["image_id"] = table["image_id"].fillna(hashes)
    _refuse_wrong(table, hashes, place)
    return table


def _hashed(keys: pd.Series[str]) -> pd.Series[int]:
    """The image ids of image keys; null where there is no key."""
    told = keys.notna().to_numpy(bool)
    ids = np.zeros(len(keys), np.int64)
    ids[told] = key_hashes(keys[told])
    return pd.Series(pd.arrays.IntegerArray(ids, ~told))


def _refuse_wrong(
    table: pd.DataFrame, hashes: pd.Series[int], place: Callable[[int], Place]
) -> None:
    told = [*_wrong_words(table), *_wrong_subjects(table, hashes), *_wrong_changes(table)]
    found = [(int(np.argmax(is_wrong)), rule) for is_wrong, *rule in told if is_wrong.any()]
    if not found:
        return
    # The first rule that its first wrong row breaks: later rules rely on earlier ones.
    row, (column, should, mend) = min(found, key=lambda one: one[0])
    n_rows = int(np.logical_or.reduce([is_wrong for is_wrong, *_ in told]).sum())
    value = table[column].iloc[row]
    what = f"{column} is {'not given' if pd.isna(value) else quote(_shown(column, value))}"
    more = "" if n_rows == 1 else f" (the first of {n_rows} such rows)"
    raise UsageError(f"{what}, should be {should}{more}", place=place(row), mend=mend)


def _shown(column: str, value: Any) -> Any:  # a cell
    return f"{value:016x}" if column in ID_OF.values() else value


_Rule = tuple[Masks, str, str, str]  # rows that break it; column to quote; should be; mend


def _wrong_words(table: pd.DataFrame) -> Iterator[_Rule]:
    subject = table["subject"]
    known = subject.isin(list(VERDICTS)).to_numpy(bool)
    yield ~known, "subject", f"one of {', '.join(VERDICTS)}", "say what was decided on"
    for name, verdicts in VERDICTS.items():
        is_wrong = (subject == name).fillna(value=False) & ~table["verdict"].isin(list(verdicts))
        mend = "false alarms are findings: name finding_id and check" if name != "finding" else (
            "decide on the box in a row of its own"
        )  # fmt: skip
        yield (
            is_wrong.to_numpy(bool),
            "verdict",
            f"for the subject {name} one of {', '.join(verdicts)}",
            mend,
        )
    is_source = table["source"].isin(list(SOURCES)).to_numpy(bool)
    yield ~is_source, "source", f"one of {', '.join(SOURCES)}", "say which tool it comes from"
    times = [_time(text) for text in with_none(table["when"])]
    is_time = np.array([time is not None for time in times], bool)
    yield ~is_time, "when", "a day or time of ISO 8601", "write it as 2026-06-15T09:30:00Z"


def _wrong_subjects(table: pd.DataFrame, hashes: pd.Series[int]) -> Iterator[_Rule]:
    subject = table["subject"]
    for name, column in ID_OF.items():
        is_own = (subject == name).fillna(value=False).to_numpy(bool)
        lacks = is_own & table[column].isna().to_numpy(bool)
        what = "image" if name == "image" else column
        yield lacks, what, f"that of the {name}", f"name the {name} that was decided on"
        negative = (table[column] < 0).fillna(value=False).to_numpy(bool)
        yield negative, column, "63 bits", "take it from curate"
    is_finding = (subject == "finding").fillna(value=False).to_numpy(bool)
    is_code = table["check"].str.fullmatch(_CHECK).fillna(value=False).to_numpy(bool)
    yield is_finding & ~is_code, "check", "the code of the finding's check", "write it as BOX-002"
    other = (table["image_id"] != hashes).fillna(value=False).to_numpy(bool)
    yield other, "image_id", "the hash of `image`", "leave image_id out, or correct it"
    few = (table["members"] < 0).fillna(value=False).to_numpy(bool)
    yield few, "members", "a number of records", "leave it out, or correct it"


def _wrong_changes(table: pd.DataFrame) -> Iterator[_Rule]:
    verdict, label = table["verdict"], table["label"]
    edges = table[list(EDGES)].to_numpy(np.float64)
    n_edges = np.count_nonzero(~np.isnan(edges), axis=1)
    has_label = label.notna().to_numpy(bool)
    is_fix, is_edit = (
        (verdict == word).fillna(value=False).to_numpy(bool) for word in ("fix", "edit")
    )
    wide = (
        np.isfinite(edges).all(axis=1) & (edges[:, 0] < edges[:, 2]) & (edges[:, 1] < edges[:, 3])
    )
    yield is_fix & ~has_label, "label", "the class that the box shall have", "name it"
    yield has_label & ~is_fix & ~is_edit, "label", "not given", "fix and edit alone have a label"
    yield (n_edges > 0) & ~is_edit, "verdict", "edit, as edges are given", "leave the edges out"
    some = (n_edges > 0) & (n_edges < 4)
    yield is_edit & some, "x1", "given with y1, x2 and y2, or none of them", "give all four edges"
    nothing = is_edit & ~has_label & (n_edges == 0)
    yield nothing, "label", "given, or the four edges", "say what was edited"
    narrow = is_edit & (n_edges == 4) & ~wide
    yield narrow, "x1", "left of x2, y1 above y2, all finite", "correct the edges"


def _time(text: str | None) -> int | None:
    """Microseconds since 1970, UTC; before all times where none is stated; None: no time."""
    if text is None:
        return np.iinfo(np.int64).min
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    own = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    return (own - _EPOCH) // timedelta(microseconds=1)


def seen(dataset: Dataset, box_ids: Sequence[int]) -> dict[str, object]:
    """The columns `SEEN` of some boxes as they are now, for decisions on them.

    Raises
    ------
    UsageError
        For a box that is not in the dataset.
    """
    rows = pd.Index(dataset.boxes["box_id"].to_numpy(np.int64)).get_indexer(np.asarray(box_ids))
    if (rows < 0).any():
        gone = hex_id(int(np.asarray(box_ids)[rows < 0][0]))
        raise UsageError(f"there is no box {gone}", mend="decide on boxes of this dataset")
    own = dataset.boxes.iloc[rows]
    return {f"seen_{name}": own[name].to_numpy() for name in ("label", *EDGES)}


@dataclass(frozen=True)
class Contradiction:
    """Several people decided differently on one subject.

    `said` holds what each said last, in the order of time; the last of them holds.
    """

    subject: str
    said: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.subject}: {'; '.join(self.said)}: the last holds"


@dataclass(frozen=True)
class Held:
    """The decisions that hold: one per subject, in the order in which they stand.

    `n_overruled` is the number of those before them, `contradictions` are the subjects on which
    people differ.
    """

    table: pd.DataFrame
    n_overruled: int
    contradictions: tuple[Contradiction, ...]


def held(decisions: pd.DataFrame) -> Held:
    """Of the decisions on one subject the latest: by `when`, then by order.

    A decision without a time comes before those with one. Someone who is not named is somebody
    else than all who are.
    """
    subject = decisions["subject"]
    ids = np.zeros(len(decisions), np.int64)
    for name, column in ID_OF.items():
        is_own = (subject == name).to_numpy(bool)
        ids[is_own] = decisions.loc[is_own, column].to_numpy(np.int64)
    # Checked before: all are times.
    times = np.array([_time(text) for text in with_none(decisions["when"])], np.int64)
    keyed = decisions.assign(_id=ids, _row=np.arange(len(ids)), _who=decisions["who"].fillna(""))
    keyed = keyed.iloc[np.argsort(times, kind="stable")]
    last = keyed.drop_duplicates(["subject", "_id"], keep="last").sort_values("_row")
    table = last[list(decisions.columns)].reset_index(drop=True)
    return Held(table, len(decisions) - len(table), _contradictions(keyed))


def _contradictions(keyed: pd.DataFrame) -> tuple[Contradiction, ...]:
    """Subjects on which people differ, of decisions in the order of time."""
    each = keyed.drop_duplicates(["subject", "_id", "_who"], keep="last")
    several = each[each.duplicated(["subject", "_id"], keep=False)]
    found = []
    # A loop over subjects that several people decided on.
    for _, of_one in several.groupby(["subject", "_id"], sort=False):
        wanted = of_one[["verdict", "label", *EDGES]].drop_duplicates()
        if len(wanted) > 1:
            rows = of_one.to_dict("records")
            said = tuple(f"{row['_who'] or 'somebody'} said {wish(row)}" for row in rows)
            found.append((int(of_one["_row"].min()), Contradiction(subject_of(rows[0]), said)))
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))


def subject_of(row: Mapping[Any, Any]) -> str:
    """What a decision is about, in words."""
    where = "" if pd.isna(row["image"]) else f" of {row['image']}"
    if row["subject"] == "finding":
        return f"{row['check']} finding {hex_id(row['finding_id'])}{where}"
    if row["subject"] == "box":
        return f"box {hex_id(row['box_id'])}{where}"
    return f"image {hex_id(row['image_id'])}" if pd.isna(row["image"]) else f"image {row['image']}"


def wish(row: Mapping[Any, Any]) -> str:
    """The verdict of a decision with what it wants, in words."""
    edges = [f"{row[edge]:.7g}" for edge in EDGES if not pd.isna(row[edge])]
    label = [] if pd.isna(row["label"]) else [str(row["label"])]
    time = [] if pd.isna(row["when"]) else [f"({row['when']})"]
    return " ".join([str(row["verdict"]), *label, *edges, *time])
