"""Checks of a set's classes: literal rows in, findings out; expected values are sums by hand."""

from __future__ import annotations

import pytest

ALL = {"min_boxes": 0}


def rows_of(box, *counts, **columns):
    """So many boxes of each class, named by the class and a number."""
    return [
        box(f"{label or 'none'}{n}", 10 * n, 10, 10 * n + 9, 50, label=label, **columns)
        for label, count in counts
        for n in range(count)
    ]


LISTED = [("labels.json", "1", "car"), ("labels.json", "2", "tram"), ("labels.json", "3", "van")]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([("car", 98), ("van", 2)], [("SET-001", "", 1)]),  # 100 labels: at the limit
        ([("car", 97), ("van", 2)], []),
        ([("car", 98), ("van", 1), ("tram", 1)], []),
        ([("car", 100)], [("SET-001", "", 2)]),
    ],
)
def test_listed_classes_without_a_box_are_unused(summary, box, counts, expected) -> None:
    assert summary(rows_of(box, *counts), classes=LISTED, select=["SET-001"]) == expected


def test_unused_classes_are_named_and_placed_at_their_list(make, findings, box) -> None:
    made = make(rows_of(box, ("car", 100)), None, LISTED)
    (row,) = findings(made, select=["SET-001"]).to_dict("records")
    assert row["message"] == "2 of 3 listed classes have no box: 'tram', 'van'"
    assert (row["level"], row["file"], row["members"]) == ("info", "labels.json", [])


def test_a_class_that_only_ignored_boxes_have_is_used(summary, box) -> None:
    rows = rows_of(box, ("car", 100), ("van", 1))
    rows += rows_of(box, ("tram", 1), role="ignore")
    assert summary(rows, classes=LISTED, select=["SET-001"]) == []


def test_a_set_without_a_list_has_neither_unused_nor_unlisted_classes(summary, box) -> None:
    rows = rows_of(box, ("car", 100))
    assert summary(rows, select=["SET-001", "SET-002", "SET-007"]) == []


def test_a_class_in_no_list_is_told_with_its_boxes(make, findings, names_of, box) -> None:
    rows = rows_of(box, ("car", 2), ("bus", 2), (None, 1))
    made = make(rows, None, LISTED)
    (row,) = findings(made, select=["SET-002"]).to_dict("records")
    assert names_of(made, row["members"]) == "bus0 bus1"
    assert row["message"] == (
        "2 boxes are of class 'bus', which is none of the 3 listed ones ('car', 'tram', 'van')"
    )


def test_of_several_sources_only_files_with_a_list_are_judged_by_it(summary, box) -> None:
    rows = [
        box("p", 0, 0, 9, 9, label="bus"),
        box("q", 0, 0, 9, 9, label="bus", image="b.jpg", file="other.txt"),
    ]
    images = {"a.jpg": {"source": "one"}, "b.jpg": {"source": "two"}}
    found = summary(rows, images=images, classes=LISTED, select=["SET-002"])
    assert found == [("SET-002", "p", 1)]
    assert summary(rows, classes=LISTED, select=["SET-002"]) == [("SET-002", "p q", 2)]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([("car", 100)], [("SET-003", "", 1)]),
        ([("car", 99)], []),
        ([("car", 99), ("van", 1)], []),
        ([(None, 100)], []),
        ([], []),
    ],
)
def test_one_class_in_a_set_of_some_size_is_told(summary, box, counts, expected) -> None:
    assert summary(rows_of(box, *counts), select=["SET-003"]) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, [("SET-004", "bus0 van0", 2)]),
        ({"max_boxes": 2}, [("SET-004", "bus0 tram0 tram1 van0", 3)]),
        ({"max_boxes": 0}, []),
        ({"min_boxes": 101}, []),
    ],
)
def test_classes_of_few_boxes_are_one_finding(summary, box, params, expected) -> None:
    rows = rows_of(box, ("car", 96), ("bus", 1), ("tram", 2), ("van", 1))
    params = {"SET-004": {"min_boxes": 100, **params}}
    assert summary(rows, select=["SET-004"], params=params) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([("car", 100), ("van", 2)], [("SET-005", "", 50)]),
        ([("car", 149), ("van", 3)], []),  # 49.7 times
        ([("car", 100)], []),
        ([("car", 99)], []),
        ([], []),
    ],
)
def test_a_class_fifty_times_as_frequent_as_another_is_told(summary, box, counts, expected) -> None:
    assert summary(rows_of(box, *counts), select=["SET-005"]) == expected


