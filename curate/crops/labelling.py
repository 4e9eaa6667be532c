"""What each detection shows of the truth: its outcome, and the class that a classifier learns.

Two questions are apart: which detection an object is assigned to, one to one as COCOeval does (that
is for recall), and what a crop shows, whatever the assignment (that is for the label). A second
detection of a person shows a person: calling it background would teach the classifier wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.crops.manifest import OUTCOMES
from curate.crops.records import Found, Labelled
from curate.matching import NONE, Detections, Matched, MatchRule, Objects, match, most_inside

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BACKGROUND = "background"
CODE = {name: code for code, name in enumerate(OUTCOMES)}
GRADES = ("yes", "partial", "no")
YES, PARTIAL, NO = range(3)
# Outcomes whose label is the object's class.
_OF_OBJECT = ("matched", "duplicate", "confused", "ambiguous")
# Label states of an image that nobody has looked at, as far as is known.
_UNSEEN = ("missing", "unreadable")


@dataclass(frozen=True)
class Attribute:
    """A thing that a crop of another class may show, such as a weapon with a person.

    Parameters
    ----------
    label
        Class of the thing. Its boxes are no objects of their own.
    on
        Label of the crops that may show it.
    becomes
        Label of those that do.
    positive_ioa
        Share of the thing inside the crop from which on the crop shows it, 0..1.
    ignore_ioa
        Share below which it does not, 0..1; between the two no label can be told.
    """

    label: str
    on: str
    becomes: str
    positive_ioa: float = 0.7
    ignore_ioa: float = 0.2


@dataclass(frozen=True)
class Labelling:
    """By which rules a detection gets its outcome and label; overlaps are shares, 0..1.

    Parameters
    ----------
    match
        The assignment. Its `min_iou` is also from where on a detection shows the object that it
        lies on, whoever is assigned to that.
    near_iou
        IoU with an object from which on a detection is no background.
    ambiguous_iou
        IoU with each of two objects from which on it shows both.
    ignore_ioa
        Share inside an ignored object from which on nothing can be told.
    only_verified
        Whether background needs that somebody looked for the class in the image.
    attribute
        None: there is none.
    apart
        The truth's classes where those of the detector have none of them; None: they have some.

    Notes
    -----
    The limits are those of Fast R-CNN's sampling (Girshick 2015, section 2.3: positives from 0.5
    on), with a band below them that is neither.
    """

    match: MatchRule = field(default_factory=MatchRule)
    near_iou: float = 0.3
    ambiguous_iou: float = 0.3
    ignore_ioa: float = 0.5
    only_verified: bool = True
    attribute: Attribute | None = None
    apart: frozenset[str] | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """Detections and objects with their classes as codes, and the rules for them.

    Parameters
    ----------
    images, found, objects, labelling
        The images that both lie in, and the rules.
    words
        All labels, each once: what codes of labels stand for; -1 is none.
    is_sound
        (N,) bool: the detections that are not broken.
    is_thing
        (M,) bool: the attribute's objects.
    """

    images: pd.DataFrame
    found: Found
    objects: Labelled
    labelling: Labelling
    words: pd.Index[str]
    is_sound: Bools
    is_thing: Bools

    def codes(self, labels: pd.Series[str]) -> Codes:
        """(N,) int64 codes of labels."""
        return self.words.get_indexer(pd.Index(labels)).astype(np.int64)

    def code(self, label: str) -> int:
        """The code of a label that a rule names."""
        return int(self.words.get_indexer(pd.Index([label], dtype=self.words.dtype))[0])


def scene_of(images: pd.DataFrame, found: Found, objects: Labelled, labelling: Labelling) -> Scene:
    """The scene of some images."""
    things = labelling.attribute
    more = [BACKGROUND, *([things.label, things.on, things.becomes] if things else [])]
    boxes = [found.boxes, objects.boxes]
    classes = [set(one["label"].dropna().unique()) for one in boxes]
    words = pd.Index(sorted({*classes[0], *classes[1], *more}), dtype=found.boxes["label"].dtype)
    is_thing = np.zeros(len(objects.boxes), np.bool_)
    if things is not None:
        is_thing = (objects.boxes["label"] == things.label).to_numpy(np.bool_)
    return Scene(
        images=images,
        found=found,
        objects=objects,
        labelling=labelling,
        words=words,
        is_sound=pd.isna(found.reasons),
        is_thing=is_thing,
    )


def matched_in(scene: Scene) -> Matched:
    """Assignment and overlaps; broken detections and the attribute's objects have neither."""
    found = scene.found
    given = Detections(
        image=found.image_row,
        xyxy=np.where(scene.is_sound[:, None], found.xyxy, np.nan),
        label=scene.codes(found.boxes["label"]),
        score=found.score,
        id=found.boxes["box_id"].to_numpy(np.int64),
    )
    return match(given, _objects(scene, ~scene.is_thing), scene.labelling.match)


