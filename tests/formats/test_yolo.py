"""YOLO labels: recognition, kinds of rows, and what is wrong in them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from curate import ReadOptions
from curate import read as read_source
from curate import write as write_source
from curate.assembly import assemble
from curate.errors import FormatError, SourceError
from curate.formats import recognise, yolo
from curate.formats.reading import KeptFiles, Options
from curate.sources import MemorySources
from tests.formats.label_files import EDGES, kept
from tests.formats.yolo_files import ROW, SIZE, YAML, findings, read, read_rows

# 400 x 200 px: 0.5 * 400 -+ 0.25 * 400 / 2; 0.5 * 200 -+ 0.5 * 200 / 2.
ROW_PX = [150, 50, 250, 150]


# Recognition


@pytest.mark.parametrize(
    "files",
    [
        {"labels/a.txt": ROW},
        {"train/labels/a.txt": ROW, "train/labels/b.txt": ""},
        {"a.txt": ROW, "data.yaml": YAML},
        {"a.txt": ROW, "obj.names": "person"},
        {"obj/a.txt": ROW, "obj.data": "classes = 1\nnames = obj.names\n"},
        {"a.txt": "0 0.1 0.1 0.5 0.1 0.5 0.5\n"},
        {"a.txt": "0 0.5 0.5 0.25 0.5 0.9\n1 0.2 0.2 0.3 0.3 0.875"},
        {"labels/a.txt": "", "labels/b.txt": "", "data.yaml": YAML},
    ],
)
def test_source_is_claimed_by_this_reader_alone(files: dict[str, str]) -> None:
    found = recognise(kept(files))
    texts = sorted(name for name in files if name.endswith(".txt"))
    assert found == {"yolo": texts}


def test_five_columns_without_more_evidence_stay_with_make_sense() -> None:
    found = recognise(kept({"a.txt": "0 0.500000 0.500000 0.250000 0.500000", "b.txt": ROW}))
    assert found == {"makesense": ["a.txt", "b.txt"]}


def test_score_before_the_box_is_not_claimed() -> None:
    # Read as class cx cy w h score the box would end at 0.98 + 0.7 / 2 of the width.
    assert yolo.claims(kept({"a.txt": "0 0.98 0.5 0.7 0.3 0.2"})) == []
    # No box leaves the image either way.
    assert yolo.claims(kept({"a.txt": "0 0.5 0.5 0.3 0.3 0.3"})) == []
    assert yolo.claims(kept({"labels/a.txt": "0 0.5 0.5 0.3 0.3 0.3"})) == ["labels/a.txt"]


@pytest.mark.parametrize(
    "body",
    [
        "Car 0.00 0 -1.58 10.50 5.25 30.00 20.75 1.50 1.60 4.00 -2.00 1.70 9.00 -1.80\n",
        "some words of a note\n",
        "1 2 3 4 5 6 7 8\n",
        "14 0.431418 162.0 96.0 189.0 245.0\n",
        "./images/a.jpg\n./images/b.jpg\n",
    ],
)
def test_other_text_is_not_claimed(body: str) -> None:
    assert yolo.claims(kept({"labels/a.txt": body})) == []
    assert yolo.claims(kept({"a.txt": body, "data.yaml": YAML})) == []


def test_lists_beside_the_labels_are_not_claimed() -> None:
    files: dict[str, str | bytes] = {
        "labels/a.txt": ROW, "labels/b.txt": b"\0", "labels/classes.txt": "person",
        "labels/train.txt": "images/a.jpg", "labels/README.txt": "made by hand",
    }  # fmt: skip
    assert yolo.claims(kept(files)) == ["labels/a.txt", "labels/b.txt"]


def test_claims_looks_at_few_files_of_a_large_folder() -> None:
    files = {f"labels/{n:06}.txt": ROW for n in range(5000)}
    seen: list[str] = []

    class Counting(KeptFiles):
        def head(self, file: str, n_bytes: int | None) -> bytes:
            seen.append(file)
            return super().head(file, n_bytes)

    bodies = {name: text.encode() for name, text in files.items()}
    assert len(yolo.claims(Counting(MemorySources(bodies)))) == 5000
    assert len(seen) < 200


# Rows


def test_box_is_placed_by_the_size_given() -> None:
    dataset = read_rows(ROW)
    assert dataset.boxes[EDGES].to_numpy().tolist() == [ROW_PX]
    assert dataset.boxes[["source_label", "label", "origin"]].to_numpy().tolist() == [
        ["0", "person", "human"]
    ]
    assert dataset.images[["image_key", "width", "height"]].to_numpy().tolist() == [
        ["s/a", 400, 200]
    ]


def test_box_is_placed_by_the_size_of_its_picture(tmp_path: Path) -> None:
    (tmp_path / "set/labels/train").mkdir(parents=True)
    (tmp_path / "set/images/train").mkdir(parents=True)
    (tmp_path / "set/labels/train/a.txt").write_text(ROW)
    Image.new("RGB", (40, 20)).save(tmp_path / "set/images/train/a.jpg")
    Image.new("RGB", (40, 20)).save(tmp_path / "set/images/train/b.jpg")
    options = ReadOptions(images=tmp_path / "set/images")
    dataset = read_source(tmp_path / "set", options)
    assert dataset.boxes[EDGES].to_numpy().tolist() == [[15, 5, 25, 15]]
    # A picture without a label file is no negative.
    assert dict(zip(dataset.images["path"], dataset.images["label_state"], strict=True)) == {
        "train/a.jpg": "present",
        "train/b.jpg": "missing",
    }
    write_source(dataset, "yolo", tmp_path / "out")
    assert (tmp_path / "out/labels/train/a.txt").read_text() == ROW


def test_without_pictures_and_size_nothing_can_be_placed() -> None:
    with pytest.raises(SourceError, match=r"--images DIR.*--size WxH"):
        read({"labels/a.txt": ROW}, size_wh=None)


def test_empty_file_and_missing_file_are_two_things() -> None:
    files = {
        "labels/a.txt": ROW, "labels/b.txt": "", "labels/c.txt": " \n",
        "train.txt": "./images/a.jpg\n./images/b.jpg\n./images/d.png\n",
    }  # fmt: skip
    dataset = read(files)
    names = dataset.images["image_key"].tolist()
    assert dict(zip(names, dataset.images["label_state"], strict=True)) == {
        "s/a.jpg": "present", "s/b.jpg": "empty", "s/c": "empty", "s/d.png": "missing",
    }  # fmt: skip
    assert dataset.images["file"].isna().tolist() == [False, False, False, True]
    assert dataset.images["split"].tolist()[:2] == ["train", "train"]


def test_prediction_keeps_score_and_track_as_written() -> None:
    text = "0 0.5 0.5 0.25 0.5 0.123457 7\n1 0.5 0.5 0.25 0.5 0.9 12\n"
    dataset = read({"predict/labels/a.txt": text})
    assert dataset.boxes["score"].tolist() == [0.123457, 0.9]
    assert dataset.boxes["track_id"].tolist() == ["7", "12"]
    assert dataset.boxes["origin"].tolist() == ["detector", "detector"]
    assert [json.loads(text) for text in dataset.boxes["attributes"]] == [
        {"detector": "predict"},
        {"detector": "predict"},
    ]


def test_track_without_score_is_told_by_numbers_above_any_score() -> None:
    dataset = read_rows(f"{ROW} 1\n{ROW} 2\n")
    assert dataset.boxes["track_id"].tolist() == ["1", "2"]
    assert dataset.boxes["score"].isna().all()
    assert read_rows(f"{ROW} 1\n{ROW} 0.5\n").boxes["score"].tolist() == [1.0, 0.5]


def test_polygon_has_the_bounds_of_its_points() -> None:
    dataset = read_rows("1 0.1 0.2 0.5 0.25 0.3 0.75\n0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.3\n")
    assert dataset.boxes["shape"].tolist() == ["polygon", "polygon"]
    np.testing.assert_allclose(
        dataset.boxes[EDGES], [[40, 40, 200, 150], [40, 20, 80, 60]], rtol=1e-15
    )
    rings = [yolo.outlines(dataset)[box_id] for box_id in dataset.boxes["box_id"]]
    np.testing.assert_allclose(rings[0], [[40, 40, 200, 50, 120, 150]], rtol=1e-15)
    assert len(rings[1][0]) == 8
    assert yolo.extras(dataset) == {"outline": 2}


@pytest.mark.parametrize(
    ("tail", "score", "track"),
    [(" 0.875", 0.875, math.nan), (" 0.875 7", 0.875, "7"), (" 7", math.nan, "7")],
)
def test_polygon_of_a_prediction_ends_before_its_score(tail: str, score: float, track: Any) -> None:
    polygons = ("0 0.1 0.2 0.5 0.25 0.3 0.75", "0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.3")
    text = "".join(f"{polygon}{tail}\n" for polygon in polygons)
    dataset = read_rows(text, yaml=f"task: segment\n{YAML}")
    assert dataset.findings.empty
    np.testing.assert_allclose(dataset.boxes[EDGES].iloc[0], [40, 40, 200, 150], rtol=1e-15)
    np.testing.assert_equal(dataset.boxes["score"].tolist(), [score, score])
    np.testing.assert_equal(dataset.boxes["track_id"].astype(object).tolist(), [track, track])
    rings = [len(yolo.outlines(dataset)[box_id][0]) for box_id in dataset.boxes["box_id"]]
    assert rings == [6, 8]


def test_polygons_go_to_coco_with_their_points(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("1 0.1 0.2 0.5 0.25 0.3 0.75\n")
    (tmp_path / "data.yaml").write_text(YAML)
    dataset = read_source(tmp_path, ReadOptions(size_wh=SIZE))
    report = write_source(dataset, "coco", tmp_path / "out")
    record = json.loads((tmp_path / "out/instances.json").read_bytes())["annotations"][0]
    np.testing.assert_allclose(record["segmentation"], [[40, 40, 200, 50, 120, 150]], rtol=1e-15)
    assert "outline" not in {loss.field for loss in report.losses}


def test_pose_is_its_box_and_keypoints_are_counted() -> None:
    yaml = YAML + "kpt_shape: [2, 3]\nflip_idx: [1, 0]\n"
    points = "0.45 0.4 2 0.55 0.4 1"
    dataset = read_rows(f"{ROW} {points}\n{ROW} {points} 0.75\n{ROW}\n", yaml=yaml)
    assert dataset.boxes["shape"].unique().tolist() == ["box"]
    assert dataset.boxes[EDGES].to_numpy().tolist() == [ROW_PX] * 3
    np.testing.assert_equal(dataset.boxes["score"].tolist(), [math.nan, 0.75, math.nan])
    assert findings(dataset) == [["SRC-001", "labels/a.txt", 3]]
    assert yolo.extras(dataset) == {
        "keypoints": 2,
        "data.yaml kpt_shape": 1,
        "data.yaml flip_idx": 1,
    }


def test_flags_of_keypoints_prove_a_pose_without_a_yaml() -> None:
    points = "0.45 0.4 2 0.55 0.4 1"
    dataset = read({"labels/a.txt": f"{ROW} {points}\n", "labels/b.txt": f"{ROW} {points}\n"})
    assert dataset.boxes[EDGES].to_numpy().tolist() == [ROW_PX] * 2


def test_corners_of_a_turned_box_give_bounds_and_angle() -> None:
    # In px of 400 x 200: (200, 50), (250, 100), (200, 150), (150, 100): a square on its corner.
    square = "0 0.5 0.25 0.625 0.5 0.5 0.75 0.375 0.5"
    # (40, 20), (120, 20), (120, 60), (40, 60): upright; then a kite, which is no rectangle.
    upright = "0 0.1 0.1 0.3 0.1 0.3 0.3 0.1 0.3"
    kite = "0 0.5 0.25 0.625 0.5 0.5 0.95 0.375 0.5 0.75"
    dataset = read_rows(f"{square}\n{upright}\n{kite}\n", yaml=f"task: obb\n{YAML}")
    assert dataset.boxes["shape"].tolist() == ["rotated"] * 3
    np.testing.assert_allclose(
        dataset.boxes[EDGES], [[150, 50, 250, 150], [40, 20, 120, 60], [150, 50, 250, 190]]
    )
    np.testing.assert_allclose(dataset.boxes["angle_deg"], [45, 0, math.nan], atol=1e-9)
    assert dataset.boxes["score"].tolist()[2] == 0.75
    assert yolo.extras(dataset) == {"corners": 3, "data.yaml task": 1}


# Kinds that look alike


NINE = "0 0.1 0.1 0.3 0.1 0.3 0.3 0.1 0.3\n"
THIRTEEN = "0 0.5 0.5 0.2 0.2 0.4 0.4 0.5 0.5 0.6 0.6 0.55 0.6\n"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (NINE, ("segment", "obb")),
        (THIRTEEN, ("segment", "pose")),
        ("0 0.1 0.2 0.3 0.4 0.3 0.1\n", ("segment", "pose")),
        ("0 0.1 0.2 0.3 0.4 0 1\n", ("detect", "segment", "pose")),
        (f"{ROW}\n0 0.1 0.2 0.3 0.4 0 1\n", ("detect", "segment")),
    ],
)
def test_rows_of_several_kinds_ask_which(text: str, kinds: tuple[str, ...]) -> None:
    with pytest.raises(FormatError) as error:
        read({"labels/a.txt": text})
    assert all(f"--from yolo-{kind}" in str(error.value.mend) for kind in kinds)


@pytest.mark.parametrize(("kind", "shape"), [("segment", "polygon"), ("obb", "rotated")])
def test_kind_is_told_on_the_command_line(tmp_path: Path, kind: str, shape: str) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text(NINE)
    dataset = read_source(tmp_path, ReadOptions(format=f"yolo-{kind}", size_wh=SIZE))
    assert dataset.boxes["shape"].tolist() == [shape]


def test_kind_that_is_told_is_forced_on_rows_of_make_sense(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0 0.500000 0.500000 0.250000 0.500000\n")
    dataset = read_source(tmp_path, ReadOptions(format="yolo", size_wh=SIZE))
    assert (dataset.format, dataset.boxes[EDGES].to_numpy().tolist()) == ("yolo", [ROW_PX])


def test_pose_columns_that_nothing_tells_keep_the_box() -> None:
    dataset = read({"labels/a.txt": f"{ROW} 0.4 0.4 0.5 0.5\n"}, kind="pose")
    assert dataset.boxes[EDGES].to_numpy().tolist() == [ROW_PX]
    assert findings(dataset) == [["SRC-001", "labels/a.txt", 1]]
    assert "kpt_shape" in dataset.findings["message"].iloc[0]


# What is wrong


@pytest.mark.parametrize(
    "line",
    ["0 0.5 0.5 0.2", "0 0.5 0.5 nan 0.2", "0 0.5 0.5 1e999 0.2", "x 0.5 0.5 0.2 0.2", "x y",
     "0.5 0.5 0.5 0.2 0.2", "0 0.5 0.5 0.2 0.2 0.5 3 4"],
)  # fmt: skip
def test_bad_row_is_a_fault_with_its_line_and_hides_no_other(line: str) -> None:
    dataset = read_rows(f"{ROW}\n{line}\n{ROW}\n", kind="detect")
    assert dataset.boxes["line"].tolist() == [1, 2, 3]
    assert dataset.boxes[EDGES].iloc[[0, 2]].to_numpy().tolist() == [ROW_PX, ROW_PX]
    assert findings(dataset) == [["SRC-001", "labels/a.txt", 2]]
    is_class = line.startswith(("x", "0.5"))
    assert dataset.boxes["label"].isna().tolist() == [False, is_class, False]


def test_values_outside_the_image_stay_as_they_are() -> None:
    dataset = read_rows("0 1.5 0.5 1 -0.5\n")
    assert dataset.boxes[EDGES].to_numpy().tolist() == [[400, 150, 800, 50]]


def test_bytes_that_are_no_text_make_the_image_unreadable() -> None:
    broken = {"labels/b.txt": b"\x00\x01\n", "labels/c.txt": b"\xff\xff"}
    dataset = read({"labels/a.txt": ROW, **broken})
    assert dataset.images["label_state"].tolist() == ["present", "unreadable", "unreadable"]
    assert findings(dataset) == [["SRC-002", "labels/b.txt", 1], ["SRC-002", "labels/c.txt", 1]]


def test_file_that_cannot_be_read_keeps_its_image() -> None:
    class Unreadable(KeptFiles):
        def read(self, file: str) -> bytes:
            if file.endswith("b.txt"):
                raise SourceError("cannot be read: no rights")
            return super().read(file)

    bodies = {"labels/a.txt": ROW.encode(), "labels/b.txt": ROW.encode()}
    given = Unreadable(MemorySources(bodies))
    dataset = assemble("s", yolo.gather(given, sorted(bodies), Options(size_wh=SIZE)))
    assert dataset.images["label_state"].tolist() == ["present", "unreadable"]
    assert findings(dataset) == [["SRC-002", "labels/b.txt", 1]]
    assert dataset.formats == {"labels/a.txt": "yolo"}


def test_picture_that_is_not_there_leaves_coordinates_null(tmp_path: Path) -> None:
    (tmp_path / "set/labels").mkdir(parents=True)
    (tmp_path / "images/x").mkdir(parents=True)
    (tmp_path / "images/y").mkdir(parents=True)
    for name in ("a", "b", "c"):
        (tmp_path / f"set/labels/{name}.txt").write_text(ROW)
    for name in ("x/a.jpg", "x/c.jpg", "y/c.jpg"):
        Image.new("RGB", (40, 20)).save(tmp_path / "images" / name)
    dataset = read_source(tmp_path / "set", ReadOptions(images=tmp_path / "images"))
    assert dataset.boxes[EDGES].isna().all(axis=1).tolist() == [False, True, True]
    codes = dataset.findings["check"].tolist()
    assert "SRC-015" in codes
    assert "SRC-011" in codes
