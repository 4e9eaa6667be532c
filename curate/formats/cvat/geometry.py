"""The px of CVAT's shapes: bounds, angles and outlines of what the texts of one shape say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from curate.errors import quote
from curate.formats.xml_spans import number

CORNERS = ("xtl", "ytl", "xbr", "ybr")
Edges = tuple[float, float, float, float]
NOWHERE: Edges = (math.nan,) * 4
# The corners of a cuboid's two faces: xtl1, ytl1, xbl1 ... xbr2, ybr2.
CUBOID_KEY = re.compile(r"[xy](?:tl|tr|bl|br)[12]")
# Shape in the table by element; a box that is turned is `rotated`.
SHAPE_OF = {
    "box": "box", "polygon": "polygon", "polyline": "line", "points": "point", "tag": "tag",
    "mask": "mask", "ellipse": "mask", "cuboid": "polygon",
}  # fmt: skip


def place_of(
    kind: str, fields: Mapping[str, str], problems: list[str]
) -> tuple[str, Edges, float | None]:
    """The shape, x1 y1 x2 y2 (px, NaN where unknown) and angle (degrees) of an element.

    What is wrong is added to `problems` in words.
    """
    shape = SHAPE_OF[kind]
    if kind == "tag":
        return shape, NOWHERE, None
    if kind in ("box", "ellipse"):
        return _turned(kind, fields, problems)
    if kind == "mask":
        left, top, width, height = _numbers(("left", "top", "width", "height"), fields, problems)
        return shape, _checked((left, top, left + width, top + height)), None
    stated = fields.get("points")
    points = _cuboid(fields, problems) if kind == "cuboid" else points_of(stated)
    if points is None:
        problems.append(f"has points {quote(stated or '')}, should be x,y;x,y... in px")
    if not points:
        return shape, NOWHERE, None
    if kind == "polyline":
        return shape, (*points[0], *points[-1]), None
    if kind == "points":
        return shape, (*points[0], *points[0]), None
    return shape, _bounds(points), None


class Keypoint(NamedTuple):
    """A point of a skeleton: its name, px (NaN where unknown), and COCO's visibility.

    0: outside the picture or not labelled; 1: labelled, hidden; 2: labelled, visible.
    """

    name: str | None
    x: float
    y: float
    visibility: int


def keypoints_of(
    points: Iterable[Mapping[str, str]], problems: list[str]
) -> tuple[list[Keypoint], Edges, bool]:
    """The keypoints of a skeleton, the bounds of those that are labelled, whether any is.

    Without a labelled one the bounds are those of all. What is wrong is added to `problems`.
    """
    found = []
    for fields in points:
        name, stated = fields.get("label"), fields.get("points")
        places = points_of(stated)
        if places is None or len(places) != 1:
            what = f"has point {quote(name or '')} at {quote(stated or '')}, should be x,y in px"
            problems.append(what)
            places = [(math.nan, math.nan)]
        is_outside, is_hidden = fields.get("outside") == "1", fields.get("occluded") == "1"
        found.append(Keypoint(name, *places[0], 0 if is_outside else 1 if is_hidden else 2))
    placed = [point for point in found if not math.isnan(point.x)]
    labelled = [point for point in placed if point.visibility > 0]
    if not found:
        problems.append("has no points, should have one or more")
    bounds = [(point.x, point.y) for point in labelled or placed]
    return found, _bounds(bounds) if bounds else NOWHERE, bool(labelled)


def points_of(text: str | None) -> list[tuple[float, float]] | None:
    """The points of `x,y;x,y`, px; None for a text that is no such list of finite numbers."""
    points = []
    for pair in (text or "").split(";"):
        parts = [number(part) for part in pair.split(",")]
        if len(parts) != 2 or parts[0] is None or parts[1] is None:
            return None
        if not (math.isfinite(parts[0]) and math.isfinite(parts[1])):
            return None
        points.append((parts[0], parts[1]))
    return points


def ring_of(kind: str, fields: Mapping[str, str]) -> list[float] | None:
    """The outline x, y, x, y ... of a polygon or turned box, px; None for other shapes."""
    if kind == "polygon":
        points = points_of(fields.get("points")) or []
        return [value for point in points for value in point] if len(points) > 2 else None
    angle = number(fields.get("rotation", "0"))
    if kind != "box" or not angle or not math.isfinite(angle):
        return None
    problems: list[str] = []
    x1, y1, x2, y2 = _numbers(CORNERS, fields, problems)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    ring = []
    for dx, dy in ((x1 - x, y1 - y), (x2 - x, y1 - y), (x2 - x, y2 - y), (x1 - x, y2 - y)):
        ring += [x + dx * cos - dy * sin, y + dx * sin + dy * cos]
    return ring if all(map(math.isfinite, ring)) else None


def _turned(
    kind: str, fields: Mapping[str, str], problems: list[str]
) -> tuple[str, Edges, float | None]:
    """A box or an ellipse, either of which may be turned about its centre."""
    text = fields.get("rotation", "0")
    angle = number(text)
    if angle is None or not math.isfinite(angle):
        problems.append(f"has rotation {quote(text)}, should be degrees")
        angle = 0.0
    if kind == "box":
        edges = _numbers(CORNERS, fields, problems)
        if not angle:
            return "box", edges, None
        x, y = (edges[0] + edges[2]) / 2, (edges[1] + edges[3]) / 2
        rx, ry = (edges[2] - edges[0]) / 2, (edges[3] - edges[1]) / 2
    else:
        x, y, rx, ry = _numbers(("cx", "cy", "rx", "ry"), fields, problems)
    cos, sin = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    if kind == "box":
        dx, dy = rx * cos + ry * sin, rx * sin + ry * cos
    else:
        dx, dy = math.hypot(rx * cos, ry * sin), math.hypot(rx * sin, ry * cos)
    bounds = _checked((x - dx, y - dy, x + dx, y + dy))
    return ("rotated" if kind == "box" else "mask"), bounds, angle or None


def _numbers(names: tuple[str, ...], fields: Mapping[str, str], problems: list[str]) -> Edges:
    values = []
    for name in names:
        text = fields.get(name)
        value = None if text is None else number(text)
        if value is None or not math.isfinite(value):
            is_there = f"has {name} {quote(text)}" if text is not None else f"has no {name}"
            problems.append(f"{is_there}, should be a number of px")
            value = math.nan
        values.append(value)
    return values[0], values[1], values[2], values[3]


def _cuboid(fields: Mapping[str, str], problems: list[str]) -> list[tuple[float, float]]:
    names = sorted(name for name in fields if CUBOID_KEY.fullmatch(name))
    values = {name: number(fields[name]) for name in names}
    good = {name: v for name, v in values.items() if v is not None and math.isfinite(v)}
    if len(good) != 16:
        problems.append(f"has {len(good)} of the 16 numbers of a cuboid's corners")
        return []
    return [(good[name], good["y" + name[1:]]) for name in names if name[0] == "x"]


def _bounds(points: list[tuple[float, float]]) -> Edges:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _checked(edges: Edges) -> Edges:
    """The edges, none of them infinite: of huge numbers sums are."""
    return edges if all(map(math.isfinite, edges)) else NOWHERE
