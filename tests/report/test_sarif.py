"""Findings as a SARIF log, held against the standard's text, schema and its own validator."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from curate import audit
from curate.cli import main
from curate.dataset import empty_dataset
from curate.report import Rule, sarif_parts, to_document, to_sarif
from tests.test_report import dataset, fault

PAGE = "BOX-002 box-outside-image [error]\n\nAn edge is outside. {So} it is.\n\nUsual mend: clip.\n"
RULES = [
    Rule("BOX-002", "box-outside-image", "error", PAGE),
    Rule("BOX-003", "box-side-not-positive", "error", "unused"),
]
OUTSIDE = (1, 90, 10, 112.5, 30)


def run_of(findings, **told):
    log = json.loads(to_sarif(findings, "labels", version="1.2.3", **told))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("/sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    return run


def test_a_finding_is_a_result_with_rule_place_and_fingerprint() -> None:
    findings = audit(dataset(boxes=[OUTSIDE]))
    (told,) = to_document(findings, "s")["findings"]
    run = run_of(findings, rules=RULES)
    (result,) = run["results"]
    (rule,) = run["tool"]["driver"]["rules"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("BOX-002", 0, "error")
    assert rule["id"] == result["ruleId"]
    assert result["message"]["text"] == f"{told['message']} - {told['mend']}"
    (place,) = result["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "labels.txt", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 1},
    }
    assert place["logicalLocations"] == [{"fullyQualifiedName": "s/a1.jpg"}]
    assert result["partialFingerprints"] == {"findingId/v1": told["finding_id"]}
    properties = {"members": 1, "value": 12.5, "limit": 1, "unit": "px"}
    assert properties.items() <= result["properties"].items()
    assert "definition" not in result["properties"]


def test_the_driver_states_version_and_each_rule_with_its_manual_page() -> None:
    driver = run_of(audit(dataset(boxes=[OUTSIDE])), rules=RULES)["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("curate", "1.2.3")
    assert driver["rules"] == [
        {
            "id": "BOX-002",
            "name": "box-outside-image",
            "shortDescription": {"text": "An edge is outside."},
            "fullDescription": {"text": "An edge is outside. {{So}} it is."},
            "help": {"text": PAGE.replace("{So}", "{{So}}")},
            "defaultConfiguration": {"level": "error"},
        }
    ]


def test_a_rule_that_nobody_described_is_told_by_its_findings() -> None:
    (rule,) = run_of(audit(dataset(boxes=[OUTSIDE])))["tool"]["driver"]["rules"]
    assert (rule["id"], rule["help"]["text"]) == ("BOX-002", "box-outside-image")


def test_the_levels_are_those_of_the_standard() -> None:
    faults = [fault(1), replace(fault(2), code="SRC-008"), replace(fault(3), code="SRC-013")]
    run = run_of(audit(dataset(faults=faults)))
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]


def test_rule_indexes_point_at_the_rules() -> None:
    run = run_of(audit(dataset(boxes=[OUTSIDE, (0, 5, 5, 6, 30)], faults=[fault(1)])), rules=RULES)
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert ids == ["BOX-002", "BOX-004", "SRC-001"]
    assert {ids[result["ruleIndex"]] == result["ruleId"] for result in run["results"]} == {True}


def test_a_finding_of_no_file_has_no_place_and_one_of_no_line_no_region() -> None:
    nowhere = fault(None, file=None, source_id=None)
    whole = replace(fault(None, source_id=None), message="other")
    results = run_of(audit(dataset(faults=[nowhere, whole])))["results"]
    places = [result["locations"] for result in results]
    assert sorted(map(len, places)) == [0, 1]
    (place,) = max(places, key=len)
    assert place == {
        "physicalLocation": {"artifactLocation": {"uri": "labels.txt", "uriBaseId": "%SRCROOT%"}}
    }


@pytest.mark.parametrize(
    ("file", "folder", "uri"),
    [
        ("a b#1.txt", "", "a%20b%231.txt"),
        ("路/é.txt", "", "%E8%B7%AF/%C3%A9.txt"),
        ("c:x?.txt", "", "c%3Ax%3F.txt"),
        ("a.txt", "my labels/day", "my%20labels/day/a.txt"),
    ],
)
def test_places_are_relative_references_of_rfc_3986(file: str, folder: str, uri: str) -> None:
    run = run_of(audit(dataset(faults=[fault(1, file=file)])), folder=folder)
    (place,) = run["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_braces_in_messages_are_doubled_so_that_they_hold_no_place_for_arguments() -> None:
    odd = replace(fault(1), message="'{0}' is no {number}", mend="write {}")
    (result,) = run_of(audit(dataset(faults=[odd])))["results"]
    assert result["message"]["text"] == "'{{0}}' is no {{number}} - write {{}}"


@pytest.mark.parametrize(("n", "n_related"), [(1, 0), (2, 2), (10, 10), (11, 10)])
def test_members_are_counted_and_the_first_ten_are_related_places(n: int, n_related: int) -> None:
    whole = fault(None, source_id=None, boxes=tuple(range(n)))
    boxes = [(0, 4 * k, 1, 4 * k + 3, 60) for k in range(n)]
    (result,) = run_of(audit(dataset(boxes=boxes, faults=[whole])))["results"]
    assert result["properties"]["members"] == n
    related = result.get("relatedLocations", [])
    lines = [place["physicalLocation"]["region"]["startLine"] for place in related]
    assert lines == list(range(1, n_related + 1))


def test_the_definition_that_judged_is_a_property() -> None:
    findings = audit(dataset(boxes=[OUTSIDE]))
    judged = replace(findings, table=findings.table.assign(definition="person@1.0.0+ab12"))
    (result,) = run_of(judged)["results"]
    assert result["properties"]["definition"] == "person@1.0.0+ab12"


def test_the_run_tells_the_definitions_in_force_and_how_many_findings_are_settled() -> None:
    findings = audit(dataset(boxes=[OUTSIDE]))
    known = frozenset(findings.table["finding_id"])
    stated = ("box@2.0.0+cd34", "person@1.0.0+ab12")
    told = run_of(replace(findings, definitions=stated, known=known, mended=2, waived=3))
    settled = {"definitions": list(stated), "known": 1, "mended": 2, "waived": 3}
    assert settled.items() <= told["properties"].items()
    none = {"definitions": [], "known": 0, "mended": 0, "waived": 0}
    assert none.items() <= run_of(audit(empty_dataset("s")))["properties"].items()


def test_nothing_found_is_a_log_without_results() -> None:
    run = run_of(audit(empty_dataset("s")), rules=RULES)
    assert run["results"] == run["tool"]["driver"]["rules"] == []


def test_the_parts_are_the_text_and_the_same_each_time() -> None:
    boxes = [(k % 5, 10, 10, 110 + k % 7, 30) for k in range(15)]
    findings = audit(dataset(n_images=5, boxes=boxes, faults=[fault(n) for n in range(1, 13)]))
    parts = list(sarif_parts(findings, "labels", version="1.2.3", rules=RULES))
    assert len(parts) == len(findings) + 2
    assert "".join(parts) == to_sarif(findings, "labels", version="1.2.3", rules=RULES)


@pytest.fixture
def validator() -> Path:
    """The folder of npm's @microsoft/sarif-multitool-linux, which `.ci/sarif` installs."""
    folder = Path(os.environ.get("CURATE_SARIF_MULTITOOL", "no such folder"))
    if not (folder / "Sarif.Multitool").is_file():
        pytest.skip("CURATE_SARIF_MULTITOOL names no validator; .ci/sarif installs it")
    return folder


@pytest.mark.slow
def test_the_standard_schema_and_its_validator_take_the_log_of_the_demo(
    validator: Path, tmp_path: Path
) -> None:
    with contextlib.chdir(tmp_path):
        assert main(["demo"]) == 0
        words = ["curate-demo/street_coco", "--images", "curate-demo/images", "-o", "log.sarif"]
        assert main(["audit", *words]) == 1
    log = json.loads((tmp_path / "log.sarif").read_text(encoding="utf-8"))
    assert len(log["runs"][0]["results"]) > 10
    schema = json.loads((validator / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(log)
    subprocess.run(
        [validator / "Sarif.Multitool", "validate", "log.sarif", "-o", "verdict.sarif"],
        cwd=tmp_path, check=True, capture_output=True,
        env=os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
    )  # fmt: skip
    (verdict,) = json.loads((tmp_path / "verdict.sarif").read_text("utf-8-sig"))["runs"]
    assert verdict["invocations"][0]["executionSuccessful"]
    # curate has no page of its own to name as informationUri.
    assert {result["ruleId"] for result in verdict["results"]} <= {"SARIF2005"}
