"""What decisions change, what they leave, and what is told instead of done."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.assembly import Fault
from curate.dataset import load, save
from curate.review.applying import LOG_COLUMNS, applied
from curate.review.decisions import EDGES, decisions_table, seen
from curate.tables import BOX_COLUMNS, hex_id
from tests.review.sets import (
    BOXES,
    IMAGES,
    STREET,
    decided,
    edges,
    on_box,
    on_finding,
    on_image,
    same_tables,
)  # fmt: skip
from tests.test_report import dataset


def told(done):
    """Box or image, column, old and new of each row of the log."""
    rows = csv.DictReader(io.StringIO(done.log_csv().decode()))
    of_box = {hex_id(box_id): number for number, box_id in enumerate(BOXES)}
    return [
        (of_box.get(row["box_id"], row["image"]), row["column"], row["old"], row["new"])
        for row in rows
    ]


def test_each_verdict_does_what_it_says_and_the_given_dataset_stays_as_it_is() -> None:
    before = STREET.boxes.copy()
    rows = [on_box(0, "fix", label="van"), on_box(1, "drop")]
    rows.append(on_box(2, "edit", **edges(5, 6, 9.5, 9)))
    done = applied(STREET, decided(*rows))
    boxes = done.dataset.boxes
    assert boxes["box_id"].tolist() == [BOXES[0], BOXES[2]]
    assert boxes["label"].tolist() == ["van", "car"]
    assert boxes[list(EDGES)].to_numpy().tolist() == [[1, 2, 11, 12], [5, 6, 9.5, 9]]
    assert told(done) == [
        (0, "label", "car", "van"),
        (1, "box", "car 20.0 20.0 40.0 30.0", "dropped"),
        (2, "y1", "5.0", "6.0"),
        (2, "x2", "9.0", "9.5"),
    ]
    assert set(done.fates["fate"]) == {"applied"}
    assert done.new_classes == ("van",)
    assert STREET.boxes.equals(before)


def test_an_edit_may_give_a_class_alone_or_with_edges() -> None:
    rows = [on_box(0, "edit", label="bus"), on_box(1, "edit", label="van", **edges(1, 1, 2, 2))]
    boxes = applied(STREET, decided(*rows)).dataset.boxes
    assert boxes["label"].tolist() == ["bus", "van", "car"]
    assert boxes["x2"].tolist() == [11, 2, 9]


def test_a_log_row_tells_who_said_it_when_where_and_why() -> None:
    said = {"who": "ann", "when": "2026-06-15", "note": "a van"}
    done = applied(STREET, decided(on_box(2, "fix", label="van", **said)))
    (row,) = csv.DictReader(io.StringIO(done.log_csv().decode()))
    assert tuple(row) == LOG_COLUMNS
    assert row == {
        "box_id": hex_id(BOXES[2]), "image": "s/a1.jpg", "file": "labels.txt", "line": "3",
        "source_id": "2", "column": "label", "old": "car", "new": "van", "verdict": "fix", **said,
    }  # fmt: skip


def test_confirming_and_judging_findings_changes_nothing() -> None:
    rows = [on_box(0, "confirm"), on_image(1, "confirm"), on_finding(1, "confirm")]
    rows.append(on_finding(2, "false-alarm"))
    done = applied(STREET, decided(*rows))
    assert same_tables(done.dataset, STREET)
    assert len(done.log) == 0
    assert done.n_findings == 2
    assert done.counts == {("box", "confirm", "confirmed"): 1, ("image", "confirm", "confirmed"): 1}
    assert len(done.not_applied) == 0


def test_an_image_whose_last_box_was_dropped_is_empty_and_no_other() -> None:
    done = applied(STREET, decided(on_box(0, "drop"), on_box(2, "drop")))
    assert done.dataset.images["label_state"].tolist() == ["present", "empty", "present"]
    assert told(done)[-1] == ("s/a1.jpg", "label_state", "present", "empty")


def test_a_dropped_image_goes_with_its_boxes_each_of_them_logged() -> None:
    rows = [on_image(0, "drop"), on_box(0, "fix", label="van"), on_box(1, "drop")]
    done = applied(STREET, decided(*rows))
    assert done.dataset.images["image_id"].tolist() == IMAGES[1:]
    assert done.dataset.boxes["box_id"].tolist() == BOXES[2:]
    assert told(done) == [
        (0, "box", "car 1.0 2.0 11.0 12.0", "dropped"),
        (1, "box", "car 20.0 20.0 40.0 30.0", "dropped"),
        ("s/a0.jpg", "image", "present", "dropped"),
    ]
    # That it was to be a van is told; that it was to go has happened.
    assert done.fates["fate"].tolist() == ["dropped", "already", "applied"]
    assert done.not_applied["label"].tolist() == ["van"]


def test_boxes_and_images_that_are_not_there_are_told_and_nothing_is_done() -> None:
    rows = [on_box(0, verdict, box_id=7 + n) for n, verdict in enumerate(("drop", "confirm"))]
    rows += [on_image(9, "drop"), on_image(8, "confirm")]
    done = applied(STREET, decided(*rows))
    assert set(done.not_applied["fate"]) == {"gone"}
    assert len(done.not_applied) == 4
    assert same_tables(done.dataset, STREET)
    empty = STREET.of_images([])
    assert applied(empty, decided(on_box(0, "drop"))).not_applied["fate"].tolist() == ["gone"]


def seen_box(number, verdict, **more):
    own = {name: values[0] for name, values in seen(STREET, [BOXES[number]]).items()}
    return on_box(number, verdict, **(own | more))


@pytest.mark.parametrize(
    ("changes", "fate"),
    [
        ({}, "applied"),
        ({"seen_label": "bus"}, "changed"),
        ({"seen_label": None, "seen_x1": None}, "applied"),
        # Binary fractions about 0.01 px: 2**-7 is 0.0078, 2**-6 is 0.0156.
        ({"seen_x1": 1 + 2**-7}, "applied"),
        ({"seen_x1": 1 + 2**-6}, "changed"),
        ({"seen_y2": 12 - 2**-6}, "changed"),
    ],
)
@pytest.mark.parametrize("verdict", ["fix", "drop"])
def test_a_box_that_is_not_as_it_was_seen_is_left_and_told(verdict, changes, fate) -> None:
    label = {"label": "van"} if verdict == "fix" else {}
    done = applied(STREET, decided(seen_box(0, verdict, **label, **changes)))
    assert done.fates["fate"].tolist() == [fate]
    assert same_tables(done.dataset, STREET) == (fate == "changed")


def test_a_box_that_is_already_as_decided_is_not_told_as_changed() -> None:
    row = on_box(0, "fix", label="car", seen_label="bus")
    done = applied(STREET, decided(row))
    assert done.counts == {("box", "fix", "already"): 1}
    assert len(done.log) == 0


def test_a_box_without_a_class_is_not_as_one_with_a_class_was_seen() -> None:
    bare = STREET.with_tables(
        boxes=STREET.boxes.assign(label=STREET.boxes["label"].mask([True] * 3))
    )
    row = on_box(0, "fix", label="van")
    assert applied(bare, decided(row | {"seen_label": "car"})).fates["fate"].tolist() == ["changed"]
    done = applied(bare, decided(row))
    assert told(done) == [(0, "label", "", "van")]


@pytest.mark.parametrize("shape", ["polygon", "mask", "rotated", "line", "point", "tag"])
def test_edges_that_follow_from_an_outline_are_not_moved_but_the_class_is_given(shape) -> None:
    outlined = STREET.with_tables(boxes=STREET.boxes.assign(shape=["box", shape, "box"]))
    moved = applied(outlined, decided(on_box(1, "edit", label="van", **edges(1, 1, 2, 2))))
    assert moved.not_applied["fate"].tolist() == ["outline"]
    assert same_tables(moved.dataset, outlined)
    done = applied(outlined, decided(on_box(1, "fix", label="van")))
    assert done.dataset.boxes["label"].tolist() == ["car", "van", "car"]


def test_findings_of_reading_lose_the_dropped_boxes_and_go_with_the_last(tmp_path) -> None:
    both = Fault("SRC-009", "no class", "name it", boxes=(0, 1))
    one = Fault("SRC-001", "odd", "mend it", boxes=(2,), source_id="2")
    street = dataset(n_images=3, boxes=[(0, 1, 2, 11, 12), (0, 20, 20, 40, 30), (1, 5, 5, 9, 9)],
                     faults=[both, one])  # fmt: skip
    done = applied(street, decided(on_box(0, "drop"), on_box(2, "drop"))).dataset
    assert done.findings["check"].tolist() == ["SRC-009"]
    assert done.findings["members"].tolist() == [[BOXES[1]]]
    save(done, tmp_path / "set")
    assert same_tables(load(tmp_path / "set"), done)


def test_contradictions_and_overruled_decisions_are_told() -> None:
    rows = [on_box(0, "drop", who="ann"), on_box(0, "confirm", who="bob")]
    done = applied(STREET, decided(*rows))
    assert (done.held.n_overruled, len(done.held.contradictions)) == (1, 1)
    assert len(done.dataset.boxes) == 3


def test_no_decision_changes_nothing() -> None:
    done = applied(STREET, decisions_table(0, {}))
    assert same_tables(done.dataset, STREET)
    assert done.log_csv().decode() == ",".join(LOG_COLUMNS) + "\n"


LABELS = st.sampled_from(["car", "van", "bus"])
PX = st.integers(0, 40).map(lambda n: n / 4)
SIDE = st.integers(1, 40).map(lambda n: n / 4)


@st.composite
def one_decision(draw, number: int):
    """A decision on a box of `STREET`, seen as it is, otherwise, or not at all."""
    verdict = draw(st.sampled_from(["confirm", "fix", "drop", "edit"]))
    row = on_box(number, verdict)
    if verdict in ("fix", "edit"):
        row |= {"label": draw(LABELS)}
    if verdict == "edit":
        left, top = draw(PX), draw(PX)
        row |= edges(left, top, left + draw(SIDE), top + draw(SIDE))
    return row | draw(st.sampled_from([{}, {"seen_label": "car"}, {"seen_label": "van"}]))


@st.composite
def several(draw):
    numbers = draw(st.lists(st.sampled_from([0, 1, 2]), max_size=6))
    rows = [draw(one_decision(number)) for number in numbers]
    rows += [on_image(n, "drop") for n in draw(st.sets(st.sampled_from([0, 1, 2]), max_size=1))]
    return decided(*draw(st.permutations(rows)))


def plainly(decisions):
    """The boxes after decisions, one by one: id to class and edges."""
    boxes = {
        row["box_id"]: [row["label"], *(row[edge] for edge in EDGES)]
        for row in STREET.boxes.to_dict("records")
    }
    rows = decisions.to_dict("records")
    last = {row["box_id"]: row for row in rows if row["subject"] == "box"}
    for box_id, row in last.items():
        if row["seen_label"] == "van" and (row["verdict"] == "drop" or _asks(row, boxes[box_id])):
            continue
        if row["verdict"] == "drop":
            del boxes[box_id]
        elif row["verdict"] != "confirm":
            boxes[box_id][0] = row["label"]
        if row["verdict"] == "edit":
            boxes[box_id][1:] = [row[edge] for edge in EDGES]
    dropped = {row["image_id"] for row in rows if row["subject"] == "image"}
    on = dict(zip(STREET.boxes["box_id"], STREET.boxes["image_id"], strict=True))
    return {box_id: own for box_id, own in boxes.items() if on[box_id] not in dropped}


def _asks(row, own):
    """Whether a fix or edit asks for something that is not so already."""
    wanted = [row["label"], *(row[edge] for edge in EDGES)]
    return any(not pd.isna(new) and new != old for new, old in zip(wanted, own, strict=True))


@given(several())
def test_applying_is_what_one_does_box_by_box_and_all_else_stays(decisions) -> None:
    done = applied(STREET, decisions).dataset
    expected = plainly(decisions)
    found = {
        row["box_id"]: [row["label"], *(row[edge] for edge in EDGES)]
        for row in done.boxes.to_dict("records")
    }
    assert found == expected
    others = [name for name in BOX_COLUMNS if name not in ("label", *EDGES)]
    kept = STREET.boxes[STREET.boxes["box_id"].isin(list(expected))].reset_index(drop=True)
    assert done.boxes[others].equals(kept[others])


@given(several())
def test_applying_twice_is_applying_once(decisions) -> None:
    once = applied(STREET, decisions).dataset
    again = applied(once, decisions)
    assert same_tables(again.dataset, once)
    assert len(again.log) == 0


@given(several())
def test_the_log_takes_the_new_boxes_back_to_the_old(decisions) -> None:
    done = applied(STREET, decisions)
    now = {hex_id(row["box_id"]): row for row in done.dataset.boxes.to_dict("records")}
    for row in done.log.to_dict("records"):
        if row["column"] == "box":
            label, *numbers = row["old"].split(" ")
            now[row["box_id"]] = {"label": label} | dict(
                zip(EDGES, map(float, numbers), strict=True)
            )
        elif row["column"] in ("label", *EDGES):
            assert now[row["box_id"]][row["column"]] == row["new"]
            now[row["box_id"]][row["column"]] = row["old"]
    names = ("label", *EDGES)
    before = {hex_id(row["box_id"]): row for row in STREET.boxes.to_dict("records")}
    assert {own: [row[name] for name in names] for own, row in now.items()} == {
        own: [row[name] for name in names] for own, row in before.items()
    }
