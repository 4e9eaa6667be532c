"""Image rows by image id, ids as small numbers, and columns of numbers, for many records."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

Rows = np.ndarray[Any, np.dtype[np.int64]]
Numbers = np.ndarray[Any, np.dtype[np.int32]]
Key = int | str | None  # an id as a record has it
# An array over all ids up to the largest is made when it has at most so many places per id.
_PLACES_PER_ID = 64


class Codes(dict[Key, int]):
    """A small number for each id, in the order of appearance."""

    def __missing__(self, key: Key) -> int:
        code = self[key] = len(self)
        return code

    def of(self, ids: Sequence[Any]) -> Numbers:  # ids as COCO has them
        """(N,) int32: the number of each id."""
        return np.fromiter(map(self.__getitem__, ids), np.int32, len(ids))


class RowOf(dict[int | str, int]):
    """Image row by image id; -1 for an id that is not listed."""

    def __missing__(self, key: object) -> int:
        return -1

    def rows(self, ids: Sequence[Any]) -> Rows:  # ids as COCO has them
        """(N,) int64: the row of each id; -1 for those that are not listed.

        All images must be there already: the first call prepares the search.
        """
        table = self._table
        if table is None or not set(map(type, ids)) <= {int}:
            return np.fromiter(map(self.__getitem__, ids), np.int64, len(ids))
        wanted = np.fromiter(ids, np.int64, len(ids))
        # The last place belongs to no id.
        return table[np.where((wanted >= 0) & (wanted < len(table)), wanted, -1)]

    @cached_property
    def _table(self) -> Rows | None:
        """Row by id, ids in no order make a dict miss the cache; None for ids that do not fit."""
        if not self or set(map(type, self)) != {int}:
            return None
        ids = np.fromiter(self, np.int64, len(self))
        if ids.min() < 0 or ids.max() > _PLACES_PER_ID * len(ids):
            return None
        table = np.full(int(ids.max()) + 2, -1, np.int64)
        table[ids] = np.fromiter(self.values(), np.int64, len(ids))
        return table


def _float(value: float | None) -> float:
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.nan


def floats(values: list[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(N,) float64 of numbers, NaN for None."""
    try:
        return np.fromiter(values, np.float64, len(values))
    except (TypeError, OverflowError):
        # None becomes NaN, and so does a whole number beyond any float.
        return np.array([_float(value) for value in values], np.float64)
