"""The sweep of a detector's threshold: what is found, what is proposed, at each.

An object counts as found at threshold t when its assigned detection has a score of t or more.
Assignments are made in the order of scores, each looking only at those before it: leaving out the
detections below t changes none of the others, and the sweep of one matching is the matching at each
threshold. So it starts at the set's floor: what lies below is unknown, not zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.cascade.options import Costs
from curate.cascade.stream import Bools, Floats, Ints, Stream
from curate.stats import share_interval

MAX_POINTS = 200


def points(values: Floats, asked: tuple[float, ...] = ()) -> Floats:
    """At most `MAX_POINTS` of the distinct values, evenly by rank, and those asked for; ascending.

    The least and the largest are always among them.
    """
    distinct = np.unique(values)
    if len(distinct) > MAX_POINTS:
        ranks = np.linspace(0, len(distinct) - 1, MAX_POINTS).round().astype(np.int64)
        distinct = distinct[ranks]
    return np.unique(np.concatenate([distinct, np.asarray(asked, np.float64)]))


def place(values: Floats, cuts: Floats) -> Ints:
    """(N,) how many of the ascending cuts each value reaches."""
    return np.searchsorted(cuts, values, side="right").astype(np.int64)


def reaching(places: Ints, n_cuts: int, marked: Bools | None = None) -> Ints:
    """(T,) how many values reach each of T cuts, of those that are marked."""
    own = places if marked is None else places[marked]
    counts = np.bincount(own, minlength=n_cuts + 1)
    # A value that reaches p cuts reaches the first p of them.
    return np.cumsum(counts[::-1])[::-1][1:].astype(np.int64)


def by_group(stream: Stream, places: Ints, n_cuts: int, marked: Bools) -> Ints:
    """(G, T) how many marked proposals of each group reach each cut."""
    at = stream.group[marked] * (n_cuts + 1) + places[marked]
    counts = np.bincount(at, minlength=stream.n_groups * (n_cuts + 1))
    table = counts.reshape(stream.n_groups, n_cuts + 1)
    return np.cumsum(table[:, ::-1], axis=1)[:, ::-1][:, 1:].astype(np.int64)


def objects_by_group(stream: Stream) -> Ints:
    """(G,) objects of each group, found or missed."""
    every = np.concatenate([stream.group[stream.is_found], stream.missed_group])
    return np.bincount(every, minlength=stream.n_groups).astype(np.int64)


def share(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    """The parts divided by the whole; NaN where the whole is nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.asarray(part, np.float64) / np.asarray(whole, np.float64)
    return np.where(np.isfinite(shares), shares, np.nan)


def detector_sweep(
    stream: Stream, thresholds: Floats, costs: Costs | None, seed: int
) -> pd.DataFrame:
    """A row per threshold, ascending.

    Parameters
    ----------
    thresholds
        (T,) ascending.
    costs
        Of the parts; None leaves the columns of costs out.
    seed
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        threshold; found (objects), proposals; recall with recall_low and recall_high, with_crop
        (the share of objects found and large enough to be cut: no classifier gets beyond it),
        precision, background_share (0..1, of the proposals that count); proposals_per_image,
        crops_per_image, detector_false_per_image; cost_per_image, speed_up. NaN: nothing to
        divide by.
    """
    n, n_objects = len(thresholds), stream.n_objects
    places = place(stream.score, thresholds)
    counted = {
        "found": reaching(places, n, stream.is_found),
        "cut": reaching(places, n, stream.is_found & stream.has_crop),
        "false": reaching(places, n, stream.is_false),
        "background": reaching(places, n, stream.is_background),
        "counts": reaching(places, n, stream.counts),
        "all": reaching(places, n),
        "crops": reaching(places, n, stream.has_crop),
    }
    hits = by_group(stream, places, n, stream.is_found)
    low, high = share_interval(hits, objects_by_group(stream), seed=seed)
    table = pd.DataFrame(
        {
            "threshold": thresholds,
            "proposals": counted["all"],
            "found": counted["found"],
            "recall": share(counted["found"], n_objects),
            "recall_low": low,
            "recall_high": high,
            "with_crop": share(counted["cut"], n_objects),
            "precision": share(counted["found"], counted["found"] + counted["false"]),
            "background_share": share(counted["background"], counted["counts"]),
            "proposals_per_image": share(counted["all"], stream.n_images),
            "crops_per_image": share(counted["crops"], stream.n_images),
            "detector_false_per_image": share(counted["false"], stream.n_images),
        }
    )
    if costs is not None:
        table["cost_per_image"] = costs.detector + costs.classifier * table["crops_per_image"]
        if costs.expensive is not None:
            table["speed_up"] = share(costs.expensive, table["cost_per_image"])
    return table
