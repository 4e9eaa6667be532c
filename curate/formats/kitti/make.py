"""KITTI lines made from the tables' columns, and the names of their files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from curate.formats.kitti.parse import COLUMNS, number

BOX_FIELDS = (
    "label", "x1", "y1", "x2", "y2", "role", "score", "occluded", "truncated", "attributes",
)  # fmt: skip
DONT_CARE = "DontCare"
# Column -> what stands there for "nobody said" (devkit, writeLabels.m). The score has no such
# value: -1 is this writer's own, and is counted as a loss.
PLACEHOLDERS = {
    "truncated": "-1", "occluded": "-1", "alpha": "-10", "height": "-1", "width": "-1",
    "length": "-1", "x": "-1000", "y": "-1000", "z": "-1000", "rotation_y": "-10", "score": "-1",
}  # fmt: skip
_GROUPS = {
    "alpha": ("alpha",),
    "dimensions": ("height", "width", "length"),
    "location": ("x", "y", "z"),
    "rotation_y": ("rotation_y",),
}
_NOT_IN_TYPE = re.compile(r"[\s\0-\x1f\x7f]+")
_UNSAFE_IN_NAME = re.compile('[\0-\x1f\x7f<>:"|?*/\\\\\ud800-\udfff]')
_RESERVED_STEM = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
_MAX_NAME_BYTES = 200


@dataclass(frozen=True)
class BoxRow:
    """The values of one box that KITTI can hold; edges in px, 0-based, half-open, None unknown."""

    label: str | None
    x1: float | None
    y1: float | None
    x2: float | None
    y2: float | None
    role: str
    score: float | None
    occluded: float | None
    truncated: float | None
    attributes: str | None

    @property
    def edges(self) -> tuple[float | None, ...]:
        """x1, y1, x2, y2."""
        return self.x1, self.y1, self.x2, self.y2


def box_rows(boxes: pd.DataFrame) -> Iterator[BoxRow]:
    """The boxes as rows, null as None, in the table's order."""
    columns = [boxes[name].astype(object).where(boxes[name].notna(), None) for name in BOX_FIELDS]
    for values in zip(*columns, strict=True):
        yield BoxRow(*values)


def type_text(label: str) -> str:
    """A class as KITTI's type: white space and control characters become `_`."""
    return _NOT_IN_TYPE.sub("_", label) or "_"


def edge_text(edge: float, decimals: int = 2) -> str:
    """An edge in px with KITTI's two decimals, or more."""
    return f"{edge:.{decimals}f}"


def share_text(truncated: float | None) -> str:
    """The truncation with two decimals, or as many as it takes; -1 for unknown."""
    if truncated is None:
        return PLACEHOLDERS["truncated"]
    text = f"{truncated:.2f}"
    return text if float(text) == truncated else repr(float(truncated))


def is_grade(occluded: float | None) -> bool:
    """Whether KITTI has a grade for it: 0 to 3, or unknown."""
    return occluded is None or occluded in (0.0, 1.0, 2.0, 3.0)


def grade_text(occluded: float | None) -> str:
    """The occlusion as KITTI's grade, -1 for unknown and for what is no grade of KITTI's."""
    if occluded is None or not is_grade(occluded):
        return PLACEHOLDERS["occluded"]
    return str(int(occluded))


def held_attributes(text: str | None) -> tuple[dict[str, str], bool]:
    """Of `boxes.attributes`: the tokens by KITTI column, and whether that is all there is."""
    if text is None:
        return {}, True
    try:
        values = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return {}, False
    if not isinstance(values, dict):
        return {}, False
    held: dict[str, str] = {}
    n_held = 0
    for name, columns in _GROUPS.items():
        value = values.get(name)
        tokens = value if isinstance(value, list) else [value]
        if name not in values or len(tokens) != len(columns):
            continue
        if all(token is None or _is_number(token) for token in tokens):
            n_held += 1
            pairs = zip(columns, tokens, strict=True)
            held |= {c: PLACEHOLDERS[c] if t is None else t for c, t in pairs}
    return held, n_held == len(values)


def _is_number(token: object) -> bool:
    value = number(token) if isinstance(token, str) else None
    return value is not None and math.isfinite(value) and not re.search(r"\s", str(token))


def line_text(row: BoxRow, *, has_score: bool) -> str:
    """The line of a box that has a class and four finite edges, without its line end."""
    label = row.label or ""
    values = dict(PLACEHOLDERS)
    if row.role != "ignore" or label == DONT_CARE:
        values |= held_attributes(row.attributes)[0]
        values["truncated"] = share_text(row.truncated)
        values["occluded"] = grade_text(row.occluded)
    values["type"] = DONT_CARE if row.role == "ignore" else type_text(label)
    for name, edge in zip(("left", "top", "right", "bottom"), row.edges, strict=True):
        values[name] = edge_text(edge or 0.0)
    if row.score is not None:
        values["score"] = repr(float(row.score))
    return " ".join(values[name] for name in (COLUMNS if has_score else COLUMNS[:15]))


def label_stems(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """A stem for the label file of each image name, of its own also where case does not count.

    Folders and endings are dropped; of two images of one stem the second keeps its ending.
    Characters that a file system may refuse become `_`.
    """
    used = {stem.casefold() for stem in taken}
    stems = []
    for name in names:
        base = safe_name(PurePosixPath(name).name)
        stem, ordinal = PurePosixPath(base).stem, 1
        while stem.casefold() in used:
            stem = base if ordinal == 1 else f"{base}-{ordinal}"
            ordinal += 1
        used.add(stem.casefold())
        stems.append(stem)
    return stems


def safe_name(name: str) -> str:
    """A file name as every file system takes it."""
    name = _UNSAFE_IN_NAME.sub("_", name)
    name = name.encode()[:_MAX_NAME_BYTES].decode(errors="ignore").lstrip(" ").rstrip(". ") or "_"
    is_reserved = _RESERVED_STEM.fullmatch(name.partition(".")[0]) is not None
    return f"_{name}" if is_reserved else name
