"""The maker of label files, and a short run of the comparison with supervision."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import curate

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent


def run_script(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    own = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(HERE / name), *words]
    return subprocess.run(command, capture_output=True, text=True, env=own, check=False)


@pytest.mark.parametrize(("kind", "n_each"), [("yolo", 7), ("voc", 3)])
def test_files_that_are_made_are_read_without_findings(
    tmp_path: Path, kind: str, n_each: int
) -> None:
    done = run_script("make_label_files.py", kind, str(tmp_path / "set"), "9")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "set"
    labels = folder if kind == "yolo" else folder / "Annotations"
    pictures = folder / ("images/train" if kind == "yolo" else "JPEGImages")
    dataset = curate.read(labels, images=pictures)
    assert (len(dataset.images), len(dataset.boxes)) == (9, 9 * n_each)
    assert dataset.findings.empty
    assert curate.audit(dataset).at_least("error") == 0


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="peak memory comes from os.wait4")
def test_benchmark_reads_the_same_with_each_contender(tmp_path: Path) -> None:
    made = run_script("peers.py")
    if made.returncode:
        pytest.skip(f"no environment for supervision: {made.stderr.strip()}")
    sizes = ("--yolo", "40", "--voc", "40", "--runs", "1")
    figures = tmp_path / "figures.json"
    done = run_script("bench_files.py", *sizes, "--json", str(figures))
    assert done.returncode == 0, done.stdout + done.stderr
    for one, n_boxes in zip(json.loads(figures.read_text())["sets"], (280, 120), strict=True):
        assert list(one["contenders"]) == ["supervision", "curate", "curate, pictures"]
        for run in one["contenders"].values():
            assert (run["images"], run["boxes"]) == (40, n_boxes)
            assert run["wall_s"] > 0
