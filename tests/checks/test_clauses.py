"""Clauses as checks: their findings, their words, and the samples that questions are put for."""

from __future__ import annotations

import json
import time
from typing import Any

import pandas as pd
import pytest

from curate.auditing import audit
from curate.dataset import Dataset
from curate.definitions.model import Definitions
from curate.tables import FINDING_COLUMNS, check_table, check_values
from tests.definitions.making import Row, box, clause, dataset, loaded, rules, shuffled

ONLY_OWN = {"ignore": ["BOX", "REL", "SET", "CONV", "SRC", "IMG"]}


def findings(made: Dataset, definitions: Definitions, **options: Any) -> pd.DataFrame:
    """The findings of the clauses, after a look at the contract of the table."""
    table = audit(made, definitions=definitions, **(options or ONLY_OWN)).table
    check_table(table, FINDING_COLUMNS, "findings")
    check_values(table, FINDING_COLUMNS, "findings")
    assert table["finding_id"].is_unique
    assert table["rank"].between(0, 1).all()
    return table


def of(made: Dataset, *clauses: Row, **more: Any) -> pd.DataFrame:
    """The findings of some clauses."""
    return findings(made, loaded(rules("thing", *clauses, **more)))


def test_a_finding_says_what_is_what_should_be_and_by_which_definition() -> None:
    definitions = loaded(rules(
        "thing", clause("THI-001", "width >= min_px", missing="skip", title="Things are {wide}",
                        severity="error", action="reject"), params={"min_px": 4.0}))  # fmt: skip
    made = dataset([box(0, 0, 1.5, 9), box(0, 0, 4, 9), box(0, 0, 3, 9, line=7, source_id="3")])
    table = findings(made, definitions)
    ids = made.boxes["box_id"].tolist()
    assert table["check"].tolist() == ["THI-001"] * 2
    assert table["name"].tolist() == ["things-are-wide"] * 2
    assert table["level"].tolist() == ["error"] * 2
    assert table["members"].tolist() == [[ids[0]], [ids[2]]]
    # 2.5 and 1 of 4 px.
    assert table["value"].tolist() == [0.625, 0.25]
    assert set(table["unit"]) == {"of the limit"}
    assert table["limit"].tolist() == [0.0, 0.0]
    assert table["definition"].tolist() == list(definitions.stated) * 2
    assert table["message"].tolist() == [
        f"'Things are {{wide}}' does not hold: width = {width}; should be width >= min_px "
        "(min_px = 4.0)"
        for width in ("1.5", "3")
    ]
    assert set(table["mend"]) == {"correct the record, or leave it out"}
    assert (table["line"].iloc[1], table["source_id"].iloc[1]) == (7, "3")


MENDS = [
    ({"action": "flag"}, "look at it"),
    ({"action": "set_ignore"}, "`curate fix` sets the role to ignore"),
    ({"action": "fix", "fix": {"x1": "max(x1, 0)"}}, "`curate fix` sets x1 = max(x1, 0)"),
    ({"action": "review", "question": "Q-WHAT"}, "answer: What is it? (one, another)"),
]


@pytest.mark.parametrize(("more", "mend"), MENDS)
def test_the_mend_is_what_the_action_does(more: Row, mend: str) -> None:
    table = of(dataset([box(-9, 0, 1, 1)]), clause("THI-001", "x1 >= 0", missing="skip", **more))
    assert table["mend"].tolist() == [mend]


def test_texts_flags_and_unknown_values_are_written_as_such() -> None:
    check = "label != 'human' and not is_group and truncated < 0.5"
    made = dataset([box(0, 0, 1, 1, label="human", is_group=True),
                    box(0, 0, 1, 1, label="h" * 200, truncated=1 / 3, is_group=True)])  # fmt: skip
    table = of(made, clause("THI-001", check, missing="skip"))
    texts = sorted(text.partition(": ")[2].partition(";")[0] for text in table["message"])
    assert texts == [
        f"is_group = true, label = '{'h' * 79}…', truncated = 0.3333333",
        "is_group = true, label = 'human', truncated = unknown",
    ]


