"""PASCAL VOC: writing back into the files that were read, and from the columns."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import formats
from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats import voc
from curate.formats.reading import Options
from curate.formats.writing import LossReport
from curate.tree import open_tree
from tests.formats.coco_documents import annotation, document, store
from tests.formats.label_files import (
    EDGES,
    kept,
    losses,
    read_file,
    table_set,
    with_box,
    with_values,
    write_back,
    written,
)

ONE = (
    "<annotation>\n  <filename>a.jpg</filename>\n  <segmented>0</segmented>\n  <object>\n"
    "    <name>car</name>\n    <difficult>0</difficult>\n    <bndbox>\n"
    "      <xmin>11</xmin>\n      <ymin>21</ymin>\n      <xmax>30</xmax>\n      <ymax>40</ymax>\n"
    "    </bndbox>\n  </object>\n  <object>\n    <name>van</name>\n    <bndbox>\n"
    "      <xmin>1</xmin>\n      <ymin>1</ymin>\n      <xmax>5</xmax>\n      <ymax>5</ymax>\n"
    "    </bndbox>\n  </object>\n</annotation>\n"
)
SIZE = {"width": 64, "height": 48}


def read(files: Any) -> Dataset:
    return assemble("yard", voc.gather(files, voc.claims(files), Options()))


def read_one(body: str | bytes) -> Dataset:
    return read_file(voc, "a.xml", body)


# Writing back into the files that were read


def spliced(dataset: Dataset, folder: Path, body: str = ONE) -> tuple[str, LossReport]:
    report = write_back(voc, dataset, folder)
    return (folder / "a.xml").read_text(encoding="utf-8"), report


def test_changed_corner_changes_only_its_number(tmp_path: Path) -> None:
    text, report = spliced(with_values(read_one(ONE), 0, x1=12.5, y2=41.0), tmp_path)
    assert text == ONE.replace("<xmin>11<", "<xmin>13.5<").replace("<ymax>40<", "<ymax>41<")
    assert report.losses == ()


def test_changed_class_is_escaped(tmp_path: Path) -> None:
    dataset = with_values(read_one(ONE), 1, label="R&D <van>")
    text, _ = spliced(dataset, tmp_path)
    assert text == ONE.replace("<name>van<", "<name>R&amp;D &lt;van&gt;<")


def test_changed_class_in_another_encoding_is_a_character_reference(tmp_path: Path) -> None:
    body = f'<?xml version="1.0" encoding="latin-1"?>{ONE}'
    write_back(voc, with_values(read_one(body), 1, label="знак"), tmp_path)
    again = read(open_tree(tmp_path))
    assert again.boxes["label"].tolist() == ["car", "знак"]


def test_flags_are_changed_or_added_where_the_devkit_has_them(tmp_path: Path) -> None:
    dataset = with_values(read_one(ONE), 0, difficult=True, role="ignore", truncated=1.0)
    dataset = with_values(dataset, 1, role="ignore", occluded=1.0)
    text, report = spliced(dataset, tmp_path)
    assert text == ONE.replace(
        "    <difficult>0<", "    <truncated>1</truncated>\n    <difficult>1<"
    ).replace(
        "<name>van</name>\n",
        "<name>van</name>\n    <occluded>1</occluded>\n    <difficult>1</difficult>\n",
    )
    # Nobody said whether the van is difficult: only the role is.
    assert losses(report) == {"boxes.difficult": 1}


def test_flag_that_becomes_unknown_is_cut_out(tmp_path: Path) -> None:
    text, _ = spliced(with_values(read_one(ONE), 0, difficult=pd.NA), tmp_path)
    assert text == ONE.replace("\n    <difficult>0</difficult>", "")


def test_removed_object_is_cut_out_with_the_space_before_it(tmp_path: Path) -> None:
    dataset = read_one(ONE)
    text, _ = spliced(dataset.with_tables(boxes=dataset.boxes.iloc[1:]), tmp_path)
    start, end = ONE.index("\n  <object>"), ONE.index("</object>") + len("</object>")
    assert text == ONE[:start] + ONE[end:]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_added_object_follows_the_last_in_the_file_s_own_layout(
    tmp_path: Path, newline: str
) -> None:
    body = ONE.replace("\n", newline)
    write_back(voc, with_box(read_one(body)), tmp_path)
    lines = (
        "  <object>", "    <name>bus</name>",
        "    <truncated>0</truncated>", "    <difficult>0</difficult>", "    <bndbox>",
        "      <xmin>2</xmin>", "      <ymin>3</ymin>", "      <xmax>3</xmax>",
        "      <ymax>4</ymax>", "    </bndbox>", "  </object>",
    )  # fmt: skip
    end = body.index("</annotation>")
    wanted = body[:end] + "".join(line + newline for line in lines) + body[end:]
    assert (tmp_path / "a.xml").read_bytes().decode() == wanted


def test_added_object_takes_the_place_of_removed_ones(tmp_path: Path) -> None:
    dataset = with_box(read_one(ONE))
    write_back(voc, dataset.with_tables(boxes=dataset.boxes.iloc[2:]), tmp_path)
    assert read(open_tree(tmp_path)).boxes["label"].tolist() == ["bus"]


@pytest.mark.parametrize("body", ["<annotation/>", "<annotation></annotation>", "<annotation>\n"
                                  "</annotation>", "<annotation><size/></annotation>"])  # fmt: skip
def test_objects_are_added_to_a_file_without_any(tmp_path: Path, body: str) -> None:
    empty = read_one(body)
    with_two = with_box(with_box(empty, label="car", x2=30.0, box_id=78))
    write_back(voc, with_two, tmp_path)
    again = read(open_tree(tmp_path))
    assert again.boxes["label"].tolist() == ["car", "bus"]
    assert again.boxes["x2"].tolist() == [30.0, 3.0]


def test_tag_that_gets_a_box_gets_a_bndbox(tmp_path: Path) -> None:
    for body in ("<object><name>car</name></object>", "<object/>",
                 "<object><name>car</name><bndbox/></object>"):  # fmt: skip
        dataset = read_one(f"<annotation>{body}</annotation>")
        edges = {"x1": 0.0, "y1": 1.0, "x2": 5.0, "y2": 6.0}
        write_back(voc, with_values(dataset, 0, label="car", shape="box", **edges), tmp_path)
        again = read(open_tree(tmp_path)).boxes
        assert again[list(edges)].to_numpy().tolist() == [[0.0, 1.0, 5.0, 6.0]]
        assert again["label"].tolist() == ["car"]


def test_changed_attribute_changes_its_element(tmp_path: Path) -> None:
    body = ONE.replace("<difficult>0<", "<pose>Left</pose><id>5</id><difficult>0<")
    dataset = with_values(read_one(body), 0, attributes='{"pose": "Rear", "colour": "red"}')
    text, report = spliced(dataset, tmp_path)
    assert "<pose>Rear</pose><difficult>" in text
    assert "<colour>red</colour>" in text
    assert report.losses == ()


def test_empty_elements_are_filled(tmp_path: Path) -> None:
    body = ONE.replace("<difficult>0</difficult>", "<difficult/>").replace(">car<", "> <")
    body = body.replace("<xmin>11</xmin>", "")
    dataset = with_values(read_one(body), 0, label="car", difficult=False, x1=10.0)
    write_back(voc, dataset, tmp_path)
    again = read(open_tree(tmp_path))
    assert again.findings.empty
    names = ["label", "difficult", "x1", "y1", "x2", "y2"]
    assert again.boxes[names].to_numpy().tolist()[0] == ["car", False, 10.0, 20.0, 30.0, 40.0]


def test_box_cannot_be_added_to_an_unreadable_file(tmp_path: Path) -> None:
    text, report = spliced(with_box(read_one("<annotation>")), tmp_path)
    assert text == "<annotation>"
    assert losses(report)["boxes"] == 1


@pytest.mark.parametrize("attributes", ["[", "[1]", '{"a b": "1"}', '{"n": 1}', '{"name": "x"}'])
def test_attributes_that_are_no_elements_are_a_loss(tmp_path: Path, attributes: str) -> None:
    text, report = spliced(with_values(read_one(ONE), 0, attributes=attributes), tmp_path)
    assert text == ONE
    assert losses(report) == {"boxes.attributes": 1}


def test_change_that_voc_cannot_hold_is_a_loss(tmp_path: Path) -> None:
    dataset = with_values(read_one(ONE), 0, score=0.5, role="exclude", x1=math.nan)
    text, report = spliced(dataset, tmp_path)
    assert text == ONE
    assert losses(report) == {"boxes.role": 1, "boxes.score": 1, "boxes.x1": 1}


@pytest.mark.parametrize(
    ("column", "lost"),
    [
        ("difficult", {"boxes.role": 1}),
        ("is_group", {"boxes.difficult": 1, "boxes.is_group": 1, "boxes.role": 1}),
    ],
)
def test_what_is_read_of_difficult_beside_the_change_is_told(
    tmp_path: Path, column: str, lost: dict[str, int]
) -> None:
    text, report = spliced(with_values(read_one(ONE), 0, **{column: True}), tmp_path)
    assert text == ONE.replace("<difficult>0<", "<difficult>1<")
    assert losses(report) == lost


def test_removed_image_takes_its_file_and_list_lines_along(tmp_path: Path) -> None:
    files = {
        "Annotations/a.xml": ONE,
        "Annotations/b.xml": ONE.replace("a.jpg", "b.jpg"),
        "ImageSets/Main/train.txt": "a\r\nb\r\n",
        "ImageSets/Main/car_train.txt": "b -1\na  1",
    }
    dataset = read(kept(files))
    images = dataset.images.iloc[1:]
    boxes = dataset.boxes[dataset.boxes["image_id"].isin(images["image_id"])]
    report = write_back(voc, dataset.with_tables(images=images, boxes=boxes), tmp_path)
    assert written(tmp_path) == {
        "Annotations/b.xml": files["Annotations/b.xml"].encode(),
        "ImageSets/Main/car_train.txt": b"b -1\n",
        "ImageSets/Main/train.txt": b"b\r\n",
    }
    assert (report.images, report.boxes) == (1, 2)


# Writing from the columns


def test_file_from_columns_looks_like_the_devkit_s(tmp_path: Path) -> None:
    edges = {"x1": 100.0, "y1": 50.0, "x2": 200.0, "y2": 250.5}
    dataset = table_set({"label": "car", "occluded": 0.0, **edges}, 1, **SIZE)
    report = voc.write(dataset, tmp_path, None)
    assert (tmp_path / "Annotations" / "a.xml").read_text(encoding="utf-8") == (
        "<annotation>\n\t<folder>yard</folder>\n\t<filename>a.jpg</filename>\n\t<source>\n"
        "\t\t<database>Unknown</database>\n\t</source>\n\t<size>\n\t\t<width>64</width>\n"
        "\t\t<height>48</height>\n\t\t<depth>3</depth>\n\t</size>\n"
        "\t<segmented>0</segmented>\n\t<object>\n\t\t<name>car</name>\n"
        "\t\t<truncated>0</truncated>\n"
        "\t\t<occluded>0</occluded>\n\t\t<difficult>0</difficult>\n\t\t<bndbox>\n"
        "\t\t\t<xmin>101</xmin>\n\t\t\t<ymin>51</ymin>\n\t\t\t<xmax>200</xmax>\n"
        "\t\t\t<ymax>250.5</ymax>\n\t\t</bndbox>\n\t</object>\n</annotation>\n"
    )
    assert losses(report) == {"boxes.truncated": 1, "boxes.difficult": 1}


def test_values_that_voc_lacks_are_counted_losses(tmp_path: Path) -> None:
    values = {
        "label": ["car", "car", "car", None, "car", "c\0r", "car"],
        "shape": ["box", "polygon", "point", "box", "box", "box", "box"],
        "role": ["include", "ignore", "include", "include", "include", "review", "include"],
        "is_group": [None, None, None, None, True, None, None],
        "x1": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, math.nan],
        "truncated": [0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        "score": [0.9, None, None, None, None, None, None],
        "attributes": ['{"alpha": 1}', None, None, None, None, None, None],
    }
    dataset = table_set({"y1": 0.0, "x2": 5.0, "y2": 5.0, **values}, 7)
    report = voc.write(dataset, tmp_path, None)
    assert losses(report) == {
        "boxes (box)": 2, "boxes (point)": 1, "polygon outline": 1, "boxes.score": 1,
        "boxes.label": 1, "boxes.role": 1, "boxes.is_group": 1, "boxes.truncated": 1,
        "boxes.attributes": 1, "boxes.difficult": 2,
    }  # fmt: skip
    again = read(open_tree(tmp_path)).boxes
    assert again["label"].tolist() == ["car", "car", "car", "c\ufffdr"]
    assert again["role"].tolist() == ["include", "ignore", "ignore", "include"]


def test_images_without_known_labels_get_no_file(tmp_path: Path) -> None:
    dataset = table_set({}, 0, ("a.jpg", "b.jpg", "c.jpg"))
    states = dataset.images.assign(label_state=["empty", "missing", "unreadable"])
    states["label_state"] = states["label_state"].astype(dataset.images["label_state"].dtype)
    report = voc.write(dataset.with_tables(images=states), tmp_path, None)
    assert list(written(tmp_path)) == ["Annotations/a.xml"]
    assert [(loss.field, loss.count) for loss in report.losses if loss.field == "images"] == [
        ("images", 1),
        ("images", 1),
    ]


def test_file_names_are_kept_apart_and_below_the_folder(tmp_path: Path) -> None:
    names = ("pair.jpg", "pair.png", "PAIR.gif", "../../up.jpg", "cam:1/con.jpg", "a\nb.jpg")
    report = voc.write(table_set({}, 0, names), tmp_path, None)
    assert report.files == 6
    assert sorted(written(tmp_path)) == [
        "Annotations/PAIR.xml", "Annotations/a_b.xml", "Annotations/cam_1/_con.xml",
        "Annotations/pair.jpg.xml", "Annotations/pair.png.xml", "Annotations/up.xml",
    ]  # fmt: skip


def test_splits_are_written_as_lists(tmp_path: Path) -> None:
    dataset = table_set({}, 0, ("b.jpg", "cam/a.jpg", "c.jpg"))
    images = dataset.images.copy()
    images.loc[[0, 1], "split"] = "train"
    voc.write(dataset.with_tables(images=images), tmp_path, None)
    assert written(tmp_path)["ImageSets/Main/train.txt"] == b"b\ncam/a\n"
    again = read(open_tree(tmp_path))
    splits = dict(zip(again.images["image_key"], again.images["split"], strict=True))
    assert splits["yard/cam/a.jpg"] == "train"


finite = st.floats(-1e6, 1e6) | st.integers(-1000, 1000).map(float)
label_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1)
labels = label_text.filter(lambda t: t == t.strip() and "\ufffe" not in t and "\uffff" not in t)
box_values = st.tuples(
    labels, finite, finite, finite, finite, st.sampled_from([0.0, 1.0]),
    st.sampled_from([None, 0.0, 1.0]), st.booleans(),
)  # fmt: skip


def drawn_set(rows: list[tuple[Any, ...]]) -> Dataset:
    names = ("label", "x1", "y1", "x2", "y2", "truncated", "occluded", "difficult")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
    columns["role"] = ["ignore" if row[7] else "include" for row in rows]
    return table_set(columns, len(rows), **SIZE)


@given(st.lists(box_values, max_size=5))
def test_columns_survive_writing_and_reading(tmp_path_factory: Any, rows: list[Any]) -> None:
    dataset = drawn_set(rows)
    folder = tmp_path_factory.mktemp("voc")
    voc.write(dataset, folder, None)
    again = read(open_tree(folder))
    assert again.findings.empty
    exact = ["label", "role", "truncated", "occluded", "difficult"]
    pd.testing.assert_frame_equal(again.boxes[exact], dataset.boxes[exact])
    np.testing.assert_allclose(again.boxes[EDGES], dataset.boxes[EDGES], rtol=1e-9, atol=1e-9)


@given(st.lists(box_values, min_size=1, max_size=4), st.data())
def test_changes_survive_splicing(tmp_path_factory: Any, rows: list[Any], data: Any) -> None:
    folder = tmp_path_factory.mktemp("voc")
    voc.write(drawn_set(rows), folder, None)
    dataset = read(open_tree(folder))
    row = data.draw(st.integers(0, len(rows) - 1))
    label, x1, _, x2, _, truncated, occluded, difficult = data.draw(box_values)
    dataset = with_values(
        dataset, row, label=label, x1=x1, x2=x2, truncated=truncated, occluded=occluded,
        difficult=difficult, role="ignore" if difficult else "include",
    )  # fmt: skip
    target = tmp_path_factory.mktemp("voc")
    report = write_back(voc, dataset, target)
    assert report.losses == ()
    again = read(open_tree(target))
    names = ["label", "role", "truncated", "occluded", "difficult"]
    pd.testing.assert_frame_equal(again.boxes[names], dataset.boxes[names])
    np.testing.assert_allclose(again.boxes[EDGES], dataset.boxes[EDGES], rtol=1e-9, atol=1e-9)


def test_an_image_of_unknown_size_gets_no_size_element(tmp_path: Path) -> None:
    value = document(annotation(1))
    del value["images"][0]["width"]
    formats.write(formats.read(store(tmp_path, value)), "voc", tmp_path / "out")
    again = formats.read(tmp_path / "out")
    assert again.images["width"].isna().tolist() == [True, False]
    assert len(again.findings) == 0
    assert again.boxes[["x1", "y1", "x2", "y2"]].values.tolist() == [[10, 10, 30, 40]]
