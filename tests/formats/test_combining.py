"""Several sources in one dataset: names, files, shared images, and reading them once more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from curate import ReadOptions, audit, load, save
from curate.errors import UsageError
from curate.formats import read, read_again, read_all, write
from curate.report import to_document

KITTI = "Car 0.00 0 -1.57 1.00 2.00 20.00 30.00 1.50 1.60 3.90 1.00 1.00 60.00 -1.50\n"
TABLES = ("images", "boxes", "findings", "classes")


def coco(*names, boxes=1, ids=(1, 7)):
    """COCO labels of images 60 x 40 px of these names, classes person and car."""
    return {
        "images": [
            {"id": n, "file_name": name, "width": 60, "height": 40}
            for n, name in enumerate(names, 1)
        ],
        "annotations": [
            {"id": 10 * n + m, "image_id": n, "category_id": ids[1], "bbox": [m, 2, 9, 9]}
            for n in range(1, len(names) + 1)
            for m in range(1, boxes + 1)
        ],
        "categories": [{"id": ids[0], "name": "person"}, {"id": ids[1], "name": "car"}],
    }


def results(*rows):
    """COCO results of (image id, class id, x)."""
    return [
        {"image_id": i, "category_id": c, "bbox": [x, 2, 9, 9], "score": 0.5} for i, c, x in rows
    ]


@pytest.fixture
def stored(tmp_path):
    """Writes JSON (or text) under a name; gives its path."""

    def write_file(name, value):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return path

    return write_file


def test_two_sources_stand_one_after_the_other_under_their_names(stored):
    one, two = stored("one.json", coco("a.jpg")), stored("two.json", coco("a.jpg", "b.jpg"))
    dataset = read_all([one, two])
    assert dataset.name == "one+two"
    assert dataset.format == "coco"
    keys = ["one/a.jpg", "two/a.jpg", "two/b.jpg"]
    assert dataset.images["image_key"].tolist() == keys
    assert dataset.boxes["file"].tolist() == ["one/one.json", "two/two.json", "two/two.json"]
    assert dataset.sources.names() == ["one/one.json", "two/two.json"]
    assert dataset.sources.read("two/two.json") == two.read_bytes()


def test_ids_are_those_of_the_sources_alone(stored):
    one, two = stored("one.json", coco("a.jpg")), stored("two.json", coco("a.jpg"))
    both = read_all([one, two])
    alone = [read(path) for path in (one, two)]
    for table, column in (("images", "image_id"), ("boxes", "box_id")):
        wanted = [i for part in alone for i in getattr(part, table)[column].tolist()]
        assert getattr(both, table)[column].tolist() == wanted


def test_a_given_name_is_that_of_the_whole(stored):
    paths = [stored("one.json", coco("a.jpg")), stored("two.json", coco("a.jpg"))]
    dataset = read_all(paths, ReadOptions(name="street"))
    assert dataset.name == "street"
    assert dataset.images["source"].tolist() == ["one", "two"]


def test_one_source_alone_is_that_source(stored):
    path = stored("one.json", coco("a.jpg"))
    assert read_all([path]).sources.names() == ["one.json"]


@pytest.mark.parametrize("options", [ReadOptions(), ReadOptions(name="street")])
def test_two_sources_of_one_name_are_refused(stored, options):
    paths = [stored("x/one.json", coco("a.jpg")), stored("y/one.json", coco("b.jpg"))]
    with pytest.raises(UsageError, match=r"several sources are called one - .*--name"):
        read_all(paths, options)


def test_a_source_given_twice_is_refused(stored):
    path = stored("one.json", coco("a.jpg"))
    with pytest.raises(UsageError, match=r"several sources are called one|given twice"):
        read_all([path, path])


def test_sources_of_two_formats_stand_side_by_side(stored, tmp_path):
    stored("kitti/000000.txt", KITTI)
    dataset = read_all([stored("one.json", coco("a.jpg")), tmp_path / "kitti"])
    assert dataset.format == "mixed"
    assert dataset.formats == {"one/one.json": "coco", "kitti/000000.txt": "kitti"}
    assert dataset.boxes["label"].tolist() == ["car", "Car"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_results_predict_over_the_annotation_file_beside_them(stored, order):
    paths = [
        stored("labels.json", coco("a.jpg", "b.jpg")),
        stored("dets.json", results((1, 7, 3), (2, 1, 4), (2, 7, 5))),
    ]
    dataset = read_all([paths[n] for n in order])
    assert sorted(dataset.images["image_key"]) == ["labels/a.jpg", "labels/b.jpg"]
    found = dataset.boxes.merge(dataset.images[["image_id", "image_key"]])
    rows = found[["origin", "image_key", "label", "x1"]].to_numpy().tolist()
    assert sorted(rows) == [
        ["detector", "labels/a.jpg", "car", 3],
        ["detector", "labels/b.jpg", "car", 5],
        ["detector", "labels/b.jpg", "person", 4],
        ["human", "labels/a.jpg", "car", 1],
        ["human", "labels/b.jpg", "car", 1],
    ]
    assert len(audit(dataset)) == 0


def test_two_results_files_share_the_images_of_one_annotation_file(stored):
    paths = [
        stored("labels.json", coco("a.jpg")),
        stored("one.json", results((1, 7, 3))),
        stored("two.json", results((1, 7, 4))),
    ]
    dataset = read_all(paths)
    assert len(dataset.images) == 1
    assert dataset.boxes["x1"].tolist() == [1, 3, 4]
    assert dataset.boxes["box_id"].is_unique


def test_class_ids_of_results_may_be_indices(stored):
    paths = [
        stored("labels.json", coco("a.jpg")),
        stored("dets.json", results((1, 0, 3), (1, 1, 4))),
    ]
    wrong = read_all(paths)
    (finding,) = to_document(audit(wrong), "s")["findings"]
    assert finding["check"] == "SRC-012"
    assert "--class-ids index" in finding["mend"]
    right = read_all(paths, ReadOptions(class_ids="index"))
    assert right.boxes["label"].tolist() == ["car", "person", "car"]
    assert len(audit(right)) == 0


def test_a_fault_of_the_shared_annotation_file_is_told_once(stored):
    paths = [
        stored("labels.json", coco("a.jpg", "a.jpg")),
        stored("dets.json", results((1, 7, 3))),
    ]
    dataset = read_all(paths)
    checks = [f["check"] for f in to_document(audit(dataset), "s")["findings"]]
    assert checks == ["IMG-006"]


def test_results_over_a_renamed_source_share_its_images(stored):
    paths = [stored("labels.json", coco("a.jpg")), stored("dets.json", results((1, 7, 3)))]
    told = [ReadOptions(name="street"), ReadOptions()]
    for order in ((0, 1), (1, 0)):
        dataset = read_all([paths[n] for n in order], [told[n] for n in order])
        assert dataset.images["image_key"].tolist() == ["street/a.jpg"]
        assert sorted(dataset.boxes["x1"]) == [1, 3]


def test_an_annotation_file_behind_a_link_is_the_one_beside_the_results(stored, tmp_path):
    stored("store/4711.json", coco("a.jpg"))
    (tmp_path / "labels.json").symlink_to(tmp_path / "store" / "4711.json")
    path = stored("dets.json", results((1, 7, 3)))
    for options in (None, ReadOptions(truth=tmp_path / "store" / "4711.json")):
        dataset = read_all([tmp_path / "labels.json", path], options)
        assert dataset.images["image_key"].tolist() == ["labels/a.jpg"]


def test_a_results_file_alone_knows_its_images_by_the_name_of_their_source(stored):
    truth, path = stored("labels.json", coco("a.jpg")), stored("dets.json", results((1, 7, 3)))
    dataset = read(path, ReadOptions(truth=truth, truth_name="street"))
    assert dataset.images["image_key"].tolist() == ["street/a.jpg"]
    assert read_again(dataset).boxes.equals(dataset.boxes)


def test_each_source_has_the_pictures_of_its_own_folder(stored, tmp_path):
    paths = [stored("one.json", coco("a.jpg")), stored("two.json", coco("a.jpg"))]
    for name, file in (("one", "a.jpg"), ("two", "a.jpg"), ("two", "extra.jpg")):
        (tmp_path / "pictures" / name).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40)).save(tmp_path / "pictures" / name / file)
    told = [ReadOptions(images=tmp_path / "pictures" / name) for name in ("one", "two")]
    dataset = read_all(paths, told, name="both")
    assert dataset.name == "both"
    assert dataset.images_root == tmp_path / "pictures"
    found = dict(zip(dataset.images["image_key"], dataset.images["path"], strict=True))
    assert found == {
        "one/a.jpg": "one/a.jpg",
        "two/a.jpg": "two/a.jpg",
        "two/extra.jpg": "two/extra.jpg",
    }
    for name in ("one", "two"):
        save(read(tmp_path / f"{name}.json", told[name == "two"]), tmp_path / f"{name}.curate")
    stored_again = read_all([tmp_path / "one.curate", tmp_path / "two.curate"])
    assert stored_again.images_root == tmp_path / "pictures"
    assert stored_again.images["path"].tolist() == list(found.values())


def test_an_option_that_its_own_source_cannot_heed_is_refused(stored, tmp_path):
    stored("yolo/a.txt", "0 0.5 0.5 0.5 0.5")
    paths = [stored("one.json", coco("a.jpg")), tmp_path / "yolo"]
    size = ReadOptions(size_wh=(60, 40))
    classes = ReadOptions(size_wh=(60, 40), classes=("bus",))
    assert read_all(paths, [size, classes]).boxes["label"].tolist() == ["car", "bus"]
    with pytest.raises(UsageError, match="--classes names the classes"):
        read_all(paths, [classes, size])


def test_findings_name_the_file_below_its_source(stored):
    broken = coco("a.jpg")
    broken["annotations"][0]["category_id"] = 99
    dataset = read_all([stored("one.json", broken), stored("two.json", coco("a.jpg"))])
    (finding,) = to_document(audit(dataset), "s")["findings"]
    assert (finding["check"], finding["file"]) == ("SRC-004", "one/one.json")
    assert [m["file"] for m in finding["members"]] == ["one/one.json"]


def test_the_kept_bytes_read_again_give_the_same_tables(stored, tmp_path):
    stored("kitti/000000.txt", KITTI)
    paths = [
        stored("labels.json", coco("a.jpg", "b.jpg")),
        stored("dets.json", results((1, 7, 3))),
        tmp_path / "kitti",
    ]
    dataset = read_all(paths)
    save(dataset, tmp_path / "set")
    again = read_again(load(tmp_path / "set"))
    for table in TABLES:
        assert getattr(again, table).equals(getattr(dataset, table)), table


def test_datasets_are_combined_with_each_other_and_with_labels(stored, tmp_path):
    save(read(stored("one.json", coco("a.jpg"))), tmp_path / "first")
    save(
        read_all([stored("two.json", coco("b.jpg")), stored("three.json", coco("c.jpg"))]),
        tmp_path / "second",
    )
    dataset = read_all(
        [tmp_path / "first", tmp_path / "second", stored("four.json", coco("d.jpg"))]
    )
    keys = ["one/a.jpg", "two/b.jpg", "three/c.jpg", "four/d.jpg"]
    assert dataset.images["image_key"].tolist() == keys
    again = read_again(dataset)
    assert again.boxes.equals(dataset.boxes)


def test_sources_of_one_name_in_two_datasets_stay_apart(stored, tmp_path):
    for folder, name in (("x", "a.jpg"), ("y", "b.jpg")):
        own = stored(f"{folder}/one.json", coco(name))
        other = stored(f"{folder}{folder}.json", coco(name))
        save(read_all([own, other]), tmp_path / folder / "set")
    dataset = read_all([tmp_path / "x" / "set", tmp_path / "y" / "set"])
    assert dataset.images["image_key"].tolist() == [
        "one/a.jpg", "xx/a.jpg", "one/b.jpg", "yy/b.jpg",
    ]  # fmt: skip
    assert read_again(dataset).boxes.equals(dataset.boxes)


def test_the_same_boxes_from_two_sources_are_refused(stored, tmp_path):
    one, two = stored("one.json", coco("a.jpg", boxes=2)), stored("two.json", coco("b.jpg"))
    save(read_all([one, two]), tmp_path / "both")
    with pytest.raises(UsageError, match=r"2 boxes come from two of the sources, .*'one'"):
        read_all([tmp_path / "both", one])


@pytest.mark.parametrize("n_broken", [1, 12])
def test_findings_of_equal_files_in_two_sources_have_ids_of_their_own(stored, tmp_path, n_broken):
    for folder in ("one", "two"):
        stored(f"{folder}/000000.txt", KITTI * 30)
        stored(f"{folder}/000001.txt", KITTI.replace("0.00", "x") * n_broken + KITTI * 30)
    dataset = read_all([tmp_path / "one", tmp_path / "two"])
    found = to_document(audit(dataset, select=["SRC"]), "s")["findings"]
    ids = [f["finding_id"] for f in found]
    assert len(ids) >= 2
    assert len(set(ids)) == len(ids)


def test_combined_coco_files_are_written_as_they_were(stored, tmp_path):
    paths = [stored("one.json", coco("a.jpg")), stored("two.json", coco("b.jpg", boxes=3))]
    write(read_all(paths), "coco", tmp_path / "out")
    written = {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*.json")}
    assert written == {p.name: p.read_bytes() for p in paths}


def test_the_annotation_file_of_results_is_kept_once(tmp_path: Path) -> None:
    labels = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}],
        "annotations": [],
        "categories": [{"id": 1, "name": "car"}],
    }
    found = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "score": 0.5}]
    for name, value in (("i.json", labels), ("d.json", found)):
        (tmp_path / name).write_text(json.dumps(value))
    save(read_all([tmp_path / "i.json", tmp_path / "d.json"]), tmp_path / "set")
    dataset = load(tmp_path / "set")
    assert dataset.sources.names() == ["d/d.json", "i/i.json"]
    assert dataset.classes["label"].tolist() == ["car"]
    write(dataset, "coco", tmp_path / "out")
    assert json.loads((tmp_path / "out/d/d.json").read_text()) == found
    assert json.loads((tmp_path / "out/i/i.json").read_text()) == labels
    assert not (tmp_path / "out/d/i.json").exists()
