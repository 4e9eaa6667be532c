"""Tracks, the boxes of one object over the frames of a video, and what is measured of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from curate.boxes import Rows
from curate.definitions.columns import BoxColumns, Masks
from curate.definitions.evaluation import Values, from_column

_KEYS = ["source", "group", "track_id"]


@dataclass(frozen=True)
class Tracks:
    """T tracks, by source, video and id.

    `columns` are (T,) values of `curate.definitions.records.TRACK`; `members` the rows of the
    boxes, track after track in the order of their frames, and `ends` (T,) where each track's end.
    """

    columns: Mapping[str, Values]
    members: Rows
    ends: Rows


def tracks(boxes: BoxColumns, wanted: Masks) -> Tracks:
    """The tracks of some boxes; those without a track id are of none."""
    one = _members(boxes, wanted)
    by = one.groupby(_KEYS, sort=False)
    n_boxes = by.size()
    span = by["frame"].max() - by["frame"].min() + 1
    table = pd.DataFrame(
        {
            "n_boxes": n_boxes.astype(np.float64),
            "n_labels": by["label"].nunique().astype(np.float64),
            "n_frames": span.fillna(n_boxes),
            "n_absent": by["absent"].sum(),
            "max_absent": by["absent"].max().fillna(0.0),
            "min_height": by["height"].min(),
            "max_height": by["height"].max(),
            "max_height_ratio": by["ratio"].max(),
        }
    ).reset_index()
    texts = {name: table[name].astype("str") for name in ("source", "track_id")}
    shown = table.assign(**texts).drop(columns="group")
    return Tracks(
        columns={str(name): from_column(shown[name]) for name in shown},
        members=one["row"].to_numpy(np.int64),
        ends=np.cumsum(n_boxes.to_numpy(np.int64)),
    )


def _members(boxes: BoxColumns, wanted: Masks) -> pd.DataFrame:
    """One row per box of a track, by track and frame."""
    table, images = boxes.dataset.boxes, boxes.dataset.images
    rows = np.flatnonzero(wanted & table["track_id"].notna().to_numpy())
    image = boxes.image_row[rows]
    label = boxes["label"]
    one = pd.DataFrame(
        {
            "row": rows,
            "box_id": boxes.ids[rows],
            "source": images["source"].to_numpy()[image],
            "group": images["group"].fillna("").to_numpy()[image],
            "track_id": table["track_id"].to_numpy()[rows],
            "frame": images["frame"].to_numpy(np.float64, na_value=np.nan)[image],
            "height": boxes["height"].values[rows],
            "label": np.where(label.known, label.values, np.nan)[rows],
        }
    ).sort_values([*_KEYS, "frame", "box_id"])
    keys = [one[key] for key in _KEYS]
    step = one.groupby(_KEYS, sort=False)["frame"].diff()
    height = one["height"].where(one["height"] > 0)
    ratio = height / height.groupby(keys, sort=False).shift()
    # Without frames nothing tells which box comes before another.
    return one.assign(
        absent=(step - 1).clip(lower=0),
        ratio=np.where(step > 0, np.fmax(ratio, 1 / ratio), np.nan),
    )
