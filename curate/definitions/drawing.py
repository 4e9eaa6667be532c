"""Scenes of clauses as drawn pictures: the image, its boxes, and whether that is right or wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from curate.definitions.drawn_boxes import BAD, GOOD, ROLE_COLOURS, Rect, hatching, outline
from curate.definitions.markup import element, number, text
from curate.definitions.model import Scene
from curate.definitions.records import Record

# The size of a scene's image where it states none (schemas/definition-1.schema.json).
IMAGE_WH = (640, 480)
# px of the shown picture.
_SHOWN_WIDTH, _LINE, _DETAIL = 260.0, 13.0, 150.0
_MARGIN = 0.06
# What lies farther outside, as a share of the image's side, is cut off.
_MAX_BEYOND = 0.6
# Distances below this many px of the shown picture are shown enlarged too.
_FINE = 3.0
_MAX_HEIGHT = 1.4 * _SHOWN_WIDTH
# No picture has such an edge, and SVG has no numbers for it: it counts as unknown.
_HUGE = 1e9
_SMALL = 18.0
_CHARS = 44
# px of a letter of a name, about.
_TAG_WIDTH = 7.0
_EDGES = ("x1", "y1", "x2", "y2")
KEYPOINTS = "keypoints"
# Rectangles beside a box: the beginning of their columns, what they are called, their colour.
_INNER = (
    ("mask", "outline", "#7c3aed"),
    ("keypoint", KEYPOINTS, "#be185d"),
    ("visible", "visible part", "#0f766e"),
)
_SIZE = ("image_width", "image_height")
_DRAWN = {*_EDGES, "label", "role", *(f"{name}_{edge}" for name, _, _ in _INNER for edge in _EDGES)}
_INK, _OTHER, _CANVAS, _BESIDE, _LINES = "#1f2933", "#475569", "#e3e9ef", "#ffffff", "#b6c2cd"


@dataclass(frozen=True)
class _Box:
    """A box of a scene: edges in px as they stand (NaN: not there), and what is told of it."""

    edges: Rect
    colour: str
    is_judged: bool
    is_second: bool
    role: str | None
    words: str
    inner: tuple[tuple[str, str, Rect], ...]

    @property
    def rect(self) -> Rect:
        """The edges in order."""
        one = self.edges
        return Rect(
            min(one.x1, one.x2), min(one.y1, one.y2), max(one.x1, one.x2), max(one.y1, one.y2)
        )

    @property
    def is_whole(self) -> bool:
        """Whether all edges are there."""
        return _is_finite(self.edges)


@dataclass(frozen=True)
class _View:
    """A part of the image, and the size of a px of the shown picture in px of the image.

    `has_words` is whether boxes have their names in it.
    """

    rect: Rect
    unit: float
    has_words: bool


def draw(scene: Scene, record: Record, *, is_right: bool) -> str:
    """A scene as an SVG element that needs nothing else; the same scene, the same bytes.

    Parameters
    ----------
    record
        What is judged: of a pair the first two boxes, else the first.
    is_right
        Whether it meets its clause: a tick and green, or a cross and red.
    """
    colour = GOOD if is_right else BAD
    size_wh = _image_size(scene.image)
    boxes = _boxes(scene, 2 if record == "pair" else 1, colour)
    told = list(_facts(scene))
    view = _overview(size_wh, boxes)
    height = view.rect.height / view.unit if boxes else _LINE
    detail = _detail(size_wh, boxes, view.unit)
    parts = [_panel(view, boxes, size_wh)] if boxes else []
    width = _SHOWN_WIDTH
    if detail is not None:
        parts.append(_enlarged(detail, boxes, size_wh, width + 8))
        parts.append(_spot(detail, view))
        width += 8 + _DETAIL
    parts.append(_mark(colour, is_right=is_right))
    top = max(height, _DETAIL + _LINE if detail else 0.0) + 4
    for line, words in enumerate(told):
        parts.append(_words(words, 4, top + _LINE * (line + 0.8), size=11))
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {number(width)} {number(top + _LINE * len(told) + 4)}",
        width=width,
        height=top + _LINE * len(told) + 4,
        role="img",
        aria_label=f"{'right' if is_right else 'wrong'}: {scene.note}",
        xmlns="http://www.w3.org/2000/svg",
        font_family="sans-serif",
    )


def _image_size(image: Mapping[str, Any]) -> tuple[float, float]:
    sides = []
    for name, usual in zip(_SIZE, IMAGE_WH, strict=True):
        value = _number(image.get(name))
        sides.append(value if 0 < value < math.inf else float(usual))
    return sides[0], sides[1]


def _number(value: Any) -> float:  # a YAML value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < _HUGE else math.nan


def _boxes(scene: Scene, n_judged: int, colour: str) -> list[_Box]:
    found = []
    for place, row in enumerate(scene.boxes):
        inner = [
            (words, paint, _rect(row, f"{name}_"))
            for name, words, paint in _INNER
            if all(f"{name}_{edge}" in row for edge in _EDGES)
        ]
        role = row.get("role")
        names = [str(row[key]) for key in ("label", "role") if row.get(key) is not None]
        found.append(
            _Box(
                _rect(row, ""),
                colour if place < n_judged else _OTHER,
                place < n_judged,
                place == 1,
                role if role in ROLE_COLOURS else None,
                ", ".join(names),
                tuple(one for one in inner if _is_finite(one[2])),
            )
        )
    return found


def _rect(row: Mapping[str, Any], prefix: str) -> Rect:
    return Rect(*(_number(row.get(prefix + edge)) for edge in _EDGES))


def _is_finite(rect: Rect) -> bool:
    return all(map(math.isfinite, (rect.x1, rect.y1, rect.x2, rect.y2)))


def _rects(boxes: list[_Box]) -> Iterator[Rect]:
    for box in boxes:
        if box.is_whole:
            yield box.rect
        yield from (rect for _, _, rect in box.inner)


def _overview(size_wh: tuple[float, float], boxes: list[_Box]) -> _View:
    """The whole image with a margin, and what lies beyond it as far as that goes."""
    width, height = size_wh
    margin = _MARGIN * max(size_wh)
    x1, y1, x2, y2 = 0.0, 0.0, width, height
    for rect in _rects(boxes):
        x1, y1 = min(x1, rect.x1), min(y1, rect.y1)
        x2, y2 = max(x2, rect.x2), max(y2, rect.y2)
    x1, x2 = max(x1, -_MAX_BEYOND * width), min(x2, (1 + _MAX_BEYOND) * width)
    y1, y2 = max(y1, -_MAX_BEYOND * height), min(y2, (1 + _MAX_BEYOND) * height)
    rect = Rect(x1 - margin, y1 - margin, x2 + margin, y2 + margin)
    unit = max(rect.width / _SHOWN_WIDTH, rect.height / _MAX_HEIGHT)
    return _View(rect, unit, has_words=True)


def _detail(size_wh: tuple[float, float], boxes: list[_Box], unit: float) -> _View | None:
    """A small part of the image where the judged boxes are too small, or too near to something."""
    judged = [box.rect for box in boxes if box.is_judged and box.is_whole]
    if not judged:
        return None
    first = judged[0]
    if max(first.width, first.height) < _SMALL * unit:
        side = max(first.width, first.height, 4.0) * 2.2
        return _window((first.x1 + first.x2) / 2, (first.y1 + first.y2) / 2, side)
    near = [rect for box in boxes if box.is_judged for _, _, rect in box.inner] + judged[1:]
    widest = [max(_gaps(first, other)) for other in near]
    widest.append(max(_beyond(first, size_wh)))
    fine = [one for one in widest if 0 < one[0] < _FINE * unit]
    if not fine:
        return None
    gap, x, y = max(fine)
    return _window(x, y, 7 * gap)


Gap = tuple[float, float, float]


def _gaps(one: Rect, other: Rect) -> list[Gap]:
    """How far each edge is from the other's, and the middle of that edge."""
    x, y = (one.x1 + one.x2) / 2, (one.y1 + one.y2) / 2
    return [
        (abs(one.x1 - other.x1), one.x1, y),
        (abs(one.x2 - other.x2), one.x2, y),
        (abs(one.y1 - other.y1), x, one.y1),
        (abs(one.y2 - other.y2), x, one.y2),
    ]


