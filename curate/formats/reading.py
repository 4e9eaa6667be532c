"""What all readers share: the files they are given, their options, and text decoding."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from curate.errors import CurateError, Place, SourceError
from curate.sources import Body, Sources
from curate.tree import Tree

if TYPE_CHECKING:
    from curate.dataset import Dataset

    # Only named here: reading labels needs no picture library.
    from curate.images import Pictures

HEAD_BYTES = 1 << 16
_THREADS = 2
# Fewer files than this are read before a thread has started.
_SERIAL_FILES = 64
_BATCH_FILES = 256


class Files(Protocol):
    """The files of a source, by paths relative to it (`/` separators), with sizes in bytes."""

    @property
    def files(self) -> dict[str, int]:
        """Path to size in bytes, sorted by path."""

    def read(self, file: str) -> bytes:
        """All bytes of one file. Raises SourceError."""

    def body(self, file: str) -> Body:
        """All bytes of one file, mapped when it is large. Raises SourceError."""

    def head(self, file: str, n_bytes: int | None) -> bytes:
        """The first bytes of one file. Raises SourceError."""


def read_many(files: Files, names: Sequence[str]) -> Iterator[tuple[str, bytes | SourceError]]:
    """The bytes of files, or why one cannot be read, in the order of `names`.

    Those of a folder are read side by side: the system's part of it is most of the time.
    """
    if not isinstance(files, Tree) or files.kind != "folder" or len(names) < _SERIAL_FILES:
        yield from ((name, _read(files, name)) for name in names)
        return
    starts = range(0, len(names), _BATCH_FILES)
    batches = [names[start : start + _BATCH_FILES] for start in starts]
    with ThreadPoolExecutor(_THREADS) as pool:
        for batch, bodies in zip(
            batches, pool.map(partial(_read_all, files), batches), strict=True
        ):
            yield from zip(batch, bodies, strict=True)


def _read_all(files: Files, names: Sequence[str]) -> list[bytes | SourceError]:
    return [_read(files, name) for name in names]


def _read(files: Files, name: str) -> bytes | SourceError:
    try:
        return files.read(name)
    except SourceError as error:
        return error


class KeptFiles:
    """The kept source bytes of a dataset as `Files`, for reading them once more."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.files = {name: len(sources.body(name)) for name in sources.names()}

    def read(self, file: str) -> bytes:
        """All bytes of one file."""
        return self._sources.read(file)

    def body(self, file: str) -> Body:
        """All bytes of one file, without a copy where they are mapped."""
        return self._sources.body(file)

    def head(self, file: str, n_bytes: int | None) -> bytes:
        """The first bytes of one file."""
        return self._sources.read(file)[:n_bytes]


@dataclass(frozen=True)
class Options:
    """What a reader may be told.

    `classes` names the classes of formats that only number them, in order. `size_wh` is the size
    in px of every image, for normalised labels without pictures. `pictures` are the pictures
    under `--images`. `truth` are the annotation files of a results file: their names and bytes.
    `kind` chooses among exports that look alike. `class_ids` says whether a results file's class
    ids are the annotation file's own or indices into its `categories`. `known_sizes` are those of
    an earlier reading, by image name, in px.
    """

    classes: tuple[str, ...] | None = None
    size_wh: tuple[int, int] | None = None
    pictures: Pictures | None = None
    truth: tuple[tuple[str, Body], ...] | None = None
    kind: str | None = None
    class_ids: Literal["own", "index"] = "own"
    known_sizes: Mapping[str, tuple[int, int]] | None = None

    @property
    def tells_sizes(self) -> bool:
        """Whether anything says how large the images are."""
        return not (self.pictures is None and self.size_wh is None and self.known_sizes is None)


def how_read(name: str, told: Options, own_name: str, image_source: str) -> dict[str, Any]:
    """What is needed to read the kept bytes once more in the same way, as JSON values."""
    return {
        "parts": [
            {
                "name": own_name,
                "image_source": image_source,
                "format": name,
                "prefix": "",
                "classes": None if told.classes is None else list(told.classes),
                "size_wh": None if told.size_wh is None else list(told.size_wh),
                "kind": told.kind,
                "class_ids": told.class_ids,
                "truth": one_or_all([file for file, _ in told.truth or ()]),
            }
        ]
    }


def told_kind(dataset: Dataset, name: str, file: str) -> str | None:
    """What `--from <name>-KIND` said when a file of the dataset was read."""
    for part in dataset.options.get("parts", []):
        if part["format"] == name and file.startswith(part["prefix"]):
            kind: str | None = part["kind"]
            return kind
    return None


def one_or_all(truth: Sequence[str]) -> str | list[str] | None:
    """The annotation files of a part as its options name them."""
    return list(truth) if len(truth) > 1 else next(iter(truth), None)


def truth_files(part: Mapping[str, Any]) -> list[str]:
    """The annotation files that the options of a part name."""
    truth = part["truth"]
    return [] if truth is None else [truth] if isinstance(truth, str) else list(truth)


class TextError(CurateError):
    """Raised for bytes that are no text; the reader makes it a finding."""


def decode_text(body: bytes, file: str) -> tuple[str, int]:
    """The text of a file and the number of bytes of its byte order mark.

    UTF-8 with or without a BOM, and UTF-16 with one, are taken.

    Raises
    ------
    TextError
        With file, line and offset of the first byte that does not fit.
    """
    for bom, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if body.startswith(bom):
            try:
                return body.decode(encoding), len(bom)
            except UnicodeDecodeError as error:
                raise _text_error(error, body, file) from error
    skip = len(codecs.BOM_UTF8) if body.startswith(codecs.BOM_UTF8) else 0
    try:
        return body[skip:].decode("utf-8"), skip
    except UnicodeDecodeError as error:
        raise _text_error(error, body, file) from error


def _text_error(error: UnicodeDecodeError, body: bytes, file: str) -> TextError:
    line = body.count(b"\n", 0, error.start) + 1
    return TextError(
        f"byte {error.start} (0x{body[error.start]:02x}) is not UTF-8 text",
        place=Place(file, line),
        mend="save the file as UTF-8",
    )


def line_numbers(body: Body, offsets: Sequence[int] | np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(N,) int64: the line, from 1, of each byte offset."""
    return np.searchsorted(line_breaks(body), np.asarray(offsets, np.int64), side="left") + 1


def line_breaks(body: Body) -> np.ndarray[Any, Any]:
    """Byte offsets of all line feeds, as int64."""
    # Counting first spares the one-line files, the largest ones, a slow pass.
    if body.find(b"\n") < 0:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.frombuffer(body, np.uint8) == ord("\n"))


def text_lines(body: bytes) -> list[tuple[int, int, int, bytes]]:
    """The lines of a file as (number from 1, first byte, byte after, bytes without line end).

    LF, CRLF and a lone CR at the very end are line ends; a BOM belongs to no line.
    """
    lines = []
    start = len(codecs.BOM_UTF8) if body.startswith(codecs.BOM_UTF8) else 0
    number = 1
    while start < len(body):
        stop = body.find(b"\n", start)
        after = len(body) if stop < 0 else stop + 1
        end = len(body) if stop < 0 else stop
        line = body[start:end].removesuffix(b"\r")
        lines.append((number, start, start + len(line), line))
        start, number = after, number + 1
    return lines
