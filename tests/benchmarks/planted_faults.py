"""Recall and precision of every check of tables and every clause, on planted faults.

    python tests/benchmarks/planted_faults.py [--codes BOX REL-004 ...] [--seeds N] [--first SEED]
        [--json FILE] [--markdown FILE]

`tests/planting`, which knows none of the checks, plants faults below, at and over the limit that
the manual page states, in made sets and, where CURATE_REAL_DATA says where they are, in real ones.
Findings are counted after planting minus before, of the planted code alone:

recall      of the faults beyond the limit, how many one new finding names with all their boxes
precision   of the new findings, in sets with faults beyond the limit, how many name a planted one
wrong       new findings in sets whose faults are not beyond the limit

Ends with 1 when, in the made set or in the real ones together, a deterministic check is below 1.0
in either or has a wrong finding, or a statistical one is below 0.9 in either.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import curate  # noqa: E402  # the checkout that the script lies in, when run as a script
from curate.definitions.loading import load  # noqa: E402
from curate.definitions.model import Definitions  # noqa: E402
from tests import planting  # noqa: E402
from tests.planting import Bed, Level, Planter, Unit  # noqa: E402
from tests.planting.made import bed as made_bed  # noqa: E402
from tests.planting.model import NotHereError  # noqa: E402

FIRST_SEED, N_SEEDS = 4000, 3
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
    """What was counted for one planter in one or several sets.

    `found` and `planted` are per level; `right` and `new` findings where there are faults beyond
    the limit, `wrong` the new findings where there is none.
    """

    planter: Planter
    bed: str
    planted: Counter[Level] = field(default_factory=Counter)
    found: Counter[Level] = field(default_factory=Counter)
    right: int = 0
    new: int = 0
    wrong: int = 0
    missing: str = ""

    @property
    def is_planted(self) -> bool:
        """Whether any fault beyond the limit could be planted."""
        return any(level.is_fault for level in self.planted)

    @property
    def recall(self) -> float:
        """Over the levels that are faults."""
        levels = [level for level in self.planted if level.is_fault]
        return sum(self.found[level] for level in levels) / sum(self.planted[at] for at in levels)

    @property
    def precision(self) -> float:
        """Over the new findings where there are faults; 1 without any."""
        return self.right / self.new if self.new else 1.0

    @property
    def is_good(self) -> bool:
        """Whether it is as good as its kind must be."""
        if not self.is_planted:
            return True
        is_exact = self.planter.kind == "deterministic"
        least = 1.0 if is_exact else MIN_STATISTICAL
        return min(self.recall, self.precision) >= least and not (is_exact and self.wrong)


def merged(results: Sequence[Score]) -> list[Score]:
    """For each planter the score in its made set, and that in all real sets together."""
    rows: dict[tuple[int, bool], Score] = {}
    for one in results:
        key = id(one.planter), one.bed == one.planter.bed
        row = rows.setdefault(key, Score(one.planter, one.bed))
        if row.bed != one.bed and one.is_planted:
            row.bed = f"{row.bed}, {one.bed}" if row.is_planted else one.bed
        row.planted += one.planted
        row.found += one.found
        row.right, row.new = row.right + one.right, row.new + one.new
        row.wrong += one.wrong
    return [row for row in rows.values() if row.is_planted]


@lru_cache(maxsize=16)
def definitions(ids: tuple[str, ...]) -> Definitions:
    """Shipped definitions, each read once."""
    return load(ids)


def told(dataset: curate.Dataset, planter: Planter) -> set[Told]:
    """The findings of the planter's code."""
    findings = curate.audit(
        dataset,
        select=[planter.code],
        definitions=definitions(planter.definitions) if planter.definitions else None,
        vocabulary=planter.vocabulary,
    ).table
    rows = zip(findings["members"], findings["message"], strict=True)
    return {(frozenset(members), message) for members, message in rows}


def score(planter: Planter, bed: Bed, seeds: Sequence[int]) -> Score:
    """The planter's faults of all levels in one set."""
    result = Score(planter, bed.name)
    before = told(bed.dataset, planter)
    if planter.is_of_set and before:
        result.missing = "is told before anything is planted"
        return result
    avoid = frozenset(box for members, _ in before for box in members)
    for number, level in enumerate(planter.levels):
        for seed in seeds if bed.is_made or not level.made_only else ():
            rng = np.random.default_rng([seed, number])
            try:
                _count(result, bed, level, before, (rng, avoid))
            except NotHereError as error:
                result.missing = str(error)
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
        result.wrong += len(new)


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
    head = f"{planter.code:8} {planter.name:42.42} {result.bed:14} {planter.kind[:5]}"
    if not result.is_planted:
        return f"{head}  not planted: {result.missing}"
    verdict = "" if result.is_good else "  BELOW"
    return (
        f"{head} {result.recall:6.3f} {result.precision:6.3f} {result.wrong:4d}  "
        f"{by_level(result)}{verdict}"
    )


