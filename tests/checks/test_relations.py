"""Checks of boxes against each other: literal rows in, (check, members, value) out."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.checks import relations

PLACE = (10, 10, 50, 50)


def test_boxes_beside_each_other_are_no_finding(summary, box) -> None:
    rows = [box("p", *PLACE), box("q", 80, 10, 120, 50), box("r", 50, 10, 80, 50)]
    assert summary(rows) == []


def test_equal_boxes_are_one_finding_however_many(summary, box) -> None:
    rows = [box("p", *PLACE), box("q", *PLACE), box("r", 80, 10, 120, 50), box("s", *PLACE)]
    assert summary(rows) == [("REL-001", "p q s", 3)]


def test_duplicate_message_says_class_and_place(make, findings, box) -> None:
    found = findings(make([box("p", *PLACE, line=3), box("q", *PLACE, line=4)]))
    assert found["message"].tolist() == [
        "2 boxes of class 'car' have the same coordinates (10, 10, 50, 50), should be one"
    ]
    assert found[["file", "line", "source_id"]].values.tolist() == [["labels.json", 3, "p"]]
    assert found["box_id"].isna().all()
    assert found["image_id"].notna().all()


def test_zero_and_minus_zero_are_one_coordinate(summary, box) -> None:
    assert summary([box("p", 0.0, 0, 9, 9), box("q", -0.0, 0, 9, 9)]) == [("REL-001", "p q", 2)]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({}, {}, True),
        ({}, {"image": "b.jpg"}, False),
        ({}, {"label": "van"}, False),
        ({"label": None}, {"label": None}, True),
        ({"label": None}, {"label": None, "source_label": "7"}, False),
        ({"label": None}, {}, False),  # one class is unknown: not the same
        ({"label": None, "source_label": None}, {"label": None, "source_label": None}, True),
        ({"label": None, "source_label": None}, {"label": None}, False),
        ({}, {"source_label": "3"}, True),  # two sources' words for one class
        ({}, {"shape": "polygon"}, True),
        ({"shape": "line"}, {}, False),
        ({}, {"role": "ignore"}, True),
        ({"is_group": True}, {}, False),
        ({"is_group": False}, {}, True),
        ({"origin": "detector"}, {}, False),
        ({"origin": "detector"}, {"origin": "detector"}, False),
        ({"shape": "rotated", "angle_deg": 30}, {"shape": "rotated", "angle_deg": 30}, True),
        ({"shape": "rotated", "angle_deg": 30}, {"shape": "rotated", "angle_deg": 40}, False),
        ({"shape": "rotated", "angle_deg": 0}, {}, True),
    ],
)
def test_what_makes_equal_boxes_a_duplicate(summary, box, first, second, same) -> None:
    rows = [box("p", *PLACE, **first), box("q", *PLACE, **second)]
    expected = [("REL-001", "p q", 2)] if same else []
    assert summary(rows, ignore=["REL-003"]) == expected


def test_boxes_without_positive_sides_are_no_duplicates(summary, box) -> None:
    rows = [box(name, 9, 9, 9, 20) for name in "pq"] + [box(name, None, 9, 9, 20) for name in "rs"]
    assert {row[0] for row in summary(rows)} == {"BOX-001", "BOX-003"}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((10, 10, 50, 51), [("REL-002", "p q", 0.97561)]),  # 1600 of 1640
        ((10, 10, 50, 46), [("REL-002", "p q", 0.9)]),  # 1440 of 1600: exactly at the limit
        ((10, 14, 50, 54), []),  # 1440 of 1760: 0.818
        ((14, 10, 54, 50), []),
        ((10, 10, 50, 50), [("REL-001", "p q", 2)]),
    ],
)
def test_boxes_of_one_class_nearly_on_each_other(summary, box, other, expected) -> None:
    assert summary([box("p", *PLACE), box("q", *other)]) == expected


def test_linked_near_duplicates_are_one_finding_with_the_largest_overlap(summary, box) -> None:
    # q lies between p and r, which are only 1444 of 1680 (0.86) alike.
    rows = [
        box("p", 10, 10, 50, 50),
        box("q", 10, 11, 50, 51),  # 1560 of 1640 with p: 0.951
        box("r", 10, 13, 50, 53),  # 1520 of 1680 with q: 0.905; 1480 of 1720 with p: 0.860
        box("s", 10, 10, 50, 50, image="b.jpg"),
        box("t", 10, 10, 50, 51, image="b.jpg"),
    ]
    assert summary(rows) == [("REL-002", "s t", 0.97561), ("REL-002", "p q r", 0.95122)]


def test_box_near_two_equal_ones_has_both_causes(summary, box) -> None:
    rows = [box("p", *PLACE), box("q", *PLACE), box("r", 10, 10, 50, 51)]
    assert summary(rows) == [("REL-001", "p q", 2), ("REL-002", "p q r", 0.97561)]


@pytest.mark.parametrize(
    "columns",
    [
        {"role": "ignore"},
        {"is_group": True},
        {"origin": "detector"},
        {"shape": "rotated"},
        {"shape": "line"},
        {"image": "b.jpg"},
    ],
)
@pytest.mark.parametrize(
    ("other", "label"),
    [((10, 10, 50, 51), "car"), ((10, 10, 50, 51), "van"), ((20, 20, 30, 30), "car")],
)
def test_boxes_that_are_not_compared(summary, box, columns, other, label) -> None:
    rows = [box("p", *PLACE), box("q", *other, label=label, **columns)]
    assert summary(rows) == []
    assert summary(rows[::-1]) == []


@pytest.mark.parametrize("role", ["include", "exclude", "review"])
def test_other_roles_are_compared(summary, box, role) -> None:
    rows = [box("p", *PLACE), box("q", 10, 10, 50, 51, role=role)]
    assert summary(rows) == [("REL-002", "p q", 0.97561)]


@pytest.mark.parametrize(
    ("other", "label", "expected"),
    [
        (PLACE, "van", [("REL-003", "p q", 1)]),
        ((10, 10, 50, 48), "van", [("REL-003", "p q", 0.95)]),  # 1520 of 1600: at the limit
        ((10, 10, 50, 47.9), "van", []),
        (PLACE, None, []),
        (PLACE, "car", [("REL-001", "p q", 2)]),
    ],
)
def test_two_classes_at_one_place(summary, box, other, label, expected) -> None:
    assert summary([box("p", *PLACE), box("q", *other, label=label)]) == expected


def test_two_classes_message_names_both(make, findings, box) -> None:
    rows = [box("p", *PLACE, label="it's"), box("q", *PLACE, label="x" * 200)]
    (message,) = findings(make(rows))["message"]
    assert message.startswith("2 boxes at one place (IoU 1.000) are of several classes, as ")
    assert '"it\'s"' in message
    assert "x" * 79 in message
    assert "x" * 80 not in message


def test_many_boxes_of_two_classes_at_one_place_are_one_finding(summary, box) -> None:
    rows = [box(name, *PLACE, label=label) for name, label in zip("pqrs", "abab", strict=True)]
    assert summary(rows, select=["REL-003"]) == [("REL-003", "p q r s", 1)]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((20, 20, 30, 30), [("REL-004", "q p", 1)]),
        ((41, 10, 51, 20), []),  # 0.9 inside
        ((0.2, 20, 10.2, 30), []),
        ((40.2, 10, 50.2, 20), [("REL-004", "q p", 0.98)]),  # exactly at the limit
        ((10, 10, 50, 46), [("REL-002", "p q", 0.9)]),  # a near-duplicate instead
        ((10, 10, 50, 45.9), [("REL-004", "q p", 1)]),
        ((0, 0, 400, 400), [("REL-004", "p q", 1)]),
    ],
)
def test_box_inside_another_of_its_class(summary, box, other, expected) -> None:
    found = summary([box("p", *PLACE), box("q", *other)], params={"REL-004": {"min_ioa": 0.97999}})
    assert found == expected


def test_box_inside_several_is_one_finding_with_all_that_hold_it(summary, box) -> None:
    rows = [
        box("p", 0, 0, 300, 300),
        box("q", 0, 0, 100, 100),
        box("r", 10, 10, 20, 20),
        box("s", 10, 10, 20, 21, label="van"),
    ]
    assert summary(rows) == [("REL-004", "q p", 1), ("REL-004", "r q p", 1)]


def test_inside_message_says_share_and_class(make, findings, box) -> None:
    found = findings(make([box("p", *PLACE), box("q", 20, 20, 30, 30)]))
    assert found["message"].tolist() == [
        "100.0% of the box of class 'car' lies inside another of its class (IoU 0.062), "
        "should be below 98.0%"
    ]


def test_pairs_of_one_size_have_one_order(summary, box) -> None:
    # 1440 of 1600 shared: share 0.9, IoU 0.818; neither is smaller.
    rows = [box("p", 10, 10, 50, 50), box("q", 10, 14, 50, 54)]
    params = {"REL-004": {"min_ioa": 0.9}}
    assert summary(rows, params=params) == summary(rows[::-1], params=params)


def test_unnamed_class_is_named_by_the_source_or_not_at_all(make, findings, box) -> None:
    rows = [
        *(box(name, *PLACE, label=None, source_label="17") for name in "pq"),
        *(box(name, 90, 90, 99, 99, label=None, source_label=None) for name in "rs"),
    ]
    messages = findings(make(rows))["message"]
    assert [message.split(" have")[0] for message in messages] == [
        "2 boxes of class '17'",
        "2 boxes of class None",
    ]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60))
def test_components_are_those_of_plain_search(links: list[tuple[int, int]]) -> None:
    reached = {node: {node} for node in range(31)}
    for a, b in links:
        joined = reached[a] | reached[b]
        for node in joined:
            reached[node] = joined
    a, b = np.array(links, np.int64).reshape(-1, 2).T
    assert relations.components(31, a, b).tolist() == [min(reached[n]) for n in range(31)]


def test_long_chain_is_one_component() -> None:
    chain = np.random.default_rng(0).permutation(100_000)
    assert not relations.components(100_000, chain[:-1], chain[1:]).any()


def test_of_many_equal_boxes_only_some_are_compared_with_others(make, findings, box) -> None:
    rows = [box(f"r{n}", *PLACE) for n in range(20_000)]
    found = findings(make([*rows, box("q", 10, 10, 50, 51)]))
    sizes = dict(zip(found["check"], map(len, found["members"]), strict=True))
    assert sizes == {"REL-001": 20_000, "REL-002": relations.MAX_COPIES + 1}


@pytest.mark.parametrize("block_pairs", [1, 7, 100])
def test_blocks_of_pairs_of_any_size_give_the_same_findings(
    make, findings, box, monkeypatch, block_pairs
) -> None:
    rng = np.random.default_rng(1)
    # Near-duplicates in chains, boxes of two classes at one place, and boxes inside others.
    corners = rng.integers(0, 60, (80, 2))
    sides = rng.choice([20, 21, 60], (80, 2))
    rows = [
        box(f"r{n}", x, y, x + w, y + h, label="ab"[n % 2], image=f"{n % 3}.jpg")
        for n, ((x, y), (w, h)) in enumerate(zip(corners.tolist(), sides.tolist(), strict=True))
    ]
    params = {"REL-002": {"min_iou": 0.7}, "REL-003": {"min_iou": 0.7}, "REL-004": {"min_ioa": 0.8}}
    whole = findings(make(rows), params=params)
    assert set(whole["check"]) == {"REL-002", "REL-003", "REL-004"}
    monkeypatch.setattr(relations, "BLOCK_PAIRS", block_pairs)
    monkeypatch.setattr(relations, "CHUNK_PAIRS", 5)
    assert findings(make(rows), params=params).equals(whole)


def test_box_inside_more_others_than_are_listed_says_how_many(
    make, findings, box, monkeypatch
) -> None:
    monkeypatch.setattr(relations, "MAX_HOLDERS", 2)
    monkeypatch.setattr(relations, "BLOCK_PAIRS", 1)
    rows = [
        box("q", 100, 100, 200, 200, label="van"),
        *(box(f"r{n}", 90 - n, 50, 300 + 100 * n, 300, label="van") for n in range(3)),
        box("s", 101, 50, 300, 300, label="van"),
    ]
    found = findings(make(rows), select=["REL-004"])
    inside_q = found[found["message"].str.contains("hold it")].iloc[0]
    # r0, r1 and r2 hold all of q, s holds 99 of its 100 columns.
    assert inside_q["message"] == (
        "100.0% of the box of class 'van' lies inside another of its class (IoU 0.190), "
        "should be below 98.0%; 4 boxes hold it, of which 2 are listed"
    )
    made = make(rows).dataset.boxes.set_index("box_id")["source_id"]
    assert made.loc[list(inside_q["members"])].tolist() == ["q", "r0", "r1"]


def test_crowd_of_boxes_on_one_place_takes_bounded_memory(make, findings, box) -> None:
    n = 1500
    edges = np.array([100.0, 100, 300, 300]) + np.random.default_rng(0).uniform(-2, 2, (n, 4))
    made = make([box(f"r{row}", *place) for row, place in enumerate(edges.tolist())])
    tracemalloc.start()
    found = findings(made, select=["REL-002"])
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [len(members) for members in found["members"]] == [n]
    # All 1.1 million pairs at once took 227 MB (measured); of 3,000 boxes they take as little.
    assert peak_bytes < 120e6
