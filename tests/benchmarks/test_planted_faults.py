"""Planted faults: every check is planted, tells what its page promises, and the figures are so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import planting
from tests.benchmarks import planted_faults
from tests.planting.made import bed

FOLDER = Path(planting.__file__).parent
# Neither those of the benchmark nor those that the planters were written with.
SEED = 77


def test_the_planters_import_nothing_that_judges() -> None:
    judging = ("curate.checks", "curate.definitions", "curate.auditing", "curate.defining")
    for module in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            assert not [name for name in names if name.startswith(judging)], module.name


@pytest.mark.parametrize(
    "planter", planting.PLANTERS, ids=lambda p: f"{p.code} {p.name}".replace("'", "")
)
def test_a_planted_fault_is_told_from_its_limit_on_and_not_before(planter) -> None:
    result = planted_faults.score(planter, bed(planter.bed, SEED), [SEED])
    assert not result.skipped
    assert result.is_good, planted_faults.line(result)


@pytest.mark.slow
def test_all_planted_faults_in_made_and_real_sets_on_other_seeds() -> None:
    results = list(planted_faults.scores(planting.PLANTERS, range(2000, 2003)))
    assert [planted_faults.line(one) for one in results if not one.is_good] == []
