"""Reading VOC: which files are of this format, and their objects as rows."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from curate.assembly import Fault, Gathered
from curate.dataset import Dataset
from curate.errors import SourceError, quote
from curate.formats.json_document import bulk
from curate.formats.makesense_xml import is_makesense_xml
from curate.formats.reading import HEAD_BYTES, Files, Options, TextError
from curate.formats.voc.names import doubtful_names
from curate.formats.voc.parse import parse
from curate.formats.voc.records import VocFile, VocObject
from curate.formats.voc.sets import gather_splits, rows_by_id, set_lines, set_root
from curate.formats.xml_spans import number
from curate.progress import track

NAME = "voc"

CORNERS = ("xmin", "ymin", "xmax", "ymax")
# Corners are 1-based and inclusive, edges 0-based and half-open.
SHIFTS_PX = (-1.0, -1.0, 0.0, 0.0)
_MAX_SIDE_PX = 2**31 - 1
_CORRECT = "correct it in the file, or export again from the labelling tool"
# Atomic groups: text that is made to backtrack for ever is no slower than any other.
_MISC = rb"(?>(?>\s+|<\?.*?\?>|<!--.*?-->|<![A-Z](?>\[.*?\]|[^>\[])*+>))*+"
_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?" + _MISC + rb"<([A-Za-z_][^\s/>]*)", re.DOTALL)
# Make Sense up to 1.8.0 and some of its imitators write the word for "nobody said".
_GRADES = {"": None, "Unspecified": None, "0": 0.0, "1": 1.0}
_DRIVE = re.compile(r"[A-Za-z]:")


def claims(files: Files) -> list[str]:
    """The .xml files whose root element is `annotation`, but Make Sense's.

    A broken file is claimed when a whole one is there, or when nothing shows that it belongs to
    another format.
    """
    kinds = {name: _kind(files, name) for name in files.files if name.lower().endswith(".xml")}
    found = set(kinds.values())
    wanted = {"voc"}
    if "voc" in found or "makesense" not in found:
        wanted.add("cut")
    if "voc" in found or not found & {"makesense", "other"}:
        wanted.add("broken")
    return sorted(name for name, kind in kinds.items() if kind in wanted)


def _kind(files: Files, name: str) -> str:
    """`voc`, `makesense`, `other`, `cut` (VOC's root without its end), or `broken` (no root)."""
    try:
        head = files.head(name, HEAD_BYTES)
    except SourceError:
        return "broken"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "replace").encode()
    root = _ROOT.match(head)
    if root is None:
        return "broken"
    if root[1] != b"annotation":
        return "other"
    if is_makesense_xml(head):
        return "makesense"
    is_whole = head.rstrip().endswith((b"/>", b"</annotation>"))
    is_cut = not is_whole and b"</annotation" not in head and len(head) < HEAD_BYTES
    return "cut" if is_cut else "voc"


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The images and objects of VOC files, and the splits of `ImageSets/Main` beside them.

    `options` hold nothing that VOC needs: its corners are in px.
    """
    rows = _Rows()
    with bulk():
        for name in track(names, len(names), "label files"):
            rows.add_file(name, files)
    splits, faults = gather_splits(files, names, rows.kept)
    images, boxes = rows.images(), rows.boxes()
    faults = [*faults, *doubtful_names(names, rows.stated, images["image_name"])]
    return Gathered(
        n_images=len(names),
        n_boxes=len(boxes["line"]),
        images={**images, "split": splits},
        boxes={**boxes, "source_id": np.asarray(boxes["source_id"], np.int64)},
        faults=rows.faults + faults,
        files={**rows.kept},
        formats={name: NAME for name in names if name in rows.kept},
    )


def extras(dataset: Dataset) -> Counter[str]:
    """How many values the kept VOC files hold that no column carries, by element name.

    An XML attribute is named `element@attribute`; `imageset_flag` counts the flags of class lists.
    """
    counts: Counter[str] = Counter()
    names = sorted(name for name, kind in dataset.formats.items() if kind == NAME)
    used = set(dataset.images["file"].dropna())
    for name in names:
        if name in used:
            counts.update(parse(dataset.sources.read(name)).uncarried)
    for file in dataset.sources.names():
        root = set_root(file)
        if root is None:
            continue
        try:
            lines = set_lines(dataset.sources.read(file), rows_by_id(root, names), file)
        except TextError:
            continue
        counts["imageset_flag"] += sum(line.flag is not None for line in lines)
    return +counts


_IMAGE_COLUMNS = (
    "image_name", "width", "height", "declared_width", "declared_height", "label_state", "file",
    "line", "start", "end",
)  # fmt: skip
_BOX_COLUMNS = (
    "image_row", "shape", "source_label", "label", "role", "x1", "y1", "x2", "y2", "occluded",
    "truncated", "difficult", "attributes", "source_id", "file", "line", "start", "end",
)  # fmt: skip


def _columns(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    columns = map(list, zip(*rows, strict=True)) if rows else ([] for _ in names)
    return dict(zip(names, columns, strict=True))


class _Rows:
    """The columns that grow file by file."""

    def __init__(self) -> None:
        self.stated: list[str | None] = []
        # Rows of values of many types, in the order of the columns: one list grows, not eighteen.
        self._images: list[tuple[Any, ...]] = []
        self._boxes: list[tuple[Any, ...]] = []
        self.faults: list[Fault] = []
        self.kept: dict[str, bytes] = {}

    def images(self) -> dict[str, list[Any]]:  # values of many types
        """The columns of the images."""
        return _columns(_IMAGE_COLUMNS, self._images)

    def boxes(self) -> dict[str, list[Any]]:  # values of many types
        """The columns of the boxes."""
        return _columns(_BOX_COLUMNS, self._boxes)

    def add_file(self, name: str, files: Files) -> None:
        """One more label file: its image, and its objects when it can be read."""
        row = len(self._images)
        try:
            body = files.read(name)
        except SourceError as error:
            found = VocFile(error=(error.what, error.mend or "restore the file", 1))
            body = b""
        else:
            self.kept[name] = body
            found = parse(body)
        if found.error:
            what, mend, line = found.error
            self.faults.append(Fault("SRC-002", what, mend, name, line, images=(row,)))
        self.stated.append(None if found.error else found.filename or "")
        self._add_image(name, found, row, len(body))
        # Every object has faults of its own, so that they are read one by one.
        for ordinal, record in enumerate(found.objects):
            self._add_object(name, record, row, ordinal)

    def _add_image(self, name: str, found: VocFile, row: int, n_bytes: int) -> None:
        width, height = (self._side(name, found, side, row) for side in ("width", "height"))
        state = "present" if found.objects else "empty"
        values = (
            image_name(found.filename, name), width, height, width, height,
            "unreadable" if found.error else state, name, 1, 0, n_bytes,
        )  # fmt: skip
        self._images.append(values)

    def _side(self, name: str, found: VocFile, side: str, row: int) -> int | None:
        text, line = found.size.get(side, ("", 1))
        value = number(text)
        if text == "":
            return None
        if value is not None and 0 < value <= _MAX_SIDE_PX and value == int(value):
            return int(value)
        what = f"the {side} in <size> is {quote(text)}, should be a whole number of px above 0"
        self.faults.append(Fault("SRC-001", what, _CORRECT, name, line, images=(row,)))
        return None

    def _add_object(self, name: str, record: VocObject, row: int, ordinal: int) -> None:
        problems: list[str] = []
        edges, shape = _edges(record, problems)
        truncated = _grade(record, "truncated", problems)
        occluded = _grade(record, "occluded", problems)
        difficult = _grade(record, "difficult", problems)
        problems += [f"has more than one <{child}>, should have one" for child in record.repeated]
        label = record.fields.get("name") or None
        values = (
            row, shape, label, label, "ignore" if difficult == 1 else "include", *edges,
            occluded, truncated, None if difficult is None else difficult == 1,
            _attributes(record), ordinal, name, record.line, record.start, record.end,
        )  # fmt: skip
        box_row = len(self._boxes)
        self._boxes.append(values)
        if not problems and label is not None:
            return
        faults = [("SRC-001", problem, _CORRECT) for problem in problems]
        if label is None:
            faults.append(
                ("SRC-009", "has no <name>, should name its class", "give the object a class")
            )
        self.faults += [
            Fault(
                code, f"object {ordinal} {problem}", mend, name, record.line, str(ordinal),
                images=(row,), boxes=(box_row,),
            )
            for code, problem, mend in faults
        ]  # fmt: skip


def image_name(stated: str | None, file: str) -> str:
    """The image's name: the one that the file states, without an absolute path, else its stem."""
    name = stated or ""
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        name = re.split(r"[/\\]", name)[-1]
    return name or PurePosixPath(file).stem


