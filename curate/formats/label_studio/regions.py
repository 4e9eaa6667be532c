"""What one region says: shape, classes, px, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from curate.errors import quote

Edges = tuple[float, float, float, float]
Size = tuple[int, int]
NOWHERE: Edges = (math.nan,) * 4
_MAX_SIDE_PX = 2**31 - 1
# The types of regions without "labels", and their shape in the table.
SHAPE_OF = {
    "rectangle": "box", "polygon": "polygon", "brush": "mask", "bitmask": "mask",
    "keypoint": "point", "ellipse": "mask", "vector": "line",
}  # fmt: skip
# Answers about a region or the whole image: type, and the key of its value.
ANSWERS = {
    "choices": "choices", "textarea": "text", "rating": "rating", "number": "number",
    "taxonomy": "taxonomy", "datetime": "datetime", "pairwise": "selected",
}  # fmt: skip


def form_of(kind: object) -> str | None:
    """`rectangle` for rectanglelabels and so on; None for a type that is no region."""
    bare = kind.removesuffix("labels") if isinstance(kind, str) else ""
    return bare if bare in SHAPE_OF else None


def min_type(region: Mapping[str, Any]) -> str:  # JSON values
    """The type of a region of JSON_MIN, which does not state it."""
    stated = (key for key in region if form_of(key) and key.endswith("labels"))
    by_key = {"points": "polygon", "rle": "brush", "radiusX": "ellipse", "vertices": "vector"}
    found = next((form for key, form in by_key.items() if key in region), None)
    return next(stated, None) or found or ("rectangle" if "height" in region else "keypoint")


def number_of(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def size_of(region: Mapping[str, Any], problems: list[str]) -> Size | None:  # JSON values
    """The size in px that a region's percentages are of; None where it does not say."""
    sides = region.get("original_width"), region.get("original_height")
    if sides == (None, None):
        return None
    values = [number_of(side) for side in sides]
    whole = [int(v) for v in values if v is not None and 0 < v <= _MAX_SIDE_PX and v == int(v)]
    if len(whole) != 2:
        told = " x ".join(str(side) for side in sides)
        problems.append(f"has the original size {quote(told)}, should be whole px above 0")
        return None
    return whole[0], whole[1]


def place_of(
    form: str, value: Mapping[str, Any], size: Size, problems: list[str]
) -> tuple[str, Edges, float | None]:  # JSON values
    """The shape, x1 y1 x2 y2 (px, NaN where unknown) and angle (degrees) of a region.

    `value` holds percentages of `size`. What is wrong is added to `problems` in words.
    """
    shape = SHAPE_OF[form]
    if form in ("brush", "bitmask"):
        return shape, NOWHERE, None
    if form in ("polygon", "vector"):
        points = points_of(form, value, size)
        if not points:
            problems.append("has no list of points in percent")
            return shape, NOWHERE, None
        xs, ys = [x for x, _ in points], [y for _, y in points]
        if form == "vector":
            return shape, (xs[0], ys[0], xs[-1], ys[-1]), None
        return shape, (min(xs), min(ys), max(xs), max(ys)), None
    if form == "keypoint":
        x, y = _percent(value, ("x", "y"), problems)
        x, y = x * size[0] / 100, y * size[1] / 100
        return shape, _checked((x, y, x, y)), None
    if form == "ellipse":
        return _ellipse(value, size, problems)
    return _rectangle(value, size, problems)


def points_of(
    form: str, value: Mapping[str, Any], size: Size
) -> list[tuple[float, float]] | None:  # JSON values
    """The points of a polygon or vector, px; None when they are no list of finite pairs."""
    stated = value.get("points" if form == "polygon" else "vertices")
    points = []
    for pair in stated if isinstance(stated, list) else ():
        if isinstance(pair, dict):
            pair = [pair.get("x"), pair.get("y")]
        numbers = [number_of(part) for part in pair] if isinstance(pair, list) else []
        if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
            return None
        point = numbers[0] * size[0] / 100, numbers[1] * size[1] / 100
        if not all(map(math.isfinite, point)):
            return None
        points.append(point)
    return points or None


def corners_of(value: Mapping[str, Any], size: Size) -> list[tuple[float, float]] | None:
    """The four corners of a rectangle, px, from the top-left one on; None when it has none."""
    numbers = [number_of(value.get(name)) for name in ("x", "y", "width", "height")]
    angle = number_of(value.get("rotation")) or 0.0
    x, y, width, height = (math.nan if number is None else number for number in numbers)
    x, width = x * size[0] / 100, width * size[0] / 100
    y, height = y * size[1] / 100, height * size[1] / 100
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    ends = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    points = [(x + dx * cos - dy * sin, y + dx * sin + dy * cos) for dx, dy in ends]
    return points if all(math.isfinite(v) for point in points for v in point) else None


def _rectangle(
    value: Mapping[str, Any], size: Size, problems: list[str]
) -> tuple[str, Edges, float | None]:  # JSON values
    x, y, width, height = _percent(value, ("x", "y", "width", "height"), problems)
    angle = _angle(value, problems)
    if not angle:
        far = (x + width) * size[0] / 100, (y + height) * size[1] / 100
        return "box", _finite((x * size[0] / 100, y * size[1] / 100, *far)), None
    points = corners_of(value, size)
    if points is None:
        return "rotated", NOWHERE, angle
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return "rotated", (min(xs), min(ys), max(xs), max(ys)), angle


def _ellipse(
    value: Mapping[str, Any], size: Size, problems: list[str]
) -> tuple[str, Edges, float | None]:  # JSON values
    x, y, rx, ry = _percent(value, ("x", "y", "radiusX", "radiusY"), problems)
    x, rx = x * size[0] / 100, rx * size[0] / 100
    y, ry = y * size[1] / 100, ry * size[1] / 100
    turn_deg = _angle(value, problems)
    angle = math.radians(turn_deg)
    dx = math.hypot(rx * math.cos(angle), ry * math.sin(angle))
    dy = math.hypot(rx * math.sin(angle), ry * math.cos(angle))
    return "mask", _checked((x - dx, y - dy, x + dx, y + dy)), turn_deg or None


def _angle(value: Mapping[str, Any], problems: list[str]) -> float:  # JSON values
    stated = value.get("rotation")
    angle = number_of(stated)
    if angle is None and stated is not None:
        problems.append(f"has rotation {quote(stated)}, should be degrees")
    return angle or 0.0


def _percent(
    value: Mapping[str, Any], names: tuple[str, ...], problems: list[str]
) -> list[float]:  # JSON values
    numbers = []
    for name in names:
        number = number_of(value.get(name))
        if number is None:
            told = f"has {name} {quote(value[name])}" if name in value else f"has no {name}"
            problems.append(f"{told}, should be a number of percent")
            number = math.nan
        numbers.append(number)
    return numbers


def _finite(edges: Edges) -> Edges:
    """The edges, NaN for those that are infinite: of huge numbers products are."""
    x1, y1, x2, y2 = (edge if math.isfinite(edge) else math.nan for edge in edges)
    return x1, y1, x2, y2


def _checked(edges: Edges) -> Edges:
    return edges if all(map(math.isfinite, edges)) else NOWHERE
