"""How the cost of an audit with all definitions grows with the number of boxes.

Datasets of 0.1 to 4 million boxes are made in memory, a crowd of the same density in each, and
audited in a process of their own, the sizes taking turns.

    python tests/benchmarks/bench_scaling.py [--boxes N ...] [--runs N] [--json FILE]

Prints median seconds, peak memory, and the exponent b of seconds = a * boxes ** b by least squares
of the logarithms: 1 is linear. Linux and macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
SIZES = (100_000, 300_000, 1_000_000, 2_000_000, 4_000_000)
PER_IMAGE = 8

AUDIT = """
import json, resource, sys, time
import numpy as np
from curate import auditing
from tests.benchmarks.bench_scaling import made
dataset = made(int(sys.argv[1]))
start_s = time.perf_counter()
findings = auditing.audit(dataset, definitions=["project.phone"])
wall_s = time.perf_counter() - start_s
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"wall_s": wall_s, "peak": peak, "findings": len(findings)}))
"""
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # unit of ru_maxrss, getrusage(2)


def made(n_boxes: int):  # curate.dataset.Dataset, which loads pandas
    """A dataset of boxes of people, heads and cars, `PER_IMAGE` in each image on average."""
    from curate.dataset import empty_dataset
    from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS, box_hashes, key_hashes, make_table

    rng = np.random.default_rng(11)
    n_images = max(n_boxes // PER_IMAGE, 1)
    image_ids = key_hashes(f"s/{number:08d}.jpg" for number in range(n_images))
    images = make_table(
        IMAGE_COLUMNS,
        n_images,
        {"image_id": image_ids, "image_key": [f"s/{n:08d}.jpg" for n in range(n_images)],
         "source": "s", "width": np.full(n_images, 640), "height": np.full(n_images, 480),
         "box_frame": "upright", "label_state": "present"},
    )  # fmt: skip
    of_image = np.sort(rng.integers(0, n_images, n_boxes))
    sides = np.exp(rng.normal(4.0, 0.6, (n_boxes, 2))).clip(6, 300)
    corners = rng.uniform(0, 1, (n_boxes, 2)) * ([640, 480] - sides)
    labels = np.array(["person", "head", "car"], object)[rng.integers(0, 3, n_boxes)]
    boxes = make_table(
        BOX_COLUMNS,
        n_boxes,
        {"box_id": box_hashes(image_ids[of_image], np.arange(n_boxes)),
         "image_id": image_ids[of_image], "shape": "box", "source_label": labels, "label": labels,
         "role": "include", "origin": "human", "file": "labels.csv",
         "x1": corners[:, 0], "y1": corners[:, 1],
         "x2": corners[:, 0] + sides[:, 0], "y2": corners[:, 1] + sides[:, 1]},
    )  # fmt: skip
    return empty_dataset("s").with_tables(images=images, boxes=boxes)


def run(n_boxes: int) -> dict[str, float]:
    """Seconds, peak memory in bytes and findings of one audit in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", AUDIT, str(n_boxes)],
        check=True, capture_output=True, text=True, env=environment, cwd=REPOSITORY,
    )  # fmt: skip
    measured: dict[str, float] = json.loads(done.stdout)
    return measured | {"peak": measured["peak"] * MAXRSS_BYTES}


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of log seconds over log size."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--boxes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args(argv)
    rounds = [{size: run(size) for size in told.boxes} for _ in range(told.runs)]
    rows = []
    for size in told.boxes:
        wall_s = median(one[size]["wall_s"] for one in rounds)
        peak_mb = max(one[size]["peak"] for one in rounds) / 1e6
        rows.append({"boxes": size, "wall_s": wall_s, "peak_mb": peak_mb})
        print(f"{size:>9} boxes  {wall_s:7.2f} s  {peak_mb:7.0f} MB")
    slope = exponent(told.boxes, [row["wall_s"] for row in rows]) if len(rows) > 1 else float("nan")
    print(f"exponent {slope:.2f} (1 is linear)")
    if told.json:
        told.json.write_text(json.dumps({"rows": rows, "exponent": slope}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
