"""Label Studio: tasks read, written back, and made from the columns of other formats."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import formats, read
from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats import label_studio
from curate.formats.label_studio.names import address_of, name_of
from curate.formats.reading import Options
from curate.tables import hex_id
from curate.tree import open_tree
from tests.formats.label_files import (
    EDGES,
    kept,
    losses,
    table_set,
    with_box,
    with_values,
    write_back,
    written,
)
from tests.formats.label_studio_tasks import (
    FILE,
    annotation,
    edges,
    findings,
    first,
    read_tasks,
    rectangle,
    region,
    task,
)

# Places


def test_percentages_become_px_of_the_original_size() -> None:
    dataset = read_tasks(task(annotation(rectangle())))
    assert edges(dataset) == [20.0, 20.0, 80.0, 60.0]
    image = dataset.images.iloc[0]
    assert (image["width"], image["height"]) == (200, 100)
    assert image["image_key"] == "yard/set/1.jpg"
    assert image["source_id"] == "1"
    assert len(dataset.findings) == 0


def test_rectangle_turns_clockwise_about_its_top_left_corner_in_px() -> None:
    # 60 x 40 px at (20, 20), turned by 90 degrees: it lies left of and below its corner.
    dataset = read_tasks(task(annotation(rectangle(rotation=90))))
    assert edges(dataset) == pytest.approx([-20.0, 20.0, 20.0, 80.0])
    assert first(dataset)["shape"] == "rotated"
    assert first(dataset)["angle_deg"] == 90.0


def test_rectangle_that_reaches_the_border_ends_exactly_there() -> None:
    dataset = read_tasks(task(annotation(rectangle(x=33.3, width=66.7, y=0, height=100))))
    assert edges(dataset)[2:] == [200.0, 100.0]


@pytest.mark.parametrize(
    ("result", "shape", "wanted"),
    [
        (region("polygonlabels", points=[[10, 20], [30, 20], [20, 50]]), "polygon",
         [20.0, 20.0, 60.0, 50.0]),
        (region("keypointlabels", x=10, y=20, width=0.5), "point", [20.0, 20.0, 20.0, 20.0]),
        (region("ellipselabels", x=50, y=50, radiusX=10, radiusY=20), "mask",
         [80.0, 30.0, 120.0, 70.0]),
        (region("brushlabels", format="rle", rle=[0, 1]), "mask", [math.nan] * 4),
    ],
)  # fmt: skip
def test_shapes_have_their_bounds(result: Any, shape: str, wanted: list[float]) -> None:
    dataset = read_tasks(task(annotation(result)))
    assert first(dataset)["shape"] == shape
    assert edges(dataset) == pytest.approx(wanted, nan_ok=True)
    assert len(dataset.findings) == 0


def test_whole_image_choice_is_a_tag_and_a_region_choice_an_attribute() -> None:
    pose = {"id": "r1", "from_name": "pose", "to_name": "image", "type": "choices",
            "value": {"choices": ["left"]}}  # fmt: skip
    scene = {**pose, "id": "c1", "from_name": "scene", "value": {"choices": ["night"]}}
    dataset = read_tasks(task(annotation(rectangle(), pose, scene)))
    assert dataset.boxes["shape"].tolist() == ["box", "tag"]
    assert dataset.boxes["label"].tolist() == ["car", "night"]
    assert json.loads(first(dataset)["attributes"])["pose"] == "left"


def test_class_of_a_plain_rectangle_stands_in_a_record_of_its_own() -> None:
    plain = region("rectangle", x=1, y=1, width=1, height=1)
    del plain["value"]["rectangle"]
    labels = {**plain, "type": "labels", "value": {"labels": ["van"]}}
    assert first(read_tasks(task(annotation(plain, labels))))["label"] == "van"


def test_region_of_several_classes_keeps_all_and_says_so() -> None:
    dataset = read_tasks(task(annotation(rectangle(rectanglelabels=["car", "taxi"]))))
    assert first(dataset)["label"] == "car"
    assert json.loads(first(dataset)["attributes"])["labels"] == ["car", "taxi"]
    assert dataset.findings["check"].tolist() == ["SRC-013"]


def test_relations_are_kept_with_the_region_that_they_come_from() -> None:
    link = {"type": "relation", "from_id": "r1", "to_id": "r2", "direction": "right"}
    dataset = read_tasks(task(annotation(rectangle("r1"), rectangle("r2", x=50), link)))
    assert json.loads(first(dataset)["attributes"])["relations"] == [
        {"to": "r2", "direction": "right"}
    ]


# Who and what


def test_annotators_of_one_task_stand_beside_each_other() -> None:
    other = annotation(rectangle(x=11), id=10, completed_by={"id": 4, "email": "b@example.org"})
    dataset = read_tasks(task(annotation(rectangle(), lead_time=2.5, ground_truth=True), other))
    assert dataset.boxes["annotator"].tolist() == ["3", "b@example.org"]
    assert dataset.boxes["box_id"].is_unique
    assert json.loads(first(dataset)["attributes"]) == {
        "annotation_id": 9, "ground_truth": True, "lead_time": 2.5,
    }  # fmt: skip


def test_prediction_is_a_detectors_with_the_score_as_written() -> None:
    scored = {**rectangle("p1"), "score": 0.30000000000000004}
    made = {"id": 4, "model_version": "m1", "score": 0.25, "result": [scored, rectangle("p2")]}
    dataset = read_tasks(task(predictions=[made]))
    assert dataset.boxes["origin"].tolist() == ["detector", "detector"]
    assert dataset.boxes["score"].tolist() == [0.30000000000000004, 0.25]
    assert json.loads(first(dataset)["attributes"]) == {"model_version": "m1"}
    assert dataset.images["label_state"].tolist() == ["missing"]


def test_undefined_is_a_servers_word_for_no_model(tmp_path: Path) -> None:
    # Of 1.23.2, for predictions that are imported without a model_version.
    made = {"id": 4, "model_version": "undefined", "result": [rectangle("p1")]}
    dataset = read_tasks(task(predictions=[made]))
    assert pd.isna(first(dataset)["attributes"])
    write_back(label_studio, with_box(dataset, origin="detector", score=0.5), tmp_path)
    (again,) = json.loads(written(tmp_path)[FILE])
    assert [len(p["result"]) for p in again["predictions"]] == [2]


def test_cancelled_annotation_is_excluded_and_said() -> None:
    dataset = read_tasks(task(annotation(rectangle(), was_cancelled=True)))
    assert first(dataset)["role"] == "exclude"
    assert dataset.images["label_state"].tolist() == ["missing"]
    assert findings(dataset) == [
        ("SRC-013", "1 annotations were cancelled: their boxes are excluded")
    ]


def test_annotation_without_results_is_an_empty_image() -> None:
    dataset = read_tasks(task(annotation()), task(number=2))
    assert dataset.images["label_state"].tolist() == ["empty", "missing"]


def test_regions_of_several_images_lie_in_theirs() -> None:
    many = task(annotation({**rectangle(), "item_index": 1}))
    many["data"] = {"images": ["/data/upload/1/ab-a.jpg", "/data/upload/1/cd-b.jpg"]}
    dataset = read_tasks(many)
    assert dataset.images["image_key"].tolist() == ["yard/ab-a.jpg", "yard/cd-b.jpg"]
    assert first(dataset)["image_id"] == dataset.images["image_id"].iloc[1]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/data/local-files/?d=set%201/a%2Bb.jpg", "set 1/a+b.jpg"),
        ("/data/upload/83/6dfa5c5b-street.jpg", "6dfa5c5b-street.jpg"),
        ("https://example.org/x/a%20b.jpg?X-Sig=1&y=2", "x/a b.jpg"),
        ("s3://bucket/x/a.jpg", "x/a.jpg"),
        ("/tasks/7/resolve/?fileuri=czM6Ly9iL3gvYS5qcGc=", "x/a.jpg"),
        ("a.jpg", "a.jpg"),
        ("C:\\photos\\a.jpg", "a.jpg"),
        ("data:image/png;base64,AAAA", None),
        ("http://[", "http://["),
    ],
)
def test_address_names_an_image(address: str, name: str | None) -> None:
    assert name_of(address) == name


@given(st.from_regex(r"[a-z #%+&?=é~]{1,8}(/[a-z .é]{1,8}){0,2}\.jpg", fullmatch=True))
def test_local_address_gives_its_name_back(name: str) -> None:
    assert name_of(address_of(name)) == name


# JSON_MIN

MIN = {
    "image": "/data/upload/1/a.jpg", "id": 7, "annotator": 3, "annotation_id": 9,
    "lead_time": 1.5, "created_at": "2024", "scene": "night",
    "label": [
        {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": ["car"],
         "original_width": 200, "original_height": 100}
    ],
}  # fmt: skip


def test_min_form_is_read_and_joins_the_annotators_of_a_task() -> None:
    dataset = read_tasks(MIN, {**MIN, "annotator": 4, "annotation_id": 10})
    assert len(dataset.images) == 1
    assert edges(dataset, 1) == [20.0, 20.0, 80.0, 60.0]
    assert dataset.boxes["annotator"].tolist() == ["3", "4"]


def test_min_form_takes_changes_and_removals(tmp_path: Path) -> None:
    two = {**MIN, "label": [MIN["label"][0], {**MIN["label"][0], "x": 50}]}  # type: ignore[index]
    dataset = with_values(read_tasks(two), 0, x1=30.0, label="van", source_label="van")
    report = write_back(label_studio, dataset.with_tables(boxes=dataset.boxes.iloc[:1]), tmp_path)
    assert report.losses == ()
    got = json.loads(written(tmp_path)[FILE])[0]["label"]
    assert got == [{**MIN["label"][0], "x": 15.0, "width": 25.0, "rectanglelabels": ["van"]}]  # type: ignore[index]


def min_place(**values: Any) -> dict[str, Any]:
    """A region of JSON_MIN, with 10..40 % by 20..60 % of 200 x 100 px, and what it says."""
    place = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
    return {**place, **values, "original_width": 200, "original_height": 100}


@pytest.mark.parametrize(
    "answer",
    [[min_place(number=7)], [min_place(rating=3)], min_place(choices=["a", "b"]), ["a", "b"]],
)
def test_min_forms_answers_about_regions_are_no_regions(answer: Any) -> None:
    dataset = read_tasks({**MIN, "sure": answer})
    assert dataset.boxes["label"].tolist() == ["car"]
    assert len(dataset.findings) == 0
    assert label_studio.extras(dataset)["data.sure"] == 1


# With <Labels> beside <Rectangle>, a server of 1.23.2 states the place under both names.
TWICE = {**MIN, "label": [min_place(labels=["car"])], "rect": [min_place()]}


def test_min_forms_place_that_is_stated_twice_is_one_box() -> None:
    dataset = read_tasks(TWICE)
    assert dataset.boxes["label"].tolist() == ["car"]
    assert len(dataset.findings) == 0


def test_min_forms_two_classes_of_one_place_are_two_boxes() -> None:
    named = [min_place(labels=["car"]), min_place(labels=["bus"])]
    dataset = read_tasks({**TWICE, "label": named, "rect": [min_place()] * 2})
    assert dataset.boxes["label"].tolist() == ["car", "bus"]


def test_min_forms_place_that_is_stated_twice_changes_twice(tmp_path: Path) -> None:
    dataset = with_values(read_tasks(TWICE), 0, x1=30.0, label="van", source_label="van")
    assert write_back(label_studio, dataset, tmp_path).losses == ()
    (got,) = json.loads(written(tmp_path)[FILE])
    moved = {"x": 15.0, "width": 25.0}
    assert got["rect"] == [min_place() | moved]
    assert got["label"] == [min_place(labels=["van"]) | moved]


def test_min_forms_place_that_is_stated_twice_goes_twice(tmp_path: Path) -> None:
    dataset = read_tasks(TWICE)
    write_back(label_studio, dataset.with_tables(boxes=dataset.boxes.iloc[:0]), tmp_path)
    (got,) = json.loads(written(tmp_path)[FILE])
    assert (got["rect"], got["label"]) == ([], [])


# Wrong data


def test_predictions_that_are_named_by_their_ids_alone_are_counted() -> None:
    dataset = read_tasks(task(predictions=[1, 2]), task(predictions=[3], number=2))
    assert findings(dataset) == [
        ("SRC-013", "3 predictions are named by their ids alone, and stand nowhere in the file")
    ]
    assert "predictions in full" in dataset.findings["mend"].iloc[0]


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ({"x": "a"}, "SRC-001", "has x 'a', should be a number of percent"),
        ({"rotation": []}, "SRC-001", "has rotation '[]', should be degrees"),
        ({"x": 10**400}, "SRC-001", "has x"),
        ({"rectanglelabels": [5]}, "SRC-001", "has classes '[5]', should be texts"),
        ({"rectanglelabels": []}, "SRC-009", "has no class"),
    ],
)
def test_wrong_value_is_a_finding_and_the_rest_loads(
    value: dict[str, Any], code: str, words: str
) -> None:
    dataset = read_tasks(task(annotation(rectangle(**value), rectangle("r2"))))
    assert len(dataset.boxes) == 2
    assert [c for c, m in findings(dataset) if words in m] == [code]
    assert edges(dataset, 1) == [20.0, 20.0, 80.0, 60.0]


@pytest.mark.parametrize(
    "broken",
    [5, {"id": 1}, {"data": {}}, task(5), task({"id": 1}), task(annotation(7))],  # type: ignore[arg-type]
)
def test_broken_record_hides_no_other(broken: Any) -> None:
    dataset = read_tasks(broken, task(annotation(rectangle()), number=2))
    assert len(dataset.boxes) == 1
    if broken != task(5):  # type: ignore[arg-type]  # an export that names annotations by id alone
        assert "SRC-001" in dataset.findings["check"].tolist()


def test_region_without_a_size_waits_for_it() -> None:
    bare = {k: v for k, v in rectangle().items() if not k.startswith("original")}
    dataset = read_tasks(task(annotation(bare)))
    assert dataset.findings["check"].tolist() == ["SRC-015"]
    body = json.dumps([task(annotation(bare))])
    sized = Options(size_wh=(200, 100))
    told = assemble("yard", label_studio.gather(kept({FILE: body}), [FILE], sized))
    assert edges(told) == [20.0, 20.0, 80.0, 60.0]


def test_different_sizes_in_one_image_are_a_finding() -> None:
    other = {**rectangle("r2"), "original_width": 400}
    dataset = read_tasks(task(annotation(rectangle(), other)))
    assert dataset.findings["check"].tolist() == ["SRC-011"]
    assert edges(dataset, 1) == [40.0, 20.0, 160.0, 60.0]


# From columns


def again(folder: Path) -> Dataset:
    files = open_tree(folder)
    return assemble("yard", label_studio.gather(files, label_studio.claims(files), Options()))


def test_made_file_is_claimed_and_has_stable_ids(tmp_path: Path) -> None:
    plain = {"label": "car", "x1": 20.0, "y1": 20.0, "x2": 80.0, "y2": 60.0}
    dataset = table_set({**plain, "source_label": "car"}, 1, width=200, height=100)
    report = label_studio.write(dataset, tmp_path, None)
    assert report.losses == ()
    (made,) = json.loads(written(tmp_path)["label-studio.json"])
    assert made["data"]["image"] == "/data/local-files/?d=a.jpg"
    (result,) = made["annotations"][0]["result"]
    assert result["id"] == hex_id(int(dataset.boxes["box_id"].iloc[0]))
    assert result["value"] == rectangle()["value"]
    assert result["from_name"] == "label"
    assert (result["original_width"], result["original_height"]) == (200, 100)


def test_made_annotations_say_that_they_are_no_ground_truth(tmp_path: Path) -> None:
    # Without the key a server of 1.23.2 imports an annotation as ground truth.
    place = {"x1": 20.0, "y1": 20.0, "x2": 80.0, "y2": 60.0}
    said = {"attributes": [None, '{"ground_truth": true}'], "label": "car", **place}
    states = ["present", "empty"]
    dataset = table_set(said, 2, ("a.jpg", "b.jpg"), width=200, height=100, label_state=states)
    label_studio.write(dataset, tmp_path, None)
    tasks = json.loads(written(tmp_path)["label-studio.json"])
    assert [[a["ground_truth"] for a in t["annotations"]] for t in tasks] == [
        [False, True],
        [False],
    ]


def test_controls_of_one_name_are_of_one_kind(tmp_path: Path) -> None:
    place = {"x1": 20.0, "y1": 20.0, "x2": 20.0, "y2": 20.0}
    labels = ["car", None, "car"]
    shapes = {"shape": ["box", "box", "point"], "label": labels, "source_label": labels}
    dataset = table_set({**place, **shapes}, 3, width=200, height=100)
    label_studio.write(dataset, tmp_path, None)
    (made,) = json.loads(written(tmp_path)["label-studio.json"])
    results = made["annotations"][0]["result"]
    assert sorted((r["from_name"], r["type"]) for r in results) == [
        ("label", "rectanglelabels"), ("label", "rectanglelabels"), ("point", "keypointlabels"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("shape", "polygon", "written as its box"),
        ("role", "ignore", "Label Studio has no word for it"),
        ("annotator", "bob", "an annotator is a number or an e-mail address there"),
        ("source_label", "Car", "Label Studio has one class name: the label is written"),
        ("difficult", True, "Label Studio has no place for it"),
        ("occluded", 1.0, "Label Studio has no place for it"),
        ("track_id", "4", "Label Studio has no place for it"),
        ("attributes", '{"deep": {"a": 1}}', "only texts and numbers"),
        ("source_id", "17", "regions are called by their box ids"),
    ],
)
def test_value_that_a_task_cannot_hold_is_a_loss(
    tmp_path: Path, column: str, value: Any, why: str
) -> None:
    plain = {"label": "car", "x1": 0.0, "y1": 0.0, "x2": 5.0, "y2": 5.0}
    dataset = table_set({**plain, column: value}, 1, width=200, height=100)
    report = label_studio.write(dataset, tmp_path, None)
    assert [loss.count for loss in report.losses] == [1]
    assert why in report.losses[0].why


def test_boxes_of_an_image_without_a_size_are_counted(tmp_path: Path) -> None:
    report = label_studio.write(
        table_set({"label": "car", "x1": 0.0, "y1": 0.0, "x2": 5.0, "y2": 5.0}, 2), tmp_path, None
    )
    assert losses(report) == {"boxes": 2, "images.label_state": 1}
    assert report.boxes == 0


EDGE = st.floats(-300, 300, allow_nan=False)
NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["human", "detector"]),
            NAMES,
            st.tuples(EDGE, EDGE, EDGE, EDGE),
            st.none() | st.sampled_from(["3", "b@example.org"]),
            st.sampled_from(["include", "exclude", "ignore"]),
            st.none() | st.floats(0, 1),
            st.none() | st.just('{"colour": "red", "n": 5}'),
        ),
        max_size=4,
    )
)
def test_what_is_written_is_read_but_for_what_the_report_names(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("made")
    names = ["origin", "label", "edges", "annotator", "role", "score", "attributes"]
    columns = {n: [row[i] for row in rows] for i, n in enumerate(names)}
    places = columns.pop("edges")
    columns |= {n: [place[i] for place in places] for i, n in enumerate(EDGES)}
    columns["score"] = [math.nan if s is None else s for s in columns["score"]]
    state = "present" if rows else "empty"
    dataset = table_set(columns, len(rows), width=200, height=100, label_state=state)
    report = label_studio.write(dataset, folder, None)
    told = losses(report)
    after = again(folder).boxes
    assert len(after) == len(rows)
    after = after.set_index("source_id").reindex(dataset.boxes["box_id"].map(hex_id))
    for name in ["label", "role", "origin", "annotator", "score", *EDGES]:
        got, wanted = after[name].tolist(), dataset.boxes[name].tolist()
        differing = sum(not _same(a, b) for a, b in zip(got, wanted, strict=True))
        assert differing == told.get(f"boxes.{name}", 0)
    for got, wanted in zip(after["attributes"], dataset.boxes["attributes"], strict=True):
        held = {} if pd.isna(got) else json.loads(got)
        held.pop("was_cancelled", None)
        assert held == ({} if pd.isna(wanted) else json.loads(wanted))


def _same(got: Any, wanted: Any) -> bool:
    if pd.isna(wanted) or pd.isna(got):
        return bool(pd.isna(wanted) and pd.isna(got))
    if isinstance(wanted, float):
        return bool(np.isclose(got, wanted, rtol=1e-9, atol=1e-9))
    return bool(got == wanted)


def test_outlines_reach_coco(tmp_path: Path) -> None:
    outline = region("polygonlabels", points=[[10, 20], [30, 20], [20, 50]])
    (tmp_path / FILE).write_text(json.dumps([task(annotation(outline, rectangle(rotation=90)))]))
    dataset = read(tmp_path / FILE)
    report = formats.write(dataset, "coco", tmp_path / "out")
    document = json.loads((tmp_path / "out" / "instances.json").read_text())
    rings = [a["segmentation"][0] for a in document["annotations"]]
    assert rings[0] == pytest.approx([20, 20, 60, 20, 40, 50])
    assert rings[1] == pytest.approx([20, 20, 20, 80, -20, 80, -20, 20])
    assert "outline" not in losses(report)


def test_joined_sources_with_unplaced_regions_come_back_byte_for_byte(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        path.write_text(json.dumps([task(annotation(rectangle(x="?"), rectangle("r2")))]))
    report = formats.write(formats.read_all(paths), "label-studio", tmp_path / "out")
    assert report.losses == ()
    made = {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*.json")}
    assert made == {path.name: path.read_bytes() for path in paths}


def test_regions_without_ids_are_the_same_with_and_without_pictures() -> None:
    bare = {k: v for k, v in rectangle().items() if k != "id" and not k.startswith("original")}
    body = json.dumps([task(annotation(bare, bare, {**bare, "id": "r"}, rectangle("r", x=11)))])
    ids = []
    for options in (Options(), Options(size_wh=(200, 100))):
        gathered = label_studio.gather(kept({FILE: body}), [FILE], options)
        ids.append(assemble("yard", gathered).boxes["box_id"].tolist())
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 4
