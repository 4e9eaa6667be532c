"""What a real Label Studio server keeps of our tasks, and what we read of its exports."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curate import formats, read
from curate.cli import main
from curate.dataset import Dataset, save
from curate.formats import label_studio
from curate.tables import hex_id
from tests.formats.label_files import EDGES, table_set, with_values
from tests.tools.label_studio import (
    USER,
    CannotInstallError,
    RefusedError,
    Server,
    install,
    running,
)

pytestmark = pytest.mark.slow

TAGS = {"RectangleLabels": "label", "KeyPointLabels": "point", "PolygonLabels": "outline",
        "EllipseLabels": "round", "BrushLabels": "brush"}  # fmt: skip
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    + "".join(
        f'<{tag} name="{name}" toName="image"><Label value="car"/><Label value="bus"/></{tag}>'
        for tag, name in TAGS.items()
    )
    + """
  <Choices name="choice" toName="image"><Choice value="night"/></Choices>
  <Choices name="pose" toName="image" perRegion="true">
    <Choice value="left"/><Choice value="right"/></Choices>
  <Number name="age" toName="image" perRegion="true"/>
  <TextArea name="note" toName="image" perRegion="true"/>
</View>"""
)
IN_FULL = {"predictions": {"only_id": False}, "annotations__completed_by": {"only_id": False}}


@pytest.fixture(scope="module")
def python() -> Iterator[Path]:
    """The Python of an environment that has the server."""
    with TemporaryDirectory(prefix="curate-label-studio-") as folder:
        try:
            yield install(Path(folder))
        except CannotInstallError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="module")
def server(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(python, tmp_path_factory.mktemp("server")) as server:
        for name, size in {"a.png": (64, 48), "set 1/é+b#2 50%.png": (50, 50)}.items():
            path = server.pictures / name
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", size, "red").save(path)
        yield server


def new_project(server: Server, config: str = CONFIG) -> int:
    body = {"title": "yard", "label_config": config}
    project: int = server.call("POST", "/api/projects", body)["id"]
    return project


def imported(server: Server, project: int, tasks: Any) -> list[int]:
    path = f"/api/projects/{project}/import?return_task_ids=true"
    ids: list[int] = server.call("POST", path, tasks)["task_ids"]
    return ids


def exported(server: Server, project: int, kind: str = "JSON") -> bytes:
    path = f"/api/projects/{project}/export?exportType={kind}&download_all_tasks=true"
    return server.fetch("GET", path)


def snapshot(server: Server, project: int, folder: Path) -> Dataset:
    """A snapshot with predictions and annotators in full, as read."""
    path = f"/api/projects/{project}/exports"
    made = server.call("POST", f"{path}/", {"title": "s", "serialization_options": IN_FULL})
    assert made["status"] == "completed"
    body = server.fetch("GET", f"{path}/{made['id']}/download?exportType=JSON")
    return read_body(body, folder / "snapshot.json")


def read_body(body: bytes, path: Path) -> Dataset:
    path.write_bytes(body)
    return read(path)


def told(dataset: Dataset) -> pd.DataFrame:
    """The boxes by the ids of their regions, with the image's name and what is said of them."""
    names = dataset.images.set_index("image_id")["image_key"].str.partition("/")[2]
    said = [
        json.loads(text) if isinstance(text, str) else {} for text in dataset.boxes["attributes"]
    ]
    # Annotations get their ids from the server.
    kept = [{k: v for k, v in one.items() if k != "annotation_id"} for one in said]
    boxes = dataset.boxes.assign(image=dataset.boxes["image_id"].map(names), said=kept)
    return boxes.set_index("source_id").sort_index()


# What is written

N_BOXES, TAG, POINTS, FIRST_FOUND = 40, 20, (21, 22), 23
SAID = [
    None, {"pose": "left"}, {"age": 3.5, "lead_time": 2.25}, {"ground_truth": True},
]  # fmt: skip


