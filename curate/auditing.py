"""The audit: everything wrong with a set of labels, as one findings table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from curate import checks
from curate.assembly import sorted_findings
from curate.dataset import Dataset, Findings
from curate.faults import FAULTS
from curate.formats import ReadOptions, derived, read


def audit(
    source: Dataset | Path | str,
    options: ReadOptions | None = None,
    *,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    params: Mapping[str, Mapping[str, float]] | None = None,
) -> Findings:
    """All findings of a dataset: what its reader could not take, and what the checks found.

    Parameters
    ----------
    source
        A dataset, or a path that `curate.read` takes.
    options
        How to read the path.
    select, ignore
        Codes, names or beginnings of codes (`BOX`) of the checks wanted and not wanted.
    params
        Parameters other than the defaults, by check code and parameter name.

    Raises
    ------
    SourceError, FormatError
        When the path cannot be read.
    UsageError
        For a check or parameter that does not exist.
    """
    dataset = source if isinstance(source, Dataset) else read(source, options)
    wanted = checks.selected(select, ignore)
    own = dataset.findings[dataset.findings["check"].isin(wanted & set(FAULTS)).to_numpy()]
    found = checks.run(dataset, derived(dataset), select=select, ignore=ignore, params=params)
    found, own = _without_told(found, own), _without_explained(own, found)
    tables = [table for table in (own, found) if len(table)]
    table = pd.concat(tables, ignore_index=True) if tables else found
    return Findings(sorted_findings(table), dataset)


def _without_told(found: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """The checks' findings without boxes that are not finite because their record is unreadable.

    The reader has told that cause already, with the place and the value.
    """
    unreadable = own.loc[own["check"] == "SRC-001", "members"]
    told = {box_id for members in unreadable for box_id in members}
    again = [
        check == "BOX-001" and told.issuperset(members)
        for check, members in zip(found["check"], found["members"], strict=True)
    ]
    # As an array: an empty list would choose columns, not rows.
    return found[~np.asarray(again, np.bool_)].reset_index(drop=True)


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
