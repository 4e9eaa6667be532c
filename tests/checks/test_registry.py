"""The list of checks, the choice among them, their parameters and manual pages."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from curate import checks
from curate.errors import TableError, UsageError
from curate.faults import FAULTS, LEVELS

OUTSIDE = (600, 0, 652, 9)


@pytest.mark.parametrize("check", checks.CHECKS.values(), ids=lambda check: check.code)
def test_check_has_code_name_level_and_a_manual_page(check) -> None:
    assert checks.CHECKS[check.code] is check
    assert check.function.__name__ == check.name.replace("-", "_")
    assert check.level in LEVELS
    page = inspect.getdoc(check.function) or ""
    for part in ("Why it hurts:", "Pass:", "Fail:", "Value:", "It ", "Usual mend:"):
        assert part in page or (part == "Value:" and check.code == "BOX-001"), part
    signature = list(inspect.signature(check.function).parameters)
    assert signature == [*check.reads, *check.params]
    assert check.reads == ("weighed",) or check.reads[:2] == ("boxes", "images")
    assert set(check.reads[2:]) <= {"classes", "labels", "texts", "tracks"}
    assert all(f"`{name}`" in page for name in check.params)
    assert set(check.needs) <= set(checks.DERIVED_COLUMNS)


def test_names_are_unique_over_checks_and_reader_faults() -> None:
    kinds = [*checks.CHECKS.values(), *FAULTS.values()]
    assert len({kind.name for kind in kinds}) == len({kind.code for kind in kinds}) == len(kinds)


@pytest.mark.parametrize("word", ["BOX-002", "box-outside-image", "Box-002", "BOX-OUTSIDE-IMAGE"])
def test_explain_takes_code_and_name(word) -> None:
    page = checks.explain(word)
    assert page.startswith("BOX-002 box-outside-image [error]\n\nAn edge of a box lies clearly")
    assert page.endswith("\nParameters:\n  tolerance_px = 1\n")


def test_explain_says_which_parameter_is_followed() -> None:
    assert "  max_iou = 0.9 (follows REL-002's min_iou)\n" in checks.explain("REL-004")


def test_explain_of_a_check_without_parameters_lists_none() -> None:
    assert "Parameters" not in checks.explain("BOX-001")


def test_explain_knows_what_readers_find() -> None:
    page = checks.explain("SRC-008")
    assert page.startswith("SRC-008 annotation-id-zero [warning]\n\nA COCO annotation has id 0.\n")
    assert page.endswith("Usual mend: number the annotations from 1 before evaluating.\n")


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("BOX-02", "BOX-002"),
        ("box-outside-imge", "box-outside-image"),
        ("annotation-id-0", "annotation-id-zero"),
    ],
)
def test_explain_of_an_unknown_check_offers_the_nearest(word, nearest) -> None:
    with pytest.raises(UsageError) as error:
        checks.explain(word)
    assert f"there is no check {word!r} - did you mean {nearest!r}?" == str(error.value)


def test_unknown_word_like_nothing_points_to_the_list() -> None:
    with pytest.raises(UsageError) as error:
        checks.explain("%%%")
    assert str(error.value) == "there is no check '%%%' - run `curate explain` for the list"


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        (["BOX-002"], None, {"BOX-002"}),
        (["box-outside-image"], None, {"BOX-002"}),
        (["rel"], ["REL-001"], {f"REL-{n:03d}" for n in range(2, 10)}),
        (["BOX-00"], ["BOX"], set()),
        ([], None, set()),
        (["SRC-001", "REL-003"], [], {"SRC-001", "REL-003"}),
        (["IMG"], None, {code for code in FAULTS if code.startswith("IMG")}),
        (None, ["SRC", "IMG", "ULT", "WAI"], set(checks.CHECKS)),
    ],
)
def test_selection_takes_codes_names_and_beginnings(select, ignore, expected) -> None:
    assert checks.selected(select, ignore) == expected


@pytest.mark.parametrize("word", ["", "BOX-2", "boxes", "XYZ"])
@pytest.mark.parametrize("option", ["select", "ignore"])
def test_unknown_selection_is_refused(make, findings, word, option) -> None:
    with pytest.raises(UsageError, match="there is no check"):
        findings(make([]), **{option: [word]})


def test_reader_faults_may_be_selected_and_run_nothing(summary, box) -> None:
    assert summary([box("p", *OUTSIDE)], select=["SRC"]) == []


def test_parameters_are_given_by_code_or_name(summary, box) -> None:
    rows = [box("p", *OUTSIDE)]
    for word in ("BOX-002", "box-outside-image"):
        assert summary(rows, params={word: {"tolerance_px": 11.5}}) == [("BOX-002", "p", 12)]
        assert summary(rows, params={word: {"tolerance_px": 12}}, select=["BOX-002"]) == []


def test_box_over_edge_follows_the_tolerance_of_box_outside_image(summary, box) -> None:
    rows = [box("p", *OUTSIDE)]
    wide = {"BOX-002": {"tolerance_px": 12}}
    assert summary(rows, params=wide) == [("BOX-009", "p", 12)]
    assert summary(rows, params=wide | {"BOX-009": {"tolerance_px": 3}}) == []


def test_inside_follows_the_limit_of_near_duplicates(summary, box) -> None:
    rows = [box("p", 0, 0, 50, 50), box("q", 0, 0, 50, 40)]  # IoU 0.8
    assert summary(rows) == [("REL-004", "q p", 1)]
    assert summary(rows, params={"REL-002": {"min_iou": 0.8}}) == [("REL-002", "p q", 0.8)]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"BOX-2": {}}, "there is no check 'BOX-2' - did you mean 'BOX-002'"),
        ({"SRC-001": {}}, "there is no check 'SRC-001'"),
        (
            {"BOX-002": {"tolerance": 1}},
            "there is no parameter of BOX-002 'tolerance' - did you mean 'tolerance_px'",
        ),
        ({"BOX-001": {"x": 1}}, "there is no parameter of BOX-001 'x' - it takes none"),
        ({"BOX-004": {"%": 1}}, "there is no parameter of BOX-004 '%' - use one of min_side_px"),
    ],
)
def test_unknown_parameters_are_refused(make, findings, params, message) -> None:
    with pytest.raises(UsageError) as error:
        findings(make([]), params=params)
    assert str(error.value).startswith(message)


def test_derived_data_of_other_length_is_refused(make, box) -> None:
    made = make([box("p", *OUTSIDE)])
    columns = list(checks.DERIVED_COLUMNS)
    derived = pd.DataFrame(np.zeros((2, len(columns))), columns=columns)
    with pytest.raises(TableError, match="derived has 2 rows for 1 boxes"):
        checks.run(made.dataset, derived)


def test_box_in_no_image_is_refused(make, box) -> None:
    dataset = make([box("p", *OUTSIDE)]).dataset
    with pytest.raises(TableError, match="1 boxes lie in no image"):
        checks.run(replace(dataset, images=dataset.images.iloc[:0]))


def test_findings_do_not_change_the_dataset(make, findings, box) -> None:
    made = make([box("p", *OUTSIDE)])
    before = made.dataset.boxes.copy()
    findings(made)
    pd.testing.assert_frame_equal(made.dataset.boxes, before)


def test_check_from_outside_joins_by_the_dictionary(make, findings, box) -> None:
    check = checks.Check("MY-001", "box-outside-again", "info", checks.CHECKS["BOX-003"].function)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(checks.CHECKS, "MY-001", check)
        found = findings(make([box("p", 9, 9, 9, 20)]), select=["MY"])
    assert found[["check", "name", "level"]].values.tolist() == [
        ["MY-001", "box-outside-again", "info"]
    ]


@pytest.mark.parametrize(
    ("check", "name", "value", "should"),
    [
        ("REL-002", "min_iou", 90, "a number in 0..1"),
        ("REL-002", "min_iou", -1, "a number in 0..1"),
        ("REL-004", "min_ioa", 1.0001, "a number in 0..1"),
        ("REL-004", "max_iou", float("nan"), "a number in 0..1"),
        ("BOX-005", "min_share_frac", 98, "a number in 0..1"),
        ("BOX-006", "tolerance_frac", -0.1, "a number in 0..1"),
        ("BOX-002", "tolerance_px", -1, "a number from 0 on"),
        ("BOX-004", "min_side_px", float("inf"), "a number from 0 on"),
        ("BOX-006", "tolerance_px2", -0.5, "a number from 0 on"),
        ("BOX-004", "min_side_px", "3", "a number from 0 on"),
        ("BOX-005", "min_share_frac", True, "a number in 0..1"),
    ],
)
def test_a_parameter_out_of_its_range_is_refused(
    make, findings, check, name, value, should
) -> None:
    with pytest.raises(UsageError) as error:
        findings(make([]), params={check: {name: value}})
    assert str(error.value).startswith(f"{check}: {name} is '{value}', should be {should} - give ")


@pytest.mark.parametrize("check", checks.CHECKS.values(), ids=lambda check: check.code)
def test_every_parameter_has_a_range_that_holds_its_default(make, findings, check) -> None:
    findings(make([]), params={check.code: dict(check.params)})
    for name in check.params:
        with pytest.raises(UsageError, match=f"{name} is '-1'"):
            findings(make([]), params={check.code: {name: -1}})


@pytest.mark.parametrize("value", [0, 1, np.float64(0.5), np.int64(1)])
def test_the_ends_of_a_range_are_in_it(make, findings, value) -> None:
    params = {"REL-002": {"min_iou": value}, "BOX-004": {"min_side_px": value}}
    assert len(findings(make([]), params=params)) == 0


def test_boxes_whose_cause_is_told_are_passed_over(make, box) -> None:
    dataset = make([box(f"p{n}", None, 0, 9, 9) for n in range(60)]).dataset
    ids = dataset.boxes["box_id"].tolist()
    table = checks.run(dataset, told={"BOX-001": ids[:50]})
    assert sorted(i for members in table["members"] for i in members) == sorted(ids[50:])
    assert checks.run(dataset, told={"BOX-001": ids}).empty
    assert checks.run(dataset, told={"BOX-002": ids})["members"].map(len).tolist() == [60]
