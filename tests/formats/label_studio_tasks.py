"""Label Studio tasks for tests, and what is read of them."""

from __future__ import annotations

import json
from typing import Any

from curate.dataset import Dataset
from curate.formats import label_studio
from tests.formats.label_files import EDGES, read_file

FILE = "tasks.json"


def rectangle(region_id: str = "r1", label: str = "car", **value: Any) -> dict[str, Any]:
    """A region of 10..40 % by 20..60 % of an image of 200 x 100 px."""
    place = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
    return {
        "id": region_id, "from_name": "label", "to_name": "image", "type": "rectanglelabels",
        "original_width": 200, "original_height": 100, "image_rotation": 0,
        "value": {**place, "rectanglelabels": [label], **value},
    }  # fmt: skip


def region(kind: str, **value: Any) -> dict[str, Any]:
    own = {"type": kind, "value": {kind: ["car"], **value}}
    return {**rectangle(), **own}


def annotation(*results: Any, **values: Any) -> dict[str, Any]:
    return {"id": 9, "completed_by": 3, "result": list(results), **values}


def task(*answers: dict[str, Any], number: int = 1, **values: Any) -> dict[str, Any]:
    data = {"image": f"/data/local-files/?d=set/{number}.jpg"}
    return {"id": number, "annotations": list(answers), "data": data, **values}


def read_tasks(*tasks: Any) -> Dataset:
    return read_file(label_studio, FILE, json.dumps(list(tasks)))


def first(dataset: Dataset) -> dict[str, Any]:
    return {str(name): value for name, value in dataset.boxes.iloc[0].to_dict().items()}


def edges(dataset: Dataset, row: int = 0) -> list[float]:
    place: list[float] = dataset.boxes[EDGES].iloc[row].tolist()
    return place


def findings(dataset: Dataset) -> list[tuple[str, str]]:
    table = dataset.findings
    return list(zip(table["check"], table["message"], strict=True))
