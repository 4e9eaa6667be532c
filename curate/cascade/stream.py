"""What a detector gave out and what it missed, as arrays: who counts, and as what.

A *proposal* is a row with a detection. It *counts* when its crop shows something that a label
states: outcomes matched, duplicate, confused, ambiguous, background. Ignored and unverified ones,
those near an object, with a part of an attribute, or without truth count neither way; they are
proposals all the same, in numbers per image and in costs, as are those that were thinned or left
out: they happened in the stream. Small and lost ones have no crop: what they show is missed by the
cascade. Crops that were cut from the truth (origin gt) were never proposed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.cascade.options import Options, nearest
from curate.cascade.reading import SUMMARY, Manifest
from curate.crops.manifest import OUTCOMES
from curate.errors import Place, SourceError, UsageError, quote

BACKGROUND = "background"
_COUNTED = ("matched", "duplicate", "confused", "ambiguous", "background")
_NO_CROP = ("small", "lost")

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stream:
    """The N proposals of a manifest (or of one split), and the objects that have none.

    Parameters
    ----------
    crop_id, status
        (N,) words as the manifest has them.
    score
        (N,) float64, finite.
    image
        (N,) number of the image, from 0.
    label
        (N,) place in `labels` of what the crop shows; -1: nobody can say.
    labels
        The classes of the crops, sorted.
    target
        Place in `labels` of the class that counts; None: every class but the background.
    counts, is_background, has_crop
        (N,) see above.
    is_found
        (N,) it is the assigned detection of an object of the class that counts.
    is_false
        (N,) it counts and shows no object of the class that counts, or of the class it says.
    group, missed_group
        (N,) and (M,) number of the group, from 0, of the proposals and the objects without one.
    n_groups
        Number of groups; 1 where the manifest states none.
    n_images
        Images that the detector ran on.
    outcomes
        Number of proposals by outcome, and of missed objects, of all classes.
    notes
        What a reader of the numbers should know.
    """

    crop_id: pd.Series[Any]
    status: pd.Series[Any]
    score: Floats
    image: Ints
    label: Ints
    labels: tuple[str, ...]
    target: int | None
    counts: Bools
    is_background: Bools
    has_crop: Bools
    is_found: Bools
    is_false: Bools
    group: Ints
    missed_group: Ints
    n_groups: int
    n_images: int
    outcomes: dict[str, int]
    notes: tuple[str, ...]

    @property
    def n_objects(self) -> int:
        """Objects of the class that counts, found or missed."""
        return int(self.is_found.sum()) + len(self.missed_group)


def stream_of(manifest: Manifest, options: Options) -> Stream:
    """The proposals and missed objects of a manifest, of one split where the options name one.

    Raises
    ------
    UsageError
        For a split or a class that the manifest does not have.
    SourceError
        When there is no detection, or `crops.json` states fewer images than have rows.
    """
    rows, notes = _selected(manifest.rows, options.split)
    n_images = _n_images(manifest, rows, options.split, notes)
    image = _codes(rows["image_id"])
    group, n_groups = _groups(rows, image, notes)
    is_missed = (rows["outcome"] == "missed").to_numpy(bool)
    known = _proposals(rows, notes)
    if not known.any():
        what = "has no detection" + ("" if options.split is None else " in this split")
        place = Place(str(manifest.path))
        raise SourceError(what, place=place, mend="give a manifest made with --from-detector")
    label, labels = _labels(rows, is_missed)
    target = _target(labels, options.label)
    is_object = _is_class(label, labels) if target is None else label == target
    is_first = ~rows["object_id"].where(is_missed).duplicated().to_numpy(bool)
    own = rows[known]
    shown = label[known]
    counts = own["outcome"].isin(_COUNTED).to_numpy(bool) & (shown >= 0)
    assigned = own["is_assigned"].fillna(False).to_numpy(bool)
    background = (own["outcome"] == "background").to_numpy(bool)
    if target is None:
        is_false = counts & own["outcome"].isin(("background", "confused")).to_numpy(bool)
        is_false &= ~assigned
    else:
        is_false = counts & (shown != target)
    return Stream(
        crop_id=own["crop_id"],
        status=own["status"],
        score=own["score"].to_numpy(np.float64),
        image=image[known],
        label=shown,
        labels=labels,
        target=target,
        counts=counts,
        is_background=background & counts,
        has_crop=~own["status"].isin(_NO_CROP).to_numpy(bool),
        is_found=assigned & is_object[known],
        is_false=is_false,
        group=group[known],
        missed_group=group[is_missed & is_first & is_object],
        n_groups=n_groups,
        n_images=n_images,
        outcomes=_outcomes(own, int((is_missed & is_first).sum())),
        notes=tuple(notes),
    )


def _selected(rows: pd.DataFrame, split: str | None) -> tuple[pd.DataFrame, list[str]]:
    """The rows of a split, or all with a note where these are several."""
    splits = sorted(rows["split"].dropna().unique().tolist())
    if split is None:
        several = f"{len(splits)} splits together ({', '.join(splits)}): --split takes one"
        return rows, [several] if len(splits) > 1 else []
    if split not in splits:
        told = ", ".join(splits) or "none stated"
        raise UsageError(
            f"--split {quote(split)} is not in the manifest, which has {told}",
            mend=nearest(split, splits) or "use one of these",
        )
    return rows[(rows["split"] == split).to_numpy(bool)].reset_index(drop=True), []


def _n_images(manifest: Manifest, rows: pd.DataFrame, split: str | None, notes: list[str]) -> int:
    n_seen = int(rows["image_id"].nunique())
    summary = manifest.summary
    if summary is None:
        notes.append(
            f"no {SUMMARY} beside the manifest: {n_seen} images with rows stand for all images, "
            "so numbers per image are too high where images have none"
        )
        return n_seen
    images = summary.get("images")
    told = images if isinstance(images, dict) else {}
    by_split = told.get("by_split")
    if split is None:
        stated = told.get("total")
    else:
        stated = by_split.get(split) if isinstance(by_split, dict) else None
    mend = "write the set again with curate crops"
    if not isinstance(stated, int) or isinstance(stated, bool):
        of_split = "" if split is None else f" of split {quote(split)}"
        what = f"does not state the number of images{of_split}"
        raise SourceError(what, place=manifest.summary_place, mend=mend)
    if stated < n_seen:
        what = f"states {stated} images, the manifest has rows of {n_seen}"
        raise SourceError(what, place=manifest.summary_place, mend=mend)
    return stated


def _codes(words: pd.Series[Any]) -> Ints:
    """(N,) a number per word, from 0; -1 for null."""
    codes, _ = pd.factorize(words)
    return codes.astype(np.int64)


def _groups(rows: pd.DataFrame, image: Ints, notes: list[str]) -> tuple[Ints, int]:
    """(N,) group of each row, from 0, and their number; an image without one is one of its own."""
    codes = _codes(rows["group"])
    n_named = int(codes.max(initial=-1)) + 1
    if not n_named:
        notes.append("no groups in the manifest: the intervals take objects as independent")
        return np.zeros(len(rows), np.int64), 1
    alone = np.where(image >= 0, n_named + image, n_named + int(image.max(initial=-1)) + 1)
    joined, found = pd.factorize(np.where(codes >= 0, codes, alone))
    if len(found) == 1:
        notes.append("one group in the manifest: the intervals take objects as independent")
    return joined.astype(np.int64), len(found)


def _labels(rows: pd.DataFrame, is_missed: Bools) -> tuple[Ints, tuple[str, ...]]:
    """(N,) place in the sorted classes of what each row shows; -1 where nobody can say."""
    is_assigned = rows["is_assigned"].fillna(False).to_numpy(bool)
    is_partial = (rows["outcome"] == "partial").to_numpy(bool)
    # A row that was lost may not have come as far as a label.
    by_object = rows["object_label"].where((is_missed | is_assigned) & ~is_partial)
    codes, found = pd.factorize(rows["label"].where(~is_partial).fillna(by_object), sort=True)
    return codes.astype(np.int64), tuple(str(word) for word in found)


def _is_class(label: Ints, labels: tuple[str, ...]) -> Bools:
    """(N,) whether a class is known that is not the background."""
    background = labels.index(BACKGROUND) if BACKGROUND in labels else -1
    is_class: Bools = (label >= 0) & (label != background)
    return is_class


def _target(labels: tuple[str, ...], label: str | None) -> int | None:
    if label is None:
        return None
    if label == BACKGROUND or label not in labels:
        legal = [word for word in labels if word != BACKGROUND]
        raise UsageError(
            f"--label {quote(label)} is no class of the crops, which are {', '.join(legal)}",
            mend=nearest(label, legal) or "use one of these",
        )
    return labels.index(label)


def _outcomes(own: pd.DataFrame, n_missed: int) -> dict[str, int]:
    counts = own["outcome"].fillna("broken").value_counts()
    told = {name: int(counts.get(name, 0)) for name in (*OUTCOMES, "broken")}
    told["missed"] = n_missed
    return {name: count for name, count in told.items() if count}


def _proposals(rows: pd.DataFrame, notes: list[str]) -> Bools:
    """(N,) which rows are detections with a score, in an image that is known."""
    is_detection = (rows["det_id"].notna() & (rows["origin"] == "detector")).to_numpy(bool)
    has_score = np.isfinite(rows["score"].to_numpy(np.float64))
    has_image = rows["image_id"].notna().to_numpy(bool)
    n_out = int((is_detection & ~(has_score & has_image)).sum())
    if n_out:
        notes.append(f"{n_out} detections without a score or a known image are in no number")
    known: Bools = is_detection & has_score & has_image
    return known
