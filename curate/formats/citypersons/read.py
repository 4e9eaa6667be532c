"""Reading CityPersons files: images, and the boxes of their objects as rows."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath

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
from curate.formats.json_spans import Span, decoded, is_number, item_spans
from curate.formats.object_rows import (
    UNKNOWN_EDGES,
    ObjectRows,
    ReadBox,
    ReadObject,
    Spot,
    attributes_text,
    object_keys,
    xywh_edges,
)
from curate.formats.reading import Files, Options

NAME = "citypersons"
# Extent -> the member that holds its box.
MEMBERS = {"full": "bbox", "visible": "bboxVis"}
IGNORE = "ignore"
GROUP = "person group"
LABEL_TAIL = "_gtBboxCityPersons"
IMAGE_TAIL = "_leftImg8bit"

# Cityscapes' polygons and 3D boxes have the same top level with other objects.
_OWN = re.compile(
    rb'(?=.*"objects"\s*:\s*\[)(?:(?=.*"bboxVis"\s*:)'
    rb'|(?=.*"imgHeight"\s*:)(?=.*"imgWidth"\s*:)(?:(?=.*"bbox"\s*:)|(?=.*"objects"\s*:\s*\[\s*\])))',
    re.DOTALL,
)
_OTHER = re.compile(rb'"(?:polygon|annotations|images|shapes|2d|3d)"\s*:')


def claims(files: Files) -> list[str]:
    """The .json files with a list `objects` that have bboxVis, or bbox with imgHeight and imgWidth.

    Files with polygons or 3D boxes are not. A broken or empty one beside such a file is, and an
    object in a file that is called as CityPersons calls its own.
    """
    tail = f"{LABEL_TAIL}.json"
    named = [name for name in files.files if name.endswith(tail) and may_be_json(files, name)]
    return sorted({*claimed(files, _OWN, _OTHER), *named})


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a file that is not recognised holds a JSON object; there is no `kind`."""
    return may_be_json(files, name)


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The images and boxes of CityPersons files."""
    return gather_images(NAME, files, names, options, _add_file)


def _add_file(rows: ObjectRows, spot: Spot, found: ImageText | None, lines: Lines) -> int:
    problems: list[str] = []
    columns = {
        **image_sizes(found, "imgWidth", "imgHeight", problems),
        "split": split_of(spot.file),
    }
    stem = PurePosixPath(spot.file).stem
    name = f"{stem.removesuffix(LABEL_TAIL)}{IMAGE_TAIL}" if stem.endswith(LABEL_TAIL) else stem
    state, objects = listed(found, "objects", _keyed_spans, problems)
    text = b"" if found is None else found.text
    record = Record(name, text, columns, state, objects, problems)
    return add_record(rows, spot, record, lines, read_object)


def _keyed_spans(text: bytes, array: Span) -> list[tuple[str, Span]]:
    spans = list(item_spans(text, *array))
    keys = object_keys([_instance(decoded(text, own)) for own in spans])
    return list(zip(keys, spans, strict=True))


def _instance(value: object) -> str | None:
    own = value.get("instanceId") if isinstance(value, dict) else None
    is_id = isinstance(own, int) and not isinstance(own, bool) and abs(own) < 1 << 63
    return str(own) if is_id else None


def read_object(value: object, key: str) -> ReadObject:
    """The boxes of one of the `objects`, called `key`."""
    read = ReadObject()
    if not isinstance(value, dict):
        read.problems.append(f"is {quote(value)}, should be an object with label and boxes")
        value = {}
    label = value.get("label")
    if not isinstance(label, str) or not label:
        if value:
            read.problems.append(f"has label {quote(label)}, should be a class")
        label = None
    role = "ignore" if label == IGNORE else "include"
    text = attributes_text(key)
    for extent, member in MEMBERS.items():
        if member not in value:
            continue
        numbers = value[member]
        edges = UNKNOWN_EDGES
        if isinstance(numbers, list) and len(numbers) == 4 and all(map(is_number, numbers)):
            edges = xywh_edges([float(number) for number in numbers])
        else:
            what = f"has {member} {quote(numbers)}, should be four numbers: x, y, w, h"
            read.problems.append(what)
        box = ReadBox(extent, label, role, *edges, text, f"{key}:{extent}", is_group=label == GROUP)
        read.boxes.append(box)
    if not read.boxes:
        if value:
            read.problems.append("has no box, should have bbox and bboxVis")
        read.boxes.append(ReadBox(None, label, role, *UNKNOWN_EDGES, text, key, shape="tag"))
    return read


def extras(dataset: Dataset) -> Counter[str]:
    """Counts the keys that no column carries, by their place: those beside the specification's."""
    counts: Counter[str] = Counter()
    for value in values_of(dataset, NAME):
        if not isinstance(value, dict):
            continue
        counts.update(f"image.{k}" for k in value.keys() - {"imgHeight", "imgWidth", "objects"})
        objects = value.get("objects")
        for one in objects if isinstance(objects, list) else ():
            if isinstance(one, dict):
                known = {"instanceId", "label", *MEMBERS.values()}
                counts.update(f"object.{key}" for key in one.keys() - known)
    return counts
