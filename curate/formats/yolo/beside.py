"""What the rows and yaml of YOLO hold beside the tables: points, keypoints, corners, more keys."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.yolo.kinds import BOX_COLUMNS
from curate.formats.yolo.read import NAME
from curate.formats.yolo.rows import Ints, Rows, parse_rows
from curate.formats.yolo.setup import parse_data_yaml

# Keys of a data.yaml that classes and splits are read from, and the count of the classes.
_READ = frozenset({"names", "nc", "path"})


def extras(dataset: Dataset) -> Counter[str]:
    """How many values the source holds that no table column carries, by field name.

    `outline` are the points of polygons, of which the table carries the bounds, `corners` those of
    rotated boxes, `keypoints` the poses; `data.yaml KEY` are keys such as `kpt_shape`.
    """
    counts: Counter[str] = Counter()
    boxes, rows, places = _own_rows(dataset)
    if len(boxes):
        shape = boxes["shape"].to_numpy(object)
        counts["outline"] = int((shape == "polygon").sum())
        counts["corners"] = int((shape == "rotated").sum())
        n_rest = rows.count[places] - BOX_COLUMNS - _n_tail(boxes)
        counts["keypoints"] = int(((shape == "box") & (n_rest > 0)).sum())
    for file in dataset.sources.names():
        if file in dataset.formats or not file.lower().endswith((".yaml", ".yml")):
            continue
        values = parse_data_yaml(dataset.sources.read(file)) or {}
        for key, value in values.items():
            is_path = isinstance(value, str) or (
                isinstance(value, list) and all(isinstance(text, str) for text in value)
            )
            is_split = is_path and key in ("train", "val", "test", "validation", "valid")
            counts[f"data.yaml {key}"] += key not in _READ and not is_split
    return +counts


def outlines(dataset: Dataset) -> dict[int, list[list[float]]]:
    """The rings of polygons and turned boxes by box_id: x, y, x, y ... in px, not closed."""
    boxes, rows, places = _own_rows(dataset)
    own = np.flatnonzero(boxes["shape"].isin(["polygon", "rotated"]))
    boxes, places = boxes.iloc[own], places[own]
    sizes = dataset.images.set_index("image_id")[["width", "height"]]
    # An image of unknown size has no outlines in px.
    sides = sizes.loc[boxes["image_id"]].to_numpy(np.float64, na_value=np.nan)
    firsts, counts = rows.first[places] + 1, (rows.count[places] - 1 - _n_tail(boxes)) // 2 * 2
    found = {}
    columns = (boxes["box_id"].tolist(), firsts.tolist(), counts.tolist(), sides)
    # A loop over polygons, since each has its own number of points.
    for box_id, first, count, wh in zip(*columns, strict=True):
        points = rows.values[first : first + count].reshape(-1, 2) * wh
        if count and np.isfinite(points).all():
            found[box_id] = [points.ravel().tolist()]
    return found


def keypoints(dataset: Dataset) -> dict[int, list[float]]:
    """The keypoints of poses with flags by box_id: x, y (px) and flag of each."""
    boxes, rows, places = _own_rows(dataset)
    n_rest = rows.count[places] - BOX_COLUMNS - _n_tail(boxes)
    own = np.flatnonzero((boxes["shape"] == "box") & (n_rest > 0) & (n_rest % 3 == 0))
    boxes = boxes.iloc[own]
    sizes = dataset.images.set_index("image_id")[["width", "height"]]
    sides = sizes.loc[boxes["image_id"]].to_numpy(np.float64, na_value=np.nan)
    columns = (boxes["box_id"].tolist(), rows.first[places[own]].tolist(), n_rest[own].tolist())
    found = {}
    # A loop over poses, since a source may have several lengths.
    for box_id, first, count, (width, height) in zip(*columns, sides.tolist(), strict=True):
        begin = first + BOX_COLUMNS
        points = rows.values[begin : begin + count].reshape(-1, 3) * (width, height, 1.0)
        if np.isfinite(points).all():
            found[box_id] = points.ravel().tolist()
    return found


def _n_tail(boxes: pd.DataFrame) -> Ints:
    """How many columns of each row are a score or a track."""
    has_score, has_track = boxes["score"].notna(), boxes["track_id"].notna()
    tail: Ints = np.add(has_score.to_numpy(), has_track.to_numpy(), dtype=np.int64)
    return tail


def _own_rows(dataset: Dataset) -> tuple[pd.DataFrame, Rows, Ints]:
    """The boxes of YOLO files that have a row, all rows, and the place of each box's row."""
    files = sorted(file for file, kind in dataset.formats.items() if kind == NAME)
    rows = parse_rows([dataset.sources.read(file) for file in files])
    number_of = {file: number for number, file in enumerate(files)}
    boxes = dataset.boxes[dataset.boxes["file"].isin(files) & dataset.boxes["start"].notna()]
    own = pd.MultiIndex.from_arrays(
        [boxes["file"].map(number_of).to_numpy(np.int64), boxes["start"].to_numpy(np.int64)]
    )
    every = pd.MultiIndex.from_arrays([rows.file, rows.start])
    places = every.get_indexer(own)
    found = np.flatnonzero(places >= 0)
    return boxes.iloc[found], rows, places[found].astype(np.int64)
