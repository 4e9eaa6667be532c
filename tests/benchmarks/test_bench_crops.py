"""Short runs of the benchmarks of crop sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def run_module(name: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{name}", *words],
        capture_output=True, text=True, cwd=REPOSITORY, env=dict(os.environ), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_makes_as_many_crops_as_the_loops() -> None:
    said = run_module("bench_crops", "--images", "4", "--rounds", "1")
    names = ("cv2 loop", "Pillow loop", "floor", "curate's functions", "curate crops")
    assert [line[:20].strip() for line in said.splitlines()[:5]] == list(names)
    assert "x the time of the floor" in said


def test_memory_is_told_for_each_number_of_images() -> None:
    said = run_module("bench_crops_memory", "--images", "3", "6")
    assert [line.split()[0] for line in said.splitlines()] == ["3", "6"]
