"""Reading bbGt files of Caltech Pedestrian: a line per object, its boxes as rows."""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

from curate.assembly import Gathered
from curate.dataset import Dataset
from curate.errors import CurateError, SourceError, quote
from curate.formats.object_rows import (
    UNKNOWN_EDGES,
    ObjectRows,
    ReadBox,
    ReadObject,
    Spot,
    attributes_text,
    xywh_edges,
)
from curate.formats.reading import Files, Options, decode_text, text_lines
from curate.progress import track

NAME = "caltech"
HEADER = re.compile(rb"\s*%\s*bbGt\s+version\s*=\s*(\d{1,3})\s*$")
# Version -> number of columns (bbGt.m, bbLoad).
N_COLUMNS = {0: 10, 1: 10, 2: 11, 3: 12}
COLUMNS = ("label", "x", "y", "w", "h", "occ", "vx", "vy", "vw", "vh", "ign", "ang")
IGNORE = "ignore"
GROUP = "people"

_HEAD_BYTES = 1 << 12
_FRAME = re.compile(r"(?:^|.*/)(set\d+)[/_](V\d+)[/_]I(\d{1,9})(?:\.\w+)?", re.ASCII)


def claims(files: Files) -> list[str]:
    """The .txt files that begin with `% bbGt version=`.

    Beside such a file empty and unreadable ones are claimed too.
    """
    looks = {name: _look(files, name) for name in files.files if name.lower().endswith(".txt")}
    homes = {name.rpartition("/")[0] for name, look in looks.items() if look == "bbgt"}
    return sorted(
        name
        for name, look in looks.items()
        if look == "bbgt" or (look in ("nothing", "broken") and name.rpartition("/")[0] in homes)
    )


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a .txt file that is not recognised may be one; there is no `kind`."""
    return _look(files, name) != "other"


def _look(files: Files, name: str) -> str:
    try:
        head = files.head(name, _HEAD_BYTES)
    except SourceError:
        return "broken"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head:
        return "broken"
    head = head.removeprefix(codecs.BOM_UTF8)
    if not head.strip():
        return "nothing"
    return "bbgt" if HEADER.match(head.lstrip().partition(b"\n")[0]) else "other"


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The images and boxes of bbGt files.

    They state no image sizes: `options.size_wh` gives one for all images.
    """
    rows = ObjectRows(options.size_wh)
    for name in track(names, len(names), "label files"):
        body = b""
        try:
            body = files.read(name)
            rows.kept[name] = body
            decode_text(body, name)
            if b"\0" in body:
                raise SourceError("is binary, should be text", mend="restore the file")
        except CurateError as error:
            row = _add_image(rows, name, "unreadable", body)
            line = error.place.line if error.place and error.place.line else 1
            mend = error.mend or "restore the file from a backup"
            rows.tell("SRC-002", error.what, Spot(name, line, 0, 0), mend=mend, images=(row,))
        else:
            _add_lines(rows, name, body)
    return rows.gathered(NAME, names)


def _add_image(rows: ObjectRows, file: str, state: str, body: bytes) -> int:
    path = PurePosixPath(file)
    name = path.with_suffix("").as_posix()
    return rows.add_image(name, state, Spot(file, 1, 0, len(body)), frame_columns(name))


def frame_columns(name: str) -> dict[str, Any]:
    """The video and frame that an image's name tells of, as columns."""
    found = _FRAME.fullmatch(name)
    return {"group": f"{found[1]}/{found[2]}", "frame": int(found[3])} if found else {}


def _add_lines(rows: ObjectRows, name: str, body: bytes) -> None:
    lines = [own for own in text_lines(body) if own[3].strip()]
    records = [own for own in lines if not own[3].lstrip().startswith(b"%")]
    row = _add_image(rows, name, "present" if records else "empty", body)
    version = version_of(body)
    if version not in N_COLUMNS:
        what = f"is of version {version}, should be one of 0 to 3"
        rows.tell("SRC-001", what, Spot(name, 1, 0, 0), images=(row,))
    for line, start, end, raw in records:
        # Split as bytes: text has white space that a line of tokens has not (U+001C).
        tokens = [token.decode("utf-8", "replace") for token in raw.split()]
        read = read_line(tokens, f"#{line}", N_COLUMNS.get(version, len(COLUMNS)))
        rows.add_object(row, read, Spot(name, line, start, end))


