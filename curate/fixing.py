"""What clauses can mend by themselves: boxes fixed or set aside, with a log that takes it back.

A clause whose action is `fix` gives boxes that do not meet it the values of its expressions; one
whose action is `set_ignore` gives them the role `ignore`. Fixes come first, each clause in its
turn and judged on what those before it made.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from curate.boxes import Rows
from curate.dataset import CHANGES_FILE, Dataset
from curate.definitions.columns import EDGES, BoxColumns, Masks
from curate.definitions.evaluation import Values, evaluate, text_values
from curate.definitions.judging import Outcome, judge
from curate.definitions.mapping import Mapped, mapped
from curate.definitions.model import Action, Clause, Definitions
from curate.errors import Place, UsageError, quote
from curate.faults import LEVELS
from curate.formats import derived
from curate.tables import BOX_COLUMNS, hex_id

LOG_COLUMNS = (
    "box_id", "image", "file", "line", "source_id", "column", "old", "new", "clause", "definition",
)  # fmt: skip
MENDING: tuple[Action, ...] = ("fix", "set_ignore")
# What a log names in the place of a clause, where the mapping gave label or role.
MAPPING = "mapping"
IGNORE = "ignore"
_MEND = "give the folder that `curate fix -o` wrote, with its log as it was"

Value = float | bool | str | None


@dataclass(frozen=True)
class Change:
    """One value of one box that was changed; null is None.

    `row` is that of the boxes table, `definition` the `id@version+hash` that says so.
    """

    row: int
    column: str
    old: Value
    new: Value
    clause: str
    definition: str


@dataclass(frozen=True)
class Left:
    """A clause that records do not meet after all fixes: how many before and after.

    Boxes that a clause of the action `set_ignore` is about count until they have that role.
    `is_applied` tells clauses that were to mend them.
    """

    clause: Clause
    before: int
    after: int
    is_applied: bool


@dataclass(frozen=True)
class Fixed:
    """A dataset with its boxes mended, and what was changed, box by box."""

    dataset: Dataset
    changes: tuple[Change, ...]
    left: tuple[Left, ...] = ()

    @property
    def n_boxes(self) -> int:
        """Number of boxes that were changed."""
        return len({change.row for change in self.changes})

    def at_least(self, level: str) -> bool:
        """Whether a clause of this severity or above was to mend boxes that still do not meet it.

        Or is met by fewer records than before.
        """
        levels = list[str](LEVELS)
        return any(
            levels.index(one.clause.severity) <= levels.index(level)
            for one in self.left
            if one.is_applied or one.after > one.before
        )

    def rows(self) -> Iterator[dict[str, str]]:
        """The log: a row of texts (`LOG_COLUMNS`) for each change, box by box.

        Numbers are written so that they read back exactly; null is the empty text.
        """
        boxes = self.dataset.boxes
        images = self.dataset.images
        keys = dict(zip(images["image_id"], images["image_key"], strict=True))
        wanted = boxes.iloc[sorted({change.row for change in self.changes})]
        places = {
            row: [hex_id(box_id), keys[image_id], *map(_text, place)]
            for row, box_id, image_id, *place in wanted[
                ["box_id", "image_id", "file", "line", "source_id"]
            ].itertuples()
        }
        for change in self.changes:
            told = (change.column, _text(change.old), _text(change.new))
            values = (*places[change.row], *told, change.clause, change.definition)
            yield dict(zip(LOG_COLUMNS, values, strict=True))

    def log_csv(self) -> bytes:
        """The log as CSV in UTF-8."""
        text = io.StringIO()
        writer = csv.DictWriter(text, LOG_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows())
        return text.getvalue().encode()


def _text(value: Any) -> str:  # a cell of a table
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return repr(float(value)) if isinstance(value, float) else str(value)


def fix(
    dataset: Dataset,
    definitions: Definitions,
    *,
    select: Collection[str] | None = None,
    vocabulary: str | None = None,
    with_mapping: bool = False,
) -> Fixed:
    """The dataset with what clauses can mend; the given one stays as it is.

    A box that a clause rejects is left as it is, and so is one that a fix would make a clause
    reject; edges of turned boxes are not changed, since they are not those of the corners.
    Unknown values change nothing.

    Parameters
    ----------
    definitions
        As `curate.definitions.loading.load` gives them.
    select
        Codes, or beginnings of codes, of the clauses that mend; None: all.
    vocabulary
        The vocabulary of the mappings; None: the one that knows most of a source's classes.
    with_mapping
        Whether labels and roles of the mapping are written as well.

    Raises
    ------
    UsageError
        For a word that no mending clause has, and for classes that no rule names.
    """
    chosen = _chosen(definitions, select)
    columns = BoxColumns(dataset, derived(dataset), definitions.columns)
    start = mapped(columns, definitions, vocabulary)
    run = _Run(dataset, start, definitions)
    if with_mapping:
        run.write_mapping()
    for clause in chosen:
        run.apply(clause)
    before, after = judge(start, definitions), judge(run.mapped, definitions)
    applied = {clause.id for clause in chosen}
    left = [
        Left(old.clause, _n_left(old, start), _n_left(new, run.mapped), old.clause.id in applied)
        for old, new in zip(before, after, strict=True)
    ]
    changes = sorted(run.changes, key=lambda change: change.row)
    return Fixed(
        dataset.with_tables(boxes=run.boxes),
        tuple(changes),
        tuple(one for one in left if one.after),
    )


def _chosen(definitions: Definitions, select: Collection[str] | None) -> list[Clause]:
    """The clauses that mend single boxes: fixes first, each in the order of the definitions."""
    mending = [
        clause
        for clause in definitions.clauses
        if clause.action in MENDING and clause.record in ("box", "prediction")
    ]
    mending.sort(key=lambda clause: MENDING.index(clause.action))
    if select is None:
        return mending
    wanted = set()
    for word in select:
        codes = [clause.id for clause in mending if word and clause.id.startswith(word.upper())]
        if not codes:
            known = [clause.id for clause in mending]
            near = difflib.get_close_matches(word.upper(), known, n=1)
            raise UsageError(
                f"no clause that mends is called {quote(word)}",
                mend=f"did you mean {near[0]!r}?" if near else f"use {', '.join(known) or 'none'}",
            )
        wanted.update(codes)
    return [clause for clause in mending if clause.id in wanted]


def _fails(outcome: Outcome) -> Masks:
    """(H,) which records do not meet a clause; what a person has to see first is not among them."""
    if outcome.clause.missing == "fail":
        return np.ones(len(outcome), np.bool_)
    return ~outcome.is_unknown


def _n_left(outcome: Outcome, state: Mapped) -> int:
    """Records that do not meet a clause and with which nothing is done yet."""
    fails = _fails(outcome)
    if outcome.clause.action == "set_ignore" and len(outcome.members) == len(outcome):
        role = state.columns["role"]
        words = role.words or ()
        code = words.index(IGNORE) if IGNORE in words else -2
        fails &= role.values[outcome.members] != code
    return int(np.count_nonzero(fails))


class _Run:
    """The boxes while they are mended: the table, and the columns as the clauses see them."""

    def __init__(self, dataset: Dataset, start: Mapped, definitions: Definitions) -> None:
        self.boxes = dataset.boxes
        self.mapped = start
        self.changes: list[Change] = []
        self._definitions = definitions
        self._n_rows = len(dataset.boxes)
        self._is_turned = (dataset.boxes["shape"] == "rotated").to_numpy(bool)

    def write_mapping(self) -> None:
        """Writes label and role of the mapping, which the clauses see anyway."""
        verdicts = self.mapped.verdicts
        if not verdicts:
            return
        stated = [verdicts[number].definition for number in self.mapped.verdict]
        rows = np.arange(self._n_rows)
        for column in ("label", "role"):
            self._write(column, self.mapped.columns[column], rows, MAPPING, stated)

    def apply(self, clause: Clause) -> None:
        """Mends the boxes that do not meet a clause."""
        (outcome,) = self._judged(self.mapped, lambda one: one.id == clause.id)
        wanted = np.zeros(self._n_rows, np.bool_)
        wanted[outcome.members[_fails(outcome)]] = True
        wanted &= ~self._rejected(self.mapped)
        if wanted.any() and set(EDGES) & set(clause.fix):
            wanted &= ~self._is_turned
        if not wanted.any():
            return
        new = self._values(clause)
        trial = self._with(new, wanted)
        wanted &= ~self._rejected(trial)
        self.mapped = self._with(new, wanted)
        for column, values in new.items():
            rows = np.flatnonzero(wanted & values.known)
            self._write(column, values, rows, clause.id, [clause.stated_by] * self._n_rows)

    def _values(self, clause: Clause) -> dict[str, Values]:
        """Column to the values that a clause gives."""
        if clause.action == "set_ignore":
            return {"role": text_values(np.zeros(self._n_rows, np.int64), (IGNORE,))}
        columns = self.mapped.columns
        return {
            column: evaluate(expression, columns, self._n_rows)
            for column, expression in clause.fix.items()
        }

    def _judged(self, state: Mapped, is_wanted: Callable[[Clause], bool]) -> list[Outcome]:
        parts = tuple(
            replace(part, clauses=tuple(filter(is_wanted, part.clauses)))
            for part in self._definitions.parts
        )
        return judge(state, replace(self._definitions, parts=parts))

    def _rejected(self, state: Mapped) -> Masks:
        """(N,) the boxes that a clause about single boxes rejects."""
        rejected = np.zeros(self._n_rows, np.bool_)
        for outcome in self._judged(
            state, lambda one: one.action == "reject" and one.record in ("box", "prediction")
        ):
            rejected[outcome.members[_fails(outcome)]] = True
        return rejected

    def _with(self, new: Mapping[str, Values], wanted: Masks) -> Mapped:
        """The boxes as the clauses would see them with some values of some rows set."""
        columns = self.mapped.columns
        given = {
            column: _laid_over(columns[column], values, wanted & values.known)
            for column, values in new.items()
        }
        return replace(self.mapped, columns=columns.with_given(given))

    def _write(
        self, column: str, values: Values, rows: Rows, clause: str, stated: Sequence[str]
    ) -> None:
        """Puts values into the table, and those that differ into the log."""
        before = _cells(self.boxes[column], rows)
        now = _plain(values, rows)
        # A loop over changed boxes: each is a row of the log.
        changes = [
            Change(int(row), column, old, new, clause, stated[row])
            for row, old, new in zip(rows, before, now, strict=True)
            if old != new
        ]
        if changes:
            self.boxes = _changed(self.boxes, [(one.row, column, one.new) for one in changes])
            self.changes += changes


def _laid_over(own: Values, new: Values, is_set: Masks) -> Values:
    """A column with another's values in some of its rows, where that is known."""
    if own.words is None or new.words is None:
        known = own.known | is_set
        return Values(np.where(is_set, new.values, own.values), known)
    words = [*own.words, *(word for word in new.words if word not in own.words)]
    codes = np.array([words.index(word) for word in new.words] + [-1], np.int64)
    return text_values(np.where(is_set, codes[new.values], own.values), words)


