"""The plan of a set: rows of each block on disk, and what all of them together decide."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from curate.crops.blocks import Blocks
from curate.crops.labelling import Labelling
from curate.crops.layout import Layout
from curate.crops.manifest import CROP_COLUMNS
from curate.crops.memory import give_back
from curate.crops.planning import Errors, is_aside, planned, with_rectangles, words
from curate.crops.spec import CropSpec
from curate.crops.tally import LEFT_OUT, Tally, Tallying
from curate.progress import track
from curate.tables import from_arrow, text_array, to_arrow, with_none

_WHY = {LEFT_OUT: "beyond what the mix takes", "thinned": "like a crop that stays"}


@dataclass(frozen=True)
class PlannedBlock:
    """Rows of a block as `CROP_COLUMNS`, its images, and the number of the first in its split."""

    rows: pd.DataFrame
    images: pd.DataFrame
    first: int | None


class Plan:
    """Which crops there are to be, and where they stand; rows are read from disk by block.

    Parameters
    ----------
    folder
        Where the rows are kept; the caller removes it.
    names
        Columns of one value: detector, detector_version, definition.
    """

    def __init__(self, folder: Path, spec: CropSpec, names: Mapping[str, str | None]) -> None:
        self._folder, self._spec, self._names = folder, spec, names
        self._blocks: list[tuple[int, pd.DataFrame, int | None]] = []
        self._errors = Errors.none()
        self.detections: Counter[str] = Counter()
        self.objects = 0
        self.tally: Tally = Tally(pd.DataFrame(), [])
        self._status: pd.Series[Any] = pd.Series(dtype=object)
        self.layout = Layout({}, spec.encoding.ending)

    def make(self, blocks: Blocks, labelling: Labelling) -> None:
        """Plans all blocks.

        Raises
        ------
        OSError
            When the rows cannot be kept.
        """
        tallying = Tallying()
        for number, block in enumerate(track(blocks, len(blocks), "blocks of images")):
            found = planned(block, self._spec, labelling, self._names)
            self._errors.add(found.rows, block.truth)
            self.detections["given"] += found.n_detections
            self.detections["below_floor"] += found.n_below_floor
            tallying.add(found.rows)
            table = to_arrow(found.rows, CROP_COLUMNS)
            pq.write_table(table, self._path(number), compression="zstd", compression_level=1)
            self._blocks.append((len(found.rows), block.images, block.first))
            give_back()
        self.tally = tallying.done()
        self.decide(None)

    def decide(self, phash: Mapping[str, npt.NDArray[Any]] | None) -> None:
        """Settles which crops are thinned out and left out, and where the others stand."""
        self._status = self.tally.status(self._spec, phash)
        counts = self.tally.counts(self._status)
        self.layout = Layout(counts, self._spec.encoding.ending)

    @property
    def n_pairs(self) -> int:
        """Number of pairs that the detector's error is measured on; 0: too few to say."""
        return len(self._errors.errors) if self._errors.is_measured else 0

    @property
    def priors(self) -> Mapping[str, Mapping[str, Any]]:
        """As `Tally.priors`."""
        return self.tally.priors(self._status)

    def digest(self) -> str:
        """What tells the rows of this plan from any other."""
        digest = hashlib.sha256()
        for block in self:
            digest.update(digest_of(block.rows))
        return digest.hexdigest()

    @property
    def n_images(self) -> list[int]:
        """Number of images of each block."""
        return [len(images) for _, images, first in self._blocks if first is not None]

    def __iter__(self) -> Iterator[PlannedBlock]:
        """The blocks with status, rectangles and paths settled."""
        start = 0
        for number, (n_rows, images, first) in enumerate(self._blocks):
            rows = from_arrow(pq.read_table(self._path(number)), CROP_COLUMNS)
            status = self._status.iloc[start : start + n_rows].to_numpy(object)
            gone = ~pd.isna(status)
            if gone.any():
                why = pd.Series(status[gone]).map(_WHY).to_numpy(object)
                rows.loc[gone, "status"] = status[gone]
                rows.loc[gone, "reason"] = why
            rows = with_rectangles(rows, self._spec, self._errors.drawn_from)
            yield PlannedBlock(self._with_paths(rows), images, first)
            start += n_rows
            give_back()

    def _with_paths(self, rows: pd.DataFrame) -> pd.DataFrame:
        made = (rows["status"] == "made").to_numpy(bool)
        own = rows[made]
        columns = own["split"].fillna(""), words(own), is_aside(own), own["crop_id"]
        paths = with_none(rows["path"])
        paths[made] = self.layout.paths(*columns)
        return rows.assign(path=text_array(paths))

    def _path(self, number: int) -> Path:
        return self._folder / f"rows-{number:06d}.parquet"


def digest_of(rows: pd.DataFrame) -> bytes:
    """The sha256 of planned rows."""
    sink = pa.BufferOutputStream()
    table = to_arrow(rows, CROP_COLUMNS)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return hashlib.sha256(sink.getvalue()).digest()
