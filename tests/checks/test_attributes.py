"""Checks of attributes: literal rows in, findings out; expected values are sums by hand."""

from __future__ import annotations

import json

import pytest


def rows_of(box, *texts, **columns):
    return [
        box(
            f"b{n}",
            n,
            10,
            n + 9,
            50,
            attributes=text if isinstance(text, str | None) else json.dumps(text),
            **columns,
        )
        for n, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([{"pose": "none"}] * 100, [("SET-011", "", 100)]),
        ([{"pose": "none"}] * 99 + [None], []),
        ([{"pose": "none"}] * 100 + [{"pose": "left"}], []),
        ([{"sure": True}] * 101, [("SET-011", "", 101)]),
        ([{"pose": "none", "x": n} for n in range(100)], [("SET-011", "", 100)]),
        ([{"x": 3}] * 100, []),
        ([{"x": ["a"]}] * 100, []),
        ([{"x": None}] * 100, []),
        (["[1]"] * 100, []),
        (["{"] * 100, []),
        ([None] * 100, []),
        ([], []),
    ],
)
def test_an_attribute_of_one_word_on_all_labels_is_told(summary, box, texts, expected) -> None:
    assert summary(rows_of(box, *texts), select=["SET-011"]) == expected


def test_labels_are_judged_and_not_a_detectors_boxes(summary, box) -> None:
    rows = rows_of(box, *[{"pose": "none"}] * 100, origin="detector")
    assert summary(rows, select=["SET-011", "SET-012", "SET-013"]) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([("left", 60), ("right", 39), ("rigt", 1)], [("SET-012", "b99", 1)]),
        ([("left", 60), ("right", 38), ("rigt", 2)], []),
        ([("left", 100), ("right", 2)], [("SET-012", "b100 b101", 2)]),  # 50 times: at the limit
        ([("left", 98), ("right", 2)], []),  # 49 times
        ([("left", 98), ("right", 1)], []),  # 99 labels
        ([("left", 60)] + [(str(n), 1) for n in range(49)], 49),  # 50 words
        ([("left", 60)] + [(str(n), 1) for n in range(50)], []),  # 51 words: free text
        ([(str(n), 1) for n in range(40)] + [(str(n), 2) for n in range(40, 70)], []),
    ],
)
def test_a_word_on_very_few_labels_is_told(summary, box, words, expected) -> None:
    rows = rows_of(box, *({"pose": word} for word, count in words for _ in range(count)))
    found = summary(rows, select=["SET-012"])
    if isinstance(expected, int):
        assert [(check, value) for check, _, value in found] == [("SET-012", expected)]
    else:
        assert found == expected


def test_the_message_names_the_rare_words(make, findings, box) -> None:
    texts = [{"pose": "left"}] * 99 + [{"pose": "b"}, {"pose": "a"}]
    (message,) = findings(make(rows_of(box, *texts)), select=["SET-012"])["message"]
    assert message == (
        "attribute 'pose' is 'a', 'b' on 2 of 101 labels; its commonest value is on 99"
    )


@pytest.mark.parametrize(
    ("n_with", "n_without", "expected"),
    [
        (27, 3, [("SET-013", "b27 b28 b29", 3)]),  # 0.9 of 30: both at the limit
        (26, 4, []),
        (26, 3, []),  # 29 labels
        (30, 0, []),
        (0, 30, []),
    ],
)
def test_an_attribute_that_a_few_of_a_class_lack_is_missing(
    summary, box, n_with, n_without, expected
) -> None:
    texts = [{"grade": 2}] * n_with + [None, {"other": 1}, {}, None][:n_without]
    texts += [None] * (n_without - 4)
    assert summary(rows_of(box, *texts), select=["SET-013"]) == expected


def test_attributes_are_expected_of_a_class_and_source(summary, box) -> None:
    rows = rows_of(box, *[{"grade": n} for n in range(40)], None)
    rows += [box("v", 0, 0, 9, 9, label="van"), box("o", 0, 0, 9, 9, image="b.jpg")]
    images = {"a.jpg": {"source": "one"}, "b.jpg": {"source": "two"}}
    assert summary(rows, images=images, select=["SET-013"]) == [("SET-013", "b40", 1)]
