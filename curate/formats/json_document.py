"""A JSON document cut into records with their byte spans, without building Python objects of them.

msgspec checks the structure of the whole text in one pass (about 1 GB/s) and hands out views of
the records; each record is decoded by whoever needs it, so that one bad record hides no other.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from curate.errors import CurateError, Place, quote
from curate.formats.reading import line_breaks
from curate.sources import Body

BOM = b"\xef\xbb\xbf"
# What Python's json module writes for numbers that JSON does not have.
_NO_JSON = re.compile(rb'"(?:[^"\\]|\\.)*"|-?Infinity|NaN', re.DOTALL)
# An escape in a string; the second kind is half of a pair that is not there.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_AT_BYTE = re.compile(r"\(byte (\d+)\)")
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SPACE_AND_COMMA = set(b", \t\r\n")


class _Coco(msgspec.Struct, gc=False):
    """COCO's arrays cut into records in the same pass that checks the whole text."""

    images: list[msgspec.Raw] | None = None
    annotations: list[msgspec.Raw] | None = None
    categories: list[msgspec.Raw] | None = None
    licenses: list[msgspec.Raw] | None = None


_COCO = msgspec.json.Decoder(_Coco)


class JsonError(CurateError):
    """Raised for text that is no JSON; the reader makes it a finding."""


@dataclass(frozen=True)
class Records:
    """The records of one JSON array: a view and the byte span of each.

    `raws` hold the text for decoding (with NaN and Infinity blanked out, see `fields`); `starts`
    and `ends` are (N,) int64 offsets into the file's own bytes.
    """

    raws: Sequence[msgspec.Raw]
    starts: np.ndarray[Any, np.dtype[np.int64]]
    ends: np.ndarray[Any, np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True)
class Document:
    """The top level of a JSON file.

    `body` is the file as it stands; `text` is what is decoded: the same bytes, or a copy of the
    same length in which NaN and Infinity are blanked out. `arrays` are COCO's arrays where all
    of them are arrays or absent. `is_repaired`: whether something was blanked out.
    """

    body: Body
    text: Body
    arrays: dict[str, list[msgspec.Raw]] | None
    is_repaired: bool = False

    @cached_property
    def fields(self) -> dict[str, msgspec.Raw]:
        """The top-level fields of an object; none for an array, or when a key is no text."""
        try:
            return _FIELDS.decode(self.text) if _is_object(self.text) else {}
        except UnicodeDecodeError:
            return {}

    @cached_property
    def raw(self) -> msgspec.Raw:
        """The whole text as one value."""
        raw: msgspec.Raw = msgspec.json.decode(self.text, type=msgspec.Raw)
        return raw

    def has(self, field: str) -> bool:
        """Whether the document is an object with this field."""
        return field in (self.arrays or ()) or field in self.fields

    def records(self, field: str | None) -> Records | None:
        """The records of a top-level field (None: of the document itself).

        None when the field is absent or no array.
        """
        raws = (self.arrays or {}).get(field or "")
        if raws is None:
            raw = self.raw if field is None else self.fields.get(field)
            try:
                raws = None if raw is None else _RAWS.decode(raw)
            except (msgspec.DecodeError, RecursionError):
                raws = None
        if raws is None:
            return None
        starts, ends = span_arrays(raws, self.text, is_whole_array=True)
        return Records(raws, starts, ends)

    def repeated(self) -> dict[str, int]:
        """How often each of COCO's arrays stands at the top level that stands there twice or more.

        A decoder keeps the last of them and loses the others.
        """
        rest = self._without_records()
        suspects = [n for n in _Coco.__struct_fields__ if rest.count(b'"%s"' % n.encode()) > 1]
        if not suspects:
            return {}
        try:
            # The hook's last call is that of the outermost object.
            keys = json.loads(
                rest.decode("utf-8", "replace"),
                object_pairs_hook=lambda pairs: [key for key, _ in pairs],
            )
        except (ValueError, RecursionError):
            return {}
        return {name: keys.count(name) for name in suspects if keys.count(name) > 1}

    def _without_records(self) -> bytes:
        """The text without the records of COCO's arrays, which are nearly all of it."""
        spans = []
        for raws in (self.arrays or {}).values():
            if raws:
                # One by one: what lies between two views would be copied.
                first = span_arrays(raws[:1], self.text)[0]
                last = span_arrays(raws[-1:], self.text)[1]
                spans.append((int(first[0]), int(last[0])))
        parts, at = [], 0
        for start, end in sorted(spans):
            parts.append(self.text[at:start])
            at = end
        return b"".join([*parts, self.text[at:]])

    def lines(self, offsets: Sequence[int] | np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """(N,) int64: lines, from 1, of byte offsets."""
        return np.searchsorted(self._breaks, np.asarray(offsets, np.int64), side="left") + 1

    @cached_property
    def _breaks(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        return line_breaks(self.body)


def views(raws: Sequence[msgspec.Raw]) -> Iterator[memoryview]:
    """The bytes of each record, without copies."""
    return map(memoryview, raws)


def span_arrays(
    raws: Sequence[msgspec.Raw], text: Body, *, is_whole_array: bool = False
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int64]]]:
    """Byte offsets [start, end) of views into `text`, as two (N,) int64 arrays.

    `is_whole_array`: the views are all items of one array, in their order, which is faster.
    """
    n = len(raws)
    lengths = np.fromiter(map(len, views(raws)), np.int64, n)
    if not n:
        return lengths, lengths
    base = pa.py_buffer(text).address
    starts = _evenly_spaced(raws, lengths, text, base) if is_whole_array else None
    if starts is None:
        addresses = (pa.py_buffer(raw).address for raw in raws)
        starts = np.fromiter(addresses, np.int64, n) - base
    return starts, starts + lengths


