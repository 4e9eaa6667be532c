from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.crops.spec import Thin
from curate.crops.thinning import Alike, thinned


def crops(phash, *, track=0, scene=0, score=None, area=None, frame=None) -> Alike:
    n = len(phash)
    return Alike(
        crop=np.arange(n, dtype=np.int64),
        phash=np.array(phash, np.uint64),
        track=np.broadcast_to(np.asarray(track, np.int64), n),
        scene=np.broadcast_to(np.asarray(scene, np.int64), n),
        score=np.linspace(0.9, 0.1, n) if score is None else np.array(score, float),
        area=np.ones(n) if area is None else np.array(area, float),
        frame=np.arange(n) if frame is None else np.array(frame),
    )


def kept(found: Alike, thin: Thin) -> list[int]:
    return np.flatnonzero(~thinned(found, thin)).tolist()


def test_first_best_and_largest_of_a_track_stay() -> None:
    found = crops(
        [0b0, 0b1, 0b11, 0b111], score=[0.2, 0.9, 0.3, 0.4], area=[1, 2, 50, 3], frame=[7, 9, 8, 10]
    )
    assert kept(found, Thin(per_track=3)) == [0, 1, 2]


def test_then_the_one_that_differs_most_stays() -> None:
    # The first is the best and the largest; 0xFF differs from it in 8 bits, 0x3 in 2.
    found = crops([0x0, 0x3, 0xFF], area=[3, 1, 1])
    assert kept(found, Thin(per_track=2)) == [0, 2]


def test_none_within_the_bits_of_one_that_stays() -> None:
    found = crops([0x0, 0x3, 0xFF], area=[3, 1, 1])
    assert kept(found, Thin(per_track=3, max_bits=2)) == [0, 2]
    assert kept(found, Thin(per_track=3, max_bits=1)) == [0, 1, 2]


def test_a_track_of_fewer_crops_stays_whole() -> None:
    assert kept(crops([0, 0, 0]), Thin(per_track=3)) == [0, 1, 2]


def test_crops_without_a_track_are_no_track() -> None:
    assert kept(crops([0, 0, 0], track=-1), Thin(per_track=1)) == [0, 1, 2]


def test_two_tracks_are_thinned_apart() -> None:
    assert kept(crops([0, 0, 0, 0], track=[1, 2, 1, 2]), Thin(per_track=1)) == [0, 1]


def test_of_a_scene_the_best_of_those_alike_stays() -> None:
    found = crops([0x0, 0x1, 0xF0], track=-1, score=[0.3, 0.8, 0.5])
    assert kept(found, Thin(max_bits=1)) == [1, 2]


def test_equal_crops_of_two_scenes_stay() -> None:
    assert kept(crops([5, 5], track=-1, scene=[0, 1]), Thin(max_bits=0)) == [0, 1]


def test_a_crop_without_a_score_gives_way() -> None:
    assert kept(crops([5, 5], track=-1, score=[np.nan, 0.1]), Thin(max_bits=0)) == [1]


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=30),
    st.integers(0, 32),
    st.integers(0, 2**32 - 1),
)
def test_all_that_stay_differ_and_all_that_go_are_like_one_that_stays(phash, bits, seed) -> None:
    # Few bits are set, so that some are alike.
    found = crops([value & 0x0F0F for value in phash], track=-1)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(phash))
    gone = thinned(found, Thin(max_bits=bits))
    stay, go = found.phash[~gone], found.phash[gone]
    differs = np.bitwise_count(stay[:, None] ^ stay[None, :]).astype(int)
    assert (differs[~np.eye(len(stay), dtype=bool)] > bits).all()
    assert all((np.bitwise_count(stay ^ value) <= bits).any() for value in go)
    turned = Alike(**{name: values[order] for name, values in vars(found).items()})
    assert thinned(turned, Thin(max_bits=bits)).tolist() == gone[order].tolist()
