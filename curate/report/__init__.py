"""Findings as JSON, text and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Findings
from curate.tables import hex_id

__all__ = ["to_csv", "to_document", "to_json", "to_text"]

AUDIT_SCHEMA = "curate.audit/1"
SHOWN_PER_CHECK = 10
_CSV_COLUMNS = (
    "finding_id", "check", "name", "level", "image", "file", "line", "source_id", "value",
    "limit", "unit", "members", "message", "mend",
)  # fmt: skip


def to_document(findings: Findings, source: str) -> dict[str, Any]:
    """The audit as JSON values, schema `curate.audit/1` (`schemas/audit-1.schema.json`).

    Ids are 16 hex digits, boxes [x1, y1, x2, y2] in px, half-open; null means unknown.
    """
    dataset = findings.dataset
    return {
        "schema": AUDIT_SCHEMA,
        "source": source,
        "images": len(dataset.images),
        "boxes": len(dataset.boxes),
        "counts": findings.counts,
        "findings": list(_rows(findings)),
    }


def to_json(findings: Findings, source: str) -> str:
    """The audit as JSON text, ending in a line feed."""
    document = to_document(findings, source)
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(findings: Findings) -> str:
    """The audit as CSV (RFC 4180), one row per finding; `members` is their number."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _CSV_COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in _rows(findings):
        writer.writerow(row | {"members": len(row["members"])})
    return text.getvalue()


def to_text(findings: Findings, *, show_all: bool = False) -> str:
    """The audit as lines `place: code level: message - mend`, the ten worst of each check."""
    lines = []
    table = findings.table
    images = _image_keys(findings)
    for code, group in table.groupby("check", sort=False):
        rows = group if show_all else group.head(SHOWN_PER_CHECK)
        for row in rows.to_dict("records"):
            lines.append(_line(row, images, findings.dataset.name))
        if len(rows) < len(group):
            lines.append(f"  … {len(group) - len(rows)} more {code} (--all shows them)")
    return "".join(f"{line}\n" for line in lines)


def _line(row: dict[Any, Any], images: dict[int, str], source: str) -> str:
    place = row["file"] if isinstance(row["file"], str) else source
    if not pd.isna(row["line"]):
        place += f":{row['line']}"
    image = "" if pd.isna(row["image_id"]) else images.get(row["image_id"], "").partition("/")[2]
    who = f" {image}" if image and image != place else ""
    who += f" [{row['source_id']}]" if isinstance(row["source_id"], str) else ""
    mend = f" - {row['mend']}" if isinstance(row["mend"], str) else ""
    text = f"{place}{who}: {row['check']} {row['name']} ({row['level']}): {row['message']}{mend}"
    # A file name may hold a line feed: one finding stays one line.
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _image_keys(findings: Findings) -> dict[int, str]:
    images = findings.dataset.images
    return dict(zip(images["image_id"].tolist(), images["image_key"].tolist(), strict=True))


def _rows(findings: Findings) -> Iterator[dict[str, Any]]:
    """The findings as JSON values; members carry their boxes."""
    boxes = findings.dataset.boxes
    keys = _image_keys(findings)
    position = pd.Index(boxes["box_id"].to_numpy(np.int64))
    edges = boxes[["x1", "y1", "x2", "y2"]].to_numpy(np.float64)
    files, ids = boxes["file"].to_numpy(object), boxes["source_id"].to_numpy(object)
    lines = boxes["line"].to_numpy(object)
    images = boxes["image_id"].to_numpy(np.int64)
    # One lookup of all members at once: a lookup per finding costs a hundred times as much.
    counts = [len(members) for members in findings.table["members"]]
    flat = [member for members in findings.table["members"] for member in members]
    rows = position.get_indexer(np.asarray(flat, np.int64)).tolist() if flat else []
    at = 0
    for finding, count in zip(findings.table.to_dict("records"), counts, strict=True):
        members = [
            {
                "image": keys.get(int(images[row])),
                "file": _plain(files[row]),
                "source_id": _plain(ids[row]),
                "line": _plain(lines[row]),
                "box": _box(edges[row]),
            }
            for row in rows[at : at + count]
        ]
        at += count
        places = json.loads(finding["places"]) if isinstance(finding["places"], str) else []
        yield _finding(finding, keys, members + [_place(place) for place in places])


def _finding(
    row: dict[Any, Any], keys: dict[int, str], members: list[dict[str, Any]]
) -> dict[str, Any]:
    image = None if pd.isna(row["image_id"]) else keys.get(int(row["image_id"]))
    single = members[0] if len(members) == 1 else {}
    return {
        "finding_id": hex_id(int(row["finding_id"])),
        "check": row["check"],
        "name": row["name"],
        "level": row["level"],
        "image": image,
        "file": _plain(row["file"]),
        "line": _plain(row["line"]),
        "source_id": _plain(row["source_id"]),
        "box": single.get("box"),
        "members": members,
        "value": _plain(row["value"]),
        "limit": _plain(row["limit"]),
        "unit": _plain(row["unit"]),
        "message": row["message"],
        "mend": _plain(row["mend"]),
    }


def _place(place: dict[str, Any]) -> dict[str, Any]:
    return {key: place.get(key) for key in ("image", "file", "source_id", "line")} | {"box": None}


def _box(edges: np.ndarray[Any, Any]) -> list[float | None] | None:
    finite = np.isfinite(edges)
    if not finite.any():
        return None
    return [v if ok else None for v, ok in zip(edges.tolist(), finite.tolist(), strict=True)]


def _plain(value: Any) -> Any:  # a cell of a table
    if value is None or value is pd.NA:
        return None
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value