def by_level(result: Score) -> str:
    """Share found of each magnitude; in brackets those that need not be found."""
    parts = []
    for level in sorted(result.planted, key=lambda level: level.value):
        share = f"{result.found[level] / result.planted[level]:.3g}"
        text = f"{level.value:g}: {share}"
        parts.append(text if level.is_fault else f"({text})")
    return "  ".join(parts)


HEAD = """# Planted faults

What each check of tables and each clause finds of faults that are planted below, at and over the
limit that its manual page states, as printed by

```sh
{command}
```

`tests/planting` plants; it knows none of the checks. Findings are counted after planting minus
before, of the planted code alone, in sets made from a seed and in real ones. Recall is of the
faults beyond the limit, precision of the findings in sets with such faults. The last column is the
share that was found of each magnitude; magnitudes in brackets are not beyond the limit, or lie
exactly at that of a statistical check, which may then tell them or not. Wrong are findings in sets
without a fault beyond the limit: a fault that takes the spread of a class along may make another
of its boxes an outlier.

Deterministic checks must have 1.0 in both and nothing wrong, statistical ones 0.9.

| code | planted | in | set | kind | recall | precision | wrong | found by magnitude |
| --- | --- | --- | --- | --- | ---: | ---: | ---: | --- |
"""


def markdown(rows: Sequence[Score], command: str) -> str:
    """The page of these scores."""
    lines = [
        f"| {row.planter.code} | {row.planter.name} | {row.planter.unit} | {row.bed} | "
        f"{row.planter.kind} | {row.recall:.3f} | {row.precision:.3f} | {row.wrong} | "
        f"{by_level(row)} |"
        for row in rows
    ]
    elsewhere = [f"- {code}: {where}" for code, where in planting.ELSEWHERE.items()]
    after = ["", "Not planted in tables, and measured elsewhere:", "", *elsewhere]
    return HEAD.format(command=command) + "\n".join([*lines, *after]) + "\n"


def document(rows: Sequence[Score]) -> dict[str, Any]:  # JSON values
    """JSON document of the same figures."""
    scores_of = [
        {
            "code": row.planter.code,
            "planted": row.planter.name,
            "unit": row.planter.unit,
            "set": row.bed,
            "kind": row.planter.kind,
            "recall": row.recall,
            "precision": row.precision,
            "wrong": row.wrong,
            "levels": [
                {
                    # JSON knows no infinity.
                    "value": level.value if math.isfinite(level.value) else str(level.value),
                    "is_fault": level.is_fault,
                    "planted": row.planted[level],
                    "found": row.found[level],
                }
                for level in row.planted
            ],
        }
        for row in rows
    ]
    return {"schema": "curate-benchmark.planted-faults/1", "scores": scores_of}


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options and values that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--codes", nargs="+", default=[], help="codes or their beginnings")
    parser.add_argument("--seeds", type=int, default=N_SEEDS, help="number of seeds")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--markdown", type=Path, help="write the page to this file as well")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 when every check is as good as its kind must be, else 1."""
    asked = parse_arguments(argv)
    for name in REAL:
        if real_bed(name) is None:
            print(f"{name} is not there: skipped (CURATE_REAL_DATA)", file=sys.stderr)
    results = []
    for result in scores(chosen(asked.codes), range(asked.first, asked.first + asked.seeds)):
        print(line(result), flush=True)
        results.append(result)
    rows = merged(results)
    if asked.json is not None:
        asked.json.write_text(json.dumps(document(rows), indent=2) + "\n", encoding="utf-8")
    if asked.markdown is not None:
        codes = f" --codes {' '.join(asked.codes)}" if asked.codes else ""
        command = f"python tests/benchmarks/planted_faults.py --seeds {asked.seeds} "
        command += f"--first {asked.first}{codes} --markdown {asked.markdown}"
        asked.markdown.write_text(markdown(rows, command), encoding="utf-8")
    bad = [row for row in rows if not row.is_good]
    counts = Counter(row.planter.kind for row in rows)
    print(f"{len(rows)} rows ({dict(counts)}), {len(bad)} below what their kind must reach")
    for row in bad:
        print(line(row))
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
