"""Text detections: writing from the columns, and back into the files that were read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import ReadOptions, read, write
from curate.dataset import Dataset
from curate.formats.text_dets.write import class_token
from curate.formats.writing import LossReport
from tests.formats.label_files import EDGES, losses, table_set, with_box, with_values, written

CORNERS = "cat 0.5 10 20 30.50 40\ndog 0.25 1 2 3 4\n"
XYXY, XYWH = "text-dets-xyxy", "text-dets-xywh"
SIZES: dict[str, Any] = {"width": 400, "height": 200}


def put(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body if isinstance(body, bytes) else body.encode())
    return folder


def read_one(tmp_path: Path, body: str, kind: str = XYXY, **options: Any) -> Dataset:
    folder = put(tmp_path / "set", {"a.txt": body})
    return read(folder, ReadOptions(format=kind, **options))


def back(dataset: Dataset, folder: Path) -> tuple[dict[str, str], LossReport]:
    report = write(dataset, "text-dets", folder / "out")
    files = written(folder / "out")
    files.pop(".curate-export")
    return {name: body.decode() for name, body in files.items()}, report


def told(report: LossReport) -> list[tuple[str, int, str]]:
    return [(loss.field, loss.count, loss.why) for loss in report.losses]


# Writing back


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("rodm_multiformat/dets/abs_xywh", None), ("rodm_multiformat/dets/abs_xyx2y2", None),
        ("rodm_multiformat/dets/rel_xywh", None), ("kitti_object6/frustum_2d_detections", None),
    ],
)  # fmt: skip
def test_real_detections_are_written_byte_for_byte(
    real_data: Path, tmp_path: Path, folder: str, kind: str | None
) -> None:
    dataset = read(real_data / folder, ReadOptions(size_wh=(640, 480), format=kind))
    report = write(dataset, "text-dets", tmp_path / "out")
    assert report.losses == ()
    found = written(tmp_path / "out")
    found.pop(".curate-export")
    kept = written(real_data / folder)
    assert found == {name: kept[name] for name in found}
    assert set(dataset.formats) <= set(found)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"score": 0.125}, "cat  0.125 10 20 30.50 40 "),
        ({"label": "bird"}, "bird  0.5 10 20 30.50 40 "),
        ({"x1": 11.25}, "cat  0.5 11.25 20 30.50 40 "),
        ({"y2": 41.0}, "cat  0.5 10 20 30.50 41 "),
    ],
)
def test_change_touches_only_its_own_number(
    tmp_path: Path, values: dict[str, Any], line: str
) -> None:
    body = "cat  0.5 10 20 30.50 40 \r\n\r\ndog 0.250 1 2 3 4"
    dataset = with_values(read_one(tmp_path, body), 0, **values)
    files, report = back(dataset, tmp_path)
    assert files == {"a.txt": f"{line}\r\n\r\ndog 0.250 1 2 3 4"}
    source = [row for row in told(report) if row[0] != "boxes.source_label"]
    assert source == []


def test_sides_and_fractions_are_changed_in_their_own_form(tmp_path: Path) -> None:
    sides = read_one(tmp_path / "s", "cat 0.5 10 20 30 40\n", XYWH)
    files, _ = back(with_values(sides, 0, x1=12.0), tmp_path / "s")
    # The right edge stays at 40: the width is 28.
    assert files["a.txt"] == "cat 0.5 12 20 28 40\n"
    parts = read_one(tmp_path / "f", "3 0.5 0.5 0.5 0.25 0.5\n", "text-dets-rel-xywh",
                     size_wh=(400, 200))  # fmt: skip
    # y 50 .. 150 of 200; x 150 .. 250 becomes 150 .. 270: centre 210 / 400, width 120 / 400.
    files, _ = back(with_values(parts, 0, x2=270.0), tmp_path / "f")
    assert files["a.txt"] == "3 0.5 0.525 0.5 0.3 0.5\n"


def test_frustum_lines_keep_their_paths_and_types(tmp_path: Path) -> None:
    body = "a/000001.png 2 3.5 1 2 30 40\na/000002.png 1 -1.25 5 6 70 80\n"
    dataset = read_one(tmp_path, body, "text-dets-frustum")
    changed = with_values(with_values(dataset, 0, label="Cyclist"), 1, score=-1.5)
    files, report = back(changed, tmp_path)
    assert files["a.txt"] == "a/000001.png 3 3.5 1 2 30 40\na/000002.png 1 -1.5 5 6 70 80\n"
    assert report.boxes == 2


def test_added_box_follows_those_of_its_image(tmp_path: Path) -> None:
    dataset = read_one(tmp_path, "cat 0.5 10 20 30 40\n", XYWH)
    files, report = back(with_box(dataset, label="bus", score=0.75), tmp_path)
    # x 1 .. 3, y 2 .. 4.
    assert files["a.txt"] == "cat 0.5 10 20 30 40\nbus 0.75 1 2 2 2\n"
    assert (report.boxes, report.losses) == (2, ())


def test_added_box_without_a_score_is_lost(tmp_path: Path) -> None:
    files, report = back(with_box(read_one(tmp_path, CORNERS), label="bus"), tmp_path)
    assert files["a.txt"] == CORNERS
    assert losses(report) == {"boxes (box)": 1}


def test_removed_line_goes_and_removed_image_takes_its_file_along(tmp_path: Path) -> None:
    folder = put(tmp_path / "set", {"a.txt": CORNERS, "b.txt": CORNERS, "c.txt": ""})
    dataset = read(folder, ReadOptions(format=XYXY))
    keys = dataset.images.set_index("image_id")["image_key"]
    left = dataset.of_images([i for i in keys.index if not keys[i].endswith("/b")])
    left = left.with_tables(boxes=left.boxes.iloc[1:])
    files, _ = back(left, tmp_path)
    assert files == {"a.txt": "dog 0.25 1 2 3 4\n", "c.txt": ""}


def test_listed_classes_are_written_by_their_number(tmp_path: Path) -> None:
    folder = put(tmp_path / "set", {"a.txt": "1 0.5 1 2 30 40\n", "classes.txt": "cat\ndog\n"})
    dataset = read(folder, ReadOptions(format=XYXY))
    assert dataset.boxes["label"].tolist() == ["dog"]
    files, _ = back(with_values(dataset, 0, label="cat"), tmp_path)
    assert files == {"a.txt": "0 0.5 1 2 30 40\n", "classes.txt": "cat\ndog\n"}
    other = with_values(dataset, 0, label="bus")
    report = write(other, "text-dets", tmp_path / "bus")
    assert told(report) == [("boxes.label", 1, "not in the list of classes: the old one stays")]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"score": None}, "boxes.score"), ({"role": "ignore"}, "boxes.role"),
        ({"x1": np.nan}, "boxes.x1"), ({"shape": "polygon"}, "boxes.shape"),
        ({"label": "two words"}, "boxes.label"),
    ],
)  # fmt: skip
def test_change_that_no_line_holds_is_lost(
    tmp_path: Path, values: dict[str, Any], field: str
) -> None:
    files, report = back(with_values(read_one(tmp_path, CORNERS), 0, **values), tmp_path)
    assert files["a.txt"] == CORNERS
    assert losses(report) == {field: 1}


def test_line_of_too_few_columns_stays(tmp_path: Path) -> None:
    dataset = read_one(tmp_path, f"{CORNERS}cat 0.5 1\n")
    files, report = back(with_values(dataset, 2, label="dog", score=0.5), tmp_path)
    assert files["a.txt"] == f"{CORNERS}cat 0.5 1\n"
    assert losses(report) == {"boxes.label": 1, "boxes.score": 1}


# Writing from the columns


def test_detections_of_other_labels_are_a_file_per_image(tmp_path: Path) -> None:
    edges = dict(zip(EDGES, (10.0, 20.5, 30.0, 40.0), strict=True))
    values = {"label": ["cat", "stop sign"], "score": [0.1, -2.5e-7], **edges}
    dataset = table_set(values, 2, ("x/a.jpg", "b.png", "c"), **SIZES,
                        label_state=["present", "empty", "missing"])  # fmt: skip
    files, report = back(dataset, tmp_path)
    assert files == {
        "a.txt": "cat 0.1 10 20.5 30 40\nstop_sign -2.5e-07 10 20.5 30 40\n",
        "b.txt": "",
    }
    assert (report.images, report.boxes) == (2, 2)
    assert losses(report) == {
        "images": 1, "images.width": 2, "images.height": 2, "images (folder of the name)": 1,
        "images (ending of the name)": 2, "boxes.label": 1, "boxes.origin": 2,
    }  # fmt: skip


def test_boxes_without_a_score_are_no_detections(tmp_path: Path) -> None:
    edges = dict(zip(EDGES, (10.0, 20.5, 30.0, 40.0), strict=True))
    dataset = table_set({"label": "cat", "score": [0.5, None], **edges}, 2)
    files, report = back(dataset, tmp_path)
    assert files["a.txt"] == "cat 0.5 10 20.5 30 40\n"
    (lost,) = [loss for loss in report.losses if loss.field == "boxes (box)"]
    assert lost.why.endswith("holds boxes with a class, four corners and a score")


@pytest.mark.parametrize(
    ("label", "token"),
    [
        ("cat", "cat"), ("7", "7"), ("1.5", "_1.5"), ("1e5", "_1e5"), ("a b\t", "a_b_"),
        ("", "_"), ("cls:", "_cls"), ("Straße", "Straße"),
    ],
)  # fmt: skip
def test_class_is_one_word_that_is_read_again(label: str, token: str) -> None:
    assert class_token(label) == token


numbers = st.floats(-1e6, 1e6).map(lambda value: value + 0.0)
lines = st.lists(
    st.tuples(
        st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=5),
        st.floats(0, 1).map(lambda value: value + 0.0),
        st.tuples(numbers, numbers, numbers, numbers),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@given(lines)
def test_columns_survive_writing_and_reading_to_the_last_digit(
    tmp_path_factory: Any, rows: list[Any]
) -> None:
    edges = np.array([own for _, _, own in rows])
    columns: dict[str, Any] = dict(zip(EDGES, edges.T, strict=True))
    columns |= {"label": [label for label, _, _ in rows], "origin": "detector"}
    columns |= {"source_label": columns["label"], "score": [score for _, score, _ in rows]}
    dataset = table_set(columns, len(rows), ("a",))
    folder = tmp_path_factory.mktemp("dets")
    report = write(dataset, "text-dets", folder / "out")
    assert report.losses == ()
    again = read(folder / "out", ReadOptions(format=XYXY)).boxes
    exact = ["label", "source_label", "score", "origin", "shape", *EDGES]
    pd.testing.assert_frame_equal(again[exact], dataset.boxes[exact], check_exact=True)
