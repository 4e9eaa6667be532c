"""The lines of one MOT file as columns, with the faults of single lines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from curate.errors import quote
from curate.formats.mot.layout import CLASSES
from curate.formats.per_image import EDGES
from curate.formats.sequences import (
    NumberLines,
    VideoRows,
    is_twice,
    json_number,
    number_lines,
    twice_fault,
    whole_text,
    with_frames,
)

COLUMNS = ("frame", "id", "left", "top", "width", "height", "conf", "class", "visibility", "z")
N_COLUMNS = (6, 7, 8, 9, 10)
N_CLASS_COLUMNS = (9, 10)
DEFAULT_CLASS = CLASSES[0]
_UNSET = -1.0


def parse(
    body: bytes, kind: str | None, classes: Sequence[str], detector: str, *, first_px: int = 1
) -> VideoRows:
    """The boxes of a file.

    Parameters
    ----------
    body
        UTF-8 text.
    kind
        `gt` or `det` where the name tells it; None: content does.
    classes
        Names of the classes 1, 2, ...
    detector
        Name of the detector, for files that hold no objects.
    first_px
        The number of the first pixel.
    """
    table, homeless = with_frames(number_lines(body, b",", (), len(COLUMNS)))
    if kind == "det" or not _has_classes(table, len(classes)):
        classes = ()
    if kind is None:
        kind = "gt" if classes else "det" if _has_no_ids(table) else "tracker"
    rows = VideoRows(kind, table.values[:, 0].astype(np.int64), homeless=homeless)
    rows.columns = _columns(table, kind, classes, detector)
    rows.columns |= _edges(table, first_px)
    rows.problems = list(_problems(table, rows, classes))
    return rows


def _has_classes(table: NumberLines, n_classes: int) -> bool:
    """Whether most lines of 9 or more columns have a class and a visible share."""
    visibility = table.values[:, 8]
    is_long = ~np.isnan(visibility)
    is_share = ((visibility >= 0) & (visibility <= 1)) | (visibility == _UNSET)
    fits = table.whole(7, least=1) & (table.values[:, 7] <= n_classes) & is_share
    return bool(fits.sum() * 2 > is_long.sum())


def _has_no_ids(table: NumberLines) -> bool:
    ids = table.values[:, 1]
    return len(ids) > 0 and ids[ids != _UNSET].size == 0


def _columns(
    table: NumberLines, kind: str, classes: Sequence[str], detector: str
) -> dict[str, Any]:
    """The columns of the boxes table, without edges, image rows and file."""
    values, tokens = table.values, table.tokens
    is_object = kind == "gt"
    attributes = _attributes(table, None if is_object else detector, has_classes=bool(classes))
    has_box = ~np.any(np.isnan(values[:, 2:6]), axis=1)
    conf = values[:, 6]
    labels: list[str | None] = [DEFAULT_CLASS] * len(tokens)
    source_labels: list[str | None] = [None] * len(tokens)
    if classes:
        numbers = np.where(table.whole(7, least=1), values[:, 7], 0)
        indexes = np.where(numbers <= len(classes), numbers, 0).astype(int).tolist()
        names = [None, *classes]
        labels = [names[index] for index in indexes]
        source_labels = [_text(row[7]) if len(row) > 7 else None for row in tokens]
    ids = np.where(table.whole(1, least=0), values[:, 1], math.nan).tolist()
    return {
        "shape": ["box" if is_whole else "tag" for is_whole in has_box.tolist()],
        "source_label": source_labels,
        "label": labels,
        "role": ["ignore" if is_object and c == 0 else "include" for c in conf.tolist()],
        "score": np.where(is_object | (conf == _UNSET), math.nan, conf),
        "origin": ["human" if is_object else "detector"] * len(tokens),
        "track_id": [
            None if value != value else whole_text(value, row[1])
            for value, row in zip(ids, tokens, strict=True)
        ],
        "attributes": attributes,
        "line": table.line, "start": table.start, "end": table.end,
    }  # fmt: skip


def _edges(table: NumberLines, first_px: int) -> dict[str, Any]:
    left, top, width, height = table.values[:, 2:6].T
    x1, y1 = left - first_px, top - first_px
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.stack([x1, y1, x1 + width, y1 + height])
    edges[~np.isfinite(edges)] = math.nan
    return dict(zip(EDGES, edges, strict=True))


def _attributes(table: NumberLines, detector: str | None, *, has_classes: bool) -> list[str | None]:
    """Per line the JSON text of what has no column; tokens stay as they are written."""
    own = [] if detector is None else [f'"detector": {json.dumps(detector, ensure_ascii=False)}']
    # Few of them differ: each text is made once.
    made: dict[tuple[bytes, ...], str | None] = {}
    texts = []
    for row in table.tokens:
        rest = tuple(row[7:10])
        if rest not in made:
            parts = own + (_seen(rest) if has_classes else _world(rest))
            made[rest] = f"{{{', '.join(parts)}}}" if parts else None
        texts.append(made[rest])
    return texts


def _seen(rest: tuple[bytes, ...]) -> list[str]:
    parts = []
    for index, name in ((1, "visibility"), (2, "column_10")):
        token = json_number(rest[index]) if len(rest) > index else None
        if token is not None and float(token) != _UNSET:
            parts.append(f'"{name}": {token}')
    return parts


def _world(rest: tuple[bytes, ...]) -> list[str]:
    tokens = [json_number(token) for token in rest]
    if all(token is None or float(token) == _UNSET for token in tokens):
        return []
    return [f'"world": [{", ".join("null" if t is None else t for t in tokens)}]']


def _text(token: bytes) -> str:
    return token.decode(errors="replace").strip()


def _problems(
    table: NumberLines, rows: VideoRows, classes: Sequence[str]
) -> Iterator[tuple[int, str, str]]:
    """What is wrong with each line, in the order of lines."""
    values = table.values
    counts = np.array([len(row) for row in table.tokens], np.int64)
    is_bad = ~np.isin(counts, N_CLASS_COLUMNS if classes else N_COLUMNS)
    is_bad |= np.isnan(values[:, :6]).any(axis=1)
    is_bad |= (np.isnan(values[:, 6]) & (counts > 6)) | (values[:, 0] < 1)
    is_bad |= ~table.whole(1, least=-1)
    if rows.kind == "gt":
        is_bad |= (counts > 6) & ~np.isin(values[:, 6], (0, 1))
    if classes:
        is_bad |= ~(table.whole(7, least=1) & (values[:, 7] <= len(classes)))
        is_bad |= ~((values[:, 8] >= 0) & (values[:, 8] <= 1) | (values[:, 8] == _UNSET))
    twice = is_twice(rows.frames, values[:, 1])
    for index in np.flatnonzero(is_bad | twice).tolist():
        for code, what in _line_problems(table, index, rows, classes):
            yield index, code, what
        if twice[index]:
            track_id = rows.columns["track_id"][index]
            yield index, "SRC-006", twice_fault(int(rows.frames[index]), track_id)


def _line_problems(
    table: NumberLines, index: int, rows: VideoRows, classes: Sequence[str]
) -> Iterator[tuple[str, str]]:
    tokens, values = table.tokens[index], table.values[index]
    if len(tokens) not in (N_CLASS_COLUMNS if classes else N_COLUMNS):
        wanted = "9 or 10" if classes else "7 to 10"
        yield "SRC-001", f"has {len(tokens)} columns, should have {wanted}"
    if values[0] < 1:
        yield "SRC-001", f"has frame {int(values[0])}, should be 1 or more"
    shown = dict(zip(COLUMNS, map(_text, tokens), strict=False))
    is_id = values[1] >= -1 and values[1] == math.floor(values[1])
    if "id" in shown and not is_id:
        yield "SRC-001", f"has id {quote(shown['id'])}, should be a whole number, or -1"
    for column in ("left", "top", "width", "height", "conf"):
        value = values[COLUMNS.index(column)]
        if column in shown and value != value:
            yield "SRC-001", f"has {column} {quote(shown[column])}, should be a number"
        elif column == "conf" and rows.kind == "gt" and column in shown and value not in (0, 1):
            yield "SRC-001", f"has flag {quote(shown[column])}, should be 0 or 1"
    if not classes or "visibility" not in shown:
        return
    if rows.columns["label"][index] is None:
        yield "SRC-004", f"has class {quote(shown['class'])}, should be 1 to {len(classes)}"
    if not (0 <= values[8] <= 1 or values[8] == _UNSET):
        what = quote(shown["visibility"])
        yield "SRC-001", f"has visibility {what}, should be 0 to 1, or -1"
