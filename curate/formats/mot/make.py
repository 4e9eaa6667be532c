"""MOT lines from columns: the tokens of a box, and what they cannot hold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from curate.formats.line_files import number_text
from curate.formats.mot.parse import DEFAULT_CLASS
from curate.formats.per_image import EDGES, BoxRow

BOX_COLUMNS = frozenset(
    {
        "label", "source_label", *EDGES, "shape", "role", "score", "track_id", "attributes",
    }
)  # fmt: skip
LACK = "MOT has no place for it"
NO_CLASS = f"no class in these lines: they are read as {DEFAULT_CLASS}"
ONE_CLASS = "MOT has the number of the class: that of the label is written"
NOT_LISTED = "not in the list of classes: 1 is written"
NO_ID = "no whole number: -1 is written, for unknown"
NO_SCORE = "an object has no score"
ROUNDED = "the width, or height, is written, to 1e-9 px"
_UNSET = "-1"
# Edges come back as sums and differences of what is written.
_EDGE_DECIMALS = 9
MAX_EDGE_ERROR_PX = 1e-9


@dataclass(frozen=True)
class Style:
    """What the lines of one file are: objects or predictions, and the classes they number.

    `classes` is None where the lines have no class, `n_columns` the number of columns, `first_px`
    the number of the first pixel. `detector` is what a reader calls whoever made the predictions.
    """

    is_object: bool
    classes: Sequence[str] | None
    n_columns: int
    first_px: int = 1
    detector: str = "det"


def edge_tokens(row: BoxRow, first_px: int) -> dict[int, str]:
    """Left, top, width and height as tokens, by column; none when an edge is unknown."""
    x1, y1, x2, y2 = row.edges
    if x1 is None or y1 is None or x2 is None or y2 is None:
        return {}
    values = (x1 + first_px, y1 + first_px, x2 - x1, y2 - y1)
    if not all(map(math.isfinite, values)):
        return {}
    return {index: _px_text(value) for index, value in enumerate(values, start=2)}


def _px_text(value: float) -> str:
    """A number of px without the noise that a difference of two floats has in its last digits."""
    return number_text(round(value, _EDGE_DECIMALS))


def edge_losses(row: BoxRow, tokens: dict[int, str], first_px: int) -> Iterator[str]:
    """The edges that are not read back from these tokens to 1e-9 px (relative above 1 px)."""
    left, top, width, height = (float(tokens[index]) for index in range(2, 6))
    x1, y1 = left - first_px, top - first_px
    read = (x1, y1, x1 + width, y1 + height)
    for name, edge, value in zip(EDGES, row.edges, read, strict=True):
        size = max(1.0, *(abs(other) for other in row.edges if other is not None))
        if edge is not None and abs(value - edge) > 2 * MAX_EDGE_ERROR_PX * size:
            yield name


def id_token(track_id: str | None) -> str:
    """The id of a track; -1 for none and for what is no whole number."""
    return track_id if track_id is not None and is_id(track_id) else _UNSET


def is_id(track_id: str) -> bool:
    """Whether a track's id is a whole number that MOT holds as it is."""
    return track_id.isascii() and track_id.isdigit() and len(track_id) < 16


def conf_token(row: BoxRow, style: Style) -> str:
    """The flag of an object, the score of a prediction."""
    if style.is_object:
        return "0" if row.role == "ignore" else "1"
    is_number = row.score is not None and math.isfinite(row.score)
    return repr(float(row.score)) if row.score is not None and is_number else _UNSET


def class_token(row: BoxRow, style: Style) -> str:
    """The number of the class; 1 for a class that is not listed."""
    classes = style.classes or ()
    return str(classes.index(row.label) + 1) if row.label in classes else "1"


def rest_tokens(row: BoxRow, style: Style) -> tuple[dict[int, str], bool]:
    """Columns 9 and 10, or 8 to 10, that `attributes` give, and whether these hold all of it."""
    values = _object(row.attributes)
    if values is None:
        return {}, False
    known = {"visibility", "column_10"} if style.classes is not None else {"world"}
    if not style.is_object and values.get("detector") == style.detector:
        known.add("detector")
    is_all = values.keys() <= known
    tokens: dict[int, object] = {}
    if style.classes is not None:
        tokens = {8: values.get("visibility", _UNSET), 9: values.get("column_10", _UNSET)}
    else:
        world = values.get("world", [None] * 3)
        world = world if isinstance(world, list) and len(world) <= 3 else ["?"]
        parts = [_UNSET if part is None else part for part in world] + [_UNSET] * (3 - len(world))
        tokens = dict(enumerate(parts, start=7))
    good = {index: token for index, token in tokens.items() if is_number(token)}
    is_fit = all(token == _UNSET for index, token in good.items() if index >= style.n_columns)
    return (
        {index: token for index, token in good.items() if index < style.n_columns},
        is_all and len(good) == len(tokens) and is_fit,
    )


def _object(text: str | None) -> dict[str, object] | None:
    """A JSON object with its numbers as text; None for text that is none."""
    try:
        values = {} if text is None else json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def is_number(token: object) -> TypeGuard[str]:
    """Whether a text is a finite number that may stand between commas."""
    if not isinstance(token, str) or "," in token or token != token.strip():
        return False
    try:
        return math.isfinite(float(token)) and token.isascii() and "_" not in token
    except ValueError:
        return False


def line_text(row: BoxRow, frame: int, style: Style) -> bytes:
    """The line of a box with four finite edges, without its line end."""
    tokens = {0: str(frame), 1: id_token(row.track_id), 6: conf_token(row, style)}
    tokens |= {7: _UNSET, 8: _UNSET, 9: _UNSET}
    if style.classes is not None:
        tokens[7] = class_token(row, style)
    tokens |= edge_tokens(row, style.first_px) | rest_tokens(row, style)[0]
    return ",".join(tokens[index] for index in range(style.n_columns)).encode()


def value_losses(row: BoxRow, style: Style) -> Iterator[tuple[str, str]]:
    """The columns of a box whose values a line holds as another value, each with the reason."""
    yield from _class_losses(row, style)
    if row.role not in ("include", "ignore") or (row.role == "ignore" and not style.is_object):
        yield "role", LACK
    if row.score is not None and style.is_object:
        yield "score", NO_SCORE
    elif row.score is not None and (row.score == -1 or not math.isfinite(row.score)):
        yield "score", "-1 is written, for unknown"
    if row.track_id is not None and not is_id(row.track_id):
        yield "track_id", NO_ID
    if not rest_tokens(row, style)[1]:
        yield "attributes", LACK
    tokens = edge_tokens(row, style.first_px)
    for name in edge_losses(row, tokens, style.first_px) if tokens else ():
        yield name, ROUNDED


def _class_losses(row: BoxRow, style: Style) -> Iterator[tuple[str, str]]:
    own = None
    if style.classes is not None:
        own = class_token(row, style)
        if row.label not in style.classes:
            yield "label", NOT_LISTED
    elif row.label != DEFAULT_CLASS:
        yield "label", NO_CLASS
    if row.source_label not in (None, own, row.label):
        yield "source_label", NO_CLASS if own is None else ONE_CLASS
