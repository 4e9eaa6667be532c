"""Which reader takes a source, told by content or by --from, and what is refused, and how."""

from __future__ import annotations

import zipfile

import pytest

from curate import ReadOptions, read
from curate.errors import FormatError, SourceError, UsageError
from curate.formats import READERS
from curate.formats.makesense import KINDS
from tests.formats.source_files import (
    COCO,
    EITHER_CSV,
    KITTI,
    MAKESENSE_VOC,
    RECT_CSV,
    RESULTS,
    SHAPES,
    VGG,
    VOC,
    findings,
    refused,
)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("form", ["file", "folder", "zip"])
def test_the_content_tells_the_format(source, tmp_path, name, form):
    body, wanted, shape = SHAPES[name]
    path = source({name: body}, folder=form == "folder")
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
            archive.write(path, name)
        path = tmp_path / "s.zip"
    dataset = read(path)
    assert dataset.format == wanted
    assert set(dataset.boxes["shape"]) == {shape}
    assert dataset.sources.read(name) == body.encode()


@pytest.mark.parametrize("name", SHAPES)
def test_a_byte_order_mark_and_windows_line_ends_change_no_box(source, name):
    body, wanted, _ = SHAPES[name]
    path = source({name: body}, folder=False)
    plain = read(path)
    path.write_bytes(body.replace("\n", "\r\n").encode("utf-8-sig"))
    dataset = read(path)
    assert dataset.format == wanted
    edges = ["x1", "y1", "x2", "y2"]
    assert dataset.boxes[edges].equals(plain.boxes[edges])
    assert dataset.boxes["label"].tolist() == plain.boxes["label"].tolist()
    assert dataset.images["image_key"].tolist() == plain.images["image_key"].tolist()


def test_a_folder_of_two_formats_is_refused_with_both_and_their_files(source):
    path = source({"a.xml": VOC.format(name="a.jpg"), "b/c.json": COCO})
    error = refused(path)
    assert isinstance(error, FormatError)
    assert "2 formats: coco (b/c.json); voc (a.xml)" in str(error)
    assert "--from" in error.mend


def test_two_exports_of_one_project_are_refused_as_two_kinds(source):
    error = refused(source({"a.csv": RECT_CSV, "a.xml": MAKESENSE_VOC}))
    assert "makesense-rect-csv (a.csv)" in str(error)
    assert "makesense-rect-voc (a.xml)" in str(error)


def test_other_files_beside_the_labels_are_left_alone(source):
    other = {"README.md": "# labels", "a.jpg": b"\xff\xd8", "notes.csv": "a,b\n1,2\n"}
    dataset = read(source({"a.xml": VOC.format(name="a.jpg"), **other}))
    assert dataset.sources.names() == ["a.xml"]


@pytest.mark.parametrize("name", ["a.json", "a.txt", "a.xml", "a.zap"])
def test_an_empty_file_is_refused(source, name):
    error = refused(source({name: ""}, folder=False))
    assert f"{name}: is empty" in str(error)
    assert all(reader in error.mend for reader in READERS)


def test_an_empty_folder_is_refused(source):
    error = refused(source({}))
    assert "source: is empty (no files)" in str(error)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.json", '{"a": 1}'),
        ("a.json", "[1, 2, 3]"),
        ("a.txt", "some words of a note\n"),
        ("a.xml", "<html><body>no labels</body></html>"),
        ("a.csv", "a,b,c\n1,2,3\n"),
        ("a.bin", bytes(range(256))),
    ],
)
def test_a_file_of_no_known_format_is_refused_with_the_list(source, name, body):
    error = refused(source({name: body}, folder=False))
    assert isinstance(error, FormatError)
    assert f"is of no format that is known ({name})" in str(error)
    assert all(reader in error.mend for reader in READERS)


def test_a_path_that_is_not_there_is_refused(tmp_path):
    error = refused(tmp_path / "gone")
    assert isinstance(error, SourceError)
    assert str(error).endswith("gone: no such file or folder - check the path")


@pytest.mark.parametrize(("wanted", "n_boxes"), [("voc", 2), ("coco", 1)])
def test_a_named_format_takes_its_own_files(source, wanted, n_boxes):
    files = {f"{n}.xml": VOC.format(name=f"{n}.jpg") for n in (1, 2)}
    dataset = read(source({**files, "c.json": COCO}), ReadOptions(format=wanted))
    assert (dataset.format, len(dataset.boxes)) == (wanted, n_boxes)


