"""`-`: a label file from stdin, a written file to stdout; bars only on a terminal."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import curate as package
from curate import tree
from tests.cli.conftest import KITTI

YOLO = "0 0.5 0.5 0.25 0.25\n"
# Rectangles of Make Sense (label, x, y, w, h, image, its size), or lines: nothing in them says it.
TABLE = "car,10,10,30,20,a.jpg,60,40\n"
POINTS = "car,10,10,a.jpg,60,40\n"


@pytest.fixture
def stdin(monkeypatch):
    """Puts bytes on stdin."""

    def put(body):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))

    return put


def test_an_audit_of_stdin_finds_what_one_of_the_file_finds(curate, coco, stdin):
    path = coco(boxes=[(50, 10, 20, 20)])
    of_file = curate("audit", path)
    stdin(path.read_bytes())
    code, out, err = curate("audit", "-")
    assert code == of_file[0] == 1
    assert out == of_file[1].replace("instances.json", "stdin.json")
    assert err == of_file[2].replace("instances", "stdin")


def test_stdin_has_the_name_that_it_is_given(curate, coco, stdin):
    stdin(coco(boxes=[(50, 10, 20, 20)]).read_bytes())
    _, out, err = curate("audit", "-", "--name", "street", "--json")
    assert json.loads(out)["findings"][0]["image"] == "street/a.jpg"
    assert err.startswith("street (coco): 1 images, 1 boxes")


@pytest.mark.parametrize(
    ("body", "words", "kind", "file"),
    [
        (KITTI, [], "kitti", "stdin.txt"),
        (YOLO, ["--size", "60x40"], "makesense", "stdin.txt"),
        (POINTS, [], "makesense", "stdin.csv"),
        (TABLE, ["--from", "makesense-rect"], "makesense", "stdin.csv"),
        ("[]", ["--from", "makesense"], "makesense", "stdin.json"),
    ],
)
def test_the_format_of_stdin_is_told_by_content(curate, here, stdin, body, words, kind, file):
    stdin(body.encode())
    code, out, _ = curate("ingest", "-", "-o", "street", *words, "--json")
    assert code == 0
    assert json.loads(out)["format"] == kind
    dataset = package.load(here / "street")
    assert dataset.name == "stdin"
    assert dict(dataset.formats) == {file: kind}
    assert dataset.sources.read(file) == body.encode()


def test_voc_on_stdin_is_exported_as_it_was(curate, here, voc, stdin):
    path = voc()
    stdin(path.read_bytes())
    assert curate("export", "-", "--to", "voc", "-o", "out")[0] == 0
    (written,) = (here / "out").rglob("*.xml")
    assert written.read_bytes() == path.read_bytes()


def test_an_archive_on_stdin_is_read(curate, here, voc, stdin):
    with zipfile.ZipFile(here / "labels.zip", "w") as archive:
        archive.write(voc(), "labels/a.xml")
    stdin((here / "labels.zip").read_bytes())
    code, _, err = curate("audit", "-")
    assert (code, err) == (0, "stdin (voc): 1 images, 1 boxes; 0 errors, 0 warnings, 0 info\n")


def test_classes_and_annotation_file_may_be_stdin(curate, here, coco, stdin):
    (here / "labels").mkdir()
    (here / "labels" / "a.txt").write_text(YOLO)
    stdin(b"car\n")
    words = ("audit", "labels", "--classes", "-", "--size", "60x40", "--json")
    assert json.loads(curate(*words)[1])["counts"] == {}
    rows = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
    (here / "detections.json").write_text(json.dumps(rows))
    stdin(coco().read_bytes())
    code, out, _ = curate("audit", "detections.json", "--truth", "-", "--json")
    assert (code, json.loads(out)["boxes"]) == (0, 1)


@pytest.mark.parametrize(
    "words", [["ingest", "-", "-", "-o", "out"], ["audit", "-", "--truth", "-"]]
)
def test_stdin_is_read_once(curate, here, coco, stdin, words):
    stdin(coco().read_bytes())
    code, out, err = curate(*words)
    assert (code, out) == (2, "")
    assert err == "curate: - is given twice, and stdin is one file - name the other file\n"
    assert not (here / "out").exists()


@pytest.mark.parametrize("body", [b"", b"hello\n", b"{}[", b"\x89PNG\r\n\x1a\n"])
def test_an_unusable_stdin_is_one_line_that_names_it(curate, here, stdin, body):
    stdin(body)
    code, out, err = curate("ingest", "-", "-o", "out")
    assert (code, out) == (2, "")
    assert err.startswith("curate: stdin")
    assert err.count("\n") == 1
    assert list(here.iterdir()) == []


def test_a_closed_stdin_is_refused(curate, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    assert curate("audit", "-") == (
        2,
        "",
        "curate: stdin: is closed - give a file, or pipe one in\n",
    )


def test_a_stdin_without_end_is_refused_at_the_limit(curate, coco, stdin, monkeypatch):
    body = coco().read_bytes()
    monkeypatch.setattr(tree, "MAX_ZIP_MEMBER_BYTES", len(body) - 1)
    stdin(body)
    code, _, err = curate("audit", "-")
    assert code == 2
    assert err.startswith(f"curate: stdin: holds more than {len(body) - 1} bytes - save it")
    monkeypatch.setattr(tree, "MAX_ZIP_MEMBER_BYTES", len(body))
    stdin(body)
    assert curate("audit", "-")[0] == 0


def test_a_pipe_into_the_command_and_out_of_it_keeps_every_byte(here, coco):
    path = coco(boxes=[(2, 3, 18, 27)], info={"äöü": [1, 2.50]})
    run = subprocess.run(
        [sys.executable, "-m", "curate", "export", "-", "--to", "coco", "-o", "-"],
        input=path.read_bytes(), capture_output=True, check=True,
    )  # fmt: skip
    assert run.stdout == path.read_bytes()
    assert run.stderr == b"coco: 1 images, 1 boxes in 1 files; nothing lost\n"
    assert [p.name for p in here.iterdir()] == [path.name]


def test_a_table_on_stdout_has_its_losses_on_stderr(curate, here, coco):
    coco(boxes=[(2, 3, 18, 27)])
    words = ("export", "instances.json", "--to", "csv")
    _, report, _ = curate(*words, "-o", "out")
    code, out, err = curate(*words, "-o", "-")
    assert code == 0
    assert out == (here / "out" / "boxes.csv").read_text()
    assert err == report
    assert "images.source_id: boxes.csv has no column for it" in err
    assert curate(*words, "-o", "-", "--dry-run") == (0, "", report)
    assert curate(*words, "-o", "-", "--max-loss", 0)[0] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "voc"], "-o - takes formats of one file (coco, csv), not 'voc'"),
        (["--to", "kitti"], "-o - takes formats of one file (coco, csv), not 'kitti'"),
        (["--to", "csv", "--json"], "--json and -o - exclude each other"),
    ],
)
def test_what_stdout_cannot_carry_is_refused(curate, coco, files, words, message):
    coco()
    before = files()
    code, out, err = curate("export", "instances.json", *words, "-o", "-")
    assert (code, out) == (2, "")
    assert message in err
    assert files() == before


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
def test_several_files_are_not_run_together_on_stdout(curate, here, coco, words):
    coco("set/one.json")
    coco("set/two.json", image="b.jpg")
    code, out, err = curate("export", "set", "--to", "coco", "-o", "-", *words)
    assert (code, out) == (2, "")
    assert "-o - takes one file, and this makes 2" in err


def test_a_dataset_is_no_stream(curate, coco, files):
    coco()
    before = files()
    code, _, err = curate("ingest", "instances.json", "-o", "-")
    assert code == 2
    assert "-o - is no folder, and a dataset is one" in err
    assert files() == before


def test_a_pipe_that_closes_early_ends_an_export_quietly(here, coco):
    path = coco(boxes=[(n % 50, n % 30, 1, 1) for n in range(9000)])
    run = subprocess.run(
        f'"{sys.executable}" -m curate export "{path}" --to csv -o - | head -1',
        shell=True, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.startswith("image,width,height,")
    assert run.stdout.count("\n") == 1
    assert run.stderr == ""


NO_WAIT = (
    "import sys; from curate.cli import bars, main; bars.WAIT_S = 0; sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture
def many(here, voc):
    """A folder of VOC files."""
    for n in range(40):
        box = (2 + n % 7, 3 + n % 5, 20 + n % 30, 30 + n % 9)
        voc(f"labels/{n}.xml", image=f"{n}.jpg", box=box)
    return here


def on_terminal(folder: Path, words: list[str]) -> tuple[int, str, str]:
    """Exit code, stdout, and what a terminal on stderr is sent."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", NO_WAIT, *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=theirs, text=True,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 1 << 16):
                shown += chunk
        except OSError:
            # Linux ends a terminal without a writer so.
            pass
        out = process.stdout.read()
    os.close(ours)
    return process.returncode, out, shown.decode()


def test_a_terminal_shows_bars_and_then_the_summary(many):
    code, out, shown = on_terminal(many, ["audit", "labels"])
    assert (code, out) == (0, "")
    assert "label files" in shown
    assert "checks" in shown
    assert shown.endswith("labels (voc): 40 images, 40 boxes; 0 errors, 0 warnings, 0 info\r\n")


def test_an_error_on_a_terminal_takes_the_bar_down(many):
    (many / "out").mkdir()
    (many / "out" / "own").touch()
    code, out, shown = on_terminal(many, ["export", "labels", "--to", "csv", "-o", "out"])
    assert (code, out) == (2, "")
    assert "label files" in shown
    # The cursor that the bar hides is shown again.
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") > 0
    assert shown.rstrip().endswith("choose another folder or add --force")


def test_a_pipe_shows_no_bar(many):
    run = subprocess.run(
        [sys.executable, "-c", NO_WAIT, "audit", "labels"],
        cwd=many, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stderr == "labels (voc): 40 images, 40 boxes; 0 errors, 0 warnings, 0 info\n"
