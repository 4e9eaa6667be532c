"""CityPersons, EuroCity Persons, Caltech: values after their specifications, bytes, edits."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import SourceError
from curate.formats import caltech, citypersons, eurocity, read, recognise
from curate.formats.caltech import vbb
from curate.formats.reading import Options
from curate.tree import open_tree
from tests.formats import person_files as made
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

FORMS = {
    "citypersons": (citypersons, made.CITY_NAME, made.CITY),
    "eurocity": (eurocity, made.ECP_NAME, made.ECP),
    "caltech": (caltech, made.BBGT_NAME, made.BBGT),
}


def read_form(form):
    return read_file(*FORMS[form])


def rows(dataset, *columns):
    table = dataset.boxes[list(columns)].astype(object)
    return table.where(table.notna(), None).to_numpy().tolist()


def written_text(form, dataset, folder):
    report = write_back(FORMS[form][0], dataset, folder)
    return (folder / FORMS[form][1]).read_text(encoding="utf-8"), report


def test_citypersons_boxes_are_full_and_visible_and_labels_tell_roles_and_groups():
    dataset = read_form("citypersons")
    wanted = [
        ["full", "pedestrian", "include", False, 10.0, 20.0, 51.0, 120.0, "24000:full"],
        ["visible", "pedestrian", "include", False, 11.0, 21.0, 41.0, 101.0, "24000:visible"],
        ["full", "ignore", "ignore", False, 0.0, 0.0, 5.0, 5.0, "#1:full"],
        ["visible", "ignore", "ignore", False, 0.0, 0.0, 5.0, 5.0, "#1:visible"],
        ["full", "person group", "include", True, 1.0, 1.0, 6.0, 6.0, "#2:full"],
        ["visible", "person group", "include", True, 1.0, 1.0, 6.0, 6.0, "#2:visible"],
    ]
    assert rows(dataset, "extent", "label", "role", "is_group", *EDGES, "source_id") == wanted
    (image,) = dataset.images.to_dict("records")
    assert image["image_key"] == "yard/aachen_000000_000019_leftImg8bit"
    assert (image["declared_width"], image["declared_height"]) == (2048, 1024)
    assert image["split"] == "train"
    assert dataset.boxes["line"].tolist() == [5, 5, 11, 11, 12, 12]


def test_eurocity_reads_nested_children_and_their_tags():
    dataset = read_form("eurocity")
    columns = ("label", "role", "is_group", *EDGES, "occluded", "truncated", "is_depiction")
    wanted = [
        ["rider", "include", False, 100.0, 50.0, 200.0, 250.5, 40.0, 0.1, None],
        ["bicycle", "include", False, 90.0, 150.0, 210.0, 260.0, None, None, None],
        ["person-group-far-away", "ignore", True, -4.0, 2.0, 6.0, 8.0, None, None, True],
    ]
    assert rows(dataset, *columns) == wanted
    attributes = [json.loads(text) for text in dataset.boxes["attributes"]]
    assert [own["object"] for own in attributes] == ["#0", "#0.0", "#1"]
    assert attributes[0]["tags"] == ["occluded>40", "truncated>10", "skating"]
    assert attributes[1]["orient"] == -12.5
    assert set(dataset.boxes["extent"]) == {"full"}
    assert dataset.images["image_key"].tolist() == ["yard/day/img/val/ulm/ulm_00001"]
    assert (dataset.images["width"][0], dataset.images["split"][0]) == (1920, "val")
    assert eurocity.extras(dataset) == {"image.tags": 1}


@pytest.mark.parametrize(
    "wrapped",
    [
        '{"@converter": "x", "children": [{"children": [%s]}]}',
        '{"identity": "seqlist", "children": {"children": %s}}',
    ],
)
def test_a_frame_inside_other_objects_is_found(wrapped):
    dataset = read_file(eurocity, "a.json", wrapped % made.ECP)
    assert rows(dataset, *EDGES) == rows(read_form("eurocity"), *EDGES)


def test_caltech_box_is_turned_about_its_centre():
    line = "person 11 21 20 10 0 0 0 0 0 0 90"
    dataset = read_file(caltech, "I1.txt", f"% bbGt version=3\n{line}\n")
    # 10 .. 30 and 20 .. 30 about (20, 25): a quarter clockwise takes the top left to (25, 15).
    (ring,) = caltech.outlines(dataset).values()
    assert np.allclose(ring, [[25, 15, 25, 35, 15, 35, 15, 15]])


def test_caltech_counts_from_1_and_leaves_out_visible_boxes_of_zeros():
    dataset = read_form("caltech")
    wanted = [
        ["full", "person", "include", "box", 100.0, 50.0, 200.0, 250.0, 1.0, None],
        ["visible", "person", "include", "box", 110.0, 60.0, 160.0, 160.0, 1.0, None],
        ["full", "people", "ignore", "rotated", 0.0, 0.0, 10.0, 10.0, 0.0, 30.0],
        ["full", "ignore", "ignore", "box", 4.0, 4.0, 5.0, 5.0, 0.0, None],
    ]
    columns = ("extent", "label", "role", "shape", *EDGES, "occluded", "angle_deg")
    assert rows(dataset, *columns) == wanted
    assert dataset.images["group"].tolist() == ["set00/V000"]
    assert dataset.images["frame"].tolist() == [29]


def test_citypersons_files_without_sizes_or_visible_boxes_are_read_by_their_names(tmp_path):
    columns = {"label": ["person"], "extent": "full", **dict.fromkeys(EDGES, 5.0)}
    names = ("b_000000_000000_leftImg8bit.png", "shot.0001.jpg")
    images = {"width": None, "height": None, "label_state": ["present", "empty"]}
    citypersons.write(table_set(columns, 1, names, **images), tmp_path, None)
    tail = "_gtBboxCityPersons.json"
    assert sorted(written(tmp_path)) == [
        f"gtBboxCityPersons/{stem}{tail}" for stem in ("b_000000_000000", "shot.0001")
    ]
    tree = open_tree(tmp_path)
    found = citypersons.gather(tree, citypersons.claims(tree), Options())
    stems = ("b_000000_000000", "shot.0001")
    assert found.images["image_name"] == [f"{stem}_leftImg8bit" for stem in stems]


@pytest.mark.parametrize("value", [None, 0.2])
def test_a_turned_box_without_a_whole_angle_loses_its_outline_in_bbgt(value, tmp_path):
    columns = {"label": "person", "shape": "rotated", "extent": "full", "angle_deg": value}
    dataset = table_set(columns | dict.fromkeys(EDGES, 5.0), 1, ("I00001",))
    report = caltech.write(dataset, tmp_path, None)
    found = {loss.field: loss.count for loss in report.losses}
    assert found["rotated outline"] == 1


def test_eurocity_objects_have_no_ids_and_splits_of_folders_alone(tmp_path):
    columns = {"label": "person", "attributes": '{"object": "7"}', "source_id": "7:full"}
    columns |= {"extent": "full", "is_group": False, **dict.fromkeys(EDGES, 5.0)}
    names = ("train/a", "b", "val/c", "labels/d")
    images = {"split": ["train", "train", None, None], "label_state": ["present", *["empty"] * 3]}
    report = eurocity.write(table_set(columns, 1, names, **images), tmp_path, None)
    found = {loss.field: loss.count for loss in report.losses}
    wanted = {"boxes.attributes": 1, "boxes.source_id": 1, "images.split": 2, "images (name)": 1}
    assert found == wanted


def test_a_header_alone_is_an_empty_image():
    dataset = read_file(caltech, "I00001.txt", "% bbGt version=3\n")
    assert dataset.images["label_state"].tolist() == ["empty"]


@pytest.mark.parametrize(
    ("version", "line"), [(0, "p 1 1 2 3 0 0 0 0 0"), (2, "p 1 1 2 3 0 0 0 0 0 1")]
)
def test_older_versions_have_fewer_columns(version, line):
    dataset = read_file(caltech, "a.txt", f"% bbGt version={version}\n{line}\n")
    assert rows(dataset, *EDGES, "role") == [
        [0.0, 0.0, 2.0, 3.0, "ignore" if version else "include"]
    ]
    assert dataset.findings.empty


@pytest.mark.parametrize(
    ("form", "old", "new", "said"),
    [
        ("citypersons", "[10, 20, 41, 100]", "[10, 20, 41]", "bbox '[10, 20, 41]'"),
        ("citypersons", '"pedestrian"', "5", "label '5'"),
        ("citypersons", '"imgWidth": 2048', '"imgWidth": -1', "imgWidth '-1'"),
        ("eurocity", '"x0": 100', '"x0": "a"', "x0 'a'"),
        ("eurocity", '"x0": 100, ', "", "no x0"),
        ("eurocity", '"skating"', "5", "a list of words"),
        ("caltech", "101 51", "1_1 51", "x '1_1'"),
        ("caltech", "0 0\npeople", "0\npeople", "has 11 columns, should have 12"),
    ],
)
def test_a_bad_value_is_a_finding_and_hides_nothing_else(form, old, new, said):
    module, name, text = FORMS[form]
    assert old in text
    dataset = read_file(module, name, text.replace(old, new, 1))
    (finding,) = dataset.findings.to_dict("records")
    assert (finding["check"], finding["file"]) == ("SRC-001", name)
    assert said in finding["message"]
    assert set(dataset.boxes["label"].dropna()) >= set(read_form(form).boxes["label"][3:])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("change", [str, lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t])
def test_untouched_files_come_back_byte_for_byte(form, change, tmp_path):
    module, name, text = FORMS[form]
    report = write_back(module, read_file(module, name, change(text)), tmp_path)
    assert (tmp_path / name).read_bytes() == change(text).encode()
    assert report.losses == ()


@pytest.mark.parametrize(
    ("form", "row", "values", "old", "new"),
    [
        ("citypersons", 0, {"x2": 50.5}, "[10, 20, 41, 100]", "[10, 20, 40.5, 100]"),
        ("citypersons", 1, {"y1": 20.0}, "[11, 21, 30, 80]", "[11, 20, 30, 81]"),
        ("eurocity", 0, {"y2": 251.0}, "250.5", "251"),
        ("eurocity", 1, {"label": "moped"}, '"bicycle"', '"moped"'),
        ("eurocity", 2, {"is_depiction": None}, '["depiction"]', "[]"),
        ("eurocity", 2, {"score": 0.25, "origin": "detector"}, "[]}\n ]", '[], "score": 0.25}\n ]'),
        ("caltech", 0, {"x2": 210.0}, "101 51 100 200", "101 51 110 200"),
        ("caltech", 2, {"role": "include"}, "0 0 0 0 0 1 30", "0 0 0 0 0 0 30"),
        ("caltech", 2, {"angle_deg": 45.0}, "1 30\n", "1 45\n"),
        ("caltech", 3, {"occluded": 1.0}, "5 5  1 1 0 0", "5 5  1 1 1 0"),
    ],
)  # fmt: skip
def test_an_edit_changes_only_the_bytes_of_its_value(form, row, values, old, new, tmp_path):
    text = FORMS[form][2]
    assert text.count(old) == 1 or form == "eurocity"
    after, report = written_text(form, with_values(read_form(form), row, **values), tmp_path)
    at = text.rfind(old) if "score" in values else text.find(old)
    assert after == text[:at] + new + text[at + len(old) :]
    assert report.losses == ()


@pytest.mark.parametrize(
    ("form", "row", "values", "field"),
    [
        ("citypersons", 0, {"occluded": 1.0}, "boxes.occluded"),
        ("citypersons", 4, {"is_group": False}, "boxes.is_group"),
        ("eurocity", 0, {"occluded": 33.0}, "boxes.occluded"),
        ("eurocity", 2, {"role": "include"}, "boxes.role"),
        ("caltech", 0, {"x1": 100.25}, "boxes.x1"),
        ("caltech", 0, {"label": "man"}, "boxes.label"),
        ("caltech", 0, {"track_id": "5"}, "boxes.track_id"),
    ],
)
def test_what_a_record_cannot_hold_is_told(form, row, values, field, tmp_path):
    _, report = written_text(form, with_values(read_form(form), row, **values), tmp_path)
    assert losses(report) == {field: 1}


@pytest.mark.parametrize("form", FORMS)
def test_removed_objects_go_and_added_ones_come_last(form, tmp_path):
    dataset = read_form(form)
    boxes = dataset.boxes
    last = boxes["start"] == boxes["start"].iloc[-1]
    known = {"is_group": False, "occluded": 0.0}
    dataset = dataset.with_tables(boxes=boxes[~last])
    dataset = with_box(dataset, label="rider", extent="full", **known)
    _, report = written_text(form, dataset, tmp_path)
    assert losses(report) == {}
    again = read(tmp_path)
    assert rows(again, *EDGES) == rows(dataset, *EDGES)
    assert again.findings.empty


def test_what_is_nested_in_a_removed_object_is_counted(tmp_path):
    dataset = read_form("eurocity")
    text, report = written_text(
        "eurocity", dataset.with_tables(boxes=dataset.boxes.drop(index=0)), tmp_path
    )
    assert len(json.loads(text)["children"]) == 1
    assert (report.boxes, losses(report)) == (1, {"boxes": 1})


def test_a_line_of_nothing_but_a_separator_character_is_a_finding():
    dataset = read_file(caltech, "a.txt", "% bbGt version=3\n\x1c\nperson 1 1 2 2 0 0 0 0 0 0 0\n")
    assert dataset.findings["line"].tolist() == [2]
    assert rows(dataset, *EDGES)[-1] == [0.0, 0.0, 2.0, 2.0]


VBB_ROWS = [
    ["full", "person", 10.0, 20.0, 15.5, 28.0, "1"],
    ["full", "person", 11.0, 20.0, 16.5, 28.0, "1"],
    ["visible", "person", 12.0, 21.0, 14.0, 24.0, "1"],
    ["full", "people", 0.0, 0.0, 2.0, 2.0, "2"],
]


def test_vbb_text_gives_a_box_per_frame_and_empty_frames():
    dataset = read_file(vbb, made.VBB_NAME, made.VBB)
    assert rows(dataset, "extent", "label", *EDGES, "track_id") == VBB_ROWS
    states = dict(zip(dataset.images["frame"], dataset.images["label_state"], strict=True))
    assert states == {0: "empty", 1: "present", 2: "present", 3: "empty"}
    assert dataset.findings.empty
    body = made.VBB.encode()
    spans = zip(dataset.boxes["start"], dataset.boxes["end"], strict=True)
    assert [float(body[s:e].split()[0]) for s, e in spans] == [11.0, 12.0, 12.0, 1.0]


def test_vbb_json_gives_the_same_columns():
    dataset = read_file(vbb, "annotations.json", made.VBB_JSON)
    wanted = [
        ["full", "person", 10.0, 20.0, 15.5, 28.0, "0"],
        ["full", "people", 0.0, 0.0, 2.0, 2.0, "1"],
        ["visible", "people", 0.0, 0.0, 1.0, 2.0, "1"],
    ]
    assert rows(dataset, "extent", "label", *EDGES, "track_id") == wanted
    keys = sorted(dataset.images["image_key"])
    assert keys == [f"yard/set00/V000/I0000{frame}" for frame in range(3)]
    assert vbb.extras(dataset) == {"video.log": 1}


def test_a_matlab_file_is_refused_with_the_mend(tmp_path):
    path = tmp_path / "V000.vbb"
    path.write_bytes(made.MATLAB)
    with pytest.raises(SourceError, match="vbbToFiles"):
        read(path)


def test_a_claim_of_a_billion_frames_is_a_finding():
    dataset = read_file(vbb, made.VBB_NAME, made.VBB.replace("nFrame=4", "nFrame=999999999"))
    assert len(dataset.images) == 2
    assert "nFrame=999999999" in dataset.findings["message"][0]


ALL = {name: form[1:] for name, form in FORMS.items()} | {
    "crowdhuman": ("a.odgt", made.ODGT),
    "caltech-vbb": (made.VBB_NAME, made.VBB),
}


@pytest.mark.parametrize("form", [*ALL, "json"])
def test_only_its_own_reader_claims_a_file(form):
    name, text = ("annotations.json", made.VBB_JSON) if form == "json" else ALL[form]
    wanted = "caltech-vbb" if form == "json" else form
    assert recognise(kept({name: text})) == {wanted: [name]}


@pytest.mark.parametrize("form", ["citypersons", "eurocity", "caltech"])
def test_broken_files_beside_whole_ones_are_unreadable_images(form, tmp_path):
    _, name, text = FORMS[form]
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    bad = path.with_name(f"z{path.name}")
    bad.write_bytes(b"\xff\x00" if form == "caltech" else b'{"children": [')
    dataset = read(tmp_path)
    assert dataset.images["label_state"].tolist() == ["present", "unreadable"]
    assert dataset.findings["check"].tolist() == ["SRC-002"]


sides = st.lists(st.integers(-40, 400), min_size=4, max_size=4)
values = st.tuples(sides, st.sampled_from(["rider", "ignore", "people", "person group"]),
                   st.sampled_from(["include", "ignore"]))  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(values, min_size=1, max_size=4))
def test_what_is_read_again_differs_by_what_the_report_says(tmp_path_factory, form, drawn):
    columns = {"label": [v[1] for v in drawn], "role": [v[2] for v in drawn], "extent": "full"}
    columns |= {edge: [float(v[0][k]) for v in drawn] for k, edge in enumerate(EDGES)}
    dataset = table_set(columns, len(drawn), names=("a",), width=640, height=480)
    folder = tmp_path_factory.mktemp(form)
    module = FORMS[form][0]
    report = Counter[str]()
    for loss in module.write(dataset, folder, None).losses:
        report[loss.field] += loss.count
    again = read_all_of(module, folder)
    np.testing.assert_allclose(again.boxes[EDGES], dataset.boxes[EDGES])
    for column in ("label", "role", "is_group"):
        old, new = (d.boxes[column].astype(object).fillna("unknown") for d in (dataset, again))
        assert report[f"boxes.{column}"] == int((old.to_numpy() != new.to_numpy()).sum())


def read_all_of(module, folder):
    files = open_tree(folder)
    dataset = read(folder)
    assert module.claims(files) == sorted(files.files)
    return dataset
