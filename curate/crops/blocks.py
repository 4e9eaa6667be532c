"""Truth and detections in blocks of images, so that memory holds a block's rows at a time.

The tables that they are made from are most of a run's memory: on disk they cost none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from curate.boxes import Rows
from curate.crops.joining import UNKNOWN, Joined
from curate.crops.memory import give_back
from curate.crops.settling import Settled
from curate.dataset import Dataset, empty_dataset
from curate.tables import BOX_COLUMNS, from_arrow, make_table, to_arrow

# Some 14,000 detections in a stream of seven each: a few MB of rows.
BLOCK_IMAGES = 2000


@dataclass(frozen=True)
class Block:
    """Some images of one split in order, and the boxes on them.

    Parameters
    ----------
    images
        The images table, by image key.
    truth
        The objects; None: none were given.
    detections
        Those on the images; of the last block, those on images that the truth does not have.
        The last block has the findings about records of which there is no box.
    joined
        The rows in `images` of the images of `detections`.
    first
        Number of the first image in its split; None: there are no images.
    """

    images: pd.DataFrame
    truth: Dataset | None
    detections: Dataset
    joined: Joined
    first: int | None


class Blocks:
    """The images of a set in their order (split, then key), and what lies on them.

    `images` is the images table in that order, of the truth, or of the detections without one.
    """

    def __init__(self, settled: Settled, n_images: int = BLOCK_IMAGES) -> None:
        self._truth, self._detections = settled.truth, settled.detections
        self._joined, self._n_images = settled.joined, n_images
        keys = settled.images[["split", "image_key"]].fillna({"split": ""})
        order = keys.sort_values(["split", "image_key"], kind="stable").index.to_numpy(np.int64)
        self.images: pd.DataFrame = settled.images.iloc[order].reset_index(drop=True)
        self._truth_rows = _sorted_rows(_rows_of(self.images, settled.truth))
        place = np.append(np.empty_like(order), UNKNOWN)
        place[order] = np.arange(len(order))
        # By image of the detections: its place among all, and by detection the row of its image.
        self._places = place[settled.joined.row]
        self._homes = _rows_of(settled.detections.images, settled.detections)
        self._detection_rows = _sorted_rows(self._places[self._homes])
        self._kept: list[_KeptBlock] | None = None

    def __len__(self) -> int:
        if self._kept is not None:
            return len(self._kept)
        return len(self._spans()) + self._has_loose()

    def __iter__(self) -> Iterator[Block]:
        if self._kept is not None:
            yield from (kept.block() for kept in self._kept)
            return
        for start, stop, first in self._spans():
            yield self._block(start, stop, first)
        if self._has_loose():
            yield self._loose()

    def keep_in(self, folder: Path) -> None:
        """Puts the boxes of all blocks on disk and lets go of the tables; the caller removes them.

        Raises
        ------
        OSError
            When they cannot be written.
        """
        kept = []
        for number, block in enumerate(self):
            kept.append(_KeptBlock.of(block, folder / f"{number:06d}"))
            give_back()
        self._kept = kept
        none = np.zeros(0, np.int64)
        self._truth, self._detections = None, empty_dataset(self._detections.name)
        self._homes, self._places = none, none
        self._truth_rows = self._detection_rows = _SortedRows(none, none)

    def _has_loose(self) -> bool:
        """Whether there are detections on no image, or records that no reader could take."""
        return bool(len(self._detection_rows.between(UNKNOWN, 0)) or len(self._detections.findings))

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
        images = self.images.iloc[start:stop].reset_index(drop=True)
        detections, at = self._on(self._detection_rows.between(start, stop))
        detections = detections.with_tables(findings=detections.findings.iloc[:0])
        joined = replace(self._joined, row=self._places[at] - start, reasons={})
        truth = self._truth
        if truth is not None:
            own = truth.boxes.iloc[self._truth_rows.between(start, stop)]
            truth = truth.with_tables(images=images, boxes=own)
        return Block(images, truth, detections, joined, first)

    def _loose(self) -> Block:
        detections, at = self._on(self._detection_rows.between(UNKNOWN, 0))
        whys = self._joined.reasons
        reasons = {row: whys[image] for row, image in enumerate(at.tolist())}
        joined = replace(self._joined, row=np.full(len(at), UNKNOWN), reasons=reasons)
        images, truth = self.images.iloc[:0], self._truth
        if truth is not None:
            truth = truth.with_tables(images=images, boxes=truth.boxes.iloc[:0])
        return Block(images, truth, detections, joined, None)

    def _on(self, rows: Rows) -> tuple[Dataset, Rows]:
        """Some detections with their own images, and the rows of these."""
        at = np.unique(self._homes[rows])
        images, boxes = self._detections.images.iloc[at], self._detections.boxes.iloc[rows]
        return self._detections.with_tables(images=images, boxes=boxes), at


@dataclass(frozen=True)
class _KeptBlock:
    """A block without boxes, and where these are."""

    rest: Block
    truth: Path
    detections: Path

    @classmethod
    def of(cls, block: Block, stem: Path) -> _KeptBlock:
        """Writes the boxes of a block into two files whose names begin with `stem`."""
        truth, detections = (stem.with_name(f"{stem.name}-{n}.parquet") for n in ("truth", "found"))
        _write(block.detections, detections)
        own = block.truth
        if own is not None:
            _write(own, truth)
            own = _without_boxes(own)
        rest = replace(block, truth=own, detections=_without_boxes(block.detections))
        return cls(rest, truth, detections)

    def block(self) -> Block:
        """The block with its boxes."""
        rest = self.rest
        truth = None if rest.truth is None else _with_boxes(rest.truth, self.truth)
        return replace(rest, truth=truth, detections=_with_boxes(rest.detections, self.detections))


def _write(dataset: Dataset, path: Path) -> None:
    table = to_arrow(dataset.boxes, BOX_COLUMNS)
    pq.write_table(table, path, compression="zstd", compression_level=1)


def _without_boxes(dataset: Dataset) -> Dataset:
    # A slice of no rows would hold the whole table.
    return dataset.with_tables(boxes=make_table(BOX_COLUMNS, 0, {}))


def _with_boxes(dataset: Dataset, path: Path) -> Dataset:
    return dataset.with_tables(boxes=from_arrow(pq.read_table(path), BOX_COLUMNS))


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


def _rows_of(images: pd.DataFrame, dataset: Dataset | None) -> Rows:
    """(N,) int64: the row in an images table of each box's image."""
    if dataset is None:
        return np.zeros(0, np.int64)
    homes = pd.Index(dataset.boxes["image_id"].to_numpy(np.int64))
    rows: Rows = pd.Index(images["image_id"].to_numpy(np.int64)).get_indexer(homes)
    return rows
