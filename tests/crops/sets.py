"""A small set made on the spot: pictures, objects, and what a detector made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 160, 120
CLASSES = ("person", "car")


def picture(seed: int, *, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Soft colours that differ from picture to picture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def make(folder: Path, n_images: int = 12, seed: int = 0) -> Path:
    """The folder, which now holds `images/`, `truth.json` and `dets.json` (COCO results).

    Of four objects in a picture, which lie apart, the detector finds three, one of them twice; it
    has a false alarm, and a detection of a low score.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    images, objects, found = [], [], []
    for number in range(n_images):
        name = f"{'ab'[number % 2]}/{number:05d}.jpg"
        path = folder / "images" / name
        path.parent.mkdir(exist_ok=True)
        picture(number).save(path, quality=92)
        images.append({"id": number + 1, "file_name": name, "width": WIDTH, "height": HEIGHT})
        corners = [(4.0, 4.0), (84.0, 4.0), (4.0, 64.0), (84.0, 64.0)]
        for place, (x, y) in enumerate(corners):
            box = [x + rng.integers(0, 8), y + rng.integers(0, 8), 40.0, 36.0]
            objects.append(annotation(len(objects) + 1, number + 1, 1 + place % 2, box))
            if place < 3:
                near = [edge + float(rng.normal(0, 1)) for edge in box]
                score = round(float(rng.uniform(0.3, 0.99)), 4)
                found.append(detection(number + 1, 1 + place % 2, near, score))
            if place == 0:
                again = [box[0] + 1.5, *box[1:]]
                found.append(detection(number + 1, 1, again, 0.2))
        found.append(detection(number + 1, 1, [55.0, 40.0, 26.0, 30.0], 0.4))
        found.append(detection(number + 1, 2, [60.0, 50.0, 25.0, 25.0], 0.01))
    kinds = [{"id": n, "name": name} for n, name in enumerate(CLASSES, 1)]
    truth = {"images": images, "annotations": objects, "categories": kinds}
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "dets.json").write_text(json.dumps(found))
    return folder


def annotation(number: int, image: int, category: int, box: list[float]) -> dict[str, Any]:
    """One object as COCO has it."""
    area = box[2] * box[3]
    return {"id": number, "image_id": image, "category_id": category, "bbox": box, "area": area}


def detection(image: int, category: int, box: list[float], score: float) -> dict[str, Any]:
    """One result as COCO has it."""
    return {"image_id": image, "category_id": category, "bbox": box, "score": score}


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the state that runs keep for themselves, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".curate" not in path.parts
    }
