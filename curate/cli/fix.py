"""Mend the boxes that clauses of definitions can mend; writes a new dataset with a log.

A clause whose action is fix gives the values that it states, one whose action is set_ignore the
role ignore. The source stays as it is: -o writes a dataset folder with every change in changes.csv.
`curate fix --undo OUT -o BEFORE` takes the changes of such a folder back, to the last digit. It
ends with 1 when boxes still do not meet a clause that was to mend them.

Example: curate fix street --definitions person --diff
Example: curate fix labels/ --definitions person --select VIS-002 -o street_fixed
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli import options, output, streams
from curate.errors import Place, SourceError, UsageError

if TYPE_CHECKING:
    from curate.definitions.model import Definitions
    from curate.fixing import Fixed


def fix(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    source: options.Source = None,
    definitions: options.Definitions = None,
    vocabulary: options.Vocabulary = None,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Only these clauses: codes or beginnings of codes, with commas between."),
    ] = None,
    map_: Annotated[
        bool,
        typer.Option("--map", help="Write labels and roles of the definitions' mapping, too."),
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show each change, box by box.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back what this command changed in a folder.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="Dataset folder to write.")
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
    """Reads, fixes, saves, reports."""
    from curate import project
    from curate.dataset import CHANGES_FILE, PRODUCT, Findings, save
    from curate.folders import refuse_overwrite, refuse_source

    rules = {"--definitions": definitions, "--vocabulary": vocabulary, "--select": select,
             "--map": map_}  # fmt: skip
    _refuse_clashes([option for option, value in rules.items() if value], is_undo=undo)
    if out is None and not (diff or dry_run):
        raise UsageError("nothing would be written or shown", mend="give -o FOLDER, or --diff")
    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, classes=classes, truth=truth,
        class_ids=class_ids, max_pixels=None,
    )  # fmt: skip
    settings = project.find(Path.cwd())
    path, told = project.resolve(settings, source, told)
    if out is not None:
        refuse_source(out, options.touched([(path, told)]))
        refuse_overwrite(out, PRODUCT, force=force)
    stated = None
    if undo:
        done = _undone(path)
    else:
        from curate.fixing import fix
        from curate.formats import read

        stated = settings.definitions_in_force(definitions)
        if stated is None:
            raise UsageError("no definitions given", mend="name them with --definitions")
        words = [word for text in select or () for word in text.replace(",", " ").split()]
        taken = read(streams.taken(context, path), told)
        done = fix(
            taken,
            stated,
            select=words or None,
            vocabulary=vocabulary or settings.vocabulary,
            with_mapping=map_,
        )
    if out is not None and not dry_run:
        beside = {} if undo else {CHANGES_FILE: done.log_csv()}
        save(done.dataset, out, force=force, beside=beside)
    written = None if dry_run else out
    _print(done, stated, written, with_diff=diff, as_json=json_)
    findings = Findings(done.dataset.findings, done.dataset)
    output.note_findings(findings)
    level = output.fail_level(fail_on, settings)
    is_left = level is not options.Level.NEVER and done.at_least(level.value)
    return max(int(is_left), output.exit_code(findings, fail_on, settings))


def _refuse_clashes(given: list[str], *, is_undo: bool) -> None:
    if is_undo and given:
        raise UsageError(
            "--undo goes by the log of a folder alone", mend=f"leave out {', '.join(given)}"
        )


def _undone(path: Path) -> Fixed:
    from curate.dataset import CHANGES_FILE, load
    from curate.fixing import undo

    dataset = load(path)
    try:
        log = (path / CHANGES_FILE).read_bytes()
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror}",
            place=Place(str(path / CHANGES_FILE)),
            mend="give the folder that `curate fix -o` wrote",
        ) from error
    return undo(dataset, log)


def _print(
    done: Fixed,
    definitions: Definitions | None,
    out: Path | None,
    *,
    with_diff: bool,
    as_json: bool,
) -> None:
    counts = Counter((one.clause, one.definition, one.column) for one in done.changes)
    if as_json:
        document = {
            "schema": "curate.fix/1",
            "output": None if out is None else str(out),
            "undone": definitions is None,
            "definitions": [] if definitions is None else list(definitions.stated),
            "boxes": len(done.dataset.boxes),
            "changed": done.n_boxes,
            "changes": [
                {"clause": clause, "definition": stated, "column": column, "boxes": count}
                for (clause, stated, column), count in sorted(counts.items())
            ],
            "left": [
                {
                    "clause": one.clause.id,
                    "name": one.clause.name,
                    "level": one.clause.severity,
                    "action": one.clause.action,
                    "before": one.before,
                    "after": one.after,
                    "applied": one.is_applied,
                }
                for one in done.left
            ],
            "diff": list(done.rows()) if with_diff else None,
        }
        output.result(json.dumps(document, ensure_ascii=False))
        return
    if with_diff:
        _print_diff(done)
    for (clause, stated, column), count in sorted(counts.items()):
        output.result(f"{clause} ({stated}): {column} of {count} boxes")
    for one in done.left:
        kind = f"{one.clause.severity}, {one.clause.action}"
        output.result(
            f"not met: {one.clause.id} {one.clause.name} ({kind}): {one.after} now, "
            f"{one.before} before"
        )
    where = "nothing written" if out is None else str(out)
    output.result(f"{len(done.changes)} values of {done.n_boxes} boxes changed -> {where}")


def _print_diff(done: Fixed) -> None:
    """A line for each box with its place, and below it one for each value that changed."""
    for _, of_box in groupby(done.rows(), key=lambda row: row["box_id"]):
        rows = list(of_box)
        first = rows[0]
        place = ":".join(text for text in (first["file"], first["line"]) if text)
        who = f" [{first['source_id']}]" if first["source_id"] else ""
        output.result(f"{place} {first['image']}{who} {first['box_id']}")
        for row in rows:
            old, new = (row[key] or "(unknown)" for key in ("old", "new"))
            output.result(f"  {row['column']}: {old} -> {new}  ({row['clause']})")
