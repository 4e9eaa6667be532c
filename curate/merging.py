"""Joining datasets into one: what clashes is resolved by an explicit word, and reported."""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from curate.dataset import Dataset
from curate.errors import UsageError, quote
from curate.formats.combining import combine
from curate.images import same_files
from curate.relabeling import ClassMap, Relabeled, relabel

Duplicates = Literal["keep", "drop"]

# Names that are alike to this share (difflib's ratio) may be one class misspelt.
ALIKE_SHARE = 0.85
SHOWN = 10
_SEPARATORS = re.compile(r"[\s_\-]+")


@dataclass(frozen=True)
class Merged:
    """One dataset of several, and what had to be resolved.

    `relabeled` holds the log of classes that the map changed. `classes` says per class how many
    boxes each source has of it, `ids` per class the sources' own ids where they differ, `alike`
    pairs of classes that may be one misspelt. `same_names` are image names of several sources
    (their keys differ by the source), `same_pictures` groups of image keys whose pictures are
    equal byte for byte; `dropped` those of them that were left out.
    """

    relabeled: Relabeled
    classes: Mapping[str, Mapping[str, int]]
    ids: Mapping[str, Mapping[str, str]]
    alike: Sequence[tuple[str, str]]
    same_names: Sequence[str]
    same_pictures: Sequence[Sequence[str]]
    dropped: Sequence[str]

    @property
    def dataset(self) -> Dataset:
        """The merged dataset."""
        return self.relabeled.dataset

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values, under the schema `curate.merge/1`."""
        return {
            "schema": "curate.merge/1",
            "name": self.dataset.name,
            "images": len(self.dataset.images),
            "boxes": len(self.dataset.boxes),
            "classes": {label: dict(counts) for label, counts in self.classes.items()},
            "class_ids": {label: dict(ids) for label, ids in self.ids.items()},
            "alike": [list(pair) for pair in self.alike],
            "same_names": list(self.same_names),
            "same_pictures": [list(group) for group in self.same_pictures],
            "dropped": list(self.dropped),
            "relabelled": len(self.relabeled.log),
        }

    def __str__(self) -> str:
        lines = [f"{self.dataset.name}: {len(self.dataset.images)} images, "
                 f"{len(self.dataset.boxes)} boxes"]  # fmt: skip
        for label, counts in self.classes.items():
            each = ", ".join(f"{n} in {source}" for source, n in counts.items())
            lines.append(f"  class {quote(label)}: {each}")
        for label, ids in self.ids.items():
            each = ", ".join(f"{own_id} in {source}" for source, own_id in ids.items())
            lines.append(f"  class {quote(label)} has different ids, joined by name: {each}")
        for left, right in self.alike:
            lines.append(f"  classes {quote(left)} and {quote(right)} are alike: one class?")
        lines += _listed(self.same_names, "image names stand in several sources, kept apart by it")
        groups = [" = ".join(group) for group in self.same_pictures]
        lines += _listed(groups, "pictures are equal byte for byte")
        lines += _listed(self.dropped, "of these were left out, with their boxes")
        return "\n".join(lines)


def _listed(items: Sequence[str], what: str) -> list[str]:
    if not items:
        return []
    more = ", …" if len(items) > SHOWN else ""
    return [f"  {len(items)} {what}: {', '.join(items[:SHOWN])}{more}"]


def merge(
    datasets: Sequence[Dataset],
    name: str | None = None,
    *,
    classes: ClassMap | None = None,
    duplicates: Duplicates = "keep",
) -> Merged:
    """One dataset of several; the given ones stay as they are.

    Parameters
    ----------
    datasets
        At least two, with names of their own: the name is the first part of the image keys.
    name
        The new dataset's name; None joins the names with `+`.
    classes
        Class as it is to class as it should be (see `relabel`). Classes that it does not name
        keep theirs; two that differ by case, white space, `_` or `-` alone must be named.
    duplicates
        `keep` reports pictures of several sources that are equal byte for byte; `drop` keeps the
        image, and the boxes, of the first source. Only joined pictures can be compared.

    Raises
    ------
    UsageError
        For fewer than two datasets, equal names, or spellings that the map does not resolve.
    """
    if len(datasets) < 2:
        raise UsageError("a merge needs two sources or more", mend="name another one")
    classes = classes or {}
    _refuse_spellings(datasets, classes)
    whole = combine(name or "+".join(part.name for part in datasets), datasets)
    groups = _same_pictures(whole)
    dropped = [key for group in groups for key in group[1:]] if duplicates == "drop" else []
    relabeled = relabel(_without(whole, dropped), classes, partial=True)
    names = whole.images["image_key"].str.split("/", n=1).str[1]
    doubled = sorted(set(names[names.duplicated()]))
    counts = _counts(relabeled.dataset)
    return Merged(
        relabeled=relabeled,
        classes=counts,
        ids=_differing_ids(datasets, classes),
        alike=_alike(list(counts)),
        same_names=doubled,
        same_pictures=groups,
        dropped=dropped,
    )


def _labels(dataset: Dataset) -> list[str]:
    return list(dict.fromkeys([*dataset.classes["label"], *dataset.boxes["label"].dropna()]))


def _spelling(label: str) -> str:
    return _SEPARATORS.sub(" ", label.strip()).casefold()


def _refuse_spellings(datasets: Sequence[Dataset], classes: ClassMap) -> None:
    """Refuses classes that differ by spelling alone unless the map says what becomes of each."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for dataset in datasets:
        for label in _labels(dataset):
            found[_spelling(label)].setdefault(label, dataset.name)
    for labels in found.values():
        unresolved = [label for label in labels if label not in classes]
        if len(labels) > 1 and unresolved:
            each = ", ".join(f"{quote(label)} ({labels[label]})" for label in labels)
            first = next(iter(labels))
            raise UsageError(
                f"classes that differ by spelling alone: {each}",
                mend=f"name each in --map FILE, as `{unresolved[-1]}: {first}` to join them",
            )


