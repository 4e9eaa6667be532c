"""Checks of flags against geometry: literal rows in, findings out."""

from __future__ import annotations

import numpy as np
import pytest


def marked(box, n_boxes, **columns):
    """Boxes at the left border that are marked as truncated."""
    return [
        box(f"m{n}", 0, 20 * n, 50, 20 * n + 9, **({"truncated": 1.0} | columns))
        for n in range(n_boxes)
    ]


@pytest.mark.parametrize(
    ("n_touching", "inside", "expected"),
    [
        (19, (3, 100, 60, 200), []),  # 3 px: at the limit
        (19, (3.5, 100, 60, 200), [("BOX-016", "p", 3.5)]),
        (19, (100, 100, 630, 200), [("BOX-016", "p", 10)]),
        (19, (100, 100, 200, 475), [("BOX-016", "p", 5)]),
        (18, (100, 100, 200, 200), []),  # 19 marked boxes
        (20, (-9, 100, 200, 200), []),
    ],
)
def test_a_truncated_box_inside_where_others_touch_is_told(
    summary, box, n_touching, inside, expected
) -> None:
    rows = [*marked(box, n_touching), box("p", *inside, truncated=0.3)]
    assert summary(rows, select=["BOX-016"]) == expected


@pytest.mark.parametrize(("n_inside", "n_found"), [(2, 2), (3, 0)])
def test_where_more_than_a_tenth_lies_inside_the_flag_means_something_else(
    summary, box, n_inside, n_found
) -> None:
    rows = marked(box, 18 if n_inside == 2 else 26)
    rows += [box(f"p{n}", 100, 100, 200, 200, truncated=1.0) for n in range(n_inside)]
    assert len(summary(rows, select=["BOX-016"])) == n_found


@pytest.mark.parametrize(
    "columns",
    [{"truncated": np.nan}, {"truncated": 0.0}, {"origin": "detector"}, {"role": "ignore"},
     {"x1": np.nan}, {"shape": "line"}],
)  # fmt: skip
def test_what_is_not_marked_or_no_label_is_not_told(summary, box, columns) -> None:
    rows = [*marked(box, 30), box("p", 100, 100, 200, 200, truncated=1.0) | columns]
    assert summary(rows, select=["BOX-016"]) == []


def test_flags_are_judged_by_what_is_usual_in_their_source(summary, box) -> None:
    rows = marked(box, 30)
    rows += [box("p", 100, 100, 200, 200, truncated=1.0, image="b.jpg")]
    images = {"a.jpg": {"source": "one"}, "b.jpg": {"source": "two"}}
    assert summary(rows, images=images, select=["BOX-016", "BOX-017"]) == []


@pytest.mark.parametrize(
    ("n_marked", "edges", "expected"),
    [
        (20, (0.5, 100, 60, 200), [("BOX-017", "p", 20)]),  # at the limit
        (20, (1, 100, 60, 200), []),
        (20, (-3, 100, 60, 200), [("BOX-017", "p", 20)]),
        (20, (600, 100, 639.5, 200), [("BOX-017", "p", 20)]),
        (19, (0, 100, 60, 200), []),
    ],
)
def test_a_box_at_the_border_without_the_flag_that_others_have(
    summary, box, n_marked, edges, expected
) -> None:
    rows = [*marked(box, n_marked), box("p", *edges, truncated=0.0)]
    assert summary(rows, select=["BOX-017"]) == expected


@pytest.mark.parametrize(("n_unmarked", "n_found"), [(5, 5), (6, 0)])
def test_where_a_fifth_at_the_border_is_not_marked_the_flag_means_something_else(
    summary, box, n_unmarked, n_found
) -> None:
    rows = marked(box, 20)  # 20 of 25 are 0.8: at the limit
    rows += [box(f"p{n}", 0, 0, 9, 9 + n, truncated=0.0) for n in range(n_unmarked)]
    assert len(summary(rows, select=["BOX-017"])) == n_found


def test_a_flag_that_is_not_stated_is_not_judged(summary, box) -> None:
    rows = [*marked(box, 30), box("p", 0, 100, 60, 200, truncated=np.nan)]
    assert summary(rows, select=["BOX-017"]) == []


def test_images_of_unknown_size_have_no_border(summary, box) -> None:
    rows = [*marked(box, 30), box("p", 100, 100, 200, 200, truncated=1.0)]
    rows.append(box("q", 0, 100, 60, 200, truncated=0.0))
    images = {"a.jpg": {"width": None, "height": None}}
    assert summary(rows, images=images, select=["BOX-016", "BOX-017"]) == []


def groups(box, held, **columns):
    """Groups of 100 x 100 px, each in an image of its own, with so many single boxes inside."""
    rows = []
    for n, count in enumerate(held):
        own = {"image": f"{n}.jpg"}
        group = {"is_group": True, "role": "ignore"} | columns
        rows.append(box(f"g{n}", 0, 0, 100, 100, **own, **group))
        rows += [box(f"g{n}b{m}", m, 0, m + 10, 20, **own, is_group=False) for m in range(count)]
    return rows


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([2] * 19 + [1], [("REL-005", "g19", 1)]),
        ([2] * 16 + [2] * 3 + [0], [("REL-005", "g19", 0)]),
        ([2] * 20, []),
        ([2] * 18 + [1], []),  # 19 groups
        ([3] * 15 + [0] * 5, []),  # 15 of 20 are 0.75
    ],
)
def test_a_group_that_holds_fewer_than_others_is_told(summary, box, held, expected) -> None:
    assert summary(groups(box, held), select=["REL-005"]) == expected


@pytest.mark.parametrize(
    ("edges", "columns", "n_found"),
    [
        ((0, 0, 50, 50), {}, 1),
        ((90, 0, 100, 100), {}, 1),
        ((91, 0, 101, 100), {}, 1),  # 0.9: at the limit
        ((92, 0, 102, 100), {}, 0),
        ((0, 0, 50, 50), {"label": "van"}, 0),
        ((0, 0, 50, 50), {"origin": "detector"}, 0),
        ((0, 0, 50, 50), {"role": "ignore"}, 0),
        ((0, 0, 50, 50), {"is_group": True}, 0),
        ((0, 0, 50, 50), {"image": "x.jpg"}, 0),
        ((50, 50, 0, 0), {}, 0),
    ],
)
def test_a_single_box_in_a_group_where_groups_hold_none(
    summary, box, edges, columns, n_found
) -> None:
    rows = groups(box, [0] * 20)
    rows.append(box("p", *edges, **({"image": "0.jpg", "is_group": False} | columns)))
    found = summary(rows, select=["REL-006"])
    assert [members for _, members, _ in found] == ["p g0"] * n_found


def test_where_groups_hold_single_boxes_none_is_told_unless_the_project_says_so(
    summary, box
) -> None:
    rows = groups(box, [0] * 17 + [1] * 3)
    assert summary(rows, select=["REL-006"]) == []
    meant = {"REL-006": {"min_usual_frac": 0}}
    assert len(summary(rows, select=["REL-006"], params=meant)) == 3


@pytest.mark.parametrize("code", ["BOX-016", "BOX-017", "REL-005", "REL-006"])
def test_an_empty_set_has_no_flags(summary, code) -> None:
    assert summary([], select=[code]) == []
