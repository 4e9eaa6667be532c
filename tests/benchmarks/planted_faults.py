"""Recall and precision of every check of tables and every clause, on planted faults.

    python tests/benchmarks/planted_faults.py [--codes BOX REL-004 ...] [--seeds N] [--first SEED]
        [--json FILE] [--markdown FILE]

`tests/planting`, which knows none of the checks, plants faults below, at and over the limit that
the manual page states, in made sets and, where CURATE_REAL_DATA says where they are, in real ones.
Findings are counted after planting minus before, of the planted code alone:

recall      of the faults beyond the limit, how many one new finding names with all their boxes
precision   of the new findings, in sets with faults beyond the limit, how many name a planted one
wrong       faults at or under the limit that were told, or not, against the manual page

Ends with 1 when a deterministic check is below 1.0 in either or has a wrong verdict, or a
statistical one is below 0.9 in either.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import curate  # noqa: E402  # the checkout that the script lies in, when run as a script
from tests import planting  # noqa: E402
from tests.planting import Bed, Level, Planter, Unit  # noqa: E402
from tests.planting.made import bed as made_bed  # noqa: E402
from tests.planting.model import NotHereError  # noqa: E402

FIRST_SEED, N_SEEDS = 1000, 3
MIN_STATISTICAL = 0.9
REAL = {
    "coco128": "coco128/instances_all_as_published.json",
    "coco_val2014": "coco_val2014_100/sampled_gts_bbox_area.json",
    "kitti_tracking": "kitti_tracking/label_02",
    "mot17_mini": "mot/MOT17-mini",
    "voc_bccd": "voc_bccd",
}

# What one finding says: its members and its message.
Told = tuple[frozenset[int], str]


@dataclass
class Score:
    """What was counted for one planter in one set.

    `found` and `planted` are per level; `right` and `new` findings in sets with faults beyond the
    limit; `false` those in sets whose faults do not reach it, but for those at the limit of a
    statistical check.
    """

    planter: Planter
    bed: str
    planted: Counter[Level] = field(default_factory=Counter)
    found: Counter[Level] = field(default_factory=Counter)
    right: int = 0
    new: int = 0
    false: int = 0
    skipped: str = ""
    missing: str = ""

    @property
    def recall(self) -> float:
        """Over the levels that are faults."""
        levels = [level for level in self.planted if level.is_fault]
        n_planted = sum(self.planted[level] for level in levels)
        return sum(self.found[level] for level in levels) / n_planted if n_planted else np.nan

    @property
    def precision(self) -> float:
        """Over the new findings where there are faults."""
        return self.right / self.new if self.new else np.nan

    @property
    def wrong(self) -> int:
        """Findings in sets whose faults do not reach the limit."""
        return self.false

    @property
    def is_good(self) -> bool:
        """Whether it is as good as its kind must be."""
        if self.skipped:
            return True
        least = 1.0 if self.planter.kind == "deterministic" else MIN_STATISTICAL
        exact = self.planter.kind == "statistical" or not self.wrong
        return bool(self.recall >= least and self.precision >= least and exact)


def told(dataset: curate.Dataset, planter: Planter) -> set[Told]:
    """The findings of the planter's code."""
    findings = curate.audit(
        dataset,
        select=[planter.code],
        definitions=planter.definitions or None,
        vocabulary=planter.vocabulary,
    ).table
    rows = zip(findings["members"], findings["message"], strict=True)
    return {(frozenset(members), message) for members, message in rows}


def score(planter: Planter, bed: Bed, seeds: Sequence[int]) -> Score:
    """The planter's faults of all levels in one set."""
    result = Score(planter, bed.name)
    before = told(bed.dataset, planter)
    if planter.is_of_set and before:
        result.skipped = "is told before anything is planted"
        return result
    avoid = frozenset(box for members, _ in before for box in members)
    for number, level in enumerate(planter.levels):
        for seed in seeds if bed.is_made or not level.made_only else ():
            rng = np.random.default_rng([seed, number])
            try:
                _count(result, bed, level, before, (rng, avoid))
            except NotHereError as error:
                result.missing = str(error)
    if not any(level.is_fault for level in result.planted):
        result.skipped = result.missing or "nothing was planted"
    return result


def _count(
    result: Score, bed: Bed, level: Level, before: set[Told],
    how: tuple[np.random.Generator, frozenset[int]],
) -> None:  # fmt: skip
    rng, avoid = how
    dataset, planted = result.planter.plant(bed, rng, level.value, avoid)
    new = told(dataset, result.planter) - before
    result.planted[level] += len(planted)
    result.found[level] += sum(any(_names(one, unit) for one in new) for unit in planted)
    if level.is_fault:
        result.new += len(new)
        result.right += sum(_concerns(one, planted) for one in new)
    elif level.is_fault is False:
        result.false += len(new)


def _names(one: Told, unit: Unit) -> bool:
    members, message = one
    return members.issuperset(unit.boxes) and unit.word in message


def _concerns(one: Told, planted: Sequence[Unit]) -> bool:
    members, _ = one
    boxes = {box for unit in planted for box in unit.boxes}
    return not members.isdisjoint(boxes) if members else any(_names(one, u) for u in planted)


@lru_cache(maxsize=8)
def real_bed(name: str) -> Bed | None:
    """A real set; None where it is not."""
    home = os.environ.get("CURATE_REAL_DATA")
    path = Path(home) / REAL[name] if home else None
    if path is None or not path.exists():
        return None
    return Bed(name, curate.read(path), is_made=False)


def scores(planters: Sequence[Planter], seeds: Sequence[int]) -> Iterator[Score]:
    """The scores of all planters, in made sets first."""
    for planter in planters:
        yield score(planter, made_bed(planter.bed, seeds[0]), seeds)
        for name in planter.real:
            bed = real_bed(name)
            if bed is not None:
                yield score(planter, bed, seeds)


def chosen(codes: Sequence[str]) -> list[Planter]:
    """The planters whose code begins with one of the words; none: all."""
    return [p for p in planting.PLANTERS if not codes or p.code.startswith(tuple(codes))]


def line(result: Score) -> str:
    """One score as a line of text."""
    planter = result.planter
    head = f"{planter.code} {planter.name:42.42} {result.bed:14} {planter.kind[:5]}"
    if result.skipped:
        return f"{head}  not planted: {result.skipped}"
    verdict = "" if result.is_good else "  BELOW"
    return (
        f"{head} {result.recall:6.3f} {result.precision:6.3f} {result.wrong:4d}  "
        f"{by_level(result)}{verdict}"
    )


def by_level(result: Score) -> str:
    """Share found of each magnitude; in brackets those that are no fault."""
    parts = []
    for level in sorted(result.planted, key=lambda level: level.value):
        share = f"{result.found[level] / result.planted[level]:.3g}"
        text = f"{level.value:g}: {share}"
        parts.append(text if level.is_fault else f"({text})")
    return "  ".join(parts)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 when every check is as good as its kind must be, else 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--codes", nargs="+", default=[], help="codes or their beginnings")
    parser.add_argument("--seeds", type=int, default=N_SEEDS, help="number of seeds")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--markdown", type=Path, help="write the table to this file as well")
    asked = parser.parse_args(argv)
    seeds = range(asked.first, asked.first + asked.seeds)
    for name in REAL:
        if real_bed(name) is None:
            print(f"{name} is not there: skipped (CURATE_REAL_DATA)", file=sys.stderr)
    results = []
    for result in scores(chosen(asked.codes), seeds):
        print(line(result), flush=True)
        results.append(result)
    return int(not all(result.is_good for result in results))


if __name__ == "__main__":
    sys.exit(main())
