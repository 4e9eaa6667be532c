"""Look at labels, predictions and findings in FiftyOne: build or refresh a dataset, open its App.

What people tag, edit and delete there stays; `curate review pull --from fiftyone` brings it back.

Example: curate browse street --images pictures/ --audit audit.json
Example: curate browse street --images pictures/ --predictions detections.json --no-launch
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli import options, output, streams

if TYPE_CHECKING:
    from curate.browse.building import Built


def browse(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    source: options.Source = None,
    predictions: Annotated[
        Path | None,
        typer.Option(metavar="DETS", help="Detections to match with the labels, of any format."),
    ] = None,
    audit: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Findings: what `curate audit --json` printed of SOURCE. Without it those of the "
            "reader are shown.",
        ),
    ] = None,
    crops: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Crop set of `curate crops`.")
    ] = None,
    subset: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Images to tag with the file's name: a line for each, its id or key first; may be "
            "repeated.",
        ),
    ] = None,
    name: options.Name = None,
    dataset_name: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="Name of the FiftyOne dataset (default curate/SOURCE)."
        ),
    ] = None,
    from_: options.From = None,
    images: options.Images = None,
    size: options.Size = None,
    classes: options.Classes = None,
    truth: options.Truth = None,
    class_ids: options.ClassIdsOption = None,
    detector_format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="Format of DETS; told by content otherwise."),
    ] = None,
    definitions: options.Definitions = None,
    max_pixels: options.MaxPixels = None,
    port: Annotated[int, typer.Option(help="Port of the App on this machine.")] = 5151,
    view: Annotated[
        str | None, typer.Option(metavar="VIEW", help="Saved view to open the App with.")
    ] = None,
    no_launch: Annotated[
        bool, typer.Option("--no-launch", help="Build or refresh, and open no App.")
    ] = False,
    json_: options.Json = False,
) -> int:
    """Reads, builds, opens, waits."""
    from curate import project
    from curate.browse.app import opened, refuse_port
    from curate.browse.building import build
    from curate.browse.given import audit_of, manifest_of, read_both, subset_of
    from curate.formats import read

    if not no_launch:
        refuse_port(port)
    settings = project.find(Path.cwd())
    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, classes=classes, truth=truth,
        class_ids=class_ids, max_pixels=max_pixels,
    )  # fmt: skip
    path, told = project.resolve(settings, source, told)
    path = streams.taken(context, path)
    dataset, detected = (
        (read(path, told), None)
        if predictions is None
        else read_both(path, told, predictions, detector_format)
    )
    built = build(
        dataset,
        predictions=detected,
        findings=None if audit is None else audit_of(audit, dataset),
        crops=None if crops is None else manifest_of(crops),
        subsets=dict(subset_of(file, dataset) for file in subset or ()),
        definitions=settings.definitions_in_force(definitions),
        name=dataset_name,
    )
    _tell(built, address=None if no_launch else f"http://127.0.0.1:{port}/", is_json=json_)
    if no_launch:
        return 0
    with opened(built, port, view) as session:
        output.note(f"{session.address} until Ctrl-C")
        session.wait()
    return 0


def _tell(built: Built, *, address: str | None, is_json: bool) -> None:
    """Prints what the FiftyOne dataset shows now, and where."""
    for note in built.notes:
        output.note(note)
    counts = {
        "new": built.n_new, "changed": built.n_changed, "gone": built.n_gone, "kept": built.n_kept
    }  # fmt: skip
    if is_json:
        document = {
            "schema": "curate.browse/1",
            "dataset": built.name,
            "samples": counts,
            "views": list(built.views),
            "notes": list(built.notes),
            "address": address,
        }
        output.result(json.dumps(document, ensure_ascii=False))
        return
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    output.result(f"{built.name}: samples {said}; {len(built.views)} saved views")
