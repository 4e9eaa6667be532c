"""YOLO labels: writing back into the files that were read, and from the columns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
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
from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats import yolo
from curate.formats.reading import KeptFiles, Options
from curate.formats.writing import LossReport
from curate.formats.yolo.make import one_ring
from curate.tables import CLASS_COLUMNS, make_table
from curate.tree import open_tree
from tests.formats.label_files import (
    EDGES,
    kept,
    losses,
    table_set,
    with_box,
    with_values,
    written,
)

ROW = "0 0.5 0.5 0.25 0.5"
YAML = "train: images/train\nnames:\n  0: person\n  1: car\n"
SIZE = (400, 200)
NUMBERS: dict[str, Any] = {"width": 400, "height": 200}
FILE = "labels/train/a.txt"
# What a set made of one picture a.jpg of unknown split loses in any case.
ALWAYS = {
    "images.width": 1, "images.height": 1, "images.split": 1,
    "images (ending of the name)": 1, "images (folder of the name)": 1,
}  # fmt: skip


def gathered(files: Any, names: list[str], **options: Any) -> Dataset:
    told = Options(**{"size_wh": SIZE, **options})
    return assemble("yard", yolo.gather(files, names, told))


def read(files: Mapping[str, str | bytes], **options: Any) -> Dataset:
    given_files = kept(files)
    return gathered(given_files, yolo.claims(given_files), **options)


def read_rows(*lines: str, newline: str = "\n") -> Dataset:
    body = "".join(line + newline for line in lines)
    return read({FILE: body, "data.yaml": YAML})


def read_folder(folder: Path, **options: Any) -> Dataset:
    tree = open_tree(folder)
    return gathered(tree, yolo.claims(tree), **options)


def write_back(dataset: Dataset, folder: Path, **options: Any) -> LossReport:
    names = sorted(dataset.formats)
    original = gathered(KeptFiles(dataset.sources), names, **options)
    return yolo.write(dataset, folder, original)


def spliced(dataset: Dataset, folder: Path) -> tuple[str, LossReport]:
    report = write_back(dataset, folder)
    return written(folder)[FILE].decode(), report


def told(report: LossReport) -> list[tuple[str, int, str]]:
    return [(loss.field, loss.count, loss.why) for loss in report.losses]


# Writing back into the files that were read


FILES: dict[str, str | bytes] = {
    "data.yaml": "# ours\npath: ../set\ntrain: images/train\nval: val.txt\nnames: [a, b]\n"
    "kpt_shape: [1, 2]\n",
    "val.txt": "./images/val/b.jpg\r\n./images/val/gone.jpg",
    "labels/train/a.txt": b"\xef\xbb\xbf0 .5 0.50 2.5e-1 5e-1 0.1 0.2 0.875\r\n\r\n 9 1 1",
    "labels/train/empty.txt": "",
    "labels/val/b.txt": "1 0.5 0.5 0.25 0.5 0.1 0.2",
    "labels/val/broken.txt": b"\0\xff",
}  # fmt: skip


def test_untouched_source_is_written_byte_for_byte(tmp_path: Path) -> None:
    dataset = read(FILES)
    report = write_back(dataset, tmp_path)
    assert written(tmp_path) == {
        name: body if isinstance(body, bytes) else body.encode() for name, body in FILES.items()
    }
    assert told(report) == []
    assert (report.images, report.boxes) == (4, 3)


@pytest.mark.parametrize(
    "folder", ["coco_person_kp_yolo_val2017", "rodm_multiformat/gts/yolo_format"]
)
def test_real_source_is_written_byte_for_byte(real_data: Path, tmp_path: Path, folder: str) -> None:
    dataset = read_source(real_data / folder, ReadOptions(size_wh=(640, 480)))
    report = write_source(dataset, "yolo", tmp_path / "out")
    assert report.losses == ()
    found = written(tmp_path / "out")
    found.pop(".curate-export")
    assert found == written(real_data / folder)


def test_changed_box_changes_only_its_own_numbers(tmp_path: Path) -> None:
    dataset = with_values(
        read_rows("0  0.5 0.5000 0.25 0.5 ", ROW, newline="\r\n"), 0, x1=160.0, label="car"
    )
    text, report = spliced(dataset, tmp_path)
    # x 160 .. 250 of 400: centre 205 / 400, width 90 / 400.
    assert text == f"1  0.512500 0.5000 0.225000 0.5 \r\n{ROW}\r\n"
    assert told(report) == []


def test_changed_box_keeps_more_decimals_where_they_stood(tmp_path: Path) -> None:
    dataset = with_values(read_rows("0 0.50000000 0.5 0.25000000 0.5"), 0, x2=250.0004)
    text, _ = spliced(dataset, tmp_path)
    assert text == "0 0.50000050 0.5 0.25000100 0.5\n"


def test_score_and_track_are_changed_added_and_taken_away(tmp_path: Path) -> None:
    rows = (f"{ROW} 0.50 7", f"{ROW} 0.25 8", f"{ROW} 0.75 9")
    dataset = read({FILE: "".join(f"{row} \n" for row in rows), "data.yaml": YAML})
    dataset = with_values(dataset, 0, track_id="12")
    dataset = with_values(dataset, 1, score=0.125)
    dataset = with_values(dataset, 2, track_id=None)
    text, report = spliced(dataset, tmp_path)
    assert text == f"{ROW} 0.50 12 \n{ROW} 0.125 8 \n{ROW} 0.75 \n"
    assert told(report) == []


def test_score_is_put_behind_a_box_that_had_none(tmp_path: Path) -> None:
    text, report = spliced(with_values(read_rows(ROW, ROW), 1, score=0.5), tmp_path)
    assert text == f"{ROW}\n{ROW} 0.5\n"
    assert told(report) == []


NUMBERED = "YOLO numbers the classes: the number of the label is written"
STAYS = "the row holds points, not edges: they stay as they were"


@pytest.mark.parametrize(
    ("values", "field", "why"),
    [
        ({"label": "bus"}, "label", "not in the list of classes: the old one stays"),
        ({"label": None}, "label", "not in the list of classes: the old one stays"),
        ({"source_label": "1"}, "source_label", NUMBERED),
        ({"shape": "polygon"}, "shape", "the number of columns tells it"),
        ({"x1": math.nan}, "x1", "an edge or the size is not known: the row's box stays"),
        ({"score": 7.5}, "score", "no number of 0 to 1"),
        ({"track_id": "3"}, "track_id", "no whole number behind a score"),
        ({"role": "ignore"}, "role", "YOLO has no place for it"),
        ({"difficult": True}, "difficult", "YOLO has no place for it"),
        ({"angle_deg": 30.0}, "angle_deg", "YOLO has no place for it"),
        ({"attributes": "{}"}, "attributes", "YOLO has no place for it"),
        ({"origin": "import"}, "origin", "YOLO has no place for it"),
    ],
)  # fmt: skip
def test_change_that_no_row_holds_is_lost_for_the_true_reason(
    tmp_path: Path, values: dict[str, Any], field: str, why: str
) -> None:
    text, report = spliced(with_values(read_rows(ROW), 0, **values), tmp_path)
    assert text == f"{ROW}\n"
    assert told(report) == [(f"boxes.{field}", 1, why)]


def test_points_of_polygons_stay(tmp_path: Path) -> None:
    rows = "1 0.1 0.2 0.5 0.25 0.3 0.75\n0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.3\n"
    dataset = read({FILE: rows, "data.yaml": YAML + "task: segment\n"})
    changed = with_values(with_values(dataset, 0, x1=1.0, label="person"), 1, score=0.5)
    text, report = spliced(changed, tmp_path)
    assert text == "0" + rows[1:]
    assert told(report) == [
        ("boxes.score", 1, "a row of points has as many columns as before"),
        ("boxes.x1", 1, STAYS),
    ]


def test_row_with_too_few_columns_is_left_as_it_was(tmp_path: Path) -> None:
    dataset = with_values(read_rows(ROW, "0 0.5"), 1, x1=1.0, label="car")
    text, report = spliced(dataset, tmp_path)
    assert text == f"{ROW}\n0 0.5\n"
    assert losses(report) == {"boxes.x1": 1, "boxes.label": 1}


def test_removed_row_is_cut_out(tmp_path: Path) -> None:
    dataset = read_rows(ROW, "", f"1{ROW[1:]}", newline="\r\n")
    text, _ = spliced(dataset.with_tables(boxes=dataset.boxes.iloc[1:]), tmp_path)
    assert text == f"\r\n1{ROW[1:]}\r\n"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"{ROW}\n", "{body}{line}\n"),
        (f"{ROW}\r\n", "{body}{line}\r\n"),
        (ROW, "{body}\n{line}"),
        ("", "{line}\n"),
    ],
)
def test_added_row_follows_in_the_file_s_own_manner(tmp_path: Path, body: str, wanted: str) -> None:
    dataset = read({FILE: body, "labels/train/b.txt": ROW, "data.yaml": YAML})
    values = dict(zip(EDGES, (150.0, 50.0, 250.0, 150.0), strict=True))
    text, report = spliced(with_box(dataset, label="car", **values), tmp_path)
    line = "1 0.500000 0.500000 0.250000 0.500000"
    assert text == wanted.format(body=body, line=line)
    assert told(report) == []
    assert report.boxes == len(dataset.boxes) + 1


@pytest.mark.parametrize(
    ("files", "values", "why"),
    [
        ({FILE: ROW}, {"label": "bus"}, "of a class that is not in the list of classes"),
        ({FILE: ROW}, {"x2": 1e300}, "in an image of unknown size, or beyond all bounds"),
        ({FILE: b"\0", "labels/train/b.txt": ROW}, {}, "added to a file that is no UTF-8 text"),
        ({FILE: "0 0.1 0.2 0.5 0.25 0.3 0.75"}, {},
         "added to a source of polygons, poses or turned boxes"),
    ],
)  # fmt: skip
def test_added_box_that_cannot_stand_there_is_lost(
    tmp_path: Path, files: dict[str, str | bytes], values: dict[str, Any], why: str
) -> None:
    dataset = read({**files, "data.yaml": YAML})
    report = write_back(with_box(dataset, **{"label": "car", **values}), tmp_path)
    assert told(report) == [("boxes", 1, why)]
    assert report.boxes == len(dataset.boxes)
    assert written(tmp_path)[FILE] == dataset.sources.read(FILE)


def test_removed_image_takes_its_file_and_list_line_along(tmp_path: Path) -> None:
    dataset = read({**FILES, "labels/train/a.txt": "1 0.5 0.5 0.25 0.5 0.1 0.2"})
    stays = ~dataset.images["image_key"].isin(["yard/val/b.jpg", "yard/train/empty"])
    images = dataset.images[stays]
    boxes = dataset.boxes[dataset.boxes["image_id"].isin(images["image_id"])]
    write_back(dataset.with_tables(images=images, boxes=boxes), tmp_path)
    found = written(tmp_path)
    assert sorted(found) == ["data.yaml", "labels/train/a.txt", "labels/val/broken.txt", "val.txt"]
    assert found["val.txt"] == b"./images/val/gone.jpg"


def test_added_image_gets_a_file_beside_the_others(tmp_path: Path) -> None:
    dataset = read_rows(ROW)
    other = table_set({"label": "car", "x1": 0.0, "y1": 0.0, "x2": 200.0, "y2": 100.0}, 1,
                      ("train/new.jpg",), **NUMBERS)  # fmt: skip
    images = pd.concat([dataset.images, other.images], ignore_index=True)
    boxes = pd.concat([dataset.boxes, other.boxes], ignore_index=True)
    report = write_back(dataset.with_tables(images=images, boxes=boxes), tmp_path)
    assert written(tmp_path)["labels/train/new.txt"] == b"1 0.250000 0.250000 0.500000 0.500000\n"
    assert (report.images, report.boxes) == (2, 2)


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


def test_ignored_objects_and_groups_are_left_out_and_counted(tmp_path: Path) -> None:
    values = {
        "label": ["cat", "cat", "dog"], "role": ["include", "ignore", "include"],
        "is_group": [None, None, True], **dict(zip(EDGES, (0.0, 0.0, 9.0, 9.5), strict=True)),
    }  # fmt: skip
    dataset = table_set(values, 3, **NUMBERS)
    report = yolo.write(dataset, tmp_path / "out", None)
    assert losses(report) == {**ALWAYS, "boxes (ignored)": 2}
    assert report.boxes == 1
    assert "ignored.tsv" not in written(tmp_path / "out")
    assert yolo.write(dataset, tmp_path / "list", None, ignored="list").losses == report.losses
    assert written(tmp_path / "list")["ignored.tsv"].decode() == (
        "image\tclass\tx1\ty1\tx2\ty2\n"
        "yard/a.jpg\tcat\t0.0\t0.0\t9.0\t9.5\nyard/a.jpg\tdog\t0.0\t0.0\t9.0\t9.5\n"
    )


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
        ({"origin": ["detector", "human"], "score": 0.5}, {"boxes.score": 2}),
        ({"origin": "detector", "score": [0.5, 7.0]}, {"boxes.score": 2}),
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
        "boxes.source_label": 1, "classes.source_id": 1,
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
    told = losses(report)
    n_rounded = told.pop("boxes.x1 y1 x2 y2", 0)
    assert told == {"images.width": 1, "images.height": 1}
    again = read_folder(folder, size_wh=(width, height))
    assert again.findings.empty
    assert again.images["image_key"].tolist() == ["yard/train/a"]
    exact = ["label", "source_label", "score", "origin", "shape"]
    pd.testing.assert_frame_equal(again.boxes[exact], dataset.boxes[exact])
    off = np.abs(again.boxes[EDGES].to_numpy() - dataset.boxes[EDGES].to_numpy())
    assert (off <= 1e-6 * np.array([width, height, width, height])).all()
    # The report names the boxes that rounding has moved, but for what float64 itself moves.
    moved_px = off.max(axis=1)
    assert (moved_px > 1.1e-9).sum() <= n_rounded <= (moved_px > 0.9e-9).sum()


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
