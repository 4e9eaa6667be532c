"""The rules of a guide in plain words, and when a prediction is a detection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from curate.definitions.blocks import (
    Block,
    Bullets,
    Example,
    Heading,
    Line,
    Paragraph,
    Rule,
    Span,
    code,
    line,
    strong,
)
from curate.definitions.drawing import draw
from curate.definitions.guide_words import DUTIES, comma, measured, shown
from curate.definitions.model import Clause, Definition, Definitions, Excepted

_DONE = {
    "reject": "The label cannot be used as it is: draw it again, or delete it.",
    "fix": "The tool mends it when it is told to.",
    "set_ignore": "The box stays and is set to ignore: it counts neither way.",
    "flag": "It is reported, and nothing is changed.",
}
_MISSING = {
    "skip": "Where what it looks at is not known, nothing is said.",
    "fail": "Where what it looks at is not known, that counts as a fault.",
    "review": "Where what it looks at is not known, a reviewer looks.",
}
_RECORDS = {
    "box": "each box",
    "prediction": "each box of a detector",
    "image": "each image",
    "pair": "each two boxes of an image that overlap",
    "track": "each object that is followed through images",
    "dataset": "the data set as a whole",
}

_SAMPLED = {"box": "boxes", "prediction": "boxes", "image": "images", "pair": "pairs"}
_ORDERS = {
    "score_desc": "the higher score first",
    "iou_desc": "the larger overlap first",
    "box_id_asc": "the smaller id first",
}


def asks(clause: Clause) -> bool:
    """Whether a clause puts its question to a person."""
    return clause.question is not None and "review" in (clause.action, clause.missing)


def rules(definitions: Definitions) -> Iterator[Block]:
    """The rules of each definition, numbered through."""
    parts = [part for part in definitions.parts if part.clauses]
    if not parts:
        return
    yield Heading(2, "The rules", "rules")
    yield Paragraph(
        line("A rule that ", strong("must"), " hold is an error where it does not, one that ",
             strong("should"), " hold a warning; a ", strong("hint"), " is worth a look.")
    )  # fmt: skip
    if definitions.allowed_pairs:
        pairs = comma(f"{one} and {other}" for one, other in definitions.allowed_pairs)
        yield Paragraph(line(f"Boxes of these classes may share one place: {pairs}."))
    number = 0
    for part in parts:
        yield Heading(3, part.title)
        yield Paragraph(line(part.stated), is_small=True)
        for clause in part.clauses:
            number += 1
            yield _rule(number, clause, part)


def _rule(number: int, clause: Clause, part: Definition) -> Rule:
    examples = [
        Example(draw(scene, clause.record, is_right=is_right), scene.note, is_right)
        for scenes, is_right in ((clause.examples, True), (clause.counter_examples, False))
        for scene in scenes
    ]
    return Rule(
        number,
        clause.id,
        clause.title,
        clause.severity,
        DUTIES[clause.severity],
        tuple(_details(clause, part)),
        tuple(_small(clause)),
        tuple(examples),
    )


def _details(clause: Clause, part: Definition) -> Iterator[tuple[str, Line]]:
    yield "Why", line(clause.rationale)
    yield "What is done", line(" ".join(_done(clause, part)))
    if clause.params:
        yield "Numbers", line(comma(measured(*item) for item in clause.params.items()))
    if clause.exceptions:
        yield "Except", _joined(clause.exceptions)
    if clause.overridden is not None:
        yield "Changed here", line(f"because {clause.overridden}")
    changed = [name for name, value in clause.params.items() if part.params.get(name) != value]
    if changed and (clause.examples or clause.counter_examples):
        own = comma(measured(name, part.params[name]) for name in changed)
        yield "The examples", line(f"are drawn for the numbers of {part.id}: {own}")


def _joined(exceptions: Iterable[Excepted]) -> Line:
    spans: list[str | Span] = []
    for one in exceptions:
        spans += ["; " if spans else "", f"{one.because} (", code(one.when.text), ")"]
    return line(*spans)


def _done(clause: Clause, part: Definition) -> Iterator[str]:
    if clause.action != "review":
        yield _DONE[clause.action]
    if asks(clause):
        question = part.questions[str(clause.question)]
        yield f"A reviewer answers: “{question.text}”"
    if clause.sample is not None:
        of, by = _SAMPLED.get(clause.record, clause.record), comma(clause.sample.by)
        yield f"It is asked of {clause.sample.n} {of} of each {by}, drawn by lot."


def _small(clause: Clause) -> Iterator[tuple[str, Line]]:
    if clause.sides is not None:
        child, parent = clause.sides
        yield (
            "Looks at",
            line(f"each {child} (child), and the {parent} (parent) that holds most of it"),
        )
    else:
        yield "Looks at", line(_RECORDS[clause.record])
    if clause.scope is not None:
        yield "Only of boxes with", line(code(clause.scope.text))
    if clause.when is not None:
        yield "Only where", line(code(clause.when.text))
    if clause.check is not None:
        yield "Formula", line(code(clause.check.text))
    for column, mended in clause.fix.items():
        yield f"Mended {column}", line(code(mended.text))
    if clause.missing is not None:
        yield "Not known", line(_MISSING[clause.missing])
    if clause.replaces:
        yield "In place of", line(comma(clause.replaces))
    if clause.source:
        yield "Source", line("; ".join(clause.source))
    yield "Stated by", line(clause.stated_by)


def matching(definitions: Definitions) -> Iterator[Block]:
    """When a prediction counts as the detection of an object."""
    for part in definitions.parts:
        if part.kind == "matching":
            yield Heading(2, part.title, "matching")
            yield Bullets(tuple(_matching(part.values)))
            yield Heading(3, "What comes of it")
            outcomes = part.values["outcomes"].items()
            yield Bullets(
                tuple(line(strong(key.replace("_", " ")), f": {text}") for key, text in outcomes)
            )


def _matching(values: Mapping[str, Any]) -> Iterator[Line]:  # YAML values
    own, ignore = values["matching"], values["ignore"]
    limit = "counts" if own["at_limit"] == "match" else "does not count"
    least = shown(own["min_iou"])
    yield line(f"A prediction and an object are one from an overlap (IoU) of {least} on.")
    yield line(f"An overlap of just the limit {limit}.")
    for label, value in own.get("min_iou_by_class", {}).items():
        yield line(f"For {label} the limit is {shown(value)}.")
    if own["assignment"] == "greedy_by_score":
        yield line("Predictions choose their objects in turn, the highest score first.")
    else:
        yield line("Predictions and objects are paired so that the overlaps are largest in all.")
    yield line(f"Among equals: {comma(_ORDERS[word] for word in own['tie_break'])}.")
    yield line("Both have the same class." if own["class_aware"] else "The class does not matter.")
    yield line(f"The best {own['max_per_image']} predictions of an image count.")
    of = "of the prediction" if ignore["of"] == "prediction" else "of both together"
    whose = "of its class" if ignore["class_scope"] == "same" else "of its class or of none"
    covered = f"covers {shown(ignore['min_ioa'])} {of}"
    yield line(f"Without an object it counts neither way where an ignored box {whose} {covered}.")
    several = "any number of predictions" if ignore["takes_several"] else "one prediction"
    yield line(f"One ignored box takes {several}.")
    for one in values.get("ignored_when", ()):
        yield line("Ignored too: boxes with ", code(one["when"]), f", because {one['because']}.")
    if values["unlabelled"] == "only_verified":
        yield line("An image that nobody looked at for a class counts neither way for that class.")
    else:
        yield line("All images count for all classes.")
