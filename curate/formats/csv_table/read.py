"""Reading tables of boxes: which files are such tables, and their rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from curate.assembly import Fault, Gathered
from curate.dataset import Dataset
from curate.errors import FormatError, SourceError, quote
from curate.formats.class_lists import ClassLists, class_label
from curate.formats.csv_header import (
    KINDS,
    Layout,
    is_box_header,
    layout_of,
)
from curate.formats.csv_rows import (
    Floats,
    Record,
    columns_of,
    header_of,
    number,
    numbers,
    read_table,
)
from curate.formats.csv_table.make import COLUMNS, NAME
from curate.formats.reading import HEAD_BYTES, Files, Options, told_kind
from curate.progress import track
from curate.tables import LABEL_STATES, ROLES, SHAPES

__all__ = ["KINDS", "claims", "extras", "gather", "may_be"]

_CORRECT = "correct the row, or export the table again"
_MAX_SIDE = 2**53
_FLAGS = {"true": True, "false": False, "1": True, "0": False, "": None}
_WORDS = {"shape": SHAPES, "role": ROLES}
_PLAIN_WORD = {"shape": "box", "role": "include"}
_NO_EDGES = {"tag"}
_IMAGE_FIELDS = (
    "image_name", "width", "height", "declared_width", "declared_height", "split", "label_state",
    "source_id", "file", "line", "start", "end",
)  # fmt: skip
_BOX_FIELDS = (
    "image_row", "shape", "source_label", "label", "role", "x1", "y1", "x2", "y2", "score",
    "origin", "is_group", "occluded", "truncated", "difficult", "track_id", "annotator",
    "attributes", "source_id", "file", "line", "start", "end",
)  # fmt: skip
_FLOATS = ("x1", "y1", "x2", "y2", "score", "occluded", "truncated")


def claims(files: Files) -> list[str]:
    """The .csv files whose header names an image, a box, and a class or score."""
    found = []
    for name in files.files:
        if name.lower().endswith(".csv"):
            try:
                head = files.head(name, HEAD_BYTES)
            except SourceError:
                continue
            if is_box_header(header_of(head)):
                found.append(name)
    return sorted(found)


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a file that is not recognised may be a table of boxes: none is without a header."""
    try:
        return is_box_header(header_of(files.head(name, HEAD_BYTES)))
    except SourceError:
        return False


@dataclass
class _Rows:
    """The columns that grow file by file."""

    lists: ClassLists
    images: dict[str, list[Any]] = field(
        default_factory=lambda: {name: [] for name in _IMAGE_FIELDS}
    )
    boxes: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _BOX_FIELDS})
    faults: list[Fault] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)


@dataclass
class _Table:
    """The whole records of one file, its columns as texts, and where its box rows begin."""

    file: str
    layout: Layout
    is_own: bool
    records: list[Record]
    columns: list[Sequence[str]]
    has_box: list[bool] = field(default_factory=list)

    def texts(self, name: str) -> Sequence[str] | None:
        """The texts of a column of the tables; None when the file has none."""
        place = self.layout.columns.get(name)
        return None if place is None else self.columns[place]


def gather(files: Files, names: Sequence[str], options: Options) -> Gathered:
    """The images and boxes of tables; `options.kind` says what the box's columns are.

    Raises
    ------
    FormatError
        When a header may be read in two ways.
    """
    rows = _Rows(ClassLists(files, options))
    for name in track(names, len(names), "label files"):
        _read_file(rows, files, name, options)
    floats = {name: np.array(rows.boxes[name], np.float64) for name in _FLOATS}
    lists = rows.lists
    return Gathered(
        n_images=len(rows.images["image_name"]),
        n_boxes=len(rows.boxes["line"]),
        images=dict(rows.images),
        boxes=rows.boxes | floats,
        faults=rows.faults + lists.faults,
        classes=lists.classes,
        files=rows.kept | lists.kept,
        formats=dict.fromkeys(sorted(rows.kept), NAME),
    )


