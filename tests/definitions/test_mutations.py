"""Definition files that are damaged anywhere load, or are refused with their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.definitions.files import shipped
from curate.definitions.loading import load
from curate.definitions.scenes import scene_faults
from curate.errors import CurateError
from curate.resources import rules_folder

# What hands and tools put in the place of something.
_PIECES = (
    "", " ", "\t", ":", "- ", "'", '"', "null", "true", "no", "0", "-1", "1e999", ".nan", "[]",
    "[", "}", "#", "&a ", "*a", "!!int ", "x1", "x", "'person'", "is null", "/ 0", "(", "\x00",
    "\ud7ff", "@^9.9", "|", ">", "%", "2001-99-99", "Q-NONE", "VIS-001", "\n", "\n  ",
)  # fmt: skip


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    for path in rules_folder().glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@given(
    name=st.sampled_from(shipped()),
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(_PIECES)),
        min_size=1,
        max_size=3,
    ),
)
def test_a_damaged_file_loads_or_is_refused_with_its_place(copies, name, cuts) -> None:
    path = copies / f"{name}.yaml"
    whole = (rules_folder() / path.name).read_text(encoding="utf-8")
    text = whole
    for share, n_gone, piece in cuts:
        at = int(share * len(text))
        text = text[:at] + piece + text[at + n_gone :]
    path.write_text(text, encoding="utf-8")
    refused = None
    try:
        scene_faults(load([path]))
    except CurateError as error:
        refused = error
    finally:
        path.write_text(whole, encoding="utf-8")
    assert refused is None or (refused.what and refused.place is not None and refused.place.file)
