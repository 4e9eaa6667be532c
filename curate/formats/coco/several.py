"""The rows of several files of one COCO source put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, compress
from typing import Any

import numpy as np
import pyarrow as pa

from curate.assembly import Fault, Gathered
from curate.errors import quote
from curate.formats.coco.rows import FileRows
from curate.formats.coco.shared import (
    Rows,
    Shared,
    in_order,
    is_unproven,
    share,
    sharing_files,
)
from curate.formats.json_document import Document, JsonError, open_document
from curate.sources import Body

# From knowing least to knowing most.
_STATES = ("missing", "empty", "present")


def document_of(body: Body, file: str, gathered: Gathered) -> Document | None:
    """The JSON of one file; None, and a fault among those gathered, when it is none."""
    try:
        return open_document(body, file)
    except JsonError as error:
        line = error.place.line if error.place else None
        fault = Fault("SRC-002", error.what, error.mend or "export the file again", file, line)
        gathered.faults.append(fault)
        return None


def put_together(parts: Sequence[FileRows], gathered: Gathered) -> list[tuple[FileRows, Rows]]:
    """Puts the rows of annotation files into `gathered`, those that several of them tell once.

    Gives back the files in the order of their rows, each with the row of each of its images.
    """
    parts = in_order(parts)
    shared = share(parts) if len(parts) > 1 else None
    stack(parts, gathered)
    rows = np.arange(gathered.n_images)
    if shared is not None:
        rows = _join_shared(parts, shared, gathered)
    ends = np.cumsum([part.n_images for part in parts], dtype=np.int64)
    return list(zip(parts, np.split(rows, ends[:-1]), strict=True)) if parts else []


def stack(parts: Sequence[FileRows], gathered: Gathered) -> None:
    """Puts the rows of several files one after the other into `gathered`."""
    first_image = first_box = 0
    for part in parts:
        for fault in part.faults:
            gathered.faults.append(_shifted(fault, first_image, first_box))
        gathered.classes += part.classes
        if part.n_boxes:
            part.boxes["image_row"] = part.boxes["image_row"] + first_image
        first_image += part.n_images
        first_box += part.n_boxes
    gathered.n_images, gathered.n_boxes = first_image, first_box
    image_parts = [(p.images, p.n_images) for p in parts]
    gathered.images = _stacked_columns(image_parts) or {"image_name": []}
    gathered.boxes = _stacked_columns([(p.boxes, p.n_boxes) for p in parts if p.n_boxes])


def _shifted(fault: Fault, first_image: int, first_box: int) -> Fault:
    return replace(
        fault,
        images=tuple(row + first_image for row in fault.images),
        boxes=tuple(row + first_box for row in fault.boxes),
    )


def _join_shared(parts: list[FileRows], shared: Shared, gathered: Gathered) -> Rows:
    """One row for what several files tell, and a note of the objects, per pair of files."""
    images, boxes = gathered.images, gathered.boxes
    image_stays = shared.image_of == np.arange(gathered.n_images)
    if image_stays.all():
        return shared.image_of
    gathered.faults += _told_twice(parts, shared)
    states = np.asarray([_STATES.index(state) for state in images["label_state"]])
    # What one file knows of an image, all of them know.
    np.maximum.at(states, shared.image_of, states.copy())
    images["label_state"] = [_STATES[state] for state in states.tolist()]
    box_stays = shared.box_of == np.arange(gathered.n_boxes)
    new_image = (np.cumsum(image_stays) - 1)[shared.image_of]
    new_box = (np.cumsum(box_stays) - 1)[shared.box_of]
    gathered.faults = [_moved(fault, new_image, new_box) for fault in gathered.faults]
    gathered.n_images, gathered.n_boxes = int(image_stays.sum()), int(box_stays.sum())
    gathered.images = {name: _taken(column, image_stays) for name, column in images.items()}
    if boxes:
        boxes["image_row"] = new_image[boxes["image_row"]]
        gathered.boxes = {name: _taken(column, box_stays) for name, column in boxes.items()}
    return new_image


def _told_twice(parts: Sequence[FileRows], shared: Shared) -> Iterator[Fault]:
    """Notes of what two files share: of objects, and of images where no object proves them one."""
    boxes = sharing_files(parts, shared.box_of, of="boxes")
    for (first, second), count in sorted(boxes.items()):
        message = (
            f"{count} objects are told in {quote(parts[first].file)} too, with the same id, class"
            " and box: each is one box in the table, of its longer record"
        )
        mend = "nothing: both records are kept, and change together"
        yield Fault("SRC-013", message, mend, parts[second].file)
    images = sharing_files(parts, shared.image_of, of="images")
    for (first, second), count in sorted(images.items()):
        if (first, second) in boxes or not is_unproven(parts[first], parts[second]):
            continue
        message = (
            f"{count} images are listed in {quote(parts[first].file)} too, with the same id, name"
            " and size: each is one image in the table, with the objects of both files"
        )
        mend = "nothing, if they are the same pictures; else ingest the files one by one"
        yield Fault("SRC-013", message, mend, parts[second].file)


def _moved(fault: Fault, new_image: np.ndarray[Any, Any], new_box: np.ndarray[Any, Any]) -> Fault:
    images = (int(new_image[row]) for row in fault.images)
    boxes = (int(new_box[row]) for row in fault.boxes)
    return replace(fault, images=tuple(dict.fromkeys(images)), boxes=tuple(dict.fromkeys(boxes)))


def _taken(column: Any, stays: np.ndarray[Any, Any]) -> Any:  # a column in any form
    if isinstance(column, np.ndarray):
        return column[stays]
    if column is None or isinstance(column, str | int | float):
        # One value for all rows, as a single file gives them.
        return column
    return list(compress(column, stays.tolist()))


def _stacked_columns(
    parts: list[tuple[dict[str, Any], int]],
) -> dict[str, Any]:  # columns in any form
    if len(parts) == 1:
        return parts[0][0]
    names = dict.fromkeys(chain.from_iterable(columns for columns, _ in parts))
    stacked = {name: _stacked([(c.get(name), n) for c, n in parts]) for name in names}
    ids = stacked.get("source_id")
    if isinstance(ids, list):
        # Ids of one file may be integers, those of another texts or missing.
        stacked["source_id"] = [None if key is None else str(key) for key in ids]
    return stacked


def _stacked(columns: list[tuple[Any, int]]) -> Any:  # a column in any form
    arrays = [column for column, _ in columns]
    if all(isinstance(array, np.ndarray) for array in arrays):
        return np.concatenate(arrays)
    return list(chain.from_iterable(values_of(column, n) for column, n in columns))


def values_of(column: Any, n: int) -> list[Any]:  # a column in any form
    """The N values of a column, one by one."""
    if column is None or isinstance(column, str | int | float):
        return [column] * n
    if isinstance(column, np.ndarray):
        return list(column.tolist())
    if isinstance(column, pa.Array):
        return list(column.to_pylist())
    return list(column)
