"""Checks of single boxes: literal rows in, (check, members, value) out."""

from __future__ import annotations

import numpy as np
import pytest

NAN, INF = np.nan, np.inf


def test_no_box_and_no_image_give_no_finding(summary) -> None:
    assert summary([]) == []
    assert summary([], images={"a.jpg": {}}) == []


def test_plain_box_on_the_whole_height_is_no_finding(summary, box) -> None:
    assert summary([box("p", 0, 0, 320, 480)]) == []


@pytest.mark.parametrize(
    ("edges", "count"),
    [
        ((None, 0, 10, 10), 1),
        ((0, NAN, 10, 10), 1),
        ((0, 0, INF, -INF), 2),
        ((None, None, None, None), 4),
    ],
)
def test_coordinate_that_is_no_number_is_not_finite_and_nothing_else(
    summary, box, edges, count
) -> None:
    assert summary([box("p", *edges, declared_area=5.0)]) == [("BOX-001", "p", count)]


def test_not_finite_box_says_its_coordinates(make, findings, box) -> None:
    found = findings(make([box("p", 1.5, None, INF, 4)]))
    assert found["message"].tolist() == [
        "box (1.5, nan, inf, 4) has 2 coordinates that are null or not finite, should have none"
    ]


@pytest.mark.parametrize("shape", ["line", "point", "tag"])
def test_shapes_without_an_inside_are_never_judged(summary, box, shape) -> None:
    rows = [box("p", 9, 9, 9, 9, shape=shape), box("q", 900, 9, 950, 9, shape=shape)]
    assert summary([*rows, box("r", shape=shape), box("s", shape=shape)]) == []


@pytest.mark.parametrize("shape", ["box", "rotated", "polygon", "mask"])
def test_shapes_with_an_inside_are_judged(summary, box, shape) -> None:
    assert summary([box("p", 9, 9, 9, 20, shape=shape)]) == [("BOX-003", "p", 0)]


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ((600, 0, 652, 100), [("BOX-002", "p", 12)]),
        ((-3, 0, 50, 100), [("BOX-002", "p", 3)]),
        ((5, -2, 50, 100), [("BOX-002", "p", 2)]),
        ((5, 100, 50, 485.5), [("BOX-002", "p", 5.5)]),
        ((-3, -7, 50, 100), [("BOX-002", "p", 7)]),  # one finding, by its worst edge
        ((600, 0, 641, 100), [("BOX-009", "p", 1)]),  # exactly at the tolerance
        ((600, 0, 640.25, 100), [("BOX-009", "p", 0.25)]),
        ((-0.01, 0, 50, 100), []),  # exactly at the limit of BOX-009
        ((-0.011, 0, 50, 100), [("BOX-009", "p", 0.011)]),
        ((600, 0, 640, 100), []),
        ((700, 10, 710, 20), [("BOX-002", "p", 70)]),
    ],
)
def test_edge_beyond_the_image_is_outside_or_over_the_edge(summary, box, edges, expected) -> None:
    assert summary([box("p", *edges)]) == expected


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ((600, 0, 652, 9), "right edge at 652 is 12 px outside the 640 px wide image"),
        ((-3, 0, 50, 100), "left edge at -3 is 3 px outside the 640 px wide image"),
        ((5, -2.5, 50, 100), "top edge at -2.5 is 2.5 px outside the 480 px high image"),
        ((5, 0, 50, 500), "bottom edge at 500 is 20 px outside the 480 px high image"),
        (
            (5, 0, 50, 480.5),
            "bottom edge at 480.5 is 0.5 px over the edge of the 480 px high image",
        ),
        ((50, 0, -5, 100), "left edge at -5 is 5 px outside the 640 px wide image"),
    ],
)
def test_message_names_the_worst_edge(make, findings, box, edges, message) -> None:
    found = findings(make([box("p", *edges)]), select=["BOX-002", "BOX-009"])
    limit = "0.01" if "over" in message else "1"
    assert found["message"].tolist() == [f"{message}, should be at most {limit} px"]


@pytest.mark.parametrize(("width", "height"), [(None, None), (640, None), (0, 480), (-640, 480)])
def test_images_of_unknown_size_are_not_judged_by_size(summary, box, width, height) -> None:
    size = {"a.jpg": {"width": width, "height": height}}
    rows = [box("p", -5, -5, 900, 900), box("q", 9, 9, 9, 20)]
    assert summary(rows, images=size) == [("BOX-003", "q", 0)]


def test_boxes_in_the_stored_frame_are_judged_by_the_declared_size(summary, box) -> None:
    size = {"width": 480, "height": 640, "declared_width": 640, "declared_height": 480}
    images = {"a.jpg": size | {"box_frame": "stored"}, "b.jpg": size}
    rows = [box("p", 600, 400, 640, 480), box("q", 600, 400, 640, 480, image="b.jpg")]
    assert summary(rows, images=images) == [("BOX-002", "q", 160)]


