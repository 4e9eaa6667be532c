"""One piece of the work: the crops of some images, cut, stored and told; done by any worker.

A piece knows all it needs and writes only files of its own, its table of results last: a piece
without that table was not done, whatever else of it there is.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.boxes import Floats
from curate.crops.phash import perceptual_hash
from curate.crops.shards import write_shard
from curate.crops.spec import Encoding
from curate.cutting import CropGeometry, cut
from curate.decoding import Pixels, decode, encode_jpeg, encode_png, pixel_digest
from curate.errors import PictureError, Place, UnreachedError
from curate.images import SIDEWAYS
from curate.stores import Store
from curate.videos import read_frames

RESULTS = pa.schema(
    [
        ("image_id", pa.int64()),
        ("work", pa.binary()),  # what the crops of the image were made from and how; or UNREACHED
        ("crop_id", pa.string()),
        ("path", pa.string()),
        ("offset", pa.int64()),
        ("n_bytes", pa.int64()),
        ("sha256", pa.string()),
        ("phash", pa.uint64()),
        ("reason", pa.string()),
    ]
)

# In place of what an image's crops were made from: its bytes could not be had, so that the next run
# asks for them again.
UNREACHED = b""

# Id, ending, label and encoded picture of a crop in a shard.
Member = tuple[str, str, str, bytes]


@dataclass(frozen=True)
class ImageWork:
    """The crops of one image.

    Parameters
    ----------
    name
        Of the picture in the store, or of the video if `frame` is given; None: there is none,
        and `why` says it.
    frame
        Number of the video's frame, as the labels count.
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
    why: str | None
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
    first_frame: int
    shard: tuple[str, str] | None = None
    is_kept: bool = True
    with_phash: bool = False

    def for_hashes(self, results: str) -> Piece:
        """The same piece, of which only perceptual hashes are made."""
        return replace(self, results=results, is_kept=False, with_phash=True)


@dataclass(frozen=True)
class Done:
    """What came of a piece: the number of crops that it made, and the process that did."""

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
    members: dict[bool, list[Member]] = {False: [], True: []}
    for image, pixels in _opened(piece):
        if isinstance(pixels, PictureError):
            rows += [_lost(image, number, pixels) for number in range(len(image.crops))]
        else:
            rows += [_made(piece, image, n, pixels, members) for n in range(len(image.crops))]
    if piece.shard is not None and piece.is_kept:
        _place_in_shards(piece, rows, members)
    table = pa.Table.from_pylist(rows, RESULTS)
    part = Path(f"{piece.results}.{os.getpid()}.part")
    pq.write_table(table, part, compression="zstd")
    part.replace(piece.results)
    n_made = sum(row["reason"] is None for row in rows)
    return Done(n_made, f"{socket.gethostname()}:{os.getpid()}")


def _opened(piece: Piece) -> Iterator[tuple[ImageWork, Pixels | PictureError]]:
    """Each image with its picture in the frame that its boxes lie in, or why there is none."""
    by_video = groupby(piece.images, key=lambda image: image.frame is not None and image.name)
    for video, group in by_video:
        if video:
            yield from _frames(piece, video, list(group))
            continue
        for image in group:
            yield image, _picture(piece, image)


def _frames(
    piece: Piece, video: str, images: Sequence[ImageWork]
) -> Iterator[tuple[ImageWork, Pixels | PictureError]]:
    """The images that are frames of one video, which is decoded once."""
    of_frame: dict[int, list[ImageWork]] = {}
    for image in images:
        if image.frame is not None:
            of_frame.setdefault(image.frame, []).append(image)
    try:
        with piece.store.fetched(video) as path:
            found = read_frames(
                path,
                of_frame,
                first=piece.first_frame,
                max_pixels=piece.max_pixels,
                place=Place(video),
            )
            for number, pixels in found:
                for image in of_frame.pop(number):
                    yield image, _sized(pixels, image)
    except PictureError as error:
        yield from ((image, error) for own in of_frame.values() for image in own)


def _made(
    piece: Piece,
    image: ImageWork,
    number: int,
    pixels: Pixels,
    members: dict[bool, list[Member]],
) -> dict[str, Any]:
    """The row of one crop, whose picture is written, or among the members of a shard.

    One crop after the other: memory that was just given back is the quickest to get.
    """
    row = _row(image, number)
    crop = cut(pixels, image.rectangles[number], piece.geometry)
    if piece.with_phash:
        row["phash"] = perceptual_hash(crop)
    if not piece.is_kept:
        return row
    body = _encoded(crop, piece.encoding)
    row |= {"sha256": pixel_digest(crop), "n_bytes": len(body), "path": image.paths[number]}
    if piece.shard is None:
        _write(f"{piece.folder}/{image.paths[number]}", body)
    else:
        ending, label = piece.encoding.ending, image.labels[number]
        members[image.aside[number]].append((image.crops[number], ending, label, body))
    return row


def _row(image: ImageWork, number: int) -> dict[str, Any]:
    own = {"image_id": image.image_id, "work": image.work, "crop_id": image.crops[number]}
    return {**own, "reason": None}


def _lost(image: ImageWork, number: int, error: PictureError) -> dict[str, Any]:
    """The row of a crop that there is no picture for."""
    is_unreached = isinstance(error, UnreachedError)
    work = UNREACHED if is_unreached else image.work
    return {**_row(image, number), "work": work, "reason": str(error)}


def _picture(piece: Piece, image: ImageWork) -> Pixels | PictureError:
    """The pixels of an image in the frame that its boxes lie in, or why there are none."""
    try:
        return _sized(_decoded(piece, image), image)
    except PictureError as error:
        return error


def _decoded(piece: Piece, image: ImageWork) -> Pixels:
    if image.name is None:
        raise PictureError(image.why or "no picture", mend="check --images")
    place = Place(image.name)
    body = piece.store.read(image.name)
    decoded = decode(body, max_pixels=piece.max_pixels, upright=not image.is_stored, place=place)
    wanted = image.size_wh
    is_turned = wanted == (decoded.height, decoded.width) != (decoded.width, decoded.height)
    if is_turned and decoded.orientation in SIDEWAYS and not image.is_stored:
        # The labels were made on the picture as it is stored: that is the frame of their boxes.
        decoded = decode(body, max_pixels=piece.max_pixels, upright=False, place=place)
    return decoded.pixels


def _sized(pixels: Pixels | PictureError, image: ImageWork) -> Pixels | PictureError:
    """The pixels, or why they are none of this image."""
    if isinstance(pixels, PictureError):
        return pixels
    height, width = pixels.shape[:2]
    if image.size_wh is not None and image.size_wh != (width, height):
        stated = "{} x {}".format(*image.size_wh)
        return PictureError(
            f"is {width} x {height} px, the labels say {stated}",
            place=Place(image.name),
            mend="give the pictures that were labelled",
        )
    return pixels


def _encoded(crop: Pixels, encoding: Encoding) -> bytes:
    if encoding.format == "png":
        return encode_png(crop)
    return encode_jpeg(crop, encoding.quality)


def _write(path: str, body: bytes) -> None:
    """Writes a picture; one of an earlier run is replaced, not written over.

    It may be the very file of the set that is in use, under a second name.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags, 0o666)
    except FileExistsError:
        os.unlink(path)  # noqa: PTH108  # a Path for each crop costs as much as writing it
        handle = os.open(path, flags, 0o666)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
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
    members: dict[bool, list[Member]],
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
