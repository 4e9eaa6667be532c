"""Write the questions of a definition as a form of Label Studio: its labelling configuration.

What columns cannot tell is asked: of each box, or of each image.

Example: curate define questions person
Example: curate define questions project.cameras -o form.xml
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options, streams, texts
from curate.errors import UsageError, quote

_KIND = texts.Kind(rb"<!-- curate define questions: ", "form of curate")


def questions(
    definition: Annotated[str, options.DEFINITION],
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, .xml; stdout otherwise.")
    ] = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
) -> None:
    """Prints the form, or writes it."""
    if out is not None and not streams.is_dash(out) and out.suffix.lower() != ".xml":
        raise UsageError(f"-o {quote(str(out))} is no name of a form", mend="use .xml")
    from curate.definitions.loading import load
    from curate.definitions.questions import to_xml

    texts.put(to_xml(load([definition])), _KIND, out, force=force, dry_run=dry_run)