def _edges(record: VocObject, problems: list[str]) -> tuple[list[float], str]:
    """x1 y1 x2 y2 in px, NaN where unknown, and the shape: `tag` for an object without a box."""
    if not record.corners:
        problems.append("has no <bndbox> with corners, should have one")
        return [math.nan] * 4, "tag"
    edges = []
    for corner, shift in zip(CORNERS, SHIFTS_PX, strict=True):
        text = record.corners.get(corner)
        value = None if text is None else number(text)
        if text is None:
            problems.append(f"has no <{corner}> in its <bndbox>")
        elif value is None or not math.isfinite(value):
            problems.append(f"has {corner} {quote(text)}, should be a number of px")
        is_good = value is not None and math.isfinite(value)
        edges.append(value + shift if value is not None and is_good else math.nan)
    return edges, "box"


def _grade(record: VocObject, name: str, problems: list[str]) -> float | None:
    """A flag as a number, None when it is not stated; `truncated` may be a share of 0..1."""
    text = record.fields.get(name, "")
    if text in _GRADES:
        return _GRADES[text]
    value = number(text)
    if value in (0.0, 1.0) or (name == "truncated" and value is not None and 0 < value < 1):
        return value
    problems.append(f"has {name} {quote(text)}, should be 0 or 1")
    return None


def _attributes(record: VocObject) -> str | None:
    """The further simple elements as JSON text with sorted keys, None when there are none."""
    known = ("name", "truncated", "occluded", "difficult")
    values = tuple((k, v) for k, v in record.fields.items() if k not in known)
    if not values and not record.actions:
        return None
    return _attributes_text(values, tuple(record.actions.items()))


# Most objects have the same pose and nothing else.
@lru_cache(maxsize=1024)
def _attributes_text(
    fields: tuple[tuple[str, str], ...], actions: tuple[tuple[str, str], ...]
) -> str:
    values: dict[str, Any] = dict(fields)  # JSON
    if actions:
        values["actions"] = dict(actions)
    return json.dumps(values, ensure_ascii=False, sort_keys=True)
