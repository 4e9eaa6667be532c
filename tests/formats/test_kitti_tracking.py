"""KITTI tracking text: which files are recognised, what lines mean, and what is wrong with them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats import kitti_tracking
from curate.formats.reading import Files, Options
from curate.tree import open_tree
from tests.formats.label_files import kept, write_back, written

REST = "-1.58 10.5 5.25 30 20.75 1.5 1.60 4 -2 1.7 9 -1.8"
CAR = f"0 7 Car 0 1 {REST}"
FOUND = "0,2,10.5,5.25,30,20.75,-6.5978,1.5,1.60,4,-2,1.7,9,-1.8,-1.58"
DONT_CARE = "0 -1 DontCare -1 -1 -10.0 1 2 3 4 -1000.0 -1000.0 -1000.0 -10.0 -1.0 -1.0 -1.0"
SPACE = {
    "alpha": -1.58, "dimensions": [1.5, 1.6, 4], "location": [-2, 1.7, 9], "rotation_y": -1.8,
}  # fmt: skip


def read(files: Files, options: Options | None = None) -> Dataset:
    names = kitti_tracking.claims(files)
    return assemble("yard", kitti_tracking.gather(files, names, options or Options()))


def read_lines(*lines: str, name: str = "0000.txt") -> Dataset:
    files = kept({name: "".join(f"{line}\n" for line in lines)})
    return assemble("yard", kitti_tracking.gather(files, [name], Options()))


def faults(dataset: Dataset) -> list[tuple[str, int, str]]:
    found = dataset.findings[["check", "line", "message"]].itertuples(index=False)
    return sorted((code, int(line), message) for code, line, message in found)


# Values


def test_label_has_edges_as_they_stand_and_its_3d_columns_as_attributes() -> None:
    box = read_lines(CAR).boxes.iloc[0]
    assert (box["x1"], box["y1"], box["x2"], box["y2"]) == (10.5, 5.25, 30.0, 20.75)
    assert (box["label"], box["track_id"], box["role"]) == ("Car", "7", "include")
    assert (box["truncated"], box["occluded"], box["origin"]) == (0.0, 1.0, "human")
    assert math.isnan(box["score"])
    assert json.loads(box["attributes"]) == SPACE
    # Numbers stay as they are written.
    assert '"dimensions": [1.5, 1.60, 4]' in box["attributes"]


@pytest.mark.parametrize(
    ("token", "truncated", "attribute"),
    [("0", 0.0, None), ("1", 1.0, None), ("2", 1.0, 2), ("-1", None, None), ("0.25", 0.25, None)],
)
def test_truncation_is_a_grade(token: str, truncated: float | None, attribute: int | None) -> None:
    box = read_lines(f"0 7 Car {token} 1 {REST}").boxes.iloc[0]
    assert box["truncated"] == truncated or (truncated is None and math.isnan(box["truncated"]))
    assert json.loads(box["attributes"]).get("truncation") == attribute


@pytest.mark.parametrize(
    "rest", ["-1000 -1000 -1000 -10 -1 -1 -1", "-1 -1 -1 -1000 -1000 -1000 -10"]
)
def test_dont_care_is_ignored_and_its_placeholders_say_nothing(rest: str) -> None:
    dataset = read_lines(f"0 -1 DontCare -1 -1 -10 1 2 3 4 {rest}")
    box = dataset.boxes.iloc[0]
    assert dataset.findings.empty
    assert (box["label"], box["role"]) == ("DontCare", "ignore")
    assert box[["track_id", "truncated", "occluded", "attributes"]].isna().all()


def test_line_with_a_score_is_a_result() -> None:
    dataset = read_lines(f"{CAR} -7.125", name="ours/data/0000.txt")
    box = dataset.boxes.iloc[0]
    assert (box["score"], box["origin"], box["track_id"]) == (-7.125, "detector", "7")
    assert json.loads(box["attributes"]) == SPACE | {"detector": "ours"}
    assert dataset.images["label_state"].tolist() == ["missing"]


@pytest.mark.parametrize(("number", "label"), [(1, "Pedestrian"), (2, "Car"), (3, "Cyclist")])
def test_detection_between_commas_has_a_numbered_class_and_a_score(number: int, label: str) -> None:
    dataset = read_lines(FOUND.replace("0,2,", f"0,{number},"), name=f"rcnn/{label}/0000.txt")
    box = dataset.boxes.iloc[0]
    assert (box["label"], box["source_label"]) == (label, str(number))
    assert (box["x1"], box["y1"], box["x2"], box["y2"]) == (10.5, 5.25, 30.0, 20.75)
    assert (box["score"], box["origin"]) == (float("-6.5978"), "detector")
    assert json.loads(box["attributes"]) == SPACE | {"detector": "rcnn"}


# Images


def test_files_of_one_name_are_one_sequence() -> None:
    files = {
        "label_02/0000.txt": CAR, "rcnn/Car/0000.txt": FOUND, "rcnn/Car/0001.txt": FOUND,
        "ours/0000.txt": f"{CAR} 0.5\n3{CAR[1:]} 0.5",
    }  # fmt: skip
    dataset = read(kept(files), Options(size_wh=(1242, 375)))
    columns = ["image_key", "group", "frame", "label_state", "width", "height"]
    assert dataset.images[columns].to_numpy().tolist() == [
        ["yard/image_02/0000/000000.png", "0000", 0, "present", 1242, 375],
        ["yard/image_02/0000/000003.png", "0000", 3, "empty", 1242, 375],
        ["yard/image_02/0001/000000.png", "0001", 0, "missing", 1242, 375],
    ]
    assert len(dataset.boxes) == 5
    assert dataset.boxes["box_id"].is_unique


def test_label_files_of_one_name_in_two_folders_are_two_sequences() -> None:
    files = {"training/label_02/0000.txt": CAR, "testing/label_02/0000.txt": CAR}
    images = read(kept(files)).images
    assert sorted(images["image_key"]) == [
        "yard/testing/image_02/0000/000000.png", "yard/training/image_02/0000/000000.png",
    ]  # fmt: skip
    assert images["group"].is_unique


def test_unreadable_labels_make_unreadable_images() -> None:
    files: dict[str, str | bytes] = {
        "a/0000.txt": CAR,
        "a/0001.txt": b"\xff\xfe\0",
        "rcnn/0001.txt": FOUND,
    }
    dataset = read(kept(files))
    assert dataset.images["label_state"].tolist() == ["present", "unreadable"]
    assert dataset.findings[["check", "file"]].to_numpy().tolist() == [["SRC-002", "a/0001.txt"]]


# Faults


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("0 8 Car 0 1", "has 5 columns, should have 17, or 18 with a score"),
        (f"0 8 Car 0 1 {REST} 0.5 1", "has 19 columns, should have 17, or 18 with a score"),
        (f"-2 8 Car 0 1 {REST}", "has frame -2, should be 0 or more"),
        (f"0 8.5 Car 0 1 {REST}", "has track_id '8.5', should be a whole number, or -1"),
        (f"0 8 Car 3 1 {REST}", "has truncated '3', should be 0, 1, 2 or -1"),
        (f"0 8 Car 0 4 {REST}", "has occluded '4', should be 0, 1, 2, 3 or -1"),
        (f"0 8 Car 0 x {REST}", "has occluded 'x', should be a number"),
        (f"0 8 Car 0 1 {REST.replace('30', 'inf')}", "has right 'inf', should be a number"),
        (f"0 8 Car 0 1 {REST} high", "has score 'high', should be a number"),
    ],
)
def test_broken_line_is_a_fault_and_the_others_are_read(line: str, wanted: str) -> None:
    dataset = read_lines(CAR, DONT_CARE, line)
    assert faults(dataset) == [("SRC-001", 3, wanted)]
    assert dataset.boxes["source_id"].tolist() == ["1", "2", "3"]


def test_line_without_a_frame_has_no_image_and_is_named() -> None:
    dataset = read_lines(CAR, f"x 8 Car 0 1 {REST}")
    assert faults(dataset) == [("SRC-001", 2, "has frame 'x', should be a whole number")]
    assert len(dataset.boxes) == 1


def test_file_without_any_line_that_has_a_frame_is_read() -> None:
    dataset = read_lines(f"x 8 Car 0 1 {REST}")
    assert (len(dataset.images), len(dataset.boxes)) == (0, 0)
    assert [code for code, _, _ in faults(dataset)] == ["SRC-001"]


def test_object_that_a_frame_has_twice_is_a_fault() -> None:
    dataset = read_lines(CAR, DONT_CARE, DONT_CARE, "1" + CAR[1:], CAR)
    assert faults(dataset) == [("SRC-006", 5, "is object 7 of frame 0 once more, should be once")]


def test_detection_of_an_unknown_type_has_no_class() -> None:
    dataset = read_lines(FOUND, FOUND.replace("0,2,", "0,9,"))
    what = "has type '9', should be one of 1 Pedestrian, 2 Car, 3 Cyclist"
    assert faults(dataset) == [("SRC-004", 2, what)]
    assert dataset.boxes["label"].isna().tolist() == [False, True]


# Which files


def test_claims_takes_labels_results_and_detections() -> None:
    files: dict[str, str | bytes] = {
        "label_02/0000.txt": CAR, "label_02/0001.txt": "", "label_02/0002.txt": "0 1 Car 0 0\n",
        "ours/0000.txt": f"{CAR} 0.5", "rcnn/0000.txt": FOUND, "empty/0000.txt": "",
        "README.txt": "These are labels of 3 streets.\n",
    }  # fmt: skip
    wanted = [f"label_02/000{n}.txt" for n in range(3)] + ["ours/0000.txt", "rcnn/0000.txt"]
    assert kitti_tracking.claims(kept(files)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        f"Car 0.00 0 {REST}",
        "1,7,101,51,100,200,1,1,0.5",
        "0 0.5 0.5 0.1 0.1",
        # 15 numbers between commas of which the second is no type.
        FOUND.replace("0,2,", "0,2.5,"),
        "0 1 2 " + "0 " * 14,
        "plain words",
    ],
)
def test_claims_leaves_other_text_alone(text: str) -> None:
    assert kitti_tracking.claims(kept({"0000.txt": text})) == []


# Real files


@pytest.mark.parametrize(
    ("folder", "n_images", "n_objects", "n_found"),
    [
        ("label_02", 2361, 24184, 0),
        ("pointrcnn_det", 2360, 0, 30048),
        # The detections lie over the images of the labels.
        ("", 2361, 24184, 30048),
    ],
)
def test_real_set_comes_back_byte_for_byte(
    real_data: Path, tmp_path: Path, folder: str, n_images: int, n_objects: int, n_found: int
) -> None:
    tree = open_tree(real_data / "kitti_tracking" / folder)
    dataset = read(tree)
    assert len(dataset.images) == n_images
    assert int((dataset.boxes["origin"] == "human").sum()) == n_objects
    assert int((dataset.boxes["origin"] == "detector").sum()) == n_found
    assert dataset.images["group"].nunique() == 7
    assert dataset.findings.empty
    assert write_back(kitti_tracking, dataset, tmp_path).losses == ()
    assert {name: tree.read(name) for name in dataset.sources.names()} == written(tmp_path)


def test_real_values_are_those_of_the_lines(real_data: Path) -> None:
    folder = real_data / "kitti_tracking"
    boxes = read(open_tree(folder)).boxes
    labels = boxes[boxes["file"] == "label_02/0016.txt"]
    lines = [line.split() for line in (folder / "label_02/0016.txt").read_text().splitlines()]
    assert labels["label"].tolist() == [line[2] for line in lines]
    assert labels["x1"].tolist() == [float(line[6]) for line in lines]
    tracks = [None if line[1] == "-1" else line[1] for line in lines]
    assert labels["track_id"].astype(object).where(labels["track_id"].notna(), None).tolist() == (
        tracks
    )
    assert (labels["role"] == "ignore").tolist() == [line[2] == "DontCare" for line in lines]
    assert labels["attributes"].isna().tolist() == [line[2] == "DontCare" for line in lines]
    found = boxes[boxes["file"] == "pointrcnn_det/Car/0016.txt"]
    body = (folder / "pointrcnn_det/Car/0016.txt").read_text()
    scores = [float(line.split(",")[6]) for line in body.splitlines()]
    assert found["score"].tolist() == scores
    assert set(found["label"]) == {"Car"}


@pytest.mark.parametrize("folder", ["mot", "kitti_object6", "rodm_multiformat",
                                    "coco_person_kp_yolo_val2017", "makesense"])  # fmt: skip
def test_real_text_of_other_formats_is_not_claimed(real_data: Path, folder: str) -> None:
    assert kitti_tracking.claims(open_tree(real_data / folder)) == []
