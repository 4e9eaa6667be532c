"""What all writers share: the loss report, and what has changed since a source was read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, Protocol

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.errors import OutputError
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS

# Columns that say where a record stood or what it is called inside curate: no target has them.
_BOOKKEEPING = {
    "image_id", "image_key", "path", "box_frame", "source", "file", "line", "start", "end",
    "box_id", "declared_width", "declared_height", "exif_orientation",
}  # fmt: skip
# Formats whose records have no ids: what stands for them is a position in the file.
_POSITIONAL = {
    "voc", "kitti", "kitti-tracking", "makesense", "mot", "yolo", "text-dets", "open-images",
    "coco-results",
}  # fmt: skip
# Formats with several boxes of one object, which has a name of its own in its image.
_WITH_OBJECTS = {"caltech", "caltech-vbb", "citypersons", "crowdhuman", "eurocity"}
# Values that say no more than that a column is not used.
_PLAIN = {
    "role": "include", "shape": "box", "label_state": "present", "origin": "human",
    "is_group": False, "occluded": 0.0, "truncated": 0.0, "difficult": False,
    "is_depiction": False, "is_reflection": False,
}  # fmt: skip


@dataclass(frozen=True)
class Loss:
    """One field that the target cannot hold: how many values of it are not in what was written.

    `field` is `images` or `boxes` for whole rows, `images.<column>` or `boxes.<column>` of the
    tables (several columns of one box stand in one, as `boxes.x1 y1 x2 y2`), `<shape> outline`, or
    in the source's own words what only its records hold. In brackets stands which rows or what
    part: `boxes (tag)`, `images (ending of the name)`.
    """

    field: str
    count: int
    why: str


# Why of an origin that no format but CVAT has a word for.
IMPORTED = "imported: read as drawn by people"

# How many values are lost, by field and reason.
Lost = Counter[tuple[str, str]]


def losses_of(lost: Lost) -> list[Loss]:
    """The counted losses, by field and reason."""
    return [Loss(name, count, why) for (name, why), count in sorted(lost.items()) if count]


@dataclass(frozen=True)
class LossReport:
    """What was written, and every field that the target cannot hold, by name and count.

    `definitions` are those that the dataset's labels and roles come from, each `id@version+hash`.
    """

    target: str
    files: int
    images: int
    boxes: int
    losses: tuple[Loss, ...] = ()
    definitions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values, under the schema `curate.export/1`."""
        return {
            "schema": "curate.export/1",
            "target": self.target,
            "files": self.files,
            "images": self.images,
            "boxes": self.boxes,
            "definitions": list(self.definitions),
            "losses": [vars(loss) for loss in self.losses],
        }

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{loss.count}</td><td>{escape(loss.field)}</td><td>{escape(loss.why)}</td></tr>"
            for loss in self.losses
        )
        head = f"<p>{escape(str(self).partition(chr(10))[0])}</p>"
        return f"{head}<table><tr><th>values</th><th>field</th><th>why</th></tr>{rows}</table>"

    def __str__(self) -> str:
        head = f"{self.target}: {self.images} images, {self.boxes} boxes in {self.files} files"
        if not self.losses:
            return f"{head}; nothing lost"
        rows = "\n".join(f"  {loss.count:>9}  {loss.field}: {loss.why}" for loss in self.losses)
        return f"{head}; not in what was written:\n{rows}"


def refuse_nothing(report: LossReport, dataset: Dataset) -> None:
    """Refuses an output that has no image and no box, where the dataset has some.

    Raises
    ------
    OutputError
        With the reasons that the loss report gives, and the mend.
    """
    n_images, n_boxes = len(dataset.images), len(dataset.boxes)
    if report.images or report.boxes or not (n_images or n_boxes):
        return
    # Whole images and boxes: what is lost of their columns (`images.source_id`) is no reason.
    whole = [loss for loss in report.losses if re.fullmatch(r"(images|boxes)\b[^.]*", loss.field)]
    reasons = "; ".join(f"{loss.count} {loss.field}: {loss.why}" for loss in whole)
    raise OutputError(
        f"--to {report.target}: none of {n_images} images and {n_boxes} boxes can be written"
        + (f" ({reasons})" if reasons else ""),
        mend=_mend_of_nothing(dataset),
    )


def _mend_of_nothing(dataset: Dataset) -> str:
    by_id = dataset.findings["check"] == "SRC-019"
    if by_id.any():
        return str(dataset.findings.loc[by_id, "mend"].iloc[0])
    images = dataset.images
    if images["label_state"].isin(["missing", "unreadable"]).all():
        return "give the labels of these images: nobody has said what is on them"
    if images["width"].isna().all():
        return "give their sizes with --images DIR or --size WxH"
    return "choose another --to, one that holds such images and boxes"


