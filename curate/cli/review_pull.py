"""Bring back what people decided: tags, edits and deletions become decisions.

Example: curate review pull --from fiftyone --name curate/street -o decisions.parquet
Example: curate review pull --from fiftyone --view "missed objects" --ids missed.txt
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli import options, output
from curate.errors import UsageError, quote


class Tool(StrEnum):
    """Where people decided."""

    FIFTYONE = "fiftyone"


def pull(
    from_: Annotated[Tool, typer.Option("--from", help="Where people decided.")],
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The FiftyOne dataset; otherwise the only one that curate made."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Decisions: a file .parquet or .csv."),
    ] = None,
    who: Annotated[str | None, typer.Option(help="Who decided; FiftyOne does not know.")] = None,
    view: Annotated[
        str | None, typer.Option(metavar="VIEW", help="A saved view, whose images --ids lists.")
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="List of the view's images, for `browse --subset`."),
    ] = None,
    force: options.Force = False,
) -> int:
    """Reads FiftyOne, writes decisions, a list of images, or both."""
    from curate.browse.database import fiftyone, only_owned, owned
    from curate.browse.pulling import image_ids, pulled
    from curate.review.files import write_decisions

    if out is None and ids is None:
        raise UsageError("nothing is to be written", mend="give -o FILE, or --view and --ids")
    _refuse(out, ids, force=force)
    fo = fiftyone()
    name = only_owned(fo) if name is None else name
    dataset = owned(fo, name)
    if dataset is None:
        raise UsageError(
            f"there is no FiftyOne dataset {quote(name)}", mend="make it with `curate browse`"
        )
    if ids is not None:
        _write_ids(image_ids(_view(dataset, view)), ids)
    if out is not None:
        found = pulled(dataset, who=who)
        for note in found.notes:
            output.note(note)
        write_decisions(found.decisions, out)
        counts = found.decisions["verdict"].value_counts().sort_index()
        said = ", ".join(f"{verdict} {count}" for verdict, count in counts.items())
        output.result(f"{out}: {len(found.decisions)} decisions{f' ({said})' if said else ''}")
    return 0


def _refuse(out: Path | None, ids: Path | None, *, force: bool) -> None:
    from curate.folders import refuse_file
    from curate.review.files import ENDINGS

    if out is not None:
        if out.suffix.lower() not in ENDINGS:
            raise UsageError(
                f"-o {quote(out.name)} should end with {' or '.join(ENDINGS)}",
                mend="call it decisions.parquet",
            )
        refuse_file(out, b"PAR1|subject,", "file of decisions", force=force)
    if ids is not None:
        refuse_file(ids, rb"\A[0-9a-f]{16}\t", "list of images", force=force)


def _view(dataset: Any, view: str | None) -> Any:  # FiftyOne's own
    if view is None:
        return dataset
    if view not in dataset.list_saved_views():
        raise UsageError(
            f"there is no saved view {quote(view)}",
            mend=f"use one of: {', '.join(sorted(dataset.list_saved_views()))}",
        )
    return dataset.load_saved_view(view)


def _write_ids(images: list[tuple[int, str]], path: Path) -> None:
    from curate.folders import write_file

    lines = "".join(f"{image_id:016x}\t{key}\n" for image_id, key in images)
    write_file(path, lines.encode("utf-8", "backslashreplace"))
    output.result(f"{path}: {len(images)} images")
