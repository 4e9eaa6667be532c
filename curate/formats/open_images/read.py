"""Reading Open Images' tables of boxes."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from curate.assembly import Fault, Gathered
from curate.dataset import Dataset
from curate.errors import Place, SourceError, quote
from curate.formats.csv_header import is_open_images, plain
from curate.formats.csv_rows import (
    Floats,
    Record,
    columns_of,
    has_decimal_comma,
    header_of,
    number,
    numbers,
    read_table,
)
from curate.formats.open_images.classes import Classes, read_classes
from curate.formats.open_images.table import open_table
from curate.formats.open_images.verified import read_verified
from curate.formats.reading import HEAD_BYTES, Files, Options
from curate.formats.sizes import ImageSize, image_sizes
from curate.progress import track

NAME = "open-images"
EDGES = ("xmin", "ymin", "xmax", "ymax")
# Column of the file: column of the boxes table.
FLAGS = {
    "isoccluded": "occluded",
    "istruncated": "truncated",
    "isgroupof": "is_group",
    "isdepiction": "is_depiction",
}
ATTRIBUTES = {"source": "Source", "confidence": "Confidence", "isinside": "IsInside"}
KNOWN = {"imageid", "labelname", "score", *EDGES, *FLAGS, *ATTRIBUTES}

_CORRECT = "correct the row, or download the table again"
_SPLIT = re.compile(r"(?:oidv\d+-)?(.+)-annotations-bbox\.csv", re.IGNORECASE)
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_Problem = tuple[int, str, str, str]  # row of the table, code, message, mend


def claims(files: Files) -> list[str]:
    """The .csv files whose header is that of Open Images' boxes."""
    return sorted(
        name for name in files.files if name.lower().endswith(".csv") and _is_table(files, name)
    )


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a file that is not recognised may be such a table: none is without its header."""
    return _is_table(files, name)


def _is_table(files: Files, name: str) -> bool:
    try:
        return is_open_images(header_of(files.head(name, HEAD_BYTES)))
    except SourceError:
        return False


@dataclass
class _Rows:
    """The columns that grow file by file; `fractions` are those of the edges."""

    classes: Classes
    images: dict[str, list[Any]] = field(
        default_factory=lambda: {name: [] for name in ("image_name", "split", "file", "line")}
    )
    boxes: dict[str, list[Any]] = field(
        default_factory=lambda: {
            name: []
            for name in (
                "image_row", "source_label", "label", "score", "origin", *FLAGS.values(),
                "attributes", "file", "line", "start", "end",
            )
        }
    )  # fmt: skip
    fractions: list[Floats] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)


def gather(files: Files, names: Sequence[str], options: Options) -> Gathered:
    """The images and boxes of tables; sizes come from pictures or the one size given.

    Raises
    ------
    SourceError
        When there is a box and neither pictures nor a size were given: none could be placed.
    """
    rows = _Rows(read_classes(files, list(names)))
    for name in track(names, len(names), "label files"):
        _read_file(rows, files, name)
    if rows.boxes["line"] and not options.tells_sizes:
        raise SourceError(
            "gives its boxes as fractions of images whose sizes it does not state",
            place=Place(rows.boxes["file"][0]),
            mend="give the pictures with --images DIR, or one size in px for all with --size WxH",
        )
    fractions = np.vstack(rows.fractions) if rows.fractions else np.zeros((0, 4))
    image_rows = np.array(rows.boxes["image_row"], np.int64)
    verified = read_verified(files, names)
    exhaustive = verified.exhaustive(rows.images["image_name"], rows.classes.names or {})
    sizes = _sizes(rows, options, image_rows)
    edges = edges_of(fractions, sizes[image_rows])
    n_images = len(rows.images["image_name"])
    sides = {
        side: [None if np.isnan(value) else int(value) for value in sizes[:, axis]]
        for axis, side in enumerate(("width", "height"))
    }
    floats = {
        name: np.array(rows.boxes[name], np.float64) for name in ("score", "occluded", "truncated")
    }
    columns = {name: edges[:, place] for place, name in enumerate(("x1", "y1", "x2", "y2"))}
    return Gathered(
        n_images=n_images,
        n_boxes=len(edges),
        images={
            **rows.images, **sides, "label_state": "present", "exhaustive": exhaustive,
        },
        boxes={
            **rows.boxes, **floats, **columns,
            "source_id": np.array(rows.boxes["line"], np.int64),
        },
        faults=rows.faults + rows.classes.faults + verified.faults,
        classes=rows.classes.rows,
        files=rows.kept | rows.classes.kept | verified.kept,
        formats=dict.fromkeys(sorted(rows.kept), NAME),
    )  # fmt: skip


def edges_of(fractions: Floats, sizes: Floats) -> Floats:
    """(N, 4) float64: x1 y1 x2 y2 in px of as many fractions and (N, 2) sizes in px."""
    with np.errstate(over="ignore", invalid="ignore"):
        return fractions * np.hstack([sizes, sizes])


def _sizes(rows: _Rows, options: Options, image_rows: Any) -> Floats:  # an int64 array
    """(N, 2) float64: width and height in px of each image, NaN for those not known, a fault."""
    names = rows.images["image_name"]
    sizes = image_sizes(options, names)
    unclear = [row for row, size in enumerate(sizes) if size.wh is None or size.n_pictures > 1]
    if unclear:
        boxes_of: dict[int, list[int]] = defaultdict(list)
        for box, row in enumerate(image_rows.tolist()):
            boxes_of[row].append(box)
        for row in unclear:
            _say_size(rows, row, sizes[row], tuple(boxes_of[row]))
    known = [size.wh or (np.nan, np.nan) for size in sizes]
    return np.array(known, np.float64).reshape(-1, 2)


def _say_size(rows: _Rows, row: int, size: ImageSize, boxes: tuple[int, ...]) -> None:
    """Says that an image's picture is ambiguous, or that its size is not known."""
    name = quote(rows.images["image_name"][row])
    file, line = rows.images["file"][row], rows.images["line"][row]
    code, what = "SRC-015", f"no readable picture of the name {name}: its boxes cannot be placed"
    mend = "add the picture to --images DIR, or give the size with --size WxH"
    if size.n_pictures > 1:
        code, what = "SRC-011", f"{size.n_pictures} pictures fit the name {name}"
        mend = "give the pictures different names"
    rows.faults.append(Fault(code, what, mend, file, line, images=(row,), boxes=boxes))


