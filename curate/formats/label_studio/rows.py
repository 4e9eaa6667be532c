"""The columns that grow task by task while Label Studio's lists are read."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from curate.assembly import Fault
from curate.errors import quote
from curate.formats.json_document import Document, span_arrays
from curate.formats.label_studio.names import addresses, name_of
from curate.formats.label_studio.parse import Answers, Task, owners, value_of
from curate.formats.label_studio.regions import (
    ANSWERS,
    NOWHERE,
    SHAPE_OF,
    Size,
    form_of,
    min_type,
    number_of,
    place_of,
    size_of,
)
from curate.formats.reading import Options
from curate.formats.sizes import image_size

__all__ = ["NAME", "RESERVED", "Rows", "Size", "stated_size"]

NAME = "label-studio"
# Keys of `boxes.attributes` that no control's name takes.
RESERVED = frozenset(
    {
        "annotation_id", "lead_time", "ground_truth", "was_cancelled", "model_version", "origin",
        "image_rotation", "parent_id", "meta", "labels", "relations",
    }
)  # fmt: skip
_CORRECT = "correct it in the file, or export again from Label Studio"
_IN_FULL = (
    "if they are wanted, export a snapshot of the project with predictions in full: "
    'POST /api/projects/ID/exports, "serialization_options": {"predictions": {"only_id": false}}'
)
_MAX_SIDE_PX = 2**31 - 1
# Made once: `json.dumps` makes an encoder each time.
_DUMP = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode

Place = tuple[int, int, int]  # start, end (bytes, half-open), line from 1


@dataclass
class _Region:
    """One result of an annotation or prediction: its text, its values, its type, its control."""

    raw: msgspec.Raw
    told: dict[str, Any]  # JSON values
    kind: object
    value: dict[str, Any]  # as above
    control: str


@dataclass
class _About:
    """What an annotation says of its regions beside their places, by region id."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)  # JSON values
    labels: dict[str, list[Any]] = field(default_factory=dict)  # as above
    relations: dict[str, list[Any]] = field(default_factory=dict)  # as above


def text_of(value: object) -> str | None:
    """An id as text; None for none."""
    if value is None or isinstance(value, str):
        return value or None
    return _DUMP(value)


def annotator_of(value: object) -> str | None:
    """Who an annotation is by: the e-mail address, else the user's id."""
    if isinstance(value, dict):
        value = value.get("email") or value.get("username") or value.get("id")
    return text_of(value)


def version_of(values: Mapping[str, Any]) -> object:  # JSON values
    """The model of a prediction; None for none, which a server of 1.23.2 turns to `undefined`."""
    version = values.get("model_version")
    return None if version == "undefined" else version or None


def stated_size(values: Mapping[Any, Any]) -> Size | None:  # JSON values or cells
    """The px of `width` and `height`; None unless both are whole and above 0."""
    sides = [number_of(values.get(name)) for name in ("width", "height")]
    whole = [int(v) for v in sides if v is not None and 0 < v <= _MAX_SIDE_PX and v == int(v)]
    return (whole[0], whole[1]) if len(whole) == 2 else None


