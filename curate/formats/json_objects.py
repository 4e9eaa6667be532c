"""What the writers share of JSON formats whose records hold several boxes of one object."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.formats.json_document import JsonError, open_document
from curate.formats.json_spans import (
    BROKEN,
    decoded,
    item_edits,
    item_spans,
    member_edits,
    member_spans,
    number_text,
)
from curate.formats.json_splice import Edit, apply_edits, json_bytes
from curate.formats.object_files import (
    EDGES,
    BoxEdit,
    FileEdits,
    ImageEdits,
    ObjectFormat,
    Objects,
    Row,
    Span,
    agreed,
    attributes_of,
    count_losses,
    extent_of,
    own_number,
)
from curate.formats.object_rows import ReadObject
from curate.formats.writing import Lost

_UNREADABLE = "the record that it belongs to cannot be read: it is left as it was"
Parts = tuple[float, float, float, float]


@dataclass(frozen=True)
class JsonObjects:
    """How one JSON format keeps its objects.

    `arrays` gives the spans of the arrays of objects in an image's record, the one that new objects
    go to first; `edits` the edits of one object; `make` an object of these boxes and this number;
    `read` its boxes. `member` is the array's key where a record has none; `has_ids` says whether
    objects have the number as their id, and are not called by their position.
    """

    member: str
    arrays: Callable[[bytes, Span], list[Span]]
    edits: Callable[[bytes, Span, list[BoxEdit]], list[Edit]]
    make: Callable[[list[Row], int], Mapping[str, Any]]
    read: Callable[[Any, str], ReadObject]
    has_ids: bool = True


def image_edits(
    text: bytes, span: Span, todo: ImageEdits, how: JsonObjects, result: tuple[ObjectFormat, Lost]
) -> list[Edit]:
    """The edits of one image's record; what they cannot hold is counted in the result."""
    lost = result[1]
    gone = {own for own, edits in todo.objects.items() if all(e.new is None for e in edits)}
    edits: list[Edit] = []
    for own, boxes in todo.objects.items():
        if own not in gone:
            edits += _object_edits(text, own, boxes, how, result)
    added = made_objects(todo.added, todo.keys, how, result)
    try:
        arrays = how.arrays(text, span)
        for index, array in enumerate(arrays):
            is_inside = any(start <= array[0] and array[1] <= end for start, end in gone)
            fresh = added if index == 0 else []
            if not is_inside:
                edits += item_edits(text, array, gone & set(item_spans(text, *array)), fresh)
        if not arrays and added:
            edits += member_edits(text, span, {how.member: b"[" + b", ".join(added) + b"]"})
    except BROKEN:
        lost["boxes", _UNREADABLE] += sum(len(rows) for rows in todo.added)
    return edits


def _object_edits(
    text: bytes,
    span: Span,
    boxes: list[BoxEdit],
    how: JsonObjects,
    result: tuple[ObjectFormat, Lost],
) -> list[Edit]:
    kind, lost = result
    try:
        edits = how.edits(text, span, boxes)
    except BROKEN:
        edits = []
    moved = [(start - span[0], end - span[0], new) for start, end, new in edits]
    new_text = apply_edits(text[slice(*span)], moved)
    key = attributes_of(boxes[0].old).get("object", "#0")
    read = how.read(decoded(new_text, (0, len(new_text))), key)
    count_losses(kind, wanted_rows(boxes), read.boxes, lost)
    return edits


def wanted_rows(boxes: Iterable[BoxEdit]) -> Iterator[Row]:
    """What a changed object is to hold, without what other columns tell once more.

    A source label follows the label and tags in the attributes follow their columns, as long as
    they were not changed themselves.
    """
    for box in boxes:
        if box.new is not None:
            told = [c for c in ("source_label", "attributes") if not box.changed(c)]
            yield {**box.new, **dict.fromkeys(told)}


