"""The labels of a set, counted by class once for all checks that ask for them.

A label is a box, point, line or tag that someone gave: not a detector's output, and none of role
`ignore` (KITTI's DontCare, COCO's crowds), which stands for what nobody looked at closely.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Floats, Rows
from curate.checks.hits import NO_ROWS

SHOWN_NAMES = 10
# A median absolute deviation and a 90th percentile, as standard deviations of a normal spread.
SD_PER_MAD = 1.4826
SD_PER_MEAN_DEVIATION = 1.2533
SD_AT_TENTH = 1.2816


@dataclass(frozen=True)
class Labels:
    """The classes of a set's labels.

    `names` are the K class names, sorted; `codes` (N,) int64 the number of each box's class, -1
    where the box is no label or has no class; `counts` (K,) the labels of each class, which may
    be 0 for one that only a detector or ignored boxes have; `is_label` (N,) bool.
    """

    names: tuple[str, ...]
    codes: Rows
    counts: Rows
    is_label: npt.NDArray[np.bool_]

    @property
    def present(self) -> Rows:
        """Numbers of the classes that have a label."""
        return np.flatnonzero(self.counts)

    def rows_of(self, classes: Rows) -> Rows:
        """Rows of the labels of these classes."""
        return np.flatnonzero(np.isin(self.codes, classes))


def labels_of(boxes: pd.DataFrame) -> Labels:
    """The labels of the boxes that `judged_tables` gives."""
    codes, found = pd.factorize(boxes["label"])
    names = np.asarray(found, object)
    order = np.argsort(names) if len(names) else NO_ROWS
    place = np.empty(len(names) + 1, np.int64)
    place[order] = np.arange(len(names))
    place[-1] = -1
    is_label = (boxes["origin"] != "detector").to_numpy(bool)
    is_label = is_label & (boxes["role"] != "ignore").to_numpy(bool)
    numbers = np.where(is_label, place[codes], -1)
    counts = np.bincount(numbers[numbers >= 0], minlength=len(names))
    return Labels(tuple(names[order]), numbers, counts.astype(np.int64), is_label)


def by_code(codes: Rows, rows: Rows, min_rows: int) -> Iterator[tuple[int, Rows]]:
    """Each code that at least so many of the rows have, and those rows in their order."""
    order = rows[np.argsort(codes[rows], kind="stable")]
    ends = np.flatnonzero(np.diff(codes[order], append=-2)) + 1
    for start, end in zip(np.append(0, ends).tolist(), ends.tolist(), strict=False):
        if end - start >= min_rows:
            yield int(codes[order[start]]), order[start:end]


def robust_z(values: Floats, min_scale: float) -> tuple[Floats, float]:
    """How many robust standard deviations each value is from the median, and the median.

    Parameters
    ----------
    values
        (N,) finite, N above 0.
    min_scale
        Smallest standard deviation, in the unit of the values: what varies less is not judged by
        its own narrowness.

    Notes
    -----
    The scale is the larger of two that a tenth of wrong values cannot move: 1.4826 MAD (where
    that is 0, 1.2533 times the mean deviation) and, on each side of its own, the distance of the
    10th or 90th percentile from the median over 1.2816. The second keeps skewed and two-humped
    spreads (a car from the front and from the side) from being called outliers.
    """
    middle = float(np.median(values))
    off = np.abs(values - middle)
    mad = float(np.median(off))
    scale = SD_PER_MAD * mad if mad > 0 else SD_PER_MEAN_DEVIATION * float(off.mean())
    low, high = np.quantile(values, [0.1, 0.9]).tolist()
    below = max(scale, (middle - low) / SD_AT_TENTH, min_scale)
    above = max(scale, (high - middle) / SD_AT_TENTH, min_scale)
    return (values - middle) / np.where(values > middle, above, below), middle


def named(names: list[str]) -> str:
    """Some names for a message: ten at most, then how many more."""
    shown = ", ".join(repr(name)[:80] for name in names[:SHOWN_NAMES])
    more = len(names) - SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
