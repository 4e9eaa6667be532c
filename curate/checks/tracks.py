"""Checks of tracks: one object over the frames of a video.

A track is what shares source, `images.group`, `track_id`, and the label file where that speaks of
several frames. Frames are counted by the images of the group: a set of every tenth frame has no
gaps. Labels are judged (`labels`), a tracker's output is not. Images without a group or frame, and
boxes without coordinates, are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Floats, Rows, iou_pairs, touching_pairs
from curate.checks.hits import NO_ROWS, Cause, Hits, edges_at, frame_sizes, set_hits
from curate.checks.labels import SD_PER_MAD, Labels, by_code
from curate.checks.relations import CHUNK_PAIRS

Masks = npt.NDArray[np.bool_]
# A message template, its parts, and the mend.
Told = tuple[str, tuple[npt.NDArray[np.generic], ...], str]

# A box this near to the image's border, px, may be cut there: its size and centre are not its own.
ON_BORDER_PX = 1.0
# So many scaled MADs of all steps of a video are more than its own unrest.
UNREST = 5.0
# A median of fewer steps may be that of the jumps themselves.
MIN_STEPS_OF_VIDEO = 10
MIN_STEPS_OF_TRACK = 3


@dataclass(frozen=True)
class Tracks:
    """The boxes of all tracks, by track and frame: T entries each.

    `rows` are rows of the boxes table, `track` the number of the track, `video` that of its
    video, `frame` the ordinal of the frame among the images of the video, `is_free` whether the
    box is the track's only one in its frame, and neither touches the image's border nor is marked
    as truncated or occluded.
    """

    rows: Rows
    track: Rows
    video: Rows
    frame: Rows
    is_free: Masks

    def steps(self) -> Rows:
        """Positions whose next one is the same track in a later frame."""
        same = self.track[1:] == self.track[:-1]
        return np.flatnonzero(same & (self.frame[1:] > self.frame[:-1]))

    def ends(self) -> tuple[Masks, Masks]:
        """(T,) whether an entry is the first, and the last, of its track."""
        border = self.track[1:] != self.track[:-1]
        some = np.ones(min(len(self.track), 1), np.bool_)
        return np.concatenate([some, border]), np.concatenate([border, some])


def tracks_of(boxes: pd.DataFrame, images: pd.DataFrame, labels: Labels) -> Tracks:
    """The tracks of the tables that `judged_tables` gives."""
    video, frame = _frames(images)
    image_row = boxes["image_row"].to_numpy()
    wanted = labels.is_label & boxes["is_judged"].to_numpy() & (frame[image_row] >= 0)
    rows = np.flatnonzero(wanted & boxes["track_id"].notna().to_numpy(bool))
    if not len(rows):
        return Tracks(rows, NO_ROWS, NO_ROWS, NO_ROWS, np.zeros(0, np.bool_))
    names, _ = pd.factorize(boxes["track_id"].iloc[rows])
    file, files = pd.factorize(boxes["file"].iloc[rows])
    first = np.zeros(len(files), np.int64)
    first[file[::-1]] = image_row[rows][::-1]
    is_shared = np.bincount(file, image_row[rows] != first[file], len(files)) > 0
    of_file = np.where(is_shared, np.arange(len(files)) + 1, 0)[file]
    key = pd.DataFrame({"video": video[image_row[rows]], "file": of_file, "name": names})
    number = key.groupby(list(key.columns), sort=True).ngroup().to_numpy(np.int64)
    order = np.lexsort((rows, frame[image_row[rows]], number))
    rows, track = rows[order], number[order].astype(np.int64)
    at = frame[image_row[rows]]
    again = (track[1:] == track[:-1]) & (at[1:] == at[:-1])
    is_single = ~(np.append(again, False) | np.insert(again, 0, False))
    return Tracks(rows, track, video[image_row[rows]], at, is_single & _free(boxes, images, rows))


def _frames(images: pd.DataFrame) -> tuple[Rows, Rows]:
    """(I,) number of each image's video, and its ordinal in it; -1 for no frame of a video."""
    known = np.flatnonzero((images["group"].notna() & images["frame"].notna()).to_numpy(bool))
    names, _ = pd.factorize(images["group"].iloc[known])
    source, sources = pd.factorize(images["source"].iloc[known])
    video = np.full(len(images), -1, np.int64)
    frame = video.copy()
    video[known] = names * len(sources) + source
    numbers = pd.Series(images["frame"].iloc[known].to_numpy(np.int64))
    frame[known] = numbers.groupby(video[known]).rank(method="dense").to_numpy(np.int64) - 1
    return video, frame


