"""The comparer, the set that converters trip over, and the run side by side on it."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
# Not installed, and not importable by name under pytest's importlib mode.
sys.path.insert(0, str(HERE))
import coco_differences  # noqa: E402
import make_trip_set  # noqa: E402
import peers  # noqa: E402

sys.path.remove(str(HERE))


@pytest.fixture
def document() -> dict[str, Any]:
    return make_trip_set.document()


def counts_of(before: dict[str, Any], after: dict[str, Any]) -> dict[str, int]:
    return dict(+coco_differences.compare(before, after).counts)


def test_a_document_does_not_differ_from_itself(document: dict[str, Any]) -> None:
    assert counts_of(document, copy.deepcopy(document)) == {}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("images lost", lambda d: d["images"].pop()),
        ("image names", lambda d: d["images"][2].update(file_name="night 02.png")),
        ("image ids", lambda d: d["images"][3].update(id=102)),
        ("image sizes", lambda d: d["images"][1].update(width=64)),
        ("image keys", lambda d: d["images"][2].pop("camera")),
        ("boxes lost", lambda d: d["annotations"].pop(0)),
        ("boxes added", lambda d: d["annotations"].append(dict(d["annotations"][0]))),
        ("boxes moved", lambda d: d["annotations"][0]["bbox"].__setitem__(0, 10.5001)),
        ("classes of boxes", lambda d: d["annotations"][4].update(category_id=17)),
        ("box ids", lambda d: d["annotations"][0].update(id=1)),
        ("crowd flags", lambda d: d["annotations"][2].update(iscrowd=0)),
        ("areas", lambda d: d["annotations"][0].update(area=204)),
        ("outlines lost", lambda d: d["annotations"][0].update(segmentation=[])),
        ("outlines changed", lambda d: d["annotations"][1]["segmentation"].pop()),
        ("outlines added", lambda d: d["annotations"][3].update(segmentation=[[0, 0, 1, 1, 2, 0]])),
        ("attributes", lambda d: d["annotations"][5]["attributes"].pop("colour")),
        ("box keys", lambda d: d["annotations"][7].pop("ignore")),
        ("classes lost", lambda d: d["categories"].pop()),
        ("classes added", lambda d: d["categories"].append({"id": 1, "name": "background"})),
        ("class ids", lambda d: d["categories"][3].update(id=4)),
        ("supercategories", lambda d: d["categories"][1].pop("supercategory")),
        ("class keys", lambda d: d["categories"][0].pop("colour")),
        ("licences", lambda d: d["licenses"][0].pop("url")),
        ("info", lambda d: d["info"].pop("year")),
        ("other keys", lambda d: d.pop("review_round")),
    ],
)
def test_each_change_is_counted_under_its_name_alone(
    document: dict[str, Any], name: str, change: Any
) -> None:
    after = copy.deepcopy(document)
    change(after)
    found = counts_of(document, after)
    assert found.pop(name) == 1
    # With an image go its objects: none here is of a class of its own.
    assert found.keys() <= ({"boxes lost", "boxes added"} if name == "images lost" else set())


def test_a_moved_corner_is_told_in_px(document: dict[str, Any]) -> None:
    after = copy.deepcopy(document)
    after["annotations"][0]["bbox"] = [10.5, 10.25, 20.0, 22.75]
    found = coco_differences.compare(document, after)
    assert found.drift_px == 2.25


def test_the_set_has_what_converters_trip_over(tmp_path: Path) -> None:
    labels = make_trip_set.make(tmp_path)
    document = json.loads(labels.read_bytes())
    sizes = {image["file_name"]: (image["width"], image["height"]) for image in document["images"]}
    for name, size_wh in sizes.items():
        with Image.open(tmp_path / "images" / name) as picture:
            turned = picture.getexif().get(0x0112) == 6
            assert (picture.size[::-1] if turned else picture.size) == size_wh
            assert turned == (name == "turned.jpg")
    boxes = [record["bbox"] for record in document["annotations"]]
    assert any(0 in box[2:] for box in boxes)
    assert any(min(box[:2]) < 0 for box in boxes)
    assert any(value != int(value) for box in boxes for value in box)
    assert sum(record["iscrowd"] for record in document["annotations"]) == 2
    crowd = next(r["segmentation"] for r in document["annotations"] if r["id"] == 10)
    assert sum(crowd["counts"]) == 64 * 48
    assert sum(crowd["counts"][1::2]) == 100


def run_side_by_side(tools: str, figures: Path) -> list[dict[str, Any]]:
    command = [sys.executable, str(HERE / "side_by_side.py"), "--tools", tools]
    own = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [*command, "--json", str(figures)], capture_output=True, text=True, env=own, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    trips: list[dict[str, Any]] = json.loads(figures.read_text())["trips"]
    return trips


@pytest.mark.slow
def test_curate_declares_all_that_voc_and_yolo_lose_of_coco(tmp_path: Path) -> None:
    trips = run_side_by_side("curate", tmp_path / "figures.json")
    assert {(trip["set"], trip["target"]) for trip in trips} >= {
        ("made here", "voc"), ("made here", "yolo"),
    }  # fmt: skip
    assert [trip["undeclared"] for trip in trips] == [{}] * len(trips)
    # VOC holds each corner to the last digit; YOLO's six decimals are of 640 px at the most.
    assert all(trip["farthest_px"] <= (1e-9 if trip["target"] == "voc" else 2e-3) for trip in trips)
    made = next(t for t in trips if t["set"] == "made here" and t["target"] == "voc")
    assert "boxes lost" not in made["counts"]
    assert "crowd flags" not in made["counts"]


@pytest.mark.slow
def test_the_other_tools_run_on_the_same_files(tmp_path: Path) -> None:
    try:
        peers.ensure()
    except peers.PeersError as error:
        pytest.skip(f"no environment for supervision and Datumaro: {error}")
    trips = run_side_by_side("supervision,datumaro", tmp_path / "figures.json")
    assert {trip["tool"] for trip in trips} == {"supervision", "datumaro"}
    assert [trip["error"] for trip in trips] == [None] * len(trips)
