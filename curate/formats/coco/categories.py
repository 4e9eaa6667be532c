"""Changes of the classes table written into the `categories` of a COCO annotation file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from curate.formats.coco.make import number_of
from curate.formats.coco.records import Category, decode_all
from curate.formats.json_document import Document
from curate.formats.json_splice import Edit, array_edits, field_edits
from curate.formats.writing import Lost

_STILL_USED = "taken out of the table, but boxes have it: its category stays"
_SAME_NAME = "new, under a name that the file lists already"
_NO_NAME = "no name: COCO demands one"

Id = int | str


@dataclass
class _List:
    """The categories of a file while they change: class ids by label, edits, what stays."""

    document: Document
    used: Collection[str]
    lost: Lost
    spans: dict[Id, tuple[int, int, int]]  # record, start and end of each class, by its id
    taken: set[Id]  # all ids, also of records that are no class
    keep: np.ndarray[Any, np.dtype[np.bool_]]
    ids: dict[str, Id] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    fresh: list[dict[str, Any]] = field(default_factory=list)  # JSON values

    def add(self, label: str, wanted: Id | None, parent: str | None) -> None:
        """A category for the label, under the wanted id where it is free."""
        if wanted is None or wanted in self.taken:
            wanted = max((v for v in self.taken if isinstance(v, int)), default=0) + 1
        self.taken.add(wanted)
        self.ids[label] = wanted
        above = {} if parent is None else {"supercategory": parent}
        self.fresh.append({"id": wanted, "name": label} | above)


def category_edits(
    document: Document,
    old: pd.DataFrame,
    new: pd.DataFrame,
    used: Collection[str],
    lost: Lost,
) -> tuple[list[Edit], dict[str, Id]]:
    """The edits of a file's `categories`, and its class ids by label once they are done.

    Parameters
    ----------
    document
        The annotation file.
    old, new
        Its rows of the classes table, as read and as they are now; matched by `source_id`.
    used
        Labels that boxes of the file have, or will have. A class that is not listed is added; one
        that is no longer in the table stays while it is used.
    lost
        Counts what cannot be written.
    """
    work = _opened(document, used, lost)
    before = {number_of(row[0]): row[1:] for row in _rows(old) if row[0] is not None}
    work.ids = {str(label): number for number, (label, _) in before.items()}
    seen: set[Id] = set()
    added = []
    for own_id, label, parent in _rows(new):
        number = None if own_id is None else number_of(own_id)
        if number is None or number not in before or number in seen:
            added.append((number, label, parent))
            continue
        seen.add(number)
        _change(work, number, before[number], (label, parent))
    for number in [number for number in before if number not in seen]:
        _remove(work, number, str(before[number][0]))
    for number, label, parent in added:
        if label is None or label in work.ids:
            lost["classes", _NO_NAME if label is None else _SAME_NAME] += 1
        else:
            work.add(label, number, parent)
    for label in sorted(set(used) - set(work.ids)):
        work.add(label, None, None)
    return work.edits + array_edits(document, "categories", work.keep, work.fresh), work.ids


def _rows(classes: pd.DataFrame) -> list[tuple[str | None, ...]]:
    """Id, label and class above of each class; null as None."""
    columns = classes[["source_id", "label", "supercategory"]].astype(object)
    return list(columns.where(columns.notna(), None).itertuples(index=False, name=None))


def _opened(document: Document, used: Collection[str], lost: Lost) -> _List:
    records = document.records("categories")
    if records is None:
        return _List(document, used, lost, {}, set(), np.ones(0, np.bool_))
    categories, _ = decode_all(records, document, Category, 0, len(records))
    spans: dict[Id, tuple[int, int, int]] = {}
    places = zip(records.starts.tolist(), records.ends.tolist(), strict=True)
    for row, (category, (start, end)) in enumerate(zip(categories, places, strict=True)):
        # As the reader takes them: whole, and of one id the first.
        if category.id is not None and category.name is not None:
            spans.setdefault(number_of(str(category.id)), (row, start, end))
    taken = {number_of(str(c.id)) for c in categories if c.id is not None}
    return _List(document, used, lost, spans, taken, np.ones(len(records), np.bool_))


def _change(
    work: _List, number: Id, before: tuple[str | None, ...], now: tuple[str | None, ...]
) -> None:
    values: dict[str, object] = {}
    (old_label, old_parent), (label, parent) = before, now
    if label is None:
        work.lost["classes.label", _NO_NAME] += 1
    elif label != old_label:
        values["name"] = label
        # Under its old name it is still found by boxes that have kept that.
        if work.ids.get(str(old_label)) == number and old_label not in work.used:
            del work.ids[str(old_label)]
        work.ids[label] = number
    if parent != old_parent:
        values["supercategory"] = parent
    if values:
        _, start, end = work.spans[number]
        work.edits += field_edits(work.document, start, end, values)


def _remove(work: _List, number: Id, label: str) -> None:
    if label in work.used:
        work.lost["classes", _STILL_USED] += 1
        return
    work.keep[work.spans[number][0]] = False
    if work.ids.get(label) == number:
        del work.ids[label]
