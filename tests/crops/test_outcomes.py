"""Rows of crop sets: by a plain reference, on real detections, on the street set, by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.crops.blocks import Block
from curate.crops.labelling import Attribute, Labelling
from curate.crops.manifest import CROP_COLUMNS, OUTCOMES, STATUSES
from curate.crops.outcomes import LATER, Proposals, proposals
from curate.crops.settling import settled
from curate.cutting import CropGeometry, crop_rectangles
from curate.dataset import Dataset, empty_dataset
from curate.definitions.matching import matching_definition
from curate.demo.labels import clean_pages, render
from curate.demo.labels import detections as detections_text
from curate.demo.scene import plan_scenes
from curate.formats import ReadOptions, read
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS, hex_id, key_hashes, make_table
from tests.crops.plainly import Expected, Image, Row, Rules, Thing, expected
from tests.crops.real import PAIRS

GEOMETRY = CropGeometry()
ARMED = Attribute("gun", "cat", "armed cat")


def dataset_of(
    name: str, images: dict[str, Image], boxes: list[dict], *, size: int | None = None
) -> Dataset:
    """A dataset of images by name and of literal boxes; `image` is the name."""
    ids = dict(zip(images, key_hashes(f"{name}/{key}" for key in images).tolist(), strict=True))
    listed = [None if one.listed is None else json.dumps(one.listed) for one in images.values()]
    states = ["present" if one.is_seen else "missing" for one in images.values()]
    values = {"image_id": list(ids.values()), "image_key": [f"{name}/{key}" for key in images],
              "source": name, "box_frame": "upright", "label_state": states, "exhaustive": listed,
              "width": size, "height": size}  # fmt: skip
    table = make_table(IMAGE_COLUMNS, len(images), values)
    plain = {"shape": "box", "role": "include", "origin": "human", "file": "f.json"}
    rows = [{**plain, **row, "image_id": ids[row["image"]]} for row in boxes]
    columns = [*BOX_COLUMNS]
    made = make_table(
        BOX_COLUMNS, len(rows), {column: [row.get(column) for row in rows] for column in columns}
    )
    return empty_dataset(name).with_tables(images=table, boxes=made)


def box_of(thing: Thing, **more: object) -> dict:
    edges = dict(zip(("x1", "y1", "x2", "y2"), thing.box, strict=True))
    plain = {"box_id": thing.id, "image": thing.image, "label": thing.label, **edges}
    return {**plain, "source_label": thing.label, **more}


def detection_of(thing: Thing, **more: object) -> dict:
    return box_of(thing, origin="detector", score=thing.score, **more)


def run(truth: Dataset | None, found: Dataset, floor: float = 0.0, **more: object) -> Proposals:
    all_of = settled(truth, found, Labelling(**more), matching_definition())
    block = Block(all_of.images, all_of.truth, all_of.detections, all_of.joined, 0)
    return proposals(block, all_of.labelling, GEOMETRY, score_floor=floor)


def told(row: dict) -> Row:
    """A row of the table as the reference tells it."""
    plain = {key: None if pd.isna(value) else value for key, value in row.items()}
    number = {key: None if plain[key] is None else int(plain[key], 16)
              for key in ("object_id", "other_object_id", "attribute_id")}  # fmt: skip
    return Row(
        outcome=plain["outcome"],
        label=plain["label"],
        object=number["object_id"],
        iou=plain["iou"],
        other=number["other_object_id"],
        other_iou=plain["other_iou"],
        is_assigned=plain["is_assigned"],
        ignore_ioa=plain["ignore_ioa"],
        attribute=plain["attribute"],
        attribute_object=number["attribute_id"],
        attribute_ioa=plain["attribute_ioa"],
    )


def rows_told(rows: pd.DataFrame) -> Expected:
    all_told = Expected()
    for row in rows.to_dict("records"):
        if row["outcome"] == "missed":
            all_told.missed[int(row["object_id"], 16)] = told(row)
        else:
            all_told.detections[int(row["det_id"], 16)] = told(row)
    return all_told


EDGES = st.integers(0, 40).map(float)
BOXES = st.tuples(EDGES, EDGES, st.integers(2, 24), st.integers(2, 24)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)
NAMES = ("a.jpg", "b/c.jpg", "d.jpg")
# What an object is beside its box, and what its row of the table states: the flags and shares that
# the shipped definition ignores it for, and (the last) a flag that it does not.
STATED = {
    "include": {}, "exclude": {"role": "exclude"}, "ignore": {"role": "ignore"},
    "review": {"role": "review"}, "group": {"is_group": True}, "difficult": {"difficult": True},
    "hidden": {"attributes": '{"visibility": 0.1}'}, "cut": {"truncated": 0.6},
    "flagged": {"truncated": 1.0},
}  # fmt: skip
KINDS = (*["include"] * 3, *STATED)
COUNTED = ("include", "exclude", "flagged")
LISTS = st.sampled_from([None, None, (), ("cat",), ("cat", "dog", "gun"), ("dog",)])


@st.composite
def scenes(draw: st.DrawFn) -> tuple[dict[str, Image], list[tuple[Thing, str]], list[Thing]]:
    images = {name: Image(draw(LISTS), draw(st.integers(0, 5)) > 0) for name in NAMES}
    n_objects, n_found = draw(st.integers(0, 9)), draw(st.integers(0, 12))
    ids = draw(st.permutations(range(1, 40)))
    words = st.sampled_from(["cat", "cat", "dog", "gun"])
    objects = []
    for number in ids[:n_objects]:
        kind, label = draw(st.sampled_from(KINDS)), draw(st.one_of(words, words, st.none()))
        is_undecided = kind not in COUNTED or label is None
        thing = Thing(number, draw(st.sampled_from(NAMES)), label, draw(BOXES), 0.0, is_undecided)
        objects.append((thing, kind))
    others = draw(st.sampled_from([words, words, st.sampled_from(["dog", "bird"])]))
    boxes = st.one_of(BOXES, st.sampled_from([one.box for one, _ in objects] or [(0, 0, 9, 9)]))
    found = [
        Thing(number, draw(st.sampled_from(NAMES)), draw(others), draw(boxes),
              draw(st.sampled_from([0.2, 0.5, 0.5, 0.9])))
        for number in ids[20 : 20 + n_found]
    ]  # fmt: skip
    return images, objects, found


def truth_of(images: dict[str, Image], objects: list[tuple[Thing, str]]) -> Dataset:
    return dataset_of("labels", images, [box_of(thing, **STATED[kind]) for thing, kind in objects])


@given(scenes(), st.booleans())
def test_rows_are_those_of_the_plain_reference(
    scene: tuple[dict[str, Image], list[tuple[Thing, str]], list[Thing]], has_attribute: bool
) -> None:
    images, objects, found = scene
    rules = Rules(attribute=("gun", "cat", "armed cat") if has_attribute else None)
    wanted = expected(images, [one for one, kind in objects if kind != "exclude"], found, rules)
    dets = dataset_of("dets", images, [detection_of(one) for one in found])
    made = run(truth_of(images, objects), dets, attribute=ARMED if has_attribute else None)
    assert rows_told(made.rows) == wanted
    assert len(made.rows) == made.n_detections + len(wanted.missed)
    statuses = {"ignored": "dropped", "unverified": "dropped", "missed": "listed"}
    for outcome, status in zip(made.rows["outcome"], made.rows["status"].fillna(""), strict=True):
        assert status == statuses.get(outcome, "")


@given(scenes(), st.integers(0, 2**32 - 1))
def test_order_of_the_rows_of_the_inputs_does_not_matter(
    scene: tuple[dict[str, Image], list[tuple[Thing, str]], list[Thing]], seed: int
) -> None:
    images, objects, found = scene
    rng = np.random.default_rng(seed)
    pair = [truth_of(images, objects), dataset_of("dets", images, [*map(detection_of, found)])]
    mixed = [
        one.with_tables(
            images=one.images.take(rng.permutation(len(one.images))),
            boxes=one.boxes.take(rng.permutation(len(one.boxes))),
        )
        for one in pair
    ]
    plain, other = run(*pair, attribute=ARMED), run(*mixed, attribute=ARMED)
    pd.testing.assert_frame_equal(plain.rows, other.rows, check_exact=True)


def counts_as_object(row: dict) -> bool:
    """Whether a box of the truth is an object that is found or missed, by what its row states."""
    attributes = {} if pd.isna(row["attributes"]) else json.loads(row["attributes"])
    is_hidden = 0 <= attributes.get("visibility", 1) < 0.2
    is_cut = 0.5 < row["truncated"] < 1
    return row["origin"] != "detector" and row["role"] == "include" and not is_hidden | is_cut


@pytest.mark.parametrize("floor", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("name", PAIRS)
def test_rows_of_real_detections_add_up(real_data, name: str, floor: float) -> None:
    truth, found = PAIRS[name](real_data)
    made = run(truth, found, floor)
    counts = made.rows["outcome"].value_counts().to_dict()
    scores = found.boxes.loc[found.boxes["origin"] == "detector", "score"]
    assert made.n_detections == len(scores)
    assert made.n_below_floor == int((scores < floor).sum())
    assert len(made.rows) + made.n_below_floor == made.n_detections + counts.get("missed", 0)
    n_objects = sum(map(counts_as_object, truth.boxes.to_dict("records")))
    assert int(made.rows["is_assigned"].sum()) + counts.get("missed", 0) == n_objects
    assert set(made.rows["outcome"].dropna()) <= set(OUTCOMES)
    assert set(made.rows["status"].dropna()) <= set(STATUSES)
    assert made.rows["crop_id"].is_unique


def test_one_detection_of_coco128_is_broken(real_data) -> None:
    # Row 19802 of the results has a width of 0 (shared/data/README.md).
    truth, found = PAIRS["coco128"](real_data)
    lost = run(truth, found).rows.query("status == 'lost'")
    assert lost["outcome"].isna().all()
    assert len(lost) == 1
    assert "[19802]: edges are " in lost["reason"].iloc[0]
    assert lost["reason"].iloc[0].endswith(" px, should enclose an area")


@pytest.fixture(scope="module")
def street(tmp_path_factory) -> tuple[Dataset, Dataset, Expected]:
    """The street without faults, what its detector gives, and what is to be said of it."""
    folder = tmp_path_factory.mktemp("street")
    pages = clean_pages(plan_scenes(3), 3)["street_coco"]
    (folder / "truth.json").write_text(render("street_coco", pages)["instances.json"], "utf-8")
    text = detections_text(pages, 3)
    (folder / "dets.json").write_text(text, "utf-8")
    truth = read(folder / "truth.json")
    found = read(folder / "dets.json", options=ReadOptions(truth=folder / "truth.json"))
    object_ids, det_ids = (
        dict(zip(one.boxes["source_id"], one.boxes["box_id"].tolist(), strict=True))
        for one in (truth, found)
    )
    names = {page.image_id: page.name for page in pages}
    # Straight from the planned scene and the detector's file: nothing that curate has read.
    objects = [
        Thing(object_ids[str(record.source_id)], page.name, record.label, record.box, 0.0,
              bool(record.thing.members))
        for page in pages
        for record in page.records
    ]  # fmt: skip
    labels = ("person", "rider", "car", "sign")
    dets = []
    for row, one in enumerate(json.loads(text)):
        x, y, width, height = one["bbox"]
        box = (x, y, x + width, y + height)
        label = labels[one["category_id"] - 1]
        dets.append(Thing(det_ids[str(row)], names[one["image_id"]], label, box, one["score"]))
    images = {page.name: Image() for page in pages}
    return truth, found, expected(images, objects, dets, Rules())


def test_every_crop_of_the_street_has_the_label_that_the_truth_says(
    street: tuple[Dataset, Dataset, Expected],
) -> None:
    truth, found, wanted = street
    made = run(truth, found)
    assert rows_told(made.rows) == wanted
    kinds = set(made.rows["outcome"])
    assert {"matched", "confused", "near", "background", "missed", "ignored"} <= kinds, kinds


SEEN = {"a.jpg": Image()}
CAT = Thing(1, "a.jpg", "cat", (10, 10, 50, 50))
GOOD = Thing(2, "a.jpg", "cat", (10, 10, 50, 50), 0.9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"score": np.nan}, "f.json:7 [k]: score is nan, should be a finite number"),
        ({"score": np.inf}, "f.json:7 [k]: score is inf, should be a finite number"),
        ({"x2": np.nan},
         "f.json:7 [k]: edges are 10, 10, nan, 50 px, should be four finite numbers"),
        ({"x2": 10.0}, "f.json:7 [k]: edges are 10, 10, 10, 50 px, should enclose an area"),
        ({"x1": 60.0}, "f.json:7 [k]: edges are 60, 10, 50, 50 px, should enclose an area"),
        ({"label": None, "source_label": "9"},
         "f.json:7 [k]: class is '9', should be one that the source lists"),
        ({"shape": "line"}, "f.json:7 [k]: is a line, should be a box"),
        ({"x1": -9.0, "x2": 0.0},
         "f.json:7 [k]: edges are -9, 10, 0, 50 px, should meet the image of 100 x 100 px"),
        ({"y1": 100.0, "y2": 101.0},
         "f.json:7 [k]: edges are 10, 100, 50, 101 px, should meet the image of 100 x 100 px"),
    ],
)  # fmt: skip
def test_broken_detection_is_lost_with_place_and_value(change: dict, said: str) -> None:
    truth = dataset_of("labels", SEEN, [box_of(CAT)], size=100)
    broken = detection_of(replace(GOOD, id=3), line=7, source_id="k") | change
    made = run(truth, dataset_of("dets", SEEN, [detection_of(GOOD), broken]))
    lost = made.rows[made.rows["status"] == "lost"]
    assert lost["reason"].tolist() == [said]
    assert lost["det_id"].tolist() == [hex_id(3)]
    for column in ("outcome", "label", "is_assigned", "object_id", "rect_x1"):
        assert lost[column].isna().all(), column
    assert made.n_detections == len(made.rows) == 2
    assert made.n_below_floor == 0


def test_detection_partly_outside_is_sound() -> None:
    truth = dataset_of("labels", SEEN, [], size=100)
    out = [replace(GOOD, box=(-30, 10, 0.5, 50)), replace(GOOD, id=3, box=(99.5, 10, 300, 50))]
    made = run(truth, dataset_of("dets", SEEN, [*map(detection_of, out)]))
    assert made.rows["outcome"].tolist() == ["background", "background"]
    assert made.rows[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [list(o.box) for o in out]


def test_detection_of_an_unknown_image_is_lost_and_comes_last() -> None:
    truth = dataset_of("labels", SEEN, [box_of(CAT)])
    other = detection_of(replace(GOOD, id=3, image="z.jpg", score=1.0))
    found = dataset_of("dets", {"z.jpg": Image(), **SEEN}, [other, detection_of(GOOD)])
    rows = run(truth, found).rows
    assert rows["status"].isna().tolist() == [True, False]
    assert rows["reason"].iloc[1] == (
        "f.json: image 'dets/z.jpg' is unknown, should be one of the truth's"
    )
    assert rows["image_row"].tolist() == [0, -1]
    assert rows[["image", "image_id"]].iloc[1].isna().all()


def test_results_that_the_reader_could_not_take_are_rows(tmp_path) -> None:
    image = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 40]}
    truth = {
        "images": [image],
        "annotations": [annotation],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "t.json").write_text(json.dumps(truth))
    row = {"image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 40], "score": 0.9}
    rows = [row, row | {"image_id": 7}, row | {"image_id": 8}, row | {"score": None}]
    (tmp_path / "d.json").write_text(json.dumps(rows))
    options = ReadOptions(truth=tmp_path / "t.json")
    made = run(read(tmp_path / "t.json"), read(tmp_path / "d.json", options=options))
    assert made.n_detections == 4
    assert made.rows["outcome"].fillna("lost").tolist() == ["matched", "lost", "lost", "lost"]
    reasons = " ".join(made.rows["reason"].dropna())
    for said in ("image_id '7'", "image_id '8'", "score is nan"):
        assert said in reasons
    assert made.rows["crop_id"].is_unique


def test_detections_of_a_format_without_scores_count_as_certain() -> None:
    truth = dataset_of("labels", SEEN, [box_of(CAT)])
    made = run(truth, dataset_of("dets", SEEN, [box_of(replace(GOOD, id=4))]), floor=0.5)
    assert made.rows[["outcome", "score"]].to_numpy().tolist() == [["matched", 1.0]]


def test_score_at_the_floor_stays_and_below_it_is_counted() -> None:
    truth = dataset_of("labels", SEEN, [box_of(CAT)])
    found = [replace(GOOD, score=0.5), replace(GOOD, id=3, score=0.49)]
    made = run(truth, dataset_of("dets", SEEN, [*map(detection_of, found)]), floor=0.5)
    assert made.rows["det_id"].tolist() == [hex_id(2)]
    assert (made.n_detections, made.n_below_floor) == (2, 1)


def test_object_whose_detections_are_below_the_floor_is_missed() -> None:
    truth = dataset_of("labels", SEEN, [box_of(CAT, track_id="t1")])
    made = run(truth, dataset_of("dets", SEEN, [detection_of(GOOD)]), floor=0.95)
    row = made.rows.iloc[0]
    assert (row["outcome"], row["status"], row["origin"]) == ("missed", "listed", "gt")
    assert (row["object_id"], row["label"], row["track_id"]) == (hex_id(1), "cat", "t1")
    assert row[["det_id", "score", "det_label", "iou"]].isna().all()
    assert row[["x1", "y1", "x2", "y2"]].tolist() == [10, 10, 50, 50]


def test_without_truth_rows_are_unlabelled_with_the_detectors_class() -> None:
    broken = detection_of(replace(GOOD, id=3, score=np.nan))
    made = run(None, dataset_of("dets", SEEN, [detection_of(GOOD), broken]))
    assert made.rows["outcome"].fillna("").tolist() == ["unlabelled", ""]
    assert made.rows["label"].fillna("").tolist() == ["cat", ""]
    assert made.rows[["is_assigned", "object_id"]].isna().all(axis=None)
    assert made.rows["image"].tolist() == ["dets/a.jpg"] * 2
    assert made.rows["status"].fillna("").tolist() == ["", "lost"]


def test_of_classes_without_anything_in_common_objects_give_the_label() -> None:
    truth = dataset_of("labels", SEEN, [box_of(CAT)])
    found = [replace(GOOD, label="0"), replace(GOOD, id=3, label="0", score=0.5)]
    made = run(truth, dataset_of("dets", SEEN, [*map(detection_of, found)]))
    assert made.rows["outcome"].tolist() == ["matched", "duplicate"]
    assert made.rows["label"].tolist() == ["cat", "cat"]


def test_boxes_in_another_frame_than_the_truths_are_lost() -> None:
    truth = dataset_of("labels", SEEN, [box_of(CAT)])
    found = dataset_of("dets", SEEN, [detection_of(GOOD)])
    turned = {"exif_orientation": pd.array([6], "Int64")}
    stored = {"box_frame": pd.array(["stored"], truth.images["box_frame"].dtype)}
    stays = found.with_tables(images=found.images.assign(**turned))
    moved = truth.with_tables(images=truth.images.assign(**turned, **stored))
    assert run(moved, stays).rows["reason"].iloc[0] == (
        "f.json: its box lies in the upright frame, should lie in the stored one as those of the "
        "truth"
    )
    # Without its picture nobody knows in which frame a detection is.
    assert run(moved, found).rows["outcome"].tolist() == ["matched"]


@pytest.mark.parametrize(
    ("height", "outcome"), [(5.0, "matched"), (4.75, "near"), (3.0, "near"), (2.75, "background")]
)
def test_overlap_at_a_limit_is_above_it(height: float, outcome: str) -> None:
    truth = dataset_of("labels", SEEN, [box_of(replace(CAT, box=(0, 0, 10, 10)))])
    found = dataset_of("dets", SEEN, [detection_of(replace(GOOD, box=(0, 0, 10, height)))])
    assert run(truth, found).rows["outcome"].iloc[0] == outcome


@pytest.mark.parametrize(
    ("guns", "outcome", "label", "grade"),
    [
        # The crop of (10, 10, 50, 50) is (2, 2, 58, 58): its margin is the 8 px at least.
        ([(20, 20, 30, 30)], "matched", "armed cat", "yes"),
        ([(51, 20, 61, 30)], "matched", "armed cat", "yes"),  # 7 of 10 px inside
        ([(52, 20, 62, 30)], "partial", None, "partial"),
        ([(56, 20, 66, 30)], "partial", None, "partial"),  # 2 of 10
        ([(57, 20, 67, 30)], "matched", "cat", "no"),
        ([(80, 20, 90, 30), (51, 20, 61, 30)], "matched", "armed cat", "yes"),
        ([], "matched", "cat", "no"),
    ],
)
def test_attribute_is_told_by_its_share_inside_the_crop(
    guns: list[tuple], outcome: str, label: str | None, grade: str
) -> None:
    things = [box_of(Thing(20 + n, "a.jpg", "gun", box)) for n, box in enumerate(guns)]
    truth = dataset_of("labels", SEEN, [box_of(CAT), *things])
    row = run(truth, dataset_of("dets", SEEN, [detection_of(GOOD)]), attribute=ARMED).rows.iloc[0]
    assert (row["outcome"], row["attribute"]) == (outcome, grade)
    assert row["label"] == label or (label is None and pd.isna(row["label"]))
    assert row["is_assigned"]


def test_undecided_attribute_makes_a_crop_partial_unless_another_is_clear() -> None:
    unsure = box_of(Thing(20, "a.jpg", "gun", (20, 20, 30, 30)), role="ignore")
    clear = box_of(Thing(21, "a.jpg", "gun", (51, 20, 61, 30)))
    found = dataset_of("dets", SEEN, [detection_of(GOOD)])
    for things, grade in (([unsure], "partial"), ([unsure, clear], "yes")):
        truth = dataset_of("labels", SEEN, [box_of(CAT), *things])
        assert run(truth, found, attribute=ARMED).rows["attribute"].tolist() == [grade]


def test_track_is_that_of_the_object_else_of_the_detection() -> None:
    truth = dataset_of("labels", SEEN, [box_of(CAT, track_id="truth")])
    far = replace(GOOD, id=3, box=(60, 60, 90, 90), score=0.5)
    found = [detection_of(one, track_id="own") for one in (GOOD, far)]
    assert run(truth, dataset_of("dets", SEEN, found)).rows["track_id"].tolist() == ["truth", "own"]


def test_crop_id_depends_on_its_image_class_edges_and_origin_alone() -> None:
    images = {**SEEN, "b.jpg": Image()}
    truth = dataset_of("labels", images, [box_of(CAT), box_of(replace(CAT, id=9, image="b.jpg"))])
    found = [GOOD, replace(GOOD, id=3), replace(GOOD, id=4, label="dog"),
             replace(GOOD, id=5, box=(10, 10, 50, 51)),
             replace(GOOD, id=6, image="b.jpg")]  # fmt: skip
    first = run(truth, dataset_of("dets", images, [*map(detection_of, found)])).rows
    assert first["crop_id"].is_unique
    # Another run: other ids and scores, nothing in b.jpg any more.
    later = [replace(one, id=one.id + 50, score=0.3) for one in found[:-1]]
    second = run(truth, dataset_of("dets", images, [*map(detection_of, later)])).rows
    of_a = first["image"] == "labels/a.jpg"
    assert set(first.loc[of_a, "crop_id"]) == set(second.loc[second["det_id"].notna(), "crop_id"])
    # The missed object of b.jpg has the class and edges of the detection that was there.
    missed = second.loc[second["outcome"] == "missed", "crop_id"].tolist()
    assert len(missed) == 1
    assert not set(missed) & set(first["crop_id"])


def test_rows_are_typed_and_ordered_as_said() -> None:
    images = {"b.jpg": Image(), "a.jpg": Image()}
    objects = [box_of(replace(CAT, id=n, image=name)) for n, name in ((7, "b.jpg"), (8, "a.jpg"))]
    far = [replace(GOOD, id=n, image="a.jpg", score=score, box=(60, 60, 80, 80))
           for n, score in ((2, 0.1), (3, 0.7))]  # fmt: skip
    made = run(
        dataset_of("labels", images, objects), dataset_of("dets", images, [*map(detection_of, far)])
    )
    known = {name: column for name, column in CROP_COLUMNS.items() if name not in LATER}
    assert list(made.rows.columns) == [*known, "image_row"]
    plain = make_table(known, 0, {})
    assert made.rows.dtypes[list(known)].equals(plain.dtypes)
    assert made.rows["image_row"].dtype == np.int64
    assert made.rows["image"].tolist() == ["labels/a.jpg"] * 3 + ["labels/b.jpg"]
    assert made.rows["score"].fillna(-1).tolist() == [0.7, 0.1, -1, -1]
    edges = made.rows[["x1", "y1", "x2", "y2"]].to_numpy()
    rectangles = made.rows[["rect_x1", "rect_y1", "rect_x2", "rect_y2"]].to_numpy()
    assert (rectangles == crop_rectangles(edges, GEOMETRY)).all()


def test_nothing_gives_no_rows() -> None:
    nothing = empty_dataset("none")
    for truth in (None, nothing):
        made = run(truth, nothing, attribute=ARMED)
        assert (len(made.rows), made.n_detections, made.n_below_floor) == (0, 0, 0)
