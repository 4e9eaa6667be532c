"""Training code that reads labels: what it would do to a dataset without stopping."""

from __future__ import annotations

import importlib

import pandas as pd

from curate.assembly import findings_table
from curate.dataset import Dataset
from curate.errors import UsageError, quote

# The module that tells what each does, and the one format that it loads.
LOADERS: dict[str, tuple[str, str]] = {"ultralytics": ("curate.formats.yolo.ultralytics", "yolo")}


def loader_findings(dataset: Dataset, loader: str) -> pd.DataFrame:
    """What a loader of `LOADERS` would do to the labels without stopping: a findings table.

    Raises
    ------
    UsageError
        For a loader that is not known, and for labels that are not of its format.
    SourceError
        When the folder of the joined pictures is no longer there.
    """
    if loader not in LOADERS:
        raise UsageError(
            f"--for {quote(loader)} is no loader, should be one of {', '.join(LOADERS)}",
            mend="choose one of them",
        )
    module, target = LOADERS[loader]
    if dataset.format != target:
        raise UsageError(
            f"--for {loader} judges labels of the format {target}, these are {dataset.format}",
            mend=f"export them first (--to {target}), and audit what was written",
        )
    found = importlib.import_module(module).faults(dataset)
    return findings_table(found, dataset.images, dataset.boxes, dataset.name)
