"""Faults that only the spread of the others shows: BOX-012, BOX-013, SET-014.

The limit of each is computed here as the manual page states it, from the set before planting;
magnitudes are shares of it, in logarithms.
"""

from __future__ import annotations

import math

import numpy as np

from tests.planting.model import (
    N_UNITS,
    Bed,
    Edges,
    Edit,
    NotHereError,
    Planted,
    Planter,
    Rng,
    Unit,
    times,
    units,
)

MAX_Z, MIN_BOXES = 4.5, 30
MAX_RATIO, MAX_COUNT_RATIO = 2.0, 3.0
MIN_SIZE_SCALE, MIN_SHAPE_SCALE, MIN_COUNT_SCALE = math.log(1.1), math.log(1.25), math.log(1.5)
SMALLEST_PX, BORDER_PX = 2.0, 1.0


def limits_of(values: np.ndarray, min_scale: float, max_ratio: float) -> tuple[float, float, float]:
    """Median, and how far below and above it a value may lie, as the manual pages say."""
    middle = float(np.median(values))
    mad = 1.4826 * float(np.median(np.abs(values - middle)))
    low, high = np.quantile(values, [0.1, 0.9]).tolist()
    scales = [max(mad, side / 1.2816, min_scale) for side in (middle - low, high - middle)]
    below, above = (max(MAX_Z * scale, math.log(max_ratio)) for scale in scales)
    return middle, below, above


def _by_class(bed: Bed, values: np.ndarray, usable: np.ndarray) -> dict[str, np.ndarray]:
    labels = bed.dataset.boxes["label"].to_numpy(object)
    names = {str(name) for name in labels[usable]}
    rows = {name: np.flatnonzero(usable & (labels == name)) for name in sorted(names)}
    return {name: values[some] for name, some in rows.items() if len(some) >= MIN_BOXES}


