"""curate fix: what it shows, writes and refuses, and its exit codes."""

from __future__ import annotations

import csv
import io

import pytest

import curate as package
from tests.test_schemas import fitting

OVER = (50, 10, 20, 20)  # its right edge at 70 is 10 px outside of the 60 px
SMALL = (5, 5, 2, 9)
OUTSIDE = (70, 10, 9, 9)
RULES = ("--definitions", "box.visible")


def test_a_diff_shows_image_box_column_values_and_clause_and_writes_nothing(curate, coco, files):
    path = coco(boxes=[OVER, SMALL])
    before = files()
    code, out, err = curate("fix", path, *RULES, "--diff")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("instances.json:")
    assert " instances/a.jpg [1] " in lines[0]
    assert lines[1] == "  x2: 70.0 -> 60.0  (VIS-002)"
    assert lines[3] == "  role: include -> ignore  (VIS-003)"
    assert lines[-1] == "2 values of 2 boxes changed -> nothing written"
    assert files() == before


def test_a_new_dataset_is_written_with_its_log_and_undone_byte_for_byte(curate, here, coco, files):
    path = coco(boxes=[OVER, SMALL, (1, 1, 9, 9)])
    source = path.read_bytes()
    assert curate("ingest", path, "-o", "plain")[0] == 0
    code, out, _ = curate("fix", path, *RULES, "-o", "fixed")
    assert code == 0
    assert out.splitlines()[-1] == "2 values of 2 boxes changed -> fixed"
    assert package.load("fixed").boxes["x2"].tolist() == [60, 7, 10]
    rows = list(csv.DictReader(io.StringIO((here / "fixed/changes.csv").read_text())))
    assert [(row["column"], row["old"], row["new"]) for row in rows] == [
        ("x2", "70.0", "60.0"),
        ("role", "include", "ignore"),
    ]
    assert curate("fix", "--undo", "fixed", "-o", "before")[0] == 0
    parts = {"plain": {}, "before": {}}
    for name, body in files().items():
        folder, _, rest = name.partition("/")
        if folder in parts:
            parts[folder][rest] = body
    assert parts["before"] == parts["plain"]
    assert path.read_bytes() == source


def test_json_is_a_document_of_the_schema(curate, coco):
    path = coco(boxes=[OVER, OUTSIDE])
    code, out, _ = curate("fix", path, *RULES, "-o", "fixed", "--diff", "--json")
    assert code == 1
    document = fitting(out, "fix-1.schema.json")
    (stated,) = document["definitions"]
    assert stated.startswith("box.visible@")
    assert document["changes"] == [
        {"clause": "VIS-002", "definition": stated, "column": "x2", "boxes": 1}
    ]
    (left,) = document["left"]
    assert (left["clause"], left["before"], left["after"], left["applied"]) == (
        "VIS-002",
        2,
        1,
        True,
    )
    assert [(one["old"], one["new"]) for one in document["diff"]] == [("70.0", "60.0")]
    assert (document["boxes"], document["changed"], document["output"]) == (2, 1, "fixed")
    _, out, _ = curate("fix", "--undo", "fixed", "--dry-run", "-o", "x", "--json")
    document = fitting(out, "fix-1.schema.json")
    assert (document["undone"], document["output"], document["diff"]) == (True, None, None)


@pytest.mark.parametrize(("words", "code"), [([], 1), (["--fail-on", "never"], 0)])
def test_boxes_that_could_not_be_mended_are_told_and_fail(curate, coco, words, code):
    done = curate("fix", coco(boxes=[OUTSIDE]), *RULES, "-o", "fixed", *words)
    assert done[0] == code
    assert "not met: VIS-002 the-box-lies-in-the-image (error, fix): 1 now, 1 before\n" in done[1]


def test_a_dry_run_writes_nothing(curate, coco, files):
    path = coco(boxes=[OVER])
    before = files()
    assert curate("fix", path, *RULES, "-o", "fixed", "--dry-run")[0] == 0
    assert files() == before


def test_one_input_gives_one_output_of_the_same_bytes(curate, coco, files):
    path = coco(boxes=[OVER, SMALL])
    for folder in ("one", "two"):
        curate("fix", path, *RULES, "-o", folder)
    both = files()
    ones = {n.partition("/")[2]: body for n, body in both.items() if n.startswith("one/")}
    assert ones == {n.partition("/")[2]: body for n, body in both.items() if n.startswith("two/")}
    assert "changes.csv" in ones


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["instances.json", *RULES], "give -o FOLDER, or --diff"),
        (["instances.json", "--diff"], "name them with --definitions"),
        (["instances.json", *RULES, "-o", "instances.json"], "is the source"),
        (["instances.json", *RULES, "-o", "fixed"], "exists already"),
        (["instances.json", *RULES, "-o", "other", "--force"], "curate did not write it"),
        (["instances.json", "--definitions", "box.visble", "--diff"], "did you mean 'box.visible'"),
        (["instances.json", *RULES, "--select", "VIS-02", "--diff"], "did you mean 'VIS-002'"),
        (["fixed", "--undo", *RULES, "-o", "before"], "leave out --definitions"),
        (
            ["instances.json", "--definitions", "person", "--vocabulary", "coca", "--diff"],
            "no definition has a vocabulary 'coca' - did you mean 'coco'?",
        ),
        (["plain", "--undo", "-o", "before"], "plain/changes.csv: cannot be read"),
        (["instances.json", "--undo", "-o", "before"], "is not a whole dataset folder"),
        (["relabelled", "--undo", "-o", "before"], "changes.csv: has the columns box_id, image"),
        (["fixed", "--undo", "-o", "fixed", "--force"], "is the source"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_written(curate, here, coco, files, words, said):
    path = coco(boxes=[OVER])
    curate("fix", path, *RULES, "-o", "fixed")
    curate("ingest", path, "-o", "plain")
    (here / "map.yaml").write_text("version: 1\nclasses: {car: bus}\n")
    curate("relabel", path, "--map", "map.yaml", "-o", "relabelled")
    (here / "other").mkdir()
    (here / "other" / "note.txt").write_text("mine")
    before = files()
    code, out, err = curate("fix", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert files() == before
