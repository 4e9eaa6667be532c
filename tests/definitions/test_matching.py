"""Which rule of matching the definitions in force state, and what is refused of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.definitions.loading import load
from curate.definitions.matching import match_rule, matching_definition
from curate.errors import UsageError
from curate.matching import MatchRule
from curate.resources import rules_folder

SHIPPED = (rules_folder() / "detection.yaml").read_text(encoding="utf-8")
PROJECT = """\
schema: curate.definition/1
kind: project
id: project.gate
version: 0.1.0
status: draft
title: What a gate counts
uses: [gate_detection@^1.1]
classes:
  - {name: person}
"""


def written(folder: Path, name: str, old: str = "", new: str = "") -> Path:
    """The shipped definition under another name, with one thing otherwise."""
    assert old in SHIPPED
    text = SHIPPED.replace("id: detection\n", f"id: {name}\n").replace(old, new)
    # Codes of clauses are for one definition each.
    text = text.replace("DET-", f"{name[:3].upper()}-")
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_definitions_the_rule_is_the_shipped_one() -> None:
    # What rules/detection.yaml says.
    wanted = MatchRule(min_iou=0.5, ignore_min_ioa=0.5, class_aware=True, max_per_image=100)
    assert match_rule() == match_rule(load(["person"])) == match_rule(load(["detection"])) == wanted
    assert matching_definition().stated == load(["detection"]).parts[0].stated


def test_project_has_the_rule_of_the_definition_it_uses(tmp_path: Path) -> None:
    written(tmp_path, "gate_detection", "min_iou: 0.50", "min_iou: 0.75")
    project = tmp_path / "project.gate.yaml"
    project.write_text(PROJECT, encoding="utf-8")
    definitions = load([project])
    assert match_rule(definitions) == MatchRule(0.75, 0.5, True, 100)
    assert matching_definition(definitions).id == "gate_detection"


def test_every_number_of_the_rule_is_read(tmp_path: Path) -> None:
    agnostic = MatchRule(class_aware=False, max_per_image=100)
    changes = {
        ("class_aware: true", "class_aware: false"): agnostic,
        ("max_per_image: 100", "max_per_image: 7"): MatchRule(max_per_image=7),
        ("min_ioa: 0.50", "min_ioa: 0.9"): MatchRule(ignore_min_ioa=0.9, max_per_image=100),
    }
    for (old, new), wanted in changes.items():
        path = written(tmp_path, "own_detection", old, new)
        assert match_rule(load([path])) == wanted


def test_objects_that_only_a_mapping_tells_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "own", "is_group or difficult", "is_group or decision == 'rider'")
    with pytest.raises(UsageError) as caught:
        match_rule(load([path]))
    assert str(caught.value).endswith(
        "own.yaml:3: ignored_when.0.when of own is \"is_group or decision == 'rider'\": objects "
        "are matched as their labels state them, before any mapping gives a decision - ask for "
        "the label or the role instead"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("at_limit: match", "at_limit: no_match",
         "matching.at_limit of own is 'no_match', should be 'match'"),
        ("greedy_by_score", "hungarian",
         "matching.assignment of own is 'hungarian', should be 'greedy_by_score'"),
        ("of: prediction", "of: union", "ignore.of of own is 'union', should be 'prediction'"),
        ("same_or_any", "same", "ignore.class_scope of own is 'same', should be 'same_or_any'"),
        ("takes_several: true", "takes_several: false",
         "ignore.takes_several of own is 'False', should be 'True'"),
        ("class_aware: true", "class_aware: true\n  min_iou_by_class: {person: 0.4}",
         "matching.min_iou_by_class of own is \"{'person': 0.4}\", should be '{}'"),
    ],
)  # fmt: skip
def test_other_ways_of_matching_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = written(tmp_path, "own", old, new)
    with pytest.raises(UsageError) as caught:
        match_rule(load([path]))
    assert said in str(caught.value)
    assert "own.yaml:3: " in str(caught.value)


def test_two_definitions_of_matching_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "own")
    with pytest.raises(UsageError, match="detection and own both say when a prediction"):
        match_rule(load(["detection", path]))
