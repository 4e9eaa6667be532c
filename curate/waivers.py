"""Waivers: findings that somebody has looked at and lets stand, with a reason and until a day."""

from __future__ import annotations

import difflib
import fnmatch
import json
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate.assembly import Fault, findings_table, sorted_findings
from curate.checks import CHECKS
from curate.dataset import Findings
from curate.definitions.files import shipped
from curate.definitions.loading import load
from curate.documents import Document, read_document, refuse_unfit
from curate.errors import Place, UsageError, quote
from curate.faults import FAULTS
from curate.tables import hex_id, normal_key

SCHEMA_FILE = "waivers-1.schema.json"
EXPIRED, IDLE = "WAI-001", "WAI-002"
# The image of findings about no image is any image, and only that.
ANY_IMAGE = "*"


@dataclass(frozen=True)
class Waiver:
    """One entry of a waiver file: all that it names has to fit a finding.

    Parameters
    ----------
    until
        The last day on which it holds.
    place
        File and line where it stands.
    finding
        Id of a finding, 16 hex digits.
    check
        Code or name of a check.
    image
        Pattern of image keys (`source/path`): `*` any text, `/` included, `?` one character,
        `[ab]` one of them. All images of a finding have to fit.
    file
        Pattern of label files, likewise.
    """

    reason: str
    author: str
    until: date
    place: Place
    finding: str | None = None
    check: str | None = None
    image: str | None = None
    file: str | None = None

    @property
    def about(self) -> str:
        """What it is for, in words."""
        words = [f"finding {self.finding}" if self.finding else None, self.check, self.image]
        words.append(f"in {self.file}" if self.file else None)
        return " ".join(word for word in words if word)


def read_waivers(path: Path, name: str) -> tuple[Waiver, ...]:
    """The waivers of a YAML file that fits `schemas/waivers-1.schema.json`.

    Raises
    ------
    UsageError
        When it cannot be read or does not fit, and for a day that there is not, naming the line.
    """
    document = read_document(path, name)
    document = replace(document, values=_dates_as_texts(document.values))
    refuse_unfit(document, SCHEMA_FILE)
    rows = document.values["waivers"]
    return tuple(_waiver(document, number, row) for number, row in enumerate(rows))


def _dates_as_texts(value: Any) -> Any:  # YAML values
    """The values with YAML's own dates as texts: schemas know no dates."""
    if isinstance(value, dict):
        return {key: _dates_as_texts(own) for key, own in value.items()}
    if isinstance(value, list):
        return [_dates_as_texts(own) for own in value]
    return str(value) if isinstance(value, date) else value


def _waiver(document: Document, number: int, row: dict[str, str]) -> Waiver:
    try:
        until = date.fromisoformat(row["until"])
    except ValueError as error:
        raise UsageError(
            f"waivers.{number}.until: is {quote(row['until'])}, should be a day of the calendar",
            place=document.place("waivers", number, "until"),
            mend="write it as 2026-12-31",
        ) from error
    patterns = {key: normal_key(row[key]) for key in ("image", "file") if key in row}
    given = {key: row.get(key) for key in ("finding", "check")} | patterns
    place = document.place("waivers", number)
    return Waiver(row["reason"], row["author"], until, place, **given)


def refuse_unknown_checks(waivers: Sequence[Waiver], own: Collection[str] = ()) -> None:
    """Refuses waivers of checks that do not exist: they would never waive anything.

    Parameters
    ----------
    own
        Codes and names of checks and clauses that are known beside curate's own and those of the
        definitions that come with it.

    Raises
    ------
    UsageError
        With the waiver's place and the nearest code or name.
    """
    known = {*own, *FAULTS, *CHECKS}
    known |= {fault.name for fault in FAULTS.values()} | {check.name for check in CHECKS.values()}
    unknown = [one for one in waivers if one.check is not None and one.check not in known]
    if unknown:
        # Only now, as reading definitions takes a while; one by one, as projects cannot be in
        # force together.
        clauses = [clause for word in shipped() for clause in load([word]).clauses]
        known |= {word for clause in clauses for word in (clause.id, clause.name)}
    for waiver in unknown:
        if waiver.check not in known:
            raise _unknown_check(waiver.check or "", known, waiver.place)


def _unknown_check(word: str, known: Collection[str], place: Place) -> UsageError:
    near = difflib.get_close_matches(word, sorted(known), n=1)
    own = "give the file that has it with --checks or --definitions"
    return UsageError(
        f"there is no check {quote(word)}",
        place=place,
        mend=f"did you mean {near[0]!r}? If it is your own, {own}" if near else own,
    )


