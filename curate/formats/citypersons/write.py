"""Writing CityPersons files: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from curate.dataset import Dataset
from curate.formats.citypersons.read import (
    GROUP,
    IGNORE,
    IMAGE_TAIL,
    LABEL_TAIL,
    MEMBERS,
    NAME,
    read_object,
)
from curate.formats.image_json import SPLITS
from curate.formats.image_names import label_paths, stem_of
from curate.formats.json_objects import (
    JsonObjects,
    extent_boxes,
    extent_edits,
    made_objects,
    splice_image,
)
from curate.formats.json_spans import member_edits, member_spans
from curate.formats.json_splice import Edit, json_bytes
from curate.formats.line_files import LineImage
from curate.formats.object_files import (
    BoxEdit,
    FileEdits,
    ObjectFormat,
    Objects,
    Row,
    Span,
    agreed,
    write_objects,
)
from curate.formats.per_image import LABEL_STATE_WHY
from curate.formats.writing import LossReport, Lost

_NAMES_ONLY = "a label file's name has none: it is made of the image's stem"

_TAIL = f"the image is taken to be called ...{IMAGE_TAIL}, as Cityscapes names its pictures"


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `gtBboxCityPersons/<split>/*_gtBboxCityPersons.json` into an existing, empty folder.

    Parameters and errors are those of `object_files.write_objects`.
    """
    return write_objects(_KIND, dataset, folder, original)


def _make(
    images: list[tuple[LineImage, Objects]], folder: str, taken: Sequence[str], lost: Lost
) -> dict[str, bytes]:
    names = []
    for image, _ in images:
        own = PurePosixPath(image.name)
        stem = stem_of(own.name)
        lost["images (ending of the name)", _NAMES_ONLY] += stem != own.name
        lost["images (folder of the name)", _NAMES_ONLY] += len(own.parts) > 1
        lost["images (name)", _TAIL] += not stem.endswith(IMAGE_TAIL)
        # `label_paths` takes the ending of a picture off.
        names.append(f"{stem.removesuffix(IMAGE_TAIL)}.png")
    used = [PurePosixPath(name).name for name in taken]
    paths = label_paths(names, f"{LABEL_TAIL}.json", used)
    files = {}
    for (image, objects), path in zip(images, paths, strict=True):
        split = image.split
        if split is not None and split not in SPLITS:
            lost["images.split", f"should be one of {', '.join(SPLITS)}"] += 1
            split = None
        # Kept files stay where they were; their folder may name a split of its own.
        home = f"{split}/" if split is not None and not taken else ""
        lost["images.split", "added beside kept files"] += split is not None and bool(taken)
        files[f"{folder}{home}{path}"] = _file(image, objects, lost)
    return files


def _file(image: LineImage, objects: Objects, lost: Lost) -> bytes:
    sizes = (("imgHeight", image.height), ("imgWidth", image.width))
    lines = [f'    "{name}": {side},\n'.encode() for name, side in sizes if side is not None]
    made = made_objects(objects, (), _HOW, (_KIND, lost))
    between = b",\n        "
    body = b"[\n        " + between.join(made) + b"\n    ]" if made else b"[]"
    return b"{\n" + b"".join(lines) + b'    "objects": ' + body + b"\n}\n"


def _object(rows: list[Row], number: int) -> dict[str, Any]:  # JSON values
    label = rows[0]["label"]
    if rows[0]["role"] == "ignore":
        label = IGNORE
    elif rows[0]["is_group"]:
        label = GROUP
    return {**extent_boxes(rows, MEMBERS), "instanceId": number, "label": label}


def _object_edits(text: bytes, span: Span, boxes: list[BoxEdit]) -> list[Edit]:
    edits, values = extent_edits(text, span, boxes, MEMBERS, "label")
    for column, value, word in (("is_group", True, GROUP), ("role", "ignore", IGNORE)):
        if agreed(boxes, column) == (True, value):
            values["label"] = json_bytes(word)
    return edits + (member_edits(text, span, values) if values else [])


def _arrays(text: bytes, span: Span) -> list[Span]:
    members = member_spans(text, *span)
    return [members["objects"]] if "objects" in members else []


def _splice(body: bytes, todo: FileEdits, lost: Lost) -> bytes:
    return splice_image(body, todo, _HOW, (_KIND, lost))


_HOW = JsonObjects(
    member="objects",
    arrays=_arrays,
    edits=_object_edits,
    make=_object,
    read=read_object,
)
_KIND = ObjectFormat(
    name=NAME,
    title="CityPersons",
    folder="gtBboxCityPersons/",
    lack="CityPersons has no place for it",
    extents=tuple(MEMBERS),
    image_columns=frozenset({"label_state", "width", "height", "split"}),
    kept_images={"image_key": "a file keeps its name", "label_state": LABEL_STATE_WHY},
    whys={
        "label": "one label for all boxes of an object, and ignore or person group for those",
        "role": "the label tells it: ignore is ignored, all others are not",
        "is_group": "the label tells it: person group is one, all others are not",
        "attributes": "only object has a place",
    },
    make=_make,
    splice=_splice,
)
