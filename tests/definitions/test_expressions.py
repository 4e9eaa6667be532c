"""What an expression is read as, and what is said about those that cannot be read."""

from __future__ import annotations

import pytest

from curate.definitions.expressions import Column, Constant, Expression, Name, Operation, parse
from curate.errors import ExpressionError

NAMES = {
    "x1": Name("number", "left edge, px"),
    "x2": Name("number", "right edge, px"),
    "width": Name("number", "width of the image, px", nullable=False),
    "is_group": Name("flag", "one box for several objects"),
    "occluded": Name("flag", "partly hidden"),
    "label": Name("text", "class", words=("person", "head", "dog")),
    "source": Name("text", "name of the source"),
}
PARAMS = {
    "min_side_px": 4.0,
    "no_px": 0.0,
    "strict": True,
    "target": "person",
    "slip": "persn",
    "endless": float("inf"),
    "source_px": 3.0,
}


def read(text: str) -> Expression:
    return parse(text, NAMES, PARAMS)


def test_columns_and_parameters_are_told_apart_and_parameters_have_their_values() -> None:
    expression = read("x2 - x1 >= min_side_px")
    assert expression.kind == "flag"
    assert expression.names == {"x1", "x2"}
    assert expression.params == {"min_side_px"}
    side = Operation("number", "-", (Column("number", "x2"), Column("number", "x1")))
    assert expression.tree == Operation("flag", ">=", (side, Constant("number", 4.0)))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("true", "flag"),
        ("x1 / x2", "number"),
        ("max(x1, 0)", "number"),
        ("-x1", "number"),
        ("sqrt(x1) + ln(x2) - abs(x1 * .5)", "number"),
        ("'person'", "text"),
        ('"driver\'s seat"', "text"),
        ("label", "text"),
        ("target", "text"),
        ("strict and is_group", "flag"),
        ("0 <= x1 < x2 <= width", "flag"),
        ("label == source", "flag"),
        ("source == '人' and is_group", "flag"),
        ("label not in [target, 'dog']", "flag"),
        ("x1 not in [-1, 1 / 4, min_side_px]", "flag"),
        ("not is_group != occluded", "flag"),
        ("is_group == false", "flag"),
        ("(x1 < 3) is not null", "flag"),
        ("width / x1 is null", "flag"),
        ("isfinite(x1)", "flag"),
        ("x1 > 0\n  and\tx2 > 0\n", "flag"),
    ],
)
def test_what_the_language_has_is_read(text: str, kind: str) -> None:
    assert read(text).kind == kind


def test_arithmetic_of_constants_is_done_while_reading() -> None:
    assert read("2 * min_side_px + sqrt(9)").tree == Constant("number", 11.0)


def test_a_name_of_a_function_can_be_a_column() -> None:
    expression = parse("min(min, 3)", {"min": Name("number", "")}, {})
    assert expression.names == {"min"}
    assert parse("min(x, 3)", {"min": Name("number", ""), "x": Name("number", "")}, {}).names == {
        "x"
    }


