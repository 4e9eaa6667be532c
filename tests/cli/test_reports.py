"""curate audit -o: which files it writes, in which form, and what it never replaces."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree

import pytest

from curate.cli.reports import ENDINGS, Format
from tests.cli.test_audit import OUTSIDE, SMALL
from tests.report.page import parsed


def form_of(text: str) -> Format:
    """The form of a report, by its text alone."""
    if text.startswith("<!DOCTYPE html>"):
        assert parsed(text).find("h1")
        return Format.HTML
    if text.startswith("<?xml"):
        assert ElementTree.fromstring(text).tag == "testsuites"
        return Format.JUNIT
    if text.startswith("{"):
        return Format.SARIF if "runs" in json.loads(text) else Format.JSON
    rows = list(csv.reader(io.StringIO(text)))
    return Format.CSV if rows[0][0] == "finding_id" else Format.TEXT


@pytest.mark.parametrize("form", list(Format))
def test_each_form_is_printed(curate, coco, form):
    code, out, err = curate("audit", coco(boxes=[OUTSIDE]), "--format", form)
    assert (code, form_of(out)) == (1, form)
    assert "1 error" in err


def test_each_ending_stands_for_a_form_and_all_are_written_at_once(curate, here, coco):
    names = [f"out/report{ending}" for ending in ENDINGS] + ["out/UPPER.JSON"]
    words = [word for name in names for word in ("-o", name)]
    code, out, _ = curate("audit", coco(boxes=[OUTSIDE]), *words)
    assert code == 1
    assert out.splitlines() == [f"{name} written" for name in names]
    forms = {name: form_of((here / name).read_text()) for name in names}
    assert forms == dict(zip(names, [*ENDINGS.values(), Format.JSON], strict=True))


def test_a_file_holds_what_stdout_would(curate, here, coco):
    path = coco(boxes=[OUTSIDE, SMALL])
    for ending, form in ENDINGS.items():
        printed = curate("audit", path, "--format", form)[1]
        curate("audit", path, "-o", f"r{ending}")
        assert (here / f"r{ending}").read_text() == printed


def test_stdout_is_shown_beside_files_when_it_is_asked_for(curate, coco):
    for words in (["--json"], ["--format", "json"], ["--json", "-o", "-"]):
        _, out, _ = curate("audit", coco(), *words, "-o", "r.csv", "--force")
        assert form_of(out.splitlines()[0]) is Format.JSON
    _, out, _ = curate("audit", coco(boxes=[OUTSIDE]), "-o", "-")
    assert form_of(out) is Format.TEXT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "r.pdf"], "use one of .html, .json"),
        (["-o", "report"], "use one of .html, .json"),
        (["-o", "r.json", "-o", "r.json"], "is given twice"),
        (["--json", "--format", "sarif"], "exclude each other"),
    ],
)
def test_wrong_outputs_are_refused_before_anything_is_written(curate, coco, files, words, said):
    path = coco(boxes=[OUTSIDE])
    before = files()
    code, out, err = curate("audit", path, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert files() == before


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_report_is_replaced_with_force_alone(curate, here, coco, ending):
    name = f"r{ending}"
    assert curate("audit", coco(boxes=[OUTSIDE]), "-o", name)[0] == 1
    before = (here / name).read_bytes()
    coco(boxes=[OUTSIDE, SMALL])
    code, _, err = curate("audit", "instances.json", "-o", name)
    assert (code, (here / name).read_bytes()) == (2, before)
    assert f"{name}: exists already - " in err
    assert curate("audit", "instances.json", "-o", name, "--force")[0] == 1
    assert (here / name).read_bytes() != before


@pytest.mark.parametrize("ending", ENDINGS)
def test_force_replaces_nothing_that_is_no_report(curate, here, coco, ending):
    mine = here / f"r{ending}"
    mine.write_text('{"schema": "mine", "note": "person: BOX-002 of mine"}')
    code, out, err = curate("audit", coco(), "-o", mine.name, "--force")
    assert (code, out) == (2, "")
    assert "replaces only what curate wrote" in err
    assert "mine" in mine.read_text()


@pytest.mark.parametrize("name", ["labels/r.json", "labels/sub/r.json", "pictures/r.json"])
def test_no_report_is_written_into_a_source(curate, here, voc, picture, name):
    voc("labels/a.xml")
    picture()
    code, _, err = curate("audit", "labels", "--images", "pictures", "-o", name)
    assert code == 2
    assert "which is never changed" in err
    assert not (here / name).exists()


def test_the_source_itself_is_never_replaced(curate, coco):
    path = coco()
    before = path.read_bytes()
    assert curate("audit", path, "-o", path, "--force")[0] == 2
    assert path.read_bytes() == before


def test_a_dry_run_says_what_it_would_write_and_writes_nothing(curate, coco, files):
    path = coco(boxes=[OUTSIDE])
    before = files()
    code, out, _ = curate("audit", path, "-o", "r.json", "--dry-run")
    assert (code, out, files()) == (1, "r.json not written (--dry-run)\n", before)


def test_a_folder_that_is_in_the_way_is_refused(curate, here, coco):
    (here / "r.json").mkdir()
    for words in ([], ["--force"]):
        code, _, err = curate("audit", coco(), "-o", "r.json", *words)
        assert code == 2
        assert err.startswith("curate: r.json: ")


@pytest.mark.parametrize(
    ("source", "uri"),
    [("a b/labels", "a%20b/labels/a.xml"), ("a b/labels/a.xml", "a%20b/labels/a.xml")],
)
def test_sarif_names_files_from_where_the_command_runs(curate, voc, source, uri):
    voc("a b/labels/a.xml", box=(2, 3, 90, 30))
    _, out, _ = curate("audit", source, "--format", "sarif")
    (place,) = json.loads(out)["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_sarif_of_a_dataset_folder_names_files_as_they_were_read(curate, voc):
    voc("labels/a.xml", box=(2, 3, 90, 30))
    curate("ingest", "labels", "-o", "set")
    _, out, _ = curate("audit", "set", "--format", "sarif")
    (place,) = json.loads(out)["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "a.xml"


def test_junit_has_a_suite_for_each_selected_check_and_follows_fail_on(curate, coco):
    words = ("--select", "BOX-003,BOX-004", "--format", "junit")
    path = coco(boxes=[SMALL])
    for level, n_failed in (("error", "0"), ("warning", "1")):
        root = ElementTree.fromstring(curate("audit", path, *words, "--fail-on", level)[1])
        assert [suite.get("name") for suite in root] == [
            "BOX-003 box-side-not-positive", "BOX-004 box-side-small"
        ]  # fmt: skip
        assert root.get("failures") == n_failed


@pytest.mark.parametrize(("words", "n_pictures"), [([], 1), (["--no-pixels"], 0)])
def test_html_holds_pictures_unless_they_must_stay(curate, here, coco, picture, words, n_pictures):
    picture()
    path = coco(boxes=[OUTSIDE])
    curate("audit", path, "--images", "pictures", "-o", "r.html", *words)
    page = parsed((here / "r.html").read_text())
    assert len(page.find("img")) == n_pictures
    assert "An edge of a box lies clearly beyond the image." in page.at("pictures").text


def test_text_ends_with_the_definitions_that_judged_even_when_nothing_was_found(curate, here, coco):
    words = ("audit", coco(), "--definitions", "box.full", "--select", "BOX-002", "-o", "r.txt")
    stated = json.loads(curate(*words[:-2], "--json")[1])["definitions"]
    assert stated
    last = f"judged by {', '.join(stated)}\n"
    assert curate(*words, "-o", "-")[1] == f"{last}r.txt written\n"
    assert (here / "r.txt").read_text() == last
    assert curate(*words, "--force")[0] == 0
    assert "judged by" not in curate("audit", coco())[1]
