"""What an earlier run made that is used again: pictures whose inputs have not changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.crops.layout import MANIFEST, MANIFEST_CSV, STATE, SUMMARY
from curate.crops.pieces import RESULTS, ImageWork
from curate.crops.workfolder import PARTS
from curate.errors import OutputError, Place

IMAGES = f"{STATE}/images.parquet"
INDEX = pa.schema([("image_id", pa.int64()), ("work", pa.binary()), ("part", pa.string())])
# Neighbouring pieces look into the same earlier parts.
_OPEN_PARTS = 8
SHOWN_STRANGERS = 3


class Earlier:
    """The results of a whole set, by image; of no set there are none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            table = pq.read_table(folder / IMAGES, schema=INDEX)
        except (OSError, pa.ArrowException):
            # No set, or one whose state is gone: then everything is made again.
            table = INDEX.empty_table()
        ids = table["image_id"].to_numpy()
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]
        self._table = table
        self._part = lru_cache(_OPEN_PARTS)(self._read)

    def _read(self, name: str) -> pa.Table:
        try:
            return pq.read_table(self.folder / PARTS / name, schema=RESULTS)
        except (OSError, pa.ArrowException):
            return RESULTS.empty_table()

    def results(self, image: ImageWork) -> pa.Table | None:
        """The results of an image if it was made from the same, with whole pictures; else None."""
        row = self._row(image.image_id)
        if row is None or self._table["work"][row].as_py() != image.work:
            return None
        part = self._part(self._table["part"][row].as_py())
        own = part.filter(pc.equal(part["image_id"], image.image_id))
        is_same = own["crop_id"].to_pylist() == list(image.crops)
        return own if is_same and are_whole(self.folder, own) else None

    def is_whole(self) -> bool:
        """Whether every file of the set is there, of its size."""
        if not (self.folder / MANIFEST).is_file() or not (self.folder / MANIFEST_CSV).is_file():
            return False
        table = pq.read_table(self.folder / MANIFEST, columns=["path", "offset", "n_bytes"])
        return all(are_whole(self.folder, batch) for batch in table.to_batches())

    def refuse_strangers(self) -> None:
        """Refuses to replace a set that holds files of somebody else: they would be lost.

        Raises
        ------
        OutputError
            Naming some of them.
        """
        if not (self.folder / MANIFEST).is_file():
            return
        own = _own_files(self.folder)
        parts = f"{PARTS}/"
        strange = (n for n in _files(self.folder) if n not in own and not n.startswith(parts))
        shown = sorted(islice(strange, SHOWN_STRANGERS))
        if shown:
            raise OutputError(
                f"holds what curate did not write: {', '.join(shown)}",
                place=Place(str(self.folder)),
                mend="move it away, or choose another folder",
            )

    def is_one_part(self, image_ids: Sequence[int]) -> bool:
        """Whether some images, which all have results, are those of one part and no others."""
        rows = [row for image_id in image_ids if (row := self._row(image_id)) is not None]
        names = {self._table["part"][row].as_py() for row in rows}
        if len(names) != 1:
            return False
        part = self._part(names.pop())
        return set(part["image_id"].to_pylist()) == set(image_ids)

    def _row(self, image_id: int) -> int | None:
        """The row of an image in the index."""
        at = int(np.searchsorted(self._ids, image_id))
        is_there = at < len(self._ids) and self._ids[at] == image_id
        return int(self._order[at]) if is_there else None


def are_whole(folder: Path, results: pa.Table) -> bool:
    """Whether all files that results name are there, of the size that they had."""
    columns = (results[name].to_pylist() for name in ("path", "offset", "n_bytes"))
    for path, offset, n_bytes in zip(*columns, strict=True):
        if path is None:
            continue
        try:
            size = (folder / path).stat().st_size
        except OSError:
            return False
        if size != n_bytes if offset is None else size < offset + n_bytes:
            return False
    return True


def link(old: Path, new: Path) -> None:
    """Gives a file a second name, or a copy where the file system has none.

    Raises
    ------
    OSError
        When neither can be made.
    """
    new.parent.mkdir(parents=True, exist_ok=True)
    new.unlink(missing_ok=True)
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)


def write_index(folder: Path, parts: Iterable[str]) -> None:
    """Writes which part has the results of which image."""
    tables = []
    for name in parts:
        part = pq.read_table(folder / PARTS / name, columns=["image_id", "work"])
        own = part.group_by(["image_id", "work"]).aggregate([])
        tables.append(own.append_column("part", pa.array([name] * len(own), pa.string())))
    whole = pa.concat_tables(tables) if tables else INDEX.empty_table()
    whole = whole.select(INDEX.names).cast(INDEX).sort_by("image_id")
    pq.write_table(whole, folder / IMAGES, compression="zstd")


def remove_strays(folder: Path, parts: Set[str]) -> None:
    """Removes what an earlier, killed run left in a work folder and this one has not."""
    wanted = _own_files(folder) | set(parts)
    for name in _files(folder):
        if name not in wanted:
            (folder / name).unlink()
    for home, folders, files in os.walk(folder, topdown=False):
        if not folders and not files and Path(home) != folder:
            Path(home).rmdir()


def _own_files(folder: Path) -> set[str]:
    """The files that a set has, but for its parts."""
    paths = pq.read_table(folder / MANIFEST, columns=["path"])["path"].unique().to_pylist()
    return {SUMMARY, MANIFEST, MANIFEST_CSV, IMAGES} | {path for path in paths if path is not None}


def _files(folder: Path) -> Iterator[str]:
    for home, _, files in os.walk(folder):
        below = Path(home).relative_to(folder)
        for name in files:
            yield (below / name).as_posix()
