"""Sources that are named in curate.yaml, in every command that takes a source."""

from __future__ import annotations

import json

import pytest

import curate as package

OUTSIDE = (50, 10, 20, 20)
PROJECT = """
version: 1
sources:
  street: {path: deep/labels.json, images: pictures}
  yard: {path: yard.txt, classes: [car, bus], size: [60, 40]}
  found: {path: found.json, truth: deep/labels.json}
"""


@pytest.fixture
def project(here, coco, picture):
    """A project of COCO labels with pictures, YOLO labels without, and a detector's results."""
    coco("deep/labels.json")
    picture()
    picture("pictures/extra.jpg")
    (here / "yard.txt").write_text("1 0.5 0.5 0.5 0.5")
    rows = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
    (here / "found.json").write_text(json.dumps(rows))
    (here / "curate.yaml").write_text(PROJECT)
    return here


def keys(dataset):
    return sorted(dataset.images["image_key"])


def test_ingest_takes_a_name_with_all_that_stands_there(curate, project):
    assert curate("ingest", "street", "-o", "out")[0] == 0
    dataset = package.load(project / "out")
    assert (dataset.name, keys(dataset)) == ("street", ["street/a.jpg", "street/extra.jpg"])
    assert dataset.images_root == project / "pictures"


def test_ingest_reads_each_of_several_names_as_it_stands_there(curate, project):
    code, out, _ = curate("ingest", "found", "yard", "street", "-o", "out", "--name", "all")
    assert (code, out) == (0, "all (mixed): 3 images, 3 boxes from 3 files -> out\n")
    dataset = package.load(project / "out")
    assert keys(dataset) == ["street/a.jpg", "street/extra.jpg", "yard/yard"]
    boxes = dataset.boxes.merge(dataset.images[["image_id", "image_key", "path"]])
    rows = boxes[["image_key", "label", "origin", "path"]].fillna("-").to_numpy().tolist()
    assert sorted(rows) == [
        ["street/a.jpg", "car", "detector", "a.jpg"],
        ["street/a.jpg", "car", "human", "a.jpg"],
        ["yard/yard", "bus", "human", "-"],
    ]


def test_a_name_and_a_path_stand_side_by_side(curate, project):
    assert curate("ingest", "street", "found.json", "-o", "out")[0] == 0
    assert keys(package.load(project / "out")) == ["street/a.jpg", "street/extra.jpg"]


def test_export_takes_a_name(curate, project):
    code, out, err = curate("export", "yard", "--to", "coco", "-o", "out")
    assert (code, err) == (0, "")
    assert "1 images, 1 boxes" in out
    assert package.read(project / "out").boxes["label"].tolist() == ["bus"]


def test_export_of_results_takes_their_annotation_file_from_there(curate, project):
    assert curate("export", "found", "--to", "csv", "-o", "out")[0] == 0
    assert package.read(project / "out").boxes["score"].tolist() == [0.5]


def test_relabel_takes_a_name(curate, project):
    (project / "map.yaml").write_text("version: 1\nclasses: {car: car, bus: truck}\n")
    assert curate("relabel", "yard", "--map", "map.yaml", "-o", "out")[0] == 0
    assert package.load(project / "out").boxes["label"].tolist() == ["truck"]


def test_merge_takes_names(curate, project):
    assert curate("merge", "street", "yard", "-o", "out")[0] == 0
    dataset = package.load(project / "out")
    assert keys(dataset) == ["street/a.jpg", "street/extra.jpg", "yard/yard"]
    assert dataset.images_root == project / "pictures"


def test_the_command_line_wins_over_the_file(curate, project):
    curate("ingest", "yard", "--size", "600x400", "--name", "lot", "-o", "out")
    dataset = package.load(project / "out")
    assert dataset.images["width"].tolist() == [600]
    assert keys(dataset) == ["lot/yard"]


COMMANDS = {
    "ingest": ["-o", "out"],
    "export": ["--to", "csv", "-o", "out"],
    "relabel": ["--map", "map.yaml", "-o", "out"],
    "merge": ["-o", "out"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_level_to_fail_at_is_that_of_the_file(curate, here, coco, command):
    coco("one.json", annotations=[{"id": 1, "image_id": 1, "category_id": 9, "bbox": [1, 1, 2, 2]}])
    coco("two.json")
    (here / "map.yaml").write_text('version: 1\nclasses: {car: car, "9": "9"}\n')
    sources = ["one.json", "two.json"] if command == "merge" else ["one.json"]
    words = [command, *sources, *COMMANDS[command]]
    assert curate(*words, "--dry-run")[0] == 1
    (here / "curate.yaml").write_text("version: 1\nfail-on: never\n")
    code, _, err = curate(*words, "--dry-run")
    assert (code, "SRC-004 1" in err) == (0, True)
    assert curate(*words, "--dry-run", "--fail-on", "error")[0] == 1


@pytest.mark.parametrize("command", ["ingest", "export", "relabel"])
def test_the_only_source_need_not_be_named(curate, here, coco, command):
    coco()
    (here / "map.yaml").write_text("version: 1\nclasses: {car: car}\n")
    (here / "curate.yaml").write_text("version: 1\nsources: {street: {path: instances.json}}\n")
    assert curate(command, *COMMANDS[command])[0] == 0
    (here / "curate.yaml").write_text("version: 1\nsources: {a: {path: x}, b: {path: y}}\n")
    code, out, err = curate(command, *COMMANDS[command], "--force")
    assert (code, out) == (2, "")
    assert "no source given, and curate.yaml names a, b - " in err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("out", ["deep", "pictures/out"])
def test_an_output_that_holds_or_lies_in_a_named_source_is_refused(
    curate, project, files, command, out
):
    (project / "map.yaml").write_text("version: 1\nclasses: {car: car}\n")
    before = files()
    sources = ["street", "yard"] if command == "merge" else ["street"]
    words = [word if word != "out" else out for word in COMMANDS[command]]
    code, shown, err = curate(command, *sources, *words, "--force")
    assert (code, shown) == (2, "")
    assert "which is never changed" in err
    assert files() == before