def scene(least_px: float) -> Dataset:
    """Boxes of a person, two points, a tag, and a detector's boxes, in two of three images."""
    rng = np.random.default_rng(7)
    rows = np.arange(N_BOXES)
    low, side = rng.uniform(least_px, 20, (N_BOXES, 2)), rng.uniform(0.01, 20, (N_BOXES, 2))
    edges = np.hstack((low, low + side))
    edges[list(POINTS), 2:] = edges[list(POINTS), :2]
    edges[TAG] = np.nan
    is_found = rows >= FIRST_FOUND
    labels = np.where(rows == TAG, "night", np.array(["car", "bus"])[rows % 2])
    said = [SAID[n % len(SAID)] if n < TAG else None for n in rows]
    said[FIRST_FOUND::2] = [{"model_version": "m1"}] * len(rows[FIRST_FOUND::2])
    values = {
        "shape": np.select([rows == TAG, np.isin(rows, POINTS)], ["tag", "point"], "box"),
        "label": labels,
        "source_label": labels,
        **dict(zip(EDGES, edges.T, strict=True)),
        "origin": np.where(is_found, "detector", "human"),
        "annotator": [None if found else USER for found in is_found],
        "score": np.where(is_found, rng.random(N_BOXES), np.nan),
        "attributes": [None if one is None else json.dumps(one) for one in said],
    }
    names = ("set 1/é+b#2 50%.png", "a.png", "unseen.png")
    sizes = {"width": [50, 64, 9], "height": [50, 48, 9]}
    states = ["present", "empty", "missing"]
    dataset = table_set(values, N_BOXES, names, label_state=states, **sizes)
    boxes = dataset.boxes.copy()
    boxes.loc[FIRST_FOUND + 8 :, "image_id"] = int(dataset.images["image_id"].iloc[1])
    boxes["source_id"] = [hex_id(int(box_id)) for box_id in boxes["box_id"]]
    return dataset.with_tables(boxes=boxes.astype(dataset.boxes.dtypes))


def tasks_of(dataset: Dataset, folder: Path) -> Any:
    """The tasks that the command line writes from a saved set."""
    save(dataset, folder / "set")
    words = ["export", str(folder / "set"), "--to", "label-studio", "-o", str(folder / "out")]
    assert main(words) == 0
    return json.loads((folder / "out" / "label-studio.json").read_bytes())


def test_exported_set_comes_back_from_the_server(server: Server, tmp_path: Path) -> None:
    dataset = scene(least_px=-3)
    project = new_project(server)
    imported(server, project, tasks_of(dataset, tmp_path))
    got = snapshot(server, project, tmp_path)
    assert len(got.findings) == 0
    images = [
        d.images.assign(name=d.images["image_key"].str.partition("/")[2]).sort_values("name")
        for d in (dataset, got)
    ]
    for column in ("name", "width", "height", "label_state"):
        assert images[0][column].tolist() == images[1][column].tolist(), column
    wanted, found = told(dataset), told(got)
    for column in ("image", "shape", "label", "origin", "role", "annotator", "said", "score"):
        pd.testing.assert_series_equal(wanted[column], found[column], check_exact=True)
    # The percentages are the same to the last bit; px are one product more.
    np.testing.assert_allclose(found[EDGES], wanted[EDGES], rtol=0, atol=1e-12)


def test_plain_export_says_that_it_lacks_the_predictions(server: Server, tmp_path: Path) -> None:
    project = new_project(server)
    imported(server, project, tasks_of(scene(least_px=0), tmp_path))
    got = read_body(exported(server, project), tmp_path / "plain.json")
    assert len(got.boxes) == FIRST_FOUND
    # Of each of the two images with boxes one of m1, and one of no known model.
    assert got.findings["message"].tolist() == [
        "4 predictions are named by their ids alone, and stand nowhere in the file"
    ]


def test_server_shows_the_picture_that_a_task_names(server: Server, tmp_path: Path) -> None:
    project = new_project(server)
    folder = server.pictures / "set 1"
    storage = {"project": project, "path": str(folder), "use_blob_urls": True}
    server.call("POST", "/api/storages/localfiles", storage)
    tasks = tasks_of(scene(least_px=0), tmp_path)
    (address,) = [t["data"]["image"] for t in tasks if "set%201" in t["data"]["image"]]
    assert server.fetch("GET", address) == (folder / "é+b#2 50%.png").read_bytes()


VALIDATE = """
import json, sys
from pathlib import Path
from label_studio_sdk.label_interface import LabelInterface
config = LabelInterface(sys.argv[1])
tasks = json.loads(Path(sys.argv[2]).read_bytes())
answers = [a for t in tasks for a in t.get("annotations", []) + t.get("predictions", [])]
errors = [e for a in answers for e in config.validate_prediction(a, return_errors=True)]
print(json.dumps([sum(len(a["result"]) for a in answers), errors]))
"""