def test_stored_frame_without_a_declared_size_goes_by_the_size_there_is(summary, box) -> None:
    images = {"a.jpg": {"box_frame": "stored", "declared_width": None, "declared_height": None}}
    assert summary([box("p", 600, 400, 650, 480)], images=images) == [("BOX-002", "p", 10)]


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ((820, 339, 820, 350), [("BOX-003", "p", 0)]),
        ((200, 50, 100, 250), [("BOX-003", "p", -100)]),
        ((100, 250, 200, 50), [("BOX-003", "p", -200)]),
        ((100, 50, 100, 50), [("BOX-003", "p", 0)]),
        ((503, 336, 504, 337), [("BOX-004", "p", 1)]),  # VOC 504 337 504 337 (voc_bccd)
        ((100, 50, 200, 51.75), [("BOX-004", "p", 1.75)]),
        ((100, 50, 102, 250), []),  # exactly at the limit
    ],
)
def test_side_is_not_positive_or_small_and_never_both(summary, box, edges, expected) -> None:
    assert (
        summary([box("p", *edges)], images={"a.jpg": {"width": None, "height": None}}) == expected
    )


def test_smaller_sides_are_worse(make, findings, box, names_of) -> None:
    made = make([box("p", 0, 0, 1.5, 9), box("q", 20, 0, 20.5, 9), box("r", 40, 0, 41.5, 9)])
    found = findings(made)
    assert names_of(made, found["members"].iloc[0]) == "q"
    assert found["rank"].tolist() == [0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("edges", "columns", "expected"),
    [
        ((0, 0, 640, 480), {}, [("BOX-005", "p", 1)]),
        ((0.5, 0.5, 639.5, 479.5), {}, [("BOX-005", "p", 0.996357)]),  # 639 * 479 / 307200
        ((0, 0, 640, 470.4), {}, [("BOX-005", "p", 0.98)]),  # exactly at the limit
        ((0, 0, 640, 470.3), {}, []),
        ((0, 0, 640, 480), {"is_group": True}, []),
        ((0, 0, 640, 480), {"is_group": False}, [("BOX-005", "p", 1)]),
        ((640, 480, 0, 0), {}, [("BOX-003", "p", -640)]),
        ((-0.5, 0, 640.5, 480), {}, [("BOX-005", "p", 1), ("BOX-009", "p", 0.5)]),
    ],
)
def test_box_on_nearly_the_whole_image_is_full_frame(
    summary, box, edges, columns, expected
) -> None:
    assert summary([box("p", *edges, **columns)]) == expected


@pytest.mark.parametrize(
    ("area", "mask_area", "expected"),
    [
        (5000, NAN, []),
        (5250, NAN, []),  # exactly 5 % of width x height
        (5251, NAN, [("BOX-006", "p", 251)]),
        (1, 4000, [("BOX-006", "p", 3999)]),  # 3999 to the mask, 4999 to the box
        (4000, 4000, []),
        (5000, 4000, []),  # the box's area, which many exporters write
        (4200, 4000, []),
        (4201, 4000, [("BOX-006", "p", 201)]),
        (NAN, 4000, []),
        (0, NAN, [("BOX-006", "p", 5000)]),
    ],
)
def test_area_that_fits_neither_mask_nor_box_is_a_mismatch(
    summary, box, area, mask_area, expected
) -> None:
    row = box("p", 10, 10, 110, 60, declared_area=area, mask_area=mask_area)
    assert summary([row]) == expected


def test_area_mismatch_is_an_error_only_where_there_is_a_mask(make, findings, box) -> None:
    rows = [
        box("p", 10, 10, 110, 60, declared_area=1.0, mask_area=4000.0),
        box("q", 210, 10, 310, 60, declared_area=1.0),
    ]
    found = findings(make(rows))
    assert found["level"].tolist() == ["error", "warning"]
    assert found["message"].tolist() == [
        "declared area 1 px^2 should be the mask's (4000 px^2); "
        "it is not width x height (5000 px^2) either",
        "declared area 1 px^2 should be width x height (5000 px^2)",
    ]
    assert found["limit"].tolist() == [200, 250]


def test_area_mismatch_of_a_group_is_a_warning(make, findings, box) -> None:
    # COCOeval ignores a crowd whatever its area (cocoeval.py, `_prepare`).
    row = box("p", 10, 10, 110, 60, declared_area=1.0, mask_area=4000.0, is_group=True)
    found = findings(make([row]))
    assert found[["check", "level", "value"]].values.tolist() == [["BOX-006", "warning", 3999]]


@pytest.mark.parametrize(("area", "expected"), [(8, []), (8.5, [("BOX-006", "p", 4.5)])])
def test_small_areas_may_be_off_by_some_pixels(summary, box, area, expected) -> None:
    assert summary([box("p", 10, 10, 12, 12, declared_area=area)]) == expected


