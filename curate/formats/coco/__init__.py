"""COCO annotation files (instances, person_keypoints) and results files.

Specification: cocodataset.org/#format-data and cocoapi @ 8c9bcc3 (PythonAPI/pycocotools/coco.py,
mask.py, common/maskApi.c). `bbox` is [x, y, width, height] in px, 0-based, continuous: it becomes
x1 = x, y1 = y, x2 = x + width, y2 = y + height, nothing clipped or rounded. RLE is column-major.

On read nothing is lost: masks, polygons, keypoints and unknown keys stay in the kept bytes and are
parsed from there when asked for. Captions have no box: they are left out of the table, with a note.
Images and objects that several files of one source tell of are one row each (see `shared`).
On write to COCO nothing is lost; from other formats see `write`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, compress
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from curate.assembly import Fault, Gathered, assemble, source_name
from curate.dataset import Dataset
from curate.errors import Place, SourceError, quote
from curate.formats.coco.annotations import read_annotations
from curate.formats.coco.derived import derive, extras, keypoints, outlines
from curate.formats.coco.results import read_results
from curate.formats.coco.rows import FileRows
from curate.formats.coco.shared import Shared, in_order, share
from curate.formats.json_document import Document, JsonError, bulk, open_document
from curate.formats.reading import HEAD_BYTES, Files, Options, how_read
from curate.sources import Body
from curate.tree import open_tree

__all__ = [
    "NAME",
    "RESULTS",
    "claims",
    "claims_results",
    "derive",
    "extras",
    "gather",
    "gather_results",
    "keypoints",
    "outlines",
    "read",
]

NAME = "coco"
RESULTS = "coco-results"
_TOP_KEYS = re.compile(rb'"(?:images|annotations|categories)"\s*:\s*\[')
# A list of tasks (Label Studio) may name image_id and score too, deeper down.
_TASKS = re.compile(rb'"data"\s*:\s*\{|"result"\s*:\s*\[')
# From knowing least to knowing most.
_STATES = ("missing", "empty", "present")
_RESULT_KEYS = (re.compile(rb'"image_id"\s*:'), re.compile(rb'"(?:score|caption)"\s*:'))


def claims(files: Files) -> list[str]:
    """The .json files that are COCO annotation files: objects with COCO's arrays at the top."""
    return [file for file in _json_files(files) if _is_annotations(files, file)]


def claims_results(files: Files) -> list[str]:
    """The .json files that are COCO results: arrays of records with image_id and score."""
    return [file for file in _json_files(files) if _is_results(files, file)]


def _json_files(files: Files) -> list[str]:
    return [file for file in files.files if file.lower().endswith(".json")]


def _is_annotations(files: Files, file: str) -> bool:
    head = files.head(file, HEAD_BYTES)
    if not _starts_with(head, b"{"):
        return False
    if _TOP_KEYS.search(head):
        return True
    if files.files[file] <= len(head) or not re.search(rb'"(?:info|licenses)"\s*:', head):
        return False
    # A long preamble hides the arrays: look at the whole top level.
    try:
        document = open_document(files.body(file), file)
    except JsonError:
        return False
    return document.has("images") or document.has("annotations")


def _is_results(files: Files, file: str) -> bool:
    head = files.head(file, HEAD_BYTES)
    has_keys = all(key.search(head) for key in _RESULT_KEYS)
    return _starts_with(head, b"[") and has_keys and not _TASKS.search(head)