# What is written, the column (from 1) and the words that the message must have.
REFUSED = [
    # syntax
    ("", 1, "is empty"),
    ("  \n", 1, "is empty"),
    ("x1 <", 5, "the end"),
    ("(x1 > 3", 1, "'('"),
    ("x1 > 3)", 7, "')'"),
    ("x1 x2", 4, "'x2'"),
    ("x1 > not is_group", 6, "'not'"),
    ("label == 'person", 10, "close the text with '"),
    ("x1 = 3", 4, "write `==`"),
    ("x1 === 3", 4, "write `==`"),
    ("x1 <> 3", 4, "write `!=`"),
    ("x1 => 3", 4, "write `>=`"),
    ("is_group && occluded", 10, "write `and`"),
    ("is_group & occluded", 10, "write `and`"),
    ("is_group || occluded", 10, "write `or`"),
    ("!is_group", 1, "write `not`"),
    ("is_group AND occluded", 10, "write `and`"),
    ("is_group == True", 13, "write `true`"),
    ("x1 is None", 7, "write `null`"),
    ("x1 is NULL", 7, "write `null`"),
    ("x1 > 3 # wide", 8, "leave out comments"),
    # not of the language
    ("x1 ** 2", 4, "write `a * a`"),
    ("x1 // 2", 4, "write `/`"),
    ("x1 % 2", 4, "'%'"),
    ("x1.real", 3, "names have no parts"),
    ("x1[0]", 1, "[ ] after a value"),
    ("+x1", 1, "a plus sign"),
    ("x1, x2", 1, "a comma"),
    ("[x1]", 1, "a list"),
    ("min(*x1, 2)", 5, "a star"),
    ("{x1}", 1, "write a list in [ ]"),
    ("(x1 := 3)", 5, "':='"),
    ("lambda: x1", 1, "'lambda'"),
    ("x1 if is_group else x2", 4, "'if'"),
    ("max(x1 for x1 in [1])", 8, "'for'"),
    ("f'{x1}'", 1, "cannot begin with 'f'"),
    ("b'person'", 1, "write 'person'"),
    ("label == 'per' 'son'", 16, "put a comma between"),
    ("label == 'it\\'s'", 13, "without escapes"),
    ("label == 'a\nb'", 12, "can be seen"),
    ("source == '\ud800'", 12, "can be seen"),
    ("x1 > 3j", 6, "'3j' is no number"),
    ("x1 > 1_000", 6, "'1_000' is no number"),
    ("x1 > 0x10", 6, "'0x10' is no number"),
    ("x1 > 1.2.3", 6, "'1.2.3' is no number"),
    ("größe > 3", 3, "put texts in quotation marks"),
    # names and functions
    ("widht > 3", 1, "did you mean 'width'?"),
    ("x1 > min_side", 6, "did you mean 'min_side_px'?"),
    ("class == 'person'", 1, "the column of classes is `label`"),
    ("label == person", 10, "write texts in quotation marks: 'person'"),
    ("min > 3", 1, "write `min(...)`"),
    ("log(x1) > 3", 1, "choose one of abs, isfinite, ln, max, min, sqrt"),
    ("Min(x1, x2) > 3", 1, "did you mean 'min'?"),
    ("__import__('os')", 1, "'__import__' is not a function"),
    ("max(x1)", 1, "has 1 value, expected two or more"),
    ("abs(x1, x2)", 1, "has 2 values, expected one"),
    ("isfinite()", 1, "has 0 values, expected one"),
    # kinds
    ("label > 3", 1, "`>` stands between the text 'label' and the number '3'"),
    ("label == 3", 1, "`==` stands between the text 'label' and the number '3'"),
    ("label == is_group", 1, "the text 'label' and the flag 'is_group'"),
    ("is_group == 1", 1, "a flag stands alone"),
    ("label < 'person'", 1, "texts have no order"),
    ("is_group < occluded", 1, "flags have no order"),
    ("is_group + 1", 1, "'is_group' is a flag, `+` needs numbers"),
    ("-label", 2, "'label' is a text, `-` needs numbers"),
    ("max(x1, label)", 9, "'label' is a text, `max` needs numbers"),
    ("isfinite(label)", 10, "`isfinite` needs numbers"),
    ("not x1", 5, "'x1' is a number, `not` needs flags"),
    ("is_group and x1", 14, "as in `x > 0`"),
    # null
    ("x1 == null", 7, "write `x1 is null`"),
    ("null != x1 + 2", 1, "write `x1 + 2 is not null`"),
    ("x1 > null", 6, "write `x1 is null`"),
    ("max(x1, null)", 9, "only after `is`"),
    ("x1 in [1, null]", 11, "only after `is`"),
    ("x1 is 3", 7, "expected null or not null"),
    ("is_group is true", 13, "expected null or not null"),
    ("x1 < x2 is null", 1, "put brackets"),
    ("x1 is null == is_group", 1, "put brackets"),
    ("0 < x1 in [1, 2]", 1, "put brackets"),
    # words and lists
    ("label == 'persn'", 10, "did you mean 'person'?"),
    ("'Person' != label", 1, "did you mean 'person'?"),
    ("label in ['head', 'cat']", 19, "choose one of dog, head, person"),
    ("label == slip", 10, "'persn' (parameter slip)"),
    ("label in []", 10, "write at least one"),
    ("label in 'person'", 10, "expected a list"),
    ("label in ('head', 'dog')", 10, "expected a list"),
    ("x1 in [1, 'head']", 11, "this list after a number needs numbers"),
    ("label in ['head', 3]", 19, "this list after a text needs texts"),
    ("x1 in [1, x2]", 11, "'x2' is not a constant"),
    ("is_group in [true]", 1, "a flag stands alone"),
    # numbers
    ("x1 / 0 > 3", 6, "division by '0'"),
    ("x1 / no_px > 3", 6, "division by 'no_px', which is 0"),
    ("x1 / (2 * 3 - 6)", 7, "which is 0"),
    ("x1 > 1e999", 6, "is not a finite number"),
    ("x1 > 1e308 * 10", 6, "is not a finite number"),
    ("x1 > endless", 6, "'endless' is not a finite number"),
    ("x1 > sqrt(-1)", 6, "is not a finite number"),
    ("x1 > ln(0)", 6, "is not a finite number"),
    ("x1 > 9007199254740993", 6, "2**53"),
    ("x1 > " + "9" * 390, 6, "is not a finite number"),
    # comparisons with one outcome
    ("1 < 2", 1, "'1 < 2': this comparison has one outcome"),
    ("is_group or min_side_px > 3", 13, "one outcome"),
    ("0 <= min_side_px < x1", 1, "one outcome"),
    ("x1 - x2 == x1 - x2", 1, "one outcome"),
    ("3 in [3, 4]", 1, "one outcome"),
    ("3 is null", 1, "one outcome"),
    ("isfinite(3)", 1, "one outcome"),
    ("width is not null", 1, "'width' is never null"),
    # limits
    ("x1 > 0 or " * 40 + "is_group", 401, "408 characters, 400 are allowed"),
    ("- " * 40 + "x1", 81, "more than 40 levels"),
    ("max(" + "------x1," * 42 + "------x1)", 11, "more than 300 parts"),
]


