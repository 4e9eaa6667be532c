"""Forms of an audit: which there are, which ending stands for which, and writing them as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from curate.cli import output, streams
from curate.errors import UsageError, quote
from curate.folders import refuse_file, refuse_source, write_file

if TYPE_CHECKING:
    from curate.dataset import Findings
    from curate.report import Rule


class Format(StrEnum):
    """How findings are shown."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    SARIF = "sarif"
    JUNIT = "junit"
    HTML = "html"


# The longest that fits counts.
ENDINGS = {
    ".html": Format.HTML,
    ".json": Format.JSON,
    ".csv": Format.CSV,
    ".sarif": Format.SARIF,
    ".sarif.json": Format.SARIF,
    ".xml": Format.JUNIT,
    ".txt": Format.TEXT,
}
# What the beginning of a report holds, so that --force replaces nothing else.
_MARKS = {
    Format.HTML: rb'<meta name="generator" content="curate ',
    Format.JSON: rb'^\{"schema": "curate\.audit/',
    Format.CSV: rb"^finding_id,check,name,level,",
    Format.SARIF: rb'"driver": \{"name": "curate"',
    Format.JUNIT: rb'^<\?xml [^>]*>\n<testsuites name="curate audit ',
    Format.TEXT: rb"^(?:[^\n]*: [A-Z]{2,8}-[0-9]{3} [a-z0-9-]+ \(|  \xe2\x80\xa6 [0-9]+ known |"
    rb"  [A-Z]{2,8}-[0-9]{3} reviewed [0-9]+: |judged by [a-z0-9_.]+@)",
}
# Each print flushes stdout: one per finding would cost more than making it.
PRINTED_CHARS = 1 << 18


@dataclass(frozen=True)
class Report:
    """What the forms of one audit are made of.

    Parameters
    ----------
    findings
        The audit.
    source
        The source as it was given.
    folder
        Where its label files lie, relative to the folder that the command runs in, with `/`.
    rules
        The checks that ran.
    fail_on
        error, warning, info or never.
    show_all
        Text and CSV: all findings and members.
    with_pixels
        HTML: pictures of findings.
    baseline
        HTML: number of findings by check of the baseline; None: there is none.
    show_known
        Text: also findings that the baseline holds.
    """

    findings: Findings
    source: str
    folder: str
    rules: Sequence[Rule]
    fail_on: str
    show_all: bool
    with_pixels: bool
    baseline: Mapping[str, int] | None
    show_known: bool

    def parts(self, form: Format) -> Iterator[str]:
        """The text of one form, part by part."""
        from curate import __version__, report

        findings = self.findings
        if form is Format.JSON:
            return report.json_parts(findings, self.source)
        if form is Format.CSV:
            return report.csv_parts(findings, show_all=self.show_all)
        if form is Format.SARIF:
            return report.sarif_parts(
                findings, self.source, version=__version__, rules=self.rules, folder=self.folder
            )
        if form is Format.JUNIT:
            return report.junit_parts(findings, self.source, rules=self.rules, fail_on=self.fail_on)
        if form is Format.HTML:
            return report.html_parts(
                findings,
                self.source,
                version=__version__,
                rules=self.rules,
                definitions=findings.definitions or None,
                with_pixels=self.with_pixels,
                baseline=self.baseline,
            )
        return report.text_parts(findings, show_all=self.show_all, show_known=self.show_known)


def outputs(
    paths: Iterable[Path], sources: Iterable[Path | None], *, force: bool
) -> dict[Path, Format]:
    """The files to write with their forms; `-`, which is stdout, is none of them.

    Raises
    ------
    UsageError
        For an ending that stands for no form, and a file that is named twice.
    OutputError
        For a file that is a source or lies in one, and one that exists, unless `force` and it is
        a report of that form.
    """
    found: dict[Path, Format] = {}
    sources = list(sources)
    for path in paths:
        if streams.is_dash(path):
            continue
        if path in found:
            raise UsageError(f"-o {quote(str(path))} is given twice", mend="leave one out")
        found[path] = _form_of(path)
        refuse_source(path, sources)
        form = found[path]
        refuse_file(path, _MARKS[form], f"report of curate as {form}", force=force)
    return found


def _form_of(path: Path) -> Format:
    name = path.name.lower()
    fitting = [ending for ending in ENDINGS if name.endswith(ending)]
    if not fitting:
        raise UsageError(
            f"-o {quote(str(path))} has the ending of no report",
            mend=f"use one of {', '.join(ENDINGS)}",
        )
    return ENDINGS[max(fitting, key=len)]


def write(report: Report, files: Iterable[tuple[Path, Format]], *, dry_run: bool) -> None:
    """Writes each file whole or not at all, and says so."""
    for path, form in files:
        if not dry_run:
            # A lone surrogate, of a file name that is no text, is written as its escape.
            parts = (part.encode("utf-8", "backslashreplace") for part in report.parts(form))
            write_file(path, parts)
        output.result(f"{path} {'not written (--dry-run)' if dry_run else 'written'}")


def folder_of(path: Path, names: Sequence[str]) -> str:
    """The folder of label files relative to the one that the command runs in, with `/`.

    Parameters
    ----------
    path
        The source: a file or folder.
    names
        Its label files, relative to it.

    Returns
    -------
    str
        Empty where the label files are no files of their own (a zip, a dataset folder, stdin) or
        lie elsewhere.
    """
    folder = path if path.is_dir() else path.parent
    below = folder.resolve()
    here = Path.cwd().resolve()
    if not names or not (folder / names[0]).is_file() or here not in (below, *below.parents):
        return ""
    relative = below.relative_to(here).as_posix()
    return "" if relative == "." else relative