def _beyond(one: Rect, size_wh: tuple[float, float]) -> list[Gap]:
    """How far each edge is outside of the image, and the middle of that edge."""
    return _gaps(one, _within(one, Rect(0, 0, *size_wh)))


def _window(x: float, y: float, side: float) -> _View:
    rect = Rect(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return _View(rect, side / _DETAIL, has_words=False)


def _panel(view: _View, boxes: list[_Box], size_wh: tuple[float, float], x: float = 0.0) -> str:
    """A part of the image as a picture of its own: what lies outside is cut off."""
    rect = view.rect
    image = Rect(0, 0, *size_wh)
    canvas = element("rect", x=0, y=0, width=size_wh[0], height=size_wh[1], fill=_CANVAS)
    beside = element(
        "rect", x=rect.x1, y=rect.y1, width=rect.width, height=rect.height, fill=_BESIDE
    )
    lines = [beside, canvas, *_pixels(view, image), outline(image, _LINES, 1.5 * view.unit)]
    # The judged ones on top of the others.
    for box in sorted(boxes, key=lambda one: one.is_judged):
        lines += _box(box, view)
        lines += _names(box, view) if view.has_words else []
    return element(
        "svg",
        *lines,
        x=x,
        y=0,
        width=rect.width / view.unit,
        height=rect.height / view.unit,
        viewBox=" ".join(number(value) for value in (rect.x1, rect.y1, rect.width, rect.height)),
        overflow="hidden",
    )


def _pixels(view: _View, image: Rect) -> Iterator[str]:
    """The edges of pixels, where one is large enough to be seen."""
    if view.unit > 0.25:
        return
    rect = view.rect
    left, right = math.ceil(max(rect.x1, image.x1)), math.floor(min(rect.x2, image.x2))
    top, bottom = math.ceil(max(rect.y1, image.y1)), math.floor(min(rect.y2, image.y2))
    across = "".join(f"M{x} {top}V{bottom}" for x in range(left, right + 1))
    down = "".join(f"M{left} {y}H{right}" for y in range(top, bottom + 1))
    yield element("path", d=across + down, stroke="#cdd7e0", stroke_width=f"{0.6 * view.unit:.3f}")


def _box(box: _Box, view: _View) -> Iterator[str]:
    unit = view.unit
    for words, colour, rect in box.inner:
        dash = f"{number(4 * unit)} {number(3 * unit)}"
        yield outline(rect, colour, 1.6 * unit, dash=dash)
        if words == KEYPOINTS:
            x, y = (rect.x1 + rect.x2) / 2, (rect.y1 + rect.y2) / 2
            for at in ((rect.x1, y), (rect.x2, y), (x, rect.y1), (x, rect.y2)):
                yield element("circle", cx=at[0], cy=at[1], r=3 * unit, fill=colour)
    if not box.is_whole:
        yield from _open(box, view)
        return
    if box.role == "ignore":
        yield hatching(_within(box.rect, view.rect), box.colour, step=8 * unit, width=unit)
    yield outline(box.rect, box.colour, (2.6 if box.is_judged else 1.8) * unit)


def _within(one: Rect, other: Rect) -> Rect:
    x1, y1 = max(one.x1, other.x1), max(one.y1, other.y1)
    return Rect(x1, y1, max(x1, min(one.x2, other.x2)), max(y1, min(one.y2, other.y2)))


def _names(box: _Box, view: _View) -> Iterator[str]:
    """What the box and the rectangles beside it are called, where they hide nothing."""
    unit, rect = view.unit, box.rect
    bottom = rect.y2 if box.is_whole else view.rect.y2
    for words, colour, inner in box.inner:
        yield _tag(words, inner.x1, max(inner.y2, bottom) + 12 * unit, colour, unit)
    if not box.is_whole:
        return
    if box.edges != rect:
        yield from _turned(box, unit)
    if not box.words:
        return
    last = view.rect.x2 - _TAG_WIDTH * len(box.words) * unit
    x = max(min(rect.x1, last), view.rect.x1 + 2 * unit)
    above, below = rect.y1 - 4 * unit, rect.y2 + 12 * unit
    has_room = above - 9 * unit > view.rect.y1
    # Two boxes of a pair mostly begin at the same height.
    yield _tag(box.words, x, above if has_room and not box.is_second else below, box.colour, unit)


def _open(box: _Box, view: _View) -> Iterator[str]:
    """The edges that are there, as lines."""
    edges, rect, unit = box.edges, view.rect, view.unit
    x1 = edges.x1 if math.isfinite(edges.x1) else rect.x1
    x2 = edges.x2 if math.isfinite(edges.x2) else rect.x2
    y1 = edges.y1 if math.isfinite(edges.y1) else rect.y1
    y2 = edges.y2 if math.isfinite(edges.y2) else rect.y2
    for x in (edges.x1, edges.x2):
        if math.isfinite(x):
            yield _line(x, y1, x, y2, box.colour, unit)
    for y in (edges.y1, edges.y2):
        if math.isfinite(y):
            yield _line(x1, y, x2, y, box.colour, unit)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, unit: float) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, stroke_width=2.6 * unit)


