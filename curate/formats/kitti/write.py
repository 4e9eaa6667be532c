"""Writing KITTI object labels: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.kitti.make import (
    DONT_CARE,
    box_rows,
    edge_text,
    held_attributes,
    is_grade,
    label_stems,
    line_text,
    safe_name,
    type_text,
)
from curate.formats.kitti.read import NAME, listed_stems
from curate.formats.kitti.splice import FileChanges, splice
from curate.formats.per_image import (
    EDGES,
    Output,
    holds_box,
    image_losses,
    names_below_source,
    shape_losses,
    split_loss,
    state_losses,
    with_known_labels,
)
from curate.formats.reading import text_lines
from curate.formats.writing import Changes, Loss, LossReport, changes_since, column_losses

_FOLDER = "label_2/"
_WHY = "KITTI has no column for it"
_IMAGE_COLUMNS = {"split", "label_state"}
_BOX_COLUMNS = {
    "label", "source_label", *EDGES, "shape", "role", "score", "occluded", "truncated",
    "attributes",
}  # fmt: skip


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `label_2/*.txt` and `ImageSets/*.txt` into an existing, empty folder.

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
        output.files |= _new_sets(dataset.images)
    else:
        output = _kept_files(dataset, original)
    return output.write(folder, NAME)


def _new_files(
    dataset: Dataset, images: pd.DataFrame, boxes: pd.DataFrame, root: str, taken: Iterable[str]
) -> Output:
    """A file below `root` for each image whose labels are known, made from the columns."""
    known = with_known_labels(images)
    written = boxes[holds_box(boxes) & boxes["image_id"].isin(known["image_id"])]
    rows = defaultdict(list)
    for image_id, row in zip(written["image_id"].tolist(), box_rows(written), strict=True):
        rows[image_id].append(row)
    stems = label_stems(names_below_source(known), [PurePosixPath(file).stem for file in taken])
    output = Output(n_images=len(known), n_boxes=len(written))
    n_unscored = 0
    for image_id, stem in zip(known["image_id"].tolist(), stems, strict=True):
        here = rows[image_id]
        has_score = any(row.score is not None for row in here)
        n_unscored += sum(row.score is None for row in here) if has_score else 0
        text = "".join(line_text(row, has_score=has_score) + "\n" for row in here)
        output.files[f"{root}{stem}.txt"] = text.encode()
    output.losses = _new_losses(dataset, (images, known), (boxes, written))
    why = "unknown beside boxes with a score, written as -1"
    output.losses.append(Loss("boxes.score", n_unscored, why))
    return output


def _new_losses(
    dataset: Dataset,
    images: tuple[pd.DataFrame, pd.DataFrame],
    boxes: tuple[pd.DataFrame, pd.DataFrame],
) -> list[Loss]:
    """What files made from columns do not hold, of (all, written) images and boxes."""
    (all_images, known), (all_boxes, written) = images, boxes
    losses = state_losses(all_images, known)
    paths = list(map(PurePosixPath, names_below_source(known)))
    n_folders = sum(len(path.parts) > 1 for path in paths)
    n_endings = sum(path.suffix != "" for path in paths)
    losses.append(Loss("images (folder of the name)", n_folders, "KITTI keeps stems only"))
    losses.append(Loss("images (ending of the name)", n_endings, "KITTI keeps stems only"))
    why = "KITTI holds boxes with a class and four corners, in images with known labels"
    losses += shape_losses(all_boxes, written, why)
    part = dataset.with_tables(images=known, boxes=written)
    losses += column_losses(part, image_columns=_IMAGE_COLUMNS, box_columns=_BOX_COLUMNS, why=_WHY)
    return losses + _value_losses(part.boxes)


def _value_losses(boxes: pd.DataFrame) -> list[Loss]:
    """Values that are written as another value."""
    role, label, source_label = boxes["role"], boxes["label"], boxes["source_label"]
    is_ignored = (role == "ignore") & (label != DONT_CARE)
    n_typed = sum(type_text(text) != text for text in label[~is_ignored])
    n_other = int((source_label.notna() & (source_label != label).fillna(value=True)).sum())
    is_graded = boxes["occluded"].map(lambda grade: pd.isna(grade) or is_grade(grade))
    attributes = boxes.loc[~is_ignored, "attributes"].dropna()
    n_attributes = sum(not is_all for _, is_all in map(held_attributes, attributes))
    edges = boxes[EDGES].to_numpy(np.float64)
    is_rounded = np.array(
        [any(float(edge_text(edge)) != edge for edge in row) for row in edges.tolist()], bool
    )
    ignored = boxes[is_ignored]
    n_unsaid = int(ignored[["occluded", "truncated", "attributes"]].notna().any(axis=1).sum())
    return [
        Loss("boxes.label", int(is_ignored.sum()), "ignored, so written as DontCare"),
        Loss("boxes.label", n_typed, "white space is written as _"),
        Loss("boxes.source_label", n_other, "KITTI has one type: the label is written"),
        Loss("boxes.role", int((~role.isin(["include", "ignore"])).sum()), _WHY),
        Loss("boxes.occluded", int((~is_graded.astype(bool)).sum()), "no grade of 0 to 3"),
        Loss("boxes.attributes", n_attributes, "only the 3D columns are written"),
        Loss("boxes (further columns)", n_unsaid, "DontCare has nothing but its box"),
        Loss("boxes.x1 y1 x2 y2", int(is_rounded.sum()), "rounded to 0.01 px"),
    ]


def _new_sets(images: pd.DataFrame) -> dict[str, bytes]:
    """`ImageSets/<split>.txt` for the images that have a split and a file."""
    known = with_known_labels(images)
    ids: dict[str, list[str]] = defaultdict(list)
    for split, stem in zip(known["split"], label_stems(names_below_source(known)), strict=True):
        if pd.notna(split):
            ids[f"ImageSets/{safe_name(split)}.txt"].append(stem)
    return {file: "".join(f"{stem}\n" for stem in sorted(ids[file])).encode() for file in ids}


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
    output.files |= _kept_sets(dataset, names, kept)
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
    for file, start, end in zip(gone["file"], gone["start"], gone["end"], strict=True):
        todo[file].removed.add((start, end))
    before = old[old["box_id"].isin(list(changes.changed))].sort_values("box_id")
    after = dataset.boxes[dataset.boxes["box_id"].isin(list(changes.changed))]
    after = after.sort_values("box_id")
    places = zip(before["box_id"], before["file"], before["start"], before["end"], strict=True)
    rows = zip(box_rows(after), box_rows(before), strict=True)
    for (box_id, file, start, end), (new_row, old_row) in zip(places, rows, strict=True):
        todo[file].changed[start, end] = (changes.changed[box_id], new_row, old_row)
    file_of = dict(zip(original.images["image_id"], original.images["file"], strict=True))
    new = changes.added_boxes
    if not len(new):
        return todo, []
    new = new[new["image_id"].isin(original.images["image_id"])]
    written = new[holds_box(new)]
    for image_id, row in zip(written["image_id"], box_rows(written), strict=True):
        todo[file_of[image_id]].added.append(row)
    images = dataset.images.iloc[:0]
    return todo, _new_losses(dataset, (images, images), (new, written))


def _kept_sets(dataset: Dataset, names: list[str], kept: list[str]) -> dict[str, bytes]:
    """The kept lists of stems without the lines of images that were removed."""
    stems = {PurePosixPath(name).stem for name in names}
    kept_stems = {PurePosixPath(name).stem for name in kept}
    bodies: dict[str, bytes] = {}
    for file in dataset.sources.names():
        body = dataset.sources.read(file)
        if file in dataset.formats or not stems >= set(listed_stems(body)):
            continue
        for _, start, end, raw in reversed(text_lines(body)):
            stem = raw.decode("utf-8", "replace").strip()
            if stem and stem not in kept_stems:
                after = body.find(b"\n", end) + 1
                body = body[:start] + (body[after:] if after else b"")
        bodies[file] = body
    return bodies