def test_boxes_of_a_detector_and_ignored_ones_are_no_labels(summary, box) -> None:
    rows = rows_of(box, ("car", 100), ("van", 2), origin="detector")
    rows += rows_of(box, ("bus", 60), ("tram", 1), role="ignore", image="b.jpg")
    assert summary(rows, select=["SET-003", "SET-004", "SET-005"]) == []


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("car", "Car", "c_a-r"), "'car' (3 labels), 'Car' (2 labels), 'c_a-r' (1 labels)"),
        (("stop sign", "stop  sign"), "'stop sign' (2 labels), 'stop  sign' (1 labels)"),
        (("a.b", "ab"), "'a.b' (2 labels), 'ab' (1 labels)"),
        (("straße", "STRASSE"), "'straße' (2 labels), 'STRASSE' (1 labels)"),
        (("1.5 t", "15 t"), None),
        (("-1", "1"), None),
        (("c++", "c"), None),
        (("car", "cars"), None),
        (("--", "."), None),
    ],
)
def test_names_that_differ_only_in_case_space_or_punctuation_are_alike(
    make, findings, box, names, told
) -> None:
    n_names = len(names)
    made = make(rows_of(box, *((name, n_names - n) for n, name in enumerate(names))))
    table = findings(made, select=["SET-006"])
    assert len(table) == (told is not None)
    if told is not None:
        assert table["message"].tolist() == [
            f"class names that differ only in case, white space or punctuation: {told}"
        ]
        assert table["value"].tolist() == [n_names]
        # The commonest spelling is taken as the right one.
        assert table["members"].map(len).tolist() == [sum(range(1, n_names))]


def test_a_listed_name_may_be_the_one_that_is_alike(summary, box) -> None:
    rows = rows_of(box, ("Van", 2))
    assert summary(rows, classes=LISTED, select=["SET-006"]) == [("SET-006", "", 2)]


@pytest.mark.parametrize(
    ("others", "value", "told"),
    [
        ([("b.json", "1", "car"), ("b.json", "2", "tram")], None, None),
        # 1 and 2 mean two names each, and car and tram have two numbers each.
        (
            [("b.json", "2", "car"), ("b.json", "1", "tram")],
            4,
            "2 class numbers mean several names, 2 names have several numbers, "
            "as '1' is 'car' in labels.json, '1' is 'tram' in b.json",
        ),
        (
            [("b.json", "7", "car")],
            1,
            "0 class numbers mean several names, 1 names have several numbers, "
            "as '1' is 'car' in labels.json, '7' is 'car' in b.json",
        ),
        ([("b.json", None, "car"), ("b.json", None, "tram")], None, None),
    ],
)
def test_lists_that_number_the_classes_otherwise_differ(
    make, findings, box, others, value, told
) -> None:
    made = make(rows_of(box, ("car", 1)), None, [*LISTED, *others])
    table = findings(made, select=["SET-007"])
    assert table[["value", "message"]].to_numpy().tolist() == (
        [] if told is None else [[value, told]]
    )


def test_two_entries_of_one_list_are_the_readers_matter(summary, box) -> None:
    listed = [("labels.json", "1", "car"), ("labels.json", "1", "van")]
    assert summary(rows_of(box, ("car", 1)), classes=listed, select=["SET-007"]) == []


SPLITS = {"a.jpg": {"split": "train"}, "b.jpg": {"split": "val"}, "c.jpg": {"split": None}}


