"""The examples run, and print what they are for."""

from __future__ import annotations

import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import REPOSITORY

NOTEBOOK = REPOSITORY / "examples" / "first_look.ipynb"
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


def _shown(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell of code prints and shows, as text."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [
        "".join(out.text if out.output_type == "stream" else out.data["text/plain"] for out in outs)
        for outs in (cell.outputs for cell in cells)
    ]


def run_notebook() -> nbformat.NotebookNode:
    """The notebook with the outputs that a kernel of its own gives now.

    To keep them, after a look at what has changed:
    python -c "from tests.test_examples import *; nbformat.write(run_notebook(), NOTEBOOK)"
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    about = dict(notebook.metadata)
    # Raises CellExecutionError for a cell that fails; empties the outputs first.
    NotebookClient(notebook, timeout=120, kernel_name="python3", record_timing=False).execute()
    # Without the version of Python, which the kernel adds.
    notebook.metadata = nbformat.from_dict(about)
    return notebook


def test_the_notebook_shows_again_what_it_shows() -> None:
    kept = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(kept)
    assert _shown(run_notebook()) == _shown(kept)
    assert any("BOX-002" in text for text in _shown(kept))


def test_the_notebook_holds_nothing_of_the_machine_it_ran_on() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < 100_000
    assert re.findall(r"/(?:tmp|home|root|Users|var|work)/|[A-Z]:\\|20\d\d-\d\d-\d\d", text) == []
