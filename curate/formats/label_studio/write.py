"""Writing Label Studio: tasks from the columns, or back into the files that were read."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from curate.dataset import Dataset
from curate.formats.label_studio.make import BOX_COLUMNS, LACK, has_place, holds, make, tells
from curate.formats.label_studio.read import NAME, gather_sized
from curate.formats.label_studio.regions import Size
from curate.formats.label_studio.splice import splice
from curate.formats.line_files import line_images
from curate.formats.per_image import EDGES
from curate.formats.reading import KeptFiles, Options
from curate.formats.record_files import RecordFormat, write_records
from curate.formats.writing import LossReport

_STAYS = "the tasks stay as they were"


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `label-studio.json` into an existing, empty folder.

    Parameters and errors are those of `record_files.write_records`.
    """
    sizes: dict[str, Size] = {}
    if original is not None:
        sizes = _picture_sizes(dataset)
        original = _placed(dataset, original, sizes)
    kind = replace(_LABEL_STUDIO, edit=partial(splice, sizes=sizes))
    return write_records(kind, dataset, folder, original)


def _picture_sizes(dataset: Dataset) -> dict[str, Size]:
    """The px of the images by name, without names that several sources use for different sizes."""
    sizes: dict[str, set[Size]] = defaultdict(set)
    for image in line_images(dataset.images):
        if image.width and image.height:
            sizes[image.name].add((int(image.width), int(image.height)))
    return {name: next(iter(found)) for name, found in sizes.items() if len(found) == 1}


def _placed(dataset: Dataset, original: Dataset, sizes: dict[str, Size]) -> Dataset:
    """The original with the places of regions that only the pictures' sizes give.

    Kept sources are read again without pictures: what they placed would look like a change.
    """
    lacks = original.boxes["x1"].isna() & original.boxes["start"].notna()
    has = dataset.boxes["x1"].notna()
    lacks &= original.boxes["box_id"].isin(dataset.boxes.loc[has, "box_id"])
    if not lacks.any():
        return original
    names = [name for name, kind in original.formats.items() if kind == NAME]
    found = gather_sized(KeptFiles(original.sources), names, Options(), sizes).boxes
    spots = zip(found["file"], found["start"], strict=True)
    columns = [*EDGES, "angle_deg"]
    places = dict(zip(spots, zip(*(found[n] for n in columns), strict=True), strict=True))
    boxes = original.boxes.copy()
    rows = np.flatnonzero(lacks.to_numpy())
    wanted = zip(boxes["file"].iloc[rows], boxes["start"].iloc[rows], strict=True)
    values = np.array([places[file, start] for file, start in wanted], np.float64)
    for number, name in enumerate(columns):
        boxes.loc[rows, name] = values[:, number]
    # A region without a place has the shape of its type: one that is turned is known by it.
    shapes = dict(zip(zip(found["file"], found["start"], strict=True), found["shape"], strict=True))
    wanted = zip(boxes["file"].iloc[rows], boxes["start"].iloc[rows], strict=True)
    boxes.loc[rows, "shape"] = [shapes[file, start] for file, start in wanted]
    return original.with_tables(boxes=boxes)


_LABEL_STUDIO = RecordFormat(
    name=NAME,
    title="Label Studio",
    lack=LACK,
    held="choices, boxes and points with their places",
    image_columns=frozenset({"width", "height", "label_state", "source_id"}),
    box_columns=BOX_COLUMNS | {"origin"},
    kept_images={
        "label_state": "a task tells it by its annotations",
        **dict.fromkeys(
            ("image_key", "width", "height", "declared_width", "declared_height"), _STAYS
        ),
    },
    holds=holds,
    tells=tells,
    make=make,
    edit=partial(splice, sizes={}),
    has_place=has_place,
)
