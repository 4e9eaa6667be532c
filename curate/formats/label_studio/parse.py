"""Label Studio JSON cut into tasks, annotations and regions with their places, value by value.

Each level is decoded by itself, so that one that is broken hides no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from curate.formats.json_document import loose, repaired

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
    """One record of the file. `problems` is what is wrong with it in words."""

    id: Any  # a JSON value
    data: dict[str, Any]  # as above
    answers: list[Answers]
    is_min: bool = False
    problems: list[str] = field(default_factory=list)
    fields: dict[str, msgspec.Raw] = field(default_factory=dict)


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
    answers: list[Answers] = []
    for kind in _KINDS:
        answers += _answers(fields.get(kind), kind, problems)
    return Task(value_of(fields.get("id")), data, answers, False, problems, fields)


def _answers(raw: msgspec.Raw | None, kind: str, problems: list[str]) -> Iterator[Answers]:
    if raw is None or bytes(raw) == b"null":
        return
    items = items_of(raw)
    if items is None:
        problems.append(f"has {kind} that are no list")
        return
    for item in items:
        fields = fields_of(item)
        if fields is None:
            # Short exports name annotations by their ids alone.
            if not isinstance(value_of(item), int):
                problems.append(f"has one of its {kind} that is no object")
            continue
        results = items_of(fields.get("result"))
        if results is None:
            problems.append(f"has {kind} without a list `result`")
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
    return fields is not None and any(
        key.endswith("labels") or key == "original_width" for key in fields
    )
