"""The guide of definitions for those who draw the boxes: what counts, by which rules, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from curate.definitions.blocks import (
    Block,
    Bullets,
    Card,
    Cards,
    Heading,
    Line,
    Page,
    Paragraph,
    Table,
    code,
    line,
    strong,
)
from curate.definitions.guide_rules import asks, matching, rules
from curate.definitions.guide_words import DUTIES, ROLES, STATUS, comma, measured, shown
from curate.definitions.model import ANY_CLASS, Decision, Definition, Definitions, MapRule
from curate.definitions.pictograms import pictogram

_EXTENTS = {
    "visible": "round what is seen of it",
    "full": "round the whole of it, hidden parts guessed",
    "head": "round its head",
}
_PHRASES = {"include": "Counts", "ignore": "Ignored", "exclude": "Background"}


def guide(definitions: Definitions) -> Page:
    """The guide of the definitions in force; its subject is the last of them, the one asked for."""
    subject = definitions.parts[-1]
    blocks = [
        *_classes(subject),
        *_phenomena(definitions),
        *rules(definitions),
        *matching(definitions),
        *_questions(definitions),
        *_mapping(definitions),
        *_changes(subject),
        *_columns(definitions),
    ]
    return Page(subject.title, subject.stated, tuple(_head(definitions)), tuple(blocks))


def _head(definitions: Definitions) -> Iterator[Line]:
    *below, subject = definitions.parts
    yield line(
        strong(subject.id), f", version {subject.version}, hash ", code(subject.digest),
        f". {STATUS[subject.status]}",
    )  # fmt: skip
    if "supersedes" in subject.values:
        yield line(f"It replaces {subject.values['supersedes']}.")
    for part in below:
        note = "" if part.status == "active" else f" ({part.status})"
        yield line(
            "It builds on ", strong(part.id), f" {part.version}+{part.digest}{note}: {part.title}."
        )


def _classes(subject: Definition) -> Iterator[Block]:
    if not subject.classes:
        return
    yield Heading(2, "The classes", "classes")
    for own, raw in zip(subject.classes, subject.values["classes"], strict=True):
        yield Heading(3, own.name)
        told = [] if own.extent is None else [f"The box goes {_EXTENTS[own.extent]}."]
        if own.definition is not None:
            told.append(f"What counts is told by {own.definition}, below.")
        if "min_side_px" in raw:
            told.append(f"Smaller ones than {shown(raw['min_side_px'])} px are ignored.")
        if told:
            yield Paragraph(line(" ".join(told)))
        groups = {"include": own.include, "ignore": own.ignore, "exclude": own.exclude}
        lines = [
            line(strong(_PHRASES[role]), f": {comma(words)}")
            for role, words in groups.items()
            if words
        ]
        if lines:
            yield Bullets(tuple(lines))


def _phenomena(definitions: Definitions) -> Iterator[Block]:
    parts = [part for part in reversed(definitions.parts) if part.decisions]
    if parts:
        yield Heading(2, "What counts, and what does not", "counts")
    for part in parts:
        yield Heading(3, part.label or part.id)
        yield Paragraph(line(f"{part.title}."))
        for role, (title, meaning) in ROLES.items():
            own = [one for one in part.decisions.values() if one.role == role]
            if own:
                yield Heading(4, title)
                yield Paragraph(line(meaning))
                yield Cards(tuple(_card(part, one, definitions) for one in own))


def _card(part: Definition, decision: Decision, definitions: Definitions) -> Card:
    lines = [line(decision.note)]
    if decision.overridden is not None:
        usual = part.values["decisions"][decision.name]["role"]
        where = definitions.parts[-1].id
        lines.append(
            line(strong("Changed"), f": {usual} by {part.id}, {decision.role} in {where}, because "
                 f"{decision.overridden}")
        )  # fmt: skip
    picture = pictogram(part.label, decision.name, decision.role)
    return Card(picture, decision.name.replace("_", " "), tuple(lines), decision.role)


def _questions(definitions: Definitions) -> Iterator[Block]:
    rows = []
    for part in definitions.parts:
        for key, question in part.questions.items():
            by = [clause.id for clause in part.clauses if clause.question == key and asks(clause)]
            if by:
                choices = "; ".join(question.choices)
                rows.append((line(question.text), line(choices), line(comma(by))))
    if rows:
        yield Heading(2, "Questions of the review", "questions")
        yield Paragraph(line("What no column tells is asked. One answer each:"))
        yield Table(("question", "answers", "asked by"), tuple(rows))


def _mapping(definitions: Definitions) -> Iterator[Block]:
    parts = [part for part in reversed(definitions.parts) if part.mapping]
    if not parts:
        return
    yield Heading(2, "How the classes of data sets are read", "mapping")
    yield Paragraph(
        line("The first row that fits is taken. A class that stands in no row is an error.")
    )
    decisions = {name: one for part in definitions.parts for name, one in part.decisions.items()}
    for part in parts:
        for vocabulary, own in part.mapping.items():
            yield Heading(3, f"{vocabulary}, by {part.id}")
            known = decisions | dict(part.decisions)
            rows = tuple(_mapped(rule, known, part.label) for rule in own)
            yield Table(("class", "where", "is taken for", "role", "to know"), rows)


def _mapped(
    rule: MapRule, decisions: Mapping[str, Decision], label: str | None
) -> tuple[Line, ...]:
    names = {None: "(no class)", ANY_CLASS: "(every other)"}
    classes = comma(names.get(name, str(name)) for name in rule.classes)
    told = [] if rule.note is None else [rule.note]
    if rule.label not in (None, label):
        told.append(f"becomes {rule.label}")
    told += [f"{key.replace('_', ' ')}: {shown(value)}" for key, value in rule.values.items()]
    return (
        line(classes),
        line() if rule.when is None else line(code(rule.when.text)),
        line(rule.decision.replace("_", " ")),
        line(decisions[rule.decision].role),
        line("; ".join(told)),
    )


def _changes(subject: Definition) -> Iterator[Block]:
    overrides = subject.values.get("overrides", ())
    if not overrides:
        return
    yield Heading(2, "What this project has otherwise", "changes")
    rows = tuple(
        (
            line(one.get("clause", one.get("decision", ""))),
            line(comma(_change(one))),
            line(one["because"]),
        )
        for one in overrides
    )
    yield Table(("of", "here", "because"), rows)


def _change(override: Mapping[str, Any]) -> Iterator[str]:  # YAML values
    if override.get("disabled"):
        yield "does not hold"
    if "role" in override:
        yield override["role"]
    if "severity" in override:
        yield f"{DUTIES[override['severity']]} ({override['severity']})"
    if "action" in override:
        yield f"what is done: {override['action'].replace('_', ' ')}"
    if "missing" in override:
        yield f"where it is not known: {override['missing']}"
    yield from (measured(name, value) for name, value in override.get("params", {}).items())


def _columns(definitions: Definitions) -> Iterator[Block]:
    columns = definitions.columns
    if not columns:
        return
    yield Heading(2, "Attributes of boxes that the rules read", "attributes")
    rows = tuple(
        (line(code(name)), line(column.kind), line(column.meaning), line(comma(column.words or ())))
        for name, column in columns.items()
    )
    yield Table(("attribute", "kind", "meaning", "values"), rows)
