"""Painting regions of a picture grey, so that nothing is there for a detector to learn.

The grey is 114 of 255 in every channel: what Ultralytics fills with where it letterboxes
(`data/augment.py`, LetterBox, version 8.3), so that a detector knows it for no picture. Sources
are never changed. The picture keeps its format and its colour profile, and its EXIF data where it
is a JPEG, PNG or WebP.

Lossless where the format allows (PNG, BMP, PPM, WebP, TIFF, JPEG 2000); a JPEG is encoded again
with quality 95 and whole colour. What would need more than grey or lose frames (GIF, pictures of
several frames) is refused.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from curate.boxes import Floats, clip
from curate.errors import Place, SourceError
from curate.images import BROKEN, EXIF_ORIENTATION, decoded

GREY = 114
JPEG_QUALITY = 95
# 16 bits have 257 steps for each of 8.
_GREY_16 = GREY * 257
# Modes that can hold the grey, and it in them; others are made one of these first.
_GREYS: dict[str, Any] = {  # a number or a tuple, as Pillow wants
    "L": GREY, "RGB": (GREY,) * 3, "LA": (GREY, 255), "RGBA": (GREY, GREY, GREY, 255),
    "CMYK": (0, 0, 0, 255 - GREY), "I;16": _GREY_16, "I;16B": _GREY_16, "I": _GREY_16,
}  # fmt: skip
_SAVED: dict[str, dict[str, Any]] = {  # what Pillow's writers are told
    "JPEG": {"quality": JPEG_QUALITY, "subsampling": 0},
    "PNG": {},
    "BMP": {},
    "PPM": {},
    "WebP": {"lossless": True, "exact": True},
    "TIFF": {"compression": "tiff_adobe_deflate"},
    "JPEG 2000": {"irreversible": False},
}
# What undoes each EXIF orientation (EXIF 2.32, 4.6.4).
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WRITERS = {"WebP": "WEBP", "JPEG 2000": "JPEG2000"}


@dataclass(frozen=True)
class Regions:
    """What is painted of a picture and what stays as it is, px.

    Parameters
    ----------
    boxes
        (N, 4) x1 y1 x2 y2 that are painted: every pixel that they touch.
    turned
        (M, 4, 2) corners of turned boxes, in the order of going round: painted is every pixel
        whose centre is inside.
    kept
        (K, 4) x1 y1 x2 y2 that stay, every pixel that they touch.
    size_wh
        Width and height of the picture, px, in the frame of all these.
    orientation
        EXIF orientation that is undone first, 1 to 8; 1 also where these are of the picture as it
        is stored.
    """

    boxes: Floats
    turned: Floats
    kept: Floats
    size_wh: tuple[int, int]
    orientation: int = 1


def paint(source: Path, target: Path, regions: Regions) -> str:
    """Writes the picture with its regions painted; returns its format, such as `JPEG`.

    A picture that is stored turned is written upright when its orientation is given.

    Raises
    ------
    SourceError
        When it cannot be read, is not of the size stated, or cannot be painted.
    OSError
        When it cannot be written.
    """
    kind, image = decoded(source)
    place = Place(str(source))
    if kind not in _SAVED or getattr(image, "n_frames", 1) > 1:
        what = "a picture of several frames" if kind in _SAVED else f"a {kind}"
        raise SourceError(
            f"is {what}, which cannot be painted without loss",
            place=place,
            mend="save it as PNG, or use --ignored keep-out, drop-image or list",
        )
    framed = upright(kind, image, regions.orientation)
    if framed.size != regions.size_wh:
        found, stated = (f"{w} x {h} px" for w, h in (framed.size, regions.size_wh))
        raise SourceError(
            f"is {found}, and was {stated} when the labels were read",
            place=place,
            mend="give the pictures that belong to the labels with --images DIR",
        )
    painted = _painted(framed, _mask(regions))
    try:
        body = _encoded(painted, kind, image, is_turned=framed is not image)
    except BROKEN as error:
        mend = "save it anew, or use --ignored keep-out, drop-image or list"
        raise SourceError(f"cannot be encoded again: {error}", place=place, mend=mend) from error
    target.write_bytes(body)
    return kind


def upright(kind: str, image: Image.Image, orientation: int) -> Image.Image:
    """The picture with its EXIF orientation undone; itself where there is nothing to undo.

    `kind` is its format as `curate.images.decoded` names it.
    """
    # Pillow has turned a TIFF already.
    turn = None if kind == "TIFF" else _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _mask(regions: Regions) -> npt.NDArray[np.bool_]:
    """(height, width) whether each pixel is painted."""
    width, height = regions.size_wh
    mask = np.zeros((height, width), np.bool_)
    for x1, y1, x2, y2 in _touched(regions.boxes, regions.size_wh):
        mask[y1:y2, x1:x2] = True
    for corners in regions.turned:
        _add_turned(mask, corners)
    for x1, y1, x2, y2 in _touched(regions.kept, regions.size_wh):
        mask[y1:y2, x1:x2] = False
    return mask


def _touched(xyxy: Floats, size_wh: tuple[int, int]) -> list[list[int]]:
    """The first pixels, and those after the last, of boxes clipped to the picture."""
    inside = clip(xyxy, *size_wh)
    pixels = np.hstack([np.floor(inside[:, :2]), np.ceil(inside[:, 2:])])
    whole: list[list[int]] = pixels.astype(np.int64).tolist()
    return whole


def _add_turned(mask: npt.NDArray[np.bool_], corners: Floats) -> None:
    """Marks the pixels whose centres are in a convex quadrangle."""
    height, width = mask.shape
    bounds = np.concatenate([corners.min(axis=0), corners.max(axis=0)])[None]
    ((x1, y1, x2, y2),) = _touched(bounds, (width, height))
    xs, ys = np.arange(x1, x2) + 0.5, (np.arange(y1, y2) + 0.5)[:, None]
    ahead = np.roll(corners, -1, axis=0) - corners
    sides = [
        dx * (ys - y) - dy * (xs - x)
        for (x, y), (dx, dy) in zip(corners.tolist(), ahead.tolist(), strict=True)
    ]
    # Which way round the corners go is not said.
    is_in = np.all([side >= 0 for side in sides], axis=0)
    is_in |= np.all([side <= 0 for side in sides], axis=0)
    mask[y1:y2, x1:x2] |= is_in


def _painted(image: Image.Image, mask: npt.NDArray[np.bool_]) -> Image.Image:
    if image.mode not in _GREYS:
        # A palette has no free place for the grey, and 1 bit no grey at all.
        has_alpha = "transparency" in image.info or image.mode in ("PA", "La", "RGBa")
        plain = "L" if image.mode == "1" else "RGB"
        image = image.convert("RGBA" if has_alpha else plain)
    if image.mode.startswith("I"):
        # Pillow pastes into 16 bits by half pixels.
        pixels = np.array(image)
        pixels[mask] = _GREY_16
        return Image.fromarray(pixels)
    painted = image.copy()
    painted.paste(_GREYS[image.mode], mask=Image.fromarray(mask))
    return painted


def _encoded(painted: Image.Image, kind: str, source: Image.Image, *, is_turned: bool) -> bytes:
    told = dict(_SAVED[kind])
    exif = source.getexif()
    if is_turned:
        exif.pop(EXIF_ORIENTATION, None)
    if len(exif) and kind in ("JPEG", "PNG", "WebP"):
        told["exif"] = exif.tobytes()
    profile = source.info.get("icc_profile")
    # A profile is of the channels that the picture had.
    if profile and painted.mode == source.mode and kind not in ("BMP", "PPM"):
        told["icc_profile"] = profile
    out = io.BytesIO()
    painted.save(out, format=_WRITERS.get(kind, kind), **told)
    return out.getvalue()
