"""Write a project file that names each class of a dataset, to start from.

Example: curate define new labels/ -o project.yaml
Example: curate define new labels/ --uses person --uses box.visible
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options, output, streams


def new(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    source: options.Source = None,
    name: options.Name = None,
    from_: options.From = None,
    images: options.Images = None,
    size: options.Size = None,
    truth: options.Truth = None,
    class_ids: options.ClassIdsOption = None,
    uses: Annotated[
        list[str] | None,
        typer.Option(help="Shipped definitions to build on (default box.visible)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write.")
    ] = None,
    force: options.Force = False,
) -> int:
    """Reads the source; writes YAML, to stdout without -o."""
    from curate import defining, project
    from curate.definitions.files import gather
    from curate.folders import refuse_file, write_file
    from curate.formats import read

    settings = project.find(Path.cwd())
    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, truth=truth, class_ids=class_ids
    )
    path, told = project.resolve(settings, source, told)
    gather(uses or ())
    text = defining.new_project(read(streams.taken(context, path), told), uses or ["box.visible"])
    if out is None or streams.is_dash(out):
        output.result(text.removesuffix("\n"))
        return 0
    refuse_file(out, b"^schema: curate.definition/", "definition file", force=force)
    write_file(out, text.encode())
    output.result(f"{out}: say what counts, then run `curate define check {out}`")
    return 0
