"""COCO written: kept records byte for byte with changed values spliced in, or made from columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.coco.kept import write_kept
from curate.formats.coco.make import (
    AS_ATTRIBUTES,
    annotation_of,
    crowd_losses,
    image_of,
    number_of,
    result_of,
)
from curate.formats.image_names import picture_names
from curate.formats.per_image import box_rows, state_losses, with_known_labels
from curate.formats.writing import (
    Loss,
    LossReport,
    Lost,
    column_losses,
    losses_of,
    name_losses,
    names_apart,
    origin_losses,
    rows_to_count,
)
from curate.tables import IMAGE_COLUMNS

_NO_KEY = "COCO has no key for it"
_ONE_NAME = "COCO has the name of the category: the label is written"
_NO_OUTLINE = "written as its box"
_NUMBERED = "another id: COCO's ids are whole numbers of their own"
ANNOTATIONS_FILE = "instances.json"
RESULTS_FILE = "results.json"
_IMAGE_COLUMNS = {"width", "height", "licence", "source_id", "label_state"}
_BOX_COLUMNS = {
    "shape", "source_label", "label", "role", "x1", "y1", "x2", "y2", "score", "is_group",
    "declared_area", "attributes", "source_id", "origin",
}  # fmt: skip

_RESULT_COLUMNS = {"label", "source_label", "x1", "y1", "x2", "y2", "score", "origin"}

_Ids = Mapping[int, int | str]  # image_id to COCO's id
_ClassIds = Mapping[str, int | str]
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
    predicted = (boxes["origin"] == "detector").to_numpy()
    image_ids, ids = _whole_ids(dataset.images), _class_ids(dataset)
    names, n_renamed = names_apart(picture_names(known), known["image_key"].tolist())
    losses += name_losses(n_renamed)
    drawn = boxes[~predicted]
    losses += _state_losses(known, drawn)
    numbers = _annotation_ids(dataset, drawn)
    annotations = [
        {"id": number} | annotation_of(row, ids, image_ids, outlines.get(row["box_id"]))
        for number, row in zip(numbers, drawn.to_dict("records"), strict=True)
    ]
    document = _document(dataset, known, (names, image_ids, ids)) | {"annotations": annotations}
    (folder / ANNOTATIONS_FILE).write_bytes(_dump(document))
    n_files = 1
    if predicted.any():
        rows = boxes[predicted].to_dict("records")
        results = [result_of(row, ids, image_ids) for row in rows]
        (folder / RESULTS_FILE).write_bytes(_dump(results))
        n_files = 2
    lost = _annotation_losses(drawn, numbers, outlines)
    stated = boxes.loc[predicted, "source_label"]
    other = stated.notna() & (stated != boxes.loc[predicted, "label"])
    lost["boxes.source_label", _ONE_NAME] += int(other.sum())
    lost["images.source_id", _NUMBERED] += _renumbered(known, image_ids)
    losses += losses_of(lost) + origin_losses(boxes, boxes["score"].notna() | predicted)
    losses += _column_losses(dataset, known, drawn, boxes[predicted])
    return LossReport("coco", n_files, len(known), len(boxes), tuple(losses))


def _document(
    dataset: Dataset,
    known: pd.DataFrame,
    named: tuple[Sequence[str], _Ids, _ClassIds],
) -> dict[str, Any]:  # JSON
    """An annotation file without its annotations: `named` are image names, image and class ids."""
    names, image_ids, ids = named
    images = [
        image_of(row, image_ids[row["image_id"]], name)
        for row, name in zip(known.to_dict("records"), names, strict=True)
    ]
    licences = sorted(set(dataset.images["licence"].dropna()))
    for image in images:
        if "license" in image:
            image["license"] = licences.index(image["license"]) + 1
    parents = dict(dataset.classes[["label", "supercategory"]].values)
    return {
        "info": {"description": dataset.name},
        "licenses": [{"id": i, "name": name} for i, name in enumerate(licences, 1)],
        "images": images,
        "annotations": [],
        "categories": [_category(label, number, parents) for label, number in ids.items()],
    }


def _column_losses(
    dataset: Dataset, known: pd.DataFrame, drawn: pd.DataFrame, predicted: pd.DataFrame
) -> list[Loss]:
    """The columns that no key holds, of images, and of boxes by the record that they become."""
    kept = _BOX_COLUMNS | set(AS_ATTRIBUTES)
    part = rows_to_count(dataset, images=known, boxes=drawn)
    losses = column_losses(part, image_columns=_IMAGE_COLUMNS, box_columns=kept, why=_NO_KEY)
    part = rows_to_count(dataset, images=known, boxes=predicted)
    why = "a result has image, category, bbox and score alone"
    return losses + column_losses(
        part, image_columns=set(IMAGE_COLUMNS), box_columns=_RESULT_COLUMNS, why=why
    )


def _renumbered(images: pd.DataFrame, image_ids: _Ids) -> int:
    """How many images have another id than their source's own."""
    own = zip(images["image_id"], images["source_id"], strict=True)
    return sum(isinstance(text, str) and text != str(image_ids[key]) for key, text in own)


def _state_losses(images: pd.DataFrame, written: pd.DataFrame) -> list[Loss]:
    """Images that are read as others than they are, by whether they have an annotation."""
    is_present = images["label_state"] == "present"
    n = int((is_present != images["image_id"].isin(written["image_id"])).sum())
    why = "annotations tell it: present with some, empty with none"
    return [Loss("images.label_state", n, why)] if n else []


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
    losses = []
    if len(boxes) < len(dataset.boxes):
        why = "their images are left out, since their labels are not known"
        losses.append(Loss("boxes", len(dataset.boxes) - len(boxes), why))
    losses += [
        Loss(f"boxes ({shape})", int(count), "COCO's annotations are boxes")
        for shape, count in boxes["shape"][flat].value_counts().sort_index().items()
    ]
    if (classless & ~flat).any():
        n = int((classless & ~flat).sum())
        losses.append(Loss("boxes (without a class)", n, "COCO demands a category"))
    unplaced = ~finite & ~flat & ~classless
    if unplaced.any():
        losses.append(Loss("boxes (without coordinates)", int(unplaced.sum()), "nothing to write"))
    return boxes[finite & ~flat & ~classless], losses


def _annotation_losses(drawn: pd.DataFrame, numbers: Sequence[int], outlines: Outlines) -> Lost:
    """What the annotations of these boxes hold as another value; `numbers` are their new ids."""
    lost: Lost = Counter()
    # Row by row, as the annotations themselves are made.
    for row, number in zip(box_rows(drawn), numbers, strict=True):
        shape = _shape_of(outlines.get(row.box_id))
        why = _NO_OUTLINE if shape == "box" else f"written as a {shape}"
        lost[f"{row.shape} outline", why] += row.shape != shape
        lost["boxes.source_label", _ONE_NAME] += row.source_label not in (None, row.label)
        said = crowd_losses(role=row.role, is_group=row.is_group)
        lost.update((f"boxes.{name}", why) for name, why in said)
        lost["boxes.source_id", _NUMBERED] += row.source_id not in (None, str(number))
    return lost


def _shape_of(outline: object) -> str:
    """The shape that an annotation with this segmentation is read as."""
    if not outline:
        return "box"
    return "polygon" if isinstance(outline, list) else "mask"


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
