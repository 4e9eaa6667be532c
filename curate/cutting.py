"""One crop: which rectangle of a picture it shows, and its pixels.

Training and serving call the same function, so that a classifier sees in use what it was trained
on. Light on purpose: it needs numpy and OpenCV alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CropGeometry:
    """What a crop shows of a picture, and at what size.

    Parameters
    ----------
    margin_frac
        Context on each side of the box, as a share of its width (left, right) or height (top,
        bottom).
    min_margin_px
        Context on each side at least, px of the picture.
    square
        Whether the shorter side is extended with context to the longer one, about its middle.
    size_px
        Side of the crop, px: width and height, or the longer side where it is not square.
    fill
        Grey level 0..255 of what lies outside of the picture.

    Notes
    -----
    Margins of 0.10 to 0.25 are what cascades use; the rectangle is not moved at the border of the
    picture, so that the object stays in the middle as it is elsewhere.
    """

    margin_frac: float = 0.15
    min_margin_px: float = 8.0
    square: bool = True
    size_px: int = 224
    fill: int = 114


def crop_rectangles(xyxy: Floats, geometry: CropGeometry) -> Floats:
    """(N, 4) float64 x1 y1 x2 y2, px: what the crops of boxes show, beyond the picture too.

    Parameters
    ----------
    xyxy
        (N, 4) float64, px, half-open, sides positive.
    geometry
        Margin and form.

    Examples
    --------
    >>> crop_rectangles(np.array([[100.0, 100.0, 200.0, 140.0]]), CropGeometry(margin_frac=0.1))
    array([[ 90.,  60., 210., 180.]])
    """
    wh = xyxy[:, 2:] - xyxy[:, :2]
    margin = np.maximum(wh * geometry.margin_frac, geometry.min_margin_px)
    half = wh / 2 + margin
    if geometry.square:
        half = np.repeat(half.max(axis=1, keepdims=True), 2, axis=1)
    middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    return np.hstack([middle - half, middle + half])
