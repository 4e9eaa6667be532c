from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from curate.crops.workfolder import WorkFolder, summary_of
from curate.errors import OutputError


def test_a_second_run_on_one_set_is_refused(tmp_path) -> None:
    with (
        WorkFolder(tmp_path / "out"),
        pytest.raises(OutputError, match=rf"another run \(process {os.getpid()} on"),
        WorkFolder(tmp_path / "out"),
    ):
        raise AssertionError("both runs worked")
    with WorkFolder(tmp_path / "out"):
        pass


def test_the_lock_of_a_run_that_is_gone_is_no_hindrance(tmp_path) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    said = {"host": socket.gethostname(), "pid": int(gone.stdout)}
    (tmp_path / ".out.crops-lock").write_text(json.dumps(said))
    with WorkFolder(tmp_path / "out"):
        taken = json.loads((tmp_path / ".out.crops-lock").read_text())
    assert taken == {"host": socket.gethostname(), "pid": os.getpid()}
    assert not (tmp_path / ".out.crops-lock").exists()


def test_the_lock_of_another_machine_holds(tmp_path) -> None:
    (tmp_path / ".out.crops-lock").write_text(json.dumps({"host": "elsewhere", "pid": 1}))
    with pytest.raises(OutputError, match=r"elsewhere.* - wait for it; if it is gone, delete"):
        WorkFolder(tmp_path / "out").__enter__()


def test_publishing_replaces_the_old_set_whole(tmp_path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("")
    with WorkFolder(tmp_path / "out") as work:
        (work.path / "new").write_text("")
        work.publish()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
    assert [p.name for p in (tmp_path / "out").glob("[!.]*")] == ["new"]


@pytest.mark.parametrize("text", ["{}", "no json", '{"schema": "curate.dataset/1"}', "[]"])
def test_a_folder_of_something_else_is_no_set(tmp_path, text) -> None:
    (tmp_path / "crops.json").write_text(text)
    with pytest.raises(OutputError, match="crop set"):
        summary_of(tmp_path)


def test_no_folder_and_an_empty_one_are_no_set_yet(tmp_path) -> None:
    assert summary_of(tmp_path / "none") is None
    assert summary_of(tmp_path) is None


def test_where_nothing_could_begin_nothing_is_said_to_be_kept(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as refused:
        WorkFolder(tmp_path / "file" / "out").__enter__()
    assert "; nothing is published - check the free space" in str(refused.value)


def test_a_full_disk_leaves_what_is_done_and_says_where(tmp_path) -> None:
    with pytest.raises(OutputError) as stopped, WorkFolder(tmp_path / "out"):
        raise OSError(28, "No space left on device")
    assert "No space left on device; nothing is published, what is done is kept in " in str(
        stopped.value
    )
    assert (tmp_path / ".out.crops-work").is_dir()
