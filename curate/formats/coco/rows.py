"""What reading one COCO file gives, and the faults of its records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from curate.assembly import Fault
from curate.formats.coco.lookup import RowOf


@dataclass
class FileRows:
    """What one annotation or results file gives: columns of its images and boxes, and its faults.

    Row numbers in `faults` and in `boxes["image_row"]` count from this file's first row.
    """

    n_images: int = 0
    n_boxes: int = 0
    n_captions: int = 0
    images: dict[str, Any] = field(default_factory=dict)  # columns that make_table takes
    boxes: dict[str, Any] = field(default_factory=dict)  # as above
    faults: list[Fault] = field(default_factory=list)
    classes: list[dict[str, str | None]] = field(default_factory=list)
    image_row: RowOf = field(default_factory=RowOf)
    class_name: dict[int | str, str] = field(default_factory=dict)
    file: str = ""
