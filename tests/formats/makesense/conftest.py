"""Sources in memory and on disk, read with the reader of Make Sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.formats import makesense
from curate.formats.reading import KeptFiles, Options
from curate.sources import MemorySources
from curate.tree import open_tree

APP = Path(__file__).resolve().parents[2] / "cases" / "formats" / "makesense" / "app"
TRUTH: dict[str, Any] = json.loads((APP / "truth.json").read_text(encoding="utf-8"))
EXPORTS = [(kind, fmt) for kind, own in TRUTH["kinds"].items() for fmt in own["formats"]]


@dataclass(frozen=True)
class SizedPictures:
    """Pictures that are known by their upright sizes in px only."""

    sizes: dict[str, tuple[int, int]]

    def find(self, name: str) -> list[str]:
        wanted = name.casefold()
        return [
            path
            for path in self.sizes
            if wanted in (path.casefold(), *(f(PurePosixPath(path)) for f in (_name, _stem)))
        ]

    def size(self, path: str) -> tuple[int, int]:
        return self.sizes[path]


def _name(path: PurePosixPath) -> str:
    return path.name.casefold()


def _stem(path: PurePosixPath) -> str:
    return path.stem.casefold()


@pytest.fixture
def pictures() -> Callable[..., Any]:
    """Pictures of the given names and upright sizes."""
    return lambda sizes: SizedPictures(sizes)


@pytest.fixture
def files() -> Callable[[dict[str, str | bytes]], KeptFiles]:
    """Files in memory, given as a dict of name to text or bytes."""
    return _files


def _files(contents: dict[str, str | bytes]) -> KeptFiles:
    bodies = {n: c.encode() if isinstance(c, str) else c for n, c in contents.items()}
    return KeptFiles(MemorySources(bodies))


@pytest.fixture
def read() -> Callable[..., Dataset]:
    """Reads files in memory; keywords are those of `Options`."""

    def read_files(contents: dict[str, str | bytes], **options: Any) -> Dataset:
        kept = _files(contents)
        names = makesense.claims(kept)
        return assemble("s", makesense.gather(kept, names, Options(**options)))

    return read_files


@pytest.fixture
def claims() -> Callable[[dict[str, str | bytes]], list[str]]:
    """The names that are claimed among files in memory."""
    return lambda contents: makesense.claims(_files(contents))


@pytest.fixture
def kind_of() -> Callable[[str, str | bytes], str | None]:
    """The kind of one file of a name and a text or bytes."""
    return lambda name, content: makesense.kind_of(_files({name: content}), name)


@pytest.fixture
def app_path() -> Callable[[str, str], Path]:
    """The file of one export of the app."""
    return _app_path


def _app_path(kind: str, fmt: str) -> Path:
    (path,) = (APP / kind).glob(f"{fmt}.*")
    return path


@pytest.fixture
def read_app() -> Callable[..., Dataset]:
    """Reads one export of the app; keywords are those of `Options`."""

    def read_export(export_kind: str, fmt: str, **options: Any) -> Dataset:
        tree = open_tree(_app_path(export_kind, fmt))
        names = makesense.claims(tree)
        return assemble("s", makesense.gather(tree, names, Options(**options)))

    return read_export


@pytest.fixture
def app_sizes() -> dict[str, tuple[int, int]]:
    """The upright sizes in px of the pictures that the exports were made from."""
    return {i["file"]: (i["display_width"], i["display_height"]) for i in TRUTH["images"]}


@pytest.fixture(params=EXPORTS, ids=["-".join(export) for export in EXPORTS])
def export(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Each export of the app in turn: its kind and format."""
    return request.param


@pytest.fixture
def truth() -> dict[str, Any]:
    """What the app held before each kind was exported."""
    return TRUTH["kinds"]


@pytest.fixture
def codes() -> Callable[[Dataset], dict[str, int]]:
    """The number of findings per check code."""

    def counted(dataset: Dataset) -> dict[str, int]:
        counts = dataset.findings["check"].value_counts().sort_index()
        return {str(code): int(count) for code, count in counts.items()}

    return counted
