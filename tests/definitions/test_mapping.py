"""What boxes are by definitions: the rule, the vocabulary and the definition that has the word."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from curate.dataset import Dataset
from curate.definitions.columns import BoxColumns
from curate.definitions.evaluation import Values
from curate.definitions.mapping import Mapped, mapped
from curate.errors import UsageError
from tests.definitions.making import Row, box, clause, dataset, loaded, project, rules

DECISIONS = {
    "whole": {"role": "include", "note": "all of it"},
    "cut": {"role": "ignore", "note": "a part"},
    "unclear": {"role": "review", "note": "no class"},
    "other": {"role": "exclude", "note": "something else"},
}


def cone(mapping: Row, name: str = "cone", **more: Any) -> Row:
    """A definition of one class with a mapping."""
    return rules(name, label=name, decisions=DECISIONS, mapping=mapping, **more)


def of(made: Dataset, *files: Row, vocabulary: str | None = None) -> Mapped:
    """The mapping of a dataset by some files."""
    definitions = loaded(*files)
    return mapped(BoxColumns(made, None, definitions.columns), definitions, vocabulary)


def listed(found: Mapped) -> list[tuple[Any, ...]]:
    """Label, role and decision of each box."""
    table = found.table()[["label", "role", "decision"]]
    return [tuple(None if pd.isna(one) else one for one in row) for row in table.to_numpy()]


def test_the_first_rule_that_fits_is_taken_and_gives_the_reason() -> None:
    file = cone({"names": [{"class": "cone", "when": "truncated > 0.5", "as": "cut"},
                           {"class": ["cone", "pylon"], "as": "whole", "note": "so"}]})  # fmt: skip
    made = dataset([box(0, 0, 1, 1, label="cone", truncated=0.9), box(0, 0, 1, 1, label="pylon")])
    found = of(made, file)
    assert listed(found) == [("cone", "ignore", "cut"), ("cone", "include", "whole")]
    stated = loaded(file).stated[0]
    assert found.table()["reason"].tolist() == [
        f"{stated}, names: cut -> ignore (a part)",
        f"{stated}, names: whole -> include (all of it; so)",
    ]


def test_a_rule_holds_only_where_its_when_is_true_not_where_it_is_unknown() -> None:
    file = cone({"names": [{"class": "cone", "when": "truncated > 0.5", "as": "cut"},
                           {"class": "cone", "as": "whole"}]})  # fmt: skip
    made = dataset([box(0, 0, 1, 1, label="cone", truncated=t) for t in (0.9, 0.1, None)])
    assert [row[2] for row in listed(of(made, file))] == ["cut", "whole", "whole"]


def test_classes_that_no_rule_names_are_refused_with_their_numbers_most_first() -> None:
    file = cone({"names": [{"class": "cone", "as": "whole"}]})
    rows = [box(0, 0, 1, 1, label=label) for label in ["cat", None, "cone", "dog", "dog", "cat",
                                                       "dog"]]  # fmt: skip
    with pytest.raises(UsageError) as caught:
        of(dataset(rows), file)
    text = str(caught.value)
    assert "6 boxes are of classes that no rule names: 'dog' (3), 'cat' (2), (no class) (1)" in text
    assert "looked in cone: names" in text
    assert "curate define new" in text


def test_of_many_unnamed_classes_the_number_is_told() -> None:
    file = cone({"names": [{"class": "cone", "as": "whole"}]})
    made = dataset([box(0, 0, 1, 1, label=f"c{n:02}") for n in range(11)])
    with pytest.raises(UsageError, match=r"'c07' \(1\) and 3 more; looked in"):
        of(made, file)


def test_a_rule_of_which_no_box_has_the_when_leaves_the_class_unnamed() -> None:
    file = cone({"names": [{"class": "cone", "when": "is_group", "as": "cut"}]})
    with pytest.raises(UsageError, match=r"'cone' \(1\)"):
        of(dataset([box(0, 0, 1, 1, label="cone")]), file)


def test_every_other_class_is_not_a_box_without_a_class() -> None:
    mapping = {"names": [{"class": "cone", "as": "whole"}, {"class": "*", "as": "other"},
                         {"class": None, "as": "unclear"}]}  # fmt: skip
    made = dataset([box(0, 0, 1, 1, label=label) for label in ("cone", "cat", None)])
    assert listed(of(made, cone(mapping))) == [
        ("cone", "include", "whole"), ("cat", "exclude", "other"), ("cone", "review", "unclear")
    ]  # fmt: skip
    without = {"names": mapping["names"][:2]}
    with pytest.raises(UsageError, match=r"\(no class\) \(1\)"):
        of(made, cone(without))


def test_a_label_that_the_reader_could_not_tell_is_no_class() -> None:
    mapping = {"names": [{"class": "thing", "as": "other"}, {"class": None, "as": "unclear"}]}
    made = dataset([box(0, 0, 1, 1, label=None, source_label="thing")])
    assert listed(of(made, cone(mapping))) == [("cone", "review", "unclear")]


VOCABULARIES = {
    "coco": [{"class": ["cone", "cat"], "as": "whole"}],
    "names": [{"class": ["cone", "cat"], "as": "cut"}],
    "own": [{"class": ["cone", "cat", "dog"], "as": "other"}],
}


@pytest.mark.parametrize(
    ("form", "labels", "vocabulary", "decision"),
    [
        ("coco", ["cone"], None, "whole"),
        ("coco-results", ["cone"], None, "whole"),
        ("yolo", ["cone"], None, "cut"),
        ("coco", ["cone", "dog"], None, "other"),
        ("coco", ["cone"], "names", "cut"),
        ("yolo", ["cat"], "coco", "whole"),
    ],
)
def test_the_vocabulary_is_the_one_named_or_knows_most_or_is_the_formats_own(
    form: str, labels: list[str], vocabulary: str | None, decision: str
) -> None:
    made = dataset([box(0, 0, 1, 1, label=label) for label in labels], formats={"f": form})
    found = listed(of(made, cone(VOCABULARIES), vocabulary=vocabulary))
    assert {row[2] for row in found} == {decision}


def test_the_files_of_each_format_have_their_own_vocabulary() -> None:
    made = dataset(
        [box(0, 0, 1, 1, label="cone", file=name) for name in ("a", "b", "c")],
        formats={"a": "coco", "b": "yolo"},
    )
    assert [row[2] for row in listed(of(made, cone(VOCABULARIES)))] == ["whole", "cut", "cut"]


def test_a_vocabulary_that_no_definition_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no definition has a vocabulary 'coko' - did you mean"):
        of(dataset([box(0, 0, 1, 1, label="cone")]), cone(VOCABULARIES), vocabulary="coko")


def test_the_vocabulary_follows_from_the_classes_that_are_still_to_be_taken() -> None:
    # "coco" knows two of the three classes, but the project has taken them.
    first = cone({"coco": [{"class": ["cat", "dog"], "as": "other"}],
                  "names": [{"class": "cone", "as": "whole"}]})  # fmt: skip
    own = project(
        "cone",
        classes=[{"name": "pet"}],
        decisions={"tame": {"role": "include", "note": "a pet"}},
        mapping={"own": [{"class": ["cat", "dog"], "as": "tame", "label": "pet"}]},
    )
    made = dataset([box(0, 0, 1, 1, label=label) for label in ("cat", "dog", "cone")])
    assert listed(of(made, first, own)) == [
        ("pet", "include", "tame"), ("pet", "include", "tame"), ("cone", "include", "whole")
    ]  # fmt: skip


TWO = (
    cone({"names": [{"class": "cone", "as": "whole"},
                    {"class": ["hat", "cat"], "as": "other", "set": {"difficult": True}},
                    {"class": None, "as": "unclear"}]}),
    cone({"names": [{"class": "hat", "as": "cut"},
                    {"class": ["cone", "cat"], "as": "other", "set": {"is_group": True}},
                    {"class": None, "as": "other"}]}, "hat"),
)  # fmt: skip


@pytest.mark.parametrize("files", [TWO, TWO[::-1]])
def test_what_is_other_for_one_definition_is_the_others(files: tuple[Row, Row]) -> None:
    made = dataset([box(0, 0, 1, 1, label=label) for label in ("cone", "hat", "cat", None)])
    found = of(made, *files)
    assert listed(found) == [
        ("cone", "include", "whole"), ("hat", "ignore", "cut"), ("cat", "exclude", "other"),
        ("cone", "review", "unclear"),
    ]  # fmt: skip
    # A box has the columns of the rule that took it, and none of the rule that passed it on.
    for column, code in (("difficult", "hat"), ("is_group", "cone")):
        values = found.columns[column]
        at = ["cone", "hat"].index(code)
        assert not values.known[at], column
    assert found.is_excluded.tolist() == [False, False, True, False]


def test_overridden_decisions_change_roles_and_reasons() -> None:
    own = project("cone", overrides=[{"decision": "cut", "role": "include", "because": "wanted"}])
    made = dataset([box(0, 0, 1, 1, label="cone")])
    found = of(made, cone({"names": [{"class": "cone", "as": "cut"}]}), own)
    assert listed(found) == [("cone", "include", "cut")]
    assert found.table()["reason"].iloc[0].endswith("names: cut -> include (wanted)")


COLUMNS = {"colour": {"kind": "text", "meaning": "its colour"},
           "weight": {"kind": "number", "meaning": "kg"}}  # fmt: skip
SET: Row = {"extent": "visible", "is_group": True, "truncated": 0.5, "annotator": None,
            "colour": "blue", "weight": 3, "difficult": None}  # fmt: skip


def test_a_rule_sets_columns_of_its_boxes_and_of_no_others() -> None:
    file = cone({"names": [{"class": "cone", "as": "whole", "set": SET},
                           {"class": "cat", "as": "other"}]}, columns=COLUMNS)  # fmt: skip
    said = '{"colour": "red", "weight": 1}'
    own: Row = {"extent": "full", "annotator": "me", "truncated": 0.1, "attributes": said,
                "difficult": False}  # fmt: skip
    made = dataset([box(0, 0, 1, 1, label=label, **own) for label in ("cone", "cat")])
    columns = of(made, file).columns
    wanted = {
        "extent": ["visible", "full"], "is_group": [True, None], "truncated": [0.5, 0.1],
        "annotator": [None, "me"], "colour": ["blue", "red"], "weight": [3.0, 1.0],
        "difficult": [None, False],
    }  # fmt: skip
    assert {name: values_of(columns[name]) for name in wanted} == wanted


def values_of(values: Values) -> list[Any]:
    """The values of a column, unknown as None."""
    said = values.values.tolist()
    if values.words is not None:
        said = [[*values.words, None][code] for code in said]
    return [one if is_known else None for one, is_known in zip(said, values.known, strict=True)]


def test_without_a_mapping_boxes_are_as_the_source_says() -> None:
    made = dataset([box(0, 0, 1, 1, label="cat", role="ignore"), box(0, 0, 1, 1, label=None)])
    found = of(made, rules("thing", clause("THI-001", "x1 < x2", missing="skip")))
    assert listed(found) == [("cat", "ignore", None), (None, "include", None)]
    assert set(found.table()["reason"]) == {"no mapping among the definitions: as the source says"}


def test_a_dataset_without_boxes_is_mapped() -> None:
    found = of(dataset([], {"a": {}}), *TWO)
    assert len(found.table()) == 0
    assert found.columns["label"].values.tolist() == []
