"""One piece of the work: the crops of some images, cut, stored and told; done by any worker.

A piece knows all it needs and writes only files of its own, its table of results last: a piece
without that table was not done, whatever else of it there is.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.boxes import Floats
from curate.crops.phash import perceptual_hash
from curate.crops.shards import write_shard
from curate.crops.spec import Encoding
from curate.cutting import CropGeometry, cut_all
from curate.decoding import Pixels, decode, encode_jpeg, encode_png, pixel_digest
from curate.errors import PictureError, Place
from curate.images import SIDEWAYS
from curate.stores import Store
from curate.videos import Videos

RESULTS = pa.schema(
    [
        ("image_id", pa.int64()),
        ("work", pa.binary()),  # what the crops of the image were made from and how
        ("crop_id", pa.string()),
        ("path", pa.string()),
        ("offset", pa.int64()),
        ("n_bytes", pa.int64()),
        ("sha256", pa.string()),
        ("phash", pa.uint64()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class ImageWork:
    """The crops of one image.

    Parameters
    ----------
    name
        Of the picture in the store, or of the video if `frame` is given; None: there is none.
    frame
        Frame of the video, from 0.
    size_wh
        Size that the labels give, px; None: they do not.
    is_stored
        Whether the boxes lie in the stored frame of the picture (before EXIF orientation).
    rectangles
        (N, 4) float64, px: what each crop shows.
    crops, paths, labels
        Id, path and label of each crop.
    aside
        Whether each crop is for evaluation alone.
    work
        Hash of what the crops depend on.
    """

    image_id: int
    name: str | None
    frame: int | None
    size_wh: tuple[int, int] | None
    is_stored: bool
    rectangles: Floats
    crops: Sequence[str]
    paths: Sequence[str]
    labels: Sequence[str]
    aside: Sequence[bool]
    work: bytes


@dataclass(frozen=True)
class Piece:
    """Some images, and where their crops and the table of results go.

    `shard` names the shards of the piece, one for crops to train and one for those aside; None
    makes a file of each crop. Without `is_kept` nothing but perceptual hashes is made.
    """

    images: Sequence[ImageWork]
    folder: str
    results: str
    store: Store
    geometry: CropGeometry
    encoding: Encoding
    max_pixels: int
    shard: tuple[str, str] | None = None
    is_kept: bool = True
    with_phash: bool = False

    def for_hashes(self, results: str) -> Piece:
        """The same piece, of which only perceptual hashes are made."""
        return replace(self, results=results, is_kept=False, with_phash=True)


@dataclass(frozen=True)
class Done:
    """What came of a piece: the number of its crops, and the process that made them."""

    crops: int
    worker: str


def work_off(piece: Piece) -> Done:
    """Makes the crops of a piece, then its table of results.

    Raises
    ------
    OSError
        When they cannot be written. A picture that cannot be read is a reason in the table.
    """
    rows: list[dict[str, Any]] = []
    members: dict[bool, list[tuple[str, str, str, bytes]]] = {False: [], True: []}
    with Videos(piece.store) as videos:
        for image in piece.images:
            try:
                own, bodies = _crops(piece, image, videos)
            except PictureError as error:
                own = [_row(image, number, reason=str(error)) for number in range(len(image.crops))]
                bodies = []
            rows += own
            for number, body in enumerate(bodies):
                if piece.shard is None:
                    _write(Path(piece.folder) / image.paths[number], body)
                else:
                    member = image.crops[number], piece.encoding.ending, image.labels[number], body
                    members[image.aside[number]].append(member)
    if piece.shard is not None and piece.is_kept:
        _place_in_shards(piece, rows, members)
    table = pa.Table.from_pylist(rows, RESULTS)
    part = Path(f"{piece.results}.{os.getpid()}.part")
    pq.write_table(table, part, compression="zstd")
    part.replace(piece.results)
    return Done(len(rows), f"{socket.gethostname()}:{os.getpid()}")


def _crops(
    piece: Piece, image: ImageWork, videos: Videos
) -> tuple[list[dict[str, Any]], list[bytes]]:
    """A row for each crop of an image, and their encoded pictures."""
    pixels = _pixels(piece, image, videos)
    rows, bodies = [], []
    for number, crop in enumerate(cut_all(pixels, image.rectangles, piece.geometry)):
        row = _row(image, number)
        if piece.with_phash:
            row["phash"] = perceptual_hash(crop)
        if piece.is_kept:
            body = _encoded(crop, piece.encoding)
            row |= {"sha256": pixel_digest(crop), "n_bytes": len(body)}
            row["path"] = image.paths[number]
            bodies.append(body)
        rows.append(row)
    return rows, bodies


def _row(image: ImageWork, number: int, *, reason: str | None = None) -> dict[str, Any]:
    return {
        "image_id": image.image_id,
        "work": image.work,
        "crop_id": image.crops[number],
        "reason": reason,
    }


def _pixels(piece: Piece, image: ImageWork, videos: Videos) -> Pixels:
    """The picture of an image in the frame that its boxes lie in.

    Raises
    ------
    PictureError
        When there is none, it cannot be read, or it has another size than the labels say.
    """
    if image.name is None:
        raise PictureError("no picture or video of this name", mend="check --images")
    if image.frame is not None:
        return _of_size(videos.frame(image.name, image.frame), image)
    place = Place(image.name)
    body = piece.store.read(image.name)
    decoded = decode(
        body, max_pixels=piece.max_pixels, upright=not image.is_stored, place=place
    )
    wanted = image.size_wh
    is_turned = wanted == (decoded.height, decoded.width) != (decoded.width, decoded.height)
    if is_turned and decoded.orientation in SIDEWAYS and not image.is_stored:
        # The labels were made on the picture as it is stored: that is the frame of their boxes.
        decoded = decode(body, max_pixels=piece.max_pixels, upright=False, place=place)
    return _of_size(decoded.pixels, image)


def _of_size(pixels: Pixels, image: ImageWork) -> Pixels:
    height, width = pixels.shape[:2]
    if image.size_wh is not None and image.size_wh != (width, height):
        stated = "{} x {}".format(*image.size_wh)
        raise PictureError(
            f"is {width} x {height} px, the labels say {stated}",
            place=Place(image.name),
            mend="give the pictures that were labelled",
        )
    return pixels


def _encoded(crop: Pixels, encoding: Encoding) -> bytes:
    if encoding.format == "png":
        return encode_png(crop)
    return encode_jpeg(crop, encoding.quality)


def _write(path: Path, body: bytes) -> None:
    """Writes a picture; one of an earlier run is replaced, not written over.

    It may be the very file of the set that is in use, under a second name.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags, 0o666)
    except FileExistsError:
        path.unlink()
        handle = os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, flags, 0o666)
    try:
        view = memoryview(body)
        while view:
            view = view[os.write(handle, view) :]
    finally:
        os.close(handle)


def _place_in_shards(
    piece: Piece,
    rows: Sequence[dict[str, Any]],
    members: dict[bool, list[tuple[str, str, str, bytes]]],
) -> None:
    """Writes the shards of a piece, and says in the rows where each picture is."""
    assert piece.shard is not None
    places: dict[str, tuple[str, int]] = {}
    for is_aside, crops in members.items():
        name = piece.shard[is_aside]
        path = Path(piece.folder) / name
        if crops:
            path.parent.mkdir(parents=True, exist_ok=True)
            offsets = write_shard(path, crops)
            places |= {c[0]: (name, at) for c, at in zip(crops, offsets, strict=True)}
    for row in rows:
        row["path"], row["offset"] = places.get(row["crop_id"], (None, None))
