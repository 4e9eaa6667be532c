"""Detections against objects: one to one by score, and what each detection lies on beside that.

The assignment is that of COCOeval (pycocotools 2.0.11, cocoeval.py, `evaluateImg`): detections
choose in the order of their score, each the free object of the largest overlap. The loops are
compiled with numba.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit

from curate.boxes import enclose_area

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# No object, no detection, no class.
NONE = -1
# COCOeval takes this much off a limit of 1, which rounding could otherwise keep out of reach.
_MAX_LIMIT = 1 - 1e-10
# Columns of what the compiled loop writes.
_ASSIGNED, _BEST, _SECOND, _IGNORED = range(4)
_N_COLUMNS = 4
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


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
    codes, _ = pd.factorize(np.concatenate([detections.image, objects.image]))
    image, of_object = codes[: len(detections.id)], codes[len(detections.id) :]
    n_images = int(codes.max(initial=NONE)) + 1
    order = _by_image_and_score(detections, image, n_images)
    is_counted = _is_counted(detections.label, image, order, rule)
    # By left edges, so that the loop can leave out what lies beyond a detection.
    there = np.flatnonzero(enclose_area(objects.xyxy))
    there = there[np.lexsort((objects.id[there], objects.xyxy[there, 0], of_object[there]))]
    xyxy = objects.xyxy[there]
    starts = _starts(of_object[there], n_images)
    rows = np.full((len(order), _N_COLUMNS), NONE)
    shares = np.zeros((len(order), _N_COLUMNS))
    taken = np.full(len(there), NONE)
    _assign(
        (order, image, detections.xyxy, detections.label, is_counted),
        (there, xyxy, objects.label[there], objects.id[there], objects.is_ignored[there]),
        (starts, _reach(xyxy, of_object[there])),
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


def most_inside(image: Codes, xyxy: Floats, objects: Objects) -> tuple[Codes, Floats]:
    """(N,) int64 and float64: per rectangle, the object of which most lies inside, and its share.

    The share is that of the object's own area, 0..1. -1 and 0 where no object reaches in; of
    equal shares the lowest id. Classes, and what is ignored, do not count.

    Parameters
    ----------
    image
        (N,) int64, any code of the image; objects have the same.
    xyxy
        (N, 4) float64, px, half-open: the rectangles.
    objects
        As for `match`.

    Examples
    --------
    >>> zero, ids = np.zeros(2, np.int64), np.arange(2)
    >>> xyxy = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 9.0, 10.0]])
    >>> objects = Objects(zero, xyxy, zero, ids, np.zeros(2, np.bool_))
    >>> most_inside(zero[:1], np.array([[0.0, 0.0, 8.0, 10.0]]), objects)
    (array([0]), array([0.8]))
    """
    there = np.flatnonzero(enclose_area(objects.xyxy))
    there = there[np.lexsort((objects.id[there], objects.image[there]))]
    starts, stops = (np.searchsorted(objects.image[there], image, side) for side in _SIDES)
    rows, shares = np.full(len(image), NONE), np.zeros(len(image))
    _most_inside((starts, stops, xyxy), (there, objects.xyxy[there]), (rows, shares))
    return rows, shares


def _starts(image: Codes, n_images: int) -> Codes:
    """(n_images + 1,) int64: where each image begins among rows that are sorted by image."""
    return np.append(0, np.cumsum(np.bincount(image, minlength=n_images)))


def _by_image_and_score(detections: Detections, image: Codes, n_images: int) -> Codes:
    """(N,) rows by image, then score, then id.

    A third of the time of `np.lexsort` by the three (measured on 500,000).
    """
    # NaN sorts last, also of negated scores.
    order = np.argsort(-detections.score)
    score = detections.score[order]
    is_same = (score[1:] == score[:-1]) | (np.isnan(score[1:]) & np.isnan(score[:-1]))
    tied = np.flatnonzero(np.append(is_same, False) | np.append(False, is_same)[: len(order)])
    rows = order[tied]
    order[tied] = rows[np.lexsort((detections.id[rows], -detections.score[rows]))]
    grouped = np.empty_like(order)
    _group(order, image, _starts(image, n_images), grouped)
    return grouped


def _is_counted(label: Codes, image: Codes, order: Codes, rule: MatchRule) -> Bools:
    is_counted = np.ones(len(order), np.bool_)
    if rule.max_per_image is None:
        return is_counted
    rows = order[np.bincount(image)[image[order]] > rule.max_per_image]
    group = label[rows] if rule.class_aware else np.zeros_like(rows)
    grouped = np.lexsort((group, image[rows]))
    rows, group = rows[grouped], group[grouped]
    is_first = np.ones(len(rows), np.bool_)
    is_first[1:] = (image[rows][1:] != image[rows][:-1]) | (group[1:] != group[:-1])
    number = np.arange(len(rows)) - np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    is_counted[rows] = number < rule.max_per_image
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
def _group(order, image, starts, grouped):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    """Writes rows by image, in their order within each."""
    ends = starts.copy()
    for row in order:
        grouped[ends[image[row]]] = row
        ends[image[row]] += 1


@_compiled
def _running_max(xyxy, image, reach):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    for row in range(len(reach)):
        reach[row] = xyxy[row, 2]
        if row > 0 and image[row] == image[row - 1] and reach[row - 1] > reach[row]:
            reach[row] = reach[row - 1]


@_compiled
def _assign(detections, objects, spans, limits, found):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    """Goes through the detections of each image by score; what is no box is passed over."""
    order, image, xyxy, label, is_counted = detections
    starts, reach = spans
    there = objects[0]
    rows, shares, taken = found
    for d in order:
        box = (xyxy[d, 0], xyxy[d, 1], xyxy[d, 2], xyxy[d, 3])
        if not (box[2] > box[0] and box[3] > box[1]):
            continue
        stop = starts[image[d] + 1]
        start = _first_beyond(reach, starts[image[d]], stop, box[0])
        own = (box, label[d], is_counted[d])
        near, of_near = _look(own, start, stop, objects, limits, taken)
        if near[_ASSIGNED] != NONE:
            taken[near[_ASSIGNED]] = d
        for column in range(_N_COLUMNS):
            if near[column] != NONE:
                rows[d, column] = there[near[column]]
                shares[d, column] = of_near[column]


@_compiled
def _look(own, start, stop, objects, limits, taken):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, C901  # compiled; one loop keeps all
    """Of the objects [start, stop): which a detection has, lies on best, second best, ignored."""
    box, label, is_counted = own
    _, xyxy, labels, ids, is_ignored = objects
    min_iou, min_ioa, class_aware = limits
    has = best = second = inside = lies_on = NONE
    of_has = of_best = of_second = of_inside = of_lies_on = 0.0
    area = (box[2] - box[0]) * (box[3] - box[1])
    for g in range(start, stop):
        if xyxy[g, 0] >= box[2]:
            break
        width = min(box[2], xyxy[g, 2]) - max(box[0], xyxy[g, 0])
        height = min(box[3], xyxy[g, 3]) - max(box[1], xyxy[g, 1])
        if not (width > 0 and height > 0):
            continue
        fits = is_counted and (not class_aware or (labels[g] == label and label != NONE))
        if is_ignored[g]:
            share = width * height / area
            if _is_better(share, of_inside, g, inside, ids):
                inside, of_inside = g, share
            fits = (fits or (is_counted and labels[g] == NONE)) and share >= min_ioa
            if fits and _is_better(share, of_lies_on, g, lies_on, ids):
                lies_on, of_lies_on = g, share
            continue
        whole = (xyxy[g, 2] - xyxy[g, 0]) * (xyxy[g, 3] - xyxy[g, 1])
        share = width * height / (area + whole - width * height)
        if _is_better(share, of_best, g, best, ids):
            second, of_second = best, of_best
            best, of_best = g, share
        elif _is_better(share, of_second, g, second, ids):
            second, of_second = g, share
        fits = fits and share >= min_iou and taken[g] == NONE
        if fits and _is_better(share, of_has, g, has, ids):
            has, of_has = g, share
    if has == NONE:
        has, of_has = lies_on, of_lies_on
    return (has, best, second, inside), (of_has, of_best, of_second, of_inside)


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
def _most_inside(rectangles, objects, found):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled
    """Objects come by id within their image: of equal shares the first stays."""
    starts, stops, xyxy = rectangles
    there, g_xyxy = objects
    rows, shares = found
    for row in range(len(xyxy)):
        for g in range(starts[row], stops[row]):
            width = min(xyxy[row, 2], g_xyxy[g, 2]) - max(xyxy[row, 0], g_xyxy[g, 0])
            height = min(xyxy[row, 3], g_xyxy[g, 3]) - max(xyxy[row, 1], g_xyxy[g, 1])
            whole = (g_xyxy[g, 2] - g_xyxy[g, 0]) * (g_xyxy[g, 3] - g_xyxy[g, 1])
            if width > 0 and height > 0 and width * height / whole > shares[row]:
                rows[row], shares[row] = there[g], width * height / whole