def _evenly_spaced(
    raws: Sequence[msgspec.Raw], lengths: np.ndarray[Any, Any], text: Body, base: int
) -> np.ndarray[Any, np.dtype[np.int64]] | None:
    """The starts of an array's objects between which the same text stands; None if it does not.

    Asking each view for its address costs ten times as much. It is proven object by object: after
    the end of one come the same comma and white space as after the first, then a brace. That the
    brace is the next object's holds of a whole array only, from which none is left out.
    """
    if len(raws) < 2:
        return None
    first, second = (pa.py_buffer(raw).address - base for raw in raws[:2])
    between = text[first + int(lengths[0]) : second]
    gap = len(between)
    if not 0 < gap < 64 or set(between) - _SPACE_AND_COMMA:
        return None
    starts = np.full(len(raws), first, np.int64)
    starts[1:] += np.cumsum(lengths[:-1] + gap)
    if starts[-1] >= len(text):
        return None
    codes = np.frombuffer(text, np.uint8)
    ends = starts[:-1] + lengths[:-1]
    same = all((codes[ends + at] == char).all() for at, char in enumerate(between))
    return starts if same and (codes[starts] == ord("{")).all() else None


def open_document(body: Body, file: str) -> Document:
    """The top level of a JSON file: an object or an array.

    Raises
    ------
    JsonError
        With file, line and what is wrong, for text that is no JSON.
    """
    text = b"   " + body[len(BOM) :] if body[: len(BOM)] == BOM else body
    try:
        return _open_or_repair(body, text, file)
    except UnicodeDecodeError as error:
        raise JsonError(
            "holds a key that is not UTF-8 text", place=Place(file), mend="save it as UTF-8"
        ) from error
    except RecursionError as error:
        raise JsonError(
            "arrays or objects are nested too deeply to be labels",
            place=Place(file),
            mend="export the file again",
        ) from error


def _open_or_repair(body: Body, text: Body, file: str) -> Document:
    try:
        return _open(body, text)
    except msgspec.DecodeError as first:
        mended = repaired(text[:])
        if mended != text[:]:
            try:
                return replace(_open(body, mended), is_repaired=True)
            except msgspec.DecodeError as error:
                raise _json_error(error, body, file) from error
        raise _json_error(first, body, file) from first


def _open(body: Body, text: Body) -> Document:
    if not _is_object(text):
        msgspec.json.decode(text, type=msgspec.Raw)
        return Document(body, text, None)
    try:
        coco = _COCO.decode(text)
    except (msgspec.ValidationError, UnicodeDecodeError):
        _FIELDS.decode(text)
        return Document(body, text, None)
    found = {name: getattr(coco, name) for name in coco.__struct_fields__}
    return Document(body, text, {name: raws for name, raws in found.items() if raws is not None})


def _is_object(text: Body) -> bool:
    return text[:4096].lstrip()[:1] == b"{"


def repaired(text: bytes) -> bytes:
    """JSON text of the same length whose numbers and strings every decoder takes."""
    return _NO_JSON.sub(_blank, text)


def _blank(match: re.Match[bytes]) -> bytes:
    token = match[0]
    if token.startswith(b'"'):
        # JSON allows half a surrogate pair, msgspec does not: U+FFFD takes its place.
        return _ESCAPE.sub(lambda escape: b"\\ufffd" if escape[1] else escape[0], token)
    # An array where a number belongs: JSON of the same length that no number field accepts.
    return b"[" + b" " * (len(token) - 2) + b"]"


def _json_error(error: msgspec.DecodeError, body: Body, file: str) -> JsonError:
    found = _AT_BYTE.search(str(error))
    offset = int(found[1]) if found else len(body)
    line = body[:offset].count(b"\n") + 1
    near = body[max(offset - 20, 0) : offset + 20].decode("utf-8", "replace")
    what = "ends in the middle" if "truncated" in str(error) else f"is malformed near {quote(near)}"
    return JsonError(
        f"the JSON {what} (byte {offset} of {len(body)})",
        place=Place(file, line),
        mend="download or export the file again",
    )


def loose(body: Body, start: int, end: int) -> Any:  # any JSON value
    """One record as Python values, by the standard library, which takes NaN and Infinity.

    None for a record that cannot be decoded at all.
    """
    try:
        return json.loads(body[start:end].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


@contextmanager
def bulk() -> Iterator[None]:
    """A block without cyclic garbage collection: a million new records would be walked in vain."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
