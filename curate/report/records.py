"""Findings as JSON values with their members: made block by block, so that none piles up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Findings
from curate.tables import hex_id

# So many findings are looked up at once: one by one costs a hundred times as much.
BLOCK = 4096
_EDGES = ["x1", "y1", "x2", "y2"]
_PLACE = ["file", "source_id", "line"]

Record = dict[str, Any]  # JSON values


def records(findings: Findings) -> Iterator[Record]:
    """The findings as `curate.audit/1` states them, in the order of their table.

    A member has a `message` of its own where the finding stands for several faults.
    """
    dataset, table = findings.dataset, findings.table
    known = findings.known or frozenset()
    boxes = dataset.boxes
    keys = image_keys(findings)
    position = pd.Index(boxes["box_id"].to_numpy(np.int64))
    for first in range(0, len(table), BLOCK):
        rows = table.iloc[first : first + BLOCK]
        flat = [box_id for members in rows["members"] for box_id in members]
        own = boxes.iloc[position.get_indexer(np.asarray(flat, np.int64))] if flat else boxes[:0]
        members = _members(own, keys)
        for finding in rows.to_dict("records"):
            of_boxes = [next(members) for _ in finding["members"]]
            told = _told(finding["places"], dict(zip(finding["members"], of_boxes, strict=True)))
            is_known = finding["finding_id"] in known
            yield _record(finding, keys, of_boxes + told) | {"known": is_known}


def image_keys(findings: Findings) -> dict[int, str]:
    """Image id to image key."""
    images = findings.dataset.images
    return dict(zip(images["image_id"].tolist(), images["image_key"].tolist(), strict=True))


def _members(boxes: pd.DataFrame, keys: dict[int, str]) -> Iterator[Record]:
    images = boxes["image_id"].to_numpy(np.int64).tolist()
    places = boxes[_PLACE].astype(object).to_numpy()
    edges = boxes[_EDGES].to_numpy(np.float64)
    for image, (file, source_id, line), box in zip(images, places, edges, strict=True):
        yield {
            "image": keys.get(image),
            "file": plain(file),
            "source_id": plain(source_id),
            "line": plain(line),
            "box": _box(box),
        }


def _told(places: Any, of_boxes: dict[int, Record]) -> list[Record]:  # JSON text, or no value
    """The members that are no boxes; those that are get the messages that are theirs alone."""
    others = []
    for place in json.loads(places) if isinstance(places, str) else []:
        if "boxes" not in place:
            others.append(_place(place))
            continue
        for box_id in place["boxes"]:
            # A part of a dataset keeps the finding, not all of its boxes.
            member = of_boxes.get(int(box_id, 16), {})
            told = f"{member['message']}; " if "message" in member else ""
            member["message"] = told + place["message"]
    return others


def _place(place: Record) -> Record:
    own = {key: place.get(key) for key in ("image", "file", "source_id", "line")} | {"box": None}
    return own | {"message": place["message"]} if "message" in place else own


def _record(row: dict[Any, Any], keys: dict[int, str], members: list[Record]) -> Record:
    image = None if pd.isna(row["image_id"]) else keys.get(int(row["image_id"]))
    single = members[0] if len(members) == 1 else {}
    return {
        "finding_id": hex_id(int(row["finding_id"])),
        "check": row["check"],
        "name": row["name"],
        "level": row["level"],
        "image": image,
        "file": plain(row["file"]),
        "line": plain(row["line"]),
        "source_id": plain(row["source_id"]),
        "box": single.get("box"),
        "members": members,
        "value": plain(row["value"]),
        "limit": plain(row["limit"]),
        "unit": plain(row["unit"]),
        "message": row["message"],
        "mend": plain(row["mend"]),
        "definition": plain(row["definition"]),
    }


def _box(edges: np.ndarray[Any, Any]) -> list[float | None] | None:
    finite = np.isfinite(edges)
    if not finite.any():
        return None
    return [v if ok else None for v, ok in zip(edges.tolist(), finite.tolist(), strict=True)]


def plain(value: Any) -> Any:  # a cell of a table
    """The JSON value of a cell; null for what is unknown and what is no number."""
    if value is None or value is pd.NA:
        return None
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value
