"""COCO annotation files (instances, person_keypoints) read into columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from curate.assembly import Fault
from curate.errors import quote
from curate.formats.coco.document import Document, Records, loose, span_arrays
from curate.formats.coco.lookup import RowOf, floats
from curate.formats.coco.records import (
    ABSENT,
    Annotation,
    Category,
    Image,
    Loose,
    attribute_text,
    decode_all,
    plain_text,
    side_px,
    wrong_values,
)
from curate.formats.coco.shapes import box_from_outline, kinds_in_place, outline_kinds

# Records decoded at a time: bounds the memory of Python objects that live at once.
CHUNK_RECORDS = 50_000
_GET = {name: attrgetter(name) for name in Annotation.__struct_fields__}


@dataclass
class FileRows:
    """What one annotation file gives: columns of its images and boxes, and its faults.

    Row numbers in `faults` and in `boxes["image_row"]` count from this file's first row.
    """

    n_images: int = 0
    n_boxes: int = 0
    images: dict[str, Any] = field(default_factory=dict)  # columns that make_table takes
    boxes: dict[str, Any] = field(default_factory=dict)  # as above
    faults: list[Fault] = field(default_factory=list)
    classes: list[dict[str, str | None]] = field(default_factory=list)
    image_row: RowOf = field(default_factory=RowOf)
    class_name: dict[int | str, str] = field(default_factory=dict)
    class_code: dict[int | str | None, int] = field(default_factory=dict)
    captions: int = 0


def read_annotations(document: Document, file: str) -> FileRows:
    """The rows of one annotation file."""
    rows = FileRows()
    for name, n_times in document.repeated().items():
        at = span_arrays([document.fields[name]], document.text)[0]
        message = (
            f"the key `{name}` stands {n_times} times at the top level, should stand once: "
            "only the last is read"
        )
        mend = "join the arrays into one"
        rows.faults.append(_fault("SRC-001", message, mend, file, int(document.lines(at)[0])))
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
        _read_boxes(document, file, records, rows)
    if rows.captions:
        rows.faults.append(
            Fault(
                "SRC-013",
                f"{rows.captions} captions hold no box and were left out of the table",
                "nothing: their bytes are kept",
                file,
            )
        )
    labelled = np.zeros(rows.n_images, np.bool_)
    if rows.n_boxes:
        labelled[rows.boxes["image_row"]] = True
    # Of an image without an id nothing can say whether it has labels.
    ids = rows.images.get("source_id", [])
    states = [
        "present" if is_labelled else "missing" if own_id is None else "empty"
        for is_labelled, own_id in zip(labelled.tolist(), ids, strict=True)
    ]
    rows.images["label_state"] = states
    return rows


def _read_classes(document: Document, file: str, rows: FileRows) -> None:
    records = document.records("categories")
    if records is None:
        return
    categories, wrong = decode_all(records, document, Category, 0, len(records))
    lines = document.lines(records.starts)
    for row, reason in wrong:
        rows.faults.append(_fault("SRC-001", reason, "correct the category", file, int(lines[row])))
    named: dict[str, int | str] = {}
    for row, category in enumerate(categories):
        if category.id is None or category.name is None:
            continue
        line = int(lines[row])
        if category.id in rows.class_name:
            message = f"category id {category.id} is used twice, should be used once"
            rows.faults.append(
                _fault("SRC-006", message, "give each category its own id", file, line, category.id)
            )
            continue
        if category.name in named:
            message = (
                f"categories {named[category.name]} and {category.id} are both called "
                f"{quote(category.name)}, should have names of their own"
            )
            mend = "rename one, or join them"
            rows.faults.append(_fault("SRC-007", message, mend, file, line, category.id))
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
    for row, reason in [*wrong, *wrong_values(images)]:
        fault = _fault("SRC-001", reason, "correct the image's record", file, int(lines[row]))
        rows.faults.append(replace(fault, images=(row,)))
    twice: dict[int | str, list[int]] = defaultdict(list)
    for row, image in enumerate(images):
        if image.id is not None and rows.image_row.setdefault(image.id, row) != row:
            twice[image.id].append(row)
    for image_id, later in twice.items():
        message = f"image id {image_id} is used {len(later) + 1} times, should be used once"
        mend = "give each image its own id; its boxes were given to the first"
        fault = _fault("SRC-006", message, mend, file, int(lines[later[0]]), image_id)
        rows.faults.append(replace(fault, images=(rows.image_row[image_id], *later)))
    licences = _licence_names(document)
    sizes = {
        name: list(map(side_px, map(attrgetter(name), images))) for name in ("width", "height")
    }
    rows.n_images = n
    rows.images = {
        "image_name": [
            image.file_name if image.file_name else f"image {image.id}" for image in images
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


def _read_boxes(document: Document, file: str, records: Records, rows: FileRows) -> None:
    lines = document.lines(records.starts)
    chunks = [
        _chunk(document, file, records, first, rows, lines)
        for first in range(0, len(records), CHUNK_RECORDS)
    ]
    if not chunks:
        return
    columns = {name: _join([chunk[name] for chunk in chunks]) for name in chunks[0]}
    kept = columns.pop("record")
    rows.n_boxes = len(kept)
    rows.boxes = _with_words(columns, rows) | {
        "file": file,
        "line": lines[kept],
        "start": records.starts[kept],
        "end": records.ends[kept],
    }
    _id_faults(file, rows)


def _with_words(columns: dict[str, Any], rows: FileRows) -> dict[str, Any]:
    """The columns with codes turned into words, once for all chunks."""
    code = pa.array(columns.pop("class_code"))
    names = [None if key is None else rows.class_name.get(key) for key in rows.class_code]
    stated = [
        name or (None if key is None else str(key))
        for name, key in zip(names, rows.class_code, strict=True)
    ]
    crowd = columns.pop("crowd")
    predicted = ~np.isnan(columns["score"])
    label = pa.array(names, pa.large_string()).take(code)
    known = names == stated
    return columns | {
        "shape": _words(_SHAPES, columns.pop("outline")),
        "label": label,
        "source_label": label if known else pa.array(stated, pa.large_string()).take(code),
        "is_group": pa.array(crowd == 1, mask=np.isnan(crowd)),
        "role": _words(_ROLES, (crowd == 1).astype(np.int8)),
        "origin": _words(_ORIGINS, predicted.astype(np.int8)),
    }


def _words(words: pa.Array, codes: np.ndarray[Any, Any]) -> Any:  # an Arrow array, or one word
    if len(codes) and (codes == codes[0]).all():
        return words[int(codes[0])].as_py()
    return words.take(pa.array(codes))


def _join(parts: list[Any]) -> Any:  # all numpy, all Arrow, or lists among them
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    if isinstance(parts[0], pa.Array):
        return pa.concat_arrays(parts)
    # Ids of one chunk may be integers, those of another texts.
    return [None if key is None else str(key) for key in chain.from_iterable(map(_as_list, parts))]


def _as_list(part: Any) -> list[Any]:  # ids in either form
    return list(part.tolist() if isinstance(part, np.ndarray) else part)


def _chunk(
    document: Document,
    file: str,
    records: Records,
    first: int,
    rows: FileRows,
    lines: np.ndarray[Any, Any],
) -> dict[str, Any]:  # columns: numpy or Arrow arrays
    anns, wrong = decode_all(records, document, Annotation, first, CHUNK_RECORDS)
    n = len(anns)
    places = _Places(file, lines, first)
    image_rows = rows.image_row.rows(list(map(_GET["image_id"], anns)))
    usable = image_rows >= 0
    # Reader faults name rows of the finished table; a record that is left out has none.
    row_of = rows.n_boxes + np.cumsum(usable) - 1
    skipped = _tell_wrong(document, records, anns, wrong, places, rows, row_of, usable)
    for row in np.flatnonzero(~usable).tolist():
        # Without an id that can be read the record is at fault, which is told already.
        if row not in skipped and anns[row].image_id is not None:
            rows.faults.append(places.unknown_image(anns[row], row))
    outlines = list(map(_GET["segmentation"], anns))
    kinds = None if wrong else kinds_in_place(document, records.starts[first : first + n], outlines)
    if kinds is None:
        kinds = outline_kinds(outlines)
    keep = np.flatnonzero(usable)
    if len(keep) != n:
        anns = [anns[row] for row in keep.tolist()]
    known = rows.class_name
    if not set(map(_GET["category_id"], anns)) <= known.keys():
        for row, ann in zip(keep.tolist(), anns, strict=True):
            if ann.category_id not in known:
                fault = places.unknown_class(ann, row, known)
                rows.faults.append(replace(fault, boxes=(int(row_of[row]),)))
    rows.n_boxes += len(keep)
    return _columns(anns, rows) | {
        "outline": kinds[keep],
        "image_row": image_rows[keep],
        "record": keep + first,
    }


@dataclass(frozen=True)
class _Places:
    """Makes the faults of one chunk of annotations; rows count within the chunk."""

    file: str
    lines: np.ndarray[Any, Any]
    first: int

    def line(self, row: int) -> int:
        """The line of a record in the file, from 1."""
        return int(self.lines[self.first + row])

    def unknown_image(self, ann: Any, row: int) -> Fault:
        """The fault of an Annotation whose image is not listed."""
        return _fault(
            "SRC-005",
            f"image_id {quote(ann.image_id)} is not among the `images`, should be",
            "add the image's record, or correct or remove the annotation",
            self.file,
            self.line(row),
            ann.id,
        )

    def unknown_class(self, ann: Any, row: int, known: dict[int | str, str]) -> Fault:
        """The fault of an Annotation whose class is missing or not listed."""
        if ann.category_id is None:
            return _fault(
                "SRC-009",
                "the annotation has no category_id, should have one",
                "give the object a class in the labelling tool and export again",
                self.file,
                self.line(row),
                ann.id,
            )
        listed = ", ".join(map(str, list(known)[:5])) or "there are none"
        return _fault(
            "SRC-004",
            f"category_id {quote(ann.category_id)} is not among the `categories`"
            f" ({listed}{', …' if len(known) > 5 else ''})",
            "add the category, or correct the id",
            self.file,
            self.line(row),
            ann.id,
        )


def _tell_wrong(
    document: Document,
    records: Records,
    anns: list[Any],
    wrong: list[Loose],
    places: _Places,
    rows: FileRows,
    row_of: np.ndarray[Any, Any],
    usable: np.ndarray[Any, Any],
) -> set[int]:
    """Adds the faults of loosely read annotations; returns the rows that are no boxes at all."""
    reasons: dict[int, list[str]] = defaultdict(list)
    for row, reason in wrong:
        reasons[row - places.first].append(reason)
    loosely = {
        row: loose(
            document.body,
            int(records.starts[places.first + row]),
            int(records.ends[places.first + row]),
        )
        for row in sorted(reasons)
    }
    skipped = {row for row, record in loosely.items() if _is_caption(record)}
    if skipped:
        usable[list(skipped)] = False
        row_of[:] = rows.n_boxes + np.cumsum(usable) - 1
        rows.captions += len(skipped)
    for row, record in loosely.items():
        if row in skipped:
            continue
        texts = reasons[row]
        if anns[row].score is not None:
            # A prediction in an annotation file needs no id of its own.
            texts = [text for text in texts if text != "no id"]
        if isinstance(record, dict) and record.get("bbox") is None:
            texts = box_from_outline(anns[row], record, texts)
        fault = _fault(
            "SRC-001",
            "; ".join(texts),
            "correct the record, or export the file again",
            places.file,
            places.line(row),
            anns[row].id,
        )
        if texts:
            boxes = (int(row_of[row]),) if usable[row] else ()
            rows.faults.append(replace(fault, boxes=boxes))
    return skipped


def _is_caption(record: object) -> bool:
    return isinstance(record, dict) and "caption" in record and "bbox" not in record


def _columns(anns: Sequence[Any], rows: FileRows) -> dict[str, Any]:
    n = len(anns)
    xywh = np.fromiter(chain.from_iterable(map(_GET["bbox"], anns)), np.float64, 4 * n)
    xywh = xywh.reshape(n, 4)
    classes = list(map(_GET["category_id"], anns))
    codes = rows.class_code
    for key in dict.fromkeys(classes):
        codes.setdefault(key, len(codes))
    with np.errstate(over="ignore", invalid="ignore"):  # of 1e308 the sum is infinite
        far = xywh[:, :2] + xywh[:, 2:]
    return {
        "source_id": _ids(list(map(_GET["id"], anns))),
        "class_code": np.fromiter(map(codes.__getitem__, classes), np.int32, n),
        "x1": xywh[:, 0],
        "y1": xywh[:, 1],
        "x2": far[:, 0],
        "y2": far[:, 1],
        "declared_area": floats(list(map(_GET["area"], anns))),
        "crowd": floats(list(map(_GET["iscrowd"], anns))),
        "score": floats(list(map(_GET["score"], anns))),
        "attributes": _attributes(list(map(_GET["attributes"], anns))),
    }


def _ids(ids: list[Any]) -> Any:  # an int64 array, or a list when some are texts or missing
    # By type, not by trying: numpy would take the text "007" for the number 7.
    if set(map(type, ids)) <= {int}:
        return np.fromiter(ids, np.int64, len(ids))
    return [None if key is None else str(key) for key in ids]


def _attributes(raws: list[msgspec.Raw]) -> pa.Array:
    if raws.count(ABSENT) == len(raws):
        return pa.nulls(len(raws), pa.large_string())
    texts = [None if raw is ABSENT else attribute_text(raw) for raw in raws]
    return pa.array(texts, pa.large_string())


_SHAPES = pa.array(["box", "polygon", "mask"], pa.large_string())
_ROLES = pa.array(["include", "ignore"], pa.large_string())
_ORIGINS = pa.array(["human", "detector"], pa.large_string())


def _id_faults(file: str, rows: FileRows) -> None:
    ids = rows.boxes["source_id"]
    lines = rows.boxes["line"]
    if isinstance(ids, np.ndarray):
        # Finding that there is none costs half of finding out which.
        in_order = np.sort(ids)
        some = bool((in_order[1:] == in_order[:-1]).any())
        order = np.argsort(ids, kind="stable") if some else np.arange(0)
        repeated = np.flatnonzero(np.diff(ids[order]) == 0)
        doubles: dict[Any, list[int]] = defaultdict(list)
        for at in repeated.tolist():
            members = doubles[int(ids[order[at]])]
            members += [int(order[at]), int(order[at + 1])] if not members else [int(order[at + 1])]
        zeros = np.flatnonzero(ids == 0).tolist()
    else:
        doubles = defaultdict(list)
        for row, key in enumerate(ids):
            if key is not None:
                doubles[key].append(row)
        zeros = list(doubles.get("0", []))
        doubles = defaultdict(list, {k: v for k, v in doubles.items() if len(v) > 1})
    for key, members in doubles.items():
        message = f"annotation id {key} is used {len(members)} times, should be used once"
        fault = _fault(
            "SRC-006", message, "give each annotation its own id", file, int(lines[members[1]]), key
        )
        rows.faults.append(replace(fault, boxes=tuple(members)))
    if zeros:
        message = "an annotation has id 0, should be 1 or more: COCOeval counts it as unmatched"
        fault = _fault(
            "SRC-008", message, "number the annotations from 1", file, int(lines[zeros[0]]), 0
        )
        rows.faults.append(replace(fault, boxes=tuple(zeros)))


def _fault(
    code: str, message: str, mend: str, file: str, line: int | None, source_id: object = None
) -> Fault:
    text = None if source_id is None else str(source_id)
    return Fault(code, message, mend, file, line, text)
