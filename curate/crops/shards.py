"""Crops in tar files that WebDataset reads: `<crop_id>.jpg` and `<crop_id>.txt`, the label.

Format: POSIX.1-1988 ustar; no times, owners or links, so that equal crops are equal bytes.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

_MODE = 0o644


def write_shard(path: Path, crops: Iterable[tuple[str, str, str, bytes]]) -> list[int]:
    """The offset of each picture in a new shard: its first byte, after the tar header.

    Parameters
    ----------
    path
        A file that does not exist yet.
    crops
        Id, ending (`.jpg`), label and encoded picture of each.

    Raises
    ------
    OSError
        When it cannot be written; then there is no file.
    """
    offsets = []
    part = path.with_name(f"{path.name}.part")
    try:
        with tarfile.open(part, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for crop_id, ending, label, body in crops:
                _add(tar, f"{crop_id}{ending}", body)
                offsets.append(tar.offset - _padded(len(body)))
                _add(tar, f"{crop_id}.txt", label.encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return offsets


def _add(tar: tarfile.TarFile, name: str, body: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(body), _MODE
    tar.addfile(member, io.BytesIO(body))


def _padded(n_bytes: int) -> int:
    return -(-n_bytes // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
