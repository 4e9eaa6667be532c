"""Where boxes of stored pictures lie in the upright ones."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from curate.browse.places import pixels, shares, turned_back, turned_boxes, turned_mask


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_and_masks_turn_as_pillow_turns_the_picture(orientation: int, tmp_path) -> None:
    stored = np.zeros((6, 9), np.uint8)
    stored[1:3, 2:7] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.png"
    Image.fromarray(stored).save(path, exif=exif.tobytes())
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image)) == 255
    rows, columns = np.nonzero(upright)
    wanted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    box, size = np.array([[2.0, 1.0, 7.0, 3.0]]), np.array([[9.0, 6.0]])
    turn = np.array([orientation])
    found = turned_boxes(box, size, turn)
    assert found.tolist() == [wanted]
    assert (turned_mask(stored == 255, orientation) == upright).all()
    shown = np.array([upright.shape[::-1]], np.float64)
    assert turned_back(found, shown, turn).tolist() == box.tolist()


def test_shares_and_pixels_undo_each_other() -> None:
    box, size = np.array([[10.0, 20.0, 30.0, 25.0]]), np.array([[100.0, 50.0]])
    assert shares(box, size).tolist() == [[0.1, 0.4, 0.2, 0.1]]
    np.testing.assert_allclose(pixels(shares(box, size), size), box, atol=1e-12)
