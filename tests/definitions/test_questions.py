"""The form of Label Studio: one control per question, shown where it is asked."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
import yaml

from curate.definitions.files import shipped
from curate.definitions.loading import load
from curate.definitions.questions import asked, to_xml
from curate.errors import UsageError
from curate.formats.label_studio import make

WITH_CLASSES = [name for name in shipped() if name not in ("box.full", "box.visible", "detection")]


def form(*words):
    return ElementTree.fromstring(to_xml(load(words)))


def controls(root):
    return {node.get("name"): node for node in root.iter("Choices")}


def answers(control):
    return [choice.get("value") for choice in control.iter("Choice")]


@pytest.mark.parametrize("name", WITH_CLASSES)
def test_every_question_that_a_clause_puts_has_a_control_with_its_answers(name):
    definitions = load([name])
    root = form(name)
    wanted = {
        (part.questions[clause.question].text, part.questions[clause.question].choices)
        for part in definitions.parts
        for clause in part.clauses
        if clause.action == "review"
    }
    found = set()
    for view in root.iter("View"):
        header, control = view.find("Header"), view.find("Choices")
        if header is not None:
            text = next(t for t, _ in wanted if header.get("value").startswith(t))
            found.add((text, tuple(answers(control))))
    assert found == wanted


@pytest.mark.parametrize("name", WITH_CLASSES)
def test_controls_have_names_of_their_own_and_are_about_the_image(name):
    named = [node for node in form(name).iter() if node.get("toName")]
    names = [node.get("name") for node in named]
    assert len(names) == len(set(names))
    assert {node.get("toName") for node in named} == {"image"}
    assert {node.tag for node in named} == {"RectangleLabels", "Choices", "TextArea"}


def test_names_are_those_of_the_tasks_that_are_exported():
    root = form("person")
    (image,) = root.iter("Image")
    (labels,) = root.iter("RectangleLabels")
    assert (image.get("name"), image.get("value")) == (make.PICTURE, f"${make.PICTURE}")
    assert labels.get("name") == make.CONTROL


def test_classes_are_those_of_the_project_else_of_the_definitions():
    for name, wanted in (("project.cameras", ["person", "weapon"]), ("head", ["head"])):
        (labels,) = form(name).iter("RectangleLabels")
        assert [label.get("value") for label in labels] == wanted


def test_question_of_boxes_is_asked_of_the_selected_box_and_of_images_of_the_image():
    named = controls(form("person"))
    assert named["q_forgotten"].get("required") == "true"
    assert named["q_forgotten"].get("perRegion") is None
    assert named["q_forgotten"].get("visibleWhen") is None
    others = [control for name, control in named.items() if name != "q_forgotten"]
    for control in others:
        assert control.get("perRegion") == "true"
        assert control.get("visibleWhen") == "region-selected"
        assert control.get("required") is None


def test_question_of_a_class_is_asked_of_its_boxes_alone():
    named = controls(form("project.phone"))
    about = {name: control.get("whenLabelValue") for name, control in named.items()}
    assert (about["q_posture"], about["q_head"], about["q_tight"]) == ("person", "head", None)


def test_a_question_that_two_definitions_ask_is_asked_once():
    named = controls(form("person"))
    assert "q_double" in named
    assert not [name for name in named if name.endswith("_q_double")]


def project(tmp_path, **changes):
    document = {
        "schema": "curate.definition/1", "kind": "project", "id": "yard", "version": "1.0.0",
        "status": "active", "title": "People in a yard", "uses": ["head@^1.0"],
        "classes": [{"name": "head", "definition": "head"}],
    } | changes  # fmt: skip
    path = tmp_path / "yard.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def question(code, record, **more):
    return {
        "id": code, "title": "A thing that only people can tell", "record": record,
        "severity": "info", "action": "review", "question": "Q-A",
        "rationale": "Nothing in the columns tells it.",
    } | more  # fmt: skip


NASTY = '"><Choice value="x"/>& \'a\''


def test_texts_are_never_markup(tmp_path):
    path = project(
        tmp_path,
        classes=[{"name": NASTY}],
        questions={"Q-A": {"text": NASTY, "choices": [NASTY, "no"]}},
        clauses=[question("YAR-001", "box")],
    )
    root = form(path)
    assert answers(controls(root)["q_a"]) == [NASTY, "no"]
    (labels,) = root.iter("RectangleLabels")
    assert [label.get("value") for label in labels] == [NASTY]


def test_question_put_of_boxes_and_of_images_is_two_controls(tmp_path):
    path = project(
        tmp_path,
        questions={"Q-A": {"text": "Is it?", "choices": ["yes", "no"]}},
        clauses=[
            question("YAR-001", "box"),
            question("YAR-002", "track", check="n_labels <= 1"),
            question("YAR-003", "image"),
        ],
    )
    named = controls(form(path))
    assert named["q_a"].get("perRegion") == "true"
    assert named["q_a_image"].get("perRegion") is None
    assert named["q_a_image"].get("required") == "true"
    codes = {one.name: [c.id for c in one.clauses] for one in asked(load([path]))}
    assert (codes["q_a"], codes["q_a_image"]) == (["YAR-001"], ["YAR-002", "YAR-003"])


def test_question_that_a_project_has_off_is_not_asked(tmp_path):
    off = [{"clause": "HEAD-010", "disabled": True, "because": "heads are far apart there"}]
    assert list(controls(form(project(tmp_path, overrides=off)))) == ["q_head"]
    told = [{"clause": "HEAD-003", "action": "flag", "because": "nobody has the time"}]
    assert list(controls(form(project(tmp_path, overrides=told)))) == ["q_same"]


@pytest.mark.parametrize(
    ("name", "what"),
    [("box.visible", "box.visible has no classes"), ("detection", "detection has no classes")],
)
def test_definition_without_classes_has_no_form(name, what):
    with pytest.raises(UsageError, match=what) as caught:
        form(name)
    assert str(caught.value.place) == f"rules/{name}.yaml:3"


def test_project_that_asks_nothing_has_no_form(tmp_path):
    path = project(tmp_path, uses=["detection@^1.0"], classes=[{"name": "car"}])
    with pytest.raises(UsageError, match="yard asks nothing"):
        form(path)


def test_dollar_that_label_studio_would_replace_is_refused(tmp_path):
    path = project(
        tmp_path,
        questions={"Q-A": {"text": "Is it $price?", "choices": ["under 5 $", "over 5 $"]}},
        clauses=[question("YAR-001", "box")],
    )
    with pytest.raises(UsageError, match=r"'Is it \$price\?' holds a \$ before a letter") as caught:
        form(path)
    lines = path.read_text().splitlines()
    assert "id: YAR-001" in lines[caught.value.place.line - 1]
