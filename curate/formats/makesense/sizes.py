"""The pictures that a label's image name or stem fits, and their upright sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from curate.formats.reading import Options


@dataclass(frozen=True)
class ImageSize:
    """Upright size in px (None: unknown), and how many pictures fit the name."""

    wh: tuple[int, int] | None
    n_pictures: int


def pictures_of(options: Options, name: str) -> list[str]:
    """The pictures of one name or stem, sorted; none when no pictures were given."""
    return [] if options.pictures is None else sorted(options.pictures.find(name))


def image_size(options: Options, stem: str) -> ImageSize:
    """The size of the one picture of that stem, else the size given for all."""
    found = pictures_of(options, stem)
    wh = None
    if len(found) == 1 and options.pictures is not None:
        wh = options.pictures.size(found[0])
    return ImageSize(wh or options.size_wh, len(found))


def is_named(options: Options) -> Callable[[str], bool] | None:
    """A test whether a picture of some name was given; None when no pictures were."""
    if options.pictures is None:
        return None
    return lambda name: bool(pictures_of(options, name))
