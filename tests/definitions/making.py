"""Definitions and datasets of literal rows, for tests of what definitions say of datasets."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from curate.dataset import Dataset, empty_dataset
from curate.definitions.loading import load
from curate.definitions.model import Definitions
from curate.tables import (
    BOX_COLUMNS,
    IMAGE_COLUMNS,
    Column,
    box_hashes,
    key_hashes,
    make_table,
)

Row = dict[str, Any]
SIZE_WH = (640, 480)
QUESTIONS = {"Q-WHAT": {"text": "What is it?", "choices": ["one", "another"]}}


def clause(code: str, check: str | None = None, record: str = "box", **more: Any) -> Row:
    """A clause of a definition file; without a check it is a question."""
    plain: Row = {
        "id": code,
        "title": f"Clause {code}",
        "record": record,
        "severity": "warning",
        "action": "flag" if check is not None else "review",
        "rationale": "Something goes wrong without it.",
    }
    plain |= {"question": "Q-WHAT"} if check is None else {"check": check}
    return plain | more


def rules(name: str = "thing", *clauses: Row, **more: Any) -> Row:
    """A definition file of kind rules; `label` is its class."""
    file: Row = {"schema": "curate.definition/1", "kind": "rules", "id": name}
    file |= {"version": "1.0.0", "status": "draft", "title": f"What a {name} is"}
    file |= {"params": more.pop("params", {}), "clauses": list(clauses), "questions": QUESTIONS}
    if "label" in more:
        file["class"] = more.pop("label")
    return file | more


def project(*uses: str, **more: Any) -> Row:
    """A definition file of kind project."""
    file: Row = {"schema": "curate.definition/1", "kind": "project", "id": "project.own"}
    file |= {"version": "0.1.0", "status": "draft", "title": "What counts here"}
    file |= {"uses": [f"{name}@^1.0" for name in uses], "classes": [{"name": "human"}]}
    return file | more


def loaded(*files: Row) -> Definitions:
    """The definitions of some files that stand in one folder."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for file in files:
            paths.append(Path(folder) / f"{file['id']}.yaml")
            # JSON is YAML.
            paths[-1].write_text(json.dumps(file), encoding="utf-8")
        return load(paths)


def box(*edges: float | None, **columns: Any) -> Row:
    """A row of the boxes table; `image` is the image's name, edges of None are null."""
    row: Row = {"image": "a", "label": "human", "shape": "box", "role": "include"}
    row |= {"origin": "human", "file": "f"}
    return row | dict(zip(("x1", "y1", "x2", "y2"), edges, strict=True)) | columns


def dataset(
    rows: Iterable[Row],
    images: Mapping[str, Row] | None = None,
    formats: Mapping[str, str] | None = None,
) -> Dataset:
    """The dataset of some rows; box ids follow from the order unless a row has its `box_id`."""
    rows = list(rows)
    names = list(dict.fromkeys([*(images or {}), *(row["image"] for row in rows)]))
    plain = {"width": SIZE_WH[0], "height": SIZE_WH[1], "label_state": "present", "source": "s"}
    plain["box_frame"] = "upright"
    records = [plain | dict((images or {}).get(name, {})) for name in names]
    keys = [f"{row['source']}/{name}" for row, name in zip(records, names, strict=True)]
    image_ids = key_hashes(keys)
    of_box = np.array([image_ids[names.index(row["image"])] for row in rows], np.int64)
    ids = box_hashes(of_box, np.arange(len(rows)))
    own = [int(row.get("box_id", id_)) for row, id_ in zip(rows, ids, strict=True)]
    made = empty_dataset("s").with_tables(
        images=_table(IMAGE_COLUMNS, records, {"image_id": image_ids, "image_key": keys}),
        boxes=_table(BOX_COLUMNS, rows, {"image_id": of_box, "box_id": np.array(own, np.int64)}),
    )
    return replace(made, formats=dict(formats or {}))


def shuffled(made: Dataset, seed: int) -> Dataset:
    """The same dataset with the rows of its tables in another order."""
    random = np.random.default_rng(seed)
    return made.with_tables(
        images=made.images.iloc[random.permutation(len(made.images))],
        boxes=made.boxes.iloc[random.permutation(len(made.boxes))],
    )


def _table(columns: Mapping[str, Column], rows: list[Row], own: Row) -> Any:
    values = {}
    for name, column in columns.items():
        said = [row.get(name) for row in rows]
        values[name] = (
            np.array([np.nan if one is None else one for one in said], np.float64)
            if column.dtype == "float64"
            else said
        )
    return make_table(columns, len(rows), values | own)