class Rows:
    """The columns of images and boxes, and the faults met."""

    def __init__(self, options: Options, sizes: Mapping[str, Size]) -> None:
        self.images: dict[str, list[Any]] = {  # values of many types
            name: []
            for name in (
                "image_name", "width", "height", "declared_width", "declared_height",
                "label_state", "source_id", "file", "line", "start", "end",
            )
        }  # fmt: skip
        self.boxes: dict[str, list[Any]] = {  # values of many types
            name: []
            for name in (
                "image_row", "shape", "source_label", "label", "role", "x1", "y1", "x2", "y2",
                "angle_deg", "score", "origin", "annotator", "attributes", "source_id", "file",
            )
        }  # fmt: skip
        self.boxes |= {"line": [], "start": [], "end": []}
        self.faults: list[Fault] = []
        self._options, self._sizes = options, sizes
        self._contents: list[str] = []
        self.start_file("")

    def start_file(self, file: str) -> None:
        """Begins another file."""
        self._file = file
        self._raws: list[msgspec.Raw] = []
        self._pending: list[tuple[Fault, msgspec.Raw]] = []
        self._skipped: Counter[str] = Counter()
        self._n_named: Counter[str] = Counter()
        self._n_cancelled = 0
        self._min_rows: dict[tuple[str, ...], list[int]] = {}

    def end_file(self, document: Document) -> None:
        """Sets the places of the file's boxes and faults, and adds its notes."""
        starts, ends = span_arrays(self._raws, document.text)
        self.boxes["start"] += starts.tolist()
        self.boxes["end"] += ends.tolist()
        self.boxes["line"] += document.lines(starts).tolist()
        spots = span_arrays([raw for _, raw in self._pending], document.text)[0]
        lines = document.lines(spots).tolist()
        faults = [fault for fault, _ in self._pending]
        self.faults += [replace(f, line=n) for f, n in zip(faults, lines, strict=True)]
        kept = "nothing: their bytes are kept"
        for kind, count in sorted(self._skipped.items()):
            what = f"{count} results of type {quote(kind)} tell no place in an image: left out"
            self.faults.append(Fault("SRC-013", what, kept, self._file))
        for kind, count in sorted(self._n_named.items()):
            what = f"{count} {kind} are named by their ids alone, and stand nowhere in the file"
            self.faults.append(Fault("SRC-013", what, _IN_FULL, self._file))
        if self._n_cancelled:
            what = f"{self._n_cancelled} annotations were cancelled: their boxes are excluded"
            self.faults.append(Fault("SRC-013", what, kept, self._file))

    def tokens(self) -> list[str] | None:
        """What tells the boxes of an image apart; None where the regions' own ids do.

        Regions without an id, or whose annotations share one, are told by their annotation, class
        and percentages: px would change with the pictures that are at hand.
        """
        places = list(zip(self.boxes["image_row"], self.boxes["source_id"], strict=True))
        counts = Counter(places)
        if all(count == 1 and place[1] for place, count in counts.items()):
            return None
        seen: Counter[tuple[int, str]] = Counter()
        tokens = []
        for place, content in zip(places, self._contents, strict=True):
            token = place[1]
            if token is None or counts[place] > 1:
                seen[place[0], content] += 1
                token = f"{content}|{seen[place[0], content]}"
            tokens.append(token)
        return tokens

    def add_task(self, task: Task, place: Place) -> None:
        """One more record of the list."""
        answers = [(one, self._regions(task, one)) for one in task.answers]
        rows = self._image_rows(task, place)
        own = [size_of(r.told, []) for _, regions in answers for r in regions]
        size = next((s for s in own if s is not None), None) or stated_size(task.data)
        if len({s for s in own if s is not None}) > 1 and len(rows) == 1:
            what = "its regions state different original sizes, should be the image's"
            self._fault("SRC-011", what, place, rows[0])
        for row in rows:
            size_here = size or self._fallback(row)
            for name in ("width", "declared_width", "height", "declared_height"):
                if self.images[name][row] is None and size_here is not None:
                    self.images[name][row] = size_here[name.endswith("height")]
        self._n_named += task.n_named
        for problem in task.problems:
            self._fault("SRC-001", f"the task {problem}", place, rows[0])
        for one, regions in answers:
            self._add_answers(one, regions, rows)

    def _fault(self, code: str, what: str, place: Place, row: int) -> None:
        source_id = self.images["source_id"][row]
        self.faults.append(
            Fault(code, what, _CORRECT, self._file, place[2], source_id, images=(row,))
        )

    def _image_rows(self, task: Task, place: Place) -> list[int]:
        """The rows of the task's images, which are new unless JSON_MIN has told of them."""
        task_id = text_of(task.id)
        found = addresses(task.data)
        names = [name_of(address) for address in found] or [None]
        key = (str(task_id), *map(str, names))
        if task.is_min and key in self._min_rows:
            return self._min_rows[key]
        first = len(self.images["file"])
        rows = list(range(first, first + len(names)))
        for number, (row, own_name) in enumerate(zip(rows, names, strict=True)):
            tail = f"-{number}" if number else ""
            values = (
                own_name or f"task-{task_id or row}{tail}", None, None, None, None, "missing",
                task_id, self._file, place[2], place[0], place[1],
            )  # fmt: skip
            for column, value in zip(self.images.values(), values, strict=True):
                column.append(value)
            if not found and not task.problems:
                what = "the task names no image in its data, should have its address there"
                self._fault("SRC-001", what, place, row)
            elif own_name is not None and ".." in own_name.replace("\\", "/").split("/"):
                what = f"the image is {quote(own_name)}, should be a path below the image folder"
                self._fault("SRC-001", what, place, row)
        self._min_rows[key] = rows
        return rows

    def _fallback(self, row: int) -> Size | None:
        name = str(self.images["image_name"][row])
        return self._sizes.get(name) or image_size(self._options, name).wh

    def _regions(self, task: Task, one: Answers) -> list[_Region]:
        regions = []
        for number, owner in enumerate(owners(one)):
            if owner != number:
                continue
            raw = one.results[number]
            told = value_of(raw)
            if not isinstance(told, dict):
                what = f"a result is {quote(told)}, should be an object"
                self._pending.append((Fault("SRC-001", what, _CORRECT, self._file), raw))
            elif task.is_min:
                regions.append(_Region(raw, told, min_type(told), told, one.names[number]))
            else:
                value, control = told.get("value"), told.get("from_name")
                regions.append(
                    _Region(
                        raw, told, told.get("type"), value if isinstance(value, dict) else {},
                        control if isinstance(control, str) else "answer",
                    )
                )  # fmt: skip
        return regions

    def _add_answers(self, one: Answers, regions: list[_Region], rows: list[int]) -> None:
        values = one.values
        is_cancelled = values.get("was_cancelled") is True
        self._n_cancelled += is_cancelled
        if not one.is_prediction and not is_cancelled:
            for row in rows:
                if self.images["label_state"][row] == "missing":
                    self.images["label_state"][row] = "empty"
        told: dict[str, Any] = {  # JSON values
            "annotation_id": None if one.is_prediction else values.get("id"),
            "lead_time": values.get("lead_time"),
            "ground_truth": values.get("ground_truth") or None,
            "was_cancelled": is_cancelled or None,
            "model_version": version_of(values),
        }
        told = {key: value for key, value in told.items() if value is not None}
        owner = f"{'p' if one.is_prediction else 'a'}{text_of(values.get('id'))}"
        common = (
            "exclude" if is_cancelled else "include",
            "detector" if one.is_prediction else "human",
            annotator_of(values.get("completed_by")),
        )
        about = _about(regions)
        drawn = {text_of(r.told.get("id")) for r in regions if form_of(r.kind)} - {None}
        for region in regions:
            region_id = text_of(region.told.get("id"))
            if form_of(region.kind) is None and (
                region.kind != "choices" or region_id in drawn or "from_id" in region.told
            ):
                is_about = region_id in drawn or region.kind == "relation"
                if not is_about:
                    self._skipped[str(region.kind)] += 1
                continue
            said = _said(region, about)
            place = [region.value.get(key) for key in ("x", "y", "width", "height")]
            self._contents.append(f"{owner}:{region_id}|{said['all labels']}{place}")
            row = _row_of(region.told, rows)
            score = region.told.get("score")
            if score is None and one.is_prediction:
                score = values.get("score")
            self._add_region(region, row, (*common, score), told | said)
            if not one.is_prediction and not is_cancelled:
                self.images["label_state"][row] = "present"

    def _add_region(
        self,
        region: _Region,
        row: int,
        common: tuple[str, str, str | None, object],
        said: dict[str, Any],  # JSON values
    ) -> None:
        problems: list[str] = []
        role, origin, annotator, score = common
        shape, edges, angle, is_sized = self._place(region, row, problems)
        labels = said.pop("all labels")
        names = [label for label in labels if isinstance(label, str) and label]
        if len(names) != len(labels):
            problems.append(f"has classes {quote(labels)}, should be texts")
        number = number_of(score)
        if score is not None and number is None:
            problems.append(f"has score {quote(score)}, should be a number")
        if len(names) > 1:
            said["labels"] = names
        label = names[0] if names else None
        region_id = text_of(region.told.get("id"))
        values = (
            row, shape, label, label, role, *edges, math.nan if angle is None else angle,
            math.nan if number is None else number, origin, annotator,
            _DUMP(said) if said else None, region_id,
            self._file,
        )  # fmt: skip
        box_row = len(self.boxes["file"])
        for column, value in zip(self.boxes.values(), values, strict=False):
            column.append(value)
        self._raws.append(region.raw)
        faults = [("SRC-001", problem, _CORRECT) for problem in problems]
        if not is_sized:
            what = "states no size of its image, and the picture was not found"
            mend = "give the pictures with --images DIR, or one size for all with --size WxH"
            faults.append(("SRC-015", what, mend))
        if not labels:
            faults.append(("SRC-009", "has no class", "give the region a class"))
        elif len(names) > 1:
            what = f"has {len(names)} classes, a box has one: the first is taken"
            faults.append(("SRC-013", what, "nothing: all are in its attributes"))
        self._pending += [
            (
                Fault(code, f"the region {problem}", mend, self._file, None, region_id,
                      images=(row,), boxes=(box_row,)),
                region.raw,
            )
            for code, problem, mend in faults
        ]  # fmt: skip

    def _place(
        self, region: _Region, row: int, problems: list[str]
    ) -> tuple[str, tuple[float, ...], float | None, bool]:
        """Shape, edges (px), angle (degrees), and whether the size of the image is known."""
        form = form_of(region.kind)
        if form is None:
            return "tag", NOWHERE, None, True
        size = size_of(region.told, problems)
        width, height = self.images["width"][row], self.images["height"][row]
        if size is None and width is not None:
            size = width, height
        if size is None:
            return SHAPE_OF[form], NOWHERE, None, form in ("brush", "bitmask")
        return (*place_of(form, region.value, size, problems), True)


