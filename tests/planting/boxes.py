"""Faults of single boxes, BOX-001 .. BOX-011 and BOX-014 .. BOX-017.

Limits are those of `curate explain`, as they stood when this was written.
"""

from __future__ import annotations

import json
import math

import numpy as np

from curate.dataset import Dataset
from tests.planting.made import read_document
from tests.planting.model import (
    Bed,
    Edges,
    Edit,
    NotHereError,
    Planted,
    Planter,
    Rng,
    above,
    below,
    units,
    words,
)

REAL = ("coco128", "coco_val2014", "kitti_tracking", "mot17_mini", "voc_bccd")
COCO = ("coco128",)
EDGES = ("x1", "y1", "x2", "y2")


def coordinates(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """So many coordinates that are no numbers; none: one that is far out, and finite."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound)
    for box in chosen:
        names = rng.permutation(EDGES)
        for name in names[: int(value)]:
            edit.set(box, **{name: float(rng.choice([math.nan, math.inf, -math.inf]))})
        if not value:
            edit.set(box, x2=1e12)
    return edit.done(), units(chosen)


def outside(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box moved until one of its edges lies so far beyond the image, px."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound & bed.has_size)
    for box in chosen:
        edit.set(box, beyond(edit.edges(box), edit.size(box), value, int(rng.integers(4))))
    return edit.done(), units(chosen)


def over_low_edge(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """As `outside`, at the left or top, where any value is exact."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound & bed.has_size)
    for box in chosen:
        edit.set(box, beyond(edit.edges(box), edit.size(box), value, int(rng.integers(2))))
    return edit.done(), units(chosen)


def beyond(edges: Edges, size: tuple[float, float], over_px: float, side: int) -> Edges:
    """A box of the same size of which one side (left, top, right, bottom) is beyond the image."""
    x1, y1, x2, y2 = edges
    width, height = x2 - x1, y2 - y1
    low = -over_px
    if side == 0:
        return low, y1, low + width, y2
    if side == 1:
        return x1, low, x2, low + height
    high = size[side - 2] + over_px
    if side == 2:
        return high - width, y1, high, y2
    return x1, high - height, x2, high


def side(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box whose width or height is so many px."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound & bed.sides_from(8))
    for box in chosen:
        x1, y1, x2, y2 = edit.edges(box)
        x1, y1 = np.rint([x1, y1]).tolist()
        edit.set(box, (x1, y1, x1 + value, y2) if rng.integers(2) else (x1, y1, x2, y1 + value))
    return edit.done(), units(chosen)


def cover(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box that covers so much of its image: all of its height, a part of its width."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound & bed.has_size)
    for box in chosen:
        width, height = edit.size(box)
        edit.set(box, (0.0, 0.0, width * value, height))
    return edit.done(), units(chosen)


def area(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A stated area that exceeds that of box and mask by such a share."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound & bed.sides_from(40))
    for box in chosen:
        x1, y1, x2, y2 = edit.edges(box)
        if bed.is_made:
            x2, y2 = x1 + 100, y1 + 200
            edit.set(box, (x1, y1, x2, y2))
        stated = float(bed.dataset.boxes["declared_area"].iloc[bed.row_of[box]])
        most = (x2 - x1) * (y2 - y1)
        most = most if math.isnan(stated) else max(most, stated)
        edit.set(box, declared_area=most + most * value)
    return edit.done(), units(chosen)


def _bounds(record: dict[str, object], what: str) -> np.ndarray | None:
    """Bounds of the rings, or of the visible keypoints, of a record; None: it has none."""
    if what == "segmentation":
        rings = record.get("segmentation")
        if not isinstance(rings, list) or not rings:
            return None
        points = np.concatenate([np.array(ring, float).reshape(-1, 2) for ring in rings])
    else:
        points = np.array(record.get("keypoints", []), float).reshape(-1, 3)
        points = points[points[:, 2] == 2, :2]
    return np.concatenate([points.min(axis=0), points.max(axis=0)]) if len(points) else None


def _with_bounds(bed: Bed, what: str) -> dict[int, np.ndarray]:
    found = {box: _bounds(record, what) for box, record in bed.records.items()}
    return {box: bounds for box, bounds in found.items() if bounds is not None}


MASK_TOLERANCE_PX, MASK_TOLERANCE_FRAC = 2.0, 0.02  # BOX-007


def off_mask(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """The left or right edge of a high box is so many times what is allowed inside its mask's."""
    return mask_off(bed, rng, value, avoid, MASK_TOLERANCE_FRAC)


def mask_off(
    bed: Bed, rng: Rng, value: float, avoid: frozenset[int], tolerance_frac: float
) -> Planted:
    """As `off_mask`, for another share of the longer side."""
    bounds = _with_bounds(bed, "segmentation")
    edges = bed.edges
    wh = edges[:, 2:] - edges[:, :2]
    # A project's clauses are about the classes that it wants.
    wanted = (bed.dataset.boxes["label"] == "person").to_numpy(bool) & bed.is_sound
    high = (wh[:, 1] > 1.3 * wh[:, 0]) & bed.sides_from(40) & np.isin(bed.ids, list(bounds))
    edit, chosen = Edit(bed), bed.pick(rng, avoid, wanted & high)
    for box in chosen:
        x1, y1, x2, y2 = edit.edges(box)
        off = value * max(MASK_TOLERANCE_PX, tolerance_frac * (y2 - y1))
        low, high_x = bounds[box][[0, 2]].tolist()
        edit.set(box, (low + off, y1, x2, y2) if rng.integers(2) else (x1, y1, high_x - off, y2))
    return edit.done(), units(chosen)


def keypoint_out(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """An edge of a box lies so many px before its own outermost keypoint."""
    bounds = _with_bounds(bed, "keypoints")
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound & np.isin(bed.ids, list(bounds)))
    for box in chosen:
        edges, at = list(edit.edges(box)), int(rng.integers(4))
        edges[at] = float(bounds[box][at]) + (value if at < 2 else -value)
        edit.set(box, (edges[0], edges[1], edges[2], edges[3]))
    return edit.done(), units(chosen)


def _in_document(bed: Bed, chosen: list[int], changed: list[dict[str, object]]) -> Dataset:
    """The set read again from its file with other records."""
    (file,) = bed.dataset.sources.names()
    document = json.loads(bed.dataset.sources.read(file))
    records = bed.records
    by_id = {records[box]["id"]: new for box, new in zip(chosen, changed, strict=True)}
    document["annotations"] = [by_id.get(one["id"], one) for one in document["annotations"]]
    return read_document(document, file)


def ring(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """An outline of a ring of so many values."""
    chosen = bed.pick(rng, avoid, bed.is_sound)
    ring_of = [10.0, 10.0, 60.0, 12.0, 70.0, 50.0, 20.0, 60.0][: int(value)]
    changed = [bed.records[box] | {"segmentation": [ring_of]} for box in chosen]
    return _in_document(bed, chosen, changed), units(chosen)


def runs(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A mask whose runs are so many pixels more than the image has."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound)
    changed = []
    for box in chosen:
        width, height = edit.size(box)
        counts = [100, 50, int(width * height) - 150 + int(value)]
        mask = {"size": [int(height), int(width)], "counts": counts}
        changed.append(bed.records[box] | {"segmentation": mask})
    return _in_document(bed, chosen, changed), units(chosen)


def keypoint_count(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A `num_keypoints` that is so many off."""
    chosen = bed.pick(rng, avoid, bed.is_sound)
    records = bed.records
    if not all(isinstance(records[box].get("num_keypoints"), int) for box in chosen):
        raise NotHereError(f"{bed.name} has no keypoints")
    changed = [
        records[box] | {"num_keypoints": int(records[box]["num_keypoints"]) + int(value)}  # type: ignore[call-overload]
        for box in chosen
    ]
    return _in_document(bed, chosen, changed), units(chosen)


def keypoints_cut(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A list of keypoints without its last so many values."""
    chosen = bed.pick(rng, avoid, bed.is_sound)
    records = bed.records
    if not all(isinstance(records[box].get("keypoints"), list) for box in chosen):
        raise NotHereError(f"{bed.name} has no keypoints")
    lists = [list(records[box]["keypoints"]) for box in chosen]  # type: ignore[call-overload]
    changed = [
        records[box] | {"keypoints": points[: len(points) - int(value)]}
        for box, points in zip(chosen, lists, strict=True)
    ]
    return _in_document(bed, chosen, changed), units(chosen)


TINY_FRAC = 1e-5  # BOX-014, min_share_frac


def tiny(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box 4 px wide, or less, that covers so many times the least share of its image."""
    wanted = bed.is_sound & bed.has_size & bed.sides_from(8)
    edit, chosen, planted = Edit(bed), bed.pick(rng, avoid, wanted), []
    for box in chosen:
        width, height = edit.size(box)
        covered = value * TINY_FRAC * width * height
        wide = 4.0 if covered >= 8 else 2.0
        if covered / wide < 2:  # the shorter side would be BOX-004's
            continue
        x1, y1, _, _ = edit.edges(box)
        edit.set(box, (x1, y1, x1 + wide, y1 + covered / wide))
        planted.append(box)
    if not planted:
        raise NotHereError(f"{bed.name} has no image large enough")
    return edit.done(), units(planted)


TRAINING_PX = 640.0  # BOX-015, input_px


def small_for_training(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box whose shorter side has so many px in the resized image."""
    wanted = bed.is_sound & bed.has_size & bed.sides_from(8)
    edit, chosen, planted = Edit(bed), bed.pick(rng, avoid, wanted), []
    for box in chosen:
        shorter = value / min(TRAINING_PX / max(edit.size(box)), 1.0)
        if shorter < 2:  # BOX-004's
            continue
        x1, y1, _, y2 = edit.edges(box)
        edit.set(box, (x1, y1, x1 + shorter, max(y2, y1 + shorter)))
        planted.append(box)
    if not planted:
        raise NotHereError(f"{bed.name} has no image large enough")
    return edit.done(), units(planted)


def _cut(bed: Bed) -> np.ndarray:
    """(N,) whether a box is marked as cut and ends at the left border."""
    cut = (bed.dataset.boxes["truncated"] > 0).to_numpy(bool) & bed.is_sound
    return cut & (bed.edges[:, 0] <= 1) & (bed.edges[:, 1] > 110) & bed.sides_from(4)


def cut_inside(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box that is marked as cut and lies so many px inside."""
    return _from_border(bed, rng, value, avoid, {})


def whole_at_border(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box so many px from the border that is marked as whole."""
    return _from_border(bed, rng, value, avoid, {"truncated": 0.0})


def _from_border(
    bed: Bed, rng: Rng, value: float, avoid: frozenset[int], flags: dict[str, object]
) -> Planted:
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _cut(bed))
    for box in chosen:
        x1, y1, x2, y2 = edit.edges(box)
        edit.set(box, (value, y1, x2 - x1 + value, y2), **flags)
    return edit.done(), units(chosen)


PLANTERS = (
    Planter("BOX-001", "coordinates that are no numbers", "coordinates",
            words([1, 2, 3, 4], [0]), coordinates, real=REAL),
    Planter("BOX-002", "an edge beyond the image", "px",
            above(1.0, [0.25, 0.875], [1.125, 2, 4, 16, 64], at=False), outside, real=REAL),
    Planter("BOX-003", "width or height", "px",
            below(0.0, [2, 0.25], [-0.25, -1, -16, -200], at=True), side, real=REAL),
    Planter("BOX-004", "shorter side", "px",
            (*below(2.0, [4, 2.25], [1.75, 1, 0.5, 0.125], at=False), *words([], [0])),
            side, real=REAL),
    Planter("BOX-005", "share of the image", "of the image",
            above(0.98, [0.5, 0.9, 0.975], [0.985, 0.99, 1.0], at=True), cover, real=REAL),
    Planter("BOX-006", "stated area beyond the true one", "of the area",
            above(0.05, [0, 0.025, 0.0475], [0.0525, 0.1, 0.5, 4], at=False), area, real=REAL),
    Planter("BOX-006", "stated area beyond box and mask", "of the area",
            above(0.05, [0, 0.025, 0.0475], [0.0525, 0.1, 0.5, 4], at=False), area, bed="coco"),
    Planter("BOX-007", "an edge off the mask's", "times the tolerance",
            above(1.0, [0, 0.5, 0.96875], [1.03125, 1.5, 2, 4], at=False), off_mask,
            bed="coco", real=COCO),
    Planter("BOX-008", "a keypoint outside", "px",
            above(1.0, [0, 0.5, 0.875], [1.125, 2, 8, 32], at=False), keypoint_out, bed="coco"),
    Planter("BOX-009", "an edge a little beyond the image", "px",
            (*above(0.01, [0.005, 0.0095], [0.0105, 0.125, 0.5, 1.0], at=False),
             *words([], [1.125])), over_low_edge, real=REAL),
    Planter("BOX-010", "values of a ring", "values",
            words([7, 5, 4, 2], [6, 8]), ring, bed="coco", real=COCO),
    Planter("BOX-010", "pixels of a mask's runs too many", "px",
            words([1, -1, 1000], [0]), runs, bed="coco", real=COCO),
    Planter("BOX-011", "num_keypoints off", "keypoints",
            words([1, -1, 5], [0]), keypoint_count, bed="coco"),
    Planter("BOX-011", "values missing from the keypoints", "values",
            words([1, 2, 3], [0]), keypoints_cut, bed="coco"),
    Planter("BOX-014", "times the least share of the image", "times",
            below(1.0, [4, 2, 1.1], [0.9, 0.5, 0.3], at=False), tiny, real=REAL),
    Planter("BOX-014", "share of the image", "of the image",
            (*above(0.95, [0.5, 0.9, 0.945], [0.955, 0.965, 0.975], at=False),
             *words([], [0.985])), cover, real=REAL),
    Planter("BOX-015", "shorter side after the resize", "px",
            below(3.0, [6, 3.1], [2.9, 2, 1, 0.7], at=False), small_for_training, real=REAL),
    Planter("BOX-016", "distance of a cut box from the border", "px",
            above(3.0, [0, 1, 2.875], [3.125, 6, 24, 100], at=False), cut_inside, bed="borders"),
    Planter("BOX-017", "distance of a whole box from the border", "px",
            below(0.5, [4, 1, 0.625], [0.375, 0.125, 0], at=True), whole_at_border, bed="borders"),
)  # fmt: skip
