"""Writing bbGt files of Caltech Pedestrian: from the columns, or back into those that were read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from curate.dataset import Dataset
from curate.formats.caltech.read import (
    COLUMNS,
    N_COLUMNS,
    NAME,
    finite,
    frame_columns,
    read_line,
    version_of,
)
from curate.formats.image_names import label_paths, stem_of
from curate.formats.json_objects import by_extent, wanted_rows
from curate.formats.json_splice import Edit, apply_edits
from curate.formats.line_files import LineImage
from curate.formats.object_files import (
    EDGES,
    BoxEdit,
    FileEdits,
    ObjectFormat,
    Objects,
    Row,
    agreed,
    attributes_of,
    count_losses,
    write_objects,
)
from curate.formats.object_rows import ReadBox
from curate.formats.per_image import LABEL_STATE_WHY
from curate.formats.reading import TextError, decode_text, text_lines
from curate.formats.writing import LossReport, Lost

VERSION = 3
_OF_NAME = "names like set00_V000_I00000 alone tell it"
_ENDING = ("images (ending of the name)", "a label file's name has none")
_NOT_IN_LABEL = re.compile(r"[\s\0-\x1f\x7f\ufeff]+")
_TOKEN = re.compile(rb"[^ \t\n\r\x0b\x0c]+")
_LARGEST = 1e15
_ROUNDED = "rounded to whole px, as bbSave does"


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes a bbGt file of version 3 per image into an existing, empty folder.

    Parameters and errors are those of `object_files.write_objects`.
    """
    return write_objects(_KIND, dataset, folder, original)


def _make(
    images: list[tuple[LineImage, Objects]], folder: str, taken: Sequence[str], lost: Lost
) -> dict[str, bytes]:
    names = [image.name for image, _ in images]
    for name, (image, _) in zip(names, images, strict=True):
        lost[_ENDING] += stem_of(name) != name
        read = frame_columns(stem_of(name))
        lost["images.group", _OF_NAME] += image.group != read.get("group")
        lost["images.frame", _OF_NAME] += image.frame != read.get("frame")
    used = [name.removeprefix(folder) for name in taken]
    paths = label_paths(names, ".txt", used)
    files = {}
    for (_, objects), path in zip(images, paths, strict=True):
        lines = _made_lines(objects, VERSION, lost)
        lost["images.label_state", LABEL_STATE_WHY] += bool(objects) and not lines
        files[folder + path] = "\n".join([f"% bbGt version={VERSION}", *lines, ""]).encode()
    return files


def _made_lines(objects: Objects, version: int, lost: Lost) -> list[str]:
    lines = []
    n_columns = N_COLUMNS.get(version, len(COLUMNS))
    for rows in objects:
        own = by_extent(rows)
        if "full" not in own:
            lost["boxes", "a line has a full box: one that is only visible has no place"] += 1
            continue
        tokens = _tokens(own)[:n_columns]
        count_losses(_KIND, rows, read_line(tokens, "#0", n_columns).boxes, lost)
        lines.append(" ".join(tokens))
    return lines


def _tokens(own: dict[str, Row]) -> list[str]:
    full = own["full"]
    flags = (
        ("1" if (full["occluded"] or 0) > 0 else "0"),
        "1" if full["role"] == "ignore" else "0",
    )
    visible = _sides(own["visible"]) if "visible" in own else ["0"] * 4
    angle = _whole(full["angle_deg"] or 0.0)
    return [_label(full["label"]), *_sides(full), flags[0], *visible, flags[1], angle]


def _label(label: str) -> str:
    # A percent sign at the start of a line begins a comment.
    text = _NOT_IN_LABEL.sub("_", label) or "_"
    return f"_{text}" if text.startswith("%") else text


def _sides(row: Row) -> list[str]:
    """x, y, w, h from 1 and in whole px: the sides of the rounded edges."""
    x1, y1, x2, y2 = (_whole(row[edge]) for edge in EDGES)
    sides = (int(x1) + 1, int(y1) + 1, int(x2) - int(x1), int(y2) - int(y1))
    return [str(side) for side in sides]


def _whole(value: float) -> str:
    # Halves go up, as MATLAB rounds them for positive numbers.
    return str(math.floor(min(max(value, -_LARGEST), _LARGEST) + 0.5))