def test_label_studios_own_validator_takes_what_is_written(python: Path, tmp_path: Path) -> None:
    tasks_of(scene(least_px=0), tmp_path)
    command = [str(python), "-c", VALIDATE, CONFIG, str(tmp_path / "out" / "label-studio.json")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    # A result of each box, and one of each of 5 poses and 5 ages.
    assert json.loads(run.stdout) == [N_BOXES + 10, []]


def test_server_refuses_annotators_that_it_does_not_know(server: Server, tmp_path: Path) -> None:
    dataset = with_values(scene(least_px=0), 0, annotator="stranger@example.org")
    tasks = tasks_of(dataset, tmp_path)
    with pytest.raises(RefusedError, match=r"Unknown annotator's email stranger@example\.org"):
        imported(server, new_project(server), tasks)


# What is read


def region(kind: str, region_id: str, **value: Any) -> dict[str, Any]:
    """A region of `a.png`, which has 64 x 48 px."""
    own = {"id": region_id, "to_name": "image", "original_width": 64, "original_height": 48}
    return {**own, "from_name": TAGS.get(kind, kind), "type": kind.lower(), "value": value}


PLACE = {"x": 10, "y": 20, "width": 30, "height": 25.5, "rotation": 30}
RESULT = [
    region("RectangleLabels", "r1", **PLACE, rectanglelabels=["car"]),
    # As its editor writes them: with the place of the region that they are about.
    {**region("choices", "r1", **PLACE, choices=["left"]), "from_name": "pose"},
    {**region("number", "r1", **PLACE, number=7), "from_name": "age"},
    {**region("textarea", "r1", **PLACE, text=["dirty"]), "from_name": "note"},
    region("PolygonLabels", "r2", points=[[10, 20], [30, 20], [20, 50.5]], polygonlabels=["bus"]),
    region("KeyPointLabels", "r3", x=100 / 3, y=0.1, width=0.5, keypointlabels=["car"]),
    region("EllipseLabels", "r4", x=50, y=50, radiusX=10, radiusY=20, ellipselabels=["car"]),
    region("BrushLabels", "r5", format="rle", rle=[0, 0, 12, 0], brushlabels=["bus"]),
    {"id": "r6", "from_name": "choice", "to_name": "image", "type": "choices",
     "value": {"choices": ["night"]}},
    {"type": "relation", "from_id": "r1", "to_id": "r2", "direction": "right"},
]  # fmt: skip
# Of r1: 19.2 x 12.24 px, turned by 30 degrees about (6.4, 9.6).
COS = 3**0.5 / 2
PLACES = {
    "r1": [6.4 - 12.24 / 2, 9.6, 6.4 + 19.2 * COS, 9.6 + 19.2 / 2 + 12.24 * COS],
    "r2": [6.4, 9.6, 19.2, 24.24],
    "r3": [64 / 3, 0.048, 64 / 3, 0.048],
    "r4": [25.6, 14.4, 38.4, 33.6],
    "r5": [np.nan] * 4,
    "r6": [np.nan] * 4,
}
SHAPES = {
    "r1": "rotated", "r2": "polygon", "r3": "point", "r4": "mask", "r5": "mask", "r6": "tag",
}  # fmt: skip


@pytest.fixture
def annotated(server: Server) -> int:
    """A project with one task, annotated, skipped and predicted through the API."""
    project = new_project(server)
    (task,) = imported(server, project, [{"data": {"image": "/data/local-files/?d=a.png"}}])
    path = f"/api/tasks/{task}/annotations/"
    server.call("POST", path, {"result": RESULT, "lead_time": 12.25})
    server.call("POST", path, {"result": RESULT[:1], "was_cancelled": True})
    made = {"task": task, "result": RESULT[4:5], "score": 0.1 + 0.2, "model_version": "m1"}
    server.call("POST", "/api/predictions/", made)
    return project


def test_annotations_made_through_the_api_are_read(
    server: Server, annotated: int, tmp_path: Path
) -> None:
    dataset = snapshot(server, annotated, tmp_path)
    assert dataset.findings["message"].tolist() == [
        "1 annotations were cancelled: their boxes are excluded"
    ]
    boxes = told(dataset)
    assert set(boxes["image"]) == {"a.png"}
    own = boxes[(boxes["origin"] == "human") & (boxes["role"] == "include")]
    assert own["shape"].to_dict() == SHAPES
    assert own["label"].tolist() == ["car", "bus", "car", "car", "bus", "night"]
    assert set(own["annotator"]) == {USER}
    np.testing.assert_allclose(own[EDGES], [*PLACES.values()], rtol=0, atol=1e-12)
    assert own.loc["r1", "angle_deg"] == 30
    assert own.loc["r1", "said"] == {
        "lead_time": 12.25, "pose": "left", "age": 7, "note": "dirty",
        "relations": [{"to": "r2", "direction": "right"}],
    }  # fmt: skip
    assert boxes[boxes["role"] == "exclude"]["said"].tolist() == [{"was_cancelled": True}]
    (found,) = boxes[boxes["origin"] == "detector"].to_dict("records")
    assert (found["score"], found["said"]) == (0.1 + 0.2, {"model_version": "m1"})


def test_short_export_has_the_same_places(server: Server, annotated: int, tmp_path: Path) -> None:
    dataset = read_body(exported(server, annotated, "JSON_MIN"), tmp_path / "min.json")
    assert len(dataset.findings) == 0
    boxes = dataset.boxes
    # Without ids, and in the order of the controls' first results; the tag is but a text there.
    assert boxes["shape"].tolist() == [*SHAPES.values()][:5]
    assert boxes["label"].tolist() == ["car", "bus", "car", "car", "bus"]
    np.testing.assert_allclose(boxes[EDGES], [*PLACES.values()][:5], rtol=0, atol=1e-12)
    answers = {"data.pose": 1, "data.age": 1, "data.note": 1, "data.choice": 1}
    assert answers.items() <= label_studio.extras(dataset).items()


def test_place_that_the_short_export_states_twice_is_one_box(
    server: Server, tmp_path: Path
) -> None:
    project = new_project(
        server,
        '<View><Image name="image" value="$image"/><Rectangle name="place" toName="image"/>'
        '<Labels name="label" toName="image"><Label value="car"/></Labels></View>',
    )
    place = {**region("rectangle", "r1", **PLACE), "from_name": "place"}
    named = {**region("labels", "r1", **PLACE, labels=["car"]), "from_name": "label"}
    answers = [{"result": [place, named]}]
    imported(server, project, [{"data": {"image": "a.png"}, "annotations": answers}])
    for kind in ("JSON", "JSON_MIN"):
        dataset = read_body(exported(server, project, kind), tmp_path / f"{kind}.json")
        assert dataset.boxes["label"].tolist() == ["car"]
        np.testing.assert_allclose(dataset.boxes[EDGES], [PLACES["r1"]], rtol=0, atol=1e-12)


def test_changed_export_is_imported_again(server: Server, annotated: int, tmp_path: Path) -> None:
    dataset = snapshot(server, annotated, tmp_path)
    row = dataset.boxes.index[dataset.boxes["source_id"] == "r3"][0]
    place = {"x1": 1.5, "x2": 1.5, "y1": 2.25, "y2": 2.25}
    changed = with_values(dataset, row, label="bus", source_label="bus", **place)
    report = formats.write(changed, "label-studio", tmp_path / "out")
    assert report.losses == ()
    project = new_project(server)
    imported(server, project, json.loads((tmp_path / "out" / "snapshot.json").read_bytes()))
    wanted, found = told(changed), told(snapshot(server, project, tmp_path))
    for column in ("image", "shape", "label", "origin", "role", "annotator", "said", "score"):
        pd.testing.assert_series_equal(wanted[column], found[column], check_exact=True)
    np.testing.assert_allclose(found[EDGES], wanted[EDGES], rtol=0, atol=1e-12)


def test_servers_own_conversions_have_the_same_places(server: Server, tmp_path: Path) -> None:
    # It turns boxes rightly in square pictures only, and has no COCO of points without an order.
    config = "".join(
        f'<{tag} name="{TAGS[tag]}" toName="image"><Label value="car"/><Label value="bus"/></{tag}>'
        for tag in ("RectangleLabels", "PolygonLabels")
    )
    project = new_project(server, f'<View><Image name="image" value="$image"/>{config}</View>')
    place = {**PLACE, "x": 40}
    results = [
        region("RectangleLabels", "r0", **(place | {"rotation": 0}), rectanglelabels=["car"]),
        region("RectangleLabels", "r1", **place, rectanglelabels=["car"]),
        RESULT[4],
    ]
    square = {"original_width": 50, "original_height": 50}
    answers = [{"result": [{**one, **square} for one in results]}]
    imported(server, project, [{"data": {"image": "a.png"}, "annotations": answers}])
    dataset = read_body(exported(server, project), tmp_path / "plain.json")
    with zipfile.ZipFile(io.BytesIO(exported(server, project, "YOLO_OBB"))) as archive:
        (name,) = [n for n in archive.namelist() if n.startswith("labels/") and n.endswith("txt")]
        lines = archive.read(name).decode().split("\n")
    corners = [np.array(line.split()[1:], np.float64) * 50 for line in lines if line]
    rings = label_studio.outlines(dataset)
    ours = [rings[box_id][0] for box_id in dataset.boxes["box_id"].iloc[1:]]
    np.testing.assert_allclose(ours[0], corners[1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours[1], corners[2], rtol=0, atol=1e-9)
    with zipfile.ZipFile(io.BytesIO(exported(server, project, "COCO"))) as archive:
        coco = json.loads(archive.read("result.json"))
    x, y, width, height = coco["annotations"][0]["bbox"]
    np.testing.assert_allclose(dataset.boxes[EDGES].iloc[0], [x, y, x + width, y + height])
