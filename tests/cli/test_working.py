"""curate audit --baseline, --write-baseline: what fails, what is shown, what is written."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_audit import OUTSIDE, SMALL
from tests.test_schemas import fitting

WIDE = (55, 3, 30, 9)


@pytest.fixture
def known(curate, coco):
    """A baseline of one box outside of its image."""
    coco(boxes=[OUTSIDE])
    assert curate("audit", "instances.json", "--write-baseline", "known.json")[0] == 0
    return "known.json"


def test_a_written_baseline_knows_all_findings_of_its_run(curate, here, coco):
    path = coco(boxes=[OUTSIDE, SMALL])
    code, out, err = curate("audit", path, "--write-baseline", "known.json")
    assert (code, out) == (0, "  … 2 known findings (--known shows)\n")
    assert "known.json written, known findings: 2\n" in err
    assert "0 errors, 0 warnings, 0 info; 2 known\n" in err
    text = (here / "known.json").read_text()
    assert fitting(text, "baseline-1.schema.json")["counts"] == {"BOX-002": 1, "BOX-004": 1}


def test_only_new_findings_fail_and_are_shown(curate, coco, known):
    code, out, err = curate("audit", coco(boxes=[OUTSIDE]), "--baseline", known)
    assert (code, out) == (0, "  … 1 known finding (--known shows)\n")
    code, out, err = curate("audit", coco(boxes=[OUTSIDE, WIDE]), "--baseline", known)
    assert code == 1
    assert "[2]: BOX-002" in out
    assert "[1]: BOX-002" not in out
    assert "1 error, 0 warnings, 0 info; 1 known\n" in err


def test_known_findings_are_shown_when_asked_for_and_do_not_fail(curate, coco, known):
    code, out, _ = curate("audit", coco(boxes=[OUTSIDE]), "--baseline", known, "--known")
    assert code == 0
    assert "[1]: BOX-002 box-outside-image (error, known): " in out


def test_what_is_gone_is_counted_as_mended(curate, coco, known):
    code, out, err = curate("audit", coco(), "--baseline", known)
    assert (code, out) == (0, "")
    assert "0 info; 1 mended\n" in err
    assert "mended" not in curate("audit", coco(), "--baseline", known, "--select", "REL")[2]


def test_json_tells_what_is_known(curate, coco, known):
    _, out, _ = curate("audit", coco(boxes=[OUTSIDE, WIDE]), "--baseline", known, "--json")
    document = fitting(out, "audit-1.schema.json")
    assert (document["known"], document["mended"], document["waived"]) == (1, 0, 0)
    assert {one["source_id"]: one["known"] for one in document["findings"]} == {
        "1": True,
        "2": False,
    }


def test_the_project_file_names_the_baseline_and_the_command_line_wins(curate, here, coco, known):
    (here / "curate.yaml").write_text("version: 1\nbaseline: known.json\n")
    assert curate("audit", coco(boxes=[OUTSIDE]))[0] == 0
    (here / "none.json").write_text(
        '{"schema": "curate.baseline/1", "source": "instances", "counts": {}, "findings": []}'
    )
    assert curate("audit", coco(boxes=[OUTSIDE]), "--baseline", "none.json")[0] == 1


def test_the_first_baseline_of_a_project_can_be_written(curate, here, coco):
    (here / "curate.yaml").write_text("version: 1\nbaseline: known.json\n")
    path = coco(boxes=[OUTSIDE])
    code, _, err = curate("audit", path)
    assert code == 2
    assert "known.json: cannot be read" in err
    assert curate("audit", path, "--write-baseline", "known.json")[0] == 0
    assert curate("audit", path)[0] == 0


def test_a_baseline_is_read_and_written_anew_in_one_run(curate, here, coco, known):
    words = ("--baseline", known, "--write-baseline", known, "--force")
    code, _, err = curate("audit", coco(boxes=[(2, 3, 9, 9), WIDE]), *words)
    assert code == 0
    assert "1 known, 1 mended" in err
    assert json.loads((here / known).read_text())["counts"] == {"BOX-002": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--write-baseline", "known.json"], "known.json: exists already"),
        (["--write-baseline", "r.json", "--force"], "exists, and is no baseline of curate"),
        (["--write-baseline", "instances.json"], "is the source"),
        (["--write-baseline", "-"], "name a file"),
        (["--baseline", "r.json"], "r.json: has schema 'curate.audit/1'"),
        (["--baseline", "none.json"], "none.json: cannot be read"),
    ],
)
def test_wrong_files_are_refused_before_anything_is_written(
    curate, coco, files, known, words, said
):
    path = coco(boxes=[OUTSIDE])
    curate("audit", path, "-o", "r.json")
    before = files()
    code, out, err = curate("audit", "instances.json", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert files() == before


def test_a_dry_run_writes_no_baseline(curate, coco, files):
    path = coco(boxes=[OUTSIDE])
    before = files()
    words = ("--write-baseline", "known.json", "--dry-run")
    code, _, err = curate("audit", path, *words)
    assert code == 0
    assert "known.json not written (--dry-run), known findings: 1\n" in err
    assert files() == before


def test_a_report_that_only_tells_of_known_findings_can_be_replaced(curate, coco, known):
    words = ("--baseline", known, "-o", "r.txt")
    assert curate("audit", coco(boxes=[OUTSIDE]), *words)[0] == 0
    assert curate("audit", coco(boxes=[OUTSIDE]), *words, "--force")[0] == 0


def test_one_audit_gives_one_baseline_of_the_same_bytes(curate, coco, files):
    path = coco(boxes=[OUTSIDE, WIDE, SMALL])
    for name in ("one.json", "two.json"):
        curate("audit", path, "--write-baseline", name)
    assert files()["one.json"] == files()["two.json"]
