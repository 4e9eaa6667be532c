"""Writing CVAT: from the columns, or back into the files that were read."""

from __future__ import annotations

from pathlib import Path

from curate.dataset import Dataset
from curate.formats.cvat.make import BOX_COLUMNS, LACK, holds, make
from curate.formats.cvat.read import NAME
from curate.formats.cvat.splice import splice
from curate.formats.per_image import LABEL_STATE_WHY, with_known_labels
from curate.formats.record_files import RecordFormat, write_records
from curate.formats.writing import LossReport

_STAYS = "the records of the images stay as they were"


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `annotations.xml` into an existing, empty folder.

    Parameters and errors are those of `record_files.write_records`.
    """
    return write_records(_CVAT, dataset, folder, original)


_CVAT = RecordFormat(
    name=NAME,
    title="CVAT",
    lack=LACK,
    held="tags, and shapes with a class and four corners",
    image_columns=frozenset({"width", "height", "split", "label_state", "source_id"}),
    box_columns=BOX_COLUMNS | {"origin"},
    kept_images={
        "label_state": LABEL_STATE_WHY,
        **dict.fromkeys(
            ("image_key", "width", "height", "declared_width", "declared_height", "split"), _STAYS
        ),
    },
    holds=holds,
    tells=with_known_labels,
    make=make,
    edit=splice,
)
