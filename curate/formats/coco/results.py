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

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from curate.assembly import Fault
from curate.errors import quote
from curate.formats.coco.columns import SHAPES, label_columns, words_of
from curate.formats.coco.lookup import Key, RowOf
from curate.formats.coco.predictions import Predictions, read_predictions
from curate.formats.coco.records import Loose
from curate.formats.coco.repeats import repeats
from curate.formats.coco.rows import FileRows
from curate.formats.coco.truth import Truth
from curate.formats.declared import SIZES, Format
from curate.formats.json_document import Document, Records, loose

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
    found = read_predictions(document, records)
    lines = document.lines(records.starts)
    truth = None if files is None else files.over(_known(found.image_ids), file)
    rows.image_row = _image_rows(_known(found.image_ids), file, rows, truth)
    names, class_fault = _class_names(found.class_ids, truth, ids_are_indices=ids_are_indices)
    row_of_id = [-1 if i is None else rows.image_row[i] for i in found.image_ids]
    image_rows = np.array(row_of_id, np.int64)[found.image]
    captions = _captions(document, records, {row for row, _ in found.wrong})
    is_caption = np.isin(np.arange(len(records)), list(captions))
    usable = (image_rows >= 0) & ~is_caption
    for row in np.flatnonzero((image_rows < 0) & ~is_caption).tolist():
        image_id = found.image_ids[found.image[row]]
        # A record without an id is at fault itself, which is told below.
        if image_id is not None:
            place = (file, int(lines[row]), int(row))
            rows.faults.append(_unknown_image(image_id, place, has_truth=truth is not None))
    keep = np.flatnonzero(usable)
    _tell_wrong(rows, [*found.wrong, *_twice(document, records)], (file, lines), usable, captions)
    rows.n_boxes = len(keep)
    rows.boxes = _columns(found, keep, names) | {
        "image_row": image_rows[keep],
        "source_id": keep,
        "file": file,
        "line": lines[keep],
        "start": records.starts[keep],
        "end": records.ends[keep],
    }
    if class_fault is not None:
        fault = Fault("SRC-012", class_fault, "read again with --class-ids index", file)
        rows.faults.append(replace(fault, boxes=tuple(range(len(keep)))))
    elif truth is not None:
        _tell_classes(found, keep, names, rows)
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


def _known(ids: Sequence[Key]) -> list[int | str]:
    return [own_id for own_id in ids if own_id is not None]


def _twice(document: Document, records: Records) -> list[Loose]:
    return [(row, f"the record {why}") for row, why in repeats(document, records).items()]


def _tell_wrong(
    rows: FileRows,
    wrong: Sequence[Loose],
    at: tuple[str, np.ndarray[Any, Any]],
    usable: np.ndarray[Any, Any],
    captions: set[int],
) -> None:
    """Adds the faults of records; `at` is the file and the line of each record."""
    file, lines = at
    row_of = np.cumsum(usable) - 1
    for row, reason in wrong:
        if row in captions:
            continue
        fault = _fault("SRC-001", reason, "correct the record", (file, int(lines[row]), row))
        boxes = (int(row_of[row]),) if usable[row] else ()
        rows.faults.append(replace(fault, boxes=boxes))


def _captions(document: Document, records: Records, odd: set[int]) -> set[int]:
    found = set()
    for row in sorted(odd):
        record = loose(document.body, int(records.starts[row]), int(records.ends[row]))
        if isinstance(record, dict) and "caption" in record:
            found.add(row)
    return found


def _caption_note(captions: set[int], file: str, rows: FileRows) -> None:
    if captions:
        message = f"{len(captions)} captions hold no box and were left out of the table"
        rows.faults.append(Fault("SRC-013", message, "nothing: their bytes are kept", file))


def _image_rows(
    ids: Sequence[int | str], file: str, rows: FileRows, truth: FileRows | None
) -> RowOf:
    if truth is not None:
        rows.n_images, rows.images = truth.n_images, dict(truth.images)
        # Predictions say nothing of who looked at the picture; the places are the truth's.
        return truth.image_row
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
    class_ids: Sequence[Key], truth: FileRows | None, *, ids_are_indices: bool
) -> tuple[dict[int | str, str], str | None]:
    """Class names by the ids of the results file; and the fault, if the ids look shifted."""
    if truth is None:
        return {}, None
    own = truth.class_name
    by_index: dict[int | str, str] = dict(enumerate(own.values()))
    if ids_are_indices:
        return by_index, None
    used = set(_known(class_ids))
    shifted = 0 in used and 0 not in own and used <= set(by_index)
    if not shifted:
        return own, None
    known = sorted(own, key=str)
    return {}, (
        f"the class ids run over 0..{len(own) - 1}, the annotation file's over"
        f" {known[0]}..{known[-1]}: most likely they are indices into its `categories`"
    )


def _tell_classes(
    found: Predictions, keep: np.ndarray[Any, Any], names: dict[int | str, str], rows: FileRows
) -> None:
    """Adds the faults of class ids that the annotation file does not list."""
    unknown = [i for i, key in enumerate(found.class_ids) if key is not None and key not in names]
    listed = ", ".join(map(str, list(names)[:_EXAMPLES])) or "there are none"
    more = ", …" if len(names) > _EXAMPLES else ""
    labels = found.label[keep]
    for row in np.flatnonzero(np.isin(labels, unknown)).tolist():
        own_id = found.class_ids[labels[row]]
        fault = _fault(
            "SRC-004",
            f"category_id {quote(own_id)} is not among the `categories` ({listed}{more})",
            "correct the id, or name the right annotation file",
            (rows.boxes["file"], int(rows.boxes["line"][row]), int(keep[row])),
        )
        rows.faults.append(replace(fault, boxes=(row,)))


def _unknown_image(image_id: int | str, place: _Place, *, has_truth: bool) -> Fault:
    where = "the annotation file" if has_truth else "this file"
    return _fault(
        "SRC-005",
        f"image_id {quote(image_id)} is not among the images of {where}, should be",
        "name the annotation file that the results were made over: --truth FILE",
        place,
    )


def _columns(
    found: Predictions, keep: np.ndarray[Any, Any], names: dict[int | str, str]
) -> dict[str, Any]:  # columns: numpy, Arrow, or one value
    x1, y1, width, height = found.xywh[keep].T
    with np.errstate(over="ignore", invalid="ignore"):  # of 1e308 the sum is infinite
        x2, y2 = x1 + width, y1 + height
    return {
        "shape": words_of(SHAPES, found.outline[keep]),
        **label_columns(found.class_ids, found.label[keep], names),
        "x1": x1.copy(),
        "y1": y1.copy(),
        "x2": x2,
        "y2": y2,
        "score": found.score[keep],
        "origin": "detector",
    }


def _fault(code: str, message: str, mend: str, place: _Place) -> Fault:
    file, line, row = place
    return Fault(code, message, mend, file, line, str(row))
