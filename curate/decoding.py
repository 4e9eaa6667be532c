"""Pixels from a picture's bytes, and bytes from pixels.

Any picture becomes upright RGB of 8 bits:

========================  ==================================================================
stored                    becomes
========================  ==================================================================
grey, 1 bit, palette      its levels and colours
16 bits per channel       the upper 8 (level // 256), as OpenCV does: what the picture holds
                          never decides how bright it becomes
alpha                     dropped, the stored colours stay: what Pillow's `convert("RGB")` and,
                          but for TIFF, `cv2.imread` give to a detector
CMYK                      Pillow's conversion, colour profiles not applied
several frames            the first
========================  ==================================================================

A broken picture is an error. libjpeg by itself fills what is missing with grey and only warns.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL.ImageFile import ImageFile

from curate.errors import OutputError, PictureError, Place, UsageError
from curate.images import BROKEN, MAX_PIXELS, MEND, check_size, opened, orientation_in, quiet_lock

Pixels = npt.NDArray[np.uint8]
Subsampling = Literal["420", "422", "444"]

_JPEG = b"\xff\xd8\xff"
_APP1, _START_OF_SCAN, _END_OF_IMAGE = 0xE1, 0xDA, 0xD9
_SIXTEEN_BITS = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
# Formats whose 32-bit grey in Pillow is 16-bit grey in the file, over the whole range.
_WIDE_GREY = frozenset({"PNG", "PPM", "JPEG 2000"})
# From the stored frame to the upright one (EXIF 2.32, 4.6.4, table of orientations).
_TURNS: dict[int, Callable[[Pixels], cv2.typing.MatLike]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
_BACK = {6: 8, 8: 6}


@dataclass(frozen=True)
class Decoded:
    """The pixels of a picture, (H, W, 3) uint8 RGB, and the EXIF orientation of its file, 1..8.

    The pixels are upright whatever `orientation` is, unless the stored frame was asked for.
    """

    pixels: Pixels
    orientation: int

    @property
    def width(self) -> int:
        """Width of `pixels`, px."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height of `pixels`, px."""
        return int(self.pixels.shape[0])


def decode(
    body: bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    upright: bool = True,
    place: Place | None = None,
) -> Decoded:
    """The picture that a file's bytes hold.

    Parameters
    ----------
    body
        The whole file; its first bytes tell the format, not its name.
    max_pixels
        A header that claims more is refused before anything is decoded.
    upright
        Whether the EXIF orientation is applied; else the frame is the stored one.
    place
        Where the bytes are from, for the message of an error.

    Raises
    ------
    PictureError
        When the bytes are no picture, were cut or damaged, claim more than `max_pixels`, or hold
        grey of 32 bits, of which nothing says what is white.
    """
    if body.startswith(_JPEG):
        pixels = _jpeg(body, max_pixels, place)
        if pixels is not None:
            block = _exif(body)
            orientation = 1 if block is None else orientation_in(block)
            return Decoded(_turned(pixels, orientation) if upright else pixels, orientation)
    with quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind, image, orientation = opened(body, max_pixels, place)
    pixels = _rgb(kind, image, place)
    # Pillow turns a TIFF upright by itself, and no other.
    if upright and kind != "TIFF":
        pixels = _turned(pixels, orientation)
    elif kind == "TIFF" and not upright:
        pixels = _turned(pixels, _BACK.get(orientation, orientation))
    return Decoded(pixels, orientation)


def _jpeg(body: bytes, max_pixels: int, place: Place | None) -> Pixels | None:
    """The stored pixels of a JPEG; None for one that only Pillow reads."""
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(body)
    except ValueError:
        # An odd JPEG or none at all: Pillow tells which.
        return None
    check_size(width, height, max_pixels, place)
    is_cmyk = colours in ("CMYK", "YCCK")
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(body, "CMYK" if is_cmyk else "RGB", strict=True)
    except ValueError as error:
        raise PictureError(
            f"broken JPEG: {error}",
            place=place,
            mend=f"{MEND}, or save it anew if it looks whole",
        ) from error
    # Pillow knows the inks that Adobe stores inverted; what it does not notice is damage.
    return None if is_cmyk else pixels


