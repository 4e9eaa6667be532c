"""Reading EuroCity Persons files: images, and the boxes of their children as rows."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from curate.assembly import Gathered
from curate.dataset import Dataset
from curate.errors import quote
from curate.formats.image_json import (
    ImageText,
    Lines,
    Record,
    add_record,
    claimed,
    gather_images,
    image_sizes,
    listed,
    may_be_json,
    split_of,
    values_of,
)
from curate.formats.json_spans import BROKEN, Span, decoded, is_number, item_spans, member_spans
from curate.formats.object_rows import ObjectRows, ReadBox, ReadObject, Spot, attributes_text
from curate.formats.reading import Files, Options

NAME = "eurocity"
CORNERS = ("x0", "y0", "x1", "y1")
# The evaluation's "don't care" regions.
FAR_AWAY = ("person-group-far-away", "rider+vehicle-group-far-away")
DEPICTION = "depiction"

_OWN = re.compile(
    rb'(?=.*"children"\s*:)(?=.*"identity"\s*:)(?:(?=.*"imageheight"\s*:)'
    rb'|(?=.*"identity"\s*:\s*"(?:frame|seqlist)")|(?=.*"@converter"\s*:))',
    re.DOTALL,
)
_OTHER = re.compile(rb'"(?:annotations|images|shapes)"\s*:')
_GRADE = re.compile(r"(occluded|truncated)>(\d{1,2})", re.ASCII)
_KNOWN = {"identity", "tags", "children", "orient", "Orient", "score", *CORNERS}
# Deeper than any rider with a vehicle; decoding stops earlier than Python's own limit.
_MAX_DEPTH = 50


def claims(files: Files) -> list[str]:
    """The .json files with `identity` and `children` that say frame, seqlist or imageheight.

    A broken or empty one beside such a file is claimed too.
    """
    return claimed(files, _OWN, _OTHER)


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a file that is not recognised holds a JSON object; there is no `kind`."""
    return may_be_json(files, name)


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The images and boxes of EuroCity Persons files."""
    return gather_images(NAME, files, names, options, _add_file)


def _add_file(rows: ObjectRows, spot: Spot, found: ImageText | None, lines: Lines) -> int:
    problems: list[str] = []
    frame = None if found is None else _frame(found)
    columns: dict[str, Any] = {"split": split_of(spot.file)}
    columns |= image_sizes(frame, "imagewidth", "imageheight", problems)
    state, objects = listed(frame, "children", partial(child_spans, prefix="#"), problems)
    text = b"" if frame is None else frame.text
    record = Record(image_name(spot.file), text, columns, state, objects, problems)
    return add_record(rows, spot, record, lines, read_object)


def image_name(file: str) -> str:
    """The path of the image: that of the label file, with `img` in place of `labels`."""
    path = PurePosixPath(file)
    parts = ["img" if part == "labels" else part for part in path.parts[:-1]]
    return "/".join([*parts, path.stem])


def _frame(found: ImageText) -> ImageText:
    """The frame of a file, which may stand inside other objects."""
    try:
        span = frame_span(found.text, (0, len(found.text)))
        return ImageText(found.text, member_spans(found.text, *span))
    except (*BROKEN, IndexError, KeyError):
        return found


def frame_span(text: bytes, span: Span) -> Span:
    """The span of the frame in a file's top level.

    Raises
    ------
    msgspec.DecodeError, RecursionError, IndexError, KeyError
        For text that has none.
    """
    members = member_spans(text, *span)
    if "@converter" in members:
        for _ in range(2):
            span = item_spans(text, *member_spans(text, *span)["children"])[0]
    elif "identity" in members and decoded(text, members["identity"]) == "seqlist":
        span = member_spans(text, *members["children"])["children"]
    return span


def child_spans(
    text: bytes, array: Span | None, prefix: str, depth: int = 0
) -> Iterator[tuple[str, Span]]:
    """Keys and spans of the children in an array, nested ones behind their parents.

    Raises
    ------
    msgspec.DecodeError, RecursionError
        For text that is no array.
    """
    for at, span in enumerate([] if array is None else item_spans(text, *array)):
        key = f"{prefix}{at}"
        yield key, span
        try:
            nested = member_spans(text, *span).get("children")
            below = (
                list(child_spans(text, nested, f"{key}.", depth + 1)) if depth < _MAX_DEPTH else []
            )
        except BROKEN:
            # Told as the fault of the child itself.
            continue
        yield from below


def read_object(value: object, key: str) -> ReadObject:
    """The box of one child, called `key`, without those nested in it."""
    read = ReadObject()
    if not isinstance(value, dict):
        read.problems.append(f"is {quote(value)}, should be an object with identity and corners")
        value = {}
    label = value.get("identity")
    if not isinstance(label, str) or not label:
        if value:
            read.problems.append(f"has identity {quote(label)}, should be a class")
        label = None
    if not isinstance(value.get("children", []), list):
        read.problems.append("has children that are no list")
    tags = _tags(value, read)
    grades = {match[1]: float(match[2]) for match in map(_GRADE.fullmatch, tags) if match}
    has_box = any(name in value for name in CORNERS)
    if value and not has_box:
        read.problems.append("has no box, should have x0, y0, x1, y1")
    x1, y1, x2, y2 = (_number(value, name, read) if has_box else math.nan for name in CORNERS)
    is_group = label is not None and label.endswith(("-group", "-far-away"))
    box = ReadBox(
        "full" if has_box else None,
        label,
        "ignore" if label in FAR_AWAY else "include",
        *(x1, y1, x2, y2),
        attributes=attributes_text(key, _more(value, tags, read)),
        source_id=f"{key}:full" if has_box else key,
        occluded=grades.get("occluded"),
        is_group=is_group,
        shape="box" if has_box else "tag",
        score=_number(value, "score", read) if "score" in value else None,
        truncated=grades["truncated"] / 100 if "truncated" in grades else None,
        is_depiction=True if DEPICTION in tags else None,
    )
    read.boxes.append(box)
    return read


def _tags(value: dict[str, Any], read: ReadObject) -> list[str]:
    tags = value.get("tags", [])
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        return tags
    read.problems.append(f"has tags {quote(tags)}, should be a list of words")
    return []


def _number(value: dict[str, Any], name: str, read: ReadObject) -> float:
    number = value.get(name)
    if is_number(number):
        return float(number)  # type: ignore[arg-type]  # a number
    what = f"{name} {quote(number)}" if name in value else f"no {name}"
    read.problems.append(f"has {what}, should be a number")
    return math.nan


def _more(value: dict[str, Any], tags: list[str], read: ReadObject) -> dict[str, Any] | None:
    more: dict[str, Any] = {"tags": tags} if tags else {}
    orient = value.get("orient", value.get("Orient"))
    if is_number(orient):
        more["orient"] = orient
    elif orient is not None:
        read.problems.append(f"has orient {quote(orient)}, should be a number")
    return more or None


def extras(dataset: Dataset) -> Counter[str]:
    """Counts the keys that no column carries, by their place."""
    counts: Counter[str] = Counter()
    for value in values_of(dataset, NAME):
        if isinstance(value, dict):
            known = {"identity", "imageheight", "imagewidth", "children"}
            known |= set() if value.get("tags") else {"tags"}
            counts.update(f"image.{key}" for key in value.keys() - known)
            counts.update(_child_keys(value.get("children")))
    return counts


def _child_keys(children: object) -> Iterator[str]:
    todo = [children]
    while todo:
        level = todo.pop()
        for child in level if isinstance(level, list) else ():
            if isinstance(child, dict):
                yield from (f"child.{key}" for key in child.keys() - _KNOWN)
                todo.append(child.get("children"))
