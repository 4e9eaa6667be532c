"""What people changed of the labels that curate wrote into a sample."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from curate.browse.ids import TRUTH, from_bytes
from curate.browse.labels import FIELDS, LISTS
from curate.browse.places import Floats, pixels, shares, turned_back, turned_boxes, upright_size
from curate.browse.records import BoxRecord, Record, unpacked

# Shares of a side: what FiftyOne gives back unchanged is equal, also after JSON.
TOLERANCE_FRAC = 1e-9
TRUTH_FIELDS = tuple(own for own, _ in FIELDS.values())

Document = Mapping[str, Any]  # as FiftyOne's database keeps it


def labels_in(document: Document, fields: tuple[str, ...]) -> Iterator[tuple[str, Document]]:
    """The labels of some fields of a sample, each with its field."""
    for field in fields:
        held = document.get(field)
        if isinstance(held, Mapping) and held.get("_cls") in LISTS:
            for label in held.get(LISTS[held["_cls"]]) or []:
                yield field, label


def checksum(points: object) -> int:
    """A number that is another one when points are moved."""
    return zlib.crc32(repr(points).encode())


@dataclass(frozen=True)
class Written:
    """The labels that curate wrote into a sample, and how to tell what is no longer like them.

    `lost` are fields of labels that were taken out of the FiftyOne dataset since.
    """

    record: Record
    lost: frozenset[str] = frozenset()

    @cached_property
    def boxes(self) -> dict[int, BoxRecord]:
        """The boxes that are shown, by id."""
        return {box[0]: box for box in self.record.boxes if box[3]}

    @cached_property
    def _places(self) -> dict[int, Floats]:
        if not self.record.boxes:
            return {}
        edges = np.array([[_number(v) for v in box[2]] for box in self.record.boxes], np.float64)
        upright = turned_boxes(edges, *self._frame(len(edges)))
        places = shares(upright, upright_size(*self._frame(len(edges))))
        return {box[0]: place for box, place in zip(self.record.boxes, places, strict=True)}

    def _frame(self, n: int) -> tuple[Floats, Any]:  # an array of int64
        size = np.array([[_number(v) for v in self.record.size_wh]] * n, np.float64)
        return size.reshape(-1, 2), np.full(n, self.record.orientation)

    def box_of(self, label: Document) -> BoxRecord | None:
        """The box that a label stands for; None for one that curate did not write."""
        kind, value = from_bytes(label["_id"].binary) or (None, 0)
        return self.boxes.get(value) if kind == TRUTH else None

    def is_renamed(self, label: Document) -> bool:
        """Whether it has another class than the one that was written."""
        box = self.box_of(label)
        return box is not None and label.get("label") != box[1]

    def is_moved(self, label: Document) -> bool:
        """Whether its box lies elsewhere than it was written."""
        box, stated = self.box_of(label), label.get("bounding_box")
        if box is None or stated is None or box[3] not in ("box", "polygon", "mask", "rotated"):
            return False
        place = _four(stated)
        if place is None:
            return True
        return not bool((np.abs(place - self._places[box[0]]) <= TOLERANCE_FRAC).all())

    def is_redrawn(self, label: Document) -> bool:
        """Whether its outline or its points are others than those that were written."""
        drawn = self.record.drawn.get(str(label["_id"]))
        return drawn is not None and checksum(label.get("points")) != drawn

    def edges_of(self, label: Document) -> list[float] | None:
        """x1 y1 x2 y2 of a label's box as it is now, px, in the frame of the boxes.

        An edge that was not moved is that which was written, without the dust of its shares. None
        where that is no box: other than four finite numbers, no width or no height.
        """
        place = _four(label.get("bounding_box"))
        if place is None:
            return None
        size, turn = self._frame(1)
        upright = upright_size(size, turn)
        now = turned_back(pixels(place[None], upright), upright, turn)[0]
        box = self.box_of(label)
        before = now if box is None else np.array([_number(edge) for edge in box[2]], np.float64)
        is_same = np.abs(now - before) <= TOLERANCE_FRAC * float(np.max(size))
        x1, y1, x2, y2 = np.where(is_same, before, now).tolist()
        return [x1, y1, x2, y2] if x1 < x2 and y1 < y2 else None


def written_in(note: Document) -> Written:
    """What is noted of a sample (`curate.browse.database.written_of`)."""
    return Written(unpacked(note["record"]), frozenset(note.get("lost", ())))


def _four(stated: Any) -> Floats | None:  # what a document has
    """Left, top, width and height that a document states; None where they are no such numbers."""
    try:
        place = np.asarray(stated, np.float64)
    except (TypeError, ValueError):
        return None
    return place if place.shape == (4,) and bool(np.isfinite(place).all()) else None


def _number(value: float | None) -> float:
    return np.nan if value is None else value
