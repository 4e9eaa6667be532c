"""What formats of video sequences share: images frame by frame, their rows, lines of numbers."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Sequence as Many
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from curate.assembly import Fault, Gathered
from curate.errors import CurateError, Place, quote
from curate.formats.reading import Files, TextError, decode_text, text_lines

Integers = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
# Nine hours at 30 frames per second: a longer sequence is a slip, and would fill the memory.
MAX_FRAMES = 1_000_000
MAX_FRAME_NUMBER = 2**53
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_CORRECT = "correct the line, or export again from the tool that wrote it"
_RESTORE = "restore the file from a backup"


@dataclass
class Sequence:
    """One video: the names of its pictures are `prefix`, six digits and `ending`.

    `size_wh` is in px, `frames` the numbers of all frames that are known, in parts; `objects`
    those with a record in a label file. `label_file` is the file with the objects (None: nobody
    said), `is_unreadable` says that it cannot be read.
    """

    name: str
    prefix: str
    ending: str
    size_wh: tuple[int | None, int | None] = (None, None)
    declares_size: bool = False
    label_file: str | None = None
    other_file: str | None = None
    is_unreadable: bool = False
    frames: list[Integers] = field(default_factory=list)
    objects: list[Integers] = field(default_factory=list)


class Frames:
    """The images of sequences, in the order of sequences and frames."""

    def __init__(self, sequences: Many[Sequence]) -> None:
        self._numbers: dict[int, Integers] = {}
        self._first: dict[int, int] = {}
        self.n_images = 0
        self.columns: dict[str, list[Any]] = {  # values of many types
            name: []
            for name in (
                "image_name", "width", "height", "declared_width", "declared_height", "group",
                "frame", "label_state", "file",
            )
        }  # fmt: skip
        for sequence in sequences:
            self._add(sequence)

    def rows(self, sequence: Sequence, frames: Integers) -> Integers:
        """(N,) the image rows of frames of a sequence that were among its `frames`."""
        found = np.searchsorted(self._numbers[id(sequence)], frames)
        return found.astype(np.int64) + self._first[id(sequence)]

    def first_row(self, sequence: Sequence) -> int | None:
        """The row of the first image of a sequence; None when it has none."""
        has_images = len(self._numbers[id(sequence)]) > 0
        return self._first[id(sequence)] if has_images else None

    def _add(self, sequence: Sequence) -> None:
        empty = np.zeros(0, np.int64)
        numbers = np.unique(np.concatenate([empty, *sequence.frames]))
        objects = np.unique(np.concatenate([empty, *sequence.objects]))
        self._numbers[id(sequence)], self._first[id(sequence)] = numbers, self.n_images
        n_frames = len(numbers)
        self.n_images += n_frames
        frames = numbers.tolist()
        if sequence.is_unreadable:
            states = ["unreadable"] * n_frames
        elif sequence.label_file is None:
            states = ["missing"] * n_frames
        else:
            is_present = np.isin(numbers, objects, assume_unique=True).tolist()
            states = ["present" if is_there else "empty" for is_there in is_present]
        width, height = sequence.size_wh
        declared = sequence.size_wh if sequence.declares_size else (None, None)
        values = {
            "image_name": [f"{sequence.prefix}{n:06d}{sequence.ending}" for n in frames],
            "frame": frames,
            "label_state": states,
        } | {
            name: [value] * n_frames
            for name, value in (
                ("width", width), ("height", height), ("declared_width", declared[0]),
                ("declared_height", declared[1]), ("group", sequence.name),
                ("file", sequence.label_file or sequence.other_file),
            )
        }  # fmt: skip
        for name, column in self.columns.items():
            column += values[name]


@dataclass
class VideoRows:
    """The boxes of one file of a sequence.

    `kind` says what the file holds, `frames` has the frame of each box, `columns` are those of the
    boxes table but image rows and file. `problems` are (box row, code, what is and should be),
    `homeless` (line, what) of lines without a frame that could be read.
    """

    kind: str
    frames: Integers
    columns: dict[str, Any] = field(default_factory=dict)  # columns that make_table takes
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    homeless: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Videos:
    """What is read of the files of sequences: their bytes, rows and faults."""

    of_file: dict[str, Sequence]
    kept: dict[str, bytes] = field(default_factory=dict)
    rows: dict[str, VideoRows] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    _unread: list[tuple[Sequence, Fault]] = field(default_factory=list)

    def text(self, files: Files, name: str) -> bytes | None:
        """The bytes of a file, which are kept; None, with a fault, when they are no text."""
        try:
            self.kept[name] = body = files.read(name)
            check_text(body, name)
        except CurateError as error:
            line = error.place.line if error.place and error.place.line else 1
            fault = Fault("SRC-002", error.what, error.mend or _RESTORE, name, line)
            if name in self.of_file:
                self._unread.append((self.of_file[name], fault))
            else:
                self.faults.append(fault)
            return None
        return body

    def gathered(self, format_name: str) -> Gathered:
        """All of it, with the images of the sequences that have files."""
        sequences = {id(sequence): sequence for sequence in self.of_file.values()}
        frames = Frames(list(sequences.values()))
        for sequence, fault in self._unread:
            first = frames.first_row(sequence)
            images = () if first is None else (first,)
            self.faults.append(replace(fault, images=images))
        boxes: dict[str, list[Any]] = {}  # values of many types
        n_boxes = 0
        for name, rows in self.rows.items():
            image_rows = frames.rows(self.of_file[name], rows.frames).tolist()
            columns = rows.columns | {"image_row": image_rows, "file": [name] * len(image_rows)}
            for column, values in columns.items():
                boxes.setdefault(column, []).extend(
                    values.tolist() if isinstance(values, np.ndarray) else values
                )
            self.faults += _line_faults(name, rows, image_rows, n_boxes)
            n_boxes += len(image_rows)
        lines = np.asarray(boxes.get("line", []), np.int64)
        # Lines of two files over one image may have one number.
        is_shared = len(sequences) < len(self.of_file)
        places = zip(boxes.get("file", []), lines.tolist(), strict=True)
        return Gathered(
            n_images=frames.n_images,
            n_boxes=n_boxes,
            images=frames.columns,
            boxes={**boxes, "source_id": lines},
            faults=self.faults,
            files={**self.kept},
            formats={name: format_name for name in self.of_file if name in self.kept},
            box_tokens=[f"{file}:{line}" for file, line in places] if is_shared else None,
        )


def _line_faults(name: str, rows: VideoRows, image_rows: list[int], first: int) -> list[Fault]:
    lines = rows.columns["line"]
    faults = [
        Fault(code, what, _CORRECT, name, int(lines[index]), str(lines[index]),
              images=(image_rows[index],), boxes=(first + index,))
        for index, code, what in rows.problems
    ]  # fmt: skip
    for line, what in rows.homeless:
        place = {"image": None, "file": name, "line": line, "source_id": str(line)}
        faults.append(Fault("SRC-001", what, _CORRECT, name, line, str(line), places=(place,)))
    return faults


def is_twice(frames: Integers, ids: Floats) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(N,) whether an earlier line has the same frame and track; below 0 and NaN are no track."""
    twice: np.ndarray[Any, np.dtype[np.bool_]] = np.zeros(len(ids), bool)
    tracked = np.flatnonzero(ids >= 0)
    order = tracked[np.lexsort((tracked, ids[tracked], frames[tracked]))]
    same = (np.diff(frames[order]) == 0) & (np.diff(ids[order]) == 0)
    twice[order[1:][same]] = True
    return twice


