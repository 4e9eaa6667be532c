"""What each format declares of itself beside its docstring: the columns it fills, what it holds."""

from __future__ import annotations

from dataclasses import dataclass

# What labels may say, in the order of the table of formats.
HELD = (
    "boxes", "class", "score", "polygons", "masks", "keypoints", "rotation", "tracks",
    "ignore regions", "attributes", "image size",
)  # fmt: skip
# What a column, or a shape in the table, says of a format that fills it.
_BY_COLUMN = {"score": "score", "track_id": "tracks", "attributes": "attributes"}
_BY_SHAPE = {"box": "boxes", "polygon": "polygons", "mask": "masks", "rotated": "rotation"}
SIZES = ("width", "height", "declared_width", "declared_height")


@dataclass(frozen=True)
class Format:
    """What a format's reader fills and its writer makes; its docstring says the rest.

    Parameters
    ----------
    images, boxes
        The columns that its files can fill, beside those that every reader fills.
    shapes, roles
        The values of those columns that its whole records can have (a broken one may be a tag).
    bare
        Of the shapes, those that are a word and bounds only: their outline is nowhere.
    kept
        Of `HELD`, what stays in the kept bytes without a column.
    written
        Of `HELD`, what a file made from columns gives back when it is read; none: no writer.
    is_relative
        Whether coordinates are fractions of a size that the files do not state.
    """

    boxes: tuple[str, ...]
    images: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ("box",)
    roles: tuple[str, ...] = ("include",)
    bare: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    is_relative: bool = False

    @property
    def read(self) -> tuple[str, ...]:
        """Of `HELD`, what has columns."""
        found = {"class"}
        found |= {_BY_COLUMN[name] for name in self.boxes if name in _BY_COLUMN}
        found |= {_BY_SHAPE[s] for s in {*self.shapes} & {*_BY_SHAPE} - {*self.bare}}
        if "ignore" in self.roles:
            found.add("ignore regions")
        if "width" in self.images:
            found.add("image size")
        return tuple(name for name in HELD if name in found)
