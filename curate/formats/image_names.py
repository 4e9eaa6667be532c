"""Names of images, and of the label files made for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import pandas as pd

from curate.tree import PICTURE_ENDINGS

_UNSAFE_IN_PATH = re.compile('[\0-\x1f\x7f<>:"|?*/\\\\\ud800-\udfff]')
_RESERVED_STEM = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
_MAX_PART_BYTES = 200


def label_paths(names: Iterable[str], ending: str, taken: Iterable[str] = ()) -> list[str]:
    """A relative label path per image name, each of its own also where case does not count.

    The name's ending is replaced; of two images of one stem the second keeps its ending before
    `ending`. Parts that lead out of the folder are dropped, characters that a file system may
    refuse become `_`.
    """
    used = {path.casefold() for path in taken}
    paths = []
    for name in names:
        parts = [safe_part(p) for p in name.split("/") if p not in ("", ".", "..")] or ["_"]
        folder = "".join(f"{part}/" for part in parts[:-1])
        stem = stem_of(parts[-1])
        path, ordinal = f"{folder}{stem}{ending}", 1
        while path.casefold() in used:
            tail = "" if ordinal == 1 else f"-{ordinal}"
            path, ordinal = f"{folder}{parts[-1]}{tail}{ending}", ordinal + 1
        used.add(path.casefold())
        paths.append(path)
    return paths


def stem_of(name: str) -> str:
    """The name without the ending of a picture; `phone.photo.v2`, a stem already, stays whole."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in PICTURE_ENDINGS else name


def picture_names(images: pd.DataFrame) -> list[str]:
    """The images' names below their sources, with their picture's ending where they lack one.

    Label files of some formats are named like their picture but for its ending.
    """
    names = []
    for name, path in zip(names_below_source(images), images["path"], strict=True):
        has_ending = PurePosixPath(name).suffix.lower() in PICTURE_ENDINGS
        ending = "" if has_ending or pd.isna(path) else PurePosixPath(path).suffix
        names.append(name + ending)
    return names


def safe_part(part: str) -> str:
    """One part of a path as every file system takes it."""
    part = _UNSAFE_IN_PATH.sub("_", part)
    part = part.encode()[:_MAX_PART_BYTES].decode(errors="ignore").lstrip(" ").rstrip(". ") or "_"
    is_reserved = _RESERVED_STEM.fullmatch(part.partition(".")[0]) is not None
    return f"_{part}" if is_reserved else part


def names_below_source(images: pd.DataFrame) -> list[str]:
    """The images' names below their sources."""
    return [
        key.removeprefix(f"{source}/")
        for key, source in zip(images["image_key"], images["source"], strict=True)
    ]
