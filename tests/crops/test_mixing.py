from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.crops.mixing import BACKGROUND, OF_TRUTH, ON_OBJECT, left_out, priors
from curate.crops.spec import Mix

TRAIN = "train"


def taken(counts: tuple[int, int, int], mix: Mix, *, split: str = TRAIN, seed: int = 0):
    """Number of crops of each kind that a mix takes of some, with ids 0, 1, 2 ..."""
    kinds = np.repeat(np.array([ON_OBJECT, OF_TRUTH, BACKGROUND], np.int8), counts)
    crops = np.arange(len(kinds), dtype=np.int64)
    gone = left_out(crops, kinds, np.full(len(kinds), split), mix, seed)
    return tuple(int((~gone & (kinds == kind)).sum()) for kind in range(3))


def test_background_is_at_most_so_many_for_each_crop_of_an_object() -> None:
    assert taken((10, 2, 100), Mix(background_per_positive=3)) == (10, 2, 36)
    assert taken((10, 2, 30), Mix(background_per_positive=3)) == (10, 2, 30)


def test_shares_take_as_many_as_the_scarcest_kind_allows() -> None:
    # 20 jittered boxes are a fifth of 100 crops.
    assert taken((500, 20, 400), Mix(shares=(0.6, 0.2, 0.2))) == (60, 20, 20)


def test_a_kind_without_a_share_is_left_out() -> None:
    assert taken((50, 20, 60), Mix(shares=(0.5, 0.0, 0.5))) == (50, 0, 50)


def test_a_kind_that_is_not_there_leaves_nothing_to_mix() -> None:
    assert taken((50, 0, 60), Mix(shares=(0.6, 0.2, 0.2))) == (0, 0, 0)


@pytest.mark.parametrize("split", ["val", ""])
def test_other_splits_stay_as_the_stream_is(split) -> None:
    assert taken((1, 0, 100), Mix(background_per_positive=1), split=split) == (1, 0, 100)


def test_crops_that_no_mix_counts_stay() -> None:
    kinds = np.array([-1, ON_OBJECT, BACKGROUND, BACKGROUND], np.int8)
    mix = Mix(background_per_positive=0)
    gone = left_out(np.arange(4), kinds, np.full(4, TRAIN), mix, 0)
    assert gone.tolist() == [False, False, True, True]


@given(st.lists(st.integers(0, 2**62), unique=True, min_size=2, max_size=60), st.integers(0, 9))
def test_one_crop_more_changes_who_is_taken_by_one_at_most(ids, seed) -> None:
    mix = Mix(background_per_positive=1)
    n_objects = len(ids) // 3
    kinds = np.array([ON_OBJECT] * n_objects + [BACKGROUND] * (len(ids) - n_objects), np.int8)
    crops = np.array(ids, np.int64)

    def kept(n: int) -> set[int]:
        gone = left_out(crops[:n], kinds[:n], np.full(n, TRAIN), mix, seed)
        return set(crops[:n][~gone].tolist())

    before, after = kept(len(ids) - 1), kept(len(ids))
    assert len(before - after) <= 1
    assert len(after - before) <= 1


def test_order_of_the_rows_plays_no_role() -> None:
    rng = np.random.default_rng(3)
    crops, kinds = rng.permutation(500), rng.integers(0, 3, 500).astype(np.int8)
    mix = Mix(background_per_positive=0.5)
    gone = left_out(crops, kinds, np.full(500, TRAIN), mix, 7)
    order = rng.permutation(500)
    again = left_out(crops[order], kinds[order], np.full(500, TRAIN), mix, 7)
    assert again.tolist() == gone[order].tolist()


def test_priors_are_shares_of_objects_before_and_after_sampling() -> None:
    kinds = np.array([ON_OBJECT, OF_TRUTH, BACKGROUND, BACKGROUND, BACKGROUND, -1], np.int8)
    is_taken = np.array([True, True, True, False, False, True])
    told = priors(kinds, np.full(6, TRAIN), is_taken)
    # Of the stream 1 object in 4; of the sample 2 in 3.
    assert told == {TRAIN: {"natural": 0.25, "sampled": 2 / 3}}


def test_a_split_of_neither_objects_nor_background_has_no_prior() -> None:
    told = priors(np.array([-1], np.int8), np.array(["val"]), np.array([True]))
    assert told == {"val": {"natural": None, "sampled": None}}
