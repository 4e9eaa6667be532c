"""Crops by the loops that people write, by bare libjpeg-turbo, and by curate's own functions.

    python tests/benchmarks/crop_peers.py [--images 1000] [--rounds 5] [--json FILE]

Photographs of 640x480 px (quality 90), 7 boxes each, crops of 224 px at quality 95. They are made
of the real pictures of coco128 where CURATE_REAL_DATA says where they are, else of textures. All
loops get the same rectangles and write the same number of files. The loops by cv2 and Pillow run
in one thread, as they are written; the floor and curate in two. Rounds take turns; the last
column is the median of their ratios to curate.

The floor is what no tool can do without: it decodes, resizes the nearest whole pixels, encodes and
writes. curate cuts the exact rectangle, smooths where it shrinks, fills beyond the border, and
hashes the pixels besides.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from curate.cutting import CropGeometry, crop_rectangles, cut
from curate.decoding import decode, encode_jpeg, pixel_digest

WIDTH, HEIGHT = 640, 480
N_BOXES = 7
SIZE, QUALITY, THREADS = 224, 95, 2
GEOMETRY = CropGeometry(size_px=SIZE)
OURS = "curate's functions"
Loop = Callable[[Sequence["Photograph"], Path], None]


@dataclass(frozen=True)
class Photograph:
    """A picture file and what is cut from it: (7, 4) float64, px, partly beyond the border."""

    path: Path
    rectangles: np.ndarray


def make(folder: Path, n_images: int, real_data: Path | None) -> list[Photograph]:
    """The photographs, the same ones each time: parts of real pictures, half of them mirrored.

    Boxes have sides of 20 to 220 px, evenly spread by their logarithms, and lie in the picture:
    a fifth of the crops shrinks, as of the detections of coco128's YOLOv5s of score 0.05 and more.
    """
    originals = _originals(real_data)
    made = []
    for index in range(n_images):
        rng = np.random.default_rng(index)
        picture = _part(originals[index % len(originals)], rng)
        path = folder / f"{index:06}.jpg"
        path.write_bytes(simplejpeg.encode_jpeg(picture, 90, "RGB", "420"))
        wh = np.exp(rng.uniform(np.log(20), np.log(220), (N_BOXES, 2)))
        corner = rng.uniform(0, 1, (N_BOXES, 2)) * ([WIDTH, HEIGHT] - wh)
        boxes = np.hstack([corner, corner + wh])
        made.append(Photograph(path, crop_rectangles(boxes, GEOMETRY)))
    return made


def _originals(real_data: Path | None) -> list[np.ndarray]:
    files = sorted((real_data / "coco128" / "images").glob("*.jpg")) if real_data else []
    if files:
        return [decode(file.read_bytes()).pixels for file in files]
    return [_texture(seed) for seed in range(33)]


def _texture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(
            rng.normal(0, spread, (HEIGHT // scale, WIDTH // scale, 3)).astype(np.float32),
            (WIDTH, HEIGHT),
            interpolation=cv2.INTER_CUBIC,
        )
        for scale, spread in ((60, 45), (16, 20), (4, 8))
    ]
    return np.clip(sum(layers) + 120, 0, 255).astype(np.uint8)


def _part(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    side = min(width, height * 4 / 3) * rng.uniform(0.7, 1)
    x, y = rng.uniform(0, 1, 2) * (width - side, height - side * 3 / 4)
    part = picture[int(y) : int(y + side * 3 / 4), int(x) : int(x + side)]
    part = cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def _whole_px(rectangle: np.ndarray) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (round(edge) for edge in rectangle.tolist())
    return max(x1, 0), max(y1, 0), min(x2, WIDTH), min(y2, HEIGHT)


def cv2_loop(photographs: Sequence[Photograph], out: Path) -> None:
    """imread, slice, resize, imwrite."""
    for photograph in photographs:
        image = cv2.imread(str(photograph.path))
        for k, rectangle in enumerate(photograph.rectangles):
            x1, y1, x2, y2 = _whole_px(rectangle)
            crop = cv2.resize(image[y1:y2, x1:x2], (SIZE, SIZE))
            name = str(out / f"{photograph.path.stem}_{k}.jpg")
            cv2.imwrite(name, crop, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def pillow_loop(photographs: Sequence[Photograph], out: Path) -> None:
    """Open, crop, resize, save."""
    for photograph in photographs:
        image = Image.open(photograph.path).convert("RGB")
        for k, rectangle in enumerate(photograph.rectangles):
            crop = image.crop(_whole_px(rectangle)).resize((SIZE, SIZE))
            crop.save(out / f"{photograph.path.stem}_{k}.jpg", quality=QUALITY)


def _floor(photograph: Photograph, out: Path, subsampling: str = "420") -> None:
    image = simplejpeg.decode_jpeg(photograph.path.read_bytes(), "RGB")
    for k, rectangle in enumerate(photograph.rectangles):
        x1, y1, x2, y2 = _whole_px(rectangle)
        crop = cv2.resize(image[y1:y2, x1:x2], (SIZE, SIZE))
        body = simplejpeg.encode_jpeg(crop, QUALITY, "RGB", subsampling)
        _write(f"{out}/{photograph.path.stem}_{k}.jpg", body)


def floor(photographs: Sequence[Photograph], out: Path) -> None:
    """libjpeg-turbo, resize, libjpeg-turbo, write, in two threads.

    Colour is kept at half the size, as cv2.imwrite, Pillow and curate write it.
    """
    _in_threads(_floor, photographs, out)


def floor_of_defaults(photographs: Sequence[Photograph], out: Path) -> None:
    """The same with simplejpeg's own default: colour at full size."""
    _in_threads(partial(_floor, subsampling="444"), photographs, out)


