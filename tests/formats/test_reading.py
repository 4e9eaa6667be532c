"""Text, lines and byte offsets as all readers take them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import SourceError
from curate.formats.reading import TextError, decode_text, line_numbers, read_many, text_lines
from curate.tree import open_tree


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


def test_files_come_in_the_order_asked_for_and_missing_ones_as_errors(tmp_path: Path) -> None:
    names = [f"{number:04d}.txt" for number in range(700)]
    for name in names:
        (tmp_path / name).write_text(name)
    tree = open_tree(tmp_path)
    (tmp_path / names[300]).unlink()
    asked = names[::-1]
    found = list(read_many(tree, asked))
    assert [name for name, _ in found] == asked
    bodies = dict(found)
    missing = bodies.pop(names[300])
    assert isinstance(missing, SourceError)
    assert missing.place is not None
    assert missing.place.file == names[300]
    assert bodies == {name: name.encode() for name in names if name != names[300]}


def test_a_few_files_are_read_as_many_are(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    assert list(read_many(open_tree(tmp_path), ["a.txt"])) == [("a.txt", b"a")]
