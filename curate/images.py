"""What picture files say of themselves: their sizes, EXIF orientation, and faults.

Sizes are of the upright picture (EXIF orientation applied), as browsers, Label Studio, FiftyOne
and OpenCV show it; `stored_*` are those of the file. Only headers are read, unless the end of a
file suggests that it was cut: then it is decoded to be sure. `curate.decoding` gives the pixels.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import struct
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeVar

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from curate.errors import PictureError, Place
from curate.listing import Names, listed
from curate.progress import track

MAX_PIXELS = 400_000_000
WORKERS = 2
MEND = "restore the picture from its source"
EXIF_ORIENTATION = 0x0112
# Orientations 5 to 8 lay the picture on its side (EXIF 2.32, 4.6.4).
SIDEWAYS = frozenset({5, 6, 7, 8})
TIFF_WIDTH, TIFF_HEIGHT = 256, 257
# Cameras and editors leave a few bytes after the end mark.
JPEG_TAIL_BYTES = 4096
PNG_TAIL_BYTES = 64
# An eXIf chunk may follow the pixels; those that matter here are small.
PNG_EXIF_TAIL_BYTES = 64 << 10
# Below this a thread costs more than it saves.
SERIAL_FILES = 64
BATCH_FILES = 64
# The formats are told by their first bytes, whatever the file is called. Pillow's own `open` would
# also try parsers that nobody needs here, and refuses above a limit of its own.
_PARSERS: tuple[tuple[str, tuple[bytes, ...], Callable[[BinaryIO], ImageFile]], ...] = (
    ("JPEG", (b"\xff\xd8\xff",), JpegImageFile),
    ("PNG", (b"\x89PNG\r\n\x1a\n",), PngImageFile),
    ("BMP", (b"BM",), BmpImageFile),
    ("GIF", (b"GIF87a", b"GIF89a"), GifImageFile),
    ("WebP", (b"RIFF",), WebPImageFile),
    ("TIFF", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImageFile),
    ("PPM", (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), PpmImageFile),
    ("JPEG 2000", (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"), Jpeg2KImageFile),
)
# All that Pillow's parsers raise for hostile bytes (UnidentifiedImageError is an OSError,
# NotImplementedError a RuntimeError).
BROKEN = (
    OSError, SyntaxError, ValueError, struct.error, EOFError, OverflowError, IndexError, KeyError,
    TypeError, AttributeError, AssertionError, ZeroDivisionError, MemoryError, RuntimeError,
    Image.DecompressionBombError,
)  # fmt: skip
Thing = TypeVar("Thing")
# `warnings.catch_warnings` changes the whole process: one at a time.
quiet_lock = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """One picture file.

    `path` is relative as in `Pictures.files`, sizes are in px; they are None, and `error` says
    why, when the file cannot be opened. `exif_orientation` is 1 .. 8, 1 when absent or invalid.
    """

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

    `files` are their paths below `root`, sorted, with `/` separators and spelt as on disk (bytes
    that are no text written as escapes). `left_out` maps what was not looked into, spelt alike, to
    the reason.
    """

    def __init__(
        self,
        root: Path,
        real: Mapping[str, str],
        max_pixels: int,
        workers: int = WORKERS,
        *,
        left_out: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.left_out = dict(left_out or {})
        self.files = tuple(real)
        self._real = real
        self._max_pixels = max_pixels
        self._workers = workers
        self._measured: dict[str, Picture] = {}

    @cached_property
    def _names(self) -> Names:
        return Names(self.files)

    def find(self, name: str) -> list[str]:
        """The pictures that a label's name may mean, as `Names.find` compares them."""
        return self._names.find(name)

    def measure(self, files: Iterable[str]) -> dict[str, Picture]:
        """The pictures of these files, each opened once however often it is asked for."""
        wanted = list(dict.fromkeys(files))
        fresh = [file for file in wanted if file not in self._measured]
        with quiet_lock, warnings.catch_warnings():
            # Pillow warns of large and odd files; what matters here is said in `error`.
            warnings.simplefilter("ignore")
            if len(fresh) < SERIAL_FILES:
                pictures = [self._open(file) for file in track(fresh, len(fresh), "pictures")]
            else:
                with ThreadPoolExecutor(self._workers) as pool:
                    opened = chain.from_iterable(pool.map(self._open_all, _batches(fresh)))
                    pictures = list(track(opened, len(fresh), "pictures"))
        self._measured.update(zip(fresh, pictures, strict=True))
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

    def _open_all(self, files: Sequence[str]) -> list[Picture]:
        return [self._open(file) for file in files]

    def _open(self, file: str) -> Picture:
        return _picture(self.path(file), file, self._max_pixels)


def open_pictures(root: Path, *, max_pixels: int = MAX_PIXELS, workers: int = WORKERS) -> Pictures:
    """The pictures below a folder; links to files are followed, hidden names are left out.

    Links to folders are not followed, and a folder below may refuse to be listed: both are in
    `Pictures.left_out`.

    Parameters
    ----------
    root
        The folder.
    max_pixels
        A picture whose header claims more pixels is not decoded: it counts as unreadable.
    workers
        Threads that open pictures.

    Raises
    ------
    SourceError
        When the folder is not there, is none, or cannot be listed.
    """
    root = Path(root)
    real, left_out = listed(root, mend="check --images")
    return Pictures(root, real, max_pixels, workers, left_out=left_out)


def _picture(path: Path, file: str, max_pixels: int) -> Picture:
    """What the header of one file says; never raises for its contents."""
    try:
        with path.open("rb") as stream:
            n_bytes = os.fstat(stream.fileno()).st_size
            head = stream.read(16)
            stream.seek(0)
            for kind, marks, parser in _PARSERS:
                if head.startswith(marks):
                    return _parsed(stream, kind, parser, Picture(file, n_bytes), max_pixels)
    except OSError as error:
        return Picture(file, 0, error=error.strerror or str(error))
    known = ", ".join(kind for kind, _, _ in _PARSERS)
    error_text = f"begins with {head!r}, not as any of {known}" if head else "is empty"
    return Picture(file, n_bytes, error=error_text)


def format_of(path: Path) -> str | None:
    """The format of a picture by its first bytes, such as `JPEG`; None for another file.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(16)
    return next((kind for kind, marks, _ in _PARSERS if head.startswith(marks)), None)


def decoded(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[str, ImageFile]:
    """The format of a picture, told by its first bytes, and the picture with its pixels.

    Pillow turns a TIFF upright by itself, and no other.

    Raises
    ------
    PictureError
        When it cannot be opened or decoded, or claims more than `max_pixels`.
    """
    try:
        kind, image, _ = opened(path.read_bytes(), max_pixels, Place(str(path)))
        image.load()
    except BROKEN as error:
        raise PictureError(
            f"cannot be decoded: {error}", place=Place(str(path)), mend=MEND
        ) from error
    return kind, image


def opened(body: bytes, max_pixels: int, place: Place | None) -> tuple[str, ImageFile, int]:
    """The format of a picture, the picture before its pixels are decoded, its EXIF orientation.

    Raises
    ------
    PictureError
        When its first bytes are those of no picture, its header is broken, or it claims more than
        `max_pixels`.
    """
    stream = io.BytesIO(body)
    try:
        for kind, marks, parser in _PARSERS:
            if body.startswith(marks):
                image = parser(stream)
                width, height = _stored_size(image)
                check_size(width, height, max_pixels, place)
                return kind, image, _orientation(image, stream, len(body))
    except BROKEN as error:
        raise PictureError(f"cannot be decoded: {error}", place=place, mend=MEND) from error
    what = "is of no picture format that is known" if body else "is empty"
    raise PictureError(what, place=place, mend=MEND)


def check_size(width: int, height: int, max_pixels: int, place: Place | None) -> None:
    """Refuses a picture by what its header claims, before any pixel is decoded.

    Raises
    ------
    PictureError
        When it claims more than `max_pixels`.
    """
    if width * height > max_pixels:
        raise PictureError(_too_large(width, height, max_pixels), place=place, mend=MEND)


def _parsed(
    stream: BinaryIO,
    kind: str,
    parser: Callable[[BinaryIO], ImageFile],
    found: Picture,
    max_pixels: int,
) -> Picture:
    try:
        image = parser(stream)
        width, height = _stored_size(image)
        if width * height > max_pixels:
            return Picture(found.path, found.n_bytes, error=_too_large(width, height, max_pixels))
        turned = _orientation(image, stream, found.n_bytes)
        if _may_be_cut(image, kind, stream, found.n_bytes):
            image.load()
    except BROKEN as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return Picture(found.path, found.n_bytes, error=f"broken {kind}: {reason}")
    upright = (height, width) if turned in SIDEWAYS else (width, height)
    return Picture(found.path, found.n_bytes, *upright, width, height, turned)


def _too_large(width: int, height: int, max_pixels: int) -> str:
    return (
        f"{width} x {height} = {width * height} pixels, above the limit of {max_pixels}"
        " (--max-pixels raises it)"
    )


def _stored_size(image: ImageFile) -> tuple[int, int]:
    if isinstance(image, TiffImageFile):
        # Pillow turns a TIFF upright by itself, and states that size.
        return int(image.tag_v2[TIFF_WIDTH]), int(image.tag_v2[TIFF_HEIGHT])
    return image.size


def _orientation(image: ImageFile, stream: BinaryIO, n_bytes: int) -> int:
    """The EXIF orientation; 1 when there is none that can be read, as viewers take it.

    Pillow's `getexif` is not used: it decodes a whole PNG, and takes XMP's word, too.
    """
    try:
        if isinstance(image, TiffImageFile):
            value = image.tag_v2.get(EXIF_ORIENTATION)
        else:
            block = image.info.get("exif")
            if block is None and isinstance(image, PngImageFile):
                block = _late_exif(_tail(stream, n_bytes, PNG_EXIF_TAIL_BYTES))
            if not isinstance(block, bytes):
                return 1
            return orientation_in(block)
    except BROKEN:
        return 1
    return _valid(value)


def orientation_in(block: bytes) -> int:
    """The orientation that an EXIF block states; 1 when there is none that can be read."""
    exif = Image.Exif()
    try:
        exif.load(block)
        return _valid(exif.get(EXIF_ORIENTATION))
    except BROKEN:
        return 1


def _valid(orientation: object) -> int:
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _late_exif(tail: bytes) -> bytes | None:
    """The eXIf chunk that stands after the pixels of a PNG (PNG 3rd edition, 11.3.4.4)."""
    at = tail.rfind(b"eXIf")
    if at < 4:
        return None
    length = int.from_bytes(tail[at - 4 : at], "big")
    block = tail[at + 4 : at + 4 + length]
    return block if len(block) == length and block.startswith((b"II*\0", b"MM\0*")) else None


def _tail(stream: BinaryIO, n_bytes: int, wanted: int, start: int = 0) -> bytes:
    """The last `wanted` bytes, but none before `start`; the stream stays where it is."""
    position = stream.tell()
    stream.seek(max(n_bytes - wanted, start))
    tail = stream.read()
    stream.seek(position)
    return tail


def _may_be_cut(image: ImageFile, kind: str, stream: BinaryIO, n_bytes: int) -> bool:
    """Whether the file's end gives reason to decode it; WebP is checked when it is opened."""
    if kind == "JPEG":
        # A thumbnail in the header has an end mark of its own.
        return b"\xff\xd9" not in _tail(stream, n_bytes, JPEG_TAIL_BYTES, stream.tell())
    if kind == "PNG":
        return b"IEND" not in _tail(stream, n_bytes, PNG_TAIL_BYTES)
    if kind == "GIF":
        return b";" not in _tail(stream, n_bytes, 1)
    if kind in ("BMP", "PPM"):
        return n_bytes < image.width * image.height * len(image.getbands())
    return False


def same_bytes(pictures: Pictures, measured: Mapping[str, Picture]) -> list[list[str]]:
    """Groups of pictures that are the same file byte for byte, each sorted, sorted by the first.

    Files that cannot be opened are left out: their fault is another one.
    """
    like: dict[tuple[int, int | None, int | None], list[str]] = defaultdict(list)
    for file, picture in measured.items():
        if picture.error is None:
            like[picture.n_bytes, picture.stored_width, picture.stored_height].append(file)
    candidates = [file for files in like.values() if len(files) > 1 for file in files]
    return _equal({file: pictures.path(file) for file in candidates})


def same_files(paths: Mapping[str, Path]) -> list[list[str]]:
    """Groups of names whose files are equal byte for byte, each sorted, sorted by the first.

    Files that cannot be opened are left out.
    """
    like: dict[int, list[str]] = defaultdict(list)
    for name, path in paths.items():
        with contextlib.suppress(OSError):
            like[path.stat().st_size].append(name)
    candidates = [name for names in like.values() if len(names) > 1 for name in names]
    return _equal({name: paths[name] for name in candidates})


def _equal(candidates: Mapping[str, Path]) -> list[list[str]]:
    with ThreadPoolExecutor(WORKERS) as pool:
        paths = list(candidates.values())
        digests = list(chain.from_iterable(pool.map(_digests, _batches(paths))))
    by_digest: dict[bytes, list[str]] = defaultdict(list)
    for file, digest in zip(candidates, digests, strict=True):
        if digest:
            by_digest[digest].append(file)
    return sorted(sorted(files) for files in by_digest.values() if len(files) > 1)


def _batches(things: Sequence[Thing]) -> list[Sequence[Thing]]:
    """The things in order, in batches: handing over a single file takes as long as opening it."""
    return [things[at : at + BATCH_FILES] for at in range(0, len(things), BATCH_FILES)]


def _digests(paths: Sequence[Path]) -> list[bytes]:
    return list(map(_digest, paths))


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return b""
