"""The table `boxes.csv`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dataset import Dataset, empty_dataset
from curate.formats import csv_table
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS, make_table

HEADER = (
    "image,width,height,label,source_label,shape,x1,y1,x2,y2,score,role,split,label_state,"
    "is_group,occluded,truncated,difficult,track_id,annotator,attributes,source_id,image_id,box_id"
)


def table_set(boxes: dict[str, Any], image_ids: list[int]) -> Dataset:
    """Images `b.jpg` (id 255, present) and `a/a.jpg` (id 1, empty), with these boxes."""
    images = make_table(
        IMAGE_COLUMNS,
        2,
        {
            "image_id": [255, 1],
            "image_key": ["yard/b.jpg", "yard/a/a.jpg"],
            "source": "yard",
            "box_frame": "upright",
            "label_state": ["present", "empty"],
            "width": [64, None],
            "height": [48, None],
            "split": ["train", None],
        },
    )
    n_boxes = len(image_ids)
    plain = {"shape": "box", "role": "include", "origin": "human", "file": "labels.json"}
    ids = {"box_id": np.arange(n_boxes) + 16, "image_id": image_ids}
    table = make_table(BOX_COLUMNS, n_boxes, plain | boxes | ids)
    return empty_dataset("yard").with_tables(images=images, boxes=table)


def test_boxes_and_images_without_boxes_are_rows(tmp_path: Path) -> None:
    values = {
        "label": ["car", None],
        "source_label": ['say "car", loud', "7"],
        "x1": [0.1, np.nan],
        "y1": 2.0,
        "x2": 3.0,
        "y2": 1e-7,
        "score": [0.5, None],
        "origin": ["detector", "human"],
        "is_group": [None, True],
        "difficult": [False, None],
        "attributes": ['{"pose": "Left"}', None],
        "source_id": ["9", "10"],
    }
    report = csv_table.write(table_set(values, [255, 255]), tmp_path, None)
    assert (tmp_path / "boxes.csv").read_bytes().decode() == (
        f"{HEADER}\n"
        "a/a.jpg,,,,,,,,,,,,,empty,,,,,,,,,0000000000000001,\n"
        'b.jpg,64,48,car,"say ""car"", loud",box,0.1,2.0,3.0,1e-07,0.5,include,train,present,'
        ',,,false,,,"{""pose"": ""Left""}",9,00000000000000ff,0000000000000010\n'
        "b.jpg,64,48,,7,box,,2.0,3.0,1e-07,,include,train,present,"
        "true,,,,,,,10,00000000000000ff,0000000000000011\n"
    )
    assert (report.files, report.images, report.boxes, report.losses) == (1, 2, 2, ())


def test_empty_dataset_is_a_header(tmp_path: Path) -> None:
    csv_table.write(empty_dataset("yard"), tmp_path, None)
    assert (tmp_path / "boxes.csv").read_text(encoding="utf-8") == f"{HEADER}\n"


def test_columns_that_are_not_written_are_losses(tmp_path: Path) -> None:
    values = {"label": "car", "declared_area": [4.0, None], "angle_deg": 5.0, "extent": "full"}
    report = csv_table.write(table_set(values, [255, 255]), tmp_path, None)
    assert {loss.field: loss.count for loss in report.losses} == {
        "boxes.declared_area": 1,
        "boxes.angle_deg": 2,
        "boxes.extent": 2,
    }


@pytest.mark.parametrize("name", ["a\rb", "a\r\nb", "a\nb", "a,b", 'a"b', " a ", "знак"])
def test_any_name_comes_back_from_a_csv_reader(tmp_path: Path, name: str) -> None:
    csv_table.write(table_set({"label": name}, [255]), tmp_path, None)
    with (tmp_path / "boxes.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["label"] for row in csv.DictReader(stream)] == ["", name]


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\0"),
                                  min_size=1), st.floats(allow_nan=False))))  # fmt: skip
def test_texts_and_floats_come_back_exactly(
    tmp_path_factory: Any, rows: list[tuple[str, float]]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    values = {"label": [row[0] for row in rows], "x1": [row[1] for row in rows]}
    csv_table.write(table_set(values, [1] * len(rows)), folder, None)
    with (folder / "boxes.csv").open(encoding="utf-8", newline="") as stream:
        found = [r for r in csv.DictReader(stream) if r["box_id"]]
    assert [(row["label"], float(row["x1"])) for row in found] == rows
