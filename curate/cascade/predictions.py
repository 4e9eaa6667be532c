"""A classifier's output on crops: read from CSV, and held against what the crops show.

Two forms: `crop_id,label,score` (the class that it says and its probability), or `crop_id` and a
column of probabilities for each class. A crop has one row. Crops of other splits, and those cut
from the truth, may have rows: they are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from curate.cascade.csv_columns import CsvColumns, read_columns
from curate.cascade.options import nearest
from curate.cascade.stream import BACKGROUND, Bools, Floats, Ints, Stream
from curate.errors import Place, SourceError, UsageError, quote

_ID = "crop_id"
_PAIR = (_ID, "label", "score")
_COLUMNS_MEND = "name the columns crop_id,label,score, or crop_id and a column for each class"
# What single precision makes of a probability of 1.
_TOLERANCE = 1e-6
_SHOWN = 3
# Of a crop of which the classifier says none of the classes that count.
NONE_SAID = -1.0


@dataclass(frozen=True)
class Answers:
    """What a classifier says of the N proposals of a stream.

    Parameters
    ----------
    known
        (N,) whether it was asked.
    score
        (N,) float64, its probability, 0..1, of the class that it says; `NONE_SAID` where it says
        none of those that count; NaN where it was not asked.
    is_right
        (N,) the crop counts and shows the class that it says.
    is_wrong
        (N,) the crop counts and shows another one, or none.
    notes
        What a reader of the numbers should know.
    """

    known: Bools
    score: Floats
    is_right: Bools
    is_wrong: Bools
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Said:
    """Per row of the file: place in the stream's labels (-1: none that counts), and probability.

    A class that counts and that no crop shows has the place behind the last.
    """

    label: Ints
    score: Floats
    classes: Sequence[str]


def read_answers(path: Path, stream: Stream, every_id: pd.Series[Any]) -> Answers:
    """The answers of a file to the proposals of a stream.

    Parameters
    ----------
    every_id
        The crops of the whole manifest; others are unknown.

    Raises
    ------
    SourceError
        For a file that cannot be read or has other columns, a crop that is unknown or stands twice,
        a score that is no probability (each with its line), and crops without an answer.
    UsageError
        When the crops were sampled: no end-to-end number of a sample is true of the stream.
    """
    table = read_columns(path)
    if _ID not in table.names or len(table.names) < 2:
        what = f"has the columns {', '.join(table.names)}"
        raise SourceError(what, place=Place(str(path), 1), mend=_COLUMNS_MEND)
    ids = _ids(table, every_id)
    said = _pairs(table, stream) if set(table.names) == set(_PAIR) else _columns(table, stream)
    row = _rows_of(stream.crop_id, ids)
    known = row >= 0
    judged = (stream.counts | stream.is_found) & stream.has_crop
    _refuse_unanswered(path, stream, judged & ~known)
    # An answer more, of no crop, for the proposals that have none.
    label = np.append(said.label, -1)[row]
    score = np.append(said.score, np.nan)[row]
    is_right = judged & (label >= 0) & (label == stream.label)
    return Answers(
        known=known,
        score=score,
        is_right=is_right,
        is_wrong=judged & (label >= 0) & ~is_right,
        notes=_notes(stream, said.classes, known),
    )


def _ids(table: CsvColumns, every_id: pd.Series[Any]) -> pd.Series[Any]:
    ids = pd.Series(pd.array(table.texts(_ID), dtype=every_id.dtype))
    empty = ids.isna().to_numpy(bool)
    if empty.any():
        raise table.fault(int(empty.argmax()), "has no crop_id", "correct it or leave it out")
    twice = ids.duplicated().to_numpy(bool)
    if twice.any():
        row = int(twice.argmax())
        what = f"crop {quote(ids.iloc[row])} stands a second time, should be there once"
        raise table.fault(row, what, "keep one answer for each crop")
    unknown = _rows_of(ids, every_id) < 0
    if unknown.any():
        row = int(unknown.argmax())
        what = f"crop {quote(ids.iloc[row])} is not in the manifest"
        what += f", nor are {int(unknown.sum()) - 1} others" if unknown.sum() > 1 else ""
        raise table.fault(row, what, "give the answers to the crops of this manifest")
    return ids


def _rows_of(ids: pd.Series[Any], among: pd.Series[Any]) -> Ints:
    """(N,) the place of each id among others, -1 where it is not there."""
    # pandas' own isin and get_indexer make a Python text of each id: ten times the time.
    found = pc.index_in(pa.array(ids), value_set=pa.array(among))
    places: Ints = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return places


def _pairs(table: CsvColumns, stream: Stream) -> _Said:
    label = table.texts("label")
    empty = label.is_null().to_numpy(zero_copy_only=False)
    if empty.any():
        raise table.fault(int(empty.argmax()), "has no label", "write background for none")
    coded = label.dictionary_encode()
    code = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    classes = coded.dictionary.to_pylist()
    score = _probabilities(table, "score")
    place = np.array([_place(name, stream) for name in classes], np.int64)
    said = place[code] if len(code) else np.zeros(0, np.int64)
    counted = place[place >= 0]
    if len(classes) == 2 and len(counted) == 1:
        # Of two classes, the other one with p is the one that counts with 1 - p.
        return _Said(np.full_like(said, counted[0]), np.where(said < 0, 1 - score, score), classes)
    return _Said(said, np.where(said < 0, NONE_SAID, score), classes)


def _columns(table: CsvColumns, stream: Stream) -> _Said:
    classes = [name for name in table.names if name != _ID]
    columns = {name: _probabilities(table, name) for name in classes}
    wanted = [name for name in classes if _place(name, stream) >= 0]
    if not wanted:
        told = "of a class" if stream.target is None else f"{quote(stream.labels[stream.target])}"
        what = f"has the columns {', '.join(table.names)}, should have one {told}"
        raise SourceError(what, place=Place(str(table.path), 1), mend=_COLUMNS_MEND)
    scores = np.column_stack([columns[name] for name in wanted])
    best = scores.argmax(axis=1)
    place = np.array([_place(name, stream) for name in wanted], np.int64)
    return _Said(place[best], scores[np.arange(len(scores)), best], classes)


def _place(name: str, stream: Stream) -> int:
    """Place of a class in the stream's labels, the one behind them if it is none; -1: no alarm."""
    if stream.target is not None:
        return stream.target if name == stream.labels[stream.target] else -1
    if name == BACKGROUND:
        return -1
    return stream.labels.index(name) if name in stream.labels else len(stream.labels)


