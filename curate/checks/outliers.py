"""Checks of sizes, shapes, numbers and places of labels against the others of their class or set.

What is rare is not wrong: these findings are for looking at, worst first. Boxes of role `ignore`,
a detector's and groups are left out (`labels`); so are boxes whose shorter side BOX-004 reports.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Floats, Rows, areas
from curate.checks.hits import NO_ROWS, Cause, Hits, edges_at, flags, frame_sizes, set_hits
from curate.checks.labels import Labels, by_code, robust_z

# A box whose edge is this near to the image's, px, may be cut there: its shape is not its own.
ON_BORDER_PX = 1.0
# Spreads narrower than these are taken as these: drawing and rounding alone vary so much.
MIN_SIZE_SCALE = math.log(1.1)
MIN_SHAPE_SCALE = math.log(1.25)
MIN_COUNT_SCALE = math.log(1.5)
# Places are counted on this many columns and rows of the image, whatever its size.
GRID = 20
TOP_FRAC = 0.1
# From this share of the image on, a box is BOX-005's.
WHOLE_FRAC = 0.98


def _usable(boxes: pd.DataFrame, labels: Labels, min_side_px: float) -> tuple[Rows, Floats, Floats]:
    """Rows of labels that have a class and a size, and ln of their widths and heights, px."""
    wanted = (labels.codes >= 0) & boxes["is_judged"].to_numpy() & ~flags(boxes["is_group"])
    with np.errstate(invalid="ignore", over="ignore"):
        width = boxes["x2"].to_numpy() - boxes["x1"].to_numpy()
        height = boxes["y2"].to_numpy() - boxes["y1"].to_numpy()
        side = np.minimum(width, height)
        wanted = wanted & (side > 0) & (side >= min_side_px) & np.isfinite(width * height)
    rows = np.flatnonzero(wanted)
    return rows, np.log(width[rows]), np.log(height[rows])


def size_outlier(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    max_z: float,
    max_ratio: float,
    min_boxes: float,
    min_side_px: float,
) -> Hits:
    """A box is far larger or smaller than the others of its class.

    Why it hurts: mostly a slip (a click for a drag, a wrong class, a group drawn as one object),
    and one such box moves anchors and means more than hundreds of right ones.

    Pass: a person of 60 x 180 px among persons of 20 x 60 to 100 x 300 px
    Fail: a person of 3 x 4 px among them

    `max_z`: up to so many robust standard deviations of ln sqrt(width x height) are not reported,
    nor is up to `max_ratio` times the class's median (or its part). `min_boxes`: classes of fewer
    boxes are not judged. `min_side_px`: boxes of a shorter side below this are BOX-004's, which it
    follows. Value: standard deviations from the median; larger of the median absolute deviation and
    the 10th or 90th percentile, so that a wide or skewed class has few (measured on 14 real sets
    of 34,465 labels: 11, and 48 of BOX-013).

    It cannot tell a far or near object from a slip, and knows no perspective.

    Usual mend: look at the box; draw it again, or correct its class.
    """
    rows, width, height = _usable(boxes, labels, min_side_px)
    values = (width + height) / 2
    found = _outliers(labels, rows, values, (max_z, max_ratio, MIN_SIZE_SCALE), min_boxes)
    hit, z, middle = found
    side, usual = np.exp(values[hit]), np.exp(middle)
    return _hits_of(
        labels,
        rows[hit],
        z,
        max_z,
        ("size (root of the area) is {:.4g} px, the median of class {!r:.80} is {:.4g} px",),
        (side, usual),
    )


def shape_outlier(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    max_z: float,
    max_ratio: float,
    min_boxes: float,
    min_side_px: float,
) -> Hits:
    """The ratio of a box's sides is far from that of the others of its class.

    Why it hurts: mostly a part of the object was drawn, two objects were, or the class is wrong.

    Pass: a person of 60 x 180 px among persons of 40 x 180 to 90 x 180 px
    Fail: a person of 200 x 30 px among them

    `max_z`, `max_ratio`, `min_boxes`, `min_side_px`: as for BOX-012, of ln(width / height). Value:
    robust standard deviations from the median, as there. Boxes within 1 px of the image's border,
    with a `truncated` above 0, rotated ones, and those of images whose boxes lie in another frame
    than the upright one are left out: their shape is not the object's.

    It cannot tell a fallen person from a slip.

    Usual mend: look at the box; draw it again, or correct its class.
    """
    rows, width, height = _usable(boxes, labels, min_side_px)
    whole = ~_is_cut(boxes, images)[rows]
    rows, values = rows[whole], (width - height)[whole]
    found = _outliers(labels, rows, values, (max_z, max_ratio, MIN_SHAPE_SCALE), min_boxes)
    hit, z, middle = found
    return _hits_of(
        labels,
        rows[hit],
        z,
        max_z,
        ("width / height is {:.3g}, the median of class {!r:.80} is {:.3g}",),
        (np.exp(values[hit]), np.exp(middle)),
    )


def _is_cut(boxes: pd.DataFrame, images: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """(N,) whether a box's shape may not be that of its object."""
    width, height = frame_sizes(boxes, images)
    cut = boxes["truncated"].to_numpy() > 0
    for low, high, size in (("x1", "x2", width), ("y1", "y2", height)):
        cut |= boxes[low].to_numpy() <= ON_BORDER_PX
        cut |= boxes[high].to_numpy() >= size - ON_BORDER_PX
    stored = (images["box_frame"] == "stored").to_numpy(bool)
    turned = (boxes["shape"] == "rotated").to_numpy(bool)
    is_cut: npt.NDArray[np.bool_] = cut | turned | stored[boxes["image_row"].to_numpy()]
    return is_cut


