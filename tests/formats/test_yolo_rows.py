"""YOLO text to arrays: files parsed together give what each one gives row by row."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.formats.yolo import rows as module
from curate.formats.yolo.rows import Rows, parse_rows

# A byte that is no plain row sends a file to the row by row way.
ODD = b"\n\x0b"


def told(rows: Rows, number: int) -> list[tuple[object, ...]]:
    """The rows of one file as values."""
    found: list[tuple[object, ...]] = []
    for row in np.flatnonzero(rows.file == number).tolist():
        values = rows.values[rows.first[row] :][: rows.count[row]]
        place = int(rows.line[row]), int(rows.start[row]), int(rows.end[row])
        said = rows.texts.get(row, str(rows.classes[row])), rows.problems.get(row)
        found.append((*place, int(rows.classes[row]), *said, np.array(values).tobytes()))
    return found


def test_rows_have_their_lines_and_bytes() -> None:
    rows = parse_rows([b"", b"0 .5 0.5 1 1\n\n 12 0.1 0.2 0.3 0.4 \r\n7 1 2 3 4", b"\n"])
    assert rows.file.tolist() == [1, 1, 1]
    assert rows.line.tolist() == [1, 3, 4]
    assert list(zip(rows.start.tolist(), rows.end.tolist(), strict=True)) == [
        (0, 12), (14, 34), (36, 45),
    ]  # fmt: skip
    assert rows.classes.tolist() == [0, 12, 7]
    assert rows.values[5:10].tolist() == [12, 0.1, 0.2, 0.3, 0.4]


def test_odd_file_between_plain_ones_keeps_its_place() -> None:
    rows = parse_rows([b"0 0 0 1 1", b"\xef\xbb\xbf1 1e-1 0 1 1\nx 0 0 1 1", b"2 0 0 1 1"])
    assert rows.file.tolist() == [0, 1, 1, 2]
    assert rows.classes.tolist() == [0, 1, -1, 2]
    assert rows.start.tolist() == [0, 3, 16, 0]
    assert rows.value(np.array([1]), 1).tolist() == [0.1]
    assert rows.problems == {2: "class 'x', should be a whole number"}


def test_blocks_give_what_one_block_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [b"%d 0.5 0.5 1 1\n" % number * 3 for number in range(40)]
    whole = parse_rows(bodies)
    monkeypatch.setattr(module, "BLOCK_BYTES", 100)
    parts = parse_rows(bodies)
    assert [told(parts, n) for n in range(40)] == [told(whole, n) for n in range(40)]


tokens = st.sampled_from(
    ["0", "1", "12", "007", "-1", "0.5", "-0.5", ".5", "5.", "1e-3", "nan", "x", "..", "-", "1-2",
     "0.1.2", "9" * 30, "+1", "1_0", "1e400", "null", "0.0", "\0", "é", "0.123456789012345678"]
)  # fmt: skip
gaps = st.sampled_from([" ", "  ", "\t", "\n", "\n", "\r\n", "\r", ""])


@given(st.lists(st.lists(st.tuples(tokens, gaps), max_size=15), min_size=1, max_size=4))
def test_files_together_are_read_as_each_alone(files: list[list[tuple[str, str]]]) -> None:
    bodies = ["".join(token + gap for token, gap in pairs).encode() for pairs in files]
    together = parse_rows(bodies)
    for number, body in enumerate(bodies):
        alone = parse_rows([body + ODD])
        assert told(together, number) == told(alone, 0)
        assert together.no_text.get(number) == alone.no_text.get(0)
        lines = together.line[together.file == number].tolist()
        assert all(a < b for a, b in pairwise(lines))


@given(st.lists(st.floats(-3, 3), min_size=4, max_size=60))
def test_numbers_are_those_of_python(values: list[float]) -> None:
    texts = [f"{value:.17f}" for value in values]
    rows = parse_rows([f"3 {' '.join(texts)}\n".encode()])
    assert rows.values.tolist() == [3.0, *map(float, texts)]
