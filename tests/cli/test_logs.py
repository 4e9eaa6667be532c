"""--log-file: what it holds, and that it holds it when a command fails, too."""

from __future__ import annotations

import logging
import re

import pytest

import curate as package

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARNING|ERROR) ", re.MULTILINE)
OUTSIDE = (50, 10, 20, 20)


@pytest.fixture
def logged(here):
    """The records of the log file: level and text of each."""

    def read(name="run.log"):
        text = (here / name).read_text(encoding="utf-8")
        assert text.endswith("\n")
        parts = TIME.split(text)
        assert parts[0] == ""
        texts = (part.rstrip("\n") for part in parts[2::2])
        return list(zip(parts[1::2], texts, strict=True))

    return read


def test_words_summary_and_exit_code_are_logged(curate, coco, logged):
    coco(boxes=[(2, 3, 9, 9), OUTSIDE])
    plain = curate("audit", "instances.json", "--all")
    assert curate("--log-file", "run.log", "audit", "instances.json", "--all") == plain
    assert logged() == [
        (
            "INFO",
            f"curate {package.__version__}: --log-file run.log audit instances.json --all",
        ),
        ("INFO", plain[2].rstrip("\n")),
        ("INFO", "exit 1"),
    ]


def test_results_in_words_and_notes_are_logged(curate, here, voc, logged):
    voc("labels/a.xml")
    (here / "labels" / "b.xml").write_text("<annotation>")
    curate("--log-file", "run.log", "ingest", "labels", "-o", "street", "--json")
    code, out, err = curate(
        *("--log-file", "two.log", "export", "labels", "--to", "csv", "-o", "table"),
        *("--max-loss", 0, "--fail-on", "never"),
    )
    assert code == 1
    assert logged()[1:] == [
        ("INFO", "labels (voc): 2 images, 1 boxes from 2 files -> street"),
        ("WARNING", "findings while reading: SRC-002 1 (curate audit shows them)"),
        ("INFO", "exit 1"),
    ]
    report, *notes, ending = logged("two.log")[1:]
    assert report == ("INFO", out.rstrip("\n").replace("\n", "\n    "))
    assert [text for _, text in notes] == err.splitlines()
    assert {level for level, _ in notes} == {"WARNING"}
    assert ending == ("INFO", "exit 1")


def test_runs_are_appended(curate, coco, logged):
    coco()
    for _ in range(2):
        curate("--log-file", "run.log", "audit", "instances.json")
    assert [text for _, text in logged()].count("exit 0") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["audit", "gone.json"], "curate: gone.json: no such file or folder - check the path"),
        (["audit", "--nonsense"], "curate: No such option: --nonsense"),
        (["adit"], "curate: No such command 'adit'"),
    ],
)
def test_a_failure_is_logged(curate, here, logged, words, said):
    assert curate("--log-file", "run.log", *words)[0] == 2
    start, (level, text), ending = logged()
    assert start[1].endswith(" ".join(words))
    assert level == "ERROR"
    assert text.startswith(said)
    assert ending == ("INFO", "exit 2")


def test_the_traceback_of_a_bug_is_logged(curate, coco, logged, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("one by nought")

    monkeypatch.setattr("curate.auditing.audit", broken)
    code, _, err = curate("--log-file", "run.log", "audit", coco())
    assert code == 3
    _, (level, text), ending = logged()
    assert level == "ERROR"
    assert "Traceback (most recent call last)" in text
    assert text.endswith("\n    ZeroDivisionError: one by nought")
    assert "Traceback (most recent call last)" in err
    assert ending == ("INFO", "exit 3")


def test_an_interrupt_is_logged(curate, coco, logged, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("curate.auditing.audit", interrupted)
    curate("--log-file", "run.log", "audit", coco())
    assert logged()[-1] == ("INFO", "exit 130")


def test_no_text_of_a_source_looks_like_a_line_of_the_log(curate, here, logged):
    name = "no\n2026-01-01T00:00:00.000Z INFO exit 0"
    curate("--log-file", "run.log", "audit", name)
    lines = (here / "run.log").read_text().splitlines()
    assert len(logged()) == 3
    assert sum(bool(TIME.match(line)) for line in lines) == 3


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("gone/run.log", "curate: gone/run.log: cannot be written: No such file or directory"),
        ("-", "curate: --log-file - is no file: stdout carries the result"),
    ],
)
def test_a_log_that_cannot_be_written_stops_the_command(curate, coco, files, path, said):
    coco()
    before = files()
    code, out, err = curate("--log-file", path, "ingest", "instances.json", "-o", "street")
    assert (code, out) == (2, "")
    assert err.startswith(said)
    assert files() == before


def test_a_run_leaves_no_handler_behind(curate, coco):
    curate("--log-file", "run.log", "audit", coco())
    assert logging.getLogger("curate").handlers == []
