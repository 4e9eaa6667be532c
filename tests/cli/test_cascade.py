"""curate cascade: what stands on stdout and stderr, the files that it writes, the exit codes."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.cascade.manifests import detection, worked, write_set
from tests.test_schemas import fitting

COSTS = "detector=4,classifier=0.5,expensive=46"


@pytest.fixture
def crops(here):
    """The worked example's set and answers: crops, answers.csv."""
    worked(here)


def test_the_table_and_the_best_points_stand_on_stdout(curate, crops):
    code, out, err = curate("cascade", "crops")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("4 objects in 5 images: 3 matched, 1 duplicate, 2 background")
    assert lines[1].split()[:4] == ["score", "recall", "low", "high"]
    # The score of 0.4: three of four objects, two with a crop.
    row = next(line.split() for line in lines if line.startswith("0.400"))
    assert [row[1], row[4], row[5], row[7]] == ["0.750", "0.500", "0.600", "1.20"]
    assert "note: no groups in the manifest" in err


def test_json_is_a_document_of_its_schema_and_stands_alone_on_stdout(curate, crops):
    words = ["--classifier", "answers.csv", "--cost", COSTS, "--max-fp-per-image", "0.2"]
    code, out, err = curate("cascade", "crops", *words, "--json", "-o", "c.json")
    assert code == 0
    document = fitting(out, "cascade-1.schema.json")
    assert document["objects"] == 4
    assert document["front"]
    assert {point["name"] for point in document["recommended"]} >= {"within-limit"}
    assert "c.json written" in err
    plain = fitting(curate("cascade", "crops", "--json")[1], "cascade-1.schema.json")
    assert plain["front"] is None


def test_each_form_is_written_and_the_same_each_time(curate, crops, files):
    words = ["cascade", "crops", "--classifier", "answers.csv", "--max-fp-per-image", "0.2"]
    outs = [word for name in ("a.csv", "a.json", "a.html") for word in ("-o", name)]
    assert curate(*words, *outs)[0] == 0
    first = files()
    assert curate(*words, *outs)[0] == 2
    assert curate(*words, *outs, "--force")[0] == 0
    assert files() == first
    rows = list(csv.DictReader(io.StringIO(first["a.csv"].decode())))
    document = json.loads(first["a.json"])
    kinds = [row["kind"] for row in rows]
    assert kinds.count("sweep") == len(document["sweep"])
    assert kinds.count("front") == len(document["front"])
    assert float(rows[0]["recall"]) == document["sweep"][0]["recall"]
    assert first["a.html"].startswith(b"<!DOCTYPE html>")


def test_a_dry_run_writes_nothing(curate, crops, files):
    before = files()
    code, _, err = curate("cascade", "crops", "-o", "a.csv", "--dry-run")
    assert (code, files()) == (0, before)
    assert "a.csv not written (--dry-run)" in err


def test_a_limit_that_no_point_keeps_ends_with_1(curate, here):
    rows = [detection(0.5, "background", "car"), detection(0.4, "matched", "car")]
    write_set(here / "crops", rows)
    code, out, _ = curate("cascade", "crops", "--max-fp-per-image", "0.5")
    assert code == 1
    assert "within-limit: no point with any recall has 0.5 false per image or fewer" in out


def test_answers_come_from_stdin(curate, crops, here, monkeypatch):
    wanted = curate("cascade", "crops", "--classifier", "answers.csv", "--json")[1]
    body = io.TextIOWrapper(io.BytesIO((here / "answers.csv").read_bytes()))
    monkeypatch.setattr("sys.stdin", body)
    assert curate("cascade", "crops", "--classifier", "-", "--json")[1] == wanted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cost", "detector=4"], "--cost has no classifier"),
        (["--cost", "detecter=4"], "did you mean 'detector'?"),
        (["--cost", "detector=x,classifier=1"], "--cost: detector is 'x'"),
        (["--cost", "detector=1,detector=2"], "--cost names detector twice"),
        (["--cost", "detector=1,classifier=1,expensive=0"], "expensive is 0"),
        (["--cost", "detector=1,classifier=-1"], "should be a number of 0 or more"),
        (["--at", "0.5,x"], "--at has 'x'"),
        (["--accept", "2"], "--accept is 2, should be 0 to 1"),
        (["--max-missed", "nan"], "--max-missed is nan, should be 0 to 1"),
        (["--max-fp-per-image", "-1"], "--max-fp-per-image is -1"),
        (["--seed", "-1"], "--seed is -1"),
        (["--trained-on", "train"], "--trained-on is about a classifier"),
        (["--split", "val"], "--split 'val' is not in the manifest, which has none stated"),
        (["-o", "a.txt"], "has no ending of a result - use one of .csv, .json, .html"),
        (["-o", "crops/a.csv"], "lies in the source crops, which is never changed"),
        (["-o", "answers.csv", "--force"], "exists, and is no result of curate cascade"),
    ],
)
def test_words_that_have_no_sense_end_with_2(curate, crops, files, words, message):
    before = files()
    code, out, err = curate("cascade", "crops", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert files() == before
