"""Giving memory back to the system."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

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


def resident_mb() -> float:
    """Resident memory of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives memory back")
def test_what_was_freed_between_things_in_use_goes_back_to_the_system() -> None:
    # Below the size from which on glibc takes pages of their own for each.
    blocks = [b"x" * 100_000 for _ in range(2000)]
    kept = blocks[::20]
    del blocks
    before = resident_mb()
    give_back()
    # 190 MB were freed; pages beside what is kept stay.
    assert before - resident_mb() > 100
    assert len(kept) == 100


@pytest.mark.parametrize("system", [sys.platform, "win32"])
def test_giving_back_changes_nothing_that_is_in_use(
    system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    numbers = [np.arange(1000) for _ in range(100)][::2]
    give_back()
    assert all((own == np.arange(1000)).all() for own in numbers)
