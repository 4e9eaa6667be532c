"""CrowdHuman: three extents per object, lines that come back byte for byte, edits of values."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import SourceError
from curate.formats import ReadOptions, crowdhuman, read, write
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
from tests.formats.person_files import ODGT

FILE = "a.odgt"


def rows(dataset, *columns):
    table = dataset.boxes[list(columns)].astype(object)
    return table.where(table.notna(), None).to_numpy().tolist()


def spliced(dataset, tmp_path):
    report = write_back(crowdhuman, dataset, tmp_path)
    return (tmp_path / FILE).read_text(encoding="utf-8"), report


def test_each_extent_is_a_row_with_its_own_role_and_grade():
    dataset = read_file(crowdhuman, FILE, ODGT)
    wanted = [
        ["full", "person", "include", 72.0, 202.0, 235.0, 705.0, 1.0, "0:full"],
        ["visible", "person", "include", 72.0, 202.0, 235.5, 600.0, 1.0, "0:visible"],
        ["head", "person", "ignore", 171.0, 208.0, 233.0, 291.0, 0.0, "0:head"],
        ["full", "mask", "ignore", -5.0, 1.5, 5.0, 21.5, None, "7:full"],
        ["visible", "person", "include", 1.0, 2.0, 4.0, 6.0, None, "#0:visible"],
    ]
    assert rows(dataset, "extent", "label", "role", *EDGES, "occluded", "source_id") == wanted
    objects = [json.loads(text) for text in dataset.boxes["attributes"]]
    assert objects[2] == {"object": "0", "unsure": 1}
    assert [own["object"] for own in objects] == ["0", "0", "0", "7", "#0"]
    assert dataset.findings.empty


def test_an_image_without_objects_is_empty_and_names_are_the_ids():
    dataset = read_file(crowdhuman, FILE, ODGT)
    names = [key.removeprefix("yard/") for key in dataset.images["image_key"]]
    assert names == ["273271,c9db", "b", "c"]
    assert dataset.images["label_state"].tolist() == ["present", "empty", "present"]


def test_spans_are_those_of_the_objects():
    dataset = read_file(crowdhuman, FILE, ODGT)
    body = ODGT.encode()
    texts = [body[s:e] for s, e in zip(dataset.boxes["start"], dataset.boxes["end"], strict=True)]
    assert [json.loads(text).get("tag") for text in texts] == ["person"] * 3 + ["mask", "person"]
    assert dataset.boxes["line"].tolist() == [1, 1, 1, 1, 3]


@pytest.mark.parametrize(
    ("line", "said", "n_boxes"),
    [
        ('{"ID": "x", "gtboxes": [{"tag": "person", "fbox": [1, 2, 3]}]}', "fbox '[1, 2, 3]'", 1),
        ('{"ID": "x", "gtboxes": [{"tag": "person", "fbox": [1, 2, NaN, 4]}]}', "four numbers", 1),
        ('{"ID": "x", "gtboxes": [{"tag": "person"}]}', "has no box", 1),
        ('{"ID": "x", "gtboxes": [{"tag": 5, "fbox": [1, 2, 3, 4]}]}', "tag '5'", 1),
        ('{"ID": "x", "gtboxes": [7]}', "is '7'", 1),
        ('{"ID": "x", "gtboxes": 7}', "no list of objects", 0),
        ('{"ID": "x"}', "has no gtboxes", 0),
        ('{"gtboxes": []}', "has no ID", 0),
        ('{"ID": "x", "gtboxes": [', "ends in the middle", 0),
        ('{"ID": "x", "gtboxes": [{"tag": "person", "fbox": [1, 2, 3, 4],'
         ' "extra": {"ignore": "no"}}]}', "extra.ignore 'no'", 1),
        ('{"ID": "x", "gtboxes": [{"tag": "person", "fbox": [1e400, 2, 3, 4]}]}', "four num", 1),
    ],
)  # fmt: skip
def test_a_bad_record_is_a_finding_and_the_next_line_is_read(line, said, n_boxes):
    good = '{"ID": "y", "gtboxes": [{"tag": "person", "fbox": [1, 2, 3, 4]}]}'
    dataset = read_file(crowdhuman, FILE, f"{line}\n{good}\n")
    (finding,) = dataset.findings.to_dict("records")
    assert finding["check"] == "SRC-001"
    assert said in finding["message"]
    assert (finding["file"], finding["line"]) == (FILE, 1)
    assert len(dataset.boxes) == n_boxes + 1
    assert rows(dataset, *EDGES)[-1] == [1.0, 2.0, 4.0, 6.0]


def test_an_id_that_stands_twice_is_a_finding_and_both_objects_stay():
    one = '{"tag": "person", "fbox": [%d, 2, 3, 4], "vbox": [1, 2, 3, 4], "extra": {"box_id": 5}}'
    body = f'{{"ID": "x", "gtboxes": [{one % 1}, {one % 9}]}}\n'
    dataset = read_file(crowdhuman, FILE, body)
    assert dataset.findings["check"].tolist() == ["SRC-006", "SRC-006"]
    assert [json.loads(t)["object"] for t in dataset.boxes["attributes"]] == ["#0"] * 2 + ["#1"] * 2


def test_a_broken_line_that_names_its_image_is_unreadable():
    dataset = read_file(crowdhuman, FILE, '{"ID": "x", "gtboxes": [\n' + ODGT)
    assert dataset.images["label_state"].iloc[0] == "unreadable"


def test_a_file_without_any_record_is_refused(tmp_path):
    path = tmp_path / FILE
    path.write_text("{ nothing\n")
    with pytest.raises(SourceError, match="no line of it"):
        read(path, ReadOptions(format="crowdhuman"))


@pytest.mark.parametrize("body", [ODGT, ODGT.replace("\n", "\r\n"), "\ufeff" + ODGT, ODGT[:-1]])
def test_untouched_files_come_back_byte_for_byte(tmp_path, body):
    text, report = spliced(read_file(crowdhuman, FILE, body), tmp_path)
    assert (tmp_path / FILE).read_bytes() == body.encode()
    assert text
    assert report.losses == ()


@pytest.mark.parametrize(
    ("row", "values", "old", "new"),
    [
        (0, {"x1": 70.5}, "[72, 202, 163, 503]", "[70.5, 202, 164.5, 503]"),
        (1, {"y2": 601.0}, "[72, 202, 163.5, 398]", "[72, 202, 163.5, 399]"),
        (2, {"role": "include"}, '"head_attr": {"ignore": 1', '"head_attr": {"ignore": 0'),
        (2, {"occluded": 2.0}, '"ignore": 1, "occ": 0', '"ignore": 1, "occ": 2'),
        (2, {"occluded": None}, '"ignore": 1, "occ": 0', '"ignore": 1'),
        (4, {"role": "ignore"}, "[1,2,3,4] }", '[1,2,3,4], "extra": {"ignore": 1} }'),
        (4, {"label": "dog"}, '"tag" : "person", "vbox"', '"tag" : "dog", "vbox"'),
        (3, {"x1": -5.25, "x2": 4.75}, "[-5, 1.50, 10, 20]", "[-5.25, 1.50, 10, 20]"),
    ],
)
def test_an_edit_changes_only_the_bytes_of_its_value(tmp_path, row, values, old, new):
    dataset = with_values(read_file(crowdhuman, FILE, ODGT), row, **values)
    text, report = spliced(dataset, tmp_path)
    assert ODGT.count(old) == 1
    assert text == ODGT.replace(old, new)
    assert report.losses == ()


def test_a_label_that_only_one_box_of_an_object_has_is_lost(tmp_path):
    dataset = with_values(read_file(crowdhuman, FILE, ODGT), 0, label="rider")
    text, report = spliced(dataset, tmp_path)
    assert text == ODGT
    assert losses(report) == {"boxes.label": 1}


def test_a_mask_that_is_no_longer_ignored_is_lost(tmp_path):
    dataset = with_values(read_file(crowdhuman, FILE, ODGT), 3, role="include")
    _, report = spliced(dataset, tmp_path)
    assert losses(report) == {"boxes.role": 1}


def test_a_removed_box_goes_alone_and_an_object_with_its_last_box(tmp_path):
    dataset = read_file(crowdhuman, FILE, ODGT)
    dataset = dataset.with_tables(boxes=dataset.boxes.drop(index=[1, 3, 4]))
    text, report = spliced(dataset, tmp_path)
    lines = [json.loads(line) for line in text.splitlines()]
    ((person,), none, last) = (line["gtboxes"] for line in lines)
    assert set(person) == {"fbox", "tag", "hbox", "extra", "head_attr"}
    assert (none, last) == ([], [])
    assert text.splitlines()[1] == ODGT.splitlines()[1]
    assert (report.boxes, report.losses) == (2, ())


def test_a_removed_image_takes_its_line_and_an_added_box_gets_the_next_id(tmp_path):
    dataset = read_file(crowdhuman, FILE, ODGT)
    images = dataset.images.iloc[[0, 2]].reset_index(drop=True)
    dataset = with_box(dataset.with_tables(images=images), label="person", extent="head")
    text, report = spliced(dataset, tmp_path)
    first, last = text.splitlines()
    added = '{"tag": "person", "hbox": [1, 2, 2, 2], "extra": {"box_id": 8}}'
    assert first == ODGT.splitlines()[0].removesuffix("]}") + f", {added}]}}"
    assert last == ODGT.splitlines()[2]
    assert losses(report) == {}
    assert (report.images, report.boxes) == (2, 6)


def test_unknown_keys_are_counted():
    body = ODGT.replace('"occ": 1', '"occ": 1, "pose": 3').replace('{"ID":"b"', '{"w": 5, "ID":"b"')
    dataset = read_file(crowdhuman, FILE, body)
    assert crowdhuman.extras(dataset) == {"extra.pose": 1, "line.w": 1}


edges = st.lists(st.integers(-400, 4000).map(lambda n: n / 4), min_size=4, max_size=4)
box_values = st.tuples(
    edges,
    st.sampled_from(["person", "mask", "dog"]),
    st.sampled_from(["include", "ignore", "exclude"]),
    st.sampled_from(["full", "visible", "head", None]),
    st.sampled_from([None, 0.0, 1.0, 2.0]),
)


def read_back(table):
    return [
        dict(zip(table.columns, values, strict=True))
        for values in table.astype(object).where(table.notna(), None).to_numpy().tolist()
    ]


@given(st.lists(box_values, min_size=1, max_size=5))
def test_what_is_read_again_differs_by_what_the_report_says(tmp_path_factory, values):
    names = ("label", "role", "extent", "occluded")
    columns = {n: [row[k + 1] for row in values] for k, n in enumerate(names)}
    columns |= {n: [row[0][k] for row in values] for k, n in enumerate(EDGES)}
    dataset = table_set(columns, len(values))
    folder = tmp_path_factory.mktemp("crowdhuman")
    report = crowdhuman.write(dataset, folder, None)
    again = read(folder)
    assert again.findings.empty
    pairs = list(zip(read_back(dataset.boxes), read_back(again.boxes), strict=True))
    differ = {
        f"boxes.{name}": sum(
            old[name] is not None
            and not (
                math.isclose(old[name], new[name], rel_tol=1e-9, abs_tol=1e-9)
                if name in EDGES
                else old[name] == new[name]
            )
            and (name, old[name]) != ("occluded", 0.0)
            for old, new in pairs
        )
        for name in (*names, *EDGES)
    }
    differ["boxes.extent"] = sum(old["extent"] is None for old, _ in pairs)
    # `.jpg` is no part of an ID.
    wanted = {name: count for name, count in differ.items() if count}
    assert losses(report) == wanted | {"images (ending of the name)": 1}


@given(st.lists(edges, min_size=5, max_size=5))
def test_changed_edges_are_read_back(tmp_path_factory, values):
    dataset = read_file(crowdhuman, FILE, ODGT)
    boxes = dataset.boxes.copy()
    boxes[EDGES] = values
    folder = tmp_path_factory.mktemp("crowdhuman")
    report = write_back(crowdhuman, dataset.with_tables(boxes=boxes), folder)
    assert report.losses == ()
    again = read(folder).boxes
    pd.testing.assert_frame_equal(again[EDGES], boxes[EDGES], rtol=1e-9)


def test_a_round_trip_over_coco_keeps_the_boxes(tmp_path):
    path = tmp_path / FILE
    path.write_text(ODGT)
    write(read(path), "coco", tmp_path / "coco")
    report = write(read(tmp_path / "coco"), "crowdhuman", tmp_path / "back")
    assert written(tmp_path / "back").keys() == {".curate-export", "annotations.odgt"}
    assert losses(report)["boxes.extent"] == 5
    again = read(tmp_path / "back")
    assert again.boxes[EDGES].equals(read(path).boxes[EDGES])
    assert crowdhuman.claims(open_tree(tmp_path / "back")) == ["annotations.odgt"]
