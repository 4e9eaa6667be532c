"""curate export: what it writes, what it loses, what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import curate as package
from curate.formats import WRITERS


def test_unchanged_labels_are_written_byte_for_byte(curate, here, voc):
    path = voc("labels/a.xml")
    curate("ingest", "labels", "-o", "street")
    code, _, err = curate("export", "street", "--to", "voc", "-o", "out")
    assert (code, err) == (0, "")
    (written,) = (here / "out").rglob("*.xml")
    assert written.read_bytes() == path.read_bytes()


# Formats of videos take images with frame numbers only, and detections have scores.
OF_PICTURES = [n for n in WRITERS if n not in ("mot", "kitti-tracking", "text-dets")]
WITHOUT_SIZES = ("yolo", "open-images", "kitti", "caltech", "crowdhuman")


@pytest.mark.parametrize("target", OF_PICTURES)
def test_every_target_is_read_again(curate, here, coco, target):
    coco(boxes=[(2, 3, 18, 27), (1, 1, 9, 9)])
    code, out, _ = curate("export", "instances.json", "--to", target, "-o", "out")
    assert code == 0
    assert out
    size = (60, 40) if target in WITHOUT_SIZES else None
    boxes = package.read(here / "out", package.ReadOptions(size_wh=size)).boxes
    edges = sorted(boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist())
    assert np.allclose(edges, [[1, 1, 10, 10], [2, 3, 20, 30]], rtol=0, atol=1e-4)


def test_losses_are_counted_and_may_fail(curate, coco):
    coco(boxes=[(2, 3, 18, 27)], info={"year": 2014})
    words = ("export", "instances.json", "--to", "voc", "--json")
    code, out, _ = curate(*words, "-o", "one")
    losses = json.loads(out)["losses"]
    lost = sum(loss["count"] for loss in losses)
    assert code == 0
    assert lost > 0
    assert all(loss["count"] > 0 for loss in losses)
    assert curate(*words, "-o", "two", "--max-loss", lost)[0] == 0
    code, _, err = curate(*words, "-o", "three", "--max-loss", lost - 1)
    assert code == 1
    assert err.endswith(f"{lost} values lost, {lost - 1} allowed by --max-loss\n")


def test_findings_of_the_source_fail_but_the_rest_is_written(curate, here, voc):
    voc("labels/a.xml")
    (here / "labels" / "b.xml").write_text("<annotation>")
    words = ("export", "labels", "--to", "coco")
    code, _, err = curate(*words, "-o", "one")
    assert code == 1
    assert "SRC-002 1" in err
    assert list((here / "one").glob("*.json"))
    assert curate(*words, "-o", "two", "--fail-on", "never")[0] == 0


def test_an_unknown_target_is_refused_with_the_list(curate, here, coco):
    coco()
    code, out, err = curate("export", "instances.json", "--to", "yolo9", "-o", "out")
    assert (code, out) == (2, "")
    assert (
        "--to 'yolo9' has no writer, should be one of coco, voc, kitti, kitti-tracking, yolo" in err
    )
    assert not (here / "out").exists()


def test_an_existing_output_is_refused_and_stays(curate, coco, files):
    coco()
    words = ("export", "instances.json", "--to", "csv", "-o", "out")
    assert curate(*words)[0] == 0
    before = files()
    code, out, err = curate(*words)
    assert (code, out) == (2, "")
    assert err == "curate: out: exists already - choose another folder or add --force\n"
    assert files() == before
    assert curate(*words, "--force")[0] == 0
    assert files() == before


def test_force_does_not_replace_what_export_did_not_write(curate, coco, files):
    coco()
    curate("ingest", "instances.json", "-o", "street")
    before = files()
    code, _, err = curate("export", "instances.json", "--to", "csv", "-o", "street", "--force")
    assert code == 2
    assert "curate did not write it" in err
    assert files() == before


@pytest.mark.parametrize("out", ["instances.json/out", "instances.json"])
def test_an_impossible_output_is_refused(curate, coco, files, out):
    coco()
    before = files()
    code, shown, err = curate("export", "instances.json", "--to", "coco", "-o", out)
    assert (code, shown) == (2, "")
    assert err.startswith(f"curate: {out}: ")
    assert files() == before


def test_ignored_objects_have_to_be_decided_about(curate, here, coco):
    crowd = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 18, 27], "iscrowd": 1}
    coco(annotations=[crowd])
    words = ("export", "instances.json", "--to", "yolo", "-o", "out")
    code, out, err = curate(*words)
    assert (code, out) == (2, "")
    assert "1 ignored box in 1 image: yolo has no word for ignored" in err
    assert not (here / "out").exists()
    code, out, _ = curate(*words, "--ignored", "list")
    assert code == 0
    assert "1  boxes (ignored): in 1 image, left out" in out
    assert (here / "out/ignored.csv").read_text().count("\n") == 2


def test_ignored_objects_are_painted_in_copies_of_the_pictures(curate, here, coco, picture):
    crowd = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 18, 27], "iscrowd": 1}
    coco(annotations=[crowd])
    picture("pictures/a.png")
    coco(annotations=[crowd], images=[{"id": 1, "file_name": "a.png", "width": 60, "height": 40}])
    code, _, err = curate(
        "export", "instances.json", "--to", "yolo", "-o", "out", "--ignored", "paint",
        "--images", "pictures",
    )  # fmt: skip
    assert (code, err) == (0, "")
    with Image.open(here / "out/images/train/a.png") as copied:
        assert copied.getpixel((2, 3)) == copied.getpixel((19, 29)) == (114, 114, 114)
        assert copied.getpixel((1, 3)) == copied.getpixel((20, 29)) != (114, 114, 114)


def test_ignored_and_stdout_exclude_each_other(curate, coco):
    coco()
    words = ("export", "instances.json", "--to", "csv", "-o", "-", "--ignored", "list")
    code, out, err = curate(*words)
    assert (code, out) == (2, "")
    assert "--ignored and -o - exclude each other" in err


def test_a_failing_writer_leaves_nothing_behind(curate, coco, files, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    coco()
    before = files()
    monkeypatch.setattr("curate.formats.csv_table.write", full)
    code, _, err = curate("export", "instances.json", "--to", "csv", "-o", "out")
    assert code == 2
    assert "out: cannot be written: No space left on device" in err
    assert files() == before


def test_the_source_stays_as_it_is(curate, coco, files):
    coco()
    before = files()
    curate("export", "instances.json", "--to", "kitti", "-o", "out")
    after = files()
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("words", [(), ("instances.json",), ("instances.json", "--to", "coco")])
def test_source_target_and_output_are_demanded(curate, coco, words):
    coco()
    code, out, err = curate("export", *words)
    assert (code, out) == (2, "")
    assert "Missing" in err


def results(here, **changes):
    row = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5} | changes
    (here / "detections.json").write_text(json.dumps([row]))


@pytest.mark.parametrize("words", [["-o", "out"], ["-o", "out", "--dry-run"]])
def test_an_export_that_could_write_nothing_is_refused_with_reason_and_mend(
    curate, here, coco, files, words
):
    results(here)
    before = files()
    code, out, err = curate("export", "detections.json", "--to", "voc", *words)
    assert (code, out) == (2, "")
    assert err.startswith(
        "curate: --to voc: none of 1 images and 1 boxes can be written (1 images:"
    )
    assert err.endswith("- name the annotation file that the ids belong to: --truth FILE\n")
    assert err.count("\n") == 1
    assert files() == before
    coco()
    words = ("--truth", "instances.json", *words)
    assert curate("export", "detections.json", "--to", "voc", *words)[0] == 0


def test_an_older_export_stays_when_nothing_can_be_written(curate, here, coco, files):
    coco()
    assert curate("export", "instances.json", "--to", "voc", "-o", "out")[0] == 0
    results(here)
    before = files()
    assert curate("export", "detections.json", "--to", "voc", "-o", "out", "--force")[0] == 2
    assert files() == before


def test_images_that_the_target_cannot_name_are_refused_with_its_reason(curate, coco):
    coco(image="no frame.jpg")
    code, _, err = curate("export", "instances.json", "--to", "mot", "-o", "out")
    assert code == 2
    assert "MOT names images by sequence and frame" in err
    assert "choose another --to" in err


def test_pictures_that_nobody_labelled_are_refused_with_the_mend(curate, here, coco, picture):
    coco(images=[], annotations=[])
    picture()
    words = ("--images", "pictures", "--to", "voc", "-o", "out")
    code, _, err = curate("export", "instances.json", *words)
    assert code == 2
    assert "none of 1 images and 0 boxes" in err
    assert "give the labels of these images" in err


@pytest.mark.parametrize("target", ["coco", "voc", "kitti", "yolo", "csv", "label-studio"])
def test_images_without_boxes_are_written(curate, here, coco, target):
    coco(boxes=[])
    code, out, _ = curate("export", "instances.json", "--to", target, "-o", "out")
    assert (code, f"{target}: 1 images, 0 boxes" in out) == (0, True)
    again = package.read(here / "out", package.ReadOptions(format=target, size_wh=(60, 40)))
    assert again.images["label_state"].tolist() == ["empty"]


def test_labels_of_no_image_are_written_as_they_are(curate, here, coco):
    path = coco(images=[], annotations=[])
    assert curate("export", "instances.json", "--to", "coco", "-o", "out")[0] == 0
    assert (here / "out" / "instances.json").read_bytes() == path.read_bytes()
