"""Outlines and keypoints of COCO records that are there and cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curate.auditing import audit
from curate.formats import derived, read
from curate.formats.coco import derived as derived_module
from tests.formats.coco_documents import RING_AREA, SQUARE, annotation, document, store

GOOD = [
    [SQUARE],
    [SQUARE, [50, 50, 54, 50, 54, 53]],
    {"size": [80, 100], "counts": [810, 5, 7185]},
    {"size": [80, 100], "counts": "0Pj7"},
]
BROKEN: list[Any] = [
    [SQUARE[:7]],
    [SQUARE[:4]],
    [SQUARE, [1, 2, 3, 4, 5]],
    [SQUARE, []],
    [[]],
    [[1]],
    [1, 2, 3, 4, 5, 6],
    [SQUARE, 7],
    [[1, 2, 3, 4, 5, "6"]],
    [[1, 2, 3, 4, 5, True]],
    [[1, 2, 3, 4, 5, None]],
    [[1, 2, 3, 4, 5, 10**400]],
    [[1, 2, 3, 4, 5, float("nan")]],
    {"size": [80, 100], "counts": "\u0001"},
    {"size": [80, 100], "counts": [810, -5, 7185]},
    {"size": [80, 100], "counts": [810, 5, 7186]},
    {"size": [80, 100], "counts": [810, 5, 7184]},
    {"size": [80, 100], "counts": [810, 5]},
    {"size": [80, 100], "counts": []},
    {"size": [100, 80], "counts": [810, 5, 7185]},
    {"size": [80, 50], "counts": [810, 5, 3185]},
    {"size": [2, 2], "counts": "04"},
    {"size": [10**9, 10**9], "counts": [1]},
    {"size": [80, 100]},
    {},
    "rle",
    7,
    False,
]


def states(tmp_path: Path, column: str, *boxes: dict[str, Any]) -> list[int]:
    table = derived(read(store(tmp_path, document(*boxes))))
    assert table is not None
    return list(table[column].tolist())


@pytest.mark.parametrize("many", [100_000, 1])
@pytest.mark.parametrize("outline", GOOD)
def test_good_outlines_are_told_so(tmp_path: Path, outline: Any, many: int, monkeypatch) -> None:
    monkeypatch.setattr(derived_module, "MANY_RECORDS", many)
    assert states(tmp_path, "outline_state", annotation(1, segmentation=outline)) == [1]


@pytest.mark.parametrize("many", [100_000, 1])
@pytest.mark.parametrize("outline", BROKEN, ids=str)
def test_broken_outlines_are_told_so(tmp_path: Path, outline: Any, many: int, monkeypatch) -> None:
    monkeypatch.setattr(derived_module, "MANY_RECORDS", many)
    boxes = [annotation(1, segmentation=[SQUARE]), annotation(2, segmentation=outline)]
    assert states(tmp_path, "outline_state", *boxes) == [1, 2]
    found = audit(read(store(tmp_path, document(*boxes))), select=["BOX-010"]).table
    assert found["source_id"].tolist() == ["2"]
    assert found["level"].tolist() == ["error"]


@pytest.mark.parametrize("many", [100_000, 1])
def test_no_outline_is_no_broken_one(tmp_path: Path, many: int, monkeypatch) -> None:
    monkeypatch.setattr(derived_module, "MANY_RECORDS", many)
    text = json.dumps(document(annotation(1), annotation(2, segmentation=[]), annotation(3, x=0)))
    text = text.replace('"x": 0', '"segmentation" : null')
    table = derived(read(store(tmp_path, text.encode())))
    assert table is not None
    assert table["outline_state"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("keypoints", "stated", "state"),
    [
        (None, None, 0),
        ([], None, 0),
        ([], 0, 0),
        (None, 2, 2),
        ([], 2, 2),
        ([5, 5, 2], None, 1),
        ([5, 5, 2, 6, 6, 1, 0, 0, 0], 2, 1),
        ([5, 5, 2, 6, 6, 1, 0, 0, 0], 3, 2),
        ([5, 5, 2, 6, 6, 1, 0, 0, 0], 0, 2),
        ([5, 5, 2], "1", 2),
        ([5, 5, 2, 6, 6], 1, 2),
        ([[5, 5, 2]], 1, 2),
        ([5, 5, "2"], 1, 2),
        ([5, float("inf"), 2], 1, 2),
        ("none", None, 2),
        ({}, None, 2),
    ],
)
def test_keypoints_are_three_values_each_and_counted(
    tmp_path: Path, keypoints: Any, stated: Any, state: int
) -> None:
    own = annotation(2, keypoints=keypoints, num_keypoints=stated)
    boxes = [annotation(1, keypoints=[5, 5, 2], num_keypoints=1), own]
    assert states(tmp_path, "keypoint_state", *boxes) == [1, state]


@pytest.mark.parametrize("many", [100_000, 1])
def test_of_an_outline_that_stands_twice_the_last_is_read(
    tmp_path: Path, many: int, monkeypatch
) -> None:
    monkeypatch.setattr(derived_module, "MANY_RECORDS", many)
    record = json.dumps(annotation(1, segmentation=[SQUARE]))
    twice = record[:-1] + ', "segmentation": [[0, 0, 2, 0, 2, 2]]}'
    text = json.dumps(document(annotation(1))).replace(json.dumps(annotation(1)), twice)
    table = derived(read(store(tmp_path, text.encode())))
    assert table is not None
    assert table["mask_area"].tolist() == [2]


@pytest.mark.parametrize("many", [100_000, 1])
@pytest.mark.parametrize("keypoints", [None, [12, 12, 2]])
def test_boxes_without_a_record_have_no_measures(tmp_path, monkeypatch, many, keypoints) -> None:
    monkeypatch.setattr(derived_module, "MANY_RECORDS", many)
    rows = (annotation(n, segmentation=[SQUARE], keypoints=keypoints) for n in (1, 2, 3))
    dataset = read(store(tmp_path, document(*rows, annotation(4))))
    boxes = dataset.boxes.copy()
    boxes.loc[[0, 3], ["start", "end"]] = None
    table = derived(dataset.with_tables(boxes=boxes))
    assert table is not None
    assert table["mask_area"].fillna(-1).tolist() == [-1, RING_AREA, RING_AREA, -1]
