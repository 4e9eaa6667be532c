"""Decisions as files: Parquet, and CSV with ids as 16 hex digits."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import Place, TableError, UsageError, quote
from curate.folders import write_file
from curate.review.decisions import DECISION_COLUMNS, ID_OF, decisions_table
from curate.tables import from_arrow, hex_ids, make_table, to_arrow

FILE = "decisions.parquet"
ENDINGS = (".parquet", ".csv")
_PARQUET = b"PAR1"  # the first bytes of every Parquet file (format specification, "File format")
_HEX = re.compile("[0-7][0-9a-f]{15}")
_IDS = frozenset(ID_OF.values())
_NEEDED = ("subject", "verdict")
_MEND = "give a decisions file: .parquet, or .csv with a head"


def write_decisions(decisions: pd.DataFrame, path: Path) -> None:
    """Writes decisions as the ending says (.parquet or .csv), whole or not at all.

    Rows keep their order: of two decisions of one time the later row holds.

    Raises
    ------
    UsageError
        For another ending.
    OutputError
        When it cannot be written.
    """
    if path.suffix.lower() == ".csv":
        write_file(path, _csv(decisions))
    elif path.suffix.lower() == ".parquet":
        sink = io.BytesIO()
        pq.write_table(to_arrow(decisions, DECISION_COLUMNS), sink, compression="zstd")
        write_file(path, sink.getvalue())
    else:
        raise UsageError(
            f"has the ending {quote(path.suffix)}, should have {' or '.join(ENDINGS)}",
            place=Place(str(path)),
            mend=f"call it {FILE}",
        )


def _csv(decisions: pd.DataFrame) -> bytes:
    # Not by `map`: where some are null, pandas 3.0 takes the others through float64.
    texts = {
        name: hex_ids(decisions[name].fillna(0).to_numpy(np.int64), _is_known(decisions[name]))
        for name in sorted(_IDS)
    }
    return decisions.assign(**texts).to_csv(index=False, lineterminator="\n").encode()


def _is_known(column: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return column.notna().to_numpy(bool)


def read_decisions(paths: Sequence[Path], names: Iterable[str] | None = None) -> pd.DataFrame:
    """The decisions of some files, one after the other; columns `DECISION_COLUMNS`.

    Parameters
    ----------
    paths
        Parquet or CSV, told by content. CSV needs the columns subject and verdict; those that are
        left out, and empty cells, are null.
    names
        What the files are called in messages; None: their paths.

    Raises
    ------
    UsageError
        For a file that cannot be read or is no table of decisions, and for the first row of one
        that is no decision, with file and line (CSV) or row, from 1 (Parquet).
    """
    called = [str(path) for path in paths] if names is None else names
    tables = [_read(path, name) for path, name in zip(paths, called, strict=True)]
    told = [table for table in tables if len(table)]
    return pd.concat(told, ignore_index=True) if told else make_table(DECISION_COLUMNS, 0, {})


def _read(path: Path, name: str) -> pd.DataFrame:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror or error}", place=Place(name), mend=_MEND
        ) from error
    return _from_parquet(body, name) if body.startswith(_PARQUET) else _from_csv(body, name)


def _from_parquet(body: bytes, name: str) -> pd.DataFrame:
    try:
        table = from_arrow(pq.read_table(io.BytesIO(body)), DECISION_COLUMNS)
    except (OSError, pa.ArrowException, TableError) as error:
        raise UsageError(
            f"is no table of decisions: {error}", place=Place(name), mend=_MEND
        ) from error
    values = {column: table[column] for column in DECISION_COLUMNS}
    return decisions_table(len(table), values, lambda row: Place(name, id=f"row {row + 1}"))


def _from_csv(body: bytes, name: str) -> pd.DataFrame:
    try:
        reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        _refuse_head(reader.fieldnames or (), name)
        # A cell may hold line feeds: a row begins after the one before it.
        starts = [reader.line_num + 1]
        rows = []
        for row in reader:
            rows.append((starts[-1], row))
            starts.append(reader.line_num + 1)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"is no CSV: {error}", place=Place(name), mend=_MEND) from error
    for line, row in rows:
        if None in row or None in row.values():
            n_cells = len(reader.fieldnames or ())
            raise UsageError(
                f"has more or fewer cells than the head, should have {n_cells}",
                place=Place(name, line),
                mend="correct the commas and quotation marks",
            )
    values = {
        column: [_cell(row[column], column, Place(name, line)) for line, row in rows]
        for column in reader.fieldnames or ()
    }
    return decisions_table(len(rows), values, lambda row: Place(name, rows[row][0]))


def _refuse_head(head: Sequence[str], name: str) -> None:
    """Refuses columns that there are not, that stand twice, and a head without the needed ones."""
    place = Place(name, 1)
    for column in head:
        if column not in DECISION_COLUMNS:
            near = get_close_matches(column, list(DECISION_COLUMNS), n=1)
            known = f"use {', '.join(DECISION_COLUMNS)}"
            raise UsageError(
                f"there is no column {quote(column)}",
                place=place,
                mend=f"did you mean {near[0]!r}?" if near else known,
            )
    missing = [column for column in _NEEDED if column not in head]
    if missing or len(set(head)) < len(head):
        what = f"has no column {missing[0]}" if missing else "has a column twice"
        raise UsageError(f"{what}, should have one", place=place, mend=_MEND)


def _cell(text: str, column: str, place: Place) -> str | int | float | None:
    """The value of a cell; None where it is empty."""
    dtype = DECISION_COLUMNS[column].dtype
    if not text or dtype == "str":
        return text or None
    if column in _IDS:
        if not _HEX.fullmatch(text):
            raise UsageError(
                f"{column} is {quote(text)}, should be 16 hex digits of 63 bits",
                place=place,
                mend="take it from `curate audit --json` or --format csv",
            )
        return int(text, 16)
    number = _number(text, is_whole=dtype == "Int64")
    if number is None:
        kind = "a whole number" if dtype == "Int64" else "a number"
        raise UsageError(
            f"{column} is {quote(text)}, should be {kind}", place=place, mend="correct it"
        )
    return number


def _number(text: str, *, is_whole: bool) -> int | float | None:
    """The finite number of a text; None where it is none, or beyond 64 bits."""
    try:
        number = int(text) if is_whole else float(text)
    except ValueError:
        return None
    return number if abs(number) < 1 << 63 else None
