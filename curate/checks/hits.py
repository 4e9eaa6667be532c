"""What a check is given (the judged tables) and what it gives back (hits, as columns)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Floats, Rows
from curate.dataset import Dataset
from curate.errors import TableError
from curate.tables import frame_sides

# Shapes with an inside. Points, lines and tags have none: no check of boxes judges them.
BOX_SHAPES = ("box", "rotated", "polygon", "mask")
DERIVED_COLUMNS = (
    "mask_area", "mask_x1", "mask_y1", "mask_x2", "mask_y2", "kp_x1", "kp_y1", "kp_x2", "kp_y2",
    "outline_state", "keypoint_state",
)  # fmt: skip
# The `outline_state` and `keypoint_state` of what a record holds and nobody can read.
BROKEN = 2
EDGES = ("x1", "y1", "x2", "y2")

NO_ROWS: Rows = np.zeros(0, np.int64)

Words = tuple[str, ...]


@dataclass(frozen=True)
class Hits:
    """What one check has found: H hits as columns, so that no hit costs next to nothing.

    Parameters
    ----------
    members
        (M,) row numbers in the boxes table, hit after hit, within a hit worst first.
    value
        (H,) what was measured, in `unit`.
    limit
        What is allowed, in `unit`: one for all hits, or (H,).
    unit
        Unit of value and limit.
    texts
        Message templates for `str.format`, which is given one entry of each of `parts`.
    parts
        Columns of H entries each.
    mend
        What to do about a hit.
    ends
        (H,) where the members of each hit end; None: each hit has one member.
    which
        (H,) number of the template; None: the first one.
    levels
        (H,) `error | warning | info`; None: the check's own.
    low_is_worse
        Whether a smaller value is worse than a larger one.
    mends
        (H,) what to do about each hit; None: `mend` for all.
    is_whole
        Whether each hit is a cause of its own, of a whole file: then nothing is grouped.
    about
        (H,) what each cause is about, such as a class: then it is one of the set, not of a file,
        may have no members, and this tells it from others of its check.
    files
        (H,) the file that a cause of the set stands in, "" for none; None: that of its members.
    images
        (H,) row of the image that a cause of the set is about; None: that of its members.
    """

    members: Rows
    value: Floats
    limit: Floats | float
    unit: str
    texts: Words
    parts: tuple[npt.NDArray[np.generic], ...]
    mend: str
    ends: Rows | None = None
    which: Rows | None = None
    levels: npt.NDArray[np.str_] | None = None
    low_is_worse: bool = False
    mends: Words | None = None
    is_whole: bool = False
    about: Words | None = None
    files: Words | None = None
    images: Rows | None = None

    def __len__(self) -> int:
        return len(self.value)

    def stops(self) -> Rows:
        """(H,) where the members of each hit end."""
        if self.ends is not None:
            return self.ends
        return np.arange(1, len(self) + 1, dtype=np.int64)

    def starts(self) -> Rows:
        """(H,) where the members of each hit begin."""
        stops = self.stops()
        starts: Rows = np.append(0, stops)[: len(stops)]
        return starts

    def limits(self) -> Floats:
        """(H,) the limit of each hit."""
        return np.broadcast_to(np.asarray(self.limit, np.float64), self.value.shape)

    def all_of(self, marked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """(H,) whether each hit has members and all are marked; `marked` is per box."""
        n_marked = np.append(0, np.cumsum(marked[self.members]))
        starts, stops = self.starts(), self.stops()
        every: npt.NDArray[np.bool_] = n_marked[stops] - n_marked[starts] == stops - starts
        return every & (stops > starts)

    def where(self, wanted: npt.NDArray[np.bool_]) -> Hits:
        """The hits of a mask, in their order."""
        counts = self.stops() - self.starts()
        return replace(
            self,
            members=self.members[np.repeat(wanted, counts)],
            value=self.value[wanted],
            limit=self.limits()[wanted],
            parts=tuple(part[wanted] for part in self.parts),
            ends=np.cumsum(counts[wanted]),
            which=None if self.which is None else self.which[wanted],
            levels=None if self.levels is None else self.levels[wanted],
            mends=None if self.mends is None else tuple(compress(self.mends, wanted)),
            about=None if self.about is None else tuple(compress(self.about, wanted)),
            files=None if self.files is None else tuple(compress(self.files, wanted)),
            images=None if self.images is None else self.images[wanted],
        )

    def messages(self, hits: Rows) -> list[str]:
        """The messages of some hits, given by number."""
        which = np.zeros(len(hits), np.int64) if self.which is None else self.which[hits]
        columns = [part[hits].tolist() for part in self.parts]
        rows = zip(which.tolist(), *columns, strict=True)
        # A loop over findings that are shown, not over boxes: numpy cannot format numbers.
        return [self.texts[number].format(*row) for number, *row in rows]


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong with a set: what it is about, its boxes (rows), and the evidence."""

    about: str
    members: Rows
    value: float
    message: str
    file: str = ""


