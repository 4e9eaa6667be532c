"""Baselines: the findings of one day as a file, so that from then on only new ones fail a run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.assembly import GROUP_IN_FILE
from curate.dataset import Findings
from curate.errors import Place, UsageError, quote
from curate.faults import OF_WAIVERS
from curate.tables import hex_id

SCHEMA = "curate.baseline/1"
MARK = rb'^\{"schema": "curate\.baseline/'
_MEND = "write it again: curate audit SOURCE --write-baseline FILE"

_Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Baseline:
    """The findings that are known of one source.

    Parameters
    ----------
    source
        Name of the dataset: ids of findings are made with it.
    findings
        Columns finding_id (int64), check, file (None: of no single file) and members (number of
        boxes and other records), sorted by check and id.
    definitions
        The definitions that the findings were judged by, each `id@version+hash`.
    """

    source: str
    findings: pd.DataFrame
    definitions: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings per check code, in the order of the codes."""
        counts = self.findings["check"].value_counts().sort_index()
        return {str(code): int(count) for code, count in counts.items()}


def baseline_of(findings: Findings) -> Baseline:
    """The baseline that knows all of these findings, but those about waivers."""
    counted = _counted(findings.table)
    return Baseline(
        findings.dataset.name,
        counted.sort_values(["check", "finding_id"], kind="stable").reset_index(drop=True),
        findings.definitions,
    )


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """Findings with the number of their members; waivers are mended in their own file."""
    table = table[~table["check"].isin(OF_WAIVERS)]
    # A loop over findings: their members and places are lists and texts of their own.
    n_members = [
        len(members) + _n_places(places)
        for members, places in zip(table["members"], table["places"], strict=True)
    ]
    return _frame(
        table["finding_id"].to_numpy(np.int64),
        table["check"].tolist(),
        table["file"].astype(object).where(table["file"].notna(), None).tolist(),
        n_members,
    )


def _frame(
    ids: Any, checks: list[str], files: list[str | None], members: list[int]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "finding_id": np.asarray(ids, np.int64),
            "check": pd.Series(checks, dtype="str"),
            "file": pd.Series(files, dtype=object),
            "members": np.asarray(members, np.int64),
        }
    )


def _n_places(places: Any) -> int:  # JSON text, or no value
    told = json.loads(places) if isinstance(places, str) else []
    return sum("boxes" not in place for place in told)


def against(
    findings: Findings, baseline: Baseline, *, ran: Collection[str] | None = None
) -> Findings:
    """The findings with those that the baseline holds marked as known, and the mended counted.

    A finding is known when its id is in the baseline with as many members or more: a cause that
    has come to concern more boxes is new. Many findings of one check are joined into one, with an
    id of its own, and fall apart again when some are mended: where that has happened, all findings
    of that check in that file (of a cause in small files: in the source) are known as long as they
    have no more members together than before.

    Parameters
    ----------
    ran
        Codes of the checks that ran: what the baseline holds of others is not mended. None: all.

    Raises
    ------
    UsageError
        For the baseline of a source of another name.
    """
    _refuse_other(findings, baseline)
    now, then = _counted(findings.table), baseline.findings
    if ran is not None:
        then = then[then["check"].isin(list(ran))]
    before = dict(zip(then["finding_id"].tolist(), then["members"].tolist(), strict=True))
    allowed = now["finding_id"].map(before).fillna(-1)
    joined_now, joined_then = _regrouped(now, then)
    is_known = (now["members"] <= allowed).to_numpy(bool) | joined_now
    is_gone = ~then["finding_id"].isin(now["finding_id"]).to_numpy(bool)
    return replace(
        findings,
        known=frozenset(now["finding_id"][is_known].tolist()),
        mended=int(np.count_nonzero(is_gone & ~joined_then)),
    )


