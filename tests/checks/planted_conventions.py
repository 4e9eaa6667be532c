"""Label sets with one mistaken convention each, and sets without; how many of them the audit tells.

The sets resemble COCO's: seven image sizes, sides log-normal about 0.08 of the image, seven
boxes per image, objects cut off where they leave the picture: 12 edges per 100 boxes lie on the
left and top borders, and as many on the others (median of six real sets: 0.06 to 0.35 and 0.10 to
0.30). Nothing here knows the
checks: what judges is not what is judged. `python tests/checks/planted_conventions.py` prints
recall and false alarms by kind, number of boxes, and whole or fractional pixels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

import curate
from curate.assembly import Gathered, assemble
from curate.dataset import Dataset

Array = np.ndarray
SIZES = ((640, 480), (640, 427), (480, 640), (427, 640), (500, 375), (640, 640), (612, 500))
SIZE_SHARES = (0.35, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05)
CLASS_SHARES = (0.35, 0.2, 0.15, 0.12, 0.1, 0.08)
BOXES_PER_IMAGE = 7
MEDIAN_SIDE_FRAC = 0.08
MIN_VISIBLE_FRAC, MIN_SIDE_PX = 0.25, 4.0
TURNED_FRAC = 0.4
COUNTS = (50, 500, 5000)
N_SEEDS = 40
VIDEO_WH, VIDEO_OBJECTS = (1920, 1080), 10
PERSON_ASPECT = 0.4


@dataclass(frozen=True)
class Labels:
    """Boxes (N, 4) px as a reader gives them, their image's row, (M, 2) sizes, class numbers."""

    xyxy: Array
    image: Array
    size_wh: Array
    number: Array

    @property
    def wh(self) -> Array:
        return self.size_wh[self.image].astype(float)


