"""What a planted fault is: its levels, where it is planted, and what must be found of it.

Nothing here or beside it knows the checks: limits are constants copied by hand from the manual
pages (`curate explain CODE`) and from the definitions in `rules/`, each where it is used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from curate.boxes import touching_pairs
from curate.dataset import Dataset
from curate.tables import BOX_COLUMNS, key_hashes, make_table

Rng = np.random.Generator
Kind = Literal["deterministic", "statistical"]
Edges = tuple[float, float, float, float]
EDGES = ["x1", "y1", "x2", "y2"]
INSIDE = ("box", "polygon", "mask")
# Fewer than the 20 boxes of one file that become one finding by the manual of findings.
N_UNITS = 6


class NotHereError(Exception):
    """The fault cannot be planted in this set: what it needs is not there."""


@dataclass(frozen=True)
class Unit:
    """One planted fault: its boxes are members of its finding, whose message holds the word."""

    boxes: tuple[int, ...] = ()
    word: str = ""


@dataclass(frozen=True)
class Level:
    """One magnitude of a fault.

    `is_fault` None: at the limit of a statistical check, where either verdict is right. `made_only`
    levels lie exactly at a limit, which only the whole numbers of a made set can hit.
    """

    value: float
    is_fault: bool | None
    made_only: bool = False


Levels = tuple[Level, ...]


@dataclass(frozen=True)
class Bed:
    """A set to plant in."""

    name: str
    dataset: Dataset
    is_made: bool = True

    @cached_property
    def edges(self) -> np.ndarray:
        """(N, 4) px."""
        return self.dataset.boxes[EDGES].to_numpy(np.float64)

    @cached_property
    def ids(self) -> np.ndarray:
        """(N,) box ids."""
        return self.dataset.boxes["box_id"].to_numpy(np.int64)

    @cached_property
    def row_of(self) -> dict[int, int]:
        """Row of each box id."""
        return {box: row for row, box in enumerate(self.ids.tolist())}

    @cached_property
    def image_row(self) -> np.ndarray:
        """(N,) row of each box's image."""
        index = pd.Index(self.dataset.images["image_id"].to_numpy(np.int64))
        return index.get_indexer(self.dataset.boxes["image_id"].to_numpy(np.int64))

    @cached_property
    def size(self) -> np.ndarray:
        """(N, 2) width and height of each box's image, px."""
        sides = self.dataset.images[["width", "height"]].to_numpy(np.float64, na_value=np.nan)
        return sides[self.image_row]

    @cached_property
    def is_sound(self) -> np.ndarray:
        """(N,) whether a box is a label with an inside, a class and a place in its image."""
        boxes, edges = self.dataset.boxes, self.edges
        sound = boxes["shape"].isin(INSIDE) & (boxes["role"] == "include") & boxes["label"].notna()
        sound &= (boxes["origin"] != "detector") & ~boxes["is_group"].fillna(value=False)
        # Of an image of unknown size nothing is known to lie outside.
        inside = (edges[:, :2] >= 0).all(axis=1) & ~(edges[:, 2:] > self.size).any(axis=1)
        return sound.to_numpy(bool) & inside & (edges[:, 2:] > edges[:, :2]).all(axis=1)

    @cached_property
    def is_alone(self) -> np.ndarray:
        """(N,) whether a sound box overlaps no other box of its image."""
        finite = np.flatnonzero(np.isfinite(self.edges).all(axis=1))
        edges, touched = self.edges[finite], np.zeros(len(self.ids), bool)
        for i, j in touching_pairs(self.image_row[finite].astype(np.int64), edges, 1 << 16):
            meet = np.minimum(edges[i, 2:], edges[j, 2:]) > np.maximum(edges[i, :2], edges[j, :2])
            both = meet.all(axis=1)
            touched[finite[i[both]]] = touched[finite[j[both]]] = True
        return self.is_sound & ~touched

    @cached_property
    def records(self) -> dict[int, dict[str, Any]]:
        """The JSON record of each box of COCO files, by box id."""
        boxes, found = self.dataset.boxes, {}
        rows = zip(boxes["box_id"], boxes["file"], boxes["start"], boxes["end"], strict=True)
        bodies = {file: self.dataset.sources.read(file) for file in boxes["file"].unique()}
        for box, file, start, end in rows:
            found[int(box)] = json.loads(bodies[file][int(start) : int(end)])
        return found

    def pick(
        self, rng: Rng, avoid: frozenset[int], wanted: np.ndarray, n: int = N_UNITS
    ) -> list[int]:
        """Ids of some boxes of a mask, at most one of each image, in an order of chance.

        Raises
        ------
        NotHereError
            When there is none.
        """
        rows = np.flatnonzero(wanted & ~np.isin(self.ids, list(avoid)))
        rows = rng.permutation(rows)
        _, first = np.unique(self.image_row[rows], return_index=True)
        chosen = rows[np.sort(first)[:n]]
        if not len(chosen):
            raise NotHereError(f"{self.name} has no box for it")
        return self.ids[chosen].tolist()

    @cached_property
    def has_size(self) -> np.ndarray:
        """(N,) whether the size of a box's image is known."""
        return np.isfinite(self.size).all(axis=1)

    def sides_from(self, least_px: float) -> np.ndarray:
        """(N,) whether both sides of a box are at least so long."""
        return (self.edges[:, 2:] - self.edges[:, :2] >= least_px).all(axis=1)


