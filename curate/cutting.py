"""One crop: which rectangle of a picture it shows, and its pixels.

Training and serving call the same function, so that a classifier sees in use what it was trained
on. Light on purpose: it needs numpy and OpenCV alone.

A crop pixel is the picture's value at the middle of the rectangle's share for it, between the
picture's pixels by bilinear interpolation. Where a crop shrinks, the picture is first averaged,
without moving anything, over as many pixels as one crop pixel covers, as OpenCV's INTER_AREA does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from curate.errors import UsageError, quote

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

# How far from the asked place a sample may lie, px of the picture.
PHASE_PX = 1 / 20
# So many rows and columns may be computed for nothing to get the quicker of two ways.
MAX_LEAD = 48
# Below (a crop that magnifies by more than 16) and above the quicker way computes too much for
# nothing; from the latter on pictures of blocks are sampled, whose px are larger.
MIN_ALIGNED_STEP, MAX_ALIGNED_STEP = 1 / 16, 4.0
# Blocks of a quarter of a step are averaged first: the cost of a filter grows with its length.
BLOCKS_PER_STEP = 4
# A rectangle that is square up to rounding.
SQUARE_TOLERANCE_FRAC = 1e-3


@dataclass(frozen=True)
class CropGeometry:
    """What a crop shows of a picture, and at what size.

    Parameters
    ----------
    margin_frac
        Context on each side of the box, as a share of its width (left, right) or height (top,
        bottom).
    min_margin_px
        Context on each side at least, px of the picture.
    square
        Whether the shorter side is extended with context to the longer one, about its middle.
    size_px
        Side of the crop, px: width and height, or the longer side where it is not square.
    fill
        Grey level 0..255 of what lies outside of the picture.

    Notes
    -----
    Margins of 0.10 to 0.25 are what cascades use; the rectangle is not moved at the border of the
    picture, so that the object stays in the middle as it is elsewhere.
    """

    margin_frac: float = 0.15
    min_margin_px: float = 8.0
    square: bool = True
    size_px: int = 224
    fill: int = 114


def crop_rectangles(xyxy: Floats, geometry: CropGeometry) -> Floats:
    """(N, 4) float64 x1 y1 x2 y2, px: what the crops of boxes show, beyond the picture too.

    Parameters
    ----------
    xyxy
        (N, 4) float64, px, half-open, sides positive.
    geometry
        Margin and form.

    Examples
    --------
    >>> crop_rectangles(np.array([[100.0, 100.0, 200.0, 140.0]]), CropGeometry(margin_frac=0.1))
    array([[ 90.,  60., 210., 180.]])
    """
    wh = xyxy[:, 2:] - xyxy[:, :2]
    margin = np.maximum(wh * geometry.margin_frac, geometry.min_margin_px)
    half = wh / 2 + margin
    if geometry.square:
        half = np.repeat(half.max(axis=1, keepdims=True), 2, axis=1)
    middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    return np.hstack([middle - half, middle + half])


def cut(image: Pixels, xyxy: npt.ArrayLike, geometry: CropGeometry) -> Pixels:
    """(H, W, 3) uint8: what a rectangle of a picture shows, at the size of a crop.

    The picture is sampled once, within 1/20 px of the exact place; in crops that shrink more than
    eightfold, within 1/128 of their own pixels. Crop pixels whose middle lies outside of the
    picture are grey (`geometry.fill`), all of them if the rectangle does.

    Parameters
    ----------
    image
        (H, W, 3) uint8, upright.
    xyxy
        4 numbers, x1 y1 x2 y2, px, half-open: the rectangle, as `crop_rectangles` gives it, not
        the box.
    geometry
        Size and fill; a square one needs a square rectangle. Without `square` the longer side
        becomes `size_px`, and the other keeps the rectangle's form, rounded to a pixel.

    Raises
    ------
    UsageError
        For another picture, a rectangle that is none, or a size or fill out of range.

    Examples
    --------
    >>> picture = np.full((48, 64, 3), 200, np.uint8)
    >>> cut(picture, (-8.0, 8.0, 24.0, 40.0), CropGeometry(size_px=4))[0, :, 0]
    array([114, 200, 200, 200], dtype=uint8)
    """
    _check_image(image)
    left, top, right, bottom = _checked(xyxy, geometry)
    width, height = _size_wh(right - left, bottom - top, geometry)
    across = _axis(left, right, width, image.shape[1])
    down = _axis(top, bottom, height, image.shape[0])
    if across.n == width and down.n == height:
        return _sampled(image, across, down)
    crop = np.full((height, width, 3), geometry.fill, np.uint8)
    if across.n and down.n:
        seen = crop[down.skipped : down.skipped + down.n, across.skipped :][:, : across.n]
        seen[:] = _sampled(image, across, down)
    return crop


class _Axis(NamedTuple):
    """The pixels of a crop along one axis that lie in the picture.

    `low` is where the first of them begins and `step` how far they lie apart, px of the picture;
    `n` is how many there are, and `skipped` how many of the crop lie before them.
    """

    low: float
    step: float
    n: int
    skipped: int

    def of(self, start: int, block: int) -> _Axis:
        """The axis in a picture that begins at `start` and whose pixels are `block` wide."""
        return _Axis((self.low - start) / block, self.step / block, self.n, self.skipped)


def _check_image(image: Pixels) -> None:
    if not isinstance(image, np.ndarray):
        raise UsageError(f"the picture is of type {type(image).__name__}, should be a numpy array")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise UsageError(
            f"the picture is {image.dtype} {image.shape}, should be uint8 (height, width, 3)"
        )


def _checked(xyxy: npt.ArrayLike, geometry: CropGeometry) -> tuple[float, float, float, float]:
    if geometry.size_px < 1 or not 0 <= geometry.fill <= 255:
        raise UsageError(
            f"size_px is {geometry.size_px} and fill {geometry.fill}, should be 1 or more and"
            " 0 to 255"
        )
    edges = np.asarray(xyxy, np.float64)
    if edges.shape != (4,):
        raise UsageError(f"the rectangle is an array {edges.shape}, should be 4 numbers")
    left, top, right, bottom = map(float, edges)
    width, height = right - left, bottom - top
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise UsageError(
            f"the rectangle is {quote(edges.tolist())}, should be x1 < x2 and y1 < y2, all finite"
        )
    if geometry.square and abs(width - height) > SQUARE_TOLERANCE_FRAC * max(width, height):
        raise UsageError(
            f"the rectangle is {width:g} x {height:g} px, should be square",
            mend="take it from crop_rectangles, or set square to False",
        )
    return left, top, right, bottom


def _size_wh(width: float, height: float, geometry: CropGeometry) -> tuple[int, int]:
    size = geometry.size_px
    if geometry.square:
        return size, size
    longer = max(width, height)
    return max(1, round(size * width / longer)), max(1, round(size * height / longer))


def _axis(low: float, high: float, n: int, limit: int) -> _Axis:
    """What of `n` crop pixels from `low` to `high` has its middle in [0, limit)."""
    step = (high - low) / n
    first = min(max(math.ceil(-low / step - 0.5), 0), n)
    stop = min(max(math.ceil((limit - low) / step - 0.5), first), n)
    return _Axis(low + first * step, step, stop - first, first)


def _sampled(image: Pixels, across: _Axis, down: _Axis) -> Pixels:
    if max(across.step, down.step) > 1:
        image, across, down = _smoothed(image, across, down)
    finer, coarser = min(across.step, down.step), max(across.step, down.step)
    can_align = finer >= MIN_ALIGNED_STEP and coarser < MAX_ALIGNED_STEP
    aligned = _aligned(image, across, down) if can_align else None
    return _warped(image, across, down) if aligned is None else aligned


def _warped(image: Pixels, across: _Axis, down: _Axis) -> Pixels:
    """The picture sampled at any places: the general way."""
    # OpenCV refuses pictures of more than 32,767 px a side here.
    piece, x, y = _piece(image, across, down, 2)
    places = np.array(
        [[x.step, 0, x.low + x.step / 2 - 0.5], [0, y.step, y.low + y.step / 2 - 0.5]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(  # type: ignore[return-value]  # uint8 in, uint8 out
        piece, places, (x.n, y.n), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


def _aligned(image: Pixels, across: _Axis, down: _Axis) -> Pixels | None:
    """The picture sampled by `cv2.resize`, 2.5 times as fast; None where it cannot be.

    It samples from the edge of a whole pixel only. So it begins further out, at a whole pixel from
    which a whole number of steps leads to the rectangle; what was computed before that is dropped.
    """
    x, y = _lead(across), _lead(down)
    if x is None or y is None:
        return None
    piece = _padded(image, x, y)
    height, width = piece.shape[:2]
    fx, fy = 1 / across.step, 1 / down.step
    if round(width * fx) == width and round(height * fy) == height:
        # It would copy, whatever the factors are.
        return None
    larger = cv2.resize(piece, None, fx=fx, fy=fy, interpolation=cv2.INTER_LINEAR)
    seen = larger[y.lead : y.lead + down.n, x.lead : x.lead + across.n]
    return np.ascontiguousarray(seen)


class _Lead(NamedTuple):
    """Where sampling begins and ends along one axis, px; `lead` samples come before the crop's."""

    start: int
    stop: int
    lead: int


