"""`curate crops` as a whole beside the loops that people write and the bare floor.

    python -m tests.benchmarks.bench_crops [--images 1000] [--rounds 5] [--json FILE]

Ours reads annotations and results from COCO files, matches, labels, plans, cuts, writes the
pictures with their hashes, the manifest as Parquet and CSV, and publishes the set; the others only
cut and write. Loops and photographs: `crop_peers.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from curate.cli import main as curate
from tests.benchmarks.crop_peers import (
    GEOMETRY,
    HEIGHT,
    N_BOXES,
    OURS,
    QUALITY,
    SIZE,
    WIDTH,
    Photograph,
    curate_functions,
    cv2_loop,
    floor,
    make,
    pillow_loop,
    ratio,
)

WHOLE = "curate crops"
LOOPS = {"cv2 loop": cv2_loop, "Pillow loop": pillow_loop, "floor": floor, OURS: curate_functions}
assert QUALITY == 95


def write_labels(photographs: Sequence[Photograph], folder: Path) -> None:
    """COCO annotations and results whose crops are those of the loops.

    The box of a crop is its rectangle without the margin; every other one is an object.
    """
    images, objects, found = [], [], []
    for number, photograph in enumerate(photographs):
        name = photograph.path.name
        images.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
        for place, (x1, y1, x2, y2) in enumerate(photograph.rectangles.tolist()):
            side = x2 - x1
            inner = min(side / (1 + 2 * GEOMETRY.margin_frac), side - 2 * GEOMETRY.min_margin_px)
            corner = [(x1 + x2 - inner) / 2, (y1 + y2 - inner) / 2]
            own = {"image_id": number, "category_id": 1, "bbox": [*corner, inner, inner]}
            found.append(own | {"score": round(0.2 + 0.1 * place, 2)})
            if place % 2:
                objects.append(own | {"id": len(objects) + 1})
    kinds = [{"id": 1, "name": "thing"}]
    document = {"images": images, "annotations": objects, "categories": kinds}
    (folder / "truth.json").write_text(json.dumps(document))
    (folder / "dets.json").write_text(json.dumps(found))


def whole_seconds(folder: Path, n_crops: int) -> float:
    """The wall time of the command, from the files to the published set."""
    spec = "version: 1\nmin_side_px: 0\n"
    (folder / "spec.yaml").write_text(spec)
    out = folder / "set"
    words = ["crops", str(folder / "truth.json"), "--from-detector", str(folder / "dets.json")]
    words += ["--images", str(folder / "photographs"), "-o", str(out), "--size", str(SIZE)]
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = curate([*words, "--spec", str(folder / "spec.yaml"), "--json"])
    passed = time.perf_counter() - start
    told = json.loads(said.getvalue())
    assert code == 0
    assert told["statuses"]["made"] == n_crops, told["statuses"]
    shutil.rmtree(out)
    return passed


def seconds(loop, photographs: Sequence[Photograph], folder: Path) -> float:
    """The wall time of one loop into a new folder that is removed again."""
    out = Path(tempfile.mkdtemp(dir=folder))
    start = time.perf_counter()
    loop(photographs, out)
    passed = time.perf_counter() - start
    shutil.rmtree(out)
    return passed


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    real = os.environ.get("CURATE_REAL_DATA")
    n_crops = given.images * N_BOXES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photographs").mkdir()
        photographs = make(folder / "photographs", given.images, Path(real) if real else None)
        write_labels(photographs, folder)
        taken: dict[str, list[float]] = {name: [] for name in (*LOOPS, WHOLE)}
        # The first run compiles what numba keeps for the next.
        whole_seconds(folder, n_crops)
        for _ in range(given.rounds):
            for loop_name, loop in LOOPS.items():
                taken[loop_name].append(seconds(loop, photographs, folder))
            taken[WHOLE].append(whole_seconds(folder, n_crops))
    for loop_name, passed in taken.items():
        middle = statistics.median(passed)
        times = ratio(taken, loop_name, WHOLE)
        print(f"{loop_name:20}{n_crops / middle:8.0f} crops/s  {times:5.2f} x the time of {WHOLE}")
    print(f"{WHOLE} takes {1 / ratio(taken, 'floor', WHOLE):.2f} x the time of the floor")
    if given.json:
        document = {"images": given.images, "crops": n_crops, "seconds": taken}
        given.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
