"""Datasets of formats with a label file per image, changed and looked at as their tests need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from curate.assembly import assemble
from curate.dataset import Dataset, empty_dataset
from curate.formats.reading import KeptFiles, Options
from curate.formats.writing import LossReport
from curate.sources import MemorySources
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS, box_hashes, key_hashes, make_table

EDGES = ["x1", "y1", "x2", "y2"]


def kept(files: Mapping[str, str | bytes]) -> KeptFiles:
    bodies = {name: b.encode() if isinstance(b, str) else b for name, b in files.items()}
    return KeptFiles(MemorySources(bodies))


def read_file(form: ModuleType, file: str, body: str | bytes) -> Dataset:
    """One label file, claimed or not."""
    return assemble("yard", form.gather(kept({file: body}), [file], Options()))


def write_back(form: ModuleType, dataset: Dataset, folder: Path) -> LossReport:
    names = sorted(name for name, kind in dataset.formats.items() if kind == form.NAME)
    again = form.gather(KeptFiles(dataset.sources), names, Options())
    report: LossReport = form.write(dataset, folder, assemble("yard", again))
    return report


def written(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def losses(report: LossReport) -> dict[str, int]:
    return {loss.field: loss.count for loss in report.losses}


def with_values(dataset: Dataset, row: int, **values: Any) -> Dataset:
    """The dataset with other values in one row of its boxes."""
    boxes = dataset.boxes.copy()
    for name, value in values.items():
        boxes.loc[row, name] = value
    return dataset.with_tables(boxes=boxes)


def with_box(dataset: Dataset, **values: Any) -> Dataset:
    """The dataset with one box more, in its first image."""
    image_id = int(dataset.images["image_id"].iloc[0])
    row = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0, "box_id": 77, "image_id": image_id}
    plain = {"label": "bus", "shape": "box", "role": "include", "origin": "human", "file": "x"}
    new = make_table(BOX_COLUMNS, 1, {**row, **plain, **values})
    return dataset.with_tables(boxes=pd.concat([dataset.boxes, new], ignore_index=True))


def table_set(
    boxes: Mapping[str, Any], n_boxes: int, names: tuple[str, ...] = ("a.jpg",), **images: Any
) -> Dataset:
    """A dataset without sources; all boxes lie in the first image."""
    keys = [f"yard/{name}" for name in names]
    ids = key_hashes(keys)
    plain = {"box_frame": "upright", "source": "yard", "label_state": "present"}
    image_table = make_table(
        IMAGE_COLUMNS, len(names), {"image_id": ids, "image_key": keys, **plain, **images}
    )
    box_ids = box_hashes(np.repeat(ids[:1], n_boxes), np.arange(n_boxes))
    values = {"shape": "box", "role": "include", "origin": "human", "file": "x"} | dict(boxes)
    box_table = make_table(
        BOX_COLUMNS, n_boxes, {"box_id": box_ids, "image_id": [int(ids[0])] * n_boxes, **values}
    )
    return empty_dataset("yard").with_tables(images=image_table, boxes=box_table)


def check_case(dataset: Dataset, case: Path) -> dict[str, Any]:
    """Asserts the rows and findings of a case's `expected.json`, and returns that."""
    expected: dict[str, Any] = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    for table, rows in ((dataset.images, expected["images"]), (dataset.boxes, expected["boxes"])):
        assert len(table) == len(rows)
        for index, row in enumerate(rows):
            got = {name: table[name].iloc[index] for name in row}
            assert all(_is_same(got[name], row[name]) for name in row), got
    found = dataset.findings[["check", "file", "line", "message"]].astype(object)
    found = found.where(found.notna(), None).to_numpy().tolist()
    assert sorted(map(str, found)) == sorted(map(str, expected["findings"]))
    return expected


def _is_same(value: object, wanted: object) -> bool:
    return bool(pd.isna(value)) if wanted is None else value == wanted  # type: ignore[call-overload]
