"""The commands of `curate define`: check, compare, start and apply definitions."""

from __future__ import annotations

import typer

from curate.cli import define_apply, define_check, define_diff, define_new
from curate.cli.commands import add

HELP = "Check, compare, start and apply definitions of what counts as an object, a box, a person."

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
add(app, "check", define_check.check, define_check.__doc__)
add(app, "diff", define_diff.diff, define_diff.__doc__)
add(app, "new", define_new.new, define_new.__doc__)
add(app, "apply", define_apply.apply, define_apply.__doc__)
