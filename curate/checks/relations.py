"""Checks of boxes of one image against each other: duplicates, two classes, one inside another.

Only boxes with an inside, finite coordinates and positive sides are compared, and never a
detector's (its raw output overlaps by nature) or a group's (a crowd lies over its members).
Boxes of role `ignore` are left out of all but the exact duplicates, rotated boxes too, since their
stated edges are not where they lie. Of exact duplicates only `MAX_COPIES` are compared with others.
Two boxes are of one class when their labels are equal, or
both have none and the source's own words for it are equal.

Pairs are taken block by block and only what findings need of them is kept, so that thousands of
boxes on one place, which make millions of pairs, take time and not memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import ROUNDING, Floats, Rows, areas, ioa_pairs, iou_pairs, touching_pairs
from curate.checks.hits import EDGES, Hits, edges_at, flags
from curate.tables import box_hashes

# Arrays of this many pairs stay in the processor's cache: larger chunks are slower (measured).
CHUNK_PAIRS = 1 << 16
# More equal boxes than this in one image say no more than these do; pairs grow with the square.
MAX_COPIES = 16
# Boxes listed with one that lies inside them: of n boxes in each other there would be n^2 / 2.
MAX_HOLDERS = 100
# Pairs that are measured at once: each takes some 200 bytes meanwhile.
BLOCK_PAIRS = 1 << 18

Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pairs:
    """Pairs of boxes of one image: P rows of the boxes table twice, and how far they overlap.

    `small` is the box of the smaller area (of two equal ones that of the lower id), `iou` the
    intersection over union, `ioa` the share of the small one inside the other, both 0..1.
    """

    small: Rows
    large: Rows
    iou: Floats
    ioa: Floats

    def where(self, wanted: Masks | Rows) -> Pairs:
        """The pairs of a mask, or of these numbers in their order."""
        return Pairs(self.small[wanted], self.large[wanted], self.iou[wanted], self.ioa[wanted])

    def and_then(self, more: Pairs) -> Pairs:
        """These pairs, then others."""
        return Pairs(
            np.concatenate([self.small, more.small]),
            np.concatenate([self.large, more.large]),
            np.concatenate([self.iou, more.iou]),
            np.concatenate([self.ioa, more.ioa]),
        )


NO_PAIRS = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


def boxes_duplicate(boxes: pd.DataFrame, images: pd.DataFrame) -> Hits:
    """Boxes of one image have the same class and exactly the same coordinates.

    Why it hurts: one object counts twice, in training and in the evaluation, where the second
    copy is a miss that no detector can avoid.

    Pass: car 10 10 50 50 and car 80 10 120 50
    Fail: car 10 10 50 50 and car 10 10 50 50

    Value: number of equal boxes. Boxes of role `ignore` are compared too, and rotated ones by
    their angle as well.

    It cannot tell two objects that two people drew alike from one that was saved twice.

    Usual mend: keep one of them.
    """
    rows = np.flatnonzero(_comparable(boxes))
    codes = class_codes(boxes)[rows]
    rows, codes = _maybe_equal(boxes, rows, codes)
    content = pd.DataFrame(
        {
            "image": boxes["image_row"].to_numpy()[rows],
            "class": codes,
            "angle": _angles(boxes, rows),
        }
        | {name: boxes[name].to_numpy()[rows] for name in EDGES}
    )
    number = content.groupby(list(content.columns), sort=False).ngroup().to_numpy(np.int64)
    several = np.bincount(number)[number] > 1
    members, ends = _by_cluster(rows[several], number[several])
    counts = np.diff(ends, prepend=0)
    first = members[ends - counts]
    return Hits(
        members=members,
        value=counts.astype(np.float64),
        limit=1.0,
        unit="boxes",
        texts=(
            "{} boxes of class {!r:.80} have the same coordinates "
            "({:.7g}, {:.7g}, {:.7g}, {:.7g}), should be one",
        ),
        parts=(counts, class_names(boxes, first), *edges_at(boxes, first).T),
        mend="keep one of the boxes",
        ends=ends,
    )


def boxes_near_duplicate(boxes: pd.DataFrame, images: pd.DataFrame, *, min_iou: float) -> Hits:
    """Boxes of one class lie nearly on each other, and not exactly.

    Why it hurts: one object was drawn twice, or two annotators' files were joined; training sees
    two objects, and the evaluation counts a miss.

    Pass: car 10 10 50 50 and car 20 10 60 50 (IoU 0.6)
    Fail: car 10 10 50 50 and car 10 10 50 51 (IoU 0.976)

    `min_iou`: from this intersection over union on, 0..1. Boxes that are linked by such pairs are
    one finding. Value: the largest IoU among them.

    It cannot tell two real objects one behind the other; they rarely agree that well.

    Usual mend: keep the better box.
    """
    members, ends, best = _linked(_pairs(boxes, min_iou, one_class=True), min_iou)
    counts = np.diff(ends, prepend=0)
    return Hits(
        members=members,
        value=best.iou,
        limit=min_iou,
        unit="IoU",
        texts=(
            "{} boxes of class {!r:.80} overlap with IoU {:.3f}, "
            f"should be one object or below {min_iou:.3g}",
        ),
        parts=(counts, class_names(boxes, members[ends - counts]), best.iou),
        mend="keep the better box when both mark one object",
        ends=ends,
    )


def boxes_two_classes(boxes: pd.DataFrame, images: pd.DataFrame, *, min_iou: float) -> Hits:
    """Boxes of different classes lie at the same place.

    Why it hurts: a detector cannot give one place two classes under usual suppression, and is
    punished for one of them.

    Pass: rider 10 10 50 50 and bicycle 10 30 50 60
    Fail: car 10 10 50 50 and truck 10 10 50 50

    `min_iou`: from this intersection over union on, 0..1. Boxes that are linked by such pairs are
    one finding. Value: the largest IoU among them.

    It cannot judge boxes without a class, and knows no classes that belong together.

    Usual mend: keep the right class.
    """
    members, ends, best = _linked(_pairs(boxes, min_iou, one_class=False), min_iou)
    return Hits(
        members=members,
        value=best.iou,
        limit=min_iou,
        unit="IoU",
        texts=(
            "{} boxes at one place (IoU {:.3f}) are of several classes, as {!r:.80} and "
            "{!r:.80}; should be one class",
        ),
        parts=(
            np.diff(ends, prepend=0),
            best.iou,
            class_names(boxes, best.small),
            class_names(boxes, best.large),
        ),
        mend="keep the box of the right class",
        ends=ends,
    )


def box_inside_same_class(
    boxes: pd.DataFrame, images: pd.DataFrame, *, min_ioa: float, max_iou: float
) -> Hits:
    """A box lies (nearly) wholly inside a larger one of its class.

    Why it hurts: often a part was drawn as an object, or a group got a box of its own beside its
    members. Real people overlap so too: look before mending.

    Pass: car 10 10 50 50 and car 40 10 80 50
    Fail: car 10 10 50 50 and car 20 20 30 30

    `min_ioa`: from this share of the smaller box inside the larger on, 0..1. `max_iou`: pairs of
    this intersection over union and above are near-duplicates instead; it follows `min_iou` of
    REL-002. Value: the share that is inside. One finding per inner box; its members are the inner
    box, then those that hold it: of more than 100 the message gives the number, and those that
    hold most of it are listed.

    It cannot tell a part from a small object in front of a large one.

    Usual mend: delete the part, or mark the larger box as a group.
    """
    n_holders = np.zeros(len(boxes), np.int64)
    ids = boxes["box_id"].to_numpy(np.int64)
    pairs = NO_PAIRS
    for block in _pairs(boxes, min_ioa, one_class=True):
        inside = block.where((block.ioa >= min_ioa) & (block.iou < max_iou))
        n_holders += np.bincount(inside.small, minlength=len(boxes))
        pairs = _closest_holders(pairs.and_then(inside), ids)
    first = np.flatnonzero(np.diff(pairs.small, prepend=-1))
    worst = pairs.where(first)
    members = np.insert(pairs.large, first, worst.small)
    holders = n_holders[worst.small]
    text = (
        "{:.1%} of the box of class {!r:.80} lies inside another of its class "
        f"(IoU {{:.3f}}), should be below {min_ioa:.1%}"
    )
    ends = np.append(first, len(pairs.small))[1:] + np.arange(1, len(first) + 1)
    return Hits(
        members=members,
        value=worst.ioa,
        limit=min_ioa,
        unit="of the box",
        texts=(text, f"{text}; {{}} boxes hold it, of which {MAX_HOLDERS} are listed"),
        parts=(worst.ioa, class_names(boxes, worst.small), worst.iou, holders),
        mend="delete the inner box when it marks a part, or mark the outer one as a group",
        ends=ends,
        which=(holders > MAX_HOLDERS).astype(np.int64),
    )


def _closest_holders(pairs: Pairs, ids: Rows) -> Pairs:
    """By inner box, the pairs that hold most of it, the best first; `MAX_HOLDERS` at most.

    Of equals the one of the larger IoU, then of the lower id: another order of rows tells the same.
    """
    pairs = pairs.where(np.lexsort((ids[pairs.large], -pairs.iou, -pairs.ioa, pairs.small)))
    numbers = np.arange(len(pairs.small))
    is_first = np.diff(pairs.small, prepend=-1) != 0
    ordinal = numbers - np.maximum.accumulate(np.where(is_first, numbers, 0))
    return pairs.where(ordinal < MAX_HOLDERS)


def class_codes(boxes: pd.DataFrame) -> Rows:
    """(N,) int64: equal for boxes of one class; boxes without a label go by the source's words."""
    codes, labels = pd.factorize(boxes["label"])
    unnamed = np.flatnonzero(codes < 0)
    if len(unnamed):
        words, _ = pd.factorize(boxes["source_label"].iloc[unnamed])
        codes[unnamed] = len(labels) + 1 + words
    return codes.astype(np.int64)


