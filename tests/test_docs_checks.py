"""docs/checks is what the code says."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from curate.checks import CHECKS
from curate.faults import FAULTS
from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_checks", REPOSITORY / "docs/make_checks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_those_that_the_code_makes(maker: ModuleType) -> None:
    there = {path.name: path.read_bytes() for path in (REPOSITORY / "docs/checks").iterdir()}
    assert there == maker.pages(), "run python docs/make_checks.py"


def test_each_code_has_its_family(maker: ModuleType) -> None:
    assert {code.partition("-")[0] for code in (*CHECKS, *FAULTS)} == set(maker.FAMILIES)


def test_an_example_of_two_boxes_in_an_image_is_a_scene(maker: ModuleType) -> None:
    found = maker.scene("car 10 10 50 50 and van 80 10 120 50.5 in a 640 x 480 image")
    assert found.image == {"image_width": 640, "image_height": 480}
    assert found.boxes == (
        {"x1": 10.0, "y1": 10.0, "x2": 50.0, "y2": 50.0, "label": "car"},
        {"x1": 80.0, "y1": 10.0, "x2": 120.0, "y2": 50.5, "label": "van"},
    )


def test_words_without_boxes_are_no_scene(maker: ModuleType) -> None:
    assert maker.scene("names person, car; boxes of both") is None
