"""Checks of boxes that belong together: literal rows in, findings out; values are hand sums."""

from __future__ import annotations

import pytest


def couples(box, n_couples, part="head", whole="person"):
    """So many parts, each in a whole of its own image."""
    rows = []
    for n in range(n_couples):
        own = {"image": f"{n}.jpg", "is_group": False}
        rows.append(box(f"w{n}", 10, 10, 60, 180, label=whole, **own))
        rows.append(box(f"p{n}", 20, 10, 40, 35, label=part, **own))
    return rows


@pytest.mark.parametrize(
    ("edges", "value"),
    [
        ((300, 10, 350, 180), 0),
        ((300, 10, 310, 180), 0),
        ((30, 10, 90, 180), None),  # the right half of the head: at the limit
        ((31, 10, 90, 180), 0.45),
    ],
)
def test_a_head_in_no_person_is_told_where_heads_lie_in_persons(summary, box, edges, value) -> None:
    own = {"image": "x.jpg", "is_group": False}
    rows = [*couples(box, 19), box("w", *edges, label="person", **own)]
    rows.append(box("p", 20, 10, 40, 35, label="head", **own))
    found = summary(rows, select=["REL-008"])
    assert found == ([] if value is None else [("REL-008", "p", value)])


@pytest.mark.parametrize(
    ("n_couples", "n_alone", "n_found"),
    [(19, 1, 1), (18, 1, 0), (16, 4, 4), (16, 5, 0)],
)
def test_heads_are_judged_where_four_of_five_lie_in_a_person(
    summary, box, n_couples, n_alone, n_found
) -> None:
    rows = couples(box, n_couples)
    rows += [box(f"a{n}", n, 0, n + 9, 9, label="head", image="x.jpg") for n in range(n_alone)]
    assert len(summary(rows, select=["REL-008"])) == n_found


@pytest.mark.parametrize(
    ("part", "whole", "is_judged"),
    [
        ("Human Head", "Pedestrian", True),
        ("person_head", "people", True),
        ("tête", "person", False),
        ("head", "horse", False),
        ("headlight", "car", False),
    ],
)
def test_names_say_what_is_a_head_and_a_person(summary, box, part, whole, is_judged) -> None:
    rows = couples(box, 30, part, whole)
    rows.append(box("p", 20, 10, 40, 35, label=part, image="x.jpg"))
    assert len(summary(rows, select=["REL-008"])) == is_judged


def test_a_head_in_a_group_of_persons_has_its_person(summary, box) -> None:
    rows = couples(box, 30)
    rows.append(box("g", 0, 0, 300, 300, label="person", image="x.jpg", is_group=True))
    rows.append(box("p", 20, 10, 40, 35, label="head", image="x.jpg", is_group=False))
    assert summary(rows, select=["REL-008"]) == []


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ((300, 60, 370, 160), [("REL-009", "r", 0)]),
        ((10, 99, 70, 160), []),  # 11 of the rider's 110 px: at the limit
        ((10, 100, 70, 160), [("REL-009", "r", round(10 / 110, 6))]),
    ],
)
def test_a_rider_that_touches_no_vehicle_is_told(summary, box, edges, expected) -> None:
    rows = couples(box, 20, "rider", "bicycle")
    rows.append(box("r", 10, 0, 60, 110, label="Rider", image="x.jpg", is_group=False))
    rows.append(box("b", *edges, label="motor-bike", image="x.jpg", is_group=False))
    assert summary(rows, select=["REL-009"]) == expected


def test_riders_of_a_set_without_vehicles_are_not_judged(summary, box) -> None:
    rows = [box(f"r{n}", n, 0, n + 9, 9, label="Cyclist") for n in range(40)]
    assert summary(rows, select=["REL-009"]) == []


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([(0, 0, 55, 100), (50, 0, 100, 100)], [("REL-007", "p o0 o1", 0)]),
        ([(0, 0, 50, 100), (54, 0, 100, 100)], [("REL-007", "p o0 o1", 0.04)]),
        ([(0, 0, 50, 100), (55, 0, 100, 100)], []),  # a twentieth: at the limit
        # Three that cover 1.47 times the box in sum, and half of it together.
        ([(0, 0, 70, 70), (1, 0, 71, 70), (2, 0, 72, 70)], []),
        ([(0, 0, 99, 100)], []),
        # Larger boxes do not count: one of them is behind.
        ([(-10, 0, 100, 100), (0, 0, 50, 100)], []),
        ([], []),
    ],
)
def test_a_box_that_smaller_ones_cover_is_told(summary, box, others, expected) -> None:
    rows = [box("p", 0, 0, 100, 100)]
    rows += [box(f"o{n}", *edges) for n, edges in enumerate(others)]
    assert summary(rows, select=["REL-007"]) == expected


@pytest.mark.parametrize(
    "columns",
    [
        {"label": "van"},
        {"label": None},
        {"image": "x.jpg"},
        {"origin": "detector"},
        {"role": "ignore"},
        {"is_group": True},
        {"shape": "rotated"},
        {"x2": -1.0},
    ],
)
def test_only_single_boxes_of_the_class_cover(summary, box, columns) -> None:
    rows = [
        box("p", 0, 0, 100, 100, is_group=False),
        box("o", 0, 0, 50, 100, is_group=False),
        box("q", 50, 0, 100, 100, is_group=False) | columns,
    ]
    assert summary(rows, select=["REL-007"]) == []


def test_a_box_marked_as_occluded_may_be_covered(summary, box) -> None:
    rows = [box("o0", 0, 0, 50, 100, occluded=0.0), box("o1", 50, 0, 100, 100, occluded=1.0)]
    for occluded, n_found in ((0.0, 1), (1.0, 0)):
        found = summary([box("p", 0, 0, 100, 100, occluded=occluded), *rows], select=["REL-007"])
        assert len(found) == n_found


@pytest.mark.parametrize("code", ["REL-007", "REL-008", "REL-009"])
def test_an_empty_set_has_no_partners(summary, code) -> None:
    assert summary([], select=[code]) == []
