"""YOLO sets read, changed and written back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats import yolo
from curate.formats.reading import KeptFiles, Options
from curate.formats.writing import LossReport
from curate.tree import open_tree
from tests.formats.label_files import kept, written

ROW = "0 0.5 0.5 0.25 0.5"
YAML = "train: images/train\nnames:\n  0: person\n  1: car\n"
SIZE = (400, 200)
NUMBERS: dict[str, Any] = {"width": 400, "height": 200}
FILE = "labels/train/a.txt"


def gathered(files: Any, names: list[str], **options: Any) -> Dataset:
    told = Options(**{"size_wh": SIZE, **options})
    return assemble("yard", yolo.gather(files, names, told))


def read(files: Mapping[str, str | bytes], **options: Any) -> Dataset:
    given_files = kept(files)
    return gathered(given_files, yolo.claims(given_files), **options)


def read_rows(*lines: str, newline: str = "\n") -> Dataset:
    body = "".join(line + newline for line in lines)
    return read({FILE: body, "data.yaml": YAML})


def read_folder(folder: Path, **options: Any) -> Dataset:
    tree = open_tree(folder)
    return gathered(tree, yolo.claims(tree), **options)


def write_back(dataset: Dataset, folder: Path, **options: Any) -> LossReport:
    names = sorted(dataset.formats)
    original = gathered(KeptFiles(dataset.sources), names, **options)
    return yolo.write(dataset, folder, original)


def spliced(dataset: Dataset, folder: Path) -> tuple[str, LossReport]:
    report = write_back(dataset, folder)
    return written(folder)[FILE].decode(), report


def told(report: LossReport) -> list[tuple[str, int, str]]:
    return [(loss.field, loss.count, loss.why) for loss in report.losses]
