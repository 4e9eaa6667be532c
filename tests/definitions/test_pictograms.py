"""Pictograms: each phenomenon of the shipped definitions has one that a browser can draw."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from curate.definitions.drawn_boxes import ROLE_COLOURS
from curate.definitions.loading import load
from curate.definitions.pictogram_figures import COLOURS, FIGURES, PALETTES, PICTOGRAMS
from curate.definitions.pictograms import HEIGHT, WIDTH, pictogram

SVG = "{http://www.w3.org/2000/svg}"
DECIDED = [
    (part.label, one.name, one.role)
    for name in ("person", "head")
    for part in load([name]).parts[-1:]
    for one in part.decisions.values()
]


@pytest.mark.parametrize(("label", "name", "role"), DECIDED)
def test_each_decision_of_person_and_head_has_a_picture(label, name, role):
    picture = pictogram(label, name, role)
    assert picture is not None
    root = ElementTree.fromstring(picture)
    assert root.tag == f"{SVG}svg"
    colours = {node.get("stroke") for node in root.iter(f"{SVG}rect")}
    assert ROLE_COLOURS[role] in colours


@pytest.mark.parametrize("role", ROLE_COLOURS)
def test_box_of_a_picture_is_that_of_its_role(role):
    root = ElementTree.fromstring(pictogram("person", "statue", role) or "")
    (box,) = [n for n in root.iter(f"{SVG}rect") if n.get("stroke") == ROLE_COLOURS[role]]
    assert (box.get("stroke-dasharray") is None) == (role in ("include", "ignore"))
    # Hatching is the only path there is.
    assert bool(list(root.iter(f"{SVG}path"))) == (role == "ignore")


@pytest.mark.parametrize(("label", "name", "role"), DECIDED)
def test_boxes_lie_in_the_picture(label, name, role):
    for line in PICTOGRAMS[f"{label}.{name}"].splitlines():
        kind, *points = line.split()
        if kind in ("box", "own"):
            (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in points)
            assert 0 <= x1 < x2 <= WIDTH
            assert 0 <= y1 < y2 <= HEIGHT


def test_phenomenon_without_a_figure_has_no_picture():
    assert pictogram("person", "seen_from_space", "include") is None
    assert pictogram(None, "statue", "ignore") is None


def test_every_picture_is_of_a_decision_and_every_figure_and_colour_is_used():
    assert set(PICTOGRAMS) == {f"{label}.{name}" for label, name, _ in DECIDED}
    words = " ".join([*PICTOGRAMS.values(), *FIGURES.values()]).split()
    assert set(FIGURES) <= set(words)
    drawn = {*words, *(to for palette in PALETTES.values() for to in palette.values())}
    # Those of the picture's own rectangle apart.
    assert set(COLOURS) - {"paper", "edge"} <= drawn
    assert set(PALETTES) <= set(words)