def _free(boxes: pd.DataFrame, images: pd.DataFrame, rows: Rows) -> Masks:
    width, height = frame_sizes(boxes, images)
    x1, y1, x2, y2 = edges_at(boxes, rows).T
    touches = (x1 <= ON_BORDER_PX) | (y1 <= ON_BORDER_PX)
    touches |= (x2 >= width[rows] - ON_BORDER_PX) | (y2 >= height[rows] - ON_BORDER_PX)
    hidden = boxes["truncated"].to_numpy()[rows] > 0
    hidden |= boxes["occluded"].to_numpy()[rows] > 0
    free: Masks = ~touches & ~hidden & (x2 > x1) & (y2 > y1)
    return free


def _names(boxes: pd.DataFrame, rows: Rows) -> npt.NDArray[np.object_]:
    return boxes["track_id"].iloc[rows].astype(object).to_numpy(object)


def _numbers(images: pd.DataFrame, boxes: pd.DataFrame, rows: Rows) -> Rows:
    """The frame numbers of some boxes, as the source counts."""
    found: Rows = images["frame"].to_numpy(np.int64, na_value=-1)[
        boxes["image_row"].to_numpy()[rows]
    ]
    return found


def _pair_hits(
    found: tuple[Rows, Rows], value: Floats, limit: Floats | float, unit: str, *, told: Told
) -> Hits:
    """Hits of two boxes each."""
    text, parts, mend = told
    members = np.stack(found, axis=1).ravel()
    return Hits(
        members=members,
        value=value,
        limit=limit,
        unit=unit,
        texts=(text,),
        parts=parts,
        mend=mend,
        ends=np.arange(2, len(members) + 2, 2, dtype=np.int64)[: len(value)],
    )


def track_class_changes(
    boxes: pd.DataFrame, images: pd.DataFrame, labels: Labels, tracks: Tracks
) -> Hits:
    """One track has boxes of several classes.

    Why it hurts: one object does not change what it is: some frames teach a wrong class, or two
    objects have one track.

    Pass: track 7 is a car in all frames
    Fail: track 7 is a car in 40 frames and a van in 2

    Value: number of boxes that are not of the track's commonest class, which are the members. One
    finding per track.

    It cannot tell which class is right, nor classes that are states (sitting, standing).

    Usual mend: give the track one class, or split it where the object changes.
    """
    codes = labels.codes[tracks.rows]
    known = np.flatnonzero(codes >= 0)
    # Tracks whose every box is of one class are many: only the others are looked at one by one.
    same = (tracks.track[known][1:] != tracks.track[known][:-1]) | (
        codes[known][1:] == codes[known][:-1]
    )
    mixed = np.unique(tracks.track[known][1:][~same])
    causes = []
    for _, some in by_code(tracks.track, known[np.isin(tracks.track[known], mixed)], 2):
        counts = np.bincount(codes[some], minlength=len(labels.names))
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist()
        rows = tracks.rows[some]
        (name,) = _names(boxes, rows[:1])
        image = int(boxes["image_row"].to_numpy()[rows[0]])
        video, source = str(images["group"].iat[image]), str(images["source"].iat[image])
        told = ", ".join(f"{labels.names[n]!r:.80} in {counts[n]}" for n in order)
        others = rows[codes[some] != order[0]]
        message = f"track {name} of {video} has several classes: {told} frames"
        about = f"{source}\0{video}\0{name}\0{boxes['file'].iat[rows[0]]}"
        causes.append(Cause(about, others, len(others), message))
    return set_hits(causes, 0.0, "boxes", "give the track one class, or split it where it changes")


