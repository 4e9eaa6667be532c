"""Faults of tracks: TRK-001 .. TRK-006."""

from __future__ import annotations

import numpy as np

from tests.planting.model import (
    N_UNITS,
    Bed,
    Edit,
    NotHereError,
    Planted,
    Planter,
    Rng,
    Unit,
    above,
    times,
    words,
)

REAL = ("kitti_tracking", "mot17_mini")
# A box this near to the border may be cut: no step from or to it is judged.
BORDER_PX = 1.0
# Manual pages of TRK-003 and TRK-004.
MAX_RATIO, UNREST = 1.25, 5 * 1.4826
MAX_STEP, MAX_STEPS, MIN_STEPS = 0.5, 5.0, 3


def _tracks(bed: Bed) -> list[np.ndarray]:
    """Rows of the boxes of each track without a fault: one class, a box in every frame, whole."""
    boxes, images = bed.dataset.boxes, bed.dataset.images
    frame = images["frame"].to_numpy(np.float64, na_value=np.nan)[bed.image_row]
    group = images["group"].to_numpy(object)[bed.image_row]
    table = boxes[["track_id", "label"]].assign(frame=frame, group=group, sound=bed.is_sound)
    table["free"] = _free(bed)
    found = []
    for _, rows in table[table["track_id"].notna()].groupby(["group", "track_id"]):
        some = rows.sort_values("frame")
        whole = some["sound"].all() and some["label"].nunique() == 1
        if whole and len(some) >= 8 and (np.diff(some["frame"]) == 1).all():
            found.append(some.index.to_numpy())
    return found


def _free(bed: Bed) -> np.ndarray:
    boxes = bed.dataset.boxes
    hidden = (boxes["truncated"] > 0).to_numpy(bool) | (boxes["occluded"] > 0).to_numpy(bool)
    inside = (bed.edges[:, :2] > BORDER_PX).all(axis=1)
    return inside & ~(bed.edges[:, 2:] >= bed.size - BORDER_PX).any(axis=1) & ~hidden


def _pick(bed: Bed, rng: Rng, avoid: frozenset[int], tail: int) -> list[np.ndarray]:
    """Some tracks whose last boxes, so many, are free of borders and of others in front."""
    free = _free(bed)
    tracks = [
        rows
        for rows in _tracks(bed)
        if free[rows[-tail:]].all() and not avoid.intersection(bed.ids[rows].tolist())
    ]
    if not tracks:
        raise NotHereError(f"{bed.name} has no track for it")
    return [tracks[n] for n in rng.permutation(len(tracks))[:N_UNITS]]


