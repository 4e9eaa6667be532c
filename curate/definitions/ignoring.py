"""Which objects count neither way when predictions are matched, by the definition in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from curate.boxes import Rows
from curate.dataset import Dataset
from curate.definitions.columns import BoxColumns, Masks
from curate.definitions.evaluation import truth
from curate.definitions.model import Definition, Excepted

_UNDECIDED = ("ignore", "review")
_NO_ROW = -1
# Columns that are measured on outlines and keypoints, for which the kept bytes are read again.
_MEASURED_ON = ("mask_", "keypoint_")


@dataclass(frozen=True, eq=False)
class Ignored:
    """Which of N boxes count neither way, and why.

    Parameters
    ----------
    is_ignored
        (N,) bool.
    row
        (N,) int64: the first row of `ignored_when` that ignores a box which its role and its
        missing class do not; -1: none.
    rows
        The rows of `ignored_when`.
    definition
        The id of the definition that states them.
    """

    is_ignored: Masks
    row: Rows
    rows: tuple[Excepted, ...]
    definition: str

    def told(self, among: Masks) -> list[str]:
        """How many of some boxes, (N,) bool, each row ignores, and why; rows of none are left out.

        A box is counted once, for the first row that ignores it.
        """
        counts = np.bincount(self.row[among & (self.row != _NO_ROW)], minlength=len(self.rows))
        return [
            f"{n} objects are ignored by {self.definition}: {row.because} ({row.when.text})"
            for n, row in zip(counts.tolist(), self.rows, strict=True)
            if n
        ]


def ignored_by(
    definition: Definition, dataset: Dataset, derive: Callable[[Dataset], pd.DataFrame | None]
) -> Ignored:
    """Which boxes count neither way: by their role, without a class, by a row of `ignored_when`.

    A row whose expression is unknown for a box does not ignore it.

    Parameters
    ----------
    definition
        Of kind `matching`.
    dataset
        All N boxes: the visible and the full box of one object are two of them.
    derive
        Measures outlines and keypoints (`curate.formats.derived`); called if a row reads them.
    """
    rows = definition.ignored_when
    names = {name for row in rows for name in row.when.names}
    is_measured = any(name.startswith(_MEASURED_ON) for name in names)
    columns = BoxColumns(dataset, derive(dataset) if is_measured else None)
    boxes = dataset.boxes
    is_ignored: Masks = (boxes["role"].isin(_UNDECIDED) | boxes["label"].isna()).to_numpy(bool)
    of_box = np.full(len(boxes), _NO_ROW)
    for number, row in enumerate(rows):
        is_new = truth(row.when, columns, len(boxes))[0] & ~is_ignored
        of_box[is_new] = number
        is_ignored = is_ignored | is_new
    return Ignored(is_ignored, of_box, rows, definition.id)
