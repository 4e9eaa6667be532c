"""Open Images' tables of boxes: reading, and writing from the columns and into what was read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from curate import ReadOptions, write
from curate import read as read_path
from curate.assembly import assemble
from curate.dataset import Dataset
from curate.errors import CurateError, SourceError
from curate.formats import open_images
from curate.formats.reading import KeptFiles, Options
from curate.formats.writing import LossReport
from tests.formats.label_files import EDGES, kept, losses, table_set, with_box, with_values, written

HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,"
    "IsDepiction,IsInside"
)
# The box at columns 100..199 and rows 50..249 of a 640 x 480 image.
ROW = "a,xclick,/m/01,1,0.15625,0.3125,0.10416666666666667,0.5208333333333334,1,0,0,-1,1"
BARE = "b,,/m/02,,0,1,0,1,,,,,"
TABLE = f"{HEADER}\n{ROW}\n{BARE}\n"
SIZE = (640, 480)


def gathered(files: Mapping[str, str | bytes], options: Options | None = None) -> Dataset:
    own = kept(files)
    names = open_images.claims(own) or [name for name in files if name.endswith(".csv")]
    return assemble("yard", open_images.gather(own, names, options or Options(size_wh=SIZE)))


def table(body: str | bytes) -> Dataset:
    return gathered({"t.csv": body})


def back(dataset: Dataset, folder: Path) -> LossReport:
    names = [name for name in dataset.formats if name in dataset.sources.names()]
    told = Options(size_wh=SIZE)
    again = open_images.gather(KeptFiles(dataset.sources), names, told)
    return open_images.write(dataset, folder, assemble("yard", again))


def test_row_gives_the_box_in_px_and_its_flags() -> None:
    dataset = table(TABLE)
    np.testing.assert_allclose(
        dataset.boxes[EDGES], [[100, 50, 200, 250], [0, 0, 640, 480]], rtol=0, atol=1e-9
    )
    first = dataset.boxes.iloc[0]
    assert (first["occluded"], first["truncated"], first["is_group"]) == (1, 0, False)
    assert json.loads(first["attributes"]) == {
        "Source": "xclick",
        "Confidence": 1,
        "IsInside": True,
    }
    assert (first["label"], first["source_label"], first["origin"]) == ("/m/01", "/m/01", "human")
    flags = ["occluded", "truncated", "is_group", "is_depiction", "attributes", "score"]
    assert dataset.boxes[flags].iloc[1].isna().all()
    assert dataset.boxes["is_depiction"].isna().all()
    assert dataset.images["image_key"].tolist() == ["yard/a", "yard/b"]
    assert dataset.images[["width", "height"]].to_numpy().tolist() == [[640, 480]] * 2


def test_columns_are_found_by_name_and_unknown_ones_counted() -> None:
    body = "YMax,YMin,XMax,XMin,LabelName,ImageID,XClick1X\n1,0.5,0.5,0.25,cat,a,0.3\n"
    dataset = table(body)
    assert dataset.boxes[EDGES].to_numpy().tolist() == [[160, 240, 320, 480]]
    assert dict(open_images.extras(dataset)) == {"XClick1X": 1}


def test_classes_and_those_above_are_named_by_the_lists_beside() -> None:
    tree = {"LabelName": "/m/0", "Subcategory": [
        {"LabelName": "/m/02", "Subcategory": [{"LabelName": "/m/01"}]}]}  # fmt: skip
    files = {
        "train-annotations-bbox.csv": TABLE,
        "class-descriptions-boxable.csv": '/m/01,Cat\n/m/02,"Animal, any"\n',
        "bbox_labels_600_hierarchy.json": json.dumps(tree),
    }
    dataset = gathered(files)
    assert dataset.boxes["label"].tolist() == ["Cat", "Animal, any"]
    assert dataset.boxes["source_label"].tolist() == ["/m/01", "/m/02"]
    columns = ["source_id", "label", "supercategory"]
    assert dataset.classes[columns].to_numpy().tolist() == [
        ["/m/01", "Cat", "Animal, any"], ["/m/02", "Animal, any", "/m/0"],
    ]  # fmt: skip
    assert dataset.images["split"].tolist() == ["train", "train"]
    assert dataset.sources.names() == sorted(files)
    assert dataset.findings.empty


IMAGE_LABELS = (
    "ImageID,Source,LabelName,Confidence\na,verification,/m/01,1\n"
    "a,crowdsource-verification,/m/02,0\na,machine,/m/03,0.8\nz,verification,/m/01,1\n"
)


def test_classes_that_people_verified_on_an_image_are_its_exhaustive_ones() -> None:
    files = {
        "train-annotations-bbox.csv": TABLE,
        "class-descriptions-boxable.csv": "/m/01,Zebra\n/m/02,Cat\n",
        "train-annotations-human-imagelabels-boxable.csv": IMAGE_LABELS,
    }
    dataset = gathered(files)
    # Verified there and verified absent; a machine's word is no verification, b has no row.
    assert dataset.images["exhaustive"].fillna("").tolist() == ['["Cat", "Zebra"]', ""]
    told = dataset.findings[["check", "file", "message"]].to_numpy().tolist()
    what = "1 verified classes are of images without a box, and were left out"
    assert told == [["SRC-013", "train-annotations-human-imagelabels-boxable.csv", what]]


def test_wrong_rows_of_image_labels_are_findings_and_hide_no_other() -> None:
    rows = "ImageID,LabelName,Confidence\na,/m/01,0.5\na,/m/02\na,/m/02,1\n"
    dataset = gathered({"t.csv": TABLE, "classifications.csv": rows})
    assert dataset.images["exhaustive"].iloc[0] == '["/m/02"]'
    assert dataset.findings[["check", "line"]].to_numpy().tolist() == [
        ["SRC-001", 2],
        ["SRC-001", 3],
    ]
    assert "should be 1 (verified there) or 0" in dataset.findings["message"].iloc[0]


def test_image_labels_come_back_and_are_counted_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "boxes.csv").write_text(TABLE)
    (tmp_path / "set" / "classifications.csv").write_text(IMAGE_LABELS)
    dataset = read_path(tmp_path / "set", ReadOptions(size_wh=SIZE))
    assert write(dataset, "open-images", tmp_path / "same").losses == ()
    assert (tmp_path / "same" / "classifications.csv").read_text() == IMAGE_LABELS
    report = write(dataset, "voc", tmp_path / "voc")
    assert losses(report)["images.exhaustive"] == 1


@pytest.mark.parametrize(
    "body",
    [
        TABLE.replace("/m/01,1,", "/m/01,0.431418,"),
        "ImageID,LabelName,Score,XMin,XMax,YMin,YMax\na,cat,0.431418,0,1,0,1\nb,cat,,0,1,0,1\n",
    ],
)
def test_confidence_other_than_0_and_1_is_a_detector_s_score(body: str) -> None:
    boxes = table(body).boxes
    assert boxes["score"].iloc[0] == 0.431418
    assert boxes["origin"].tolist() == ["detector", "human"]
    assert "Confidence" not in (boxes["attributes"].fillna("").iloc[0])


def test_decimal_commas_are_read_and_said_once() -> None:
    dataset = table(f'{HEADER}\na,,cat,,"0,25","0,5",0,1,,,,,\nb,,cat,,"0,5",1,0,1,,,,,\n')
    assert dataset.boxes["x1"].tolist() == [160, 320]
    (found,) = dataset.findings[["check", "line", "value"]].to_numpy().tolist()
    assert found == ["SRC-022", 2, 3]


def test_tables_without_sizes_are_refused() -> None:
    with pytest.raises(SourceError, match="fractions"):
        gathered({"t.csv": TABLE}, Options())


@pytest.mark.parametrize(
    ("row", "code", "what"),
    [
        ("c,,cat,1,0.1", "SRC-001", "has 5 fields, should have 13 as the header"),
        ("c,,cat,1,x,0.2,0.3,0.4,0,0,0,0,0", "SRC-001", "has xmin 'x', should be a number"),
        ("c,,cat,1,,0.2,0.3,0.4,0,0,0,0,0", "SRC-001", "has no xmin, should be a number"),
        ("c,,cat,1,0,1,0,1,2,0,0,0,0", "SRC-001", "has isoccluded '2', should be 0, 1 or -1"),
        ("c,,,1,0,1,0,1,0,0,0,0,0", "SRC-009", "has no LabelName"),
        (",,cat,1,0,1,0,1,0,0,0,0,0", "SRC-001", "has no ImageID"),
    ],
)
def test_wrong_row_is_a_finding_and_hides_no_other(row: str, code: str, what: str) -> None:
    dataset = table(f"{HEADER}\n{ROW}\n{row}\n{BARE}\n")
    found = dataset.findings[["check", "message", "file", "line"]].to_numpy().tolist()
    assert found == [[code, what, "t.csv", 3]]
    assert dataset.boxes["source_label"].iloc[-1] == "/m/02"


def test_class_beside_the_list_is_a_finding() -> None:
    dataset = gathered({"t.csv": TABLE, "class-descriptions.csv": "/m/01,Cat\n"})
    assert dataset.findings[["check", "line"]].to_numpy().tolist() == [["SRC-004", 3]]
    assert dataset.boxes["label"].isna().tolist() == [False, True]


@pytest.mark.parametrize("body", [b"", b"[", b"[" * 100_000, b"\xff", b'{"Subcategory": [1, {}]}'])
def test_broken_hierarchy_never_stops_the_reading(body: bytes) -> None:
    files = {"t.csv": TABLE, "class-descriptions.csv": "/m/01,Cat\n/m/02,Dog\n"}
    dataset = gathered({**files, "hierarchy.json": body})
    assert dataset.boxes["label"].tolist() == ["Cat", "Dog"]
    assert dataset.classes["supercategory"].isna().all()


@given(st.binary(max_size=200), st.sampled_from([b"", f"{HEADER}\n".encode(), TABLE.encode()]))
def test_any_bytes_are_read_or_refused(tail: bytes, head: bytes) -> None:
    try:
        dataset = table(head + tail)
    except CurateError:
        return
    assert dataset.sources.read("t.csv") == head + tail


# Writing back


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_untouched_table_is_written_byte_for_byte(tmp_path: Path, ending: str) -> None:
    body = f"\ufeff{TABLE}\nbroken\n".replace("\n", ending).encode() + b"\xff"
    assert back(table(body), tmp_path).losses == ()
    assert written(tmp_path) == {"t.csv": body}


Edit = Callable[[Dataset], Dataset]


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (lambda d: with_values(d, 0, x1=160.0), "0.15625", "0.25"),
        (lambda d: with_values(d, 0, y2=480.0), "0.5208333333333334", "1.0"),
        (lambda d: with_values(d, 0, occluded=None, is_group=True), "1,0,0,-1,1", "-1,0,1,-1,1"),
        (lambda d: with_values(d, 1, label="cat", source_label="cat"), "/m/02", "cat"),
        (
            lambda d: with_values(d, 0, attributes='{"Source": "a,b", "Confidence": 1}'),
            "xclick,/m/01,1,0.15625,0.3125,0.10416666666666667,0.5208333333333334,1,0,0,-1,1",
            '"a,b",/m/01,1,0.15625,0.3125,0.10416666666666667,0.5208333333333334,1,0,0,-1,-1',
        ),
    ],
)
def test_edit_changes_only_its_fields(tmp_path: Path, edit: Edit, old: str, new: str) -> None:
    assert back(edit(table(TABLE)), tmp_path).losses == ()
    assert (tmp_path / "t.csv").read_text() == TABLE.replace(old, new, 1)


def test_added_and_removed_rows(tmp_path: Path) -> None:
    dataset = with_box(table(TABLE), x1=160.0, y1=0.0, x2=320.0, y2=480.0)
    dataset = dataset.with_tables(boxes=dataset.boxes.drop(index=1))
    report = back(dataset, tmp_path)
    new = "a,,bus,,0.25,0.5,0.0,1.0,-1,-1,-1,-1,-1"
    assert (tmp_path / "t.csv").read_text() == f"{HEADER}\n{ROW}\n{new}\n"
    # Image b had one row.
    assert (losses(report), report.images, report.boxes) == ({"images": 1}, 1, 2)


def test_label_is_written_by_its_own_id(tmp_path: Path) -> None:
    files = {"t.csv": TABLE, "class-descriptions.csv": "/m/01,Cat\n/m/02,Dog\n"}
    dataset = with_values(gathered(files), 0, label="Dog", source_label="/m/02")
    assert back(dataset, tmp_path).losses == ()
    assert written(tmp_path)["t.csv"].decode() == TABLE.replace("/m/01", "/m/02")


def test_edit_without_a_column_is_a_loss(tmp_path: Path) -> None:
    dataset = with_values(table(TABLE), 0, difficult=True, x1=np.nan, truncated=0.5, label="cat")
    report = back(dataset, tmp_path)
    assert losses(report) == {
        "boxes.difficult": 1, "boxes.x1": 1, "boxes.truncated": 1, "boxes.source_label": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "confidence", "lost"),
    [
        ({"origin": "detector"}, "", {"boxes.origin": 1}),
        ({"score": 0.5}, "0.5", {"boxes.origin": 1}),
        ({"score": 0.5, "origin": "detector"}, "0.5", {}),
    ],
)
def test_origin_that_the_score_does_not_tell_is_a_loss(
    tmp_path: Path, values: dict[str, Any], confidence: str, lost: dict[str, int]
) -> None:
    body = f"{HEADER}\n{BARE}\n"
    report = back(with_values(table(body), 0, **values), tmp_path)
    assert (tmp_path / "t.csv").read_text() == body.replace("/m/02,", f"/m/02,{confidence}")
    assert losses(report) == lost


def test_kept_table_with_sizes_from_pictures_comes_back(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "t.csv").write_text(TABLE)
    (tmp_path / "pictures").mkdir()
    for name in "ab":
        Image.new("L", SIZE).save(tmp_path / "pictures" / f"{name}.png")
    dataset = read_path(tmp_path / "in", ReadOptions(images=tmp_path / "pictures"))
    changed = with_values(dataset, 0, x1=160.0)
    assert write(changed, "open-images", tmp_path / "out").losses == ()
    wanted = TABLE.replace("0.15625", "0.25", 1)
    assert (tmp_path / "out" / "t.csv").read_text() == wanted


# Writing from the columns


def test_table_from_columns(tmp_path: Path) -> None:
    boxes = {
        "label": ["cat", "a,b", "cat"], "x1": 160.0, "y1": 0.0, "x2": 320.0, "y2": 480.0,
        "occluded": [1.0, 2.0, None], "is_group": [True, None, None],
        "score": [0.5, None, None], "difficult": [None, True, None],
        "attributes": ['{"Source": "x", "Confidence": 1}', '{"IsInside": true}', '{"Source": 5}'],
    }  # fmt: skip
    names = ("a.jpg", "b.jpg", "c.jpg")
    images = {"width": [640, 640, None], "height": [480, 480, None], "split": ["train"] * 3,
              "label_state": ["present", "empty", "missing"]}  # fmt: skip
    report = open_images.write(table_set(boxes, 3, names, **images), tmp_path, None)
    assert written(tmp_path) == {
        "train-annotations-bbox.csv": (
            f"{HEADER}\n"
            "a.jpg,x,cat,0.5,0.25,0.5,0.0,1.0,1,-1,1,-1,-1\n"
            'a.jpg,,"a,b",,0.25,0.5,0.0,1.0,1,-1,-1,-1,1\n'
            "a.jpg,,cat,,0.25,0.5,0.0,1.0,-1,-1,-1,-1,-1\n"
        ).encode()
    }
    assert [(loss.field, loss.count) for loss in report.losses] == [
        ("images", 1),  # labels missing
        ("images.width", 1), ("images.height", 1), ("boxes.difficult", 1),
        ("boxes.attributes", 2), ("boxes.occluded", 1), ("boxes.origin", 1),
        ("images", 1),  # empty
    ]  # fmt: skip
    assert (report.images, report.boxes) == (1, 3)


@pytest.mark.parametrize("size", [{}, {"width": 0, "height": 40}])
def test_boxes_of_images_without_a_size_are_lost(tmp_path: Path, size: dict[str, int]) -> None:
    edges = dict(zip(EDGES, (1.0, 2.0, 3.0, 4.0), strict=True))
    report = open_images.write(table_set({"label": "cat", **edges}, 2, **size), tmp_path, None)
    assert losses(report) == {"boxes": 2, "images": 1}
    assert (report.images, report.boxes, written(tmp_path)) == (0, 0, {})


words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=8)
flags = st.sampled_from([None, 0.0, 1.0])
own_rows = st.lists(
    st.fixed_dictionaries(
        {
            "label": words.filter(str.strip), **dict.fromkeys(EDGES, st.floats(-1e4, 1e4)),
            "occluded": flags, "truncated": flags, "is_group": st.none() | st.booleans(),
            "is_depiction": st.none() | st.booleans(), "annotator": st.none() | st.just("x"),
            "attributes": st.sampled_from([None, '{"Source": "x", "IsInside": false}']),
        }
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@given(own_rows, st.booleans())
def test_columns_survive_but_for_what_the_report_says(
    tmp_path_factory: Any, rows: list[dict[str, Any]], has_score: bool
) -> None:
    values: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    values["score"] = [0.25] * len(rows) if has_score else None
    values["origin"] = "detector" if has_score else "human"
    dataset = table_set(values, len(rows), width=640, height=480)
    folder = tmp_path_factory.mktemp("oi")
    report = open_images.write(dataset, folder, None)
    n_annotators = sum(row["annotator"] is not None for row in rows)
    wanted = {"images.width": 1, "images.height": 1, "boxes.annotator": n_annotators}
    assert losses(report) == {name: count for name, count in wanted.items() if count}
    again = gathered(dict(written(folder)))
    same = ["label", "occluded", "truncated", "is_group", "is_depiction", "attributes", "score",
            "origin"]  # fmt: skip
    for name in same:
        left, right = again.boxes[name].astype(object), dataset.boxes[name].astype(object)
        assert left.where(left.notna(), None).tolist() == right.where(right.notna(), None).tolist()
    np.testing.assert_allclose(again.boxes[EDGES], dataset.boxes[EDGES], rtol=1e-12, atol=1e-9)


# Real files


def test_real_table_is_voc_unshifted_and_comes_back(real_data: Path, tmp_path: Path) -> None:
    root = real_data / "rodm_multiformat"
    folder = root / "gts" / "openimages_format"
    dataset = read_path(folder, ReadOptions(name="s", images=root / "images"))
    assert (dataset.format, len(dataset.images), len(dataset.boxes)) == ("open-images", 100, 273)
    assert dataset.findings["check"].tolist() == ["SRC-022"]
    voc = read_path(root / "gts" / "pascalvoc_format", ReadOptions(name="s"))
    # It carries the 1-based numbers of VOC as they are, with ten decimals.
    shift = in_order(dataset) - in_order(voc)
    np.testing.assert_allclose(shift, np.tile([1, 1, 0, 0], (273, 1)), rtol=0, atol=1e-6)
    assert write(dataset, "open-images", tmp_path / "out").losses == ()
    assert (tmp_path / "out" / "all_bounding_boxes.csv").read_bytes() == (
        folder / "all_bounding_boxes.csv"
    ).read_bytes()


def in_order(dataset: Dataset) -> Any:
    keys = dataset.images.set_index("image_id")["image_key"]
    boxes = dataset.boxes.assign(key=dataset.boxes["image_id"].map(keys))
    return boxes.sort_values(["key", "label", *EDGES])[EDGES].to_numpy()


def test_real_detections_keep_their_scores_through_open_images(
    real_data: Path, tmp_path: Path
) -> None:
    path = real_data / "rodm_multiformat" / "dets" / "coco_format" / "coco_dets.json"
    dataset = read_path(path, ReadOptions(name="s"))
    write(dataset, "open-images", tmp_path / "out")
    again = read_path(tmp_path / "out", ReadOptions(name="s", size_wh=SIZE))
    assert sorted(again.boxes["score"]) == sorted(dataset.boxes["score"])
    assert set(again.boxes["origin"]) == {"detector"}
