"""Checks of tracks: literal rows in, findings out; expected values are sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

CODES = [f"TRK-{n:03d}" for n in range(1, 7)]


def image(number, **columns):
    return {f"{number}.jpg": {"group": "v", "frame": number, "source": "set"} | columns}


def video(*numbers, **columns):
    found = {}
    for number in numbers:
        found |= image(number, **columns)
    return found


def at(box, number, x=100, y=100, w=50, h=100, **columns):
    """A box of a track in a frame, named by both."""
    track = columns.pop("track", "7")
    columns = {"truncated": np.nan, "occluded": np.nan} | columns
    name = f"{track}@{number}"
    return box(name, x, y, x + w, y + h, image=f"{number}.jpg", track_id=track, **columns)


def test_a_track_of_two_classes_is_told_with_its_rarer_boxes(make, findings, names_of, box) -> None:
    rows = [at(box, n) for n in range(1, 5)] + [at(box, 5, label="van")]
    rows += [at(box, n, track="8", label="van") for n in range(1, 6)]
    made = make(rows, video(*range(1, 6)))
    (row,) = findings(made, select=["TRK-001"]).to_dict("records")
    assert row["message"] == "track 7 of v has several classes: 'car' in 4, 'van' in 1 frames"
    assert (names_of(made, row["members"]), row["value"], row["level"]) == ("7@5", 1, "warning")


def test_boxes_without_a_class_do_not_change_that_of_their_track(summary, box) -> None:
    rows = [at(box, 1), at(box, 2, label=None), at(box, 3)]
    assert summary(rows, images=video(1, 2, 3), select=["TRK-001"]) == []


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ((1, 2, 3, 4, 5, 6), []),
        ((1, 2, 4, 5, 6), [("TRK-002", "7@2 7@4", 1)]),
        ((1, 2, 5, 6), [("TRK-002", "7@2 7@5", 2)]),  # at the limit
        ((1, 2, 6), []),
        ((3, 4), []),
        ((1, 3, 5), [("TRK-002", "7@1 7@3", 1), ("TRK-002", "7@3 7@5", 1)]),
    ],
)
def test_a_track_that_is_missing_in_a_frame_or_two_has_a_gap(
    summary, box, frames, expected
) -> None:
    rows = [at(box, n) for n in frames]
    found = summary(rows, images=video(*range(1, 7)), select=["TRK-002"])
    assert sorted(found) == expected


def test_the_message_of_a_gap_names_the_frames_of_the_source(make, findings, box) -> None:
    made = make([at(box, 10), at(box, 30)], video(10, 20, 30))
    assert findings(made, select=["TRK-002"])["message"].tolist() == [
        "track 7 is missing in 1 frames between 10 and 30"
    ]


def test_frames_that_are_not_in_the_set_are_no_gap(summary, box) -> None:
    assert summary([at(box, 10), at(box, 30)], images=video(10, 30), select=["TRK-002"]) == []


@pytest.mark.parametrize(
    "columns",
    [
        {"occluded": 1.0},
        {"truncated": 0.2},
        {"x": 1},
        {"y": 0},
        {"x": 589},  # right edge 639 of 640
        {"y": 379.5},  # bottom edge 479.5 of 480
    ],
)
def test_a_gap_beside_a_hidden_or_cut_box_is_not_told(summary, box, columns) -> None:
    rows = [at(box, 1), at(box, 3, **columns)]
    assert summary(rows, images=video(1, 2, 3), select=["TRK-002"]) == []


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ((100, 100, 125), []),  # 1.25: at the limit
        ((100, 100, 126), [("TRK-003", "7@2 7@3", 1.26)]),
        ((126, 100, 100), [("TRK-003", "7@1 7@2", 1.26)]),
    ],
)
def test_a_height_that_jumps_is_told(summary, box, heights, expected) -> None:
    rows = [at(box, n, h=h) for n, h in enumerate(heights, 1)]
    assert summary(rows, images=video(1, 2, 3), select=["TRK-003"]) == expected


def test_a_restless_video_may_jump_more(summary, box) -> None:
    # Steps of ln height +-ln 1.2 around 0: MAD ln 1.2 = 0.182, 5 x 1.4826 of it a factor of 3.86.
    heights = [100, 120] * 10
    rows = [at(box, n, h=h) for n, h in enumerate([*heights, 380], 1)]
    assert summary(rows, images=video(*range(1, 22)), select=["TRK-003"]) == []


def test_of_two_steps_the_own_median_says_nothing(summary, box) -> None:
    rows = [at(box, 1), at(box, 2, x=160), at(box, 3, x=220)]
    found = summary(rows, images=video(1, 2, 3), select=["TRK-004"])
    assert sorted(found) == [("TRK-004", "7@1 7@2", 0.6), ("TRK-004", "7@2 7@3", 0.6)]


def test_heights_are_compared_from_one_frame_to_the_next(summary, box) -> None:
    rows = [at(box, 1), at(box, 3, h=200), at(box, 4, h=300, occluded=2.0)]
    assert summary(rows, images=video(1, 2, 3, 4), select=["TRK-003"]) == []


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        # 100 px high: half of it is the limit; the track's own median step is 10, then 0.
        ((100, 110, 120, 130, 180), []),
        ((100, 110, 120, 130, 181), [("TRK-004", "7@4 7@5", 0.51)]),
        ((100, 100, 100, 100, 151), [("TRK-004", "7@4 7@5", 0.51)]),
        # A quick one: 20 px per frame allow 5 x 20.
        ((100, 120, 140, 160, 260), []),
        ((100, 120, 140, 160, 261), [("TRK-004", "7@4 7@5", 1.01)]),
    ],
)
def test_a_centre_that_jumps_is_told(summary, box, places, expected) -> None:
    rows = [at(box, n, x=x) for n, x in enumerate(places, 1)]
    assert summary(rows, images=video(*range(1, 6)), select=["TRK-004"]) == expected


def test_a_track_twice_in_a_frame_is_an_error(make, findings, names_of, box) -> None:
    twice = at(box, 1, x=300) | {"source_id": "again"}
    made = make([at(box, 1), twice, at(box, 2), at(box, 2, track="8")], video(1, 2))
    (row,) = findings(made, select=["TRK"]).to_dict("records")
    assert (row["check"], row["level"], row["value"]) == ("TRK-005", "error", 2)
    assert names_of(made, row["members"]) == "7@1 again"
    assert row["message"] == "track 7 has 2 boxes in frame 1, should have one"


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        # 100 px wide and d px further: IoU (100 - d) / (100 + d).
        (105, [("TRK-006", "7@2 8@3", round(95 / 105, 6))]),
        (106, []),
    ],
)
def test_a_track_that_goes_on_under_another_id_is_told(summary, box, x, expected) -> None:
    rows = [at(box, 1, w=100), at(box, 2, w=100), at(box, 3, x=x, w=100, track="8")]
    rows.append(at(box, 4, x=x, w=100, track="8"))
    assert summary(rows, images=video(1, 2, 3, 4), select=["TRK-006"]) == expected


@pytest.mark.parametrize(
    "columns",
    [{"label": "van"}, {"role": "ignore"}, {"image": "4.jpg"}, {"shape": "line"}],
)
def test_another_class_frame_or_kind_is_no_change_of_id(summary, box, columns) -> None:
    rows = [at(box, 1), at(box, 2), at(box, 3, track="8") | columns]
    assert summary(rows, images=video(1, 2, 3, 4), select=["TRK-006"]) == []


def test_two_tracks_side_by_side_keep_their_ids(summary, box) -> None:
    rows = [at(box, n, track=track) for n in (1, 2, 3) for track in ("7", "8")]
    assert summary(rows, images=video(1, 2, 3), select=["TRK-006"]) == []


@pytest.mark.parametrize(
    "images",
    [
        video(1, 2, 3, group=None),
        {"1.jpg": {"group": "v", "frame": None, "source": "set"}},
        {},
    ],
)
def test_images_that_are_no_frames_of_a_video_have_no_tracks(summary, box, images) -> None:
    rows = [at(box, 1), at(box, 1, x=300), at(box, 3, h=300)]
    images = images or {"1.jpg": {"width": 640}}
    assert summary(rows, images=images, select=["TRK"]) == []


def test_one_id_in_two_videos_sources_or_files_is_several_tracks(summary, box) -> None:
    images = video(1, 2) | {
        "3.jpg": {"group": "w", "frame": 2, "source": "set"},
        "4.jpg": {"group": "v", "frame": 2, "source": "other"},
    }
    rows = [at(box, 1), at(box, 2), at(box, 3, label="van"), at(box, 4, label="bus")]
    rows += [at(box, n, label="tram", file="other.json") for n in (1, 2)]
    assert summary(rows, images=images, select=["TRK"]) == []


def test_a_file_for_each_frame_makes_one_track(summary, box) -> None:
    rows = [at(box, n, file=f"{n}.txt", h=100 + 50 * (n == 3)) for n in (1, 2, 3)]
    found = summary(rows, images=video(1, 2, 3), select=["TRK"])
    assert found == [("TRK-003", "7@2 7@3", 1.5)]


@pytest.mark.parametrize(
    "columns", [{"track_id": None}, {"origin": "detector"}, {"x1": np.nan}, {"role": "ignore"}]
)
def test_what_is_no_label_of_a_track_is_left_out(summary, box, columns) -> None:
    rows = [at(box, 1), at(box, 2), at(box, 2, x=300, h=300, label="van") | columns]
    rows[-1]["source_id"] = "out"
    assert summary(rows, images=video(1, 2), select=["TRK"]) == []


@pytest.mark.parametrize("code", CODES)
def test_an_empty_set_has_no_tracks(summary, code) -> None:
    assert summary([], select=[code]) == []
