"""What is to be seen of a dataset: its boxes, predictions and findings, side by side."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.baseline import baseline_of
from curate.browse.ids import PREDICTION, TRUTH, id_hex
from curate.browse.places import Codes, Floats, shares, turned_boxes, upright_size
from curate.crops.joining import join_images
from curate.dataset import Dataset, Findings
from curate.definitions.ignoring import ignored_by
from curate.definitions.matching import matching_definition, rule_of
from curate.definitions.model import Definitions
from curate.errors import quote
from curate.formats import derived
from curate.matching import NONE, Detections, Matched, Objects, match
from curate.tables import frame_sides, with_none

EDGES = ["x1", "y1", "x2", "y2"]
_FINDING_COLUMNS = ("finding_id", "check", "level", "image_id", "members", "rank", "message")
# A message may name thousands of files, and would stand at each of them.
MAX_MESSAGE_CHARS = 300
SHOWN_CLASSES = 5  # of those that predictions have and labels do not
# Shapes that an area encloses: the others are matched with nothing.
_ENCLOSING = ("box", "rotated", "polygon", "mask")


@dataclass(frozen=True, eq=False)
class Layer:
    """Boxes of one kind on the images that are shown, sorted by image, and where they lie.

    Parameters
    ----------
    kind
        `TRUTH` or `PREDICTION` of `curate.browse.ids`.
    boxes
        Rows of the boxes table.
    image_row
        (N,) int64: row of the image in `Shown.images`.
    place
        (N, 4) float64: left, top, width and height as shares of the upright picture's sides; NaN
        where that is not known.
    size_wh, orientation
        (N, 2) float64 px of the frame that the box is stated in, and (N,) the EXIF orientation
        that makes it upright; 1 where it is.
    match
        Columns eval (tp, fp, fn, ignored), eval_iou and eval_id (ObjectId of the partner, as hex
        digits); None: nothing was matched.
    beside
        Outlines (COCO segmentations) and keypoints by box id, as the kept bytes state them.
    """

    kind: int
    boxes: pd.DataFrame
    image_row: Codes
    place: Floats
    size_wh: Floats
    orientation: Codes
    match: pd.DataFrame | None
    beside: tuple[Mapping[int, Any], Mapping[int, Any]] = field(default=({}, {}))


@dataclass(frozen=True, eq=False)
class Shown:
    """Everything that FiftyOne is to show.

    Parameters
    ----------
    dataset
        Where it comes from.
    images
        The images that have pictures, in the order of their keys.
    size_wh, orientation
        (N, 2) float64 px of each image in the frame of its boxes, and (N,) the EXIF orientation
        that makes it upright.
    truth, predictions
        None: there are no predictions.
    findings
        One row per finding and image that it is about, by image: image_row, finding_id, check,
        level, rank, message, n_members, box_id (its only box), boxes (its boxes on the image).
    members
        One row per finding and box: box_id, check, message, sorted.
    crops
        Rows of a crop set's manifest with `image_row`; None: none was given.
    subsets
        Name to the rows of its images.
    notes
        What is not shown, in words.
    """

    dataset: Dataset
    images: pd.DataFrame
    size_wh: Floats
    orientation: Codes
    truth: Layer
    predictions: Layer | None
    findings: pd.DataFrame
    members: pd.DataFrame
    crops: pd.DataFrame | None
    subsets: Mapping[str, Codes]
    notes: tuple[str, ...]


def shown(
    dataset: Dataset,
    *,
    predictions: Dataset | None = None,
    findings: Findings | None = None,
    crops: pd.DataFrame | None = None,
    subsets: Mapping[str, Collection[int]] | None = None,
    definitions: Definitions | None = None,
    beside: tuple[Mapping[int, Any], Mapping[int, Any]] = ({}, {}),
) -> Shown:
    """What is to be seen of a dataset whose pictures are joined.

    Parameters
    ----------
    findings
        An audit of the dataset; None: what its reader found.
    crops
        The manifest of a crop set (`curate.crops.manifest`).
    subsets
        Name to image ids.
    definitions
        Those in force: how predictions are matched.
    beside
        Outlines and keypoints of the boxes, by box id.

    Raises
    ------
    UsageError
        When the definitions state a way of matching that is not done.
    """
    notes: list[str] = []
    images = dataset.images[dataset.images["path"].notna()].sort_values("image_key")
    images = images.reset_index(drop=True)
    _note(notes, len(dataset.images) - len(images), "images without a picture")
    size_wh, orientation = _frames(images)
    frames = (images, size_wh, orientation)
    truth = _layer(TRUTH, dataset.boxes, frames, beside)
    _note(notes, _n_hidden(truth), "boxes without a place in a picture of known size")
    detected = None
    if predictions is not None:
        notes += _doubts(predictions, dataset)
        boxes = _joined(predictions, dataset)
        detected = _layer(PREDICTION, boxes, frames, ({}, {}))
        n_unknown = int((boxes["image_id"] == NONE).sum())
        _note(notes, n_unknown, "predictions on unknown images")
        n_elsewhere = len(boxes) - len(detected.boxes) - n_unknown
        _note(notes, n_elsewhere, "predictions on images without a picture")
        _note(notes, _n_hidden(detected), "predictions without a place")
        truth, detected = _matched(dataset, truth, detected, definitions)
    told = Findings(dataset.findings, dataset) if findings is None else findings
    by_image, members = _findings(told, images)
    n_elsewhere = len(set(told.table["finding_id"]) - set(by_image["finding_id"]))
    _note(notes, n_elsewhere, "findings about no picture")
    return Shown(
        dataset, images, size_wh, orientation, truth, detected, by_image, members,
        None if crops is None else _crops(crops, images, notes), _subsets(subsets or {}, images),
        tuple(notes),
    )  # fmt: skip


def _doubts(predictions: Dataset, dataset: Dataset) -> list[str]:
    """What makes predictions match nothing, in words: faults of their files, other classes."""
    faults = predictions.findings
    first = faults[faults["level"] == "error"].drop_duplicates("check")
    told = [
        f"predictions: {text} - {mend}"
        for text, mend in zip(_messages(first), with_none(first["mend"]), strict=True)
        if text is not None
    ]
    known = {*dataset.classes["label"], *dataset.boxes["label"].dropna()}
    label = predictions.boxes["label"]
    n_unnamed = int(label.isna().sum())
    if n_unnamed:
        told.append(f"{n_unnamed} predictions have no class")
    other = label[label.notna() & ~label.isin(known)]
    if len(other):
        names = [quote(name) for name in other.value_counts().index]
        more = f" and {len(names) - SHOWN_CLASSES} more" if len(names) > SHOWN_CLASSES else ""
        told.append(
            f"{len(other)} predictions are of classes that the labels do not have, and match "
            f"nothing: {', '.join(names[:SHOWN_CLASSES])}{more}; --classes names numbered ones"
        )
    return told


def _note(notes: list[str], count: int, what: str) -> None:
    if count:
        notes.append(f"{count} {what} are not shown")


def _n_hidden(layer: Layer) -> int:
    is_tag = (layer.boxes["shape"] == "tag").to_numpy(bool)
    return int((~np.isfinite(layer.place).all(axis=1) & ~is_tag).sum())


def _frames(images: pd.DataFrame) -> tuple[Floats, Codes]:
    """The size of each image in the frame of its boxes, and how it is turned to be upright."""
    size_wh = np.column_stack(list(frame_sides(images).values()))
    turn = images["exif_orientation"].to_numpy(np.int64, na_value=1)
    return size_wh, np.where((images["box_frame"] == "stored").to_numpy(bool), turn, 1)


def _layer(
    kind: int,
    boxes: pd.DataFrame,
    frames: tuple[pd.DataFrame, Floats, Codes],
    beside: tuple[Mapping[int, Any], Mapping[int, Any]],
) -> Layer:
    images, sizes, turns = frames
    rows = _rows_in(images, boxes["image_id"])
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] != NONE]
    boxes, rows = boxes.iloc[order].reset_index(drop=True), rows[order]
    size_wh, turn = sizes[rows], turns[rows]
    edges = boxes[EDGES].to_numpy(np.float64)
    is_line = (boxes["shape"] == "line").to_numpy(bool)
    upright = np.where(is_line[:, None], edges, turned_boxes(edges, size_wh, turn))
    place = shares(upright, upright_size(size_wh, turn))
    return Layer(kind, boxes, rows, place, size_wh, turn, None, beside)


def _rows_in(images: pd.DataFrame, image_ids: pd.Series[int]) -> Codes:
    place = pd.Index(images["image_id"].to_numpy(np.int64))
    rows: Codes = place.get_indexer(image_ids.to_numpy(np.int64, na_value=NONE)).astype(np.int64)
    return rows


def _joined(predictions: Dataset, dataset: Dataset) -> pd.DataFrame:
    """The predicted boxes on the dataset's images that theirs are."""
    rows = join_images(predictions.images, dataset.images).row
    ids = np.append(dataset.images["image_id"].to_numpy(np.int64), NONE)
    home = _rows_in(predictions.images, predictions.boxes["image_id"])
    # Row -1, of boxes and images without a home, is the last one: none.
    return predictions.boxes.assign(
        image_id=pd.array(ids[np.append(rows, NONE)[home]], dtype=pd.Int64Dtype())
    )


