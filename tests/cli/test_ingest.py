"""curate ingest: what it writes, what it refuses, what it says."""

from __future__ import annotations

import json
import os

import pytest

import curate as package

OUTSIDE = (50, 10, 20, 20)


def test_labels_become_a_dataset_folder(curate, here, coco):
    path = coco()
    code, out, err = curate("ingest", "instances.json", "-o", "street")
    assert (code, err) == (0, "")
    assert out == "instances (coco): 1 images, 1 boxes from 1 files -> street\n"
    dataset = package.load(here / "street")
    assert dataset.name == "instances"
    assert dataset.boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[2, 3, 20, 30]]
    assert dataset.sources.read("instances.json") == path.read_bytes()


def test_the_dataset_folder_is_audited_as_its_source(curate, coco):
    coco(boxes=[OUTSIDE, (1, 1, 1, 1)])
    curate("ingest", "instances.json", "-o", "street")
    of_folder, of_file = (curate("audit", p, "--json") for p in ("street", "instances.json"))
    documents = [json.loads(run[1]) | {"source": ""} for run in (of_folder, of_file)]
    assert documents[0] == documents[1]
    assert of_folder[0] == of_file[0] == 1


def test_the_same_source_gives_the_same_bytes(curate, coco, voc, files):
    voc()
    coco()
    for out in ("one", "two"):
        curate("ingest", "labels", "instances.json", "-o", out)
    written = files()
    one = {n.removeprefix("one/"): b for n, b in written.items() if n.startswith("one/")}
    two = {n.removeprefix("two/"): b for n, b in written.items() if n.startswith("two/")}
    assert one
    assert one == two


def test_the_source_stays_as_it_is(curate, here, coco, files):
    coco()
    before = files()
    curate("ingest", "instances.json", "-o", "street")
    after = files()
    assert {name: after[name] for name in before} == before


def test_a_dry_run_writes_nothing(curate, coco, files):
    coco()
    before = files()
    code, out, _ = curate("ingest", "instances.json", "-o", "street", "--dry-run")
    assert code == 0
    assert out.endswith("-> nothing written (--dry-run)\n")
    assert files() == before


def test_json_says_what_was_read(curate, here, coco, voc):
    voc("labels/a.xml")
    (here / "labels" / "b.xml").write_text("<annotation>")
    code, out, err = curate("ingest", "labels", "-o", "street", "--json")
    assert code == 1
    assert json.loads(out) == {
        "schema": "curate.ingest/1",
        "name": "labels",
        "format": "voc",
        "output": "street",
        "images": 2,
        "boxes": 1,
        "files": 2,
        "label_states": {"present": 1, "unreadable": 1},
        "counts": {"SRC-002": 1},
    }
    assert err == "findings while reading: SRC-002 1 (curate audit shows them)\n"
    out = curate("ingest", "labels", "-o", "other", "--json", "--dry-run")[1]
    assert json.loads(out)["output"] is None


@pytest.mark.parametrize(("words", "code"), [([], 1), (["--fail-on", "never"], 0)])
def test_findings_fail_but_the_rest_is_written(curate, here, voc, words, code):
    voc("labels/a.xml")
    (here / "labels" / "b.xml").write_text("<annotation>")
    assert curate("ingest", "labels", "-o", "street", *words)[0] == code
    assert len(package.load(here / "street").boxes) == 1


def test_an_existing_output_is_refused_and_stays(curate, coco, files):
    coco()
    curate("ingest", "instances.json", "-o", "street")
    before = files()
    coco(boxes=[(1, 1, 5, 5)])
    before["instances.json"] = files()["instances.json"]
    code, out, err = curate("ingest", "instances.json", "-o", "street")
    assert (code, out) == (2, "")
    assert err == "curate: street: exists already - choose another folder or add --force\n"
    assert files() == before


def test_force_replaces_a_dataset_and_nothing_else(curate, here, coco, files):
    coco()
    curate("ingest", "instances.json", "-o", "street")
    coco(boxes=[(1, 1, 5, 5), (2, 2, 5, 5)])
    code, _, err = curate("ingest", "instances.json", "-o", "street", "--force")
    assert code == 0, err
    assert len(package.load(here / "street").boxes) == 2
    (here / "mine").mkdir()
    (here / "mine" / "diary.txt").write_text("dear diary")
    before = files()
    code, _, err = curate("ingest", "instances.json", "-o", "mine", "--force")
    assert code == 2
    assert "curate did not write it" in err
    assert files() == before


def test_a_failing_source_leaves_an_older_result(curate, here, coco, files):
    coco()
    curate("ingest", "instances.json", "-o", "street")
    (here / "instances.json").write_text('{"images": [')
    before = files()
    assert curate("ingest", "instances.json", "-o", "street", "--force")[0] == 2
    assert files() == before


