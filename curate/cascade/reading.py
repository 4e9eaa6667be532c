"""A manifest of crops as it stands on disk: its rows, and what `crops.json` beside it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from curate.cascade.csv_columns import read_columns
from curate.crops.manifest import CROP_COLUMNS, OUTCOMES, STATUSES
from curate.errors import Place, SourceError, TableError, quote
from curate.tables import Column, from_arrow

SUMMARY = "crops.json"
_SUMMARY_SCHEMA = "curate.crops/"
_FILES = ("manifest.parquet", "manifest.csv")
_PARQUET_MAGIC = b"PAR1"
_MAX_SUMMARY_BYTES = 1 << 26
_COLUMNS: dict[str, Column] = {
    name: CROP_COLUMNS[name]
    for name in (
        "crop_id", "status", "outcome", "label", "split", "group", "image_id", "origin", "det_id",
        "score", "is_assigned", "object_id", "object_label",
    )
}  # fmt: skip
_CLOSED = {"status": STATUSES, "outcome": OUTCOMES, "origin": ("detector", "gt")}


@dataclass(frozen=True)
class Manifest:
    """The rows of a manifest with the columns that a cascade needs.

    Parameters
    ----------
    path
        The file.
    rows
        The columns of `_COLUMNS`, as `CROP_COLUMNS` types them.
    summary
        What `crops.json` beside it says; None: there is none.
    """

    path: Path
    rows: pd.DataFrame
    summary: Mapping[str, Any] | None  # JSON values

    @property
    def summary_place(self) -> Place:
        """Where `crops.json` is, or would be."""
        return Place(str(self.path.parent / SUMMARY))


def read_manifest(path: Path) -> Manifest:
    """The manifest of a file (Parquet or CSV, told by its first bytes) or of a set's folder.

    Raises
    ------
    SourceError
        When there is none, it cannot be read, has not the columns, holds a word that means
        nothing, or contradicts itself.
    """
    path = _file_of(Path(path))
    place = Place(str(path))
    try:
        with path.open("rb") as stream:
            is_parquet = stream.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise SourceError(what, place=place, mend="check the path") from error
    rows = _parquet(path) if is_parquet else _csv(path)
    _refuse_broken(rows, place)
    return Manifest(path, rows, _summary(path.parent / SUMMARY))


def _file_of(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = [path / name for name in _FILES if (path / name).is_file()]
    if not found:
        raise SourceError(
            f"has no {' and no '.join(_FILES)}",
            place=Place(str(path)),
            mend="give the folder that curate crops wrote, or a manifest itself",
        )
    return found[0]


def _parquet(path: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    place = Place(str(path))
    try:
        there = pq.read_schema(path).names
        _refuse_missing(there, place)
        return from_arrow(pq.read_table(path, columns=list(_COLUMNS)), _COLUMNS)
    except (OSError, pa.ArrowException) as error:
        what = f"cannot be read as Parquet: {error}"
        raise SourceError(what, place=place, mend="write the manifest again") from error
    except TableError as error:
        raise SourceError(error.what, place=place, mend="write the manifest again") from error


def _csv(path: Path) -> pd.DataFrame:
    table = read_columns(path, _COLUMNS)
    _refuse_missing(table.names, Place(str(path)))
    columns = {
        "score": table.numbers("score"),
        "is_assigned": table.truths("is_assigned"),
    }
    texts = {name: table.texts(name) for name in _COLUMNS if name not in columns}
    return from_arrow(pa.table({**texts, **columns}), _COLUMNS)


def _refuse_missing(there: list[str], place: Place) -> None:
    missing = [name for name in _COLUMNS if name not in there]
    if missing:
        raise SourceError(
            f"has no column {', '.join(missing)}, should be a manifest of curate crops",
            place=place,
            mend="give the manifest as curate crops wrote it",
        )


def _refuse_broken(rows: pd.DataFrame, place: Place) -> None:
    mend = "write the manifest again with curate crops"
    for name, legal in _CLOSED.items():
        words = rows[name].dropna().unique().tolist()
        odd = sorted(set(words) - set(legal))
        if odd:
            what = f"{name} is {quote(odd[0])}, should be one of {', '.join(legal)}"
            raise SourceError(what, place=place, mend=mend)
    for name in ("crop_id", "status", "origin"):
        n_empty = int(rows[name].isna().sum())
        if n_empty:
            raise SourceError(f"{n_empty} rows have no {name}", place=place, mend=mend)
    twice = rows["crop_id"].duplicated()
    if twice.any():
        what = f"crop {quote(rows['crop_id'][twice].iloc[0])} stands twice, should be there once"
        raise SourceError(what, place=place, mend=mend)
    assigned = rows["is_assigned"].fillna(False).to_numpy(bool)
    scores = rows["score"].to_numpy(np.float64)
    if not np.isfinite(scores[assigned]).all():
        what = "an assigned detection has no score"
        raise SourceError(what, place=place, mend=mend)
    missed = (rows["outcome"] == "missed").to_numpy(bool)
    if rows["object_id"][assigned | missed].isna().any():
        what = "an assigned detection or a missed object has no object_id"
        raise SourceError(what, place=place, mend=mend)
    # A missed object may have several rows: jittered crops of it.
    missed_ids = rows["object_id"][missed].drop_duplicates()
    every = pd.concat([rows["object_id"][assigned], missed_ids])
    if every.duplicated().any():
        what = f"object {quote(every[every.duplicated()].iloc[0])} is assigned twice, or both"
        what += " assigned and missed, should be one of them"
        raise SourceError(what, place=place, mend=mend)


def _summary(path: Path) -> Mapping[str, Any] | None:  # JSON values
    place = Place(str(path))
    mend = "write the set again with curate crops, or move the file away"
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > _MAX_SUMMARY_BYTES:
            what = f"is larger than {_MAX_SUMMARY_BYTES} bytes"
            raise SourceError(what, place=place, mend=mend)
        told = json.loads(path.read_bytes())
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise SourceError(what, place=place, mend=mend) from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"is no JSON: {error}", place=place, mend=mend) from error
    schema = told.get("schema") if isinstance(told, dict) else None
    if not isinstance(schema, str) or not schema.startswith(_SUMMARY_SCHEMA):
        what = f"has the schema {quote(schema)}, should be {_SUMMARY_SCHEMA}1"
        raise SourceError(what, place=place, mend=mend)
    return dict(told)
