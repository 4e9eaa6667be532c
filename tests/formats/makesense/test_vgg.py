"""Polygons as VGG JSON."""

from __future__ import annotations

import json

import pytest

from curate.formats import makesense

EDGES = ["x1", "y1", "x2", "y2"]


def region(xs=(1.5, 9.25, 9.25, 1.5), ys=(2, 2, 7.125, 2), **attributes):
    shape = {"name": "polygon", "all_points_x": list(xs), "all_points_y": list(ys)}
    return {"shape_attributes": shape, "region_attributes": attributes or {"label": "car"}}


def vgg(regions, name="a.jpg", key=None):
    entry = {"fileref": "", "size": 73593, "filename": name, "regions": regions}
    return json.dumps({key or name: entry})


def test_polygon_has_its_bounds_as_box(read, codes):
    dataset = read({"a.json": vgg({"0": region()})})
    assert dataset.boxes[["shape", *EDGES]].values.tolist() == [["polygon", 1.5, 2, 9.25, 7.125]]
    assert dataset.boxes[["label", "source_id"]].values.tolist() == [["car", "0"]]
    assert dataset.images[["image_key", "source_id"]].values.tolist() == [["s/a.jpg", "a.jpg"]]
    assert dataset.images["width"].isna().all()
    assert codes(dataset) == {}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("indent", [None, 2])
def test_spans_are_exactly_the_regions(read, mark, indent):
    document = json.loads(vgg({"0": region(label="é"), "1": region()}))
    body = mark + json.dumps(document, indent=indent, ensure_ascii=False).encode()
    dataset = read({"a.json": body})
    spans = zip(dataset.boxes["start"], dataset.boxes["end"], strict=True)
    assert [json.loads(body[s:e]) for s, e in spans] == [region(label="é"), region()]
    lines = [body.count(b"\n", 0, start) + 1 for start in dataset.boxes["start"]]
    assert dataset.boxes["line"].tolist() == lines


def test_gaps_among_the_keys_are_lost_annotations(read):
    dataset = read({"a.json": vgg({"1": region(), "4": region()})})
    assert dataset.boxes["source_id"].tolist() == ["1", "4"]
    assert dataset.findings[["check", "value"]].values.tolist() == [["SRC-010", 3]]


def test_image_without_regions_is_no_negative(read, codes):
    dataset = read({"a.json": vgg({})})
    assert dataset.images["label_state"].tolist() == ["missing"]
    assert codes(dataset) == {"SRC-017": 1}


def test_list_of_regions_and_other_attribute_of_via_2_are_read(read, codes):
    text = vgg([region(kind="cat"), region(kind="dog")], key="a.jpg73593")
    dataset = read({"a.json": text})
    assert dataset.images[["image_key", "source_id"]].values.tolist() == [["s/a.jpg", "a.jpg73593"]]
    assert dataset.boxes[["label", "source_id"]].values.tolist() == [["cat", "0"], ["dog", "1"]]
    assert codes(dataset) == {}


def test_further_attributes_are_kept(read):
    dataset = read({"a.json": vgg({"0": region(label="car", colour="red")})})
    assert dataset.boxes["label"].tolist() == ["car"]
    assert json.loads(dataset.boxes["attributes"][0]) == {"colour": "red"}


@pytest.mark.parametrize("depth", range(900, 1001, 10))
def test_attributes_of_any_depth_do_no_harm(read, depth):
    text = vgg({"0": region(label="car", x="DEEP")}).replace('"DEEP"', "[" * depth + "]" * depth)
    dataset = read({"a.json": text})
    assert set(dataset.findings["check"]) <= {"SRC-001", "SRC-002"}


def test_rectangle_is_a_box_and_other_shapes_are_left_out(read):
    rect = {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4.5}
    circle = {"name": "circle", "cx": 1, "cy": 2, "r": 3}
    label = {"region_attributes": {"label": "car"}}
    regions = [{"shape_attributes": rect} | label, {"shape_attributes": circle} | label]
    dataset = read({"a.json": vgg(regions)})
    assert dataset.boxes[["shape", *EDGES]].values.tolist() == [["box", 1, 2, 4, 6.5]]
    assert dataset.findings[["check", "source_id"]].values.tolist() == [["SRC-013", "1"]]


@pytest.mark.parametrize("attributes", [{"label": ""}, {"a": "b", "c": "d"}, {"label": None}])
def test_region_without_label_has_no_class(read, attributes):
    dataset = read({"a.json": vgg({"0": region(**attributes)})})
    assert dataset.boxes["label"].isna().all()
    assert dataset.findings["check"].tolist() == ["SRC-009"]


@pytest.mark.parametrize(
    "bad",
    [
        '{"name":"polygon","all_points_x":[1],"all_points_y":[1,2]}',
        '{"name":"polygon","all_points_x":[],"all_points_y":[]}',
        '{"name":"polygon","all_points_x":[1e400],"all_points_y":[1]}',
        '{"name":"polygon","all_points_x":[true],"all_points_y":[1]}',
        '{"name":"polygon","all_points_x":"x","all_points_y":[1]}',
        '{"name":"polygon"}',
        '{"name":"rect","x":' + "9" * 400 + ',"y":1,"width":1,"height":1}',
        '{"name":7}',
        "null",
    ],
)
def test_bad_region_is_a_row_without_corners_and_hides_no_other(read, bad):
    text = vgg({"0": region(), "1": "BAD", "2": region()})
    attributes = '"region_attributes":{"label":"car"}'
    text = text.replace('"BAD"', f'{{"shape_attributes":{bad},{attributes}}}')
    dataset = read({"a.json": text})
    assert dataset.boxes["source_id"].tolist() == ["0", "1", "2"]
    assert dataset.boxes[EDGES].isna().all(axis=1).tolist() == [False, True, False]
    said = dataset.findings.query("check == 'SRC-001'")
    assert said[["file", "source_id"]].values.tolist() == [["a.json", "1"]]


def test_bad_image_hides_no_other(read):
    good = json.loads(vgg({"0": region()}))
    dataset = read({"a.json": json.dumps(good | {"b.jpg": {"regions": 7}, "c.jpg": 5})})
    assert dataset.images["label_state"].tolist() == ["present", "unreadable", "unreadable"]
    assert dataset.findings["check"].tolist() == ["SRC-001", "SRC-001"]


@pytest.mark.parametrize("change", [lambda t: t[:-20], lambda t: t.replace("2", "[" * 5000)])
def test_file_that_is_cut_off_or_too_deep_is_said(read, codes, change):
    dataset = read({"a.json": change(vgg({"0": region()}))})
    assert codes(dataset) == {"SRC-002": 1}
    assert len(dataset.images) == 0


def test_outlines_are_the_rings_without_the_closing_point(read):
    dataset = read({"a.json": vgg({"0": region(xs=(0, 4, 4, 0), ys=(0, 0, 3, 0)), "1": region()})})
    rings = makesense.outlines(dataset)
    assert rings[dataset.boxes["box_id"][0]] == [[0, 0, 4, 0, 4, 3]]
    one = dataset.with_tables(boxes=dataset.boxes.iloc[:1])
    assert makesense.extras(one) == {"outline": 1, "size": 1}


def test_no_columns_miss_anything_of_a_table(read):
    assert makesense.extras(read({"a.csv": "person,655,400,a.jpg,1280,720"})) == {}
