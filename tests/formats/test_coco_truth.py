"""COCO results over a folder or zip of annotation files: which fits, and the joined rows."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from curate import load, save, write
from curate.dataset import Dataset
from curate.errors import UsageError
from curate.formats import ReadOptions, read, read_all
from tests.formats.coco_documents import annotation, document, store


def pictures(*images: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"id": n, "file_name": name, "width": 100, "height": 80} for n, name in images]


def prediction(image_id: int, category_id: int = 1) -> dict[str, Any]:
    box = [10, 10, 20, 30]
    return {"image_id": image_id, "category_id": category_id, "bbox": box, "score": 0.5}


def folder_of(tmp_path: Path, **documents: Any) -> Path:
    home = tmp_path / "set" / "annotations"
    home.mkdir(parents=True)
    for name, value in documents.items():
        store(home, value, f"{name}.json")
    return tmp_path / "set"


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.json")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def predicted(dataset: Dataset) -> list[tuple[str, str]]:
    """(image, class) of each prediction, in the table's order."""
    boxes = dataset.boxes[dataset.boxes["origin"] == "detector"]
    keys = dataset.images.set_index("image_id")["image_key"]
    names = boxes["image_id"].map(keys).tolist()
    return list(zip(names, boxes["label"].tolist(), strict=True))


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_folder_or_zip_is_the_truth_of_results_as_its_file_is(tmp_path: Path, form: str) -> None:
    folder = folder_of(tmp_path, instances=document(annotation(1), annotation(2, image_id=2)))
    results = store(tmp_path, [prediction(2, 7), prediction(1)], "dets.json")
    dataset = read_all([folder if form == "folder" else zipped(folder), results])
    assert predicted(dataset) == [("set/sub/b.jpg", "car"), ("set/a.jpg", "person")]
    assert len(dataset.images) == 2
    assert dataset.boxes["origin"].tolist() == ["human"] * 2 + ["detector"] * 2
    assert dataset.findings.empty


def test_results_over_one_of_several_files_are_joined_to_its_images(tmp_path: Path) -> None:
    # Both files number from 1 and have a picture of one name: only the ids tell.
    folder = folder_of(
        tmp_path,
        train=document(annotation(1), images=pictures((1, "a.jpg"), (2, "b.jpg"))),
        val=document(annotation(1), images=pictures((1, "c.jpg"), (2, "d.jpg"), (3, "a.jpg"))),
    )
    results = store(tmp_path, [prediction(1), prediction(3)], "dets.json")
    dataset = read_all([folder, results])
    # The second record of the name a.jpg is val's.
    assert predicted(dataset) == [("set/c.jpg", "person"), ("set/a.jpg#2", "person")]
    assert len(dataset.images) == 5
    assert dataset.findings["check"].tolist() == ["IMG-006"]


def test_results_over_several_files_are_joined_to_the_images_of_all(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        train=document(annotation(1), images=pictures((1, "a.jpg"))),
        val=document(annotation(2, image_id=2), images=pictures((2, "b.jpg"))),
    )
    results = store(tmp_path, [prediction(1), prediction(2)], "dets.json")
    assert predicted(read_all([folder, results])) == [
        ("set/a.jpg", "person"),
        ("set/b.jpg", "person"),
    ]


def test_files_over_the_same_pictures_fit_together(tmp_path: Path) -> None:
    persons = document(annotation(1), categories=[{"id": 1, "name": "person"}])
    folder = folder_of(
        tmp_path, instances=document(annotation(1), annotation(2)), person_keypoints=persons
    )
    results = store(tmp_path, [prediction(1, 7)], "dets.json")
    assert predicted(read_all([folder, results])) == [("set/a.jpg", "car")]
    indices = store(tmp_path, [prediction(1, 1)], "indices.json")
    options = ReadOptions(truth=folder, class_ids="index")
    # The second of the classes of `instances`, the longer list.
    assert predicted(read(indices, options)) == [("set/a.jpg", "car")]