def _matched(
    dataset: Dataset, truth: Layer, detected: Layer, definitions: Definitions | None
) -> tuple[Layer, Layer]:
    """Both layers, the first of the dataset's boxes, with what the matching says of them."""
    definition = matching_definition(definitions)
    labels = pd.concat([truth.boxes["label"], detected.boxes["label"]])
    codes = pd.factorize(labels)[0].astype(np.int64)
    label = codes[: len(truth.boxes)], codes[len(truth.boxes) :]
    role = truth.boxes["role"]
    is_object = (role != "exclude") & truth.boxes["shape"].isin(_ENCLOSING)
    objects = np.flatnonzero(is_object.to_numpy(bool))
    own = truth.boxes.iloc[objects]
    ids = truth.boxes["box_id"].to_numpy(np.int64), detected.boxes["box_id"].to_numpy(np.int64)
    every = pd.Index(dataset.boxes["box_id"].to_numpy(np.int64))
    # Of all boxes: by which another is ignored may lie where nothing is shown.
    of_all = ignored_by(definition, dataset, derived).is_ignored
    is_ignored = of_all[every.get_indexer(ids[0][objects])]
    found = match(
        Detections(
            detected.image_row, detected.boxes[EDGES].to_numpy(np.float64), label[1],
            detected.boxes["score"].to_numpy(np.float64), ids[1],
        ),
        Objects(
            truth.image_row[objects], own[EDGES].to_numpy(np.float64), label[0][objects],
            ids[0][objects], is_ignored,
        ),
        rule_of(definition),
    )  # fmt: skip
    told = _verdicts(found, is_ignored)
    partners = [
        _partner_ids(TRUTH, ids[0][objects], found.object_row),
        _partner_ids(PREDICTION, ids[1], found.detection_row),
    ]
    iou = np.where(told[0] == "tp", found.overlap, np.nan)
    on_detections = _columns(told[0], iou, partners[0])
    of_objects = np.full(len(found.detection_row), np.nan)
    paired = (found.detection_row != NONE) & ~is_ignored
    of_objects[paired] = found.overlap[found.detection_row[paired]]
    on_objects = _columns(told[1], of_objects, partners[1])
    on_truth = on_objects.set_axis(objects).reindex(range(len(truth.boxes)))
    return _with_match(truth, on_truth), _with_match(detected, on_detections)


