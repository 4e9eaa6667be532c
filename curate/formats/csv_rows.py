"""Records of CSV files with a header: what the readers and writers of such tables share.

Form: RFC 4180 (commas; a field with a comma, a quote or a line break is quoted, quotes in it
doubled), UTF-8, LF or CRLF. What does not keep to that costs its own record only: a quote that is
never closed is a character like others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.formats.reading import HEAD_BYTES, text_lines

# A quoted part, then what follows it up to the comma (which no writer of CSV puts there).
_FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)")?([^,]*)')
_FIELD_BYTES = re.compile(_FIELD.pattern.encode())
_TO_QUOTE = re.compile('[",\r\n]|^ | $|^\ufeff')
# `0,25`, as spreadsheets of many countries write a quarter.
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its first line from 1, its span in bytes without line end, and its fields.

    `fields` is None when the bytes are not UTF-8 text.
    """

    line: int
    start: int
    end: int
    fields: list[str] | None


@dataclass(frozen=True)
class Table:
    """The header's names and the records after it; blank lines are left out."""

    header: list[str]
    records: list[Record]


def split_fields(text: str) -> list[str]:
    """The fields of a record without its line end.

    Examples
    --------
    >>> split_fields('a,"b ""c"", d",')
    ['a', 'b "c", d', '']
    """
    if '"' not in text:
        return text.split(",")
    fields, place = [], 0
    while True:
        match = _FIELD.match(text, place)
        assert match is not None, "the pattern fits the empty text"
        quoted, rest = match.groups()
        fields.append(rest if quoted is None else quoted.replace('""', '"') + rest)
        if match.end() == len(text):
            return fields
        place = match.end() + 1


def field_spans(record: bytes) -> list[tuple[int, int]]:
    """The bytes [start, end) of each field in a record, quotes included."""
    spans, place = [], 0
    while True:
        match = _FIELD_BYTES.match(record, place)
        assert match is not None, "the pattern fits the empty text"
        spans.append(match.span())
        if match.end() == len(record):
            return spans
        place = match.end() + 1


def field_text(value: str) -> str:
    """A value as a field: quoted where it has to be."""
    return '"' + value.replace('"', '""') + '"' if _TO_QUOTE.search(value) else value


def header_of(head: bytes) -> list[str]:
    """The names in the first line of a file that is not blank; none when it is no text."""
    for _, _, _, line in text_lines(head[:HEAD_BYTES]):
        if line.strip():
            try:
                return [name.strip() for name in split_fields(line.decode())]
            except UnicodeDecodeError:
                return []
    return []


def read_table(body: bytes) -> Table:
    """The header and the records of a file."""
    records = _records(body)
    first = next(records, None)
    if first is None or first.fields is None:
        return Table([], list(records))
    header = [name.strip() for name in first.fields]
    return Table(header, list(records))


def _records(body: bytes) -> Iterator[Record]:
    lines = text_lines(body)
    n_columns, index = 0, 0
    while index < len(lines):
        number, start, end, raw = lines[index]
        index += 1
        if not raw.strip():
            continue
        if n_columns and raw.count(b'"') % 2:
            # The quote may close on a later line; if that makes no whole record it never does.
            last = _closing(lines, index)
            whole = None if last is None else _decoded(body[start : lines[last][2]])
            if last is not None and whole is not None and len(whole) == n_columns:
                yield Record(number, start, lines[last][2], whole)
                index = last + 1
                continue
        fields = _decoded(raw)
        n_columns = n_columns or len(fields or ())
        yield Record(number, start, end, fields)


def _closing(lines: Sequence[tuple[int, int, int, bytes]], index: int) -> int | None:
    """The first line from `index` on with an odd number of quotes."""
    return next((i for i in range(index, len(lines)) if lines[i][3].count(b'"') % 2), None)


def _decoded(raw: bytes) -> list[str] | None:
    try:
        return split_fields(raw.decode())
    except UnicodeDecodeError:
        return None


def numbers(texts: Sequence[str]) -> tuple[Floats, list[int]]:
    """(N,) float64 of these texts, NaN for empty ones, and the rows that are no finite number."""
    joined = "".join(texts)
    if joined.isascii() and "_" not in joined:
        try:
            quick = np.array([float(text) if text else math.nan for text in texts], np.float64)
        except ValueError:
            pass
        else:
            odd = np.flatnonzero(~np.isfinite(quick))
            bad = [row for row in odd.tolist() if texts[row]]
            quick[bad] = math.nan
            return quick, bad
    values = [number(text) for text in texts]
    bad = [
        row
        for row, (v, text) in enumerate(zip(values, texts, strict=True))
        if v is None and text.strip()
    ]
    return np.array([math.nan if value is None else value for value in values], np.float64), bad


def number(text: str) -> float | None:
    """The finite number that a text writes, with a point or a comma; None for any other."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    # Python's float() also takes 1_000 and digits of other scripts.
    if math.isfinite(value) and text.isascii() and "_" not in text:
        return value
    comma = text.strip()
    return float(comma.replace(",", ".")) if _DECIMAL_COMMA.fullmatch(comma) else None


def has_decimal_comma(text: str) -> bool:
    """Whether a text is a number with a comma for its point."""
    return _DECIMAL_COMMA.fullmatch(text.strip()) is not None


def with_fields(record: bytes, texts: dict[int, str]) -> bytes:
    """The record with other values in some of its columns; all other bytes stay.

    A field that stood in quotes stays in quotes.
    """
    spans = field_spans(record)
    for column in sorted(texts, reverse=True):
        start, end = spans[column]
        text = field_text(texts[column])
        if record[start:end].startswith(b'"') and not text.startswith('"'):
            text = f'"{text}"'
        record = record[:start] + text.encode() + record[end:]
    return record


def columns_of(records: Sequence[Record], n_columns: int) -> list[Sequence[str]]:
    """The fields of whole records, column by column."""
    fields: list[Any] = [record.fields for record in records]
    return list(zip(*fields, strict=True)) if fields else [()] * n_columns
