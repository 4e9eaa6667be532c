"""The only module that opens pictures: which there are, their sizes, EXIF orientation, and faults.

Sizes are of the upright picture (EXIF orientation applied), as browsers, Label Studio, FiftyOne
and OpenCV show it; `stored_*` are those of the file. Only headers are read, unless the end of a
file suggests that it was cut: then it is decoded to be sure.
"""

from __future__ import annotations

import hashlib
import os
import struct
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from curate.errors import Place, SourceError
from curate.tree import shown_name

ENDINGS = frozenset(
    [".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2"]
)  # what Pillow decodes and labelling tools offer
MAX_PIXELS = 400_000_000
WORKERS = 2
EXIF_ORIENTATION = 0x0112
# Orientations 5 to 8 lay the picture on its side (EXIF 2.32, 4.6.4).
SIDEWAYS = frozenset({5, 6, 7, 8})
_TAIL_BYTES = 4096
# All that Pillow's parsers raise for hostile bytes (UnidentifiedImageError is an OSError).
_BROKEN = (
    OSError, SyntaxError, ValueError, struct.error, EOFError, OverflowError, IndexError, KeyError,
    TypeError, AttributeError, ZeroDivisionError, MemoryError, NotImplementedError, RuntimeError,
    Image.DecompressionBombError,
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """One picture file. Sizes in px; None and an `error` when it cannot be opened."""

    path: str
    n_bytes: int
    width: int | None = None
    height: int | None = None
    stored_width: int | None = None
    stored_height: int | None = None
    exif_orientation: int = 1
    error: str | None = None


class Pictures:
    """The pictures below a folder, found by the names that labels state, measured when asked for.

    `files` are their paths below `root`, `/` separators, NFC, sorted.
    """

    def __init__(self, root: Path, real: Mapping[str, str], max_pixels: int) -> None:
        self.root = root
        self.files = tuple(real)
        self._real = real
        self._max_pixels = max_pixels
        self._measured: dict[str, Picture] = {}
        self._exact = set(real)
        self._folded: dict[str, list[str]] = defaultdict(list)
        self._names: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        for file in real:
            folded = _folded(file)
            path = PurePosixPath(folded)
            self._folded[folded].append(file)
            self._names[path.name].append(file)
            self._stems[path.stem].append(file)

    def find(self, name: str) -> list[str]:
        """The pictures that a label's name may mean: one is clear, several are ambiguous.

        The first rule that finds any wins: the path itself; the path in other case; the longest
        matching end of the path; for a name without a picture's ending, the same by stems.
        """
        if name in self._exact:
            return [name]
        folded = _folded(name)
        if folded in self._folded:
            return list(self._folded[folded])
        path = PurePosixPath(folded)
        if path.suffix in ENDINGS:
            return _longest_tail(self._names.get(path.name, []), path.parts, stem=False)
        return _longest_tail(self._stems.get(path.name, []), path.parts, stem=True)

    def measure(self, files: Iterable[str]) -> dict[str, Picture]:
        """The pictures of these files, each opened once however often it is asked for."""
        wanted = list(dict.fromkeys(files))
        fresh = [file for file in wanted if file not in self._measured]
        with ThreadPoolExecutor(WORKERS) as pool:
            for picture in pool.map(self._open, fresh, chunksize=64):
                self._measured[picture.path] = picture
        return {file: self._measured[file] for file in wanted}

    def size(self, file: str) -> tuple[int, int] | None:
        """Upright width and height in px of one picture; None when it cannot be opened."""
        picture = self.measure([file])[file]
        if picture.width is None or picture.height is None:
            return None
        return picture.width, picture.height

    def path(self, file: str) -> Path:
        """The path on disk of one picture."""
        return self.root / self._real[file]

    def _open(self, file: str) -> Picture:
        return open_picture(self.path(file), file, max_pixels=self._max_pixels)


def open_pictures(root: Path, *, max_pixels: int = MAX_PIXELS) -> Pictures:
    """The pictures below a folder; hidden folders are left out, links to files are followed.

    Parameters
    ----------
    root
        The folder.
    max_pixels
        A picture whose header claims more pixels is not decoded: it counts as unreadable.

    Raises
    ------
    SourceError
        When the folder is not there, or is none.
    """
    root = Path(root)
    if not root.is_dir():
        what = "is no folder" if root.exists() else "no such folder"
        raise SourceError(what, place=Place(str(root)), mend="check --images")
    real: dict[str, str] = {}
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in names:
            if PurePosixPath(name.lower()).suffix in ENDINGS:
                relative = (Path(folder) / name).relative_to(root).as_posix()
                real[shown_name(relative)] = relative
    return Pictures(root, dict(sorted(real.items())), max_pixels)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _longest_tail(files: list[str], parts: tuple[str, ...], *, stem: bool) -> list[str]:
    best: list[str] = []
    best_length = 0
    for file in files:
        own = PurePosixPath(_folded(file))
        own_parts = (*own.parts[:-1], own.stem) if stem else own.parts
        length = 0
        for a, b in zip(reversed(own_parts), reversed(parts), strict=False):
            if a != b:
                break
            length += 1
        if length > best_length:
            best, best_length = [file], length
        elif length == best_length:
            best.append(file)
    return best


def open_picture(path: Path, file: str, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """The size, orientation and faults of one picture file; never raises for its contents.

    Parameters
    ----------
    path
        Where it is.
    file
        What it is called in the result.
    max_pixels
        Above this it is not decoded: an error says so.
    """
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        return Picture(file, 0, error=error.strerror or str(error))
    try:
        with warnings.catch_warnings():
            # Pillow warns of large and odd files; what matters here is said in `error`.
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                width, height = image.size
                if width * height > max_pixels:
                    return Picture(file, n_bytes, error=_too_large(width, height, max_pixels))
                turned = _orientation(image)
                if _may_be_cut(path, image.format, n_bytes):
                    image.load()
    except _BROKEN as error:
        return Picture(file, n_bytes, error=str(error).splitlines()[0] if str(error) else "broken")
    upright = (height, width) if turned in SIDEWAYS else (width, height)
    return Picture(file, n_bytes, *upright, width, height, turned)


def _too_large(width: int, height: int, max_pixels: int) -> str:
    return (
        f"{width} x {height} = {width * height} pixels, above the limit of {max_pixels}"
        " (--max-pixels raises it)"
    )


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(EXIF_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _may_be_cut(path: Path, kind: str | None, n_bytes: int) -> bool:
    """Whether the end of the file lacks the mark that its format closes with."""
    mark = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}.get(kind or "")
    if mark is None:
        return False
    with path.open("rb") as stream:
        stream.seek(max(n_bytes - _TAIL_BYTES, 0))
        return mark not in stream.read()


def same_bytes(pictures: Pictures, measured: Mapping[str, Picture]) -> list[list[str]]:
    """Groups of pictures that are the same file byte for byte, each sorted, sorted by the first."""
    by_size: dict[int, list[str]] = defaultdict(list)
    for file, picture in measured.items():
        if picture.error is None:
            by_size[picture.n_bytes].append(file)
    candidates = [file for files in by_size.values() if len(files) > 1 for file in files]
    with ThreadPoolExecutor(WORKERS) as pool:
        digests = list(pool.map(lambda file: _digest(pictures.path(file)), candidates))
    by_digest: dict[bytes, list[str]] = defaultdict(list)
    for file, digest in zip(candidates, digests, strict=True):
        if digest:
            by_digest[digest].append(file)
    return sorted(sorted(files) for files in by_digest.values() if len(files) > 1)


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return b""
