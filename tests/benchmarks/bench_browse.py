"""How fast `curate browse` builds and refreshes a FiftyOne dataset, beside FiftyOne's own way.

5,000 images with 7 boxes and 7 predictions each, some with findings. The loop by hand is the
quickest of those that FiftyOne's documentation shows: samples with their labels made in Python,
handed to `add_samples` in one call, without matches, findings and views. Both run in turns in one
process, against one database.

    python tests/benchmarks/bench_browse.py [--images N] [--runs N] [--json FILE]

Needs FiftyOne (`.ci/fiftyone` installs it). Prints median seconds, and the ratios.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import curate  # noqa: E402
from curate.dataset import Findings  # noqa: E402
from tests.tools.fiftyone import database  # noqa: E402  # after the path is known

PER_IMAGE = 7
WIDTH, HEIGHT = 640, 480
CLASSES = ("person", "car", "rider")


def pictures(folder: Path, n_images: int) -> None:
    """Pictures that differ in a byte after their end: nothing here decodes them."""
    from PIL import Image

    folder.mkdir()
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "0.png")
    body = (folder / "0.png").read_bytes()
    for number in range(n_images):
        (folder / f"{number}.png").write_bytes(body + number.to_bytes(2, "big"))


def labels(folder: Path, n_images: int, *, scores: bool) -> Path:
    """A COCO file of made-up boxes; with scores a results file."""
    random = np.random.default_rng(7)
    x, y = random.uniform(0, WIDTH - 100, (2, n_images * PER_IMAGE)).round(1)
    w, h = random.uniform(4, 100, (2, n_images * PER_IMAGE)).round(1)
    # Findings: boxes that reach out of their picture.
    x[::100] = WIDTH - 2
    w[::100] = 20.0
    if scores:
        x, y = x + random.uniform(-3, 3, x.shape).round(1), y
    kinds = random.integers(0, len(CLASSES), len(x))
    boxes = [
        {"id": n + 1, "image_id": n // PER_IMAGE + 1, "category_id": int(kinds[n]) + 1,
         "bbox": [x[n], y[n], w[n], h[n]], "area": w[n] * h[n], "iscrowd": 0}
        for n in range(len(x))
    ]  # fmt: skip
    if scores:
        rows = [{k: box[k] for k in ("image_id", "category_id", "bbox")} for box in boxes]
        found: Any = [row | {"score": round(0.1 + n % 90 / 100, 2)} for n, row in enumerate(rows)]
    else:
        images = [
            {"id": n + 1, "file_name": f"{n}.png", "width": WIDTH, "height": HEIGHT}
            for n in range(n_images)
        ]
        names = [{"id": n, "name": name} for n, name in enumerate(CLASSES, 1)]
        found = {"images": images, "annotations": boxes, "categories": names}
    path = folder / ("detections.json" if scores else "labels.json")
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def by_hand(fo: Any, dataset: Any, predictions: Any) -> None:
    """The same samples by FiftyOne's own classes, all at once."""
    target = fo.Dataset("by-hand", persistent=True, overwrite=True)
    root = dataset.images_root
    truth = shapes_by_image(fo, dataset.boxes)
    found = shapes_by_image(fo, predictions.boxes)
    samples = []
    for row in dataset.images.itertuples():
        sample = fo.Sample(
            filepath=str(root / row.path),
            tags=["train"],
            metadata=fo.ImageMetadata(width=WIDTH, height=HEIGHT),
        )
        sample["ground_truth"] = fo.Detections(detections=truth.get(row.image_id, []))
        sample["predictions"] = fo.Detections(detections=found.get(row.image_id, []))
        samples.append(sample)
    target.add_samples(samples)


def shapes_by_image(fo: Any, boxes: Any) -> dict[int, list[Any]]:
    """FiftyOne's detections by image."""
    found: dict[int, list[Any]] = {}
    columns = ("image_id", "label", "x1", "y1", "x2", "y2", "score")
    for image, label, x1, y1, x2, y2, score in zip(
        *(boxes[c].tolist() for c in columns), strict=True
    ):
        place = [x1 / WIDTH, y1 / HEIGHT, (x2 - x1) / WIDTH, (y2 - y1) / HEIGHT]
        confidence = None if score != score else score
        shape = fo.Detection(label=label, bounding_box=place, confidence=confidence)
        found.setdefault(image, []).append(shape)
    return found


def timed(function: Callable[[], Any]) -> float:
    """Seconds of a call, without clearing up after the one before."""
    gc.collect()
    gc.freeze()
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(n_images: int, n_runs: int) -> dict[str, float]:
    """Median seconds of building by hand, building and refreshing by curate."""
    with tempfile.TemporaryDirectory(prefix="browse-") as temporary:
        folder = Path(temporary)
        pictures(folder / "images", n_images)
        path = labels(folder, n_images, scores=False)
        dataset = curate.read(path, images=folder / "images")
        told = curate.ReadOptions(truth=path)
        predictions = curate.read(labels(folder, n_images, scores=True), told)
        findings = curate.audit(dataset)
        with database(folder / "database"):
            return _measured(dataset, predictions, findings, n_runs)


def _measured(dataset: Any, predictions: Any, findings: Findings, n_runs: int) -> dict[str, float]:
    import fiftyone as fo

    from curate.browse.building import build

    changed = one_changed(findings)
    seconds: dict[str, list[float]] = {"by hand": [], "build": [], "refresh": [], "same": []}
    for number in range(n_runs):
        name = f"curate/bench-{number}"
        shown = partial(build, dataset, predictions=predictions, name=name)
        seconds["by hand"].append(timed(partial(by_hand, fo, dataset, predictions)))
        seconds["build"].append(timed(partial(shown, findings=findings)))
        seconds["refresh"].append(timed(partial(shown, findings=changed)))
        seconds["same"].append(timed(partial(shown, findings=changed)))
        fo.delete_dataset(name)
    return {name: median(own) for name, own in seconds.items()}


def one_changed(findings: Findings) -> Findings:
    """The findings with another message of one that is about a single box."""
    table = findings.table.copy()
    row = int(np.flatnonzero(table["box_id"].notna())[0])
    table.loc[row, "message"] = "another message"
    return Findings(table, findings.dataset)


def parse_arguments() -> argparse.Namespace:
    """Options and values that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    return parser.parse_args()


def main() -> int:
    """Exit code 0 when curate is as quick as the loop and refreshes in a tenth of it, else 1."""
    asked = parse_arguments()
    seconds = measure(asked.images, asked.runs)
    ratios = {
        "build / by hand": seconds["build"] / seconds["by hand"],
        "refresh / build": seconds["refresh"] / seconds["build"],
        "refresh / by hand": seconds["refresh"] / seconds["by hand"],
    }
    for name, value in seconds.items():
        print(f"{name:18} {value:8.2f} s")
    for name, value in ratios.items():
        print(f"{name:18} {value:8.3f}")
    if asked.json is not None:
        document = {"schema": "curate-benchmark.browse/1", "seconds": seconds, "ratios": ratios}
        asked.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return int(ratios["build / by hand"] > 1 or ratios["refresh / by hand"] >= 0.1)


if __name__ == "__main__":
    sys.exit(main())