def _turned(box: _Box, unit: float) -> Iterator[str]:
    """Names at the edges of a box whose edges are not in order."""
    edges, rect = box.edges, box.rect
    y, x = (rect.y1 + rect.y2) / 2, (rect.x1 + rect.x2) / 2
    if edges.x1 > edges.x2:
        yield _tag("left", edges.x1 + 4 * unit, y, box.colour, unit)
        yield _tag("right", edges.x2 + 4 * unit, y, box.colour, unit)
    if edges.y1 > edges.y2:
        yield _tag("top", x, edges.y1 - 4 * unit, box.colour, unit)
        yield _tag("bottom", x, edges.y2 - 4 * unit, box.colour, unit)


def _tag(words: str, x: float, y: float, colour: str, unit: float) -> str:
    """Words with a light rim, so that they can be read on lines."""
    return element("text", text(_cut(words, 30)), x=x, y=y, fill=colour, font_size=11 * unit,
                   font_weight="bold", stroke="#ffffff", stroke_width=f"{2.4 * unit:.3f}",
                   paint_order="stroke", stroke_linejoin="round")  # fmt: skip


def _enlarged(detail: _View, boxes: list[_Box], size_wh: tuple[float, float], x: float) -> str:
    panel = _panel(detail, boxes, size_wh, x)
    frame = outline(Rect(x, 0.75, x + _DETAIL - 0.75, _DETAIL - 0.75), _OTHER, 1.5)
    told = f"enlarged: {number(detail.rect.width)} px wide"
    return panel + frame + _words(told, x, _DETAIL + _LINE, size=10)


