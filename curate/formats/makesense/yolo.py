"""Rectangles as YOLO text: one file per image, a row `class xc yc w h` per box.

Centre and size are fractions of the upright image, so its size in px is needed. Make Sense writes
six decimals and no list of classes; a class -1 is one that was deleted after use.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from curate.errors import SourceError, quote
from curate.formats.makesense.rows import Rows, stem_of
from curate.formats.reading import Files, Options, TextError, decode_text, text_lines
from curate.formats.sizes import ImageSize, image_size
from curate.formats.yolo_rows import CLASS, N_COLUMNS, NO_CLASS, NUMBER, fraction, is_row

# By the app's own import, labelImg and darknet.
CLASS_FILES = ("labels.txt", "classes.txt", "obj.names")
# Split files list image numbers in one or two columns.
MIN_REST_COLUMNS = 3
# Make Sense rounds to 6 decimals, so an edge xc - w / 2 that it fitted to the border lies within
# half a unit of the last decimal of it (measured on od_import_coco and od_main: 0 or 5e-7).
BORDER_FRAC = 7.5e-7

_OWN_ROW = re.compile(rb"(?:-1|[0-9]+|null)(?: [01]\.[0-9]{6}){4}")
_DIGITS = 18


@dataclass
class _Reader:
    """What reading the text files of one source needs beside the rows."""

    rows: Rows
    files: Files
    options: Options
    class_lists: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    at_border: list[int] = field(default_factory=list)


def is_short_row(line: bytes) -> bool:
    """Whether a line may be the rest of a YOLO row: numbers that are no mere list of ids."""
    tokens = line.split()
    is_rest = len(tokens) >= MIN_REST_COLUMNS or b"." in line
    return len(tokens) <= N_COLUMNS and is_rest and all(map(NUMBER.fullmatch, tokens))


def read_yolo(rows: Rows, bodies: Mapping[str, bytes], files: Files, options: Options) -> None:
    """Reads the text files `bodies` into `rows`.

    Raises
    ------
    SourceError
        When there is a box and neither pictures nor a size were given: none could be placed.
    """
    if options.pictures is None and options.size_wh is None:
        for file, body in bodies.items():
            _refuse_without_size(file, body)
    reader = _Reader(rows, files, options)
    for file, body in bodies.items():
        _read_file(reader, file, body)
    if reader.at_border:
        _say_border(reader)


def _refuse_without_size(file: str, body: bytes) -> None:
    if body.strip(b"\xef\xbb\xbf \t\r\n"):
        raise SourceError(
            f"{file} gives its boxes as fractions of an image whose size it does not state",
            mend="give the pictures with --images DIR, or one size in px for all with --size WxH",
        )


def _read_file(reader: _Reader, file: str, body: bytes) -> None:
    rows = reader.rows
    size = image_size(reader.options, stem_of(file))
    lines = [line for line in text_lines(body) if line[3].strip()]
    width, height = size.wh or (None, None)
    row = rows.add_image(
        stem_of(file), width=width, height=height, file=file, start=0, end=len(body)
    )
    if not lines:
        rows.images["label_state"][row] = "empty"
        return
    if not any(is_row(line[3]) for line in lines) and _say_unreadable(rows, file, row, body):
        return
    first = rows.n_boxes
    names = _class_list(reader, str(PurePosixPath(file).parent))
    for number, start, end, line in lines:
        place = {"file": file, "line": number, "start": start, "end": end}
        box = rows.add_box(row, source_id=str(number), **place)
        _set_class(rows, box, line.split()[0], names)
        _set_edges(reader, box, line.split(), size)
        if _OWN_ROW.fullmatch(line) and _touches_border(line.split()):
            reader.at_border.append(box)
    _say_size(reader, size, row, range(first, rows.n_boxes))


def _say_unreadable(rows: Rows, file: str, row: int, body: bytes) -> bool:
    """Whether the file is no text at all; then its image is unreadable and a fault says so."""
    line = body.count(b"\n", 0, max(body.find(b"\0"), 0)) + 1
    try:
        text, _ = decode_text(body, file)
        what = "holds NUL bytes" if "\0" in text else None
    except TextError as error:
        what = error.what
        line = error.place.line or 1 if error.place else 1
    if what is None:
        return False
    rows.images["label_state"][row] = "unreadable"
    rows.fault(
        "SRC-002",
        f"no row of the file is a class and four numbers: {what}",
        "restore the file or export it again",
        file=file,
        line=line,
        images=(row,),
    )
    return True


def _set_class(rows: Rows, box: int, token: bytes, names: tuple[str, ...] | None) -> None:
    if not CLASS.fullmatch(token):
        # The row's numbers are judged with the others of its line.
        return
    text = token.decode("ascii")
    rows.boxes["source_label"][box] = text
    place = _place(rows, box)
    if text in NO_CLASS:
        rows.fault(
            "SRC-009",
            f"class {text}: the box has no class, or its class was deleted after use",
            "give the box a class in Make Sense and export again",
            **place,
        )
        return
    known = len(text) <= _DIGITS and 0 <= int(text) < (math.inf if names is None else len(names))
    if known and (names is None or names[int(text)]):
        rows.boxes["label"][box] = text if names is None else names[int(text)]
        return
    should = "a whole number from 0" if names is None else f"one of 0 to {len(names) - 1}"
    rows.fault(
        "SRC-004",
        f"class {quote(text)} is not in the list of classes, should be {should}",
        "add the class to the list (--classes FILE) or correct the number",
        **place,
    )


def _set_edges(reader: _Reader, box: int, tokens: list[bytes], size: ImageSize) -> None:
    rows = reader.rows
    values = [fraction(token) for token in tokens[1:]]
    what = None
    if len(tokens) != N_COLUMNS:
        what = f"{len(tokens)} columns, should be {N_COLUMNS}: class xc yc w h"
    elif not CLASS.fullmatch(tokens[0]):
        what = f"class {quote(tokens[0].decode('utf-8', 'replace'))}, should be a whole number"
    elif None in values:
        bad = tokens[1 + values.index(None)].decode("utf-8", "replace")
        what = f"{quote(bad)} is no finite number, should be a fraction of the image"
    if what is not None:
        rows.fault("SRC-001", what, "correct the line or export it again", **_place(rows, box))
    if len(tokens) != N_COLUMNS or size.wh is None:
        return
    width, height = size.wh
    xc, yc, w, h = values
    for name, centre, side, length in (
        ("x", xc, w, width),
        ("y", yc, h, height),
    ):
        if centre is not None and side is not None:
            rows.boxes[f"{name}1"][box] = (centre - side / 2) * length
            rows.boxes[f"{name}2"][box] = (centre + side / 2) * length


def _place(rows: Rows, box: int) -> dict[str, object]:
    return {
        "file": rows.boxes["file"][box],
        "line": rows.boxes["line"][box],
        "source_id": rows.boxes["source_id"][box],
        "images": (rows.boxes["image_row"][box],),
        "boxes": (box,),
    }


def _touches_border(tokens: list[bytes]) -> bool:
    xc, yc, w, h = (float(token) for token in tokens[1:])
    edges = (xc - w / 2, yc - h / 2, xc + w / 2 - 1, yc + h / 2 - 1)
    return any(abs(edge) <= BORDER_FRAC for edge in edges)


def _say_border(reader: _Reader) -> None:
    boxes = reader.at_border
    files = {reader.rows.boxes["file"][box] for box in boxes}
    reader.rows.fault(
        "SRC-016",
        f"{len(boxes)} boxes touch the image border, where Make Sense shrinks what sticks out",
        "compare with the VOC or CSV export of the same project, which are not fitted",
        file=files.pop() if len(files) == 1 else None,
        boxes=tuple(boxes),
        value=float(len(boxes)),
        limit=0.0,
        unit="boxes",
    )


def _say_size(reader: _Reader, size: ImageSize, row: int, boxes: range) -> None:
    """Says that the picture is ambiguous, or that its size is not known."""
    rows = reader.rows
    place = {"file": rows.images["file"][row], "images": (row,), "boxes": tuple(boxes)}
    stem = rows.images["image_name"][row]
    if size.n_pictures > 1:
        rows.fault(
            "SRC-011",
            f"{size.n_pictures} pictures are called {quote(stem)} but for folder or ending: the "
            "boxes may belong to any, and Make Sense kept only the last one's",
            "give the pictures different names and export again",
            **place,
        )
    elif size.wh is None:
        rows.fault(
            "SRC-015",
            f"no readable picture of the name {quote(stem)}: its boxes cannot be placed",
            "add the picture to --images DIR, or give the size with --size WxH",
            **place,
        )


def _class_list(reader: _Reader, folder: str) -> tuple[str, ...] | None:
    """The class names for the files of one folder: as given, else listed there or above it."""
    if folder not in reader.class_lists:
        reader.class_lists[folder] = _find_class_list(reader, folder)
    return reader.class_lists[folder]


def _find_class_list(reader: _Reader, folder: str) -> tuple[str, ...] | None:
    given = reader.options.classes
    if given is not None:
        if not reader.rows.classes:
            _list_classes(reader.rows, "--classes", given)
        return given
    path = PurePosixPath(folder)
    for place in (path, *path.parents):
        for name in CLASS_FILES:
            file = (place / name).as_posix()
            if file in reader.rows.files:
                return tuple(_names(reader.rows.files[file], file))
            if file in reader.files.files:
                return _read_class_list(reader, file)
    return None


def _read_class_list(reader: _Reader, file: str) -> tuple[str, ...] | None:
    try:
        body = reader.files.read(file)
        names = tuple(_names(body, file))
    except (SourceError, TextError) as error:
        reader.rows.fault(
            "SRC-002",
            f"the list of classes cannot be read: {error.what}",
            "restore the file, or give the list with --classes FILE",
            file=file,
        )
        return None
    reader.rows.files[file] = body
    _list_classes(reader.rows, file, names)
    return names


def _names(body: bytes, file: str) -> list[str]:
    text, _ = decode_text(body, file)
    return [line.strip() for line in text.rstrip().split("\n")] if text.strip() else []


def _list_classes(rows: Rows, file: str, names: tuple[str, ...]) -> None:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if not name:
            continue
        rows.classes.append({"file": file, "source_id": str(index), "label": name})
        if first.setdefault(name, index) != index:
            rows.fault(
                "SRC-007",
                f"classes {first[name]} and {index} are both called {quote(name)}",
                "give the classes names of their own",
                file=file,
                line=index + 1,
            )
