"""Faults of whole sets: classes, splits, kinds of labels, attributes, places (SET-001 .. SET-015).

Sets are trimmed to a round number of labels where a limit is a share or a number of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.tables import CLASS_COLUMNS, make_table
from tests.planting.model import (
    Bed,
    Edit,
    NotHereError,
    Planted,
    Planter,
    Rng,
    Unit,
    above,
    words,
)

STRANGE = "unicycle"


def _labels(bed: Bed) -> pd.Series:
    return bed.dataset.boxes["label"]


def _kept(dataset: Dataset, keep: np.ndarray) -> Dataset:
    return dataset.with_tables(boxes=dataset.boxes[keep])


def _first(rng: Rng, mask: np.ndarray, n: int) -> np.ndarray:
    """A mask of so many of the rows of a mask, by chance.

    Raises
    ------
    NotHereError
        When there are fewer.
    """
    rows = rng.permutation(np.flatnonzero(mask))[:n]
    if len(rows) < n:
        raise NotHereError(f"there are not {n} labels for it")
    chosen = np.zeros(len(mask), bool)
    chosen[rows] = True
    return chosen


def _listed(dataset: Dataset, labels: Sequence[str], file: str = "classes.txt") -> pd.DataFrame:
    values = {
        "file": file,
        "source_id": [str(number) for number in range(len(labels))],
        "label": list(labels),
    }
    return make_table(CLASS_COLUMNS, len(labels), values)


def _names(bed: Bed) -> list[str]:
    return sorted(_labels(bed).dropna().unique())


def unused(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """So many listed classes of which there is no box."""
    extra = [f"{STRANGE}{number}" for number in range(int(value))]
    table = _listed(bed.dataset, [*_names(bed), *extra])
    return bed.dataset.with_tables(classes=table), (Unit(word=f"{len(extra)} of {len(table)}"),)


def unused_of_few(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A listed class without a box in a set of so many labels."""
    dataset = _kept(bed.dataset, _first(rng, bed.is_sound, int(value)))
    table = _listed(dataset, [*_names(bed), STRANGE])
    return dataset.with_tables(classes=table), (Unit(word=STRANGE),)


