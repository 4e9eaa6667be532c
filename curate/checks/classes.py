"""Checks of a set's classes: lists, names, numbers of boxes, splits.

Each finding stands for one cause in the whole set. What counts as a label is told in `labels`.
A set of few boxes is a sample, of which counts say nothing: `min_boxes`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict

import numpy as np
import pandas as pd

from curate.checks.hits import NO_ROWS, Cause, Hits, has_inside, set_hits
from curate.checks.labels import Labels, by_code, named

# Between two digits a sign is part of the number ("1.5" is not "15"), before one a minus is.
_FILLERS = re.compile(r"(?<=\d)([.,/-])(?=\d)|(?<!\w)(-)(?=\d)|[^\w+#]|_")
_TRAIN = "train"
_KINDS = {"polygon": "outline", "mask": "outline", "rotated": "box"}


def class_unused(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    classes: pd.DataFrame,
    labels: Labels,
    *,
    min_boxes: float,
) -> Hits:
    """Classes stand in the source's list, and no box has them.

    Why it hurts: the network gets an output that never learns anything; the mean of the classes'
    AP counts it as 0 or leaves it out, by tool. Often a part of the labels is missing, or the list
    is another project's.

    Pass: categories person, car; boxes of both
    Fail: categories person, car, tram; no box of class tram

    `min_boxes`: sets of fewer labels are not judged. Value: number of such classes.

    It cannot tell a subset, which rightly keeps the list of the whole.

    Usual mend: look whether labels are missing; else take the class out of the list.
    """
    used = set(boxes["label"].dropna().unique())
    listed = classes["label"].drop_duplicates()
    unused = sorted(set(listed) - used)
    causes = []
    if unused and labels.counts.sum() >= max(min_boxes, 1):
        files = classes["file"].unique()
        message = f"{len(unused)} of {len(listed)} listed classes have no box: {named(unused)}"
        file = str(files[0]) if len(files) == 1 else ""
        causes = [Cause("classes", NO_ROWS, len(unused), message, file)]
    return set_hits(
        causes, 0.0, "classes", "look whether labels are missing, else take it out of the list"
    )


def class_unlisted(
    boxes: pd.DataFrame, images: pd.DataFrame, classes: pd.DataFrame, labels: Labels
) -> Hits:
    """Boxes have a class that stands in no list of their source, which has one.

    Why it hurts: loaders that number the classes by the list stop at the box, or drop it.

    Pass: names person, car; boxes of both
    Fail: names person, car; a box of class tram

    Value: number of boxes of the class; one finding per class. What the reader could not match
    (SRC-004) has no class here. Of several sources only files are judged that hold the list
    themselves, as COCO's do.

    It cannot tell a list that is not whole from a wrong name.

    Usual mend: add the class to the list, or correct the name.
    """
    listed = classes["label"].unique()
    strange = [n for n in labels.present.tolist() if labels.names[n] not in set(listed)]
    rows = labels.rows_of(np.array(strange, np.int64))
    if images["source"].nunique() > 1:
        rows = rows[boxes["file"].iloc[rows].isin(classes["file"]).to_numpy(bool)]
    causes = []
    for code, some in by_code(labels.codes, rows if len(listed) else NO_ROWS, 1):
        message = (
            f"{len(some)} boxes are of class {labels.names[code]!r:.80}, which is none of the "
            f"{len(listed)} listed ones ({named(sorted(listed))})"
        )
        causes.append(Cause(labels.names[code], some, len(some), message))
    return set_hits(causes, 0.0, "boxes", "add the class to the list, or correct its name")


def class_only_one(
    boxes: pd.DataFrame, images: pd.DataFrame, labels: Labels, *, min_boxes: float
) -> Hits:
    """All labels of the set are of one class.

    Why it hurts: it does not, where one class is wanted; else the classes were lost on the way (an
    export of the wrong layer, a conversion that writes 0 for all).

    Pass: 80 boxes of person, 70 of car
    Fail: 150 boxes, all of class 0

    `min_boxes`: sets of fewer labels are not judged. Value: number of classes.

    It cannot tell which was meant.

    Usual mend: none, where one class is wanted; else export again.
    """
    causes = []
    if len(labels.present) == 1 and labels.counts.sum() >= min_boxes:
        name = labels.names[labels.present[0]]
        message = f"all {labels.counts.sum()} labels are of class {name!r:.80}"
        causes = [Cause("classes", NO_ROWS, 1, message)]
    return set_hits(causes, 2.0, "classes", "export again where more classes were drawn")


def class_few_boxes(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    max_boxes: float,
    min_boxes: float,
) -> Hits:
    """Classes have so few labels that nothing can be learnt or measured of them.

    Why it hurts: a class of one box cannot stand in both training and test; mostly it is a
    misspelt name or a key pressed by mistake.

    Pass: person 80, car 70
    Fail: person 80, car 69, persn 1

    `max_boxes`: up to this many labels a class is reported. `min_boxes`: sets of fewer labels are
    not judged. Value: number of such classes; the boxes are members.

    It cannot tell a rare thing from a slip.

    Usual mend: correct the class, join it with another, or label more of it.
    """
    few = np.flatnonzero((labels.counts > 0) & (labels.counts <= max_boxes))
    causes = []
    if len(few) and labels.counts.sum() >= min_boxes:
        names = [labels.names[n] for n in few.tolist()]
        message = (
            f"{len(few)} of {len(labels.present)} classes have at most {max_boxes:g} labels: "
            f"{named(names)}"
        )
        causes = [Cause("classes", labels.rows_of(few), len(few), message)]
    return set_hits(
        causes, 0.0, "classes", "correct the class, join it with another, or label more of it"
    )


def classes_imbalanced(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    max_ratio: float,
    min_boxes: float,
) -> Hits:
    """The most frequent class has many times the labels of the rarest.

    Why it hurts: a detector trained on it finds the frequent class and misses the rare one, which
    the mean over all boxes hides.

    Pass: person 800, car 40 (20 times)
    Fail: person 800, car 10 (80 times)

    `max_ratio`: below this many times the labels is not reported. `min_boxes`: sets of fewer labels
    are not judged. Value: the ratio.

    It cannot tell what the camera sees from what was left unlabelled.

    Usual mend: label more of the rare classes, join them, or weight them in training.
    """
    counts = labels.counts[labels.present]
    causes = []
    if len(counts) > 1 and counts.sum() >= min_boxes and counts.max() >= max_ratio * counts.min():
        often, rare = (int(labels.present[n]) for n in (counts.argmax(), counts.argmin()))
        n_rare = int(np.count_nonzero(counts * max_ratio <= counts.max()))
        message = (
            f"class {labels.names[often]!r:.80} has {counts.max()} labels, "
            f"{counts.max() / counts.min():.4g} times the {counts.min()} of "
            f"{labels.names[rare]!r:.80}, should be below {max_ratio:g} times; {n_rare} of "
            f"{len(counts)} classes are that rare"
        )
        causes = [Cause("classes", NO_ROWS, float(counts.max() / counts.min()), message)]
    return set_hits(
        causes, max_ratio, "times", "label more of the rare classes, or weight them in training"
    )


def class_names_alike(
    boxes: pd.DataFrame, images: pd.DataFrame, classes: pd.DataFrame, labels: Labels
) -> Hits:
    """Class names differ only in case, white space or punctuation.

    Why it hurts: one thing is learnt as two classes, each with a part of the boxes, and each is a
    false detection of the other.

    Pass: person, car; 1.5 t and 15 t
    Fail: Person, person, per-son

    Names of boxes and of lists are compared, over all sources of the set. Value: number of
    spellings. Members are the boxes of all but the most frequent spelling.

    It cannot tell two things that are named alike on purpose, and knows no synonyms and no plural.

    Usual mend: rename to one spelling.
    """
    counts = dict(zip(labels.names, labels.counts.tolist(), strict=True))
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted({*counts, *classes["label"]}):
        alike[_folded(name)].append(name)
    causes = []
    for folded, names in alike.items():
        if len(names) > 1:
            names.sort(key=lambda name: (-counts.get(name, 0), name))
            message = "class names that differ only in case, white space or punctuation: "
            message += ", ".join(f"{n!r:.80} ({counts.get(n, 0)} labels)" for n in names)
            others = [n for n, name in enumerate(labels.names) if name in names[1:]]
            members = labels.rows_of(np.array(others, np.int64))
            causes.append(Cause(folded, members, len(names), message))
    return set_hits(causes, 1.0, "spellings", "rename the classes to one spelling")


def _folded(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).casefold()
    folded = _FILLERS.sub(lambda found: found[1] or found[2] or "", text)
    return folded or text


def class_ids_differ(
    boxes: pd.DataFrame, images: pd.DataFrame, classes: pd.DataFrame, labels: Labels
) -> Hits:
    """Lists of the set give one class number to two names, or one name two numbers.

    Why it hurts: tools that join label files by number mix the classes (a train and a validation
    file whose lists stand in another order), and nothing fails.

    Pass: 1 person, 2 car in both files
    Fail: 1 person, 2 car in a.json; 1 car, 2 person in b.json

    Value: numbers that mean several names. Two entries of one list are SRC-006 and SRC-007. Here
    boxes go by name, so that they are right.

    It cannot tell which list other tools go by.

    Usual mend: give all files one list, in one order.
    """
    known = classes[["file", "source_id", "label"]].dropna()
    several = known.groupby("source_id")["label"].nunique()
    moved = known.groupby("label")["source_id"].nunique()
    n_ids, n_names = int((several > 1).sum()), int((moved > 1).sum())
    causes = []
    if known["file"].nunique() > 1 and n_ids + n_names:
        message = f"{n_ids} class numbers mean several names, {n_names} names have several numbers"
        message += _first_clash(known, several, moved)
        causes = [Cause("classes", NO_ROWS, n_ids + n_names, message)]
    return set_hits(causes, 0.0, "clashes", "give all files one list of classes, in one order")


def _first_clash(known: pd.DataFrame, several: pd.Series[int], moved: pd.Series[int]) -> str:
    column, found = ("source_id", several) if (several > 1).any() else ("label", moved)
    first = found.index[(found > 1).to_numpy(bool)][0]
    rows = known[known[column] == first].drop_duplicates(["source_id", "label"]).head(3)
    told = [f"{i!r} is {name!r:.80} in {file}" for file, i, name in rows.to_numpy().tolist()]
    return f", as {', '.join(told)}"


def class_not_in_train(
    boxes: pd.DataFrame, images: pd.DataFrame, labels: Labels, *, max_share_frac: float
) -> Hits:
    """A split has labels of classes that the training split does not have.

    Why it hurts: no detector can find them: the evaluation measures the split, not the detector.

    Pass: train person, car; val person
    Fail: train person; val person, car

    `max_share_frac`: up to this share of the split's labels is not reported. Value: the share. One
    finding per split. The training split is the one that is called so (`train`, `train2017`).

    It cannot judge sets without a training split, and boxes of images without a split.

    Usual mend: split again by class, or take the class out of the split.
    """
    split, names = pd.factorize(images["split"])
    of_box = split[boxes["image_row"].to_numpy()]
    usable = (labels.codes >= 0) & (of_box >= 0)
    n_classes = max(len(labels.names), 1)
    pairs = of_box[usable] * n_classes + labels.codes[usable]
    counts = np.bincount(pairs, minlength=len(names) * n_classes).reshape(-1, n_classes)
    is_train = np.array([str(name).lower().startswith(_TRAIN) for name in names], bool)
    is_new = counts[is_train].sum(axis=0) == 0
    causes = []
    for n in np.flatnonzero(~is_train).tolist() if is_train.any() else ():
        n_new, n_all = int(counts[n, is_new].sum()), int(counts[n].sum())
        if n_new > max_share_frac * n_all:
            new = np.flatnonzero(is_new & (counts[n] > 0))
            rows = labels.rows_of(new)
            message = (
                f"{n_new} of {n_all} labels of split {names[n]!r:.80} are of classes that the "
                f"training split has not: {named([labels.names[c] for c in new.tolist()])}"
            )
            members = rows[of_box[rows] == n]
            causes.append(Cause(str(names[n]), members, n_new / n_all, message))
    return set_hits(
        causes, max_share_frac, "of the labels", "split again so that train has all classes"
    )


def box_without_class(boxes: pd.DataFrame, images: pd.DataFrame, labels: Labels) -> Hits:
    """A label has no class at all.

    Why it hurts: loaders stop at it, or take the first or last class of their list.

    Pass: a box of class person
    Fail: a box without a class

    Value: 1 for each. Where the reader saw that the record has none (SRC-009), it is not told
    again; a class that is stated and not listed is SRC-004.

    It cannot tell which class was meant, nor a source of one class that does not name it.

    Usual mend: give the object a class.
    """
    nameless = boxes["label"].isna() & boxes["source_label"].isna()
    rows = np.flatnonzero(labels.is_label & has_inside(boxes) & nameless.to_numpy(bool))
    return Hits(
        members=rows,
        value=np.ones(len(rows)),
        limit=0.0,
        unit="boxes",
        texts=("the box has no class, should have one",),
        parts=(rows,),
        mend="give the object a class in the labelling tool",
    )


def class_shapes_mixed(
    boxes: pd.DataFrame, images: pd.DataFrame, labels: Labels, *, max_share_frac: float
) -> Hits:
    """Labels of one class are of several kinds: boxes, outlines, points, lines.

    Why it hurts: loaders take a file as one of boxes or one of outlines; the rows of the other
    kind are dropped (ultralytics drops all segments of a set that has more boxes than segments) or
    become boxes of no size.

    Pass: 80 polygons of class person
    Fail: 79 polygons and 1 box of class person

    `max_share_frac`: a mix in which more than this share is of the rarer kinds is taken as meant.
    Value: number of labels of the rarer kinds, which are the members. One finding per class and
    source. Polygons and masks are one kind, upright and rotated boxes too; groups
    and tags of the image are left out.

    It cannot tell outlines that are missing from boxes that are wanted.

    Usual mend: draw the others as the rest, or put them into a set of their own.
    """
    shape, shapes = pd.factorize(boxes["shape"])
    kinds, number = np.unique([_KINDS.get(name, name) for name in shapes], return_inverse=True)
    if len(kinds) < 2:
        return set_hits((), 0.0, "labels", "")
    kind = number[shape]
    is_group = boxes["is_group"].to_numpy(bool, na_value=False)
    is_tag = (boxes["shape"] == "tag").to_numpy(bool)
    usable = np.flatnonzero((labels.codes >= 0) & ~is_group & ~is_tag)
    source, sources = pd.factorize(images["source"])
    n_classes = max(len(labels.names), 1)
    scope = source[boxes["image_row"].to_numpy()] * n_classes + labels.codes
    causes = []
    for code, rows in by_code(scope, usable, 2):
        counts = np.bincount(kind[rows], minlength=len(kinds))
        n_rare = len(rows) - int(counts.max())
        if 0 < n_rare <= max_share_frac * len(rows):
            name = labels.names[code % n_classes]
            order = np.argsort(-counts, kind="stable")
            told = ", ".join(f"{counts[n]} {kinds[n]}" for n in order if counts[n])
            rare = rows[kind[rows] != order[0]]
            message = f"labels of class {name!r:.80} are of several kinds, should be of one: {told}"
            causes.append(Cause(f"{sources[code // n_classes]}\0{name}", rare, n_rare, message))
    return set_hits(
        causes, 0.0, "labels", "draw them like the rest, or put them into a set of their own"
    )
