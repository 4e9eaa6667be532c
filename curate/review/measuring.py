"""Verdicts on findings held against the checks that made them, and against an audit."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd

from curate.baseline import baseline_of
from curate.dataset import Findings
from curate.review.decisions import held
from curate.verdicts import CheckVerdicts


def measured(
    decisions: pd.DataFrame, *, ran: Collection[str] | None = None
) -> tuple[CheckVerdicts, ...]:
    """The verdicts that hold on findings, counted by check, in the order of the codes.

    Parameters
    ----------
    decisions
        Columns `DECISION_COLUMNS`.
    ran
        Codes of the checks wanted; None: all.
    """
    table = held(decisions).table
    table = table[table["subject"] == "finding"]
    if ran is not None:
        table = table[table["check"].isin(list(ran))]
    is_confirmed = table["verdict"] == "confirm"
    sizes = is_confirmed.groupby(table["check"], sort=True).agg(["sum", "size"])
    return tuple(
        CheckVerdicts(str(check), int(confirmed), int(size - confirmed))
        for check, confirmed, size in sizes.itertuples()
    )


def settled(
    findings: Findings, decisions: pd.DataFrame, *, ran: Collection[str] | None = None
) -> Findings:
    """The findings without those judged false alarms, which are counted, and the verdicts by check.

    A finding that has come to have more members than when it was judged stays: nobody has judged
    these. Findings about waivers stay, too.

    Parameters
    ----------
    decisions
        Columns `DECISION_COLUMNS`. Verdicts on findings that are not here count for their check.
    ran
        Codes of the checks that ran: verdicts on others are not told. None: all.
    """
    table = held(decisions).table
    alarms = table[(table["subject"] == "finding") & (table["verdict"] == "false-alarm")]
    # A finding judged without a number of members was judged as a whole.
    allowed = pd.Series(
        alarms["members"].fillna(np.iinfo(np.int64).max).to_numpy(np.int64),
        alarms["finding_id"].to_numpy(np.int64),
    )
    now = baseline_of(findings).findings
    limit = allowed.reindex(now["finding_id"], fill_value=-1).to_numpy(np.int64)
    refuted = now["finding_id"][now["members"].to_numpy(np.int64) <= limit]
    is_out = findings.table["finding_id"].isin(refuted).to_numpy(bool)
    return replace(
        findings,
        table=findings.table[~is_out].reset_index(drop=True),
        refuted=findings.refuted + int(is_out.sum()),
        verdicts=measured(decisions, ran=ran),
    )