def _outliers(
    labels: Labels,
    rows: Rows,
    values: Floats,
    limits: tuple[float, float, float],
    min_boxes: float,
) -> tuple[Rows, Floats, Floats]:
    """Numbers of the values that are outliers of their class, how far, and its median."""
    max_z, max_ratio, min_scale = limits
    least = math.log(max(max_ratio, 1.0))
    numbers = np.arange(len(rows))
    hits, far, middles = [NO_ROWS], [np.zeros(0)], [np.zeros(0)]
    for _, own in by_code(labels.codes[rows], numbers, max(int(min_boxes), 1)):
        z, middle = robust_z(values[own], min_scale)
        is_out = (np.abs(z) > max_z) & (np.abs(values[own] - middle) > least)
        hits.append(own[is_out])
        far.append(np.abs(z[is_out]))
        middles.append(np.full(np.count_nonzero(is_out), middle))
    return np.concatenate(hits), np.concatenate(far), np.concatenate(middles)


def _hits_of(
    labels: Labels,
    rows: Rows,
    z: Floats,
    max_z: float,
    texts: tuple[str, ...],
    parts: tuple[Floats, Floats],
) -> Hits:
    names = np.array([labels.names[code] for code in labels.codes[rows].tolist()], object)
    own, usual = parts
    return Hits(
        members=rows,
        value=z,
        limit=max_z,
        unit="standard deviations",
        texts=texts,
        parts=(own, names, usual),
        mend="look at the box: draw it again, or correct its class",
    )


def box_share_extreme(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    min_share_frac: float,
    max_share_frac: float,
    min_side_px: float,
) -> Hits:
    """A box is a tiny or nearly the whole part of its image.

    Why it hurts: the one is lost in the resize before training, the other leaves no background to
    learn from.

    Pass: 20 x 20 px or 600 x 400 px in a 640 x 480 image
    Fail: 3 x 3 px (0.00003 of the image), or 635 x 465 px (0.961)

    `min_share_frac`, `max_share_frac`: shares of the image, 0..1, between which nothing is
    reported. `min_side_px`: boxes of a shorter side below this are BOX-004's, which it follows;
    from 0.98 of the image on they are BOX-005's. Value: how many times it is beyond the limit.

    It cannot judge images of unknown size, and cannot tell a far object from a slip.

    Usual mend: look at the box; leave out what nobody can tell.
    """
    rows, _, _ = _usable(boxes, labels, min_side_px)
    frame_width, frame_height = frame_sizes(boxes, images)
    # From the sides, not from their logarithms: at a limit the last bit decides.
    share = areas(edges_at(boxes, rows)) / (frame_width[rows] * frame_height[rows])
    hit = np.flatnonzero((share < min_share_frac) | (share > max_share_frac) & (share < WHOLE_FRAC))
    is_large = share[hit] > max_share_frac
    with np.errstate(divide="ignore"):
        times = np.where(is_large, share[hit] / max_share_frac, min_share_frac / share[hit])
    return Hits(
        members=rows[hit],
        value=times,
        limit=1.0,
        unit="times the limit",
        texts=(
            f"covers {{:.3g}} of the image, should be at least {min_share_frac:g}",
            f"covers {{:.3g}} of the image, should be at most {max_share_frac:g}",
        ),
        parts=(share[hit],),
        mend="look at the box: leave out what nobody can tell",
        which=is_large.astype(np.int64),
    )