def class_names(boxes: pd.DataFrame, rows: Rows) -> npt.NDArray[np.object_]:
    """(H,) the classes of some boxes for messages: label, else the source's word, else None."""
    some = boxes[["label", "source_label"]].iloc[rows]
    names = some["label"].fillna(some["source_label"]).astype(object)
    return names.where(names.notna(), None).to_numpy(object)


def _comparable(boxes: pd.DataFrame) -> Masks:
    positive = (boxes["x2"] > boxes["x1"]) & (boxes["y2"] > boxes["y1"])
    single = ~flags(boxes["is_group"]) & (boxes["origin"] != "detector").to_numpy(bool)
    usable: Masks = boxes["is_judged"].to_numpy() & positive.to_numpy() & single
    return usable


def _in_pairs(boxes: pd.DataFrame) -> Masks:
    ignored = (boxes["role"] == "ignore").to_numpy(bool)
    return _comparable(boxes) & ~ignored & (boxes["shape"] != "rotated").to_numpy(bool)


def _angles(boxes: pd.DataFrame, rows: Rows) -> Floats:
    # Null says "not rotated", which is what 0 degrees says.
    angles: Floats = np.nan_to_num(boxes["angle_deg"].to_numpy()[rows], nan=0.0)
    return angles


def _maybe_equal(boxes: pd.DataFrame, rows: Rows, codes: Rows) -> tuple[Rows, Rows]:
    """Rows whose hash of image, class and coordinates occurs twice: few, by chance or as equals."""
    mixed = box_hashes(boxes["image_row"].to_numpy()[rows], codes)
    for name in EDGES:
        # Adding 0 makes -0.0 the 0.0 that it equals, so that equals have equal bits.
        mixed = box_hashes(mixed, (boxes[name].to_numpy()[rows] + 0.0).view(np.int64))
    twice = pd.Series(mixed).duplicated(keep=False).to_numpy()
    return rows[twice], codes[twice]


