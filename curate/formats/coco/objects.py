"""The annotations of a COCO annotation file read into box columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import numpy as np

from curate.assembly import Fault
from curate.errors import quote
from curate.formats.coco.columns import BoxColumns
from curate.formats.coco.records import Annotation, Loose, decode_all
from curate.formats.coco.repeats import Repeats
from curate.formats.coco.rows import FileRows
from curate.formats.coco.shapes import MASK, box_from_outline, kinds_in_place, outline_kinds
from curate.formats.json_document import Document, Records, loose

# Records decoded at a time: few enough for the processor's caches.
CHUNK_RECORDS = 5_000
_IMAGE_ID = attrgetter("image_id")
_OUTLINE = attrgetter("segmentation")


def read_objects(document: Document, file: str, records: Records, rows: FileRows) -> None:
    """Adds the boxes of a file to the rows that hold its images and classes already."""
    if not len(records):
        return
    lines, columns = document.lines(records.starts), BoxColumns(len(records))
    work = _Work(document, file, records, rows, lines, columns, Repeats(document, records))
    for first in range(0, len(records), CHUNK_RECORDS):
        _read_chunk(work, first)
    finished = work.columns.finished(rows.class_name)
    kept = finished.pop("record")
    rows.n_boxes = len(kept)
    whole = slice(None) if len(kept) == len(records) else kept
    rows.boxes = finished | {
        "file": file,
        "line": work.lines[whole],
        "start": records.starts[whole],
        "end": records.ends[whole],
    }
    _tell_flags(work)
    _tell_ids(file, rows)
    if rows.n_captions:
        rows.faults.append(
            Fault(
                "SRC-013",
                f"{rows.n_captions} captions hold no box and were left out of the table",
                "nothing: their bytes are kept",
                file,
            )
        )


@dataclass
class _Work:
    """One file in the course of being read."""

    document: Document
    file: str
    records: Records
    rows: FileRows
    lines: np.ndarray[Any, Any]
    columns: BoxColumns
    repeats: Repeats

    def fault(self, code: str, message: str, mend: str, at: tuple[int, Any]) -> Fault:
        """A fault of an annotation: `at` is its row among the records, and its Annotation."""
        row, ann = at
        own_id = None if ann.id is None else str(ann.id)
        return Fault(code, message, mend, self.file, int(self.lines[row]), own_id)

    def loose(self, row: int) -> Any:  # any JSON value
        """A record as Python values."""
        records = self.records
        return loose(self.document.body, int(records.starts[row]), int(records.ends[row]))


def _read_chunk(work: _Work, first: int) -> None:
    anns, wrong = decode_all(work.records, work.document, Annotation, first, CHUNK_RECORDS)
    n = len(anns)
    image_rows = work.rows.image_row.rows(list(map(_IMAGE_ID, anns)))
    usable = image_rows >= 0
    captions = _tell_wrong(work, first, anns, wrong, usable) if wrong else set()
    for row in np.flatnonzero(~usable).tolist():
        # Without an id that can be read the record is at fault, which is told already.
        if row not in captions and anns[row].image_id is not None:
            work.rows.faults.append(_unknown_image(work, (first + row, anns[row])))
    kinds = None
    if not wrong:
        starts = work.records.starts[first : first + n]
        kinds = kinds_in_place(work.document, starts, anns[0].segmentation)
    if kinds is None:
        kinds = outline_kinds(list(map(_OUTLINE, anns)))
    _tell_repeats(work, first, anns, kinds, usable)
    keep = np.flatnonzero(usable)
    if len(keep) != n:
        anns = [anns[row] for row in keep.tolist()]
    first_box = work.columns.n_rows
    work.columns.fill(anns, outline=kinds[keep], image_row=image_rows[keep], record=keep + first)
    known = work.rows.class_name
    if not set(work.columns.class_ids) <= known.keys():
        for box, (row, ann) in enumerate(zip(keep.tolist(), anns, strict=True), first_box):
            if ann.category_id not in known:
                fault = _unknown_class(work, (first + row, ann))
                work.rows.faults.append(replace(fault, boxes=(box,)))


def _unknown_image(work: _Work, at: tuple[int, Any]) -> Fault:
    return work.fault(
        "SRC-005",
        f"image_id {quote(at[1].image_id)} is not among the `images`, should be",
        "add the image's record, or correct or remove the annotation",
        at,
    )


def _unknown_class(work: _Work, at: tuple[int, Any]) -> Fault:
    ann = at[1]
    if ann.category_id is None:
        return work.fault(
            "SRC-009",
            "the annotation has no category_id, should have one",
            "give the object a class in the labelling tool and export again",
            at,
        )
    known = list(work.rows.class_name)
    listed = ", ".join(map(str, known[:5])) or "there are none"
    return work.fault(
        "SRC-004",
        f"category_id {quote(ann.category_id)} is not among the `categories`"
        f" ({listed}{', …' if len(known) > 5 else ''})",
        "add the category, or correct the id",
        at,
    )


def _tell_wrong(
    work: _Work, first: int, anns: list[Any], wrong: list[Loose], usable: np.ndarray[Any, Any]
) -> set[int]:
    """Adds the faults of loosely read annotations; returns the rows that are captions.

    Captions are no longer usable then. Rows of `usable` and of the result count within the chunk.
    """
    reasons: dict[int, list[str]] = defaultdict(list)
    for row, reason in wrong:
        reasons[row - first].append(reason)
    records = {row: work.loose(first + row) for row in sorted(reasons)}
    captions = {row for row, record in records.items() if _is_caption(record)}
    usable[list(captions)] = False
    work.rows.n_captions += len(captions)
    # Faults name rows of the finished table; a record that is left out has none.
    boxes = work.columns.n_rows + np.cumsum(usable) - 1
    for row, record in records.items():
        if row in captions:
            continue
        texts = reasons[row]
        if anns[row].score is not None:
            # A prediction in an annotation file needs no id of its own.
            texts = [text for text in texts if text != "no id"]
        if isinstance(record, dict) and record.get("bbox") is None:
            texts = box_from_outline(anns[row], record, texts)
        if texts:
            mend = "correct the record, or export the file again"
            fault = work.fault("SRC-001", "; ".join(texts), mend, (first + row, anns[row]))
            box = (int(boxes[row]),) if usable[row] else ()
            work.rows.faults.append(replace(fault, boxes=box))
    return captions


def _tell_repeats(
    work: _Work,
    first: int,
    anns: list[Any],
    kinds: np.ndarray[Any, Any],
    usable: np.ndarray[Any, Any],
) -> None:
    """Adds the faults of keys that stand twice; rows of `usable` count within the chunk."""
    # A mask in RLE has two keys of its own, `size` and `counts`.
    told = work.repeats.tell(first, 2 * (kinds == MASK))
    boxes = work.columns.n_rows + np.cumsum(usable) - 1
    for row, what in told.items():
        own = row - first
        mend = "keep the right one of the values, or export the file again"
        fault = work.fault("SRC-001", f"the annotation {what}", mend, (row, anns[own]))
        box = (int(boxes[own]),) if usable[own] else ()
        work.rows.faults.append(replace(fault, boxes=box))


def _is_caption(record: object) -> bool:
    return isinstance(record, dict) and "caption" in record and "bbox" not in record


def _tell_flags(work: _Work) -> None:
    rows = work.rows
    odd = work.columns.odd_flags()
    ids = rows.boxes["source_id"]
    lines = rows.boxes["line"]
    for box, flag in odd.items():
        message = f"iscrowd is '{flag:.0f}', should be 0 or 1: read as 1, as pycocotools does"
        own_id = None if ids[box] is None else str(ids[box])
        mend = "write 1 for a group, else 0"
        place = (work.file, int(lines[box]), own_id)
        rows.faults.append(Fault("SRC-001", message, mend, *place, boxes=(box,)))


def _tell_ids(file: str, rows: FileRows) -> None:
    lines = rows.boxes["line"]
    same, zeros = _same_and_zero(rows.boxes["source_id"])
    for own_id, boxes in same.items():
        message = f"annotation id {own_id} is used {len(boxes)} times, should be used once"
        mend = "give each annotation its own id"
        line = int(lines[boxes[1]])
        rows.faults.append(Fault("SRC-006", message, mend, file, line, own_id, boxes=tuple(boxes)))
    if zeros:
        message = "an annotation has id 0, should be 1 or more: COCOeval counts it as unmatched"
        mend = "number the annotations from 1"
        line = int(lines[zeros[0]])
        rows.faults.append(Fault("SRC-008", message, mend, file, line, "0", boxes=tuple(zeros)))


def _same_and_zero(
    ids: np.ndarray[Any, Any] | Sequence[str | None],
) -> tuple[dict[str, list[int]], list[int]]:
    """The rows of each id that is there twice or more, and the rows of id 0."""
    if isinstance(ids, np.ndarray):
        in_order = np.sort(ids)
        repeated = in_order[1:][in_order[1:] == in_order[:-1]]
        zeros = np.flatnonzero(ids == 0).tolist()
        texts = {row: str(ids[row]) for row in np.flatnonzero(np.isin(ids, repeated)).tolist()}
    else:
        texts = {row: own_id for row, own_id in enumerate(ids) if own_id is not None}
        zeros = [row for row, own_id in texts.items() if own_id == "0"]
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, own_id in texts.items():
        rows_of[own_id].append(row)
    return {own_id: rows for own_id, rows in rows_of.items() if len(rows) > 1}, zeros
