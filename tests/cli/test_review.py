"""curate review: what it prints, writes and refuses, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import subprocess
import sys

import pytest
import typer

import curate as package
from curate.cli import app, main
from curate.review.files import read_decisions, write_decisions
from curate.tables import hex_id
from tests.test_schemas import fitting

GROUP = typer.main.get_command(app).commands["review"]
EXAMPLES = [
    words
    for command in GROUP.commands.values()
    for words in re.findall(r"^Example: curate (.+)$", command.help, re.MULTILINE)
]
HEAD = "subject,box_id,image,verdict,label,x1,y1,x2,y2,who\n"
IMAGE = "instances/a.jpg"


@pytest.fixture
def labels(curate, coco, here):
    """A COCO file of three boxes; gives the hex ids of its boxes."""
    path = coco(boxes=[(2, 3, 18, 27), (30, 5, 10, 10), (45, 5, 10, 30)])
    return [hex_id(own) for own in package.read(path).boxes["box_id"]]


@pytest.fixture
def decisions(here):
    """Writes lines of decisions as CSV; gives the name of the file."""

    def write(*lines, name="decisions.csv"):
        (here / name).write_text(HEAD + "".join(f"{line}\n" for line in lines))
        return name

    return write


@pytest.mark.parametrize("name", GROUP.commands)
def test_each_command_of_the_group_has_a_page_with_two_examples(curate, name):
    code, out, err = curate("review", name, "--help")
    assert (code, err) == (0, "")
    own = [words for words in EXAMPLES if words.split()[1] == name]
    assert len(own) == 2
    assert all(f"Example: curate {words}\n" in out for words in own)


def test_group_without_a_word_shows_its_commands(curate):
    code, out, err = curate("review")
    assert code == 2
    assert all(f"{name} " in out + err for name in GROUP.commands)


# Those of pull need FiftyOne: tests/browse/test_home.py runs them.
@pytest.mark.parametrize("line", [line for line in EXAMPLES if " apply " in line])
def test_each_example_runs(curate, here, voc, decisions, line):
    voc("labels/a.xml")
    dataset = package.read(here / "labels")
    (box_id,) = dataset.boxes["box_id"]
    write_decisions(
        read_decisions([here / decisions(f"box,{hex_id(box_id)},labels/a.jpg,drop,,,,,,")]),
        here / "decisions.parquet",
    )
    package.save(dataset, here / "street")
    code, out, _ = curate(*shlex.split(line))
    assert code == 0
    assert "drop box, applied: 1\n" in out


def test_help_of_the_group_loads_neither_pandas_nor_numpy():
    code = (
        "import json, sys; from curate.cli import main; main(['review', 'apply', '--help']); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert not loaded & {"pandas", "numpy", "pyarrow", "PIL", "msgspec", "rich", "yaml"}


def test_a_new_dataset_is_written_with_its_log_and_the_source_is_as_it_was(
    curate, here, labels, decisions, files
):
    name = decisions(
        f"box,{labels[0]},{IMAGE},fix,van,,,,,ann",
        f"box,{labels[1]},{IMAGE},drop,,,,,,ann",
        f"box,{labels[2]},{IMAGE},edit,,45,5,56.5,35,ann",
    )
    before = files()
    code, out, err = curate("review", "apply", name, "instances.json", "-o", "out")
    assert code == 0
    assert out.splitlines() == [
        "drop box, applied: 1",
        "edit box, applied: 1",
        "fix box, applied: 1",
        "3 changes -> out, every change in out/changes.csv",
    ]
    assert err == "a class that the source does not have: 'van'\n"
    assert {key: body for key, body in files().items() if not key.startswith("out/")} == before
    rows = list(csv.DictReader(io.StringIO((here / "out/changes.csv").read_text())))
    assert [(row["box_id"], row["column"], row["old"], row["new"]) for row in rows] == [
        (labels[0], "label", "car", "van"),
        (labels[1], "box", "car 30.0 5.0 40.0 15.0", "dropped"),
        (labels[2], "x2", "55.0", "56.5"),
    ]
    assert curate("export", "out", "--to", "coco", "-o", "coco")[0] == 0
    (written,) = (here / "coco").glob("*.json")
    document = json.loads(written.read_text())
    names = {kind["id"]: kind["name"] for kind in document["categories"]}
    assert [(names[one["category_id"]], one["bbox"]) for one in document["annotations"]] == [
        ("van", [2, 3, 18, 27]),
        ("car", [45, 5, 11.5, 30]),
    ]


@pytest.mark.parametrize("target", ["voc", "coco", "yolo", "kitti"])
def test_an_image_left_without_boxes_is_exported_as_empty(curate, here, voc, decisions, target):
    voc("labels/a.xml")
    (box_id,) = package.read(here / "labels").boxes["box_id"]
    name = decisions(f"box,{hex_id(box_id)},labels/a.jpg,drop,,,,,,")
    assert curate("review", "apply", name, "labels", "-o", "out")[0] == 0
    code, out, _ = curate("export", "out", "--to", target, "-o", "to")
    assert code == 0
    assert "label_state" not in out
    again = package.read(here / "to", package.ReadOptions(format=target, size_wh=(60, 40)))
    assert (len(again.boxes), again.images["label_state"].tolist()) == (0, ["empty"])


@pytest.mark.parametrize(("words", "code"), [([], 1), (["--fail-on", "never"], 0)])
def test_what_cannot_be_applied_is_told_and_fails(curate, labels, decisions, words, code):
    name = decisions(f"box,0000000000000001,{IMAGE},drop,,,,,,ann")
    found, out, err = curate("review", "apply", name, "instances.json", "-o", "out", *words)
    assert found == code
    assert "drop box, gone: 1\n0 changes -> out" in out
    assert err == (
        f"not applied: box 0000000000000001 of {IMAGE}: drop: it is not in the dataset - give the "
        "dataset that was reviewed, or decide anew\n"
    )


def test_ten_of_many_are_told_and_json_lists_all(curate, labels, decisions):
    rows = [f"box,{n:016x},{IMAGE},drop,,,,,,{who}" for n in range(12) for who in ("ann", "")]
    rows += [f"box,{n:016x},{IMAGE},confirm,,,,,,bob" for n in range(12)]
    words = ("review", "apply", decisions(*rows), "instances.json", "--dry-run")
    _, _, err = curate(*words)
    assert err.count("not applied: box ") == err.count(": the last holds\n") == 10
    assert "… 2 more on which people differ\n" in err
    assert "… 2 more not applied (--json lists them)\n" in err
    document = fitting(curate(*words, "--json")[1], "review-apply-1.schema.json")
    assert len(document["not_applied"]) == len(document["contradictions"]) == 12
    assert (document["overruled"], document["output"]) == (24, None)


def test_several_files_are_applied_in_their_order(curate, labels, decisions, here):
    first = decisions(f"box,{labels[0]},{IMAGE},fix,van,,,,,ann", name="a.csv")
    second = decisions(f"box,{labels[0]},{IMAGE},fix,bus,,,,,ann", name="b.csv")
    words = ("review", "apply", first, "instances.json", "--decisions", second, "-o", "out")
    assert curate(*words)[0] == 0
    assert package.load(here / "out").boxes["label"].tolist() == ["bus", "car", "car"]


def test_findings_are_left_to_the_audit_which_is_said(curate, labels, here):
    (here / "d.csv").write_text(
        "subject,finding_id,check,verdict\nfinding,0000000000000001,BOX-002,false-alarm\n"
    )
    code, out, err = curate("review", "apply", "d.csv", "instances.json", "--dry-run")
    assert (code, out) == (0, "0 changes -> nothing written\n")
    assert err == "1 decisions on findings: curate audit --decisions takes them\n"


def test_a_dry_run_writes_nothing_and_one_input_gives_the_same_bytes(
    curate, labels, decisions, files
):
    name = decisions(f"box,{labels[0]},{IMAGE},drop,,,,,,ann")
    before = files()
    words = ("review", "apply", name, "instances.json")
    assert curate(*words, "-o", "out", "--dry-run")[0] == 0
    assert files() == before
    for folder in ("one", "two"):
        assert curate(*words, "-o", folder)[0] == 0
    both = files()
    ones = {n.partition("/")[2]: body for n, body in both.items() if n.startswith("one/")}
    assert ones == {n.partition("/")[2]: body for n, body in both.items() if n.startswith("two/")}
    assert curate(*words, "-o", "one")[0] == 2
    assert curate(*words, "-o", "one", "--force")[0] == 0


def test_the_decisions_are_never_overwritten(curate, labels, decisions, here):
    (here / "out").mkdir()
    name = decisions(f"box,{labels[0]},{IMAGE},drop,,,,,,", name="out/d.csv")
    code, out, err = curate("review", "apply", name, "instances.json", "-o", "out", "--force")
    assert (code, out) == (2, "")
    assert "holds the source" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["d.csv", "instances.json"], "nothing would be written - give -o FOLDER, or --dry-run"),
        (["none.csv", "instances.json", "--dry-run"], "none.csv: cannot be read"),
        (["bad.csv", "instances.json", "--dry-run"], "bad.csv:2: verdict is 'mend'"),
        (["-", "-", "--dry-run"], "- is given twice"),
        (["d.csv", "none.json", "--dry-run"], "none.json"),
    ],
)
def test_wrong_words_are_refused(curate, labels, decisions, monkeypatch, words, said):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(HEAD.encode())))
    decisions(name="d.csv")
    decisions(f"box,{labels[0]},{IMAGE},mend,,,,,,", name="bad.csv")
    code, out, err = curate("review", "apply", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_faults_of_reading_count_as_they_do_elsewhere(curate, coco, decisions):
    coco(categories=[])
    code, _, err = curate("review", "apply", decisions(), "instances.json", "--dry-run")
    assert code == 1
    assert "findings while reading: SRC-004 1" in err
    assert main(["review", "apply", "decisions.csv", "instances.json", "--dry-run",
                 "--fail-on", "never"]) == 0  # fmt: skip
