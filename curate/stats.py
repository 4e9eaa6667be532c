"""Intervals of shares: how far a recall of so many objects may be from the true one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
REPLICATES = 1000

Floats = npt.NDArray[np.float64]


def clopper_pearson(
    hits: npt.ArrayLike, trials: npt.ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[Floats, Floats]:
    """The exact two-sided interval of a share: lower and upper limits, each 0..1.

    Parameters
    ----------
    hits, trials
        (N,) counts, 0 <= hits <= trials; the trials are taken as independent.
    confidence
        Between 0 and 1; each side may miss with half of the rest.

    Returns
    -------
    tuple
        (N,) float64 each; NaN where there are no trials: nothing is known.

    Notes
    -----
    Clopper and Pearson 1934, Biometrika 26:404, as quantiles of the beta distribution. It covers
    the true share at least as often as it says, also near 0 and 1, where most others fail.

    Examples
    --------
    Without a hit in 10 trials the upper limit is 1 - 0.025 ** (1 / 10):

    >>> low, high = clopper_pearson(0, 10)
    >>> float(low), round(float(high), 4)
    (0.0, 0.3085)
    """
    from scipy.special import betaincinv

    k, n = np.asarray(hits, np.float64), np.asarray(trials, np.float64)
    tail = (1 - confidence) / 2
    # At no hit and at no miss a parameter of the distribution is 0; the limits are 0 and 1 there.
    low = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, tail), 0.0)
    high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail), 1.0)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def cluster_bootstrap(
    hits: npt.NDArray[np.integer[Any]],
    trials: npt.NDArray[np.integer[Any]],
    *,
    seed: int,
    confidence: float = CONFIDENCE,
    replicates: int = REPLICATES,
) -> tuple[Floats, Floats]:
    """The percentile interval of shares whose trials come in groups, drawn group by group.

    Parameters
    ----------
    hits
        (G, T) hits of each group in each of T shares.
    trials
        (G,) trials of each group, all above 0, G >= 1.
    seed
        Of the draw; the same seed gives the same limits.
    replicates
        How many times G groups are drawn with replacement.

    Returns
    -------
    tuple
        (T,) float64 lower and upper limits, 0..1.

    Notes
    -----
    Davison and Hinkley 1997, Bootstrap Methods, 3.8: whole clusters are the units. Where all groups
    agree it has no width, whatever their number is: see `share_interval`.
    """
    n_groups, n_shares = hits.shape
    draw = np.random.default_rng(seed)
    counts = np.column_stack([hits, trials]).astype(np.float64)
    shares = np.empty((replicates, n_shares))
    for number in range(replicates):
        picked = draw.integers(0, n_groups, n_groups)
        # Sums of whole numbers are exact in any order: the same on every machine.
        sums = np.bincount(picked, minlength=n_groups).astype(np.float64) @ counts
        shares[number] = sums[:-1] / sums[-1]
    tail = (1 - confidence) / 2
    low, high = np.quantile(shares, [tail, 1 - tail], axis=0)
    return low, high


def share_interval(
    hits: npt.NDArray[np.integer[Any]],
    trials: npt.NDArray[np.integer[Any]],
    *,
    seed: int,
    confidence: float = CONFIDENCE,
) -> tuple[Floats, Floats]:
    """The interval of shares: the wider of Clopper-Pearson's and the cluster bootstrap's limits.

    Parameters
    ----------
    hits
        (G, T) hits of each group in each of T shares; one group means that there are no groups.
    trials
        (G,) trials of each group.

    Returns
    -------
    tuple
        (T,) float64 lower and upper limits, 0..1; NaN where there are no trials.

    Notes
    -----
    Objects of one video are found or missed together, which the bootstrap sees and Clopper-Pearson
    does not; but where nothing was missed the bootstrap's interval is [1, 1], which says too much.
    The wider of both holds the share itself in every case.
    """
    low, high = clopper_pearson(hits.sum(axis=0), trials.sum(), confidence=confidence)
    counted = trials > 0
    if np.count_nonzero(counted) < 2:
        return low, high
    drawn = cluster_bootstrap(hits[counted], trials[counted], seed=seed, confidence=confidence)
    return np.minimum(low, drawn[0]), np.maximum(high, drawn[1])