def _objects(scene: Scene, is_wanted: Bools) -> Objects:
    """All objects, the unwanted ones without edges, so that rows stay what they are."""
    objects = scene.objects
    return Objects(
        image=objects.image_row,
        xyxy=np.where(is_wanted[:, None], objects.xyxy, np.nan),
        label=scene.codes(objects.boxes["label"]),
        id=objects.boxes["box_id"].to_numpy(np.int64),
        is_ignored=objects.is_ignored,
    )


def shown_by(scene: Scene, matched: Matched) -> dict[str, Any]:  # numpy arrays by column
    """Outcome and label of N detections, and the objects that they lie on.

    Returns
    -------
    (N,) each: codes `outcome` and `label`; `is_assigned` 1, 0 or -1 for the broken; rows of
    objects `object_row`, `other_row` with `iou`, `other_iou`, and `ignore_ioa`, NaN for none.
    """
    own = scene.codes(scene.found.boxes["label"])
    label_of = np.append(scene.codes(scene.objects.boxes["label"]), NONE)
    is_assigned = np.append(~scene.objects.is_ignored, False)[matched.object_row]
    # Where it is assigned to the second best, the best is the other one.
    is_other = is_assigned & (matched.object_row != matched.best_row)
    object_row = np.where(is_assigned, matched.object_row, matched.best_row)
    outcome = _outcome(scene, matched, is_assigned, own == label_of[matched.best_row])
    label = np.full(len(outcome), NONE)
    has_object = np.isin(outcome, [CODE[word] for word in _OF_OBJECT])
    label[has_object] = label_of[object_row[has_object]]
    label[outcome == CODE["background"]] = scene.code(BACKGROUND)
    return {
        "outcome": outcome,
        "label": label,
        "is_assigned": np.where(scene.is_sound, is_assigned, NONE),
        "object_row": object_row,
        "iou": _or_nan(np.where(is_assigned, matched.overlap, matched.best_iou)),
        "other_row": np.where(is_other, matched.best_row, matched.second_row),
        "other_iou": _or_nan(np.where(is_other, matched.best_iou, matched.second_iou)),
        "ignore_ioa": _or_nan(matched.ignored_ioa),
    }


def _or_nan(shares: Floats) -> Floats:
    return np.where(shares > 0, shares, np.nan)


def _outcome(scene: Scene, matched: Matched, is_assigned: Bools, is_same: Bools) -> Codes:
    """(N,) codes of the outcomes: of the first rule that holds."""
    rules = scene.labelling
    lies_on = matched.best_iou >= rules.match.min_iou
    is_ignored = (matched.ignored_ioa >= rules.ignore_ioa) | _is_on_thing(scene)
    is_verified = looked_for(scene, scene.found.image_row, scene.codes(scene.found.boxes["label"]))
    cases = {
        NONE: ~scene.is_sound,
        CODE["ambiguous"]: matched.second_iou >= rules.ambiguous_iou,
        CODE["matched"]: is_assigned,
        CODE["duplicate"]: lies_on & (is_same | (rules.apart is not None)),
        CODE["confused"]: lies_on,
        CODE["near"]: matched.best_iou >= rules.near_iou,
        CODE["ignored"]: is_ignored,
        CODE["unverified"]: ~is_verified,
    }
    return np.select(list(cases.values()), list(cases), CODE["background"])


