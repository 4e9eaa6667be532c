"""COCO written: kept records byte for byte with changed values spliced in, or made from columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.coco.kept import write_kept
from curate.formats.coco.make import AS_ATTRIBUTES, annotation_of, image_of, number_of, result_of
from curate.formats.image_names import picture_names
from curate.formats.per_image import state_losses, with_known_labels
from curate.formats.writing import (
    Loss,
    LossReport,
    column_losses,
    name_losses,
    names_apart,
)

ANNOTATIONS_FILE = "instances.json"
RESULTS_FILE = "results.json"
_IMAGE_COLUMNS = {"width", "height", "licence", "source_id", "label_state"}
_BOX_COLUMNS = {
    "shape", "source_label", "label", "role", "x1", "y1", "x2", "y2", "score", "is_group",
    "declared_area", "attributes", "source_id",
}  # fmt: skip

Outlines = Mapping[int, Any]  # box_id to a COCO segmentation: polygon rings in px, or an RLE


def write(
    dataset: Dataset, folder: Path, original: Dataset | None, outlines: Outlines | None = None
) -> LossReport:
    """Writes COCO into an existing folder; see `write_kept` and `write_new`."""
    if original is not None:
        return write_kept(dataset, folder, original)
    return write_new(dataset, folder, outlines or {})


def write_new(dataset: Dataset, folder: Path, outlines: Outlines) -> LossReport:
    """COCO made from the columns: `instances.json`, and `results.json` for scored predictions.

    Annotation ids count from 1 (0 is COCOeval's "no match"); image and category ids are the
    source's own where it has whole numbers for all of them, else they count from 1. Objects with
    role ignore and groups become `iscrowd` 1. `area` is the stated one, else that of the polygon,
    else width times height.
    """
    known = with_known_labels(dataset.images)
    boxes, losses = _writable(dataset, known)
    losses += state_losses(dataset.images, known)
    losses += _bereft(dataset, known, boxes)
    predicted = (boxes["origin"] == "detector").to_numpy()
    image_ids = _whole_ids(dataset.images)
    ids = _class_ids(dataset)
    names, n_renamed = names_apart(picture_names(known), known["image_key"].tolist())
    losses += name_losses(n_renamed)
    images = [
        image_of(row, image_ids[row["image_id"]], name)
        for row, name in zip(known.to_dict("records"), names, strict=True)
    ]
    licences = sorted(set(dataset.images["licence"].dropna()))
    for image in images:
        if "license" in image:
            image["license"] = licences.index(image["license"]) + 1
    drawn = boxes[~predicted]
    numbers = _annotation_ids(dataset, drawn)
    annotations = [
        {"id": number} | annotation_of(row, ids, image_ids, outlines.get(row["box_id"]))
        for number, row in zip(numbers, drawn.to_dict("records"), strict=True)
    ]
    parents = dict(dataset.classes[["label", "supercategory"]].values)
    document = {
        "info": {"description": dataset.name},
        "licenses": [{"id": i, "name": name} for i, name in enumerate(licences, 1)],
        "images": images,
        "annotations": annotations,
        "categories": [_category(label, number, parents) for label, number in ids.items()],
    }
    (folder / ANNOTATIONS_FILE).write_bytes(_dump(document))
    n_files = 1
    if predicted.any():
        rows = boxes[predicted].to_dict("records")
        results = [result_of(row, ids, image_ids) for row in rows]
        (folder / RESULTS_FILE).write_bytes(_dump(results))
        n_files = 2
    why = "COCO has no key for it"
    kept = _BOX_COLUMNS | set(AS_ATTRIBUTES)
    losses += column_losses(dataset, image_columns=_IMAGE_COLUMNS, box_columns=kept, why=why)
    return LossReport("coco", n_files, len(images), len(boxes), tuple(losses))


def _bereft(dataset: Dataset, images: pd.DataFrame, written: pd.DataFrame) -> list[Loss]:
    """Images whose boxes are all left out: they stand there like images without objects."""
    had = images["image_id"].isin(dataset.boxes["image_id"])
    n = int((had & ~images["image_id"].isin(written["image_id"])).sum())
    why = "none of their boxes could be written: they look like images without objects"
    return [Loss("images left without their boxes", n, why)] if n else []


def _writable(dataset: Dataset, images: pd.DataFrame) -> tuple[pd.DataFrame, list[Loss]]:
    """The boxes that COCO can hold, on images whose labels are known, and the others counted."""
    boxes = dataset.boxes[dataset.boxes["image_id"].isin(images["image_id"]).to_numpy()]
    edges = boxes[["x1", "y1", "x2", "y2"]].to_numpy(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        # Of edges that no picture has (1e308) the sides may be infinite.
        sides = edges[:, 2:] - edges[:, :2]
    finite = np.isfinite(edges).all(axis=1) & np.isfinite(sides).all(axis=1)
    flat = boxes["shape"].isin(["line", "point", "tag"]).to_numpy()
    classless = boxes["label"].isna().to_numpy()
    rotated = (boxes["shape"] == "rotated").to_numpy()
    losses = []
    if len(boxes) < len(dataset.boxes):
        why = "their images are left out, since their labels are not known"
        losses.append(Loss("boxes", len(dataset.boxes) - len(boxes), why))
    losses += [
        Loss(f"boxes of shape {shape}", int(count), "COCO's annotations are boxes")
        for shape, count in boxes["shape"][flat].value_counts().sort_index().items()
    ]
    if (classless & ~flat).any():
        losses.append(
            Loss("boxes without a class", int((classless & ~flat).sum()), "COCO demands a category")
        )
    unplaced = ~finite & ~flat & ~classless
    if unplaced.any():
        losses.append(Loss("boxes without coordinates", int(unplaced.sum()), "nothing to write"))
    if rotated.any():
        losses.append(Loss("rotation", int(rotated.sum()), "written as the upright box"))
    return boxes[finite & ~flat & ~classless], losses


def _whole_ids(images: pd.DataFrame) -> dict[int, int | str]:
    ids = [number_of(value) for value in images["source_id"].where(images["source_id"].notna(), "")]
    if len(set(ids)) != len(ids) or not all(isinstance(value, int) for value in ids):
        ids = list(range(1, len(images) + 1))
    return dict(zip(images["image_id"].tolist(), ids, strict=True))


def _annotation_ids(dataset: Dataset, boxes: pd.DataFrame) -> list[int]:
    """COCO's own ids where the boxes come from COCO and have whole ones of their own, else 1..N."""
    kinds = boxes["file"].map(dict(dataset.formats))
    ids = [number_of(value) for value in boxes["source_id"].where(boxes["source_id"].notna(), "")]
    whole = [value for value in ids if isinstance(value, int)]
    if (kinds == "coco").all() and len(set(whole)) == len(ids):
        return whole
    return list(range(1, len(boxes) + 1))


def _class_ids(dataset: Dataset) -> dict[str, int | str]:
    classes = dataset.classes.drop_duplicates("label")
    labels = classes["label"].tolist()
    ids = [number_of(value) if isinstance(value, str) else "" for value in classes["source_id"]]
    own = dataset.format.startswith("coco")
    if not own or len(set(ids)) != len(ids) or not all(isinstance(v, int) for v in ids):
        ids = list(range(1, len(labels) + 1))
    found = dict(zip(labels, ids, strict=True))
    following = max((v for v in ids if isinstance(v, int)), default=0) + 1
    for label in sorted(set(dataset.boxes["label"].dropna()) - set(labels)):
        found[label] = following
        following += 1
    return found


def _category(label: str, number: int | str, parents: Mapping[str, Any]) -> dict[str, Any]:
    parent = parents.get(label)
    known = {"supercategory": parent} if isinstance(parent, str) else {}
    return {"id": number, "name": label} | known


def _dump(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        # A lone surrogate, which JSON holds as an escape only.
        return json.dumps(value, allow_nan=False).encode()