Planted = tuple[Dataset, tuple[Unit, ...]]
Plant = Callable[[Bed, Rng, float, frozenset[int]], Planted]


@dataclass(frozen=True)
class Planter:
    """How one kind of fault is planted.

    Parameters
    ----------
    code, name
        The code that must tell it, and what is planted.
    unit
        Of the levels' values.
    levels
        Magnitudes and the verdict that the manual page promises.
    plant
        Gives the set with faults of one level, and what must be found; `avoid` are boxes that are
        reported before.
    bed
        Name of the made set that has what it needs.
    real
        Names of the real sets to try too.
    definitions, vocabulary
        Definitions that the audit needs beside (empty: none), and the words of their mapping
        (None: those that fit best).
    is_of_set
        Whether one finding stands for the whole set, so that it is planted only where none was.
    """

    code: str
    name: str
    unit: str
    levels: tuple[Level, ...]
    plant: Plant
    bed: str = "plain"
    kind: Kind = "deterministic"
    real: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    vocabulary: str | None = None
    is_of_set: bool = False


def above(limit: float, below: Sequence[float], beyond: Sequence[float], *, at: bool) -> Levels:
    """Levels of a fault that is one above its limit; `at`: whether it is one at the limit."""
    return (
        *(Level(value, is_fault=False) for value in below),
        Level(limit, is_fault=at, made_only=True),
        *(Level(value, is_fault=True) for value in beyond),
    )


def below(limit: float, over: Sequence[float], under: Sequence[float], *, at: bool) -> Levels:
    """Levels of a fault that is one below its limit; `at`: whether it is one at the limit."""
    return (
        *(Level(value, is_fault=False) for value in over),
        Level(limit, is_fault=at, made_only=True),
        *(Level(value, is_fault=True) for value in under),
    )


def words(faults: Sequence[float], sound: Sequence[float]) -> Levels:
    """Levels of a fault that is there or is not."""
    return (
        *(Level(value, is_fault=False) for value in sound),
        *(Level(value, is_fault=True) for value in faults),
    )


def times(sound: Sequence[float], faults: Sequence[float]) -> Levels:
    """Levels of a statistical check, as shares of its limit."""
    return (
        *(Level(value, is_fault=False) for value in sound),
        Level(1.0, is_fault=None),
        *(Level(value, is_fault=True) for value in faults),
    )


class Edit:
    """A set while it is changed: boxes get other values, come and go."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.boxes = bed.dataset.boxes.copy()
        self.added: list[dict[str, Any]] = []
        self.dropped: list[int] = []

    def edges(self, box: int) -> Edges:
        """The edges of a box as they were, px."""
        x1, y1, x2, y2 = self.bed.edges[self.bed.row_of[box]].tolist()
        return x1, y1, x2, y2

    def size(self, box: int) -> tuple[float, float]:
        """Width and height of its image, px."""
        width, height = self.bed.size[self.bed.row_of[box]].tolist()
        return width, height

    def set(self, box: int, edges: Edges | None = None, **columns: object) -> int:
        """Gives a box other edges and values; None is null."""
        row = self.bed.row_of[box]
        if edges is not None:
            columns |= dict(zip(EDGES, edges, strict=True))
        for name, value in columns.items():
            self.boxes.loc[row, name] = pd.NA if value is None else value
        return box

    def add(self, like: int, edges: Edges, **columns: object) -> int:
        """The id of a new box on the image of another, of its class and flags unless told."""
        row = self.boxes.iloc[self.bed.row_of[like]]
        values = {name: None if pd.isna(value) else value for name, value in row.items()}
        for name in ("start", "end", "line", "source_id", "declared_area", "track_id"):
            values[name] = None
        key = f"planted/{len(self.added)}/{like}"
        values |= {"shape": "box", "box_id": int(key_hashes([key])[0])}
        values |= dict(zip(EDGES, edges, strict=True)) | columns
        self.added.append(values)
        return int(values["box_id"])

    def drop(self, boxes: Sequence[int]) -> None:
        """Takes boxes away."""
        self.dropped += boxes

    def done(self) -> Dataset:
        """The changed set."""
        table = self.boxes
        if self.dropped:
            table = table[~table["box_id"].isin(self.dropped)]
        if self.added:
            values = {name: [one[name] for one in self.added] for name in BOX_COLUMNS}
            for name in (n for n, column in BOX_COLUMNS.items() if column.dtype == "float64"):
                values[name] = [math.nan if value is None else value for value in values[name]]
            new = make_table(BOX_COLUMNS, len(self.added), values)
            table = pd.concat([table, new], ignore_index=True)
        return self.bed.dataset.with_tables(boxes=table)


def units(boxes: Sequence[int]) -> tuple[Unit, ...]:
    """A unit for each box."""
    return tuple(Unit((box,)) for box in boxes)
