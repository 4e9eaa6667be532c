"""What COCO records hold beside the table: masks, keypoints and unknown keys, parsed on demand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from msgspec import Struct

from curate import masks
from curate.dataset import Dataset
from curate.formats.coco.records import plain_text
from curate.formats.json_document import JsonError, bulk, loose, open_document
from curate.sources import Body, Sources

BLOCK_RECORDS = 20_000
# From here on compiled code pays for the second that loading it takes.
MANY_RECORDS = 100_000
MASK_COLUMNS = ("mask_area", "mask_x1", "mask_y1", "mask_x2", "mask_y2")
KEYPOINT_COLUMNS = ("kp_x1", "kp_y1", "kp_x2", "kp_y2")
STATE_COLUMNS = ("outline_state", "keypoint_state")
_RLE_SIZE = ("rle_height", "rle_width")
NONE, GOOD, BROKEN = range(3)
# The flag of a keypoint that is labelled and visible (cocodataset.org/#format-data).
VISIBLE = 2
# Says something, be it right or wrong: neither null nor an empty list.
_OUTLINE = re.compile(rb'"segmentation"\s*:\s*(?!null|\[\s*\]|\s)')
_IN_TABLE = {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "score", "attributes"}
_IMAGE_IN_TABLE = {"id", "file_name", "width", "height", "license"}
# Lists beside the images and annotations: field, what its records are called, what a table holds.
_LISTS = (
    ("categories", "category", {"id", "name", "supercategory"}),
    ("licenses", "license", {"id", "name"}),
)
_DOCUMENT_IN_TABLE = {"images", "annotations", "categories", "licenses", "info"}


class _Outline(Struct, gc=False):
    segmentation: list[list[float]] | None = None
    keypoints: list[float] | None = None
    num_keypoints: int | None = None


class _Any(Struct, gc=False):
    segmentation: Any = None  # any JSON value
    keypoints: Any = None  # as above
    num_keypoints: Any = None  # as above


_STRICT = msgspec.json.Decoder(_Outline)
_LOOSE = msgspec.json.Decoder(_Any)


def derive(dataset: Dataset, files: list[str]) -> pd.DataFrame:
    """Measures of masks and keypoints, one row per box of `dataset`.

    Columns: mask_area (px^2), mask_x1 .. mask_y2 and kp_x1 .. kp_y2 (px, bounds of the mask and of
    the visible keypoints). NaN: the record has none, or it is broken. outline_state and
    keypoint_state (int8): 0 the record has none, 1 it can be read, 2 it is broken. An RLE of
    another size than its image is declared with is broken.
    """
    n = len(dataset.boxes)
    table = {name: np.full(n, np.nan) for name in MASK_COLUMNS + KEYPOINT_COLUMNS + _RLE_SIZE}
    table |= {name: np.zeros(n, np.int8) for name in STATE_COLUMNS}
    shaped = dataset.boxes["shape"].isin(["polygon", "mask"]).to_numpy()
    for file in files:
        in_file = ((dataset.boxes["file"] == file) & dataset.boxes["start"].notna()).to_numpy()
        body = dataset.sources.body(file)
        has_points = body.find(b'"keypoints"') >= 0
        rows = np.flatnonzero(in_file if has_points else in_file & shaped)
        if len(rows) >= MANY_RECORDS and not has_points:
            rows = _scan_polygons(dataset, rows, body, table)
        if not has_points:
            plain = np.flatnonzero(in_file & ~shaped)
            rows = np.concatenate([rows, _with_odd_outlines(dataset, plain, body)])
        with bulk():
            for block in range(0, len(rows), BLOCK_RECORDS):
                _derive_block(dataset, rows[block : block + BLOCK_RECORDS], body, table)
    _refuse_sizes(dataset, table)
    return pd.DataFrame(table)


def _refuse_sizes(dataset: Dataset, table: dict[str, np.ndarray[Any, Any]]) -> None:
    """Takes the measures of RLEs that are of another size than their images are declared with."""
    size = np.column_stack([table.pop(name) for name in _RLE_SIZE])
    rows = np.flatnonzero(np.isfinite(size[:, 0]))
    if not len(rows):
        return
    place = pd.Index(dataset.images["image_id"].to_numpy(np.int64))
    image = place.get_indexer(dataset.boxes["image_id"].to_numpy(np.int64)[rows])
    sides = dataset.images[["declared_height", "declared_width"]].iloc[image]
    declared = sides.to_numpy(np.float64, na_value=np.nan)
    other = (size[rows] != declared) & ~np.isnan(declared)
    wrong = rows[other.any(axis=1)]
    table["outline_state"][wrong] = BROKEN
    for name in MASK_COLUMNS:
        table[name][wrong] = np.nan


def _spans(
    dataset: Dataset, rows: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """First byte, and the byte after, of some rows of the boxes, all of which have records."""
    of_rows = dataset.boxes[["start", "end"]].iloc[rows]
    return of_rows["start"].to_numpy(np.int64), of_rows["end"].to_numpy(np.int64)


def _with_odd_outlines(
    dataset: Dataset, rows: np.ndarray[Any, Any], body: Body
) -> np.ndarray[Any, Any]:
    """Those rows without an outline in the table whose record says something in its place."""
    if not len(rows) or body.find(b'"segmentation"') < 0:
        return rows[:0]
    starts, ends = (edge.tolist() for edge in _spans(dataset, rows))
    # A loop over records: no array operation finds text in spans of one body.
    says = [_OUTLINE.search(body, a, b) is not None for a, b in zip(starts, ends, strict=True)]
    odd: np.ndarray[Any, Any] = rows[np.asarray(says, np.bool_)]
    return odd


def _scan_polygons(
    dataset: Dataset,
    rows: np.ndarray[Any, Any],
    body: Body,
    table: dict[str, np.ndarray[Any, Any]],
) -> np.ndarray[Any, Any]:
    """Measures polygons in one compiled pass; returns the rows that are still to be done."""
    # Loading numba takes longer than a small file does.
    from curate.formats.coco.scan import measure_outlines

    starts, ends = _spans(dataset, rows)
    bounds, areas, taken = measure_outlines(body, starts, ends)
    done = rows[taken]
    table["outline_state"][done] = GOOD
    table["mask_area"][done] = areas[taken]
    for column, name in enumerate(MASK_COLUMNS[1:]):
        table[name][done] = bounds[taken, column]
    left: np.ndarray[Any, Any] = rows[~taken]
    return left


def _derive_block(
    dataset: Dataset,
    rows: np.ndarray[Any, Any],
    body: Body,
    table: dict[str, np.ndarray[Any, Any]],
) -> None:
    starts, ends = (edge.tolist() for edge in _spans(dataset, rows))
    view = memoryview(body)
    outlines: list[list[list[float]]] = []
    outline_rows: list[int] = []
    for row, start, end in zip(rows.tolist(), starts, ends, strict=True):
        try:
            record: _Outline | _Any = _STRICT.decode(view[start:end])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            record = _loosely(view[start:end])
        outline = record.segmentation
        if isinstance(outline, list) and outline:
            outlines.append(outline)
            outline_rows.append(row)
            good = all(map(masks.is_ring, outline))
            table["outline_state"][row] = GOOD if good else BROKEN
        elif isinstance(outline, dict):
            measured = masks.rle_measure(outline)
            _set_mask(table, row, measured)
            table["outline_state"][row] = GOOD if measured else BROKEN
            if measured:
                table["rle_height"][row], table["rle_width"][row] = outline["size"]
        elif outline is not None and outline != []:
            table["outline_state"][row] = BROKEN
        table["keypoint_state"][row] = _keypoint_state(record.keypoints, record.num_keypoints)
        if record.keypoints:
            _set_keypoints(table, row, record.keypoints)
    _set_polygons(table, outline_rows, outlines)


def _keypoint_state(keypoints: object, stated: object) -> int:
    if keypoints is None or keypoints == []:
        return BROKEN if stated else NONE
    if not isinstance(keypoints, list) or len(keypoints) % 3 or not masks.are_finite(keypoints):
        return BROKEN
    labelled = sum(flag > 0 for flag in keypoints[2::3])
    return GOOD if stated is None or stated == labelled else BROKEN


def _loosely(text: memoryview) -> _Any:
    try:
        return _LOOSE.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        record = loose(bytes(text), 0, len(text))
        if not isinstance(record, dict):
            return _Any()
        return _Any(*map(record.get, _Any.__struct_fields__))


def _set_polygons(
    table: dict[str, np.ndarray[Any, Any]], rows: list[int], outlines: list[list[list[float]]]
) -> None:
    if not rows:
        return
    try:
        measured = masks.polygons_measure(outlines)
    except TypeError:
        measured = None
    if measured is None:
        # One outline in the block is broken: measure them one by one.
        for row, outline in zip(rows, outlines, strict=True):
            _set_mask(table, row, masks.polygon_measure(outline))
        return
    bounds, areas = measured
    table["mask_area"][rows] = np.where(np.isnan(bounds[:, 0]), np.nan, areas)
    for column, name in enumerate(MASK_COLUMNS[1:]):
        table[name][rows] = bounds[:, column]


def _set_mask(
    table: dict[str, np.ndarray[Any, Any]],
    row: int,
    measured: tuple[masks.Bounds | None, float] | None,
) -> None:
    if measured is None:
        return
    bounds, area = measured
    table["mask_area"][row] = area
    for name, value in zip(MASK_COLUMNS[1:], bounds or (np.nan,) * 4, strict=True):
        table[name][row] = value


def _set_keypoints(table: dict[str, np.ndarray[Any, Any]], row: int, keypoints: object) -> None:
    try:
        text = msgspec.json.encode(keypoints)
    except UnicodeEncodeError:
        # Texts with lone surrogates in place of numbers.
        return
    bounds = masks.point_bounds(text, visible_from=VISIBLE)
    if bounds is not None:
        for name, value in zip(KEYPOINT_COLUMNS, bounds, strict=True):
            table[name][row] = value


def records(sources: Sources, file: str, spans: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The records of one file as Python dicts, by the columns `start` and `end` of `spans`."""
    body = sources.body(file)
    # A row that was added to the table has no record.
    spans = spans[spans["start"].notna()]
    starts = spans["start"].to_numpy(np.int64).tolist()
    for start, end in zip(starts, spans["end"].to_numpy(np.int64).tolist(), strict=True):
        record = loose(body, start, end)
        yield record if isinstance(record, dict) else {}


