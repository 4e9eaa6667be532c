"""Painting pictures: every format and mode, EXIF, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from curate.errors import SourceError
from curate.painting import GREY, Regions, paint

SIZE = (32, 24)
BOX = (4.0, 6.0, 12.0, 16.0)


def regions(*boxes: tuple[float, ...], **values: Any) -> Regions:
    none = np.zeros((0, 4))
    plain = {"boxes": np.array(boxes or [BOX]), "turned": np.zeros((0, 4, 2)), "kept": none}
    return Regions(**{**plain, "size_wh": SIZE, **values})


def noise(mode: str = "RGB") -> Image.Image:
    width, height = SIZE
    pixels = np.random.default_rng(5).integers(130, 250, (height, width, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def painted(path: Path, own: Regions) -> Image.Image:
    out = path.with_name(f"out-{path.name}")
    paint(path, out, own)
    return opened(out)


def opened(path: Path) -> Image.Image:
    """The picture, its file closed."""
    with Image.open(path) as image:
        image.load()
    return image


def mask_of(image: Image.Image) -> np.ndarray[Any, Any]:
    """Which pixels are grey."""
    pixels = np.asarray(image.convert("RGB"))
    return np.asarray((pixels == GREY).all(axis=2))


def area(x1: int, y1: int, x2: int, y2: int) -> np.ndarray[Any, Any]:
    mask = np.zeros(SIZE[::-1], bool)
    mask[y1:y2, x1:x2] = True
    return mask


@pytest.mark.parametrize(
    ("ending", "mode"),
    [
        (".png", "RGB"), (".png", "RGBA"), (".png", "L"), (".png", "LA"), (".png", "P"),
        (".png", "1"), (".bmp", "RGB"), (".ppm", "RGB"), (".pgm", "L"), (".tif", "RGB"),
        (".tif", "CMYK"), (".webp", "RGB"), (".webp", "RGBA"), (".jp2", "RGB"),
    ],
)  # fmt: skip
def test_lossless_formats_change_nothing_but_the_region(
    tmp_path: Path, ending: str, mode: str
) -> None:
    path = tmp_path / f"a{ending}"
    told: dict[str, Any] = {"lossless": True} if ending == ".webp" else {}
    noise(mode).save(path, **told)
    before = opened(path)
    after = painted(path, regions())
    assert after.format == before.format
    assert np.array_equal(mask_of(after), area(4, 6, 12, 16))
    outside = ~area(4, 6, 12, 16)
    same = np.asarray(after.convert("RGBA")) == np.asarray(before.convert("RGBA"))
    assert same.all(axis=2)[outside].all()


def test_16_bits_stay_16_bits(tmp_path: Path) -> None:
    pixels = np.full(SIZE[::-1], 60000, np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    after = np.asarray(painted(tmp_path / "a.png", regions()))
    # 114 / 255 of 65535.
    pixels[6:16, 4:12] = 29298
    assert np.array_equal(after, pixels)


def test_jpeg_keeps_profile_and_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    noise().save(tmp_path / "a.jpg", exif=exif, icc_profile=b"profile", quality=100)
    after = painted(tmp_path / "a.jpg", regions())
    assert after.info["icc_profile"] == b"profile"
    assert after.getexif()[0x010F] == "Camera"


@pytest.mark.parametrize(
    ("box", "pixels"),
    [
        ((4.5, 6.5, 11.5, 15.5), (4, 6, 12, 16)),  # every pixel that is touched
        ((-9.0, -9.0, 3.0, 99.0), (0, 0, 3, 24)),  # clipped to the picture
        ((-1e300, -1e300, 1e300, 1e300), (0, 0, 32, 24)),
        ((40.0, 6.0, 50.0, 16.0), (0, 0, 0, 0)),
        ((12.0, 16.0, 4.0, 6.0), (0, 0, 0, 0)),
    ],
)
def test_box_paints_the_pixels_that_it_touches(
    tmp_path: Path, box: tuple[float, ...], pixels: tuple[int, int, int, int]
) -> None:
    noise().save(tmp_path / "a.png")
    assert np.array_equal(mask_of(painted(tmp_path / "a.png", regions(box))), area(*pixels))


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0]])
def test_turned_box_paints_the_pixels_whose_centres_are_inside(
    tmp_path: Path, order: list[int]
) -> None:
    noise().save(tmp_path / "a.png")
    # A square on its corner: |x - 10| + |y - 10| <= 6.
    corners = np.array([[10.0, 4.0], [16.0, 10.0], [10.0, 16.0], [4.0, 10.0]])[order]
    own = regions(boxes=np.zeros((0, 4)), turned=corners[None])
    x, y = np.arange(SIZE[0]) + 0.5, (np.arange(SIZE[1]) + 0.5)[:, None]
    wanted = np.abs(x - 10) + np.abs(y - 10) <= 6
    assert np.array_equal(mask_of(painted(tmp_path / "a.png", own)), wanted)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_that_is_stored_turned_is_painted_upright(tmp_path: Path, orientation: int) -> None:
    """The stored picture is made by the inverse of Pillow's own way to turn it upright."""
    from PIL import ImageOps

    upright = noise()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Transpose codes that undo the orientation
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as before:
        assert np.array_equal(np.asarray(ImageOps.exif_transpose(before)), np.asarray(upright))
    after = painted(tmp_path / "a.png", regions(orientation=orientation))
    assert after.getexif().get(0x0112, 1) == 1
    assert np.array_equal(mask_of(after), area(4, 6, 12, 16))


def test_stored_frame_keeps_its_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    noise().save(tmp_path / "a.png", exif=exif)
    after = painted(tmp_path / "a.png", regions())
    assert after.getexif()[0x0112] == 6
    assert np.array_equal(mask_of(after), area(4, 6, 12, 16))


def test_animation_and_gif_are_refused(tmp_path: Path) -> None:
    frames = [noise(), noise().rotate(180)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(SourceError, match=r"a\.gif: is a GIF, which cannot be painted"):
        paint(tmp_path / "a.gif", tmp_path / "out", regions())
    with pytest.raises(SourceError, match=r"a\.tif: is a picture of several frames"):
        paint(tmp_path / "a.tif", tmp_path / "out", regions())
    assert not (tmp_path / "out").exists()


def test_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    noise().resize((10, 10)).save(tmp_path / "a.png")
    with pytest.raises(SourceError, match="is 10 x 10 px, and was 32 x 24 px"):
        paint(tmp_path / "a.png", tmp_path / "out", regions())


@pytest.mark.parametrize("body", [b"", b"text", b"\xff\xd8\xff\xe0"])
def test_file_that_is_no_picture_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(body)
    with pytest.raises(SourceError, match=r"a\.jpg: "):
        paint(tmp_path / "a.jpg", tmp_path / "out", regions())
