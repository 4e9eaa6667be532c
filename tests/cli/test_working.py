"""curate audit --baseline, --write-baseline: what fails, what is shown, what is written."""

from __future__ import annotations

import json

import pytest

from tests.checks.test_own import GOOD
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


WAIVER = "{check: BOX-002, image: 'instances/*', reason: seen, author: QA, until: 2026-06-15}"


@pytest.fixture
def waivers(here):
    """Writes a waiver file of one entry; gives its path."""

    def write(entry=WAIVER, name="waivers.yaml"):
        (here / name).write_text(f"version: 1\nwaivers:\n  - {entry}\n")
        return name

    return write


def test_waived_findings_are_counted_and_neither_shown_nor_failed(curate, coco, waivers):
    path = coco(boxes=[OUTSIDE, SMALL])
    words = ("audit", path, "--waivers", waivers(), "--today", "2026-06-15")
    code, out, err = curate(*words)
    assert code == 0
    assert "BOX-002" not in out
    assert "0 errors, 1 warning, 0 info; 1 waived\n" in err
    document = fitting(curate(*words, "--json")[1], "audit-1.schema.json")
    assert (document["counts"], document["waived"]) == ({"BOX-004": 1}, 1)
    assert len(document["findings"]) == 1


def test_after_its_last_day_a_waiver_is_a_finding_and_what_it_waived_is_back(curate, coco, waivers):
    words = ("audit", coco(boxes=[OUTSIDE]), "--waivers", waivers(), "--today", "2026-06-16")
    code, out, err = curate(*words)
    assert code == 1
    assert "BOX-002 box-outside-image (error)" in out
    assert "waivers.yaml:3 [BOX-002 instances/*]: WAI-001 waiver-expired (warning): " in out
    assert "1 error, 1 warning, 0 info\n" in err


def test_the_day_of_the_clock_is_taken_otherwise(curate, coco, waivers):
    path = coco(boxes=[OUTSIDE])
    long = waivers(WAIVER.replace("2026-06-15", "9999-12-31"))
    assert curate("audit", path, "--waivers", long)[0] == 0
    past = waivers(WAIVER.replace("2026-06-15", "2001-01-01"))
    assert "WAI-001" in curate("audit", path, "--waivers", past)[1]


def test_findings_about_waivers_are_chosen_as_others_are(curate, coco, waivers):
    words = ("audit", coco(), "--waivers", waivers(), "--today", "2026-06-15")
    assert "WAI-002 waiver-idle (info)" in curate(*words)[1]
    assert curate(*words, "--ignore", "WAI")[1] == ""
    assert curate(*words, "--select", "BOX-002")[1] == ""
    assert curate(*words, "--fail-on", "info")[0] == 1
    assert curate("explain", "WAI-002")[1].startswith("WAI-002 waiver-idle [info]\n")


def test_the_project_file_names_waivers_and_messages_call_them_so(curate, here, coco, waivers):
    (here / "rules").mkdir()
    (here / "curate.yaml").write_text(f"version: 1\nwaivers: {waivers(name='rules/w.yaml')}\n")
    words = ("audit", coco(boxes=[OUTSIDE]), "--today")
    assert curate(*words, "2026-06-15")[0] == 0
    assert "\nrules/w.yaml:3 [" in curate(*words, "2026-06-16")[1]


def test_waived_findings_are_in_no_baseline(curate, here, coco, waivers):
    path = coco(boxes=[OUTSIDE, SMALL])
    words = ("--waivers", waivers(), "--today", "2026-06-15", "--write-baseline", "b.json")
    assert curate("audit", path, *words)[0] == 0
    assert json.loads((here / "b.json").read_text())["counts"] == {"BOX-004": 1}
    assert curate("audit", path, "--baseline", "b.json")[0] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--waivers", "none.yaml"], "none.yaml: cannot be read"),
        (["--waivers", "bad.yaml"], "bad.yaml:3: waivers.0: has no 'reason'"),
        (["--waivers", "bad.yaml", "--today", "June"], "curate: "),
        (["--today", "June"], "--today is 'June', should be a day"),
    ],
)
def test_wrong_waivers_are_refused(curate, coco, waivers, words, said):
    waivers("{check: BOX-002, image: '*'}", "bad.yaml")
    code, out, err = curate("audit", coco(boxes=[OUTSIDE]), *words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_waiver_of_a_check_that_there_is_not_is_refused(curate, coco, waivers):
    path = waivers(WAIVER.replace("BOX-002", "VIS-30"))
    code, out, err = curate("audit", coco(boxes=[OUTSIDE]), "--waivers", path)
    assert (code, out) == (2, "")
    assert "waivers.yaml:3: there is no check 'VIS-30' - did you mean 'VIS-0" in err


def test_waivers_of_own_checks_and_clauses_are_taken_whether_they_run_or_not(
    curate, here, coco, waivers
):
    (here / "my_checks.py").write_text(GOOD)
    entries = [WAIVER.replace("BOX-002", word) for word in ("MY-001", "box-too-wide")]
    both = "\n  - ".join(entries)
    words = ("audit", coco(), "--waivers", waivers(both), "--today", "2026-06-15")
    own = (*words, "--checks", "my_checks.py")
    code, out, _ = curate(*own)
    assert code == 0
    assert out.count("WAI-002") == 2
    assert curate(*own, "--select", "BOX") == (0, "", curate(*own, "--select", "BOX")[2])
    code, _, err = curate(*words)
    assert code == 2
    assert "there is no check 'MY-001' - " in err
    assert "--checks" in err
