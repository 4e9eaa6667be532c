"""The columns that expressions read of boxes, by hand."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from curate.assembly import Gathered, assemble
from curate.definitions.columns import BoxColumns, numbers, taken
from curate.definitions.evaluation import text_values
from curate.definitions.expressions import Name
from tests.definitions.making import Row, box, dataset


def column(rows: list[Row], name: str, images: Any = None, **own: Name) -> list[Any]:
    """The values of a column, unknown as None."""
    values = BoxColumns(dataset(rows, images), None, own)[name]
    said = values.values.tolist()
    if values.words is not None:
        said = [[*values.words, None][code] for code in said]
    return [one if is_known else None for one, is_known in zip(said, values.known, strict=True)]


def test_sides_and_area_are_of_the_edges_and_unknown_without_them() -> None:
    rows = [box(1, 2, 4, 7), box(4, 7, 1, 2), box(1, None, 4, 7), box(0, 0, math.inf, 0)]
    assert column(rows, "width") == [3.0, -3.0, 3.0, math.inf]
    assert column(rows, "height") == [5.0, -5.0, None, 0.0]
    assert column(rows, "area") == [15.0, 15.0, None, None]


def test_the_image_of_a_box_tells_size_source_and_split() -> None:
    images = {"a": {"split": "val", "width": 50}, "b": {"source": "t", "width": 0}}
    rows = [box(0, 0, 1, 1, image="b"), box(0, 0, 1, 1, image="a")]
    assert column(rows, "split", images) == [None, "val"]
    assert column(rows, "source", images) == ["t", "s"]
    assert column(rows, "image_width", images) == [None, 50.0]


def test_boxes_in_the_stored_frame_have_the_declared_size() -> None:
    images = {"a": {"box_frame": "stored", "declared_width": 480, "declared_height": 640}}
    assert column([box(0, 0, 1, 1)], "image_width", images) == [480.0]
    assert column([box(0, 0, 1, 1)], "image_height", images) == [640.0]


@pytest.mark.parametrize(
    ("name", "said", "wanted"),
    [
        (Name("number", "kg"), "3", 3.0), (Name("number", "kg"), "2.5", 2.5),
        (Name("number", "kg"), '"3"', None), (Name("number", "kg"), "true", None),
        (Name("number", "kg"), "[3]", None), (Name("number", "kg"), '{"kg": 3}', None),
        (Name("number", "kg"), "null", None), (Name("number", "kg"), "NaN", None),
        (Name("number", "kg"), "1" + "0" * 400, None), (Name("number", "kg"), "Infinity", math.inf),
        (Name("flag", "wet"), "true", True), (Name("flag", "wet"), "1", None),
        (Name("flag", "wet"), '"true"', None), (Name("text", "colour"), '"Größe"', "Größe"),
        (Name("text", "colour"), "5", None), (Name("text", "colour"), '["red"]', None),
        (Name("text", "colour", words=("red",)), '"red"', "red"),
        (Name("text", "colour", words=("red",)), '"green"', None),
    ],
)  # fmt: skip
def test_an_attribute_of_another_kind_or_word_is_unknown(
    name: Name, said: str, wanted: Any
) -> None:
    rows = [box(0, 0, 1, 1, attributes=f'{{"own": {said}}}'), box(0, 0, 1, 1),
            box(0, 0, 1, 1, attributes="[1]")]  # fmt: skip
    assert column(rows, "own", own=name) == [wanted, None, None]


def test_the_visible_share_is_the_visible_box_over_the_full_one_of_one_object() -> None:
    rows = [
        box(0, 0, 10, 10, extent="full", attributes='{"object": "1"}'),
        box(0, 0, 10, 4, extent="visible", attributes='{"object": "1"}'),
        box(0, 0, 10, 9, extent="visible", attributes='{"object": "1"}', image="b"),
        box(0, 0, 10, 10, extent="full", attributes='{"object": "2"}'),
        box(0, 0, 10, 10, attributes='{"visibility": 0.25}'),
        box(0, 0, 10, 10, attributes='{"visibility": 3}'),
        box(0, 0, 10, 10, attributes='{"visibility": [0.25]}'),
    ]
    assert column(rows, "visible_share") == [0.4, None, None, None, 0.25, None, None]
    assert column(rows, "visible_y2") == [4.0, *[None] * 6]


def test_a_group_counts_the_boxes_of_its_label_that_lie_in_it() -> None:
    group = {"is_group": True}
    rows = [
        box(0, 0, 100, 100, **group),
        box(0, 0, 10, 10),  # inside
        box(91, 0, 101, 10),  # nine tenths inside: at the limit
        box(92, 0, 102, 10),  # eight tenths
        box(0, 0, 10, 10, label="cat"),
        box(0, 0, 10, 10, image="b"),
        box(0, 0, 10, 10, score=0.5),
        box(0, 0, 10, 10, origin="detector"),
        box(0, 0, 10, 10, role="exclude"),
        box(0, 0, 10, 10, shape="rotated"),
        box(0, 0, 20, 20, **group),
        box(5, None, 9, 9),
        box(9, 9, 5, 5),
    ]
    assert column(rows, "n_inside") == [2.0, *[0.0] * 9, 1.0, 0.0, 0.0]


def test_a_group_without_a_label_has_no_members() -> None:
    rows = [box(0, 0, 100, 100, is_group=True, label=None), box(0, 0, 10, 10, label=None)]
    assert column(rows, "n_inside") == [0.0, 0.0]


def test_members_of_groups_in_more_than_one_chunk_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("curate.definitions.columns.CHUNK_PAIRS", 3)
    rows = [box(0, 0, 9, 9, image=image, is_group=is_group)
            for image in "abcd" for is_group in (True, False, False, True)]  # fmt: skip
    assert column(rows, "n_inside") == [2.0, 0.0, 0.0, 2.0] * 4


def test_a_group_over_twenty_thousand_boxes_is_counted_at_once() -> None:
    rows = [box(0, 0, 100, 100, is_group=True), *(box(0, 0, 10, 10) for _ in range(20_000))]
    made = BoxColumns(dataset(rows))
    started = time.perf_counter()
    assert made["n_inside"].values[0] == 20_000
    # All pairs of them, 200 million, would take minutes.
    assert time.perf_counter() - started < 5


def test_measures_of_outlines_are_unknown_where_there_are_none() -> None:
    made = dataset([box(0, 0, 1, 1)])
    measures = pd.DataFrame({"mask_area": [12.0], "kp_x1": [np.nan]})
    assert BoxColumns(made, measures)["mask_area"].values.tolist() == [12.0]
    assert not BoxColumns(made, measures)["keypoint_x1"].known.any()
    assert not BoxColumns(made)["mask_area"].known.any()


def test_row_minus_one_takes_nothing() -> None:
    rows = np.array([1, -1])
    assert taken(numbers(np.array([4.0, 5.0])), rows).known.tolist() == [True, False]
    words = taken(text_values(np.array([0, 0]), ["a"]), rows)
    assert words.values.tolist() == [0, -1]


def test_a_whole_box_that_names_no_object_has_no_visible_one() -> None:
    # pytest makes an error of any warning: none of its missing name may come of it.
    gathered = Gathered(
        n_images=1,
        n_boxes=3,
        images={"image_name": ["a.jpg"], "width": 640, "height": 480, "label_state": "present"},
        boxes={
            "image_row": [0, 0, 0], "source_id": ["1", "2", "3"], "file": "labels.json",
            "label": "person", "extent": ["full", "full", "visible"],
            "attributes": ['{"object": 7}', None, '{"object": 7}'],
            "x1": [10.0, 300.0, 20.0], "y1": [10.0, 10.0, 10.0],
            "x2": [110.0, 400.0, 70.0], "y2": [210.0, 210.0, 210.0],
        },
    )  # fmt: skip
    columns = BoxColumns(assemble("set", gathered))
    assert columns["visible_x1"].values.tolist()[0] == 20
    # 50 x 200 of 100 x 200 px.
    assert columns["visible_share"].values.tolist()[0] == 0.5
    assert np.isnan(columns["visible_share"].values[1:]).all()
