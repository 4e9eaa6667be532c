"""The clean sets that faults are planted in, made from a seed.

Images of 2000 x 1000 px, each of 5 x 2 fields with one object at most, so that no two boxes
overlap unless a set wants it. Edges are whole pixels, which lets a fault lie exactly at its limit.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

import curate
from curate.assembly import Gathered, assemble
from curate.dataset import Dataset
from tests.planting.model import Bed

WIDTH, HEIGHT = 2000, 1000
FIELD_WH = (400, 500)
N_IMAGES = 400
# Records of a file are parsed again for each fault.
N_COCO_IMAGES = 120
# Where nothing is asked of a spread, fewer do.
N_PAIR_IMAGES = 100
CLASSES = ("person", "car", "dog", "chair", "bottle")
SHARES = (0.4, 0.25, 0.15, 0.12, 0.08)
# Median of the root of the area and of width / height, by class.
SIDE_PX = (110.0, 140.0, 90.0, 100.0, 70.0)
ASPECT = (0.45, 1.7, 1.2, 0.9, 0.4)
SIDE_SPREAD, ASPECT_SPREAD = 0.3, 0.2


def _fields(rng: np.random.Generator, n_images: int = N_IMAGES) -> tuple[np.ndarray, np.ndarray]:
    """Image rows and left top corners (px) of six to ten fields of each image."""
    rows, corners = [], []
    for image in range(n_images):
        fields = rng.permutation(10)[: rng.integers(6, 11)]
        rows += [image] * len(fields)
        corners += [((f % 5) * FIELD_WH[0], (f // 5) * FIELD_WH[1]) for f in sorted(fields)]
    return np.array(rows), np.array(corners, float)


def _objects(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image rows, class numbers and edges (whole px, 12 px or more from the field's edge)."""
    rows, corners = _fields(rng)
    number = rng.choice(len(CLASSES), len(rows), p=SHARES)
    side = np.array(SIDE_PX)[number] * np.exp(rng.normal(0, SIDE_SPREAD, len(rows)))
    aspect = np.array(ASPECT)[number] * np.exp(rng.normal(0, ASPECT_SPREAD, len(rows)))
    wh = np.stack([side * np.sqrt(aspect), side / np.sqrt(aspect)], axis=1)
    wh = np.rint(wh.clip(20, np.array(FIELD_WH) - 30))
    low = corners + 12 + np.rint(rng.uniform(0, 1, wh.shape) * (np.array(FIELD_WH) - 24 - wh))
    return rows, number, np.hstack([low, low + wh])


def _dataset(
    name: str, rows: np.ndarray, edges: np.ndarray, columns: dict[str, object], **images: object
) -> Dataset:
    n_images = int(rows.max()) + 1
    gathered = Gathered(
        n_images=n_images,
        n_boxes=len(rows),
        images={
            "image_name": [f"{row:05d}.jpg" for row in range(n_images)],
            "width": np.full(n_images, WIDTH), "height": np.full(n_images, HEIGHT),
            "label_state": "present", **images,
        },
        boxes={
            "image_row": rows, "source_id": np.arange(len(rows)), "file": "labels.csv",
            "line": np.arange(len(rows)) + 2,
            **dict(zip(("x1", "y1", "x2", "y2"), edges.T, strict=True)), **columns,
        },
    )  # fmt: skip
    return assemble(name, gathered)


def _named(labels: np.ndarray | list[str]) -> dict[str, object]:
    return {"label": list(labels), "source_label": list(labels)}


def plain(seed: int) -> Dataset:
    """Objects of five classes with sides and shapes log-normal about those of their class."""
    rows, number, edges = _objects(np.random.default_rng([seed, 1]))
    return _dataset("plain", rows, edges, _named(np.array(CLASSES, object)[number]))


def borders(seed: int) -> Dataset:
    """As `plain`, and the objects in the leftmost fields are cut by the border and marked so."""
    rows, number, edges = _objects(np.random.default_rng([seed, 1]))
    is_cut = edges[:, 0] < FIELD_WH[0]
    edges[is_cut, 2] -= edges[is_cut, 0]
    edges[is_cut, 0] = 0
    flags = {"truncated": is_cut.astype(float)}
    return _dataset("borders", rows, edges, _named(np.array(CLASSES, object)[number]) | flags)


