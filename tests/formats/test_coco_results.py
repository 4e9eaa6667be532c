"""COCO results files: read over their annotation file, and judged by pycocotools."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from curate.formats import ReadOptions, read, read_all, write
from curate.formats.coco.predictions import CHUNK_RECORDS
from tests.formats.coco_documents import (
    annotation,
    checks,
    document,
    results,
    store,
    xyxy,
)


def test_results_are_predictions_over_the_annotation_file(tmp_path: Path) -> None:
    truth = store(tmp_path, document(annotation(1)))
    path = store(tmp_path, results((2, 7, [1, 2, 3, 4], 0.125)), "dets.json")
    dataset = read(path, ReadOptions(truth=truth))
    row = dataset.boxes.iloc[0]
    assert (row["label"], row["score"], row["origin"], row["source_id"]) == (
        "car",
        0.125,
        "detector",
        "0",
    )
    assert row["image_id"] == read(truth).images["image_id"][1]


def test_records_beyond_the_first_part_keep_their_rows_and_faults(tmp_path: Path) -> None:
    truth = store(tmp_path, document(annotation(1)))
    n = CHUNK_RECORDS + 3
    rows = results(*((1, 1, [i, 2, 3, 4], 0.5) for i in range(n)))
    rows[n - 3] |= {"category_id": 9}
    rows[n - 2] |= {"image_id": 99}
    rows[n - 1] |= {"score": "high", "category_id": 7}
    path = store(
        tmp_path, "\n".join(["[", ",\n".join(map(json.dumps, rows)), "]"]).encode(), "d.json"
    )
    dataset = read(path, ReadOptions(truth=truth))
    boxes, found = dataset.boxes, dataset.findings
    assert boxes["x1"].tolist() == [*range(n - 2), n - 1]
    assert boxes["label"].fillna("").tolist() == ["person"] * (n - 3) + ["", "car"]
    assert boxes["source_label"].tolist()[-2:] == ["9", "car"]
    assert boxes["source_id"].tolist()[-2:] == [str(n - 3), str(n - 1)]
    assert boxes["score"].isna().tolist() == [False] * (n - 2) + [True]
    told = dict(zip(found["check"], zip(found["line"], found["box_id"], strict=True), strict=True))
    # A line for each record, the first on line 2.
    assert told["SRC-004"] == (n - 1, boxes["box_id"].iloc[-2])
    assert told["SRC-005"][0] == n
    assert told["SRC-001"] == (n + 1, boxes["box_id"].iloc[-1])


def test_files_that_state_different_fields_make_whole_columns(tmp_path: Path) -> None:
    folder = tmp_path / "both"
    folder.mkdir()
    store(folder, document(annotation(1)), "a.json")
    store(folder, document(annotation(2, score=0.5), annotation(3, iscrowd=1)), "b.json")
    dataset = read(folder)
    assert dataset.boxes["origin"].tolist() == ["human", "detector", "human"]
    assert dataset.boxes["role"].tolist() == ["include", "include", "ignore"]
    assert dataset.boxes["score"].isna().tolist() == [True, False, True]


def test_annotations_and_results_make_one_dataset(tmp_path: Path) -> None:
    truth = store(tmp_path, document(annotation(0)))
    path = store(tmp_path, results((1, 1, [1, 2, 3, 4], 0.5)), "dets.json")
    dataset = read_all([truth, path])
    assert dataset.boxes["origin"].tolist() == ["human", "detector"]
    assert len(dataset.images) == 2
    assert dataset.boxes["box_id"].is_unique


def test_class_ids_from_zero_are_recognised_and_can_be_read(tmp_path: Path) -> None:
    truth = store(tmp_path, document(annotation(1)))
    path = store(tmp_path, results((1, 0, [1, 2, 3, 4], 0.5), (1, 1, [5, 6, 7, 8], 0.5)), "d.json")
    wrong = read(path, ReadOptions(truth=truth))
    assert checks(wrong) == ["SRC-012"]
    assert wrong.boxes["label"].isna().all()
    right = read(path, ReadOptions(truth=truth, class_ids="index"))
    assert right.boxes["label"].tolist() == ["person", "car"]
    assert checks(right) == []


def test_results_of_masks_and_keypoints_get_their_bounds(tmp_path: Path) -> None:
    truth = store(tmp_path, document(annotation(1)))
    mask = {"size": [80, 100], "counts": [810, 5, 7185]}
    rows = [
        {"image_id": 1, "category_id": 1, "segmentation": mask, "score": 0.5},
        {"image_id": 1, "category_id": 1, "keypoints": [5, 6, 1, 9, 12, 1], "score": 0.5},
    ]
    dataset = read(store(tmp_path, rows, "d.json"), ReadOptions(truth=truth))
    # Run of 5 px from 810: column 10, rows 10..14.
    assert xyxy(dataset) == [[10, 10, 11, 15], [5, 6, 9, 12]]


def test_results_alone_are_read_by_ids(tmp_path: Path) -> None:
    path = store(tmp_path, results((7, 3, [1, 2, 3, 4], 0.5)), "d.json")
    dataset = read(path)
    assert dataset.images["image_key"].tolist() == ["d/7"]
    assert dataset.boxes["source_label"].tolist() == ["3"]
    assert dataset.boxes["label"].isna().all()


def _twelve(truth: Path, detections: Any, kind: str = "bbox") -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(str(truth))
        evaluation = COCOeval(gt, gt.loadRes(detections), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


def test_cocoeval_prints_the_same_for_kept_exports(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "coco_val2014_100"
    truth = folder / "sampled_gts_bbox_area.json"
    found = folder / "instances_val2014_fakebbox100_results.json"
    before = _twelve(truth, str(found))
    # AP50 as cocoapi printed it for these files (val2014_fake_eval_res.txt, type=bbox).
    assert round(before[1], 3) == 0.697
    write(read(truth), "coco", tmp_path / "gt")
    write(read(found, ReadOptions(truth=truth)), "coco", tmp_path / "dt")
    assert _twelve(tmp_path / "gt" / truth.name, str(tmp_path / "dt" / found.name)) == before


def test_cocoeval_prints_the_same_for_exports_made_from_columns(
    real_data: Path, tmp_path: Path
) -> None:
    from curate.formats.coco.writer import write_new

    folder = real_data / "coco128"
    truth, found = folder / "instances_all_as_published.json", folder / "yolov5s_predictions.json"
    rows = json.loads(found.read_text())
    own = sorted(c["id"] for c in json.loads(truth.read_text())["categories"])
    before = _twelve(truth, [r | {"category_id": own[r["category_id"]]} for r in rows])
    write_new(read(truth), tmp_path, {})
    predictions = read(found, ReadOptions(truth=truth, class_ids="index"))
    (tmp_path / "dt").mkdir()
    write_new(predictions, tmp_path / "dt", {})
    after = _twelve(tmp_path / "instances.json", str(tmp_path / "dt" / "results.json"))
    assert after == pytest.approx(before, abs=1e-9)
