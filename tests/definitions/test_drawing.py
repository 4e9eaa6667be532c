"""Drawn scenes: boxes where they are, what is small enlarged, nothing that a page can break on."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from curate.definitions.drawing import draw
from curate.definitions.drawn_boxes import BAD, GOOD, ROLE_COLOURS
from curate.definitions.files import shipped
from curate.definitions.loading import load
from curate.definitions.model import Scene

SVG = "{http://www.w3.org/2000/svg}"
BOX = {"x1": 100, "y1": 120, "x2": 200, "y2": 330}
MASK = {"mask_x1": 108, "mask_y1": 120, "mask_x2": 200, "mask_y2": 330}
SCENES = [
    pytest.param(scene, clause.record, id=f"{clause.id}-{scene.note}")
    for name in shipped()
    for clause in load([name]).parts[-1].clauses
    for scene in (*clause.examples, *clause.counter_examples)
]


def drawn(*boxes, record="box", is_right=True, image=None, values=None):
    scene = Scene("a note", image or {}, boxes, values or {})
    return ElementTree.fromstring(draw(scene, record, is_right=is_right))


def rectangles(root, colour):
    """The edges of the rectangles of a colour in the overview: x, y, width, height."""
    panel = root.find(f"{SVG}svg")
    found = [n for n in panel.iter(f"{SVG}rect") if n.get("stroke") == colour]
    return [tuple(float(n.get(k)) for k in ("x", "y", "width", "height")) for n in found]


def panels(root):
    return [[float(v) for v in n.get("viewBox").split()] for n in root.findall(f"{SVG}svg")]


def words(root):
    return [node.text for node in root.iter(f"{SVG}text")]


@pytest.mark.parametrize(("scene", "record"), SCENES)
def test_every_shipped_scene_is_drawn_alike_each_time(scene, record):
    picture = draw(scene, record, is_right=True)
    assert picture == draw(scene, record, is_right=True)
    ElementTree.fromstring(picture)
    assert "nan" not in picture
    # Nothing on the page may have the same id twice.
    assert " id=" not in picture


def test_box_is_drawn_at_its_edges():
    assert rectangles(drawn(BOX), GOOD) == [(100, 120, 100, 210)]
    assert rectangles(drawn(BOX, is_right=False), BAD) == [(100, 120, 100, 210)]


def test_image_has_its_size_and_640_by_480_without():
    root = drawn(BOX)
    canvas = [n for n in root.iter(f"{SVG}rect") if (n.get("x"), n.get("y")) == ("0", "0")]
    assert (canvas[0].get("width"), canvas[0].get("height")) == ("640", "480")
    root = drawn(BOX, image={"image_width": 1920, "image_height": 1080})
    canvas = [n for n in root.iter(f"{SVG}rect") if (n.get("x"), n.get("y")) == ("0", "0")]
    assert (canvas[0].get("width"), canvas[0].get("height")) == ("1920", "1080")


def test_what_lies_outside_is_seen_up_to_a_limit():
    (x, _, width, _), *_ = panels(drawn(BOX | {"x2": 700}))
    assert x < 0
    assert x + width > 700
    (x, _, width, _), *_ = panels(drawn(BOX | {"x2": 100_000}))
    assert x + width < 2 * 640


def test_of_a_pair_both_are_judged_and_of_others_the_first():
    other = BOX | {"x1": 300, "x2": 400}
    assert len(rectangles(drawn(BOX, other, record="pair"), GOOD)) == 2
    assert rectangles(drawn(BOX, other), GOOD) == [(100, 120, 100, 210)]


def test_ignored_box_is_hatched():
    paths = {role: list(drawn(BOX | {"role": role}).iter(f"{SVG}path")) for role in ROLE_COLOURS}
    assert [role for role, found in paths.items() if found] == ["ignore"]


def test_outline_beside_a_box_is_dashed_and_named():
    root = drawn(BOX | MASK)
    dashed = [n for n in root.iter(f"{SVG}rect") if n.get("stroke-dasharray")]
    assert dashed[0].get("x") == "108"
    assert "outline" in words(root)


@pytest.mark.parametrize(
    ("box", "has_detail"),
    [
        (BOX | MASK, True),  # 8 px, which is 3 px of the picture
        (BOX | MASK | {"mask_x1": 130}, False),
        (BOX | {"x1": 560, "x2": 643}, True),
        (BOX | {"x1": 540, "x2": 640}, False),
        ({"x1": 300, "y1": 200, "x2": 304, "y2": 208}, True),
        (BOX, False),
    ],
)
def test_what_is_too_small_to_be_seen_is_enlarged(box, has_detail):
    assert (len(panels(drawn(box))) == 2) is has_detail


def test_detail_holds_the_distance_that_it_is_for():
    _, (x, _, width, _) = panels(drawn(BOX | MASK))
    assert x < 100 < 108 < x + width


def test_edges_in_the_wrong_order_are_named():
    root = drawn(BOX | {"x1": 200, "x2": 100})
    assert rectangles(root, GOOD) == [(100, 120, 100, 210)]
    assert {"left", "right"} <= set(words(root))


@pytest.mark.parametrize(
    "value", [None, float("nan"), float("inf"), 10**400], ids=["none", "nan", "inf", "huge"]
)
def test_edge_that_is_no_number_is_told_and_the_others_are_drawn(value):
    root = drawn(BOX | {"y2": value})
    assert len(list(root.iter(f"{SVG}line"))) == 3
    assert any(line.startswith("y2") for line in words(root))


def test_columns_that_no_picture_shows_are_told():
    told = words(drawn(BOX | {"visible_share": 0.1, "head_visible": False}))
    assert "visible share 0.1, head visible no" in told


def test_what_all_boxes_share_is_told_once():
    told = words(drawn(BOX | {"extent": "full"}, BOX | {"extent": "full", "score": 1}))
    assert [line for line in told if "extent" in line or "score" in line] == [
        "extent full", "second: score 1",
    ]  # fmt: skip


def test_record_without_boxes_shows_its_values():
    root = drawn(record="dataset", values={"n_detectors": 2})
    assert "n detectors 2" in words(root)
    assert panels(root) == []


def test_size_of_the_picture_stays_small_whatever_the_image_is():
    for image in ({"image_width": 1, "image_height": 9000}, {"image_width": 1e308}):
        root = drawn(BOX | {"role": "ignore"}, image=image)
        assert float(root.get("height")) < 800
        assert len(ElementTree.tostring(root)) < 50_000