def test_an_empty_folder_may_be_the_output(curate, here, coco):
    coco()
    (here / "street").mkdir()
    assert curate("ingest", "instances.json", "-o", "street")[0] == 0


@pytest.mark.parametrize("out", ["instances.json/street", "instances.json", "x" * 300])
def test_an_impossible_output_is_refused(curate, coco, files, out):
    coco()
    before = files()
    code, shown, err = curate("ingest", "instances.json", "-o", out)
    assert (code, shown) == (2, "")
    assert err.startswith(f"curate: {out}: ")
    assert err.count("\n") == 1
    assert files() == before


def test_a_folder_that_may_not_be_written_is_refused(curate, here, coco):
    coco()
    (here / "locked").mkdir(mode=0o500)
    if os.access(here / "locked", os.W_OK):
        pytest.skip("this user may write everywhere")
    code, _, err = curate("ingest", "instances.json", "-o", "locked/street")
    assert code == 2
    assert "cannot be written: Permission denied" in err


def test_a_disk_that_fills_up_leaves_nothing_behind(curate, coco, files, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    coco()
    before = files()
    monkeypatch.setattr("curate.dataset.write_sources", full)
    code, _, err = curate("ingest", "instances.json", "-o", "street")
    assert code == 2
    assert "street: cannot be written: No space left on device" in err
    assert files() == before


def test_an_interrupt_leaves_nothing_behind(curate, coco, files, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    coco()
    before = files()
    monkeypatch.setattr("curate.dataset.write_sources", interrupted)
    assert curate("ingest", "instances.json", "-o", "street")[0] == 130
    assert files() == before


def test_results_and_their_annotation_file_become_one_dataset(curate, here, coco):
    coco()
    rows = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
    (here / "dets.json").write_text(json.dumps(rows))
    code, out, err = curate("ingest", "instances.json", "dets.json", "-o", "street")
    assert (code, err) == (0, "")
    assert "1 images, 2 boxes" in out
    boxes = package.load(here / "street").boxes
    assert boxes["origin"].tolist() == ["human", "detector"]
    assert boxes["image_id"].nunique() == 1


def test_class_ids_of_results_are_told(curate, here, coco):
    coco()
    rows = [{"image_id": 1, "category_id": 0, "bbox": [1, 2, 3, 4], "score": 0.5}]
    (here / "dets.json").write_text(json.dumps(rows))
    words = ("ingest", "instances.json", "dets.json", "-o", "street")
    assert curate(*words, "--dry-run")[0] == 1
    assert curate(*words, "--class-ids", "index")[0] == 0
    assert package.load(here / "street").boxes["label"].tolist() == ["car", "car"]


def test_the_name_is_that_of_keys_and_folder(curate, here, coco):
    coco()
    curate("ingest", "instances.json", "--name", "yard", "-o", "street")
    dataset = package.load(here / "street")
    assert dataset.name == "yard"
    assert dataset.images["image_key"].tolist() == ["yard/a.jpg"]


def test_two_sources_of_one_name_are_refused(curate, coco):
    coco("x/one.json")
    coco("y/one.json")
    code, _, err = curate("ingest", "x/one.json", "y/one.json", "-o", "street")
    assert code == 2
    assert "several sources are called one" in err
    assert "--name" in err


def test_pictures_are_joined_and_remembered(curate, here, coco, picture):
    coco()
    picture()
    picture("pictures/extra.jpg")
    code, _, err = curate("ingest", "instances.json", "--images", "pictures", "-o", "street")
    assert code == 0
    assert "IMG-002 1" in err
    dataset = package.load(here / "street")
    assert dataset.images["path"].tolist() == ["a.jpg", "extra.jpg"]
    assert dataset.images_root == here / "pictures"


def test_sizes_of_normalised_labels_are_demanded_and_taken(curate, here):
    (here / "a.txt").write_text("0 0.5 0.5 0.5 0.5")
    code, _, err = curate("ingest", "a.txt", "-o", "street")
    assert code == 2
    assert "--images" in err
    assert "--size" in err
    curate("ingest", "a.txt", "--size", "80x40", "-o", "street", "--fail-on", "never")
    boxes = package.load(here / "street").boxes
    assert boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[20, 10, 60, 30]]


@pytest.mark.parametrize(
    ("words", "missing"),
    [(("instances.json",), "Missing"), (("-o", "street"), "no source given"), ((), "Missing")],
)
def test_source_and_output_are_demanded(curate, coco, words, missing):
    coco()
    code, out, err = curate("ingest", *words)
    assert (code, out) == (2, "")
    assert missing in err
