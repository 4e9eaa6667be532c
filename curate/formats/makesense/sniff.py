"""Which files are exports of Make Sense, and which of its kinds each one is, told by content.

Nothing in a file's name says what Make Sense wrote into it: YOLO and VOC are both `.zip`, all
tables `.csv`, VGG, COCO and tags `.json`.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath

from curate.errors import SourceError
from curate.formats.csv_header import is_box_header
from curate.formats.csv_rows import split_fields
from curate.formats.makesense.tables import AMBIGUOUS, HEADERS, line_or_rect, row_kind
from curate.formats.makesense.yolo import CLASS_FILES, is_short_row
from curate.formats.makesense_xml import is_makesense_xml
from curate.formats.reading import HEAD_BYTES, Files, text_lines
from curate.formats.yolo_rows import is_row
from curate.tree import ending_of

ENDINGS = (".txt", ".xml", ".csv", ".json")
SNIFFED_LINES = 200
# An archive without members, as it stands in a folder.
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)

_ROOT = re.compile(rb"<([A-Za-z_]\w*)")
_TAGS = re.compile(rb'\s*\[\s*\{\s*"(image|annotations)"\s*:')
_VGG = re.compile(
    rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*'
    rb'"(?:fileref|filename|size|base64_img_data|file_attributes|regions)"\s*:'
)


def claims(files: Files) -> list[str]:
    """The .csv, .json, .txt and .xml files in a form that Make Sense writes.

    A broken text or XML file is claimed when its folder holds others that are whole. An empty CSV
    and a zip without members are claimed only when they are the only file. An empty JSON (`[]`,
    `{}`), which other tools write too, and COCO JSON are never claimed.
    """
    names = [name for name in files.files if ending_of(name) in ENDINGS]
    heads = {name: _head(files, name) for name in names}
    kinds = {name: kind_of_bytes(name, head) for name, head in heads.items()}
    claimed = {name for name, kind in kinds.items() if kind is not None}
    at = {(name.rpartition("/")[0], ending_of(name)) for name in claimed}
    claimed |= {
        name
        for name, head in heads.items()
        if (name.rpartition("/")[0], ending_of(name)) in at and _is_broken(name, head)
    }
    if len(files.files) == 1 and not claimed:
        claimed = {name for name in files.files if _is_empty_export(files, name)}
    return sorted(claimed)


def kind_of(files: Files, name: str) -> str | None:
    """The kind of one file of a source, None for a file that is no export of Make Sense.

    `rect-yolo`, `rect-voc`, `rect-csv`, `point-csv`, `line-csv`, `vgg`, `tag-csv`, `tag-json`;
    None also for a table without header whose rows may be rectangles or lines, and for an export
    without any annotation: those may be of several kinds.
    """
    kind = kind_of_bytes(name, _head(files, name))
    return line_or_rect(files.read(name)) if kind == AMBIGUOUS else kind


def kind_of_bytes(name: str, head: bytes | None) -> str | None:
    """The kind of a file by its name's ending and its first bytes (None: they cannot be read)."""
    if not head:
        return None
    ending = ending_of(name)
    if ending == ".txt":
        return _text_kind(name, head)
    if ending == ".xml":
        return "rect-voc" if is_makesense_xml(head) else None
    if ending == ".csv":
        return _table_kind(head)
    if ending == ".json":
        return _json_kind(head.removeprefix(b"\xef\xbb\xbf"))
    return None


def is_class_list(name: str) -> bool:
    """Whether a file's name says that it lists the classes of YOLO files."""
    return PurePosixPath(name).name.lower() in CLASS_FILES


def _head(files: Files, name: str) -> bytes | None:
    try:
        return files.head(name, HEAD_BYTES)
    except SourceError:
        return None


def _lines(head: bytes) -> list[bytes]:
    lines = [line for _, _, _, line in text_lines(head)]
    if len(head) >= HEAD_BYTES and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()][:SNIFFED_LINES]


def _text_kind(name: str, head: bytes) -> str | None:
    lines = _lines(head)
    n_rows = sum(map(is_row, lines))
    is_yolo = n_rows > 0 and n_rows * 2 >= len(lines) and not is_class_list(name)
    return "rect-yolo" if is_yolo else None


def _table_kind(head: bytes) -> str | None:
    lines = [line.decode("utf-8", "replace") for line in _lines(head)]
    if not lines:
        return None
    if lines[0] in HEADERS:
        return HEADERS[lines[0]]
    if is_box_header(split_fields(lines[0])):
        # Rows of other tools' tables may read as tags: `car,0.5,a.jpg,640,480`.
        return None
    kind, count = Counter(map(row_kind, lines)).most_common(1)[0]
    return kind if count * 2 >= len(lines) else None


def _json_kind(head: bytes) -> str | None:
    if _TAGS.match(head):
        return "tag-json" if b'"image"' in head and b'"annotations"' in head else None
    if _VGG.match(head):
        return "vgg" if b'"regions"' in head or b'"base64_img_data"' in head else None
    return None


def _is_broken(name: str, head: bytes | None) -> bool:
    if head is None:
        return True
    if ending_of(name) == ".xml":
        root = _ROOT.search(head)
        is_ours = root is None or root[1] == b"annotation"
        return is_ours and b"</annotation>" not in head and len(head) < HEAD_BYTES
    if ending_of(name) == ".txt" and not is_class_list(name):
        return b"\0" in head or all(map(is_short_row, _lines(head)))
    return False


def _is_empty_export(files: Files, name: str) -> bool:
    head = _head(files, name)
    if head is None:
        return False
    if ending_of(name) == ".zip":
        return head == EMPTY_ZIP
    # A point or line export of objects without a class has nothing but empty lines.
    return ending_of(name) == ".csv" and not head.strip()


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a file that is not recognised may be an export of this kind (None: of any).

    A table of rectangles and one of lines look alike, so that either name fits both.
    """
    head = _head(files, name)
    own = kind_of_bytes(name, head)
    if own is None and ending_of(name) == ".txt" and head and b"\0" not in head:
        lines = _lines(head)
        return not lines or any(is_row(line) or is_short_row(line) for line in lines)
    if own is None:
        return ending_of(name) in ENDINGS
    kinds = ("rect-csv", "line-csv") if own == AMBIGUOUS else (own,)
    # `rect` stands for a rectangle's exports of every form, `points` for `point-csv`.
    return kind is None or any(k == kind or k.startswith(kind.rstrip("s") + "-") for k in kinds)
