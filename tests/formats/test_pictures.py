"""Joining pictures to labels: sizes, frames, and what is missing, extra, broken or double."""

from __future__ import annotations

import io
import json
import unicodedata

import pytest
from PIL import Image

from curate import ReadOptions, audit, read, save
from curate.formats import read_all
from curate.formats.pictures import join_pictures
from curate.images import open_pictures
from curate.report import to_document

EDGES = ["x1", "y1", "x2", "y2"]


@pytest.fixture
def labels(tmp_path):
    """Writes COCO labels of images given as (name, width, height, boxes as x y w h)."""

    def write(*images, name="labels.json"):
        document = {
            "images": [
                {"id": n, "file_name": file, "width": width, "height": height}
                for n, (file, width, height, _) in enumerate(images, 1)
            ],
            "annotations": [
                {"id": 100 * n + m, "image_id": n, "category_id": 1, "bbox": list(box)}
                for n, (*_, boxes) in enumerate(images, 1)
                for m, box in enumerate(boxes, 1)
            ],
            "categories": [{"id": 1, "name": "car"}],
        }
        path = tmp_path / name
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        return path

    return write


@pytest.fixture
def picture(tmp_path):
    """Writes a picture under the image folder; colours differ unless they are given."""
    n_written = iter(range(10_000))

    def write(name, size=(60, 40), *, orientation=None, colour=None):
        number = next(n_written)
        colour = colour or (number % 256, number // 256, 90)
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        if orientation is not None:
            exif[0x0112] = orientation
        kind = "PNG" if name.lower().endswith("png") else "JPEG"
        Image.new("RGB", size, colour).save(path, kind, exif=exif)
        return path

    return write


@pytest.fixture
def joined(tmp_path):
    """The dataset of labels and the pictures under the image folder."""

    def join(path, **options):
        folder = tmp_path / "pictures"
        folder.mkdir(exist_ok=True)
        return read(path, ReadOptions(images=folder, **options))

    return join


def findings(dataset):
    """(code, names of the members or of the image) of each finding, sorted."""
    return sorted(
        (f["check"], " ".join(m["image"] or "" for m in f["members"]) or f["image"])
        for f in to_document(audit(dataset), "s")["findings"]
    )


def images(dataset, *columns):
    return dataset.images[["image_key", *columns]].astype(object).to_numpy().tolist()


def test_pictures_of_the_declared_size_give_no_finding(labels, picture, joined):
    picture("a.jpg")
    dataset = joined(labels(("a.jpg", 60, 40, [(1, 1, 9, 9)])))
    assert findings(dataset) == []
    columns = ("path", "width", "height", "exif_orientation", "box_frame")
    assert images(dataset, *columns) == [["labels/a.jpg", "a.jpg", 60, 40, 1, "upright"]]


def test_joining_changes_no_image_key_and_no_box(labels, picture, joined):
    picture("sub/A.JPG")
    path = labels(("a.jpg", 60, 40, [(1, 1, 9, 9)]), ("b.jpg", 60, 40, [(1, 1, 9, 9)]))
    without, dataset = read(path), joined(path)
    assert dataset.images["path"].tolist()[0] == "sub/A.JPG"
    for column in ("image_id", "image_key", "source_id", "label_state"):
        assert dataset.images[column].tolist() == without.images[column].tolist()
    assert dataset.boxes.equals(without.boxes)


def test_unknown_sizes_become_the_measured_upright_ones(tmp_path, picture, joined):
    picture("000000.png", (70, 30), orientation=6)
    path = tmp_path / "000000.txt"
    path.write_text("Car 0.00 0 -1.57 1 2 20 60 1.5 1.6 3.9 1 1 60 -1.5\n")
    dataset = joined(path)
    assert images(dataset, "width", "height") == [["000000/000000", 30, 70]]
    assert findings(dataset) == []


@pytest.mark.parametrize(("orientation", "size"), [(6, (60, 40)), (8, (60, 40)), (5, (60, 40))])
def test_boxes_for_the_picture_as_stored_are_one_finding_and_none_outside(
    labels, picture, joined, orientation, size
):
    picture("a.jpg", size, orientation=orientation)
    picture("b.jpg", size, orientation=orientation)
    # In the upright frame of 40 x 60 px these boxes would lie 15 px outside.
    box = (5, 5, 50, 30)
    dataset = joined(labels(("a.jpg", *size, [box]), ("b.jpg", *size, [box])))
    assert findings(dataset) == [("IMG-005", "labels/a.jpg labels/b.jpg")]
    assert images(dataset, "box_frame", "exif_orientation") == [
        ["labels/a.jpg", "stored", orientation],
        ["labels/b.jpg", "stored", orientation],
    ]
    assert dataset.boxes[EDGES].to_numpy().tolist() == [[5, 5, 55, 35]] * 2


def test_a_box_outside_of_the_stored_frame_is_still_found(labels, picture, joined):
    picture("a.jpg", (60, 40), orientation=6)
    dataset = joined(labels(("a.jpg", 60, 40, [(50, 5, 20, 30)])))
    assert [code for code, _ in findings(dataset)] == ["BOX-002", "IMG-005"]


def test_labels_of_the_upright_size_are_in_the_upright_frame(labels, picture, joined):
    picture("a.jpg", (60, 40), orientation=6)
    dataset = joined(labels(("a.jpg", 40, 60, [(5, 5, 30, 50)])))
    assert findings(dataset) == []
    assert images(dataset, "width", "height", "box_frame") == [["labels/a.jpg", 40, 60, "upright"]]


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_orientations_that_keep_the_size_are_not_guessed_at(labels, picture, joined, orientation):
    picture("a.jpg", (60, 40), orientation=orientation)
    dataset = joined(labels(("a.jpg", 60, 40, [(5, 5, 30, 30)])))
    assert findings(dataset) == []
    assert images(dataset, "exif_orientation") == [["labels/a.jpg", orientation]]


def test_each_source_with_stored_frames_has_a_finding_of_its_own(tmp_path, labels, picture, joined):
    picture("a.jpg", (60, 40), orientation=6)
    picture("b.jpg", (60, 40), orientation=6)
    one = labels(("a.jpg", 60, 40, []), name="one.json")
    two = labels(("b.jpg", 60, 40, []), name="two.json")
    dataset = read_all([one, two], ReadOptions(images=tmp_path / "pictures"))
    assert findings(dataset) == [("IMG-005", "one/a.jpg"), ("IMG-005", "two/b.jpg")]


def test_a_declared_size_that_is_neither_frame_is_a_finding(labels, picture, joined):
    picture("a.jpg", (60, 40), orientation=6)
    picture("b.jpg", (60, 40))
    dataset = joined(labels(("a.jpg", 80, 120, []), ("b.jpg", 40, 60, [])))
    assert findings(dataset) == [("IMG-004", "labels/a.jpg"), ("IMG-004", "labels/b.jpg")]
    assert sorted(dataset.findings["message"]) == [
        "declared size 40 x 60 px, the picture is 60 x 40 px",
        "declared size 80 x 120 px, the picture is 40 x 60 px",
    ]
    assert images(dataset, "width", "declared_width") == [
        ["labels/a.jpg", 40, 80],
        ["labels/b.jpg", 60, 40],
    ]


def test_a_missing_picture_is_a_finding_at_its_record(labels, picture, joined):
    picture("a.jpg")
    dataset = joined(labels(("a.jpg", 60, 40, []), ("b\nc.jpg", 60, 40, [])))
    (finding,) = to_document(audit(dataset), "s")["findings"]
    assert (finding["check"], finding["image"]) == ("IMG-001", "labels/b\nc.jpg")
    assert finding["file"] == "labels.json"
    assert "'b\\nc.jpg'" in finding["message"]
    assert images(dataset, "width")[1] == ["labels/b\nc.jpg", 60]
    assert dataset.images["path"].isna().tolist() == [False, True]


def test_a_picture_without_a_label_is_a_row_that_nobody_spoke_of(labels, picture, joined):
    picture("a.jpg")
    picture("sub/extra one.jpg", (30, 20), orientation=8)
    dataset = joined(labels(("a.jpg", 60, 40, [(1, 1, 9, 9)])))
    assert findings(dataset) == [("IMG-002", "labels/sub/extra one.jpg")]
    assert images(dataset, "path", "label_state", "width", "height") == [
        ["labels/a.jpg", "a.jpg", "present", 60, 40],
        ["labels/sub/extra one.jpg", "sub/extra one.jpg", "missing", 20, 30],
    ]
    (level,) = dataset.findings["level"]
    assert level == "warning"


def test_pictures_without_any_label_are_all_orphans(labels, picture, joined):
    picture("a.jpg")
    picture("b.jpg")
    dataset = joined(labels())
    assert findings(dataset) == [("IMG-002", "labels/a.jpg"), ("IMG-002", "labels/b.jpg")]


def test_an_orphan_of_a_decomposed_name_has_a_composed_key(labels, picture, joined):
    picture(unicodedata.normalize("NFD", "café.jpg"))
    dataset = joined(labels())
    key = unicodedata.normalize("NFC", "labels/café.jpg")
    assert dataset.images["image_key"].tolist() == [key]


def test_orphans_whose_names_differ_only_in_their_unicode_form_are_two(
    tmp_path, labels, picture, joined
):
    for form in ("NFC", "NFD"):
        picture(unicodedata.normalize(form, "é.jpg"))
    if len(list((tmp_path / "pictures").iterdir())) < 2:
        pytest.skip("the file system joins both forms")
    dataset = joined(labels())
    assert [code for code, _ in findings(dataset)] == ["IMG-002", "IMG-002"]
    assert dataset.images["image_key"].is_unique


@pytest.mark.parametrize("body", [b"", b"not a picture", None])
def test_a_picture_that_cannot_be_opened_is_a_finding(labels, picture, joined, body):
    path = picture("a.jpg", (64, 64))
    path.write_bytes(path.read_bytes()[:-60] if body is None else body)
    orphan = picture("b.jpg")
    orphan.write_bytes(b"")
    dataset = joined(labels(("a.jpg", 64, 64, [(1, 1, 9, 9)])))
    assert findings(dataset) == [
        ("IMG-002", "labels/b.jpg"),
        ("IMG-003", "labels/a.jpg"),
        ("IMG-003", "labels/b.jpg"),
    ]
    # Declared sizes stay: nothing was measured.
    assert images(dataset, "width")[0] == ["labels/a.jpg", 64]
    assert dataset.images["exif_orientation"].isna().all()
    assert dataset.findings["level"].tolist() == ["error", "error", "warning"]


def test_the_pixel_limit_reaches_the_pictures(labels, picture, joined):
    picture("a.jpg", (60, 40))
    path = labels(("a.jpg", 60, 40, []))
    assert findings(joined(path, max_pixels=2400)) == []
    assert findings(joined(path, max_pixels=2399)) == [("IMG-003", "labels/a.jpg")]


def test_a_name_that_several_pictures_fit_is_a_finding_and_none_is_an_orphan(
    labels, picture, joined
):
    picture("cam1/a.jpg")
    picture("cam2/a.jpg")
    dataset = joined(labels(("a.jpg", 99, 99, [])))
    assert findings(dataset) == [("IMG-007", "labels/a.jpg")]
    (message,) = dataset.findings["message"]
    assert "cam1/a.jpg, cam2/a.jpg" in message
    assert dataset.images["path"].isna().tolist() == [True]


def test_two_pictures_of_one_name_are_told_apart_by_the_declared_size(labels, picture, joined):
    picture("cam1/a.jpg", (60, 40))
    picture("cam2/a.jpg", (80, 50))
    dataset = joined(labels(("a.jpg", 80, 50, [(1, 1, 9, 9)]), ("a.jpg", 60, 40, [])))
    assert findings(dataset) == [("IMG-006", "labels/a.jpg labels/a.jpg#2")]
    assert images(dataset, "path", "width") == [
        ["labels/a.jpg", "cam2/a.jpg", 80],
        ["labels/a.jpg#2", "cam1/a.jpg", 60],
    ]


@pytest.mark.parametrize(
    "name", ["a b.jpg", "a,b.jpg", "路口 é.png", "quote\"'.jpg", "line\nend.jpg"]
)
def test_odd_names_are_joined(labels, picture, joined, name):
    picture(name)
    dataset = joined(labels((name, 60, 40, [(1, 1, 9, 9)])))
    assert findings(dataset) == []
    assert dataset.images["path"].tolist() == [name]


def test_a_decomposed_name_on_disk_is_joined_to_a_composed_label(labels, picture, joined):
    picture(unicodedata.normalize("NFD", "café.png"))
    composed = unicodedata.normalize("NFC", "café.png")
    assert findings(joined(labels((composed, 60, 40, [])))) == []


def test_equal_pictures_of_two_names_are_one_finding_with_their_boxes(labels, picture, joined):
    picture("a.jpg", colour=(1, 2, 3))
    picture("b.jpg", colour=(1, 2, 3))
    picture("c.jpg", colour=(3, 2, 1))
    box = (1, 1, 9, 9)
    path = labels(("a.jpg", 60, 40, [box]), ("b.jpg", 60, 40, [box, box]), ("c.jpg", 60, 40, []))
    (finding,) = [
        f for f in to_document(audit(joined(path)), "s")["findings"] if f["check"] == "IMG-008"
    ]
    assert finding["level"] == "warning"
    assert "a.jpg (1 boxes), b.jpg (2 boxes)" in finding["message"]
    # Three boxes and the two images themselves.
    assert sorted(m["source_id"] or m["image"] for m in finding["members"]) == [
        "101", "201", "202", "labels/a.jpg", "labels/b.jpg",
    ]  # fmt: skip


def test_an_equal_picture_without_a_label_is_named(labels, picture, joined):
    picture("a.jpg", colour=(1, 2, 3))
    picture("copy.jpg", colour=(1, 2, 3))
    dataset = joined(labels(("a.jpg", 60, 40, [])))
    assert findings(dataset) == [
        ("IMG-002", "labels/copy.jpg"),
        ("IMG-008", "labels/a.jpg labels/copy.jpg"),
    ]


def test_many_missing_pictures_are_one_finding_with_all_members(labels, joined):
    names = [f"{n:03}.jpg" for n in range(30)]
    dataset = joined(labels(*((name, 60, 40, []) for name in names)))
    assert findings(dataset) == [("IMG-001", " ".join(f"labels/{name}" for name in names))]


def test_pictures_of_one_source_are_no_orphans_of_another(tmp_path, labels, picture, joined):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        picture(name)
    one = labels(("a.jpg", 60, 40, [(1, 1, 9, 9)]), name="one.json")
    two = labels(("b.jpg", 60, 40, [(1, 1, 9, 9)]), name="two.json")
    dataset = read_all([one, two], ReadOptions(images=tmp_path / "pictures"))
    assert findings(dataset) == [("IMG-002", "one/c.jpg")]
    assert dataset.images["image_key"].tolist() == ["one/a.jpg", "two/b.jpg", "one/c.jpg"]
    assert dataset.images_root == tmp_path / "pictures"


def test_joining_once_more_says_everything_once(tmp_path, labels, picture, joined):
    picture("a.jpg", (60, 40), orientation=6)
    picture("extra.jpg")
    dataset = joined(labels(("a.jpg", 60, 40, []), ("gone.jpg", 60, 40, [])))
    once = findings(dataset)
    assert [code for code, _ in once] == ["IMG-001", "IMG-002", "IMG-005"]
    save(dataset, tmp_path / "set")
    again = read(tmp_path / "set", ReadOptions(images=tmp_path / "pictures"))
    assert findings(again) == once
    assert again.images.equals(dataset.images)
    assert again.findings["finding_id"].tolist() == dataset.findings["finding_id"].tolist()


def test_a_mended_picture_is_no_finding_when_joined_once_more(tmp_path, labels, picture, joined):
    picture("extra.jpg")
    save(joined(labels(("a.jpg", 60, 40, []))), tmp_path / "set")
    (tmp_path / "pictures" / "extra.jpg").unlink()
    picture("a.jpg")
    again = read(tmp_path / "set", ReadOptions(images=tmp_path / "pictures"))
    assert findings(again) == []
    assert again.images["image_key"].tolist() == ["labels/a.jpg"]


def test_normalised_labels_take_their_sizes_from_the_pictures(tmp_path, picture, joined):
    picture("a.jpg", (60, 40), orientation=6)
    path = tmp_path / "a.txt"
    path.write_text("0 0.5 0.5 0.5 0.5")
    dataset = joined(path, classes=("car",))
    # A quarter to three quarters of the upright 40 x 60 px.
    assert dataset.boxes[EDGES].to_numpy().tolist() == [[10, 15, 30, 45]]
    assert [code for code, _ in findings(dataset)] == []


def test_measuring_does_not_write_into_the_image_folder(tmp_path, labels, picture, joined):
    body = io.BytesIO(picture("a.jpg").read_bytes()).getvalue()
    joined(labels(("a.jpg", 60, 40, [])))
    assert [p.name for p in (tmp_path / "pictures").iterdir()] == ["a.jpg"]
    assert (tmp_path / "pictures" / "a.jpg").read_bytes() == body


def test_a_picture_is_left_to_the_name_that_fits_it_best(labels, picture, joined):
    picture("train/1.jpg")
    dataset = joined(labels(("val/1.jpg", 60, 40, []), ("train/1.jpg", 60, 40, [])))
    assert findings(dataset) == [("IMG-001", "labels/val/1.jpg")]
    assert dataset.images["path"].fillna("").tolist() == ["", "train/1.jpg"]


def test_a_picture_that_two_names_fit_equally_well_is_neither_s(labels, picture, joined):
    picture("1.jpg")
    dataset = joined(labels(("x/1.jpg", 60, 40, []), ("y/1.jpg", 60, 40, [])))
    assert findings(dataset) == [("IMG-007", "labels/x/1.jpg"), ("IMG-007", "labels/y/1.jpg")]
    assert dataset.images["path"].isna().all()


def test_records_of_one_name_share_its_picture(labels, picture, joined):
    picture("a.jpg")
    dataset = joined(labels(("a.jpg", 60, 40, []), ("a.jpg", 60, 40, [])))
    assert dataset.images["path"].tolist() == ["a.jpg", "a.jpg"]
    assert [code for code, _ in findings(dataset)] == ["IMG-006"]


def test_a_name_that_only_looks_like_a_second_record_has_its_own_picture(labels, picture, joined):
    picture("shot.jpg", (60, 40))
    picture("shot#2.jpg", (30, 20))
    dataset = joined(labels(("shot", 60, 40, []), ("shot#2", 30, 20, [])))
    assert dataset.images["path"].tolist() == ["shot.jpg", "shot#2.jpg"]
    assert findings(dataset) == []


def test_a_declared_size_of_zero_is_wrong_and_not_unknown(labels, picture, joined):
    picture("a.jpg")
    dataset = joined(labels(("a.jpg", 0, 0, [])))
    assert dataset.findings["check"].tolist() == ["SRC-001", "SRC-001"]
    assert dataset.images["width"].tolist() == [60]
    assert dataset.images["declared_width"].isna().all()


def test_a_square_picture_that_is_turned_is_not_guessed_at(labels, picture, joined):
    picture("a.jpg", (50, 50), orientation=6)
    dataset = joined(labels(("a.jpg", 50, 50, [(5, 5, 30, 30)])))
    assert findings(dataset) == []
    assert images(dataset, "box_frame", "exif_orientation") == [["labels/a.jpg", "upright", 6]]


def test_findings_name_the_record_in_the_label_file(labels, picture, joined):
    picture("a.jpg", orientation=6)
    picture("b.jpg", orientation=6)
    dataset = joined(labels(*((name, 60, 40, []) for name in ("a.jpg", "b.jpg", "gone.jpg"))))
    missing, frame = dataset.findings.to_dict("records")
    assert (missing["check"], missing["file"], missing["source_id"]) == (
        "IMG-001", "labels.json", "3",
    )  # fmt: skip
    places = [(place["file"], place["source_id"]) for place in json.loads(frame["places"])]
    assert (frame["check"], places) == ("IMG-005", [("labels.json", "1"), ("labels.json", "2")])


def test_picture_folders_that_are_not_looked_into_are_one_finding(
    tmp_path, labels, picture, joined, unlistable
):
    picture("a.jpg")
    root = tmp_path / "pictures"
    (root / "again").symlink_to(root, target_is_directory=True)
    (root / "self").symlink_to(root / "self")
    deep = unlistable(root, "b.jpg")
    dataset = joined(labels(("a.jpg", 60, 40, [(1, 1, 9, 9)])))
    (told,) = dataset.findings.itertuples()
    assert (told.check, told.level) == ("IMG-009", "warning")
    assert [place["file"] for place in json.loads(told.places)] == ["again", deep, "self"]
    assert told.message.startswith("no picture was looked for in 'again' (a link to a folder), 'd")
    assert images(dataset, "path") == [["labels/a.jpg", "a.jpg"]]
    assert len(join_pictures(dataset, open_pictures(root)).findings) == 1


def test_joining_an_empty_folder_takes_an_earlier_join_back(tmp_path, labels, picture, joined):
    picture("a.jpg", orientation=6)
    picture("b.jpg", (9, 9))
    picture("orphan.jpg")
    path = labels(("a.jpg", 60, 40, []), ("b.jpg", 60, 40, []))
    save(joined(path), tmp_path / "set")
    (tmp_path / "empty").mkdir()
    again = read(tmp_path / "set", ReadOptions(images=tmp_path / "empty"))
    assert again.images.equals(read(path).images)
    assert [code for code, _ in findings(again)] == ["IMG-001", "IMG-001"]


def test_coco128_declares_the_sizes_of_its_pictures(real_data):
    folder = real_data / "coco128"
    options = ReadOptions(images=folder / "images")
    dataset = read(folder / "instances_permissive_images.json", options)
    assert len(dataset.images) == 33
    assert dataset.images["path"].notna().all()
    assert not dataset.findings["check"].str.startswith("IMG").any()


def test_the_known_duplicates_of_raccoon_are_found_with_their_boxes(real_data):
    folder = real_data / "voc_raccoon"
    dataset = read(folder / "annotations", ReadOptions(images=folder / "images"))
    found = dataset.findings[dataset.findings["check"] == "IMG-008"]
    kind = "exact_duplicate_image_with_different_boxes"
    known = json.loads((real_data / "known_defects.json").read_bytes())
    pairs = sorted(sorted(row["id"]) for row in known if row["kind"] == kind)
    assert len(pairs) == 4
    assert pairs == sorted(
        sorted(place["image"].partition("/")[2] for place in json.loads(places))
        for places in found["places"]
    )
    assert all(len(members) >= 2 for members in found["members"])


def test_two_pictures_of_one_name_in_the_app_are_told_apart_by_size(real_data):
    folder = real_data / "makesense_app" / "od_dupnames"
    (path,) = (folder / "polygon_coco").glob("*.json")
    dataset = read(path, ReadOptions(images=folder / "images"))
    # The app's two records state 1280 x 720 and 800 x 600 px (reference: makesense.md, 7).
    paths = dict(zip(dataset.images["width"], dataset.images["path"], strict=True))
    assert paths == {1280: "cam1/cam.jpg", 800: "cam2/cam.jpg"}


@pytest.mark.parametrize(
    ("width", "height", "checks"),
    [
        (60, None, []),
        (None, 40, []),
        (61, None, ["IMG-004"]),
        (None, 41, ["IMG-004"]),
    ],
)
def test_the_side_that_is_declared_is_compared(labels, picture, tmp_path, width, height, checks):
    picture("a.jpg", (60, 40))
    path = labels(("a.jpg", width, height, [(1, 1, 9, 9)]))
    dataset = read(path, ReadOptions(images=tmp_path / "pictures"))
    assert dataset.findings["check"].tolist() == checks
    assert all("?" in message for message in dataset.findings["message"])


def test_a_side_of_the_stored_frame_is_known_as_such(labels, picture, tmp_path):
    picture("a.jpg", (60, 40), orientation=6)
    path = labels(("a.jpg", 60, None, [(1, 1, 9, 9)]))
    dataset = read(path, ReadOptions(images=tmp_path / "pictures"))
    assert dataset.findings["check"].tolist() == ["IMG-005"]
