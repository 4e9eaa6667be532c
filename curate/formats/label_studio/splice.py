"""The edits that bring changed columns into the bytes of one list of tasks."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np

from curate.formats.json_document import Document, bulk, open_document, span_arrays
from curate.formats.json_splice import Edit, apply_edits, array_edits, field_edits, list_edits
from curate.formats.label_studio.make import (
    BOX_COLUMNS,
    LACK,
    ONE_CLASS,
    ROLE,
    Group,
    answers_of,
    grouped,
    percent_of,
    task_of,
)
from curate.formats.label_studio.names import addresses, name_of
from curate.formats.label_studio.parse import (
    Answers,
    Task,
    fields_of,
    items_of,
    owners,
    parse_task,
    value_of,
)
from curate.formats.label_studio.regions import Size, form_of, min_type, size_of
from curate.formats.label_studio.rows import annotator_of, stated_size, text_of, version_of
from curate.formats.line_files import LineImage
from curate.formats.per_image import EDGES, BoxRow, Change, is_known
from curate.formats.record_files import RecordChanges, Span
from curate.formats.writing import Lost

_OUTLINE = "its outline or turn tells it: it keeps its place"
_WHOLE = "stated for the whole annotation"
_NO_NUMBER = "no finite number: it is left as it was"
_GONE = "the task of their image is gone"
_NO_SIZE = "the size of its image is unknown: it keeps its place"
_SAID = "answers and what is said of the annotation stay as they were"
_NO_CLASS = "changed to none: the region keeps its own"
# The keys of `value` that move with each edge.
_MOVED = {"x1": ("x", "width"), "x2": ("width",), "y1": ("y", "height"), "y2": ("height",)}


@dataclass
class _Todo:
    """What is to be done to one task."""

    changed: dict[Span, Change] = field(default_factory=dict)
    removed: set[Span] = field(default_factory=set)
    added: tuple[LineImage, list[BoxRow]] | None = None


@dataclass(frozen=True)
class _Work:
    """One file being edited: its text, px of images by name, and what could not be written."""

    document: Document
    sizes: Mapping[str, Size]
    lost: Lost


def splice(body: bytes, changes: RecordChanges, lost: Lost, sizes: Mapping[str, Size]) -> bytes:
    """The file with the changes in it and every other byte as it was.

    `sizes` gives the px of images, by name, whose regions do not state them. `lost` counts the
    changes that Label Studio has no place for.
    """
    with bulk():
        document = open_document(body, "")
        work = _Work(document, sizes, lost)
        records = document.records(None)
        if records is None:
            lost["boxes", "added to a file that cannot be read"] += 1
            return body
        starts = records.starts.tolist()
        spans = list(zip(starts, records.ends.tolist(), strict=True))
        todo = _by_task(changes, starts)
        edits: list[Edit] = []
        for number, one in sorted(todo.items()):
            if spans[number] in changes.removed_images:
                lost["boxes", _GONE] += len(one.changed) + len(one.added[1] if one.added else ())
            else:
                edits += _task_edits(work, records.raws[number], spans[number], one)
        keep = np.array([span not in changes.removed_images for span in spans], np.bool_)
        fresh = [task_of(image, rows, lost) for image, rows in changes.added_images]
        return apply_edits(body, edits + array_edits(document, None, keep, fresh))


def _by_task(changes: RecordChanges, starts: list[int]) -> dict[int, _Todo]:
    todo: dict[int, _Todo] = defaultdict(_Todo)
    for span, change in changes.changed.items():
        todo[bisect_right(starts, span[0]) - 1].changed[span] = change
    for span in changes.removed:
        todo[bisect_right(starts, span[0]) - 1].removed.add(span)
    for span, added in changes.added.items():
        todo[bisect_right(starts, span[0]) - 1].added = added
    return todo


def _task_edits(work: _Work, raw: msgspec.Raw, span: Span, todo: _Todo) -> list[Edit]:
    task = parse_task(raw)
    groups: dict[Group, list[dict[str, Any]]] = {}  # JSON
    if todo.added is not None and task.is_min:
        work.lost["boxes", "JSON_MIN says too little of annotations to add to them"] += len(
            todo.added[1]
        )
    elif todo.added is not None:
        groups = grouped(todo.added[1], todo.added[0], work.lost)
    edits: list[Edit] = []
    size = _task_size(work, task)
    for answers in task.answers:
        starts, ends = span_arrays(answers.results, work.document.text)
        spans = list(zip(starts.tolist(), ends.tolist(), strict=True))
        told_by = [spans[row] for row in owners(answers)]
        for place, owner, result in zip(spans, told_by, answers.results, strict=True):
            if owner in todo.changed:
                # What is stated twice is lost once.
                own = work if owner == place else replace(work, lost=Counter())
                edits += _region_edits(own, result, (place, task.is_min, size), todo.changed[owner])
        group = next((group for group in groups if _fits(group, answers)), None)
        added = [] if group is None else groups.pop(group)
        gone = [owner in todo.removed for owner in told_by]
        if any(gone) or added:
            edits += _result_edits(work, answers, gone, added)
    return edits + _new_answers(work, task, span, groups)


def _task_size(work: _Work, task: Task) -> Size | None:
    values = (value_of(raw) for answers in task.answers for raw in answers.results)
    own = (size_of(told, []) for told in values if isinstance(told, dict))
    found = next((size for size in own if size is not None), None) or stated_size(task.data)
    names = [name_of(address) for address in addresses(task.data)]
    return found or (work.sizes.get(names[0]) if names and names[0] else None)


def _fits(group: Group, answers: Answers) -> bool:
    """Whether new boxes of a group go into an annotation or prediction that is there."""
    values = answers.values
    if group.is_prediction != answers.is_prediction:
        return False
    if group.is_prediction:
        stated = answers_of(group, []).get("model_version")
        # A score of the whole prediction would be that of every box without one.
        has_score = values.get("score") is not None
        return bool(stated == version_of(values)) and not has_score
    is_cancelled = values.get("was_cancelled") is True
    return (
        annotator_of(values.get("completed_by")) == group.annotator
        and is_cancelled == group.is_cancelled
    )


def _result_edits(
    work: _Work, answers: Answers, gone: Sequence[bool], added: list[dict[str, Any]]
) -> list[Edit]:  # JSON
    """Takes results, what is said of them and their relations out; puts new ones at the end."""
    told = [value_of(raw) for raw in answers.results]
    ids = [text_of(t.get("id")) if isinstance(t, dict) else None for t in told]
    lost_ids = {key for key, is_gone in zip(ids, gone, strict=True) if is_gone} - {None}
    keep = np.array(
        [
            not is_gone and key not in lost_ids and not _links(t, lost_ids)
            for t, key, is_gone in zip(told, ids, gone, strict=True)
        ],
        np.bool_,
    )
    fields = fields_of(answers.raw) or {}
    edits: list[Edit] = []
    # In JSON_MIN each control has a list of its own.
    names = answers.names or ["result"] * len(told)
    for name in dict.fromkeys(names or ["result"]):
        rows = [row for row, own in enumerate(names) if own == name]
        part = [answers.results[row] for row in rows]
        inside = span_arrays([fields[name]], work.document.text)[0][0] + 1
        spans = span_arrays(part, work.document.text)
        edits += list_edits(spans, keep[rows].astype(np.bool_), added, int(inside))
    if not names and added:
        inside = span_arrays([fields["result"]], work.document.text)[0][0] + 1
        empty = np.zeros(0, np.int64)
        edits += list_edits((empty, empty), np.zeros(0, np.bool_), added, int(inside))
    return edits


def _links(told: object, ids: set[str | None]) -> bool:
    if not isinstance(told, dict) or told.get("type") != "relation":
        return False
    return bool({text_of(told.get("from_id")), text_of(told.get("to_id"))} & ids)


def _new_answers(
    work: _Work, task: Task, span: Span, groups: Mapping[Group, list[dict[str, Any]]]
) -> list[Edit]:  # JSON
    """Adds annotations and predictions that are not there yet."""
    edits: list[Edit] = []
    fresh: dict[str, object] = {}
    for name, is_prediction in (("annotations", False), ("predictions", True)):
        made = [answers_of(g, r) for g, r in groups.items() if g.is_prediction == is_prediction]
        raw = task.fields.get(name)
        items = items_of(raw)
        if made and raw is not None and items is not None:
            inside = int(span_arrays([raw], work.document.text)[0][0]) + 1
            spans = span_arrays(items, work.document.text)
            edits += list_edits(spans, np.ones(len(items), np.bool_), made, inside)
        elif made:
            fresh[name] = made
    return edits + (field_edits(work.document, *span, fresh) if fresh else [])


def _region_edits(
    work: _Work, raw: msgspec.Raw, place: tuple[Span, bool, Size | None], change: Change
) -> list[Edit]:
    span, is_min, task_size = place
    told = value_of(raw)
    fields = fields_of(raw)
    if not isinstance(told, dict) or fields is None:
        return []
    kind = min_type(told) if is_min else str(told.get("type"))
    value = told if is_min else told.get("value")
    value_raw = raw if is_min else fields.get("value")
    whys: dict[str, str] = {}
    values: dict[str, object] = {}
    outer: dict[str, object] = {}
    if isinstance(value, dict) and value_raw is not None:
        size = size_of(told, []) or task_size
        values |= _new_place(kind, value, size, (change, whys))
        values |= _new_classes(kind, value, (change, whys))
    if "score" in change.columns:
        is_number = change.new.score is not None and math.isfinite(change.new.score)
        outer |= {"score": change.new.score} if is_number else {}
        whys |= {} if is_number else {"score": _NO_NUMBER}
    whys |= dict(_losses(change))
    work.lost.update((f"boxes.{k}", why) for k, why in whys.items() if k in change.columns)
    edits = field_edits(work.document, *span, outer) if outer else []
    if not values or value_raw is None:
        return edits
    starts, ends = span_arrays([value_raw], work.document.text)
    return edits + field_edits(work.document, int(starts[0]), int(ends[0]), values)


def _new_place(
    kind: str, value: dict[str, Any], size: Size | None, told: tuple[Change, dict[str, str]]
) -> dict[str, object]:  # JSON
    """New percentages; the edges that they do not hold get their reason."""
    change, whys = told
    moved = [name for name in EDGES if name in change.columns]
    form = form_of(kind)
    is_rectangle = form == "rectangle" and not value.get("rotation")
    is_point = form == "keypoint"
    edges = dict(zip(EDGES, change.new.edges, strict=True))
    if not moved:
        return {}
    if not (is_rectangle or is_point) or size is None:
        whys |= dict.fromkeys(moved, _OUTLINE if size is not None else _NO_SIZE)
        return {}
    if is_point and change.new.edges[:2] != change.new.edges[2:]:
        whys |= dict.fromkeys(moved, "a point has one place: it is left as it was")
        return {}
    percent = percent_of(change.new, size) if all(map(is_known, edges.values())) else None
    if percent is None:
        percent = _partly(change.new, size)
    wanted = {key for name in moved for key in _MOVED[name]}
    keys = wanted & {"x", "y"} if is_point else wanted
    for name in moved:
        if not all(key in percent for key in set(_MOVED[name]) & keys):
            whys[name] = _NO_NUMBER
    kept = {key for name in moved if name in whys for key in _MOVED[name]}
    return {key: percent[key] for key in sorted(keys - kept)}


def _partly(row: BoxRow, size: Size) -> dict[str, float]:
    """The percentages of the sides that are known at both ends."""
    found: dict[str, float] = {}
    axes = ((0, "x", "width"), (1, "y", "height"))
    for axis, start, side in axes:
        low, high = row.edges[axis], row.edges[axis + 2]
        if low is not None and high is not None:
            values = {start: low * 100 / size[axis], side: (high - low) * 100 / size[axis]}
            found |= {k: v for k, v in values.items() if math.isfinite(v)}
    return found


def _new_classes(
    kind: str, value: dict[str, Any], told: tuple[Change, dict[str, str]]
) -> dict[str, object]:  # JSON
    """The new list of classes; why the class is not in it otherwise."""
    change, whys = told
    if "label" not in change.columns:
        return {}
    if not change.new.label:
        whys["label"] = _NO_CLASS
        return {}
    key = kind if kind.endswith("labels") or kind == "choices" else "labels"
    if key == "labels" and "labels" not in value:
        whys["label"] = "its class stands in a record of its own: it stays as it was"
        return {}
    stated = value.get(key)
    rest = stated[1:] if isinstance(stated, list) else []
    return {key: [change.new.label, *(one for one in rest if one != change.new.label)]}


def _losses(change: Change) -> Iterator[tuple[str, str]]:
    """The changed columns that no region holds, and why."""
    for name in change.columns - BOX_COLUMNS:
        yield name, LACK
    if change.new.source_label != change.new.label:
        yield "source_label", ONE_CLASS
    yield "role", ROLE if change.new.role != "exclude" else _WHOLE
    yield "annotator", _WHOLE
    yield "attributes", _SAID
    yield "shape", "the type of the region tells it"
