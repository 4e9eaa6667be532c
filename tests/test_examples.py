"""The examples run, and print what they are for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

EXAMPLES = sorted((REPOSITORY / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_example_runs_and_is_short(path: object) -> None:
    run = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout
    assert path.read_text().count("\n") < 40  # type: ignore[attr-defined]


def test_the_audit_example_finds_both_faults() -> None:
    run = subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / "audit_labels.py")],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert [line.split()[:2] for line in run.stdout.splitlines()] == [
        ["BOX-002", "1"],
        ["BOX-003", "2"],
    ]
