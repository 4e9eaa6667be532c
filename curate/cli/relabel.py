"""Rename, join or set aside classes by a map; writes a new dataset with a log of every change.

The map is a YAML file: `version: 1`, then `classes:` with a line `class: new name` for each class;
the same name keeps it, `~` keeps its boxes but sets them aside (role ignore).

Example: curate relabel street --map classes.yaml -o street_3_classes
Example: curate relabel labels/ --map classes.yaml -o street_3_classes --dry-run
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options, output, streams


def relabel(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    map_: Annotated[Path, typer.Option("--map", help="YAML file: what becomes of each class.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="Dataset folder to write.")],
    source: options.Source = None,
    name: options.Name = None,
    from_: options.From = None,
    images: options.Images = None,
    size: options.Size = None,
    classes: options.Classes = None,
    fail_on: options.FailOn = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json_: options.Json = False,
) -> int:
    """Reads, relabels, saves, reports."""
    from curate import project
    from curate.dataset import CHANGES_FILE, PRODUCT, Findings, save
    from curate.folders import refuse_overwrite, refuse_source
    from curate.formats import read
    from curate.relabeling import read_class_map, relabel

    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, classes=classes, truth=None,
        class_ids=None, max_pixels=None,
    )  # fmt: skip
    settings = project.find(Path.cwd())
    path, told = project.resolve(settings, source, told)
    refuse_source(out, options.touched([(path, told)]))
    refuse_overwrite(out, PRODUCT, force=force)
    done = relabel(read(streams.taken(context, path), told), read_class_map(map_))
    if not dry_run:
        save(done.dataset, out, force=force, beside={CHANGES_FILE: done.log_csv()})
    changes = zip(done.log["column"], done.log["old"], done.log["new"], strict=True)
    rows = [
        {"column": column, "old": old, "new": new, "boxes": count}
        for (column, old, new), count in sorted(Counter(changes).items())
    ]
    if json_:
        document = {
            "schema": "curate.relabel/1",
            "output": None if dry_run else str(out),
            "boxes": len(done.dataset.boxes),
            "changes": rows,
            "unused": list(done.unused),
        }
        output.result(json.dumps(document, ensure_ascii=False))
    else:
        for row in rows:
            output.result(f"{row['column']} {row['old']} -> {row['new']}: {row['boxes']} boxes")
        where = f"{out}, every change in {out / CHANGES_FILE}"
        where = "nothing written (--dry-run)" if dry_run else where
        output.result(f"{len(done.log)} values changed -> {where}")
    if done.unused:
        output.note(f"in the map, but no class of the source: {', '.join(done.unused)}")
    findings = Findings(done.dataset.findings, done.dataset)
    output.note_findings(findings)
    return output.exit_code(findings, fail_on, settings)