def set_hits(causes: Sequence[Cause], limit: float, unit: str, mend: str) -> Hits:
    """The hits of causes of the whole set, one for each."""
    sizes = np.array([len(cause.members) for cause in causes], np.int64)
    return Hits(
        members=np.concatenate([NO_ROWS, *(cause.members for cause in causes)]),
        value=np.array([cause.value for cause in causes], np.float64),
        limit=limit,
        unit=unit,
        texts=("{}",),
        parts=(np.array([cause.message for cause in causes], object),),
        mend=mend,
        ends=np.cumsum(sizes),
        is_whole=True,
        about=tuple(cause.about for cause in causes),
        files=tuple(cause.file for cause in causes) if any(c.file for c in causes) else None,
    )


def judged_tables(
    dataset: Dataset, derived: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables that checks are given: the dataset's boxes and images, and more columns.

    Boxes get `image_row` (int64, row of the image), `is_judged` (bool: of a shape with an inside,
    and all coordinates finite) and the `DERIVED_COLUMNS` (float64, px or px^2, NaN: none; the
    states are 0 the record has none, 1 it can be read, `BROKEN`, NaN nothing is known). Images
    get `frame_width` and `frame_height` (float64, px, of the frame that the boxes lie in; NaN:
    unknown, which a size of 0 or less is too).

    Raises
    ------
    TableError
        When `derived` has not one row per box, or a box lies in no image.
    """
    if derived is not None and len(derived) != len(dataset.boxes):
        raise TableError(f"derived has {len(derived)} rows for {len(dataset.boxes)} boxes")
    index = pd.Index(dataset.images["image_id"].to_numpy(np.int64))
    image_row = index.get_indexer(dataset.boxes["image_id"].to_numpy(np.int64)).astype(np.int64)
    if (image_row < 0).any():
        raise TableError(f"{int((image_row < 0).sum())} boxes lie in no image of the dataset")
    judged = has_inside(dataset.boxes)
    for name in EDGES:
        judged = judged & np.isfinite(dataset.boxes[name].to_numpy())
    nothing = np.full(len(judged), np.nan)
    columns = {
        name: nothing if derived is None else derived[name].to_numpy(np.float64)
        for name in DERIVED_COLUMNS
    }
    boxes = dataset.boxes.assign(image_row=image_row, is_judged=judged, **columns)
    return boxes, dataset.images.assign(**frame_sides(dataset.images))


def has_inside(boxes: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """(N,) bool: whether each row's shape is one of `BOX_SHAPES`."""
    return boxes["shape"].isin(BOX_SHAPES).to_numpy(bool)


def flags(column: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    """(N,) bool: true where the column says so; null is not true."""
    return column.to_numpy(bool, na_value=False)


def edges_at(boxes: pd.DataFrame, rows: Rows, prefix: str = "") -> Floats:
    """(H, 4) float64: the edges x1 y1 x2 y2 of some rows, px; `prefix` as in `mask_x1`."""
    return np.column_stack([boxes[prefix + name].to_numpy()[rows] for name in EDGES])


def frame_sizes(boxes: pd.DataFrame, images: pd.DataFrame) -> tuple[Floats, Floats]:
    """(N,) width and (N,) height of each box's image in the boxes' frame, px; NaN: unknown."""
    rows = boxes["image_row"].to_numpy()
    return images["frame_width"].to_numpy()[rows], images["frame_height"].to_numpy()[rows]
