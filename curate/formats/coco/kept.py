"""COCO written back: kept records byte for byte, with only what has changed spliced in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.errors import OutputError, Place
from curate.formats.coco.document import Document, bulk, open_document
from curate.formats.coco.make import (
    annotation_of,
    attributes_of,
    image_of,
    is_crowd,
    number_of,
    plain,
    result_of,
    stated,
)
from curate.formats.coco.records import Annotation, decode_all
from curate.formats.coco.splice import Edit, apply_edits, array_edits, bbox_edits, field_edits
from curate.formats.per_image import confined, holds_box
from curate.formats.writing import Changes, Loss, LossReport, changes_since

_NO_KEY = "changed, and COCO has no key for it"
_NO_NUMBER = "changed to no number: the record keeps its own"
_NO_CLASS = "changed to none: the record keeps its own"
# Position of each edge's number in `bbox`, and of the side that moves with it.
_PARTS = {"x1": (0, 2), "y1": (1, 3), "x2": (2,), "y2": (3,)}
_IMAGE_KEYS = {"width": "width", "height": "height", "image_key": "file_name"}


@dataclass
class _Work:
    """What writing back is about: the changes, the ids in use, and what could not be written."""

    dataset: Dataset
    original: Dataset
    changes: Changes
    image_ids: dict[int, int | str]
    home: dict[int, str]  # image_id to the annotation file that its boxes go into
    lost: Counter[tuple[str, str]] = field(default_factory=Counter)
    n_images: int = 0
    n_boxes: int = 0


@dataclass
class _File:
    """One file being edited: its text, its class ids by label, and the edits so far."""

    name: str
    document: Document
    is_results: bool
    class_ids: dict[str, int | str]
    edits: list[Edit] = field(default_factory=list)

    @property
    def field(self) -> str | None:
        """The array of its box records; None when the whole document is that array."""
        return None if self.is_results else "annotations"


def write_kept(dataset: Dataset, folder: Path, original: Dataset) -> LossReport:
    """One output per input file; only the bytes of what has changed since reading change.

    A number of `bbox` changes with its edge alone: a moved x2 leaves x, y and height as they
    were. Boxes and images that are new go into the file of their image, else into the first
    annotation file. What COCO has no key for, or no value (a null class, an edge that is no
    number), stays as it was and is counted as lost.

    Raises
    ------
    OutputError
        When `attributes` of a changed box are no JSON object, or a file's name leads out of the
        folder.
    """
    changes = changes_since(dataset, original)
    files = sorted(f for f, kind in dataset.formats.items() if kind.startswith("coco"))
    work = _Work(
        dataset,
        original,
        changes,
        _image_ids(dataset, original),
        _homes(dataset, original, files),
        n_images=len(dataset.images),
        n_boxes=len(dataset.boxes),
    )
    names = dataset.sources.names()
    for name in names:
        body = dataset.sources.read(name)
        if name in files and not (changes.none and not _reindexed(dataset, name)):
            with bulk():
                body = _edited(body, name, work)
        target = confined(folder, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
    losses = tuple(Loss(name, n, why) for (name, why), n in sorted(work.lost.items()))
    return LossReport("coco", len(names), work.n_images, work.n_boxes, losses)


def _homes(dataset: Dataset, original: Dataset, files: list[str]) -> dict[int, str]:
    labels = [file for file in files if dataset.formats[file] == "coco"]
    homes = dict(zip(original.images["image_id"], original.images["file"], strict=True))
    first = labels[0] if labels else files[0]
    return {
        image_id: homes[image_id] if homes.get(image_id) in files else first
        for image_id in dataset.images["image_id"].tolist()
    }


def _reindexed(dataset: Dataset, file: str) -> bool:
    """Whether the class ids of a results file were read as indices, and so have to be replaced."""
    parts = [p for p in dataset.options.get("parts", []) if file.startswith(p["prefix"])]
    is_results = dataset.formats[file] == "coco-results"
    return is_results and any(p["class_ids"] == "index" and p["truth"] for p in parts)


def _edited(body: bytes, name: str, work: _Work) -> bytes:
    is_results = work.dataset.formats[name] == "coco-results"
    file = _File(
        name, open_document(body, name), is_results, _class_ids(work, name, is_results=is_results)
    )
    added = _added_boxes(work, file)
    _edit_classes(work, file, added)
    _edit_boxes(work, file)
    _edit_box_list(work, file, added)
    if not is_results:
        _edit_images(work, file)
    return apply_edits(body, file.edits)


def _class_ids(work: _Work, name: str, *, is_results: bool) -> dict[str, int | str]:
    ids: dict[str, int | str] = {}
    for table in (work.original.classes, work.dataset.classes):
        for owner, source_id, label in table[["file", "source_id", "label"]].values:
            if is_results or owner == name:
                ids[str(label)] = number_of(source_id)
    return ids


def _edit_classes(work: _Work, file: _File, added: pd.DataFrame) -> None:
    """Renames classes whose label changed in the classes table; adds those that boxes now have."""
    if file.is_results:
        return
    old = work.original.classes[(work.original.classes["file"] == file.name).to_numpy()]
    new = work.dataset.classes[(work.dataset.classes["file"] == file.name).to_numpy()]
    now = dict(zip(new["source_id"], new["label"], strict=True))
    records = file.document.records("categories")
    if records is not None and len(records) == len(old):
        spans = zip(records.starts.tolist(), records.ends.tolist(), strict=True)
        for (start, end), (source_id, label) in zip(
            spans, old[["source_id", "label"]].values, strict=True
        ):
            if now.get(source_id, label) != label:
                file.edits += field_edits(file.document, start, end, {"name": now[source_id]})
    boxes = work.dataset.boxes[(work.dataset.boxes["file"] == file.name).to_numpy()]
    labels = set(boxes["label"].dropna()) | set(added["label"].dropna())
    following = max((v for v in file.class_ids.values() if isinstance(v, int)), default=0)
    fresh = []
    for number, label in enumerate(sorted(labels - set(file.class_ids)), following + 1):
        file.class_ids[label] = number
        fresh.append({"id": number, "name": label})
    keep = np.ones(0 if records is None else len(records), np.bool_)
    file.edits += array_edits(file.document, "categories", keep, fresh)


def _edit_boxes(work: _Work, file: _File) -> None:
    boxes = work.dataset.boxes[(work.dataset.boxes["file"] == file.name).to_numpy()]
    changed = dict(work.changes.changed)
    if _reindexed(work.dataset, file.name):
        for box_id in boxes["box_id"].tolist():
            changed[box_id] = changed.get(box_id, frozenset()) | {"label"}
    for row in boxes[boxes["box_id"].isin(changed)].to_dict("records"):
        columns = changed[row["box_id"]]
        start, end = int(row["start"]), int(row["end"])
        values = _changed_values(row, columns, work, file)
        file.edits += field_edits(file.document, start, end, values)
        numbers = _changed_edges(row, columns, work.lost)
        if numbers:
            file.edits += bbox_edits(file.document, start, end, numbers)


def _changed_edges(
    row: Mapping[Any, Any], columns: frozenset[str], lost: Counter[tuple[str, str]]
) -> dict[int, float | int]:
    """The numbers of `bbox` that change, by their position in it."""
    x1, y1, x2, y2 = (row[name] for name in ("x1", "y1", "x2", "y2"))
    numbers = (x1, y1, x2 - x1, y2 - y1)
    moved: dict[int, float | int] = {}
    for name in sorted(columns & _PARTS.keys()):
        if all(math.isfinite(numbers[at]) for at in _PARTS[name]):
            moved |= {at: plain(numbers[at]) for at in _PARTS[name]}
        else:
            lost[f"boxes.{name}", _NO_NUMBER] += 1
    return moved


def _changed_values(
    row: Mapping[Any, Any], columns: frozenset[str], work: _Work, file: _File
) -> dict[str, object]:
    """The keys of the record that change, with their new values; the rest is counted as lost."""
    values: dict[str, object] = {}
    for name in sorted(columns - _PARTS.keys()):
        if name == "label" and pd.isna(row["label"]):
            work.lost["boxes.label", _NO_CLASS] += 1
        elif name == "label" and row["label"] in file.class_ids:
            values["category_id"] = file.class_ids[row["label"]]
        elif name == "image_id":
            values["image_id"] = work.image_ids[row["image_id"]]
        elif name in ("is_group", "role"):
            values["iscrowd"] = is_crowd(row)
        elif name in ("declared_area", "score"):
            values["area" if name == "declared_area" else "score"] = stated(row[name])
        elif name == "attributes":
            values["attributes"] = _attributes(row)
        elif name != "source_label" or "label" not in columns:
            work.lost[f"boxes.{name}", _NO_KEY] += 1
    return values


def _attributes(row: Mapping[Any, Any]) -> dict[str, Any]:  # JSON values
    try:
        return attributes_of(row["attributes"])
    except ValueError as error:
        raise OutputError(
            f"attributes are no JSON object: {error}",
            place=Place(row["file"], None, row["source_id"]),
            mend="write a JSON object as text, or null",
        ) from error


def _added_boxes(work: _Work, file: _File) -> pd.DataFrame:
    """The new boxes that go into this file: those that name it, and those of its images."""
    added = work.changes.added_boxes
    if not len(added):
        return work.dataset.boxes.iloc[:0]
    own = added["file"].where(added["file"].isin(list(work.dataset.formats)), None)
    own = own.where(own.notna(), added["image_id"].map(work.home))
    return added[(own == file.name).to_numpy()]


def _edit_box_list(work: _Work, file: _File, added: pd.DataFrame) -> None:
    held = holds_box(added).to_numpy()
    if not held.all():
        why = "new, without class or corners: COCO demands both"
        work.lost["boxes", why] += int((~held).sum())
        work.n_boxes -= int((~held).sum())
    rows = added[held].to_dict("records")
    if file.is_results:
        fresh = [result_of(row, file.class_ids, work.image_ids) for row in rows]
    else:
        fresh = [
            {"id": number} | annotation_of(row, file.class_ids, work.image_ids)
            for number, row in enumerate(rows, _largest_id(file.document) + 1)
        ]
    before = work.original.boxes[(work.original.boxes["file"] == file.name).to_numpy()]
    gone = before[before["box_id"].isin(work.changes.removed_boxes)]
    file.edits += array_edits(file.document, file.field, _stay(file, file.field, gone), fresh)


def _edit_images(work: _Work, file: _File) -> None:
    for row in work.dataset.images.to_dict("records") if work.changes.changed_images else ():
        columns = work.changes.changed_images.get(row["image_id"], frozenset())
        if not columns or row["file"] != file.name:
            continue
        new = image_of(row, 0)
        keys = {_IMAGE_KEYS[name] for name in columns & _IMAGE_KEYS.keys()}
        values = {key: new[key] for key in sorted(keys) if key in new}
        file.edits += field_edits(file.document, int(row["start"]), int(row["end"]), values)
        for name in sorted(columns - _IMAGE_KEYS.keys()):
            work.lost[f"images.{name}", _NO_KEY] += 1
    before = work.original.images[(work.original.images["file"] == file.name).to_numpy()]
    gone = before[before["image_id"].isin(work.changes.removed_images)]
    added = work.changes.added_images
    if len(added):
        added = added[(added["image_id"].map(work.home) == file.name).to_numpy()]
    fresh = [image_of(row, work.image_ids[row["image_id"]]) for row in added.to_dict("records")]
    file.edits += array_edits(file.document, "images", _stay(file, "images", gone), fresh)


def _stay(file: _File, name: str | None, gone: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
    records = file.document.records(name)
    starts = np.zeros(0, np.int64) if records is None else records.starts
    return ~np.isin(starts, gone["start"].to_numpy(np.int64))


def _largest_id(document: Document) -> int:
    records = document.records("annotations")
    if records is None:
        return 0
    known, _ = decode_all(records, document, Annotation, 0, len(records))
    return max((a.id for a in known if isinstance(a.id, int)), default=0)


def _image_ids(dataset: Dataset, original: Dataset) -> dict[int, int | str]:
    """COCO ids of all images: their own, and new numbers for those without one."""
    ids = {
        image_id: number_of(source_id)
        for image_id, source_id in original.images[["image_id", "source_id"]].values
        if isinstance(source_id, str)
    }
    following = max((v for v in ids.values() if isinstance(v, int)), default=0) + 1
    for image_id in dataset.images["image_id"]:
        if image_id not in ids:
            ids[image_id] = following
            following += 1
    return ids
