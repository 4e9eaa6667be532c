"""KITTI results files beside the labels: predictions on the images of the label files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from curate import audit, load, read, save
from curate.formats import read_again, write

CAR = "Car 0.00 0 -1.58 10.50 5.25 30.00 20.75 1.50 1.60 4.00 -2.00 1.70 9.00 -1.80"
VAN = "Van  0.50 1 -1.58 1.00 2.00 3.00 4.00 1.50 1.60 4.00 -2.00 1.70 9.00 -1.80"
FOUND = "Car -1 -1 -10 11.00 5.00 31.00 21.00 -1 -1 -1 -1000 -1000 -1000 -10 0.75"
LABELS = {"000000.txt": f"{CAR}\r\n{VAN}\r\n", "000001.txt": f"{CAR}\n", "000002.txt": ""}
RESULTS = {"000000.txt": f"{FOUND}\n{FOUND}", "000001.txt": "", "000002.txt": f"{FOUND} \n"}


@pytest.fixture
def tree(tmp_path):
    """Writes folders of label files below `kitti`; gives its path."""

    def write_files(**folders):
        for folder, files in folders.items():
            for name, text in files.items():
                path = tmp_path / "kitti" / folder.replace("__", "/") / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text.encode())
        return tmp_path / "kitti"

    return write_files


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.txt"))
    }


def boxes_by_image(dataset):
    found = dataset.boxes.merge(dataset.images[["image_id", "image_key"]], on="image_id")
    rows = zip(found["image_key"], found["origin"], found["x1"], found["file"], strict=True)
    return sorted(rows)


# The folder of the results stands before and behind the labels' in the order of names.
@pytest.mark.parametrize("folder", ["results__data", "detections"])
def test_results_predict_on_the_images_of_the_labels(tree, folder):
    dataset = read(tree(label_2=LABELS, **{folder: RESULTS}))
    own = folder.replace("__", "/")
    assert dataset.images["image_key"].tolist() == [f"kitti/00000{n}" for n in range(3)]
    assert dataset.images["file"].tolist() == [f"label_2/00000{n}.txt" for n in range(3)]
    assert dataset.images["label_state"].tolist() == ["present", "present", "empty"]
    assert boxes_by_image(dataset) == [
        ("kitti/000000", "detector", 11, f"{own}/000000.txt"),
        ("kitti/000000", "detector", 11, f"{own}/000000.txt"),
        ("kitti/000000", "human", 1, "label_2/000000.txt"),
        ("kitti/000000", "human", 10.5, "label_2/000000.txt"),
        ("kitti/000001", "human", 10.5, "label_2/000001.txt"),
        ("kitti/000002", "detector", 11, f"{own}/000002.txt"),
    ]
    assert "IMG-006" not in set(audit(dataset).table["check"])


def test_labels_keep_their_ids_when_results_come_beside_them(tree):
    alone = read(tree(label_2=LABELS))
    both = read(tree(results__data=RESULTS))
    assert both.images["image_id"].tolist() == alone.images["image_id"].tolist()
    human = both.boxes[both.boxes["origin"] == "human"]
    assert human["box_id"].tolist() == alone.boxes["box_id"].tolist()
    assert both.boxes["box_id"].is_unique


def test_labels_and_results_come_back_byte_for_byte(tree, tmp_path):
    source = tree(label_2=LABELS, results__data=RESULTS, sets={"train.txt": "000000\n000002\n"})
    save(read(source), tmp_path / "set")
    dataset = load(tmp_path / "set")
    again = read_again(dataset)
    for table in ("images", "boxes", "findings"):
        assert getattr(again, table).equals(getattr(dataset, table)), table
    report = write(dataset, "kitti", tmp_path / "out")
    assert files_of(tmp_path / "out") == files_of(source)
    assert (report.images, report.boxes, report.losses) == (3, 6, ())


def test_results_go_with_the_image_that_is_removed(tree, tmp_path):
    source = tree(label_2=LABELS, results__data=RESULTS)
    dataset = read(source)
    gone = dataset.images["image_id"].iloc[0]
    rest = dataset.with_tables(
        images=dataset.images[dataset.images["image_id"] != gone],
        boxes=dataset.boxes[dataset.boxes["image_id"] != gone],
    )
    report = write(rest, "kitti", tmp_path / "out")
    before = files_of(source)
    assert files_of(tmp_path / "out") == {
        name: body for name, body in before.items() if not name.endswith("000000.txt")
    }
    assert (report.images, report.boxes) == (2, 2)


@pytest.mark.parametrize("folder", ["results__data", "detections"])
def test_new_images_and_boxes_are_written_beside_the_labels(tree, tmp_path, folder):
    source = tree(label_2=LABELS, **{folder: RESULTS})
    dataset = read(source)
    image = dataset.images.iloc[:1].assign(image_id=7, image_key="kitti/new")
    box = dataset.boxes[dataset.boxes["origin"] == "human"].iloc[:1]
    more = pd.concat([box.assign(box_id=8, image_id=7), box.assign(box_id=9)])
    grown = dataset.with_tables(
        images=pd.concat([dataset.images, image], ignore_index=True),
        boxes=pd.concat([dataset.boxes, more], ignore_index=True),
    )
    write(grown, "kitti", tmp_path / "out")
    before, after = files_of(source), files_of(tmp_path / "out")
    assert set(after) - set(before) == {"label_2/new.txt"}
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"label_2/000000.txt"}
    assert after["label_2/000000.txt"].startswith(before["label_2/000000.txt"])


def test_results_alone_have_images_of_their_own(tree):
    dataset = read(tree(results__data=RESULTS))
    assert len(dataset.images) == 3
    assert set(dataset.boxes["origin"]) == {"detector"}


def test_two_label_files_of_one_stem_are_still_told(tree):
    dataset = read(tree(a=LABELS, b=LABELS, results=RESULTS))
    assert len(dataset.images) == 9
    # Nothing tells which of the two the results are about.
    assert set(dataset.findings["check"]) == {"IMG-006"}


def test_two_detectors_predict_on_one_image(tree):
    dataset = read(tree(label_2=LABELS, one=RESULTS, two=RESULTS))
    assert len(dataset.images) == 3
    assert dataset.boxes["origin"].value_counts().to_dict() == {"detector": 6, "human": 3}
    assert dataset.boxes["box_id"].is_unique


def test_a_broken_line_of_results_is_no_human_label(tree):
    broken = RESULTS | {"000000.txt": f"{FOUND}\n{FOUND}\n{CAR} x y\n"}
    dataset = read(tree(label_2=LABELS, results=broken))
    (finding,) = dataset.findings.to_dict("records")
    assert (finding["check"], finding["file"]) == ("SRC-001", "results/000000.txt")
    assert finding["line"] == 3
    row = dataset.boxes[dataset.boxes["line"] == 3]
    assert row["origin"].tolist() == ["detector"]


def test_a_label_file_with_one_score_stays_a_label_file(tree):
    mixed = {"000000.txt": f"{CAR}\n{VAN}\n{FOUND}\n"}
    dataset = read(tree(label_2=mixed, results=RESULTS))
    assert dataset.images["file"].iloc[0] == "label_2/000000.txt"
    assert len(dataset.images) == 3
