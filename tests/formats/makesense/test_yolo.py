"""Rectangles as YOLO text."""

from __future__ import annotations

import pytest

from curate.errors import SourceError

ROW = "0 0.500000 0.500000 0.250000 0.500000"
EDGES = ["x1", "y1", "x2", "y2"]


def test_box_is_placed_by_the_size_given(read):
    dataset = read({"a.txt": ROW}, size_wh=(400, 200))
    # 0.5 * 400 -+ 0.25 * 400 / 2; 0.5 * 200 -+ 0.5 * 200 / 2
    assert dataset.boxes[EDGES].values.tolist() == [[150, 50, 250, 150]]
    assert dataset.images[["image_key", "width", "height"]].values.tolist() == [["s/a", 400, 200]]
    assert dataset.images["declared_width"].isna().all()


def test_box_is_placed_by_the_size_of_its_picture(read, pictures):
    dataset = read({"a.txt": ROW}, pictures=pictures({"a.jpg": (40, 20)}), size_wh=(400, 200))
    assert dataset.boxes[EDGES].values.tolist() == [[15, 5, 25, 15]]


def test_without_pictures_and_size_nothing_can_be_placed(read):
    with pytest.raises(SourceError, match=r"--images DIR.*--size WxH"):
        read({"a.txt": ROW})


def test_picture_that_is_not_there_leaves_coordinates_null(read, pictures):
    dataset = read({"a.txt": ROW, "b.txt": ROW}, pictures=pictures({"a.jpg": (40, 20)}))
    assert dataset.boxes[EDGES].isna().all(axis=1).tolist() == [False, True]
    assert dataset.findings[["check", "file"]].values.tolist() == [["SRC-015", "b.txt"]]
    assert dataset.findings["members"].tolist() == [[dataset.boxes["box_id"][1]]]


def test_two_pictures_of_one_stem_leave_coordinates_null(read, pictures):
    dataset = read({"a.txt": ROW}, pictures=pictures({"a.jpg": (40, 20), "a.png": (20, 40)}))
    assert dataset.boxes[EDGES].isna().all(axis=None)
    assert dataset.findings["check"].tolist() == ["SRC-011"]


def test_without_a_list_the_number_is_the_class(read, codes):
    dataset = read({"a.txt": "7 0.5 0.5 0.2 0.2"}, size_wh=(10, 10))
    assert dataset.boxes[["source_label", "label"]].values.tolist() == [["7", "7"]]
    assert codes(dataset) == {}


@pytest.mark.parametrize("name", ["labels.txt", "classes.txt", "obj.names"])
def test_list_beside_the_files_names_the_classes(read, codes, name):
    files = {"x/a.txt": "1 0.5 0.5 0.2 0.2", f"x/{name}": "person\ntraffic light\n"}
    dataset = read(files, size_wh=(10, 10))
    assert dataset.boxes[["source_label", "label"]].values.tolist() == [["1", "traffic light"]]
    assert dataset.classes[["source_id", "label"]].values.tolist() == [
        ["0", "person"],
        ["1", "traffic light"],
    ]
    assert dataset.sources.names() == ["x/a.txt", f"x/{name}"]
    assert list(dataset.formats) == ["x/a.txt"]
    assert codes(dataset) == {}


def test_list_that_is_given_counts_more_than_one_beside(read):
    files = {"a.txt": ROW, "labels.txt": "dog"}
    dataset = read(files, size_wh=(10, 10), classes=("cat",))
    assert dataset.boxes["label"].tolist() == ["cat"]


def test_number_beyond_the_list_is_an_unknown_class(read):
    rows = "0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.2 0.2\n-2 0.5 0.5 0.2 0.2\n" + "9" * 30 + " 0 0 0 0"
    dataset = read({"a.txt": rows}, size_wh=(10, 10), classes=("cat",))
    assert dataset.boxes["label"].isna().tolist() == [False, True, True, True]
    assert dataset.boxes["source_label"].tolist() == ["0", "1", "-2", "9" * 30]
    assert dataset.findings[["check", "line"]].values.tolist() == [
        ["SRC-004", 2],
        ["SRC-004", 3],
        ["SRC-004", 4],
    ]


