"""The requirements of pyproject.toml."""

from __future__ import annotations

import re
import tomllib

from tests.conftest import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [*PROJECT["dependencies"], *(need for own in EXTRAS.values() for need in own)]


def test_every_requirement_has_a_floor_and_a_ceiling() -> None:
    assert len(REQUIREMENTS) > 20
    bounded = re.compile(r"[\w.-]+(\[\w+\])?(>=[\d.]+,<\d+|==[\d.]+)")
    own = f"{PROJECT['name']}["
    assert [r for r in REQUIREMENTS if not r.startswith(own) and not bounded.fullmatch(r)] == []
