"""COCO written: kept records byte for byte, others made from columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given

from curate.auditing import audit
from curate.formats import ReadOptions, read, read_all, write
from curate.formats.coco.writer import write_new
from curate.formats.writing import names_apart
from tests.formats.coco_documents import (
    RING_AREA,
    SQUARE,
    annotation,
    document,
    store,
    texts,
)
from tests.formats.label_files import EDGES, table_set


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


def test_an_added_box_has_no_record_that_could_be_lost(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1, note="x"))))
    added = dataset.boxes.assign(box_id=5, start=None, end=None)
    boxes = pd.concat([dataset.boxes, added]).astype(dataset.boxes.dtypes)
    report = write(dataset.with_tables(boxes=boxes), "csv", tmp_path / "out")
    assert {loss.field: loss.count for loss in report.losses}["annotation.note"] == 1


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


def test_a_turned_box_with_corners_is_written_as_a_polygon_and_the_report_says_so(tmp_path):
    rows = "0 0.1 0.2 0.3 0.2 0.3 0.4 0.1 0.4\n0 0.2 0.1 0.3 0.2 0.2 0.3 0.1 0.2\n"
    (tmp_path / "a.txt").write_text(rows)
    dataset = read(tmp_path / "a.txt", ReadOptions(format="yolo-obb", size_wh=(100, 100)))
    report = write(dataset, "coco", tmp_path / "out")
    assert (dataset.boxes["shape"] == "rotated").all()
    told = [(x.count, x.why) for x in report.losses if x.field == "rotated outline"]
    assert told == [(2, "written as a polygon")]


def test_an_image_of_predictions_alone_on_which_nothing_was_seen_stays_empty(tmp_path: Path):
    columns = {"label": "car", "score": 0.5, **dict.fromkeys(EDGES, 5.0)}
    columns |= {"origin": ["detector", "human"]}
    dataset = table_set(columns, 2, ("a.jpg", "b.jpg", "c.jpg"))
    boxes, images = dataset.boxes, dataset.images
    boxes = boxes.assign(image_id=images["image_id"].iloc[:2])
    images.loc[0, "label_state"] = "empty"
    dataset = dataset.with_tables(images=images, boxes=boxes)
    report = write_new(dataset, tmp_path, {})
    # Of c.jpg nobody says any more that something is there.
    assert {loss.field: loss.count for loss in report.losses}["images.label_state"] == 1
