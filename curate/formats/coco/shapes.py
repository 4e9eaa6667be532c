"""What kind of outline each COCO record has, told by its first bytes without decoding it."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np

from curate.formats.coco.records import ABSENT
from curate.formats.json_document import Document, span_arrays, views

# What `outline_kinds` calls an outline in RLE.
MASK = 2
# The key `segmentation` with its colon and some white space.
MAX_AHEAD = 32
_FIRST = itemgetter(0)


def outline_kinds(outlines: Sequence[msgspec.Raw]) -> np.ndarray[Any, np.dtype[np.int8]]:
    """(N,) int8: 0 no outline (a box), 1 polygon, 2 mask, told by the first bytes of each."""
    n = len(outlines)
    texts = list(views(outlines))
    first = np.fromiter(map(_FIRST, texts), np.uint8, n)
    # No ring fits into so few bytes: these are empty lists.
    is_short = np.fromiter(map(len, texts), np.int64, n) < len("[[1,2]]")
    return _kinds(first, is_short)


def _kinds(first: np.ndarray[Any, Any], is_short: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    is_polygon = (first == ord("[")) & ~is_short
    return np.where(first == ord("{"), MASK, is_polygon).astype(np.int8)


def kinds_in_place(
    document: Document, starts: np.ndarray[Any, Any], first_outline: msgspec.Raw
) -> np.ndarray[Any, Any] | None:
    """As `outline_kinds`, from the text itself; None unless every record opens in the same way.

    COCO's own files have `segmentation` first: then its value stands equally far into each record,
    which the equal bytes before it prove. Looking there is ten times as quick as asking the views.
    """
    if not len(starts) or first_outline is ABSENT:
        return None
    text = np.frombuffer(document.text, np.uint8)
    ahead = int(span_arrays([first_outline], document.text)[0][0]) - int(starts[0])
    if not 0 < ahead < MAX_AHEAD or starts[-1] + ahead + 2 > len(text):
        return None
    # (N, ahead + 2): the bytes up to the value and its first two.
    opening = np.lib.stride_tricks.sliding_window_view(text, ahead + 2)[starts]
    if (opening[:, :ahead] != opening[0, :ahead]).any() or (opening[:, -1] <= ord(" ")).any():
        return None
    return _kinds(opening[:, -2], opening[:, -1] == ord("]"))


def box_from_outline(ann: Any, record: dict[str, Any], texts: list[str]) -> list[str]:
    """Gives an annotation without bbox the bounds of its polygons; returns what is still wrong."""
    outline = record.get("segmentation")
    if not isinstance(outline, list):
        return texts
    try:
        rings = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in outline]
    except (ValueError, TypeError, OverflowError):
        return texts
    points = np.concatenate([np.zeros((0, 2)), *rings])
    if not len(points):
        return texts
    low, high = points.min(axis=0), points.max(axis=0)
    ann.bbox = (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    return [text for text in texts if not text.startswith(("no bbox", "bbox is None"))]
