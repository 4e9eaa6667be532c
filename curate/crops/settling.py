"""What is decided once for a whole set, so that its blocks of images cannot differ in it.

Which boxes are the detector's and which are objects, which of these count neither way, which
images belong together, whether the classes of both have anything in common, and what a missing
score means.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import enclose_area
from curate.crops.joining import UNKNOWN, Joined, join_images
from curate.crops.labelling import Labelling, lists_of_classes
from curate.crops.records import EDGES, ENCLOSING, UNREAD_RECORD
from curate.dataset import Dataset
from curate.definitions.ignoring import ignored_by
from curate.definitions.model import Definition
from curate.formats import derived

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Settled:
    """The truth and the detections of a set, and the rules that hold for all of it.

    Parameters
    ----------
    truth
        Images by key, and the boxes that are objects, with the role `ignore` all that count neither
        way; None: there is no truth.
    detections
        What the detector gave and no other boxes, with the findings about them; each has a score
        if any has.
    joined
        The rows in `images` of the images of `detections`.
    labelling
        The rules, with what was found out about the classes.
    told
        What was assumed or left out, each with its mend.
    """

    truth: Dataset | None
    detections: Dataset
    joined: Joined
    labelling: Labelling
    told: tuple[str, ...]

    @property
    def images(self) -> pd.DataFrame:
        """Of the truth, without one of the detections, by image key."""
        return (self.detections if self.truth is None else self.truth).images


def settled(
    truth: Dataset | None, detections: Dataset, labelling: Labelling, definition: Definition
) -> Settled:
    """What is decided for a whole set.

    Parameters
    ----------
    truth
        Images and objects; boxes of a detector beside them are left out.
    detections
        The detector's output; beside boxes of a detector others are left out, so that one dataset
        can be both.
    labelling
        The rules that are asked for.
    definition
        Of kind `matching`: which objects are ignored.
    """
    found, told = _scored(_of_detector_alone(detections))
    if truth is None:
        found = _by_key(found)
        return Settled(None, found, Joined.same(len(found.images)), labelling, tuple(told))
    objects, told_of_objects = _objects_alone(_by_key(truth), definition)
    labelling, told_of_classes = _with_classes(labelling, found, objects)
    joined = join_images(found.images, objects.images)
    told += [*told_of_objects, *told_of_classes, *_told_of_images(joined, len(objects.images))]
    return Settled(objects, found, joined, labelling, tuple(told))


def _by_key(dataset: Dataset) -> Dataset:
    return dataset.with_tables(images=dataset.images.sort_values("image_key"))


def _of_detector(boxes: pd.DataFrame, *, is_wanted: bool) -> Bools:
    """(N,) the boxes that are a detector's, or those that are not; all where there are no such."""
    is_fit: Bools = ((boxes["origin"] == "detector") == is_wanted).to_numpy(bool)
    return is_fit if is_fit.any() else np.ones(len(boxes), np.bool_)


def _with_boxes(dataset: Dataset, is_kept: Bools) -> Dataset:
    # Millions of rows are not copied for nothing.
    return dataset if is_kept.all() else dataset.with_tables(boxes=dataset.boxes[is_kept])


def _of_detector_alone(detections: Dataset) -> Dataset:
    """The detections without other boxes, and without findings about files of other boxes."""
    is_own = _of_detector(detections.boxes, is_wanted=True)
    others = set(detections.boxes["file"][~is_own].dropna())
    own = _with_boxes(detections, is_own)
    return own.with_tables(findings=own.findings[~own.findings["file"].isin(others)])


def _scored(detections: Dataset) -> tuple[Dataset, list[str]]:
    """The detections with a score of 1.0 each where the source knows none."""
    score = detections.boxes["score"]
    members = detections.findings.loc[detections.findings["check"] == UNREAD_RECORD, "members"]
    is_broken = detections.boxes["box_id"].isin({box for ids in members for box in ids})
    if score.notna().any() or is_broken.all():
        return detections, []
    boxes = detections.boxes.assign(score=score.mask(~is_broken.to_numpy(bool), 1.0))
    told = "no detection has a score: each counts as 1.0 - give a format with scores"
    return detections.with_tables(boxes=boxes), [told]


def _objects_alone(truth: Dataset, definition: Definition) -> tuple[Dataset, list[str]]:
    """The truth with its objects alone, and what was assumed of them."""
    boxes, told = truth.boxes, []
    if len(boxes) and (boxes["origin"] == "detector").all():
        told.append("every object of the truth is a detector's - give labels that people checked")
    is_asked = (boxes["role"] != "exclude") & boxes["shape"].isin(ENCLOSING)
    is_object = _of_detector(boxes, is_wanted=False) & is_asked.to_numpy(bool)
    is_flat = is_object & ~enclose_area(boxes[EDGES].to_numpy(np.float64))
    if is_flat.any():
        n_flat = int(is_flat.sum())
        told.append(f"{n_flat} objects of the truth have no area - `curate audit` names them")
    is_object &= ~is_flat
    found = ignored_by(definition, truth, derived)
    decided = boxes.assign(role=boxes["role"].mask(found.is_ignored, "ignore"))
    return _with_boxes(truth.with_tables(boxes=decided), is_object), [*told, *found.told(is_object)]


def _with_classes(
    labelling: Labelling, detections: Dataset, truth: Dataset
) -> tuple[Labelling, list[str]]:
    """The rules; whatever the class where detector and truth have no class in common."""
    classes = [set(one.boxes["label"].dropna().unique()) for one in (detections, truth)]
    known = [own | set(one.classes["label"]) for own, one in
             zip(classes, (detections, truth), strict=True)]  # fmt: skip
    # Who has looked for a class knows it, also where there was none.
    known[1] = known[1].union(*lists_of_classes(truth.images)[1])
    if not (classes[0] and classes[1]) or known[0] & known[1]:
        return labelling, []
    shown = " and ".join(f"{min(own)!r}" for own in classes)
    told = (
        f"detections and truth, with classes such as {shown}, have none in common: matched "
        "whatever the class - name the detector's (--classes FILE, --class-ids index) if they "
        "are the same"
    )
    rule = replace(labelling.match, class_aware=False)
    return replace(labelling, match=rule, apart=frozenset(classes[1])), [told]


def _told_of_images(joined: Joined, n_images: int) -> Iterable[str]:
    if joined.n_by["stem"]:
        yield f"{joined.n_by['stem']} images of the detections were joined by their stem"
    n_without = n_images - len(np.unique(joined.row[joined.row != UNKNOWN]))
    if n_without:
        yield (
            f"{n_without} images of the truth are none of the detections': all their objects are "
            "missed - leave them out if the detector has not seen them"
        )
