"""Source bytes come back from their packed form as they went in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import sources
from curate.errors import DatasetError
from curate.sources import MemorySources, PackedSources, write_sources


@given(files=st.dictionaries(st.text("abc/é", min_size=1, max_size=6), st.binary(max_size=70)))
def test_every_span_of_every_file_comes_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "BLOCK_BYTES", 16)
        write_sources(MemorySources(files), folder)
    packed = PackedSources(folder)
    assert packed.names() == sorted(files)
    for name, body in files.items():
        assert packed.read(name) == body
        for start, end in ((0, 1), (3, 40), (len(body) // 2, len(body)), (5, 5)):
            assert packed.span(name, start, end) == body[start:end]


def test_the_packed_file_is_plain_zstd(tmp_path: Path) -> None:
    write_sources(MemorySources({"b": b"two", "a": b"one"}), tmp_path)
    try:
        run = subprocess.run(
            ["zstd", "-dc", str(tmp_path / "blocks.zst")], capture_output=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("no zstd command here")
    assert run.stdout == b"onetwo"


def test_damaged_bytes_are_told(tmp_path: Path) -> None:
    write_sources(MemorySources({"a": b"x" * 1000}), tmp_path)
    path = tmp_path / "blocks.zst"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DatasetError, match="ingest the source again"):
        PackedSources(tmp_path).read("a")
