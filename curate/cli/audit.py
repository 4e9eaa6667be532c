"""Find what is wrong with labels: place, fault and mend of each finding.

Example: curate audit instances.json --definitions person
Example: curate audit street --images pictures/ -o audit.html -o audit.sarif
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli import options, output, reports, streams, working
from curate.cli.reports import PRINTED_CHARS, Format
from curate.errors import UsageError

if TYPE_CHECKING:
    from curate.checks import Check
    from curate.definitions.model import Definitions
    from curate.report import Rule


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
    definitions: options.Definitions = None,
    vocabulary: options.Vocabulary = None,
    fail_on: options.FailOn = None,
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="How to show on stdout (default text; with -o nothing)."),
    ] = None,
    json_: options.Json = False,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=f"Report to write, in the form of its ending: {', '.join(reports.ENDINGS)}; may "
            "be repeated; - for stdout.",
        ),
    ] = None,
    show_all: Annotated[
        bool,
        typer.Option(
            "--all", help="Show all findings, not ten of each check, and all members of each."
        ),
    ] = False,
    no_pixels: Annotated[
        bool,
        typer.Option("--no-pixels", help="Leave pictures out of HTML, for those that must stay."),
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Findings that are known: they do not fail, and text leaves them out.",
        ),
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all findings as a baseline: they are known now."),
    ] = None,
    show_known: Annotated[
        bool, typer.Option("--known", help="Show the findings that are known, too.")
    ] = False,
    waivers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML file of findings that may stand, each with reason, author and last day.",
        ),
    ] = None,
    decisions: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="What people decided on findings (.parquet, .csv): false alarms are left out, and "
            "each check's precision is told; may be repeated.",
        ),
    ] = None,
    today: Annotated[
        str | None, typer.Option(hidden=True, help="The day that waivers are held against.")
    ] = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
) -> int:
    """Reads, checks, shows."""
    from curate import auditing as library
    from curate import checks, project

    shown = _shown(format_, out or (), as_json=json_)
    settings = project.find(Path.cwd())
    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, classes=classes, truth=truth,
        class_ids=class_ids, max_pixels=max_pixels,
    )  # fmt: skip
    path, told = project.resolve(settings, source, told)
    sources = options.touched([(path, told)])
    files = reports.outputs(out or (), sources, force=force)
    work = working.prepared(
        context, settings, sources,
        baseline=baseline, write=write_baseline, waivers=waivers, decisions=decisions or (),
        today=today, force=force,
    )  # fmt: skip
    taken = streams.taken(context, path)
    chosen = _words(select) or settings.select, _words(ignore) or settings.ignore
    definitions_ = settings.definitions_in_force(definitions)
    own = [check for file in checks_ or () for check in checks.from_file(file)]
    work.refuse_unknown_checks(own, definitions_)
    findings = library.audit(
        taken, told, select=chosen[0], ignore=chosen[1], params=settings.params, loader=for_,
        definitions=definitions_, vocabulary=vocabulary or settings.vocabulary, extra=own,
    )  # fmt: skip
    rules = _rules(*chosen, own, definitions_)
    ran = {word for rule in rules for word in (rule.code, rule.name)}
    findings = work.settled(findings, ran)
    report = reports.Report(
        findings,
        source or findings.dataset.name,
        folder=reports.folder_of(path, findings.dataset.sources.names()),
        rules=rules,
        fail_on=str(fail_on or settings.fail_on or options.Level.ERROR),
        show_all=show_all,
        show_known=show_known,
        with_pixels=not no_pixels,
        baseline=None if work.baseline is None else work.baseline.counts,
    )
    if shown is not None:
        _show(report.parts(shown))
    reports.write(report, files.items(), dry_run=dry_run)
    work.write(findings, dry_run=dry_run)
    output.summary(findings)
    return output.exit_code(findings, fail_on, settings)


def _shown(format_: Format | None, out: Collection[Path], *, as_json: bool) -> Format | None:
    """What is shown on stdout; None when files alone were asked for."""
    if as_json and format_ not in (None, Format.JSON):
        raise UsageError(
            f"--json and --format {format_} exclude each other", mend="give one of them"
        )
    if as_json:
        return Format.JSON
    only_files = out and not any(map(streams.is_dash, out))
    return None if format_ is None and only_files else format_ or Format.TEXT


def _rules(
    select: Collection[str] | None,
    ignore: Collection[str] | None,
    own: Collection[Check],
    definitions: Definitions | None,
) -> list[Rule]:
    """The checks and clauses that ran, with their manual pages."""
    from curate import checks
    from curate.defining import clause_page
    from curate.faults import FAULTS
    from curate.report import Rule

    clauses = {} if definitions is None else {clause.id: clause for clause in definitions.clauses}
    extra = {check.code: check for check in (*checks.installed(), *own)}
    known = FAULTS | checks.CHECKS | extra
    names = {clause.id: clause.name for clause in clauses.values()}
    codes = sorted(checks.selected(select, ignore, own, names))
    kinds = [(code, known[code]) for code in codes if code not in clauses]
    rules = [Rule(code, kind.name, kind.level, checks.explain(code, own)) for code, kind in kinds]
    return rules + [
        Rule(code, clauses[code].name, clauses[code].severity, clause_page(clauses[code]))
        for code in codes
        if code in clauses
    ]


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
