"""What the names in the header of a table of boxes say.

Names are compared without case, white space, `_`, `-` and `.`: `X_Min`, `xmin` and `x-min` are one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from curate.errors import FormatError, Place

Kind = Literal["xyxy", "xywh", "cxcywh"]
KINDS: tuple[Kind, ...] = ("xyxy", "xywh", "cxcywh")

IMAGE_NAMES = (
    "image", "filename", "imagename", "imgname", "file", "img", "imagefile", "imagepath",
    "imgpath", "filepath", "path", "imageid", "imgid",
)  # fmt: skip
# Column of the tables (or `class_id`, a number): the names that say it, the first found wins.
_NAMES = {
    "label": ("label", "class", "classname", "category", "categoryname", "labelname", "cls"),
    "class_id": ("classid", "categoryid", "labelid", "clsid", "classindex"),
    "score": ("score", "confidence", "conf", "probability", "prob"),
    "track_id": ("trackid",),
    "image_id": ("imageid",),
    **{
        name: (name.replace("_", ""),)
        for name in (
            "source_label", "shape", "role", "split", "label_state", "is_group", "occluded",
            "truncated", "difficult", "annotator", "attributes", "source_id",
        )
    },
}  # fmt: skip
_CORNERS = (("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"), ("x0", "y0", "x1", "y1"),
            ("left", "top", "right", "bottom"))  # fmt: skip
_FIRST = (("x", "y"), ("left", "top"), ("xmin", "ymin"), ("x1", "y1"), ("bboxx", "bboxy"),
          ("bboxleft", "bboxtop"))  # fmt: skip
_CENTRES = (("cx", "cy"), ("xcenter", "ycenter"), ("xcentre", "ycentre"), ("centerx", "centery"),
            ("xc", "yc"))  # fmt: skip
_SIDES = (("w", "h"), ("width", "height"), ("boxwidth", "boxheight"), ("bboxw", "bboxh"),
          ("bboxwidth", "bboxheight"))  # fmt: skip
_IMAGE_SIDES = (("imagewidth", "imageheight"), ("imgwidth", "imgheight"), ("imgw", "imgh"),
                ("imagew", "imageh"))  # fmt: skip
_OPEN_IMAGES = {"imageid", "labelname", "xmin", "xmax", "ymin", "ymax"}
_MAKE_SENSE = ("labelname", "bboxx", "bboxy", "bboxwidth", "bboxheight", "imagename",
               "imagewidth", "imageheight")  # fmt: skip
_APART = re.compile(r"[\s_.\-]+")


@dataclass(frozen=True)
class Layout:
    """Where the columns stand, from 0.

    `edges` are the four columns of the box and `kind` what they are; `size` those of the image's
    width and height, None for none. `columns` maps a column of the tables, or `class_id`, to its
    place. `unknown` are the columns that nothing is known of.
    """

    n_columns: int
    image: int
    kind: Kind
    edges: tuple[int, int, int, int]
    size: tuple[int, int] | None
    columns: dict[str, int] = field(default_factory=dict)
    unknown: tuple[int, ...] = ()


def plain(name: str) -> str:
    """A name as it is compared."""
    return _APART.sub("", name).lower()


def is_open_images(header: Sequence[str]) -> bool:
    """Whether a header is that of Open Images' tables of boxes."""
    return set(map(plain, header)) >= _OPEN_IMAGES


def is_box_header(header: Sequence[str]) -> bool:
    """Whether a header names an image, a box, and a class or score; those of other readers not."""
    names = [plain(name) for name in header]
    if tuple(names) == _MAKE_SENSE or is_open_images(header):
        return False
    has_what = any(
        _place(names, _NAMES[what]) is not None for what in ("label", "class_id", "score")
    )
    has_image = _place(names, IMAGE_NAMES) is not None
    return has_what and has_image and bool(_geometries(names))


def layout_of(header: Sequence[str], file: str, kind: str | None) -> Layout:
    """What a header's columns are.

    `kind` is what `--from csv-KIND` says of the box, None when nothing was said.

    Raises
    ------
    FormatError
        When it names no image or no box, or may be read in two ways.
    """
    names = [plain(name) for name in header]
    image = _place(names, IMAGE_NAMES)
    found = [box for box in _geometries(names) if kind in (None, box[0])]
    if image is None or not found:
        what = "an image" if image is None else "a box" if kind is None else f"a box as {kind}"
        raise FormatError(
            f"its header has no columns for {what}: {', '.join(header)[:200]}",
            place=Place(file, 1),
            mend="name the columns, such as image,label,x1,y1,x2,y2",
        )
    if len(found) > 1:
        raise _ambiguous(header, file, found)
    own_kind, own_names = found[0]
    edges = _places(names, own_names)
    columns = {what: _place(names, own) for what, own in _NAMES.items()}
    known = {what: place for what, place in columns.items() if place is not None}
    size = _size(names, own_names)
    used = {image, *edges, *(size or ()), *known.values()}
    unknown = tuple(place for place in range(len(names)) if place not in used)
    return Layout(len(names), image, own_kind, edges, size, known, unknown)


def _ambiguous(
    header: Sequence[str], file: str, found: list[tuple[Kind, tuple[str, ...]]]
) -> FormatError:
    kinds = list(dict.fromkeys(kind for kind, _ in found))
    ways = "; ".join(",".join(names) for _, names in found)
    mend = "say which with --from " + " or --from ".join(f"csv-{kind}" for kind in kinds)
    if len(kinds) == 1:
        mend = "call the image's own columns image_width and image_height"
    what = f"its header names the box in {len(found)} ways ({ways})"
    return FormatError(what, place=Place(file, 1), mend=mend)


def _size(names: list[str], box: tuple[str, ...]) -> tuple[int, int] | None:
    """The columns of the image's sides: so called, or the plain ones when the box has its own."""
    for sides in (*_IMAGE_SIDES, ("width", "height")):
        if set(sides) <= set(names) and not set(sides) & set(box):
            return names.index(sides[0]), names.index(sides[1])
    return None


def _geometries(names: list[str]) -> list[tuple[Kind, tuple[str, ...]]]:
    """The sets of columns that may be the box; corners go before sides from the same corner."""
    have = set(names)
    found: list[tuple[Kind, tuple[str, ...]]] = [
        ("xyxy", corners) for corners in _CORNERS if have >= set(corners)
    ]
    corners_named = {name for _, corners in found for name in corners}
    ways: tuple[tuple[Kind, tuple[tuple[str, str], ...]], ...] = (
        ("xywh", _FIRST), ("cxcywh", _CENTRES),
    )  # fmt: skip
    has_image_sides = any(have >= set(sides) for sides in _IMAGE_SIDES)
    for kind, starts in ways:
        for start in starts:
            if not have >= set(start) or set(start) & corners_named:
                continue
            sides = [pair for pair in _SIDES if have >= set(pair)]
            if found and not has_image_sides:
                # Beside whole corners a plain width and height are the image's.
                sides = [pair for pair in sides if pair != ("width", "height")]
            found += [(kind, (*start, *pair)) for pair in sides]
    return found


def _place(names: list[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _places(names: list[str], wanted: tuple[str, ...]) -> tuple[int, int, int, int]:
    a, b, c, d = (names.index(name) for name in wanted)
    return a, b, c, d