def _plain(values: Values, rows: Rows) -> list[Value]:
    if values.words is None:
        cells = values.values[rows].tolist()
    else:
        cells = [values.words[code] for code in values.values[rows].tolist()]
    return [v if ok else None for v, ok in zip(cells, values.known[rows].tolist(), strict=True)]


def _cells(column: pd.Series[Any], rows: Rows) -> list[Value]:  # Any: by the column's type
    some = column.iloc[rows].astype(object)
    return [None if pd.isna(value) else value for value in some.tolist()]


def _changed(boxes: pd.DataFrame, cells: Sequence[tuple[int, str, Value]]) -> pd.DataFrame:
    """The boxes with some cells set; the given table stays as it is."""
    columns: dict[str, pd.Series[Any]] = {}  # by their types
    for column in dict.fromkeys(name for _, name, _ in cells):
        own = [(row, value) for row, name, value in cells if name == column]
        series = boxes[column].copy()
        missing = np.nan if series.dtype == np.float64 else pd.NA
        values = [missing if value is None else value for _, value in own]
        series.iloc[[row for row, _ in own]] = values
        columns[column] = series
    return boxes.assign(**columns)


def undo(dataset: Dataset, log: bytes) -> Fixed:
    """The dataset before it was fixed, by the log that stands beside it.

    Parameters
    ----------
    dataset
        What `fix` made.
    log
        Its log, as `Fixed.log_csv` gives it.

    Raises
    ------
    UsageError
        When the log is of something else, or a box is gone or has another value than the log
        says: then the dataset has been changed since.
    """
    rows = _parsed(log)
    of_id = {hex_id(own): row for row, own in enumerate(dataset.boxes["box_id"].tolist())}
    current: dict[tuple[int, str], Value] = {}
    changes = []
    # Row by row from the end: the same value may have been changed several times.
    for line, logged in reversed(rows):
        place = Place(CHANGES_FILE, line)
        if logged["box_id"] not in of_id:
            raise _otherwise(place, f"there is no box {logged['box_id']}")
        row, column = of_id[logged["box_id"]], logged["column"]
        old, new = (_value(logged[key], column, place) for key in ("old", "new"))
        if (row, column) not in current:
            (current[row, column],) = _cells(dataset.boxes[column], np.array([row]))
        if current[row, column] != new:
            is_now = quote(_text(current[row, column]))
            raise _otherwise(
                place, f"{column} of box {logged['box_id']} is {is_now}, should be {quote(new)}"
            )
        current[row, column] = old
        changes.append(Change(row, column, new, old, logged["clause"], logged["definition"]))
    cells = [(row, column, value) for (row, column), value in current.items()]
    boxes = _changed(dataset.boxes, cells) if cells else dataset.boxes
    changes.sort(key=lambda change: change.row)
    return Fixed(dataset.with_tables(boxes=boxes), tuple(changes))


