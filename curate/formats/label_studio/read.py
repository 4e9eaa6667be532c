"""Reading Label Studio: which files are of this format, and their regions as rows."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from curate.assembly import Fault, Gathered
from curate.dataset import Dataset
from curate.errors import SourceError
from curate.formats.json_document import Document, JsonError, bulk, loose, open_document
from curate.formats.label_studio.names import addresses
from curate.formats.label_studio.parse import Task, owners, parse_task, value_of
from curate.formats.label_studio.regions import corners_of, form_of, min_type, points_of, size_of
from curate.formats.label_studio.rows import NAME, Rows, Size, stated_size
from curate.formats.reading import HEAD_BYTES, Files, Options
from curate.progress import track

__all__ = ["NAME", "claims", "extras", "gather", "gather_sized", "may_be", "outlines"]

_RESULT = re.compile(rb'"result"\s*:\s*\[')
_ANSWER_KEY = re.compile(rb'"(?:from_name|to_name|completed_by|was_cancelled|model_version)"\s*:')
_DATA = re.compile(rb'"data"\s*:\s*\{')
_TASK_KEY = re.compile(
    rb'"(?:annotations|predictions|completions|drafts|total_annotations|is_labeled)"\s*:'
)
_MIN_KEY = re.compile(rb'"(?:annotation_id|annotator)"\s*:')
_REGION_KEY = re.compile(
    rb'"(?:original_width|(?:rectangle|polygon|brush|keypoint|ellipse)labels)"'
)
_TASK_KNOWN = frozenset({"id", "data", "annotations", "completions", "predictions"})
_ANSWER_KNOWN = frozenset(
    {"id", "completed_by", "lead_time", "was_cancelled", "ground_truth", "score", "model_version"}
)
_REGION_KNOWN = frozenset(
    {
        "id", "type", "value", "from_name", "to_name", "original_width", "original_height",
        "image_rotation", "score", "origin", "parentID", "meta", "item_index", "from_id", "to_id",
        "direction", "labels",
    }
)  # fmt: skip
_OUTLINED = {"brush": "mask outline", "bitmask": "mask outline", "ellipse": "ellipse outline"}


def claims(files: Files) -> list[str]:
    """The .json files that are lists of tasks with Label Studio's keys, in either form."""
    names = [name for name in files.files if name.lower().endswith(".json")]
    return [name for name in names if _is_tasks(files, name)]


def _is_tasks(files: Files, name: str) -> bool:
    try:
        head = files.head(name, HEAD_BYTES)
    except SourceError:
        return False
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] != b"[" or text[1:].lstrip()[:1] != b"{":
        return False
    pairs = ((_RESULT, _ANSWER_KEY), (_DATA, _TASK_KEY), (_MIN_KEY, _REGION_KEY))
    return any(all(key.search(text) for key in pair) for pair in pairs)


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a file that is not recognised may be a list of tasks."""
    try:
        head = files.head(name, HEAD_BYTES)
    except SourceError:
        return False
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The images and regions of task lists.

    Regions that do not state the size of their image are taken by that of the picture, else by
    `options.size_wh`.
    """
    return gather_sized(files, names, options, {})


def gather_sized(
    files: Files, names: list[str], options: Options, sizes: dict[str, Size]
) -> Gathered:
    """As `gather`; `sizes` gives the px of images, by name, whose regions do not state them."""
    rows = Rows(options, sizes)
    kept = {}
    formats = {}
    for name in track(names, len(names), "label files"):
        try:
            body = files.body(name)
        except SourceError as error:
            mend = error.mend or "restore the file"
            rows.faults.append(Fault("SRC-002", error.what, mend, name, 1))
            continue
        kept[name], formats[name] = body, NAME
        with bulk():
            _add_file(rows, body, name)
    return Gathered(
        n_images=len(rows.images["file"]),
        n_boxes=len(rows.boxes["file"]),
        images={**rows.images},
        boxes={**rows.boxes},
        faults=rows.faults,
        files=kept,
        formats=formats,
        box_tokens=rows.tokens(),
    )


