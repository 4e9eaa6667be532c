"""What FiftyOne itself says of the datasets that curate builds in it."""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import curate
from curate.browse import building
from curate.browse.building import build
from curate.browse.database import MARK, database_faults
from curate.browse.pulling import pulled
from curate.errors import OutputError, SourceError
from curate.tables import key_hashes
from tests.browse.conftest import SIDEWAYS, coco, picture, predicted
from tests.conftest import REPOSITORY

# FiftyOne's own dependencies warn when they are imported and used.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def by_name(dataset) -> dict:
    return {Path(sample.filepath).name: sample for sample in dataset}


def test_a_picture_has_its_boxes_in_shares_of_its_sides_and_curates_ids(fo, street) -> None:
    built = build(street)
    assert (built.name, built.n_new) == ("curate/labels", 3)
    sample = by_name(built.dataset)["a.jpg"]
    assert (sample.metadata.width, sample.metadata.height) == (100, 50)
    first, second = sample.ground_truth.detections
    assert first.bounding_box == [0.1, 0.4, 0.2, 0.1]
    assert (first.label, second.label, first.role) == ("person", "car", "include")
    row = street.boxes.iloc[0]
    assert first.box_id == f"{row['box_id']:016x}"
    assert sample.image_id == f"{row['image_id']:016x}"
    assert {Path(s.filepath).is_file() for s in built.dataset} == {True}


def test_documents_are_what_fiftyone_makes_of_its_own_samples(fo, street) -> None:
    dataset = build(street, predictions=street, findings=curate.audit(street)).dataset
    own = fo.Dataset("own")
    own.add_samples([sample.copy() for sample in dataset], dynamic=True)
    kinds = [
        {path: type(kind) for path, kind in one.get_field_schema(flat=True).items()}
        for one in (dataset, own)
    ]
    assert all(kinds[0][path] is kind for path, kind in kinds[1].items() if path in kinds[0])
    ours, theirs = (list(one._sample_collection.find().sort("image_key")) for one in (dataset, own))
    moments = {"_id", "_dataset_id", "created_at", "last_modified_at", "_rand"}
    for one, other in zip(ours, theirs, strict=True):
        one, other = ({k: v for k, v in d.items() if k not in moments} for d in (one, other))
        assert without_ids(one) == without_ids(other)


def without_ids(value):
    """The document without ids of labels, which a copy has of its own, and without nulls."""
    if isinstance(value, dict):
        return {k: without_ids(v) for k, v in value.items() if k != "_id" and v is not None}
    return [without_ids(v) for v in value] if isinstance(value, list) else value


def test_boxes_of_the_stored_frame_lie_right_in_the_upright_picture(fo, tmp_path: Path) -> None:
    # Stored 100 x 50 and shown 50 x 100: the stored left end is the upright top.
    picture(tmp_path / "images" / "turned.jpg", (100, 50), SIDEWAYS)
    images = [{"file_name": "turned.jpg", "width": 100, "height": 50}]
    path = coco(tmp_path, images, [{"image_id": 1, "bbox": [10, 20, 20, 5]}])
    dataset = curate.read(path, images=tmp_path / "images")
    assert dataset.images["box_frame"].tolist() == ["stored"]
    sample = build(dataset).dataset.first()
    assert (sample.metadata.width, sample.metadata.height) == (50, 100)
    # Turned a quarter clockwise, x = 50 - 25 .. 50 - 20 and y = 10 .. 30.
    np.testing.assert_allclose(
        sample.ground_truth.detections[0].bounding_box, [0.5, 0.1, 0.1, 0.2], atol=1e-12
    )


