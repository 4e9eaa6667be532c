"""Image rows by image id, and columns of numbers, for many records at once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

Rows = np.ndarray[Any, np.dtype[np.int64]]


class RowOf(dict[int | str, int]):
    """Image row by image id; -1 for an id that is not listed."""

    def __missing__(self, key: object) -> int:
        return -1

    def rows(self, ids: list[Any]) -> Rows:  # ids as COCO has them
        """(N,) int64: the row of each id; -1 for those that are not listed.

        The ids must all be there already: they are sorted once.
        """
        sorted_ids, rows = self._sorted
        if not len(sorted_ids) or set(map(type, ids)) != {int}:
            return np.fromiter(map(self.__getitem__, ids), np.int64, len(ids))
        # A binary search over one small array: ids in no order make a dict miss the cache.
        wanted = np.fromiter(ids, np.int64, len(ids))
        at = np.minimum(np.searchsorted(sorted_ids, wanted), len(sorted_ids) - 1)
        return np.where(sorted_ids[at] == wanted, rows[at], -1)

    @cached_property
    def _sorted(self) -> tuple[Rows, Rows]:
        if set(map(type, self)) != {int}:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        ids = np.fromiter(self, np.int64, len(self))
        order = np.argsort(ids)
        return ids[order], np.fromiter(self.values(), np.int64, len(self))[order]


def _float(value: float | None) -> float:
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.nan


def floats(values: list[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(N,) float64 of numbers, NaN for None."""
    if values.count(None) == len(values):
        return np.full(len(values), np.nan)
    try:
        return np.fromiter(values, np.float64, len(values))
    except (TypeError, OverflowError):
        # None becomes NaN, and so does a whole number beyond any float.
        return np.array([_float(value) for value in values])