def test_where_nothing_is_measured_nothing_is_shown_as_measured() -> None:
    made = dataset([box(0, 0, 1, 1, label="human"), box(0, 0, 1, 1, truncated=0.75)])
    table = of(made, clause("THI-001", "truncated <= 0.5", missing="fail"))
    assert table["value"].isna().tolist() == [False, True]
    assert table["limit"].isna().tolist() == [False, True]
    assert table["rank"].tolist() == [0.0, 1.0]
    assert "'Clause THI-001' cannot be told: truncated = unknown" in table["message"].iloc[1]


@pytest.mark.parametrize(("missing", "level"), [("fail", "error"), ("review", "info")])
@pytest.mark.parametrize(
    ("record", "check"),
    [("box", "truncated > 2"), ("image", "image_width > 2"), ("track", "max_height_ratio > 2"),
     ("dataset", "min_coco_id > 2"), ("pair", "a_truncated > 2")],
)  # fmt: skip
def test_what_is_unknown_is_of_the_level_that_the_clause_says(
    record: str, check: str, missing: str, level: str
) -> None:
    rows = [box(0, 0, 9, 9, track_id="1"), box(0, 0, 9, 9, track_id="2")]
    made = dataset(rows, {"a": {"width": None}})
    table = of(made, clause("THI-001", check, record, missing=missing, severity="error"))
    assert set(table["level"]) == {level}


def test_a_pair_is_one_finding_with_both_boxes_the_lower_id_first() -> None:
    rows = [box(0, 0, 10, 10, box_id=9), box(0, 0, 10, 9, box_id=4)]
    for order in (rows, rows[::-1]):
        table = of(dataset(order), clause("THI-001", "iou < 0.5", "pair"))
        assert table["members"].tolist() == [[4, 9]]
        assert table["box_id"].isna().all()
        assert table["value"].tolist() == [pytest.approx((0.9 - 0.5) / 0.5)]
        assert "linked" not in table["message"].iloc[0]


DOUBLE = clause("THI-001", "iou < 0.5", "pair", when="a_label == b_label")


@pytest.mark.parametrize("n", [8, 800])
def test_boxes_that_lie_on_each_other_are_one_finding_however_many(n: int) -> None:
    made = dataset([box(0, 0, 10, 10, label="cat") for _ in range(n)])
    (row,) = of(made, DOUBLE).to_dict("records")
    assert sorted(row["members"]) == sorted(made.boxes["box_id"])
    assert row["value"] == (1 - 0.5) / 0.5
    assert row["message"].endswith(f"; {n} boxes are linked so")


def test_linked_boxes_begin_with_the_worst_pair_and_are_told_by_it() -> None:
    # IoU of 3 and 1: 8 / 10; of 1 and 2: 10 / 15; of 3 and 2: 8 / 15.
    rows = [box(0, 0, 10, 15, box_id=2), box(0, 0, 10, 10, box_id=1), box(0, 0, 10, 8, box_id=3),
            box(0, 90, 10, 99, box_id=4), box(0, 0, 10, 10, image="b", box_id=5)]  # fmt: skip
    for order in (rows, rows[::-1]):
        (row,) = of(dataset(order), clause("THI-001", "iou < 0.5", "pair")).to_dict("records")
        assert row["members"] == [1, 3, 2]
        assert row["value"] == pytest.approx((0.8 - 0.5) / 0.5)
        assert "iou = 0.8;" in row["message"]
        assert row["message"].endswith("; 3 boxes are linked so")


def test_pairs_of_two_labels_are_linked_to_nothing() -> None:
    rows = [box(0, 0, 10, 10, label=label, box_id=number)
            for number, label in enumerate(["cat", "cat", "dog", "dog"])]  # fmt: skip
    table = of(dataset(rows), clause("THI-001", "iou < 0.5", "pair"))
    assert sorted(table["members"]) == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]


def test_each_of_many_boxes_in_a_large_one_is_a_finding() -> None:
    rows = [box(0, 0, 100, 100, box_id=9)]
    rows += [box(20 * n, 0, 20 * n + 9, 9, box_id=n) for n in range(3)]
    table = of(dataset(rows), clause("THI-001", "max(ioa_a, ioa_b) < 0.9 or iou > 0.9", "pair"))
    assert sorted(table["members"]) == [[0, 9], [1, 9], [2, 9]]


