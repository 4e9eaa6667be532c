"""Real labels with the real output of a detector over them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from curate.dataset import Dataset
from curate.formats import ReadOptions, read

Pair = tuple[Dataset, Dataset]


def _coco128(root: Path) -> Pair:
    labels = root / "coco128" / "instances_all_as_published.json"
    # The classes of YOLOv5's results are indices, 0 to 79.
    options = ReadOptions(truth=labels, class_ids="index")
    return read(labels), read(root / "coco128" / "yolov5s_predictions.json", options=options)


def _folders(*names: str) -> Callable[[Path], Pair]:
    return lambda root: (read(root / names[0]), read(root / names[1]))


# Truth and detections by name.
PAIRS: dict[str, Callable[[Path], Pair]] = {
    "coco128": _coco128,
    "rodm": _folders("rodm_multiformat/gts/pascalvoc_format", "rodm_multiformat/dets/coco_format"),
    "kitti": _folders("kitti_object6/training", "kitti_object6/frustum_2d_detections"),
    "kitti_results": _folders("kitti_object6/training", "kitti_object6/pointgnn_val_results"),
    "mot_campus": _folders("mot/TUD-Campus/gt.txt", "mot/TUD-Campus/det.txt"),
    "mot_stadtmitte": _folders("mot/TUD-Stadtmitte/gt.txt", "mot/TUD-Stadtmitte/det.txt"),
    # Objects and detections in one source.
    "mot17": _folders("mot/MOT17-mini", "mot/MOT17-mini"),
}
