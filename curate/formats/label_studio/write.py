"""Writing Label Studio: tasks from the columns, or back into the files that were read."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats.label_studio.make import BOX_COLUMNS, LACK, holds, make, tells
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
        sizes = {
            image.name: (int(image.width), int(image.height))
            for image in line_images(dataset.images)
            if image.width and image.height
        }
        original = _sized(original, sizes)
    kind = replace(_LABEL_STUDIO, edit=partial(splice, sizes=sizes))
    return write_records(kind, dataset, folder, original)


def _sized(original: Dataset, sizes: dict[str, Size]) -> Dataset:
    """The original with the places of regions whose images' sizes only the pictures tell."""
    placed = np.isfinite(original.boxes[EDGES].to_numpy(np.float64)).all(axis=1)
    if (placed | original.boxes["shape"].isin(["tag", "mask"])).all() or not len(original.images):
        return original
    names = [name for name, kind in original.formats.items() if kind == NAME]
    gathered = gather_sized(KeptFiles(original.sources), names, Options(), sizes)
    source = str(original.images["source"].iloc[0])
    return assemble(source, gathered, options=original.options)


_LABEL_STUDIO = RecordFormat(
    name=NAME,
    title="Label Studio",
    lack=LACK,
    held="choices, boxes and points with their places",
    image_columns=frozenset({"width", "height", "label_state", "source_id"}),
    box_columns=BOX_COLUMNS,
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
)
