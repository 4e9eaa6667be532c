"""The audit: everything wrong with a set of labels, as one findings table."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate import checks
from curate.assembly import sorted_findings
from curate.dataset import Dataset, Findings
from curate.defining import clause_checks, judged
from curate.definitions.judging import Outcome
from curate.definitions.loading import load
from curate.definitions.model import Definitions
from curate.errors import UsageError
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
    definitions: Definitions | Sequence[str | Path] | None = None,
    vocabulary: str | None = None,
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
    definitions
        Definitions that hold beside the checks (loaded ones, or files and ids of shipped ones):
        boxes get labels and roles by their mapping, and their clauses are judged. Where a clause
        speaks in the place of a check, that check passes over what the clause is about.
    vocabulary
        The vocabulary of the mappings; None: the one that knows most of a source's classes.
    extra
        Checks of your own, as `curate.checks.from_file` reads them from a Python file.

    Raises
    ------
    SourceError, FormatError
        When the path cannot be read.
    UsageError
        For a check, parameter or loader that does not exist, a value out of the parameter's
        range, labels that the loader does not take; for anything wrong in a definition, for classes
        that its mapping does not name, and for a check of your own that fails.
    """
    rules = _loaded(definitions)
    dataset = source if isinstance(source, Dataset) else read(source, options)
    measures = derived(dataset)
    outcome = None
    if rules is not None:
        outcome = judged(dataset, rules, vocabulary, measures=measures)
    clauses = [] if outcome is None else clause_checks(outcome)
    wanted = checks.selected(select, ignore, extra, {c.code: c.name for c in clauses})
    told = dataset.findings
    if loader is not None:
        parts = [part for part in (told, loader_findings(dataset, loader)) if len(part)]
        told = pd.concat(parts, ignore_index=True) if parts else told
    own = told[told["check"].isin(wanted & set(FAULTS)).to_numpy()]
    known = {
        "BOX-001": _members(own, _WITHOUT_PLACE),
        "SET-009": _members(own, _WITHOUT_CLASS),
        "TRK-005": _members(own, ("SRC-006",)),
    }
    in_force = [] if outcome is None else [o for o in outcome.outcomes if o.clause.id in wanted]
    found = checks.run(
        dataset,
        measures,
        select=select,
        ignore=ignore,
        params=params,
        told=_told(known, in_force, dataset),
        extra=extra,
        clauses=clauses,
    )
    found = _with_definitions(found, in_force)
    own = _without_replaced(_without_explained(own, found), in_force)
    tables = [table for table in (own, found) if len(table)]
    table = pd.concat(tables, ignore_index=True) if tables else found
    return Findings(
        sorted_findings(table), dataset, definitions=() if rules is None else rules.stated
    )


def _loaded(definitions: Definitions | Sequence[str | Path] | None) -> Definitions | None:
    if definitions is None or isinstance(definitions, Definitions):
        rules = definitions
    else:
        rules = load([definitions] if isinstance(definitions, str) else definitions)
    if rules is not None:
        refuse_unknown_codes(rules)
    return rules


def refuse_unknown_codes(definitions: Definitions) -> None:
    """Refuses clauses that speak in the place of checks that do not exist.

    Raises
    ------
    UsageError
        With the clause's line and the nearest code.
    """
    known = sorted({*checks.CHECKS, *FAULTS})
    for clause in definitions.clauses:
        for code in clause.replaces:
            if code not in known:
                near = difflib.get_close_matches(code, known, n=1)
                raise UsageError(
                    f"{clause.id} replaces {code}, which is no check",
                    place=clause.place,
                    mend=f"did you mean {near[0]}?" if near else "see `curate explain`",
                )


def _told(
    known: Mapping[str, set[int]], in_force: Sequence[Outcome], dataset: Dataset
) -> dict[str, npt.NDArray[np.int64]]:
    """Check to the boxes that it passes over: the reader or a clause in its place speaks of them.

    A clause passes over what the reader has told in the place of the check that it replaces.
    """
    ids = dataset.boxes["box_id"].to_numpy(np.int64)
    told = {code: [np.fromiter(some, np.int64, len(some))] for code, some in known.items()}
    spoken = {code: list(some) for code, some in told.items()}
    for outcome in in_force:
        for code in outcome.clause.replaces:
            spoken.setdefault(outcome.clause.id, []).extend(told.get(code, ()))
            if outcome.scope is not None:
                spoken.setdefault(code, []).append(ids[outcome.scope])
    return {code: np.concatenate(some) for code, some in spoken.items() if some}


def _with_definitions(found: pd.DataFrame, in_force: Sequence[Outcome]) -> pd.DataFrame:
    """The findings, those of clauses with the definition that they were judged by."""
    stated = {outcome.clause.id: outcome.clause.stated_by for outcome in in_force}
    if not stated or not len(found):
        return found
    named = found["check"].map(stated).astype(found["definition"].dtype)
    return found.assign(definition=named)


def _without_replaced(own: pd.DataFrame, in_force: Sequence[Outcome]) -> pd.DataFrame:
    """The reader's findings without those in whose place a clause of the dataset speaks."""
    codes = {
        code
        for outcome in in_force
        if outcome.clause.record == "dataset" and outcome.n_judged
        for code in outcome.clause.replaces
    }
    return own[~own["check"].isin(codes).to_numpy()].reset_index(drop=True) if codes else own


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
