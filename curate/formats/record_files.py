"""What the writers of formats share whose files hold many images as records with boxes in them.

A format gives a `RecordFormat`; `write_records` goes from there to the files. Files that were read
come back byte for byte but for the records that were changed, removed or added.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from curate.dataset import Dataset
from curate.formats.line_files import LineImage, line_images
from curate.formats.per_image import (
    BoxRow,
    Change,
    Output,
    box_rows,
    image_losses,
    left_out,
    outline_losses,
    state_losses,
)
from curate.formats.writing import (
    Changes,
    Loss,
    LossReport,
    Lost,
    changes_since,
    losses_of,
    rows_to_count,
    unheld,
)

Span = tuple[int, int]  # half-open, in bytes
ImageBoxes = list[tuple[LineImage, list[BoxRow]]]
_STAYS = "a box stays in the record of its image"
_NO_RECORD = "added to an image that has no record of its own"


@dataclass
class RecordChanges:
    """What is to be done to one file; records are named by their spans.

    `added` gives the new boxes by the span of the image's record, each with its image.
    """

    changed: dict[Span, Change] = field(default_factory=dict)
    removed: set[Span] = field(default_factory=set)
    removed_images: set[Span] = field(default_factory=set)
    added: dict[Span, tuple[LineImage, list[BoxRow]]] = field(default_factory=dict)
    added_images: ImageBoxes = field(default_factory=list)


def _anywhere(images: pd.DataFrame, boxes: pd.DataFrame) -> pd.Series[bool]:
    """All boxes: for formats that need nothing of their images."""
    return pd.Series(data=True, index=boxes.index)


@dataclass(frozen=True)
class RecordFormat:
    """What one format does in its own way.

    `lack` is said of a column that it has no place for, `held` names what it can write, and
    `kept_images` says why of image columns that its kept files do not take back. `holds` tells the
    boxes, `tells` the images that can be written at all. `make` gives a whole file by its name
    and `edit` a kept file with changes in it; both count what they cannot hold, records that are
    not written under `boxes`. `has_place` tells the boxes of which these are none because of their
    images.
    """

    name: str
    title: str
    lack: str
    held: str
    image_columns: frozenset[str]
    box_columns: frozenset[str]
    kept_images: Mapping[str, str]
    holds: Callable[[pd.DataFrame], pd.Series[bool]]
    tells: Callable[[pd.DataFrame], pd.DataFrame]
    make: Callable[[Dataset, ImageBoxes, Lost], dict[str, bytes]]
    edit: Callable[[bytes, RecordChanges, Lost], bytes]
    has_place: Callable[[pd.DataFrame, pd.DataFrame], pd.Series[bool]] = _anywhere


def write_records(
    kind: RecordFormat, dataset: Dataset, folder: Path, original: Dataset | None
) -> LossReport:
    """Writes the files of a format into an existing, empty folder.

    Parameters and errors are those of `per_image.write_files`.
    """
    output = _made(kind, dataset) if original is None else _kept(kind, dataset, original)
    return output.write(folder, kind.name)


def _made(kind: RecordFormat, dataset: Dataset) -> Output:
    images, boxes = kind.tells(dataset.images), dataset.boxes
    written = boxes[kind.holds(boxes) & boxes["image_id"].isin(images["image_id"])]
    lost: Lost = Counter()
    output = Output(kind.make(dataset, _by_image(images, written), lost), len(images))
    output.losses += state_losses(dataset.images, images)
    output.losses += left_out(boxes, written, f"{kind.title} holds {kind.held}")
    output.losses += _column_losses(kind, dataset, images, written)
    output.n_boxes += len(written) - lost_boxes(lost)
    output.losses += losses_of(lost)
    return output


def lost_boxes(lost: Lost) -> int:
    """How many boxes are counted as not written."""
    return sum(count for (name, _), count in lost.items() if name == "boxes")


def _column_losses(
    kind: RecordFormat, dataset: Dataset, images: pd.DataFrame, boxes: pd.DataFrame
) -> list[Loss]:
    """What is lost of images, and of those of the boxes that have a place."""
    placed = boxes[kind.has_place(dataset.images, boxes)] if len(boxes) else boxes
    part = rows_to_count(dataset, images=images, boxes=placed)
    return outline_losses(placed) + unheld(kind, part)


def _by_image(images: pd.DataFrame, boxes: pd.DataFrame) -> ImageBoxes:
    """The images in the table's order, each with its boxes."""
    rows: dict[int, list[BoxRow]] = defaultdict(list)
    for image_id, row in zip(boxes["image_id"].tolist(), box_rows(boxes), strict=True):
        rows[image_id].append(row)
    return [(image, rows[image.image_id]) for image in line_images(images)]


