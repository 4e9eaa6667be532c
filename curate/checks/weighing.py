"""Which mistake, if any, explains the boxes of a whole label file: one for each file at most.

The tests stand in the order of their certainty, and the first that holds is told: one box
everywhere, fractions, a misreading that makes boxes impossible, transposed frames, another
resolution, off-by-one. Class numbers are weighed apart. The manual pages are in `conventions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from curate.boxes import Rows
from curate.checks import borders
from curate.checks.groups import SLIP_FRAC, Group, impossible, most_by_chance
from curate.checks.hits import EDGES, frame_sizes, has_inside
from curate.checks.readings import MAX_LEFT_FRAC, best_reading, fills

# With fewer boxes no file is judged: ten faulty ones would be half of it.
MIN_BOXES = 20
# A fraction of the image may exceed 1 by rounding; whole sets of boxes below 1 px do not exist.
MAX_FRACTION = 1.01
MIN_FRACTIONS_FRAC = 0.95
MIN_FRAME_PX = 8.0
# One box is a placeholder when half of all boxes are that box, on this many images.
SAME_FRAC = 0.5
SAME_MIN_IMAGES = 5
# Two neighbours are both the placeholder in a quarter of the cases where half of all boxes are.
SAME_NEIGHBOURS_FRAC = 0.2
SAME_ROUNDING = 1e-6
# This many boxes of one unlisted class number: typing errors would not agree on it (10 digits).
MIN_UNLISTED = 6
SHOWN_NUMBERS = 5


@dataclass(frozen=True)
class Mistake:
    """A mistake of a whole file.

    `kind` is the name of the check, `members` the rows of all boxes concerned; `value`, `limit`
    and `unit` as in the findings table.
    """

    kind: str
    members: Rows
    value: float
    limit: float
    unit: str
    message: str
    mend: str


def weigh(boxes: pd.DataFrame, images: pd.DataFrame, classes: pd.DataFrame) -> tuple[Mistake, ...]:
    """The mistakes of all label files, at most one of the coordinates for each.

    Parameters
    ----------
    boxes, images
        The tables of `hits.judged_tables`.
    classes
        Columns of `CLASS_COLUMNS`: the listed classes.
    """
    group = _group_codes(boxes, images)
    found = []
    for some in _groups(boxes, images, group):
        mistake = _of_coordinates(some, images)
        if mistake is not None:
            found.append(mistake)
    return (*found, *_shifted_classes(boxes, group, classes))


def _group_codes(boxes: pd.DataFrame, images: pd.DataFrame) -> Rows:
    """(N,) number of the group that each box belongs to.

    A file that speaks of several images is a group; the others of a source are one per ending.
    """
    name, names = pd.factorize(boxes["file"], use_na_sentinel=False)
    source, sources = pd.factorize(images["source"], use_na_sentinel=False)
    if len(names) <= 1 and len(sources) <= 1:
        return np.zeros(len(boxes), np.int64)
    image_row = boxes["image_row"].to_numpy()
    # Two sources may each have a file of one name.
    file, files = pd.factorize(name * len(sources) + source[image_row])
    first = np.zeros(len(files), np.int64)
    first[file[::-1]] = image_row[::-1]
    is_shared = np.bincount(file, image_row != first[file], len(files)) > 0
    # A loop over file names, not over boxes.
    words = [str(word)[str(word).rfind(".") :] for word in names]
    ending, endings = pd.factorize(np.array(words, object))
    of_source = source[first] * len(endings) + ending[files // len(sources)]
    # Numbers of single files lie above those that stand for a source and an ending.
    own = of_source.max(initial=0) + 1 + np.arange(len(files))
    codes: Rows = np.where(is_shared, own, of_source).astype(np.int64)
    return codes[file]


def _groups(boxes: pd.DataFrame, images: pd.DataFrame, group: Rows) -> Iterator[Group]:
    """The groups of at least `MIN_BOXES` boxes that can be judged by coordinates."""
    width, height = frame_sizes(boxes, images)
    usable = boxes["is_judged"].to_numpy() & np.isfinite(width + height)
    usable &= (boxes["shape"] != "rotated").to_numpy(bool)
    rows = np.flatnonzero(usable)
    if len(rows) and group.max() > 0:
        rows = rows[np.argsort(group[rows], kind="stable")]
    xyxy = np.stack([boxes[name].to_numpy()[rows] for name in EDGES])
    wh = np.stack([width[rows], height[rows]])
    image_row = boxes["image_row"].to_numpy()[rows]
    ends = np.flatnonzero(np.diff(group[rows], append=-1)) + 1
    starts = np.append(0, ends)[: len(ends)]
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if end - start >= MIN_BOXES:
            part = slice(start, end)
            yield Group(rows[part], xyxy[:, part], wh[:, part], image_row[part])


def _of_coordinates(group: Group, images: pd.DataFrame) -> Mistake | None:
    for test in (_same_box, _fractions):
        found = test(group)
        if found is not None:
            return found
    n_bad = int(np.count_nonzero(group.impossible))
    if group.is_beyond_chance(n_bad, len(group), SLIP_FRAC):
        found = _misread(group, images) or _transposed(group)
        if found is not None:
            return found
    return _other_resolution(group) or _off_by_one(group)


def _same_box(group: Group) -> Mistake | None:
    """One box in half of all places, in px or in fractions of the image."""
    for xyxy, unit in (
        (group.xyxy, "px"),
        (group.xyxy / np.concatenate([group.wh, group.wh]), "of the image"),
    ):
        near = np.abs(np.diff(xyxy[0])) <= SAME_ROUNDING
        if np.count_nonzero(near) < SAME_NEIGHBOURS_FRAC * len(group):
            continue
        # What fills half of a column is its median.
        middle = np.quantile(xyxy, 0.5, axis=1, method="lower")
        same = (np.abs(xyxy - middle[:, None]) <= SAME_ROUNDING).all(axis=0)
        n_same = int(np.count_nonzero(same))
        n_images = len(np.unique(group.image_row[same]))
        if n_same < SAME_FRAC * len(group) or n_images < SAME_MIN_IMAGES:
            continue
        edges = ", ".join(f"{edge:.6g}" for edge in middle)
        return Mistake(
            "box-the-same-everywhere",
            group.rows[same],
            n_same / len(group),
            SAME_FRAC,
            "of the boxes",
            f"{n_same} of {len(group)} boxes ({n_same / len(group):.1%}), on {n_images} images, "
            f"are the same box ({edges}) {unit}, should be drawn for each object",
            "draw the objects, or make the class a tag of the image; nothing when the camera and "
            "the object stand still",
        )
    return None


def _fractions(group: Group) -> Mistake | None:
    if np.median(group.xyxy[2]) > MAX_FRACTION:
        return None
    small = (group.xyxy[2:] <= MAX_FRACTION).all(axis=0)
    small &= (np.abs(group.xyxy[:2]) <= MAX_FRACTION).all(axis=0)
    small &= (group.wh >= MIN_FRAME_PX).all(axis=0)
    n_small = int(np.count_nonzero(small))
    if n_small < MIN_FRACTIONS_FRAC * len(group):
        return None
    return Mistake(
        "fractions-read-as-pixels",
        group.rows,
        float(n_small),
        float(most_by_chance(group, len(group), SLIP_FRAC)),
        "boxes",
        f"{n_small} of {len(group)} boxes ({n_small / len(group):.1%}) lie within the first pixel "
        f"of their images, with edges up to {group.xyxy[2:, small].max():.4g}: fractions of the "
        "image were written where pixels are read",
        "multiply x1 and x2 by the image's width, y1 and y2 by its height; then audit again",
    )


def _misread(group: Group, images: pd.DataFrame) -> Mistake | None:
    found = best_reading(group)
    if found is None:
        return None
    reading, n_left = found
    mend, what = reading.mend, reading.mistake
    if reading.kind == "axes-swapped" and not _is_measured(group, images):
        what += ", or width and height of the images are"
        mend += "; or, when the pictures have the other orientation, exchange width and height of "
        mend += "the images (--images DIR shows which)"
    return Mistake(
        reading.kind,
        group.rows,
        *_impossible_counts(group),
        f"{_impossible_words(group)}; {n_left} do when mended: {what}",
        f"{mend}; then audit again",
    )


def _impossible_counts(group: Group) -> tuple[float, float, str]:
    n_bad = int(np.count_nonzero(group.impossible))
    return float(n_bad), float(most_by_chance(group, len(group), SLIP_FRAC)), "boxes"


def _impossible_words(group: Group) -> str:
    n_bad, most, _ = _impossible_counts(group)
    return (
        f"{n_bad:.0f} of {len(group)} boxes ({n_bad / len(group):.1%}) reach outside their images "
        f"or have no inside, slips explain at most {most:.0f}"
    )


def _is_measured(group: Group, images: pd.DataFrame) -> bool:
    return bool(images["exif_orientation"].notna().to_numpy(bool)[group.image_row].all())


def _transposed(group: Group) -> Mistake | None:
    """Some images whose boxes all fit the frame with width and height exchanged."""
    n_images = int(group.image_row.max()) + 1
    is_bad = np.bincount(group.image_row[group.impossible], minlength=n_images) > 0
    turned = impossible(group.xyxy, group.wh[::-1])
    fits = np.bincount(group.image_row[turned], minlength=n_images) == 0
    n_bad, n_fit = int(is_bad.sum()), int((is_bad & fits).sum())
    if n_bad - n_fit > MAX_LEFT_FRAC * n_bad:
        return None
    concerned = (is_bad & fits)[group.image_row]
    xyxy, turned_wh = group.xyxy[:, concerned], group.wh[::-1, concerned]
    # Slips end anywhere; objects that the true border cuts off end on it.
    if not (borders.is_walled(group, xyxy[2:], turned_wh) and fills(xyxy, turned_wh)):
        return None
    n_border = borders.n_on_border(xyxy, turned_wh)
    return Mistake(
        "frame-transposed",
        group.rows[concerned],
        *_impossible_counts(group),
        f"{_impossible_words(group)}; all boxes of {n_fit} of the {n_bad} images concerned fit the "
        f"image with width and height exchanged, and {n_border} edges lie on its border",
        f"exchange width and height of these {n_fit} images, or rotate their boxes when the "
        "pictures are stored so (EXIF; --images DIR shows it)",
    )


def _other_resolution(group: Group) -> Mistake | None:
    found = borders.resolution(group)
    if found is None:
        return None
    factor, n_walls = found
    return Mistake(
        "boxes-of-other-resolution",
        group.rows,
        factor,
        1.0,
        "of the image's size",
        f"{len(group)} boxes end at {factor:.4g} of the width and height of their images, where "
        f"{n_walls[0]} right and {n_walls[1]} bottom edges lie, should end at 1: they were drawn "
        f"on images of {factor:.4g} times the size",
        f"multiply x1, y1, x2 and y2 by {1 / factor:.6g}; then audit again",
    )


def _off_by_one(group: Group) -> Mistake | None:
    found = borders.off_by_one(group)
    if found is None:
        return None
    low, high, (what, mend) = found
    n_wrong = sum(side.n_mode for side in (low, high) if side.mode)
    n_near = sum(side.n_near for side in (low, high) if side.mode)
    return Mistake(
        "borders-off-by-one",
        group.rows,
        n_wrong / n_near,
        borders.MIN_MODE_FRAC,
        "of the border edges",
        f"left and top edges at the border lie at {low.mode} ({low.n_mode} of {low.n_near}, "
        f"{low.n_mode / low.n_near:.1%}), right and bottom ones at {high.mode:+d} from width and "
        f"height ({high.n_mode} of {high.n_near}, {high.n_mode / high.n_near:.1%}), should both "
        f"be 0: {what}",
        mend,
    )


def _shifted_classes(boxes: pd.DataFrame, group: Rows, classes: pd.DataFrame) -> Iterator[Mistake]:
    """Groups whose class numbers are all listed once one is added or taken away."""
    unlisted = boxes["label"].isna().to_numpy(bool) & boxes["source_label"].notna().to_numpy(bool)
    unlisted &= has_inside(boxes)
    # A loop over groups with unlisted classes, of which a sound source has none.
    for number in np.unique(group[unlisted]).tolist():
        rows = np.flatnonzero((group == number) & has_inside(boxes))
        own = boxes.iloc[rows]
        listed = _listed(classes, set(own["file"].dropna()))
        wrong = own.loc[unlisted[rows], "source_label"].astype(str)
        if not listed or not wrong.str.fullmatch(r"-?[0-9]{1,9}").all():
            continue
        numbers = wrong.astype(int)
        used = {listed[label] for label in own["label"].dropna().unique() if label in listed}
        used |= set(numbers)
        all_listed = set(listed.values())
        for shift in (1, -1):
            if len(wrong) >= MIN_UNLISTED and {n - shift for n in used} <= all_listed:
                yield _shift(rows, len(wrong), used, sorted(all_listed), shift)
                break


def _listed(classes: pd.DataFrame, files: set[str]) -> dict[str, int]:
    """Class name to number: of the file's own list, else of the only list there is."""
    own = classes[classes["file"].isin(files).to_numpy(bool)]
    if not len(own) and classes["file"].nunique() == 1:
        own = classes
    ids = own["source_id"].astype(str)
    if not len(own) or not ids.str.fullmatch(r"-?[0-9]{1,9}").all():
        return {}
    return dict(zip(own["label"].tolist(), ids.astype(int).tolist(), strict=True))


def _shift(rows: Rows, n_wrong: int, used: set[int], listed: list[int], shift: int) -> Mistake:
    unlisted = sorted(used - set(listed))
    shown = ", ".join(map(str, unlisted[:SHOWN_NUMBERS]))
    if len(unlisted) > SHOWN_NUMBERS:
        shown += ", …"
    word = f"{'subtract' if shift > 0 else 'add'} 1"
    return Mistake(
        "class-numbers-shifted",
        rows,
        float(n_wrong),
        float(MIN_UNLISTED - 1),
        "boxes",
        f"class numbers run over {min(used)}..{max(used)}, the listed ones over "
        f"{listed[0]}..{listed[-1]}: {n_wrong} of {len(rows)} boxes ({n_wrong / len(rows):.1%}) "
        f"have an unlisted one ({shown}), and all are listed after one step: they are {shift:+d}",
        f"{word} {'from' if shift > 0 else 'to'} the class number of every box",
    )
