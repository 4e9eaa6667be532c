"""Which options are refused: values that nothing could be read with, and options without use."""

from __future__ import annotations

import json

import pytest

from curate import ReadOptions, audit, load, read, save
from curate.errors import UsageError
from curate.formats import read_all

KITTI = "Car 0.00 0 -1.57 1.00 2.00 20.00 30.00 1.50 1.60 3.90 1.00 1.00 60.00 -1.50\n"
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 18, 27]}],
    "categories": [{"id": 1, "name": "car"}],
}
RESULTS = [{"image_id": 1, "category_id": 0, "bbox": [2, 3, 18, 27], "score": 0.5}]
VOC = (
    "<annotation><filename>a.jpg</filename><size><width>60</width><height>40</height></size>"
    "<object><name>car</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>20</xmax><ymax>30</ymax>"
    "</bndbox></object></annotation>"
)


@pytest.fixture
def labels(tmp_path):
    """Files of labels by format; the dataset folder `stored` is the COCO file ingested."""
    bodies = {
        "coco.json": json.dumps(COCO),
        "dets.json": json.dumps(RESULTS),
        "000001.txt": KITTI,
        "a.xml": VOC,
        "yolo.txt": "0 0.5 0.5 0.2 0.2\n",
    }
    for name, body in bodies.items():
        (tmp_path / name).write_text(body)
    save(read(tmp_path / "coco.json"), tmp_path / "stored")
    return tmp_path


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "/a", "a\\b", "a\0b", "a\nb", "a\rb"])
def test_a_name_that_cannot_begin_an_image_key_is_refused(name):
    with pytest.raises(UsageError, match=r"--name is .*should be a word.* - choose another name"):
        ReadOptions(name=name)


@pytest.mark.parametrize("name", ["street 2024", "s.1", "路口", "a:b"])
def test_any_other_name_begins_the_image_keys(labels, name):
    dataset = read(labels / "coco.json", ReadOptions(name=name))
    assert dataset.images["image_key"].tolist() == [f"{name}/a.jpg"]


@pytest.mark.parametrize("size", [(0, 40), (60, 0), (-1, 40), (60,), (60, 40, 3)])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(UsageError, match=r"--size is .*should be width and height in px"):
        ReadOptions(size_wh=size)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_pixel_is_refused(limit):
    with pytest.raises(UsageError, match=f"--max-pixels is {limit}, should be .* above 0"):
        ReadOptions(max_pixels=limit)
    assert ReadOptions(max_pixels=1).max_pixels == 1


def test_class_ids_are_own_or_index():
    with pytest.raises(UsageError, match="--class-ids is 'indices', should be own or index"):
        ReadOptions(class_ids="indices")


@pytest.mark.parametrize("source", ["coco.json", "000001.txt", "a.xml", "yolo.txt"])
@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("truth", "coco.json", "--truth names the annotation file of a COCO results file, and no"),
        ("class_ids", "index", "--class-ids index says how a COCO results file numbers its"),
    ],
)
def test_an_option_of_results_files_is_refused_without_one(labels, source, option, value, words):
    given = {option: labels / value if option == "truth" else value}
    for take in (read, audit, lambda path, told: read_all([path], told)):
        with pytest.raises(UsageError) as error:
            take(labels / source, ReadOptions(**given, size_wh=(60, 40)))
        assert words in str(error.value)
        assert "leave it out" in error.value.mend


@pytest.mark.parametrize("source", ["coco.json", "dets.json", "000001.txt", "a.xml"])
def test_class_names_are_refused_where_no_class_is_numbered(labels, source):
    with pytest.raises(UsageError, match="--classes names the classes of labels that only number"):
        read(labels / source, ReadOptions(classes=("car",)))


def test_each_option_is_taken_where_a_source_heeds_it(labels):
    told = ReadOptions(truth=labels / "coco.json", class_ids="index")
    assert read(labels / "dets.json", told).boxes["label"].tolist() == ["car"]
    told = ReadOptions(classes=("bus",), size_wh=(60, 40))
    assert read(labels / "yolo.txt", told).boxes["label"].tolist() == ["bus"]


def test_of_several_sources_one_that_heeds_the_option_is_enough(labels):
    told = ReadOptions(class_ids="index")
    dataset = read_all([labels / "coco.json", labels / "dets.json"], told)
    assert dataset.boxes["label"].tolist() == ["car", "car"]
    with pytest.raises(UsageError, match="--class-ids index"):
        read_all([labels / "coco.json", labels / "a.xml"], told)


def test_a_dataset_folder_refuses_what_it_cannot_heed(labels):
    with pytest.raises(UsageError, match="is a dataset folder, which --class-ids cannot change"):
        read(labels / "stored", ReadOptions(class_ids="index"))
    with pytest.raises(UsageError, match="is a dataset folder, which --classes cannot change"):
        read(labels / "stored", ReadOptions(classes=("car",)))


def test_a_dataset_folder_beside_labels_leaves_the_options_to_them(labels):
    told = ReadOptions(size_wh=(60, 40), classes=("bus",))
    dataset = read_all([labels / "stored", labels / "yolo.txt"], told)
    assert dataset.boxes["label"].tolist() == ["car", "bus"]
    stored = load(labels / "stored").boxes
    edges = ["x1", "y1", "x2", "y2"]
    assert dataset.boxes[edges].iloc[0].tolist() == stored[edges].iloc[0].tolist()


def test_results_without_their_annotation_file_are_known_by_id(labels):
    dataset = read(labels / "dets.json")
    assert dataset.images["image_key"].tolist() == ["dets/1"]
    told = dataset.findings[["check", "level"]].to_numpy().tolist()
    assert told == [["SRC-019", "warning"]]
    assert "--truth FILE" in dataset.findings["mend"].iloc[0]
