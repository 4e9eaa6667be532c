"""PASCAL VOC: reading, and real files there and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.errors import SourceError
from curate.formats import voc
from curate.formats.reading import KeptFiles, Options
from curate.sources import MemorySources
from curate.tree import open_tree
from tests.formats.label_files import check_case, kept, read_file, write_back, written

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


def read(files: Any, name: str = "yard") -> Dataset:
    return assemble(name, voc.gather(files, voc.claims(files), Options()))


def read_one(body: str | bytes) -> Dataset:
    return read_file(voc, "a.xml", body)


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda case: case.name)
def test_case_gives_the_expected_rows_and_findings(case: Path) -> None:
    dataset = read(open_tree(case))
    wanted_extras = check_case(dataset, case)["extras"]
    assert not wanted_extras or voc.extras(dataset) == wanted_extras


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda case: case.name)
def test_untouched_case_is_written_byte_for_byte(case: Path, tmp_path: Path) -> None:
    tree = open_tree(case)
    report = write_back(voc, read(tree), tmp_path)
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
        '<annotation verified="yes"><filename>a.jpg</filename>'
        "<size><width>4</width><width>5</width><depth>3</depth></size>"
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
    report = write_back(voc, dataset, tmp_path)
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
    size = "<size><width>0</width><height>9</height></size>"
    text = f"<annotation><filename>a.jpg</filename>{size}</annotation>"
    (tmp_path / "a.xml").write_text(text, encoding="utf-8")
    dataset = read(open_tree(tmp_path))
    assert dataset.findings["message"].tolist() == [
        "the width in <size> is '0', should be a whole number of px above 0"
    ]
    assert dataset.images["width"].isna().all()


def named(*files: tuple[str, str | None]) -> list[tuple[str, str | None, str]]:
    """(level, file, message) of the doubtful names of label files that state these names."""
    bodies = {
        file: "<annotation></annotation>"
        if name is None
        else f"<annotation><filename>{name}</filename></annotation>"
        for file, name in files
    }
    rows = read(kept(bodies)).findings
    rows = rows[rows["check"] == "SRC-025"]
    found = zip(rows["level"], rows["file"], rows["message"], strict=True)
    return sorted((level, None if pd.isna(file) else file, text) for level, file, text in found)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.xml", "a.jpg"),
        ("Annotations/a.xml", "a.JPEG"),
        ("a.xml", "a"),
        ("a.xml", "sub/a.png"),
        ("a.xml", "sub\\a.png"),
        ("a.jpg.xml", "a.jpg"),
        ("shot.v2.xml", "shot.v2"),
        ("cafe\u0301.xml", "caf\u00e9.jpg"),
    ],
)
def test_a_file_name_of_the_label_files_stem_is_not_doubtful(file: str, name: str) -> None:
    assert named((file, name)) == []


def test_a_file_name_of_another_stem_is_told() -> None:
    assert named(("a.xml", "b.jpg"), ("c.xml", "c.jpg"), ("d.xml", "d.v2")) == [
        (
            "warning",
            None,
            "2 label files have a <filename> of another stem than the file's: "
            "a.xml names 'b.jpg', d.xml names 'd.v2'",
        )
    ]


def test_a_missing_file_name_is_told_and_the_stem_stays_the_images_name() -> None:
    assert named(("a.xml", None), ("b.xml", "")) == [
        (
            "warning",
            None,
            "2 label files have no <filename>, should name the picture; the stem is taken: "
            "a.xml, b.xml",
        )
    ]
    assert read_one("<annotation></annotation>").images["image_key"].tolist() == ["yard/a"]


def test_names_that_differ_in_case_or_white_space_are_told_in_one_finding() -> None:
    names = ("a.jpg", "A.jpg", "a .jpg", "b.jpg", "B.JPG", "ab.jpg")
    found = named(*((f"{number}/{name[:-4]}.xml", name) for number, name in enumerate(names)))
    assert found == [
        (
            "warning",
            None,
            "names of pictures differ only in case or white space: "
            "'a.jpg' and 'A.jpg' and 'a .jpg', 'b.jpg' and 'B.JPG'",
        )
    ]


def test_one_name_in_two_files_is_no_twin_but_recorded_twice() -> None:
    bodies = {f"{n}/a.xml": "<annotation><filename>a.jpg</filename></annotation>" for n in "12"}
    assert read(kept(bodies)).findings["check"].tolist() == ["IMG-006"]