def _verdicts(
    found: Matched, is_ignored: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """The words for detections and for objects."""
    on_ignored = np.zeros(len(found.object_row), np.bool_)
    is_assigned = found.object_row != NONE
    on_ignored[is_assigned] = is_ignored[found.object_row[is_assigned]]
    of_detections = np.where(on_ignored, "ignored", np.where(is_assigned, "tp", "fp"))
    is_found = found.detection_row != NONE
    of_objects = np.where(is_ignored, "ignored", np.where(is_found, "tp", "fn"))
    return of_detections.astype(object), of_objects.astype(object)


def _partner_ids(kind: int, ids: Codes, rows: Codes) -> list[str | None]:
    own = ids.tolist()
    return [None if row == NONE else id_hex(kind, own[row]) for row in rows.tolist()]


def _columns(word: npt.NDArray[np.object_], iou: Floats, partner: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {"eval": pd.Series(word, dtype=object), "eval_iou": iou,
         "eval_id": pd.Series(partner, dtype=object)}
    )  # fmt: skip


def _with_match(layer: Layer, told: pd.DataFrame) -> Layer:
    return Layer(
        layer.kind, layer.boxes, layer.image_row, layer.place, layer.size_wh, layer.orientation,
        told.reset_index(drop=True), layer.beside,
    )  # fmt: skip


def _findings(told: Findings, images: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `findings` and `members` of `Shown`."""
    # Without the places: one text may name all images, and is not to be copied for each.
    table = told.table[[*_FINDING_COLUMNS]]
    counted = baseline_of(told).findings.drop_duplicates("finding_id")
    n_members = counted.set_index("finding_id")["members"]
    lists = table["members"].tolist()
    row = np.repeat(np.arange(len(table)), [len(ids) for ids in lists])
    box_ids = np.fromiter(chain.from_iterable(lists), np.int64, len(row))
    boxes = told.dataset.boxes
    home = pd.Index(boxes["box_id"].to_numpy(np.int64)).get_indexer(box_ids)
    image_ids = boxes["image_id"].to_numpy(np.int64)[home]
    members = pd.DataFrame(
        {"box_id": box_ids, "check": table["check"].to_numpy(object)[row],
         "message": _messages(table)[row]}
    ).sort_values(["box_id", "check", "message"], kind="stable")  # fmt: skip
    single = np.flatnonzero(table["image_id"].notna().to_numpy(bool))
    image_rows = _rows_in(images, pd.Series(image_ids))
    of_images = table["image_id"].to_numpy(np.int64, na_value=NONE)[single]
    # One number for a finding on an image: by it the pairs are sorted and found again.
    n_findings = max(len(table), 1)
    pairs = image_rows * n_findings + row
    placed = _placed(told.table["places"], images)
    keys = np.r_[_rows_in(images, pd.Series(of_images)) * n_findings + single, pairs]
    keys = np.r_[keys, placed[:, 0] * n_findings + placed[:, 1]]
    keys = np.unique(keys[keys >= 0])
    rows = keys % n_findings
    of_rows, messages = table.drop(columns="message").iloc[rows], _messages(table)
    box = [ids[0] if len(ids) == 1 else None for ids in lists]
    by_image = pd.DataFrame(
        {
            "image_row": keys // n_findings,
            "finding_id": of_rows["finding_id"].to_numpy(np.int64),
            "check": of_rows["check"].to_numpy(object),
            "level": of_rows["level"].to_numpy(object),
            "rank": of_rows["rank"].to_numpy(np.float64),
            "message": messages[rows],
            "n_members": n_members.reindex(of_rows["finding_id"], fill_value=0).to_numpy(np.int64),
            "box_id": pd.array([box[r] for r in rows.tolist()], dtype=pd.Int64Dtype()),
            "boxes": pd.Series(_grouped(keys, pairs, box_ids), dtype=object),
        }
    )
    return by_image, members


def _placed(places: pd.Series[str], images: pd.DataFrame) -> Codes:
    """(N, 2) rows of images and of findings: members that are no boxes but images."""
    row_of = {key: row for row, key in enumerate(images["image_key"].tolist())}
    found = [
        (row_of[place["image"]], row)
        for row in np.flatnonzero(places.notna()).tolist()
        for place in json.loads(places.iloc[row])
        if place.get("image") in row_of
    ]
    return np.array(found, np.int64).reshape(-1, 2)


def _grouped(keys: Codes, pairs: Codes, box_ids: Codes) -> list[list[int]]:
    """The box ids of each key, of which `pairs` has one per box."""
    order = np.argsort(pairs, kind="stable")
    sides: tuple[Literal["left"], Literal["right"]] = ("left", "right")
    starts, stops = (np.searchsorted(pairs[order], keys, side).tolist() for side in sides)
    sorted_ids = box_ids[order].tolist()
    return [sorted_ids[start:stop] for start, stop in zip(starts, stops, strict=True)]


def _messages(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    """What each finding says, short enough to stand at every picture that it is about."""
    told = zip(table["check"].tolist(), table["message"].tolist(), strict=True)
    short = [f"{check}: {text}"[:MAX_MESSAGE_CHARS] for check, text in told]
    return np.array([*short, None], object)[:-1]


def _crops(manifest: pd.DataFrame, images: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The crops that show something, with the rows of their images."""
    own = manifest[manifest["rect_x1"].notna()]
    hex_ids = pd.Series(own["image_id"].fillna("").to_numpy(object))
    ids = hex_ids.map(lambda text: int(text, 16) if text else NONE)
    rows = _rows_in(images, ids.astype(np.int64))
    _note(notes, int((rows == NONE).sum()), "crops of unknown images")
    own = own.assign(image_row=rows)[rows != NONE]
    found: pd.DataFrame = own.sort_values(["image_row", "crop_id"], kind="stable")
    return found.reset_index(drop=True)


def _subsets(subsets: Mapping[str, Collection[int]], images: pd.DataFrame) -> dict[str, Codes]:
    ids = images["image_id"].to_numpy(np.int64)
    found = {}
    for name, wanted in sorted(subsets.items()):
        found[name] = np.flatnonzero(np.isin(ids, np.fromiter(wanted, np.int64, len(wanted))))
    return found
