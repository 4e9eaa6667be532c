"""What a parameter may be, told by the unit at the end of its name."""

from __future__ import annotations

import math
from numbers import Real

_SHARES = ("frac", "iou", "ioa", "share")
_AMOUNTS = {
    **dict.fromkeys(("px", "px2"), "give it in {unit}"),
    **dict.fromkeys(("boxes", "frames", "images"), "give a number of {unit}"),
    "ratio": "give how many times one is the other",
    "z": "give standard deviations",
}


def unit_fault(name: str, value: object) -> tuple[str, str] | None:
    """What a value should be, and the mend; None when it is fine.

    Examples
    --------
    >>> unit_fault("min_iou", 90)
    ('a number in 0..1', 'give a share, 0.9 for 90 %')
    >>> unit_fault("min_iou", 0.9) is None
    True
    """
    unit = name.rpartition("_")[2]
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    number = _float(value) if isinstance(value, Real) and is_number else math.nan
    if unit in _SHARES and not 0 <= number <= 1:
        return "a number in 0..1", "give a share, 0.9 for 90 %"
    if unit in _AMOUNTS and not 0 <= number < math.inf:
        return "a number from 0 on", _AMOUNTS[unit].format(unit=unit)
    return None


def _float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:
        # A whole number that float64 cannot hold.
        return math.inf