def rows_to_count(
    dataset: Dataset, *, images: pd.DataFrame | None = None, boxes: pd.DataFrame | None = None
) -> Dataset:
    """Some rows of a dataset, to count what their columns hold.

    It is no dataset to be used otherwise: boxes may lie on images that are left out.
    """
    images = dataset.images if images is None else images.reset_index(drop=True)
    boxes = dataset.boxes if boxes is None else boxes.reset_index(drop=True)
    return replace(dataset, images=images, boxes=boxes)


class Holder(Protocol):
    """A format that says which columns it holds, and what of all others (`lack`)."""

    @property
    def image_columns(self) -> Collection[str]:
        """Columns of images that have a place."""

    @property
    def box_columns(self) -> Collection[str]:
        """Columns of boxes that have a place."""

    @property
    def lack(self) -> str:
        """Why others are lost."""


def unheld(kind: Holder, dataset: Dataset) -> list[Loss]:
    """Losses for all columns that a format has no place for; see `column_losses`."""
    held = {"image_columns": kind.image_columns, "box_columns": kind.box_columns}
    return column_losses(dataset, **held, why=kind.lack)


def column_losses(
    dataset: Dataset, *, image_columns: Collection[str], box_columns: Collection[str], why: str
) -> list[Loss]:
    """Losses for all columns that are not named as kept, counted over values that say something.

    Null says nothing, and neither does a plain value (role include, no group, not truncated ...).
    """
    losses = []
    for table, schema, kept, prefix in (
        (dataset.images, IMAGE_COLUMNS, image_columns, "images"),
        (dataset.boxes, BOX_COLUMNS, box_columns, "boxes"),
    ):
        for name in schema:
            if name in kept or name in _BOOKKEEPING:
                continue
            values = table[name]
            said = values.notna()
            if name in _PLAIN:
                said &= (values != _PLAIN[name]).fillna(value=False).astype(bool)
            if said.any():
                losses.append(Loss(f"{prefix}.{name}", int(said.sum()), why))
    return losses


def without_positions(dataset: Dataset) -> Dataset:
    """The dataset without the source ids of boxes that only say where in a file a record stood.

    Nobody can miss them in another file. Where a format has ids, an object without one is called
    `#` and its position.
    """
    boxes = dataset.boxes
    kinds = boxes["file"].map(dict(dataset.formats))
    is_position = kinds.isin(_POSITIONAL) | (
        kinds.isin(_WITH_OBJECTS) & boxes["source_id"].str.startswith("#", na=False)
    )
    return dataset.with_tables(
        boxes=boxes.assign(source_id=boxes["source_id"].mask(is_position.to_numpy(bool)))
    )


def origin_losses(boxes: pd.DataFrame, told: pd.Series[bool]) -> list[Loss]:
    """The boxes whose origin a reader does not find again.

    `told` says which of the written boxes are read as a detector's; all others are read as drawn
    by people.
    """
    origin = boxes["origin"]
    is_drawn, is_found = origin == "human", origin == "detector"
    whys = {
        "a box with a score beside it is read as a detector's": told & ~is_found,
        "a box without a score is read as drawn by people": ~told & is_found,
        IMPORTED: ~told & ~is_drawn & ~is_found,
    }
    return [Loss("boxes.origin", int(rows.sum()), why) for why, rows in whys.items() if rows.any()]


def names_apart(names: Sequence[str], keys: Sequence[str]) -> tuple[list[str], int]:
    """The images' names below their sources, and how many of them had to change.

    Names that images of two sources share get the source's name ahead, as their keys have it.
    """
    counts = Counter(names)
    apart = [key if counts[name] > 1 else name for name, key in zip(names, keys, strict=True)]
    if len(set(apart)) < len(apart):
        # `one/a.jpg` is a name of another source: keys alone are never shared.
        apart = list(keys)
    return apart, sum(new != name for new, name in zip(apart, names, strict=True))


def name_losses(n_changed: int) -> list[Loss]:
    """The names that `names_apart` changed."""
    why = "two sources have an image of that name: the source's name is written ahead of it"
    return [Loss("images.image_key", n_changed, why)] if n_changed else []


@dataclass(frozen=True)
class Changes:
    """What has changed in a dataset since its sources were read.

    `changed` maps a box_id, `changed_images` an image_id to the columns whose values differ;
    `changed_classes` counts rows of the classes table that are new, gone or differ.
    `removed_boxes`, `removed_images` hold ids that are no longer there; `added_boxes`,
    `added_images` the rows that are new.
    """

    changed: dict[int, frozenset[str]] = field(default_factory=dict)
    changed_images: dict[int, frozenset[str]] = field(default_factory=dict)
    changed_classes: int = 0
    removed_boxes: frozenset[int] = frozenset()
    removed_images: frozenset[int] = frozenset()
    added_boxes: pd.DataFrame = field(default_factory=pd.DataFrame)
    added_images: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def none(self) -> bool:
        """Whether nothing has changed."""
        return not (
            self.changed
            or self.changed_images
            or self.changed_classes
            or self.removed_boxes
            or self.removed_images
            or len(self.added_boxes)
            or len(self.added_images)
        )