def test_outlines_masks_and_keypoints_are_shown_in_their_places(fo, tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png", (10, 8))
    # A mask of the pixels x 2..4, y 1..3, column by column from the top.
    rle = {"size": [8, 10], "counts": [17, 3, 5, 3, 5, 3, 44]}
    boxes = [
        {"image_id": 1, "bbox": [1, 1, 4, 4], "segmentation": [[1, 1, 5, 1, 5, 5]], "area": 8},
        {"image_id": 1, "bbox": [2, 1, 3, 3], "segmentation": rle, "iscrowd": 1},
        {"image_id": 1, "bbox": [0, 0, 5, 4], "keypoints": [5, 4, 2, 0, 0, 0],
         "num_keypoints": 1},
    ]  # fmt: skip
    images = [{"file_name": "a.png", "width": 10, "height": 8}]
    dataset = curate.read(coco(tmp_path, images, boxes), images=tmp_path / "images")
    sample = build(dataset).dataset.first()
    (outline,) = sample.ground_truth_outlines.polylines
    assert outline.points == [[[0.1, 0.125], [0.5, 0.125], [0.5, 0.625]]]
    assert outline.closed
    masked = next(d for d in sample.ground_truth.detections if d.mask is not None)
    assert masked.bounding_box == [0.2, 0.125, 0.3, 0.375]
    assert masked.mask.shape == (3, 3)
    assert masked.mask.all()
    (points,) = sample.ground_truth_points.keypoints
    assert points.points[0] == [0.5, 0.5]
    assert np.isnan(points.points[1]).all()


def test_a_picture_of_20_megapixels_is_shown_like_others(fo, tmp_path: Path) -> None:
    picture(tmp_path / "images" / "large.jpg", (5000, 4000))
    images = [{"file_name": "large.jpg", "width": 5000, "height": 4000}]
    path = coco(tmp_path, images, [{"image_id": 1, "bbox": [2500, 1000, 500, 400]}])
    sample = build(curate.read(path, images=tmp_path / "images")).dataset.first()
    assert sample.megapixels == 20.0
    assert sample.ground_truth.detections[0].bounding_box == [0.5, 0.25, 0.1, 0.1]


def test_predictions_are_matched_on_both_sides(fo, street) -> None:
    # a.jpg: one right, one of a wrong class; 行人.jpg: IoU 15 / 45, under 0.5.
    found = by_name(build(street, predictions=predicted(street, [0.9, 0.8, 0.7, 0.6])).dataset)
    sample = found["a.jpg"]
    truth, guess = sample.ground_truth.detections, sample.predictions.detections
    assert [t.eval for t in truth] == ["tp", "fn"]
    assert [g.eval for g in guess] == ["tp", "fp"]
    assert (truth[0].eval_id, guess[0].eval_id) == (guess[0].id, truth[0].id)
    assert (truth[0].eval_iou, guess[0].eval_iou) == (1.0, 1.0)
    assert guess[1].to_dict().get("eval_iou") is None
    assert [g.confidence for g in guess] == [0.9, 0.8]
    assert (sample.n_tp, sample.n_fp, sample.n_fn, sample.max_fp_score) == (1, 1, 1, 0.8)
    assert found["行人.jpg"].predictions.detections[0].eval == "fp"


def test_predictions_find_their_pictures_where_the_ending_is_another(fo, street) -> None:
    images = street.images
    keys = [key.replace(".jpg", ".png") for key in images["image_key"]]
    ids = dict(zip(images["image_id"], key_hashes(keys), strict=True))
    other = replace(
        street,
        images=images.assign(image_key=keys, image_id=images["image_id"].map(ids).astype("Int64")),
        boxes=street.boxes.assign(image_id=street.boxes["image_id"].map(ids).astype("Int64")),
    )
    built = build(street, predictions=other)
    assert [sum(built.dataset.values(name)) for name in ("n_tp", "n_fp", "n_fn")] == [4, 0, 0]
    unknown = replace(other, images=other.images.assign(image_key=["x/1", "x/2", "x/3"]))
    assert "4 predictions on unknown images are not shown" in (
        build(street, predictions=unknown).notes
    )


def test_crops_are_patches_with_their_outcome(fo, street) -> None:
    image = f"{street.images['image_id'][0]:016x}"
    crops = pd.DataFrame(
        {
            "crop_id": ["00000000000000a1", "00000000000000a2"], "status": "made",
            "outcome": ["matched", "background"], "label": ["person", "background"],
            "image_id": image, "score": [0.9, 0.4], "det_id": None, "object_id": None, "iou": 0.8,
            "rect_x1": [0.0, 50.0], "rect_y1": [0.0, 0.0], "rect_x2": [40.0, 90.0],
            "rect_y2": [40.0, 40.0],
        }
    )  # fmt: skip
    dataset = build(street, crops=crops).dataset
    patches = dataset.load_saved_view("crops background").to_patches("crops")
    assert patches.values("crops.outcome") == ["background"]
    assert patches.first().crops.bounding_box == [0.5, 0.0, 0.4, 0.8]


def test_splits_and_subsets_are_tags(fo, street) -> None:
    split = street.with_tables(images=street.images.assign(split=["train", "val", "train"]))
    wanted = [int(split.images["image_id"][1])]
    built = build(split, subsets={"night": wanted})
    assert sorted(built.dataset.count_sample_tags().items()) == [
        ("night", 1), ("train", 2), ("val", 1),
    ]  # fmt: skip
    assert len(built.dataset.load_saved_view("split train")) == 2


def moments(dataset) -> dict[str, object]:
    return dict(zip(*dataset.values(["image_key", "last_modified_at"]), strict=True))


def test_a_refresh_writes_only_the_pictures_that_changed(fo, street) -> None:
    before = moments(build(street).dataset)
    assert moments(build(street).dataset) == before
    boxes = street.boxes.assign(x2=street.boxes["x2"].where(street.boxes.index != 3, 31.0))
    again = build(street.with_tables(boxes=boxes))
    after = moments(again.dataset)
    assert (again.n_new, again.n_changed, again.n_kept) == (0, 1, 2)
    assert [key for key in after if after[key] != before[key]] == ["labels/行人.jpg"]


def test_a_picture_that_is_gone_from_the_source_goes_and_one_deleted_by_hand_comes_back(
    fo, street
) -> None:
    dataset = build(street).dataset
    dataset.delete_samples([dataset.first().id])
    less = street.of_images(street.images["image_id"][:2])
    again = build(less)
    assert (again.n_new, again.n_gone, len(again.dataset)) == (1, 1, 2)


def test_what_people_did_survives_a_refresh(fo, street) -> None:
    dataset = build(street, findings=curate.audit(street)).dataset
    sample = by_name(dataset)["a.jpg"]
    kept, moved = sample.ground_truth.detections
    kept.tags.append("false-alarm")
    moved.bounding_box = [0.0, 0.0, 0.5, 0.5]
    drawn = fo.Detection(label="person", bounding_box=[0.0, 0.0, 0.1, 0.1])
    sample.ground_truth.detections.append(drawn)
    sample.tags.append("look")
    sample["mine"] = 7
    sample.save()
    deleted = by_name(dataset)["行人.jpg"]
    deleted.ground_truth.detections = []
    deleted.save()
    dataset.save_view("mine", dataset.take(1))
    boxes = street.boxes.assign(x1=street.boxes["x1"] + np.array([1.0, 0.0, 1.0, 1.0]))
    again = build(street.with_tables(boxes=boxes))
    assert again.n_changed == 3
    found = by_name(again.dataset)
    first, second, third = found["a.jpg"].ground_truth.detections
    assert first.bounding_box == [0.11, 0.4, 0.19, 0.1]
    assert first.tags == ["false-alarm"]
    assert second.bounding_box == [0.0, 0.0, 0.5, 0.5]
    assert third.id == drawn.id
    assert (found["a.jpg"].tags, found["a.jpg"].mine) == (["look"], 7)
    left = found["行人.jpg"].ground_truth
    assert left is None or not left.detections
    assert again.dataset.has_saved_view("mine")


@pytest.mark.parametrize("is_written_again", [False, True])
def test_a_field_that_was_taken_out_is_no_deletion_of_its_labels_and_comes_back(
    fo, street, is_written_again: bool
) -> None:
    dataset = build(street, predictions=street).dataset
    dataset.delete_sample_fields(["ground_truth", "predictions"])
    if is_written_again:
        again = build(street, predictions=street)
        assert again.n_changed == 3
        assert again.notes[-1] == (
            "the field predictions was taken out in FiftyOne: it is written again, without what "
            "people had done to its labels"
        )
        for field in ("ground_truth", "predictions"):
            assert len(again.dataset.values(f"{field}.detections.id", unwind=True)) == 4
        assert build(street, predictions=street).n_kept == 3
    told = pulled(dataset)
    assert len(told.decisions) == 0
    wanted = () if is_written_again else (
        "3 samples have lost a field of labels, which is no decision: `curate browse` writes it",
    )  # fmt: skip
    assert told.notes == wanted


@pytest.mark.parametrize("path", ["checks", "n_fn", "image_id", "ground_truth.detections.eval"])
def test_a_value_that_was_taken_out_is_written_again(fo, street, path: str) -> None:
    given = {"predictions": predicted(street, [0.9, 0.8, 0.7, 0.6])}
    dataset = build(street, findings=curate.audit(street), **given).dataset
    before = dataset.values(path)
    sample = by_name(dataset)["a.jpg"]
    sample.ground_truth.detections[0].tags.append("confirm")
    sample.save()
    dataset.delete_sample_field(path)
    again = build(street, findings=curate.audit(street), **given)
    assert f"written again, as FiftyOne has it no longer: {path}" in again.notes
    assert again.dataset.values(path) == before
    assert "confirm" in by_name(again.dataset)["a.jpg"].ground_truth.detections[0].tags
    assert build(street, findings=curate.audit(street), **given).n_kept == 3


def test_a_label_deleted_before_its_field_was_written_again_can_be_deleted_after(
    fo, street
) -> None:
    dataset = build(street).dataset
    dataset.delete_sample_field("ground_truth")
    build(street)
    dataset.reload()
    sample = by_name(dataset)["a.jpg"]
    del sample.ground_truth.detections[0]
    sample.save()
    assert pulled(dataset).decisions["verdict"].tolist() == ["drop"]


def test_a_stopped_build_goes_on(fo, street) -> None:
    dataset = build(street).dataset
    notes = dataset._sample_collection.database[f"curate.written.{dataset._doc.id}"]
    notes.delete_one({})
    again = build(street)
    assert (again.n_changed, again.n_kept, len(again.dataset)) == (1, 2, 3)


def test_samples_that_another_command_writes_are_told(fo, street, monkeypatch) -> None:
    dataset = build(street).dataset
    documents = list(dataset._sample_collection.find())
    dataset._sample_collection.delete_many({})
    real = building.Maker.make

    def late(maker, *args):
        made = list(real(maker, *args))
        dataset._sample_collection.insert_many(documents)
        return made

    monkeypatch.setattr(building.Maker, "make", late)
    with pytest.raises(OutputError, match="another command writes the same samples") as told:
        build(street)
    assert len(str(told.value)) < 200
    monkeypatch.undo()
    assert build(street).n_kept == 3


def test_a_database_that_is_gone_is_told(fo, street, tmp_path: Path) -> None:
    from tests.tools.fiftyone import database

    dataset = build(street).dataset
    pymongo = importlib.import_module("pymongo")
    with database(tmp_path / "own") as uri:
        client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=200)
        client.admin.command("ping")
    with (
        pytest.raises(OutputError, match="FiftyOne's database: refuses: ") as told,
        database_faults(),
    ):
        client.admin.command("ping")
    client.close()
    assert "then run again" in str(told.value)
    assert len(dataset) == 3


