"""Schemas and rules are found in a checkout, and reach the wheel."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

from curate.resources import rules_folder, schema_text
from tests.conftest import REPOSITORY

SCHEMAS = sorted(path.name for path in (REPOSITORY / "schemas").glob("*.json"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_a_schema_with_descriptions(name: str) -> None:
    schema = json.loads(schema_text(name))
    jsonschema.Draft202012Validator.check_schema(schema)
    closed = schema.get("additionalProperties"), schema.get("unevaluatedProperties")
    assert False in closed
    assert schema["description"]


def test_the_rules_are_found() -> None:
    assert rules_folder() == REPOSITORY / "rules"


@pytest.mark.slow
def test_schemas_and_rules_reach_the_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path)]
    subprocess.run([*command, str(REPOSITORY)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for name in SCHEMAS:
        assert f"curate/_resources/schemas/{name}" in names
    assert any(name.startswith("curate/_resources/rules/") for name in names)
