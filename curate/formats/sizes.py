"""The pictures that a label's image name or stem fits, and their upright sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from curate.formats.reading import Options
from curate.tables import normal_key


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
    if options.known_sizes is not None:
        return _known_size(options, stem)
    found = pictures_of(options, stem)
    wh = None
    if len(found) == 1 and options.pictures is not None:
        wh = options.pictures.size(found[0])
    return ImageSize(wh or options.size_wh, len(found))


def image_sizes(options: Options, names: Sequence[str]) -> list[ImageSize]:
    """As `image_size`, of many names or stems: the pictures are opened side by side."""
    if options.known_sizes is not None:
        return [_known_size(options, name) for name in names]
    if options.pictures is None:
        return [ImageSize(options.size_wh, 0)] * len(names)
    found = [sorted(options.pictures.find(name)) for name in names]
    only = [files[0] for files in found if len(files) == 1]
    measured = {file: (p.width, p.height) for file, p in options.pictures.measure(only).items()}
    sizes = []
    for files in found:
        width, height = measured[files[0]] if len(files) == 1 else (None, None)
        wh = None if width is None or height is None else (width, height)
        sizes.append(ImageSize(wh or options.size_wh, len(files)))
    return sizes


def _known_size(options: Options, name: str) -> ImageSize:
    wh = (options.known_sizes or {}).get(normal_key(name))
    return ImageSize(wh or options.size_wh, 1)


def is_named(options: Options) -> Callable[[str], bool] | None:
    """A test whether a picture of some name was given; None when no pictures were."""
    if options.pictures is None:
        return None
    return lambda name: bool(pictures_of(options, name))
