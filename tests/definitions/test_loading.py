"""Definition files: what is taken, and each mistake with its file, line and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.auditing import refuse_unknown_codes
from curate.definitions.files import fits, shipped
from curate.definitions.loading import load
from curate.definitions.scenes import scene_faults
from curate.errors import UsageError

RULES = """\
schema: curate.definition/1
kind: rules
id: cone
version: 1.2.0
status: active
title: A traffic cone is an orange cone that stands on a road
class: cone
params:
  min_side_px: 4.0
  max_aspect_ratio: 3.0
columns:
  colour: {kind: text, meaning: "colour of the cone", words: [orange, green]}
decisions:
  standing: {role: include, note: "stands on the ground"}
  lying: {role: ignore, note: "was run over"}
  other: {role: exclude, note: "no cone"}
clauses:
  - id: CON-001
    title: A cone is large enough
    record: box
    severity: warning
    when: label == 'cone' and role == 'include'
    check: width >= min_side_px
    missing: skip
    action: set_ignore
    rationale: Smaller ones cannot be told from anything else.
    examples:
      - {note: "8 px", boxes: [{label: cone, x1: 0, y1: 0, x2: 8, y2: 12}]}
    counter_examples:
      - {note: "2 px", boxes: [{label: cone, x1: 0, y1: 0, x2: 2, y2: 12}]}
  - id: CON-002
    title: A cone is orange
    record: box
    severity: info
    check: colour == 'orange' and height / width <= max_aspect_ratio
    missing: review
    action: review
    question: Q-COLOUR
    rationale: Cones of other colours are toys, and are not labelled.
    exceptions:
      - {when: is_group, because: a heap of cones has no colour}
mapping:
  names:
    - {class: [cone, pylon], when: truncated > 0.5, as: lying}
    - {class: [cone, pylon], as: standing, set: {extent: visible}}
    - {class: car, as: other}
questions:
  Q-COLOUR: {text: "Which colour?", choices: ["orange", "another"]}
"""

PROJECT = """\
schema: curate.definition/1
kind: project
id: project.road
version: 0.1.0
status: draft
title: Cones on the roads of one town
uses: [cone@^1.2]
overrides:
  - {clause: CON-001, severity: error, params: {min_side_px: 6}, because: far cones matter}
  - {decision: lying, role: include, because: they are in the way}
classes:
  - {name: cone, definition: cone, extent: visible}
relations:
  - id: ROA-001
    title: A cone has no cone in it
    child: cone
    parent: cone
    check: ioa_child < 0.9
    severity: warning
    rationale: A cone inside a cone was drawn twice.
