"""KITTI lines made from the tables' columns, and what they cannot hold."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from curate.formats.kitti.parse import COLUMNS, number
from curate.formats.per_image import EDGES, BoxRow

# Of the boxes table, what a line has a place for.
BOX_COLUMNS = frozenset(
    {
        "label", "source_label", *EDGES, "shape", "role", "score", "occluded", "truncated",
        "attributes",
    }
)  # fmt: skip
LACK = "KITTI has no place for it"
ONE_TYPE = "KITTI has one type: the label is written"
DONT_CARE = "DontCare"
# Column -> what stands there for "nobody said" (devkit, writeLabels.m). The score has no such
# value: -1 is this writer's own, and is counted as a loss.
PLACEHOLDERS = {
    "truncated": "-1", "occluded": "-1", "alpha": "-10", "height": "-1", "width": "-1",
    "length": "-1", "x": "-1000", "y": "-1000", "z": "-1000", "rotation_y": "-10", "score": "-1",
}  # fmt: skip
# What fractions of twelve decimals leave open in a picture of 10,000 px.
_MAX_NOISE_PX = 1e-8
_GROUPS = {
    "alpha": ("alpha",),
    "dimensions": ("height", "width", "length"),
    "location": ("x", "y", "z"),
    "rotation_y": ("rotation_y",),
}
# A byte order mark would be taken off the first line.
_NOT_IN_TYPE = re.compile(r"[\s\0-\x1f\x7f\ufeff]+")


def type_text(label: str) -> str:
    """A class as KITTI's type: white space and control characters become `_`."""
    return _NOT_IN_TYPE.sub("_", label) or "_"


def edge_text(edge: float, decimals: int = 2) -> str:
    """An edge in px with KITTI's two decimals, or more."""
    return f"{edge:.{decimals}f}"


def is_rounded(edge: float, token: str) -> bool:
    """Whether a token is another place than the edge (px), but for the noise of fractions."""
    return abs(float(token) - edge) > _MAX_NOISE_PX


def is_share(truncated: float | None) -> bool:
    """Whether KITTI has a truncation for it: 0 to 1, or unknown."""
    return truncated is None or 0 <= truncated <= 1


def share_text(truncated: float | None) -> str:
    """The truncation with two decimals, or as many as it takes; -1 for unknown and no share."""
    if truncated is None or not is_share(truncated):
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
    """Of `boxes.attributes`: the tokens by KITTI column, and whether that is all there is.

    A 3D value that is not stated has its placeholder; one that is no such value has no token.
    """
    try:
        values = {} if text is None else json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return {}, False
    if not isinstance(values, dict):
        return {}, False
    held: dict[str, str] = {}
    is_all = values.keys() <= _GROUPS.keys()
    for name, columns in _GROUPS.items():
        value = values.get(name)
        if value is None:
            value = [None] * len(columns)
        tokens = value if isinstance(value, list) else [value]
        if len(tokens) == len(columns) and all(t is None or _is_number(t) for t in tokens):
            pairs = zip(columns, tokens, strict=True)
            held |= {c: PLACEHOLDERS[c] if t is None else t for c, t in pairs}
        else:
            is_all = False
    return held, is_all


def _is_number(token: object) -> bool:
    value = number(token) if isinstance(token, str) else None
    return value is not None and math.isfinite(value) and not re.search(r"\s", str(token))


def is_ignored(row: BoxRow) -> bool:
    """Whether a box has to be written as DontCare though its class is another."""
    return row.role == "ignore" and row.label != DONT_CARE


def line_text(row: BoxRow, *, has_score: bool) -> str:
    """The line of a box that has a class and four finite edges, without its line end."""
    values = dict(PLACEHOLDERS)
    values["type"] = DONT_CARE
    if not is_ignored(row):
        values["type"] = type_text(row.label or "")
        values |= held_attributes(row.attributes)[0]
        values["truncated"] = share_text(row.truncated)
        values["occluded"] = grade_text(row.occluded)
    for name, edge in zip(("left", "top", "right", "bottom"), row.edges, strict=True):
        values[name] = edge_text(edge or 0.0)
    values["score"] = score_text(row.score)
    return " ".join(values[name] for name in (COLUMNS if has_score else COLUMNS[:15]))


def score_text(score: float | None) -> str:
    """The score in its shortest exact form; -1 for unknown and for what is no finite number."""
    is_number = score is not None and math.isfinite(score)
    return repr(float(score)) if score is not None and is_number else PLACEHOLDERS["score"]


def value_losses(row: BoxRow) -> Iterator[tuple[str, str]]:
    """The columns of a box whose values a line holds as another value, each with the reason."""
    if is_ignored(row):
        yield "label", "ignored, so written as DontCare"
    elif row.label is not None and type_text(row.label) != row.label:
        yield "label", "a type has no white space and is not empty: _ is written"
    if row.source_label is not None and row.source_label != row.label:
        yield "source_label", ONE_TYPE
    if row.role not in ("include", "ignore"):
        yield "role", LACK
    elif row.role == "include" and row.label == DONT_CARE:
        yield "role", "a DontCare is read as ignored"
    if row.score is not None and not math.isfinite(row.score):
        yield "score", "no finite number: -1 is written"
    if not is_grade(row.occluded):
        yield "occluded", "no grade of 0 to 3: -1 is written, for unknown"
    if not is_share(row.truncated):
        yield "truncated", "no share of 0 to 1: -1 is written, for unknown"
    if not held_attributes(row.attributes)[1]:
        yield "attributes", "only the 3D columns are written"


def made_losses(row: BoxRow, *, has_score: bool) -> Iterator[tuple[str, str]]:
    """The fields of a box that its new line holds as another value, each with the reason."""
    bare = {"occluded", "truncated", "attributes"} if is_ignored(row) else set()
    for name, why in value_losses(row):
        if name not in bare:
            yield f"boxes.{name}", why
    for name in sorted(bare):
        if getattr(row, name) not in (None, 0.0):
            yield f"boxes.{name}", "ignored: a DontCare has nothing but its box"
    if has_score != (row.origin == "detector") or row.origin == "import":
        yield "boxes.origin", "a file with scores is a detector's, any other one drawn by people"
    if has_score and row.score is None:
        yield "boxes.score", "not known beside boxes with a score: -1 is written"
    if any(edge is not None and is_rounded(edge, edge_text(edge)) for edge in row.edges):
        yield "boxes.x1 y1 x2 y2", "rounded to 0.01 px"
