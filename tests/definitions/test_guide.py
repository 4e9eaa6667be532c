"""The guide of definitions: everything that a definition says, as Markdown and as one HTML page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import groupby

import pytest
import yaml

from curate.definitions.blocks import Cards, Rule, Table
from curate.definitions.files import shipped
from curate.definitions.guide import guide
from curate.definitions.guide_html import to_html
from curate.definitions.guide_markdown import to_markdown
from curate.definitions.guide_words import ROLES
from curate.definitions.loading import load

VOID = {"meta", "br"}


class Parsed(HTMLParser):
    """The words of a page, its tags, attributes and ids; refuses tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.words, self.tags, self.ids, self.attributes, self.open = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return "".join(self.words)


def rules_of(name):
    return [block for block in guide(load([name])).blocks if isinstance(block, Rule)]


def flat(markdown):
    """Markdown without the marks that keep words what they are."""
    return markdown.replace("\\", "")


@pytest.mark.parametrize("name", shipped())
def test_all_that_a_definition_says_stands_in_both_forms(name):
    definitions = load([name])
    page = guide(definitions)
    texts = {"md": flat(to_markdown(page)), "html": Parsed(to_html(page)).text}
    told = [*definitions.stated[-1:], *(part.title for part in definitions.parts)]
    for part in definitions.parts:
        told += [word for one in part.decisions.values() for word in (one.note, one.overridden)]
        told += [rule.note for rules in part.mapping.values() for rule in rules]
        told += [c for rules in part.mapping.values() for r in rules for c in r.classes if c != "*"]
        told += [word for one in part.classes for word in (*one.include, *one.ignore, *one.exclude)]
    for clause in definitions.clauses:
        told += [clause.id, clause.title, clause.rationale, clause.overridden, *clause.source]
        told += [clause.check and clause.check.text, clause.when and clause.when.text]
        told += [word for one in clause.exceptions for word in (one.because, one.when.text)]
        told += [scene.note for scene in (*clause.examples, *clause.counter_examples)]
        told += list(clause.params)
    for form, text in texts.items():
        missing = [word for word in told if word is not None and word not in text]
        assert missing == [], form


@pytest.mark.parametrize("name", shipped())
def test_page_is_well_formed_and_needs_nothing_else(name):
    text = to_html(guide(load([name])))
    page = Parsed(text)
    assert "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    links = [value for key, value in page.attributes if key in ("href", "src", "xlink:href")]
    assert links
    assert {link[1:] for link in links} <= set(page.ids)
    assert not re.search(r"url\(|@import", text)
    assert all(not key.startswith("on") for key, _ in page.attributes)


def test_same_definition_gives_the_same_bytes():
    assert to_html(guide(load(["project.phone"]))) == to_html(guide(load(["project.phone"])))


def test_rules_are_numbered_through_in_the_order_of_the_definitions():
    rules = rules_of("person")
    assert [rule.number for rule in rules] == list(range(1, len(rules) + 1))
    families = [code for code, _ in groupby(rule.code.partition("-")[0] for rule in rules)]
    assert families == ["VIS", "FUL", "PER"]


def test_decisions_stand_under_their_role_after_overrides():
    blocks = guide(load(["project.cameras"])).blocks
    cards = {card.title: card for b in blocks if isinstance(b, Cards) for card in b.cards}
    assert cards["inside vehicle"].role == "include"
    words = " ".join(span.words for line in cards["inside vehicle"].lines for span in line)
    assert "ignore by person, include in project.cameras, because drivers at the gate" in words
    assert cards["sitting"].picture is not None
    assert cards["weapon"].picture is None
    text = to_markdown(guide(load(["project.cameras"])))
    counts = text.split("#### ")
    (section,) = [one for one in counts if one.startswith("Counts") and "pedestrian" in one]
    assert "**inside vehicle**" in section


def test_examples_of_a_rule_with_another_number_say_so():
    (small,) = [rule for rule in rules_of("project.cameras") if rule.code == "VIS-003"]
    details = {term: "".join(s.words for s in line) for term, line in small.details}
    assert details["Numbers"] == "min_area_px2 = 32 px², min_side_px = 6 px"
    assert details["The examples"] == "are drawn for the numbers of box.visible: min_side_px = 4 px"
    (own,) = [rule for rule in rules_of("box.visible") if rule.code == "VIS-003"]
    assert "The examples" not in dict(own.details)


