"""Explain a check (what it finds, why that hurts, the usual mend) or a format (what is read, lost).

Example: curate explain BOX-002
Example: curate explain format:voc
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from curate.checks import Check

_FORMAT = "format:"


def explain(
    word: Annotated[
        str | None,
        typer.Argument(
            metavar="CHECK|format:NAME",
            help="Code or name of a check or of a clause of a shipped definition, or format: and "
            "the name of a format. All checks are "
            "listed without a word, all formats by 'format:'.",
        ),
    ] = None,
    checks_: Annotated[
        list[Path] | None,
        typer.Option(
            "--checks",
            metavar="FILE",
            help="Also the checks of this Python file, which is run: give only one that you trust.",
        ),
    ] = None,
) -> None:
    """Prints the manual page, or the list."""
    if word is None:
        typer.echo("\n".join(_checks(checks_ or ())))
    elif word == _FORMAT:
        typer.echo("\n".join(_formats()))
    elif word.startswith(_FORMAT):
        from curate.formats import manual

        typer.echo(manual.page(word.removeprefix(_FORMAT)), nl=False)
    else:
        from curate import checks, defining

        typer.echo(defining.shipped_page(word) or checks.explain(word, _own(checks_ or ())))


def _own(files: Iterable[Path]) -> list[Check]:
    from curate.checks import from_file

    return [check for file in files for check in from_file(file)]


def _checks(files: Iterable[Path]) -> list[str]:
    from curate.checks import CHECKS, installed
    from curate.faults import FAULTS

    kinds = [(kind.code, kind.level, kind.name) for kind in FAULTS.values()]
    kinds += [
        (own.code, own.level, own.name) for own in (*CHECKS.values(), *installed(), *_own(files))
    ]
    return [f"{code}  {level:<7}  {name}" for code, level, name in sorted(kinds)]


def _formats() -> list[str]:
    from curate.formats import manual

    width = max(map(len, manual.names()))
    return [f"{name:<{width}}  {manual.title(name)}" for name in manual.names()]
