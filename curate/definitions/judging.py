"""What clauses say of the records of a dataset: which do not meet them, and by how much."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from curate.boxes import Floats, Rows
from curate.definitions.columns import (
    BoxColumns,
    Masks,
    image_part,
    is_predicted,
    numbers,
    taken,
)
from curate.definitions.evaluation import Values, from_column, truth
from curate.definitions.excess import excess_of
from curate.definitions.expressions import Expression
from curate.definitions.mapping import Mapped
from curate.definitions.model import Clause, Definitions
from curate.definitions.pairing import (
    PairBlock,
    Paired,
    copy_blocks,
    families,
    pair_blocks,
    paired,
)
from curate.definitions.records import Record
from curate.definitions.tracking import Tracks, tracks
from curate.progress import track


@dataclass(frozen=True)
class Outcome:
    """What one clause says of all its records.

    Parameters
    ----------
    n_judged
        Records that the clause is about.
    members
        (M,) rows of the boxes table, record after record.
    ends
        (H,) where the members of each record end.
    is_unknown
        (H,) whether the check could not be told.
    excess
        (H,) by how much the check is missed, as a share of the limit (of a limit of 0: in the
        unit of what it compares); NaN: it compares no numbers.
    values
        The columns that the clause's check reads, of these records; of a question those that make
        its strata.
    scope
        (N,) the boxes that the clause speaks of; None: it is not about boxes.
    images
        (H,) row of the image, for clauses about images; None for others.
    """

    clause: Clause
    n_judged: int
    members: Rows
    ends: Rows
    is_unknown: Masks
    excess: Floats
    values: Mapping[str, Values]
    scope: Masks | None = None
    images: Rows | None = None

    def __len__(self) -> int:
        return len(self.ends)


class Columns(Mapping[str, Values]):
    """Columns of records that are made when an expression reads them."""

    def __init__(self, make: Callable[[str], Values]) -> None:
        self._make = make
        self._made: dict[str, Values] = {}

    def __getitem__(self, name: str) -> Values:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def judge(mapped: Mapped, definitions: Definitions) -> list[Outcome]:
    """What each clause says, in the order of the clauses.

    Boxes that the mapping excludes, and shapes without an inside, are judged by no clause about
    boxes, predictions, pairs or relations.
    """
    records = _Records(mapped, definitions)
    clauses = definitions.clauses
    found = records.pairs([clause for clause in clauses if clause.record == "pair"])
    rest = [clause for clause in clauses if clause.record != "pair"]
    for clause in track(rest, len(rest), "clauses"):
        found[clause.id] = records.outcome(clause)
    return [found[clause.id] for clause in clauses]


def failing(
    clause: Clause, columns: Mapping[str, Values], n_rows: int, among: Masks | None = None
) -> tuple[Masks, Masks, Masks]:
    """(N,) which records do not meet a clause, of which it is unknown, and which it is about.

    What the clause's `missing` lets pass is in neither of the first two. A clause without a check
    is a question about all its records: they are all in the second.
    """
    concerned = np.ones(n_rows, np.bool_) if among is None else among.copy()
    if clause.when is not None:
        concerned &= truth(clause.when, columns, n_rows)[0]
    for excepted in clause.exceptions:
        concerned &= ~truth(excepted.when, columns, n_rows)[0]
    nothing = np.zeros(n_rows, np.bool_)
    if clause.check is None:
        return nothing, concerned, concerned
    if not concerned.any():
        return nothing, nothing, concerned
    is_true, is_unknown = truth(clause.check, columns, n_rows)
    fails = concerned & ~is_true & ~is_unknown
    unknown = concerned & is_unknown & (clause.missing in ("fail", "review"))
    return fails, unknown, concerned


def links_boxes(clause: Clause) -> bool:
    """Whether the pairs that do not meet a clause link boxes of one place.

    IoU is the same both ways. A share of one box in the other is not: of many small boxes in a
    large one each is a case of its own.
    """
    if clause.record != "pair" or clause.check is None:
        return False
    return "iou" in clause.check.names and clause.check.names.isdisjoint({"ioa_a", "ioa_b"})


class _Records:
    """The records of one dataset, each kind made once."""

    def __init__(self, mapped: Mapped, definitions: Definitions) -> None:
        self._boxes: BoxColumns = mapped.columns
        self._dataset = mapped.columns.dataset
        self._usable = ~mapped.is_excluded & self._boxes.has_inside
        self._allowed = definitions.allowed_pairs
        self._scopes: dict[tuple[Record, Expression | None, bool], Masks] = {}

    def outcome(self, clause: Clause) -> Outcome:
        """What a clause about anything but pairs says."""
        if clause.record in ("box", "prediction"):
            return self._of_boxes(clause)
        if clause.record == "relation":
            return self._of_relation(clause)
        if clause.record == "image":
            return self._of_images(clause)
        if clause.record == "track":
            return self._of_tracks(clause)
        return self._of_dataset(clause)

    def _in_scope(self, clause: Clause) -> Masks:
        """(N,) the boxes that a clause speaks of."""
        # Not by the scope's words: of two definitions they may read other parameters.
        kind = (clause.record, clause.scope, links_boxes(clause))
        if kind not in self._scopes:
            among = self._usable
            if clause.scope is not None:
                among = among & truth(clause.scope, self._boxes, self._boxes.n_rows)[0]
            if clause.record == "prediction":
                among = among & is_predicted(self._boxes)
            elif clause.record == "box":
                # What annotators drew: what a detector gives has clauses of its own.
                among = among & ~is_predicted(self._boxes)
            if clause.record == "pair":
                compared = self._paired.is_in.copy()
                # Copies are compared with their stand-ins where that tells no case of its own.
                compared[self._paired.copies] = links_boxes(clause)
                among = among & compared
            self._scopes[kind] = among
        return self._scopes[kind]

    @cached_property
    def _paired(self) -> Paired:
        return paired(self._boxes, self._usable)

    def _of_boxes(self, clause: Clause) -> Outcome:
        among = self._in_scope(clause)
        fails, unknown, judged = failing(clause, self._boxes, self._boxes.n_rows, among)
        rows = np.flatnonzero(fails | unknown)
        found = _outcome(
            clause,
            judged,
            (rows, np.arange(1, len(rows) + 1)),
            unknown[rows],
            Columns(lambda name: taken(self._boxes[name], rows)),
        )
        return replace(found, scope=among)

    def pairs(self, clauses: list[Clause]) -> dict[str, Outcome]:
        """What clauses about pairs say, by id: each pair once, whichever way round it fails."""
        found: dict[str, list[Outcome]] = {clause.id: [] for clause in clauses}
        if clauses:
            self._judge_pairs(pair_blocks(self._boxes, self._paired.is_in), clauses, found)
        linking = [clause for clause in clauses if links_boxes(clause)]
        if linking:
            self._judge_pairs(copy_blocks(self._boxes, self._paired), linking, found)
        return {
            clause.id: replace(_joined(clause, found[clause.id]), scope=self._in_scope(clause))
            for clause in clauses
        }

    def _judge_pairs(
        self, blocks: Iterator[PairBlock], clauses: list[Clause], found: dict[str, list[Outcome]]
    ) -> None:
        for block in blocks:
            ways = (block, block.turned())
            columns = [self._pair_columns(way) for way in ways]
            for clause in clauses:
                found[clause.id].append(self._of_pairs(clause, ways, columns))

    def _of_pairs(
        self, clause: Clause, ways: tuple[PairBlock, PairBlock], columns: list[Columns]
    ) -> Outcome:
        scope = self._in_scope(clause)
        among = scope[ways[0].a] & scope[ways[0].b]
        fails, unknown, judged = failing(clause, columns[0], len(among), among)
        other_fails, other_unknown, other_judged = failing(clause, columns[1], len(among), among)
        # What is known to be wrong one way counts more than what is unknown the other way.
        first = fails | (unknown & ~other_fails)
        swapped = (other_fails | other_unknown) & ~first
        rows = [np.flatnonzero(first), np.flatnonzero(swapped)]
        a, b = (
            np.concatenate([getattr(way, side)[r] for way, r in zip(ways, rows, strict=True)])
            for side in ("a", "b")
        )
        return _outcome(
            clause,
            judged | other_judged,
            (np.column_stack([a, b]).ravel(), 2 * np.arange(1, len(a) + 1)),
            np.concatenate([~fails[rows[0]], ~other_fails[rows[1]]]),
            Columns(
                lambda name: _stacked(
                    [taken(way[name], r) for way, r in zip(columns, rows, strict=True)]
                )
            ),
        )

    def _pair_columns(self, block: PairBlock) -> Columns:
        def make(name: str) -> Values:
            if name in ("iou", "ioa_a", "ioa_b"):
                return numbers(getattr(block, name))
            if name == "pair_allowed":
                return self._pair_allowed(block)
            if name == "groups_hold_boxes":
                is_coco = self._is_coco[block.a]
                return Values(is_coco, np.ones(len(is_coco), np.bool_))
            if name[:2] in ("a_", "b_"):
                return taken(self._boxes[name[2:]], block.a if name[0] == "a" else block.b)
            return taken(self._boxes[name], block.a)

        return Columns(make)

    def _pair_allowed(self, block: PairBlock) -> Values:
        codes = self._boxes["label"].values
        allowed = self._allowed_labels[codes[block.a], codes[block.b]]
        return Values(allowed, np.ones(len(allowed), np.bool_))

    @cached_property
    def _allowed_labels(self) -> Masks:
        """(words + 1, words + 1) by codes of labels, whether two may share a place."""
        codes = {word: code for code, word in enumerate(self._boxes["label"].words or ())}
        table = np.zeros((len(codes) + 1, len(codes) + 1), np.bool_)
        for first, second in self._allowed:
            if first in codes and second in codes:
                table[codes[first], codes[second]] = table[codes[second], codes[first]] = True
        return table

    def _of_relation(self, clause: Clause) -> Outcome:
        assert clause.sides is not None
        children, parents = (self._labelled(side) for side in clause.sides)
        found = families(self._boxes, children, parents)

        def make(name: str) -> Values:
            if name == "ioa_child":
                return numbers(found.ioa)
            if name == "n_children":
                return found.n_children
            if name == "n_parents":
                return numbers(found.n_parents)
            if name.startswith("parent_"):
                return taken(self._boxes[name.removeprefix("parent_")], found.parent)
            return taken(self._boxes[name.removeprefix("child_")], found.child)

        columns = Columns(make)
        fails, unknown, judged = failing(clause, columns, len(found.child))
        rows = np.flatnonzero(fails | unknown)
        both = np.column_stack([found.child[rows], found.parent[rows]])
        is_there = both >= 0
        return _outcome(
            clause,
            judged,
            (both[is_there], np.cumsum(is_there.sum(axis=1))),
            unknown[rows],
            Columns(lambda name: taken(columns[name], rows)),
        )

    def _labelled(self, label: str) -> Masks:
        labels = self._boxes["label"]
        words = labels.words or ()
        code = words.index(label) if label in words else -2
        is_of_label: Masks = self._usable & (labels.values == code)
        return is_of_label

    def _of_images(self, clause: Clause) -> Outcome:
        images = self._dataset.images
        columns = Columns(lambda name: self._image_columns[name])
        fails, unknown, judged = failing(clause, columns, len(images))
        rows = np.flatnonzero(fails | unknown)
        none = np.zeros(0, np.int64)
        found = _outcome(
            clause,
            judged,
            (none, np.zeros(len(rows), np.int64)),
            unknown[rows],
            Columns(lambda name: taken(columns[name], rows)),
        )
        return replace(found, images=rows)

    @cached_property
    def _image_columns(self) -> dict[str, Values]:
        images, row = self._dataset.images, self._boxes.image_row
        role = self._boxes["role"]
        words = role.words or ()
        counted = {
            "n_boxes": np.ones(len(row), np.bool_),
            "n_included": role.values == (words.index("include") if "include" in words else -2),
            "n_ignored": role.values == (words.index("ignore") if "ignore" in words else -2),
            "n_predicted": is_predicted(self._boxes),
            "n_groups": self._boxes["is_group"].values & self._boxes["is_group"].known,
        }
        counts = {
            name: numbers(np.bincount(row[wanted], minlength=len(images)))
            for name, wanted in counted.items()
        }
        state = from_column(images["label_state"])
        return {**image_part(images), "label_state": state, **counts}

    def _of_tracks(self, clause: Clause) -> Outcome:
        found = self._tracks
        fails, unknown, judged = failing(clause, found.columns, len(found.ends))
        rows = np.flatnonzero(fails | unknown)
        starts = np.append(0, found.ends)[:-1]
        some = [found.members[starts[row] : found.ends[row]] for row in rows.tolist()]
        return _outcome(
            clause,
            judged,
            (
                np.concatenate([np.zeros(0, np.int64), *some]),
                np.cumsum([len(one) for one in some], dtype=np.int64),
            ),
            unknown[rows],
            Columns(lambda name: taken(found.columns[name], rows)),
        )

    @cached_property
    def _tracks(self) -> Tracks:
        return tracks(self._boxes, self._usable)

    def _of_dataset(self, clause: Clause) -> Outcome:
        columns = self._dataset_columns
        fails, unknown, judged = failing(clause, columns, 1)
        rows = np.flatnonzero(fails | unknown)
        none = np.zeros(0, np.int64)
        return _outcome(
            clause,
            judged,
            (none, np.zeros(len(rows), np.int64)),
            unknown[rows],
            Columns(lambda name: taken(columns[name], rows)),
        )

    @cached_property
    def _dataset_columns(self) -> dict[str, Values]:
        boxes = self._dataset.boxes
        roles = pd.Series(self._boxes["role"].values).value_counts()
        words = self._boxes["role"].words or ()
        counts = {word: int(roles.get(code, 0)) for code, word in enumerate(words)}
        labels = self._boxes["label"].values[self._usable]
        values: dict[str, Any] = {
            "n_images": len(self._dataset.images),
            "n_boxes": len(boxes),
            "n_included": counts.get("include", 0),
            "n_ignored": counts.get("ignore", 0),
            "n_excluded": counts.get("exclude", 0),
            "n_groups": int((self._boxes["is_group"].values).sum()),
            "n_classes": len(np.unique(labels[labels >= 0])),
            "n_predictions": int(boxes["score"].notna().sum()),
            "n_detectors": self._boxes.n_stated("detector"),
            "min_coco_id": self._min_coco_id(),
        }
        return {name: numbers(np.array([value], np.float64)) for name, value in values.items()}

    @cached_property
    def _is_coco(self) -> Masks:
        """(N,) whether a box stands in a COCO file."""
        codes, files = pd.factorize(self._dataset.boxes["file"])
        formats = self._dataset.formats
        is_coco = np.array([*(formats.get(file) == "coco" for file in files), False], np.bool_)
        of_box: Masks = is_coco[codes]
        return of_box

    def _min_coco_id(self) -> float:
        """The smallest id of an annotation in COCO files; NaN without any."""
        ids = self._dataset.boxes["source_id"][self._is_coco]
        # Ids are whole numbers; texts that are none count as no id.
        whole = ids[ids.str.fullmatch("-?[0-9]{1,18}").to_numpy(bool, na_value=False)]
        return float(whole.astype("int64").min()) if len(whole) else np.nan


def _outcome(
    clause: Clause,
    judged: Masks,
    members: tuple[Rows, Rows],
    is_unknown: Masks,
    columns: Mapping[str, Values],
) -> Outcome:
    """The outcome of records that do not meet a clause; `members` are rows and their ends."""
    n_rows = len(is_unknown)
    check = clause.check
    names = sorted(check.names) if check is not None else []
    if check is None and clause.sample is not None:
        names = list(clause.sample.by)
    return Outcome(
        clause,
        int(np.count_nonzero(judged)),
        members[0].astype(np.int64),
        members[1].astype(np.int64),
        is_unknown,
        excess_of(check, columns, n_rows),
        {name: columns[name] for name in names},
    )


def _joined(clause: Clause, parts: list[Outcome]) -> Outcome:
    """The outcomes of blocks of pairs as one."""
    if not parts:
        none = np.zeros(0, np.int64)
        return Outcome(clause, 0, none, none, none.astype(np.bool_), none.astype(np.float64), {})
    some = [part for part in parts if len(part)] or parts[:1]
    sizes = np.concatenate([np.diff(part.ends, prepend=0) for part in some])
    return Outcome(
        clause,
        sum(part.n_judged for part in parts),
        np.concatenate([part.members for part in some]),
        np.cumsum(sizes),
        np.concatenate([part.is_unknown for part in some]),
        np.concatenate([part.excess for part in some]),
        {name: _stacked([part.values[name] for part in some]) for name in some[0].values},
    )


def _stacked(parts: list[Values]) -> Values:
    values = np.concatenate([part.values for part in parts])
    # All blocks take their texts from one column, with one list of words.
    return Values(values, np.concatenate([part.known for part in parts]), parts[0].words)
