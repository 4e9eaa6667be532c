"""Checks of boxes that belong together: parts and wholes, and what is hidden behind others.

Which classes belong together is told by their names, in English, as the sets below list them; all
else is a project's own rule. A check asks first whether a source draws both, and tells only what
departs from that. Names are compared in small letters, without white space and punctuation.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Floats, Rows, areas, ioa_pairs, touching_pairs
from curate.checks.hits import NO_ROWS, Hits, edges_at, flags
from curate.checks.labels import Labels, by_code
from curate.checks.relations import CHUNK_PAIRS, class_names

Masks = npt.NDArray[np.bool_]

HEADS = frozenset({"head", "heads", "humanhead", "personhead", "face", "humanface"})
PERSONS = frozenset(
    {
        *("person", "persons", "people", "human", "pedestrian", "man", "woman", "boy", "girl"),
        *("child", "adult", "rider", "cyclist", "bicyclist", "motorcyclist", "worker", "player"),
    }
)
RIDERS = frozenset({"rider", "cyclist", "bicyclist", "motorcyclist", "motorbiker"})
VEHICLES = frozenset(
    {
        *("bicycle", "bike", "motorcycle", "motorbike", "moped", "scooter", "cycle", "tricycle"),
        *("ebike", "escooter", "kickscooter"),
    }
)


def head_without_person(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    min_ioa: float,
    min_usual_frac: float,
    min_boxes: float,
) -> Hits:
    """A head lies in no person, in a source that draws both.

    Why it hurts: the person is there and was not drawn, so that the detector is taught that it is
    background; or the head is none.

    Pass: head 20 10 40 35, person 10 10 60 180
    Fail: head 20 10 40 35, person 300 10 350 180

    Heads are head, face, human head, person head; persons are person, people, human, pedestrian,
    man, woman, boy, girl, child, adult, rider, cyclist, bicyclist, motorcyclist, worker, player.
    `min_ioa`: from this share of the head inside a person or group on, 0..1, it belongs to it.
    `min_usual_frac`: sources are judged in which at least this share of the heads lies in a person,
    and which have `min_boxes` heads. Value: share of the head inside the nearest person.

    It cannot judge names of other languages, and sources that draw heads alone.

    Usual mend: draw the person, or take the head out.
    """
    return _alone(
        boxes,
        images,
        labels,
        (HEADS, PERSONS, "person"),
        (min_ioa, min_usual_frac, min_boxes),
        "draw the person, or take the head out",
    )


def rider_without_vehicle(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    min_ioa: float,
    min_usual_frac: float,
    min_boxes: float,
) -> Hits:
    """A rider touches no bicycle or motorcycle, in a source that draws both.

    Why it hurts: the vehicle is there and was not drawn, or the rider is a pedestrian.

    Pass: rider 10 10 60 120, bicycle 5 60 70 160
    Fail: rider 10 10 60 120, no bicycle near

    Riders are rider, cyclist, bicyclist, motorcyclist, motorbiker; vehicles are bicycle, bike,
    motorcycle, motorbike, moped, scooter, e-scooter, kick scooter, e-bike, cycle, tricycle.
    `min_ioa`: from this share of the rider inside a vehicle's box on, 0..1. `min_usual_frac`:
    sources are judged in which at least this share of the riders has one, and which have
    `min_boxes` riders. Value: share of the rider inside the nearest vehicle.

    It cannot judge names of other languages, nor sources whose rider holds the vehicle, as KITTI's
    Cyclist does.

    Usual mend: draw the vehicle, or make the rider a person.
    """
    return _alone(
        boxes,
        images,
        labels,
        (RIDERS, VEHICLES, "bicycle or motorcycle"),
        (min_ioa, min_usual_frac, min_boxes),
        "draw the vehicle, or make the rider a person",
    )


def _alone(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    kinds: tuple[frozenset[str], frozenset[str], str],
    limits: tuple[float, float, float],
    mend: str,
) -> Hits:
    """Labels of the first kind that lie in none of the second."""
    own, others, word = kinds
    min_ioa, min_usual_frac, min_boxes = limits
    folded = ["".join(filter(str.isalnum, name.casefold())) for name in labels.names]
    is_own, is_other = (
        np.array([*(name in some for name in folded), False], bool)[labels.codes]
        for some in (own, others)
    )
    usable = _with_inside(boxes)
    rows = np.flatnonzero(usable & is_own & ~flags(boxes["is_group"]))
    both = np.concatenate([rows, np.flatnonzero(usable & is_other & ~is_own)])
    share = np.zeros(len(boxes))
    for inner, outer in _touching(boxes, both):
        inner, outer = np.append(inner, outer), np.append(outer, inner)
        wanted = is_own[inner] & ~is_own[outer]
        inner, outer = inner[wanted], outer[wanted]
        inside = ioa_pairs(edges_at(boxes, inner), edges_at(boxes, outer))
        np.maximum.at(share, inner, inside)
    source, sources = pd.factorize(images["source"])
    of_box = source[boxes["image_row"].to_numpy()].astype(np.int64)
    has = share[rows] >= min_ioa
    counts = np.bincount(of_box[rows], minlength=len(sources))
    with_one = np.bincount(of_box[rows[has]], minlength=len(sources))
    judged = (counts >= max(min_boxes, 1)) & (with_one >= min_usual_frac * counts)
    hit = rows[~has & judged[of_box[rows]]]
    return Hits(
        members=hit,
        value=share[hit],
        limit=min_ioa,
        unit="of the box",
        texts=(
            f"{{!r:.80}} has no {word}: {{:.3g}} of it lies in one; {{}} of {{}} in the source do",
        ),
        parts=(
            class_names(boxes, hit),
            share[hit],
            with_one[of_box[hit]],
            counts[of_box[hit]],
        ),
        mend=mend,
        low_is_worse=True,
    )


def _with_inside(boxes: pd.DataFrame) -> Masks:
    positive = (boxes["x2"] > boxes["x1"]) & (boxes["y2"] > boxes["y1"])
    upright = (boxes["shape"] != "rotated").to_numpy(bool)
    usable: Masks = boxes["is_judged"].to_numpy() & positive.to_numpy() & upright
    return usable


def _touching(boxes: pd.DataFrame, rows: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Chunks of pairs of the rows that may overlap in one image."""
    group = boxes["image_row"].to_numpy()[rows]
    for i, j in touching_pairs(group, edges_at(boxes, rows), CHUNK_PAIRS):
        yield rows[i], rows[j]


