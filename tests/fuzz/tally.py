"""How many mutations of a reader were read and refused, what failed, and the table of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tally:
    """What the mutations of one reader came to. `crashers` maps a signature to its first case."""

    reader: str
    mutations: int = 0
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    slowest: int = -1
    crashers: dict[str, dict[str, Any]] = field(default_factory=dict)


def show_tallies(tallies: Sequence[Tally]) -> None:
    """Prints a row for each reader, then what failed."""
    print(f"{'reader':24}{'mutations':>10}{'accepted':>10}{'refused':>10}{'crashers':>10}"
          f"{'slowest':>18}{'time':>9}")  # fmt: skip
    for t in tallies:
        slowest = f"{t.slowest_s:.2f} s (#{t.slowest})"
        print(f"{t.reader:24}{t.mutations:>10}{t.accepted:>10}{t.refused:>10}"
              f"{len(t.crashers):>10}{slowest:>18}{t.seconds:>7.0f} s")  # fmt: skip
    for t in tallies:
        for key, found in t.crashers.items():
            print(f"\n{t.reader}: {key} ({found['cases']} cases, first #{found['number']})")
            print(f"  {found['error']}\n  saved: {found.get('saved')}")
