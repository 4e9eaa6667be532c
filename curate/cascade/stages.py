"""Both stages together: which objects are kept, what is a false alarm, which points are best.

An alarm is a proposal at or above the detector's threshold whose answer is at or above `accept`. It
is right when it is the assigned detection of an object and the classifier says what the crop shows,
false when the crop counts and shows something else; a right answer to a second detection of an
object is neither. So recall is exactly the detector's times the classifier's on what was found.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.cascade.options import Costs
from curate.cascade.predictions import Answers
from curate.cascade.stream import Bools, Floats, Ints, Stream
from curate.cascade.sweep import by_group, objects_by_group, place, points, reaching, share
from curate.stats import share_interval


def end_to_end(
    stream: Stream, answers: Answers, sweep: pd.DataFrame, accept: float, seed: int
) -> pd.DataFrame:
    """The sweep with both stages at one threshold of the classifier.

    Returns
    -------
    pandas.DataFrame
        The sweep and: accept, classifier_recall (kept of those found), end_recall with
        end_recall_low and end_recall_high, end_precision, false_per_image. NaN: nothing to divide
        by.
    """
    thresholds = sweep["threshold"].to_numpy(np.float64)
    n = len(thresholds)
    places = place(stream.score, thresholds)
    is_alarm = answers.score >= accept
    is_kept = stream.is_found & answers.is_right & is_alarm
    kept = reaching(places, n, is_kept)
    false = reaching(places, n, answers.is_wrong & is_alarm)
    hits = by_group(stream, places, n, is_kept)
    low, high = share_interval(hits, objects_by_group(stream), seed=seed)
    return sweep.assign(
        accept=accept,
        classifier_recall=share(kept, sweep["found"]),
        end_recall=share(kept, stream.n_objects),
        end_recall_low=low,
        end_recall_high=high,
        end_precision=share(kept, kept + false),
        false_per_image=share(false, stream.n_images),
    )


def reaching_both(stream_places: Ints, answer_places: Ints, shape: tuple[int, int]) -> Ints:
    """(T, C) how many values reach each pair of T and C cuts."""
    n_rows, n_columns = shape
    at = stream_places * (n_columns + 1) + answer_places
    counts = np.bincount(at, minlength=(n_rows + 1) * (n_columns + 1))
    table = counts.reshape(n_rows + 1, n_columns + 1)[::-1, ::-1]
    return table.cumsum(axis=0).cumsum(axis=1)[::-1, ::-1][1:, 1:].astype(np.int64)


def counted_grid(
    stream: Stream, answers: Answers, thresholds: Floats, cuts: Floats
) -> tuple[Ints, Ints]:
    """(T, C) objects kept and false alarms at each threshold and each cut of the answers."""
    shape = len(thresholds), len(cuts)
    found = []
    for marked in (stream.is_found & answers.is_right, answers.is_wrong):
        places = place(stream.score[marked], thresholds), place(answers.score[marked], cuts)
        found.append(reaching_both(*places, shape))
    return found[0], found[1]


def cuts_of(answers: Answers, accept: float) -> Floats:
    """The thresholds of the classifier that are tried: of its probabilities, and that asked for."""
    score = answers.score[answers.known]
    return points(score[score >= 0], (accept,))


def front(
    stream: Stream, answers: Answers, sweep: pd.DataFrame, accept: float, costs: Costs | None
) -> pd.DataFrame:
    """The operating points that no other one beats in recall, false alarms and cost together.

    Returns
    -------
    pandas.DataFrame
        threshold, accept, end_recall, end_precision, false_per_image, crops_per_image and, with
        costs, cost_per_image and speed_up, as in the sweep; the least recall first. Without costs
        crops per image stand for them. Of points that are equal in all three the one with the
        highest thresholds is named.
    """
    thresholds, cuts = sweep["threshold"].to_numpy(np.float64), cuts_of(answers, accept)
    kept, false = (table.ravel() for table in counted_grid(stream, answers, thresholds, cuts))
    row = np.repeat(np.arange(len(thresholds)), len(cuts))
    accepts = np.tile(cuts, len(thresholds))
    cost = sweep["crops_per_image" if costs is None else "cost_per_image"].to_numpy(np.float64)[row]
    best = undominated(kept, false, cost, ties=(accepts, thresholds[row]))
    columns = ["crops_per_image"] + [c for c in ("cost_per_image", "speed_up") if c in sweep]
    table = pd.DataFrame(
        {
            "threshold": thresholds[row[best]],
            "accept": accepts[best],
            "end_recall": share(kept[best], stream.n_objects),
            "end_precision": share(kept[best], kept[best] + false[best]),
            "false_per_image": share(false[best], stream.n_images),
            **{name: sweep[name].to_numpy(np.float64)[row[best]] for name in columns},
        }
    )
    order = ["end_recall", "false_per_image", "crops_per_image"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def undominated(
    kept: Ints, false: Ints, cost: Floats, ties: tuple[npt.NDArray[np.float64], ...]
) -> Ints:
    """The points that no other one equals in all of kept, false and cost while beating it in one.

    Parameters
    ----------
    kept, false, cost
        (P,) of each point.
    ties
        (P,) values; of equal points the one with the largest last of them stays, then the one
        before.

    Returns
    -------
    numpy.ndarray
        Places among the P points, the lowest cost first.
    """
    order = np.lexsort([*(-values for values in ties), -kept, false, cost])
    # Of those at no higher cost: false alarms and objects kept, both ascending.
    stairs_false: list[int] = []
    stairs_kept: list[int] = []
    best = []
    # One by one, as each point is held against those before it.
    for point in order.tolist():
        n_false, n_kept = int(false[point]), int(kept[point])
        below = bisect_right(stairs_false, n_false)
        if below and stairs_kept[below - 1] >= n_kept:
            continue
        best.append(point)
        first = bisect_left(stairs_false, n_false)
        beyond = bisect_right(stairs_kept, n_kept, lo=first)
        stairs_false[first:beyond] = [n_false]
        stairs_kept[first:beyond] = [n_kept]
    return np.asarray(best, np.int64)


def judged_answers(stream: Stream, answers: Answers) -> Bools:
    """(N,) the proposals that were cut and asked about."""
    return stream.has_crop & answers.known
