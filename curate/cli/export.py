"""Write labels in another format, and say what that format cannot hold.

Records that are in that format already and unchanged are written byte for byte.

Example: curate export street --to voc -o street_voc
Example: curate export instances.json --to csv -o table --max-loss 0
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options, output, streams
from curate.cli.logs import LOG
from curate.errors import UsageError


class Ignored(StrEnum):
    """What is done with ignored objects where the target has no word for them."""

    KEEP_OUT = "keep-out"
    DROP_IMAGE = "drop-image"
    PAINT = "paint"
    LIST = "list"


def export(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            help="Format to write: coco, voc, kitti, kitti-tracking, yolo, mot, label-studio, "
            "cvat, crowdhuman, caltech, eurocity, citypersons, open-images, text-dets or csv."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder to write; - for stdout (one file: coco or csv)."
        ),
    ],
    source: options.Source = None,
    name: options.Name = None,
    from_: options.From = None,
    images: options.Images = None,
    size: options.Size = None,
    classes: options.Classes = None,
    truth: options.Truth = None,
    class_ids: options.ClassIdsOption = None,
    max_pixels: options.MaxPixels = None,
    ignored: Annotated[
        Ignored | None,
        typer.Option(
            help="Ignored objects and groups where the target has no word for them (yolo): leave "
            "them out, leave out their images, copy the pictures of --images painted grey there, "
            "or leave them out and list them in ignored.csv. Without it such an export is refused."
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="What all rows of yolo are made: detect, segment, pose or obb. Without it they "
            "are boxes, or polygons when every box has one."
        ),
    ] = None,
    fail_on: options.FailOn = None,
    max_loss: Annotated[
        int | None, typer.Option(help="Exit with 1 when more values than this are lost.")
    ] = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json_: options.Json = False,
) -> int:
    """Reads, writes, reports the losses."""
    from curate import project
    from curate.dataset import Findings
    from curate.folders import refuse_source
    from curate.formats import read, write

    to_stdout = streams.is_dash(out)
    if to_stdout:
        streams.refuse_unstreamed(to)
        if json_:
            raise UsageError("--json and -o - exclude each other", mend="give one of them")
    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, classes=classes, truth=truth,
        class_ids=class_ids, max_pixels=max_pixels,
    )  # fmt: skip
    settings = project.find(Path.cwd())
    path, told = project.resolve(settings, source, told)
    if not to_stdout:
        refuse_source(out, options.touched([(path, told)]))
    dataset = read(streams.taken(context, path), told)
    if to_stdout:
        if ignored is not None or kind is not None:
            option = "--ignored" if ignored is not None else "--kind"
            raise UsageError(f"{option} and -o - exclude each other", mend="give a folder with -o")
        report = streams.write_stdout(dataset, to, dry_run=dry_run)
    else:
        choice = None if ignored is None else ignored.value
        report = write(dataset, to, out, force=force, dry_run=dry_run, ignored=choice, kind=kind)
    shown = json.dumps(report.to_json(), ensure_ascii=False) if json_ else str(report)
    typer.echo(shown, err=to_stdout)
    LOG.info("%s", report)
    findings = Findings(dataset.findings, dataset)
    output.note_findings(findings)
    lost = sum(loss.count for loss in report.losses)
    if max_loss is not None and lost > max_loss:
        output.note(f"{lost} values lost, {max_loss} allowed by --max-loss")
        return 1
    return output.exit_code(findings, fail_on, settings)
