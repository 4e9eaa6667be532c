"""Checks of sizes, shapes, counts and places against the rest: expected values are hand sums."""

from __future__ import annotations

import math

import numpy as np
import pytest

from curate.checks.labels import robust_z


def squares(box, sides, **columns):
    """Squares of these sides, px, each of its own row of a large image."""
    return [
        box(f"s{n}", 100, 100, 100 + side, 100 + side, **columns) for n, side in enumerate(sides)
    ]


LARGE = {"a.jpg": {"width": 100_000, "height": 100_000}}
# 40 boxes of 98, 100 and 102 px: ln varies less than ln 1.1, which is then the scale.
USUAL = [98] * 10 + [100] * 20 + [102] * 10


def test_a_robust_z_of_a_known_spread() -> None:
    # Median 3; deviations 2 1 0 1 2, their median 1: scale 1.4826. The 10th and 90th percentile
    # are 1.4 and 4.6: 1.6 / 1.2816 = 1.2484 is less.
    z, middle = robust_z(np.array([1.0, 2, 3, 4, 5]), 0.1)
    assert middle == 3
    assert z == pytest.approx([-2 / 1.4826, -1 / 1.4826, 0, 1 / 1.4826, 2 / 1.4826])


def test_where_most_values_are_equal_the_mean_deviation_is_the_scale() -> None:
    # Nine zeros and a ten: MAD 0, mean deviation 1; the 90th percentile is 1.
    z, middle = robust_z(np.array([0.0] * 9 + [10]), 0.1)
    assert middle == 0
    assert z[-1] == pytest.approx(10 / 1.2533)


def test_a_skewed_spread_has_a_scale_for_each_side() -> None:
    # The 10th percentile is 1 and the 90th 48 (by linear steps), the median 5, the MAD 2.
    values = np.array([1.0, 1, 3, 4, 5, 6, 7, 8, 48, 48, 1])
    z, middle = robust_z(values, 0.1)
    assert middle == 5
    assert z[8] == pytest.approx((48 - 5) / ((48 - 5) / 1.2816))
    assert z[0] == pytest.approx(-4 / (1.4826 * 3))


@pytest.mark.parametrize(
    ("side", "is_told"),
    [
        (100, False),
        # 4.5 times ln 1.1 is a factor of 1.536, less than the factor 2 that is asked for.
        (199, False),
        (200, False),
        (201, True),
        (50.1, False),
        (49, True),
        (1.9, False),  # BOX-004's
    ],
)
def test_a_size_beyond_twice_the_median_of_a_narrow_class_is_an_outlier(
    summary, box, side, is_told
) -> None:
    found = summary(squares(box, [*USUAL, side]), images=LARGE, select=["BOX-012"])
    z = abs(math.log(side / 100)) / math.log(1.1)
    assert found == ([("BOX-012", "s40", round(z, 6))] if is_told else [])


def test_a_size_up_to_the_limit_in_standard_deviations_is_none(summary, box) -> None:
    rows = squares(box, [*USUAL, 400])
    z = math.log(4) / math.log(1.1)  # 14.5
    for limit, n_found in ((z - 1e-9, 1), (z + 1e-9, 0)):
        params = {"BOX-012": {"max_z": limit}}
        found = summary(rows, images=LARGE, params=params, select=["BOX-012"])
        assert len(found) == n_found


@pytest.mark.parametrize(("n_others", "n_found"), [(29, 1), (28, 0)])
def test_classes_of_few_boxes_are_not_judged(summary, box, n_others, n_found) -> None:
    rows = squares(box, [100] * n_others + [1000])
    assert len(summary(rows, images=LARGE, select=["BOX-012"])) == n_found


@pytest.mark.parametrize(
    "columns",
    [
        {"is_group": True},
        {"role": "ignore"},
        {"origin": "detector"},
        {"label": "van"},
        {"label": None},
        {"shape": "line"},
        {"x2": np.nan},
        {"x2": np.inf},
        {"x2": -50.0},
    ],
)
def test_what_is_no_single_label_of_the_class_is_no_outlier(summary, box, columns) -> None:
    rows = [*squares(box, USUAL), box("p", 0, 0, 1000, 1000) | columns]
    assert summary(rows, images=LARGE, select=["BOX-012"]) == []


