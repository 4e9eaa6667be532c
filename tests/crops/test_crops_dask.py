"""A Dask cluster of processes that share nothing but the file system makes the same set."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.crops.sets import content, make

N_IMAGES = 1500
SECONDS = 90

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL"),
]


class Process:
    """A started program whose words are kept as they come."""

    def __init__(self, *words, cwd) -> None:
        self.said = ""
        self._process = subprocess.Popen(
            words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self.said += line

    def until(self, pattern: str) -> re.Match[str]:
        """The first words that fit."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if found := re.search(pattern, self.said):
                return found
            time.sleep(0.05)
        raise AssertionError(f"no {pattern!r} in {SECONDS} s of: {self.said}")

    def stop(self, how=signal.SIGTERM) -> None:
        """Ends it, and waits until it is gone."""
        self._process.send_signal(how)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()


@pytest.fixture
def cluster(tmp_path):
    """A scheduler's address and two workers, each a process of its own."""
    pytest.importorskip("distributed")
    dask = [sys.executable, "-m", "dask"]
    with contextlib.ExitStack() as stack:
        words = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        scheduler = Process(*dask, *words, cwd=tmp_path)
        stack.callback(scheduler.stop)
        address = scheduler.until(r"tcp://127\.0\.0\.1:\d+")[0]
        workers = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            words = ("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
            worker = Process(*dask, *words, "--name", name, cwd=tmp_path / name)
            stack.callback(worker.stop, signal.SIGKILL)
            worker.until("Registered to")
            workers.append(worker)
        yield address, workers


def test_two_workers_of_which_one_is_ended_make_the_same_set(tmp_path, cluster) -> None:
    address, workers = cluster
    folder = make(tmp_path / "set", N_IMAGES)
    command = [sys.executable, "-m", "curate", "crops", "truth.json", "--from-detector"]
    command += ["dets.json", "--images", "images", "--json", "-o"]
    done = subprocess.run([*command, "local"], cwd=folder, capture_output=True, check=True)
    assert json.loads(done.stdout)["run"]["new_crops"] == 5 * N_IMAGES
    run = subprocess.Popen(
        [*command, "cluster", "--scheduler", address],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    parts = folder / ".cluster.crops-work" / ".curate" / "parts"
    end = time.monotonic() + SECONDS
    # Of some 24 pieces, which both have taken by then.
    while len(list(parts.glob("0*.parquet"))) < 8:
        assert run.poll() is None, run.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.01)
    workers[0].stop(signal.SIGKILL)
    out, err = run.communicate(timeout=SECONDS)
    assert run.returncode == 0, err
    told = json.loads(out)["run"]
    assert (told["new_crops"], told["workers"]) == (5 * N_IMAGES, 2)
    assert content(folder / "cluster") == content(folder / "local")
