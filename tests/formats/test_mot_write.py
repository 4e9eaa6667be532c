"""MOT text: writing back into the files that were read, and from the columns."""

from __future__ import annotations

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
from curate.formats import mot
from curate.formats.reading import Files, Options
from curate.formats.writing import LossReport
from curate.tables import IMAGE_COLUMNS, key_hashes, make_table
from curate.tree import open_tree
from tests.formats.label_files import (
    EDGES,
    kept,
    table_set,
    with_box,
    with_values,
    write_back,
    written,
)

OBJECTS = "1,7,101,51,100,200,1,1,0.5\n2, 7 ,102.5,51,100.25,200,1,1,0.5\n1,8,5,6,7,8,0,3,1\n"
FOUND = "1,-1,101,51,100,200,0.998,-1,-1,-1\r\n2,-1,7.5,51,100,200,0.5,-1,-1,-1\r\n"
WORLD = "1,7,101,51,100,200,1,4.5,5.5,0"
INFO = "[Sequence]\nname=street\nseqLength=3\nimWidth=640\nimHeight=480\n"
# Left and width are each written to 1e-9 px: the right edge is their sum, in float64.
EDGE_PX = 2e-9
NO_PLACE = "MOT has no place for it"
NO_FRAME = "MOT names images by sequence and frame: this one has no frame number of its own"


def read(files: Files) -> Dataset:
    return assemble("yard", mot.gather(files, mot.claims(files), Options()))


def street() -> Dataset:
    files = {"gt/gt.txt": OBJECTS, "det/det.txt": FOUND, "seqinfo.ini": INFO}
    return read(kept(files))


def rows_of(report: LossReport) -> list[tuple[str, int, str]]:
    return [(loss.field, loss.count, loss.why) for loss in report.losses]


# Rows of `street`: detections come first, since files are read in the order of their names.
FIRST_FOUND, FIRST_OBJECT, SECOND_OBJECT, IGNORED = 0, 2, 3, 4


def test_untouched_files_come_back_byte_for_byte(tmp_path: Path) -> None:
    dataset = street()
    report = write_back(mot, dataset, tmp_path)
    assert rows_of(report) == []
    assert (report.images, report.boxes) == (3, 5)
    assert written(tmp_path) == {
        "det/det.txt": FOUND.encode(), "gt/gt.txt": OBJECTS.encode(),
        "seqinfo.ini": INFO.encode(),
    }  # fmt: skip


def test_only_the_name_of_a_detector_that_the_file_tells_is_kept(tmp_path: Path) -> None:
    columns = {
        "label": "pedestrian", "origin": "detector", "score": 0.5, **dict.fromkeys(EDGES, 5.0),
        "attributes": ['{"detector": "det"}', '{"detector": "SDP"}'],
    }  # fmt: skip
    report = mot.write(video(columns, 2, label_state="missing"), tmp_path, None)
    assert rows_of(report) == [("boxes.attributes", 1, NO_PLACE)]
    assert read(open_tree(tmp_path)).boxes["attributes"].tolist() == ['{"detector": "det"}'] * 2


