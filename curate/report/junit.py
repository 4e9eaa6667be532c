"""The audit as JUnit's XML, which CI systems show as tests that passed and failed.

No standard: the elements and attributes that Jenkins (its `jenkins-junit.xsd`), GitLab and Azure
DevOps read alike. Without times, so that one audit gives one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from curate.dataset import Findings
from curate.faults import LEVELS
from curate.report.records import Record, records
from curate.report.rules import Rule, rules_of
from curate.report.text import NAMED_MEMBERS, finding_line, member_line, places

# What XML 1.0 (production 2, Char) cannot hold, not even as a reference.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(
    findings: Findings, source: str, *, rules: Iterable[Rule] = (), fail_on: str = "error"
) -> str:
    """The audit as XML text, ending in a line feed."""
    return "".join(junit_parts(findings, source, rules=rules, fail_on=fail_on))


def junit_parts(
    findings: Findings, source: str, *, rules: Iterable[Rule] = (), fail_on: str = "error"
) -> Iterator[str]:
    """The text of `to_junit`, finding by finding.

    A check is a suite, a finding in it a case, which fails at or above `fail_on` unless a baseline
    knows it, and else passes with the finding in its `system-out`. A check that found nothing is a
    suite of one case that passed. The definitions in force, and how many findings are known,
    mended, waived and refuted, are properties of a suite without cases, which stands first.

    Parameters
    ----------
    source
        The source as it was given.
    rules
        The checks that ran.
    fail_on
        error, warning, info or never.
    """
    levels = list[str](LEVELS)
    failing = [] if fail_on == "never" else levels[: levels.index(fail_on) + 1]
    of_all = {rule.code: rule for rule in rules}
    of_all |= {rule.code: rule for rule in rules_of(findings, rules)}
    fails = findings.table["level"].isin(failing) & ~findings.is_known
    n_failed = fails.groupby(findings.table["check"]).sum().to_dict()
    counts = findings.counts
    n_cases = sum(counts.get(code, 1) for code in of_all)
    head = f"curate audit {source}"
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield _start("testsuites", head, n_cases, int(fails.sum()))
    yield _properties(findings)
    found = _by_check(findings)
    code, cases = next(found, (None, iter(())))
    for rule in sorted(of_all.values(), key=lambda rule: rule.code):
        title = f"{rule.code} {rule.name}"
        yield _start("testsuite", title, counts.get(rule.code, 1), int(n_failed.get(rule.code, 0)))
        if rule.code == code:
            for place, record in cases:
                is_failure = record["level"] in failing and not record["known"]
                yield _case(place, record, is_failure=is_failure)
            code, cases = next(found, (None, iter(())))
        else:
            yield f'<testcase classname={_attribute(rule.code)} name="no finding"/>\n'
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def _properties(findings: Findings) -> str:
    """A suite that only tells what the audit was judged by; empty where there is nothing to tell.

    Jenkins' schema takes properties in suites alone, not beside them.
    """
    told = [("definition", stated) for stated in findings.definitions]
    told += [(word, str(count)) for word, count in findings.settled.items() if count]
    if not told:
        return ""
    rows = [
        f"<property name={_attribute(name)} value={_attribute(value)}/>\n" for name, value in told
    ]
    body = "".join(rows)
    return f"{_start('testsuite', 'audit', 0, 0)}<properties>\n{body}</properties>\n</testsuite>\n"


def _by_check(findings: Findings) -> Iterator[tuple[str, Iterator[tuple[str, Record]]]]:
    """Check codes in order, with place and record of their findings."""
    rows = np.argsort(findings.table["check"].to_numpy(str), kind="stable")
    ordered = replace(findings, table=findings.table.iloc[rows])
    told = zip(places(ordered), records(ordered), strict=True)
    return groupby(told, key=lambda found: str(found[1]["check"]))


def _start(element: str, name: str, n_tests: int, n_failed: int) -> str:
    return (
        f'<{element} name={_attribute(name)} tests="{n_tests}" failures="{n_failed}" '
        'errors="0" skipped="0">\n'
    )


def _case(place: str, record: Record, *, is_failure: bool) -> str:
    image = (record["image"] or "").partition("/")[2]
    who = " ".join(word for word in (place, image if image != place else "") if word)
    # Systems tell cases by their names, from run to run.
    names = {"classname": record["check"], "name": f"{who} {record['finding_id']}".strip()}
    if record["file"] is not None:
        names["file"] = record["file"]
    if record["line"] is not None:
        names["line"] = str(record["line"])
    start = " ".join(f"{key}={_attribute(value)}" for key, value in names.items())
    return f"<testcase {start}>\n{_body(place, record, is_failure=is_failure)}</testcase>\n"


def _body(place: str, record: Record, *, is_failure: bool) -> str:
    text = finding_line(place, record)
    members = record["members"] if len(record["members"]) > 1 else []
    text += "".join(map(member_line, members[:NAMED_MEMBERS]))
    if len(members) > NAMED_MEMBERS:
        text += f"  … {len(members) - NAMED_MEMBERS} more members\n"
    if not is_failure:
        return f"<system-out>{_text(text)}</system-out>\n"
    told = f"type={_attribute(record['level'])} message={_attribute(record['message'])}"
    return f"<failure {told}>{_text(text)}</failure>\n"


def _text(text: str) -> str:
    return escape(_held(text), {"\r": "&#13;"})


def _attribute(text: str) -> str:
    return quoteattr(_held(text))


def _held(text: str) -> str:
    """The text with what XML cannot hold written as an escape."""
    return _NO_XML.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
