"""Outlines, masks and points of boxes, as shares of the sides of the upright picture."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.browse.places import Floats, turned, turned_mask, upright_size
from curate.browse.shown import EDGES, Layer
from curate.formats.turned import corners_of
from curate.masks import is_ring, rle_counts, rle_measure

Ring = list[list[float]]
# The flag of a keypoint that is labelled (cocodataset.org/#format-data).
_LABELLED = 1


def rings_of(layer: Layer, row: int) -> list[Ring] | None:
    """The rings of a polygon, a turned box or a line; None where there are none to be drawn."""
    box = layer.boxes.iloc[row]
    shape = box["shape"]
    edges = box[EDGES].to_numpy(np.float64)
    if shape == "line":
        return [_shares(layer, row, edges.reshape(2, 2))]
    if shape == "rotated":
        own = pd.DataFrame([box])
        own["angle_deg"] = own["angle_deg"].astype(np.float64)
        (corners,) = corners_of(own, layer.beside[0])
        return [_shares(layer, row, corners)] if np.isfinite(corners).all() else None
    outline = layer.beside[0].get(int(box["box_id"]))
    if not isinstance(outline, list) or not outline or not all(map(is_ring, outline)):
        return None
    return [_shares(layer, row, np.asarray(ring, np.float64).reshape(-1, 2)) for ring in outline]


def _shares(layer: Layer, row: int, points: Floats) -> Ring:
    """Points in px as shares; not finite ones stay so."""
    size = np.repeat(layer.size_wh[row][None], len(points), axis=0)
    turn = np.full(len(points), layer.orientation[row])
    placed = turned(points, size, turn) / upright_size(size, turn)
    found: Ring = placed.tolist()
    return found


def mask_of(layer: Layer, row: int) -> npt.NDArray[np.bool_] | None:
    """(H, W) bool: the mask within a box, about one value per px; None where there is none.

    Each value is that of the mask's pixel at the middle of its share of the box.
    """
    box = layer.boxes.iloc[row]
    outline = layer.beside[0].get(int(box["box_id"]))
    if not isinstance(outline, dict) or rle_measure(outline) is None:
        return None
    height, width = outline["size"]
    runs = rle_counts(outline["counts"])
    assert runs is not None  # measured above
    values = np.arange(len(runs)) % 2 == 1
    whole = np.repeat(values, runs).reshape(width, height).T
    x1, y1, x2, y2 = box[EDGES].to_numpy(np.float64)
    inside = _sampled(_sampled(whole, y1, y2).T, x1, x2).T
    return np.ascontiguousarray(turned_mask(inside, int(layer.orientation[row])))


def _sampled(mask: npt.NDArray[np.bool_], start: float, stop: float) -> npt.NDArray[np.bool_]:
    """Rows of a mask between two edges, px; beyond the mask nothing is set."""
    n_rows = max(math.ceil(stop - start), 1)
    middle = np.floor(start + (np.arange(n_rows) + 0.5) * (stop - start) / n_rows).astype(np.int64)
    is_in = (middle >= 0) & (middle < len(mask))
    found = np.zeros((n_rows, mask.shape[1]), np.bool_)
    found[is_in] = mask[middle[is_in]]
    return found


def points_of(layer: Layer, row: int) -> Ring | None:
    """The points of a point or of keypoints; NaN for those that are not labelled."""
    box = layer.boxes.iloc[row]
    if box["shape"] == "point":
        return _shares(layer, row, box[EDGES].to_numpy(np.float64)[None, :2])
    stated = layer.beside[1].get(int(box["box_id"]))
    if stated is None:
        return None
    points = _flagged(stated)
    points[points[:, 2] < _LABELLED, :2] = np.nan
    return _shares(layer, row, points[:, :2])


def _flagged(stated: Any) -> Floats:  # COCO's flat list, or CVAT's named points
    """(N, 3) float64: x, y and flag of each keypoint."""
    if stated and isinstance(stated[0], tuple):
        return np.array([point[1:] for point in stated], np.float64).reshape(-1, 3)
    return np.asarray(stated, np.float64).reshape(-1, 3)
