"""Work with definitions: the files that say what counts, as what, and by which rules."""

from __future__ import annotations

import typer

from curate.cli import (
    commands,
    define_apply,
    define_check,
    define_diff,
    define_new,
    define_questions,
    define_show,
)

app = typer.Typer(
    help=__doc__,
    short_help=" ".join((__doc__ or "").split()),
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=commands.HELP_WORDS,
)

commands.add(app, "show", define_show.show, define_show.__doc__)
commands.add(app, "check", define_check.check, define_check.__doc__)
commands.add(app, "new", define_new.new, define_new.__doc__)
commands.add(app, "diff", define_diff.diff, define_diff.__doc__)
commands.add(app, "apply", define_apply.apply, define_apply.__doc__)
commands.add(app, "questions", define_questions.questions, define_questions.__doc__)