def box_tiled_by_others(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    max_visible_frac: float,
    min_others_boxes: float,
) -> Hits:
    """Nothing of a box is left beside several smaller ones of its class that lie in it.

    Why it hurts: it is a group drawn as one object, over its members: training sees a class of
    another size and shape, and no detection can be right for both.

    Pass: person 0 0 100 100 and persons 0 0 50 100, 60 0 100 100 (a tenth is left)
    Fail: person 0 0 100 100 and persons 0 0 55 100, 50 0 100 100

    `max_visible_frac`: below this share of the box that no other covers it is reported.
    `min_others_boxes`: at least so many must lie in it together (one alone is REL-002's and
    REL-004's). Value: the share that is left. The members are the box, then the others.

    It cannot tell what stands before what: only smaller boxes of one class are asked. Groups,
    rotated boxes and those marked as occluded are left out.

    Usual mend: mark the box as a group, or delete it.
    """
    usable = _with_inside(boxes) & (labels.codes >= 0) & ~flags(boxes["is_group"])
    rows = np.flatnonzero(usable)
    area = areas(edges_at(boxes, rows))
    covered, n_others = np.zeros(len(boxes)), np.zeros(len(boxes), np.int64)
    full = np.zeros(len(boxes))
    full[rows] = area
    for large, small in _smaller_inside(boxes, labels, rows, full):
        shared = full[small] * ioa_pairs(edges_at(boxes, small), edges_at(boxes, large))
        covered += np.bincount(large, shared, minlength=len(boxes))
        n_others += np.bincount(large, minlength=len(boxes))
    # Without overlaps among them the others would cover this: few boxes are left to be measured.
    may_be = (n_others >= min_others_boxes) & (covered > (1 - max_visible_frac) * full)
    may_be &= (n_others > 1) & ~(boxes["occluded"].to_numpy() > 0)
    image_row = boxes["image_row"].to_numpy()
    rows = rows[np.isin(image_row[rows], image_row[np.flatnonzero(may_be)])]
    pairs = [(NO_ROWS, NO_ROWS), *_smaller_inside(boxes, labels, rows, full)]
    large, small = (np.concatenate(column) for column in zip(*pairs, strict=True))
    members, left, ends = [NO_ROWS], [], []
    # A loop over candidates, which are few: unions of boxes have no closed form.
    for row, own in by_code(large, np.flatnonzero(may_be[large]), 1):
        visible = 1.0 - _union_share(edges_at(boxes, np.array([row])), edges_at(boxes, small[own]))
        if visible < max_visible_frac:
            members.append(np.append(row, np.sort(small[own])))
            left.append(visible)
            ends.append(len(own) + 1)
    found = np.concatenate(members)
    stops = np.cumsum(np.array(ends, np.int64))
    first = found[stops - np.array(ends, np.int64)]
    return Hits(
        members=found,
        value=np.array(left, np.float64),
        limit=max_visible_frac,
        unit="of the box",
        texts=(
            "{:.3g} of the box of class {!r:.80} is not covered by the {} smaller ones of its "
            f"class in it, should be at least {max_visible_frac:g}",
        ),
        parts=(np.array(left), class_names(boxes, first), np.array(ends, np.int64) - 1),
        mend="mark the box as a group, or delete it",
        ends=stops,
        low_is_worse=True,
    )


