"""The edits that bring changed columns into the bytes of one KITTI label file."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field

from curate.formats.kitti.make import (
    DONT_CARE,
    PLACEHOLDERS,
    BoxRow,
    edge_text,
    grade_text,
    held_attributes,
    is_grade,
    line_text,
    share_text,
    type_text,
)
from curate.formats.kitti.parse import COLUMNS
from curate.formats.kitti.read import check_text
from curate.formats.reading import TextError

_TOKEN = re.compile(rb"[^ \t\n\r\x0b\x0c]+")
_EDGE_COLUMNS = {"x1": "left", "y1": "top", "x2": "right", "y2": "bottom"}


@dataclass
class FileChanges:
    """What is to be done to one file; lines are named by their span in bytes.

    `changed` maps it to (changed columns, new values, old values).
    """

    changed: dict[tuple[int, int], tuple[frozenset[str], BoxRow, BoxRow]] = field(
        default_factory=dict
    )
    removed: set[tuple[int, int]] = field(default_factory=set)
    added: list[BoxRow] = field(default_factory=list)


def splice(body: bytes, changes: FileChanges, lost: Counter[str]) -> bytes:
    """The file with the changes in it and every other byte as it was.

    `lost` counts, by table column, the changes that KITTI has no place for.
    """
    edits: list[tuple[int, int, bytes]] = []
    for start, end in changes.removed:
        after = body.find(b"\n", end) + 1 or len(body)
        edits.append((start, after, b""))
    for (start, end), (columns, new, old) in changes.changed.items():
        edits.append((start, end, _changed_line(body[start:end], columns, (new, old), lost)))
    for start, end, new_bytes in sorted(edits, reverse=True):
        body = body[:start] + new_bytes + body[end:]
    if not changes.added:
        return body
    try:
        check_text(body, "")
    except TextError:
        lost["boxes"] += len(changes.added)
        return body
    return _append(body, changes.added)


def _append(body: bytes, added: list[BoxRow]) -> bytes:
    newline = b"\r\n" if b"\r\n" in body else b"\n"
    has_score = any(row.score is not None for row in added) or any(
        len(line.split()) == 16 for line in body.split(b"\n")
    )
    lines = [line_text(row, has_score=has_score).encode() for row in added]
    if body and not body.endswith(b"\n"):
        return newline.join([body, *lines])
    return body + b"".join(line + newline for line in lines)


def _changed_line(
    line: bytes, columns: frozenset[str], rows: tuple[BoxRow, BoxRow], lost: Counter[str]
) -> bytes:
    new, old = rows
    spans = [match.span() for match in _TOKEN.finditer(line)]
    left = set(columns)
    if len(spans) not in (14, 15, 16) or (len(spans) == 14 and old.x1 is None):
        return _whole_line(line, left, new, lost)
    if len(spans) == 14:
        # The occlusion that is not there, as an empty token behind the truncation.
        spans.insert(2, (spans[1][1], spans[1][1]))
    texts = _new_tokens(line, spans, new, left)
    lost.update(left)
    for index in sorted(texts, reverse=True):
        start, end = spans[index] if index < len(spans) else (spans[-1][1], spans[-1][1])
        text = texts[index].encode()
        if not text:
            start = spans[index - 1][1]
        elif start == end:
            text = b" " + text
        line = line[:start] + text + line[end:]
    return line


def _whole_line(line: bytes, left: set[str], new: BoxRow, lost: Counter[str]) -> bytes:
    if new.label is None or not all(map(_is_known, new.edges)):
        lost.update(left)
        return line
    return line_text(new, has_score=new.score is not None).encode()


def _new_tokens(
    line: bytes, spans: list[tuple[int, int]], new: BoxRow, left: set[str]
) -> dict[int, str]:
    """New tokens by column index, "" for one that is to go; `left` keeps what has no place."""
    texts: dict[str, str] = {}
    if "label" in left and new.label is not None:
        texts["type"] = type_text(new.label)
        left -= {"label"} if texts["type"] == new.label else set()
    left.discard("source_label")
    if "role" in left and new.role == "ignore":
        texts["type"] = DONT_CARE
        left.discard("role")
        left |= set() if new.label == DONT_CARE else {"label"}
    elif "role" in left and new.role == "include" and new.label != DONT_CARE:
        left.discard("role")
    if "truncated" in left:
        texts["truncated"] = share_text(new.truncated)
    if "occluded" in left:
        texts["occluded"] = grade_text(new.occluded)
        left -= {"occluded"} if is_grade(new.occluded) else set()
    left.discard("truncated")
    for (column, name), edge in zip(_EDGE_COLUMNS.items(), new.edges, strict=True):
        if column in left and edge is not None and _is_known(edge):
            start, end = spans[COLUMNS.index(name)]
            texts[name] = edge_text(edge, max(2, _decimals(line[start:end])))
            left.discard(column)
    if "score" in left and (new.score is not None or len(spans) == 16):
        texts["score"] = "" if new.score is None else repr(float(new.score))
        left.discard("score")
    if "attributes" in left:
        texts |= _attribute_tokens(line, spans, new, left)
    return {COLUMNS.index(name): text for name, text in texts.items()}


def _attribute_tokens(
    line: bytes, spans: list[tuple[int, int]], new: BoxRow, left: set[str]
) -> dict[str, str]:
    held, is_all = held_attributes(new.attributes)
    if is_all:
        left.discard("attributes")
    texts = {}
    for name in ("alpha", "height", "width", "length", "x", "y", "z", "rotation_y"):
        start, end = spans[COLUMNS.index(name)]
        token = held.get(name, PLACEHOLDERS[name])
        old = line[start:end].decode()
        if token != old and not _is_same(token, old):
            texts[name] = token
    return texts


def _is_same(token: str, old: str) -> bool:
    # `-10.00` and `-10` are one value: only a change of value changes bytes.
    try:
        return float(token) == float(old)
    except ValueError:
        return False


def _decimals(token: bytes) -> int:
    # Never so many that a hostile token makes a line of a million digits.
    return min(len(token.rpartition(b".")[2]), 17) if b"." in token else 0


def _is_known(edge: float | None) -> bool:
    return edge is not None and math.isfinite(edge)
