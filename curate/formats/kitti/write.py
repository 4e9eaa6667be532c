"""Writing KITTI object labels: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from curate.dataset import Dataset
from curate.formats.image_names import label_paths, stem_of
from curate.formats.kitti.make import BOX_COLUMNS, LACK, line_text, made_losses
from curate.formats.kitti.read import NAME, listed_stems
from curate.formats.kitti.splice import splice
from curate.formats.per_image import (
    LABEL_STATE_WHY,
    BoxRow,
    ImageRow,
    PerImageFormat,
    without_lines,
    write_files,
)
from curate.formats.reading import text_lines
from curate.formats.writing import LossReport, Lost

_STEMS_ONLY = "KITTI keeps stems only"


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `label_2/*.txt` and `ImageSets/*.txt` into an existing, empty folder.

    Parameters and errors are those of `per_image.write_files`.
    """
    return write_files(_KITTI, dataset, folder, original)


def _paths(names: Sequence[str], folder: str, taken: Iterable[str]) -> list[str]:
    # Lists name stems, so that no two files may share one, in whatever folders they are.
    stems = [f"{PurePosixPath(file).stem}.txt" for file in taken]
    flat = label_paths([PurePosixPath(name).name for name in names], ".txt", stems)
    return [folder + path for path in flat]


def _made_file(image: ImageRow, rows: list[BoxRow], lost: Lost) -> str:
    path = PurePosixPath(image.name)
    lost["images (folder of the name)", _STEMS_ONLY] += len(path.parts) > 1
    lost["images (ending of the name)", _STEMS_ONLY] += stem_of(path.name) != path.name
    has_score = any(row.score is not None for row in rows)
    for row in rows:
        lost.update(made_losses(row, has_score=has_score))
    return "".join(line_text(row, has_score=has_score) + "\n" for row in rows)


def _kept_sets(dataset: Dataset, names: list[str], kept: set[str]) -> dict[str, bytes]:
    """The kept lists of stems without the lines of images that were removed."""
    stems = {PurePosixPath(name).stem for name in names}
    kept_stems = {PurePosixPath(name).stem for name in kept}
    bodies: dict[str, bytes] = {}
    for file in dataset.sources.names():
        body = dataset.sources.read(file)
        if file in dataset.formats or not stems >= set(listed_stems(body)):
            continue
        lines = [
            (raw.decode("utf-8", "replace").strip(), s, e) for _, s, e, raw in text_lines(body)
        ]
        gone = [(start, end) for stem, start, end in lines if stem and stem not in kept_stems]
        bodies[file] = without_lines(body, gone)
    return bodies


_KITTI = PerImageFormat(
    name=NAME,
    title="KITTI",
    folder="label_2/",
    set_folder="ImageSets/",
    lack=LACK,
    image_columns=frozenset({"split", "label_state"}),
    box_columns=BOX_COLUMNS | {"origin"},
    kept_images={
        "image_key": "the label files keep their names",
        "label_state": LABEL_STATE_WHY,
    },
    paths=_paths,
    make=_made_file,
    splice=splice,
    kept_sets=_kept_sets,
)