def _refuse_other(findings: Findings, baseline: Baseline) -> None:
    name = findings.dataset.name
    if baseline.source != name:
        raise UsageError(
            f"the baseline is of the source {quote(baseline.source)}, this is {quote(name)}",
            mend=f"read it with --name {quote(baseline.source)}, or write a baseline of its own",
        )


def _regrouped(now: pd.DataFrame, then: pd.DataFrame) -> tuple[_Masks, _Masks]:
    """Which findings were joined or fell apart since, and have no more members together."""
    new = now[~now["finding_id"].isin(then["finding_id"])]
    gone = then[~then["finding_id"].isin(now["finding_id"])]
    some = pd.concat([new, gone])
    some = some[some["members"] > GROUP_IN_FILE]
    of_now, of_then = np.zeros(len(now), np.bool_), np.zeros(len(then), np.bool_)
    for check, file in dict.fromkeys(zip(some["check"], some["file"], strict=True)):
        in_now, in_then = _in_scope(now, check, file), _in_scope(then, check, file)
        if now["members"][in_now].sum() <= then["members"][in_then].sum():
            of_now |= in_now
            of_then |= in_then
    return of_now, of_then


def _in_scope(counted: pd.DataFrame, check: str, file: str | None) -> _Masks:
    of_check = (counted["check"] == check).to_numpy(bool)
    return of_check if file is None else of_check & (counted["file"] == file).to_numpy(bool)


def to_json(baseline: Baseline) -> str:
    """The baseline as JSON text (`schemas/baseline-1.schema.json`), a line for each finding."""
    table = baseline.findings
    about = {
        "source": baseline.source,
        "definitions": list(baseline.definitions),
        "counts": baseline.counts,
    }
    head = _json({"schema": SCHEMA, **about, "findings": []})
    rows = [
        _json({"finding_id": hex_id(own), "check": check, "file": file, "members": members})
        for own, check, file, members in table.itertuples(index=False)
    ]
    return head.removesuffix("]}") + "".join(f"\n{row}," for row in rows)[:-1] + "\n]}\n"


def _json(value: Any) -> str:  # a JSON value
    return json.dumps(value, ensure_ascii=False)


class _Known(msgspec.Struct, forbid_unknown_fields=True):
    finding_id: Annotated[str, msgspec.Meta(pattern="^[0-7][0-9a-f]{15}$")]
    check: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2,8}-[0-9]{3}$")]
    file: str | None
    members: Annotated[int, msgspec.Meta(ge=0)]


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    source: str
    counts: dict[str, int]
    findings: list[_Known]
    # Baselines of before definitions were stated in them have none.
    definitions: tuple[str, ...] = ()


class _Version(msgspec.Struct):
    schema: str


def read_baseline(path: Path, name: str) -> Baseline:
    """The baseline of a file; `name` is how it is called in messages.

    Raises
    ------
    UsageError
        When it cannot be read, is no JSON, is of another schema, or holds a finding twice.
    """
    place = Place(name)
    try:
        body = path.read_bytes()
        schema = msgspec.json.decode(body, type=_Version).schema
        if schema != SCHEMA:
            raise UsageError(
                f"has schema {quote(schema)}, this version reads {quote(SCHEMA)}",
                place=place,
                mend=_MEND,
            )
        found = msgspec.json.decode(body, type=_Document)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", place=place, mend=f"check --baseline, or {_MEND}"
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"is no baseline: {error}", place=place, mend=_MEND) from error
    _refuse_repeats(found, place)
    return Baseline(
        found.source,
        _frame(
            [int(one.finding_id, 16) for one in found.findings],
            [one.check for one in found.findings],
            [one.file for one in found.findings],
            [one.members for one in found.findings],
        ),
        found.definitions,
    )


def _refuse_repeats(found: _Document, place: Place) -> None:
    counts = Counter(one.finding_id for one in found.findings)
    twice = [own for own, count in counts.items() if count > 1]
    if twice:
        raise UsageError(
            f"finding {twice[0]} stands twice", place=place, mend=f"keep one of them, or {_MEND}"
        )