def test_ids_that_mean_other_images_in_each_file_are_an_error(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        train=document(annotation(1), images=pictures((1, "a.jpg"))),
        val=document(annotation(1), images=pictures((1, "b.jpg"))),
    )
    results = store(tmp_path, [prediction(1)], "dets.json")
    with pytest.raises(UsageError) as caught:
        read_all([folder, results])
    assert str(caught.value) == (
        "dets.json: its image ids fit 2 annotation files that give them, or class ids, different "
        "meanings ('annotations/train.json', 'annotations/val.json') - name the one that the "
        "results were made over with --truth FILE"
    )
    assert predicted(read(results, ReadOptions(truth=folder / "annotations" / "val.json"))) == [
        ("val/b.jpg", "person")
    ]


def test_class_ids_that_mean_other_classes_in_each_file_are_an_error(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        people=document(annotation(1)),
        signs=document(annotation(2), categories=[{"id": 1, "name": "stop sign"}]),
    )
    results = store(tmp_path, [prediction(1)], "dets.json")
    with pytest.raises(UsageError, match="different meanings"):
        read_all([folder, results])


def test_ids_that_no_file_lists_are_an_error(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        train=document(images=pictures((1, "a.jpg"))),
        val=document(images=pictures((2, "b.jpg"))),
    )
    results = store(tmp_path, [prediction(77)], "dets.json")
    with pytest.raises(UsageError, match=r"dets\.json: none of its image ids is in any of 2"):
        read_all([folder, results])


def test_a_folder_without_annotation_files_is_no_truth(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    results = store(tmp_path, [prediction(1)], "dets.json")
    with pytest.raises(UsageError, match="set: holds no COCO annotation file"):
        read(results, ReadOptions(truth=tmp_path / "set"))


def test_an_empty_list_of_results_fits_any_folder(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        train=document(images=pictures((1, "a.jpg"))),
        val=document(images=pictures((1, "b.jpg"))),
    )
    results = store(tmp_path, [], "dets.json")
    dataset = read(results, ReadOptions(truth=folder))
    assert (len(dataset.boxes), len(dataset.images)) == (0, 2)
    assert dataset.findings["check"].tolist() == ["SRC-018"]


def test_a_broken_file_of_the_folder_is_told_once_and_the_others_are_the_truth(
    tmp_path: Path,
) -> None:
    whole = document(annotation(1))
    folder = folder_of(tmp_path, train=json.dumps(whole).encode()[:-9], val=whole)
    results = store(tmp_path, [prediction(1)], "dets.json")
    dataset = read_all([folder, results])
    assert predicted(dataset) == [("set/a.jpg", "person")]
    assert dataset.findings["check"].tolist() == ["SRC-002"]


@pytest.mark.parametrize("order", ["truth first", "results first"])
def test_what_is_saved_is_written_again_from_the_kept_files(tmp_path: Path, order: str) -> None:
    documents = {
        "train": document(annotation(1), images=pictures((1, "a.jpg"))),
        "val": document(annotation(2, image_id=2), images=pictures((2, "b.jpg"))),
    }
    folder = folder_of(tmp_path, **documents)
    results = store(tmp_path, [prediction(1), prediction(2)], "dets.json")
    sources = [folder, results] if order == "truth first" else [results, folder]
    save(read_all(sources), tmp_path / "both.curate")
    dataset = load(tmp_path / "both.curate")
    kept = {f"set/annotations/{name}.json" for name in documents} | {"dets/dets.json"}
    assert set(dataset.sources.names()) == kept
    assert set(dataset.images["file"]) <= kept
    assert write(dataset, "coco", tmp_path / "out").losses == ()
    for name, value in documents.items():
        out = tmp_path / "out" / "set" / "annotations" / f"{name}.json"
        assert json.loads(out.read_bytes()) == value
    assert json.loads((tmp_path / "out/dets/dets.json").read_bytes()) == [
        prediction(1),
        prediction(2),
    ]


def test_results_of_the_name_of_their_annotation_file_are_kept_beside_it(tmp_path: Path) -> None:
    for name in ("gt", "dt"):
        (tmp_path / name).mkdir()
    truth = store(tmp_path / "gt", document(annotation(1)), "val.json")
    results = store(tmp_path / "dt", [prediction(1)], "val.json")
    dataset = read(results, ReadOptions(truth=truth))
    write(dataset, "coco", tmp_path / "out")
    assert json.loads((tmp_path / "out/val.json").read_bytes()) == [prediction(1)]
    again = read(tmp_path / "out/val.json", ReadOptions(truth=truth))
    pd.testing.assert_frame_equal(again.boxes, dataset.boxes)
