"""The detections and the objects that a crop set starts from: which rows count, what is broken.

Boxes are half-open edges in px; nothing is clipped. Rows of images are those of one table, which
is that of the truth where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import enclose_area
from curate.crops.joining import UNKNOWN, Joined
from curate.dataset import Dataset
from curate.errors import Place, quote
from curate.tables import frame_sides

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

EDGES = ["x1", "y1", "x2", "y2"]
# Shapes whose edges enclose something.
ENCLOSING = ("box", "rotated", "polygon", "mask")
# Checks that tell of records of which there is no box: unreadable, its file unreadable, of an
# unknown image.
UNREAD_RECORD = "SRC-001"
_UNREAD = (UNREAD_RECORD, "SRC-002", "SRC-005")


@dataclass(frozen=True, eq=False)
class Found:
    """The detections that are rows of a crop set.

    Parameters
    ----------
    boxes
        The N boxes at or above the floor, and the broken ones, as `curate.tables` has them.
    image_row
        (N,) int64: row of the image; -1 where unknown.
    score
        (N,) float64.
    reasons
        (N,) texts: how the detection is broken; None: it is not.
    unread
        Records of which there is no box, each an id of its own and how it is broken.
    n_detections, n_below_floor
        All detections with the unread ones, and those that a score below the floor leaves out.
    """

    boxes: pd.DataFrame
    image_row: Codes
    score: Floats
    reasons: Texts
    unread: tuple[tuple[int, str], ...]
    n_detections: int
    n_below_floor: int

    @property
    def xyxy(self) -> Floats:
        """(N, 4) float64, px; NaN where the source gives no number."""
        return self.boxes[EDGES].to_numpy(np.float64)


@dataclass(frozen=True, eq=False)
class Labelled:
    """The M boxes of the truth that count for crops.

    Parameters
    ----------
    boxes
        As `curate.tables` has them, with an area all.
    image_row
        (M,) int64: row of the image.
    is_ignored
        (M,) bool: those that count neither way.
    """

    boxes: pd.DataFrame
    image_row: Codes
    is_ignored: Bools

    @property
    def xyxy(self) -> Floats:
        """(M, 4) float64, px."""
        return self.boxes[EDGES].to_numpy(np.float64)


def detections_of(
    detections: Dataset, images: pd.DataFrame, joined: Joined, score_floor: float
) -> Found:
    """The detections of a dataset, all of whose boxes are.

    Parameters
    ----------
    detections
        What the detector gave.
    images
        The images of the truth, or of the detections without one.
    joined
        The rows in `images` of the images of `detections`.
    score_floor
        Detections of a lower score are counted and left out; those of no score are broken.
    """
    boxes, unread = detections.boxes, tuple(_unread(detections.findings))
    score = boxes["score"].to_numpy(np.float64)
    is_below = score < score_floor
    kept = np.flatnonzero(~is_below)
    boxes, score = boxes.iloc[kept].reset_index(drop=True), score[kept]
    own = pd.Index(detections.images["image_id"]).get_indexer(pd.Index(boxes["image_id"]))
    reasons = _reasons(_Read(boxes, score, own, detections.images), images, joined)
    return Found(
        boxes=boxes,
        image_row=joined.row[own],
        score=score,
        reasons=reasons,
        unread=unread,
        n_detections=len(is_below) + len(unread),
        n_below_floor=int(is_below.sum()),
    )


def objects_of(truth: Dataset, images: pd.DataFrame) -> Labelled:
    """The objects of a settled truth, all of whose boxes are."""
    boxes = truth.boxes
    is_ignored = (boxes["role"] == "ignore").to_numpy(bool)
    image_row = pd.Index(images["image_id"]).get_indexer(pd.Index(boxes["image_id"]))
    return Labelled(boxes, image_row.astype(np.int64), is_ignored)


def no_objects(detections: Dataset) -> Labelled:
    """No objects: what stands for the truth where there is none."""
    none = np.zeros(0, np.int64)
    return Labelled(detections.boxes.iloc[:0], none, none.astype(np.bool_))


def _unread(findings: pd.DataFrame) -> Iterator[tuple[int, str]]:
    """Records of which there is no box."""
    # A loop over findings: each tells of many records at most.
    for row in findings[findings["check"].isin(_UNREAD)].to_dict("records"):
        if pd.isna(row["places"]):
            places = [] if len(row["members"]) else [row]
        else:
            places = [place for place in json.loads(row["places"]) if "boxes" not in place]
        for place in places:
            at = Place(*(_known(place.get(key)) for key in ("file", "line", "source_id")))
            yield int(row["finding_id"]), f"{at}: {place.get('message') or row['message']}"


def _known(value: Any) -> Any:  # a JSON value or pandas' null
    return None if value is None or pd.isna(value) else value


@dataclass(frozen=True, eq=False)
class _Read:
    """Detections as read: their boxes, scores, and the rows of their own images."""

    boxes: pd.DataFrame
    score: Floats
    own: Codes
    images: pd.DataFrame


def _reasons(read: _Read, images: pd.DataFrame, joined: Joined) -> Texts:
    """(N,) how each detection is broken, by the first fault that it has; None: by none."""
    reasons = np.full(len(read.boxes), None, object)
    files, lines, ids = (read.boxes[name].array for name in ("file", "line", "source_id"))
    for is_broken, said in _faults(read, images, joined):
        # A loop over what is broken, which is told one by one.
        for row in np.flatnonzero(is_broken & (reasons == None)).tolist():  # noqa: E711  # by element
            place = Place(files[row], _known(lines[row]), _known(ids[row]))
            reasons[row] = f"{place}: {said(row)}"
    return reasons


_Faults = Iterator[tuple[Bools, Callable[[int], str]]]


def _faults(read: _Read, images: pd.DataFrame, joined: Joined) -> _Faults:
    """Where a fault is, and what is said of a row that has it."""
    boxes, xyxy = read.boxes, read.boxes[EDGES].to_numpy(np.float64)
    row = joined.row[read.own]
    yield (
        ~np.isfinite(read.score),
        lambda at: f"score is {read.score[at]}, should be a finite number",
    )
    yield row == UNKNOWN, lambda at: joined.reasons[int(read.own[at])]
    labels = boxes["source_label"].array
    yield (
        boxes["label"].isna().to_numpy(bool),
        lambda at: f"class is {quote(_known(labels[at]))}, should be one that the source lists",
    )
    shapes = boxes["shape"].array
    yield (
        ~boxes["shape"].isin(ENCLOSING).to_numpy(bool),
        lambda at: f"is a {shapes[at]}, should be a box",
    )
    yield (
        ~np.isfinite(xyxy).all(axis=1),
        lambda at: f"edges are {_edges(xyxy[at])}, should be four finite numbers",
    )
    yield (
        ~enclose_area(xyxy),
        lambda at: f"edges are {_edges(xyxy[at])}, should enclose an area",
    )
    yield _of_two_frames(read, images, row)
    # The last is for unknown images.
    width, height = (np.append(side, np.nan)[row] for side in frame_sides(images).values())
    with np.errstate(invalid="ignore"):
        is_outside = (xyxy[:, 2:] <= 0).any(axis=1) | (xyxy[:, 0] >= width) | (xyxy[:, 1] >= height)
    yield (
        is_outside,
        lambda at: (
            f"edges are {_edges(xyxy[at])}, should meet the image of "
            f"{width[at]:g} x {height[at]:g} px"
        ),
    )


def _of_two_frames(
    read: _Read, images: pd.DataFrame, row: Codes
) -> tuple[Bools, Callable[[int], str]]:
    """Detections whose frame is known and another than the truth's: their edges do not compare."""
    own, own_frame = read.images["exif_orientation"].notna(), read.images["box_frame"].to_numpy()
    frame = images["box_frame"].to_numpy()
    is_measured = images["exif_orientation"].notna().to_numpy(bool)
    is_known = (row != UNKNOWN) & own.to_numpy(bool)[read.own]
    is_two = np.zeros(len(row), np.bool_)
    at = np.flatnonzero(is_known)
    is_two[at] = is_measured[row[at]] & (frame[row[at]] != own_frame[read.own[at]])
    return (
        is_two,
        lambda at: (
            f"its box lies in the {own_frame[read.own[at]]} frame, should lie in the "
            f"{frame[row[at]]} one as those of the truth"
        ),
    )


def _edges(xyxy: Floats) -> str:
    return ", ".join(f"{edge:g}" for edge in xyxy.tolist()) + " px"