def test_area_is_judged_without_derived_columns(make, findings, box) -> None:
    made = make([box("p", 10, 10, 110, 60, declared_area=1.0)])
    assert made.derived is None
    assert findings(made)["check"].tolist() == ["BOX-006"]


def test_infinite_area_measures_nothing(make, findings, box) -> None:
    found = findings(make([box("p", 10, 10, 110, 60, declared_area=INF)]))
    assert found["check"].tolist() == ["BOX-006"]
    assert found["value"].isna().all()


@pytest.mark.parametrize(
    ("mask", "columns", "expected"),
    [
        ((10.4, 10.2, 59.1, 89.9), {}, []),
        ((12, 10, 60, 90), {}, []),  # exactly 2 px
        ((12.5, 10, 60, 90), {}, [("BOX-007", "p", 2.5)]),
        ((10, 30, 60, 90), {}, [("BOX-007", "p", 20)]),
        ((10, 10, 60, 70), {}, [("BOX-007", "p", 20)]),
        ((10, 30, 60, 90), {"is_group": True}, []),
        ((NAN, NAN, NAN, NAN), {}, []),
    ],
)
def test_box_away_from_its_mask_is_a_mismatch(summary, box, mask, columns, expected) -> None:
    assert summary([box("p", 10, 10, 60, 90, mask=mask, **columns)]) == expected


def test_large_boxes_may_be_off_their_mask_by_a_share(summary, box) -> None:
    rows = [
        box("p", 0, 0, 200, 100, mask=(4, 0, 200, 100)),  # exactly 2 % of 200 px
        box("q", 300, 0, 500, 100, mask=(304.5, 0, 500, 100)),
    ]
    assert summary(rows) == [("BOX-007", "q", 4.5)]


def test_mask_message_names_the_edge(make, findings, box) -> None:
    found = findings(make([box("p", 10, 10, 60, 90, mask=(10, 30, 60, 90))]))
    assert found["message"].tolist() == [
        "top edge at 10 is 20 px from the mask's at 30, should be at most 2 px"
    ]


@pytest.mark.parametrize(
    ("kp", "expected"),
    [
        ((20, 20, 59, 80), []),
        ((20, 20, 61, 80), []),  # exactly 1 px
        ((20, 20, 61.5, 80), [("BOX-008", "p", 1.5)]),
        ((20, 4, 80, 80), [("BOX-008", "p", 20)]),
        ((7, 20, 30, 30), [("BOX-008", "p", 3)]),
        ((NAN, NAN, NAN, NAN), []),
    ],
)
def test_visible_keypoint_outside_its_box_is_found(summary, box, kp, expected) -> None:
    assert summary([box("p", 10, 10, 60, 90, kp=kp)]) == expected


def test_keypoint_message_names_the_edge(make, findings, box) -> None:
    found = findings(make([box("p", 10, 10, 60, 90, kp=(20, 20, 80, 80))]))
    assert found["message"].tolist() == [
        "a visible keypoint is 20 px beyond the right edge at 60, should be at most 1 px"
    ]


def test_box_without_positive_sides_is_one_finding(summary, box) -> None:
    row = box("p", 60, 10, 10, 90, declared_area=9.0, mask=(0, 0, 9, 9), kp=(0, 0, 99, 99))
    assert summary([row]) == [("BOX-003", "p", -50)]


def test_absurd_coordinates_give_findings_and_no_warning(summary, box) -> None:
    huge = 1e308
    found = summary([box("p", -huge, -huge, huge, huge, declared_area=1.0)])
    assert [row[:2] for row in found] == [("BOX-002", "p"), ("BOX-005", "p")]


def test_detector_boxes_are_judged_one_by_one(summary, box) -> None:
    # coco128/yolov5s_predictions.json holds such a row
    row = box("p", 480, 100, 480, 400, origin="detector", score=0.04)
    assert summary([row]) == [("BOX-003", "p", 0)]


@pytest.mark.parametrize(("state", "expected"), [(NAN, []), (0, []), (1, [])])
def test_outline_and_keypoints_that_are_none_or_good_are_no_fault(
    summary, box, state, expected
) -> None:
    assert summary([box("p", 1, 1, 60, 90, outline_state=state, keypoint_state=state)]) == expected


def test_broken_outline_and_keypoints_are_found_whatever_the_box_is(summary, box) -> None:
    rows = [
        box("p", 10, 10, 60, 90, outline_state=2),
        box("q", 110, 10, 160, 90, keypoint_state=2),
        box("r", outline_state=2, shape="point"),
    ]
    expected = {("BOX-010", "p", 1), ("BOX-010", "r", 1), ("BOX-011", "q", 1)}
    assert set(summary(rows)) == expected


def test_message_of_a_broken_outline_says_what_one_is(make, findings, box) -> None:
    found = findings(make([box("p", 10, 10, 60, 90, outline_state=2)]))
    assert found["message"].tolist() == [
        "the outline cannot be read, should be rings of an even number of at least 6 finite values "
        "each, or an RLE of the image's size whose runs add up to height x width"
    ]
