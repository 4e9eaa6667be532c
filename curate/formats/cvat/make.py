"""CVAT text made from the tables' columns: shapes, images, whole files, and what is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.cvat.geometry import CORNERS
from curate.formats.cvat.read import IN_ATTRIBUTES
from curate.formats.line_files import LineImage, number_text
from curate.formats.per_image import EDGES, LABEL_STATE_WHY, BoxRow, is_known
from curate.formats.record_files import ImageBoxes
from curate.formats.writing import Lost
from curate.formats.xml_spans import escape, is_forbidden

FILE = "annotations.xml"
# Of the boxes table, what a shape has a place for.
BOX_COLUMNS = frozenset(
    {"label", "source_label", *EDGES, "shape", "role", "occluded", "attributes"}
)
LACK = "CVAT has no place for it"
ONE_LABEL = "CVAT has one label: the class name is written"
ROLE = "CVAT has no word for it"
FORBIDDEN = "characters that XML forbids become U+FFFD"
FLAG = "CVAT has a flag: 1 is written for what is above 0, else 0"
TEXTS_ONLY = "only texts are written"
_SPACED = re.compile("[\n\t]")
_SOURCES = {"detector": "auto", "import": "file"}
# What the columns of a shape's XML attributes hold: no text of an attribute goes there.
_OF_TRACKS = frozenset({"keyframe"})


def quoted(text: str) -> str:
    """Text as it stands in an XML attribute, with its quotation marks."""
    text = escape(text).replace('"', "&quot;")
    return '"' + _SPACED.sub(lambda m: f"&#{ord(m[0])};", text) + '"'


def holds(boxes: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row is a tag with a class, or a shape with a class and four finite edges."""
    edges = np.isfinite(boxes[EDGES].to_numpy(np.float64)).all(axis=1)
    is_tag = boxes["shape"] == "tag"
    found: pd.Series[bool] = (boxes["label"].fillna("") != "") & (is_tag | edges)
    return found


def attribute_values(text: str | None) -> dict[str, Any] | None:  # JSON
    """The values of `boxes.attributes` by name; None for a text that is no JSON object."""
    try:
        values = {} if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def answer_name(key: str) -> str:
    """The name of the `<attribute>` that a key of `boxes.attributes` stands for."""
    bare = key.removeprefix("attribute ")
    return bare if bare in IN_ATTRIBUTES else key


def held_attributes(text: str | None) -> tuple[dict[str, str], dict[str, str], bool]:
    """Of `boxes.attributes`: XML attributes, `<attribute>` texts, and whether that is all."""
    values = attribute_values(text)
    if values is None:
        return {}, {}, False
    texts = {
        key: value
        for key, value in values.items()
        if isinstance(value, str) and not is_forbidden(key + value) and key not in _OF_TRACKS
    }
    own = {key: value for key, value in texts.items() if key in IN_ATTRIBUTES}
    # What says nothing is read as nothing.
    told = all(value != IN_ATTRIBUTES[key] for key, value in own.items())
    told &= own.get("source") not in _SOURCES.values()
    answers = {answer_name(key): value for key, value in texts.items() if key not in own}
    return own, answers, told and len(texts) == len(values)


def value_losses(row: BoxRow) -> Iterator[tuple[str, str]]:
    """The columns of a box whose values a shape holds as another value, each with the reason."""
    if row.label is not None and is_forbidden(row.label):
        yield "label", FORBIDDEN
    if row.source_label is not None and row.source_label != row.label:
        yield "source_label", ONE_LABEL
    if row.role != "include":
        yield "role", ROLE
    if row.occluded not in (None, 0.0, 1.0) and row.shape != "tag":
        yield "occluded", FLAG


def made_losses(row: BoxRow) -> Iterator[tuple[str, str]]:
    """The fields of a box that its new shape holds as another value, each with the reason."""
    for name, why in value_losses(row):
        yield f"boxes.{name}", why
    if row.shape == "tag" and row.occluded:
        yield "boxes.occluded", "a tag has no place in the picture"
    elif row.shape != "tag" and row.occluded is None:
        yield "boxes.occluded", "unknown, written as 0: CVAT's importer wants a flag"
    if row.shape == "point" and row.edges[:2] != row.edges[2:]:
        yield "boxes.x2 y2", "a point has one place: x1 y1 is written"
    if not held_attributes(row.attributes)[2]:
        yield "boxes.attributes", TEXTS_ONLY


def flag_text(value: float) -> str:
    """A grade as CVAT's flag."""
    return "1" if value > 0 else "0"


def points_text(row: BoxRow) -> str:
    """The points of a point or line."""
    values = [number_text(edge) for edge in row.edges if is_known(edge)]
    first, last = ",".join(values[:2]), ",".join(values[2:])
    return first if row.shape == "point" else f"{first};{last}"


