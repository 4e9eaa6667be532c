"""What is given beside a dataset: options reach whichever source heeds them; doubts are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import curate
from curate.browse.given import audit_of, read_both
from curate.browse.shown import shown
from curate.cli import main
from curate.errors import SourceError, UsageError
from curate.formats import ReadOptions
from tests.browse.conftest import coco, picture

NAMES = ("person", "car")


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """One picture of 100 x 50 px with a person and a car."""
    picture(tmp_path / "images" / "a.jpg", (100, 50))
    boxes = [
        {"image_id": 1, "bbox": [10, 20, 20, 5]},
        {"image_id": 1, "bbox": [50, 10, 10, 10], "category_id": 2},
    ]
    return coco(tmp_path, [{"file_name": "a.jpg", "width": 100, "height": 50}], boxes)


def results(path: Path, class_ids: list[int], image_id: int = 1) -> Path:
    """COCO results on the two boxes."""
    places = [[10, 20, 20, 5], [50, 10, 10, 10]]
    rows = [
        {"image_id": image_id, "category_id": number, "bbox": place, "score": 0.5}
        for number, place in zip(class_ids, places, strict=True)
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def test_class_ids_of_a_results_file_may_be_indices(labels: Path, tmp_path: Path) -> None:
    dets = results(tmp_path / "dets.json", [0, 1])
    told = ReadOptions(images=tmp_path / "images", class_ids="index")
    dataset, found = read_both(labels, told, dets, None)
    assert found.boxes["label"].tolist() == ["person", "car"]
    assert dataset.boxes["label"].tolist() == ["person", "car"]


def test_shares_of_the_pictures_sides_are_read_with_the_pictures(
    labels: Path, tmp_path: Path
) -> None:
    (tmp_path / "dets").mkdir()
    # Class, score, centre and size as shares of 100 x 50 px.
    (tmp_path / "dets" / "a.txt").write_text("1 0.9 0.55 0.3 0.1 0.2\n")
    told = ReadOptions(images=tmp_path / "images", classes=NAMES)
    _, found = read_both(labels, told, tmp_path / "dets", "text-dets-rel-xywh")
    assert found.boxes["label"].tolist() == ["car"]
    edges = found.boxes[["x1", "y1", "x2", "y2"]].iloc[0].tolist()
    assert edges == pytest.approx([50, 10, 60, 20])


def test_an_option_that_neither_source_heeds_is_refused(labels: Path, tmp_path: Path) -> None:
    dets = results(tmp_path / "dets.json", [1, 2])
    with pytest.raises(UsageError, match="--classes names the classes of labels"):
        read_both(labels, ReadOptions(classes=NAMES), dets, None)


def notes(labels: Path, dets: Path, folder: Path) -> tuple[str, ...]:
    told = ReadOptions(images=folder / "images")
    dataset, found = read_both(labels, told, dets, None)
    return shown(dataset, predictions=found).notes


def test_predictions_that_can_match_nothing_are_told_with_the_mend(
    labels: Path, tmp_path: Path
) -> None:
    assert notes(labels, results(tmp_path / "right.json", [1, 2]), tmp_path) == ()
    shifted = notes(labels, results(tmp_path / "shifted.json", [0, 1]), tmp_path)
    assert "2 predictions have no class" in shifted
    assert any(n.startswith("predictions: SRC-012: ") and "--class-ids" in n for n in shifted)
    (lost,) = notes(labels, results(tmp_path / "lost.json", [1, 2], image_id=9), tmp_path)
    assert lost.startswith("predictions: SRC-005: image_id '9' is not among")


def test_predictions_of_classes_that_the_labels_do_not_have_are_told(
    labels: Path, tmp_path: Path
) -> None:
    (tmp_path / "dets").mkdir()
    (tmp_path / "dets" / "a.txt").write_text("14 0.9 50 10 10 10\n14 0.8 10 20 20 5\n")
    dataset = curate.read(labels, images=tmp_path / "images")
    found = curate.read(tmp_path / "dets", ReadOptions(format="text-dets-xywh"))
    (note,) = shown(dataset, predictions=found).notes
    assert note == (
        "2 predictions are of classes that the labels do not have, and match nothing: '14'; "
        "--classes names numbered ones"
    )


def test_predictions_on_images_without_a_picture_are_told_as_such(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg", (100, 50))
    images = [{"file_name": f"{name}.jpg", "width": 100, "height": 50} for name in "ab"]
    path = coco(tmp_path, images, [])
    dets = results(tmp_path / "dets.json", [1, 2], image_id=2)
    told = notes(path, dets, tmp_path)
    assert "2 predictions on images without a picture are not shown" in told
    assert not any("unknown images" in note for note in told)


def test_an_audit_of_other_images_is_refused(labels: Path, tmp_path: Path) -> None:
    boxes = [{"image_id": 1, "bbox": [90, 20, 20, 5]}]
    (tmp_path / "other").mkdir()
    size = {"width": 100, "height": 50}
    other = coco(tmp_path / "other", [{"file_name": "b.jpg", **size}], boxes)
    assert main(["audit", str(other), "--select", "BOX-002", "-o", str(tmp_path / "a.json")]) == 1
    dataset = curate.read(labels, images=tmp_path / "images")
    with pytest.raises(SourceError, match="none of the 1 that it names is in labels") as told:
        audit_of(tmp_path / "a.json", dataset)
    assert "'labels/b.jpg'" in str(told.value)
    assert len(audit_of(tmp_path / "a.json", curate.read(other)).table) == 1