def _curate(photograph: Photograph, out: Path) -> list[str]:
    pixels = decode(photograph.path.read_bytes()).pixels
    digests = []
    # One crop after the other: memory that was just given back is the quickest to get.
    for k, rectangle in enumerate(photograph.rectangles):
        crop = cut(pixels, rectangle, GEOMETRY)
        _write(f"{out}/{photograph.path.stem}_{k}.jpg", encode_jpeg(crop, QUALITY))
        digests.append(pixel_digest(crop))
    return digests


def _write(path: str, body: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        os.write(handle, body)
    finally:
        os.close(handle)


def curate_functions(photographs: Sequence[Photograph], out: Path) -> None:
    """decode, cut, encode_jpeg, pixel_digest, write, in two threads."""
    _in_threads(_curate, photographs, out)


def _in_threads(
    work: Callable[[Photograph, Path], object], photographs: Sequence[Photograph], out: Path
) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lambda photograph: work(photograph, out), photographs):
            pass


LOOPS: dict[str, Loop] = {
    "cv2 loop": cv2_loop,
    "Pillow loop": pillow_loop,
    "floor": floor,
    "floor, 4:4:4": floor_of_defaults,
    OURS: curate_functions,
}


def seconds(loop: Loop, photographs: Sequence[Photograph], folder: Path) -> float:
    """The wall time of one loop over all photographs, into a new folder that is removed again."""
    out = Path(tempfile.mkdtemp(dir=folder))
    start = time.perf_counter()
    loop(photographs, out)
    passed = time.perf_counter() - start
    n_files = sum(1 for _ in out.iterdir())
    assert n_files == len(photographs) * N_BOXES, f"{n_files} files"
    shutil.rmtree(out)
    return passed


def timings(
    photographs: Sequence[Photograph], folder: Path, n_rounds: int, loops: dict[str, Loop]
) -> dict[str, list[float]]:
    """Seconds of each loop in each round; the loops take turns, so that all meet the same load."""
    taken: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(n_rounds):
        for name, loop in loops.items():
            taken[name].append(seconds(loop, photographs, folder))
    return taken


def ratio(taken: dict[str, list[float]], name: str, ours: str = OURS) -> float:
    """How many times as long as ours a loop takes: the median of the rounds' ratios."""
    return statistics.median(
        theirs / own for theirs, own in zip(taken[name], taken[ours], strict=True)
    )


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    real = os.environ.get("CURATE_REAL_DATA")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "photographs")
        folder.mkdir()
        photographs = make(folder, options.images, Path(real) if real else None)
        taken = timings(photographs, Path(name), options.rounds, LOOPS)
    n_crops = options.images * N_BOXES
    for name, passed in taken.items():
        middle = statistics.median(passed)
        spread = f"{min(passed):.2f} to {max(passed):.2f} s"
        print(f"{name:20}{n_crops / middle:8.0f} crops/s  {ratio(taken, name):5.2f} x  ({spread})")
    if options.json:
        document = {"images": options.images, "crops": n_crops, "seconds": taken}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
