"""The bytes of the source files, kept beside the tables so that nothing of them is lost.

On disk (`sources/` of a dataset folder):

- `blocks.zst`: zstd frames one after the other, each of at most 4 MB of source bytes. A large
  file is cut into frames of its own; small files are packed together in one frame.
- `blocks.parquet`: offset and size of each frame, and the size of what it holds.
- `files.parquet`: per file its name, size, sha256, first block and the offset in it.

`zstd -d blocks.zst` gives all files one after the other in the order of `files.parquet`.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import DatasetError, Place

BLOCK_BYTES = 4 << 20
# Level 1 is the fastest that still packs COCO's numbers to about a third.
ZSTD_LEVEL = 1
COMPRESS_THREADS = 2


# Bytes of a file: read into memory, or for large files a read-only map of it, whose pages the
# system may drop and read again.
Body = bytes | mmap.mmap


class Sources(Protocol):
    """Read access to the bytes of the source files, by their names relative to the source."""

    def names(self) -> list[str]:
        """The names of all files, sorted."""

    def read(self, file: str) -> bytes:
        """All bytes of one file. Raises KeyError for a name that is not kept."""

    def body(self, file: str) -> Body:
        """All bytes of one file, without a copy where they are mapped."""

    def span(self, file: str, start: int, end: int) -> bytes:
        """The bytes [start, end) of one file."""


class MemorySources:
    """Source bytes held in memory, as a reader leaves them."""

    def __init__(self, files: Mapping[str, Body]) -> None:
        self._files = dict(sorted(files.items()))

    def names(self) -> list[str]:
        """The names of all files, sorted."""
        return list(self._files)

    def read(self, file: str) -> bytes:
        """All bytes of one file."""
        body = self._files[file]
        return body if isinstance(body, bytes) else body[:]

    def body(self, file: str) -> Body:
        """All bytes of one file, without a copy where they are mapped."""
        return self._files[file]

    def span(self, file: str, start: int, end: int) -> bytes:
        """The bytes [start, end) of one file."""
        return self._files[file][start:end]


class PackedSources:
    """Source bytes in the `sources/` folder of a dataset, unpacked block by block on demand."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "blocks.zst"
        try:
            files = pq.read_table(folder / "files.parquet").to_pydict()
            blocks = pq.read_table(folder / "blocks.parquet").to_pydict()
            self._files = {
                name: (first, offset, size)
                for name, first, offset, size in zip(
                    files["file"], files["block"], files["offset"], files["size"], strict=True
                )
            }
            self.sha256 = dict(zip(files["file"], files["sha256"], strict=True))
            self._blocks = list(
                zip(blocks["offset"], blocks["packed_size"], blocks["size"], strict=True)
            )
            _refuse_unfit(files, blocks)
        except (OSError, KeyError, ValueError, TypeError, MemoryError, pa.ArrowException) as error:
            raise DatasetError(
                f"the kept source files cannot be read: {error}",
                place=Place(str(folder)),
                mend="ingest the source again",
            ) from error
        self._block = lru_cache(maxsize=4)(self._unpack)

    def names(self) -> list[str]:
        """The names of all files, sorted."""
        return sorted(self._files)

    def read(self, file: str) -> bytes:
        """All bytes of one file, checked against its sha256.

        Raises
        ------
        DatasetError
            When the kept bytes are not those that were ingested.
        """
        body = self.span(file, 0, self._files[file][2])
        if hashlib.sha256(body).hexdigest() != self.sha256[file]:
            raise DatasetError(
                "the kept bytes do not have the recorded sha256",
                place=Place(file),
                mend="ingest the source again",
            )
        return body

    def body(self, file: str) -> Body:
        """All bytes of one file."""
        return self.read(file)

    def span(self, file: str, start: int, end: int) -> bytes:
        """The bytes [start, end) of one file."""
        first, offset, size = self._files[file]
        start, end = max(start, 0) + offset, min(end, size) + offset
        parts = []
        block, begin = first, 0
        while begin < end:
            length = self._blocks[block][2]
            if start < begin + length:
                body = self._block(block)
                parts.append(body[max(start - begin, 0) : end - begin])
            begin += length
            block += 1
        return b"".join(parts)

    def _unpack(self, block: int) -> bytes:
        offset, packed_size, size = self._blocks[block]
        try:
            with self._path.open("rb") as stream:
                stream.seek(offset)
                packed = stream.read(packed_size)
            body: bytes = _codec().decompress(packed, decompressed_size=size, asbytes=True)
            return body
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(
                f"block {block} of the kept source files cannot be unpacked: {error}",
                place=Place(str(self._path)),
                mend="ingest the source again",
            ) from error


