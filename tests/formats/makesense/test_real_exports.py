"""Real exports of other people's projects, and the real pictures of the app's exports."""

from __future__ import annotations

import numpy as np
import pytest

from curate.assembly import assemble
from curate.formats import makesense
from curate.formats.reading import Options
from curate.tree import open_tree

EDGES = ["x1", "y1", "x2", "y2"]


@pytest.fixture
def read_real(real_data):
    def read(path, ending, options=None):
        tree = open_tree(real_data / path)
        names = [name for name in makesense.claims(tree) if name.endswith(ending)]
        return assemble("s", makesense.gather(tree, names, options or Options()))

    return read


def test_fifa_csv_and_xml_agree(read_real):
    table = read_real("makesense/fifa_csv_and_vocxml", ".csv")
    voc = read_real("makesense/fifa_csv_and_vocxml", ".xml")
    assert (table.findings["level"] == "error").sum() == 0
    assert (voc.findings["level"] == "error").sum() == 0
    assert (len(table.formats), len(voc.formats)) == (4, 4)
    assert len(table.boxes) == len(voc.boxes) == 163
    order = ["image_id", "label"]
    pairs = table.boxes.merge(voc.boxes, on=order, suffixes=("_csv", "_voc"))
    assert len(pairs) == 163
    off = np.abs(
        pairs[[f"{e}_csv" for e in EDGES]].to_numpy()
        - pairs[[f"{e}_voc" for e in EDGES]].to_numpy()
    )
    # data/README: 125 identical, 38 differ by 1 px.
    assert np.bincount(off.max(axis=1).astype(int)).tolist() == [125, 38]


def test_fifa_folder_is_listed_as_three_kinds(real_data):
    tree = open_tree(real_data / "makesense/fifa_csv_and_vocxml")
    kinds = {makesense.kind_of(tree, name) for name in makesense.claims(tree)}
    assert kinds == {"rect-csv", "rect-voc", "rect-yolo"}


def test_uma_rows_are_all_read(read_real, real_data):
    dataset = read_real("makesense/uma_csv", ".csv")
    (path,) = (real_data / "makesense/uma_csv").glob("*.csv")
    # 1,433 lines with the header.
    assert len(dataset.boxes) == len(path.read_bytes().rstrip().split(b"\n")) - 1 == 1432
    assert len(dataset.findings) == 0


def test_oct_polygons_are_all_read(read_real):
    dataset = read_real("makesense/vgg_json_oct", ".json")
    assert (len(dataset.images), len(dataset.boxes)) == (14, 43)
    assert set(dataset.boxes["shape"]) == {"polygon"}
    assert len(makesense.outlines(dataset)) == 43
    assert len(dataset.findings) == 0


def test_points_before_and_after_are_the_same_but_for_their_labels(read_real):
    root = "makesense/points_csv_before_after"
    before = read_real(f"{root}/real_csv_before_dropping_bad_rows_20260608", ".csv")
    after = read_real(f"{root}/real_csv_before_corner_remap_20260608", ".csv")
    assert len(before.boxes) == len(after.boxes) == 336 + 168 + 192
    assert (before.boxes[EDGES].to_numpy() == after.boxes[EDGES].to_numpy()).all()
    assert set(before.boxes["shape"]) == {"point"}
    assert (len(before.findings), len(after.findings)) == (0, 0)


def test_coco_exports_are_not_claimed(real_data):
    for folder in ("flakes_ws2_cocojson", "nocategory_cocojson"):
        assert makesense.claims(open_tree(real_data / "makesense" / folder)) == []


def test_turned_picture_is_measured_upright(real_data, read_app):
    images = pytest.importorskip("curate.images")
    pictures = images.open_pictures(real_data / "makesense_app" / "images")
    dataset = read_app("od_main", "yolo", pictures=pictures)
    turned = dataset.images.set_index("image_key").loc["s/IMG_rot6"]
    # Stored 640 x 480 with orientation 6.
    assert (turned["width"], turned["height"]) == (480, 640)
    assert not dataset.boxes[EDGES].isna().any(axis=None)
