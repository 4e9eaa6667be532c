"""What clauses say of records: against a plain reference on random datasets, and by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dataset import Dataset
from curate.definitions.columns import BoxColumns
from curate.definitions.judging import Outcome, judge
from curate.definitions.mapping import mapped
from curate.definitions.model import Definitions
from tests.definitions import plainly
from tests.definitions.making import Row, box, clause, dataset, loaded, project, rules, shuffled

COLUMNS = {
    "colour": {"kind": "text", "meaning": "its colour", "words": ["red", "blue"]},
    "weight": {"kind": "number", "meaning": "kg"},
    "wet": {"kind": "flag", "meaning": "whether it is wet"},
}
DECISIONS = {
    "group": {"role": "ignore", "note": "several"},
    "cut": {"role": "ignore", "note": "cut off"},
    "whole": {"role": "include", "note": "whole"},
    "unclear": {"role": "review", "note": "no class"},
    "other": {"role": "exclude", "note": "no person"},
}
MAPPING = {
    "names": [
        {"class": ["human", "man"], "when": "is_group", "as": "group"},
        {"class": "human", "when": "truncated > 0.5", "as": "cut", "set": {"difficult": True}},
        {"class": ["human", "man"], "as": "whole", "set": {"extent": "visible"}},
        {"class": ["head", "junk"], "as": "other"},
        {"class": None, "as": "unclear"},
    ]
}
HEADS = rules(
    "head",
    label="head",
    decisions={"skull": {"role": "include", "note": "a head"}, **DECISIONS},
    mapping={
        "names": [
            {"class": "head", "as": "skull", "set": {"annotator": None}},
            {"class": ["human", "man", "junk"], "as": "other", "set": {"difficult": True}},
            {"class": None, "as": "unclear"},
        ]
    },
)
SIZE = {"min_width_px": 4.0, "max_aspect": 3.0}
THING = rules(
    "thing",
    clause("BXA-001", "width >= min_width_px and height / width <= max_aspect", missing="skip"),
    clause("BXA-002", "width >= min_width_px", when="role == 'include'", missing="fail"),
    clause("BXA-003", "colour == 'red' or weight > 2", missing="review"),
    clause("BXA-004", "wet or truncated <= 0.5", missing="fail",
           exceptions=[{"when": "is_group", "because": "groups are no matter"}]),
    clause("BXA-005", "x2 <= image_width and split != 'val'", missing="skip"),
    clause("BXA-006", "n_inside >= 2", when="is_group"),
    clause("BXA-007", when="difficult or decision == 'unclear'"),
    clause("BXA-008", "annotator is not null or extent == 'visible'", missing="review"),
    clause("PRD-001", "score <= 0.5", "prediction", missing="fail"),
    clause("IMA-001", "n_included <= 2 or label_state != 'present'", "image"),
    clause("IMA-002", "n_groups + n_ignored < 2 and n_boxes < 6", "image"),
    clause("IMA-003", None, "image", when="split is null"),
    clause("TRA-001", "n_labels == 1", "track"),
    clause("TRA-002", "max_absent <= 1 and n_boxes > 1", "track"),
    clause("TRA-003", "max_height_ratio <= 2", "track", missing="review"),
    clause("TRA-004", "n_absent < n_frames / 2 and min_height > 3", "track", missing="fail"),
    label="human", params=SIZE, columns=COLUMNS, decisions=DECISIONS, mapping=MAPPING,
)  # fmt: skip
SCOPED = rules(
    "scoped",
    clause("SCO-001", "area >= 30", missing="fail"),
    clause("SCO-002", "iou < 0.5", "pair", when="a_label == b_label"),
    clause("SCO-003", "ioa_a < 0.9", "pair", when="b_is_group",
           exceptions=[{"when": "a_is_group", "because": "groups may overlap"}]),
    clause("SCO-004", "a_truncated <= b_truncated", "pair", missing="review"),
    clause("SCO-005", "iou < 0.3", "pair", when="a_label != b_label and not pair_allowed"),
    clause("SCO-006", None, "pair", when="ioa_b > 0.9"),
    scope="extent is null or extent == 'visible'",
)  # fmt: skip
ALLOWED = [["human", "head"]]
OWN = project(
    "thing",
    "head",
    "scoped",
    classes=[{"name": "human"}, {"name": "head"}],
    allowed_pairs=ALLOWED,
    clauses=[
        clause("OWN-001", "n_included > 1 and n_classes <= 2", "dataset"),
        clause("OWN-002", "n_detectors <= 1 or n_predictions < 2", "dataset"),
        clause("OWN-003", "n_excluded + n_ignored <= n_groups", "dataset"),
        clause("OWN-004", "min_coco_id >= 1", "dataset", missing="review"),
    ],
    relations=[
        {"id": code, "title": f"Relation {code}", "child": child, "parent": parent,
         "check": check, "missing": missing, "severity": "info",
         "rationale": "Heads stand on bodies."}
        for code, child, parent, check, missing in (
            ("RLA-001", "head", "human", "ioa_child >= 0.5 and n_children <= 1", "fail"),
            ("RLA-002", "head", "human", "n_parents == 0 or parent_height > child_height * 2",
             "skip"),
            ("RLA-003", "human", "human", "ioa_child < 0.9", "skip"),
        )
    ],
)  # fmt: skip
ALL = loaded(THING, HEADS, SCOPED, OWN)

_EDGE = st.one_of(st.integers(0, 12).map(float), st.sampled_from([math.nan, -5.0, 1e200, 641.5]))
_SAID: dict[str, st.SearchStrategy[Any]] = {
    "role": st.sampled_from(["ignore", "exclude", "review"]),
    "extent": st.sampled_from(["visible", "full", "head", "a word unseen"]),
    "is_group": st.booleans(),
    "truncated": st.sampled_from([0.0, 0.25, 0.75]),
    "difficult": st.booleans(),
    "track_id": st.sampled_from(["3", "9007199254740993", "9007199254740992"]),
    "annotator": st.sampled_from(["me", "Größe\u2028"]),
    "attributes": st.sampled_from([
        '{"colour": "red", "weight": 3}', '{"colour": "green", "weight": "3"}',
        '{"colour": ["red"], "weight": {"kg": 3}}', '{"colour": null, "wet": true}',
        '{"wet": 1, "weight": true}', '{"weight": NaN, "detector": "yolo"}',
        f'{{"weight": 1{"0" * 400}, "detector": ["a", {{}}]}}',
        '{"detector": {"name": 1}, "weight": 2.5}', '{"detector": [1, 2], "wet": false}',
    ]),
    "score": st.sampled_from([0.2, 0.8]),
    "origin": st.sampled_from(["detector", "import"]),
    "shape": st.sampled_from(["rotated", "polygon", "mask", "line", "point", "tag"]),
}  # fmt: skip
_IMAGE_SAID: dict[str, st.SearchStrategy[Any]] = {
    "split": st.sampled_from(["train", "val"]),
    "source": st.sampled_from(["s", "t"]),
    "group": st.sampled_from(["v1", ""]),
    "frame": st.integers(1, 9),
    "width": st.sampled_from([8, 640, None]),
    "label_state": st.sampled_from(["empty", "missing"]),
}


def _some(draw: st.DrawFn, said: dict[str, st.SearchStrategy[Any]], most: int) -> Row:
    names = draw(st.lists(st.sampled_from(sorted(said)), max_size=most, unique=True))
    return {name: draw(said[name]) for name in names}


@st.composite
def crowded(draw: st.DrawFn) -> Dataset:
    """Up to 4 images with up to 7 boxes each that overlap, are equal, and say all kinds of things.

    Boxes are of two files, one of COCO and one of no format.
    """
    images = {str(n): _some(draw, _IMAGE_SAID, 5) for n in range(draw(st.integers(0, 4)))}
    rows = []
    for name in images:
        edges: list[tuple[float, ...]] = []
        for _ in range(draw(st.integers(0, 7))):
            # An edge from before, or another.
            own = draw(st.tuples(_EDGE, _EDGE, _EDGE, _EDGE))
            x1, y1, x2, y2 = draw(st.sampled_from(edges)) if edges and draw(st.booleans()) else own
            if draw(st.integers(0, 4)):
                x1, x2, y1, y2 = min(x1, x2), max(x1, x2) + 1, min(y1, y2), max(y1, y2) + 1
            edges.append((x1, y1, x2, y2))
            label = draw(st.sampled_from(["human", "human", "man", "head", "junk", None]))
            source_id = draw(st.sampled_from(["0", "7", "9007199254740993", "x-1", None]))
            more = _some(draw, _SAID, 4)
            file = draw(st.sampled_from(["c.json", "f"]))
            rows.append(box(x1, y1, x2, y2, image=name, label=label, source_id=source_id, file=file,
                            **more))  # fmt: skip
    return dataset(rows, images, {"c.json": "coco"})


def outcomes(made: Dataset, definitions: Definitions) -> dict[str, Outcome]:
    """The outcome of each clause."""
    columns = BoxColumns(made, None, definitions.columns)
    found = judge(mapped(columns, definitions), definitions)
    return {one.clause.id: one for one in found}


def missed(found: Outcome) -> dict[tuple[int, ...], bool]:
    """The records that do not meet a clause, as rows in order, and whether that is unknown."""
    if found.images is not None:
        keys = [(row,) for row in found.images.tolist()]
    elif found.clause.record == "dataset":
        keys = [(0,)] * len(found)
    else:
        parts = np.split(found.members, found.ends)[: len(found)]
        ordered = sorted if found.clause.record in ("pair", "track") else list
        keys = [tuple(ordered(part.tolist())) for part in parts]
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, found.is_unknown.tolist(), strict=True))


def plain_told(made: Dataset, boxes: list[Row], one: Row, file: Row) -> plainly.Told:
    """What the reference says of a clause of a file."""
    record, params, scope = one.get("record", "relation"), file["params"], file.get("scope")
    if record in ("box", "prediction"):
        return plainly.told_of_boxes(boxes, one, scope, params)
    if record == "pair":
        return plainly.told_of_pairs(boxes, one, scope, params, ALLOWED)
    if record == "relation":
        return plainly.told_of_relation(boxes, one, params)
    if record == "track":
        return plainly.told_of_tracks(boxes, one, params)
    told = plainly.told_of_images if record == "image" else plainly.told_of_dataset
    return told(made, boxes, one, params)


@given(crowded())
def test_clauses_say_of_random_records_what_a_plain_reference_says(made: Dataset) -> None:
    found = outcomes(made, ALL)
    boxes = plainly.box_rows(made, COLUMNS)
    plainly.map_boxes(boxes, [HEADS, THING], "names")
    plainly.count_members(boxes)
    for file in (THING, SCOPED, {"params": {}, **OWN}):
        for one in (*file["clauses"], *file.get("relations", ())):
            n_judged, wanted = plain_told(made, boxes, one, file)
            outcome = found.pop(one["id"])
            assert (missed(outcome), outcome.n_judged) == (wanted, n_judged), one["id"]
    assert not found


@given(crowded(), st.integers(0, 9))
def test_another_order_of_rows_finds_the_same_records(made: Dataset, seed: int) -> None:
    other = shuffled(made, seed)
    for before, after in zip(
        outcomes(made, ALL).values(), outcomes(other, ALL).values(), strict=True
    ):
        assert before.n_judged == after.n_judged
        ids = [
            sorted(
                tuple(one.boxes["box_id"].to_numpy()[part].tolist())
                for part in np.split(outcome.members, outcome.ends)[: len(outcome)]
            )
            for one, outcome in ((made, before), (other, after))
        ]
        # Members in their order: of a pair the same box is `a`, of a track the frames go on.
        assert ids[0] == ids[1], before.clause.id


def only(check: str, rows: list[Row], record: str = "pair", **more: Any) -> Outcome:
    """The outcome of one clause on some boxes."""
    images = more.pop("images", None)
    file = rules("thing", clause("THI-001", check, record, **more))
    return outcomes(dataset(rows, images), loaded(file))["THI-001"]


def test_what_is_known_to_be_wrong_one_way_counts_more_than_what_is_unknown_the_other() -> None:
    # a_truncated is null one way round, and 0.9 the other.
    rows = [box(0, 0, 10, 10), box(5, 0, 15, 10, truncated=0.9)]
    for order in (rows, rows[::-1]):
        found = only("a_truncated < 0.5", order, missing="review")
        assert found.is_unknown.tolist() == [False]


def test_a_pair_that_only_one_way_concerns_is_counted_whichever_way_that_is() -> None:
    rows = [
        box(0, 0, 10, 10, image="a", is_group=True), box(0, 0, 5, 5, image="a", box_id=1),
        box(0, 0, 10, 10, image="b", is_group=True, box_id=2), box(0, 0, 5, 5, image="b"),
    ]  # fmt: skip
    found = only("iou > 0.9", rows, when="b_is_group")
    assert (found.n_judged, len(found)) == (2, 2)


def test_the_excess_is_a_share_of_the_limit() -> None:
    rows = [box(0, 0, 10, 20), box(0, 0, 1, 30), box(0, 0, 4, 4)]
    found = only("width >= 4 and height <= 25", rows, "box", missing="skip")
    # 3 of 4 px too narrow and 5 of 25 px too high: the worst counts.
    assert (found.members.tolist(), found.excess.tolist()) == ([1], [0.75])
    either = only("width >= 4 or height <= 25", rows, "box", missing="skip")
    assert either.excess.tolist() == [0.2]
    at_limit = only("width > 10", [rows[0]], "box", missing="skip")
    assert at_limit.excess.tolist() == [0.0]
    turned = only("4 <= width and 25 >= height", rows, "box", missing="skip")
    assert turned.excess.tolist() == [0.75]
    of_columns = only("width >= 2 * height", rows[:1], "box", missing="skip")
    assert of_columns.excess.tolist() == [(40 - 10) / 40]


def test_amounts_of_two_units_are_told_against_each_other() -> None:
    check = "min(width, height) >= 4 and area >= 32"
    found = only(check, [box(0, 0, 1, 1), box(0, 0, 2, 100)], "box", missing="skip")
    # 3 of 4 px and 31 of 32 px^2; 2 of 4 px.
    assert found.excess.tolist() == [31 / 32, 0.5]


def test_of_a_limit_of_0_the_excess_is_the_amount() -> None:
    rows = [box(-9, -3, 1, 1)]
    assert only("x1 >= 0", rows, "box", missing="skip").excess.tolist() == [9.0]
    assert only("x1 >= -4 and y1 >= 0", rows, "box", missing="skip").excess.tolist() == [3.0]
    tiny = only("x1 >= -1e-320", rows, "box", missing="skip").excess
    assert tiny.tolist() == [np.finfo(np.float64).max]


def test_no_excess_is_told_where_no_numbers_are_compared() -> None:
    found = only("label != 'human'", [box(0, 0, 1, 1)], "box", missing="skip")
    assert np.isnan(found.excess).tolist() == [True]


@pytest.mark.parametrize(("missing", "n", "unknown"), [("skip", 0, []), ("fail", 1, [True]),
                                                       ("review", 1, [True])])  # fmt: skip
def test_what_is_unknown_is_passed_over_or_told(missing: str, n: int, unknown: list[bool]) -> None:
    found = only("truncated < 0.5", [box(0, 0, 1, 1)], "box", missing=missing)
    assert (found.n_judged, len(found), found.is_unknown.tolist()) == (1, n, unknown)


def test_scopes_of_the_same_words_and_other_numbers_are_two_scopes() -> None:
    files = [
        rules(f"thing_{letter}", clause(f"TH{letter.upper()}-001", "x1 < 0", missing="fail"),
              params={"min_px": px}, scope="width >= min_px")
        for letter, px in (("a", 5.0), ("b", 50.0))
    ]  # fmt: skip
    found = outcomes(dataset([box(0, 0, 10, 10), box(0, 0, 100, 10)]), loaded(*files))
    assert found["THA-001"].members.tolist() == [0, 1]
    assert found["THB-001"].members.tolist() == [1]


def test_labels_that_nobody_knows_are_no_labels_of_a_track() -> None:
    rows = [box(0, 0, 9, 9, image=n, track_id="1", label=label)
            for n, label in (("1", "human"), ("2", None), ("3", "human"))]  # fmt: skip
    images = {str(n): {"frame": n} for n in (1, 2, 3)}
    assert len(only("n_labels == 1", rows, "track", images=images)) == 0
    rows = [row | {"label": None} for row in rows]
    assert len(only("n_labels == 0", rows, "track", images=images)) == 0


def test_tracks_of_one_id_in_two_sources_or_videos_are_two() -> None:
    images = {"1": {"source": "s", "group": "v"}, "2": {"source": "t", "group": "v"},
              "3": {"source": "s", "group": "w"}, "4": {"source": "s", "group": "v"}}  # fmt: skip
    rows = [box(0, 0, 9, 9, image=name, track_id="1") for name in images]
    found = only("n_boxes > 9", rows, "track", images=images)
    parts = [part.tolist() for part in np.split(found.members, found.ends)[:3]]
    assert sorted(map(sorted, parts)) == [[0, 3], [1], [2]]


def test_without_frames_no_box_comes_before_another() -> None:
    rows = [box(0, 0, 9, height, image=str(height), track_id="1") for height in (5, 50)]
    found = only("max_height_ratio <= 2", rows, "track", missing="review")
    assert found.is_unknown.tolist() == [True]
    assert len(only("n_frames == 2 and max_absent == 0", rows, "track")) == 0


def test_a_track_of_ids_beyond_float64_stays_apart_from_its_neighbour() -> None:
    rows = [box(0, 0, 9, 9, image=str(n), track_id=str(2**53 + n % 2)) for n in range(4)]
    found = only("n_boxes > 9", rows, "track")
    assert found.ends.tolist() == [2, 4]


@pytest.mark.parametrize("n_images", [0, 2])
def test_a_dataset_without_boxes_is_judged(n_images: int) -> None:
    found = outcomes(dataset([], {str(n): {} for n in range(n_images)}), ALL)
    assert all(len(one) == 0 for one in found.values() if one.clause.record not in
               ("dataset", "image"))  # fmt: skip
    assert found["OWN-001"].n_judged == 1
    assert found["IMA-001"].n_judged == n_images
    assert found["OWN-004"].is_unknown.tolist() == [True]
