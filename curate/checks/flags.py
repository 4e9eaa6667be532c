"""Checks of flags against geometry: truncated and the image's border, groups and what is in them.

Sources mean different things by a flag (PASCAL VOC also calls truncated what another object hides;
COCO's crowds lie over people who have boxes of their own). So each check first counts what is usual
in a source, and tells only what departs from it. Labels are judged, as in `labels`; groups also
where they are of role `ignore`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Floats, Rows, ioa_pairs, touching_pairs
from curate.checks.hits import Hits, edges_at, flags, frame_sizes
from curate.checks.labels import Labels
from curate.checks.relations import CHUNK_PAIRS, class_codes, class_names

Masks = npt.NDArray[np.bool_]


def _border_distance(boxes: pd.DataFrame, images: pd.DataFrame) -> Floats:
    """(N,) px from each box to the nearest border of its image; NaN where that is not known."""
    width, height = frame_sizes(boxes, images)
    nearest = np.minimum(boxes["x1"].to_numpy(), boxes["y1"].to_numpy())
    nearest = np.minimum(nearest, width - boxes["x2"].to_numpy())
    nearest = np.minimum(nearest, height - boxes["y2"].to_numpy())
    return np.where(boxes["is_judged"].to_numpy(), nearest, np.nan)


def _usual(boxes: pd.DataFrame, images: pd.DataFrame, of: Rows, is_so: Masks) -> tuple[Rows, Rows]:
    """Per source: how many of the rows there are, and of how many it is so; taken to all boxes."""
    source, sources = pd.factorize(images["source"])
    of_box = source[boxes["image_row"].to_numpy()].astype(np.int64)
    counts = np.bincount(of_box[of], minlength=len(sources))
    so = np.bincount(of_box[of[is_so]], minlength=len(sources))
    return counts[of_box], so[of_box]


def truncated_inside(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    tolerance_px: float,
    min_usual_frac: float,
    min_boxes: float,
) -> Hits:
    """A box is marked as cut by the image's border, and lies inside.

    Why it hurts: training and evaluation by the flag leave out a whole object, or the box was drawn
    at the wrong place.

    Pass: truncated 1, 600 100 640 200 in a 640 x 480 image
    Fail: truncated 1, 300 100 340 200 there

    `tolerance_px`: so far from all borders, px, a box still touches. `min_usual_frac`: sources are
    judged in which at least this share of the marked boxes touches a border, and `min_boxes` boxes
    are marked. Value: px to the nearest border.

    It cannot judge sources that mean occlusion by the flag, as PASCAL VOC does (a third of its
    boxes: measured on 100 images), images of unknown size, or how much is cut.

    Usual mend: take the flag off, or draw the box up to the border.
    """
    distance = _border_distance(boxes, images)
    cut = labels.is_label & (boxes["truncated"].to_numpy() > 0) & ~np.isnan(distance)
    rows = np.flatnonzero(cut)
    inside = distance[rows] > tolerance_px
    n_all, n_so = _usual(boxes, images, rows, ~inside)
    usual = (n_all >= max(min_boxes, 1)) & (n_so >= min_usual_frac * n_all)
    hit = rows[inside & usual[rows]]
    return Hits(
        members=hit,
        value=distance[hit],
        limit=tolerance_px,
        unit="px",
        texts=(
            "is marked as truncated and lies {:.4g} px from the nearest border of the image, as "
            "do no others of the source but {} of {}",
        ),
        parts=(distance[hit], (n_all - n_so)[hit], n_all[hit]),
        mend="take the flag off, or draw the box up to the border",
    )


def border_not_truncated(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    tolerance_px: float,
    min_usual_frac: float,
    min_boxes: float,
) -> Hits:
    """A box ends at the image's border and is marked as not cut.

    Why it hurts: the box shows a part of its object, and training and evaluation by the flag take
    the part for the whole.

    Pass: truncated 1, 600 100 640 200 in a 640 x 480 image
    Fail: truncated 0 for the same box

    `tolerance_px`: so near to a border, px, a box ends at it (labelling tools set the flag by
    themselves where a box touches, and not 1 px before: in two real sets 84 of 84 unmarked boxes
    are 1 px off). `min_usual_frac`: sources are judged
    in which at least this share of the boxes at the border is marked, and `min_boxes` boxes are.
    Value: boxes at the border in the source that are marked, for one that is not.

    It cannot tell an object that fits exactly, and judges no images of unknown size and no box
    whose flag is not stated.

    Usual mend: set the flag.
    """
    distance = _border_distance(boxes, images)
    flag = boxes["truncated"].to_numpy()
    at_border = labels.is_label & (distance <= tolerance_px) & ~np.isnan(flag)
    rows = np.flatnonzero(at_border)
    n_all, n_so = _usual(boxes, images, rows, flag[rows] > 0)
    usual = (n_so >= max(min_boxes, 1)) & (n_so >= min_usual_frac * n_all)
    hit = rows[(flag[rows] == 0) & usual[rows]]
    return Hits(
        members=hit,
        value=n_so[hit] / (n_all - n_so)[hit],
        limit=0.0,
        unit="marked boxes for one that is not",
        texts=(
            "ends {:.3g} px from the border of the image and is not marked as truncated, as are "
            "{} of {} boxes there",
        ),
        parts=(np.abs(distance[hit]), n_so[hit], n_all[hit]),
        mend="set the flag, unless the object ends there",
    )


def _in_groups(boxes: pd.DataFrame, labels: Labels, min_ioa: float) -> tuple[Rows, Rows, Rows]:
    """Rows of the groups, and pairs of a group and a single of its class that lies in it.

    Only images with a group are looked at.
    """
    positive = (boxes["x2"] > boxes["x1"]) & (boxes["y2"] > boxes["y1"])
    usable = boxes["is_judged"].to_numpy() & positive.to_numpy()
    usable = usable & (boxes["origin"] != "detector").to_numpy(bool)
    is_group = flags(boxes["is_group"])
    groups = np.flatnonzero(usable & is_group)
    image_row = boxes["image_row"].to_numpy()
    has_group = np.isin(image_row, image_row[groups])
    rows = np.flatnonzero(usable & has_group & (is_group | labels.is_label))
    codes = class_codes(boxes)[rows]
    place = image_row[rows] * (codes.max(initial=0) + 1) + codes
    xyxy = edges_at(boxes, rows)
    outer, inner = [groups[:0]], [groups[:0]]
    for i, j in touching_pairs(place, xyxy, CHUNK_PAIRS):
        one_each = is_group[rows[i]] != is_group[rows[j]]
        i, j = i[one_each], j[one_each]
        i, j = np.where(is_group[rows[i]], i, j), np.where(is_group[rows[i]], j, i)
        inside = ioa_pairs(xyxy[j], xyxy[i]) >= min_ioa
        outer.append(rows[i[inside]])
        inner.append(rows[j[inside]])
    return groups, np.concatenate(outer), np.concatenate(inner)


def group_of_few(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    min_ioa: float,
    min_members_boxes: float,
    min_usual_frac: float,
    min_boxes: float,
) -> Hits:
    """A group box holds fewer single boxes of its class than groups of its source do.

    Why it hurts: what could be drawn one by one is left out of training and evaluation, or the
    group's members were not drawn.

    Pass: a group of person with 5 boxes of person in it
    Fail: a group of person with one in it, where others hold 5

    `min_ioa`: from this share of a single box inside on, 0..1, it is in the group.
    `min_members_boxes`: so many a group should hold. `min_usual_frac`: sources are judged in which
    this share of the groups holds so many, and which have `min_boxes` groups. Value: number of
    boxes in it.

    It cannot judge sources whose groups stand for what was not drawn one by one.

    Usual mend: draw the members, or a single box in place of the group.
    """
    groups, outer, _ = _in_groups(boxes, labels, min_ioa)
    held = np.bincount(outer, minlength=len(boxes))[groups]
    many = held >= min_members_boxes
    n_all, n_so = _usual(boxes, images, groups, many)
    usual = (n_all >= max(min_boxes, 1)) & (n_so >= min_usual_frac * n_all)
    hit = ~many & usual[groups]
    rows = groups[hit]
    return Hits(
        members=rows,
        value=held[hit].astype(np.float64),
        limit=min_members_boxes,
        unit="boxes",
        texts=(
            "the group of class {!r:.80} holds {} single boxes of its class; {} of {} groups of "
            f"the source hold at least {min_members_boxes:g}",
        ),
        parts=(class_names(boxes, rows), held[hit], n_so[rows], n_all[rows]),
        mend="draw the members, or a single box in place of the group",
        low_is_worse=True,
    )


def box_inside_group(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    *,
    min_ioa: float,
    min_usual_frac: float,
    min_boxes: float,
) -> Hits:
    """A single box lies in a group of its class, in a source whose groups hold none.

    Why it hurts: the object counts twice, or once as an object and once as a place that is not
    counted; evaluations then forgive a detection or do not.

    Pass: a group of person, and a person beside it
    Fail: a person inside the group, where other groups hold none

    `min_ioa`: from this share of the single box inside on, 0..1. `min_usual_frac`: sources are
    judged in which this share of the groups holds none (0: all sources, since the project's groups
    are meant so), and which have `min_boxes` groups. Value: the share that is inside.

    It cannot judge sources that draw both, as COCO does (measured on 20 crowds: 17 hold some).

    Usual mend: delete the single box, or draw the group without it.
    """
    groups, outer, inner = _in_groups(boxes, labels, min_ioa)
    is_empty = ~np.isin(groups, outer)
    n_all, n_so = _usual(boxes, images, groups, is_empty)
    usual = (n_all >= max(min_boxes, 1)) & (n_so >= min_usual_frac * n_all)
    wanted = usual[inner]
    outer, inner = outer[wanted], inner[wanted]
    share = ioa_pairs(edges_at(boxes, inner), edges_at(boxes, outer))
    best = np.lexsort((outer, -share, inner))
    best = best[np.diff(inner[best], prepend=-1) != 0]
    return Hits(
        members=np.stack([inner[best], outer[best]], axis=1).ravel(),
        value=share[best],
        limit=min_ioa,
        unit="of the box",
        texts=(
            "{:.1%} of the box of class {!r:.80} lies in a group of its class; {} of {} groups of "
            "the source hold none",
        ),
        parts=(share[best], class_names(boxes, inner[best]), n_so[inner[best]], n_all[inner[best]]),
        mend="delete the single box, or draw the group without it",
        ends=np.arange(1, len(best) + 1, dtype=np.int64) * 2,
    )
