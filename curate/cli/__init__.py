"""The command line. Each command parses, calls one or two library functions, and prints.

This module and those it imports at once stay free of pandas and numpy: `curate --help` is quick.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from curate.cli import audit, demo, explain, export, ingest, init
from curate.errors import CurateError

# The base of all usage errors; typer carries its own copy of click and names it nowhere.
_UsageFault: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

app = typer.Typer(
    name="curate",
    help="Read, audit and convert detection labels without losing anything.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _help(text: str | None) -> str:
    # \b keeps the examples' lines as they are.
    return (text or "").replace("\nExample:", "\n\b\nExample:", 1)


app.command("init", help=_help(init.__doc__))(init.init)
app.command("ingest", help=_help(ingest.__doc__))(ingest.ingest)
app.command("audit", help=_help(audit.__doc__))(audit.audit)
app.command("explain", help=_help(explain.__doc__))(explain.explain)
app.command("export", help=_help(export.__doc__))(export.export)
app.command("demo", help=_help(demo.__doc__))(demo.demo)


def _version(value: bool) -> None:  # typer's callback takes the flag's value
    if value:
        from curate import __version__

        typer.echo(f"curate {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(  # a flag of the command line
        False, "--version", help="Print the version and stop.", is_eager=True, callback=_version
    ),
) -> None:
    pass


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code.

    0 done, nothing at or above --fail-on; 1 findings at or above it, or losses above --max-loss;
    2 nothing usable was produced; 3 a bug; 130 interrupted.
    """
    try:
        result = app(args=None if argv is None else list(argv), standalone_mode=False)
        return result if isinstance(result, int) else 0
    except CurateError as error:
        # A file name may hold a line feed: one error stays one line.
        typer.echo(f"curate: {error}".replace("\r", "\\r").replace("\n", "\\n"), err=True)
        return 2
    except _UsageFault as error:
        error.show()  # type: ignore[attr-defined]  # every ClickException has it
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
        typer.echo("curate: this is a bug; please report it with the lines above", err=True)
        return 3
