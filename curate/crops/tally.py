"""A few numbers of every row of a plan: what the mix, thinning and the layout go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.crops.mixing import left_out, priors
from curate.crops.planning import EDGES, crop_hashes, is_aside, kinds, words
from curate.crops.spec import CropSpec
from curate.crops.thinning import Alike, thinned

THINNED, LEFT_OUT = "thinned", "left_out"
_NO_TRACK = -1


class Codes:
    """Small numbers for rows of texts, in the order in which they first come."""

    def __init__(self) -> None:
        self._of: dict[tuple[Any, ...], int] = {}

    def of(self, *columns: Any) -> npt.NDArray[np.int32]:  # arrays or series of one length
        """(N,) int32: the number of each row of some columns."""
        table = pd.DataFrame(dict(enumerate(columns)))
        group = table.groupby(list(table.columns), sort=False, dropna=False)
        first = table[group.cumcount() == 0]
        of = self._of
        numbers = [of.setdefault(row, len(of)) for row in first.itertuples(index=False, name=None)]
        return np.array(numbers, np.int32)[group.ngroup()] if len(table) else np.zeros(0, np.int32)

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The row of each number."""
        return list(self._of)


@dataclass(frozen=True)
class Tally:
    """(N rows) of a plan: `crop`, `kind`, `made`, `place`, `track`, `scene`, `score` ...

    `places` are split, whether aside, and label or outcome, by the numbers of `place`.
    """

    table: pd.DataFrame
    places: list[tuple[str, bool, str]]

    def status(
        self, spec: CropSpec, phash: Mapping[str, npt.NDArray[Any]] | None
    ) -> pd.Series[Any]:
        """(N,) the status of rows that the thinning or the mix takes out; null for the others.

        Parameters
        ----------
        phash
            `crop` (sorted) and `phash`, uint64 both, of the crops that could be cut; None where
            nothing is thinned.
        """
        table = self.table
        status = pd.Series(np.full(len(table), None, object))
        made = table["made"].to_numpy(bool, copy=True)
        if spec.thin is not None and phash is not None:
            crops = table["crop"].to_numpy()
            at = np.minimum(np.searchsorted(phash["crop"], crops), max(len(phash["crop"]) - 1, 0))
            is_seen = made & (phash["crop"][at] == crops) if len(phash["crop"]) else made & False
            rows = np.flatnonzero(is_seen)
            gone = rows[thinned(_alike(table.iloc[rows], phash["phash"][at[rows]]), spec.thin)]
            status[gone] = THINNED
            made[gone] = False
        if spec.mix is not None:
            own = table.iloc[np.flatnonzero(made)]
            gone_too = left_out(
                own["crop"].to_numpy().view(np.int64),
                own["kind"].to_numpy(),
                self._splits(own),
                spec.mix,
                spec.seed,
            )
            status[own.index[gone_too]] = LEFT_OUT
        return status

    def counts(self, status: pd.Series[Any]) -> Counter[tuple[str, bool, str]]:
        """Number of crops to be made, by place."""
        taken = self.table["made"].to_numpy(bool) & status.isna().to_numpy(bool)
        numbers = np.bincount(self.table["place"].to_numpy()[taken], minlength=len(self.places))
        return Counter({p: int(n) for p, n in zip(self.places, numbers, strict=True) if n})

    def priors(self, status: pd.Series[Any]) -> Mapping[str, Mapping[str, Any]]:
        """As `curate.crops.mixing.priors`; natural are all crops that could be made."""
        own = self.table[self.table["made"].to_numpy(bool)]
        taken = status[own.index].isna().to_numpy(bool)
        return priors(own["kind"].to_numpy(), self._splits(own), taken)

    def _splits(self, table: pd.DataFrame) -> npt.NDArray[np.str_]:
        names = np.array([split for split, _, _ in self.places] or [""], np.str_)
        splits: npt.NDArray[np.str_] = names[table["place"].to_numpy()]
        return splits


def _alike(table: pd.DataFrame, phash: npt.NDArray[np.uint64]) -> Alike:
    return Alike(
        crop=table["crop"].to_numpy().view(np.int64),
        phash=phash,
        track=table["track"].to_numpy(np.int64),
        scene=table["scene"].to_numpy(np.int64),
        score=table["score"].to_numpy(),
        area=table["area"].to_numpy(),
        frame=table["frame"].to_numpy(),
    )


class Tallying:
    """Makes a tally from the rows of one block after the other."""

    def __init__(self) -> None:
        self._parts: list[pd.DataFrame] = []
        self._places, self._tracks, self._scenes = Codes(), Codes(), Codes()

    def add(self, rows: pd.DataFrame) -> None:
        """Takes in the rows of a block."""
        split, word = rows["split"].fillna("").to_numpy(object), words(rows)
        group, track = rows["group"].fillna(""), rows["track_id"]
        tracks = self._tracks.of(split, group, track.fillna(""), word)
        x1, y1, x2, y2 = (rows[edge].to_numpy(np.float64) for edge in EDGES)
        part = {
            "crop": crop_hashes(rows["crop_id"]),
            "kind": kinds(rows),
            "made": (rows["status"] == "made").to_numpy(bool),
            "place": self._places.of(split, is_aside(rows), word),
            "track": np.where(track.isna(), _NO_TRACK, tracks),
            "scene": self._scenes.of(split, group, word),
            "score": rows["score"].to_numpy(np.float64),
            "area": (x2 - x1) * (y2 - y1),
            "frame": rows["frame"].fillna(0).to_numpy(np.int64),
        }
        self._parts.append(pd.DataFrame(part))

    def done(self) -> Tally:
        """The tally of all blocks."""
        table = pd.concat(self._parts, ignore_index=True)
        self._parts.clear()
        return Tally(table, self._places.rows)
