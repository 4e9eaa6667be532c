"""Decisions: what is refused, which of several holds, and where people differ."""

from __future__ import annotations

import pytest

from curate.errors import UsageError
from curate.review.decisions import decisions_table, held, seen
from curate.tables import check_table, check_values, hex_id
from tests.review.sets import (
    BOXES,
    IMAGES,
    STREET,
    decided,
    edges,
    on_box,
    on_finding,
    on_image,
)  # fmt: skip


def test_what_is_not_given_is_null_and_the_image_id_follows_from_the_key() -> None:
    from curate.review.decisions import DECISION_COLUMNS

    table = decided(on_box(2, "confirm"), on_finding(7, "false-alarm"))
    check_table(table, DECISION_COLUMNS, "decisions")
    check_values(table, DECISION_COLUMNS, "decisions")
    assert table["image_id"].fillna(0).tolist() == [IMAGES[1], 0]
    assert table["source"].tolist() == ["file", "file"]
    assert table["when"].isna().all()


def test_an_image_key_is_taken_in_its_normal_form() -> None:
    # LATIN SMALL LETTER E and COMBINING ACUTE ACCENT are one letter in NFC.
    one = decided({"subject": "image", "image": "s\\cafe\u0301.jpg", "verdict": "drop"})
    other = decided({"subject": "image", "image": "s/caf\u00e9.jpg", "verdict": "drop"})
    assert one.equals(other)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"subject": "track", "verdict": "drop"}, "subject is 'track', should be one of finding"),
        ({"subject": None, "verdict": "drop"}, "subject is not given, should be one of finding"),
        (
            on_box(0, "false-alarm"),
            "verdict is 'false-alarm', should be for the subject box one of confirm, fix, ",
        ),
        (
            on_finding(1, "drop"),
            "verdict is 'drop', should be for the subject finding one of confirm, ",
        ),
        (
            on_image(0, "fix", label="car"),
            "verdict is 'fix', should be for the subject image one of confirm, drop",
        ),
        (on_box(0, "drop", source="cvat"), "source is 'cvat', should be one of fiftyone"),
        (on_box(0, "drop", when="June"), "when is 'June', should be a day or time of ISO 8601"),
        (on_box(0, "drop", box_id=None), "box_id is not given, should be that of the box"),
        (on_box(0, "drop", box_id=-1), "box_id is '-000000000000001', should be 63 bits"),
        (on_image(0, "drop", image=None), "image is not given, should be that of the image"),
        (on_image(0, "drop", image_id=5), "image_id is '0000000000000005', should be the hash"),
        (on_finding(1, "confirm", check=None), "check is not given, should be the code"),
        (on_finding(1, "confirm", check="box"), "check is 'box', should be the code"),
        (on_finding(1, "confirm", members=-1), "members is '-1', should be a number of records"),
        (on_box(0, "fix"), "label is not given, should be the class that the box shall have"),
        (on_box(0, "drop", label="car"), "label is 'car', should be not given"),
        (on_box(0, "fix", label="car", x1=1.0), "verdict is 'fix', should be edit, as edges"),
        (on_box(0, "edit"), "label is not given, should be given, or the four edges"),
        (on_box(0, "edit", x1=1.0, y1=2.0), "should be given with y1, x2 and y2, or none"),
        (on_box(0, "edit", **edges(5, 1, 5, 9)), "x1 is '5.0', should be left of x2, y1 above y2"),
        (on_box(0, "edit", **edges(1, 9, 5, 9)), "should be left of x2, y1 above y2"),
        (on_box(0, "edit", **edges(1, 2, float("inf"), 9)), "all finite"),
    ],
)
def test_a_row_that_is_no_decision_is_refused_with_its_place_and_what_should_be(row, said) -> None:
    with pytest.raises(UsageError) as told:
        decided(on_box(0, "confirm"), row)
    assert str(told.value).startswith("row 2: ")
    assert said in str(told.value)
    assert told.value.mend


