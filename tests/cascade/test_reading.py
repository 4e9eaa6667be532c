"""Manifests are read from Parquet, CSV and folders, and broken ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.cascade import measure
from curate.errors import SourceError
from tests.cascade.manifests import WORKED, detection, missed, write_set


def test_parquet_csv_and_folder_say_the_same(tmp_path: Path) -> None:
    one = write_set(tmp_path / "a", WORKED)
    other = write_set(tmp_path / "b", WORKED, csv=True)
    paths = [one, one / "manifest.parquet", other, other / "manifest.csv"]
    tables = [measure(path).sweep for path in paths]
    assert all(table.equals(tables[0]) for table in tables[1:])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([detection(0.9, "matched", "c", status="mad")], "status is 'mad', should be one of made"),
        ([detection(0.9, "matched", "c", crop_id="a")] * 2, "crop 'a' stands twice"),
        ([detection(0.9, "matched", "c", object_id="o"), missed("c", object_id="o")],
         "object 'o' is assigned twice, or both assigned and missed"),
        ([detection(float("nan"), "matched", "c")], "an assigned detection has no score"),
        ([detection(0.9, "matched", "c", object_id=None)], "has no object_id"),
        ([detection(0.9, "matched", "c", origin=None)], "1 rows have no origin"),
        ([missed("c")], "has no detection - "),
        ([], "has no detection - "),
    ],
)  # fmt: skip
def test_broken_manifests_are_refused(tmp_path: Path, rows: list, message: str) -> None:
    with pytest.raises(SourceError) as error:
        measure(write_set(tmp_path, rows))
    assert message in str(error.value)
    assert error.value.mend


@pytest.mark.parametrize(
    ("column", "word", "message"),
    [
        ("score", "high", "manifest.csv:3: score is 'high', should be a number"),
        ("is_assigned", "yes", "manifest.csv:3: is_assigned is 'yes', should be true or false"),
    ],
)
def test_a_faulty_field_of_csv_is_told_with_its_line(
    tmp_path: Path, column: str, word: str, message: str
) -> None:
    path = write_set(tmp_path, WORKED, csv=True) / "manifest.csv"
    head, first, second, *rest = path.read_text().splitlines()
    fields = second.split(",")
    fields[head.split(",").index(column)] = word
    path.write_text("\n".join([head, first, ",".join(fields), *rest]))
    with pytest.raises(SourceError) as error:
        measure(path)
    assert message in str(error.value)


def test_other_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has no manifest.parquet and no manifest.csv"):
        measure(tmp_path)
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        measure(tmp_path / "none.csv")
    other = tmp_path / "other.csv"
    other.write_text("crop_id,score\n1,2\n")
    with pytest.raises(SourceError, match="has no column status, outcome"):
        measure(other)
    other.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        measure(other)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "has the schema 'None'"),
        ('{"schema": "curate.audit/1"}', "has the schema 'curate.audit/1'"),
        ('{"schema": "curate.crops/1"}', "does not state the number of images"),
    ],
)
def test_a_broken_summary_is_refused(tmp_path: Path, body: str, message: str) -> None:
    write_set(tmp_path, WORKED)
    (tmp_path / "crops.json").write_text(body)
    with pytest.raises(SourceError) as error:
        measure(tmp_path)
    assert message in str(error.value)


def test_detections_without_score_or_image_are_told_and_in_no_number(tmp_path: Path) -> None:
    broken = {"outcome": None, "label": None, "is_assigned": None, "status": "lost"}
    rows = [
        detection(0.9, "matched", "c"),
        detection(float("nan"), "background", "c") | broken,
        detection(0.8, "background", "c", image_id=None) | broken,
    ]
    found = measure(write_set(tmp_path, rows))
    assert found.sweep["proposals"].tolist() == [1]
    assert any("2 detections without a score or a known image" in note for note in found.notes)
