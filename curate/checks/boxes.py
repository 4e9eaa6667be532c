"""Checks of single boxes: coordinates, sides, the image's edges, area, mask and keypoints.

Each function is given the tables of `hits.judged_tables` and gives `Hits`; its docstring is its
manual page. Box-like are the shapes box, rotated, polygon and mask: points, lines and tags have no
inside and are never judged.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import ROUNDING, Floats, Rows, areas, clip, sides
from curate.checks.hits import BROKEN, EDGES, Hits, edges_at, flags, frame_sizes, has_inside

_EDGE_NAMES = np.array(["left", "top", "right", "bottom"])
_ACROSS = np.array(["wide", "high", "wide", "high"])
# The sign that makes "further outwards" positive, in the order of x1 y1 x2 y2.
_OUTWARDS = np.array([-1.0, -1.0, 1.0, 1.0])


def box_not_finite(boxes: pd.DataFrame, images: pd.DataFrame) -> Hits:
    """A coordinate of a box is null, NaN or infinite.

    Why it hurts: one NaN makes the loss of its whole batch NaN; loaders that filter such boxes
    train on an image with a missing object.

    Pass: 599.41 156.40 629.75 189.25
    Fail: 599.41 nan 629.75 189.25

    It cannot tell a coordinate that the source left out from one that is written as NaN: the
    reader's own finding at the same record (SRC-001, SRC-015) can. No other check judges the box.

    Usual mend: draw the box again, or export again; when image sizes were missing, read with the
    pictures.
    """
    bad = np.zeros(len(boxes), np.int64)
    for name in EDGES:
        bad += ~np.isfinite(boxes[name].to_numpy())
    rows = np.flatnonzero((bad > 0) & has_inside(boxes))
    return Hits(
        members=rows,
        value=bad[rows].astype(np.float64),
        limit=0.0,
        unit="coordinates",
        texts=(
            "box ({1:.7g}, {2:.7g}, {3:.7g}, {4:.7g}) has {0} coordinates that are null or not "
            "finite, should have none",
        ),
        parts=(bad[rows], *edges_at(boxes, rows).T),
        mend="draw the box again, or export it again from the labelling tool",
    )


def box_outside_image(boxes: pd.DataFrame, images: pd.DataFrame, *, tolerance_px: float) -> Hits:
    """An edge of a box lies clearly beyond the image.

    Why it hurts: clipped boxes teach a wrong extent, normalised ones exceed 1 and are dropped by
    some loaders. Many at once mean another coordinate convention (x1 y1 x2 y2 read as x y w h),
    another resolution, or swapped sides.

    Pass: 600 0 640 480 in a 640 x 480 image
    Fail: 600 0 652 480 in a 640 x 480 image (12 px outside)

    `tolerance_px`: so far, in px, an edge may lie beyond the image; what is less is BOX-009's.
    Value: how far the worst edge is outside, px.

    It cannot judge images of unknown size, and takes a rotated box by its stated edges.

    Usual mend: clip the box when the object ends there; else correct the export's convention.
    """
    rows, over, edge = _beyond(boxes, images)
    hit = over > tolerance_px
    return _beyond_hits(boxes, images, (rows[hit], over[hit], edge[hit]), "outside", tolerance_px)


def box_over_edge(
    boxes: pd.DataFrame, images: pd.DataFrame, *, tolerance_px: float, min_over_px: float
) -> Hits:
    """An edge of a box lies a little beyond the image.

    Why it hurts: tools that demand 0..1 refuse the box or the file. A whole file of them shows an
    off-by-one between two conventions, or rounding in an export.

    Pass: 600 0 640.004 480 in a 640 x 480 image
    Fail: 600 0 640.5 480 in a 640 x 480 image

    `min_over_px`: from more than this on, in px (KITTI writes two decimals: error 0.005 px).
    `tolerance_px`: up to this, in px; it follows BOX-002's. Value: how far the worst edge is
    outside, px.

    It cannot judge images of unknown size.

    Usual mend: clip the box to the image; for a whole file, correct the export by one pixel.
    """
    rows, over, edge = _beyond(boxes, images)
    hit = (over > min_over_px) & (over <= tolerance_px)
    return _beyond_hits(boxes, images, (rows[hit], over[hit], edge[hit]), "over", min_over_px)


def _outer_edges(boxes: pd.DataFrame, rows: Rows) -> Floats:
    # A box with swapped edges still has a left one: the smaller.
    xyxy = edges_at(boxes, rows)
    return np.hstack([np.minimum(xyxy[:, :2], xyxy[:, 2:]), np.maximum(xyxy[:, :2], xyxy[:, 2:])])


def _beyond(boxes: pd.DataFrame, images: pd.DataFrame) -> tuple[Rows, Floats, Rows]:
    """Rows with an edge beyond the image; how far the worst one is, px; which edge it is."""
    width, height = frame_sizes(boxes, images)
    over = np.full(len(boxes), -np.inf)
    for low, high, size in (("x1", "x2", width), ("y1", "y2", height)):
        for name in (low, high):
            at = boxes[name].to_numpy()
            over = np.fmax(over, np.fmax(-at, at - size))
    known = np.isfinite(width) & np.isfinite(height)
    rows = np.flatnonzero((over > 0) & known & boxes["is_judged"].to_numpy())
    outer = _outer_edges(boxes, rows)
    outer[:, 2] -= width[rows]
    outer[:, 3] -= height[rows]
    edge = np.argmax(outer * _OUTWARDS, axis=1)
    return rows, over[rows], edge


def _beyond_hits(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    found: tuple[Rows, Floats, Rows],
    word: Literal["outside", "over"],
    limit_px: float,
) -> Hits:
    rows, over, edge = found
    width, height = frame_sizes(boxes, images)
    size = np.where(edge % 2 == 0, width[rows], height[rows])
    at = _outer_edges(boxes, rows)[np.arange(len(rows)), edge]
    place = "outside the" if word == "outside" else "over the edge of the"
    return Hits(
        members=rows,
        value=over,
        limit=limit_px,
        unit="px",
        texts=(
            f"{{}} edge at {{:.7g}} is {{:.7g}} px {place} {{:.7g}} px {{}} image, "
            f"should be at most {limit_px:.7g} px",
        ),
        parts=(_EDGE_NAMES[edge], at, over, size, _ACROSS[edge]),
        mend="clip the box to the image, or correct the coordinates in the labelling tool",
    )


def _judged_sides(boxes: pd.DataFrame) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Width and height of every box, px, and whether it is judged."""
    with np.errstate(invalid="ignore", over="ignore"):
        width = boxes["x2"].to_numpy() - boxes["x1"].to_numpy()
        height = boxes["y2"].to_numpy() - boxes["y1"].to_numpy()
    return width, height, boxes["is_judged"].to_numpy()


