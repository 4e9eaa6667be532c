"""Writing VOC: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import pandas as pd

from curate.dataset import Dataset
from curate.formats.per_image import (
    Output,
    holds_box,
    image_losses,
    names_below_source,
    shape_losses,
    split_loss,
    state_losses,
    with_known_labels,
)
from curate.formats.reading import TextError
from curate.formats.voc.make import (
    box_rows,
    file_text,
    held_attributes,
    is_altered,
    label_paths,
    safe_part,
)
from curate.formats.voc.read import NAME
from curate.formats.voc.sets import rows_by_id, set_lines, set_root
from curate.formats.voc.splice import FileChanges, splice
from curate.formats.writing import Changes, Loss, LossReport, changes_since, column_losses

_FOLDER = "Annotations/"
_WHY = "VOC has no element for it"
_IMAGE_COLUMNS = {"width", "height", "split", "label_state"}
_BOX_COLUMNS = {
    "label", "source_label", "x1", "y1", "x2", "y2", "shape", "role", "is_group", "occluded",
    "truncated", "difficult", "attributes",
}  # fmt: skip


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `Annotations/*.xml` and `ImageSets/Main/*.txt` into an existing, empty folder.

    Parameters
    ----------
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
        output = _new_files(dataset, dataset.images, dataset.boxes, _FOLDER, ())
        output.files |= _new_sets(dataset.images, output.files)
    else:
        output = _kept_files(dataset, original)
    return output.write(folder, NAME)


def _new_files(
    dataset: Dataset, images: pd.DataFrame, boxes: pd.DataFrame, root: str, taken: Iterable[str]
) -> Output:
    """A file below `root` for each image whose labels are known, made from the columns."""
    known = with_known_labels(images)
    is_held = holds_box(boxes) & boxes["image_id"].isin(known["image_id"])
    written = boxes[is_held]
    rows = defaultdict(list)
    for image_id, row in zip(written["image_id"].tolist(), box_rows(written), strict=True):
        rows[image_id].append(row)
    names = names_below_source(known)
    below = [path.removeprefix(root) for path in taken if path.startswith(root)]
    output = Output(n_images=len(known), n_boxes=len(written))
    sizes = zip(*_declared(known), strict=True)
    paths = label_paths(names, ".xml", below)
    columns = zip(known["image_id"].tolist(), names, known["source"], sizes, paths, strict=True)
    for image_id, name, source, size_wh, path in columns:
        text = file_text(name, source, size_wh, rows[image_id])
        output.files[root + path] = text.encode()
    output.losses = _new_losses(dataset, (images, known), (boxes, written))
    return output


def _declared(images: pd.DataFrame) -> tuple[list[int | None], list[int | None]]:
    """Width and height in px of the frame that the boxes lie in."""
    is_stored = images["box_frame"] == "stored"
    sides = []
    for side in ("width", "height"):
        declared = images[f"declared_{side}"]
        values = images[side].where(~is_stored | declared.isna(), declared)
        sides.append([None if pd.isna(value) else int(value) for value in values])
    return sides[0], sides[1]


def _new_losses(
    dataset: Dataset,
    images: tuple[pd.DataFrame, pd.DataFrame],
    boxes: tuple[pd.DataFrame, pd.DataFrame],
) -> list[Loss]:
    """What files made from columns do not hold, of (all, written) images and boxes."""
    (all_images, known), (all_boxes, written) = images, boxes
    losses = state_losses(all_images, known)
    why = "VOC holds boxes with a class and four corners, in images with known labels"
    losses += shape_losses(all_boxes, written, why)
    part = dataset.with_tables(images=known, boxes=written)
    losses += column_losses(part, image_columns=_IMAGE_COLUMNS, box_columns=_BOX_COLUMNS, why=_WHY)
    return losses + _value_losses(part.boxes)


def _value_losses(boxes: pd.DataFrame) -> list[Loss]:
    """Values that are written as another value."""
    role, label, source_label = boxes["role"], boxes["label"], boxes["source_label"]
    is_difficult = boxes["difficult"].fillna(value=False).astype(bool)
    is_group = boxes["is_group"].fillna(value=False).astype(bool)
    shares = {
        name: int((boxes[name].notna() & ~boxes[name].isin([0.0, 1.0])).sum())
        for name in ("occluded", "truncated")
    }
    n_attributes = sum(
        not is_all or bool(held.keys() - {"pose"})
        for held, _, is_all in map(held_attributes, boxes["attributes"].dropna())
    )
    number_wanted = "unknown, written as 0: VOC's own tools want a number"
    n_altered = sum(map(is_altered, label.dropna()))
    n_other = int((source_label.notna() & (source_label != label).fillna(value=True)).sum())
    n_ignored = int(((role == "ignore") & ~is_difficult).sum())
    n_roles = int((~role.isin(["include", "ignore"])).sum())
    return [
        Loss("boxes.label", n_altered, "has white space around it or characters XML forbids"),
        Loss("boxes.source_label", n_other, "VOC has one name: the label is written"),
        Loss("boxes.role", n_ignored, "written as difficult"),
        Loss("boxes.role", n_roles, "exclude and review are written as plain objects"),
        Loss("boxes.is_group", int(is_group.sum()), "written as difficult"),
        Loss("boxes.occluded", shares["occluded"], "a grade above 0 is written as 1"),
        Loss("boxes.truncated", shares["truncated"], "a share above 0 is written as 1"),
        Loss("boxes.truncated", int(boxes["truncated"].isna().sum()), number_wanted),
        Loss("boxes.attributes", n_attributes, "only pose and actions are written"),
    ]


def _new_sets(images: pd.DataFrame, files: Iterable[str]) -> dict[str, bytes]:
    """`ImageSets/Main/<split>.txt` for the images that have a split and a file."""
    known = with_known_labels(images)
    paths = label_paths(names_below_source(known), ".xml")
    ids: dict[str, list[str]] = defaultdict(list)
    for split, path in zip(known["split"], paths, strict=True):
        if pd.notna(split):
            ids[f"ImageSets/Main/{safe_part(split.replace('/', '_'))}.txt"].append(path[:-4])
    return {file: "".join(f"{name}\n" for name in sorted(ids[file])).encode() for file in ids}


def _kept_files(dataset: Dataset, original: Dataset) -> Output:
    """The kept files with the changes spliced in, and new files for added images."""
    changes = changes_since(dataset, original)
    names = sorted(name for name, kind in dataset.formats.items() if kind == NAME)
    image_of = dict(zip(original.images["file"], original.images["image_id"], strict=True))
    kept = [name for name in names if image_of.get(name) not in changes.removed_images]
    todo, added_losses = _changes_by_file(dataset, original, changes)
    is_added = dataset.boxes["image_id"].isin(changes.added_images.get("image_id", []))
    root = f"{PurePosixPath(names[0]).parent}/".removeprefix("./") if names else _FOLDER
    output = _new_files(dataset, changes.added_images, dataset.boxes[is_added], root, names)
    lost: Counter[str] = Counter()
    for name in kept:
        body = dataset.sources.read(name)
        # A file without changes comes back from `splice` as it is.
        output.files[name] = splice(body, todo[name], lost)
    output.files |= _kept_sets(dataset, names, set(kept))
    output.n_images += len(kept)
    is_new = dataset.boxes["box_id"].isin(changes.added_boxes["box_id"])
    output.n_boxes += int((~is_new).sum()) + sum(len(todo[name].added) for name in kept)
    output.losses += added_losses
    output.losses += [
        Loss(f"boxes.{name}" if name != "boxes" else name, count, f"changed; {_WHY}")
        for name, count in sorted(lost.items())
    ]
    output.losses += image_losses(changes)
    output.losses.append(split_loss(dataset, original))
    return output


def _changes_by_file(
    dataset: Dataset, original: Dataset, changes: Changes
) -> tuple[dict[str, FileChanges], list[Loss]]:
    todo: dict[str, FileChanges] = defaultdict(FileChanges)
    old = original.boxes
    gone = old[old["box_id"].isin(list(changes.removed_boxes))]
    for file, start in zip(gone["file"], gone["start"], strict=True):
        todo[file].removed.add(start)
    before = old[old["box_id"].isin(list(changes.changed))].sort_values("box_id")
    after = dataset.boxes[dataset.boxes["box_id"].isin(list(changes.changed))]
    after = after.sort_values("box_id")
    columns = (before["box_id"], before["file"], before["start"], box_rows(after), box_rows(before))
    for box_id, file, start, new_row, old_row in zip(*columns, strict=True):
        todo[file].changed[start] = (changes.changed[box_id], new_row, old_row)
    file_of = dict(zip(original.images["image_id"], original.images["file"], strict=True))
    new = changes.added_boxes
    if len(new):
        new = new[new["image_id"].isin(original.images["image_id"])]
        written = new[holds_box(new)]
        for image_id, row in zip(written["image_id"], box_rows(written), strict=True):
            todo[file_of[image_id]].added.append(row)
        images = dataset.images.iloc[:0]
        return todo, _new_losses(dataset, (images, images), (new, written))
    return todo, []


def _kept_sets(dataset: Dataset, names: list[str], kept: set[str]) -> dict[str, bytes]:
    """The lists of `ImageSets/Main` without the lines of images that were removed."""
    bodies: dict[str, bytes] = {}
    for file in dataset.sources.names():
        root = set_root(file)
        if root is None:
            continue
        body = dataset.sources.read(file)
        try:
            lines = set_lines(body, rows_by_id(root, names), file)
        except TextError:
            lines = []
        for line in reversed(lines):
            if line.row is not None and names[line.row] not in kept:
                after = body.find(b"\n", line.end) + 1
                body = body[: line.start] + (body[after:] if after else b"")
        bodies[file] = body
    return bodies
