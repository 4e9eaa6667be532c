"""Weigh a cascade: what its detector finds at each threshold, and what the classifier keeps.

MANIFEST is the folder of a crop set, or its manifest (Parquet or CSV; - for stdin). Recall has a
95% interval. PREDICTIONS are the classifier's answers: crop_id,label,score, or crop_id and a column
of probabilities for each class. All numbers are told in docs/cascade.md.

Example: curate cascade crops --split val
Example: curate cascade crops --classifier answers.csv --cost detector=4,classifier=1 -o out.html
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli import options, output, streams
from curate.errors import UsageError, quote

if TYPE_CHECKING:
    from curate.cascade import Cascade

_ENDINGS = (".csv", ".json", ".html")
# What the beginning of each form holds, so that --force replaces nothing else.
_MARKS = {
    ".csv": rb"^kind,threshold,proposals,",
    ".json": rb'^\{"schema": "curate\.cascade/',
    ".html": rb'<meta name="generator" content="curate ',
}


def cascade(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    manifest: Annotated[Path, typer.Argument(help="Folder of a crop set, or its manifest; -.")],
    classifier: Annotated[
        Path | None,
        typer.Option(metavar="PREDICTIONS", help="CSV of the classifier's answers; - for stdin."),
    ] = None,
    cost: Annotated[
        str | None,
        typer.Option(
            metavar="PART=NUMBER,…",
            help="What runs cost, in one unit: detector (per frame), classifier (per crop) and, if "
            "known, expensive (per frame; the model that the cascade spares).",
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only the crops of this split.")] = None,
    label: Annotated[
        str | None, typer.Option(help="The class that counts (default all but background).")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="SCORE,…", help="Detector thresholds that shall be in the sweep."),
    ] = None,
    accept: Annotated[
        float, typer.Option(help="Least probability, 0 to 1, of an answer that is an alarm.")
    ] = 0.5,
    max_fp_per_image: Annotated[
        float | None,
        typer.Option(
            help="False alarms per image that are allowed: for the best point, and for the band."
        ),
    ] = None,
    max_missed: Annotated[
        float,
        typer.Option(help="Share, 0 to 1, of the objects found that the band's sure no may lose."),
    ] = 0.01,
    trained_on: Annotated[
        str | None,
        typer.Option(
            metavar="SPLIT",
            help="Split that the classifier was trained on: its probabilities are corrected from "
            "the sampled to the natural share of background, as crops.json states them.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap over groups.")] = 0,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=f"File to write, in the form of its ending: {', '.join(_ENDINGS)}; may be "
            "repeated.",
        ),
    ] = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json_: options.Json = False,
) -> int:
    """Reads, measures, shows; 1 when no point keeps to the limit of false alarms."""
    from curate.cascade import Options, measure
    from curate.cascade.options import parse_costs
    from curate.folders import refuse_file, refuse_source

    given = [path for path in (manifest, classifier) if path is not None]
    files = [(path, _ending(path)) for path in out or () if not streams.is_dash(path)]
    for path, ending in files:
        refuse_source(path, [source for source in given if streams.is_path(source)])
        refuse_file(path, _MARKS[ending], "result of curate cascade", force=force)
    told = Options(
        split=split,
        label=label,
        at=_scores(at),
        accept=_share("--accept", accept),
        max_false_per_image=_limit(max_fp_per_image),
        max_missed_frac=_share("--max-missed", max_missed),
        trained_on=_trained_on(trained_on, classifier),
        costs=None if cost is None else parse_costs(cost),
        seed=_seed(seed),
    )
    answers = None if classifier is None else streams.taken(context, classifier)
    measured = measure(streams.taken(context, manifest), told, predictions=answers)
    measured = replace(measured, manifest=str(manifest))
    for note in measured.notes:
        output.note(f"note: {note}")
    if json_:
        typer.echo(json.dumps(measured.to_json(), ensure_ascii=False))
    else:
        output.result(str(measured))
    for path, ending in files:
        _write(measured, path, ending, dry_run=dry_run)
    return 0 if measured.keeps_limit else 1


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        raise UsageError(
            f"-o {quote(str(path))} has no ending of a result",
            mend=f"use one of {', '.join(_ENDINGS)}",
        )
    return ending


def _write(measured: Cascade, path: Path, ending: str, *, dry_run: bool) -> None:
    from curate import __version__
    from curate.cascade.page import to_html
    from curate.folders import write_file

    if not dry_run:
        if ending == ".csv":
            text = measured.csv_text()
        elif ending == ".json":
            text = json.dumps(measured.to_json(), ensure_ascii=False) + "\n"
        else:
            text = to_html(measured, version=__version__)
        # A lone surrogate, of a file name that is no text, is written as its escape.
        write_file(path, text.encode("utf-8", "backslashreplace"))
    # stdout is the result's alone: JSON stays JSON.
    output.note(f"{path} {'not written (--dry-run)' if dry_run else 'written'}", logging.INFO)


def _scores(text: str | None) -> tuple[float, ...]:
    found = []
    for word in [] if text is None else text.split(","):
        try:
            score = float(word)
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            what = f"--at has {quote(word)}, should be scores with commas between"
            raise UsageError(what, mend="write it as 0.25,0.5")
        found.append(score)
    return tuple(found)


def _share(option: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise UsageError(f"{option} is {value:g}, should be 0 to 1", mend="correct it")
    return value


def _limit(value: float | None) -> float | None:
    if value is not None and not 0 <= value < math.inf:
        what = f"--max-fp-per-image is {value:g}, should be a number of 0 or more"
        raise UsageError(what, mend="correct it")
    return value


def _seed(value: int) -> int:
    if value < 0:
        raise UsageError(f"--seed is {value}, should be 0 or more", mend="correct it")
    return value


def _trained_on(split: str | None, classifier: Path | None) -> str | None:
    if split is not None and classifier is None:
        what = "--trained-on is about a classifier, and there is none"
        raise UsageError(what, mend="give --classifier, or leave it out")
    return split
