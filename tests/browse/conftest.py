"""A database of FiftyOne's own for these tests, and a small set to show in it."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import curate
from tests.tools.fiftyone import database, why_not

SIDEWAYS = 6  # EXIF: the top of the upright picture is the right side of the stored one


@pytest.fixture(scope="session")
def database_uri(tmp_path_factory: pytest.TempPathFactory):
    """The address of a database that FiftyOne uses; skips where there is no FiftyOne."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with database(tmp_path_factory.mktemp("fiftyone") / "database") as uri:
        yield uri


@pytest.fixture
def fo(database_uri):
    """FiftyOne, without datasets."""
    module = importlib.import_module("fiftyone")
    assert module.config.database_uri == database_uri
    yield module
    for name in module.list_datasets():
        module.delete_dataset(name)


def picture(path: Path, size_wh: tuple[int, int], orientation: int = 1) -> None:
    """A picture of a stored size, its colour by its name, with an EXIF orientation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.new("RGB", size_wh, (90, 120, sum(path.name.encode()) % 200))
    image.save(path, exif=exif.tobytes() if orientation != 1 else b"")


def coco(folder: Path, images: list[dict], boxes: list[dict]) -> Path:
    """A COCO file of images (file_name, width, height) and boxes (image, bbox, ...)."""
    document = {
        "images": [{"id": n, **image} for n, image in enumerate(images, 1)],
        "annotations": [
            {"id": n, "category_id": 1, "iscrowd": 0,
             "area": box["bbox"][2] * box["bbox"][3], **box}
            for n, box in enumerate(boxes, 1)
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}],
    }  # fmt: skip
    path = folder / "labels.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def street(tmp_path: Path):
    """Three pictures, of which one lies in a subfolder and one has a name in Chinese.

    The third box reaches 20 px out of its picture, which is BOX-002.
    """
    names = ["a.jpg", "low/b.jpg", "行人.jpg"]
    for name in names:
        picture(tmp_path / "images" / name, (100, 50))
    images = [{"file_name": name, "width": 100, "height": 50} for name in names]
    boxes = [
        {"image_id": 1, "bbox": [10, 20, 20, 5]},
        {"image_id": 1, "bbox": [50, 10, 10, 10], "category_id": 2},
        {"image_id": 2, "bbox": [80, 10, 40, 20]},
        {"image_id": 3, "bbox": [0, 0, 30, 30]},
    ]
    return curate.read(coco(tmp_path, images, boxes), images=tmp_path / "images")


def predicted(street, scores: list[float]):
    """The street's boxes as a detector gives them, moved: IoU 1, 0 (another class), 1/3, ..."""
    boxes = street.boxes.assign(score=np.array(scores), origin="detector")
    boxes.loc[1, "label"] = "person"
    boxes.loc[3, ["x1", "x2"]] = [15.0, 45.0]
    return replace(street, boxes=boxes)
