"""The classes of Open Images: their names and the classes above them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import msgspec

from curate.assembly import Fault
from curate.errors import SourceError
from curate.formats.csv_rows import read_table
from curate.formats.reading import Files

_NAMES = re.compile(r"class[-_]?descriptions.*\.csv|.*class[-_]descriptions.*\.csv", re.IGNORECASE)
_HIERARCHY = re.compile(r".*hierarchy.*\.json", re.IGNORECASE)
_HEADERS = {("LabelName", "DisplayName")}


@dataclass
class Classes:
    """Names by LabelName, rows for the table of classes, the lists' bytes, and faults.

    `names` is None when there is no list.
    """

    names: dict[str, str] | None = None
    rows: list[dict[str, str | None]] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def is_class_names(file: str) -> bool:
    """Whether a file's name says that it names the classes."""
    return _NAMES.fullmatch(PurePosixPath(file).name) is not None


def read_classes(files: Files, tables: list[str]) -> Classes:
    """The classes as the lists beside the tables, or above them, say."""
    classes = Classes()
    homes = {place for name in tables for place in PurePosixPath(name).parents}
    beside = [file for file in files.files if PurePosixPath(file).parent in homes]
    above: dict[str, str] = {}
    for file in filter(lambda file: _HIERARCHY.fullmatch(PurePosixPath(file).name), beside):
        body = _read(classes, files, file)
        if body is not None:
            above |= _above(classes, file, body)
    for file in filter(is_class_names, beside):
        body = _read(classes, files, file)
        if body is not None:
            _add_names(classes, file, body)
    names = classes.names or {}
    for row in classes.rows:
        parent = above.get(row["source_id"] or "")
        row["supercategory"] = None if parent is None else names.get(parent, parent)
    return classes


def _read(classes: Classes, files: Files, file: str) -> bytes | None:
    try:
        body = files.read(file)
    except SourceError as error:
        classes.faults.append(Fault("SRC-002", error.what, error.mend or "restore it", file, 1))
        return None
    classes.kept[file] = body
    return body


def _add_names(classes: Classes, file: str, body: bytes) -> None:
    table = read_table(body)
    names = {} if classes.names is None else classes.names
    rows = [(1, table.header), *((record.line, record.fields) for record in table.records)]
    for line, fields in rows:
        if fields is None or len(fields) < 2:
            what = "is no class and its name, separated by a comma"
            mend = "correct the line, or download the list again"
            classes.faults.append(Fault("SRC-001", what, mend, file, line, str(line)))
        elif tuple(fields) not in _HEADERS:
            token, name = fields[0], ",".join(fields[1:])
            names.setdefault(token, name)
            classes.rows.append({"file": file, "source_id": token, "label": name})
    classes.names = names


def _above(classes: Classes, file: str, body: bytes) -> dict[str, str]:
    """The class above each, by LabelName; of several the first stays."""
    try:
        document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        what = f"the hierarchy of classes is no JSON: {error}"
        classes.faults.append(Fault("SRC-002", what, "download it again", file, 1))
        return {}
    above: dict[str, str] = {}
    for parent, child in _pairs(document):
        above.setdefault(child, parent)
    return above


def _pairs(document: Any) -> Iterator[tuple[str, str]]:  # a JSON value
    """Each class and one below it, from the root on."""
    waiting = [document]
    while waiting:
        node = waiting.pop(0)
        parent = node.get("LabelName") if isinstance(node, dict) else None
        children = node.get("Subcategory") if isinstance(node, dict) else None
        for child in children if isinstance(children, list) else ():
            own = child.get("LabelName") if isinstance(child, dict) else None
            if isinstance(parent, str) and isinstance(own, str):
                yield parent, own
            waiting.append(child)
