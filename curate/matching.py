"""Detections against objects: one to one by score, and what each detection lies on beside that.

The assignment is that of COCOeval (pycocotools 2.0.11, cocoeval.py, `evaluateImg`): detections
choose in the order of their score, each the free object of the largest overlap. The loops are
compiled with numba.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from curate.boxes import sides

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# No object, no detection, no class.
NONE = -1
# COCOeval takes this much off a limit of 1, which rounding could otherwise keep out of reach.
_MAX_LIMIT = 1 - 1e-10
# Columns of what the compiled loop writes; the last is the ignored object that may be assigned.
_ASSIGNED, _BEST, _SECOND, _IGNORED, _LIES_ON = range(5)
_N_COLUMNS = 5


@dataclass(frozen=True)
class MatchRule:
    """When a detection and an object are one.

    Parameters
    ----------
    min_iou
        Intersection over union from which on they match, 0..1, the limit itself included.
    ignore_min_ioa
        Share of the detection inside an ignored object from which on it lies on it, 0..1, the
        limit included.
    class_aware
        Whether a detection matches objects of its own class only.
    max_per_image
        Detections that may match, best first, per image, and per class where `class_aware`, as
        COCOeval counts them. None: all.
    """

    min_iou: float = 0.5
    ignore_min_ioa: float = 0.5
    class_aware: bool = True
    max_per_image: int | None = None


@dataclass(frozen=True, eq=False)
class Detections:
    """N detections, in any order.

    Parameters
    ----------
    image
        (N,) int64, any code of the image; objects have the same.
    xyxy
        (N, 4) float64, px, half-open. One with a NaN or infinite edge or a side that is not
        positive matches nothing.
    label
        (N,) int64, any code of the class; -1: none, which is the class of no object.
    score
        (N,) float64; NaN comes last.
    id
        (N,) int64, each once: the order among equal scores.
    """

    image: Codes
    xyxy: Floats
    label: Codes
    score: Floats
    id: Codes


@dataclass(frozen=True, eq=False)
class Objects:
    """M objects, in any order.

    Parameters
    ----------
    image, xyxy, id
        As of `Detections`; `id` is the order among equal overlaps.
    label
        (M,) int64 codes of the class; -1: none. An ignored object without a class holds for
        detections of any.
    is_ignored
        (M,) bool: whether it counts neither way.
    """

    image: Codes
    xyxy: Floats
    label: Codes
    id: Codes
    is_ignored: Bools


@dataclass(frozen=True, eq=False)
class Matched:
    """What N detections lie on, of M objects; rows are those given, -1 for none.

    Parameters
    ----------
    object_row
        (N,) int64: the object that the detection is assigned to; an ignored one where it has no
        other.
    overlap
        (N,) float64: IoU with it, for an ignored object IoA of the detection; NaN for none.
    best_row, best_iou
        (N,) int64 and float64: the regular object of any class that it overlaps most; the IoU is 0
        where it overlaps none.
    second_row, second_iou
        The same for the one that it overlaps second most.
    ignored_row, ignored_ioa
        (N,) int64 and float64: the ignored object of any class that most of the detection lies in,
        and that share; 0 where it overlaps none.
    detection_row
        (M,) int64: the detection that is assigned to the object; to an ignored object, the last of
        them in the order of the scores.
    is_counted
        (N,) bool: whether it is among the `max_per_image`; others are assigned to nothing.
    """

    object_row: Codes
    overlap: Floats
    best_row: Codes
    best_iou: Floats
    second_row: Codes
    second_iou: Floats
    ignored_row: Codes
    ignored_ioa: Floats
    detection_row: Codes
    is_counted: Bools


def match(detections: Detections, objects: Objects, rule: MatchRule) -> Matched:
    """The assignment of detections to objects, and the overlaps that it leaves out.

    Notes
    -----
    Detections choose by score, of equal ones the lowest id first. Each takes the free regular
    object with the largest IoU, of equal ones the lowest id; only without one it goes to the
    ignored object with the largest IoA of the detection, which takes any number. IoU is of
    half-open boxes, computed as pycocotools does (common/maskApi.c, `bbIou`).

    Examples
    --------
    >>> zero = np.zeros(2, np.int64)
    >>> ids = np.arange(2)
    >>> xyxy = np.array([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 8.0]])
    >>> given = Detections(zero, xyxy, zero, np.array([0.6, 0.9]), ids)
    >>> one = Objects(zero[:1], xyxy[:1], zero[:1], ids[:1], np.array([False]))
    >>> matched = match(given, one, MatchRule())
    >>> matched.object_row, matched.overlap, matched.best_iou
    (array([-1,  0]), array([nan, 0.8]), array([1. , 0.8]))
    """
    order = _by_image_and_score(detections)
    is_counted = _is_counted(detections, order, rule)
    # By left edges, so that the loop can leave out what lies beyond a detection.
    is_box = np.isfinite(objects.xyxy).all(axis=1) & (sides(objects.xyxy) > 0).all(axis=1)
    there = np.flatnonzero(is_box)
    keys = (objects.id[there], objects.xyxy[there, 0], objects.image[there])
    there = there[np.lexsort(keys)]
    xyxy, image = objects.xyxy[there], objects.image[there]
    spans = [np.searchsorted(image, detections.image[order], side) for side in ("left", "right")]
    rows = np.full((len(order), _N_COLUMNS), NONE)
    shares = np.zeros((len(order), _N_COLUMNS))
    taken = np.full(len(there), NONE)
    _assign(
        (order, *spans, detections.xyxy, detections.label, is_counted),
        (there, xyxy, objects.label[there], objects.id[there], objects.is_ignored[there]),
        _reach(xyxy, image),
        (min(rule.min_iou, _MAX_LIMIT), min(rule.ignore_min_ioa, _MAX_LIMIT), rule.class_aware),
        (rows, shares, taken),
    )
    detection_row = np.full(len(objects.id), NONE)
    detection_row[there] = taken
    is_assigned = rows[:, _ASSIGNED] != NONE
    return Matched(
        object_row=rows[:, _ASSIGNED],
        overlap=np.where(is_assigned, shares[:, _ASSIGNED], np.nan),
        best_row=rows[:, _BEST],
        best_iou=shares[:, _BEST],
        second_row=rows[:, _SECOND],
        second_iou=shares[:, _SECOND],
        ignored_row=rows[:, _IGNORED],
        ignored_ioa=shares[:, _IGNORED],
        detection_row=detection_row,
        is_counted=is_counted,
    )


def _by_image_and_score(detections: Detections) -> Codes:
    # NaN sorts last, also of negated scores.
    return np.lexsort((detections.id, -detections.score, detections.image))


def _is_counted(detections: Detections, order: Codes, rule: MatchRule) -> Bools:
    if rule.max_per_image is None:
        return np.ones(len(order), np.bool_)
    group = detections.label if rule.class_aware else np.zeros_like(detections.label)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    grouped = np.lexsort((place, group, detections.image))
    image, group = detections.image[grouped], group[grouped]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (image[1:] != image[:-1]) | (group[1:] != group[:-1])
    firsts = np.flatnonzero(is_first)
    number = np.arange(len(order)) - firsts[np.cumsum(is_first) - 1]
    is_counted = np.empty(len(order), np.bool_)
    is_counted[grouped] = number < rule.max_per_image
    return is_counted


def _reach(xyxy: Floats, image: Codes) -> Floats:
    """(M,) float64: the largest right edge of an image's sorted objects up to each one, px."""
    reach = np.empty(len(xyxy))
    _running_max(xyxy, image, reach)
    return reach


