"""Label Studio's tasks written back: changed values in their places, all else untouched."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from curate import ReadOptions, formats, read
from curate.dataset import Dataset
from curate.formats import label_studio
from curate.tables import hex_id
from tests.formats.label_files import (
    losses,
    read_file,
    with_box,
    with_values,
    write_back,
    written,
)
from tests.formats.label_studio_tasks import (
    FILE,
    annotation,
    edges,
    read_tasks,
    rectangle,
    region,
    task,
)

# Writing back

TASKS = [
    task(
        annotation(rectangle(), {**rectangle("r2"), "score": 0.5}),
        predictions=[{"id": 1, "model_version": "m1", "result": [rectangle("p1")]}],
    ),
    task(annotation(rectangle("q")), number=2, extra={"kept": [1, 2.50]}),
]


def pretty() -> Dataset:
    return read_file(label_studio, FILE, json.dumps(TASKS, indent=2))


def test_untouched_files_come_back_byte_for_byte(tmp_path: Path) -> None:
    dataset = pretty()
    assert write_back(label_studio, dataset, tmp_path).losses == ()
    assert written(tmp_path)[FILE] == dataset.sources.read(FILE)


def test_changed_values_change_only_their_own_keys(tmp_path: Path) -> None:
    dataset = with_values(
        pretty(), 0, x2=90.0, y1=10.0, label="van", source_label="van", score=0.75
    )
    assert write_back(label_studio, dataset, tmp_path).losses == ()
    wanted = json.loads(json.dumps(TASKS))
    first_region = wanted[0]["annotations"][0]["result"][0]
    first_region["value"] |= {"width": 35.0, "y": 10.0, "height": 50.0, "rectanglelabels": ["van"]}
    first_region["score"] = 0.75
    assert json.loads(written(tmp_path)[FILE]) == wanted


def test_region_behind_the_answers_of_another_is_changed_in_its_place(tmp_path: Path) -> None:
    pose = {"id": "r2", "from_name": "pose", "type": "choices", "value": {"choices": ["left"]}}
    regions = [rectangle("r1"), rectangle("r2"), pose, rectangle("r3")]
    dataset = with_values(
        read_tasks(task(annotation(*regions))), 2, label="van", source_label="van"
    )
    body = dataset.sources.read(FILE)
    spans = zip(dataset.boxes["start"], dataset.boxes["end"], strict=True)
    assert [json.loads(body[start:end]) for start, end in spans] == [*regions[:2], regions[3]]
    assert write_back(label_studio, dataset, tmp_path).losses == ()
    results = json.loads(written(tmp_path)[FILE])[0]["annotations"][0]["result"]
    assert results == [*regions[:3], rectangle("r3", "van")]


def test_removed_region_takes_its_answers_and_relations_along(tmp_path: Path) -> None:
    pose = {"id": "r1", "from_name": "pose", "type": "choices", "value": {"choices": ["left"]}}
    link = {"type": "relation", "from_id": "r2", "to_id": "r1"}
    dataset = read_tasks(task(annotation(rectangle(), pose, rectangle("r2"), link)))
    write_back(label_studio, dataset.with_tables(boxes=dataset.boxes.iloc[1:]), tmp_path)
    (left,) = json.loads(written(tmp_path)[FILE])
    assert left["annotations"][0]["result"] == [rectangle("r2")]


def test_added_box_goes_into_its_annotators_annotation(tmp_path: Path) -> None:
    dataset = with_box(pretty(), annotator="3", label="bus", source_label="bus")
    report = write_back(label_studio, dataset, tmp_path)
    assert report.losses == ()
    results = json.loads(written(tmp_path)[FILE])[0]["annotations"][0]["result"]
    assert len(results) == 3
    assert results[2]["id"] == hex_id(77)
    assert results[2]["value"]["rectanglelabels"] == ["bus"]


def test_added_prediction_of_a_new_model_is_a_prediction_of_its_own(tmp_path: Path) -> None:
    said = {"origin": "detector", "score": 0.25, "attributes": '{"model_version": "m2"}'}
    report = write_back(label_studio, with_box(pretty(), **said), tmp_path)
    assert report.losses == ()
    predictions = json.loads(written(tmp_path)[FILE])[0]["predictions"]
    assert [p.get("model_version") for p in predictions] == ["m1", "m2"]
    assert predictions[1]["result"][0]["score"] == 0.25


def test_removed_image_takes_its_task_along(tmp_path: Path) -> None:
    dataset = pretty()
    images = dataset.images.iloc[1:]
    boxes = dataset.boxes[dataset.boxes["image_id"].isin(images["image_id"])]
    write_back(label_studio, dataset.with_tables(images=images, boxes=boxes), tmp_path)
    assert json.loads(written(tmp_path)[FILE]) == TASKS[1:]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("role", "ignore"), ("annotator", "x"), ("attributes", "{}"), ("shape", "polygon"),
        ("score", math.inf), ("label", None), ("x1", math.nan), ("x2", math.inf),
        ("source_label", "other"), ("difficult", True), ("track_id", "5"), ("origin", "import"),
    ],
)  # fmt: skip
def test_change_that_cannot_be_written_is_a_loss_of_its_own(
    tmp_path: Path, column: str, value: Any
) -> None:
    dataset = pretty()
    report = write_back(label_studio, with_values(dataset, 0, **{column: value}), tmp_path)
    assert losses(report) == {f"boxes.{column}": 1}
    assert written(tmp_path)[FILE] == dataset.sources.read(FILE)


def test_place_of_a_polygon_or_turned_rectangle_is_not_changed(tmp_path: Path) -> None:
    outline = region("polygonlabels", points=[[10, 20], [30, 20], [20, 50]])
    dataset = read_tasks(task(annotation(outline, rectangle(rotation=10))))
    edited = with_values(with_values(dataset, 0, x1=1.0), 1, y2=2.0)
    report = write_back(label_studio, edited, tmp_path)
    assert losses(report) == {"boxes.x1": 1, "boxes.y2": 1}
    assert written(tmp_path)[FILE] == dataset.sources.read(FILE)


def test_size_that_only_a_picture_tells_makes_no_change(tmp_path: Path) -> None:
    bare = {k: v for k, v in rectangle().items() if not k.startswith("original")}
    path = tmp_path / FILE
    path.write_text(json.dumps([task(annotation(bare))]))
    (tmp_path / "pictures" / "set").mkdir(parents=True)
    from PIL import Image

    Image.new("RGB", (200, 100)).save(tmp_path / "pictures" / "set" / "1.jpg")
    dataset = read(path, ReadOptions(images=tmp_path / "pictures"))
    assert edges(dataset) == [20.0, 20.0, 80.0, 60.0]
    report = formats.write(dataset, "label-studio", tmp_path / "out")
    assert report.losses == ()
    assert (tmp_path / "out" / FILE).read_bytes() == path.read_bytes()
