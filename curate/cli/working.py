"""Working findings off: a run against a baseline and waivers, and the writing of a baseline."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from curate.cli import output, streams
from curate.errors import UsageError, quote
from curate.folders import refuse_file, refuse_source, write_file

if TYPE_CHECKING:
    import pandas as pd

    from curate.baseline import Baseline
    from curate.checks import Check
    from curate.dataset import Findings
    from curate.definitions.model import Definitions
    from curate.project import Project
    from curate.review.decisions import Held
    from curate.waivers import Waiver


@dataclass(frozen=True)
class Work:
    """What is known, waived and decided before an audit, and the baseline that it is to write.

    `waivers`, `decisions` None: there is no file of them.
    """

    baseline: Baseline | None
    waivers: tuple[Waiver, ...] | None
    today: date
    written: Path | None
    decisions: pd.DataFrame | None = None

    def refuse_unknown_checks(self, own: Iterable[Check], definitions: Definitions | None) -> None:
        """Refuses waivers of checks that do not exist, whether or not they run.

        Parameters
        ----------
        own
            Checks of a project's own, beside those of installed packages.
        definitions
            Those in force.
        """
        from curate import checks
        from curate.waivers import refuse_unknown_checks

        if not self.waivers:
            return
        words = {word for one in (*checks.installed(), *own) for word in (one.code, one.name)}
        clauses = () if definitions is None else definitions.clauses
        words |= {word for clause in clauses for word in (clause.id, clause.name)}
        refuse_unknown_checks(self.waivers, words)

    def settled(self, findings: Findings, ran: Collection[str]) -> Findings:
        """The findings without the waived and refuted ones, and with those marked that are known.

        All that a new baseline is to hold are.

        Parameters
        ----------
        ran
            Codes and names of the checks that ran.
        """
        from curate.baseline import against, baseline_of
        from curate.review.decisions import held
        from curate.review.measuring import settled
        from curate.waivers import waive

        there = set(findings.table["finding_id"])
        # Before the waivers: what is waived is not gone.
        if self.baseline is not None:
            findings = against(findings, self.baseline, ran=ran)
        if self.waivers is not None:
            findings = waive(findings, self.waivers, self.today, ran=ran)
        if self.decisions is not None:
            about = self.decisions[self.decisions["subject"] == "finding"]
            findings = settled(findings, about, ran=ran)
            _tell_verdicts(findings, held(about), there, ran)
        if self.written is not None:
            mended = findings.mended
            findings = replace(against(findings, baseline_of(findings)), mended=mended)
        return findings

    def write(self, findings: Findings, *, dry_run: bool) -> None:
        """Writes the baseline that was asked for, whole or not at all, and says so."""
        from curate.baseline import baseline_of, to_json

        if self.written is None:
            return
        made = baseline_of(findings)
        if not dry_run:
            # As reports: a lone surrogate, of a file name that is no text, is written as an escape.
            write_file(self.written, to_json(made).encode("utf-8", "backslashreplace"))
        done = "not written (--dry-run)" if dry_run else "written"
        output.note(f"{self.written} {done}, known findings: {len(made.findings)}")


def _tell_verdicts(
    findings: Findings, valid: Held, there: Collection[int], ran: Collection[str]
) -> None:
    """Says on whom people differ, which judged findings are not there, which checks are poor.

    Parameters
    ----------
    valid
        The decisions that hold on findings.
    there
        Ids of all findings of this run.
    """
    from curate.verdicts import MIN_PRECISION

    output.note_contradictions(valid.contradictions)
    judged = valid.table[valid.table["check"].isin(list(ran))]
    n_gone = int((~judged["finding_id"].isin(list(there))).sum())
    if n_gone:
        output.note(
            f"{n_gone} of {len(judged)} judged findings are not in this run: mended, or of a "
            "source of another name",
            logging.INFO,
        )
    for own in findings.verdicts:
        if own.is_poor:
            output.note(
                f"{own.check}: {own.false_alarms} of {own.reviewed} reviewed findings were false "
                f"alarms: precision {own.precision:.2f}, should be {MIN_PRECISION:g} or more - "
                f"set its limits in curate.yaml (curate explain {own.check}), or leave it out "
                f"with --ignore {own.check}"
            )


def prepared(  # one parameter per option of the command line
    context: typer.Context,
    settings: Project,
    sources: Iterable[Path | None],
    *,
    baseline: Path | None,
    write: Path | None,
    waivers: Path | None,
    decisions: Sequence[Path],
    today: str | None,
    force: bool,
) -> Work:
    """What the options and the project file say, read before the audit.

    A baseline of the project file is not read when a new one is written.

    Raises
    ------
    UsageError
        For a file that cannot be read or does not fit, and a day that there is not.
    OutputError
        For a baseline that would be written into the source or over something else.
    """
    from curate.baseline import MARK, read_baseline
    from curate.waivers import read_waivers

    if write is not None:
        if streams.is_dash(write):
            raise UsageError("--write-baseline - is no file", mend="name a file")
        refuse_source(write, sources)
        refuse_file(write, MARK, "baseline of curate", force=force)
    known, known_name = _named(context, baseline, settings.baseline, settings)
    if baseline is None and write is not None:
        known = None
    waived, waived_name = _named(context, waivers, settings.waivers, settings)
    return Work(
        None if known is None else read_baseline(known, known_name),
        None if waived is None else read_waivers(waived, waived_name),
        _day(today),
        write,
        _decisions(context, decisions, settings),
    )


def _decisions(
    context: typer.Context, given: Sequence[Path], settings: Project
) -> pd.DataFrame | None:
    """The decisions of the command line, else of the project; None: there are none."""
    from curate.review.files import read_decisions

    found = [_named(context, path, None, settings) for path in given]
    found = found or [_named(context, None, own, settings) for own in settings.decisions]
    paths = [path for path, _ in found if path is not None]
    return read_decisions(paths, [name for _, name in found]) if paths else None


def _day(today: str | None) -> date:
    try:
        return date.today() if today is None else date.fromisoformat(today)
    except ValueError as error:
        raise UsageError(
            f"--today is {quote(today)}, should be a day", mend="write it as 2026-12-31"
        ) from error


def _named(
    context: typer.Context, given: Path | None, own: str | None, settings: Project
) -> tuple[Path | None, str]:
    """A file and what it is called: that of the command line, else the project's."""
    if given is not None:
        name = streams.STDIN if streams.is_dash(given) else str(given)
        return streams.taken(context, given), name
    return (None, "") if own is None else (settings.folder / own, own)
