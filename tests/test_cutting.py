"""The pixels of a crop: the exact rectangle, one sampling, the same bytes however it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.cutting import CropGeometry, crop_rectangles, cut, jittered, relative_errors
from curate.errors import UsageError

SLOPE = 3.4871
WIDTH, HEIGHT = 640, 480
PLAIN = CropGeometry(size_px=224)


def ramp(*, turned=False):
    """A picture of 72 x 480 px that rises by SLOPE grey levels per px, exactly on average.

    Twenty rows are rounded at twenty places, so that their mean is free of the rounding.
    """
    exact = SLOPE * (np.arange(72) + 0.5)
    rows = np.floor(exact + ((np.arange(480) % 20 + 0.5) / 20)[:, None]).astype(np.uint8)
    return np.repeat((rows.T if turned else rows)[:, :, None], 3, axis=2)


def moved_px(low, side, size, *, turned=False):
    """How far each column of a crop of the ramp lies from its place, px.

    The outermost columns are left out: there the ramp ends.
    """
    geometry = CropGeometry(size_px=size)
    rectangle = (
        (20.3, low, 20.3 + side, low + side) if turned else (low, 20.3, low + side, 20.3 + side)
    )
    picture = ramp(turned=turned)
    rising = cut(picture, rectangle, geometry)[:, :, 0]
    # OpenCV rounds down a little more than up: in a falling ramp that moves to the other side.
    falling = cut(255 - picture, rectangle, geometry)[:, :, 0]
    crop = (rising + (255.0 - falling)) / 2
    columns = crop.mean(axis=1 if turned else 0)
    places = low + (np.arange(size) + 0.5) * side / size
    inner = (places > 2 + side / size) & (places < 70 - side / size)
    return (columns - SLOPE * places)[inner] / SLOPE


def texture(width=WIDTH, height=HEIGHT, seed=5):
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


TEXTURE = texture()


def exact_linear(image, xyxy, size):
    """Bilinear interpolation at the middles of the crop's pixels, in float64, edges repeated."""
    x1, y1, x2, y2 = xyxy

    def weights(low, high, n_pixels):
        places = low + (np.arange(size) + 0.5) * (high - low) / size - 0.5
        places = np.clip(places, 0, n_pixels - 1)
        return np.maximum(1 - np.abs(places[:, None] - np.arange(n_pixels)), 0)

    down, across = weights(y1, y2, image.shape[0]), weights(x1, x2, image.shape[1])
    return np.einsum("ik,jl,klc->ijc", down, across, image.astype(float), optimize=True)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("sides", "size"), [((8, 60), 300), ((30, 60), 56), ((40, 60), 9)])
def test_a_crop_lies_within_a_sixteenth_of_a_px_of_its_rectangle(sides, size, turned):
    rng = np.random.default_rng(2)
    means = []
    for low, side in zip(rng.uniform(0, 10, 200), rng.uniform(*sides, 200), strict=True):
        errors = moved_px(low, side, size, turned=turned)
        # The picture's levels and those of the crop are rounded: half a level each.
        assert abs(errors).max() <= 1 / 16 + 1 / SLOPE
        means.append(errors.mean())
    assert abs(np.mean(means)) <= 1 / 32
    assert np.quantile(np.abs(means), 0.9) <= 1 / 16


@given(
    x=st.floats(0, 400), y=st.floats(0, 300), side=st.floats(15, 179)
)  # fmt: skip
def test_a_crop_that_enlarges_is_the_bilinear_interpolation(x, y, side):
    rectangle = (x, y, x + side, y + side)
    difference = cut(TEXTURE, rectangle, PLAIN) - exact_linear(TEXTURE, rectangle, 224)
    # The texture rises by up to 60 levels per px, a sample may lie 1/20 px off along x and y.
    assert abs(difference).max() <= 2 * 60 / 20 + 1
    assert abs(difference).mean() <= 1


def test_a_rectangle_of_as_many_whole_px_as_the_crop_is_the_picture_itself():
    crop = cut(TEXTURE, (100, 50, 324, 274), PLAIN)
    assert np.array_equal(crop, TEXTURE[50:274, 100:324])


