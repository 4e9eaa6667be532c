"""The corners of turned boxes, of which the tables carry the bounds and the angle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

_EDGES = ["x1", "y1", "x2", "y2"]
# Near 45 degrees bounds of one size are those of boxes of all shapes: beyond this much of a turn
# (the cosine of twice the angle) an error of the bounds grows to more than ten times its size.
_MIN_COS = 0.1


def corners_of(boxes: pd.DataFrame, outlines: Mapping[int, Any]) -> Floats:  # COCO segmentations
    """(N, 4, 2) float64: the corners of turned boxes, px, in the order of going round.

    They are the outline's, where there is one of four points; else those of the box of that angle
    (`angle_deg`, clockwise) and those bounds (`x1 y1 x2 y2`). NaN where neither tells it: an angle
    near 45 degrees, or bounds that no box of the angle has.
    """
    corners = _from_bounds(boxes[_EDGES].to_numpy(np.float64), boxes["angle_deg"].to_numpy())
    for row, box_id in enumerate(boxes["box_id"].tolist()):
        outline = outlines.get(box_id)
        if isinstance(outline, list) and len(outline) == 1 and len(outline[0]) == 8:
            corners[row] = np.asarray(outline[0], np.float64).reshape(4, 2)
    return corners


def _from_bounds(edges: Floats, angles_deg: Floats) -> Floats:
    turn = np.radians(angles_deg.astype(np.float64))
    cos, sin = np.cos(turn), np.sin(turn)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        spans = edges[:, 2:] - edges[:, :2]
        centres = edges[:, :2] + spans / 2
        # Of sides (a, b) the bounds are (a |cos| + b |sin|, a |sin| + b |cos|): solved for a, b.
        c, s, det = np.abs(cos), np.abs(sin), np.cos(2 * turn)
        along = (spans[:, 0] * c - spans[:, 1] * s) / det
        across = (spans[:, 1] * c - spans[:, 0] * s) / det
        is_told = (np.abs(det) >= _MIN_COS) & (along > 0) & (across > 0)
        half = np.stack([along, across], axis=1) / 2
        signs = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        local = half[:, None] * signs
        x = local[:, :, 0] * cos[:, None] - local[:, :, 1] * sin[:, None]
        y = local[:, :, 0] * sin[:, None] + local[:, :, 1] * cos[:, None]
        corners: Floats = centres[:, None] + np.stack([x, y], axis=2)
    corners[~is_told] = np.nan
    return corners