def _read_file(rows: _Rows, files: Files, name: str) -> None:
    opened = open_table(files, name, ("imageid", "labelname", *EDGES), rows.kept, rows.faults)
    if opened is None:
        return
    table, header = opened
    whole: list[Record] = []
    for record in table.records:
        if record.fields is not None and len(record.fields) == len(header):
            whole.append(record)
            continue
        what = "is not UTF-8 text"
        if record.fields is not None:
            what = f"has {len(record.fields)} fields, should have {len(header)} as the header"
        line = record.line
        rows.faults.append(Fault("SRC-001", what, _CORRECT, name, line, str(line)))
    if not table.records:
        what, mend = "the table has a header and no row", "nothing, if that is so"
        rows.faults.append(Fault("SRC-018", what, mend, name))
    columns = dict(zip(reversed(header), reversed(columns_of(whole, len(header))), strict=True))
    _add_rows(rows, name, whole, columns)


def _add_rows(
    rows: _Rows, name: str, records: list[Record], columns: dict[str, Sequence[str]]
) -> None:
    first_box, n_records = len(rows.boxes["line"]), len(records)
    problems: list[_Problem] = []
    blank = [""] * n_records
    fractions = [_floats(columns[edge], edge, problems, is_needed=True) for edge in EDGES]
    rows.fractions.append(np.array(fractions).T.reshape(-1, 4))
    scores = _scores(columns, blank, problems)
    is_scored = ~np.isnan(scores)
    labels = _labels(columns["labelname"], rows.classes, problems)
    texts = {key: columns.get(key, blank) for key in ATTRIBUTES}
    if "score" not in columns and is_scored.any():
        texts["confidence"] = blank
    flags = {own: _flags(columns.get(key, blank), key, problems) for key, own in FLAGS.items()}
    for own in ("is_group", "is_depiction"):
        flags[own] = [None if value is None else value == 1 for value in flags[own]]
    new = {
        "image_row": _image_rows(rows, name, records, columns["imageid"], problems),
        "source_label": [text or None for text in columns["labelname"]],
        "label": labels,
        "score": scores.tolist(),
        "origin": np.where(is_scored, "detector", "human").tolist(),
        **flags,
        "attributes": _attributes(texts, problems),
        "file": [name] * n_records,
        "line": [record.line for record in records],
        "start": [record.start for record in records],
        "end": [record.end for record in records],
    }
    for column, cells in rows.boxes.items():
        cells += new[column]
    for row, code, what, mend in problems:
        line = records[row].line
        images, boxes = (new["image_row"][row],), (first_box + row,)
        rows.faults.append(
            Fault(code, what, mend, name, line, str(line), images=images, boxes=boxes)
        )
    _say_commas(rows, name, records, [columns[edge] for edge in EDGES])


def _floats(
    texts: Sequence[str], name: str, problems: list[_Problem], *, is_needed: bool
) -> Floats:
    values, bad = numbers(texts)
    for row in bad:
        what = f"has {name} {quote(texts[row])}, should be a number"
        problems.append((row, "SRC-001", what, _CORRECT))
    if is_needed and np.isnan(values).any():
        for row in np.flatnonzero(np.isnan(values)).tolist():
            if not texts[row].strip():
                problems.append((row, "SRC-001", f"has no {name}, should be a number", _CORRECT))
    return values