def test_what_is_wrong_and_what_cannot_be_told_are_two_findings() -> None:
    rows = [box(0, 0, 10, 10, box_id=n, truncated=value)
            for n, value in enumerate([0.9, 0.9, None, None])]  # fmt: skip
    check = "iou < 0.5 or max(a_truncated, b_truncated) < 0.5"
    table = of(dataset(rows), clause("THI-001", check, "pair", missing="review"))
    members = {row["level"]: row["members"] for row in table.to_dict("records")}
    # One of each pair with an unknown one is unknown: they link all four.
    assert members == {"warning": [0, 1], "info": [0, 2, 3, 1]}


def test_a_copy_that_the_clause_does_not_concern_is_not_linked() -> None:
    rows = [box(0, 0, 10, 10, box_id=n, is_group=n in (1, 20, 30)) for n in range(40)]
    excepted = [{"when": "a_is_group or b_is_group", "because": "groups lie over their members"}]
    (row,) = of(dataset(rows), clause("THI-001", "iou < 0.5", "pair", exceptions=excepted)).to_dict(
        "records"
    )
    assert sorted(row["members"]) == [n for n in range(40) if n not in (1, 20, 30)]


def test_twenty_thousand_equal_boxes_are_one_finding_at_once() -> None:
    made = dataset([box(0, 0, 10, 10, label="cat") for _ in range(20_000)])
    definitions = loaded(rules("thing", DOUBLE))
    started = time.perf_counter()
    table = audit(made, definitions=definitions, select="THI").table
    # 200 million pairs would take minutes.
    assert time.perf_counter() - started < 15
    assert table["members"].map(len).tolist() == [20_000]


PARTNERS = [
    ({"source_id": "{b}", "line": 7}, ", the other is [{b}] in line 7; should be"),
    ({"source_id": "3", "line": 7, "file": "g"}, ", the other is [3] in line 7 of g; should be"),
    ({"line": 7}, ", the other is in line 7; should be"),
    ({"source_id": "3"}, ", the other is [3]; should be"),
    ({}, "iou = 1; should be"),
]


@pytest.mark.parametrize(("more", "said"), PARTNERS)
def test_the_message_of_a_pair_names_the_other_box(more: Row, said: str) -> None:
    rows = [
        box(0, 0, 9, 9, box_id=1, file="f"),
        box(0, 0, 9, 9, box_id=2, **{"file": "f"} | more),
    ]
    (row,) = of(dataset(rows), clause("THI-001", "iou < 0.5", "pair")).to_dict("records")
    assert said in row["message"]


def test_an_amount_beyond_0_is_no_share() -> None:
    made = dataset([box(-9, 0, 1, 1)])
    units = {
        check: of(made, clause("THI-001", check, missing="skip"))["unit"].tolist()
        for check in ("x1 >= 0", "not is_group and x1 >= 0", "x1 >= 0 and width < 4", "x1 >= y1")
    }
    assert units == {
        "x1 >= 0": ["beyond the limit"],
        "not is_group and x1 >= 0": ["beyond the limit"],
        "x1 >= 0 and width < 4": ["of the limit"],
        "x1 >= y1": ["of the limit"],
    }


def test_a_track_is_one_finding_however_many_boxes_it_has() -> None:
    images = {str(n): {"frame": n, "group": "v"} for n in range(60)}
    rows = [box(0, 0, 9, 9, image=name, track_id="1") for name in images]
    rows += [box(0, 0, 9, 9, image=name, track_id="2") for name in ("0", "1")]
    made = dataset(rows, images)
    table = of(made, clause("THI-001", "n_boxes < 2", "track"))
    assert table["members"].map(len).tolist() == [60, 2]
    assert table["image_id"].isna().all()
    assert "look for one cause" not in "".join(table["mend"])
    without = dataset(rows[1:], images)
    after = of(without, clause("THI-001", "n_boxes < 2", "track"))
    assert after["finding_id"].tolist() == table["finding_id"].tolist()


