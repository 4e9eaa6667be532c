import math
from itertools import combinations

import pytest
from PIL import Image, ImageOps

from curate.demo.draw import encode
from curate.demo.labels import SOURCES, clean_pages
from curate.demo.plant import as_stored
from curate.demo.scene import LABELS, plan_orphan, plan_scenes
from tests.demo.plain_audit import intersection

SEEDS = range(12)


def sides(box):
    return box[2] - box[0], box[3] - box[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_plan_holds_the_rules_of_clean_truth(seed):
    scenes = plan_scenes(seed)
    for scene in scenes:
        for thing in scene.objects:
            x1, y1, x2, y2 = thing.box
            assert 0 <= x1 < x2 <= scene.width
            assert 0 <= y1 < y2 <= scene.height
            assert min(sides(thing.box)) >= 8
            assert math.prod(sides(thing.box)) <= 0.9 * scene.width * scene.height
            assert thing.label in LABELS
    assert_pairs_are_apart(clean_pages(scenes, seed)["street_coco"], max_iou=0.6, max_inside=0.9)


@pytest.mark.parametrize("seed", SEEDS)
def test_second_annotator_keeps_the_limits_of_the_checks(seed):
    pages = clean_pages(plan_scenes(seed), seed)["street_voc"]
    assert_pairs_are_apart(pages, max_iou=0.8, max_inside=0.95)
    for page in pages:
        for record in page.records:
            x1, y1, x2, y2 = record.box
            assert 0 <= x1 < x2 <= page.width
            assert 0 <= y1 < y2 <= page.height
            assert all(abs(a - b) <= 2.5 for a, b in zip(record.box, record.thing.box, strict=True))


def assert_pairs_are_apart(pages, *, max_iou, max_inside):
    for page in pages:
        for a, b in combinations(page.records, 2):
            shared = intersection(a.box, b.box)
            size_a, size_b = math.prod(sides(a.box)), math.prod(sides(b.box))
            overlap = shared / (size_a + size_b - shared)
            if a.label == b.label:
                assert overlap < max_iou
                assert shared < max_inside * min(size_a, size_b)
            else:
                assert overlap <= 0.8


@pytest.mark.parametrize("seed", SEEDS)
def test_set_has_what_was_asked_for(seed):
    scenes = plan_scenes(seed)
    assert sum(not scene.objects for scene in scenes) == 2
    assert {scene.exif_orientation for scene in scenes} == {1, 3, 6, 8}
    assert sum(scene.exif_orientation != 1 for scene in scenes) >= 4
    assert {scene.night for scene in scenes} == {True, False}
    assert sum("," in scene.name for scene in scenes) == 1
    assert sum(" " in scene.name and not scene.name.isascii() for scene in scenes) == 1
    assert len({scene.name for scene in [*scenes, plan_orphan(seed)]}) == len(scenes) + 1
    assert {thing.label for scene in scenes for thing in scene.objects} == set(LABELS)


def test_what_is_nearer_is_larger_and_lower():
    for scene in plan_scenes(0):
        persons = [t for t in scene.objects if t.label == "person" and not t.members]
        heights = [thing.full[3] - thing.full[1] for thing in persons]
        feet = [thing.full[3] for thing in persons]
        assert heights == sorted(heights)
        assert feet == sorted(feet)


def test_pictures_open_upright_at_the_planned_size(street):
    harmed = {r["image"] for r in street.truth["planted"] if r["check"] in ("IMG-001", "IMG-003")}
    for scene in plan_scenes(0):
        if scene.name in harmed:
            continue
        with Image.open(street.folder / "images" / scene.name) as picture:
            assert picture.getexif().get(0x0112, 1) == scene.exif_orientation
            assert ImageOps.exif_transpose(picture).size == (scene.width, scene.height)
            is_turned = scene.exif_orientation in (6, 8)
            stored = (scene.height, scene.width) if is_turned else (scene.width, scene.height)
            assert picture.size == stored


@pytest.mark.parametrize("orientation", [6, 8])
def test_stored_frame_shows_the_same_pixels(tmp_path, orientation):
    """A box in the stored frame cuts the same thing out of the file as the upright box does."""
    place, scene = next(
        (i, s) for i, s in enumerate(plan_scenes(0)) if s.exif_orientation == orientation
    )
    (tmp_path / "a.jpg").write_bytes(encode(scene))
    page = clean_pages(plan_scenes(0), 0)["street_voc"][place]
    turned = as_stored(page)
    turn = {6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}[orientation]
    with Image.open(tmp_path / "a.jpg") as stored:
        assert stored.size == (turned.width, turned.height)
        upright = ImageOps.exif_transpose(stored)
        for before, after in zip(page.records, turned.records, strict=True):
            shown = upright.crop(tuple(map(int, before.box)))
            assert (
                stored.crop(tuple(map(int, after.box))).transpose(turn).tobytes() == shown.tobytes()
            )


def test_all_sources_are_made():
    assert set(clean_pages(plan_scenes(0), 0)) == set(SOURCES)
