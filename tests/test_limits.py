"""What a parameter may be, by the unit that its name ends with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from curate.limits import unit_fault


@pytest.mark.parametrize("name", ["min_frac", "min_iou", "max_ioa", "tail_share", "iou"])
@pytest.mark.parametrize(
    ("value", "fits"),
    [(0, True), (1, True), (0.5, True), (np.float64(0.5), True), (-0.01, False), (1.01, False),
     (90, False), pytest.param(10**400, False, id="huge"), (math.nan, False),
     (math.inf, False), (True, False), ("0.5", False), (None, False)],
)  # fmt: skip
def test_a_share_is_from_0_to_1(name: str, value: Any, fits: bool) -> None:
    fault = unit_fault(name, value)
    assert (fault is None) is fits
    assert fits or fault == ("a number in 0..1", "give a share, 0.9 for 90 %")


@pytest.mark.parametrize("name", ["min_side_px", "min_area_px2"])
@pytest.mark.parametrize(
    ("value", "fits"),
    [(0, True), (4.5, True), (1e300, True), pytest.param(10**400, False, id="huge"), (-1, False),
     (math.inf, False), (math.nan, False), (True, False), ("4", False)],
)  # fmt: skip
def test_a_length_is_finite_and_from_0_on(name: str, value: Any, fits: bool) -> None:
    fault = unit_fault(name, value)
    assert (fault is None) is fits
    unit = name.rpartition("_")[2]
    assert fits or fault == ("a number from 0 on", f"give it in {unit}")


@pytest.mark.parametrize("name", ["n", "px_min", "fraction", "shares"])
def test_a_name_without_such_a_unit_takes_any_value(name: str) -> None:
    assert unit_fault(name, -90) is None
    assert unit_fault(name, 10**400) is None
