"""What may be asked of a cascade."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from curate.errors import UsageError, quote

PARTS = ("detector", "classifier", "expensive")
_COST_MEND = "write it as detector=4,classifier=0.5 or with ,expensive=80 behind"


@dataclass(frozen=True)
class Costs:
    """What running each part costs, all in one unit (ms, joules, money).

    Parameters
    ----------
    detector
        Per frame.
    classifier
        Per crop.
    expensive
        Per frame, of the model that the cascade is to spare; None: not known.
    """

    detector: float
    classifier: float
    expensive: float | None = None


@dataclass(frozen=True)
class Options:
    """How a cascade is measured.

    Parameters
    ----------
    split
        Only the crops of this split; None: all.
    label
        The class that counts; None: every class but the background.
    at
        Detector thresholds that shall be among those of the sweep.
    accept
        The least probability, 0..1, at which the classifier's word is an alarm.
    max_false_per_image
        False alarms per image that are allowed; None: no limit, and no band.
    max_missed_frac
        Share, 0..1, of the objects with a crop that the band's "sure no" may lose.
    trained_on
        Split that the classifier was trained on: its probabilities are corrected from the sampled
        to the natural share of background; None: they are taken as they are.
    costs
        What the parts cost; None: no costs are given, and the front weighs crops per image.
    seed
        Of the bootstrap.
    """

    split: str | None = None
    label: str | None = None
    at: tuple[float, ...] = ()
    accept: float = 0.5
    max_false_per_image: float | None = None
    max_missed_frac: float = 0.01
    trained_on: str | None = None
    costs: Costs | None = None
    seed: int = 0


def parse_costs(text: str) -> Costs:
    """The costs of a text such as detector=4,classifier=0.5,expensive=80.

    Raises
    ------
    UsageError
        For another form, an unknown or repeated part, a missing one, and a number below 0.

    Examples
    --------
    >>> parse_costs("detector=4,classifier=0.5")
    Costs(detector=4.0, classifier=0.5, expensive=None)
    """
    found: dict[str, float] = {}
    for word in text.split(","):
        part, equals, number = (piece.strip() for piece in word.partition("="))
        if not equals or part not in PARTS:
            legal = ", ".join(PARTS)
            what = f"--cost has {quote(word)}, should be PART=NUMBER with one of {legal}"
            raise UsageError(what, mend=nearest(part, PARTS) or _COST_MEND)
        if part in found:
            raise UsageError(f"--cost names {part} twice", mend="leave one out")
        found[part] = _cost(part, number)
    missing = [part for part in PARTS[:2] if part not in found]
    if missing:
        raise UsageError(f"--cost has no {' and no '.join(missing)}", mend=_COST_MEND)
    if found.get("expensive") == 0:
        raise UsageError("--cost: expensive is 0, should be above 0", mend="leave it out")
    return Costs(**found)


def _cost(part: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        what = f"--cost: {part} is {quote(text)}, should be a number of 0 or more"
        raise UsageError(what, mend=_COST_MEND)
    return number


def nearest(word: str, legal: Iterable[str]) -> str | None:
    """The question whether a like word was meant; None where there is none."""
    near = difflib.get_close_matches(word, list(legal), n=1)
    return f"did you mean {near[0]!r}?" if near else None