def version_of(body: bytes) -> int:
    """The version that a file's header states; 0 without a header."""
    first = body.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")[0]
    found = HEADER.match(first)
    return int(found[1]) if found else 0


def read_line(tokens: list[str], key: str, n_columns: int) -> ReadObject:
    """The boxes of a line of at least one token, called `key`."""
    read = ReadObject()
    label = tokens[0]
    role = "ignore" if label == IGNORE else "include"
    is_group = label == GROUP
    text = attributes_text(key)
    if len(tokens) != n_columns:
        read.problems.append(f"has {len(tokens)} columns, should have {n_columns}")
        box = ReadBox(None, label, role, *UNKNOWN_EDGES, text, key, is_group=is_group, shape="tag")
        read.boxes.append(box)
        return read
    numbers = {
        name: _number(name, token, read)
        for name, token in zip(COLUMNS[1:], tokens[1:], strict=False)
    }
    if numbers.get("ign", 0.0) not in (0.0, 1.0):
        read.problems.append(f"has ign {quote(tokens[10])}, should be 0 or 1")
    role = "ignore" if numbers.get("ign", 0.0) == 1 else role
    angle = numbers.get("ang", 0.0)
    occluded = None if math.isnan(numbers["occ"]) else numbers["occ"]
    for extent, first in (("full", ""), ("visible", "v")):
        sides = [numbers[f"{first}{side}"] for side in "xywh"]
        if extent == "visible" and not any(sides):
            continue
        is_turned = extent == "full" and bool(angle)
        box = ReadBox(
            extent, label, role, *one_based_edges(sides), text, f"{key}:{extent}", occluded,
            is_group, "rotated" if is_turned else "box", angle if is_turned else None,
        )  # fmt: skip
        read.boxes.append(box)
    return read


def one_based_edges(sides: list[float]) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of a corner that is counted from 1, and sides."""
    x, y, w, h = sides
    return xywh_edges((x - 1, y - 1, w, h))


def _number(name: str, token: str, read: ReadObject) -> float:
    value = finite(token)
    if math.isnan(value):
        read.problems.append(f"has {name} {quote(token)}, should be a number")
    return value


def finite(token: str) -> float:
    """The finite number that an ASCII token writes; NaN for other text."""
    try:
        value = float(token)
    except ValueError:
        return math.nan
    # Python's float() also takes 1_000 and digits of other scripts.
    is_plain = token.isascii() and "_" not in token and math.isfinite(value)
    return value if is_plain else math.nan


def outlines(dataset: Dataset) -> dict[int, list[list[float]]]:
    """The corners of turned boxes by box_id, px: the box of the table, turned about its centre."""
    boxes = dataset.boxes
    is_own = boxes["file"].map(dict(dataset.formats)) == NAME
    own = boxes[is_own & (boxes["shape"] == "rotated")]
    found = {}
    columns = ("box_id", "x1", "y1", "x2", "y2", "angle_deg")
    for box_id, x1, y1, x2, y2, angle_deg in zip(*(own[c].tolist() for c in columns), strict=True):
        cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
        x, y, dx, dy = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2, (y2 - y1) / 2
        ring: list[float] = []
        for a, b in ((-dx, -dy), (dx, -dy), (dx, dy), (-dx, dy)):
            ring += [x + a * cos - b * sin, y + a * sin + b * cos]
        if all(map(math.isfinite, ring)):
            found[box_id] = [ring]
    return found


def extras(dataset: Dataset) -> Counter[str]:
    """Nothing: every value of a line is in a column."""
    return Counter()
