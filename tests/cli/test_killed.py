"""Killed or interrupted at any moment, a command leaves a whole result or none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import curate as package

N_IMAGES, N_BOXES = 10_000, 60_000
COMMANDS = {
    "ingest": ("ingest", "big.json", "-o"),
    "export": ("export", "big.json", "--to", "coco", "-o"),
}
# How many files of the result are begun when the kill comes; -1: while it still reads.
MOMENTS = {"ingest": (-1, 0, 2, 5, 8), "export": (-1, 0, 1, 2)}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither signal")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a COCO file of 60,000 boxes in it."""
    folder = tmp_path_factory.mktemp("killed")
    document = {
        "images": [
            {"id": n, "file_name": f"{n}.jpg", "width": 640, "height": 480}
            for n in range(1, N_IMAGES + 1)
        ],
        "annotations": [
            {
                "id": n,
                "image_id": 1 + n % N_IMAGES,
                "category_id": 1 + n % 3,
                "bbox": [n % 601, n % 449, 5 + n % 31, 5 + n % 23],
            }
            for n in range(1, N_BOXES + 1)
        ],
        "categories": [{"id": n, "name": f"class {n}"} for n in (1, 2, 3)],
    }
    (folder / "big.json").write_text(json.dumps(document))
    return folder


def started(folder, words):
    return subprocess.Popen(
        [sys.executable, "-m", "curate", *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=take_interrupts,
    )  # fmt: skip


def take_interrupts():
    """Shells start their background jobs deaf to SIGINT, and children inherit it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finished(folder, words):
    subprocess.run(
        [sys.executable, "-m", "curate", *words], cwd=folder, capture_output=True, check=True
    )


def content(target):
    return {p.relative_to(target).as_posix(): p.read_bytes() for p in target.rglob("*.*")}


def unfinished(folder, name):
    """The folders that runs have begun to write their result in."""
    return set(folder.glob(f".{name}.*.part"))


def wait_until(process, reached):
    """Looks again and again, without a pause: the moments are some milliseconds apart."""
    while process.poll() is None and not reached():
        pass


def n_below(folder):
    """How many files and folders lie below one that may go away meanwhile."""
    try:
        return len(list(folder.rglob("*")))
    except FileNotFoundError:
        return 0


def begun(folder, name, n_files):
    """Whether a run that starts now has begun so many files; for -1, whether it reads by now."""
    rests = unfinished(folder, name)
    reading = time.monotonic() + 0.6

    def reached():
        if n_files < 0:
            return time.monotonic() >= reading
        return any(n_below(p) >= n_files for p in unfinished(folder, name) - rests)

    return reached


@pytest.mark.parametrize("command", COMMANDS)
def test_a_killed_run_leaves_a_whole_result_or_none(folder, command):
    words, name = COMMANDS[command], command
    source = (folder / "big.json").read_bytes()
    finished(folder, [*words, f"{name}.whole"])
    whole = content(folder / f"{name}.whole")
    n_killed = 0
    for n_files in MOMENTS[command]:
        if (folder / name).exists():
            (folder / name).rename(folder / f"{name}.before.{n_files}")
        reached = begun(folder, name, n_files)
        with started(folder, [*words, name]) as process:
            wait_until(process, reached)
            process.send_signal(signal.SIGKILL)
        n_killed += process.returncode == -signal.SIGKILL
        assert not (folder / name).exists() or content(folder / name) == whole
        assert (folder / "big.json").read_bytes() == source
    # Else no kill came while it wrote, and the test has shown nothing.
    assert n_killed >= 2
    assert unfinished(folder, name)
    force = ["--force"] if (folder / name).exists() else []
    finished(folder, [*words, name, *force])
    assert content(folder / name) == whole


def test_a_kill_while_the_new_result_is_written_leaves_the_old_one(folder):
    small = folder / "small.json"
    small.write_text(json.dumps({"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}))
    package.save(package.read(small), folder / "forced")
    old = content(folder / "forced")
    with started(folder, ["ingest", "big.json", "-o", "forced", "--force"]) as process:
        wait_until(process, begun(folder, "forced", 3))
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert content(folder / "forced") == old
    finished(folder, ["ingest", "big.json", "-o", "forced", "--force"])
    assert len(package.load(folder / "forced").boxes) == N_BOXES


def test_rests_of_a_killed_run_are_not_read_as_labels(folder):
    # A set in another format is often written beside the labels that it comes from.
    target = folder / "voc"
    with started(folder, ["export", "big.json", "--to", "voc", "-o", "voc/new"]) as process:
        wait_until(process, begun(target, "new", 1))
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    (target / "a.xml").write_text(
        "<annotation><filename>a.jpg</filename><size><width>60</width><height>40</height>"
        "</size><object><name>car</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax>"
        "<ymax>9</ymax></bndbox></object></annotation>"
    )
    assert len(package.read(target).boxes) == 1


# CPython ends by the signal itself, which a shell shows as 130, too, when the interrupt came
# within an `exec` of text (dataclasses), however it was handled there.
INTERRUPTED = (130, -signal.SIGINT)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("n_files", [-1, 1])
def test_an_interrupt_ends_with_130_and_leaves_nothing(folder, command, n_files):
    words, name = COMMANDS[command], f"{command}.interrupted"
    with started(folder, [*words, name]) as process:
        wait_until(process, begun(folder, name, n_files))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode in INTERRUPTED
    assert (out, err) == ("", "")
    assert [*folder.glob(f"{name}*"), *folder.glob(f".{name}*")] == []