def outlines(dataset: Dataset) -> dict[int, Any]:
    """The `segmentation` of each COCO box that has one, by box_id: polygon rings, or an RLE."""
    found: dict[int, Any] = {}
    shaped = dataset.boxes[dataset.boxes["shape"].isin(["polygon", "mask"])]
    for file, kind in dataset.formats.items():
        if kind.startswith("coco"):
            boxes = shaped[(shaped["file"] == file).to_numpy() & shaped["start"].notna()]
            ids = boxes["box_id"].tolist()
            for box_id, record in zip(ids, records(dataset.sources, file, boxes), strict=True):
                found[box_id] = record.get("segmentation")
    return found


def keypoints(dataset: Dataset) -> dict[int, list[float]]:
    """The keypoints of each COCO box that has some: x, y (px, as stated) and flag of each."""
    found: dict[int, list[float]] = {}
    for file, kind in dataset.formats.items():
        if kind.startswith("coco") and dataset.sources.body(file).find(b'"keypoints"') >= 0:
            boxes = dataset.boxes[(dataset.boxes["file"] == file).to_numpy()]
            boxes = boxes[boxes["start"].notna()]
            ids = boxes["box_id"].tolist()
            for box_id, record in zip(ids, records(dataset.sources, file, boxes), strict=True):
                points = record.get("keypoints")
                if points and _keypoint_state(points, None) == GOOD:
                    found[box_id] = points
    return found