def box_side_not_positive(boxes: pd.DataFrame, images: pd.DataFrame) -> Hits:
    """Width or height of a box is zero or negative.

    Why it hurts: its area is 0 or negative, so that losses divide by zero or learn the mirror
    image; most loaders drop it without a word.

    Pass: 100 50 200 250
    Fail: 200 50 100 250 (width -100), 820 339 820 350 (width 0)

    Value: the shorter side, px. A VOC box whose min equals its max is 1 px, not 0: see BOX-004.

    It cannot tell swapped corners (sort them) from a slip of the mouse (delete the box).

    Usual mend: swap the corners, or delete the box.
    """
    width, height, judged = _judged_sides(boxes)
    rows = np.flatnonzero(judged & ((width <= 0) | (height <= 0)))
    return Hits(
        members=rows,
        value=np.minimum(width, height)[rows],
        limit=0.0,
        unit="px",
        texts=("width is {:.7g} px and height {:.7g} px, both should be above 0",),
        parts=(width[rows], height[rows]),
        mend="swap the corners, or delete the box when it is a slip of the mouse",
        low_is_worse=True,
    )


def box_side_small(boxes: pd.DataFrame, images: pd.DataFrame, *, min_side_px: float) -> Hits:
    """The shorter side of a box is positive, and smaller than any object is drawn.

    Why it hurts: mostly a click without a drag; after a resize nothing of it is left, and a
    detector gets punished for not finding it.

    Pass: 100 50 102 52 (2 px)
    Fail: 503 336 504 337 (1 px: VOC's 504 337 504 337)

    `min_side_px`: the smallest shorter side, in px, that is not reported. Value: the shorter
    side, px.

    It cannot tell a far object from a slip of the mouse.

    Usual mend: delete the box, or draw the object again.
    """
    width, height, judged = _judged_sides(boxes)
    side = np.minimum(width, height)
    rows = np.flatnonzero(judged & (side > 0) & (side < min_side_px))
    return Hits(
        members=rows,
        value=side[rows],
        limit=min_side_px,
        unit="px",
        texts=(f"shorter side is {{:.7g}} px, should be at least {min_side_px:.7g} px",),
        parts=(side[rows],),
        mend="delete the box when it is a slip of the mouse, else draw the object again",
        low_is_worse=True,
    )