def made_objects(
    objects: Objects, keys: Iterable[str], how: JsonObjects, result: tuple[ObjectFormat, Lost]
) -> list[bytes]:
    """The JSON text of new objects beside those called `keys`; losses go to the result."""
    kind, lost = result
    texts = []
    for rows, number in zip(objects, own_number(objects, keys), strict=True):
        text = json_bytes(how.make(rows, number))
        key = str(number) if how.has_ids else "#"
        count_losses(kind, rows, how.read(decoded(text, (0, len(text))), key).boxes, lost)
        texts.append(text)
    return texts


def opened(body: bytes) -> bytes | None:
    """The text of a JSON file in which spans are looked for; None for one that is broken."""
    try:
        return bytes(open_document(body, "").text)
    except JsonError:
        return None


def xywh(row: Row) -> list[int | float]:
    """Corner and sides of a box with four finite edges, whole numbers as integers."""
    x1, y1, x2, y2 = (row[edge] for edge in EDGES)
    return [as_number(value) for value in (x1, y1, x2 - x1, y2 - y1)]


def as_number(value: float) -> int | float:
    """A number as JSON writes it best: whole ones as integers, none beyond the largest float."""
    value = min(max(value, -sys.float_info.max), sys.float_info.max)
    return int(value) if value == int(value) and abs(value) < 1e15 else float(value)


def box_edits(
    text: bytes, span: Span, members: Mapping[str, Span], name: str, edit: BoxEdit
) -> list[Edit]:
    """Edits that bring the edges of a box into its array [x, y, w, h], number by number."""
    if edit.new is None:
        return member_edits(text, span, {name: None}) if name in members else []
    if not edit.changed(*EDGES) or any(edit.new[edge] is None for edge in EDGES):
        return []
    wanted = xywh(edit.new)
    if name not in members:
        return member_edits(text, span, {name: json_bytes(wanted)})
    parts = item_spans(text, *members[name])
    if len(parts) != 4:
        return [(*members[name], json_bytes(wanted))]
    return [
        (*part, number_text(value))
        for part, value in zip(parts, wanted, strict=True)
        if not _is_close(decoded(text, part), value)
    ]


def extent_edits(
    text: bytes, span: Span, boxes: list[BoxEdit], members: Mapping[str, str], label: str
) -> tuple[list[Edit], dict[str, bytes | None]]:
    """Edits of an object with one array per extent, and new values of its own members.

    `members` names the member of each extent, `label` that of the class.
    """
    places = member_spans(text, *span)
    edits: list[Edit] = []
    values: dict[str, bytes | None] = {}
    for box in boxes:
        extent = box.old["extent"]
        if extent is not None and box.new is None:
            values[members[extent]] = None
        elif extent is not None:
            edits += box_edits(text, span, places, members[extent], box)
    is_agreed, name = agreed(boxes, "label")
    if is_agreed and name is not None:
        values[label] = json_bytes(name)
    return edits, values


def extent_boxes(rows: Sequence[Row], members: Mapping[str, str]) -> dict[str, list[int | float]]:
    """The arrays [x, y, w, h] of an object's boxes, by the member of each extent."""
    own = by_extent(rows)
    return {member: xywh(own[extent]) for extent, member in members.items() if extent in own}


def _is_close(old: object, new: float) -> bool:
    # A side is a difference, whose last bits are noise.
    is_number = isinstance(old, int | float) and not isinstance(old, bool)
    return is_number and abs(old - new) <= 1e-9 * max(abs(new), 1.0)  # type: ignore[operator]  # a number


def by_extent(rows: Sequence[Row]) -> dict[str, Row]:
    """The boxes of an object by the extent that they are written as."""
    return {extent_of(row): row for row in rows}


def splice_image(
    body: bytes, todo: FileEdits, how: JsonObjects, result: tuple[ObjectFormat, Lost]
) -> bytes:
    """The file of one image with edits in it; what they cannot hold is counted in the result."""
    text = opened(body)
    for span, image in todo.images.items():
        if text is None:
            result[1]["boxes", _UNREADABLE] += sum(len(rows) for rows in image.added)
        else:
            body = apply_edits(body, image_edits(text, span, image, how, result))
    return body
