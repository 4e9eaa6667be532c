"""Rectangles, points and lines as CSV."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import FormatError
from curate.formats.makesense.tables import read_row

HEADER = "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\n"
EDGES = ["x1", "y1", "x2", "y2"]


def test_rectangle_is_read_as_corner_and_size(read):
    dataset = read({"a.csv": HEADER + "car,180,430,290,179,a.jpg,1280,720"})
    box = dataset.boxes.iloc[0]
    assert box[EDGES].tolist() == [180, 430, 470, 609]
    assert (box["shape"], box["label"], box["source_id"]) == ("box", "car", "2")
    image = dataset.images.iloc[0]
    assert image["image_key"] == "s/a.jpg"
    assert (image["declared_width"], image["declared_height"]) == (1280, 720)
    assert image["label_state"] == "present"


def test_point_has_its_coordinates_twice(read):
    dataset = read({"a.csv": "person,655,400,a.jpg,1280,720"})
    assert dataset.boxes[["shape", *EDGES]].values.tolist() == [["point", 655, 400, 655, 400]]


def test_line_keeps_the_direction_of_drawing(read):
    dataset = read({"a.csv": "car,1301,1651,401,1699,a.jpeg,3000,2000"})
    assert dataset.boxes[["shape", *EDGES]].values.tolist() == [["line", 1301, 1651, 401, 1699]]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark_do_not_matter(read, codes, end, mark):
    rows = [HEADER.strip(), "car,1,2,3,4,a.jpg,10,10", "café,1,2,3,4,b.jpg,10,10", ""]
    dataset = read({"a.csv": mark + end.join(rows)})
    assert dataset.boxes["label"].tolist() == ["car", "café"]
    assert codes(dataset) == {}
    body = dataset.sources.read("a.csv")
    spans = zip(dataset.boxes["start"], dataset.boxes["end"], strict=True)
    assert [body[start:stop].decode() for start, stop in spans] == rows[1:3]


def test_commas_and_quotes_in_names_are_part_of_them(read):
    row = 'car, "parked",420,260,210,120,crossing,night.png,640,480'
    dataset = read({"a.csv": HEADER + row})
    assert dataset.boxes["label"].tolist() == ['car, "parked"']
    assert dataset.images["image_key"].tolist() == ["s/crossing,night.png"]


def test_of_several_readings_the_one_with_a_picture_is_taken(read, pictures):
    row = "zone,1,2,3,4,5,6,7,8,a.jpg,640,480"
    lazy = read({"a.csv": HEADER + row})
    assert (lazy.boxes["label"][0], lazy.images["image_key"][0]) == ("zone", "s/5,6,7,8,a.jpg")
    known = read({"a.csv": HEADER + row}, pictures=pictures({"a.jpg": (640, 480)}))
    assert (known.boxes["label"][0], known.images["image_key"][0]) == ("zone,1,2,3,4", "s/a.jpg")
    assert known.boxes[EDGES].values.tolist() == [[5, 6, 12, 14]]


def test_row_that_does_not_fit_is_a_finding_and_hides_no_other(read):
    rows = "car,1,2,3,4,a.jpg,10,10\ncar,1,2,x,4,a.jpg,10,10\ncar,5,6,7,8,a.jpg,10,10"
    dataset = read({"a.csv": HEADER + rows})
    assert dataset.boxes["line"].tolist() == [2, 4]
    finding = dataset.findings.iloc[0]
    assert (finding["check"], finding["file"], finding["line"]) == ("SRC-001", "a.csv", 3)
    assert "'car,1,2,x,4,a.jpg,10,10'" in finding["message"]


def test_line_that_is_no_text_is_a_finding(read):
    body = HEADER.encode() + b"car,1,2,3,4,a\xff.jpg,10,10\ncar,1,2,3,4,b.jpg,10,10"
    dataset = read({"a.csv": body})
    assert dataset.boxes["line"].tolist() == [3]
    assert dataset.findings[["check", "line"]].values.tolist() == [["SRC-001", 2]]


@pytest.mark.parametrize("size", ["99999999999999999999,5", "5,-5", "5,1.5"])
def test_size_that_is_no_64_bit_number_does_not_fit(read, codes, size):
    dataset = read({"a.csv": HEADER + f"car,1,2,3,4,a.jpg,{size}"})
    assert codes(dataset) == {"SRC-001": 1}


def test_empty_label_is_a_box_without_class(read):
    dataset = read({"a.csv": HEADER + ",180,430,290,180,a.jpg,1280,720"})
    assert dataset.boxes[["source_label", "label"]].isna().all(axis=None)
    assert dataset.findings["check"].tolist() == ["SRC-009"]
    assert dataset.findings["members"].tolist() == [dataset.boxes["box_id"].tolist()]


def test_one_image_name_with_two_sizes_is_two_images(read):
    rows = "car,1,2,3,4,cam.jpg,1280,720\ncar,1,2,3,4,cam.jpg,800,600\ncar,9,9,9,9,cam.jpg,1280,720"
    dataset = read({"a.csv": HEADER + rows})
    assert dataset.images["image_key"].tolist() == ["s/cam.jpg", "s/cam.jpg#2"]
    assert dataset.images["declared_width"].tolist() == [1280, 800]
    first, second = dataset.images["image_id"]
    assert dataset.boxes["image_id"].tolist() == [first, second, first]
    assert dataset.findings["check"].tolist() == ["IMG-006"]


def test_tables_of_two_kinds_share_an_image_and_of_one_kind_do_not(read):
    rects, points = HEADER + "car,1,2,3,4,a.jpg,10,10", "car,1,2,a.jpg,10,10"
    both = read({"rects.csv": rects, "points.csv": points})
    assert both.images["image_key"].tolist() == ["s/a.jpg"]
    twice = read({"one.csv": rects, "two.csv": rects})
    assert twice.images["image_key"].tolist() == ["s/a.jpg", "s/a.jpg#2"]


@pytest.mark.parametrize(
    ("text", "n_blank"),
    [
        ("\ncar,1,2,a.jpg,10,10", 1),
        ("car,1,2,a.jpg,10,10\n\n\ncar,1,2,a.jpg,10,10\n", 2),
        ("car,1,2,a.jpg,10,10\r\n\r\ncar,1,2,a.jpg,10,10\r\n", 1),
        ("\n\n", 2),
    ],
)
def test_empty_lines_are_counted_as_lost_annotations(read, text, n_blank):
    dataset = read({"a.csv": text})
    findings = dataset.findings[["check", "value", "unit"]].values.tolist()
    assert findings == [["SRC-010", n_blank, "annotations"]]


def test_empty_line_after_a_header_is_no_lost_box(read, codes):
    assert codes(read({"a.csv": HEADER + "\ncar,1,2,3,4,a.jpg,10,10"})) == {}


@pytest.mark.parametrize("text", [HEADER, HEADER.strip(), ""])
def test_table_without_rows_is_valid(read, codes, text):
    dataset = read({"a.csv": text})
    assert len(dataset.images) == 0
    assert codes(dataset) == {"SRC-018": 1}


def test_table_that_may_be_rectangles_or_lines_is_asked_for(read):
    text = "car,180,430,290,180,a.jpg,1280,720"
    with pytest.raises(FormatError, match="makesense-rect or --from makesense-line") as caught:
        read({"a.csv": text})
    assert caught.value.place.file == "a.csv"
    assert read({"a.csv": text}, kind="rect").boxes["shape"].tolist() == ["box"]
    lines = read({"a.csv": text}, kind="line").boxes
    assert lines[["shape", *EDGES]].values.tolist() == [["line", 180, 430, 290, 180]]


@pytest.mark.parametrize(
    ("rows", "shape"),
    [
        # 700 + 600 > 1280 + 1: no drawn rectangle.
        ("car,100,10,20,30,a.jpg,1280,720\ncar,700,10,600,30,a.jpg,1280,720", "line"),
        ("car,100,10,-1,30,a.jpg,1280,720", "line"),
        # No line begins 15 px outside the image.
        ("dog,-15,10,120,90,a.jpg,1280,720", "box"),
    ],
)
def test_rows_that_prove_their_kind_need_no_question(read, rows, shape):
    assert set(read({"a.csv": rows}).boxes["shape"]) == {shape}


@pytest.mark.parametrize(
    "rows",
    [
        # Exactly at the limits: rounding may add 1 px.
        "car,1000,10,281,711,a.jpg,1280,720",
        "car,-1,10,20,30,a.jpg,1280,720",
        # An imported rectangle outside the image and one that sticks out: neither kind fits all.
        "dog,-15,10,120,90,a.jpg,1280,720\ndog,1220,680,200,100,a.jpg,1280,720",
    ],
)
def test_rows_that_prove_nothing_are_asked_for(read, rows):
    with pytest.raises(FormatError):
        read({"a.csv": rows})


def test_a_header_says_more_than_the_kind_that_was_named(read):
    dataset = read({"a.csv": HEADER + "car,1,2,3,4,a.jpg,10,10"}, kind="line")
    assert dataset.boxes["shape"].tolist() == ["box"]


names = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=12)
numbers = st.lists(st.integers(-5000, 5000), min_size=4, max_size=4)


@given(names.filter(lambda n: "," not in n), numbers, names, st.integers(1, 9999))
def test_row_of_any_names_is_read_back(label, edges, image, side):
    image += ".jpg"
    row = read_row(f"{label},{','.join(map(str, edges))},{image},{side},7", 4, None)
    assert row is not None
    assert (row.label, list(row.numbers), row.image) == (label, edges, image)
    assert row.size_wh == (side, 7)


def test_long_row_of_numbers_is_refused_in_no_time():
    assert read_row("1," * 300_000 + "x", 4, lambda _: False) is None
