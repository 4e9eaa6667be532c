"""curate define questions: where the form goes."""

from __future__ import annotations

from curate.definitions.loading import load
from curate.definitions.questions import to_xml

FORM = to_xml(load(["head"]))


def test_form_is_printed_or_written(curate, files):
    assert curate("define", "questions", "head") == (0, FORM, "")
    words = ("define", "questions", "head", "-o", "form.xml")
    assert curate(*words, "--dry-run") == (0, "form.xml not written (--dry-run)\n", "")
    assert files() == {}
    assert curate(*words) == (0, "form.xml written\n", "")
    assert files() == {"form.xml": FORM.encode()}
    assert curate(*words)[0] == 2
    assert curate(*words, "--force")[0] == 0


def test_file_of_others_is_never_replaced(curate, here, files):
    (here / "labels.xml").write_bytes(b"<annotation/>")
    code, out, err = curate("define", "questions", "head", "-o", "labels.xml", "--force")
    assert (code, out) == (2, "")
    assert "labels.xml: exists, and is no form of curate" in err
    assert files() == {"labels.xml": b"<annotation/>"}


def test_another_ending_is_refused(curate):
    code, _, err = curate("define", "questions", "head", "-o", "form.json")
    assert code == 2
    assert "-o 'form.json' is no name of a form - use .xml" in err


def test_definition_without_questions_and_classes_is_refused(curate):
    code, out, err = curate("define", "questions", "detection")
    assert (code, out) == (2, "")
    assert err.startswith("curate: rules/detection.yaml:3: detection has no classes")
