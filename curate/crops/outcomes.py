"""The rows of a crop set before any picture is opened: every detection, and what was missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.crops.blocks import Block
from curate.crops.labelling import (
    CODE,
    GRADES,
    PARTIAL,
    YES,
    Attribute,
    Labelling,
    Scene,
    graded,
    matched_in,
    scene_of,
    shown_by,
)
from curate.crops.manifest import CROP_COLUMNS, OUTCOMES
from curate.crops.records import EDGES, detections_of, no_objects, objects_of
from curate.cutting import CropGeometry, crop_rectangles
from curate.errors import TableError
from curate.matching import NONE, Matched
from curate.tables import box_hashes, hex_ids, key_hashes, make_table, text_array

Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# What is known of a row only later: its picture, and what it was cut by.
LATER = ("path", "offset", "n_bytes", "sha256", "phash",
         "detector", "detector_version", "spec", "definition")  # fmt: skip
RECTANGLE = ["rect_x1", "rect_y1", "rect_x2", "rect_y2"]
_DROPPED = {
    CODE["ignored"]: "on an ignored object: neither its class nor background can be told",
    CODE["unverified"]: "nobody has looked for its class in this image",
}


@dataclass(frozen=True, eq=False)
class Proposals:
    """The rows of a crop set before any picture is opened.

    Parameters
    ----------
    rows
        The columns of `CROP_COLUMNS` but for `LATER`, and `image_row` (int64): the row in the
        block's images, -1 where unknown. `status` is null where a picture is still to be made; else
        `lost` (a broken record), `dropped` (ignored, unverified) or `listed` (missed). By image
        key, then score, then crop_id, the missed objects of an image last; rows of unknown images
        come last.
    n_detections, n_below_floor
        All detections, and those left out for their score. Rows are detections that are not below
        the floor, and missed objects.
    """

    rows: pd.DataFrame
    n_detections: int
    n_below_floor: int


def proposals(
    block: Block, labelling: Labelling, geometry: CropGeometry, *, score_floor: float
) -> Proposals:
    """Outcome, label and crop rectangle of every detection, and the objects that none covers.

    Parameters
    ----------
    block
        Images, objects and detections. Without a truth every detection is `unlabelled`, its label
        what the detector says.
    labelling, geometry
        The rules, and what a crop shows of its picture.
    score_floor
        Detections of a lower score are counted, and otherwise as if they were not there.

    Raises
    ------
    TableError
        When two rows get one id.
    """
    images, truth, detections = block.images, block.truth, block.detections
    found = detections_of(detections, images, block.joined, score_floor)
    objects = no_objects(detections) if truth is None else objects_of(truth, images)
    scene = scene_of(images, found, objects, labelling)
    if truth is None:
        parts = [_detected(scene, _unlabelled(scene))]
    else:
        matched = matched_in(scene)
        parts = [_detected(scene, shown_by(scene, matched)), _missed(scene, matched)]
    frame = pd.concat([*parts, _unread(scene)], ignore_index=True)
    frame[RECTANGLE] = _rectangles(frame, geometry)
    if truth is not None and labelling.attribute is not None:
        _add_attribute(scene, frame, labelling.attribute)
    frame["crop_id"] = _crop_ids(scene, frame)
    rows = _table(scene, _in_order(frame, len(images)))
    return Proposals(rows, found.n_detections, found.n_below_floor)


# Columns while they are codes: rows of boxes, of images, of words; -1 is none. `class` is what the
# id tells of the label, `own_id` the box's id, `image_id` that of the image as its source has it.
_BLANK: dict[str, Any] = {  # a scalar per column
    "det_row": NONE, "image_row": NONE, "outcome": NONE, "label": NONE, "is_assigned": NONE,
    "object_row": NONE, "iou": np.nan, "other_row": NONE, "other_iou": np.nan,
    "ignore_ioa": np.nan, "attribute": NONE, "attribute_row": NONE, "attribute_ioa": np.nan,
    "score": np.nan, "x1": np.nan, "y1": np.nan, "x2": np.nan, "y2": np.nan, "reason_row": NONE,
    "class": NONE, "own_id": 0, "image_id": 0,
}  # fmt: skip


_ROWS = ("det_row", "image_row", "object_row", "other_row", "attribute_row")


def _frame(n_rows: int, values: dict[str, Any]) -> pd.DataFrame:  # columns of _BLANK
    return pd.DataFrame({**_BLANK, **values}, index=pd.RangeIndex(n_rows))


def _unlabelled(scene: Scene) -> dict[str, Any]:  # columns of _BLANK
    label = scene.codes(scene.found.boxes["label"])
    return {
        "outcome": np.where(scene.is_sound, CODE["unlabelled"], NONE),
        "label": np.where(scene.is_sound, label, NONE),
    }


def _detected(scene: Scene, shown: dict[str, Any]) -> pd.DataFrame:  # columns of _BLANK
    found = scene.found
    image_ids = np.append(scene.images["image_id"].to_numpy(np.int64), 0)[found.image_row]
    stated = found.boxes["image_id"].to_numpy(np.int64)
    values = {
        "det_row": np.arange(len(found.boxes)),
        "image_row": found.image_row,
        "image_id": np.where(found.image_row == NONE, stated, image_ids),
        "own_id": found.boxes["box_id"].to_numpy(np.int64),
        "class": scene.codes(found.boxes["label"]),
        "score": found.score,
        "reason_row": np.arange(len(found.boxes)),
        **dict(zip(EDGES, found.xyxy.T, strict=True)),
    }
    return _frame(len(found.boxes), {**values, **shown})


def _missed(scene: Scene, matched: Matched) -> pd.DataFrame:
    objects = scene.objects
    is_missed = (matched.detection_row == NONE) & ~objects.is_ignored & ~scene.is_thing
    rows = np.flatnonzero(is_missed)
    boxes = objects.boxes.iloc[rows]
    label = scene.codes(boxes["label"])
    values = {
        "image_row": objects.image_row[rows],
        "image_id": boxes["image_id"].to_numpy(np.int64),
        "own_id": boxes["box_id"].to_numpy(np.int64),
        "class": label,
        "label": label,
        "outcome": CODE["missed"],
        "is_assigned": 0,
        "object_row": rows,
        **dict(zip(EDGES, objects.xyxy[rows].T, strict=True)),
    }
    return _frame(len(rows), values)


def _unread(scene: Scene) -> pd.DataFrame:
    found = scene.found
    ids = np.array([own for own, _ in found.unread], np.int64)
    rows = len(found.reasons) + np.arange(len(ids))
    return _frame(len(ids), {"image_id": ids, "reason_row": rows})


def _rectangles(frame: pd.DataFrame, geometry: CropGeometry) -> npt.NDArray[np.float64]:
    """(N, 4) float64, px: what the crops show; NaN for broken rows."""
    is_sound = (frame["outcome"] != NONE).to_numpy(bool)
    rectangles = np.full((len(frame), 4), np.nan)
    edges = frame[EDGES].to_numpy(np.float64)
    rectangles[is_sound] = crop_rectangles(edges[is_sound], geometry)
    return rectangles


def _add_attribute(scene: Scene, frame: pd.DataFrame, things: Attribute) -> None:
    """Grades the crops of the attribute's class, and changes their labels by it."""
    rows = np.flatnonzero((frame["label"] == scene.code(things.on)).to_numpy(bool))
    image_row = frame["image_row"].to_numpy(np.int64)[rows]
    grade, thing, share = graded(scene, image_row, frame[RECTANGLE].to_numpy(np.float64)[rows])
    label, outcome = (frame[name].to_numpy(np.int64, copy=True) for name in ("label", "outcome"))
    label[rows] = np.select(
        [grade == YES, (grade == PARTIAL) | (grade == NONE)],
        [scene.code(things.becomes), NONE],
        label[rows],
    )
    # A missed object stays one: recall counts it.
    is_crop = outcome[rows] != CODE["missed"]
    outcome[rows[is_crop & (grade == PARTIAL)]] = CODE["partial"]
    outcome[rows[is_crop & (grade == NONE)]] = CODE["unverified"]
    frame["label"], frame["outcome"] = label, outcome
    for name, values in (("attribute", grade), ("attribute_row", thing), ("attribute_ioa", share)):
        frame.loc[rows, name] = values