def extras(dataset: Dataset) -> Counter[str]:
    """How many values the COCO records hold that no table column carries, by field."""
    counts: Counter[str] = Counter()
    for file, kind in dataset.formats.items():
        if not kind.startswith("coco"):
            continue
        boxes = dataset.boxes[(dataset.boxes["file"] == file).to_numpy()]
        for record in records(dataset.sources, file, boxes):
            counts.update(_unheld(record, "annotation", _IN_TABLE))
        images = dataset.images[(dataset.images["file"] == file).to_numpy()]
        if kind == "coco":
            for record in records(dataset.sources, file, images):
                counts.update(_unheld(record, "image", _IMAGE_IN_TABLE))
            counts.update(_unheld_of_document(dataset.sources.body(file), file))
    return counts


def _unheld_of_document(body: Body, file: str) -> Iterator[str]:
    """The fields of what a document says beside its images and annotations."""
    try:
        document = open_document(body, file)
    except JsonError:
        return
    for name, kind, known in _LISTS:
        found = document.records(name)
        for raw in found.raws if found is not None else ():
            record = loose(bytes(raw), 0, len(bytes(raw)))
            if isinstance(record, dict):
                yield from _unheld(record, kind, known)
    for key, raw in document.fields.items():
        if key == "info" or key not in _DOCUMENT_IN_TABLE:
            value = loose(bytes(raw), 0, len(bytes(raw)))
            is_info = key == "info" and isinstance(value, dict)
            record, kind = (value, "info") if is_info else ({key: value}, "document")
            yield from _unheld(record, kind, set())


def _unheld(record: dict[str, Any], kind: str, known: set[str]) -> Iterator[str]:
    return (f"{kind}.{plain_text(k)}" for k, v in record.items() if _says(k, v, known))


def _says(key: str, value: object, known: set[str]) -> bool:
    # Attributes that are no object have no place in the table.
    is_held = key in known and not (key == "attributes" and not isinstance(value, dict))
    if is_held or value is None or value == [] or value == "" or value == {}:
        return False
    return not (key == "num_keypoints" and value == 0)
