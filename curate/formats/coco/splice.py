"""Changing single numbers of a COCO record's `bbox`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from curate.formats.json_document import Document, span_arrays
from curate.formats.json_splice import Edit, field_edits, json_bytes, record_fields

_PARTS = msgspec.json.Decoder(list[msgspec.Raw])


def bbox_edits(
    document: Document, start: int, end: int, numbers: Mapping[int, float | int]
) -> list[Edit]:
    """Edits that set numbers of the record's `bbox` by their position, all others untouched.

    A `bbox` that is no array of four gets the numbers it can get: all four, or none.
    """
    text, fields = record_fields(document, start, end)
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
        (start + int(starts[at]), start + int(ends[at]), json_bytes(value))
        for at, value in sorted(numbers.items())
    ]
