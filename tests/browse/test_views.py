"""Saved views in FiftyOne: what they hold, in which order, and under which names."""

from __future__ import annotations

from pathlib import Path

import pytest

import curate
from curate.browse.building import build
from tests.browse.conftest import coco, picture, predicted

# FiftyOne's own dependencies warn when they are imported and used.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_views_of_errors_are_sorted_and_hold_nothing_else(fo, street) -> None:
    dataset = build(street, predictions=predicted(street, [0.9, 0.3, 0.7, 0.6])).dataset
    view = dataset.load_saved_view("false positives")
    assert view.values("max_fp_score") == [0.6, 0.3]
    assert set(view.values("predictions.detections.eval", unwind=True)) == {"fp"}
    assert len(dataset.load_saved_view("missed objects")) == 2
    assert len(dataset.load_saved_view("class car")) == 1


def test_the_view_of_a_check_holds_just_the_pictures_and_boxes_of_its_findings(fo, street) -> None:
    findings = curate.audit(street)
    built = build(street, findings=findings)
    assert "BOX-002 box-outside-image" in built.views
    for check, own in findings.table.groupby("check"):
        keys = set(street.images.set_index("image_id")["image_key"].reindex(own["image_id"]))
        names = [name for name in built.views if name.startswith(str(check))]
        if own["image_id"].notna().all():
            assert set(built.dataset.load_saved_view(names[0]).values("image_key")) == keys
    view = built.dataset.load_saved_view("BOX-002 box-outside-image")
    (sample,) = view
    (label,) = sample.ground_truth.detections
    assert Path(sample.filepath).name == "b.jpg"
    assert label.tags == ["BOX-002"]
    assert label.findings[0].startswith("BOX-002: ")


def test_worst_findings_come_first(fo, tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg", (100, 50))
    picture(tmp_path / "images" / "b.jpg", (100, 50))
    images = [{"file_name": f"{n}.jpg", "width": 100, "height": 50} for n in "ab"]
    boxes = [{"image_id": 1, "bbox": [90, 0, 12, 9]}, {"image_id": 2, "bbox": [90, 0, 80, 9]}]
    dataset = curate.read(coco(tmp_path, images, boxes), images=tmp_path / "images")
    findings = curate.audit(dataset, select="BOX-002")
    worst = findings.table.sort_values("rank")["image_id"].map(lambda i: f"{i:016x}").tolist()
    view = build(dataset, findings=findings).dataset.load_saved_view("BOX-002 box-outside-image")
    assert view.values("image_id") == worst


def test_views_of_a_build_that_was_stopped_before_it_noted_them_are_curates(fo, street) -> None:
    dataset = build(street).dataset
    first = ("schema", "source", "dataset_id")
    dataset.info["curate"] = {name: dataset.info["curate"][name] for name in first}
    dataset.save()
    dataset.save_view("mine", dataset.limit(1))
    built = build(street)
    assert built.views == ("class car", "class person")
    assert sorted(built.dataset.list_saved_views()) == ["class car", "class person", "mine"]


def test_classes_of_any_name_have_views_of_their_own(fo, street) -> None:
    labels = ["行人", "车", "person", "person"]
    built = build(street.with_tables(boxes=street.boxes.assign(label=labels)))
    assert [v for v in built.views if v.startswith("class")] == [
        "class person", "class 行人", "class 车 2",
    ]  # fmt: skip
    assert all(len(built.dataset.load_saved_view(v)) for v in built.views)


def test_classes_beyond_the_hundredth_have_no_view_and_that_is_told(fo, tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg", (100, 50))
    # Two boxes of each class but the first and the second, which are left out.
    ids = [1, 2, *(c for c in range(3, 103) for _ in range(2))]
    images = [{"file_name": "a.jpg", "width": 100, "height": 50}]
    boxes = [{"image_id": 1, "bbox": [1, 1, 9, 9], "category_id": 1} for _ in ids]
    dataset = curate.read(coco(tmp_path, images, boxes), images=tmp_path / "images")
    labels = [f"c{c:03d}" for c in ids]
    built = build(dataset.with_tables(boxes=dataset.boxes.assign(label=labels)))
    classes = [view for view in built.views if view.startswith("class ")]
    assert classes == [f"class c{c:03d}" for c in range(3, 103)]
    assert [note for note in built.notes if "classes" in note] == [
        "2 of 102 classes have no saved view of their own: the 100 with most boxes have; filter "
        "the others by label in the App"
    ]


def test_a_class_or_split_named_like_a_field_of_the_database_has_its_pictures(fo, street) -> None:
    boxes = street.boxes.assign(label=["$where", "$where", "zero\0byte", "$ROOT"])
    images = street.images.assign(split=["$train", "$train", "$val"])
    dataset = build(street.with_tables(boxes=boxes, images=images)).dataset
    view = dataset.load_saved_view("class $where")
    assert view.values("ground_truth.detections.label", unwind=True) == ["$where", "$where"]
    assert len(dataset.load_saved_view("class $ROOT")) == 1
    assert len(dataset.load_saved_view("class zero byte")) == 1
    assert len(dataset.load_saved_view("split $train")) == 2
