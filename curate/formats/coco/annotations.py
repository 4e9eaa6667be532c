"""COCO annotation files (instances, person_keypoints) read into columns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from operator import attrgetter

import numpy as np

from curate.assembly import Fault
from curate.errors import quote
from curate.formats.coco.objects import read_objects
from curate.formats.coco.records import (
    Category,
    Image,
    Loose,
    decode_all,
    plain_text,
    side_px,
    wrong_values,
)
from curate.formats.coco.repeats import repeats
from curate.formats.coco.rows import FileRows
from curate.formats.json_document import Document, Records, loose, span_arrays


def read_annotations(document: Document, file: str) -> FileRows:
    """The rows of one annotation file."""
    rows = FileRows(file=file)
    for name, n_times in document.repeated().items():
        at = span_arrays([document.fields[name]], document.text)[0]
        message = (
            f"the key `{name}` stands {n_times} times at the top level, should stand once: "
            "only the last is read"
        )
        mend = "join the arrays into one"
        rows.faults.append(_fault("SRC-001", message, mend, (file, int(document.lines(at)[0]))))
    _read_classes(document, file, rows)
    _read_images(document, file, rows)
    records = document.records("annotations")
    if records is None and document.has("annotations"):
        rows.faults.append(
            Fault(
                "SRC-001",
                "`annotations` is no array, should be one",
                "export the file again",
                file,
            )
        )
    if records is not None:
        read_objects(document, file, records, rows)
    # A list of images alone, or of captions, does not say that anyone looked for objects.
    has_objects = records is not None and (rows.n_boxes > 0 or not rows.n_captions)
    _tell_states(rows, without_box="empty" if has_objects else "missing")
    return rows


def _tell_states(rows: FileRows, *, without_box: str) -> None:
    labelled = np.zeros(rows.n_images, np.bool_)
    if rows.n_boxes:
        labelled[rows.boxes["image_row"]] = True
    # Of an image without an id nothing can say whether it has labels.
    ids = rows.images.get("source_id", [])
    rows.images["label_state"] = [
        "present" if is_labelled else "missing" if own_id is None else without_box
        for is_labelled, own_id in zip(labelled.tolist(), ids, strict=True)
    ]


def _read_classes(document: Document, file: str, rows: FileRows) -> None:
    records = document.records("categories")
    if records is None:
        return
    categories, wrong = decode_all(records, document, Category, 0, len(records))
    lines = document.lines(records.starts)
    for row, reason in [*wrong, *_repeats(document, records, "category")]:
        rows.faults.append(
            _fault("SRC-001", reason, "correct the category", (file, int(lines[row])))
        )
    named: dict[str, int | str] = {}
    for row, category in enumerate(categories):
        if category.id is None or category.name is None:
            continue
        at = (file, int(lines[row]))
        if category.id in rows.class_name:
            message = f"category id {category.id} is used twice, should be used once"
            rows.faults.append(
                _fault("SRC-006", message, "give each category its own id", at, category.id)
            )
            continue
        if category.name in named:
            message = (
                f"categories {named[category.name]} and {category.id} are both called "
                f"{quote(category.name)}, should have names of their own"
            )
            mend = "rename one, or join them"
            rows.faults.append(_fault("SRC-007", message, mend, at, category.id))
        named.setdefault(category.name, category.id)
        rows.class_name[category.id] = category.name
        rows.classes.append(
            {
                "file": file,
                "source_id": str(category.id),
                "label": category.name,
                "supercategory": category.supercategory,
            }
        )


def _read_images(document: Document, file: str, rows: FileRows) -> None:
    records = document.records("images")
    if records is None:
        rows.images = {"image_name": []}
        return
    n = len(records)
    images, wrong = decode_all(records, document, Image, 0, n)
    lines = document.lines(records.starts)
    for row, reason in [*wrong, *wrong_values(images), *_repeats(document, records, "image")]:
        mend = "correct the image's record"
        fault = _fault("SRC-001", reason, mend, (file, int(lines[row])), images[row].id)
        rows.faults.append(replace(fault, images=(row,)))
    twice: dict[int | str, list[int]] = defaultdict(list)
    for row, image in enumerate(images):
        if image.id is not None and rows.image_row.setdefault(image.id, row) != row:
            twice[image.id].append(row)
    for image_id, later in twice.items():
        message = f"image id {image_id} is used {len(later) + 1} times, should be used once"
        mend = "give each image its own id; its boxes were given to the first"
        fault = _fault("SRC-006", message, mend, (file, int(lines[later[0]])), image_id)
        rows.faults.append(replace(fault, images=(rows.image_row[image_id], *later)))
    licences = _licence_names(document)
    sizes = {
        name: list(map(side_px, map(attrgetter(name), images))) for name in ("width", "height")
    }
    rows.n_images = n
    rows.images = {
        "image_name": [
            image.file_name or _own_name(image.id, file, row) for row, image in enumerate(images)
        ],
        "width": sizes["width"],
        "height": sizes["height"],
        "declared_width": sizes["width"],
        "declared_height": sizes["height"],
        "licence": [
            None if image.license is None else licences.get(image.license, str(image.license))
            for image in images
        ],
        "source_id": [None if image.id is None else str(image.id) for image in images],
        "file": file,
        "line": lines,
        "start": records.starts,
        "end": records.ends,
    }


def _repeats(document: Document, records: Records, what: str) -> list[Loose]:
    return [(row, f"the {what} {why}") for row, why in repeats(document, records).items()]


def _own_name(image_id: int | str | None, file: str, row: int) -> str:
    """A name for an image without one."""
    return f"record {row + 1} of {file}" if image_id is None else f"image {image_id}"


def _licence_names(document: Document) -> dict[int | str, str]:
    records = document.records("licenses")
    names: dict[int | str, str] = {}
    if records is None:
        return names
    for start, end in zip(records.starts.tolist(), records.ends.tolist(), strict=True):
        record = loose(document.body, start, end)
        if isinstance(record, dict) and isinstance(record.get("id"), int | str):
            names[record["id"]] = plain_text(record.get("name") or record["id"])
    return names


def _fault(
    code: str, message: str, mend: str, at: tuple[str, int], source_id: object = None
) -> Fault:
    """A fault of the record that starts at this place: file and line."""
    text = None if source_id is None else str(source_id)
    return Fault(code, message, mend, *at, text)
