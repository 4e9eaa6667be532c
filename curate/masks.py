"""Outlines of COCO's kind (polygons, both RLE forms) and keypoints: bounds and areas.

Polygons are flat lists [x, y, x, y, ...] in px, one list per ring; RLE is column-major, `size` is
[height, width], runs start with background (cocoapi, common/maskApi.c). Bounds are pixel edges
x1 y1 x2 y2 as everywhere: a mask whose last column is 9 has x2 = 10.
"""

from __future__ import annotations

import json
import math
from itertools import chain
from typing import Any

import numpy as np

Bounds = tuple[float, float, float, float]
# A mask of more pixels than this is no picture: its size is a mistake or an attack.
MAX_MASK_PIXELS = 1 << 32


def rle_counts(counts: object) -> np.ndarray[Any, np.dtype[np.int64]] | None:
    """(R,) int64 run lengths of a compressed (text) or plain (list) RLE; None for neither."""
    if isinstance(counts, list):
        try:
            runs = np.asarray(counts or np.zeros(0, np.int64))
        except (ValueError, TypeError):
            return None
        is_whole = runs.ndim == 1 and runs.dtype.kind in "iu"
        # Longer runs are no mask's, and their sum might not fit.
        good = is_whole and bool(((runs >= 0) & (runs <= MAX_MASK_PIXELS)).all())
        return runs.astype(np.int64) if good else None
    if isinstance(counts, str):
        return _unpack(counts)
    return None


def _unpack(text: str) -> np.ndarray[Any, np.dtype[np.int64]] | None:
    # maskApi.c, rleFrString: 5 bits per character from 48 on, bit 5 continues, from the fourth
    # run on the difference to the run two before.
    runs: list[int] = []
    value = shift = 0
    for char in text:
        code = ord(char) - 48
        if not 0 <= code < 64 or shift > 60:
            return None
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        if len(runs) > 2:
            value += runs[-2]
        if not 0 <= value < MAX_MASK_PIXELS:
            return None
        runs.append(value)
        value = shift = 0
    return None if shift else np.asarray(runs, np.int64)


def rle_measure(mask: object) -> tuple[Bounds | None, float] | None:
    """Bounds in px (None: no pixel set) and area in px^2 of an RLE dict; None when it is broken."""
    if not isinstance(mask, dict):
        return None
    size, runs = mask.get("size"), rle_counts(mask.get("counts"))
    if not isinstance(size, list) or len(size) != 2 or runs is None:
        return None
    height, width = size
    if not isinstance(height, int) or not isinstance(width, int) or height <= 0 or width <= 0:
        return None
    ends = np.cumsum(runs)
    # Runs that do not fill the mask leave pixels of which nothing is said.
    if height * width > MAX_MASK_PIXELS or not len(ends) or ends[-1] != height * width:
        return None
    on_end, lengths = ends[1::2], runs[1::2]
    on_end, lengths = on_end[lengths > 0], lengths[lengths > 0]
    if not len(lengths):
        return None, 0.0
    on_start = on_end - lengths
    first_column, last_column = on_start // height, (on_end - 1) // height
    # A run that goes over the foot of a column covers its last row and the first of the next.
    wraps = last_column > first_column
    top = np.where(wraps, 0, on_start % height)
    foot = np.where(wraps, height - 1, (on_end - 1) % height)
    bounds = (
        float(first_column.min()),
        float(top.min()),
        float(last_column.max()) + 1,
        float(foot.max()) + 1,
    )
    return bounds, float(lengths.sum())


def is_ring(ring: object) -> bool:
    """Whether a value is one ring of a polygon: three points or more, all finite.

    pycocotools refuses a ring of fewer values (PythonAPI/pycocotools/_mask.pyx, frPyObjects: a
    list of 4 is a box).
    """
    return isinstance(ring, list) and len(ring) >= 6 and not len(ring) % 2 and are_finite(ring)


def are_finite(values: list[Any]) -> bool:  # any JSON values
    """Whether all values are finite numbers; true and false are none."""
    try:
        # The quick way for what is decoded as floats; a sum of finite numbers can overflow.
        return (set(map(type, values)) <= {int, float}) and all(map(math.isfinite, values))
    except OverflowError:
        return False