def _compiled(function: Callable[..., Any]) -> Any:  # numba's dispatcher has no type
    # A call that is not inlined counts references to every array: twice the time of it all.
    options: dict[str, Any] = {"nogil": True, "inline": "always"}  # numba's options
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        # Neither this folder nor the home can be written: without a cache it compiles each time.
        return njit(**options)(function)


@_compiled
def _running_max(xyxy, image, reach):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    for row in range(len(reach)):
        reach[row] = xyxy[row, 2]
        if row > 0 and image[row] == image[row - 1] and reach[row - 1] > reach[row]:
            reach[row] = reach[row - 1]


@_compiled
def _assign(detections, objects, reach, limits, found):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    """Goes through the detections of each image by score; what is no box is passed over."""
    order, starts, stops, xyxy, label, is_counted = detections
    rows, shares, taken = found
    for at in range(len(order)):
        d = order[at]
        box = (xyxy[d, 0], xyxy[d, 1], xyxy[d, 2], xyxy[d, 3])
        if box[2] > box[0] and box[3] > box[1]:
            span = (_first_beyond(reach, starts[at], stops[at], box[0]), stops[at])
            _look(d, box, span, label[d], is_counted[d], objects, limits, found)
            _settle(d, objects[0], rows, shares, taken)


@_compiled
def _look(d, box, span, label, is_counted, objects, limits, found):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    """Writes what a detection lies on: of the objects in a span, those that it overlaps."""
    _, xyxy, labels, ids, is_ignored = objects
    min_iou, min_ioa, class_aware = limits
    rows, shares, taken = found
    area = (box[2] - box[0]) * (box[3] - box[1])
    for g in range(span[0], span[1]):
        if xyxy[g, 0] >= box[2]:
            return
        width = min(box[2], xyxy[g, 2]) - max(box[0], xyxy[g, 0])
        height = min(box[3], xyxy[g, 3]) - max(box[1], xyxy[g, 1])
        if not (width > 0 and height > 0):
            continue
        fits = is_counted and (not class_aware or (labels[g] == label and label != NONE))
        if is_ignored[g]:
            share = width * height / area
            _keep(rows, shares, d, _IGNORED, g, share, ids)
            if (fits or (is_counted and labels[g] == NONE)) and share >= min_ioa:
                _keep(rows, shares, d, _LIES_ON, g, share, ids)
        else:
            whole = (xyxy[g, 2] - xyxy[g, 0]) * (xyxy[g, 3] - xyxy[g, 1])
            share = width * height / (area + whole - width * height)
            _keep_two(rows, shares, d, g, share, ids)
            if fits and taken[g] == NONE and share >= min_iou:
                _keep(rows, shares, d, _ASSIGNED, g, share, ids)


