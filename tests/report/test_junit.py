"""Findings as JUnit's XML: what passes, what fails, and that it is always well-formed."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from curate import audit
from curate.dataset import Findings, empty_dataset
from curate.report import Rule, junit_parts, to_document, to_junit
from tests.test_report import dataset, fault

RULES = [
    Rule("BOX-002", "box-outside-image", "error"),
    Rule("BOX-003", "box-side-not-positive", "error"),
    Rule("BOX-004", "box-side-small", "warning"),
]
OUTSIDE, SMALL = (1, 90, 10, 112.5, 30), (0, 5, 5, 6, 30)


def suites_of(findings, **told):
    """The root, and the suites by name; the counts that each states are those of its cases."""
    root = ElementTree.fromstring(to_junit(findings, "labels", **told))
    for element in (root, *root):
        cases, failures = (element.findall(f".//{tag}") for tag in ("testcase", "failure"))
        assert element.get("tests") == str(len(cases))
        assert element.get("failures") == str(len(failures))
    return root, {suite.get("name"): suite for suite in root}


def test_each_check_is_a_suite_and_one_that_found_nothing_passes() -> None:
    _, suites = suites_of(audit(dataset(boxes=[OUTSIDE, SMALL])), rules=RULES)
    assert list(suites) == [f"{rule.code} {rule.name}" for rule in RULES]
    (case,) = suites["BOX-003 box-side-not-positive"]
    assert (case.get("name"), list(case)) == ("no finding", [])


def test_a_failure_says_what_is_where_and_how_to_mend_it() -> None:
    findings = audit(dataset(boxes=[OUTSIDE]))
    (told,) = to_document(findings, "s")["findings"]
    _, suites = suites_of(findings, rules=RULES)
    (case,) = suites["BOX-002 box-outside-image"]
    assert (case.get("file"), case.get("line")) == ("labels.txt", "1")
    assert case.get("name") == f"labels.txt:1 a1.jpg {told['finding_id']}"
    (failure,) = case
    assert failure.get("message") == told["message"]
    assert failure.text is not None
    assert told["mend"] in failure.text


@pytest.mark.parametrize(
    ("fail_on", "failed"),
    [
        ("error", {"error"}),
        ("warning", {"error", "warning"}),
        ("info", {"error", "warning", "info"}),
        ("never", set()),
    ],
)
def test_findings_fail_from_the_level_on_and_others_are_told(fail_on: str, failed: set) -> None:
    codes = {"SRC-001": "error", "SRC-008": "warning", "SRC-013": "info"}
    faults = [replace(fault(1), code=code) for code in codes]
    root, _ = suites_of(audit(dataset(faults=faults)), fail_on=fail_on)
    told = {"failure": set(), "system-out": set()}
    for element in root.iter():
        if element.tag in told:
            told[element.tag].add(re.search(r"\((\w+)\)", element.text)[1])
    assert told == {"failure": failed, "system-out": set(codes.values()) - failed}


def test_a_check_whose_findings_have_two_levels_is_one_suite() -> None:
    faults = [fault(1), replace(fault(2), message="other")]
    findings = audit(dataset(boxes=[SMALL], faults=faults))
    assert findings.table["check"].tolist() == ["SRC-001", "SRC-001", "BOX-004"]
    levels = findings.table["level"].mask([False, True, False], "info")
    _, suites = suites_of(Findings(findings.table.assign(level=levels), findings.dataset))
    assert list(suites) == ["BOX-004 box-side-small", "SRC-001 record-unreadable"]
    assert suites["SRC-001 record-unreadable"].get("tests") == "2"


@pytest.mark.parametrize(("n", "more"), [(10, False), (12, True)])
def test_members_are_listed_up_to_ten_and_then_counted(n: int, more: bool) -> None:
    whole = fault(None, source_id=None, boxes=tuple(range(n)))
    boxes = [(0, 4 * k, 1, 4 * k + 3, 60) for k in range(n)]
    _, suites = suites_of(audit(dataset(boxes=boxes, faults=[whole])))
    text = suites["SRC-001 record-unreadable"].findtext(".//failure") or ""
    assert text.count("labels.txt:") == 10
    assert ("2 more members" in text) == more


HOSTILE = ["\x00\x1b", "￾", "]]></failure><x>", "a\tb\nc\rd", "q\"'<&>", "路口 \U0001f6b2"]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_leaves_the_xml_well_formed(text: str) -> None:
    odd = replace(fault(1, file=text, source_id=text), message=text, mend=text)
    root, _ = suites_of(audit(dataset(faults=[odd])))
    (failure,) = root.iter("failure")
    shown = text.translate({0: r"\x00", 0x1B: r"\x1b", 0xFFFE: r"\ufffe"})
    assert failure.get("message") == shown


def test_a_lone_surrogate_in_the_source_is_written_as_an_escape() -> None:
    text = to_junit(audit(empty_dataset("s")), "bad\udcff")
    assert ElementTree.fromstring(text.encode("utf-8")).get("name") == r"curate audit bad\udcff"


def test_nothing_found_is_a_report_in_which_all_passed() -> None:
    root, suites = suites_of(audit(empty_dataset("s")), rules=RULES)
    assert (len(suites), root.get("failures")) == (3, "0")


def test_the_definition_that_judged_is_told() -> None:
    findings = audit(dataset(boxes=[OUTSIDE]))
    judged = replace(findings, table=findings.table.assign(definition="person@1.0.0+ab12"))
    assert "(error, person@1.0.0+ab12)" in to_junit(judged, "s")


def test_the_parts_are_the_text() -> None:
    boxes = [(k % 5, 10, 10, 110 + k % 7, 30) for k in range(15)]
    findings = audit(dataset(n_images=5, boxes=boxes, faults=[fault(1)]))
    parts = list(junit_parts(findings, "labels", rules=RULES))
    assert len(parts) > len(findings)
    assert "".join(parts) == to_junit(findings, "labels", rules=RULES)


def test_definitions_and_what_is_settled_are_properties_of_a_suite_without_cases() -> None:
    findings = audit(dataset(boxes=[OUTSIDE, SMALL]))
    (first, _) = findings.table["finding_id"]
    stated = ("box@2.0.0+cd34", "person@1.0.0+ab12")
    told = replace(findings, definitions=stated, known=frozenset([first]), mended=2, waived=3)
    _, suites = suites_of(told, rules=RULES)
    assert list(suites) == ["audit", *(f"{rule.code} {rule.name}" for rule in RULES)]
    properties = [(row.get("name"), row.get("value")) for row in suites["audit"].iter("property")]
    settled = [("known", "1"), ("mended", "2"), ("waived", "3")]
    assert properties == [*(("definition", one) for one in stated), *settled]


def test_definitions_are_told_when_nothing_was_found() -> None:
    findings = replace(audit(empty_dataset("s")), definitions=("person@1.0.0+ab12",))
    (row,) = suites_of(findings)[0].iter("property")
    assert row.get("value") == "person@1.0.0+ab12"
