"""The lines of one KITTI tracking file as columns, with the faults of single lines."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from curate.errors import quote
from curate.formats.sequences import (
    Floats,
    Integers,
    NumberLines,
    VideoRows,
    is_twice,
    json_number,
    number_lines,
    twice_fault,
    whole_text,
    with_frames,
)

COLUMNS = (
    "frame", "track_id", "type", "truncated", "occluded", "alpha", "left", "top", "right",
    "bottom", "height", "width", "length", "x", "y", "z", "rotation_y", "score",
)  # fmt: skip
DETECTION_COLUMNS = (
    "frame", "type", "left", "top", "right", "bottom", "score", "height", "width", "length", "x",
    "y", "z", "rotation_y", "alpha",
)  # fmt: skip
TYPES = {1: "Pedestrian", 2: "Car", 3: "Cyclist"}
DONT_CARE = "DontCare"
# Groups of the 3D columns, with what stands there for "nobody said" (devkit, readme.txt).
GROUPS = {
    "alpha": (("alpha",), -10.0),
    "dimensions": (("height", "width", "length"), -1.0),
    "location": (("x", "y", "z"), -1000.0),
    "rotation_y": (("rotation_y",), -10.0),
}
# The label files of the data set have the same numbers for DontCare in another order: measured
# on the 6,692 lines of label_02 0000, 0012, 0013, 0015, 0016, 0017 and 0019.
SHIFTED = (-1000.0, -1000.0, -1000.0, -10.0, -1.0, -1.0, -1.0)
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_JSON_NUMBERS = re.compile(rf"{_NUMBER}(?:,{_NUMBER}){{7}}")
_SHIFTED_COLUMNS = ("height", "width", "length", "x", "y", "z", "rotation_y")


@dataclass(frozen=True)
class _Lines:
    """The lines that have a frame: their numbers by the name of the column."""

    table: NumberLines
    names: tuple[str, ...]
    counts: Integers

    def values(self, name: str) -> Floats:
        """(N,) the numbers of a column, NaN where there is none."""
        if name not in self.names:
            return np.full(len(self.counts), math.nan)
        return self.table.values[:, self.names.index(name)]

    def text(self, row: int, name: str) -> str | None:
        """The text of one column; None when the line is too short."""
        tokens, index = self.table.tokens[row], self.names.index(name)
        return tokens[index].decode(errors="replace").strip() if index < len(tokens) else None


def parse(body: bytes, kind: str, detector: str | None) -> VideoRows:
    """The boxes of a file of UTF-8 text.

    `kind` is labels, results or detections; `detector` is the name of what wrote the latter two,
    None when nothing tells it.
    """
    names = DETECTION_COLUMNS if kind == "detections" else COLUMNS
    separator, texts = (b",", ()) if kind == "detections" else (None, (2,))
    table, homeless = with_frames(number_lines(body, separator, texts, len(names)))
    rows = VideoRows(kind, table.values[:, 0].astype(np.int64), homeless=homeless)
    lines = _Lines(table, names, np.array([len(row) for row in table.tokens], np.int64))
    rows.columns = _columns(lines, kind, detector)
    rows.problems = list(_problems(lines, rows))
    return rows


def _columns(lines: _Lines, kind: str, detector: str | None) -> dict[str, Any]:
    """The columns of the boxes table, without image rows and file."""
    table, n_rows = lines.table, len(lines.counts)
    edges = [lines.values(name) for name in ("left", "top", "right", "bottom")]
    has_box = ~np.any(np.isnan(np.stack(edges)), axis=0)
    labels, source_labels = _types(lines, kind)
    is_object = kind == "labels"
    truncated = lines.values("truncated")
    is_share = (truncated >= 0) & (truncated <= 1)
    grade = np.where(truncated == 2, 1.0, np.where(is_share, truncated, math.nan))
    occluded = lines.values("occluded")
    ids = lines.values("track_id")
    is_id = (ids >= 0) & (ids == np.floor(ids)) & (ids < 2**53)
    return {
        "shape": ["box" if is_whole else "tag" for is_whole in has_box.tolist()],
        "source_label": source_labels,
        "label": labels,
        "role": ["ignore" if label == DONT_CARE else "include" for label in labels],
        "x1": edges[0], "y1": edges[1], "x2": edges[2], "y2": edges[3],
        "score": lines.values("score"),
        "origin": ["human" if is_object else "detector"] * n_rows,
        "track_id": [
            whole_text(value, row[1]) if is_whole else None
            for value, row, is_whole in zip(ids.tolist(), table.tokens, is_id.tolist(), strict=True)
        ],
        "truncated": grade,
        "occluded": np.where(np.isin(occluded, (0, 1, 2, 3)), occluded, math.nan),
        "attributes": _attributes(lines, None if is_object else detector),
        "line": table.line, "start": table.start, "end": table.end,
    }  # fmt: skip


def _types(lines: _Lines, kind: str) -> tuple[list[str | None], list[str | None]]:
    """The classes, and what stands in the file for them."""
    index = lines.names.index("type")
    texts = [
        row[index].decode().strip() if len(row) > index else None for row in lines.table.tokens
    ]
    if kind != "detections":
        return texts, texts
    return [TYPES.get(value) for value in lines.values("type").tolist()], texts


def _attributes(lines: _Lines, detector: str | None) -> list[str | None]:
    """Per line the JSON text of the 3D columns, numbers as in the file, unset ones left out."""
    own = [] if detector is None else [f'"detector": {json.dumps(detector, ensure_ascii=False)}']
    is_set, is_plain = _is_set(lines), _has_all_numbers(lines)
    is_two = (lines.values("truncated") == 2).tolist()
    alpha, first = lines.names.index("alpha"), lines.names.index("height")
    texts: list[str | None] = []
    # Line by line, since the texts differ from line to line.
    for row, tokens in enumerate(lines.table.tokens):
        numbers = [tokens[alpha], *tokens[first : first + 7]] if is_plain[row] else []
        shown = b",".join(numbers).decode()
        if not _JSON_NUMBERS.fullmatch(shown):
            wanted = [alpha, *range(first, first + 7)]
            shown = ",".join(json_number(tokens[index]) or "null" if index < len(tokens) else "null"
                             for index in wanted)  # fmt: skip
        a, h, w, length, x, y, z, turn = shown.split(",")
        has_alpha, has_size, has_place, has_turn = is_set[row]
        parts = [*own, '"truncation": 2'] if is_two[row] else [*own]
        parts += [f'"alpha": {a}'] if has_alpha else []
        parts += [f'"dimensions": [{h}, {w}, {length}]'] if has_size else []
        parts += [f'"location": [{x}, {y}, {z}]'] if has_place else []
        parts += [f'"rotation_y": {turn}'] if has_turn else []
        texts.append(f"{{{', '.join(parts)}}}" if parts else None)
    return texts


def _is_set(lines: _Lines) -> list[list[bool]]:
    """Per line whether each group of 3D columns says something."""
    shifted = np.stack([lines.values(name) for name in _SHIFTED_COLUMNS], axis=1)
    is_shifted = np.all(shifted == SHIFTED, axis=1)
    columns = []
    for group, (names, unset) in GROUPS.items():
        values = np.stack([lines.values(name) for name in names])
        is_unset = np.all((values == unset) | np.isnan(values), axis=0)
        columns.append(~is_unset if group == "alpha" else ~(is_unset | is_shifted))
    flags: list[list[bool]] = np.stack(columns, axis=1).tolist()
    return flags


def _has_all_numbers(lines: _Lines) -> list[bool]:
    names = [name for group, _ in GROUPS.values() for name in group]
    values = np.stack([lines.values(name) for name in names])
    flags: list[bool] = np.all(~np.isnan(values), axis=0).tolist()
    return flags


def _problems(lines: _Lines, rows: VideoRows) -> Iterator[tuple[int, str, str]]:
    """What is wrong with each line, in the order of lines."""
    is_detection = rows.kind == "detections"
    n_columns = (15,) if is_detection else (17, 18)
    names = [name for name in lines.names if name != "type"]
    if not is_detection:
        names.remove("score")
    is_bad = ~np.isin(lines.counts, n_columns)
    is_bad |= np.isnan(np.stack([lines.values(name) for name in names])).any(axis=0)
    is_bad |= lines.values("frame") < 0
    if is_detection:
        is_bad |= ~np.isin(lines.values("type"), list(TYPES))
    else:
        is_bad |= np.isnan(lines.values("score")) & (lines.counts == 18)
        has_none = np.array([track is None for track in rows.columns["track_id"]], bool)
        is_bad |= has_none & (lines.values("track_id") != -1)
        for name in ("truncated", "occluded"):
            is_bad |= np.isnan(rows.columns[name]) & (lines.values(name) != -1)
    twice = is_twice(rows.frames, lines.values("track_id"))
    for index in np.flatnonzero(is_bad | twice).tolist():
        for code, what in _line_problems(lines, index, rows):
            yield index, code, what
        if twice[index]:
            track_id = rows.columns["track_id"][index]
            yield index, "SRC-006", twice_fault(int(rows.frames[index]), track_id)


def _line_problems(lines: _Lines, index: int, rows: VideoRows) -> Iterator[tuple[str, str]]:
    is_detection = rows.kind == "detections"
    count = int(lines.counts[index])
    if is_detection and count != 15:
        yield "SRC-001", f"has {count} columns, should have 15"
    if not is_detection and count not in (17, 18):
        yield "SRC-001", f"has {count} columns, should have 17, or 18 with a score"
    if rows.frames[index] < 0:
        yield "SRC-001", f"has frame {rows.frames[index]}, should be 0 or more"
    for name in lines.names[1:]:
        text = lines.text(index, name)
        value = float(lines.values(name)[index])
        if text is None or (name == "type" and not is_detection):
            continue
        if name == "type" and value not in TYPES:
            legal = ", ".join(f"{key} {word}" for key, word in TYPES.items())
            yield "SRC-004", f"has type {quote(text)}, should be one of {legal}"
        elif name != "type" and value != value:
            yield "SRC-001", f"has {name} {quote(text)}, should be a number"
        elif not _is_legal(name, value, rows, index):
            yield "SRC-001", f"has {name} {quote(text)}, should be {_WANTED[name]}"


_WANTED = {
    "track_id": "a whole number, or -1",
    "truncated": "0, 1, 2 or -1",
    "occluded": "0, 1, 2, 3 or -1",
}


def _is_legal(name: str, value: float, rows: VideoRows, index: int) -> bool:
    if name not in _WANTED or value == -1:
        return True
    read = rows.columns[name][index]
    return read is not None and read == read
