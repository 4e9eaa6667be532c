"""Tables of boxes with a header: reading them, and what is written back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import ReadOptions, write
from curate import read as read_path
from curate.assembly import assemble
from curate.dataset import Dataset
from curate.errors import CurateError, FormatError
from curate.formats import csv_table
from curate.formats.csv_rows import field_spans, field_text, split_fields
from curate.formats.reading import Options
from curate.tables import LABEL_STATES, ROLES, SHAPES
from curate.tree import open_tree
from tests.formats.label_files import (
    EDGES,
    kept,
    losses,
    table_set,
    with_box,
    with_values,
    write_back,
    written,
)

VOC_HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax"
TABLE = f"{VOC_HEADER}\na.jpg,60,40,cat,1,2,30,39.5\nb.jpg,64,48,dog,5,6,7,8\n"
PATHS = st.text("abcXYZ019_-é道", min_size=1, max_size=8)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


def gathered(files: Mapping[str, str | bytes], options: Options | None = None) -> Dataset:
    names = [name for name in files if name.endswith(".csv")]
    return assemble("yard", csv_table.gather(kept(files), names, options or Options()))


def table(body: str | bytes, **options: Any) -> Dataset:
    return gathered({"t.csv": body}, Options(**options))


def is_claimed(body: str) -> bool:
    return csv_table.claims(kept({"t.csv": body})) == ["t.csv"]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("image,label,x1,y1,x2,y2", "a.jpg,cat,10,20,40,60"),
        (VOC_HEADER, "a.jpg,640,480,cat,10,20,40,60"),
        ("File_Name, Class_Name ,X-Min,Y-Min,X-Max,Y-Max", "a.jpg,cat,10,20,40,60"),
        ("left,top,right,bottom,category,path", "10,20,40,60,cat,a.jpg"),
        ("image_id,class,x,y,w,h", "a.jpg,cat,10,20,30,40"),
        ("image,label,x,y,width,height", "a.jpg,cat,10,20,30,40"),
        ("image,label,left,top,width,height,image_width,image_height", "a.jpg,cat,10,20,30,40,9,9"),
        ("image,label,cx,cy,w,h", "a.jpg,cat,25,40,30,40"),
        ("image,label,x_center,y_center,width,height", "a.jpg,cat,25,40,30,40"),
        ("image,label,cx,cy,w,h,width,height,img_w,img_h", None),
    ],
)
def test_names_of_the_columns_tell_the_box(header: str, row: str | None) -> None:
    if row is None:
        with pytest.raises(FormatError):
            table(f"{header}\n")
        return
    assert is_claimed(f"{header}\n{row}\n")
    dataset = table(f"{header}\n{row}\n")
    assert dataset.boxes[EDGES].to_numpy().tolist() == [[10, 20, 40, 60]]
    assert dataset.boxes["label"].tolist() == ["cat"]
    assert dataset.images["image_key"].tolist() == ["yard/a.jpg"]
    assert dataset.findings.empty


@pytest.mark.parametrize(
    ("header", "mend"),
    [
        ("image,label,x,y,w,h,width,height", "image_width and image_height"),
        ("image,label,x1,y1,x2,y2,x,y,w,h", "--from csv-xyxy or --from csv-xywh"),
        ("image,label,cx,cy,w,h,x1,y1,x2,y2", "--from csv-xyxy or --from csv-cxcywh"),
    ],
)
def test_header_of_two_readings_is_refused_with_what_to_say(header: str, mend: str) -> None:
    with pytest.raises(FormatError) as error:
        table(f"{header}\n")
    assert mend in str(error.value)


def test_named_kind_chooses_among_two_readings() -> None:
    body = "image,label,x1,y1,x2,y2,x,y,w,h\na,cat,1,2,3,4,10,20,30,40\n"
    assert table(body, kind="xyxy").boxes[EDGES].to_numpy().tolist() == [[1, 2, 3, 4]]
    assert table(body, kind="xywh").boxes[EDGES].to_numpy().tolist() == [[10, 20, 40, 60]]


@pytest.mark.parametrize(
    "body",
    [
        "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\n"
        "car,2,3,18,27,a.jpg,60,40\n",
        "car,2,3,18,27,a.jpg,60,40\n",
        'a.jpg,"[night,street]"\n',
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\na,,cat,1,0,1,0,1\n",
        "a,b,c\n1,2,3\n",
        "image,label\na.jpg,cat\n",
        "label,x1,y1,x2,y2\ncat,1,2,3,4\n",
        "image,x1,y1,x2,y2\na.jpg,1,2,3,4\n",
        "",
    ],
)
def test_other_tables_are_not_claimed(body: str) -> None:
    assert not is_claimed(body)


def test_rows_that_read_as_tags_of_make_sense_belong_to_their_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("class,conf,x1,y1,x2,y2,image,width,height\ncar,0.5,1,2,3,4,a.jpg,60,40\n")
    dataset = read_path(path)
    assert dataset.format == "csv"
    assert dataset.images["width"].tolist() == [60]


def test_score_makes_a_detection_and_unknown_columns_are_counted() -> None:
    dataset = table("image,class,conf,x,y,w,h,note\na,cat,0.431418,1,2,3,4,x\nb,cat,,1,2,3,4,\n")
    assert dataset.boxes["origin"].tolist() == ["detector", "human"]
    assert dataset.boxes["score"].iloc[0] == 0.431418
    assert dict(csv_table.extras(dataset)) == {"note": 1}


def test_numbered_classes_are_named_by_the_list() -> None:
    files = {"t.csv": "image,class_id,x,y,w,h\na,1,1,2,3,4\na,7,1,2,3,4\n", "classes.txt": "p\nq\n"}
    dataset = gathered(files)
    assert dataset.boxes["label"].fillna("?").tolist() == ["q", "?"]
    assert dataset.boxes["source_label"].tolist() == ["1", "7"]
    assert dataset.findings[["check", "line"]].to_numpy().tolist() == [["SRC-004", 3]]


def test_width_and_height_that_repeat_the_sides_are_not_the_image_s() -> None:
    body = "image,label,x1,y1,x2,y2,width,height\na,c,1,2,4,6,3,4\na,c,2,2,4,4,2,2\n"
    dataset = table(body)
    assert dataset.images["width"].isna().tolist() == [True]


def test_row_without_box_is_an_empty_image() -> None:
    dataset = table(f"{TABLE}c.jpg,,,,,,,\n")
    assert dataset.images["label_state"].tolist() == ["present", "present", "empty"]
    assert len(dataset.boxes) == 2


def test_rows_that_differ_on_their_image_are_two_records() -> None:
    dataset = table(f"{TABLE}a.jpg,61,40,cat,1,2,3,4\n")
    assert dataset.images["width"].tolist() == [60, 64, 61]
    assert dataset.findings["check"].tolist() == ["IMG-006"]


@pytest.mark.parametrize(
    ("row", "code", "what"),
    [
        ("c.jpg,1,2", "SRC-001", "has 3 fields, should have 8 as the header"),
        ('c.jpg,1,2,"cat,1,2,3,4', "SRC-001", "has x1 '', should"),
        ("c.jpg,60,40,cat,x,2,3,4", "SRC-001", "has x1 'x', should be a number"),
        ("c.jpg,60,40,cat,1e400,2,3,4", "SRC-001", "has x1 '1e400', should be a number"),
        ("c.jpg,60,40,cat,,2,3,4", "SRC-001", "has no x1, should have a box"),
        ("c.jpg,-1,40,cat,1,2,3,4", "SRC-001", "has image width '-1', should be a whole number of"),
        ("c.jpg,60,40,,1,2,3,4", "SRC-009", "has no class"),
        (",60,40,cat,1,2,3,4", "SRC-001", "names no image"),
    ],
)
def test_wrong_row_is_a_finding_and_hides_no_other(row: str, code: str, what: str) -> None:
    dataset = table(f"{TABLE}{row}\nz.jpg,1,1,cat,1,2,3,4\n")
    assert dataset.images["image_key"].iloc[-1] == "yard/z.jpg"
    if '"' in row:
        # The quote that never closes is a character like others.
        assert dataset.boxes["label"].tolist() == ["cat", "dog", '"cat', "cat"]
        return
    (found,) = dataset.findings[["check", "message", "file", "line"]].to_numpy().tolist()
    assert (found[0], found[2:]) == (code, ["t.csv", 4])
    assert found[1].startswith(what)


def test_line_that_is_no_text_hides_no_other() -> None:
    dataset = table(TABLE.encode() + b"\xff\xfe,1,1,cat,1,2,3,4\nz.jpg,1,1,cat,1,2,3,4\n")
    assert dataset.findings[["check", "line"]].to_numpy().tolist() == [["SRC-001", 4]]
    assert len(dataset.boxes) == 3


def test_quoted_field_may_hold_commas_quotes_and_line_breaks() -> None:
    row = '"a,\n""b"".jpg",60,40,"c,d",1,2,3,4'
    dataset = table(f"{VOC_HEADER}\r\n{row}\r\nz.jpg,1,1,cat,1,2,3,4\r\n")
    assert dataset.images["image_key"].iloc[0] == 'yard/a,\n"b".jpg'
    start, end = dataset.boxes[["start", "end"]].iloc[0]
    assert dataset.sources.span("t.csv", start, end).decode() == row
    assert dataset.boxes["line"].tolist() == [2, 4]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_fields_come_back_from_their_text(fields: list[str]) -> None:
    record = ",".join(map(field_text, fields))
    assert split_fields(record) == fields
    spans = field_spans(record.encode())
    assert [split_fields(record.encode()[s:e].decode())[0] for s, e in spans] == fields


@given(st.binary(max_size=200), st.sampled_from([b"", f"{VOC_HEADER}\n".encode(), TABLE.encode()]))
def test_any_bytes_are_read_or_refused(tail: bytes, head: bytes) -> None:
    try:
        dataset = table(head + tail)
    except CurateError:
        return
    assert dataset.sources.read("t.csv") == head + tail


# What `--to csv` writes


def same(new: Dataset, old: Dataset, image_columns: list[str], box_columns: list[str]) -> None:
    for table_name, columns in (("images", image_columns), ("boxes", box_columns)):
        left = getattr(new, table_name)[columns].reset_index(drop=True)
        right = getattr(old, table_name)[columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(left, right)


IMAGE_COLUMNS = ["image_id", "image_key", "width", "height", "split", "label_state"]
BOX_COLUMNS = [
    "box_id", "image_id", "label", "source_label", "shape", *EDGES, "score", "role", "is_group",
    "occluded", "truncated", "difficult", "track_id", "annotator", "attributes", "source_id",
]  # fmt: skip
finite = st.floats(-1e300, 1e300)
flag = st.none() | st.booleans()
rows_of_own = st.lists(
    st.fixed_dictionaries(
        {
            "label": WORDS, "source_label": WORDS, "shape": st.sampled_from(SHAPES[:2]),
            **dict.fromkeys(EDGES, finite), "score": st.none() | finite,
            "role": st.sampled_from(ROLES), "is_group": flag, "difficult": flag,
            "occluded": st.none() | finite, "truncated": st.none() | finite,
            "track_id": st.none() | WORDS, "annotator": st.none() | WORDS,
            "attributes": st.none() | st.just('{"pose": "Left, \\"up\\""}'),
        }
    ),
    max_size=4,
)  # fmt: skip


@given(rows_of_own, st.sampled_from(LABEL_STATES), st.none() | WORDS)
def test_own_table_reads_back_to_the_same_values(
    tmp_path_factory: Any, rows: list[dict[str, Any]], state: str, split: str | None
) -> None:
    values: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
    values["source_id"] = [str(index) for index in range(len(rows))]
    images = {"label_state": ["present", state], "width": [64, None], "height": [48, None]}
    dataset = table_set(values, len(rows), ("a.jpg", "b/c,d.jpg"), **images, split=[split, None])
    if not rows:
        dataset = dataset.with_tables(images=dataset.images.iloc[1:])
    folder = tmp_path_factory.mktemp("csv")
    csv_table.write(dataset, folder, None)
    again = gathered({"boxes.csv": (folder / "boxes.csv").read_bytes()})
    same(again, dataset, IMAGE_COLUMNS, BOX_COLUMNS)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_untouched_table_is_written_byte_for_byte(tmp_path: Path, ending: str) -> None:
    body = f"\ufeff{TABLE}\nbroken\n".replace("\n", ending).encode() + b"\xff"
    report = write_back(csv_table, table(body), tmp_path)
    assert written(tmp_path) == {"t.csv": body}
    assert report.losses == ()


Edit = Callable[[Dataset], Dataset]


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (lambda d: with_values(d, 0, x2=31.25), ",30,", ",31.25,"),
        (lambda d: with_values(d, 1, label="a,b", source_label="a,b"), "dog", '"a,b"'),
        (lambda d: d.with_tables(boxes=d.boxes.iloc[1:]), "a.jpg,60,40,cat,1,2,30,39.5\n", ""),
        (
            lambda d: with_box(d, label="bus", source_label="bus"),
            "39.5\n",
            "39.5\na.jpg,60,40,bus,1.0,2.0,3.0,4.0\n",
        ),
    ],
)
def test_edit_changes_only_its_fields_and_rows(
    tmp_path: Path, edit: Edit, old: str, new: str
) -> None:
    report = write_back(csv_table, edit(table(TABLE)), tmp_path)
    assert (tmp_path / "t.csv").read_text() == TABLE.replace(old, new, 1)
    # The image of a removed only row is told of by no other.
    assert losses(report) == ({"images": 1} if not new else {})


def test_edit_that_the_table_has_no_column_for_is_a_loss(tmp_path: Path) -> None:
    dataset = with_values(table(TABLE), 0, difficult=True, x1=np.nan, label="dog", score=0.5)
    report = write_back(csv_table, dataset, tmp_path)
    assert (tmp_path / "t.csv").read_text() == TABLE.replace("cat", "dog")
    assert losses(report) == {
        "boxes.difficult": 1, "boxes.score": 1, "boxes.source_label": 1, "boxes.x1": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("header", "row", "changed"),
    [
        ("image,label,x,y,w,h", "a,cat,10,20,30,40", "a,cat,10,20,32.5,40"),
        ("image,label,cx,cy,w,h", "a,cat,25,40,30,40", "a,cat,26.25,40,32.5,40"),
    ],
)
def test_changed_edge_of_a_box_of_sides_keeps_the_other_axis(
    tmp_path: Path, header: str, row: str, changed: str
) -> None:
    dataset = with_values(table(f"{header}\n{row}\n"), 0, x2=42.5)
    assert losses(write_back(csv_table, dataset, tmp_path)) == {}
    assert (tmp_path / "t.csv").read_text() == f"{header}\n{changed}\n"


@given(
    st.lists(st.tuples(finite, finite), min_size=2, max_size=2),
    st.lists(WORDS, min_size=2, max_size=2),
)
def test_changes_survive_splicing(
    tmp_path_factory: Any, xs: list[tuple[float, float]], labels: list[str]
) -> None:
    dataset = table(TABLE)
    for row, (x1, x2) in enumerate(xs):
        own = {"label": labels[row], "source_label": labels[row]}
        dataset = with_values(dataset, row, x1=x1, x2=x2, **own)
    folder = tmp_path_factory.mktemp("csv")
    assert write_back(csv_table, dataset, folder).losses == ()
    again = table((folder / "t.csv").read_bytes())
    columns = ["label", "source_label", *EDGES]
    pd.testing.assert_frame_equal(again.boxes[columns], dataset.boxes[columns])


# Real files


@pytest.mark.parametrize(
    ("name", "n_images", "n_boxes"),
    [("raccoon_labels", 200, 217), ("train_labels", 160, 173), ("test_labels", 40, 44)],
)
def test_real_table_is_read_and_comes_back(
    real_data: Path, tmp_path: Path, name: str, n_images: int, n_boxes: int
) -> None:
    path = real_data / "voc_raccoon" / "data" / f"{name}.csv"
    dataset = read_path(path)
    assert (dataset.format, len(dataset.images), len(dataset.boxes)) == ("csv", n_images, n_boxes)
    assert dataset.findings.empty
    assert write(dataset, "csv", tmp_path / "out").losses == ()
    assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "source",
    ["rodm_multiformat/gts/pascalvoc_format", "kitti_object6/training",
     "coco128/instances_all_as_published.json", "rodm_multiformat/dets/abs_xywh"],
)  # fmt: skip
def test_real_set_written_as_csv_reads_back(real_data: Path, tmp_path: Path, source: str) -> None:
    dataset = read_path(real_data / source, ReadOptions(name="s"))
    write(dataset, "csv", tmp_path / "out")
    again = read_path(tmp_path / "out", ReadOptions(name="s"))
    in_order = dataset.images.sort_values("image_key")
    keys = dataset.images.set_index("image_id")["image_key"]
    boxes = dataset.boxes.assign(key=dataset.boxes["image_id"].map(keys))
    boxes = boxes.sort_values("key", kind="stable").drop(columns="key")
    same(again, dataset.with_tables(images=in_order, boxes=boxes), IMAGE_COLUMNS, BOX_COLUMNS)


@pytest.mark.parametrize("folder", ["makesense", "makesense_app", "rodm_multiformat"])
def test_real_tables_of_other_formats_are_not_claimed(real_data: Path, folder: str) -> None:
    assert csv_table.claims(open_tree(real_data / folder)) == []


def test_table_without_readable_rows_comes_back(tmp_path: Path) -> None:
    # Neither images nor boxes are left to change.
    body = f"{VOC_HEADER}\nbroken\n"
    assert write_back(csv_table, table(body), tmp_path).losses == ()
    assert (tmp_path / "t.csv").read_text() == body