def _row_of(told: dict[str, Any], rows: list[int]) -> int:  # JSON values
    """The row of the image that a region of a task of several images lies in."""
    number = told.get("item_index")
    is_one = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(rows)
    return rows[number] if is_one and number is not None else rows[0]


def _about(regions: list[_Region]) -> _About:
    """What the results of one annotation say of its regions."""
    about = _About()
    for region in regions:
        told = region.told
        if region.kind == "relation":
            link = {"to": told.get("to_id"), "direction": told.get("direction")}
            link["labels"] = told.get("labels")
            kept = {key: value for key, value in link.items() if value}
            about.relations.setdefault(str(text_of(told.get("from_id"))), []).append(kept)
            continue
        region_id = text_of(told.get("id"))
        if region_id is None or form_of(region.kind):
            continue
        if region.kind == "labels":
            stated = region.value.get("labels")
            about.labels[region_id] = stated if isinstance(stated, list) else []
        elif isinstance(region.kind, str) and region.kind in ANSWERS:
            answer = region.value.get(ANSWERS[region.kind])
            if isinstance(answer, list) and len(answer) == 1:
                answer = answer[0]
            name = region.control
            name = f"answer {name}" if name in RESERVED else name
            about.answers.setdefault(region_id, {})[name] = answer
    return about


def _said(region: _Region, about: _About) -> dict[str, Any]:  # JSON values
    """What goes into a region's attributes, and under `all labels` its classes."""
    told, region_id = region.told, text_of(region.told.get("id")) or ""
    said: dict[str, Any] = {}  # as above
    if form_of(region.kind):
        said |= about.answers.get(region_id, {})
    if told.get("origin") not in (None, "manual"):
        said["origin"] = told["origin"]
    if told.get("image_rotation"):
        said["image_rotation"] = told["image_rotation"]
    if told.get("parentID"):
        said["parent_id"] = told["parentID"]
    if told.get("meta"):
        said["meta"] = told["meta"]
    if region_id in about.relations:
        said["relations"] = about.relations[region_id]
    key = region.kind if isinstance(region.kind, str) else ""
    labels = region.value.get(key, region.value.get("labels", about.labels.get(region_id)))
    said["all labels"] = labels if isinstance(labels, list) else [] if labels is None else [labels]
    return said