EDITS: list[tuple[int, dict[str, Any], str, str, list[tuple[str, int, str]]]] = [
    (FIRST_OBJECT, {"x1": 90.0, "x2": 190.0}, "1,7,101,51,100,", "1,7,91,51,100,", []),
    (FIRST_OBJECT, {"y1": 10.5}, "101,51,100,200,1,1", "101,11.5,100,239.5,1,1", []),
    (FIRST_OBJECT, {"x2": 150.125}, "101,51,100,200,1,1", "101,51,50.125,200,1,1", []),
    (SECOND_OBJECT, {"track_id": "9"}, "2, 7 ,", "2, 9 ,", []),
    (SECOND_OBJECT, {"track_id": None}, "2, 7 ,", "2, -1 ,", []),
    (FIRST_OBJECT, {"role": "ignore"}, "200,1,1,0.5\n2", "200,0,1,0.5\n2", []),
    (IGNORED, {"role": "include"}, "7,8,0,3,1", "7,8,1,3,1", []),
    (IGNORED, {"label": "crowd"}, "7,8,0,3,1", "7,8,0,13,1", []),
    (FIRST_OBJECT, {"attributes": '{"visibility": 0.25}'}, "1,1,0.5\n2", "1,1,0.25\n2", []),
    (FIRST_OBJECT, {"attributes": None}, "1,1,0.5\n2", "1,1,-1\n2", []),
    (FIRST_FOUND, {"score": 0.25}, "0.998", "0.25", []),
    (FIRST_FOUND, {"score": None}, "0.998", "-1", []),
    (FIRST_FOUND, {"track_id": "4"}, "1,-1,101", "1,4,101", []),
    (FIRST_FOUND, {"attributes": '{"detector": "det", "world": [1.5, 2, null]}'},
     "-1,-1,-1\r\n2", "1.5,2,-1\r\n2", []),
    (IGNORED, {"label": "dog"}, "", "",
     [("boxes.label", 1, "not in the list of classes: the old one stays")]),
    (FIRST_FOUND, {"label": "car"}, "", "",
     [("boxes.label", 1, "no class in these lines: they are read as pedestrian")]),
    (FIRST_OBJECT, {"score": 0.5}, "", "", [("boxes.score", 1, "an object has no score")]),
    (FIRST_OBJECT, {"role": "review"}, "", "", [("boxes.role", 1, NO_PLACE)]),
    (FIRST_FOUND, {"role": "ignore"}, "", "", [("boxes.role", 1, NO_PLACE)]),
    (FIRST_OBJECT, {"track_id": "a7"}, "1,7,101", "1,-1,101",
     [("boxes.track_id", 1, "no whole number: -1 is written, for unknown")]),
    (FIRST_OBJECT, {"x1": math.nan}, "", "",
     [("boxes.x1", 1, "an edge is no finite number of px: the box is left as it was")]),
    (FIRST_OBJECT, {"attributes": '{"pose": 1}'}, "1,1,0.5\n2", "1,1,-1\n2",
     [("boxes.attributes", 1, NO_PLACE)]),
    (FIRST_OBJECT, {"attributes": "["}, "", "", [("boxes.attributes", 1, NO_PLACE)]),
    (FIRST_OBJECT, {"shape": "polygon"}, "", "",
     [("boxes.shape", 1, "MOT has boxes only: every whole line is read as one")]),
    (FIRST_OBJECT, {"source_label": "2"}, "", "",
     [("boxes.source_label", 1, "MOT has the number of the class: that of the label is written")]),
]  # fmt: skip
EDITS += [
    (FIRST_OBJECT, {name: value}, "", "", [(f"boxes.{name}", 1, NO_PLACE)])
    for name, value in {
        "occluded": 1.0, "truncated": 0.5, "difficult": True, "is_group": True, "annotator": "b",
        "extent": "full", "angle_deg": 5.0, "is_depiction": True, "is_reflection": True,
        "declared_area": 5.0,
    }.items()
]  # fmt: skip


@pytest.mark.parametrize(("row", "values", "old", "new", "losses"), EDITS)
def test_edit_changes_its_tokens_or_is_lost_for_the_true_reason(
    tmp_path: Path,
    row: int,
    values: dict[str, Any],
    old: str,
    new: str,
    losses: list[tuple[str, int, str]],
) -> None:
    report = write_back(mot, with_values(street(), row, **values), tmp_path)
    assert rows_of(report) == losses
    bodies = {"gt/gt.txt": OBJECTS, "det/det.txt": FOUND}
    file = "det/det.txt" if row == FIRST_FOUND else "gt/gt.txt"
    assert bodies[file].count(old) == 1 or not old
    bodies[file] = bodies[file].replace(old, new) if old else bodies[file]
    assert {n: written(tmp_path)[n].decode() for n in bodies} == bodies


def test_box_moved_to_another_frame_changes_its_frame(tmp_path: Path) -> None:
    dataset = street()
    edited = with_values(dataset, FIRST_OBJECT, image_id=int(dataset.images["image_id"].iloc[2]))
    assert rows_of(write_back(mot, edited, tmp_path)) == []
    assert written(tmp_path)["gt/gt.txt"] == b"3" + OBJECTS[1:].encode()


