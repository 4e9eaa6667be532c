"""What is given beside a dataset to be shown with it: predictions, an audit, crops, subsets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from curate.crops.reading import read_boxes
from curate.dataset import Dataset, Findings, is_dataset_folder
from curate.errors import Place, SourceError, UsageError, quote
from curate.formats import ReadOptions, read
from curate.formats.options import DATASET, shared_out
from curate.formats.recognition import chosen
from curate.tables import FINDING_COLUMNS, make_table
from curate.tree import open_tree

AUDIT_SCHEMA = "curate.audit/1"
MANIFEST = "manifest.parquet"
_CROP_COLUMNS = (
    "crop_id", "status", "outcome", "label", "image_id", "score", "det_id", "object_id", "iou",
    "rect_x1", "rect_y1", "rect_x2", "rect_y2",
)  # fmt: skip


def read_both(
    path: Path, told: ReadOptions, predictions: Path, detector_format: str | None
) -> tuple[Dataset, Dataset]:
    """A source, and the detections to be shown with it: options hold for whichever heeds them.

    Raises
    ------
    CurateError
        As `curate.read`.
    """
    own = replace(told, name=None, format=detector_format)
    both = [(path, told), (predictions, own)]
    told, own = shared_out([(given, _format(where, given)) for where, given in both])
    dataset = read(path, told)
    return dataset, predictions_of(predictions, own, dataset)


def _format(path: Path, options: ReadOptions) -> str:
    if is_dataset_folder(path):
        return DATASET
    return chosen(open_tree(path), path, options.format, has_truth=True)[0]


def predictions_of(path: Path, options: ReadOptions, dataset: Dataset) -> Dataset:
    """The detections of a path; COCO results are read over the annotations of the dataset.

    Raises
    ------
    CurateError
        As `curate.read`.
    """
    if options.truth is None:
        coco = [file for file, kind in dataset.formats.items() if kind == "coco"]
        if coco and _format(path, options) == "coco-results":
            return _over(path, options, dataset, coco)
    return read_boxes(path, options)


def _over(path: Path, options: ReadOptions, dataset: Dataset, files: list[str]) -> Dataset:
    """COCO results over the annotation files that a dataset keeps."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(files):
            (Path(folder) / f"{number}.json").write_bytes(dataset.sources.read(file))
        # Ids come from the names of sources, never from that of a folder of the moment.
        own = replace(options, truth=Path(folder), truth_name=dataset.images["source"].iloc[0])
        return read_boxes(path, own)


def audit_of(path: Path, dataset: Dataset) -> Findings:
    """The findings that an audit of the dataset printed as JSON.

    Raises
    ------
    SourceError
        For a file that cannot be read, is no such document, or is about other images.
    """
    place = Place(str(path))
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(
            f"cannot be read: {error}", place=place, mend="make it with `curate audit --json`"
        ) from error
    if not isinstance(document, dict) or document.get("schema") != AUDIT_SCHEMA:
        raise SourceError(
            f"is no audit of schema {AUDIT_SCHEMA}",
            place=place,
            mend="make it with `curate audit --json`",
        )
    try:
        named = {record["image"] for record in document["findings"]} - {None}
        found = _findings(document["findings"], dataset)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"breaks the schema {AUDIT_SCHEMA}: {error!r}",
            place=place,
            mend="make it anew with `curate audit --json`",
        ) from error
    if named and named.isdisjoint(dataset.images["image_key"]):
        raise SourceError(
            f"is about other images: none of the {len(named)} that it names is in {dataset.name}, "
            f"the first is {quote(min(named))}",
            place=place,
            mend="give the audit of this source, made under the same --name",
        )
    return found