def _exif(body: bytes) -> bytes | None:
    """The first EXIF block of a JPEG; its segments stand before the scan (ITU-T T.81, B.1.1)."""
    at = 2
    while at + 4 <= len(body) and body[at] == 0xFF:
        marker = body[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return None
        end = at + 2 + int.from_bytes(body[at + 2 : at + 4], "big")
        if marker == _APP1 and body.startswith(b"Exif\0\0", at + 4):
            return body[at + 4 : end]
        at = end
    return None


def _rgb(kind: str, image: ImageFile, place: Place | None) -> Pixels:
    try:
        image.load()
        if image.mode in _SIXTEEN_BITS or image.mode == "I":
            return _from_wide_grey(np.asarray(image), kind, place)
        if image.mode == "F":
            raise PictureError(_no_range("F"), place=place, mend="save it with 8 or 16 bits")
        # Else Pillow looks for a colour that stands for transparency.
        image.info.pop("transparency", None)
        return np.array(image.convert("RGB"))
    except BROKEN as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise PictureError(f"broken {kind}: {reason}", place=place, mend=MEND) from error


def _from_wide_grey(levels: npt.NDArray[np.generic], kind: str, place: Place | None) -> Pixels:
    whole = levels.astype(np.int64)
    is_wide = levels.dtype.itemsize > 2
    if is_wide and (kind not in _WIDE_GREY or whole.min() < 0 or whole.max() > 0xFFFF):
        raise PictureError(_no_range("I"), place=place, mend="save it with 8 or 16 bits")
    return np.repeat((whole >> 8).astype(np.uint8)[:, :, None], 3, axis=2)


def _no_range(mode: str) -> str:
    kind = "numbers with a fraction" if mode == "F" else "whole numbers"
    return f"grey of 32 bits ({kind}): nothing says which of them is white"


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    turn = _TURNS.get(orientation)
    return pixels if turn is None else turn(pixels)  # type: ignore[return-value]  # uint8 in, uint8 out


def encode_jpeg(pixels: Pixels, quality: int, *, subsampling: Subsampling = "420") -> bytes:
    """A JPEG of the pixels, the same bytes for the same pixels.

    Parameters
    ----------
    pixels
        (H, W, 3) uint8 RGB.
    quality
        1..100, as libjpeg counts it.
    subsampling
        Colour of 2 x 2 px kept as one (420), of 2 x 1 (422), or all (444). 420 is what
        `cv2.imwrite` and Pillow write: photographs come so, and a crop that enlarges them has no
        finer colour to keep. For crops of about the picture's own scale 444 keeps 6 to 8 dB more,
        in 1.7 times the time and 1.2 to 1.4 times the bytes (measured on 224 x 224 px of four
        photographs of COCO, quality 95).

    Raises
    ------
    OutputError
        When a side is over 65,500 px.
    UsageError
        For other pixels or another quality.
    """
    _check(pixels)
    if not 1 <= quality <= 100:
        raise UsageError(f"JPEG quality is {quality}, should be 1 to 100")
    whole = np.ascontiguousarray(pixels)
    try:
        # The fast cosine transform loses levels at high quality and saves nothing with SIMD.
        body: bytes = simplejpeg.encode_jpeg(whole, quality, "RGB", subsampling, fastdct=False)
    except ValueError as error:
        raise OutputError(f"cannot be written as JPEG: {error}", mend="write a PNG") from error
    return body


def encode_png(pixels: Pixels) -> bytes:
    """A PNG of the pixels, without loss, the same bytes for the same pixels.

    Parameters
    ----------
    pixels
        (H, W, 3) uint8 RGB.

    Raises
    ------
    OutputError
        When OpenCV cannot write it.
    UsageError
        For other pixels.
    """
    _check(pixels)
    done, body = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not done:
        raise OutputError(f"{pixels.shape} pixels cannot be written as PNG")
    return body.tobytes()


def pixel_digest(pixels: Pixels) -> str:
    """SHA-256 of the pixels' bytes row by row, RGB, 64 hex digits; the size is not part of it."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def _check(pixels: Pixels) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise UsageError(
            f"the pixels are {pixels.dtype} {pixels.shape}, should be uint8 (height, width, 3)"
        )
