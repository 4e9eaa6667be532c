"""What the readers share of formats with one JSON file of objects per image."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from curate.assembly import Gathered
from curate.dataset import Dataset
from curate.errors import CurateError, SourceError, quote
from curate.formats.json_document import open_document
from curate.formats.json_spans import BROKEN, Span, decoded, member_spans
from curate.formats.object_rows import ObjectRows, ReadObject, Spot
from curate.formats.reading import HEAD_BYTES, Files, Options, line_breaks
from curate.progress import track

SPLITS = ("train", "val", "test")
# Sides above it are no pictures; they would not fit the tables' integers either.
MAX_SIDE_PX = 1 << 31


class ImageText(NamedTuple):
    """The text of a file in which spans are looked for, and those of its top level's values."""

    text: bytes
    members: Mapping[str, Span]

    def value(self, name: str) -> Any:  # any JSON value
        """The value of a member; None when it is absent."""
        return decoded(self.text, self.members[name]) if name in self.members else None


class Lines:
    """Lines, from 1, of byte offsets in one file."""

    def __init__(self, body: bytes) -> None:
        self._breaks = line_breaks(body)

    def at(self, offset: int) -> int:
        """The line of one byte."""
        return int(self._breaks.searchsorted(offset)) + 1


# Adds the image of a file and its objects; None gives an image that cannot be read.
AddFile = Callable[[ObjectRows, Spot, ImageText | None, Lines], int]


def claimed(files: Files, pattern: re.Pattern[bytes], other: re.Pattern[bytes]) -> list[str]:
    """The .json files whose first bytes have all groups of `pattern` and nothing of `other`.

    A broken or empty file is claimed when its folder holds such a file.
    """
    looks = {name: _look(files, name, pattern, other) for name in files.files if is_json(name)}
    homes = {name.rpartition("/")[0] for name, look in looks.items() if look == "own"}
    return sorted(
        name
        for name, look in looks.items()
        if look == "own" or (look == "broken" and name.rpartition("/")[0] in homes)
    )


def is_json(name: str) -> bool:
    """Whether a file's name ends in .json."""
    return name.lower().endswith(".json")


def _look(files: Files, name: str, pattern: re.Pattern[bytes], other: re.Pattern[bytes]) -> str:
    try:
        head = files.head(name, HEAD_BYTES).removeprefix(codecs.BOM_UTF8).lstrip()
    except SourceError:
        return "broken"
    if head[:1] == b"{" and pattern.match(head) and not other.search(head):
        return "own"
    whole = len(head) < HEAD_BYTES
    try:
        json.loads(head if whole else b"{")
    except (ValueError, RecursionError):
        return "broken" if whole or head[:1] != b"{" else "other"
    return "other"


def may_be_json(files: Files, name: str) -> bool:
    """Whether a file that is not recognised holds a JSON object."""
    try:
        head = files.head(name, HEAD_BYTES)
    except SourceError:
        return True
    return head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{"


def gather_images(
    own_name: str, files: Files, names: list[str], options: Options, add: AddFile
) -> Gathered:
    """The images and boxes of files of one format, one image per file."""
    rows = ObjectRows(options.size_wh)
    for name in track(names, len(names), "label files"):
        try:
            body = files.read(name)
        except CurateError as error:
            row = add(rows, Spot(name, 1, 0, 0), None, Lines(b""))
            _tell_file(rows, name, row, error)
            continue
        rows.kept[name] = body
        spot = Spot(name, 1, 0, len(body))
        try:
            text = bytes(open_document(body, name).text)
            found = ImageText(text, member_spans(text, 0, len(text)))
        except CurateError as error:
            _tell_file(rows, name, add(rows, spot, None, Lines(body)), error)
        except BROKEN:
            row = add(rows, spot, None, Lines(body))
            what = "is no JSON object, should be one"
            rows.tell("SRC-002", what, spot, mend="export it again", images=(row,))
        else:
            add(rows, spot, found, Lines(body))
    return rows.gathered(own_name, names)


def _tell_file(rows: ObjectRows, name: str, row: int, error: CurateError) -> None:
    line = error.place.line if error.place and error.place.line else 1
    mend = error.mend or "restore the file from a backup"
    rows.tell("SRC-002", error.what, Spot(name, line, 0, 0), mend=mend, images=(row,))


@dataclass
class Record:
    """What a file says of its image: name, columns, objects by their keys, and what is wrong.

    `text` is where the spans lie; a file that cannot be read has no objects.
    """

    name: str
    text: bytes
    columns: dict[str, Any]  # of any type
    state: str
    objects: list[tuple[str, Span]]
    problems: list[str]


def listed(
    found: ImageText | None,
    member: str,
    spans: Callable[[bytes, Span], Iterable[tuple[str, Span]]],
    problems: list[str],
) -> tuple[str, list[tuple[str, Span]]]:
    """The state of an image's labels, and the objects that `spans` gives of its list `member`."""
    if found is None:
        return "unreadable", []
    if member not in found.members:
        problems.append(f"has no {member}, should have a list, empty when nothing is there")
        return "missing", []
    try:
        own = list(spans(found.text, found.members[member]))
    except BROKEN:
        problems.append(f"has {member} that are no list")
        return "unreadable", []
    return "present" if own else "empty", own


def add_record(
    rows: ObjectRows,
    spot: Spot,
    record: Record,
    lines: Lines,
    read: Callable[[Any, str], ReadObject],
) -> int:
    """Adds an image with its objects, each as `read` takes its value and key; returns its row."""
    row = rows.add_image(record.name, record.state, spot, record.columns)
    for problem in record.problems:
        rows.tell("SRC-001", problem, spot, images=(row,))
    for key, (start, end) in record.objects:
        place = Spot(spot.file, lines.at(start), start, end)
        rows.add_object(row, read(decoded(record.text, (start, end)), key), place)
    return row


def image_sizes(
    found: ImageText | None, width: str, height: str, problems: list[str]
) -> dict[str, int]:
    """The columns of the size that a file states, in px; none for what is no size."""
    columns: dict[str, int] = {}
    for side, name in (("width", width), ("height", height)):
        value = None if found is None else found.value(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < MAX_SIDE_PX:
            columns |= {side: value, f"declared_{side}": value}
        elif value is not None or (found is not None and name in found.members):
            problems.append(f"has {name} {quote(value)}, should be a number of px")
    return columns


def split_of(name: str) -> str | None:
    """The split that a file's folders name; None when none or several do."""
    parts = [part for part in PurePosixPath(name).parts[:-1] if part in SPLITS]
    return parts[0] if len(parts) == 1 else None


def values_of(dataset: Dataset, own_name: str) -> Iterator[Any]:  # any JSON values
    """The content of each file of one format, as Python values."""
    for file in sorted(file for file, kind in dataset.formats.items() if kind == own_name):
        body = dataset.sources.read(file).removeprefix(codecs.BOM_UTF8)
        yield decoded(body, (0, len(body)))
