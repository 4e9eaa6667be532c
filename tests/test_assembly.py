"""From faults to findings: one per cause, nothing of any record lost, ids that survive."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest

from curate import ReadOptions, audit, read
from curate.assembly import (
    APART,
    GROUP_IN_FILE,
    GROUP_IN_SOURCE,
    WHOLE,
    Fault,
    Gathered,
    assemble,
    findings_table,
)
from curate.dataset import Findings
from curate.faults import FAULTS
from curate.report import to_csv, to_document, to_json, to_text


def dataset(*faults, n_boxes=0, names=("a.jpg", "b.jpg", "c.jpg")):
    """Three images, boxes b0, b1 ... in the first, and these faults."""
    side = np.arange(n_boxes, dtype=np.float64)
    gathered = Gathered(
        n_images=len(names),
        n_boxes=n_boxes,
        images={"image_name": list(names), "width": 9999, "height": 99, "label_state": "present"},
        boxes={
            "image_row": np.zeros(n_boxes, np.int64),
            "x1": side,
            "y1": side * 0,
            "x2": side + 5,
            "y2": side * 0 + 50,
            "source_id": [f"b{n}" for n in range(n_boxes)],
            "file": "f.txt",
        },
        faults=list(faults),
    )
    return assemble("s", gathered)


def fault(line=1, message="3 columns, expected 15", **changes):
    told = {"code": "SRC-001", "mend": "delete the line", "file": "f.txt"} | changes
    return Fault(message=message, line=line, **told)


def found(*faults, **rows):
    return dataset(*faults, **rows).findings.to_dict("records")


def records(*faults, **rows):
    made = dataset(*faults, **rows)
    return to_document(Findings(made.findings, made), "s")["findings"]


REASONS = [
    "no name", "no bndbox", "the width is missing", "a key of the wrong type", "no corners",
    "is empty", "the object has two names", "no class", "the corner is no number", "ends early",
    "no image", "the height is missing", "a row of another table", "begins with a comma",
    "a tag is not closed", "the row is a heading", "holds a NUL", "no size", "has two boxes",
]  # fmt: skip


def test_faults_of_different_causes_are_findings_of_their_own() -> None:
    rows = found(*(fault(n, text) for n, text in enumerate(REASONS, 1)))
    assert len(REASONS) == 19
    assert sorted(row["message"] for row in rows) == sorted(REASONS)
    assert sorted(row["line"] for row in rows) == list(range(1, 20))


def test_faults_with_different_mends_are_findings_of_their_own() -> None:
    rows = found(*(fault(n, mend=f"mend {n % 2}") for n in range(1, 21)))
    assert len(rows) == 20


def test_a_cause_that_the_fault_states_comes_before_its_message() -> None:
    stated = [fault(n, f"fits {'ab'[n % 2]}", cause="fits several") for n in range(1, 13)]
    assert len(found(*stated)) == 1
    assert len(found(*(fault(n, f"fits {'ab'[n % 2]}") for n in range(1, 13)))) == 12
    parted = [fault(n, "fits", cause="ab"[n % 2]) for n in range(1, 13)]
    assert len(found(*parted)) == 12


@pytest.mark.parametrize(
    "text",
    [
        "category_id '{0}' is not among the `categories` (1, 2, 3, …)",
        "category_id {0} is not there",
        "width is -{0}.5e+3",
        "it's 'a\\'{0}' and \"b'{0}\"",
        "lists '{0}', '{0}a', 7",
    ],
)
def test_quoted_texts_and_numbers_part_no_cause(text) -> None:
    (row,) = found(*(fault(n, text.format(n)) for n in range(1, 12)))
    assert row["message"].startswith(f"11 records; line 1: {text.format(1)}; line 2: ")


@pytest.mark.parametrize(("n", "n_findings"), [(GROUP_IN_FILE, 10), (GROUP_IN_FILE + 1, 1)])
def test_more_than_ten_faults_of_one_cause_in_a_file_are_one_finding(n, n_findings) -> None:
    assert GROUP_IN_FILE == 10
    assert len(found(*(fault(k) for k in range(1, n + 1)))) == n_findings


@pytest.mark.parametrize(("n", "n_findings"), [(GROUP_IN_SOURCE, 100), (GROUP_IN_SOURCE + 1, 1)])
def test_more_than_a_hundred_faults_of_one_cause_in_a_source_are_one_finding(n, n_findings) -> None:
    assert GROUP_IN_SOURCE == 100
    rows = found(*(fault(7, file=f"{k:03}.txt") for k in range(n)))
    assert len(rows) == n_findings
    if n_findings == 1:
        assert rows[0]["message"].startswith(
            "101 records: 3 columns, expected 15; in 000.txt line 7, 001.txt line 7, "
        )
        assert pd.isna(rows[0]["file"])
        assert pd.isna(rows[0]["line"])


@pytest.mark.parametrize("code", sorted(APART))
def test_a_cause_of_its_own_is_never_joined(code) -> None:
    assert {"IMG-006", "IMG-008", "SRC-006", "SRC-007"} == APART
    rows = found(*(fault(n, "is used twice", code=code) for n in range(1, 302)))
    assert len(rows) == 301


def test_a_joined_finding_names_the_first_ten_by_line_with_their_own_messages() -> None:
    lines = [14, 9, 3, 12, 1, 8, 10, 2, 5, 4, 11, 13]
    others = [fault(line, "no name") for line in (6, 7)]
    rows = found(*(fault(k, f"{k} columns, expected 15") for k in lines), *others)
    (joined,) = [row for row in rows if "columns" in row["message"]]
    named = "; ".join(f"line {k}: {k} columns, expected 15" for k in (2, 3, 4, 5, 8, 9, 10, 11, 12))
    assert joined["message"] == (f"12 records; line 1: 1 columns, expected 15; {named}; and 2 more")
    assert joined["line"] == 1
    assert len(rows) == 3


def test_equal_messages_are_said_once() -> None:
    (row,) = found(*(fault(k) for k in range(20, 8, -1)))
    named = ", ".join(f"line {k}" for k in range(9, 19))
    assert row["message"] == f"12 records: 3 columns, expected 15; in {named} and 2 more"
    assert row["line"] == 9


def test_each_member_keeps_its_own_message_in_json_csv_and_text() -> None:
    made = dataset(
        *(fault(k, f"{k} columns, expected 15") for k in range(1, 13)),
        *(fault(None, f"the side is {k} px", boxes=(k,)) for k in range(12)),
        n_boxes=12,
    )
    findings = Findings(made.findings, made)
    told = {f"{k} columns, expected 15" for k in range(1, 13)}
    told |= {f"the side is {k} px" for k in range(12)}
    document = json.loads(to_json(findings, "s"))
    members = [m for f in document["findings"] for m in f["members"]]
    assert len(document["findings"]) == 2
    assert {m["message"] for m in members} == told
    of_box = {m["source_id"]: m["message"] for m in members if m["box"]}
    assert of_box == {f"b{k}": f"the side is {k} px" for k in range(12)}
    whole = to_text(findings, show_all=True)
    assert all(text in whole for text in told)
    assert whole.count("\n") == 2 + 24
    table = to_csv(findings, show_all=True)
    assert all(text in table for text in told)
    assert table.count("\n") == 1 + 24
    assert to_csv(findings).count("\n") == 1 + 2


def test_two_faults_of_one_box_are_both_told() -> None:
    made = [fault(None, f"row {k}: side {k % 2} is bad", boxes=(k // 2,)) for k in range(12)]
    (record,) = records(*made, n_boxes=6)
    assert record["members"][2]["message"] == "row 4: side 0 is bad; row 5: side 1 is bad"
    assert len(record["members"]) == 6


def test_value_limit_and_unit_of_a_joined_finding_are_those_of_its_first_fault() -> None:
    measured = {"value": 3.0, "limit": 1.0, "unit": "px"}
    (row,) = found(*(fault(k, **measured) for k in range(1, 13)))
    assert (row["value"], row["limit"], row["unit"]) == (3, 1, "px")


@pytest.mark.parametrize("code", ["IMG-001", "SRC-015"])
def test_missing_pictures_of_one_folder_are_one_finding(code) -> None:
    names = [f"{folder}/{n}" for folder in ("one", "two") for n in range(11)] + ["three/1"]
    faults = [
        fault(None, f"no picture {name!r}", code=code, file=f"{name}.txt", images=(row,))
        for row, name in enumerate(names)
    ]
    rows = found(*faults, names=names)
    assert sorted(
        len(json.loads(r["places"])) if isinstance(r["places"], str) else 1 for r in rows
    ) == [1, 11, 11]
    assert len({row["finding_id"] for row in rows}) == 3
    told = [[m.get("message") for m in r["members"]] for r in records(*faults, names=names)]
    for folder in ("one", "two"):
        assert [f"no picture {n!r}" for n in sorted(names) if n.startswith(folder)] in told


def test_other_faults_of_a_folder_are_not_joined() -> None:
    names = [f"one/{n}" for n in range(20)]
    faults = [fault(2, file=f"{name}.txt", images=(row,)) for row, name in enumerate(names)]
    assert len(found(*faults, names=names)) == 20


def test_eighty_thousand_equal_faults_are_one_finding_quickly() -> None:
    made = dataset(n_boxes=80_000)
    faults = [fault(k, f"value {k} is none", boxes=(k,)) for k in range(80_000)]
    start = time.perf_counter()
    table = findings_table(faults, made.images, made.boxes, "s")
    seconds = time.perf_counter() - start
    assert table["members"].map(len).tolist() == [80_000]
    # It takes about one second; with a look at every image per fault it takes hours.
    assert seconds < 20


WHOLE_CODES = [
    "IMG-005", "IMG-009", "SRC-008", "SRC-010", "SRC-012", "SRC-013", "SRC-014", "SRC-016",
    "SRC-018", "SRC-019", "SRC-020", "SRC-021", "SRC-023", "SRC-024", "SRC-025",
]  # fmt: skip


@pytest.mark.parametrize("code", WHOLE_CODES)
def test_id_of_a_fault_of_a_whole_file_survives_the_mending_of_a_member(code) -> None:
    before = found(fault(1, code=code, boxes=(0, 1, 2), images=(0, 1)), n_boxes=3)
    after = found(fault(5, code=code, boxes=(1, 2), images=(1,)), n_boxes=3)
    assert before[0]["finding_id"] == after[0]["finding_id"]


def test_whole_faults_are_those_of_the_export_and_not_of_a_record() -> None:
    assert sorted(WHOLE) == WHOLE_CODES
    assert set(FAULTS) >= WHOLE
    one = found(fault(1, boxes=(0, 1)), n_boxes=3)
    other = found(fault(1, boxes=(1,)), n_boxes=3)
    assert one[0]["finding_id"] != other[0]["finding_id"]


@pytest.mark.parametrize("named", [{"source_id": "7"}, {"boxes": (1,)}, {"images": (2,)}])
def test_the_line_is_no_part_of_an_id_where_the_record_has_a_name(named) -> None:
    (one,), (other,) = found(fault(1, **named), n_boxes=2), found(fault(9, **named), n_boxes=2)
    assert one["finding_id"] == other["finding_id"]


def test_the_line_tells_apart_what_nothing_else_does() -> None:
    rows = [found(fault(line))[0]["finding_id"] for line in (1, 9)]
    assert len(set(rows)) == 2


def test_the_layout_of_a_json_file_changes_no_id(tmp_path) -> None:
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]},
            {"id": 2, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"id": 3, "image_id": 1, "category_id": 1, "bbox": [1, 2, "x", 4]},
            {"id": 4, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 99]},
            {"id": 4, "image_id": 1, "category_id": 1, "bbox": [5, 2, 3, 9]},
        ],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "car"}],
    }
    ids = {}
    for indent in (None, 1):
        path = tmp_path / "instances.json"
        path.write_text(json.dumps(document, indent=indent))
        table = audit(read(path, ReadOptions())).table
        ids[indent] = set(zip(table["check"], table["finding_id"], strict=True))
    assert {"SRC-001", "SRC-004", "SRC-005", "SRC-006", "SRC-007"} <= {c for c, _ in ids[None]}
    assert ids[None] == ids[1]


def test_id_of_joined_faults_survives_the_mending_of_one() -> None:
    before, after = (found(*(fault(k) for k in range(first, 30))) for first in (1, 5))
    assert before[0]["finding_id"] == after[0]["finding_id"]
    other = found(*(fault(k, "no name") for k in range(1, 30)))
    assert before[0]["finding_id"] != other[0]["finding_id"]
