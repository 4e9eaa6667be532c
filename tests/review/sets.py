"""Small sets of labels, and decisions on their boxes, images and findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from curate.dataset import Dataset
from curate.review.decisions import decisions_table
from tests.test_report import dataset

# Two boxes on s/a0.jpg, one on s/a1.jpg; s/a2.jpg has none.
STREET = dataset(n_images=3, boxes=[(0, 1, 2, 11, 12), (0, 20, 20, 40, 30), (1, 5, 5, 9, 9)])
BOXES = STREET.boxes["box_id"].tolist()
IMAGES = STREET.images["image_id"].tolist()

Row = Mapping[str, Any]


def decided(*rows: Row) -> pd.DataFrame:
    """The table of some decisions, each a mapping of columns to values."""
    names = dict.fromkeys(name for row in rows for name in row)
    return decisions_table(len(rows), {name: [row.get(name) for row in rows] for name in names})


def on_box(number: int, verdict: str, **more: Any) -> Row:
    """A decision on a box of `STREET`, by its row."""
    key = STREET.images["image_key"].iloc[0 if number < 2 else 1]
    return {"subject": "box", "box_id": BOXES[number], "image": key, "verdict": verdict} | more


def on_image(number: int, verdict: str, **more: Any) -> Row:
    """A decision on an image of `STREET`, by its row."""
    return {"subject": "image", "image": f"s/a{number}.jpg", "verdict": verdict} | more


def on_finding(finding_id: int, verdict: str, **more: Any) -> Row:
    """A decision on a finding of BOX-002."""
    own = {"subject": "finding", "finding_id": finding_id, "check": "BOX-002"}
    return own | {"verdict": verdict} | more


def edges(left: float, top: float, right: float, bottom: float) -> dict[str, float]:
    """The columns of edited edges, px."""
    return {"x1": left, "y1": top, "x2": right, "y2": bottom}


def same_tables(one: Dataset, other: Dataset) -> bool:
    """Whether two datasets have equal tables."""
    names = ("images", "boxes", "findings", "classes")
    return all(getattr(one, name).equals(getattr(other, name)) for name in names)
