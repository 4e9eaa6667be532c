"""Clauses of definitions as checks: what they say of a dataset becomes hits like any other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Rows
from curate.checks.check import Check
from curate.checks.hits import Hits
from curate.definitions.columns import BoxColumns
from curate.definitions.evaluation import Values
from curate.definitions.judging import Outcome
from curate.definitions.model import Clause, Definitions

# Images that a finding about images lists.
SHOWN_IMAGES = 100
_NO_ROWS: Rows = np.zeros(0, np.int64)


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
    is_whole = clause.record in ("image", "dataset")
    names = sorted(outcome.values)
    levels = np.where(
        outcome.is_unknown & (clause.missing == "review"), "info", clause.severity
    ).astype(str)
    return Hits(
        members=outcome.members,
        value=np.nan_to_num(outcome.excess, nan=0.0),
        limit=0.0,
        unit="beyond the limit",
        texts=(_template(clause, names), _template(clause, names, is_unknown=True)),
        parts=tuple(_shown(outcome.values[name]) for name in names) or (np.zeros(len(outcome)),),
        mend=mend_of(clause, definitions),
        ends=outcome.ends,
        which=outcome.is_unknown.astype(np.int64),
        levels=levels,
        is_whole=is_whole,
        about=_about(outcome, boxes) if is_whole else None,
        images=outcome.images,
    )


def _about(outcome: Outcome, boxes: BoxColumns) -> tuple[str, ...]:
    """What tells a finding of a clause without boxes from others: the image, if any."""
    if outcome.images is None:
        return (outcome.clause.id,) * len(outcome)
    keys = boxes.dataset.images["image_key"].iloc[outcome.images]
    return tuple(map(str, keys))


def _template(clause: Clause, names: list[str], *, is_unknown: bool = False) -> str:
    """A message with a place for each of the columns; braces of the clause's own are kept."""
    assert clause.check is not None
    said = ", ".join(f"{name} = {{{number}}}" for number, name in enumerate(names))
    params = ", ".join(f"{name} = {value}" for name, value in sorted(clause.params.items()))
    wanted = clause.check.text + (f" ({params})" if params else "")
    what = "cannot be told" if is_unknown else "does not hold"
    escaped = [text.replace("{", "{{").replace("}", "}}") for text in (clause.title, wanted)]
    return f"{escaped[0]!r} {what}: {said or 'no columns'}; should be {escaped[1]}"


def _shown(values: Values) -> npt.NDArray[np.object_]:
    """(H,) values for messages."""
    if values.kind == "text":
        table = np.array([*map(repr, values.words or ()), "unknown"], object)
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
    clause = outcome.clause
    n = outcome.n_judged
    if not n:
        return _no_hits()
    rows = outcome.images if outcome.images is not None else outcome.members
    sampled = _sampled(clause, rows, boxes, of_images=outcome.images is not None)
    what = "images" if outcome.images is not None else "boxes"
    by = (
        ""
        if clause.sample is None
        else f", {clause.sample.n} of each {', '.join(clause.sample.by)}"
    )
    text = (
        f"{clause.title!r} cannot be told from columns: it concerns {n} {what}; a person should "
        f"look at {len(sampled)} of them{by}"
    )
    keys = boxes.dataset.images["image_key"].to_numpy()
    listed = [] if outcome.images is None else sorted(keys[sampled[:SHOWN_IMAGES]].tolist())
    shown = f": {', '.join(listed)}" if listed else ""
    return Hits(
        members=_NO_ROWS if outcome.images is not None else sampled,
        value=np.array([float(n)]),
        limit=0.0,
        unit=what,
        texts=("{}",),
        parts=(np.array([text + shown], object),),
        mend=mend_of(clause, definitions),
        ends=np.array([0 if outcome.images is not None else len(sampled)], np.int64),
        is_whole=True,
        about=(clause.id,),
    )


def _no_hits() -> Hits:
    empty = np.zeros(0)
    return Hits(_NO_ROWS, empty, 0.0, "", ("",), (empty,), "", is_whole=True, about=())


def _sampled(clause: Clause, rows: Rows, boxes: BoxColumns, *, of_images: bool) -> Rows:
    """Some rows of each stratum: those of the lowest ids, which are hashes, so that runs agree."""
    if clause.sample is None:
        return rows
    dataset = boxes.dataset
    if of_images:
        ids = dataset.images["image_id"].to_numpy(np.int64)[rows]
        strata = pd.DataFrame(
            {
                name: boxes.image[name].values[rows]
                for name in clause.sample.by
                if name in boxes.image
            }
        )
    else:
        ids = dataset.boxes["box_id"].to_numpy(np.int64)[rows]
        strata = pd.DataFrame({name: boxes[name].values[rows] for name in clause.sample.by})
    order = np.argsort(ids, kind="stable")
    keys = list(strata.columns)
    ordinal = strata.iloc[order].groupby(keys, sort=False).cumcount().to_numpy()
    return rows[np.sort(order[ordinal < clause.sample.n])]