@pytest.mark.parametrize("side", [336, 448])
def test_fine_stripes_do_not_beat_when_a_crop_shrinks(side):
    stripes = np.zeros((480, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = cut(stripes, (10.2, 8.3, 10.2 + side, 8.3 + side), PLAIN)
    # Over s px, stripes of 2 px keep |sin(pi s / 2) / (pi s / 2)| of their contrast of +-127.5.
    step = side / 224
    kept = 127.5 * abs(np.sinc(step / 2))
    assert abs(crop.astype(float) - 127.5).max() <= kept + 3
    if side == 336:
        plain = cv2.resize(stripes[8 : 8 + side, 10 : 10 + side], (224, 224))
        assert abs(plain.astype(float) - 127.5).max() > kept + 20


@pytest.mark.parametrize("shrink", [2, 3, 5, 10])
def test_a_crop_that_shrinks_is_the_mean_of_what_it_covers(shrink):
    side = 40 * shrink
    picture = texture(side + 40, side + 40)
    crop = cut(picture, (20, 20, 20 + side, 20 + side), CropGeometry(size_px=40))
    whole = picture[20 : 20 + side, 20 : 20 + side]
    area = cv2.resize(whole, (40, 40), interpolation=cv2.INTER_AREA).astype(float)
    assert abs(crop.astype(float) - area).mean() <= 4
    assert abs((crop.astype(float) - area).mean()) <= 0.5


@pytest.mark.parametrize("level", [0, 1, 114, 200, 255])
@pytest.mark.parametrize("side", [12.3, 224.0, 250.7, 470.9, 4000.5])
def test_a_plain_picture_gives_a_plain_crop(level, side):
    picture = np.full((480, 640, 3), level, np.uint8)
    crop = cut(picture, (-3.3, -3.3, side, side), CropGeometry(square=False, fill=level))
    assert (crop == level).all()


def test_what_lies_outside_of_the_picture_is_filled_and_nothing_else():
    white = np.full((100, 100, 3), 255, np.uint8)
    geometry = CropGeometry(size_px=80, fill=7)
    # 1 px of the picture is 2 of the crop: 10 px beyond the left edge are 20 columns.
    crop = cut(white, (-10, 20, 30, 60), geometry)
    assert (crop[:, :20] == 7).all()
    assert (crop[:, 20:] == 255).all()
    crop = cut(white, (70, 75, 110, 115), geometry)
    assert (crop[:50, :60] == 255).all()
    assert (crop[50:] == 7).all()
    assert (crop[:, 60:] == 7).all()
    assert (cut(white, (0, 0, 100, 100), geometry) == 255).all()
    assert (cut(white, (200, 0, 240, 40), geometry) == 7).all()


@pytest.mark.parametrize(
    ("rectangle", "shape"),
    [
        ((0, 0, 100, 50), (32, 64, 3)),
        ((3.5, 0, 23.5, 80), (64, 16, 3)),
        ((0, 0, 400, 1), (1, 64, 3)),
    ],
)
def test_a_crop_that_is_not_square_keeps_the_form_of_its_rectangle(rectangle, shape):
    picture = texture(480, 480)
    assert cut(picture, rectangle, CropGeometry(square=False, size_px=64)).shape == shape


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 640, 3), (2, 3, 3)])
def test_the_smallest_pictures_can_be_cut(shape):
    picture = np.full(shape, 90, np.uint8)
    for side in (0.5, 3.0, 900.0):
        crop = cut(picture, (0.1, 0.1, 0.1 + side, 0.1 + side), PLAIN)
        assert set(np.unique(crop)) <= {90, 114}


def test_a_rectangle_far_larger_than_the_picture_is_cut():
    crop = cut(TEXTURE, (-50_000, -50_000, 50_000, 50_000), PLAIN)
    # 446 px per pixel of the crop: one of them begins at the picture's corner.
    assert (crop != 114).any(axis=2).sum() == 1


def test_pictures_wider_than_opencv_warps_are_cut():
    wide = np.zeros((40, 40_000, 3), np.uint8)
    wide[:, 39_000:39_010] = 250
    crop = cut(wide, (39_001, 5.3, 39_009, 13.3), PLAIN)
    assert (crop == 250).all()
    assert cut(wide, (0, -19_980, 40_000, 20_020), PLAIN).shape == (224, 224, 3)


def rectangles(n=60):
    rng = np.random.default_rng(11)
    middles = rng.uniform([0, 0], [WIDTH, HEIGHT], (n, 2))
    half = np.exp(rng.uniform(np.log(8), np.log(400), (n, 1))) / 2
    return np.hstack([middles - half, middles + half])


def cuts(wanted, geometry):
    return [cut(TEXTURE, rectangle, geometry).tobytes() for rectangle in wanted]


def test_a_crop_is_the_same_whatever_was_cut_before_it():
    wanted = rectangles()
    assert cuts(wanted[::-1], PLAIN) == cuts(wanted, PLAIN)[::-1]
    crop = cut(TEXTURE, wanted[0], PLAIN)
    assert crop.dtype == np.uint8
    assert crop.flags.c_contiguous


@pytest.mark.parametrize("size", [224, 1500])
def test_the_number_of_threads_changes_no_byte(size):
    geometry, wanted = CropGeometry(size_px=size), rectangles(12)
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = cuts(wanted, geometry)
        for n_threads in (2, 3, 8):
            cv2.setNumThreads(n_threads)
            assert cuts(wanted, geometry) == alone
    finally:
        cv2.setNumThreads(before)
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda rectangle: cut(TEXTURE, rectangle, geometry), wanted)
        assert [crop.tobytes() for crop in together] == alone


