"""What the README shows is what happens."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from curate.cli import main
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
CONSOLES = re.findall(r"```console\n\$ curate (.*?)\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        assert main(["demo"]) == 0
    return folder


@pytest.mark.parametrize(("command", "shown"), CONSOLES, ids=[c.split()[0] for c, _ in CONSOLES])
def test_commands_print_what_is_shown(
    demo: Path, command: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.chdir(demo):
        # The audit finds what was planted, and says so.
        assert main(shlex.split(command)) == int(command.startswith("audit"))
    assert capsys.readouterr().out == shown


def test_the_python_lines_print_what_is_shown(demo: Path) -> None:
    code, shown = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)[0]
    out = io.StringIO()
    with contextlib.chdir(demo), contextlib.redirect_stdout(out):
        exec(code, {})
    assert out.getvalue() == shown


def test_three_uses_are_shown() -> None:
    assert len(CONSOLES) == 4
    assert README.count("```python") == 1
