"""Rectangles as VOC XML of Make Sense."""

from __future__ import annotations

import pytest

from curate.formats import makesense
from curate.formats.voc import claims as voc_claims

EDGES = ["x1", "y1", "x2", "y2"]


def obj(name="car", edges=(180, 430, 470, 610), flags=("0", "0")):
    tags = ("xmin", "ymin", "xmax", "ymax")
    numbers = "\n".join(f"\t\t\t<{t}>{v}</{t}>" for t, v in zip(tags, edges, strict=True))
    return (
        f"\t<object>\n\t\t<name>{name}</name>\n\t\t<pose>Unspecified</pose>\n"
        f"\t\t<truncated>{flags[0]}</truncated>\n\t\t<difficult>{flags[1]}</difficult>\n"
        f"\t\t<bndbox>\n{numbers}\n\t\t</bndbox>\n\t</object>"
    )


def xml(*objects, name="a.jpg", size=(1280, 720), folder="my-project-name"):
    inner = "\n".join(objects)
    return (
        f"<annotation>\n\t<folder>{folder}</folder>\n\t<filename>{name}</filename>\n"
        f"\t<path>/{folder}/{name}</path>\n"
        "\t<source>\n\t\t<database>Unspecified</database>\n\t</source>\n"
        f"\t<size>\n\t\t<width>{size[0]}</width>\n\t\t<height>{size[1]}</height>\n"
        f"\t\t<depth>3</depth>\n\t</size>\n{inner}\n</annotation>"
    )


def test_edges_are_read_without_a_shift(read, codes):
    dataset = read({"a.xml": xml(obj(), obj("dog", (0, 0, 1280, 720)))})
    assert dataset.boxes[EDGES].values.tolist() == [[180, 430, 470, 610], [0, 0, 1280, 720]]
    assert dataset.boxes["label"].tolist() == ["car", "dog"]
    assert dataset.boxes["source_id"].tolist() == ["0", "1"]
    assert dataset.boxes["truncated"].tolist() == [0, 0]
    assert dataset.boxes["difficult"].tolist() == [False, False]
    image = dataset.images.iloc[0]
    assert (image["image_key"], image["declared_width"]) == ("s/a.jpg", 1280)
    assert codes(dataset) == {}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_spans_are_exactly_the_objects(read, mark):
    objects = [obj("é"), obj("b")]
    dataset = read({"a.xml": mark + xml(*objects, name="ü.jpg")})
    body = dataset.sources.read("a.xml")
    spans = zip(dataset.boxes["start"], dataset.boxes["end"], strict=True)
    assert [body[s:e].decode() for s, e in spans] == [text.strip() for text in objects]
    # The first object stands after 13 lines of head, the second after 12 more.
    assert dataset.boxes["line"].tolist() == [13, 25]


def test_unspecified_flags_are_unknown(read, codes):
    dataset = read({"a.xml": xml(obj(flags=("Unspecified", "Unspecified")))})
    assert dataset.boxes[["truncated", "difficult"]].isna().all(axis=None)
    assert codes(dataset) == {}


@pytest.mark.parametrize("name", ["R&D <sign>", "a & b", "<b>sign</b>", "a<b"])
def test_markup_in_a_class_name_is_read_by_lines(read, name):
    plain, objects = xml(obj("car"), obj("dog"), name="b.jpg"), (obj("car"), obj(name))
    dataset = read({"a.xml": xml(*objects), "b.xml": plain})
    assert dataset.boxes["label"].tolist() == ["car", name, "car", "dog"]
    assert dataset.findings[["check", "file"]].values.tolist() == [["SRC-014", "a.xml"]]
    body = dataset.sources.read("a.xml")
    spans = zip(dataset.boxes["start"][:2], dataset.boxes["end"][:2], strict=True)
    assert [body[s:e].decode() for s, e in spans] == [text.strip() for text in objects]
    assert dataset.boxes["line"].tolist() == [13, 25, 13, 25]


def test_markup_in_a_file_name_is_read_by_lines(read, codes):
    dataset = read({"a.xml": xml(obj(), name="dog, bike & truck.jpg").replace("\n", "\r\n")})
    assert dataset.images["image_key"].tolist() == ["s/dog, bike & truck.jpg"]
    assert dataset.images["declared_height"].tolist() == [720]
    assert dataset.boxes[EDGES].values.tolist() == [[180, 430, 470, 610]]
    assert codes(dataset) == {"SRC-014": 1}


def test_project_name_that_is_escaped_badly_does_not_matter(read):
    dataset = read({"a.xml": xml(obj(), folder="a&amp;lt;b-&-c")})
    assert dataset.boxes["label"].tolist() == ["car"]


def test_empty_lines_are_lost_boxes(read):
    dataset = read({"a.xml": xml("", obj(), "", "")})
    findings = dataset.findings[["check", "line", "value"]].values.tolist()
    assert findings == [["SRC-010", 13, 3]]
    assert dataset.images["label_state"].tolist() == ["present"]


