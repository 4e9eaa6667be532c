"""What the columns of rows mean: boxes, polygons, poses or rotated boxes, score and track behind.

    detect   class cx cy w h                      5 columns
    segment  class x1 y1 ... xn yn                7, 9, 11 ...
    pose     class cx cy w h (px py [v])*         5 + keypoints * (2 or 3)
    obb      class x1 y1 x2 y2 x3 y3 x4 y4        9

Behind the geometry of a prediction stand its score and the number of its track, either or both
(Ultralytics 8.3, engine/results.py, Results.save_txt).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from curate.errors import FormatError
from curate.formats.yolo.rows import Floats, Ints, Rows
from curate.formats.yolo.setup import Setup

KINDS = ("detect", "segment", "pose", "obb")
BOX, POLYGON, ROTATED, NOTHING = range(4)
BOX_COLUMNS = 5
CORNER_COLUMNS = 9
MIN_POLYGON_COLUMNS = 7
# COCO's flags of a keypoint: not labelled, hidden, visible.
_FLAGS = (0.0, 1.0, 2.0)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scheme:
    """What the rows of a source are.

    `n_pose_columns` is the number of columns of a pose, None where nothing says it. `lone_track`
    and `tail_of_two` say that what follows the geometry of a source is a track without a score,
    and that polygons are followed by a score and a track.
    """

    kind: str
    n_pose_columns: int | None = None
    lone_track: bool = False
    tail_of_two: bool = False


@dataclass
class Geometry:
    """What N rows are, by number of columns.

    `shape` is BOX, POLYGON, ROTATED or NOTHING; `n_tail` counts the columns behind the geometry,
    `has_score` and `has_track` say what they are. `wrong` says what is wrong with a row's columns.
    """

    shape: npt.NDArray[np.int8]
    n_tail: Ints
    has_score: Bools
    has_track: Bools
    wrong: dict[int, str] = field(default_factory=dict)


def scheme_of(rows: Rows, setup: Setup, told: str | None) -> Scheme:
    """The scheme of a source: as told, else as its yaml says, else as its rows prove.

    Raises
    ------
    FormatError
        When its rows may be of several kinds; it names them.
    """
    counts = np.unique(rows.count[(rows.count >= BOX_COLUMNS) & _is_good(rows)])
    n_pose = None
    if setup.keypoint_shape is not None:
        n_pose = BOX_COLUMNS + setup.keypoint_shape[0] * setup.keypoint_shape[1]
    kind = told or (setup.task if setup.task in KINDS else None)
    if kind is None and n_pose is not None:
        kind = "pose"
    if kind is None:
        kind = _proven(rows, counts, has_yaml=setup.has_yaml)
    if kind == "pose" and n_pose is None:
        n_pose = _flagged_columns(rows, counts)
    if kind == "segment":
        return Scheme(kind, None, _lone_track(rows, _is_even), _tail_of_two(rows))
    n_geometry = {"detect": BOX_COLUMNS, "obb": CORNER_COLUMNS}.get(kind, n_pose)
    if n_geometry is None:
        return Scheme(kind)
    return Scheme(kind, n_pose, _lone_track(rows, lambda count: count == n_geometry + 1))


def _is_good(rows: Rows) -> Bools:
    good = np.ones(len(rows), np.bool_)
    good[list(rows.problems)] = False
    return good


def _proven(rows: Rows, counts: Ints, *, has_yaml: bool) -> str:
    """The kind that the numbers of columns, and the rows, allow alone.

    A pose set without `kpt_shape` in its yaml cannot be trained, so that a yaml without it is of
    none.
    """
    found = set(counts.tolist())
    if found <= {5, 6} or (found <= {5, 6, 7} and _are_tracks(rows, 7)):
        return "detect"
    if _flagged_columns(rows, counts) is not None:
        return "pose"
    if found <= {9, 10, 11}:
        raise _unclear(found, "segment", "obb")
    kinds = ["segment"]
    if found <= {5, 6, 7} and not _has_fractions(rows, 7):
        kinds.append("detect")
    if not has_yaml and not found & {5, 6} and _may_be_pose(found):
        kinds.append("pose")
    if len(kinds) > 1:
        raise _unclear(found, *kinds)
    return "segment"


def _may_be_pose(found: set[int]) -> bool:
    """Whether the columns may be those of poses with a score, or a score and a track, or not."""
    return max(found) - min(found) <= 2


def _unclear(found: set[int], *kinds: str) -> FormatError:
    columns = " or ".join(str(n) for n in sorted(found)[:3])
    names = " or ".join(f"--from yolo-{kind}" for kind in kinds)
    return FormatError(
        f"rows of {columns} columns may be of the kinds {' and '.join(kinds)}",
        mend=f"say which: {names} (in data.yaml `task:` or `kpt_shape:` tells it as well)",
    )


def _rows_of(rows: Rows, is_count: Callable[[Ints], Bools]) -> Ints:
    own: Ints = np.flatnonzero(is_count(rows.count) & _is_good(rows))
    return own


def _is_even(count: Ints) -> Bools:
    even: Bools = (count % 2 == 0) & (count > MIN_POLYGON_COLUMNS - 2)
    return even


def _is_whole(values: Floats) -> Bools:
    whole: Bools = values == np.floor(values)
    return whole


def _are_tracks(rows: Rows, n_columns: int) -> bool:
    """Whether rows of so many columns end in a score and a track's number, or there are none."""
    own = _rows_of(rows, lambda count: count == n_columns)
    last, score = rows.value(own, -1), rows.value(own, -2)
    is_score = (score >= 0) & (score <= 1)
    return bool((_is_whole(last) & is_score).all() and ((last > 1).any() or not len(own)))