def _read_file(rows: _Rows, files: Files, name: str, options: Options) -> None:
    try:
        body = files.read(name)
    except SourceError as error:
        mend = error.mend or "restore the file"
        rows.faults.append(Fault("SRC-002", error.what, mend, name, 1))
        return
    rows.kept[name] = body
    table = read_table(body)
    if not table.header:
        what = "has no header that is UTF-8 text, should name its columns in the first line"
        rows.faults.append(Fault("SRC-002", what, "save the file as UTF-8", name, 1))
        return
    layout = layout_of(table.header, name, options.kind)
    whole = []
    for record in table.records:
        if record.fields is not None and len(record.fields) == layout.n_columns:
            whole.append(record)
        else:
            _say_broken(rows, name, record, layout.n_columns)
    if not table.records:
        what = "the table has a header and no row"
        mend = "nothing, if that is so; else export the table again"
        rows.faults.append(Fault("SRC-018", what, mend, name))
    columns = columns_of(whole, layout.n_columns)
    own = _Table(name, layout, tuple(table.header) == COLUMNS, whole, columns)
    _add_table(rows, own)


def _say_broken(rows: _Rows, name: str, record: Record, n_columns: int) -> None:
    what = "is not UTF-8 text"
    if record.fields is not None:
        what = f"has {len(record.fields)} fields, should have {n_columns} as the header"
    line = record.line
    rows.faults.append(Fault("SRC-001", what, _CORRECT, name, line, str(line)))


def _add_table(rows: _Rows, table: _Table) -> None:
    first_box = len(rows.boxes["line"])
    table.has_box = _has_box(table)
    kept = [row for row, has in enumerate(table.has_box) if has]
    box_of = {row: first_box + place for place, row in enumerate(kept)}
    problems: list[tuple[int, str, str]] = []
    edges = _edges(table, problems)
    image_rows = _add_images(rows, table, edges, problems)
    columns = _box_columns(table, edges, problems, rows.lists)
    columns["image_row"] = image_rows
    for name, cells in rows.boxes.items():
        values = columns[name]
        cells += [values[row] for row in kept]
    for row, code, what in problems:
        record = table.records[row]
        line = record.line
        boxes = (box_of[row],) if row in box_of else ()
        mend = (
            "give the row a class, or add it to --classes FILE" if code != "SRC-001" else _CORRECT
        )
        rows.faults.append(
            Fault(
                code, what, mend, table.file, line, str(line), images=(image_rows[row],),
                boxes=boxes,
            )
        )  # fmt: skip


def _has_box(table: _Table) -> list[bool]:
    """Per record, whether it says anything beside its image."""
    places = {*table.layout.edges}
    for name in ("label", "class_id", "source_label", "score", "shape"):
        if name in table.layout.columns:
            places.add(table.layout.columns[name])
    said = [table.columns[place] for place in sorted(places)]
    return [any(text.strip() for text in texts) for texts in zip(*said, strict=True)]


def _floats(
    table: _Table, texts: Sequence[str], name: str, problems: list[tuple[int, str, str]]
) -> Floats:
    values, bad = numbers(texts)
    for row in bad:
        what = f"has {name} {quote(texts[row])}, should be a number"
        problems.append((row, "SRC-001", what))
    return values


def _edges(table: _Table, problems: list[tuple[int, str, str]]) -> Floats:
    """(N, 4) float64: x1 y1 x2 y2 in px of each record, NaN for none."""
    names = {"xyxy": "x1 y1 x2 y2", "xywh": "x y w h", "cxcywh": "cx cy w h"}
    own = names[table.layout.kind].split()
    values = np.array(
        [
            _floats(table, table.columns[place], name, problems)
            for name, place in zip(own, table.layout.edges, strict=True)
        ]
    ).T.reshape(-1, 4)
    shapes = table.texts("shape")
    for row in np.flatnonzero(np.isnan(values).any(axis=1)).tolist():
        is_tag = shapes is not None and shapes[row] in _NO_EDGES
        empty = [n for n, place in zip(own, table.layout.edges, strict=True)
                 if not table.columns[place][row].strip()]  # fmt: skip
        if table.has_box[row] and empty and not is_tag:
            problems.append((row, "SRC-001", f"has no {', '.join(empty)}, should have a box"))
    first, second = values[:, :2], values[:, 2:]
    # Of 1e308 the sum is infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        if table.layout.kind == "xywh":
            return np.hstack([first, first + second])
        if table.layout.kind == "cxcywh":
            return np.hstack([first - second / 2, first + second / 2])
    return values


