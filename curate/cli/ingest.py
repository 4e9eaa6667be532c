"""Read labels into a dataset folder; the source stays as it is.

Example: curate ingest labels/ --images pictures/ -o street
Example: curate ingest instances.json detections.json -o street
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options, output, streams
from curate.errors import UsageError


def ingest(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    out: Annotated[Path, typer.Option("--output", "-o", help="Dataset folder to write.")],
    sources: options.Sources = None,
    name: options.Name = None,
    from_: options.From = None,
    images: options.Images = None,
    size: options.Size = None,
    classes: options.Classes = None,
    truth: options.Truth = None,
    class_ids: options.ClassIdsOption = None,
    max_pixels: options.MaxPixels = None,
    fail_on: options.FailOn = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json_: options.Json = False,
) -> int:
    """Reads, saves, reports."""
    from curate import project
    from curate.dataset import PRODUCT, Findings, save
    from curate.folders import refuse_overwrite, refuse_source
    from curate.formats import read_all

    if streams.is_dash(out):
        raise UsageError("-o - is no folder, and a dataset is one", mend="give a folder with -o")
    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, classes=classes, truth=truth,
        class_ids=class_ids, max_pixels=max_pixels,
    )  # fmt: skip
    settings = project.find(Path.cwd())
    found = project.resolve_all(settings, sources or [], told)
    refuse_source(out, options.touched(found))
    refuse_overwrite(out, PRODUCT, force=force)
    paths = [streams.taken(context, path) for path, _ in found]
    dataset = read_all(paths, [own for _, own in found], name=name)
    if not dry_run:
        save(dataset, out, force=force)
    findings = Findings(dataset.findings, dataset)
    output.print_ingest(findings, out, as_json=json_, dry_run=dry_run)
    return output.exit_code(findings, fail_on, settings)
