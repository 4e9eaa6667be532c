"""Images and objects that several annotation files of one source tell of: each is one row.

COCO's own folder has `instances_X.json`, `person_keypoints_X.json` and `captions_X.json` over the
same pictures, and the persons of the second file are those of the first, under the same ids.
`train/` and `val/` of another set may each have an image 1 called `000001.jpg`, of the same size,
and these are two pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from curate.assembly import pa_integers
from curate.formats.coco.rows import FileRows
from curate.tables import text_array

Rows = np.ndarray[Any, np.dtype[np.int64]]
Pair = tuple[int, int]  # numbers of two files, the lower first
Identity = tuple[str, str, int | None, int | None]  # id, name, width and height in px

_EDGES = ["x1", "y1", "x2", "y2"]
_OBJECT = ["image", "id", "label", *_EDGES]


@dataclass(frozen=True)
class Shared:
    """Which rows of several files stand for one image or one object.

    `image_of` and `box_of` hold, for all rows of all files one after the other, the row among
    them that stands for it: mostly itself.
    """

    image_of: Rows
    box_of: Rows


def in_order(parts: Sequence[FileRows]) -> list[FileRows]:
    """The files of one source as their rows follow each other: those with objects first.

    So the row of an image that several files list is that of a file with objects, where boxes
    that are added to it belong.
    """
    return sorted(parts, key=lambda part: not part.n_boxes)


def share(parts: Sequence[FileRows]) -> Shared:
    """What the files of one source share, given in their order.

    Records of two files are one image when id, name and size are equal; the first stands for it.
    Not so where the files lie in different folders and each has objects, none of them the same:
    then nothing shows that they are over the same pictures. Records of two files are one object
    when image, annotation id, class and box are equal; the longest record stands for it, since it
    tells most: that with the keypoints.
    """
    image_of = _image_rows(parts, set())
    n_boxes = sum(part.n_boxes for part in parts)
    box_of = np.arange(n_boxes)
    if (image_of == np.arange(len(image_of))).all():
        return Shared(image_of, box_of)
    objects = _objects(parts, image_of)
    strangers: set[Pair] = set()
    # Files that are kept from the first one may still meet each other.
    while more := _strangers(parts, image_of, objects):
        strangers |= more
        image_of = _image_rows(parts, strangers)
        objects = _objects(parts, image_of)
    if not len(objects):
        return Shared(image_of, box_of)
    by_length = objects.sort_values("length", ascending=False, kind="stable")
    groups = by_length.groupby([*_OBJECT, "nth"], sort=False)["row"]
    box_of[by_length["row"].to_numpy()] = groups.transform("first").to_numpy()
    return Shared(image_of, box_of)


def _image_rows(parts: Sequence[FileRows], strangers: Collection[Pair]) -> Rows:
    """The row that stands for each image; files that are strangers share none."""
    seen: dict[Identity, int] = {}
    by_file: list[dict[Identity, int]] = []
    image_of: list[int] = []
    # A loop over images: a dict finds equal tuples faster than any table does.
    for number, part in enumerate(parts):
        if strangers:
            # The first file that has an image stands for it: later ones give way to earlier.
            friends = [f for n, f in enumerate(by_file) if (n, number) not in strangers]
            seen = dict(chain.from_iterable(known.items() for known in reversed(friends)))
        own: dict[Identity, int] = {}
        for row, identity in enumerate(_identities(part), len(image_of)):
            at = row if identity is None else seen.get(identity, row)
            if identity is not None:
                own.setdefault(identity, at)
            image_of.append(at)
        # Not before: two equal records of one file are no sharing but a mistake.
        seen = own | seen
        by_file.append(own)
    return np.asarray(image_of, np.int64)


def sharing_files(parts: Sequence[FileRows], row_of: Rows, *, of: str) -> Counter[Pair]:
    """How many images or boxes (`of`) each two files share, by their numbers, the lower first."""
    sizes = [getattr(part, f"n_{of}") for part in parts]
    owner = np.repeat(np.arange(len(parts)), sizes)
    rows = np.flatnonzero(row_of != np.arange(len(row_of)))
    pairs = zip(owner[rows].tolist(), owner[row_of[rows]].tolist(), strict=True)
    return Counter((min(pair), max(pair)) for pair in pairs)


def _strangers(parts: Sequence[FileRows], image_of: Rows, objects: pd.DataFrame) -> set[Pair]:
    """The files of different folders that share images, and objects neither has of the other."""
    sharing = [
        (a, b)
        for a, b in sharing_files(parts, image_of, of="images")
        if parts[a].n_boxes and parts[b].n_boxes and _folder(parts[a]) != _folder(parts[b])
    ]
    if not sharing:
        return set()
    number = objects.groupby([*_OBJECT, "nth"], sort=False).ngroup()
    of_file = {int(file): set(own) for file, own in number.groupby(objects["file"])}
    return {(a, b) for a, b in sharing if not of_file.get(a, set()) & of_file.get(b, set())}


def _folder(part: FileRows) -> PurePosixPath:
    return PurePosixPath(part.file).parent


def is_unproven(one: FileRows, other: FileRows) -> bool:
    """Whether two files that share images but no object may be over different pictures."""
    return bool(one.n_boxes and other.n_boxes) or _folder(one) != _folder(other)


def _identities(part: FileRows) -> list[Identity | None]:
    """What tells each image from the others; None for one without an id."""
    if not part.n_images:
        return []
    names = ("source_id", "image_name", "width", "height")
    return [
        None if row[0] is None else row
        for row in zip(*(part.images[name] for name in names), strict=True)
    ]


def _objects(parts: Sequence[FileRows], image_of: Rows) -> pd.DataFrame:
    """What tells each box from the others, of the boxes that have ids and finite edges."""
    tables = []
    first_image = first_box = 0
    for number, part in enumerate(parts):
        if part.n_boxes:
            boxes = part.boxes
            values = {name: boxes[name] for name in _EDGES}
            values |= {"image": image_of[boxes["image_row"] + first_image], "file": number}
            ids = boxes["source_id"]
            values |= {"id": text_array(pa_integers(ids) if isinstance(ids, np.ndarray) else ids)}
            values |= {"label": text_array(boxes["source_label"])}
            values |= {"length": boxes["end"] - boxes["start"]}
            values |= {"row": np.arange(first_box, first_box + part.n_boxes)}
            tables.append(pd.DataFrame(values))
        first_image += part.n_images
        first_box += part.n_boxes
    if not tables:
        return pd.DataFrame(columns=[*_OBJECT, "length", "row", "nth"])
    objects = pd.concat(tables, ignore_index=True)
    is_whole = np.isfinite(objects[_EDGES].to_numpy()).all(axis=1)
    objects = objects[is_whole & objects[["id", "label"]].notna().all(axis=1)]
    # Equal records of one file are objects of their own, the first of each file the same one.
    numbered: pd.DataFrame = objects.assign(
        nth=objects.groupby([*_OBJECT, "file"], sort=False).cumcount()
    )
    return numbered


def copied_records(parts: Sequence[FileRows]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The records of images, and of objects, for which a record of another file stands.

    Columns: file, start, end (span in bytes), and own_file, own_start of the record that stands
    for it.
    """
    parts = in_order(parts)
    shared = share(parts)
    images = [part.images for part in parts if part.n_images]
    boxes = [part.boxes for part in parts if part.n_boxes]
    return _copied(shared.image_of, images), _copied(shared.box_of, boxes)


def _copied(row_of: Rows, tables: Sequence[dict[str, Any]]) -> pd.DataFrame:
    rows = np.flatnonzero(row_of != np.arange(len(row_of)))
    if not len(rows):
        return pd.DataFrame(columns=["file", "start", "end", "own_file", "own_start"])
    names = ("file", "start", "end")
    places = pd.concat([pd.DataFrame({name: table[name] for name in names}) for table in tables])
    own = places.iloc[row_of[rows]]
    return places.iloc[rows].assign(
        own_file=own["file"].to_numpy(), own_start=own["start"].to_numpy()
    )
