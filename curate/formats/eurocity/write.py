"""Writing EuroCity Persons files: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from curate.dataset import Dataset
from curate.formats.eurocity.read import (
    CORNERS,
    DEPICTION,
    NAME,
    child_spans,
    frame_span,
    image_name,
    read_object,
)
from curate.formats.image_json import split_of
from curate.formats.image_names import label_paths, stem_of
from curate.formats.json_objects import JsonObjects, as_number, made_objects, opened, splice_image
from curate.formats.json_spans import (
    BROKEN,
    decoded,
    member_edits,
    member_spans,
    number_text,
)
from curate.formats.json_splice import Edit, json_bytes
from curate.formats.line_files import LineImage
from curate.formats.object_files import (
    EDGES,
    BoxEdit,
    FileEdits,
    ObjectFormat,
    Objects,
    Row,
    Span,
    attributes_of,
    write_objects,
)
from curate.formats.per_image import LABEL_STATE_WHY
from curate.formats.writing import LossReport, Lost

_ENDING = ("images (ending of the name)", "a label file's name has none")
_RENAMED = "the folders and the name of a label file tell it: labels stands for img"
_OF_FOLDER = "the folder train, val or test of the image alone tells it"
# Percent, as the tags of the dataset have them.
GRADES = (10, 40, 80)
_GRADED = ("occluded", "truncated", "is_depiction")


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes a .json file per image into an existing, empty folder.

    Parameters and errors are those of `object_files.write_objects`.
    """
    return write_objects(_KIND, dataset, folder, original)


def _make(
    images: list[tuple[LineImage, Objects]], folder: str, taken: Sequence[str], lost: Lost
) -> dict[str, bytes]:
    used = [name.removeprefix(folder) for name in taken]
    paths = label_paths([image.name for image, _ in images], ".json", used)
    files = {}
    for (image, objects), path in zip(images, paths, strict=True):
        file = folder + path
        lost[_ENDING] += stem_of(image.name) != image.name
        lost["images (name)", _RENAMED] += image_name(file) != stem_of(image.name)
        lost["images.split", _OF_FOLDER] += image.split != split_of(file)
        files[file] = _file(image, objects, lost)
    return files


def _file(image: LineImage, objects: Objects, lost: Lost) -> bytes:
    sizes = (("imageheight", image.height), ("imagewidth", image.width))
    lines = [f' "{name}": {side},\n'.encode() for name, side in sizes if side is not None]
    made = made_objects(objects, (), _HOW, (_KIND, lost))
    children = b"[\n  " + b",\n  ".join(made) + b"\n ]" if made else b"[]"
    head = b'{\n "identity": "frame",\n' + b"".join(lines)
    return head + b' "tags": [],\n "children": ' + children + b"\n}\n"


def _object(rows: list[Row], number: int) -> dict[str, Any]:  # JSON values
    (row,) = rows
    attributes = attributes_of(row)
    tags = attributes.get("tags")
    known = [t for t in tags if isinstance(t, str)] if isinstance(tags, list) else []
    made = {"identity": row["label"]}
    made |= {name: as_number(row[edge]) for name, edge in zip(CORNERS, EDGES, strict=True)}
    made["tags"] = _new_tags(known, row, _GRADED)
    if isinstance(attributes.get("orient"), int | float):
        made["orient"] = attributes["orient"]
    if row["score"] is not None:
        made["score"] = as_number(row["score"])
    return made | {"children": []}


def _new_tags(tags: list[str], row: Row, columns: Sequence[str]) -> list[str]:
    """The tags with those in them that these columns ask for, and no others of their kind."""
    new = [tag for tag in tags if not any(tag.startswith(_word(name)) for name in columns)]
    occluded, truncated = row["occluded"], row["truncated"]
    if "occluded" in columns and occluded in GRADES:
        new.append(f"occluded>{round(occluded)}")
    if "truncated" in columns and truncated in [grade / 100 for grade in GRADES]:
        new.append(f"truncated>{round(truncated * 100)}")
    if "is_depiction" in columns and row["is_depiction"]:
        new.append(DEPICTION)
    return new


def _word(column: str) -> str:
    return DEPICTION if column == "is_depiction" else f"{column}>"


def _object_edits(text: bytes, span: Span, boxes: list[BoxEdit]) -> list[Edit]:
    (box,) = boxes
    if box.new is None:
        return []
    new, values = box.new, {}
    for name, edge in zip(CORNERS, EDGES, strict=True):
        if box.changed(edge) and new[edge] is not None:
            values[name] = number_text(as_number(new[edge]))
    if box.changed("label") and new["label"] is not None:
        values["identity"] = json_bytes(new["label"])
    changed = [name for name in _GRADED if box.changed(name)]
    if changed:
        members = member_spans(text, *span)
        tags = decoded(text, members["tags"]) if "tags" in members else []
        known = [t for t in tags if isinstance(t, str)] if isinstance(tags, list) else []
        values["tags"] = json_bytes(_new_tags(known, new, changed))
    edits = member_edits(text, span, values) if values else []
    if box.changed("score"):
        score = None if new["score"] is None else number_text(as_number(new["score"]))
        edits += member_edits(text, span, {"score": score})
    return edits


def _arrays(text: bytes, span: Span) -> list[Span]:
    try:
        members = member_spans(text, *frame_span(text, span))
    except (*BROKEN, IndexError, KeyError):
        members = member_spans(text, *span)
    if "children" not in members:
        return []
    arrays = [members["children"]]
    for _, child in child_spans(text, arrays[0], "#"):
        nested = member_spans(text, *child).get("children")
        if nested is not None and isinstance(decoded(text, nested), list):
            arrays.append(nested)
    return arrays


def _splice(body: bytes, todo: FileEdits, lost: Lost) -> bytes:
    text = opened(body)
    for image in todo.images.values():
        gone = {span for span, boxes in image.objects.items() if boxes[0].new is None}
        for span in gone if text is not None else ():
            nested = {own for own in _nested(text or b"", span) if own not in gone}
            lost["boxes", "nested in an object that was removed"] += len(nested)
        for span in [own for own in image.objects if any(_is_inside(own, out) for out in gone)]:
            del image.objects[span]
    return splice_image(body, todo, _HOW, (_KIND, lost))


def _nested(text: bytes, span: Span) -> Iterator[Span]:
    """The children in a child, at any depth."""
    try:
        yield from (own for _, own in child_spans(text, member_spans(text, *span)["children"], ""))
    except (*BROKEN, KeyError):
        return


def _is_inside(span: Span, other: Span) -> bool:
    return other[0] < span[0] and span[1] <= other[1]


_HOW = JsonObjects(
    member="children",
    arrays=_arrays,
    edits=_object_edits,
    make=_object,
    read=read_object,
    has_ids=False,
)
_KIND = ObjectFormat(
    name=NAME,
    title="EuroCity Persons",
    folder="",
    lack="EuroCity Persons has no place for it",
    extents=("full",),
    image_columns=frozenset({"label_state", "width", "height", "split"}),
    kept_images={"image_key": "a file keeps its name", "label_state": LABEL_STATE_WHY},
    whys={
        "role": "the identity tells it: groups that are far away are ignored, all others are not",
        "is_group": "the identity tells it by its ending -group or -far-away",
        "occluded": "the tags are those of more than 10, 40 and 80 percent",
        "truncated": "the tags are those of more than 10, 40 and 80 percent",
        "attributes": "only tags and orient of a new object have a place",
    },
    holds_score=True,
    make=_make,
    splice=_splice,
)
