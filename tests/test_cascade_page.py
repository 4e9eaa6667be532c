"""What docs/cascade.md shows is what happens."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path

import pytest

from curate.cascade import Costs, Options, measure
from curate.cli import main
from tests.cascade.manifests import WORKED, worked
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "cascade.md").read_text(encoding="utf-8")
CONSOLES = re.findall(r"```console\n\$ curate (.*?)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("command", "shown"), CONSOLES, ids=["detector", "both"])
def test_commands_print_what_is_shown(
    tmp_path: Path, command: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    worked(tmp_path)
    with contextlib.chdir(tmp_path):
        assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out == shown


def test_the_example_is_the_set_that_it_is_run_on() -> None:
    rows = re.findall(r"^\| \d \| (\w+) \| ([\d.]*) ?\| (\w+) \| (\w+) \|", PAGE, re.MULTILINE)
    assert rows == [
        (own["image_id"], str(own.get("score", "")), own["outcome"], own["status"])
        for own in WORKED
    ]


def test_each_column_that_is_defined_is_one_of_the_sweep(tmp_path: Path) -> None:
    crops, answers = worked(tmp_path)
    sweep = measure(crops, Options(costs=Costs(1, 1, 1)), predictions=answers).sweep
    defined = re.findall(r"^\| ([a-z_]+) \| ", PAGE.partition("## The numbers")[2], re.MULTILINE)
    assert len(defined) == 12
    assert set(defined) - {"column"} <= set(sweep.columns)