def _refuse_unfit(files: dict[str, list[Any]], blocks: dict[str, list[Any]]) -> None:
    """Refuses files that do not lie in the blocks. Raises ValueError, or TypeError for nulls."""
    sizes = np.array([int(size) for size in blocks["size"]], np.int64)
    if any(not isinstance(text, str) for text in files["file"] + files["sha256"]):
        raise ValueError("a file without a name or sha256")
    if any(int(at) < 0 for at in blocks["offset"] + blocks["packed_size"]):
        raise ValueError("a block at a negative offset")
    if ((sizes < 0) | (sizes > BLOCK_BYTES)).any():
        raise ValueError(f"a block of a size that is not within 0..{BLOCK_BYTES} bytes")
    ends = np.concatenate(([0], np.cumsum(sizes))).tolist()
    for first, offset, size in zip(files["block"], files["offset"], files["size"], strict=True):
        fits = 0 <= first < len(ends) and offset >= 0 and size >= 0
        if not fits or ends[first] + offset + size > ends[-1]:
            raise ValueError("a file that is not in the blocks")


def write_sources(sources: Sources, folder: Path) -> None:
    """Writes all files of `sources` into an existing folder, as the module's first lines say."""
    files: list[tuple[str, int, str, int, int]] = []
    chunks = _Chunks()
    with ThreadPoolExecutor(COMPRESS_THREADS) as pool:
        for name in sources.names():
            body = sources.body(name)
            digest = pool.submit(hashlib.sha256, body)
            block, offset = chunks.add(body, pool)
            files.append((name, len(body), digest.result().hexdigest(), block, offset))
        chunks.flush(pool)
        offsets, packed_sizes = [], []
        position = 0
        with (folder / "blocks.zst").open("wb") as stream:
            for future in chunks.packed:
                packed = future.result()
                stream.write(packed)
                offsets.append(position)
                packed_sizes.append(len(packed))
                position += len(packed)
    _write(
        folder / "files.parquet",
        {
            "file": pa.array([f[0] for f in files], pa.string()),
            "size": pa.array([f[1] for f in files], pa.int64()),
            "sha256": pa.array([f[2] for f in files], pa.string()),
            "block": pa.array([f[3] for f in files], pa.int64()),
            "offset": pa.array([f[4] for f in files], pa.int64()),
        },
    )
    _write(
        folder / "blocks.parquet",
        {
            "offset": pa.array(offsets, pa.int64()),
            "packed_size": pa.array(packed_sizes, pa.int64()),
            "size": pa.array(chunks.sizes, pa.int64()),
        },
    )


def spans(sources: Sources, file: str, starts: list[int], ends: list[int]) -> Iterator[bytes]:
    """The bytes of many spans of one file, in the order given, with the file read once."""
    body = memoryview(sources.body(file))
    for start, end in zip(starts, ends, strict=True):
        yield bytes(body[start:end])


def _codec() -> pa.Codec:
    # A codec per call: they may not be shared between threads.
    return pa.Codec("zstd", compression_level=ZSTD_LEVEL)


def _compress(body: bytes | memoryview) -> bytes:
    packed: bytes = _codec().compress(pa.py_buffer(body), asbytes=True)
    return packed


class _Chunks:
    """Cuts files into blocks and gives each block to the pool as soon as it is full."""

    def __init__(self) -> None:
        self.packed: list[Future[bytes]] = []
        self.sizes: list[int] = []
        self._open: list[bytes] = []
        self._open_size = 0

    def add(self, body: Body, pool: ThreadPoolExecutor) -> tuple[int, int]:
        """Adds one file; returns its first block and its offset in that block."""
        if self._open_size + len(body) > BLOCK_BYTES:
            self.flush(pool)
        place = (len(self.sizes), self._open_size)
        if len(body) > BLOCK_BYTES:
            view = memoryview(body)
            for start in range(0, len(body), BLOCK_BYTES):
                self._submit(view[start : start + BLOCK_BYTES], pool)
        else:
            self._open.append(bytes(body))
            self._open_size += len(body)
        return place

    def flush(self, pool: ThreadPoolExecutor) -> None:
        """Closes the block that collects small files."""
        if self._open_size:
            self._submit(b"".join(self._open), pool)
        self._open, self._open_size = [], 0

    def _submit(self, body: bytes | memoryview, pool: ThreadPoolExecutor) -> None:
        self.packed.append(pool.submit(_compress, body))
        self.sizes.append(len(body))


def _write(path: Path, columns: dict[str, pa.Array]) -> None:
    pq.write_table(pa.table(columns), path)
