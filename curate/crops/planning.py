"""Which crops there are to be: a status and a rectangle for rows of detections and objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Floats, clip, sides
from curate.crops.blocks import Block
from curate.crops.labelling import Labelling
from curate.crops.manifest import ASIDE, BACKGROUND, CROP_COLUMNS, OF_OBJECTS
from curate.crops.mixing import BACKGROUND as OF_BACKGROUND
from curate.crops.mixing import OF_TRUTH, ON_OBJECT
from curate.crops.outcomes import Proposals, proposals
from curate.crops.spec import CropSpec
from curate.cutting import crop_rectangles, jittered, relative_errors
from curate.dataset import Dataset
from curate.tables import (
    box_hashes,
    frame_sides,
    hex_id,
    key_hashes,
    make_table,
    text_array,
    with_none,
)

EDGES = ["x1", "y1", "x2", "y2"]
RECTANGLE = ["rect_x1", "rect_y1", "rect_x2", "rect_y2"]
# Pairs that the detector's error is drawn from; of more, those of the lowest ids.
MAX_ERRORS = 10_000
# Below this many pairs their error says little.
MIN_ERRORS = 20


def planned(
    block: Block, spec: CropSpec, labelling: Labelling, names: Mapping[str, str | None]
) -> Proposals:
    """The rows of a block, `made` where a crop is wanted; before the mix and thinning.

    `names` are columns of one value: detector, detector_version, definition.

    Raises
    ------
    UsageError
        As `proposals`.
    """
    found = proposals(block, labelling, spec.geometry, score_floor=spec.score_floor)
    rows = found.rows
    if spec.truth_crops == "all" and block.truth is not None:
        rows = pd.concat([rows, of_objects(rows, block.truth)], ignore_index=True)
    is_open = rows["status"].isna().to_numpy(bool, copy=True)
    if spec.truth_crops != "none":
        is_open |= (rows["outcome"] == "missed").to_numpy(bool)
    sizes = np.column_stack([np.append(s, np.nan) for s in frame_sides(block.images).values()])
    inside = _inside(_edges(rows), sizes[rows["image_row"]])
    short = sides(inside).min(axis=1, initial=np.inf)
    is_small = is_open & (short < spec.min_side_px)
    status = np.where(is_small, "small", np.where(is_open, "made", rows["status"].to_numpy(object)))
    reason = with_none(rows["reason"])
    reason[is_small] = [
        f"shorter side {side:.1f} px, under {spec.min_side_px:g}" for side in short[is_small]
    ]
    values: dict[str, Any] = {name: rows[name].array for name in rows.columns}
    values = {name: array for name, array in values.items() if name in CROP_COLUMNS}
    values |= {"status": status, "reason": reason, "spec": spec.digest, **names}
    return replace(found, rows=make_table(CROP_COLUMNS, len(rows), values))


def of_objects(rows: pd.DataFrame, truth: Dataset) -> pd.DataFrame:
    """A row for the own box of each object that a detection is assigned to."""
    own = rows[rows["is_assigned"].fillna(value=False).to_numpy(bool)].copy()
    ids = np.array([int(object_id, 16) for object_id in own["object_id"]], np.int64)
    tokens = np.repeat(key_hashes(["truth"]), len(ids))
    own[EDGES] = edges_of(truth, own["object_id"])
    blank = ["status", "reason", "det_id", "det_label", "score", "iou", "is_assigned",
             "other_object_id", "other_iou", "ignore_ioa", "attribute", "attribute_id",
             "attribute_ioa"]  # fmt: skip
    own[blank] = own[blank].mask(np.ones((len(own), len(blank)), np.bool_))
    return own.assign(
        crop_id=text_array([hex_id(i) for i in box_hashes(ids, tokens)]),
        outcome=text_array(["truth"] * len(own)),
        origin=text_array(["gt"] * len(own)),
        label=own["object_label"],
    )


def _edges(rows: pd.DataFrame) -> Floats:
    return rows[EDGES].to_numpy(np.float64)


def _inside(xyxy: Floats, wh: Floats) -> Floats:
    """The boxes inside their pictures; of a picture of unknown size only left and top count."""
    known = np.where(np.isnan(wh), np.inf, wh)
    return clip(xyxy, known[:, 0], known[:, 1])


def kinds(rows: pd.DataFrame) -> npt.NDArray[np.int8]:
    """(N,) what a mix counts each row as: on an object, of the truth, background; -1 neither."""
    outcome = rows["outcome"].fillna("").to_numpy(object)
    is_truth = (rows["origin"] == "gt").to_numpy(bool)
    kind = np.full(len(rows), -1, np.int8)
    kind[np.isin(outcome, OF_OBJECTS)] = ON_OBJECT
    kind[np.isin(outcome, OF_OBJECTS) & is_truth] = OF_TRUTH
    kind[outcome == BACKGROUND] = OF_BACKGROUND
    return kind


def is_aside(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """(N,) whether a crop is for evaluation alone."""
    return rows["outcome"].isin(ASIDE).to_numpy(bool)


def words(rows: pd.DataFrame) -> npt.NDArray[np.object_]:
    """(N,) what each crop's folder is called by: its label, aside its outcome."""
    label = rows["label"].fillna("").to_numpy(object)
    said: npt.NDArray[np.object_] = np.where(
        is_aside(rows), rows["outcome"].to_numpy(object), label
    )
    return said


