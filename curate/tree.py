"""The files of a source, be it one file, a folder or a zip, listed and read without escaping it.

A zip is never unpacked to disk. Its members are refused when their names leave the archive, when
they are links, or when they claim to be far larger than what is stored (a bomb).
"""

from __future__ import annotations

import io
import lzma
import mmap
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

from curate.errors import Place, SourceError, quote
from curate.sources import Body

# Text compresses by 5 to 20; zlib's own limit is about 1032.
MAX_ZIP_RATIO = 200
MAX_ZIP_MEMBER_BYTES = 4 << 30
MAX_ZIP_TOTAL_BYTES = 16 << 30
SMALL_MEMBER_BYTES = 1 << 20
# What is being written is called so until it is whole: `.<name>.<random>.part`.
_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]+\.(part|old)", re.DOTALL)
# What labelling tools offer, whether it can be opened here or not.
PICTURE_ENDINGS = frozenset(
    (
        ".avif", ".bmp", ".dng", ".exr", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg",
        ".jpg", ".mpo", ".pbm", ".pfm", ".pgm", ".png", ".ppm", ".raw", ".svg", ".tga", ".tif",
        ".tiff", ".webp",
    )
)  # fmt: skip
# On Windows line ends change without it.
_BINARY = getattr(os, "O_BINARY", 0)
_SYSTEM_FILES = (".DS_Store", "Thumbs.db")
# From here on a file on disk is mapped: reading it would cost memory twice its size at the peak.
MAP_BYTES = 32 << 20
# At most 128 MB are held of files that were looked at.
SMALL_FILE_BYTES = 4 << 10
MAX_LOOKED_AT = 32_768


LeftOutKind = Literal["unreadable", "linked folder", "link"]


@dataclass(frozen=True)
class LeftOut:
    """A path below a folder that was not taken, and why not.

    `kind` is `unreadable` (a folder that cannot be listed, a file that cannot be looked at),
    `linked folder`, or `link` (to a file outside, or to nothing).
    """

    path: str
    kind: LeftOutKind
    reason: str


@dataclass(frozen=True)
class Tree:
    """The files of one source.

    `files` maps a relative path (`/` separators, NFC, unreadable bytes of a name written as
    escapes) to a size in bytes. For a single file the path is its name. `left_out` is what lies
    there and is not among them, sorted by path.
    """

    root: Path
    kind: Literal["file", "folder", "zip"]
    files: dict[str, int]
    _real: dict[str, str] = field(repr=False)
    left_out: tuple[LeftOut, ...] = ()
    # Small files that were read whole while formats were told, until they are asked for once more.
    _looked_at: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def read(self, file: str) -> bytes:
        """The bytes of one file.

        Raises
        ------
        SourceError
            When the file has gone, may not be read, or is not what the archive says.
        """
        seen = self._looked_at.pop(file, None)
        return self._bytes(file, None) if seen is None else seen

    def body(self, file: str) -> Body:
        """The bytes of one file; a large one on disk is mapped, not read.

        Raises
        ------
        SourceError
            As `read`.
        """
        if self.kind == "zip" or self.files[file] < MAP_BYTES:
            return self.read(file)
        try:
            with self.path(file).open("rb") as stream:
                return _mapped(stream.fileno())
        except (OSError, ValueError) as error:
            raise SourceError(
                f"cannot be mapped: {error}", place=Place(file), mend="check its permissions"
            ) from error

    def head(self, file: str, n_bytes: int | None) -> bytes:
        """The first `n_bytes` bytes of one file; all of them for None.

        Raises
        ------
        SourceError
            As `read`.
        """
        if n_bytes is None:
            return self.read(file)
        seen = self._looked_at.get(file)
        if seen is not None:
            return seen[:n_bytes]
        body = self._bytes(file, n_bytes)
        # Several readers look at each file, and the one that takes it reads it all.
        is_whole = len(body) == self.files[file] < n_bytes
        if is_whole and len(self._looked_at) < MAX_LOOKED_AT and len(body) <= SMALL_FILE_BYTES:
            self._looked_at[file] = body
        return body

    def _bytes(self, file: str, n_bytes: int | None) -> bytes:
        try:
            if self.kind == "zip":
                return self._member(file, n_bytes)
            if n_bytes is None:
                return self._whole(file)
            # A plain text for a path: a Path for each of 100,000 files would take a second.
            with open(self._text_path(file), "rb", buffering=0) as stream:  # noqa: PTH123
                return stream.read(n_bytes)
        except OSError as error:
            raise SourceError(
                f"cannot be read: {error.strerror or error}",
                place=Place(file),
                mend="check that it exists and that its permissions allow reading",
            ) from error

    def _text_path(self, file: str) -> str:
        return f"{self.root}{os.sep}{self._real[file]}" if self.kind == "folder" else str(self.root)

    def _whole(self, file: str) -> bytes:
        """All bytes of one file on disk, of one of the listed size in a single call."""
        # Three system calls instead of seven, which is half the time of a small file.
        descriptor = os.open(self._text_path(file), os.O_RDONLY | _BINARY)
        try:
            parts = [os.read(descriptor, self.files[file] + 1)]
            while len(parts[-1]) and sum(map(len, parts)) != self.files[file]:
                parts.append(os.read(descriptor, 1 << 20))
            return parts[0] if len(parts) == 1 else b"".join(parts)
        finally:
            os.close(descriptor)

    def path(self, file: str) -> Path:
        """The path on disk of one file (of the archive itself for a zip)."""
        if self.kind == "folder":
            return self.root / self._real[file]
        return self.root

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        # In memory: opening the file anew for each member would parse its directory each time.
        return zipfile.ZipFile(io.BytesIO(self.root.read_bytes()))

    def _member(self, file: str, n_bytes: int | None) -> bytes:
        size = self.files[file]
        wanted = size if n_bytes is None else min(n_bytes, size)
        try:
            with self._archive.open(self._real[file]) as member:
                # One byte more than declared shows an archive that lies about its sizes.
                body = member.read(wanted + 1 if n_bytes is None else wanted)
        except (
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            NotImplementedError,
            RuntimeError,
            EOFError,
            ValueError,
            # A few bytes may claim an LZMA dictionary of 4 GB.
            MemoryError,
        ) as error:
            why = str(error) or "it wants too much memory"
            raise SourceError(
                f"this member of the archive cannot be unpacked: {why}",
                place=Place(f"{self.root.name}/{file}"),
                mend="export or download the archive again",
            ) from error
        if n_bytes is None and len(body) != size:
            raise SourceError(
                f"the archive declares {size} bytes and holds another number",
                place=Place(f"{self.root.name}/{file}"),
                mend="export or download the archive again",
            )
        return body


