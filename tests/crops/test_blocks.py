"""Blocks of images: what lies on each, and that their size changes no row."""

from __future__ import annotations

import gc
import tempfile
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from curate.crops.blocks import Blocks
from curate.crops.labelling import Labelling
from curate.crops.outcomes import proposals
from curate.crops.settling import settled
from curate.dataset import Dataset
from curate.definitions.matching import matching_definition
from tests.crops.plainly import Image, Thing
from tests.crops.test_outcomes import (
    ARMED,
    CAT,
    GEOMETRY,
    GOOD,
    SEEN,
    box_of,
    dataset_of,
    detection_of,
    scenes,
    truth_of,
)


def blocks_of(truth: Dataset | None, found: Dataset, n_images: int) -> Blocks:
    return Blocks(settled(truth, found, Labelling(), matching_definition()), n_images)


def rows_in(truth: Dataset | None, found: Dataset, n_images: int) -> pd.DataFrame:
    """The rows of all blocks of so many images."""
    given_ = settled(truth, found, Labelling(attribute=ARMED), matching_definition())
    parts = [
        proposals(block, given_.labelling, GEOMETRY, score_floor=0.05).rows
        for block in Blocks(given_, n_images)
    ]
    return pd.concat(parts, ignore_index=True).drop(columns="image_row") if parts else parts


@given(scenes(), st.booleans())
def test_rows_are_the_same_in_blocks_of_any_size(
    scene: tuple[dict[str, Image], list[tuple[Thing, str]], list[Thing]], has_truth: bool
) -> None:
    images, objects, things = scene
    truth = truth_of(images, objects) if has_truth else None
    found = dataset_of("dets", images, [*map(detection_of, things)])
    whole = rows_in(truth, found, 10)
    for n_images in (1, 2):
        pd.testing.assert_frame_equal(rows_in(truth, found, n_images), whole, check_exact=True)


@given(scenes(), st.booleans())
def test_rows_are_the_same_from_blocks_on_disk(
    scene: tuple[dict[str, Image], list[tuple[Thing, str]], list[Thing]], has_truth: bool
) -> None:
    images, objects, things = scene
    truth = truth_of(images, objects) if has_truth else None
    # The last image is unknown to the truth.
    stray = replace(GOOD, id=99_999, image="z.jpg")
    found = dataset_of("dets", {**images, "z.jpg": Image()}, [*map(detection_of, [*things, stray])])
    in_memory = blocks_of(truth, found, 1)
    kept = blocks_of(truth, found, 1)
    with tempfile.TemporaryDirectory() as folder:
        kept.keep_in(Path(folder))
        assert len(kept) == len(in_memory)
        for one, other in zip(kept, in_memory, strict=True):
            pd.testing.assert_frame_equal(one.images, other.images, check_exact=True)
            assert_same(one.detections, other.detections)
            assert (one.truth is None) == (other.truth is None)
            if one.truth is not None and other.truth is not None:
                assert_same(one.truth, other.truth)
            assert one.joined.row.tolist() == other.joined.row.tolist()
            assert (one.joined.reasons, one.first) == (other.joined.reasons, other.first)


def assert_same(one: Dataset, other: Dataset) -> None:
    for name in ("images", "boxes", "findings"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


def test_blocks_on_disk_hold_no_column_of_the_tables(tmp_path: Path) -> None:
    found = dataset_of("dets", SEEN, [detection_of(GOOD)])
    truth = dataset_of("labels", SEEN, [box_of(CAT)])
    columns = [weakref.ref(one.boxes["x1"].to_numpy().base) for one in (truth, found)]
    blocks = blocks_of(truth, found, 1)
    del truth, found
    gc.collect()
    assert all(column() is not None for column in columns)
    blocks.keep_in(tmp_path)
    gc.collect()
    assert [column() for column in columns] == [None, None]


def test_a_detection_without_score_is_lost_though_it_is_alone_in_its_block() -> None:
    images = {**SEEN, "b.jpg": Image()}
    nan = detection_of(replace(GOOD, id=3, image="b.jpg", score=np.nan))
    found = dataset_of("dets", images, [detection_of(GOOD), nan])
    rows = rows_in(dataset_of("labels", images, [box_of(CAT)]), found, 1)
    assert rows["status"].fillna("").tolist() == ["", "lost"]


def test_an_object_is_no_detection_though_its_block_has_none() -> None:
    images = {**SEEN, "b.jpg": Image()}
    other = box_of(Thing(9, "b.jpg", "cat", (60.0, 60.0, 90.0, 90.0)))
    both = dataset_of("both", images, [box_of(CAT), detection_of(GOOD), other])
    assert rows_in(both, both, 1)["outcome"].tolist() == ["matched", "missed"]


def test_whether_all_classes_were_looked_for_goes_by_those_of_all_blocks() -> None:
    images = {"a.jpg": Image(listed=("cat",)), "b.jpg": Image()}
    dog = box_of(replace(CAT, id=9, image="b.jpg", label="dog"))
    far = replace(GOOD, label="0", box=(60, 60, 90, 90))
    truth = dataset_of("labels", images, [box_of(CAT), dog])
    rows = rows_in(truth, dataset_of("dets", images, [detection_of(far)]), 1)
    # Class 0 stands for cat and dog, and nobody has looked for dogs.
    assert rows["outcome"].tolist() == ["unverified", "missed", "missed"]


def test_detections_keep_their_own_frame_in_a_block() -> None:
    truth = dataset_of("labels", SEEN, [box_of(CAT)])
    turned = {"exif_orientation": pd.array([6], "Int64")}
    stored = {"box_frame": pd.array(["stored"], truth.images["box_frame"].dtype)}
    found = dataset_of("dets", SEEN, [detection_of(GOOD)])
    found = found.with_tables(images=found.images.assign(**turned))
    truth = truth.with_tables(images=truth.images.assign(**turned, **stored))
    assert "lies in the upright frame" in rows_in(truth, found, 1)["reason"].iloc[0]


def test_an_image_that_may_be_two_is_told_with_both() -> None:
    images = {"x/a.jpg": Image(), "y/a.jpg": Image()}
    found = dataset_of("dets", {"a.jpg": Image()}, [detection_of(GOOD)])
    reason = rows_in(dataset_of("labels", images, []), found, 1)["reason"].iloc[0]
    assert "may be 'labels/x/a.jpg', 'labels/y/a.jpg', should be just one" in reason


def test_blocks_are_of_one_split_and_number_its_images_from_0() -> None:
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    truth = dataset_of("labels", dict.fromkeys(names, Image()), [])
    splits = pd.array(["val", "train", "train", "train"], truth.images["split"].dtype)
    truth = truth.with_tables(images=truth.images.assign(split=splits))
    blocks = blocks_of(truth, dataset_of("dets", {}, []), 2)
    told = [([key[-5] for key in block.images["image_key"]], block.first) for block in blocks]
    assert told == [(["b", "c"], 0), (["d"], 2), (["a"], 0)]
    assert len(blocks) == 3


def test_detections_on_no_image_are_the_last_block_alone() -> None:
    truth = dataset_of("labels", SEEN, [box_of(CAT)])
    images = {**SEEN, "z.jpg": Image()}
    found = [detection_of(GOOD), detection_of(replace(GOOD, id=3, image="z.jpg"))]
    first, last = blocks_of(truth, dataset_of("dets", images, found), 5)
    assert first.detections.boxes["box_id"].tolist() == [GOOD.id]
    assert last.detections.boxes["box_id"].tolist() == [3]
    assert (len(last.images), last.first) == (0, None)
