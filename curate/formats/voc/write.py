"""Writing VOC: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from curate.dataset import Dataset
from curate.formats.image_names import label_paths
from curate.formats.per_image import (
    LABEL_STATE_WHY,
    BoxRow,
    ImageRow,
    PerImageFormat,
    without_lines,
    write_files,
)
from curate.formats.reading import TextError
from curate.formats.voc.make import BOX_COLUMNS, LACK, file_text, made_losses
from curate.formats.voc.read import NAME
from curate.formats.voc.sets import rows_by_id, set_lines, set_root
from curate.formats.voc.splice import splice
from curate.formats.writing import Loss, LossReport, Lost
from curate.formats.xml_spans import is_altered

_OWN_SIZE = "the label files keep the size that they state"


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `Annotations/*.xml` and `ImageSets/Main/*.txt` into an existing, empty folder.

    Parameters and errors are those of `per_image.write_files`.
    """
    report = write_files(_VOC, dataset, folder, original)
    if original is not None:
        return report
    return replace(report, losses=(*report.losses, *_class_losses(dataset)))


def _class_losses(dataset: Dataset) -> list[Loss]:
    """What VOC does not hold of the list of classes: it has none, each object names its own."""
    classes = dataset.classes
    has_objects = classes["label"].isin(dataset.boxes["label"])
    losses = [Loss("classes", int((~has_objects).sum()), "VOC has no list: no object names them")]
    losses += [
        Loss(f"classes.{name}", int(classes[name].notna().sum()), LACK)
        for name in ("source_id", "supercategory")
    ]
    return [loss for loss in losses if loss.count]


def _paths(names: Sequence[str], folder: str, taken: Iterable[str]) -> list[str]:
    below = [path.removeprefix(folder) for path in taken if path.startswith(folder)]
    return [folder + path for path in label_paths(names, ".xml", below)]


def _made_file(image: ImageRow, rows: list[BoxRow], lost: Lost) -> str:
    for row in rows:
        lost.update(made_losses(row))
    lost["images (name)", "white space around it and characters that XML forbids are not kept"] += (
        is_altered(image.name)
    )
    return file_text(image, rows)


def _kept_sets(dataset: Dataset, names: list[str], kept: set[str]) -> dict[str, bytes]:
    """The lists of `ImageSets/Main` without the lines of images that were removed."""
    bodies: dict[str, bytes] = {}
    for file in dataset.sources.names():
        root = set_root(file)
        if root is None:
            continue
        body = dataset.sources.read(file)
        try:
            lines = set_lines(body, rows_by_id(root, names), file)
        except TextError:
            lines = []
        gone = [
            (line.start, line.end)
            for line in lines
            if line.row is not None and names[line.row] not in kept
        ]
        bodies[file] = without_lines(body, gone)
    return bodies


_VOC = PerImageFormat(
    name=NAME,
    title="VOC",
    folder="Annotations/",
    set_folder="ImageSets/Main/",
    lack=LACK,
    image_columns=frozenset({"width", "height", "split", "label_state"}),
    box_columns=BOX_COLUMNS,
    kept_images={
        "image_key": "the label files keep their names",
        "label_state": LABEL_STATE_WHY,
        **dict.fromkeys(("width", "height", "declared_width", "declared_height"), _OWN_SIZE),
    },
    paths=_paths,
    make=_made_file,
    splice=splice,
    kept_sets=_kept_sets,
)
