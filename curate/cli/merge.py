"""Join several sources into one dataset: names, classes, pictures that clash are told.

Classes are joined by name. Those that differ by case, white space, `_` or `-` alone need a word in
--map (the file that curate relabel takes). Image keys keep the name of their source.

Example: curate merge day night -o both
Example: curate merge a.json labels/ --names yard,road --map classes.yaml -o both
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli import options, output, streams
from curate.errors import UsageError


class Duplicates(StrEnum):
    """What to do with pictures that are equal byte for byte."""

    KEEP = "keep"
    DROP = "drop"


def merge(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Two or more: files, folders, zips, dataset folders, or names in curate.yaml."
        ),
    ],
    out: Annotated[Path, typer.Option("--output", "-o", help="Dataset folder to write.")],
    name: Annotated[str | None, typer.Option(help="Name of the merged dataset.")] = None,
    names: Annotated[
        str | None, typer.Option(help="Names of the sources, in their order, with commas between.")
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of the pictures: one for all, or one for each source in order."),
    ] = None,
    map_: Annotated[
        Path | None, typer.Option("--map", help="YAML file: what becomes of which class.")
    ] = None,
    duplicates: Annotated[
        Duplicates,
        typer.Option(help="Pictures equal byte for byte: keep all, or drop all but the first."),
    ] = Duplicates.KEEP,
    fail_on: options.FailOn = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json_: options.Json = False,
) -> int:
    """Reads, merges, saves, reports."""
    from curate import project
    from curate.dataset import CHANGES_FILE, PRODUCT, Findings, save
    from curate.folders import refuse_overwrite, refuse_source
    from curate.formats import ReadOptions, read
    from curate.merging import dropped_csv, merge
    from curate.relabeling import read_class_map

    settings = project.find(Path.cwd())
    called = _each("--names", names.split(",") if names else [None], len(sources))
    folders = _each("--images", list(images) if images else [None], len(sources))
    found = [
        project.resolve(settings, source, ReadOptions(name=own, images=folder))
        for source, own, folder in zip(sources, called, folders, strict=True)
    ]
    refuse_source(out, options.touched(found))
    refuse_overwrite(out, PRODUCT, force=force)
    parts = [read(streams.taken(context, path), told) for path, told in found]
    merged = merge(
        parts,
        name,
        classes=None if map_ is None else read_class_map(map_),
        duplicates=duplicates.value,
    )
    if not dry_run:
        save(merged.dataset, out, force=force, beside={CHANGES_FILE: dropped_csv(merged)})
    where = None if dry_run else str(out)
    if json_:
        document = merged.to_json() | {"output": where}
        output.result(json.dumps(document, ensure_ascii=False))
    else:
        output.result(f"{merged}\n-> {where or 'nothing written (--dry-run)'}")
    findings = Findings(merged.dataset.findings, merged.dataset)
    output.note_findings(findings)
    return output.exit_code(findings, fail_on, settings)


def _each(option: str, values: Sequence[Any], n_sources: int) -> Sequence[Any]:  # one option's kind
    """One value per source: the only one given stands for all, unless it is a name."""
    if len(values) == n_sources:
        return values
    if len(values) == 1 and (values[0] is None or option == "--images"):
        return [values[0]] * n_sources
    raise UsageError(
        f"{option} gives {len(values)} values for {n_sources} sources",
        mend="give one for each source, in their order",
    )
