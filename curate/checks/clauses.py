"""Clauses of definitions as checks: what they say of a dataset becomes hits like any other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Rows
from curate.checks.check import Check
from curate.checks.hits import Hits
from curate.checks.relations import components
from curate.definitions.columns import BoxColumns, taken
from curate.definitions.evaluation import Values
from curate.definitions.excess import has_limits
from curate.definitions.judging import Outcome, links_boxes
from curate.definitions.model import Clause, Definitions
from curate.definitions.records import Record
from curate.errors import quote

# Images that a finding about images lists.
SHOWN_IMAGES = 100
_NO_ROWS: Rows = np.zeros(0, np.int64)
_MANY: dict[Record, str] = {
    "box": "boxes", "image": "images", "pair": "pairs", "track": "tracks",
    "prediction": "predictions", "dataset": "sets", "relation": "relations",
}  # fmt: skip


def clause_check(outcome: Outcome, definitions: Definitions, boxes: BoxColumns) -> Check:
    """A clause whose outcome is known as a check that gives its hits."""
    clause = outcome.clause

    def told() -> Hits:
        if clause.check is None:
            return _asked(outcome, definitions, boxes)
        return _missed(outcome, definitions, boxes)

    return Check(clause.id, clause.name, clause.severity, told, reads=(), replaces=clause.replaces)


def _missed(outcome: Outcome, definitions: Definitions, boxes: BoxColumns) -> Hits:
    """The records that do not meet a clause."""
    clause = outcome.clause
    assert clause.check is not None
    if links_boxes(clause):
        outcome = _linked(outcome, boxes)
    about = _about(outcome, boxes)
    names = sorted(outcome.values)
    levels = np.where(
        outcome.is_unknown & (clause.missing == "review"), "info", clause.severity
    ).astype(str)
    measured = ~np.isnan(outcome.excess)
    return Hits(
        members=outcome.members,
        # Where nothing is measured nothing is shown: numbers that are not finite are null there.
        value=np.where(measured, outcome.excess, -np.inf),
        limit=np.where(measured, 0.0, np.nan),
        unit="of the limit" if has_limits(clause.check.tree) else "beyond the limit",
        texts=(_template(clause, names), _template(clause, names, is_unknown=True)),
        parts=(
            *(_shown(outcome.values[name]) for name in names),
            _partners(outcome, boxes),
            _sizes(outcome),
        ),
        mend=mend_of(clause, definitions),
        ends=outcome.ends,
        which=outcome.is_unknown.astype(np.int64),
        levels=levels,
        is_whole=about is not None,
        about=about,
        images=outcome.images,
    )


def _linked(outcome: Outcome, boxes: BoxColumns) -> Outcome:
    """Pairs that link boxes of one label as one record of all these boxes, the worst pair first.

    The record has what its worst pair has. What is known to be wrong and what cannot be told are
    two records.
    """
    pairs = outcome.members.reshape(-1, 2)
    labels = boxes["label"].values[pairs]
    is_one = labels[:, 0] == labels[:, 1]
    nodes, links = np.unique(
        2 * pairs[is_one] + outcome.is_unknown[is_one, None], return_inverse=True
    )
    a, b = links.reshape(-1, 2).T
    # Pairs of two labels stay as they are: each has a number of its own.
    record = len(nodes) + np.arange(len(pairs))
    record[is_one] = components(len(nodes), a, b)[a]
    # By id, so that another order of rows puts the same one of equals first.
    ids = boxes.ids[pairs]
    order = np.lexsort((ids[:, 1], ids[:, 0], -outcome.excess, record))
    is_first = np.diff(record[order], prepend=-1) != 0
    worst = order[is_first]
    members = pd.DataFrame(
        {"record": np.repeat(np.cumsum(is_first) - 1, 2), "row": pairs[order].ravel()}
    ).drop_duplicates()
    return replace(
        outcome,
        members=members["row"].to_numpy(np.int64),
        ends=np.cumsum(np.bincount(members["record"], minlength=len(worst))),
        is_unknown=outcome.is_unknown[worst],
        excess=outcome.excess[worst],
        values={name: taken(values, worst) for name, values in outcome.values.items()},
    )


def _partners(outcome: Outcome, boxes: BoxColumns) -> npt.NDArray[np.object_]:
    """(H,) where the second box of each pair or relation stands; "" where nothing says that."""
    said = np.full(len(outcome), "", object)
    if outcome.clause.record not in ("pair", "relation"):
        return said
    starts = np.append(0, outcome.ends)[:-1]
    has_second = np.flatnonzero(outcome.ends - starts > 1)
    first = outcome.members[starts[has_second]]
    second = outcome.members[starts[has_second] + 1]
    table = boxes.dataset.boxes
    files = table["file"]
    is_elsewhere = files.iloc[first].to_numpy(object) != files.iloc[second].to_numpy(object)
    places = table[["source_id", "line", "file"]].iloc[second].astype(object)
    places = places.where(places.notna(), None)
    # A loop over findings, not over boxes: numpy cannot format texts.
    said[has_second] = [
        _place(source_id, line, file if other else None)
        for source_id, line, file, other in zip(
            *(places[name] for name in places), is_elsewhere, strict=True
        )
    ]
    return said


def _place(source_id: str | None, line: int | None, file: str | None) -> str:
    words = [] if source_id is None else [f"[{source_id:.80}]"]
    words += [] if line is None else [f"in line {line}"]
    if words and file is not None:
        words.append(f"of {file}")
    return f", the other is {' '.join(words)}" if words else ""


def _sizes(outcome: Outcome) -> npt.NDArray[np.object_]:
    """(H,) how many boxes the pairs of each record link; "" for two."""
    if outcome.clause.record != "pair":
        return np.full(len(outcome), "", object)
    sizes = np.diff(outcome.ends, prepend=0).tolist()
    return np.array([f"; {n} boxes are linked so" if n > 2 else "" for n in sizes], object)


def _about(outcome: Outcome, boxes: BoxColumns) -> tuple[str, ...] | None:
    """What tells a finding of its own from others: image or track; None for those of boxes."""
    record, images = outcome.clause.record, boxes.dataset.images
    if record == "dataset":
        return (outcome.clause.id,) * len(outcome)
    if outcome.images is not None:
        return tuple(map(str, images["image_key"].iloc[outcome.images]))
    if record != "track":
        return None
    first = outcome.members[np.append(0, outcome.ends)[:-1]]
    of_image = images[["source", "group"]].fillna("").iloc[boxes.image_row[first]]
    ids = boxes.dataset.boxes["track_id"].iloc[first]
    rows = zip(of_image["source"], of_image["group"], ids, strict=True)
    return tuple("\0".join(row) for row in rows)


def _template(clause: Clause, names: list[str], *, is_unknown: bool = False) -> str:
    """A message with a place for each of the columns, for the partner and for the size.

    Braces of the clause's own are kept.
    """
    assert clause.check is not None
    said = ", ".join(f"{name} = {{{number}}}" for number, name in enumerate(names))
    params = ", ".join(f"{name} = {value}" for name, value in sorted(clause.params.items()))
    wanted = clause.check.text + (f" ({params})" if params else "")
    what = "cannot be told" if is_unknown else "does not hold"
    escaped = [text.replace("{", "{{").replace("}", "}}") for text in (clause.title, wanted)]
    partner, size = (f"{{{len(names) + number}}}" for number in range(2))
    return f"{escaped[0]!r} {what}: {said or 'no columns'}{partner}; should be {escaped[1]}{size}"


def _shown(values: Values) -> npt.NDArray[np.object_]:
    """(H,) values for messages."""
    if values.kind == "text":
        table = np.array([*map(quote, values.words or ()), "unknown"], object)
        words: npt.NDArray[np.object_] = table[values.values]
        return words
    if values.kind == "flag":
        said = np.where(values.values, "true", "false").astype(object)
        return np.where(values.known, said, "unknown")
    return np.array([_Number(value) for value in values.values.tolist()], object)


class _Number(float):
    """A number that is written with seven digits when a message is made, and not before."""

    def __format__(self, spec: str) -> str:
        return "unknown" if self != self else float.__format__(self, spec or ".7g")


def mend_of(clause: Clause, definitions: Definitions) -> str:
    """What to do about a record that does not meet a clause."""
    if clause.mend is not None:
        return clause.mend
    if clause.action == "fix":
        fixes = ", ".join(f"{name} = {text.text}" for name, text in clause.fix.items())
        return f"`curate fix` sets {fixes}"
    if clause.action == "set_ignore":
        return "`curate fix` sets the role to ignore"
    if clause.action == "reject":
        return "correct the record, or leave it out"
    if clause.question is not None:
        asked = definitions.questions[clause.question]
        return f"answer: {asked.text} ({', '.join(asked.choices)})"
    return "look at it"


def _asked(outcome: Outcome, definitions: Definitions, boxes: BoxColumns) -> Hits:
    """A question to a person: one finding, with a sample of the records that it is about."""
    clause, n = outcome.clause, len(outcome)
    if not n:
        return _no_hits()
    chosen = _sampled(outcome, boxes)
    members = _members_of(outcome, chosen)
    what = _MANY[clause.record]
    by = (
        ""
        if clause.sample is None
        else f", {clause.sample.n} of each {', '.join(clause.sample.by)}"
    )
    text = (
        f"{clause.title!r} cannot be told from columns: it concerns {n} {what}; a person should "
        f"look at {len(chosen)} of them{by}"
    )
    if outcome.images is not None:
        keys = boxes.dataset.images["image_key"].iloc[outcome.images[chosen[:SHOWN_IMAGES]]]
        more = f" and {len(chosen) - SHOWN_IMAGES} more" if len(chosen) > SHOWN_IMAGES else ""
        text += f": {', '.join(sorted(keys))}{more}"
    return Hits(
        members=members,
        value=np.array([float(n)]),
        limit=0.0,
        unit=what,
        texts=("{}",),
        parts=(np.array([text], object),),
        mend=mend_of(clause, definitions),
        ends=np.array([len(members)], np.int64),
        is_whole=True,
        about=(clause.id,),
    )


def _no_hits() -> Hits:
    empty = np.zeros(0)
    return Hits(_NO_ROWS, empty, 0.0, "", ("",), (empty,), "", is_whole=True, about=())


def _sampled(outcome: Outcome, boxes: BoxColumns) -> Rows:
    """Numbers of some records of each stratum: those of the lowest ids, so that all runs agree.

    Ids are hashes, which makes them a sample as good as a drawn one.
    """
    n = len(outcome)
    if outcome.images is not None:
        ids = boxes.dataset.images["image_id"].to_numpy(np.int64)[outcome.images]
        order = np.argsort(ids)
    elif len(outcome.members):
        ids, starts = boxes.ids[outcome.members], np.append(0, outcome.ends)[:n]
        lowest, highest = (way.reduceat(ids, starts) for way in (np.minimum, np.maximum))
        order = np.lexsort((highest, lowest))
    else:
        return np.arange(n)
    sample = outcome.clause.sample
    if sample is None:
        return order
    strata = pd.DataFrame(
        {
            (name, part): column
            for name in sample.by
            for part, column in (
                ("value", np.where(outcome.values[name].known, outcome.values[name].values, 0)),
                # Unknown is a stratum of its own.
                ("known", outcome.values[name].known),
            )
        }
    ).iloc[order]
    ordinal = strata.groupby(list(strata.columns), sort=False).cumcount().to_numpy()
    return order[ordinal < sample.n]


def _members_of(outcome: Outcome, chosen: Rows) -> Rows:
    """The boxes of some records, record after record, each once."""
    starts, stops = np.append(0, outcome.ends)[chosen], outcome.ends[chosen]
    sizes = stops - starts
    shift = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
    members: Rows = pd.unique(outcome.members[np.arange(sizes.sum()) + shift])
    return members
