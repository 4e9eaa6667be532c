"""Baselines: which findings are known, which are new, and which are mended."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from curate.assembly import Fault, findings_table
from curate.baseline import against, baseline_of, read_baseline, to_json
from curate.dataset import Findings, empty_dataset
from curate.errors import UsageError
from curate.report import to_csv, to_document, to_junit, to_sarif, to_text
from curate.tables import FINDING_COLUMNS, make_table
from tests.test_report import dataset
from tests.test_schemas import fitting

JOINED = 11  # members of a cause that is one finding: more than ten


def findings(*rows, name="street"):
    """Findings (id, check, number of members, file), errors all, of a set without images."""
    ids, checks, n_members, files = zip(*rows, strict=True) if rows else ((), (), (), ())
    values = {
        "finding_id": np.asarray(ids, np.int64),
        "check": list(checks),
        "name": "box-odd",
        "level": "error",
        "members": [list(range(1, n + 1)) for n in n_members],
        "message": "is odd",
        "file": list(files),
    }
    return Findings(make_table(FINDING_COLUMNS, len(rows), values), empty_dataset(name))


def known(now, then, **options):
    """Ids of the findings that the baseline of others knows, and the number of mended ones."""
    done = against(now, baseline_of(then), **options)
    return sorted(done.known), done.mended


def test_what_the_baseline_holds_is_known_and_what_it_does_not_hold_is_new() -> None:
    then = findings((1, "BOX-002", 1, "a"), (2, "BOX-002", 1, "a"))
    now = findings((2, "BOX-002", 1, "a"), (3, "BOX-002", 1, "a"))
    assert known(now, then) == ([2], 1)


def test_nothing_is_known_of_an_empty_baseline_and_nothing_new_in_no_findings() -> None:
    some = findings((1, "BOX-002", 1, "a"))
    assert known(some, findings()) == ([], 0)
    assert known(findings(), some) == ([], 1)
    assert known(findings(), findings()) == ([], 0)


@pytest.mark.parametrize(("n_now", "is_known"), [(29, True), (30, True), (31, False)])
def test_a_cause_with_more_members_than_before_is_new(n_now, is_known) -> None:
    then, now = findings((1, "BOX-002", 30, "a")), findings((1, "BOX-002", n_now, "a"))
    assert known(now, then) == ([1] if is_known else [], 0)


def test_a_cause_that_falls_apart_while_it_is_mended_is_known_in_its_parts() -> None:
    then = findings((1, "BOX-002", 25, "a"))
    now = findings(*((n, "BOX-002", 1, "a") for n in range(2, 17)))
    assert known(now, then) == (list(range(2, 17)), 0)


def test_a_cause_that_falls_apart_into_more_than_it_was_is_new() -> None:
    then = findings((1, "BOX-002", 12, "a"))
    now = findings(*((n, "BOX-002", 1, "a") for n in range(2, 15)))
    assert known(now, then) == ([], 1)


def test_a_cause_of_one_file_that_falls_apart_knows_nothing_of_another_file_or_check() -> None:
    then = findings((1, "BOX-002", 25, "a"))
    now = findings((2, "BOX-002", 1, "a"), (3, "BOX-002", 1, "b"), (4, "BOX-003", 1, "a"))
    assert known(now, then) == ([2], 0)


def test_a_cause_of_several_files_that_falls_apart_is_known_in_all_of_them() -> None:
    then = findings((1, "BOX-002", 25, None))
    now = findings((2, "BOX-002", 1, "a"), (3, "BOX-002", 1, "b"))
    assert known(now, then) == ([2, 3], 0)


def test_single_findings_that_become_one_cause_are_known_unless_there_are_more() -> None:
    then = findings(*((n, "BOX-002", 1, "a") for n in range(2, 22)))
    assert known(findings((1, "BOX-002", 20, "a")), then) == ([1], 0)
    assert known(findings((1, "BOX-002", 21, "a")), then) == ([], 20)


def test_without_a_joined_cause_one_box_never_stands_for_another() -> None:
    then, now = findings((1, "BOX-002", 10, "a")), findings((2, "BOX-002", 1, "a"))
    assert known(now, then) == ([], 1)
    assert known(now, findings((1, "BOX-002", JOINED, "a"))) == ([2], 0)


def test_what_did_not_run_is_not_mended() -> None:
    then = findings((1, "BOX-002", 1, "a"), (2, "REL-001", 2, "a"))
    assert known(findings(), then, ran={"BOX-002"}) == ([], 1)


def test_a_record_that_is_no_box_counts_as_a_member() -> None:
    images, boxes = empty_dataset("street").images, empty_dataset("street").boxes
    faults = [Fault("SRC-001", "is odd", "mend it", file="a", line=n) for n in range(1, 13)]
    twelve, eleven = (
        findings_table(some, images, boxes, "street") for some in (faults, faults[1:])
    )
    assert len(twelve) == len(eleven) == 1
    base = findings()
    then, now = replace(base, table=eleven), replace(base, table=twelve)
    assert baseline_of(now).findings["members"].tolist() == [12]
    assert known(now, then) == ([], 0)
    assert known(then, now) == ([int(eleven["finding_id"].iloc[0])], 0)


def test_the_baseline_of_another_source_is_refused_with_the_mend() -> None:
    with pytest.raises(UsageError, match="is of the source 'yard', this is 'street'") as caught:
        against(findings(), baseline_of(findings(name="yard")))
    assert "--name 'yard'" in str(caught.value)


def test_a_file_is_sorted_holds_one_finding_a_line_and_comes_back(tmp_path) -> None:
    rows = [(7, "REL-001", 2, "a"), (15, "BOX-002", 1, None), (3, "BOX-002", 40, "é.txt")]
    text = to_json(baseline_of(findings(*rows)))
    document = fitting(text, "baseline-1.schema.json")
    assert document["counts"] == {"BOX-002": 2, "REL-001": 1}
    assert [one["finding_id"] for one in document["findings"]] == [f"{n:016x}" for n in (3, 15, 7)]
    assert text.count("\n") == 1 + 3 + 1
    assert text == to_json(baseline_of(findings(*reversed(rows))))
    (tmp_path / "b.json").write_text(text, encoding="utf-8")
    assert to_json(read_baseline(tmp_path / "b.json", "b.json")) == text


def test_a_file_states_what_its_findings_were_judged_by(tmp_path) -> None:
    stated = ("box@2.0.0+cd34", "person@1.0.0+ab12")
    text = to_json(baseline_of(replace(findings((1, "PER-001", 1, "a")), definitions=stated)))
    assert fitting(text, "baseline-1.schema.json")["definitions"] == list(stated)
    (tmp_path / "b.json").write_text(text)
    assert to_json(read_baseline(tmp_path / "b.json", "b.json")) == text


def test_a_file_of_before_definitions_were_stated_is_read(tmp_path) -> None:
    old = '{"schema": "curate.baseline/1", "source": "street", "counts": {}, "findings": []}'
    (tmp_path / "b.json").write_text(old)
    assert fitting(old, "baseline-1.schema.json")
    assert read_baseline(tmp_path / "b.json", "b.json").definitions == ()


def test_codes_of_own_checks_come_back(tmp_path) -> None:
    text = to_json(baseline_of(findings((1, "MY-001", 1, "a"), (2, "STREETS-001", 1, "a"))))
    fitting(text, "baseline-1.schema.json")
    (tmp_path / "b.json").write_text(text)
    assert read_baseline(tmp_path / "b.json", "b.json").counts == {"MY-001": 1, "STREETS-001": 1}


def test_the_file_of_nothing_comes_back(tmp_path) -> None:
    text = to_json(baseline_of(findings()))
    assert fitting(text, "baseline-1.schema.json")["findings"] == []
    (tmp_path / "b.json").write_text(text)
    assert to_json(read_baseline(tmp_path / "b.json", "b.json")) == text


ONE = {"finding_id": "0" * 16, "check": "BOX-002", "file": None, "members": 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": "curate.audit/1"}, "has schema 'curate.audit/1', this version reads 'curate.b"),
        ({"schema": "curate.baseline/2"}, "has schema 'curate.baseline/2'"),
        ({"schema": 3}, r"Expected `str`, got `int` - at `\$.schema`"),
        ({"findings": [ONE | {"finding_id": "f" * 16}]}, r"at `\$.findings\[0\].finding_id`"),
        ({"findings": [ONE | {"members": -1}]}, r"at `\$.findings\[0\].members`"),
        ({"findings": [ONE | {"id": 1}]}, r"unknown field `id` - at `\$.findings\[0\]`"),
        ({"findings": [ONE, ONE]}, "finding 0000000000000000 stands twice"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused_with_the_mend(tmp_path, changes, words) -> None:
    whole = {"schema": "curate.baseline/1", "source": "s", "counts": {}, "findings": []}
    path = tmp_path / "b.json"
    path.write_text(json.dumps(whole | changes))
    with pytest.raises(UsageError, match=words) as caught:
        read_baseline(path, "b.json")
    assert str(caught.value).startswith("b.json: ")
    assert "--write-baseline FILE" in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"schema": "\xff"}', b"[" * 100_000])
def test_a_broken_file_is_refused_with_the_mend(tmp_path, body) -> None:
    (tmp_path / "b.json").write_bytes(body)
    with pytest.raises(UsageError, match=r"b\.json: is no baseline: .*--write-baseline FILE"):
        read_baseline(tmp_path / "b.json", "b.json")


def test_a_file_that_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"b\.json: cannot be read: .* - check --baseline"):
        read_baseline(tmp_path / "b.json", "b.json")


@pytest.fixture
def half_known():
    """Findings 1 and 2 of one box of a set with a picture; the baseline knows the first."""
    base = dataset(boxes=[(0, 1, 1, 9, 9)])
    box = base.boxes["box_id"].where(base.boxes["box_id"] < 0, 1)
    own = replace(base, name="street", boxes=base.boxes.assign(box_id=box))
    rows = (1, "BOX-002", 1, "labels.txt"), (2, "BOX-002", 1, "labels.txt")
    known = baseline_of(findings(rows[0]))
    return against(replace(findings(*rows), dataset=own), known)


def test_known_findings_do_not_count_as_failures(half_known) -> None:
    assert half_known.at_least("error") == 1
    assert len(half_known.new) == 1
    assert 'tests="2" failures="1"' in to_junit(half_known, "s").splitlines()[1]


def test_json_and_csv_tell_of_each_finding_whether_it_is_known(half_known) -> None:
    document = to_document(half_known, "s")
    assert [one["known"] for one in document["findings"]] == [True, False]
    assert document["known"] == 1
    assert [line.rpartition(",")[2] for line in to_csv(half_known).splitlines()] == [
        "known", "true", "false",
    ]  # fmt: skip


def test_text_leaves_known_findings_out_unless_they_are_asked_for(half_known) -> None:
    text = to_text(half_known)
    assert text.count("box-odd (error)") == 1
    assert text.endswith("\n  … 1 known finding (--known shows)\n")
    shown = to_text(half_known, show_known=True)
    assert shown.count("box-odd (error, known)") == shown.count("box-odd (error)") == 1
    assert "known finding" not in shown


def test_sarif_tells_the_state_of_each_result_against_the_baseline(half_known) -> None:
    log = json.loads(to_sarif(half_known, "s", version="1.0.0"))
    states = [result["baselineState"] for result in log["runs"][0]["results"]]
    assert states == ["unchanged", "new"]


def test_without_a_baseline_sarif_says_nothing_of_one(half_known) -> None:
    log = json.loads(to_sarif(replace(half_known, known=None), "s", version="1.0.0"))
    assert "baselineState" not in log["runs"][0]["results"][0]
