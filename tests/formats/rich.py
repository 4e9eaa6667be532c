"""Datasets drawn at random whose every column says something, of no format of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from curate.dataset import Dataset, empty_dataset
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS, box_hashes, key_hashes, make_table

# Boxes lie in cells of this side in px, so that none is near another.
CELL_PX = 20
COLUMNS = 6
ROWS = 4
_WIDTHS = (COLUMNS * CELL_PX, COLUMNS * CELL_PX + 7)
_HEIGHT = ROWS * CELL_PX

_NUMBERS = st.one_of(
    st.integers(0, 8).map(float), st.sampled_from([0.25, 0.5, 1.125, 2.004, 3.3, 7.123456789])
)
_WORDS = st.sampled_from(["car", "person", "a b", "Größe"])
# Column of the boxes table to what it may say, beside nothing.
_SAID: dict[str, st.SearchStrategy[Any]] = {
    "role": st.sampled_from(["ignore", "exclude", "review"]),
    "extent": st.sampled_from(["visible", "full", "head"]),
    "annotator": st.sampled_from(["7", "a@example.org", "someone"]),
    "is_group": st.booleans(),
    "occluded": st.sampled_from([0.0, 0.4, 1.0, 2.0, 3.0]),
    "truncated": st.sampled_from([0.0, 0.25, 1.0]),
    "difficult": st.booleans(),
    "is_depiction": st.booleans(),
    "is_reflection": st.booleans(),
    "track_id": st.sampled_from(["3", "alpha"]),
    "declared_area": st.sampled_from([12.5, 100.0]),
    "attributes": st.sampled_from(['{"colour": "red"}', '{"pose": "Left"}', '{"n": 1}']),
    "source_id": st.sampled_from(["99", "x-1"]),
    "source_label": st.sampled_from(["a word", "car"]),
    "origin": st.just("import"),
}
_IMAGE_SAID: dict[str, st.SearchStrategy[Any]] = {
    "split": st.sampled_from(["train", "val"]),
    "group": st.sampled_from(["v1", "v2"]),
    "device": st.just("cam"),
    "licence": st.just("CC BY 4.0"),
    "attribution": st.just("a museum"),
    "exhaustive": st.just('["car"]'),
    "source_id": st.integers(1, 50).map(str),
}


@st.composite
def _boxes(draw: st.DrawFn, cell: int) -> dict[str, Any]:
    left, top = CELL_PX * (cell % COLUMNS), CELL_PX * (cell // COLUMNS)
    x1, y1 = left + draw(_NUMBERS), top + draw(_NUMBERS)
    x2, y2 = x1 + 2 + draw(_NUMBERS), y1 + 2 + draw(_NUMBERS)
    label = draw(_WORDS)
    row = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "label": label, "source_label": label}
    row |= {"shape": "box", "role": "include", "origin": "human", "file": "f"}
    for name in draw(st.lists(st.sampled_from(sorted(_SAID)), max_size=3, unique=True)):
        row[name] = draw(_SAID[name])
    kind = draw(st.integers(0, 11))
    if kind == 0:
        row |= {"score": draw(st.floats(0, 1)), "origin": "detector"}
    elif kind == 1:
        row |= {"shape": "rotated", "angle_deg": 30.0}
    elif kind == 2:
        row["shape"] = draw(st.sampled_from(["polygon", "mask", "line", "point"]))
    elif kind == 3:
        row |= {"shape": "tag"} | dict.fromkeys(("x1", "y1", "x2", "y2"), np.nan)
    elif kind == 4:
        row |= {"label": None, "source_label": draw(st.sampled_from([None, "thing"]))}
    if row["shape"] == "point":
        row |= {"x2": x1, "y2": y1}
    return row


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """A dataset of up to 4 images and up to 8 boxes in each."""
    images, boxes = [], []
    is_video = draw(st.booleans())
    for number in range(draw(st.integers(1, 4))):
        folder = draw(st.sampled_from(["", "a/", "b c/"]))
        image: dict[str, Any] = {"image_key": f"s/{folder}{number:06d}é.{draw(_ENDINGS)}"}
        image |= {"width": draw(st.sampled_from(_WIDTHS)), "height": _HEIGHT}
        for name in draw(st.lists(st.sampled_from(sorted(_IMAGE_SAID)), max_size=3, unique=True)):
            image[name] = draw(_IMAGE_SAID[name])
        if is_video or draw(st.integers(0, 2)) == 0:
            image |= {"group": draw(_IMAGE_SAID["group"]), "frame": number + 1}
        cells = draw(st.lists(st.integers(0, COLUMNS * ROWS - 1), max_size=8, unique=True))
        rows = [draw(_boxes(cell)) for cell in cells]
        image["label_state"] = "present" if rows else "empty"
        # A sequence of MOT has all frames up to its last one.
        if "frame" not in image and draw(st.integers(0, 3)) == 0:
            image["label_state"] = draw(st.sampled_from(["missing", "unreadable"]))
        boxes += [row | {"image_row": number} for row in rows]
        images.append(image)
    return _dataset(images, boxes)


_ENDINGS = st.sampled_from(["jpg", "png"])


def _dataset(images: list[dict[str, Any]], boxes: list[dict[str, Any]]) -> Dataset:
    ids = key_hashes([image["image_key"] for image in images])
    of_box = np.array([ids[row["image_row"]] for row in boxes], np.int64)
    own = {"image_id": of_box, "box_id": box_hashes(of_box, np.arange(len(boxes)))}
    return empty_dataset("s").with_tables(
        images=_table(
            IMAGE_COLUMNS, images, {"image_id": ids, "source": "s", "box_frame": "upright"}
        ),
        boxes=_table(BOX_COLUMNS, boxes, own),
    )


def _table(columns: Any, rows: list[dict[str, Any]], own: dict[str, Any]) -> Any:
    values = {}
    for name, column in columns.items():
        said = [row.get(name) for row in rows]
        if column.dtype == "float64":
            said = np.array([np.nan if v is None else v for v in said], float)
        values[name] = said
    return make_table(columns, len(rows), values | own)