def test_a_view_of_a_picture_is_cut_like_a_copy():
    view = TEXTURE[::-1, 3:, ::-1]
    for rectangle in rectangles(20):
        assert np.array_equal(cut(view, rectangle, PLAIN), cut(view.copy(), rectangle, PLAIN))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ([[1]], "of type list, should be a numpy array"),
        (np.zeros((4, 4, 3)), r"float64 \(4, 4, 3\), should be uint8 \(height, width, 3\)"),
        (np.zeros((4, 4), np.uint8), r"uint8 \(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), r"uint8 \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"uint8 \(0, 4, 3\)"),
    ],
)  # fmt: skip
def test_a_picture_of_another_form_is_refused(image, says):
    with pytest.raises(UsageError, match=says):
        cut(image, (0, 0, 4, 4), PLAIN)


@pytest.mark.parametrize(
    ("xyxy", "says"),
    [
        ((0, 0, float("nan"), 4), "x1 < x2 and y1 < y2, all finite"),
        ((0, 0, float("inf"), 4), "all finite"),
        ((3, 0, 3, 4), "x1 < x2"),
        ((0, 4, 4, 0), "y1 < y2"),
        ((0, 0, 4), r"an array \(3,\), should be 4 numbers"),
        ((0, 0, 100, 40), "100 x 40 px, should be square - take it from crop_rectangles"),
    ],
)
def test_a_rectangle_that_is_none_is_refused(xyxy, says):
    with pytest.raises(UsageError, match=says):
        cut(TEXTURE, xyxy, PLAIN)


@pytest.mark.parametrize("geometry", [CropGeometry(size_px=0), CropGeometry(fill=256)])
def test_a_size_or_fill_out_of_range_is_refused(geometry):
    with pytest.raises(UsageError, match="should be 1 or more and 0 to 255"):
        cut(TEXTURE, (0, 0, 9, 9), geometry)


def test_margin_is_relative_with_a_floor_in_px():
    geometry = CropGeometry(margin_frac=0.25, min_margin_px=8, square=False)
    found = crop_rectangles(np.array([[100.0, 100, 200, 120]]), geometry)
    assert found.tolist() == [[75, 92, 225, 128]]


def test_cutting_loads_numpy_and_opencv_alone():
    code = "import json, sys; import curate.cutting; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert {"cv2", "numpy"} <= loaded
    assert not loaded & {"pandas", "pyarrow", "numba", "PIL", "msgspec", "scipy", "curate.tables"}


def test_relative_errors_are_shift_over_side_and_logarithms_of_ratios():
    found = np.array([[10.0, 20, 30, 60]])
    truth = np.array([[0.0, 20, 40, 40]])
    # Centres (20, 40) and (20, 30), sides (20, 40) and (40, 20).
    expected = [[0, 0.5, np.log(0.5), np.log(2)]]
    assert np.allclose(relative_errors(found, truth), expected, atol=1e-12)


def test_jitter_puts_back_what_was_measured():
    truth = np.array([[0.0, 20, 40, 40]])
    found = np.array([[10.0, 20, 30, 60]])
    assert np.allclose(jittered(truth, relative_errors(found, truth), [7]), found, atol=1e-12)


def test_jitter_depends_on_the_id_and_not_on_the_order():
    rng = np.random.default_rng(3)
    boxes = np.hstack([rng.uniform(0, 50, (200, 2)), rng.uniform(60, 90, (200, 2))])
    errors = rng.normal(0, 0.05, (40, 4))
    ids = rng.integers(-(2**63), 2**63, 200)
    moved = jittered(boxes, errors, ids)
    order = rng.permutation(200)
    assert np.array_equal(jittered(boxes[order], errors, ids[order]), moved[order])
    assert np.array_equal(jittered(boxes[:1], errors, ids[:1]), moved[:1])


def test_jitter_draws_each_error_as_often_as_others():
    boxes = np.tile([0.0, 0, 1, 1], (40_000, 1))
    errors = np.array([[shift, 0, 0, 0] for shift in range(8)], float)
    drawn = jittered(boxes, errors, np.arange(40_000))[:, 0]
    counts = np.bincount(np.round(drawn).astype(int), minlength=8)
    # 5,000 of each, standard deviation 66: five of them.
    assert abs(counts - 5000).max() < 330


@pytest.mark.parametrize(
    ("errors", "ids", "says"),
    [
        (np.empty((0, 4)), [1], "0 errors to draw from"),
        (np.full((1, 4), np.nan), [1], "all finite"),
        (np.zeros((1, 4)), [1, 2], "2 ids for 1 boxes"),
    ],
)
def test_jitter_without_errors_or_ids_is_refused(errors, ids, says):
    with pytest.raises(UsageError, match=says):
        jittered(np.array([[0.0, 0, 1, 1]]), errors, ids)
