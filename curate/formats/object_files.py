"""What the writers share whose records hold several boxes of one object: full, visible, head.

What a record cannot hold is not reasoned out but read: the object that was made or changed is
parsed by the reader's own function and compared with the boxes that it was to hold.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from curate.dataset import Dataset
from curate.formats.line_files import LineImage, line_images
from curate.formats.object_rows import ReadBox
from curate.formats.per_image import (
    LABEL_STATE_WHY,
    Output,
    holds_box,
    image_losses,
    left_out,
    split_loss,
    state_losses,
    with_known_labels,
)
from curate.formats.writing import (
    Changes,
    Loss,
    LossReport,
    Lost,
    changes_since,
    column_losses,
    losses_of,
    rows_to_count,
)
from curate.tables import BOX_COLUMNS

Span = tuple[int, int]
Row = Mapping[str, Any]  # the columns of one box, null as None
Objects = list[list[Row]]  # the boxes of each object

EDGES = ("x1", "y1", "x2", "y2")
_NOT_COMPARED = {
    "box_id", "image_id", "origin", "shape", "file", "line", "start", "end", "declared_area",
}  # fmt: skip
COMPARED = [name for name in BOX_COLUMNS if name not in _NOT_COMPARED]
# Values that say no more than null does.
_PLAIN = {
    "is_group": False, "occluded": 0.0, "truncated": 0.0, "difficult": False,
    "is_depiction": False, "is_reflection": False,
}  # fmt: skip
_ORIGIN = "read as drawn by people, or as a detector's where scores have a place and there is one"
_STAYS = "a box stays in the record of its image"
_WHYS = {
    "extent": "not stated: written as the full box",
    "source_id": "another id: an object is called by the number that it has in its image",
    "source_label": "one word for the class: the label is written",
}


@dataclass(frozen=True)
class BoxEdit:
    """A box of an object: its old columns, and the new ones (None: it is to go)."""

    old: Row
    new: Row | None

    def changed(self, *columns: str) -> bool:
        """Whether one of these columns has another value."""
        return self.new is not None and any(self.old[c] != self.new[c] for c in columns)


@dataclass
class ImageEdits:
    """What is to be done to one image: to objects by their spans, and new ones.

    `keys` are what the objects that were read are called.
    """

    objects: dict[Span, list[BoxEdit]] = field(default_factory=dict)
    added: Objects = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


@dataclass
class FileEdits:
    """What is to be done to one file, by the span of each image's record."""

    images: dict[Span, ImageEdits] = field(default_factory=lambda: defaultdict(ImageEdits))
    removed: set[Span] = field(default_factory=set)
    new: list[tuple[LineImage, Objects]] = field(default_factory=list)


@dataclass(frozen=True)
class ObjectFormat:
    """What one format does in its own way.

    `extents` are those that it has a place for. `lack` is said of a column that it has no place
    for, `whys` of single ones, `kept_images` of the image columns that its kept files do not take
    back. `make` gives the files of images in a folder beside files that are there, `splice` a kept
    file with edits in it; both count what they cannot hold. `is_per_image`: an image has a file
    of its own.
    """

    name: str
    title: str
    folder: str
    lack: str
    extents: tuple[str, ...]
    image_columns: frozenset[str]
    kept_images: Mapping[str, str]
    whys: Mapping[str, str]
    make: Callable[[list[tuple[LineImage, Objects]], str, Sequence[str], Lost], dict[str, bytes]]
    splice: Callable[[bytes, FileEdits, Lost], bytes]
    is_per_image: bool = True
    holds_score: bool = False


def write_objects(
    kind: ObjectFormat, dataset: Dataset, folder: Path, original: Dataset | None
) -> LossReport:
    """Writes the files of a format into an existing, empty folder.

    Parameters and errors are those of `per_image.write_files`.
    """
    lost: Lost = Counter()
    if original is None:
        output = Output()
        made = _new_images(kind, dataset, dataset.images, dataset.boxes, (output, lost))
        output.files |= kind.make(made, kind.folder, (), lost)
    else:
        output = _kept(kind, dataset, original, lost)
    output.n_boxes -= sum(n for (name, _), n in lost.items() if name == "boxes")
    output.losses += losses_of(lost)
    return output.write(folder, kind.name)


