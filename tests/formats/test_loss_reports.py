"""A loss report is exact: what it names is what a reader of the written files does not find."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from curate.dataset import Dataset
from curate.errors import OutputError
from curate.formats import WRITERS, LossReport, ReadOptions, read, write
from tests.formats.differences import EDGES, EDGES_FIELD, differences
from tests.formats.rich import datasets

# Formats whose coordinates are fractions of sizes that they do not state.
_FRACTIONS = {"yolo", "open-images"}
_SIZE_PX = (127, 80)
# Formats of which a few lines are not enough to tell the kind by.
_FORMS = {"text-dets": "text-dets-xyxy"}

# What a name of a loss says beside the field: the shape of a box that is left out, the part of a
# name that is not kept.
_NAME = "images.image_key"
_FIELDS = {
    "images (name)": _NAME,
    "images (ending of the name)": _NAME,
    "images (folder of the name)": _NAME,
    "images (not in the source)": "images",
    **dict.fromkeys([f"boxes.{edge}" for edge in (*EDGES, "x2 y2")], EDGES_FIELD),
    **dict.fromkeys(["polygon outline", "mask outline", "rotated outline"], "boxes.shape"),
}


def declared(report: LossReport) -> dict[str, tuple[int, int]]:
    """The least and the most values that a report calls lost, by field as `differences` has it.

    These are two numbers where several losses may be those of one value: the ending and the
    folder of one name, the edges of one box.
    """
    counts: dict[str, list[int]] = {}
    for loss in report.losses:
        name = _FIELDS.get(loss.field, re.sub(r"^boxes \(.*\)$", "boxes", loss.field))
        is_filled = loss.why.startswith("unknown")
        counts.setdefault(f"{name} (unknown)" if is_filled else name, []).append(loss.count)
    may_overlap = (_NAME, EDGES_FIELD)
    return {
        name: (max(found) if name in may_overlap else sum(found), sum(found))
        for name, found in counts.items()
        if sum(found)
    }


def written_and_read(dataset: Dataset, target: str, folder: Path) -> tuple[LossReport, Dataset]:
    """What a writer says of a dataset, and the dataset that a reader finds in what it wrote.

    Raises
    ------
    OutputError
        When nothing of it can be written there; it says why.
    """
    choice = "keep-out" if target == "yolo" else None
    report = write(dataset, target, folder, ignored=choice)
    size = _SIZE_PX if target in _FRACTIONS else None
    if target == "coco":
        return report, read(sorted(folder.rglob("*.json")), ReadOptions(name="s"))
    form = _FORMS.get(target, target)
    return report, read(folder, ReadOptions(format=form, name="s", size_wh=size))


def unlike(report: LossReport, measured: Counter[str]) -> dict[str, str]:
    """The fields of which a report says another number than was measured, each with both."""
    # What the source says beside images and boxes is counted in its own words.
    said = {k: n for k, n in declared(report).items() if k.split(".")[0] in ("images", "boxes")}
    if report.target in _FRACTIONS:
        # The size that they lack is the one that they are read with.
        said = {k: n for k, n in said.items() if k not in ("images.width", "images.height")}
    return {
        name: f"{measured[name]} values differ, the report says {said.get(name, 0)}"
        for name in said.keys() | measured.keys()
        if not said.get(name, (0, 0))[0] <= measured[name] <= said.get(name, (0, 0))[1]
    }


# Each example is a whole export that is read again; of pairs of formats two.
_EXAMPLES = min(70, settings().max_examples)
_PAIR_EXAMPLES = settings().max_examples * 2 // 3
# Each example is 16 exports: of one source to every format.
_EVERY_PAIR_EXAMPLES = 12
_UNTOUCHED_EXAMPLES = 5
_CHANGED_EXAMPLES = 20
FORMATS = st.sampled_from(sorted(WRITERS))


@pytest.mark.parametrize("target", sorted(WRITERS))
@settings(max_examples=_EXAMPLES)
@given(dataset=datasets())
def test_report_names_exactly_what_is_not_in_what_was_written(target, dataset):
    with tempfile.TemporaryDirectory() as folder:
        assert not undeclared(dataset, target, Path(folder) / "out")


@pytest.mark.parametrize("target", sorted(WRITERS))
@settings(max_examples=_PAIR_EXAMPLES)
@given(drawn=datasets(), source=FORMATS)
def test_report_is_exact_for_what_was_read_of_any_format(target, drawn, source):
    with tempfile.TemporaryDirectory() as folder:
        dataset = read_as(drawn, source, Path(folder) / "in")
        assert not undeclared(dataset, target, Path(folder) / "out")


@pytest.mark.slow
@pytest.mark.parametrize("source", sorted(WRITERS))
@settings(
    max_examples=_EVERY_PAIR_EXAMPLES,
    derandomize=True,
    # Detections of text files hold nothing of most drawn datasets.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(drawn=datasets())
def test_report_of_every_pair_of_formats_is_exact(source, drawn):
    with tempfile.TemporaryDirectory() as folder:
        dataset = read_as(drawn, source, Path(folder) / "in")
        for target in sorted(WRITERS):
            assert not undeclared(dataset, target, Path(folder) / target), target


@pytest.mark.parametrize("form", sorted(WRITERS))
@settings(max_examples=_UNTOUCHED_EXAMPLES)
@given(drawn=datasets())
def test_untouched_files_written_in_their_own_format_lose_nothing(form, drawn):
    with tempfile.TemporaryDirectory() as folder:
        dataset = read_as(drawn, form, Path(folder) / "in")
        assert not write(dataset, form, Path(folder) / "out").losses


def read_as(drawn: Dataset, source: str, folder: Path) -> Dataset:
    """The dataset as a reader gives it of files of one format: ids, attributes, kept bytes."""
    try:
        return written_and_read(_of_one_size(drawn, source), source, folder)[1]
    except OutputError:
        reject()


# What may be changed in files that were read, and the values that it may have.
_CHANGES: dict[str, list[Any]] = {
    "role": ["include", "ignore", "exclude", "review"],
    "is_group": [True, False, None],
    "difficult": [True, False, None],
    "truncated": [0.0, 1.0, np.nan],
    "occluded": [0.0, 1.0, np.nan],
    "label": ["car", "person", "a new one & only"],
    "origin": ["human", "detector", "import"],
    "track_id": ["5", "beta", None],
    "annotator": ["7", "someone else", None],
    "attributes": ['{"colour": "blue"}', '{"occlusion": "x"}', None],
    "is_depiction": [True, False, None],
    "declared_area": [3.5, np.nan],
}
# The word of the source goes with the class that it stood for; an image whose boxes are left out
# is told by them.
_FOLLOWS = {"boxes.source_label", "images.label_state"}


@pytest.mark.parametrize("target", sorted(WRITERS))
@settings(
    max_examples=_CHANGED_EXAMPLES,
    # Detections of text files hold nothing of most drawn datasets.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(dataset=datasets(), column=st.sampled_from(sorted(_CHANGES)), seed=st.integers(0, 99))
def test_what_changes_in_a_file_that_was_read_is_written_or_told(target, dataset, column, seed):
    with tempfile.TemporaryDirectory() as folder:
        own = read_as(dataset, target, Path(folder) / "own")
        values = np.random.default_rng(seed).integers(0, len(_CHANGES[column]), len(own.boxes))
        given_ = pd.Series([_CHANGES[column][n] for n in values], own.boxes.index, object)
        boxes = own.boxes.assign(**{column: given_.astype(own.boxes[column].dtype)})
        changed = _of_one_size(own.with_tables(boxes=boxes), target)
        try:
            report, found = written_and_read(changed, target, Path(folder) / "changed")
        except OutputError:
            reject()
        said = declared(report)
        silent = {
            field: count
            for field, count in differences(changed, found).items()
            if count > said.get(field, (0, 0))[1] and field not in _FOLLOWS
        }
    assert not silent


def undeclared(dataset: Dataset, target: str, folder: Path) -> dict[str, str]:
    """The fields of which the report of an export says another number than a reader finds."""
    dataset = _of_one_size(dataset, target)
    try:
        report, found = written_and_read(dataset, target, folder)
    except OutputError:
        return {}
    return unlike(report, differences(dataset, found))


def _of_one_size(dataset: Dataset, target: str) -> Dataset:
    if target not in _FRACTIONS:
        return dataset
    width, height = _SIZE_PX
    images = dataset.images.assign(width=width, height=height)
    return dataset.with_tables(images=images.astype(dataset.images.dtypes))
