"""Audit a COCO file and print the findings, as `curate audit` does.

Run: python examples/audit_labels.py
"""

import json
import tempfile
from pathlib import Path

import curate

LABELS = {
    "images": [{"id": 1, "file_name": "gate.jpg", "width": 640, "height": 480}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [600, 100, 80, 120], "area": 9600},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [50, 60, 0, 90], "area": 0},
    ],
    "categories": [{"id": 1, "name": "person"}],
}

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "gate.json"
    path.write_text(json.dumps(LABELS))
    findings = curate.audit(path)
    for row in findings.table.to_dict("records"):
        print(row["check"], row["source_id"], row["message"])
