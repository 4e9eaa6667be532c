"""What the tests of several formats share."""

from __future__ import annotations

import pytest


@pytest.fixture
def source(tmp_path):
    """Writes files into the folder `source`; gives its path, or that of the only file."""

    def write(files, *, folder=True):
        root = tmp_path / "source"
        root.mkdir()
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root if folder else root / next(iter(files))

    return write
