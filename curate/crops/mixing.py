"""How many crops of which kind are taken, chosen by their ids so that one more changes few others.

A crop's place in the queue is a hash of its id and the seed: adding images or detections moves only
the end of the queue, not who stands where.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.crops.spec import Mix
from curate.tables import box_hashes

Hashes = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]

# Kinds of crops that a mix counts; all others (aside) are -1.
ON_OBJECT, OF_TRUTH, BACKGROUND = 0, 1, 2
# Products of shares and counts that miss a whole number by float steps alone.
_ROUNDING = 1e-9


def left_out(
    crops: Hashes, kinds: Codes, splits: npt.NDArray[np.str_], mix: Mix, seed: int
) -> npt.NDArray[np.bool_]:
    """(N,) whether a mix leaves a crop out.

    Parameters
    ----------
    crops
        (N,) int64 hashes: the crops' ids.
    kinds
        (N,) int8: `ON_OBJECT`, `OF_TRUTH`, `BACKGROUND`; -1 for crops that no mix counts.
    splits
        (N,) names of their splits, "" where none is stated.
    """
    gone = np.zeros(len(crops), np.bool_)
    for split in mix.splits:
        rows_of = [np.flatnonzero((splits == split) & (kinds == kind)) for kind in range(3)]
        most = _most([len(rows) for rows in rows_of], mix)
        for rows, n_kept in zip(rows_of, most, strict=True):
            queue = box_hashes(crops[rows], np.full(len(rows), seed, np.int64))
            gone[rows[np.argsort(queue, kind="stable")[n_kept:]]] = True
    return gone


def _most(counts: list[int], mix: Mix) -> list[int]:
    """The most crops of each kind that a mix takes."""
    if mix.shares is None:
        n_positive = counts[ON_OBJECT] + counts[OF_TRUTH]
        most = int((mix.background_per_positive or 0.0) * n_positive + _ROUNDING)
        return [counts[ON_OBJECT], counts[OF_TRUTH], most]
    n_whole = min(n / share for n, share in zip(counts, mix.shares, strict=True) if share > 0)
    return [int(n_whole * share + _ROUNDING) for share in mix.shares]


def priors(
    kinds: Codes, splits: npt.NDArray[np.str_], is_taken: npt.NDArray[np.bool_]
) -> Mapping[str, Mapping[str, Any]]:
    """Share of crops of objects among those of objects and background, by split.

    `natural` is that of the detector's stream, `sampled` that of the crops that are taken, with
    jittered boxes of objects; None where there are none of either.
    """
    told = {}
    for split in np.unique(splits).tolist():
        own = splits == split
        natural = [int((own & (kinds == kind)).sum()) for kind in (ON_OBJECT, BACKGROUND)]
        taken = own & is_taken
        n_objects = int((taken & ((kinds == ON_OBJECT) | (kinds == OF_TRUTH))).sum())
        n_background = int((taken & (kinds == BACKGROUND)).sum())
        told[split] = {
            "natural": _share(*natural),
            "sampled": _share(n_objects, n_background),
        }
    return told


def _share(n_objects: int, n_background: int) -> float | None:
    total = n_objects + n_background
    return n_objects / total if total else None
