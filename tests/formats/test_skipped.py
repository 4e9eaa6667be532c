"""Files that no reader took are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.errors import FormatError
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


def left_out(path: Path) -> list[tuple[str, str, str, str]]:
    rows = read(path).findings
    rows = rows[rows["check"].isin(["SRC-023", "SRC-024"])]
    return [(row.check, row.level, row.file, row.message) for row in rows.itertuples()]


def test_a_linked_folder_and_linked_labels_are_told_with_the_reason(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    store(root, document(annotation(1)), "a.json")
    assert left_out(root) == []
    (root / "again").symlink_to(root, target_is_directory=True)
    (root / "b.json").symlink_to(tmp_path / "nothing.json")
    (root / "b.png").symlink_to(tmp_path / "nothing.png")
    assert left_out(root) == [
        (
            "SRC-024",
            "warning",
            "again",
            "links are not followed, and nothing was read from 'again' (a link to a folder), "
            "'b.json' (a link that leads out of the source)",
        )
    ]


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, unlistable) -> None:
    store(tmp_path, document(annotation(1)), "a.json")
    deep = unlistable(tmp_path, "b.json")
    ((check, level, file, message),) = left_out(tmp_path)
    assert (check, level, file) == ("SRC-023", "error", deep)
    assert message.startswith(f"nothing was read from '{deep[:79]}")
    assert message.endswith("(File name too long)")


def test_where_nothing_is_recognised_the_error_says_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "labels").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(FormatError, match=r"not read: 'labels' \(a link to a folder\)"):
        read(tmp_path)