def _lead(axis: _Axis) -> _Lead | None:
    # Before `first` samples would lie outside of the first pixel's middle, with nothing beyond it.
    first = math.ceil(0.5 / axis.step - 0.5)
    # A loop over numbers: most often it ends early, and arrays of 48 are no quicker.
    place = axis.low - first * axis.step + PHASE_PX
    for lead in range(first, first + MAX_LEAD):
        if place % 1.0 <= 2 * PHASE_PX:
            start = math.floor(place)
            return _Lead(start, start + math.ceil((lead + axis.n) * axis.step) + 1, lead)
        place -= axis.step
    return None


def _padded(image: Pixels, x: _Lead, y: _Lead) -> Pixels:
    """That part of the picture; beyond its border its last pixels again."""
    height, width = image.shape[:2]
    piece = image[max(y.start, 0) : y.stop, max(x.start, 0) : x.stop]
    beyond = (
        max(-y.start, 0), max(y.stop - height, 0), max(-x.start, 0), max(x.stop - width, 0)
    )  # fmt: skip
    if any(beyond):
        return cv2.copyMakeBorder(piece, *beyond, cv2.BORDER_REPLICATE)  # type: ignore[return-value]  # uint8 in, uint8 out
    return piece


def _smoothed(image: Pixels, across: _Axis, down: _Axis) -> tuple[Pixels, _Axis, _Axis]:
    """The part of the picture that is sampled, averaged over a step, and the axes in it."""
    step = max(across.step, down.step)
    block = max(int(step // BLOCKS_PER_STEP), 1)
    margin = math.ceil(step) + 2 * block
    piece, x, y = _piece(image, across, down, margin)
    if block > 1:
        height, width = piece.shape[:2]
        beyond = (0, -height % block, 0, -width % block)
        whole = cv2.copyMakeBorder(piece, *beyond, cv2.BORDER_REPLICATE)
        size = (whole.shape[1] // block, whole.shape[0] // block)
        piece = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # uint8 in, uint8 out
        x, y = x.of(0, block), y.of(0, block)
    averaged = cv2.sepFilter2D(
        piece, -1, _mean(x.step), _mean(y.step), borderType=cv2.BORDER_REPLICATE
    )
    return averaged, x, y  # type: ignore[return-value]  # uint8 in, uint8 out


def _mean(step: float) -> Floats:
    """The weights of pixels in their mean over `step` px about one of them, in 1/256.

    OpenCV rounds them so, each by itself: their sum would no longer be 1.
    """
    if step <= 1:
        return np.ones(1)
    reach = math.ceil((step - 1) / 2)
    end = round(256 * ((step + 1) / 2 - reach) / step)
    inner = round(256 / step)
    weights = np.array([end, *[inner] * (2 * reach - 1), end], np.float64)
    weights[reach] += 256 - weights.sum()
    return weights / 256


def _piece(image: Pixels, across: _Axis, down: _Axis, margin: int) -> tuple[Pixels, _Axis, _Axis]:
    """The part of the picture that the axes touch, with a margin, and the axes in it."""
    left, right = _span(across, margin, image.shape[1])
    top, bottom = _span(down, margin, image.shape[0])
    return image[top:bottom, left:right], across.of(left, 1), down.of(top, 1)


def _span(axis: _Axis, margin: int, limit: int) -> tuple[int, int]:
    end = axis.low + axis.n * axis.step
    return max(math.floor(axis.low) - margin, 0), min(math.ceil(end) + margin, limit)


def relative_errors(found: Floats, truth: Floats) -> Floats:
    """(N, 4) float64: how detections lie about the objects that they match, without unit.

    Columns: the centre's shift along x and y, as a share of the object's width and height; the
    natural logarithms of the ratios of widths and heights, detection over object.

    Parameters
    ----------
    found
        (N, 4) float64, px, half-open, sides positive: the detections.
    truth
        (N, 4), alike: the objects, row by row.

    Examples
    --------
    >>> relative_errors(np.array([[1.0, 0, 11, 20]]), np.array([[0.0, 0, 10, 20]]))
    array([[0.1, 0. , 0. , 0. ]])
    """
    found_wh, truth_wh = found[:, 2:] - found[:, :2], truth[:, 2:] - truth[:, :2]
    shift = (found[:, :2] + found[:, 2:] - truth[:, :2] - truth[:, 2:]) / 2
    return np.hstack([shift / truth_wh, np.log(found_wh / truth_wh)])


def jittered(
    xyxy: Floats, errors: Floats, seed_ids: Sequence[int] | npt.NDArray[np.int64]
) -> Floats:
    """(N, 4) float64, px: boxes moved and scaled as a detector would have, by its own errors.

    Each box takes one row of `errors` whole, so that errors which come together stay together.
    Which one depends on the box's id alone, not on its place in the table.

    Parameters
    ----------
    xyxy
        (N, 4) float64, px, half-open, sides positive.
    errors
        (M, 4) float64, as `relative_errors` gives them of matched detections.
    seed_ids
        N integers of 64 bits, one per box: the box's id, or a hash of it and a seed.

    Raises
    ------
    UsageError
        When there is no error to draw from, one of them is not finite, or the ids are not as many
        as the boxes.
    """
    ids = np.asarray(seed_ids, np.int64)
    if len(ids) != len(xyxy):
        raise UsageError(f"{len(ids)} ids for {len(xyxy)} boxes, should be as many")
    if not len(errors) or not np.isfinite(errors).all():
        raise UsageError(
            f"{len(errors)} errors to draw from, should be one or more, all finite",
            mend="lower the score from which detections are matched, or do without jitter",
        )
    drawn = errors[_drawn(ids.view(np.uint64), len(errors))]
    wh = xyxy[:, 2:] - xyxy[:, :2]
    middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2 + drawn[:, :2] * wh
    half = wh * np.exp(drawn[:, 2:]) / 2
    return np.hstack([middle - half, middle + half])


def _drawn(ids: npt.NDArray[np.uint64], n: int) -> npt.NDArray[np.intp]:
    """A number below `n` for each id, evenly spread.

    Notes
    -----
    The finalizer of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
    generators", OOPSLA 2014, figure 17, constants of Stafford's variant 13).
    """
    mixed = ids + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return ((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53 * n).astype(np.intp)