def box_small_for_training(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    input_px: float,
    min_side_px: float,
    small_px: float,
) -> Hits:
    """Boxes of a class are too small to learn from once the image is resized for training.

    Why it hurts: what is left of them is a pixel or two; the network is punished for not finding
    it, and the loss of the class is noise.

    Pass: 20 x 60 px in a 1920 x 1080 image (6.7 px wide at 640)
    Fail: 6 x 12 px there (2 px wide)

    `input_px`: the longer side of the image in training, px; images are only made smaller, not
    larger. `min_side_px`: the shorter side that a box must keep then, px. `small_px`: boxes whose
    shorter side is below this before are BOX-004's, which it follows. Value: number of such boxes
    of the class, which are the members, smallest first. One finding per class.

    It cannot judge images of unknown size, and does not know crops and tiles.

    Usual mend: train at a larger size or on tiles; or leave such boxes out by a rule.
    """
    rows, width, height = _usable(boxes, labels, small_px)
    frame_width, frame_height = frame_sizes(boxes, images)
    longer = np.fmax(frame_width[rows], frame_height[rows])
    side = np.exp(np.minimum(width, height)) * np.minimum(input_px / longer, 1.0)
    small = np.flatnonzero(side < min_side_px * (1 - 1e-9))
    n_of = np.bincount(labels.codes[rows], minlength=len(labels.names))
    causes = []
    for code, own in by_code(labels.codes[rows], small, 1):
        own = own[np.argsort(side[own], kind="stable")]
        message = (
            f"{len(own)} of {n_of[code]} boxes of class {labels.names[code]!r:.80} have a shorter "
            f"side below {min_side_px:g} px when the image is resized to {input_px:g} px; the "
            f"smallest has {side[own[0]]:.3g} px"
        )
        causes.append(Cause(labels.names[code], rows[own], len(own), message))
    return set_hits(causes, 0.0, "boxes", "train at a larger size, or leave them out by a rule")


def image_count_outlier(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    max_z: float,
    max_ratio: float,
    min_images: float,
) -> Hits:
    """An image has far more labels than the others of its source.

    Why it hurts: mostly a detector's output was left in, one image's labels were written under
    another's name, or a group was drawn one by one; it also decides how much memory a batch takes.

    Pass: 30 labels where others have 1 to 20
    Fail: 400 labels there

    `max_z`: up to so many robust standard deviations of ln(labels) are not reported, nor is up to
    `max_ratio` times the median. `min_images`: sources of fewer images with labels are not judged.
    Value: standard deviations, as for BOX-012. The boxes of the image are members.

    It cannot see images that have too few: many have none by right. Frames of one video are alike.

    Usual mend: look at the image.
    """
    image_row = boxes["image_row"].to_numpy()
    counts = np.bincount(image_row[labels.is_label], minlength=len(images))
    source, _ = pd.factorize(images["source"])
    some = np.flatnonzero(counts)
    is_out = np.zeros(len(images), bool)
    far, usual = np.zeros(len(images)), np.zeros(len(images))
    for _, own in by_code(source.astype(np.int64), some, max(int(min_images), 1)):
        far[own], middle = robust_z(np.log(counts[own]), MIN_COUNT_SCALE)
        usual[own] = math.exp(middle)
        is_out[own] = (far[own] > max_z) & (counts[own] > max_ratio * usual[own])
    rows = np.flatnonzero(is_out[image_row] & labels.is_label)
    causes = []
    for image, members in by_code(image_row, rows, 1):
        key = str(images["image_key"].iloc[image])
        message = f"the image has {counts[image]} labels, the median is {usual[image]:.3g}"
        causes.append(Cause(key, members, float(far[image]), message))
    return set_hits(causes, max_z, "standard deviations", "look at the image")


def boxes_concentrated(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    max_share_frac: float,
    min_boxes: float,
) -> Hits:
    """Most labels of a class lie in one small part of the image.

    Why it hurts: a detector learns the place beside the thing, and misses it where the camera
    hangs otherwise; or the coordinates are wrong.

    Pass: 1000 boxes all over the image
    Fail: 900 of 1000 boxes within a tenth of it

    `max_share_frac`: below this share of the centres in the fullest tenth of 20 x 20 fields of the
    image is not reported. `min_boxes`: classes of fewer boxes are not judged (few boxes fill few
    fields). Value: the share. One finding per class.

    It cannot judge images of unknown size, and cannot tell a fixed camera, where it is right.

    Usual mend: add images of other views, or shift and scale in training.
    """
    rows, _, _ = _usable(boxes, labels, 0.0)
    width, height = frame_sizes(boxes, images)
    rows = rows[np.isfinite(width[rows] * height[rows])]
    x1, y1, x2, y2 = edges_at(boxes, rows).T
    column = _field((x1 + x2) / 2 / width[rows])
    line = _field((y1 + y2) / 2 / height[rows])
    place = line * GRID + column
    causes = []
    for code, own in by_code(labels.codes[rows], np.arange(len(rows)), max(int(min_boxes), 1)):
        counts = np.sort(np.bincount(place[own], minlength=GRID * GRID))
        share = float(counts[-round(TOP_FRAC * GRID * GRID) :].sum() / len(own))
        if share >= max_share_frac:
            message = (
                f"{share:.0%} of the {len(own)} boxes of class {labels.names[code]!r:.80} have "
                f"their centre in a tenth of the image, should be below {max_share_frac:.0%}"
            )
            causes.append(Cause(labels.names[code], NO_ROWS, share, message))
    return set_hits(
        causes, max_share_frac, "of the boxes", "add images of other views, or shift in training"
    )


def _field(share: Floats) -> Rows:
    # A centre outside the image belongs to the field at its border.
    return np.clip(np.floor(share * GRID), 0, GRID - 1).astype(np.int64)
