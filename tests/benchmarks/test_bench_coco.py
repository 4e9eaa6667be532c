"""The benchmark's COCO file is valid and its comparison runs to the end; nothing is timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as rle
from pycocotools.coco import COCO

HERE = Path(__file__).resolve().parent
N_IMAGES = 2_000
N_ANNOTATIONS = 15_000
# In the order of instances_train2017.json.
IMAGE_KEYS = "license file_name coco_url height width date_captured flickr_url id"
ANNOTATION_KEYS = "segmentation area iscrowd image_id bbox category_id id"

Record = dict[str, Any]  # a JSON object: its values are of many types


def run_script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Finished run of a script of this folder."""
    command = [sys.executable, str(HERE / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def make(path: Path, n_images: int, n_annotations: int, seed: int = 0) -> Path:
    """`path`, with a generated file there."""
    sizes = ("--images", str(n_images), "--annotations", str(n_annotations))
    done = run_script("make_coco.py", str(path), *sizes, "--seed", str(seed))
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def coco_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COCO file of 2,000 images and 15,000 annotations."""
    return make(tmp_path_factory.mktemp("coco") / "a.json", N_IMAGES, N_ANNOTATIONS)


@pytest.fixture(scope="module")
def document(coco_path: Path) -> Record:
    """Content of that file, parsed."""
    parsed: Record = json.loads(coco_path.read_bytes())
    return parsed


@pytest.fixture(scope="module")
def size_wh(document: Record) -> dict[int, tuple[int, int]]:
    """Width and height in px of each image by its id."""
    return {image["id"]: (image["width"], image["height"]) for image in document["images"]}


def polygon_annotations(document: Record) -> list[Record]:
    """Annotations that are no crowds."""
    return [record for record in document["annotations"] if not record["iscrowd"]]


def crowd_annotations(document: Record) -> list[Record]:
    """Annotations that are crowds."""
    return [record for record in document["annotations"] if record["iscrowd"]]


def shoelace_px2(ring: list[float]) -> float:
    """Area of one ring x, y, x, y, ... in px²."""
    x, y = np.reshape(ring, (-1, 2)).T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def test_pycocotools_loads_the_file(
    coco_path: Path, document: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    coco = COCO(str(coco_path))
    assert "index created!" in capsys.readouterr().out
    assert len(coco.imgs) == N_IMAGES
    assert len(coco.anns) == N_ANNOTATIONS
    assert len(coco.cats) == 80
    for record in polygon_annotations(document)[:50] + crowd_annotations(document)[:10]:
        covered_px2 = int(rle.area(coco.annToRLE(record)))
        assert covered_px2 == pytest.approx(record["area"], rel=0.3, abs=30)


def test_keys_ids_and_order_are_those_of_coco(document: Record) -> None:
    assert list(document) == ["info", "licenses", "images", "annotations", "categories"]
    assert all(" ".join(record) == IMAGE_KEYS for record in document["images"])
    assert all(" ".join(record) == ANNOTATION_KEYS for record in document["annotations"])
    category_ids = [record["id"] for record in document["categories"]]
    assert category_ids == sorted(set(range(1, 91)) - {12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
    names = {record["id"]: record["name"] for record in document["categories"]}
    # Spot checks against instances_train2017.json.
    known = {1: "person", 13: "stop sign", 27: "backpack", 46: "wine glass", 90: "toothbrush"}
    assert {id_: names[id_] for id_ in known} == known


def test_references_hold_and_ids_are_unique(
    document: Record, size_wh: dict[int, tuple[int, int]]
) -> None:
    assert len(size_wh) == N_IMAGES
    assert len({record["id"] for record in document["annotations"]}) == N_ANNOTATIONS
    assert len({record["file_name"] for record in document["images"]}) == N_IMAGES
    known = {record["id"] for record in document["categories"]}
    assert all(record["image_id"] in size_wh for record in document["annotations"])
    assert all(record["category_id"] in known for record in document["annotations"])


def test_box_is_the_bounds_of_its_polygons(document: Record) -> None:
    for record in polygon_annotations(document):
        x, y = np.concatenate([np.reshape(ring, (-1, 2)) for ring in record["segmentation"]]).T
        bounds = [x.min(), y.min(), x.max() - x.min(), y.max() - y.min()]
        assert np.abs(np.subtract(record["bbox"], bounds)).max() < 1e-9


def test_area_is_the_shoelace_area_of_its_polygons(document: Record) -> None:
    for record in polygon_annotations(document):
        area_px2 = sum(shoelace_px2(ring) for ring in record["segmentation"])
        assert record["area"] == pytest.approx(area_px2, abs=1e-6)


def test_boxes_have_sides_and_stay_inside_the_image(
    document: Record, size_wh: dict[int, tuple[int, int]]
) -> None:
    for record in document["annotations"]:
        x, y, w, h = record["bbox"]
        width, height = size_wh[record["image_id"]]
        assert min(x, y) >= 0
        assert min(w, h) > 0
        assert x + w <= width + 1e-9
        assert y + h <= height + 1e-9


def test_numbers_have_two_decimals_and_polygons_the_length_of_those_of_coco(
    document: Record,
) -> None:
    polygons = [record["segmentation"] for record in polygon_annotations(document)]
    numbers = [number for rings in polygons for ring in rings for number in ring]
    assert all(round(number, 2) == number for number in numbers)
    assert 20 < len(numbers) / 2 / len(polygons) < 27
    rings = Counter(map(len, polygons))
    assert set(rings) == {1, 2}
    assert min(len(ring) for rings_ in polygons for ring in rings_) >= 6


def test_crowds_are_one_of_hundred_and_their_runs_fit_area_and_box(
    document: Record, size_wh: dict[int, tuple[int, int]]
) -> None:
    crowds = crowd_annotations(document)
    assert len(crowds) == N_ANNOTATIONS // 100
    for record in crowds:
        height, width = record["segmentation"]["size"]
        assert (width, height) == size_wh[record["image_id"]]
        packed = rle.frPyObjects(record["segmentation"], height, width)
        assert int(rle.area(packed)) == record["area"]
        assert rle.toBbox(packed).tolist() == record["bbox"]


def test_same_seed_gives_same_bytes_and_another_seed_others(
    coco_path: Path, tmp_path: Path
) -> None:
    again = make(tmp_path / "again.json", N_IMAGES, N_ANNOTATIONS)
    assert again.read_bytes() == coco_path.read_bytes()
    other = make(tmp_path / "other.json", N_IMAGES, N_ANNOTATIONS, seed=1)
    assert other.read_bytes() != coco_path.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.json", "other.json"]


@pytest.mark.parametrize(("n_images", "n_annotations"), [(0, 0), (1, 0), (1, 1), (1, 200)])
def test_tiny_files_are_valid(tmp_path: Path, n_images: int, n_annotations: int) -> None:
    made = json.loads(make(tmp_path / "tiny.json", n_images, n_annotations).read_bytes())
    assert (len(made["images"]), len(made["annotations"])) == (n_images, n_annotations)


def test_annotations_without_images_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    done = run_script("make_coco.py", str(tmp_path / "a.json"), "--images", "0")
    assert done.returncode == 1
    assert "860001 annotations on 0 images" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="peak memory comes from os.wait4")
def test_benchmark_prints_a_row_for_each_contender(tmp_path: Path) -> None:
    sizes = ("--images", str(N_IMAGES), "--annotations", str(N_ANNOTATIONS), "--runs", "1")
    places = ("--folder", str(tmp_path / "kept"), "--json", str(tmp_path / "figures.json"))
    done = run_script("bench_coco.py", *sizes, *places)
    assert done.returncode == 0, done.stdout + done.stderr
    names = ["pycocotools COCO(path)", "curate.formats.coco.read", "curate ingest", "curate audit"]
    names.append("curate audit, all definitions")
    rows = done.stdout.splitlines()[-len(names) :]
    assert all(row.startswith(name + " ") for row, name in zip(rows, names, strict=True))
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [row["name"] for row in figures["contenders"]] == names
    assert all(row["wall_s"] > 0 and row["peak_mb"] > 0 for row in figures["contenders"])
    limits = [(row["wall_limit"], row["peak_limit"]) for row in figures["contenders"]]
    assert limits == [(None, None), (1 / 6, 1 / 2), (1 / 3, None), (1 / 2, None), (0.8, 0.8)]
    kept = [path.name for path in (tmp_path / "kept").iterdir()]
    assert kept == [f"coco_{N_IMAGES}_{N_ANNOTATIONS}.json"]
