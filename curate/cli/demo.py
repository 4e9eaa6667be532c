"""Draw a small street set with planted faults, ingest and audit it, and count what was found.

Example: curate demo
Example: curate demo -o street --seed 7
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options, output


def demo(
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder to draw into.")] = Path(
        "curate-demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the drawing; one seed, one set.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier demo.")] = False,
    dry_run: options.DryRun = False,
) -> int:
    """Draws, ingests, audits, counts."""
    from curate import walkthrough
    from curate.folders import refuse_overwrite

    if dry_run:
        refuse_overwrite(out, walkthrough.DEMO, force=force)
        output.result(f"{out} can be drawn; nothing written (--dry-run)")
        return 0
    result = walkthrough.run(out, seed=seed, force=force)
    output.result(walkthrough.to_text(result, out).removesuffix("\n"))
    return 0