def test_outliers_say_what_is_and_what_is_usual(make, findings, box) -> None:
    rows = [*squares(box, USUAL), box("p", 200, 100, 1000, 150)]
    table = findings(make(rows, LARGE), select=["BOX-012", "BOX-013"])
    assert table["message"].tolist() == [
        # 800 x 50 px: 200 px squared, which is just twice the median and no outlier of size.
        "width / height is 16, the median of class 'car' is 1",
    ]
    assert table["value"].tolist() == pytest.approx([math.log(16) / math.log(1.25)])


@pytest.mark.parametrize(
    ("edges", "columns", "n_found"),
    [
        ((2, 100, 100, 1000), {}, 1),
        ((1, 100, 100, 1000), {}, 0),  # within 1 px of the left border
        ((100, 1.0, 1000, 100), {}, 0),
        ((90_000, 100, 99_999, 1000), {}, 0),
        ((100, 99_000, 1000, 99_998.5), {"truncated": 0.0}, 0),  # a ratio of 0.9
        ((100, 100, 200, 1000), {"truncated": 0.5}, 0),
        ((100, 100, 200, 1000), {"truncated": 0.0}, 1),
        ((100, 100, 200, 1000), {"shape": "rotated"}, 0),
    ],
)
def test_boxes_that_may_be_cut_are_no_outliers_of_shape(
    summary, box, edges, columns, n_found
) -> None:
    rows = [row | {"truncated": np.nan} for row in squares(box, USUAL)]
    rows.append(box("p", *edges, **({"truncated": np.nan} | columns)))
    assert len(summary(rows, images=LARGE, select=["BOX-013"])) == n_found


def test_boxes_of_the_stored_frame_are_no_outliers_of_shape(summary, box) -> None:
    rows = [*squares(box, USUAL), box("p", 100, 100, 200, 1000, image="b.jpg")]
    for frame, n_found in (("upright", 1), ("stored", 0)):
        images = LARGE | {"b.jpg": LARGE["a.jpg"] | {"box_frame": frame}}
        images["a.jpg"] = LARGE["a.jpg"] | {"box_frame": "upright"}
        assert len(summary(rows, images=images, select=["BOX-013"])) == n_found


@pytest.mark.parametrize(
    ("edges", "value"),
    [
        ((0, 0, 640, 456), None),  # 0.95 of 640 x 480: at the limit
        ((0, 0, 640, 457), 457 / 456),
        ((0, 0, 640, 471), None),  # 0.981: BOX-005's
        ((0, 0, 2, 2), None),  # 4 of 307,200 px^2: 0.000013
        ((0, 0, 1.9, 1.9), None),  # BOX-004's
    ],
)
def test_a_share_of_the_image_beyond_its_limits_is_extreme(summary, box, edges, value) -> None:
    expected = [] if value is None else [("BOX-014", "p", round(value, 6))]
    assert summary([box("p", *edges)], select=["BOX-014"]) == expected


def test_a_share_of_exactly_the_least_is_none(summary, box) -> None:
    # 4 x 5 px of 2000 x 1000 px: 20 / 2,000,000 = 0.00001.
    images = {"a.jpg": {"width": 2000, "height": 1000}}
    assert summary([box("p", 0, 0, 4, 5)], images=images, select=["BOX-014"]) == []


def test_a_tiny_share_is_told_in_times_of_the_limit(make, findings, box) -> None:
    # 4 x 5 px of 4000 x 2500 px: 0.000002, a fifth of the limit.
    made = make([box("p", 0, 0, 4, 5)], {"a.jpg": {"width": 4000, "height": 2500}})
    (row,) = findings(made, select=["BOX-014"]).to_dict("records")
    assert row["value"] == pytest.approx(5)
    assert row["message"] == "covers 2e-06 of the image, should be at least 1e-05"


