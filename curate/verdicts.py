"""What people said of a check's findings, as numbers: confirmed, false alarms, precision."""

from __future__ import annotations

from dataclasses import dataclass

from curate.stats import CONFIDENCE, clopper_pearson

MIN_PRECISION = 0.5
# From so many reviewed findings on a low precision is warned of: of a check that is right 7 times
# in 10, 10 findings have a precision under 0.5 in 4.7 % of all draws (binomial), 5 in 16 %.
MIN_REVIEWED = 10


@dataclass(frozen=True)
class CheckVerdicts:
    """How many findings of a check were confirmed, and how many were false alarms.

    Each finding counts once, by the verdict that holds.
    """

    check: str
    confirmed: int
    false_alarms: int

    @property
    def reviewed(self) -> int:
        """Number of findings with a verdict."""
        return self.confirmed + self.false_alarms

    @property
    def precision(self) -> float:
        """Share of the reviewed findings that were confirmed, 0..1; NaN when there are none.

        Examples
        --------
        >>> CheckVerdicts("BOX-002", 3, 1).precision
        0.75
        """
        return self.confirmed / self.reviewed if self.reviewed else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Exact limits of the precision, each 0..1; NaN when no finding was reviewed.

        Notes
        -----
        Clopper and Pearson at `CONFIDENCE`; the findings are taken as independent, and as drawn
        from all of the check's findings. Where the worst were reviewed first they were not.
        """
        low, high = clopper_pearson(self.confirmed, self.reviewed, confidence=CONFIDENCE)
        return float(low), float(high)

    @property
    def is_poor(self) -> bool:
        """Whether enough findings were reviewed and more than half of them were false alarms."""
        return self.reviewed >= MIN_REVIEWED and self.precision < MIN_PRECISION
