"""Which files are claimed, and as what."""

from __future__ import annotations

import pytest

from curate.formats import makesense
from curate.formats.reading import Options

ROW = "0 0.5 0.5 0.2 0.2"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.txt", ROW, "rect-yolo"),
        ("a.txt", "-1 0.5 0.5 0.2 0.2\r\n", "rect-yolo"),
        ("a.txt", "0 0.1 0.2 0.3 0.4 0.5 0.6", None),
        (
            "a.txt",
            "Car 0.00 0 -1.57 599.41 156.40 629.75 189.25 2.85 2.63 12.34 0.47 1.49 69",
            None,
        ),
        ("a.txt", "one two three four five", None),
        ("a.csv", "car,1,2,a.jpg,10,10", "point-csv"),
        ("a.csv", "car,9,9,9,9,a.jpg,10,10", "line-csv"),
        ("a.csv", "car,1,2,3,4,a.jpg,10,10", None),
        ("a.csv", 'a.jpg,"[x]"', "tag-csv"),
        ("a.csv", "night,a.jpg,10,10", "tag-csv"),
        ("a.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,9,9,cat,1,2,3,4", None),
        ("a.csv", "1,-1,100,200,30,40,1,-1,-1,-1", None),
        ("a.csv", "a,b,c", None),
        ("a.json", '[{"image":"a.jpg","annotations":["x"]}]', "tag-json"),
        ("a.json", '{"a.jpg":{"filename":"a.jpg","regions":{}}}', "vgg"),
        ("a.json", '{"info":{"description":"x"},"images":[],"annotations":[]}', None),
        ("a.json", '{"images":[{"id":1,"file_name":"a"}],"annotations":[]}', None),
        ("a.json", '[{"image_id":1,"category_id":1,"bbox":[1,2,3,4],"score":1}]', None),
        ("a.doc", "car,1,2,a.jpg,10,10", None),
    ],
)
def test_kind_is_told_by_content(kind_of, name, content, kind):
    assert kind_of(name, content) == kind


def test_every_kind_can_be_named():
    assert {"rect-yolo", "rect-voc", "rect-csv", "point-csv", "line-csv"} <= set(makesense.KINDS)
    assert {"vgg", "tag-csv", "tag-json", "rect", "line"} <= set(makesense.KINDS)


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_table_of_nothing_is_claimed_only_alone(claims, content):
    assert claims({"a.csv": content}) == ["a.csv"]
    assert claims({"a.csv": content, "b.doc": "x"}) == []


@pytest.mark.parametrize("content", ["[]", "{}"])
def test_json_of_nothing_is_never_claimed(claims, content):
    assert claims({"a.json": content}) == []


@pytest.mark.parametrize("content", ["[]", "{}", "[ ]\n", "\ufeff[]", " {\n}"])
def test_json_of_nothing_is_read_as_an_export_of_nothing(files, content):
    gathered = makesense.gather(files({"a.json": content}), ["a.json"], Options())
    assert (gathered.n_images, gathered.n_boxes) == (0, 0)
    assert [fault.code for fault in gathered.faults] == ["SRC-018"]


@pytest.mark.parametrize(
    ("name", "content", "kind", "wanted"),
    [
        ("a.txt", "", None, True),
        ("a.txt", "\n", None, True),
        ("a.txt", "0 0.5 0.5", None, True),
        ("a.txt", f"{ROW}\nsome words\nand more of them", None, True),
        ("a.txt", "some words of a note", None, False),
        ("a.txt", ROW, "rect-yolo", True),
        ("a.txt", ROW, "rect", True),
        ("a.txt", ROW, "tag-csv", False),
        ("a.csv", "car,9,9,9,9,a.jpg,10,10", "rect", True),
        ("a.csv", "car,9,9,9,9,a.jpg,10,10", "line-csv", True),
        ("a.csv", "car,9,9,9,9,a.jpg,10,10", "points", False),
        ("a.csv", "car,1,2,a.jpg,10,10", "points", True),
        ("a.json", "{}", "vgg", True),
        ("a.json", '[{"image":"a.jpg","annotations":["x"]}]', "vgg", False),
        ("a.doc", ROW, None, False),
    ],
)
def test_what_a_file_may_be_when_it_is_named(files, name, content, kind, wanted):
    assert makesense.may_be(files({name: content}), name, kind) is wanted


def test_empty_zip_in_a_folder_is_an_export_of_nothing(read, codes):
    assert codes(read({"labels.zip": b"PK\x05\x06" + bytes(18)})) == {"SRC-018": 1}


def test_source_without_files_is_an_export_of_nothing(read, codes):
    assert codes(read({})) == {"SRC-018": 1}


def test_texts_beside_yolo_files_are_not_claimed(claims):
    files = {
        "x/a.txt": ROW,
        "x/b.txt": "",
        "x/c.txt": "0 0.5 0.5",
        "x/classes.txt": "cat",
        "x/e.txt": "1 0.2",
        "x/train.txt": "000001 1\n000002 -1",
        "x/README.txt": "five words are in here",
        "y/d.txt": "",
    }
    assert claims(files) == ["x/a.txt", "x/b.txt", "x/c.txt", "x/e.txt"]


def test_file_of_none_of_the_forms_is_said_when_named(files):
    contents = files({"a.csv": "a,b,c"})
    gathered = makesense.gather(contents, ["a.csv"], Options())
    assert [fault.code for fault in gathered.faults] == ["SRC-002"]
