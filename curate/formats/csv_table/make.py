"""The table `boxes.csv`, made from the columns."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.image_names import names_below_source
from curate.formats.writing import (
    LossReport,
    column_losses,
    name_losses,
    names_apart,
    origin_losses,
)
from curate.tables import hex_id

NAME = "csv"

IMAGE_COLUMNS = ("width", "height", "split", "label_state")
BOX_COLUMNS = (
    "label", "source_label", "shape", "x1", "y1", "x2", "y2", "score", "role", "is_group",
    "occluded", "truncated", "difficult", "track_id", "annotator", "attributes", "source_id",
)  # fmt: skip
COLUMNS = (
    "image", "width", "height", "label", "source_label", "shape", "x1", "y1", "x2", "y2", "score",
    "role", "split", "label_state", "is_group", "occluded", "truncated", "difficult", "track_id",
    "annotator", "attributes", "source_id", "image_id", "box_id",
)  # fmt: skip


def write_table(dataset: Dataset, folder: Path) -> LossReport:
    """Writes `boxes.csv` into an existing folder.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    body, n_renamed = table_bytes(dataset)
    (folder / "boxes.csv").write_bytes(body)
    losses = column_losses(
        dataset,
        image_columns=IMAGE_COLUMNS,
        box_columns=(*BOX_COLUMNS, "origin"),
        why="boxes.csv has no column for it",
    )
    losses += origin_losses(dataset.boxes, dataset.boxes["score"].notna())
    losses += name_losses(n_renamed)
    return LossReport(NAME, 1, len(dataset.images), len(dataset.boxes), tuple(losses))


def table_bytes(dataset: Dataset) -> tuple[bytes, int]:
    """The table, and how many images got another name in it.

    Images are sorted by their keys, the boxes of one image stand in the table's order.
    """
    images = dataset.images.sort_values("image_key")
    names, n_renamed = names_apart(names_below_source(images), images["image_key"].tolist())
    rows = _joined(images, names, dataset.boxes)
    texts = [_texts(rows[name]) for name in COLUMNS]
    stream = io.StringIO(newline="")
    plain = csv.writer(stream, lineterminator="\n")
    # Python quotes a lone CR only when it is part of the line end, yet reads it as one.
    quoted = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(COLUMNS)
    for row in zip(*texts, strict=True):
        writer = quoted if any("\r" in text for text in row) else plain
        writer.writerow(row)
    return stream.getvalue().encode(), n_renamed


def _joined(images: pd.DataFrame, names: list[str], boxes: pd.DataFrame) -> pd.DataFrame:
    """A row per box with its image's columns, and one per image without boxes, in image order."""
    place = pd.Index(images["image_id"].to_numpy(np.int64))
    of_box = place.get_indexer(boxes["image_id"].to_numpy(np.int64))
    without = np.setdiff1d(np.arange(len(images)), of_box)
    image_rows = np.concatenate([of_box, without])
    box_rows = np.concatenate([np.arange(len(boxes)), np.full(len(without), -1)])
    order = np.argsort(image_rows, kind="stable")
    left = images.iloc[image_rows[order]].reset_index(drop=True)
    # Row -1 is no box: reindexing gives nulls there.
    right = boxes.reset_index(drop=True).reindex(box_rows[order]).reset_index(drop=True)
    image = pd.Series(names, dtype="str").iloc[image_rows[order]].reset_index(drop=True)
    columns = {"image": image, "image_id": left["image_id"]}
    columns |= {name: left[name] for name in IMAGE_COLUMNS}
    columns |= {name: right[name] for name in (*BOX_COLUMNS, "box_id")}
    return pd.DataFrame(columns)


def _texts(column: pd.Series[Any]) -> list[str]:
    """The values as they stand in the file; null is empty."""
    if column.name in ("image_id", "box_id"):
        return ["" if pd.isna(value) else hex_id(int(value)) for value in column]
    if column.dtype == np.float64:
        return ["" if math.isnan(value) else repr(value) for value in column.tolist()]
    if isinstance(column.dtype, pd.BooleanDtype):
        return ["" if pd.isna(value) else str(bool(value)).lower() for value in column]
    return ["" if pd.isna(value) else str(value) for value in column]
