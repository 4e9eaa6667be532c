"""COCO: reading, what is told of bad records, and the way back byte for byte."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from curate.auditing import audit
from curate.errors import SourceError
from curate.formats import ReadOptions, derived, read, read_all, write
from curate.formats.coco.writer import write_new
from curate.formats.writing import names_apart
from curate.report import to_document
from tests.formats.coco_documents import SQUARE, annotation, document, store, texts

RING_AREA = 600.0


def checks(dataset: Any) -> list[str]:
    return dataset.findings["check"].tolist()


def xyxy(dataset: Any) -> list[list[float]]:
    return dataset.boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist()


def test_bbox_is_x_y_width_height_and_nothing_is_clipped(tmp_path: Path) -> None:
    boxes = [annotation(1, bbox=[10.5, 20.25, 30, 40]), annotation(2, bbox=[-5, 0, 500, 1])]
    dataset = read(store(tmp_path, document(*boxes)))
    assert xyxy(dataset) == [[10.5, 20.25, 40.5, 60.25], [-5.0, 0.0, 495.0, 1.0]]


def test_image_keys_are_source_name_and_file_name(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1))))
    assert dataset.images["image_key"].tolist() == ["instances/a.jpg", "instances/sub/b.jpg"]
    assert dataset.images["label_state"].tolist() == ["present", "empty"]


def test_record_spans_are_bytes_of_the_file(tmp_path: Path) -> None:
    first, second = annotation(1, note="é{}"), annotation(2, category_id=7)
    path = store(tmp_path, json.dumps(document(first, second), ensure_ascii=False).encode())
    dataset = read(path)
    body = path.read_bytes()
    for row, record in zip(dataset.boxes.itertuples(), (first, second), strict=True):
        assert json.loads(body[row.start : row.end]) == record
        assert row.line == 1


def test_lines_count_from_one_in_an_indented_file(tmp_path: Path) -> None:
    path = store(tmp_path, json.dumps(document(annotation(1)), indent=1).encode())
    row = read(path).boxes.iloc[0]
    assert path.read_text().splitlines()[row["line"] - 1].strip() == "{"


def test_box_ids_survive_the_removal_of_another_annotation(tmp_path: Path) -> None:
    both = read(store(tmp_path, document(annotation(1), annotation(2)), "x.json"))
    one = read(store(tmp_path, document(annotation(2)), "x.json"))
    assert one.boxes["box_id"].tolist() == both.boxes["box_id"].tolist()[1:]


@pytest.mark.parametrize(
    ("outline", "shape"),
    [
        ([SQUARE], "polygon"),
        ([], "box"),
        (None, "box"),
        ({"size": [80, 100], "counts": [810, 5, 7185]}, "mask"),
        ({"size": [2, 2], "counts": "04"}, "mask"),
    ],
)
def test_shape_follows_the_outline(tmp_path: Path, outline: Any, shape: str) -> None:
    dataset = read(store(tmp_path, document(annotation(1, segmentation=outline))))
    assert dataset.boxes["shape"].tolist() == [shape]


def test_masks_are_measured_as_pycocotools_measures_them(tmp_path: Path) -> None:
    pixels = np.zeros((80, 100), np.uint8, order="F")
    pixels[20:50, 30:70] = 1
    pixels[5:10, 10:12] = 1
    packed = coco_mask.encode(pixels)
    plain = pixels.flatten(order="F")
    edges = np.flatnonzero(np.diff(plain, prepend=0))
    counts = np.diff(edges, prepend=0, append=plain.size).tolist()
    forms = [
        {"size": [80, 100], "counts": packed["counts"].decode()},
        {"size": [80, 100], "counts": counts},
    ]
    boxes = [annotation(i, segmentation=form) for i, form in enumerate(forms, 1)]
    measured = derived(read(store(tmp_path, document(*boxes))))
    assert measured is not None
    x, y, w, h = coco_mask.toBbox(packed)
    for row in measured.itertuples():
        assert row.mask_area == coco_mask.area(packed)
        assert (row.mask_x1, row.mask_y1, row.mask_x2, row.mask_y2) == (x, y, x + w, y + h)


def test_polygon_area_is_the_sum_of_its_rings(tmp_path: Path) -> None:
    second = [50, 50, 54, 50, 54, 53]
    outline = annotation(1, segmentation=[SQUARE, second])
    measured = derived(read(store(tmp_path, document(outline))))
    assert measured is not None
    row = measured.iloc[0]
    # 20 x 30 and half of 4 x 3.
    assert row["mask_area"] == RING_AREA + 6
    assert row[["mask_x1", "mask_y1", "mask_x2", "mask_y2"]].tolist() == [10, 10, 54, 53]


def test_only_visible_keypoints_bound(tmp_path: Path) -> None:
    points = [12, 14, 2, 20, 30, 2, 90, 70, 1, 0, 0, 0]
    measured = derived(read(store(tmp_path, document(annotation(1, keypoints=points)))))
    assert measured is not None
    assert measured.iloc[0][["kp_x1", "kp_y1", "kp_x2", "kp_y2"]].tolist() == [12, 14, 20, 30]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"bbox": [1, 2, 3]}, "SRC-001", "bbox is '[1, 2, 3]', should be four numbers"),
        ({"bbox": [1, 2, "x", 4]}, "SRC-001", "should be four finite numbers"),
        ({"bbox": None}, "SRC-001", "no bbox"),
        ({"area": "big"}, "SRC-001", "area is 'big', should be a number"),
        ({"category_id": 99}, "SRC-004", "category_id '99' is not among the `categories` (1, 7)"),
        ({"category_id": None}, "SRC-009", "no category_id"),
        ({"image_id": 99}, "SRC-005", "image_id '99' is not among the `images`"),
        ({"id": 0}, "SRC-008", "id 0"),
        ({"id": 10**30}, "SRC-001", "does not fit 64 bits; it is kept as text"),
    ],
)
def test_a_bad_annotation_is_told_and_the_others_load(
    tmp_path: Path, changes: dict[str, Any], code: str, words: str
) -> None:
    dataset = read(store(tmp_path, document(annotation(1), annotation(2, **changes))))
    finding = dataset.findings.iloc[0]
    assert (finding["check"], finding["file"], finding["line"]) == (code, "instances.json", 1)
    assert words in finding["message"]
    assert "1" in dataset.boxes["source_id"].tolist()


def test_annotation_ids_used_twice_are_one_finding_with_both_boxes(tmp_path: Path) -> None:
    boxes = [annotation(5), annotation(5, image_id=2), annotation(6)]
    dataset = read(store(tmp_path, document(*boxes)))
    assert checks(dataset) == ["SRC-006"]
    assert dataset.findings["members"][0] == dataset.boxes["box_id"].tolist()[:2]
    assert dataset.boxes["box_id"].is_unique


def test_equal_annotations_keep_ids_of_their_own(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(5), annotation(5))))
    assert dataset.boxes["box_id"].is_unique


def test_class_and_image_lists_are_checked(tmp_path: Path) -> None:
    value = document(annotation(1))
    value["categories"] += [{"id": 1, "name": "dog"}, {"id": 8, "name": "car"}, {"name": "x"}]
    value["images"] += [{"id": 2, "file_name": "c.jpg"}, {"id": 9, "file_name": "a.jpg"}]
    found = sorted(checks(read(store(tmp_path, value))))
    assert found == ["IMG-006", "SRC-001", "SRC-006", "SRC-006", "SRC-007"]


def test_captions_are_left_out_with_a_note(tmp_path: Path) -> None:
    caption = {"id": 2, "image_id": 1, "caption": "a man"}
    dataset = read(store(tmp_path, document(annotation(1), caption)))
    assert checks(dataset) == ["SRC-013"]
    assert dataset.findings["level"].tolist() == ["info"]
    assert len(dataset.boxes) == 1


def test_nan_as_python_writes_it_is_a_bad_record_only(tmp_path: Path) -> None:
    value = document(annotation(1), annotation(2, bbox=[1, float("nan"), 3, float("-inf")]))
    dataset = read(store(tmp_path, json.dumps(value).encode()))
    assert checks(dataset) == ["SRC-001"]
    assert "four finite numbers" in dataset.findings["message"][0]
    assert np.isnan(dataset.boxes["y1"][1])
    assert dataset.boxes["x1"].tolist() == [10, 1]


def test_a_polygon_gives_the_box_that_is_missing(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1, bbox=None, segmentation=[SQUARE]))))
    assert xyxy(dataset) == [[10, 10, 30, 40]]
    assert checks(dataset) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"images": [{"id": 1, "fi', "ends in the middle"),
        (b'{"images": [}', "malformed near"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[NaN, " + b"[" * 100_000 + b"]" * 100_001, "nested too deeply"),
        (b'{"images": [], "annotations": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_broken_json_is_an_error_with_place_and_mend(
    tmp_path: Path, body: bytes, words: str
) -> None:
    path = store(tmp_path, body)
    with pytest.raises(SourceError, match=words) as caught:
        read(path, ReadOptions(format="coco"))
    assert caught.value.place is not None
    assert caught.value.place.file == "instances.json"
    assert caught.value.mend


def test_a_byte_order_mark_moves_no_span(tmp_path: Path) -> None:
    path = store(tmp_path, b"\xef\xbb\xbf" + json.dumps(document(annotation(1))).encode())
    row = read(path).boxes.iloc[0]
    assert json.loads(path.read_bytes()[row["start"] : row["end"]]) == annotation(1)


@given(body=texts())
def test_coco_comes_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    folder = tmp_path_factory.mktemp("coco")
    path = store(folder, body)
    dataset = read(path, ReadOptions(format="coco"))
    report = write(dataset, "coco", folder / "out")
    assert (folder / "out" / path.name).read_bytes() == body
    assert report.losses == ()


@given(body=texts())
def test_a_changed_box_touches_only_its_own_bbox(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    folder = tmp_path_factory.mktemp("coco")
    dataset = read(store(folder, body), ReadOptions(format="coco"))
    if dataset.boxes.empty:
        return
    boxes = dataset.boxes.copy()
    boxes.loc[0, ["x1", "y1", "x2", "y2"]] = [200.25, 210.0, 230.5, 250.0]
    write(dataset.with_tables(boxes=boxes), "coco", folder / "out")
    before, after = json.loads(body), json.loads((folder / "out/instances.json").read_bytes())
    start = int(boxes["start"][0])
    record = json.JSONDecoder().raw_decode(body[start:].decode("utf-8", "replace"))[0]
    at = before["annotations"].index(record)
    before["annotations"][at]["bbox"] = [200.25, 210, 30.25, 40]
    assert after == before


def test_removed_and_added_records_leave_the_rest_untouched(tmp_path: Path) -> None:
    value = document(*(annotation(i, note=f"n{i}") for i in range(1, 5)))
    path = store(tmp_path, json.dumps(value, indent=2).encode())
    dataset = read(path)
    for drop in ([0], [3], [1, 2], [0, 1, 2, 3], [2, 3]):
        boxes = dataset.boxes.drop(index=drop)
        write(dataset.with_tables(boxes=boxes), "coco", tmp_path / f"out{drop}")
        after = json.loads((tmp_path / f"out{drop}" / path.name).read_bytes())
        kept = [a for i, a in enumerate(value["annotations"]) if i not in drop]
        assert after == value | {"annotations": kept}


def test_a_new_class_gets_a_category(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1), annotation(2))))
    boxes = dataset.boxes.copy()
    boxes.loc[1, "label"] = "bus"
    write(dataset.with_tables(boxes=boxes), "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/instances.json").read_bytes())
    assert after["categories"][-1] == {"id": 8, "name": "bus"}
    assert [a["category_id"] for a in after["annotations"]] == [1, 8]


def test_a_removed_image_takes_its_boxes_along(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1), annotation(2, image_id=2))))
    images = dataset.images[1:]
    boxes = dataset.boxes[dataset.boxes["image_id"].isin(images["image_id"])]
    write(dataset.with_tables(images=images, boxes=boxes), "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/instances.json").read_bytes())
    assert [image["id"] for image in after["images"]] == [2]
    assert [a["id"] for a in after["annotations"]] == [2]


def results(*rows: Any) -> list[dict[str, Any]]:
    keys = ("image_id", "category_id", "bbox", "score")
    return [dict(zip(keys, row, strict=True)) for row in rows]


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


def test_every_real_file_comes_back_byte_for_byte(real_data: Path, tmp_path: Path) -> None:
    paths = [
        *real_data.glob("coco*/*.json"),
        *real_data.glob("makesense*/**/*coco*/**/*.json"),
        *real_data.glob("rodm_multiformat/*/coco*/*.json"),
    ]
    assert len(paths) >= 20
    for number, path in enumerate(sorted(paths)):
        dataset = read(path)
        report = write(dataset, "coco", tmp_path / str(number))
        assert (tmp_path / str(number) / path.name).read_bytes() == path.read_bytes(), path
        assert report.losses == ()


def test_an_added_box_gets_the_next_id(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(5), annotation(9))))
    boxes = dataset.boxes.copy()
    extra = boxes.iloc[[0]].assign(box_id=77, x1=1.5)
    boxes = pd.concat([boxes, extra], ignore_index=True).astype(boxes.dtypes.to_dict())
    write(dataset.with_tables(boxes=boxes), "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/instances.json").read_bytes())
    assert [a["id"] for a in after["annotations"]] == [5, 9, 10]
    assert after["annotations"][2]["bbox"] == [1.5, 10, 28.5, 30]


def test_boxes_of_other_formats_get_ids_from_one(tmp_path: Path) -> None:
    folder = tmp_path / "label_2"
    folder.mkdir()
    line = "{} 0.00 0 -10 {} 10.00 60.00 90.00 -1 -1 -1 -1000 -1000 -1000 -10\n"
    (folder / "000001.txt").write_text(line.format("Car", 5) + line.format("DontCare", 40))
    (folder / "000002.txt").write_text(line.format("Car", 7))
    report = write(read(folder), "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/instances.json").read_bytes())
    assert [a["id"] for a in after["annotations"]] == [1, 2, 3]
    assert [a["iscrowd"] for a in after["annotations"]] == [0, 1, 0]
    assert after["annotations"][0]["bbox"] == [5, 10, 55, 80]
    # Honest: the box's own area, since there is no mask.
    assert after["annotations"][0]["area"] == 55 * 80
    assert report.boxes == 3


def test_polygons_of_make_sense_are_written_as_segmentation(tmp_path: Path) -> None:
    region = {
        "shape_attributes": {
            "name": "polygon",
            "all_points_x": [10, 30, 30, 10, 10],
            "all_points_y": [10, 10, 40, 40, 10],
        },
        "region_attributes": {"label": "car"},
    }
    vgg = {
        "a.jpg": {
            "fileref": "",
            "size": 9,
            "filename": "a.jpg",
            "base64_img_data": "",
            "file_attributes": {},
            "regions": {"0": region},
        }
    }
    write(read(store(tmp_path, vgg, "vgg.json")), "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/instances.json").read_bytes())
    (record,) = after["annotations"]
    assert record["segmentation"] == [SQUARE]
    assert (record["bbox"], record["area"]) == ([10, 10, 20, 30], RING_AREA)


def test_outlines_survive_when_coco_is_made_from_several_formats(tmp_path: Path) -> None:
    mask = {"size": [80, 100], "counts": [810, 5, 7185]}
    boxes = [annotation(1, segmentation=[SQUARE]), annotation(2, segmentation=mask, iscrowd=1)]
    labels = store(tmp_path, document(*boxes), "polygons.json")
    folder = tmp_path / "label_2"
    folder.mkdir()
    (folder / "000001.txt").write_text("Car 0.00 0 -10 5 10 60 90 -1 -1 -1 -1000 -1000 -1000 -10\n")
    write(read_all([labels, folder]), "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/instances.json").read_bytes())
    assert [a.get("segmentation") for a in after["annotations"]] == [[SQUARE], mask, None]


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
    assert {loss.field: loss.count for loss in report.losses}["boxes without coordinates"] == 1
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


def test_files_with_and_without_annotation_ids_load_together(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    store(folder, document(annotation(1)), "a.json")
    store(folder, document(annotation(2, id=None), annotation(3)), "b.json")
    dataset = read(folder)
    assert dataset.boxes["source_id"].fillna("-").tolist() == ["1", "-", "3"]


def test_a_top_level_key_that_is_no_text_hides_no_other(tmp_path: Path) -> None:
    body = json.dumps(document(annotation(1))).encode().replace(b'"images"', b'"im\xe7ges"')
    assert checks(read(store(tmp_path, body), ReadOptions(format="coco"))) == ["SRC-005"]


def test_a_bad_record_behind_a_caption_is_told_of_its_own_box(tmp_path: Path) -> None:
    caption = {"id": 1, "image_id": 1, "caption": "a street"}
    dataset = read(store(tmp_path, document(caption, annotation(2, area="x"))))
    told = dataset.findings[dataset.findings["check"] == "SRC-001"]
    assert told["members"].tolist() == [dataset.boxes["box_id"].tolist()]


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


def test_an_added_box_has_no_record_that_could_be_lost(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1, note="x"))))
    added = dataset.boxes.assign(box_id=5, start=None, end=None)
    boxes = pd.concat([dataset.boxes, added]).astype(dataset.boxes.dtypes)
    report = write(dataset.with_tables(boxes=boxes), "csv", tmp_path / "out")
    assert {loss.field: loss.count for loss in report.losses}["annotation.note"] == 1


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


@pytest.fixture
def two_sources(tmp_path: Path) -> Any:
    """Two COCO files that both have an image a.jpg, and VOC beside them: written from columns."""
    folder = tmp_path / "voc"
    folder.mkdir()
    (folder / "c.xml").write_text("<annotation><filename>c.jpg</filename></annotation>")
    one = store(tmp_path, document(annotation(1)), "one.json")
    other = document(annotation(1, bbox=[1, 1, 5, 5]))
    other["images"][1]["file_name"] = "other.jpg"
    return read_all([one, store(tmp_path, other, "two.json"), folder])


def test_images_of_one_name_in_two_sources_are_told_apart_in_coco(
    tmp_path: Path, two_sources: Any
) -> None:
    report = write(two_sources, "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/instances.json").read_bytes())
    names = sorted(image["file_name"] for image in after["images"])
    assert names == ["c.jpg", "one/a.jpg", "other.jpg", "sub/b.jpg", "two/a.jpg"]
    assert {loss.field: loss.count for loss in report.losses}["images.image_key"] == 2
    assert audit(tmp_path / "out" / "instances.json", select=["IMG-006"]).counts == {}


def test_images_of_one_name_in_two_sources_are_told_apart_in_csv(
    tmp_path: Path, two_sources: Any
) -> None:
    report = write(two_sources, "csv", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/boxes.csv")
    rows = table.loc[table["box_id"].notna(), ["image", "x1"]].to_numpy().tolist()
    assert rows == [["one/a.jpg", 10], ["two/a.jpg", 1]]
    assert {loss.field: loss.count for loss in report.losses}["images.image_key"] == 2


@pytest.mark.parametrize(
    ("names", "keys", "apart", "n_changed"),
    [
        (["a", "b"], ["x/a", "y/b"], ["a", "b"], 0),
        (["a", "a", "b"], ["x/a", "y/a", "y/b"], ["x/a", "y/a", "b"], 2),
        (["a", "a", "x/a"], ["x/a", "y/a", "y/x/a"], ["x/a", "y/a", "y/x/a"], 3),
    ],
)
def test_names_apart_are_unique(
    names: list[str], keys: list[str], apart: list[str], n_changed: int
) -> None:
    assert names_apart(names, keys) == (apart, n_changed)


def test_boxes_of_images_that_are_left_out_are_counted(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1), annotation(2, image_id=2))))
    images = dataset.images.assign(label_state=["missing", "present"])
    report = write_new(dataset.with_tables(images=images), tmp_path, {})
    counted = {loss.field: loss.count for loss in report.losses}
    assert (counted["images"], counted["boxes"]) == (1, 1)
