"""Pairs of boxes of one image, and children with the parents that hold them, for clauses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from curate.boxes import Floats, Rows, ioa_pairs, iou_pairs, touching_pairs
from curate.definitions.columns import (
    CHUNK_PAIRS,
    BoxColumns,
    Masks,
    comparable,
    is_predicted,
)
from curate.definitions.evaluation import Values
from curate.tables import box_hashes

# Of more equal boxes than this in one image so many are compared: pairs grow with the square.
MAX_COPIES = 16
# Pairs that are judged at once: some 200 bytes each.
BLOCK_PAIRS = 1 << 18


@dataclass(frozen=True)
class PairBlock:
    """P pairs of overlapping boxes: rows of both, IoU, and the share of each inside the other.

    `a` is the box of the lower id, so that another order of rows gives the same pairs.
    """

    a: Rows
    b: Rows
    iou: Floats
    ioa_a: Floats
    ioa_b: Floats

    def turned(self) -> PairBlock:
        """The same pairs the other way round."""
        return PairBlock(self.b, self.a, self.iou, self.ioa_b, self.ioa_a)


@dataclass(frozen=True)
class Paired:
    """Which boxes are compared with others of their image.

    `is_in` is (N,). `copies` are rows of boxes that are not, since `MAX_COPIES` equal ones are;
    `stand_ins` are, of each of them, the row of one that is (the second lowest id of the equals).
    """

    is_in: Masks
    copies: Rows
    stand_ins: Rows


def paired(boxes: BoxColumns, wanted: Masks) -> Paired:
    """Which of some boxes are compared with others.

    Left out are boxes without an inside, turned ones (their edges are not where they lie),
    predictions (a detector's raw output overlaps by nature), and what is beyond `MAX_COPIES` boxes
    of one image, label, role, extent and place, groups apart from others: clauses speak of some of
    these, and what they say of a copy is what they say of its stand-in.
    """
    is_in = wanted & comparable(boxes) & ~is_predicted(boxes)
    rows = np.flatnonzero(is_in)
    # Adding 0 makes -0.0 the 0.0 that it equals. One hash is looked at sooner than five columns;
    # what it calls equal by chance is told apart below.
    edges = boxes.edges[rows] + 0.0
    mixed = boxes.image_row[rows]
    for edge in edges.T:
        mixed = box_hashes(mixed, np.ascontiguousarray(edge).view(np.int64))
    some = np.flatnonzero(pd.Series(mixed).duplicated(keep=False).to_numpy())
    # By id, so that another order of rows keeps the same ones.
    some = some[np.argsort(boxes.ids[rows[some]])]
    equal = pd.DataFrame(edges[some]).assign(
        image=boxes.image_row[rows[some]],
        label=boxes["label"].values[rows[some]],
        role=boxes["role"].values[rows[some]],
        extent=boxes["extent"].values[rows[some]],
        is_group=boxes["is_group"].values[rows[some]],
    )
    by = equal.groupby(list(equal.columns), sort=False)
    ordinal, group = by.cumcount().to_numpy(), by.ngroup().to_numpy(np.int64)
    second = np.zeros(group.max(initial=-1) + 1, np.int64)
    second[group[ordinal == 1]] = rows[some[ordinal == 1]]
    is_copy = ordinal >= MAX_COPIES
    copies = rows[some[is_copy]]
    is_in[copies] = False
    return Paired(is_in, copies, second[group[is_copy]])


def pair_blocks(boxes: BoxColumns, is_in: Masks) -> Iterator[PairBlock]:
    """Blocks of all pairs of boxes of a mask that share an area in one image."""
    rows = np.flatnonzero(is_in)
    # In the order of ids the first of each pair has the lower one.
    rows = rows[np.argsort(boxes.ids[rows])]
    xyxy = boxes.edges[rows]
    waiting: list[tuple[Rows, Rows]] = []
    n_waiting = 0
    for i, j in touching_pairs(boxes.image_row[rows], xyxy, CHUNK_PAIRS):
        share = np.ones(len(i), np.bool_)
        for low, high in ((0, 2), (1, 3)):
            share &= np.minimum(xyxy[i, high], xyxy[j, high]) > np.maximum(
                xyxy[i, low], xyxy[j, low]
            )
        waiting.append((i[share], j[share]))
        n_waiting += len(waiting[-1][0])
        if n_waiting >= BLOCK_PAIRS:
            yield _measured(rows, xyxy, waiting)
            waiting, n_waiting = [], 0
    if n_waiting:
        yield _measured(rows, xyxy, waiting)


def copy_blocks(boxes: BoxColumns, of_pairs: Paired) -> Iterator[PairBlock]:
    """Blocks of pairs of a stand-in (`a`, of the lower id) and a copy of it."""
    rows, xyxy = np.arange(boxes.n_rows), boxes.edges
    for start in range(0, len(of_pairs.copies), BLOCK_PAIRS):
        some = slice(start, start + BLOCK_PAIRS)
        yield _measured(rows, xyxy, [(of_pairs.stand_ins[some], of_pairs.copies[some])])


def _measured(rows: Rows, xyxy: Floats, waiting: list[tuple[Rows, Rows]]) -> PairBlock:
    i, j = (np.concatenate(column) for column in zip(*waiting, strict=True))
    a, b = xyxy[i], xyxy[j]
    return PairBlock(rows[i], rows[j], iou_pairs(a, b), ioa_pairs(a, b), ioa_pairs(b, a))


@dataclass(frozen=True)
class Families:
    """C children with the parent that holds most of each.

    `child` and `parent` are rows of the boxes (-1: no parent overlaps it), `ioa` the share of the
    child inside its parent (0 without), `n_children` how many children the parent has (unknown
    without), `n_parents` how many boxes of the parent's class the image has.
    """

    child: Rows
    parent: Rows
    ioa: Floats
    n_children: Values
    n_parents: Floats


def families(boxes: BoxColumns, children: Masks, parents: Masks) -> Families:
    """Each child with the parent of its image that holds most of it.

    Of equals the one with the larger IoU, then of the lower id. Turned boxes, predictions and boxes
    without an inside are neither.
    """
    among = comparable(boxes) & ~is_predicted(boxes)
    children, parents = children & among, parents & among
    child = np.flatnonzero(children)
    best_parent = np.full(boxes.n_rows, -1, np.int64)
    best_ioa = np.zeros(boxes.n_rows)
    best_iou = np.zeros(boxes.n_rows)
    of_pairs = paired(boxes, children | parents)
    for block in pair_blocks(boxes, of_pairs.is_in):
        for side in (block, block.turned()):
            some = np.flatnonzero(children[side.a] & parents[side.b])
            _take_better(side, some, (best_parent, best_ioa, best_iou), boxes.ids)
    for best in (best_parent, best_ioa):
        best[of_pairs.copies] = best[of_pairs.stand_ins]
    of_child = best_parent[child]
    held = np.bincount(of_child[of_child >= 0], minlength=boxes.n_rows).astype(np.float64)
    in_image = np.bincount(boxes.image_row[parents], minlength=len(boxes.dataset.images))
    known = of_child >= 0
    return Families(
        child=child,
        parent=of_child,
        ioa=best_ioa[child],
        n_children=Values(np.where(known, held[of_child], np.nan), known),
        n_parents=in_image[boxes.image_row[child]].astype(np.float64),
    )


def _take_better(
    block: PairBlock, some: Rows, best: tuple[Rows, Floats, Floats], ids: Rows
) -> None:
    parent, ioa, iou = best
    order = np.lexsort((ids[block.b[some]], -block.iou[some], -block.ioa_a[some], block.a[some]))
    some = some[order]
    first = some[np.diff(block.a[some], prepend=-1) != 0]
    child, other = block.a[first], block.b[first]
    old = parent[child]
    held, alike = block.ioa_a[first], block.iou[first]
    as_held, as_alike = held == ioa[child], alike == iou[child]
    is_better = (old < 0) | (held > ioa[child]) | (as_held & (alike > iou[child]))
    is_better |= as_held & as_alike & (ids[other] < ids[old])
    child = child[is_better]
    parent[child], ioa[child], iou[child] = other[is_better], held[is_better], alike[is_better]
