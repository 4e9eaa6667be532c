"""Changing single values and records of a JSON file while every other byte stays as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from curate.formats.json_document import Document, span_arrays
from curate.sources import Body

Edit = tuple[int, int, bytes]  # bytes [start, end) give way to the text

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ASCII = bytes(range(128)) + b"?" * 128


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
    text, fields = record_fields(document, start, end)
    names = list(fields)
    starts, ends = span_arrays([fields[name] for name in names], text)
    at = {name: (int(s), int(e)) for name, s, e in zip(names, starts, ends, strict=True)}
    edits: list[Edit] = []
    fresh: list[str] = []
    for name, value in values.items():
        if name in at:
            edits.append((start + at[name][0], start + at[name][1], json_bytes(value)))
        else:
            fresh.append(f"{json.dumps(name)}: {json_bytes(value).decode()}")
    if fresh:
        # After the last value, before the white space that precedes the closing brace.
        last = start + max((e for _, e in at.values()), default=text.index(b"{") + 1)
        comma = ", " if at else ""
        edits.append((last, last, (comma + ", ".join(fresh)).encode()))
    return edits


def record_fields(document: Document, start: int, end: int) -> tuple[bytes, dict[str, msgspec.Raw]]:
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
    if records is None:
        new = b", ".join(map(json_bytes, added))
        return _new_array(document, str(field), new) if added else []
    inside = _inside(document, field)
    return list_edits((records.starts, records.ends), keep, added, inside)


def list_edits(
    spans: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]],
    keep: np.ndarray[Any, Any],
    added: Sequence[object],
    inside: int,
) -> list[Edit]:
    """Edits that take items out of a list and put new ones at its end.

    `spans` are the starts and ends of its items, (N,) int64 byte offsets, `keep` says which stay,
    `added` are JSON values, and `inside` is the byte after the opening bracket.
    """
    starts, ends = spans
    new = b", ".join(map(json_bytes, added))
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
            at = int(starts[0]) if n else inside
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


def json_bytes(value: object) -> bytes:
    """A JSON value as UTF-8 text on one line."""
    return json.dumps(value, ensure_ascii=False).encode()
