"""The plan of a set as the pieces of work that make it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from curate.crops.pictures import Found, PictureNames
from curate.crops.pieces import ImageWork
from curate.crops.planning import RECTANGLE, is_aside, words
from curate.crops.spec import CropSpec

WORK_BYTES = 16
# Images of a piece whose crops are files of their own: a few seconds of work.
PIECE_IMAGES = 64


@dataclass(frozen=True)
class Preparing:
    """What turns rows of a plan into works.

    `max_pixels` is the most pixels of a picture, `is_sharded` says that crops go into shards,
    `with_phash` that their perceptual hashes are wanted.
    """

    names: PictureNames
    spec: CropSpec
    max_pixels: int
    is_sharded: bool
    with_phash: bool

    def works(self, rows: pd.DataFrame, images: pd.DataFrame) -> Iterator[tuple[int, ImageWork]]:
        """Number in the table and work of each image that has crops to make, in their order.

        Parameters
        ----------
        rows
            Rows of a plan with rectangles and `path`; those of status `made` count.
        images
            The images table of the block.
        """
        made = rows[(rows["status"] == "made").to_numpy(bool)]
        ids = pd.Index([f"{image_id:016x}" for image_id in images["image_id"]])
        at = ids.get_indexer(pd.Index(made["image_id"]))
        order = np.argsort(at, kind="stable")
        made, at = made.iloc[order], at[order]
        starts = np.flatnonzero(np.diff(at, prepend=-1))
        stops = np.append(starts, len(at))[1:]
        crops, paths = made["crop_id"].tolist(), made["path"].tolist()
        labels, aside = words(made).tolist(), is_aside(made).tolist()
        rectangles = made[RECTANGLE].to_numpy(np.float64)
        base = self._base()
        # A step per image: each is one value that goes to a worker.
        for found, start, stop in zip(
            self.names.of(images.iloc[at[starts]]), starts.tolist(), stops.tolist(), strict=True
        ):
            own = slice(start, stop)
            told = [*crops[own], *labels[own], *aside[own]] if self.is_sharded else crops[own]
            yield (
                int(at[start]),
                ImageWork(
                    image_id=found.image_id,
                    name=found.name,
                    why=found.why,
                    frame=found.frame,
                    size_wh=found.size_wh,
                    is_stored=found.is_stored,
                    rectangles=rectangles[own],
                    crops=crops[own],
                    paths=paths[own],
                    labels=labels[own],
                    aside=aside[own],
                    work=_work(base, found, rectangles[own], told),
                ),
            )

    def _base(self) -> bytes:
        """What all crops depend on beside their picture and rectangle."""
        geometry = asdict(self.spec.geometry)
        encoding = {"format": self.spec.encoding.format, "quality": self.spec.encoding.quality}
        own = {"geometry": geometry, "encoding": encoding, "phash": self.with_phash}
        own |= {"max_pixels": self.max_pixels}
        return json.dumps(own, sort_keys=True).encode()


def _work(
    base: bytes, found: Found, rectangles: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    told: Sequence[str | bool],
) -> bytes:  # fmt: skip
    """The hash of what the crops of an image depend on; where they go is not part of it.

    `told` are their ids, and in a shard their labels too, which stand beside them there.
    """
    said = [found.name, found.frame, found.size_wh, found.is_stored, found.stamp, list(told)]
    text = base + json.dumps(said).encode() + np.ascontiguousarray(rectangles).tobytes()
    return hashlib.blake2b(text, digest_size=WORK_BYTES).digest()


def key_of(works: Sequence[ImageWork], shard: tuple[str, str] | None) -> str:
    """What tells the results of a piece from those of another, in 16 hex digits."""
    digest = hashlib.blake2b(repr(shard).encode(), digest_size=8)
    for work in works:
        said = [work.image_id, list(work.paths), list(work.labels)]
        digest.update(work.work + json.dumps(said).encode())
    return digest.hexdigest()
