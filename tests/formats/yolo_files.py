"""YOLO labels of two classes, read from texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats import yolo
from curate.formats.reading import Options
from tests.formats.label_files import kept

ROW = "0 0.5 0.5 0.25 0.5"
YAML = "train: images/train\nval: images/val\nnames:\n  0: person\n  1: car\n"
SIZE = (400, 200)


def read(files: Mapping[str, str | bytes], **options: Any) -> Dataset:
    """The files as the reader takes them, those that it claims."""
    given = kept(files)
    told = Options(**{"size_wh": SIZE, **options})
    return assemble("s", yolo.gather(given, yolo.claims(given), told))


def read_rows(text: str, *, yaml: str = YAML, **options: Any) -> Dataset:
    return read({"labels/a.txt": text, "data.yaml": yaml}, **options)


def findings(dataset: Dataset) -> list[list[Any]]:
    return dataset.findings[["check", "file", "line"]].to_numpy().tolist()
