"""Outcomes and labels of detections once more: row by row, from the rules, with plain loops.

Slow on purpose, and shares nothing with `curate.matching` and `curate.crops`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Image:
    """A picture: the classes that somebody looked for (None: all), and whether anybody looked."""

    listed: tuple[str, ...] | None = None
    is_seen: bool = True


@dataclass(frozen=True)
class Thing:
    """An object or a detection; an undecided object is ignored, a group, or without a class."""

    id: int
    image: str
    label: str | None
    box: Box
    score: float = 0.0
    is_undecided: bool = False


@dataclass(frozen=True)
class Rules:
    """The numbers of the contract; `attribute` is (label, on, becomes)."""

    min_iou: float = 0.5
    near_iou: float = 0.3
    ambiguous_iou: float = 0.3
    ignore_ioa: float = 0.5
    attribute: tuple[str, str, str] | None = None
    margin_frac: float = 0.15
    min_margin_px: float = 8.0


@dataclass
class Row:
    """What is expected of one detection or missed object; ids of objects, None for none."""

    outcome: str
    label: str | None
    object: int | None = None
    iou: float | None = None
    other: int | None = None
    other_iou: float | None = None
    is_assigned: bool = False
    ignore_ioa: float | None = None
    attribute: str | None = None
    attribute_object: int | None = None
    attribute_ioa: float | None = None


@dataclass
class Expected:
    """Rows by id of the detection, and of the missed object."""

    detections: dict[int, Row] = field(default_factory=dict)
    missed: dict[int, Row] = field(default_factory=dict)


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def shared(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def iou(a: Box, b: Box) -> float:
    return shared(a, b) / (area(a) + area(b) - shared(a, b))


def expected(
    images: dict[str, Image], objects: list[Thing], found: list[Thing], rules: Rules
) -> Expected:
    """What the rules say of sound detections, all at or above the floor."""
    thing_label = rules.attribute[0] if rules.attribute else None
    things = [one for one in objects if thing_label is not None and one.label == thing_label]
    regular = [one for one in objects if one not in things and not one.is_undecided]
    ignored = [one for one in objects if one not in things and one.is_undecided]
    theirs, ours = {one.label for one in found}, {one.label for one in objects if one.label}
    searched = {label for image in images.values() for label in image.listed or ()}
    is_apart = bool(theirs) and bool(ours) and not theirs & (ours | searched)
    assigned: dict[int, Thing] = {}
    taken: set[int] = set()
    told = Expected()
    for one in sorted(found, key=lambda one: (-one.score, one.id)):
        free = [
            (-iou(one.box, other.box), other.id, other)
            for other in regular
            if other.image == one.image and other.id not in taken
            and (is_apart or other.label == one.label) and iou(one.box, other.box) >= rules.min_iou
        ]  # fmt: skip
        if free:
            assigned[one.id] = min(free, key=lambda pair: pair[:2])[2]
            taken.add(assigned[one.id].id)
    for one in found:
        near = [other for other in regular if other.image == one.image]
        hiding = [other for other in ignored if other.image == one.image]
        own = [other for other in things if other.image == one.image]
        row = shown(one, near, hiding, assigned.get(one.id), rules, is_apart)
        if row.outcome == "background":
            row = background(one, images[one.image], own, ours if is_apart else None, rules, row)
        told.detections[one.id] = attributed(row, one, images[one.image], own, rules)
    for other in regular:
        if other.id not in taken:
            row = Row("missed", other.label, object=other.id)
            own = [thing for thing in things if thing.image == other.image]
            told.missed[other.id] = attributed(row, other, images[other.image], own, rules)
    return told


def shown(one: Thing, near: list[Thing], hiding: list[Thing], has: Thing | None, rules: Rules,
          is_apart: bool) -> Row:  # fmt: skip
    """The row of a detection by the objects under it; background where it has none."""
    ranked = sorted(
        ((iou(one.box, other.box), other) for other in near if iou(one.box, other.box) > 0),
        key=lambda pair: (-pair[0], pair[1].id),
    )
    best = ranked[0] if ranked else (0.0, None)
    first = (iou(one.box, has.box), has) if has is not None else best
    rest = [pair for pair in ranked if pair[1] is not first[1]]
    second = rest[0] if rest else (0.0, None)
    inside = max((shared(one.box, other.box) / area(one.box) for other in hiding), default=0.0)
    row = Row("background", "background", is_assigned=has is not None, ignore_ioa=inside or None)
    if first[1] is not None:
        row.object, row.iou = first[1].id, first[0]
    if second[1] is not None:
        row.other, row.other_iou = second[1].id, second[0]
    if sum(value >= rules.ambiguous_iou for value, _ in ranked) >= 2:
        row.outcome, row.label = "ambiguous", first[1].label if first[1] else None
    elif has is not None:
        row.outcome, row.label = "matched", has.label
    elif best[1] is not None and best[0] >= rules.min_iou:
        is_same = is_apart or best[1].label == one.label
        row.outcome, row.label = "duplicate" if is_same else "confused", best[1].label
    elif best[0] >= rules.near_iou:
        row.outcome, row.label = "near", None
    elif inside >= rules.ignore_ioa:
        row.outcome, row.label = "ignored", None
    return row


def background(one: Thing, image: Image, things: list[Thing], ours: set[str] | None,
               rules: Rules, row: Row) -> Row:  # fmt: skip
    """A false alarm, unless it is a detection of the attribute, or nobody looked for its class."""
    is_own = rules.attribute is not None and one.label == rules.attribute[0]
    if is_own and any(iou(one.box, thing.box) >= rules.near_iou for thing in things):
        row.outcome, row.label = "ignored", None
        return row
    wanted = {one.label} if ours is None else ours
    if not image.is_seen or (image.listed is not None and not wanted <= set(image.listed)):
        row.outcome, row.label = "unverified", None
    return row


def attributed(row: Row, one: Thing, image: Image, things: list[Thing], rules: Rules) -> Row:
    """The row with what its crop shows of the attribute."""
    if rules.attribute is None or row.label != rules.attribute[1]:
        return row
    crop = rectangle(one.box, rules)
    shares = sorted(
        ((shared(crop, thing.box) / area(thing.box), thing) for thing in things),
        key=lambda pair: (-pair[0], pair[1].is_undecided, pair[1].id),
    )
    decided = [pair for pair in shares if not pair[1].is_undecided]
    best = shares[0] if shares else (0.0, None)
    is_yes = bool(decided) and decided[0][0] >= 0.7
    if is_yes:
        best = decided[0]
    if best[1] is not None and best[0] > 0:
        row.attribute_object, row.attribute_ioa = best[1].id, best[0]
    is_seen = image.is_seen and (image.listed is None or rules.attribute[0] in image.listed)
    if is_yes:
        row.attribute, row.label = "yes", rules.attribute[2]
    elif best[0] >= 0.2:
        row.attribute, row.label = "partial", None
        row.outcome = row.outcome if row.outcome == "missed" else "partial"
    elif is_seen:
        row.attribute = "no"
    else:
        row.label = None
        row.outcome = row.outcome if row.outcome == "missed" else "unverified"
    return row


def rectangle(box: Box, rules: Rules) -> Box:
    """The square crop of a box, with its margin."""
    halves = [
        (high - low) / 2 + max((high - low) * rules.margin_frac, rules.min_margin_px)
        for low, high in ((box[0], box[2]), (box[1], box[3]))
    ]
    half = max(halves)
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return x - half, y - half, x + half, y + half
