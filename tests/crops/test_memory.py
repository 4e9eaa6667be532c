"""Giving memory back to the system."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pytest

from curate.crops.memory import give_back, share_one_allocator


def test_arrow_takes_memory_from_the_allocator_of_the_system() -> None:
    before = pa.default_memory_pool()
    try:
        share_one_allocator()
        assert pa.default_memory_pool().backend_name == "system"
    finally:
        pa.set_memory_pool(before)


@pytest.mark.parametrize("platform", [sys.platform, "win32"])
def test_giving_back_changes_nothing_that_is_in_use(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    numbers = [np.arange(1000) for _ in range(100)][::2]
    give_back()
    assert all((own == np.arange(1000)).all() for own in numbers)
