"""Intervals of shares: against closed forms and plain sums of binomials, and where they end."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.stats import clopper_pearson, cluster_bootstrap, share_interval


def tail(k: int, n: int, p: float) -> float:
    """The probability of k or more hits in n trials."""
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def test_no_hit_and_no_miss_have_the_limits_of_the_closed_form() -> None:
    low, high = clopper_pearson([0, 20], [20, 20])
    assert low[0] == 0.0
    assert high[1] == 1.0
    # With no hit (1 - p)^n = 0.025 at the upper limit.
    assert high[0] == pytest.approx(1 - 0.025 ** (1 / 20))
    assert low[1] == pytest.approx(0.025 ** (1 / 20))


@given(st.integers(1, 60), st.data())
def test_each_limit_leaves_half_of_the_rest_beyond_it(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    low, high = (float(limit) for limit in clopper_pearson(k, n))
    assert low <= k / n <= high
    if k > 0:
        assert tail(k, n, low) == pytest.approx(0.025, rel=1e-6)
    if k < n:
        assert 1 - tail(k + 1, n, high) == pytest.approx(0.025, rel=1e-6)


def test_without_trials_nothing_is_known() -> None:
    low, high = clopper_pearson([0], [0])
    assert np.isnan([low[0], high[0]]).all()
    none = np.zeros((3, 2), np.int64)
    assert np.isnan(share_interval(none, none[:, 0], seed=0)).all()


def test_bootstrap_of_two_groups_spans_what_they_are_alone() -> None:
    # Each of the two is drawn twice in a quarter of the draws.
    low, high = cluster_bootstrap(np.array([[1], [9]]), np.array([10, 10]), seed=0)
    assert (low[0], high[0]) == (0.1, 0.9)


def test_equal_seeds_draw_equal_groups() -> None:
    hits, trials = np.arange(40).reshape(20, 2) % 5, np.full(20, 5)
    one, two = (cluster_bootstrap(hits, trials, seed=3, replicates=50) for _ in range(2))
    assert np.array_equal(one, two)


def test_groups_that_differ_widen_the_interval() -> None:
    trials = np.full(10, 100)
    apart = np.array([[100]] * 5 + [[0]] * 5)
    one = share_interval(apart.sum(axis=0, keepdims=True), trials.sum(keepdims=True), seed=0)
    many = share_interval(apart, trials, seed=0)
    assert many[0][0] < one[0][0] < 0.5 < one[1][0] < many[1][0]


def test_where_nothing_is_missed_the_lower_limit_is_below_one() -> None:
    hits = np.full((5, 1), 4)
    low, high = share_interval(hits, hits[:, 0], seed=0)
    assert cluster_bootstrap(hits, hits[:, 0], seed=0)[0][0] == 1.0
    assert low[0] == pytest.approx(0.025 ** (1 / 20))
    assert high[0] == 1.0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8))
def test_the_interval_holds_the_share(groups: list[tuple[int, int]]) -> None:
    trials = np.array([max(pair) for pair in groups])
    hits = np.array([[min(pair)] for pair in groups])
    low, high = share_interval(hits, trials, seed=1)
    if trials.sum():
        assert 0 <= low[0] <= hits.sum() / trials.sum() <= high[0] <= 1
