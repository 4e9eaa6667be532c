"""Waivers: what they take out, when they run out, and what a wrong file is told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from curate.assembly import Fault
from curate.baseline import against, baseline_of
from curate.checks import CHECKS
from curate.dataset import Findings
from curate.definitions.loading import load
from curate.errors import Place, UsageError
from curate.faults import FAULTS
from curate.report import to_sarif, to_text
from curate.tables import FINDING_COLUMNS, make_table
from curate.waivers import Waiver, read_waivers, refuse_unknown_checks, waive
from tests.test_report import dataset

TODAY = date(2026, 6, 15)
WHOLE = {"reason": "seen", "author": "QA", "until": TODAY, "place": Place("w.yaml", 3)}
# One box on each of s/a0.jpg, s/a1.jpg, s/a2.jpg.
SET = dataset(n_images=3, boxes=[(n, 1, 1, 9, 9) for n in range(3)])
BOXES = SET.boxes["box_id"].tolist()
IMAGES = SET.images["image_id"].tolist()


def findings():
    """BOX-002 on a0 (id 1) and a1 (2), one of all three boxes (3), and SRC-010 of the file (4)."""
    values = {
        "finding_id": np.array([1, 2, 3, 4]),
        "check": ["BOX-002", "BOX-002", "BOX-004", "SRC-010"],
        "name": ["box-outside-image", "box-outside-image", "box-side-small", "labels-lost"],
        "level": ["error", "error", "warning", "warning"],
        "image_id": [IMAGES[0], IMAGES[1], None, None],
        "members": [[BOXES[0]], [BOXES[1]], BOXES, []],
        "message": "is odd",
        "file": ["labels.txt", "labels.txt", None, "labels.txt"],
    }
    return Findings(make_table(FINDING_COLUMNS, 4, values), SET)


def waived(today=TODAY, ran=None, **conditions):
    """Ids of the findings that one waiver takes out, and the codes of findings about it."""
    done = waive(findings(), [Waiver(**WHOLE, **conditions)], today, ran=ran)
    left = done.table[~done.table["check"].str.startswith("WAI-")]
    assert done.waived == 4 - len(left)
    gone = sorted({1, 2, 3, 4} - set(left["finding_id"]))
    return gone, sorted(set(done.table["check"]) - set(left["check"]))


@pytest.mark.parametrize(
    ("conditions", "gone"),
    [
        ({"finding": f"{2:016x}"}, [2]),
        ({"finding": f"{2:016x}", "check": "BOX-002"}, [2]),
        ({"check": "BOX-002", "image": "s/a0.jpg"}, [1]),
        ({"check": "box-outside-image", "image": "s/a[01].jpg"}, [1, 2]),
        ({"check": "BOX-002", "image": "*"}, [1, 2]),
        ({"check": "BOX-002", "image": "*", "file": "labels.txt"}, [1, 2]),
        ({"check": "BOX-002", "image": "s/*", "file": "lab*"}, [1, 2]),
        ({"check": "BOX-004", "image": "s/a?.jpg"}, [3]),
        ({"check": "SRC-010", "image": "*"}, [4]),
    ],
)
def test_what_fits_is_taken_out_and_counted(conditions, gone) -> None:
    assert waived(**conditions) == (gone, [])


@pytest.mark.parametrize(
    "conditions",
    [
        {"finding": f"{9:016x}"},
        {"finding": f"{2:016x}", "check": "BOX-004"},
        {"finding": f"{2:016x}", "image": "s/a0.jpg"},
        {"check": "BOX-003", "image": "*"},
        {"check": "BOX", "image": "*"},
        {"check": "BOX-002", "image": "a0.jpg"},
        {"check": "BOX-002", "image": "s/A0.jpg"},
        {"check": "BOX-002", "image": "s/a2.jpg"},
        {"check": "BOX-002", "image": "*", "file": "labels"},
        {"check": "BOX-004", "image": "*", "file": "labels.txt"},
        {"check": "BOX-004", "image": "s/a[01].jpg"},
        {"check": "SRC-010", "image": "s/*"},
    ],
)
def test_what_fits_nothing_takes_nothing_out_and_is_told(conditions) -> None:
    assert waived(**conditions) == ([], ["WAI-002"])


@pytest.mark.parametrize(
    ("today", "gone", "told"),
    [
        (date(2026, 6, 14), [1, 2], []),
        (date(2026, 6, 15), [1, 2], []),
        (date(2026, 6, 16), [], ["WAI-001"]),
    ],
)
def test_a_waiver_holds_up_to_its_last_day(today, gone, told) -> None:
    assert waived(today, check="BOX-002", image="*") == (gone, told)


def test_one_that_ran_out_and_fits_nothing_is_told_once() -> None:
    assert waived(date(2026, 6, 16), check="BOX-003", image="*") == ([], ["WAI-001"])


def test_nothing_is_told_of_what_could_not_fit_in_this_run() -> None:
    every = {*FAULTS, *CHECKS}
    assert waived(ran=every - {"BOX-003"}, check="BOX-003", image="*") == ([], [])
    assert waived(ran=every, check="box-side-not-positive", image="*") == ([], ["WAI-002"])
    assert waived(ran=every - {"BOX-003"}, finding=f"{9:016x}") == ([], [])
    assert waived(check="BOX-002", image="yard/*") == ([], [])
    assert waived(check="BOX-002", image="*d/*") == ([], ["WAI-002"])
    assert waived(ran=every - {"WAI-002"}, check="BOX-003", image="*") == ([], [])


def test_images_of_members_that_are_no_boxes_count() -> None:
    faults = [Fault("IMG-006", "is odd", "mend", images=(0, 1))]
    own = dataset(n_images=2, faults=faults)
    some = Findings(own.findings, own)

    def n_left(image):
        return len(waive(some, [Waiver(**WHOLE, check="IMG-006", image=image)], TODAY).new.table)

    assert some.table["image_id"].isna().all()
    assert n_left("s/a?.jpg") == 0
    assert n_left("s/a0.jpg") == 1 + 1  # the finding, and the waiver that fits nothing


def test_findings_about_waivers_name_file_line_reason_and_author() -> None:
    late = Waiver(**WHOLE | {"until": date(2026, 1, 31)}, check="BOX-002", image="s/*")
    done = waive(findings(), [late], TODAY)
    (told,) = [one for one in done if one["check"] == "WAI-001"]
    assert (told["file"], told["line"], told["level"]) == ("w.yaml", 3, "warning")
    assert told["message"] == "the waiver of BOX-002 s/* by QA ran out after 2026-01-31: seen"
    assert "w.yaml:3 [BOX-002 s/*]: WAI-001 waiver-expired (warning)" in to_text(done)


def test_a_waiver_keeps_the_id_of_its_finding_when_the_file_grows() -> None:
    def told(line):
        place = Place("w.yaml", line)
        one = Waiver(**WHOLE | {"place": place}, check="BOX-003", image="*")
        table = waive(findings(), [one], TODAY).table
        return table.loc[table["check"] == "WAI-002", "finding_id"].tolist()

    assert told(3) == told(30)


def test_sarif_looks_for_the_waiver_file_where_the_command_ran() -> None:
    done = waive(findings(), [Waiver(**WHOLE, check="BOX-003", image="*")], TODAY)
    log = json.loads(to_sarif(done, "s", version="1.0.0", folder="labels"))
    of_check = {r["ruleId"]: r["locations"][0] for r in log["runs"][0]["results"] if r["locations"]}
    uris = {c: r["physicalLocation"]["artifactLocation"]["uri"] for c, r in of_check.items()
            if "physicalLocation" in r}  # fmt: skip
    assert uris["WAI-002"] == "w.yaml"
    assert uris["SRC-010"] == "labels/labels.txt"


def test_findings_stay_sorted_and_the_given_ones_as_they_are() -> None:
    before = findings()
    done = waive(before, [Waiver(**WHOLE, check="BOX-003", image="*")], TODAY)
    assert done.table["check"].tolist() == ["BOX-002", "BOX-002", "BOX-004", "SRC-010", "WAI-002"]
    pd.testing.assert_frame_equal(before.table, findings().table)


def test_a_waived_finding_is_not_mended_and_findings_about_waivers_are_in_no_baseline() -> None:
    idle = Waiver(**WHOLE, check="BOX-003", image="*")
    done = waive(findings(), [idle, Waiver(**WHOLE, check="BOX-002", image="*")], TODAY)
    assert baseline_of(done).findings["finding_id"].tolist() == [3, 4]
    known = against(findings(), baseline_of(findings()))
    settled = waive(known, [Waiver(**WHOLE, check="BOX-002", image="*")], TODAY)
    assert (settled.mended, settled.waived, int(settled.is_known.sum())) == (0, 2, 2)


def test_no_waiver_changes_nothing() -> None:
    assert waive(findings(), [], TODAY).table.equals(findings().table)
    none = replace(findings(), table=findings().table.iloc[:0])
    assert len(waive(none, [Waiver(**WHOLE, check="BOX-002", image="*")], TODAY)) == 1


FILE = """\
version: 1
waivers:
  - finding: 00000000000000a1
    reason: seen by two
    author: QA
    until: 2026-12-31
  - {check: BOX-002, image: 's\\a*', file: x.txt, reason: why, author: QA, until: "2026-01-01"}
