"""Pictures on disk: their sizes, orientation and faults, and which one a label's name means."""

from __future__ import annotations

import io
import json
import os
import struct
import tracemalloc
import unicodedata
import warnings
import zlib

import pytest
from PIL import Image

from curate.errors import SourceError
from curate.images import open_pictures, same_bytes

SIZE = (6, 4)


def encoded(size=SIZE, kind="JPEG", *, orientation=None, colour=(200, 30, 30)):
    """A picture of one colour as a file's bytes."""
    stream = io.BytesIO()
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    told = {"exif": exif} if orientation is not None else {}
    Image.new("RGB", size, colour).save(stream, kind, **told)
    return stream.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width, height):
    """A whole PNG without any pixel: signature, IHDR, an empty IDAT, IEND (PNG 1.2, 11.2)."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", ihdr) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.fixture
def pictures(tmp_path):
    """Writes files of the given names and bytes; gives the pictures among them."""

    def write(files, **options):
        for name, body in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        return open_pictures(tmp_path, **options)

    return write


def measured(pictures):
    return list(pictures.measure(pictures.files).values())


def only(pictures):
    (picture,) = measured(pictures)
    return picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_size_is_width_and_height_of_the_file(pictures, kind):
    picture = only(pictures({f"a.{kind.lower()}": encoded(kind=kind)}))
    assert (picture.width, picture.height, picture.error) == (6, 4, None)
    assert picture.exif_orientation == 1


@pytest.mark.parametrize(
    ("orientation", "upright"), [(1, (6, 4)), (2, (6, 4)), (3, (6, 4)), (4, (6, 4)),
                                 (5, (4, 6)), (6, (4, 6)), (7, (4, 6)), (8, (4, 6))]
)  # fmt: skip
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_size_is_that_of_the_upright_picture(pictures, kind, orientation, upright):
    picture = only(pictures({f"a.{kind.lower()}": encoded(kind=kind, orientation=orientation)}))
    assert (picture.width, picture.height) == upright
    assert (picture.stored_width, picture.stored_height) == SIZE
    assert picture.exif_orientation == orientation


@pytest.mark.parametrize("orientation", [0, 9])
def test_an_orientation_outside_of_1_to_8_counts_as_upright(pictures, orientation):
    picture = only(pictures({"a.jpg": encoded(orientation=orientation)}))
    assert (picture.exif_orientation, picture.width, picture.height) == (1, 6, 4)


def test_the_orientation_of_a_png_may_stand_behind_its_pixels(pictures):
    body = encoded(kind="PNG", orientation=6)
    at = body.index(b"eXIf") - 4
    length = int.from_bytes(body[at : at + 4]) + 12
    end = body.index(b"IEND") - 4
    late = body[:at] + body[at + length : end] + body[at : at + length] + body[end:]
    assert only(pictures({"a.png": late})).exif_orientation == 6


def test_a_broken_exif_block_leaves_the_picture_readable(pictures):
    body = encoded(orientation=6)
    at = body.index(b"Exif\0\0") + 6
    picture = only(pictures({"a.jpg": body[:at] + b"\xff" * 12 + body[at + 12 :]}))
    assert (picture.width, picture.height, picture.error) == (6, 4, None)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_picture_that_was_cut_is_unreadable(pictures, kind, share):
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(stream, kind)
    body = stream.getvalue()
    picture = only(pictures({f"a.{kind.lower()}": body[: int(len(body) * share)]}))
    assert picture.error is not None
    assert (picture.width, picture.height) == (None, None)


@pytest.mark.parametrize(
    "body", [b"", b"no picture at all\n", b"\0" * 100, b"<svg/>",
             b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 200\n%%EndComments\n"]
)  # fmt: skip
def test_a_file_that_only_calls_itself_a_picture_is_unreadable(pictures, tmp_path, body):
    picture = only(pictures({"a.jpg": body}))
    assert picture.error
    assert str(tmp_path) not in picture.error


def test_a_header_that_claims_ten_thousand_million_pixels_is_refused_unread(pictures):
    found = pictures({"a.png": png_header(100_000, 100_000)})
    tracemalloc.start()
    picture = only(found)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "100000 x 100000" in picture.error
    assert "--max-pixels" in picture.error
    assert peak_bytes < 10_000_000


def test_the_pixel_limit_is_an_option(pictures):
    files = {"a.png": png_header(20_000, 15_000), "b.png": encoded(kind="PNG")}
    both = measured(pictures(files))
    assert [(p.width, p.height) for p in both] == [(20_000, 15_000), SIZE]
    small = measured(pictures(files, max_pixels=24))
    assert [p.error is None for p in small] == [False, True]
    assert measured(pictures(files, max_pixels=23))[1].error is not None


def test_measuring_leaves_the_settings_of_the_process_alone(pictures):
    before = (list(warnings.filters), Image.MAX_IMAGE_PIXELS)
    measured(pictures({f"{n}.png": png_header(20_000, 15_000) for n in range(40)}))
    assert (list(warnings.filters), Image.MAX_IMAGE_PIXELS) == before


def test_links_to_nothing_and_pipes_are_no_pictures(pictures, tmp_path):
    (tmp_path / "a.jpg").symlink_to(tmp_path / "gone.jpg")
    os.mkfifo(tmp_path / "b.jpg")
    assert open_pictures(tmp_path).files == ()


def test_a_picture_that_goes_while_it_is_wanted_is_unreadable(pictures, tmp_path):
    found = pictures({"a.jpg": encoded()})
    (tmp_path / "a.jpg").unlink()
    assert only(found).error == "No such file or directory"


def test_other_files_and_hidden_folders_are_no_pictures(pictures):
    found = pictures({n: encoded() for n in ("a.jpg", "b.txt", ".thumbs/a.jpg", "B/c.JPEG")})
    assert found.files == ("B/c.JPEG", "a.jpg")


@pytest.mark.parametrize("name", ["no", "a.jpg"])
def test_an_image_folder_that_is_none_is_refused(tmp_path, name):
    (tmp_path / "a.jpg").write_bytes(encoded())
    with pytest.raises(SourceError, match=rf"{name}: .*folder - check --images"):
        open_pictures(tmp_path / name)


NAMES = ["a b.jpg", "a,b.jpg", "路口.jpg", "new\nline.jpg", "quote'\".jpg", "photo.v2.jpeg"]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_are_found_and_measured(pictures, name):
    found = pictures({name: encoded()})
    assert found.find(name) == [name]
    assert found.size(name) == SIZE


def test_a_decomposed_name_on_disk_is_found_by_the_composed_one(pictures):
    decomposed, composed = (unicodedata.normalize(form, "café.png") for form in ("NFD", "NFC"))
    assert decomposed != composed
    found = pictures({decomposed: encoded(kind="PNG")})
    (file,) = found.files
    assert found.find(composed) == found.find(decomposed) == [file]
    assert found.size(file) == SIZE


FOLDERS = ("a.jpg", "b/a.jpg", "c/b/a.jpg", "c/B.JPG", "d/x.png", "e/x.jpg", "v.2.jpg")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.jpg", ["a.jpg"]),  # the path itself wins over longer ones
        ("b/a.jpg", ["b/a.jpg"]),
        ("x/c/b/a.jpg", ["c/b/a.jpg"]),  # the longest end of the path that fits
        ("/root/set/b/a.jpg", ["b/a.jpg", "c/b/a.jpg"]),  # two fit equally well
        ("c/b.jpg", ["c/B.JPG"]),  # other case
        ("b.jpg", ["c/B.JPG"]),  # a name alone, in a subfolder
        ("x", ["d/x.png", "e/x.jpg"]),  # a stem alone
        ("d/x", ["d/x.png"]),
        ("v.2", ["v.2.jpg"]),  # a point in a stem is no ending
        ("x.bmp", []),  # another ending is another picture
        ("none.jpg", []),
        ("", []),
    ],
)
def test_the_picture_that_a_name_means(pictures, name, wanted):
    assert pictures({file: encoded() for file in FOLDERS}).find(name) == wanted


def test_an_exact_name_wins_over_one_in_other_case(pictures):
    found = pictures({"a.jpg": encoded(), "A.jpg": encoded()})
    if len(found.files) < 2:
        pytest.skip("the file system does not tell case")
    assert found.find("A.jpg") == ["A.jpg"]
    assert found.find("A.JPG") == ["A.jpg", "a.jpg"]


def test_equal_files_are_grouped_and_equal_sizes_are_not(pictures):
    one, other = encoded(kind="BMP"), encoded(kind="BMP", colour=(0, 0, 9))
    assert len(one) == len(other)
    found = pictures({"d.bmp": one, "b.bmp": other, "a.bmp": one, "c.bmp": other, "e.bmp": b"x"})
    assert same_bytes(found, found.measure(found.files)) == [["a.bmp", "d.bmp"], ["b.bmp", "c.bmp"]]


def test_empty_files_are_not_called_equal(pictures):
    found = pictures({"a.jpg": b"", "b.jpg": b""})
    assert same_bytes(found, found.measure(found.files)) == []


@pytest.mark.parametrize(("orientation", "upright"), [(3, (6, 4)), (6, (4, 6)), (8, (4, 6))])
def test_a_turned_tiff_has_the_size_of_the_upright_picture(pictures, orientation, upright):
    # Pillow turns a TIFF by itself, so that its own size is the upright one already.
    picture = only(pictures({"a.tif": encoded(kind="TIFF", orientation=orientation)}))
    assert (picture.width, picture.height) == upright
    assert (picture.stored_width, picture.stored_height) == SIZE


def test_an_end_mark_in_the_thumbnail_does_not_hide_a_cut(pictures):
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(stream, "JPEG", exif=b"Exif\0\0" + b"\xff\xd9" * 8)
    body = stream.getvalue()
    assert len(body) < 4096
    assert only(pictures({"a.jpg": body})).error is None
    assert only(pictures({"a.jpg": body[:-200]})).error is not None


@pytest.mark.parametrize("kind", ["BMP", "PPM", "GIF"])
def test_other_formats_that_were_cut_are_unreadable(pictures, kind):
    body = encoded((60, 40), kind)
    assert only(pictures({f"a.{kind.lower()}": body})).error is None
    assert only(pictures({f"a.{kind.lower()}": body[: len(body) // 2]})).error is not None


def test_pictures_of_the_app_are_measured_upright(real_data):
    folder = real_data / "makesense_app"
    truth = json.loads((folder / "TRUTH.json").read_bytes())["images"]
    found = open_pictures(folder / "images")
    sizes = {image["file"]: (image["display_width"], image["display_height"]) for image in truth}
    assert {file: found.size(file) for file in sizes} == sizes
    assert sizes["IMG_rot6.JPG"] == (480, 640)  # stored 640 x 480 with orientation 6


def test_a_folder_name_that_no_file_system_takes_is_told(tmp_path):
    with pytest.raises(SourceError, match="cannot be listed: File name too long"):
        open_pictures(tmp_path / ("1" * 300))