def polygon_measure(
    rings: list[list[float]],
) -> tuple[Bounds | None, float] | None:
    """Bounds in px and area in px^2 (sum over rings) of one outline; None when it is broken."""
    points = [ring for ring in rings if isinstance(ring, list)]
    if len(points) != len(rings):
        return None
    measured = polygons_measure([points])
    if measured is None:
        return None
    bounds, areas = measured
    if not np.isfinite(bounds[0]).all():
        return None
    x1, y1, x2, y2 = map(float, bounds[0])
    return (x1, y1, x2, y2), float(areas[0])


def polygons_measure(
    outlines: list[list[list[float]]],
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.float64]]] | None:
    """Bounds (N, 4) in px and areas (N,) in px^2 of N outlines of one or more rings.

    The area is the sum of the rings' shoelace areas, as COCO's own `area` of polygons is
    (measured on the 939 annotations of coco128: equal to 1e-11). A ring of an odd number of
    values or fewer than three points counts for the bounds as far as it goes, and has no area.
    An outline without points has NaN bounds. None when a value is no number.
    """
    rings = list(chain.from_iterable(outlines))
    n_rings = np.fromiter(map(len, outlines), np.int64, len(outlines))
    n_values = np.fromiter(map(len, rings), np.int64, len(rings))
    try:
        values = np.fromiter(chain.from_iterable(rings), np.float64, int(n_values.sum()))
    except (TypeError, ValueError, OverflowError):
        return None
    odd = n_values % 2 == 1
    if odd.any():
        ends = np.cumsum(n_values)
        values = np.delete(values, ends[odd] - 1)
        n_values = n_values - odd
    points = values.reshape(-1, 2)
    n_points = n_values // 2
    used = n_points > 0
    owner = np.repeat(np.arange(len(outlines)), n_rings)[used]
    n_points = n_points[used]
    bounds = np.full((len(outlines), 4), math.nan)
    areas = np.zeros(len(outlines))
    if not len(n_points):
        return bounds, areas
    starts = np.concatenate(([0], np.cumsum(n_points)[:-1]))
    low = np.minimum.reduceat(points, starts, axis=0)
    high = np.maximum.reduceat(points, starts, axis=0)
    ring_areas = _shoelace(points, starts, n_points)
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    whole = owner[first]
    bounds[whole, :2] = np.minimum.reduceat(low, first, axis=0)
    bounds[whole, 2:] = np.maximum.reduceat(high, first, axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        areas[whole] = np.add.reduceat(ring_areas, first)
    return bounds, areas


def _shoelace(
    points: np.ndarray[Any, Any], starts: np.ndarray[Any, Any], n_points: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    following = np.arange(1, len(points) + 1)
    following[starts + n_points - 1] = starts
    x, y = points[:, 0], points[:, 1]
    # Taken relative to the ring's first point: far from the origin the products lose digits.
    anchor = np.repeat(starts, n_points)
    # Coordinates that no picture has (1e308) give an area that is not finite, and no warning.
    with np.errstate(over="ignore", invalid="ignore"):
        x, y = x - x[anchor], y - y[anchor]
        cross = x * y[following] - x[following] * y
        areas: np.ndarray[Any, Any] = np.abs(np.add.reduceat(cross, starts)) / 2
    return areas


def outline_bounds(text: bytes) -> Bounds | None:
    """Bounds in px of one `segmentation` value as JSON text; None when there are none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    measured = polygon_measure(value) if isinstance(value, list) else rle_measure(value)
    return measured[0] if measured else None


def point_bounds(text: bytes, *, visible_from: int | None) -> Bounds | None:
    """Bounds in px of keypoints [x, y, v, ...] as JSON text, of those with v >= `visible_from`.

    None stands for all points. v is 0 not labelled, 1 hidden, 2 visible. Null when there are none.
    """
    try:
        values = np.asarray(json.loads(text), np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    if values.ndim != 1 or len(values) < 3 or len(values) % 3:
        return None
    points = values.reshape(-1, 3)
    if visible_from is not None:
        points = points[points[:, 2] >= visible_from]
    if not len(points) or not np.isfinite(points).all():
        return None
    (x1, y1), (x2, y2) = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return float(x1), float(y1), float(x2), float(y2)
