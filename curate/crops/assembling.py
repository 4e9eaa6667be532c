"""The manifest of a set, block after block, and what it sums up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from curate.crops.layout import MANIFEST, MANIFEST_CSV
from curate.crops.manifest import ASIDE, CROP_COLUMNS
from curate.tables import make_table, to_arrow, with_none

# Of what is lost beyond that the manifest has the reasons.
SHOWN_LOST = 100
_SCHEMA = to_arrow(make_table(CROP_COLUMNS, 0, {}), CROP_COLUMNS).schema


def with_results(rows: pd.DataFrame, results: pa.Table) -> pd.DataFrame:
    """The rows with what became of those that were to be made.

    Parameters
    ----------
    rows
        Rows of a plan.
    results
        The tables of its pieces, of `curate.crops.pieces.RESULTS`, with a row for each crop that
        was to be made.
    """
    table = results.to_pandas(integer_object_nulls=True).set_index("crop_id")
    made = (rows["status"] == "made").to_numpy(bool)
    own = table.reindex(rows["crop_id"])
    values: dict[str, Any] = {name: rows[name].array for name in CROP_COLUMNS}
    for name in ("path", "offset", "n_bytes", "sha256"):
        column = own[name].to_numpy(object)
        values[name] = [
            v if m and not pd.isna(v) else None for v, m in zip(column, made, strict=True)
        ]
    hashes = own["phash"].to_numpy(object)
    values["phash"] = [None if pd.isna(v) else f"{int(v):016x}" for v in hashes]
    why = own["reason"].to_numpy(object)
    lost = made & np.array([v is not None and not pd.isna(v) for v in why], bool)
    values["status"] = np.where(lost, "lost", rows["status"].to_numpy(object))
    said = with_none(rows["reason"])
    values["reason"] = [w if is_lost else s for w, s, is_lost in zip(why, said, lost, strict=True)]
    return make_table(CROP_COLUMNS, len(rows), values)


def without_pictures(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a manifest without pictures: what would be made is listed."""
    status = rows["status"].mask(rows["status"] == "made", "listed")
    paths = rows["path"].mask(rows["path"].notna())
    return rows.assign(status=status, path=paths)


class ManifestFiles:
    """A context that writes the manifest as Parquet and as CSV, a block at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> ManifestFiles:
        self._parquet = pq.ParquetWriter(self._folder / MANIFEST, _SCHEMA, compression="zstd")
        self._csv = pa_csv.CSVWriter(
            str(self._folder / MANIFEST_CSV), _SCHEMA,
            write_options=pa_csv.WriteOptions(quoting_style="needed"),
        )  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._parquet.close()
        self._csv.close()

    def add(self, rows: pd.DataFrame) -> None:
        """Writes the rows of a block."""
        table = to_arrow(rows, CROP_COLUMNS)
        self._parquet.write_table(table)
        self._csv.write_table(table)


@dataclass
class Sums:
    """What the rows of a set sum up to.

    `lost_detections` are the reasons of the first that are lost, `is_all_reached` says that
    the bytes of all pictures could be had.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    crops: Counter[tuple[str, str]] = field(default_factory=Counter)
    labels: set[str] = field(default_factory=set)
    lost_images: dict[str, str] = field(default_factory=dict)
    lost_detections: list[str] = field(default_factory=list)
    n_lost_detections: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    is_all_reached: bool = True

    def add(self, rows: pd.DataFrame) -> None:
        """Takes in the rows of a block."""
        self.outcomes.update(rows["outcome"].fillna("broken"))
        self.statuses.update(rows["status"])
        made = rows[
            rows["rect_x1"].notna().to_numpy(bool) & (rows["status"] != "lost").to_numpy(bool)
        ]
        word = made["label"].fillna("").where(~made["outcome"].isin(ASIDE), "")
        self.crops.update(zip(made["split"].fillna(""), word, strict=True))
        missed = rows[(rows["outcome"] == "missed").to_numpy(bool)]
        self.missed.update(missed["object_label"].fillna(""))
        lost = rows[(rows["status"] == "lost").to_numpy(bool)]
        # A record without an outcome is broken itself; of another the picture is.
        is_record = lost["outcome"].isna().to_numpy(bool)
        self.n_lost_detections += int(is_record.sum())
        left = SHOWN_LOST - len(self.lost_detections)
        self.lost_detections += lost["reason"][is_record].head(left).tolist()
        pictures = lost[~is_record].drop_duplicates("image")
        self.lost_images |= dict(zip(pictures["image"], pictures["reason"], strict=True))
