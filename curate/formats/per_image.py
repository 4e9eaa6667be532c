"""What the writers of formats with a label file per image share: the way to the files, losses."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.errors import OutputError, Place
from curate.formats.image_names import names_below_source, picture_names, safe_part
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
from curate.progress import track

EDGES = ["x1", "y1", "x2", "y2"]
LABEL_STATE_WHY = "a label file tells it by its boxes: present with some, empty with none"


@dataclass(frozen=True)
class BoxRow:
    """The values of one box that a label file may hold; edges in px, half-open, None unknown."""

    label: str | None
    source_label: str | None
    shape: str
    x1: float | None
    y1: float | None
    x2: float | None
    y2: float | None
    role: str
    is_group: bool | None
    score: float | None
    occluded: float | None
    truncated: float | None
    difficult: bool | None
    attributes: str | None
    track_id: str | None
    origin: str
    annotator: str | None
    extent: str | None
    angle_deg: float | None
    is_depiction: bool | None
    is_reflection: bool | None
    source_id: str | None
    box_id: int

    @property
    def edges(self) -> tuple[float | None, ...]:
        """x1, y1, x2, y2."""
        return self.x1, self.y1, self.x2, self.y2


@dataclass(frozen=True)
class ImageRow:
    """One image: its name below its source, and its size in px in the frame of its boxes.

    `picture` is the name with the ending of the picture, where one was joined.
    """

    image_id: int
    name: str
    source: str
    label_state: str
    width: int | None
    height: int | None
    picture: str


@dataclass(frozen=True)
class Change:
    """A box that differs from its record: the columns that do, new and old values."""

    columns: frozenset[str]
    new: BoxRow
    old: BoxRow


@dataclass
class FileChanges:
    """What is to be done to one file; records are named by their span in bytes, half-open.

    `size_wh` is the size of its image in px, for formats that write fractions; None unknown.
    """

    changed: dict[tuple[int, int], Change] = field(default_factory=dict)
    removed: set[tuple[int, int]] = field(default_factory=set)
    added: list[BoxRow] = field(default_factory=list)
    size_wh: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True)
class PerImageFormat:
    """What one format does in its own way.

    `lack` is said of a column that it has no place for, `kept_images` of an image's columns that
    its kept files do not take back. `paths` gives the label file of each image name in a folder
    beside files that are there, `make` a file's text, `splice` a kept file with changes in it;
    both count what they cannot hold. `kept_sets` gives the lists of splits for the label files
    (all, kept).
    """

    name: str
    title: str
    folder: str
    set_folder: str
    lack: str
    image_columns: frozenset[str]
    box_columns: frozenset[str]
    kept_images: Mapping[str, str]
    paths: Callable[[Sequence[str], str, Iterable[str]], list[str]]
    make: Callable[[ImageRow, list[BoxRow], Lost], str]
    splice: Callable[[bytes, FileChanges, Lost], bytes]
    kept_sets: Callable[[Dataset, list[str], set[str]], dict[str, bytes]]


@dataclass
class Output:
    """The files to be written, how many images and boxes they hold, and what they do not."""

    files: dict[str, bytes] = field(default_factory=dict)
    n_images: int = 0
    n_boxes: int = 0
    losses: list[Loss] = field(default_factory=list)

    def write(self, folder: Path, target: str) -> LossReport:
        """Writes the files into an existing folder; returns the report.

        Raises
        ------
        OutputError
            When a file's name leads out of the folder.
        """
        for name, body in track(sorted(self.files.items()), len(self.files), "files written"):
            path = confined(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        losses = tuple(loss for loss in self.losses if loss.count)
        return LossReport(target, len(self.files), self.n_images, self.n_boxes, losses)


def write_files(
    kind: PerImageFormat, dataset: Dataset, folder: Path, original: Dataset | None
) -> LossReport:
    """Writes label files and the lists of splits into an existing, empty folder.

    Parameters
    ----------
    kind
        The format.
    original
        The dataset as read again from its kept sources: only what changed since then changes in
        its files. None: all files are made from the columns.

    Raises
    ------
    OutputError
        When a kept file's name leads out of the folder.
    OSError
        When a file cannot be written.
    """
    if original is None:
        output = _new_files(kind, dataset, (dataset.images, dataset.boxes), kind.folder, ())
        _add_sets(kind, dataset.images, output)
    else:
        output = _kept_files(kind, dataset, original)
    return output.write(folder, kind.name)


def _new_files(
    kind: PerImageFormat,
    dataset: Dataset,
    tables: tuple[pd.DataFrame, pd.DataFrame],
    folder: str,
    taken: Iterable[str],
) -> Output:
    """A file for each of these images whose labels are known, made from images and boxes."""
    images, boxes = tables
    known = with_known_labels(images)
    written = boxes[holds_box(boxes) & boxes["image_id"].isin(known["image_id"])]
    rows: dict[int, list[BoxRow]] = defaultdict(list)
    for image_id, row in zip(written["image_id"].tolist(), box_rows(written), strict=True):
        rows[image_id].append(row)
    output = Output(n_images=len(known), n_boxes=len(written))
    lost: Lost = Counter()
    paths = kind.paths(names_below_source(known), folder, taken)
    for image, path in zip(_image_rows(known), paths, strict=True):
        here = rows[image.image_id]
        output.files[path] = kind.make(image, here, lost).encode()
        if image.label_state != ("present" if here else "empty"):
            lost["images.label_state", LABEL_STATE_WHY] += 1
    output.losses += state_losses(images, known)
    why = f"{kind.title} holds boxes with a class and four corners, in images with known labels"
    output.losses += shape_losses(boxes, written, why)
    output.losses += unheld(kind, rows_to_count(dataset, images=known, boxes=written))
    output.losses += losses_of(lost)
    return output


def _add_sets(kind: PerImageFormat, images: pd.DataFrame, output: Output) -> None:
    """Adds `<split>.txt` for the images that have a split and a file."""
    known = with_known_labels(images)
    paths = kind.paths(names_below_source(known), kind.folder, ())
    ids: dict[str, list[str]] = defaultdict(list)
    lost: Lost = Counter()
    for split, path in zip(known["split"], paths, strict=True):
        if pd.notna(split):
            name = safe_part(split)
            lost["images.split", "written as a file name that every system takes"] += name != split
            label = PurePosixPath(path.removeprefix(kind.folder))
            ids[f"{kind.set_folder}{name}.txt"].append(label.with_suffix("").as_posix())
    for file, names in ids.items():
        output.files[file] = "".join(f"{name}\n" for name in sorted(names)).encode()
    output.losses += losses_of(lost)


def _kept_files(kind: PerImageFormat, dataset: Dataset, original: Dataset) -> Output:
    """The kept files with the changes spliced in, and new files for added images."""
    changes = changes_since(dataset, original)
    names = sorted(name for name, found in dataset.formats.items() if found == kind.name)
    own = dict(zip(original.images["file"], original.images["image_id"], strict=True))
    # A file without an image of its own holds predictions on the image of another.
    image_of = dict(zip(original.boxes["file"], original.boxes["image_id"], strict=True)) | own
    kept = [name for name in names if image_of.get(name) not in changes.removed_images]
    added = changes.added_boxes
    is_of_new = added["image_id"].isin(changes.added_images["image_id"])
    is_of_kept = added["image_id"].isin(original.images["image_id"])
    beside = [name for name in names if name in own]
    folder = f"{PurePosixPath(beside[0]).parent}/".removeprefix("./") if beside else kind.folder
    output = _new_files(kind, dataset, (changes.added_images, added[is_of_new]), folder, names)
    todo = _changes_by_file(dataset, original, changes)
    output.n_boxes += sum(len(file.added) for file in todo.values())
    output.n_boxes += len(dataset.boxes) - len(added)
    lost: Lost = Counter()
    output.files |= _spliced(kind, dataset, kept, todo, lost)
    output.n_boxes -= sum(count for (name, _), count in lost.items() if name == "boxes")
    n_homeless = int((~is_of_new & ~is_of_kept).sum())
    lost["boxes", "added to an image that has no label file"] += n_homeless
    output.files |= kind.kept_sets(dataset, names, set(kept))
    output.n_images += sum(name in own for name in kept)
    output.losses += _added_losses(kind, dataset, added[is_of_kept])
    output.losses += losses_of(lost)
    output.losses += image_losses(changes, kind.kept_images, kind.lack)
    output.losses.append(split_loss(dataset, original))
    return output


def _spliced(
    kind: PerImageFormat,
    dataset: Dataset,
    kept: list[str],
    todo: Mapping[str, FileChanges],
    lost: Lost,
) -> dict[str, bytes]:
    """The kept files with what is to be done to them; boxes of other files are lost."""
    for name in todo.keys() - set(kept):
        rest = todo[name]
        lost["boxes", "the label file of their image is gone"] += len(rest.added)
        lost["boxes", "the label file of their image is gone"] += len(rest.changed)
    # A file without changes comes back from `splice` as it is.
    return {
        name: kind.splice(dataset.sources.read(name), todo.get(name, FileChanges()), lost)
        for name in kept
    }


def _changes_by_file(
    dataset: Dataset, original: Dataset, changes: Changes
) -> dict[str, FileChanges]:
    """What is to be done to each file that was read; boxes without a box to write are left out."""
    todo: dict[str, FileChanges] = defaultdict(FileChanges)
    old = original.boxes
    gone = old[old["box_id"].isin(list(changes.removed_boxes))]
    for file, start, end in zip(gone["file"], gone["start"], gone["end"], strict=True):
        todo[file].removed.add((start, end))
    before = old[old["box_id"].isin(list(changes.changed))].sort_values("box_id")
    after = dataset.boxes[dataset.boxes["box_id"].isin(list(changes.changed))]
    after = after.sort_values("box_id")
    places = zip(before["box_id"], before["file"], before["start"], before["end"], strict=True)
    rows = zip(box_rows(after), box_rows(before), strict=True)
    for (box_id, file, start, end), (new, was) in zip(places, rows, strict=True):
        todo[file].changed[start, end] = Change(changes.changed[box_id], new, was)
    file_of = dict(zip(original.images["image_id"], original.images["file"], strict=True))
    added = changes.added_boxes
    added = added[holds_box(added) & added["image_id"].isin(list(file_of))]
    for image_id, row in zip(added["image_id"], box_rows(added), strict=True):
        todo[file_of[image_id]].added.append(row)
    touched = dataset.images[dataset.images["image_id"].map(file_of).isin(list(todo))]
    for image in _image_rows(touched):
        todo[file_of[image.image_id]].size_wh = image.width, image.height
    return todo


def _added_losses(kind: PerImageFormat, dataset: Dataset, added: pd.DataFrame) -> list[Loss]:
    """The boxes added to kept files that cannot be written, and columns that none of them keeps."""
    written = added[holds_box(added)]
    why = f"{kind.title} holds boxes with a class and four corners"
    part = rows_to_count(dataset, images=dataset.images.iloc[:0], boxes=written)
    return shape_losses(added, written, why) + unheld(kind, part)


def box_rows(boxes: pd.DataFrame) -> Iterator[BoxRow]:
    """The boxes as rows, null as None, in the table's order."""
    names = [column.name for column in fields(BoxRow)]
    columns = [boxes[name].astype(object).where(boxes[name].notna(), None) for name in names]
    for values in zip(*columns, strict=True):
        yield BoxRow(*values)


