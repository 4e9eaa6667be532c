"""Which crops are wanted: small boxes, boxes of objects, and the measured error of a detector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from curate.crops.blocks import Block
from curate.crops.labelling import Labelling
from curate.crops.outcomes import Proposals
from curate.crops.planning import MIN_ERRORS, USUAL_ERRORS, Errors, planned, with_rectangles
from curate.crops.settling import settled
from curate.crops.spec import CropSpec
from curate.dataset import Dataset
from curate.definitions.matching import matching_definition
from tests.crops.plainly import Image, Thing
from tests.crops.test_outcomes import CAT, GOOD, SEEN, box_of, dataset_of, detection_of

NAMES = {"detector": None, "detector_version": None, "definition": "d@1"}


def plan(truth: Dataset, found: Dataset, **values: object) -> Proposals:
    given = settled(truth, found, Labelling(), matching_definition())
    block = Block(given.images, given.truth, given.detections, given.joined, 0)
    return planned(block, CropSpec(**values), given.labelling, NAMES)


@pytest.mark.parametrize(
    ("box", "status"),
    [
        ((10, 10, 34, 90), "made"),  # 24 px wide
        ((10, 10, 33.9, 90), "small"),
        ((76, 10, 120, 90), "made"),  # 24 px of it are inside the picture
        ((77, 10, 120, 90), "small"),
        ((-20, 10, 23, 90), "small"),
    ],
)
def test_a_box_is_small_by_its_shorter_side_inside_the_picture(box: tuple, status: str) -> None:
    truth = dataset_of("labels", SEEN, [box_of(replace(CAT, box=box))], size=100)
    found = dataset_of("dets", SEEN, [detection_of(replace(GOOD, box=box))])
    assert plan(truth, found, min_side_px=24.0).rows["status"].tolist() == [status]


@pytest.mark.parametrize(
    ("truth_crops", "wanted"),
    [
        ("none", {"matched": "made", "missed": "listed"}),
        ("missed", {"matched": "made", "missed": "made"}),
        ("all", {"matched": "made", "missed": "made", "truth": "made"}),
    ],
)
def test_objects_have_crops_of_their_own_as_asked_for(truth_crops: str, wanted: dict) -> None:
    other = Thing(9, "a.jpg", "cat", (60.0, 60.0, 95.0, 95.0))
    truth = dataset_of("labels", SEEN, [box_of(CAT), box_of(other)])
    found = dataset_of("dets", SEEN, [detection_of(replace(GOOD, box=(12, 10, 52, 50)))])
    rows = plan(truth, found, truth_crops=truth_crops).rows
    assert dict(zip(rows["outcome"], rows["status"], strict=True)) == wanted
    if truth_crops == "all":
        own = rows[rows["outcome"] == "truth"].iloc[0]
        assert own[["x1", "y1", "x2", "y2"]].tolist() == [10, 10, 50, 50]
        assert own[["score", "iou", "det_id"]].isna().all()
        assert (own["origin"], own["label"]) == ("gt", "cat")
        assert rows["crop_id"].is_unique


def measured(n_pairs: int) -> tuple[Errors, Errors]:
    """The errors of so many pairs, taken in at once and one after the other from the last."""
    images = {f"{n}.jpg": Image() for n in range(n_pairs)}
    objects, found = [], []
    for n, name in enumerate(images):
        objects.append(box_of(replace(CAT, id=100 + n, image=name, box=(10, 10, 50, 50))))
        box = (10 + n / 10, 10, 50 + n / 10, 50)
        found.append(detection_of(replace(GOOD, id=500 + n, image=name, box=box)))
    truth = dataset_of("labels", images, objects)
    rows = plan(truth, dataset_of("dets", images, found)).rows
    whole, parts = Errors.none(), Errors.none()
    whole.add(rows, truth)
    for at in reversed(range(len(rows))):
        parts.add(rows.iloc[[at]], truth)
    return whole, parts


def test_the_error_is_how_far_boxes_lie_from_their_objects_in_any_order() -> None:
    whole, parts = measured(MIN_ERRORS)
    assert whole.is_measured
    # Moved by n / 10 px of 40 to the right, and of the same size.
    assert sorted(whole.drawn_from[:, 0]) == pytest.approx([n / 400 for n in range(MIN_ERRORS)])
    assert np.abs(whole.drawn_from[:, 1:]).max() == pytest.approx(0, abs=1e-12)
    assert np.array_equal(whole.errors, parts.errors)


def test_of_too_few_pairs_the_usual_errors_are_drawn() -> None:
    few, _ = measured(MIN_ERRORS - 1)
    assert not few.is_measured
    assert few.drawn_from is USUAL_ERRORS


def test_only_crops_that_are_made_have_rectangles_and_only_objects_own_are_jittered() -> None:
    other = Thing(9, "a.jpg", "cat", (60.0, 60.0, 65.0, 65.0))
    truth = dataset_of("labels", SEEN, [box_of(CAT), box_of(other)])
    found = dataset_of("dets", SEEN, [detection_of(GOOD)])
    spec = CropSpec(truth_crops="all")
    # Always a tenth of the box's width to the right.
    error = np.array([[0.1, 0.0, 0.0, 0.0]])
    rows = with_rectangles(plan(truth, found, truth_crops="all").rows, spec, error)
    at = rows.set_index("outcome")["rect_x1"].to_dict()
    # 40 px and 8 px of margin: from 2 on; the object's own is moved by 4.
    assert (at["matched"], at["truth"]) == (2.0, 6.0)
    assert np.isnan(at["missed"])
