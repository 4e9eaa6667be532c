"""Folders that appear whole or not at all, and what --force may replace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from curate import folders
from curate.errors import OutputError
from curate.folders import (
    Product,
    new_folder,
    refuse_file,
    refuse_overwrite,
    refuse_source,
    write_file,
)
from curate.formats import read, write
from tests.formats.coco_documents import annotation, document, store

LISTED = Product("marker.json", "curate.thing/")
FIXED = Product("marker.json", "curate.thing/", frozenset({"marker.json", "inside"}))


def made(
    folder: Path, marker: str = '{"schema": "curate.thing/1", "written": ["a/b.txt"]}'
) -> Path:
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "b.txt").write_text("x")
    (folder / "marker.json").write_text(marker)
    return folder


def test_a_folder_that_holds_something_is_kept_without_force(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists already"):
        refuse_overwrite(made(tmp_path / "out"), LISTED, force=False)
    refuse_overwrite(tmp_path / "out", LISTED, force=True)
    (tmp_path / "empty").mkdir()
    refuse_overwrite(tmp_path / "empty", LISTED, force=False)
    refuse_overwrite(tmp_path / "none", LISTED, force=False)


@pytest.mark.parametrize(
    "marker", ['{"kaggle": 1}', "[]", "{", '{"schema": "other/1"}', '{"schema": 1}']
)
def test_a_file_that_only_has_the_markers_name_is_no_marker(tmp_path: Path, marker: str) -> None:
    with pytest.raises(OutputError, match="curate did not write it"):
        refuse_overwrite(made(tmp_path / "out", marker), LISTED, force=True)


@pytest.mark.parametrize("name", ["notes.txt", "a/mine.txt", "a/c/d.txt"])
def test_a_file_that_someone_put_there_is_never_replaced(tmp_path: Path, name: str) -> None:
    folder = made(tmp_path / "out")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("mine")
    with pytest.raises(OutputError, match=f"curate did not write: {name}"):
        refuse_overwrite(folder, LISTED, force=True)


def test_an_empty_folder_that_someone_put_there_is_never_replaced(tmp_path: Path) -> None:
    folder = made(tmp_path / "out")
    (folder / "mine").mkdir()
    with pytest.raises(OutputError, match="curate did not write: mine"):
        refuse_overwrite(folder, LISTED, force=True)


def test_a_product_of_known_names_holds_nothing_else(tmp_path: Path) -> None:
    folder = made(tmp_path / "out")
    with pytest.raises(OutputError, match="curate did not write: a"):
        refuse_overwrite(folder, FIXED, force=True)
    (folder / "a").rename(folder / "inside")
    refuse_overwrite(folder, FIXED, force=True)


def test_a_second_export_leaves_a_users_file_where_it_is(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1))))
    write(dataset, "csv", tmp_path / "out")
    write(dataset, "csv", tmp_path / "out", force=True)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        write(dataset, "csv", tmp_path / "out", force=True)
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "words"),
    [("labels", "is the source"), ("labels/out", "lies in the source"), (".", "holds the source")],
)
def test_an_output_over_or_in_a_source_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels").mkdir()
    with pytest.raises(OutputError, match=words):
        refuse_source(Path(out), [None, Path("labels")])
    refuse_source(Path("beside"), [None, Path("labels")])
    refuse_source(Path("labels_2"), [Path("labels")])


def test_an_output_beside_a_source_file_is_fine(tmp_path: Path) -> None:
    path = store(tmp_path, document())
    refuse_source(tmp_path / "out", [path])
    with pytest.raises(OutputError, match="is the source"):
        refuse_source(path, [path])


@pytest.mark.parametrize("can_exchange", [True, False])
def test_the_old_result_stays_when_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    target = made(tmp_path / "out")
    real = Path.replace

    def replace(self: Path, other: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError(28, "No space left on device")
        return real(self, other)

    if not can_exchange:
        monkeypatch.setattr(Path, "replace", replace)
        with pytest.raises(OutputError, match="No space left"), new_folder(target) as part:
            (part / "new").write_text("x")
        assert (target / "a" / "b.txt").read_text() == "x"
    else:
        with new_folder(target) as part:
            (part / "new").write_text("x")
        assert [path.name for path in target.iterdir()] == ["new"]
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_results_get_the_rights_that_any_new_file_gets(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    (tmp_path / "usual.txt").touch()
    with new_folder(tmp_path / "out") as part:
        (part / "new").write_text("x")
    write_file(tmp_path / "out.txt", b"x")
    for one, other in (("usual", "out"), ("usual.txt", "out.txt")):
        assert (tmp_path / one).stat().st_mode == (tmp_path / other).stat().st_mode


def test_file_is_refused_unless_it_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    refuse_file(path, b"^<!-- ours", "page of ours", force=False)
    path.write_bytes(b"")
    refuse_file(path, b"^<!-- ours", "page of ours", force=True)
    path.write_bytes(b"<!-- ours 1 -->")
    refuse_file(path, b"^<!-- ours", "page of ours", force=True)
    with pytest.raises(OutputError, match=r"page\.md: exists already - choose another file"):
        refuse_file(path, b"^<!-- ours", "page of ours", force=False)


def test_file_of_others_is_refused_in_spite_of_force(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    # The mark stands beyond the beginning that is looked at.
    path.write_bytes(b" " * 4096 + b"<!-- ours")
    with pytest.raises(OutputError, match=r"page\.md: exists, and is no page of ours"):
        refuse_file(path, b"<!-- ours", "page of ours", force=True)
