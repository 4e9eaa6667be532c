"""curate define show: where the page goes, and in which form."""

from __future__ import annotations

import shutil

import pytest

from curate.definitions.guide import guide
from curate.definitions.guide_html import to_html
from curate.definitions.guide_markdown import to_markdown
from curate.definitions.loading import load
from curate.resources import rules_folder


def test_page_is_markdown_on_stdout_unless_asked_otherwise(curate):
    page = guide(load(["head"]))
    assert curate("define", "show", "head") == (0, to_markdown(page), "")
    assert curate("define", "show", "head", "--format", "html") == (0, to_html(page), "")
    assert curate("define", "show", "head", "-o", "-") == (0, to_markdown(page), "")


@pytest.mark.parametrize(("name", "make"), [("a.md", to_markdown), ("b/a.HTML", to_html)])
def test_ending_of_the_file_tells_the_form(curate, files, name, make):
    assert curate("define", "show", "head", "-o", name) == (0, f"{name} written\n", "")
    assert files() == {name: make(guide(load(["head"]))).encode()}


def test_definition_can_be_a_file(curate, here):
    shutil.copy(rules_folder() / "head.yaml", here / "own.yaml")
    assert curate("define", "show", "own.yaml") == curate("define", "show", "head")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "a.txt"], "-o 'a.txt' has the ending of no page - use .md or .html"),
        (["-o", "a.md", "--format", "html"], "--format html and -o 'a.md' ask for two forms"),
    ],
)
def test_form_that_cannot_be_told_is_refused(curate, files, words, said):
    code, out, err = curate("define", "show", "head", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert files() == {}


def test_unknown_definition_is_refused_with_the_nearest(curate):
    code, out, err = curate("define", "show", "persn")
    assert (code, out) == (2, "")
    assert "did you mean 'person'?" in err


def test_file_is_replaced_only_by_force_and_only_when_curate_wrote_it(curate, here, files):
    curate("define", "show", "head", "-o", "a.html")
    code, out, err = curate("define", "show", "detection", "-o", "a.html")
    assert (code, out) == (2, "")
    assert "a.html: exists already - choose another file or add --force" in err
    assert b"A head is the skull" in files()["a.html"]
    assert curate("define", "show", "detection", "-o", "a.html", "--force")[0] == 0
    assert b"A head is the skull" not in files()["a.html"]
    (here / "a.md").write_text("# My own notes\n")
    code, _, err = curate("define", "show", "head", "-o", "a.md", "--force")
    assert code == 2
    assert "a.md: exists, and is no guide of curate as Markdown" in err
    assert files()["a.md"] == b"# My own notes\n"


def test_dry_run_writes_nothing(curate, files):
    words = ("define", "show", "head", "-o", "a.md", "--dry-run")
    assert curate(*words) == (0, "a.md not written (--dry-run)\n", "")
    assert files() == {}
