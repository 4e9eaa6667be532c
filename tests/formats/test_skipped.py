"""Files that no reader took are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.formats import read
from tests.formats.coco_documents import annotation, document, store

LINE = "Car 0.00 0 -1.58 10.50 5.25 30.00 20.75 1.50 1.60 4.00 -2.00 1.70 9.00 -1.80\n"


def told(path: Path) -> list[tuple[str, str, list[str]]]:
    rows = read(path).findings
    rows = rows[rows["check"].isin(["SRC-020", "SRC-021"])]
    return [
        (row.check, row.level, [place["file"] for place in json.loads(row.places)])
        for row in rows.itertuples()
    ]


@pytest.mark.parametrize("body", [b"", b'{"x": 1}'])
def test_an_empty_or_alien_file_beside_labels_is_told(tmp_path: Path, body: bytes) -> None:
    store(tmp_path, document(annotation(1)), "a.json")
    (tmp_path / "other.json").write_bytes(body)
    assert told(tmp_path) == [("SRC-020", "warning", ["other.json"])]


@pytest.mark.parametrize("body", ["hello world\n", "0" + LINE[3:], LINE.replace(" ", ",")])
def test_a_kitti_file_that_is_not_recognised_is_told(tmp_path: Path, body: str) -> None:
    (tmp_path / "000001.txt").write_text(LINE)
    (tmp_path / "000002.txt").write_text(LINE)
    (tmp_path / "000003.txt").write_text(body)
    assert told(tmp_path) == [("SRC-020", "warning", ["000003.txt"])]


def test_files_elsewhere_are_a_note_and_pictures_are_none(tmp_path: Path) -> None:
    (tmp_path / "label_2").mkdir()
    (tmp_path / "calib").mkdir()
    (tmp_path / "label_2" / "1.txt").write_text(LINE)
    (tmp_path / "calib" / "1.txt").write_text("P0: 1 2 3\n")
    (tmp_path / "picture.png").write_bytes(b"x")
    assert told(tmp_path) == [("SRC-021", "info", ["calib/1.txt"])]


def test_lists_of_splits_that_were_read_are_not_told(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text(LINE)
    (tmp_path / "train.txt").write_text("1\n")
    assert told(tmp_path) == []
