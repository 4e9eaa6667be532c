"""What each finding is about: the classes and the source of its boxes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.dataset import Findings
from curate.faults import LEVELS

NO_CLASS = "(no class)"
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Subjects:
    """Per finding its classes, its source and the number of its members.

    Parameters
    ----------
    classes, sources
        Names, sorted; of all boxes and images.
    groups
        The sets of classes that findings have, each sorted indexes into `classes`; the first is
        that of findings about no box.
    group
        (N,) index into `groups`.
    source
        (N,) index into `sources`; -1 for a finding about no image.
    image
        (N,) row of its image, of several that of its first box; -1 for a finding about no image.
    n_members
        (N,) number of records that a finding is about.
    """

    classes: list[str]
    sources: list[str]
    groups: list[tuple[int, ...]]
    group: Rows
    source: Rows
    image: Rows
    n_members: Rows


def subjects_of(findings: Findings) -> Subjects:
    """What the findings are about, in the order of their table."""
    boxes, images, table = findings.dataset.boxes, findings.dataset.images, findings.table
    labels, classes = pd.factorize(boxes["label"].fillna(NO_CLASS).to_numpy(object), sort=True)
    origins, sources = pd.factorize(images["source"].to_numpy(object), sort=True)
    members = table["members"].tolist()
    box_ids = np.fromiter(chain.from_iterable(members), np.int64)
    box_rows = pd.Index(boxes["box_id"].to_numpy(np.int64)).get_indexer(box_ids)
    spans = list(pairwise(accumulate(map(len, members), initial=0)))
    groups: dict[tuple[int, ...], int] = {(): 0}
    of_boxes = labels[box_rows].tolist() if len(box_rows) else []
    group = [
        groups.setdefault(tuple(sorted(set(of_boxes[start:stop]))), len(groups))
        for start, stop in spans
    ]
    image_id = table["image_id"].to_numpy(np.int64, na_value=-1).copy()
    firsts = np.array([box_rows[start] if stop > start else -1 for start, stop in spans], np.int64)
    # A finding about boxes of several images has no image of its own.
    of_box = (image_id < 0) & (firsts >= 0)
    image_id[of_box] = boxes["image_id"].to_numpy(np.int64)[firsts[of_box]]
    image = pd.Index(images["image_id"].to_numpy(np.int64)).get_indexer(image_id)
    source = np.append(origins, -1)[image]
    n_members = np.fromiter(map(len, members), np.int64, len(members)) + _n_places(table)
    return Subjects(
        [str(name) for name in classes],
        [str(name) for name in sources],
        list(groups),
        np.asarray(group, np.int64),
        source.astype(np.int64),
        image.astype(np.int64),
        n_members,
    )


def _n_places(table: pd.DataFrame) -> Rows:
    """(N,) members of each finding that are no boxes."""

    def counted() -> Iterator[int]:
        for places in table["places"]:
            told = json.loads(places) if isinstance(places, str) else []
            yield sum("boxes" not in place for place in told)

    return np.fromiter(counted(), np.int64, len(table))


def by_level(findings: Findings) -> Rows:
    """(N,) index of each finding's level in error, warning, info."""
    return pd.Categorical(findings.table["level"], categories=LEVELS).codes.astype(np.int64)


def class_counts(findings: Findings, about: Subjects) -> Rows:
    """(classes, 3) findings per class and level; one of several classes counts for each."""
    counts = np.zeros((len(about.classes), len(LEVELS)), np.int64)
    level = by_level(findings)
    for number, group in enumerate(about.groups):
        of_group = np.bincount(level[about.group == number], minlength=len(LEVELS))
        counts[list(group)] += of_group
    return counts


def source_counts(findings: Findings, about: Subjects) -> Rows:
    """(sources + 1, 3) findings per source and level; the last row is of those about no image."""
    counts = np.zeros((len(about.sources) + 1, len(LEVELS)), np.int64)
    np.add.at(counts, (about.source, by_level(findings)), 1)
    return counts
