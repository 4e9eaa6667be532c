"""Which files are YOLO labels, told by content, from a few files of each folder."""

from __future__ import annotations

import codecs
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from curate.errors import SourceError
from curate.formats.class_lists import is_class_list
from curate.formats.reading import Files
from curate.formats.yolo.setup import config_files
from curate.formats.yolo_rows import fraction, is_picture_list

# Up to here every file of a folder is looked at, else as many of it.
LOOKED_FILES = 64
_HEAD_BYTES = 1 << 12
_SNIFFED_LINES = 20
_MIN_COLUMNS = 5
_BOX_AND_SCORE = 6
# Some converters do not clip; what lies further out is not in fractions.
_MAX_FRACTION = 1.5
# What is written after geometry: a keypoint's flag, a score. A track's number is the last.
_MAX_REST = 2.0
_OUTSIDE_FRAC = 0.01


@dataclass
class _Folder:
    """What the first lines of some files of a folder are."""

    name: str
    files: list[str]
    n_lines: int = 0
    n_boxes: int = 0
    n_wide: int = 0
    scored: list[list[float]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    n_looked: int = 0

    @property
    def is_labels(self) -> bool:
        """Whether it lies at or below a folder `labels`, Ultralytics' place for them."""
        return "labels" in self.name.lower().split("/")

    def is_yolo(self, *, has_config: bool) -> bool:
        """Whether its lines are YOLO's: where nothing else says so, by what only Ultralytics has.

        Six columns may be `class cx cy w h score` or `class score cx cy w h`. Without a
        description no more boxes may leave the image the first way than the second; outside a
        folder `labels` none may, and one must the second way.
        """
        scored = np.array(self.scored).reshape(-1, _BOX_AND_SCORE - 1)
        first, second = _n_inside(scored[:, :4]), _n_inside(scored[:, 1:])
        n_own = self.n_wide + (len(scored) if has_config or first >= second else 0)
        if self.n_boxes + n_own == 0 or (self.n_boxes + n_own) * 2 < self.n_lines:
            return False
        if has_config or self.is_labels:
            return True
        is_clear = self.n_wide > 0 or second < first == len(scored)
        return is_clear and n_own * 2 >= self.n_lines


def claims(files: Files) -> list[str]:
    """The .txt files of folders with rows of a class number and fractions.

    A data.yaml, an obj.data, an obj.names or a folder `labels` must say that they are YOLO's, or
    the rows, which then hold more than a class and a box. Lists of classes and of pictures are not
    claimed.
    """
    lists, configs = config_files(files)
    folders = _folders(files, lists)
    for folder in folders:
        _look(files, folder)
    found = [folder for folder in folders if folder.is_yolo(has_config=bool(configs))]
    if found or configs:
        # Nothing was seen on any picture of a split, or of the whole set.
        found += [f for f in folders if f.is_labels and f.n_lines == 0 and f.n_looked]
    claimed = {file for folder in found for file in set(folder.files) - set(folder.others)}
    return sorted(claimed)


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a .txt file that is not recognised may be a label file of any `kind`."""
    folder = _Folder("", [name])
    _look(files, folder)
    if folder.others or is_class_list(name):
        return False
    n_rows = folder.n_boxes + folder.n_wide + len(folder.scored)
    return n_rows * 2 >= folder.n_lines


def _folders(files: Files, lists: set[str]) -> list[_Folder]:
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in files.files:
        if name.lower().endswith(".txt") and name not in lists and not is_class_list(name):
            by_folder[name.rpartition("/")[0]].append(name)
    return [_Folder(name, own) for name, own in by_folder.items()]


def _look(files: Files, folder: _Folder) -> None:
    """Counts the first lines of a folder's files: all of a small one, some of a large one."""
    filled = [name for name in folder.files if files.files[name]]
    # Evenly spread: the first ones may be of one camera or day.
    step = max(1, len(filled) // LOOKED_FILES)
    folder.n_looked = len(folder.files)
    for name in filled[::step]:
        lines = _lines(files, name)
        if not lines:
            # No text, or blank: what the others are tells it.
            continue
        if is_picture_list(lines):
            folder.others.append(name)
            continue
        n_before = folder.n_boxes + folder.n_wide + len(folder.scored)
        tokens = [line.split() for line in lines]
        for own in tokens:
            _count(folder, own)
        n_rows = folder.n_boxes + folder.n_wide + len(folder.scored) - n_before
        if n_rows == 0 and not any(map(_is_number, (t for own in tokens for t in own))):
            folder.others.append(name)
            continue
        folder.n_lines += len(lines)


def _lines(files: Files, name: str) -> list[bytes] | None:
    """The first lines of a file that are not blank; None when it is no text."""
    try:
        head = files.head(name, _HEAD_BYTES)
    except SourceError:
        return None
    try:
        # Unlike bytes.decode it takes a character that the head cuts in two.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    lines = head.removeprefix(codecs.BOM_UTF8).split(b"\n")
    if len(head) == _HEAD_BYTES and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()][:_SNIFFED_LINES]


def _count(folder: _Folder, tokens: list[bytes]) -> None:
    numbers = [fraction(token) for token in tokens]
    if len(tokens) < _MIN_COLUMNS or None in numbers or not _is_class(tokens[0]):
        return
    values = [value for value in numbers[1:] if value is not None]
    in_fractions = all(abs(value) <= _MAX_FRACTION for value in values[:4])
    if len(tokens) == _MIN_COLUMNS:
        folder.n_boxes += 1
    elif len(tokens) == _BOX_AND_SCORE:
        # Behind a score in the second column numbers in px are no box of YOLO's.
        folder.scored += [values] if in_fractions else []
    else:
        has_point = any(b"." in token for token in tokens[1:5])
        has_rest = all(abs(value) <= _MAX_REST for value in values[4:-1])
        folder.n_wide += has_point and in_fractions and has_rest


def _is_class(token: bytes) -> bool:
    return token.removeprefix(b"-").partition(b".")[0].isdigit()


def _is_number(token: bytes) -> bool:
    return fraction(token) is not None


def _n_inside(boxes: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> int:
    """How many of (N, 4) centre x, y, width, height, as fractions, lie in the image."""
    half = boxes[:, 2:] / 2
    low, high = boxes[:, :2] - half, boxes[:, :2] + half
    is_inside = (low >= -_OUTSIDE_FRAC) & (high <= 1 + _OUTSIDE_FRAC) & (half >= 0)
    return int(is_inside.all(axis=1).sum())