def clean(n_boxes: int, seed: int, *, whole: bool, cut: bool = True) -> Labels:
    """Boxes as they should be; uncut, objects at the border keep their full extent."""
    rng = np.random.default_rng([seed, n_boxes, whole])
    n_images = max(n_boxes // BOXES_PER_IMAGE, 1)
    size_wh = np.array(SIZES)[rng.choice(len(SIZES), n_images, p=SIZE_SHARES)]
    kept: list[Array] = []
    images: list[Array] = []
    while sum(map(len, kept)) < n_boxes:
        image = rng.integers(0, n_images, n_boxes)
        xyxy, usable = _objects(rng, size_wh[image].astype(float), cut=cut)
        xyxy = np.rint(xyxy) if whole else np.round(xyxy, 2)
        kept.append(xyxy[usable])
        images.append(image[usable])
    xyxy, image = np.concatenate(kept)[:n_boxes], np.concatenate(images)[:n_boxes]
    order = np.argsort(image, kind="stable")
    number = rng.choice(len(CLASS_SHARES), n_boxes, p=CLASS_SHARES)
    return Labels(xyxy[order], image[order], size_wh, number)


def _objects(rng: np.random.Generator, wh: Array, *, cut: bool) -> tuple[Array, Array]:
    """Edges of objects scattered over the picture and its surroundings; which are in sight."""
    side = MEDIAN_SIDE_FRAC * np.exp(rng.normal(0, 0.8, len(wh))).clip(0, 8)
    aspect = np.exp(rng.normal(-0.15, 0.55, len(wh)))
    full = (side * np.sqrt(wh.prod(axis=1)))[:, None] * np.stack(
        [np.sqrt(aspect), 1 / np.sqrt(aspect)], axis=1
    )
    centre = rng.uniform(0, 1, wh.shape) * wh
    low, high = centre - full / 2, centre + full / 2
    inside_low, inside_high = np.clip(low, 0, wh), np.clip(high, 0, wh)
    visible = (inside_high - inside_low).prod(axis=1) / full.prod(axis=1)
    usable = (visible >= MIN_VISIBLE_FRAC) & (inside_high - inside_low >= MIN_SIDE_PX).all(axis=1)
    return np.hstack([inside_low, inside_high] if cut else [low, high]), usable


def _edges(labels: Labels, *columns: Array) -> Labels:
    return replace(labels, xyxy=np.stack(columns, axis=1))


def _corners_as_sizes(labels: Labels) -> Labels:
    x1, y1, x2, y2 = labels.xyxy.T
    return _edges(labels, x1, y1, x1 + x2, y1 + y2)


def _corners_as_centre_and_size(labels: Labels) -> Labels:
    x1, y1, x2, y2 = labels.xyxy.T
    return _edges(labels, x1 - x2 / 2, y1 - y2 / 2, x1 + x2 / 2, y1 + y2 / 2)


def _sizes_as_corners(labels: Labels) -> Labels:
    x1, y1, x2, y2 = labels.xyxy.T
    return _edges(labels, x1, y1, x2 - x1, y2 - y1)


def _moved(labels: Labels, sides: float) -> Labels:
    half = (labels.xyxy[:, 2:] - labels.xyxy[:, :2]) * sides
    return replace(labels, xyxy=labels.xyxy + np.hstack([half, half]))


def _fractions(labels: Labels) -> Labels:
    return replace(labels, xyxy=np.round(labels.xyxy / np.tile(labels.wh, 2), 6))


def _pixels(labels: Labels) -> Labels:
    return replace(labels, xyxy=labels.xyxy * np.tile(labels.wh, 2))


def _axes(labels: Labels) -> Labels:
    return replace(labels, xyxy=labels.xyxy[:, [1, 0, 3, 2]])


def _sides(labels: Labels) -> Labels:
    x1, y1, x2, y2 = labels.xyxy.T
    return _edges(labels, x1, y1, x1 + (y2 - y1), y1 + (x2 - x1))


def _side_fractions(labels: Labels) -> Labels:
    centre = (labels.xyxy[:, :2] + labels.xyxy[:, 2:]) / 2
    half = (labels.xyxy[:, 2:] - labels.xyxy[:, :2]) / 2
    turned = (half / labels.wh)[:, ::-1] * labels.wh
    return replace(labels, xyxy=np.hstack([centre - turned, centre + turned]))


def _all_turned(labels: Labels) -> Labels:
    return replace(labels, size_wh=labels.size_wh[:, ::-1])


def _some_turned(labels: Labels) -> Labels:
    turned = np.random.default_rng(len(labels.size_wh)).random(len(labels.size_wh)) < TURNED_FRAC
    return replace(
        labels, size_wh=np.where(turned[:, None], labels.size_wh[:, ::-1], labels.size_wh)
    )


def _numbers(labels: Labels, step: int) -> Labels:
    return replace(labels, number=labels.number + step)


def _off(labels: Labels, low: float, high: float) -> Labels:
    return replace(labels, xyxy=labels.xyxy + np.array([low, low, high, high]))


def _scaled(labels: Labels, factor: float) -> Labels:
    is_whole = bool((labels.xyxy == np.rint(labels.xyxy)).all())
    return replace(labels, xyxy=np.round(labels.xyxy * factor, 0 if is_whole else 2))


def _one_box(labels: Labels, edges: tuple[float, ...]) -> Labels:
    return replace(labels, xyxy=np.tile(edges, (len(labels.xyxy), 1)))


def _full_frame(labels: Labels) -> Labels:
    return replace(labels, xyxy=np.hstack([np.zeros_like(labels.wh), labels.wh]))


@dataclass(frozen=True)
class Kind:
    """A mistake: the names of the checks that tell it rightly, and how it is made."""

    name: str
    checks: tuple[str, ...]
    plant: Callable[[Labels], Labels]


KINDS = (
    Kind("xyxy as xywh", ("corners-read-as-sizes",), _corners_as_sizes),
    Kind("xyxy as cxcywh", ("corners-read-as-sizes",), _corners_as_centre_and_size),
    Kind("xywh as xyxy", ("sizes-read-as-corners",), _sizes_as_corners),
    Kind("centre as corner", ("centre-read-as-corner",), lambda labels: _moved(labels, 0.5)),
    Kind("corner as centre", ("corner-read-as-centre",), lambda labels: _moved(labels, -0.5)),
    Kind("fractions as pixels", ("fractions-read-as-pixels",), _fractions),
    Kind("pixels as fractions", ("pixels-read-as-fractions",), _pixels),
    Kind("x and y", ("axes-swapped",), _axes),
    Kind("w and h", ("sides-swapped",), _sides),
    Kind("w and h, fractions", ("sides-swapped",), _side_fractions),
    # Without pictures, sizes exchanged everywhere cannot be told from exchanged coordinates.
    Kind("all images turned", ("axes-swapped", "frame-transposed"), _all_turned),
    Kind("some images turned", ("frame-transposed",), _some_turned),
    Kind("class numbers + 1", ("class-numbers-shifted",), lambda labels: _numbers(labels, 1)),
    Kind("class numbers - 1", ("class-numbers-shifted",), lambda labels: _numbers(labels, -1)),
    Kind("1-based inclusive", ("borders-off-by-one",), lambda labels: _off(labels, 1, 0)),
    Kind("0-based inclusive", ("borders-off-by-one",), lambda labels: _off(labels, 0, -1)),
    Kind("1 too far", ("borders-off-by-one",), lambda labels: _off(labels, 1, 1)),
    Kind("1 short", ("borders-off-by-one",), lambda labels: _off(labels, -1, -1)),
    Kind("1 taken twice", ("borders-off-by-one",), lambda labels: _off(labels, -1, 0)),
    Kind("half resolution", ("boxes-of-other-resolution",), lambda labels: _scaled(labels, 0.5)),
    Kind("1.25 x resolution", ("boxes-of-other-resolution",), lambda labels: _scaled(labels, 1.25)),
    Kind("double resolution", ("boxes-of-other-resolution",), lambda labels: _scaled(labels, 2.0)),
    Kind(
        "one box, pixels",
        ("box-the-same-everywhere",),
        lambda labels: _one_box(labels, (10.0, 10.0, 110.0, 90.0)),
    ),
    Kind("one box, whole image", ("box-the-same-everywhere",), _full_frame),
)


def with_slips(labels: Labels, seed: int) -> Labels:
    """One box in a hundred was moved by up to half the image: mistakes of the hand."""
    rng = np.random.default_rng([seed, 77])
    slipped = rng.random(len(labels.xyxy)) < 0.01
    shift = rng.uniform(-0.5, 0.5, labels.wh.shape) * labels.wh * slipped[:, None]
    return replace(labels, xyxy=labels.xyxy + np.tile(np.rint(shift), 2))


def without_border(labels: Labels) -> Labels:
    """Only the objects that the border does not cut off, drawn around the middle."""
    keep = ((labels.xyxy[:, :2] > 0) & (labels.xyxy[:, 2:] < labels.wh)).all(axis=1)
    return replace(
        labels, xyxy=labels.xyxy[keep], image=labels.image[keep], number=labels.number[keep]
    )


def fixed_camera(n_boxes: int, seed: int, *, whole: bool) -> Labels:
    """The frames of one video in which half of the objects stand still and the others walk."""
    rng = np.random.default_rng([seed, n_boxes, 78])
    wh = np.tile(np.array(VIDEO_WH, float), (50 * VIDEO_OBJECTS, 1))
    xyxy, usable = _objects(rng, wh, cut=True)
    frame = np.repeat(np.arange(n_boxes // VIDEO_OBJECTS), VIDEO_OBJECTS)
    speed = rng.normal(0, 3, (VIDEO_OBJECTS, 1)) * (np.arange(VIDEO_OBJECTS) % 2)[:, None]
    walked = np.tile(speed * [1, 0, 1, 0], (len(frame) // VIDEO_OBJECTS, 1)) * frame[:, None]
    edges = np.tile(xyxy[usable][:VIDEO_OBJECTS], (len(frame) // VIDEO_OBJECTS, 1)) + walked
    edges = np.clip(np.rint(edges) if whole else np.round(edges, 2), 0, [*VIDEO_WH] * 2)
    seen = (edges[:, 2:] - edges[:, :2] >= MIN_SIDE_PX).all(axis=1)
    size_wh = np.tile(VIDEO_WH, (frame.max() + 1, 1))
    return Labels(edges[seen], frame[seen], size_wh, np.zeros(int(seen.sum()), int))


def standing_persons(n_boxes: int, seed: int, *, whole: bool) -> Labels:
    """Tall boxes that keep their full extent where the bottom border cuts them off."""
    labels = clean(n_boxes, seed, whole=whole, cut=False)
    x1, y1, _, y2 = labels.xyxy.T
    wide = (y2 - y1) * PERSON_ASPECT
    edges = np.stack([x1, y1, x1 + (np.rint(wide) if whole else wide), y2], axis=1)
    limits = labels.wh * [1.0, 2.0]
    inside = np.hstack([np.clip(edges[:, :2], 0, limits), np.clip(edges[:, 2:], 0, limits)])
    return replace(labels, xyxy=inside)


Maker = Callable[[int, int, bool], Labels]
CONTROLS: dict[str, Maker] = {
    "clean": lambda n, seed, whole: clean(n, seed, whole=whole),
    "1 % slips": lambda n, seed, whole: with_slips(clean(n, seed, whole=whole), seed),
    "full extents": lambda n, seed, whole: clean(n, seed, whole=whole, cut=False),
    "fixed camera": lambda n, seed, whole: fixed_camera(n, seed, whole=whole),
    "standing persons": lambda n, seed, whole: standing_persons(n, seed, whole=whole),
    "nothing cut off": lambda n, seed, whole: without_border(clean(n, seed, whole=whole)),
}


def dataset(labels: Labels) -> Dataset:
    """The labels as one file of a source without pictures."""
    names = [f"class{number}" for number in range(len(CLASS_SHARES))]
    listed = [names[n] if 0 <= n < len(names) else None for n in labels.number.tolist()]
    n_boxes = len(labels.xyxy)
    wide, high = labels.size_wh.T.tolist()
    gathered = Gathered(
        n_images=len(labels.size_wh),
        n_boxes=n_boxes,
        images={
            "image_name": [f"{row:05d}.jpg" for row in range(len(labels.size_wh))],
            "width": wide, "height": high, "declared_width": wide, "declared_height": high,
            "label_state": "present",
        },
        boxes={
            "image_row": labels.image,
            "source_id": np.arange(n_boxes),
            "label": listed,
            "source_label": [str(n) for n in labels.number.tolist()],
            "file": "labels.txt",
            **dict(zip(("x1", "y1", "x2", "y2"), labels.xyxy.T, strict=True)),
        },
        classes=[
            {"file": "classes.txt", "source_id": str(n), "label": name}
            for n, name in enumerate(names)
        ],
    )  # fmt: skip
    return assemble("planted", gathered)


def told(labels: Labels) -> list[str]:
    """The names of the whole-file checks that find something."""
    table = curate.audit(dataset(labels), select=["CONV"]).table
    return [str(name) for name in table["name"]]


def recall(kind: Kind, n_boxes: int, *, whole: bool, n_seeds: int = N_SEEDS) -> float:
    """Share of the seeds for which the mistake is told, once and by its right name."""
    found = 0
    for seed in range(n_seeds):
        names = told(kind.plant(clean(n_boxes, seed, whole=whole)))
        found += len(names) == 1 and names[0] in kind.checks
    return found / n_seeds


def false_alarms(maker: Maker, n_boxes: int, *, whole: bool, n_seeds: int = N_SEEDS) -> float:
    """Share of the seeds for which a set without any mistake is told to have one."""
    return sum(bool(told(maker(n_boxes, seed, whole))) for seed in range(n_seeds)) / n_seeds


def main() -> None:
    """Prints the table."""
    columns = [(n, whole) for whole in (True, False) for n in COUNTS]
    heads = [f"{n} {'whole' if whole else 'frac'}" for n, whole in columns]
    print(f"{'recall':24}" + "".join(f"{head:>12}" for head in heads))
    for kind in KINDS:
        shares = [recall(kind, n, whole=whole) for n, whole in columns]
        print(f"{kind.name:24}" + "".join(f"{share:12.3f}" for share in shares), flush=True)
    print(f"{'false alarms':24}")
    for name, maker in CONTROLS.items():
        shares = [false_alarms(maker, n, whole=whole) for n, whole in columns]
        print(f"{name:24}" + "".join(f"{share:12.3f}" for share in shares), flush=True)


if __name__ == "__main__":
    sys.exit(main())
