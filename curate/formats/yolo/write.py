"""Writing YOLO labels: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.image_names import label_paths, safe_part
from curate.formats.line_files import LineImage, line_images
from curate.formats.per_image import (
    LABEL_STATE_WHY,
    Output,
    holds_box,
    shape_losses,
    state_losses,
    with_known_labels,
    write_files,
)
from curate.formats.writing import Loss, LossReport, Lost, column_losses, losses_of, rows_to_count
from curate.formats.yolo.kept import kept_format
from curate.formats.yolo.make import (
    DECIMALS,
    LACK,
    Tails,
    class_names,
    edges_of,
    fractions_of,
    one_ring,
    polygons_text,
    rows_text,
    tails_of,
)
from curate.formats.yolo.read import NAME
from curate.formats.yolo.setup import NO_SPLITS, label_name

YAML_FILE = "data.yaml"
IGNORED_FILE = "ignored.tsv"
# Where images without a split are put: a loader asks for this one first.
NO_SPLIT = "train"
# Of a path below `labels/` or of a key of the yaml, these mean something else.
_TAKEN = NO_SPLITS | {"images", "labels", "classes", "backup", "eval"}
_ORDER = ("train", "val", "test")
# What arithmetic of float64 alone moves.
_SAME_PX = 1e-9
_BOUNDS = (np.min, np.max)

Ignored = Literal["keep-out", "list"]


def write(
    dataset: Dataset,
    folder: Path,
    original: Dataset | None,
    outlines: Mapping[int, Any] | None = None,  # COCO segmentations
    *,
    ignored: Ignored = "keep-out",
) -> LossReport:
    """Writes `labels/<split>/*.txt` and `data.yaml` into an existing, empty folder.

    Parameters
    ----------
    original
        The dataset as read again from its kept sources: only what changed since then changes in
        its files. None: all files are made from the columns.
    outlines
        The outlines of polygons by box_id, px.
    ignored
        What is done with ignored objects and groups, which a loader would take for background:
        they are left out and counted, and with `list` also listed in `ignored.tsv`.

    Raises
    ------
    OutputError
        When a kept file's name leads out of the folder.
    OSError
        When a file cannot be written.
    """
    if original is not None:
        return write_files(kept_format(dataset, original), dataset, folder, original)
    made = _Made(dataset, outlines or {})
    made.fill(lists_ignored=ignored == "list")
    return made.output.write(folder, NAME)


@dataclass
class _Made:
    """The files made from a dataset, and what they do not hold."""

    dataset: Dataset
    outlines: Mapping[int, Any]  # COCO segmentations
    output: Output = field(default_factory=Output)
    lost: Lost = field(default_factory=Counter)

    def fill(self, *, lists_ignored: bool) -> None:
        """Makes all files and counts all losses."""
        dataset, lost = self.dataset, self.lost
        known = with_known_labels(dataset.images)
        boxes = dataset.boxes
        is_left_out = is_ignored(boxes) & boxes["image_id"].isin(known["image_id"])
        self._leave_out(boxes[is_left_out], lists_ignored=lists_ignored)
        boxes = boxes[~is_left_out]
        placed, fractions, sizes = self._placed(boxes, known)
        images = known[~known["image_id"].isin(self._unplaced(boxes, known))]
        lost["images", "of unknown size, with boxes: no file"] += len(known) - len(images)
        here = placed["image_id"].isin(images["image_id"]).to_numpy(bool)
        placed, fractions, sizes = placed[here], fractions[here], sizes[here]
        is_segments = self._write_rows(images, placed, fractions, sizes)
        self.output.n_images, self.output.n_boxes = len(images), len(placed)
        self.output.losses += state_losses(dataset.images, known)
        why = "YOLO holds boxes with a class and four corners, in images of known labels and size"
        losses = shape_losses(boxes, placed, why)
        held = {"polygon outline"} if is_segments else set()
        self.output.losses += [loss for loss in losses if loss.field not in held]
        self.output.losses += _columns_lost(rows_to_count(dataset, images=images, boxes=placed))
        self.output.losses += losses_of(lost)

    def _leave_out(self, boxes: pd.DataFrame, *, lists_ignored: bool) -> None:
        why = "left out: a loader has no word for ignored, so that they would become hard negatives"
        self.lost["boxes (ignored)", why] += len(boxes)
        if not lists_ignored:
            return
        keys = dict(
            zip(self.dataset.images["image_id"], self.dataset.images["image_key"], strict=True)
        )
        rows = ["image\tclass\tx1\ty1\tx2\ty2"]
        for image_id, label, *edges in boxes[
            ["image_id", "label", "x1", "y1", "x2", "y2"]
        ].itertuples(index=False):
            words = [keys[image_id], "" if pd.isna(label) else label]
            texts = [" ".join(str(word).split()) for word in words]
            rows.append("\t".join([*texts, *(repr(float(edge)) for edge in edges)]))
        text = "".join(f"{row}\n" for row in rows)
        self.output.files[IGNORED_FILE] = text.encode("utf-8", "backslashreplace")

    def _placed(
        self, boxes: pd.DataFrame, known: pd.DataFrame
    ) -> tuple[pd.DataFrame, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The boxes that can be written, their fractions and the sizes of their images, px."""
        held = boxes.loc[holds_box(boxes) & boxes["image_id"].isin(known["image_id"])]
        size_of = {image.image_id: (image.width, image.height) for image in line_images(known)}
        sides = [size_of[image_id] for image_id in held["image_id"]]
        sizes = np.array([[np.nan if n is None else n for n in wh] for wh in sides], np.float64)
        sizes = sizes.reshape(-1, 2)
        sizes[sizes <= 0] = np.nan
        fractions = fractions_of(edges_of(held), sizes)
        good = np.flatnonzero(np.isfinite(fractions).all(axis=1))
        return held.iloc[good], fractions[good], sizes[good]

    def _unplaced(self, boxes: pd.DataFrame, known: pd.DataFrame) -> set[int]:
        """The images with boxes whose size is not known: an empty file would deny the boxes."""
        unsized = {
            image.image_id for image in line_images(known) if not image.width or not image.height
        }
        return unsized & set(boxes["image_id"])

    def _write_rows(
        self,
        images: pd.DataFrame,
        boxes: pd.DataFrame,
        fractions: np.ndarray[Any, Any],
        sizes: np.ndarray[Any, Any],
    ) -> bool:
        """Writes the label files and the yaml; whether the rows are polygons."""
        names = class_names(self.dataset)
        numbers = {name: number for number, name in enumerate(names)}
        tails = tails_of(boxes)
        rings = self._rings(boxes)
        if rings is None:
            texts = rows_text(boxes, fractions, numbers, tails)
        else:
            of_images = [(ring, *wh) for ring, wh in zip(rings, sizes.tolist(), strict=True)]
            texts = polygons_text(boxes, of_images, numbers, tails)
            self._tell_bounds(boxes, rings, sizes)
        self._tell_rounding(fractions, rings, sizes)
        rows: dict[int, list[str]] = defaultdict(list)
        for image_id, text in zip(boxes["image_id"].tolist(), texts, strict=True):
            rows[image_id].append(text)
        splits = self._write_labels(list(line_images(images)), rows)
        task = "segment" if rings is not None else "detect" if tails.has_score else None
        self.output.files[YAML_FILE] = yaml_bytes(splits, names, task)
        self._tell_values(boxes, numbers, tails)
        return rings is not None

    def _rings(self, boxes: pd.DataFrame) -> list[Any] | None:  # rings of numbers
        """The ring of each box when all are polygons with one."""
        if not len(boxes) or (boxes["shape"] != "polygon").any():
            return None
        found = [self.outlines.get(box_id) for box_id in boxes["box_id"].tolist()]
        rings = [one_ring(outline) for outline in found]
        if any(ring is None for ring in rings):
            return None
        n_joined = sum(len(outline or ()) > 1 for outline in found)
        self.lost["polygon outline", "of several rings: they are joined to one"] += n_joined
        return rings

    def _tell_bounds(
        self, boxes: pd.DataFrame, rings: list[Any], sizes: np.ndarray[Any, Any]
    ) -> None:
        points = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in rings]
        bounds = np.array([[*p.min(axis=0), *p.max(axis=0)] for p in points])
        # What rounding moves is no difference.
        off = np.abs(bounds - edges_of(boxes)) > 1e-6 * np.tile(sizes, 2)
        why = "a polygon has no box of its own: it is read as the bounds of its points"
        self.lost["boxes.x1 y1 x2 y2", why] += int(off.any(axis=1).sum())

    def _tell_rounding(
        self,
        fractions: np.ndarray[Any, Any],
        rings: list[Any] | None,  # rings of numbers
        sizes: np.ndarray[Any, Any],
    ) -> None:
        """Counts the boxes, or the outlines, that six decimals of a fraction do not hold."""
        why = "rounded to a millionth of the image's sides"
        if rings is None:
            moved = _edges(np.round(fractions, DECIMALS)) - _edges(fractions)
            moved_px = np.abs(moved) * np.tile(sizes, 2)
            self.lost["boxes.x1 y1 x2 y2", why] += int((moved_px > _SAME_PX).any(axis=1).sum())
            return
        for ring, size_wh in zip(rings, sizes, strict=True):
            points = np.asarray(ring, np.float64).reshape(-1, 2) / size_wh
            moved = np.round(points, DECIMALS) - points
            bounds = [point(moved + points, axis=0) - point(points, axis=0) for point in _BOUNDS]
            for name, by in (("polygon outline", moved), ("boxes.x1 y1 x2 y2", bounds)):
                self.lost[name, why] += bool((np.abs(by) * size_wh > _SAME_PX).any())

    def _write_labels(
        self, images: list[LineImage], rows: Mapping[int, list[str]]
    ) -> dict[str, str]:
        """Writes a file per image; returns the folder of each split."""
        folders: dict[str, str] = {}
        stated = []
        for image in images:
            folder = split_folder(image.split)
            folders[folder] = f"images/{folder}"
            is_below = image.name.startswith(f"{folder}/")
            stated.append(image.name if is_below else f"{folder}/{image.name}")
            why = "unknown, written as train" if image.split is None else "not as it is called"
            self.lost["images.split", why] += folder != image.split
        for image, path in zip(images, label_paths(stated, ".txt"), strict=True):
            texts = rows.get(image.image_id, [])
            self.output.files[f"labels/{path}"] = "".join(f"{text}\n" for text in texts).encode()
            if image.label_state != ("present" if texts else "empty"):
                self.lost["images.label_state", LABEL_STATE_WHY] += 1
            ending = PurePosixPath(image.name).suffix
            why = "YOLO keeps stems only"
            self.lost["images (ending of the name)", why] += ending != ""
            why = "a label file's path says the name, below the folder of its split"
            is_same = label_name(f"labels/{path}") == image.name.removesuffix(ending)
            self.lost["images (folder of the name)", why] += not is_same
        return folders

    def _tell_values(self, boxes: pd.DataFrame, numbers: Mapping[str, int], tails: Tails) -> None:
        """Counts the values of written boxes that their rows hold otherwise, or not at all."""
        lost = self.lost
        written = boxes["label"].map(numbers).astype(str).to_numpy(object)
        stated = boxes["source_label"]
        differs = stated.notna() & (stated.astype(object) != written)
        lost["boxes.source_label", "YOLO numbers the classes from 0"] += int(differs.sum())
        if not tails.has_score:
            why = "a score is written when all boxes are predictions with one of 0 to 1"
            lost["boxes.score", why] += int(boxes["score"].notna().sum())
        if not tails.has_track:
            why = "a track is written when all boxes are predictions with a number, one above 1"
            lost["boxes.track_id", why] += int(boxes["track_id"].notna().sum())
        classes = self.dataset.classes
        renumbered = classes["source_id"].notna() & (
            classes["source_id"] != classes["label"].map(numbers).astype(str)
        )
        lost["classes.source_id", "YOLO numbers the classes from 0"] += int(renumbered.sum())
        why = "YOLO has a flat list"
        lost["classes.supercategory", why] += int(classes["supercategory"].notna().sum())


