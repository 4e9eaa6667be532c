"""Samples of FiftyOne as its database keeps them, and what is kept of each to tell changes by."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.browse.changes import checksum, labels_in
from curate.browse.database import FiftyOne
from curate.browse.ids import CROP, SAMPLE, TRUTH, id_bytes
from curate.browse.labels import FIELDS, LISTS, Label, made
from curate.browse.places import Codes, shares, turned_boxes, upright_size
from curate.browse.records import Record, packed
from curate.browse.shown import EDGES, Layer, Shown
from curate.tables import hex_id, with_none

CROPS = "crops"
# After all ranks, which are 0 to 1.
UNRANKED = 2.0
RECTANGLE = ["rect_x1", "rect_y1", "rect_x2", "rect_y2"]
# Fields of a sample that are numbers and words of curate, with their types in FiftyOne.
SAMPLE_FIELDS = {
    "image_id": "StringField", "image_key": "StringField", "split": "StringField",
    "source": "StringField", "group": "StringField", "frame": "IntField",
    "device": "StringField", "label_state": "StringField", "exif_orientation": "IntField",
    "megapixels": "FloatField", "n_boxes": "IntField", "n_findings": "IntField",
    "checks": "ListField", "findings": "ListField", "check_ranks": "DictField",
    "n_predictions": "IntField", "n_tp": "IntField", "n_fp": "IntField", "n_fn": "IntField",
    "max_fp_score": "FloatField",
}  # fmt: skip
_TEXTS = ("split", "source", "group", "device", "label_state")
_CLASS_OF = {field: name for name, fields in FIELDS.items() for field in fields}
_DRAWN = (FIELDS["Polylines"][0], FIELDS["Keypoints"][0])
# All fields that a refresh may take away again.
OWN_FIELDS = (*SAMPLE_FIELDS, *_CLASS_OF, CROPS)


_Values = Callable[[Codes], list[Any]]  # rows of a table to tuples of values


@dataclass(frozen=True)
class Made:
    """A sample to be written: its document, and the record of what is in it."""

    document: dict[str, Any]  # as FiftyOne's database keeps it
    record: bytes


def file_sizes(images: pd.DataFrame, root: Path) -> npt.NDArray[np.float64]:
    """(N,) the sizes of the pictures' files, bytes; NaN: there is no such file."""
    folder = str(root)
    return np.array([_size(f"{folder}/{path}") for path in images["path"].tolist()], np.float64)


def _size(path: str) -> float:
    try:
        # A Path for each picture takes longer than the call itself.
        return float(os.stat(path).st_size)  # noqa: PTH116
    except OSError:
        return np.nan


