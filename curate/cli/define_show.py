"""Show a definition as a page for those who draw the boxes: what counts, the rules, the reasons.

As HTML the page has pictures and is one file that needs nothing else.

Example: curate define show person
Example: curate define show project.cameras -o guide.html
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options, streams, texts
from curate.errors import UsageError, quote


class Form(StrEnum):
    """What the page is written in."""

    MD = "md"
    HTML = "html"


_ENDINGS = {".md": Form.MD, ".markdown": Form.MD, ".html": Form.HTML, ".htm": Form.HTML}
_KINDS = {
    Form.MD: texts.Kind(rb"^<!-- curate define show: ", "guide of curate as Markdown"),
    Form.HTML: texts.Kind(
        rb'<meta name="generator" content="curate define show: ', "guide of curate as HTML"
    ),
}


def show(
    definition: Annotated[str, options.DEFINITION],
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write, .md or .html; stdout otherwise."),
    ] = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="md (default) or html; told by -o otherwise.")
    ] = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
) -> None:
    """Prints the page, or writes it."""
    own = _form(out, form)
    from curate.definitions.guide import guide
    from curate.definitions.guide_html import to_html
    from curate.definitions.guide_markdown import to_markdown
    from curate.definitions.loading import load

    page = guide(load([definition]))
    text = to_html(page) if own is Form.HTML else to_markdown(page)
    texts.put(text, _KINDS[own], out, force=force, dry_run=dry_run)


def _form(out: Path | None, form: Form | None) -> Form:
    """The form that is asked for by --format, or by the ending of -o.

    Raises
    ------
    UsageError
        For another ending, and for one that stands for the other form.
    """
    if out is None or streams.is_dash(out):
        return form or Form.MD
    by_ending = _ENDINGS.get(out.suffix.lower())
    if by_ending is None:
        raise UsageError(f"-o {quote(str(out))} has the ending of no page", mend="use .md or .html")
    if form not in (None, by_ending):
        raise UsageError(
            f"--format {form} and -o {quote(str(out))} ask for two forms", mend="leave one out"
        )
    return by_ending
