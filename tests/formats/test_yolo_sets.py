"""YOLO sets: classes, splits and names that the yaml and the lists tell, and real sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curate import ReadOptions
from curate import read as read_source
from curate.errors import CurateError
from curate.formats import yolo
from tests.formats.label_files import EDGES
from tests.formats.yolo_files import ROW, findings, read, read_rows

# Classes


@pytest.mark.parametrize(
    ("yaml", "label"),
    [
        ("nc: 2\nnames: [person, car]\n", "car"),
        ("nc: 2\nnames: {0: person, 1: red car}\n", "red car"),
        ("train: x\nnames: {'1': 'no'}\n", "no"),
        ("train: x\nnames: [1, 2]\n", "2"),
    ],
)
def test_names_are_those_of_the_yaml(yaml: str, label: str) -> None:
    dataset = read_rows("1 0.5 0.5 0.25 0.5", yaml=yaml)
    assert dataset.boxes["label"].tolist() == [label]
    assert dataset.findings.empty


def test_names_that_are_given_count_more_than_the_yaml() -> None:
    dataset = read_rows(ROW, classes=("cat",))
    assert dataset.boxes["label"].tolist() == ["cat"]
    assert dataset.classes["label"].tolist() == ["cat"]


def test_names_that_are_no_list_are_a_fault_of_the_yaml() -> None:
    dataset = read_rows(ROW, yaml="nc: 2\nnames: person\n")
    assert dataset.findings[["check", "file"]].to_numpy().tolist() == [
        ["SRC-001", "data.yaml"],
        ["SRC-004", "labels/a.txt"],
    ]


@pytest.mark.parametrize(
    "yaml",
    [
        "names: &a [*a]\nnc: 1\n", "names: [" + "[" * 5000, "names: !!python/object:os.x {}\nnc: 1",
        "names: [a\nnc: 1", "names: !!int ''\nnc: 2", "- names\n- nc\n", "\x00names: [a]\nnc: 1",
    ],
)  # fmt: skip
def test_hostile_yaml_is_no_description(yaml: str) -> None:
    dataset = read_rows(ROW, yaml=yaml)
    assert dataset.boxes["label"].tolist() == ["0"]
    assert dataset.sources.names() == ["labels/a.txt"]


def test_number_beyond_the_names_is_an_unknown_class() -> None:
    rows = f"{ROW}\n2{ROW[1:]}\n-1{ROW[1:]}\n{'9' * 30}{ROW[1:]}\n0.0{ROW[1:]}\n007{ROW[1:]}\n"
    dataset = read_rows(rows)
    assert dataset.boxes["source_label"].tolist() == ["0", "2", "-1", "9" * 30, "0.0", "007"]
    assert dataset.boxes["label"].isna().tolist() == [False, True, True, True, False, True]
    assert sorted(findings(dataset), key=lambda row: row[2]) == [
        ["SRC-004", "labels/a.txt", 2], ["SRC-009", "labels/a.txt", 3],
        ["SRC-004", "labels/a.txt", 4], ["SRC-004", "labels/a.txt", 6],
    ]  # fmt: skip


def test_two_folders_may_have_lists_of_their_own() -> None:
    files = {
        "a/labels/1.txt": ROW, "a/labels/classes.txt": "cat",
        "b/labels/2.txt": ROW, "b/labels/classes.txt": "dog",
    }  # fmt: skip
    assert read(files).boxes["label"].tolist() == ["cat", "dog"]


def test_two_classes_of_one_name_are_said() -> None:
    dataset = read_rows(ROW, yaml="nc: 2\nnames: [a, b, a]\n")
    assert dataset.findings["check"].tolist() == ["SRC-007"]


# Splits and names


@pytest.mark.parametrize(
    ("yaml", "labels"),
    [
        ("train: images/train\nval: images/val\n", "labels/{}/a.txt"),
        ("path: ../datasets/x\ntrain: images/train\nval: images/val\n", "labels/{}/a.txt"),
        ("train: ../train/images\nval: ../val/images\n", "{}/labels/a.txt"),
        ("train: /home/u/set/images/train\nval: /home/u/set/images/val\n", "labels/{}/a.txt"),
        ("path: set\ntrain: [images/train]\nval: [images/val]\n", "set/labels/{}/a.txt"),
        ("train: train\nval: val\n", "{}/a.txt"),
    ],
)
def test_split_is_that_of_the_folder_that_the_yaml_names(yaml: str, labels: str) -> None:
    files = {labels.format(split): ROW for split in ("train", "val", "other")}
    dataset = read({**files, "data.yaml": yaml + "names: [a]\n"})
    splits = dict(zip(dataset.images["file"], dataset.images["split"], strict=True))
    assert splits[labels.format("train")] == "train"
    assert splits[labels.format("val")] == "val"
    assert not isinstance(splits[labels.format("other")], str)


def test_split_and_name_are_those_of_the_list_that_the_yaml_names() -> None:
    files = {
        "data.yaml": "path: ../coco\ntrain: train2017.txt\nnames: [a]\n",
        "train2017.txt": "./images/train2017/1.jpg\n./images/train2017/2.jpg\n",
        "labels/train2017/1.txt": ROW, "labels/train2017/3.txt": ROW,
    }  # fmt: skip
    dataset = read(files)
    rows = dataset.images[["image_key", "label_state"]].to_numpy().tolist()
    assert rows == [
        ["s/train2017/1.jpg", "present"],
        ["s/train2017/3", "present"],
        ["s/train2017/2.jpg", "missing"],
    ]
    assert dataset.images["split"].fillna("-").tolist() == ["train", "-", "train"]
    assert dataset.sources.names() == sorted(files)


def test_absolute_paths_of_a_list_leave_no_folder_of_that_machine() -> None:
    files = {"labels/1.txt": ROW, "val.txt": "/home/u/set/images/val/1.jpg\nC:\\set\\2.jpg\n"}
    assert read(files).images["image_key"].tolist() == ["s/val/1.jpg", "s/2.jpg"]


def test_darknet_set_has_classes_and_splits() -> None:
    files = {
        "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = b/\n",
        "obj.names": "person\ncar\n", "train.txt": "data/obj_train_data/a.jpg\n",
        "obj_train_data/a.txt": f"1{ROW[1:]}\n",
    }  # fmt: skip
    dataset = read(files)
    assert dataset.boxes[["source_label", "label"]].to_numpy().tolist() == [["1", "car"]]
    assert dataset.images[["image_key", "split"]].to_numpy().tolist() == [
        ["s/data/obj_train_data/a.jpg", "train"]
    ]
    assert dataset.sources.names() == sorted(files)


# Real sets


def test_real_poses_have_their_boxes_and_pictures_without_labels(real_data: Path) -> None:
    path = real_data / "coco_person_kp_yolo_val2017"
    dataset = read_source(path, ReadOptions(size_wh=(640, 480)))
    assert dataset.format == "yolo"
    assert len(dataset.boxes) == 1089
    assert dataset.images["label_state"].value_counts().to_dict() == {
        "missing": 1946,
        "present": 400,
    }
    assert set(dataset.images["split"]) == {"val2017"}
    assert dataset.findings.empty
    assert yolo.extras(dataset) == {"keypoints": 1089}


def test_real_darknet_boxes_are_those_of_voc_unshifted(real_data: Path) -> None:
    folder = real_data / "rodm_multiformat"
    own = read_source(folder / "gts/yolo_format", ReadOptions(images=folder / "images"))
    other = read_source(folder / "gts/pascalvoc_format")
    assert (own.format, len(own.boxes)) == ("yolo", 273)
    assert set(own.images["split"]) == {"train"}
    tables = []
    for dataset in (own, other):
        keys = dataset.images.set_index("image_id")["image_key"]
        stems = dataset.boxes["image_id"].map(keys).str.extract(r"([^/.]+)[^/]*$")[0]
        tables.append(dataset.boxes.assign(stem=stems).sort_values(["stem", "label", *EDGES]))
    assert tables[0]["label"].tolist() == tables[1]["label"].tolist()
    assert tables[0]["stem"].tolist() == tables[1]["stem"].tolist()
    shifts = tables[1][EDGES].to_numpy() - tables[0][EDGES].to_numpy()
    # data/README: the form carries VOC's numbers without the shift of the first corner.
    np.testing.assert_allclose(shifts, np.tile([-1.0, -1, 0, 0], (273, 1)), rtol=0, atol=3.5e-4)


@pytest.mark.parametrize("folder", ["dets/abs_xywh", "dets/abs_xyx2y2", "dets/rel_xywh"])
def test_real_detections_with_the_score_first_are_not_claimed(real_data: Path, folder: str) -> None:
    with pytest.raises(CurateError):
        read_source(real_data / "rodm_multiformat" / folder, ReadOptions(format="yolo"))