def class_change(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A track of which so many boxes are of another class."""
    edit, found = Edit(bed), []
    for rows in _pick(bed, rng, avoid, 1):
        changed = bed.ids[rng.permutation(rows)[: int(value)]].tolist()
        for box in changed:
            edit.set(box, label="unicycle")
        found.append(Unit(tuple(changed)))
    return edit.done(), tuple(found)


def gap(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A track that is missing in so many frames."""
    edit, found = Edit(bed), []
    for rows in _pick(bed, rng, avoid, 6):
        edit.drop(bed.ids[rows[-1 - int(value) : -1]].tolist())
        found.append(Unit((int(bed.ids[rows[-2 - int(value)]]), int(bed.ids[rows[-1]]))))
    return edit.done(), tuple(found)


def _steps(bed: Bed) -> dict[object, np.ndarray]:
    """By video, the steps of ln height between boxes that are seen whole."""
    free, group = _free(bed), bed.dataset.images["group"].to_numpy(object)[bed.image_row]
    height = bed.edges[:, 3] - bed.edges[:, 1]
    steps: dict[object, list[float]] = {}
    for rows in _tracks(bed):
        both = free[rows][1:] & free[rows][:-1]
        steps.setdefault(group[rows[0]], []).extend(np.diff(np.log(height[rows]))[both].tolist())
    return {video: np.array(some) for video, some in steps.items()}


def _scaled(edit: Edit, before: int, box: int, ratio: float) -> None:
    """Draws a box about the centre of the one before, so many times as high."""
    x1, y1, x2, y2 = edit.edges(before)
    half_w, half_h = (x2 - x1) / 2, (y2 - y1) / 2 * ratio
    mid_x, mid_y = (x1 + x2) / 2, (y1 + y2) / 2
    edit.set(box, (mid_x - half_w, mid_y - half_h, mid_x + half_w, mid_y + half_h))


def size_jump(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """The last box of a track, or the first, is so many times as high as the one beside it."""
    edit, found = Edit(bed), []
    for rows in _pick(bed, rng, avoid, 2):
        # The first box against the second: a step down by exactly as much as the step up.
        pair = rows[-2:] if rng.integers(2) else rows[1::-1]
        before, box = bed.ids[pair].tolist()
        _scaled(edit, before, box, value)
        found.append(Unit((before, box)))
    return edit.done(), tuple(found)


def size_jump_of_unrest(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """As `size_jump`, as a share of what the unrest of the video allows, in ln."""
    edit, found, steps = Edit(bed), [], _steps(bed)
    group = bed.dataset.images["group"].to_numpy(object)[bed.image_row]
    for rows in _pick(bed, rng, avoid, 2):
        own = steps[group[rows[0]]]
        unrest = UNREST * np.median(np.abs(own - np.median(own)))
        limit = max(np.log(MAX_RATIO), unrest if len(own) >= 10 else 0)
        before, box = bed.ids[rows[-2:]].tolist()
        _scaled(edit, before, box, float(np.exp(value * limit * rng.choice([-1, 1]))))
        found.append(Unit((before, box)))
    return edit.done(), tuple(found)


def _moved(edit: Edit, before: int, box: int, heights: float) -> None:
    """Draws a box like the one before, so many heights beside it."""
    x1, y1, x2, y2 = edit.edges(before)
    off = heights * (y2 - y1)
    width = edit.size(before)[0]
    off = -off if x1 - off > BORDER_PX and not x2 + off < width - BORDER_PX else off
    edit.set(box, (x1 + off, y1, x2 + off, y2))


def centre_jump(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """The last box of a calm track is so many heights from the one before."""
    edit, found = Edit(bed), []
    for rows in _pick(bed, rng, avoid, 2):
        if MAX_STEPS * _median_step(bed, rows) < MAX_STEP / 2:
            before, box = bed.ids[rows[-2:]].tolist()
            _moved(edit, before, box, value)
            found.append(Unit((before, box)))
    if not found:
        raise NotHereError(f"{bed.name} has no calm track")
    return edit.done(), tuple(found)


def centre_jump_of_steps(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """As `centre_jump`, as a share of what the steps of the track allow."""
    edit, found = Edit(bed), []
    for rows in _pick(bed, rng, avoid, 2):
        limit = max(MAX_STEP, MAX_STEPS * _median_step(bed, rows))
        before, box = bed.ids[rows[-2:]].tolist()
        _moved(edit, before, box, value * limit)
        found.append(Unit((before, box)))
    return edit.done(), tuple(found)


def _median_step(bed: Bed, rows: np.ndarray) -> float:
    """The median step of a track between boxes that are seen whole, in heights of the lower one."""
    both = _free(bed)[rows]
    edges = bed.edges[rows]
    centre = (edges[:, :2] + edges[:, 2:]) / 2
    height = edges[:, 3] - edges[:, 1]
    moved = np.hypot(*np.diff(centre, axis=0).T)
    steps = (moved / np.minimum(height[1:], height[:-1]))[both[1:] & both[:-1]]
    return float(np.median(steps)) if len(steps) >= MIN_STEPS else 0.0


def twice(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """So many more boxes of a track in a frame; none: one of another track."""
    edit, found = Edit(bed), []
    for rows in _pick(bed, rng, avoid, 1):
        box = int(bed.ids[rows[len(rows) // 2]])
        x1, y1, x2, y2 = edit.edges(box)
        track = str(bed.dataset.boxes["track_id"].iloc[rows[0]]) if value else f"new {box}"
        more = [
            edit.add(box, (x1 + n, y1, x2 + n, y2), track_id=track)
            for n in range(1, 1 + max(int(value), 1))
        ]
        found.append(Unit((box, *more)))
    return edit.done(), tuple(found)


def other_id(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A track that goes on under another id, at such an intersection over union."""
    edit, found = Edit(bed), []
    for number, rows in enumerate(_pick(bed, rng, avoid, 4)):
        before, box = bed.ids[rows[-4:-2]].tolist()
        x1, y1, x2, y2 = edit.edges(before)
        if bed.is_made:
            x2, y2 = x1 + 100, y1 + 200
            edit.set(before, (x1, y1, x2, y2))
        edit.set(box, (x1, y1, x1 + (x2 - x1) * value, y2))
        for row in rows[-3:]:
            edit.set(int(bed.ids[row]), track_id=f"other {number}")
        found.append(Unit((before, box)))
    return edit.done(), tuple(found)


PLANTERS = (
    Planter("TRK-001", "boxes of another class in a track", "boxes",
            words([1, 2, 3], [0]), class_change, bed="video", real=REAL),
    Planter("TRK-002", "frames without the track", "frames",
            words([1, 2], [0, 3, 4]), gap, bed="video", real=REAL),
    Planter("TRK-003", "height over that of the frame before", "times",
            above(1.25, [1, 1.1, 1.24], [1.26, 1.5, 2, 2.5], at=False), size_jump, bed="video"),
    Planter("TRK-003", "height, by the unrest of its video", "of the limit",
            times([0.5, 0.8, 0.9], [1.1, 1.25, 1.5, 2]), size_jump_of_unrest,
            bed="restless_video", kind="statistical", real=REAL),
    Planter("TRK-004", "way of the centre in a calm track", "heights",
            above(0.5, [0, 0.25, 0.495], [0.505, 1, 2], at=False), centre_jump, bed="video"),
    Planter("TRK-004", "way of the centre, by the track's own steps", "of the limit",
            times([0.5, 0.8, 0.9], [1.1, 1.25, 1.5, 2]), centre_jump_of_steps,
            bed="restless_video", kind="statistical", real=REAL),
    Planter("TRK-005", "more boxes of a track in a frame", "boxes",
            words([1, 2, 4], [0]), twice, bed="video", real=REAL),
    Planter("TRK-006", "a track that goes on under another id", "IoU",
            above(0.9, [0.5, 0.8, 0.895], [0.905, 0.95, 1.0], at=True), other_id,
            bed="video", real=REAL),
)  # fmt: skip
