"""COCO read: boxes, outlines, records that are wrong, and their places."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from curate.errors import SourceError
from curate.formats import ReadOptions, derived, read
from tests.formats.coco_documents import (
    RING_AREA,
    SQUARE,
    annotation,
    checks,
    document,
    store,
    xyxy,
)


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


def test_files_with_and_without_annotation_ids_load_together(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    store(folder, document(annotation(1)), "a.json")
    store(folder, document(annotation(2, id=None), annotation(3)), "b.json")
    dataset = read(folder)
    assert dataset.boxes["source_id"].fillna("-").tolist() == ["1", "-", "3"]


def test_a_bad_record_behind_a_caption_is_told_of_its_own_box(tmp_path: Path) -> None:
    caption = {"id": 1, "image_id": 1, "caption": "a street"}
    dataset = read(store(tmp_path, document(caption, annotation(2, area="x"))))
    told = dataset.findings[dataset.findings["check"] == "SRC-001"]
    assert told["members"].tolist() == [dataset.boxes["box_id"].tolist()]
