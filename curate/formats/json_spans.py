"""Spans of values at any depth of JSON text, and edits of them beyond `json_splice`'s.

Spans are half-open byte offsets into the text of `json_document.open_document`, which has the
length of the file's own bytes, so that edits found in the one fit the other.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa

from curate.formats.json_splice import Edit, json_bytes

Span = tuple[int, int]

# An escape in a string; the second kind is half of a surrogate pair that is not there.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_ASCII = bytes(range(128)) + b"?" * 128
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PARTS = msgspec.json.Decoder(list[msgspec.Raw])
# What decoding of text from outside may raise.
BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def member_spans(text: bytes, start: int, end: int) -> dict[str, Span]:
    """The spans of the values of an object [start, end) by key; of equal keys the last counts.

    Raises
    ------
    msgspec.DecodeError, RecursionError
        For text that is no object.
    """
    part = text[start:end]
    try:
        fields = _FIELDS.decode(part)
    except UnicodeDecodeError:
        # A key that is no UTF-8 text: none of ours, so that any letters may stand for it.
        part = part.translate(_ASCII)
        fields = _FIELDS.decode(part)
    return dict(zip(fields, _spans(fields.values(), part, start), strict=True))


def item_spans(text: bytes, start: int, end: int) -> list[Span]:
    """The spans of the items of an array [start, end).

    Raises
    ------
    msgspec.DecodeError, RecursionError
        For text that is no array.
    """
    part = text[start:end]
    return _spans(_PARTS.decode(part), part, start)


def _spans(raws: Iterable[msgspec.Raw], part: bytes, start: int) -> list[Span]:
    base = pa.py_buffer(part).address - start
    spans = []
    for raw in raws:
        at = pa.py_buffer(raw).address - base
        spans.append((at, at + len(memoryview(raw))))
    return spans


def decoded(text: bytes, span: Span) -> Any:  # any JSON value
    """The value of a span; None for what no decoder takes."""
    try:
        return msgspec.json.decode(text[slice(*span)])
    except BROKEN:
        pass
    # Text that is no UTF-8, numbers that msgspec refuses (1e400), half surrogate pairs: U+FFFD.
    loose = text[slice(*span)].decode("utf-8", "replace")
    loose = _ESCAPE.sub(lambda escape: "\\ufffd" if escape[1] else escape[0], loose)
    try:
        return json.loads(loose)
    except (ValueError, RecursionError):
        return None


def is_number(value: object) -> bool:
    """Whether a JSON value is a number, finite as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def number_text(value: float) -> bytes:
    """A finite number in its shortest exact form, whole numbers without a point."""
    is_whole = value == int(value) and abs(value) < 1e15
    return (str(int(value)) if is_whole else repr(float(value))).encode()


def member_edits(text: bytes, span: Span, values: Mapping[str, bytes | None]) -> list[Edit]:
    """Edits that set members of an object to JSON texts (None: that take them out).

    A member that is there is set in its place, another one is put behind the last.
    """
    at = member_spans(text, *span)
    edits: list[Edit] = []
    fresh = []
    for name, value in values.items():
        if name in at and value is not None:
            edits.append((*at[name], value))
        elif value is not None:
            fresh.append(json_bytes(name) + b": " + value)
    gone = {name for name, value in values.items() if value is None and name in at}
    edits += _removed_members(text, span, at, gone)
    if fresh:
        last = max((e for name, (_, e) in at.items() if name not in gone), default=None)
        new = b", ".join(fresh)
        if last is None:
            edits.append((span[0] + 1, span[0] + 1, new))
        else:
            edits.append((last, last, b", " + new))
    return edits


def _removed_members(
    text: bytes, span: Span, at: Mapping[str, Span], gone: Collection[str]
) -> list[Edit]:
    if not gone:
        return []
    order = sorted(at, key=lambda name: at[name])
    first_kept = next((k for k, name in enumerate(order) if name not in gone), len(order))
    edits: list[Edit] = []
    if first_kept:
        # Between the end of a value and the next key there is nothing but a comma and white space.
        begin = text.find(b'"', span[0])
        last = at[order[first_kept - 1]][1]
        end = last if first_kept == len(order) else text.find(b'"', last)
        edits.append((begin, end, b""))
    for k in range(first_kept + 1, len(order)):
        if order[k] in gone:
            edits.append((at[order[k - 1]][1], at[order[k]][1], b""))
    return edits


def item_edits(
    text: bytes, span: Span, gone: Collection[Span], added: Sequence[bytes]
) -> list[Edit]:
    """Edits that take items out of an array and put JSON texts at its end, in its own manner."""
    items = item_spans(text, *span)
    kept = [item for item in items if item not in gone]
    edits: list[Edit] = []
    for before, item in pairwise(items):
        if item in gone and kept and before >= kept[0]:
            edits.append((before[1], item[1], b""))
    if items and not kept:
        edits.append((items[0][0], items[-1][1], b""))
    elif items and kept[0] != items[0]:
        edits.append((items[0][0], kept[0][0], b""))
    if added:
        between = text[items[0][1] : items[1][0]] if len(items) > 1 else b", "
        new = between.join(added)
        if kept:
            edits.append((kept[-1][1], kept[-1][1], between + new))
        else:
            at = items[0][0] if items else span[0] + 1
            edits.append((at, at, new))
    return edits
