"""Which picture, or frame of a video, each image of a set is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from curate.errors import PictureError, Place
from curate.formats.image_names import names_below_source
from curate.stores import Store
from curate.tables import with_none
from curate.videos import find_frame, stated_frame


@dataclass(frozen=True)
class Found:
    """Where the pixels of an image are, and what is known of them without opening them.

    `name` is that of a picture or video in the store (None: there is none, and `why` says it),
    `frame` the number of the video's frame as the labels count (None: a picture), `size_wh` the
    size in px that the labels give (None: they do not), `is_stored` whether the boxes lie in the
    picture before EXIF orientation, `stamp` what changes when the file does.
    """

    image_id: int
    name: str | None
    why: str | None
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
    has_paths
        Whether `images.path` names them below the store's root.
    """

    def __init__(self, store: Store, *, has_paths: bool) -> None:
        self._store = store
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
            why: str | None = None
            try:
                picture, frame = self._place(name, path, group, number)
            except PictureError as error:
                picture, frame, why = None, None, str(error)
            size = None if width is None or height is None else (int(width), int(height))
            stamp = "" if picture is None else self._store.stamp(picture) or "unknown"
            yield Found(image_id, picture, why, frame, size, is_stored, stamp)

    def _place(
        self, name: str, path: str | None, group: str | None, number: int | None
    ) -> tuple[str, int | None]:
        if self._has_paths and path is not None:
            return path, None
        found = [] if stated_frame(name) else self._store.find(name)
        if len(found) == 1:
            return found[0], None
        if found:
            raise PictureError(
                f"{len(found)} pictures fit ({found[0]}, {found[1]}), should be one",
                place=Place(name),
            )
        frame = find_frame(self._store, name, group=group, number=number)
        if frame is None:
            raise PictureError("no picture or video of this name", place=Place(name))
        return frame.video, frame.number


def _declared(images: pd.DataFrame, side: str) -> list[int | None]:
    """The size that the labels state, else the one that was measured; None unknown."""
    stated = images[f"declared_{side}"].fillna(images[side])
    return [int(v) if v is not None and v > 0 else None for v in with_none(stated)]