def _mapped(descriptor: int) -> mmap.mmap:
    """The whole file as a read-only map."""
    populate = getattr(mmap, "MAP_POPULATE", None)
    if populate is None:
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    # All pages at once: one fault for each of 100,000 pages costs a tenth of a second.
    return mmap.mmap(descriptor, 0, flags=mmap.MAP_PRIVATE | populate, prot=mmap.PROT_READ)


def open_tree(path: Path) -> Tree:
    """The tree of a file, folder or zip.

    Links to files inside a folder are followed. Links to folders are not, wherever they lead: the
    files behind them would be there twice, without end, or from outside. They are told.

    Raises
    ------
    SourceError
        When nothing is there, it cannot be listed, or the archive is unsafe.
    """
    path = Path(path)
    place = Place(str(path))
    try:
        if path.is_dir():
            return _folder_tree(path)
        if not path.exists():
            raise SourceError("no such file or folder", place=place, mend="check the path")
        if not path.is_file():
            raise SourceError(
                "is neither a file nor a folder", place=place, mend="give a file or folder"
            )
        if zipfile.is_zipfile(path):
            return _zip_tree(path)
        name = shown_name(path.name)
        return Tree(path, "file", {name: path.stat().st_size}, {name: path.name})
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise SourceError(what, place=place, mend="check its name and permissions") from error


