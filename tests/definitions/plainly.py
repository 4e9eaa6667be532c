"""What definitions say of a dataset, once more: row by row, with loops and None as unknown.

Slow and plain on purpose, and shares nothing with `curate.definitions`: expressions are evaluated
by `tests.definitions.reference`, geometry is Python's floats.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from itertools import combinations, pairwise
from typing import Any

import pandas as pd

from curate.dataset import Dataset
from tests.definitions.reference import value_of

Row = dict[str, Any]
INSIDE = ("box", "rotated", "polygon", "mask")
EDGES = ("x1", "y1", "x2", "y2")
# Records that a clause is about, and those that do not meet it: whether that is unknown.
Told = tuple[int, dict[tuple[int, ...], bool]]


def rows_of(table: pd.DataFrame) -> list[Row]:
    """The rows of a table, unknown as None."""
    frame = table.astype(object).where(table.notna(), None)
    return [dict(row) for row in frame.to_dict("records")]


def known(value: Any) -> Any:
    """A value; NaN as None."""
    return None if isinstance(value, float) and math.isnan(value) else value


def true(text: str | None, row: Row, params: Row) -> bool:
    """Whether an expression is true of a row; without one it is."""
    return text is None or value_of(text, row, params) is True


def box_rows(dataset: Dataset, columns: Row) -> list[Row]:
    """The boxes with all columns that expressions may read, but for `n_inside`."""
    images = {row["image_id"]: row for row in rows_of(dataset.images)}
    boxes = []
    for number, row in enumerate(rows_of(dataset.boxes)):
        image = images[row["image_id"]]
        shared = {name: image[name] for name in ("source", "split", "device")}
        shared |= {"image_width": image["width"], "image_height": image["height"]}
        x1, y1, x2, y2 = (row[name] for name in EDGES)
        width = None if x1 is None or x2 is None else known(x2 - x1)
        height = None if y1 is None or y2 is None else known(y2 - y1)
        area = None if width is None or height is None else known(width * height)
        measured = {"width": width, "height": height, "area": area, "decision": None}
        said = json.loads(row["attributes"]) if row["attributes"] is not None else {}
        own = {name: _attribute(said.get(name), one) for name, one in columns.items()}
        boxes.append(row | shared | measured | own | {"row": number, "said": said, "of": image})
    return boxes


def _attribute(value: Any, column: Row) -> Any:
    if column["kind"] == "number":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return known(float(value)) if is_number and abs(value) < 1e300 else None
    kind = bool if column["kind"] == "flag" else str
    fits = isinstance(value, kind) and value in column.get("words", [value])
    return value if fits else None


def map_boxes(boxes: list[Row], files: list[Row], vocabulary: str) -> None:
    """Gives the boxes labels, roles, decisions and columns by one vocabulary of some files."""
    for box in boxes:
        found = [(file, _rule(box, file, vocabulary)) for file in files]
        others = [one for one in found if one[1]["as"] == "other"]
        file, rule = next((one for one in found if one not in others), found[0])
        box["decision"] = rule["as"]
        box["role"] = file["decisions"][rule["as"]]["role"]
        if rule["as"] != "other":
            box["label"] = rule.get("label", file["class"])
        box |= rule.get("set", {})


def _rule(box: Row, file: Row, vocabulary: str) -> Row:
    for rule in file["mapping"][vocabulary]:
        classes = rule["class"] if isinstance(rule["class"], list) else [rule["class"]]
        if box["label"] in classes and true(rule.get("when"), box, {}):
            return dict(rule)
    raise AssertionError(f"no rule for {box['label']}")


def usable(box: Row) -> bool:
    """Whether clauses judge a box."""
    return box["role"] != "exclude" and box["shape"] in INSIDE


def predicted(box: Row) -> bool:
    """Whether a detector found a box."""
    return box["origin"] == "detector" or box["score"] is not None


def comparable(box: Row) -> bool:
    """Whether a box is compared with others."""
    finite = all(known(box[name]) is not None and math.isfinite(box[name]) for name in EDGES)
    if not (usable(box) and box["shape"] != "rotated" and finite and not predicted(box)):
        return False
    return box["width"] > 0 and box["area"] > 0 and math.isfinite(box["area"])


def shared(a: Row, b: Row) -> float:
    """px^2 that two boxes share."""
    width = min(a["x2"], b["x2"]) - max(a["x1"], b["x1"])
    height = min(a["y2"], b["y2"]) - max(a["y1"], b["y1"])
    return width * height if width > 0 and height > 0 else 0.0


def count_members(boxes: list[Row]) -> None:
    """Gives each box its `n_inside`."""
    for group in boxes:
        group["n_inside"] = 0
        if not (group["is_group"] and group["label"] is not None and comparable(group | KEPT)):
            continue
        for box in boxes:
            same = box["image_id"] == group["image_id"] and box["label"] == group["label"]
            if same and not box["is_group"] and comparable(box):
                group["n_inside"] += shared(box, group) / box["area"] >= 0.9


# What a group is excluded for does not empty it.
KEPT = {"role": "include"}


def told_of_boxes(boxes: list[Row], clause: Row, scope: str | None, params: Row) -> Told:
    """What a clause about boxes or predictions says."""
    is_prediction = clause["record"] == "prediction"
    among = [box for box in boxes if usable(box) and true(scope, box, params)]
    among = [box for box in among if predicted(box) == is_prediction]
    return _told(clause, params, [((box["row"],), [box]) for box in among])


def told_of_pairs(
    boxes: list[Row], clause: Row, scope: str | None, params: Row, allowed: list[list[str]]
) -> Told:
    """What a clause about pairs says; a pair is its two rows in order."""
    among = [box for box in boxes if comparable(box) and true(scope, box, params)]
    pairs = {frozenset(pair) for pair in allowed}
    records = []
    for a, b in combinations(among, 2):
        if a["image_id"] == b["image_id"] and shared(a, b) > 0:
            key = (a["row"], b["row"])
            records.append((key, [_pair(a, b, pairs), _pair(b, a, pairs)]))
    return _told(clause, params, records)


def _pair(a: Row, b: Row, allowed: set[frozenset[str]]) -> Row:
    inter = shared(a, b)
    row = {f"a_{name}": value for name, value in a.items()}
    row |= {f"b_{name}": value for name, value in b.items()}
    row |= {"iou": inter / (a["area"] + b["area"] - inter)}
    row |= {"ioa_a": inter / a["area"], "ioa_b": inter / b["area"]}
    return row | {"pair_allowed": frozenset((a["label"], b["label"])) in allowed}


def told_of_relation(boxes: list[Row], clause: Row, params: Row) -> Told:
    """What a relation says; a record is the child, and its parent if it has one."""
    among = [box for box in boxes if comparable(box)]
    children = [box for box in among if box["label"] == clause["child"]]
    parents = [box for box in among if box["label"] == clause["parent"]]
    found = []
    for child in children:
        there = [p for p in parents if p["image_id"] == child["image_id"]]
        held = [p for p in there if p is not child and shared(child, p) > 0]
        held.sort(key=lambda p, c=child: (*_worse(c, p), p["box_id"]))
        found.append((child, held[0] if held else None, len(there)))
    records = []
    for child, parent, n_parents in found:
        row = {f"child_{name}": value for name, value in child.items()}
        row |= {f"parent_{name}": parent[name] if parent else None for name in child}
        row["ioa_child"] = shared(child, parent) / child["area"] if parent else 0.0
        mine = [c for c, p, _ in found if parent is not None and p is parent]
        row |= {"n_children": len(mine) or None, "n_parents": n_parents}
        key = (child["row"],) if parent is None else (child["row"], parent["row"])
        records.append((key, [row]))
    return _told(clause, params, records)


def _worse(child: Row, parent: Row) -> tuple[float, float]:
    inter = shared(child, parent)
    return -inter / child["area"], -inter / (child["area"] + parent["area"] - inter)


def told_of_images(dataset: Dataset, boxes: list[Row], clause: Row, params: Row) -> Told:
    """What a clause about images says; a record is the row of the image."""
    records = []
    for number, image in enumerate(rows_of(dataset.images)):
        own = [box for box in boxes if box["image_id"] == image["image_id"]]
        counts = {"n_boxes": len(own), "n_groups": sum(box["is_group"] is True for box in own)}
        counts |= {"n_included": sum(b["role"] == "include" for b in own)}
        counts |= {"n_ignored": sum(b["role"] == "ignore" for b in own)}
        sizes = {"image_width": image["width"], "image_height": image["height"]}
        records.append(((number,), [image | sizes | counts]))
    return _told(clause, params, records)


def told_of_tracks(boxes: list[Row], clause: Row, params: Row) -> Told:
    """What a clause about tracks says; a record is the rows of its boxes, sorted."""
    tracks: dict[tuple[str, str, str], list[Row]] = {}
    for box in boxes:
        if usable(box) and box["track_id"] is not None:
            key = (box["source"], box["of"]["group"] or "", box["track_id"])
            tracks.setdefault(key, []).append(box)
    records = []
    for (source, _, track_id), some in tracks.items():
        row = _track(some) | {"source": source, "track_id": track_id}
        records.append((tuple(sorted(box["row"] for box in some)), [row]))
    return _told(clause, params, records)


def _track(boxes: list[Row]) -> Row:
    timed = [box for box in boxes if box["of"]["frame"] is not None]
    timed.sort(key=lambda box: (box["of"]["frame"], box["box_id"]))
    frames = [box["of"]["frame"] for box in timed]
    steps = [later - earlier for earlier, later in pairwise(frames)]
    absent = [max(step - 1, 0) for step in steps]
    ratios = []
    for one, other, step in zip(timed[:-1], timed[1:], steps, strict=True):
        heights = [one["height"], other["height"]]
        if step > 0 and None not in heights and min(heights) > 0:
            ratio = heights[1] / heights[0]
            ratios.append(max(ratio, 1 / ratio))
    heights = [box["height"] for box in boxes if box["height"] is not None]
    ratios = [ratio for ratio in ratios if not math.isnan(ratio)]
    return {
        "n_boxes": len(boxes),
        "n_labels": len({box["label"] for box in boxes} - {None}),
        "n_frames": frames[-1] - frames[0] + 1 if frames else len(boxes),
        "n_absent": sum(absent),
        "max_absent": max(absent, default=0),
        "min_height": min(heights, default=None),
        "max_height": max(heights, default=None),
        "max_height_ratio": max(ratios, default=None),
    }


def told_of_dataset(dataset: Dataset, boxes: list[Row], clause: Row, params: Row) -> Told:
    """What a clause about the whole says."""
    roles = [box["role"] for box in boxes]
    detectors = {json.dumps(b["said"]["detector"]) for b in boxes if b["said"].get("detector")}
    ids = [
        float(box["source_id"])
        for box in boxes
        if dataset.formats.get(box["file"]) == "coco" and str(box["source_id"]).isdigit()
    ]
    row = {
        "n_images": len(dataset.images),
        "n_boxes": len(boxes),
        "n_included": roles.count("include"),
        "n_ignored": roles.count("ignore"),
        "n_excluded": roles.count("exclude"),
        "n_groups": sum(box["is_group"] is True for box in boxes),
        "n_classes": len({box["label"] for box in boxes if usable(box)} - {None}),
        "n_predictions": sum(box["score"] is not None for box in boxes),
        "n_detectors": len(detectors),
        "min_coco_id": min(ids, default=None),
    }
    return _told(clause, params, [((0,), [row])])


def _told(clause: Row, params: Row, records: Iterable[tuple[tuple[int, ...], list[Row]]]) -> Told:
    """How many records a clause is about, and those not met: whether that is unknown.

    A record has a row for each way round that it can be looked at.
    """
    n_judged, missed = 0, {}
    for key, ways in records:
        said = [_said(clause, row, params) for row in ways]
        n_judged += any(one != "not judged" for one in said)
        if "fails" in said:
            missed[key] = False
        elif "unknown" in said:
            missed[key] = True
    return n_judged, missed


def _said(clause: Row, row: Row, params: Row) -> str:
    if not true(clause.get("when"), row, params):
        return "not judged"
    if any(true(one["when"], row, params) for one in clause.get("exceptions", ())):
        return "not judged"
    if "check" not in clause:
        return "unknown"
    value = value_of(clause["check"], row, params)
    if value is None:
        return "unknown" if clause.get("missing") in ("fail", "review") else "passes"
    return "passes" if value else "fails"
