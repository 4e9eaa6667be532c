"""Makes a small COCO set with all that a converter may trip over, and its pictures.

    python tests/benchmarks/make_trip_set.py FOLDER

writes `instances.json` and `images/`: names with spaces, letters beyond ASCII and folders, a
picture that is turned by EXIF, one without objects, crowds as runs, polygons of one and two rings,
corners between pixels, boxes over the border and without extent, ids with gaps, a class that
nothing has, super-categories, licences, attributes, and keys that COCO does not know.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image

LABELS_FILE = "instances.json"
PICTURES = "images"
_TURNED_RIGHT = 6  # EXIF orientation: stored lying, shown upright
_EXIF_ORIENTATION = 0x0112

Record = dict[str, Any]

# id, name, upright width and height in px.
_IMAGES = (
    (7, "straße übung.jpg", 64, 48),
    (12, "turned.jpg", 48, 64),
    (100, "cam 1/night 02.png", 80, 60),
    (101, "nothing here.jpg", 64, 48),
    (2000, "plain.jpg", 100, 40),
)
_CATEGORIES = (
    {"id": 2, "name": "person", "supercategory": "human", "colour": "#ff0000"},
    {"id": 17, "name": "traffic light", "supercategory": "outdoor"},
    {"id": 18, "name": "Fußgänger", "supercategory": "human"},
    {"id": 90, "name": "never seen", "supercategory": "outdoor"},
)


def document() -> Record:
    """The COCO document."""
    return {
        "info": {"description": "trip set", "version": "1.0", "year": 2024},
        "licenses": [
            {"id": 3, "name": "Attribution License", "url": "http://example.com/by"},
            {"id": 5, "name": "Share-Alike License", "url": "http://example.com/sa"},
        ],
        "images": [_image(*image) for image in _IMAGES],
        "annotations": _annotations(),
        "categories": [dict(category) for category in _CATEGORIES],
        "review_round": 4,
    }


def _image(number: int, name: str, width: int, height: int) -> Record:
    known = {"id": number, "file_name": name, "width": width, "height": height}
    more = {"license": 3 if number < 100 else 5, "date_captured": "2024-05-01 10:00:00"}
    return {**known, **more, **({"camera": "left"} if number == 100 else {})}


def _annotations() -> list[Record]:
    triangle = [10.5, 10.25, 30.5, 10.25, 20.25, 30.75]
    second = [40.0, 20.0, 50.0, 20.0, 50.0, 30.0, 40.0, 30.0]
    # Column by column: 64 columns of 48 px, of which the 11th to 20th are set from row 5 to 14.
    runs = [10 * 48 + 5, *([10, 38] * 9), 10, 44 * 48 + 33]
    crowd = {"size": [48, 64], "counts": runs}
    return [
        _object(3, 7, 2, [10.5, 10.25, 20.0, 20.5], segmentation=[triangle], area=205.0),
        _object(4, 7, 17, [10.5, 10.25, 39.5, 20.5], segmentation=[triangle, second], area=305.0),
        _object(10, 7, 2, [10, 5, 10, 10], segmentation=crowd, iscrowd=1, area=100),
        _object(11, 7, 2, [0, 0, 64, 48]),
        _object(12, 12, 2, [1.125, 2.0625, 30.333333333333332, 40.1]),
        _object(55, 12, 18, [40, 60, 8, 4], attributes={"colour": "red", "occluded": True}),
        _object(56, 100, 17, [-3.5, -2, 20, 20]),
        _object(57, 100, 17, [70, 50, 25, 25], ignore=1),
        _object(58, 100, 18, [5, 5, 0, 0]),
        _object(59, 100, 2, [7, 8, 12, 0]),
        _object(300, 2000, 2, [0.1, 0.2, 99.7, 39.6], note="kerb", reviewed=True),
        _object(301, 2000, 2, [33, 11, 9, 9]),
        _object(1000, 2000, 17, [33, 11, 9, 9], iscrowd=1, segmentation=[]),
    ]


def _object(number: int, image: int, category: int, bbox: list[float], **more: object) -> Record:
    area = bbox[2] * bbox[3]
    known = {"id": number, "image_id": image, "category_id": category, "bbox": bbox}
    return {**known, "area": area, "iscrowd": 0, **more}


def make(folder: Path) -> Path:
    """The COCO file, after it and its pictures were written."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name, width, height in _IMAGES:
        path = folder / PICTURES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(path, number, (width, height))
    labels = folder / LABELS_FILE
    labels.write_text(json.dumps(document(), ensure_ascii=False, indent=1), encoding="utf-8")
    return labels


def _save(path: Path, number: int, size_wh: tuple[int, int]) -> None:
    colour = (number % 256, number // 256, 128)
    if path.name != "turned.jpg":
        Image.new("RGB", size_wh, colour).save(path)
        return
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = _TURNED_RIGHT
    Image.new("RGB", size_wh[::-1], colour).save(path, exif=exif)


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
