"""Carry out what people decided on boxes and images; writes a new dataset with a log.

drop takes a box (or an image) out, fix gives a box another class, edit other edges or another
class. The source stays as it is: -o writes a dataset folder with every change in changes.csv. Of
several decisions on one box the latest holds. Decisions on boxes that are gone, or are no longer as
they were seen, are told and not carried out: then the command ends with 1 (--fail-on never: 0).

Example: curate review apply decisions.parquet street -o street_reviewed
Example: curate review apply decisions.csv labels/ --dry-run
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli import options, output, streams
from curate.errors import UsageError

if TYPE_CHECKING:
    from curate.review.applying import AppliedDecisions


def apply(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    decisions: Annotated[
        Path, typer.Argument(help="Decisions: a .parquet or .csv file; - for stdin.")
    ],
    source: options.Source = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(
            "--decisions",
            metavar="FILE",
            help="Further decisions, as if they stood behind the first; may be repeated.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Dataset folder to write."),
    ] = None,
    name: options.Name = None,
    from_: options.From = None,
    images: options.Images = None,
    size: options.Size = None,
    classes: options.Classes = None,
    truth: options.Truth = None,
    class_ids: options.ClassIdsOption = None,
    fail_on: options.FailOn = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json_: options.Json = False,
) -> int:
    """Reads, applies, saves, reports."""
    from curate import project
    from curate.dataset import CHANGES_FILE, PRODUCT, Findings, save
    from curate.folders import refuse_overwrite, refuse_source
    from curate.formats import read
    from curate.review.applying import applied
    from curate.review.files import read_decisions

    if out is None and not dry_run:
        raise UsageError("nothing would be written", mend="give -o FOLDER, or --dry-run")
    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, classes=classes, truth=truth,
        class_ids=class_ids, max_pixels=None,
    )  # fmt: skip
    settings = project.find(Path.cwd())
    path, told = project.resolve(settings, source, told)
    given = [decisions, *(also or ())]
    if out is not None:
        kept = [own for own in given if streams.is_path(own)]
        refuse_source(out, [*options.touched([(path, told)]), *kept])
        refuse_overwrite(out, PRODUCT, force=force)
    names = [streams.STDIN if streams.is_dash(own) else str(own) for own in given]
    table = read_decisions([streams.taken(context, own) for own in given], names)
    done = applied(read(streams.taken(context, path), told), table)
    written = None if dry_run else out
    if written is not None:
        save(done.dataset, written, force=force, beside={CHANGES_FILE: done.log_csv()})
    _print(done, written, as_json=json_)
    findings = Findings(done.dataset.findings, done.dataset)
    output.note_findings(findings)
    level = output.fail_level(fail_on, settings)
    is_left = level is not options.Level.NEVER and len(done.not_applied) > 0
    return max(int(is_left), output.exit_code(findings, fail_on, settings))


def _print(done: AppliedDecisions, out: Path | None, *, as_json: bool) -> None:
    from curate.dataset import CHANGES_FILE

    if as_json:
        output.result(json.dumps(_document(done, out), ensure_ascii=False))
    else:
        for (subject, verdict, fate), count in done.counts.items():
            output.result(f"{verdict} {subject}, {fate}: {count}")
        where = "nothing written" if out is None else f"{out}, every change in {out / CHANGES_FILE}"
        output.result(f"{len(done.log)} changes -> {where}")
    output.note_contradictions(done.held.contradictions)
    left = _left(done)
    for row in left[: output.SHOWN]:
        output.note(f"not applied: {row['about']}: {row['wanted']}: it {row['why']}")
    if len(left) > output.SHOWN:
        output.note(f"… {len(left) - output.SHOWN} more not applied (--json lists them)")
    for label in done.new_classes:
        output.note(f"a class that the source does not have: {label!r}")
    if done.n_findings:
        output.note(f"{done.n_findings} decisions on findings: curate audit --decisions takes them")


def _left(done: AppliedDecisions) -> list[dict[str, Any]]:
    """The decisions that were not carried out, as JSON values."""
    from curate.review.applying import NOT_APPLIED
    from curate.review.decisions import subject_of, wish

    return [
        {
            "about": subject_of(row),
            "wanted": wish(row),
            "fate": row["fate"],
            "why": " - ".join(NOT_APPLIED[row["fate"]]),
        }
        for row in done.not_applied.to_dict("records")
    ]


def _document(done: AppliedDecisions, out: Path | None) -> dict[str, Any]:
    return {
        "schema": "curate.review-apply/1",
        "output": None if out is None else str(out),
        "images": len(done.dataset.images),
        "boxes": len(done.dataset.boxes),
        "changes": len(done.log),
        "overruled": done.held.n_overruled,
        "on_findings": done.n_findings,
        "counts": [
            {"subject": subject, "verdict": verdict, "fate": fate, "decisions": count}
            for (subject, verdict, fate), count in done.counts.items()
        ],
        "not_applied": _left(done),
        "contradictions": [
            {"about": one.subject, "said": list(one.said)} for one in done.held.contradictions
        ],
        "new_classes": list(done.new_classes),
    }