def _without_copies(boxes: pd.DataFrame, rows: Rows, codes: Rows) -> tuple[Rows, Rows]:
    """Rows and class codes without boxes of which `MAX_COPIES` equal ones are there already.

    `boxes_duplicate` tells of all of them. Compared among themselves, 20,000 equal boxes would
    make 200 million pairs.
    """
    some, own = _maybe_equal(boxes, rows, codes)
    if len(some) <= MAX_COPIES:
        return rows, codes
    # By id, so that another order of rows keeps the same ones.
    by_id = np.argsort(boxes["box_id"].to_numpy(np.int64)[some])
    some, own = some[by_id], own[by_id]
    content = pd.DataFrame(
        {"image": boxes["image_row"].to_numpy()[some], "class": own}
        | {name: boxes[name].to_numpy()[some] for name in EDGES}
    )
    ordinal = content.groupby(list(content.columns), sort=False).cumcount().to_numpy()
    stay = ~np.isin(rows, some[ordinal >= MAX_COPIES])
    return rows[stay], codes[stay]


def _pairs(boxes: pd.DataFrame, min_share: float, *, one_class: bool) -> Iterator[Pairs]:
    """Blocks of pairs of one image that may share `min_share` (above 0, to 1) of one of them.

    Others may be among them. Of one class and not identical (`one_class`), or of two classes that
    are both known.
    """
    usable = _in_pairs(boxes)
    if not one_class:
        usable = usable & boxes["label"].notna().to_numpy(bool)
    rows = np.flatnonzero(usable)
    rows, codes = _without_copies(boxes, rows, class_codes(boxes)[rows])
    group = boxes["image_row"].to_numpy()[rows]
    if one_class:
        group = group * (codes.max(initial=0) + 1) + codes
    xyxy = edges_at(boxes, rows)
    found: list[tuple[Rows, Rows]] = []
    n_found = 0
    for i, j in touching_pairs(group, xyxy, CHUNK_PAIRS):
        a, b = _sharing(xyxy, i, j, min_share * (1 - ROUNDING))
        wanted = (xyxy[a] != xyxy[b]).any(axis=1) if one_class else codes[a] != codes[b]
        found.append((rows[a[wanted]], rows[b[wanted]]))
        n_found += len(found[-1][0])
        if n_found >= BLOCK_PAIRS:
            yield _measured(boxes, found)
            found, n_found = [], 0
    if found:
        yield _measured(boxes, found)


