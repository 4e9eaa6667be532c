"""Which objects count neither way: each row of `ignored_when`, box by box, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from curate.dataset import Dataset
from curate.definitions.ignoring import Ignored, ignored_by
from curate.definitions.loading import load
from curate.definitions.matching import matching_definition
from curate.definitions.model import Definition
from curate.formats import derived, read
from tests.definitions.making import box, dataset, shuffled
from tests.definitions.test_matching import SHIPPED, written

GROUP, HIDDEN, CUT = range(3)
UNIT = (0, 0, 10, 10)
# Boxes of 10 x 10 px, and the row of the shipped definition that ignores each; None: none does.
BY_ROW = [
    (box(*UNIT, is_group=True), GROUP),
    (box(*UNIT, difficult=True), GROUP),
    (box(*UNIT, is_group=False, difficult=False), None),
    (box(*UNIT, is_group=False, difficult=None), None),
    (box(*UNIT, attributes='{"visibility": 0.19}'), HIDDEN),
    (box(*UNIT, attributes='{"visibility": 0.2}'), None),  # at the limit
    (box(*UNIT, attributes='{"visibility": -1}'), None),  # MOT's word for unknown
    (box(*UNIT, extent="full", attributes='{"object": "1"}'), HIDDEN),  # 10 of 100 px^2
    (box(0, 0, 10, 1, extent="visible", attributes='{"object": "1"}'), None),
    (box(*UNIT, extent="full", attributes='{"object": "2"}'), None),  # 20 of 100 px^2
    (box(0, 0, 10, 2, extent="visible", attributes='{"object": "2"}'), None),
    (box(*UNIT, extent="full", attributes='{"object": "3"}'), None),  # no visible box
    (box(*UNIT, truncated=0.6), CUT),
    (box(*UNIT, truncated=0.5), None),  # at the limit
    (box(*UNIT, truncated=1.0), None),  # VOC's flag
    (box(*UNIT, truncated=0.0), None),
    (box(*UNIT), None),
    (box(*UNIT, is_group=True, truncated=0.6), GROUP),
    (box(*UNIT, truncated=0.6, attributes='{"visibility": 0.1}'), HIDDEN),
]
# Boxes that count neither way by themselves, whatever a row says.
BY_ITSELF = [
    box(*UNIT, role="ignore"),
    box(*UNIT, role="review"),
    box(*UNIT, label=None),
    box(*UNIT, role="ignore", is_group=True, truncated=0.6),
]
EXCLUDED = box(*UNIT, role="exclude")
# The lines of the shipped `ignored_when`.
ROWS = [line for line in SHIPPED.splitlines(keepends=True) if line.startswith("  - {when: ")]


@pytest.fixture
def boxes() -> Dataset:
    return dataset([*(row for row, _ in BY_ROW), *BY_ITSELF, EXCLUDED])


def own(folder: Path, *changes: tuple[str, str]) -> Definition:
    """The shipped definition with some things otherwise."""
    path = written(folder, "own")
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return matching_definition(load([path]))


def nothing_measured(dataset: Dataset) -> None:
    raise AssertionError("no row reads what is measured on outlines")


def ignored(definition: Definition, boxes: Dataset) -> Ignored:
    return ignored_by(definition, boxes, nothing_measured)


def test_each_row_ignores_the_boxes_that_it_states(boxes: Dataset) -> None:
    found = ignored(matching_definition(), boxes)
    rows = [None if row < 0 else row for row in found.row.tolist()]
    assert rows == [*(row for _, row in BY_ROW), *[None] * 5]
    by_row = [row is not None for _, row in BY_ROW]
    assert found.is_ignored.tolist() == [*by_row, *[True] * 4, False]


def test_counts_are_of_the_first_row_that_ignores_an_object(boxes: Dataset) -> None:
    found = ignored(matching_definition(), boxes)
    every = np.ones(len(boxes.boxes), np.bool_)
    because = {
        GROUP: "COCO's crowds and VOC's difficult objects count neither way in their own "
        "evaluations (is_group or difficult)",
        HIDDEN: "what is hidden by more than four fifths is guessed "
        "(visible_share < min_visible_share)",
        CUT: "what is more than half outside of the picture cannot be placed; a flag of 1 tells "
        "no share (truncated > max_truncated_share and truncated < 1)",
    }
    assert found.told(every) == [
        f"{n} objects are ignored by detection: {because[row]}"
        for row, n in ((GROUP, 3), (HIDDEN, 3), (CUT, 1))
    ]
    some = np.zeros_like(every)
    some[[0, 2, 12]] = True
    assert [line.partition(" ")[0] for line in found.told(some)] == ["1", "1"]
    assert found.told(np.zeros_like(every)) == []


def test_the_order_of_the_boxes_does_not_matter(boxes: Dataset) -> None:
    plain = ignored(matching_definition(), boxes)
    wanted = dict(zip(boxes.boxes["box_id"].tolist(), plain.row.tolist(), strict=True))
    for seed in range(3):
        mixed = shuffled(boxes, seed)
        found = ignored(matching_definition(), mixed)
        assert dict(zip(mixed.boxes["box_id"].tolist(), found.row.tolist(), strict=True)) == wanted


def test_nothing_is_ignored_of_nothing() -> None:
    found = ignored(matching_definition(), dataset([]))
    assert (len(found.is_ignored), found.told(np.zeros(0, np.bool_))) == (0, [])


def test_a_definition_without_a_row_counts_its_objects(tmp_path: Path) -> None:
    group = next(line for line in ROWS if "is_group" in line)
    without = own(tmp_path, (group, ""))
    boxes = dataset([box(*UNIT, is_group=True), box(*UNIT, truncated=0.6)])
    found = ignored(without, boxes)
    assert found.is_ignored.tolist() == [False, True]
    assert found.told(np.ones(2, np.bool_))[0].startswith("1 objects are ignored by own: what is")


def test_a_definition_without_rows_ignores_by_role_and_class_alone(tmp_path: Path) -> None:
    changes = [(line, "") for line in ("ignored_when:\n", *ROWS)]
    params = [("  min_visible_share: 0.2\n", ""), ("  max_truncated_share: 0.5\n", "")]
    bare = own(tmp_path, *changes, *params)
    assert bare.ignored_when == ()
    boxes = dataset([row for row, _ in BY_ROW] + BY_ITSELF)
    assert ignored(bare, boxes).is_ignored.tolist() == [False] * len(BY_ROW) + [True] * 4


def test_a_definition_states_rows_and_numbers_of_its_own(tmp_path: Path) -> None:
    changes = [
        ("is_group or difficult", "occluded >= 2 and source == 's'"),
        ("max_truncated_share: 0.5", "max_truncated_share: 0.7"),
    ]
    rows = [
        box(*UNIT, occluded=2.0), box(*UNIT, occluded=1.0), box(*UNIT),
        box(*UNIT, is_group=True), box(*UNIT, truncated=0.6), box(*UNIT, truncated=0.8),
    ]  # fmt: skip
    found = ignored(own(tmp_path, *changes), dataset(rows))
    assert found.is_ignored.tolist() == [True, False, False, False, False, True]


def test_attributes_are_not_read_unless_a_row_asks_for_them(tmp_path: Path) -> None:
    hidden = next(line for line in ROWS if "visible_share" in line)
    without = own(tmp_path, (hidden, ""), ("  min_visible_share: 0.2\n", ""))
    broken = dataset([box(*UNIT, attributes="{"), box(*UNIT, difficult=True)])
    assert ignored(without, broken).is_ignored.tolist() == [False, True]
    with pytest.raises(json.JSONDecodeError):
        ignored(matching_definition(), broken)


def test_outlines_are_measured_when_a_row_asks_for_them(tmp_path: Path) -> None:
    # Outlines of 100, 16 and (a box alone) no px^2.
    squares = [[0, 0, 10, 0, 10, 10, 0, 10], [0, 0, 4, 0, 4, 4, 0, 4], None]
    annotations = [
        {"id": n, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100,
         "iscrowd": 0} | ({} if outline is None else {"segmentation": [outline]})
        for n, outline in enumerate(squares, 1)
    ]  # fmt: skip
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 20, "height": 20}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "cat"}],
    }
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    small = own(tmp_path, ("is_group or difficult", "mask_area < 20"))
    assert ignored_by(small, read(path), derived).is_ignored.tolist() == [False, True, False]
    with pytest.raises(AssertionError, match="no row reads"):
        ignored(small, read(path))
