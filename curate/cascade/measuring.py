"""A cascade measured on a manifest of crops: reading, sweep, both stages, the best points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from curate.cascade.bands import with_bands
from curate.cascade.options import Options
from curate.cascade.predictions import Answers, read_answers
from curate.cascade.priors import corrected, shift_of
from curate.cascade.reading import Manifest, read_manifest
from curate.cascade.result import Cascade, Recommended, records
from curate.cascade.stages import end_to_end, front
from curate.cascade.stream import Stream, stream_of
from curate.cascade.sweep import detector_sweep, points, share

# Names of a point: of the front, and of a sweep without classifier.
_OF_FRONT = {"end_recall": "recall", "end_precision": "precision"}
_OF_SWEEP = {"with_crop": "recall", "detector_false_per_image": "false_per_image"}
_POINT = (
    "threshold", "accept", "recall", "precision", "false_per_image", "crops_per_image",
    "cost_per_image", "speed_up",
)  # fmt: skip


def measure(
    manifest: Path, options: Options | None = None, *, predictions: Path | None = None
) -> Cascade:
    """The numbers of a cascade, from the crops of its detector and the answers of its classifier.

    Parameters
    ----------
    manifest
        A set's folder, or its manifest (Parquet or CSV).
    options
        How to measure; None: the defaults.
    predictions
        CSV of the classifier's answers; None: only the detector is measured.

    Raises
    ------
    SourceError
        When a file cannot be read, or is not what it should be.
    UsageError
        For a split, class or limit that does not exist, and answers on sampled crops.
    """
    options = options or Options()
    source = read_manifest(manifest)
    stream = stream_of(source, options)
    thresholds = points(stream.score, options.at)
    sweep = detector_sweep(stream, thresholds, options.costs, options.seed)
    stairs, notes = None, stream.notes
    if predictions is not None:
        answers = _answers(predictions, stream, source, options)
        sweep = end_to_end(stream, answers, sweep, options.accept, options.seed)
        if options.max_false_per_image is not None:
            sweep = with_bands(stream, answers, sweep, options)
        stairs = front(stream, answers, sweep, options.accept, options.costs)
        notes += answers.notes
    return Cascade(
        manifest=str(manifest),
        options=options,
        n_images=stream.n_images,
        n_objects=stream.n_objects,
        n_groups=stream.n_groups,
        outcomes=stream.outcomes,
        score_floor=_floor(source),
        sweep=sweep,
        front=stairs,
        recommended=_recommended(sweep, stairs, options.max_false_per_image),
        notes=notes,
    )


def _answers(path: Path, stream: Stream, source: Manifest, options: Options) -> Answers:
    answers = read_answers(path, stream, source.rows["crop_id"])
    if options.trained_on is None:
        return answers
    shift = shift_of(source, options.trained_on)
    return replace(answers, score=corrected(answers.score, shift))


def _floor(source: Manifest) -> float | None:
    stated = (source.summary or {}).get("score_floor")
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return None
    return float(stated)


def _recommended(
    sweep: pd.DataFrame, stairs: pd.DataFrame | None, limit: float | None
) -> tuple[Recommended, ...]:
    """The points that are best at something; none where there is no recall at all."""
    if stairs is None:
        table = sweep.drop(columns="recall").rename(columns=_OF_SWEEP)
    else:
        table = stairs.rename(columns=_OF_FRONT)
    table = table[(table["recall"] > 0).to_numpy(bool)]
    if table.empty:
        return ()
    recall, precision = table["recall"], table["precision"]
    table = table.assign(f1=share(2 * recall * precision, recall + precision))
    cost = "cost_per_image" if "cost_per_image" in table else "crops_per_image"
    most = ["recall", "false_per_image", cost, "threshold"]
    chosen = [
        ("most-recall", _first(table, most, [False, True, True, False])),
        ("best-f1", _first(table, ["f1", *most], [False, False, True, True, False])),
    ]
    most_false = np.inf if limit is None else limit
    within = table[(table["false_per_image"] <= most_false).to_numpy(bool)]
    if limit is not None and not within.empty:
        by = ["recall", cost, "false_per_image", "threshold"]
        chosen.append(("within-limit", _first(within, by, [False, True, True, False])))
    return tuple(Recommended(name, _point(row)) for name, row in chosen)


def _first(table: pd.DataFrame, by: list[str], ascending: list[bool]) -> pd.DataFrame:
    return table.sort_values(by, ascending=ascending, kind="stable").head(1)


def _point(row: pd.DataFrame) -> dict[str, float | None]:
    (told,) = records(row)
    return {name: told.get(name) for name in _POINT}