def test_the_first_wrong_row_is_told_with_how_many_there_are() -> None:
    with pytest.raises(UsageError, match=r"row 2: label is 'x', .*the first of 2 such rows"):
        decided(on_box(0, "drop"), on_box(1, "drop", label="x"), on_box(2, "fix"))


@pytest.mark.parametrize(
    ("times", "holds"),
    [
        # Noon in Berlin in summer is 10:00 UTC.
        (["2026-06-15T12:00:00+02:00", "2026-06-15T10:30:00Z"], 1),
        (["2026-06-15T10:30:00Z", "2026-06-15T12:00:00+02:00"], 0),
        (["2026-06-15T10:30:00", "2026-06-15T12:31:00+02:00"], 1),
        (["2026-06-15", "2026-06-15T00:00:00"], 1),
        (["2026-06-15", None], 0),
        ([None, "1969-12-31"], 1),
        ([None, None], 1),
    ],
)
def test_the_later_decision_on_a_box_holds_and_of_one_time_the_one_behind(times, holds) -> None:
    rows = [on_box(0, "fix", label=str(n), when=when) for n, when in enumerate(times)]
    valid = held(decided(*rows))
    assert valid.table["label"].tolist() == [str(holds)]
    assert valid.n_overruled == 1


def test_decisions_on_other_subjects_all_hold_in_their_order() -> None:
    # One number as id of a finding, and of a box.
    rows = [on_finding(BOXES[0], "confirm"), on_box(1, "drop"), on_box(0, "drop")]
    rows += [on_image(0, "confirm"), on_image(1, "confirm")]
    valid = held(decided(*rows))
    assert valid.table.equals(decided(*rows))
    assert (valid.n_overruled, valid.contradictions) == (0, ())


def test_two_people_who_differ_are_told_and_the_later_holds() -> None:
    rows = [
        on_box(0, "drop", who="ann", when="2026-06-16"),
        on_box(0, "fix", label="van", who="bob", when="2026-06-15"),
    ]
    valid = held(decided(*rows))
    assert valid.table["verdict"].tolist() == ["drop"]
    (one,) = valid.contradictions
    assert str(one) == (
        f"box {hex_id(BOXES[0])} of s/a0.jpg: bob said fix van (2026-06-15); "
        "ann said drop (2026-06-16): the last holds"
    )


@pytest.mark.parametrize(
    ("first", "second", "n_told"),
    [
        ({"who": "ann"}, {"who": "ann"}, 0),
        ({"who": "ann"}, {"who": "bob"}, 1),
        ({"who": "ann"}, {}, 1),
        ({}, {}, 0),
    ],
)
def test_nobody_contradicts_himself(first, second, n_told) -> None:
    rows = [on_finding(3, "confirm", **first), on_finding(3, "false-alarm", **second)]
    assert len(held(decided(*rows)).contradictions) == n_told


def test_people_who_agree_or_came_to_agree_do_not_contradict_each_other() -> None:
    agree = [on_box(0, "edit", **edges(1, 2, 3, 4), who=who) for who in ("ann", "bob")]
    assert held(decided(*agree)).contradictions == ()
    came = [on_box(0, "drop", who="ann"), on_box(0, "confirm", who="bob")]
    came.append(on_box(0, "confirm", who="ann"))
    assert held(decided(*came)).contradictions == ()


def test_no_decision_at_all_is_a_table_too() -> None:
    valid = held(decisions_table(0, {}))
    assert (len(valid.table), valid.n_overruled, valid.contradictions) == (0, 0, ())


def test_what_was_seen_of_a_box_is_its_class_and_edges() -> None:
    told = seen(STREET, [BOXES[2], BOXES[0]])
    assert {name: list(values) for name, values in told.items()} == {
        "seen_label": ["car", "car"],
        "seen_x1": [5, 1],
        "seen_y1": [5, 2],
        "seen_x2": [9, 11],
        "seen_y2": [9, 12],
    }
    with pytest.raises(UsageError, match="there is no box 0000000000000001"):
        seen(STREET, [BOXES[0], 1])
