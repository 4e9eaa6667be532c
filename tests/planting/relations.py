"""Faults of boxes of one image against each other: REL-001 .. REL-009."""

from __future__ import annotations

from tests.planting.boxes import REAL
from tests.planting.made import FIELD_WH
from tests.planting.model import Bed, Edges, Edit, Planted, Planter, Rng, Unit, above, below, words

# Sides that whole percents of are whole pixels.
ROUND_PX = 200.0


def _snapped(bed: Bed, edit: Edit, box: int) -> Edges:
    """The box's edges; in a made set it is drawn anew with sides of a round number of px."""
    x1, y1, x2, y2 = edit.edges(box)
    if bed.is_made:
        # At the left top of its field, so that it stays alone.
        x1, y1 = ((at // side) * side + 12 for at, side in zip((x1, y1), FIELD_WH, strict=True))
        x2, y2 = x1 + ROUND_PX, y1 + ROUND_PX
        edit.set(box, (x1, y1, x2, y2))
    return x1, y1, x2, y2


def _alone(bed: Bed, rng: Rng, avoid: frozenset[int]) -> list[int]:
    return bed.pick(rng, avoid, bed.is_alone & bed.sides_from(24))


def _other_class(bed: Bed, label: str) -> str:
    labels = sorted(set(bed.dataset.boxes["label"].dropna()) - {label})
    return labels[0] if labels else f"no {label}"


def copies(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """So many exact copies of a box; none: one that is 1/64 px off."""
    edit, found = Edit(bed), []
    for box in _alone(bed, rng, avoid):
        x1, y1, x2, y2 = edit.edges(box)
        n = max(int(value), 1)
        off = 0 if value else 1 / 64
        more = [edit.add(box, (x1, y1, x2 - off, y2)) for _ in range(n)]
        found.append(Unit((box, *more)))
    return edit.done(), tuple(found)


def copy_of_class(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """An exact copy of a box, of its class (1) or another (0)."""
    edit, found = Edit(bed), []
    for box in _alone(bed, rng, avoid):
        label = str(bed.dataset.boxes["label"].iloc[bed.row_of[box]])
        other = label if value else _other_class(bed, label)
        new = edit.add(box, edit.edges(box), label=other, source_label=other)
        found.append(Unit((box, new)))
    return edit.done(), tuple(found)


def overlap(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A second box of the class with such an intersection over union."""
    return _overlapping(bed, rng, value, avoid, is_other=False)


def overlap_of_other(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box of another class with such an intersection over union."""
    return _overlapping(bed, rng, value, avoid, is_other=True)


def _overlapping(
    bed: Bed, rng: Rng, value: float, avoid: frozenset[int], *, is_other: bool
) -> Planted:
    edit, found = Edit(bed), []
    for box in _alone(bed, rng, avoid):
        x1, y1, x2, y2 = _snapped(bed, edit, box)
        label = str(bed.dataset.boxes["label"].iloc[bed.row_of[box]])
        label = _other_class(bed, label) if is_other else label
        # A copy that is shorter on one side shares all of itself: IoU is the ratio of the sides.
        edges = (
            (x1, y1, x1 + (x2 - x1) * value, y2)
            if rng.integers(2)
            else (x1, y1, x2, y1 + (y2 - y1) * value)
        )
        found.append(Unit((box, edit.add(box, edges, label=label, source_label=label))))
    return edit.done(), tuple(found)


def inside(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box of half the sides, of which such a share lies in one of its class."""
    edit, found = Edit(bed), []
    for box in _alone(bed, rng, avoid):
        x1, y1, x2, y2 = _snapped(bed, edit, box)
        wide, high = (x2 - x1) / 2, (y2 - y1) / 2
        top = y1 + high / 4
        edges = (
            (x2 - wide * value, top, x2 - wide * value + wide, top + high)
            if rng.integers(2) or x1 < wide
            else (x1 - wide * (1 - value), top, x1 + wide * value, top + high)
        )
        found.append(Unit((edit.add(box, edges), box)))
    return edit.done(), tuple(found)


def tiles(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """Two boxes of the class in a box, that leave such a share of it."""
    boxes = bed.dataset.boxes
    seen = ~(boxes["occluded"] > 0).to_numpy(bool)
    chosen = bed.pick(rng, avoid, bed.is_alone & bed.sides_from(24) & seen)
    edit, found = Edit(bed), []
    for box in chosen:
        x1, y1, x2, y2 = _snapped(bed, edit, box)
        wide = x2 - x1
        left = edit.add(box, (x1, y1, x1 + wide / 2, y2))
        right = edit.add(box, (x1 + wide / 4, y1, x1 + wide * (1 - value), y2))
        found.append(Unit((box, left, right)))
    return edit.done(), tuple(found)


def _groups(bed: Bed, rng: Rng, avoid: frozenset[int]) -> list[int]:
    return bed.pick(rng, avoid, (bed.dataset.boxes["is_group"] == True).to_numpy(bool))  # noqa: E712


def _members(bed: Bed, group: int) -> list[int]:
    """The singles of the group's class that lie wholly in it."""
    row = bed.row_of[group]
    x1, y1, x2, y2 = bed.edges[row].tolist()
    low, high = bed.edges[:, :2], bed.edges[:, 2:]
    held = (low >= [x1, y1]).all(axis=1) & (high <= [x2, y2]).all(axis=1)
    held &= (bed.image_row == bed.image_row[row]) & (bed.ids != group)
    labels = bed.dataset.boxes["label"]
    return bed.ids[held & (labels == labels.iloc[row]).to_numpy(bool)].tolist()


def few_in_group(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A group that is left with so many single boxes."""
    edit, chosen = Edit(bed), _groups(bed, rng, avoid)
    for group in chosen:
        edit.drop(_members(bed, group)[int(value) :])
    return edit.done(), tuple(Unit((group,)) for group in chosen)


def in_group(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A single box of 100 x 200 px of which such a share lies in a group of its class."""
    edit, found = Edit(bed), []
    for group in _groups(bed, rng, avoid):
        _, y1, x2, _ = edit.edges(group)
        left = x2 - 100 * value
        edges = (left, y1 + 50, left + 100, y1 + 250)
        single = edit.add(group, edges, is_group=False, role="include")
        found.append(Unit((single, group)))
    return edit.done(), tuple(found)


def part_moved(
    bed: Bed, rng: Rng, value: float, avoid: frozenset[int], labels: tuple[str, str]
) -> Planted:
    """A part of which such a share lies in its whole: it is drawn 100 px wide at the right edge."""
    part, whole = labels
    names = bed.dataset.boxes["label"]
    edit = Edit(bed)
    chosen = bed.pick(rng, avoid, (names == part).to_numpy(bool) & bed.is_sound)
    for box in chosen:
        row = bed.row_of[box]
        x1, y1, x2, y2 = edit.edges(box)
        of = bed.edges[(bed.image_row == bed.image_row[row]) & (names == whole).to_numpy(bool)]
        meet = (of[:, :2] < [x2, y2]).all(axis=1) & (of[:, 2:] > [x1, y1]).all(axis=1)
        (holder,) = of[meet].tolist()
        left = holder[2] - 100 * value
        edit.set(box, (left, holder[1] + 16, left + 100, holder[1] + 80))
    return edit.done(), tuple(Unit((box,)) for box in chosen)


def head_off(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A head of which such a share lies in a person."""
    return part_moved(bed, rng, value, avoid, ("head", "person"))


def rider_off(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A rider of which such a share lies in a bicycle."""
    return part_moved(bed, rng, value, avoid, ("rider", "bicycle"))


NEAR = [0.905, 0.95, 0.99]
PLANTERS = (
    Planter("REL-001", "exact copies", "copies", words([1, 2, 5], [0]), copies, real=REAL),
    Planter("REL-001", "an exact copy of the class", "copies",
            words([1], [0]), copy_of_class, real=REAL),
    Planter("REL-002", "a second box", "IoU",
            (*above(0.9, [0.5, 0.8, 0.895], NEAR, at=True), *words([], [1.0])),
            overlap, real=REAL),
    Planter("REL-003", "a box of another class", "IoU",
            above(0.95, [0.5, 0.9, 0.945], [0.955, 0.99, 1.0], at=True),
            overlap_of_other, real=REAL),
    Planter("REL-004", "a part of the class inside", "of the part",
            above(0.98, [0.5, 0.9, 0.975], [0.985, 0.99, 1.0], at=True), inside, real=REAL),
    Planter("REL-005", "a group of few", "boxes",
            below(2, [4, 3], [1, 0], at=False), few_in_group, bed="full_crowds"),
    Planter("REL-006", "a single box in a group", "of the box",
            above(0.9, [0.5, 0.8, 0.895], [0.905, 0.95, 1.0], at=True),
            in_group, bed="empty_crowds"),
    Planter("REL-007", "what two boxes leave of one", "of the box",
            below(0.05, [0.25, 0.1, 0.055], [0.045, 0.02, 0], at=False), tiles, real=REAL),
    Planter("REL-008", "share of a head in a person", "of the head",
            below(0.5, [1, 0.75, 0.505], [0.495, 0.25, 0], at=False), head_off, bed="heads"),
    Planter("REL-009", "share of a rider on a bicycle", "of the rider",
            below(0.1, [0.5, 0.2, 0.105], [0.095, 0.05, 0], at=False), rider_off, bed="riders"),
)  # fmt: skip
