"""What of an earlier set is used again: whole files only, and never those of somebody else."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from curate.crops.earlier import Earlier, are_whole, link
from curate.crops.pieces import RESULTS
from curate.errors import OutputError


def results(path: str | None, n_bytes: int | None, offset: int | None = None) -> pa.Table:
    row = {"crop_id": "0" * 16, "path": path, "n_bytes": n_bytes, "offset": offset}
    return pa.Table.from_pylist([row], RESULTS)


@pytest.mark.parametrize(
    ("row", "is_whole"),
    [
        (("a.jpg", 10, None), True),
        (("a.jpg", 9, None), False),  # longer than it was
        (("a.jpg", 11, None), False),
        (("b.jpg", 10, None), False),
        (("a.jpg", 4, 6), True),  # the last 4 bytes of a shard of 10
        (("a.jpg", 4, 7), False),
        ((None, None, None), True),  # a lost crop has no file
    ],
)
def test_a_file_is_whole_when_it_has_the_bytes_that_it_had(tmp_path, row, is_whole) -> None:
    (tmp_path / "a.jpg").write_bytes(b"0123456789")
    assert are_whole(tmp_path, results(*row)) == is_whole


def test_a_linked_file_takes_the_place_of_an_older_one(tmp_path) -> None:
    (tmp_path / "old").write_text("new text")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "new").write_text("text")
    link(tmp_path / "old", tmp_path / "there" / "new")
    assert (tmp_path / "there" / "new").read_text() == "new text"


def test_a_file_is_copied_where_it_cannot_be_linked(tmp_path, monkeypatch) -> None:
    def refused(old: Path, new: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", refused)
    (tmp_path / "old").write_text("text")
    link(tmp_path / "old", tmp_path / "new")
    assert (tmp_path / "new").read_text() == "text"


def test_no_set_has_no_results_and_is_not_whole(tmp_path) -> None:
    earlier = Earlier(tmp_path / "none")
    earlier.refuse_strangers()
    assert not earlier.is_whole()
    assert not earlier.is_one_part([1])


def test_files_of_somebody_else_are_named_and_kept(tmp_path) -> None:
    import pyarrow.parquet as pq

    table = pa.table({"path": pa.array(["train/cat/0.jpg", None], pa.string())})
    pq.write_table(table, tmp_path / "manifest.parquet")
    for name in ("train/cat/0.jpg", "train/cat/notes.txt", "model.pt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    with pytest.raises(OutputError, match=r"did not write: model\.pt, train/cat/notes\.txt - move"):
        Earlier(tmp_path).refuse_strangers()
