"""Which text files hold detections, and what the numbers of a line mean, told by the numbers."""

from __future__ import annotations

import codecs
import math
import re
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from curate.errors import SourceError
from curate.formats.class_lists import is_class_list
from curate.formats.reading import Files

N_COLUMNS = 6
N_FRUSTUM_COLUMNS = 7
_HEAD_BYTES = 1 << 12
_SNIFFED_LINES = 20
# Of left-top-width-height boxes about 23 % look like corners (measured on 452 of a detector over
# PASCAL VOC): ten in a row do so once in two million sets.
_MIN_CORNERS = 10
_SHARE_NO_CORNERS = 0.25
# Fractions are written with few decimals, and some detectors do not clip.
_OUTSIDE_FRAC = 0.01
_NAME = re.compile(rb"[^\d\W].*|\d+", re.DOTALL)

Floats = npt.NDArray[np.float64]


def number(token: bytes) -> float | None:
    """The finite number that a token writes, None for any other text."""
    try:
        value = float(token)
    except ValueError:
        return None
    # Python's float() also takes 1_000.
    return value if math.isfinite(value) and b"_" not in token else None


def is_detection(tokens: list[bytes]) -> bool:
    """Whether a line is a class (a number or a name), a score of 0 to 1 and four numbers."""
    if len(tokens) != N_COLUMNS or not _is_class(tokens[0]):
        return False
    score, *rest = map(number, tokens[1:])
    return score is not None and 0 <= score <= 1 and None not in rest


def _is_class(token: bytes) -> bool:
    return token.isdigit() or (number(token) is None and not token.endswith(b":"))


def is_frustum(tokens: list[bytes]) -> bool:
    """Whether a line is a picture's path, a type, a score and four numbers."""
    if len(tokens) != N_FRUSTUM_COLUMNS or not tokens[1].isdigit():
        return False
    is_path = b"." in tokens[0] and number(tokens[0]) is None
    return is_path and None not in map(number, tokens[2:])


def looks(files: Files) -> dict[str, str]:
    """What each .txt file looks like by its head; class lists are left out.

    `dets`, `frustum`, `nothing` (blank), `broken` (no text, or much like detections), `other`.
    """
    found: dict[str, str] = {}
    rows: dict[str, list[list[bytes]]] = defaultdict(list)
    for name in files.files:
        if name.lower().endswith(".txt") and not is_class_list(name):
            lines = head_lines(files, name)
            found[name] = look(lines)
            if found[name] == "dets":
                rows[folder_of(name)] += [line for line in lines or () if is_detection(line)]
    unclear = {folder for folder, lines in rows.items() if _may_be_yolo(lines)}
    return {
        name: "unclear" if own == "dets" and folder_of(name) in unclear else own
        for name, own in found.items()
    }


def folder_of(name: str) -> str:
    """The folder of a file, "" for none."""
    return name.rpartition("/")[0]


def head_lines(files: Files, name: str) -> list[list[bytes]] | None:
    """The tokens of a file's first lines that are not blank; None when it is no text."""
    try:
        head = files.head(name, _HEAD_BYTES)
    except SourceError:
        return None
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head:
        return None
    lines = head.removeprefix(codecs.BOM_UTF8).split(b"\n")
    if len(head) == _HEAD_BYTES and len(lines) > 1:
        lines.pop()
    return [line.split() for line in lines if line.strip()][:_SNIFFED_LINES]


def look(lines: list[list[bytes]] | None) -> str:
    """What a file of these first lines is; see `looks`."""
    if lines is None:
        return "broken"
    if not lines:
        return "nothing"
    for kind, is_line in (("dets", is_detection), ("frustum", is_frustum)):
        if sum(map(is_line, lines)) * 2 >= len(lines):
            return kind
    n_like = sum(_is_like(line) for line in lines)
    return "broken" if n_like * 2 >= len(lines) else "other"


def _is_like(line: list[bytes]) -> bool:
    """Whether a line may be the rest of a detection: of its length, or with numbers enough."""
    n_numbers = sum(number(token) is not None for token in line)
    return 2 <= len(line) <= N_FRUSTUM_COLUMNS and n_numbers >= 2 and n_numbers * 2 > len(line)


def _may_be_yolo(lines: Iterable[list[bytes]]) -> bool:
    """Whether lines may as well be `class cx cy w h score`, what Ultralytics' save_txt writes.

    They may when the numbers are fractions and no box of that reading leaves the image, or one of
    the reading as detections does.
    """
    rows = [line for line in lines if line[0].isdigit()]
    if not rows:
        return False
    values = np.array([[float(token) for token in line[1:]] for line in rows])
    if not are_fractions(values[:, 1:]):
        return False
    return bool(lie_inside(values[:, :4]).all() or not lie_inside(values[:, 1:]).all())


def are_fractions(values: Floats) -> bool:
    """Whether all of (N, 4) numbers lie in 0..1, and there are any."""
    return len(values) > 0 and bool(((values >= 0) & (values <= 1)).all())


def lie_inside(values: Floats) -> npt.NDArray[np.bool_]:
    """(N,) bool: whether (N, 4) centre x, y, width, height, as fractions, lie in the image."""
    half = values[:, 2:] / 2
    low, high = values[:, :2] - half, values[:, :2] + half
    inside = (low >= -_OUTSIDE_FRAC) & (high <= 1 + _OUTSIDE_FRAC)
    return np.asarray(inside.all(axis=1))


def kind_of_numbers(values: Floats, sizes: Floats | None) -> str | None:
    """`xywh`, `xyxy` or `rel-xywh` when the numbers of a source prove it, else None.

    Parameters
    ----------
    values
        (N, 4) float64, the numbers of each line; rows with NaN say nothing.
    sizes
        (N, 2) float64, width and height in px of each line's image, NaN unknown; None: not asked.
    """
    known = np.isfinite(values).all(axis=1)
    values = values[known]
    if are_fractions(values):
        return "rel-xywh" if lie_inside(values).all() else None
    may_be_corners = (values[:, 2:] > values[:, :2]).all(axis=1)
    n_not = int((~may_be_corners).sum())
    if n_not and n_not >= _SHARE_NO_CORNERS * len(values):
        return "xywh"
    if n_not == 0 and len(values) >= _MIN_CORNERS:
        return "xyxy"
    return None if sizes is None else _by_sizes(values, sizes[known])


def _by_sizes(values: Floats, sizes: Floats) -> str | None:
    """`xyxy` when sides would leave a picture that corners do not leave, else None."""
    with np.errstate(over="ignore", invalid="ignore"):
        far = values[:, :2] + values[:, 2:]
        leaves = (far > sizes * (1 + _OUTSIDE_FRAC)).any(axis=1)
        fits = (values[:, 2:] <= sizes * (1 + _OUTSIDE_FRAC)).all(axis=1)
    is_all = bool((values[:, 2:] > values[:, :2]).all())
    return "xyxy" if is_all and bool((leaves & fits).any()) else None
