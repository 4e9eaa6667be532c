"""Decoding COCO's image, annotation, category and result records.

Each record is decoded strictly first (typed, fast). One that does not fit is decoded loosely:
what can be read is kept, and what is wrong is told in words.
"""

from __future__ import annotations

import contextlib
import json
import math
import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from curate.errors import quote
from curate.formats.json_document import Document, Records, loose

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_SURROGATE = re.compile("[\ud800-\udfff]")
ABSENT = Raw(b"null")
# What a side of an image should be.
SIZE = "a whole number of px above 0"
_TOO_LARGE = "does not fit 64 bits; it is kept as text"
NO_BOX = (math.nan, math.nan, math.nan, math.nan)


class Annotation(Struct, gc=False):
    """One object of an annotation file. bbox is x, y, w, h in px. A loose one may hold None."""

    id: Int64
    image_id: Int64
    category_id: Int64
    bbox: tuple[float, float, float, float]
    area: float | None = None
    iscrowd: Int64 | None = None
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
    if not document.is_repaired:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return list(map(decoder.decode, raws)), []
    structs: list[Any] = []
    wrong: list[Loose] = []
    for row, raw in enumerate(raws, first_row):
        text = document.body[int(records.starts[row]) : int(records.ends[row])]
        struct = None
        # What was blanked out in the text has to be told.
        if not document.is_repaired or bytes(raw) == text:
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                struct = decoder.decode(raw)
        if struct is None:
            struct, reasons = read_loosely(loose(text, 0, len(text)), kind)
            wrong += [(row, reason) for reason in reasons + _no_text(text, kind)]
        structs.append(struct)
    return structs, wrong


def _no_text(text: bytes, kind: type[Any]) -> list[str]:
    """What is wrong with strings that hold bytes or escapes which are no text, in words."""
    try:
        record = json.loads(text.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return []
    values = {} if not isinstance(record, dict) else record
    spoiled = [
        name
        for name in kind.__struct_fields__
        if isinstance(values.get(name), str) and _SURROGATE.search(values[name])
    ]
    if not spoiled:
        return []
    try:
        text.decode("utf-8")
        what = "an escape that is half a character (a lone surrogate)"
    except UnicodeDecodeError:
        what = "a byte that is no UTF-8 text"
    return [f"{name} holds {what}, should be plain text" for name in spoiled]


def read_loosely(record: Any, kind: type[Any]) -> tuple[Any, list[str]]:  # any JSON value
    """What can be read of one record, and what is wrong with the rest, in words."""
    names = kind.__struct_fields__
    if not isinstance(record, dict):
        struct = kind(**{name: _absent(name, kind)[0] for name in names})
        return struct, [f"the record is {quote(record)}, should be an object"]
    values: dict[str, Any] = {}
    reasons: list[str] = []
    for name in names:
        if record.get(name) is None:
            values[name], reason = _absent(name, kind)
        else:
            values[name], reason = _LOOSE[name](record[name])
            if reason == _TOO_LARGE:
                reason = f"{name} {quote(record[name])} {reason}"
            elif reason:
                reason = f"{name} is {quote(record[name])}, should be {reason}"
        if reason:
            reasons.append(reason)
    return kind(**values), reasons


def wrong_values(images: Sequence[Any]) -> Iterator[Loose]:  # Images
    """What is wrong in images whose values are of the right types."""
    if _plainly_good(images):
        return
    for row, image in enumerate(images):
        for side in ("width", "height"):
            value = getattr(image, side)
            if value is not None and side_px(value) is None:
                yield row, f"{side} is {quote(value)}, should be {SIZE}"
        name = image.file_name
        if name == "":
            yield row, "file_name is empty, should name the picture"
        elif name is not None and _leaves_root(name):
            yield row, f"file_name is {quote(name)}, should be a path below the image folder"


def _plainly_good(images: Sequence[Any]) -> bool:  # Images
    """Whether a look at all names and sides at once shows nothing odd."""
    if not images:
        return True
    sides = [image.width for image in images] + [image.height for image in images]
    names = [image.file_name for image in images]
    if not set(map(type, sides)) <= {int} or not set(map(type, names)) <= {str}:
        return False
    text = "\n" + "\n".join(names) + "\n"
    odd = any(mark in text for mark in ("\n\n", "\n/", "\n.", "/.", "\\", ":/"))
    return not odd and all(0 < side < 2**31 for side in (min(sides), max(sides)))


def _leaves_root(name: str) -> bool:
    path = name.replace("\\", "/")
    # Nearly all names have neither a dot at their start nor one after a slash.
    has_dots = path.startswith(".") or "/." in path
    leaves = has_dots and posixpath.normpath(path).split("/")[0] == ".."
    return leaves or path.startswith("/") or path[1:3] == ":/"


def side_px(value: Any) -> int | None:  # as above
    """A side of an image as a record states it, px; None for what is no size."""
    return value if isinstance(value, int) and 0 < value < 2**31 else None


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
        return (value, "") if -(2**63) <= value < 2**63 else (str(value), _TOO_LARGE)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value), ""
    if isinstance(value, str):
        return plain_text(value), ""
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
    if isinstance(value, bool | int) and abs(value) < 2**53:
        return int(value), ""
    if isinstance(value, float) and math.isfinite(value) and abs(value) < 2**53:
        # True or not, as pycocotools asks.
        return int(value != 0), "" if value in (0.0, 1.0) else "0 or 1"
    return None, "" if value is None else "0 or 1"


def _size(value: object) -> tuple[int | None, str]:
    number, reason = _id(value)
    if isinstance(number, str) or reason:
        return None, SIZE
    return number, ""


def _name(value: object) -> tuple[str | None, str]:
    if isinstance(value, str):
        return plain_text(value), ""
    return (None, "text") if value is None else (plain_text(value), "text")


def plain_text(value: object) -> str:
    """The value as text that a file can hold: a lone surrogate becomes U+FFFD."""
    return _SURROGATE.sub("\ufffd", str(value))


def attribute_text(raw: Raw) -> str | None:
    """The `attributes` of a record as JSON text; None when empty, or no object."""
    text = bytes(raw).decode("utf-8", "replace")
    try:
        # By the decoder of whoever reads the column: msgspec takes longer numbers.
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return text if isinstance(value, dict) and value else None


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
    "license": lambda value: (_id(value)[0], ""),
}