def _add_images(
    rows: _Rows, table: _Table, edges: Floats, problems: list[tuple[int, str, str]]
) -> list[int]:
    """The image row of each record: one per name, and apart when records differ on the image."""
    names = table.columns[table.layout.image]
    blank = [""] * len(names)
    size = None if _are_sides(table, edges) else table.layout.size
    widths, heights = (table.columns[place] for place in size) if size else (blank, blank)
    splits = table.texts("split") or blank
    states = table.texts("label_state") or blank
    ids = table.texts("image_id") or blank
    found: dict[tuple[str, ...], int] = {}
    with_box: set[int] = set()
    image_rows = []
    for row, key in enumerate(zip(names, widths, heights, splits, states, ids, strict=True)):
        image = found.get(key)
        if image is None:
            image = _add_image(rows, table, row, key, problems)
            found[key] = image
        if table.has_box[row]:
            with_box.add(image)
        image_rows.append(image)
    for key, image in found.items():
        if image in with_box:
            rows.images["start"][image] = rows.images["end"][image] = None
        if not key[4]:
            rows.images["label_state"][image] = "present" if image in with_box else "empty"
    return image_rows


def _add_image(
    rows: _Rows,
    table: _Table,
    row: int,
    key: tuple[str, ...],
    problems: list[tuple[int, str, str]],
) -> int:
    name, width, height, split, state, own_id = key
    record = table.records[row]
    if not name.strip():
        problems.append((row, "SRC-001", "names no image"))
    sides = []
    for side, text in (("width", width), ("height", height)):
        value = number(text)
        is_side = value is not None and 0 < value < _MAX_SIDE and value.is_integer()
        sides.append(int(value) if value is not None and is_side else None)
        if text.strip() and not is_side:
            what = f"has image {side} {quote(text)}, should be a whole number of px above 0"
            problems.append((row, "SRC-001", what))
    if state and state not in LABEL_STATES:
        what = f"has label_state {quote(state)}, should be one of {', '.join(LABEL_STATES)}"
        problems.append((row, "SRC-001", what))
        state = "missing"
    values: tuple[object, ...] = (
        name, *sides, *sides, split or None, state, None if table.is_own else own_id or None,
        table.file, record.line, record.start, record.end,
    )  # fmt: skip
    for column, cell in zip(rows.images.values(), values, strict=True):
        column.append(cell)
    return len(rows.images["image_name"]) - 1


def _are_sides(table: _Table, edges: Floats) -> bool:
    """Whether the columns `width` and `height` are the box's sides once more.

    Boxes on whole images say nothing: their sides are the image's.
    """
    size = table.layout.size
    if size is None or table.layout.kind != "xyxy" or len(edges) < 2:
        return False
    widths, heights = (numbers(table.columns[place])[0] for place in size)
    with np.errstate(over="ignore", invalid="ignore"):
        sides = edges[:, 2:] - edges[:, :2]
        same = np.isclose(sides, np.array([widths, heights]).T, rtol=0, atol=1e-6).all()
    return bool(same) and bool((edges[:, :2] != 0).any())


def _box_columns(
    table: _Table, edges: Floats, problems: list[tuple[int, str, str]], lists: ClassLists
) -> dict[str, Sequence[Any]]:
    n_records = len(table.records)
    nothing: list[Any] = [None] * n_records
    columns: dict[str, Sequence[Any]] = dict.fromkeys(_BOX_FIELDS, nothing)
    for name, values in zip(("x1", "y1", "x2", "y2"), edges.T, strict=True):
        columns[name] = values.tolist()
    for name in ("score", "occluded", "truncated"):
        texts = table.texts(name) or [""] * n_records
        columns[name] = _floats(table, texts, name, problems).tolist()
    scores = np.array(columns["score"], np.float64)
    columns["origin"] = np.where(np.isnan(scores), "human", "detector").tolist()
    for name, words in _WORDS.items():
        one_of = {word: word for word in words} | {"": _PLAIN_WORD[name]}
        columns[name] = _mapped(table, name, one_of, _PLAIN_WORD[name], problems)
    for name in ("is_group", "difficult"):
        columns[name] = _mapped(table, name, _FLAGS, None, problems)
    for name in ("track_id", "annotator"):
        columns[name] = [text or None for text in table.texts(name) or nothing]
    columns["attributes"] = _attributes(table, problems)
    columns |= _classes(table, problems, lists)
    lines = [record.line for record in table.records]
    ids = table.texts("source_id")
    columns["source_id"] = [str(n) for n in lines] if ids is None else [t or None for t in ids]
    columns |= {"file": [table.file] * n_records, "line": lines}
    columns["start"] = [record.start for record in table.records]
    columns["end"] = [record.end for record in table.records]
    return columns


