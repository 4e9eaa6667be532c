"""Manifests of crops for tests: from a few words per row, written as curate crops writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from curate.crops.manifest import CROP_COLUMNS
from curate.tables import make_table, to_arrow

ASSIGNED = {"matched"}


def detection(score: float, outcome: str, label: str | None = None, **other: Any) -> dict[str, Any]:
    """A row of a detection; what is matched is the assigned one of an object of its label."""
    shown = "background" if outcome == "background" else label
    row = {"status": "made", "outcome": outcome, "label": shown, "origin": "detector",
           "score": score, "det_label": label, "is_assigned": outcome in ASSIGNED}  # fmt: skip
    if outcome in ASSIGNED:
        row["object_label"] = label
    return row | other


def missed(label: str, **other: Any) -> dict[str, Any]:
    """A row of an object that no detection covers."""
    row = {"status": "listed", "outcome": "missed", "label": label, "origin": "gt",
           "object_label": label, "is_assigned": False}  # fmt: skip
    return row | other


def table_of(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The rows as a manifest; ids that are not given are made of the row's number."""
    values: dict[str, list[Any]] = {name: [] for name in CROP_COLUMNS}
    for number, row in enumerate(rows):
        is_object = row.get("is_assigned") or row.get("outcome") == "missed"
        own = {
            "crop_id": f"{number:016x}",
            "image_id": "i0",
            "det_id": None if row.get("origin") == "gt" else f"d{number}",
            "object_id": f"o{number}" if is_object else None,
            "spec": "s", "definition": "d@1",
        } | row  # fmt: skip
        for name, column in values.items():
            column.append(own.get(name))
    return make_table(CROP_COLUMNS, len(rows), values)


def write_set(
    folder: Path, rows: Sequence[dict[str, Any]], *, csv: bool = False, **summary: Any
) -> Path:
    """A set's folder with its manifest; `crops.json` too where something of it is given."""
    folder.mkdir(parents=True, exist_ok=True)
    table = table_of(rows)
    if csv:
        table.to_csv(folder / "manifest.csv", index=False, lineterminator="\n")
    else:
        pq.write_table(to_arrow(table, CROP_COLUMNS), folder / "manifest.parquet")
    if summary:
        document = {"schema": "curate.crops/1", **summary}
        (folder / "crops.json").write_text(json.dumps(document))
    return folder


# The example of docs/cascade.md: 5 images, one of them without a row; 4 objects.
WORKED = [
    detection(0.9, "matched", "weapon", image_id="i0"),
    detection(0.8, "background", "weapon", image_id="i0"),
    detection(0.7, "matched", "weapon", image_id="i1"),
    detection(0.6, "duplicate", "weapon", image_id="i1"),
    detection(0.5, "background", "weapon", image_id="i2"),
    detection(0.4, "matched", "weapon", image_id="i2", status="small"),
    detection(0.3, "ignored", None, image_id="i3", status="dropped"),
    missed("weapon", image_id="i0"),
]
WORKED_ANSWERS = """\
crop_id,label,score
0000000000000000,weapon,0.95
0000000000000001,weapon,0.7
0000000000000002,background,0.6
0000000000000003,weapon,0.8
0000000000000004,background,0.9
"""


def worked(folder: Path, **summary: Any) -> tuple[Path, Path]:
    """The set of the worked example, and the file of its answers."""
    told = {"images": {"total": 5, "by_split": {}}, "score_floor": 0.3} | summary
    crops = write_set(folder / "crops", WORKED, **told)
    answers = folder / "answers.csv"
    answers.write_text(WORKED_ANSWERS)
    return crops, answers
