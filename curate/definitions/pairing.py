"""Pairs of boxes of one image, and children with the parents that hold them, for clauses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from curate.boxes import Floats, Rows, ioa_pairs, iou_pairs, touching_pairs
from curate.definitions.columns import CHUNK_PAIRS, BoxColumns, Masks, comparable
from curate.definitions.evaluation import Values

# Pairs that are judged at once: some 200 bytes each.
BLOCK_PAIRS = 1 << 18


@dataclass(frozen=True)
class PairBlock:
    """P pairs of overlapping boxes: rows of both, IoU, and the share of each inside the other."""

    a: Rows
    b: Rows
    iou: Floats
    ioa_a: Floats
    ioa_b: Floats

    def turned(self) -> PairBlock:
        """The same pairs the other way round."""
        return PairBlock(self.b, self.a, self.iou, self.ioa_b, self.ioa_a)


def pair_blocks(boxes: BoxColumns, wanted: Masks) -> Iterator[PairBlock]:
    """Blocks of all pairs of wanted boxes of one image that share an area.

    Left out are boxes without an inside, turned ones (their edges are not where they lie),
    predictions (a detector's raw output overlaps by nature), and surplus copies
    (`BoxColumns.is_surplus`).
    """
    usable = comparable(boxes) & ~boxes.is_surplus & ~boxes["score"].known
    rows = np.flatnonzero(wanted & usable)
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

    Of equals the one with the larger IoU, then of the lower id. Turned boxes and boxes without an
    inside are neither.
    """
    usable = comparable(boxes)
    child = np.flatnonzero(children & usable)
    best_parent = np.full(boxes.n_rows, -1, np.int64)
    best_ioa = np.zeros(boxes.n_rows)
    best_iou = np.zeros(boxes.n_rows)
    for block in pair_blocks(boxes, (children | parents) & usable):
        for side in (block, block.turned()):
            some = np.flatnonzero(children[side.a] & parents[side.b])
            _take_better(side, some, (best_parent, best_ioa, best_iou), boxes)
    of_child = best_parent[child]
    held = np.bincount(of_child[of_child >= 0], minlength=boxes.n_rows).astype(np.float64)
    in_image = np.bincount(boxes.image_row[parents & usable], minlength=len(boxes.dataset.images))
    known = of_child >= 0
    return Families(
        child=child,
        parent=of_child,
        ioa=best_ioa[child],
        n_children=Values(np.where(known, held[of_child], np.nan), known),
        n_parents=in_image[boxes.image_row[child]].astype(np.float64),
    )


def _take_better(
    block: PairBlock, some: Rows, best: tuple[Rows, Floats, Floats], boxes: BoxColumns
) -> None:
    parent, ioa, iou = best
    ids = boxes.dataset.boxes["box_id"].to_numpy(np.int64)
    order = np.lexsort((ids[block.b[some]], -block.iou[some], -block.ioa_a[some], block.a[some]))
    some = some[order]
    first = some[np.diff(block.a[some], prepend=-1) != 0]
    child = block.a[first]
    is_better = (block.ioa_a[first] > ioa[child]) | (
        (block.ioa_a[first] == ioa[child]) & (block.iou[first] > iou[child])
    )
    child, first = child[is_better], first[is_better]
    parent[child], ioa[child], iou[child] = block.b[first], block.ioa_a[first], block.iou[first]
