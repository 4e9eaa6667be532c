"""YAML files that people write: values, lines, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from curate.documents import MAX_BYTES, MAX_DEPTH, parse_document, read_document, refuse_unfit
from curate.errors import Place, UsageError

TEXT = """\
# a comment
id: cone

params: {min_px: 4.0,
         max_px: 9}
list:
  - one
  - {two: 2}
  -
    - three
"""


def test_values_and_the_line_of_each_key_and_entry_are_kept() -> None:
    document = parse_document(TEXT, "cone.yaml")
    assert document.values == {
        "id": "cone", "params": {"min_px": 4.0, "max_px": 9}, "list": ["one", {"two": 2}, ["three"]]
    }  # fmt: skip
    assert document.lines == {
        ("id",): 2, ("params",): 4, ("params", "min_px"): 4, ("params", "max_px"): 5, ("list",): 6,
        ("list", 0): 7, ("list", 1): 8, ("list", 1, "two"): 8, ("list", 2): 10, ("list", 2, 0): 10,
    }  # fmt: skip


def test_the_place_of_what_is_not_there_is_that_of_the_nearest_above() -> None:
    document = parse_document(TEXT, "cone.yaml")
    assert document.place("list", 1, "three", 4) == Place("cone.yaml", 8)
    assert document.place("nothing") == Place("cone.yaml", 1)
    assert document.place() == Place("cone.yaml", 1)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", None), ("a: yes", {"a": True}), ("a: null", {"a": None}), ("a: .nan", {"a": math.nan}),
        ('"yes": 1', {"yes": 1}), ("\ufeffa: 1", {"a": 1}), ("a: Größe", {"a": "Größe"}),
        ("a: 1_000", {"a": 1000}), ("a: {}", {"a": {}}), ("- 1\n- 2", [1, 2]),
        ("a: !!str 1", {"a": "1"}),
    ],
)  # fmt: skip
def test_plain_yaml_is_taken(text: str, values: object) -> None:
    assert repr(parse_document(text, "x.yaml").values) == repr(values)


REFUSED = [
    ("a: 1\na: 2\n", 2, "key 'a' stands twice, first in line 1"),
    ("a:\n  b: 1\n  b: 2\n", 3, "key 'b' stands twice, first in line 2"),
    ("a: 1\n2: 2\n", 2, "key '2' is no text"),
    ("yes: 1\n", 1, "key 'True' is no text"),
    ("null: 1\n", 1, "key 'None' is no text"),
    ("? [a]\n: 1\n", 1, "is no text"),
    ("a: &x 1\nb: *x\n", 2, "has an alias"),
    ("a: {<<: {b: 1}}\n", 1, "cannot be read"),
    ("a: !!set {b}\n", 1, "is no kind of value that is taken"),
    ("a: !!omap [b: 1]\n", 1, "is no kind of value that is taken"),
    ("\na: !own 1\n", 2, "cannot be read"),
    ("a: !!python/object/apply:os.system [ls]\n", 1, "no kind of value"),
    ("a: [1\nb: 2\n", 2, "cannot be read"),
    ("a: 1\n\tb: 2\n", 2, "cannot be read"),
    ("a: \"x\ny\n", 3, "cannot be read"),
    ("a: 1\n--- \nb: 2\n", 2, "cannot be read"),
    ("a: 2001-99-99\n", 1, "cannot be read"),
    ('a: !!int ""\n', 1, "cannot be read"),
    ("a: \x07\n", None, "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "words"), REFUSED)
def test_what_is_no_plain_yaml_is_refused_with_its_line(
    text: str, line: int | None, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_document(text, "x.yaml")
    assert caught.value.place == Place("x.yaml", line)
    assert words in str(caught.value)
    assert caught.value.mend


@pytest.mark.parametrize("is_too_deep", [False, True])
def test_levels_up_to_the_limit_are_taken(is_too_deep: bool) -> None:
    n = MAX_DEPTH + is_too_deep
    text = "[" * n + "]" * n
    if not is_too_deep:
        assert parse_document(text, "x.yaml").values is not None
        return
    with pytest.raises(UsageError, match="nested too deeply, should have at most 20 levels"):
        parse_document(text, "x.yaml")


def test_a_file_beyond_the_limit_is_refused_and_at_it_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: " + "x" * (MAX_BYTES - 3))
    assert len(read_document(path, "x").values["a"]) == MAX_BYTES - 3
    path.write_text("a: " + "x" * (MAX_BYTES - 2))
    with pytest.raises(UsageError, match=f"is larger than {MAX_BYTES} bytes"):
        read_document(path, "x")


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.yaml"
    if kind == "folder":
        path.mkdir()
    with pytest.raises(UsageError, match=r"^x\.yaml: cannot be read: .* - check the path$"):
        read_document(path, "x.yaml")


def test_a_file_of_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("a: 1\nb: Größe\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"^x\.yaml:2: is no UTF-8 - save it as UTF-8$"):
        read_document(path, "x.yaml")


SCHEMA = "definition-1.schema.json"
RULES = """\
schema: curate.definition/1
kind: rules
id: thing
version: 1.0.0
status: draft
title: What a thing is
params: {}
clauses: []
"""


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("kind: rules", "kind: rule",
         "x.yaml:2: kind: is 'rule', should be rules, matching, project - did you mean 'rules'?"),
        ("kind: rules", "kind: [rules]", "x.yaml:2: kind: is \"['rules']\", should be"),
        ("version: 1.0.0", "version: 1.0", "x.yaml:4: version: is 1.0, should be of type string - "
         "put it in quotation marks"),
        ("version: 1.0.0", "version: null",
         "x.yaml:4: version: is None, should be of type string - see schemas/"),
        ("status: draft\n", "", "x.yaml:1: the file: has no 'status' - add status"),
        ("params: {}", "parms: {}", "x.yaml:1: the file: has no 'params' - add params"),
        ("clauses: []", "clauses: []\nquestons: {}",
         "x.yaml:9: the file: there is no key 'questons' - did you mean 'questions'?"),
        ("params: {}", "params: {Min: 1}", "x.yaml:7: params: is 'Min', should be"),
    ],
)  # fmt: skip
def test_the_first_thing_that_does_not_fit_is_told_with_line_and_mend(
    old: str, new: str, text: str
) -> None:
    refuse_unfit(parse_document(RULES, "x.yaml"), SCHEMA)
    with pytest.raises(UsageError) as caught:
        refuse_unfit(parse_document(RULES.replace(old, new), "x.yaml"), SCHEMA)
    assert str(caught.value).startswith(text)
