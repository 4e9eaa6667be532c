"""Rows of one kind made from columns: what stands between the class and the score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.errors import UsageError
from curate.formats.turned import corners_of
from curate.formats.writing import Loss, Lost, losses_of
from curate.formats.yolo.make import Ring, edges_of, one_ring

Floats = npt.NDArray[np.float64]

_SHAPES = ("polygon", "mask", "rotated")
_AS_BOX = "written as its box"
_AS_CORNERS = "written as the corners of its box"
_NO_CORNERS = "bounds and angle do not tell its corners: its bounds are written"
_BOUNDS = "a polygon has no box of its own: it is read as the bounds of its points"


@dataclass
class Form:
    """The geometry of N rows: what is written of them, and what that loses.

    `values` are the numbers of each row behind the class, as fractions; `kind` is the task of
    data.yaml, None where the number of columns tells it; `keypoint_shape` is its `kpt_shape`.
    """

    values: list[list[float]]
    kind: str | None = None
    keypoint_shape: tuple[int, int] | None = None
    losses: list[Loss] = field(default_factory=list)


def form_of(
    kind: str | None,
    boxes: pd.DataFrame,
    fractions: Floats,
    sizes: Floats,
    beside: tuple[Mapping[int, Any], Mapping[int, Any]],
) -> Form:
    """The geometry of boxes that a row can hold.

    Parameters
    ----------
    kind
        One of `KINDS`; None: polygons when all boxes have one, else boxes.
    fractions
        (N, 4) centre x, centre y, width and height.
    sizes
        (N, 2) width and height of each box's image, px.
    beside
        Outlines, as COCO's segmentations, and keypoints (x, y, flag, ...), by box_id, px.

    Raises
    ------
    UsageError
        For poses when no box has keypoints.
    """
    outlines, keypoints = beside
    if kind == "pose":
        return _poses(boxes, fractions, sizes, keypoints)
    if kind == "obb":
        return _turned(boxes, sizes, outlines)
    if kind == "segment":
        return _polygons(boxes, sizes, outlines)
    is_polygons = len(boxes) > 0 and bool((boxes["shape"] == "polygon").all())
    if kind is None and is_polygons and all(map(one_ring, map(outlines.get, boxes["box_id"]))):
        return _polygons(boxes, sizes, outlines)
    losses = _outline_losses(boxes, dict.fromkeys(_SHAPES, _AS_BOX))
    return Form(fractions.tolist(), kind, losses=losses)


def _outline_losses(boxes: pd.DataFrame, whys: Mapping[str, str]) -> list[Loss]:
    counts = boxes["shape"].value_counts()
    return [
        Loss(f"{shape} outline", int(counts[shape]), why)
        for shape, why in whys.items()
        if shape in counts
    ]


def _polygons(boxes: pd.DataFrame, sizes: Floats, outlines: Mapping[int, Any]) -> Form:
    """Each box as a ring: its outline's, else its corners."""
    lost: Lost = Counter()
    corners, _ = _corners(boxes, outlines, lost)
    rings: list[Ring] = []
    # A loop over polygons, since each has its own number of points.
    for shape, box_id, own in zip(boxes["shape"], boxes["box_id"], corners, strict=True):
        outline = outlines.get(box_id) if shape in ("polygon", "mask") else None
        ring = one_ring(outline)
        n_rings = len(outline) if isinstance(outline, list) else 0
        lost["polygon outline", "of several rings: they are joined to one"] += n_rings > 1
        lost[f"{shape} outline", _AS_CORNERS] += ring is None and shape in ("polygon", "mask")
        rings.append(own.ravel().tolist() if ring is None else ring)
    n_boxes = int((~boxes["shape"].isin(["polygon"])).sum())
    lost["boxes.shape", "read again as a polygon"] += n_boxes
    points = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in rings]
    lost["boxes.x1 y1 x2 y2", _BOUNDS] += _n_off(points, boxes, sizes)
    values = [(own / wh).ravel().tolist() for own, wh in zip(points, sizes, strict=True)]
    return Form(values, "segment", losses=losses_of(lost))