def _add_file(rows: Rows, body: Any, name: str) -> None:  # a Body
    try:
        document = open_document(body, name)
    except JsonError as error:
        line = error.place.line if error.place else None
        rows.faults.append(
            Fault("SRC-002", error.what, error.mend or "export the file again", name, line)
        )
        return
    records = document.records(None)
    if records is None:
        message = "the top level is no array, should be an array of tasks"
        rows.faults.append(Fault("SRC-002", message, "export the project as JSON", name))
        return
    if not len(records):
        message = "the list is empty: it holds no task"
        rows.faults.append(
            Fault("SRC-018", message, "nothing, if that is so; else export it again", name)
        )
        return
    rows.start_file(name)
    lines = document.lines(records.starts).tolist()
    places = zip(records.starts.tolist(), records.ends.tolist(), lines, strict=True)
    for raw, place in zip(records.raws, places, strict=True):
        rows.add_task(parse_task(raw), place)
    rows.end_file(document)


def extras(dataset: Dataset) -> Counter[str]:
    """How many values the kept task lists hold that no column carries, by level and key.

    `outline` counts what `outlines` gives.
    """
    counts: Counter[str] = Counter()
    for task in _tasks(dataset):
        if not task.is_min:
            _count(counts, "task", {k: value_of(v) for k, v in task.fields.items()}, _TASK_KNOWN)
        is_image = set(addresses(task.data))
        for key, value in task.data.items():
            parts = value if isinstance(value, list) else [value]
            is_held = all(isinstance(part, str) and part in is_image for part in parts)
            counts["data." + key] += not is_held and key not in ("width", "height")
        for answers in task.answers:
            level = "prediction" if answers.is_prediction else "annotation"
            _count(counts, level, answers.values, _ANSWER_KNOWN)
            for row, owner in enumerate(owners(answers)):
                region = value_of(answers.results[row])
                if isinstance(region, dict) and owner == row:
                    _count_region(counts, region, is_min=task.is_min)
    return +counts


def _count(
    counts: Counter[str], level: str, values: dict[str, Any], known: frozenset[str]
) -> None:  # JSON values
    for key, value in values.items():
        if key not in known and value not in (None, False, "", [], {}):
            counts[f"{level}.{key}"] += 1


def _count_region(counts: Counter[str], region: dict[str, Any], *, is_min: bool) -> None:
    kind = min_type(region) if is_min else region.get("type")
    if not is_min:
        _count(counts, "region", region, _REGION_KNOWN)
    form = form_of(kind)
    value = region if is_min else region.get("value")
    if form in _OUTLINED:
        counts[_OUTLINED[form]] += 1
    elif form == "polygon" or (
        form == "rectangle" and isinstance(value, dict) and value.get("rotation")
    ):
        counts["outline"] += 1
    elif form == "vector":
        counts["vector points"] += 1


def _tasks(dataset: Dataset) -> list[Task]:
    found = []
    for name, kind in dataset.formats.items():
        document = _document(dataset, name) if kind == NAME else None
        records = None if document is None else document.records(None)
        found += [parse_task(raw) for raw in records.raws] if records is not None else []
    return found


def _document(dataset: Dataset, name: str) -> Document | None:
    try:
        return open_document(dataset.sources.body(name), name)
    except JsonError:
        return None


def outlines(dataset: Dataset) -> dict[int, Any]:  # COCO segmentations
    """The outlines of polygons and turned rectangles by box_id, as COCO's polygons in px."""
    boxes = dataset.boxes
    kinds = boxes["file"].map(dict(dataset.formats))
    shaped = boxes["shape"].isin(["polygon", "rotated"]) & (kinds == NAME)
    wanted = boxes[shaped & boxes["start"].notna()]
    images = dataset.images.set_index("image_id")[["width", "height"]]
    found: dict[int, Any] = {}  # as above
    columns = ("box_id", "image_id", "file", "start", "end")
    for box_id, image_id, file, start, end in zip(*(wanted[c] for c in columns), strict=True):
        region = loose(dataset.sources.body(file), int(start), int(end))
        wh = stated_size(images.loc[image_id].to_dict())
        ring = _ring(region, wh) if isinstance(region, dict) else None
        if ring is not None:
            found[box_id] = [ring]
    return found


def _ring(region: dict[str, Any], wh: Size | None) -> list[float] | None:  # JSON values
    value = region.get("value", region)
    size = size_of(region, []) or wh
    if size is None or not isinstance(value, dict):
        return None
    form = form_of(region.get("type", min_type(region)))
    points = corners_of(value, size) if form == "rectangle" else points_of("polygon", value, size)
    if points is None or len(points) < 3:
        return None
    return np.asarray(points, np.float64).ravel().tolist()
