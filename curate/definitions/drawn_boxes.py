"""Drawn boxes: their colours and signs, the same in pictograms and in the scenes of clauses."""

from __future__ import annotations

from dataclasses import dataclass

from curate.definitions.markup import element

GOOD, BAD = "#15803d", "#c62828"
# Role to colour. Each has a sign of its own too: colours alone do not tell everybody.
ROLE_COLOURS = {"include": GOOD, "ignore": "#b45309", "exclude": "#6b7280", "review": "#1d4ed8"}
_SIGNS = {
    "include": "-2.2,0.2 -0.6,1.9 2.4,-1.8",
    "ignore": "-2.2,0 2.2,0",
    "exclude": "-1.8,-1.8 1.8,1.8 0,0 -1.8,1.8 1.8,-1.8",
}
_HATCH = 7.0


@dataclass(frozen=True)
class Rect:
    """A rectangle by its edges, in units of the picture."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """From the left to the right edge."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """From the top to the bottom edge."""
        return self.y2 - self.y1


def outline(rect: Rect, colour: str, width: float, *, dash: str | None = None) -> str:
    """The four edges of a rectangle."""
    return element("rect", x=rect.x1, y=rect.y1, width=rect.width, height=rect.height,
                   fill="none", stroke=colour, stroke_width=width, stroke_dasharray=dash,
                   stroke_linejoin="round")  # fmt: skip


def hatching(rect: Rect, colour: str, *, step: float = _HATCH, width: float = 1.0) -> str:
    """Slanting lines in a rectangle, `step` apart.

    Lines and no pattern: a pattern has an id, and one page holds many pictures.
    """
    parts = []
    offset = step
    # The lines are x - x1 + y - y1 = offset, from the upper right to the lower left.
    while offset < rect.width + rect.height:
        over_x, over_y = max(0.0, offset - rect.width), max(0.0, offset - rect.height)
        start = f"{rect.x1 + offset - over_x:.2f} {rect.y1 + over_x:.2f}"
        end = f"{rect.x1 + over_y:.2f} {rect.y1 + offset - over_y:.2f}"
        parts.append(f"M{start}L{end}")
        offset += step
    return element("path", d="".join(parts), stroke=colour, stroke_width=width, opacity=0.5)


def role_box(rect: Rect, role: str, *, unit: float = 1.0, sign_left: bool = False) -> str:
    """A box as its role says: solid, hatched or dashed, with the role's sign at an upper corner.

    `unit` is the size of a px of the shown picture, in units of the picture.
    """
    colour = ROLE_COLOURS[role]
    dash = f"{3 * unit:.2f} {3 * unit:.2f}" if role in ("exclude", "review") else None
    hatch = [hatching(rect, colour, step=_HATCH * unit, width=unit)] if role == "ignore" else []
    sign = role_sign(rect.x1 if sign_left else rect.x2, rect.y1, role, unit=unit)
    return element("g", *hatch, outline(rect, colour, 2 * unit, dash=dash), sign)


def role_sign(x: float, y: float, role: str, *, unit: float = 1.0) -> str:
    """A disc with the sign of a role: a tick, a bar, a cross, a question mark."""
    disc = element("circle", r=4.6, fill=ROLE_COLOURS[role], stroke="#ffffff", stroke_width=0.8)
    return element(
        "g", disc, _sign(role), transform=f"translate({x:.2f} {y:.2f}) scale({unit:.3f})"
    )


def _sign(role: str) -> str:
    if role == "review":
        return element("text", "?", y=2.6, fill="#ffffff", font_size=7, font_weight="bold",
                       text_anchor="middle", font_family="sans-serif")  # fmt: skip
    return element("polyline", points=_SIGNS[role], fill="none", stroke="#ffffff",
                   stroke_width=1.4, stroke_linecap="round", stroke_linejoin="round")  # fmt: skip