def _smaller_inside(
    boxes: pd.DataFrame, labels: Labels, rows: Rows, area: Floats
) -> Iterator[tuple[Rows, Rows]]:
    """Chunks of pairs of a box and a smaller one of its class and image that overlaps it."""
    place = boxes["image_row"].to_numpy()[rows] * (len(labels.names) + 1) + labels.codes[rows]
    xyxy = edges_at(boxes, rows)
    for i, j in touching_pairs(place, xyxy, CHUNK_PAIRS):
        meet = np.minimum(xyxy[i, 2:], xyxy[j, 2:]) > np.maximum(xyxy[i, :2], xyxy[j, :2])
        a, b = rows[i[meet.all(axis=1)]], rows[j[meet.all(axis=1)]]
        large, small = np.where(area[a] > area[b], a, b), np.where(area[a] > area[b], b, a)
        differ = area[large] > area[small]
        yield large[differ], small[differ]


def _union_share(box: Floats, others: Floats) -> float:
    """Share of a (1, 4) box that the union of (N, 4) others covers."""
    low, high = box[0, :2], box[0, 2:]
    inside = np.hstack([np.maximum(others[:, :2], low), np.minimum(others[:, 2:], high)])
    xs, ys = (np.unique(inside[:, [axis, axis + 2]]) for axis in (0, 1))
    is_in = np.zeros((len(xs) - 1, len(ys) - 1), np.bool_)
    for x1, y1, x2, y2 in inside.tolist():
        left, right = np.searchsorted(xs, [x1, x2])
        top, bottom = np.searchsorted(ys, [y1, y2])
        is_in[left:right, top:bottom] = True
    shared = float((np.diff(xs)[:, None] * np.diff(ys)[None, :])[is_in].sum())
    return min(shared / float(areas(box)[0]), 1.0)
