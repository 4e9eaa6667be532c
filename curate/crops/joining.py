"""Which image of the truth the image of a detection is: by what both state, never by a guess."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.errors import quote
from curate.formats.image_names import names_below_source, stem_of

UNKNOWN = -1
SHOWN = 3
# The rules that compare less than all that is stated.
_STEMS = ("name without ending", "stem")
# What each image states, None where it states nothing.
_Keys = list[Hashable | None]


@dataclass(frozen=True, eq=False)
class Joined:
    """Which image of the truth each of N images is.

    Parameters
    ----------
    row
        (N,) int64: its row in the truth's images; -1 where unknown.
    reasons
        By row of an image that is unknown, why: what is, what should be.
    n_by
        How many were joined by each rule: image key, name, group and frame, name without ending,
        stem.
    """

    row: npt.NDArray[np.int64]
    reasons: Mapping[int, str]
    n_by: Mapping[str, int]

    @classmethod
    def same(cls, n_images: int) -> Joined:
        """Each of N images is itself."""
        return cls(np.arange(n_images), {}, dict.fromkeys(_RULES, 0))


def join_images(images: pd.DataFrame, truth: pd.DataFrame) -> Joined:
    """The image of the truth that each image is, by the first rule that finds just one.

    Parameters
    ----------
    images, truth
        Tables of `curate.tables.IMAGE_COLUMNS`.

    Notes
    -----
    The rules: the image key; the name below the source; group and frame; the name without its
    ending; its stem. By name, group and frame several images can be one of the truth, as the
    results of two detectors are. Stems join one to one, an image that another rule has joined is
    not joined again, and where both sides state group and frame, which then differ, stems count
    for nothing: each video has a frame 000001.
    """
    row = np.full(len(images), UNKNOWN)
    fitting: dict[int, list[int]] = {}
    n_by = dict.fromkeys(_RULES, 0)
    is_filmed = [_is_filmed(images), _is_filmed(truth)]
    for rule, keys_of in _RULES.items():
        if (row != UNKNOWN).all():
            break
        own, others = keys_of(images), keys_of(truth)
        is_stem = rule in _STEMS
        rows_of = _rows_of(others)
        n_own = Counter(own)
        taken = set(row[row != UNKNOWN].tolist())
        for at in np.flatnonzero(row == UNKNOWN).tolist():
            found = rows_of.get(own[at], []) if own[at] is not None else []
            if is_stem and is_filmed[0][at]:
                found = [other for other in found if not is_filmed[1][other]]
            is_free = not is_stem or (n_own[own[at]] == 1 and not taken & set(found))
            if len(found) == 1 and is_free:
                row[at] = found[0]
            elif found:
                fitting.setdefault(at, found)
        n_by[rule] = int((row != UNKNOWN).sum()) - sum(n_by.values())
    names, theirs = images["image_key"].tolist(), truth["image_key"].tolist()
    reasons = {
        at: _reason(names[at], [theirs[found] for found in fitting.get(at, [])])
        for at in np.flatnonzero(row == UNKNOWN).tolist()
    }
    return Joined(row, reasons, n_by)


def _image_keys(images: pd.DataFrame) -> _Keys:
    return images["image_key"].tolist()


def _names(images: pd.DataFrame) -> _Keys:
    return [*names_below_source(images)]


def _frames(images: pd.DataFrame) -> _Keys:
    stated = zip(images["group"].tolist(), images["frame"].tolist(), strict=True)
    is_known = _is_filmed(images)
    return [key if known else None for key, known in zip(stated, is_known, strict=True)]


def _names_without_ending(images: pd.DataFrame) -> _Keys:
    parted = [name.rpartition("/") for name in names_below_source(images)]
    return [f"{folder}{slash}{stem_of(name)}" for folder, slash, name in parted]


def _stems(images: pd.DataFrame) -> _Keys:
    return [stem_of(name.rpartition("/")[2]) for name in names_below_source(images)]


# The surest first.
_RULES: dict[str, Callable[[pd.DataFrame], _Keys]] = {
    "image key": _image_keys,
    "name": _names,
    "group and frame": _frames,
    "name without ending": _names_without_ending,
    "stem": _stems,
}


def _is_filmed(images: pd.DataFrame) -> list[bool]:
    return (images["group"].notna() & images["frame"].notna()).tolist()


def _rows_of(keys: _Keys) -> dict[Hashable, list[int]]:
    rows: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        if key is not None:
            rows.setdefault(key, []).append(row)
    return rows


def _reason(name: str, fitting: Sequence[str]) -> str:
    if not fitting:
        return f"image {quote(name)} is unknown, should be one of the truth's"
    shown = ", ".join(quote(key) for key in fitting[:SHOWN])
    more = f" and {len(fitting) - SHOWN} more" if len(fitting) > SHOWN else ""
    return f"image {quote(name)} may be {shown}{more}, should be just one of the truth's"
