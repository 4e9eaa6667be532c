"""The audit: everything wrong with a set of labels, as one findings table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from curate import checks
from curate.assembly import sorted_findings
from curate.dataset import Dataset, Findings
from curate.faults import FAULTS
from curate.formats import ReadOptions, derived, read
from curate.formats.loaders import loader_findings

# What the reader tells of records without a place (unreadable, several pictures, none with a size),
# without a class, and of one object twice in a frame.
_WITHOUT_PLACE = ("SRC-001", "SRC-011", "SRC-015")
_WITHOUT_CLASS = ("SRC-001", "SRC-009")


def audit(
    source: Dataset | Path | str,
    options: ReadOptions | None = None,
    *,
    select: Collection[str] | None = None,
    ignore: Collection[str] | None = None,
    params: Mapping[str, Mapping[str, float]] | None = None,
    loader: str | None = None,
    extra: Collection[checks.Check] = (),
) -> Findings:
    """All findings of a dataset: what its reader could not take, and what the checks found.

    Parameters
    ----------
    source
        A dataset, or a path that `curate.read` takes.
    options
        How to read the path.
    select, ignore
        Codes, names or beginnings of codes (`BOX`) of the checks wanted and not wanted; one alone
        may be a text.
    params
        Parameters other than the defaults, by check code and parameter name.
    loader
        Also what this training code would do to the labels without stopping (`ultralytics`, for
        labels of YOLO): findings of the codes ULT.
    extra
        Checks of your own, as `curate.checks.from_file` reads them from a Python file.

    Raises
    ------
    SourceError, FormatError
        When the path cannot be read.
    UsageError
        For a check, parameter or loader that does not exist, a value out of the parameter's
        range, labels that the loader does not take, and a check of your own that fails.
    """
    dataset = source if isinstance(source, Dataset) else read(source, options)
    wanted = checks.selected(select, ignore, extra)
    told = dataset.findings
    if loader is not None:
        parts = [part for part in (told, loader_findings(dataset, loader)) if len(part)]
        told = pd.concat(parts, ignore_index=True) if parts else told
    own = told[told["check"].isin(wanted & set(FAULTS)).to_numpy()]
    found = checks.run(
        dataset,
        derived(dataset),
        select=select,
        ignore=ignore,
        params=params,
        extra=extra,
        told={
            "BOX-001": _members(own, _WITHOUT_PLACE),
            "SET-009": _members(own, _WITHOUT_CLASS),
            "TRK-005": _members(own, ("SRC-006",)),
        },
    )
    own = _without_explained(own, found)
    tables = [table for table in (own, found) if len(table)]
    table = pd.concat(tables, ignore_index=True) if tables else found
    return Findings(sorted_findings(table), dataset)


def _members(own: pd.DataFrame, codes: Collection[str]) -> set[int]:
    """The boxes of the reader's findings of these codes."""
    members = own.loc[own["check"].isin(list(codes)), "members"]
    return {box_id for ids in members for box_id in ids}


def _without_explained(own: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The reader's findings without unknown classes that a shift of all class numbers explains."""
    shifted = found.loc[found["check"] == "CONV-010", "members"]
    explained = {box_id for members in shifted for box_id in members}
    if not explained:
        return own
    follows = [
        check == "SRC-004" and bool(members) and explained.issuperset(members)
        for check, members in zip(own["check"], own["members"], strict=True)
    ]
    return own[~np.asarray(follows, np.bool_)].reset_index(drop=True)