def _mapped(
    table: _Table,
    name: str,
    values: dict[str, Any],
    otherwise: object,
    problems: list[tuple[int, str, str]],
) -> list[Any]:
    """The values that the texts of a column stand for; others are faults."""
    texts = table.texts(name)
    if texts is None:
        return [otherwise] * len(table.records)
    found = [values.get(text.strip().lower(), table) for text in texts]
    for row, value in enumerate(found):
        if value is table:
            found[row] = otherwise
            legal = ", ".join(word for word in values if word)
            what = f"has {name} {quote(texts[row])}, should be one of {legal}"
            problems.append((row, "SRC-001", what))
    return found


def _attributes(table: _Table, problems: list[tuple[int, str, str]]) -> list[str | None]:
    texts = table.texts("attributes")
    if texts is None:
        return [None] * len(table.records)
    is_object = _remembered(_is_object)
    for row, text in enumerate(texts):
        if text and not is_object(text):
            what = f"has attributes {quote(text)}, should be a JSON object"
            problems.append((row, "SRC-001", what))
    return [text if text and is_object(text) else None for text in texts]


def _remembered(judge: Callable[[str], bool]) -> Callable[[str], bool]:
    known: dict[str, bool] = {}

    def remembered(text: str) -> bool:
        if text not in known:
            known[text] = judge(text)
        return known[text]

    return remembered


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _classes(
    table: _Table, problems: list[tuple[int, str, str]], lists: ClassLists
) -> dict[str, list[str | None]]:
    """`label` and `source_label` of each record."""
    labels, numbered = table.texts("label"), table.texts("class_id")
    given = lists.names(str(PurePosixPath(table.file).parent)) if labels is None else None
    if labels is not None and lists.options.classes is not None:
        given = lists.names(".")
    tokens = labels if labels is not None else numbered
    if tokens is None:
        tokens = [""] * len(table.records)
    sources = table.texts("source_label")
    named = {token: class_label(token, given) for token in dict.fromkeys(tokens) if token}
    found = [named.get(token, (None, None)) for token in tokens]
    source_labels = [text or None for text in (tokens if sources is None else sources)]
    has_classes = labels is not None or numbered is not None
    for row, (label, problem) in enumerate(found):
        if problem is not None:
            problems.append((row, "SRC-004", problem))
        elif label is None and has_classes and table.has_box[row]:
            source = source_labels[row]
            code = "SRC-009" if source is None else "SRC-004"
            what = "has no class" if source is None else f"class {quote(source)} has no name"
            problems.append((row, code, what))
    return {"label": [label for label, _ in found], "source_label": source_labels}


def extras(dataset: Dataset) -> Counter[str]:
    """How many values of the boxes' rows stand in columns that the tables have not, by name."""
    counts: Counter[str] = Counter()
    for file in sorted(name for name, kind in dataset.formats.items() if kind == NAME):
        table = read_table(dataset.sources.read(file))
        try:
            layout = layout_of(table.header, file, told_kind(dataset, NAME, file))
        except FormatError:
            continue
        starts = set(dataset.boxes.loc[dataset.boxes["file"] == file, "start"].tolist())
        unread = _unread(layout, is_own=tuple(table.header) == COLUMNS)
        for record in table.records if unread else ():
            if record.fields is not None and record.start in starts:
                counts.update(table.header[place] for place in unread if record.fields[place])
    return counts


def _unread(layout: Layout, *, is_own: bool) -> list[int]:
    # The ids of curate's own tables are made from what else is in them.
    unread = [] if is_own else list(layout.unknown)
    if "label" in layout.columns and "class_id" in layout.columns:
        unread.append(layout.columns["class_id"])
    return unread
