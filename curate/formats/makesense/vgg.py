"""Polygons as VGG JSON: an object per image name, in the style of VIA 1, and modestly VIA 2.

Coordinates are unrounded px, 0-based edges; rings are closed (the first point is repeated). The
table carries a polygon's bounds; its points stay in the source bytes. No image size is stated.
Keys of `regions` have gaps where a class was deleted after use.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from curate.errors import quote
from curate.formats.makesense.rows import Rows, address_of, line_of, span_of
from curate.formats.reading import Options, line_numbers
from curate.formats.sizes import pictures_of

_BOM = b"\xef\xbb\xbf"
_KEY_DIGITS = 9
_EMPTY: tuple[object, ...] = (None, "", {}, [])
# Fields of an image that say nothing about it beyond its name.
_ENTRY_FIELDS = ("size", "fileref", "base64_img_data", "file_attributes")


class _Entry(msgspec.Struct):
    regions: msgspec.Raw
    filename: msgspec.Raw = msgspec.Raw(b"null")


def read_vgg(rows: Rows, file: str, options: Options) -> None:
    """Reads the JSON file `file` of `rows.files` into `rows`."""
    body = rows.files[file]
    skip = len(_BOM) if body.startswith(_BOM) else 0
    try:
        entries = msgspec.json.decode(memoryview(body)[skip:], type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError) as error:
        rows.fault(
            "SRC-002",
            f"the file is no JSON object of images: {error}",
            "restore the file or export it again",
            file=file,
            line=line_of(error, body, skip),
        )
        return
    first_image, first_box = rows.n_images, rows.n_boxes
    n_faults = len(rows.faults)
    for key, raw in entries.items():
        _read_entry(rows, file, key, raw)
    _set_lines(rows.images, body, first_image)
    _set_lines(rows.boxes, body, first_box)
    for row in range(first_image, rows.n_images):
        _say_same_name(rows, row, options)
    if rows.n_images == first_image and len(rows.faults) == n_faults:
        rows.nothing_annotated(file)


def _set_lines(columns: dict[str, list[Any]], body: bytes, first: int) -> None:  # any columns
    starts = np.array(columns["start"][first:], np.int64)
    columns["line"][first:] = line_numbers(body, starts).tolist()


def _read_entry(rows: Rows, file: str, key: str, raw: msgspec.Raw) -> None:
    base = address_of(rows.files[file])
    start, end = span_of(raw, base)
    regions: dict[str, msgspec.Raw] = {}
    name: object = None
    error: Exception | None = None
    try:
        entry = msgspec.json.decode(raw, type=_Entry)
        name = msgspec.json.decode(entry.filename)
        regions = _regions(entry.regions)
    except (ValueError, RecursionError) as caught:
        error = caught
    row = rows.add_image(
        name if isinstance(name, str) and name else key,
        label_state="unreadable" if error else "present" if regions else "missing",
        source_id=key,
        file=file,
        start=start,
        end=end,
    )
    if error is not None:
        mend = "correct the record or export the file again"
        what = f"the record of {quote(key)} cannot be read: {error}"
        rows.fault("SRC-001", what, mend, file=file, source_id=key, images=(row,))
        return
    for region_key, region in regions.items():
        _read_region(rows, row, region_key, region)
    _say_gaps(rows, row, list(regions))


def _regions(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The regions by key; those of a VIA 2 list by their index."""
    if bytes(memoryview(raw)[:1]) == b"[":
        listed = msgspec.json.decode(raw, type=list[msgspec.Raw])
        return {str(index): region for index, region in enumerate(listed)}
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])


def _read_region(rows: Rows, row: int, key: str, raw: msgspec.Raw) -> None:
    file = rows.images["file"][row]
    region: object = None
    edges: tuple[float, float, float, float] | None = None
    label: str | None = None
    attributes: str | None = None
    what: str | None = None
    try:
        region = msgspec.json.decode(raw)
        label, others = _label(region)
        attributes = json.dumps(others, ensure_ascii=False) if others else None
        edges = _edges(_mapping(region, "shape_attributes"))
    except (ValueError, RecursionError) as error:
        what = str(error)
    if what is None and edges is None:
        rows.fault(
            "SRC-013",
            f"the region is a {quote(_shape(region))}: only polygons and rectangles are read",
            "nothing, if it is not needed; else draw it as a polygon",
            file=file,
            source_id=key,
            images=(row,),
        )
        return
    start, end = span_of(raw, address_of(rows.files[file]))
    box = rows.add_box(
        row,
        shape="box" if _shape(region) == "rect" else "polygon",
        source_label=label,
        label=label,
        attributes=attributes,
        source_id=key,
        file=file,
        start=start,
        end=end,
        **dict(zip(("x1", "y1", "x2", "y2"), edges or (), strict=False)),
    )
    _say_bad_region(rows, box, what)


def _shape(region: object) -> object:
    found = region.get("shape_attributes") if isinstance(region, dict) else None
    return found.get("name") if isinstance(found, dict) else None