def _starts_with(head: bytes, char: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == char


def read(path: Path, *, name: str | None = None, options: Options | None = None) -> Dataset:
    """The dataset of one COCO annotation file, or of all of them below a folder or in a zip.

    Raises
    ------
    SourceError
        When the path cannot be opened, or no file there is a readable COCO annotation file.
    """
    path = Path(path)
    files = open_tree(path)
    names = claims(files) or _json_files(files)
    if not names:
        raise SourceError(
            "holds no .json file", place=Place(str(path)), mend="give a COCO annotation file"
        )
    gathered = gather(files, names, options or Options())
    if not gathered.n_images and any(fault.code == "SRC-002" for fault in gathered.faults):
        first = next(fault for fault in gathered.faults if fault.code == "SRC-002")
        raise SourceError(first.message, place=Place(first.file, first.line), mend=first.mend)
    own_name = source_name(path, name)
    record = how_read(NAME, options or Options(), own_name, own_name)
    return assemble(own_name, gathered, options=record)


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The rows of COCO annotation files."""
    bodies: dict[str, Body] = {}
    gathered = Gathered(0, 0, {}, {}, files=bodies)
    parts = []
    for file in names:
        body = files.body(file)
        bodies[file] = body
        gathered.formats[file] = NAME
        with bulk():
            document = _document(body, file, gathered)
            if document is not None and (document.has("images") or document.has("annotations")):
                parts.append(read_annotations(document, file))
            elif document is not None:
                _no_object(file, gathered)
    parts = in_order(parts)
    shared = share(parts) if len(parts) > 1 else None
    _merge(parts, gathered)
    if shared is not None:
        _join_shared(parts, shared, gathered)
    return gathered


def gather_results(files: Files, names: list[str], options: Options) -> Gathered:
    """The rows of COCO results files over the annotation file `options.truth`.

    Raises
    ------
    SourceError
        When the annotation file cannot be read.
    """
    bodies: dict[str, Body] = {}
    gathered = Gathered(0, 0, {}, {}, files=bodies)
    truth = _truth(options, gathered)
    if options.truth is not None:
        bodies[options.truth[0]] = options.truth[1]
    parts: list[FileRows] = []
    stems: list[str] = []
    for file in names:
        body = files.body(file)
        bodies[file] = body
        gathered.formats[file] = RESULTS
        with bulk():
            document = _document(body, file, gathered)
            if document is not None:
                indices = options.class_ids == "index"
                parts.append(read_results(document, file, truth, ids_are_indices=indices))
                stems += [PurePosixPath(file).stem] * parts[-1].n_boxes
    _merge(parts, gathered)
    if truth is not None:
        _share_images(parts, gathered)
    rows = _values(gathered.boxes.get("source_id"), gathered.n_boxes)
    gathered.box_tokens = [f"{stem}:{row}" for stem, row in zip(stems, rows, strict=True)]
    return gathered


def _share_images(parts: list[FileRows], gathered: Gathered) -> None:
    # Several results files over one annotation file predict on the same images.
    if len(parts) > 1:
        n = parts[0].n_images
        gathered.boxes["image_row"] = [row % n for row in gathered.boxes["image_row"]]
        gathered.images, gathered.n_images = parts[0].images, n


def _truth(options: Options, gathered: Gathered) -> FileRows | None:
    if options.truth is None:
        return None
    file, body = options.truth
    try:
        document = open_document(body, file)
    except JsonError as error:
        raise SourceError(error.what, place=error.place, mend=error.mend) from error
    rows = read_annotations(document, file)
    if not rows.n_images:
        raise SourceError(
            "lists no image, should be a COCO annotation file",
            place=Place(file),
            mend="name the annotation file that the results were made over",
        )
    gathered.classes += rows.classes
    return rows


def _document(body: Body, file: str, gathered: Gathered) -> Document | None:
    try:
        return open_document(body, file)
    except JsonError as error:
        line = error.place.line if error.place else None
        fault = Fault("SRC-002", error.what, error.mend or "export the file again", file, line)
        gathered.faults.append(fault)
        return None


def _no_object(file: str, gathered: Gathered) -> None:
    message = "the top level has neither `images` nor `annotations`, should have both"
    gathered.faults.append(Fault("SRC-002", message, "give a COCO annotation file", file))


def _merge(parts: list[FileRows], gathered: Gathered) -> None:
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
    gathered.images = _stack(image_parts) or {"image_name": []}
    gathered.boxes = _stack([(p.boxes, p.n_boxes) for p in parts if p.n_boxes])


def _shifted(fault: Fault, first_image: int, first_box: int) -> Fault:
    return replace(
        fault,
        images=tuple(row + first_image for row in fault.images),
        boxes=tuple(row + first_box for row in fault.boxes),
    )


def _join_shared(parts: list[FileRows], shared: Shared, gathered: Gathered) -> None:
    """One row for what several files tell, and a note of the objects, per pair of files."""
    images, boxes = gathered.images, gathered.boxes
    image_stays = shared.image_of == np.arange(gathered.n_images)
    if image_stays.all():
        return
    gathered.faults += _told_twice(parts, shared.box_of)
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


def _told_twice(parts: list[FileRows], box_of: np.ndarray[Any, Any]) -> Iterator[Fault]:
    files = [str(part.boxes["file"]) if part.n_boxes else "" for part in parts]
    owner = np.repeat(np.arange(len(parts)), [part.n_boxes for part in parts])
    rows = np.flatnonzero(box_of != np.arange(len(box_of)))
    pairs = Counter(
        tuple(sorted(pair))
        for pair in zip(owner[rows].tolist(), owner[box_of[rows]].tolist(), strict=True)
    )
    for (first, second), count in sorted(pairs.items()):
        message = (
            f"{count} objects are told in {quote(files[first])} too, with the same id, class and"
            " box: each is one box in the table, of its longer record"
        )
        mend = "nothing: both records are kept, and change together"
        yield Fault("SRC-013", message, mend, files[second])


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


def _stack(parts: list[tuple[dict[str, Any], int]]) -> dict[str, Any]:  # columns in any form
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
    return list(chain.from_iterable(_values(column, n) for column, n in columns))


def _values(column: Any, n: int) -> list[Any]:  # a column in any form
    if column is None or isinstance(column, str | int | float):
        return [column] * n
    if isinstance(column, np.ndarray):
        return list(column.tolist())
    if isinstance(column, pa.Array):
        return list(column.to_pylist())
    return list(column)
