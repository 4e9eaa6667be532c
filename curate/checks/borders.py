"""What the image's borders tell: objects that they cut off end exactly there, in every convention.

Two tests: the histogram of edges within two pixels of the border (off-by-one), and a wall of edges
at a constant share of the image's size (boxes of another resolution).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from curate.boxes import Floats
from curate.checks.groups import MAX_CHANCE, Group, log_tail

# Reference audits.md 4.6: with fewer border edges, or a smaller share of them at one place, the
# histogram says nothing. That a half of them at another place looks like it by chance is tested.
MIN_BORDER_EDGES = 30
MIN_MODE_FRAC = 0.8
CHANCE_OF_MODE = 0.5
# Edges this near, px, count; those within a quarter pixel of -1, 0 or 1 stand at that place.
NEAR_PX = 1.5
AT_PX = 0.25
# An edge this near to the image's border, px, lies on it.
ON_BORDER_PX = 1.0
# A wall: edges within one pixel of a place, against those in the twenty pixels before it. Where
# objects end anywhere, and no more often further out, at most 2 of these 22 px' edges are there.
BEFORE_PX = 20.0
CHANCE_OF_WALL = 2 * ON_BORDER_PX / (2 * ON_BORDER_PX + BEFORE_PX)
WALL_MIN_EDGES = 3
WALL_TOP_FRAC = 0.01
# Boxes that may end beyond the wall.
MAX_BEYOND_FRAC = 0.02
# Where a wall is a second witness beside another test of its own, a milder chance is enough.
MAX_CHANCE_OF_WALL = 1e-3
# Factors nearer to 1 are matters of rounding; both axes must agree on the factor.
MIN_OFF_FRAC = 0.02
SAME_FACTOR_FRAC = 0.01

# Place of left and top edges, of right and bottom ones less the size: what that means, its mend.
MEANINGS: dict[tuple[int, int], tuple[str, str]] = {
    (1, 0): (
        "1-based inclusive corners (VOC) were taken as 0-based edges",
        "subtract 1 from x1 and y1",
    ),
    (0, -1): (
        "inclusive 0-based corners were taken as edges",
        "add 1 to x2 and y2",
    ),
    (1, 1): (
        "all edges are 1 px too far right and down",
        "subtract 1 from x1, y1, x2 and y2",
    ),
    (-1, 0): (
        "1 was subtracted twice from the left and top edges",
        "add 1 to x1 and y1",
    ),
    (-1, -1): (
        "all edges are 1 px too far left and up: 1 was subtracted from 0-based corners",
        "add 1 to x1, y1, x2 and y2",
    ),
}


@dataclass(frozen=True)
class Side:
    """Edges near one side of the image: how many, where most stand (px), and how many do."""

    n_near: int
    mode: int
    n_mode: int


def off_by_one(group: Group) -> tuple[Side, Side, tuple[str, str]] | None:
    """The left and top, and the right and bottom edges near the border, and what they mean.

    None where there are too few, no place is clear, or the place is the right one.
    """
    low = _side(group.xyxy[:2])
    if low is None:
        return None
    high = _side(group.xyxy[2:] - group.wh)
    if high is None or (low.mode, high.mode) not in MEANINGS:
        return None
    for side in (low, high):
        if side.mode and not group.is_beyond_chance(side.n_mode, side.n_near, CHANCE_OF_MODE):
            return None
    return low, high, MEANINGS[low.mode, high.mode]


def _side(distances: Floats) -> Side | None:
    near = distances[np.abs(distances) <= NEAR_PX]
    if len(near) < MIN_BORDER_EDGES:
        return None
    places = np.rint(near)
    counts = [
        int(np.count_nonzero((places == place) & (np.abs(near - place) <= AT_PX)))
        for place in (-1, 0, 1)
    ]
    n_mode = max(counts)
    if n_mode < MIN_MODE_FRAC * len(near):
        return None
    return Side(len(near), counts.index(n_mode) - 1, n_mode)


def n_on_border(xyxy: Floats, wh: Floats) -> int:
    """Number of right and bottom edges that lie on the image's border."""
    return int(np.count_nonzero(np.abs(xyxy[2:] - wh) <= ON_BORDER_PX))


@dataclass(frozen=True)
class Wall:
    """Edges at a place: how many, of how many there or before it, and ln of the chance of that."""

    n_at: int
    n_near: int
    log_chance: float


def wall(edges: Floats, places: Floats) -> Wall:
    """How edges pile up at their places.

    Parameters
    ----------
    edges, places
        (N,) px: right or bottom edges, and where each would end.
    """
    off = edges - places
    n_at = int(np.count_nonzero(np.abs(off) <= ON_BORDER_PX))
    n_before = int(np.count_nonzero((off < -ON_BORDER_PX) & (off >= -ON_BORDER_PX - BEFORE_PX)))
    return Wall(n_at, n_at + n_before, log_tail(n_at, n_at + n_before, CHANCE_OF_WALL))


def is_walled(group: Group, xy2: Floats, places: Floats) -> bool:
    """Whether right and bottom edges, taken together, pile up at their places.

    Parameters
    ----------
    xy2, places
        (2, N) px, of boxes of the group.
    """
    both = wall(xy2.ravel(), places.ravel())
    return group.is_rarer(both.log_chance, both.n_near, MAX_CHANCE_OF_WALL)


def two_walls(group: Group, xy2: Floats, places: Floats) -> tuple[int, int] | None:
    """Numbers of right and bottom edges at their places; None when chance may have put them there.

    Parameters
    ----------
    xy2, places
        (2, N) px, of boxes of the group.
    """
    x, y = (wall(*pair) for pair in zip(xy2, places, strict=True))
    if min(x.n_at, y.n_at) < WALL_MIN_EDGES:
        return None
    is_rare = group.is_rarer(x.log_chance + y.log_chance, x.n_near + y.n_near, MAX_CHANCE)
    return (x.n_at, y.n_at) if is_rare else None


def resolution(group: Group) -> tuple[float, tuple[int, int]] | None:
    """The share of the images' size at which boxes end, if it is not 1, and how many end there."""
    factors = []
    for axis in (0, 1):
        ratio = group.xyxy[2 + axis] / group.wh[axis]
        place = len(ratio) - 1 - int(WALL_TOP_FRAC * len(ratio))
        factor = float(np.partition(ratio, place)[place])
        if not MIN_OFF_FRAC < abs(factor - 1) < math.inf or factor <= 0:
            return None
        factors.append(factor)
    if abs(factors[0] / factors[1] - 1) > SAME_FACTOR_FRAC:
        return None
    factor = _middle_of_walls(group, sum(factors) / 2)
    places = factor * group.wh
    n_beyond = int(np.count_nonzero((group.xyxy[2:] > places + ON_BORDER_PX).any(axis=0)))
    if n_beyond > MAX_BEYOND_FRAC * len(group):
        return None
    n_walls = two_walls(group, group.xyxy[2:], places)
    return None if n_walls is None else (factor, n_walls)


def _middle_of_walls(group: Group, factor: float) -> float:
    """The factor without the error of its rounding: the median over the edges near it."""
    near = np.abs(group.xyxy[2:] / group.wh / factor - 1) <= SAME_FACTOR_FRAC
    return float(np.median((group.xyxy[2:] / group.wh)[near]))