def twice_fault(frame: int, track_id: str | None) -> str:
    """What is said of the line of an object that a frame has already."""
    return f"is object {track_id} of frame {frame} once more, should be once"


@dataclass(frozen=True)
class NumberLines:
    """The lines of a file that are not blank, and the numbers in them.

    `line` is from 1, `start` and `end` are half-open byte offsets without the line end. `tokens`
    are the texts of each line; `values` is (N, width) float64, NaN for what is no finite number or
    not there.
    """

    line: Integers
    start: Integers
    end: Integers
    tokens: list[list[bytes]]
    values: Floats

    def whole(self, column: int, *, least: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether a column holds a whole number that is not below `least`."""
        values = self.values[:, column]
        # NaN compares as False.
        is_whole: np.ndarray[Any, np.dtype[np.bool_]] = values == np.floor(values)
        return is_whole & (values >= least) & (values <= MAX_FRAME_NUMBER)


def with_frames(table: NumberLines) -> tuple[NumberLines, list[tuple[int, str]]]:
    """The lines whose first column is a whole number, and (line, what is wrong) of the others."""
    has_frame = table.whole(0, least=-MAX_FRAME_NUMBER)
    homeless = []
    for index in np.flatnonzero(~has_frame).tolist():
        token = quote(table.tokens[index][0].decode(errors="replace").strip())
        what = f"has frame {token}, should be a whole number"
        homeless.append((int(table.line[index]), what))
    if not homeless:
        return table, homeless
    kept = np.flatnonzero(has_frame)
    tokens = [table.tokens[index] for index in kept.tolist()]
    columns = (table.line[kept], table.start[kept], table.end[kept], tokens, table.values[kept])
    return NumberLines(*columns), homeless


def number_lines(body: bytes, separator: bytes | None, texts: Many[int], width: int) -> NumberLines:
    """The lines of a text file and their numbers.

    `separator` None is white space; `texts` are the columns that hold text, `width` the number of
    columns that are wanted.
    """
    places: list[tuple[int, int, int]] = []
    tokens: list[list[bytes]] = []
    for line, start, end, raw in text_lines(body):
        row = raw.split(separator)
        if len(row) > 1 or (row and row[0].strip()):
            places.append((line, start, end))
            tokens.append(row)
    numbers = np.array(places, np.int64).reshape(len(places), 3)
    values = np.full((len(tokens), width), math.nan)
    columns = [column for column in range(width) if column not in texts]
    counts = {len(row) for row in tokens}
    if len(counts) == 1 and body.isascii() and b"_" not in body:
        n_columns = counts.pop()
        columns = [column for column in columns if column < n_columns]
    is_filled = len(counts) == 0 and len(tokens) > 0 and _fill_fast(values, tokens, columns)
    if not is_filled:
        _fill(values, tokens, columns)
    values[~np.isfinite(values)] = math.nan
    return NumberLines(numbers[:, 0], numbers[:, 1], numbers[:, 2], tokens, values)


def _fill_fast(values: Floats, tokens: list[list[bytes]], columns: list[int]) -> bool:
    """Fills in the numbers of lines of one length; False when a token is no number."""
    try:
        for column in columns:
            values[:, column] = [float(row[column]) for row in tokens]
    except ValueError:
        return False
    return True


def _fill(values: Floats, tokens: list[list[bytes]], columns: list[int]) -> None:
    # Line by line: the lines differ, or hold what is no number.
    for index, row in enumerate(tokens):
        for column in columns:
            if column < len(row):
                value = number(row[column])
                values[index, column] = math.nan if value is None else value


def number(token: bytes) -> float | None:
    """The number that an ASCII token writes, infinities and NaN included; None for other text."""
    try:
        value = float(token)
    except ValueError:
        return None
    # Python's float() also takes 1_000.
    return None if b"_" in token else value


def check_text(body: bytes, file: str) -> None:
    """Refuses bytes that are no UTF-8 text.

    Raises
    ------
    TextError
        For UTF-16, NUL bytes and bytes that are not UTF-8, with file and line.
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in body:
        raise TextError(
            "is UTF-16 or binary, should be UTF-8 text",
            place=Place(file, body.count(b"\n", 0, max(body.find(b"\0"), 0)) + 1),
            mend="save the file as UTF-8",
        )
    decode_text(body, file)


def is_text(body: bytes) -> bool:
    """Whether bytes are UTF-8 text."""
    try:
        check_text(body, "")
    except TextError:
        return False
    return True


def head_lines(head: bytes, n_bytes: int, n_lines: int) -> list[bytes]:
    """The first lines of a file's head that are not blank; without one that the head cuts."""
    lines = head.removeprefix(codecs.BOM_UTF8).split(b"\n")
    if len(head) == n_bytes and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()][:n_lines]


def json_number(token: bytes) -> str | None:
    """The number as JSON text, as it is written where JSON allows it; None for no finite one."""
    value = number(token)
    if value is None or not math.isfinite(value):
        return None
    text = token.decode().strip()
    return text if _JSON_NUMBER.fullmatch(text) else json.dumps(value)


def whole_text(value: float, token: bytes) -> str:
    """A whole number's text as an id: as it stands when it is plain digits, else without point."""
    text = token.strip()
    return text.decode() if text.isdigit() else str(int(value))
