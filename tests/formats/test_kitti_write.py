"""KITTI object labels: writing back into the files that were read, and from the columns."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats import kitti
from curate.formats.reading import Files, Options
from curate.formats.writing import LossReport
from curate.tree import open_tree
from tests.formats.label_files import (
    EDGES,
    kept,
    losses,
    read_file,
    table_set,
    with_box,
    with_values,
    write_back,
    written,
)

CAR = "Car 0.00 0 -1.58 10.50 5.25 30.00 20.75 1.50 1.60 4.00 -2.00 1.70 9.00 -1.80"
VAN = "Van 0.50 1  -1.58 1.00 2.00 3.00 4.00 1.50 1.60 4.00\t-2.00 1.70 9.00 -1.80"
DONT_CARE = "DontCare -1 -1 -10 1.00 2.00 3.00 4.00 -1 -1 -1 -1000 -1000 -1000 -10"
UNSET = "-1 -1 -10 {} -1 -1 -1 -1000 -1000 -1000 -10"
FILE = "000001.txt"
BOXES_ONLY = "KITTI holds boxes with a class and four corners, in images with known labels"


def read(files: Files) -> Dataset:
    return assemble("yard", kitti.gather(files, kitti.claims(files), Options()))


def read_lines(*lines: str, newline: str = "\n") -> Dataset:
    return read_file(kitti, FILE, "".join(line + newline for line in lines))


# Writing back into the files that were read


def spliced(dataset: Dataset, folder: Path) -> tuple[str, LossReport]:
    report = write_back(kitti, dataset, folder)
    return (folder / "000001.txt").read_bytes().decode(), report


def test_changed_values_change_only_their_tokens(tmp_path: Path) -> None:
    dataset = with_values(
        read_lines(CAR, VAN + " "), 1, label="Truck", x1=1.5, y2=4.126, occluded=math.nan,
        truncated=0.125,
    )  # fmt: skip
    text, report = spliced(dataset, tmp_path)
    assert text == (
        f"{CAR}\nTruck 0.125 -1  -1.58 1.50 2.00 3.00 4.13 1.50 1.60 4.00\t-2.00 1.70 9.00 -1.80 \n"
    )
    assert [(loss.field, loss.count) for loss in report.losses] == [("boxes.y2", 1)]


def test_changed_edge_keeps_the_decimals_of_its_token(tmp_path: Path) -> None:
    dataset = with_values(read_lines(CAR.replace("10.50", "10.50000")), 0, x1=1.00125)
    assert spliced(dataset, tmp_path)[0] == CAR.replace("10.50", "1.00125") + "\n"


def test_score_is_added_changed_and_taken_away(tmp_path: Path) -> None:
    dataset = read_lines(CAR, CAR + "  0.5 ", CAR + "  0.25 ")
    for row, score in enumerate((0.75, math.nan, 1.0)):
        dataset = with_values(dataset, row, score=score)
    text, report = spliced(dataset, tmp_path)
    assert text == f"{CAR} 0.75\n{CAR} \n{CAR}  1.0 \n"
    assert report.losses == ()


def test_missing_occlusion_is_written_when_it_is_set(tmp_path: Path) -> None:
    line = CAR.replace("0.00 0 ", "0.00  ", 1)
    text, _ = spliced(with_values(read_lines(line), 0, occluded=2.0, x1=11.0), tmp_path)
    assert text == CAR.replace("0.00 0 ", "0.00 2  ", 1).replace("10.50", "11.00") + "\n"


def test_changed_attributes_change_their_columns(tmp_path: Path) -> None:
    changed = '{"alpha": -1.58, "dimensions": [1.50, 1.60, 4.25], "rotation_y": -1.80}'
    text, report = spliced(with_values(read_lines(CAR), 0, attributes=changed), tmp_path)
    wanted = CAR.replace("4.00 -2.00 1.70 9.00", "4.25 -1000 -1000 -1000")
    assert text == f"{wanted}\n"
    assert report.losses == ()


def test_object_that_is_ignored_becomes_dont_care_and_the_class_a_loss(tmp_path: Path) -> None:
    text, report = spliced(with_values(read_lines(CAR), 0, role="ignore"), tmp_path)
    assert text == CAR.replace("Car", "DontCare") + "\n"
    assert losses(report) == {"boxes.label": 1}


def test_change_that_kitti_cannot_hold_is_a_loss(tmp_path: Path) -> None:
    dataset = with_values(read_lines(CAR, "Car 1 2"), 0, difficult=True, x1=math.nan)
    text, report = spliced(with_values(dataset, 1, occluded=1.0), tmp_path)
    assert text == f"{CAR}\nCar 1 2\n"
    assert losses(report) == {"boxes.difficult": 1, "boxes.occluded": 1, "boxes.x1": 1}


@pytest.mark.parametrize("attributes", ["[", "[1]", '{"alpha": "x"}', '{"location": [1, 2]}'])
def test_attributes_that_are_no_columns_are_a_loss(tmp_path: Path, attributes: str) -> None:
    dataset = with_values(read_lines(DONT_CARE), 0, attributes=attributes)
    text, report = spliced(dataset, tmp_path)
    assert text == f"{DONT_CARE}\n"
    assert losses(report) == {"boxes.attributes": 1}


def test_unreadable_line_that_gets_a_box_is_written_anew(tmp_path: Path) -> None:
    edges = dict(zip(EDGES, (1.0, 2.0, 3.0, 4.0), strict=True))
    text, _ = spliced(with_values(read_lines("Car 1 2"), 0, shape="box", **edges), tmp_path)
    assert text == f"Car {UNSET.format('1.00 2.00 3.00 4.00')}\n"


def test_removed_line_is_cut_out(tmp_path: Path) -> None:
    dataset = read_lines(CAR, "", VAN, newline="\r\n")
    text, _ = spliced(dataset.with_tables(boxes=dataset.boxes.iloc[1:]), tmp_path)
    assert text == f"\r\n{VAN}\r\n"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"{CAR}\n", "{body}{line}\n"),
        (f"{CAR}\r\n", "{body}{line}\r\n"),
        (CAR, "{body}\n{line}"),
        ("", "{line}\n"),
        ("\n", "{body}{line}\n"),
        (f"{CAR} 0.5\n", "{body}{line} -1\n"),
    ],
)
def test_added_line_follows_in_the_file_s_own_manner(
    tmp_path: Path, body: str, wanted: str
) -> None:
    dataset = with_box(read_file(kitti, FILE, body))
    line = f"bus {UNSET.format('1.00 2.00 3.00 4.00')}"
    assert spliced(dataset, tmp_path)[0] == wanted.format(body=body, line=line)


def test_box_cannot_be_added_to_an_unreadable_file(tmp_path: Path) -> None:
    dataset = with_box(read_file(kitti, FILE, b"\0"))
    text, report = spliced(dataset, tmp_path)
    assert text == "\0"
    assert losses(report)["boxes"] == 1


def test_removed_image_takes_its_file_and_list_lines_along(tmp_path: Path) -> None:
    files = {"label_2/1.txt": CAR, "label_2/2.txt": VAN, "ImageSets/train.txt": "2\r\n1\r\n"}
    dataset = read(kept(files))
    images = dataset.images.iloc[1:]
    boxes = dataset.boxes.iloc[1:]
    report = write_back(kitti, dataset.with_tables(images=images, boxes=boxes), tmp_path)
    assert written(tmp_path) == {
        "ImageSets/train.txt": b"2\r\n",
        "label_2/2.txt": VAN.encode(),
    }
    assert (report.images, report.boxes) == (1, 1)


# Writing from the columns


def test_line_from_columns_has_placeholders_for_what_is_unknown(tmp_path: Path) -> None:
    edges = {"x1": 100.0, "y1": 50.0, "x2": 200.0, "y2": 250.004}
    report = kitti.write(table_set({"label": "car seat", **edges}, 1), tmp_path, None)
    line = f"car_seat {UNSET.format('100.00 50.00 200.00 250.00')}\n"
    assert written(tmp_path) == {"label_2/a.txt": line.encode()}
    assert losses(report) == {
        "images (ending of the name)": 1,
        "boxes.label": 1,
        "boxes.x1 y1 x2 y2": 1,
    }


def test_values_that_kitti_lacks_are_counted_losses(tmp_path: Path) -> None:
    values = {
        "label": ["car", "car", "car", None, "DontCare"],
        "shape": ["polygon", "box", "tag", "box", "box"],
        "role": ["include", "ignore", "include", "include", "ignore"],
        "x2": [5.0, 5.0, math.nan, 5.0, 5.0],
        "occluded": [0.5, 1.0, None, None, None],
        "score": [0.9, None, None, None, 0.25],
        "difficult": [True, None, None, None, None],
        "attributes": ['{"alpha": 1, "pose": "Left"}', None, None, None, None],
    }
    dataset = table_set({"x1": 0.0, "y1": 0.0, "y2": 5.0, **values}, 5)
    report = kitti.write(dataset, tmp_path, None)
    box = "0.00 0.00 5.00 5.00"
    assert written(tmp_path)["label_2/a.txt"].decode().splitlines() == [
        f"car {UNSET.format(box)} 0.9".replace("-10 ", "1 ", 1),
        f"DontCare {UNSET.format(box)} -1",
        f"DontCare {UNSET.format(box)} 0.25",
    ]
    assert sorted((loss.field, loss.count, loss.why) for loss in report.losses) == [
        ("boxes (box)", 1, BOXES_ONLY),
        ("boxes (tag)", 1, BOXES_ONLY),
        ("boxes.attributes", 1, "only the 3D columns are written"),
        ("boxes.difficult", 1, "KITTI has no place for it"),
        ("boxes.label", 1, "ignored, so written as DontCare"),
        ("boxes.occluded", 1, "ignored: a DontCare has nothing but its box"),
        ("boxes.occluded", 1, "no grade of 0 to 3: -1 is written, for unknown"),
        ("boxes.origin", 3, "a file with scores is a detector's, any other one drawn by people"),
        ("boxes.score", 1, "not known beside boxes with a score: -1 is written"),
        ("images (ending of the name)", 1, "KITTI keeps stems only"),
        ("polygon outline", 1, "written as its box"),
    ]


def test_label_files_are_flat_and_of_their_own(tmp_path: Path) -> None:
    names = ("cam1/a.jpg", "cam2/a.jpg", "../A.png", "con")
    report = kitti.write(table_set({}, 0, names), tmp_path, None)
    assert sorted(written(tmp_path)) == [
        "label_2/A.txt", "label_2/_con.txt", "label_2/a.jpg-2.txt", "label_2/a.jpg.txt",
    ]  # fmt: skip
    assert losses(report)["images (folder of the name)"] == 3


def test_splits_are_written_as_lists(tmp_path: Path) -> None:
    edges = dict.fromkeys(EDGES, 1.0)
    dataset = table_set({"label": "car", **edges}, 1, ("b.jpg", "a.jpg"))
    images = dataset.images.assign(split="train")
    images["split"] = images["split"].astype(dataset.images["split"].dtype)
    kitti.write(dataset.with_tables(images=images), tmp_path, None)
    assert written(tmp_path)["ImageSets/train.txt"] == b"a\nb\n"
    assert read(open_tree(tmp_path)).images["split"].tolist() == ["train", "train"]


finite = st.floats(-1e6, 1e6)
triple = st.lists(st.floats(-900, 900), min_size=3, max_size=3)
box_values = st.tuples(
    st.text("abcXYZ-é道", min_size=1), finite, finite, finite, finite,
    st.none() | st.floats(0, 1), st.sampled_from([None, 0.0, 1.0, 2.0, 3.0]), triple,
)  # fmt: skip


def columns_of(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    names = ("label", *EDGES, "truncated", "occluded", "location")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    locations = columns.pop("location")
    return columns | {"attributes": [json.dumps({"location": three}) for three in locations]}


@given(st.lists(box_values, min_size=1, max_size=5), st.booleans())
def test_columns_survive_writing_and_reading(
    tmp_path_factory: Any, rows: list[Any], has_score: bool
) -> None:
    columns = columns_of(rows)
    columns["score"] = [float(row[1]) if has_score else None for row in rows]
    dataset = table_set(columns, len(rows))
    folder = tmp_path_factory.mktemp("kitti")
    kitti.write(dataset, folder, None)
    again = read(open_tree(folder))
    assert again.findings.empty
    exact = ["label", "truncated", "occluded", "score", "attributes"]
    pd.testing.assert_frame_equal(again.boxes[exact], dataset.boxes[exact])
    # The format's precision, and what the last bit of a float may add at 1e6.
    np.testing.assert_allclose(again.boxes[EDGES], dataset.boxes[EDGES], rtol=0, atol=0.005 + 1e-9)


@given(st.lists(box_values, min_size=2, max_size=2))
def test_changes_survive_splicing(tmp_path_factory: Any, rows: list[Any]) -> None:
    dataset = read_lines(CAR, VAN, DONT_CARE)
    boxes = dataset.boxes.copy()
    for name, values in columns_of(rows).items():
        dtype = boxes[name].dtype
        boxes[name] = pd.Series([*values, boxes[name].iloc[2]]).astype(dtype)
    folder = tmp_path_factory.mktemp("kitti")
    report = write_back(kitti, dataset.with_tables(boxes=boxes), folder)
    # Two decimals are the format's, and the report says so.
    assert {loss.field.removeprefix("boxes.") for loss in report.losses} <= set(EDGES)
    again = read(open_tree(folder)).boxes
    exact = ["label", "truncated", "occluded"]
    pd.testing.assert_frame_equal(again[exact], boxes[exact])
    np.testing.assert_allclose(again[EDGES], boxes[EDGES], rtol=0, atol=0.005 + 1e-9)
    locations = [json.loads(text).get("location") for text in again["attributes"].iloc[:2]]
    assert locations == [json.loads(text)["location"] for text in boxes["attributes"].iloc[:2]]
