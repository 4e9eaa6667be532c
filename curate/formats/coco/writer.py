"""COCO written: kept records byte for byte with changed values spliced in, or made from columns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate import masks
from curate.dataset import Dataset, write_file
from curate.formats.coco.document import Document, bulk, open_document
from curate.formats.coco.records import Annotation, decode_all
from curate.formats.coco.splice import Edit, apply_edits, array_edits, field_edits
from curate.formats.per_image import confined
from curate.formats.writing import Changes, Loss, LossReport, changes_since, column_losses

ANNOTATIONS_FILE = "instances.json"
RESULTS_FILE = "results.json"
_IMAGE_COLUMNS = {"width", "height", "licence", "source_id", "label_state"}
_BOX_COLUMNS = {
    "shape", "source_label", "label", "role", "x1", "y1", "x2", "y2", "score", "is_group",
    "declared_area", "attributes", "source_id",
}  # fmt: skip
# Columns that COCO has no key for go into `attributes`, as CVAT and Datumaro write them.
_AS_ATTRIBUTES = (
    "angle_deg", "extent", "annotator", "occluded", "truncated", "difficult", "is_depiction",
    "is_reflection", "track_id",
)  # fmt: skip
_EDGES = frozenset({"x1", "y1", "x2", "y2"})

Outlines = Mapping[int, Any]  # box_id to a COCO segmentation: polygon rings in px, or an RLE


def write(
    dataset: Dataset, folder: Path, original: Dataset | None, outlines: Outlines | None = None
) -> LossReport:
    """Writes COCO into an existing folder; see `write_kept` and `write_new`."""
    if original is not None:
        return write_kept(dataset, folder, original)
    return write_new(dataset, folder, outlines or {})


def write_kept(dataset: Dataset, folder: Path, original: Dataset) -> LossReport:
    """One output per input file; only the bytes of what has changed since reading change.

    A box whose edges have changed gets w = x2 - x1 and h = y2 - y1. Columns without a key of
    COCO's that have changed are counted as lost.
    """
    changes = changes_since(dataset, original)
    lost: dict[str, int] = {}
    files = sorted(f for f, kind in dataset.formats.items() if kind.startswith("coco"))
    kept = sorted(set(dataset.sources.names()) - set(files))
    for file in [*files, *kept]:
        body = dataset.sources.read(file)
        if not changes.none and file in files:
            body = _edited(body, file, dataset, original, changes, lost)
        target = confined(folder, file)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, body)
    losses = tuple(
        Loss(f"boxes.{name}", count, "changed, and COCO has no key for it")
        for name, count in sorted(lost.items())
    )
    return LossReport("coco", len(files), len(dataset.images), len(dataset.boxes), losses)


def _edited(
    body: bytes,
    file: str,
    dataset: Dataset,
    original: Dataset,
    changes: Changes,
    lost: dict[str, int],
) -> bytes:
    is_results = dataset.formats[file] == "coco-results"
    with bulk():
        document = open_document(body, file)
        edits: list[Edit] = []
        ids = {
            str(label): _number(source_id)
            for owner, source_id, label in original.classes[["file", "source_id", "label"]].values
            if is_results or owner == file
        }
        new_labels = _new_labels(dataset, file, ids)
        boxes = dataset.boxes[(dataset.boxes["file"] == file).to_numpy()]
        touched = boxes[boxes["box_id"].isin(changes.changed)]
        for row in touched.to_dict("records"):
            values = _changed_values(row, changes.changed[row["box_id"]], ids, lost)
            edits += field_edits(document, int(row["start"]), int(row["end"]), values)
        image_ids = _image_ids(dataset, original)
        field = None if is_results else "annotations"
        added = changes.added_boxes
        added = added[(added["file"] == file).to_numpy()] if len(added) else added
        if is_results:
            records = [_result(row, ids, image_ids) for row in added.to_dict("records")]
        else:
            records = _added(added, _largest_id(document), ids, image_ids)
        before = original.boxes[(original.boxes["file"] == file).to_numpy()]
        edits += array_edits(
            document,
            field,
            _stay(document, field, before, changes.removed_boxes, "box_id"),
            records,
        )
        if not is_results:
            images = original.images[(original.images["file"] == file).to_numpy()]
            new_images = _new_images(changes, file, image_ids)
            stay = _stay(document, "images", images, changes.removed_images, "image_id")
            edits += array_edits(document, "images", stay, new_images)
            n_classes = len((document.records("categories") or _NONE).starts)
            edits += array_edits(document, "categories", np.ones(n_classes, np.bool_), new_labels)
    return apply_edits(body, edits)


class _NoRecords:
    starts: tuple[int, ...] = ()


_NONE = _NoRecords()


def _stay(
    document: Document,
    field: str | None,
    before: pd.DataFrame,
    removed: frozenset[int],
    id_column: str,
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    records = document.records(field)
    starts = np.zeros(0, np.int64) if records is None else records.starts
    gone = before[before[id_column].isin(removed)]["start"].to_numpy(np.int64)
    return ~np.isin(starts, gone)


def _added(
    rows: pd.DataFrame,
    largest: int,
    ids: Mapping[str, int | str],
    image_ids: Mapping[int, int | str],
) -> list[dict[str, Any]]:
    """Annotations of boxes that the file does not have yet, with ids above its largest."""
    return [
        {"id": number} | _annotation(row, ids, image_ids)
        for number, row in enumerate(rows.to_dict("records"), largest + 1)
    ]


def _largest_id(document: Document) -> int:
    records = document.records("annotations")
    if records is None:
        return 0
    known, _ = decode_all(records, document, Annotation, 0, len(records.raws))
    return max((a.id for a in known if isinstance(a.id, int)), default=0)


def _new_labels(dataset: Dataset, file: str, ids: dict[str, int | str]) -> list[dict[str, Any]]:
    boxes = dataset.boxes[(dataset.boxes["file"] == file).to_numpy()]
    labels = sorted(set(boxes["label"].dropna()) - set(ids))
    numbers = [value for value in ids.values() if isinstance(value, int)]
    following = max(numbers, default=0) + 1
    fresh = []
    for label in labels:
        ids[label] = following
        fresh.append({"id": following, "name": label})
        following += 1
    return fresh


def _changed_values(
    row: Mapping[Any, Any], columns: frozenset[str], ids: dict[str, int | str], lost: dict[str, int]
) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in sorted(columns):
        if name in _EDGES:
            values["bbox"] = _bbox(row)
        elif name == "label":
            values["category_id"] = None if pd.isna(row["label"]) else ids[row["label"]]
        elif name in ("is_group", "role"):
            values["iscrowd"] = _crowd(row)
        elif name == "declared_area":
            values["area"] = _stated(row["declared_area"])
        elif name == "score":
            values["score"] = _stated(row["score"])
        elif name == "attributes":
            values["attributes"] = json.loads(row["attributes"]) if row["attributes"] else {}
        elif name not in ("source_label", "shape"):
            lost[name] = lost.get(name, 0) + 1
    return values


def _image_ids(dataset: Dataset, original: Dataset) -> dict[int, int | str]:
    """COCO ids of all images: their own, and new numbers for those without one."""
    ids = {
        image_id: _number(source_id)
        for image_id, source_id in original.images[["image_id", "source_id"]].values
        if isinstance(source_id, str)
    }
    following = max((v for v in ids.values() if isinstance(v, int)), default=0) + 1
    for image_id in dataset.images["image_id"]:
        if image_id not in ids:
            ids[image_id] = following
            following += 1
    return ids


def _new_images(
    changes: Changes, file: str, image_ids: Mapping[int, int | str]
) -> list[dict[str, Any]]:
    added = changes.added_images
    if not len(added):
        return []
    rows = added[(added["file"] == file).to_numpy()]
    return [_image(row, image_ids[row["image_id"]]) for row in rows.to_dict("records")]


def write_new(dataset: Dataset, folder: Path, outlines: Outlines) -> LossReport:
    """COCO made from the columns: `instances.json`, and `results.json` for scored predictions.

    Annotation ids count from 1 (0 is COCOeval's "no match"); image and category ids are the
    source's own where it has whole numbers for all of them, else they count from 1. Objects with
    role ignore and groups become `iscrowd` 1. `area` is the stated one, else that of the polygon,
    else width times height.
    """
    boxes, losses = _writable(dataset)
    predicted = (boxes["origin"] == "detector").to_numpy()
    image_ids = _whole_ids(dataset.images)
    ids = _class_ids(dataset)
    images = [_image(row, image_ids[row["image_id"]]) for row in dataset.images.to_dict("records")]
    licences = sorted(set(dataset.images["licence"].dropna()))
    for image in images:
        if "license" in image:
            image["license"] = licences.index(image["license"]) + 1
    drawn = boxes[~predicted]
    numbers = _annotation_ids(dataset, drawn)
    annotations = [
        {"id": number} | _annotation(row, ids, image_ids, outlines.get(row["box_id"]))
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
    write_file(folder / ANNOTATIONS_FILE, _dump(document))
    n_files = 1
    if predicted.any():
        rows = boxes[predicted].to_dict("records")
        results = [_result(row, ids, image_ids) for row in rows]
        write_file(folder / RESULTS_FILE, _dump(results))
        n_files = 2
    why = "COCO has no key for it"
    kept = _BOX_COLUMNS | set(_AS_ATTRIBUTES)
    losses += column_losses(dataset, image_columns=_IMAGE_COLUMNS, box_columns=kept, why=why)
    return LossReport("coco", n_files, len(images), len(boxes), tuple(losses))


def _writable(dataset: Dataset) -> tuple[pd.DataFrame, list[Loss]]:
    boxes = dataset.boxes
    edges = boxes[["x1", "y1", "x2", "y2"]].to_numpy(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        # Of edges that no picture has (1e308) the sides may be infinite.
        sides = edges[:, 2:] - edges[:, :2]
    finite = np.isfinite(edges).all(axis=1) & np.isfinite(sides).all(axis=1)
    flat = boxes["shape"].isin(["line", "point", "tag"]).to_numpy()
    classless = boxes["label"].isna().to_numpy()
    rotated = (boxes["shape"] == "rotated").to_numpy()
    losses = [
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
    ids = [_number(value) for value in images["source_id"].where(images["source_id"].notna(), "")]
    if len(set(ids)) != len(ids) or not all(isinstance(value, int) for value in ids):
        ids = list(range(1, len(images) + 1))
    return dict(zip(images["image_id"].tolist(), ids, strict=True))


def _annotation_ids(dataset: Dataset, boxes: pd.DataFrame) -> list[int]:
    """COCO's own ids where the boxes come from COCO and have whole ones of their own, else 1..N."""
    kinds = boxes["file"].map(dict(dataset.formats))
    ids = [_number(value) for value in boxes["source_id"].where(boxes["source_id"].notna(), "")]
    whole = [value for value in ids if isinstance(value, int)]
    if (kinds == "coco").all() and len(set(whole)) == len(ids):
        return whole
    return list(range(1, len(boxes) + 1))


def _class_ids(dataset: Dataset) -> dict[str, int | str]:
    classes = dataset.classes.drop_duplicates("label")
    labels = classes["label"].tolist()
    ids = [_number(value) if isinstance(value, str) else "" for value in classes["source_id"]]
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


def _image(row: Mapping[Any, Any], number: int | str) -> dict[str, Any]:
    name = row["image_key"].removeprefix(f"{row['source']}/")
    image: dict[str, Any] = {"id": number, "file_name": name}
    for key in ("width", "height"):
        if not pd.isna(row[key]):
            image[key] = int(row[key])
    if isinstance(row["licence"], str):
        image["license"] = row["licence"]
    return image


def _annotation(
    row: Mapping[Any, Any],
    ids: Mapping[str, int | str],
    image_ids: Mapping[int, int | str],
    outline: Any = None,  # a COCO segmentation
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "image_id": image_ids[row["image_id"]],
        "category_id": ids[row["label"]],
        "bbox": _bbox(row),
        "area": _stated(_area(row, outline)),
        "iscrowd": _crowd(row),
    }
    if outline:
        record["segmentation"] = outline
    if not pd.isna(row["score"]):
        record["score"] = _stated(row["score"])
    attributes = _attributes(row["attributes"])
    for name in _AS_ATTRIBUTES:
        if not pd.isna(row[name]):
            attributes[name] = _plain(row[name])
    if attributes:
        record["attributes"] = attributes
    return {key: value for key, value in record.items() if value is not None}


def _result(
    row: Mapping[Any, Any], ids: Mapping[str, int | str], image_ids: Mapping[int, int | str]
) -> dict[str, Any]:
    return {
        "image_id": image_ids[row["image_id"]],
        "category_id": ids[row["label"]],
        "bbox": _bbox(row),
        "score": _stated(row["score"]),
    }


def _attributes(text: Any) -> dict[str, Any]:  # a cell; JSON values
    """Attributes as JSON values; a number that JSON does not have becomes a text."""
    if not isinstance(text, str):
        return {}
    values: dict[str, Any] = json.loads(text, parse_constant=str, parse_float=_float)
    return values


def _float(text: str) -> float | str:
    return float(text) if math.isfinite(float(text)) else text


def _area(row: Mapping[Any, Any], outline: Any) -> float:  # a COCO segmentation
    if math.isfinite(row["declared_area"]):
        return float(row["declared_area"])
    is_polygon = isinstance(outline, list) and bool(outline)
    measured = masks.polygon_measure(outline) if is_polygon else masks.rle_measure(outline)
    if measured is not None and math.isfinite(measured[1]):
        return measured[1]
    return float(row["x2"] - row["x1"]) * float(row["y2"] - row["y1"])


def _crowd(row: Mapping[Any, Any]) -> int:
    group = row["is_group"]
    return int(row["role"] == "ignore" or (not pd.isna(group) and bool(group)))


def _bbox(row: Mapping[Any, Any]) -> list[float | int]:
    edges = (row["x1"], row["y1"], row["x2"] - row["x1"], row["y2"] - row["y1"])
    return [_plain(value) for value in edges]


def _stated(value: float) -> float | int | None:
    """A number as JSON has it; None for one that it has not."""
    number: float | int | None = _plain(value) if math.isfinite(value) else None
    return number


def _plain(value: Any) -> Any:  # a number or flag of numpy's or pandas' kind
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str):
        return value
    number = float(value)
    if not math.isfinite(number):
        return str(number)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _number(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def _dump(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        # A lone surrogate, which JSON holds as an escape only.
        return json.dumps(value, allow_nan=False).encode()
