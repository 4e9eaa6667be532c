"""curate audit --decisions: what is shown, dropped, counted and warned of."""

from __future__ import annotations

import json

import pytest

from curate.tables import hex_id
from tests.checks.test_own import GOOD
from tests.cli.test_audit import OUTSIDE, SMALL
from tests.report.page import parsed, rows_of
from tests.test_schemas import fitting

HEAD = "subject,finding_id,check,verdict,who,members\n"
WIDE = (55, 3, 30, 9)


@pytest.fixture
def ids(curate, coco):
    """Ids of the findings of two boxes outside of the image and one that is too small, by check."""
    coco(boxes=[OUTSIDE, WIDE, SMALL])
    _, out, _ = curate("audit", "instances.json", "--json")
    found = {}
    for one in json.loads(out)["findings"]:
        found.setdefault(one["check"], []).append(one["finding_id"])
    return found


@pytest.fixture
def decisions(here):
    """Writes decisions (finding, check, verdict, who) as CSV; gives the name of the file."""

    def write(*rows, name="decisions.csv"):
        text = "".join(
            f"finding,{','.join([*row, ''] if len(row) == 3 else row)},\n" for row in rows
        )
        (here / name).write_text(HEAD + text)
        return name

    return write


def test_false_alarms_are_dropped_and_counted_and_the_precision_stands_beside_the_check(
    curate, ids, decisions
):
    one, other = ids["BOX-002"]
    name = decisions((one, "BOX-002", "false-alarm"), (other, "BOX-002", "confirm"))
    code, out, err = curate("audit", "instances.json", "--decisions", name)
    assert code == 1
    lines = out.splitlines()
    assert "BOX-002" in lines[0]
    # 1 of 2: the limits are 1 - sqrt(0.975) and sqrt(0.975), 0.0126 and 0.9874.
    assert lines[1] == (
        "  BOX-002 reviewed 2: 1 confirmed, 1 false alarms, precision 0.50 (0.01 to 0.99)"
    )
    assert "BOX-004" in lines[2]
    assert err.endswith("1 error, 1 warning, 0 info; 1 refuted\n")


def test_a_run_whose_findings_are_all_false_alarms_passes_and_says_so(curate, ids, decisions):
    name = decisions(*((one, "BOX-002", "false-alarm") for one in ids["BOX-002"]))
    words = ("audit", "instances.json", "--select", "BOX-002", "--decisions", name)
    code, out, err = curate(*words)
    assert (code, out.count("\n")) == (0, 1)
    assert out.startswith("  BOX-002 reviewed 2: 0 confirmed, 2 false alarms, precision 0.00")
    assert "0 errors, 0 warnings, 0 info; 2 refuted\n" in err
    # A report of that line alone can be replaced, as any other.
    assert curate(*words, "-o", "r.txt")[0] == curate(*words, "-o", "r.txt", "--force")[0] == 0


def test_json_tells_the_verdicts_of_the_checks_that_ran(curate, ids, decisions):
    rows = [
        (ids["BOX-002"][0], "BOX-002", "false-alarm"),
        (ids["BOX-004"][0], "BOX-004", "confirm"),
    ]
    words = ("audit", "instances.json", "--json", "--decisions", decisions(*rows))
    document = fitting(curate(*words)[1], "audit-1.schema.json")
    assert document["refuted"] == 1
    assert document["counts"] == {"BOX-002": 1, "BOX-004": 1}
    two, four = document["verdicts"]
    # Of one confirmed finding the lower limit is 0.025, of one false alarm the upper one 0.975.
    assert two | {"high": round(two["high"], 9)} == {
        "check": "BOX-002", "reviewed": 1, "confirmed": 0, "false_alarms": 1, "precision": 0,
        "low": 0, "high": 0.975, "poor": False,
    }  # fmt: skip
    assert (four["check"], four["precision"], round(four["low"], 9)) == ("BOX-004", 1, 0.025)
    document = json.loads(curate(*words, "--select", "BOX-004")[1])
    assert [one["check"] for one in document["verdicts"]] == ["BOX-004"]


def test_html_has_the_verdicts_beside_the_counts_of_each_check(curate, here, ids, decisions):
    rows = [(f"{n:016x}", "BOX-002", "false-alarm" if n < 6 else "confirm") for n in range(10)]
    rows.append((f"{99:016x}", "REL-002", "confirm"))
    curate("audit", "instances.json", "--decisions", decisions(*rows), "-o", "r.html")
    page = parsed((here / "r.html").read_text())
    cells = rows_of(page, "checks")
    assert cells["BOX-002"][2:] == ["2", "", "10", "4", "6", "0.40 (0.12–0.74)"]
    assert cells["REL-002"][2:] == ["0", "", "1", "1", "0", "1.00 (0.03–1.00)"]
    assert cells["BOX-004"][4:] == ["–"] * 4
    assert [node.text for node in page.at("checks").find("span", class_="worse")] == [
        "0.40 (0.12–0.74)"
    ]