def _crowds(seed: int, name: str, n_members: int) -> Dataset:
    """A group of persons in each image, with so many single persons in it, and others beside."""
    rng = np.random.default_rng([seed, 2])
    rows, number, edges = _objects(rng)
    beside = edges[:, 1] >= FIELD_WH[1]
    rows, number, edges = rows[beside], number[beside], edges[beside]
    images = np.arange(N_IMAGES)
    left = np.rint(rng.uniform(20, 900, N_IMAGES))
    groups = np.stack(
        [left, np.full(N_IMAGES, 50.0), left + 1000, np.full(N_IMAGES, 450.0)], axis=1
    )
    parts = [(rows, edges, np.array(CLASSES, object)[number]), (images, groups, None)]
    for place in range(n_members):
        x1 = left + 20 + 120 * place
        single = np.stack(
            [x1, np.full(N_IMAGES, 100.0), x1 + 100, np.full(N_IMAGES, 400.0)], axis=1
        )
        parts.append((images, single, None))
    labels = np.concatenate(
        [np.full(len(r), "person", object) if c is None else c for r, _, c in parts]
    )
    is_group = np.repeat([False, True, *[False] * n_members], [len(r) for r, _, _ in parts])
    flags = {"is_group": is_group, "role": np.where(is_group, "ignore", "include").tolist()}
    return _dataset(
        name,
        np.concatenate([r for r, _, _ in parts]),
        np.concatenate([e for _, e, _ in parts]),
        _named(labels) | flags,
    )


def full_crowds(seed: int) -> Dataset:
    """Groups with seven single persons in each."""
    return _crowds(seed, "full_crowds", 7)


def empty_crowds(seed: int) -> Dataset:
    """Groups that hold no single person."""
    return _crowds(seed, "empty_crowds", 0)


def _pairs(seed: int, name: str, labels: tuple[str, str], part: tuple[float, ...]) -> Dataset:
    """Objects of 128 x 256 px and in each field a second thing of 64 x 64 px at the part of it."""
    rng = np.random.default_rng([seed, 3])
    rows, corners = _fields(rng, N_PAIR_IMAGES)
    # A part that is drawn 100 px to the right of its whole stays in the field.
    low = corners + 16 + np.rint(rng.uniform(0, 1, corners.shape) * [100, 150])
    whole = np.hstack([low, np.add(low, (128, 256))])
    second = np.hstack([low + part[:2], low + part[2:]])
    return _dataset(
        name,
        np.concatenate([rows, rows]),
        np.concatenate([whole, second]),
        _named([labels[0]] * len(rows) + [labels[1]] * len(rows)),
    )


def heads(seed: int) -> Dataset:
    """Persons, each with a head of a quarter of its height."""
    return _pairs(seed, "heads", ("person", "head"), (32, 0, 96, 64))


def riders(seed: int) -> Dataset:
    """Riders, each on the upper half of a bicycle."""
    return _pairs(seed, "riders", ("rider", "bicycle"), (-10, 160, 138, 320))


def weapons(seed: int) -> Dataset:
    """Persons, each with a weapon in the hand."""
    return _pairs(seed, "weapons", ("person", "weapon"), (64, 100, 128, 164))


def pedestrians(seed: int) -> Dataset:
    """Pedestrians who are said to be wholly seen."""
    rows, _, edges = _objects(np.random.default_rng([seed, 4]))
    # As Caltech and CityPersons draw them: 0.41 times as wide as high.
    edges[:, 2] = edges[:, 0] + np.rint(0.41 * (edges[:, 3] - edges[:, 1]))
    flags = {"truncated": 0.0, "occluded": 0.0}
    return _dataset("pedestrians", rows, edges, _named(["pedestrian"] * len(rows)) | flags)


def wholes(seed: int) -> Dataset:
    """Persons with the box of the whole body and, in it, that of what is seen."""
    rng = np.random.default_rng([seed, 5])
    rows, corners = _fields(rng, N_PAIR_IMAGES)
    low = corners + 16 + np.rint(rng.uniform(0, 1, corners.shape) * [200, 150])
    whole, seen = (
        np.hstack([low, np.add(low, (100, 200))]),
        np.hstack([low, np.add(low, (100, 120))]),
    )
    objects = [json.dumps({"object": number}) for number in range(len(rows))] * 2
    extents = ["full"] * len(rows) + ["visible"] * len(rows)
    more = {"extent": extents, "attributes": objects}
    edges = np.concatenate([whole, seen])
    return _dataset(
        "wholes", np.concatenate([rows, rows]), edges, _named(["person"] * 2 * len(rows)) | more
    )


def predictions(seed: int) -> Dataset:
    """What one detector found: persons with scores."""
    rng = np.random.default_rng([seed, 6])
    rows, _, edges = _objects(rng)
    found = {
        "score": np.round(rng.uniform(0.05, 0.95, len(rows)), 3),
        "origin": "detector",
        "attributes": '{"detector":"one"}',
    }
    return _dataset("predictions", rows, edges, _named(["person"] * len(rows)) | found)