class Maker:
    """Makes the samples of some images at a time.

    Parameters
    ----------
    fo
        FiftyOne.
    shown
        What they show.
    root
        Folder of the pictures.
    n_bytes
        (N,) the sizes of their files; NaN: there is none.
    """

    def __init__(
        self, fo: FiftyOne, shown: Shown, root: Path, n_bytes: npt.NDArray[np.float64]
    ) -> None:
        self._fo, self._shown, self._root, self._n_bytes = fo, shown, root, n_bytes
        self._counts = _counts(shown)

    def make(self, rows: Codes, dataset_id: object, now: datetime) -> Iterator[Made]:
        """The samples of some images.

        Parameters
        ----------
        rows
            Rows of `Shown.images`, sorted.
        dataset_id
            The ObjectId of the FiftyOne dataset.
        now
            When they are made, UTC without an offset as FiftyOne keeps it.
        """
        shown = self._shown
        labels = self._labels(rows)
        findings = _parts(
            shown.findings["image_row"].to_numpy(np.int64), rows, _finding_values(shown)
        )
        boxes = _parts(shown.truth.image_row, rows, _box_values(shown.truth))
        told = zip(rows.tolist(), self._bare(rows), findings, boxes, strict=True)
        for row, document, of_image, own in told:
            document |= _told(of_image)
            for name, some in labels[row].items():
                kind = _CLASS_OF.get(name, "Detections")
                document[name] = {"_cls": kind, LISTS[kind]: some}
            document |= {"_dataset_id": dataset_id, "created_at": now, "last_modified_at": now}
            yield Made(document, self._record(row, document, of_image, own))

    def _labels(self, rows: Codes) -> dict[int, dict[str, list[Label]]]:
        """Row of an image to its labels by field."""
        found: dict[int, dict[str, list[Label]]] = {row: {} for row in rows.tolist()}
        members = self._messages(rows)
        for layer in (self._shown.truth, self._shown.predictions):
            if layer is None:
                continue
            own = _rows_of(layer.image_row, rows)
            ids = layer.boxes["box_id"].iloc[own].tolist()
            row_of = dict(zip(map(hex_id, ids), layer.image_row[own].tolist(), strict=True))
            for name, label in made(self._fo, layer, own, members if layer.kind == TRUTH else {}):
                found[row_of[label["box_id"]]].setdefault(name, []).append(label)
        if self._shown.crops is not None:
            crops = self._shown.crops
            own = _rows_of(crops["image_row"].to_numpy(np.int64), rows)
            for row, some in crops.iloc[own].groupby("image_row"):
                found[int(str(row))][CROPS] = self._crop_labels(some)
        return found

    def _messages(self, rows: Codes) -> dict[int, list[str]]:
        """Box id to what findings say of it, of the boxes on some images."""
        layer, members = self._shown.truth, self._shown.members
        ids = layer.boxes["box_id"].to_numpy(np.int64)[_rows_of(layer.image_row, rows)]
        own = members[np.isin(members["box_id"].to_numpy(np.int64), ids)]
        told: dict[int, list[str]] = defaultdict(list)
        for box_id, message in zip(own["box_id"].tolist(), own["message"].tolist(), strict=True):
            told[box_id].append(message)
        return told

    def _bare(self, rows: Codes) -> Iterator[dict[str, Any]]:
        """The documents of samples without labels and findings."""
        images = self._shown.images.iloc[rows]
        object_id = self._fo.core.odm.document.ObjectId
        columns = {name: with_none(images[name]) for name in (*_TEXTS, "image_key", "frame")}
        columns["exif_orientation"] = with_none(images["exif_orientation"])
        sizes = upright_size(self._shown.size_wh[rows], self._shown.orientation[rows]).tolist()
        tags = self._tags(rows)
        for at, (row, image_id, path) in enumerate(
            zip(rows.tolist(), images["image_id"].tolist(), images["path"].tolist(), strict=True)
        ):
            told = {name: column[at] for name, column in columns.items()}
            told |= {"image_id": hex_id(image_id)}
            told |= {name: values[row] for name, values in self._counts.items()}
            metadata, pixels = _metadata(sizes[at], self._n_bytes[row])
            told |= {"megapixels": pixels}
            yield {
                "_id": object_id(id_bytes(SAMPLE, image_id)),
                "_media_type": "image",
                # FiftyOne takes samples at random by it.
                "_rand": image_id / 2.0**63,
                "filepath": str(self._root / path),
                "tags": ([told["split"]] if told["split"] else []) + tags.get(row, []),
                "metadata": metadata,
                **{name: value for name, value in told.items() if value is not None},
            }

    def _tags(self, rows: Codes) -> dict[int, list[str]]:
        """Row of an image to the subsets that it is in."""
        found: dict[int, list[str]] = {}
        for name, own in self._shown.subsets.items():
            for row in np.intersect1d(own, rows).tolist():
                found.setdefault(row, []).append(name)
        return found

    def _crop_labels(self, crops: pd.DataFrame) -> list[Label]:
        """The crops of an image, as boxes of what each shows."""
        shown, object_id = self._shown, self._fo.core.odm.document.ObjectId
        row = int(crops["image_row"].iloc[0])
        size = np.repeat(shown.size_wh[row][None], len(crops), axis=0)
        turn = np.full(len(crops), shown.orientation[row])
        edges = turned_boxes(crops[RECTANGLE].to_numpy(np.float64), size, turn)
        places = shares(edges, upright_size(size, turn)).tolist()
        names = ("crop_id", "status", "outcome", "label", "score", "det_id", "object_id", "iou")
        told = zip(*(with_none(crops[name]) for name in names), strict=True)
        found = []
        for place, values in zip(places, told, strict=True):
            label = {k: v for k, v in zip(names, values, strict=True) if v is not None}
            own = object_id(id_bytes(CROP, int(label["crop_id"], 16)))
            label["confidence"] = label.pop("score", None)
            fixed: Label = {"_cls": "Detection", "_id": own, "attributes": {}, "tags": []}
            found.append({**fixed, **label, "bounding_box": place})
        return found

    def _record(
        self, row: int, document: dict[str, Any], findings: list[Any], boxes: list[Any]
    ) -> bytes:
        shown = self._shown
        width, height = (None if np.isnan(v) else float(v) for v in shown.size_wh[row])
        return packed(
            Record(
                image=shown.images["image_key"].iloc[row],
                size_wh=(width, height),
                orientation=int(shown.orientation[row]),
                boxes=boxes,
                findings=[finding[:4] for finding in findings],
                members=[finding[4] for finding in findings],
                tags=document["tags"],
                drawn={
                    str(label["_id"]): checksum(label["points"])
                    for _, label in labels_in(document, _DRAWN)
                },
            )
        )