def test_an_image_is_one_finding_that_names_it() -> None:
    images = {name: {"width": 5} for name in "abc"}
    made = dataset([box(0, 0, 1, 1, image="b")], images)
    table = of(made, clause("THI-001", "n_boxes > 0", "image"))
    keys = made.images.set_index("image_id")["image_key"].loc[table["image_id"]]
    assert sorted(keys) == ["s/a", "s/c"]
    assert table["members"].tolist() == [[], []]


def test_twenty_thousand_images_are_told_at_once() -> None:
    made = dataset([], {f"{n:05}": {} for n in range(20_000)})
    definitions = loaded(rules("thing", clause("THI-001", "n_boxes > 0", "image")))
    started = time.perf_counter()
    assert len(audit(made, definitions=definitions, select="THI")) == 20_000
    # A look at all images for each of them would take a minute.
    assert time.perf_counter() - started < 15


def test_a_relation_names_the_child_and_its_parent() -> None:
    rows = [box(0, 0, 10, 10, label="cat", box_id=1),
            box(5, 0, 40, 40, label="dog", box_id=2, source_id="x", line=3),
            box(90, 0, 99, 9, label="cat", box_id=3)]  # fmt: skip
    relation = {"id": "OWN-001", "title": "Cats sit on dogs", "child": "cat", "parent": "dog",
                "check": "ioa_child > 0.9", "severity": "info",
                "rationale": "Cats sit on dogs here."}  # fmt: skip
    file = {"schema": "curate.definition/1", "kind": "project", "id": "project.own",
            "version": "0.1.0", "status": "draft", "title": "Cats on dogs",
            "uses": ["thing@^1.0"], "classes": [{"name": "cat"}, {"name": "dog"}],
            "relations": [relation]}  # fmt: skip
    table = findings(dataset(rows), loaded(rules("thing"), file))
    assert table["members"].tolist() == [[3], [1, 2]]
    assert table["value"].tolist() == [1.0, pytest.approx((0.9 - 0.5) / 0.9)]
    told = [", the other is [x] in line 3" in text for text in table["message"]]
    assert told == [False, True]


ASKED = clause("THI-001", when="label == 'human'", sample={"by": ["split"], "n": 3})


def crowd(n: int) -> Dataset:
    """Two images of n boxes each, one of split train, one of none; half of them are human."""
    rows = [box(k, 0, k + 1, 9, image=image, label=["human", "cat"][k % 2])
            for image in "ab" for k in range(n)]  # fmt: skip
    return dataset(rows, {"a": {"split": "train"}, "b": {}})


def test_a_question_is_one_finding_with_a_sample_of_each_stratum() -> None:
    made = crowd(20)
    (row,) = of(made, ASKED).to_dict("records")
    assert (row["check"], row["value"], row["unit"]) == ("THI-001", 20.0, "boxes")
    assert "20 boxes; a person should look at 6 of them, 3 of each split" in row["message"]
    boxes = made.boxes.set_index("box_id").loc[row["members"]]
    assert set(boxes["label"]) == {"human"}
    assert boxes["image_id"].value_counts().tolist() == [3, 3]
    # Of each stratum those of the lowest ids, whatever the rows' order.
    humans = made.boxes[made.boxes["label"] == "human"]
    lowest = humans.sort_values("box_id").groupby("image_id").head(3)
    assert row["members"] == sorted(lowest["box_id"])


@pytest.mark.parametrize("column", ["is_group", "truncated", "label"])
def test_what_is_unknown_is_a_stratum_of_its_own(column: str) -> None:
    values = {"is_group": [None, False, True], "truncated": [None, 0.0, 1.0],
              "label": [None, "a", "b"]}[column]  # fmt: skip
    made = dataset([box(0, 0, 1, 1, **{column: value}) for value in values for _ in range(2)])
    (row,) = of(made, clause("THI-001", sample={"by": [column], "n": 1})).to_dict("records")
    said = made.boxes.set_index("box_id").loc[row["members"], column]
    assert sorted(map(str, said)) == sorted(
        str(made.boxes[column].iloc[2 * place]) for place in range(3)
    )


