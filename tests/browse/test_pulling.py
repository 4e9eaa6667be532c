"""What people do in FiftyOne, and the decisions that it becomes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import curate
from curate.browse.building import build
from curate.browse.pulling import image_ids, pulled
from curate.cli import main
from curate.review.decisions import DECISION_COLUMNS
from tests.browse.conftest import SIDEWAYS, coco, picture
from tests.browse.test_building import by_name

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
PULL = ["review", "pull", "--from", "fiftyone"]
EDGES = ["x1", "y1", "x2", "y2"]


def test_nothing_done_is_no_decision(fo, street) -> None:
    found = pulled(build(street, findings=curate.audit(street)).dataset)
    assert (len(found.decisions), found.notes) == (0, ())
    assert list(found.decisions.columns) == list(DECISION_COLUMNS)


def tag(dataset, name: str, number: int, word: str) -> None:
    sample = by_name(dataset)[name]
    sample.ground_truth.detections[number].tags.append(word)
    sample.save()


def only(decisions: pd.DataFrame) -> dict:
    (row,) = decisions.to_dict("records")
    return row


def test_a_tag_judges_the_findings_of_its_box(fo, street) -> None:
    findings = curate.audit(street, select="BOX-002")
    dataset = build(street, findings=findings).dataset
    tag(dataset, "b.jpg", 0, "false-alarm")
    row = only(pulled(dataset, who="anna").decisions)
    (finding,) = findings
    assert row["finding_id"] == finding["finding_id"]
    assert (row["subject"], row["check"], row["verdict"]) == ("finding", "BOX-002", "false-alarm")
    assert (row["members"], row["box_id"], row["who"]) == (1, finding["members"][0], "anna")
    assert (row["image"], row["source"]) == ("labels/low/b.jpg", "fiftyone")
    assert row["when"].endswith("+00:00")


def test_a_tag_with_a_check_judges_that_one_alone(fo, street) -> None:
    dataset = build(street, findings=curate.audit(street, select=["BOX-002"])).dataset
    tag(dataset, "b.jpg", 0, "confirm:BOX-002")
    assert only(pulled(dataset).decisions)["verdict"] == "confirm"
    tag(dataset, "a.jpg", 0, "false-alarm:BOX-009")
    found = pulled(dataset)
    assert len(found.decisions) == 1
    assert found.notes == ("1 tags `false-alarm:BOX-009` are on labels without such a finding",)


def test_fix_drop_and_confirm_are_about_the_box_as_it_was_seen(fo, street) -> None:
    dataset = build(street).dataset
    tag(dataset, "a.jpg", 0, "fix:car")
    tag(dataset, "a.jpg", 1, "drop")
    tag(dataset, "行人.jpg", 0, "confirm")
    found = pulled(dataset).decisions.set_index("verdict")
    assert found["subject"].tolist() == ["box"] * 3
    assert found.loc["fix", "label"] == "car"
    assert found.loc["fix", [f"seen_{e}" for e in EDGES]].tolist() == [10.0, 20.0, 30.0, 25.0]
    assert found.loc["fix", "seen_label"] == "person"
    ids = street.boxes["box_id"]
    told = found.loc[["fix", "drop", "confirm"], "box_id"]
    assert told.tolist() == [ids[0], ids[1], ids[3]]


def test_a_box_is_one_decision_where_it_is_moved_and_tagged_with_a_class(fo, street) -> None:
    dataset = build(street).dataset
    sample = by_name(dataset)["a.jpg"]
    sample.ground_truth.detections[0].bounding_box = [0.2, 0.2, 0.5, 0.5]
    sample.ground_truth.detections[0].tags = ["fix:car", "confirm"]
    sample.save()
    row = only(pulled(dataset).decisions)
    assert (row["verdict"], row["label"], row["x2"]) == ("edit", "car", 70.0)


def test_what_excludes_itself_is_told_and_is_no_decision(fo, street) -> None:
    dataset = build(street, findings=curate.audit(street, select="BOX-002")).dataset
    found = by_name(dataset)
    first, second = found["a.jpg"].ground_truth.detections
    first.tags = ["fix:car", "fix:bus"]
    second.tags, second.label = ["drop"], "bus"
    found["a.jpg"].save()
    found["b.jpg"].ground_truth.detections[0].tags += ["confirm", "false-alarm"]
    found["b.jpg"].save()
    found["行人.jpg"].ground_truth.detections[0].tags = ["fix:"]
    found["行人.jpg"].save()
    told = pulled(dataset)
    assert len(told.decisions) == 0
    assert told.notes == (
        "1 findings on labels have two verdicts: take one of the tags off",
        "2 labels have tags or edits of which one excludes the other: leave one",
        "1 tags `fix:` name no class",
    )


def test_a_tag_that_names_the_check_goes_before_one_that_does_not(fo, street) -> None:
    dataset = build(street, findings=curate.audit(street, select="BOX-002")).dataset
    tag(dataset, "b.jpg", 0, "false-alarm:BOX-002")
    tag(dataset, "b.jpg", 0, "confirm")
    assert only(pulled(dataset).decisions)["verdict"] == "false-alarm"


@pytest.mark.parametrize("place", [[0.2, 0.2, 0.0, 0.5], [0.2, 0.2, 0.5], ["a", "b", "c", "d"]])
def test_a_box_without_a_place_is_told_and_the_rest_is_pulled(fo, street, place) -> None:
    dataset = build(street).dataset
    path = {"$set": {"ground_truth.detections.1.bounding_box": place}}
    dataset._sample_collection.update_one({"image_key": "labels/a.jpg"}, path)
    dataset._sample_collection.update_one(
        {"image_key": "labels/a.jpg"}, {"$push": {"ground_truth.detections.0.tags": "drop"}}
    )
    told = pulled(dataset)
    assert told.decisions["verdict"].tolist() == ["drop"]
    assert told.notes == ("1 labels have a box without width or height: draw it anew",)


def test_edits_and_deletions_are_decisions_in_px(fo, street) -> None:
    dataset = build(street).dataset
    sample = by_name(dataset)["a.jpg"]
    first, second = sample.ground_truth.detections
    first.bounding_box = [0.2, 0.2, 0.5, 0.5]
    first.label = "car"
    sample.ground_truth.detections = [first]
    sample.save()
    found = pulled(dataset).decisions.set_index("verdict")
    np.testing.assert_allclose(
        found.loc["edit", EDGES].astype(float), [20.0, 10.0, 70.0, 35.0], atol=1e-9
    )
    assert found.loc["edit", "label"] == "car"
    assert f"{found.loc['drop', 'box_id']:016x}" == second.box_id


def test_edges_that_were_not_moved_are_those_of_the_label_to_the_last_digit(
    fo, tmp_path: Path
) -> None:
    picture(tmp_path / "images" / "a.jpg", (640, 480))
    images = [{"file_name": "a.jpg", "width": 640, "height": 480}]
    # 156 / 480 + 104 / 480 comes back as 260.00000000000006 px.
    path = coco(tmp_path, images, [{"image_id": 1, "bbox": [336, 156, 128, 104]}])
    dataset = build(curate.read(path, images=tmp_path / "images")).dataset
    sample = dataset.first()
    (label,) = sample.ground_truth.detections
    left, top, _, height = label.bounding_box
    label.bounding_box = [left, top, 0.1, height]
    sample.save()
    row = only(pulled(dataset).decisions)
    assert [row[e] for e in EDGES] == [336.0, 156.0, 400.0, 260.0]


def test_an_edit_of_a_turned_picture_comes_back_in_the_stored_frame(fo, tmp_path: Path) -> None:
    picture(tmp_path / "images" / "turned.jpg", (100, 50), SIDEWAYS)
    images = [{"file_name": "turned.jpg", "width": 100, "height": 50}]
    path = coco(tmp_path, images, [{"image_id": 1, "bbox": [10, 20, 20, 5]}])
    dataset = build(curate.read(path, images=tmp_path / "images")).dataset
    assert not len(pulled(dataset).decisions)
    sample = dataset.first()
    # Upright 50 x 100: x 10 .. 20 and y 40 .. 70; stored: x = 40 .. 70, y = 50 - 20 .. 50 - 10.
    sample.ground_truth.detections[0].bounding_box = [0.2, 0.4, 0.2, 0.3]
    sample.save()
    row = only(pulled(dataset).decisions)
    np.testing.assert_allclose([row[e] for e in EDGES], [40.0, 30.0, 70.0, 40.0], atol=1e-9)


def test_tags_of_pictures_are_about_pictures(fo, street) -> None:
    dataset = build(street).dataset
    for name, word in (("a.jpg", "drop"), ("b.jpg", "confirm"), ("行人.jpg", "fix:car")):
        sample = by_name(dataset)[name]
        sample.tags.append(word)
        sample.save()
    found = pulled(dataset)
    assert found.decisions[["subject", "verdict"]].values.tolist() == [
        ["image", "drop"], ["image", "confirm"],
    ]  # fmt: skip
    assert found.notes == ("1 tags `fix:` are on pictures: they go on labels",)


def test_what_is_half_done_is_told_and_drops_nothing(fo, street) -> None:
    dataset = build(street, predictions=street).dataset
    found = by_name(dataset)
    sample = found["a.jpg"]
    sample.ground_truth.detections.append(fo.Detection(label="x", bounding_box=[0, 0, 0.1, 0.1]))
    sample.predictions.detections[0].tags.append("drop")
    sample.save()
    dataset.add_sample(fo.Sample("new.jpg"))
    dataset.delete_samples([found["行人.jpg"].id])
    told = pulled(dataset)
    assert len(told.decisions) == 0
    assert told.notes == (
        "1 labels were drawn in FiftyOne: no decision adds a box",
        "1 predictions are tagged: decisions are about labels",
        "1 samples that curate did not write",
        "1 samples were taken out of the dataset: `drop` as a tag says so",
    )


def test_decisions_are_those_of_fiftyones_own_tagging_of_a_view(fo, street) -> None:
    dataset = build(street, findings=curate.audit(street, select="BOX-002")).dataset
    dataset.load_saved_view("BOX-002 box-outside-image").tag_labels("false-alarm")
    assert only(pulled(dataset).decisions)["image"] == "labels/low/b.jpg"


def test_the_images_of_a_view_are_a_subset_file(fo, street, tmp_path: Path, capsys) -> None:
    dataset = build(street, findings=curate.audit(street)).dataset
    wanted = dataset.load_saved_view("BOX-002 box-outside-image")
    ((image_id, key),) = image_ids(wanted)
    path = tmp_path / "outside.txt"
    words = ["--view", "BOX-002 box-outside-image", "--ids", str(path)]
    assert main([*PULL, *words]) == 0
    assert path.read_text(encoding="utf-8") == f"{image_id:016x}\t{key}\n"
    words = ["browse", str(tmp_path / "labels.json"), "--images", str(tmp_path / "images")]
    assert main([*words, "--subset", str(path), "--no-launch"]) == 0
    assert capsys.readouterr().out.endswith("saved views\n")
    assert dataset.reload() is None
    assert dataset.match_tags("outside").values("image_key") == ["labels/low/b.jpg"]


def test_decisions_are_written_as_parquet_and_csv(fo, street, tmp_path: Path) -> None:
    dataset = build(street).dataset
    tag(dataset, "a.jpg", 0, "drop")
    box_id = int(street.boxes["box_id"][0])
    assert main([*PULL, "-o", str(tmp_path / "d.parquet")]) == 0
    table = pd.read_parquet(tmp_path / "d.parquet")
    assert (table["verdict"].tolist(), table["box_id"].tolist()) == (["drop"], [box_id])
    assert main([*PULL, "-o", str(tmp_path / "d.csv")]) == 0
    assert pd.read_csv(tmp_path / "d.csv")["box_id"].tolist() == [f"{box_id:016x}"]
