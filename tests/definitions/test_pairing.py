"""Pairs of boxes of one image, and children with their parents, by hand."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from curate.definitions.columns import BoxColumns
from curate.definitions.pairing import MAX_COPIES, Families, families, pair_blocks, paired
from tests.definitions.making import Row, box, dataset, shuffled


def pairs(rows: list[Row], **more: Any) -> list[tuple[int, int, float, float, float]]:
    """All pairs of rows, the lower row first, with IoU and both shares."""
    boxes = BoxColumns(dataset(rows, **more))
    found = []
    for block in pair_blocks(boxes, paired(boxes, np.ones(len(rows), bool)).is_in):
        assert (boxes.ids[block.a] < boxes.ids[block.b]).all()
        for a, b, iou, ioa_a, ioa_b in zip(
            block.a, block.b, block.iou, block.ioa_a, block.ioa_b, strict=True
        ):
            found.append((a, b, iou, ioa_a, ioa_b) if a < b else (b, a, iou, ioa_b, ioa_a))
    return sorted(found)


def test_a_pair_has_its_overlap_both_ways() -> None:
    # 5 x 10 of 10 x 10 and of 5 x 20: shared 50, together 150.
    rows = [box(0, 0, 10, 10), box(5, 0, 10, 20)]
    assert pairs(rows) == [(0, 1, pytest.approx(1 / 3), 0.5, 0.5)]
    assert pairs([box(0, 0, 10, 10), box(0, 0, 5, 10)]) == [(0, 1, 0.5, 0.5, 1.0)]


@pytest.mark.parametrize(
    "other",
    [
        box(10, 0, 20, 10),  # touches, shares nothing
        box(0, 0, 10, 10, image="b"),
        box(0, 0, 10, 10, shape="rotated", angle_deg=5.0),
        box(0, 0, 10, 10, shape="point"),
        box(0, 0, 10, 10, origin="detector"),
        box(0, 0, 10, 10, score=0.9),
        box(10, 10, 0, 0),
        box(0, 0, 0, 10),
        box(None, 0, 10, 10),
        box(0, 0, 10, float("inf")),
        box(-1e200, -1e200, 1e200, 1e200),  # no float holds its area
    ],
)
def test_what_cannot_be_compared_is_in_no_pair(other: Row) -> None:
    assert pairs([box(0, 0, 10, 10), other]) == []


def test_of_equal_boxes_so_many_are_compared_as_say_all_there_is_to_say() -> None:
    rows = [box(0, 0, 10, 10) for _ in range(MAX_COPIES + 4)]
    assert len(pairs(rows)) == MAX_COPIES * (MAX_COPIES - 1) / 2
    # Others in the place are no copies of them.
    rows += [box(0, 0, 10, 10, label="cat"), box(0, 0, 10, 10, role="ignore")]
    assert len(pairs(rows)) == (MAX_COPIES + 2) * (MAX_COPIES + 1) / 2


def test_twenty_thousand_equal_boxes_are_paired_at_once() -> None:
    rows = [box(0, 0, 10, 10) for _ in range(20_000)]
    boxes = BoxColumns(dataset(rows))
    started = time.perf_counter()
    blocks = list(pair_blocks(boxes, paired(boxes, np.ones(len(rows), bool)).is_in))
    assert sum(len(block.a) for block in blocks) == 120
    # All pairs of them, 200 million, would take minutes.
    assert time.perf_counter() - started < 5


def held(rows: list[Row], seed: int | None = None) -> dict[int, tuple[Any, ...]]:
    """Box id of each cat: box id of the dog that holds it, share, its cats, dogs in the image."""
    made = dataset(rows) if seed is None else shuffled(dataset(rows), seed)
    boxes = BoxColumns(made)
    label = made.boxes["label"]
    found: Families = families(boxes, *((label == word).to_numpy(bool) for word in ("cat", "dog")))
    ids = boxes.ids
    return {
        int(ids[child]): (None if parent < 0 else int(ids[parent]), ioa, n_children, n_parents)
        for child, parent, ioa, n_children, n_parents in zip(
            found.child, found.parent, found.ioa,
            [n if known else None for n, known in
             zip(found.n_children.values, found.n_children.known, strict=True)],
            found.n_parents, strict=True)
    }  # fmt: skip


def test_a_child_has_the_parent_that_holds_most_of_it() -> None:
    rows = [
        box(0, 0, 10, 10, label="cat", box_id=1),
        box(5, 0, 40, 40, label="dog", box_id=2),  # half of the cat
        box(0, 0, 8, 40, label="dog", box_id=3),  # four fifths
        box(100, 0, 110, 10, label="cat", box_id=4),  # nobody's
        box(0, 5, 5, 15, label="cat", box_id=5),  # half in the second dog
        box(0, 0, 9, 9, label="cat", image="b", box_id=6),
    ]
    assert held(rows) == {
        1: (3, 0.8, 2.0, 2.0), 4: (None, 0.0, None, 2.0), 5: (3, 1.0, 2.0, 2.0),
        6: (None, 0.0, None, 0.0),
    }  # fmt: skip


@pytest.mark.parametrize("block", [1, 1 << 18])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_equals_the_nearer_in_size_and_then_the_lower_id_is_the_parent(
    monkeypatch: pytest.MonkeyPatch, seed: int, block: int
) -> None:
    monkeypatch.setattr("curate.definitions.pairing.BLOCK_PAIRS", block)
    monkeypatch.setattr("curate.definitions.pairing.CHUNK_PAIRS", block)
    rows = [box(0, 0, 10, 10, label="cat", box_id=5)]
    rows += [box(0, 0, 40, 40, label="dog", box_id=n) for n in (1, 2)]
    rows += [box(0, 0, 20, 20, label="dog", box_id=n) for n in (9, 7, 8)]
    assert held(rows, seed) == {5: (7, 1.0, 1.0, 5.0)}


def test_predictions_and_turned_boxes_are_neither_child_nor_parent() -> None:
    rows = [
        box(0, 0, 10, 10, label="cat", score=0.5, box_id=1),
        box(0, 0, 10, 10, label="cat", shape="rotated", box_id=2),
        box(0, 0, 10, 10, label="cat", box_id=3),
        box(0, 0, 20, 20, label="dog", origin="detector", box_id=4),
    ]
    assert held(rows) == {3: (None, 0.0, None, 0.0)}


def test_each_of_many_equal_children_has_its_parent() -> None:
    n = MAX_COPIES + 5
    rows = [box(0, 0, 10, 10, label="cat", box_id=100 + k) for k in range(n)]
    rows += [box(0, 0, 20, 20, label="dog", box_id=k) for k in range(1, n)]
    assert held(rows) == {100 + k: (1, 1.0, float(n), n - 1.0) for k in range(n)}


def test_a_box_is_not_its_own_parent_however_many_equal_ones_there_are() -> None:
    n = MAX_COPIES + 5
    made = dataset([box(0, 0, 10, 10, label="cat", box_id=k + 1) for k in range(n)])
    is_cat = np.ones(n, bool)
    found = families(BoxColumns(made), is_cat, is_cat)
    assert made.boxes["box_id"].to_numpy()[found.parent].tolist() == [2, *[1] * (n - 1)]