def splits(seed: int) -> Dataset:
    """As `plain`, in three parts for training and one of exactly 500 labels to validate."""
    rows, number, edges = _objects(np.random.default_rng([seed, 7]))
    is_train = np.arange(N_IMAGES) < 300
    of_val = np.flatnonzero(~is_train[rows])
    keep = np.ones(len(rows), bool)
    keep[of_val[500:]] = False
    labels = np.array(CLASSES, object)[number]
    names = np.where(is_train, "train", "val")[: rows[keep].max() + 1]
    return _dataset("splits", rows[keep], edges[keep], _named(labels[keep]), split=names.tolist())


def video(seed: int, unrest: float = 0.0, step: float = 0.02) -> Dataset:
    """Eight videos of 40 frames with eight persons each who walk in their fields.

    Heights change by `unrest` (standard deviation of ln) from frame to frame, centres move by
    `step` of the height.
    """
    rng = np.random.default_rng([seed, 8])
    n_videos, n_frames, n_objects = 8, 40, 8
    at, track, frame = np.meshgrid(
        np.arange(n_videos), np.arange(n_objects), np.arange(n_frames), indexing="ij"
    )
    height = 128.0 * np.exp(rng.normal(0, 1, at.shape) * unrest)
    middle_x = (track % 4) * 400 + 300 + np.cumsum(rng.choice([-1, 1], at.shape), axis=2) * 0
    middle_x = middle_x + 128 * step * (frame % 2 * 2 - 1) / 2
    middle_y = (track // 4) * 450 + 275
    edges = np.stack(
        [middle_x - 32, middle_y - height / 2, middle_x + 32, middle_y + height / 2], axis=-1
    ).reshape(-1, 4)
    image = (at * n_frames + frame).ravel()
    names = [f"v{v}" for v in range(n_videos) for _ in range(n_frames)]
    tracks = {"track_id": [str(t) for t in track.ravel()]}
    return _dataset(
        "video", image, edges, _named(["person"] * image.size) | tracks,
        group=names, frame=np.tile(np.arange(n_frames), n_videos),
    )  # fmt: skip


def restless_video(seed: int) -> Dataset:
    """Videos in which heights change by a tenth and persons run a third of their height."""
    return video(seed, unrest=0.07, step=0.3)


def poses(seed: int) -> Dataset:
    """As `plain`, and each object says which way it looks."""
    rng = np.random.default_rng([seed, 9])
    rows, number, edges = _objects(rng)
    said = np.array(['{"pose":"left"}', '{"pose":"right"}'], object)[rng.integers(0, 2, len(rows))]
    more = {"attributes": said.tolist()}
    return _dataset("poses", rows, edges, _named(np.array(CLASSES, object)[number]) | more)


def coco(seed: int) -> Dataset:
    """A COCO file: objects of 100 x 200 to 200 x 400 px with an outline and two keypoints."""
    rng = np.random.default_rng([seed, 10])
    rows, corners = _fields(rng, N_COCO_IMAGES)
    annotations = []
    for number, (row, (left, top)) in enumerate(zip(rows.tolist(), corners.tolist(), strict=True)):
        width = 100 * int(rng.integers(1, 3))
        height = 2 * width
        x, y = left + 20 + int(rng.integers(0, 100)), top + 20 + int(rng.integers(0, 50))
        ring = [x, y + 40, x + 40, y, x + width, y + 40, x + width - 40, y + height]
        points = [x + 10, y + 10, 2, x + width - 10, y + height - 10, 2]
        annotations.append({
            "id": number + 1, "image_id": row + 1, "category_id": 1, "iscrowd": 0,
            "bbox": [x, y, width, height], "area": _ring_area(ring),
            "segmentation": [ring], "keypoints": points, "num_keypoints": 2,
        })  # fmt: skip
    images = [
        {"id": n + 1, "file_name": f"{n:05d}.jpg", "width": WIDTH, "height": HEIGHT}
        for n in range(N_COCO_IMAGES)
    ]
    categories = [{"id": 1, "name": "person", "keypoints": ["head", "foot"], "skeleton": []}]
    return read_document(
        {"images": images, "annotations": annotations, "categories": categories}, "instances.json"
    )


def _ring_area(ring: list[float]) -> float:
    """Area of a polygon by the shoelace formula, px^2."""
    x, y = np.array(ring).reshape(-1, 2).T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def read_document(document: dict[str, object], file: str) -> Dataset:
    """A COCO document as curate reads it."""
    with tempfile.TemporaryDirectory(prefix="planting-") as folder:
        path = Path(folder) / file
        path.write_text(json.dumps(document), encoding="utf-8")
        return curate.read(path)


_MAKERS: dict[str, Callable[[int], Dataset]] = {
    maker.__name__: maker
    for maker in (
        plain, borders, full_crowds, empty_crowds, heads, riders, weapons, pedestrians, wholes,
        predictions, splits, video, restless_video, poses, coco,
    )
}  # fmt: skip


@lru_cache(maxsize=16)
def bed(name: str, seed: int) -> Bed:
    """The made set of this name."""
    return Bed(name, _MAKERS[name](seed))
