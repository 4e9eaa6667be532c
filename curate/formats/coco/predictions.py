"""The records of a COCO results file as columns, decoded a part at a time.

Objects for all records at once would be several times the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np

from curate import masks
from curate.formats.coco.lookup import Codes, Key, Numbers, floats
from curate.formats.coco.records import ABSENT, Loose, Result, decode_all
from curate.formats.coco.shapes import outline_kinds
from curate.formats.json_document import Document, Records

# Records decoded at a time: few enough for the processor's caches.
CHUNK_RECORDS = 5_000
_GET = {name: attrgetter(name) for name in Result.__struct_fields__}


@dataclass(frozen=True)
class Predictions:
    """What the N records of a results file state, in their order.

    Parameters
    ----------
    image_ids, class_ids
        The ids that the records state, each once, in the order of appearance; None: of records
        that state none.
    image, label
        (N,) int32: which of these ids each record has.
    xywh
        (N, 4) float64, px: `bbox`, else the bounds of the points or of the mask; NaN without any.
    score
        (N,) float64; NaN: none that can be read.
    outline
        (N,) int8, as `outline_kinds`.
    wrong
        What is wrong in the records that could not be read as they should.
    """

    image_ids: list[Key]
    class_ids: list[Key]
    image: Numbers
    label: Numbers
    xywh: np.ndarray[Any, np.dtype[np.float64]]
    score: np.ndarray[Any, np.dtype[np.float64]]
    outline: np.ndarray[Any, np.dtype[np.int8]]
    wrong: list[Loose]


def read_predictions(document: Document, records: Records) -> Predictions:
    """The columns of all records of a results file."""
    n = len(records)
    image, label, outline = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int8)
    xywh, score = np.empty((n, 4)), np.empty(n)
    image_ids, class_ids = Codes(), Codes()
    wrong: list[Loose] = []
    for first in range(0, n, CHUNK_RECORDS):
        results, own_wrong = decode_all(records, document, Result, first, CHUNK_RECORDS)
        wrong += own_wrong
        part = slice(first, first + len(results))
        image[part] = image_ids.of(list(map(_GET["image_id"], results)))
        label[part] = class_ids.of(list(map(_GET["category_id"], results)))
        score[part] = floats(list(map(_GET["score"], results)))
        edges = chain.from_iterable(map(_box, results))
        xywh[part] = np.fromiter(edges, np.float64, 4 * len(results)).reshape(-1, 4)
        outline[part] = _outlines(map(_GET["segmentation"], results))
    return Predictions(
        list(image_ids), list(class_ids), image, label, xywh, score, outline, wrong
    )  # fmt: skip


def _outlines(outlines: Iterable[Any]) -> Any:  # msgspec.Raws; an array, or one number
    own = list(outlines)
    return 0 if own.count(ABSENT) == len(own) else outline_kinds(own)


def _box(result: Any) -> tuple[float, ...]:  # a Result
    """x, y, w, h in px: as stated, else the bounds of the points or of the mask."""
    if result.bbox is not None:
        box: tuple[float, ...] = result.bbox
        return box
    bounds = None
    if result.keypoints is not ABSENT:
        bounds = masks.point_bounds(bytes(result.keypoints), visible_from=None)
    elif result.segmentation is not ABSENT:
        bounds = masks.outline_bounds(bytes(result.segmentation))
    if bounds is None:
        return (math.nan,) * 4
    x1, y1, x2, y2 = bounds
    return (x1, y1, x2 - x1, y2 - y1)
