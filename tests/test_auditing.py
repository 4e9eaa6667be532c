"""The audit as a whole: what readers told is not told again, and how checks are chosen."""

from __future__ import annotations

import json

import pytest
from PIL import Image

import curate
from curate import ReadOptions
from curate.auditing import audit
from curate.definitions.loading import load
from curate.errors import UsageError
from tests.definitions.making import box, dataset

ROWS = "0 0.5 0.5 0.2 0.2\n0 0.3 0.3 0.1 0.1\n"


@pytest.fixture
def yolo(tmp_path):
    """A Make Sense YOLO export of n files, two boxes each; gives its folder."""

    def make(n, rows=ROWS):
        (tmp_path / "labels").mkdir()
        for number in range(n):
            (tmp_path / "labels" / f"p{number:02}.txt").write_text(rows)
        return tmp_path / "labels"

    return make


@pytest.fixture
def pictures(tmp_path):
    """Writes pictures of 50 x 40 px under the image folder; gives the folder."""

    def make(*names):
        for name in names:
            path = tmp_path / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (50, 40)).save(path)
        return tmp_path / "pictures"

    return make


def test_a_wrong_image_folder_is_one_finding_of_pictures_and_one_of_boxes(yolo, pictures) -> None:
    findings = audit(yolo(20), ReadOptions(images=pictures("other.jpg"), format="makesense"))
    assert findings.counts == {"IMG-001": 1, "IMG-002": 1, "SRC-015": 1}
    table = findings.table.set_index("check")
    assert table.loc["IMG-001", "message"].startswith("20 records; ")
    assert len(table.loc["SRC-015", "members"]) == 40


def test_boxes_of_an_ambiguous_picture_are_told_once(yolo, pictures) -> None:
    folder = pictures("a/p00.jpg", "b/p00.jpg", "p01.jpg")
    findings = audit(yolo(2), ReadOptions(images=folder, format="makesense"))
    assert "SRC-011" in findings.counts
    assert "BOX-001" not in findings.counts


def test_a_box_whose_numbers_are_wrong_is_told_once(yolo, pictures) -> None:
    path = yolo(1, "0 0.5 0.5 0.2 zero\n0 0.5 0.5 0.2 0.2\n")
    findings = audit(path, ReadOptions(images=pictures("p00.jpg"), format="makesense"))
    assert findings.counts == {"SRC-001": 1}


def test_a_box_without_a_place_is_found_where_the_reader_is_not_asked(yolo, pictures) -> None:
    path, folder = yolo(3), pictures("other.jpg")
    options = ReadOptions(images=folder, format="makesense")
    assert audit(path, options, select=["BOX"]).counts == {"BOX-001": 6}
    assert audit(path, options, ignore=["SRC-015", "IMG"]).counts == {"BOX-001": 6}


def test_told_boxes_hide_no_others_of_their_file(yolo, pictures) -> None:
    dataset = curate.read(yolo(30), ReadOptions(images=pictures("p00.jpg"), format="makesense"))
    boxes = dataset.boxes.copy()
    boxes.loc[0, "x1"] = float("nan")
    findings = audit(dataset.with_tables(boxes=boxes))
    (members,) = findings.table.loc[findings.table["check"] == "BOX-001", "members"]
    assert members == [boxes["box_id"].iloc[0]]


def test_one_text_selects_as_a_list_of_it_does(yolo) -> None:
    rows = ROWS + "0 0.5 0.5 0.2 0.2\n0 0.8 0.8 0.02 0.2\n"
    path, options = yolo(2, rows), ReadOptions(size_wh=(50, 40))
    assert audit(path, options).counts == {"BOX-004": 2, "REL-001": 2}
    for word in ("REL", "REL-001", "boxes-duplicate"):
        assert audit(path, options, select=word).counts == {"REL-001": 2}
    assert audit(path, options, ignore="REL").counts == {"BOX-004": 2}
    with pytest.raises(UsageError, match="there is no check ''"):
        audit(path, options, select="")


def test_a_level_that_does_not_exist_is_refused(yolo) -> None:
    findings = audit(yolo(1), ReadOptions(size_wh=(50, 40)))
    with pytest.raises(UsageError) as error:
        findings.at_least("fatal")
    assert str(error.value) == "there is no level 'fatal' - use error, warning, info"


def found(made, *words, **options):
    """Code to the source ids of the members of its findings, of the checks that are asked for."""
    table = audit(made, definitions=words or None, **options).table
    names = dict(zip(made.boxes["box_id"], made.boxes["source_id"], strict=True))
    told = {}
    for code, members in zip(table["check"], table["members"], strict=True):
        told.setdefault(code, []).extend(sorted(names[one] for one in members))
    return told


BUILT_IN = ["BOX-002", "BOX-001", "BOX-003", "REL-001", "REL-002"]
WORDS = {"select": [*BUILT_IN, "VIS-001", "VIS-002", "VIS-030"]}


def test_what_a_clause_tells_the_check_in_whose_place_it_stands_does_not() -> None:
    made = dataset([box(600, 10, 660, 90, source_id="out"),
                    box(600, 10, 700, 90, source_id="full", extent="full")])  # fmt: skip
    assert found(made, select=BUILT_IN) == {"BOX-002": ["full", "out"]}
    # The clause is about visible boxes: full ones are left to the check.
    assert found(made, "box.visible", **WORDS) == {"VIS-002": ["out"], "BOX-002": ["full"]}