def _crop_ids(scene: Scene, frame: pd.DataFrame) -> Codes:
    """(N,) int64 hashes of image, class, edges, origin and the ordinal of equals.

    Raises
    ------
    TableError
        When two are equal.
    """
    own = frame["image_id"].to_numpy(np.int64)
    of_word = np.append(key_hashes(scene.words), 0)
    is_missed = (frame["outcome"] == CODE["missed"]).to_numpy(np.int64)
    # Adding 0 makes -0.0 the same as 0.0; all NaN get one pattern of bits.
    edges = frame[EDGES].to_numpy(np.float64) + 0.0
    edges[np.isnan(edges)] = np.nan
    for token in (
        of_word[frame["class"].to_numpy(np.int64)],
        is_missed,
        *edges.T.copy().view(np.int64),
    ):
        own = box_hashes(own, token)
    order = np.lexsort((frame["own_id"], -frame["score"], own))
    ordinal = np.empty(len(own), np.int64)
    ordinal[order] = pd.Series(own[order]).groupby(own[order]).cumcount().to_numpy()
    ids = box_hashes(own, ordinal)
    if len(np.unique(ids)) != len(ids):
        raise TableError("two crops have one hash, should have one each", mend="report this set")
    return ids


def _in_order(frame: pd.DataFrame, n_images: int) -> pd.DataFrame:
    """The rows by image, missed objects last in each, then by score and id."""
    image_row = frame["image_row"].to_numpy(np.int64)
    image = np.where(image_row == NONE, n_images, image_row)
    is_missed = frame["outcome"] == CODE["missed"]
    order = np.lexsort((frame["crop_id"], -frame["score"], is_missed, image))
    return frame.take(order).reset_index(drop=True)


