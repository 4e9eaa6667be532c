"""VOC text made from the tables' columns: values, elements, whole files and their names."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from curate.formats.voc.read import CORNERS, SHIFTS_PX

# An element: its tag, and its text or its children.
Node = tuple[str, "str | list[Node]"]

BOX_FIELDS = (
    "label", "x1", "y1", "x2", "y2", "role", "is_group", "occluded", "truncated", "difficult",
    "attributes",
)  # fmt: skip
# XML 1.0, production 2 (Char).
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_UNSAFE_IN_PATH = re.compile('[\0-\x1f\x7f<>:"|?*\ud800-\udfff]')
_RESERVED_STEM = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
_MAX_PART_BYTES = 200
# Above this a float has no fraction, and its integer form would only be longer.
_MAX_EXACT_INTEGER = 2.0**53


@dataclass(frozen=True)
class BoxRow:
    """The values of one box that VOC can hold; edges in px, 0-based and half-open, None unknown."""

    label: str | None
    x1: float | None
    y1: float | None
    x2: float | None
    y2: float | None
    role: str
    is_group: bool | None
    occluded: float | None
    truncated: float | None
    difficult: bool | None
    attributes: str | None

    @property
    def edges(self) -> tuple[float | None, ...]:
        """x1, y1, x2, y2."""
        return self.x1, self.y1, self.x2, self.y2


def box_rows(boxes: pd.DataFrame) -> Iterator[BoxRow]:
    """The boxes as rows, null as None, in the table's order."""
    columns = [boxes[name].astype(object).where(boxes[name].notna(), None) for name in BOX_FIELDS]
    for values in zip(*columns, strict=True):
        yield BoxRow(*values)


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


def escape(text: str) -> str:
    """Text as it stands in XML; characters that XML forbids become U+FFFD."""
    text = _FORBIDDEN.sub("\ufffd", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")


def is_altered(text: str) -> bool:
    """Whether XML cannot hold a name as it is: forbidden characters, or white space around it."""
    return text != text.strip() or _FORBIDDEN.search(text) is not None


def held_attributes(text: str | None) -> tuple[dict[str, str], dict[str, str], bool]:
    """Of `boxes.attributes`: simple elements, actions, and whether that is all there is."""
    if text is None:
        return {}, {}, True
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}, {}, False
    if not isinstance(values, dict):
        return {}, {}, False
    actions = values.get("actions")
    held = _texts(values)
    held_actions = _texts(actions) if isinstance(actions, dict) else {}
    n_held = len(held) + isinstance(actions, dict)
    is_all = n_held == len(values) and len(held_actions) == len(actions or {})
    return held, held_actions, is_all


def _texts(values: dict[str, object]) -> dict[str, str]:
    return {
        key: value
        for key, value in values.items()
        if isinstance(value, str) and _XML_NAME.fullmatch(key) and not is_altered(value)
    }


def object_node(row: BoxRow) -> Node:
    """The `<object>` of a box that has a class and four finite edges.

    An unknown `truncated` is written as 0, since the devkit's readers want a number there.
    """
    held, actions, _ = held_attributes(row.attributes)
    children: list[Node] = [
        ("name", row.label or ""),
        ("pose", held.get("pose") or "Unspecified"),
        ("truncated", flag_text(row.truncated or 0.0)),
    ]
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
        if edge is not None and math.isfinite(edge)
    ]


def file_text(
    name: str, source: str, size_wh: tuple[int | None, int | None], rows: Iterable[BoxRow]
) -> str:
    """A whole annotation file; an unknown side (px) is written as 0, as labelling tools do."""
    width, height = size_wh
    children: list[Node] = [
        ("folder", source),
        ("filename", name),
        ("source", [("database", "Unknown")]),
        ("size", [("width", str(width or 0)), ("height", str(height or 0)), ("depth", "3")]),
        ("segmented", "0"),
        *map(object_node, rows),
    ]
    return render(("annotation", children), "\n", "\t") + "\n"


def render(node: Node, indent: str, unit: str) -> str:
    """An element as text. `indent` stands before its end tag (line end and white space)."""
    tag, content = node
    if isinstance(content, str):
        return f"<{tag}>{escape(content)}</{tag}>"
    deeper = indent + unit
    inner = "".join(deeper + render(child, deeper, unit) for child in content)
    return f"<{tag}>{inner}{indent}</{tag}>"


def label_paths(names: Iterable[str], ending: str, taken: Iterable[str] = ()) -> list[str]:
    """A relative label path per image name, each of its own also where case does not count.

    The name's ending is replaced; of two images of one stem the second keeps its ending before
    `ending`. Parts that lead out of the folder are dropped, characters that a file system may
    refuse become `_`.
    """
    used = {path.casefold() for path in taken}
    paths = []
    for name in names:
        parts = [safe_part(p) for p in name.split("/") if p not in ("", ".", "..")] or ["_"]
        folder = "".join(f"{part}/" for part in parts[:-1])
        stem = PurePosixPath(parts[-1]).stem
        path, ordinal = f"{folder}{stem}{ending}", 1
        while path.casefold() in used:
            tail = "" if ordinal == 1 else f"-{ordinal}"
            path, ordinal = f"{folder}{parts[-1]}{tail}{ending}", ordinal + 1
        used.add(path.casefold())
        paths.append(path)
    return paths


def safe_part(part: str) -> str:
    """One part of a path as every file system takes it."""
    part = _UNSAFE_IN_PATH.sub("_", part)
    part = part.encode()[:_MAX_PART_BYTES].decode(errors="ignore").lstrip(" ").rstrip(". ") or "_"
    is_reserved = _RESERVED_STEM.fullmatch(part.partition(".")[0]) is not None
    return f"_{part}" if is_reserved else part
