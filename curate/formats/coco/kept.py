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
from curate.formats.coco.annotations import read_annotations
from curate.formats.coco.categories import category_edits
from curate.formats.coco.make import (
    annotation_of,
    attributes_of,
    crowd_losses,
    image_of,
    is_crowd,
    number_of,
    plain,
    result_of,
    stated,
)
from curate.formats.coco.records import Annotation, decode_all
from curate.formats.coco.shared import copied_records
from curate.formats.coco.splice import bbox_edits
from curate.formats.json_document import Document, bulk, open_document
from curate.formats.json_splice import Edit, apply_edits, array_edits, field_edits
from curate.formats.per_image import confined, holds_box
from curate.formats.writing import (
    Changes,
    LossReport,
    Lost,
    changed_classes,
    changes_since,
    losses_of,
)

_NO_KEY = "changed, and COCO has no key for it"
_NO_NUMBER = "changed to no number: the record keeps its own"
_UNLISTED = "changed, and no annotation file that is written lists it"
_NO_CLASS = "changed to none: the record keeps its own"
# Position of each edge's number in `bbox`, and of the side that moves with it.
_PARTS = {"x1": (0, 2), "y1": (1, 3), "x2": (2,), "y2": (3,)}
# What `iscrowd` says together.
_CROWD = frozenset({"is_group", "role"})
# What an annotation has a key for and a result has none: written there, no reader would find it.
_NOT_OF_RESULTS = _CROWD | {"attributes", "declared_area"}
_IMAGE_KEYS = {"width": "width", "height": "height", "image_key": "file_name"}


