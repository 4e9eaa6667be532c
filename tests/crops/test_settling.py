"""What is decided once for a whole crop set: of which boxes, images and classes it is made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from curate.crops.labelling import Labelling
from curate.crops.settling import Settled, settled
from curate.dataset import Dataset
from curate.definitions.matching import matching_definition
from tests.crops.plainly import Image, Thing
from tests.crops.test_outcomes import CAT, GOOD, SEEN, box_of, dataset_of, detection_of


def decided(truth: Dataset | None, found: Dataset) -> Settled:
    return settled(truth, found, Labelling(), matching_definition())


@pytest.fixture
def truth() -> Dataset:
    return dataset_of("labels", SEEN, [box_of(CAT)])


@pytest.fixture
def found() -> Dataset:
    return dataset_of("dets", SEEN, [detection_of(GOOD)])


def test_nothing_is_told_where_nothing_is_assumed(truth: Dataset, found: Dataset) -> None:
    made = decided(truth, found)
    assert made.told == ()
    assert made.labelling.apart is None
    assert made.labelling.match.class_aware


def test_one_dataset_with_both_is_parted_by_origin() -> None:
    both = dataset_of("both", SEEN, [box_of(CAT), detection_of(GOOD)])
    made = decided(both, both)
    assert made.truth is not None
    assert made.truth.boxes["box_id"].tolist() == [CAT.id]
    assert made.detections.boxes["box_id"].tolist() == [GOOD.id]


def test_boxes_of_a_format_without_scores_count_as_certain_and_are_told(truth: Dataset) -> None:
    made = decided(truth, dataset_of("dets", SEEN, [box_of(replace(GOOD, id=4))]))
    assert made.detections.boxes["score"].tolist() == [1.0]
    assert made.told == (
        "no detection has a score: each counts as 1.0 - give a format with scores",
    )


def test_a_score_that_is_missing_beside_others_stays_missing(truth: Dataset) -> None:
    scores = [detection_of(GOOD), detection_of(replace(GOOD, id=4, score=np.nan))]
    made = decided(truth, dataset_of("dets", SEEN, scores))
    assert made.detections.boxes["score"].isna().tolist() == [False, True]
    assert made.told == ()


def test_classes_without_anything_in_common_are_told(truth: Dataset) -> None:
    made = decided(truth, dataset_of("dets", SEEN, [detection_of(replace(GOOD, label="0"))]))
    assert made.labelling.apart == {"cat"}
    assert not made.labelling.match.class_aware
    assert "classes such as '0' and 'cat', have none in common" in made.told[0]


def test_a_class_that_was_looked_for_is_the_truths_though_it_has_no_object(found: Dataset) -> None:
    dog = box_of(replace(CAT, label="dog"))
    truth = dataset_of("labels", {"a.jpg": Image(listed=("cat", "dog"))}, [dog])
    assert decided(truth, found).labelling.apart is None


def test_objects_without_area_and_images_without_detections_are_told(found: Dataset) -> None:
    flat = box_of(replace(CAT, id=9), x2=10.0)
    truth = dataset_of("labels", {**SEEN, "b.jpg": Image()}, [box_of(CAT), flat])
    made = decided(truth, found)
    assert made.truth is not None
    assert made.truth.boxes["box_id"].tolist() == [CAT.id]
    assert made.told == (
        "1 objects of the truth have no area - `curate audit` names them",
        "1 images of the truth are none of the detections': all their objects are missed - leave "
        "them out if the detector has not seen them",
    )


@pytest.mark.parametrize("more", [{"role": "exclude"}, {"shape": "point"}, {"shape": "tag"}])
def test_what_is_excluded_or_no_area_by_kind_is_no_object(found: Dataset, more: dict) -> None:
    other = box_of(Thing(9, "a.jpg", "cat", (60.0, 60.0, 80.0, 80.0)), **more)
    made = decided(dataset_of("labels", SEEN, [box_of(CAT), other]), found)
    assert made.truth is not None
    assert made.truth.boxes["box_id"].tolist() == [CAT.id]
    assert made.told == ()


def test_truth_that_is_all_a_detectors_is_taken_and_told(found: Dataset) -> None:
    made = decided(dataset_of("labels", SEEN, [box_of(CAT, origin="detector")]), found)
    assert made.truth is not None
    assert made.truth.boxes["box_id"].tolist() == [CAT.id]
    assert made.told[0].startswith("every object of the truth is a detector's")


def test_without_truth_images_are_those_of_the_detections_by_key() -> None:
    images = {"b.jpg": Image(), "a.jpg": Image()}
    made = decided(None, dataset_of("dets", images, [detection_of(GOOD)]))
    assert made.images["image_key"].tolist() == ["dets/a.jpg", "dets/b.jpg"]
    assert made.joined.row.tolist() == [0, 1]
