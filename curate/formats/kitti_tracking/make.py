"""KITTI tracking lines from columns: the tokens of a box, and what they cannot hold."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from curate.formats.kitti_tracking.parse import COLUMNS, DETECTION_COLUMNS, DONT_CARE, GROUPS, TYPES
from curate.formats.line_files import number_text
from curate.formats.per_image import EDGES, BoxRow

# Of the boxes table, what a line has a place for.
BOX_COLUMNS = frozenset(
    {
        "label", "source_label", *EDGES, "shape", "role", "score", "occluded", "truncated",
        "track_id", "attributes",
    }
)  # fmt: skip
LACK = "KITTI tracking has no place for it"
ONE_TYPE = "KITTI tracking has one type: the label is written"
IGNORED = "ignored, so written as DontCare"
NO_TYPE = "a detection has type 1, 2 or 3: -1 is written"
EDGE_COLUMNS = ("left", "top", "right", "bottom")
# A byte order mark would be taken off the first line.
_NOT_IN_TYPE = re.compile(r"[\s\0-\x1f\x7f\ufeff]+")
_UNSET = "-1"


def type_text(label: str) -> str:
    """A class as a type: white space and control characters become `_`."""
    return _NOT_IN_TYPE.sub("_", label) or "_"


def is_ignored(row: BoxRow) -> bool:
    """Whether a box has to be written as DontCare though its class is another."""
    return row.role == "ignore" and row.label != DONT_CARE


def tokens_of(row: BoxRow, *, is_detection: bool) -> dict[str, str]:
    """The tokens of a box with four finite edges, by column; but for the frame."""
    tokens = dict.fromkeys(DETECTION_COLUMNS if is_detection else COLUMNS, _UNSET)
    tokens |= type_tokens(row, is_detection=is_detection) | attribute_tokens(row)[0]
    for name, edge in zip(EDGE_COLUMNS, row.edges, strict=True):
        tokens[name] = number_text(edge or 0.0)
    tokens["score"] = score_text(row.score)
    if not is_detection:
        tokens["track_id"] = id_text(row.track_id)
        tokens["truncated"] = truncation_text(row)
        tokens["occluded"] = grade_text(row.occluded)
    return tokens


def type_tokens(row: BoxRow, *, is_detection: bool) -> dict[str, str]:
    """The type of a box."""
    numbers = {name: str(number) for number, name in TYPES.items()}
    if is_detection:
        return {"type": numbers.get(row.label or "", _UNSET)}
    return {"type": DONT_CARE if is_ignored(row) else type_text(row.label or "")}


def id_text(track_id: str | None) -> str:
    """The id of a track; -1 for none and for what is no whole number."""
    return track_id if track_id is not None and is_id(track_id) else _UNSET


def is_id(track_id: str) -> bool:
    """Whether a track's id is a whole number that a line holds as it is."""
    return track_id.isascii() and track_id.isdigit() and len(track_id) < 16


def score_text(score: float | None) -> str:
    """The score in its shortest exact form; -1 for unknown and for what is no finite number."""
    is_number = score is not None and math.isfinite(score)
    return repr(float(score)) if score is not None and is_number else _UNSET


def grade_text(occluded: float | None) -> str:
    """The occlusion as a grade of 0 to 3, -1 for unknown and for what is none."""
    return str(int(occluded)) if occluded in (0.0, 1.0, 2.0, 3.0) and occluded is not None else "-1"


def truncation_text(row: BoxRow) -> str:
    """The truncation as a grade of 0 to 2, -1 for unknown and for what is no share."""
    if row.truncated is None or not 0 <= row.truncated <= 1:
        return _UNSET
    if row.truncated == 1:
        return "2" if _values(row)[0].get("truncation") == "2" else "1"
    return "1" if row.truncated else "0"


def detector_named(row: BoxRow) -> str | None:
    """Who made a prediction, by its attributes; None where they do not tell."""
    name = _values(row)[0].get("detector") if row.origin == "detector" else None
    return name if isinstance(name, str) else None


def _values(row: BoxRow) -> tuple[dict[str, object], bool]:
    """The attributes with numbers as text, and whether they are an object at all."""
    try:
        text = row.attributes
        values = {} if text is None else json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return {}, False
    return (values, True) if isinstance(values, dict) else ({}, False)


def attribute_tokens(row: BoxRow) -> tuple[dict[str, str], bool]:
    """The 3D columns that `attributes` give, and whether these hold all of it.

    A value that is not stated has the devkit's placeholder; one that is no such value has none.
    """
    values, is_all = _values(row)
    known = GROUPS.keys() | ({"truncation"} if row.truncated == 1 else set())
    known |= {"detector"} if row.origin == "detector" else set()
    is_all = is_all and values.keys() <= known and values.get("truncation") in (None, "2")
    held: dict[str, str] = {}
    for name, (columns, unset) in GROUPS.items():
        value = values.get(name)
        parts = value if isinstance(value, list) else [value] * (1 if value else len(columns))
        if len(parts) == len(columns) and all(part is None or _is_number(part) for part in parts):
            held |= {
                column: number_text(unset) if part is None else str(part)
                for column, part in zip(columns, parts, strict=True)
            }
        else:
            is_all = False
            held |= dict.fromkeys(columns, number_text(unset))
    return held, is_all


def _is_number(token: object) -> bool:
    if not isinstance(token, str) or re.search(r"[\s,_]", token) or not token.isascii():
        return False
    try:
        return math.isfinite(float(token))
    except ValueError:
        return False


def value_losses(row: BoxRow, *, is_detection: bool) -> Iterator[tuple[str, str]]:
    """The columns of a box whose values a line holds as another value, each with the reason."""
    yield from _type_losses(row, is_detection=is_detection)
    if row.score is not None and not math.isfinite(row.score):
        yield "score", "no finite number: -1 is written"
    if not attribute_tokens(row)[1]:
        yield "attributes", "only the 3D columns are written"
    if is_detection:
        for name in ("track_id", "occluded", "truncated"):
            if getattr(row, name) is not None:
                yield name, "a detection has no column for it"
        return
    if row.track_id is not None and not is_id(row.track_id):
        yield "track_id", "no whole number: -1 is written, for unknown"
    if row.occluded is not None and row.occluded not in (0, 1, 2, 3):
        yield "occluded", "no grade of 0 to 3: -1 is written, for unknown"
    if row.truncated not in (None, 0, 1):
        yield (
            "truncated",
            "KITTI tracking has grades: 1 is written for a share above 0, -1 for none",
        )


def _type_losses(row: BoxRow, *, is_detection: bool) -> Iterator[tuple[str, str]]:
    if is_detection:
        if row.label not in TYPES.values():
            yield "label", NO_TYPE
        if row.role != "include":
            yield "role", LACK
    elif is_ignored(row):
        yield "label", IGNORED
    elif row.label is not None and type_text(row.label) != row.label:
        yield "label", "a type has no white space and is not empty: _ is written"
    own = type_tokens(row, is_detection=is_detection)["type"]
    if row.source_label not in (None, row.label, own):
        yield "source_label", ONE_TYPE
    if is_detection:
        return
    if row.role not in ("include", "ignore"):
        yield "role", LACK
    elif row.role == "include" and row.label == DONT_CARE:
        yield "role", "a DontCare is read as ignored"