def test_a_named_format_is_forced_on_a_single_file(source):
    dataset = read(source({"labels.dat": KITTI}, folder=False), ReadOptions(format="kitti"))
    assert dataset.boxes["label"].tolist() == ["Car"]


def test_a_named_format_that_does_not_fit_is_refused(source):
    error = refused(source({"a.xml": VOC.format(name="a.jpg")}), format="kitti")
    assert "no file in it can be read as kitti (a.xml)" in str(error)


@pytest.mark.parametrize(
    ("word", "near"), [("nonsense", "leave out"), ("kity", "'kitti'"), ("voc-x", "'voc'"),
                       ("makesense-lines", "'makesense-line'")]
)  # fmt: skip
def test_a_format_that_is_none_is_refused_with_the_nearest(source, word, near):
    error = refused(source({"a.xml": VOC.format(name="a.jpg")}), format=word)
    assert isinstance(error, UsageError)
    assert f"--from '{word}'" in str(error)
    assert near in error.mend


def test_a_table_of_rectangles_or_lines_asks_which(source):
    error = refused(source({"a.csv": EITHER_CSV}, folder=False))
    assert "--from makesense-line" in str(error)
    assert "--from makesense-rect" in str(error)


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize(
    ("kind", "shape", "edges"),
    [
        ("line", "line", [[10, 10, 5, 5], [20, 10, 25, 15]]),
        ("rect", "box", [[10, 10, 15, 15], [20, 10, 45, 25]]),
    ],
)
def test_a_table_of_rectangles_or_lines_is_read_as_told(source, folder, kind, shape, edges):
    path = source({"a.csv": EITHER_CSV}, folder=folder)
    dataset = read(path, ReadOptions(format=f"makesense-{kind}"))
    assert set(dataset.boxes["shape"]) == {shape}
    assert dataset.boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == edges


NOTHING_ANNOTATED = [("SRC-018", "info")]


@pytest.mark.parametrize(
    ("name", "body", "wanted"),
    [
        ("points.csv", "", None),
        ("tags.json", "[]", "makesense"),
        ("tags.json", "[]", "makesense-tag-json"),
        ("vgg.json", "{}", "makesense"),
        ("dets.json", "[]", "coco-results"),
        ("dets.json", "\ufeff[ ]\n", "coco-results"),
    ],
)
@pytest.mark.parametrize("folder", [False, True])
def test_an_export_without_annotations_is_read_as_such(source, name, body, wanted, folder):
    dataset = read(source({name: body}, folder=folder), ReadOptions(format=wanted))
    assert (len(dataset.images), len(dataset.boxes)) == (0, 0)
    assert [(f["check"], f["level"]) for f in findings(dataset)] == NOTHING_ANNOTATED


@pytest.mark.parametrize("body", ["[]", "[ ]\r\n", "\ufeff[]"])
def test_an_empty_list_alone_asks_what_it_is(source, body):
    error = refused(source({"a.json": body}, folder=False))
    assert isinstance(error, FormatError)
    assert "a.json: holds nothing but []: tags of Make Sense or COCO results" in str(error)
    assert "--from makesense or --from coco-results" in error.mend


def test_an_empty_object_alone_asks_what_it_is(source):
    path = source({"a.json": "{}"}, folder=False)
    error = refused(path)
    assert isinstance(error, FormatError)
    assert "holds nothing but {}: polygons of Make Sense or a COCO file" in str(error)
    assert "--from makesense" in error.mend
    assert isinstance(refused(path, format="coco"), SourceError)
    no_list = refused(path, format="coco-results")
    assert str(no_list).startswith("a.json: the top level is no array, should be an array")


def test_an_empty_list_with_its_annotation_file_is_of_no_prediction(source, tmp_path):
    truth = tmp_path / "truth.json"
    truth.write_text(COCO)
    dataset = read(source({"dets.json": "[]"}, folder=False), ReadOptions(truth=truth))
    assert dataset.images["image_key"].tolist() == ["truth/a.jpg"]
    assert len(dataset.boxes) == 0
    assert [(f["check"], f["level"]) for f in findings(dataset)] == NOTHING_ANNOTATED


