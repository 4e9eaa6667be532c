"""Pictures of findings: which are cut, what is in them, and what is said where there is none."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from curate import audit
from curate.dataset import Findings
from curate.report import html_parts
from curate.report.html.crops import SIDE, crops_of
from curate.report.html.subjects import subjects_of
from curate.tables import FINDING_COLUMNS, make_table
from tests.report.page import parsed
from tests.test_report import dataset

BLUE, GREY = (20, 60, 200), (114, 114, 114)


@pytest.fixture
def judged(tmp_path):
    """Audits boxes (image row, x1, y1, x2, y2) over pictures of 100 x 80 px; gives the findings."""

    def make(boxes, pictures=None, select=None, **images):
        folder = tmp_path / "pictures"
        folder.mkdir(exist_ok=True)
        n_images = int(max(row for row, *_ in boxes)) + 1
        for number in range(n_images):
            picture = (pictures or {}).get(number, Image.new("RGB", (100, 80), BLUE))
            if picture is not None:
                exif = Image.Exif()
                exif[0x0112] = images.get("exif_orientation", 1)
                picture.save(folder / f"a{number}.png", exif=exif)
        made = dataset(n_images=n_images, boxes=boxes)
        names = [f"a{number}.png" for number in range(n_images)]
        told = {"path": names, "exif_orientation": 1, **images}
        told = made.images.assign(**told).astype(made.images.dtypes)
        made = replace(made.with_tables(images=told), images_root=folder)
        return audit(made, select=select)

    return make


def cut(findings, per_check=12, max_bytes=1 << 30):
    rows = np.arange(len(findings))
    return crops_of(findings, subjects_of(findings), rows, per_check=per_check, max_bytes=max_bytes)


def pixels(crop):
    return np.asarray(Image.open(io.BytesIO(crop.jpeg)).convert("RGB"), np.int64)


def is_near(found, colour):
    """Whether pixels are of a colour, as far as JPEG keeps it."""
    return (np.abs(found - np.array(colour)) < 40).all(axis=-1)


def marked(width=100, height=80):
    """A blue picture that is green in its left half and has a red top left corner."""
    picture = Image.new("RGB", (width, height), BLUE)
    picture.paste((20, 160, 60), (0, 0, width // 2, height))
    picture.paste((200, 30, 30), (0, 0, 10, 10))
    return picture


SMALL = "BOX-004"


def test_a_crop_shows_the_box_in_its_surroundings(judged) -> None:
    # The margin is 12 px: x from 39 to 65, y from 8 to 52, and 1 px wide at 52.
    (crop,) = cut(judged([(0, 51, 20, 52, 40)], {0: marked()}, SMALL))
    found = pixels(crop)
    width, height = crop.size_wh
    assert found.shape == (height, width, 3)
    assert max(width, height) <= SIDE
    assert width / height == pytest.approx(25 / 44, rel=0.02)
    # The box lies in the blue half, beginning 1 px beside the green one.
    assert is_near(found[height // 2, 4], (20, 160, 60))
    assert is_near(found[height // 2, -4], BLUE)
    line = np.flatnonzero(is_near(found[height // 2], (255, 176, 0)))
    scale = height / 44
    assert line.min() == pytest.approx(12 * scale, abs=4)
    assert line.max() == pytest.approx(13 * scale, abs=4)


def test_what_lies_beyond_the_picture_is_grey(judged) -> None:
    (crop,) = cut(judged([(0, 80, 20, 110, 50)], select="BOX-002"))
    found = pixels(crop)
    # From 18 px left of the box to 12 px right of it: 62 to 122, the picture ends at 100.
    edge = round(crop.size_wh[0] * (100 - 62) / (122 - 62))
    assert is_near(found[4, : edge - 4], BLUE).all()
    assert is_near(found[4, edge + 4 :], GREY).all()


def test_what_a_box_has_left_and_above_the_picture_is_shown_too(judged) -> None:
    (crop,) = cut(judged([(0, -10, -20, 20, 20)], select="BOX-002"))
    found = pixels(crop)
    width, height = crop.size_wh
    # A quarter of the picture at most: -20 of the 80 px high one; -10 and the margin of 12 px.
    assert width / height == pytest.approx((20 + 24 + 22) / (20 + 24 + 20), abs=0.03)
    assert is_near(found[:, : round(width * 22 / 66) - 30], GREY).mean() > 0.9
    assert is_near(found[-4, round(width * 22 / 66) + 4 :], BLUE).all()


def test_a_finding_about_several_images_shows_the_first_and_only_its_boxes(judged) -> None:
    boxes = [(0, 10, 10, 40, 40), (1, 5, 5, 15, 15), (1, 60, 40, 90, 70)]
    judged_boxes = judged(boxes)
    dataset = judged_boxes.dataset
    ids = dataset.boxes["box_id"].tolist()
    values = {"finding_id": [1], "check": "REL-001", "name": "x", "level": "error", "message": "x"}
    table = make_table(FINDING_COLUMNS, 1, values | {"members": [[ids[2], ids[0], ids[1]]]})
    findings = Findings(table, dataset)
    (crop,) = cut(findings)
    assert crop.image_row == 1
    assert subjects_of(findings).source.tolist() == [0]
    # From 5 - 51 px of margin, cut off at 0, to the other end: the whole picture.
    red = is_near(pixels(crop), (255, 59, 48))
    scale = SIDE / 100
    for left, top, wanted in ((60, 55, True), (90, 55, True), (5, 10, True), (10, 25, False)):
        at_y, at_x = round(top * scale), round(left * scale)
        assert red[at_y, max(at_x - 3, 0) : at_x + 4].any() == wanted


@pytest.mark.parametrize(
    "box", [(500, 500, 560, 560), (-1e300, 0, 1e300, 50), (0, 0, 1e18, 1e18), (60, 50, 20, 10)]
)
def test_boxes_that_lie_anywhere_have_a_picture(judged, box) -> None:
    made = cut(judged([(0, *box)]))
    assert made
    assert all(crop.jpeg is not None and max(crop.size_wh) <= SIDE for crop in made)
    assert all(is_near(pixels(crop), BLUE).any() for crop in made)


def test_a_box_without_numbers_leaves_the_whole_picture(judged) -> None:
    (crop,) = cut(judged([(0, np.nan, 1, 2, 3)]))
    assert crop.size_wh == (SIDE, round(SIDE * 80 / 100))
    assert is_near(pixels(crop), BLUE).all()


# EXIF 2.32, 4.6.4: orientation 6 is stored lying on its left side, 3 upside down.
@pytest.mark.parametrize(
    ("orientation", "undone"), [(6, Image.Transpose.ROTATE_90), (3, Image.Transpose.ROTATE_180)]
)
def test_pictures_are_shown_upright(judged, orientation, undone) -> None:
    picture = marked().transpose(undone)
    nowhere = [(0, np.nan, 1, 2, 3)]
    (crop,) = cut(judged(nowhere, {0: picture}, exif_orientation=orientation))
    assert crop.size_wh == (SIDE, round(SIDE * 80 / 100))
    found = pixels(crop)
    assert is_near(found[8, 8], (200, 30, 30))
    assert is_near(found[-8, 8], (20, 160, 60))
    assert is_near(found[8, -8], BLUE)


def test_boxes_of_the_stored_frame_are_shown_in_it(judged) -> None:
    picture = marked().transpose(Image.Transpose.ROTATE_90)
    nowhere = [(0, np.nan, 1, 2, 3)]
    told = {"exif_orientation": 6, "box_frame": "stored"}
    (crop,) = cut(judged(nowhere, {0: picture}, **told))
    assert crop.size_wh == (round(SIDE * 80 / 100), SIDE)
    assert is_near(pixels(crop)[-8, 8], (200, 30, 30))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_pictures_of_every_mode_are_shown(judged, mode) -> None:
    if mode == "I;16":
        values = np.full((80, 100), 200 * 257, np.uint16)
        picture = Image.fromarray(values)
        assert picture.mode == "I;16"
    else:
        picture = Image.new("L", (100, 80), 200).convert(mode)
    (crop,) = cut(judged([(0, np.nan, 1, 2, 3)], {0: picture}))
    # Of one bit it is so many white px among black ones.
    assert pixels(crop).mean() == pytest.approx(200, abs=10)


def test_a_palette_with_transparent_colours_is_shown_without_a_warning(judged, tmp_path) -> None:
    findings = judged([(0, np.nan, 1, 2, 3)])
    picture = Image.new("L", (100, 80), 200).convert("P")
    picture.save(tmp_path / "pictures" / "a0.png", transparency=bytes([0, 128, 255]))
    (crop,) = cut(findings)
    assert crop.fault is None
    assert pixels(crop).mean() == pytest.approx(200, abs=10)


def test_the_worst_of_each_check_are_cut_and_no_more_than_asked_for(judged) -> None:
    boxes = [(row, 10, 10, 11, 30) for row in range(8)] + [(8, 90, 10, 110, 30)]
    findings = judged(boxes)
    assert findings.counts == {"BOX-002": 1, "BOX-004": 8}
    made = cut(findings, per_check=3)
    assert [findings.table["check"].iloc[crop.row] for crop in made] == ["BOX-002", *[SMALL] * 3]
    assert [crop.row for crop in made] == [0, 1, 2, 3]


def test_where_they_do_not_fit_every_check_keeps_its_worst(judged) -> None:
    boxes = [(row, 10, 10, 11, 30) for row in range(8)] + [(8, 90, 10, 110, 30)]
    findings = judged(boxes)
    sizes = [len(crop.jpeg) for crop in cut(findings)]
    made = cut(findings, max_bytes=sizes[0] + sizes[1] + sizes[2])
    assert [crop.row for crop in made] == [0, 1, 2]
    assert cut(findings, max_bytes=10) == []


def test_all_boxes_of_a_finding_are_drawn(judged) -> None:
    # IoU 57 / 63: nearly the same, with two left and two right sides.
    boxes = [(0, 10, 10, 70, 70), (0, 13, 10, 73, 70)]
    (crop,) = cut(judged(boxes, select="REL-002"))
    found = is_near(pixels(crop)[crop.size_wh[1] // 2], (255, 176, 0))
    # Of each side some px are of the colour; between the sides none is.
    assert np.count_nonzero(np.diff(np.flatnonzero(found)) > 1) + 1 == 4


def test_pictures_that_cannot_be_read_are_shown_as_such_and_counted(judged, tmp_path) -> None:
    boxes = [(row, 10, 10, 11, 30) for row in range(4)]
    findings = judged(boxes, select=SMALL)
    (tmp_path / "pictures" / "a1.png").write_bytes(b"no picture")
    body = (tmp_path / "pictures" / "a2.png").read_bytes()
    (tmp_path / "pictures" / "a2.png").write_bytes(body[: len(body) // 2])
    (tmp_path / "pictures" / "a3.png").unlink()
    faults = {crop.image_row: crop.fault for crop in cut(findings)}
    assert faults[0] is None
    assert faults[1] == "is of no picture format that is known"
    assert str(faults[2]).startswith("cannot be decoded: ")
    assert faults[3] == "is no longer in the folder of the pictures"
    page = parsed("".join(html_parts(findings, "s", version="1")))
    sheet = page.at("pictures")
    assert len(sheet.find("img")) == 1
    assert len(sheet.find("div", class_="unreadable")) == 3
    assert "4 of 4 shown, the worst first; 3 of these pictures cannot be read" in sheet.text


def test_a_folder_of_pictures_that_is_gone_is_said_and_the_rest_is_shown(judged, tmp_path) -> None:
    findings = judged([(0, 10, 10, 11, 30)], select=SMALL)
    gone = replace(findings.dataset, images_root=tmp_path / "gone")
    page = parsed("".join(html_parts(replace(findings, dataset=gone), "s", version="1")))
    assert "The pictures cannot be shown: no such folder." in page.at("pictures").text
    assert page.at("data").text


def test_an_image_without_a_picture_has_no_crop(judged) -> None:
    findings = judged([(0, 10, 10, 11, 30), (1, 10, 10, 11, 30)], select=SMALL)
    images = findings.dataset.images
    paths = images["path"].mask([True, False])
    without = findings.dataset.with_tables(images=images.assign(path=paths))
    (crop,) = cut(replace(findings, dataset=without))
    assert crop.image_row == 1


def test_the_page_holds_the_pictures_with_words_for_those_who_do_not_see_them(judged) -> None:
    findings = judged([(0, 10, 10, 11, 30)], select=SMALL)
    page = parsed("".join(html_parts(findings, "s", version="1")))
    (image,) = page.find("img")
    kind, _, body = (image.attributes["src"] or "").partition(",")
    assert kind == "data:image/jpeg;base64"
    shown = Image.open(io.BytesIO(base64.b64decode(body)))
    size = (image.attributes["width"], image.attributes["height"])
    assert tuple(map(str, shown.size)) == size
    (message,) = findings.table["message"]
    assert image.attributes["alt"] == f"a0.jpg [0]: {message}"
    (figure,) = page.find("figure", **{"data-row": "0"})
    assert message in figure.text


def test_without_pixels_no_picture_is_opened_or_put_in(judged, monkeypatch) -> None:
    findings = judged([(0, 10, 10, 11, 30)], select=SMALL)
    monkeypatch.setattr("curate.report.html.crops.decoded", None)
    parts = html_parts(findings, "s", version="1", with_pixels=False)
    assert parsed("".join(parts)).find("img") == []


def test_the_same_findings_give_the_same_pictures(judged) -> None:
    boxes = [(row, 10, 10, 11, 30) for row in range(8)]
    one, two = ("".join(html_parts(judged(boxes), "s", version="1")) for _ in range(2))
    assert one == two
    assert one.count("data:image/jpeg") == 8
