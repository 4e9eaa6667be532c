"""Matching against COCOeval (pycocotools), pair by pair, and its further overlaps against loops."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from curate.boxes import ioa_pairs, iou_pairs
from curate.dataset import Dataset
from curate.matching import NONE, Detections, Matched, MatchRule, Objects, match
from tests.crops.real import PAIRS

# Columns of image, label and id in the rows below.
_CODES = [0, 5, 7]
GENEROUS = MatchRule(min_iou=0.3, ignore_min_ioa=0.3)


def detections_of(rows: Sequence[tuple]) -> Detections:
    """Rows of image, x1, y1, x2, y2, label, score, id."""
    table = np.array(rows, np.float64).reshape(-1, 8)
    codes = table[:, _CODES].astype(np.int64)
    return Detections(codes[:, 0], table[:, 1:5], codes[:, 1], table[:, 6], codes[:, 2])


def objects_of(rows: Sequence[tuple]) -> Objects:
    """Rows of image, x1, y1, x2, y2, label, is_ignored, id."""
    table = np.array(rows, np.float64).reshape(-1, 8)
    codes = table[:, _CODES].astype(np.int64)
    return Objects(codes[:, 0], table[:, 1:5], codes[:, 1], codes[:, 2], table[:, 6] > 0)


def annotations(given: Detections | Objects, order: np.ndarray, *, class_aware: bool) -> list[dict]:
    """COCO annotations in an order, their ids the rows from 1."""
    records = []
    for row in order.tolist():
        x1, y1, x2, y2 = given.xyxy[row].tolist()
        label = int(given.label[row]) + 1 if class_aware else 1
        record = {"id": row + 1, "image_id": int(given.image[row]), "category_id": label,
                  "bbox": [x1, y1, x2 - x1, y2 - y1], "area": 1.0, "iscrowd": 0}  # fmt: skip
        if isinstance(given, Objects):
            record["iscrowd"] = int(given.is_ignored[row])
        else:
            record["score"] = float(given.score[row])
        records.append(record)
    return records


def coco(records: list[dict], images: set[int], labels: set[int]) -> COCO:
    made = COCO()
    made.dataset = {
        "images": [{"id": image} for image in sorted(images)],
        "categories": [{"id": label, "name": str(label)} for label in sorted(labels)],
        "annotations": records,
    }
    made.createIndex()
    return made


def coco_matches(detections: Detections, objects: Objects, rule: MatchRule) -> dict:
    """What COCOeval says: object of each detection, detection of each object, both with ignore.

    COCOeval takes equal scores in the order of the rows, and of equal overlaps the last object.
    """
    by_score = np.lexsort((detections.id, -detections.score))
    found = annotations(detections, by_score, class_aware=rule.class_aware)
    truth = annotations(objects, np.argsort(-objects.id), class_aware=rule.class_aware)
    images = {int(image) for image in [*detections.image, *objects.image]}
    labels = {record["category_id"] for record in [*found, *truth]}
    with contextlib.redirect_stdout(io.StringIO()):
        scored = COCOeval(coco(truth, images, labels), coco(found, images, labels), "bbox")
        scored.params.iouThrs = np.array([rule.min_iou])
        scored.params.areaRng, scored.params.areaRngLbl = [[0, 1e10]], ["all"]
        scored.params.maxDets = [rule.max_per_image or len(found) + 1]
        scored.evaluate()
    told: dict = {"object": {}, "ignored": {}, "detection": {}}
    for one in filter(None, scored.evalImgs):
        told["object"] |= dict(zip(one["dtIds"], one["dtMatches"][0].astype(int), strict=True))
        told["ignored"] |= dict(zip(one["dtIds"], one["dtIgnore"][0].tolist(), strict=True))
        told["detection"] |= dict(zip(one["gtIds"], one["gtMatches"][0].astype(int), strict=True))
    return told


def assert_equal_to_coco(detections: Detections, objects: Objects, rule: MatchRule) -> Matched:
    told, matched = coco_matches(detections, objects, rule), match(detections, objects, rule)
    # COCOeval leaves out what is beyond the maximum; ids there are rows from 1, 0 is none.
    counted = np.flatnonzero(matched.is_counted)
    assert set(told["object"]) == set((counted + 1).tolist())
    assert [told["object"][row + 1] for row in counted] == (
        matched.object_row[counted] + 1
    ).tolist()
    is_on_ignored = np.append(objects.is_ignored, False)[matched.object_row]
    assert [told["ignored"][row + 1] for row in counted] == is_on_ignored[counted].tolist()
    rows = range(len(objects.id))
    assert [told["detection"][row + 1] for row in rows] == (matched.detection_row + 1).tolist()
    assert (matched.object_row[~matched.is_counted] == NONE).all()
    return matched


# Quarters of a px on a small field: sums and products are exact, and ties are many.
EDGES = st.integers(0, 24).map(lambda n: n / 4)
BOXES = st.tuples(EDGES, EDGES, st.integers(1, 16), st.integers(1, 16)).map(
    lambda box: (box[0], box[1], box[0] + box[2] / 4, box[1] + box[3] / 4)
)
PLACES = st.tuples(st.integers(0, 2), BOXES, st.integers(0, 2))
SCORES = st.sampled_from([0.1, 0.5, 0.5, 0.9])


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Detections, Objects]:
    found = draw(st.lists(st.tuples(PLACES, SCORES), max_size=14))
    truth = draw(st.lists(st.tuples(PLACES, st.booleans()), max_size=10))
    tables = []
    for rows in (found, truth):
        ids = draw(st.permutations(range(len(rows))))
        tables.append(
            [
                (im, *box, label, last, own)
                for ((im, box, label), last), own in zip(rows, ids, strict=True)
            ]
        )
    return detections_of(tables[0]), objects_of(tables[1])


@given(
    scenes(),
    st.sampled_from([0.1, 0.5, 0.75, 1.0]),
    st.booleans(),
    st.sampled_from([None, 1, 2]),
)
def test_assignment_is_that_of_cocoeval(
    scene: tuple[Detections, Objects], limit: float, is_aware: bool, most: int | None
) -> None:
    assert_equal_to_coco(*scene, MatchRule(limit, limit, is_aware, most))


@given(scenes())
def test_best_second_and_ignored_overlaps_are_those_of_all_pairs(
    scene: tuple[Detections, Objects],
) -> None:
    detections, objects = scene
    matched = match(detections, objects, MatchRule())
    for row in range(len(detections.id)):
        near = np.flatnonzero(objects.image == detections.image[row])
        own = np.repeat(detections.xyxy[row : row + 1], len(near), axis=0)
        overlaps = {False: iou_pairs(own, objects.xyxy[near]),
                    True: ioa_pairs(own, objects.xyxy[near])}  # fmt: skip
        ranked = {}
        for is_ignored, values in overlaps.items():
            pairs = [
                (-value, objects.id[g], g)
                for g, value in zip(near.tolist(), values.tolist(), strict=True)
                if objects.is_ignored[g] == is_ignored and value > 0
            ]
            ranked[is_ignored] = [(g, -value) for value, _, g in sorted(pairs)] + [(NONE, 0.0)] * 2
        assert (matched.best_row[row], matched.best_iou[row]) == ranked[False][0]
        assert (matched.second_row[row], matched.second_iou[row]) == ranked[False][1]
        assert (matched.ignored_row[row], matched.ignored_ioa[row]) == ranked[True][0]


@given(scenes(), st.integers(0, 2**32 - 1))
def test_order_of_the_rows_does_not_matter(scene: tuple[Detections, Objects], seed: int) -> None:
    detections, objects = scene
    rng = np.random.default_rng(seed)
    found, truth = rng.permutation(len(detections.id)), rng.permutation(len(objects.id))
    shuffled = match(
        Detections(*(getattr(detections, name)[found] for name in Detections.__annotations__)),
        Objects(*(getattr(objects, name)[truth] for name in Objects.__annotations__)),
        GENEROUS,
    )
    plain = match(detections, objects, GENEROUS)
    # -1 stays itself.
    back = np.append(truth, NONE)
    for name in ("object_row", "best_row", "second_row", "ignored_row"):
        assert back[getattr(shuffled, name)].tolist() == getattr(plain, name)[found].tolist()
    assert np.append(found, NONE)[shuffled.detection_row].tolist() == (
        plain.detection_row[truth].tolist()
    )


def arrays_of(truth: Dataset, detections: Dataset) -> tuple[Detections, Objects]:
    """The boxes of a pair of datasets, their images known by the stem of their name."""
    found = detections.boxes[detections.boxes["origin"] == "detector"]
    labelled = truth.boxes[truth.boxes["origin"] != "detector"]
    words = sorted({*found["label"], *labelled["label"]})
    sides = []
    for dataset, boxes in ((detections, found), (truth, labelled)):
        keys = dict(zip(dataset.images["image_id"], dataset.images["image_key"], strict=True))
        stems = [int(PurePosixPath(keys[image]).stem.replace("_", "")) for image in boxes.image_id]
        codes = np.array([words.index(label) for label in boxes["label"]])
        xyxy = boxes[["x1", "y1", "x2", "y2"]].to_numpy(np.float64)
        sides.append((np.array(stems), xyxy, codes, boxes["box_id"].to_numpy(np.int64)))
    (image, xyxy, label, own), (of_image, of_xyxy, of_label, of_id) = sides
    is_ignored = (labelled["role"] == "ignore").to_numpy(bool)
    return (
        Detections(image, xyxy, label, found["score"].to_numpy(np.float64), own),
        Objects(of_image, of_xyxy, of_label, of_id, is_ignored),
    )


@pytest.mark.parametrize("is_aware", [True, False])
@pytest.mark.parametrize("name", PAIRS)
def test_assignment_of_real_detections_is_that_of_cocoeval(
    real_data, name: str, is_aware: bool
) -> None:
    detections, objects = arrays_of(*PAIRS[name](real_data))
    for most in (None, 100, 3):
        matched = assert_equal_to_coco(
            detections, objects, MatchRule(class_aware=is_aware, max_per_image=most)
        )
    assert (matched.object_row >= 0).any()


ONE = [(0, 0, 0, 10, 10, 0, 0, 1)]


def test_overlap_at_the_limit_matches_and_below_it_does_not() -> None:
    found = detections_of([(0, 0, 0, 10, 5, 0, 0.9, 1), (1, 0, 0, 10, 4.75, 0, 0.9, 2)])
    objects = objects_of([*ONE, (1, 0, 0, 10, 10, 0, 0, 2)])
    matched = match(found, objects, MatchRule())
    assert matched.object_row.tolist() == [0, NONE]
    assert matched.best_iou.tolist() == [0.5, 0.475]
    assert np.isnan(matched.overlap[1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("edge", range(4))
def test_boxes_without_finite_edges_match_nothing(bad: float, edge: int) -> None:
    whole, broken = [0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 10.0]
    broken[edge] = bad
    found = detections_of([(0, *broken, 0, 0.9, 1), (0, *whole, 0, 0.8, 2)])
    objects = objects_of([(0, *broken, 0, 0, 1), (0, *broken, 0, 1, 2), (0, *whole, 0, 0, 3)])
    matched = match(found, objects, MatchRule())
    assert matched.object_row.tolist() == [NONE, 2]
    assert matched.best_row.tolist() == [NONE, 2]
    assert matched.second_row.tolist() == matched.ignored_row.tolist() == [NONE, NONE]
    assert matched.detection_row.tolist() == [NONE, NONE, 1]


def test_nan_scores_choose_last() -> None:
    found = detections_of([(0, 0, 0, 10, 10, 0, np.nan, 1), (0, 0, 0, 10, 9, 0, -5, 2)])
    assert match(found, objects_of(ONE), MatchRule()).object_row.tolist() == [NONE, 0]


def test_boxes_without_a_side_match_nothing() -> None:
    flat = detections_of([(0, 5, 0, 5, 10, 0, 0.9, 1), (0, 10, 0, 0, 10, 0, 0.9, 2)])
    matched = match(flat, objects_of([*ONE, (0, 0, 0, 10, 10, 0, 1, 2)]), MatchRule())
    assert matched.object_row.tolist() == matched.ignored_row.tolist() == [NONE, NONE]


def test_ignored_object_without_a_class_holds_for_any_class() -> None:
    found = detections_of([(0, 0, 0, 10, 10, 3, 0.9, 1), (0, 0, 0, 10, 10, 4, 0.8, 2)])
    region = objects_of([(0, 0, 0, 90, 90, NONE, 1, 1)])
    assert match(found, region, MatchRule()).object_row.tolist() == [0, 0]
    of_one_class = replace(region, label=np.array([3]))
    assert match(found, of_one_class, MatchRule()).object_row.tolist() == [0, NONE]


def test_boxes_without_a_class_match_only_where_classes_do_not_count() -> None:
    found = detections_of([(0, 0, 0, 10, 10, NONE, 0.9, 1)])
    objects = replace(objects_of(ONE), label=np.array([NONE]))
    assert match(found, objects, MatchRule()).object_row.tolist() == [NONE]
    assert match(found, objects, MatchRule(class_aware=False)).object_row.tolist() == [0]


def test_nothing_matches_nothing() -> None:
    for rows in ([], ONE):
        matched = match(detections_of([]), objects_of(rows), MatchRule(max_per_image=1))
        assert len(matched.object_row) == 0
        assert matched.detection_row.tolist() == [NONE] * len(rows)
    alone = match(detections_of([(0, 0, 0, 10, 10, 0, 0.9, 1)]), objects_of([]), MatchRule())
    assert alone.object_row.tolist() == [NONE]
    assert alone.best_iou.tolist() == [0.0]


def test_crowded_image_takes_memory_of_its_boxes_alone() -> None:
    import tracemalloc

    n = 20_000
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 10_000, (n, 2))
    xyxy = np.hstack([corners, corners + 40])
    zero, ids = np.zeros(n, np.int64), np.arange(n)
    objects = Objects(zero, xyxy, zero, ids, np.zeros(n, np.bool_))
    match(detections_of([]), objects_of([]), MatchRule())
    tracemalloc.start()
    matched = match(Detections(zero, xyxy, zero, rng.random(n), ids), objects, MatchRule())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert matched.object_row.tolist() == ids.tolist()
    # All pairs are 3.2 GB of float64; a kilobyte per box is 20 MB.
    assert peak < 20e6
