"""The hooks for pre-commit are commands that there are."""

from __future__ import annotations

import shlex

import pytest
import typer
import yaml

from curate.cli import app, main
from tests.cli.test_audit import OUTSIDE
from tests.conftest import REPOSITORY

HOOKS = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_the_entry_of_a_hook_is_a_command_line(hook):
    program, command, *words = shlex.split(hook["entry"])
    assert program == "curate"
    own = typer.main.get_command(app).commands[command]
    assert own.make_context(command, words).params["source"] is None
    # A list of changed files would be taken for sources.
    assert hook["pass_filenames"] is False
    assert hook["language"] == "python"


def test_the_audit_hook_fails_on_errors_of_the_projects_only_source(here, coco):
    (hook,) = [hook for hook in HOOKS if hook["id"] == "curate-audit"]
    words = shlex.split(hook["entry"])[1:]
    coco()
    (here / "curate.yaml").write_text("version: 1\nsources: {street: {path: instances.json}}\n")
    assert main(words) == 0
    coco(boxes=[OUTSIDE])
    assert main(words) == 1
    assert main([*words, "instances.json", "--write-baseline", "known.json"]) == 0
