"""Pictures of findings: cut out with some of what is around, small, the boxes drawn in.

Pictures are opened by `curate.images` alone, and shown in the frame that their boxes lie in.
"""

from __future__ import annotations

import io
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageDraw

from curate.dataset import Dataset, Findings
from curate.errors import SourceError
from curate.images import WORKERS, Pictures, decoded, open_pictures
from curate.painting import upright
from curate.progress import track
from curate.report.html.subjects import Rows, Subjects

# Longer side of a crop, px.
SIDE = 224
QUALITY = 75
# Share of a box's longer side that is shown around it, at least so many px.
MARGIN_FRAC = 0.6
MIN_MARGIN = 12
# A small box is not enlarged beyond this: more shows nothing more.
MAX_ENLARGED = 4.0
# Boxes of one finding that are drawn into one picture.
DRAWN_BOXES = 20
_EDGES = ["x1", "y1", "x2", "y2"]
_BEYOND = (114, 114, 114)
_LINES = {"error": (255, 59, 48), "warning": (255, 176, 0), "info": (64, 156, 255)}
_HALO = (0, 0, 0)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Crop:
    """The picture of one finding.

    Parameters
    ----------
    row
        Row of the findings table.
    image_row
        Row of the image.
    jpeg
        The picture; None where there is none.
    size_wh
        Its width and height, px.
    fault
        Why there is none.
    """

    row: int
    image_row: int
    jpeg: bytes | None = None
    size_wh: tuple[int, int] = (0, 0)
    fault: str | None = None


@dataclass(frozen=True)
class _Wanted:
    """One crop to be made: which picture, its boxes in px, and the colour of their lines."""

    row: int
    image_row: int
    boxes: Floats
    level: str


def crops_of(
    findings: Findings, about: Subjects, rows: Rows, *, per_check: int, max_bytes: int
) -> list[Crop]:
    """Pictures of the worst findings of each check, by row.

    Parameters
    ----------
    rows
        Rows of the findings table that may have one, in its order.
    per_check
        At most so many of each check.
    max_bytes
        Of all JPEG files together: where they are more, those of the worst of each check stay.

    Raises
    ------
    SourceError
        When the folder of the pictures cannot be listed.
    """
    dataset = findings.dataset
    if dataset.images_root is None:
        return []
    has_picture = dataset.images["path"].notna().to_numpy(bool)
    rows = rows[(about.image[rows] >= 0) & has_picture[about.image[rows]]]
    checks = findings.table["check"].iloc[rows]
    place = checks.groupby(checks).cumcount().to_numpy(np.int64)
    rows, place = rows[place < per_check], place[place < per_check]
    made = _made(_wanted(findings, about, rows), dataset, open_pictures(dataset.images_root))
    # First the worst of every check, then the second of each.
    kept, n_bytes = [], 0
    for number in np.argsort(place, kind="stable").tolist():
        size = len(made[number].jpeg or b"")
        if n_bytes + size <= max_bytes:
            kept.append(number)
            n_bytes += size
    return [made[number] for number in sorted(kept)]


def _wanted(findings: Findings, about: Subjects, rows: Rows) -> list[_Wanted]:
    """What is to be drawn for each of these rows."""
    dataset, table = findings.dataset, findings.table.iloc[rows]
    row_of_box = pd.Index(dataset.boxes["box_id"].to_numpy(np.int64))
    image_ids = dataset.images["image_id"].to_numpy(np.int64)[about.image[rows]].tolist()
    image_of_box = dataset.boxes["image_id"].to_numpy(np.int64)
    edges = dataset.boxes[_EDGES].to_numpy(np.float64)
    found = []
    told = zip(rows.tolist(), image_ids, table["members"], table["level"], strict=True)
    for row, image_id, members, level in told:
        own = row_of_box.get_indexer(np.asarray(members, np.int64))
        own = own[image_of_box[own] == image_id][:DRAWN_BOXES]
        found.append(_Wanted(row, int(about.image[row]), edges[own], level))
    return found


def _made(wanted: list[_Wanted], dataset: Dataset, pictures: Pictures) -> list[Crop]:
    """The crops in the order asked for; each picture is opened once."""
    by_image: dict[int, list[_Wanted]] = {}
    for want in wanted:
        by_image.setdefault(want.image_row, []).append(want)

    def of_image(image_row: int) -> list[Crop]:
        return _of_image(by_image[image_row], dataset.images.iloc[image_row], pictures)

    with ThreadPoolExecutor(WORKERS) as pool:
        made = track(pool.map(of_image, by_image), len(by_image), "pictures of findings")
        found = {crop.row: crop for own in made for crop in own}
    return [found[want.row] for want in wanted]