def test_a_zip_without_members_is_an_export_without_annotations(tmp_path):
    zipfile.ZipFile(tmp_path / "labels.zip", "w").close()
    dataset = read(tmp_path / "labels.zip")
    assert (len(dataset.images), len(dataset.boxes)) == (0, 0)
    assert [(f["check"], f["level"]) for f in findings(dataset)] == NOTHING_ANNOTATED
    assert read(tmp_path / "labels.zip", ReadOptions(format="makesense")).format == dataset.format


def test_a_folder_that_holds_only_a_zip_says_to_give_the_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "labels.zip", "w") as archive:
        archive.writestr("a.json", COCO)
    error = refused(tmp_path)
    assert "labels.zip" in str(error)
    assert "path of the zip" in error.mend


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde"


@pytest.mark.parametrize(
    ("wanted", "name", "body", "looks"),
    [
        ("voc", "x.txt", KITTI, "kitti"),
        ("voc", "x.txt", "some words of a note\n", ""),
        ("voc", "labels.dat", COCO, "coco"),
        ("kitti", "gt.json", COCO, "coco"),
        ("kitti", "x.txt", "some words of a note\nand more of them\n", ""),
        ("kitti", "x.txt", "0 0.5 0.5 0.2 0.2\n", "makesense-rect-yolo"),
        ("coco", "a.png", PNG, "a picture or another binary file"),
        ("coco", "dets.json", RESULTS, "coco-results"),
        ("coco", "vgg.json", VGG, "makesense-vgg"),
        ("coco-results", "instances.json", COCO, "coco"),
        ("makesense", "instances.json", COCO, "coco"),
        ("makesense", "x.txt", KITTI, "kitti"),
        ("makesense", "x.txt", "some words of a note\n", ""),
        ("makesense", "labels.dat", RECT_CSV, "makesense"),
        ("makesense-vgg", "tags.json", SHAPES["tags.json"][0], "makesense-tag-json"),
        ("makesense-points", "rects.csv", RECT_CSV, "makesense-rect-csv"),
    ],
)
def test_a_named_format_is_not_forced_on_what_it_cannot_be(source, wanted, name, body, looks):
    error = refused(source({name: body}, folder=False), format=wanted)
    assert isinstance(error, FormatError)
    told = f": it looks like {looks} - " if looks else " - "
    assert f"{name}: no file in it can be read as {wanted} ({name}){told}" in str(error)
    assert error.mend


@pytest.mark.parametrize(
    ("wanted", "name", "body"),
    [
        ("voc", "x.txt", VOC.format(name="a.jpg")),
        ("voc", "a.xml.bak", VOC.format(name="a.jpg")),
        ("kitti", "labels", KITTI),
        ("kitti", "a.json", KITTI),
        ("coco", "instances.bak", COCO),
        ("coco", "instances.txt", "\ufeff" + COCO),
        ("coco-results", "dets.out", RESULTS),
        ("voc", "ms.xml", MAKESENSE_VOC),
        ("makesense", "a.xml", VOC.format(name="a.jpg")),
        ("makesense", "A.XML", MAKESENSE_VOC),
        ("makesense-rect", "lines.csv", SHAPES["lines.csv"][0]),
    ],
)
def test_a_named_format_is_forced_on_content_that_fits(source, wanted, name, body):
    dataset = read(source({name: body}, folder=False), ReadOptions(format=wanted))
    assert len(dataset.boxes) == 1
    assert dataset.boxes[["x1", "y1", "x2", "y2"]].notna().all(axis=None)


def test_a_lone_label_file_without_objects_is_an_empty_image_when_it_is_named(source):
    dataset = read(source({"000001.txt": ""}, folder=False), ReadOptions(format="kitti"))
    assert dataset.images["label_state"].tolist() == ["empty"]


@pytest.mark.parametrize("word", ["nonsense", "rect-csv"])
def test_the_kinds_of_make_sense_are_among_the_legal_formats(source, word):
    error = refused(source({"a.xml": VOC.format(name="a.jpg")}), format=word)
    assert "or makesense-KIND" in error.what
    assert all(kind in error.what for kind in (*READERS, *KINDS))


def test_an_unknown_file_is_refused_with_the_kinds_of_make_sense(source):
    error = refused(source({"a.txt": "some words of a note\n"}, folder=False))
    assert all(kind in error.mend for kind in (*READERS, *KINDS))


def test_a_kind_of_make_sense_is_the_nearest_to_its_own_name(source):
    error = refused(source({"a.xml": VOC.format(name="a.jpg")}), format="makesens-vgg")
    assert "did you mean 'makesense-vgg'?" in error.mend