def _parsed(log: bytes) -> list[tuple[int, dict[str, str]]]:
    """The rows of a log, each with its line in the file."""
    reader = csv.DictReader(io.StringIO(log.decode(errors="replace"), newline=""), strict=True)
    place = Place(CHANGES_FILE)
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UsageError(f"cannot be read: {error}", place=place, mend=_MEND) from error
    if tuple(reader.fieldnames or ()) != LOG_COLUMNS:
        raise UsageError(
            f"has the columns {', '.join(reader.fieldnames or ())}, should have "
            f"{', '.join(LOG_COLUMNS)}",
            place=place,
            mend=_MEND,
        )
    for line, row in rows:
        if None in row or None in row.values() or BOX_COLUMNS.get(row["column"]) is None:
            raise UsageError("is no row of the log", place=Place(CHANGES_FILE, line), mend=_MEND)
    return rows


def _otherwise(place: Place, what: str) -> UsageError:
    return UsageError(
        f"{what}: the set has been changed since",
        place=place,
        mend="take the later changes back first, or start from the source again",
    )


def _value(text: str, column: str, place: Place) -> Value:
    """The value that a text of the log stands for."""
    dtype = BOX_COLUMNS[column].dtype
    if not text:
        return None
    if dtype == "str":
        return text
    try:
        return float(text) if dtype == "float64" else {"true": True, "false": False}[text]
    except (ValueError, KeyError) as error:
        raise UsageError(
            f"{column} is {quote(text)}, should be of type {dtype}", place=place, mend=_MEND
        ) from error
