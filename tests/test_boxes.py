"""Geometry of boxes: hand sums, what NaN does, and pairs against plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import boxes

SQUARE = [0.0, 0.0, 10.0, 10.0]


def xyxy(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, 4)


def test_sides_are_differences_of_edges_and_keep_their_sign() -> None:
    rows = xyxy([100, 50, 200, 250], [200, 50, 100, 50])
    assert boxes.sides(rows).tolist() == [[100, 200], [-100, 0]]


def test_area_of_a_box_without_positive_sides_is_zero() -> None:
    rows = xyxy([0, 0, 4, 5], [4, 0, 0, 5], [4, 5, 0, 0], [3, 3, 3, 9])
    assert boxes.areas(rows).tolist() == [20, 0, 0, 0]


@pytest.mark.parametrize(
    ("other", "iou", "ioa"),
    [
        (SQUARE, 1.0, 1.0),
        ([0.0, 0.0, 10.0, 9.0], 0.9, 0.9),  # 90 of 100
        ([5.0, 5.0, 15.0, 15.0], 25 / 175, 0.25),
        ([10.0, 0.0, 20.0, 10.0], 0.0, 0.0),  # they touch
        ([-5.0, -5.0, 15.0, 15.0], 0.25, 1.0),  # 100 of 400
        ([12.0, 12.0, 14.0, 14.0], 0.0, 0.0),  # apart on both axes: no positive product
    ],
)
def test_overlap_equals_the_hand_sum(other: list[float], iou: float, ioa: float) -> None:
    assert boxes.iou_pairs(xyxy(SQUARE), xyxy(other)).tolist() == [iou]
    assert boxes.ioa_pairs(xyxy(SQUARE), xyxy(other)).tolist() == [ioa]


def test_overlap_of_boxes_without_area_is_unknown() -> None:
    point = xyxy([3, 3, 3, 3])
    assert np.isnan(boxes.iou_pairs(point, point)).all()
    assert np.isnan(boxes.ioa_pairs(point, xyxy(SQUARE))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e308, -1e308])
@pytest.mark.parametrize("place", range(4))
def test_absurd_coordinates_never_warn(bad: float, place: int) -> None:
    row = list(SQUARE)
    row[place] = bad
    rows, good = xyxy(row), xyxy(SQUARE)
    results = [
        boxes.areas(rows),
        boxes.sides(rows),
        boxes.iou_pairs(rows, good),
        boxes.ioa_pairs(rows, good),
        boxes.clip(rows, 5, 5),
        boxes.xywh_to_xyxy(rows),
        boxes.xyxy_to_xywh(rows),
        boxes.iou_pairs(xyxy([-1e308, 0, 1e308, 1e308]), rows),
    ]
    if np.isnan(bad):
        assert all(np.isnan(result).any() for result in results)


def test_clip_moves_edges_into_images_of_one_or_of_many_sizes() -> None:
    rows = xyxy([-5, -5, 20, 8], [50, 1, 60, 2])
    assert boxes.clip(rows, 10, 6).tolist() == [[0, 0, 10, 6], [10, 1, 10, 2]]
    many = boxes.clip(rows, np.array([10, 55]), np.array([6, np.nan]))
    assert many[0].tolist() == [0, 0, 10, 6]
    assert many[1, [0, 2]].tolist() == [50, 55]
    assert np.isnan(many[1, [1, 3]]).all()


def test_width_and_height_become_edges_and_back() -> None:
    # pycocotools, mask.py: bbox is x, y, width, height, 0-based, in edges.
    assert boxes.xywh_to_xyxy(xyxy([100, 50, 100, 200])).tolist() == [[100, 50, 200, 250]]
    assert boxes.xyxy_to_xywh(xyxy([100, 50, 200, 250])).tolist() == [[100, 50, 100, 200]]


def test_no_rows_give_no_rows() -> None:
    none = xyxy()
    group = np.zeros(0, np.int64)
    assert boxes.sides(none).shape == (0, 2)
    assert boxes.areas(none).shape == boxes.iou_pairs(none, none).shape == (0,)
    assert boxes.clip(none, 1, 1).shape == boxes.xywh_to_xyxy(none).shape == (0, 4)
    assert list(boxes.pairs_in_groups(group, 10)) == []
    assert list(boxes.touching_pairs(group, none, 10)) == []


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 40))
def test_pairs_in_groups_are_those_of_plain_loops(groups: list[int], chunk: int) -> None:
    rows = range(len(groups))
    expected = [
        (group, i, j)
        for i, j in itertools.combinations(rows, 2)
        for group in [groups[i]]
        if groups[j] == group
    ]
    chunks = list(boxes.pairs_in_groups(np.array(groups, np.int64), chunk))
    found = [
        (groups[i], i, j) for a, b in chunks for i, j in zip(a.tolist(), b.tolist(), strict=True)
    ]
    assert found == sorted(expected)
    assert all(0 < len(a) <= max(chunk, len(groups)) for a, _ in chunks)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), *[st.integers(0, 30), st.integers(1, 9)] * 2), max_size=40
    ),
    st.integers(1, 50),
)
def test_touching_pairs_miss_no_pair_that_shares_an_area(
    rows: list[tuple[int, int, int, int, int]], chunk: int
) -> None:
    groups = np.array([row[0] for row in rows], np.int64)
    edges = xyxy(*([x, y, x + w, y + h] for _, x, w, y, h in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boxes, "CROWDED_BOXES", 5)
        chunks = list(boxes.touching_pairs(groups, edges, chunk))
    found = [pair for a, b in chunks for pair in zip(a.tolist(), b.tolist(), strict=True)]
    assert len(set(found)) == len(found)
    assert all(i < j and groups[i] == groups[j] for i, j in found)
    for i, j in itertools.combinations(range(len(rows)), 2):
        if groups[i] == groups[j] and boxes.iou_pairs(edges[[i]], edges[[j]])[0] > 0:
            assert (i, j) in found


@pytest.mark.parametrize(("step_x", "step_y"), [(1, 0), (0, 1), (1, 1), (1, -1)])
def test_crowded_image_is_compared_only_where_boxes_meet(step_x: int, step_y: int) -> None:
    n = 20_000
    left, top = (step * np.arange(n, dtype=np.float64) for step in (step_x, step_y))
    edges = np.column_stack([left, top, left + 2, top + 2])
    sizes = [len(a) for a, _ in boxes.touching_pairs(np.zeros(n, np.int64), edges, 1000)]
    assert sum(sizes) == n - 1  # each box meets the next one; the one after begins where it ends
    assert max(sizes) <= 1000


def test_crowded_image_of_scattered_boxes_leaves_most_pairs_out() -> None:
    n, side_px, box_px = 20_000, 4000, 20
    corner = np.random.default_rng(0).uniform(0, side_px, (n, 2))
    edges = np.hstack([corner, corner + box_px])
    sizes = [len(a) for a, _ in boxes.touching_pairs(np.zeros(n, np.int64), edges, 1000)]
    # Two intervals of 20 px meet on one axis in 40 of 4000 cases: 1 % of 200 million pairs.
    assert sum(sizes) == pytest.approx(0.01 * n * n / 2, rel=0.05)


def test_chunks_stay_bounded_in_a_crowded_image() -> None:
    n, chunk = 3000, 10_000
    sizes = [len(a) for a, _ in boxes.pairs_in_groups(np.zeros(n, np.int64), chunk)]
    assert sum(sizes) == n * (n - 1) // 2
    assert max(sizes) <= chunk
