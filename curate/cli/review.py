"""Work with decisions: what people said of findings, boxes and images."""

from __future__ import annotations

import typer

from curate.cli import commands, review_apply, review_pull

app = typer.Typer(
    help=__doc__,
    short_help=" ".join((__doc__ or "").split()),
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=commands.HELP_WORDS,
)

commands.add(app, "pull", review_pull.pull, review_pull.__doc__)
commands.add(app, "apply", review_apply.apply, review_apply.__doc__)
