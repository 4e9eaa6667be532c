"""MOT text: which files are recognised, what their lines mean, and what is wrong with them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import curate
from curate import ReadOptions
from curate.assembly import assemble
from curate.dataset import Dataset
from curate.errors import UsageError
from curate.formats import mot
from curate.formats.mot.layout import parse_info
from curate.formats.reading import Files, Options
from curate.tree import open_tree
from tests.formats.label_files import (
    EDGES,
    kept,
    with_box,
    with_values,
    write_back,
    written,
)

OBJECT = "1,7,101,51,100,200,1,1,0.5"
FOUND = "1,-1,101,51,100,200,0.998128,-1,-1,-1"
INFO = (
    "[Sequence]\nname=street\nimDir=img1\nframeRate=30\nseqLength=3\nimWidth=640\n"
    "imHeight=480\nimExt=.png\n"
)


def read(files: Files, options: Options | None = None) -> Dataset:
    return assemble("yard", mot.gather(files, mot.claims(files), options or Options()))


def read_lines(name: str, *lines: str) -> Dataset:
    files = kept({name: "".join(f"{line}\n" for line in lines)})
    return assemble("yard", mot.gather(files, [name], Options()))


def faults(dataset: Dataset) -> list[tuple[str, int, str]]:
    found = dataset.findings[["check", "line", "message"]].itertuples(index=False)
    return sorted((code, int(line), message) for code, line, message in found)


# Values


def test_object_is_one_based_and_has_class_flag_and_visible_share() -> None:
    # One object of 100 x 200 px at column 100, row 50, both counted from 0.
    box = read_lines("gt.txt", OBJECT).boxes.iloc[0]
    assert (box["x1"], box["y1"], box["x2"], box["y2"]) == (100.0, 50.0, 200.0, 250.0)
    assert (box["source_label"], box["label"], box["role"]) == ("1", "pedestrian", "include")
    assert (box["origin"], box["track_id"]) == ("human", "7")
    assert box["attributes"] == '{"visibility": 0.5}'
    assert math.isnan(box["score"])


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "pedestrian"), (2, "person on vehicle"), (3, "car"), (4, "bicycle"), (5, "motorbike"),
        (6, "non-motorised vehicle"), (7, "static person"), (8, "distractor"), (12, "reflection"),
        (13, "crowd"),
    ],
)  # fmt: skip
def test_class_numbers_are_those_of_the_challenge(number: int, name: str) -> None:
    boxes = read_lines("gt.txt", f"1,1,5,5,9,9,1,{number},1").boxes
    assert boxes["label"].tolist() == [name]


def test_object_with_flag_0_is_ignored() -> None:
    assert read_lines("gt.txt", "1,1,5,5,9,9,0,7,1.0").boxes["role"].tolist() == ["ignore"]


def test_objects_of_2015_have_world_coordinates_and_no_class() -> None:
    dataset = read_lines("gt.txt", "1,1,88,99,61.08,218.56,1,4.4852,5.5016,0",
                         "1,2,8,9,6,21,1,-1,-1,-1")  # fmt: skip
    assert dataset.findings.empty
    assert dataset.boxes["source_label"].isna().all()
    assert dataset.boxes["label"].tolist() == ["pedestrian"] * 2
    assert dataset.boxes["attributes"].iloc[0] == '{"world": [4.4852, 5.5016, 0]}'
    assert dataset.boxes["attributes"].isna().tolist() == [False, True]


def test_class_list_beside_the_objects_names_their_classes() -> None:
    files = kept({"gt/gt.txt": "1,1,5,5,9,9,1,2,1,0\n", "gt/labels.txt": "dog\nred fox\n"})
    dataset = read(files)
    assert dataset.boxes["label"].tolist() == ["red fox"]
    assert dataset.boxes["attributes"].tolist() == ['{"visibility": 1, "column_10": 0}']
    assert dataset.classes["label"].tolist() == ["dog", "red fox"]


def test_detection_has_its_score_to_the_digit_and_no_track() -> None:
    box = read_lines("det.txt", FOUND).boxes.iloc[0]
    assert box["score"] == float("0.998128")
    assert box["origin"] == "detector"
    assert box["attributes"] == '{"detector": "det"}'
    assert box[["track_id", "source_label"]].isna().all()


def test_output_of_a_tracker_has_tracks_and_no_score() -> None:
    boxes = read_lines("sort.txt", "1,3,113.84,274.5,57.3,130.05,-1,-1,-1,-1").boxes
    assert boxes["track_id"].tolist() == ["3"]
    assert boxes["origin"].tolist() == ["detector"]
    assert boxes["score"].isna().all()
    assert boxes["attributes"].tolist() == ['{"detector": "sort"}']


def test_objects_under_another_name_are_told_by_their_classes() -> None:
    assert read_lines("street.txt", OBJECT).boxes["origin"].tolist() == ["human"]


def test_numbers_may_be_written_as_floats() -> None:
    dataset = read_lines("gt.txt", "1.000e+00, 7.0, 5, 5, 9, 9, 1.0, 1.0, 1.0")
    assert dataset.findings.empty
    assert dataset.images["frame"].tolist() == [1]
    assert dataset.boxes["track_id"].tolist() == ["7"]


# Images


def test_images_are_named_and_sized_by_seqinfo() -> None:
    images = read(kept({"a/gt/gt.txt": OBJECT, "a/seqinfo.ini": INFO})).images
    assert images["image_key"].tolist() == [f"yard/a/img1/00000{n}.png" for n in (1, 2, 3)]
    assert images["width"].tolist() == images["declared_width"].tolist() == [640] * 3
    assert images["height"].tolist() == [480] * 3
    assert images["group"].tolist() == ["street"] * 3
    assert images["frame"].tolist() == [1, 2, 3]


def test_frames_without_objects_are_empty_and_without_anyone_looking_missing() -> None:
    objects = read(kept({"a/gt/gt.txt": OBJECT, "a/seqinfo.ini": INFO})).images
    assert objects["label_state"].tolist() == ["present", "empty", "empty"]
    found = read(kept({"a/det/det.txt": FOUND, "a/seqinfo.ini": INFO})).images
    assert found["label_state"].tolist() == ["missing"] * 3


def test_images_without_seqinfo_are_those_of_the_lines() -> None:
    dataset = read(kept({"a/gt.txt": f"{OBJECT}\n4{OBJECT[1:]}\n"}))
    keys = ["yard/a/img1/000001.jpg", "yard/a/img1/000004.jpg"]
    assert dataset.images["image_key"].tolist() == keys
    assert dataset.images["group"].tolist() == ["a", "a"]
    assert dataset.images["width"].isna().all()


def test_objects_and_detections_of_a_sequence_share_its_images() -> None:
    dataset = read(
        kept(
            {"a/gt/gt.txt": OBJECT, "a/det/det.txt": FOUND, "a/sort.txt": FOUND, "b/gt.txt": OBJECT}
        )
    )
    assert len(dataset.images) == 2
    counts = dataset.boxes.groupby(dataset.boxes["image_id"].map(
        dataset.images.set_index("image_id")["group"])).size()  # fmt: skip
    assert counts.to_dict() == {"a": 3, "b": 1}
    assert dataset.boxes["box_id"].is_unique


def test_results_named_after_a_sequence_are_about_it() -> None:
    dataset = read(
        kept({"train/a/gt/gt.txt": OBJECT, "results/a.txt": FOUND, "results/b.txt": FOUND})
    )
    assert dataset.images["image_key"].tolist() == [
        "yard/train/a/img1/000001.jpg", "yard/results/b/img1/000001.jpg",
    ]  # fmt: skip


def test_sequences_of_one_name_are_told_apart_by_their_folders() -> None:
    files = kept({"train/a/gt.txt": OBJECT, "test/a/gt.txt": OBJECT})
    assert sorted(read(files).images["group"]) == ["test/a", "train/a"]


def test_unreadable_objects_make_unreadable_images() -> None:
    files = kept({"a/gt/gt.txt": b"\0", "a/det/det.txt": FOUND, "a/seqinfo.ini": INFO})
    dataset = read(files)
    assert set(dataset.images["label_state"]) == {"unreadable"}
    assert dataset.findings["check"].tolist() == ["SRC-002"]


def test_class_list_that_is_no_text_is_a_fault_and_comes_back(tmp_path: Path) -> None:
    files = kept({"gt/gt.txt": "1,1,5,5,9,9,1,2,1\n", "gt/labels.txt": b"dog\nre\xe4 fox\n"})
    dataset = read(files)
    assert dataset.findings[["check", "file"]].to_numpy().tolist() == [["SRC-002", "gt/labels.txt"]]
    assert dataset.boxes["label"].tolist() == ["person on vehicle"]
    assert write_back(mot, dataset, tmp_path).losses == ()
    assert written(tmp_path)["gt/labels.txt"] == b"dog\nre\xe4 fox\n"


def test_parts_of_the_objects_are_named_and_left_out() -> None:
    files = kept({"a/gt/gt.txt": OBJECT, "a/gt/gt_train_half.txt": OBJECT})
    dataset = read(files)
    assert len(dataset.boxes) == 1
    assert dataset.findings[["check", "file"]].to_numpy().tolist() == [
        ["SRC-013", "a/gt/gt_train_half.txt"]
    ]
    assert dataset.sources.read("a/gt/gt_train_half.txt") == OBJECT.encode()


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("seqLength=0", "has seqlength '0', should be a whole number from 1 to 1000000"),
        ("seqLength=1e9", "has seqlength '1e9', should be a whole number from 1 to 1000000"),
        ("imWidth=-3", "has imwidth '-3', should be a whole number from 1 to 2147483647"),
    ],
)
def test_setting_that_is_no_size_is_a_fault(line: str, what: str) -> None:
    info, found = parse_info(f"[Sequence]\n{line}\n".encode(), "seqinfo.ini")
    assert (info.length, info.width) == (None, None)
    assert [(fault.code, fault.line, fault.message) for fault in found] == [("SRC-001", 2, what)]


# Faults


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("1,1,5,5", "has 4 columns, should have 9 or 10"),
        ("1,2,5,5,9,9,1,1,1,1,1", "has 11 columns, should have 9 or 10"),
        ("0,2,5,5,9,9,1,1,1", "has frame 0, should be 1 or more"),
        ("1,x,5,5,9,9,1,1,1", "has id 'x', should be a whole number, or -1"),
        ("1,-2,5,5,9,9,1,1,1", "has id '-2', should be a whole number, or -1"),
        ("1,2,5,5,wide,9,1,1,1", "has width 'wide', should be a number"),
        ("1,2,5,nan,9,9,1,1,1", "has top 'nan', should be a number"),
        ("1,2,5,1e999,9,9,1,1,1", "has top '1e999', should be a number"),
        ("1,2,5,1_0,9,9,1,1,1", "has top '1_0', should be a number"),
        ("1,2,5,5,9,9,0.5,1,1", "has flag '0.5', should be 0 or 1"),
        ("1,2,5,5,9,9,1,1,1.5", "has visibility '1.5', should be 0 to 1, or -1"),
    ],
)
def test_broken_line_is_a_fault_and_the_others_are_read(line: str, wanted: str) -> None:
    dataset = read_lines("gt.txt", OBJECT, OBJECT.replace(",7,", ",8,"), line)
    assert faults(dataset) == [("SRC-001", 3, wanted)]
    assert len(dataset.boxes) == 3
    assert dataset.boxes["source_id"].tolist() == ["1", "2", "3"]


def test_line_without_a_frame_has_no_image_and_is_named() -> None:
    dataset = read_lines("gt.txt", OBJECT, "one,2,5,5,9,9,1,1,1")
    assert faults(dataset) == [("SRC-001", 2, "has frame 'one', should be a whole number")]
    assert len(dataset.boxes) == 1


def test_class_that_is_not_listed_is_unknown() -> None:
    dataset = read_lines("gt.txt", OBJECT, "1,8,5,5,9,9,1,2,1", "1,9,5,5,9,9,1,14,1")
    assert faults(dataset) == [("SRC-004", 3, "has class '14', should be 1 to 13")]
    assert dataset.boxes["source_label"].iloc[2] == "14"
    assert dataset.boxes["label"].isna().tolist() == [False, False, True]


def test_object_that_a_frame_has_twice_is_a_fault() -> None:
    dataset = read_lines("gt.txt", OBJECT, "2" + OBJECT[1:], OBJECT)
    assert faults(dataset) == [("SRC-006", 3, "is object 7 of frame 1 once more, should be once")]


def test_detections_have_no_tracks_to_be_told_apart_by() -> None:
    assert read_lines("det.txt", FOUND, FOUND).findings.empty


# Which files


def test_claims_takes_lines_of_numbers_between_commas() -> None:
    files: dict[str, str | bytes] = {
        "a/gt/gt.txt": OBJECT, "a/det/det.txt": "69,-1,912.8,482.9,97.6,112.6,1", "b.txt": FOUND,
        "c/gt/gt.txt": "", "d/gt/gt.txt": "", "d/seqinfo.ini": INFO, "e/det.txt": b"\xff\xfe\0",
        "e/gt.txt": OBJECT,
    }  # fmt: skip
    claimed = ["a/det/det.txt", "a/gt/gt.txt", "b.txt", "d/gt/gt.txt", "e/det.txt", "e/gt.txt"]
    assert mot.claims(kept(files)) == claimed


@pytest.mark.parametrize(
    "text",
    [
        "0 0.5 0.5 0.1 0.1",
        "Car 0.00 0 -1.58 10.5 5.25 30 20.75 1.5 1.6 4 -2 1.7 9 -1.8",
        # VisDrone: left, top, width, height, score, class, truncation, occlusion.
        "684,8,273,116,0,0,0,0",
        "0,2,10.5,5.25,30,20.75,6.5,1.5,1.6,4,-2,1.7,9,-1.8,-1.58",
        "cat,1,2,3,4,5,6",
        "1.5,1,2,3,4,5,6",
        "plain words",
    ],
)
def test_claims_leaves_other_text_alone(text: str) -> None:
    assert mot.claims(kept({"a.txt": text, "gt/gt.txt": text})) == []


# Real files


@pytest.mark.parametrize(
    ("folder", "n_images", "n_objects", "n_found"),
    [
        ("TUD-Campus", 71, 359, 321 + 222),
        ("TUD-Stadtmitte", 179, 1156, 951 + 749),
        ("MOT17-mini", 600, 156, 8186),
        ("", 850, 1671, 10429),
    ],
)
def test_real_set_comes_back_byte_for_byte(
    real_data: Path, tmp_path: Path, folder: str, n_images: int, n_objects: int, n_found: int
) -> None:
    tree = open_tree(real_data / "mot" / folder)
    dataset = read(tree)
    assert len(dataset.images) == n_images
    assert dataset.boxes["origin"].value_counts().to_dict() == {
        "human": n_objects, "detector": n_found,
    }  # fmt: skip
    assert dataset.findings.empty
    assert write_back(mot, dataset, tmp_path).losses == ()
    assert {name: tree.read(name) for name in dataset.sources.names()} == written(tmp_path)


def test_real_scores_and_boxes_are_kept_to_the_digit(real_data: Path) -> None:
    tree = open_tree(real_data / "mot" / "TUD-Stadtmitte")
    boxes = read(tree).boxes
    found = boxes[boxes["file"] == "det.txt"].reset_index()
    lines = [line.split(",") for line in tree.read("det.txt").decode().splitlines()]
    assert found["score"].tolist() == [float(line[6]) for line in lines]
    assert found["x1"].tolist() == [float(line[2]) - 1 for line in lines]
    assert found["track_id"].isna().all()


def test_real_objects_of_2017_have_classes_and_flags(real_data: Path) -> None:
    boxes = read(open_tree(real_data / "mot" / "MOT17-mini")).boxes
    objects = boxes[boxes["origin"] == "human"]
    lines = (real_data / "mot/MOT17-mini/train/MOT17-02-FRCNN/gt/gt.txt").read_text().splitlines()
    ignored = [line.split(",")[6] == "0" for line in lines]
    assert (objects["role"] == "ignore").tolist() == ignored
    static = [line.split(",")[7] == "7" for line in lines]
    assert (objects["label"] == "static person").tolist() == static


@pytest.mark.parametrize("folder", ["kitti_tracking", "kitti_object6", "rodm_multiformat",
                                    "coco_person_kp_yolo_val2017", "makesense"])  # fmt: skip
def test_real_text_of_other_formats_is_not_claimed(real_data: Path, folder: str) -> None:
    assert mot.claims(open_tree(real_data / folder)) == []


# Pixels counted from 0


def test_named_zero_based_coordinates_are_taken_as_they_are(tmp_path: Path) -> None:
    # The same 100 x 200 px at column 100, row 50, once counted from 1 and once from 0.
    (tmp_path / "det.txt").write_text("1,-1,100,50,100,200,0.5\n")
    dataset = curate.read(tmp_path, ReadOptions(format="mot-zero-based"))
    assert dataset.boxes[EDGES].to_numpy().tolist() == [[100.0, 50.0, 200.0, 250.0]]
    # Frames and ids count from 1 all the same.
    assert dataset.images["frame"].tolist() == [1]


def test_a_zero_based_file_stays_so_when_it_is_written(tmp_path: Path) -> None:
    text = "1,-1,100,50,100,200,0.5\n1,-1,0,0,10,10,0.5\n"
    (tmp_path / "det.txt").write_text(text)
    dataset = curate.read(tmp_path, ReadOptions(format="mot-zero-based"))
    curate.write(dataset, "mot", tmp_path / "same")
    assert (tmp_path / "same" / "det.txt").read_text() == text
    moved = with_box(with_values(dataset, 0, x1=101.0, x2=201.0), x1=5.0, y1=6.0, x2=8.0, y2=10.0)
    curate.write(moved, "mot", tmp_path / "moved")
    lines = (tmp_path / "moved" / "det.txt").read_text().splitlines()
    assert lines[:2] == ["1,-1,101,50,100,200,0.5", "1,-1,0,0,10,10,0.5"]
    assert lines[2].startswith("1,-1,5,6,3,4,")


def test_a_zero_based_file_becomes_one_based_in_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("1,-1,100,50,100,200,0.5\n")
    dataset = curate.read(tmp_path, ReadOptions(format="mot-zero-based"))
    mot.write(dataset, tmp_path, None)
    (made,) = tmp_path.glob("*/det/det.txt")
    assert made.read_text().startswith("1,-1,101,51,100,200,0.5,")


def test_an_unknown_kind_of_mot_is_refused_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("1,-1,100,50,100,200,0.5\n")
    with pytest.raises(UsageError, match="should be one of mot, mot-zero-based"):
        curate.read(tmp_path, ReadOptions(format="mot-one"))


def test_real_zero_based_boxes_leave_the_image_only_when_read_as_one_based(
    real_data: Path,
) -> None:
    n_outside = dict.fromkeys(("mot", "mot-zero-based"), 0)
    for name in n_outside:
        for folder in ("TUD-Campus", "TUD-Stadtmitte"):
            file = real_data / "mot" / folder / "det.txt"
            boxes = curate.read(file, ReadOptions(format=name)).boxes
            n_outside[name] += int((boxes[["x1", "y1"]] < 0).any(axis=1).sum())
    # 9 as the set's description counts them.
    assert n_outside == {"mot": 9, "mot-zero-based": 0}
