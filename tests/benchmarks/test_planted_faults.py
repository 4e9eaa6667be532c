"""Planted faults: every check is planted, tells what its page promises, and the figures are so."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

from curate.checks import CHECKS
from curate.definitions.loading import load
from tests import planting
from tests.benchmarks import planted_faults
from tests.planting import Bed, Level, Planter, Unit
from tests.planting.made import bed
from tests.planting.model import Edit

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


def nearest(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """The limit and what is next to it on both sides; of a fault without a limit one of each."""
    at = [number for number, level in enumerate(levels) if level.made_only]
    if at:
        return levels[max(at[0] - 1, 0) : at[0] + 2]
    sound = [level for level in levels if level.is_fault is False]
    return (*sound[-1:], *(level for level in levels if level.is_fault))[:2]


@pytest.mark.parametrize(
    "planter", planting.PLANTERS, ids=lambda p: f"{p.code} {p.name}".replace("'", "")
)
def test_a_planted_fault_is_told_from_its_limit_on_and_not_before(planter) -> None:
    near = replace(planter, levels=nearest(planter.levels))
    result = planted_faults.score(near, bed(planter.bed, SEED), [SEED])
    assert result.is_planted
    assert result.is_good, planted_faults.line(result)


def test_every_check_and_clause_is_planted_or_measured_elsewhere() -> None:
    planted = {planter.code for planter in planting.PLANTERS}
    clauses = {
        clause.id
        for project in ("project.phone", "project.cameras")
        for clause in load([project]).clauses
        if clause.check is not None
    }
    left = {
        code
        for code in {*CHECKS, *clauses} - planted
        if not code.startswith(tuple(planting.ELSEWHERE))
    }
    assert left == set()
    assert planted <= {*CHECKS, *clauses}


def planter_of(tell: int) -> Planter:
    """A planter of half a pixel on one box; the check that it stands for tells from `tell` on."""

    def plant(of: Bed, rng: object, value: float, avoid: object) -> tuple[object, tuple[Unit, ...]]:
        edit = Edit(of)
        box = int(of.ids[0])
        edit.set(box, (0.0, 0.0, value, 100.0))
        return edit.done(), (Unit((box,)),)

    levels = (Level(4.0, is_fault=tell > 4), Level(1.0, is_fault=tell > 1))
    return Planter("BOX-004", "a narrow box", "px", levels, plant)


def test_a_check_that_misses_and_one_that_tells_too_much_are_below() -> None:
    # BOX-004 tells sides below 2 px: a page that promised 8 or 0.5 px would be wrong.
    plain = bed("plain", SEED)
    right, missed, wrong = (planted_faults.score(planter_of(n), plain, [1]) for n in (2, 8, 0))
    assert (right.recall, right.precision, right.wrong, right.is_good) == (1.0, 1.0, 0, True)
    assert (missed.recall, missed.is_good) == (0.5, False)
    assert wrong.wrong == 1


def test_the_command_prints_and_writes_its_figures(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.delenv("CURATE_REAL_DATA", raising=False)
    planted_faults.real_bed.cache_clear()
    files = [tmp_path / "figures.json", tmp_path / "page.md"]
    told = ["--codes", "BOX-003", "--seeds", "1", "--first", str(SEED)]
    told += ["--json", str(files[0]), "--markdown", str(files[1])]
    assert planted_faults.main(told) == 0
    planted_faults.real_bed.cache_clear()
    printed = capsys.readouterr()
    assert "coco128 is not there: skipped" in printed.err
    (row,) = json.loads(files[0].read_bytes())["scores"]
    assert (row["code"], row["recall"], row["precision"], row["wrong"]) == ("BOX-003", 1.0, 1.0, 0)
    assert {at["value"] for at in row["levels"]} == {2, 0.25, 0, -0.25, -1, -16, -200}
    assert "| BOX-003 | width or height | px | plain |" in files[1].read_text("utf-8")


@pytest.mark.slow
def test_all_planted_faults_in_made_and_real_sets_on_other_seeds() -> None:
    results = list(planted_faults.scores(planting.PLANTERS, range(2000, 2003)))
    rows = planted_faults.merged(results)
    assert [planted_faults.line(row) for row in rows if not row.is_good] == []
