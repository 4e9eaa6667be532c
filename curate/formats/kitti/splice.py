"""The edits that bring changed columns into the bytes of one KITTI label file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curate.formats.kitti.make import (
    BOX_COLUMNS,
    DONT_CARE,
    LACK,
    ONE_TYPE,
    edge_text,
    grade_text,
    held_attributes,
    is_ignored,
    is_rounded,
    line_text,
    made_losses,
    score_text,
    share_text,
    type_text,
    value_losses,
)
from curate.formats.kitti.parse import COLUMNS
from curate.formats.kitti.read import check_text
from curate.formats.per_image import BoxRow, Change, FileChanges, is_known
from curate.formats.reading import TextError
from curate.formats.writing import Lost

_TOKEN = re.compile(rb"[^ \t\n\r\x0b\x0c]+")
_EDGE_COLUMNS = {"x1": "left", "y1": "top", "x2": "right", "y2": "bottom"}
_SHAPE = "KITTI has boxes only: every whole line is read as one"
_AS_IT_WAS = "the line has too few or too many columns: it is left as it was"


def splice(body: bytes, changes: FileChanges, lost: Lost) -> bytes:
    """The file with the changes in it and every other byte as it was.

    `lost` counts the changes that KITTI has no place for.
    """
    edits: list[tuple[int, int, bytes]] = []
    for start, end in changes.removed:
        after = body.find(b"\n", end) + 1 or len(body)
        edits.append((start, after, b""))
    for (start, end), change in changes.changed.items():
        edits.append((start, end, _changed_line(body[start:end], change, lost)))
    for start, end, new_bytes in sorted(edits, reverse=True):
        body = body[:start] + new_bytes + body[end:]
    if not changes.added:
        return body
    try:
        check_text(body, "")
    except TextError:
        lost["boxes", "added to a file that is no UTF-8 text"] += len(changes.added)
        return body
    return _append(body, changes.added, lost)


def _append(body: bytes, added: list[BoxRow], lost: Lost) -> bytes:
    newline = b"\r\n" if b"\r\n" in body else b"\n"
    has_score = any(row.score is not None for row in added) or any(
        len(line.split()) == 16 for line in body.split(b"\n")
    )
    for row in added:
        lost.update(made_losses(row, has_score=has_score))
    lines = [line_text(row, has_score=has_score).encode() for row in added]
    if body and not body.endswith(b"\n"):
        return newline.join([body, *lines])
    return body + b"".join(line + newline for line in lines)


def _changed_line(line: bytes, change: Change, lost: Lost) -> bytes:
    spans = [match.span() for match in _TOKEN.finditer(line)]
    if len(spans) not in (14, 15, 16) or (len(spans) == 14 and change.old.shape != "box"):
        return _whole_line(line, change, lost)
    if len(spans) == 14:
        # The occlusion that is not there, as an empty token behind the truncation.
        spans.insert(2, (spans[1][1], spans[1][1]))
    texts = _new_tokens(line, spans, change)
    lost.update((f"boxes.{name}", why) for name, why in _losses(change, texts))
    for name in sorted(texts, key=COLUMNS.index, reverse=True):
        index, text = COLUMNS.index(name), texts[name].encode()
        start, end = spans[index] if index < len(spans) else (spans[-1][1], spans[-1][1])
        if not text:
            start = spans[index - 1][1]
        elif start == end:
            text = b" " + text
        line = line[:start] + text + line[end:]
    return line


def _whole_line(line: bytes, change: Change, lost: Lost) -> bytes:
    """The line of an object whose own line cannot be read, as far as the columns give one."""
    new = change.new
    if new.label is None or not all(map(is_known, new.edges)):
        lost.update((f"boxes.{name}", _AS_IT_WAS) for name in change.columns)
        return line
    texts = dict(zip(_EDGE_COLUMNS.values(), map(_plain_edge, new.edges), strict=True))
    whys = dict(_losses(change, texts))
    if is_ignored(new):
        bare = change.columns & {"truncated", "occluded", "attributes"}
        whys |= dict.fromkeys(bare, "ignored: a DontCare has nothing but its box")
    lost.update((f"boxes.{name}", why) for name, why in whys.items())
    return line_text(new, has_score=new.score is not None).encode()


def _plain_edge(edge: float | None) -> str:
    return edge_text(edge or 0.0)


def _losses(change: Change, texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The changed columns whose new values are not in the line with these tokens, and why."""
    columns, new = change.columns, change.new
    for name in columns - BOX_COLUMNS:
        yield name, "a box stays in the file of its image" if name == "image_id" else LACK
    if "shape" in columns and new.shape != "box":
        yield "shape", _SHAPE
    whys = dict(value_losses(new))
    if new.label is None and "label" not in whys:
        whys["label"] = "a line has a type: the old one stays"
    if new.source_label != new.label or new.label is None:
        whys["source_label"] = ONE_TYPE
    # The type tells both, so that a change of one may cost the other.
    touched = columns | ({"label", "role"} if columns & {"label", "role"} else set())
    yield from ((name, why) for name, why in whys.items() if name in touched)
    for (name, token), edge in zip(_EDGE_COLUMNS.items(), new.edges, strict=True):
        if name not in columns:
            continue
        if not is_known(edge):
            yield name, "no finite number of px: the edge is left as it was"
        elif is_rounded(edge or 0.0, texts[token]):
            yield name, "rounded to 0.01 px, or to the decimals that stood there"


def _new_tokens(line: bytes, spans: list[tuple[int, int]], change: Change) -> dict[str, str]:
    """New tokens by KITTI column, "" for one that is to go."""
    columns, new = change.columns, change.new
    texts: dict[str, str] = {}
    if columns & {"label", "role"} and is_ignored(new):
        texts["type"] = DONT_CARE
    elif "label" in columns and new.label is not None:
        texts["type"] = type_text(new.label)
    if "truncated" in columns:
        texts["truncated"] = share_text(new.truncated)
    if "occluded" in columns:
        texts["occluded"] = grade_text(new.occluded)
    for (column, name), edge in zip(_EDGE_COLUMNS.items(), new.edges, strict=True):
        if column in columns and is_known(edge):
            start, end = spans[COLUMNS.index(name)]
            texts[name] = edge_text(edge, max(2, _decimals(line[start:end])))
    if "score" in columns:
        texts["score"] = "" if new.score is None else score_text(new.score)
    if "attributes" in columns:
        texts |= _attribute_tokens(line, spans, new)
    return texts


def _attribute_tokens(line: bytes, spans: list[tuple[int, int]], new: BoxRow) -> dict[str, str]:
    held, _ = held_attributes(new.attributes)
    texts = {}
    for name, token in held.items():
        start, end = spans[COLUMNS.index(name)]
        if not _is_same(token, line[start:end].decode()):
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
