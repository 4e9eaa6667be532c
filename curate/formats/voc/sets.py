"""The lists of `ImageSets/Main`: which image is in which split.

A line is `id`, or `id flag` with a flag of -1, 0 or 1 in the lists of one class (VOC2012 devkit).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from curate.assembly import Fault
from curate.errors import SourceError, quote
from curate.formats.reading import Files, TextError, decode_text, text_lines

_SET_FILE = re.compile(r"(?P<root>(?:.*/)?)ImageSets/Main/[^/]+\.txt", re.IGNORECASE)
_FLAGS = ("-1", "0", "1")
# Of two splits that name one image, one of these says less.
_BROAD_SPLITS = ("trainval", "default", "all")


@dataclass(frozen=True)
class SetLine:
    """A line of a list: number from 1, span in bytes without the line end, image, flag."""

    line: int
    start: int
    end: int
    id: str
    row: int | None
    flag: str | None


def set_root(file: str) -> str | None:
    """The folder (with `/`) that holds `ImageSets` for one of its lists, None for other files."""
    match = _SET_FILE.fullmatch(file)
    return match["root"] if match else None


def rows_by_id(root: str, names: Sequence[str]) -> dict[str, int]:
    """The row of each label file below `root` by the id that a list calls it.

    An id is the path below the label folder without its ending; a bare stem is taken too.
    """
    rows: dict[str, int] = {}
    stems: dict[str, int] = {}
    for row, name in enumerate(names):
        if name.startswith(root):
            path = PurePosixPath(name.removeprefix(root)).with_suffix("")
            parts = path.parts[1:] or path.parts
            rows.setdefault("/".join(parts), row)
            stems.setdefault(path.name, row)
    return stems | rows


def set_lines(body: bytes, rows: dict[str, int], file: str) -> list[SetLine]:
    """The lines of a list that hold something; `row` is None for an id that `rows` lacks.

    Raises
    ------
    TextError
        For bytes that are not UTF-8 text.
    """
    decode_text(body, file)
    lines = []
    for number, start, end, raw in text_lines(body):
        text = raw.decode("utf-8", "replace").strip()
        if not text:
            continue
        flag = None
        words = text.rsplit(maxsplit=1)
        # An id may hold spaces, so that "cam 1" is an id first and a flag second.
        if text not in rows and len(words) == 2 and words[1] in _FLAGS:
            text, flag = words
        lines.append(SetLine(number, start, end, text, rows.get(text), flag))
    return lines


def gather_splits(
    files: Files, names: Sequence[str], kept: dict[str, bytes]
) -> tuple[list[str | None], list[Fault]]:
    """The split of each label file of `names`, and the faults; the lists' bytes go to `kept`.

    Only a list without flags names a split (its stem). An image in several gets the first in
    sorted order, `trainval` and its like last.
    """
    splits: list[list[str]] = [[] for _ in names]
    faults: list[Fault] = []
    ids: dict[str, dict[str, int]] = {}
    for file in files.files:
        root = set_root(file)
        if root is None:
            continue
        if root not in ids:
            ids[root] = rows_by_id(root, names)
        try:
            body = files.read(file)
            kept[file] = body
            lines = set_lines(body, ids[root], file)
        except (SourceError, TextError) as error:
            mend = error.mend or "restore the list"
            bad_line = error.place.line if error.place else None
            faults.append(Fault("SRC-002", error.what, mend, file=file, line=bad_line))
            continue
        faults += [_unknown(file, line) for line in lines if line.row is None]
        if all(line.flag is None for line in lines):
            for line in lines:
                if line.row is not None:
                    splits[line.row].append(PurePosixPath(file).stem)
    return [min(found, key=_breadth, default=None) for found in splits], faults


def _breadth(split: str) -> tuple[bool, str]:
    return split in _BROAD_SPLITS, split


def _unknown(file: str, line: SetLine) -> Fault:
    return Fault(
        "SRC-005",
        f"names the image {quote(line.id)}, for which there is no XML file",
        "add its XML file, or take the line out of the list",
        file=file,
        line=line.line,
        source_id=line.id,
    )