@pytest.mark.parametrize(
    ("n_new", "expected"),
    [
        (1, []),  # 1 of 200: 0.005, at the limit
        (2, [("SET-008", "tram0 tram1", round(2 / 201, 6))]),
    ],
)
def test_a_split_with_classes_that_train_has_not(summary, box, n_new, expected) -> None:
    rows = rows_of(box, ("car", 1)) + rows_of(box, ("car", 199), ("tram", n_new), image="b.jpg")
    assert summary(rows, images=SPLITS, select=["SET-008"]) == expected


def test_a_class_that_only_train_has_or_an_image_without_a_split_is_no_fault(summary, box) -> None:
    rows = rows_of(box, ("car", 1), ("tram", 1)) + rows_of(box, ("car", 1), image="b.jpg")
    rows += rows_of(box, ("bus", 9), image="c.jpg")
    assert summary(rows, images=SPLITS, select=["SET-008"]) == []


@pytest.mark.parametrize("train", ["train", "TRAIN2017", "training"])
def test_the_training_split_is_the_one_called_so(summary, box, train) -> None:
    rows = rows_of(box, ("car", 1)) + rows_of(box, ("tram", 1), image="b.jpg")
    images = {"a.jpg": {"split": train}, "b.jpg": {"split": "test"}}
    assert summary(rows, images=images, select=["SET-008"]) == [("SET-008", "tram0", 1)]
    images["a.jpg"] = {"split": "test2"}
    assert summary(rows, images=images, select=["SET-008"]) == []


def test_a_box_without_any_class_is_told(summary, box) -> None:
    rows = [
        box("p", 0, 0, 9, 9, label=None, source_label=None),
        box("q", 0, 0, 9, 9, label=None, source_label="9"),
        box("r", 0, 0, 9, 9, label=None, source_label=None, origin="detector"),
        box("s", 0, 0, 9, 9, label=None, source_label=None, role="ignore"),
        box("t", label=None, source_label=None, shape="tag"),
        box("u", 0, 0, 9, 9),
    ]
    assert summary(rows, select=["SET-009"]) == [("SET-009", "p", 1)]


@pytest.mark.parametrize(
    ("n_rare", "expected"),
    [
        (0, []),
        (1, [("SET-010", "q0", 1)]),
        (2, [("SET-010", "q0 q1", 2)]),  # 2 of 20: at the limit
        (3, []),  # 3 of 21: taken as meant
    ],
)
def test_a_few_boxes_among_outlines_of_a_class_are_mixed(summary, box, n_rare, expected) -> None:
    rows = [box(f"p{n}", n, 0, n + 9, 9, shape="polygon") for n in range(9)]
    rows += [box(f"m{n}", n, 9, n + 9, 19, shape="mask") for n in range(9)]
    rows += [box(f"q{n}", n, 20, n + 9, 29, shape="rotated") for n in range(n_rare)]
    rows += [box("g", 0, 30, 9, 39, is_group=True), box("t", shape="tag")]
    rows += [box("o", 0, 0, 9, 9, label="van")]
    assert summary(rows, select=["SET-010"]) == expected


def test_kinds_are_compared_within_a_class_and_source(make, findings, box) -> None:
    rows = [box(f"p{n}", n, 0, n + 9, 9, shape="polygon") for n in range(10)]
    rows += [box("x", 0, 20, 9, 29, image="b.jpg"), box("y", 0, 20, 9, 29)]
    images = {"a.jpg": {"source": "one"}, "b.jpg": {"source": "two"}}
    (row,) = findings(make(rows, images), select=["SET-010"]).to_dict("records")
    assert row["message"] == (
        "labels of class 'car' are of several kinds, should be of one: 10 outline, 1 box"
    )


@pytest.mark.parametrize("code", [f"SET-{n:03d}" for n in range(1, 14)])
def test_an_empty_set_has_no_findings(summary, code) -> None:
    assert summary([], select=[code], params={code: {}}) == []


def test_findings_of_a_set_keep_their_ids_when_boxes_are_mended(make, findings, box) -> None:
    before, after = (
        findings(make(rows_of(box, ("car", n), ("van", 1))), select=["SET-004"]) for n in (100, 110)
    )
    assert before["finding_id"].tolist() == after["finding_id"].tolist()
    assert len(before) == 1
