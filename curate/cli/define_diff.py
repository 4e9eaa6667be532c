"""Show which boxes of a dataset change when a definition changes: before it is made.

Example: curate define diff person our.yaml --on labels/
Example: curate define diff old.yaml new.yaml --on labels/ --json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli import options, output, streams

if TYPE_CHECKING:
    from curate.defining import Impact

SHOWN_BOXES = 10


def diff(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    before: Annotated[str, typer.Argument(help="Definition as it is: a file, or a shipped one.")],
    after: Annotated[str, typer.Argument(help="Definition as it would be.")],
    on: Annotated[str | None, typer.Option(metavar="SOURCE", help="Labels to judge.")] = None,
    name: options.Name = None,
    from_: options.From = None,
    images: options.Images = None,
    size: options.Size = None,
    truth: options.Truth = None,
    class_ids: options.ClassIdsOption = None,
    vocabulary: options.Vocabulary = None,
    json_: options.Json = False,
    show_all: Annotated[bool, typer.Option("--all", help="List all boxes, not ten.")] = False,
) -> int:
    """Judges the source twice; 0 whether anything changes or not."""
    from curate import defining, project
    from curate.definitions.loading import load
    from curate.formats import read

    settings = project.find(Path.cwd())
    told = options.read_options(
        context, name=name, from_=from_, images=images, size=size, truth=truth, class_ids=class_ids
    )
    path, told = project.resolve(settings, on, told)
    pair = load([before]), load([after])
    dataset = read(streams.taken(context, path), told)
    found = defining.impact(*pair, dataset, vocabulary)
    if json_:
        output.result(json.dumps(_document(found), ensure_ascii=False))
        return 0
    for line in _lines(found, None if show_all else SHOWN_BOXES):
        output.result(line)
    return 0


def _document(found: Impact) -> dict[str, object]:
    from curate.tables import hex_id

    rows = found.boxes.to_dict("records")
    return {
        "schema": "curate.define-diff/1",
        "before": list(found.before.stated),
        "after": list(found.after.stated),
        "boxes": found.n_boxes,
        "changed": [{**row, "box_id": hex_id(int(row["box_id"]))} for row in rows],
        "counts": [
            {"column": column, "before": old, "after": new, "boxes": n}
            for column, old, new, n in found.counts()
        ],
    }


def _lines(found: Impact, n_shown: int | None) -> list[str]:
    lines = [f"{len(found.boxes)} of {found.n_boxes} boxes change"]
    lines += [f"  {column}: {old} -> {new}: {n}" for column, old, new, n in found.counts()]
    lines += [
        f"  {code}: {gone} boxes no longer fail it, {come} fail it now"
        for code, gone, come in found.clauses()
        if gone or come
    ]
    shown = found.boxes if n_shown is None else found.boxes.head(n_shown)
    for row in shown.to_dict("records"):
        changes = [
            f"{column} {row[f'{column}_before'] or 'none'} -> {row[f'{column}_after'] or 'none'}"
            for column in ("label", "role", "decision", "verdict", "clauses")
            if row[f"{column}_before"] != row[f"{column}_after"]
        ]
        lines.append(f"{row['image_key']}: {', '.join(changes)}")
    more = len(found.boxes) - len(shown)
    return lines + ([f"… {more} more (--all shows them)"] if more else [])