def _is_on_thing(scene: Scene) -> Bools:
    """(N,) bool: detections of the attribute's class that lie on such a thing: no false alarms."""
    found, things = scene.found, scene.labelling.attribute
    is_on = np.zeros(len(found.boxes), np.bool_)
    if things is None:
        return is_on
    rows = np.flatnonzero(scene.is_sound & (found.boxes["label"] == things.label).to_numpy(bool))
    ids = found.boxes["box_id"].to_numpy(np.int64)[rows]
    given = Detections(found.image_row[rows], found.xyxy[rows], ids, found.score[rows], ids)
    any_thing = replace(_objects(scene, scene.is_thing), is_ignored=np.zeros_like(scene.is_thing))
    is_on[rows] = match(given, any_thing, MatchRule()).best_iou >= scene.labelling.near_iou
    return is_on


def looked_for(scene: Scene, image_row: Codes, label: Codes) -> Bools:
    """(N,) bool: whether somebody looked for a class in an image, as far as is known."""
    if not scene.labelling.only_verified:
        return np.ones(len(label), np.bool_)
    lists, sets = lists_of_classes(scene.images)
    # The last row is for no list: all classes were looked for.
    table = np.ones((len(sets) + 1, len(scene.words)), np.bool_)
    ours = scene.labelling.apart
    for number, listed in enumerate(sets):
        # A class that is none of the truth's stands for all of them.
        is_all = ours is not None and ours <= listed
        table[number] = [is_all or word in listed for word in scene.words]
    is_unseen = scene.images["label_state"].isin(_UNSEEN).to_numpy(bool)
    # Broken detections have neither image nor class, and are told apart before.
    is_known: Bools = table[np.append(lists, NONE)[image_row], label]
    is_known &= ~np.append(is_unseen, False)[image_row]
    return is_known


def lists_of_classes(images: pd.DataFrame) -> tuple[Codes, list[set[str]]]:
    """The different lists of classes that were looked for, and the one of each image; -1: none."""
    codes, texts = pd.factorize(images["exhaustive"])
    return codes, [set(json.loads(text)) for text in texts]


def graded(scene: Scene, image_row: Codes, rectangle: Floats) -> tuple[Codes, Codes, Floats]:
    """Whether crops show the attribute's thing: codes of `GRADES`, rows of things, their shares.

    A thing that nobody has decided on (ignored, a group) makes a crop partial at most. -1: that
    nobody has looked for such things in the image.

    Parameters
    ----------
    image_row
        (N,) int64.
    rectangle
        (N, 4) float64, px: what the crops show.
    """
    things = scene.labelling.attribute
    assert things is not None, "asked for an attribute only where there is one"
    undecided = scene.objects.is_ignored
    row, share = most_inside(image_row, rectangle, _objects(scene, scene.is_thing & ~undecided))
    unsure, of_unsure = most_inside(
        image_row, rectangle, _objects(scene, scene.is_thing & undecided)
    )
    is_unsure = (share < things.positive_ioa) & (of_unsure > share)
    row, share = np.where(is_unsure, unsure, row), np.where(is_unsure, of_unsure, share)
    label = np.full(len(row), scene.code(things.label))
    is_yes = (share >= things.positive_ioa) & ~is_unsure
    cases = [is_yes, share >= things.ignore_ioa, looked_for(scene, image_row, label)]
    return np.select(cases, [YES, PARTIAL, NO], NONE), row, _or_nan(share)
