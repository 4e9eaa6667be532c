"""What clauses mend, what they leave, and that a log takes all of it back."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import ReadOptions
from curate.definitions.loading import load
from curate.definitions.model import Definitions
from curate.errors import UsageError
from curate.fixing import LOG_COLUMNS, Fixed, fix, undo
from curate.formats import read

SCENES = """
    examples:
      - {note: fits, boxes: [{x1: 1, y1: 1, x2: 9, y2: 9}]}
    counter_examples:
      - {note: does not, boxes: [{x1: 1, y1: 1, x2: 9, y2: 9}]}
"""
HEAD = """\
schema: curate.definition/1
kind: rules
id: odd
version: 1.0.0
status: active
title: A definition for tests
params: {}
clauses:
"""


def clause(code: str, action: str, check: str, more: str = "") -> str:
    """The YAML of a clause about boxes."""
    return (
        f"  - id: {code}\n    title: What {code} wants to hold\n    record: box\n"
        f"    severity: error\n    action: {action}\n    check: {check}\n    missing: skip\n"
        f"    rationale: Something goes wrong without it.\n{more}{SCENES}"
    )


def definitions(tmp_path: Path, *clauses: str) -> Definitions:
    path = tmp_path / "odd.yaml"
    path.write_text(HEAD + "".join(clauses), encoding="utf-8")
    return load([path])


def labels(tmp_path: Path, *boxes: tuple[float, float, float, float], **changes: object) -> Path:
    """COCO boxes (x, y, w, h) of class car, from id 1, on an image of 60 x 40 px."""
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "bbox": list(box)} | changes
            for n, box in enumerate(boxes, 1)
        ],
        "categories": [{"id": 1, "name": "car"}],
    }
    path = tmp_path / "street.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def told(done: Fixed) -> list[tuple[str, ...]]:
    keys = ("source_id", "column", "old", "new", "clause")
    return [tuple(row[key] for key in keys) for row in done.rows()]


def left(done: Fixed) -> dict[str, tuple[int, int]]:
    return {one.clause.id: (one.before, one.after) for one in done.left}


VISIBLE = load(["box.visible"])


def test_a_box_over_the_edge_is_cut_and_a_small_one_is_ignored(tmp_path: Path) -> None:
    done = fix(read(labels(tmp_path, (50, 10, 20, 20), (5, 5, 2, 9), (5, 5, 9, 9))), VISIBLE)
    assert told(done) == [
        ("1", "x2", "70.0", "60.0", "VIS-002"),
        ("2", "role", "include", "ignore", "VIS-003"),
    ]
    assert done.dataset.boxes["x2"].tolist() == [60, 7, 14]
    assert done.dataset.boxes["role"].tolist() == ["include", "ignore", "include"]
    assert left(done) == {}
    assert done.n_boxes == 2


def test_what_a_fix_leaves_too_small_is_ignored_by_the_clause_after_it(tmp_path: Path) -> None:
    # Of 6.3 px of width 2 are in the image: less than the 4 of VIS-003.
    done = fix(read(labels(tmp_path, (58, 5, 6.3, 9))), VISIBLE)
    assert told(done) == [
        ("1", "x2", "64.3", "60.0", "VIS-002"),
        ("1", "role", "include", "ignore", "VIS-003"),
    ]


def test_a_fix_that_would_make_a_box_rejected_is_not_made_and_told(tmp_path: Path) -> None:
    # Wholly outside: cut at the edge its right side would lie left of its left side.
    done = fix(read(labels(tmp_path, (70, 5, 9, 9))), VISIBLE)
    assert told(done) == []
    assert left(done) == {"VIS-002": (1, 1)}
    assert done.at_least("error")


def test_a_rejected_box_is_left_as_it_is(tmp_path: Path) -> None:
    done = fix(read(labels(tmp_path, (50, 10, 20, -3))), VISIBLE)
    assert told(done) == []
    assert left(done)["VIS-001"] == (1, 1)


def test_clauses_are_applied_in_their_order_each_on_what_those_before_it_made(
    tmp_path: Path,
) -> None:
    first = clause("ODD-001", "fix", "x1 >= 2", '    fix: {x1: "x1 + 1"}\n')
    second = clause("ODD-002", "fix", "x1 >= 3", '    fix: {x1: "x1 * 2"}\n')
    source = read(labels(tmp_path, (1, 5, 20, 20)))
    # 1 -> 2 by the first, 2 -> 4 by the second.
    done = fix(source, definitions(tmp_path, first, second))
    assert told(done) == [
        ("1", "x1", "1.0", "2.0", "ODD-001"),
        ("1", "x1", "2.0", "4.0", "ODD-002"),
    ]
    assert undo(done.dataset, done.log_csv()).dataset.boxes["x1"].tolist() == [1.0]


def test_several_columns_of_one_clause_are_told_from_the_values_before_it(tmp_path: Path) -> None:
    swap = clause("ODD-001", "fix", "x1 <= x2", '    fix: {x1: "x2", x2: "x1"}\n')
    done = fix(read(labels(tmp_path, (30, 5, -10, 20))), definitions(tmp_path, swap))
    assert done.dataset.boxes[["x1", "x2"]].to_numpy().tolist() == [[20, 30]]


def test_texts_flags_and_unknown_values_can_be_set(tmp_path: Path) -> None:
    more = '    fix: {extent: "\'visible\'", is_group: "true", truncated: "occluded"}\n'
    done = fix(
        read(labels(tmp_path, (1, 5, 20, 20))),
        definitions(tmp_path, clause("ODD-001", "fix", "x1 >= 2", more)),
    )
    # `occluded` is not known: what it would give is not written.
    assert told(done) == [
        ("1", "extent", "", "visible", "ODD-001"),
        ("1", "is_group", "", "true", "ODD-001"),
    ]
    assert left(done) == {"ODD-001": (1, 1)}
    assert undo(done.dataset, done.log_csv()).dataset.boxes["is_group"].isna().all()


def test_a_box_that_has_the_role_ignore_is_done_with(tmp_path: Path) -> None:
    own = definitions(tmp_path, clause("ODD-001", "set_ignore", "width >= 30"))
    done = fix(read(labels(tmp_path, (1, 5, 20, 20))), own)
    assert told(done) == [("1", "role", "include", "ignore", "ODD-001")]
    assert left(done) == left(fix(done.dataset, own)) == {}


@pytest.mark.parametrize(("missing", "n_changed"), [("skip", 0), ("review", 0), ("fail", 1)])
def test_an_unknown_check_counts_as_the_clause_says(
    tmp_path: Path, missing: str, n_changed: int
) -> None:
    own = clause("ODD-001", "set_ignore", "occluded < 2").replace(
        "missing: skip", f"missing: {missing}"
    )
    done = fix(read(labels(tmp_path, (1, 5, 20, 20))), definitions(tmp_path, own))
    assert len(done.changes) == n_changed


def test_edges_of_turned_boxes_are_left(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    # Turned boxes of YOLO: class and four corners; this one reaches over the right edge.
    (folder / "a.txt").write_text("0 0.8 0.3 1.1 0.4 1.0 0.7 0.7 0.6\n")
    source = read(folder, ReadOptions(format="yolo-obb", size_wh=(100, 100)))
    assert source.boxes["shape"].tolist() == ["rotated"]
    own = clause("ODD-001", "fix", "x2 <= 90", '    fix: {x2: "min(x2, 90)", difficult: "true"}\n')
    done = fix(source, definitions(tmp_path, own))
    assert told(done) == []
    assert left(done) == {"ODD-001": (1, 1)}


def test_selected_clauses_alone_are_applied(tmp_path: Path) -> None:
    source = read(labels(tmp_path, (50, 10, 20, 20), (5, 5, 2, 9)))
    done = fix(source, VISIBLE, select=["vis-003"])
    assert [row[0] for row in told(done)] == ["2"]
    assert left(done) == {"VIS-002": (1, 1)}
    assert not done.at_least("error")
    assert len(fix(source, VISIBLE, select=["VIS"]).changes) == 2


@pytest.mark.parametrize(
    ("word", "words"), [("VIS-02", "did you mean 'VIS-002'"), ("VIS-001", "is called 'VIS-001'")]
)
def test_a_word_that_no_mending_clause_has_is_refused(
    tmp_path: Path, word: str, words: str
) -> None:
    with pytest.raises(UsageError, match="no clause that mends") as caught:
        fix(read(labels(tmp_path)), VISIBLE, select=[word])
    assert words in str(caught.value)


def test_the_mapping_is_written_only_when_asked_for(tmp_path: Path) -> None:
    person = load(["person"])
    source = read(labels(tmp_path, (5, 5, 20, 30)))
    assert fix(source, person).changes == ()
    done = fix(source, person, with_mapping=True)
    # The phenomenon `other` of person.yaml has the role exclude, and keeps its class.
    assert told(done) == [("1", "role", "include", "exclude", "mapping")]
    (stated,) = {change.definition for change in done.changes}
    assert stated.startswith("person@2.")


def test_the_log_names_definition_version_and_hash(tmp_path: Path) -> None:
    done = fix(read(labels(tmp_path, (50, 10, 20, 20))), VISIBLE)
    (row,) = done.rows()
    assert tuple(row) == LOG_COLUMNS
    assert row["definition"] == VISIBLE.parts[0].stated
    assert (row["image"], row["file"], row["line"]) == ("street/a.jpg", "street.json", "1")


def test_the_given_dataset_stays_as_it_is_and_ids_are_kept(tmp_path: Path) -> None:
    source = read(labels(tmp_path, (50, 10, 20, 20)))
    before = source.boxes.copy()
    done = fix(source, VISIBLE)
    pd.testing.assert_frame_equal(source.boxes, before)
    assert done.dataset.boxes["box_id"].tolist() == before["box_id"].tolist()


def test_nothing_is_fixed_in_nothing(tmp_path: Path) -> None:
    done = fix(read(labels(tmp_path)), VISIBLE)
    assert (done.changes, done.left) == ((), ())
    assert undo(done.dataset, done.log_csv()).changes == ()


_SIDES = st.floats(-80, 140, allow_nan=False)


@given(st.lists(st.tuples(_SIDES, _SIDES, _SIDES, _SIDES), max_size=6))
def test_undo_gives_back_every_value_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, boxes: list[tuple[float, float, float, float]]
) -> None:
    source = read(labels(tmp_path_factory.mktemp("street"), *boxes))
    done = fix(source, VISIBLE)
    back = undo(done.dataset, done.log_csv()).dataset
    pd.testing.assert_frame_equal(back.boxes, source.boxes, check_exact=True)
    # A second round finds nothing more to do.
    assert fix(done.dataset, VISIBLE).changes == ()


def _one_changed(tmp_path: Path) -> Fixed:
    return fix(read(labels(tmp_path, (50, 10, 20, 20))), VISIBLE)


def test_a_set_that_was_changed_since_is_not_undone(tmp_path: Path) -> None:
    done = _one_changed(tmp_path)
    other = done.dataset.with_tables(boxes=done.dataset.boxes.assign(x2=59.5))
    with pytest.raises(UsageError, match=r"csv:2: x2 of box .* is '59.5', should be '60.0'"):
        undo(other, done.log_csv())
    gone = done.dataset.with_tables(boxes=done.dataset.boxes.iloc[:0])
    with pytest.raises(UsageError, match=r"changes\.csv:2: there is no box .*changed since"):
        undo(gone, done.log_csv())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"box_id,", b"box,", "has the columns box, image"),
        (b",x2,", b",x9,", "csv:2: is no row of the log"),
        (b",x2,", b",", "csv:2: is no row of the log"),
        (b",70.0,", b",70px,", "csv:2: x2 is '70px', should be of type float64"),
        (b",x2,", b",is_group,", "csv:2: is_group is '70.0', should be of type boolean"),
        (b",x2,", b",line,", "csv:2: line is '70.0', should be of type Int64"),
        (b"street/a.jpg", b'"street/a.jpg', "cannot be read"),
    ],
)
def test_a_broken_log_is_refused_with_its_line(
    tmp_path: Path, old: bytes, new: bytes, words: str
) -> None:
    done = _one_changed(tmp_path)
    log = done.log_csv()
    assert old in log
    with pytest.raises(UsageError) as caught:
        undo(done.dataset, log.replace(old, new, 1))
    assert words in str(caught.value)
    assert str(caught.value).startswith("changes.csv")


def test_shipped_definitions_mend_real_labels_and_take_it_back(real_data: Path) -> None:
    source = read(real_data / "kitti_object6" / "training" / "label_2")
    done = fix(source, load(["person"]), with_mapping=True)
    assert done.changes
    back = undo(done.dataset, done.log_csv()).dataset
    pd.testing.assert_frame_equal(back.boxes, source.boxes, check_exact=True)