def box_full_frame(boxes: pd.DataFrame, images: pd.DataFrame, *, min_share_frac: float) -> Hits:
    """A box covers (nearly) the whole image.

    Why it hurts: it mostly stands for the picture (a class for the scene, a tool's default box),
    and as an object it swallows all others.

    Pass: 10 10 630 470 in a 640 x 480 image (covers 0.949)
    Fail: 0 0 640 480 in a 640 x 480 image (covers 1)

    `min_share_frac`: from this share of the image on, 0..1. Value: the share that is covered.

    It cannot judge images of unknown size, leaves out group boxes, and cannot tell a close-up.

    Usual mend: look at the picture; make it a tag, or delete the box.
    """
    width, height = frame_sizes(boxes, images)
    box_width, box_height, judged = _judged_sides(boxes)
    # Only a box with both sides this long can cover the share: few are left to be measured.
    least = min_share_frac * (1 - ROUNDING)
    long = (box_width >= least * width) & (box_height >= least * height)
    positive = (box_width > 0) & (box_height > 0)
    rows = np.flatnonzero(judged & long & positive & ~flags(boxes["is_group"]))
    inside = clip(edges_at(boxes, rows), width[rows], height[rows])
    share = areas(inside) / (width[rows] * height[rows])
    hit = share >= min_share_frac
    return Hits(
        members=rows[hit],
        value=share[hit],
        limit=min_share_frac,
        unit="of the image",
        texts=(f"covers {{:.4g}} of the image, should be below {min_share_frac:.4g}",),
        parts=(share[hit],),
        mend="look at the picture: delete the box when it marks no object",
    )


