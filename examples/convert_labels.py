"""Write COCO labels as VOC and see what VOC cannot hold.

Run: python examples/convert_labels.py
"""

import json
import tempfile
from pathlib import Path

import curate

LABELS = {
    "images": [{"id": 1, "file_name": "gate.jpg", "width": 640, "height": 480}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], "weather": "rain"},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [100, 20, 90, 40], "iscrowd": 1},
    ],
    "categories": [{"id": 1, "name": "person"}],
}

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "gate.json"
    path.write_text(json.dumps(LABELS))
    report = curate.write(curate.read(path), "voc", Path(folder) / "voc")
    print(report)
    print((Path(folder) / "voc/Annotations/gate.xml").read_text())
