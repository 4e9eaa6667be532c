"""Tokens and numbers of lines, and the file that a new line goes to."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dataset import Dataset
from curate.formats import mot, read_again, read_all
from curate.formats.line_files import number_text, token_spans, with_tokens
from tests.formats.label_files import losses, with_box, written

LINE = "1,7,101,51,100,200,1,1,0.5\n"
FOUND = "1,-1,101,51,100,200,0.998,-1,-1,-1\n"


@pytest.mark.parametrize(
    ("line", "separator", "tokens"),
    [
        (b" a  bc\td ", None, [b"a", b"bc", b"d"]),
        (b"a, b ,,c", b",", [b"a", b"b", b"", b"c"]),
        (b"", None, []),
        (b"", b",", [b""]),
        (b" , ", b",", [b"", b""]),
    ],
)
def test_tokens_have_no_white_space_around_them(
    line: bytes, separator: bytes | None, tokens: list[bytes]
) -> None:
    assert [line[start:end] for start, end in token_spans(line, separator)] == tokens


def test_other_bytes_than_those_of_the_tokens_stay() -> None:
    line = b" 1,  22 ,,4\t"
    texts = {0: "100", 1: "2", 2: "x"}
    assert with_tokens(line, token_spans(line, b","), texts) == b" 100,  2 ,x,4\t"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_comes_back_exactly(value: float) -> None:
    assert float(number_text(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (-3.0, "-3"), (0.1, "0.1"), (2.0**60, "1.152921504606847e+18")]
)
def test_whole_number_has_no_point_as_long_as_it_is_exact(value: float, text: str) -> None:
    assert number_text(value) == text


def two_sources(folder: Path) -> Dataset:
    """Two videos of one name, the second with detections."""
    for name, files in (("a", {"gt.txt": LINE}), ("b", {"gt.txt": LINE, "det.txt": FOUND})):
        (folder / name).mkdir()
        for file, text in files.items():
            (folder / name / file).write_text(text)
    return read_all([folder / "a", folder / "b"])


@pytest.mark.parametrize(
    ("source", "origin", "file"),
    [("a", "human", "a/gt.txt"), ("b", "human", "b/gt.txt"), ("b", "detector", "b/det.txt")],
)
def test_new_line_goes_to_the_file_of_its_source_and_kind(
    tmp_path: Path, source: str, origin: str, file: str
) -> None:
    dataset = two_sources(tmp_path)
    image_id = int(dataset.images.loc[dataset.images["source"] == source, "image_id"].iloc[0])
    edited = with_box(dataset, image_id=image_id, label="pedestrian", origin=origin)
    out = tmp_path / "out"
    out.mkdir()
    report = mot.write(edited, out, read_again(dataset))
    assert losses(report) == {}
    lines = {name: body.count(b"\n") for name, body in written(out).items()}
    assert lines == {"a/gt.txt": 1, "b/gt.txt": 1, "b/det.txt": 1} | {file: 2}


def test_detection_among_objects_loses_its_origin(tmp_path: Path) -> None:
    dataset = two_sources(tmp_path)
    image_id = int(dataset.images.loc[dataset.images["source"] == "a", "image_id"].iloc[0])
    edited = with_box(dataset, image_id=image_id, label="pedestrian", origin="detector")
    out = tmp_path / "out"
    out.mkdir()
    assert losses(mot.write(edited, out, read_again(dataset))) == {"boxes.origin": 1}
