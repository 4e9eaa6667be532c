import json
from collections import Counter

import pytest

from curate.demo import draw_street
from tests.demo.plain_audit import audit

CHECKS = {
    "BOX-002", "BOX-003", "BOX-004", "BOX-005", "BOX-006", "BOX-007", "REL-001",
    "REL-002", "REL-003", "REL-004", "SRC-001", "SRC-002", "SRC-004", "SRC-005", "SRC-006",
    "SRC-008", "SRC-009", "IMG-001", "IMG-002", "IMG-003", "IMG-004", "IMG-005", "IMG-006",
}  # fmt: skip


def as_found(row):
    """A row of the truth in the words of the plain audit."""
    image = row["image"]
    if image is not None and not image.endswith(".jpg"):
        image += ".jpg"
    ids = tuple(sorted(set(row["source_ids"]), key=str))
    if row["check"] == "SRC-001" and row["source"] in ("street_kitti", "street_makesense"):
        # A line that cannot be read has no id, and in the CSV no picture either.
        ids, image = (row["line"],), image if row["source"] == "street_kitti" else None
    return row["check"], image, ids


@pytest.mark.parametrize("seed", [0, 1, 7, 41])
def test_a_plain_audit_finds_what_was_planted_and_nothing_else(tmp_path, seed):
    truth = json.loads(draw_street(tmp_path, seed=seed).read_text(encoding="utf-8"))
    for source, place in truth["sources"].items():
        planted = {as_found(row) for row in truth["planted"] if row["source"] == source}
        found = audit(source, tmp_path / place["path"], tmp_path / place["images"])
        assert found == planted, source


def test_every_check_is_planted(street):
    assert {row["check"] for row in street.truth["planted"]} == CHECKS


def test_rows_say_where_and_what(street):
    assert street.truth["schema"] == "curate.demo-truth/1"
    for row in street.truth["planted"]:
        assert set(row) == {
            "source", "file", "check", "name", "source_ids", "image", "line", "note",
        }  # fmt: skip
        assert row["file"] is None or (street.folder / row["source"] / row["file"]).is_file()
        assert (row["file"] is None) == (row["check"] == "IMG-002")


def test_faults_do_not_share_a_picture(street):
    """Except the orphans, which have no labels, and a fault without a picture."""
    places = Counter(
        (row["source"], row["image"]) for row in street.truth["planted"] if row["image"]
    )
    assert max(places.values()) == 1


@pytest.mark.parametrize("source", ["street_kitti", "street_makesense"])
def test_a_line_is_the_line_of_the_faulty_record(street, source):
    for row in street.truth["planted"]:
        if row["source"] != source or row["line"] is None:
            continue
        text = (street.folder / source / row["file"]).read_text(encoding="utf-8")
        line = text.split("\n")[row["line"] - 1]
        if row["check"] == "SRC-001" and row["source"] in ("street_kitti", "street_makesense"):
            assert len(line.split()) == 7 or line.count(",") == 3
        elif source == "street_makesense":
            assert row["source_ids"][-1] == str(row["line"])
            assert row["image"] in line


def test_faults_are_literally_in_the_files(street):
    coco = (street.folder / "street_coco/instances.json").read_text(encoding="utf-8")
    assert '"bbox": [NaN, ' in coco
    voc = "".join(
        path.read_text(encoding="utf-8")
        for path in (street.folder / "street_voc/Annotations").iterdir()
    )
    assert "<xmin>nan</xmin>" in voc
    (csv,) = (street.folder / "street_makesense").iterdir()
    assert "\n," in csv.read_text(encoding="utf-8")


def test_pictures_are_gone_cut_and_unlisted(street):
    def of(code):
        return {
            r["image"].removesuffix(".jpg") for r in street.truth["planted"] if r["check"] == code
        }

    (missing,), (cut,) = of("IMG-001"), of("IMG-003")
    assert not (street.folder / f"images/{missing}.jpg").exists()
    assert not (street.folder / f"images/{cut}.jpg").read_bytes().endswith(b"\xff\xd9")
    assert "street_26" in of("IMG-002")
