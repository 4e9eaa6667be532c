"""VOC text made from the tables' columns: values, elements, whole files, and what is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from curate.formats.per_image import EDGES, BoxRow, ImageRow, is_known
from curate.formats.voc.read import CORNERS, SHIFTS_PX
from curate.formats.xml_spans import Node, is_altered, render

# Of the boxes table, what an object has a place for.
BOX_COLUMNS = frozenset(
    {
        "label", "source_label", *EDGES, "shape", "role", "is_group", "occluded", "truncated",
        "difficult", "attributes",
    }
)  # fmt: skip
LACK = "VOC has no element for it"
ONE_NAME = "VOC has one name: the label is written"
# Elements that hold columns, or more than a text: no attribute of a box is written as one.
RESERVED = frozenset(
    {"name", "truncated", "occluded", "difficult", "bndbox", "actions", "object", "part", "point"}
)
_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# Above this a float has no fraction, and its integer form would only be longer.
_MAX_EXACT_INTEGER = 2.0**53
# Channels of a picture; the devkit's readers want the number, and pictures are seldom grey.
_DEPTH = 3


def corner_text(edge: float, corner: int) -> str:
    """An edge (0..3 for x1 y1 x2 y2) as VOC's corner: whole numbers without a point, else exact."""
    value = edge - SHIFTS_PX[corner]
    is_whole = abs(value) < _MAX_EXACT_INTEGER and value == int(value)
    return str(int(value)) if is_whole else repr(float(value))


def flag_text(value: float) -> str:
    """A share or grade as VOC's flag."""
    return "1" if value > 0 else "0"


def is_skipped(row: BoxRow) -> bool:
    """Whether VOC's evaluation is to leave the object out, which only `difficult` can say."""
    return bool(row.difficult) or row.role == "ignore" or bool(row.is_group)


def attribute_values(text: str | None) -> dict[str, Any] | None:  # JSON
    """The values of `boxes.attributes` by name; None for a text that is no JSON object."""
    try:
        values = {} if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def is_element(name: str, value: object) -> bool:
    """Whether an element of this name can hold the value: a text that XML keeps as it is."""
    is_text = isinstance(value, str) and not is_altered(value)
    return is_text and _XML_NAME.fullmatch(name) is not None


def held_actions(values: dict[str, Any]) -> dict[str, str]:  # JSON
    """The actions among attributes that `<actions>` can hold."""
    actions = values.get("actions")
    pairs = actions.items() if isinstance(actions, dict) else ()
    return {name: text for name, text in pairs if is_element(name, text)}


def value_losses(row: BoxRow) -> Iterator[tuple[str, str]]:
    """The columns of a box whose values an object holds as another value, each with the reason."""
    if row.label == "":
        yield "label", "an empty name is no class"
    elif row.label is not None and is_altered(row.label):
        yield "label", "white space around it and characters that XML forbids are not kept"
    if row.source_label is not None and row.source_label != row.label:
        yield "source_label", ONE_NAME
    if row.role not in ("include", "ignore"):
        yield "role", "VOC has no word for exclude and review"
    if row.is_group:
        yield "is_group", "written as difficult"
    for name, value in (("occluded", row.occluded), ("truncated", row.truncated)):
        if value not in (None, 0.0, 1.0):
            yield name, "VOC has a flag: 1 is written for what is above 0, else 0"


def made_losses(row: BoxRow) -> Iterator[tuple[str, str]]:
    """The fields of a box that its new object holds as another value, each with the reason."""
    for name, why in value_losses(row):
        yield f"boxes.{name}", why
    if is_skipped(row) and row.role == "include":
        yield "boxes.role", "a difficult object is read as ignored"
    if is_skipped(row) and not row.difficult:
        yield "boxes.difficult", "written as difficult, since it is ignored or a group"
    elif row.difficult is None:
        yield "boxes.difficult", "unknown, written as 0: VOC's own tools want a number"
    if row.truncated is None:
        yield "boxes.truncated", "unknown, written as 0: VOC's own tools want a number"
    values = attribute_values(row.attributes)
    written = {"pose", "actions"}
    is_all = values is not None and values.keys() <= written
    if values is None or not is_all or not is_element("pose", values.get("pose", "")):
        yield "boxes.attributes", "only pose and actions are written"
    elif held_actions(values) != values.get("actions", {}):
        yield "boxes.attributes", "of the actions only texts under XML names are written"


def object_node(row: BoxRow) -> Node:
    """The `<object>` of a box that has a class and four finite edges.

    An unknown `truncated` is written as 0, since the devkit's readers want a number there.
    """
    values = attribute_values(row.attributes) or {}
    pose, actions = values.get("pose"), held_actions(values)
    children: list[Node] = [("name", row.label or "")]
    if is_element("pose", pose):
        children.append(("pose", str(pose)))
    children.append(("truncated", flag_text(row.truncated or 0.0)))
    if row.occluded is not None:
        children.append(("occluded", flag_text(row.occluded)))
    children.append(("difficult", "1" if is_skipped(row) else "0"))
    children.append(("bndbox", corner_nodes(row)))
    if actions:
        children.append(("actions", [(name, text) for name, text in sorted(actions.items())]))
    return "object", children


def corner_nodes(row: BoxRow) -> list[Node]:
    """The children of `<bndbox>` for the edges that are known."""
    return [
        (name, corner_text(edge, corner))
        for corner, (name, edge) in enumerate(zip(CORNERS, row.edges, strict=True))
        if is_known(edge)
    ]


def file_text(image: ImageRow, rows: Iterable[BoxRow]) -> str:
    """A whole annotation file; `<size>` is left out while a side (px) is unknown."""
    sides = (("width", image.width), ("height", image.height), ("depth", _DEPTH))
    size: list[Node] = [("size", [(name, str(number)) for name, number in sides])]
    children: list[Node] = [
        ("folder", image.source),
        ("filename", image.picture),
        ("source", [("database", "Unknown")]),
        *(size if image.width and image.height else []),
        ("segmented", "0"),
        *map(object_node, rows),
    ]
    return render(("annotation", children), "\n", "\t") + "\n"
