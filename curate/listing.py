"""Which pictures a folder holds, and which of them the names that labels state may mean."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from curate.errors import Place, SourceError
from curate.tree import ending_of

ENDINGS = frozenset(
    [".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2"]
)  # what Pillow decodes and labelling tools offer
VIDEO_ENDINGS = frozenset([".mp4", ".avi", ".mkv", ".mov", ".webm"])


class Names:
    """Files by their paths with `/` separators, found by the names that labels state.

    Parameters
    ----------
    files
        The paths, each once.
    """

    def __init__(self, files: Iterable[str]) -> None:
        self._files = tuple(files)

    @cached_property
    def _whole(self) -> _Index:
        return _Index((file, file) for file in self._files)

    @cached_property
    def _stems(self) -> _Index:
        return _Index(
            (file[: file.rindex(".")], file) for file in self._files if ending_of(file) in ENDINGS
        )

    def find(self, name: str) -> list[str]:
        """The files that a name may mean: one is clear, several are ambiguous.

        The first rule that finds any wins: the path itself; the path in other case or Unicode
        form; the longest matching end of the path. A name without a picture's ending is compared
        with the pictures' paths without their endings; that of a video first as it is.
        """
        stated = name.replace("\\", "/").removeprefix("./")
        ending = ending_of(stated)
        if ending in ENDINGS:
            return self._whole.find(stated)
        whole = self._whole.find(stated) if ending in VIDEO_ENDINGS else []
        return whole or self._stems.find(stated)


def listed(
    root: Path, *, endings: frozenset[str] = ENDINGS, mend: str
) -> tuple[dict[str, str], dict[str, str]]:
    """The files of these endings below a folder, and what was not looked into, both sorted.

    Links to files are followed, links to folders are not, hidden names are left out.

    Returns
    -------
    tuple
        Paths as they are shown (bytes that are no text written as escapes) with the paths on
        disk, both relative with `/`; and paths as shown with the reason.

    Raises
    ------
    SourceError
        When the folder is not there, is none, or cannot be listed; `mend` says what to check.
    """
    left_out: dict[str, str] = {}
    try:
        if not root.is_dir():
            what = "is no folder" if root.exists() else "no such folder"
            raise SourceError(what, place=Place(str(root)), mend=mend)
        real = {_text(path): path for path in _walked(root, endings, left_out)}
    except OSError as error:
        raise SourceError(
            f"cannot be listed: {error.strerror or error}",
            place=Place(_text(str(error.filename or root))),
            mend="check its permissions",
        ) from error
    return dict(sorted(real.items())), dict(sorted(left_out.items()))


def _walked(root: Path, endings: frozenset[str], left_out: dict[str, str]) -> Iterator[str]:
    """Relative paths of the picture files, no pipes; adds what was not looked into, and why."""
    prefixes = [""]
    while prefixes:
        prefix = prefixes.pop()
        try:
            with os.scandir(f"{root}{os.sep}{prefix}") as found:
                entries = [entry for entry in found if not entry.name.startswith(".")]
        except OSError as error:
            if not prefix:
                raise
            left_out[_text(prefix.removesuffix("/"))] = error.strerror or str(error)
            continue
        for entry in entries:
            path = prefix + entry.name
            kind, why = _kind_of(entry, endings)
            if kind == "picture":
                yield path
            elif kind == "folder":
                prefixes.append(f"{path}/")
            elif kind == "left out":
                left_out[_text(path)] = why


def _kind_of(entry: os.DirEntry[str], endings: frozenset[str]) -> tuple[str, str]:
    """Picture, folder, left out or other; and why it is left out if it is."""
    try:
        if not entry.is_dir():
            return "picture" if ending_of(
                entry.name
            ) in endings and entry.is_file() else "other", ""
    except OSError as error:
        # A link to itself, for one.
        return "left out", error.strerror or str(error)
    return ("left out", "a link to a folder") if entry.is_symlink() else ("folder", "")


def _text(name: str) -> str:
    # Not NFC, unlike `tree.shown_name`: two files may differ in just that, and `images.path` is
    # where others look for the picture.
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class _Index:
    """Files by a text each (a path, or a path without ending), for looking up inexact names."""

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        self._exact: dict[str, list[str]] = defaultdict(list)
        self._folded: dict[str, list[str]] = defaultdict(list)
        self._tails: dict[str, list[str]] = defaultdict(list)
        self._depth = 0
        for text, file in texts:
            folded = _folded(text)
            self._exact[text].append(file)
            self._folded[folded].append(file)
            self._depth = max(self._depth, folded.count("/") + 1)
            self._tails[folded].append(file)
            slash = folded.find("/")
            while slash >= 0:
                self._tails[folded[slash + 1 :]].append(file)
                slash = folded.find("/", slash + 1)

    def find(self, name: str) -> list[str]:
        """The files of this text; else in other case; else of its longest matching path end."""
        if name in self._exact:
            return list(self._exact[name])
        folded = _folded(name)
        if folded in self._folded:
            return list(self._folded[folded])
        parts = folded.split("/")
        for first in range(max(len(parts) - self._depth, 0), len(parts)):
            tail = "/".join(parts[first:])
            if tail in self._tails:
                return list(self._tails[tail])
        return []