def track_gap(
    boxes: pd.DataFrame, images: pd.DataFrame, tracks: Tracks, *, max_gap_frames: float
) -> Hits:
    """A track is missing in a frame or two in its middle.

    Why it hurts: the object is there and unlabelled, so that the detector is taught that it is
    background; a tracker's evaluation counts a broken track.

    Pass: frames 1 2 3 4 5
    Fail: frames 1 2 4 5

    `max_gap_frames`: longer gaps are taken as meant (the object is hidden). Value: missing frames.
    The members are the boxes before and after. Not told where one of them touches the image's
    border or is marked as occluded or truncated, as the object may have been away.

    It cannot tell an object that was hidden for a moment where nobody marks that.

    Usual mend: draw the object in the missing frames; the box between the two is near it.
    """
    steps = tracks.steps()
    missing = tracks.frame[steps + 1] - tracks.frame[steps] - 1
    hit = (missing > 0) & (missing <= max_gap_frames)
    hit &= tracks.is_free[steps] & tracks.is_free[steps + 1]
    before, after = tracks.rows[steps[hit]], tracks.rows[steps[hit] + 1]
    numbers = [_numbers(images, boxes, rows) for rows in (before, after)]
    told = (
        "track {} is missing in {} frames between {} and {}",
        (_names(boxes, before), missing[hit], *numbers),
        "draw the object in the missing frames, unless it is hidden there",
    )
    return _pair_hits((before, after), missing[hit].astype(np.float64), 0.0, "frames", told=told)


def track_size_jump(
    boxes: pd.DataFrame, images: pd.DataFrame, tracks: Tracks, *, max_ratio: float
) -> Hits:
    """The height of a track's box jumps from one frame to the next.

    Why it hurts: one of the two boxes is loose, cuts the object, or is another object's.

    Pass: 100 px, then 104 px
    Fail: 100 px, then 160 px

    `max_ratio`: up to this ratio of the heights is not reported. Value: the ratio. Where a video's
    heights are restless, more is allowed: exp of 5 x 1.4826 times the median absolute deviation of
    the steps of ln height, from 10 steps on. Boxes at the image's border, occluded and truncated
    ones are left out.

    It cannot tell a person that stoops or sits down.

    Usual mend: draw the worse of the two boxes again.
    """
    steps = _single_steps(tracks)
    before, after = tracks.rows[steps], tracks.rows[steps + 1]
    change = np.log(_heights(boxes, after) / _heights(boxes, before))
    limit = np.full(len(steps), math.log(max(max_ratio, 1.0)))
    for _, own in by_code(tracks.video[steps], np.arange(len(steps)), MIN_STEPS_OF_VIDEO):
        unrest = UNREST * SD_PER_MAD * np.median(np.abs(change[own] - np.median(change[own])))
        limit[own] = np.maximum(limit[own], unrest)
    hit = np.abs(change) > limit
    before, after = before[hit], after[hit]
    told = (
        "track {} is {:.4g} px high in frame {} and {:.4g} px in the next",
        (
            _names(boxes, before),
            _heights(boxes, before),
            _numbers(images, boxes, before),
            _heights(boxes, after),
        ),
        "draw the worse of the two boxes again",
    )
    value = np.exp(np.abs(change[hit]))
    return _pair_hits((before, after), value, np.exp(limit[hit]), "times", told=told)


def _single_steps(tracks: Tracks) -> Rows:
    """Steps from one frame to the next, between boxes that show their whole object."""
    steps = tracks.steps()
    near = tracks.frame[steps + 1] - tracks.frame[steps] == 1
    found: Rows = steps[near & tracks.is_free[steps] & tracks.is_free[steps + 1]]
    return found


def _heights(boxes: pd.DataFrame, rows: Rows) -> Floats:
    heights: Floats = (boxes["y2"].to_numpy() - boxes["y1"].to_numpy())[rows]
    return heights


def track_centre_jump(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    tracks: Tracks,
    *,
    max_step_ratio: float,
    max_speed_ratio: float,
) -> Hits:
    """The centre of a track's box jumps from one frame to the next.

    Why it hurts: the track went over to another object, or a box was drawn at the wrong place.

    Pass: 10 px further, at a height of 100 px
    Fail: 80 px further, at a height of 100 px, in a track that moves 10 px per frame

    `max_step_ratio`: up to this many heights of the box per frame is not reported, nor is up to
    `max_speed_ratio` times the median step of the track, from 3 steps on. Value: the step in
    heights. Boxes at the image's border, occluded and truncated ones are left out.

    It cannot tell a camera that was pushed, which moves all tracks at once.

    Usual mend: look at both frames; split the track, or draw the box again.
    """
    steps = _single_steps(tracks)
    before, after = tracks.rows[steps], tracks.rows[steps + 1]
    first, second = edges_at(boxes, before), edges_at(boxes, after)
    moved = (second[:, :2] + second[:, 2:] - first[:, :2] - first[:, 2:]) / 2
    height = np.minimum(first[:, 3] - first[:, 1], second[:, 3] - second[:, 1])
    step = np.hypot(moved[:, 0], moved[:, 1]) / height
    limit = np.full(len(steps), max_step_ratio)
    for _, own in by_code(tracks.track[steps], np.arange(len(steps)), MIN_STEPS_OF_TRACK):
        limit[own] = np.maximum(max_step_ratio, max_speed_ratio * np.median(step[own]))
    hit = step > limit
    before, after = before[hit], after[hit]
    told = (
        "track {} moves {:.3g} heights from frame {} to the next, should be at most {:.3g}",
        (_names(boxes, before), step[hit], _numbers(images, boxes, before), limit[hit]),
        "look at both frames: split the track, or draw the box again",
    )
    return _pair_hits((before, after), step[hit], limit[hit], "heights", told=told)