def _spot(detail: _View, view: _View) -> str:
    """A ring in the overview round what is enlarged."""
    x, y = (detail.rect.x1 + detail.rect.x2) / 2, (detail.rect.y1 + detail.rect.y2) / 2
    cx, cy = (x - view.rect.x1) / view.unit, (y - view.rect.y1) / view.unit
    radius = max(6.0, detail.rect.width / view.unit / 2)
    return element("circle", cx=cx, cy=cy, r=radius, fill="none", stroke=_OTHER, stroke_width=1.2)


def _mark(colour: str, *, is_right: bool) -> str:
    points = "-4,0.5 -1,3.5 4.5,-3.5" if is_right else "-3.5,-3.5 3.5,3.5 0,0 -3.5,3.5 3.5,-3.5"
    disc = element("circle", r=9, fill=colour, stroke="#ffffff", stroke_width=1.5)
    sign = element("polyline", points=points, fill="none", stroke="#ffffff", stroke_width=2.4,
                   stroke_linecap="round", stroke_linejoin="round")  # fmt: skip
    return element("g", disc, sign, transform=f"translate({number(_SHOWN_WIDTH - 12)} 12)")


def _facts(scene: Scene) -> Iterator[str]:
    """What cannot be seen in the picture, in lines."""
    image = {key: value for key, value in scene.image.items() if key not in _SIZE}
    rows = [_told(row) for row in scene.boxes]
    # What is the same of all boxes is told once.
    shared = dict(rows[0]) if rows else {}
    for row in rows[1:]:
        shared = {key: v for key, v in shared.items() if key in row and row[key] == v}
    yield from _listed("", scene.values)
    yield from _listed("image: ", image)
    yield from _listed("", shared)
    for place, row in enumerate(rows):
        own = {key: value for key, value in row.items() if key not in shared}
        yield from _listed(f"{_ordinal(place)}: ", own)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:  # YAML values
    told = {key: value for key, value in row.items() if key not in _DRAWN or value is None}
    return told | {
        edge: row.get(edge) for edge in _EDGES if not math.isfinite(_number(row.get(edge)))
    }


def _listed(name: str, values: Mapping[str, Any]) -> Iterator[str]:  # YAML values
    words = ", ".join(f"{key.replace('_', ' ')} {_value(value)}" for key, value in values.items())
    return _wrapped(name + words) if words else iter(())


def _ordinal(place: int) -> str:
    return ("first", "second", "third")[place] if place < 3 else f"box {place + 1}"


def _value(value: Any) -> str:  # a YAML value
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _wrapped(words: str) -> Iterator[str]:
    line = ""
    for word in words.split():
        if line and len(line) + len(word) >= _CHARS:
            yield line
            line = ""
        line += f" {word}" if line else _cut(word, _CHARS)
    if line:
        yield line


def _cut(words: str, n_chars: int) -> str:
    return words if len(words) <= n_chars else words[: n_chars - 1] + "…"


def _words(words: str, x: float, y: float, *, size: float) -> str:
    return element("text", text(words), x=x, y=y, font_size=size, fill=_INK)
