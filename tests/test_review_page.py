"""What docs/review.md shows is what happens."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import shlex
from pathlib import Path

import pytest

import curate
from curate.cli import main
from curate.review.decisions import VERDICTS
from curate.verdicts import MIN_REVIEWED
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "review.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\$ curate (.*?) +# (\d)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder with the file of the page in it."""
    folder = tmp_path_factory.mktemp("review")
    (text,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    (folder / "decisions.csv").write_text(text, encoding="utf-8")
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        assert main(["demo"]) == 0
    return folder


def test_each_line_ends_as_the_page_says_and_the_box_is_what_was_decided(folder: Path) -> None:
    assert len(LINES) == PAGE.count("$ curate ") == 4
    with contextlib.chdir(folder):
        for line, code in LINES:
            with contextlib.redirect_stdout(io.StringIO()) as out:
                assert main(shlex.split(line)) == int(code), line
    assert out.getvalue().startswith("  BOX-002 reviewed 1: 0 confirmed, 1 false alarms")
    before = curate.read(folder / "curate-demo" / "street_coco").boxes
    after = curate.load(folder / "reviewed").boxes
    rows = list(csv.DictReader(io.StringIO((folder / "reviewed/changes.csv").read_text())))
    fixed, dropped = [(row["box_id"], row["column"], row["new"]) for row in rows]
    assert fixed == ("0c7be00fb2e2baf5", "label", "car")
    # Half past nine there is 7:30 UTC: it stands before the confirmation of 7:00, and holds.
    assert dropped == ("3ef894e100882adb", "box", "dropped")
    assert len(after) == len(before) - 1


def test_the_table_of_verdicts_is_that_of_the_code_and_so_is_the_number_of_reviews() -> None:
    rows = re.findall(r"^\| (finding|box|image) \|[^|]*\| (.*) \|$", PAGE, re.MULTILINE)
    told = {name: tuple(re.findall(r"`([a-z-]+)`", text)) for name, text in rows}
    assert {name: [w for w in words if w != "label"] for name, words in told.items()} == {
        name: list(verdicts) for name, verdicts in VERDICTS.items()
    }
    assert f"From {MIN_REVIEWED} reviewed findings on" in PAGE
