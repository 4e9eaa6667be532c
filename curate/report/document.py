"""The audit as a JSON document (`schemas/audit-1.schema.json`) and as a CSV table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from curate.dataset import Findings
from curate.report.records import Record, records
from curate.verdicts import CheckVerdicts

AUDIT_SCHEMA = "curate.audit/1"
_CSV_COLUMNS = (
    "finding_id", "check", "name", "level", "image", "file", "line", "source_id", "value",
    "limit", "unit", "members", "message", "mend", "definition", "known",
)  # fmt: skip
_OF_MEMBER = ("image", "file", "line", "source_id", "message")


def to_document(findings: Findings, source: str) -> dict[str, Any]:
    """The audit as JSON values, schema `curate.audit/1` (`schemas/audit-1.schema.json`).

    Ids are 16 hex digits, boxes [x1, y1, x2, y2] in px, half-open; null means unknown.
    """
    return _head(findings, source) | {"findings": list(records(findings))}


def _head(findings: Findings, source: str) -> dict[str, Any]:
    return {
        "schema": AUDIT_SCHEMA,
        "source": source,
        "images": len(findings.dataset.images),
        "boxes": len(findings.dataset.boxes),
        "definitions": list(findings.definitions),
        "counts": findings.counts,
        **findings.settled,
        "verdicts": [_verdicts(own) for own in findings.verdicts],
        "findings": [],
    }


def _verdicts(own: CheckVerdicts) -> dict[str, Any]:
    low, high = own.interval
    return {
        "check": own.check,
        "reviewed": own.reviewed,
        "confirmed": own.confirmed,
        "false_alarms": own.false_alarms,
        "precision": own.precision,
        "low": low,
        "high": high,
        "poor": own.is_poor,
    }


def to_json(findings: Findings, source: str) -> str:
    """The audit as JSON text, ending in a line feed."""
    return "".join(json_parts(findings, source))


def json_parts(findings: Findings, source: str) -> Iterator[str]:
    """The text of `to_json`, finding by finding."""
    yield _json(_head(findings, source)).removesuffix("]}")
    for number, record in enumerate(records(findings)):
        yield (", " if number else "") + _json(record)
    yield "]}\n"


def _json(value: Any) -> str:  # a JSON value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def to_csv(findings: Findings, *, show_all: bool = False) -> str:
    """The audit as CSV (RFC 4180), one row per finding; `members` is their number.

    With `show_all` a finding that stands for several faults has a row for each of them.
    """
    return "".join(csv_parts(findings, show_all=show_all))


def csv_parts(findings: Findings, *, show_all: bool = False) -> Iterator[str]:
    """The text of `to_csv`, finding by finding."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _CSV_COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for record in records(findings):
        writer.writerows(_csv_rows(record, show_all=show_all))
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _csv_rows(record: Record, *, show_all: bool) -> list[Record]:
    row = record | {"members": len(record["members"]), "known": str(record["known"]).lower()}
    told = [member for member in record["members"] if "message" in member] if show_all else []
    return [row | {key: member[key] for key in _OF_MEMBER} for member in told] or [row]
