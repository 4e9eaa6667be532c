"""A digest per image of all that is shown of it: a refresh writes those that changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.browse.places import Codes
from curate.browse.shown import Layer, Shown
from curate.tables import key_hashes

Hashes = npt.NDArray[np.uint64]
# A change of what is written for the same tables is a change of every image.
_WRITER = "curate.browse/1.0"
_IMAGE_COLUMNS = [
    "image_id", "image_key", "path", "width", "height", "exif_orientation", "box_frame", "split",
    "group", "frame", "device", "label_state", "source",
]  # fmt: skip
_BOX_COLUMNS = [
    "box_id", "shape", "source_label", "label", "role", "x1", "y1", "x2", "y2", "angle_deg",
    "extent", "score", "origin", "annotator", "is_group", "occluded", "truncated", "difficult",
    "track_id", "attributes", "source_id",
]  # fmt: skip
_PART = {name: np.uint64(number) for number, name in enumerate(
    ("image", "truth", "predictions", "findings", "members", "crops", "subsets", "beside"), 1
)}  # fmt: skip


def digests(shown: Shown, folder: str, n_bytes: npt.NDArray[np.float64]) -> list[bytes]:
    """Eight bytes for each image of `Shown.images`, equal where nothing changed.

    Parameters
    ----------
    folder
        Where the pictures are.
    n_bytes
        (N,) the sizes of their files; NaN: there is none.
    """
    total = np.zeros(len(shown.images), np.uint64)
    rows = np.arange(len(shown.images))
    own = shown.images[_IMAGE_COLUMNS].assign(n_bytes=n_bytes)
    _add(total, rows, own, "image")
    for part, layer in (("truth", shown.truth), ("predictions", shown.predictions)):
        if layer is not None:
            _add(total, layer.image_row, _layer_rows(layer), part)
    findings = shown.findings
    _add(
        total, findings["image_row"].to_numpy(np.int64), findings.drop(columns="boxes"), "findings"
    )
    members = shown.members
    at = _image_of_boxes(shown.truth, members["box_id"].to_numpy(np.int64))
    _add(total, at, members, "members")
    if shown.crops is not None:
        _add(total, shown.crops["image_row"].to_numpy(np.int64), shown.crops, "crops")
    for name, image_rows in shown.subsets.items():
        np.add.at(total, image_rows, _mixed(key_hashes([name]).astype(np.uint64), "subsets"))
    _add_beside(total, shown.truth)
    salt = key_hashes([f"{_WRITER} {folder}"]).astype(np.uint64)
    return [value.tobytes() for value in (total + salt).astype(">u8")]


def _layer_rows(layer: Layer) -> pd.DataFrame:
    own = layer.boxes[_BOX_COLUMNS]
    return own if layer.match is None else pd.concat([own, layer.match], axis=1)


def _add(total: Hashes, image_rows: Codes, rows: pd.DataFrame, part: str) -> None:
    """Adds the hash of each row to its image's; the order of the rows plays no role."""
    there = image_rows >= 0
    hashes = np.asarray(pd.util.hash_pandas_object(rows, index=False)).astype(np.uint64)
    np.add.at(total, image_rows[there], _mixed(hashes[there], part))


def _mixed(hashes: Hashes, part: str) -> Hashes:
    with np.errstate(over="ignore"):
        mixed: Hashes = (hashes ^ (_PART[part] << np.uint64(56))) * np.uint64(0x9E3779B97F4A7C15)
    return mixed


def _image_of_boxes(layer: Layer, box_ids: Codes) -> Codes:
    row = pd.Index(layer.boxes["box_id"].to_numpy(np.int64)).get_indexer(box_ids)
    found: Codes = np.where(row >= 0, layer.image_row[row], -1)
    return found


def _add_beside(total: Hashes, layer: Layer) -> None:
    """Adds outlines and keypoints: the kept bytes state them, not the tables."""
    for things in layer.beside:
        told = _texts(things)
        at = _image_of_boxes(layer, np.fromiter(told, np.int64, len(told)))
        hashes = key_hashes(told.values()).astype(np.uint64)
        np.add.at(total, at[at >= 0], _mixed(hashes[at >= 0], "beside"))


def _texts(things: Mapping[int, Any]) -> dict[int, str]:  # COCO segmentations or keypoints
    return {box_id: f"{box_id} {thing!r}" for box_id, thing in _sorted(things.items())}


def _sorted(items: Iterable[tuple[int, Any]]) -> list[tuple[int, Any]]:  # as above
    return sorted(items, key=lambda item: item[0])