def _has_fractions(rows: Rows, n_columns: int) -> bool:
    """Whether some row of so many columns ends in what is no track's number."""
    own = _rows_of(rows, lambda count: count == n_columns)
    return bool((~_is_whole(rows.value(own, -1))).any())


def _lone_track(rows: Rows, is_count: Callable[[Ints], Bools]) -> bool:
    """Whether the one column behind the geometry is a track's number: whole, above any score."""
    own = _rows_of(rows, is_count)
    last = rows.value(own, -1)
    return bool(len(own)) and bool(_is_whole(last).all() and (last > 1).any())


def _tail_of_two(rows: Rows) -> bool:
    """Whether polygons are followed by a score and a track: whole numbers, some above any side."""
    own = _rows_of(rows, lambda count: (count % 2 == 1) & (count >= MIN_POLYGON_COLUMNS))
    last, score = rows.value(own, -1), rows.value(own, -2)
    is_score = (score >= 0) & (score <= 1)
    return bool(len(own)) and bool((_is_whole(last) & is_score).all() and (last > 1).any())


def _flagged_columns(rows: Rows, counts: Ints) -> int | None:
    """The columns of a pose whose keypoints have flags, when those of all rows prove it.

    One keypoint proves nothing: a polygon's side may lie at 0 or 1.
    """
    if len(counts) != 1:
        return None
    n_columns = int(counts[0])
    own = _rows_of(rows, lambda count: count == n_columns)
    if (n_columns - BOX_COLUMNS) % 3 or n_columns < BOX_COLUMNS + 6:
        return None
    for column in range(BOX_COLUMNS + 2, n_columns, 3):
        if not np.isin(rows.value(own, column), _FLAGS).all():
            return None
    return n_columns


def geometry_of(rows: Rows, scheme: Scheme) -> Geometry:
    """What each row is under the scheme; rows of other lengths have no geometry, or just a box."""
    count = rows.count
    n = len(rows)
    if scheme.kind == "segment":
        shape = np.where(count >= MIN_POLYGON_COLUMNS, POLYGON, BOX)
        n_tail = _segment_tails(count, scheme)
    elif scheme.kind == "obb":
        shape, n_tail = np.full(n, ROTATED), count - CORNER_COLUMNS
    else:
        n_columns = scheme.n_pose_columns if scheme.kind == "pose" else BOX_COLUMNS
        shape = np.full(n, BOX)
        n_tail = np.zeros(n, np.int64) if n_columns is None else count - n_columns
    found = Geometry(shape.astype(np.int8), n_tail, np.zeros(n, np.bool_), np.zeros(n, np.bool_))
    _tell_wrong(rows, scheme, found)
    found.n_tail = np.clip(n_tail, 0, 2)
    wrong = np.zeros(n, np.bool_)
    wrong[list(found.wrong)] = True
    found.n_tail[wrong] = 0
    one, two = found.n_tail == 1, found.n_tail == 2
    found.has_score = two | (one & (not scheme.lone_track))
    found.has_track = two | (one & scheme.lone_track)
    return found


def _segment_tails(count: Ints, scheme: Scheme) -> Ints:
    n_tail = (count + 1) % 2
    if scheme.tail_of_two:
        n_tail = np.where(count % 2 == 1, 2, n_tail)
    # Boxes among polygons: 5 columns, 6 with a score or track, 7 with both.
    return np.where(count <= BOX_COLUMNS + 1, count - BOX_COLUMNS, n_tail)


def _tell_wrong(rows: Rows, scheme: Scheme, found: Geometry) -> None:
    """Says which rows have other columns than the scheme, and takes their geometry."""
    is_wrong = (found.n_tail < 0) | (found.n_tail > 2) | (rows.count < BOX_COLUMNS)
    if scheme.kind == "segment" and scheme.tail_of_two:
        is_short = (found.n_tail == 2) & (rows.count < MIN_POLYGON_COLUMNS + 2)
        found.shape[is_short] = BOX
    wanted = {"detect": "5", "segment": "5, or 7, 9, 11 ...", "obb": "9"}.get(
        scheme.kind, str(scheme.n_pose_columns)
    )
    whole_box = is_wrong & (rows.count >= BOX_COLUMNS) & (scheme.kind == "pose")
    found.shape[is_wrong & ~whole_box] = NOTHING
    for row in np.flatnonzero(is_wrong).tolist():
        found.wrong[row] = (
            f"{rows.count[row]} columns, should be {wanted}, and up to 2 more of a prediction"
        )
    if scheme.kind == "pose" and scheme.n_pose_columns is None:
        for row in np.flatnonzero(~is_wrong & (rows.count > BOX_COLUMNS)).tolist():
            found.wrong[row] = (
                f"{rows.count[row]} columns: whether a score is among them is not known, should be"
                " said by kpt_shape in data.yaml"
            )