@pytest.mark.parametrize("token", ["-1", "null"])
def test_minus_one_and_null_are_no_class(read, token):
    dataset = read({"a.txt": f"{token} 0.5 0.5 0.2 0.2"}, size_wh=(10, 10), classes=("a", "b"))
    assert dataset.boxes["source_label"].tolist() == [token]
    assert dataset.boxes["label"].isna().all()
    assert dataset.findings["check"].tolist() == ["SRC-009"]


@pytest.mark.parametrize(
    "line",
    ["0 0.5 0.5 0.2", "0 0.5 0.5 0.2 0.2 0.9", "0 0.5 0.5 nan 0.2", "0 0.5 0.5 1e999 0.2", "x y"],
)
def test_bad_line_is_a_box_without_what_is_wrong_and_hides_no_other(read, line):
    dataset = read({"a.txt": f"{ROW}\n{line}\n{ROW}\n"}, size_wh=(10, 10))
    assert dataset.boxes["line"].tolist() == [1, 2, 3]
    assert dataset.boxes[EDGES].isna().any(axis=1).tolist() == [False, True, False]
    assert dataset.findings[["check", "file", "line"]].values.tolist() == [["SRC-001", "a.txt", 2]]


def test_empty_file_among_others_says_that_nothing_is_there(read):
    dataset = read({"a.txt": ROW, "b.txt": ""}, size_wh=(10, 10))
    assert dataset.images["label_state"].tolist() == ["present", "empty"]


def test_bytes_that_are_no_text_make_the_image_unreadable(read):
    dataset = read({"a.txt": ROW, "b.txt": b"\x00\x01\x02"}, size_wh=(10, 10))
    assert dataset.images["label_state"].tolist() == ["present", "unreadable"]
    assert dataset.findings[["check", "file"]].values.tolist() == [["SRC-002", "b.txt"]]


@pytest.mark.parametrize(
    ("row", "is_at_border"),
    [
        ("0 0.100000 0.500000 0.200000 0.200000", True),
        ("0 0.100001 0.500000 0.200001 0.200000", True),  # 5e-7 inside: rounding alone
        ("0 0.100001 0.500000 0.200000 0.200000", False),  # 1e-6 inside
        ("0 1.000000 1.000000 0.000000 0.000000", True),
        ("0 0.900000 0.500000 0.200000 0.200000", True),
        ("0 0.1 0.5 0.2 0.2", False),  # not the app's six decimals: not its fitting either
    ],
)
def test_box_at_the_border_may_be_distorted(read, row, is_at_border):
    dataset = read({"a.txt": f"{ROW}\n{row}"}, size_wh=(10, 10))
    said = dataset.findings.query("check == 'SRC-016'")["members"].tolist()
    assert said == ([[dataset.boxes["box_id"][1]]] if is_at_border else [])


def test_boxes_at_the_border_of_all_files_are_one_finding(read):
    row = "0 0.500000 0.500000 1.000000 1.000000"
    dataset = read({f"{n}.txt": row for n in range(20)}, size_wh=(10, 10))
    assert dataset.findings[["check", "value"]].values.tolist() == [["SRC-016", 20]]
    assert len(dataset.findings["members"][0]) == 20


def test_two_classes_of_one_name_are_said(read, codes):
    dataset = read({"a.txt": ROW, "classes.txt": "cat\ndog\ncat"}, size_wh=(10, 10))
    assert codes(dataset) == {"SRC-007": 1}


def test_list_that_is_no_text_is_said_and_not_used(read, codes):
    dataset = read({"a.txt": ROW, "classes.txt": b"\xff\xff"}, size_wh=(10, 10))
    assert dataset.boxes["label"].tolist() == ["0"]
    assert codes(dataset) == {"SRC-002": 1}
