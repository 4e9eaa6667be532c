"""Every export of the real app against what the app held in memory just before it."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pytest

from curate.formats import makesense
from curate.tree import open_tree

OF_FORMAT = {
    "yolo": "rects", "voc": "rects", "rect_csv": "rects", "point_csv": "points",
    "line_csv": "lines", "polygon_vgg": "polygons", "tag_csv": "tags", "tag_json": "tags",
}  # fmt: skip
SHAPES = {"rects": "box", "points": "point", "lines": "line", "polygons": "polygon", "tags": "tag"}
# Where two images have one member's name, the last one's boxes are left (makesense.md, 7).
ONE_PER = {"yolo": lambda n: PurePosixPath(n).stem, "voc": lambda n: PurePosixPath(n).stem,
           "polygon_vgg": lambda n: n}  # fmt: skip
# Boxes of od_import_coco that stick out, or whose centre is outside: the app distorts them in YOLO.
STICKING_OUT = {("IMG_0001", 1), ("IMG_0001", 2), ("street view 02", 1)}
EDGES = ["x1", "y1", "x2", "y2"]


def corners(kind, item):
    if kind == "rects":
        x, y = item["x"], item["y"]
        return x, y, x + item["width"], y + item["height"]
    if kind == "points":
        return item["x"], item["y"], item["x"], item["y"]
    if kind == "lines":
        return item["x1"], item["y1"], item["x2"], item["y2"]
    xs, ys = zip(*item["vertices"], strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def expected(own, fmt, kind):
    """Image name, class (None: none) and corners in px of each record that the app exports."""
    what = OF_FORMAT[fmt]
    if (kind, fmt) == ("od_unseen", "polygon_vgg"):
        # The boxes were imported once more as polygons before this export.
        what = "rects"
    images = [i for i in own["images"] if i["loadStatus"] and i.get(what)]
    if fmt in ONE_PER:
        images = list({ONE_PER[fmt](i["file"]): i for i in images}.values())
    records = []
    for image in images:
        for item in image[what]:
            if what == "tags":
                records.append((image["file"], item, (np.nan,) * 4))
                continue
            is_dangling = isinstance(item["label"], dict)
            is_none = item["label"] is None
            is_kept = not (is_dangling or is_none)
            is_kept |= is_dangling and fmt in ("yolo", "rect_csv")
            is_kept |= is_none and fmt == "yolo" and kind.startswith("legacy")
            if is_kept:
                label = item["label"] if isinstance(item["label"], str) else None
                records.append((image["file"], label, corners(what, item)))
    return records


def options_for(fmt, kind, own, app_sizes, pictures):
    options = {}
    if fmt == "yolo":
        sizes = app_sizes
        if kind == "od_unseen":
            # The pictures of this kind are 160 + i px wide and 120 high, as their CSV says.
            sizes = {f"frame_{i:03}.jpg": (160 + i, 120) for i in range(60)}
        if kind == "od_dupnames":
            sizes = {"cam2/cam.jpg": (800, 600)}
        if kind == "od_oddnames":
            sizes = {name: wh for name, wh in app_sizes.items() if name != "pair.jpg"}
        options = {"pictures": pictures(sizes), "classes": tuple(own["labels"])}
    if fmt == "tag_csv":
        options = {"classes": tuple(own["labels"])}
    if (kind, fmt) == ("legacy_rect_1.8.0", "rect_csv"):
        options = {"kind": "rect"}
    return options


def test_boxes_and_classes_equal_those_in_the_app(export, truth, read_app, app_sizes, pictures):
    kind, fmt = export
    own = truth[kind]
    dataset = read_app(kind, fmt, **options_for(fmt, kind, own, app_sizes, pictures))
    wanted = expected(own, fmt, kind)
    boxes = dataset.boxes.merge(dataset.images[["image_id", "image_key", "width", "height"]])
    names = [PurePosixPath(n).stem if fmt == "yolo" else n for n, _, _ in wanted]
    keys = [key.removeprefix("s/").partition("#")[0] for key in boxes["image_key"]]
    assert keys == names
    assert boxes["label"].astype(object).where(boxes["label"].notna(), None).tolist() == [
        label for _, label, _ in wanted
    ]
    assert (boxes["shape"] == SHAPES[OF_FORMAT[fmt]]).all()
    off = np.abs(boxes[EDGES].to_numpy() - np.array([c for _, _, c in wanted]).reshape(-1, 4))
    off[np.isnan(off)] = 0 if OF_FORMAT[fmt] == "tags" else np.inf
    if fmt == "yolo":
        assert_yolo_fits(boxes, names, off, kind, dataset)
        return
    # makesense.md, 12: VOC 0.5 px per edge; CSV 0.5 px per number, so 1 px where two are added.
    limit = {"voc": [0.5] * 4, "rect_csv": [0.5, 0.5, 1, 1], "polygon_vgg": [0] * 4}
    assert (off <= np.array(limit.get(fmt, [0.5] * 4)) + 1e-9).all()


def assert_yolo_fits(boxes, names, off, kind, dataset):
    sides = boxes[["width", "height", "width", "height"]].to_numpy(float)
    fits = (off <= 1e-6 * sides + 1e-9).all(axis=1)
    places = [(name, names[:row].count(name)) for row, name in enumerate(names)]
    bent = {place for place, fit in zip(places, fits, strict=True) if not fit}
    assert bent == (STICKING_OUT if kind == "od_import_coco" else set())
    said = [m for ids in dataset.findings.query("check == 'SRC-016'")["members"] for m in ids]
    assert set(boxes.loc[~fits, "box_id"]) <= set(said)


@pytest.mark.parametrize(
    ("kind", "fmt", "wanted"),
    [
        ("od_noclass", "voc", {"SRC-010": [1, 2], "SRC-017": [None]}),
        ("od_noclass", "point_csv", {"SRC-010": [1]}),
        ("od_noclass", "line_csv", {"SRC-010": [1]}),
        ("od_deleted_class", "yolo", {"SRC-009": [None, None]}),
        ("od_deleted_class", "voc", {"SRC-010": [1]}),
        ("od_deleted_class", "rect_csv", {"SRC-009": [None, None]}),
        ("od_deleted_class", "point_csv", {"SRC-010": [1]}),
        ("od_deleted_class", "polygon_vgg", {"SRC-010": [1]}),
        ("od_oddnames", "voc", {"SRC-014": [None]}),
        ("od_dupnames", "rect_csv", {"IMG-006": [None]}),
        ("legacy_rect_1.8.0", "yolo", {"SRC-009": [None] * 4}),
        ("legacy_rect_1.8.0", "voc", {"SRC-010": [1, 2], "SRC-017": [None]}),
        ("legacy_rect_1.8.0", "rect_csv", {"SRC-010": [2]}),
    ],
)
def test_what_the_app_drops_or_leaves_without_class_is_said(
    kind, fmt, wanted, truth, read_app, app_sizes, pictures
):
    dataset = read_app(kind, fmt, **options_for(fmt, kind, truth[kind], app_sizes, pictures))
    said = {
        code: sorted((None if np.isnan(v) else v for v in rows["value"]), key=str)
        for code, rows in dataset.findings.groupby("check")
        if code != "SRC-016"
    }
    assert said == wanted


@pytest.mark.parametrize(
    ("kind", "fmt"),
    [("tags_empty", fmt) for fmt in ("tag_csv", "tag_json")]
    + [("od_empty", fmt) for fmt in OF_FORMAT if not fmt.startswith("tag")],
)
def test_an_export_of_nothing_has_no_rows_and_says_so(kind, fmt, read_app, codes):
    dataset = read_app(kind, fmt)
    assert (len(dataset.images), len(dataset.boxes)) == (0, 0)
    assert codes(dataset) == {"SRC-018": 1}
    assert dataset.findings["level"].tolist() == ["info"]


def test_boxes_at_the_border_are_members_of_one_finding(read_app, app_sizes, pictures, truth):
    dataset = read_app("od_import_coco", "yolo", pictures=pictures(app_sizes))
    (members,) = dataset.findings.query("check == 'SRC-016'")["members"]
    lines = dataset.boxes[dataset.boxes["box_id"].isin(members)]
    # The rows of `STICKING_OUT`, and the one box on the whole image (street view 02, line 1).
    assert sorted(zip(lines["file"], lines["line"], strict=True)) == [
        ("IMG_0001.txt", 2), ("IMG_0001.txt", 3),
        ("street view 02.txt", 1), ("street view 02.txt", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fmt", "code"),
    [
        ("od_oddnames", "yolo", "SRC-011"),
        ("od_oddnames", "voc", "SRC-010"),
        ("od_dupnames", "yolo", "SRC-011"),
        ("od_dupnames", "voc", "SRC-010"),
        ("od_dupnames", "polygon_vgg", "SRC-010"),
    ],
)
def test_pictures_of_one_stem_or_name_are_said(kind, fmt, code, read_app, app_sizes, pictures):
    twice = {"cam1/cam.jpg": (1280, 720), "cam2/cam.jpg": (800, 600)}
    dataset = read_app(kind, fmt, pictures=pictures(app_sizes | twice))
    findings = dataset.findings[dataset.findings["check"] == code]
    assert len(findings) == 1
    (image_id,) = findings["image_id"]
    boxes = dataset.boxes[dataset.boxes["image_id"] == image_id]
    assert boxes["x1"].isna().all() == (fmt == "yolo")


def test_only_the_images_that_the_app_showed_are_there(read_app):
    for fmt in ("voc", "rect_csv", "polygon_vgg"):
        assert len(read_app("od_unseen", fmt).images) == 20


@pytest.mark.parametrize("fmt", list(OF_FORMAT))
def test_each_format_is_of_its_kind(fmt, app_path):
    tree = open_tree(app_path("tags" if fmt.startswith("tag") else "od_main", fmt))
    kinds = {makesense.kind_of(tree, name) for name in makesense.claims(tree)}
    named = {"yolo": "rect-yolo", "voc": "rect-voc", "polygon_vgg": "vgg"}
    assert kinds == {named.get(fmt, fmt.replace("_", "-"))}


def test_declared_sizes_are_those_of_the_upright_image(read_app):
    images = read_app("od_main", "voc").images
    turned = images[images["image_key"] == "s/IMG_rot6.JPG"]
    assert turned[["declared_width", "declared_height"]].values.tolist() == [[480, 640]]


def test_every_span_holds_its_record(export, truth, read_app, app_sizes, pictures):
    kind, fmt = export
    dataset = read_app(kind, fmt, **options_for(fmt, kind, truth[kind], app_sizes, pictures))
    begins = {"voc": b"<object>", "polygon_vgg": b'{"shape_attributes"', "tag_json": b'"'}
    ends = {"voc": b"</object>", "polygon_vgg": b"}}", "tag_json": b'"'}
    for _, box in dataset.boxes.iterrows():
        body = dataset.sources.read(box["file"])
        record = body[box["start"] : box["end"]]
        assert record.startswith(begins.get(fmt, b""))
        assert record.endswith(ends.get(fmt, b""))
        assert body.count(b"\n", 0, box["start"]) + 1 == box["line"]
        if fmt not in begins:
            assert record == body.split(b"\n")[box["line"] - 1]
