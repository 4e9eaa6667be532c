"""Which image of the truth an image of the detections is."""

from __future__ import annotations

import pandas as pd
import pytest

from curate.crops.joining import UNKNOWN, join_images
from curate.tables import IMAGE_COLUMNS, key_hashes, make_table
from tests.crops.real import PAIRS


def images_of(*keys: str | tuple[str, str, int]) -> pd.DataFrame:
    """Images by key, or by key, group and frame."""
    rows = [key if isinstance(key, tuple) else (key, None, None) for key in keys]
    names = [key for key, _, _ in rows]
    return make_table(
        IMAGE_COLUMNS,
        len(rows),
        {"image_id": key_hashes(names), "image_key": names, "group": [g for _, g, _ in rows],
         "source": [name.partition("/")[0] for name in names], "frame": [f for _, _, f in rows],
         "box_frame": "upright", "label_state": "present"},
    )  # fmt: skip


def joined(images: pd.DataFrame, truth: pd.DataFrame) -> list[int]:
    return join_images(images, truth).row.tolist()


def test_names_below_the_source_are_what_is_compared() -> None:
    truth = images_of("labels/b/2.jpg", "labels/a/1.jpg")
    assert joined(images_of("dets/a/1.jpg", "dets/b/2.jpg"), truth) == [1, 0]


def test_image_key_wins_over_the_name_of_two_sources() -> None:
    truth = images_of("day/1.jpg", "night/1.jpg")
    assert joined(images_of("night/1.jpg", "day/1.jpg"), truth) == [1, 0]


def test_two_sources_of_detections_may_be_over_one_image() -> None:
    assert joined(images_of("yolo/1.jpg", "rcnn/1.jpg"), images_of("labels/1.jpg")) == [0, 0]


def test_name_that_several_sources_have_is_told_not_guessed() -> None:
    found = join_images(images_of("dets/1.jpg"), images_of("day/1.jpg", "night/1.jpg"))
    assert found.row.tolist() == [UNKNOWN]
    assert found.reasons == {
        0: "image 'dets/1.jpg' may be 'day/1.jpg', 'night/1.jpg', should be just one of the truth's"
    }


def test_group_and_frame_join_what_names_cannot() -> None:
    truth = images_of(
        ("gt/a/1.jpg", "cam1", 1), ("gt/b/1.jpg", "cam2", 1), ("gt/b/2.jpg", "cam2", 2)
    )
    dets = images_of(("dets/x", "cam2", 1), ("dets/y", "cam1", 1), ("dets/z", "cam3", 1))
    found = join_images(dets, truth)
    assert found.row.tolist() == [1, 0, UNKNOWN]
    assert found.n_by["group and frame"] == 2


def test_stems_join_where_they_are_unique_on_both_sides() -> None:
    truth = images_of("gt/000000", "gt/a/7.jpg", "gt/b/7.jpg", "gt/c/8.jpg")
    assert joined(images_of("dets/000000.png"), truth) == [0]
    assert joined(images_of("dets/b/7.png"), truth) == [2]
    assert joined(images_of("dets/7.png"), truth) == [UNKNOWN]
    assert joined(images_of("dets/8.png"), truth) == [3]
    assert joined(images_of("dets/x/8.png", "dets/y/8.png"), truth) == [UNKNOWN] * 2


def test_stem_is_not_taken_from_an_image_that_a_name_has_joined() -> None:
    assert joined(images_of("dets/a/1.jpg", "dets/b/1.png"), images_of("gt/a/1.jpg")) == [
        0,
        UNKNOWN,
    ]


def test_frames_of_two_videos_are_not_joined_by_their_stem() -> None:
    truth = images_of(("gt/a/000001.jpg", "a", 1))
    assert joined(images_of(("dets/b/000001.jpg", "b", 1)), truth) == [UNKNOWN]
    # Nothing says that this one is of another video.
    assert joined(images_of("dets/b/000001.jpg"), truth) == [0]


def test_unknown_image_is_named() -> None:
    found = join_images(images_of("dets/x.jpg"), images_of("gt/y.jpg"))
    assert found.reasons == {0: "image 'dets/x.jpg' is unknown, should be one of the truth's"}
    assert joined(images_of(), images_of("gt/y.jpg")) == []
    assert joined(images_of("dets/x.jpg"), images_of()) == [UNKNOWN]


@pytest.mark.parametrize("name", PAIRS)
def test_images_of_real_detections_are_all_known(real_data, name: str) -> None:
    truth, detections = PAIRS[name](real_data)
    found = join_images(detections.images, truth.images)
    assert not found.reasons
    stems = [key.rpartition("/")[2].partition(".")[0] for key in truth.images["image_key"]]
    own = [key.rpartition("/")[2].partition(".")[0] for key in detections.images["image_key"]]
    groups = truth.images["group"].fillna("").tolist(), detections.images["group"].fillna("")
    assert [stems[row] for row in found.row] == own
    assert [groups[0][row] for row in found.row] == groups[1].tolist()
