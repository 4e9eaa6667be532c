"""Text, lines and byte offsets as all readers take them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.formats.reading import TextError, decode_text, line_numbers, text_lines


def test_lines_keep_their_byte_spans_without_line_ends() -> None:
    body = b"\xef\xbb\xbfone\r\n\ntwo\nlast"
    assert text_lines(body) == [
        (1, 3, 6, b"one"),
        (2, 8, 8, b""),
        (3, 9, 12, b"two"),
        (4, 13, 17, b"last"),
    ]


@given(st.binary(max_size=60))
def test_every_line_stands_at_its_span(body: bytes) -> None:
    for number, start, end, line in text_lines(body):
        assert body[start:end] == line
        assert line_numbers(body, [start]).tolist() == [number]


def test_text_that_is_not_utf_8_is_told_with_line() -> None:
    with pytest.raises(TextError) as caught:
        decode_text(b"ok\n\xff\n", "a.txt")
    assert str(caught.value) == (
        "a.txt:2: byte 3 (0xff) is not UTF-8 text - save the file as UTF-8"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_with_a_byte_order_mark_is_read(encoding: str) -> None:
    assert decode_text("é1".encode(encoding), "a.txt")[0] == "é1"
