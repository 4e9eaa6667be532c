"""Faults against the definitions of whole boxes, persons, heads and detections, and the projects.

Clauses FUL, PER, HEAD, DET, PHO and CAM; limits are those of the files in `rules/`, as they stood
when this was written.
"""

from __future__ import annotations

import json
import math

import numpy as np

from tests.planting.boxes import COCO, beyond
from tests.planting.model import (
    Bed,
    Edit,
    Planted,
    Planter,
    Rng,
    Unit,
    above,
    below,
    units,
    words,
)
from tests.planting.relations import in_group, part_moved

PERSON, PHONE, CAMERAS = ("person",), ("project.phone",), ("project.cameras",)
DETECTION = ("detection",)


def _with(bed: Bed, column: str, word: str) -> np.ndarray:
    return (bed.dataset.boxes[column] == word).to_numpy(bool) & bed.is_sound


def _full(bed: Bed) -> np.ndarray:
    return _with(bed, "extent", "full")


def full_side(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A whole box whose width or height is so many px."""
    return _sided(bed, rng, value, avoid, _full(bed))


def head_side(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A head whose width or height is so many px."""
    return _sided(bed, rng, value, avoid, _with(bed, "label", "head"))


def _sided(bed: Bed, rng: Rng, value: float, avoid: frozenset[int], wanted: np.ndarray) -> Planted:
    edit, chosen = Edit(bed), bed.pick(rng, avoid, wanted)
    for box in chosen:
        x1, y1, x2, y2 = edit.edges(box)
        edit.set(box, (x1, y1, x1 + value, y2) if rng.integers(2) else (x1, y1, x2, y1 + value))
    return edit.done(), units(chosen)


def full_in_image(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A whole box of 100 x 200 px of which such a share lies in the image."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _full(bed))
    for box in chosen:
        edges = edit.edges(box)
        at = int(rng.integers(4))
        over = (1 - value) * (100 if at % 2 == 0 else 200)
        edit.set(box, beyond(edges, edit.size(box), over, at))
    return edit.done(), units(chosen)


def full_sliver(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A whole box 16 px wide and so many times as high, or the other way round."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _full(bed))
    for box in chosen:
        wide, high = (16.0, 16 * value) if rng.integers(2) else (16 * value, 16.0)
        edit.set(box, (8.0, 8.0, 8 + wide, 8 + high))
    return edit.done(), units(chosen)


def seen_beyond_whole(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A whole box whose visible one goes so many px beyond one of its sides."""
    boxes = bed.dataset.boxes
    seen = boxes[boxes["extent"] == "visible"]
    mate = dict(zip(seen["attributes"], seen["box_id"], strict=True))
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _full(bed))
    for box in chosen:
        other = int(mate[boxes["attributes"].iloc[bed.row_of[box]]])
        edges, at = list(edit.edges(other)), int(rng.integers(4))
        edges[at] = edit.edges(box)[at] + (-value if at < 2 else value)
        edit.set(other, (edges[0], edges[1], edges[2], edges[3]))
    return edit.done(), units(chosen)


def full_twice(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A second whole box with such an intersection over union."""
    return _twice(bed, rng, value, avoid, _full(bed))


def head_twice(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A second box of a head, drawn 100 px wide, with such an intersection over union."""
    return _twice(bed, rng, value, avoid, _with(bed, "label", "head"))


def _twice(bed: Bed, rng: Rng, value: float, avoid: frozenset[int], wanted: np.ndarray) -> Planted:
    edit, found = Edit(bed), []
    for box in bed.pick(rng, avoid, wanted):
        x1, y1, _, y2 = edit.edges(box)
        edit.set(box, (x1, y1, x1 + 100, y2))
        more = edit.add(box, (x1, y1, x1 + 100 * value, y2), attributes=None)
        found.append(Unit((box, more)))
    return edit.done(), tuple(found)


def depiction(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A person that is marked as a depiction (1) or as none (0)."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _with(bed, "label", "person"))
    for box in chosen:
        edit.set(box, is_depiction=bool(value), is_reflection=False)
    return edit.done(), units(chosen)


def visible_share(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A pedestrian of whom such a share is said to be seen."""
    return _stated(bed, rng, avoid, ("pedestrian", "visibility", value))


def visible_part(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A head of which such a share is said to be seen."""
    return _stated(bed, rng, avoid, ("head", "visible_part", value))


def _stated(bed: Bed, rng: Rng, avoid: frozenset[int], what: tuple[str, str, float]) -> Planted:
    label, key, value = what
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _with(bed, "label", label))
    for box in chosen:
        edit.set(box, attributes=json.dumps({key: value}))
    return edit.done(), units(chosen)


def pedestrian_shape(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A pedestrian, 200 px high, so many times as wide as high."""
    return _shaped(bed, rng, value, avoid, "pedestrian")


def head_shape(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A head, 200 px high, so many times as wide as high."""
    return _shaped(bed, rng, value, avoid, "head")


def _shaped(bed: Bed, rng: Rng, value: float, avoid: frozenset[int], label: str) -> Planted:
    wanted = _with(bed, "label", label)
    if bed.dataset.boxes["truncated"].notna().any():
        whole = (bed.dataset.boxes["truncated"] == 0) & (bed.dataset.boxes["occluded"] == 0)
        wanted &= whole.to_numpy(bool)
    edit, chosen = Edit(bed), bed.pick(rng, avoid, wanted)
    for box in chosen:
        edit.set(box, (8.0, 8.0, 8 + 200 * value, 208.0))
    return edit.done(), units(chosen)


def head_outside(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A head of which one edge lies so many px beyond the image."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _with(bed, "label", "head"))
    for box in chosen:
        edit.set(box, beyond(edit.edges(box), edit.size(box), value, int(rng.integers(4))))
    return edit.done(), units(chosen)


def _found(bed: Bed) -> np.ndarray:
    return bed.dataset.boxes["score"].notna().to_numpy(bool)


def score_above(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A prediction of such a score."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _found(bed))
    for box in chosen:
        edit.set(box, score=value)
    return edit.done(), units(chosen)


def no_label(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A prediction without a class (1), or of another one (0)."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _found(bed))
    for box in chosen:
        word = None if value else "other"
        edit.set(box, label=word, source_label=word)
    return edit.done(), units(chosen)


def lowest_id(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A COCO file whose smallest annotation id is so much."""
    boxes = bed.dataset.boxes.copy()
    boxes["source_id"] = [str(number + int(value)) for number in range(len(boxes))]
    return bed.dataset.with_tables(boxes=boxes), (Unit(),)


def detectors(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """Predictions of so many detectors."""
    boxes = bed.dataset.boxes.copy()
    names = rng.permutation(np.arange(len(boxes)) % int(value))
    boxes["attributes"] = [json.dumps({"detector": f"d{number}"}) for number in names]
    return bed.dataset.with_tables(boxes=boxes), (Unit(),)


def head_in_person(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A head of which such a share lies in a person."""
    return part_moved(bed, rng, value, avoid, ("head", "person"))


def weapon_in_person(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A weapon of which such a share lies in a person."""
    return part_moved(bed, rng, value, avoid, ("weapon", "person"))


def _holder(bed: Bed, box: int) -> int:
    """The person who holds a part."""
    row = bed.row_of[box]
    x1, y1, x2, y2 = bed.edges[row].tolist()
    around = (bed.edges[:, :2] <= [x1, y1]).all(axis=1) & (bed.edges[:, 2:] >= [x2, y2]).all(axis=1)
    around &= (bed.image_row == bed.image_row[row]) & _with(bed, "label", "person")
    return int(bed.ids[around][0])


def tall_head(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A head of such a share of the height of a person who is said to be wholly seen."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _with(bed, "label", "head"))
    for box in chosen:
        holder = _holder(bed, box)
        x1, y1, _, _ = edit.edges(holder)
        edit.set(holder, (x1, y1, x1 + 120, y1 + 200), truncated=0.0)
        edit.set(box, (x1 + 20, y1, x1 + 100, y1 + 200 * value))
    return edit.done(), units(chosen)


def more_heads(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """So many heads in one person."""
    edit, found = Edit(bed), []
    for box in bed.pick(rng, avoid, _with(bed, "label", "head")):
        x1, y1, x2, y2 = edit.edges(box)
        off = (70 * n for n in range(1, int(value)))
        more = [edit.add(box, (x1, y1 + n, x2, y2 + n)) for n in off]
        found += [Unit((head,)) for head in (box, *more)]
    return edit.done(), tuple(found)


def small_weapon(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A weapon whose longer side is so many px."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, _with(bed, "label", "weapon"))
    for box in chosen:
        x1, y1, _, _ = edit.edges(box)
        edit.set(box, (x1, y1, x1 + value, y1 + value / 2))
    return edit.done(), units(chosen)


PLANTERS = (
    Planter("FUL-001", "width or height of a whole box", "px",
            below(0.0, [8, 0.25], [-0.25, -16, -100], at=True), full_side,
            bed="wholes", definitions=PERSON),
    Planter("FUL-002", "share of a whole box in the image", "of the box",
            below(0.1, [1, 0.5, 0.11], [0.09, 0.05, 0, -0.5], at=False), full_in_image,
            bed="wholes", definitions=PERSON),
    Planter("FUL-003", "shorter side of a whole box", "px",
            below(4.0, [16, 4.25], [3.75, 2, 0.5], at=False), full_side,
            bed="wholes", definitions=PERSON),
    Planter("FUL-004", "longer side over the shorter", "times",
            above(20.0, [5, 10, 19.5], [20.5, 25, 40], at=False), full_sliver,
            bed="wholes", definitions=PERSON),
    Planter("FUL-010", "visible box beyond the whole one", "px",
            above(1.0, [0, 0.5, 0.875], [1.125, 4, 16], at=False), seen_beyond_whole,
            bed="wholes", definitions=PERSON),
    Planter("FUL-030", "a second whole box", "IoU",
            above(0.95, [0.5, 0.9, 0.945], [0.955, 0.99, 1.0], at=True), full_twice,
            bed="wholes", definitions=PERSON),
    Planter("PER-010", "a depiction that counts as a person", "is so", words([1], [0]), depiction,
            definitions=PERSON, vocabulary="coco", real=COCO),
    Planter("PER-012", "visible share of a person", "of the person",
            below(0.2, [1, 0.5, 0.205], [0.195, 0.1, 0], at=False), visible_share,
            bed="pedestrians", definitions=PERSON, real=("mot17_mini",)),
    Planter("PER-030", "width over height, narrow", "times",
            below(0.15, [0.41, 0.2, 0.155], [0.145, 0.1, 0.05], at=False), pedestrian_shape,
            bed="pedestrians", definitions=PERSON),
    Planter("PER-030", "width over height, wide", "times",
            above(1.6, [0.41, 1, 1.595], [1.605, 2, 4], at=False), pedestrian_shape,
            bed="pedestrians", definitions=PERSON),
    Planter("PER-040", "a person in a group", "of the person",
            above(0.9, [0.5, 0.8, 0.895], [0.905, 0.95, 1.0], at=True), in_group,
            bed="empty_crowds", definitions=PERSON, vocabulary="coco"),
    Planter("HEAD-001", "an edge of a head beyond the image", "px",
            above(1.0, [0, 0.5, 0.875], [1.125, 4, 16], at=False), head_outside,
            bed="heads", definitions=PHONE),
    Planter("HEAD-001", "width or height of a head", "px",
            below(0.0, [8, 0.25], [-0.25, -16], at=True), head_side,
            bed="heads", definitions=PHONE),
    Planter("HEAD-002", "shorter side of a head", "px",
            below(8.0, [16, 8.25], [7.75, 4, 1], at=False), head_side,
            bed="heads", definitions=PHONE),
    Planter("HEAD-003", "width over height, narrow", "times",
            below(0.5, [1, 0.75, 0.505], [0.495, 0.25, 0.1], at=False), head_shape,
            bed="heads", definitions=PHONE),
    Planter("HEAD-003", "width over height, wide", "times",
            above(2.0, [1, 1.5, 1.995], [2.005, 3, 5], at=False), head_shape,
            bed="heads", definitions=PHONE),
    Planter("HEAD-004", "visible part of a head", "of the head",
            below(0.5, [1, 0.75, 0.505], [0.495, 0.25, 0], at=False), visible_part,
            bed="heads", definitions=PHONE),
    Planter("HEAD-010", "a second box of a head", "IoU",
            above(0.8, [0.25, 0.5, 0.795], [0.805, 0.9, 1.0], at=True), head_twice,
            bed="heads", definitions=PHONE),
    Planter("DET-001", "a high score", "score",
            above(1.0, [0.5, 0.995], [1.005, 2, 73, math.inf], at=False), score_above,
            bed="predictions", definitions=DETECTION),
    Planter("DET-001", "a low score", "score",
            below(0.0, [0.5, 0.005], [-0.005, -1, -math.inf], at=False), score_above,
            bed="predictions", definitions=DETECTION),
    Planter("DET-002", "a prediction without a class", "is so", words([1], [0]), no_label,
            bed="predictions", definitions=DETECTION),
    Planter("DET-003", "smallest annotation id", "id",
            below(1.0, [100, 2], [0, -5], at=False), lowest_id,
            bed="coco", definitions=DETECTION, is_of_set=True, real=COCO),
    Planter("DET-004", "detectors in one set", "detectors",
            above(1, [], [2, 3, 10], at=False), detectors,
            bed="predictions", definitions=DETECTION, is_of_set=True),
    Planter("PHO-001", "share of a head in a person", "of the head",
            below(0.9, [1, 0.95, 0.905], [0.895, 0.5, 0], at=False), head_in_person,
            bed="heads", definitions=PHONE),
    Planter("PHO-002", "height of a head in a person wholly seen", "of the person",
            above(0.6, [0.25, 0.5, 0.595], [0.605, 0.75, 1.0], at=False), tall_head,
            bed="heads", definitions=PHONE),
    Planter("PHO-003", "heads in a person", "heads",
            above(1, [], [2, 3], at=False), more_heads, bed="heads", definitions=PHONE),
    Planter("CAM-001", "share of a weapon in a person", "of the weapon",
            below(0.3, [1, 0.5, 0.305], [0.295, 0.1, 0], at=False), weapon_in_person,
            bed="weapons", definitions=CAMERAS),
    Planter("CAM-010", "longer side of a weapon", "px",
            below(6.0, [12, 6.25], [5.75, 4, 1], at=False), small_weapon,
            bed="weapons", definitions=CAMERAS),
)  # fmt: skip
