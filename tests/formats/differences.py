"""What two datasets differ in, field by field: the measure that loss reports are held against.

It knows nothing of any format. Images are the same by their stems (or by video and frame, where a
format has names of its own), boxes of an image by their edges.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.image_names import names_below_source
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS

EDGES = ("x1", "y1", "x2", "y2")
EDGES_FIELD = "boxes.x1 y1 x2 y2"
# Where a record stood, what curate calls it, and what only joining pictures tells.
_BOOKKEEPING = {
    "image_id", "image_key", "path", "declared_width", "declared_height", "exif_orientation",
    "source", "file", "line", "start", "end", "box_id",
}  # fmt: skip
# Values that say no more than that a column is not used.
_PLAIN = {
    "role": "include", "shape": "box", "label_state": "present", "origin": "human",
    "is_group": False, "difficult": False, "is_depiction": False, "is_reflection": False,
    "occluded": 0.0, "truncated": 0.0,
}  # fmt: skip
# A name, number or measure that a format gives of itself to what had none is no invention.
_GIVEN = {"source_id", "source_label", "declared_area"}
# Attributes of that kind: which boxes are one object, whose output it is, a task's own flag, tags
# that say what columns do.
_GIVEN_KEYS = {"object", "detector", "was_cancelled", "tags"}
# Formats without ids of objects: the reader gives the line, or the number of the object.
_BY_PLACE = {
    "coco-results", "kitti", "kitti-tracking", "mot", "open-images", "text-dets", "voc", "yolo",
}  # fmt: skip
# What a reader calls an object without an id of its own: a position, which is none of its values.
_UNNAMED = "#"
# All pictures of Cityscapes are called so, and taken to be by who only has the labels.
_OF_CITYSCAPES = "_leftImg8bit"
# Edges this close, in px, are those of one box. Closer than the second they are equal.
_SAME_BOX_PX = 1.0
_EQUAL_PX = 1e-6

Row = dict[str, Any]


def differences(before: Dataset, after: Dataset) -> Counter[str]:
    """How many values of each field of `before` are not in `after`, or are there uncalled for.

    Keys: `images` and `boxes` for whole rows, `images.<column>`, `boxes.<column>` for values of
    rows that are in both, `boxes.x1 y1 x2 y2` once for each box. Null that becomes a plain value
    (not a group, not truncated ...) is `<field> (unknown)`.
    """
    found: Counter[str] = Counter()
    images = same_images(before, after)
    found["images"] = len(before.images) + len(after.images) - 2 * len(images)
    names = [dict(zip(d.images["image_id"], names_below_source(d.images), strict=True))
             for d in (before, after)]  # fmt: skip
    old, new = (_by(d.images, "image_id") for d in (before, after))
    columns = [c for c in IMAGE_COLUMNS if c not in _BOOKKEEPING]
    for mine, other in images.items():
        found["images.image_key"] += names[0][mine] != names[1][other]
        _count(found, "images", columns, old[mine][0], new[other][0])
    old, new = (_by(_with_own_ids(d), "image_id") for d in (before, after))
    columns = [c for c in BOX_COLUMNS if c not in _BOOKKEEPING]
    for mine, other in images.items():
        _count_boxes(found, columns, old.get(mine, []), new.get(other, []))
    found["boxes"] += sum(len(rows) for key, rows in old.items() if key not in images)
    found["boxes"] += sum(len(rows) for key, rows in new.items() if key not in images.values())
    return +found


def _with_own_ids(dataset: Dataset) -> pd.DataFrame:
    """The boxes without ids that are the place of a record."""
    boxes = dataset.boxes
    is_place = boxes["file"].map(dict(dataset.formats)).isin(_BY_PLACE)
    is_place |= boxes["source_id"].str.startswith(_UNNAMED, na=False)
    return boxes.assign(source_id=boxes["source_id"].mask(is_place.to_numpy(bool)))


def same_images(before: Dataset, after: Dataset) -> dict[int, int]:
    """The ids of images of `before` and those that they have in `after`."""
    pairs: dict[int, int] = {}
    ways: list[Callable[[Row], Hashable]] = [
        lambda row: row["name"],
        lambda row: PurePosixPath(row["name"]).with_suffix(""),
        lambda row: row["frame"] and (row["group"], row["frame"]),
        # Last, since two folders or videos may have one stem: then the first is the first.
        lambda row: PurePosixPath(row["name"]).stem,
    ]
    tables = []
    for dataset in (before, after):
        names = names_below_source(dataset.images)
        named = dataset.images.assign(name=[name.removesuffix(_OF_CITYSCAPES) for name in names])
        named = named.sort_values("name")
        tables.append([row for rows in _by(named, "image_id").values() for row in rows])
    for way in ways:
        found: dict[Hashable, list[int]] = {}
        for row in tables[1]:
            if row["image_id"] not in pairs.values() and way(row) is not None:
                found.setdefault(way(row), []).append(row["image_id"])
        for row in tables[0]:
            if row["image_id"] not in pairs and found.get(way(row)):
                pairs[row["image_id"]] = found[way(row)].pop(0)
    return pairs


def _by(table: pd.DataFrame, key: str) -> Mapping[int, list[Row]]:
    """The rows by a key, null as None."""
    rows: dict[int, list[Row]] = {}
    for row in table.astype(object).where(table.notna(), None).to_dict("records"):
        rows.setdefault(row[key], []).append(row)  # type: ignore[arg-type]  # columns are texts
    return rows


def _count_boxes(found: Counter[str], columns: list[str], old: list[Row], new: list[Row]) -> None:
    near = [
        (distance, _unlike(columns, a, b), i, j)
        for i, a in enumerate(old)
        for j, b in enumerate(new)
        if (distance := _distance(a, b)) <= _SAME_BOX_PX
    ]
    pairs: dict[int, int] = {}
    # Of those in one place, as all tags are, the most alike first.
    for _, _, i, j in sorted(near):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    found["boxes"] += len(old) + len(new) - 2 * len(pairs)
    own = [column for column in columns if column not in EDGES]
    paired = _named_alike([old[i] for i in pairs], [new[j] for j in pairs.values()])
    for a, b in zip(*paired, strict=True):
        _count(found, "boxes", own, a, b)
    for i, j in pairs.items():
        found[EDGES_FIELD] += any(not _is_equal(e, old[i][e], new[j][e]) for e in EDGES)


def _unlike(columns: list[str], old: Row, new: Row) -> int:
    """How many values would differ if two rows were of one box."""
    found: Counter[str] = Counter()
    _count(found, "boxes", [column for column in columns if column not in EDGES], old, new)
    return found.total()


def _named_alike(old: list[Row], new: list[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of pairs, objects without a name called by the first pair that is of them.

    Which boxes are one object stays a value; what a reader calls it, by its place, is none.
    """
    names = [[_attributes(row).get("object") for row in rows] for rows in (old, new)]
    is_unnamed = [isinstance(name, str) and name.startswith(_UNNAMED) for name in names[0]]
    alike: tuple[list[Row], list[Row]] = ([], [])
    for side, rows, own in zip(alike, (old, new), names, strict=True):
        for row, name, is_bare in zip(rows, own, is_unnamed, strict=True):
            called = {"object": own.index(name)} if is_bare and name is not None else {}
            side.append(row | {"attributes": _text(_attributes(row) | called)})
    return alike


