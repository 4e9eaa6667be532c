"""Give the boxes of a source labels and roles by definitions, each with its reason.

Example: curate define apply labels/ --definitions person
Example: curate define apply labels/ --definitions our.yaml -o decided
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli import options, output, streams
from curate.errors import UsageError

if TYPE_CHECKING:
    from curate.defining import Applied


def apply(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    source: options.Source = None,
    name: options.Name = None,
    from_: options.From = None,
    images: options.Images = None,
    size: options.Size = None,
    truth: options.Truth = None,
    class_ids: options.ClassIdsOption = None,
    definitions: options.Definitions = None,
    vocabulary: options.Vocabulary = None,
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Dataset folder to write."),
    ] = None,
    drop_excluded: Annotated[
        bool,
        typer.Option("--drop-excluded", help="Leave boxes of role exclude out of what is written."),
    ] = False,
    json_: options.Json = False,
    force: options.Force = False,
) -> int:
    """Maps, counts, and writes a dataset whose every box says why it is what it is."""
    from curate import defining, project
    from curate.dataset import PRODUCT, REASONS_FILE, save
    from curate.folders import refuse_overwrite, refuse_source
    from curate.formats import read

    settings = project.find(Path.cwd())
    rules = settings.definitions_in_force(definitions)
    if rules is None:
        raise UsageError("no definition is given", mend="add --definitions person, or a file")
    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, truth=truth, class_ids=class_ids
    )
    path, told = project.resolve(settings, source, told)
    if out is not None:
        refuse_source(out, options.touched([(path, told)]))
        refuse_overwrite(out, PRODUCT, force=force)
    done = defining.applied(
        read(streams.taken(context, path), told),
        rules,
        vocabulary or settings.vocabulary,
        drop_excluded=drop_excluded,
    )
    if out is not None:
        save(done.dataset, out, force=force, beside={REASONS_FILE: done.reasons_csv()})
    if json_:
        output.result(json.dumps(_document(done, out), ensure_ascii=False))
        return 0
    output.result(f"by {', '.join(rules.stated)}")
    for row in done.counts:
        output.result(
            f"{row.source}: {row.source_class} -> {row.role}, {row.decision}: {row.boxes}"
        )
    if out is not None:
        output.result(f"-> {out}, the reason of each box in {out / REASONS_FILE}")
    return 0


def _document(done: Applied, out: Path | None) -> dict[str, object]:
    return {
        "schema": "curate.define-apply/1",
        "definitions": list(done.definitions),
        "output": None if out is None else str(out),
        "boxes": len(done.dataset.boxes),
        "counts": [row.__dict__ for row in done.counts],
    }