def test_a_clause_that_is_not_asked_for_leaves_the_boxes_to_the_check() -> None:
    made = dataset([box(600, 10, 660, 90, source_id="out")])
    assert found(made, "box.visible", ignore=["VIS-002", "SET", "VIS-05"])["BOX-002"] == ["out"]
    assert found(made, "box.visible", select=["BOX-002"]) == {"BOX-002": ["out"]}
    assert found(made, "box.visible", select=["VIS-002"]) == {"VIS-002": ["out"]}


def test_boxes_that_the_mapping_excludes_are_left_to_the_check() -> None:
    rows = [box(600, 10, 660, 90, label=label, source_id=label) for label in ("person", "car")]
    made = dataset(rows, formats={"f": "voc"})
    assert found(made, "person", **WORDS) == {"VIS-002": ["person"], "BOX-002": ["car"]}


def test_pairs_that_no_clause_judges_are_left_to_the_check() -> None:
    rows = [box(0, 0, 50, 50, source_id=f"{n:02}") for n in range(20)]
    rows += [box(0, 0, 50, 50, image="b", shape="rotated", angle_deg=5.0, source_id=f"r{n}")
             for n in range(2)]  # fmt: skip
    rows += [box(0, 0, 50, 50, image="c", source_id=f"c{n}") for n in range(2)]
    told = found(dataset(rows), "box.visible", **WORDS)
    assert sorted(told["REL-001"]) == ["r0", "r1"]
    # The clause tells of all twenty equal boxes, each once.
    assert sorted(told["VIS-030"]) == [*(f"{n:02}" for n in range(20)), "c0", "c1"]


def coco(folder, *ids):
    """A COCO file with one box for each id."""
    annotations = [
        {"id": id_, "image_id": 1, "category_id": 1, "bbox": [10 * n, 0, 9, 9], "area": 81,
         "iscrowd": 0} for n, id_ in enumerate(ids)
    ]  # fmt: skip
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": annotations,
    }
    (folder / "labels.json").write_text(json.dumps(document))
    return folder / "labels.json"


def test_an_id_of_zero_is_told_by_the_definition_in_the_readers_place(tmp_path) -> None:
    path = coco(tmp_path, 0, 2**53 + 1)
    only = {"select": ["SRC-008", "DET-003"]}
    assert audit(path, select="SRC-008").counts == {"SRC-008": 1}
    told = audit(path, definitions=["detection"], **only)
    assert told.counts == {"DET-003": 1}
    assert told.table["definition"].tolist() == list(told.definitions)
    assert audit(path, definitions=["detection"], ignore=["DET-003", "SET"]).counts == {
        "SRC-008": 1
    }
    assert audit(coco(tmp_path, 1, 2**53 + 1), definitions=["detection"], **only).counts == {}


def test_a_box_without_a_place_of_which_the_reader_tells_is_told_once(yolo, pictures) -> None:
    path, options = yolo(3), ReadOptions(images=pictures("other.jpg"), format="makesense")
    counts = audit(path, options, definitions=["box.visible"], ignore=["VIS-05"]).counts
    assert "SRC-015" in counts
    assert not {"VIS-001", "BOX-001"} & set(counts)
    assert audit(path, options, select="VIS-001", definitions=["box.visible"]).counts == {
        "VIS-001": 6
    }


def test_what_a_mistake_of_the_whole_file_explains_it_explains_of_clauses_too(real_data) -> None:
    path = real_data / "coco_xyxy_bug" / "train1_bbox_is_xyxy.json"
    plain = audit(path)
    assert "CONV-001" in plain.counts
    assert "BOX-002" not in plain.counts
    with_clauses = audit(path, definitions=["box.visible"])
    assert with_clauses.counts["CONV-001"] == 1
    assert "VIS-002" not in with_clauses.counts
    assert "VIS-002" in audit(path, definitions=["box.visible"], ignore=["CONV"]).counts


def test_findings_of_clauses_name_their_definition_and_others_none() -> None:
    made = dataset([box(600, 10, 660, 90), box(9, 9, 5, 5, extent="full")])
    told = audit(made, definitions=["box.visible"])
    (stated,) = told.definitions
    is_clause = told.table["check"].str.startswith("VIS")
    assert set(told.table.loc[is_clause, "definition"]) == {stated}
    assert told.table.loc[~is_clause, "definition"].isna().all()
    assert is_clause.any()
    assert not is_clause.all()


def test_definitions_are_taken_by_id_path_or_loaded(tmp_path) -> None:
    made = dataset([box(600, 10, 660, 90)])
    loaded = load(["box.visible"])
    tables = [audit(made, definitions=words).table for words in (["box.visible"], loaded,
                                                                 "box.visible")]  # fmt: skip
    assert len({table.to_json() for table in tables}) == 1
    with pytest.raises(UsageError, match=r"did you mean 'box\.visible'"):
        audit(made, definitions=["box.visibel"])


def test_a_dataset_without_rows_is_audited_with_all_definitions() -> None:
    for images in ({}, {"a": {}}):
        told = audit(dataset([], images), definitions=["person", "head", "detection"])
        # A question about images is put where there are any.
        assert set(told.counts) <= {"VIS-050"}
