"""curate define: its commands, their pages and examples."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest
import typer

from curate.cli import app, main

GROUP = typer.main.get_command(app).commands["define"]
EXAMPLES = [
    words
    for command in GROUP.commands.values()
    for words in re.findall(r"^Example: curate (.+)$", command.help, re.MULTILINE)
]


def test_group_without_a_word_shows_its_commands(curate):
    code, out, err = curate("define")
    assert code == 2
    assert all(f"{name} " in out + err for name in GROUP.commands)


@pytest.mark.parametrize("name", GROUP.commands)
def test_each_command_of_the_group_has_a_page_with_two_examples(curate, name):
    code, out, err = curate("define", name, "--help")
    assert (code, err) == (0, "")
    own = [words for words in EXAMPLES if words.split()[1] == name]
    assert len(own) == 2
    assert all(f"Example: curate {words}\n" in out for words in own)


@pytest.mark.parametrize(
    "line", [one for one in EXAMPLES if one.split()[1] in ("show", "questions")]
)
def test_each_example_runs(here, capsys, line):
    assert main(shlex.split(line)) == 0
    shown = capsys.readouterr()
    assert shown.out
    assert shown.err == ""


def test_help_of_the_group_loads_neither_pandas_nor_numpy():
    code = (
        "import json, sys; from curate.cli import main; main(['define', 'show', '--help']); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert not loaded & {"pandas", "numpy", "pyarrow", "PIL", "msgspec", "rich", "yaml"}
