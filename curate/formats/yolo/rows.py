"""Label text to arrays: all rows of many files at once, odd files one by one.

Files whose bytes are digits, points, signs in front and white space are parsed together; a file
with anything else in it (exponents, words, a byte order mark, a class with a point) goes row by
row, to the same values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import quote
from curate.formats.reading import TextError, decode_text, text_lines
from curate.formats.yolo_rows import MAX_CLASS_DIGITS, NO_CLASS, fraction

# Text that is parsed at once: the arrays over it take about ten times as much.
BLOCK_BYTES = 4 << 20
_THREADS = 2
MIN_COLUMNS = 5
# Tools that save with numpy write 0.000000 for class 0.
_WHOLE = re.compile(rb"-?[0-9]+(?:\.0*)?|null")
_DIGIT, _POINT, _MINUS, _SPACE, _BREAK, _OTHER = range(6)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def _kinds() -> npt.NDArray[np.uint8]:
    table = np.full(256, _OTHER, np.uint8)
    table[ord("0") : ord("9") + 1] = _DIGIT
    table[[ord(".")]], table[[ord("-")]], table[[ord("\n")]] = _POINT, _MINUS, _BREAK
    table[[ord(" "), ord("\t"), ord("\r")]] = _SPACE
    return table


_KIND = _kinds()


@dataclass
class Rows:
    """The rows of many files, N of them, in the order of files and lines.

    `file` is the file's place in the order given; `line` counts from 1; `start`, `end` are the
    row's bytes in its file, half-open, without the line end. `values[first : first + count]` are
    its numbers, NaN where a token writes none, the class first. `classes` are class numbers, -1
    where the token is none. `texts` holds the class as written where that is not just the number
    (None: no class at all), `problems` what cannot be read, by row. `no_text` says of files that
    are no text what is wrong, and at which line.
    """

    file: Ints
    line: Ints
    start: Ints
    end: Ints
    first: Ints
    count: Ints
    values: Floats
    classes: Ints
    texts: dict[int, str | None] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)
    no_text: dict[int, tuple[str, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.file)

    def value(self, rows: Ints, column: int) -> Floats:
        """The numbers in one column of some rows; a negative column counts from the end."""
        at = self.first[rows] + column + (self.count[rows] if column < 0 else 0)
        own: Floats = self.values[at]
        return own


def parse_rows(bodies: Sequence[bytes]) -> Rows:
    """The rows of all files; lines without any token are none."""
    blocks = list(_blocks(bodies))
    if len(blocks) == 1:
        return _parse_block(bodies, *blocks[0])
    # numpy lets go of the interpreter while it goes over a block.
    with ThreadPoolExecutor(_THREADS) as pool:
        return _joined(list(pool.map(lambda block: _parse_block(bodies, *block), blocks)))


def _blocks(bodies: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    first, size = 0, 0
    for number, body in enumerate(bodies):
        size += len(body)
        if size >= BLOCK_BYTES:
            yield first, number + 1
            first, size = number + 1, 0
    if first < len(bodies) or not bodies:
        yield first, len(bodies)


def _parse_block(bodies: Sequence[bytes], first: int, last: int) -> Rows:
    rows, odd = _parse_plain(bodies[first:last])
    parts = [rows, *(_parse_odd(bodies[first + number], number) for number in odd)]
    whole = _in_order(_joined(parts)) if odd else rows
    whole.file += first
    whole.no_text = {first + number: what for number, what in whole.no_text.items()}
    return whole


def _parse_plain(bodies: Sequence[bytes]) -> tuple[Rows, list[int]]:
    """The rows of the plain files, and the numbers of the others."""
    text = bytearray(b"\n".join([*bodies, b""]))
    begins = np.zeros(len(bodies) + 1, np.int64)
    np.cumsum([len(body) + 1 for body in bodies], out=begins[1:])
    tokens = _Tokens(np.frombuffer(bytes(text), np.uint8))
    is_odd = np.zeros(len(bodies), np.bool_)
    for places in (tokens.others, tokens.no_numbers(), tokens.no_classes()):
        is_odd[np.searchsorted(begins, places, side="right") - 1] = True
    odd: list[int] = np.flatnonzero(is_odd).tolist()
    for number in odd:
        size = len(bodies[number])
        text[begins[number] : begins[number] + size] = b" " * size
    rows = tokens.rows(begins, is_odd)
    # A blank text has no number, and numpy warns of it.
    rows.values = np.fromstring(bytes(text), sep=" ") if rows.count.sum() else np.zeros(0)
    rows.classes = rows.values[rows.first].astype(np.int64)
    return rows, odd


class _Tokens:
    """Where the tokens of a text are, and in which lines."""

    def __init__(self, text: npt.NDArray[np.uint8]) -> None:
        kinds = _KIND[text]
        is_token = (kinds <= _MINUS) | (kinds == _OTHER)
        # Where tokens and gaps change over: ten times as fast as a difference of numbers.
        changes = np.concatenate([is_token[:1], is_token[1:] != is_token[:-1]])
        edges = np.flatnonzero(changes)
        # The text ends in a line feed, so that every token has an end.
        self.starts, self.ends = edges[::2], edges[1::2]
        self.breaks = np.flatnonzero(kinds == _BREAK)
        self.points = np.flatnonzero(kinds == _POINT)
        self.signs = np.flatnonzero(kinds == _MINUS)
        self.others = np.flatnonzero(kinds == _OTHER)
        line = np.searchsorted(self.breaks, self.starts)
        # Numbers in `starts` of the first tokens of lines, and those lines.
        self.leads = np.flatnonzero(np.diff(line, prepend=-1))
        self.lines = line[self.leads]
        self._text = text

    def no_numbers(self) -> Ints:
        """Places in tokens that are no plain decimals: a sign inside, two points, no digit."""
        points, signs = self.points, self.signs
        of_points = np.searchsorted(self.starts, points, side="right") - 1
        twice = points[1:][of_points[1:] == of_points[:-1]]
        of_signs = np.searchsorted(self.starts, signs, side="right") - 1
        inside = signs[self.starts[of_signs] != signs] if len(signs) else signs
        n_others = np.zeros(len(self.starts), np.int64)
        n_others[of_points] = 1
        n_others[of_signs] += 1
        bare = self.starts[self.ends - self.starts <= n_others]
        places: Ints = np.concatenate([twice, inside, bare])
        return places

    def no_classes(self) -> Ints:
        """Places of first tokens of a line that are not the plain writing of a whole number."""
        starts, ends = self.starts[self.leads], self.ends[self.leads]
        nearest = np.append(self.points, len(self._text))[np.searchsorted(self.points, starts)]
        sizes = ends - starts
        first = self._text[starts]
        has_more = (first == ord("-")) | ((first == ord("0")) & (sizes > 1))
        places: Ints = starts[(nearest < ends) | (sizes > MAX_CLASS_DIGITS) | has_more]
        return places

    def rows(self, begins: Ints, is_odd: npt.NDArray[np.bool_]) -> Rows:
        """The rows of the plain files; values and classes are still to come."""
        starts = np.append(0, self.breaks + 1)[self.lines]
        ends = self.breaks[self.lines]
        ends = ends - (self._text[ends - 1] == ord("\r"))
        file = np.searchsorted(begins, starts, side="right") - 1
        count = np.diff(np.append(self.leads, len(self.starts)))
        keep = ~is_odd[file]
        starts, ends, file, count = starts[keep], ends[keep], file[keep], count[keep]
        first_line = np.searchsorted(self.breaks, begins[file])
        return Rows(
            file=file,
            line=self.lines[keep] - first_line + 1,
            start=starts - begins[file],
            end=ends - begins[file],
            first=np.cumsum(count) - count,
            count=count,
            values=np.zeros(0),
            classes=np.zeros(0, np.int64),
        )


def _parse_odd(body: bytes, number: int) -> Rows:
    """The rows of one file, each token for itself."""
    found = [place for place in text_lines(body) if place[3].strip()]
    tokens = [raw.split() for _, _, _, raw in found]
    parsed = [_values(own) for own in tokens]
    count = np.array([len(own) for own in tokens], np.int64)
    places = np.array([place[:3] for place in found], np.int64).reshape(-1, 3)
    rows = Rows(
        file=np.full(len(found), number, np.int64),
        line=places[:, 0],
        start=places[:, 1],
        end=places[:, 2],
        first=np.cumsum(count) - count,
        count=count,
        values=np.array([value for own in parsed for value in own], np.float64),
        classes=np.full(len(found), -1, np.int64),
    )
    is_row = (
        _WHOLE.fullmatch(own[0]) and len(own) >= MIN_COLUMNS and not np.isnan(values[1:]).any()
        for own, values in zip(tokens, parsed, strict=True)
    )
    what = None if any(is_row) else _no_text(body)
    if what is not None:
        empty = _joined([])
        empty.no_text[number] = what
        return empty
    for row, own in enumerate(tokens):
        _set_class(rows, row, own[0])
        if row not in rows.problems and np.isnan(parsed[row][1:]).any():
            bad = own[1 + int(np.flatnonzero(np.isnan(parsed[row][1:]))[0])]
            rows.problems[row] = f"{_shown(bad)} is no finite number, should be a fraction"
    return rows


def _values(tokens: list[bytes]) -> list[float]:
    values = map(fraction, tokens)
    return [np.nan if value is None else value for value in values]


def _set_class(rows: Rows, row: int, token: bytes) -> None:
    if _WHOLE.fullmatch(token) is None:
        rows.texts[row] = None
        rows.problems[row] = f"class {_shown(token)}, should be a whole number"
        return
    text = token.decode("ascii")
    digits = text.partition(".")[0]
    if text not in NO_CLASS and len(digits) <= MAX_CLASS_DIGITS and not digits.startswith("-"):
        rows.classes[row] = int(digits)
    if text != str(rows.classes[row]):
        rows.texts[row] = text


def _shown(token: bytes) -> str:
    return quote(token.decode("utf-8", "replace"))


def _no_text(body: bytes) -> tuple[str, int] | None:
    """What makes a file no text, and the line of it; None for text."""
    try:
        text, _ = decode_text(body, "")
    except TextError as error:
        return error.what, (error.place.line or 1) if error.place else 1
    if "\0" in text:
        return "holds NUL bytes", body.count(b"\n", 0, max(body.find(b"\0"), 0)) + 1
    return None


def _joined(parts: Sequence[Rows]) -> Rows:
    """The rows of several parts one after the other."""
    if len(parts) == 1:
        return parts[0]
    names = ("file", "line", "start", "end", "first", "count", "classes")
    none: Ints = np.zeros(0, np.int64)
    columns: dict[str, Any] = {  # int64 arrays
        name: np.concatenate([none, *(getattr(part, name) for part in parts)]) for name in names
    }
    values = np.concatenate([np.zeros(0), *(part.values for part in parts)])
    whole = Rows(**columns, values=values)
    n_rows, n_values = 0, 0
    for part in parts:
        whole.first[n_rows : n_rows + len(part)] += n_values
        whole.texts |= {n_rows + row: text for row, text in part.texts.items()}
        whole.problems |= {n_rows + row: what for row, what in part.problems.items()}
        whole.no_text |= part.no_text
        n_rows, n_values = n_rows + len(part), n_values + len(part.values)
    return whole


def _in_order(rows: Rows) -> Rows:
    """The rows sorted by file; those of one file are in order already."""
    order = np.argsort(rows.file, kind="stable")
    for name in ("file", "line", "start", "end", "first", "count", "classes"):
        setattr(rows, name, getattr(rows, name)[order])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    rows.texts = {int(place[row]): text for row, text in rows.texts.items()}
    rows.problems = {int(place[row]): what for row, what in rows.problems.items()}
    return rows
