"""How commands are put into the command line, with their module's docstring as their page."""

from __future__ import annotations

from collections.abc import Callable

import typer

# What all lists of commands have in common.
HELP_WORDS = {"help_option_names": ["-h", "--help"]}


def add(app: typer.Typer, name: str, function: Callable[..., object], page: str | None) -> None:
    """Adds a command; the page's first paragraph is its line in the list of commands."""
    text = page or ""
    app.command(
        name,
        # \b keeps the examples' lines as they are.
        help=text.replace("\nExample:", "\n\b\nExample:", 1),
        # Given by itself, the list of commands does not cut it.
        short_help=" ".join(text.partition("\n\n")[0].split()),
    )(function)