def _n_off(points: list[Floats], boxes: pd.DataFrame, sizes: Floats) -> int:
    """How many boxes are not the bounds of their points."""
    if not points:
        return 0
    bounds = np.array([[*own.min(axis=0), *own.max(axis=0)] for own in points])
    # What rounding moves is no difference.
    off = np.abs(bounds - edges_of(boxes)) > 1e-6 * np.tile(sizes, 2)
    return int(off.any(axis=1).sum())


def _turned(boxes: pd.DataFrame, sizes: Floats, outlines: Mapping[int, Any]) -> Form:
    """Each box as four corners; boxes that are not turned as those of their edges."""
    lost: Lost = Counter()
    corners, is_known = _corners(boxes, outlines, lost)
    is_turned = (boxes["shape"] == "rotated").to_numpy()
    lost["boxes.shape", "read again as a turned box"] += int((~is_turned).sum())
    angles = boxes["angle_deg"].to_numpy(np.float64)[is_turned]
    is_told = (angles >= 0) & (angles < 90) & is_known
    lost["boxes.x1 y1 x2 y2", "read again as the bounds of its corners"] += _n_off(
        list(corners), boxes, sizes
    )
    lost["boxes.angle_deg", "the corners tell it: read again as 0 to 90"] += int((~is_told).sum())
    values = (corners / sizes[:, None]).reshape(-1, 8).tolist()
    losses = _outline_losses(boxes, dict.fromkeys(("polygon", "mask"), _AS_CORNERS))
    return Form(values, "obb", losses=losses + losses_of(lost))


def _corners(
    boxes: pd.DataFrame, outlines: Mapping[int, Any], lost: Lost
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(N, 4, 2) corners of the boxes, px, and which of the turned ones are known.

    A turned box of unknown corners has those of its bounds, and is counted.
    """
    corners = _straight(boxes)
    turned = np.flatnonzero(boxes["shape"] == "rotated")
    known = corners_of(boxes.iloc[turned], outlines)
    is_known = np.asarray(np.isfinite(known).all(axis=(1, 2)), np.bool_)
    corners[turned[is_known]] = known[is_known]
    lost["rotated outline", _NO_CORNERS] += int((~is_known).sum())
    return corners, is_known


def _straight(boxes: pd.DataFrame) -> Floats:
    """(N, 4, 2) corners of the edges, px, clockwise from the top left."""
    x1, y1, x2, y2 = edges_of(boxes).T
    corners: Floats = np.stack(
        [np.stack(pair, axis=1) for pair in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))], axis=1
    )
    return corners


def _poses(
    boxes: pd.DataFrame, fractions: Floats, sizes: Floats, keypoints: Mapping[int, Any]
) -> Form:
    """Each box with its keypoints: x and y as fractions, and COCO's flag; without any, all 0."""
    own = [keypoints.get(box_id) or () for box_id in boxes["box_id"]]
    counts = Counter(len(points) // 3 for points in own if points)
    if not counts:
        raise UsageError(
            "--kind pose: no box has keypoints",
            mend="choose detect, segment or obb, or give labels with keypoints (COCO's)",
        )
    n_points = max(counts, key=lambda n: (counts[n], n))
    lost: Lost = Counter()
    why = f"of another number than {n_points}: all rows of a set have as many"
    lost["keypoints", why] += sum(n for number, n in counts.items() if number != n_points)
    values = []
    # A loop over poses, which are lists.
    for row, points, wh in zip(fractions.tolist(), own, sizes.tolist(), strict=True):
        numbers = np.zeros((n_points, 3))
        if len(points) == 3 * n_points:
            numbers = np.asarray(points, np.float64).reshape(-1, 3) / (*wh, 1.0)
            numbers[numbers[:, 2] == 0] = 0
        values.append([*row, *numbers.ravel().tolist()])
    losses = _outline_losses(boxes, dict.fromkeys(_SHAPES, _AS_BOX)) + losses_of(lost)
    return Form(values, "pose", (n_points, 3), losses)
