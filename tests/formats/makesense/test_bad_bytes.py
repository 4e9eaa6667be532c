"""Bytes of any kind: nothing but an error of this project leaves the reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.assembly import assemble
from curate.errors import CurateError
from curate.formats import makesense
from curate.formats.reading import KeptFiles, Options
from curate.sources import MemorySources

POINTS = b"car,1,2,a.jpg,10,10\n\nperson,3,4,a.jpg,10,10"
SEEDS = {
    "a.txt": b"0 0.500000 0.500000 0.250000 0.500000\n-1 0.1 0.1 0.1 0.1",
    "points.csv": POINTS,
    "tags.csv": b'a.jpg,"[night,car, parked]"\nb.jpg,"[night]"',
    "tags.json": b'[{"image":"a.jpg","annotations":["night","car, parked"]}]',
    "vgg.json": b'{"a.jpg":{"size":5,"filename":"a.jpg","regions":{"0":{"shape_attributes":'
    b'{"name":"polygon","all_points_x":[1,2.5,1],"all_points_y":[1,2,1]},'
    b'"region_attributes":{"label":"car"}}}}}',
    "a.xml": b"<annotation>\n\t<folder>f</folder>\n\t<filename>a.jpg</filename>\n"
    b"\t<path>/f/a.jpg</path>\n\t<source>\n\t\t<database>Unspecified</database>\n\t</source>\n"
    b"\t<size>\n\t\t<width>9</width>\n\t\t<height>9</height>\n\t</size>\n\t<object>\n"
    b"\t\t<name>car & dog</name>\n\t\t<bndbox>\n\t\t\t<xmin>1</xmin>\n\t\t</bndbox>\n"
    b"\t</object>\n</annotation>",
}
PIECES = [
    b"", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\r\n", b"\n", b'"', b",", b"<", b"&",
    b"9" * 400, b"1e400", b"NaN", b"null", b"[" * 3000, b"{", b"\\ud800", b"<!DOCTYPE a>",
    b"</object>", b"<object>", b'<?xml version="1.0" encoding="nonsense"?>',
]  # fmt: skip


@pytest.mark.parametrize("name", SEEDS)
@pytest.mark.parametrize("is_named", [False, True])
@given(
    cuts=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    piece=st.sampled_from(PIECES) | st.binary(max_size=9),
)
def test_changed_bytes_are_read_or_refused(name, is_named, cuts, piece):
    seed = SEEDS[name]
    start, end = sorted(cut % (len(seed) + 1) for cut in cuts)
    body = seed[:start] + piece + seed[end:]
    kept = KeptFiles(MemorySources({name: body}))
    names = [name] if is_named else makesense.claims(kept)
    try:
        dataset = assemble("s", makesense.gather(kept, names, Options(size_wh=(9, 9))))
    except CurateError:
        return
    makesense.extras(dataset)
    placed = dataset.boxes[dataset.boxes["start"].notna()]
    assert (placed["start"] >= 0).all()
    assert (placed["start"] <= placed["end"]).all()
    assert (placed["end"] <= len(body)).all()