def _splice(body: bytes, todo: FileEdits, lost: Lost) -> bytes:
    version = version_of(body)
    edits: list[Edit] = []
    added: Objects = []
    for image in todo.images.values():
        added += image.added
        for (start, end), boxes in image.objects.items():
            if all(box.new is None for box in boxes):
                edits.append((start, body.find(b"\n", end) + 1 or len(body), b""))
            else:
                edits += _line_edits(body, (start, end), boxes, version, lost)
    body = apply_edits(body, edits)
    if not added:
        return body
    try:
        decode_text(body, "")
    except TextError:
        lost["boxes", "added to a file that is no UTF-8 text"] += sum(map(len, added))
        return body
    newline = "\r\n" if b"\r\n" in body else "\n"
    lines = newline.join(_made_lines(added, version, lost))
    if not lines:
        return body
    is_open = bool(text_lines(body)) and not body.endswith(b"\n")
    return body + (newline + lines if is_open else lines + newline).encode()


def _line_edits(
    body: bytes, span: tuple[int, int], boxes: list[BoxEdit], version: int, lost: Lost
) -> list[Edit]:
    line = body[slice(*span)]
    places = [match.span() for match in _TOKEN.finditer(line)]
    n_columns = N_COLUMNS.get(version, len(COLUMNS))
    old = [line[s:e].decode("utf-8", "replace") for s, e in places]
    new = _new_tokens(old, boxes, lost) if len(places) == n_columns else old
    count_losses(_KIND, wanted_rows(boxes), _read(new, boxes, n_columns), lost)
    return [
        (span[0] + start, span[0] + end, token.encode())
        for (start, end), token, before in zip(places, new, old, strict=True)
        if token != before
    ]


def _read(tokens: list[str], boxes: list[BoxEdit], n_columns: int) -> list[ReadBox]:
    key = attributes_of(boxes[0].old).get("object")
    return read_line(tokens, key if isinstance(key, str) else "#0", n_columns).boxes


def _new_tokens(old: list[str], boxes: list[BoxEdit], lost: Lost) -> list[str]:
    """The tokens of a line with what was changed in them; equal values keep their text."""
    new = list(old)
    for box in boxes:
        is_full = box.old["extent"] == "full"
        first = 1 if is_full else 6
        if box.new is None and is_full:
            why = "its visible box is still there, and a line has both"
            lost["boxes (full, removed)", why] += 1
        elif box.new is None:
            new[first : first + 4] = ["0"] * 4
        elif box.changed(*EDGES) and all(box.new[edge] is not None for edge in EDGES):
            new[first : first + 4] = _sides(box.new)
        if is_full and box.changed("angle_deg") and box.new is not None and len(new) > 11:
            new[11] = _whole(box.new["angle_deg"] or 0.0)
    is_agreed, label = agreed(boxes, "label")
    if is_agreed and label is not None:
        new[0] = _label(label)
    is_agreed, occluded = agreed(boxes, "occluded")
    if is_agreed:
        new[5] = "1" if (occluded or 0) > 0 else "0"
    is_agreed, role = agreed(boxes, "role")
    if is_agreed and role in ("include", "ignore") and len(new) > 10:
        new[10] = "1" if role == "ignore" else "0"
    return [
        before if index and finite(before) == finite(token) else token
        for index, (before, token) in enumerate(zip(old, new, strict=True))
    ]


_KIND = ObjectFormat(
    name=NAME,
    title="bbGt",
    folder="",
    lack="bbGt has no place for it",
    extents=("full", "visible"),
    image_columns=frozenset({"label_state", "group", "frame"}),
    kept_images={"image_key": "a file keeps its name", "label_state": LABEL_STATE_WHY},
    whys={
        **dict.fromkeys(EDGES, _ROUNDED),
        "label": "one word without white space for all boxes of an object",
        "role": "one flag for all boxes of an object; the label ignore is always ignored",
        "is_group": "the label tells it: people is a group, all others are not",
        "occluded": "one flag for all boxes of an object: 1 for what is above 0, else 0",
        "angle_deg": "rounded to whole degrees, and of the full box only",
        "attributes": "only object has a place",
    },
    make=_make,
    splice=_splice,
)