def real_path(path: Path) -> Path:
    """The path with its links followed; as it is where no file system could have it."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        # A circle of links, a NUL, a lone surrogate: opening it says so.
        return path


def ending_of(name: str) -> str:
    """The ending of a file's name in small letters, with its point; "" for none.

    As of `PurePosixPath`, which would take a second for 100,000 files.
    """
    file = name.rpartition("/")[2]
    at = file.rfind(".")
    return file[at:].lower() if 0 < at < len(file) - 1 else ""


def shown_name(name: str) -> str:
    """A file name as NFC text that every encoding can carry: undecodable bytes become escapes."""
    if name.isascii():
        return name
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", text)


def _is_litter(name: str) -> bool:
    """Whether a file is no label, whatever its name: what macOS or Windows leaves beside files.

    So is what `curate.dataset` leaves behind when it is killed while it writes.
    """
    if name[:1] != "." and "/." not in name and not name.endswith(_SYSTEM_FILES):
        return "__MACOSX/" in name and "__MACOSX" in name.split("/")[:-1]
    parts = name.split("/")
    if any(_UNFINISHED.fullmatch(part) for part in parts):
        return True
    return "__MACOSX" in parts[:-1] or parts[-1].startswith("._") or parts[-1] in _SYSTEM_FILES


def _folder_tree(root: Path) -> Tree:
    files: dict[str, int] = {}
    real: dict[str, str] = {}
    left_out: list[LeftOut] = []
    for relative, info in _walked(root, left_out):
        if not stat.S_ISREG(info.st_mode) or _is_litter(relative):
            continue
        shown = shown_name(relative)
        if shown in files:
            raise SourceError(
                f"two files are called {quote(shown)}, in two forms of Unicode",
                place=Place(shown),
                mend="rename one of them",
            )
        files[shown] = info.st_size
        real[shown] = relative
    left_out.sort(key=lambda left: left.path)
    return Tree(root, "folder", dict(sorted(files.items())), real, tuple(left_out))


def _walked(root: Path, left_out: list[LeftOut]) -> Iterator[tuple[str, os.stat_result]]:
    """The relative paths below a folder that are no folders; adds those that it cannot give."""

    def unlisted(error: OSError) -> None:
        folder = Path(error.filename)
        if folder == root:
            raise error
        shown = shown_name(folder.relative_to(root).as_posix())
        left_out.append(LeftOut(shown, "unreadable", error.strerror or str(error)))

    # The root is resolved once: a link inside the folder may not lead out of it.
    top = root.resolve()
    for folder, subfolders, names in os.walk(root, onerror=unlisted):
        subfolders.sort()
        inside = Path(folder).relative_to(root).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        for name in subfolders:
            # Not Path.is_symlink: that raises for what `unlisted` is told of next.
            if os.path.islink(f"{folder}{os.sep}{name}"):  # noqa: PTH114
                shown = shown_name(prefix + name)
                left_out.append(LeftOut(shown, "linked folder", "a link to a folder"))
        for name in sorted(names):
            # A text for a path: Paths of 100,000 files would take seconds.
            found = _looked_at(f"{folder}{os.sep}{name}", top)
            if isinstance(found, os.stat_result):
                yield prefix + name, found
            else:
                left_out.append(LeftOut(shown_name(prefix + name), *found))


def _looked_at(path: str, top: Path) -> os.stat_result | tuple[LeftOutKind, str]:
    """What a path leads to; or why it is left out."""
    try:
        info = os.lstat(path)
    except OSError as error:
        return "unreadable", error.strerror or str(error)
    if not stat.S_ISLNK(info.st_mode):
        return info
    try:
        if not Path(path).resolve().is_relative_to(top):
            return "link", "a link that leads out of the source"
        return Path(path).stat()
    except (OSError, RuntimeError):
        # Up to Python 3.12 a link to itself is a RuntimeError.
        return "link", "a link that leads nowhere"


def _zip_tree(path: Path) -> Tree:
    place = Place(path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [i for i in archive.infolist() if not i.filename.endswith("/")]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise SourceError(
            f"is not a readable zip archive: {error}", place=place, mend="download it again"
        ) from error
    files: dict[str, int] = {}
    real: dict[str, str] = {}
    for info in members:
        _refuse_unsafe(info, path.name)
        if _is_litter(info.filename):
            continue
        shown = shown_name(info.filename)
        if shown in files:
            raise SourceError(
                f"two members are called {quote(shown)}", place=place, mend="export it again"
            )
        files[shown] = info.file_size
        real[shown] = info.filename
    if sum(files.values()) > MAX_ZIP_TOTAL_BYTES:
        raise SourceError(
            f"its members unpack to more than {MAX_ZIP_TOTAL_BYTES >> 30} GiB",
            place=place,
            mend="unpack it yourself if you trust it and give the folder",
        )
    return Tree(path, "zip", dict(sorted(files.items())), real)


def _refuse_unsafe(info: zipfile.ZipInfo, archive: str) -> None:
    place = Place(f"{archive}/{shown_name(info.filename)}")
    parts = PurePosixPath(info.filename.replace("\\", "/"))
    if not parts.parts:
        raise SourceError(
            "holds a member without a name", place=Place(archive), mend="make the archive again"
        )
    first = parts.parts[0]
    if parts.is_absolute() or ".." in parts.parts or ":" in first or "\0" in info.filename:
        raise SourceError(
            "the member's name leads out of the archive",
            place=place,
            mend="do not trust this archive; make it again with relative names",
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise SourceError(
            "the member is a symbolic link", place=place, mend="store the file itself"
        )
    too_dense = info.file_size > SMALL_MEMBER_BYTES and info.file_size > MAX_ZIP_RATIO * max(
        info.compress_size, 1
    )
    if too_dense or info.file_size > MAX_ZIP_MEMBER_BYTES:
        raise SourceError(
            f"the member claims {info.file_size} bytes in {info.compress_size} stored ones",
            place=place,
            mend="unpack it yourself if you trust it and give the folder",
        )
