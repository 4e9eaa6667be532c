"""Killed at any moment, a run leaves the old set or none, and the next one makes the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.crops.sets import content, make

N_IMAGES = 300
POINTS = 50

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL"),
]


def started(folder, out, *words):
    command = [sys.executable, "-m", "curate", "crops", "truth.json", "--from-detector"]
    command += ["dets.json", "--images", "images", "-o", str(out), *words]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(folder, out, *words):
    with started(folder, out, *words) as process:
        assert process.wait() == 0, process.stderr.read()


@pytest.mark.parametrize("to", ["folder", "shards"])
def test_killed_at_50_moments_the_set_is_the_same(tmp_path, to) -> None:
    folder = make(tmp_path / "set", N_IMAGES)
    (folder / "spec.yaml").write_text("version: 1\nencoding: {images_per_shard: 20}\n")
    words = ("--to", to, "--spec", "spec.yaml")
    begin = time.monotonic()
    finished(folder, tmp_path / "whole", *words)
    seconds = time.monotonic() - begin
    wanted = content(tmp_path / "whole")
    assert sum(name.endswith((".jpg", ".tar")) for name in wanted) > 10
    out = tmp_path / "out"
    rng = random.Random(to)
    n_killed = 0
    for _ in range(POINTS):
        with started(folder, out, *words) as process:
            time.sleep(rng.uniform(0, seconds))
            process.send_signal(signal.SIGKILL)
            n_killed += process.wait() == -signal.SIGKILL
        # All or nothing at the place of the set.
        assert not out.exists() or content(out) == wanted
    assert n_killed >= POINTS // 3
    finished(folder, out, *words)
    assert content(out) == wanted
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "set", "whole"]
