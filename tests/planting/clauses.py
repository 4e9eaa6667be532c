"""Faults against the definition of visible boxes: clauses VIS.

Limits are those of the files in `rules/`, as they stood when this was written.
"""

from __future__ import annotations

import numpy as np

from tests.planting.boxes import (
    COCO,
    REAL,
    beyond,
    coordinates,
    keypoint_out,
    mask_off,
    outside,
    side,
)
from tests.planting.model import (
    Bed,
    Edit,
    Planted,
    Planter,
    Rng,
    above,
    below,
    units,
    words,
)
from tests.planting.relations import few_in_group, inside, overlap, overlap_of_other

VISIBLE = ("box.visible",)


def small_area(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box 4 px wide of such an area."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound & bed.sides_from(16))
    for box in chosen:
        x1, y1 = np.rint(edit.edges(box)[:2]).tolist()
        edit.set(box, (x1, y1, x1 + 4, y1 + value / 4))
    return edit.done(), units(chosen)


def sliver(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box 16 px wide and so many times as high, or the other way round."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound & bed.has_size & bed.sides_from(16))
    for box in chosen:
        width, height = edit.size(box)
        short = min(16.0, height / value / 1.02, width / value / 1.02)
        if bed.is_made:
            short = 16.0
        wide, high = (short, short * value) if rng.integers(2) else (short * value, short)
        edit.set(box, (8.0, 8.0, 8 + wide, 8 + high))
    return edit.done(), units(chosen)


BORDER_PX = 1.0  # VIS-020, border_px


def whole_at_any_border(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box that is said to be whole, so many px from a border."""
    away = (bed.edges[:, :2] > BORDER_PX).all(axis=1)
    away &= (bed.edges[:, 2:] < bed.size - BORDER_PX).all(axis=1)
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_alone & away)
    for box in chosen:
        at = beyond(edit.edges(box), edit.size(box), -value, int(rng.integers(4)))
        edit.set(box, at, truncated=0.0)
    return edit.done(), units(chosen)


MASK_TOLERANCE_PHONE_FRAC = 0.03  # project.phone, VIS-010, tight_frac


def off_mask_visible(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """As for BOX-007: an edge so many times what is allowed off the mask's."""
    return mask_off(bed, rng, value, avoid, 0.02)


def off_mask_phone(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """The same by the tolerance of the project for phones."""
    return mask_off(bed, rng, value, avoid, MASK_TOLERANCE_PHONE_FRAC)


PLANTERS = (
    Planter("VIS-001", "width or height", "px",
            below(0.0, [8, 0.25], [-0.25, -16, -200], at=True), side,
            real=REAL, definitions=VISIBLE),
    Planter("VIS-001", "coordinates that are no numbers", "coordinates",
            words([1, 2, 4], []), coordinates, real=REAL, definitions=VISIBLE),
    Planter("VIS-002", "an edge beyond the image", "px",
            above(1.0, [0.25, 0.875], [1.125, 2, 4, 16, 64], at=False), outside,
            real=REAL, definitions=VISIBLE),
    Planter("VIS-003", "shorter side", "px",
            below(4.0, [8, 4.25], [3.75, 2, 0.5], at=False), side, definitions=VISIBLE),
    Planter("VIS-003", "area", "px^2",
            below(32.0, [64, 33], [31, 24, 16], at=False), small_area,
            real=REAL, definitions=VISIBLE),
    Planter("VIS-004", "longer side over the shorter", "times",
            above(20.0, [5, 10, 19.5], [20.5, 25, 40], at=False), sliver,
            real=REAL, definitions=VISIBLE),
    Planter("VIS-010", "an edge off the mask's", "times the tolerance",
            above(1.0, [0, 0.5, 0.96875], [1.03125, 1.5, 2, 4], at=False), off_mask_visible,
            bed="coco", real=COCO, definitions=VISIBLE),
    Planter("VIS-010", "an edge off the mask's, for phones", "times the tolerance",
            above(1.0, [0, 0.5, 0.96875], [1.03125, 1.5, 2, 4], at=False), off_mask_phone,
            bed="coco", real=COCO, definitions=("project.phone",)),
    Planter("VIS-011", "a keypoint outside", "px",
            above(2.0, [0, 1, 1.875], [2.125, 4, 16], at=False), keypoint_out,
            bed="coco", definitions=VISIBLE),
    Planter("VIS-020", "distance of a whole box from the border", "px",
            below(1.0, [8, 2, 1.125], [0.875, 0.5, 0], at=True), whole_at_any_border,
            real=REAL, definitions=VISIBLE),
    Planter("VIS-030", "a second box", "IoU",
            above(0.9, [0.5, 0.8, 0.895], [0.905, 0.95, 1.0], at=True), overlap,
            real=REAL, definitions=VISIBLE),
    Planter("VIS-031", "a box of another class", "IoU",
            above(0.95, [0.5, 0.9, 0.945], [0.955, 0.99, 1.0], at=True), overlap_of_other,
            real=REAL, definitions=VISIBLE),
    Planter("VIS-032", "a part of the class inside", "of the part",
            above(0.98, [0.5, 0.9, 0.975], [0.985, 0.99, 1.0], at=True), inside,
            real=REAL, definitions=VISIBLE),
    Planter("VIS-040", "boxes in a group", "boxes",
            (*words([], [0]), *below(6, [7], [5, 3, 1], at=False)), few_in_group,
            bed="full_crowds", definitions=VISIBLE),
)  # fmt: skip
