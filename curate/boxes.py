"""Geometry of boxes on arrays: sides, areas, overlaps, clipping, conversion, pairs in an image.

A box array is (N, 4) float64, x1 y1 x2 y2, px, 0-based and half-open: pixel i covers [i, i + 1),
a side is `x2 - x1`. That is the convention of pycocotools (PythonAPI/pycocotools/mask.py,
"bbox=[0 0 1 1] encloses first pixel"), so no formula here adds 1. NaN in gives NaN out, and no
function warns.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

# Below this many boxes in a group, comparing all pairs costs less than sorting them first.
CROWDED_BOXES = 256
# Slack of tests that only narrow down what is then computed exactly (relative, many float steps).
ROUNDING = 1e-9


def sides(xyxy: Floats) -> Floats:
    """(N, 2) float64: width and height, px; negative where the edges are swapped.

    Examples
    --------
    >>> sides(np.array([[100.0, 50.0, 200.0, 250.0]]))
    array([[100., 200.]])
    """
    with np.errstate(invalid="ignore", over="ignore"):
        return xyxy[:, 2:] - xyxy[:, :2]


def areas(xyxy: Floats) -> Floats:
    """(N,) float64: px^2; 0 where a side is not positive, since such a box covers nothing."""
    with np.errstate(invalid="ignore", over="ignore"):
        wh = np.maximum(sides(xyxy), 0.0)
        return wh[:, 0] * wh[:, 1]


def enclose_area(xyxy: Floats) -> npt.NDArray[np.bool_]:
    """(N,) bool: whether all edges are finite and both sides positive.

    Examples
    --------
    >>> enclose_area(np.array([[0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 0.0, 1.0], [0.0, np.nan, 2.0, 1]]))
    array([ True, False, False])
    """
    fits = np.hstack([np.isfinite(xyxy), sides(xyxy) > 0])
    is_area: npt.NDArray[np.bool_] = np.logical_and.reduce(fits, axis=1)
    return is_area


def _intersections(a: Floats, b: Floats) -> Floats:
    return areas(np.hstack([np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])]))


def iou_pairs(a: Floats, b: Floats) -> Floats:
    """(N,) float64, 0..1: intersection over union of row i of `a` and row i of `b`.

    NaN where neither covers anything.

    Examples
    --------
    >>> iou_pairs(np.array([[0.0, 0.0, 10.0, 10.0]]), np.array([[0.0, 0.0, 10.0, 9.0]]))
    array([0.9])
    """
    shared = _intersections(a, b)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return shared / (areas(a) + areas(b) - shared)


def ioa_pairs(a: Floats, b: Floats) -> Floats:
    """(N,) float64, 0..1: share of row i of `a` that lies inside row i of `b`.

    NaN where `a` covers nothing.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return _intersections(a, b) / areas(a)


def clip(xyxy: Floats, width: npt.ArrayLike, height: npt.ArrayLike) -> Floats:
    """(N, 4) float64: the boxes with every edge moved into the image.

    A box that lies wholly outside keeps no area. `width` and `height` are px, one for all boxes
    or (N,); NaN where unknown.
    """
    size = np.broadcast_to(
        np.stack(np.broadcast_arrays(width, height), axis=-1).astype(np.float64), (len(xyxy), 2)
    )
    return np.minimum(np.maximum(xyxy, 0.0), np.hstack([size, size]))


def xywh_to_xyxy(xywh: Floats) -> Floats:
    """(N, 4) float64: edges from left, top, width, height (COCO's `bbox`), px."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]])


def xyxy_to_xywh(xyxy: Floats) -> Floats:
    """(N, 4) float64: left, top, width, height from edges, px.

    The way back gives `x1 + (x2 - x1)`, which can differ from `x2` in the last bits.
    """
    return np.hstack([xyxy[:, :2], sides(xyxy)])


def pairs_in_groups(group: Rows, chunk_pairs: int) -> Iterator[tuple[Rows, Rows]]:
    """Chunks (i, j) of all pairs of rows i < j that share a group, by group, then i, then j.

    Parameters
    ----------
    group
        (N,) int64 codes, such as the row of the image; in any order.
    chunk_pairs
        Pairs per chunk; one chunk exceeds it at most by the size of the largest group.
    """
    order, stops = _group_order(group)
    yield from _ranges(order, stops, chunk_pairs)


def touching_pairs(group: Rows, xyxy: Floats, chunk_pairs: int) -> Iterator[tuple[Rows, Rows]]:
    """Chunks (i, j) of pairs of rows i < j of one group: all that can share an area, and others.

    As `pairs_in_groups`, but in a group of more than `CROWDED_BOXES` boxes the pairs whose x
    ranges are apart are left out, or those whose y ranges are, whichever leaves fewer, so that
    20,000 boxes in one row, column or image stay affordable. The order is deterministic but not
    sorted.

    Parameters
    ----------
    group
        (N,) int64 codes.
    xyxy
        (N, 4) float64, finite, px, sides positive.
    chunk_pairs
        As in `pairs_in_groups`.
    """
    order, stops = _group_order(group)
    starts = np.flatnonzero(np.diff(stops, prepend=-1))
    crowded = starts[stops[starts] - starts > CROWDED_BOXES]
    # A loop over crowded images, not over boxes.
    for start, stop in zip(crowded.tolist(), stops[crowded].tolist(), strict=True):
        rows = order[start:stop]
        by_x, by_y = _swept(rows, xyxy, 0), _swept(rows, xyxy, 1)
        order[start:stop], ends = by_x if by_x[1].sum() <= by_y[1].sum() else by_y
        stops[start:stop] = start + ends
    for a, b in _ranges(order, stops, chunk_pairs):
        yield np.minimum(a, b), np.maximum(a, b)


def _swept(rows: Rows, xyxy: Floats, axis: int) -> tuple[Rows, Rows]:
    """Rows by their lower edges on an axis, and where those end that begin before each one ends."""
    rows = rows[np.argsort(xyxy[rows, axis], kind="stable")]
    return rows, np.searchsorted(xyxy[rows, axis], xyxy[rows, axis + 2])


def _group_order(group: Rows) -> tuple[Rows, Rows]:
    """Rows sorted by group, and per sorted position the position where its group ends."""
    order = np.argsort(group, kind="stable")
    grouped = group[order]
    last = np.flatnonzero(np.append(grouped[1:] != grouped[:-1], True)[: len(grouped)])
    sizes = np.diff(last, prepend=-1)
    return order, np.repeat(last + 1, sizes)


def _ranges(order: Rows, stops: Rows, chunk_pairs: int) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of each sorted position with the positions after it and before its stop."""
    counts = stops - np.arange(len(order)) - 1
    firsts = np.flatnonzero(counts > 0)
    counts = counts[firsts]
    before = np.r_[0, np.cumsum(counts)]
    start = 0
    while start < len(firsts):
        stop = int(np.searchsorted(before, before[start] + chunk_pairs, side="right")) - 1
        stop = max(stop, start + 1)
        n = counts[start:stop]
        # Position of each pair's second row: its own number plus what its first row adds.
        shift = firsts[start:stop] + 1 - before[start:stop]
        second = np.arange(before[start], before[stop]) + np.repeat(shift, n)
        yield np.repeat(order[firsts[start:stop]], n), order[second]
        start = stop
