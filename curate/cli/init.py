"""Write a curate.yaml for this folder: sources, limits of checks, when to fail.

Example: curate init
Example: curate init --source labels/ --images pictures/
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the project.")] = Path(),
    source: Annotated[Path | None, typer.Option(help="Labels to name in it.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of their pictures.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing one.")] = False,
) -> None:
    """Writes the file."""
    from curate import project

    path = project.write_new(folder, source=source, images=images, force=force)
    typer.echo(f"{path} written; next: curate audit")
