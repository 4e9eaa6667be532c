"""Explain a check: what it finds, why that hurts, its parameters, the usual mend.

Example: curate explain BOX-002
Example: curate explain box-outside-image
"""

from __future__ import annotations

from typing import Annotated

import typer


def explain(
    check: Annotated[
        str | None, typer.Argument(help="Code or name of a check; all are listed without one.")
    ] = None,
) -> None:
    """Prints the manual page, or the list."""
    from curate import checks
    from curate.faults import FAULTS

    if check is not None:
        typer.echo(checks.explain(check))
        return
    kinds = [(kind.code, kind.level, kind.name) for kind in FAULTS.values()]
    kinds += [(own.code, own.level, own.name) for own in checks.CHECKS.values()]
    for code, level, name in sorted(kinds):
        typer.echo(f"{code}  {level:<7}  {name}")
