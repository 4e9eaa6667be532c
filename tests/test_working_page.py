"""What docs/working.md shows is what happens."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import shlex
from pathlib import Path

import pytest

from curate.cli import main
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "working.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\$ curate (.*?) +# (\d)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit code and stdout of each line of the page, run in order in the demo's folder."""
    folder = tmp_path_factory.mktemp("working")
    done = {}
    with contextlib.chdir(folder):
        for name, language in (("waivers.yaml", "yaml"), ("my_checks.py", "python")):
            (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
            Path(name).write_text(text, encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(["demo"]) == 0
        for line, _ in LINES:
            day = ["--today", "2026-06-15"] if "--waivers" in line else []
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                code = main([*shlex.split(line), *day])
            done[line] = (code, out.getvalue())
    return done


def test_each_line_ends_as_the_page_says(told) -> None:
    assert len(LINES) == PAGE.count("$ curate ") == 10
    assert {line: code for line, (code, _) in told.items()} == {k: int(n) for k, n in LINES}


def test_the_id_in_the_waiver_file_is_that_of_the_csv_column(told) -> None:
    (out,) = (out for line, (_, out) in told.items() if "--format csv" in line)
    assert [row["finding_id"] for row in csv.DictReader(io.StringIO(out))] == re.findall(
        r"finding: (\w{16})", PAGE
    )


def test_the_waivers_fit_all_that_they_name_and_the_own_check_finds(told) -> None:
    (waived,) = (out for line, (_, out) in told.items() if "--waivers" in line)
    assert waived == ""
    (own,) = (out for line, (_, out) in told.items() if "--checks" in line)
    assert "MY-001 box-too-wide (warning): 480 px wide" in own