def _of_image(wanted: list[_Wanted], image: pd.Series[Any], pictures: Pictures) -> list[Crop]:
    """The crops of one picture; where it cannot be opened, what is wrong with it."""
    try:
        picture = _framed(image, pictures)
    except SourceError as error:
        return [replace(_blank(want), fault=error.what) for want in wanted]
    found = []
    for want in wanted:
        cut = _cut(picture, want)
        body = io.BytesIO()
        # Lines of a few px would lose their colour where four px share one.
        cut.save(body, "JPEG", quality=QUALITY, subsampling=0)
        found.append(replace(_blank(want), jpeg=body.getvalue(), size_wh=cut.size))
    return found


def _blank(want: _Wanted) -> Crop:
    return Crop(want.row, want.image_row)


def _framed(image: pd.Series[Any], pictures: Pictures) -> Image.Image:
    """The picture in the frame of its boxes, in a mode that can be made smaller."""
    try:
        path = pictures.path(image["path"])
    except KeyError as error:
        raise SourceError("is no longer in the folder of the pictures") from error
    kind, stored = decoded(path)
    picture: Image.Image = stored
    orientation = 1 if pd.isna(image["exif_orientation"]) else int(image["exif_orientation"])
    if image["box_frame"] != "stored":
        picture = upright(kind, picture, orientation)
    elif kind == "TIFF" and orientation != 1:
        raise SourceError("is a TIFF that is shown turned, and its boxes are not")
    if picture.mode.startswith("I"):
        # Pillow would cut 16 bits off at 255 instead of scaling them.
        bytes_of = np.clip(np.asarray(picture, np.float64) / 257, 0, 255).astype(np.uint8)
        return Image.fromarray(bytes_of)
    if "transparency" in picture.info:
        # Of palettes with transparent colours Pillow warns when they lose them at once.
        picture = picture.convert("RGBA")
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


def _cut(picture: Image.Image, want: _Wanted) -> Image.Image:
    """What is around the boxes at a size for looking at, and the boxes on it."""
    boxes = want.boxes[np.isfinite(want.boxes).all(axis=1)]
    ends = boxes[:, :2], boxes[:, 2:]
    boxes = np.hstack([np.minimum(*ends), np.maximum(*ends)])
    left, top, right, bottom = _view(boxes, picture.size)
    scale = min(SIDE / max(right - left, bottom - top), MAX_ENLARGED)
    view = _scaled(picture, (left, top, right, bottom), scale)
    draw = ImageDraw.Draw(view)
    with np.errstate(over="ignore"):
        lines = (boxes - np.array([left, top, left, top], np.float64)) * scale
    # Where the drawing ends, a line further out is not seen.
    for x1, y1, x2, y2 in np.clip(lines, -SIDE, 2 * SIDE).round().astype(np.int64).tolist():
        draw.rectangle((x1 - 2, y1 - 2, x2 + 2, y2 + 2), outline=_HALO, width=4)
        draw.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), outline=_LINES[want.level], width=2)
    return view


def _scaled(picture: Image.Image, view: tuple[int, int, int, int], scale: float) -> Image.Image:
    """A part of a picture, larger or smaller; grey where the part lies beyond it."""
    left, top, right, bottom = view
    size = (max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1))
    inside = (max(left, 0), max(top, 0), min(right, picture.width), min(bottom, picture.height))
    corner = (round((inside[0] - left) * scale), round((inside[1] - top) * scale))
    held = (
        max(round((inside[2] - left) * scale) - corner[0], 1),
        max(round((inside[3] - top) * scale) - corner[1], 1),
    )
    sampling = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    canvas = Image.new("RGB", size, _BEYOND)
    canvas.paste(picture.resize(held, sampling, box=inside, reducing_gap=2.0), corner)
    return canvas


def _view(boxes: Floats, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is shown, px: the boxes with a margin, or all.

    It reaches beyond the picture where a box does, but by no more than a quarter of it.
    """
    width, height = size_wh
    if not len(boxes):
        return 0, 0, width, height
    x1, y1 = boxes[:, :2].min(axis=0).tolist()
    x2, y2 = boxes[:, 2:].max(axis=0).tolist()
    margin = max(MARGIN_FRAC * max(x2 - x1, y2 - y1), MIN_MARGIN)
    # Of a box that lies elsewhere altogether the way to the picture is shown.
    if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
        x1, y1, x2, y2 = min(x1, 0.0), min(y1, 0.0), max(x2, width), max(y2, height)
    left, right = _side(x1, x2, margin, width)
    top, bottom = _side(y1, y2, margin, height)
    return left, top, right, bottom


def _side(low: float, high: float, margin: float, whole: int) -> tuple[int, int]:
    """First px and the one after the last that are shown of one axis."""
    least = 0.0 if low >= 0 else max(low - MIN_MARGIN, -whole / 4)
    most = whole if high <= whole else min(high + MIN_MARGIN, whole * 5 / 4)
    start = math.floor(max(low - margin, least))
    return start, max(math.ceil(min(high + margin, most)), start + 1)
