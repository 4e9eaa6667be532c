from __future__ import annotations

import tarfile

import pytest

from curate.crops.shards import write_shard

CROPS = [("0a", ".jpg", "person", b"x" * 700), ("0b", ".jpg", "weapon é", b"")]


def test_a_shard_holds_picture_and_label_of_each_crop(tmp_path) -> None:
    write_shard(tmp_path / "s.tar", CROPS)
    with tarfile.open(tmp_path / "s.tar") as tar:
        found = {m.name: tar.extractfile(m).read() for m in tar}
    assert found == {
        "0a.jpg": b"x" * 700,
        "0a.txt": b"person",
        "0b.jpg": b"",
        "0b.txt": "weapon é".encode(),
    }


def test_offsets_are_the_first_bytes_of_the_pictures(tmp_path) -> None:
    offsets = write_shard(tmp_path / "s.tar", CROPS)
    with tarfile.open(tmp_path / "s.tar") as tar:
        assert offsets == [m.offset_data for m in tar if m.name.endswith(".jpg")]


def test_equal_crops_are_equal_bytes(tmp_path) -> None:
    write_shard(tmp_path / "a.tar", CROPS)
    write_shard(tmp_path / "b.tar", CROPS)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_a_shard_that_fails_leaves_nothing(tmp_path) -> None:
    def crops():
        yield CROPS[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_shard(tmp_path / "s.tar", crops())
    assert list(tmp_path.iterdir()) == []
