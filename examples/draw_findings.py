"""Draw a picture of the demo with its boxes, those of a finding in red.

Run: python examples/draw_findings.py findings.png
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

import curate
from curate import walkthrough


def draw(demo: Path, name: str, target: Path) -> None:
    dataset = curate.load(demo / "street_coco.curate")
    table = curate.audit(dataset).table
    image = dataset.images[dataset.images["path"] == name].iloc[0]
    found = {
        box_id: check
        for check, members in zip(table["check"], table["members"], strict=True)
        for box_id in members
    }
    with Image.open(demo / "images" / name) as picture:
        pen = ImageDraw.Draw(picture)
        for row in dataset.boxes[dataset.boxes["image_id"] == image["image_id"]].to_dict("records"):
            check = found.get(row["box_id"])
            edges = (row["x1"], row["y1"], row["x2"], row["y2"])
            pen.rectangle(edges, outline="red" if check else "lime", width=3 if check else 1)
            pen.text((row["x1"], row["y1"] - 18), check or "", fill="red", font_size=15)
        picture.save(target)
    print(f"{target}: {sorted(set(found.values()))} in the whole set")


with tempfile.TemporaryDirectory() as folder:
    walkthrough.run(Path(folder) / "demo")
    draw(Path(folder) / "demo", "street_04.jpg", Path([*sys.argv, f"{folder}/f.png"][1]))