def _image_rows(images: pd.DataFrame) -> Iterator[ImageRow]:
    is_stored = images["box_frame"] == "stored"
    sides = []
    for side in ("width", "height"):
        declared = images[f"declared_{side}"]
        values = images[side].where(~is_stored | declared.isna(), declared)
        sides.append([None if pd.isna(value) else int(value) for value in values])
    columns: list[list[Any]] = [
        images["image_id"].tolist(),
        names_below_source(images),
        images["source"].tolist(),
        images["label_state"].tolist(),
        *sides,
        picture_names(images),
    ]
    for row in zip(*columns, strict=True):
        yield ImageRow(*row)


def is_known(edge: float | None) -> TypeGuard[float]:
    """Whether an edge is a finite number."""
    return edge is not None and math.isfinite(edge)


def confined(folder: Path, name: str) -> Path:
    """The path of a kept file below the output folder.

    Raises
    ------
    OutputError
        When its name leads out of the folder.
    """
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or "\\" in name or ":" in name or not parts:
        raise OutputError(
            "the file's name leads out of the output folder",
            place=Place(name),
            mend="ingest the source again",
        )
    return folder.joinpath(*parts)


def with_known_labels(images: pd.DataFrame) -> pd.DataFrame:
    """The images whose labels are known (present or empty), by key."""
    return images[images["label_state"].isin(["present", "empty"])].sort_values("image_key")


