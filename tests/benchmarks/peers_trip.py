"""COCO through another format and back, by supervision or Datumaro; runs in their environment.

    python peers_trip.py TOOL FORMAT COCO_FILE PICTURES FOLDER

TOOL is supervision or datumaro, FORMAT voc or yolo. FOLDER gets the files between and, last,
`back.json`: the COCO file that the tool makes of them. Each step uses the tool as its own
documentation shows it, with its defaults.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

BACK_FILE = "back.json"


def supervision_trip(target: str, labels: Path, pictures: Path, folder: Path) -> None:
    """Nothing; supervision there and back."""
    import supervision

    dataset = supervision.DetectionDataset.from_coco(str(pictures), str(labels))
    between = {name: str(folder / name) for name in ("images", "labels")}
    data_yaml = str(folder / "data.yaml")
    if target == "voc":
        dataset.as_pascal_voc(between["images"], between["labels"])
        again = supervision.DetectionDataset.from_pascal_voc(between["images"], between["labels"])
    else:
        dataset.as_yolo(between["images"], between["labels"], data_yaml)
        again = supervision.DetectionDataset.from_yolo(
            between["images"], between["labels"], data_yaml
        )
    again.as_coco(annotations_path=str(folder / BACK_FILE))


def datumaro_trip(target: str, labels: Path, pictures: Path, folder: Path) -> None:
    """Nothing; Datumaro there and back."""
    from datumaro.components.dataset import Dataset

    # Its COCO reader wants this layout and file name.
    source = folder / "source"
    (source / "annotations").mkdir(parents=True)
    shutil.copy(labels, source / "annotations" / "instances_train.json")
    shutil.copytree(pictures, source / "images" / "train")
    formats = {"voc": "voc_detection", "yolo": "yolo"}
    dataset = Dataset.import_from(str(source), "coco_instances")
    dataset.export(str(folder / "between"), formats[target], save_media=True)
    again = Dataset.import_from(str(folder / "between"), formats[target])
    again.export(str(folder / "back"), "coco_instances", save_media=False)
    written = sorted((folder / "back").glob("**/instances_*.json"))
    # One file for each split; there was one.
    shutil.copy(written[0], folder / BACK_FILE)
    if len(written) != 1:
        names = [path.name for path in written]
        raise ValueError(f"Datumaro wrote {names}, expected one file")


def main() -> None:
    """Nothing; leaves `back.json`."""
    tool, target, *paths = sys.argv[1:]
    labels, pictures, folder = map(Path, paths)
    folder.mkdir(parents=True)
    trips = {"supervision": supervision_trip, "datumaro": datumaro_trip}
    trips[tool](target, labels, pictures, folder)
    json.loads((folder / BACK_FILE).read_text("utf-8"))


if __name__ == "__main__":
    main()
