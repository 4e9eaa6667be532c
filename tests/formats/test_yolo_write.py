"""YOLO labels made from the columns, and read again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from curate import ReadOptions
from curate import read as read_source
from curate import write as write_source
from curate.dataset import Dataset
from curate.errors import UsageError
from curate.formats import yolo
from curate.formats.yolo.make import one_ring
from curate.tables import CLASS_COLUMNS, make_table
from tests.formats.label_files import (
    EDGES,
    losses,
    table_set,
    with_values,
    written,
)
from tests.formats.yolo_sets import (
    FILE,
    NUMBERS,
    ROW,
    SIZE,
    YAML,
    read_folder,
    read_rows,
    write_back,
)

# What a set made of one picture a.jpg of unknown split loses in any case.
ALWAYS = {
    "images.width": 1, "images.height": 1, "images.split": 1,
    "images (ending of the name)": 1, "images (folder of the name)": 1,
}  # fmt: skip


# Writing from the columns


def test_set_is_laid_out_as_ultralytics_wants_it(tmp_path: Path) -> None:
    values = {"label": ["cat", "dog"], "x1": 150.0, "y1": 50.0, "x2": 250.0, "y2": 150.0}
    names = ("a/1.jpg", "2.jpg", "3.jpg", "4.jpg")
    states = ["present", "empty", "missing", "unreadable"]
    splits = ["train", "val", "val", "val"]
    dataset = table_set(values, 2, names, **NUMBERS, label_state=states, split=splits)
    report = yolo.write(dataset, tmp_path, None)
    found = written(tmp_path)
    line = "0.500000 0.500000 0.250000 0.500000\n"
    # An empty file says that nothing is there, no file that nobody said.
    assert found.pop("data.yaml").decode() == (
        "train: images/train\nval: images/val\nnc: 2\nnames:\n  0: cat\n  1: dog\n"
    )
    assert found == {
        "labels/train/a/1.txt": f"0 {line}1 {line}".encode(),
        "labels/val/2.txt": b"",
    }
    assert (report.images, report.boxes) == (2, 2)
    assert losses(report) == {
        "images": 1, "images.width": 2, "images.height": 2,
        "images (ending of the name)": 2, "images (folder of the name)": 2,
    }  # fmt: skip
    images = read_folder(tmp_path).images
    assert images[["image_key", "split", "label_state"]].to_numpy().tolist() == [
        ["yard/train/a/1", "train", "present"],
        ["yard/val/2", "val", "empty"],
    ]


def with_classes(dataset: Dataset, ids: list[str], labels: list[str], kind: str) -> Dataset:
    columns = {"file": "c.json", "source_id": ids, "label": labels}
    classes = make_table(CLASS_COLUMNS, len(ids), columns)
    changed = dataset.with_tables(classes=classes)
    return Dataset(**{**vars(changed), "formats": {"c.json": kind}})


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("coco", ["cat", "dog", "ant", "bee"]), ("crowdhuman", ["dog", "ant", "cat", "bee"])],
)
def test_classes_stand_in_the_order_of_coco_ids_or_as_listed(
    tmp_path: Path, kind: str, wanted: list[str]
) -> None:
    edges = dict(zip(EDGES, (0.0, 0.0, 9.0, 9.0), strict=True))
    dataset = table_set({"label": "bee", **edges}, 1, **NUMBERS)
    dataset = with_classes(dataset, ["9", "10", "2"], ["dog", "ant", "cat"], kind)
    yolo.write(dataset, tmp_path, None)
    names = yaml.safe_load((tmp_path / "data.yaml").read_text())["names"]
    assert list(names.values()) == wanted


def test_image_of_unknown_size_with_boxes_gets_no_file(tmp_path: Path) -> None:
    edges = dict(zip(EDGES, (0.0, 0.0, 9.0, 9.0), strict=True))
    dataset = table_set({"label": "cat", **edges}, 1, ("a.jpg", "b.jpg"))
    report = yolo.write(dataset, tmp_path, None)
    assert sorted(written(tmp_path)) == ["data.yaml", "labels/train/b.txt"]
    assert losses(report)["images"] == 1
    assert losses(report)["boxes (box)"] == 1


def polygons(rings: list[list[list[float]]], **values: Any) -> tuple[Dataset, dict[int, Any]]:
    points = [np.concatenate([np.reshape(ring, (-1, 2)) for ring in own]) for own in rings]
    edges = np.array([[*p.min(axis=0), *p.max(axis=0)] for p in points])
    columns = {"label": "cat", "shape": "polygon", **dict(zip(EDGES, edges.T, strict=True))}
    dataset = table_set({**columns, **values}, len(rings), **NUMBERS)
    return dataset, dict(zip(dataset.boxes["box_id"].tolist(), rings, strict=True))


TRIANGLE = [40.0, 40.0, 200.0, 50.0, 120.0, 150.0]
SQUARE = [40.0, 20.0, 80.0, 20.0, 80.0, 60.0, 40.0, 60.0]


def test_polygons_are_written_when_all_boxes_have_one(tmp_path: Path) -> None:
    dataset, outlines = polygons([[TRIANGLE], [SQUARE]])
    report = yolo.write(dataset, tmp_path, None, outlines)
    assert written(tmp_path)[FILE].decode() == (
        "0 0.100000 0.200000 0.500000 0.250000 0.300000 0.750000\n"
        "0 0.100000 0.100000 0.200000 0.100000 0.200000 0.300000 0.100000 0.300000\n"
    )
    assert losses(report) == ALWAYS
    again = read_folder(tmp_path)
    assert again.boxes["shape"].tolist() == ["polygon", "polygon"]
    np.testing.assert_allclose(again.boxes[EDGES], dataset.boxes[EDGES], atol=4e-4)


def test_polygons_among_boxes_are_written_as_boxes(tmp_path: Path) -> None:
    dataset, outlines = polygons([[TRIANGLE], [SQUARE]], shape=["polygon", "box"])
    report = yolo.write(dataset, tmp_path, None, outlines)
    assert losses(report) == {**ALWAYS, "polygon outline": 1}
    assert read_folder(tmp_path).boxes["shape"].tolist() == ["box", "box"]


def test_polygon_of_two_rings_is_joined_without_change_of_area_or_bounds(tmp_path: Path) -> None:
    other = [300.0, 100.0, 320.0, 100.0, 320.0, 120.0, 300.0, 120.0]
    dataset, outlines = polygons([[SQUARE, other]])
    report = yolo.write(dataset, tmp_path, None, outlines)
    assert losses(report) == {**ALWAYS, "polygon outline": 1}
    again = read_folder(tmp_path)
    (ring,) = yolo.outlines(again).values()
    points = np.reshape(ring[0], (-1, 2))
    x, y = points.T
    # The shoelace formula; the squares of 40 and 20 px.
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert area == pytest.approx(40**2 + 20**2, rel=1e-6)
    np.testing.assert_allclose(again.boxes[EDGES], [[40, 20, 320, 120]], atol=4e-4)


@pytest.mark.parametrize(
    "outline",
    [None, [], [[1.0, 2.0, 3.0, 4.0]], [[1.0] * 7], [[math.nan] * 6], {"counts": "x"}, [["x"] * 6]],
)
def test_outline_that_is_no_polygon_has_no_ring(outline: object) -> None:
    assert one_ring(outline) is None


def test_bounds_of_a_polygon_that_are_not_its_box_are_a_loss(tmp_path: Path) -> None:
    dataset, outlines = polygons([[TRIANGLE]])
    report = yolo.write(with_values(dataset, 0, x1=39.0), tmp_path, None, outlines)
    assert losses(report) == {**ALWAYS, "boxes.x1 y1 x2 y2": 1}


def test_predictions_keep_score_and_track(tmp_path: Path) -> None:
    edges = dict(zip(EDGES, (150.0, 50.0, 250.0, 150.0), strict=True))
    values = {"origin": "detector", "score": [0.1, 1.0], "track_id": ["1", "7"]}
    dataset = table_set({"label": "cat", **edges, **values}, 2, **NUMBERS)
    report = yolo.write(dataset, tmp_path, None)
    line = "0 0.500000 0.500000 0.250000 0.500000"
    assert written(tmp_path)[FILE].decode() == f"{line} 0.1 1\n{line} 1.0 7\n"
    assert losses(report) == ALWAYS
    again = read_folder(tmp_path).boxes
    assert again[["score", "track_id", "origin"]].to_numpy().tolist() == [
        [0.1, "1", "detector"],
        [1.0, "7", "detector"],
    ]


@pytest.mark.parametrize(
    ("values", "lost"),
    [
        ({"score": [0.5, None]}, {"boxes.score": 1}),
        ({"origin": ["detector", "human"], "score": 0.5}, {"boxes.score": 2, "boxes.origin": 1}),
        ({"origin": "detector", "score": [0.5, 7.0]}, {"boxes.score": 2, "boxes.origin": 2}),
        ({"origin": "detector", "score": 0.5, "track_id": ["1", "x"]}, {"boxes.track_id": 2}),
        ({"track_id": ["1", "2"]}, {"boxes.track_id": 2}),
        ({"shape": "rotated", "angle_deg": 30.0}, {"boxes.angle_deg": 2, "rotated outline": 2}),
        ({"shape": ["mask", "point"]}, {"mask outline": 1, "boxes (point)": 1}),
        ({"label": ["cat", None]}, {"boxes (box)": 1}),
        ({"x1": [0.0, math.nan]}, {"boxes (box)": 1}),
        ({"x2": [5.0, 1e308]}, {"boxes (box)": 1}),
        ({"role": ["include", "exclude"]}, {"boxes.role": 1}),
        ({"source_label": ["0", "17"]}, {"boxes.source_label": 1}),
        ({"difficult": [True, False]}, {"boxes.difficult": 1}),
    ],
)
def test_values_that_yolo_lacks_are_counted_losses(
    tmp_path: Path, values: dict[str, Any], lost: dict[str, int]
) -> None:
    edges = dict(zip(EDGES, (0.0, 0.0, 5.0, 5.0), strict=True))
    dataset = table_set({"label": "cat", **edges, **values}, 2, **NUMBERS)
    assert losses(yolo.write(dataset, tmp_path, None)) == {**ALWAYS, **lost}


@pytest.mark.parametrize(
    ("split", "folder"), [("day/night", "day_night"), ("names", "names_"), ("Images", "Images_")]
)
def test_split_that_is_no_folder_of_its_own_is_a_loss(
    tmp_path: Path, split: str, folder: str
) -> None:
    dataset = table_set({}, 0, ("a",), **NUMBERS, split=split, label_state="empty")
    report = yolo.write(dataset, tmp_path, None)
    assert losses(report)["images.split"] == 1
    assert list(written(tmp_path)) == ["data.yaml", f"labels/{folder}/a.txt"]
    assert read_folder(tmp_path).images["split"].tolist() == [folder]


def test_coco_goes_to_yolo_and_back_within_the_stated_error(tmp_path: Path) -> None:
    document = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 400, "height": 200}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10.5, 20.25, 33.1, 44.7],
             "segmentation": [[10.5, 20.25, 43.6, 20.25, 43.6, 64.95]], "area": 700, "iscrowd": 0}
        ],
        "categories": [{"id": 3, "name": "cat"}],
    }  # fmt: skip
    (tmp_path / "c.json").write_text(json.dumps(document))
    report = write_source(read_source(tmp_path / "c.json"), "yolo", tmp_path / "y")
    assert losses(report) == {
        **ALWAYS, "images.source_id": 1, "boxes.source_id": 1, "boxes.declared_area": 1,
        "classes.source_id": 1,
    }  # fmt: skip
    dataset = read_source(tmp_path / "y", ReadOptions(size_wh=SIZE))
    write_source(dataset, "coco", tmp_path / "back")
    record = json.loads((tmp_path / "back/instances.json").read_bytes())["annotations"][0]
    np.testing.assert_allclose(record["bbox"], [10.5, 20.25, 33.1, 44.7], atol=8e-4)
    np.testing.assert_allclose(
        record["segmentation"], [[10.5, 20.25, 43.6, 20.25, 43.6, 64.95]], atol=4e-4
    )


inside = st.floats(0, 1)
corners = st.tuples(inside, inside, inside, inside)
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
rows_of_boxes = st.lists(st.tuples(words, corners), min_size=1, max_size=6)
sides = st.integers(1, 10_000)


@given(rows_of_boxes, sides, sides, st.booleans())
def test_columns_survive_writing_and_reading(
    tmp_path_factory: Any, rows: list[Any], width: int, height: int, has_score: bool
) -> None:
    edges = np.array([corner for _, corner in rows]) * (width, height, width, height)
    columns: dict[str, Any] = {"label": [label for label, _ in rows]}
    columns |= dict(zip(EDGES, edges.T, strict=True))
    columns["source_label"] = [
        str(sorted(set(columns["label"])).index(x)) for x in columns["label"]
    ]
    if has_score:
        columns |= {"origin": "detector", "score": [corner[0] for _, corner in rows]}
    dataset = table_set(columns, len(rows), ("train/a",), width=width, height=height, split="train")
    folder = tmp_path_factory.mktemp("yolo")
    report = yolo.write(dataset, folder, None)
    assert losses(report) == {"images.width": 1, "images.height": 1}
    again = read_folder(folder, size_wh=(width, height))
    assert again.findings.empty
    assert again.images["image_key"].tolist() == ["yard/train/a"]
    exact = ["label", "source_label", "score", "origin", "shape"]
    pd.testing.assert_frame_equal(again.boxes[exact], dataset.boxes[exact])
    off = np.abs(again.boxes[EDGES].to_numpy() - dataset.boxes[EDGES].to_numpy())
    assert (off <= 1e-10 * np.array([width, height, width, height])).all()


@given(st.lists(st.tuples(st.sampled_from(["person", "car"]), corners), min_size=2, max_size=2))
def test_changes_survive_splicing(tmp_path_factory: Any, rows: list[Any]) -> None:
    dataset = read_rows(ROW, f"1{ROW[1:]}", ROW)
    edges = np.array([corner for _, corner in rows]) * (*SIZE, *SIZE)
    for row, (label, _) in enumerate(rows):
        values = dict(zip(EDGES, edges[row].tolist(), strict=True))
        dataset = with_values(dataset, row, label=label, **values)
    folder = tmp_path_factory.mktemp("yolo")
    assert write_back(dataset, folder).losses == ()
    again = read_folder(folder).boxes
    assert again["label"].tolist() == dataset.boxes["label"].tolist()
    off = np.abs(again[EDGES].to_numpy() - dataset.boxes[EDGES].to_numpy())
    assert (off <= 1e-6 * np.array([*SIZE, *SIZE])).all()


# Rows of a kind that is asked for


def turned_square(angle_deg: float) -> list[float]:
    """The corners of a square of side 40 about (200, 100), by complex numbers."""
    ends = np.array([-20 - 20j, 20 - 20j, 20 + 20j, -20 + 20j])
    found = ends * np.exp(1j * np.radians(angle_deg)) + (200 + 100j)
    return np.stack([found.real, found.imag], axis=1).ravel().tolist()


def rotated(turn_deg: float, **values: Any) -> Dataset:
    points = np.reshape(turned_square(turn_deg), (-1, 2))
    edges = dict(zip(EDGES, [*points.min(axis=0), *points.max(axis=0)], strict=True))
    columns = {"label": "cat", "shape": "rotated", "angle_deg": turn_deg, **edges}
    return table_set({**columns, **values}, 1, **NUMBERS)


def rows_of(folder: Path) -> list[list[float]]:
    lines = written(folder)[FILE].decode().splitlines()
    return [[float(word) for word in line.split()] for line in lines]


def test_turned_box_is_written_as_its_corners_from_bounds_and_angle(tmp_path: Path) -> None:
    report = yolo.write(rotated(30.0), tmp_path, None, kind="obb")
    (row,) = rows_of(tmp_path)
    np.testing.assert_allclose(np.reshape(row[1:], (-1, 2)) * SIZE,
                               np.reshape(turned_square(30.0), (-1, 2)), atol=4e-4)  # fmt: skip
    assert losses(report) == ALWAYS
    assert yaml.safe_load(written(tmp_path)["data.yaml"])["task"] == "obb"
    again = read_folder(tmp_path).boxes
    assert again["shape"].tolist() == ["rotated"]
    assert again["angle_deg"].tolist() == [pytest.approx(30.0, abs=0.01)]


def test_turned_box_of_45_degrees_needs_its_outline(tmp_path: Path) -> None:
    dataset = rotated(45.0)
    report = yolo.write(dataset, tmp_path / "bounds", None, kind="obb")
    assert losses(report) == {**ALWAYS, "rotated outline": 1, "boxes.angle_deg": 1}
    ring = turned_square(45.0)
    outlines = {int(dataset.boxes["box_id"][0]): [ring]}
    assert losses(yolo.write(dataset, tmp_path / "ring", None, outlines, kind="obb")) == ALWAYS
    (row,) = rows_of(tmp_path / "ring")
    np.testing.assert_allclose(np.reshape(row[1:], (-1, 2)) * SIZE, np.reshape(ring, (-1, 2)),
                               atol=4e-4)  # fmt: skip


def test_plain_box_among_turned_ones_is_its_four_corners_and_says_so(tmp_path: Path) -> None:
    report = yolo.write(rotated(0.0, shape="box", angle_deg=None), tmp_path, None, kind="obb")
    assert rows_of(tmp_path) == [[0, 0.45, 0.4, 0.55, 0.4, 0.55, 0.6, 0.45, 0.6]]
    assert losses(report) == {**ALWAYS, "boxes.shape": 1}


def test_all_rows_are_polygons_when_they_are_asked_for(tmp_path: Path) -> None:
    dataset, outlines = polygons([[TRIANGLE], [SQUARE]], shape=["polygon", "box"])
    report = yolo.write(dataset, tmp_path, None, outlines, kind="segment")
    assert rows_of(tmp_path) == [
        [0, 0.1, 0.2, 0.5, 0.25, 0.3, 0.75],
        [0, 0.1, 0.1, 0.2, 0.1, 0.2, 0.3, 0.1, 0.3],
    ]
    assert losses(report) == {**ALWAYS, "boxes.shape": 1}


def test_all_rows_are_boxes_when_they_are_asked_for(tmp_path: Path) -> None:
    dataset, outlines = polygons([[TRIANGLE]])
    report = yolo.write(dataset, tmp_path, None, outlines, kind="detect")
    assert rows_of(tmp_path) == [[0, 0.3, 0.475, 0.4, 0.55]]
    assert losses(report) == {**ALWAYS, "polygon outline": 1}


def pose_document(**changes: Any) -> dict[str, Any]:
    points = [40, 50, 2, 0, 0, 0, 100, 150, 1]
    annotation = {"id": 1, "image_id": 7, "category_id": 1, "bbox": [20, 40, 100, 120],
                  "area": 12000, "iscrowd": 0, "num_keypoints": 2, "keypoints": points}  # fmt: skip
    other = {**annotation, "id": 2, "bbox": [20, 40, 100, 100], "keypoints": [], "num_keypoints": 0}
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 400, "height": 200}],
        "annotations": [{**annotation, **changes}, other],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "eye", "ear"]}],
    }


def test_poses_are_written_with_the_keypoints_of_coco(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(pose_document()))
    report = write_source(read_source(tmp_path / "c.json"), "yolo", tmp_path / "y", kind="pose")
    assert rows_of(tmp_path / "y") == [
        [0, 0.175, 0.5, 0.25, 0.6, 0.1, 0.25, 2, 0, 0, 0, 0.25, 0.75, 1],
        [0, 0.175, 0.45, 0.25, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert [name for name in losses(report) if "keypoint" in name] == ["category.keypoints"]
    found = yaml.safe_load(written(tmp_path / "y")["data.yaml"])
    assert (found["task"], found["kpt_shape"]) == ("pose", [3, 3])
    again = read_source(tmp_path / "y", ReadOptions(size_wh=SIZE))
    assert again.findings.empty
    assert list(yolo.keypoints(again).values()) == [
        [40, 50, 2, 0, 0, 0, 100, 150, 1],
        [0.0] * 9,
    ]


def test_keypoints_that_cannot_be_read_are_a_loss(tmp_path: Path) -> None:
    document = pose_document()
    document["annotations"][1] |= {"keypoints": [1, 1], "num_keypoints": 1}
    (tmp_path / "c.json").write_text(json.dumps(document))
    report = write_source(read_source(tmp_path / "c.json"), "yolo", tmp_path / "y", kind="pose")
    assert losses(report)["annotation.keypoints"] == 1


def test_corners_that_are_not_the_edges_are_a_loss(tmp_path: Path) -> None:
    dataset = rotated(45.0)
    outlines = {int(dataset.boxes["box_id"][0]): [turned_square(45.0)]}
    moved = with_values(dataset, 0, x1=10.0)
    report = yolo.write(moved, tmp_path, None, outlines, kind="obb")
    assert losses(report) == {**ALWAYS, "boxes.x1 y1 x2 y2": 1}


def test_keypoints_of_another_number_are_a_loss(tmp_path: Path) -> None:
    document = pose_document()
    document["annotations"][1] |= {"keypoints": [1, 1, 2], "num_keypoints": 1}
    document["annotations"].append({**document["annotations"][0], "id": 3, "bbox": [1, 1, 9, 9]})
    (tmp_path / "c.json").write_text(json.dumps(document))
    report = write_source(read_source(tmp_path / "c.json"), "yolo", tmp_path / "y", kind="pose")
    assert losses(report)["keypoints"] == 1


@pytest.mark.parametrize(
    ("target", "kind", "what"),
    [
        ("yolo", "pose", "--kind pose: no box has keypoints"),
        ("yolo", "box", "--kind is 'box', should be one of detect, segment, pose, obb"),
        ("voc", "obb", "--kind is 'obb', and voc has no kinds"),
    ],
)
def test_kind_that_cannot_be_written_is_refused(
    tmp_path: Path, target: str, kind: str, what: str
) -> None:
    with pytest.raises(UsageError) as error:
        write_source(rotated(30.0), target, tmp_path / "out", kind=kind)
    assert str(error.value).startswith(what)
    assert not (tmp_path / "out").exists()


def test_rows_of_yolo_are_made_anew_for_another_kind(tmp_path: Path) -> None:
    ring = " ".join(
        f"{v / side:.6f}" for v, side in zip(turned_square(45.0), SIZE * 4, strict=True)
    )
    (tmp_path / "set/labels/train").mkdir(parents=True)
    (tmp_path / "set/labels/train/a.txt").write_text(f"1 {ring}\n")
    (tmp_path / "set/data.yaml").write_text(f"task: obb\n{YAML}")
    dataset = read_source(tmp_path / "set", ReadOptions(size_wh=SIZE))
    write_source(dataset, "yolo", tmp_path / "same", kind="obb")
    assert written(tmp_path / "same")[FILE].decode() == f"1 {ring}\n"
    write_source(dataset, "yolo", tmp_path / "boxes", kind="detect")
    ((*_, width, height),) = rows_of(tmp_path / "boxes")
    # The diagonal of a square of side 40.
    assert (width * 400, height * 200) == pytest.approx((40 * 2**0.5,) * 2, abs=1e-3)
