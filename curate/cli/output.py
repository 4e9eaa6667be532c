"""What the commands say: results on stdout, summaries on stderr, the exit code."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from curate.cli.logs import LOG
from curate.cli.options import Level

if TYPE_CHECKING:
    from curate.dataset import Findings
    from curate.project import Project
    from curate.review.decisions import Contradiction

SHOWN = 10


def note(text: str, level: int = logging.WARNING) -> None:
    """A line on stderr, and in the log file."""
    typer.echo(text, err=True)
    LOG.log(level, "%s", text)


def result(text: str) -> None:
    """A result in words on stdout, and in the log file."""
    typer.echo(text)
    LOG.info("%s", text)


def fail_level(fail_on: Level | None, project: Project) -> Level:
    """The level of the command line, else the project's, else error."""
    return fail_on or Level(project.fail_on or Level.ERROR)


def exit_code(findings: Findings, fail_on: Level | None, project: Project) -> int:
    """1 when a finding is at or above the level, else 0."""
    level = fail_level(fail_on, project)
    return int(level is not Level.NEVER and findings.at_least(level.value) > 0)


def summary(findings: Findings) -> None:
    """One line on stderr: images, boxes, new findings by level, and how many are settled."""
    dataset = findings.dataset
    levels = findings.new.table["level"].value_counts()
    counts = ", ".join(_count(int(levels.get(level, 0)), level) for level in ("error", "warning"))
    info = int(levels.get("info", 0))
    note(
        f"{dataset.name} ({dataset.format}): {len(dataset.images)} images, "
        f"{len(dataset.boxes)} boxes; {counts}, {info} info{_settled(findings)}",
        logging.INFO,
    )


def _settled(findings: Findings) -> str:
    told = ", ".join(f"{count} {word}" for word, count in findings.settled.items() if count)
    return f"; {told}" if told else ""


def note_findings(findings: Findings) -> None:
    """A line on stderr when the reader could not take all of the source."""
    if len(findings):
        counts = ", ".join(f"{code} {count}" for code, count in findings.counts.items())
        note(f"findings while reading: {counts} (curate audit shows them)")


def note_contradictions(contradictions: Sequence[Contradiction]) -> None:
    """Lines on stderr for subjects on which people differ: ten, then how many more."""
    for one in contradictions[:SHOWN]:
        note(str(one))
    if len(contradictions) > SHOWN:
        note(f"… {len(contradictions) - SHOWN} more on which people differ")


def print_ingest(findings: Findings, out: Path, *, as_json: bool, dry_run: bool) -> None:
    """What was read, from how many files, and where it stands now."""
    dataset = findings.dataset
    where = "nothing written (--dry-run)" if dry_run else str(out)
    line = (
        f"{dataset.name} ({dataset.format}): {len(dataset.images)} images, "
        f"{len(dataset.boxes)} boxes from {len(dataset.sources.names())} files -> {where}"
    )
    if as_json:
        document = {
            "schema": "curate.ingest/1",
            "name": dataset.name,
            "format": dataset.format,
            "output": None if dry_run else str(out),
            "images": len(dataset.images),
            "boxes": len(dataset.boxes),
            "files": len(dataset.sources.names()),
            "label_states": {
                str(k): int(v)
                for k, v in dataset.images["label_state"].value_counts().sort_index().items()
            },
            "counts": findings.counts,
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
        LOG.info("%s", line)
    else:
        result(line)
    note_findings(findings)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
