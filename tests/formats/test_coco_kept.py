"""Edited COCO datasets written back: what changed is written or counted, the rest is untouched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from curate.dataset import Dataset
from curate.errors import OutputError
from curate.formats import LossReport, ReadOptions, read, write
from curate.tables import CLASS_COLUMNS, make_table
from tests.formats.coco_documents import annotation, document, store

Edit = Callable[[Dataset], Dataset]


def edited(tmp_path: Path, edit: Edit, **changes: Any) -> tuple[dict[str, Any], LossReport]:
    """What is written of two boxes (a.jpg, sub/b.jpg) after the edit, and its report."""
    value = document(annotation(1, **changes), annotation(2, image_id=2, category_id=7))
    dataset = edit(read(store(tmp_path, value)))
    report = write(dataset, "coco", tmp_path / "out")
    return json.loads((tmp_path / "out/instances.json").read_bytes()), report


def set_box(**values: Any) -> Edit:
    def edit(dataset: Dataset) -> Dataset:
        boxes = dataset.boxes.copy()
        for name, value in values.items():
            boxes.loc[0, name] = value
        return dataset.with_tables(boxes=boxes)

    return edit


def losses(report: LossReport) -> dict[str, int]:
    return {loss.field: loss.count for loss in report.losses}


def test_a_moved_right_edge_leaves_the_height_as_it_was_written(tmp_path: Path) -> None:
    path = store(tmp_path, document(annotation(1, bbox=[10.1, 20.2, 30.3, 31.37])))
    write(set_box(x2=50.1)(read(path)), "coco", tmp_path / "out")
    assert b"[10.1, 20.2, 40.0, 31.37]" in (tmp_path / "out/instances.json").read_bytes().replace(
        b" 40,", b" 40.0,"
    )


def test_a_box_moved_to_another_image_changes_its_image_id(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> Dataset:
        return set_box(image_id=dataset.images["image_id"][1])(dataset)

    after, report = edited(tmp_path, edit)
    assert [a["image_id"] for a in after["annotations"]] == [2, 2]
    assert losses(report) == {}


def test_changed_sizes_and_names_of_images_are_written(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> Dataset:
        images = dataset.images.copy()
        images.loc[0, ["width", "image_key", "split"]] = [120, "instances/new.jpg", "val"]
        return dataset.with_tables(images=images)

    after, report = edited(tmp_path, edit)
    assert after["images"][0] == {"id": 1, "file_name": "new.jpg", "width": 120, "height": 80}
    assert losses(report) == {"images.split": 1}


def test_a_renamed_class_is_renamed_in_the_list(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> Dataset:
        classes, boxes = dataset.classes.copy(), dataset.boxes.copy()
        classes.loc[1, "label"] = boxes.loc[1, "label"] = "vehicle"
        return dataset.with_tables(classes=classes, boxes=boxes)

    after, _ = edited(tmp_path, edit)
    assert [c["name"] for c in after["categories"]] == ["person", "vehicle"]
    assert [a["category_id"] for a in after["annotations"]] == [1, 7]


@pytest.mark.parametrize(
    ("values", "lost"),
    [
        ({"x2": np.nan}, {"boxes.x2": 1}),
        ({"label": None}, {"boxes.label": 1}),
        ({"annotator": "b"}, {"boxes.annotator": 1}),
        ({"shape": "tag"}, {"boxes.shape": 1}),
        ({"role": "exclude"}, {"boxes.role": 1}),
        ({"is_group": None}, {"boxes.is_group": 1}),
    ],
)
def test_what_coco_cannot_hold_stays_and_is_counted(
    tmp_path: Path, values: dict[str, Any], lost: dict[str, int]
) -> None:
    after, report = edited(tmp_path, set_box(**values))
    assert after["annotations"][0] == annotation(1)
    assert losses(report) == lost


@pytest.mark.parametrize(
    ("values", "lost"),
    [
        ({"role": "ignore"}, {"boxes.is_group": 1}),
        ({"is_group": True}, {"boxes.role": 1}),
        ({"role": "ignore", "is_group": True}, {}),
    ],
)
def test_iscrowd_says_ignored_and_a_group_at_once_which_is_told(
    tmp_path: Path, values: dict[str, Any], lost: dict[str, int]
) -> None:
    after, report = edited(tmp_path, set_box(**values))
    assert after["annotations"][0] == annotation(1, iscrowd=1)
    assert losses(report) == lost


def test_attributes_are_replaced_or_emptied_or_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    after, _ = edited(tmp_path / "a", set_box(attributes=None), attributes={"wet": True})
    assert after["annotations"][0]["attributes"] == {}
    (tmp_path / "b").mkdir()
    with pytest.raises(OutputError, match="attributes are no JSON object"):
        edited(tmp_path / "b", set_box(attributes="{bad"), attributes={"wet": True})


def test_new_images_and_boxes_without_a_file_go_into_the_first(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> Dataset:
        image = dataset.images.iloc[[0]].assign(
            image_id=5, image_key="instances/c.jpg", file=None, source_id=None
        )
        boxes = dataset.boxes.iloc[[0, 0, 0]].assign(
            box_id=[7, 8, 9], image_id=[5, int(dataset.images["image_id"][1]), 5], file=None
        )
        boxes["label"] = ["car", "person", None]
        tables = {"images": (dataset.images, image), "boxes": (dataset.boxes, boxes)}
        return dataset.with_tables(
            **{
                name: pd.concat([old, new], ignore_index=True).astype(old.dtypes.to_dict())
                for name, (old, new) in tables.items()
            }
        )

    after, report = edited(tmp_path, edit)
    assert after["images"][2] == {"id": 3, "file_name": "c.jpg", "width": 100, "height": 80}
    added = [(a["id"], a["image_id"], a["category_id"]) for a in after["annotations"][2:]]
    assert added == [(3, 3, 7), (4, 2, 1)]
    assert losses(report) == {"boxes": 1}
    assert (report.images, report.boxes) == (3, 4)


def test_class_ids_read_as_indices_are_written_as_the_files_own(tmp_path: Path) -> None:
    truth = store(tmp_path, document(annotation(1)))
    rows = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.25}]
    options = ReadOptions(truth=truth, class_ids="index")
    write(read(store(tmp_path, rows, "d.json"), options), "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/d.json").read_bytes())
    assert after == [rows[0] | {"category_id": 7}]


def test_images_of_unknown_labels_are_no_negatives(tmp_path: Path) -> None:
    folder = tmp_path / "voc"
    folder.mkdir()
    (folder / "a.xml").write_text("<annotation><filename>a.jpg</filename></annotation>")
    (folder / "b.xml").write_text("<annotation><filename>b.jpg</file")
    report = write(read(folder), "coco", str(tmp_path / "out"))
    after = json.loads((tmp_path / "out/instances.json").read_bytes())
    assert [image["file_name"] for image in after["images"]] == ["a.jpg"]
    assert losses(report)["images"] == 1


def test_a_size_given_for_unknown_images_changes_no_byte(tmp_path: Path) -> None:
    value = document(annotation(1))
    del value["images"][0]["width"]
    path = store(tmp_path, value)
    dataset = read(path, ReadOptions(size_wh=(640, 480)))
    # The height of 80 px is stated.
    assert dataset.images[["width", "height"]].values.tolist()[0] == [640, 80]
    report = write(dataset, "coco", tmp_path / "out")
    assert (tmp_path / "out/instances.json").read_bytes() == path.read_bytes()
    assert not report.losses


def test_a_key_that_is_no_text_does_not_hinder_an_edit_beside_it(tmp_path: Path) -> None:
    truth = store(tmp_path, document(annotation(1)), "truth.json")
    path = tmp_path / "dets.json"
    path.write_bytes(b'[{"note\x85": 1, "image_id": 1, "category_id": 1, "score": 0.5}]')
    dataset = read(path, ReadOptions(truth=truth, class_ids="index"))
    write(dataset, "coco", tmp_path / "out")
    # Index 1 is the second class, which has id 7.
    assert (
        b'{"note\x85": 1, "image_id": 1, "category_id": 7,'
        in (tmp_path / "out/dets.json").read_bytes()
    )


def test_a_key_with_half_a_character_is_counted_by_a_name_that_is_text(tmp_path: Path) -> None:
    path = store(tmp_path, document(annotation(1, **{"note\ud800": 5})))
    report = write(read(path), "kitti", tmp_path / "out")
    assert losses(report)["annotation.note\ufffd"] == 1


def with_classes(*rows: tuple[str | None, str], label: str | None = None) -> Edit:
    """The classes table as these ids and names; the second box gets the label, if one is given."""

    def edit(dataset: Dataset) -> Dataset:
        values = {
            "file": "instances.json",
            "source_id": [row[0] for row in rows],
            "label": [row[1] for row in rows],
        }
        classes = make_table(CLASS_COLUMNS, len(rows), values)
        boxes = dataset.boxes.copy()
        if label is not None:
            boxes.loc[1, "label"] = label
        return dataset.with_tables(classes=classes, boxes=boxes)

    return edit


PERSON, CAR = {"id": 1, "name": "person"}, {"id": 7, "name": "car"}


@pytest.mark.parametrize(
    ("edit", "categories", "lost"),
    [
        (with_classes(("1", "human"), ("7", "car")), [{"id": 1, "name": "human"}, CAR], {}),
        (with_classes(("7", "car"), ("1", "person")), [PERSON, CAR], {}),
        (with_classes(("1", "person"), label="person"), [PERSON], {}),
        (with_classes(("1", "person")), [PERSON, CAR], {"classes": 1}),
        (
            with_classes(("1", "person"), ("7", "car"), (None, "bus")),
            [PERSON, CAR, {"id": 8, "name": "bus"}],
            {},
        ),
        (
            with_classes(("1", "person"), ("7", "car"), ("3", "bus")),
            [PERSON, CAR, {"id": 3, "name": "bus"}],
            {},
        ),
        (with_classes(("1", "person"), ("7", "car"), (None, "car")), [PERSON, CAR], {"classes": 1}),
        (
            with_classes(("1", "person"), (None, "van"), label="van"),
            [PERSON, {"id": 8, "name": "van"}],
            {},
        ),
        (
            with_classes(("1", "car"), ("7", "person")),
            [{"id": 1, "name": "car"}, {"id": 7, "name": "person"}],
            {},
        ),
    ],
)
def test_the_classes_table_is_written_or_what_cannot_be_is_counted(
    tmp_path: Path, edit: Edit, categories: list[dict[str, Any]], lost: dict[str, int]
) -> None:
    after, report = edited(tmp_path, edit)
    assert after["categories"] == categories
    assert losses(report) == lost


def test_a_class_is_renamed_though_a_category_was_skipped(tmp_path: Path) -> None:
    twice, nameless = {"id": 1, "name": "dog"}, {"id": 5}
    value = document(annotation(1), categories=[nameless, PERSON, twice, CAR])
    dataset = with_classes(("1", "human"), ("7", "car"))(read(store(tmp_path, value)))
    report = write(dataset, "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/instances.json").read_bytes())
    assert after["categories"] == [nameless, PERSON | {"name": "human"}, twice, CAR]
    assert losses(report) == {}


def test_a_class_whose_box_has_lost_its_class_stays(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> Dataset:
        boxes = dataset.boxes.copy()
        boxes.loc[1, "label"] = None
        return with_classes(("1", "person"))(dataset.with_tables(boxes=boxes))

    after, report = edited(tmp_path, edit)
    assert after["categories"] == [PERSON, CAR]
    assert losses(report) == {"boxes.label": 1, "classes": 1}


def test_a_class_above_is_written(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> Dataset:
        return dataset.with_tables(classes=dataset.classes.assign(supercategory="thing"))

    after, report = edited(tmp_path, edit)
    assert after["categories"][1] == CAR | {"supercategory": "thing"}
    assert losses(report) == {}


def over_truth(tmp_path: Path) -> Dataset:
    """One prediction of a car on a.jpg, over two images and classes person and car."""
    truth = store(tmp_path, document(annotation(1)))
    rows = [{"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "score": 0.25}]
    return read(store(tmp_path, rows, "d.json"), ReadOptions(truth=truth))


def test_a_prediction_of_a_class_that_the_truth_does_not_list_is_counted(tmp_path: Path) -> None:
    dataset = over_truth(tmp_path)
    added = dataset.boxes.iloc[[0, 0]].assign(box_id=[7, 8], label=["bus", "person"])
    boxes = pd.concat([dataset.boxes, added], ignore_index=True).astype(dataset.boxes.dtypes)
    report = write(dataset.with_tables(boxes=boxes), "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/d.json").read_bytes())
    assert [row["category_id"] for row in after] == [7, 1]
    assert losses(report) == {"boxes": 1}
    assert report.boxes == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [("role", "ignore"), ("is_group", True), ("attributes", '{"a": 1}'), ("declared_area", 5.0)],
)
def test_a_result_gets_no_key_that_only_annotations_have(
    tmp_path: Path, column: str, value: object
) -> None:
    dataset = set_box(**{column: value})(over_truth(tmp_path))
    report = write(dataset, "coco", tmp_path / "out")
    assert (tmp_path / "out/d.json").read_bytes() == (tmp_path / "d.json").read_bytes()
    assert losses(report) == {f"boxes.{column}": 1}


def test_changes_of_the_truth_of_results_are_counted(tmp_path: Path) -> None:
    dataset = over_truth(tmp_path)
    classes, images = dataset.classes.copy(), dataset.images.copy()
    classes.loc[0, "label"], images.loc[0, "width"] = "human", 120
    edited = dataset.with_tables(classes=classes, images=images[:1])
    report = write(edited, "coco", tmp_path / "out")
    own = (tmp_path / "instances.json").read_bytes()
    assert (tmp_path / "out/instances.json").read_bytes() == own
    assert losses(report) == {"classes": 1, "images": 1, "images.width": 1}


def test_a_size_given_fills_only_the_side_that_is_not_stated(tmp_path: Path) -> None:
    value = document()
    value["images"] = [
        {"id": 1, "file_name": "a.jpg", "width": 640},
        {"id": 2, "file_name": "b.jpg", "width": 32, "height": 24},
    ]
    dataset = read(store(tmp_path, value), ReadOptions(size_wh=(100, 50)))
    assert dataset.images[["width", "height"]].values.tolist() == [[640, 50], [32, 24]]
    assert dataset.images["declared_height"].isna().tolist() == [True, False]
