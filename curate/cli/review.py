"""Work with decisions: what people said of findings, boxes and images."""

from __future__ import annotations

import typer

from curate.cli import commands, review_apply

app = typer.Typer(
    help=__doc__,
    short_help=" ".join((__doc__ or "").split()),
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=commands.HELP_WORDS,
)

commands.add(app, "apply", review_apply.apply, review_apply.__doc__)


@app.callback()
def _group() -> None:
    """Keeps `apply` a word of its own while it is the only command."""