def unlisted(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """So many boxes of a class that is not listed."""
    boxes = bed.dataset.boxes.copy()
    chosen = _first(rng, bed.is_sound, int(value))
    boxes.loc[chosen, ["label", "source_label"]] = STRANGE
    dataset = bed.dataset.with_tables(boxes=boxes, classes=_listed(bed.dataset, _names(bed)))
    return dataset, (Unit(tuple(bed.ids[chosen].tolist()), STRANGE),)


def one_class(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """All labels are of one class, but for so many."""
    boxes = bed.dataset.boxes.copy()
    boxes[["label", "source_label"]] = "thing"
    boxes.loc[_first(rng, bed.is_sound, int(value)), ["label", "source_label"]] = STRANGE
    return bed.dataset.with_tables(boxes=boxes), (Unit(word="thing"),)


def one_class_of_few(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """So many labels, all of one class."""
    dataset, planted = one_class(bed, rng, 0, avoid)
    return _kept(dataset, _first(rng, bed.is_sound, int(value))), planted


def few_boxes(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A class of so many boxes."""
    boxes = bed.dataset.boxes.copy()
    _first(rng, bed.is_sound, 100)  # of fewer labels a set is not judged
    chosen = _first(rng, bed.is_sound, int(value))
    boxes.loc[chosen, ["label", "source_label"]] = STRANGE
    members = tuple(bed.ids[chosen].tolist())
    return bed.dataset.with_tables(boxes=boxes), (Unit(members, STRANGE),)


N_RARE = 4


def imbalance(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """The commonest class has so many times the labels of the rarest."""
    labels = _labels(bed)
    counts = labels.value_counts()
    often, rare = str(counts.index[0]), str(counts.index[-1])
    n_rare = min(N_RARE, int(counts.iloc[0] // value))
    if not n_rare or len(counts) < 2:
        raise NotHereError(f"{bed.name} has too few labels for it")
    keep = _first(rng, (labels == rare).to_numpy(bool), n_rare)
    keep |= _first(rng, (labels == often).to_numpy(bool), round(n_rare * value))
    middle = _first(rng, (labels == counts.index[1]).to_numpy(bool), max(100, n_rare))
    # Of the others none is rarer or commoner: ratios below the limit are those of these two.
    if middle.sum() <= n_rare * value:
        keep |= middle
    return _kept(bed.dataset, keep), (Unit(word=rare),)


def spellings(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """A class in so many more spellings; none: one box of another name that begins alike."""
    name = str(rng.choice(_names(bed)))
    forms = [name.swapcase(), f"{name[:2]}-{name[2:]}", f"{name}_", f" {name}"][: int(value)]
    boxes = bed.dataset.boxes.copy()
    planted = []
    for form in forms or [f"{name}s"]:
        chosen = _first(rng, (boxes["label"] == name).to_numpy(bool), 2)
        boxes.loc[chosen, ["label", "source_label"]] = form
        planted += bed.ids[chosen].tolist()
    return bed.dataset.with_tables(boxes=boxes), (Unit(tuple(planted), repr(name)),)


def numbers(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """Two lists of the classes, so many neighbours of the second exchanged."""
    names = _names(bed)
    if len(names) < 2 * value:
        raise NotHereError(f"{bed.name} has too few classes")
    other = list(names)
    for pair in range(int(value)):
        other[2 * pair], other[2 * pair + 1] = other[2 * pair + 1], other[2 * pair]
    lists = [_listed(bed.dataset, names, "a.txt"), _listed(bed.dataset, other, "b.txt")]
    dataset = bed.dataset.with_tables(classes=pd.concat(lists, ignore_index=True))
    return dataset, (Unit(word=f"{2 * int(value)} class numbers"),)


def not_in_train(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """Such a share of the labels to validate is of a class that is not trained."""
    split = bed.dataset.images["split"].to_numpy(object)[bed.image_row]
    n_val = int((split == "val").sum())
    chosen = _first(rng, bed.is_sound & (split == "val"), round(value * n_val))
    boxes = bed.dataset.boxes.copy()
    boxes.loc[chosen, ["label", "source_label"]] = STRANGE
    return bed.dataset.with_tables(boxes=boxes), (Unit(tuple(bed.ids[chosen].tolist()), STRANGE),)


def no_class(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """Boxes without a class (1), or with a word of the source that is none of its classes (0)."""
    edit, chosen = Edit(bed), bed.pick(rng, avoid, bed.is_sound)
    for box in chosen:
        edit.set(box, label=None, source_label=None if value else "17")
    return edit.done(), tuple(Unit((box,)) for box in chosen)


def mixed_shapes(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """Of 100 labels of a class so many are outlines, the others boxes."""
    name = str(_labels(bed).value_counts().index[0])
    keep = _first(rng, (_labels(bed) == name).to_numpy(bool) & bed.is_sound, 100)
    chosen = _first(rng, keep, int(value))
    boxes = bed.dataset.boxes.copy()
    boxes.loc[keep, "shape"] = "box"
    boxes.loc[chosen, "shape"] = "polygon"
    rare = chosen if value <= 50 else keep & ~chosen
    dataset = bed.dataset.with_tables(boxes=boxes[keep | (_labels(bed) != name).to_numpy(bool)])
    return dataset, (Unit(tuple(bed.ids[rare].tolist()), repr(name)),)


def _said(bed: Bed, chosen: np.ndarray, words_of: Sequence[str]) -> pd.DataFrame:
    """The boxes, of which those chosen have an attribute of these words in turn."""
    boxes = bed.dataset.boxes.copy()
    texts = [json.dumps({"facing": word}) for word in words_of]
    boxes.loc[chosen, "attributes"] = texts
    return boxes


def one_value(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """An attribute of one word on so many labels."""
    chosen = _first(rng, bed.is_sound, int(value))
    boxes = _said(bed, chosen, ["north"] * int(value))
    return bed.dataset.with_tables(boxes=boxes), (Unit(word="facing"),)


def other_values(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """An attribute of one word on 200 labels, but for so many that have another."""
    chosen = _first(rng, bed.is_sound, 200)
    said = ["south"] * int(value) + ["north"] * (200 - int(value))
    return bed.dataset.with_tables(boxes=_said(bed, chosen, said)), (Unit(word="facing"),)


def rare_of_many(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """So many labels of a word of which another has 500."""
    return _rare(bed, rng, int(value), 500)


def rare_of_few(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """So many labels of a word beside one of 99 labels, which is not 100 times as many."""
    return _rare(bed, rng, int(value), 99)


def _rare(bed: Bed, rng: Rng, n_rare: int, n_usual: int) -> Planted:
    chosen = _first(rng, bed.is_sound, n_usual + n_rare)
    said = ["nroth"] * n_rare + ["north"] * n_usual
    boxes = _said(bed, chosen, said)
    members = bed.ids[np.flatnonzero(chosen)[:n_rare]].tolist()
    return bed.dataset.with_tables(boxes=boxes), (Unit(tuple(members), "nroth"),)


def without_attribute(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """Of 100 labels of a class so many lack an attribute that the others have."""
    name = str(_labels(bed).value_counts().index[0])
    keep = _first(rng, (_labels(bed) == name).to_numpy(bool) & bed.is_sound, 100)
    lacking = _first(rng, keep, int(value))
    having = keep & ~lacking
    boxes = _said(bed, having, ["north"] * int(having.sum()))
    boxes.loc[lacking, "attributes"] = None
    dataset = bed.dataset.with_tables(boxes=boxes[keep | (_labels(bed) != name).to_numpy(bool)])
    return dataset, (Unit(tuple(bed.ids[lacking].tolist()), repr(name)),)


# SET-015: 20 x 20 fields of the image, of which the fullest tenth is looked at.
GRID, N_TOP, N_CENTRES = 20, 40, 1000


def concentrated(bed: Bed, rng: Rng, value: float, avoid: frozenset[int]) -> Planted:
    """Of 1000 boxes of a class such a share has its centre in a tenth of the image."""
    name = str(_labels(bed).value_counts().index[0])
    chosen = _first(rng, (_labels(bed) == name).to_numpy(bool) & bed.is_sound, N_CENTRES)
    keep = chosen | (_labels(bed) != name).to_numpy(bool)
    n_in = round(value * N_CENTRES)
    fields = rng.permutation(GRID * GRID)
    # Outside, no field has more than any in the tenth, however few these have.
    inner = fields[np.arange(n_in) % N_TOP]
    outer = fields[N_TOP + np.arange(N_CENTRES - n_in) % (GRID * GRID - N_TOP)]
    place = rng.permutation(np.concatenate([inner, outer]))
    rows = np.flatnonzero(chosen)
    centre = (np.stack([place % GRID, place // GRID], axis=1) + 0.5) * bed.size[rows] / GRID
    boxes = bed.dataset.boxes.copy()
    edges = np.hstack([centre - 10, centre + 10])
    for column, edge in zip(("x1", "y1", "x2", "y2"), edges.T, strict=True):
        boxes.loc[rows, column] = edge
    return bed.dataset.with_tables(boxes=boxes[keep]), (Unit(word=repr(name)),)


PLANTERS = (
    Planter("SET-001", "listed classes without a box", "classes",
            words([1, 2, 5], [0]), unused, is_of_set=True, real=("coco_val2014", "voc_bccd")),
    Planter("SET-001", "labels of a set with such a class", "labels",
            (*words([], [99]), *words([100, 150], [])), unused_of_few, is_of_set=True),
    Planter("SET-002", "boxes of a class that is not listed", "boxes",
            words([1, 2, 20], [0]), unlisted, real=("voc_bccd", "mot17_mini")),
    Planter("SET-003", "labels of another class", "labels",
            words([0], [1, 2, 20]), one_class, is_of_set=True),
    Planter("SET-003", "labels of one class", "labels",
            words([100, 200], [99]), one_class_of_few, is_of_set=True),
    Planter("SET-004", "labels of a rare class", "labels",
            words([1], [2, 3, 10]), few_boxes, is_of_set=True, real=("voc_bccd", "mot17_mini")),
    Planter("SET-005", "commonest class over the rarest", "times",
            above(50, [30, 45, 49], [51, 75, 200], at=True), imbalance, is_of_set=True),
    Planter("SET-006", "more spellings of a class", "spellings",
            words([1, 2, 4], [0]), spellings, is_of_set=True, real=("voc_bccd",)),
    Planter("SET-007", "pairs of exchanged classes in a second list", "pairs",
            words([1, 2], [0]), numbers, is_of_set=True),
    Planter("SET-008", "labels of a class that is not trained", "of the split",
            above(0.005, [0.002, 0.004], [0.006, 0.01, 0.1], at=False), not_in_train,
            bed="splits", is_of_set=True),
    Planter("SET-009", "boxes without a class", "is so", words([1], [0]), no_class,
            real=("coco128", "kitti_tracking", "voc_bccd")),
    Planter("SET-010", "outlines among 100 boxes", "labels",
            words([1, 5, 10, 90, 99], [0, 11, 50]), mixed_shapes, is_of_set=True,
            real=("coco_val2014", "voc_bccd", "kitti_tracking")),
    Planter("SET-011", "labels of one word", "labels",
            words([100, 101, 200], [50, 99]), one_value, is_of_set=True),
    Planter("SET-011", "labels of another word", "labels",
            words([0], [1, 10]), other_values, is_of_set=True),
    Planter("SET-012", "labels of a word beside one of 500", "labels",
            words([1, 5, 10], [0, 11, 20]), rare_of_many, is_of_set=True),
    Planter("SET-012", "labels of a word beside one of 99", "labels",
            words([1], [2, 5]), rare_of_few, is_of_set=True),
    Planter("SET-013", "labels of 100 without an attribute", "labels",
            words([1, 5, 10], [0, 11, 50]), without_attribute, is_of_set=True),
    Planter("SET-015", "centres in a tenth of the image", "of the boxes",
            above(0.8, [0.3, 0.6, 0.795], [0.805, 0.9, 1.0], at=True), concentrated,
            is_of_set=True, real=("voc_bccd",)),
)  # fmt: skip
