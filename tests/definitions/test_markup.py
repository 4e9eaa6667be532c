"""Elements of XML: everything in them is escaped."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from curate.definitions.markup import element, text

NASTY = ["<script>alert(1)</script>", "a & b", "\"'", "]]>", "é ☃ 😀", "two\nlines"]


@pytest.mark.parametrize("words", NASTY)
def test_words_come_back_from_content_and_from_attributes(words):
    root = ElementTree.fromstring(element("p", text(words), title=words))
    assert (root.text, root.get("title")) == (words, words)


@pytest.mark.parametrize("sign", ["\x00", "\x08", "\x1f", "\ud800", "\uffff"])
def test_what_no_xml_may_hold_is_replaced(sign):
    root = ElementTree.fromstring(element("p", text(f"a{sign}b"), title=sign))
    assert (root.text, root.get("title")) == ("a\ufffdb", "\ufffd")


def test_empty_element_of_html_keeps_its_end():
    # A browser reads <p/> as an open <p>.
    assert element("p") == "<p></p>"
    assert element("dl", class_="small") == '<dl class="small"></dl>'
    assert element("br") == "<br/>"


def test_attribute_without_a_value_is_left_out():
    assert element("rect", x=None, stroke_width=2) == '<rect stroke-width="2"/>'
