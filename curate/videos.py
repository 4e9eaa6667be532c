"""Frames of video files, by OpenCV: which frame a name means, and its pixels.

Frames are always decoded in order from the start, never by a jump: in a video of varying frame
rate, or with frames that point forward, OpenCV may land beside the frame that was asked for. What
lies before it is decoded but not converted: 3,100 frames per second of 640x480 MPEG-4, 950 of
MJPEG (OpenCV 4.14, one video of 300 frames each). Pixels are upright where the file states a turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from curate.errors import PictureError, Place
from curate.images import MAX_PIXELS, check_size
from curate.listing import VIDEO_ENDINGS
from curate.stores import Store

Pixels = npt.NDArray[np.uint8]
MEND = "restore the video from its source"
MEND_FRAME = "check the frame's number, and whether the video is whole"
# Frame counts in headers are estimates: those of Matroska come from the duration.
COUNT_SLACK_FRAMES = 2
COUNT_SLACK_FRAC = 0.01
_ENDINGS = "|".join(ending[1:] for ending in sorted(VIDEO_ENDINGS))
_STATED = re.compile(rf"(.+\.(?:{_ENDINGS}))[#/](\d+)(?:\.[a-z0-9]+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Frame:
    """One frame of a video: the video's name in its store, and the number that the source states.

    Sources count from 0 or from 1: `read_frames` is told which.
    """

    video: str
    number: int


def stated_frame(name: str) -> Frame | None:
    """The video and number in a name such as `cam1.mp4#12` or `cam1.mp4/000012.jpg`; else None.

    Examples
    --------
    >>> stated_frame("day/cam1.mp4#12")
    Frame(video='day/cam1.mp4', number=12)
    >>> stated_frame("day/cam1.mp4") is None
    True
    """
    found = _STATED.fullmatch(name.replace("\\", "/"))
    return Frame(found[1], int(found[2])) if found else None


def find_frame(
    store: Store, name: str, *, group: str | None = None, number: int | None = None
) -> Frame | None:
    """The frame that an image stands for; None when no video of the store has it.

    Parameters
    ----------
    store
        Where videos are looked for. Over http nothing is listed: only a name says its video.
    name
        The image's name. One that states video and number (`stated_frame`) goes by that.
    group, number
        The image's sequence and frame: of the video `<group>.mp4`, `.avi`, `.mkv`, `.mov` or
        `.webm`. Null when unknown.

    Raises
    ------
    PictureError
        When more than one video fits.
    """
    stated = stated_frame(name)
    if stated is not None:
        found, number = store.find(stated.video), stated.number
    elif group is not None and number is not None and store.is_listable:
        names = (f"{group}{ending}" for ending in sorted(VIDEO_ENDINGS))
        ends = [video for name_ in names for video in store.find(name_)]
        # Each ending is looked for by itself: one may lie in the group's folder, others elsewhere.
        whole = group.casefold()
        found = [v for v in ends if v.rpartition(".")[0].casefold().endswith(whole)] or ends
    else:
        return None
    if len(found) > 1:
        raise PictureError(
            f"{len(found)} videos fit ({found[0]}, {found[1]}), should be one",
            place=Place(name),
            mend="state the video's folder in the image's name",
        )
    return Frame(found[0], number) if found and number is not None else None


def read_frames(
    path: Path,
    numbers: Iterable[int],
    *,
    first: int = 0,
    max_pixels: int = MAX_PIXELS,
    place: Place | None = None,
) -> Iterator[tuple[int, Pixels | PictureError]]:
    """Frames of a video, in ascending order, each once: (H, W, 3) uint8 RGB, or why it is missing.

    A missing frame is no exception, so that those after it still come. Damage inside of a video
    is hidden by ffmpeg and not noticed here; where a file was cut, the last frame counts as lost.

    Parameters
    ----------
    path
        The video file.
    numbers
        As the source counts them.
    first
        Number of the first frame: 0 or 1.
    max_pixels
        A video of larger frames is refused before any is decoded.
    place
        Where the video is from, for messages; the path by default. The frame's number is added.

    Raises
    ------
    PictureError
        When the file is missing or no video that OpenCV reads, or its frames are too large.
    """
    place = place or Place(str(path))
    if not path.is_file():
        raise PictureError("cannot be read: no such file", place=place, mend="check --images")
    # Else OpenCV might take a path for a numbered series of pictures.
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise PictureError("is no video that OpenCV reads", place=place, mend=MEND)
        width, height, n_stated = (
            int(capture.get(what))
            for what in (
                cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_COUNT
            )
        )  # fmt: skip
        check_size(width, height, max_pixels, place)
        run = _Run(capture, n_stated)
        for number in sorted(set(numbers)):
            pixels = run.frame(number - first)
            if pixels is None:
                at = Place(place.file, id=f"frame {number}")
                yield number, PictureError(run.why_not(number, first), place=at, mend=MEND_FRAME)
            else:
                yield number, pixels
    finally:
        capture.release()


class _Run:
    """A video that is read forward; `n_read` frames, from 0, have been decoded."""

    def __init__(self, capture: cv2.VideoCapture, n_stated: int) -> None:
        self._capture = capture
        self._n_stated = n_stated
        self._ended = False
        self.n_read = 0

    def frame(self, index: int) -> Pixels | None:
        """The frame of this index from 0, not below an earlier one; None when there is none."""
        if index < 0:
            return None
        while self.n_read <= index and self._grab():
            pass
        if self.n_read <= index:
            return None
        taken, pixels = self._capture.retrieve()
        # One frame further: only then it is known whether this one is the last of a cut file.
        self._grab()
        if not taken or (self.n_read == index + 1 and self._is_cut()):
            return None
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]  # uint8 in, uint8 out

    def why_not(self, number: int, first: int) -> str:
        """Why the frame that was asked for last cannot be had."""
        if number < first:
            return f"frame {number} of a video whose frames are counted from {first}"
        ends = f"the video ends after {self.n_read} frames, the last is {first + self.n_read - 1}"
        return f"{ends}; its header states {self._n_stated}" if self._is_cut() else ends

    def _grab(self) -> bool:
        self._ended = self._ended or not self._capture.grab()
        self.n_read += not self._ended
        return not self._ended

    def _is_cut(self) -> bool:
        slack = COUNT_SLACK_FRAMES + COUNT_SLACK_FRAC * self._n_stated
        return self._ended and self._n_stated - self.n_read > slack