def _rows_of(image_row: Codes, wanted: Codes) -> Codes:
    """The rows, sorted by image, that some images have, in their order."""
    starts, stops = _spans(image_row, wanted)
    return np.concatenate([np.arange(a, b) for a, b in zip(starts, stops, strict=True)] or [wanted])


def _spans(image_row: Codes, wanted: Codes) -> tuple[list[int], list[int]]:
    """First row, and the one after the last, of each image's rows."""
    starts = np.searchsorted(image_row, wanted)
    return starts.tolist(), np.searchsorted(image_row, wanted, "right").tolist()


def _parts(image_row: Codes, wanted: Codes, values: _Values) -> Iterator[list[Any]]:
    """What a table says of each image: tuples of its rows."""
    starts, stops = _spans(image_row, wanted)
    tuples = values(_rows_of(image_row, wanted))
    at = 0
    for start, stop in zip(starts, stops, strict=True):
        yield tuples[at : at + stop - start]
        at += stop - start


def _box_values(layer: Layer) -> _Values:
    """Rows of a layer to what is recorded of them (`BoxRecord`)."""

    def values(rows: Codes) -> list[Any]:
        boxes = layer.boxes.iloc[rows]
        edges = boxes[EDGES].to_numpy(np.float64)
        told = edges.astype(object)
        told[np.isnan(edges)] = None
        placed = np.isfinite(layer.place[rows]).all(axis=1) | (boxes["shape"] == "tag").to_numpy(
            bool
        )
        shapes = np.where(placed, boxes["shape"].to_numpy(object), "")
        ids = boxes["box_id"].tolist()
        return list(
            zip(ids, with_none(boxes["label"]), told.tolist(), shapes.tolist(), strict=True)
        )

    return values


def _finding_values(shown: Shown) -> _Values:
    """Rows of the findings to `FindingRecord`, its boxes, its message and rank."""

    def values(rows: Codes) -> list[Any]:
        own = shown.findings.iloc[rows]
        columns = [own[name].tolist() for name in ("finding_id", "check", "n_members")]
        columns.append(with_none(own["box_id"]).tolist())
        columns += [own[name].tolist() for name in ("boxes", "message", "rank")]
        return list(zip(*columns, strict=True))

    return values


def _told(findings: list[Any]) -> dict[str, Any]:  # values of fields
    """What findings say of an image and its boxes."""
    if not findings:
        return {"n_findings": 0}
    ranks: dict[str, float] = {}
    for _, check, _, _, _, _, rank in findings:
        # Without a rank a finding comes after those that have one.
        ranks[check] = min(ranks.get(check, UNRANKED), UNRANKED if np.isnan(rank) else rank)
    messages = [finding[5] for finding in findings]
    return {
        "n_findings": len(findings), "checks": sorted(ranks), "check_ranks": ranks,
        "findings": messages,
    }  # fmt: skip


def _counts(shown: Shown) -> dict[str, list[Any]]:
    """Values of count fields per image."""
    n = len(shown.images)
    told: dict[str, list[Any]] = {
        "n_boxes": np.bincount(shown.truth.image_row, minlength=n).tolist()
    }
    layer = shown.predictions
    if layer is None or layer.match is None or shown.truth.match is None:
        return told
    told["n_predictions"] = np.bincount(layer.image_row, minlength=n).tolist()
    for name, own, word in (("n_tp", layer, "tp"), ("n_fp", layer, "fp"), ("n_fn", None, "fn")):
        side = shown.truth if own is None else own
        assert side.match is not None
        is_word = (side.match["eval"] == word).to_numpy(bool)
        told[name] = np.bincount(side.image_row[is_word], minlength=n).tolist()
    false = (layer.match["eval"] == "fp").to_numpy(bool)
    scores = layer.boxes["score"][false].groupby(layer.image_row[false]).max()
    best = scores.reindex(range(n)).to_numpy(np.float64)
    told["max_fp_score"] = [None if np.isnan(v) else v for v in best.tolist()]
    return told


def _metadata(size: list[float], n_bytes: float) -> tuple[dict[str, Any], float | None]:
    """FiftyOne's metadata of a picture, and its million pixels."""
    found: dict[str, Any] = {"_cls": "ImageMetadata"}
    if not np.isnan(n_bytes):
        found["size_bytes"] = int(n_bytes)
    if np.isnan(size).any():
        return found, None
    width, height = size
    return found | {"width": int(width), "height": int(height)}, width * height / 1e6