"""


def stored(folder: Path, **files: str) -> Path:
    """A folder of definition files, each called by its id."""
    for name, text in files.items():
        (folder / f"{name.replace('_', '.')}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_whole_file_is_taken(tmp_path: Path) -> None:
    loaded = load([stored(tmp_path, cone=RULES) / "cone.yaml"])
    (part,) = loaded.parts
    assert (part.id, part.version, part.label) == ("cone", "1.2.0", "cone")
    assert [clause.id for clause in loaded.clauses] == ["CON-001", "CON-002"]
    assert loaded.clauses[0].params == {"min_side_px": 4.0}
    assert len(part.digest) == 12
    assert loaded.clauses[0].stated_by == f"cone@1.2.0+{part.digest}"


def test_comments_and_layout_do_not_change_the_hash(tmp_path: Path) -> None:
    first = load([stored(tmp_path, cone=RULES) / "cone.yaml"]).stated
    other = "# a word before\n" + RULES.replace('note: "8 px", boxes', "note: '8 px',   boxes")
    assert load([stored(tmp_path, cone=other) / "cone.yaml"]).stated == first
    changed = RULES.replace("min_side_px: 4.0", "min_side_px: 5.0")
    assert load([stored(tmp_path, cone=changed) / "cone.yaml"]).stated != first


def test_a_project_overrides_with_its_reason(tmp_path: Path) -> None:
    folder = stored(tmp_path, cone=RULES, project_road=PROJECT)
    loaded = load([folder / "project.road.yaml"])
    cone, road = loaded.parts
    clause = loaded.clauses[0]
    assert (clause.severity, clause.params) == ("error", {"min_side_px": 6})
    assert clause.overridden == "far cones matter"
    assert clause.stated_by == f"{cone.stated} ({road.stated})"
    assert loaded.clauses[1].stated_by == cone.stated
    assert cone.decisions["lying"].role == "include"
    assert cone.decisions["lying"].overridden == "they are in the way"
    assert loaded.clauses[2].sides == ("cone", "cone")


# What is changed in RULES, the line of the message, and words of it: what is there, and the mend.
MISTAKES = [
    ("version: 1.2.0", "version: 1.2", 4, ["version", "1.2", "in quotation marks"]),
    ("version: 1.2.0", "version: '1.2'", 4, ["version", "'1.2'", "Semantic version"]),
    ("kind: rules", "kind: rule", 2, ["'rule'", "did you mean 'rules'?"]),
    ("status: active", "status: live", 5, ["'live'", "draft, active, deprecated"]),
    ("status: active\n", "", 1, ["has no 'status'", "add status"]),
    ("title: A traffic", "titel: A traffic", 1, ["no 'title'"]),
    ("class: cone\n", "class: cone\nclas: x\n", 8, ["no key 'clas'", "did you mean 'class'?"]),
    ("  min_side_px: 4.0", "  min_side_px: four", 9, ["'four'", "number"]),
    ("  min_side_px: 4.0", "  min_side_px: -4.0", 9, ["-4.0", "a number from 0 on", "px"]),
    ("  min_side_px: 4.0", "  min_side_pixel: 4.0", 23, ["'min_side_px'", "'min_side_pixel'"]),
    ("  min_side_px: 4.0", "  min_side_px: 4.0\n  x_iou: 0.5", 10, ["'x_iou'", "take it out"]),
    ("  min_side_px: 4.0", "  min_side_px: 4.0\n  min_side_px: 5.0", 10, ["twice", "line 9"]),
    ("kind: text", "kind: txt", 12, ["'txt'", "number, flag, text"]),
    ("  colour: {", "  truncated: {", 12, ["column of curate's own", "another name"]),
    ("role: ignore,", "role: ignored,", 15, ["'ignored'", "did you mean 'ignore'?"]),
    ("role: include, note", "role: no, note", 14, ["False", "include, ignore"]),
    ("id: CON-001", "id: BOX-001", 18, ["BOX", "curate's own", "letters of your own"]),
    ("id: CON-002", "id: CON-001", 31, ["CON-001", "another number"]),
    ("record: box", "record: boxes", 20, ["'boxes'", "did you mean 'box'?"]),
    ("severity: warning", "severity: warn", 21, ["'warn'", "did you mean 'warning'?"]),
    ("label == 'cone' and", "lable == 'cone' and", 22, ["'lable'", "did you mean 'label'?"]),
    ("label == 'cone' and", "label == 'kone' and", 22, ["'kone'", "did you mean 'cone'?"]),
    ("role == 'include'", "role == 'included'", 22, ["'included'", "did you mean 'include'?"]),
    ("check: width >=", "check: widht >=", 23, ["'widht'", "did you mean 'width'?"]),
    ("check: width >=", "check: label >=", 23, ["text", "number"]),
    ("check: width >= min_side_px", "check: width", 23, ["number", "should be a flag", "x > 0"]),
    ("check: width >= min_side_px", "check: width >= 4 / 0", 23, ["division by '0'"]),
    ("check: width >= min_side_px", "check: open('x') >= 4", 23, ["'open'", "not a function"]),
    ("check: width >= min_side_px", "check: width = min_side_px", 23, ["=="]),
    ("    missing: skip\n", "", 18, ["CON-001", "width", "skip, fail or review"]),
    ("missing: skip", "missing: ignore", 24, ["'ignore'", "skip, fail, review"]),
    ("action: set_ignore", "action: ignore", 25, ["'ignore'", "did you mean 'set_ignore'?"]),
    ("action: set_ignore", "action: fix", 18, ["has no 'fix'", "add fix"]),
    ("rationale: Smaller ones cannot be told from anything else.", "rationale: Small.", 26,
     ["'Small.'"]),
    ("x2: 8, y2: 12", "x3: 8, y2: 12", 28, ["'x3'", "did you mean 'x"]),
    ("x2: 8, y2: 12", "x2: wide, y2: 12", 28, ["'wide'", "number"]),
    ("question: Q-COLOUR", "question: Q-COLOR", 38, ["'Q-COLOR'", "did you mean 'Q-COLOUR'?"]),
    ("    question: Q-COLOUR\n", "", 31, ["has no 'question'"]),
    ("colour == 'orange'", "colour == 'red'", 35, ["'red'", "green, orange"]),
    ("when: is_group", "when: is_grp", 41, ["'is_grp'", "did you mean 'is_group'?"]),
    (", because: a heap of cones has no colour", "", 41, ["has no 'because'"]),
    ("as: lying", "as: laying", 44, ["'laying'", "did you mean 'lying'?"]),
    (", when: truncated > 0.5", "", 45, ["'cone'", "line 44", "narrower rule first"]),
    ("set: {extent: visible}", "set: {extent: seen}", 45, ["'seen'", "visible"]),
    ("set: {extent: visible}", "set: {x1: 0}", 45, ["'x1'", "column that a rule can set"]),
    ("set: {extent: visible}", "set: {is_group: 1}", 45, ["'1'", "a flag"]),
    ('choices: ["orange", "another"]', 'choices: ["orange"]', 48, ["choices"]),
    ("class: cone\n", "class: cone\nextends: [con@^1]\n", 8, ["'con'", "did you mean 'cone'?"]),
    ("class: cone\n", "class: cone\nextends: [cone@^1]\n", 8, ["cone -> cone", "cycle"]),
    ("class: cone\n", "class: cone\nextends: [person@^3.0]\n", 8,
     ["person@^3.0", "version 2.0.0", "person@^2.0"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "words"), MISTAKES)
def test_a_mistake_is_told_with_file_line_and_mend(
    tmp_path: Path, old: str, new: str, line: int, words: list[str]
) -> None:
    assert old in RULES
    path = stored(tmp_path, cone=RULES.replace(old, new, 1)) / "cone.yaml"
    with pytest.raises(UsageError) as caught:
        load([path])
    text = str(caught.value)
    assert text.startswith(f"{path}:{line}: "), text
    assert " - " in text, "the mend"
    for word in words:
        assert word in text


PROJECT_MISTAKES = [
    ("clause: CON-001", "clause: CON-009", 9, ["'CON-009'", "did you mean 'CON-00"]),
    ("min_side_px: 6", "min_size_px: 6", 9, ["'min_size_px'", "did you mean 'min_side_px'?"]),
    ("min_side_px: 6", "min_side_px: -6", 9, ["-6", "a number from 0 on"]),
    (", because: far cones matter", "", 9, ["has no 'because'"]),
    ("severity: error, params: {min_side_px: 6}, ", "", 9, ["changes nothing"]),
    ("severity: error", "action: review", 9, ["no question"]),
    ("decision: lying", "decision: flying", 10, ["'flying'", "did you mean 'lying'?"]),
    ("role: include, because", "role: maybe, because", 10, ["'maybe'"]),
    ("uses: [cone@^1.2]", "uses: [cone@^2.0]", 7, ["cone@^2.0", "1.2.0", "cone@^1.2"]),
    ("uses: [cone@^1.2]", "uses: [cone@1.1]", 7, ["cone@1.1", "1.2.0"]),
    ("definition: cone", "definition: kone", 12, ["'kone'", "did you mean 'cone'?"]),
    ("child: cone", "child: con", 16, ["'con'", "did you mean 'cone'?"]),
    ("ioa_child < 0.9", "ioa_chidl < 0.9", 18, ["'ioa_chidl'", "did you mean 'ioa_child'?"]),
    ("ioa_child < 0.9", "parent_width > 4", 14, ["parent_width", "skip, fail or review"]),
]


@pytest.mark.parametrize(("old", "new", "line", "words"), PROJECT_MISTAKES)
def test_a_mistake_of_a_project_is_told_with_file_line_and_mend(
    tmp_path: Path, old: str, new: str, line: int, words: list[str]
) -> None:
    assert old in PROJECT
    folder = stored(tmp_path, cone=RULES, project_road=PROJECT.replace(old, new, 1))
    path = folder / "project.road.yaml"
    with pytest.raises(UsageError) as caught:
        load([path])
    text = str(caught.value)
    assert text.startswith(f"{path}:{line}: "), text
    for word in words:
        assert word in text


def test_at_least_thirty_kinds_of_mistakes_are_planted() -> None:
    assert len(MISTAKES) + len(PROJECT_MISTAKES) >= 60


def test_a_project_can_do_without_a_clause(tmp_path: Path) -> None:
    change = "severity: error, params: {min_side_px: 6}"
    assert change in PROJECT
    folder = stored(tmp_path, cone=RULES, project_road=PROJECT.replace(change, "disabled: true"))
    loaded = load([folder / "project.road.yaml"])
    assert [clause.id for clause in loaded.clauses] == ["CON-002", "ROA-001"]


def test_a_text_that_is_no_unicode_has_a_hash_like_any(tmp_path: Path) -> None:
    odd = RULES.replace('note: "no cone"', 'note: "\\ud800"')
    assert odd != RULES
    assert len(load([stored(tmp_path, cone=odd) / "cone.yaml"]).parts[0].digest) == 12


def test_a_cycle_over_two_files_is_told(tmp_path: Path) -> None:
    one = RULES.replace("class: cone\n", "class: cone\nextends: [pole@^1.0]\n")
    two = RULES.replace("id: cone", "id: pole").replace("CON-", "POL-").replace("1.2.0", "1.0.0")
    two = two.replace("class: cone\n", "class: cone\nextends: [cone@^1.0]\n")
    folder = stored(tmp_path, cone=one, pole=two)
    with pytest.raises(UsageError, match=r"pole\.yaml:8: cone -> pole -> cone is a cycle"):
        load([folder / "cone.yaml"])


BOMBS = {
    "aliases": ("a: &a [x, x]\nb: [*a, *a]\n", "alias"),
    "deep": ("a: " + "[" * 50 + "]" * 50 + "\n", "nested too deeply"),
    "large": ("a: " + "x" * (1 << 21) + "\n", "larger than"),
    "tag": ("a: !!python/object/apply:os.system [ls]\n", "cannot be read"),
    "two documents": ("a: 1\n---\nb: 2\n", "cannot be read"),
    "binary": ("a: \x00\n", "cannot be read"),
    "no mapping": ("- a\n", "of type object"),
    "nothing": ("", "of type object"),
}


@pytest.mark.parametrize("kind", sorted(BOMBS))
def test_a_file_that_is_a_trap_is_refused(tmp_path: Path, kind: str) -> None:
    text, words = BOMBS[kind]
    path = tmp_path / "trap.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        load([path])


def test_an_expression_of_a_definition_runs_no_code(tmp_path: Path) -> None:
    evil = RULES.replace("width >= min_side_px", "__import__('os').system('ls') == 0")
    with pytest.raises(UsageError):
        load([stored(tmp_path, cone=evil) / "cone.yaml"])


def test_two_projects_are_refused(tmp_path: Path) -> None:
    other = PROJECT.replace("project.road", "project.town").replace("ROA-", "TOW-")
    folder = stored(tmp_path, cone=RULES, project_road=PROJECT, project_town=other)
    with pytest.raises(UsageError, match="both projects"):
        load([folder / "project.road.yaml", folder / "project.town.yaml"])


def test_a_code_that_no_check_has_cannot_be_replaced(tmp_path: Path) -> None:
    text = RULES.replace(
        "    action: set_ignore\n", "    action: set_ignore\n    replaces: [BOX-099]\n"
    )
    loaded = load([stored(tmp_path, cone=text) / "cone.yaml"])
    with pytest.raises(UsageError, match=r"CON-001 replaces BOX-099, which is no check"):
        refuse_unknown_codes(loaded)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_definition_holds_its_own_examples(name: str) -> None:
    loaded = load([name])
    refuse_unknown_codes(loaded)
    assert [str(fault) for fault in scene_faults(loaded)] == []


@pytest.mark.parametrize("name", shipped())
def test_each_clause_with_a_check_shows_what_passes_and_what_fails(name: str) -> None:
    for clause in load([name]).clauses:
        if clause.check is not None:
            assert clause.examples, clause.id
            assert clause.counter_examples, clause.id


def test_an_example_that_does_not_hold_is_told_with_its_line(tmp_path: Path) -> None:
    wrong = RULES.replace("x2: 2, y2: 12", "x2: 9, y2: 12")
    (fault,) = scene_faults(load([stored(tmp_path, cone=wrong) / "cone.yaml"]))
    assert "cone.yaml:18: CON-001: its counter-example '2 px' should fail" in str(fault)


@pytest.mark.parametrize(
    ("version", "sign", "wanted", "expected"),
    [
        ("1.2.0", "", "1.2.0", True), ("1.2.0", "", "1.2.1", False), ("1.2.0", "", "1", True),
        ("1.2.3", "^", "1.2.4", False), ("1.3.0", "^", "1.2.4", True), ("2.0.0", "^", "1.2", False),
        ("1.2.3", "~", "1.2", True), ("1.3.0", "~", "1.2", False), ("0.3.1", "^", "0.3", True),
        ("0.4.0", "^", "0.3", False), ("1.9.9", "~", "1", True), ("2.0.0", "~", "1", False),
    ],
)  # fmt: skip
def test_versions_fit_by_the_rules_of_semantic_versioning(version, sign, wanted, expected) -> None:
    assert fits(version, sign, wanted) is expected
