"""Matching 500,000 detections to 37,000 objects: curate and faster-coco-eval, side by side.

    python tests/benchmarks/bench_matching.py [--rounds N] [--runs N] [--json FILE]

The set is like COCO val2017 with 100 detections per image: 5,000 images, 80 classes of which some
are frequent, 1 % of the objects crowds. It is made here. Both take turns, each in a fresh process
that matches it N times, by one limit of IoU and at most 100 detections per image and class. The
time is that of everything from rows in any order to pairs: grouping, overlaps, assignment. Reading
and building objects in memory are left out of both. What numba compiles is compiled before, and
told. Both must find the same pairs.

Prints medians and their ratio. Ends with 1 when a contender failed or the pairs differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from peers import PeersError, ensure, environment

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
PINS = HERE / "peers_eval.txt"

N_IMAGES, N_OBJECTS, N_DETECTIONS, N_CLASSES = 5_000, 37_000, 500_000, 80
CROWDS_FRAC = 0.01
SIZE_WH = np.array([640.0, 480.0])
WANTED_RATIO = 15

MATCH_CURATE = """
import hashlib, json, sys, time
import numpy as np
from curate.matching import Detections, MatchRule, Objects, match
a = np.load(sys.argv[1])
ids = {kind: np.arange(1, len(a[f"{kind}_image"]) + 1) for kind in ("objects", "detections")}
found = Detections(a["detections_image"], a["detections_xyxy"], a["detections_label"],
                   a["detections_score"], ids["detections"])
truth = Objects(a["objects_image"], a["objects_xyxy"], a["objects_label"], ids["objects"],
                a["objects_iscrowd"] > 0)
rule = MatchRule(max_per_image=100)
few = slice(0, 8)
start_s = time.perf_counter()
match(Detections(*(getattr(found, name)[few] for name in Detections.__annotations__)),
      Objects(*(getattr(truth, name)[few] for name in Objects.__annotations__)), rule)
first_s = time.perf_counter() - start_s
wall_s = []
for _ in range(int(sys.argv[2])):
    start_s = time.perf_counter()
    matched = match(found, truth, rule)
    wall_s.append(time.perf_counter() - start_s)
