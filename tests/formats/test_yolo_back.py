"""YOLO files written back: changed rows in their places, all else untouched."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from curate import ReadOptions
from curate import read as read_source
from curate import write as write_source
from tests.formats.label_files import (
    EDGES,
    losses,
    table_set,
    with_box,
    with_values,
    written,
)
from tests.formats.yolo_sets import (
    FILE,
    NUMBERS,
    ROW,
    YAML,
    read,
    read_rows,
    spliced,
    told,
    write_back,
)

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
