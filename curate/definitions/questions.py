"""The labelling configuration of Label Studio that puts the questions of definitions.

Tags and attributes are those of labelstud.io/tags (View, Image, RectangleLabels, Choices, Choice,
Header, TextArea), checked against a server of 1.23.2. The names of its image and its classes,
`image` and `label`, are those of the tasks that `curate export --to label-studio` writes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from curate.definitions.guide_rules import asks
from curate.definitions.markup import element
from curate.definitions.model import Clause, Definition, Definitions, Question
from curate.errors import UsageError, quote

IMAGE, LABEL, NOTE = "image", "label", "note"
# Records that are answered for at a box.
_OF_BOXES = ("box", "prediction", "pair")
_HINTS = {
    "pair": "Select the box that the finding names first, and answer there.",
    "track": "Answer for the object in all its images.",
    "dataset": "Answer for the data set as a whole.",
}
# Colours that can be told apart by most people (Okabe and Ito, Color Universal Design, 2008).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
_SELECTED = "region-selected"
_VARIABLE = re.compile(r"\$[A-Za-z_{\[]")


@dataclass(frozen=True)
class Asked:
    """One question of the form.

    Parameters
    ----------
    name
        The name of its control, which its answers carry.
    label
        The class of the boxes that it is about; None: of any.
    clauses
        The clauses that put it.
    """

    name: str
    question: Question
    label: str | None
    clauses: tuple[Clause, ...]

    @property
    def is_of_box(self) -> bool:
        """Whether each box has an answer of its own, and not the image."""
        return any(clause.record in _OF_BOXES for clause in self.clauses)

    @property
    def is_required(self) -> bool:
        """Whether no image can do without an answer: it is asked of images, not of their faults."""
        return any(one.record == "image" and one.check is None for one in self.clauses)


def asked(definitions: Definitions) -> list[Asked]:
    """The questions that clauses put to people, in the order of the definitions.

    A question that several definitions state is one: a key has one question. What is put of boxes
    and of images is two, and the second one's name ends with `_image`.
    """
    found: dict[tuple[str, Question, bool], list[tuple[Definition, Clause]]] = {}
    for part in definitions.parts:
        for clause in part.clauses:
            if asks(clause):
                key = str(clause.question)
                place = (key, part.questions[key], clause.record in _OF_BOXES)
                found.setdefault(place, []).append((part, clause))
    result = []
    for (key, question, is_of_box), by in found.items():
        ending = "-image" if not is_of_box and (key, question, True) in found else ""
        name = re.sub(r"[^a-z0-9]", "_", f"{key}{ending}".lower())
        labels = {part.label for part, _ in by}
        label = labels.pop() if len(labels) == 1 else None
        result.append(Asked(name, question, label, tuple(clause for _, clause in by)))
    return result


def to_xml(definitions: Definitions) -> str:
    """The labelling configuration, ending in a line feed.

    Raises
    ------
    UsageError
        For definitions that ask nothing or have no classes, and for a `$` before a letter:
        Label Studio puts a value of the task in its place.
    """
    subject, questions = definitions.parts[-1], asked(definitions)
    labels = _labels(definitions)
    if not questions or not labels:
        raise UsageError(
            f"{subject.id} {'asks nothing' if labels else 'has no classes'}, a form needs both "
            "questions and classes",
            place=subject.place,
            mend="give a definition of a class such as person, or a project",
        )
    _refuse_variables(definitions, labels, questions)
    colours = itertools.cycle(_COLOURS)
    names = [
        element("Label", value=label, background=colour)
        for label, colour in zip(labels, colours, strict=False)
    ]
    of_boxes = [_block(one, labels) for one in questions if one.is_of_box]
    of_images = [_block(one, labels) for one in questions if not one.is_of_box]
    note = element("TextArea", name=NOTE, toName=IMAGE, perRegion="true", rows="1",
                   visibleWhen=_SELECTED, placeholder="What the answers cannot say")  # fmt: skip
    parts = [
        f"<!-- curate define questions: {subject.stated} -->",
        element("Image", name=IMAGE, value="$image", zoom="true"),
        _lines("RectangleLabels", names, name=LABEL, toName=IMAGE, canRotate="false"),
        *of_images,
        *of_boxes,
        note,
    ]
    return _lines("View", parts) + "\n"


def _labels(definitions: Definitions) -> list[str]:
    """The classes of boxes: those that the project trains, else those that are defined."""
    trained = [one.name for one in definitions.parts[-1].classes]
    defined = [part.label for part in definitions.parts if part.label is not None]
    return trained or list(dict.fromkeys(defined))


def _refuse_variables(
    definitions: Definitions, labels: Iterable[str], questions: Iterable[Asked]
) -> None:
    texts = [(definitions.parts[-1].place, label) for label in labels]
    for one in questions:
        texts += [
            (one.clauses[0].place, word) for word in (one.question.text, *one.question.choices)
        ]
    for place, words in texts:
        if _VARIABLE.search(words):
            raise UsageError(
                f"{quote(words)} holds a $ before a letter, which Label Studio takes for a value "
                "of the task",
                place=place,
                mend="write it in words",
            )


def _block(one: Asked, labels: Sequence[str]) -> str:
    # A comma would part two classes.
    shown = {"visibleWhen": _SELECTED} if one.is_of_box else {}
    if one.is_of_box and one.label is not None and one.label in labels and "," not in one.label:
        shown["whenLabelValue"] = one.label
    choices = [element("Choice", value=choice) for choice in one.question.choices]
    attributes = {
        "name": one.name, "toName": IMAGE, "choice": "single", "showInline": "true",
        **({"perRegion": "true"} if one.is_of_box else {}),
        **({"required": "true", "requiredMessage": one.question.text} if one.is_required else {}),
        **shown,
    }  # fmt: skip
    header = element("Header", value=_told(one), size="5")
    return _lines("View", [header, _lines("Choices", choices, **attributes)], **shown)


def _told(one: Asked) -> str:
    records = {clause.record for clause in one.clauses}
    hint = _HINTS.get(records.pop()) if len(records) == 1 else None
    return one.question.text if hint is None else f"{one.question.text} {hint}"


def _lines(name: str, parts: Iterable[str], /, **attributes: str) -> str:
    """An element with each of its parts on lines of their own."""
    inside = "".join(f"\n  {line}" for part in parts for line in part.split("\n"))
    return element(name, inside, "\n", **attributes)