def area_mismatch(
    boxes: pd.DataFrame, images: pd.DataFrame, *, tolerance_frac: float, tolerance_px2: float
) -> Hits:
    """The stated area of an object fits neither its mask nor its box.

    Why it hurts: COCOeval puts objects into small, medium and large by this number, also when it
    judges boxes, so that APs, APm and APl are those of other objects. COCO's own `area` is that
    of the mask; many exporters write width x height, which is taken too.

    Pass: area 4000 of a 100 x 50 px box whose mask has 4000 px^2; 5000 of the same box
    Fail: area 1 of the same box

    `tolerance_frac` (of the mask's or box's area) and `tolerance_px2` (px^2): the larger of the
    two may be missing. Value: what is missing to the nearer one, px^2. An error where there is a
    mask, else a warning; for a group (COCO crowd) always a warning, since COCOeval ignores it
    whatever its area, and COCO's own crowds differ from their RLE (measured on coco128: 7 of 10
    by more than 5 %, with pycocotools 2.0.11).

    It cannot judge boxes without a stated area, nor boxes that BOX-001 or BOX-003 reports.

    Usual mend: write the area again from the mask.
    """
    width, height, judged = _judged_sides(boxes)
    declared = boxes["declared_area"].to_numpy()
    mask = boxes["mask_area"].to_numpy()
    usable = judged & ~np.isnan(declared) & (width > 0) & (height > 0)
    with np.errstate(over="ignore", invalid="ignore"):
        box = width * height
        off_box, off_mask = np.abs(declared - box), np.abs(declared - mask)
        # NaN (no mask) is never within the tolerance.
        fits = off_box <= np.maximum(tolerance_frac * box, tolerance_px2)
        fits |= off_mask <= np.maximum(tolerance_frac * mask, tolerance_px2)
        off = np.fmin(off_box, off_mask)
        limit = np.where(off_mask <= off_box, tolerance_frac * mask, tolerance_frac * box)
    rows = np.flatnonzero(usable & ~fits)
    has_mask = np.isfinite(mask[rows])
    return Hits(
        members=rows,
        value=off[rows],
        limit=np.maximum(limit[rows], tolerance_px2),
        unit="px^2",
        texts=(
            "declared area {0:.7g} px^2 should be width x height ({1:.7g} px^2)",
            "declared area {0:.7g} px^2 should be the mask's ({2:.7g} px^2); "
            "it is not width x height ({1:.7g} px^2) either",
        ),
        parts=(declared[rows], box[rows], mask[rows]),
        mend="write the area again from the mask, or from the box where there is no mask",
        which=has_mask.astype(np.int64),
        levels=np.where(has_mask & ~flags(boxes["is_group"])[rows], "error", "warning"),
    )


def box_mask_mismatch(
    boxes: pd.DataFrame, images: pd.DataFrame, *, tolerance_px: float, tolerance_frac: float
) -> Hits:
    """A box does not lie where its own mask lies.

    Why it hurts: one of the two is wrong, and a network that learns both learns two places.
    Often the box was edited and the mask was not, or the other way round.

    Pass: box 10 10 60 90, mask from 10.4 10.2 to 59.1 89.9
    Fail: box 10 10 60 90, mask from 10 30 to 60 90 (20 px apart)

    `tolerance_px` and `tolerance_frac` (of the box's longer side): the larger of the two, in px,
    is how far an edge may be from the mask's. Value: the distance of the worst edge, px.

    It cannot say which of the two is right. Groups (COCO crowds) and boxes that BOX-003 reports
    are left out.

    Usual mend: make the box again from the mask, after a look at both.
    """
    width, height, judged = _judged_sides(boxes)
    known = ~np.isnan(boxes["mask_x1"].to_numpy())
    usable = judged & known & (width > 0) & (height > 0) & ~flags(boxes["is_group"])
    rows = np.flatnonzero(usable)
    edges, bounds = edges_at(boxes, rows), edges_at(boxes, rows, "mask_")
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(edges - bounds)
    worst = off.max(axis=1, initial=0.0)
    limit = np.maximum(tolerance_frac * sides(edges).max(axis=1, initial=0.0), tolerance_px)
    hit = np.flatnonzero(worst > limit)
    edge = np.argmax(off[hit], axis=1)
    return Hits(
        members=rows[hit],
        value=worst[hit],
        limit=limit[hit],
        unit="px",
        texts=(
            "{} edge at {:.7g} is {:.7g} px from the mask's at {:.7g}, should be at most {:.7g} px",
        ),
        parts=(_EDGE_NAMES[edge], edges[hit, edge], worst[hit], bounds[hit, edge], limit[hit]),
        mend="look at both, then make the box again from the mask or draw the mask again",
    )