def holds_box(boxes: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row is a box with a class and four finite edges."""
    edges = boxes[EDGES].to_numpy(np.float64)
    has_edges = pd.Series(np.isfinite(edges).all(axis=1), index=boxes.index)
    has_area = boxes["shape"].isin(["box", "rotated", "polygon", "mask"])
    return has_edges & has_area & boxes["label"].notna()


def state_losses(images: pd.DataFrame, known: pd.DataFrame) -> list[Loss]:
    """The images that get no file, by the state of their labels."""
    states = images.loc[~images.index.isin(known.index), "label_state"].value_counts()
    return [
        Loss("images", int(count), f"labels {state}: no file says so")
        for state, count in sorted(states.items())
    ]


def shape_losses(boxes: pd.DataFrame, written: pd.DataFrame, why: str) -> list[Loss]:
    """The boxes that are not written, by shape, and outlines that are written as boxes."""
    return left_out(boxes, written, why) + outline_losses(written)


def left_out(boxes: pd.DataFrame, written: pd.DataFrame, why: str) -> list[Loss]:
    """The boxes that are not written, by shape."""
    dropped = boxes[~boxes.index.isin(written.index)]
    return [
        Loss(f"boxes ({shape})", int(count), why)
        for shape, count in sorted(dropped["shape"].value_counts().items())
    ]


def outline_losses(written: pd.DataFrame) -> list[Loss]:
    """The outlines that are written as boxes, by shape."""
    return [
        Loss(f"{shape} outline", int((written["shape"] == shape).sum()), "written as its box")
        for shape in ("polygon", "mask", "rotated")
    ]


def image_losses(changes: Changes, kept: Mapping[str, str], lack: str) -> list[Loss]:
    """Changes of images and classes that kept label files do not take back.

    `kept` says why of the columns that the files tell in some way, `lack` of all others.
    """
    counts = Counter(name for names in changes.changed_images.values() for name in names)
    losses = [
        Loss(f"images.{name}", count, f"changed; {kept.get(name, lack)}")
        for name, count in sorted(counts.items())
        if name != "split"
    ]
    why = "changed in the list of classes; each object keeps its own name"
    return [*losses, Loss("classes.label", changes.changed_classes, why)]


def split_loss(dataset: Dataset, original: Dataset) -> Loss:
    """How many images have another split than when they were read: lists are kept as they were."""
    old = dict(zip(original.images["image_id"], original.images["split"], strict=True))
    pairs = [
        (split, old.get(image_id))
        for image_id, split in zip(dataset.images["image_id"], dataset.images["split"], strict=True)
    ]
    n_changed = sum(
        (None if pd.isna(new) else new) != (None if pd.isna(before) else before)
        for new, before in pairs
    )
    return Loss("images.split", n_changed, "changed; the lists of splits are kept as they were")


def without_lines(body: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    """A file without these lines (spans in bytes, sorted, without their line ends)."""
    for start, end in reversed(list(spans)):
        after = body.find(b"\n", end) + 1
        body = body[:start] + (body[after:] if after else b"")
    return body