def _say_bad_region(rows: Rows, box: int, what: str | None) -> None:
    place = {
        "file": rows.boxes["file"][box],
        "source_id": rows.boxes["source_id"][box],
        "images": (rows.boxes["image_row"][box],),
        "boxes": (box,),
    }
    if what is not None:
        mend = "correct the region or export the file again"
        rows.fault("SRC-001", f"the region cannot be read: {what}", mend, **place)
    if rows.boxes["label"][box] is None:
        rows.fault(
            "SRC-009",
            "the region has no attribute `label`, nor a single other one with a text",
            "give it a class and export again",
            **place,
        )


def _mapping(value: object, name: str) -> dict[str, Any]:  # JSON values
    """The object under a name. Raises ValueError."""
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise ValueError(f"{name} is {quote(found)}, should be an object")
    return found


def _edges(shape: Mapping[str, object]) -> tuple[float, float, float, float] | None:
    """x1, y1, x2, y2 of a polygon's bounds or a rectangle in px; None for other shapes.

    Raises
    ------
    ValueError
        Saying what is wrong with the numbers.
    """
    name = shape.get("name")
    if name == "polygon":
        xs, ys = _numbers(shape, "all_points_x"), _numbers(shape, "all_points_y")
        if len(xs) != len(ys) or not xs:
            raise ValueError(
                f"{len(xs)} all_points_x and {len(ys)} all_points_y, should be as many and some"
            )
        return min(xs), min(ys), max(xs), max(ys)
    if name == "rect":
        x, y, width, height = (_number(shape.get(k), k) for k in ("x", "y", "width", "height"))
        return x, y, x + width, y + height
    if not isinstance(name, str):
        raise ValueError(f"the shape's name is {quote(name)}, should be polygon or rect")
    return None


def _numbers(shape: Mapping[str, object], name: str) -> list[float]:
    values = shape.get(name)
    if not isinstance(values, list):
        raise ValueError(f"{name} is {quote(values)}, should be a list of numbers")
    return [_number(value, name) for value in values]


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} holds {quote(value)}, should be a number of px")
    # The bound keeps whole numbers from overflowing a float; it is far beyond any picture.
    if abs(value) < 1e100:
        return float(value)
    raise ValueError(f"{name} holds {quote(value)}, should be a finite number of px")


def _label(region: object) -> tuple[str | None, dict[str, object]]:
    """The region's class and its other attributes."""
    found = region.get("region_attributes") if isinstance(region, dict) else None
    others = dict(found) if isinstance(found, dict) else {}
    name = "label" if "label" in others or len(others) != 1 else next(iter(others))
    value = others.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = json.dumps(value)
    if not isinstance(value, str) or not value:
        return None, others
    others.pop(name)
    return value, others


def _say_gaps(rows: Rows, row: int, keys: list[str]) -> None:
    """Says that no region is there, or that keys are missing among them."""
    place = {
        "file": rows.images["file"][row],
        "source_id": rows.images["source_id"][row],
        "images": (row,),
    }
    if not keys:
        rows.fault(
            "SRC-017",
            "no region in the record: Make Sense writes it when the classes of all of them were "
            "deleted, and does not list images that were found empty",
            "give the regions a class and export again",
            **place,
        )
        return
    if not all(key.isascii() and key.isdecimal() and len(key) <= _KEY_DIGITS for key in keys):
        return
    n_missing = max(map(int, keys)) + 1 - len(keys)
    if n_missing > 0:
        rows.fault(
            "SRC-010",
            f"{n_missing} numbers are missing among the regions: their class was deleted after use",
            "give the regions a class in Make Sense and export again",
            value=float(n_missing),
            limit=0.0,
            unit="annotations",
            **place,
        )


def _say_same_name(rows: Rows, row: int, options: Options) -> None:
    name = rows.images["image_name"][row]
    n_pictures = len(pictures_of(options, name))
    if n_pictures > 1:
        rows.fault(
            "SRC-010",
            f"{n_pictures} pictures are called {quote(name)}: Make Sense keeps the regions of the "
            "last one only",
            "give the pictures different names and export again",
            file=rows.images["file"][row],
            source_id=rows.images["source_id"][row],
            images=(row,),
        )


def vgg_extras(entries: list[bytes]) -> Counter[str]:
    """How many values of image records no column carries, by field name."""
    counts: Counter[str] = Counter()
    for raw in entries:
        entry = _decoded(raw)
        counts.update(name for name in _ENTRY_FIELDS if entry.get(name) not in _EMPTY)
    return counts


def ring_of(raw: bytes) -> list[float]:
    """The points of a region's polygon, x, y, x, y ... in px, not closed; empty when unreadable."""
    try:
        shape = _mapping(_decoded(raw), "shape_attributes")
        xs, ys = _numbers(shape, "all_points_x"), _numbers(shape, "all_points_y")
    except ValueError:
        return []
    if len(xs) > 1 and (xs[0], ys[0]) == (xs[-1], ys[-1]):
        xs, ys = xs[:-1], ys[:-1]
    return [number for point in zip(xs, ys, strict=False) for number in point]


def _decoded(raw: bytes) -> dict[str, Any]:  # JSON values
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
