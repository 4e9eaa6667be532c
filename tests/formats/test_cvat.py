"""CVAT XML: images and tracks read, written back, and made from the columns of other formats."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import formats, read
from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats import cvat
from curate.formats.reading import Options
from curate.tree import open_tree
from tests.formats.label_files import (
    EDGES,
    losses,
    read_file,
    table_set,
    with_box,
    with_values,
    write_back,
    written,
)

FILE = "annotations.xml"
BOX = (
    '<box label="car" source="manual" occluded="1" xtl="10.50" ytl="20.00" xbr="30.25"'
    ' ybr="40.00" z_order="0">\n      <attribute name="colour">red</attribute>\n    </box>'
)
HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
    "  <meta><task><labels><label><name>car</name></label><label><name>van</name></label>"
    "</labels><original_size><width>64</width><height>48</height></original_size></task>"
    "<source>a.mp4</source></meta>\n"
)


def image(*shapes: str, number: int = 0) -> str:
    inner = "".join(f"\n    {shape}" for shape in shapes)
    return (
        f'  <image id="{number}" name="d/{number}.jpg" subset="train" width="64" height="48">'
        f"{inner}\n  </image>\n"
    )


def document(*parts: str) -> str:
    return HEAD + "".join(parts) + "</annotations>\n"


def read_xml(*parts: str) -> Dataset:
    return read_file(cvat, FILE, document(*parts))


def edges(dataset: Dataset, row: int = 0) -> list[float]:
    place: list[float] = dataset.boxes[EDGES].iloc[row].tolist()
    return place


def spliced(dataset: Dataset, folder: Path) -> tuple[str, dict[str, int]]:
    report = write_back(cvat, dataset, folder)
    return written(folder)[FILE].decode(), losses(report)


def test_box_is_taken_as_it_is_with_its_attributes() -> None:
    dataset = read_xml(image(BOX))
    assert edges(dataset) == [10.5, 20.0, 30.25, 40.0]
    box, picture = dataset.boxes.iloc[0], dataset.images.iloc[0]
    assert (box["label"], box["occluded"], box["shape"]) == ("car", 1.0, "box")
    assert json.loads(box["attributes"]) == {"colour": "red"}
    assert (picture["image_key"], picture["split"]) == ("yard/d/0.jpg", "train")
    assert (picture["width"], picture["height"], picture["source_id"]) == (64, 48, "0")
    assert document(image(BOX)).encode()[box["start"] : box["end"]] == BOX.encode()
    assert dataset.classes["label"].tolist() == ["car", "van"]


@pytest.mark.parametrize(
    ("shape", "form", "wanted"),
    [
        ('<polygon label="car" points="1,2;5,2;3,8.5"/>', "polygon", [1, 2, 5, 8.5]),
        ('<polyline label="car" points="1,2;9,9;5,3"/>', "line", [1, 2, 5, 3]),
        ('<points label="car" points="1,2"/>', "point", [1, 2, 1, 2]),
        ('<tag label="car"/>', "tag", [math.nan] * 4),
        ('<mask label="car" rle="1, 2" left="3" top="4" width="5" height="6"/>', "mask",
         [3, 4, 8, 10]),
        ('<ellipse label="car" cx="10" cy="10" rx="4" ry="2" rotation="90"/>', "mask",
         [8, 6, 12, 14]),
        # 20 x 10 px about (20, 15), turned by a quarter.
        ('<box label="car" xtl="10" ytl="10" xbr="30" ybr="20" rotation="90"/>', "rotated",
         [15, 5, 25, 25]),
        ('<cuboid label="car" xtl1="1" ytl1="1" xbl1="1" ybl1="5" xtr1="4" ytr1="1" xbr1="4"'
         ' ybr1="5" xtl2="2" ytl2="0" xbl2="2" ybl2="4" xtr2="6" ytr2="0" xbr2="6" ybr2="4"/>',
         "polygon", [1, 0, 6, 5]),
    ],
)  # fmt: skip
def test_shapes_have_their_bounds(shape: str, form: str, wanted: list[float]) -> None:
    dataset = read_xml(image(shape))
    assert dataset.boxes["shape"].tolist() == [form]
    assert edges(dataset) == pytest.approx(wanted, nan_ok=True)
    assert len(dataset.findings) == 0


TRACK = (
    '  <track id="3" label="car" source="manual">\n'
    '    <box frame="0" outside="0" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="3" ybr="4"/>\n'
    '    <box frame="12" outside="1" occluded="1" keyframe="0" xtl="5" ytl="6" xbr="7" ybr="8"/>\n'
    "  </track>\n"
)


def test_track_gives_a_box_in_each_frame_that_it_lists() -> None:
    dataset = read_xml(TRACK)
    assert dataset.boxes["track_id"].tolist() == ["3", "3"]
    assert dataset.boxes["source_id"].tolist() == ["3:0", "3:12"]
    assert dataset.boxes["role"].tolist() == ["include", "exclude"]
    assert dataset.boxes["label"].tolist() == ["car", "car"]
    assert dataset.images["image_key"].tolist() == ["yard/frame_000000", "yard/frame_000012"]
    assert dataset.images["label_state"].tolist() == ["present", "empty"]
    assert dataset.images["frame"].tolist() == [0, 12]
    assert dataset.images["group"].tolist() == ["a.mp4", "a.mp4"]
    assert dataset.images["width"].tolist() == [64, 64]


def test_track_lies_in_the_image_of_its_frame_where_there_is_one() -> None:
    dataset = read_xml(image(number=12), TRACK)
    assert dataset.images["image_key"].tolist() == ["yard/d/12.jpg", "yard/frame_000000"]
    assert dataset.boxes["image_id"].iloc[1] == dataset.images["image_id"].iloc[0]


@pytest.mark.parametrize(("source", "origin"), [("auto", "detector"), ("file", "import")])
def test_source_tells_the_origin(source: str, origin: str) -> None:
    dataset = read_xml(image(BOX.replace("manual", source)))
    assert dataset.boxes["origin"].tolist() == [origin]


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ('xtl="10.50"', 'xtl="a"', "SRC-001", "<box> has xtl 'a', should be a number of px"),
        ('xtl="10.50"', "", "SRC-001", "<box> has no xtl, should be a number of px"),
        ('xtl="10.50"', 'xtl="1e400"', "SRC-001",
         "<box> has xtl '1e400', should be a number of px"),
        ('occluded="1"', 'occluded="2"', "SRC-001", "<box> has occluded '2', should be 0 or 1"),
        ('label="car"', "", "SRC-009", "<box> has no label, should name its class"),
        ('label="car"', 'label="bus"', "SRC-004",
         "<box> has label 'bus', which is not among the task's labels"),
        ('z_order="0"', 'rotation="x"', "SRC-001", "<box> has rotation 'x', should be degrees"),
    ],
)  # fmt: skip
def test_wrong_value_is_a_finding_and_the_rest_loads(
    old: str, new: str, code: str, message: str
) -> None:
    dataset = read_xml(image(BOX.replace(old, new), BOX))
    (found,) = dataset.findings.itertuples()
    assert (found.check, found.message, found.line) == (code, message, 6)
    assert edges(dataset, 1) == [10.5, 20.0, 30.25, 40.0]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<annotations><image>", "not well-formed"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', "document type declaration"),
        ("", "not well-formed"),
        ("<annotation/>", "should be 'annotations'"),
        ('<?xml version="1.0" encoding="utf-16"?><annotations/>', "encoding"),
    ],
)
def test_file_that_is_refused_is_a_finding(body: str, words: str) -> None:
    dataset = read_file(cvat, FILE, body)
    assert dataset.findings["check"].tolist() == ["SRC-002"]
    assert words in dataset.findings["message"].iloc[0]


def test_untouched_files_come_back_byte_for_byte(tmp_path: Path) -> None:
    dataset = read_xml(image(BOX), TRACK)
    assert spliced(dataset, tmp_path) == (document(image(BOX), TRACK), {})


def test_changed_values_change_only_their_bytes(tmp_path: Path) -> None:
    dataset = with_values(
        read_xml(image(BOX), image(BOX, number=1)), 0, x2=31.5, label="van", source_label="van",
        occluded=0.0, attributes='{"colour": "a < b", "z_order": "4", "new": "x"}',
    )  # fmt: skip
    text, lost = spliced(dataset, tmp_path)
    wanted = BOX.replace("30.25", "31.5").replace('"car"', '"van"').replace('"1"', '"0"')
    wanted = wanted.replace('z_order="0"', 'z_order="4"').replace("red", "a &lt; b")
    wanted = wanted.replace(
        "</attribute>", '</attribute>\n      <attribute name="new">x</attribute>'
    )
    assert lost == {}
    assert text == document(image(wanted), image(BOX, number=1))


def test_attribute_is_taken_out_and_put_into_an_empty_element(tmp_path: Path) -> None:
    bare = '<box label="car" xtl="1" ytl="2" xbr="3" ybr="4" />'
    dataset = with_values(read_xml(image(BOX, bare)), 0, attributes=None)
    dataset = with_values(dataset, 1, attributes='{"k": "v"}', occluded=1.0)
    text, lost = spliced(dataset, tmp_path)
    assert lost == {}
    after = read_file(cvat, FILE, text).boxes
    assert pd.isna(after["attributes"].iloc[0])
    assert json.loads(after["attributes"].iloc[1]) == {"k": "v"}
    assert after["occluded"].iloc[1] == 1.0


def test_new_label_joins_the_task_s_labels_once(tmp_path: Path) -> None:
    dataset = read_xml(image(BOX, BOX, BOX))
    for row, label in enumerate(("R&D", "R&D", "van")):
        dataset = with_values(dataset, row, label=label, source_label=label)
    text, lost = spliced(dataset, tmp_path)
    assert lost == {}
    assert text.count("<name>R&amp;D</name>") == 1
    after = read_file(cvat, FILE, text)
    assert after.classes["label"].tolist() == ["car", "van", "R&D"]
    assert after.boxes["label"].tolist() == ["R&D", "R&D", "van"]
    assert after.findings.empty


def test_track_takes_places_and_outside_but_no_label(tmp_path: Path) -> None:
    dataset = with_values(read_xml(TRACK), 0, x1=0.5, role="exclude", label="van")
    text, lost = spliced(dataset, tmp_path)
    wanted = TRACK.replace('xtl="1"', 'xtl="0.5"').replace('outside="0"', 'outside="1"')
    assert text == document(wanted)
    assert lost == {"boxes.label": 1}


def test_removed_and_added_boxes_and_images(tmp_path: Path) -> None:
    dataset = read_xml(image(BOX), image(BOX, number=1))
    images = dataset.images.iloc[:1]
    smaller = dataset.with_tables(images=images, boxes=dataset.boxes.iloc[:0])
    text, lost = spliced(with_box(smaller, label="van", source_label="van", occluded=0.0), tmp_path)
    new = (
        '<box label="van" source="manual" occluded="0" xtl="1" ytl="2" xbr="3" ybr="4"'
        ' z_order="0">\n    </box>'
    )
    assert lost == {}
    assert text == document(image(new))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("role", "ignore"), ("score", 0.5), ("shape", "polygon"), ("label", None),
        ("x1", math.nan), ("y2", math.inf), ("source_label", "other"), ("difficult", True),
        ("track_id", "5"), ("origin", "import"), ("attributes", "["),
        ("attributes", '{"colour": "red", "n": 5}'), ("annotator", "b"),
    ],
)  # fmt: skip
def test_change_that_cannot_be_written_is_a_loss_of_its_own(
    tmp_path: Path, column: str, value: Any
) -> None:
    dataset = with_values(read_xml(image(BOX)), 0, **{column: value})
    assert spliced(dataset, tmp_path) == (document(image(BOX)), {f"boxes.{column}": 1})


def test_edges_of_an_outline_or_turned_box_stay(tmp_path: Path) -> None:
    shapes = (
        '<polygon label="car" points="1,2;5,2;3,8.5"/>',
        '<box label="car" xtl="10" ytl="10" xbr="30" ybr="20" rotation="90"/>',
    )
    dataset = with_values(with_values(read_xml(image(*shapes)), 0, x1=0.0), 1, y2=1.0)
    text, lost = spliced(dataset, tmp_path)
    assert text == document(image(*shapes))
    assert lost == {"boxes.x1": 1, "boxes.y2": 1}


def test_new_text_of_a_latin_file_is_written_as_references(tmp_path: Path) -> None:
    body = document(image(BOX)).replace("utf-8", "latin-1").replace("red", "gr\u00fcn")
    dataset = read_file(cvat, FILE, body.encode("latin-1"))
    assert json.loads(dataset.boxes["attributes"].iloc[0]) == {"colour": "gr\u00fcn"}
    edited = with_values(dataset, 0, attributes='{"colour": "\u7d05"}')
    write_back(cvat, edited, tmp_path)
    wanted = body.replace("gr\u00fcn", "&#32005;").encode("latin-1")
    assert written(tmp_path)[FILE] == wanted


# From columns

EDGE = st.floats(-1e6, 1e6, allow_nan=False)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=6)


@given(
    st.lists(
        st.tuples(
            TEXT,
            st.tuples(EDGE, EDGE, EDGE, EDGE),
            st.none() | st.sampled_from([0.0, 1.0, 2.0]),
            st.none() | st.dictionaries(TEXT, TEXT, min_size=1, max_size=2),
            st.sampled_from(["include", "ignore"]),
        ),
        max_size=3,
    )
)
def test_what_is_written_is_read_but_for_what_the_report_names(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("made")
    columns: dict[str, Any] = {
        "label": [row[0] for row in rows],
        "occluded": [math.nan if row[2] is None else row[2] for row in rows],
        "attributes": [None if row[3] is None else json.dumps(row[3]) for row in rows],
        "role": [row[4] for row in rows],
    }
    columns |= {name: [row[1][i] for row in rows] for i, name in enumerate(EDGES)}
    state = "present" if rows else "empty"
    dataset = table_set(columns, len(rows), width=64, height=48, label_state=state)
    told: Counter[str] = Counter()
    for loss in cvat.write(dataset, folder, None).losses:
        told[loss.field] += loss.count
    files = open_tree(folder)
    after = assemble("yard", cvat.gather(files, cvat.claims(files), Options())).boxes
    for name in ("label", "occluded", "role", *EDGES):
        got, wanted = after[name].tolist(), dataset.boxes[name].tolist()
        differing = sum(
            not (a == b or (pd.isna(a) and pd.isna(b))) for a, b in zip(got, wanted, strict=True)
        )
        assert differing == told[f"boxes.{name}"]
    held = [None if pd.isna(text) else json.loads(text) for text in after["attributes"]]
    assert held == [row[3] for row in rows]


def test_points_lines_and_tags_are_written_as_such(tmp_path: Path) -> None:
    columns = {
        "shape": ["point", "line", "tag"], "label": "car", "x1": [1.0, 1.0, math.nan],
        "y1": [2.0, 2.0, math.nan], "x2": [1.0, 5.0, math.nan], "y2": [2.0, 6.0, math.nan],
        "occluded": [0.0, 0.0, math.nan],
    }  # fmt: skip
    report = cvat.write(table_set(columns, 3, width=64, height=48), tmp_path, None)
    assert report.losses == ()
    after = read(tmp_path).boxes
    assert after["shape"].tolist() == ["point", "line", "tag"]
    assert np.array_equal(after.loc[1, EDGES].to_numpy(float), [1.0, 2.0, 5.0, 6.0])


def test_outlines_reach_coco(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        document(
            image(
                '<polygon label="car" points="1,2;5,2;3,8.5"/>',
                '<box label="car" xtl="10" ytl="10" xbr="30" ybr="20" rotation="90"/>',
            )
        )
    )
    formats.write(read(tmp_path / FILE), "coco", tmp_path / "out")
    made = json.loads((tmp_path / "out" / "instances.json").read_text())["annotations"]
    assert made[0]["segmentation"] == [[1, 2, 5, 2, 3, 8.5]]
    assert made[1]["segmentation"][0] == pytest.approx([25, 5, 25, 25, 15, 25, 15, 5])


# Real data


def test_real_cvat_file_holds_the_voc_numbers_unshifted(real_data: Path, tmp_path: Path) -> None:
    root = real_data / "rodm_multiformat" / "gts"
    dataset, voc = read(root / "cvat_format"), read(root / "pascalvoc_format")
    assert (len(dataset.images), len(dataset.boxes), len(dataset.findings)) == (100, 273, 0)
    by_place = [_by_place(one) for one in (voc, dataset)]
    assert by_place[0].index.equals(by_place[1].index)
    moved = by_place[0].to_numpy() - by_place[1].to_numpy()
    assert (moved == [-1.0, -1.0, 0.0, 0.0]).all()
    assert formats.write(dataset, "cvat", tmp_path / "out").losses == ()
    body = (root / "cvat_format" / FILE).read_bytes()
    assert (tmp_path / "out" / FILE).read_bytes() == body


def _by_place(dataset: Dataset) -> pd.DataFrame:
    names = dataset.images.set_index("image_id")["image_key"].str.rpartition("/")[2]
    boxes = dataset.boxes.assign(name=dataset.boxes["image_id"].map(names))
    far = ["name", "label", "x2", "y2"]
    return boxes.sort_values([*far, "x1", "y1"]).set_index(far, drop=False)[EDGES]


# Skeletons, as the documentation of the format shows them

NOSE = (
    '<points label="nose" source="manual" outside="0" occluded="0" points="10.00,40.00"></points>'
)
HAND = (
    '<points label="hand" source="manual" outside="0" occluded="1" points="30.50,20.00"></points>'
)
FOOT = (
    '<points label="foot" source="manual" outside="1" occluded="0" points="60.00,47.00"></points>'
)
SKELETON = (
    '<skeleton label="car" source="manual" z_order="2">'
    f"\n      {NOSE}\n      {HAND}\n      {FOOT}\n    </skeleton>"
)


def test_a_skeleton_is_a_box_round_its_labelled_points() -> None:
    dataset = read_xml(image(SKELETON))
    assert edges(dataset) == [10.0, 20.0, 30.5, 40.0]
    box = dataset.boxes.iloc[0]
    assert (box["shape"], box["label"], box["role"]) == ("box", "car", "include")
    assert box["attributes"] == '{"z_order": "2"}'
    assert dataset.images["label_state"].tolist() == ["present"]
    assert dataset.findings.empty


def test_keypoints_have_names_px_and_visibility() -> None:
    dataset = read_xml(image(SKELETON, BOX))
    assert cvat.keypoints(dataset) == {
        int(dataset.boxes["box_id"].iloc[0]): [
            ("nose", 10.0, 40.0, 2), ("hand", 30.5, 20.0, 1), ("foot", 60.0, 47.0, 0),
        ]
    }  # fmt: skip
    assert cvat.extras(dataset)["keypoints"] == 1


def test_a_skeleton_of_which_every_point_is_outside_is_excluded() -> None:
    gone = '<skeleton frame="3" keyframe="1">' + FOOT + "</skeleton>"
    dataset = read_xml(f'<track id="4" label="car">{gone}</track>')
    box = dataset.boxes.iloc[0]
    assert (box["role"], box["track_id"], edges(dataset)) == ("exclude", "4", [60, 47, 60, 47])
    # As where a box of a track has left the picture.
    assert dataset.images["label_state"].tolist() == ["empty"]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("", "<skeleton> has no points, should have one or more"),
        (NOSE.replace("10.00,40.00", "10;40"),
         "<skeleton> has point 'nose' at '10;40', should be x,y in px"),
    ],
)  # fmt: skip
def test_a_skeleton_without_places_is_a_finding(points: str, message: str) -> None:
    dataset = read_xml(image(f'<skeleton label="car">{points}</skeleton>'))
    assert dataset.findings[["check", "message"]].to_numpy().tolist() == [["SRC-001", message]]
    assert all(map(math.isnan, edges(dataset)))


def test_a_skeleton_comes_back_byte_for_byte_and_with_a_new_label(tmp_path: Path) -> None:
    dataset = read_xml(image(SKELETON, BOX))
    assert write_back(cvat, dataset, tmp_path).losses == ()
    assert written(tmp_path)[FILE].decode() == document(image(SKELETON, BOX))
    (tmp_path / FILE).unlink()
    text, lost = spliced(with_values(dataset, 0, label="van", source_label="van"), tmp_path)
    assert text == document(image(SKELETON.replace('label="car"', 'label="van"'), BOX))
    assert lost == {}


@pytest.mark.parametrize(("column", "value"), [("x1", 5.0), ("role", "exclude")])
def test_what_the_points_tell_is_counted_when_it_changes(
    column: str, value: object, tmp_path: Path
) -> None:
    dataset = read_xml(image(SKELETON))
    text, lost = spliced(with_values(dataset, 0, **{column: value}), tmp_path)
    assert text == document(image(SKELETON))
    assert lost == {f"boxes.{column}": 1}


def test_keypoints_are_counted_when_another_format_is_written(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(document(image(SKELETON)))
    report = formats.write(read(tmp_path / FILE), "voc", tmp_path / "voc")
    assert losses(report)["keypoints"] == 1