# Changes in these cannot be written back to a record: they are curate's own bookkeeping.
_NOT_WRITTEN = {"box_id", "file", "line", "start", "end", "source_id"}
# What joining pictures sets, and what only says where an image stood.
_NOT_COMPARED = _NOT_WRITTEN | {"image_id", "path", "exif_orientation", "box_frame", "source"}


def changes_since(dataset: Dataset, original: Dataset) -> Changes:
    """What differs between a dataset and the same sources as they were read.

    Images and boxes are compared by presence and by every column but ids and places, classes by
    file, id, label and supercategory. Sizes of an image that a picture was joined to are the
    picture's, and a state that follows from the boxes is theirs: no change. An image that was added
    without a label file of its own (an orphan picture) is no change either.
    """
    images, old_images = dataset.images, original.images
    ids, old_ids = images["image_id"], old_images["image_id"]
    new_images = images[~ids.isin(old_ids) & (images["label_state"] != "missing")]
    new, old = dataset.boxes, original.boxes
    common = new["box_id"].isin(old["box_id"])
    gone = old["box_id"][~old["box_id"].isin(new["box_id"])]
    return Changes(
        changed=_changed_columns(new[common], old, "box_id", set(BOX_COLUMNS) - _NOT_WRITTEN),
        changed_images=_changed_images(images, old_images, _states_of_boxes(dataset, original)),
        changed_classes=changed_classes(dataset.classes, original.classes),
        removed_boxes=frozenset(gone.tolist()),
        removed_images=frozenset(old_ids[~old_ids.isin(ids)].tolist()),
        added_boxes=new[~common],
        added_images=new_images,
    )


def _changed_columns(
    new: pd.DataFrame, old: pd.DataFrame, key: str, columns: Collection[str]
) -> dict[int, frozenset[str]]:
    ids = new[key].to_numpy(np.int64)
    before = old.iloc[pd.Index(old[key].to_numpy(np.int64)).get_indexer(ids)]
    changed: dict[int, set[str]] = {}
    for name in sorted(columns):
        differs = _differs(new[name], before[name])
        for row_id in ids[differs].tolist():
            changed.setdefault(row_id, set()).add(name)
    return {row_id: frozenset(names) for row_id, names in changed.items()}


def _states_of_boxes(dataset: Dataset, original: Dataset) -> set[int]:
    """Images whose state is what their boxes say, now and before: present with some, else empty."""
    following = []
    for one in (dataset, original):
        ids = one.images["image_id"]
        by_boxes = np.where(ids.isin(one.boxes["image_id"]), "present", "empty")
        following.append(set(ids[(one.images["label_state"] == by_boxes).to_numpy(bool)]))
    return following[0] & following[1]


def _changed_images(
    images: pd.DataFrame, old: pd.DataFrame, of_boxes: Collection[int]
) -> dict[int, frozenset[str]]:
    common = images[images["image_id"].isin(old["image_id"])]
    columns = set(IMAGE_COLUMNS) - _NOT_COMPARED
    changed = _changed_columns(common, old, "image_id", columns)
    pictured = set(common.loc[common["path"].notna(), "image_id"])
    trimmed = {
        image_id: names
        - ({"width", "height"} if image_id in pictured else set())
        - ({"label_state"} if image_id in of_boxes else set())
        for image_id, names in changed.items()
    }
    return {image_id: names for image_id, names in trimmed.items() if names}


def changed_classes(classes: pd.DataFrame, old: pd.DataFrame) -> int:
    """How many rows of a classes table are new, gone or differ from those of another."""
    before, now = Counter(_class_rows(old)), Counter(_class_rows(classes))
    gone, new = before - now, now - before
    # A row that differs is gone and new under one id: it counts once.
    same = Counter(row[:2] for row in gone.elements()) & Counter(row[:2] for row in new.elements())
    return gone.total() + new.total() - same.total()


def _class_rows(classes: pd.DataFrame) -> list[tuple[str | None, ...]]:
    """File, id, label and class above of each class; null as None."""
    columns = classes[["file", "source_id", "label", "supercategory"]].astype(object)
    return list(columns.where(columns.notna(), None).itertuples(index=False, name=None))


def _differs(new: pd.Series[Any], old: pd.Series[Any]) -> np.ndarray[Any, Any]:
    left, right = new.reset_index(drop=True), old.reset_index(drop=True)
    both_null = left.isna() & right.isna()
    same = (left == right).fillna(value=False).astype(bool)
    return ~(same | both_null).to_numpy()
