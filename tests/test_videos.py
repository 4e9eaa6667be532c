"""Frames of videos: which one a name means, and the same pixels however few are asked for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from curate.errors import PictureError, Place
from curate.stores import open_store
from curate.videos import Frame, find_frame, read_frames, stated_frame

N_FRAMES = 60
KINDS = {"a.mp4": "mp4v", "b.avi": "MJPG", "c.mkv": "mp4v", "d.mov": "MJPG"}


def pictured(index):
    """A frame that tells its index: a bright bar moves over a slow gradient."""
    frame = np.repeat(np.linspace(20, 120, 96, dtype=np.uint8)[None, :, None], 64, axis=0)
    frame = np.repeat(frame, 3, axis=2)
    frame[index % 60 : index % 60 + 4] = (250, 30, 40)
    return frame


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for name, code in KINDS.items():
        writer = cv2.VideoWriter(
            str(folder / name), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*code), 25, (96, 64)
        )
        assert writer.isOpened()
        for index in range(N_FRAMES):
            writer.write(cv2.cvtColor(pictured(index), cv2.COLOR_RGB2BGR))
        writer.release()
    return folder


def all_frames(path):
    """Every frame as OpenCV decodes them from the start, RGB."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        taken, frame = capture.read()
        if not taken:
            return frames
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("wanted", [[0], [59], [13, 14, 15], [1, 11, 12, 13, 40, 58], range(60)])
def test_frames_are_those_of_decoding_from_the_start(videos, name, wanted):
    expected = all_frames(videos / name)
    assert len(expected) == N_FRAMES
    found = dict(read_frames(videos / name, wanted))
    assert list(found) == list(wanted)
    for index, pixels in found.items():
        assert np.array_equal(pixels, expected[index])
        assert abs(pixels.astype(int) - pictured(index)).mean() < 12


def test_frames_counted_from_1_are_those_before(videos):
    expected = all_frames(videos / "a.mp4")
    found = dict(read_frames(videos / "a.mp4", [1, 60], first=1))
    assert np.array_equal(found[1], expected[0])
    assert np.array_equal(found[60], expected[59])


def test_frames_come_in_order_and_once(videos):
    assert [number for number, _ in read_frames(videos / "b.avi", [9, 3, 9, 4])] == [3, 4, 9]


def test_a_frame_outside_of_the_video_is_told_and_the_others_come(videos):
    found = dict(read_frames(videos / "a.mp4", [-1, 5, 60, 900], place=Place("a.mp4")))
    assert found[5].shape == (64, 96, 3)
    assert str(found[-1]).startswith(
        "a.mp4 [frame -1]: frame -1 of a video whose frames are counted from 0 - check the frame"
    )
    assert "a.mp4 [frame 60]: the video ends after 60 frames, the last is 59 - " in str(found[60])
    ((_, error),) = read_frames(videos / "a.mp4", [61], first=1)
    assert "the video ends after 60 frames, the last is 60" in str(error)


def test_a_video_that_was_cut_loses_what_follows_and_its_last_frame(videos, tmp_path):
    body = (videos / "b.avi").read_bytes()
    cut = tmp_path / "b.avi"
    cut.write_bytes(body[: len(body) // 2])
    expected = all_frames(videos / "b.avi")
    found = dict(read_frames(cut, range(N_FRAMES)))
    assert len(found) == N_FRAMES
    whole = [number for number, pixels in found.items() if not isinstance(pixels, PictureError)]
    assert 20 < len(whole) < 40
    assert whole == list(range(len(whole)))
    assert all(np.array_equal(found[number], expected[number]) for number in whole)
    assert "its header states 60" in str(found[59])


@pytest.mark.parametrize("body", [b"", b"hello", None])
def test_what_is_no_video_is_an_error_with_its_place(videos, tmp_path, body):
    broken = tmp_path / "x.mp4"
    broken.write_bytes((videos / "a.mp4").read_bytes()[:900] if body is None else body)
    with pytest.raises(PictureError, match=r"x\.mp4: is no video that OpenCV reads - restore"):
        list(read_frames(broken, [0], place=Place("x.mp4")))


def test_a_missing_video_is_an_error(tmp_path):
    with pytest.raises(PictureError, match=r"none\.mp4: cannot be read: no such file"):
        list(read_frames(tmp_path / "none.mp4", [0]))


def test_a_video_of_too_large_frames_is_refused(videos):
    with pytest.raises(PictureError, match="96 x 64 = 6144 pixels, above the limit of 6143"):
        list(read_frames(videos / "a.mp4", [0], max_pixels=6143))


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("cam.mp4#7", Frame("cam.mp4", 7)),
        ("day 1/cam.AVI/000012.jpg", Frame("day 1/cam.AVI", 12)),
        ("cam.webm/3", Frame("cam.webm", 3)),
        ("a\\cam.mkv#0", Frame("a/cam.mkv", 0)),
        ("cam.mp4", None),
        ("cam.mp4#x", None),
        ("cam/12.jpg", None),
        ("mp4/12.jpg", None),
        ("cam.mp4/left/12.jpg", None),
    ],
)
def test_a_name_may_state_video_and_frame(name, frame):
    assert stated_frame(name) == frame


def test_the_video_of_a_name_or_a_group_is_found_in_the_store(tmp_path):
    for name in ("north/cam1.mp4", "north/cam2.avi", "south/cam2.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    store = open_store(tmp_path)
    assert find_frame(store, "/data/CAM1.mp4#5") == Frame("north/cam1.mp4", 5)
    assert find_frame(store, "x.jpg", group="cam1", number=4) == Frame("north/cam1.mp4", 4)
    assert find_frame(store, "x.jpg", group="south/cam2", number=0) == Frame("south/cam2.mkv", 0)
    assert find_frame(store, "x.jpg", group="cam1") is None
    assert find_frame(store, "x.jpg", group="cam3", number=4) is None
    assert find_frame(store, "cam3.mp4#1") is None
    with pytest.raises(PictureError, match=r"x\.jpg: 2 videos fit \(north/cam2\.avi, south/cam2"):
        find_frame(store, "x.jpg", group="cam2", number=1)


def test_a_frame_of_a_remote_video_is_read(videos):
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.pipe_file("/films/a.mp4", (videos / "a.mp4").read_bytes())
    try:
        store = open_store("memory://films")
        frame = find_frame(store, "a.mp4#30")
        with store.fetched(frame.video) as path:
            ((_, pixels),) = read_frames(path, [frame.number])
    finally:
        system.rm("/films", recursive=True)
    assert np.array_equal(pixels, all_frames(videos / "a.mp4")[30])
