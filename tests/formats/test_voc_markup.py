"""VOC objects of unusual markup: edits neither clash nor take anything along."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.formats import voc
from curate.formats.xml_spans import apply_edits
from tests.formats.label_files import (
    losses,
    read_file,
    with_box,
    with_values,
    write_back,
    written,
)


def edited(folder: Path, inner: str, **values: Any) -> str:
    """The inside of an only object after an edit of its columns, which must all be kept."""
    head, tail = "<annotation><object>", "</object></annotation>"
    dataset = with_values(read_file(voc, "a.xml", head + inner + tail), 0, **values)
    report = write_back(voc, dataset, folder)
    assert report.losses == ()
    text = written(folder)["a.xml"].decode()
    again = read_file(voc, "a.xml", text).boxes.iloc[0]
    assert all(is_same(name, again[name], value) for name, value in values.items())
    return text.removeprefix(head).removesuffix(tail)


def is_same(column: str, got: Any, wanted: Any) -> bool:
    if column == "attributes":
        return bool(attributes(got) == attributes(wanted))
    if wanted is None or pd.isna(got):
        return wanted is None and bool(pd.isna(got))
    return bool(got == wanted)


def attributes(text: Any) -> Any:
    """The values; an object without any says what null says."""
    return json.loads(text) if isinstance(text, str) else {}


BOX = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox>"
PART = "<part><name>head</name><bndbox><xmin>2</xmin></bndbox></part>"


@pytest.mark.parametrize(
    ("inner", "values", "wanted"),
    [
        # Of repeated elements the first counts, and a part's are its own.
        ("<name>a</name><name>b</name>", {"label": "c"}, "<name>c</name><name>b</name>"),
        (f"{PART}<name>a</name>", {"label": "c"}, f"{PART}<name>c</name>"),
        (f"{PART}{BOX}{BOX}", {"x2": 7.0}, f"{PART}{BOX.replace('>5</xmax>', '>7</xmax>')}{BOX}"),
        (
            BOX.replace("<ymin>", "<xmin>9</xmin><ymin>"),
            {"x1": 2.0},
            BOX.replace(">1</xmin>", ">3</xmin><xmin>9</xmin>"),
        ),
        # A flag that goes takes its repetition along, or that would be read.
        ("<name>a</name><difficult>0</difficult><difficult>1</difficult>", {"difficult": None},
         "<name>a</name>"),
        # An element with elements of its own is no text: it stays, and the new one counts.
        ("<name>a<b/></name>", {"label": "c"}, "<name>a<b/></name><name>c</name>"),
        ("<pose><yaw>1</yaw></pose>", {"attributes": '{"pose": "Left"}'},
         "<pose><yaw>1</yaw></pose><pose>Left</pose>"),
        ("<name>a</name><truncated><share/></truncated>", {"truncated": 1.0},
         "<name>a</name><truncated><share/></truncated><truncated>1</truncated>"),
        # Attributes, CDATA and comments.
        ('<name lang=">"><![CDATA[<name>]]></name>', {"label": "c"}, '<name lang=">">c</name>'),
        ("<!-- <name>b</name> --><name>a</name>", {"label": "c"},
         "<!-- <name>b</name> --><name>c</name>"),
        ("<!-- nothing yet -->", {"label": "c", "truncated": 0.0},
         "<!-- nothing yet --><name>c</name><truncated>0</truncated>"),
        ('<bndbox unit="px"/>', {"shape": "box", "x2": 7.0},
         '<bndbox unit="px"><xmax>7</xmax></bndbox>'),
        ("<bndbox><!-- none --></bndbox>", {"shape": "box", "x2": 7.0},
         "<bndbox><!-- none --><xmax>7</xmax></bndbox>"),
        # A new element beside one that goes, with and without white space between them.
        ("<difficult>0</difficult>", {"difficult": None, "label": "c"}, "<name>c</name>"),
        (f"<difficult>0</difficult>{BOX}", {"difficult": None, "label": "c"},
         f"<name>c</name>{BOX}"),
        ("<name>a</name>\n<truncated>0</truncated>\n<actions><run>1</run></actions>",
         {"truncated": None, "occluded": 1.0, "shape": "box", "x2": 5.0},
         "<name>a</name>\n<occluded>1</occluded>\n<bndbox>\n<xmax>5</xmax>\n</bndbox>\n"
         "<actions><run>1</run></actions>"),
    ],
)  # fmt: skip
def test_edit_meets_the_element_that_is_read_and_no_other(
    tmp_path: Path, inner: str, values: dict[str, Any], wanted: str
) -> None:
    assert edited(tmp_path, inner, **values) == wanted


def test_change_that_an_empty_object_cannot_hold_leaves_its_bytes(tmp_path: Path) -> None:
    body = '<annotation><object id="1"/></annotation>'
    dataset = with_values(read_file(voc, "a.xml", body), 0, score=0.5)
    assert losses(write_back(voc, dataset, tmp_path)) == {"boxes.score": 1}
    assert written(tmp_path)["a.xml"].decode() == body


def test_edit_within_removed_bytes_is_made_behind_them() -> None:
    edits = [(1, 6, b""), (3, 3, b"new"), (4, 8, b"-")]
    assert apply_edits(b"0123456789", edits) == b"0new-89"


pieces = st.sampled_from(
    [
        "<name>a</name>", "<name/>", "<name>a<b/></name>", '<name x="/>"><![CDATA[<b>]]></name>',
        "<!-- <name>b</name> -->", "\n\t", "text", "<truncated>1</truncated>", "<truncated/>",
        "<occluded>1</occluded>", "<difficult>1</difficult>", "<difficult><b/></difficult>",
        "<pose>Left</pose>", "<pose><name>b</name></pose>", "<id>1</id>", BOX, PART, "<bndbox/>",
        "<bndbox><xmin>1</xmin><xmin>2</xmin><ymin><b/></ymin></bndbox>", "<point><x>1</x></point>",
        "<actions><run>1</run></actions>", "<actions>run</actions>", "<object><name/></object>",
    ]
)  # fmt: skip
objects = st.just("<object/>") | st.lists(pieces, max_size=6).map(
    lambda inner: f'<object a="&gt;">{"".join(inner)}</object>'
)
CHOICES: dict[str, list[Any]] = {
    "label": ["c", "x<&", None], "x1": [3.5, None], "y1": [2.0], "x2": [7.0], "y2": [8.0],
    "shape": ["box", "tag"], "role": ["include", "ignore"], "truncated": [0.0, 1.0, None],
    "occluded": [1.0, None], "difficult": [True, False, None],
    "attributes": ['{"pose": "Rear"}', '{"id": "7", "hue": "1"}', "{}", None],
}  # fmt: skip
edits_of_one = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in CHOICES.items()}
)


@given(st.lists(objects, min_size=1, max_size=3), edits_of_one, st.booleans(), st.booleans())
def test_edit_of_any_object_is_kept_or_told_and_the_others_stay(
    tmp_path_factory: Any, bodies: list[str], values: dict[str, Any], adds: bool, removes: bool
) -> None:
    before = read_file(voc, "a.xml", f"<annotation>{''.join(bodies)}</annotation>")
    dataset = with_values(before, 0, **values)
    if adds:
        dataset = with_box(dataset, truncated=0.0, difficult=False)
    if removes and len(bodies) > 1:
        dataset = dataset.with_tables(boxes=dataset.boxes.drop(index=1))
        del bodies[1]
    folder = tmp_path_factory.mktemp("voc")
    told = losses(write_back(voc, dataset, folder))
    text = written(folder)["a.xml"]
    after = read_file(voc, "a.xml", text).boxes
    assert len(after) == len(dataset.boxes)
    for name, value in values.items():
        is_kept = is_same(name, after[name].iloc[0], value)
        is_edit = not is_same(name, before.boxes[name].iloc[0], value)
        assert not is_edit or is_kept != (f"boxes.{name}" in told), name
    assert all(body.encode() in text for body in bodies[1:])
