"""From FiftyOne home again: what is said there changes the next audit and the next dataset."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

import curate
from curate.browse.building import build
from curate.browse.database import owned
from curate.cli import main, review_pull
from curate.review.files import read_decisions
from tests.browse.test_building import by_name

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SOURCE = ["labels.json", "--images", "images"]
NAME = "curate/labels"


@pytest.fixture
def browsed(fo, street, tmp_path: Path, monkeypatch, capsys):
    """The set `street` shown with its audit for BOX-002, in the folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    assert main(["audit", *SOURCE, "--select", "BOX-002", "-o", "audit.json"]) == 1
    assert main(["browse", *SOURCE, "--audit", "audit.json", "--no-launch"]) == 0
    capsys.readouterr()
    return owned(fo, NAME)


def pull(*words: str) -> None:
    assert main(["review", "pull", "--from", "fiftyone", "-o", "decisions.parquet", *words]) == 0


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_tag_on_a_label_takes_its_finding_out_of_the_next_audit(browsed, capsys) -> None:
    browsed.load_saved_view("BOX-002 box-outside-image").tag_labels("false-alarm")
    pull("--who", "anna")
    assert capsys.readouterr().out == "decisions.parquet: 1 decisions (false-alarm 1)\n"
    again = ["audit", *SOURCE, "--select", "BOX-002", "--decisions", "decisions.parquet"]
    assert main([*again, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["findings"] == []
    assert main(again) == 0
    # None of one is right: the exact upper limit is 1 - 0.025 ** (1 / 1) (Clopper and Pearson).
    told = "BOX-002 reviewed 1: 0 confirmed, 1 false alarms, precision 0.00 (0.00 to 0.97)"
    assert told in capsys.readouterr().out


def test_a_finding_that_is_confirmed_stays_and_counts_for_its_check(browsed, capsys) -> None:
    browsed.load_saved_view("BOX-002 box-outside-image").tag_labels("confirm")
    pull()
    capsys.readouterr()
    again = ["audit", *SOURCE, "--select", "BOX-002", "--decisions", "decisions.parquet"]
    assert main(again) == 1
    told = "BOX-002 reviewed 1: 1 confirmed, 0 false alarms, precision 1.00 (0.03 to 1.00)"
    assert told in capsys.readouterr().out


def test_fix_drop_edit_and_deletion_make_a_new_dataset_with_a_log(browsed, tmp_path: Path) -> None:
    found = by_name(browsed)
    first, second = found["a.jpg"].ground_truth.detections
    first.tags.append("fix:car")
    second.tags.append("drop")
    found["a.jpg"].save()
    (moved,) = found["b.jpg"].ground_truth.detections
    moved.bounding_box, moved.label = [0.5, 0.2, 0.25, 0.5], "car"
    found["b.jpg"].save()
    found["行人.jpg"].ground_truth.detections = []
    found["行人.jpg"].save()
    sources = ["labels.json", *(f"images/{name}" for name in content(tmp_path / "images"))]
    before = {name: (tmp_path / name).read_bytes() for name in sources}
    pull("--who", "anna")
    assert main(["review", "apply", "decisions.parquet", *SOURCE, "-o", "reviewed"]) == 0
    boxes = curate.load(Path("reviewed")).boxes
    assert boxes["label"].tolist() == ["car", "car"]
    # 100 x 50 px: the box that was moved lies at x 50 .. 75 and y 10 .. 35.
    edges = boxes[["x1", "y1", "x2", "y2"]].to_numpy().round(9).tolist()
    assert edges == [[10.0, 20.0, 30.0, 25.0], [50.0, 10.0, 75.0, 35.0]]
    with Path("reviewed/changes.csv").open(encoding="utf-8", newline="") as file:
        log = list(csv.DictReader(file))
    assert {row["who"] for row in log} == {"anna"}
    told = [(row["image"], row["verdict"], row["column"]) for row in log]
    assert ("labels/a.jpg", "fix", "label") in told
    assert ("labels/a.jpg", "drop", "box") in told
    assert {c for image, v, c in told if v == "edit"} == {"label", "x1", "x2", "y2"}
    assert ("labels/行人.jpg", "drop", "label_state") in told
    assert {name: (tmp_path / name).read_bytes() for name in sources} == before


def test_decisions_on_boxes_that_changed_meanwhile_are_told_and_not_applied(
    browsed, tmp_path: Path, capsys
) -> None:
    sample = by_name(browsed)["a.jpg"]
    sample.ground_truth.detections[0].tags.append("fix:car")
    sample.save()
    pull()
    document = json.loads((tmp_path / "labels.json").read_text(encoding="utf-8"))
    document["categories"][0]["name"] = "pedestrian"
    (tmp_path / "labels.json").write_text(json.dumps(document), encoding="utf-8")
    capsys.readouterr()
    assert main(["review", "apply", "decisions.parquet", *SOURCE, "-o", "reviewed"]) == 1
    assert "it is not as it was when it was decided on" in capsys.readouterr().err


def test_pull_refuses_a_dataset_of_others_and_one_that_is_not_there(browsed, fo, capsys) -> None:
    fo.Dataset("theirs").add_sample(fo.Sample("x.jpg", tags=["drop"]))
    words = ["review", "pull", "--from", "fiftyone", "-o", "decisions.csv", "--name"]
    assert main([*words, "theirs"]) == 2
    assert "theirs: is a FiftyOne dataset that curate did not make" in capsys.readouterr().err
    assert main([*words, "nothing"]) == 2
    assert "there is no FiftyOne dataset 'nothing'" in capsys.readouterr().err
    assert not Path("decisions.csv").exists()


def test_an_ending_that_is_neither_is_refused_before_anything_is_read(browsed, capsys) -> None:
    assert main(["review", "pull", "--from", "fiftyone", "-o", "decisions.json"]) == 2
    assert "-o 'decisions.json' should end with .parquet or .csv" in capsys.readouterr().err


def test_the_examples_of_the_help_of_pull_run(fo, street, browsed, capsys) -> None:
    examples = re.findall(r"^Example: curate (.+)$", review_pull.__doc__ or "", re.MULTILINE)
    assert len(examples) == 2
    for name in fo.list_datasets():
        fo.delete_dataset(name)
    less = street.with_tables(boxes=street.boxes[:2])
    build(street, predictions=less, name="curate/street")
    for line in examples:
        assert main(shlex.split(line)) == 0
    assert len(read_decisions([Path("decisions.parquet")])) == 0
    # The boxes of b.jpg and 行人.jpg are not found.
    lines = Path("missed.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[1] for line in lines] == ["labels/low/b.jpg", "labels/行人.jpg"]


def test_the_reviewed_dataset_is_browsed_beside_the_source(browsed, fo, tmp_path: Path) -> None:
    sample = by_name(browsed)["a.jpg"]
    sample.ground_truth.detections[1].tags.append("drop")
    sample.save()
    pull()
    assert main(["review", "apply", "decisions.parquet", *SOURCE, "-o", "reviewed"]) == 0
    words = ["reviewed", "--images", "images", "--as", "curate/reviewed", "--no-launch"]
    assert main(["browse", *words]) == 0
    sizes = [len(one.values("ground_truth.detections.id", unwind=True)) for one in (
        owned(fo, NAME), owned(fo, "curate/reviewed")
    )]  # fmt: skip
    assert sizes == [4, 3]
    # Nothing is left to be decided there: the change has been made.
    shutil.move("decisions.parquet", "old.parquet")
    pull("--name", "curate/reviewed")
    assert main(["review", "apply", "decisions.parquet", "reviewed", "--dry-run"]) == 0
