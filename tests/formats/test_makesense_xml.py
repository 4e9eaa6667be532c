"""Make Sense's XML and VOC's: every file is claimed by one of the two readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.formats import makesense, voc
from curate.tree import open_tree

MARKS = {
    "place": "<folder>set</folder><filename>a b.jpg</filename><path>/set/a b.jpg</path>",
    "source": "<source><database>Unspecified</database></source>",
    "size": "<size><width>40</width><height>30</height><depth>3</depth></size>",
}


@pytest.mark.parametrize(
    ("changes", "is_ours"),
    [
        ({}, True),
        ({"place": MARKS["place"].replace("><", ">\r\n\t<")}, True),
        ({"place": MARKS["place"].replace("a b", "a&b")}, True),
        ({"place": MARKS["place"].replace("/set/", "set/")}, False),
        ({"place": MARKS["place"].replace("/set/a b", "/set/a")}, False),
        ({"place": "<filename>a.jpg</filename>"}, False),
        ({"source": "<source><database>Unknown</database></source>"}, False),
        ({"size": MARKS["size"] + "<segmented>0</segmented>"}, False),
        ({"size": MARKS["size"] + "<segmented/>"}, False),
        # Something else between the name and the path.
        ({"place": MARKS["place"].replace("<path>", "<x>1</x><path>")}, True),
    ],
)
def test_a_file_is_claimed_by_one_of_the_two(
    tmp_path: Path, changes: dict[str, str], is_ours: bool
) -> None:
    text = f"<annotation>{''.join((MARKS | changes).values())}</annotation>"
    (tmp_path / "a.xml").write_text(text)
    files = open_tree(tmp_path)
    assert makesense.claims(files) == (["a.xml"] if is_ours else [])
    assert voc.claims(files) == ([] if is_ours else ["a.xml"])