def _attributes(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(row["attributes"] or "{}")
    return values


def _text(values: dict[str, Any]) -> str | None:
    return json.dumps(values) if values else None


def _distance(old: Row, new: Row) -> float:
    """The largest distance in px of two edges that both boxes have; inf for another kind of row."""
    a, b = (np.array([row[edge] for edge in EDGES], float) for row in (old, new))
    if old["shape"] == new["shape"] == "point":
        a, b = a[:2], b[:2]
    if (np.isnan(a) != np.isnan(b)).any():
        return np.inf
    return float(np.nanmax(np.abs(a - b))) if np.isfinite(a).any() else 0.0


def _count(found: Counter[str], table: str, columns: list[str], old: Row, new: Row) -> None:
    moved = _moved(old, new) if "attributes" in columns else {}
    for name in columns:
        a, b = old[name], moved.get(name, new[name])
        if name == "source_label" and a == old["label"]:
            a = None  # it says no more than the label
        if _is_equal(name, a, b):
            continue
        says = [value is not None and value != _PLAIN.get(name) for value in (a, b)]
        if says[0] or (says[1] and not (a is None and name in _GIVEN)):
            found[f"{table}.{name}"] += 1
        elif a is None and b is not None and name not in _GIVEN:
            found[f"{table}.{name} (unknown)"] += 1


def _moved(old: Row, new: Row) -> Row:
    """Values of columns that are attributes afterwards, and the attributes without them."""
    values, kept = _attributes(new), _attributes(old)
    own = [name for name in BOX_COLUMNS if name in values and name not in kept]
    named = {name: values.pop(name) for name in own}
    values = {k: v for k, v in values.items() if k in kept or k not in _GIVEN_KEYS}
    return named | {"attributes": _text(values)}


def _is_equal(column: str, a: Any, b: Any) -> bool:  # values of any column
    if column == "attributes" and a is not None and b is not None:
        return bool(json.loads(a) == json.loads(b))
    if column in EDGES and a is not None and b is not None:
        return bool(abs(a - b) <= _EQUAL_PX)
    return bool(a == b)
