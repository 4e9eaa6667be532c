"""Pictures of every kind become upright RGB, broken ones an error, and pixels become files."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import get_sampling

from curate.decoding import decode, encode_jpeg, encode_png, pixel_digest
from curate.errors import PictureError, Place, UsageError

LIMIT = 1_000_000


def photograph(width=91, height=67):
    coarse = np.random.default_rng(8).integers(0, 256, (9, 13, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


PHOTO = photograph()


def saved(pixels=PHOTO, kind="JPEG", mode="RGB", **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def by_cv2(body):
    """What OpenCV shows of a picture, colours alone, as RGB."""
    picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def by_pillow(body):
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGB"))


def with_orientation(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(kind=kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 90}, {"quality": 95, "subsampling": 0}, {"quality": 80, "subsampling": 1},
        {"quality": 90, "progressive": True}, {"quality": 90, "optimize": True},
        {"quality": 90, "keep_rgb": True}, {"quality": 90, "restart_marker_blocks": 2},
        {"quality": 90, "mode": "L"},
    ],
)  # fmt: skip
def test_a_jpeg_decodes_to_the_pixels_of_pillow(options):
    body = saved(**options)
    assert np.array_equal(decode(body).pixels, by_pillow(body))


def test_real_photographs_decode_to_the_pixels_of_pillow_and_opencv(real_data):
    files = sorted((real_data / "coco128" / "images").glob("*.jpg"))
    assert len(files) == 33
    for file in files:
        body = file.read_bytes()
        pixels = decode(body).pixels
        assert np.array_equal(pixels, by_pillow(body)), file.name
        # OpenCV may bring another libjpeg.
        assert abs(pixels.astype(int) - by_cv2(body)).max() <= 3, file.name


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF", "WEBP", "JPEG2000"])
def test_other_formats_decode_to_the_pixels_of_pillow(kind):
    body = saved(kind=kind)
    assert np.array_equal(decode(body).pixels, by_pillow(body))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_turned_upright_as_its_exif_says(kind, orientation):
    body = with_orientation(orientation, kind)
    found = decode(body)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB")
    assert found.orientation == orientation
    assert (found.width, found.height) == upright.size
    assert np.array_equal(found.pixels, np.asarray(upright))
    stored = decode(body, upright=False)
    assert stored.orientation == orientation
    assert stored.pixels.shape == PHOTO.shape
    assert np.array_equal(stored.pixels, decode(saved(kind=kind, lossless=True)).pixels)


def test_an_exif_block_behind_other_segments_is_found():
    body = with_orientation(6, "JPEG")
    comment = b"\xff\xfe" + (2 + 500).to_bytes(2, "big") + b"x" * 500
    assert decode(body[:2] + comment + b"\xff" + body[2:]).orientation == 6


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"mode": "L"}, {"mode": "CMYK"}])
def test_a_jpeg_that_was_cut_anywhere_is_an_error(options):
    body = saved(photograph(300, 200), quality=90, **options)
    # Up to the end mark: without its last bytes it was cut, too.
    for n_bytes in [*range(0, len(body), len(body) // 97), len(body) - 1]:
        with pytest.raises(PictureError):
            decode(body[:n_bytes])


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_other_pictures_that_were_cut_are_an_error(kind):
    body = saved(photograph(300, 200), kind=kind)
    for share in (0.05, 0.3, 0.6, 0.95):
        with pytest.raises(PictureError):
            decode(body[: int(len(body) * share)])


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_lost_a_piece_in_its_middle_is_an_error(mode):
    body = saved(photograph(300, 200), mode=mode, quality=90)
    middle = len(body) * 2 // 3
    with pytest.raises(PictureError, match=r"a\.jpg: broken JPEG: .* - restore the picture"):
        decode(body[:middle] + body[middle + 300 :], place=Place("a.jpg"))
    # Pillow alone shows a picture, grey or shifted where bytes are missing.
    assert by_pillow(body[:middle] + body[middle + 300 :]).shape == (200, 300, 3)


def test_bytes_after_the_end_of_a_jpeg_do_no_harm():
    body = saved()
    assert np.array_equal(decode(body + b"\0" * 100).pixels, decode(body).pixels)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty"),
        (b"hello, I am no picture", "is of no picture format that is known"),
        (b"\xff\xd8\xff", "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n", "cannot be decoded"),
        (b"\xff\xd8\xff\xe0" + b"text that follows a JPEG's first bytes", "cannot be decoded"),
    ],
)
def test_what_is_no_picture_is_an_error_with_its_place(body, says):
    with pytest.raises(PictureError, match=f"b/x.jpg: {says}"):
        decode(body, place=Place("b/x.jpg"))


@pytest.mark.parametrize("quality", [75, 95])
def test_cmyk_becomes_rgb_as_pillow_converts_it(quality):
    body = saved(mode="CMYK", quality=quality)
    assert np.array_equal(decode(body).pixels, by_pillow(body))
    assert abs(decode(body).pixels.astype(int) - PHOTO).mean() < 6


def gradient_16():
    levels = np.linspace(0, 65535, 40 * 30).astype(np.uint16).reshape(30, 40)
    return levels, (levels // 256).astype(np.uint8)


@pytest.mark.parametrize("ending", [".png", ".tiff", ".pgm"])
def test_16_bit_grey_keeps_its_upper_8_bits(ending):
    levels, expected = gradient_16()
    body = cv2.imencode(ending, levels)[1].tobytes()
    pixels = decode(body).pixels
    assert np.array_equal(pixels, np.dstack([expected] * 3))


def test_16_bit_grey_is_as_bright_as_opencv_shows_it():
    levels, _ = gradient_16()
    body = cv2.imencode(".png", levels)[1].tobytes()
    assert abs(decode(body).pixels.astype(int) - by_cv2(body)).max() <= 1


def test_dark_16_bit_grey_is_not_stretched():
    body = cv2.imencode(".png", np.full((4, 5), 4095, np.uint16))[1].tobytes()
    assert (decode(body).pixels == 15).all()


def test_16_bit_colour_keeps_its_upper_8_bits():
    levels, expected = gradient_16()
    body = cv2.imencode(".png", np.dstack([levels, levels[::-1], levels[:, ::-1]]))[1].tobytes()
    pixels = decode(body).pixels
    assert abs(pixels[:, :, 2].astype(int) - expected).max() <= 1
    assert abs(pixels[:, :, 1].astype(int) - expected[::-1]).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_grey_becomes_three_equal_channels(kind):
    grey = PHOTO[:, :, 0]
    pixels = decode(saved(grey, kind=kind, mode="L")).pixels
    assert (pixels[:, :, :1] == pixels).all()
    if kind != "JPEG":
        assert np.array_equal(pixels[:, :, 1], grey)


def test_one_bit_becomes_black_and_white():
    bits = np.indices((9, 13)).sum(axis=0) % 2 * 255
    pixels = decode(saved(bits.astype(np.uint8), "PNG", "1")).pixels
    assert np.array_equal(pixels[:, :, 2], bits)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_a_palette_becomes_its_colours(kind):
    body = saved(kind=kind, mode="P")
    assert np.array_equal(decode(body).pixels, by_cv2(body))


@pytest.mark.parametrize("transparency", [3, bytes(range(0, 250, 5))])
def test_a_transparent_palette_keeps_its_colours(transparency):
    body = saved(kind="PNG", mode="P", transparency=transparency)
    assert np.array_equal(decode(body).pixels, decode(saved(kind="PNG", mode="P")).pixels)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_dropped_and_the_stored_colours_stay(kind):
    alpha = np.random.default_rng(1).integers(1, 256, PHOTO.shape[:2], np.uint8)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    body = saved(np.dstack([PHOTO, alpha]), kind, "RGBA", **options)
    assert np.array_equal(decode(body).pixels, PHOTO)
    if kind != "TIFF":
        assert np.array_equal(by_cv2(body), PHOTO)


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        (np.full((3, 4), 70_000, np.int32), r"grey of 32 bits \(whole numbers\)"),
        (np.full((3, 4), 0.5, np.float32), r"grey of 32 bits \(numbers with a fraction\)"),
    ],
)
def test_grey_without_a_white_level_is_an_error(levels, says):
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "TIFF")
    with pytest.raises(PictureError, match=says):
        decode(stream.getvalue())


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_bomb_is_refused_before_it_is_decoded():
    ihdr = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    jpeg = saved()
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg = jpeg[:at] + struct.pack(">HH", 60_000, 60_000) + jpeg[at + 4 :]
    for body in (png, jpeg):
        with pytest.raises(
            PictureError, match="60000 x 60000 = 3600000000 pixels, above the limit"
        ):
            decode(body, max_pixels=LIMIT)
    exact = PHOTO.shape[0] * PHOTO.shape[1]
    assert decode(saved(), max_pixels=exact).width == 91
    with pytest.raises(PictureError, match="above the limit of 6096"):
        decode(saved(), max_pixels=exact - 1)


@pytest.mark.parametrize("quality", [75, 95])
def test_a_written_jpeg_has_the_tables_and_the_colour_of_pillows(quality):
    body = encode_jpeg(PHOTO, quality)
    assert body == encode_jpeg(PHOTO, quality)
    ours, theirs = Image.open(io.BytesIO(body)), Image.open(io.BytesIO(saved(quality=quality)))
    assert ours.quantization == theirs.quantization
    assert get_sampling(ours) == get_sampling(theirs) == 2
    lost, lost_by_pillow = (np.square(np.asarray(p) - PHOTO.astype(float)) for p in (ours, theirs))
    assert lost.mean() <= 1.1 * lost_by_pillow.mean()
    assert get_sampling(Image.open(io.BytesIO(encode_jpeg(PHOTO, 95, subsampling="444")))) == 0


def test_a_written_png_loses_nothing():
    body = encode_png(PHOTO[:, ::-1])
    assert np.array_equal(decode(body).pixels, PHOTO[:, ::-1])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(body))), PHOTO[:, ::-1])


def test_views_are_written_like_copies():
    view = PHOTO[::-1, 5:40, ::-1]
    assert encode_jpeg(view, 90) == encode_jpeg(view.copy(), 90)
    assert encode_png(view) == encode_png(view.copy())
    assert pixel_digest(view) == pixel_digest(view.copy())


def test_the_digest_is_the_sha256_of_the_pixels_row_by_row():
    assert pixel_digest(PHOTO) == hashlib.sha256(PHOTO.tobytes()).hexdigest()


@pytest.mark.parametrize("write", [encode_png, lambda pixels: encode_jpeg(pixels, 90)])
@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_pixels_of_another_form_are_refused(write, shape):
    with pytest.raises(UsageError, match=r"should be uint8 \(height, width, 3\)"):
        write(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_out_of_range_is_refused(quality):
    with pytest.raises(UsageError, match=f"quality is {quality}, should be 1 to 100"):
        encode_jpeg(PHOTO, quality)
