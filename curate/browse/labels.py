"""Labels of FiftyOne as its database keeps them, made from the rows of a layer.

FiftyOne's own objects take thirty times as long to make; that these documents are what they would
be is tested against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.browse.database import FiftyOne
from curate.browse.geometry import mask_of, points_of, rings_of
from curate.browse.ids import PREDICTION_POINTS, TRUTH, TRUTH_POINTS, id_bytes
from curate.browse.places import Codes
from curate.browse.shown import Layer
from curate.tables import BOX_COLUMNS, hex_id, with_none

Label = dict[str, Any]  # a document of FiftyOne's database
# Field of a layer's labels by what they are: what FiftyOne draws as one kind is a field.
FIELDS = {
    "Detections": ("ground_truth", "predictions"),
    "Polylines": ("ground_truth_outlines", "predictions_outlines"),
    "Keypoints": ("ground_truth_points", "predictions_points"),
    "Classifications": ("ground_truth_tags", "predictions_tags"),
}
# Of labels and of predictions: apart for colour-blind eyes too, by day and by night.
COLOURS = ("#40c4ff", "#ff9100")
LISTS = {name: name.lower() for name in FIELDS}
# Columns that are attributes of a label where they say something.
EXTRAS = (
    "source_label", "extent", "annotator", "is_group", "occluded", "truncated", "difficult",
    "track_id", "source_id", "attributes",
)  # fmt: skip
MATCHES = ("eval", "eval_iou", "eval_id")
# FiftyOne has a field of its own called attributes.
ATTRIBUTE_OF = {"attributes": "source_attributes"}
_TYPES = {"str": "StringField", "float64": "FloatField", "boolean": "BooleanField"}


def attributes_of(layer: Layer) -> dict[str, str]:
    """Attribute of the labels to its type in FiftyOne, of those that any of them has."""
    told = {"box_id": "StringField", "role": "StringField", "findings": "ListField"}
    told |= {
        ATTRIBUTE_OF.get(name, name): _TYPES[BOX_COLUMNS[name].dtype]
        for name in EXTRAS
        if _values(layer.boxes, name).notna().any()
    }
    if layer.match is not None:
        told |= {"eval": "StringField", "eval_iou": "FloatField", "eval_id": "StringField"}
    return told


def made(
    fo: FiftyOne, layer: Layer, rows: Codes, messages: Mapping[int, list[str]]
) -> list[tuple[str, Label]]:
    """The labels of some rows, each with its field; rows without a place have none.

    Parameters
    ----------
    messages
        By box id what findings say of it, each beginning with the check's code.
    """
    object_id = fo.core.odm.document.ObjectId
    boxes = layer.boxes.iloc[rows]
    ids = boxes["box_id"].tolist()
    base: list[Label] = [
        {
            "_id": object_id(id_bytes(layer.kind, box_id)), "attributes": {}, "tags": [],
            "label": label, "box_id": hex_id(box_id), "role": role,
        }
        for box_id, label, role in zip(
            ids, with_none(boxes["label"]), boxes["role"].tolist(), strict=True
        )
    ]  # fmt: skip
    _add_values(base, layer, rows)
    for label, box_id in zip(base, ids, strict=True):
        if box_id in messages:
            label["findings"] = messages[box_id]
            label["tags"] = sorted({text.partition(":")[0] for text in messages[box_id]})
    placed = layer.place[rows]
    is_placed = np.logical_and.reduce(np.isfinite(placed), axis=1).tolist()
    found: list[tuple[str, Label]] = []
    # One by one: labels are documents, each of its own.
    shapes = boxes["shape"].tolist()
    told = zip(rows.tolist(), base, placed.tolist(), shapes, is_placed, strict=True)
    for row, label, place, shape, has_place in told:
        if shape == "box" and has_place:
            found.append(("Detections", {"_cls": "Detection", **label, "bounding_box": place}))
        else:
            found += _shaped(fo, layer, row, label, place if has_place else None)
    if layer.beside[1]:
        found += _keypoints(fo, layer, rows, base)
    side = 0 if layer.kind == TRUTH else 1
    return [(FIELDS[name][side], label) for name, label in found]


def _add_values(base: list[Label], layer: Layer, rows: Codes) -> None:
    """Adds what columns say beside class and role, where they say anything."""
    boxes = layer.boxes.iloc[rows]
    columns = {ATTRIBUTE_OF.get(name, name): _values(boxes, name) for name in EXTRAS}
    columns["confidence"] = boxes["score"]
    if layer.match is not None:
        columns |= {name: layer.match[name].iloc[rows] for name in MATCHES}
    for name, values in columns.items():
        told = np.flatnonzero(values.notna().to_numpy(bool))
        for at, value in zip(told.tolist(), values.iloc[told].tolist(), strict=True):
            base[at][name] = value


def _values(boxes: pd.DataFrame, name: str) -> pd.Series[Any]:
    """A column of the boxes; of the source's labels those that are others than the label."""
    column = boxes[name]
    return column.mask(column == boxes["label"]) if name == "source_label" else column


def _shaped(
    fo: FiftyOne, layer: Layer, row: int, label: Label, place: list[float] | None
) -> list[tuple[str, Label]]:
    """The label of a box that is not plain."""
    shape = layer.boxes["shape"].iloc[row]
    if shape == "tag":
        return [("Classifications", {"_cls": "Classification", **_without(label, "attributes")})]
    if place is None:
        return []
    if shape == "point":
        return [("Keypoints", {"_cls": "Keypoint", **label, "points": points_of(layer, row)})]
    rings = rings_of(layer, row)
    if rings is not None:
        drawn = {"points": rings, "closed": shape != "line", "filled": False}
        return [("Polylines", {"_cls": "Polyline", **label, **drawn})]
    detection = {"_cls": "Detection", **label, "bounding_box": place}
    mask = mask_of(layer, row)
    if mask is not None:
        detection["mask"] = fo.core.utils.serialize_numpy_array(mask)
    return [("Detections", detection)]


def _without(label: Label, name: str) -> Label:
    return {key: value for key, value in label.items() if key != name}


def _keypoints(
    fo: FiftyOne, layer: Layer, rows: npt.NDArray[np.int64], base: list[Label]
) -> list[tuple[str, Label]]:
    """The keypoints of boxes, labels beside those of the boxes."""
    kind = TRUTH_POINTS if layer.kind == TRUTH else PREDICTION_POINTS
    object_id = fo.core.odm.document.ObjectId
    found = []
    for row, label in zip(rows.tolist(), base, strict=True):
        if int(label["box_id"], 16) not in layer.beside[1]:
            continue
        points = points_of(layer, row)
        own = object_id(id_bytes(kind, int(label["box_id"], 16)))
        # Tags stay with the box: one thing has one verdict.
        keypoint = {"_cls": "Keypoint", **label, "_id": own, "tags": [], "points": points}
        found.append(("Keypoints", keypoint))
    return found
