"""Classes renamed, joined and set aside by a map."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dataset import Dataset
from curate.errors import UsageError
from curate.formats import read, write
from curate.relabeling import IGNORE, read_class_map, relabel
from tests.formats.coco_documents import annotation, document, store

LABELS = st.sampled_from(["person", "car", "bus"])


def street(tmp_path: Path) -> Dataset:
    """Boxes 1 (person), 2 (car), 3 (car), on a.jpg."""
    boxes = [annotation(1), annotation(2, category_id=7), annotation(3, category_id=7)]
    return read(store(tmp_path, document(*boxes)))


def test_a_renamed_class_is_renamed_in_boxes_and_in_the_list(tmp_path: Path) -> None:
    done = relabel(street(tmp_path), {"person": "person", "car": "vehicle"})
    assert done.dataset.boxes["label"].tolist() == ["person", "vehicle", "vehicle"]
    assert done.dataset.classes["label"].tolist() == ["person", "vehicle"]
    assert done.log[["source_id", "column", "old", "new"]].values.tolist() == [
        ["2", "label", "car", "vehicle"],
        ["3", "label", "car", "vehicle"],
    ]


def test_joined_classes_become_one_also_in_the_coco_file(tmp_path: Path) -> None:
    done = relabel(street(tmp_path), {"person": "thing", "car": "thing"})
    write(done.dataset, "coco", tmp_path / "out")
    after = json.loads((tmp_path / "out/instances.json").read_bytes())
    assert [c["name"] for c in after["categories"]] == ["thing"]
    assert [a["category_id"] for a in after["annotations"]] == [1, 1, 1]


def test_two_classes_may_swap_their_names(tmp_path: Path) -> None:
    done = relabel(street(tmp_path), {"person": "car", "car": "person"})
    assert done.dataset.boxes["label"].tolist() == ["car", "person", "person"]


def test_a_class_set_aside_keeps_its_name_and_its_boxes_are_ignored(tmp_path: Path) -> None:
    done = relabel(street(tmp_path), {"person": "person", "car": None})
    assert done.dataset.boxes["label"].tolist() == ["person", "car", "car"]
    assert done.dataset.boxes["role"].tolist() == ["include", IGNORE, IGNORE]
    assert done.log["column"].tolist() == ["role", "role"]


def test_an_unmapped_class_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"1 classes are not in the map.*'car'") as caught:
        relabel(street(tmp_path), {"person": "person"})
    assert "its own name keeps it" in str(caught.value)


def test_a_misspelt_key_is_pointed_at(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'person' by 'persn'"):
        relabel(street(tmp_path), {"persn": "human", "car": "car"})


def test_a_key_that_no_class_has_is_told(tmp_path: Path) -> None:
    done = relabel(street(tmp_path), {"person": "person", "car": "car", "bus": "car"})
    assert done.unused == ("bus",)
    assert len(done.log) == 0


def test_the_given_dataset_stays_as_it_is(tmp_path: Path) -> None:
    before = street(tmp_path)
    boxes, classes = before.boxes.copy(), before.classes.copy()
    relabel(before, {"person": "x", "car": None})
    pd.testing.assert_frame_equal(before.boxes, boxes)
    pd.testing.assert_frame_equal(before.classes, classes)


@given(st.dictionaries(LABELS, LABELS | st.none()))
def test_each_box_gets_what_the_map_says_and_the_log_tells_each_change(
    tmp_path_factory: pytest.TempPathFactory, classes: dict[str, str | None]
) -> None:
    before = street(tmp_path_factory.mktemp("street"))
    done = relabel(before, classes, partial=True)
    n_changes = 0
    for row, old in enumerate(before.boxes["label"]):
        new = classes.get(old, old)
        assert done.dataset.boxes["label"][row] == (old if new is None else new)
        assert done.dataset.boxes["role"][row] == (IGNORE if new is None else "include")
        n_changes += new != old
    assert len(done.log) == n_changes
    assert done.dataset.boxes["box_id"].tolist() == before.boxes["box_id"].tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("classes: {a: b}", "has no 'version'"),
        ("version: 1\nclasses: {}", "classes: {} should be non-empty"),
        ("version: 1\nclasses: {a: [b]}", "classes.a: "),
        ("version: 1\nclasses: {a: &x b, c: *x}", r"has an alias"),
        ("version: 1\nclasses: {a", "cannot be read"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        read_class_map(path)
