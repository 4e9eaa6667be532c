"""KITTI tracking: writing back into the files that were read, and from the columns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats import kitti_tracking
from curate.formats.reading import Files, Options
from curate.formats.writing import LossReport
from curate.tree import open_tree
from tests.formats.label_files import (
    EDGES,
    kept,
    table_set,
    with_box,
    with_values,
    write_back,
    written,
)

REST = "-1.58 10.5 5.25 30.000 20.75 1.5 1.60 4 -2 1.7 9 -1.8"
CAR = f"0 7 Car 0  1 {REST}"
DONT_CARE = "0 -1 DontCare -1 -1 -10.0 1 2 3 4 -1000.0 -1000.0 -1000.0 -10.0 -1.0 -1.0 -1.0"
LABELS = f"{CAR}\r\n{DONT_CARE}\r\n\r\n2{CAR[1:]} \r\n"
RESULTS = f"0 3 Cyclist 0 0 {REST} 0.125\n"
FOUND = "0,2,10.5,5.25,30,20.75,-6.5978,1.5,1.60,4,-2,1.7,9,-1.8,-1.58\n"
UNSET = "-1 -1 -10 {} -1 -1 -1 -1000 -1000 -1000 -10"
NO_PLACE = "KITTI tracking has no place for it"
NO_FRAME = "KITTI tracking names images by sequence and frame: this one has no number of its own"
FILES = {"label_02/0000.txt": LABELS, "ours/0000.txt": RESULTS, "rcnn/0000.txt": FOUND}
# Rows of the boxes table, in the order of the files.
FIRST, IGNORED, THIRD, RESULT, DETECTION = range(5)


def read(files: Files) -> Dataset:
    names = kitti_tracking.claims(files)
    return assemble("yard", kitti_tracking.gather(files, names, Options()))


def street() -> Dataset:
    return read(kept(FILES))


def rows_of(report: LossReport) -> list[tuple[str, int, str]]:
    return [(loss.field, loss.count, loss.why) for loss in report.losses]


def test_untouched_files_come_back_byte_for_byte(tmp_path: Path) -> None:
    report = write_back(kitti_tracking, street(), tmp_path)
    assert (rows_of(report), report.images, report.boxes) == ([], 2, 5)
    assert {name: body.decode() for name, body in written(tmp_path).items()} == FILES


GRADES = "KITTI tracking has grades: 1 is written for a share above 0, -1 for none"
EDITS: list[tuple[int, dict[str, Any], str, str, list[tuple[str, int, str]]]] = [
    (FIRST, {"x1": 1.5, "y2": 8.0}, CAR, CAR.replace("10.5", "1.5").replace("20.75", "8"), []),
    (FIRST, {"label": "Van"}, f"{CAR}\r\n0", f"{CAR.replace('Car', 'Van')}\r\n0", []),
    (FIRST, {"track_id": None}, "0 7 Car", "0 -1 Car", []),
    (FIRST, {"truncated": 1.0}, "0 7 Car 0  1", "0 7 Car 1  1", []),
    (FIRST, {"truncated": None, "occluded": 3.0}, "0 7 Car 0  1", "0 7 Car -1  3", []),
    (FIRST, {"truncated": 0.25}, "0 7 Car 0  1", "0 7 Car 1  1",
     [("boxes.truncated", 1, GRADES)]),
    (FIRST, {"occluded": 0.5}, "0 7 Car 0  1", "0 7 Car 0  -1",
     [("boxes.occluded", 1, "no grade of 0 to 3: -1 is written, for unknown")]),
    (THIRD, {"attributes": '{"alpha": -1.58}'}, f"2{CAR[1:]} ",
     f"2{CAR[1:]} ".replace("1.5 1.60 4 -2 1.7 9 -1.8", "-1 -1 -1 -1000 -1000 -1000 -10"), []),
    (RESULT, {"score": 2.0}, " 0.125\n", " 2.0\n", []),
    (RESULT, {"score": None}, " 0.125\n", " -1\n", []),
    (DETECTION, {"score": 0.5, "label": "Cyclist"}, FOUND,
     FOUND.replace("0,2,", "0,3,").replace("-6.5978", "0.5"), []),
    (DETECTION, {"x2": 31.25}, ",30,", ",31.25,", []),
    (DETECTION, {"track_id": "5"}, "", "",
     [("boxes.track_id", 1, "a detection has no column for it")]),
    (DETECTION, {"label": "Tram"}, "0,2,", "0,-1,",
     [("boxes.label", 1, "a detection has type 1, 2 or 3: -1 is written")]),
    (FIRST, {"score": 0.5}, "", "", [("boxes.score", 1, "a label has no score")]),
    (FIRST, {"role": "ignore"}, "0 7 Car", "0 7 DontCare",
     [("boxes.label", 1, "ignored, so written as DontCare")]),
    (IGNORED, {"role": "include"}, "", "",
     [("boxes.role", 1, "a DontCare is read as ignored")]),
    (FIRST, {"role": "review"}, "", "", [("boxes.role", 1, NO_PLACE)]),
    (FIRST, {"label": "Big Car"}, "0 7 Car", "0 7 Big_Car",
     [("boxes.label", 1, "a type has no white space and is not empty: _ is written")]),
    (FIRST, {"label": None}, "", "", [("boxes.label", 1, "a line has a type: the old one stays")]),
    (FIRST, {"x1": math.nan}, "", "",
     [("boxes.x1", 1, "no finite number of px: the edge is left as it was")]),
    (FIRST, {"shape": "polygon"}, "", "",
     [("boxes.shape", 1, "KITTI tracking has boxes only: every whole line is read as one")]),
    (FIRST, {"source_label": "car"}, "", "",
     [("boxes.source_label", 1, "KITTI tracking has one type: the label is written")]),
    (FIRST, {"track_id": "x"}, "0 7 Car", "0 -1 Car",
     [("boxes.track_id", 1, "no whole number: -1 is written, for unknown")]),
]  # fmt: skip
EDITS += [
    (FIRST, {name: value}, "", "", [(f"boxes.{name}", 1, NO_PLACE)])
    for name, value in {
        "difficult": True, "is_group": True, "annotator": "b", "extent": "full", "angle_deg": 5.0,
        "is_depiction": True, "is_reflection": True, "declared_area": 5.0,
    }.items()
]  # fmt: skip


@pytest.mark.parametrize(("row", "values", "old", "new", "losses"), EDITS)
def test_edit_changes_its_tokens_or_is_lost_for_the_true_reason(
    tmp_path: Path,
    row: int,
    values: dict[str, Any],
    old: str,
    new: str,
    losses: list[tuple[str, int, str]],
) -> None:
    report = write_back(kitti_tracking, with_values(street(), row, **values), tmp_path)
    assert rows_of(report) == losses
    file = {RESULT: "ours/0000.txt", DETECTION: "rcnn/0000.txt"}.get(row, "label_02/0000.txt")
    assert old in FILES[file]
    wanted = FILES | {file: FILES[file].replace(old, new, 1) if old else FILES[file]}
    assert {name: body.decode() for name, body in written(tmp_path).items()} == wanted


@pytest.mark.parametrize("attributes", ["[", "[1]", '{"alpha": "x"}', '{"location": [1, 2]}'])
def test_attributes_that_are_no_columns_are_a_loss(tmp_path: Path, attributes: str) -> None:
    report = write_back(kitti_tracking, with_values(street(), 0, attributes=attributes), tmp_path)
    assert rows_of(report) == [("boxes.attributes", 1, "only the 3D columns are written")]


def test_box_moved_to_another_frame_changes_its_frame(tmp_path: Path) -> None:
    dataset = street()
    edited = with_values(dataset, FIRST, image_id=int(dataset.images["image_id"].iloc[1]))
    assert rows_of(write_back(kitti_tracking, edited, tmp_path)) == []
    assert written(tmp_path)["label_02/0000.txt"].decode() == f"2{LABELS[1:]}"


def test_removed_and_added_boxes_change_whole_lines(tmp_path: Path) -> None:
    dataset = with_box(street(), label="Tram", track_id="9", occluded=2.0)
    report = write_back(kitti_tracking, dataset.with_tables(boxes=dataset.boxes.drop(1)), tmp_path)
    assert rows_of(report) == []
    line = f"0 9 Tram -1 2 -10 {'1 2 3 4'} -1 -1 -1 -1000 -1000 -1000 -10"
    wanted = f"{CAR}\r\n{line}\r\n\r\n2{CAR[1:]} \r\n"
    assert written(tmp_path)["label_02/0000.txt"].decode() == wanted


@pytest.mark.parametrize(
    ("file", "body", "wanted"),
    [
        ("ours/0000.txt", RESULTS, f"{RESULTS}0 -1 Car {UNSET.format('1 2 3 4')} 0.5\n"),
        (
            "rcnn/0000.txt", FOUND,
            f"{FOUND}0,2,1,2,3,4,0.5,-1,-1,-1,-1000,-1000,-1000,-10,-10\n",
        ),
    ],
)  # fmt: skip
def test_added_prediction_is_like_the_line_that_it_follows(
    tmp_path: Path, file: str, body: str, wanted: str
) -> None:
    dataset = with_box(read(kept({file: body})), label="Car", origin="detector", score=0.5)
    assert rows_of(write_back(kitti_tracking, dataset, tmp_path)) == []
    assert written(tmp_path)[file].decode() == wanted


def test_line_of_another_length_is_left_as_it_was(tmp_path: Path) -> None:
    dataset = read(kept({"0000.txt": f"{CAR}\n0 8 Car 1\n"}))
    report = write_back(kitti_tracking, with_values(dataset, 1, x1=5.0), tmp_path)
    why = "the line has too few or too many columns: it is left as it was"
    assert rows_of(report) == [("boxes.x1", 1, why)]


# Writing from the columns


def video(boxes: Mapping[str, Any], n_boxes: int, **images: Any) -> Dataset:
    return table_set(
        boxes, n_boxes, ("image_02/0000/000000.png",), **{"group": "0000", "frame": 0, **images}
    )


def test_sequence_from_columns_has_labels_and_results(tmp_path: Path) -> None:
    edges = {"x1": 100.25, "y1": 50.0, "x2": 200.0, "y2": 250.125}
    columns = {
        "label": ["Car", "DontCare", "Van"], "role": ["include", "ignore", "include"],
        "track_id": ["7", None, "8"], "score": [None, None, 0.5], "truncated": [1.0, None, None],
        "origin": ["human", "human", "detector"], "occluded": [2.0, None, None],
        "attributes": ['{"truncation": 2, "alpha": 0.5}', None, None], **edges,
    }  # fmt: skip
    report = kitti_tracking.write(video(columns, 3), tmp_path, None)
    assert (rows_of(report), report.images, report.boxes) == ([], 1, 3)
    box = "100.25 50 200 250.125"
    assert {name: body.decode() for name, body in written(tmp_path).items()} == {
        "label_02/0000.txt": f"0 7 Car {UNSET.format(box)}\n".replace("-1 -1 -10", "2 2 0.5", 1)
        + f"0 -1 DontCare {UNSET.format(box)}\n",
        "results/0000.txt": f"0 8 Van {UNSET.format(box)} 0.5\n",
    }


def test_predictions_keep_the_name_of_their_detector_as_a_folder(tmp_path: Path) -> None:
    columns = {
        "label": "Car", "origin": "detector", "score": 0.5, **dict.fromkeys(EDGES, 5.0),
        "attributes": ['{"detector": "SDP"}', '{"detector": "a/b"}', '{"detector": "data"}', None],
    }  # fmt: skip
    report = kitti_tracking.write(video(columns, 4, label_state="missing"), tmp_path, None)
    # A folder `data` is one of the devkit's own, and no detector.
    why = "the folder of the file names another detector"
    assert rows_of(report) == [("boxes.attributes", 2, why)]
    assert sorted(written(tmp_path)) == ["results/0000.txt", "results/SDP/0000.txt"]
    again = read(open_tree(tmp_path)).boxes
    assert again["attributes"].dropna().tolist() == ['{"detector": "SDP"}']


def test_values_that_kitti_tracking_lacks_are_counted_losses(tmp_path: Path) -> None:
    columns = {
        "label": ["car", None, "car seat"], "shape": ["polygon", "box", "box"],
        "role": ["ignore", "include", "include"], "difficult": [True, None, None],
        "score": [0.5, None, None], **dict.fromkeys(EDGES, 5.0),
    }  # fmt: skip
    names = ("a/000000.jpg", "a/000001.jpg", "c.jpg", "d.jpg")
    images = {"group": ["a", "a", None, "a"], "frame": [0, 1, None, 0]}
    report = kitti_tracking.write(table_set(columns, 3, names, **images), tmp_path, None)
    assert sorted(rows_of(report)) == [
        ("boxes (box)", 1, "KITTI tracking holds boxes with a class and four corners"),
        ("boxes.difficult", 1, NO_PLACE),
        ("boxes.label", 1, "a type has no white space and is not empty: _ is written"),
        ("boxes.label", 1, "ignored, so written as DontCare"),
        ("boxes.score", 1, "a label has no score"),
        ("images", 1, "no line tells of an image without boxes"),
        ("images", 2, NO_FRAME),
        ("images (name)", 1, "KITTI tracking names pictures image_02/<sequence>/000000.png"),
        ("polygon outline", 1, "written as its box"),
    ]
    assert (report.images, report.boxes) == (1, 2)


finite = st.floats(-1e6, 1e6)
box_values = st.tuples(
    st.text("abcXYZ-é道", min_size=1), finite, finite, finite, finite,
    st.sampled_from([None, 0.0, 1.0]), st.sampled_from([None, 0.0, 1.0, 2.0, 3.0]),
    st.lists(st.floats(-900, 900), min_size=3, max_size=3), st.none() | st.integers(0, 10**9),
)  # fmt: skip


def columns_of(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    names = ("label", *EDGES, "truncated", "occluded", "location", "track_id")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    locations, tracks = columns.pop("location"), columns["track_id"]
    firsts = [None if t is None or t in tracks[:i] else str(t) for i, t in enumerate(tracks)]
    attributes = [json.dumps({"location": three}) for three in locations]
    return columns | {"attributes": attributes, "track_id": firsts}


EXACT = ["label", *EDGES, "truncated", "occluded", "track_id", "score", "attributes", "origin"]


@given(st.lists(box_values, min_size=1, max_size=5), st.booleans())
def test_columns_survive_writing_and_reading(
    tmp_path_factory: Any, rows: list[Any], is_found: bool
) -> None:
    columns = columns_of(rows)
    columns["origin"] = "detector" if is_found else "human"
    columns["score"] = [float(row[1]) if is_found else None for row in rows]
    dataset = video(columns, len(rows), label_state="missing" if is_found else "present")
    folder = tmp_path_factory.mktemp("kitti")
    report = kitti_tracking.write(dataset, folder, None)
    assert rows_of(report) == []
    again = read(open_tree(folder))
    assert again.findings.empty
    pd.testing.assert_frame_equal(again.boxes[EXACT], dataset.boxes[EXACT], check_exact=True)
    same = ["image_key", "group", "frame", "label_state"]
    pd.testing.assert_frame_equal(again.images[same], dataset.images[same])


@given(st.lists(box_values, min_size=2, max_size=2))
def test_changes_survive_splicing(tmp_path_factory: Any, rows: list[Any]) -> None:
    dataset = read(kept({"label_02/0000.txt": f"{CAR}\n{DONT_CARE}\n0 8{CAR[3:]}\n"}))
    boxes = dataset.boxes.copy()
    for name, values in columns_of(rows).items():
        values = [values[0], boxes[name].iloc[1], values[1]]
        boxes[name] = pd.Series(values).astype(boxes[name].dtype)
    folder = tmp_path_factory.mktemp("kitti")
    report = write_back(kitti_tracking, dataset.with_tables(boxes=boxes), folder)
    assert rows_of(report) == []
    again = read(open_tree(folder)).boxes
    pd.testing.assert_frame_equal(again[EXACT], boxes[EXACT], check_exact=True)