def test_box_stays_in_the_file_of_its_sequence(tmp_path: Path) -> None:
    dataset = read(kept({"a/gt.txt": OBJECTS, "b/gt.txt": OBJECTS}))
    other = dataset.images.loc[dataset.images["group"] == "b", "image_id"].iloc[0]
    report = write_back(mot, with_values(dataset, 0, image_id=int(other)), tmp_path)
    assert rows_of(report) == [("boxes.image_id", 1, "a box stays in the file of its image")]


def test_removed_boxes_take_their_lines_along(tmp_path: Path) -> None:
    dataset = street()
    report = write_back(mot, dataset.with_tables(boxes=dataset.boxes.iloc[[0, 3]]), tmp_path)
    assert rows_of(report) == []
    assert written(tmp_path)["gt/gt.txt"] == OBJECTS.splitlines(keepends=True)[1].encode()
    assert written(tmp_path)["det/det.txt"] == FOUND.encode().splitlines(keepends=True)[0]


def test_removed_image_is_counted_when_seqinfo_still_counts_it(tmp_path: Path) -> None:
    dataset = street()
    report = write_back(mot, dataset.with_tables(images=dataset.images.iloc[:2]), tmp_path)
    why = "seqinfo.ini counts them by its seqLength, so that they are read as images"
    assert rows_of(report) == [("images (removed)", 1, why)]


@pytest.mark.parametrize(
    ("values", "file", "wanted"),
    [
        # After the last line of its image, which is frame 1, in the file of its kind.
        ({"label": "car", "track_id": "3"}, "gt/gt.txt", f"{OBJECTS}1,3,2,3,2,2,1,3,-1\n"),
        (
            {"label": "pedestrian", "origin": "detector", "score": 0.75}, "det/det.txt",
            FOUND.replace("\r\n", "\r\n1,-1,2,3,2,2,0.75,-1,-1,-1\r\n", 1),
        ),
    ],
)  # fmt: skip
def test_added_box_follows_the_lines_of_its_image(
    tmp_path: Path, values: Mapping[str, Any], file: str, wanted: str
) -> None:
    report = write_back(mot, with_box(street(), **values), tmp_path)
    assert rows_of(report) == []
    assert report.boxes == 6
    assert written(tmp_path)[file].decode() == wanted


def test_box_added_to_an_image_without_lines_stands_at_the_end(tmp_path: Path) -> None:
    dataset = street()
    image_id = int(dataset.images["image_id"].iloc[2])
    report = write_back(mot, with_box(dataset, image_id=image_id, label="car"), tmp_path)
    assert rows_of(report) == []
    assert written(tmp_path)["gt/gt.txt"].decode() == f"{OBJECTS}3,-1,2,3,2,2,1,3,-1\n"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"{WORLD}\n", f"{WORLD}\n{{}}\n"),
        (WORLD, f"{WORLD}\n{{}}"),
        (f"\ufeff{WORLD}\r\n\r\n", f"\ufeff{WORLD}\r\n{{}}\r\n\r\n"),
    ],
)
def test_added_line_follows_in_the_file_s_own_manner(
    tmp_path: Path, body: str, wanted: str
) -> None:
    dataset = with_box(read(kept({"gt.txt": body})), label="pedestrian", track_id="5")
    assert rows_of(write_back(mot, dataset, tmp_path)) == []
    assert written(tmp_path)["gt.txt"].decode() == wanted.format("1,5,2,3,2,2,1,-1,-1,-1")


def test_new_line_takes_the_place_of_a_removed_one(tmp_path: Path) -> None:
    dataset = with_box(read(kept({"gt.txt": WORLD})), label="pedestrian")
    write_back(mot, dataset.with_tables(boxes=dataset.boxes.iloc[1:]), tmp_path)
    assert written(tmp_path)["gt.txt"] == b"1,-1,2,3,2,2,1,-1,-1,-1\n"