def _scores(
    columns: dict[str, Sequence[str]], blank: list[str], problems: list[_Problem]
) -> Floats:
    """(N,) float64: a detector's scores, NaN for none."""
    if "score" in columns:
        return _floats(columns["score"], "score", problems, is_needed=False)
    texts = columns.get("confidence", blank)
    values = _floats(texts, "confidence", problems, is_needed=False)
    is_plain = np.isnan(values) | (values == 0) | (values == 1)
    return np.full(len(values), np.nan) if is_plain.all() else values


def _labels(tokens: Sequence[str], classes: Classes, problems: list[_Problem]) -> list[str | None]:
    names = classes.names
    found = [(token if names is None else names.get(token)) or None for token in tokens]
    for row, label in enumerate(found):
        if label is None and not tokens[row]:
            problems.append((row, "SRC-009", "has no LabelName", "give the box a class"))
        elif label is None:
            what = f"LabelName {quote(tokens[row])} is not in the list of class descriptions"
            problems.append((row, "SRC-004", what, "add it to the list, or correct the row"))
    return found


def _flags(texts: Sequence[str], name: str, problems: list[_Problem]) -> list[float | None]:
    """1, 0 or None for unknown (-1, or nothing)."""
    values = {"1": 1.0, "0": 0.0, "-1": None, "": None}
    found = []
    for row, text in enumerate(texts):
        if text not in values:
            value = number(text)
            values[text] = value if value in (0, 1) else None
            if value not in (0, 1, -1):
                what = f"has {name} {quote(text)}, should be 0, 1 or -1"
                problems.append((row, "SRC-001", what, _CORRECT))
                found.append(values.pop(text))
                continue
        found.append(values[text])
    return found


def _attributes(texts: dict[str, Sequence[str]], problems: list[_Problem]) -> list[str | None]:
    """JSON objects of Source, Confidence and IsInside; rows alike share one."""
    inside = _flags(texts["isinside"], "isinside", problems)
    known: dict[tuple[str, str, float | None], str | None] = {}
    found = []
    for key in zip(texts["source"], texts["confidence"], inside, strict=True):
        if key not in known:
            known[key] = _attribute_text(*key)
        found.append(known[key])
    return found


def _attribute_text(source: str, confidence: str, inside: float | None) -> str | None:
    parts = []
    if source:
        parts.append(f'"Source": {json.dumps(source, ensure_ascii=False)}')
    value = number(confidence)
    if value is not None:
        is_json = _JSON_NUMBER.fullmatch(confidence)
        parts.append(f'"Confidence": {confidence if is_json else json.dumps(value)}')
    if inside is not None:
        parts.append(f'"IsInside": {"true" if inside else "false"}')
    return f"{{{', '.join(parts)}}}" if parts else None


def _image_rows(
    rows: _Rows,
    name: str,
    records: list[Record],
    image_ids: Sequence[str],
    problems: list[_Problem],
) -> list[int]:
    match = _SPLIT.fullmatch(PurePosixPath(name).name)
    split = match[1] if match else None
    found: dict[str, int] = {}
    image_rows = []
    for row, image_id in enumerate(image_ids):
        if image_id not in found:
            found[image_id] = len(rows.images["image_name"])
            for column, value in zip(
                rows.images.values(), (image_id, split, name, records[row].line), strict=True
            ):
                column.append(value)
            if not image_id.strip():
                problems.append((row, "SRC-001", "has no ImageID", _CORRECT))
        image_rows.append(found[image_id])
    return image_rows


def _say_commas(
    rows: _Rows, name: str, records: list[Record], columns: list[Sequence[str]]
) -> None:
    """Says once that numbers of a file are written with a comma for their point."""
    count = sum(has_decimal_comma(text) for texts in columns for text in texts if "," in text)
    if count:
        line = next(
            record.line
            for row, record in enumerate(records)
            if any(has_decimal_comma(texts[row]) for texts in columns)
        )
        rows.faults.append(
            Fault(
                "SRC-022",
                f"{count} numbers have a comma for their point, should have a point",
                "write the table again with decimal points: other loaders fail on it",
                name,
                line,
                value=float(count),
                limit=0.0,
                unit="numbers",
            )
        )


def extras(dataset: Dataset) -> Counter[str]:
    """How many values of the boxes' rows stand in columns that the tables have not, by name."""
    counts: Counter[str] = Counter()
    for file in sorted(name for name, kind in dataset.formats.items() if kind == NAME):
        table = read_table(dataset.sources.read(file))
        unread = [i for i, column in enumerate(table.header) if plain(column) not in KNOWN]
        starts = set(dataset.boxes.loc[dataset.boxes["file"] == file, "start"].tolist())
        for record in table.records if unread else ():
            if (
                record.fields is not None
                and len(record.fields) == len(table.header)
                and record.start in starts
            ):
                counts.update(table.header[place] for place in unread if record.fields[place])
    return counts
