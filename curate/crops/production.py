"""Making the pictures of a plan: in pieces, by whoever is free, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curate.crops.earlier import Earlier, are_whole, link
from curate.crops.layout import SHARDS, STATE
from curate.crops.pieces import RESULTS, UNREACHED, ImageWork, Piece, work_off
from curate.crops.plan import Plan, PlannedBlock, digest_of
from curate.crops.preparing import PIECE_IMAGES, Preparing, key_of
from curate.crops.workfolder import PARTS
from curate.fanout import spread
from curate.progress import track
from curate.stores import Store

PHASHES = f"{STATE}/phashes"


@dataclass(frozen=True)
class Hands:
    """Who does the work: threads here, or the workers of a Dask scheduler; and what they may open.

    `max_pixels` is the most pixels of a picture.
    """

    workers: int
    scheduler: str | None
    max_pixels: int


@dataclass(frozen=True)
class Task:
    """A piece, and the name of its table of results."""

    name: str
    works: Sequence[ImageWork]
    shard: tuple[str, str] | None


@dataclass
class Made:
    """What a production came to: tables of results by block, what of it was new, and by whom.

    `digest` is as `Production.digest`.
    """

    parts: list[list[str]] = field(default_factory=list)
    new_crops: int = 0
    workers: set[str] = field(default_factory=set)
    digest: str = ""


class Production:
    """Makes the pictures of a plan in a work folder, from a store.

    `is_sharded` packs them into tar files.
    """

    def __init__(
        self, plan: Plan, preparing: Preparing, store: Store, hands: Hands, *, is_sharded: bool
    ) -> None:
        self._plan, self._preparing, self._store = plan, preparing, store
        self._hands, self._is_sharded = hands, is_sharded

    def digest(self) -> str:
        """What tells this set from any other, before anything is made: rows, pictures, spec."""
        digest = hashlib.sha256()
        for number, block in enumerate(self._plan):
            digest.update(digest_of(block.rows))
            for task in self._tasks(block, number):
                digest.update(task.name.encode())
        return digest.hexdigest()

    def make(self, folder: Path, earlier: Earlier) -> Made:
        """Makes what is not there yet; what an earlier set or run has made is kept.

        Raises
        ------
        OSError
            When something cannot be written.
        """
        made = Made()
        pieces = self._pieces(folder, earlier, made)
        total = sum(-(-n // self._size) for n in self._plan.n_images)
        done = spread(
            work_off, pieces, workers=self._hands.workers, scheduler=self._hands.scheduler
        )
        for _, result in track(done, total, "pieces"):
            made.new_crops += result.crops
            if result.crops:
                made.workers.add(result.worker)
        return made

    def phashes(self, folder: Path) -> dict[str, npt.NDArray[Any]]:
        """The perceptual hashes of all crops of the plan that can be cut, sorted by crop."""
        (folder / PHASHES).mkdir(parents=True, exist_ok=True)
        names: list[str] = []
        list_of = self._hash_pieces(folder, names)
        for _ in spread(
            work_off, list_of, workers=self._hands.workers, scheduler=self._hands.scheduler
        ):
            pass
        columns = ["crop_id", "phash"]
        tables = [pq.read_table(folder / PHASHES / name, columns=columns) for name in names]
        table = pa.concat_tables(tables).drop_null() if tables else RESULTS.empty_table()
        crops = np.array([int(crop, 16) for crop in table["crop_id"].to_pylist()], np.uint64)
        order = np.argsort(crops, kind="stable")
        hashes = table["phash"].to_numpy().astype(np.uint64)
        return {"crop": crops[order], "phash": hashes[order]}

    @property
    def _size(self) -> int:
        encoding = self._preparing.spec.encoding
        return encoding.images_per_shard if self._is_sharded else PIECE_IMAGES

    def _tasks(self, block: PlannedBlock, number: int) -> Iterator[Task]:
        """The pieces of a block: the images of a place each, whether they have crops or not.

        So a changed detection moves no image to another piece. Frames of a video stay together,
        since a video is decoded from its start.
        """
        if block.first is None:
            return
        first = block.first
        works = self._preparing.works(block.rows, block.images)

        def place_of(own: tuple[int, ImageWork]) -> tuple[str, int]:
            place, work = own
            is_video = work.frame is not None and not self._is_sharded
            return (work.name or "", first) if is_video else ("", (first + place) // self._size)

        for (_, place), group in groupby(works, key=place_of):
            images = [work for _, work in group]
            shard = self._shard(block, place) if self._is_sharded else None
            yield Task(f"{number:06d}-{place:06d}-{key_of(images, shard)}.parquet", images, shard)

    def _shard(self, block: PlannedBlock, place: int) -> tuple[str, str]:
        split = block.images["split"].fillna("").iloc[0]
        name = self._plan.layout.split_name(split)
        return f"{SHARDS}/{name}-{place:06d}.tar", f"{SHARDS}/{name}-aside-{place:06d}.tar"

    def _piece(self, folder: Path, task: Task, works: Sequence[ImageWork]) -> Piece:
        spec = self._preparing.spec
        return Piece(
            images=works,
            folder=str(folder),
            results=str(folder / PARTS / task.name),
            store=self._store,
            geometry=spec.geometry,
            encoding=spec.encoding,
            max_pixels=self._hands.max_pixels,
            first_frame=spec.first_frame,
            shard=task.shard,
            with_phash=self._preparing.with_phash,
        )

    def _pieces(self, folder: Path, earlier: Earlier, made: Made) -> Iterator[Piece]:
        digest = hashlib.sha256()
        for number, block in enumerate(self._plan):
            made.parts.append([])
            digest.update(digest_of(block.rows))
            for task in self._tasks(block, number):
                digest.update(task.name.encode())
                kept = f"kept-{task.name}"
                if not _is_done(folder, task, kept):
                    reused = _reused(folder, task, earlier)
                    table = pa.concat_tables([RESULTS.empty_table(), *reused.values()])
                    pq.write_table(table, folder / PARTS / kept, compression="zstd")
                    left = [work for work in task.works if work.image_id not in reused]
                    yield self._piece(folder, task, left)
                made.parts[-1] += [task.name, kept]
        made.digest = digest.hexdigest()

    def _hash_pieces(self, folder: Path, names: list[str]) -> Iterator[Piece]:
        for number, block in enumerate(self._plan):
            for task in self._tasks(block, number):
                names.append(task.name)
                results = folder / PHASHES / task.name
                if not results.exists():
                    yield self._piece(folder, task, task.works).for_hashes(str(results))


def _is_done(folder: Path, task: Task, kept: str) -> bool:
    """Whether a run that was killed has done a piece."""
    try:
        tables = [pq.read_table(folder / PARTS / n, schema=RESULTS) for n in (task.name, kept)]
    except (OSError, pa.ArrowException):
        return False
    if any(UNREACHED in table["work"].to_pylist() for table in tables):
        return False
    found = sum(len(table) for table in tables)
    wanted = sum(len(work.crops) for work in task.works)
    return found == wanted and all(are_whole(folder, table) for table in tables)


def _reused(folder: Path, task: Task, earlier: Earlier) -> dict[int, pa.Table]:
    """Results of an earlier set by image, their pictures linked to where they are to stand.

    A shard is used again whole or not at all.
    """
    found = {work.image_id: earlier.results(work) for work in task.works}
    kept = {image_id: table for image_id, table in found.items() if table is not None}
    if task.shard is not None:
        if len(kept) < len(task.works) or not earlier.is_one_part(list(kept)):
            return {}
        return {i: _in_shard(folder, earlier, table, task.shard) for i, table in kept.items()}
    paths = {work.image_id: work.paths for work in task.works}
    return {i: _linked(folder, earlier, table, paths[i]) for i, table in kept.items()}


def _linked(folder: Path, earlier: Earlier, table: pa.Table, paths: Sequence[str]) -> pa.Table:
    """The results of an image with its crops under their present names."""
    old = table["path"].to_pylist()
    new = [None if was is None else path for was, path in zip(old, paths, strict=True)]
    for was, path in zip(old, new, strict=True):
        if was is not None and path is not None:
            link(earlier.folder / was, folder / path)
    return _with_paths(table, new)


def _in_shard(
    folder: Path, earlier: Earlier, table: pa.Table, shard: tuple[str, str]
) -> pa.Table:  # fmt: skip
    """The results of an image with its shards under their present names."""
    old = table["path"].to_pylist()
    new = [None if was is None else shard["-aside-" in was] for was in old]
    for was, path in sorted({(w, p) for w, p in zip(old, new, strict=True) if w and p}):
        if not (folder / path).exists():
            link(earlier.folder / was, folder / path)
    return _with_paths(table, new)


def _with_paths(table: pa.Table, paths: Sequence[str | None]) -> pa.Table:
    place = table.schema.get_field_index("path")
    return table.set_column(place, RESULTS.field("path"), pa.array(paths, pa.string()))