def test_line_that_is_too_short_is_left_as_it_was(tmp_path: Path) -> None:
    dataset = read(kept({"gt.txt": f"{WORLD}\n1,2,3\n"}))
    report = write_back(mot, with_values(dataset, 1, x1=5.0), tmp_path)
    why = "the line has too few columns: it is left as it was"
    assert rows_of(report) == [("boxes.x1", 1, why)]
    assert written(tmp_path)["gt.txt"].decode() == f"{WORLD}\n1,2,3\n"


# Writing from the columns


def video(boxes: Mapping[str, Any], n_boxes: int, n_frames: int = 1, **images: Any) -> Dataset:
    names = tuple(f"street/img1/{frame:06d}.jpg" for frame in range(1, n_frames + 1))
    frames = list(range(1, n_frames + 1))
    plain = {"group": "street", "frame": frames, "width": 640, "height": 480}
    return table_set(boxes, n_boxes, names, **{**plain, **images})


def test_sequence_from_columns_has_objects_detections_and_settings(tmp_path: Path) -> None:
    edges = {"x1": 100.0, "y1": 50.0, "x2": 200.0, "y2": 250.0}
    columns = {
        "label": ["car", "pedestrian", "pedestrian"], "role": ["ignore", "include", "include"],
        "track_id": ["7", None, None], "score": [None, None, 0.5],
        "origin": ["human", "human", "detector"], "attributes": ['{"visibility": 0.5}', None, None],
        **edges,
    }  # fmt: skip
    states = ["present", "empty"]
    report = mot.write(video(columns, 3, 2, label_state=states), tmp_path, None)
    assert rows_of(report) == []
    assert (report.images, report.boxes) == (2, 3)
    assert {name: body.decode() for name, body in written(tmp_path).items()} == {
        "street/gt/gt.txt": "1,7,101,51,100,200,0,3,0.5\n1,-1,101,51,100,200,1,1,-1\n",
        "street/det/det.txt": "1,-1,101,51,100,200,0.5,-1,-1,-1\n",
        "street/seqinfo.ini": "[Sequence]\nname=street\nimDir=img1\nseqLength=2\nimWidth=640\n"
        "imHeight=480\nimExt=.jpg\n",
    }


def test_classes_that_are_none_of_the_challenge_get_a_list(tmp_path: Path) -> None:
    edges = dict.fromkeys(EDGES, 5.0)
    report = mot.write(video({"label": ["red fox", "dog"], **edges}, 2), tmp_path, None)
    assert rows_of(report) == []
    assert written(tmp_path)["street/gt/labels.txt"] == b"dog\nred fox\n"
    assert read(open_tree(tmp_path)).boxes["label"].tolist() == ["red fox", "dog"]


def test_images_without_a_frame_are_lost_with_their_boxes(tmp_path: Path) -> None:
    edges = dict.fromkeys(EDGES, 5.0)
    dataset = table_set({"label": "car", **edges}, 2, ("a.jpg", "b.jpg"))
    report = mot.write(dataset, tmp_path, None)
    assert rows_of(report) == [("boxes", 2, NO_FRAME), ("images", 2, NO_FRAME)]
    assert (report.images, report.boxes, written(tmp_path)) == (0, 0, {})


def test_frames_from_0_are_written_from_1(tmp_path: Path) -> None:
    dataset = video({"label": "car", **dict.fromkeys(EDGES, 5.0)}, 1, frame=[0])
    report = mot.write(dataset, tmp_path, None)
    why = "written one higher: MOT counts frames from 1"
    assert rows_of(report) == [("images.frame", 1, why)]
    assert written(tmp_path)["street/gt/gt.txt"].startswith(b"1,")


