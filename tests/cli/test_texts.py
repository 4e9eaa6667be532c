"""Texts that a command makes: what no file and no terminal can hold becomes its escape."""

from __future__ import annotations

from pathlib import Path

from curate.cli.texts import Kind, put

KIND = Kind(rb"^# ", "page")
TEXT = "# a \ud800 é\n"


def test_lone_surrogate_is_printed_and_written_as_its_escape(here, capsys):
    put(TEXT, KIND, None, force=False, dry_run=False)
    assert capsys.readouterr().out == "# a \\ud800 é\n"
    put(TEXT, KIND, Path("a.md"), force=False, dry_run=False)
    assert (here / "a.md").read_bytes() == "# a \\ud800 é\n".encode()
