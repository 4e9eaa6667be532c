"""The audit as lines for people: `place: code name (level): message - mend`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import numpy as np
import pandas as pd

from curate.dataset import Dataset, Findings
from curate.report.records import Record, records
from curate.verdicts import MIN_PRECISION, CheckVerdicts

SHOWN_PER_CHECK = 10
# The message of a finding names as many of its members; `--all` lists those of larger ones.
NAMED_MEMBERS = 10


def to_text(findings: Findings, *, show_all: bool = False, show_known: bool = False) -> str:
    """The audit as lines, the ten worst findings of each check.

    With `show_all` all of them, and a line for each member of those that have more than ten. With
    `show_known` also those that a baseline knows; otherwise a line tells their number. What people
    said of a check's findings follows them; checks without any stand behind all others. The last
    line names the definitions in force, where there are some.
    """
    return "".join(text_parts(findings, show_all=show_all, show_known=show_known))


def text_parts(
    findings: Findings, *, show_all: bool = False, show_known: bool = False
) -> Iterator[str]:
    """The text of `to_text`, finding by finding."""
    name = findings.dataset.name
    n_known = 0 if show_known else int(findings.is_known.sum())
    findings = findings if show_known else findings.new
    counts = findings.counts
    verdicts = {own.check: own for own in findings.verdicts}
    for code, found in groupby(_shown(findings, show_all=show_all), _check_of):
        n_shown = 0
        for place, record in found:
            n_shown += 1
            yield finding_line(place or name, record)
            if show_all and len(record["members"]) > NAMED_MEMBERS:
                yield from map(member_line, record["members"])
        if n_shown < counts[code]:
            yield f"  … {counts[code] - n_shown} more {code} (--all shows them)\n"
        if code in verdicts:
            yield verdicts_line(verdicts.pop(code))
    yield from map(verdicts_line, verdicts.values())
    if n_known:
        yield f"  … {n_known} known {'finding' if n_known == 1 else 'findings'} (--known shows)\n"
    if findings.definitions:
        yield f"judged by {', '.join(findings.definitions)}\n"


def _shown(findings: Findings, *, show_all: bool) -> Iterator[tuple[str, Record]]:
    """Place and record of the findings that are shown, check by check."""
    checks = findings.table.groupby("check", sort=False)
    rows = np.argsort(checks.ngroup().to_numpy(np.int64), kind="stable")
    if not show_all:
        rows = rows[checks.cumcount().to_numpy(np.int64)[rows] < SHOWN_PER_CHECK]
    shown = replace(findings, table=findings.table.iloc[rows])
    return zip(places(shown), records(shown), strict=True)


def _check_of(found: tuple[str, Record]) -> str:
    return str(found[1]["check"])


def finding_line(place: str, record: Record) -> str:
    """`place: code name (level): message - mend`, with a line feed."""
    image = (record["image"] or "").partition("/")[2]
    who = f" {image}" if image and image != place else ""
    who += "" if record["source_id"] is None else f" [{record['source_id']}]"
    mend = "" if record["mend"] is None else f" - {record['mend']}"
    level = record["level"]
    # A clause of a definition is told with the version that it stands in.
    level += "" if record["definition"] is None else f", {record['definition']}"
    level += ", known" if record["known"] else ""
    what = f"{record['check']} {record['name']} ({level}): {record['message']}"
    return _one_line(f"{place}{who}: {what}{mend}")


def verdicts_line(own: CheckVerdicts) -> str:
    r"""What people said of a check's findings, with a line feed.

    Examples
    --------
    >>> verdicts_line(CheckVerdicts("SET-1", 4, 6))
    '  SET-1 reviewed 10: 4 confirmed, 6 false alarms, precision 0.40 (0.12 to 0.74), under 0.5\n'
    """
    low, high = own.interval
    share = f"{own.precision:.2f} ({low:.2f} to {high:.2f})"
    poor = f", under {MIN_PRECISION:g}" if own.is_poor else ""
    said = f"{own.confirmed} confirmed, {own.false_alarms} false alarms, precision {share}{poor}"
    return f"  {own.check} reviewed {own.reviewed}: {said}\n"


def member_line(member: Record) -> str:
    """Place and box of a member, or what is wrong with it alone, with a line feed."""
    place = member["file"] or ""
    place += f":{member['line']}" if place and member["line"] is not None else ""
    image = (member["image"] or "").partition("/")[2]
    words = [place, image, "" if member["source_id"] is None else f"[{member['source_id']}]"]
    what = member.get("message") or _edges(member["box"])
    who = " ".join(word for word in words if word)
    return _one_line(f"  {who}: {what}" if what else f"  {who}")


def _edges(box: list[float | None] | None) -> str:
    return "" if box is None else " ".join("?" if v is None else f"{v:.7g}" for v in box)


def _one_line(text: str) -> str:
    # A file name may hold a line feed: one finding stays one line.
    return text.replace("\r", "\\r").replace("\n", "\\n") + "\n"


def places(findings: Findings) -> Iterator[str]:
    """File and line of each finding; the first byte of its record where lines tell nothing.

    Empty where a finding has no file.
    """
    table = findings.table
    is_first = (table["line"] == 1).to_numpy(bool, na_value=False)
    flat = _files_of_one_line(findings.dataset) if is_first.any() else frozenset()
    starts = _starts(table, findings.dataset) if flat else [None] * len(table)
    for file, line, start in zip(table["file"], table["line"], starts, strict=True):
        if not isinstance(file, str):
            yield ""
        elif pd.isna(line):
            yield file
        elif file in flat and line == 1 and start is not None:
            yield f"{file}:byte {start}"
        else:
            yield f"{file}:{line}"


def _files_of_one_line(dataset: Dataset) -> frozenset[str]:
    """The files of several records that all stand in line 1."""
    columns = ["file", "line", "start"]
    spots = pd.concat([dataset.boxes[columns], dataset.images[columns]]).dropna()
    found = spots.groupby("file").agg(last=("line", "max"), n=("start", "nunique"))
    return frozenset(found.index[((found["last"] == 1) & (found["n"] > 1)).to_numpy(bool)])


def _starts(table: pd.DataFrame, dataset: Dataset) -> list[int | None]:
    """The first byte of each finding's record: its first box, else its image."""
    first = [members[0] if len(members) else None for members in table["members"]]
    of_box = _looked_up(pd.Series(first, dtype="Int64"), dataset.boxes, "box_id")
    of_image = _looked_up(table["image_id"], dataset.images, "image_id")
    return [image if box is None else box for box, image in zip(of_box, of_image, strict=True)]


def _looked_up(ids: pd.Series[int], table: pd.DataFrame, name: str) -> list[int | None]:
    rows = pd.Index(table[name].to_numpy(np.int64)).get_indexer(ids.to_numpy(np.int64, na_value=-1))
    starts = table["start"].array.take(rows, allow_fill=True)
    return [None if pd.isna(start) else int(start) for start in starts]