def test_values_that_mot_lacks_are_counted_losses(tmp_path: Path) -> None:
    columns = {
        "label": ["car", None, "car", "pedestrian"], "origin": ["human"] * 3 + ["detector"],
        "shape": ["polygon", "box", "tag", "box"], "occluded": [1.0, None, None, None],
        "x1": [1.0, 1.0, None, 1.0], "y1": 1.0, "x2": 2.0, "y2": 2.0,
        "score": [0.5, None, None, 0.5], "role": ["review", "include", "include", "ignore"],
    }  # fmt: skip
    images = {"frame": [1, 3, 4], "split": ["train", None, None], "label_state": "missing"}
    report = mot.write(video(columns, 4, 3, **images), tmp_path, None)
    assert sorted(rows_of(report)) == [
        ("boxes (tag)", 1, "MOT holds boxes with four corners"),
        ("boxes.label", 1, "not in the list of classes: 1 is written"),
        ("boxes.occluded", 1, NO_PLACE),
        ("boxes.role", 2, NO_PLACE),
        ("boxes.score", 1, "an object has no score"),
        ("images", 2, "labels missing: no file says so"),
        ("images.label_state", 1, "gt.txt tells it by its boxes"),
        ("images.split", 1, NO_PLACE),
        ("polygon outline", 1, "written as its box"),
    ]


finite = st.floats(-1e5, 1e5)
words = st.sampled_from(["car", "pedestrian", "red fox", "Hund"])
box_values = st.tuples(
    words, finite, finite, finite, finite,
    st.none() | st.integers(0, 10**9).map(str), st.sampled_from(["include", "ignore"]),
)  # fmt: skip


@given(st.lists(box_values, min_size=1, max_size=6), st.booleans())
def test_columns_survive_writing_and_reading_but_for_what_the_report_counts(
    tmp_path_factory: Any, rows: list[Any], is_found: bool
) -> None:
    names = ("label", *EDGES, "track_id", "role")
    columns: dict[str, Any] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    tracks = columns["track_id"]
    columns["track_id"] = [t if t not in tracks[:i] else None for i, t in enumerate(tracks)]
    columns["origin"] = "detector" if is_found else "human"
    columns["score"] = [float(row[1]) if is_found else None for row in rows]
    state = "missing" if is_found else "present"
    dataset = video(columns, len(rows), label_state=state)
    folder = tmp_path_factory.mktemp("mot")
    report = mot.write(dataset, folder, None)
    again = read(open_tree(folder))
    assert again.findings.empty
    counted = {loss.field.removeprefix("boxes."): loss.count for loss in report.losses}
    exact = ("label", "role", "score", "track_id", "origin")
    changed = {name: _n_different(again.boxes[name], dataset.boxes[name]) for name in exact}
    assert counted == {name: count for name, count in changed.items() if count}
    np.testing.assert_allclose(again.boxes[EDGES], dataset.boxes[EDGES], rtol=0, atol=EDGE_PX)
    pd.testing.assert_series_equal(again.images["label_state"], dataset.images["label_state"])


def _n_different(left: pd.Series, right: pd.Series) -> int:
    same = (left == right).fillna(value=False).astype(bool) | (left.isna() & right.isna())
    return int((~same).sum())


@given(st.lists(st.tuples(finite, finite, finite, finite), min_size=5, max_size=5))
def test_changed_edges_survive_splicing(tmp_path_factory: Any, rows: list[Any]) -> None:
    dataset = street()
    boxes = dataset.boxes.copy()
    boxes[EDGES] = np.array(rows)
    folder = tmp_path_factory.mktemp("mot")
    report = write_back(mot, dataset.with_tables(boxes=boxes), folder)
    assert rows_of(report) == []
    again = read(open_tree(folder)).boxes
    np.testing.assert_allclose(again[EDGES], boxes[EDGES], rtol=0, atol=EDGE_PX)
    rest = ["label", "role", "score", "track_id", "attributes", "origin"]
    pd.testing.assert_frame_equal(again[rest], boxes[rest])


def test_image_that_was_added_without_boxes_is_counted(tmp_path: Path) -> None:
    dataset = street()
    new = make_table(
        IMAGE_COLUMNS, 1,
        {"image_id": key_hashes(["yard/x"]), "image_key": "yard/x", "box_frame": "upright",
         "source": "yard", "label_state": "empty"},
    )  # fmt: skip
    images = pd.concat([dataset.images, new], ignore_index=True)
    report = write_back(mot, dataset.with_tables(images=images), tmp_path)
    assert rows_of(report) == [("images", 1, "no line tells of an image without boxes")]
    assert report.images == 3