def test_a_foreign_dataset_and_a_copy_of_ours_are_refused_and_not_touched(fo, street) -> None:
    theirs = fo.Dataset("theirs", persistent=True)
    theirs.add_sample(fo.Sample("x.jpg"))
    build(street).dataset.clone("copy", persistent=True)
    database = fo.core.odm.get_db_conn()
    for name in ("theirs", "copy"):
        before = database["datasets"].find_one({"name": name})
        with pytest.raises(OutputError, match="did not make - choose another with --as"):
            build(street, name=name)
        assert database["datasets"].find_one({"name": name}) == before


def test_a_dataset_of_ours_says_so_and_stays(fo, street) -> None:
    dataset = build(street).dataset
    assert dataset.persistent
    assert dataset.info[MARK]["schema"] == "curate.browse/1"
    assert dataset.info[MARK]["source"] == "labels"


def test_colours_tell_labels_from_predictions_and_those_that_somebody_chose_stay(fo, street):
    dataset = build(street).dataset
    colours = {one["path"]: one["fieldColor"] for one in dataset.app_config.color_scheme.fields}
    assert colours["ground_truth"] == colours["ground_truth_outlines"] != colours["predictions"]
    dataset.app_config.color_scheme = fo.ColorScheme(color_by="value")
    dataset.save()
    assert build(street).dataset.app_config.color_scheme.color_by == "value"


