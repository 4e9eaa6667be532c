"""The audit as a whole: what readers told is not told again, and how checks are chosen."""

from __future__ import annotations

import pytest
from PIL import Image

import curate
from curate import ReadOptions
from curate.auditing import audit
from curate.errors import UsageError

ROWS = "0 0.5 0.5 0.2 0.2\n0 0.3 0.3 0.1 0.1\n"


@pytest.fixture
def yolo(tmp_path):
    """A Make Sense YOLO export of n files, two boxes each; gives its folder."""

    def make(n, rows=ROWS):
        (tmp_path / "labels").mkdir()
        for number in range(n):
            (tmp_path / "labels" / f"p{number:02}.txt").write_text(rows)
        return tmp_path / "labels"

    return make


@pytest.fixture
def pictures(tmp_path):
    """Writes pictures of 50 x 40 px under the image folder; gives the folder."""

    def make(*names):
        for name in names:
            path = tmp_path / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (50, 40)).save(path)
        return tmp_path / "pictures"

    return make


def test_a_wrong_image_folder_is_one_finding_of_pictures_and_one_of_boxes(yolo, pictures) -> None:
    findings = audit(yolo(20), ReadOptions(images=pictures("other.jpg"), format="makesense"))
    assert findings.counts == {"IMG-001": 1, "IMG-002": 1, "SRC-015": 1}
    table = findings.table.set_index("check")
    assert table.loc["IMG-001", "message"].startswith("20 records; ")
    assert len(table.loc["SRC-015", "members"]) == 40


def test_boxes_of_an_ambiguous_picture_are_told_once(yolo, pictures) -> None:
    folder = pictures("a/p00.jpg", "b/p00.jpg", "p01.jpg")
    findings = audit(yolo(2), ReadOptions(images=folder, format="makesense"))
    assert "SRC-011" in findings.counts
    assert "BOX-001" not in findings.counts


def test_a_box_whose_numbers_are_wrong_is_told_once(yolo, pictures) -> None:
    path = yolo(1, "0 0.5 0.5 0.2 zero\n0 0.5 0.5 0.2 0.2\n")
    findings = audit(path, ReadOptions(images=pictures("p00.jpg"), format="makesense"))
    assert findings.counts == {"SRC-001": 1}


def test_a_box_without_a_place_is_found_where_the_reader_is_not_asked(yolo, pictures) -> None:
    path, folder = yolo(3), pictures("other.jpg")
    options = ReadOptions(images=folder, format="makesense")
    assert audit(path, options, select=["BOX"]).counts == {"BOX-001": 6}
    assert audit(path, options, ignore=["SRC-015", "IMG"]).counts == {"BOX-001": 6}


def test_told_boxes_hide_no_others_of_their_file(yolo, pictures) -> None:
    dataset = curate.read(yolo(30), ReadOptions(images=pictures("p00.jpg"), format="makesense"))
    boxes = dataset.boxes.copy()
    boxes.loc[0, "x1"] = float("nan")
    findings = audit(dataset.with_tables(boxes=boxes))
    (members,) = findings.table.loc[findings.table["check"] == "BOX-001", "members"]
    assert members == [boxes["box_id"].iloc[0]]


def test_one_text_selects_as_a_list_of_it_does(yolo) -> None:
    rows = ROWS + "0 0.5 0.5 0.2 0.2\n0 0.8 0.8 0.02 0.2\n"
    path, options = yolo(2, rows), ReadOptions(size_wh=(50, 40))
    assert audit(path, options).counts == {"BOX-004": 2, "REL-001": 2}
    for word in ("REL", "REL-001", "boxes-duplicate"):
        assert audit(path, options, select=word).counts == {"REL-001": 2}
    assert audit(path, options, ignore="REL").counts == {"BOX-004": 2}
    with pytest.raises(UsageError, match="there is no check ''"):
        audit(path, options, select="")


def test_a_level_that_does_not_exist_is_refused(yolo) -> None:
    findings = audit(yolo(1), ReadOptions(size_wh=(50, 40)))
    with pytest.raises(UsageError) as error:
        findings.at_least("fatal")
    assert str(error.value) == "there is no level 'fatal' - use error, warning, info"