def _new_images(
    kind: ObjectFormat,
    dataset: Dataset,
    images: pd.DataFrame,
    boxes: pd.DataFrame,
    result: tuple[Output, Lost],
) -> list[tuple[LineImage, Objects]]:
    """The images whose labels are known and their objects; what is left out goes to the result."""
    output, lost = result
    known = with_known_labels(images)
    written = _written(kind, boxes[boxes["image_id"].isin(known["image_id"])])
    rows: dict[int, list[Row]] = defaultdict(list)
    for row in rows_of(written):
        rows[row["image_id"]].append(row)
    output.n_images += len(known)
    output.n_boxes += len(written)
    output.losses += state_losses(images, known)
    output.losses += _left_out(kind, boxes, written)
    part = rows_to_count(dataset, images=known)
    output.losses += column_losses(
        part, image_columns=kind.image_columns, box_columns=set(BOX_COLUMNS), why=kind.lack
    )
    named = line_images(known) if len(known) else ()
    made = [(image, grouped(rows[image.image_id])) for image in named]
    for image, objects in made:
        if image.label_state != ("present" if objects else "empty"):
            lost["images.label_state", LABEL_STATE_WHY] += 1
    return made


def _written(kind: ObjectFormat, boxes: pd.DataFrame) -> pd.DataFrame:
    return boxes[holds_box(boxes) & (boxes["extent"].isin(kind.extents) | boxes["extent"].isna())]


def _left_out(kind: ObjectFormat, boxes: pd.DataFrame, written: pd.DataFrame) -> list[Loss]:
    extents = " and ".join(kind.extents)
    why = f"{kind.title} holds {extents} boxes with a class, in images with known labels"
    return left_out(boxes, written, why)