def _log_sides(bed: Bed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    wh = bed.edges[:, 2:] - bed.edges[:, :2]
    usable = bed.is_sound & (wh >= SMALLEST_PX).all(axis=1)
    width, height = np.log(np.where(usable[:, None], wh, 1.0)).T
    return width, height, usable


def _inside(bed: Bed) -> np.ndarray:
    edges = bed.edges
    inside = (edges[:, :2] > BORDER_PX).all(axis=1)
    inside &= ~(edges[:, 2:] >= bed.size - BORDER_PX).any(axis=1)
    return inside & ~(bed.dataset.boxes["truncated"] > 0).to_numpy(bool)


def _placed(edit: Edit, box: int, wide: float, high: float) -> Edges | None:
    """A box of these sides as near to its old place as the image allows; None: it has no room."""
    x1, y1, x2, y2 = edit.edges(box)
    width, height = edit.size(box)
    if math.isnan(width) or min(wide, high) < SMALLEST_PX:
        return None
    if wide > width - 4 * BORDER_PX or high > height - 4 * BORDER_PX:
        return None
    low_x = min(max((x1 + x2 - wide) / 2, 2 * BORDER_PX), width - wide - 2 * BORDER_PX)
    low_y = min(max((y1 + y2 - high) / 2, 2 * BORDER_PX), height - high - 2 * BORDER_PX)
    return low_x, low_y, low_x + wide, low_y + high


def size(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box that is far larger or smaller than its class, by such a share of the limit."""
    width, height, usable = _log_sides(bed)
    values = (width + height) / 2
    return _stretched(bed, rng, (value, values, usable, avoid), is_shape=False)


def shape(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A box that is far wider or higher than its class, by such a share of the limit."""
    width, height, usable = _log_sides(bed)
    usable &= _inside(bed)
    return _stretched(bed, rng, (value, width - height, usable, avoid), is_shape=True)


def _stretched(
    bed: Bed,
    rng: Rng,
    what: tuple[float, np.ndarray, np.ndarray, frozenset[int]],
    *,
    is_shape: bool,
) -> Planted:
    value, values, usable, avoid = what
    scale, ratio = (MIN_SHAPE_SCALE if is_shape else MIN_SIZE_SCALE), MAX_RATIO
    classes = _by_class(bed, values, usable)
    limits = {name: limits_of(some, scale, ratio) for name, some in classes.items()}
    labels = bed.dataset.boxes["label"].to_numpy(object)
    of_class = np.isin(labels.astype(str), list(limits))
    edit, found = Edit(bed), []
    # A slip in a hundred: more of them on one side widen the spread that they are judged by.
    left = {name: max(len(some) // 100, 1) for name, some in classes.items()}
    for box in bed.pick(rng, avoid, usable & of_class, n=8 * N_UNITS):
        row = bed.row_of[box]
        middle, below, above = limits[str(labels[row])]
        ways = [middle - value * below, middle + value * above]
        edges = None
        for way in rng.permutation(2).tolist():
            edges = edges or _drawn(edit, box, ways[way], is_shape=is_shape)
        if edges is not None and len(found) < N_UNITS and left[str(labels[row])]:
            left[str(labels[row])] -= 1
            found.append(edit.set(box, edges))
    if not found:
        raise NotHereError(f"{bed.name} has no room for it")
    return edit.done(), units(found)


def _drawn(edit: Edit, box: int, log_value: float, *, is_shape: bool) -> Edges | None:
    """The box with another ln of width / height, or of the root of its area; the other stays."""
    x1, y1, x2, y2 = edit.edges(box)
    area, aspect = (x2 - x1) * (y2 - y1), (x2 - x1) / (y2 - y1)
    if is_shape:
        aspect = math.exp(log_value)
    else:
        area = math.exp(2 * log_value)
    return _placed(edit, box, math.sqrt(area * aspect), math.sqrt(area / aspect))


def count(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """An image with far more labels than the others, by such a share of the limit."""
    source = bed.dataset.images["source"].to_numpy(object)
    counts = np.bincount(bed.image_row[bed.is_sound], minlength=len(source))
    edit, found = Edit(bed), []
    for box in bed.pick(rng, avoid, bed.is_sound, n=3):
        image = int(bed.image_row[bed.row_of[box]])
        own = counts[(source == source[image]) & (counts > 0)]
        if len(own) < MIN_BOXES:
            raise NotHereError(f"{bed.name} has too few images")
        middle, _, above = limits_of(np.log(own), MIN_COUNT_SCALE, MAX_COUNT_RATIO)
        wanted = round(math.exp(middle + value * above))
        members = bed.ids[bed.is_sound & (bed.image_row == image)].tolist()
        if wanted <= len(members):
            continue
        x1, y1, x2, y2 = edit.edges(box)
        # Steps of less than a box: what lies where does not matter here.
        members += [
            edit.add(box, (x1 + n / 8, y1, x2 + n / 8, y2)) for n in range(wanted - len(members))
        ]
        found.append(Unit(tuple(members)))
    if not found:
        raise NotHereError(f"{bed.name} has more labels than that in each image")
    return edit.done(), tuple(found)


SOUND, FAULTS = [0.5, 0.7, 0.8], [1.1, 1.25, 1.5]
WITH_SIZE = ("coco128", "coco_val2014", "voc_bccd", "mot17_mini")
PLANTERS = (
    Planter("BOX-012", "size beyond that of the class", "of the limit",
            times(SOUND, FAULTS), size, kind="statistical", real=WITH_SIZE),
    Planter("BOX-013", "shape beyond that of the class", "of the limit",
            times(SOUND, FAULTS), shape, kind="statistical", real=WITH_SIZE),
    Planter("SET-014", "labels of an image beyond the others", "of the limit",
            times(SOUND, FAULTS), count, kind="statistical",
            real=("coco128", "coco_val2014", "voc_bccd")),
)  # fmt: skip
