"""A hash of what a crop looks like: of two that look alike, few bits differ."""

from __future__ import annotations

import cv2
import numpy as np

from curate.decoding import Pixels

_SIDE_PX = 32
_WAVES = 8


def perceptual_hash(pixels: Pixels) -> int:
    """64 bits: which of the slowest waves of a picture are above their median.

    Parameters
    ----------
    pixels
        (H, W, 3) uint8, RGB.

    Notes
    -----
    The pHash of Zauner 2010, "Implementation and benchmarking of perceptual image hash functions",
    section 3.2: grey, 32 x 32 px, discrete cosine transform, its 8 x 8 lowest coefficients; as the
    library imagehash has it, the constant one counts too.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[:_WAVES, :_WAVES]
    bits = np.packbits((waves > np.median(waves)).ravel())
    return int.from_bytes(bits.tobytes(), "big")
