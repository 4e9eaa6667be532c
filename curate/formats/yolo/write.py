"""Writing YOLO labels: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

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
from curate.formats.writing import (
    Loss,
    LossReport,
    Lost,
    column_losses,
    losses_of,
    origin_losses,
    rows_to_count,
)
from curate.formats.yolo.forms import Form, form_of
from curate.formats.yolo.kept import kept_format
from curate.formats.yolo.kinds import KINDS
from curate.formats.yolo.make import (
    LACK,
    Tails,
    class_names,
    edges_of,
    fractions_of,
    rows_text,
    tails_of,
)
from curate.formats.yolo.read import NAME
from curate.formats.yolo.setup import NO_SPLITS, label_name

YAML_FILE = "data.yaml"
# A loader has no word for ignored: an object that is left out is background to it.
IGNORED_AS = "nothing"
# What --kind may ask for.
WRITTEN_KINDS = KINDS
# Where images without a split are put: a loader asks for this one first.
NO_SPLIT = "train"
# Of a path below `labels/` or of a key of the yaml, these mean something else.
_TAKEN = NO_SPLITS | {"images", "labels", "classes", "backup", "eval"}
_ORDER = ("train", "val", "test")


def write(
    dataset: Dataset,
    folder: Path,
    original: Dataset | None,
    outlines: Mapping[int, Any] | None = None,  # COCO segmentations
    *,
    kind: str | None = None,
    keypoints: Mapping[int, Any] | None = None,  # numbers
) -> LossReport:
    """Writes `labels/<split>/*.txt` and `data.yaml` into an existing, empty folder.

    Parameters
    ----------
    original
        The dataset as read again from its kept sources: only what changed since then changes in
        its files. None: all files are made from the columns.
    outlines
        The outlines of polygons by box_id, px.
    kind
        One of `KINDS`, what all rows are made; None: polygons when all boxes have one, else boxes.
    keypoints
        For poses: x, y (px) and flag of each keypoint by box_id.

    Raises
    ------
    UsageError
        For poses when no box has keypoints.
    OutputError
        When a kept file's name leads out of the folder.
    OSError
        When a file cannot be written.
    """
    if original is not None:
        return write_files(kept_format(dataset, original), dataset, folder, original)
    made = _Made(dataset, (outlines or {}, keypoints or {}), kind)
    made.fill()
    return made.output.write(folder, NAME)


@dataclass
class _Made:
    """The files made from a dataset, and what they do not hold."""

    dataset: Dataset
    beside: tuple[Mapping[int, Any], Mapping[int, Any]]  # COCO segmentations, and keypoints
    kind: str | None = None
    output: Output = field(default_factory=Output)
    lost: Lost = field(default_factory=Counter)

    def fill(self) -> None:
        """Makes all files and counts all losses."""
        dataset, lost = self.dataset, self.lost
        known = with_known_labels(dataset.images)
        boxes = dataset.boxes
        placed, fractions, sizes = self._placed(boxes, known)
        images = known[~known["image_id"].isin(self._unplaced(boxes, known))]
        lost["images", "of unknown size, with boxes: no file"] += len(known) - len(images)
        here = placed["image_id"].isin(images["image_id"]).to_numpy(bool)
        placed, fractions, sizes = placed[here], fractions[here], sizes[here]
        form = form_of(self.kind, placed, fractions, sizes, self.beside)
        self._write_rows(images, placed, form)
        self.output.n_images, self.output.n_boxes = len(images), len(placed)
        self.output.losses += state_losses(dataset.images, known)
        why = "YOLO holds boxes with a class and four corners, in images of known labels and size"
        losses = shape_losses(boxes, placed, why)
        self.output.losses += [loss for loss in losses if not loss.field.endswith(" outline")]
        self.output.losses += form.losses
        told = rows_to_count(dataset, images=images, boxes=placed)
        self.output.losses += _columns_lost(told, has_angle=form.kind == "obb")
        self.output.losses += losses_of(lost)

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

    def _write_rows(self, images: pd.DataFrame, boxes: pd.DataFrame, form: Form) -> None:
        """Writes the label files and the yaml."""
        names = class_names(self.dataset)
        numbers = {name: number for number, name in enumerate(names)}
        tails = tails_of(boxes)
        texts = rows_text(boxes, form.values, numbers, tails)
        rows: dict[int, list[str]] = defaultdict(list)
        for image_id, text in zip(boxes["image_id"].tolist(), texts, strict=True):
            rows[image_id].append(text)
        splits = self._write_labels(list(line_images(images)), rows)
        task = form.kind or ("detect" if tails.has_score else None)
        self.output.files[YAML_FILE] = yaml_bytes(splits, names, task, form.keypoint_shape)
        self._tell_values(boxes, numbers, tails)

    def _write_labels(
        self, images: list[LineImage], rows: Mapping[int, list[str]]
    ) -> dict[str, str]:
        """Writes a file per image; returns the folder of each split."""
        folders: dict[str, str] = {}
        for image in images:
            folder = split_folder(image.split)
            folders[folder] = f"images/{folder}"
            why = "not stated, written as train" if image.split is None else "not as it is called"
            self.lost["images.split", why] += folder != image.split
        stems = _stems(with_known_labels(self.dataset.images))
        for image in images:
            path = f"labels/{stems[image.image_id]}.txt"
            texts = rows.get(image.image_id, [])
            self.output.files[path] = "".join(f"{text}\n" for text in texts).encode()
            if image.label_state != ("present" if texts else "empty"):
                self.lost["images.label_state", LABEL_STATE_WHY] += 1
            ending = PurePosixPath(image.name).suffix
            why = "YOLO keeps stems only"
            self.lost["images (ending of the name)", why] += ending != ""
            why = "a label file's path says the name, below the folder of its split"
            is_same = label_name(path) == image.name.removesuffix(ending)
            self.lost["images (folder of the name)", why] += not is_same
        return folders

    def _tell_values(self, boxes: pd.DataFrame, numbers: Mapping[str, int], tails: Tails) -> None:
        """Counts the values of written boxes that their rows hold otherwise, or not at all."""
        lost = self.lost
        written = boxes["label"].map(numbers).astype(str).to_numpy(object)
        stated = boxes["source_label"]
        differs = stated.notna() & (stated != boxes["label"])
        differs &= stated.astype(object) != written
        lost["boxes.source_label", "YOLO numbers the classes from 0"] += int(differs.sum())
        is_told = pd.Series(tails.has_score, index=boxes.index)
        self.output.losses += origin_losses(boxes, is_told)
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


def picture_paths(dataset: Dataset, original: Dataset | None) -> dict[int, str]:
    """Where a loader looks for the picture of each image with a label file, by image_id.

    It takes the label file's path for the picture's, with `labels` for its last `images`.
    """
    known = with_known_labels(dataset.images)
    if original is None:
        homes = {image_id: f"images/{stem}" for image_id, stem in _stems(known).items()}
    else:
        pairs = zip(known["image_id"].tolist(), known["file"], strict=True)
        homes = {image_id: _beside(file) for image_id, file in pairs if pd.notna(file)}
    paths = zip(known["image_id"].tolist(), known["path"], strict=True)
    return {
        image_id: homes[image_id] + ("" if pd.isna(path) else PurePosixPath(path).suffix)
        for image_id, path in paths
        if image_id in homes
    }


def _stems(known: pd.DataFrame) -> dict[int, str]:
    """By image_id the path below `labels` and below `images`, without ending."""
    stated = {}
    for image in line_images(known):
        folder = split_folder(image.split)
        is_below = image.name.startswith(f"{folder}/")
        stated[image.image_id] = image.name if is_below else f"{folder}/{image.name}"
    paths = label_paths(stated.values(), ".txt")
    return {
        image_id: path.removesuffix(".txt") for image_id, path in zip(stated, paths, strict=True)
    }


def _beside(file: str) -> str:
    """The path of a label file's picture, without ending."""
    *parts, name = file.split("/")
    if "labels" in parts:
        parts[len(parts) - 1 - parts[::-1].index("labels")] = "images"
    return "/".join([*parts, PurePosixPath(name).stem])


