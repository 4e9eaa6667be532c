"""The grammar of YOLO text, `class cx cy w h ...`: what is a class, a number, a row, a list.

Darknet's text, Ultralytics' and Make Sense's differ in what follows the class, not in this.
"""

from __future__ import annotations

import math
import re

from curate.tree import PICTURE_ENDINGS

N_COLUMNS = 5
NO_CLASS = ("-1", "null")
# A longer number cannot be the place in any list of classes.
MAX_CLASS_DIGITS = 9
_PICTURE_ENDINGS = tuple(ending.encode() for ending in sorted(PICTURE_ENDINGS))

CLASS = re.compile(rb"-?[0-9]+|null")
NUMBER = re.compile(rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
# The bound keeps products with an image's side finite; it is far beyond any fraction.
_MAX_FRACTION = 1e100


def fraction(token: bytes) -> float | None:
    """The number that a token writes; None for other text and for what is out of all bounds."""
    value = float(token) if NUMBER.fullmatch(token) else math.nan
    return value if abs(value) < _MAX_FRACTION else None


def is_row(line: bytes) -> bool:
    """Whether a line is a class and the four numbers of a box."""
    tokens = line.split()
    return (
        len(tokens) == N_COLUMNS
        and CLASS.fullmatch(tokens[0]) is not None
        and all(fraction(token) is not None for token in tokens[1:])
    )


def is_picture_list(lines: list[bytes]) -> bool:
    """Whether lines that are not blank are the paths of pictures, and there are any."""
    return bool(lines) and all(line.strip().lower().endswith(_PICTURE_ENDINGS) for line in lines)
