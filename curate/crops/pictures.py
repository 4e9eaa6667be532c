"""Which picture, or frame of a video, each image of a set is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from curate.formats.image_names import names_below_source
from curate.stores import Store
from curate.tables import with_none
from curate.videos import frame_of


@dataclass(frozen=True)
class Found:
    """Where the pixels of an image are, and what is known of them without opening them.

    `name` is that of a picture or video in the store (None: there is none), `frame` the frame of
    the video from 0 (None: a picture), `size_wh` the size in px that the labels give (None: they
    do not), `is_stored` whether the boxes lie in the picture before EXIF orientation, `stamp`
    what changes when the file does.
    """

    image_id: int
    name: str | None
    frame: int | None
    size_wh: tuple[int, int] | None
    is_stored: bool
    stamp: str


class PictureNames:
    """Finds the pictures of images in a store.

    Parameters
    ----------
    store
        Where they are.
    first_frame
        Number that the labels give the first frame of a video.
    has_paths
        Whether `images.path` names them below the store's root.
    """

    def __init__(self, store: Store, first_frame: int, *, has_paths: bool) -> None:
        self._store = store
        self._first_frame = first_frame
        self._has_paths = has_paths

    def of(self, images: pd.DataFrame) -> Iterator[Found]:
        """The picture of each row of an images table."""
        sizes = [_declared(images, side) for side in ("width", "height")]
        stored = (images["box_frame"] == "stored").to_numpy(bool)
        columns = (
            images["image_id"].tolist(),
            names_below_source(images),
            with_none(images["path"]),
            with_none(images["group"]),
            with_none(images["frame"]),
            *sizes,
            stored.tolist(),
        )
        for image_id, name, path, group, number, width, height, is_stored in zip(
            *columns, strict=True
        ):
            picture, frame = self._place(name, path, group, number)
            size = None if width is None or height is None else (int(width), int(height))
            stamp = "" if picture is None else self._store.stamp(picture) or "unknown"
            yield Found(image_id, picture, frame, size, is_stored, stamp)

    def _place(
        self, name: str, path: str | None, group: str | None, number: int | None
    ) -> tuple[str | None, int | None]:
        if self._has_paths and path is not None:
            return path, None
        found = self._store.find(name)
        if len(found) == 1:
            return found[0], None
        video = frame_of(self._store, name, group, number, first=self._first_frame)
        return (None, None) if video is None else video


def _declared(images: pd.DataFrame, side: str) -> list[int | None]:
    """The size that the labels state, else the one that was measured; None unknown."""
    stated = images[f"declared_{side}"].fillna(images[side])
    return [int(v) if v is not None and v > 0 else None for v in with_none(stated)]
