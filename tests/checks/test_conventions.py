"""Mistakes of whole files: planted ones are told once and rightly, sound sets give nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import curate
from curate.checks.groups import log_tail
from curate.checks.readings import READINGS
from curate.tables import FINDING_COLUMNS, make_table
from tests.checks import planted_conventions as planted

KINDS = {kind.name: kind for kind in planted.KINDS}
MIN_RECALL = 0.95


def conventions(dataset, **options):
    table = curate.audit(dataset, select=["CONV"], **options).table
    return table.to_dict("records")


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_planted_mistake_is_told_once_by_its_name_at_500_boxes(name, whole) -> None:
    # Twenty of the forty seeds that the slow test takes.
    assert planted.recall(KINDS[name], 500, whole=whole, n_seeds=20) >= MIN_RECALL


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("n_boxes", [50, 500])
@pytest.mark.parametrize("name", planted.CONTROLS)
def test_set_without_a_mistake_is_told_none(name, n_boxes, whole) -> None:
    assert planted.false_alarms(planted.CONTROLS[name], n_boxes, whole=whole, n_seeds=8) == 0


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False])
def test_recall_and_false_alarms_of_forty_seeds(whole) -> None:
    for kind in planted.KINDS:
        assert planted.recall(kind, 500, whole=whole) >= MIN_RECALL, kind.name
    for name, maker in planted.CONTROLS.items():
        for n_boxes in planted.COUNTS:
            assert planted.false_alarms(maker, n_boxes, whole=whole) == 0, (name, n_boxes)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("xyxy as xywh", 0),
        ("xyxy as cxcywh", 1),
        ("xywh as xyxy", 2),
        ("centre as corner", 3),
        ("corner as centre", 4),
        ("pixels as fractions", 5),
        ("x and y", 6),
        ("w and h", 7),
        ("w and h, fractions", 8),
    ],
)
def test_the_mend_of_a_misreading_gives_back_the_boxes(name, number) -> None:
    right = planted.clean(200, 3, whole=False)
    wrong = KINDS[name].plant(right)
    mended = READINGS[number].undo(wrong.xyxy.T, wrong.wh.T)
    np.testing.assert_allclose(mended.T, right.xyxy, atol=1e-8)


def test_bound_of_the_tail_is_never_below_the_binomial_tail() -> None:
    for n_of in (1, 7, 40):
        for n_seen in range(n_of + 1):
            tail = sum(
                math.comb(n_of, k) * 0.3**k * 0.7 ** (n_of - k) for k in range(n_seen, n_of + 1)
            )
            assert log_tail(n_seen, n_of, 0.3) >= math.log(tail) - 1e-12
    assert log_tail(0, 0, 0.3) == 0


def test_finding_holds_the_file_all_its_boxes_and_the_numbers() -> None:
    labels = planted._corners_as_sizes(planted.clean(100, 0, whole=True))
    _, _, x2, y2 = labels.xyxy.T
    wide, high = labels.wh.T
    # No side is negative, and x1 is never outside: a sum is what leaves the image.
    n_bad = int(((x2 > wide + 2) | (y2 > high + 2)).sum())
    dataset = planted.dataset(labels)
    (row,) = conventions(dataset)
    assert (row["check"], row["level"], row["file"]) == ("CONV-001", "error", "labels.txt")
    assert row["members"] == dataset.boxes["box_id"].tolist()
    assert (row["value"], row["unit"], row["rank"]) == (n_bad, "boxes", 0)
    assert row["limit"] < n_bad
    assert row["message"].startswith(f"{n_bad} of 100 boxes ({n_bad}.0%) reach outside")
    assert "x2 - x1 is the right edge" in row["mend"]


def test_what_follows_from_the_mistake_is_not_told_again() -> None:
    dataset = planted.dataset(planted._corners_as_sizes(planted.clean(500, 0, whole=True)))
    checks = set(curate.audit(dataset).counts)
    assert "CONV-001" in checks
    assert not checks & {"BOX-002", "BOX-003", "REL-004"}
    assert "BOX-002" in curate.audit(dataset, ignore=["CONV"]).counts


def test_a_mistake_of_one_file_explains_nothing_in_another() -> None:
    bad = planted.dataset(planted._corners_as_sizes(planted.clean(100, 0, whole=True)))
    alone = bad.boxes.iloc[:1].assign(file="other.txt", box_id=1, x2=9999.0)
    alone["box_id"] = alone["box_id"].astype("Int64")
    both = bad.with_tables(boxes=pd.concat([bad.boxes, alone], ignore_index=True))
    (row,) = curate.audit(both, select=["BOX-002", "CONV"]).table.query("check == 'BOX-002'")[
        "members"
    ]
    assert row == [1]


def test_nineteen_boxes_are_too_few_and_twenty_enough(make, findings, box) -> None:
    # Edges of fractions: below one pixel.
    rows = [box(f"p{n}", 0.01 * n, 0.1, 0.5 + 0.01 * n, 0.9, image=f"{n}.jpg") for n in range(20)]
    assert len(findings(make(rows[:19]), select=["CONV"])) == 0
    found = findings(make(rows), select=["CONV"])
    assert found["check"].tolist() == ["CONV-005"]
    assert found["message"].str.contains("edges up to 0.9:").all()


@pytest.mark.parametrize(("n_same", "n_found"), [(20, 1), (19, 0)])
def test_placeholder_is_half_of_the_boxes(make, findings, box, n_same, n_found, names_of) -> None:
    same = [box(f"s{n}", 10, 20, 110, 90, image=f"{n}.jpg") for n in range(n_same)]
    own = [
        box(f"o{n}", 5 * n, 7 * n, 60 + 9 * n, 50 + 8 * n, image=f"{n}.jpg")
        for n in range(1, 41 - n_same)
    ]
    made = make(same + own)
    found = findings(made, select=["CONV"])
    assert len(found) == n_found
    for members, value in zip(found["members"], found["value"], strict=True):
        assert sorted(names_of(made, members).split()) == sorted(f"s{n}" for n in range(20))
        assert value == 0.5


def test_a_still_object_on_few_images_is_no_placeholder(make, findings, box) -> None:
    rows = [box(f"s{n}", 10, 20, 110, 90, image=f"{n % 4}.jpg") for n in range(40)]
    assert len(findings(make(rows), select=["CONV"])) == 0


@pytest.mark.parametrize(("n_edges", "n_found"), [(30, 1), (29, 0)])
def test_border_edges_must_be_thirty_on_both_sides(make, findings, box, n_edges, n_found) -> None:
    rows = [box(f"l{n}", 1, 50 + 9 * n, 90 + n, 60 + 10 * n, image=f"{n}.jpg") for n in range(30)]
    rows += [
        box(f"r{n}", 500 - n, 50 + 8 * n, 640, 70 + 9 * n, image=f"{n}.jpg") for n in range(n_edges)
    ]
    found = findings(make(rows), select=["CONV"])
    assert found["check"].tolist() == ["CONV-011"] * n_found
    assert found["mend"].tolist() == ["subtract 1 from x1 and y1"] * n_found


def test_measured_pictures_tell_exchanged_coordinates_from_exchanged_sizes() -> None:
    dataset = planted.dataset(planted._axes(planted.clean(200, 1, whole=True)))
    (row,) = conventions(dataset)
    assert "or width and height of the images are" in row["message"]
    measured = dataset.images.assign(exif_orientation=1)
    measured["exif_orientation"] = measured["exif_orientation"].astype("Int64")
    (row,) = conventions(dataset.with_tables(images=measured))
    assert row["message"].endswith("x and y are exchanged")


def test_files_of_one_image_are_judged_together_and_two_sources_apart() -> None:
    dataset = planted.dataset(planted._fractions(planted.clean(210, 2, whole=False)))
    rows = dataset.boxes["image_id"].map(
        {key: number for number, key in enumerate(dataset.images["image_id"])}
    )
    boxes = dataset.boxes.assign(file=[f"labels/{row}.txt" for row in rows])
    boxes["file"] = boxes["file"].astype(dataset.boxes["file"].dtype)
    split = dataset.with_tables(boxes=boxes)
    (row,) = conventions(split)
    assert row["file"] != row["file"]
    assert "in 30 .txt files of this source: 210 of 210" in row["message"]
    source = np.where(np.arange(30) < 15, "one", "two")
    images = split.images.assign(source=source)
    images["source"] = images["source"].astype(dataset.images["source"].dtype)
    found = conventions(split.with_tables(images=images))
    assert [r["check"] for r in found] == ["CONV-005"] * 2
    assert len({r["finding_id"] for r in found}) == 2


@pytest.mark.parametrize("step", [1, -1])
def test_unknown_classes_of_a_shift_are_not_told_again(step) -> None:
    labels = planted._numbers(planted.clean(100, 0, whole=True), step)
    dataset = planted.dataset(labels)
    unlisted = dataset.boxes.loc[dataset.boxes["label"].isna(), "box_id"].tolist()
    told = make_table(
        FINDING_COLUMNS,
        1,
        {
            "finding_id": 1,
            "check": "SRC-004",
            "name": "unknown-class",
            "level": "error",
            "message": "class 6 is not in the list",
            "members": [unlisted],
        },
    )
    dataset = dataset.with_tables(findings=told)
    assert curate.audit(dataset, select=["SRC", "CONV"]).counts == {"CONV-010": 1}
    assert curate.audit(dataset, select=["SRC"]).counts == {"SRC-004": 1}


def test_classes_without_a_list_or_with_words_are_not_judged() -> None:
    labels = planted._numbers(planted.clean(100, 0, whole=True), 1)
    dataset = planted.dataset(labels)
    assert conventions(dataset.with_tables(classes=dataset.classes.iloc[:0])) == []
    named = dataset.boxes.assign(
        source_label=dataset.boxes["source_label"].mask(dataset.boxes["label"].isna(), "van")
    )
    assert conventions(dataset.with_tables(boxes=named)) == []
    words = dataset.classes.assign(source_id=dataset.classes["label"])
    assert conventions(dataset.with_tables(classes=words)) == []


def test_five_unlisted_numbers_may_be_typing_errors() -> None:
    labels = planted.clean(100, 0, whole=True)
    number = np.where(np.arange(100) < 5, 6, 1 + labels.number % 5)
    assert conventions(planted.dataset(replace(labels, number=number))) == []
    number = np.where(np.arange(100) < 6, 6, 1 + labels.number % 5)
    (row,) = conventions(planted.dataset(replace(labels, number=number)))
    assert (row["check"], row["value"], row["limit"]) == ("CONV-010", 6, 5)
    assert row["mend"] == "subtract 1 from the class number of every box"


def test_many_unlisted_numbers_are_shown_in_part() -> None:
    # Every second number is listed, as where classes were taken out of a list.
    labels = planted.clean(100, 0, whole=True)
    dataset = planted.dataset(replace(labels, number=100 + 2 * (np.arange(100) % 7)))
    listed = pd.concat([dataset.classes, dataset.classes.iloc[:1].assign(label="x")])
    ids = [str(99 + 2 * n) for n in range(7)]
    listed["source_id"] = pd.array(ids, dtype=dataset.classes["source_id"].dtype)
    (row,) = conventions(dataset.with_tables(classes=listed))
    assert "an unlisted one (100, 102, 104, 106, 108, …)" in row["message"]


def test_small_boxes_among_others_are_no_fractions(make, findings, box) -> None:
    rows = [box(f"p{n}", 0.01 * n, 0.1, 0.5, 0.9, image=f"{n}.jpg") for n in range(36)]
    large = [box(f"q{n}", 9 * n, 9, 99 + 9 * n, 90 + n, image=f"{n}.jpg") for n in range(4)]
    assert len(findings(make(rows + large), select=["CONV"])) == 0


def test_turned_images_need_objects_that_their_border_cuts_off(make, findings, box) -> None:
    # In 640 x 480 images, boxes down to 490, 491 ... fit 480 x 640, and none ends at its border.
    rows = [
        box(f"p{n}", 9 * n % 300, 300, 100 + 9 * n % 300, 490 + n, image=f"{n}.jpg")
        for n in range(40)
    ]
    wide = [box(f"q{n}", 500, 9, 600, 90 + n, image=f"w{n}.jpg") for n in range(40)]
    assert len(findings(make(rows + wide), select=["CONV"])) == 0


def test_huge_coordinates_are_no_convention(make, findings, box) -> None:
    rows = [box(f"p{n}", -1e308, 0, 1e308, 1e308, image=f"{n}.jpg") for n in range(3)]
    rows += [box(f"q{n}", 1e300 + n, n, 1e308, 9 + n, image=f"{n}.jpg") for n in range(40)]
    with np.errstate(over="ignore", invalid="ignore"):
        assert len(findings(make(rows), select=["CONV"])) == 0


def test_the_written_as_corners_file_has_one_finding_with_its_mend(real_data) -> None:
    path = real_data / "coco_xyxy_bug" / "train1_bbox_is_xyxy.json"
    (row,) = conventions(curate.read(path))
    assert (row["check"], row["value"], len(row["members"])) == ("CONV-001", 380, 517)
    assert "0 do when mended: x1 y1 x2 y2 were written where x y w h" in row["message"]


@pytest.mark.parametrize("form", ["coco_format_v1", "coco_format_v2", "yolo_format"])
def test_the_forms_that_kept_voc_s_origin_are_off_by_one(real_data, form) -> None:
    # data/README: these forms carry the 1-based VOC numbers unshifted. 31 left and top edges at
    # the border are just enough.
    folder = real_data / "rodm_multiformat"
    options = curate.ReadOptions(images=folder / "images")
    (row,) = conventions(curate.read(folder / "gts" / form, options))
    assert row["check"] == "CONV-011"
    assert row["mend"] == "subtract 1 from x1 and y1"


@pytest.mark.parametrize(
    "path",
    [
        "rodm_multiformat/gts/pascalvoc_format",
        "makesense/flakes_ws2_cocojson/train",
        "makesense/flakes_ws2_cocojson/val",
        "makesense/uma_csv",
        "coco128/instances_all_as_published.json",
        "coco_laptop_train2017",
        "voc_bccd",
        "voc_raccoon/annotations",
    ],
)
def test_real_sets_that_are_read_rightly_have_no_mistake(real_data, path) -> None:
    assert conventions(curate.read(real_data / path)) == []