def test_pictures_that_moved_away_are_told(fo, street) -> None:
    (street.images_root / "a.jpg").unlink()
    assert f"1 pictures are no longer in {street.images_root}" in build(street).notes
    with pytest.raises(SourceError, match="name the folder where they are now with --images"):
        build(replace(street, images_root=street.images_root / "elsewhere"))


def test_an_audit_as_json_shows_what_the_audit_itself_shows(fo, street, tmp_path: Path) -> None:
    from curate.browse.given import audit_of
    from curate.report.document import to_json

    findings = curate.audit(street)
    (tmp_path / "a.json").write_text(to_json(findings, "street"), encoding="utf-8")
    shown = [
        build(street, findings=own).dataset.values(["checks", "findings"])
        for own in (findings, audit_of(tmp_path / "a.json", street))
    ]
    assert shown[0] == shown[1]
    assert json.loads((tmp_path / "a.json").read_text())["findings"]


def test_the_picture_is_not_opened(fo, street) -> None:
    # What is shown of it comes from the tables: a file of the same size is enough.
    path = street.images_root / "a.jpg"
    with Image.open(path) as image:
        assert image.size == (100, 50)
    path.write_bytes(b"x" * path.stat().st_size)
    assert build(street).n_new == 3


def test_the_examples_of_the_help_run_and_print_a_document_of_the_schema(
    fo, tmp_path: Path, monkeypatch, capsys
) -> None:
    from curate.cli import main
    from curate.cli.browse import __doc__ as page

    monkeypatch.chdir(tmp_path)
    (tmp_path / "street").mkdir()
    picture(tmp_path / "pictures" / "a.jpg", (100, 50))
    images = [{"file_name": "a.jpg", "width": 100, "height": 50}]
    coco(tmp_path / "street", images, [{"image_id": 1, "bbox": [10, 20, 20, 5]}])
    rows = [{"image_id": 1, "category_id": 1, "bbox": [10, 20, 20, 5], "score": 0.5}]
    (tmp_path / "detections.json").write_text(json.dumps(rows), encoding="utf-8")
    assert main(["audit", "street", "--images", "pictures", "-o", "audit.json"]) == 0
    capsys.readouterr()
    examples = re.findall(r"^Example: curate (.+)$", page or "", re.MULTILINE)
    assert len(examples) == 2
    for words in examples:
        extra = [] if "--no-launch" in words else ["--no-launch"]
        assert main([*words.split(), *extra, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        schema = json.loads((REPOSITORY / "schemas" / "browse-1.schema.json").read_text("utf-8"))
        jsonschema.validate(document, schema)
        assert document["dataset"] == "curate/street"
    assert by_name(fo.load_dataset("curate/street"))["a.jpg"].n_tp == 1


def test_a_folder_without_the_pictures_is_told_by_its_name(fo, street, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    none = curate.read(tmp_path / "labels.json", images=tmp_path / "empty")
    with pytest.raises(SourceError, match="empty: has the picture of none of the 3 images") as told:
        build(none)
    assert "check --images" in str(told.value)