def _table(scene: Scene, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows in the manifest's types, and `image_row`."""
    rows = {name: frame[name].to_numpy(np.int64) for name in _ROWS}
    outcome = frame["outcome"].to_numpy(np.int64)
    found, objects, images = scene.found.boxes, scene.objects.boxes, scene.images
    is_assigned = frame["is_assigned"].to_numpy(np.int64)
    has_object = np.isin(outcome, _HAS_OBJECT)
    of_object = _taken(objects["track_id"], np.where(has_object, rows["object_row"], NONE))
    track = pd.Series(of_object).fillna(pd.Series(_taken(found["track_id"], rows["det_row"])))
    values: dict[str, Any] = {  # columns of CROP_COLUMNS
        "crop_id": hex_ids(frame["crop_id"].to_numpy(np.int64), np.ones(len(frame), np.bool_)),
        "status": _status(outcome),
        "reason": _reasons(scene, frame["reason_row"].to_numpy(np.int64), outcome),
        "outcome": _word_of(OUTCOMES, outcome),
        "label": _word_of(scene.words, frame["label"].to_numpy(np.int64)),
        **{name: _taken(images[name], rows["image_row"]) for name in ("split", "group", "frame")},
        "track_id": track.array,
        "image": _taken(images["image_key"], rows["image_row"]),
        "image_id": _ids(images["image_id"], rows["image_row"]),
        "origin": _word_of(("detector", "gt"), (outcome == CODE["missed"]).astype(np.int64)),
        "det_id": _ids(found["box_id"], rows["det_row"]),
        "det_label": _taken(found["label"], rows["det_row"]),
        "is_assigned": pd.arrays.BooleanArray(is_assigned == 1, is_assigned == NONE),
        "object_id": _ids(objects["box_id"], rows["object_row"]),
        "object_label": _taken(objects["label"], rows["object_row"]),
        "other_object_id": _ids(objects["box_id"], rows["other_row"]),
        "attribute": _word_of(GRADES, frame["attribute"].to_numpy(np.int64)),
        "attribute_id": _ids(objects["box_id"], rows["attribute_row"]),
    }
    plain = ["score", "iou", "other_iou", "ignore_ioa", "attribute_ioa", *EDGES, *RECTANGLE]
    values |= {name: frame[name].to_numpy(np.float64) for name in plain}
    columns = {name: column for name, column in CROP_COLUMNS.items() if name not in LATER}
    table = make_table(columns, len(frame), values)
    table["image_row"] = rows["image_row"]
    return table


_HAS_OBJECT = [CODE[word] for word in
               ("matched", "duplicate", "confused", "ambiguous", "partial", "missed")]  # fmt: skip


def _taken(column: pd.Series[Any], rows: Codes) -> Any:  # an array of the column's type
    return column.array.take(rows, allow_fill=True)


def _ids(column: pd.Series[int], rows: Codes) -> pd.arrays.ArrowStringArray:
    ids = np.append(column.to_numpy(np.int64), 0)[rows]
    return hex_ids(ids, rows != NONE)


def _word_of(words: Any, codes: Codes) -> Any:  # a sequence of words; an array of text
    return text_array([*words]).take(codes, allow_fill=True)


def _status(outcome: Codes) -> Any:  # an array of text
    codes = np.full(len(outcome), NONE)
    codes[outcome == NONE] = 0
    codes[np.isin(outcome, list(_DROPPED))] = 1
    codes[outcome == CODE["missed"]] = 2
    return _word_of(("lost", "dropped", "listed"), codes)


def _reasons(scene: Scene, rows: Codes, outcome: Codes) -> Any:  # an array of text
    """Why rows are lost or dropped; `rows` count what was read, then what was not."""
    found = scene.found
    said = [*found.reasons.tolist(), *(reason for _, reason in found.unread), None]
    reasons = np.array(said, object)[rows]
    for code, reason in _DROPPED.items():
        reasons[outcome == code] = reason
    return text_array(reasons)
