"""Texts that a command makes: printed, or written as a file that --force may replace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from curate.cli import output, streams
from curate.folders import refuse_file, write_file


@dataclass(frozen=True)
class Kind:
    """A kind of text: what its beginning holds (a regular expression), and what it is called."""

    mark: bytes
    name: str


def put(text: str, kind: Kind, path: Path | None, *, force: bool, dry_run: bool) -> None:
    """Prints a text where there is no path, or `-`; else writes it whole or not at all.

    Raises
    ------
    OutputError
        For a file that exists, unless `force` and curate wrote one of that kind.
    """
    # A lone surrogate (`\ud800` in YAML) is taken by no file and no terminal: its escape stands.
    body = text.encode("utf-8", "backslashreplace")
    if path is None or streams.is_dash(path):
        typer.echo(body.decode(), nl=False)
        return
    refuse_file(path, kind.mark, kind.name, force=force)
    if not dry_run:
        write_file(path, body)
    output.result(f"{path} {'not written (--dry-run)' if dry_run else 'written'}")
