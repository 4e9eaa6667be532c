"""How a command joins the command line: its name, its function, and the page of its module."""

from __future__ import annotations

from collections.abc import Callable

import typer


def add(app: typer.Typer, name: str, function: Callable[..., object], page: str | None) -> None:
    """Adds a command whose help is the docstring of its module."""
    text = page or ""
    app.command(
        name,
        # \b keeps the examples' lines as they are.
        help=text.replace("\nExample:", "\n\b\nExample:", 1),
        # Given by itself, the list of commands does not cut it.
        short_help=" ".join(text.partition("\n\n")[0].split()),
    )(function)
