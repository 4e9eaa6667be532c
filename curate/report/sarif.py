"""The audit as a SARIF log, for editors and code hosts that show findings beside the file.

Written by OASIS: Static Analysis Results Interchange Format (SARIF) Version 2.1.0, OASIS Standard,
27 March 2020. Section numbers below are of that text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from curate.dataset import Findings
from curate.faults import OF_WAIVERS
from curate.report.records import Record, records
from curate.report.rules import Rule, rules_of
from curate.report.text import NAMED_MEMBERS

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
# Code hosts take paths of this base as relative to the repository.
BASE = "%SRCROOT%"
FINGERPRINT = "findingId/v1"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_PROPERTIES = ("image", "source_id", "box", "value", "limit", "unit", "definition")


def to_sarif(
    findings: Findings, source: str, *, version: str, rules: Iterable[Rule] = (), folder: str = ""
) -> str:
    """The audit as the JSON text of a SARIF log, ending in a line feed."""
    parts = sarif_parts(findings, source, version=version, rules=rules, folder=folder)
    return "".join(parts)


def sarif_parts(
    findings: Findings, source: str, *, version: str, rules: Iterable[Rule] = (), folder: str = ""
) -> Iterator[str]:
    """The text of `to_sarif`, finding by finding.

    Parameters
    ----------
    source
        The source as it was given.
    version
        Version of curate (semver).
    rules
        The checks that may occur; one that is not among them is told by its findings alone.
    folder
        Where the label files lie, relative to what code hosts take as root, with `/`; empty: there.
    """
    told = rules_of(findings, rules)
    index = {rule.code: number for number, rule in enumerate(told)}
    yield _json(_log(findings, source, version, told)).removesuffix("]}]}")
    for number, record in enumerate(records(findings)):
        result = _result(record, index[record["check"]], folder)
        if findings.known is not None:
            result["baselineState"] = "unchanged" if record["known"] else "new"
        yield (", " if number else "") + _json(result)
    yield "]}]}\n"


def _json(value: Any) -> str:  # a JSON value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _log(findings: Findings, source: str, version: str, rules: list[Rule]) -> Record:
    """The log with one run, whose last key are its results: none yet."""
    driver = {
        "name": "curate",
        "semanticVersion": version,
        "rules": [_descriptor(rule) for rule in rules],
    }
    about = "The folder that the audit ran in; the labels are looked for below it."
    run = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {BASE: {"description": _message(about)}},
        "columnKind": "unicodeCodePoints",
        "properties": {
            "source": source,
            "images": len(findings.dataset.images),
            "boxes": len(findings.dataset.boxes),
            "definitions": list(findings.definitions),
            "counts": findings.counts,
            **findings.settled,
        },
        "results": [],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _descriptor(rule: Rule) -> Record:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": _message(rule.summary),
        "fullDescription": _message(rule.description),
        "help": _message(rule.page or rule.description),
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
    }


def _result(record: Record, rule_index: int, folder: str) -> Record:
    mend = "" if record["mend"] is None else f" - {record['mend']}"
    folder = "" if record["check"] in OF_WAIVERS else folder
    location = _location(record, folder)
    members = record["members"] if len(record["members"]) > 1 else []
    related = [_location(member, folder) | _said(member) for member in members[:NAMED_MEMBERS]]
    properties = {key: record[key] for key in _PROPERTIES if record[key] is not None}
    return {
        "ruleId": record["check"],
        "ruleIndex": rule_index,
        "level": _LEVELS[record["level"]],
        "message": _message(record["message"] + mend),
        "locations": [location] if location else [],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {FINGERPRINT: record["finding_id"]},
        "properties": {"members": len(record["members"])} | properties,
    }


def _location(record: Record, folder: str) -> Record:
    """File and line as far as they are known, and the image key as a place in the data."""
    place: Record = {}
    if record["file"] is not None:
        physical: Record = {"artifactLocation": {"uri": _uri(record, folder), "uriBaseId": BASE}}
        if record["line"] is not None:
            physical["region"] = {"startLine": record["line"]}
        place["physicalLocation"] = physical
    if record["image"] is not None:
        place["logicalLocations"] = [{"fullyQualifiedName": record["image"]}]
    return place


def _said(member: Record) -> Record:
    return {"message": _message(member["message"])} if "message" in member else {}


def _uri(record: Record, folder: str) -> str:
    # A relative reference of RFC 3986: the colon of a first segment would read as a scheme.
    path = f"{folder}/{record['file']}" if folder else record["file"]
    return quote(path.encode("utf-8", "surrogatepass"))


def _message(text: str) -> Record:
    # Braces stand for placeholders unless they are doubled (3.11.5).
    return {"text": text.replace("{", "{{").replace("}", "}}")}
