"""What people did to pictures stays where the source has them no longer, or is another one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import curate
from curate.browse.building import build
from curate.browse.pulling import pulled
from curate.errors import OutputError
from tests.browse.conftest import coco, picture
from tests.browse.test_building import by_name

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_a_picture_that_people_worked_on_stays_when_the_source_has_it_no_longer(fo, street) -> None:
    dataset = build(street).dataset
    samples = by_name(dataset)
    label = samples["a.jpg"].ground_truth.detections[0]
    label.tags.append("fix:car")
    samples["a.jpg"].save()
    samples["b.jpg"].tags.append("drop")
    samples["b.jpg"].save()
    only_last = street.of_images(street.images["image_id"][2:])
    again = build(only_last)
    assert again.n_gone == 1
    assert set(by_name(again.dataset)) == {"a.jpg", "行人.jpg"}
    told = "1 pictures that labels no longer has stay, as people tagged or edited them"
    assert again.notes[0].startswith(told)
    decisions = pulled(again.dataset).decisions
    assert decisions[["verdict", "label"]].to_numpy().tolist() == [["fix", "car"]]
    assert build(street).notes == ()


@pytest.mark.parametrize("work", ["tag", "label tag", "drawn", "deleted"])
def test_any_work_keeps_a_picture(fo, street, work: str) -> None:
    dataset = build(street).dataset
    sample = by_name(dataset)["a.jpg"]
    if work == "tag":
        sample.tags.append("look")
    elif work == "label tag":
        sample.ground_truth.detections[0].tags.append("look")
    elif work == "drawn":
        drawn = fo.Detection(label="person", bounding_box=[0.0, 0.0, 0.1, 0.1])
        sample.ground_truth.detections.append(drawn)
    else:
        del sample.ground_truth.detections[0]
    sample.save()
    again = build(street.of_images(street.images["image_id"][2:]))
    assert set(by_name(again.dataset)) == {"a.jpg", "行人.jpg"}


def test_a_dataset_of_another_source_is_refused_and_not_touched(fo, street, tmp_path: Path) -> None:
    dataset = build(street).dataset
    dataset.tag_samples("look")
    before = {d["_id"]: d for d in dataset._sample_collection.find()}
    picture(tmp_path / "other" / "x.jpg", (100, 50))
    images = [{"file_name": "x.jpg", "width": 100, "height": 50}]
    (tmp_path / "other_labels").mkdir()
    other = curate.read(coco(tmp_path / "other_labels", images, []), images=tmp_path / "other")
    with pytest.raises(OutputError, match="shows 3 pictures, of which labels has none") as caught:
        build(other)
    assert "--as" in str(caught.value)
    assert {d["_id"]: d for d in dataset._sample_collection.find()} == before


def test_pictures_from_another_folder_are_told(fo, street, tmp_path: Path) -> None:
    build(street)
    shutil.copytree(tmp_path / "images", tmp_path / "copy")
    (note,) = build(replace(street, images_root=tmp_path / "copy")).notes
    assert str(tmp_path / "images") in note
    assert str(tmp_path / "copy") in note