def _sharing(xyxy: Floats, i: Rows, j: Rows, least: float) -> tuple[Rows, Rows]:
    # To share t of an area (or an IoU of t), two boxes must share t of the shorter of their sides.
    for low, high in ((0, 2), (1, 3)):
        low_i, high_i, low_j, high_j = xyxy[i, low], xyxy[i, high], xyxy[j, low], xyxy[j, high]
        with np.errstate(over="ignore"):
            shared = np.minimum(high_i, high_j) - np.maximum(low_i, low_j)
            near = shared >= least * np.minimum(high_i - low_i, high_j - low_j)
        i, j = i[near], j[near]
    return i, j


def _measured(boxes: pd.DataFrame, found: list[tuple[Rows, Rows]]) -> Pairs:
    a, b = (np.concatenate(column) for column in zip(*found, strict=True))
    ids = boxes["box_id"].to_numpy(np.int64)
    area_a, area_b = areas(edges_at(boxes, a)), areas(edges_at(boxes, b))
    swapped = (area_b < area_a) | ((area_b == area_a) & (ids[b] < ids[a]))
    small, large = np.where(swapped, b, a), np.where(swapped, a, b)
    inner, outer = edges_at(boxes, small), edges_at(boxes, large)
    return Pairs(small, large, iou_pairs(inner, outer), ioa_pairs(inner, outer))


def _by_cluster(rows: Rows, cluster: npt.NDArray[np.integer[Any]]) -> tuple[Rows, Rows]:
    """Rows ordered by the cluster that each belongs to, and where each cluster ends."""
    order = np.lexsort((rows, cluster))
    ends = np.flatnonzero(np.diff(cluster[order], append=-1)) + 1
    return rows[order], ends


def _linked(blocks: Iterator[Pairs], min_iou: float) -> tuple[Rows, Rows, Pairs]:
    """Clusters of rows that pairs of `min_iou` link: members, their ends, each one's best pair."""
    rows = root = np.zeros(0, np.int64)
    best = NO_PAIRS
    for block in blocks:
        pairs = block.where(block.iou >= min_iou)
        # What the blocks before have linked: each row to the root of its cluster.
        ends = np.concatenate([rows, pairs.small]), np.concatenate([root, pairs.large])
        rows, nodes = np.unique(np.concatenate(ends), return_inverse=True)
        cluster = components(len(rows), *np.split(nodes, 2))
        root = rows[cluster]
        best = _best_of_each(best.and_then(pairs), rows, root)
    members, stops = _by_cluster(rows, root)
    return members, stops, best


def _best_of_each(pairs: Pairs, rows: Rows, root: Rows) -> Pairs:
    """The pair of the largest IoU of each cluster, by cluster; `root` is that of each of `rows`."""
    of_pair = root[np.searchsorted(rows, pairs.small)]
    best_first = np.lexsort((pairs.large, pairs.small, -pairs.iou, of_pair))
    return pairs.where(best_first[np.diff(of_pair[best_first], prepend=-1) != 0])


def components(n_nodes: int, a: Rows, b: Rows) -> Rows:
    """(nodes,) int64: the lowest node that links lead to, equal within a connected component."""
    root = np.arange(n_nodes, dtype=np.int64)
    while (root[a] != root[b]).any():
        # Each root hangs below the lowest root it is linked to; then all point to their new root.
        np.minimum.at(root, np.maximum(root[a], root[b]), np.minimum(root[a], root[b]))
        while (root != root[root]).any():
            root = root[root]
    return root
