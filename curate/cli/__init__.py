"""The command line. Each command parses, calls one or two library functions, and prints.

This module and those it imports at once stay free of pandas and numpy: `curate --help` is quick.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import (
    audit,
    bars,
    browse,
    cascade,
    commands,
    crops,
    define,
    demo,
    doctor,
    explain,
    export,
    fix,
    ingest,
    init,
    logs,
    merge,
    output,
    relabel,
    review,
)
from curate.errors import CurateError

# The base of all usage errors; typer carries its own copy of click and names it nowhere.
_UsageFault: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

app = typer.Typer(
    name="curate",
    help="Read, audit and convert detection labels without losing anything.",
    epilog="Exit code: 0 done; 1 findings at or above --fail-on, or more losses than --max-loss; "
    "2 nothing usable was produced; 3 a bug; 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings=commands.HELP_WORDS,
)


_add = partial(commands.add, app)
_add("init", init.init, init.__doc__)
_add("ingest", ingest.ingest, ingest.__doc__)
_add("audit", audit.audit, audit.__doc__)
_add("explain", explain.explain, explain.__doc__)
_add("fix", fix.fix, fix.__doc__)
_add("export", export.export, export.__doc__)
_add("merge", merge.merge, merge.__doc__)
_add("relabel", relabel.relabel, relabel.__doc__)
_add("crops", crops.crops, crops.__doc__)
_add("cascade", cascade.cascade, cascade.__doc__)
_add("browse", browse.browse, browse.__doc__)
_add("doctor", doctor.doctor, doctor.__doc__)
_add("demo", demo.demo, demo.__doc__)
app.add_typer(define.app, name="define")
app.add_typer(review.app, name="review")


def _version(value: bool) -> None:  # typer's callback takes the flag's value
    if value:
        from curate import __version__

        typer.echo(f"curate {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and stop.", is_eager=True, callback=_version
        ),
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Append what the command does to this file, with the time: its words, what it "
            "says, its exit code, and the traceback of a bug. Stands before the command.",
            callback=logs.opened,
        ),
    ] = None,
) -> None:
    pass


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code.

    0 done, nothing at or above --fail-on; 1 findings at or above it, or losses above --max-loss;
    2 nothing usable was produced; 3 a bug; 130 interrupted.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    with logs.closed_after():
        code = _exit_code(words)
        logs.LOG.info("exit %d", code)
    return code


def _exit_code(words: list[str]) -> int:
    try:
        with bars.on_terminal():
            result = app(args=words, standalone_mode=False, obj=words)
        return result if isinstance(result, int) else 0
    except CurateError as error:
        # A file name may hold a line feed: one error stays one line.
        text = f"curate: {error}".replace("\r", "\\r").replace("\n", "\\n")
        output.note(text, logging.ERROR)
        return 2
    except _UsageFault as error:
        error.show()  # type: ignore[attr-defined]  # every ClickException has it
        logs.LOG.error("curate: %s", error)
        return 2
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except (BrokenPipeError, SystemExit):
        # `curate audit ... | head` ends quietly; stdout must not be flushed once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001  # the last resort: a bug is reported as one
        traceback.print_exc()
        logs.LOG.exception("curate: this is a bug")
        typer.echo("curate: this is a bug; please report it with the lines above", err=True)
        return 3
