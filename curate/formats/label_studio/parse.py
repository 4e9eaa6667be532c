"""Label Studio JSON cut into tasks, annotations and regions with their places, value by value.

Each level is decoded by itself, so that one that is broken hides no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from curate.formats.json_document import loose, repaired
from curate.formats.label_studio.regions import ANSWERS

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_ANY = msgspec.json.Decoder()
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_KINDS = ("annotations", "completions", "predictions")
# Of JSON_MIN: what is not an answer.
_MIN_KEYS = frozenset(
    {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"}
)


@dataclass
class Answers:
    """One annotation or prediction: its values by key, and its results as text.

    `raw` is the object itself. In JSON_MIN it is the task, and `results` are those of all keys,
    which `names` tells one by one.
    """

    raw: msgspec.Raw
    is_prediction: bool
    values: dict[str, Any]
    results: list[msgspec.Raw]
    names: list[str] = field(default_factory=list)


@dataclass
class Task:
    """One record of the file. `problems` is what is wrong with it in words.

    `n_named` counts, by kind, the annotations and predictions that are named by their ids alone.
    """

    id: Any  # a JSON value
    data: dict[str, Any]  # as above
    answers: list[Answers]
    is_min: bool = False
    problems: list[str] = field(default_factory=list)
    fields: dict[str, msgspec.Raw] = field(default_factory=dict)
    n_named: Counter[str] = field(default_factory=Counter)


def fields_of(raw: msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    """The fields of an object; None for what is none, or has keys that are no text."""
    try:
        return _FIELDS.decode(raw)
    except _NOT_JSON:
        return None


def items_of(raw: msgspec.Raw | None) -> list[msgspec.Raw] | None:
    """The items of an array; None for what is none."""
    try:
        return None if raw is None else _ITEMS.decode(raw)
    except _NOT_JSON:
        return None


def value_of(raw: msgspec.Raw | None) -> Any:  # a JSON value
    """The value of a text; None for one that cannot be decoded at all."""
    if raw is None:
        return None
    try:
        return _ANY.decode(raw)
    except _NOT_JSON:
        body = repaired(bytes(raw))
        return loose(body, 0, len(body))


def parse_task(raw: msgspec.Raw) -> Task:
    """One record of the list, in either form."""
    fields = fields_of(raw)
    if fields is None:
        return Task(None, {}, [], problems=["is no JSON object, should be a task"])
    if "data" not in fields and not any(name in fields for name in _KINDS):
        return _min_task(raw, fields)
    problems: list[str] = []
    data = value_of(fields.get("data"))
    if not isinstance(data, dict):
        problems.append("has no data, should name its image there")
        data = {}
    task = Task(value_of(fields.get("id")), data, [], False, problems, fields)
    for kind in _KINDS:
        task.answers += _answers(fields.get(kind), kind, task)
    return task


def _answers(raw: msgspec.Raw | None, kind: str, task: Task) -> Iterator[Answers]:
    if raw is None or bytes(raw) == b"null":
        return
    items = items_of(raw)
    if items is None:
        task.problems.append(f"has {kind} that are no list")
        return
    for item in items:
        fields = fields_of(item)
        if fields is None:
            if isinstance(value_of(item), int):
                task.n_named[kind] += 1
            else:
                task.problems.append(f"has one of its {kind} that is no object")
            continue
        results = items_of(fields.get("result"))
        if results is None:
            task.problems.append(f"has {kind} without a list `result`")
        values = {key: value_of(text) for key, text in fields.items() if key != "result"}
        yield Answers(item, kind == "predictions", values, results or [])


def _min_task(raw: msgspec.Raw, fields: dict[str, msgspec.Raw]) -> Task:
    """A record of JSON_MIN: one annotation, its answers beside the task's own data."""
    results: list[msgspec.Raw] = []
    names: list[str] = []
    data: dict[str, Any] = {}  # JSON values
    values: dict[str, Any] = {}  # as above
    for key, text in fields.items():
        items = items_of(text)
        if items and all(map(_is_region, items)):
            results += items
            names += [key] * len(items)
        elif key in _MIN_KEYS:
            values[key] = value_of(text)
        else:
            data[key] = value_of(text)
    own = {"id": values.get("annotation_id"), "completed_by": values.get("annotator")}
    own |= {"lead_time": values.get("lead_time")}
    # A task without an annotation has no such keys.
    is_answered = bool(results) or values.get("annotation_id") is not None
    answers = [Answers(raw, False, own, results, names)] if is_answered else []
    return Task(values.get("id"), data, answers, True, [], fields)


def _is_region(raw: msgspec.Raw) -> bool:
    fields = fields_of(raw)
    if fields is None:
        return False
    # What is said of a region has the region's place beside it.
    is_answer = any(key in fields for key in ANSWERS.values())
    has_class = any(key.endswith("labels") for key in fields)
    return has_class or ("original_width" in fields and not is_answer)


def owners(answers: Answers) -> list[int]:
    """For each result its own row, or that of the result which states its class.

    Where a control of its own gives the classes, JSON_MIN states each place twice, without an id:
    once alone and once with the class.
    """
    rows = list(range(len(answers.results)))
    if not answers.names:
        return rows
    told = [fields_of(raw) or {} for raw in answers.results]
    places = [frozenset((k, bytes(v)) for k, v in one.items() if k != "labels") for one in told]
    has_class = ["labels" in one for one in told]
    with_class = {place: row for row, place in enumerate(places) if has_class[row]}
    return [row if has_class[row] else with_class.get(places[row], row) for row in rows]
