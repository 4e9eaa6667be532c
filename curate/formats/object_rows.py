"""What the readers share whose records hold several boxes of one object: full, visible, head.

Each box is a row of its own with its extent. The rows of one object have the same span and one
key, `object`, in `boxes.attributes`; their source ids are `<object>:<extent>`. The object is called
by the source's own id where that is unique in its image, else `#` and its position from 0.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from curate.assembly import Fault, Gathered

UNKNOWN_EDGES = (math.nan, math.nan, math.nan, math.nan)
_CORRECT = "correct the record, or export again from the labelling tool"


class ReadBox(NamedTuple):
    """One box of an object; edges in px, half-open, NaN where they cannot be read; None unknown."""

    extent: str | None
    label: str | None
    role: str
    x1: float
    y1: float
    x2: float
    y2: float
    attributes: str | None = None
    source_id: str | None = None
    occluded: float | None = None
    is_group: bool | None = None
    shape: str = "box"
    angle_deg: float | None = None
    score: float | None = None
    truncated: float | None = None
    is_depiction: bool | None = None
    track_id: str | None = None

    @property
    def source_label(self) -> str | None:
        """The class as the source writes it: these formats name their classes."""
        return self.label


class Spot(NamedTuple):
    """Where a record stands: file, line from 1, first byte, byte after."""

    file: str
    line: int
    start: int
    end: int


@dataclass
class ReadObject:
    """The boxes of one object, and what of it cannot be read."""

    boxes: list[ReadBox] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


_IMAGE_COLUMNS = (
    "image_name", "label_state", "width", "height", "declared_width", "declared_height", "split",
    "group", "frame", "source_id", "file", "line", "start", "end",
)  # fmt: skip
_BOX_COLUMNS = ("image_row", "origin", "source_label", *ReadBox._fields, *Spot._fields)


class ObjectRows:
    """The columns that grow record by record."""

    def __init__(self, size_wh: tuple[int, int] | None) -> None:
        self._size = {} if size_wh is None else dict(zip(("width", "height"), size_wh, strict=True))
        # Values of many types.
        self.images: dict[str, list[Any]] = {name: [] for name in _IMAGE_COLUMNS}
        self.boxes: dict[str, list[Any]] = {name: [] for name in _BOX_COLUMNS}
        self._image_appends = [column.append for column in self.images.values()]
        self._box_appends = [column.append for column in self.boxes.values()]
        self.faults: list[Fault] = []
        self.kept: dict[str, bytes] = {}

    def add_image(self, name: str, state: str, spot: Spot, values: Mapping[str, Any]) -> int:
        """Adds an image; its row. `values` are further columns."""
        row = {**self._size, **values, "image_name": name, "label_state": state, **spot._asdict()}
        for append, column in zip(self._image_appends, _IMAGE_COLUMNS, strict=True):
            append(row.get(column))
        return len(self.images["line"]) - 1

    def add_object(self, image_row: int, read: ReadObject, spot: Spot) -> None:
        """Adds the boxes of an object and the faults of its record."""
        first = len(self.boxes["line"])
        for box in read.boxes:
            origin = "human" if box.score is None else "detector"
            values = (image_row, origin, box.label, *box, *spot)
            for append, value in zip(self._box_appends, values, strict=True):
                append(value)
        rows = tuple(range(first, first + len(read.boxes)))
        for problem in read.problems:
            self.tell("SRC-001", problem, spot, images=(image_row,), boxes=rows)

    def tell(
        self,
        code: str,
        message: str,
        spot: Spot,
        *,
        mend: str = _CORRECT,
        images: tuple[int, ...] = (),
        boxes: tuple[int, ...] = (),
    ) -> None:
        """Adds a fault."""
        source_id = self.boxes["source_id"][boxes[0]] if boxes else None
        self.faults.append(
            Fault(code, message, mend, spot.file, spot.line, source_id, images=images, boxes=boxes)
        )

    def gathered(self, name: str, formats: Sequence[str]) -> Gathered:
        """What was read of these files."""
        ids = self.boxes["source_id"]
        # A position is no id: what is called by it is told apart by its content.
        tokens = [None if i is None or i.startswith("#") else i for i in ids]
        return Gathered(
            n_images=len(self.images["line"]),
            n_boxes=len(ids),
            images=self.images,
            boxes=self.boxes,
            faults=self.faults,
            files={**self.kept},
            formats={file: name for file in formats if file in self.kept},
            box_tokens=tokens if any(t is None for t in tokens) else None,  # type: ignore[arg-type]  # as source_id, which may be null
        )


def object_keys(ids: Sequence[str | None]) -> list[str]:
    """What the objects of one image are called: their own ids, or `#` and the position."""
    counts = Counter(ids)
    return [
        f"#{at}" if own is None or counts[own] > 1 or own.startswith("#") else own
        for at, own in enumerate(ids)
    ]


def attributes_text(key: str, more: Mapping[str, Any] | None = None) -> str:
    """`boxes.attributes` of an object called `key`, with further JSON values."""
    if more is None and key.isascii() and key.lstrip("#").isalnum():
        return f'{{"object": "{key}"}}'
    return json.dumps({"object": key, **(more or {})}, ensure_ascii=False)


def xywh_edges(values: Sequence[float]) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of a corner and sides; a sum that overflows is unknown."""
    x, y, w, h = values
    x2, y2 = x + w, y + h
    return x, y, x2 if math.isfinite(x2) else math.nan, y2 if math.isfinite(y2) else math.nan
