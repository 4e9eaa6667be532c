"""The quick way through plain VOC files, held against expat on all that it may be given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.formats.voc.parse import parse, parse_by_expat
from curate.formats.voc.plain import parse_plain

CASES = Path(__file__).parents[1] / "cases"
REAL = Path(os.environ.get("CURATE_REAL_DATA", "../shared/data"))

PLAIN = b"""<annotation>
\t<folder>VOC</folder>
\t<filename>a.jpg</filename>
\t<source>
\t\t<database>made</database>
\t</source>
\t<size>
\t\t<width>64</width>
\t\t<height>48</height>
\t\t<depth>3</depth>
\t</size>
\t<object>
\t\t<name>cat</name>
\t\t<pose>Left</pose>
\t\t<bndbox>
\t\t\t<xmin>1</xmin>
\t\t\t<ymin>2</ymin>
\t\t\t<xmax>30.5</xmax>
\t\t\t<ymax>40</ymax>
\t\t</bndbox>
\t\t<actions><jumping>1</jumping></actions>
\t</object>
</annotation>
"""


def test_a_plain_file_is_read_with_its_places() -> None:
    found = parse_plain(PLAIN)
    assert found is not None
    assert found.size == {"width": ("64", 8), "height": ("48", 9)}
    (record,) = found.objects
    assert PLAIN[record.start : record.end].startswith(b"<object>\n\t\t<name>cat")
    assert PLAIN[record.start : record.end].endswith(b"</actions>\n\t</object>")
    assert record.line == 12
    assert record.corners == {"xmin": "1", "ymin": "2", "xmax": "30.5", "ymax": "40"}
    assert (record.fields, record.actions) == ({"name": "cat", "pose": "Left"}, {"jumping": "1"})
    assert found.uncarried == {"folder": 1, "source": 1, "depth": 1}
    assert found == parse_by_expat(PLAIN)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"no tag", b"<annotation/>", b"<annotation></annotation>",
        b"<annotation></annotation><annotation></annotation>",
        b"<annotation> </annotation> x", b"<other> </other>", b"<annotation> <a></b> </annotation>",
        b"<annotation> <object> <name>a</name> </annotation>",
        b"<annotation> </object> </annotation>",
        b"<annotation> <filename>a&amp;b</filename> </annotation>",
        b"<annotation> <!-- <object> --> </annotation>",
        b"<annotation> <a k='1'>x</a> </annotation>",
        b"<annotation> <a>]]></a> </annotation>", b"<annotation> <a>x > y</a> </annotation>",
        b"<annotation>\r\n <object>\r\n <name>a\rb</name> </object> </annotation>",
        b"\xef\xbb\xbf<annotation> </annotation>", "<annotation> <a>ü</a> </annotation>".encode(),
        b"<annotation> <b> <object>1</object> </b> </annotation>",
        b"<annotation> <object> <part> <name>x</name> </part> </object> </annotation>",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_expat_or_read_the_same(text: bytes) -> None:
    found = parse_plain(text)
    assert found is None or found == parse_by_expat(text)
    assert parse(text) == parse_by_expat(text)


def test_every_voc_file_of_the_cases_and_of_real_sets_is_read_as_by_expat() -> None:
    paths = [*CASES.rglob("*.xml"), *(REAL.rglob("*.xml") if REAL.is_dir() else ())]
    bodies = [path.read_bytes() for path in paths]
    plain = [(body, parse_plain(body)) for body in bodies]
    assert all(found is None or found == parse_by_expat(body) for body, found in plain)


words = st.sampled_from([
    "object", "name", "bndbox", "xmin", "size", "width", "actions", "part", "filename", "a",
])  # fmt: skip
pieces = st.one_of(
    words.map("<{}>".format),
    words.map("</{}>".format),
    st.tuples(words, st.sampled_from(["", "1", " x ", "\n", "a>b"])).map(
        "<{0[0]}>{0[1]}</{0[0]}>".format
    ),
    st.sampled_from([
        " ", "\n", "text", "<object>\n<name>a</name>", "</object>\n", "<bndbox>", "</bndbox>",
        "<size>", "</size>", "<actions>", "</actions>", "&lt;", "<!--x-->", "<a/>", "\r\n",
    ]),
)  # fmt: skip


@given(st.lists(pieces, max_size=14))
def test_any_order_of_tags_is_read_as_by_expat(parts: list[str]) -> None:
    body = f"<annotation>\n{''.join(parts)}\n</annotation>\n".encode()
    assert parse(body) == parse_by_expat(body)


@given(
    st.integers(0, len(PLAIN) - 1),
    st.sampled_from([b"", b"<", b">", b"/", b"&", b"x", b"\x0b", b"\xff"]),
)
def test_a_damaged_file_is_read_as_by_expat(at: int, byte: bytes) -> None:
    body = PLAIN[:at] + byte + PLAIN[at + 1 :]
    assert parse(body) == parse_by_expat(body)