def test_strata_of_two_columns_are_their_combinations() -> None:
    made = dataset([box(0, 0, 1, 1, label=label, is_group=flag)
                    for label in "ab" for flag in (True, False) for _ in range(3)])  # fmt: skip
    (row,) = of(made, clause("THI-001", sample={"by": ["label", "is_group"], "n": 2})).to_dict(
        "records"
    )
    assert len(row["members"]) == 8


RECORDS = [
    ("image", ["label_state"], "images", 0, 2),
    ("image", ["n_boxes", "split"], "images", 0, 2),
    ("pair", ["a_label"], "pairs", 2, 1),
    ("pair", ["iou", "b_truncated"], "pairs", 2, 1),
    ("track", ["n_boxes"], "tracks", 3, 1),
    ("dataset", ["n_boxes"], "sets", 0, 1),
]


@pytest.mark.parametrize(("record", "by", "what", "n_members", "n"), RECORDS)
def test_questions_about_each_record_have_strata_of_its_own_columns(
    record: str, by: list[str], what: str, n_members: int, n: int
) -> None:
    rows = [box(0, 0, 9, 9, track_id="1"), box(0, 0, 9, 8, track_id="1"),
            box(50, 0, 59, 9, track_id="1")]  # fmt: skip
    images = {"a": {"label_state": "present"}, "b": {"label_state": "empty"}}
    asked = clause("THI-001", None, record, sample={"by": by, "n": 1})
    (row,) = of(dataset(rows, images), asked).to_dict("records")
    assert (len(row["members"]), row["unit"]) == (n_members, what)
    assert f"look at {n} of them, 1 of each {', '.join(by)}" in row["message"]


def test_a_question_about_nothing_is_not_put() -> None:
    assert len(of(crowd(4), clause("THI-001", when="label == 'dog'"))) == 0
    assert len(of(dataset([]), ASKED)) == 0


def test_a_question_about_many_images_lists_some_of_them() -> None:
    images: dict[str, Row] = {f"{n:03}": {} for n in range(130)}
    (row,) = of(dataset([], images), clause("THI-001", None, "image")).to_dict("records")
    listed = row["message"].partition("look at 130 of them: ")[2]
    assert len(listed.split(", ")) == 100
    assert listed.endswith(" and 30 more")


def busy() -> Dataset:
    """A set in which boxes, pairs, tracks and images are wrong, many of them equally."""
    rows = [
        box(k % 7, 0, k % 7 + 1 + k % 3, 9, image=str(k % 4), track_id=str(k % 5),
            label=["human", "cat", None][k % 3], attributes=json.dumps({"n": k % 2}),
            truncated=[None, 0.2, 0.8][k % 3])
        for k in range(90)
    ]  # fmt: skip
    return dataset(rows, {str(n): {"frame": n, "split": [None, "val"][n % 2]} for n in range(4)})


BUSY = loaded(
    rules(
        "thing",
        clause("THI-001", "width > 2", missing="skip"),
        clause("THI-002", "truncated < 0.5", missing="review"),
        clause("THI-003", "iou < 0.5 or a_truncated < b_truncated", "pair", missing="review"),
        clause("THI-004", "n_labels < 2", "track"),
        clause("THI-005", "n_boxes < 3", "image"),
        clause("THI-006", "n_classes < 2", "dataset"),
        clause("THI-007", when="label == 'cat'", sample={"by": ["split"], "n": 4}),
        clause("THI-008", "label != 'human'", missing="fail"),
        clause("THI-009", None, "image"),
    )
)


@pytest.mark.parametrize("seed", [1, 2])
def test_findings_are_the_same_on_another_run_and_with_rows_in_another_order(seed: int) -> None:
    options = {"ignore": ["SET", "CONV", "REL", "BOX"]}
    first = findings(busy(), BUSY, **options)
    assert set(first["check"]) == {f"THI-00{n}" for n in range(1, 10)}
    for other in (busy(), shuffled(busy(), seed)):
        again = findings(other, BUSY, **options)
        differing = [name for name in first if first[name].map(str).ne(again[name].map(str)).any()]
        assert differing == []
