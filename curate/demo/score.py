"""How many planted faults an audit found, and what else it reported."""

from __future__ import annotations

import unicodedata
from typing import Any

# Documents parsed from JSON: truth.json and `curate audit --json`.
Document = dict[str, Any]


def score(truth: Document, audits: dict[str, Document]) -> Document:
    """The planted faults that the audits found and missed, and the findings that none explains.

    Parameters
    ----------
    truth
        The document `curate.demo-truth/1` that `draw_street` writes.
    audits
        Source name to its document `curate.audit/1`. A source without one has found nothing.

    Returns
    -------
    dict
        `planted` and `found` (counts), `missed` (rows of the truth), `not_planted` (findings,
        each with its `source`; none of level info), `per_check` (code to the three counts).

    Examples
    --------
    >>> fault = {"source": "a", "file": "x.txt", "check": "SRC-001", "image": "x", "line": 3}
    >>> truth = {"planted": [fault | {"source_ids": []}]}
    >>> finding = {"check": "SRC-001", "level": "error", "image": None, "file": "x.txt", "line": 3}
    >>> result = score(truth, {"a": {"findings": [finding]}})
    >>> result["found"], result["missed"], result["not_planted"]
    (1, [], [])
    """
    planted: list[Document] = truth["planted"]
    missed, not_planted = [], []
    for fault in planted:
        findings = audits.get(fault["source"], {}).get("findings", [])
        if not any(matches(fault, finding) for finding in findings):
            missed.append(fault)
    for source, audit in sorted(audits.items()):
        of_source = [fault for fault in planted if fault["source"] == source]
        for finding in audit["findings"]:
            explained = any(matches(fault, finding) for fault in of_source)
            if finding["level"] != "info" and not explained:
                not_planted.append({"source": source, **finding})
    return {
        "planted": len(planted),
        "found": len(planted) - len(missed),
        "missed": missed,
        "not_planted": not_planted,
        "per_check": _per_check(planted, missed, not_planted),
    }


def matches(fault: Document, finding: Document) -> bool:
    """Whether a finding of the fault's own source reports this planted fault.

    The check must be the same, all of the fault's source ids must be the finding's or its
    members', and the place must fit: the picture, or file and line.
    """
    spots = [finding, *finding.get("members", [])]
    named = {str(spot["source_id"]) for spot in spots if spot.get("source_id") is not None}
    return (
        finding["check"] == fault["check"]
        and set(fault["source_ids"]) <= named
        and _is_there(fault, finding, spots)
    )


def _is_there(fault: Document, finding: Document, spots: list[Document]) -> bool:
    picture = fault["image"]
    if picture is not None:
        # A finding about a picture without any label may name it as a file only.
        shown = [finding.get("image")] if finding.get("image") else [s.get("file") for s in spots]
        if any(_is_picture(path, picture) for path in shown if path):
            return True
    files = [spot for spot in spots if fault["file"] and spot.get("file") == fault["file"]]
    if fault["line"] is not None:
        return any(spot.get("line") == fault["line"] for spot in files)
    return bool(files) and finding.get("image") is None


def _is_picture(path: str, picture: str) -> bool:
    """Whether a path ends in the picture's name; a bare stem stands for its picture."""
    end = unicodedata.normalize("NFC", path).replace("\\", "/").rsplit("/", 1)[-1]
    name = unicodedata.normalize("NFC", picture)
    return name in (end, end.rsplit(".", 1)[0]) or end == name.rsplit(".", 1)[0]


def _per_check(
    planted: list[Document], missed: list[Document], not_planted: list[Document]
) -> dict[str, dict[str, int]]:
    codes = sorted({row["check"] for row in [*planted, *not_planted]})
    counts = {}
    for code in codes:
        n_planted, n_missed, n_other = (
            sum(row["check"] == code for row in rows) for rows in (planted, missed, not_planted)
        )
        counts[code] = {
            "planted": n_planted,
            "found": n_planted - n_missed,
            "not_planted": n_other,
        }
    return counts