rows = np.flatnonzero(matched.object_row >= 0)
pairs = np.column_stack([rows, matched.object_row[rows]]) + 1
digest = hashlib.sha256(json.dumps(pairs.tolist()).encode()).hexdigest()
print(json.dumps({"first_s": first_s, "wall_s": wall_s, "n": len(pairs), "pairs": digest}))
"""


def make(path: Path, seed: int = 17) -> None:
    """Writes the set as arrays: boxes in px edges, codes of images and classes from 0."""
    rng = np.random.default_rng(seed)
    often = 1 / np.arange(1, N_CLASSES + 1)
    image = np.sort(rng.integers(0, N_IMAGES, N_OBJECTS))
    label = rng.choice(N_CLASSES, N_OBJECTS, p=often / often.sum())
    objects = _boxes(rng, N_OBJECTS)
    # Per image 100: about objects of it (where it has any), the worse the lower the score.
    of_image = np.repeat(np.arange(N_IMAGES), N_DETECTIONS // N_IMAGES)
    first = np.searchsorted(image, of_image)
    n_there = np.searchsorted(image, of_image, side="right") - first
    about = np.minimum(first + rng.integers(0, 1 << 30, N_DETECTIONS) % np.maximum(n_there, 1),
                       N_OBJECTS - 1)  # fmt: skip
    score = rng.beta(0.3, 3, N_DETECTIONS)
    spread = np.exp(rng.normal(-2.5 + 3 * (1 - score), 0.5))[:, None]
    sides = np.tile(objects[about, 2:] - objects[about, :2], 2)
    found = objects[about] + rng.normal(0, 1, (N_DETECTIONS, 4)) * spread * sides * 0.3
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 2)
    is_right = rng.random(N_DETECTIONS) < 0.7
    other = rng.choice(N_CLASSES, N_DETECTIONS, p=often / often.sum())
    np.savez(
        path, n_images=N_IMAGES, n_classes=N_CLASSES,
        objects_image=image, objects_label=label, objects_xyxy=objects,
        objects_iscrowd=(rng.random(N_OBJECTS) < CROWDS_FRAC).astype(np.int64),
        detections_image=of_image, detections_xyxy=found, detections_score=score,
        detections_label=np.where(is_right, label[about], other),
    )  # fmt: skip


def _boxes(rng: np.random.Generator, n_boxes: int) -> np.ndarray[Any, Any]:
    """Boxes in the picture, px edges; sides as in COCO: a median of about 50 px, a long tail."""
    sides = np.exp(rng.normal(4.0, 0.9, (n_boxes, 2))).clip(4, 400)
    corners = rng.uniform(0, 1, (n_boxes, 2)) * (SIZE_WH - sides).clip(0)
    return np.hstack([corners, corners + sides])


def contender(command: Sequence[str | Path], variables: dict[str, str]) -> dict[str, Any]:
    """What a contender prints, as JSON values."""
    texts = list(map(str, command))
    done = subprocess.run(texts, capture_output=True, text=True, env=variables, check=False)
    if done.returncode:
        raise PeersError(f"{texts[0]}: exit {done.returncode}: {done.stderr.strip()[-500:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def compare(folder: Path, n_rounds: int, n_runs: int) -> dict[str, Any]:
    """The figures of both, as JSON values."""
    path = folder / "set.npz"
    make(path)
    peer = [ensure(pins=PINS), HERE / "peers_matching.py", path, str(n_runs)]
    own = [sys.executable, "-c", MATCH_CURATE, path, str(n_runs)]
    # An empty cache of its own: the first process compiles, the later ones take what it left.
    cache = {"NUMBA_CACHE_DIR": str(folder / "numba"), "PYTHONPATH": str(REPOSITORY)}
    variables = {**os.environ, **cache}
    compile_s = contender([*own[:-1], "1"], variables)["first_s"]
    rounds = [(contender(own, variables), contender(peer, environment())) for _ in range(n_rounds)]
    times = {
        "curate": [s for one, _ in rounds for s in one["wall_s"]],
        "faster_coco_eval": [s for _, one in rounds for s in one["wall_s"]],
        "faster_coco_eval_assignment": [s for _, one in rounds for s in one["assignment_s"]],
    }
    return {
        "schema": "curate-benchmark.matching/1",
        "seconds": times,
        "median_s": {name: median(values) for name, values in times.items()},
        "ratio": median(times["faster_coco_eval"]) / median(times["curate"]),
        "compile_s": compile_s,
        "cached_s": median(one["first_s"] for one, _ in rounds),
        "n_pairs": rounds[0][0]["n"],
        "are_pairs_equal": all(one["pairs"] == other["pairs"] for one, other in rounds),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 when both ran and agree, else 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes of each")
    parser.add_argument("--runs", type=int, default=5, help="times that each process matches")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    told = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        try:
            figures = compare(Path(folder), told.rounds, told.runs)
        except PeersError as error:
            print(error, file=sys.stderr)
            return 1
    medians = figures["median_s"]
    print(f"{N_DETECTIONS:,} detections, {N_OBJECTS:,} objects, {N_IMAGES:,} images: medians")
    print(f"curate            {medians['curate']:8.3f} s")
    print(
        f"faster-coco-eval  {medians['faster_coco_eval']:8.3f} s, "
        f"{medians['faster_coco_eval_assignment']:.3f} s of it in C++ to assign"
    )
    print(f"ratio             {figures['ratio']:8.1f}   (wanted: {WANTED_RATIO} or more)")
    print(
        f"compiled once in {figures['compile_s']:.1f} s, then loaded in {figures['cached_s']:.2f} s"
    )
    verdict = "the same" if figures["are_pairs_equal"] else "NOT the same"
    print(f"{verdict} {figures['n_pairs']:,} pairs")
    if told.json:
        told.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if figures["are_pairs_equal"] else 1


if __name__ == "__main__":
    sys.exit(main())