@_compiled
def _settle(d, there, rows, shares, taken):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    """Gives a detection without an object the ignored one it lies on; tells all by rows given."""
    if rows[d, _ASSIGNED] == NONE:
        rows[d, _ASSIGNED], shares[d, _ASSIGNED] = rows[d, _LIES_ON], shares[d, _LIES_ON]
    if rows[d, _ASSIGNED] != NONE:
        taken[rows[d, _ASSIGNED]] = d
    for column in range(_N_COLUMNS):
        if rows[d, column] != NONE:
            rows[d, column] = there[rows[d, column]]


@_compiled
def _first_beyond(values, start, stop, limit):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    """The first of the rising values [start, stop) above a limit; stop where there is none."""
    while start < stop:
        middle = (start + stop) // 2
        if values[middle] > limit:
            stop = middle
        else:
            start = middle + 1
    return start


@_compiled
def _is_better(share, kept, g, row, ids):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    """Whether an object comes before the one kept: by its share, then by the lower id."""
    return share > kept or (share == kept and row != NONE and ids[g] < ids[row])


@_compiled
def _keep(rows, shares, d, column, g, share, ids):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    if _is_better(share, shares[d, column], g, rows[d, column], ids):
        rows[d, column], shares[d, column] = g, share


@_compiled
def _keep_two(rows, shares, d, g, share, ids):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    """Keeps an object if it is the best or the second best so far."""
    if _is_better(share, shares[d, _BEST], g, rows[d, _BEST], ids):
        rows[d, _SECOND], shares[d, _SECOND] = rows[d, _BEST], shares[d, _BEST]
        rows[d, _BEST], shares[d, _BEST] = g, share
    else:
        _keep(rows, shares, d, _SECOND, g, share, ids)
