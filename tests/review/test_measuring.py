"""What verdicts say of checks, and what they take out of an audit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from curate.review.decisions import decisions_table
from curate.review.measuring import measured, settled
from curate.verdicts import CheckVerdicts
from tests.review.sets import decided, on_box, on_finding
from tests.test_waivers import findings


def test_each_finding_counts_once_for_its_check_by_the_verdict_that_holds() -> None:
    table = decided(
        on_finding(1, "false-alarm", when="2026-06-15"),
        on_finding(1, "confirm", when="2026-06-16"),
        on_finding(2, "false-alarm"),
        on_finding(3, "false-alarm", check="BOX-004"),
        on_finding(99, "confirm"),
        on_box(0, "confirm"),
    )
    two, four = CheckVerdicts("BOX-002", 2, 1), CheckVerdicts("BOX-004", 0, 1)
    assert measured(table) == (two, four)
    assert measured(table, ran={"BOX-004", "box-side-small"}) == (four,)
    assert measured(decisions_table(0, {})) == ()


def left(*rows):
    done = settled(findings(), decided(*rows))
    assert done.refuted == 4 - len(done) == done.settled["refuted"]
    return done.table["finding_id"].tolist()


@pytest.mark.parametrize(
    ("row", "ids"),
    [
        (on_finding(1, "false-alarm"), [2, 3, 4]),
        (on_finding(1, "confirm"), [1, 2, 3, 4]),
        (on_finding(9, "false-alarm"), [1, 2, 3, 4]),
        # Finding 3 is about three boxes: of those judged, all, and more than there are now.
        (on_finding(3, "false-alarm", check="BOX-004", members=2), [1, 2, 3, 4]),
        (on_finding(3, "false-alarm", check="BOX-004", members=3), [1, 2, 4]),
        (on_finding(3, "false-alarm", check="BOX-004", members=4), [1, 2, 4]),
        (on_finding(4, "false-alarm", check="SRC-010", members=0), [1, 2, 3]),
        (on_box(1, "drop"), [1, 2, 3, 4]),
    ],
)
def test_false_alarms_are_taken_out_unless_they_have_come_to_concern_more(row, ids) -> None:
    assert left(row) == ids


def test_a_false_alarm_that_somebody_confirmed_later_stays() -> None:
    assert left(on_finding(1, "false-alarm"), on_finding(1, "confirm")) == [1, 2, 3, 4]


def test_findings_about_waivers_are_never_taken_out() -> None:
    told = findings()
    told = replace(told, table=told.table.assign(check=["WAI-001", *told.table["check"][1:]]))
    done = settled(told, decided(on_finding(1, "false-alarm", check="WAI-001")))
    assert (len(done), done.refuted) == (4, 0)


def test_what_the_baseline_knows_stays_known_and_the_given_findings_as_they_were() -> None:
    known = replace(findings(), known=frozenset({1, 2}), mended=5, waived=6)
    done = settled(known, decided(on_finding(2, "false-alarm")))
    assert done.settled == {"known": 1, "mended": 5, "waived": 6, "refuted": 1}
    assert len(known) == 4
