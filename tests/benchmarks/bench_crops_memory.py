"""Peak memory of `curate crops` by the number of images, 7 detections on each.

    python -m tests.benchmarks.bench_crops_memory --images 1000 10000 100000

The pictures are links to a few, so that the disk holds the crops and not the pictures too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES = 50
PER_IMAGE = 7
SIDE = 160


def make(folder: Path, n_images: int) -> None:
    """Pictures, COCO annotations and results of so many images."""
    (folder / "seed").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
        coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / "seed" / f"{number}.jpg", quality=90)
    (folder / "images").mkdir()
    boxes = rng.uniform(0, SIDE - 60, (n_images, PER_IMAGE, 2)).round(2)
    sides = rng.uniform(30, 60, (n_images, PER_IMAGE, 2)).round(2)
    scores = rng.uniform(0.1, 1, (n_images, PER_IMAGE)).round(4)
    images, truth, found = [], [], []
    for number in range(n_images):
        name = f"{number:07d}.jpg"
        os.link(folder / "seed" / f"{number % PICTURES}.jpg", folder / "images" / name)
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        for place in range(PER_IMAGE):
            bbox = [*boxes[number, place].tolist(), *sides[number, place].tolist()]
            own = {"image_id": number, "category_id": 1, "bbox": bbox}
            found.append(own | {"score": scores[number, place].item()})
            if place < 3:
                truth.append(own | {"id": len(truth) + 1})
    kinds = [{"id": 1, "name": "thing"}]
    document = {"images": images, "annotations": truth, "categories": kinds}
    (folder / "truth.json").write_text(json.dumps(document))
    (folder / "dets.json").write_text(json.dumps(found))


def peak_mb(folder: Path, size: int) -> float:
    """Peak resident memory in MB of a process that makes the set."""
    command = [sys.executable, "-m", "curate", "crops", "truth.json", "--from-detector"]
    command += ["dets.json", "--images", "images", "-o", "out", "--size", str(size)]
    watch = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True,"
        " stdout=subprocess.DEVNULL);"
        " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", watch, *command], cwd=folder, check=True, capture_output=True
    )
    return int(done.stdout) / 1024


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--size", type=int, default=64)
    given = parser.parse_args()
    first = None
    for n_images in given.images:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), n_images)
            found = peak_mb(Path(folder), given.size)
        first = first or (n_images, found)
        more = (found - first[1]) / max(n_images - first[0], 1) * 1e6 / 1000
        print(f"{n_images:>8} images: {found:.0f} MB, {more:.2f} kB for each image more")


if __name__ == "__main__":
    main()
