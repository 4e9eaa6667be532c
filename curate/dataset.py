"""A dataset: its tables and the bytes of its source files, in memory and as a folder.

A dataset folder holds `images.parquet`, `boxes.parquet`, `findings.parquet`, `classes.parquet`,
`sources/` (see `curate.sources`) and `dataset.json`: schema version, name, format, options, the
sha256 of each source file and the ingest report. It appears whole or not at all.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import DatasetError, Place, TableError, UsageError
from curate.folders import Product, new_folder, refuse_overwrite
from curate.sources import MemorySources, PackedSources, Sources, write_sources
from curate.tables import (
    BOX_COLUMNS,
    CLASS_COLUMNS,
    FINDING_COLUMNS,
    IMAGE_COLUMNS,
    Column,
    check_table,
    check_values,
    from_arrow,
    make_table,
    to_arrow,
)
from curate.verdicts import CheckVerdicts

SCHEMA = "curate.dataset/1"
_TABLES: dict[str, dict[str, Column]] = {
    "images": IMAGE_COLUMNS,
    "boxes": BOX_COLUMNS,
    "findings": FINDING_COLUMNS,
    "classes": CLASS_COLUMNS,
}

# Logs of changes stand beside the tables.
CHANGES_FILE = "changes.csv"
# Why each box has its label and role, where definitions gave them.
REASONS_FILE = "reasons.csv"
PRODUCT = Product(
    "dataset.json",
    "curate.dataset/",
    frozenset(
        {
            "dataset.json",
            "sources",
            CHANGES_FILE,
            REASONS_FILE,
            *(f"{name}.parquet" for name in _TABLES),
        }
    ),
)


@dataclass(frozen=True, repr=False)
class Dataset:
    """Images and their boxes as tables, what the reader could not take, and the source bytes.

    `images`, `boxes`, `findings` and `classes` are pandas DataFrames with the columns of
    `curate.tables`; `findings` holds what the reader could not take. `formats` maps each label
    file to the reader that took it. `options` are those the reader was given, `images_root` the
    folder of the joined pictures (None: none were joined). Change a table with `with_tables`,
    never in place.
    """

    name: str
    images: pd.DataFrame
    boxes: pd.DataFrame
    findings: pd.DataFrame
    classes: pd.DataFrame
    sources: Sources
    formats: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)  # JSON values
    images_root: Path | None = None

    def __post_init__(self) -> None:
        for name, columns in _TABLES.items():
            check_table(getattr(self, name), columns, name)

    @property
    def format(self) -> str:
        """The reader that took the label files; `mixed` for several, `none` for no file."""
        kinds = sorted(set(self.formats.values()))
        return kinds[0] if len(kinds) == 1 else "mixed" if kinds else "none"

    def with_tables(self, **tables: pd.DataFrame) -> Dataset:
        """The same dataset with other tables (`images=`, `boxes=`, `findings=`, `classes=`).

        Raises
        ------
        UsageError
            For a table that does not exist.
        TableError
            For columns or types that are not the schema's, for ids that stand twice, and for boxes
            on images that are not there (see `of_images`).
        """
        unknown = set(tables) - set(_TABLES)
        if unknown:
            raise UsageError(f"no tables called {sorted(unknown)}", mend=f"use {list(_TABLES)}")
        other = replace(self, **{n: t.reset_index(drop=True) for n, t in tables.items()})  # type: ignore[arg-type]  # tables only
        if {"images", "boxes"} & set(tables):
            refuse_loose_rows(other)
        return other

    def of_images(self, image_ids: Iterable[int]) -> Dataset:
        """The dataset of these images alone, with their boxes, and the findings about them.

        A finding of the whole source stays; of one about several boxes the boxes that are gone
        are no longer members. Ids that are not there are passed over.
        """
        images = self.images[self.images["image_id"].isin(list(image_ids))]
        boxes = self.boxes[self.boxes["image_id"].isin(images["image_id"])]
        kept = set(boxes["box_id"])
        findings = self.findings
        members = [[box for box in ids if box in kept] for ids in findings["members"]]
        of_gone = findings["image_id"].notna() & ~findings["image_id"].isin(images["image_id"])
        left = [bool(new) or not old for old, new in zip(findings["members"], members, strict=True)]
        stays = ~of_gone & pd.Series(left, findings.index, dtype=bool)
        box = findings["box_id"].where(findings["box_id"].isin(list(kept)))
        told = findings.assign(members=pd.Series(members, findings.index, object), box_id=box)
        return self.with_tables(images=images, boxes=boxes, findings=told[stays])

    def __repr__(self) -> str:
        n_files = len(self.sources.names())
        return (
            f"Dataset({self.name!r}, {self.format}: {len(self.images)} images, "
            f"{len(self.boxes)} boxes, {len(self.findings)} findings, {n_files} files)"
        )

    def _repr_html_(self) -> str:
        counts = self.boxes["label"].fillna("(none)").value_counts().sort_index()
        counts = counts.sort_values(ascending=False, kind="stable")
        rows = "".join(
            f"<tr><td>{html.escape(str(label))}</td><td>{count}</td></tr>"
            for label, count in counts.head(20).items()
        )
        more = f"<p>… and {len(counts) - 20} more classes</p>" if len(counts) > 20 else ""
        return (
            f"<p><b>{html.escape(self.name)}</b> ({self.format}): {len(self.images)} images, "
            f"{len(self.boxes)} boxes, {len(self.findings)} findings while reading</p>"
            f"<table><tr><th>class</th><th>boxes</th></tr>{rows}</table>{more}"
        )


def refuse_loose_rows(dataset: Dataset) -> None:
    """Refuses tables that do not fit together: what is written from them would be wrong.

    Raises
    ------
    TableError
        For an image or box id that stands twice, and for boxes on images that are not there.
    """
    for name, key in (("images", "image_id"), ("boxes", "box_id")):
        ids = getattr(dataset, name)[key]
        if not ids.is_unique:
            raise TableError(
                f"{int(ids.duplicated().sum())} rows of the {name} table repeat the {key} of "
                "another, should have their own",
                mend="give new rows ids of their own, such as key_hashes of curate.tables",
            )
    is_loose = ~dataset.boxes["image_id"].isin(dataset.images["image_id"])
    if is_loose.any():
        raise TableError(
            f"{int(is_loose.sum())} boxes lie on images that are not in the images table",
            mend="dataset.of_images(ids) takes images out together with their boxes",
        )


@dataclass(frozen=True, repr=False)
class Findings:
    """What an audit found: the findings table, worst first, and the dataset that was judged.

    `definitions` are those in force beside curate's own checks, each `id@version+hash`.
    `known` are ids of findings that a baseline holds already (None: none was looked at), `mended`
    the number of those that it holds and that are gone, `waived` that of findings that waivers
    took out of the table, `refuted` that of those taken out because people judged them false
    alarms. `verdicts` count what people said of the findings of each check, by code.
    """

    table: pd.DataFrame
    dataset: Dataset
    definitions: tuple[str, ...] = ()
    known: frozenset[int] | None = None
    mended: int = 0
    waived: int = 0
    refuted: int = 0
    verdicts: tuple[CheckVerdicts, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    @property
    def is_known(self) -> pd.Series[bool]:
        """(N,) whether the baseline holds each finding already."""
        return self.table["finding_id"].isin(list(self.known or ())).astype(bool)

    @property
    def settled(self) -> dict[str, int]:
        """Number of findings by what is settled about them: known, mended, waived, refuted."""
        known = int(self.is_known.sum())
        told = {"mended": self.mended, "waived": self.waived, "refuted": self.refuted}
        return {"known": known, **told}

    @property
    def new(self) -> Findings:
        """The findings that no baseline holds."""
        return replace(self, table=self.table[~self.is_known])

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings per check code, in the order of the codes."""
        return {str(c): int(n) for c, n in self.table["check"].value_counts().sort_index().items()}

    def at_least(self, level: str) -> int:
        """Number of findings at this level or above (error > warning > info) that are not known.

        Raises
        ------
        UsageError
            For another word.
        """
        levels = ["error", "warning", "info"]
        if level not in levels:
            raise UsageError(f"there is no level {level!r}", mend=f"use {', '.join(levels)}")
        counts = self.table["level"].isin(levels[: levels.index(level) + 1])
        return int((counts & ~self.is_known).sum())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The findings one by one, worst first, as values by column; null is None."""
        rows = self.table.astype(object).where(self.table.notna(), None)
        yield from rows.to_dict("records")  # type: ignore[misc]  # columns are texts

    def __repr__(self) -> str:
        worst = ", ".join(f"{code} {count}" for code, count in self.counts.items())
        return f"Findings({len(self)} in {self.dataset.name!r}: {worst or 'none'})"

    def _repr_html_(self) -> str:
        shown = self.table.head(20)[["check", "name", "level", "file", "line", "message", "mend"]]
        body = shown.astype(object).where(shown.notna(), "").to_html(index=False)
        more = f"<p>… and {len(self) - 20} more</p>" if len(self) > 20 else ""
        return f"<p>{html.escape(repr(self))}</p>{body}{more}"


def empty_dataset(name: str) -> Dataset:
    """A dataset without rows and files."""
    tables = {n: make_table(columns, 0, {}) for n, columns in _TABLES.items()}
    return Dataset(
        name,
        tables["images"],
        tables["boxes"],
        tables["findings"],
        tables["classes"],
        MemorySources({}),
    )


def save(
    dataset: Dataset,
    folder: Path | str,
    *,
    force: bool = False,
    beside: Mapping[str, bytes] | None = None,
) -> None:
    """Writes a dataset folder, whole or not at all; `beside` are further files for it, by name.

    Raises
    ------
    OutputError
        When the folder exists and is not empty (unless `force`, which replaces a dataset folder
        and nothing else), or cannot be written.
    """
    folder = Path(folder)
    refuse_loose_rows(dataset)
    refuse_overwrite(folder, PRODUCT, force=force)
    with new_folder(folder) as part:
        for name, columns in _TABLES.items():
            _write_table(getattr(dataset, name), columns, part / f"{name}.parquet")
        (part / "sources").mkdir()
        write_sources(dataset.sources, part / "sources")
        hashes = pq.read_table(part / "sources" / "files.parquet").to_pydict()
        document = _document(dataset, hashes)
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
        (part / "dataset.json").write_text(text + "\n", encoding="utf-8")
        for name, body in (beside or {}).items():
            (part / name).write_bytes(body)


def _write_table(table: pd.DataFrame, columns: Mapping[str, Column], path: Path) -> None:
    arrow = to_arrow(table, columns)
    # Dictionaries pay for words that repeat; coordinates and ids only cost time there.
    words = [name for name, column in columns.items() if column.dtype == "str"]
    pq.write_table(arrow, path, compression="zstd", compression_level=1, use_dictionary=words)


def _document(dataset: Dataset, hashes: Mapping[str, list[Any]]) -> dict[str, Any]:
    findings = dataset.findings["check"].value_counts().sort_index()
    return {
        "schema": SCHEMA,
        "name": dataset.name,
        "images_root": None if dataset.images_root is None else str(dataset.images_root),
        "options": dict(dataset.options),
        "files": [
            {"file": f, "format": dataset.formats.get(f), "sha256": s, "size": n}
            for f, s, n in zip(hashes["file"], hashes["sha256"], hashes["size"], strict=True)
        ],
        "report": {
            "images": len(dataset.images),
            "boxes": len(dataset.boxes),
            "label_states": {
                str(k): int(v)
                for k, v in dataset.images["label_state"].value_counts().sort_index().items()
            },
            "findings": {str(code): int(count) for code, count in findings.items()},
        },
    }


def load(folder: Path | str) -> Dataset:
    """Reads a dataset folder.

    Raises
    ------
    DatasetError
        When the folder is broken or of another schema version.
    """
    folder = Path(folder)
    place = Place(str(folder / "dataset.json"))
    try:
        body = (folder / "dataset.json").read_bytes()
        schema = msgspec.json.decode(body, type=_Version).schema
        if schema != SCHEMA:
            raise DatasetError(
                f"has schema {schema!r}, this version reads {SCHEMA!r}",
                place=place,
                mend="ingest the source again, or use the version that wrote it",
            )
        document = msgspec.json.decode(body, type=_Document)
        tables = {
            name: from_arrow(pq.read_table(folder / f"{name}.parquet"), columns)
            for name, columns in _TABLES.items()
        }
        sources = PackedSources(folder / "sources")
        _refuse_unfit(document, tables, set(sources.names()))
        return Dataset(
            name=document.name,
            sources=sources,
            formats={f.file: f.format for f in document.files if f.format},
            options=msgspec.to_builtins(document.options),
            images_root=None if document.images_root is None else Path(document.images_root),
            **tables,
        )
    except (OSError, *_BROKEN) as error:
        raise DatasetError(
            f"is not a whole dataset folder: {error}", place=place, mend="ingest the source again"
        ) from error


_BROKEN = (
    ValueError, KeyError, TypeError, RecursionError, MemoryError, OverflowError,
    msgspec.MsgspecError, pa.ArrowException, TableError,
)  # fmt: skip


class _Version(msgspec.Struct):
    schema: str


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    image_source: str
    format: str
    prefix: str
    classes: list[str] | None
    size_wh: tuple[int, int] | None
    kind: str | None
    class_ids: Literal["own", "index"]
    truth: str | list[str] | None


class _Options(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    parts: list[_Part] = []
    definitions: list[str] = []


class _File(msgspec.Struct):
    file: str
    format: str | None


class _Document(msgspec.Struct):
    """What `load` needs of `schemas/dataset-1.schema.json`."""

    name: str
    images_root: str | None
    options: _Options
    files: list[_File]


def _refuse_unfit(document: _Document, tables: Mapping[str, pd.DataFrame], kept: set[str]) -> None:
    """Refuses tables and files that do not fit together: later steps rely on it."""
    if {f.file for f in document.files} != kept:
        raise TableError("`files` are not those in sources/")
    told = [part.truth or [] for part in document.options.parts]
    truths = {file for truth in told for file in ([truth] if isinstance(truth, str) else truth)}
    if not truths <= kept:
        raise TableError("the annotation file of a part is not in sources/")
    for name, columns in _TABLES.items():
        check_values(tables[name], columns, name)
    images, boxes, findings = tables["images"], tables["boxes"], tables["findings"]
    if images["image_id"].duplicated().any() or boxes["box_id"].duplicated().any():
        raise TableError("an id stands twice in a table")
    members = [box_id for ids in findings["members"] for box_id in ids]
    if (
        not boxes["image_id"].isin(images["image_id"]).all()
        or not pd.Series(members, dtype="Int64").isin(boxes["box_id"]).all()
    ):
        raise TableError("a table names an id that is in none")
    for text in findings["places"].dropna():
        msgspec.json.decode(text, type=list[dict[str, Any]])  # JSON values


def is_dataset_folder(path: Path) -> bool:
    """Whether the path is a folder with a `dataset.json` of any version in it."""
    try:
        with (path / "dataset.json").open("rb") as stream:
            head = stream.read(1 << 16)
    except (OSError, ValueError):
        # ValueError: a NUL in the path.
        return False
    return b'"curate.dataset/' in head or (path / "boxes.parquet").exists()
