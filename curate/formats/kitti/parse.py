"""One line of a KITTI object label to values."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field

from curate.errors import quote

COLUMNS = (
    "type", "truncated", "occluded", "alpha", "left", "top", "right", "bottom", "height", "width",
    "length", "x", "y", "z", "rotation_y", "score",
)  # fmt: skip
UNSET = {"alpha": -10.0, "dimensions": -1.0, "location": -1000.0, "rotation_y": -10.0}
# Files hold pi rounded up to two decimals.
_MAX_ANGLE_RAD = 3.15
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)


@dataclass
class KittiObject:
    """The values of one line; None is unknown, edges are px and NaN where they cannot be read.

    `is_repaired` says that the occlusion was missing and is read as 0, `problems` what cannot be
    read. `n_columns` counts the tokens.
    """

    type: str | None
    n_columns: int
    edges: tuple[float, float, float, float] = (math.nan,) * 4
    has_box: bool = False
    truncated: float | None = None
    occluded: float | None = None
    score: float | None = None
    attributes: str | None = None
    is_repaired: bool = False
    problems: list[str] = field(default_factory=list)


def number(token: str) -> float | None:
    """The number that an ASCII token writes, infinities and NaN included; None for other text."""
    try:
        value = float(token)
    except ValueError:
        return None
    # Python's float() also takes 1_000 and digits of other scripts.
    return value if token.isascii() and "_" not in token else None


def parse_line(tokens: list[str]) -> KittiObject:
    """The object that a line of at least one token describes."""
    kind = None if number(tokens[0]) is not None and len(tokens) < 15 else tokens[0]
    record = KittiObject(kind, len(tokens))
    if len(tokens) == 14 and lacks_occlusion(tokens):
        record.is_repaired = True
        tokens = [*tokens[:2], "0", *tokens[2:]]
    if len(tokens) not in (15, 16):
        record.problems.append(f"has {len(tokens)} columns, should have 15, or 16 with a score")
        return record
    values = [_value(record, column, token) for column, token in zip(COLUMNS, tokens, strict=False)]
    record.has_box = True
    left, top, right, bottom = (math.nan if v is None else v for v in values[4:8])
    record.edges = (left, top, right, bottom)
    record.truncated = _in_range(record, "truncated", tokens[1], values[1])
    record.occluded = _in_range(record, "occluded", tokens[2], values[2])
    record.score = values[15] if len(tokens) == 16 else None
    record.attributes = _attributes(tokens, values)
    return record


def lacks_occlusion(tokens: list[str]) -> bool:
    """Whether the types of 14 columns prove that the missing one is the occlusion.

    The truncation must be written with a point and the next token must not be a grade, or one of
    these two could be missing; the rest must be an angle, a box, sizes in m and an angle.
    """
    values = [number(token) for token in tokens]
    if values[0] is not None or any(v is None or not math.isfinite(v) for v in values[1:]):
        return False
    truncated, alpha, left, top, right, bottom, *rest = [v for v in values if v is not None]
    is_share = "." in tokens[1] and (0 <= truncated <= 1 or truncated == -1)
    is_grade = _WHOLE.fullmatch(tokens[2]) is not None and -1 <= alpha <= 3
    is_box = left <= right and top <= bottom
    are_sizes = all(size == -1 for size in rest[:3]) or all(0 < size < 100 for size in rest[:3])
    return (
        is_share and not is_grade and is_box and are_sizes and all(map(_is_angle, (alpha, rest[6])))
    )


def _is_angle(value: float) -> bool:
    return abs(value) <= _MAX_ANGLE_RAD or value == UNSET["alpha"]


def _value(record: KittiObject, column: str, token: str) -> float | None:
    if column == "type":
        return None
    value = number(token)
    if value is None or not math.isfinite(value):
        record.problems.append(f"has {column} {quote(token)}, should be a number")
        return None
    return value


def _in_range(record: KittiObject, column: str, token: str, value: float | None) -> float | None:
    if value is None or value == -1:
        return None
    is_share = column == "truncated" and 0 <= value <= 1
    if is_share or (column == "occluded" and value in (0, 1, 2, 3)):
        return value
    wanted = "0 to 1, or -1" if column == "truncated" else "0, 1, 2, 3 or -1"
    record.problems.append(f"has {column} {quote(token)}, should be {wanted}")
    return None


def _attributes(tokens: list[str], values: list[float | None]) -> str | None:
    """The 3D columns as JSON text, numbers as in the file, unset ones left out."""
    parts = []
    for name, first, count in (
        ("alpha", 3, 1), ("dimensions", 8, 3), ("location", 11, 3), ("rotation_y", 14, 1),
    ):  # fmt: skip
        span = slice(first, first + count)
        if all(value == UNSET[name] for value in values[span]):
            continue
        texts = [_json_number(t, v) for t, v in zip(tokens[span], values[span], strict=True)]
        text = texts[0] if count == 1 else f"[{', '.join(texts)}]"
        parts.append(f'"{name}": {text}')
    return f"{{{', '.join(parts)}}}" if parts else None


def _json_number(token: str, value: float | None) -> str:
    return token if _JSON_NUMBER.fullmatch(token) and value is not None else json.dumps(value)
