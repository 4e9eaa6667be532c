"""Writing CrowdHuman files: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from curate.dataset import Dataset
from curate.formats.crowdhuman.read import FLAGS, MASK, MEMBERS, NAME, read_object
from curate.formats.json_objects import (
    JsonObjects,
    as_number,
    by_extent,
    extent_boxes,
    extent_edits,
    image_edits,
    made_objects,
    opened,
)
from curate.formats.json_spans import BROKEN, member_edits, member_spans, number_text
from curate.formats.json_splice import Edit, apply_edits, json_bytes
from curate.formats.line_files import LineImage
from curate.formats.object_files import (
    BoxEdit,
    FileEdits,
    ObjectFormat,
    Objects,
    Row,
    Span,
    agreed,
    attributes_of,
    write_objects,
)
from curate.formats.per_image import LABEL_STATE_WHY
from curate.formats.reading import text_lines
from curate.formats.writing import LossReport, Lost

_FILE = "annotations"
_ENDING = ("images (ending of the name)", "an ID has none")
_UNREADABLE = "added to a line that cannot be read"


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `annotations.odgt`, one per split, into an existing, empty folder.

    Parameters and errors are those of `object_files.write_objects`.
    """
    return write_objects(_KIND, dataset, folder, original)


def _make(
    images: list[tuple[LineImage, Objects]], folder: str, taken: Sequence[str], lost: Lost
) -> dict[str, bytes]:
    lines = _made_lines(images, lost)
    return {f"{folder}{_FILE}.odgt": b"".join(line + b"\n" for line in lines)} if lines else {}


def _made_lines(images: list[tuple[LineImage, Objects]], lost: Lost) -> list[bytes]:
    stems = Counter(_stem(image.name) for image, _ in images)
    lines = []
    for image, objects in images:
        stem = _stem(image.name)
        name = stem if stems[stem] == 1 else image.name
        lost[_ENDING] += name != image.name
        made = made_objects(objects, (), _HOW, (_KIND, lost))
        head = b'{"ID": ' + json_bytes(name) + b', "gtboxes": ['
        lines.append(head + b", ".join(made) + b"]}")
    return lines


def _stem(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    # `273271,c9db000d5146c15` has no ending, and `shot.0001` none of a picture.
    return name.removesuffix(suffix) if suffix[1:].isalpha() else name


def _object(rows: list[Row], number: int) -> dict[str, Any]:  # JSON values
    """One of the `gtboxes` for these boxes of one object."""
    own = by_extent(rows)
    flags: dict[str, dict[str, Any]] = {"extra": {"box_id": number}, "head_attr": {}}
    for extent, row in own.items():
        flag = flags[FLAGS[extent]]
        if row["role"] == "ignore":
            flag["ignore"] = 1
        if row["occluded"] is not None:
            flag["occ"] = as_number(row["occluded"])
        unsure = attributes_of(row).get("unsure")
        if extent == "head" and isinstance(unsure, int | float):
            flag["unsure"] = unsure
    if rows[0]["label"] == MASK:
        flags["extra"]["ignore"] = 1
    made = {"tag": rows[0]["label"], **extent_boxes(rows, MEMBERS), "extra": flags["extra"]}
    return made | ({"head_attr": flags["head_attr"]} if flags["head_attr"] else {})


def _object_edits(text: bytes, span: Span, boxes: list[BoxEdit]) -> list[Edit]:
    members = member_spans(text, *span)
    edits, values = extent_edits(text, span, boxes, MEMBERS, "tag")
    for member in ("extra", "head_attr"):
        own = [box for box in boxes if FLAGS.get(box.old["extent"] or "full") == member]
        flags = _flag_values(own)
        if flags and member in members:
            edits += member_edits(text, members[member], flags)
        elif flags:
            made = [json_bytes(n) + b": " + v for n, v in flags.items() if v is not None]
            values[member] = b"{" + b", ".join(made) + b"}"
    return edits + (member_edits(text, span, values) if values else [])


def _flag_values(boxes: Iterable[BoxEdit]) -> dict[str, bytes | None]:
    boxes = list(boxes)
    values: dict[str, bytes | None] = {}
    is_agreed, role = agreed(boxes, "role")
    if is_agreed and role in ("include", "ignore"):
        values["ignore"] = b"1" if role == "ignore" else b"0"
    is_agreed, occluded = agreed(boxes, "occluded")
    if is_agreed:
        values["occ"] = None if occluded is None else number_text(as_number(occluded))
    return values


def _splice(body: bytes, todo: FileEdits, lost: Lost) -> bytes:
    edits: list[Edit] = []
    for start, end in todo.removed:
        edits.append((start, body.find(b"\n", end) + 1 or len(body), b""))
    for (start, end), image in todo.images.items():
        text = opened(body[start:end])
        if text is None or (start, end) in todo.removed:
            lost["boxes", _UNREADABLE] += sum(len(rows) for rows in image.added)
            continue
        # The text is that of the line alone, and so are the spans in it.
        image.objects = {(s - start, e - start): boxes for (s, e), boxes in image.objects.items()}
        own = image_edits(text, (0, len(text)), image, _HOW, (_KIND, lost))
        edits += [(start + s, start + e, new) for s, e, new in own]
    body = apply_edits(body, edits)
    lines = _made_lines(todo.new, lost)
    if not lines:
        return body
    newline = b"\r\n" if b"\r\n" in body else b"\n"
    is_open = bool(text_lines(body)) and not body.endswith(b"\n")
    added = newline.join(lines)
    return body + (newline + added if is_open else added + newline)


def _arrays(text: bytes, span: Span) -> list[Span]:
    try:
        members = member_spans(text, *span)
    except BROKEN:
        return []
    return [members["gtboxes"]] if "gtboxes" in members else []


_HOW = JsonObjects(
    member="gtboxes",
    arrays=_arrays,
    edits=_object_edits,
    make=_object,
    read=read_object,
)
_KIND = ObjectFormat(
    name=NAME,
    title="CrowdHuman",
    folder="",
    lack="CrowdHuman has no place for it",
    extents=tuple(MEMBERS),
    image_columns=frozenset({"label_state"}),
    kept_images={"image_key": "a line keeps its ID", "label_state": LABEL_STATE_WHY},
    whys={
        "label": "one tag for all boxes of an object: that of the first box is written",
        "role": "a mask is ignored, full and visible box are ignored together, and no other role",
        "occluded": "one grade for the full and the visible box",
        "attributes": "only object and unsure have a place",
    },
    make=_make,
    splice=_splice,
    is_per_image=False,
)
