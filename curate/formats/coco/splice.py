"""Changing single values and records of a JSON file while every other byte stays as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from curate.formats.coco.document import Document, span_arrays
from curate.sources import Body

Edit = tuple[int, int, bytes]  # bytes [start, end) give way to the text

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ASCII = bytes(range(128)) + b"?" * 128
_PARTS = msgspec.json.Decoder(list[msgspec.Raw])


def apply_edits(body: Body, edits: Sequence[Edit]) -> bytes:
    """The body with each span replaced; spans do not overlap, insertions have start = end."""
    parts: list[bytes] = []
    at = 0
    # An insertion at the start of a removed span goes first.
    for start, end, text in sorted(edits, key=lambda edit: (edit[0], edit[1])):
        parts += [body[at:start], text]
        at = end
    parts.append(body[at:])
    return b"".join(parts)


def field_edits(document: Document, start: int, end: int, values: dict[str, object]) -> list[Edit]:
    """Edits that set keys of the record [start, end): in their place, or at its end when absent."""
    text, fields = _fields(document, start, end)
    names = list(fields)
    starts, ends = span_arrays([fields[name] for name in names], text)
    at = {name: (int(s), int(e)) for name, s, e in zip(names, starts, ends, strict=True)}
    edits: list[Edit] = []
    fresh: list[str] = []
    for name, value in values.items():
        if name in at:
            edits.append((start + at[name][0], start + at[name][1], _json(value)))
        else:
            fresh.append(f"{json.dumps(name)}: {_json(value).decode()}")
    if fresh:
        # After the last value, before the white space that precedes the closing brace.
        last = start + max((e for _, e in at.values()), default=text.index(b"{") + 1)
        comma = ", " if at else ""
        edits.append((last, last, (comma + ", ".join(fresh)).encode()))
    return edits


def bbox_edits(
    document: Document, start: int, end: int, numbers: Mapping[int, float | int]
) -> list[Edit]:
    """Edits that set numbers of the record's `bbox` by their position, all others untouched.

    A `bbox` that is no array of four gets the numbers it can get: all four, or none.
    """
    text, fields = _fields(document, start, end)
    raw = fields.get("bbox")
    try:
        parts = [] if raw is None else _PARTS.decode(raw)
    except msgspec.DecodeError:
        parts = []
    if len(parts) != 4:
        whole = [numbers[at] for at in sorted(numbers)]
        return field_edits(document, start, end, {"bbox": whole}) if len(whole) == 4 else []
    starts, ends = span_arrays(parts, text)
    return [
        (start + int(starts[at]), start + int(ends[at]), _json(value))
        for at, value in sorted(numbers.items())
    ]


def _fields(document: Document, start: int, end: int) -> tuple[bytes, dict[str, msgspec.Raw]]:
    """The record [start, end) as text of that length, and its fields as views into it."""
    text = document.text[start:end]
    try:
        return text, _FIELDS.decode(text)
    except UnicodeDecodeError:
        # A key that is no UTF-8 text: none of ours, so that any letters may stand for it.
        text = text.translate(_ASCII)
        return text, _FIELDS.decode(text)


def array_edits(
    document: Document, field: str | None, keep: np.ndarray[Any, Any], added: Sequence[object]
) -> list[Edit]:
    """Edits that take records out of an array and put new ones at its end.

    Parameters
    ----------
    document
        The document.
    field
        Name of the top-level array; None for the document itself.
    keep
        (N,) bool: which of its records stay.
    added
        JSON values to append.
    """
    records = document.records(field)
    new = ", ".join(_json(value).decode() for value in added).encode()
    if records is None:
        return _new_array(document, str(field), new) if added else []
    starts, ends = records.starts, records.ends
    edits: list[Edit] = []
    n = len(starts)
    gone = ~keep
    first = np.flatnonzero(gone & ~np.concatenate(([False], gone[:-1])))
    last = np.flatnonzero(gone & ~np.concatenate((gone[1:], [False])))
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        if b + 1 < n:
            edits.append((int(starts[a]), int(starts[b + 1]), b""))
        else:
            edits.append((int(ends[a - 1] if a else starts[0]), int(ends[b]), b""))
    if added:
        stay = np.flatnonzero(keep)
        if len(stay):
            at = int(ends[stay[-1]])
            edits.append((at, at, b", " + new))
        else:
            at = int(starts[0]) if n else _inside(document, field)
            edits.append((at, at, new))
    return edits


def _inside(document: Document, field: str | None) -> int:
    raw = document.raw if field is None else document.fields[field]
    start = int(span_arrays([raw], document.text)[0][0])
    return document.text.find(b"[", start) + 1


def _new_array(document: Document, field: str, new: bytes) -> list[Edit]:
    at = document.text.rfind(b"}")
    comma = b", " if document.fields else b""
    return [(at, at, comma + json.dumps(field).encode() + b": [" + new + b"]")]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
