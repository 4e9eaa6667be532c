"""PASCAL VOC: reading, and writing back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.errors import OutputError, SourceError
from curate.formats import voc
from curate.formats.reading import KeptFiles, Options
from curate.formats.writing import LossReport
from curate.sources import MemorySources
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS, box_hashes, key_hashes, make_table
from curate.tree import open_tree

CASES = Path(__file__).resolve().parents[1] / "cases" / "formats" / "voc"
MAKE_SENSE = (
    "<annotation>\n\t<folder>yard</folder>\n\t<filename>a.jpg</filename>\n"
    "\t<path>/yard/a.jpg</path>\n\t<source>\n\t\t<database>Unspecified</database>\n\t</source>\n"
    "</annotation>"
)
ONE = (
    "<annotation>\n  <filename>a.jpg</filename>\n  <segmented>0</segmented>\n  <object>\n"
    "    <name>car</name>\n    <difficult>0</difficult>\n    <bndbox>\n"
    "      <xmin>11</xmin>\n      <ymin>21</ymin>\n      <xmax>30</xmax>\n      <ymax>40</ymax>\n"
    "    </bndbox>\n  </object>\n  <object>\n    <name>van</name>\n    <bndbox>\n"
    "      <xmin>1</xmin>\n      <ymin>1</ymin>\n      <xmax>5</xmax>\n      <ymax>5</ymax>\n"
    "    </bndbox>\n  </object>\n</annotation>\n"
)


def kept(files: Mapping[str, str | bytes]) -> KeptFiles:
    bodies = {name: b.encode() if isinstance(b, str) else b for name, b in files.items()}
    return KeptFiles(MemorySources(bodies))


def read(files: Any, name: str = "yard") -> Dataset:
    return assemble(name, voc.gather(files, voc.claims(files), Options()))


def read_one(body: str | bytes) -> Dataset:
    files = kept({"a.xml": body})
    return assemble("yard", voc.gather(files, ["a.xml"], Options()))


def write_back(dataset: Dataset, folder: Path) -> LossReport:
    return voc.write(dataset, folder, read(KeptFiles(dataset.sources), dataset.name))


def written(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def with_values(dataset: Dataset, row: int, **values: Any) -> Dataset:
    boxes = dataset.boxes.copy()
    for name, value in values.items():
        boxes.loc[row, name] = value
    return dataset.with_tables(boxes=boxes)


def losses(report: LossReport) -> dict[str, int]:
    return {loss.field: loss.count for loss in report.losses}


def same(value: object, wanted: object) -> bool:
    return bool(pd.isna(value)) if wanted is None else value == wanted  # type: ignore[call-overload]


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda case: case.name)
def test_case_gives_the_expected_rows_and_findings(case: Path) -> None:
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    dataset = read(open_tree(case))
    for table, rows in ((dataset.images, expected["images"]), (dataset.boxes, expected["boxes"])):
        assert len(table) == len(rows)
        for index, row in enumerate(rows):
            got = {name: table[name].iloc[index] for name in row}
            assert all(same(got[name], row[name]) for name in row), got
    found = dataset.findings[["check", "file", "line", "message"]].to_numpy().tolist()
    assert sorted(map(str, found)) == sorted(map(str, expected["findings"]))
    wanted_extras = expected["extras"]
    assert not wanted_extras or voc.extras(dataset) == wanted_extras


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda case: case.name)
def test_untouched_case_is_written_byte_for_byte(case: Path, tmp_path: Path) -> None:
    tree = open_tree(case)
    report = write_back(read(tree), tmp_path)
    assert written(tmp_path) == {
        name: tree.read(name) for name in tree.files if name != "expected.json"
    }
    assert report.losses == ()


def test_box_span_is_its_object_element() -> None:
    dataset = read_one("\ufeff" + ONE.replace("\n", "\r\n"))
    for start, end in zip(dataset.boxes["start"], dataset.boxes["end"], strict=True):
        span = dataset.sources.span("a.xml", start, end)
        assert span.startswith(b"<object>")
        assert span.endswith(b"</object>")
    assert dataset.boxes["line"].tolist() == [4, 14]


@pytest.mark.parametrize("element", ["<object/>", "<object></object >", '<object a=">"/>'])
def test_span_of_an_object_without_content_is_its_tags(element: str) -> None:
    dataset = read_one(f"<annotation>{element}</annotation>")
    start, end = dataset.boxes[["start", "end"]].to_numpy(int).tolist()[0]
    assert dataset.sources.span("a.xml", start, end).decode() == element


def test_one_byte_encodings_are_read_with_right_spans() -> None:
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?>{ONE}'.replace("van", "vän")
    body = text.encode("latin-1")
    dataset = read_one(body)
    assert dataset.boxes["label"].tolist() == ["car", "vän"]
    start, end = dataset.boxes[["start", "end"]].to_numpy(int).tolist()[1]
    assert body[start:end].startswith(b"<object>\n    <name>v\xe4n</name>")


@pytest.mark.parametrize(
    "body",
    [
        ONE.encode("utf-16"),
        ONE.encode("utf-16-le"),
        b'<?xml version="1.0" encoding="gb2312"?><annotation/>',
        b'<?xml version="1.0" encoding="nope"?><annotation/>',
        b'<?xml version="1.0" encoding="rot13"?><annotation/>',
        b'<?xml version="1.0" encoding="windows-1259"?><annotation/>',
        b"\0",
        b"<annotation>" + b"<a>" * 100_000,
        b"<annotation><filename>\xff</filename></annotation>",
        b"<annotation><filename>&gate;</filename></annotation>",
    ],
)
def test_undecodable_file_keeps_its_image_as_unreadable(body: bytes) -> None:
    dataset = read_one(body)
    assert dataset.images["label_state"].tolist() == ["unreadable"]
    assert dataset.images["image_key"].tolist() == ["yard/a"]
    assert dataset.findings["check"].tolist() == ["SRC-002"]


class Unreadable(KeptFiles):
    """Files that are listed and cannot be read."""

    def read(self, file: str) -> bytes:
        raise SourceError("cannot be read: Input/output error", mend="check the disk")

    def head(self, file: str, n_bytes: int | None) -> bytes:
        return self.read(file)


def test_file_that_cannot_be_read_keeps_its_image_and_no_bytes() -> None:
    files = {"Annotations/a.xml": ONE, "ImageSets/Main/train.txt": "a"}
    dataset = read(Unreadable(MemorySources({name: b.encode() for name, b in files.items()})))
    assert dataset.images["label_state"].tolist() == ["unreadable"]
    assert dataset.findings["check"].tolist() == ["SRC-002", "SRC-002"]
    assert dataset.sources.names() == []


def test_elements_that_no_column_holds_are_counted() -> None:
    body = (
        '<annotation verified="yes"><size><width>4</width><width>5</width><depth>3</depth></size>'
        "<object><name>car</name><actions>run</actions><id>1</id><id>2</id>"
        "<bndbox><xmin>1</xmin><xmin>2</xmin><ymin>1</ymin><xmax>3</xmax><ymax>3</ymax></bndbox>"
        "</object></annotation>"
    )
    dataset = read_one(body)
    assert voc.extras(dataset) == {"annotation@verified": 1, "actions": 1, "depth": 1, "id": 1}
    assert dataset.boxes.loc[0, "x1"] == 0
    assert dataset.boxes.loc[0, "attributes"] == '{"id": "1"}'
    assert dataset.findings["message"].tolist() == [
        "object 0 has more than one <xmin>, should have one"
    ]


def test_other_root_element_is_a_finding_that_names_it() -> None:
    dataset = read_one("<annotations><image/></annotations>")
    assert "'annotations', should be 'annotation'" in dataset.findings["message"].iloc[0]


def test_absolute_file_name_is_cut_to_its_last_part() -> None:
    for name in ("/data/cam/a.jpg", "C:\\cam\\a.jpg"):
        dataset = read_one(f"<annotation><filename>{name}</filename></annotation>")
        assert dataset.images["image_key"].tolist() == ["yard/a.jpg"]


def test_repeated_child_is_a_finding_and_the_first_one_counts() -> None:
    dataset = read_one(ONE.replace("<name>car</name>", "<name>car</name><name>bus</name>"))
    assert dataset.boxes["label"].tolist() == ["car", "van"]
    message = dataset.findings["message"].iloc[0]
    assert message == "object 0 has more than one <name>, should have one"


def test_claims_refuses_make_sense_and_other_roots() -> None:
    files = {"cvat.xml": "<annotations></annotations>", "ms.xml": MAKE_SENSE, "voc.xml": ONE}
    assert voc.claims(kept(files)) == ["voc.xml"]


@pytest.mark.parametrize(
    "changed",
    [
        MAKE_SENSE.replace("/yard/", "/other/"),
        MAKE_SENSE.replace("Unspecified", "Unknown"),
        MAKE_SENSE.replace("</source>", "</source><segmented>0</segmented>"),
    ],
)
def test_claims_takes_what_has_only_two_marks_of_make_sense(changed: str) -> None:
    assert voc.claims(kept({"a.xml": changed})) == ["a.xml"]


@pytest.mark.parametrize(
    ("others", "is_claimed"),
    [
        ({"b.xml": ONE}, True),
        ({"b.xml": ONE, "c.xml": MAKE_SENSE}, True),
        ({}, True),
        ({"b.xml": MAKE_SENSE}, False),
        ({"b.xml": "<annotations/>"}, False),
    ],
)
def test_claims_takes_broken_files_that_no_other_format_explains(
    others: dict[str, str], is_claimed: bool
) -> None:
    assert ("a.xml" in voc.claims(kept({"a.xml": "", **others}))) is is_claimed


def test_claims_is_quick_on_hostile_prolog() -> None:
    body = "<!-- -->" * 8000 + "<!X [" * 100
    assert voc.claims(kept({"a.xml": body, "b.xml": "<other/>"})) == []


def test_lists_of_two_roots_do_not_mix() -> None:
    files = {
        "VOC2007/Annotations/1.xml": "<annotation><filename>a.jpg</filename></annotation>",
        "VOC2007/ImageSets/Main/train.txt": "1",
        "VOC2012/Annotations/1.xml": "<annotation><filename>b.jpg</filename></annotation>",
        "VOC2012/ImageSets/Main/val.txt": "\ufeff1\r\n",
    }
    dataset = read(kept(files))
    assert dataset.images["split"].tolist() == ["train", "val"]


def test_id_that_ends_in_a_flag_is_an_id_first() -> None:
    files = {"Annotations/cam 1.xml": ONE, "ImageSets/Main/train.txt": "cam 1\n"}
    assert read(kept(files)).images["split"].tolist() == ["train"]


def test_list_that_is_no_text_is_a_finding() -> None:
    files: dict[str, str | bytes] = {}
    files |= {"Annotations/a.xml": ONE, "ImageSets/Main/train.txt": b"a\n\xff\n"}
    dataset = read(kept(files))
    assert dataset.findings[["check", "file", "line"]].to_numpy().tolist() == [
        ["SRC-002", "ImageSets/Main/train.txt", 2]
    ]


# Writing back into the files that were read


def spliced(dataset: Dataset, folder: Path, body: str = ONE) -> tuple[str, LossReport]:
    report = write_back(dataset, folder)
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
    write_back(with_values(read_one(body), 1, label="знак"), tmp_path)
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
    assert report.losses == ()


def test_flag_that_becomes_unknown_is_cut_out(tmp_path: Path) -> None:
    text, _ = spliced(with_values(read_one(ONE), 0, difficult=pd.NA), tmp_path)
    assert text == ONE.replace("\n    <difficult>0</difficult>", "")


def test_removed_object_is_cut_out_with_the_space_before_it(tmp_path: Path) -> None:
    dataset = read_one(ONE)
    text, _ = spliced(dataset.with_tables(boxes=dataset.boxes.iloc[1:]), tmp_path)
    start, end = ONE.index("\n  <object>"), ONE.index("</object>") + len("</object>")
    assert text == ONE[:start] + ONE[end:]


def added(dataset: Dataset) -> Dataset:
    image_id = dataset.images["image_id"].iloc[0]
    row = {"label": "bus", "x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0, "box_id": 77}
    plain = {"shape": "box", "role": "include", "origin": "human", "file": "a.xml"}
    new = make_table(BOX_COLUMNS, 1, {**row, **plain, "image_id": int(image_id)})
    return dataset.with_tables(boxes=pd.concat([dataset.boxes, new]))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_added_object_follows_the_last_in_the_file_s_own_layout(
    tmp_path: Path, newline: str
) -> None:
    body = ONE.replace("\n", newline)
    write_back(added(read_one(body)), tmp_path)
    lines = (
        "  <object>", "    <name>bus</name>", "    <pose>Unspecified</pose>",
        "    <truncated>0</truncated>", "    <difficult>0</difficult>", "    <bndbox>",
        "      <xmin>2</xmin>", "      <ymin>3</ymin>", "      <xmax>3</xmax>",
        "      <ymax>4</ymax>", "    </bndbox>", "  </object>",
    )  # fmt: skip
    end = body.index("</annotation>")
    wanted = body[:end] + "".join(line + newline for line in lines) + body[end:]
    assert (tmp_path / "a.xml").read_bytes().decode() == wanted


def test_added_object_takes_the_place_of_removed_ones(tmp_path: Path) -> None:
    dataset = added(read_one(ONE))
    write_back(dataset.with_tables(boxes=dataset.boxes.iloc[2:]), tmp_path)
    assert read(open_tree(tmp_path)).boxes["label"].tolist() == ["bus"]


@pytest.mark.parametrize("body", ["<annotation/>", "<annotation></annotation>", "<annotation>\n"
                                  "</annotation>", "<annotation><size/></annotation>"])  # fmt: skip
def test_objects_are_added_to_a_file_without_any(tmp_path: Path, body: str) -> None:
    empty = read_one(body)
    with_two = added(added(empty))
    write_back(with_values(with_two, 0, label="car", x2=30.0, box_id=78), tmp_path)
    again = read(open_tree(tmp_path))
    assert again.boxes["label"].tolist() == ["car", "bus"]
    assert again.boxes["x2"].tolist() == [30.0, 3.0]


def test_tag_that_gets_a_box_gets_a_bndbox(tmp_path: Path) -> None:
    for body in ("<object><name>car</name></object>", "<object/>",
                 "<object><name>car</name><bndbox/></object>"):  # fmt: skip
        dataset = read_one(f"<annotation>{body}</annotation>")
        edges = {"x1": 0.0, "y1": 1.0, "x2": 5.0, "y2": 6.0}
        write_back(with_values(dataset, 0, label="car", shape="box", **edges), tmp_path)
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
    write_back(dataset, tmp_path)
    again = read(open_tree(tmp_path))
    assert again.findings.empty
    names = ["label", "difficult", "x1", "y1", "x2", "y2"]
    assert again.boxes[names].to_numpy().tolist()[0] == ["car", False, 10.0, 20.0, 30.0, 40.0]


def test_box_cannot_be_added_to_an_unreadable_file(tmp_path: Path) -> None:
    text, report = spliced(added(read_one("<annotation>")), tmp_path)
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
    report = write_back(dataset.with_tables(images=images, boxes=boxes), tmp_path)
    assert written(tmp_path) == {
        "Annotations/b.xml": files["Annotations/b.xml"].encode(),
        "ImageSets/Main/car_train.txt": b"b -1\n",
        "ImageSets/Main/train.txt": b"b\r\n",
    }
    assert (report.images, report.boxes) == (1, 2)


def test_kept_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    dataset = assemble("yard", voc.gather(kept({"../a.xml": ONE}), ["../a.xml"], Options()))
    with pytest.raises(OutputError, match="leads out of the output folder"):
        voc.write(dataset, tmp_path, dataset)


# Writing from the columns


def table_set(boxes: dict[str, Any], n_boxes: int, names: tuple[str, ...] = ("a.jpg",)) -> Dataset:
    """A dataset without sources; all boxes lie in the first image."""
    keys = [f"yard/{name}" for name in names]
    ids = key_hashes(keys)
    images = make_table(
        IMAGE_COLUMNS,
        len(names),
        {"image_id": ids, "image_key": keys, "box_frame": "upright", "source": "yard",
         "label_state": "present", "width": 64, "height": 48},
    )  # fmt: skip
    box_ids = box_hashes(np.repeat(ids[:1], n_boxes), np.arange(n_boxes))
    values = {"shape": "box", "role": "include", "origin": "human", "file": "x"} | boxes
    table = make_table(
        BOX_COLUMNS, n_boxes, {"box_id": box_ids, "image_id": [int(ids[0])] * n_boxes, **values}
    )
    return read(kept({})).with_tables(images=images, boxes=table)


def test_file_from_columns_looks_like_the_devkit_s(tmp_path: Path) -> None:
    edges = {"x1": 100.0, "y1": 50.0, "x2": 200.0, "y2": 250.5}
    dataset = table_set({"label": "car", "occluded": 0.0, **edges}, 1)
    report = voc.write(dataset, tmp_path, None)
    assert (tmp_path / "Annotations" / "a.xml").read_text(encoding="utf-8") == (
        "<annotation>\n\t<folder>yard</folder>\n\t<filename>a.jpg</filename>\n\t<source>\n"
        "\t\t<database>Unknown</database>\n\t</source>\n\t<size>\n\t\t<width>64</width>\n"
        "\t\t<height>48</height>\n\t\t<depth>3</depth>\n\t</size>\n"
        "\t<segmented>0</segmented>\n\t<object>\n\t\t<name>car</name>\n"
        "\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n"
        "\t\t<occluded>0</occluded>\n\t\t<difficult>0</difficult>\n\t\t<bndbox>\n"
        "\t\t\t<xmin>101</xmin>\n\t\t\t<ymin>51</ymin>\n\t\t\t<xmax>200</xmax>\n"
        "\t\t\t<ymax>250.5</ymax>\n\t\t</bndbox>\n\t</object>\n</annotation>\n"
    )
    assert losses(report) == {"boxes.truncated": 1}


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
        "boxes.attributes": 1,
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
    return table_set(columns, len(rows))


@given(st.lists(box_values, max_size=5))
def test_columns_survive_writing_and_reading(tmp_path_factory: Any, rows: list[Any]) -> None:
    dataset = drawn_set(rows)
    folder = tmp_path_factory.mktemp("voc")
    voc.write(dataset, folder, None)
    again = read(open_tree(folder))
    assert again.findings.empty
    exact = ["label", "role", "truncated", "occluded", "difficult"]
    pd.testing.assert_frame_equal(again.boxes[exact], dataset.boxes[exact])
    edges = ["x1", "y1", "x2", "y2"]
    np.testing.assert_allclose(again.boxes[edges], dataset.boxes[edges], rtol=1e-9, atol=1e-9)


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
    report = write_back(dataset, target)
    assert report.losses == ()
    again = read(open_tree(target))
    names = ["label", "role", "truncated", "occluded", "difficult"]
    pd.testing.assert_frame_equal(again.boxes[names], dataset.boxes[names])
    edges = ["x1", "y1", "x2", "y2"]
    np.testing.assert_allclose(again.boxes[edges], dataset.boxes[edges], rtol=1e-9, atol=1e-9)


# Real files

REAL = {
    "rodm_multiformat/gts/pascalvoc_format": (100, 273),
    "rodm_multiformat/gts/imagenet_format": (100, 273),
    "voc_bccd": (364, 4888),
    "voc_raccoon": (200, 217),
    "voc_parts_sample": (1, 1),
}


@pytest.mark.parametrize("folder", REAL)
def test_real_set_comes_back_byte_for_byte(real_data: Path, tmp_path: Path, folder: str) -> None:
    tree = open_tree(real_data / folder)
    dataset = read(tree)
    assert (len(dataset.images), len(dataset.boxes)) == REAL[folder]
    assert dataset.findings.empty
    report = write_back(dataset, tmp_path)
    bodies = written(tmp_path)
    assert set(bodies) >= {name for name in tree.files if name.endswith(".xml")}
    assert all(tree.read(name) == body for name, body in bodies.items())
    assert report.losses == ()


def test_real_parts_are_counted_and_kept_out_of_the_box(real_data: Path) -> None:
    dataset = read(open_tree(real_data / "voc_parts_sample"))
    assert voc.extras(dataset)["part"] == 4
    edges = dataset.boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist()
    assert edges == [[173, 100, 349, 351]]


def test_rodm_voc_lies_one_px_left_and_up_of_its_coco_form(real_data: Path) -> None:
    gts = real_data / "rodm_multiformat" / "gts"
    dataset = read(open_tree(gts / "pascalvoc_format"))
    coco = json.loads((gts / "coco_format_v1" / "instances_default.json").read_text())
    names = {image["id"]: Path(image["file_name"]).name for image in coco["images"]}
    classes = {category["id"]: category["name"] for category in coco["categories"]}
    theirs = sorted(
        (names[a["image_id"]], classes[a["category_id"]], x - 1, y - 1, x + w, y + h)
        for a in coco["annotations"]
        for x, y, w, h in [a["bbox"]]
    )
    merged = dataset.boxes.merge(dataset.images[["image_id", "image_key"]])
    keys = merged["image_key"].str.removeprefix("yard/")
    ours = sorted(zip(keys, *(merged[c] for c in ("label", "x1", "y1", "x2", "y2")), strict=True))
    assert len(ours) == 273
    assert ours == theirs


def test_no_export_of_make_sense_is_claimed(real_data: Path) -> None:
    exports = sorted((real_data / "makesense_app").glob("*/voc/*.zip"))
    assert exports
    assert [path for path in exports if voc.claims(open_tree(path))] == []


def test_a_declared_size_of_zero_is_told_and_null(tmp_path: Path) -> None:
    text = "<annotation><size><width>0</width><height>9</height></size></annotation>"
    (tmp_path / "a.xml").write_text(text, encoding="utf-8")
    dataset = read(open_tree(tmp_path))
    assert dataset.findings["message"].tolist() == [
        "the width in <size> is '0', should be a whole number of px above 0"
    ]
    assert dataset.images["width"].isna().all()