def _kept(kind: RecordFormat, dataset: Dataset, original: Dataset) -> Output:
    changes = changes_since(dataset, original)
    names = sorted(name for name, found in dataset.formats.items() if found == kind.name)
    lost: Lost = Counter()
    todo: dict[str, RecordChanges] = defaultdict(RecordChanges)
    if not changes.none:
        _sort_changes(kind, dataset, original, changes, todo, lost)
    output = Output(n_images=len(dataset.images), n_boxes=len(dataset.boxes))
    for name in names:
        body = dataset.sources.read(name)
        output.files[name] = kind.edit(body, todo[name], lost) if name in todo else body
    added = changes.added_boxes
    held = added[kind.holds(added)] if len(added) else added
    fresh = kind.tells(changes.added_images)
    output.n_images -= len(changes.added_images) - len(fresh)
    output.n_boxes -= len(added) - len(held) + lost_boxes(lost)
    output.losses += left_out(added, held, f"{kind.title} holds {kind.held}") if len(added) else []
    output.losses += state_losses(changes.added_images, fresh)
    output.losses += _column_losses(kind, dataset, fresh, held)
    output.losses += losses_of(lost)
    output.losses += image_losses(changes, kind.kept_images, kind.lack)
    splits = sum("split" in columns for columns in changes.changed_images.values())
    why = kind.kept_images.get("split", kind.lack)
    output.losses.append(Loss("images.split", splits, f"changed; {why}"))
    return output


def _sort_changes(
    kind: RecordFormat,
    dataset: Dataset,
    original: Dataset,
    changes: Changes,
    todo: dict[str, RecordChanges],
    lost: Lost,
) -> None:
    """Puts what is to be done to each file that was read into `todo`."""
    old = original.boxes
    gone = old[old["box_id"].isin(list(changes.removed_boxes))]
    for file, start, end in zip(gone["file"], gone["start"], gone["end"], strict=True):
        todo[file].removed.add((int(start), int(end)))
    records = original.images[original.images["start"].notna()]
    is_gone = records["image_id"].isin(list(changes.removed_images))
    # Several images may share a record, which goes with the last of them.
    stay = set(_places(records[~is_gone]))
    for file, span in set(_places(records[is_gone])) - stay:
        todo[file].removed_images.add(span)
    before = old[old["box_id"].isin(list(changes.changed))].sort_values("box_id")
    after = dataset.boxes[dataset.boxes["box_id"].isin(list(changes.changed))]
    after = after.sort_values("box_id")
    pairs = zip(box_rows(after), box_rows(before), strict=True)
    for (file, span), (new, was) in zip(_places(before), pairs, strict=True):
        columns = changes.changed[new.box_id]
        lost["boxes.image_id", _STAYS] += "image_id" in columns
        todo[file].changed[span] = Change(columns - {"image_id"}, new, was)
    _sort_added(kind, dataset, (original, changes), todo, lost)


def _places(table: pd.DataFrame) -> list[tuple[str, Span]]:
    """The file and span of each row."""
    spans = zip(table["start"].astype("int64"), table["end"].astype("int64"), strict=True)
    return list(zip(table["file"], spans, strict=True))


def _sort_added(
    kind: RecordFormat,
    dataset: Dataset,
    known: tuple[Dataset, Changes],
    todo: dict[str, RecordChanges],
    lost: Lost,
) -> None:
    original, changes = known
    names = sorted(name for name, found in dataset.formats.items() if found == kind.name)
    added = changes.added_boxes[kind.holds(changes.added_boxes)]
    fresh = kind.tells(changes.added_images)
    if len(fresh):
        todo[names[0]].added_images += _by_image(fresh, added)
    rest = added[~added["image_id"].isin(fresh["image_id"])]
    records = original.images[original.images["start"].notna()]
    place_of = dict(zip(records["image_id"], _places(records), strict=True))
    touched = dataset.images[dataset.images["image_id"].isin(rest["image_id"])]
    for image, rows in _by_image(touched, rest):
        if image.image_id not in place_of:
            lost["boxes", _NO_RECORD] += len(rows)
            continue
        file, span = place_of[image.image_id]
        todo[file].added[span] = image, rows
