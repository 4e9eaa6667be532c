"""The ways in which coordinates may have been misread, and the one that makes sense of them.

A reading takes the edges as they stand in the table and gives those that were meant, all in px;
each is the inverse of one mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from curate.boxes import Floats
from curate.checks.borders import is_walled, n_on_border
from curate.checks.groups import Group, Masks, impossible

# A right reading mends nine of ten impossible boxes, and fills the images: most boxes of natural
# sets do not lie in one quarter of the picture.
MAX_LEFT_FRAC = 0.1
MAX_LEFT_OF_ALL_FRAC = 0.02
MIN_REACH_FRAC = 0.5
REACH_QUANTILE = 0.95
# A drastic mistake (sums and products of coordinates) is beyond doubt when this share of the boxes
# is impossible; else the mended ones must have a wall of edges at the images' borders, as cut
# objects make one: a cluster of boxes over one border may be moved inside by a wrong reading too.
BEYOND_DOUBT_FRAC = 0.5


@dataclass(frozen=True)
class Reading:
    """A mistake, how it is undone, and the words for both.

    `kind` is the name of the check, `mistake` what happened, `mend` the arithmetic that undoes it
    (`undo`: edges and image sizes to edges); `is_drastic` says that no box stays near its place.
    """

    kind: str
    mistake: str
    mend: str
    undo: Callable[[Floats, Floats], Floats]
    is_drastic: bool = False


def _sizes(xyxy: Floats, wh: Floats) -> Floats:
    return np.stack([xyxy[0], xyxy[1], xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]])


def _centres_and_sizes(xyxy: Floats, wh: Floats) -> Floats:
    x1, y1, x2, y2 = xyxy
    return np.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])


def _sums(xyxy: Floats, wh: Floats) -> Floats:
    return np.stack([xyxy[0], xyxy[1], xyxy[0] + xyxy[2], xyxy[1] + xyxy[3]])


def _half_back(xyxy: Floats, wh: Floats) -> Floats:
    return _shifted(xyxy, -0.5)


def _half_on(xyxy: Floats, wh: Floats) -> Floats:
    return _shifted(xyxy, 0.5)


def _shifted(xyxy: Floats, sides: float) -> Floats:
    shift = sides * (xyxy[2:] - xyxy[:2])
    return np.concatenate([xyxy[:2] + shift, xyxy[2:] + shift])


def _by_size(xyxy: Floats, wh: Floats) -> Floats:
    fractions: Floats = xyxy / np.concatenate([wh, wh])
    return fractions


def _other_axes(xyxy: Floats, wh: Floats) -> Floats:
    turned: Floats = xyxy[[1, 0, 3, 2]]
    return turned


def _other_sides(xyxy: Floats, wh: Floats) -> Floats:
    corner = xyxy[:2]
    return np.concatenate([corner, corner + (xyxy[2:] - corner)[::-1]])


def _other_fractions(xyxy: Floats, wh: Floats) -> Floats:
    centre, half = (xyxy[:2] + xyxy[2:]) / 2, (xyxy[2:] - xyxy[:2]) / 2
    half = (half / wh)[::-1] * wh
    return np.concatenate([centre - half, centre + half])


READINGS: tuple[Reading, ...] = (
    Reading(
        "corners-read-as-sizes",
        "x1 y1 x2 y2 were written where x y w h are read",
        "re-read the four values as x1 y1 x2 y2: x2 - x1 is the right edge, y2 - y1 the bottom "
        "one (in the file: w - x and h - y are the width and height)",
        _sizes,
        is_drastic=True,
    ),
    Reading(
        "corners-read-as-sizes",
        "x1 y1 x2 y2 were written where xc yc w h are read",
        "re-read the four values as x1 y1 x2 y2: the edges are (x1 + x2) / 2, (y1 + y2) / 2, "
        "x2 - x1, y2 - y1",
        _centres_and_sizes,
        is_drastic=True,
    ),
    Reading(
        "sizes-read-as-corners",
        "x y w h were written where x1 y1 x2 y2 are read",
        "re-read the four values as x y w h: x1 + x2 is the right edge, y1 + y2 the bottom one",
        _sums,
        is_drastic=True,
    ),
    Reading(
        "centre-read-as-corner",
        "the centre was written where the left top corner is read",
        "move each box by half its size: subtract (x2 - x1) / 2 from x1 and x2, (y2 - y1) / 2 "
        "from y1 and y2",
        _half_back,
    ),
    Reading(
        "corner-read-as-centre",
        "the left top corner was written where the centre is read",
        "move each box by half its size: add (x2 - x1) / 2 to x1 and x2, (y2 - y1) / 2 to y1 and "
        "y2",
        _half_on,
    ),
    Reading(
        "pixels-read-as-fractions",
        "pixels were written where fractions of the image are read",
        "divide x1 and x2 by the image's width, y1 and y2 by its height",
        _by_size,
        is_drastic=True,
    ),
    Reading(
        "axes-swapped",
        "x and y are exchanged",
        "exchange x1 with y1 and x2 with y2",
        _other_axes,
    ),
    Reading(
        "sides-swapped",
        "width and height of the boxes are exchanged",
        "exchange the sides: the right edge is x1 + (y2 - y1), the bottom one y1 + (x2 - x1)",
        _other_sides,
    ),
    Reading(
        "sides-swapped",
        "width and height of the boxes, fractions of the image, are exchanged",
        "exchange the sides about the centre: the width is (y2 - y1) * W / H, the height "
        "(x2 - x1) * H / W",
        _other_fractions,
    ),
)


def best_reading(group: Group) -> tuple[Reading, int] | None:
    """The reading that makes sense of the boxes and how many stay impossible; None if none does.

    It mends nine of ten impossible boxes, leaves 2 % of all at most, fills the images
    and puts no fewer edges on their borders than before; unless the mistake is drastic and half
    of all boxes are impossible, those edges must be a wall.
    """
    n_bad = int(np.count_nonzero(group.impossible))
    most_left = min(MAX_LEFT_FRAC * n_bad, max(1.0, MAX_LEFT_OF_ALL_FRAC * len(group)))
    least_border = n_on_border(group.xyxy, group.wh)
    fitting = []
    for number, reading in enumerate(READINGS):
        with np.errstate(over="ignore", invalid="ignore"):  # of coordinates near 1e308
            meant = reading.undo(group.xyxy, group.wh)
            n_left = int(np.count_nonzero(~possible(meant, group.wh)))
            n_border = n_on_border(meant, group.wh)
        if n_left > most_left or n_border < least_border or not fills(meant, group.wh):
            continue
        is_clear = reading.is_drastic and n_bad >= BEYOND_DOUBT_FRAC * len(group)
        if is_clear or is_walled(group, meant[2:], group.wh):
            fitting.append((n_left, -n_border, number))
    if not fitting:
        return None
    n_left, _, number = min(fitting)
    return READINGS[number], n_left


def possible(xyxy: Floats, wh: Floats) -> Masks:
    """(N,) whether all edges are finite and the box is not `impossible`."""
    return np.isfinite(xyxy).all(axis=0) & ~impossible(xyxy, wh)


def fills(xyxy: Floats, wh: Floats) -> bool:
    """Whether boxes reach far into the images on both axes, as natural sets do."""
    reach = np.quantile(np.nan_to_num(xyxy[2:] / wh), REACH_QUANTILE, axis=1)
    return bool((reach >= MIN_REACH_FRAC).all())