def waive(
    findings: Findings,
    waivers: Sequence[Waiver],
    today: date,
    *,
    ran: Collection[str] | None = None,
) -> Findings:
    """The findings without those that a waiver fits, and with findings about the waivers.

    A waiver that has run out waives nothing and is a finding (WAI-001); one that fits nothing is
    one too (WAI-002), unless its check did not run or its image is of another source. That its
    check exists is for `refuse_unknown_checks` to say.

    Parameters
    ----------
    today
        The day that waivers are held against.
    ran
        Codes of the checks that ran, and names of those that are not curate's own; None: all.
    """
    rows = _Rows(findings)
    is_waived = np.zeros(len(findings), np.bool_)
    faults = []
    for waiver in waivers:
        fitting = rows.fitting(waiver)
        if waiver.until < today:
            faults.append(_expired(waiver))
        elif fitting:
            is_waived[fitting] = True
        elif _is_judged(waiver, findings, ran):
            faults.append(_idle(waiver))
    if ran is not None:
        faults = [fault for fault in faults if fault.code in ran]
    table = findings.table[~is_waived]
    if faults:
        dataset = findings.dataset
        told = findings_table(faults, dataset.images, dataset.boxes, dataset.name)
        table = sorted_findings(pd.concat([table, told] if len(table) else [told]))
    waived = findings.waived + int(is_waived.sum())
    return replace(findings, table=table.reset_index(drop=True), waived=waived)


class _Rows:
    """The findings by id, check and image, each looked up when a waiver asks for it."""

    def __init__(self, findings: Findings) -> None:
        self._table = table = findings.table
        self._dataset = findings.dataset
        ids = table["finding_id"].tolist()
        self._of_id = {hex_id(own): row for row, own in enumerate(ids)}
        self._of_check: dict[str, list[int]] = defaultdict(list)
        for row, words in enumerate(zip(table["check"], table["name"], strict=True)):
            for word in words:
                self._of_check[word].append(row)
        images = self._dataset.images
        self._keys = dict(zip(images["image_id"], images["image_key"], strict=True))
        self._boxes = pd.Index(self._dataset.boxes["box_id"].to_numpy(np.int64))
        self._found: dict[int, set[str]] = {}

    def fitting(self, waiver: Waiver) -> list[int]:
        """The rows of the findings that a waiver is for."""
        if waiver.finding is not None:
            rows = [self._of_id[waiver.finding]] if waiver.finding in self._of_id else []
        else:
            rows = self._of_check.get(waiver.check or "", [])
        if waiver.check is not None:
            of_check = set(self._of_check.get(waiver.check, []))
            rows = [row for row in rows if row in of_check]
        if waiver.file is not None:
            is_file = re.compile(fnmatch.translate(waiver.file)).match
            files = self._table["file"]
            rows = [row for row in rows if is_file(files[row] if pd.notna(files[row]) else "")]
        if waiver.image is None or waiver.image == ANY_IMAGE:
            return rows
        is_image = re.compile(fnmatch.translate(waiver.image)).match
        return [row for row in rows if self._images(row) and all(map(is_image, self._images(row)))]

    def _images(self, row: int) -> set[str]:
        """The keys of all images that a finding is about."""
        if row not in self._found:
            self._found[row] = self._images_of(self._table.iloc[row])
        return self._found[row]

    def _images_of(self, finding: pd.Series[Any]) -> set[str]:  # Any: a row of all types
        if pd.notna(finding["image_id"]):
            return {self._keys[finding["image_id"]]}
        where = self._boxes.get_indexer(np.asarray(finding["members"], np.int64))
        image_ids = self._dataset.boxes["image_id"].iloc[where].unique()
        told = json.loads(finding["places"]) if isinstance(finding["places"], str) else []
        named = {place["image"] for place in told if place.get("image")}
        return {self._keys[image_id] for image_id in image_ids} | named


def _is_judged(waiver: Waiver, findings: Findings, ran: Collection[str] | None) -> bool:
    """Whether a waiver that fits nothing could have fitted something in this run."""
    known = {code: fault.name for code, fault in FAULTS.items()}
    known |= {code: check.name for code, check in CHECKS.items()}
    codes = [code for code, name in known.items() if waiver.check in (None, code, name)]
    if not codes and waiver.check is not None:
        # A clause of a definition, which ran or did not.
        codes = [waiver.check]
    if ran is not None and not set(codes) <= set(ran):
        return False
    source, slash, _ = (waiver.image or "").partition("/")
    is_named = slash and not re.search(r"[*?\[]", source)
    return not is_named or source in set(findings.dataset.images["source"])


def _expired(waiver: Waiver) -> Fault:
    return _fault(
        EXPIRED,
        waiver,
        f"the waiver of {waiver.about} by {waiver.author} ran out after {waiver.until}: "
        f"{waiver.reason}",
        "mend what it waived and take it out, or give it another day",
    )


def _idle(waiver: Waiver) -> Fault:
    return _fault(
        IDLE,
        waiver,
        f"the waiver of {waiver.about} by {waiver.author} fits no finding: {waiver.reason}",
        "take it out, or correct what it names",
    )


def _fault(code: str, waiver: Waiver, message: str, mend: str) -> Fault:
    place = waiver.place
    return Fault(code, message, mend, place.file, place.line, source_id=waiver.about, cause=code)