"""


def test_a_file_gives_its_waivers_with_their_lines(tmp_path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(FILE)
    first, second = read_waivers(path, "w.yaml")
    assert (first.finding, first.until, first.place.line) == (
        "00000000000000a1",
        date(2026, 12, 31),
        3,
    )
    assert (second.until, second.place.line) == (date(2026, 1, 1), 7)
    assert (second.image, second.file) == ("s/a*", "x.txt")


ENTRY = "version: 1\nwaivers:\n  - check: BOX-002\n    image: s/*\n    reason: r\n    author: QA\n"


DAY = "7: waivers.0.until: is "


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{ENTRY}    until: 2026-02-30\n", "7: cannot be read: '2026-02-30': day"),
        (f"{ENTRY}    until: '2026-02-30'\n", DAY + "'2026-02-30', should be a day of the"),
        (f"{ENTRY}    until: 31.12.2026\n", DAY + "'31.12.2026', should be: a day as 2026-12-31"),
        (f"{ENTRY}    until: 2026\n", DAY + "2026, should be of type string"),
        (f"{ENTRY}    until: 2026-12-31 10:00:00\n", DAY + "'2026-12-31 10:00:00', should be"),
        (f"{ENTRY}    until: ~\n", DAY + "None"),
        (ENTRY, "3: waivers.0: has no 'until' - add until"),
        (
            f"{ENTRY}    until: 2026-12-31\n    fil: x\n",
            "8: waivers.0: there is no key 'fil' - did",
        ),
        (ENTRY.replace("image: s/*", "until: 2026-12-31"), "3: waivers.0: has no 'image' - add"),
        (f"{ENTRY}    until: 2026-12-31\n".replace("QA", "' '"), "6: waivers.0.author: is ' '"),
        ("version: 2\nwaivers: []\n", "1: version: is 2, should be 1"),
        ("waivers: []\n", "1: the file: has no 'version'"),
        ("version: 1\nwaivers: {}\n", "2: waivers: is '{}', should be of type array"),
        (FILE.replace("00000000000000a1", "00A1"), "3: waivers.0.finding: is '00A1', should be"),
        (FILE.replace("00000000000000a1", "1" * 16), "should be of type string - put it in quot"),
    ],
)
def test_a_wrong_file_is_told_with_line_and_mend(tmp_path, text, words) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_waivers(path, "w.yaml")
    assert str(caught.value).startswith("w.yaml:")
    assert words in str(caught.value)
    assert " - " in str(caught.value)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("BOX-02", "there is no check 'BOX-02' - did you mean 'BOX-0"),
        ("box-outside-imagee", "did you mean 'box-outside-image'?"),
        ("VIS-30", "there is no check 'VIS-30' - did you mean 'VIS-0"),
        ("MY-0001", "did you mean 'MY-001'?"),
        ("no check of ours", "there is no check 'no check of ours' - give the file that has it"),
    ],
)
def test_a_check_that_there_is_not_is_refused_with_place_and_nearest(word, words) -> None:
    waivers = [Waiver(**WHOLE, check="BOX-002"), Waiver(**WHOLE, check=word)]
    with pytest.raises(UsageError) as caught:
        refuse_unknown_checks(waivers, ["MY-001", "box-too-wide"])
    assert str(caught.value).startswith("w.yaml:3: there is no check ")
    assert words in str(caught.value)


def test_checks_faults_clauses_and_own_checks_are_known_by_code_and_name() -> None:
    clause = load(["project.cameras"]).clauses[0]
    words = ["BOX-002", "box-outside-image", "SRC-010", "labels-lost", clause.id, clause.name]
    waivers = [Waiver(**WHOLE, check=word) for word in [*words, "MY-001", "box-too-wide", None]]
    assert refuse_unknown_checks(waivers, ["MY-001", "box-too-wide"]) is None
