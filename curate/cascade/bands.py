"""The band between two thresholds of the classifier: sure no, ask, sure yes.

Answers below the lower one are no alarm, those at or above the upper one are; what lies between is
asked of somebody who knows: the expensive model, or a person. The upper one is the least at which
the false alarms of sure yes keep to their limit, the lower one the highest at which the objects
lost by sure no keep to theirs: no narrower band keeps to both. The thresholds are c_high and c_low
of NoScope (Kang et al. 2017, PVLDB 10(11)).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from curate.cascade.options import Options
from curate.cascade.predictions import Answers
from curate.cascade.stages import counted_grid, cuts_of, judged_answers
from curate.cascade.stream import Floats, Ints, Stream
from curate.cascade.sweep import place, reaching, share


def with_bands(
    stream: Stream, answers: Answers, sweep: pd.DataFrame, options: Options
) -> pd.DataFrame:
    """The sweep with the band of each threshold, under the limits of the options.

    Returns
    -------
    pandas.DataFrame
        The sweep and: sure_no_below (NaN: no answer is a sure no), sure_yes_from (NaN: none is a
        sure yes), no_share, ask_share, yes_share (0..1 of the crops with an answer),
        band_recall (with those asked answered rightly), band_false_per_image, asked_images_share
        (0..1 of all images) and, with the cost of an expensive model that is run on these,
        band_cost_per_image and band_speed_up.
    """
    limit = options.max_false_per_image
    assert limit is not None, "the band needs a limit of false alarms"
    thresholds = sweep["threshold"].to_numpy(np.float64)
    # Below all answers, and above all: nothing is sure no, nothing is sure yes.
    cuts = np.concatenate([[-np.inf], cuts_of(answers, options.accept), [np.inf]])
    is_asked = judged_answers(stream, answers)
    places = place(stream.score, thresholds)
    found = stream.is_found & is_asked
    reach = reaching(places, len(thresholds), found)
    kept, false = counted_grid(stream, answers, thresholds, cuts)
    above = _above(stream, answers, thresholds, cuts)
    lost = reach[:, None] - above
    # Sure yes begins at a cut that is an answer, or at none; so does what lies above sure no.
    is_few = share(false[:, 1:], stream.n_images) <= limit
    high = 1 + np.argmax(is_few, axis=1)
    is_kept = share(lost[:, -2::-1], np.maximum(reach, 1)[:, None]) <= options.max_missed_frac
    low = np.minimum(len(cuts) - 2 - np.argmax(is_kept, axis=1), high)
    rows = np.arange(len(thresholds))
    n_kept = kept[rows, high] + above[rows, low] - above[rows, high]
    told = {
        "sure_no_below": np.where(np.isfinite(cuts[low]), cuts[low], np.nan),
        "sure_yes_from": np.where(np.isfinite(cuts[high]), cuts[high], np.nan),
        **_shares(stream, answers, thresholds, cuts[low], cuts[high]),
        "band_recall": share(n_kept, stream.n_objects),
        "band_false_per_image": share(false[rows, high], stream.n_images),
    }
    table = sweep.assign(**told)
    if options.costs is not None and options.costs.expensive is not None:
        asked = options.costs.expensive * table["asked_images_share"]
        table["band_cost_per_image"] = table["cost_per_image"] + asked
        table["band_speed_up"] = share(options.costs.expensive, table["band_cost_per_image"])
    return table


def _above(stream: Stream, answers: Answers, thresholds: Floats, cuts: Floats) -> Ints:
    """(T, C) objects found at each threshold whose answer is at or above each cut, right or not."""
    found = stream.is_found & judged_answers(stream, answers)
    every = Answers(answers.known, answers.score, found, np.zeros_like(found), ())
    return counted_grid(stream, every, thresholds, cuts)[0]


def _shares(
    stream: Stream, answers: Answers, thresholds: Floats, low: Floats, high: Floats
) -> dict[str, Floats]:
    """Shares of the crops and of the images, by threshold with its band."""
    is_asked = judged_answers(stream, answers)
    order = np.flatnonzero(is_asked)
    order = order[np.argsort(-stream.score[order], kind="stable")]
    descending = -stream.score[order]
    score, image = answers.score[order], stream.image[order]
    n_image = int(stream.image.max(initial=-1)) + 1
    counts = np.zeros((4, len(thresholds)), np.int64)
    for number, threshold in enumerate(thresholds.tolist()):
        n = int(np.searchsorted(descending, -threshold, side="right"))
        is_no = score[:n] < low[number]
        is_yes = score[:n] >= high[number]
        is_between = ~(is_no | is_yes)
        in_images = np.zeros(n_image, np.bool_)
        in_images[image[:n][is_between]] = True
        counts[:, number] = is_no.sum(), is_between.sum(), is_yes.sum(), in_images.sum()
    n_crops = counts[:3].sum(axis=0)
    return {
        "no_share": share(counts[0], n_crops),
        "ask_share": share(counts[1], n_crops),
        "yes_share": share(counts[2], n_crops),
        "asked_images_share": share(counts[3], stream.n_images),
    }
