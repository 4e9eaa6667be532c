"""Reading CrowdHuman files: their lines as images, the boxes of their objects as rows."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from curate.assembly import Gathered
from curate.dataset import Dataset
from curate.errors import CurateError, SourceError, quote
from curate.formats.json_document import JsonError, open_document
from curate.formats.json_spans import BROKEN, Span, decoded, is_number, item_spans, member_spans
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
from curate.formats.reading import HEAD_BYTES, Files, Options, text_lines
from curate.progress import track

NAME = "crowdhuman"
ENDINGS = (".odgt", ".jsonl")
# Extent -> the member that holds its box.
MEMBERS = {"full": "fbox", "visible": "vbox", "head": "hbox"}
MASK = "mask"
# Extent -> the member that holds its flags.
FLAGS = {"full": "extra", "visible": "extra", "head": "head_attr"}

_HEAD = re.compile(rb'\s*\{\s*"(?:ID|gtboxes)"\s*:')
_ID = re.compile(rb'"ID"\s*:\s*"([^"\\]+)"')
_KNOWN = {"tag", "extra", "head_attr", *MEMBERS.values()}


def claims(files: Files) -> list[str]:
    """The .odgt and .jsonl files whose first line is an object that begins with ID or gtboxes."""
    names = [name for name in files.files if name.lower().endswith(ENDINGS)]
    return sorted(name for name in names if _looks_so(files, name))


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a file that is not recognised holds JSON objects; there is no `kind`."""
    try:
        head = files.head(name, HEAD_BYTES)
    except SourceError:
        return True
    return head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{"


def _looks_so(files: Files, name: str) -> bool:
    try:
        head = files.head(name, HEAD_BYTES).removeprefix(codecs.BOM_UTF8)
    except SourceError:
        return False
    if _HEAD.match(head):
        return True
    first = head.lstrip().partition(b"\n")[0]
    return first[:1] == b"{" and all(key in first for key in (b'"ID"', b'"gtboxes"'))


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The images and boxes of CrowdHuman files.

    They state no image sizes: `options.size_wh` gives one for all images.
    """
    rows = ObjectRows(options.size_wh)
    for name in track(names, len(names), "label files"):
        spot = Spot(name, 1, 0, 0)
        try:
            body = files.read(name)
        except CurateError as error:
            rows.tell("SRC-002", error.what, spot, mend=error.mend or "restore the file")
            continue
        rows.kept[name] = body
        _add_file(rows, name, body)
    return rows.gathered(NAME, names)


def _add_file(rows: ObjectRows, name: str, body: bytes) -> None:
    n_lines = n_read = 0
    for line, start, end, raw in text_lines(body):
        if raw.strip():
            n_lines += 1
            n_read += _add_line(rows, Spot(name, line, start, end), raw)
    if n_lines and not n_read:
        what = "no line of it is a JSON object with ID and gtboxes"
        rows.tell("SRC-002", what, Spot(name, 1, 0, 0), mend="restore the file from a backup")


def _add_line(rows: ObjectRows, spot: Spot, raw: bytes) -> bool:
    """Adds the image of a line and its objects; False when the line cannot be read."""
    try:
        text = bytes(open_document(raw, spot.file).text)
        members = member_spans(text, 0, len(text))
    except (JsonError, *BROKEN) as error:
        what = error.what if isinstance(error, JsonError) else "is no JSON object"
        found = _ID.search(raw)
        images: tuple[int, ...] = ()
        if found:
            images = (rows.add_image(found[1].decode("utf-8", "replace"), "unreadable", spot, {}),)
        rows.tell("SRC-001", what, spot, images=images)
        return False
    image_id = decoded(text, members["ID"]) if "ID" in members else None
    if not isinstance(image_id, str) or not image_id:
        what = "no ID" if "ID" not in members else f"ID {quote(image_id)}"
        rows.tell("SRC-001", f"has {what}, should have the name of an image", spot)
        return False
    return _add_image(rows, spot, image_id, (text, members.get("gtboxes")))


def _add_image(
    rows: ObjectRows, spot: Spot, image_id: str, boxes: tuple[bytes, Span | None]
) -> bool:
    text, span = boxes
    try:
        spans = item_spans(text, *span) if span else []
    except BROKEN:
        row = rows.add_image(image_id, "unreadable", spot, {})
        rows.tell("SRC-001", "has gtboxes that are no list of objects", spot, images=(row,))
        return True
    state = "present" if spans else "empty" if span else "missing"
    row = rows.add_image(image_id, state, spot, {})
    if span is None:
        what = "has no gtboxes, should have a list, which is empty when nothing was there"
        rows.tell("SRC-001", what, spot, images=(row,))
    values = [decoded(text, own) for own in spans]
    ids = [_box_id(value) for value in values]
    for own, value, key in zip(spans, values, object_keys(ids), strict=True):
        first = len(rows.boxes["line"])
        place = Spot(spot.file, spot.line, spot.start + own[0], spot.start + own[1])
        rows.add_object(row, read_object(value, key), place)
        repeated = _box_id(value)
        if repeated is not None and key != repeated:
            boxes_of = tuple(range(first, len(rows.boxes["line"])))
            what = f"has box_id {quote(repeated)}, which another object of the image has"
            rows.tell("SRC-006", what, place, mend="give it an id of its own", boxes=boxes_of)
    return True


def _box_id(value: object) -> str | None:
    extra = value.get("extra") if isinstance(value, dict) else None
    own = extra.get("box_id") if isinstance(extra, dict) else None
    if isinstance(own, bool) or not isinstance(own, int | str):
        return None
    return str(own) if not isinstance(own, int) or abs(own) < 1 << 63 else None


def read_object(value: object, key: str) -> ReadObject:
    """The boxes of one of the `gtboxes`, called `key`."""
    read = ReadObject()
    if not isinstance(value, dict):
        read.problems.append(f"is {quote(value)}, should be an object with tag and boxes")
        return _without_box(read, None, key)
    tag = value.get("tag")
    label = tag if isinstance(tag, str) and tag else None
    if label is None:
        read.problems.append(f"has tag {quote(tag)}, should be person or mask")
    flags = {name: _flags(value, name, read) for name in ("extra", "head_attr")}
    text = attributes_text(key)
    for extent, member in MEMBERS.items():
        if member not in value:
            continue
        edges = _edges(value[member], member, read)
        own = flags[FLAGS[extent]]
        ignored = label == MASK or own.get("ignore", 0) != 0
        role = "ignore" if ignored else "include"
        attributes = text
        if extent == "head" and "unsure" in own:
            attributes = attributes_text(key, {"unsure": own["unsure"]})
        read.boxes.append(
            ReadBox(extent, label, role, *edges, attributes, f"{key}:{extent}", own.get("occ"))
        )
    if not read.boxes:
        read.problems.append("has no box, should have fbox, vbox or hbox")
        return _without_box(read, label, key)
    return read


def _without_box(read: ReadObject, label: str | None, key: str) -> ReadObject:
    role = "ignore" if label == MASK else "include"
    text = attributes_text(key)
    read.boxes.append(ReadBox(None, label, role, *UNKNOWN_EDGES, text, key, shape="tag"))
    return read


def _edges(value: object, member: str, read: ReadObject) -> tuple[float, float, float, float]:
    if isinstance(value, list) and len(value) == 4 and all(map(is_number, value)):
        return xywh_edges([float(number) for number in value])
    read.problems.append(f"has {member} {quote(value)}, should be four numbers: x, y, w, h")
    return UNKNOWN_EDGES


def _flags(value: Mapping[str, Any], member: str, read: ReadObject) -> dict[str, float]:
    """The numbers of `extra` or `head_attr` that a column takes."""
    flags = value.get(member)
    if not isinstance(flags, dict):
        if flags is not None:
            read.problems.append(f"has {member} {quote(flags)}, should be an object")
        return {}
    found = {}
    for name in ("ignore", "occ", "unsure"):
        if name not in flags:
            continue
        if is_number(flags[name]):
            found[name] = float(flags[name]) if name == "occ" else flags[name]
        else:
            what = f"has {member}.{name} {quote(flags[name])}, should be a number"
            read.problems.append(what)
    return found


def extras(dataset: Dataset) -> Counter[str]:
    """Counts the keys that no column carries, by their place: those beside the specification's."""
    counts: Counter[str] = Counter()
    for file in (file for file, kind in dataset.formats.items() if kind == NAME):
        for _, _, _, raw in text_lines(dataset.sources.read(file)):
            value = decoded(raw, (0, len(raw)))
            if isinstance(value, dict):
                counts.update(f"line.{key}" for key in value.keys() - {"ID", "gtboxes"})
                boxes = value.get("gtboxes")
                counts.update(_extra_keys(boxes if isinstance(boxes, list) else []))
    return counts


def _extra_keys(boxes: list[Any]) -> Counter[str]:  # any JSON values
    known = {"extra": {"ignore", "box_id", "occ"}, "head_attr": {"ignore", "unsure", "occ"}}
    counts: Counter[str] = Counter()
    for box in boxes:
        if not isinstance(box, dict):
            continue
        counts.update(f"gtbox.{key}" for key in box.keys() - _KNOWN)
        for member, names in known.items():
            flags = box.get(member)
            if isinstance(flags, dict):
                counts.update(f"{member}.{key}" for key in flags.keys() - names)
        # Flags of a head that has no box stand in no row.
        counts["head_attr"] += "head_attr" in box and "hbox" not in box
    return +counts
