"""What `curate crops` does with objects that the definition ignores, and what it says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from curate.cli import main
from curate.crops.labelling import Labelling
from curate.crops.making import make_crops
from curate.crops.settling import Settled, settled
from curate.dataset import Dataset
from curate.definitions.loading import load
from curate.definitions.matching import matching_definition
from curate.definitions.model import Definitions
from curate.errors import UsageError
from curate.formats import read
from tests.crops.plainly import Image, Thing
from tests.crops.test_blocks import rows_in
from tests.crops.test_outcomes import CAT, GOOD, SEEN, box_of, dataset_of, detection_of
from tests.definitions.test_matching import written

GROUPS = (
    "COCO's crowds and VOC's difficult objects count neither way in their own evaluations "
    "(is_group or difficult)"
)
HIDDEN = "what is hidden by more than four fifths is guessed (visible_share < min_visible_share)"
CUT = (
    "what is more than half outside of the picture cannot be placed; a flag of 1 tells no share "
    "(truncated > max_truncated_share and truncated < 1)"
)
# Beside one another, 40 px wide each, and what the row of each states.
STATED: list[dict] = [
    {}, {"is_group": True}, {"difficult": True}, {"attributes": '{"visibility": 0.1}'},
    {"truncated": 0.6}, {"truncated": 1.0}, {"role": "ignore"},
]  # fmt: skip


def place(number: int) -> tuple[float, float, float, float]:
    return (50.0 * number, 10.0, 50.0 * number + 40, 50.0)


@pytest.fixture
def truth() -> Dataset:
    boxes = [
        box_of(Thing(10 + n, "a.jpg", "cat", place(n)), **stated) for n, stated in enumerate(STATED)
    ]
    return dataset_of("labels", SEEN, boxes, size=400)


@pytest.fixture
def found() -> Dataset:
    """A detection on each object but the first."""
    things = [Thing(30 + n, "a.jpg", "cat", place(n), 0.9) for n in range(1, len(STATED))]
    return dataset_of("dets", SEEN, [*map(detection_of, things)], size=400)


def decided(truth: Dataset, found: Dataset) -> Settled:
    return settled(truth, found, Labelling(), matching_definition())


def manifest(made: Path) -> list[dict]:
    return pd.read_parquet(made / "manifest.parquet").to_dict("records")


def own_rules(folder: Path, old: str, new: str) -> Definitions:
    return load([written(folder, "own", old, new)])


def test_detections_on_what_is_hidden_or_cut_off_are_ignored_and_told(
    truth: Dataset, found: Dataset, tmp_path: Path
) -> None:
    made = make_crops(truth, found, tmp_path / "out", to="manifest")
    assert made.summary["outcomes"] == {"ignored": 5, "matched": 1, "missed": 1}
    # The object of role ignore is ignored by its own word.
    assert made.summary["notes"] == [
        f"2 objects are ignored by detection: {GROUPS}",
        f"1 objects are ignored by detection: {HIDDEN}",
        f"1 objects are ignored by detection: {CUT}",
    ]
    by_outcome = {row["outcome"]: row["object_id"] for row in manifest(tmp_path / "out")}
    assert by_outcome["missed"] == f"{10:016x}"
    assert by_outcome["matched"] == f"{15:016x}"  # a flag of 1 is no share


def test_a_dry_run_tells_the_same(truth: Dataset, found: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    dry = make_crops(truth, found, out, to="manifest", dry_run=True).summary
    wet = make_crops(truth, found, out, to="manifest").summary
    assert dry["notes"] == wet["notes"]
    assert dry["outcomes"] == wet["outcomes"]


def test_without_truth_nothing_is_ignored_and_nothing_told(found: Dataset, tmp_path: Path) -> None:
    boxes = found.boxes.assign(is_group=True, truncated=0.6)
    hidden = found.with_tables(boxes=boxes.astype({"is_group": "boolean"}))
    made = make_crops(None, hidden, tmp_path / "out", to="manifest")
    assert made.summary["outcomes"] == {"unlabelled": 6}
    assert made.summary["notes"] == []


def test_a_definition_with_other_rows_ignores_other_objects(
    truth: Dataset, found: Dataset, tmp_path: Path
) -> None:
    rules = own_rules(tmp_path, "when: is_group or difficult", "when: x1 < 10")
    made = make_crops(truth, found, tmp_path / "out", to="manifest", definitions=rules)
    # Of the first, which nobody found, nothing is left; groups and difficult ones count.
    assert made.summary["outcomes"] == {"ignored": 3, "matched": 3}
    assert made.summary["notes"][0].startswith("1 objects are ignored by own: COCO's crowds")
    assert made.summary["notes"][0].endswith(" (x1 < 10)")


def test_a_definition_that_ignores_by_a_decision_is_refused(
    truth: Dataset, found: Dataset, tmp_path: Path
) -> None:
    rules = own_rules(tmp_path, "when: is_group or difficult", "when: decision == 'rider'")
    with pytest.raises(UsageError, match="before any mapping gives a decision"):
        make_crops(truth, found, tmp_path / "out", to="manifest", definitions=rules)
    assert not (tmp_path / "out").exists()


def test_what_is_no_object_is_counted_by_no_note(found: Dataset) -> None:
    cut = {"truncated": 0.6}
    boxes = [box_of(CAT), box_of(GOOD, score=None, role="exclude", **cut)]
    boxes += [box_of(Thing(9, "a.jpg", "cat", (60, 60, 80, 80)), shape="point", **cut)]
    made = decided(dataset_of("labels", SEEN, boxes), found)
    assert made.told == ()
    assert made.truth is not None
    assert made.truth.boxes["role"].tolist() == ["include"]


def test_the_full_box_of_a_hidden_object_is_ignored_in_blocks_of_any_size() -> None:
    images = {name: Image() for name in ("a.jpg", "b.jpg", "c.jpg")}
    boxes, things = [], []
    # 3 of 40 px, 8 of 40 px (at the limit) and 20 of 40 px are seen, each in a picture of its own.
    for number, (name, seen) in enumerate(zip(images, (3, 8, 20), strict=True)):
        pair = {"attributes": f'{{"object": "{number}"}}'}
        full = Thing(10 + number, name, "cat", (10, 10, 50, 50))
        visible = Thing(20 + number, name, "cat", (10, 10, 50, 10 + seen))
        boxes += [box_of(full, extent="full", **pair), box_of(visible, extent="visible", **pair)]
        things.append(Thing(30 + number, name, "cat", (10, 10, 50, 50), 0.9))
    truth = dataset_of("labels", images, boxes)
    found = dataset_of("dets", images, [*map(detection_of, things)])
    assert decided(truth, found).told == (f"1 objects are ignored by detection: {HIDDEN}",)
    for n_images in (1, 2, 3):
        rows = rows_in(truth, found, n_images).query("origin == 'detector'")
        assert rows["outcome"].tolist() == ["ignored", "matched", "ambiguous"]


def test_voc_objects_that_are_flagged_as_truncated_count(tmp_path: Path) -> None:
    one = (
        "<object><name>cat</name><truncated>{}</truncated><difficult>{}</difficult>"
        "<bndbox><xmin>{}</xmin><ymin>11</ymin><xmax>{}</xmax><ymax>50</ymax></bndbox></object>"
    )
    objects = one.format(1, 0, 11, 50) + one.format(0, 1, 61, 100)
    size = "<size><width>200</width><height>100</height><depth>3</depth></size>"
    text = f"<annotation><filename>a.jpg</filename>{size}{objects}</annotation>"
    (tmp_path / "a.xml").write_text(text, encoding="utf-8")
    truth = read(tmp_path / "a.xml")
    assert truth.boxes["truncated"].tolist() == [1.0, 0.0]
    found = dataset_of("dets", SEEN, [detection_of(GOOD)])
    made = decided(truth, found)
    assert made.truth is not None
    assert made.truth.boxes["role"].tolist() == ["include", "ignore"]
    assert made.told == ()


def test_hidden_objects_of_mot_are_counted(real_data: Path) -> None:
    source = real_data / "mot" / "MOT17-mini"
    text = (source / "train/MOT17-02-FRCNN/gt/gt.txt").read_text(encoding="utf-8")
    rows = [line.split(",") for line in text.splitlines()]
    n_hidden = sum(row[6] != "0" and float(row[8]) < 0.2 for row in rows)
    assert n_hidden > 0
    both = read(source)
    assert decided(both, both).told == (f"{n_hidden} objects are ignored by detection: {HIDDEN}",)


def test_the_command_says_what_is_ignored(tmp_path: Path, capsys) -> None:
    header = "image_name,width,height,label,x1,y1,x2,y2,truncated,score\n"
    (tmp_path / "truth.csv").write_text(
        header + "a.jpg,200,100,cat,10,10,50,50,0.75,\na.jpg,200,100,cat,60,10,100,50,,\n"
    )
    (tmp_path / "dets.csv").write_text(header + "a.jpg,200,100,cat,10,10,50,50,,0.9\n")
    argv = ["crops", str(tmp_path / "truth.csv"), "--from-detector", str(tmp_path / "dets.csv")]
    argv += ["-o", str(tmp_path / "out"), "--to", "manifest"]
    assert main(argv) == 0
    said = capsys.readouterr()
    assert f"1 objects are ignored by detection: {CUT}" in said.err
    assert "outcomes: ignored 1, missed 1" in said.out
    document = json.loads((tmp_path / "out" / "crops.json").read_text())
    assert document["notes"] == [f"1 objects are ignored by detection: {CUT}"]
