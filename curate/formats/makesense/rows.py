"""The rows that the readers of this package collect, and the helpers that all of them use."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from curate.assembly import Fault, Gathered

NAME = "makesense"
_AT_BYTE = re.compile(r"\(byte (\d+)\)")

IMAGE_FIELDS = (
    "image_name", "width", "height", "declared_width", "declared_height", "label_state",
    "source_id", "file", "line", "start", "end",
)  # fmt: skip
BOX_FIELDS = (
    "image_row", "shape", "source_label", "label", "x1", "y1", "x2", "y2", "truncated",
    "difficult", "attributes", "source_id", "file", "line", "start", "end",
)  # fmt: skip
FLOAT_FIELDS = ("x1", "y1", "x2", "y2", "truncated")

_Columns = dict[str, list[Any]]  # values of any type that make_table takes


@dataclass
class Rows:
    """Image and box rows column by column, faults, and the bytes of the files that were read."""

    images: _Columns = field(default_factory=lambda: {name: [] for name in IMAGE_FIELDS})
    boxes: _Columns = field(default_factory=lambda: {name: [] for name in BOX_FIELDS})
    faults: list[Fault] = field(default_factory=list)
    classes: list[dict[str, str | None]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)

    @property
    def n_images(self) -> int:
        """Number of image rows so far."""
        return len(self.images["image_name"])

    @property
    def n_boxes(self) -> int:
        """Number of box rows so far."""
        return len(self.boxes["image_row"])

    def add_image(self, image_name: str, **values: object) -> int:
        """Appends an image row, with nulls for the columns not named; returns its number."""
        values = {"label_state": "present"} | values | {"image_name": image_name}
        for name, column in self.images.items():
            column.append(values.get(name))
        return self.n_images - 1

    def add_box(self, image_row: int, **values: object) -> int:
        """Appends a box row, with nulls for the columns not named; returns its number."""
        values = {"shape": "box"} | values | {"image_row": image_row}
        for name, column in self.boxes.items():
            column.append(values.get(name))
        return self.n_boxes - 1

    def fault(self, code: str, message: str, mend: str, **values: Any) -> None:  # fields of Fault
        """Appends a fault."""
        self.faults.append(Fault(code, message, mend, **values))

    def nothing_annotated(self, file: str | None) -> None:
        """Notes a valid export that holds no annotation."""
        self.fault(
            "SRC-018",
            "nothing was annotated: the export is valid and holds no record",
            "nothing, if that is so; else export again in the tab of the right label type",
            file=file,
        )

    def gathered(self) -> Gathered:
        """The rows in the form that `assemble` takes."""
        floats = {name: np.array(self.boxes[name], np.float64) for name in FLOAT_FIELDS}
        return Gathered(
            n_images=self.n_images,
            n_boxes=self.n_boxes,
            images=dict(self.images),
            boxes=self.boxes | floats,
            faults=self.faults,
            classes=self.classes,
            files=self.files,
            formats=self.formats,
        )


def stem_of(file: str) -> str:
    """The name of a file without its folder and its last ending, as Make Sense names members."""
    return PurePosixPath(file).stem or file


def span_of(raw: msgspec.Raw, base: int) -> tuple[int, int]:
    """The bytes [start, end) of a raw JSON value in the buffer that begins at address `base`."""
    view = pa.py_buffer(raw)
    start = int(view.address) - base
    return start, start + int(view.size)


def line_of(error: Exception, body: bytes, skip: int) -> int:
    """The line, from 1, at which msgspec stopped in `body` after its first `skip` bytes."""
    found = _AT_BYTE.search(str(error))
    is_cut = "truncated" in str(error)
    offset = skip + int(found[1]) if found else len(body) if is_cut else 0
    return body.count(b"\n", 0, offset) + 1


def address_of(body: bytes) -> int:
    """The address of a buffer, for `span_of`."""
    return int(pa.py_buffer(body).address)
