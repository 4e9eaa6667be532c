"""Which of crops that look alike stay: of a track, and of a camera.

Likeness is the number of bits in which two perceptual hashes of 64 bits differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.boxes import Floats, Rows
from curate.crops.spec import Thin

Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Alike:
    """What thinning knows of N crops.

    `phash` is (N,) uint64. `track` and `scene` are (N,) codes: of split, group, track and label,
    and of split, group and label; a track of -1 is none. `frame` orders the crops of a track.
    `crop` are their ids, which settle ties.
    """

    crop: npt.NDArray[np.int64]
    phash: npt.NDArray[np.uint64]
    track: Rows
    scene: Rows
    score: Floats
    area: Floats
    frame: Rows


def thinned(crops: Alike, thin: Thin) -> Masks:
    """(N,) whether a crop is thinned out.

    Of each track stay the first, the one of the best score, the largest, then always the one that
    differs most from those that stay, up to `per_track`, and none within `max_bits` of them. Then,
    of the crops of one scene, the one of the best score stays, and those within `max_bits` of it
    go; and so on.
    """
    gone = np.zeros(len(crops.crop), np.bool_)
    if thin.per_track is not None:
        tracked = np.flatnonzero(crops.track >= 0)
        for rows in _groups(crops.track, tracked):
            gone[rows] = True
            gone[_of_track(crops, rows, thin)] = False
    if thin.max_bits is not None:
        for rows in _groups(crops.scene, np.flatnonzero(~gone)):
            gone[_alike(crops, rows, thin.max_bits)] = True
    return gone


def _groups(codes: Rows, rows: Rows) -> list[Rows]:
    """The rows of each code that several of them have."""
    rows = rows[np.argsort(codes[rows], kind="stable")]
    cuts = np.flatnonzero(np.diff(codes[rows])) + 1
    return [group for group in np.split(rows, cuts) if len(group) > 1]


def _of_track(crops: Alike, rows: Rows, thin: Thin) -> Rows:
    """The rows of one track that stay."""
    assert thin.per_track is not None
    ids, frame, score, area = (c[rows] for c in (crops.crop, crops.frame, crops.score, crops.area))
    # Jittered boxes of objects have no score: they are no detector's best.
    score = np.where(np.isnan(score), -np.inf, score)
    leading = [np.lexsort((ids, key))[0] for key in (frame, -score, -area)]
    kept = list(dict.fromkeys(leading))[: thin.per_track]
    bits = _nearest(crops.phash[rows], crops.phash[rows[kept]])
    least = -1 if thin.max_bits is None else thin.max_bits
    while len(kept) < min(thin.per_track, len(rows)):
        bits[kept] = -1
        farthest = int(np.lexsort((ids, -bits))[0])
        if bits[farthest] <= least:
            break
        kept.append(farthest)
        bits = np.minimum(bits, _nearest(crops.phash[rows], crops.phash[rows[[farthest]]]))
    return rows[kept]


def _nearest(phash: npt.NDArray[np.uint64], kept: npt.NDArray[np.uint64]) -> Rows:
    """(N,) bits in which each hash differs from the nearest of some."""
    differs: Rows = np.bitwise_count(phash[:, None] ^ kept[None, :]).astype(np.int64)
    nearest: Rows = differs.min(axis=1)
    return nearest


def _alike(crops: Alike, rows: Rows, max_bits: int) -> Rows:
    """The rows of one scene that are like one which stays."""
    score = np.where(np.isnan(crops.score[rows]), -np.inf, crops.score[rows])
    rows = rows[np.lexsort((crops.crop[rows], -score))]
    waiting = crops.phash[rows]
    place = np.arange(len(rows))
    gone: list[Rows] = []
    # A step for each crop that stays: one comes to stay only when all better ones are settled.
    while len(place) > 1:
        is_like = np.bitwise_count(waiting[1:] ^ waiting[0]) <= max_bits
        gone.append(place[1:][is_like])
        waiting, place = waiting[1:][~is_like], place[1:][~is_like]
    return rows[np.concatenate(gone)] if gone else rows[:0]
