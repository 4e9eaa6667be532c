"""Find what is wrong with labels: place, fault and mend of each finding.

Example: curate audit instances.json
Example: curate audit street --images pictures/ --json > findings.json
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options, output, streams
from curate.errors import UsageError

# Each print flushes stdout: one per finding would cost more than making it.
PRINTED_CHARS = 1 << 18


class Format(StrEnum):
    """How findings are shown."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def audit(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    source: options.Source = None,
    name: options.Name = None,
    from_: options.From = None,
    images: options.Images = None,
    size: options.Size = None,
    classes: options.Classes = None,
    truth: options.Truth = None,
    class_ids: options.ClassIdsOption = None,
    max_pixels: options.MaxPixels = None,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Only these checks: codes, names, beginnings, with commas between."),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Not these checks.")] = None,
    checks_: Annotated[
        list[Path] | None,
        typer.Option(
            "--checks",
            metavar="FILE",
            help="Also the checks of this Python file (CHECKS, a list of curate.checks.Check). The "
            "file is code and is run: give only one that you trust.",
        ),
    ] = None,
    for_: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="LOADER",
            help="Also what this training code would do to the labels without stopping: "
            "ultralytics (labels of yolo; checks ULT).",
        ),
    ] = None,
    fail_on: options.FailOn = None,
    format_: Annotated[Format, typer.Option("--format", help="How to show.")] = Format.TEXT,
    json_: options.Json = False,
    show_all: Annotated[
        bool,
        typer.Option(
            "--all", help="Show all findings, not ten of each check, and all members of each."
        ),
    ] = False,
) -> int:
    """Reads, checks, shows."""
    from curate import auditing as library
    from curate import checks, project, report

    if json_ and format_ is Format.CSV:
        raise UsageError("--json and --format csv exclude each other", mend="give one of them")
    settings = project.find(Path.cwd())
    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, classes=classes, truth=truth,
        class_ids=class_ids, max_pixels=max_pixels,
    )  # fmt: skip
    path, told = project.resolve(settings, source, told)
    findings = library.audit(
        streams.taken(context, path),
        told,
        select=_words(select) or settings.select,
        ignore=_words(ignore) or settings.ignore,
        params=settings.params,
        loader=for_,
        extra=[check for file in checks_ or () for check in checks.from_file(file)],
    )
    if json_ or format_ is Format.JSON:
        parts = report.json_parts(findings, source or findings.dataset.name)
    elif format_ is Format.CSV:
        parts = report.csv_parts(findings, show_all=show_all)
    else:
        parts = report.text_parts(findings, show_all=show_all)
    _show(parts)
    output.summary(findings)
    return output.exit_code(findings, fail_on, settings)


def _show(parts: Iterable[str]) -> None:
    """Prints as it goes: the text of a million findings would fill the memory."""
    waiting, n_chars = [], 0
    for part in parts:
        waiting.append(part)
        n_chars += len(part)
        if n_chars >= PRINTED_CHARS:
            typer.echo("".join(waiting), nl=False)
            waiting, n_chars = [], 0
    typer.echo("".join(waiting), nl=False)


def _words(given: list[str] | None) -> list[str]:
    return [word.strip() for text in given or () for word in text.split(",") if word.strip()]
