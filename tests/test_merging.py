"""Sources joined into one dataset: classes, names and pictures that clash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate.auditing import audit
from curate.dataset import Dataset, load, save
from curate.errors import UsageError
from curate.formats import ReadOptions, read, write
from curate.merging import merge
from tests.formats.coco_documents import annotation, document, store


def source(
    folder: Path, name: str, *labels: str, pictures: dict[str, int] | None = None
) -> Dataset:
    """One box of each class on a.jpg, pictures filled with one grey value each."""
    folder = folder / name
    folder.mkdir()
    categories = [{"id": n, "name": label} for n, label in enumerate(labels, 1)]
    boxes = [annotation(n, category_id=n) for n in range(1, len(labels) + 1)]
    path = store(folder, document(*boxes, categories=categories))
    root = folder / "pictures"
    for file, grey in (pictures or {}).items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((80, 100), grey, np.uint8)).save(root / file)
    return read(path, ReadOptions(name=name, images=root if pictures else None))


def test_classes_are_joined_by_name_whatever_their_ids(tmp_path: Path) -> None:
    merged = merge([source(tmp_path, "a", "person", "car"), source(tmp_path, "b", "car", "person")])
    assert merged.classes == {"car": {"a": 1, "b": 1}, "person": {"a": 1, "b": 1}}
    assert merged.ids == {"car": {"a": "2", "b": "1"}, "person": {"a": "1", "b": "2"}}
    assert "class 'car' has different ids, joined by name: 2 in a, 1 in b" in str(merged)


@pytest.mark.parametrize(("left", "right"), [("Car", "car"), ("traffic light", "traffic_light")])
def test_classes_that_differ_by_spelling_alone_need_a_word(
    tmp_path: Path, left: str, right: str
) -> None:
    parts = [source(tmp_path, "a", left), source(tmp_path, "b", right)]
    with pytest.raises(UsageError, match="differ by spelling alone") as caught:
        merge(parts)
    assert f"`{right}: {left}`" in str(caught.value)
    merged = merge(parts, classes={left: left, right: left})
    assert merged.classes == {left: {"a": 1, "b": 1}}
    assert len(merged.relabeled.log) == 1
    both = merge(parts, classes={left: left, right: right})
    assert set(both.classes) == {left, right}


def test_classes_that_may_be_misspelt_are_told_but_kept(tmp_path: Path) -> None:
    merged = merge([source(tmp_path, "a", "motorbike"), source(tmp_path, "b", "motorbyke")])
    assert merged.alike == [("motorbike", "motorbyke")]
    assert set(merged.classes) == {"motorbike", "motorbyke"}


def test_equal_image_names_stay_two_images(tmp_path: Path) -> None:
    merged = merge([source(tmp_path, "a", "car"), source(tmp_path, "b", "car")])
    assert merged.same_names == ["a.jpg", "sub/b.jpg"]
    assert merged.dataset.images["image_key"].tolist() == [
        "a/a.jpg", "a/sub/b.jpg", "b/a.jpg", "b/sub/b.jpg",
    ]  # fmt: skip


def test_pictures_equal_byte_for_byte_are_told_and_dropped_on_request(tmp_path: Path) -> None:
    parts = [
        source(tmp_path, "a", "car", pictures={"a.jpg": 1, "sub/b.jpg": 2}),
        source(tmp_path, "b", "car", pictures={"a.jpg": 1, "sub/b.jpg": 3}),
    ]
    kept = merge(parts)
    assert kept.same_pictures == [["a/a.jpg", "b/a.jpg"]]
    assert (kept.dropped, len(kept.dataset.images)) == ([], 4)
    dropped = merge(parts, duplicates="drop")
    assert dropped.dropped == ["b/a.jpg"]
    assert dropped.dataset.images["image_key"].tolist() == ["a/a.jpg", "a/sub/b.jpg", "b/sub/b.jpg"]
    assert dropped.classes == {"car": {"a": 1}}


def test_of_equal_pictures_the_labelled_one_stays(tmp_path: Path) -> None:
    parts = [
        source(tmp_path, "a", pictures={"a.jpg": 1, "sub/b.jpg": 2}),
        source(tmp_path, "b", "car", pictures={"a.jpg": 1, "sub/b.jpg": 3}),
    ]
    assert merge(parts, duplicates="drop").dropped == ["a/a.jpg"]


def test_pictures_of_two_folders_are_still_found(tmp_path: Path) -> None:
    parts = [
        source(tmp_path, "a", "car", pictures={"a.jpg": 1, "sub/b.jpg": 2}),
        source(tmp_path, "b", "car", pictures={"a.jpg": 5, "sub/b.jpg": 3}),
        source(tmp_path, "c", "car"),
    ]
    dataset = merge(parts).dataset
    assert dataset.images_root == tmp_path
    assert dataset.images["path"].dropna().tolist() == [
        "a/pictures/a.jpg", "a/pictures/sub/b.jpg", "b/pictures/a.jpg", "b/pictures/sub/b.jpg",
    ]  # fmt: skip


def test_a_merged_dataset_is_saved_audited_and_written_back_byte_for_byte(tmp_path: Path) -> None:
    parts = [source(tmp_path, "a", "car"), source(tmp_path, "b", "car")]
    save(merge(parts).dataset, tmp_path / "both")
    again = load(tmp_path / "both")
    assert audit(again).at_least("error") == 0
    assert not write(again, "coco", tmp_path / "out").losses
    for name in ("a", "b"):
        written = (tmp_path / "out" / name / "instances.json").read_bytes()
        assert written == (tmp_path / name / "instances.json").read_bytes()


def test_one_source_or_two_of_one_name_are_refused(tmp_path: Path) -> None:
    part = source(tmp_path, "a", "car")
    with pytest.raises(UsageError, match="needs two sources"):
        merge([part])
    with pytest.raises(UsageError, match="several sources are called a"):
        merge([part, part])