@dataclass
class _Work:
    """What writing back is about: the changes, the ids in use, and what could not be written."""

    dataset: Dataset
    original: Dataset
    changes: Changes
    image_ids: dict[int, int | str]
    home: dict[int, str]  # image_id to the annotation file that its boxes go into
    # Records that another stands for: image_id or box_id, file, start, end.
    copies: dict[str, pd.DataFrame]
    lost: Lost = field(default_factory=Counter)
    n_images: int = 0
    n_boxes: int = 0

    def standing_in(self, file: str, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of images or boxes that have a record in a file, with the span it has there.

        `is_copy`: another file has the record that the row was read from.
        """
        own = table[(table["file"] == file).to_numpy()].assign(is_copy=False)
        key = "box_id" if "box_id" in table else "image_id"
        copies = self.copies[key]
        copies = copies[(copies["file"] == file).to_numpy()]
        if not len(copies):
            return own
        rest = table.drop(columns=["file", "start", "end"]).merge(copies, on=key)
        return pd.concat([own, rest.assign(is_copy=True)[own.columns]], ignore_index=True)


@dataclass
class _File:
    """One file being edited: its text, its class ids by label, and the edits so far."""

    name: str
    document: Document
    is_results: bool
    class_ids: dict[str, int | str] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)

    @property
    def field(self) -> str | None:
        """The array of its box records; None when the whole document is that array."""
        return None if self.is_results else "annotations"


def write_kept(dataset: Dataset, folder: Path, original: Dataset) -> LossReport:
    """One output per input file; only the bytes of what has changed since reading change.

    A number of `bbox` changes with its edge alone: a moved x2 leaves x, y and height as they
    were. Boxes and images that are new go into the file of their image, else into the first
    annotation file. An image or object that several files tell of changes in each of them.
    Classes follow the classes table, by id; one that is no longer there goes when no box has it.
    What COCO has no key for, or no value (a null class, an edge that is no number), stays as it
    was and is counted as lost.

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
        _copies(original, changes),
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
    _count_unlisted(work, [file for file in files if dataset.formats[file] == "coco"])
    losses = tuple(losses_of(work.lost))
    return LossReport("coco", len(names), work.n_images, work.n_boxes, losses)


def _homes(dataset: Dataset, original: Dataset, files: list[str]) -> dict[int, str]:
    labels = [file for file in files if dataset.formats[file] == "coco"]
    homes = dict(zip(original.images["image_id"], original.images["file"], strict=True))
    first = labels[0] if labels else files[0]
    return {
        image_id: homes[image_id] if homes.get(image_id) in files else first
        for image_id in dataset.images["image_id"].tolist()
    }


def _copies(original: Dataset, changes: Changes) -> dict[str, pd.DataFrame]:
    """The records for which a record of another file of the same source stands, by their ids."""
    found: dict[str, list[pd.DataFrame]] = {"image_id": [], "box_id": []}
    for part in original.options.get("parts", []) if not changes.none else ():
        files = [
            file
            for file, kind in original.formats.items()
            if kind == part["format"] == "coco" and file.startswith(part["prefix"])
        ]
        if len(files) < 2:
            continue
        rows = []
        for file in files:
            with bulk():
                document = open_document(original.sources.body(file), file)
                rows.append(read_annotations(document, file))
        for key, copied in zip(found, copied_records(rows), strict=True):
            found[key].append(copied)
    return {
        "image_id": _with_ids(found["image_id"], original.images, "image_id"),
        "box_id": _with_ids(found["box_id"], original.boxes, "box_id"),
    }


def _with_ids(copied: list[pd.DataFrame], table: pd.DataFrame, key: str) -> pd.DataFrame:
    names = [key, "file", "start", "end"]
    full = [part for part in copied if len(part)]
    if not full:
        return pd.DataFrame(columns=names)
    own = table[[key, "file", "start"]].rename(columns={"file": "own_file", "start": "own_start"})
    return pd.concat(full).merge(own, on=["own_file", "own_start"])[names]


def _count_unlisted(work: _Work, files: list[str]) -> None:
    """Counts changes of images and classes that no annotation file among those written lists."""
    new, old = (
        table.classes[~table.classes["file"].isin(files)] for table in (work.dataset, work.original)
    )
    work.lost["classes", _UNLISTED] += changed_classes(new, old)
    changes, images = work.changes, work.original.images
    elsewhere = set(images.loc[~images["file"].isin(files), "image_id"])
    for image_id in sorted(changes.changed_images.keys() & elsewhere):
        for name in changes.changed_images[image_id]:
            work.lost[f"images.{name}", _UNLISTED] += 1
    n_new = sum(work.home[image] not in files for image in changes.added_images.get("image_id", ()))
    work.lost["images", _UNLISTED] += len(changes.removed_images & elsewhere) + n_new


def _reindexed(dataset: Dataset, file: str) -> bool:
    """Whether the class ids of a results file were read as indices, and so have to be replaced."""
    parts = [p for p in dataset.options.get("parts", []) if file.startswith(p["prefix"])]
    is_results = dataset.formats[file] == "coco-results"
    return is_results and any(p["class_ids"] == "index" and p["truth"] for p in parts)


def _edited(body: bytes, name: str, work: _Work) -> bytes:
    is_results = work.dataset.formats[name] == "coco-results"
    file = _File(name, open_document(body, name), is_results)
    added = _added_boxes(work, file)
    boxes = work.standing_in(name, work.dataset.boxes)
    if is_results:
        file.class_ids = _all_class_ids(work)
    else:
        _edit_classes(work, file, pd.concat([boxes, added]))
    _edit_boxes(work, file, boxes)
    _edit_box_list(work, file, added)
    if not is_results:
        _edit_images(work, file)
    return apply_edits(body, file.edits)


def _all_class_ids(work: _Work) -> dict[str, int | str]:
    return {
        str(label): number_of(source_id)
        for table in (work.original.classes, work.dataset.classes)
        for source_id, label in table[["source_id", "label"]].dropna().values
    }


def _edit_classes(work: _Work, file: _File, boxes: pd.DataFrame) -> None:
    """Writes what has changed in the classes table, and adds the classes that boxes now have."""
    old = work.original.classes[(work.original.classes["file"] == file.name).to_numpy()]
    new = work.dataset.classes[(work.dataset.classes["file"] == file.name).to_numpy()]
    listed = set(old["label"])
    # A box whose class was taken away keeps the one of its record.
    before = work.original.boxes
    kept = before["box_id"].isin(boxes.loc[boxes["label"].isna(), "box_id"])
    results = [f for f, kind in work.dataset.formats.items() if kind == "coco-results"]
    predicted = work.dataset.boxes["file"].isin(results)
    others = set(before.loc[kept, "label"]) | set(work.dataset.boxes.loc[predicted, "label"])
    used = set(boxes["label"].dropna()) | (others & listed)
    edits, file.class_ids = category_edits(file.document, old, new, used, work.lost)
    file.edits += edits


def _edit_boxes(work: _Work, file: _File, boxes: pd.DataFrame) -> None:
    changed = dict(work.changes.changed)
    if _reindexed(work.dataset, file.name):
        for box_id in boxes["box_id"].tolist():
            changed[box_id] = changed.get(box_id, frozenset()) | {"label"}
    for row in boxes[boxes["box_id"].isin(changed)].to_dict("records"):
        columns = changed[row["box_id"]]
        start, end = int(row["start"]), int(row["end"])
        # What cannot be written counts once, not for each record of the object.
        lost: Lost = Counter() if row["is_copy"] else work.lost
        if file.is_results:
            lost.update((f"boxes.{name}", _NO_KEY) for name in columns & _NOT_OF_RESULTS)
            columns = columns - _NOT_OF_RESULTS
        values = _changed_values(row, columns, work.image_ids, file.class_ids, lost)
        file.edits += field_edits(file.document, start, end, values)
        numbers = _changed_edges(row, columns, lost)
        if numbers:
            file.edits += bbox_edits(file.document, start, end, numbers)


def _changed_edges(
    row: Mapping[Any, Any], columns: frozenset[str], lost: Lost
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
    row: Mapping[Any, Any],
    columns: frozenset[str],
    image_ids: Mapping[int, int | str],
    class_ids: Mapping[str, int | str],
    lost: Lost,
) -> dict[str, object]:
    """The keys of the record that change, with their new values; the rest is counted as lost."""
    values: dict[str, object] = {}
    if columns & _CROWD:
        # One key says both, so that a change of one may be read as one of the other.
        group = None if pd.isna(row["is_group"]) else bool(row["is_group"])
        said = crowd_losses(role=row["role"], is_group=group)
        lost.update((f"boxes.{name}", why) for name, why in said)
    for name in sorted(columns - _PARTS.keys()):
        if name == "label" and pd.isna(row["label"]):
            lost["boxes.label", _NO_CLASS] += 1
        elif name == "label" and row["label"] in class_ids:
            values["category_id"] = class_ids[row["label"]]
        elif name == "image_id":
            values["image_id"] = image_ids[row["image_id"]]
        elif name in _CROWD:
            values["iscrowd"] = is_crowd(row)
        elif name in ("declared_area", "score"):
            values["area" if name == "declared_area" else "score"] = stated(row[name])
        elif name == "attributes":
            values["attributes"] = _attributes(row)
        elif name != "source_label" or "label" not in columns:
            lost[f"boxes.{name}", _NO_KEY] += 1
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
    added = added[held]
    # Only results files: an annotation file lists all classes that boxes have.
    unlisted = ~added["label"].isin(list(file.class_ids))
    work.lost["boxes", "new, of a class that the results' annotation file does not list"] += int(
        unlisted.sum()
    )
    work.n_boxes -= int(unlisted.sum())
    rows = added[~unlisted].to_dict("records")
    if file.is_results:
        fresh = [result_of(row, file.class_ids, work.image_ids) for row in rows]
    else:
        fresh = [
            {"id": number} | annotation_of(row, file.class_ids, work.image_ids)
            for number, row in enumerate(rows, _largest_id(file.document) + 1)
        ]
    before = work.standing_in(file.name, work.original.boxes)
    gone = before[before["box_id"].isin(work.changes.removed_boxes)]
    file.edits += array_edits(file.document, file.field, _stay(file, file.field, gone), fresh)


def _edit_images(work: _Work, file: _File) -> None:
    changed = work.changes.changed_images
    images = work.standing_in(file.name, work.dataset.images)
    for row in images[images["image_id"].isin(list(changed))].to_dict("records"):
        columns = changed[row["image_id"]]
        new = image_of(row, 0)
        keys = {_IMAGE_KEYS[name] for name in columns & _IMAGE_KEYS.keys()}
        values = {key: new[key] for key in sorted(keys) if key in new}
        file.edits += field_edits(file.document, int(row["start"]), int(row["end"]), values)
        for name in sorted(columns - _IMAGE_KEYS.keys()) if not row["is_copy"] else ():
            work.lost[f"images.{name}", _NO_KEY] += 1
    before = work.standing_in(file.name, work.original.images)
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