@pytest.mark.parametrize(
    ("text", "column", "words"), REFUSED, ids=[case[0][:40] for case in REFUSED]
)
def test_what_is_wrong_is_said_with_its_place_and_mend(text: str, column: int, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        read(text)
    assert str(caught.value).startswith(f"column {column}: ")
    assert caught.value.offset == column - 1
    assert words in str(caught.value)


def test_columns_are_counted_in_characters_not_in_bytes() -> None:
    with pytest.raises(ExpressionError, match=r"^column 25: 'widht'"):
        read("   source == '人人人' and  widht > 3")


def test_a_parameter_with_the_name_of_a_column_is_refused() -> None:
    with pytest.raises(ExpressionError, match="a column and a parameter"):
        parse("x > 3", {"x": Name("number", "")}, {"x": 3.0})


def test_forty_levels_and_four_hundred_characters_are_allowed() -> None:
    assert read("- " * 39 + "x1").kind == "number"
    text = "x1 > 0 or " * 39 + "is_group  "
    assert len(text) == 400
    assert read(text).kind == "flag"


@pytest.mark.parametrize("text", ["(" * 200 + "x1" + ")" * 198, "-" * 400, "not " * 100, "[" * 400])
def test_no_nesting_breaks_the_reader(text: str) -> None:
    with pytest.raises(ExpressionError):
        read(text)
