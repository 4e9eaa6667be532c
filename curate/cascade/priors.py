"""Probabilities of a classifier that was trained on sampled crops, as they would be on the stream.

logit + ln(n / (1 - n)) - ln(s / (1 - s)), with the natural share n and the sampled share s of crops
that are no background: Bayes' rule where only the shares differ, not what the crops look like. It
moves thresholds and changes no order: which recall goes with which false alarms stays.
"""

from __future__ import annotations

import math

import numpy as np

from curate.cascade.reading import Manifest
from curate.cascade.stream import Floats
from curate.errors import SourceError, UsageError, quote


def shift_of(manifest: Manifest, split: str) -> float:
    """What is added to the logit of a classifier that was trained on a split.

    Raises
    ------
    UsageError
        When there is no `crops.json`, or it knows no such split.
    SourceError
        When it states a share that is not between 0 and 1.
    """
    place = manifest.summary_place
    told = (manifest.summary or {}).get("priors")
    own = told.get(split) if isinstance(told, dict) else None
    if not isinstance(own, dict):
        legal = ", ".join(sorted(told)) if isinstance(told, dict) and told else "none"
        what = f"--trained-on {quote(split)}: no priors are stated for it, but for {legal}"
        raise UsageError(what, place=place, mend="name a split of the set, or leave it out")
    logits = {}
    for kind in ("natural", "sampled"):
        share = own.get(kind)
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
            what = f"priors.{split}.{kind} is {quote(share)}, should be between 0 and 1"
            raise SourceError(what, place=place, mend="write the set again, or leave it out")
        logits[kind] = math.log(share / (1 - share))
    return logits["natural"] - logits["sampled"]


def corrected(scores: Floats, shift: float) -> Floats:
    """(N,) probabilities with their logits shifted; 0, 1, NaN and what is no probability stay.

    Examples
    --------
    Trained at 1 : 3, on a stream of 1 : 99, the odds are 33 times lower:

    >>> shift = math.log(1 / 99) - math.log(1 / 3)
    >>> corrected(np.array([0.5]), shift).round(4).tolist()
    [0.0294]
    """
    inside = (scores > 0) & (scores < 1)
    result = scores.copy()
    logits = np.log(scores[inside]) - np.log1p(-scores[inside]) + shift
    with np.errstate(over="ignore"):
        result[inside] = 1 / (1 + np.exp(-logits))
    return result
