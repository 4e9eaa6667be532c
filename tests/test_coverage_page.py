"""The page of faults names checks that there are, and leaves out none of the tables' checks."""

from __future__ import annotations

import re

from curate.checks import CHECKS
from curate.faults import FAULTS
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "coverage.md").read_text(encoding="utf-8")
CODE = re.compile(r"\b([A-Z]{2,8})-(\d{3})\b")


def named() -> set[str]:
    codes = {match[0] for match in CODE.finditer(PAGE)}
    for first, last in re.findall(r"([A-Z]+-\d{3}) to ([A-Z]+-\d{3})", PAGE):
        prefix = first[:-3]
        codes |= {f"{prefix}{n:03d}" for n in range(int(first[-3:]), int(last[-3:]) + 1)}
    return codes


def test_each_code_on_the_page_is_that_of_a_check() -> None:
    assert named() <= {*CHECKS, *FAULTS}


def test_each_check_of_the_tables_is_on_the_page() -> None:
    assert set(CHECKS) <= named()


def test_each_row_says_what_finds_its_fault() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "Fault |" not in line]
    assert len(rows) > 50
    for row in rows:
        fault, found = row.strip("| ").split(" | ")
        assert fault
        words = ("clause", "pictures", "model", "not told")
        assert CODE.search(found) or any(word in found for word in words), row
