"""Seconds that faster-coco-eval takes to match detections; runs in its own environment.

    python peers_matching.py FILE N

FILE is what `bench_matching.py` makes, N the number of runs. One overlap limit, one area range, 100
detections per image and class, no accumulation: no more than the matching. Prints JSON: seconds of
`evaluate()`, which groups, computes overlaps and assigns, and of the assignment in C++ alone.
`pairs` is a digest of the pairs that it matched.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import faster_coco_eval.core.faster_eval_api as api
import numpy as np
from faster_coco_eval import COCO, COCOeval_faster


def annotations(arrays: Any, kind: str) -> list[dict[str, Any]]:  # numpy's archive
    """COCO records of the objects or the detections."""
    xyxy = arrays[f"{kind}_xyxy"]
    xywh = np.hstack([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]])
    last = "iscrowd" if kind == "objects" else "score"
    values = [arrays[f"{kind}_{name}"].tolist() for name in ("image", "label", last)]
    return [
        {"id": row, "image_id": image + 1, "category_id": label + 1, "bbox": bbox,
         "area": bbox[2] * bbox[3], last: value, **({} if last == "iscrowd" else {"iscrowd": 0})}
        for row, (bbox, image, label, value) in enumerate(
            zip(xywh.tolist(), *values, strict=True), start=1
        )
    ]  # fmt: skip


def evaluator(truth: COCO, found: COCO, *, is_separate: bool) -> COCOeval_faster:
    """One that does no more than the matching, or accumulates too and names the pairs."""
    made = COCOeval_faster(
        truth, found, "bbox", separate_eval=is_separate, print_function=lambda *_: None
    )
    made.params.iouThrs = np.array([0.5])
    made.params.areaRng, made.params.areaRngLbl = [[0, 1e10]], ["all"]
    made.params.maxDets = [100]
    return made


def timed(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """The function, which now notes down what each call takes."""

    def call(*args: Any) -> Any:
        start_s = time.perf_counter()
        result = function(*args)
        seconds.append(time.perf_counter() - start_s)
        return result

    return call


def main(path: str, n_runs: int) -> None:
    """Prints the figures."""
    arrays = np.load(path)
    n_images, n_classes = int(arrays["n_images"]), int(arrays["n_classes"])
    dataset = {
        "images": [{"id": n, "width": 640, "height": 480} for n in range(1, n_images + 1)],
        "categories": [{"id": n, "name": str(n)} for n in range(1, n_classes + 1)],
        "annotations": annotations(arrays, "objects"),
    }
    truth = COCO(dataset)
    found = truth.loadRes(annotations(arrays, "detections"))
    assignment_s: list[float] = []
    own = {name: getattr(api._C, name) for name in dir(api._C) if name.startswith("COCOeval")}
    own["COCOevalEvaluateImages"] = timed(own["COCOevalEvaluateImages"], assignment_s)
    api._C = SimpleNamespace(**own)
    whole_s: list[float] = []
    for _ in range(n_runs):
        timed(evaluator(truth, found, is_separate=True).evaluate, whole_s)()
    named = evaluator(truth, found, is_separate=False)
    named.evaluate()
    pairs = sorted(tuple(map(int, pair.split("_"))) for pair in named.eval["matched"])
    digest = hashlib.sha256(json.dumps(pairs).encode()).hexdigest()
    told = {"wall_s": whole_s, "assignment_s": assignment_s, "n": len(pairs), "pairs": digest}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
