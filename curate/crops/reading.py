"""The truth and the detections of a crop set, read from wherever they are."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from curate.crops.memory import give_back
from curate.dataset import Dataset, is_dataset_folder, load
from curate.errors import SourceError
from curate.formats import ReadOptions, read
from curate.formats.recognition import chosen
from curate.sources import MemorySources
from curate.tree import open_tree

_RESULTS = "coco-results"
_ANNOTATIONS = "coco"


def read_truth(path: Path, options: ReadOptions) -> Dataset:
    """The truth, without the bytes of its files, which crops do not need.

    Raises
    ------
    CurateError
        As `curate.read`.
    """
    return _light(read(path, options))


def read_detections(path: Path, options: ReadOptions, truth_path: Path | None) -> Dataset:
    """The detections; COCO results are read over the annotation files of the truth.

    Parameters
    ----------
    options
        How to read them. Pictures are opened only where coordinates are shares of their sizes.
    truth_path
        What the truth was read from: COCO annotations, or a dataset folder that keeps them.

    Raises
    ------
    CurateError
        As `curate.read`.
    """
    if truth_path is None or options.truth is not None or is_dataset_folder(path):
        return read_boxes(path, options)
    if chosen(open_tree(path), path, options.format, has_truth=True)[0] != _RESULTS:
        return read_boxes(path, options)
    if not is_dataset_folder(truth_path):
        name = chosen(open_tree(truth_path), truth_path, None, has_truth=False)[0]
        own = replace(options, truth=truth_path) if name == _ANNOTATIONS else options
        return read_boxes(path, own)
    with tempfile.TemporaryDirectory() as folder:
        kept = load(truth_path)
        files = [file for file, kind in kept.formats.items() if kind == _ANNOTATIONS]
        for number, file in enumerate(files):
            (Path(folder) / f"{number}.json").write_bytes(kept.sources.read(file))
        return read_boxes(path, replace(options, truth=Path(folder)) if files else options)


def read_boxes(path: Path, options: ReadOptions) -> Dataset:
    """The dataset, with pictures only where its coordinates are known by them alone.

    Raises
    ------
    CurateError
        As `curate.read`.
    """
    try:
        found = read(path, replace(options, images=None))
    except SourceError:
        # Shares of sizes that it does not state, most often; whatever else it is comes again.
        if options.images is None:
            raise
        return _light(read(path, options))
    if options.images is not None and len(found.boxes) and found.boxes["x1"].isna().all():
        found = read(path, options)
    return _light(found)


def _light(dataset: Dataset) -> Dataset:
    """The dataset without the bytes of its files, and the process without what reading it took."""
    give_back()
    return replace(dataset, sources=MemorySources({}), formats=dataset.formats)
