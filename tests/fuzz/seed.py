"""One input that is mutated, and how it is laid down to be read."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Seed:
    """One source: its files by name, as a file, folder or zip, and how it is to be read."""

    files: dict[str, bytes]
    kind: str
    format: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    truth: bytes | None = None


def place(seed: Seed, folder: Path) -> Path:
    """The path of a source that was written below a new folder.

    Raises
    ------
    OSError, ValueError
        For a name that the file system does not take.
    """
    folder.mkdir(parents=True)
    if seed.kind == "zip":
        path = folder / "set.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, body in seed.files.items():
                archive.writestr(name, body)
        return path
    root = folder / "set" if seed.kind == "folder" else folder
    for name, body in seed.files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
    return root if seed.kind == "folder" else root / next(iter(seed.files))
