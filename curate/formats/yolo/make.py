"""YOLO rows made from the tables' columns: class numbers, fractions, tails of predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.per_image import EDGES

DECIMALS = 6
MOST_DECIMALS = 12
# As the reader's bound: far beyond any fraction.
_MAX_FRACTION = 1e100
# A float64 holds every whole number of so many digits.
_MAX_TRACK_DIGITS = 15

LACK = "YOLO has no place for it"
Ring = Sequence[float]


@dataclass(frozen=True)
class Tails:
    """What stands behind the geometry of every row: the score, the score and the track, nothing."""

    has_score: bool = False
    has_track: bool = False


def class_names(dataset: Dataset) -> list[str]:
    """The classes in the order of their numbers.

    COCO's stand in the order of their ids, others as they are first listed; labels that are in
    no list follow by name.
    """
    classes = dataset.classes
    names = classes["label"].tolist()
    if dataset.format.startswith("coco"):
        ids = [text if isinstance(text, str) else "" for text in classes["source_id"]]
        pairs = zip(ids, names, strict=True)
        names = [name for _, name in sorted(pairs, key=lambda pair: _id_order(pair[0]))]
    names = list(dict.fromkeys(names))
    known = set(names)
    return names + sorted(set(dataset.boxes["label"].dropna()) - known)


def _id_order(text: str) -> tuple[int, str]:
    is_number = text.isascii() and text.isdecimal() and len(text) < 19
    return (int(text), "") if is_number else (2**63, text)


def fraction_text(value: float, decimals: int = DECIMALS) -> str:
    """A fraction with so many decimals, or up to twelve where it takes more; -0 is 0.

    Twelve decimals tell a place in a picture of 2,000 px to 1e-9 px.
    """
    text = f"{value:.{max(decimals, MOST_DECIMALS)}f}"
    whole, _, digits = text.partition(".")
    text = f"{whole}.{digits.rstrip('0').ljust(decimals, '0')}"
    return text if text.strip("-0.") else text.removeprefix("-")


def fractions_of(
    edges: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    sizes: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(N, 4) cx, cy, w, h as fractions of (N, 2) sizes, from (N, 4) edges in px.

    NaN where an edge or size is unknown or out of all bounds.
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        low, high = edges[:, :2] / sizes, edges[:, 2:] / sizes
        found = np.hstack([low / 2 + high / 2, high - low])
        found[~(np.abs(found) < _MAX_FRACTION).all(axis=1)] = np.nan
    return found


def tails_of(boxes: pd.DataFrame) -> Tails:
    """What the rows of these boxes can end in: all alike, and told apart when they are read.

    Scores are written when all boxes are predictions with one of 0 to 1, tracks when all have a
    number and one is above 1, which no score is.
    """
    scores = boxes["score"].to_numpy(np.float64)
    has_score = (
        len(boxes) > 0
        and bool((boxes["origin"] == "detector").all())
        and bool(((scores >= 0) & (scores <= 1)).all())
    )
    tracks = boxes["track_id"].tolist()
    has_track = has_score and all(map(is_track, tracks)) and any(int(text) > 1 for text in tracks)
    return Tails(has_score, has_track)


def is_track(text: object) -> bool:
    """Whether a track is a whole number as YOLO writes it."""
    is_number = isinstance(text, str) and text.isascii() and text.isdecimal()
    return is_number and len(str(text)) <= _MAX_TRACK_DIGITS and str(int(str(text))) == text


def rows_text(
    boxes: pd.DataFrame,
    rows: Sequence[Sequence[float]],
    numbers: Mapping[str, int],
    tails: Tails,
) -> list[str]:
    """The rows of boxes, without line ends, from the numbers behind the class of each."""
    ends = tail_texts(boxes, tails)
    columns = zip(boxes["label"].map(numbers).tolist(), rows, ends, strict=True)
    return [
        f"{number} {' '.join(fraction_text(value) for value in values)}{end}"
        for number, values, end in columns
    ]


def tail_texts(boxes: pd.DataFrame, tails: Tails) -> list[str]:
    """What follows each row's geometry, with the space before it."""
    if not tails.has_score:
        return [""] * len(boxes)
    scores = [f" {float(score)!r}" for score in boxes["score"]]
    if not tails.has_track:
        return scores
    pairs = zip(scores, boxes["track_id"], strict=True)
    return [f"{score} {track}" for score, track in pairs]


def one_ring(outline: object) -> Ring | None:
    """The one ring of a COCO segmentation; None for masks and for rings that are no polygon.

    Several rings are joined: from the first point of the first one to that of each other one and
    back, which changes neither bounds nor area.
    """
    if not isinstance(outline, list) or not outline or not all(map(_is_ring, outline)):
        return None
    first, *rest = outline
    joined = list(first)
    for ring in rest:
        joined += [*first[:2], *ring, *ring[:2]]
    return joined


def _is_ring(ring: object) -> bool:
    return (
        isinstance(ring, list)
        and len(ring) >= 6
        and len(ring) % 2 == 0
        and all(isinstance(value, int | float) and abs(value) < _MAX_FRACTION for value in ring)
        and all(map(math.isfinite, ring))
    )


def edges_of(boxes: pd.DataFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(N, 4) edges in px."""
    return boxes[EDGES].to_numpy(np.float64)