def _edges(fractions: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(N, 4) x1, y1, x2, y2 of (N, 4) cx, cy, w, h."""
    centre, half = fractions[:, :2], fractions[:, 2:] / 2
    return np.hstack([centre - half, centre + half])


def is_ignored(boxes: pd.DataFrame) -> pd.Series[bool]:
    """Whether each box is of what an evaluation ignores: its role, or a group as one."""
    is_group = boxes["is_group"].fillna(value=False).astype(bool)
    return (boxes["role"] == "ignore") | is_group


def split_folder(split: str | None) -> str:
    """The folder of a split, as every file system takes it and as no other word of the yaml."""
    name = NO_SPLIT if split is None else safe_part(split)
    return f"{name}_" if name.lower() in _TAKEN else name


def yaml_bytes(splits: Mapping[str, str], names: list[str], task: str | None) -> bytes:
    """A data.yaml; without `path`, so that the folders are looked for beside it."""
    import yaml

    keys = sorted(splits, key=lambda key: (_ORDER.index(key) if key in _ORDER else 3, key))
    values: dict[str, Any] = {key: splits[key] for key in keys}  # texts and the names
    if task is not None:
        values["task"] = task
    values["nc"] = len(names)
    values["names"] = dict(enumerate(names))
    # Line breaks of Unicode as they are would be read as white space: they need escapes.
    is_plain = all(map(str.isprintable, [*names, *splits]))
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=is_plain, width=10**6)
    return text.encode("utf-8", "backslashreplace")


def _columns_lost(dataset: Dataset) -> list[Loss]:
    # Scores, tracks and class numbers are counted one by one.
    box_columns = {
        "label", "source_label", "shape", "x1", "y1", "x2", "y2", "score", "track_id",
    }  # fmt: skip
    image_columns = {"split", "label_state"}
    return column_losses(dataset, image_columns=image_columns, box_columns=box_columns, why=LACK)