def test_images_of_unknown_size_have_no_share_and_no_training_size(summary, box) -> None:
    images = {"a.jpg": {"width": None, "height": None}}
    rows = [box("p", 0, 0, 3, 3)]
    assert summary(rows, images=images, select=["BOX-014", "BOX-015", "SET-015"]) == []


def test_boxes_too_small_after_the_resize_are_one_finding_of_their_class(
    make, findings, names_of, box
) -> None:
    # 1920 px become 640: a third. 9 px are 3 px (at the limit), 8.9 px less.
    images = {"a.jpg": {"width": 1920, "height": 1080}, "b.jpg": {"width": 320, "height": 240}}
    rows = [
        box("p", 0, 0, 9, 90),
        box("q", 0, 0, 8.7, 90),
        box("r", 0, 0, 90, 3),
        box("s", 0, 0, 1.5, 9),
        box("t", 0, 0, 3, 9, image="b.jpg"),  # a smaller image is not made larger
    ]
    made = make(rows, images)
    (row,) = findings(made, select=["BOX-015"]).to_dict("records")
    assert names_of(made, row["members"]) == "r q"
    assert row["message"] == (
        "2 of 4 boxes of class 'car' have a shorter side below 3 px when the image is resized to "
        "640 px; the smallest has 1 px"
    )
    wide = {"BOX-015": {"input_px": 1920, "min_side_px": 8.8}}
    (row,) = findings(made, select=["BOX-015"], params=wide).to_dict("records")
    assert names_of(made, row["members"]) == "r t q"


def images_of(box, counts):
    return [
        box(f"{image}-{n}", n, 0, n + 9, 9, image=f"{image}.jpg")
        for image, count in enumerate(counts)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # ln 1.5 is the least scale: 4.5 of it are a factor of 6.2.
        ([10] * 29 + [63], ["29.jpg"]),
        ([10] * 29 + [61], []),
        ([10] * 29 + [1], []),
        ([10] * 28 + [63], []),  # 29 images
        ([10] * 29 + [0, 63], ["30.jpg"]),
    ],
)
def test_an_image_of_far_more_boxes_than_others_is_told(
    make, findings, box, counts, expected
) -> None:
    made = make(images_of(box, counts))
    table = findings(made, select=["SET-014"])
    keys = dict(zip(made.dataset.images["image_id"], made.dataset.images["image_key"], strict=True))
    assert [keys[i].removeprefix("set/") for i in table["image_id"]] == expected
    if expected:
        assert table["value"].tolist() == pytest.approx([math.log(6.3) / math.log(1.5)])
        assert table["message"].tolist() == ["the image has 63 labels, the median is 10"]
        assert table["members"].map(len).tolist() == [63]


def places(box, n_in, n_out):
    """So many boxes in one field of 32 x 24 px, and one each in the others of the image."""
    rows = [box(f"i{n}", 2, 2, 12, 12) for n in range(n_in)]
    for n in range(n_out):
        x, y = 32 * (n % 20), 24 * (n // 20)
        rows.append(box(f"o{n}", x + 2, y + 2, x + 12, y + 12))
    return rows


@pytest.mark.parametrize(
    ("n_in", "n_out", "value"),
    [
        # The fullest 40 of 400 fields: n_in + 1 in the first, 1 in 39 others.
        (361, 139, (361 + 1 + 39) / 500),
        (360, 140, 0.8),
        (359, 141, None),
        (399, 0, None),  # 399 boxes
        (400, 0, 1),
    ],
)
def test_boxes_in_a_tenth_of_the_image_are_concentrated(summary, box, n_in, n_out, value) -> None:
    found = summary(places(box, n_in, n_out), select=["SET-015"])
    assert found == ([] if value is None else [("SET-015", "", value)])


@pytest.mark.parametrize("code", ["BOX-012", "BOX-013", "BOX-014", "BOX-015", "SET-014", "SET-015"])
def test_an_empty_set_has_no_outliers(summary, code) -> None:
    assert summary([], select=[code]) == []
