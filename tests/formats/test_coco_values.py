"""COCO values that no box can have: too large, of the wrong kind, or no text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from curate.auditing import audit
from curate.formats import ReadOptions, derived, read, write
from curate.formats.coco.writer import write_new
from curate.report import to_document
from tests.formats.coco_documents import (
    annotation,
    checks,
    document,
    store,
    xyxy,
)

HUGE = 10**400  # no float holds it


@pytest.mark.parametrize(
    "changes",
    [
        {"iscrowd": HUGE},
        {"area": HUGE},
        {"bbox": [HUGE, 0, 1, 1]},
        {"id": HUGE},
        {"category_id": HUGE},
        {"score": HUGE},
    ],
    ids=str,
)
def test_a_number_beyond_any_float_spoils_its_own_record_only(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    dataset = read(store(tmp_path, document(annotation(1, **changes), annotation(2))))
    assert len(dataset.boxes) == 2
    assert "SRC-001" in checks(dataset)
    assert xyxy(dataset)[1] == [10, 10, 30, 40]


def test_edges_beyond_any_picture_are_audited_and_left_out_of_coco(tmp_path: Path) -> None:
    far = [1e308, 1e308, 1e308, 1e308]
    ring = [[-1e308, 0, 1e308, 1e308, 1e308, -1e308]]
    boxes = [annotation(1, bbox=far, segmentation=ring), annotation(2)]
    dataset = read(store(tmp_path, document(*boxes)))
    assert xyxy(dataset)[0] == [1e308, 1e308, float("inf"), float("inf")]
    findings = audit(dataset)
    json.dumps(to_document(findings, "set"), allow_nan=False)
    assert "BOX-001" in findings.counts
    unkept = replace(dataset, formats={"instances.json": "voc"}, options={})
    write_new(unkept, tmp_path, {})
    assert len(json.loads((tmp_path / "instances.json").read_text())["annotations"]) == 1


def test_sides_that_overflow_are_left_out_of_coco(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1), annotation(2))))
    boxes = dataset.boxes.copy()
    boxes.loc[0, ["x1", "x2"]] = [-1.7e308, 1.7e308]
    report = write_new(dataset.with_tables(boxes=boxes), tmp_path, {})
    assert {loss.field: loss.count for loss in report.losses}["boxes (without coordinates)"] == 1
    assert len(json.loads((tmp_path / "instances.json").read_text())["annotations"]) == 1


def test_numbers_that_json_has_not_are_left_out_or_texts(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1), annotation(2))))
    boxes = dataset.boxes.copy()
    boxes["score"] = [float("inf"), 0.5]
    boxes["declared_area"] = [float("inf"), 7.0]
    boxes["truncated"] = [float("inf"), 0.5]
    boxes["attributes"] = ['{"a": Infinity, "b": 1e400, "c": "\\ud800"}', None]
    write_new(dataset.with_tables(boxes=boxes), tmp_path, {})
    first, second = json.loads((tmp_path / "instances.json").read_bytes())["annotations"]
    assert "score" not in first
    assert first["area"] == 600  # 20 x 30 px, since the stated one is no number
    assert first["attributes"] == {"a": "Infinity", "b": "1e400", "c": "\ud800", "truncated": "inf"}
    assert (second["score"], second["area"]) == (0.5, 7)


def test_a_top_level_key_that_is_no_text_hides_no_other(tmp_path: Path) -> None:
    body = json.dumps(document(annotation(1))).encode().replace(b'"images"', b'"im\xe7ges"')
    assert checks(read(store(tmp_path, body), ReadOptions(format="coco"))) == ["SRC-005"]


def test_records_that_are_no_objects_are_told_and_the_others_load(tmp_path: Path) -> None:
    odd: list[Any] = [None, 5, [], "x"]
    value = document(annotation(1), annotations=[*odd, annotation(1)])
    dataset = read(store(tmp_path, value))
    assert xyxy(dataset) == [[10, 10, 30, 40]]
    assert checks(dataset).count("SRC-001") == len(odd)


@pytest.mark.parametrize(
    "outline",
    [
        {"size": [2**62, 2**62], "counts": [1, 2]},
        {"size": [HUGE, 10], "counts": [1, 2]},
        {"size": [10, 10], "counts": [2**63 - 1, 2**63 - 1]},
        {"size": [10, 10], "counts": [1.5, 2]},
        {"size": [10, 10], "counts": [[1], 2]},
        {"size": [10, 10], "counts": "\ud800"},
        [[HUGE, 1, 2, 3, 4, 5]],
    ],
    ids=str,
)
def test_an_impossible_outline_has_no_measure(tmp_path: Path, outline: Any) -> None:
    dataset = read(store(tmp_path, document(annotation(1, segmentation=outline))))
    measured = derived(dataset)
    assert measured is not None
    assert measured["mask_area"].isna().all()
    records = [{"image_id": 1, "category_id": 1, "score": 0.5, "segmentation": outline}]
    results = read(store(tmp_path, records, "results.json"))
    assert results.boxes["x1"].isna().all()


def test_lone_surrogates_are_replaced_and_the_file_loads(tmp_path: Path) -> None:
    value = document(annotation("a\ud800"), licenses=[{"id": 1, "name": "\ud800"}])
    value["images"][0] |= {"license": "\ud800", "file_name": "\ud800.jpg"}
    dataset = read(store(tmp_path, value))
    assert dataset.boxes["source_id"].tolist() == ["a\ufffd"]
    assert dataset.images["image_key"].tolist()[0] == "instances/\ufffd.jpg"


@pytest.mark.parametrize("attributes", [[1], "x", 5, True])
def test_attributes_that_are_no_object_are_counted_as_lost(
    tmp_path: Path, attributes: object
) -> None:
    dataset = read(store(tmp_path, document(annotation(1, attributes=attributes))))
    assert dataset.boxes["attributes"].isna().all()
    losses = {loss.field: loss.count for loss in write(dataset, "csv", tmp_path / "out").losses}
    assert losses["annotation.attributes"] == 1


def test_attributes_that_python_cannot_decode_are_not_in_the_table(tmp_path: Path) -> None:
    # Python refuses integers of more than 4300 digits.
    text = json.dumps(document(annotation(1, attributes={"a": "@"})))
    dataset = read(store(tmp_path, text.replace('"@"', "9" * 5000).encode()))
    assert dataset.boxes["attributes"].isna().all()


def test_an_outline_that_no_float_holds_gives_no_box(tmp_path: Path) -> None:
    record = annotation(1, bbox=None, segmentation=[[HUGE, 0, 10, 0, 10, 10]])
    dataset = read(store(tmp_path, document(record, annotation(2))))
    assert dataset.boxes["x1"].isna().tolist() == [True, False]
    assert "SRC-001" in checks(dataset)


@pytest.mark.parametrize("odd", ["\ud800", "x", HUGE, None, [1], {}])
def test_keypoints_that_are_no_numbers_have_no_bounds(tmp_path: Path, odd: object) -> None:
    points = [15, 15, 2, odd, 20, 2]
    dataset = read(store(tmp_path, document(annotation(1, keypoints=points, area=HUGE))))
    measured = derived(dataset)
    assert measured is not None
    assert measured["kp_x1"].isna().all()