def rows_of(boxes: pd.DataFrame) -> Iterator[Row]:
    """The boxes as rows, null and NaN as None, in the table's order."""
    names = [name for name in boxes.columns if name != "box_id"]
    columns = [boxes[name].astype(object).where(boxes[name].notna(), None) for name in names]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def attributes_of(row: Row) -> dict[str, Any]:  # JSON values
    """The attributes of a box; none when they are no JSON object."""
    try:
        value = json.loads(row["attributes"] or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def key_of(row: Row) -> str | None:
    """What the object of a box is called in its image; None for a box without such a key."""
    key = attributes_of(row).get("object")
    return key if isinstance(key, str) else None


def grouped(rows: Iterable[Row]) -> Objects:
    """The boxes by object: those of one key, as far as their extents differ; others alone."""
    objects: Objects = []
    of_key: dict[str, list[Row]] = {}
    for row in rows:
        key = None if row["extent"] is None else key_of(row)
        own = of_key.get(key) if key is not None else None
        if own is not None and all(row["extent"] != other["extent"] for other in own):
            own.append(row)
            continue
        objects.append([row])
        if key is not None:
            of_key[key] = objects[-1]
    return objects


def extent_of(row: Row) -> str:
    """The extent that a box is written as: full where none is stated."""
    return row["extent"] or "full"


def own_number(objects: Objects, taken: Iterable[str] = ()) -> list[int]:
    """A number for each object, none of `taken`: its own where it has one, else the next."""
    used = {int(key) for key in taken if is_id(key)}
    following = max(used, default=-1) + 1
    numbers: list[int | None] = []
    for rows in objects:
        key = key_of(rows[0]) or rows[0]["source_id"]
        own = int(key) if is_id(key) and int(key) not in used else None
        if own is not None:
            used.add(own)
        numbers.append(own)
    found = []
    for own in numbers:
        while own is None and following in used:
            following += 1
        found.append(following if own is None else own)
        used.add(found[-1])
    return found


def is_id(key: object) -> bool:
    """Whether a text is a number that JSON readers take as an integer id."""
    if not isinstance(key, str) or len(key) > 18:
        return False
    digits = key.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and str(int(key)) == key


def agreed(edits: Iterable[BoxEdit], column: str) -> tuple[bool, Any]:  # a column of any type
    """Whether a column that the boxes of an object share has one new value, and that value."""
    edits = [edit for edit in edits if edit.new is not None]
    values = [edit.new[column] for edit in edits if edit.new is not None]
    is_changed = any(edit.changed(column) for edit in edits)
    return is_changed and all(value == values[0] for value in values), values[0] if values else None


def count_losses(
    kind: ObjectFormat, wanted: Iterable[Row], read: Iterable[ReadBox], lost: Lost
) -> None:
    """Counts what a written object does not hold of the boxes that it was to hold."""
    found = {box.extent: box for box in read}
    for row in wanted:
        box = found.get(extent_of(row)) or (found.get(None) if row["extent"] is None else None)
        if box is None:
            lost["boxes", f"{kind.title} has no {extent_of(row)} box of this object"] += 1
            continue
        if row["shape"] in ("polygon", "mask", "rotated") and row["shape"] != box.shape:
            lost[f"{row['shape']} outline", "written as its box"] += 1
        is_found = kind.holds_score and row["score"] is not None
        lost["boxes.origin", _ORIGIN] += row["origin"] != ("detector" if is_found else "human")
        lost["boxes.declared_area", kind.lack] += row["declared_area"] is not None
        for column in COMPARED:
            found_here = getattr(box, column, None)
            if column in _PLAIN and row[column] is None and found_here == _PLAIN[column]:
                lost[f"boxes.{column}", "unknown, read as not so: the class or a tag tells it"] += 1
            is_plain = column == "source_label" and row[column] == row["label"]
            if not is_plain and not _is_same(column, row[column], found_here):
                why = kind.whys.get(column) or _WHYS.get(column) or kind.lack
                lost[f"boxes.{column}", why] += 1


def _is_same(column: str, wanted: Any, read: Any) -> bool:  # values of any type
    if column == "attributes":
        return _same_attributes(wanted, read)
    if wanted is None:
        is_nothing = read is None or read == _PLAIN.get(column) or read != read
        return bool(is_nothing) or column in ("source_id", "source_label")
    if column == "source_id":
        return bool(wanted == read or wanted.startswith("#"))
    if column in EDGES:
        return read is not None and math.isclose(wanted, read, rel_tol=1e-9, abs_tol=1e-9)
    return bool(wanted == read or (read is None and wanted == _PLAIN.get(column)))


def _same_attributes(wanted: str | None, read: str | None) -> bool:
    if wanted == read or wanted is None:
        return True
    try:
        old, new = json.loads(wanted), json.loads(read or "{}")
    except (ValueError, RecursionError):
        return False
    if not isinstance(old, dict):
        return False
    key = old.get("object")
    if isinstance(key, str) and key.startswith("#"):
        # A position, not an id.
        new |= {"object": key}
    return all(name in new and new[name] == value for name, value in old.items())


def _kept(kind: ObjectFormat, dataset: Dataset, original: Dataset, lost: Lost) -> Output:
    """The kept files with the changes in them, and new files for added images."""
    changes = changes_since(dataset, original)
    names = sorted(name for name, found in dataset.formats.items() if found == kind.name)
    spans = _image_spans(original)
    gone = {spans[i] for i in changes.removed_images if i in spans}
    output = Output()
    added = changes.added_boxes
    of_new = added["image_id"].isin(changes.added_images["image_id"])
    made = _new_images(kind, dataset, changes.added_images, added[of_new], (output, lost))
    todo: dict[str, FileEdits] = defaultdict(FileEdits)
    _changed(dataset, original, changes, todo, lost)
    of_kept = added["image_id"].isin(list(spans))
    _added(kind, added[of_kept], spans, todo, output)
    _add_keys(original, added[of_kept], spans, todo)
    lost["boxes", "added to an image that has no record"] += int((~of_new & ~of_kept).sum())
    output.n_boxes += int((~of_new & ~of_kept).sum()) + len(dataset.boxes) - len(added)
    kept = [name for name in names if not (kind.is_per_image and name in {g[0] for g in gone})]
    if not kind.is_per_image:
        for file, span in gone:
            todo[file].removed.add(span)
        if names and made:
            todo[names[0]].new = made
    for name in kept:
        body = dataset.sources.read(name)
        output.files[name] = kind.splice(body, todo[name], lost) if name in todo else body
    if kind.is_per_image or not names:
        folder = f"{PurePosixPath(names[0]).parent}/".removeprefix("./") if names else kind.folder
        output.files |= kind.make(made, folder, names, lost)
    output.n_images += len(set(original.images["image_id"]) - changes.removed_images)
    output.losses += image_losses(changes, kind.kept_images, kind.lack)
    output.losses.append(split_loss(dataset, original))
    return output


def _image_spans(original: Dataset) -> dict[int, tuple[str, Span]]:
    images = original.images[original.images["start"].notna()]
    columns = (images[name] for name in ("image_id", "file", "start", "end"))
    return {i: (file, (int(start), int(end))) for i, file, start, end in zip(*columns, strict=True)}


def _changed(
    dataset: Dataset,
    original: Dataset,
    changes: Changes,
    todo: dict[str, FileEdits],
    lost: Lost,
) -> None:
    """Adds the edits of all objects of which a box was changed or removed."""
    old = original.boxes
    touched = old["box_id"].isin(list(changes.changed) + list(changes.removed_boxes))
    touched &= ~old["image_id"].isin(list(changes.removed_images))
    if not touched.any():
        return
    keys = pd.MultiIndex.from_frame(old[["file", "start", "end"]])
    before = old[keys.isin(keys[touched.to_numpy(bool)])]
    after = dataset.boxes[dataset.boxes["box_id"].isin(before["box_id"])]
    new = dict(zip(after["box_id"], rows_of(after), strict=True))
    spans = _image_spans(original)
    for box_id, row in zip(before["box_id"], rows_of(before), strict=True):
        file, image_span = spans[row["image_id"]]
        edits = todo[file].images[image_span]
        objects = edits.objects.setdefault((int(row["start"]), int(row["end"])), [])
        objects.append(BoxEdit(row, new.get(box_id)))
        lost["boxes.image_id", _STAYS] += "image_id" in changes.changed.get(box_id, ())
        others = changes.changed.get(box_id, frozenset()) & {"shape", "declared_area"}
        for column in others:
            lost[f"boxes.{column}", "changed; a record has no place for it"] += 1


def _added(
    kind: ObjectFormat,
    added: pd.DataFrame,
    spans: Mapping[int, tuple[str, Span]],
    todo: dict[str, FileEdits],
    output: Output,
) -> None:
    written = _written(kind, added)
    output.n_boxes += len(written)
    output.losses += _left_out(kind, added, written)
    rows: dict[int, list[Row]] = defaultdict(list)
    for row in rows_of(written):
        rows[row["image_id"]].append(row)
    for image_id, own in rows.items():
        file, span = spans[image_id]
        todo[file].images[span].added = grouped(own)


def _add_keys(
    original: Dataset,
    added: pd.DataFrame,
    spans: Mapping[int, tuple[str, Span]],
    todo: dict[str, FileEdits],
) -> None:
    """Tells the images that get new objects what their old ones are called."""
    beside = original.boxes[original.boxes["image_id"].isin(added["image_id"])]
    for row in rows_of(beside):
        file, span = spans[row["image_id"]]
        key = key_of(row)
        if key is not None:
            todo[file].images[span].keys.add(key)