def box_keypoints_outside(
    boxes: pd.DataFrame, images: pd.DataFrame, *, tolerance_px: float
) -> Hits:
    """A visible keypoint lies outside the box of its object.

    Why it hurts: the box is too small or belongs to another person; pose networks that crop by
    the box never see the point.

    Pass: box 10 10 60 90, keypoint (59, 20, visible)
    Fail: box 10 10 60 90, keypoint (80, 20, visible): 20 px outside

    `tolerance_px`: so far, in px, a point may lie outside (COCO's keypoints are pixel indices,
    half a pixel from the pixel's centre). Value: how far the worst point is outside, px.

    It looks only at visible keypoints (v = 2): hidden ones are guesses. Boxes that BOX-003
    reports are left out.

    Usual mend: enlarge the box, or move the point to its own object.
    """
    width, height, judged = _judged_sides(boxes)
    known = ~np.isnan(boxes["kp_x1"].to_numpy())
    rows = np.flatnonzero(judged & known & (width > 0) & (height > 0))
    edges = edges_at(boxes, rows)
    over = (edges_at(boxes, rows, "kp_") - edges) * _OUTWARDS
    worst = over.max(axis=1, initial=-np.inf)
    hit = np.flatnonzero(worst > tolerance_px)
    edge = np.argmax(over[hit], axis=1)
    return Hits(
        members=rows[hit],
        value=worst[hit],
        limit=tolerance_px,
        unit="px",
        texts=(
            "a visible keypoint is {:.7g} px beyond the {} edge at {:.7g}, "
            f"should be at most {tolerance_px:.7g} px",
        ),
        parts=(worst[hit], _EDGE_NAMES[edge], edges[hit, edge]),
        mend="enlarge the box, or move the keypoint to its own object",
    )


def outline_unreadable(boxes: pd.DataFrame, images: pd.DataFrame) -> Hits:
    """The outline of an object (COCO `segmentation`) is there and cannot be read.

    Also a mask (RLE) of another size than its image is declared with, or whose runs do not fill
    it: it lies at no known place in the picture.

    Why it hurts: mask loaders stop at it, or drop the object without a word; pycocotools takes a
    ring of four values for a box, gives masks of two sizes the overlap -1, and leaves what the
    runs do not fill to whatever the memory holds (measured with 2.0.11).

    Pass: [[10, 10, 30, 10, 30, 40]]; in a 2 x 2 image an RLE of size [2, 2] with counts [1, 3]
    Fail: [[10, 10, 30, 10, 30]]; there an RLE of size [2, 2] with counts [1, 30] or [1, 2], or one
    of size [4, 1]

    Value: 1 for each outline. No other check judges the outline then.

    It cannot tell which ring of several is wrong, judges no outline by its form (a ring may
    cross itself), and no mask by its size where the image declares none.

    Usual mend: draw the outline again, or export again; take it out when the box is enough.
    """
    return _broken(
        boxes,
        "outline_state",
        "the outline cannot be read, should be rings of an even number of at least 6 finite "
        "values each, or an RLE of the image's size whose runs add up to height x width",
        "draw the outline again, or export it again from the labelling tool",
    )


def keypoints_unreadable(boxes: pd.DataFrame, images: pd.DataFrame) -> Hits:
    """The keypoints of an object are there and cannot be read, or are not as many as stated.

    Why it hurts: a list that is cut short shifts x, y and visibility of all that follow; COCOeval
    leaves out objects whose `num_keypoints` is 0 whatever their points say.

    Pass: keypoints [10, 10, 2, 0, 0, 0] with num_keypoints 1
    Fail: keypoints [10, 10, 2, 0, 0], or [10, 10, 2, 0, 0, 0] with num_keypoints 2

    Value: 1 for each object. `num_keypoints` counts the points with v above 0.

    It cannot tell a missing point from one too many, nor which of both numbers is right.

    Usual mend: export the keypoints again, or count them again.
    """
    return _broken(
        boxes,
        "keypoint_state",
        "the keypoints cannot be read, should be 3 finite values x, y, v per keypoint, and "
        "num_keypoints the number of those with v above 0",
        "export the keypoints again, or correct num_keypoints",
    )


def _broken(boxes: pd.DataFrame, column: str, text: str, mend: str) -> Hits:
    rows = np.flatnonzero(boxes[column].to_numpy() == BROKEN)
    return Hits(
        members=rows,
        value=np.ones(len(rows)),
        limit=0.0,
        unit="records",
        texts=(text,),
        parts=(rows,),
        mend=mend,
    )
