import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from curate.demo import draw_street


@dataclass(frozen=True)
class Street:
    folder: Path
    truth: dict


@pytest.fixture(scope="session")
def street(tmp_path_factory):
    """The street set of seed 0; read it only."""
    folder = tmp_path_factory.mktemp("street")
    return Street(folder, json.loads(draw_street(folder).read_text(encoding="utf-8")))