def track_twice_in_frame(boxes: pd.DataFrame, images: pd.DataFrame, tracks: Tracks) -> Hits:
    """One track has several boxes in one frame.

    Why it hurts: an object is in one place at a time; trackers' evaluations refuse the file or
    keep one of the boxes.

    Pass: track 7 once in frame 12
    Fail: track 7 twice in frame 12

    Value: number of boxes. What the reader saw already (SRC-006) is not told again.

    It cannot tell which box is the object's.

    Usual mend: give one of the boxes a track of its own, or delete it.
    """
    place = tracks.track * (tracks.frame.max(initial=0) + 1) + tracks.frame
    number = np.cumsum(np.diff(place, prepend=-1) != 0).astype(np.int64) - 1
    counts = np.bincount(number) if len(number) else NO_ROWS
    several = np.flatnonzero(counts > 1)
    members = tracks.rows[np.isin(number, several)]
    ends = np.cumsum(counts[several])
    first = members[ends - counts[several]]
    return Hits(
        members=members,
        value=counts[several].astype(np.float64),
        limit=1.0,
        unit="boxes",
        texts=("track {} has {} boxes in frame {}, should have one",),
        parts=(_names(boxes, first), counts[several], _numbers(images, boxes, first)),
        mend="give one of the boxes a track of its own, or delete it",
        ends=ends,
    )


def track_changes_id(
    boxes: pd.DataFrame, images: pd.DataFrame, labels: Labels, tracks: Tracks, *, min_iou: float
) -> Hits:
    """A track ends where another of its class begins in the next frame, at the same place.

    Why it hurts: it is one object with two ids; evaluations of trackers count a switch that no
    tracker made.

    Pass: track 7 ends in frame 12 at 10 10 60 90, track 8 begins in frame 13 at 300 10 350 90
    Fail: track 8 begins in frame 13 at 11 10 61 90

    `min_iou`: from this intersection over union on, 0..1. Value: the IoU. The members are the last
    box of the one and the first of the other.

    It cannot tell an object that comes out from behind another.

    Usual mend: give both tracks one id.
    """
    is_first, is_last = tracks.ends()
    # An end is looked for where its track would be next; a track of one box is both.
    at = np.concatenate([np.flatnonzero(is_first), np.flatnonzero(is_last)])
    ends = np.repeat([False, True], [is_first.sum(), is_last.sum()])
    width = tracks.frame.max(initial=0) + 3
    place = tracks.video[at] * width + tracks.frame[at] + ends
    place = place * (len(labels.names) + 1) + labels.codes[tracks.rows[at]] + 1
    edges = edges_at(boxes, tracks.rows[at])
    usable = (edges[:, 2:] > edges[:, :2]).all(axis=1)
    at, ends, place, edges = at[usable], ends[usable], place[usable], edges[usable]
    lasts, firsts, overlaps = [NO_ROWS], [NO_ROWS], [np.zeros(0)]
    for i, j in touching_pairs(place, edges, CHUNK_PAIRS):
        i, j = np.where(ends[i], i, j), np.where(ends[i], j, i)
        iou = iou_pairs(edges[i], edges[j])
        hit = ends[i] & ~ends[j] & (tracks.track[at[i]] != tracks.track[at[j]]) & (iou >= min_iou)
        lasts.append(tracks.rows[at[i[hit]]])
        firsts.append(tracks.rows[at[j[hit]]])
        overlaps.append(iou[hit])
    before, after = np.concatenate(lasts), np.concatenate(firsts)
    told = (
        "track {} ends in frame {} where track {} begins in the next, should be one track",
        (_names(boxes, before), _numbers(images, boxes, before), _names(boxes, after)),
        "give both tracks one id",
    )
    return _pair_hits((before, after), np.concatenate(overlaps), min_iou, "IoU", told=told)
