"""COCO's own folder: several annotation files of one source over the same images."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from curate.auditing import audit
from curate.dataset import Dataset
from curate.formats import read, write
from tests.formats.coco_documents import annotation, document, store

POINTS: dict[str, Any] = {"keypoints": [15, 15, 2], "num_keypoints": 1}
FILES = ("captions_val.json", "instances_val.json", "person_keypoints_val.json")


def coco_folder(tmp_path: Path, **documents: Any) -> Path:
    """`annotations/` with captions, instances and keypoints as COCO publishes them."""
    person, car = annotation(1), annotation(2, category_id=7, bbox=[40, 10, 20, 30])
    values = {
        "captions_val": document({"id": 9, "image_id": 1, "caption": "a man"}, categories=[]),
        "instances_val": document(person, car),
        "person_keypoints_val": document(
            person | POINTS, categories=[{"id": 1, "name": "person", "keypoints": ["nose"]}]
        ),
    }
    folder = tmp_path / "coco" / "annotations"
    folder.mkdir(parents=True)
    for name, value in (values | documents).items():
        store(folder, value, f"{name}.json")
    return folder.parent


def changed(dataset: Dataset, table: str, row: int, **values: Any) -> Dataset:
    edited = getattr(dataset, table).copy()
    for name, value in values.items():
        edited.loc[row, name] = value
    return dataset.with_tables(**{table: edited})


def written(dataset: Dataset, folder: Path) -> dict[str, Any]:
    report = write(dataset, "coco", folder)
    assert report.losses == ()
    return {
        name.removesuffix("_val.json"): json.loads((folder / "annotations" / name).read_bytes())
        for name in FILES
    }


def test_images_of_several_annotation_files_are_one_row_each(tmp_path: Path) -> None:
    dataset = read(coco_folder(tmp_path))
    assert dataset.images["image_key"].tolist() == ["coco/a.jpg", "coco/sub/b.jpg"]
    # The captions say nothing of b.jpg, the other files that it holds no object.
    assert dataset.images["label_state"].tolist() == ["present", "empty"]
    assert dataset.images["file"].unique().tolist() == ["annotations/instances_val.json"]


def test_files_that_share_images_and_hold_no_objects_are_read(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        store(tmp_path, document(), name)
    dataset = read(tmp_path)
    assert (len(dataset.images), len(dataset.boxes)) == (2, 0)


def test_a_file_whose_name_is_no_text_is_read_under_an_escaped_name(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"f\xff.json")
    try:
        path.write_bytes(json.dumps(document(annotation(1))).encode())
    except OSError:
        pytest.skip("this file system takes names of UTF-8 alone")
    assert read(path).images["source"].unique().tolist() == ["f\\xff"]


def test_an_object_of_two_files_is_one_box_of_its_longer_record(tmp_path: Path) -> None:
    dataset = read(coco_folder(tmp_path))
    rows = dataset.boxes[["source_id", "label", "file"]].to_numpy().tolist()
    assert sorted(rows) == [
        ["1", "person", "annotations/person_keypoints_val.json"],
        ["2", "car", "annotations/instances_val.json"],
    ]


def test_cocos_own_folder_has_no_error_and_tells_what_is_shared_once(tmp_path: Path) -> None:
    found = audit(read(coco_folder(tmp_path))).table
    assert found[["check", "level", "file"]].to_numpy().tolist() == [
        ["SRC-013", "info", "annotations/captions_val.json"],
        ["SRC-013", "info", "annotations/person_keypoints_val.json"],
    ]
    assert (
        found["message"]
        .iloc[1]
        .startswith("1 objects are told in 'annotations/instances_val.json' too")
    )


def test_the_ids_are_those_of_one_file_read_alone(tmp_path: Path) -> None:
    folder = coco_folder(tmp_path)
    both = read(folder)
    for name in ("captions_val.json", "person_keypoints_val.json"):
        (folder / "annotations" / name).unlink()
    alone = read(folder)
    assert sorted(alone.boxes["box_id"]) == sorted(both.boxes["box_id"])
    assert alone.images["image_id"].tolist() == both.images["image_id"].tolist()


def test_all_files_come_back_byte_for_byte(tmp_path: Path) -> None:
    folder = coco_folder(tmp_path)
    report = write(read(folder), "coco", tmp_path / "out")
    assert report.losses == ()
    for name in FILES:
        own = folder / "annotations" / name
        assert (tmp_path / "out/annotations" / name).read_bytes() == own.read_bytes()


def test_a_changed_object_changes_in_each_file_that_tells_of_it(tmp_path: Path) -> None:
    dataset = read(coco_folder(tmp_path))
    row = dataset.boxes["source_id"].tolist().index("1")
    after = written(changed(dataset, "boxes", row, x2=35.0, label="rider"), tmp_path / "out")
    for name, number in (("instances", 8), ("person_keypoints", 2)):
        record = after[name]["annotations"][0]
        assert (record["bbox"], record["category_id"]) == ([10, 10, 25, 30], number)
        assert after[name]["categories"][-1] == {"id": number, "name": "rider"}
    assert after["person_keypoints"]["annotations"][0]["keypoints"] == POINTS["keypoints"]


def test_a_removed_object_goes_out_of_each_file(tmp_path: Path) -> None:
    dataset = read(coco_folder(tmp_path))
    boxes = dataset.boxes[dataset.boxes["source_id"] != "1"]
    after = written(dataset.with_tables(boxes=boxes), tmp_path / "out")
    assert [a["id"] for a in after["instances"]["annotations"]] == [2]
    assert after["person_keypoints"]["annotations"] == []


def test_a_renamed_image_is_renamed_in_each_file_and_a_removed_one_goes(tmp_path: Path) -> None:
    dataset = changed(read(coco_folder(tmp_path)), "images", 0, image_key="coco/new.jpg")
    after = written(dataset.with_tables(images=dataset.images[:1]), tmp_path / "out")
    for name in after:
        assert [image["file_name"] for image in after[name]["images"]] == ["new.jpg"]


def test_what_an_object_of_two_files_cannot_keep_counts_once(tmp_path: Path) -> None:
    dataset = read(coco_folder(tmp_path))
    row = dataset.boxes["source_id"].tolist().index("1")
    edited = changed(dataset, "boxes", row, annotator="b")
    report = write(edited, "coco", tmp_path / "out")
    assert [(loss.field, loss.count) for loss in report.losses] == [("boxes.annotator", 1)]


@pytest.mark.parametrize(
    "differs",
    [{"id": 3}, {"width": 99}, {"height": 81}],
    ids=str,
)
def test_images_of_one_name_that_disagree_are_recorded_twice(
    tmp_path: Path, differs: dict[str, Any]
) -> None:
    other = document()
    other["images"] = [other["images"][0] | differs]
    folder = tmp_path / "two"
    folder.mkdir()
    store(folder, document(annotation(1)), "a.json")
    store(folder, other, "b.json")
    assert read(folder).findings["check"].tolist() == ["IMG-006"]


@pytest.mark.parametrize("differs", [{"id": 5}, {"bbox": [10, 10, 20, 31]}, {"category_id": 7}])
def test_objects_that_differ_stay_boxes_of_their_own(
    tmp_path: Path, differs: dict[str, Any]
) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    store(folder, document(annotation(1)), "a.json")
    store(folder, document(annotation(1, **differs)), "b.json")
    dataset = read(folder)
    assert len(dataset.images) == 2
    assert len(dataset.boxes) == 2
    assert dataset.boxes["box_id"].is_unique
    (told,) = dataset.findings["message"]
    assert told.startswith("2 images are listed in 'a.json' too")


def test_equal_objects_of_one_file_are_still_duplicates(tmp_path: Path) -> None:
    twice = document(annotation(1), annotation(1))
    folder = coco_folder(tmp_path, instances_val=twice)
    found = audit(read(folder), select=["SRC-006", "REL-001"]).table
    assert found["check"].tolist() == ["REL-001", "SRC-006"]
    assert [len(members) for members in found["members"]] == [2, 2]


def test_a_fault_of_a_record_that_another_stands_for_names_their_box(tmp_path: Path) -> None:
    wrong = document(annotation(1, area="big"), annotation(2, category_id=7))
    dataset = read(coco_folder(tmp_path, instances_val=wrong))
    told = dataset.findings[dataset.findings["check"] == "SRC-001"].iloc[0]
    row = dataset.boxes[dataset.boxes["box_id"] == told["box_id"]].iloc[0]
    assert (row["source_id"], row["file"]) == ("1", "annotations/person_keypoints_val.json")


def test_words_stay_whole_when_only_one_of_the_files_has_boxes(tmp_path: Path) -> None:
    folder = tmp_path / "annotations"
    folder.mkdir()
    store(folder, document(annotation(1), annotation(2)), "instances_val.json")
    store(folder, document(), "image_info_val.json")
    dataset = read(folder)
    assert dataset.boxes["file"].tolist() == ["instances_val.json"] * 2
    assert dataset.boxes["shape"].tolist() == ["box", "box"]
    assert dataset.boxes["role"].tolist() == ["include", "include"]
    assert dataset.boxes["origin"].tolist() == ["human", "human"]


def in_folders(tmp_path: Path, **documents: Any) -> Path:
    """A file `<folder>/labels.json` for each document."""
    root = tmp_path / "set"
    for folder, value in documents.items():
        (root / folder).mkdir(parents=True)
        store(root / folder, value, "labels.json")
    return root


ELSEWHERE = annotation(1, bbox=[40, 10, 20, 30])


def test_pictures_of_one_id_name_and_size_in_two_folders_are_kept_apart(tmp_path: Path) -> None:
    root = in_folders(tmp_path, train=document(annotation(1)), val=document(ELSEWHERE))
    dataset = read(root)
    keys = ["set/a.jpg", "set/sub/b.jpg", "set/a.jpg#2", "set/sub/b.jpg#2"]
    assert dataset.images["image_key"].tolist() == keys
    assert dataset.images["file"].tolist() == ["train/labels.json"] * 2 + ["val/labels.json"] * 2
    assert dataset.boxes["image_id"].nunique() == 2
    assert dataset.findings["check"].tolist() == ["IMG-006", "IMG-006"]


def test_three_folders_of_equal_names_are_three_times_the_images(tmp_path: Path) -> None:
    third = annotation(1, bbox=[5, 5, 9, 9])
    root = in_folders(
        tmp_path, test=document(third), train=document(annotation(1)), val=document(ELSEWHERE)
    )
    assert len(read(root).images) == 6


def test_files_of_two_folders_that_share_an_object_share_their_images(tmp_path: Path) -> None:
    persons = document(annotation(1) | POINTS, annotation(7, bbox=[1, 2, 3, 4]))
    root = in_folders(tmp_path, instances=document(annotation(1)), keypoints=persons)
    dataset = read(root)
    assert len(dataset.images) == 2
    assert dataset.boxes["source_id"].tolist() == ["1", "7"]
    (told,) = dataset.findings["message"]
    assert told.startswith("1 objects are told in 'instances/labels.json' too")


@pytest.mark.parametrize(
    ("names", "is_told"),
    [
        # Another folder, and no object to tell by; one folder, and objects of both.
        (("boxes/a.json", "lists/b.json"), True),
        (("all/a.json", "all/b.json"), False),
    ],
)
def test_a_file_without_objects_shares_images_and_says_so_from_another_folder(
    tmp_path: Path, names: tuple[str, str], is_told: bool
) -> None:
    root = tmp_path / "set"
    for name, value in zip(names, (document(annotation(1)), document()), strict=True):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        store((root / name).parent, value, Path(name).name)
    dataset = read(root)
    assert len(dataset.images) == 2
    assert [(row.check, row.level) for row in dataset.findings.itertuples()] == (
        [("SRC-013", "info")] if is_told else []
    )


def test_files_of_one_folder_with_objects_of_their_own_share_images_and_say_so(
    tmp_path: Path,
) -> None:
    root = tmp_path / "set"
    root.mkdir()
    store(root, document(annotation(1)), "people.json")
    store(root, document(annotation(1, category_id=7)), "cars.json")
    dataset = read(root)
    assert len(dataset.images) == 2
    assert dataset.boxes["label"].tolist() == ["car", "person"]
    (told,) = dataset.findings.itertuples()
    assert (told.check, told.file) == ("SRC-013", "people.json")
    assert told.message == (
        "2 images are listed in 'cars.json' too, with the same id, name and size: "
        "each is one image in the table, with the objects of both files"
    )
