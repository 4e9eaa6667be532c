"""The kinds of faults that readers of labels and waivers find, and their manual pages."""

from __future__ import annotations

import re

import pytest

from curate.faults import FAULTS, LEVELS

PARTS = ("Why it hurts: ", "It cannot tell ", "Usual mend: ")


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.code)
def test_page_says_what_it_is_why_it_hurts_what_it_cannot_tell_and_the_mend(kind) -> None:
    paragraphs = kind.page.split("\n\n")
    assert not paragraphs[0].startswith(PARTS)
    for part in PARTS:
        (found,) = [text for text in paragraphs if text.startswith(part)]
        assert len(found) > len(part) + 10
        assert found.endswith((".", ";"))


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.code)
def test_kind_has_a_code_a_name_and_a_level(kind) -> None:
    assert FAULTS[kind.code] is kind
    assert re.fullmatch(r"(SRC|IMG|ULT|WAI)-\d{3}", kind.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", kind.name)
    assert kind.level in LEVELS
