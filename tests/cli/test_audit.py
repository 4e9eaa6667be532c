"""curate audit: what it prints where, and its exit codes."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import struct
import subprocess
import sys
import zipfile
import zlib

import jsonschema
import pytest

from curate.resources import schema_text

OUTSIDE = (50, 10, 20, 20)  # its right edge at 70 is 10 px outside of the 60 px
SMALL = (5, 5, 1, 9)


@pytest.fixture
def validated():
    """The document of a JSON text, after a look at its schema."""
    validator = jsonschema.Draft202012Validator(json.loads(schema_text("audit-1.schema.json")))

    def load(text):
        document = json.loads(text)
        validator.validate(document)
        return document

    return load


def test_labels_without_a_fault_print_nothing_on_stdout(curate, coco):
    code, out, err = curate("audit", coco())
    assert (code, out) == (0, "")
    assert err == "instances (coco): 1 images, 1 boxes; 0 errors, 0 warnings, 0 info\n"


def test_a_finding_shows_place_code_message_and_mend(curate, coco):
    path = coco(boxes=[(2, 3, 9, 9), OUTSIDE])
    line = path.read_text().splitlines().index('   "id": 2,') + 1
    code, out, err = curate("audit", path)
    assert code == 1
    assert re.fullmatch(
        rf"instances\.json:({line - 1}|{line}) a\.jpg \[2\]: BOX-002 box-outside-image \(error\): "
        r"right edge at 70 is 10 px outside the 60 px wide image, .* - clip the box .*\n",
        out,
    )
    assert "1 error, 0 warnings" in err


def test_the_worst_ten_of_each_check_are_shown_and_then_their_number(curate, coco):
    boxes = [(3 * n, 3 * n, 1, 1) for n in range(13)]
    path = coco(boxes=boxes)
    code, out, _ = curate("audit", path)
    assert code == 0
    assert out.count("BOX-004 box-side-small (warning)") == 10
    assert out.splitlines()[-1] == "  … 3 more BOX-004 (--all shows them)"
    assert curate("audit", path, "--all")[1].count("BOX-004 box-side-small (warning)") == 13


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 0),
        (["--fail-on", "error"], 0),
        (["--fail-on", "warning"], 1),
        (["--fail-on", "info"], 1),
        (["--fail-on", "never"], 0),
    ],
)
def test_a_warning_fails_from_its_level_on(curate, coco, words, code):
    assert curate("audit", coco(boxes=[SMALL]), *words)[0] == code


@pytest.mark.parametrize(("level", "code"), [("error", 1), ("warning", 1), ("never", 0)])
def test_an_error_fails_unless_nothing_may(curate, coco, level, code):
    assert curate("audit", coco(boxes=[OUTSIDE]), "--fail-on", level)[0] == code


@pytest.mark.parametrize("words", [["--json"], ["--format", "json"]])
def test_json_is_a_document_of_the_schema(curate, coco, validated, words):
    coco(boxes=[(2, 3, 9, 9), OUTSIDE, SMALL])
    code, out, err = curate("audit", "instances.json", *words)
    document = validated(out)
    assert code == 1
    assert document["schema"] == "curate.audit/1"
    assert document["source"] == "instances.json"
    assert (document["images"], document["boxes"]) == (1, 3)
    assert document["counts"] == {"BOX-002": 1, "BOX-004": 1}
    outside, small = document["findings"]
    assert outside["source_id"] == "2"
    assert outside["image"] == "instances/a.jpg"
    assert outside["box"] == [50, 10, 70, 30]
    assert (outside["value"], outside["limit"], outside["unit"]) == (10, 1, "px")
    assert [m["source_id"] for m in outside["members"]] == ["2"]
    assert small["level"] == "warning"
    assert err.count("\n") == 1


def test_json_of_a_bad_source_is_a_document_of_the_schema(curate, here, voc, picture, validated):
    voc("labels/a.xml")
    (here / "labels" / "b.xml").write_text("<annotation>")
    picture("pictures/a.jpg", (30, 30))
    picture("pictures/c.jpg")
    code, out, _ = curate("audit", "labels", "--images", "pictures", "--json")
    assert code == 1
    assert validated(out)["counts"] == {"IMG-001": 1, "IMG-002": 1, "IMG-004": 1, "SRC-002": 1}


def test_json_without_findings_is_a_document_of_the_schema(curate, coco, validated):
    code, out, _ = curate("audit", coco(), "--json")
    assert code == 0
    assert validated(out)["findings"] == []


def test_csv_has_a_row_per_finding_and_quotes_what_it_must(curate, coco):
    path = coco(boxes=[OUTSIDE, SMALL], image='a,"b"\nc.jpg')
    code, out, _ = curate("audit", path, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert code == 1
    assert [row["check"] for row in rows] == ["BOX-002", "BOX-004"]
    assert [row["members"] for row in rows] == ["1", "1"]
    assert rows[0]["image"] == 'instances/a,"b"\nc.jpg'
    assert re.fullmatch("[0-9a-f]{16}", rows[0]["finding_id"])


def test_json_and_csv_exclude_each_other(curate, coco):
    code, out, err = curate("audit", coco(), "--json", "--format", "csv")
    assert (code, out) == (2, "")
    assert "exclude each other" in err


def test_each_of_many_faults_of_one_cause_is_in_every_form(curate, coco, validated):
    path = coco(boxes=[(n, 1, 5, 9) for n in range(11)])
    ids = itertools.count(101)
    text = re.sub('"category_id": 1', lambda _: f'"category_id": {next(ids)}', path.read_text())
    path.write_text(text)
    wanted = {f"category_id '{n}' is not among" for n in range(101, 112)}
    _, out, _ = curate("audit", path, "--json", "--select", "SRC-004")
    (finding,) = validated(out)["findings"]
    assert {" ".join(m["message"].split()[:5]) for m in finding["members"]} == wanted
    for words in (["--all"], ["--all", "--format", "csv"]):
        out = curate("audit", path, "--select", "SRC-004", *words)[1]
        assert all(text in out for text in wanted)
    out = curate("audit", path, "--select", "SRC-004")[1]
    assert sum(text in out for text in wanted) == 10
    assert "11 records; id 1: category_id '101'" in out
    assert "; and 1 more - " in out


@pytest.mark.parametrize("name", ["a\nb.jpg", "a\r\nb.jpg"])
def test_a_line_feed_in_a_name_leaves_a_finding_on_one_line(curate, coco, name):
    _, out, _ = curate("audit", coco(boxes=[OUTSIDE], image=name))
    assert out.count("\n") == 1
    assert "b.jpg [1]: BOX-002" in out


def test_a_line_feed_in_a_path_leaves_an_error_on_one_line(curate, here):
    (here / "no\nlabels.json").write_text("{}[")
    code, out, err = curate("audit", "no\nlabels.json")
    assert (code, out, err.count("\n")) == (2, "", 1)


SELECTIONS = [
    (["--select", "BOX-002"], {"BOX-002"}),
    (["--select", "box-outside-image"], {"BOX-002"}),
    (["--select", "box-002"], {"BOX-002"}),
    (["--select", "BOX"], {"BOX-002", "BOX-004"}),
    (["--select", "BOX-002", "--select", "SRC"], {"BOX-002", "SRC-008"}),
    (["--ignore", "BOX-002"], {"BOX-004", "SRC-008"}),
    (["--ignore", "annotation-id-zero", "--ignore", "BOX"], set()),
    (["--select", "BOX", "--ignore", "BOX-004"], {"BOX-002"}),
]


@pytest.mark.parametrize(("words", "wanted"), SELECTIONS)
def test_checks_are_chosen_by_code_name_or_beginning(curate, coco, validated, words, wanted):
    path = coco(boxes=[OUTSIDE, SMALL])
    path.write_text(path.read_text().replace('"id": 2,', '"id": 0,'))
    _, out, _ = curate("audit", path, "--json", *words)
    assert set(validated(out)["counts"]) == wanted


@pytest.mark.parametrize("option", ["--select", "--ignore"])
@pytest.mark.parametrize(
    ("word", "near"), [("BOX-02", "BOX-002"), ("box-outside-imge", "box-outside-image")]
)
def test_an_unknown_check_is_refused_with_the_nearest(curate, coco, option, word, near):
    code, out, err = curate("audit", coco(), option, word)
    assert (code, out) == (2, "")
    assert f"there is no check '{word}' - did you mean '{near}'?" in err


@pytest.mark.parametrize(
    "words",
    [
        ["--nonsense"],
        ["--fail-on", "nonsense"],
        ["--format", "nonsense"],
        ["--size", "12by10"],
        ["--size", "0x10"],
        ["--max-pixels", "many"],
        ["--images", "gone"],
        ["--classes", "gone.txt"],
        ["--from", "nonsense"],
        ["more", "words"],
    ],
)
def test_wrong_options_are_refused(curate, coco, words):
    code, out, err = curate("audit", coco(), *words)
    assert (code, out) == (2, "")
    assert any(word in err for word in words)


def test_an_audit_writes_nothing(curate, coco, picture, files):
    coco(boxes=[OUTSIDE])
    picture()
    before = files()
    curate("audit", "instances.json", "--images", "pictures", "--json")
    assert files() == before


def cut_json(here):
    (here / "s.json").write_text('{"images": [{"id": 1, "file_na')
    return "s.json", "s.json:1: the JSON ends in the middle"


def escaping_zip(here):
    with zipfile.ZipFile(here / "s.zip", "w") as archive:
        archive.writestr("../s.json", "{}")
    return "s.zip", "s.zip/../s.json: the member's name leads out of the archive"


def bomb(here):
    with zipfile.ZipFile(here / "s.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("s.json", b" " * (10 << 20))
    return "s.zip", "s.zip/s.json: the member claims 10485760 bytes"


def two_formats(here):
    (here / "s").mkdir()
    (here / "s" / "a.xml").write_text("<annotation><object></object></annotation>")
    (here / "s" / "b.json").write_text('{"images": [], "annotations": [], "categories": []}')
    return "s", "s: holds 2 formats: coco (b.json); voc (a.xml)"


def empty_file(here):
    (here / "s.json").touch()
    return "s.json", "s.json: is empty"


def no_path(here):
    return "gone", "gone: no such file or folder"


UNUSABLE = [cut_json, escaping_zip, bomb, two_formats, empty_file, no_path]


@pytest.mark.parametrize("make", UNUSABLE)
@pytest.mark.parametrize(
    "words", [("audit",), ("ingest", "-o", "out"), ("export", "--to", "coco", "-o", "out")]
)
def test_an_unusable_source_gives_one_line_with_its_mend_and_nothing_else(
    curate, here, files, make, words
):
    source, message = make(here)
    before = files()
    code, out, err = curate(words[0], source, *words[1:])
    assert (code, out) == (2, "")
    assert err.startswith(f"curate: {message}")
    assert " - " in err
    assert err.count("\n") == 1
    assert files() == before
    assert not (here / "out").exists()


def test_a_picture_that_claims_to_be_huge_is_a_finding(curate, here, coco):
    (here / "pictures").mkdir()
    ihdr = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", ihdr), (b"IDAT", b""), (b"IEND", b""))
    ]
    (here / "pictures" / "a.jpg").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    code, out, _ = curate("audit", coco(), "--images", "pictures")
    assert code == 1
    assert "IMG-003 image-unreadable (error)" in out
    assert "100000 x 100000" in out
    assert "--max-pixels" in out


def test_half_of_the_files_broken_is_findings_with_their_names(curate, here, voc):
    for n in range(10):
        voc(f"labels/good{n}.xml", f"good{n}.jpg")
        voc(f"labels/bad{n}.xml", f"bad{n}.jpg").write_text("<annotation><object>")
    code, out, err = curate("audit", "labels")
    assert code == 1
    assert all(f"bad{n}.xml" in out for n in range(10))
    assert "good" not in out
    assert "20 images, 10 boxes" in err


def test_a_byte_order_mark_and_windows_line_ends_are_no_faults(curate, here, coco, voc):
    for path in (coco(), voc("a.xml")):
        path.write_bytes(path.read_text().replace("\n", "\r\n").encode("utf-8-sig"))
        assert curate("audit", path)[:2] == (0, "")


@pytest.mark.parametrize("name", ["a b", "a,b", "路口 é", "new\nline"])
def test_odd_names_of_sources_are_read(curate, here, coco, name):
    code, out, err = curate("audit", coco(f"{name}/{name}.json"))
    assert (code, out) == (0, "")
    assert "1 images, 1 boxes" in err


def test_results_are_judged_over_their_annotation_file(curate, here, coco, validated):
    coco()
    rows = [{"image_id": 1, "category_id": 0, "bbox": [1, 2, 3, 4], "score": 0.5}]
    (here / "dets.json").write_text(json.dumps(rows))
    words = ("audit", "dets.json", "--truth", "instances.json", "--json")
    code, out, _ = curate(*words)
    assert (code, validated(out)["counts"]) == (1, {"SRC-012": 1})
    code, out, _ = curate(*words, "--class-ids", "index")
    assert (code, validated(out)["counts"]) == (0, {})


def test_an_annotation_file_that_is_not_there_is_refused(curate, here):
    rows = [{"image_id": 1, "category_id": 0, "bbox": [1, 2, 3, 4], "score": 0.5}]
    (here / "dets.json").write_text(json.dumps(rows))
    code, out, err = curate("audit", "dets.json", "--truth", "gone.json")
    assert (code, out) == (2, "")
    assert err == "curate: gone.json: no such file or folder - check the path\n"


def test_class_names_come_from_a_file(curate, here, validated):
    (here / "a.txt").write_text("1 0.5 0.5 0.5 0.5")
    (here / "names").write_text("person\ncar\n")
    code, _, err = curate("audit", "a.txt", "--size", "60x40", "--classes", "names")
    assert code == 0, err
    (here / "names").write_text("person\n\ncar\n")
    code, _, err = curate("audit", "a.txt", "--size", "60x40", "--classes", "names")
    assert code == 2
    assert "names: a line without a class name" in err


def test_an_interrupt_ends_with_130(curate, coco, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("curate.auditing.audit", interrupted)
    code, out, _ = curate("audit", coco())
    assert (code, out) == (130, "")


def test_a_bug_ends_with_3_and_shows_where(curate, coco, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("one by nought")

    monkeypatch.setattr("curate.auditing.audit", broken)
    code, out, err = curate("audit", coco())
    assert (code, out) == (3, "")
    assert "Traceback (most recent call last)" in err
    assert "ZeroDivisionError: one by nought" in err
    assert "report" in err.splitlines()[-1]


def test_a_file_of_one_line_is_told_by_bytes(curate, coco):
    path = coco(boxes=[(2, 3, 9, 9), OUTSIDE])
    path.write_text(json.dumps(json.loads(path.read_text())))
    at = path.read_text().index('{"id": 2,')
    _, out, _ = curate("audit", path)
    assert out.startswith(f"instances.json:byte {at} a.jpg [2]: BOX-002 ")
    _, out, _ = curate("audit", path, "--json")
    assert json.loads(out)["findings"][0]["line"] == 1


def test_a_pipe_that_closes_early_is_no_fault(here, coco):
    path = coco(boxes=[(n % 50, n % 30, 1, 1) for n in range(3000)])
    run = subprocess.run(
        f'"{sys.executable}" -m curate audit "{path}" --all --fail-on never | head -1',
        shell=True, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.count("\n") == 1
    assert "Traceback" not in run.stderr
    assert "Error" not in run.stderr


def test_the_module_runs_as_the_command_does(here, coco):
    run = subprocess.run(
        [sys.executable, "-m", "curate", "audit", str(coco(boxes=[OUTSIDE]))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert "BOX-002" in run.stdout
    assert "1 error" in run.stderr


def test_what_a_loader_would_do_is_told_when_it_is_named(curate, here):
    (here / "labels").mkdir()
    (here / "labels/a.txt").write_text("0 0.5 0.5 1.02 0.2\n")
    (here / "data.yaml").write_text("train: images\nnames: [person]\n")
    words = ("audit", ".", "--size", "60x40", "--select", "ULT")
    assert curate(*words)[0] == 0
    code, out, _ = curate(*words, "--for", "ultralytics", "--json")
    assert code == 1
    document = json.loads(out)
    assert document["counts"] == {"ULT-001": 1}
    (finding,) = document["findings"]
    assert (finding["file"], finding["line"]) == ("labels/a.txt", 1)
    assert finding["message"].startswith("1.02 among its numbers, should be -0.01 to 1.01")


def test_an_unknown_loader_is_refused_with_the_list(curate, here):
    (here / "labels").mkdir()
    (here / "labels/a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    code, out, err = curate("audit", ".", "--size", "60x40", "--from", "yolo", "--for", "darknet")
    assert (code, out) == (2, "")
    assert "--for 'darknet' is no loader, should be one of ultralytics" in err


OWN = '''
import numpy as np
from curate.checks import Check, Hits


def box_in_view(boxes, images):
    """A box is there."""
    rows = np.arange(len(boxes))
    return Hits(rows, np.ones(len(rows)), 0.0, "boxes", ("is there",), (rows,), "take it away")


CHECKS = [Check("MY-001", "box-in-view", "error", box_in_view)]
'''


def test_checks_of_a_file_are_run_and_decide_the_exit_code(curate, coco, here):
    (here / "my_checks.py").write_text(OWN)
    code, out, err = curate("audit", coco(), "--checks", "my_checks.py")
    assert code == 1
    assert "MY-001 box-in-view (error): is there - take it away" in out
    assert "1 error, 0 warnings" in err
    code, out, _ = curate("audit", coco(), "--checks", "my_checks.py", "--ignore", "MY")
    assert (code, out) == (0, "")


def test_a_file_of_checks_that_fails_is_a_usage_error(curate, coco, here):
    (here / "my_checks.py").write_text("import nothing_of_this_name\n")
    code, out, err = curate("audit", coco(), "--checks", "my_checks.py")
    assert (code, out) == (2, "")
    assert err.startswith("curate: my_checks.py:1: cannot be run: ModuleNotFoundError")
    code, out, err = curate("audit", coco(), "--checks", "none.py")
    assert (code, err) == (2, "curate: none.py: is no file - give a Python file\n")


def test_checks_of_a_file_are_explained_and_listed(curate, here):
    (here / "my_checks.py").write_text(OWN)
    code, out, _ = curate("explain", "MY-001", "--checks", "my_checks.py")
    assert (code, out) == (0, "MY-001 box-in-view [error]\n\nA box is there.\n\n")
    _, out, _ = curate("explain", "--checks", "my_checks.py")
    assert "MY-001  error    box-in-view\n" in out
