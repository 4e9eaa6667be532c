"""Keys that stand twice in one COCO record: a decoder keeps the last value and loses the others.

Decoding each record once more would double the time. Records of one file mostly have the same keys,
so that counting colons, at the speed of memory, shows which of them may repeat one. What that does
not show: in a file of more than `SMALL_RECORDS` records, a record that repeats one key and lacks
another; and what comes after `MAX_LOOKS` records that are unlike the first.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

from curate.formats.json_document import Document, Records

# Of a file of at most so many records each one is looked at.
SMALL_RECORDS = 500
# Records of a larger file that are looked at, of those with more or fewer colons than the first.
MAX_LOOKS = 5_000
_COLON = ord(":")

Counts = np.ndarray[Any, np.dtype[np.int64]]


class Repeats:
    """Finds repeated keys in the records of one array, part by part."""

    def __init__(self, document: Document, records: Records) -> None:
        self._body = document.body
        self._codes = np.frombuffer(document.text, np.uint8)
        self._records = records
        self._looks = MAX_LOOKS
        self._usual: int | None = None

    def tell(self, first: int, nested: Counts) -> dict[int, str]:
        """What is wrong, in words, by row, in the records from `first` on.

        `nested` is (n,) for the n records of this part: the colons that each has more because of
        what its values are, not of its keys.
        """
        if not len(nested):
            return {}
        rows = self._suspects(first, nested)[: self._looks]
        self._looks -= len(rows)
        found = {}
        # A loop over a small file's records, or over the few that are unlike the others.
        for row in rows.tolist():
            twice = self._twice(row)
            if twice:
                keys = " and ".join(f"the key {key!r} {count} times" for key, count in twice)
                found[row] = f"has {keys}, should have each key once: only the last is read"
        return found

    def _suspects(self, first: int, nested: Counts) -> Counts:
        starts = self._records.starts[first : first + len(nested)]
        ends = self._records.ends[first : first + len(nested)]
        rows = np.arange(first, first + len(nested))
        if len(self._records) <= SMALL_RECORDS:
            return rows
        head = rows[:0]
        if first == 0:
            head = rows[:1]
            # Where the first record itself repeats a key its number of colons proves nothing.
            is_good = not self._twice(0)
            self._usual = self._colons(starts[:1], ends[:1])[0] - nested[0] if is_good else None
        span = self._codes[starts[0] : ends[-1]]
        usual = -1 if self._usual is None else self._usual
        if np.count_nonzero(span == _COLON) == usual * len(nested) + nested.sum():
            return head
        odd = rows[self._colons(starts, ends) - nested != usual]
        return np.union1d(head, odd)

    def _colons(self, starts: Counts, ends: Counts) -> Counts:
        """How many colons each record has."""
        at = starts[0] + np.flatnonzero(self._codes[starts[0] : ends[-1]] == _COLON)
        return np.searchsorted(at, ends) - np.searchsorted(at, starts)

    def _twice(self, row: int) -> list[tuple[str, int]]:
        """The record's own keys that stand there twice or more, and how often."""
        text = self._body[int(self._records.starts[row]) : int(self._records.ends[row])]
        try:
            # The hook's last call is that of the outermost object.
            keys = json.loads(
                text.decode("utf-8", "replace"),
                object_pairs_hook=lambda pairs: [key for key, _ in pairs],
            )
        except (ValueError, RecursionError):
            return []
        if not text.startswith(b"{"):
            return []
        return [(key, count) for key, count in Counter(keys).items() if count > 1]


def repeats(document: Document, records: Records) -> dict[int, str]:
    """What is wrong, in words, by row, in the records of a whole array."""
    return Repeats(document, records).tell(0, np.zeros(len(records), np.int64))