def _differing_ids(datasets: Sequence[Dataset], classes: ClassMap) -> dict[str, dict[str, str]]:
    ids: dict[str, dict[str, str]] = defaultdict(dict)
    for dataset in datasets:
        table = dataset.classes
        for own_id, label in zip(table["source_id"], table["label"], strict=True):
            if isinstance(own_id, str):
                ids[classes.get(label) or label].setdefault(dataset.name, own_id)
    return {label: own for label, own in sorted(ids.items()) if len(set(own.values())) > 1}


def _alike(labels: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for at, left in enumerate(labels):
        near = difflib.get_close_matches(left, labels[at + 1 :], n=3, cutoff=ALIKE_SHARE)
        pairs += [(left, right) for right in near]
    return pairs


def _counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    source = dict(zip(dataset.images["image_id"], dataset.images["source"], strict=True))
    boxes = dataset.boxes[dataset.boxes["label"].notna()]
    found = Counter(zip(boxes["label"], boxes["image_id"].map(source), strict=True))
    counts: dict[str, dict[str, int]] = {label: {} for label in sorted(_labels(dataset))}
    for (label, name), count in sorted(found.items()):
        counts[label][name] = count
    return counts


def _same_pictures(dataset: Dataset) -> list[list[str]]:
    """Keys of images of several sources whose pictures are equal byte for byte.

    Labelled images come first in their group, then as in the table.
    """
    root = dataset.images_root
    if root is None:
        return []
    here = dataset.images[dataset.images["path"].notna()]
    paths = dict(zip(here["image_key"], here["path"], strict=True))
    source = dict(zip(here["image_key"], here["source"], strict=True))
    states = ["present", "empty"]
    rank = {
        key: (states.index(state) if state in states else len(states), row)
        for row, (key, state) in enumerate(zip(here["image_key"], here["label_state"], strict=True))
    }
    found = same_files({key: root / path for key, path in paths.items()})
    groups = [
        sorted(keys, key=rank.__getitem__) for keys in found if len({source[k] for k in keys}) > 1
    ]
    return sorted(groups, key=lambda group: rank[group[0]])


def _without(dataset: Dataset, keys: Sequence[str]) -> Dataset:
    if not keys:
        return dataset
    gone = dataset.images["image_key"].isin(list(keys))
    return dataset.of_images(dataset.images.loc[~gone, "image_id"])


def dropped_csv(merged: Merged) -> bytes:
    """The log of a merge as CSV: changed classes, then images that were left out."""
    rows = merged.relabeled.log
    out = pd.DataFrame(
        {
            "image": list(merged.dropped),
            "column": "image",
            "old": "picture twice",
            "new": "dropped",
        },
        columns=rows.columns,
    )
    return (
        pd.concat([rows, out], ignore_index=True).to_csv(index=False, lineterminator="\n").encode()
    )
