"""Writes a COCO instances file of any size, train2017's by default, with made-up objects.

The file follows `instances_train2017.json` in key order, spacing, number text, image sizes,
category ids, unsorted ids and the crowds at the end; objects are jittered ellipses at random
places. `bbox` is the bounds of the polygons, `area` their shoelace area.

    python tests/benchmarks/make_coco.py PATH [--images N] [--annotations N] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

N_IMAGES = 118_287  # train2017
N_ANNOTATIONS = 860_001  # train2017
CROWD_SHARE = 0.01
TWO_RING_SHARE = 0.1
BLOCK = 20_000  # records made at a time: bounds the memory

LONGEST_SIDE_PX = 640
SIZES_WH = ((640, 480), (640, 427), (480, 640), (427, 640), (500, 375), (640, 640), (375, 500))
SIZE_WEIGHTS = (0.35, 0.25, 0.15, 0.1, 0.07, 0.04, 0.04)

CATEGORIES = {
    "person": "person",
    "vehicle": "bicycle,car,motorcycle,airplane,bus,train,truck,boat",
    "outdoor": "traffic light,fire hydrant,stop sign,parking meter,bench",
    "animal": "bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe",
    "accessory": "backpack,umbrella,handbag,tie,suitcase",
    "sports": "frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,"
    "surfboard,tennis racket",
    "kitchen": "bottle,wine glass,cup,fork,knife,spoon,bowl",
    "food": "banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake",
    "furniture": "chair,couch,potted plant,bed,dining table,toilet",
    "electronic": "tv,laptop,mouse,remote,keyboard,cell phone",
    "appliance": "microwave,oven,toaster,sink,refrigerator",
    "indoor": "book,clock,vase,scissors,teddy bear,hair drier,toothbrush",
}
UNUSED_CATEGORY_IDS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
CATEGORY_IDS = np.array([i for i in range(1, 91) if i not in UNUSED_CATEGORY_IDS])
INFO = {
    "description": "Made-up objects in the form of COCO 2017",
    "url": "http://cocodataset.org",
    "version": "1.0",
    "year": 2017,
    "contributor": "nobody",
    "date_created": "2017/09/01",
}
LICENSES = [
    {"url": f"http://creativecommons.org/licenses/{kind}/2.0/", "id": number, "name": kind}
    for number, kind in enumerate(("by-nc-sa", "by-nc", "by-nc-nd", "by", "by-sa", "by-nd"), 1)
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Images:
    """The images: ids (N,), sizes (N, 2) as width, height in px."""

    ids: Ints
    size_wh: Ints


@dataclass(frozen=True)
class Polygons:
    """Rings of many annotations, one after the other.

    Parameters
    ----------
    points
        (N, 2), x and y in hundredths of a px, so that all sums are exact.
    starts
        (annotations,), first point of each annotation.
    ring_starts
        (rings,), first point of each ring, ascending; holds every value of `starts`.
    """

    points: Ints
    starts: Ints
    ring_starts: Ints


@dataclass(frozen=True)
class NumberTexts:
    """The text of each coordinate, looked up by its hundredths of a px.

    Parameters
    ----------
    plain
        Text of hundredth i as Python prints the float: `12.5`, not `12.50`.
    joined
        (2 * len(plain),) bytes padded with NUL: first each text followed by what separates two
        numbers of one ring, then each text followed by what separates two rings.
    lengths
        Length of each of `joined` without the padding.
    """

    plain: list[str]
    joined: npt.NDArray[np.bytes_]
    lengths: Ints


BETWEEN_NUMBERS = ", "
BETWEEN_RINGS = "], ["


def number_texts() -> NumberTexts:
    """Texts of all coordinates from 0 to the longest side."""
    plain = [repr(i / 100) for i in range(LONGEST_SIDE_PX * 100 + 1)]
    joined = [text + end for end in (BETWEEN_NUMBERS, BETWEEN_RINGS) for text in plain]
    lengths = np.array([len(text) for text in joined], dtype=np.int64)
    return NumberTexts(plain, np.array(joined, dtype=np.bytes_), lengths)


def draw_images(rng: np.random.Generator, n_images: int) -> Images:
    """Images with scattered, unsorted ids and the sizes that are frequent in COCO."""
    ids = rng.choice(5 * n_images, n_images, replace=False) + 1
    size_wh = rng.choice(np.array(SIZES_WH), n_images, p=SIZE_WEIGHTS)
    return Images(ids, size_wh)


def draw_categories(rng: np.random.Generator, n: int) -> Ints:
    """(n,) category ids: persons are 3 of 10, the others fall off as 1 / rank."""
    others = 1 / np.arange(1, len(CATEGORY_IDS))
    weights = np.concatenate([[0.3], 0.7 * others / others.sum()])
    return rng.choice(CATEGORY_IDS, n, p=weights)


def draw_owners(rng: np.random.Generator, n_images: int, n: int) -> Ints:
    """(n,) image positions: unsorted, some images crowded, about 1 of 40 without any."""
    weights = 0.25 + 0.75 * rng.exponential(size=n_images)
    return rng.choice(n_images, n, p=weights / weights.sum())


def draw_polygons(rng: np.random.Generator, canvas_wh: Ints) -> Polygons:
    """One object for each row of `canvas_wh` (N, 2), width and height in px, inside it."""
    n = len(canvas_wh)
    n_points = np.exp(rng.normal(2.93, 0.6, n)).round().clip(5, 200).astype(np.int64)
    side_px = np.exp(rng.normal(4, 0.7, (n, 1)) + rng.normal(0, 0.35, (n, 2)))
    side_px = np.minimum(side_px.clip(4, 400), canvas_wh - 1)
    # A tenth of an object may hang over the edge: it is cut there, as real objects are.
    corner = rng.random((n, 2)) * (canvas_wh - 0.8 * side_px) - 0.1 * side_px
    starts = np.cumsum(n_points) - n_points
    owner = np.repeat(np.arange(n), n_points)
    total = len(owner)
    turn = (np.arange(total) - starts[owner] + 0.8 * rng.random(total)) / n_points[owner]
    reach = 1 - 0.35 * rng.random(total)
    unit = np.stack([np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)], axis=1) * reach[:, None]
    xy_px = (corner + side_px / 2)[owner] + unit * (side_px / 2)[owner]
    points = np.rint(xy_px.clip(0, canvas_wh[owner]) * 100).astype(np.int64)
    # Halves of an even ring span less than half a turn each, so they cannot overlap.
    in_two = (n_points % 2 == 0) & (n_points >= 8) & (rng.random(n) < 2 * TWO_RING_SHARE)
    middles = (starts + n_points // 2)[in_two]
    return Polygons(points, starts, np.sort(np.concatenate([starts, middles])))


def areas_px2(polygons: Polygons) -> Floats:
    """(annotations,) shoelace areas in px², the rings of one annotation added up."""
    x, y = polygons.points.T
    following = np.arange(1, len(x) + 1)
    following[np.append(polygons.ring_starts[1:], len(x)) - 1] = polygons.ring_starts
    cross = x * y[following] - x[following] * y
    doubled = np.abs(np.add.reduceat(cross, polygons.ring_starts))
    first_rings = np.searchsorted(polygons.ring_starts, polygons.starts)
    return np.add.reduceat(doubled, first_rings) / 20_000


def bounds_xywh(polygons: Polygons) -> Ints:
    """(annotations, 4) x, y, width, height in hundredths of a px."""
    low = np.minimum.reduceat(polygons.points, polygons.starts)
    high = np.maximum.reduceat(polygons.points, polygons.starts)
    return np.concatenate([low, high - low], axis=1)


def ring_texts(polygons: Polygons, numbers: NumberTexts) -> list[str]:
    """Text between `[[` and `]]` for each annotation."""
    entries = polygons.points.ravel()
    ring_ends = 2 * np.append(polygons.ring_starts[1:], len(polygons.points))
    entries[ring_ends - 1] += len(numbers.plain)
    text = numbers.joined[entries].tobytes().translate(None, b"\0").decode("ascii")
    reached = np.append(0, np.cumsum(numbers.lengths[entries]))
    cuts = reached[2 * np.append(polygons.starts, len(polygons.points))].tolist()
    last = len(BETWEEN_RINGS)
    return [text[start : end - last] for start, end in pairwise(cuts)]


def polygon_records(
    rng: np.random.Generator, images: Images, ids: Ints, numbers: NumberTexts
) -> list[str]:
    """One annotation of polygons as JSON text for each of `ids`."""
    owners = draw_owners(rng, len(images.ids), len(ids))
    categories = draw_categories(rng, len(ids))
    polygons = draw_polygons(rng, images.size_wh[owners])
    boxes = bounds_xywh(polygons).tolist()
    areas = areas_px2(polygons).tolist()
    rings = ring_texts(polygons, numbers)
    plain = numbers.plain
    rows = zip(
        rings,
        areas,
        images.ids[owners].tolist(),
        boxes,
        categories.tolist(),
        ids.tolist(),
        strict=True,
    )
    # A loop over annotations: each becomes one piece of text.
    return [
        f'{{"segmentation": [[{ring}]], "area": {area!r}, "iscrowd": 0, "image_id": {image_id}, '
        f'"bbox": [{plain[x]}, {plain[y]}, {plain[w]}, {plain[h]}], '
        f'"category_id": {category}, "id": {id_}}}'
        for ring, area, image_id, (x, y, w, h), category, id_ in rows
    ]


def draw_columns(rng: np.random.Generator, width: int, height: int) -> tuple[int, Ints, Ints]:
    """Position of the first column, top and bottom of each column of a mask, in px.

    Bottoms are exclusive. The mask touches neither the top nor the bottom of the image, so that
    no run of the RLE is 0.
    """
    n_columns = int(rng.integers(20, width))
    first = int(rng.integers(0, width - n_columns + 1))
    half_px = height * rng.uniform(0.05, 0.3)
    middle_px = rng.uniform(half_px, height - half_px)
    across = np.linspace(-0.95, 0.95, n_columns)
    reach = half_px * np.sqrt(1 - across**2)
    top = (middle_px - reach * rng.uniform(0.7, 1, n_columns)).astype(np.int64)
    bottom = (middle_px + reach * rng.uniform(0.7, 1, n_columns)).astype(np.int64) + 1
    top = top.clip(1, height - 2)
    return first, top, np.maximum(bottom.clip(2, height - 1), top + 1)


def run_lengths(first: int, top: Ints, bottom: Ints, size_wh: tuple[int, int]) -> Ints:
    """RLE counts of a mask: column by column, background first (pycocotools' mask.py)."""
    width, height = size_wh
    counts = np.empty(2 * len(top) + 1, dtype=np.int64)
    counts[0] = first * height + top[0]
    counts[1::2] = bottom - top
    counts[2:-1:2] = height - bottom[:-1] + top[1:]
    counts[-1] = width * height - counts[:-1].sum()
    return counts


def crowd_records(rng: np.random.Generator, images: Images, n: int) -> list[str]:
    """`n` crowds as JSON text, each on an image of its own."""
    owners = rng.choice(len(images.ids), n, replace=False)
    records = []
    # A loop over crowds: each is one mask, and they are few.
    for owner, category in zip(owners, draw_categories(rng, n), strict=True):
        width, height = (int(side) for side in images.size_wh[owner])
        first, top, bottom = draw_columns(rng, width, height)
        image_id = int(images.ids[owner])
        record = {
            "segmentation": {
                "counts": run_lengths(first, top, bottom, (width, height)).tolist(),
                "size": [height, width],
            },
            "area": int((bottom - top).sum()),
            "iscrowd": 1,
            "image_id": image_id,
            "bbox": [first, int(top.min()), len(top), int(bottom.max() - top.min())],
            "category_id": int(category),
            # COCO's own numbering of crowds: 9e11 + category * 1e8 + image.
            "id": 900_000_000_000 + int(category) * 100_000_000 + image_id,
        }
        records.append(json.dumps(record))
    return records


def annotation_records(rng: np.random.Generator, images: Images, n: int) -> Iterator[list[str]]:
    """`n` annotations as JSON text, in blocks: polygons, then crowds."""
    n_crowds = min(round(n * CROWD_SHARE), len(images.ids))
    n_polygons = n - n_crowds
    ids = rng.choice(max(2 * n_polygons, 1), n_polygons, replace=False) + 1
    numbers = number_texts()
    for start in range(0, n_polygons, BLOCK):
        yield polygon_records(rng, images, ids[start : start + BLOCK], numbers)
    if n_crowds:
        yield crowd_records(rng, images, n_crowds)


def image_records(rng: np.random.Generator, images: Images) -> Iterator[list[str]]:
    """Images as JSON text, in blocks."""
    for start in range(0, len(images.ids), BLOCK):
        ids = images.ids[start : start + BLOCK].tolist()
        sizes = images.size_wh[start : start + BLOCK].tolist()
        licenses = rng.integers(1, len(LICENSES) + 1, len(ids)).tolist()
        seconds = rng.integers(0, 86_400, len(ids)).tolist()
        photos = rng.integers(10**9, 10**10, len(ids)).tolist()
        yield [
            f'{{"license": {license_}, "file_name": "{id_:012d}.jpg", '
            f'"coco_url": "http://images.cocodataset.org/train2017/{id_:012d}.jpg", '
            f'"height": {height}, "width": {width}, "date_captured": "2013-11-{1 + second % 30:02d}'
            f' {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}", "flickr_url": '
            f'"http://farm{1 + photo % 9}.staticflickr.com/{photo % 8999 + 1000}/{photo}'
            f'_{photo * 2654435761 % 2**40:010x}_z.jpg", "id": {id_}}}'
            for id_, (width, height), license_, second, photo in zip(
                ids, sizes, licenses, seconds, photos, strict=True
            )
        ]


def category_records() -> list[dict[str, str | int]]:
    """COCO's 80 categories."""
    pairs = [(group, name) for group, names in CATEGORIES.items() for name in names.split(",")]
    return [
        {"supercategory": group, "id": int(id_), "name": name}
        for id_, (group, name) in zip(CATEGORY_IDS, pairs, strict=True)
    ]


def array_text(blocks: Iterable[list[str]]) -> Iterator[str]:
    """One JSON array of all records of all blocks, in pieces."""
    separator = "["
    for block in blocks:
        yield separator + ", ".join(block)
        separator = ", "
    yield "[]" if separator == "[" else "]"


def coco_text(n_images: int, n_annotations: int, seed: int) -> Iterator[str]:
    """Whole file in pieces; the same arguments give the same text."""
    rng = np.random.default_rng(seed)
    images = draw_images(rng, n_images)
    yield f'{{"info": {json.dumps(INFO)}, "licenses": {json.dumps(LICENSES)}, "images": '
    yield from array_text(image_records(rng, images))
    yield ', "annotations": '
    yield from array_text(annotation_records(rng, images, n_annotations))
    yield f', "categories": {json.dumps(category_records())}}}'


def write_coco(
    path: Path, n_images: int = N_IMAGES, n_annotations: int = N_ANNOTATIONS, seed: int = 0
) -> int:
    """Size in bytes of the file written to `path`, which appears whole or not at all.

    Raises
    ------
    ValueError
        Annotations without an image to be on.
    """
    if n_images < 1 <= n_annotations:
        message = f"{n_annotations} annotations on {n_images} images - ask for at least one image"
        raise ValueError(message)
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w", encoding="ascii", newline="") as file:
            file.writelines(coco_text(n_images, n_annotations, seed))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path.stat().st_size


def main() -> None:
    """Nothing; writes the file that the command line asks for and prints its size."""
    parser = argparse.ArgumentParser(description="Write a made-up COCO instances file.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--images", type=int, default=N_IMAGES)
    parser.add_argument("--annotations", type=int, default=N_ANNOTATIONS)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    n_bytes = write_coco(asked.path, asked.images, asked.annotations, asked.seed)
    print(f"{asked.path}: {n_bytes / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
