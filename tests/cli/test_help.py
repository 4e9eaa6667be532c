"""What --help shows, and that the examples in it are true."""

from __future__ import annotations

import json
import re
import shlex

import pytest
import typer

import curate as package
from curate.cli import app, main
from curate.cli.options import FORMATS_HELP
from curate.formats import READERS, WRITERS
from tests.cascade.manifests import detection, write_set

COMMANDS = (
    "init", "ingest", "audit", "explain", "fix", "export", "merge", "relabel", "cascade", "doctor",
    "demo",
)  # fmt: skip
PAGES = {name: typer.main.get_command(app).commands[name].help for name in COMMANDS}
EXAMPLES = [
    (name, words)
    for name, page in PAGES.items()
    for words in re.findall(r"^Example: curate (.+)$", page, re.MULTILINE)
]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_page_with_two_examples(curate, name):
    code, out, err = curate(name, "--help")
    assert (code, err) == (0, "")
    assert PAGES[name].splitlines()[0] in " ".join(out.split())
    own = [words for command, words in EXAMPLES if command == name]
    assert len(own) == 2
    assert all(f"Example: curate {words}\n" in out for words in own)


@pytest.fixture
def street(here, coco, voc, picture, capsys):
    """The files that the examples name."""
    coco()
    voc("labels/a.xml")
    picture("pictures/a.jpg")
    rows = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
    (here / "detections.json").write_text(json.dumps(rows))
    (here / "a.json").write_bytes((here / "instances.json").read_bytes())
    (here / "classes.yaml").write_text("version: 1\nclasses: {car: car, person: car}\n")
    rows = [detection(0.9, "matched", "car"), detection(0.4, "background", "car")]
    write_set(here / "crops", [row | {"split": "val"} for row in rows])
    answers = "crop_id,label,score\n0000000000000000,car,0.8\n0000000000000001,background,0.9\n"
    (here / "answers.csv").write_text(answers)
    for name in ("day", "night"):
        options = package.ReadOptions(name=name)
        package.save(package.read(here / "labels", options), here / name)
    return here


@pytest.mark.parametrize(("name", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_each_example_runs(street, capsys, name, line):
    words = shlex.split(line.partition(" > ")[0])
    assert words[0] == name
    if name == "demo":
        # Drawing takes seconds and is tested elsewhere: here only the words are.
        typer.main.get_command(app).commands[name].make_context(name, words[1:])
        return
    if "street" in words[1:2]:
        package.save(package.read(street / "labels"), street / "street")
    assert main(words) in (0, 1)
    shown = capsys.readouterr()
    assert shown.out or shown.err
    assert "curate:" not in shown.err


def words_of(command, option):
    """The words of an option's help, without commas and full stops."""
    parameters = typer.main.get_command(app).commands[command].params
    (text,) = (p.help for p in parameters if option in p.opts)
    return re.findall(r"[a-z]+(?:-[a-z]+)*", text)


@pytest.mark.parametrize("command", ["ingest", "audit", "export"])
def test_help_of_from_names_every_format_and_kind_and_no_other(command):
    words = words_of(command, "--from")
    kinds = {name: getattr(reader.load(), "KINDS", ()) for name, reader in READERS.items()}
    assert set(words) >= set(READERS)
    # The first kind of a format stands behind its name, the others behind a dash alone.
    said = set(re.findall(r"-[a-z]+(?:-[a-z]+)*", FORMATS_HELP))
    assert all(
        any(word.endswith(f"-{kind}") for word in said) for own in kinds.values() for kind in own
    )
    known = {*READERS, *(f"-{kind}" for own in kinds.values() for kind in own)}
    assert all(any(f"-{word}".endswith(name) for name in known) for word in words if "-" in word)


def test_help_of_to_names_every_format():
    assert set(words_of("export", "--to")) >= set(WRITERS)


@pytest.mark.parametrize(
    "name", ["init", "ingest", "audit", "fix", "export", "merge", "relabel", "cascade", "demo"]
)
def test_every_command_that_writes_has_a_dry_run(name):
    assert words_of(name, "--dry-run") == words_of("ingest", "--dry-run")


def test_no_word_at_all_shows_the_commands(curate):
    code, out, err = curate()
    assert code == 2
    assert all(name in out + err for name in COMMANDS)


def test_the_list_of_commands_cuts_no_line_short(curate):
    _, out, _ = curate("--help")
    text = " ".join(out.split())
    assert all(f" {name} {PAGES[name].splitlines()[0]}" in text for name in COMMANDS)
    assert "130 interrupted" in text


def test_the_version_is_that_of_the_package(curate):
    assert curate("--version") == (0, f"curate {package.__version__}\n", "")


def test_an_unknown_command_is_refused(curate):
    code, out, err = curate("adit")
    assert (code, out) == (2, "")
    assert "adit" in err
