"""Sources that are broken, hostile or oddly encoded: refused with their place, or told."""

from __future__ import annotations

import zipfile

import pytest

from curate import ReadOptions, read
from curate.errors import FormatError, SourceError
from tests.formats.source_files import (
    COCO,
    KITTI,
    MAKESENSE_VOC,
    RESULTS,
    SHAPES,
    VGG,
    VOC,
    findings,
    refused,
)


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_cut_json_is_refused_with_its_place(source, cut):
    error = refused(source({"a.json": COCO[: int(len(COCO) * cut)]}, folder=False))
    assert isinstance(error, SourceError)
    assert str(error).startswith("a.json:1: the JSON ends in the middle")


def test_a_zip_that_leaves_its_folder_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("../../a.json", COCO)
    error = refused(tmp_path / "s.zip")
    assert str(error).startswith("s.zip/../../a.json: the member's name leads out")


def test_a_zip_that_explodes_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b"0" * (20 << 20))
    error = refused(tmp_path / "s.zip")
    assert str(error).startswith("s.zip/a.json: the member claims 20971520 bytes")


@pytest.mark.parametrize("name", ["s.zip", "labels.json"])
def test_a_broken_zip_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("a.json", COCO)
    body = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(body[: len(body) // 2])
    assert name in str(refused(tmp_path / name))


ENTITIES = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>\n'
LAUGHS = (
    '<!DOCTYPE a [<!ENTITY l0 "lol">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    + "]>\n"
)


@pytest.mark.parametrize("head", [ENTITIES, LAUGHS])
def test_xml_with_entities_is_a_finding_and_its_image_is_kept(source, head):
    bad = head + VOC.format(name="b.jpg").replace("car", "&x;")
    dataset = read(source({"a.xml": VOC.format(name="a.jpg"), "b.xml": bad}))
    (finding,) = findings(dataset)
    assert (finding["check"], finding["file"], finding["level"]) == ("SRC-002", "b.xml", "error")
    assert finding["line"] == 1
    assert "DTD or entities is refused" in finding["message"]
    assert finding["mend"]
    assert dataset.images["label_state"].tolist() == ["present", "unreadable"]
    assert dataset.boxes["label"].tolist() == ["car"]


def test_half_of_the_files_broken_leaves_the_other_half(source):
    good = {f"good{n}.xml": VOC.format(name=f"good{n}.jpg") for n in range(10)}
    bad = {f"bad{n}.xml": VOC.format(name=f"bad{n}.jpg")[:150] for n in range(10)}
    dataset = read(source({**good, **bad}))
    assert len(dataset.boxes) == 10
    assert dataset.images["label_state"].value_counts().to_dict() == {
        "present": 10,
        "unreadable": 10,
    }
    told = [f for f in findings(dataset) if f["check"] == "SRC-002"]
    files = {m["file"] for f in told for m in f["members"]} | {f["file"] for f in told}
    assert files - {None} == set(bad)
    assert all(f["level"] == "error" and f["mend"] for f in told)


ODD_NAMES = ("a b.xml", "a,b.xml", "路口 é.xml", "new\nline.xml", "quo'te\".xml", "-x.xml")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_label_files_of_odd_names_are_read_and_named(source, name):
    stem = name.removesuffix(".xml")
    path = source(
        {name: VOC.format(name=f"{stem}.jpg"), "z.xml": "<annotation><object></annotation>"}
    )
    dataset = read(path)
    assert dataset.boxes["file"].tolist() == [name]
    assert [f["file"] for f in findings(dataset)] == ["z.xml"]
    assert dataset.sources.names() == sorted([name, "z.xml"])


def test_bytes_that_are_no_text_are_a_finding_with_their_place(source):
    bad = KITTI.encode() + b"Caf\xe9 0.00 0 -1.57 1 2 20 30 1 1 1 1 1 1 1\n"
    dataset = read(source({"000000.txt": KITTI, "000001.txt": bad}))
    (finding,) = findings(dataset)
    assert (finding["file"], finding["line"], finding["level"]) == ("000001.txt", 2, "error")


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["instances.json", "a.xml", "000001.txt", "rects.csv"])
def test_utf16_is_named_with_its_mend(source, name, encoding, folder):
    body = ("\ufeff" + SHAPES[name][0]).encode(encoding)
    error = refused(source({name: body}, folder=folder))
    assert isinstance(error, FormatError)
    assert f"is UTF-16 text, should be UTF-8 ({name}) - save it as UTF-8" in str(error)


def test_utf16_is_named_in_a_folder_where_nothing_else_is_known(source):
    error = refused(source({"a.json": ("\ufeff" + COCO).encode("utf-16-le"), "b.md": "# notes"}))
    assert "is UTF-16 text, should be UTF-8 (a.json)" in str(error)


def test_utf16_is_named_when_the_format_is_too(source):
    path = source({"a.json": ("\ufeff" + COCO).encode("utf-16-le")}, folder=False)
    assert "is UTF-16 text" in str(refused(path, format="coco"))


BROKEN = {
    "a.json": (COCO[:60], "coco", "the JSON ends in the middle"),
    "a.xml": (VOC.format(name="a.jpg")[:100], "voc", "is not well-formed XML"),
    "b.xml": (MAKESENSE_VOC[:150], "makesense", "cannot be read as XML of Make Sense"),
    "000001.txt": (KITTI.encode() + b"Caf\xe9 0.00\n", "kitti", "is not UTF-8 text"),
    "dets.json": (RESULTS[:-20], "coco-results", "the JSON ends in the middle"),
    "vgg.json": (VGG[:-40], "makesense", "the file is no JSON object of images"),
    "tags.json": ('[{"image":"a.jpg","annotations":["x"', "makesense", "the file is no JSON list"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("folder", [False, True])
def test_a_lone_label_file_that_cannot_be_parsed_is_refused_with_its_place(source, name, folder):
    body, wanted, what = BROKEN[name]
    line = {"000001.txt": 2, "b.xml": 9}.get(name, 1)
    error = refused(source({name: body}, folder=folder), format=wanted)
    assert isinstance(error, SourceError)
    assert str(error).startswith(f"{name}:{line}: ")
    assert what in error.what
    assert error.mend


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a.json", COCO.replace("a.jpg", "b.jpg")),
        ("a.xml", VOC.format(name="gooda.jpg")),
        ("b.xml", MAKESENSE_VOC.replace("a.jpg", "c.jpg")),
        ("000001.txt", KITTI),
        ("vgg.json", VGG.replace("a.jpg", "b.jpg")),
    ],
)
def test_a_label_file_that_cannot_be_parsed_is_a_finding_beside_others(source, name, good):
    body, wanted, _ = BROKEN[name]
    dataset = read(source({name: body, f"good{name[-5:]}": good}), ReadOptions(format=wanted))
    assert len(dataset.boxes) == 1
    assert [(f["check"], f["file"]) for f in findings(dataset)] == [("SRC-002", name)]


def test_broken_results_are_refused_although_their_images_are_known(source, tmp_path):
    truth = tmp_path / "truth.json"
    truth.write_text(COCO)
    error = refused(source({"dets.json": RESULTS[:-2]}, folder=False), truth=truth)
    assert isinstance(error, SourceError)
    assert str(error).startswith("dets.json:1: the JSON ends in the middle")
