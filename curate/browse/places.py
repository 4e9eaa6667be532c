"""Places as FiftyOne states them: shares of the sides of the upright picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

# Orientation to the one that undoes it (EXIF 2.32, 4.6.4): quarter turns undo each other.
_UNDONE = np.array([1, 1, 2, 3, 4, 5, 8, 7, 6])
_SIDEWAYS = 5


def turned(points: Floats, size_wh: Floats, orientation: Codes) -> Floats:
    """Points of stored pictures where they lie in the upright ones.

    Parameters
    ----------
    points
        (N, 2) float64, px, of the stored picture.
    size_wh
        (N, 2) float64, px: the size of the stored picture.
    orientation
        (N,) EXIF orientation 1 .. 8; others count as 1.

    Notes
    -----
    EXIF 2.32, 4.6.4: which side of the stored picture each orientation says is the top.

    Examples
    --------
    >>> turned(np.array([[10.0, 20.0]]), np.array([[100.0, 50.0]]), np.array([6]))
    array([[30., 10.]])
    """
    (x, y), (w, h) = points.T, size_wh.T
    ways = (
        (x, y), (w - x, y), (w - x, h - y), (x, h - y), (y, x), (h - y, x), (h - y, w - x),
        (y, w - x),
    )  # fmt: skip
    cases = [orientation == number for number in range(1, 9)]
    return np.column_stack([np.select(cases, [way[axis] for way in ways], way0) for axis, way0 in
                            ((0, x), (1, y))])  # fmt: skip


def turned_boxes(xyxy: Floats, size_wh: Floats, orientation: Codes) -> Floats:
    """(N, 4) float64: boxes of stored pictures as they lie in the upright ones, px; see `turned`.

    Examples
    --------
    >>> turned_boxes(np.array([[10.0, 20, 30, 25]]), np.array([[100.0, 50]]), np.array([6]))
    array([[25., 10., 30., 30.]])
    """
    one, other = (turned(xyxy[:, ends], size_wh, orientation) for ends in ([0, 1], [2, 3]))
    return np.hstack([np.minimum(one, other), np.maximum(one, other)])


def turned_back(xyxy: Floats, size_wh: Floats, orientation: Codes) -> Floats:
    """(N, 4) float64: boxes of upright pictures as they lie in the stored ones, px.

    Parameters
    ----------
    size_wh
        (N, 2) float64, px: the size of the upright picture.
    orientation
        (N,) the one that made the picture upright.
    """
    valid = (orientation >= 1) & (orientation < len(_UNDONE))
    return turned_boxes(xyxy, size_wh, _UNDONE[np.where(valid, orientation, 1)])


def upright_size(size_wh: Floats, orientation: Codes) -> Floats:
    """(N, 2) float64: the sizes of upright pictures from those of the stored ones, px."""
    return np.where((orientation >= _SIDEWAYS)[:, None], size_wh[:, ::-1], size_wh)


def shares(xyxy: Floats, size_wh: Floats) -> Floats:
    """(N, 4) float64: left, top, width and height as shares of a picture's sides.

    Examples
    --------
    >>> shares(np.array([[10.0, 20.0, 30.0, 25.0]]), np.array([[100.0, 50.0]]))
    array([[0.1, 0.4, 0.2, 0.1]])
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        return np.hstack([xyxy[:, :2] / size_wh, (xyxy[:, 2:] - xyxy[:, :2]) / size_wh])


def pixels(places: Floats, size_wh: Floats) -> Floats:
    """(N, 4) float64 x1 y1 x2 y2, px: what `shares` was made from."""
    return np.hstack([places[:, :2] * size_wh, (places[:, :2] + places[:, 2:]) * size_wh])


def turned_mask(mask: npt.NDArray[np.bool_], orientation: int) -> npt.NDArray[np.bool_]:
    """(H, W) bool: the mask of a stored picture as it lies in the upright one."""
    ways: dict[int, Any] = {  # views of the array
        2: mask[:, ::-1],
        3: mask[::-1, ::-1],
        4: mask[::-1],
        5: mask.T,
        6: mask[::-1].T,
        7: mask[::-1, ::-1].T,
        8: mask.T[::-1],
    }
    found: npt.NDArray[np.bool_] = ways.get(orientation, mask)
    return found
