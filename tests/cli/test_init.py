"""curate init: the project file that it writes."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
import yaml

from curate.resources import schema_text

SCHEMA = json.loads(schema_text("project-1.schema.json"))


def written(here, name="curate.yaml"):
    document = yaml.safe_load((here / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def uncommented(text):
    """The text with the keys that stand in comments taken in, as a user would do it."""
    return re.sub(r'^# ( *["\w-]+:)', r"\1", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "sources"),
    [
        ([], None),
        (["--source", "labels/"], {"labels": {"path": "labels"}}),
        (["--source", "a.b.json"], {"a.b": {"path": "a.b.json"}}),
        (
            ["--source", "labels", "--images", "pictures/"],
            {"labels": {"path": "labels", "images": "pictures"}},
        ),
        (["--images", "pictures/"], None),
        (["--source", 'new: "x" #\'路口/'], {'new: "x" #\'路口': {"path": 'new: "x" #\'路口'}}),
        (["--source", "yes"], {"yes": {"path": "yes"}}),
    ],
)
def test_the_file_is_valid_and_names_the_source(curate, here, words, sources):
    code, out, err = curate("init", *words)
    assert (code, err) == (0, "")
    assert out == "curate.yaml written; next: curate audit\n"
    document = written(here)
    assert document.get("sources") == sources
    assert document["fail-on"] == "error"


def test_what_stands_in_comments_is_valid_too(curate, here):
    curate("init", "--images", "pictures")
    path = here / "curate.yaml"
    path.write_text(uncommented(path.read_text(encoding="utf-8")), encoding="utf-8")
    document = written(here)
    assert document["sources"] == {"street": {"path": "labels/", "images": "pictures"}}
    assert document["checks"]["BOX-004"]["min_side_px"] == 4
    assert document["ignore"]


def test_the_next_command_is_the_one_that_it_names(curate, here, voc, picture):
    voc("labels/a.xml", box=(50, 3, 70, 30))
    picture()
    curate("init", "--source", "labels", "--images", "pictures")
    code, out, _ = curate("audit")
    assert code == 1
    assert "BOX-002" in out


def test_a_project_elsewhere_names_the_source_from_there(curate, here, voc, monkeypatch):
    voc("labels/a.xml")
    assert curate("init", "project/new", "--source", "labels")[0] == 0
    assert written(here, "project/new/curate.yaml")["sources"]["labels"]["path"] == "../../labels"
    monkeypatch.chdir(here / "project" / "new")
    assert curate("audit")[0] == 0


def test_an_existing_file_is_refused_and_stays(curate, here, files):
    (here / "curate.yaml").write_text("version: 1\n")
    before = files()
    code, out, err = curate("init")
    assert (code, out) == (2, "")
    assert err == "curate: curate.yaml: exists already - add --force\n"
    assert files() == before
    assert curate("init", "--force")[0] == 0
    assert files() != before


def test_a_folder_that_cannot_be_is_refused(curate, here, files):
    (here / "file").touch()
    before = files()
    code, out, err = curate("init", "file/project")
    assert (code, out) == (2, "")
    assert err.startswith("curate: file/project: cannot be made")
    assert files() == before


def test_a_dry_run_writes_nothing_and_refuses_what_the_real_one_would(curate, here, files):
    assert curate("init", "new", "--dry-run") == (
        0,
        "new/curate.yaml not written (--dry-run)\n",
        "",
    )
    assert list(here.iterdir()) == []
    (here / "curate.yaml").write_text("version: 1\n")
    before = files()
    code, out, err = curate("init", "--dry-run")
    assert (code, out) == (2, "")
    assert err == "curate: curate.yaml: exists already - add --force\n"
    assert files() == before
