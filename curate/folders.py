"""Folders and files that appear whole or not at all, and what `--force` may replace."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from curate.errors import CurateError, OutputError, Place

# Waiting for the disk is nearly all that fsync does.
_SYNC_THREADS = 16
_MAX_MARKER_BYTES = 1 << 28
_SHOWN = 3
_HEAD_BYTES = 4096
_AT_FDCWD = -100  # fcntl.h
_RENAME_EXCHANGE = 2  # linux/fs.h


@dataclass(frozen=True)
class Product:
    """A kind of folder that curate writes, known by a marker: a JSON file with a `schema`.

    `schema` is its beginning, such as `curate.dataset/`. `names` are the files and folders at the
    top of such a folder; where they are not the same each time (empty), the marker lists every
    file under `written`.
    """

    marker: str
    schema: str
    names: frozenset[str] = frozenset()

    def strangers(self, folder: Path) -> list[str] | None:
        """What the folder holds beside what curate wrote; None when curate did not write it.

        Raises
        ------
        OSError
            When it cannot be listed.
        """
        document = self._document(folder)
        if document is None:
            return None
        if self.names:
            return sorted(path.name for path in folder.iterdir() if path.name not in self.names)
        written = document.get("written")
        own = {self.marker, *(written if isinstance(written, list) else ())}
        return [name for name in files_below(folder) if name not in own]

    def _document(self, folder: Path) -> dict[str, object] | None:
        try:
            path = folder / self.marker
            if path.stat().st_size > _MAX_MARKER_BYTES:
                return None
            document = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(document, dict):
            return None
        schema = document.get("schema")
        return document if isinstance(schema, str) and schema.startswith(self.schema) else None


def files_below(folder: Path) -> list[str]:
    """All files below a folder, and its empty folders, as sorted relative paths with `/`."""
    found = []
    for home, folders, files in os.walk(folder):
        names = files if files or folders else [""]
        found += [(Path(home) / name).relative_to(folder).as_posix() for name in names]
    return sorted(name for name in found if name != ".")


def refuse_overwrite(folder: Path, product: Product, *, force: bool) -> None:
    """Refuses an output folder that holds something, unless `force` and it is curate's own.

    A file that curate did not write would be lost with the folder: then `force` does not help.

    Raises
    ------
    OutputError
        Naming the folder, what is in the way, and the mend.
    """
    place = Place(str(folder))
    try:
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return
        if not force:
            raise OutputError(
                "exists already", place=place, mend="choose another folder or add --force"
            )
        strangers = product.strangers(folder)
    except OSError as error:
        raise OutputError(f"cannot be looked at: {error.strerror}", place=place) from error
    if strangers is None:
        raise OutputError(
            f"exists, and curate did not write it (no {product.marker} of its own in it)",
            place=place,
            mend="choose another folder; --force replaces only what curate wrote",
        )
    if strangers:
        shown = ", ".join(strangers[:_SHOWN]) + (", …" if len(strangers) > _SHOWN else "")
        raise OutputError(
            f"holds what curate did not write: {shown}",
            place=place,
            mend="move it away, or choose another folder",
        )


def refuse_file(path: Path, mark: bytes, what: str, *, force: bool) -> None:
    """Refuses an output file that exists, unless `force` and its beginning holds curate's mark.

    Parameters
    ----------
    mark
        A regular expression that is searched in the first 4 KB; an empty file holds nothing to
        lose.
    what
        What such a file is, for the message: `no {what}`.

    Raises
    ------
    OutputError
        Naming the file and the mend.
    """
    place = Place(str(path))
    try:
        if not path.exists():
            return
        if not force:
            raise OutputError(
                "exists already", place=place, mend="choose another file or add --force"
            )
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        raise OutputError(f"cannot be looked at: {error.strerror}", place=place) from error
    if head and not re.search(mark, head):
        raise OutputError(
            f"exists, and is no {what}",
            place=place,
            mend="choose another file; --force replaces only what curate wrote",
        )


def refuse_source(folder: Path, sources: Iterable[Path | None]) -> None:
    """Refuses an output folder that is a source, lies in one, or holds one.

    Raises
    ------
    OutputError
        Naming both: sources are never changed.
    """
    out = folder.resolve()
    for source in sources:
        if source is None:
            continue
        own = source.resolve()
        if out == own or out in own.parents or (own in out.parents and own.is_dir()):
            what = "is" if out == own else "holds" if out in own.parents else "lies in"
            raise OutputError(
                f"{what} the source {source}, which is never changed",
                place=Place(str(folder)),
                mend="choose a folder beside it",
            )


class new_folder:  # noqa: N801  # reads as a verb in `with new_folder(...)`
    """A context that fills a temporary folder and puts it in its place in one rename.

    On an error the temporary folder is removed and an older result stays as it was. OSError
    leaves as OutputError.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        self._part: Path | None = None

    def __enter__(self) -> Path:
        parent = self._folder.absolute().parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
            part = _unused(parent / self._folder.name)
            part.mkdir()
        except OSError as error:
            raise self._error(error) from error
        self._part = part
        return part

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        part = self._part
        if part is None:
            return
        try:
            if error is None:
                self._publish(part)
        except OSError as failure:
            raise self._error(failure) from failure
        finally:
            shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, CurateError):
            raise self._error(error) from error

    def _publish(self, part: Path) -> None:
        files = [path for path in part.rglob("*") if path.is_file()]
        with ThreadPoolExecutor(_SYNC_THREADS) as pool:
            for _ in pool.map(_sync, files):
                pass
        put_in_place(part, self._folder.absolute())

    def _error(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot be written: {error.strerror or error}",
            place=Place(str(self._folder)),
            mend="check the free space and the permissions of its folder",
        )


def put_in_place(part: Path, target: Path) -> None:
    """Makes a folder that is written the one of another name, which it replaces.

    Raises
    ------
    OSError
        When it cannot; what was there is as it was.
    """
    if target.exists():
        _put_in_place_of(part, target)
    else:
        part.replace(target)
    _sync_folder(target.parent)


def _put_in_place_of(part: Path, target: Path) -> None:
    """Puts a folder in the place of another, which is removed."""
    if _exchange(part, target):
        # What was the result now has the temporary name, and goes.
        return
    old = part.with_suffix(".old")
    target.replace(old)
    try:
        part.replace(target)
    except OSError:
        old.replace(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swaps two folders in one step, where the system can: no moment without a result."""
    if not sys.platform.startswith("linux"):
        return False
    swap = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if swap is None:
        return False
    paths = (os.fsencode(one), os.fsencode(other))
    done: int = swap(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE)
    return done == 0


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Makes a rename last. Not all systems can open a folder; there it is left to them."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _unused(path: Path) -> Path:
    """A temporary name beside a path, one that no other run or thread has."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def write_file(path: Path, body: bytes | Iterable[bytes]) -> None:
    """Writes one file atomically: temporary name, fsync, rename; `body` whole or in parts.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    path = Path(path)
    part = _unused(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as stream:
            stream.writelines([body] if isinstance(body, bytes) else body)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror or error}",
            place=Place(str(path)),
            mend="check the free space and the permissions",
        ) from error
    finally:
        # After the rename there is none.
        with contextlib.suppress(OSError):
            part.unlink()