@pytest.mark.parametrize(("n_confirmed", "is_warned"), [(4, True), (5, False)])
def test_a_check_under_half_is_warned_of_with_the_mend(
    curate, coco, decisions, n_confirmed, is_warned
):
    verdicts = ["confirm"] * n_confirmed + ["false-alarm"] * (10 - n_confirmed)
    rows = [(f"{n:016x}", "BOX-002", verdict) for n, verdict in enumerate(verdicts)]
    code, out, err = curate("audit", coco(), "--decisions", decisions(*rows))
    assert code == 0
    assert (", under 0.5\n" in out) is is_warned
    warning = (
        "BOX-002: 6 of 10 reviewed findings were false alarms: precision 0.40, should be 0.5 or "
        "more - set its limits in curate.yaml (curate explain BOX-002), or leave it out with "
        "--ignore BOX-002\n"
    )
    assert (warning in err) is is_warned
    assert "10 of 10 judged findings are not in this run: mended, or of a source of" in err


def test_several_files_are_one_and_people_who_differ_are_told(curate, ids, decisions):
    (one, _) = ids["BOX-002"]
    first = decisions((one, "BOX-002", "confirm", "ann"), name="ann.csv")
    second = decisions((one, "BOX-002", "false-alarm", "bob"), name="bob.csv")
    words = ("audit", "instances.json", "--decisions")
    _, _, err = curate(*words, first, "--decisions", second)
    assert f"BOX-002 finding {one}: ann said confirm; bob said false-alarm: the last holds\n" in err
    assert "; 1 refuted\n" in err
    assert "refuted" not in curate(*words, second, "--decisions", first)[2]


def test_the_project_file_names_decisions_and_the_command_line_wins(curate, here, ids, decisions):
    (one, other) = ids["BOX-002"]
    (here / "said").mkdir()
    name = decisions((one, "BOX-002", "false-alarm"), name="said/d.csv")
    (here / "curate.yaml").write_text(f"version: 1\ndecisions: [{name}]\n")
    assert "; 1 refuted\n" in curate("audit", "instances.json")[2]
    rows = [(own, "BOX-002", "false-alarm") for own in (one, other)]
    words = ("--decisions", decisions(*rows))
    assert "; 2 refuted\n" in curate("audit", "instances.json", *words)[2]
    (here / "curate.yaml").write_text("version: 1\ndecisions: [said/none.csv]\n")
    code, _, err = curate("audit", "instances.json")
    assert code == 2
    assert "curate: said/none.csv: cannot be read" in err


def test_a_cause_that_has_come_to_concern_more_boxes_is_shown_again(curate, coco, here):
    # From 50 boxes of a file on, all of them outside are one finding.
    boxes = [(55, 3, 30, 5 + n / 2) for n in range(50)]
    _, out, _ = curate("audit", coco(boxes=boxes), "--select", "BOX-002", "--json")
    (finding,) = json.loads(out)["findings"]
    row = f"finding,{finding['finding_id']},BOX-002,false-alarm,,50\n"
    (here / "d.csv").write_text(HEAD + row)
    words = ("--select", "BOX-002", "--decisions", "d.csv")
    assert curate("audit", "instances.json", *words)[0] == 0
    code, _, err = curate("audit", coco(boxes=[*boxes, (55, 3, 30, 30)]), *words)
    assert code == 1
    assert "refuted" not in err


def test_false_alarms_are_in_no_new_baseline(curate, here, ids, decisions):
    name = decisions((ids["BOX-002"][0], "BOX-002", "false-alarm"))
    words = ("--decisions", name, "--write-baseline", "b.json")
    assert curate("audit", "instances.json", *words)[0] == 0
    assert json.loads((here / "b.json").read_text())["counts"] == {"BOX-002": 1, "BOX-004": 1}


def test_a_finding_that_is_waived_is_not_counted_twice(curate, here, ids, decisions):
    (one, _) = ids["BOX-002"]
    entry = f"{{finding: {one}, reason: seen, author: QA, until: 2026-06-15}}"
    (here / "w.yaml").write_text(f"version: 1\nwaivers:\n  - {entry}\n")
    words = ("--waivers", "w.yaml", "--today", "2026-06-15")
    name = decisions((one, "BOX-002", "false-alarm"))
    _, _, err = curate("audit", "instances.json", *words, "--decisions", name)
    assert err.endswith("; 1 waived\n")
    assert "not in this run" not in err


def test_verdicts_on_own_checks_are_measured(curate, here, coco):
    (here / "my_checks.py").write_text(GOOD)
    row = f"finding,{hex_id(5)},MY-001,confirm,,\n"
    (here / "d.csv").write_text(HEAD + row)
    words = ("--checks", "my_checks.py", "--decisions", "d.csv")
    assert "  MY-001 reviewed 1: 1 confirmed" in curate("audit", coco(), *words)[1]


def test_decisions_can_come_from_stdin(curate, ids, decisions, here, monkeypatch):
    import io
    import sys

    body = (here / decisions((ids["BOX-002"][0], "BOX-002", "false-alarm"))).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
    assert "; 1 refuted\n" in curate("audit", "instances.json", "--decisions", "-")[2]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"subject\n")))
    code, _, err = curate("audit", "instances.json", "--decisions", "-")
    assert code == 2
    assert "curate: stdin:1: has no column verdict" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("subject,verdict\nfinding,wrong\n", "d.csv:2: verdict is 'wrong', should be for the"),
        ("{}", "d.csv:1: there is no column '{}'"),
    ],
)
def test_wrong_decisions_are_refused_before_the_audit(curate, coco, here, text, said):
    (here / "d.csv").write_text(text)
    code, out, err = curate("audit", coco(boxes=[OUTSIDE]), "--decisions", "d.csv")
    assert (code, out) == (2, "")
    assert said in err