def test_rule_that_a_project_has_off_is_told_among_its_changes(tmp_path):
    path = tmp_path / "yard.yaml"
    path.write_text(
        "schema: curate.definition/1\nkind: project\nid: yard\nversion: 1.0.0\nstatus: active\n"
        "title: People in a yard\nuses: [person@^2.0]\n"
        "overrides: [{clause: PER-012, disabled: true, because: nobody is hidden there}]\n"
        "classes: [{name: person, definition: person, min_side_px: 7}]\n"
    )
    page = guide(load([path]))
    assert "PER-012" not in [block.code for block in page.blocks if isinstance(block, Rule)]
    text = to_markdown(page)
    assert "| PER-012 | does not hold | nobody is hidden there |" in text
    assert "Smaller ones than 7 px are ignored." in text


def test_question_names_the_rules_that_ask_it():
    tables = [b for b in guide(load(["head"])).blocks if isinstance(b, Table)]
    rows = [[span.words for line in row for span in line] for row in tables[0].rows]
    assert rows == [
        ["What is in the box?", "a head; head and shoulders; a part of a head; something else",
         "HEAD-003"],
        ["Are these two boxes one head?", "yes; no", "HEAD-010"],
    ]  # fmt: skip


def test_matching_is_told_in_words():
    text = flat(to_markdown(guide(load(["detection"]))))
    assert "one from an overlap (IoU) of 0.5 on." in text
    assert "An overlap of just the limit counts." in text
    assert "covers 0.5 of the prediction" in text
    assert "`is_group or difficult`, because COCO's crowds" in text


NASTY = "<img src=x onerror=alert(1)> *a* | `b` </style> & [c](javascript:d) ]]> _e_"


@pytest.fixture
def nasty(tmp_path):
    """A definition whose texts are markup."""
    document = {
        "schema": "curate.definition/1", "kind": "rules", "id": "nasty", "version": "1.0.0",
        "status": "draft", "title": NASTY, "class": NASTY,
        "params": {"min_side_px": 1.0},
        "decisions": {"thing": {"role": "include", "note": NASTY},
                      "other": {"role": "exclude", "note": "none"}},
        "mapping": {"names": [{"class": NASTY, "when": f"label != '{NASTY}'", "as": "thing",
                               "note": NASTY},
                              {"class": [NASTY], "as": "other"}]},
        "questions": {"Q-A": {"text": NASTY, "choices": [NASTY, "no"]}},
        "clauses": [{
            "id": "NAS-001", "title": NASTY, "record": "box", "severity": "error",
            "check": "width >= min_side_px", "missing": "skip", "action": "review",
            "question": "Q-A", "rationale": NASTY, "source": [NASTY],
            "examples": [{"note": NASTY, "boxes": [
                {"label": NASTY, "source_label": NASTY, "x1": 1, "y1": 1, "x2": 9, "y2": 9}]}],
        }],
    }  # fmt: skip
    path = tmp_path / "nasty.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_texts_of_a_definition_are_never_markup_of_the_page(nasty):
    text = to_html(guide(load([nasty])))
    page = Parsed(text)
    assert not {"img", "script"} & set(page.tags)
    assert text.count("</style>") == 1
    assert page.text.count(NASTY) >= 10


def test_texts_of_a_definition_are_never_marks_of_markdown(nasty):
    lines = to_markdown(guide(load([nasty]))).splitlines()
    mine = [line for line in lines if "onerror" in line and "`label" not in line]
    assert len(mine) >= 8
    for line in mine:
        assert "\\<img src=x onerror=alert(1)\\> \\*a\\* \\| \\`b\\` \\</style\\>" in line
        assert "\\[c\\](javascript:d) \\]\\]\\> \\_e\\_" in line
    rows = [line for line in lines if line.startswith("| ")]
    bars = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
    # Five columns of a mapping, three of questions: no text adds a cell.
    assert set(bars) == {6, 4}


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("1. first of all things", "1\\. first of all things"),
        ("# of boxes in an image", "\\# of boxes in an image"),
        ("- a list that is none", "\\- a list that is none"),
        ("snake_case stays as it is", "snake_case stays as it is"),
        ("a &amp; b as they stand", "a \\&amp; b as they stand"),
    ],
)
def test_beginning_of_a_text_makes_no_list_or_heading(title, shown, tmp_path):
    path = tmp_path / "odd.yaml"
    document = {
        "schema": "curate.definition/1", "kind": "rules", "id": "odd", "version": "1.0.0",
        "status": "draft", "title": title, "params": {}, "clauses": [],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert to_markdown(guide(load([path]))).splitlines()[2] == f"# {shown}"


def test_every_role_has_its_words():
    assert list(ROLES) == ["include", "ignore", "exclude", "review"]
