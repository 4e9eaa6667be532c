"""Dataset folders: whole or not at all, and the same after a round trip."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.dataset import Dataset, Findings, empty_dataset, load, save
from curate.errors import DatasetError, FormatError, OutputError, TableError, UsageError
from curate.folders import new_folder, write_file
from curate.formats import write
from curate.formats.coco import read
from tests.formats.coco_documents import annotation, document, store


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    boxes = [annotation(1), annotation(0, category_id=7, area=None), annotation(3, image_id=9)]
    return read(store(tmp_path, document(*boxes)))


def test_a_saved_dataset_comes_back_equal(dataset: Dataset, tmp_path: Path) -> None:
    save(dataset, tmp_path / "set")
    again = load(tmp_path / "set")
    for name in ("images", "boxes", "findings", "classes"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(dataset, name))
    assert again.name == dataset.name
    assert again.formats == dataset.formats
    assert again.sources.read("instances.json") == dataset.sources.read("instances.json")


def test_the_same_dataset_is_written_as_the_same_bytes(dataset: Dataset, tmp_path: Path) -> None:
    save(dataset, tmp_path / "a")
    save(dataset, tmp_path / "b")
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*"))
    assert len(files) == 9
    for file in files:
        if (tmp_path / "a" / file).is_file():
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_an_empty_dataset_is_saved_too(tmp_path: Path) -> None:
    save(empty_dataset("none"), tmp_path / "set")
    assert len(load(tmp_path / "set").boxes) == 0


def test_dataset_json_names_files_hashes_and_counts(dataset: Dataset, tmp_path: Path) -> None:
    save(dataset, tmp_path / "set")
    document_ = json.loads((tmp_path / "set/dataset.json").read_text())
    assert document_["schema"] == "curate.dataset/1"
    assert [f["format"] for f in document_["files"]] == ["coco"]
    assert len(document_["files"][0]["sha256"]) == 64
    assert document_["report"] == {
        "images": 2,
        "boxes": 2,
        "label_states": {"empty": 1, "present": 1},
        "findings": {"SRC-005": 1, "SRC-008": 1},
    }


def test_nothing_is_overwritten_without_force(dataset: Dataset, tmp_path: Path) -> None:
    save(dataset, tmp_path / "set")
    with pytest.raises(OutputError, match="exists already - choose another folder or add --force"):
        save(dataset, tmp_path / "set")
    save(dataset, tmp_path / "set", force=True)


def test_force_replaces_only_what_curate_wrote(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(OutputError, match="curate did not write it"):
        save(dataset, tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_failed_write_leaves_the_old_result_and_no_rest(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with new_folder(folder) as part:
        (part / "a").write_text("old")
    with pytest.raises(RuntimeError), new_folder(folder) as part:  # noqa: PT012  # the fault comes late
        (part / "a").write_text("new")
        raise RuntimeError
    assert (folder / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_output_error(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "ro").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        save(dataset, tmp_path / "ro" / "set")


def test_a_file_in_place_of_a_folder_is_an_output_error(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        save(dataset, tmp_path / "file" / "set")
    with pytest.raises(OutputError):
        write_file(tmp_path / "file" / "a", b"x")


@pytest.mark.parametrize("name", ["boxes.parquet", "sources/files.parquet", "dataset.json"])
def test_a_damaged_folder_is_a_dataset_error(dataset: Dataset, tmp_path: Path, name: str) -> None:
    save(dataset, tmp_path / "set")
    (tmp_path / "set" / name).write_bytes(b"junk")
    with pytest.raises(DatasetError, match="ingest the source again"):
        load(tmp_path / "set")


def test_another_schema_version_is_named(dataset: Dataset, tmp_path: Path) -> None:
    save(dataset, tmp_path / "set")
    path = tmp_path / "set" / "dataset.json"
    path.write_text(path.read_text().replace("curate.dataset/1", "curate.dataset/9"))
    with pytest.raises(DatasetError, match=r"has schema 'curate\.dataset/9'"):
        load(tmp_path / "set")


def test_a_table_with_a_foreign_column_is_refused(dataset: Dataset) -> None:
    with pytest.raises(TableError, match="colour"):
        dataset.with_tables(boxes=dataset.boxes.assign(colour="red"))
    with pytest.raises(UsageError, match="no tables called"):
        dataset.with_tables(crops=dataset.boxes)


def test_a_dataset_shows_its_counts(dataset: Dataset) -> None:
    assert repr(dataset) == ("Dataset('instances', coco: 2 images, 2 boxes, 2 findings, 1 files)")
    shown = dataset._repr_html_()
    assert "<td>person</td><td>1</td>" in shown


def edited(folder: Path, name: str, **columns: object) -> None:
    table = pq.read_table(folder / name)
    values = {k: columns.get(k, table.column(k).to_pylist()) for k in table.column_names}
    arrays = {k: pa.array(v, table.schema.field(k).type) for k, v in values.items()}
    pq.write_table(pa.table(arrays), folder / name)


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        ("boxes.parquet", {"image_id": [1, 2]}, "names an id"),
        ("boxes.parquet", {"image_id": [None, None]}, "image_id of the boxes table has nulls"),
        ("boxes.parquet", {"box_id": [7, 7]}, "stands twice"),
        ("boxes.parquet", {"shape": ["box", "blob"]}, "column shape"),
        ("boxes.parquet", {"start": [None, None]}, "half a span"),
        ("images.parquet", {"label_state": ["present", "odd"]}, "column label_state"),
        ("findings.parquet", {"members": [[7], [7]]}, "names an id"),
        ("findings.parquet", {"places": ["{", None]}, "whole dataset folder"),
        ("sources/files.parquet", {"size": [10**9]}, "not in the blocks"),
        ("sources/files.parquet", {"block": [-1]}, "not in the blocks"),
        ("sources/files.parquet", {"sha256": [None]}, "sha256"),
        ("sources/files.parquet", {"file": ["other.json"]}, "not those in sources"),
        ("sources/blocks.parquet", {"size": [1 << 60]}, "within 0"),
        ("sources/blocks.parquet", {"offset": [-5]}, "negative offset"),
        ("sources/blocks.parquet", {"size": [None]}, "cannot be read"),
    ],
)
def test_tables_that_do_not_fit_together_are_refused(
    dataset: Dataset, tmp_path: Path, name: str, columns: dict[str, object], message: str
) -> None:
    save(dataset, tmp_path / "set")
    edited(tmp_path / "set", name, **columns)
    with pytest.raises(DatasetError, match=message):
        load(tmp_path / "set")


def test_text_that_is_not_utf8_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    save(dataset, tmp_path / "set")
    path = tmp_path / "set" / "classes.parquet"
    table = pq.read_table(path)
    raw = pa.array([b"\xff\xfe", b"ok"], pa.large_binary())
    bad = pa.LargeStringArray.from_buffers(2, *raw.buffers()[1:])
    pq.write_table(table.set_column(table.column_names.index("label"), "label", bad), path)
    with pytest.raises(DatasetError, match="UTF-8"):
        load(tmp_path / "set")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"name": "instances"', '"name": null'),
        ('"images_root": null', '"images_root": 5'),
        ('"format": "coco"', '"format": []'),
        ('"files": [', '"files": [null, '),
        ('"options": {', '"options": {"parts": [{"name": 5}]'),
        ('"options": {', '"options": {"colour": 1'),
        ('"name": "instances"', '"name": ' + "[" * 100_000),
    ],
    ids=lambda text: text[:30],
)
def test_dataset_json_of_another_form_is_refused(
    dataset: Dataset, tmp_path: Path, old: str, new: str
) -> None:
    save(dataset, tmp_path / "set")
    path = tmp_path / "set" / "dataset.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DatasetError, match="whole dataset folder"):
        load(tmp_path / "set")


def test_a_reader_that_this_version_does_not_have_is_named(
    dataset: Dataset, tmp_path: Path
) -> None:
    unknown = replace(dataset, formats={"instances.json": "cocoa"})
    with pytest.raises(FormatError, match="'cocoa' is no reader"):
        write(unknown, "csv", tmp_path / "out")


def two_images(tmp_path: Path) -> Dataset:
    """Boxes 1 (a.jpg), 2 and 3 (sub/b.jpg)."""
    boxes = [annotation(1), annotation(2, image_id=2), annotation(3, image_id=2, category_id=99)]
    return read(store(tmp_path, document(*boxes)))


def test_boxes_on_images_that_are_gone_are_refused_with_the_way_to_do_it(tmp_path: Path) -> None:
    dataset = two_images(tmp_path)
    with pytest.raises(TableError, match=r"2 boxes lie on images.*of_images") as caught:
        dataset.with_tables(images=dataset.images.head(1))
    assert caught.value.mend
    loose = replace(dataset, images=dataset.images.head(1))
    with pytest.raises(TableError, match="2 boxes lie on images"):
        write(loose, "coco", tmp_path / "out")
    with pytest.raises(TableError, match="2 boxes lie on images"):
        save(loose, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    dataset = two_images(tmp_path)
    twice = pd.concat([dataset.boxes, dataset.boxes.head(1)])
    with pytest.raises(TableError, match="1 rows of the boxes table repeat the box_id"):
        dataset.with_tables(boxes=twice)


def test_some_images_take_their_boxes_and_findings_with_them(tmp_path: Path) -> None:
    dataset = two_images(tmp_path)
    assert dataset.findings["check"].tolist() == ["SRC-004"]
    one = dataset.of_images(dataset.images["image_id"].head(1))
    assert one.boxes["source_id"].tolist() == ["1"]
    assert len(one.findings) == 0
    other = dataset.of_images(dataset.images["image_id"].tail(1))
    assert other.boxes["source_id"].tolist() == ["2", "3"]
    assert other.findings["check"].tolist() == ["SRC-004"]
    write(other, "coco", tmp_path / "out")
    again = json.loads((tmp_path / "out/instances.json").read_bytes())
    assert [image["id"] for image in again["images"]] == [2]
    assert [ann["id"] for ann in again["annotations"]] == [2, 3]


def test_findings_are_walked_as_values_by_column(tmp_path: Path) -> None:
    findings = Findings(two_images(tmp_path).findings, two_images(tmp_path))
    rows = list(findings)
    assert [row["check"] for row in rows] == ["SRC-004"]
    assert rows[0]["value"] is None
