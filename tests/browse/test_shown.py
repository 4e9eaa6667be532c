"""What is to be seen of a dataset, before FiftyOne is asked to show it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from curate.browse.shown import Shown, shown
from curate.dataset import Dataset
from curate.definitions.loading import load
from curate.definitions.model import Definitions
from tests.definitions.making import box, dataset
from tests.definitions.test_matching import written

# One beside the other, and whether the shipped definition ignores it.
OBJECTS = [
    (box(0, 0, 20, 20), False),
    (box(30, 0, 50, 20, is_group=True), True),
    (box(60, 0, 80, 20, difficult=True), True),
    (box(90, 0, 110, 20, attributes='{"visibility": 0.1}'), True),
    (box(120, 0, 140, 20, truncated=0.6), True),
    (box(150, 0, 170, 20, truncated=1.0), False),
    (box(180, 0, 200, 20, role="review"), True),
    (box(210, 0, 230, 20, label=None), True),
    # Its visible box, 2 of 20 px, lies in a row of its own.
    (box(240, 0, 260, 20, extent="full", attributes='{"object": "1"}'), True),
    (box(240, 0, 260, 2, extent="visible", attributes='{"object": "1"}'), False),
]


def pictured(made: Dataset) -> Dataset:
    """The dataset with a picture, by name alone, of each image."""
    paths = made.images["image_key"].str.removeprefix("s/")
    return made.with_tables(images=made.images.assign(path=paths))


def detected(made: Dataset) -> Dataset:
    """A detection that is just the box of each object."""
    n = len(made.boxes)
    boxes = made.boxes.assign(
        origin="detector", label="human", role="include", score=np.full(n, 0.9)
    )
    return made.with_tables(boxes=boxes)


def evaluated(rows: list[dict], definitions: Definitions | None = None) -> Shown:
    made = pictured(dataset(rows))
    return shown(made, predictions=detected(made), definitions=definitions)


def test_objects_that_the_definition_ignores_are_neither_found_nor_missed() -> None:
    made = evaluated([row for row, _ in OBJECTS])
    assert made.truth.match is not None
    assert made.predictions is not None
    assert made.predictions.match is not None
    wanted = ["ignored" if is_ignored else "tp" for _, is_ignored in OBJECTS]
    assert made.truth.match["eval"].tolist() == wanted
    assert made.predictions.match["eval"].tolist() == wanted


def test_a_definition_with_other_rows_ignores_other_objects(tmp_path: Path) -> None:
    path = written(tmp_path, "own", "when: is_group or difficult", "when: x1 < 10")
    made = evaluated([row for row, _ in OBJECTS[:3]], load([path]))
    assert made.truth.match is not None
    assert made.truth.match["eval"].tolist() == ["ignored", "tp", "tp"]


def test_shapes_that_are_no_objects_are_matched_with_nothing() -> None:
    rows = [
        box(0, 0, 0, 0, shape="point"),
        box(9, 9, 30, 30, is_group=True),
        box(0, 0, 20, 20, role="exclude"),
        box(40, 40, 60, 60),
    ]
    made = evaluated(rows)
    assert made.truth.match is not None
    assert made.truth.match["eval"].fillna("").tolist() == ["", "ignored", "", "tp"]
