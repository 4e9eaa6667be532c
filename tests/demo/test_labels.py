import json
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

from curate.demo.figures import OUTLINES, STROKES, outline
from curate.demo.labels import clean_pages, detections, render
from curate.demo.scene import plan_scenes
from tests.demo.plain_audit import shoelace


@pytest.fixture(scope="module")
def clean():
    return clean_pages(plan_scenes(0), 0)


@pytest.fixture(scope="module")
def coco(clean):
    return json.loads(render("street_coco", clean["street_coco"])["instances.json"])


def test_polygons_fill_their_boxes_and_state_their_area(coco):
    drawn = [a for a in coco["annotations"] if isinstance(a.get("segmentation"), list)]
    assert len(drawn) > 30
    for annotation in drawn:
        (flat,) = annotation["segmentation"]
        x, y, w, h = annotation["bbox"]
        assert (min(flat[0::2]), min(flat[1::2])) == (x, y)
        assert (max(flat[0::2]), max(flat[1::2])) == (x + w, y + h)
        assert annotation["area"] == shoelace(flat) > 0


def test_boxes_without_a_polygon_state_their_own_area(coco):
    plain = [a for a in coco["annotations"] if "segmentation" not in a]
    assert len(plain) > 30
    for annotation in plain:
        assert annotation["area"] == annotation["bbox"][2] * annotation["bbox"][3]


def test_ids_count_from_one(coco):
    ids = [annotation["id"] for annotation in coco["annotations"]]
    assert ids == list(range(1, len(ids) + 1))
    assert [category["id"] for category in coco["categories"]] == [1, 2, 3, 4]


def test_crowd_is_column_major_rle_of_its_box(coco):
    (crowd,) = [a for a in coco["annotations"] if a["iscrowd"]]
    height, width = crowd["segmentation"]["size"]
    image = next(i for i in coco["images"] if i["id"] == crowd["image_id"])
    assert (height, width) == (image["height"], image["width"])
    counts = crowd["segmentation"]["counts"]
    assert sum(counts) == height * width
    values = np.repeat(np.arange(len(counts)) % 2, counts)
    mask = values.reshape(width, height).T
    rows, columns = np.nonzero(mask)
    x, y, w, h = crowd["bbox"]
    assert (columns.min(), rows.min()) == (x, y)
    assert (columns.max() + 1, rows.max() + 1) == (x + w, y + h)
    assert crowd["area"] == mask.sum()


def test_crowd_is_dontcare_in_kitti_and_absent_elsewhere(clean):
    texts = {source: "\n".join(render(source, pages).values()) for source, pages in clean.items()}
    assert texts["street_kitti"].count("DontCare") == 1
    n_things = sum(len(scene.objects) for scene in plan_scenes(0))
    assert texts["street_voc"].count("<object>") == n_things - 1
    assert texts["street_makesense"].count("\n") == n_things - 1


def test_empty_pictures_have_label_files_that_say_so(clean, coco):
    empty = [scene.name for scene in plan_scenes(0) if not scene.objects]
    kitti, voc = (render(source, clean[source]) for source in ("street_kitti", "street_voc"))
    for name in empty:
        stem = name.removesuffix(".jpg")
        assert kitti[f"label_2/{stem}.txt"] == ""
        assert "<object>" not in voc[f"Annotations/{stem}.xml"]
        assert name in [image["file_name"] for image in coco["images"]]


def test_one_box_in_four_formats(clean):
    """The first thing of the first picture, worked out by hand from the format descriptions."""
    first = {source: pages[0].records[0] for source, pages in clean.items()}
    x1, y1, x2, y2 = first["street_coco"].box
    coco = render("street_coco", clean["street_coco"])["instances.json"]
    assert f'"bbox": [{x1}, {y1}, {x2 - x1}, {y2 - y1}]' in coco
    kitti = render("street_kitti", clean["street_kitti"])["label_2/street_00.txt"]
    assert f" {x1:.2f} {y1:.2f} {x2:.2f} {y2:.2f} -1 " in kitti
    voc = render("street_voc", clean["street_voc"])["Annotations/street_00.xml"]
    bx1, _, bx2, _ = first["street_voc"].box
    assert re.search(r"<xmin>(\d+)", voc)[1] == str(int(bx1) + 1)
    assert re.search(r"<xmax>(\d+)", voc)[1] == str(int(bx2))
    rows = render("street_makesense", clean["street_makesense"]).popitem()[1].split("\n")
    row = next(row for row in rows if "street_00.jpg" in row)
    numbers = [int(np.floor(v + 0.5)) for v in (x1, y1, x2 - x1, y2 - y1)]
    assert row.startswith(f"car,{','.join(map(str, numbers))},street_00.jpg,640,360")


def test_makesense_orders_names_as_the_app_does(clean):
    names = [page.name for page in clean["street_makesense"]]
    assert names == sorted(names, key=lambda name: name.encode("utf-16-be"))


def test_detections_name_known_images_and_classes(clean, coco):
    rows = json.loads(detections(clean["street_coco"], 0))
    images = {image["id"]: image for image in coco["images"]}
    assert len(rows) > 100
    for row in rows:
        x, y, w, h = row["bbox"]
        image = images[row["image_id"]]
        assert 0 <= row["score"] <= 1
        assert row["category_id"] in (1, 2, 3, 4)
        assert w > 0
        assert h > 0
        assert x >= 0
        assert y >= 0
        assert x + w <= image["width"] + 0.01
        assert y + h <= image["height"] + 0.01


def test_every_figure_has_an_outline_on_all_four_sides():
    assert set(OUTLINES) == set(STROKES)
    for scene in plan_scenes(0):
        for thing in scene.objects:
            xs, ys = zip(*outline(thing), strict=True)
            assert (min(xs), min(ys), max(xs), max(ys)) == thing.full


def test_outlines_do_not_cross_themselves():
    """The shoelace area of a ring that crosses itself differs from what it fills."""
    for look, text in OUTLINES.items():
        points = [tuple(float(v) * 8 for v in pair.split(",")) for pair in text.split()]
        canvas = Image.new("1", (801, 801))
        ImageDraw.Draw(canvas).polygon(points, fill=1)
        filled = np.asarray(canvas).sum()
        flat = [value for point in points for value in point]
        assert filled == pytest.approx(shoelace(flat), rel=0.03), look
