"""COCO records made from rows of the tables."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from curate import masks

# Columns that COCO has no key for go into `attributes`, as CVAT and Datumaro write them.
AS_ATTRIBUTES = (
    "angle_deg", "extent", "annotator", "occluded", "truncated", "difficult", "is_depiction",
    "is_reflection", "track_id",
)  # fmt: skip


def image_of(row: Mapping[Any, Any], number: int | str, name: str | None = None) -> dict[str, Any]:
    """The image record of a row of the images table; sizes in px where they are known.

    `name` stands in for the image's name below its source.
    """
    name = name or row["image_key"].removeprefix(f"{row['source']}/")
    image: dict[str, Any] = {"id": number, "file_name": name}
    for key in ("width", "height"):
        if not pd.isna(row[key]):
            image[key] = int(row[key])
    if isinstance(row["licence"], str):
        image["license"] = row["licence"]
    return image


def annotation_of(
    row: Mapping[Any, Any],
    ids: Mapping[str, int | str],
    image_ids: Mapping[int, int | str],
    outline: Any = None,  # a COCO segmentation
) -> dict[str, Any]:
    """The annotation of a row of the boxes table, without an id of its own.

    Columns that COCO has no key for go into `attributes`; null ones are left out.
    """
    record: dict[str, Any] = {
        "image_id": image_ids[row["image_id"]],
        "category_id": ids[row["label"]],
        "bbox": _bbox(row),
        "area": stated(_area(row, outline)),
        "iscrowd": is_crowd(row),
    }
    if outline:
        record["segmentation"] = outline
    if not pd.isna(row["score"]):
        record["score"] = stated(row["score"])
    attributes = attributes_of(row["attributes"])
    for name in AS_ATTRIBUTES:
        if not pd.isna(row[name]):
            attributes[name] = plain(row[name])
    if attributes:
        record["attributes"] = attributes
    return {key: value for key, value in record.items() if value is not None}


def result_of(
    row: Mapping[Any, Any], ids: Mapping[str, int | str], image_ids: Mapping[int, int | str]
) -> dict[str, Any]:
    """The results record of a row of the boxes table."""
    return {
        "image_id": image_ids[row["image_id"]],
        "category_id": ids[row["label"]],
        "bbox": _bbox(row),
        "score": stated(row["score"]),
    }


def attributes_of(text: Any) -> dict[str, Any]:  # a cell; JSON values
    """Attributes as JSON values; a number that JSON does not have becomes a text."""
    if not isinstance(text, str):
        return {}
    values: dict[str, Any] = json.loads(text, parse_constant=str, parse_float=_float)
    return values


def _float(text: str) -> float | str:
    return float(text) if math.isfinite(float(text)) else text


def _area(row: Mapping[Any, Any], outline: Any) -> float:  # a COCO segmentation
    if math.isfinite(row["declared_area"]):
        return float(row["declared_area"])
    is_polygon = isinstance(outline, list) and bool(outline)
    measured = masks.polygon_measure(outline) if is_polygon else masks.rle_measure(outline)
    if measured is not None and math.isfinite(measured[1]):
        return measured[1]
    return float(row["x2"] - row["x1"]) * float(row["y2"] - row["y1"])


def is_crowd(row: Mapping[Any, Any]) -> int:
    """COCO's `iscrowd` of a box: 1 for groups and for what an evaluation ignores."""
    group = row["is_group"]
    return int(row["role"] == "ignore" or (not pd.isna(group) and bool(group)))


def crowd_losses(*, role: str, is_group: bool | None) -> Iterator[tuple[str, str]]:
    """The columns that `iscrowd` says in another way than a box does, each with the reason."""
    if role == "ignore" or is_group:
        if role != "ignore":
            yield "role", "a group: iscrowd, which is read as ignored"
        if not is_group:
            yield "is_group", "ignored: written as iscrowd, as for a group"
        return
    if role != "include":
        yield "role", "COCO has no word for exclude and review"
    if is_group is None:
        yield "is_group", "unknown, written as iscrowd 0: COCO's tools want a number"


def _bbox(row: Mapping[Any, Any]) -> list[float | int]:
    edges = (row["x1"], row["y1"], row["x2"] - row["x1"], row["y2"] - row["y1"])
    return [plain(value) for value in edges]


def stated(value: float) -> float | int | None:
    """A number as JSON has it; None for one that it has not."""
    number: float | int | None = plain(value) if math.isfinite(value) else None
    return number


def plain(value: Any) -> Any:  # a number or flag of numpy's or pandas' kind
    """The value as JSON has it: whole numbers without a point, no number as text."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str):
        return value
    number = float(value)
    if not math.isfinite(number):
        return str(number)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def number_of(text: str) -> int | str:
    """An id as COCO has it: a number where it is one, else the text."""
    try:
        return int(text)
    except ValueError:
        return text
