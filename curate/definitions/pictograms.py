"""Pictograms of phenomena: a drawn figure, and the box that it gets by its role.

A figure is a list of strokes, one per line: `line:WIDTH`, `fill`, `rect`, `disc`, `ring:WIDTH`, a
colour, and points in units of the picture (120 x 90), x to the right and y down; a disc or ring
has its middle and its radius. `use` puts a figure of `FIGURES` somewhere: its palette, where its
origin goes, and its scale (negative: mirrored). `box` is the box of the phenomenon itself, `own`
that of a real person beside it, who counts.
"""

from __future__ import annotations

from curate.definitions.drawn_boxes import Rect, role_box
from curate.definitions.markup import element, number
from curate.definitions.pictogram_figures import COLOURS, FIGURES, PALETTES, PICTOGRAMS

WIDTH, HEIGHT = 120, 90
Point = tuple[float, float]


def pictogram(label: str | None, decision: str, role: str) -> str | None:
    """The picture of a phenomenon as an SVG element; None where there is none.

    Parameters
    ----------
    label
        The class of the definition that decides it.
    decision
        The phenomenon.
    role
        What is done with it: how its box is drawn.

    Examples
    --------
    >>> pictogram("person", "sitting", "include")[:24]
    '<svg viewBox="0 0 120 90'
    >>> pictogram("weapon", "sitting", "include") is None
    True
    """
    strokes = PICTOGRAMS.get(f"{label}.{decision}")
    if strokes is None:
        return None
    backdrop = element("rect", x=0.5, y=0.5, width=WIDTH - 1, height=HEIGHT - 1, rx=6,
                       fill=COLOURS["paper"], stroke=COLOURS["edge"])  # fmt: skip
    return element(
        "svg",
        backdrop,
        *_drawn(strokes, "live", role),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        role="img",
        aria_label=f"{decision.replace('_', ' ')}: {role}",
        xmlns="http://www.w3.org/2000/svg",
    )


def _drawn(strokes: str, palette: str, role: str) -> list[str]:
    found = []
    for line in strokes.strip().splitlines():
        kind, *words = line.split()
        if kind in ("box", "own"):
            (x1, y1), (x2, y2) = _points(words)
            found.append(_box(kind, Rect(x1, y1, x2, y2), role))
        elif kind == "use":
            found.append(_figure(words, role))
        else:
            found.append(_stroke(kind, PALETTES[palette].get(words[0], words[0]), words[1:]))
    return found


def _box(kind: str, rect: Rect, role: str) -> str:
    # The signs of two boxes of one picture must not lie on each other.
    return role_box(rect, role) if kind == "box" else role_box(rect, "include", sign_left=True)


def _figure(words: list[str], role: str) -> str:
    name, palette, at, scale = words
    ((x, y),) = _points([at])
    size = float(scale)
    move = f"translate({number(x)} {number(y)}) scale({number(size)} {number(abs(size))})"
    return element("g", *_drawn(FIGURES[name], palette, role), transform=move)


def _stroke(kind: str, colour: str, words: list[str]) -> str:
    shape, _, width = kind.partition(":")
    fill = COLOURS[colour]
    if shape in ("disc", "ring"):
        ((x, y),) = _points(words[:1])
        paint = {"fill": fill} if shape == "disc" else {"fill": "none", "stroke": fill}
        thick = float(width) if width else None
        return element("circle", cx=x, cy=y, r=float(words[1]), stroke_width=thick, **paint)
    if shape == "rect":
        (x1, y1), (x2, y2) = _points(words)
        return element("rect", x=x1, y=y1, width=x2 - x1, height=y2 - y1, rx=1.5, fill=fill)
    points = " ".join(words)
    if shape == "fill":
        return element("polygon", points=points, fill=fill)
    return element("polyline", points=points, fill="none", stroke=fill, stroke_width=float(width),
                   stroke_linecap="round", stroke_linejoin="round")  # fmt: skip


def _points(words: list[str]) -> list[Point]:
    pairs = [word.split(",") for word in words]
    return [(float(x), float(y)) for x, y in pairs]
