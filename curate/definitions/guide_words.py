"""Words for people: roles, levels, and numbers with their units."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

STATUS = {
    "draft": "A draft: not agreed on yet.",
    "active": "In force.",
    "deprecated": "Superseded: not for new work.",
}
# Role to its title and what it asks of those who draw.
ROLES = {
    "include": ("Counts", "Draw a box. The detector is to find it."),
    "ignore": ("Ignored", "Draw a box and mark it as ignored: it counts neither way."),
    "exclude": ("Background", "Draw no box. The detector is not to find it."),
    "review": ("Unclear", "A reviewer decides for each."),
}
DUTIES = {"error": "must", "warning": "should", "info": "hint"}
_UNITS = {"px": " px", "px2": " px²", "deg": "°"}
_SHARES = ("frac", "share", "iou", "ioa")


def shown(value: Any) -> str:  # a YAML value
    """A value in words.

    Examples
    --------
    >>> shown(4.0), shown(0.25), shown(True), shown(None)
    ('4', '0.25', 'yes', 'unknown')
    """
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def measured(name: str, value: float | str) -> str:
    """A parameter with its value, in the unit that its name ends with.

    Examples
    --------
    >>> measured("min_side_px", 4.0), measured("min_visible_share", 0.15)
    ('min_side_px = 4 px', 'min_visible_share = 0.15 (15 %)')
    """
    unit = name.rpartition("_")[2]
    words = f"{name} = {shown(value)}{_UNITS.get(unit, '')}"
    if unit in _SHARES and isinstance(value, int | float):
        words += f" ({shown(float(f'{100 * value:.10g}'))} %)"
    return words


def comma(words: Iterable[str]) -> str:
    """Words with commas between them."""
    return ", ".join(words)
