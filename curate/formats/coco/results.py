"""COCO results files (bbox, segm, keypoints): a flat list of scored predictions.

Specification: cocodataset.org/#format-results and cocoapi @ 8c9bcc3 (PythonAPI/pycocotools/coco.py,
loadRes).

Convention: 0-based px, continuous edges, upright image (assumed: the specification does not say).
`bbox` is [x, y, width, height], as in COCO's annotation files.

Read: a record is a `detector` box with its score. Images and classes are those of the annotation
file (`--truth`, or one that is given beside it); without one they are called by their numbers.

Lost on read: nothing. Masks, keypoints and unknown keys stay in the kept bytes. Captions are left
out of the table, with a note.

Written: `--to coco` makes `results.json` of what detectors found; results that were read come back
with every key, number and order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from curate import masks
from curate.assembly import Fault
from curate.errors import quote
from curate.formats.coco.lookup import RowOf
from curate.formats.coco.records import ABSENT, Result, decode_all
from curate.formats.coco.repeats import repeats
from curate.formats.coco.rows import FileRows
from curate.formats.coco.shapes import outline_kinds
from curate.formats.coco.truth import Truth
from curate.formats.declared import SIZES, Format
from curate.formats.json_document import Document, loose

FORMAT = Format(
    images=(*SIZES, "licence", "source_id"),
    boxes=("score", "source_id"),
    shapes=("box", "polygon", "mask"),
    kept=("keypoints",),
)

_EXAMPLES = 5
_Place = tuple[str, int, int]  # file, line from 1, row from 0


def read_results(
    document: Document, file: str, files: Truth | None, *, ids_are_indices: bool
) -> FileRows:
    """The rows of one results file over the images and classes of annotation files.

    Without these an image is known by its id alone, and no class has a name.

    Raises
    ------
    UsageError
        When it is not clear over which of several annotation files the results were made.
    """
    records = document.records(None)
    rows = FileRows()
    if records is None or not len(records):
        _say_no_records(rows, file, is_list=records is not None)
        over = None if files is None else files.over([], file)
        rows.image_row = _image_rows([], file, rows, over)
        return rows
    results, wrong = decode_all(records, document, Result, 0, len(records.raws))
    lines = document.lines(records.starts)
    stated = {r.image_id for r in results if r.image_id is not None}
    truth = None if files is None else files.over(stated, file)
    rows.image_row = _image_rows(results, file, rows, truth)
    names, class_fault = _class_names(results, truth, ids_are_indices=ids_are_indices)
    image_rows = np.fromiter(
        (rows.image_row.get(r.image_id, -1) for r in results), np.int64, len(results)
    )
    captions = _captions(document, records.starts, records.ends, {row for row, _ in wrong})
    usable = (image_rows >= 0) & ~np.isin(np.arange(len(results)), list(captions))
    keep = np.flatnonzero(usable)
    row_of = np.cumsum(usable) - 1
    lost = (image_rows < 0) & ~np.isin(np.arange(len(results)), list(captions))
    for row in np.flatnonzero(lost).tolist():
        if results[row].image_id is None:
            # The record is at fault, which is told below.
            continue
        place = (file, int(lines[row]), int(row))
        rows.faults.append(_unknown_image(results[row], place, has_truth=truth is not None))
    twice = [(row, f"the record {why}") for row, why in repeats(document, records).items()]
    for row, reason in [*wrong, *twice]:
        if row in captions:
            continue
        fault = _fault("SRC-001", reason, "correct the record", (file, int(lines[row]), row))
        boxes = (int(row_of[row]),) if usable[row] else ()
        rows.faults.append(replace(fault, boxes=boxes))
    kept = [results[row] for row in keep.tolist()]
    rows.n_boxes = len(kept)
    rows.boxes = _columns(kept, names) | {
        "image_row": image_rows[keep],
        "source_id": keep,
        "file": file,
        "line": lines[keep],
        "start": records.starts[keep],
        "end": records.ends[keep],
    }
    if class_fault is not None:
        fault = Fault("SRC-012", class_fault, "read again with --class-ids index", file)
        rows.faults.append(replace(fault, boxes=tuple(range(len(kept)))))
    elif truth is not None:
        _tell_classes(kept, names, file, rows)
    _caption_note(captions, file, rows)
    return rows


def _say_no_records(rows: FileRows, file: str, *, is_list: bool) -> None:
    if is_list:
        message = "the list is empty: it holds no prediction"
        mend = "nothing, if the detector found nothing; else export the results again"
        rows.faults.append(Fault("SRC-018", message, mend, file))
        return
    message = "the top level is no array, should be an array of predictions"
    rows.faults.append(Fault("SRC-002", message, "give a COCO results file", file))


def _captions(
    document: Document, starts: np.ndarray[Any, Any], ends: np.ndarray[Any, Any], odd: set[int]
) -> set[int]:
    found = set()
    for row in sorted(odd):
        record = loose(document.body, int(starts[row]), int(ends[row]))
        if isinstance(record, dict) and "caption" in record:
            found.add(row)
    return found


def _caption_note(captions: set[int], file: str, rows: FileRows) -> None:
    if captions:
        message = f"{len(captions)} captions hold no box and were left out of the table"
        rows.faults.append(Fault("SRC-013", message, "nothing: their bytes are kept", file))


def _image_rows(results: Sequence[Any], file: str, rows: FileRows, truth: FileRows | None) -> RowOf:
    if truth is not None:
        rows.n_images, rows.images = truth.n_images, dict(truth.images)
        # Predictions say nothing of who looked at the picture; the places are the truth's.
        return truth.image_row
    ids = [i for i in dict.fromkeys(r.image_id for r in results) if i is not None]
    rows.n_images = len(ids)
    rows.images = {
        "image_name": [str(i) for i in ids],
        "source_id": [str(i) for i in ids],
        "file": file,
        "label_state": "missing",
    }
    if ids:
        message = f"{len(ids)} images and the classes are known by their ids alone"
        mend = "name the annotation file that the ids belong to: --truth FILE"
        rows.faults.append(Fault("SRC-019", message, mend, file))
    return RowOf({image_id: row for row, image_id in enumerate(ids)})


def _class_names(
    results: Sequence[Any], truth: FileRows | None, *, ids_are_indices: bool
) -> tuple[dict[int | str, str], str | None]:
    """Class names by the ids of the results file; and the fault, if the ids look shifted."""
    if truth is None:
        return {}, None
    own = truth.class_name
    by_index: dict[int | str, str] = dict(enumerate(own.values()))
    if ids_are_indices:
        return by_index, None
    used = {r.category_id for r in results if r.category_id is not None}
    shifted = 0 in used and 0 not in own and used <= set(by_index)
    if not shifted:
        return own, None
    known = sorted(own, key=str)
    return {}, (
        f"the class ids run over 0..{len(own) - 1}, the annotation file's over"
        f" {known[0]}..{known[-1]}: most likely they are indices into its `categories`"
    )


def _tell_classes(
    kept: Sequence[Any], names: dict[int | str, str], file: str, rows: FileRows
) -> None:
    """Adds the faults of class ids that the annotation file does not list."""
    for row, result in enumerate(kept):
        if result.category_id is not None and result.category_id not in names:
            listed = ", ".join(map(str, list(names)[:_EXAMPLES])) or "there are none"
            fault = _fault(
                "SRC-004",
                f"category_id {quote(result.category_id)} is not among the `categories` ({listed}"
                f"{', …' if len(names) > _EXAMPLES else ''})",
                "correct the id, or name the right annotation file",
                (file, int(rows.boxes["line"][row]), int(rows.boxes["source_id"][row])),
            )
            rows.faults.append(replace(fault, boxes=(row,)))


def _unknown_image(result: Any, place: _Place, *, has_truth: bool) -> Fault:  # a Result
    where = "the annotation file" if has_truth else "this file"
    return _fault(
        "SRC-005",
        f"image_id {quote(result.image_id)} is not among the images of {where}, should be",
        "name the annotation file that the results were made over: --truth FILE",
        place,
    )


def _columns(
    results: Sequence[Any], names: dict[int | str, str]
) -> dict[str, Any]:  # columns: numpy, Arrow or lists
    xywh = np.asarray([_box(result) for result in results], np.float64).reshape(len(results), 4)
    kinds = outline_kinds([result.segmentation for result in results])
    stated = [None if r.category_id is None else str(r.category_id) for r in results]
    with np.errstate(over="ignore", invalid="ignore"):  # of 1e308 the sum is infinite
        far = xywh[:, :2] + xywh[:, 2:]
    return {
        "shape": pa.array(["box", "polygon", "mask"], pa.large_string()).take(pa.array(kinds)),
        "label": [names.get(r.category_id) for r in results],
        "source_label": [
            names.get(r.category_id) or text for r, text in zip(results, stated, strict=True)
        ],
        "x1": xywh[:, 0],
        "y1": xywh[:, 1],
        "x2": far[:, 0],
        "y2": far[:, 1],
        "score": [math.nan if r.score is None else r.score for r in results],
        "origin": "detector",
    }


def _box(result: Any) -> tuple[float, ...]:  # a Result
    """x, y, w, h in px: as stated, else the bounds of the points or of the mask."""
    if result.bbox is not None:
        box: tuple[float, ...] = result.bbox
        return box
    bounds = None
    if result.keypoints is not ABSENT:
        bounds = masks.point_bounds(bytes(result.keypoints), visible_from=None)
    elif result.segmentation is not ABSENT:
        bounds = masks.outline_bounds(bytes(result.segmentation))
    if bounds is None:
        return (math.nan,) * 4
    x1, y1, x2, y2 = bounds
    return (x1, y1, x2 - x1, y2 - y1)


def _fault(code: str, message: str, mend: str, place: _Place) -> Fault:
    file, line, row = place
    return Fault(code, message, mend, file, line, str(row))
