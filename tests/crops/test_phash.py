"""Perceptual hashes: those of the library imagehash, and how far they move with a picture."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from curate.crops.phash import perceptual_hash
from tests.crops.sets import picture


def bits_between(first: int, second: int) -> int:
    return (first ^ second).bit_count()


def hashed(image: Image.Image) -> int:
    return perceptual_hash(np.asarray(image))


@pytest.mark.parametrize("seed", range(8))
def test_hash_is_that_of_imagehash_up_to_how_it_shrinks(seed: int) -> None:
    image = picture(seed, width=224, height=224)
    # It shrinks with Lanczos; waves that are nearly the median fall to either side.
    assert bits_between(hashed(image), int(str(imagehash.phash(image)), 16)) <= 6


def test_small_changes_move_few_bits_and_other_pictures_many() -> None:
    image = picture(1, width=224, height=224)
    brighter = ImageEnhance.Brightness(image).enhance(1.1)
    smaller = image.resize((112, 112))
    assert max(bits_between(hashed(image), hashed(one)) for one in (brighter, smaller)) <= 6
    others = [hashed(picture(seed, width=224, height=224)) for seed in range(2, 10)]
    assert min(bits_between(hashed(image), one) for one in others) >= 12
