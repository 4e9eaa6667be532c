"""Boxes that share a cause, and the chance that slips alone look like a mistake of the whole file.

A group is one label file, or all files of one ending where each file speaks of one image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from curate.boxes import Floats, Rows

Masks = npt.NDArray[np.bool_]

# A box further out than this, px, is no matter of rounding or of an off-by-one of two conventions.
OUTSIDE_PX = 2.0
# In a rightly read file at most this share of the boxes is impossible: slips of hand and tool.
# Thirteen real sets (VOC, COCO, CSV, two detectors) have 0 to 0.07 %.
SLIP_FRAC = 0.01
# A claim about a file is made when chance explains it less often than this.
MAX_CHANCE = 1e-6
# Boxes of one image resemble each other (correlation, a usual one of clusters in surveys).
IMAGE_CORRELATION = 0.1


@dataclass(frozen=True)
class Group:
    """Boxes that share a cause, as columns of N entries.

    `rows` are rows of the boxes table, `xyxy` (4, N) px, `wh` (2, N) px of the image that the box
    lies in, `image_row` rows of the images table, in any order.
    """

    rows: Rows
    xyxy: Floats
    wh: Floats
    image_row: Rows

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def n_images(self) -> int:
        """Number of images that hold a box."""
        return int(np.count_nonzero(np.bincount(self.image_row)))

    def design_effect(self, n_of: int) -> float:
        """How many of `n_of` witnesses spread over the images count as one.

        Notes
        -----
        Kish's 1 + (m - 1) rho, with m the mean number in a witness's own image: n / images + 1
        where they are scattered at random.
        """
        return 1 + n_of / max(self.n_images, 1) * IMAGE_CORRELATION

    @cached_property
    def impossible(self) -> Masks:
        """(N,) whether a box reaches outside its image, or has no inside."""
        return impossible(self.xyxy, self.wh)

    def is_beyond_chance(self, n_seen: int, n_of: int, chance: float) -> bool:
        """Whether `n_seen` of `n_of` witnesses are more than a share `chance` of all gives."""
        return self.is_rarer(log_tail(n_seen, n_of, chance), n_of, MAX_CHANCE)

    def is_rarer(self, log_chance: float, n_of: int, limit: float) -> bool:
        """Whether the log of a chance, as of `n_of` independent witnesses, is below the limit."""
        return log_chance / self.design_effect(n_of) < math.log(limit)


def log_tail(n_seen: int, n_of: int, chance: float) -> float:
    """Bound on ln P(X >= n_seen) of a binomial X of `n_of` trials with `chance` each.

    Notes
    -----
    Chernoff's bound exp(-n KL(k / n, p)) (Hoeffding 1963, theorem 1): never below the tail.

    Examples
    --------
    >>> round(log_tail(10, 10, 0.5) / math.log(0.5), 6)
    10.0
    """
    if n_of == 0 or n_seen <= chance * n_of:
        return 0.0
    share = n_seen / n_of
    gain = share * math.log(share / chance)
    if share < 1:
        gain += (1 - share) * math.log((1 - share) / (1 - chance))
    return -n_of * gain


def most_by_chance(group: Group, n_of: int, chance: float) -> int:
    """The largest number of `n_of` boxes that chance still explains."""
    low, high = 0, n_of + 1
    while high - low > 1:
        middle = (low + high) // 2
        if middle <= n_of and not group.is_beyond_chance(middle, n_of, chance):
            low = middle
        else:
            high = middle
    return low


def impossible(xyxy: Floats, wh: Floats) -> Masks:
    """(N,) whether a box reaches more than `OUTSIDE_PX` outside its image, or has no inside."""
    x1, y1, x2, y2 = xyxy
    bad: Masks = (x1 < -OUTSIDE_PX) | (y1 < -OUTSIDE_PX)
    bad |= x2 > wh[0] + OUTSIDE_PX
    bad |= y2 > wh[1] + OUTSIDE_PX
    bad |= x2 <= x1
    bad |= y2 <= y1
    return bad
