"""Truth and detections in blocks of images, so that memory holds a block's rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Rows
from curate.crops.joining import UNKNOWN, Joined
from curate.dataset import Dataset

# Some 14,000 detections in a stream of seven each: a few MB of rows.
BLOCK_IMAGES = 2000


@dataclass(frozen=True)
class Block:
    """Some images of one split in order, and the boxes on them.

    Parameters
    ----------
    truth
        None: none was given.
    detections
        Those on the images; of the last block, those on images that the truth does not have.
        The last block has the findings about records of which there is no box.
    first
        Number of the first image in its split; None: the images are of no use.
    """

    truth: Dataset | None
    detections: Dataset
    first: int | None

    @property
    def images(self) -> pd.DataFrame:
        """The images table."""
        return self.detections.images if self.truth is None else self.truth.images


class Blocks:
    """The images of a set in their order (split, then key), and what lies on them.

    `images` is the images table in that order, of the truth, or of the detections without one.
    """

    def __init__(
        self,
        truth: Dataset | None,
        detections: Dataset,
        joined: Joined | None,
        n_images: int = BLOCK_IMAGES,
    ) -> None:
        own = detections if truth is None else truth
        order = own.images.assign(split=own.images["split"].fillna(""))
        order = order.sort_values(["split", "image_key"], kind="stable")
        self.images: pd.DataFrame = own.images.loc[order.index].reset_index(drop=True)
        self._truth, self._detections, self._n_images = truth, detections, n_images
        place = pd.Index(self.images["image_id"].to_numpy(np.int64))
        self._truth_rows = None if truth is None else _by_image(truth, place)
        homes = detections.boxes["image_id"].to_numpy(np.int64)
        self._ids = homes
        if joined is not None and truth is not None:
            rows = pd.Index(detections.images["image_id"]).get_indexer(pd.Index(homes))
            known = joined.row[rows]
            ids = truth.images["image_id"].to_numpy(np.int64)
            self._ids = np.where(known >= 0, ids[known], UNKNOWN) if len(ids) else known
        self._detection_rows = _sorted_rows(place.get_indexer(pd.Index(self._ids)))

    def __len__(self) -> int:
        return len(self._spans()) + self._has_loose()

    def __iter__(self) -> Iterator[Block]:
        for start, stop, first in self._spans():
            yield self._block(start, stop, first)
        if self._has_loose():
            yield self._loose()

    def _has_loose(self) -> bool:
        """Whether there are detections on no image, or records that no reader could take."""
        return bool(len(self._detection_rows.between(-1, 0)) or len(self._detections.findings))

    def _spans(self) -> list[tuple[int, int, int]]:
        """Start and stop of each block, and the number of its first image in its split."""
        splits = self.images["split"].fillna("").to_numpy(object)
        ends = np.append(np.flatnonzero(splits[1:] != splits[:-1]) + 1, len(splits))
        begins = np.append(0, ends[:-1])
        return [
            (start, min(start + self._n_images, end), start - begin)
            for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
            for start in range(begin, end, self._n_images)
        ]

    def _block(self, start: int, stop: int, first: int) -> Block:
        images = self.images.iloc[start:stop]
        rows = self._detection_rows.between(start, stop)
        boxes = self._detections.boxes.iloc[rows].assign(
            image_id=pd.array(self._ids[rows], dtype=pd.Int64Dtype())
        )
        detections = self._detections.with_tables(
            images=images, boxes=boxes, findings=self._detections.findings.iloc[:0]
        )
        if self._truth is None or self._truth_rows is None:
            return Block(None, detections, first)
        own = self._truth.boxes.iloc[self._truth_rows.between(start, stop)]
        return Block(self._truth.with_tables(images=images, boxes=own), detections, first)

    def _loose(self) -> Block:
        rows = self._detection_rows.between(-1, 0)
        boxes = self._detections.boxes.iloc[rows]
        is_named = self._detections.images["image_id"].isin(boxes["image_id"])
        images = self._detections.images[is_named]
        detections = self._detections.with_tables(images=images, boxes=boxes)
        if self._truth is None:
            return Block(None, detections, None)
        truth = self._truth.with_tables(
            images=self._truth.images.iloc[:0], boxes=self._truth.boxes.iloc[:0]
        )
        return Block(truth, detections, None)


@dataclass(frozen=True)
class _SortedRows:
    """Rows of a boxes table by the place of their image; -1 is the place of an unknown one."""

    rows: Rows
    places: npt.NDArray[np.int64]

    def between(self, start: int, stop: int) -> Rows:
        """The rows on the images start .. stop - 1, in the order of the table on each image."""
        first, last = np.searchsorted(self.places, [start, stop])
        return self.rows[first:last]


def _sorted_rows(places: Rows) -> _SortedRows:
    order = np.argsort(places, kind="stable")
    return _SortedRows(order, places[order])


def _by_image(dataset: Dataset, place: pd.Index[int]) -> _SortedRows:
    return _sorted_rows(place.get_indexer(pd.Index(dataset.boxes["image_id"].to_numpy(np.int64))))
