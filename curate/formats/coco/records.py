"""Decoding COCO's image, annotation, category and result records.

Each record is decoded strictly first (typed, fast). One that does not fit is decoded loosely:
what can be read is kept, and what is wrong is told in words.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from curate.errors import quote
from curate.formats.coco.document import Document, Records, loose

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
ABSENT = Raw(b"null")
NO_BOX = (math.nan, math.nan, math.nan, math.nan)


class Annotation(Struct, gc=False):
    """One object of an annotation file. bbox is x, y, w, h in px. A loose one may hold None."""

    id: Int64
    image_id: Int64
    category_id: Int64
    bbox: tuple[float, float, float, float]
    area: float | None = None
    iscrowd: int | None = None
    score: float | None = None
    segmentation: Raw = ABSENT
    attributes: Raw = ABSENT


class Result(Struct, gc=False):
    """One prediction of a results file. bbox is x, y, w, h in px. A loose one may hold None."""

    image_id: Int64
    category_id: Int64
    score: float
    bbox: tuple[float, float, float, float] | None = None
    segmentation: Raw = ABSENT
    keypoints: Raw = ABSENT


class Image(Struct, gc=False):
    """One image. A loose one may hold None."""

    id: Int64
    file_name: str
    width: Int64 | None = None
    height: Int64 | None = None
    license: int | str | None = None


class Category(Struct, gc=False):
    """One class. A loose one may hold None."""

    id: Int64
    name: str
    supercategory: str | None = None


Loose = tuple[int, str]  # row, what is wrong in words


def decode_all(
    records: Records, document: Document, kind: type[Any], first_row: int, n_rows: int
) -> tuple[list[Any], list[Loose]]:
    """The records [first_row, first_row + n_rows) as structs of `kind`, and what is wrong in them.

    A record of which nothing can be read gives a struct of Nones.
    """
    decoder = msgspec.json.Decoder(kind)
    raws = records.raws[first_row : first_row + n_rows]
    try:
        return list(map(decoder.decode, raws)), []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    structs: list[Any] = []
    wrong: list[Loose] = []
    for row, raw in enumerate(raws, first_row):
        try:
            structs.append(decoder.decode(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            start, end = int(records.starts[row]), int(records.ends[row])
            struct, reasons = read_loosely(loose(document.body, start, end), kind)
            structs.append(struct)
            wrong += [(row, reason) for reason in reasons]
    return structs, wrong


def read_loosely(record: Any, kind: type[Any]) -> tuple[Any, list[str]]:  # any JSON value
    """What can be read of one record, and what is wrong with the rest, in words."""
    names = kind.__struct_fields__
    if not isinstance(record, dict):
        struct = kind(**dict.fromkeys(names))
        return struct, [f"the record is {quote(record)}, should be an object"]
    values: dict[str, Any] = {}
    reasons: list[str] = []
    for name in names:
        if record.get(name) is None:
            values[name], reason = _absent(name, kind)
        else:
            values[name], reason = _LOOSE[name](record[name])
            reason = reason and f"{name} is {quote(record[name])}, should be {reason}"
        if reason:
            reasons.append(reason)
    return kind(**values), reasons


_REQUIRED: dict[object, dict[str, str]] = {
    Annotation: {"id": "no id", "image_id": "no image_id", "bbox": "no bbox"},
    Result: {"image_id": "no image_id", "category_id": "no category_id", "score": "no score"},
    Image: {"id": "no id", "file_name": "no file_name"},
    Category: {"id": "no id", "name": "no name"},
}


def _absent(name: str, kind: type[Any]) -> tuple[Any, str]:  # a field of any type
    value: object = None
    if name in ("segmentation", "attributes", "keypoints"):
        value = ABSENT
    elif name == "bbox" and kind is Annotation:
        value = NO_BOX
    return value, _REQUIRED[kind].get(name, "")


def _id(value: object) -> tuple[int | str | None, str]:
    if isinstance(value, bool) or value is None:
        return None, "an integer"
    if isinstance(value, int):
        return (value, "") if -(2**63) <= value < 2**63 else (str(value), "an integer below 2^63")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value), ""
    if isinstance(value, str):
        return value, ""
    return None, "an integer"


def _number(value: object) -> tuple[float | None, str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return math.nan, "a finite number"
        return number, "" if math.isfinite(number) else "a finite number"
    return None, "" if value is None else "a number"


def _box(value: object) -> tuple[tuple[float, ...] | None, str]:
    if not isinstance(value, list) or len(value) != 4:
        return NO_BOX, "four numbers [x, y, width, height]"
    numbers = [_number(v)[0] for v in value]
    box = tuple(math.nan if n is None else n for n in numbers)
    return box, "" if all(map(math.isfinite, box)) else "four finite numbers"


def _flag(value: object) -> tuple[int | None, str]:
    if isinstance(value, bool | int):
        return int(value), ""
    if isinstance(value, float) and value in (0.0, 1.0):
        return int(value), ""
    return None, "" if value is None else "0 or 1"


def _size(value: object) -> tuple[int | None, str]:
    number, reason = _id(value) if value is not None else (None, "")
    if isinstance(number, str):
        return (
            (int(number), "")
            if number.isdecimal() and len(number) < 10
            else (None, "a number of px")
        )
    return number, reason and "a whole number of px"


def _name(value: object) -> tuple[str | None, str]:
    if isinstance(value, str):
        return plain_text(value), ""
    return (None, "text") if value is None else (plain_text(value), "text")


def plain_text(value: object) -> str:
    """The value as text that a file can hold: lone surrogates become question marks."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def attribute_text(raw: Raw) -> str | None:
    """The `attributes` of a record as JSON text; None when empty, or no object."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return bytes(raw).decode("utf-8") if isinstance(value, dict) and value else None


def _words(value: object) -> tuple[str | None, str]:
    return (None, "") if value is None else (_name(value)[0], "")


def _raw(value: object) -> tuple[Raw, str]:
    if value is None:
        return ABSENT, ""
    try:
        return Raw(msgspec.json.encode(value)), ""
    except (TypeError, ValueError, RecursionError):
        return ABSENT, "plain JSON"


_LOOSE: dict[str, Any] = {  # name to a reader of one value of any type
    "id": _id,
    "image_id": _id,
    "category_id": _id,
    "bbox": _box,
    "area": _number,
    "score": _number,
    "iscrowd": _flag,
    "segmentation": _raw,
    "attributes": _raw,
    "keypoints": _raw,
    "file_name": _name,
    "name": _name,
    "supercategory": _words,
    "width": _size,
    "height": _size,
    "license": lambda value: (value if isinstance(value, int | str) else None, ""),
}
