"""Write a curate.yaml for this folder: sources, limits of checks, when to fail.

Example: curate init
Example: curate init --source labels/ --images pictures/
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options, output


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the project.")] = Path(),
    source: Annotated[Path | None, typer.Option(help="Labels to name in it.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of their pictures.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing one.")] = False,
    dry_run: options.DryRun = False,
) -> None:
    """Writes the file."""
    from curate import project

    path = project.write_new(folder, source=source, images=images, force=force, dry_run=dry_run)
    ending = "not written (--dry-run)" if dry_run else "written; next: curate audit"
    output.result(f"{path} {ending}")
