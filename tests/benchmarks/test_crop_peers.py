"""The loops that crops are compared by do the same work, and the photographs are what is said."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
# Not installed, and not importable by name under pytest's importlib mode.
sys.path.insert(0, str(HERE))
import crop_peers  # noqa: E402

sys.path.remove(str(HERE))


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    return crop_peers.make(folder, 3, None)


def test_photographs_are_of_one_size_and_the_same_each_time(photographs, tmp_path):
    assert [cv2.imread(str(p.path)).shape for p in photographs] == [(480, 640, 3)] * 3
    assert all(p.rectangles.shape == (7, 4) for p in photographs)
    again = tmp_path / "again"
    again.mkdir()
    for one, other in zip(photographs, crop_peers.make(again, 3, None), strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()
        assert np.array_equal(one.rectangles, other.rectangles)


def test_real_photographs_are_made_where_there_are_some(real_data, tmp_path):
    (photograph,) = crop_peers.make(tmp_path, 1, real_data)
    assert cv2.imread(str(photograph.path)).shape == (480, 640, 3)


@pytest.mark.parametrize("name", crop_peers.LOOPS)
def test_each_loop_writes_seven_crops_of_a_photograph(photographs, tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    crop_peers.LOOPS[name](photographs, out)
    assert sorted(path.name for path in out.iterdir()) == [
        f"00000{i}_{k}.jpg" for i in range(3) for k in range(7)
    ]
    assert {cv2.imread(str(path)).shape for path in out.iterdir()} == {(224, 224, 3)}


def test_the_loops_show_the_same_crops(photographs, tmp_path):
    for name, loop in crop_peers.LOOPS.items():
        (tmp_path / name).mkdir()
        loop(photographs, tmp_path / name)
    # One inside of the picture: beyond its border the loops stretch what curate fills.
    rectangles = photographs[0].rectangles
    inside = (rectangles[:, :2] >= 0).all(axis=1) & (rectangles[:, 2:] <= [640, 480]).all(axis=1)
    assert inside.any()
    for k in np.flatnonzero(inside):
        crops = [
            cv2.imread(str(tmp_path / name / f"000000_{k}.jpg")).astype(float)
            for name in crop_peers.LOOPS
        ]
        assert max(abs(crop - crops[0]).mean() for crop in crops) < 6


def test_a_ratio_is_the_median_of_the_rounds():
    taken = {"floor": [1.0, 9.0, 2.0], "ours": [2.0, 3.0, 2.0]}
    assert crop_peers.ratio(taken, "floor", "ours") == 1.0
