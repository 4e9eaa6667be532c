"""What the writers of formats with a label file per image share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.errors import OutputError, Place
from curate.formats.writing import Changes, Loss, LossReport

EDGES = ["x1", "y1", "x2", "y2"]


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
        for name, body in sorted(self.files.items()):
            path = confined(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        losses = tuple(loss for loss in self.losses if loss.count)
        return LossReport(target, len(self.files), self.n_images, self.n_boxes, losses)


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


def names_below_source(images: pd.DataFrame) -> list[str]:
    """The images' names below their sources."""
    return [
        key.removeprefix(f"{source}/")
        for key, source in zip(images["image_key"], images["source"], strict=True)
    ]


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
    dropped = boxes[~boxes.index.isin(written.index)]
    losses = [
        Loss(f"boxes ({shape})", int(count), why)
        for shape, count in sorted(dropped["shape"].value_counts().items())
    ]
    return losses + [
        Loss(f"{shape} outline", int((written["shape"] == shape).sum()), "written as its box")
        for shape in ("polygon", "mask", "rotated")
    ]


def image_losses(changes: Changes) -> list[Loss]:
    """Changes of images and classes that a file per image does not take back."""
    counts = Counter(name for names in changes.changed_images.values() for name in names)
    losses = [
        Loss(f"images.{name}", count, "changed; the label files keep their own")
        for name, count in sorted(counts.items())
        if name != "split"
    ]
    why = "changed in the list of classes; each object keeps its own name"
    return [*losses, Loss("classes.label", changes.renamed_classes, why)]


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
    return Loss("images.split", n_changed, "changed; the lists are kept as they were")