def split_folder(split: str | None) -> str:
    """The folder of a split, as every file system takes it and as no other word of the yaml."""
    name = NO_SPLIT if split is None else safe_part(split)
    return f"{name}_" if name.lower() in _TAKEN else name


def yaml_bytes(
    splits: Mapping[str, str],
    names: list[str],
    task: str | None,
    keypoint_shape: tuple[int, int] | None = None,
) -> bytes:
    """A data.yaml; without `path`, so that the folders are looked for beside it."""
    import yaml

    keys = sorted(splits, key=lambda key: (_ORDER.index(key) if key in _ORDER else 3, key))
    values: dict[str, Any] = {key: splits[key] for key in keys}  # texts and the names
    if task is not None:
        values["task"] = task
    if keypoint_shape is not None:
        values["kpt_shape"] = list(keypoint_shape)
    values["nc"] = len(names)
    values["names"] = dict(enumerate(names))
    # Line breaks of Unicode as they are would be read as white space: they need escapes.
    is_plain = all(map(str.isprintable, [*names, *splits]))
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=is_plain, width=10**6)
    return text.encode("utf-8", "backslashreplace")


def _columns_lost(dataset: Dataset, *, has_angle: bool) -> list[Loss]:
    # Scores, origins, tracks and class numbers are counted one by one.
    box_columns = {
        "label", "source_label", "shape", "x1", "y1", "x2", "y2", "score", "track_id",
        "origin",
        *(["angle_deg"] if has_angle else []),
    }  # fmt: skip
    image_columns = {"split", "label_state"}
    return column_losses(dataset, image_columns=image_columns, box_columns=box_columns, why=LACK)
