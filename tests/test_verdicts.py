"""The precision of a check: its share, its limits, and from when on it is poor."""

from __future__ import annotations

import math

import pytest

from curate.verdicts import CheckVerdicts


def test_precision_is_the_share_of_confirmed_findings() -> None:
    own = CheckVerdicts("BOX-002", 3, 5)
    assert (own.reviewed, own.precision) == (8, 0.375)


@pytest.mark.parametrize(
    ("confirmed", "false_alarms", "limits"),
    [
        # By hand: 1 - 0.025 ** (1 / n) and 0.025 ** (1 / n), Clopper and Pearson 1934.
        (0, 10, (0, 1 - 0.025**0.1)),
        (10, 0, (0.025**0.1, 1)),
        (1, 0, (0.025, 1)),
        # 4 of 10: Clopper and Pearson's limits as tables have them.
        (4, 6, (0.1216, 0.7376)),
    ],
)
def test_the_interval_is_the_exact_one_of_95_percent(confirmed, false_alarms, limits) -> None:
    own = CheckVerdicts("BOX-002", confirmed, false_alarms)
    assert own.interval == pytest.approx(limits, abs=5e-5)


def test_nothing_is_known_of_a_check_that_nobody_reviewed() -> None:
    own = CheckVerdicts("BOX-002", 0, 0)
    assert math.isnan(own.precision)
    assert all(map(math.isnan, own.interval))
    assert not own.is_poor


@pytest.mark.parametrize(
    ("confirmed", "false_alarms", "is_poor"),
    [(4, 6, True), (5, 5, False), (0, 9, False), (0, 10, True), (49, 51, True), (50, 50, False)],
)
def test_a_check_is_poor_under_half_of_ten_or_more(confirmed, false_alarms, is_poor) -> None:
    assert CheckVerdicts("BOX-002", confirmed, false_alarms).is_poor is is_poor


def test_ten_findings_of_a_check_that_is_right_in_seven_of_ten_are_seldom_poor() -> None:
    # The figures that the number of reviews is chosen by: binomial, 0 to 4 of 10, 0 to 2 of 5.
    ten = sum(math.comb(10, k) * 0.7**k * 0.3 ** (10 - k) for k in range(5))
    five = sum(math.comb(5, k) * 0.7**k * 0.3 ** (5 - k) for k in range(3))
    assert (round(ten, 3), round(five, 2)) == (0.047, 0.16)
