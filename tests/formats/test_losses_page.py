"""The page of losses is what runs give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.slow
def test_the_page_of_losses_is_the_one_that_runs_give():
    script = [sys.executable, str(DOCS / "make_losses.py"), "--print"]
    run = subprocess.run(script, capture_output=True, check=True)
    assert run.stdout.decode() == (DOCS / "formats" / "losses.md").read_text(encoding="utf-8")