def shape_text(row: BoxRow, indent: str, unit: str) -> str:
    """The element of a row that `holds`; `indent` (line end and white space) is before its end."""
    own, answers, _ = held_attributes(row.attributes)
    fields = {"label": row.label or "", "source": _SOURCES.get(row.origin, "manual")}
    kind = {"tag": "tag", "point": "points", "line": "polyline"}.get(row.shape, "box")
    if kind != "tag":
        fields["occluded"] = flag_text(row.occluded or 0.0)
    if kind == "box":
        values = [number_text(edge) for edge in row.edges if is_known(edge)]
        fields |= dict(zip(CORNERS, values, strict=True))
    elif kind != "tag":
        fields["points"] = points_text(row)
    if kind != "tag":
        fields["z_order"] = "0"
    told = "".join(f" {name}={quoted(text)}" for name, text in (fields | own).items())
    inner = "".join(f"{indent}{unit}{answer_text(name, answers[name])}" for name in sorted(answers))
    return f"<{kind}{told}>{inner}{indent}</{kind}>"


def answer_text(name: str, text: str) -> str:
    """An `<attribute>` element."""
    return f"<attribute name={quoted(name)}>{escape(text)}</attribute>"


def image_text(
    image: LineImage, rows: Sequence[BoxRow], number: int, layout: tuple[str, str]
) -> str:
    """The `<image>` of an image under a number; `layout` is indent before its end, and unit."""
    indent, unit = layout
    fields = {"id": str(number), "name": image.name}
    if image.split is not None:
        fields["subset"] = image.split
    fields |= {
        side: str(int(value))
        for side, value in (("width", image.width), ("height", image.height))
        if value is not None
    }
    told = "".join(f" {name}={quoted(text)}" for name, text in fields.items())
    deeper = indent + unit
    inner = "".join(deeper + shape_text(row, deeper, unit) for row in rows)
    return f"<image{told}>{inner}{indent}</image>"


def image_losses(
    image: LineImage, rows: Sequence[BoxRow], number: int
) -> Iterator[tuple[str, str]]:
    """The fields of an image and its boxes that its new record holds as another value."""
    for row in rows:
        yield from made_losses(row)
    if is_forbidden(image.name):
        yield "images (name)", FORBIDDEN
    if image.split is not None and (is_forbidden(image.split) or not image.split):
        yield "images.split", FORBIDDEN
    if image.source_id is not None and image.source_id != str(number):
        yield "images.source_id", "not a number of its own: images are numbered from 0"
    if image.label_state != ("present" if rows else "empty"):
        yield "images.label_state", LABEL_STATE_WHY


def numbers_of(images: Sequence[LineImage], first: int = 0) -> list[int]:
    """The images' ids: their own where all have whole ones of their own, else counted."""
    texts = [image.source_id or "" for image in images]
    is_own = all(text.isascii() and text.isdecimal() and len(text) < 10 for text in texts)
    own = [int(text) for text in texts] if is_own else []
    if own and len(set(own)) == len(own) and min(own) >= first:
        return own
    return list(range(first, first + len(texts)))


def make(dataset: Dataset, images: ImageBoxes, lost: Lost) -> dict[str, bytes]:
    """The annotation file of all images."""
    numbers = numbers_of([image for image, _ in images])
    used = {row.label for _, rows in images for row in rows if row.label is not None}
    listed = dataset.classes["label"].dropna().tolist()
    labels = list(dict.fromkeys([*listed, *sorted(used)]))
    parts = [_head(dataset.name, len(images), labels)]
    for number, (image, rows) in zip(numbers, images, strict=True):
        lost.update(image_losses(image, rows, number))
        parts.append(f"  {image_text(image, rows, number, (chr(10) + '  ', '  '))}\n")
    return {FILE: "".join([*parts, "</annotations>\n"]).encode()}


def _head(name: str, n_images: int, labels: Sequence[str]) -> str:
    listed = "".join(
        f"        <label>\n          <name>{escape(label)}</name>\n"
        "          <attributes>\n          </attributes>\n        </label>\n"
        for label in labels
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        f"  <meta>\n    <task>\n      <name>{escape(name)}</name>\n      <size>{n_images}</size>\n"
        f"      <mode>annotation</mode>\n      <labels>\n{listed}      </labels>\n"
        "    </task>\n  </meta>\n"
    )


def changed_attributes(
    new: str | None, old: str | None, kept: frozenset[str]
) -> tuple[Mapping[str, str | None], Mapping[str, str | None], bool]:
    """New XML attributes and `<attribute>` texts (None: to go), and whether all can be written.

    `kept` names the XML attributes that are not the shape's own to change.
    """
    now, before = attribute_values(new), attribute_values(old)
    if now is None or before is None:
        return {}, {}, False
    own: dict[str, str | None] = {}
    answers: dict[str, str | None] = {}
    is_all = True
    for key in now.keys() | before.keys():
        value = now.get(key)
        if key in now and key in before and value == before[key]:
            continue
        is_text = key not in now or (isinstance(value, str) and not is_forbidden(key + value))
        if not is_text or key in kept or (key in IN_ATTRIBUTES and value == IN_ATTRIBUTES[key]):
            is_all = False
        elif key in IN_ATTRIBUTES:
            own[key] = value
        else:
            answers[answer_name(key)] = value
    return own, answers, is_all