# Where the detector's error is not known: shifts of 5 % of a side and scales of 10 %, the jitter
# that classifiers behind detectors are trained with, all ways.
USUAL_ERRORS: Floats = np.array(
    [
        (0.05 * dx, 0.05 * dy, scale, scale)
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
        for scale in (np.log(0.9), 0.0, np.log(1.1))
    ]
)


@dataclass
class Errors:
    """How far the detector's boxes lie from the objects that they are assigned to.

    Kept are those of the lowest crop ids, so that the order in which blocks come plays no role.
    """

    crops: npt.NDArray[np.uint64]
    errors: Floats

    @classmethod
    def none(cls) -> Errors:
        """No pair yet."""
        return cls(np.zeros(0, np.uint64), np.zeros((0, 4)))

    def add(self, rows: pd.DataFrame, truth: Dataset | None) -> None:
        """Takes in the pairs of a block's rows."""
        if truth is None:
            return
        is_pair = ((rows["outcome"] == "matched") & (rows["origin"] == "detector")).to_numpy(bool)
        own = rows[is_pair]
        errors = relative_errors(_edges(own), edges_of(truth, own["object_id"]))
        ids = crop_hashes(own["crop_id"])
        crops, both = np.r_[self.crops, ids], np.vstack([self.errors, errors])
        order = np.argsort(crops, kind="stable")[:MAX_ERRORS]
        self.crops, self.errors = crops[order], both[order]

    @property
    def is_measured(self) -> bool:
        """Whether there are enough pairs to say."""
        return len(self.errors) >= MIN_ERRORS

    @property
    def drawn_from(self) -> Floats:
        """(N, 4) as `curate.cutting.jittered` takes them: measured, else the usual ones."""
        return self.errors if self.is_measured else USUAL_ERRORS


def edges_of(truth: Dataset, object_ids: pd.Series[str]) -> Floats:
    """(N, 4) float64, px: the boxes of objects, by their ids in hex digits."""
    ids = np.array([int(object_id, 16) for object_id in object_ids], np.int64)
    rows = pd.Index(truth.boxes["box_id"].to_numpy(np.int64)).get_indexer(pd.Index(ids))
    edges: Floats = truth.boxes[EDGES].to_numpy(np.float64)[rows]
    return edges


def crop_hashes(ids: pd.Series[str]) -> npt.NDArray[np.uint64]:
    """(N,) uint64: the crop ids as numbers."""
    return np.array([int(crop_id, 16) for crop_id in ids], np.uint64)


def with_rectangles(rows: pd.DataFrame, spec: CropSpec, errors: Floats) -> pd.DataFrame:
    """The rows with what each crop that is made shows; boxes of objects are jittered."""
    made = (rows["status"] == "made").to_numpy(bool)
    edges = _edges(rows)
    is_truth = made & (rows["origin"] == "gt").to_numpy(bool)
    ids = crop_hashes(rows["crop_id"][is_truth]).view(np.int64)
    seeds = box_hashes(ids, np.full(len(ids), spec.seed, np.int64))
    edges[is_truth] = jittered(edges[is_truth], errors, seeds)
    rectangles = np.full_like(edges, np.nan)
    rectangles[made] = crop_rectangles(edges[made], spec.geometry)
    return rows.assign(**{name: rectangles[:, n] for n, name in enumerate(RECTANGLE)})