@pytest.mark.parametrize(("objects", "n_lost"), [(("", ""), 2), ((), 0)])
def test_file_without_objects_is_no_negative(read, objects, n_lost):
    text = xml(*objects) if objects else xml().replace("</size>\n\n", "</size>\n")
    dataset = read({"a.xml": text})
    assert dataset.images["label_state"].tolist() == ["missing"]
    said = dict(zip(dataset.findings["check"], dataset.findings["value"], strict=True))
    assert set(said) == ({"SRC-010", "SRC-017"} if n_lost else {"SRC-017"})
    assert said.get("SRC-010", 0) == n_lost


@pytest.mark.parametrize("name", ["", "undefined"])
def test_name_that_says_nothing_is_no_class(read, name):
    dataset = read({"a.xml": xml(obj(name))})
    assert dataset.boxes["label"].isna().all()
    assert dataset.findings["check"].tolist() == ["SRC-009"]


@pytest.mark.parametrize("number", ["nan", "1e999", "x", ""])
def test_number_that_is_none_is_null_and_said(read, number):
    dataset = read({"a.xml": xml(obj(edges=(number, 2, 3, 4)), obj())})
    assert dataset.boxes["x1"].isna().tolist() == [True, False]
    assert dataset.boxes["y1"].tolist() == [2, 430]
    finding = dataset.findings.iloc[0]
    assert (finding["check"], finding["line"], finding["source_id"]) == ("SRC-001", 13, "0")
    assert "xmin" in finding["message"]


def test_size_that_is_none_is_null_and_said(read, codes):
    dataset = read({"a.xml": xml(obj(), size=("x", "9" * 30))})
    assert dataset.images[["declared_width", "declared_height"]].isna().all(axis=None)
    assert codes(dataset) == {"SRC-001": 2}


@pytest.mark.parametrize(
    "head", ['<!DOCTYPE a [<!ENTITY b "c">]>\n', '<!DOCTYPE a SYSTEM "file:///etc/passwd">\n']
)
def test_entities_and_dtd_are_refused(read, head):
    dataset = read({"a.xml": head + xml(obj())})
    assert dataset.images[["image_key", "label_state"]].values.tolist() == [
        ["s/a.jpg", "unreadable"]
    ]
    assert len(dataset.boxes) == 0
    assert dataset.findings["check"].tolist() == ["SRC-002"]


def test_file_that_is_cut_off_is_unreadable(read):
    whole = xml(obj(), obj())
    dataset = read({"a.xml": whole, "b.xml": xml(obj(), name="b.jpg")[:-60], "c.xml": ""})
    assert dataset.images[["image_key", "label_state"]].values.tolist() == [
        ["s/a.jpg", "present"], ["s/b.jpg", "unreadable"], ["s/c", "unreadable"],
    ]  # fmt: skip
    assert dataset.findings[["check", "file"]].values.tolist() == [
        ["SRC-002", "b.xml"],
        ["SRC-002", "c.xml"],
    ]


@pytest.mark.parametrize("encoding", ["nonsense", "utf-16", "shift_jis"])
def test_encoding_that_is_not_the_files_own_does_no_harm(read, encoding):
    dataset = read({"a.xml": f'<?xml version="1.0" encoding="{encoding}"?>\n' + xml(obj())})
    assert dataset.boxes[EDGES].values.tolist() == [[180, 430, 470, 610]]
    assert dataset.findings["check"].tolist() == ["SRC-014"]


def test_other_picture_of_the_stem_has_lost_its_boxes(read, codes, pictures):
    both = pictures({"pair.jpg": (600, 400), "pair.png": (400, 600)})
    assert codes(read({"pair.xml": xml(obj(), name="pair.png")}, pictures=both)) == {"SRC-010": 1}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<path>/my-project-name/a.jpg", "<path>/home/a.jpg"),
        ("<database>Unspecified", "<database>Unknown"),
        ("\t<size>", "\t<segmented>0</segmented>\n\t<size>"),
    ],
)
def test_xml_that_lacks_one_mark_is_plain_voc(claims, kind_of, old, new):
    text = xml(obj())
    assert claims({"a.xml": text}) == ["a.xml"]
    assert claims({"a.xml": text.replace(old, new)}) == []
    assert kind_of("a.xml", text.replace(old, new)) is None


def test_every_xml_has_exactly_one_reader(files):
    contents = files(
        {"a.xml": xml(obj()), "b.xml": xml(obj())[:-60], "c.xml": xml(obj("a & b")), "d.xml": ""}
    )
    assert makesense.claims(contents) == ["a.xml", "b.xml", "c.xml", "d.xml"]
    assert voc_claims(contents) == []


def test_odd_white_space_around_a_number_does_no_harm(read, codes):
    # str.strip() takes 0x1C off, float() does not; XML has no such character, Make Sense writes it.
    dataset = read({"a.xml": xml(obj(edges=("\x1c1", 2, "3\x1c", 4), flags=("\x1c0", "1\x1f")))})
    assert dataset.boxes[EDGES].values.tolist() == [[1, 2, 3, 4]]
    assert dataset.boxes["truncated"].tolist() == [0]
    assert dataset.boxes["difficult"].tolist() == [True]
