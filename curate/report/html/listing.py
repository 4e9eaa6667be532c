"""The list of findings as one JSON document of columns: 100,000 of them in some 6 MB.

What repeats is said once: words stand in lists and rows point into them, runs of one value are a
value and a number, a name says only how it differs from the one before, and a message is its words
and its numbers apart. `page.js` reads it back.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Findings
from curate.faults import LEVELS
from curate.report.html.markup import shown
from curate.report.html.subjects import Rows, Subjects, by_level
from curate.report.records import Record, plain, records

MAX_ROWS = 100_000
MAX_BYTES = 8_500_000
# Members are named up to so many per finding and in all; their number is always said.
NAMED_MEMBERS = 10
MAX_MEMBERS = 20_000
MAX_WORDS_CHARS = 500
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
# Stands for a number in a message: `shown` leaves it in none.
HOLE = "\x1f"
# JavaScript holds whole numbers of 15 digits exactly, and not all of 16.
_MAX_DIGITS = 15


@dataclass(frozen=True)
class Listing:
    """The listed findings: rows of the findings table, and their JSON text.

    No `<` stands in the text: one could end the block that holds it.
    """

    rows: Rows
    text: str

    @property
    def n_bytes(self) -> int:
        """Bytes of the text as UTF-8."""
        return len(self.text.encode("utf-8", "backslashreplace"))


def listing_of(findings: Findings, about: Subjects) -> Listing:
    """The findings as JSON text for the page; the worst of each check where all are too many."""
    n_rows = min(len(findings), MAX_ROWS)
    while True:
        rows = _worst_of_each(findings.table, n_rows)
        document = _document(findings, about, rows)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        listed = Listing(rows, text.replace("<", "\\u003c"))
        if listed.n_bytes <= MAX_BYTES or not n_rows:
            return listed
        n_rows = int(n_rows * 0.95 * MAX_BYTES / listed.n_bytes)


def _worst_of_each(table: pd.DataFrame, n_rows: int) -> Rows:
    """The first findings of each check, as many of one as of another, in the table's order."""
    place = table.groupby("check").cumcount().to_numpy(np.int64)
    return np.sort(np.argsort(place, kind="stable")[:n_rows])


def _document(findings: Findings, about: Subjects, rows: Rows) -> Record:
    table = findings.table.iloc[rows]
    images = findings.dataset.images
    names = [key.partition("/")[2] for key in images["image_key"]]
    of_image = dict(zip(images["image_id"].tolist(), names, strict=True))
    templates, numbers = _parted(table["message"])
    columns: dict[str, list[Any]] = {}  # JSON values
    words: dict[str, list[Any]] = {}  # texts, and numbers before them where they are front-coded
    for name, values in (
        ("check", table["check"]),
        ("mend", table["mend"]),
        ("definition", table["definition"]),
        ("template", templates),
        ("image", table["image_id"].map(of_image)),
        ("file", table["file"]),
    ):
        codes, known = pd.factorize(np.asarray(values, object))
        columns[name] = codes.tolist()
        # `_parted` has looked at the templates, whose holes must stay.
        words[name] = [word if name == "template" else shown(str(word)) for word in known]
    for name in ("image", "file"):
        words[name] = _front_coded(words[name])
        columns[name] = np.diff(columns[name], prepend=0).tolist()
    level = by_level(findings)[rows]
    columns |= {
        "level": level.tolist(),
        "group": about.group[rows].tolist(),
        "source": about.source[rows].tolist(),
        "members": about.n_members[rows].tolist(),
        "line": [plain(line) for line in table["line"]],
        "own": [_short(own) for own in table["source_id"]],
    }
    return {
        "total": len(findings),
        "classes": about.classes,
        "sources": about.sources,
        "groups": about.groups,
        "levels": LEVELS,
        "words": words,
        "columns": {name: _runs(values) for name, values in columns.items()},
        "ids": base64.b64encode(table["finding_id"].to_numpy(">i8").tobytes()).decode("ascii"),
        "numbers": "|".join(numbers),
        "members": _members(findings, rows[about.n_members[rows] > 1], rows),
    }


def _parted(messages: Iterable[str]) -> tuple[list[str], list[str]]:
    """Messages with holes for their numbers, and the numbers of each with spaces between."""
    cut = [_cut(shown(message)) for message in messages]
    return [_NUMBER.sub(HOLE, text) for text in cut], [" ".join(_NUMBER.findall(t)) for t in cut]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WORDS_CHARS else f"{text[:MAX_WORDS_CHARS]} …"


def _short(own: object) -> str | int | None:
    """A source id as a number where that is what it looks like: without quotes it is shorter."""
    if not isinstance(own, str):
        return None
    is_number = own.isascii() and own.isdecimal() and len(own) <= _MAX_DIGITS
    return int(own) if is_number and str(int(own)) == own else shown(own)


def _front_coded(words: Sequence[str]) -> list[str | int]:
    """Each word as the number of characters that it shares with the one before, and the rest.

    Examples
    --------
    >>> _front_coded(["000391.jpg", "000395.jpg"])
    [0, '000391.jpg', 5, '5.jpg']
    """
    coded: list[str | int] = []
    before = ""
    for word in words:
        n_same = next(
            (n for n, (a, b) in enumerate(zip(before, word, strict=False)) if a != b),
            min(len(before), len(word)),
        )
        # Python counts characters, JavaScript halves of those beyond 16 bits.
        n_same = n_same if word[:n_same].isascii() else 0
        coded += [n_same, word[n_same:]]
        before = word
    return coded


def _runs(values: Sequence[Any]) -> Any:  # JSON values
    """The values, or `{runs: [value, number, ...]}` where that is shorter.

    Examples
    --------
    >>> _runs([7, 7, 7, 7, None])
    {'runs': [7, 4, None, 1]}
    """
    runs = [part for value, own in groupby(values) for part in (value, len(list(own)))]
    return {"runs": runs} if len(runs) < len(values) else list(values)


def _members(findings: Findings, several: Rows, rows: Rows) -> dict[str, list[Record]]:
    """Place in the list to the first members of a finding that has several."""
    places = np.searchsorted(rows, several).tolist()
    some = replace(findings, table=findings.table.iloc[several])
    told: dict[str, list[Record]] = {}
    n_told = 0
    for place, record in zip(places, records(some), strict=True):
        if n_told >= MAX_MEMBERS:
            break
        told[str(place)] = [_member(member) for member in record["members"][:NAMED_MEMBERS]]
        n_told += len(told[str(place)])
    return told


def _member(member: Record) -> Record:
    image = (member["image"] or "").partition("/")[2]
    line = "" if member["line"] is None else f":{member['line']}"
    place = f"{member['file'] or ''}{line}"
    own = "" if member["source_id"] is None else f"[{member['source_id']}]"
    said = _cut(member.get("message", ""))
    words = {"place": place, "image": "" if image == place else image, "own": own, "said": said}
    return {key: shown(word) for key, word in words.items() if word}
