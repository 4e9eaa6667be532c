"""Examples of clauses, judged as records of each kind."""

from __future__ import annotations

from typing import Any

import pytest

from curate.definitions.scenes import scene_faults
from tests.definitions.making import Row, clause, loaded, project, rules


def faults(*clauses: Row, **more: Any) -> list[str]:
    """What is wrong with the examples of some clauses, without places."""
    return [
        str(one).partition(": ")[2]
        for one in scene_faults(loaded(rules("thing", *clauses, **more)))
    ]


def edges(x1: float, y1: float, x2: float, y2: float, **more: Any) -> Row:
    """A box of a scene."""
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2, **more}


# Record, check, a scene that meets it, one that does not.
KINDS: list[tuple[str, str, Row, Row]] = [
    ("box", "width > 5", {"boxes": [edges(0, 0, 6, 1)]}, {"boxes": [edges(0, 0, 5, 1)]}),
    ("box", "x2 <= image_width", {"boxes": [edges(0, 0, 640, 1)]},
     {"boxes": [edges(0, 0, 640, 1)], "image": {"width": 639}}),
    ("box", "mask_x1 == x1", {"boxes": [edges(3, 0, 6, 1, mask_x1=3)]},
     {"boxes": [edges(3, 0, 6, 1, mask_x1=4)]}),
    ("prediction", "score < 0.5", {"boxes": [edges(0, 0, 6, 1, score=0.4)]},
     {"boxes": [edges(0, 0, 6, 1, score=0.6)]}),
    ("pair", "iou < 0.5", {"boxes": [edges(0, 0, 9, 9), edges(8, 8, 20, 20)]},
     {"boxes": [edges(0, 0, 9, 9), edges(0, 0, 9, 8)]}),
    ("image", "n_boxes > 1", {"values": {"n_boxes": 2}}, {"values": {"n_boxes": 1}}),
    ("track", "max_absent < 3", {"values": {"max_absent": 2}}, {"values": {"max_absent": 3}}),
    ("dataset", "n_classes == 1", {"values": {"n_classes": 1}}, {"values": {"n_classes": 2}}),
]  # fmt: skip


@pytest.mark.parametrize(("record", "check", "good", "bad"), KINDS)
def test_examples_come_out_as_the_file_says(record: str, check: str, good: Row, bad: Row) -> None:
    right = {"examples": [{"note": "good", **good}], "counter_examples": [{"note": "bad", **bad}]}
    wrong = {"examples": [{"note": "bad", **bad}], "counter_examples": [{"note": "good", **good}]}
    assert faults(clause("THI-001", check, record, missing="fail", **right)) == []
    assert faults(clause("THI-001", check, record, missing="fail", **wrong)) == [
        "THI-001: its example 'bad' should meet the clause, and does not - correct the clause or "
        "the example",
        "THI-001: its counter-example 'good' should fail the clause, and does not - correct the "
        "clause or the counter-example",
    ]


def test_what_a_clause_is_not_about_meets_it() -> None:
    scene = {"note": "a group", "boxes": [edges(0, 0, 1, 1, is_group=True)]}
    assert faults(clause("THI-001", "width > 5", missing="fail", when="not is_group",
                         examples=[scene])) == []  # fmt: skip


@pytest.mark.parametrize(("missing", "passes"), [("skip", True), ("fail", False),
                                                 ("review", False)])  # fmt: skip
def test_what_is_unknown_passes_only_where_it_is_skipped(missing: str, passes: bool) -> None:
    scene = {"note": "nothing said", "boxes": [edges(0, 0, 1, 1)]}
    said = faults(clause("THI-001", "truncated < 0.5", missing=missing, examples=[scene]))
    assert (said == []) is passes


def test_columns_of_the_definition_stand_in_scenes() -> None:
    columns = {"colour": {"kind": "text", "meaning": "its colour", "words": ["red", "blue"]}}
    scenes = {
        "examples": [{"note": "red", "boxes": [edges(0, 0, 1, 1, colour="red")]}],
        "counter_examples": [{"note": "blue", "boxes": [edges(0, 0, 1, 1, colour="blue")]}],
    }
    one = clause("THI-001", "colour == 'red'", missing="fail", **scenes)
    assert faults(one, columns=columns) == []


def test_scenes_of_a_relation_have_child_and_parent() -> None:
    cat, dog = edges(0, 0, 5, 5, label="cat"), edges(0, 0, 50, 50, label="dog")
    relation = {"id": "OWN-001", "title": "Cats sit on dogs", "child": "cat", "parent": "dog",
                "check": "ioa_child > 0.9", "severity": "info",
                "rationale": "Cats sit on dogs here.",
                "examples": [{"note": "on it", "boxes": [cat, dog]}],
                "counter_examples": [{"note": "alone", "boxes": [cat]}]}  # fmt: skip
    file = project("thing", classes=[{"name": "cat"}, {"name": "dog"}], relations=[relation])
    assert scene_faults(loaded(rules("thing"), file)) == []


def test_scenes_of_a_clause_that_a_project_has_otherwise_are_passed_over() -> None:
    scene = {"note": "4 px", "boxes": [edges(0, 0, 4, 1)]}
    one = clause("THI-001", "width >= min_px", missing="fail", examples=[scene])
    file = rules("thing", one, params={"min_px": 4.0})
    own = project("thing", overrides=[{"clause": "THI-001", "params": {"min_px": 9.0},
                                       "because": "far away"}])  # fmt: skip
    assert scene_faults(loaded(file)) == []
    assert scene_faults(loaded(file, own)) == []
