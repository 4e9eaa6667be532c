"""Edits of VOC and KITTI datasets: each is in the files that are written, or told as lost."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from curate import formats
from curate.assembly import assemble
from curate.dataset import Dataset
from curate.errors import OutputError
from curate.formats import kitti, voc
from curate.formats.reading import Options
from curate.formats.writing import LossReport
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS, key_hashes, make_table
from curate.tree import open_tree
from tests.formats.label_files import (
    kept,
    losses,
    read_file,
    table_set,
    with_box,
    with_values,
    write_back,
    written,
)

XML = (
    "<annotation>\n  <filename>a.jpg</filename>\n"
    "  <size><width>64</width><height>48</height><depth>3</depth></size>\n  <object>\n"
    "    <name>car</name>\n    <pose>Left</pose>\n    <truncated>0</truncated>\n"
    "    <difficult>0</difficult>\n    <bndbox>\n      <xmin>11</xmin>\n      <ymin>21</ymin>\n"
    "      <xmax>30</xmax>\n      <ymax>40</ymax>\n    </bndbox>\n"
    "    <actions><riding>1</riding></actions>\n  </object>\n  <object>\n    <name>van</name>\n"
    "    <difficult>1</difficult>\n    <bndbox>\n      <xmin>1</xmin>\n      <ymin>1</ymin>\n"
    "      <xmax>5</xmax>\n      <ymax>5</ymax>\n    </bndbox>\n  </object>\n</annotation>\n"
)
LINES = (
    "Car 0.00 0 -1.58 10.50 5.25 30.00 20.75 1.50 1.60 4.00 -2.00 1.70 9.00 -1.80 0.5\n"
    "DontCare -1 -1 -10 1.00 2.00 3.00 4.00 -1 -1 -1 -1000 -1000 -1000 -10\n"
)
LABEL = {"voc": ("a.xml", XML), "kitti": ("a.txt", LINES)}
FORMS = {"voc": voc, "kitti": kitti}

# What curate keeps for itself: an edit says nothing that a label file could hold.
BOX_BOOKKEEPING = {"box_id", "file", "line", "start", "end", "source_id"}
IMAGE_BOOKKEEPING = {
    "image_id", "path", "exif_orientation", "box_frame", "source", "source_id", "file", "line",
    "start", "end",
}  # fmt: skip
KEPT = None  # the edit is in the file

NO_ELEMENT = "VOC has no element for it"
NO_PLACE = "KITTI has no place for it"
ONE_NAME = "VOC has one name: the label is written"
ONE_TYPE = "KITTI has one type: the label is written"
XML_TEXT = "white space around it and characters that XML forbids are not kept"
NO_SPACE = "a type has no white space and is not empty: _ is written"
FLAG = "VOC has a flag: 1 is written for what is above 0, else 0"
NO_ROLE = "VOC has no word for exclude and review"
AS_DIFFICULT = "an ignored object, and a group as one, is written as difficult"
BY_CORNERS = "VOC tells it by the corners: an object that has some is a box"
ALL_BOXES = "KITTI has boxes only: every whole line is read as one"
SIMPLE = "only texts under XML names are written; actions stay as they were"
NO_CORNER = "no finite number of px: the corner is left as it was"
NO_EDGE = "no finite number of px: the edge is left as it was"
ROUNDED = "rounded to 0.01 px, or to the decimals that stood there"
STAYS = "a box stays in the file of its image"
NO_GRADE = "no grade of 0 to 3: -1 is written, for unknown"
NO_SHARE = "no share of 0 to 1: -1 is written, for unknown"
RIDING = '"actions": {"riding": "1"}'

# Per format: column, row, new value, and the reason when the file cannot hold it.
BOX_EDITS: dict[str, list[tuple[str, int, Any, str | None]]] = {
    "voc": [
        ("shape", 0, "polygon", BY_CORNERS),
        ("source_label", 0, "Car", ONE_NAME),
        ("source_label", 0, None, ONE_NAME),
        ("label", 0, "bus & tram", KEPT),
        ("label", 0, " bus", XML_TEXT),
        ("label", 0, "b\0s", XML_TEXT),
        ("label", 0, "", "an empty name is no class"),
        ("label", 0, None, "an object has a name: the old one stays"),
        ("role", 0, "ignore", KEPT),
        ("role", 0, "exclude", NO_ROLE),
        ("role", 1, "review", NO_ROLE),
        ("role", 1, "include", KEPT),
        *[(edge, 0, 2.25, KEPT) for edge in ("x1", "y1", "x2", "y2")],
        *[(edge, 0, math.nan, NO_CORNER) for edge in ("x1", "y1", "x2", "y2")],
        ("x2", 0, math.inf, NO_CORNER),
        ("is_group", 0, True, "written as difficult"),
        ("occluded", 0, 1.0, KEPT),
        ("occluded", 0, 3.0, FLAG),
        ("truncated", 0, 1.0, KEPT),
        ("truncated", 0, None, KEPT),
        ("truncated", 0, 0.25, FLAG),
        ("truncated", 0, -1.0, FLAG),
        ("difficult", 0, True, KEPT),
        ("difficult", 0, None, KEPT),
        ("difficult", 1, False, AS_DIFFICULT),
        ("difficult", 1, None, AS_DIFFICULT),
        ("attributes", 0, f'{{{RIDING}, "pose": "Rear", "colour": "red"}}', KEPT),
        ("attributes", 0, f'{{{RIDING}}}', KEPT),
        ("attributes", 0, '{"pose": "Left"}', SIMPLE),
        ("attributes", 0, f'{{{RIDING}, "pose": 5}}', SIMPLE),
        ("attributes", 0, "[", SIMPLE),
        ("attributes", 0, None, SIMPLE),
        ("score", 0, 0.5, NO_ELEMENT),
    ],
    "kitti": [
        ("shape", 0, "polygon", ALL_BOXES),
        ("source_label", 0, "car", ONE_TYPE),
        ("source_label", 0, None, ONE_TYPE),
        ("label", 0, "Tram", KEPT),
        ("label", 0, "Big Car", NO_SPACE),
        ("label", 0, "", NO_SPACE),
        ("label", 0, None, "a line has a type: the old one stays"),
        ("label", 1, "Car", "ignored, so written as DontCare"),
        ("role", 0, "exclude", NO_PLACE),
        ("role", 1, "include", "a DontCare is read as ignored"),
        *[(edge, 0, 2.25, KEPT) for edge in ("x1", "y1", "x2", "y2")],
        *[(edge, 0, 2.125, ROUNDED) for edge in ("x1", "y1", "x2", "y2")],
        *[(edge, 0, math.nan, NO_EDGE) for edge in ("x1", "y1", "x2", "y2")],
        ("y1", 0, -math.inf, NO_EDGE),
        ("score", 0, 0.75, KEPT),
        ("score", 0, None, KEPT),
        ("score", 1, 0.25, KEPT),
        ("score", 0, math.inf, "no finite number: -1 is written"),
        ("is_group", 0, True, NO_PLACE),
        ("occluded", 0, 3.0, KEPT),
        ("occluded", 0, None, KEPT),
        ("occluded", 0, 0.5, NO_GRADE),
        ("truncated", 0, 0.125, KEPT),
        ("truncated", 0, None, KEPT),
        ("truncated", 0, 1.5, NO_SHARE),
        ("difficult", 0, True, NO_PLACE),
        ("attributes", 0, '{"alpha": 0.5, "dimensions": [1, 2, 3]}', KEPT),
        ("attributes", 0, None, KEPT),
        ("attributes", 0, "[", "only the 3D columns are written"),
        ("attributes", 0, '{"alpha": "x"}', "only the 3D columns are written"),
        ("attributes", 0, '{"pose": "Left"}', "only the 3D columns are written"),
    ],
}  # fmt: skip
# Columns that neither format has a place for.
OTHERS = {
    "angle_deg": 30.0, "extent": "full", "annotator": "b", "is_depiction": True,
    "is_reflection": True, "track_id": "7", "declared_area": 400.0, "origin": "import",
}  # fmt: skip
for _form, _why in (("voc", NO_ELEMENT), ("kitti", NO_PLACE)):
    BOX_EDITS[_form] += [(name, 0, value, _why) for name, value in OTHERS.items()]
    BOX_EDITS[_form].append(("image_id", 0, "b", STAYS))

SIZE_STAYS = "changed; the label files keep the size that they state"
STATE = "changed; a label file tells it by its boxes: present with some, empty with none"
NAMES_STAY = "changed; the label files keep their names"
SIZES = ("width", "height", "declared_width", "declared_height")
IMAGE_EDITS: dict[str, Any] = {
    "image_key": "yard/z.jpg", "width": 65, "height": 65, "declared_width": 65,
    "declared_height": 65, "split": "val", "group": "cam", "frame": 3, "device": "d",
    "licence": "l", "attribution": "w", "label_state": "empty", "exhaustive": "[]",
}  # fmt: skip


def reason(form: str, column: str) -> str:
    own = {"image_key": NAMES_STAY, "label_state": STATE}
    own |= {"split": "changed; the lists of splits are kept as they were"}
    if form == "voc":
        own |= dict.fromkeys(SIZES, SIZE_STAYS)
    return own.get(column, f"changed; {NO_ELEMENT if form == 'voc' else NO_PLACE}")


def two_files(form: str) -> Dataset:
    file, body = LABEL[form]
    module = FORMS[form]
    files = kept({file: body, file.replace("a.", "b."): body.replace("a.jpg", "b.jpg")})
    return assemble("yard", module.gather(files, sorted(files.files), Options()))


def again(form: str, folder: Path) -> Dataset:
    files = open_tree(folder)
    names = sorted(file for file in files.files if not file.startswith("ImageSets/"))
    return assemble("yard", FORMS[form].gather(files, names, Options()))


def is_same(got: object, wanted: object) -> bool:
    if wanted is None or wanted != wanted:
        return bool(pd.isna(got))  # type: ignore[call-overload]
    if isinstance(wanted, str) and wanted.startswith("{"):
        return isinstance(got, str) and json.loads(got) == json.loads(wanted)
    return bool(got == wanted)


def rows_of(report: LossReport) -> list[tuple[str, int, str]]:
    return [(loss.field, loss.count, loss.why) for loss in report.losses]


def test_edits_cover_every_column_of_the_tables() -> None:
    for edits in BOX_EDITS.values():
        assert {edit[0] for edit in edits} | BOX_BOOKKEEPING == set(BOX_COLUMNS)
    assert IMAGE_EDITS.keys() | IMAGE_BOOKKEEPING == set(IMAGE_COLUMNS)


_AS_DIFFICULT = (
    "difficult",
    "an ignored object, and a group as one, is written as difficult",
)
_AS_IGNORED = ("role", "a difficult object, and a group as one, is read as ignored")
# One element of VOC says role, group and difficult: what of the other columns is read otherwise.
ONE_FLAG = {
    ("role", 0, "ignore"): [_AS_DIFFICULT],
    ("role", 1, "include"): [_AS_DIFFICULT],
    ("is_group", 0, True): [_AS_DIFFICULT, _AS_IGNORED],
    ("difficult", 0, True): [_AS_IGNORED],
}


@pytest.mark.parametrize(
    ("form", "column", "row", "value", "why"),
    [(form, *edit) for form, edits in BOX_EDITS.items() for edit in edits],
)
def test_edit_of_a_box_is_in_the_file_or_lost_for_the_true_reason(
    tmp_path: Path, form: str, column: str, row: int, value: Any, why: str | None
) -> None:
    dataset = two_files(form)
    if column == "image_id":
        value = int(dataset.images["image_id"].iloc[1])
    edited = with_values(dataset, row, **{column: value})
    report = write_back(FORMS[form], edited, tmp_path)
    own = [] if why is KEPT else [(f"boxes.{column}", 1, why)]
    also = ONE_FLAG.get((column, row, value), []) if form == "voc" else []
    assert rows_of(report) == sorted(own + [(f"boxes.{name}", 1, w) for name, w in also])
    after = again(form, tmp_path).boxes
    assert len(after) == 4
    if why is KEPT:
        assert is_same(after[column].iloc[row], value)
    # The file of the other image and all that is no neighbour of the edit stays as it was.
    other = next(file for file in dataset.formats if file.startswith("b"))
    assert written(tmp_path)[other] == dataset.sources.read(other)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("column", IMAGE_EDITS)
def test_edit_of_an_image_is_lost_for_the_true_reason(
    tmp_path: Path, form: str, column: str
) -> None:
    dataset = two_files(form)
    images = dataset.images.copy()
    images.loc[0, column] = IMAGE_EDITS[column]
    report = write_back(FORMS[form], dataset.with_tables(images=images), tmp_path)
    assert rows_of(report) == [(f"images.{column}", 1, reason(form, column))]
    assert written(tmp_path) == {file: dataset.sources.read(file) for file in dataset.formats}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("column", sorted(BOX_BOOKKEEPING - {"box_id"}))
def test_bookkeeping_of_a_box_is_no_edit(tmp_path: Path, form: str, column: str) -> None:
    dataset = two_files(form)
    value = 3 if column in ("line", "start", "end") else "3"
    report = write_back(FORMS[form], with_values(dataset, 0, **{column: value}), tmp_path)
    assert rows_of(report) == []
    assert written(tmp_path) == {file: dataset.sources.read(file) for file in dataset.formats}


def test_role_that_makes_a_kitti_box_ignored_costs_its_class(tmp_path: Path) -> None:
    report = write_back(kitti, with_values(two_files("kitti"), 0, role="ignore"), tmp_path)
    assert rows_of(report) == [("boxes.label", 1, "ignored, so written as DontCare")]
    assert again("kitti", tmp_path).boxes["role"].iloc[0] == "ignore"


def test_class_that_makes_a_kitti_box_dont_care_costs_its_role(tmp_path: Path) -> None:
    report = write_back(kitti, with_values(two_files("kitti"), 0, label="DontCare"), tmp_path)
    assert rows_of(report) == [("boxes.role", 1, "a DontCare is read as ignored")]
    assert again("kitti", tmp_path).boxes["label"].iloc[0] == "DontCare"


def test_shape_is_lost_though_an_edge_of_the_box_is_written(tmp_path: Path) -> None:
    for form, why in (("voc", BY_CORNERS), ("kitti", ALL_BOXES)):
        edited = with_values(two_files(form), 0, shape="polygon", x1=2.0)
        report = write_back(FORMS[form], edited, tmp_path / form)
        assert rows_of(report) == [("boxes.shape", 1, why)]


def test_group_cannot_be_taken_back_from_ignored(tmp_path: Path) -> None:
    edited = with_values(two_files("voc"), 1, role="include", is_group=True)
    assert rows_of(write_back(voc, edited, tmp_path)) == [
        ("boxes.is_group", 1, "written as difficult"),
        ("boxes.role", 1, "a difficult object, and a group as one, is read as ignored"),
    ]


def test_unreadable_kitti_line_takes_a_box_and_tells_what_else_was_edited(tmp_path: Path) -> None:
    edges = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.125}
    dataset = read_file(kitti, "a.txt", "Car 1 2\nCar 3\n")
    values = {"shape": "box", "annotator": "b", "role": "ignore", "occluded": 1.0}
    edited = with_values(dataset, 0, **values, **edges)
    report = write_back(kitti, with_values(edited, 1, occluded=1.0), tmp_path)
    as_it_was = "the line has too few or too many columns: it is left as it was"
    assert rows_of(report) == [
        ("boxes.annotator", 1, NO_PLACE),
        ("boxes.label", 1, "ignored, so written as DontCare"),
        ("boxes.occluded", 1, "ignored: a DontCare has nothing but its box"),
        ("boxes.occluded", 1, as_it_was),
        ("boxes.y2", 1, ROUNDED),
    ]
    assert written(tmp_path)["a.txt"].endswith(b"\nCar 3\n")


@pytest.mark.parametrize("form", FORMS)
def test_box_that_no_file_takes_is_counted_and_not_among_the_written(
    tmp_path: Path, form: str
) -> None:
    dataset = two_files(form)
    new_id = int(key_hashes(["yard/new"])[0])
    orphan = make_table(
        IMAGE_COLUMNS, 1,
        {"image_id": new_id, "image_key": "yard/new", "box_frame": "upright", "source": "yard",
         "label_state": "missing"},
    )  # fmt: skip
    wider = dataset.with_tables(images=pd.concat([dataset.images, orphan], ignore_index=True))
    report = write_back(FORMS[form], with_box(wider, image_id=new_id), tmp_path)
    assert rows_of(report) == [("boxes", 1, "added to an image that has no label file")]
    assert report.boxes == len(dataset.boxes)


@pytest.mark.parametrize("form", FORMS)
def test_box_moved_off_an_image_that_is_removed_is_counted(tmp_path: Path, form: str) -> None:
    dataset = two_files(form)
    moved = with_values(dataset, 0, image_id=int(dataset.images["image_id"].iloc[1]))
    boxes = moved.boxes[moved.boxes["image_id"] != dataset.images["image_id"].iloc[0]]
    smaller = dataset.with_tables(images=dataset.images.iloc[1:], boxes=boxes)
    report = write_back(FORMS[form], smaller, tmp_path)
    assert rows_of(report) == [("boxes", 1, "the label file of their image is gone")]
    assert report.boxes == len(again(form, tmp_path).boxes) == 2


@pytest.mark.parametrize("form", FORMS)
def test_kept_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, form: str) -> None:
    file, body = LABEL[form]
    dataset = read_file(FORMS[form], f"../{file}", body)
    with pytest.raises(OutputError, match="leads out of the output folder"):
        FORMS[form].write(dataset, tmp_path, dataset)


AS_DIFFICULT = "written as difficult, since it is ignored or a group"

# Made from the columns of other formats: as above, for one box that says nothing but this.
MADE: dict[str, list[tuple[str, Any, str | None]]] = {
    "voc": [
        ("source_label", "Car", ONE_NAME),
        ("label", "c\0r", XML_TEXT),
        ("label", "", "an empty name is no class"),
        ("role", "ignore", AS_DIFFICULT),
        ("role", "exclude", NO_ROLE),
        ("difficult", None, "unknown, written as 0: VOC's own tools want a number"),
        ("occluded", 0.0, KEPT),
        ("occluded", 2.0, FLAG),
        ("truncated", 1.0, KEPT),
        ("truncated", 0.5, FLAG),
        ("truncated", None, "unknown, written as 0: VOC's own tools want a number"),
        ("attributes", '{"pose": "Left", "actions": {"riding": "1"}}', KEPT),
        ("attributes", '{"pose": "Left", "colour": "red"}', "only pose and actions are written"),
        ("attributes", '{"pose": 5}', "only pose and actions are written"),
        ("attributes", "[", "only pose and actions are written"),
        ("attributes", '{"pose": "", "actions": {"riding": 1}}',
         "of the actions only texts under XML names are written"),
        ("x1", 0.25, KEPT),
    ],
    "kitti": [
        ("source_label", "Car", ONE_TYPE),
        ("label", "big car", NO_SPACE),
        ("label", "DontCare", "a DontCare is read as ignored"),
        ("role", "ignore", "ignored, so written as DontCare"),
        ("role", "review", NO_PLACE),
        ("is_group", True, NO_PLACE),
        ("difficult", True, NO_PLACE),
        ("occluded", 2.0, KEPT),
        ("occluded", 4.0, NO_GRADE),
        ("truncated", 0.5, KEPT),
        ("truncated", 2.0, NO_SHARE),
        ("truncated", math.inf, NO_SHARE),
        ("score", 0.5, KEPT),
        ("score", math.inf, "no finite number: -1 is written"),
        ("attributes", '{"rotation_y": 0.5}', KEPT),
        ("attributes", '{"colour": "red"}', "only the 3D columns are written"),
        ("x1", 0.25, KEPT),
        ("x1", 0.125, "rounded to 0.01 px"),
    ],
}  # fmt: skip
# Where the row of the report names another column than the one that was set.
TOLD_AS = {
    ("kitti", "role", "ignore"): "boxes.label",
    ("voc", "role", "ignore"): "boxes.difficult",
    ("kitti", "label", "DontCare"): "boxes.role",
    ("kitti", "x1", 0.125): "boxes.x1 y1 x2 y2",
}
for _form, _why in (("voc", NO_ELEMENT), ("kitti", NO_PLACE)):
    _plain = {**OTHERS, "source_id": "9"}
    MADE[_form] += [(name, value, _why) for name, value in _plain.items() if name != "origin"]
MADE["voc"].append(("score", 0.5, NO_ELEMENT))


@pytest.mark.parametrize(
    ("form", "column", "value", "why"),
    [(form, *edit) for form, edits in MADE.items() for edit in edits],
)
def test_value_of_another_format_is_in_the_file_or_lost_for_the_true_reason(
    tmp_path: Path, form: str, column: str, value: Any, why: str | None
) -> None:
    # What VOC misses when it is unknown, and what KITTI tells by a score.
    own: dict[str, Any] = {"truncated": 0.0, "difficult": False} if form == "voc" else {}
    own |= {"origin": "detector"} if (form, column) == ("kitti", "score") else {}
    plain = {"label": "car", "x1": 0.0, "y1": 0.0, "x2": 5.0, "y2": 5.0}
    dataset = table_set({**plain, **own, column: value}, 1, ("a",))
    report = FORMS[form].write(dataset, tmp_path, None)
    field = TOLD_AS.get((form, column, value), f"boxes.{column}")
    assert rows_of(report) == ([] if why is KEPT else [(field, 1, why)])
    if why is KEPT:
        assert is_same(again(form, tmp_path).boxes[column].iloc[0], value)


def test_a_group_is_difficult_in_voc_and_read_as_ignored(tmp_path: Path) -> None:
    group = {"label": "car", "truncated": 0.0, "is_group": True}
    group |= {"x1": 0.0, "y1": 0.0, "x2": 5.0, "y2": 5.0}
    report = FORMS["voc"].write(table_set(group, 1, ("a",)), tmp_path, None)
    assert rows_of(report) == [
        ("boxes.difficult", 1, AS_DIFFICULT),
        ("boxes.is_group", 1, "written as difficult"),
        ("boxes.role", 1, "a difficult object is read as ignored"),
    ]
    assert again("voc", tmp_path).boxes["role"].tolist() == ["ignore"]


@pytest.mark.parametrize("form", FORMS)
def test_image_whose_boxes_cannot_be_written_is_not_silently_a_negative(
    tmp_path: Path, form: str
) -> None:
    dataset = table_set({"label": "car", "shape": "point", "x1": 1.0, "y1": 1.0}, 1, ("a",))
    counted = losses(FORMS[form].write(dataset, tmp_path, None))
    assert counted == {"boxes (point)": 1, "images.label_state": 1}
    assert again(form, tmp_path).images["label_state"].tolist() == ["empty"]


@pytest.mark.parametrize("form", FORMS)
def test_split_that_is_no_file_name_is_a_loss(tmp_path: Path, form: str) -> None:
    dataset = table_set({}, 0, ("a",), split="day/night", label_state="empty")
    report = FORMS[form].write(dataset, tmp_path, None)
    why = "written as a file name that every system takes"
    assert rows_of(report) == [("images.split", 1, why)]
    assert again(form, tmp_path).images["split"].tolist() == ["day_night"]


@pytest.mark.parametrize("target", ["voc", "kitti"])
def test_a_name_with_points_that_has_no_ending_keeps_them_in_the_label_file(
    tmp_path: Path, target: str
) -> None:
    dataset = table_set(
        {"label": "car", "x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}, 1, ("phone.photo.v2",)
    )
    formats.write(dataset, target, tmp_path / "out")
    (label,) = (tmp_path / "out").rglob("phone*")
    assert label.stem == "phone.photo.v2"


@pytest.mark.parametrize("target", ["voc", "coco"])
def test_a_joined_picture_gives_its_ending_to_a_name_without_one(
    tmp_path: Path, target: str
) -> None:
    boxes = {"label": "car", "x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
    dataset = table_set(boxes, 1, ("IMG_1", "b.png"), path=["IMG_1.jpeg", "b.png"])
    formats.write(dataset, target, tmp_path / "out")
    again = formats.read(tmp_path / "out")
    names = sorted(key.partition("/")[2] for key in again.images["image_key"])
    assert names == ["IMG_1.jpeg", "b.png"]
