"""What expressions give on rows: by hand, by the page of documentation, by the reference."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from curate.definitions.evaluation import (
    BLOCK_ROWS,
    Values,
    evaluate,
    from_column,
    text_values,
    truth,
)
from curate.definitions.expressions import Name, parse
from curate.errors import ExpressionError, TableError
from curate.tables import Column, make_table
from tests.definitions.reference import value_of

PAGE = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text(encoding="utf-8")
KINDS = {"x": "float64", "y": "float64", "f": "boolean", "g": "boolean", "label": "str"}
KINDS["other"] = "str"
NAMES = {
    name: Name({"float64": "number", "boolean": "flag", "str": "text"}[dtype], "")
    for name, dtype in KINDS.items()
}
PARAMS = {"min_side_px": 4, "target": "person"}


def columns_of(rows: list[dict]) -> dict[str, Values]:
    schema = {name: Column(dtype, "", "unknown") for name, dtype in KINDS.items()}
    values = {name: [row.get(name) for row in rows] for name in KINDS}
    table = make_table(schema, len(rows), values)
    return {name: from_column(table[name]) for name in KINDS}


def results(text: str, rows: list[dict]) -> list:
    """What an expression gives in each row; None is unknown."""
    given_back = evaluate(parse(text, NAMES, PARAMS), columns_of(rows), len(rows))
    pairs = zip(given_back.values.tolist(), given_back.known.tolist(), strict=True)
    return [value if known else None for value, known in pairs]


def page_table(first: str) -> list[list[str]]:
    """The table of the page whose header begins with a cell: the header, then the rows."""
    block = re.search(rf"^\| {re.escape(first)} \|.*?(?=\n\n|\Z)", PAGE, re.M | re.S)
    assert block, first
    lines = block[0].strip().splitlines()
    del lines[1]
    cells = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell) for cell in row] for row in cells]


def test_truth_tables_of_the_page_hold() -> None:
    header, *rows = page_table("`f`")
    assert len(rows) == 9
    wanted = [[json.loads(cell) for cell in row] for row in rows]
    inputs = [dict(zip(header, row, strict=True)) for row in wanted]
    for at, text in enumerate(header):
        assert results(text, inputs) == [row[at] for row in wanted], text


@pytest.mark.parametrize(("text", "row", "gives"), page_table("Expression")[1:])
def test_examples_of_the_page_hold(text: str, row: str, gives: str) -> None:
    wanted = json.loads(gives)
    assert results(text, [json.loads(row)]) == [wanted]
    assert value_of(text, {**dict.fromkeys(KINDS), **json.loads(row)}, PARAMS) == wanted


@pytest.mark.parametrize(("text", "said"), page_table("Written")[1:])
def test_messages_of_the_page_are_said(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, NAMES, PARAMS)
    assert str(caught.value) == said


@st.composite
def number_texts(draw: st.DrawFn, depth: int) -> str:
    if depth == 0:
        leaves = ["x", "y", "x", "y", "min_side_px", "0", "2.5", "1e308", "1"]
        return draw(st.sampled_from(leaves))
    a, b, c = (draw(number_texts(depth - 1)) for _ in range(3))
    forms = [
        f"{a} + {b}", f"{a} - {b}", f"{a} * {b}", f"{a} / {b}", f"({a} - {b}) / ({b} - {c})",
        f"-({a})", f"-{a}", f"min({a}, {b})", f"max({a}, {b}, {c})", f"abs({a})", f"sqrt({a})",
        f"ln({a})", a,
    ]  # fmt: skip
    return draw(st.sampled_from(forms))


@st.composite
def flag_texts(draw: st.DrawFn, depth: int) -> str:
    if depth == 0:
        words = ["person", "dog", "cat", ""]
        word, other = draw(st.sampled_from(words)), draw(st.sampled_from(words))
        leaves = [
            "f", "g", "true", "false", "label == other", "other != label", "label == target",
            f"'{word}' != label", f"other in ['{word}', '{other}']", "other not in [target]",
            f"label in ['{word}']", "label is null", "other is not null", "g is null",
        ]  # fmt: skip
        return draw(st.sampled_from(leaves))
    p, q, r = (draw(flag_texts(depth - 1)) for _ in range(3))
    a, b, c = (draw(number_texts(draw(st.integers(0, depth)))) for _ in range(3))
    low, high = draw(st.sampled_from(["<", "<=", "==", "!="])), draw(st.sampled_from([">", ">="]))
    forms = [
        f"{p} and {q}", f"{p} or {q}", f"{p} and {q} or {r}", f"{p} or {q} or {r}",
        f"({p} or {q}) and {r}", f"not ({p})", f"not {p}", f"({p}) == ({q})", f"({p}) != ({q})",
        f"({p}) is null", f"{a} is null", f"{a} is not null", f"{a} {low} {b}", f"{a} {high} {b}",
        f"{a} {low} {b} {high} {c}", f"{a} in [1, -3, min_side_px]", f"{a} not in [0, 2.5]",
        f"isfinite({a})", f"isfinite({a}) and {p}",
    ]  # fmt: skip
    return draw(st.sampled_from(forms))


NUMBERS = [None, 0.0, -0.0, 1.0, 2.5, 4.0, 4.0, -3.0, 1e308, -1e308, 5e-324, math.inf, -math.inf]
CHOICES = {
    "x": NUMBERS, "y": NUMBERS, "f": [None, True, False], "g": [None, True, False],
    "label": [None, "person", "dog", ""], "other": [None, "cat", "dog", "person"],
}  # fmt: skip


def random_rows(seed: int) -> list[dict]:
    rng = np.random.default_rng(seed)
    return [
        {name: choices[rng.integers(len(choices))] for name, choices in CHOICES.items()}
        for _ in range(80)
    ]


# What the generator writes now and then and no definition may hold.
NO_SENSE = "one outcome|which is 0|not a finite number|characters, 400|more than 40|more than 300"


@settings(max_examples=300)
@given(
    text=st.integers(0, 3).flatmap(lambda depth: flag_texts(depth) | number_texts(depth)),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_row_gives_what_the_reference_gives(text: str, seed: int) -> None:
    rows = random_rows(seed)
    try:
        expression = parse(text, NAMES, PARAMS)
    except ExpressionError as error:
        if not re.search(NO_SENSE, str(error)):
            raise
        reject()
    wanted = [value_of(text, row, PARAMS) for row in rows]
    given_back = results(text, rows)
    assert given_back == wanted
    kinds = {"flag": (bool, type(None)), "number": (float, type(None))}
    assert all(isinstance(value, kinds[expression.kind]) for value in given_back)


def test_rows_of_several_blocks_are_each_judged_by_their_own_values() -> None:
    n_rows = 2 * BLOCK_ROWS + 1
    x = np.arange(n_rows, dtype=np.float64)
    x[BLOCK_ROWS] = np.nan
    columns = {"x": Values(x, ~np.isnan(x))}
    is_true, is_unknown = truth(parse("x >= 16383", NAMES, {}), columns, n_rows)
    assert BLOCK_ROWS == 16384
    assert np.flatnonzero(is_unknown).tolist() == [BLOCK_ROWS]
    assert np.flatnonzero(is_true).tolist() == [16383, *range(16385, n_rows)]


def test_a_box_against_its_mask_by_hand() -> None:
    # Off by 2, by 3 and by 3 px; 2 % of the longer side is 1, 1 and 4 px; the last has no mask.
    text = (
        "max(abs(x1 - mx1), abs(y1 - my1), abs(x2 - mx2), abs(y2 - my2)) "
        "<= max(tight_abs_px, tight_rel * max(x2 - x1, y2 - y1))"
    )
    boxes = {"x1": [0, 0, 0, 0], "y1": [0, 0, 0, 0], "x2": [50, 50, 50, 50], "y2": [9, 9, 200, 9]}
    masks = {"mx1": [2, 0, 0, None], "my1": [0, 0, 3, None], "mx2": [50, 47, 50, None]}
    masks["my2"] = [9, 9, 200, None]
    tables = {name: pd.Series(column, dtype="float64") for name, column in (boxes | masks).items()}
    names = {name: Name("number", "") for name in tables}
    expression = parse(text, names, {"tight_abs_px": 2.0, "tight_rel": 0.02})
    columns = {name: from_column(series) for name, series in tables.items()}
    is_true, is_unknown = truth(expression, columns, 4)
    assert is_true.tolist() == [True, False, True, False]
    assert is_unknown.tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("text", "dtype"),
    [("x + 1", "float64"), ("x > 1", "bool"), ("label == 'dog'", "bool"), ("label", "int32"),
     ("'dog'", "int32"), ("true", "bool"), ("3", "float64")],
)  # fmt: skip
def test_no_rows_give_no_values_of_the_right_type(text: str, dtype: str) -> None:
    values = evaluate(parse(text, NAMES, PARAMS), columns_of([]), 0)
    assert values.values.shape == values.known.shape == (0,)
    assert values.values.dtype == dtype


def test_an_expression_of_constants_fills_all_rows() -> None:
    assert results("true", [{}, {}]) == [True, True]
    assert results("2 * min_side_px", [{}, {}]) == [8, 8]
    constant = evaluate(parse("target", NAMES, PARAMS), {}, 2)
    assert [constant.words[code] for code in constant.values] == ["person", "person"]


def test_a_text_column_comes_back_as_it_is() -> None:
    columns = {"label": text_values(np.array([1, -1, 0]), ["dog", "cat"])}
    values = evaluate(parse("label", NAMES, {}), columns, 3)
    assert values.kind == "text"
    assert values.words == ("dog", "cat")
    assert values.values.tolist() == [1, -1, 0]
    assert values.known.tolist() == [True, False, True]


def test_text_columns_with_words_of_their_own_are_compared_by_word() -> None:
    columns = {
        "label": text_values(np.array([0, 1, 1, -1]), ["dog", "cat"]),
        "other": text_values(np.array([1, 1, 2, 0]), ["bird", "dog", "cat"]),
    }
    same = evaluate(parse("label == other", NAMES, {}), columns, 4)
    assert same.values.tolist() == [True, False, True, False]
    assert same.known.tolist() == [True, True, True, False]


def test_columns_of_tables_keep_their_values_and_their_nulls() -> None:
    whole = from_column(pd.Series([2, None], dtype="Int64"))
    assert whole.values.dtype == np.float64
    assert whole.values[0] == 2
    assert whole.known.tolist() == [True, False]
    floats = from_column(pd.Series([np.nan, np.inf]))
    assert floats.known.tolist() == [False, True]
    flagged = from_column(pd.Series([True, None, False], dtype="boolean"))
    assert flagged.values.tolist() == [True, False, False]
    assert flagged.known.tolist() == [True, False, True]
    plain = [from_column(pd.Series([1, 0], dtype=dtype)) for dtype in ("int64", "bool")]
    assert [column.kind for column in plain] == ["number", "flag"]
    assert all(column.known.all() for column in plain)
    words = from_column(pd.Series(["b", None, "a", "b"], dtype="str"))
    assert [None if code < 0 else words.words[code] for code in words.values] == [
        "b", None, "a", "b"
    ]  # fmt: skip


@pytest.mark.parametrize("whole", [2**53 + 1, -(2**53) - 1, -(2**63)])
def test_whole_numbers_that_would_be_rounded_are_refused(whole: int) -> None:
    with pytest.raises(TableError, match="beyond"):
        from_column(pd.Series([whole], dtype="Int64"))
    assert from_column(pd.Series([2**53], dtype="Int64")).values.tolist() == [2.0**53]


def test_other_types_of_columns_are_refused() -> None:
    with pytest.raises(TableError, match="members is object"):
        from_column(pd.Series([[1]], dtype="object", name="members"))


@pytest.mark.parametrize(
    ("codes", "words"), [([0, 2], ["a", "b"]), ([-2], ["a"]), ([0], []), ([0], ["a", "a"])]
)
def test_codes_without_a_word_and_words_that_stand_twice_are_refused(
    codes: list[int], words: list[str]
) -> None:
    with pytest.raises(TableError):
        text_values(np.array(codes), words)


@pytest.mark.parametrize(
    ("values", "known"),
    [([1.0, 2.0], [True, False]), ([np.nan], [True]), ([True], [False]), ([1], [True]),
     ([1.0], [True, True])],
)  # fmt: skip
def test_values_that_do_not_fit_what_is_known_are_refused(values: list, known: list) -> None:
    with pytest.raises(TableError, match="do not fit"):
        Values(np.array(values), np.array(known))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, "column x is not among"),
        ({"x": from_column(pd.Series([True]))}, "column x holds flag values, not number"),
        ({"x": from_column(pd.Series([1.0, 2.0]))}, "2 values for 1 rows"),
    ],
)
def test_columns_that_the_expression_was_not_checked_for_are_refused(
    columns: dict[str, Values], said: str
) -> None:
    with pytest.raises(TableError, match=said):
        evaluate(parse("x > 3", NAMES, {}), columns, 1)
