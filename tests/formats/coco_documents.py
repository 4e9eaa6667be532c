"""COCO documents for tests: small ones by hand, random ones by hypothesis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

SQUARE = [10.0, 10.0, 30.0, 10.0, 30.0, 40.0, 10.0, 40.0]
RING_AREA = 600.0


def annotation(number: int, /, **changes: Any) -> dict[str, Any]:
    """A 20 x 30 px box at (10, 10) on image 1, class 1; a change to None takes the key out."""
    record = {
        "id": number,
        "image_id": 1,
        "category_id": 1,
        "bbox": [10, 10, 20, 30],
        "area": 600,
        "iscrowd": 0,
    } | changes
    return {key: value for key, value in record.items() if value is not None}


def document(*annotations: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Two images of 100 x 80 px, classes person (1) and car (7), and these annotations."""
    return {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80},
            {"id": 2, "file_name": "sub/b.jpg", "width": 100, "height": 80},
        ],
        "annotations": list(annotations),
        "categories": [{"id": 1, "name": "person"}, {"id": 7, "name": "car"}],
    } | changes


def store(folder: Path, value: object, name: str = "instances.json") -> Path:
    """The path of a file holding the value as JSON (or as it is, when it is bytes)."""
    path = folder / name
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return path


def checks(dataset: Any) -> list[str]:
    return dataset.findings["check"].tolist()


def xyxy(dataset: Any) -> list[list[float]]:
    return dataset.boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist()


def results(*rows: Any) -> list[dict[str, Any]]:
    keys = ("image_id", "category_id", "bbox", "score")
    return [dict(zip(keys, row, strict=True)) for row in rows]


_NUMBERS = st.floats(-50, 150, allow_nan=False).map(lambda v: round(v, 3)) | st.integers(-50, 150)
_TEXTS = st.text(max_size=8)
_VALUES = st.none() | st.booleans() | _NUMBERS | _TEXTS | st.lists(_NUMBERS, max_size=3)


@st.composite
def annotations(draw: st.DrawFn) -> dict[str, Any]:
    """A COCO annotation with odd keys, key order and numbers."""
    record: dict[str, Any] = {
        "id": draw(st.integers(0, 10**6)),
        "image_id": draw(st.integers(1, 3)),
        "category_id": draw(st.sampled_from([1, 7, 9])),
        "bbox": draw(st.lists(_NUMBERS, min_size=4, max_size=4)),
    }
    optional = {
        "area": _NUMBERS,
        "iscrowd": st.sampled_from([0, 1]),
        "segmentation": st.just([SQUARE])
        | st.just([])
        | st.just({"size": [80, 100], "counts": [810, 5, 7185]}),
        "score": st.floats(0, 1),
        "attributes": st.dictionaries(_TEXTS, _VALUES, max_size=2),
        "note": _TEXTS,
        "x": _VALUES,
    }
    for key, values in optional.items():
        if draw(st.booleans()):
            record[key] = draw(values)
    order = draw(st.permutations(list(record)))
    return {key: record[key] for key in order}


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """A COCO document as text, in one of several layouts."""
    value = document(*draw(st.lists(annotations(), max_size=6)))
    value["info"] = draw(st.dictionaries(_TEXTS, _VALUES, max_size=2))
    order = draw(st.permutations(list(value)))
    layout = draw(
        st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])
    )
    text = json.dumps({key: value[key] for key in order}, **layout)
    return text.encode("utf-8", "replace")
