"""Several sources in one dataset: their tables one after the other, their files side by side."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from curate.assembly import sorted_findings
from curate.dataset import Dataset
from curate.errors import UsageError, quote
from curate.formats.reading import KeptFiles, one_or_all, truth_files
from curate.sources import Body, MemorySources
from curate.tables import BOX_COLUMNS, CLASS_COLUMNS, FINDING_COLUMNS, IMAGE_COLUMNS, make_table

# What is wrong with a list of images, or with the file that it is in.
_OF_LISTS = ("IMG-006", "SRC-002")


class _Part:
    """The files of one source among the kept ones, by their names without its prefix."""

    def __init__(self, kept: KeptFiles, prefix: str) -> None:
        self._kept, self._prefix = kept, prefix
        self.files = {
            name.removeprefix(prefix): size
            for name, size in kept.files.items()
            if name.startswith(prefix)
        }

    def read(self, file: str) -> bytes:
        """All bytes of one file."""
        return self._kept.read(self._prefix + file)

    def body(self, file: str) -> Body:
        """All bytes of one file, without a copy where they are mapped."""
        return self._kept.body(self._prefix + file)

    def head(self, file: str, n_bytes: int | None) -> bytes:
        """The first bytes of one file."""
        return self.read(file)[:n_bytes]


def part_of(kept: KeptFiles, prefix: str) -> _Part:
    """The files of the source that was given this prefix."""
    return _Part(kept, prefix)


def combine(name: str, parts: Sequence[Dataset]) -> Dataset:
    """One dataset of several; the files of each stand below its name.

    Images that two parts share (predictions over an annotation file) are kept once, from the
    first part that has them.

    Raises
    ------
    UsageError
        When two parts have one name, or the same boxes.
    """
    names = [part.name for part in parts]
    refuse_same_names(names)
    return joined(name, parts, [f"{own}/" for own in names])


def refuse_same_names(names: Sequence[str]) -> None:
    """Refuses sources of one name: their images could not be told apart.

    Raises
    ------
    UsageError
        Naming them.
    """
    double = sorted(n for n, count in Counter(names).items() if count > 1)
    if double:
        raise UsageError(
            f"several sources are called {', '.join(double)}",
            mend="ingest them one by one with --name, then give the dataset folders",
        )


def joined(name: str, parts: Sequence[Dataset], prefixes: Sequence[str]) -> Dataset:
    """As `combine`, the files of each part below a prefix of its own (`name/`, or empty)."""
    rooted = _on_one_root(parts)
    placed = [_below(part, prefix) for part, prefix in zip(rooted, prefixes, strict=True)]
    images = _stacked([p.images for p in placed], IMAGE_COLUMNS)
    images = images.drop_duplicates("image_id", ignore_index=True)
    boxes = _stacked([p.boxes for p in placed], BOX_COLUMNS)
    _refuse_same_boxes(boxes, images)
    findings = _stacked([p.findings for p in placed], FINDING_COLUMNS)
    # Each part that shares the images has told what is wrong with their list.
    again = findings["check"].isin(_OF_LISTS) & findings["finding_id"].duplicated()
    files = {f: p.sources.body(f) for p in placed for f in p.sources.names()}
    own = [part for p in placed for part in p.options.get("parts", [])]
    formats = {f: kind for p in placed for f, kind in p.formats.items()}
    copies = _copies_of_truth(own, files, formats)
    images, findings = (
        table.assign(file=table["file"].replace(copies)) for table in (images, findings)
    )
    own = [
        part | {"truth": one_or_all([copies.get(file, file) for file in truth_files(part)])}
        for part in own
    ]
    classes = _stacked([p.classes for p in placed], CLASS_COLUMNS)
    classes = classes[~classes["file"].isin(list(copies))].reset_index(drop=True)
    return Dataset(
        name=name,
        images=images,
        boxes=boxes,
        findings=sorted_findings(findings[~again.to_numpy(bool)]),
        classes=classes,
        sources=MemorySources({f: body for f, body in files.items() if f not in copies}),
        formats=formats,
        options={"parts": own},
        images_root=next((p.images_root for p in placed if p.images_root is not None), None),
    )


def _on_one_root(parts: Sequence[Dataset]) -> list[Dataset]:
    """The parts with their pictures' paths below the one folder that holds all of them."""
    roots = {part.images_root for part in parts if part.images_root is not None}
    if len(roots) < 2:
        return list(parts)
    try:
        top = Path(os.path.commonpath([str(root) for root in roots]))
    except ValueError as error:  # two drives of Windows
        raise UsageError(
            "the sources' pictures lie on different drives", mend="put them below one folder"
        ) from error
    placed = []
    for part in parts:
        images = part.images
        if part.images_root is not None:
            below = part.images_root.relative_to(top).as_posix()
            prefix = "" if below == "." else f"{below}/"
            images = images.assign(path=prefix + images["path"])
        placed.append(replace(part.with_tables(images=images), images_root=top))
    return placed


def _copies_of_truth(
    parts: Sequence[Mapping[str, Any]], files: Mapping[str, Body], formats: Mapping[str, str]
) -> dict[str, str]:
    """Annotation files kept with results that another part has read too: file to that one."""
    copies = {}
    for truth in {file for part in parts for file in truth_files(part)}:
        for file, kind in formats.items():
            same = kind == "coco" and file != truth and len(files[file]) == len(files[truth])
            if same and memoryview(files[file]) == memoryview(files[truth]):
                copies[truth] = file
    return copies


def _refuse_same_boxes(boxes: pd.DataFrame, images: pd.DataFrame) -> None:
    same = boxes.loc[boxes["box_id"].duplicated(), "image_id"]
    if len(same):
        source = images.loc[images["image_id"] == same.iloc[0], "source"].iloc[0]
        raise UsageError(
            f"{len(same)} boxes come from two of the sources, the first of {quote(source)}",
            mend="give each source once, or ingest one of them under another --name",
        )


def _below(part: Dataset, prefix: str) -> Dataset:
    tables: dict[str, pd.DataFrame] = {}
    for name in ("images", "boxes", "findings", "classes"):
        table = getattr(part, name)
        tables[name] = table.assign(file=prefix + table["file"])
    own = [
        p
        | {
            "prefix": prefix + p["prefix"],
            "truth": one_or_all([prefix + file for file in truth_files(p)]),
        }
        for p in part.options.get("parts", [])
    ]
    files = {prefix + file: part.sources.body(file) for file in part.sources.names()}
    return Dataset(
        name=part.name,
        sources=MemorySources(files),
        formats={prefix + file: kind for file, kind in part.formats.items()},
        options={"parts": own},
        images_root=part.images_root,
        **tables,
    )


def _stacked(tables: list[pd.DataFrame], columns: Any) -> pd.DataFrame:  # a schema of curate.tables
    full = [table for table in tables if len(table)]
    if not full:
        return make_table(columns, 0, {})
    return pd.concat(full, ignore_index=True)