def _probabilities(table: CsvColumns, name: str) -> Floats:
    values: pa.Array = table.numbers(name)
    numbers: Floats = values.to_numpy(zero_copy_only=False).astype(np.float64)
    bad = ~((numbers >= -_TOLERANCE) & (numbers <= 1 + _TOLERANCE))
    if bad.any():
        row = int(bad.argmax())
        is_text = table.texts(name)[row].as_py()
        is_text = "empty" if is_text is None else quote(is_text)
        what = f"{name} is {is_text}, should be a probability, 0 to 1"
        raise table.fault(row, what, "write the output of the softmax or sigmoid")
    return np.clip(numbers, 0.0, 1.0)


def _refuse_unanswered(path: Path, stream: Stream, missing: Bools) -> None:
    status = stream.status.to_numpy(object)
    sampled = missing & np.isin(status, ["thinned", "left_out"])
    if sampled.any():
        told = "; ".join(
            f"{int((status[sampled] == word).sum())} {word}" for word in ("left_out", "thinned")
        )
        raise UsageError(
            f"{int(sampled.sum())} of {len(missing)} proposals are not among the crops ({told}), "
            "and have no answer: a sample does not tell end-to-end recall and false alarms",
            place=Place(str(path)),
            mend="measure on a split that is made without mix and thinning (--split), or classify "
            "these proposals too",
        )
    if missing.any():
        ids = stream.crop_id[missing]
        shown = ", ".join(ids.iloc[:_SHOWN]) + (", …" if len(ids) > _SHOWN else "")
        raise SourceError(
            f"{len(ids)} of {len(missing)} crops have no answer: {shown}",
            place=Place(str(path)),
            mend="classify them, or measure another split (--split)",
        )


def _notes(stream: Stream, classes: Sequence[str], known: Bools) -> tuple[str, ...]:
    notes = []
    real = [name for name in stream.labels if name != BACKGROUND]
    for name in classes:
        if name != BACKGROUND and name not in real:
            hint = nearest(name, real)
            told = f"the classifier's class {quote(name)} is on no crop"
            notes.append(told + (f": {hint}" if hint else ""))
    own = real if stream.target is None else [stream.labels[stream.target]]
    unsaid = [name for name in own if name not in classes]
    if unsaid:
        notes.append(
            f"the classifier never says {', '.join(unsaid)}: these objects count as missed"
        )
    n_silent = int((stream.has_crop & ~known).sum())
    if n_silent:
        notes.append(
            f"{n_silent} crops that count neither way have no answer: alarms of theirs are not told"
        )
    return tuple(notes)