def _findings(records: list[Any], dataset: Dataset) -> Findings:  # JSON
    """The findings table of an audit's records: their boxes found again by what they state."""
    images = dict(zip(dataset.images["image_key"], dataset.images["image_id"], strict=True))
    known = _boxes(dataset)
    rows = []
    for record in records:
        members = [known.get(_key(member)) for member in record["members"]]
        boxes = [box for box in members if box is not None]
        others = [m for m, box in zip(record["members"], members, strict=True) if box is None]
        own = {"finding_id": int(record["finding_id"], 16), "members": boxes}
        own |= {name: record[name] for name in _AS_THEY_ARE}
        own["image_id"] = None if record["image"] is None else images.get(record["image"])
        own["box_id"] = boxes[0] if len(boxes) == 1 else None
        own["places"] = json.dumps(others) if others else None
        rows.append(own)
    # Records stand in the order of their table: of one check the worst first.
    counts = pd.Series([row["check"] for row in rows], dtype=object)
    number = counts.groupby(counts).cumcount()
    share: pd.Series[float] = number / np.maximum(
        counts.map(counts.value_counts()).to_numpy() - 1, 1
    )
    values: dict[str, object] = {
        name: [row.get(name) for row in rows] for name in FINDING_COLUMNS if name != "rank"
    }
    values["rank"] = share.to_numpy(np.float64)
    return Findings(make_table(FINDING_COLUMNS, len(rows), values), dataset)


_AS_THEY_ARE = (
    "check", "name", "level", "value", "limit", "unit", "message", "mend", "definition",
    "source_id", "file", "line",
)  # fmt: skip


def _boxes(dataset: Dataset) -> dict[tuple[Any, ...], int]:  # cells of tables
    """What an audit states of a box to its id."""
    boxes = dataset.boxes
    keys = dataset.images.set_index("image_id")["image_key"]
    names = ["x1", "y1", "x2", "y2"]
    edges = boxes[names].to_numpy(np.float64)
    told = zip(
        keys.reindex(boxes["image_id"]).tolist(),
        *(boxes[n].astype(object).where(boxes[n].notna(), None) for n in ("file", "source_id")),
        boxes["line"].astype(object).where(boxes["line"].notna(), None),
        map(_edges, edges.tolist()),
        strict=True,
    )
    return dict(zip(told, boxes["box_id"].tolist(), strict=True))


def _edges(values: list[float | None] | None) -> tuple[float | None, ...]:
    """Edges as an audit states them: null for what is no finite number, and none of them at all."""
    told = [None if v is None or not np.isfinite(v) else v for v in values or [None] * 4]
    return tuple(told)


def _key(member: Mapping[str, Any]) -> tuple[Any, ...]:  # JSON
    line = member["line"]
    return member["image"], member["file"], member["source_id"], line, _edges(member["box"])


def manifest_of(folder: Path) -> pd.DataFrame:
    """The crops of a set's manifest that can be shown.

    Raises
    ------
    SourceError
        When there is none, or it cannot be read.
    """
    path = folder / MANIFEST
    try:
        table: pd.DataFrame = pq.read_table(path, columns=list(_CROP_COLUMNS)).to_pandas()
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise SourceError(
            f"is no manifest of crops: {error}", place=Place(str(path)), mend="check --crops"
        ) from error
    return table


def subset_of(path: Path, dataset: Dataset) -> tuple[str, list[int]]:
    """Name and image ids of a subset: a file with a line per image, its id or its key first.

    Raises
    ------
    UsageError
        For a file that cannot be read, and for an image that the dataset does not have.
    """
    place = Place(str(path))
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", place=place, mend="check --subset") from error
    by_key = dict(zip(dataset.images["image_key"], dataset.images["image_id"], strict=True))
    by_word = {f"{image_id:016x}": int(image_id) for image_id in by_key.values()} | by_key
    found = []
    for number, line in enumerate(lines, 1):
        word = line.split("\t")[0].strip()
        if not word:
            continue
        if word not in by_word:
            raise UsageError(
                f"there is no image {quote(word)}",
                place=Place(str(path), number),
                mend="give ids or keys of this dataset's images",
            )
        found.append(int(by_word[word]))
    return path.stem, found
