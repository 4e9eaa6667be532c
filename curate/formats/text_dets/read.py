"""Reading text detections: their lines as rows."""

from __future__ import annotations

import codecs
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from curate.assembly import Fault, Gathered
from curate.dataset import Dataset
from curate.errors import CurateError, FormatError, Place, SourceError, quote
from curate.formats.class_lists import ClassLists, class_label
from curate.formats.reading import Files, Options, TextError, decode_text, text_lines
from curate.formats.sizes import image_sizes
from curate.formats.text_dets.sniff import (
    Floats,
    folder_of,
    head_lines,
    kind_of_numbers,
    look,
    looks,
    number,
)
from curate.progress import track

NAME = "text-dets"
KINDS = ("xywh", "xyxy", "rel-xywh", "frustum")
# charlesq34/frustum-pointnets, kitti/prepare_data.py, read_det_file.
FRUSTUM_TYPES = {"1": "Pedestrian", "2": "Car", "3": "Cyclist"}

_FORM = "class score and four numbers"
_FRUSTUM_FORM = "path type score x1 y1 x2 y2"
_CORRECT = "correct the line, or export the detections again"
_COLUMNS = ("score", *(f"the {nth} number" for nth in ("first", "second", "third", "fourth")))


def claims(files: Files) -> list[str]:
    """The .txt files whose first lines are a class, a score and four numbers.

    Or a path, a type and five numbers. At least half of the first lines must be so. Beside such a
    file empty, unreadable and damaged ones are claimed too. Fractions that may as well be YOLO's
    predictions are not.
    """
    found = looks(files)
    homes = {folder_of(name) for name, own in found.items() if own == "dets"}
    return sorted(
        name
        for name, own in found.items()
        if own in ("dets", "frustum") or (own in ("nothing", "broken") and folder_of(name) in homes)
    )


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a .txt file that is not recognised may hold detections of this kind."""
    return look(head_lines(files, name)) != "other"


def kind_of(files: Files, name: str) -> str | None:
    """`frustum` for a file of all images; None for others: their numbers tell it together."""
    return "frustum" if look(head_lines(files, name)) == "frustum" else None


def extras(dataset: Dataset) -> Counter[str]:
    """Nothing: every value of a line is in a column."""
    return Counter()


def gather(files: Files, names: Sequence[str], options: Options) -> Gathered:
    """The images and detections of text files.

    Raises
    ------
    FormatError
        When the numbers do not prove what they are.
    SourceError
        For fractions when neither pictures nor a size were given.
    """
    rows = _Rows(ClassLists(files, options))
    for name in track(names, len(names), "label files"):
        _read_file(rows, files, name, options.kind)
    values = np.array([rows.numbers[i] for i in range(4)], np.float64).T.reshape(-1, 4)
    framed = np.array(rows.is_frustum, bool)
    kind = None if framed.all() else _kind(rows, values[~framed], options)
    _set_sizes(rows, options, needed=kind == "rel-xywh")
    edges = _edges(rows, values, framed, kind)
    lists = rows.lists
    return Gathered(
        n_images=len(rows.images["image_name"]),
        n_boxes=len(values),
        images=dict(rows.images),
        boxes={
            **rows.boxes,
            **{name: edges[:, i] for i, name in enumerate(("x1", "y1", "x2", "y2"))},
            "score": np.array(rows.scores, np.float64),
            "origin": "detector",
            "source_id": np.asarray(rows.boxes["line"], np.int64),
        },
        faults=rows.faults + lists.faults,
        classes=lists.classes,
        files=rows.kept | lists.kept,
        formats=dict.fromkeys(sorted(rows.kept), NAME),
        box_tokens=_tokens(rows),
    )


def _tokens(rows: _Rows) -> list[str] | None:
    """Tokens that tell the lines of several files over one image apart; None for a file each."""
    if len(rows.kept) == 1 or not any(rows.is_frustum):
        return None
    pairs = zip(rows.boxes["file"], rows.boxes["line"], strict=True)
    return [f"{file}:{line}" for file, line in pairs]


def _columns(*names: str) -> dict[str, list[Any]]:
    return {name: [] for name in names}  # values of many types


@dataclass
class _Rows:
    """The columns that grow file by file; `numbers` are the last four of each line, NaN for none.

    `sized` are the image rows that a size is looked for: those of files of one image.
    """

    lists: ClassLists
    images: dict[str, list[Any]] = field(
        default_factory=lambda: _columns(
            "image_name", "width", "height", "label_state", "source_id", "file", "line", "start",
            "end",
        )
    )  # fmt: skip
    boxes: dict[str, list[Any]] = field(
        default_factory=lambda: _columns(
            "image_row", "source_label", "label", "attributes", "file", "line", "start", "end"
        )
    )
    scores: list[float] = field(default_factory=list)
    numbers: list[list[float]] = field(default_factory=lambda: [[], [], [], []])
    is_frustum: list[bool] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    row_of: dict[str, int] = field(default_factory=dict)

    def add_image(self, name: str, state: str, **values: object) -> int:
        """Appends an image row; returns its number."""
        row = {"image_name": name, "label_state": state, **values}
        for column, cells in self.images.items():
            cells.append(row.get(column))
        return len(self.images["image_name"]) - 1

    def add_box(self, image: int, place: _Line, label: tuple[str | None, str | None]) -> int:
        """Appends a box row without its numbers; returns its number."""
        values = (image, *label, place.attributes, place.file, place.line, place.start, place.end)
        for cells, value in zip(self.boxes.values(), values, strict=True):
            cells.append(value)
        return len(self.boxes["line"]) - 1

    def fault(self, code: str, what: str, place: _Line, mend: str = _CORRECT) -> None:
        """Says what is wrong with the last box."""
        box = len(self.boxes["line"]) - 1
        images = (self.boxes["image_row"][box],)
        line = place.line
        self.faults.append(
            Fault(code, what, mend, place.file, line, str(line), images=images, boxes=(box,))
        )


@dataclass(frozen=True, slots=True)
class _Line:
    """Where a line stands, its span in bytes, and what its file says of all lines."""

    file: str
    line: int
    start: int
    end: int
    attributes: str | None = None


def _read_file(rows: _Rows, files: Files, name: str, kind: str | None) -> None:
    is_frustum = kind == "frustum" or (kind is None and kind_of(files, name) == "frustum")
    stem = PurePosixPath(name).stem
    try:
        body = files.read(name)
        rows.kept[name] = body
        _check_text(body, name)
    except CurateError as error:
        line = error.place.line if error.place and error.place.line else 1
        mend = error.mend or "restore the file from a backup"
        images = () if is_frustum else (rows.add_image(stem, "unreadable", file=name, line=1),)
        rows.faults.append(Fault("SRC-002", error.what, mend, name, line, images=images))
        return
    lines = [line for line in text_lines(body) if line[3].strip()]
    if is_frustum:
        attributes = json.dumps({"detector": stem}, ensure_ascii=False)
        for line, start, end, raw in lines:
            _add_frustum(rows, raw.split(), _Line(name, line, start, end, attributes))
        return
    state = "present" if lines else "empty"
    image = rows.add_image(stem, state, file=name, line=1, start=0, end=len(body))
    classes = rows.lists.names(folder_of(name) or ".")
    for line, start, end, raw in lines:
        _add_detection(rows, raw.split(), _Line(name, line, start, end), image, classes)


def _check_text(body: bytes, file: str) -> None:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in body:
        line = body.count(b"\n", 0, max(body.find(b"\0"), 0)) + 1
        what = "is UTF-16 or binary, should be UTF-8 text"
        raise TextError(what, place=Place(file, line), mend="save the file as UTF-8")
    decode_text(body, file)


def _add_detection(
    rows: _Rows, tokens: list[bytes], place: _Line, image: int, classes: tuple[str, ...] | None
) -> None:
    token = tokens[0].decode()
    label, problem = class_label(token, classes)
    rows.add_box(image, place, (token, label))
    if problem is not None:
        mend = "add the class to the list (--classes FILE) or correct it"
        rows.fault("SRC-004", problem, place, mend)
    _add_numbers(rows, tokens[1:], place, _FORM, n_before=1)
    rows.is_frustum.append(False)


def _add_frustum(rows: _Rows, tokens: list[bytes], place: _Line) -> None:
    path = tokens[0].decode()
    name = PurePosixPath(path.replace("\\", "/")).name or path
    if path not in rows.row_of:
        rows.row_of[path] = rows.add_image(
            name, "present", source_id=path, file=place.file, line=place.line
        )
    kind = tokens[1].decode() if len(tokens) > 1 else None
    given = rows.lists.options.classes
    if given is not None and kind is not None:
        label, _ = class_label(kind, rows.lists.names("."))
    else:
        label = FRUSTUM_TYPES.get(kind or "")
    rows.add_box(rows.row_of[path], place, (kind, label))
    if kind is not None and label is None:
        what = f"type {quote(kind)}, should be 1 Pedestrian, 2 Car or 3 Cyclist"
        rows.fault("SRC-004", what, place, "correct the type, or name the types by --classes FILE")
    _add_numbers(rows, tokens[2:], place, _FRUSTUM_FORM, n_before=2)
    rows.is_frustum.append(True)


def _add_numbers(
    rows: _Rows, tokens: list[bytes], place: _Line, form: str, *, n_before: int
) -> None:
    """Adds the score and the four numbers of the last box; NaN for those that are none."""
    values: list[float | None] = [None] * 5
    if len(tokens) != 5:
        n, wanted = len(tokens) + n_before, 5 + n_before
        what = f"has {n} columns, should have {wanted}: {form}"
        rows.fault("SRC-001", what, place)
    else:
        values = [number(token) for token in tokens]
        for name, token, value in zip(_COLUMNS, tokens, values, strict=True):
            if value is None:
                what = f"has {quote(token.decode())} as {name}, should be a number"
                rows.fault("SRC-001", what, place)
    score, *numbers = (math.nan if value is None else value for value in values)
    rows.scores.append(score)
    for cells, value in zip(rows.numbers, numbers, strict=True):
        cells.append(value)


def _kind(rows: _Rows, values: Floats, options: Options) -> str | None:
    """What the numbers of files of one image are; None when there are none.

    Raises
    ------
    FormatError
        When they do not prove it.
    """
    if options.kind is not None:
        return options.kind
    if not np.isfinite(values).all(axis=1).any():
        return None
    kind = kind_of_numbers(values, None)
    if kind is None and options.tells_sizes:
        kind = kind_of_numbers(values, _sizes_of_boxes(rows, options))
    if kind is None:
        raise FormatError(
            f"{len(values)} detections whose numbers may be left top width height as well as"
            " left top right bottom",
            place=Place(rows.boxes["file"][0]),
            mend="say which with --from text-dets-xywh, text-dets-xyxy or text-dets-rel-xywh",
        )
    return kind


def _sizes_of_boxes(rows: _Rows, options: Options) -> Floats:
    """(N, 2) float64: width and height in px of the image of each line of a file of one image."""
    sizes = image_sizes(options, rows.images["image_name"])
    known = np.array([size.wh or (math.nan, math.nan) for size in sizes], np.float64)
    pairs = zip(rows.boxes["image_row"], rows.is_frustum, strict=True)
    return known.reshape(-1, 2)[[row for row, framed in pairs if not framed]]


def _set_sizes(rows: _Rows, options: Options, *, needed: bool) -> None:
    """Sets the sizes of images whose boxes are fractions, and says which are not known.

    Raises
    ------
    SourceError
        When neither pictures nor a size were given.
    """
    if not needed:
        return
    if not options.tells_sizes:
        raise SourceError(
            "gives its boxes as fractions of images whose sizes it does not state",
            place=Place(rows.boxes["file"][0]),
            mend="give the pictures with --images DIR, or one size in px for all with --size WxH",
        )
    boxes_of: dict[int, list[int]] = {}
    for box, row in enumerate(rows.boxes["image_row"]):
        boxes_of.setdefault(row, []).append(box)
    stems = [rows.images["image_name"][row] for row in boxes_of]
    sizes = image_sizes(options, stems)
    for (row, boxes), stem, size in zip(boxes_of.items(), stems, sizes, strict=True):
        if size.wh is not None:
            rows.images["width"][row], rows.images["height"][row] = size.wh
        place = {"file": rows.images["file"][row], "images": (row,), "boxes": tuple(boxes)}
        if size.n_pictures > 1:
            what = f"{size.n_pictures} pictures are called {quote(stem)} but for folder or ending"
            mend = "give the pictures different names"
            rows.faults.append(Fault("SRC-011", what, mend, **place))
        elif size.wh is None:
            what = f"no readable picture of the name {quote(stem)}: its boxes cannot be placed"
            mend = "add the picture to --images DIR, or give the size with --size WxH"
            rows.faults.append(Fault("SRC-015", what, mend, **place))


def _edges(rows: _Rows, values: Floats, framed: Any, kind: str | None) -> Floats:  # a bool array
    """(N, 4) float64: x1 y1 x2 y2 in px."""
    if kind in (None, "xyxy", "frustum"):
        return values
    edges = values.copy()
    own = values[~framed]
    # Of 1e308 the sum is infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        if kind == "rel-xywh":
            widths = [math.nan if side is None else side for side in rows.images["width"]]
            heights = [math.nan if side is None else side for side in rows.images["height"]]
            image = np.asarray(rows.boxes["image_row"], np.int64)[~framed]
            sizes = np.array([widths, heights], np.float64).T[image]
            half = own[:, 2:] / 2
            own = np.hstack([(own[:, :2] - half) * sizes, (own[:, :2] + half) * sizes])
        else:
            own = np.hstack([own[:, :2], own[:, :2] + own[:, 2:]])
    edges[~framed] = own
    return edges
