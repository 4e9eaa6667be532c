"""curate explain: manual pages of checks and formats."""

from __future__ import annotations

import pytest

from curate.checks import CHECKS
from curate.faults import FAULTS
from curate.formats import READERS, manual

KNOWN = {**FAULTS, **CHECKS}


@pytest.mark.parametrize("code", sorted(KNOWN))
def test_each_check_has_a_page_by_code_and_by_name(curate, code):
    by_code, by_name = curate("explain", code), curate("explain", KNOWN[code].name)
    assert by_code == by_name
    exit_code, out, err = by_code
    assert (exit_code, err) == (0, "")
    assert out.startswith(f"{code} {KNOWN[code].name} [{KNOWN[code].level}]\n")
    assert "mend" in out or KNOWN[code].level == "info"


def test_a_page_lists_the_parameters_with_their_defaults(curate):
    _, out, _ = curate("explain", "box-004")
    assert "min_side_px = 2" in out


def test_all_checks_are_listed_without_a_word(curate):
    code, out, err = curate("explain")
    assert (code, err) == (0, "")
    listed = [tuple(line.split()) for line in out.splitlines()]
    assert listed == [(c, KNOWN[c].level, KNOWN[c].name) for c in sorted(KNOWN)]


@pytest.mark.parametrize(
    ("word", "near"), [("BOX-02", "BOX-002"), ("class-mising", "class-missing")]
)
def test_an_unknown_check_is_refused_with_the_nearest(curate, word, near):
    code, out, err = curate("explain", word)
    assert (code, out) == (2, "")
    assert err == f"curate: there is no check '{word}' - did you mean '{near}'?\n"


@pytest.mark.parametrize("name", sorted(READERS))
def test_each_format_has_a_page(curate, name):
    assert curate("explain", f"format:{name}") == (0, manual.page(name), "")


def test_all_formats_are_listed_with_what_they_are(curate):
    code, out, err = curate("explain", "format:")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == sorted(READERS)
    assert "PASCAL VOC: one XML file per image" in out


def test_an_unknown_format_is_refused_with_the_nearest(curate):
    code, out, err = curate("explain", "format:vco")
    assert (code, out) == (2, "")
    assert err.startswith("curate: there is no format 'vco', should be one of caltech, ")
    assert err.endswith(" - did you mean 'format:voc'?\n")
