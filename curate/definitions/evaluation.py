"""What an expression gives on rows: three-valued, vectorised, a block of rows at a time.

Unknown is a value of its own kind. A number is unknown when it is null or NaN, when an operand is
unknown, and where arithmetic has no answer: x / 0, inf - inf, 0 * inf, inf / inf, sqrt below 0,
ln at or below 0. What overflows stays infinite, and infinite numbers are known. A comparison with
an unknown side is unknown; `and`, `or` and `not` are Kleene's: false and unknown is false, true
or unknown is true. The truth tables are in `docs/expressions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.definitions.expressions import (
    ARITHMETIC,
    Column,
    Constant,
    Expression,
    Kind,
    Node,
    Operation,
)
from curate.errors import TableError

Bools = npt.NDArray[np.bool_]
# Inside a block: numbers as float64 with NaN for unknown, flags as the pair (is true, is false),
# texts as codes with -1 for unknown. Constants are numpy scalars of the same types.
_Part = Any  # Any: one of the three, as the kind of its node says

# Rows at a time: so few that all parts of one expression stay in the processor's cache.
BLOCK_ROWS = 1 << 14
# float64 holds each whole number up to here.
_MAX_WHOLE = 2**53
# The code of a word that a column does not have.
_NO_CODE = -2


@dataclass(frozen=True, eq=False)
class Values:
    """N values of one kind, any of them unknown.

    Parameters
    ----------
    values
        (N,) float64 numbers, NaN where unknown; bool flags, False where unknown; or signed integer
        codes of texts, which are indices of `words`, -1 where unknown.
    known
        (N,) bool.
    words
        The texts that the codes stand for, each once; None for numbers and flags.

    Raises
    ------
    TableError
        When `known` does not say what `values` say, and for numbers that are not float64.
    """

    values: npt.NDArray[Any]  # Any: by the kind
    known: Bools
    words: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        # Evaluation reads unknown rows as they stand: a value left over there would pass for known.
        if self.kind == "flag":
            is_right = not (self.values & ~self.known).any()
        elif self.kind == "text":
            is_right = np.array_equal(self.known, self.values >= 0)
        else:
            is_right = self.values.dtype == np.float64 and np.array_equal(
                self.known, ~np.isnan(self.values)
            )
        if not is_right:
            raise TableError(
                f"{self.kind} values ({self.values.dtype}) do not fit what is known of them",
                mend="write NaN, False or the code -1 where unknown",
            )

    @property
    def kind(self) -> Kind:
        """What the values are."""
        if self.words is not None:
            return "text"
        return "flag" if self.values.dtype == np.bool_ else "number"


def text_values(codes: npt.NDArray[np.signedinteger[Any]], words: Sequence[str]) -> Values:
    """Texts that are factorised already.

    Parameters
    ----------
    codes
        (N,) integers, indices of `words`; -1 is unknown.
    words
        Each word once.

    Raises
    ------
    TableError
        For a code that is no index of `words`, and for a word that stands there twice.
    """
    if codes.size and (codes.min() < -1 or codes.max() >= len(words)):
        raise TableError(
            f"codes of texts go from {codes.min()} to {codes.max()}, not -1 to the "
            f"last of {len(words)} words"
        )
    if len(set(words)) != len(words):
        raise TableError("a word stands twice in the words of a text column")
    return Values(codes, codes >= 0, tuple(words))


def from_column(series: pd.Series[Any]) -> Values:  # Any: by its dtype
    """The values of a column as `curate.tables` types it; null and NaN are unknown.

    Parameters
    ----------
    series
        (N,) str, Int64, float64 or boolean, or numpy's int64 or bool.

    Raises
    ------
    TableError
        For another type, and for whole numbers beyond 2**53, which float64 would round.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.StringDtype):
        codes, words = pd.factorize(series)
        return text_values(codes.astype(np.int32), list(words))
    known = series.notna().to_numpy()
    if dtype in ("boolean", "bool"):
        return Values(series.to_numpy(dtype=np.bool_, na_value=False), known)
    if dtype in ("Int64", "int64"):
        whole = series.to_numpy(dtype=np.int64, na_value=0)
        if ((whole > _MAX_WHOLE) | (whole < -_MAX_WHOLE)).any():
            raise TableError(f"column {series.name} has whole numbers beyond 2**53")
        return Values(np.where(known, whole, np.nan), known)
    if dtype == "float64":
        return Values(series.to_numpy(), known)
    raise TableError(f"column {series.name} is {dtype}, not str, Int64, float64 or boolean")


def truth(
    expression: Expression, columns: Mapping[str, Values], n_rows: int
) -> tuple[Bools, Bools]:
    """(N,) bool twice: where an expression that gives flags is true, and where it is unknown.

    Raises
    ------
    TableError
        As `evaluate`.
    """
    assert expression.kind == "flag", "only flags are true or false"
    flags = evaluate(expression, columns, n_rows)
    return flags.values, ~flags.known


def evaluate(expression: Expression, columns: Mapping[str, Values], n_rows: int) -> Values:
    """The value of an expression in each of N rows.

    Parameters
    ----------
    expression
        As `parse` gives it.
    columns
        At least the columns that it names, each of N rows.
    n_rows
        N.

    Raises
    ------
    TableError
        When a column is not there, or of another kind or length than the expression was checked
        for.
    """
    tree = expression.tree
    steps = _steps(tree)
    for node, _ in steps:
        if isinstance(node, Column):
            _check_column(node, columns, n_rows)
    if expression.kind == "text":
        return _texts(tree, columns, n_rows)
    tables: dict[Node, npt.NDArray[Any]] = {  # Any: see _table
        node: _table(node, columns)
        for node, _ in steps
        if isinstance(node, Operation) and _is_looked_up(node)
    }
    dtype = np.bool_ if tree.kind == "flag" else np.float64
    values: npt.NDArray[Any] = np.empty(n_rows, dtype)  # Any: by the kind
    known = np.empty(n_rows, np.bool_)
    with np.errstate(all="ignore"):
        for start in range(0, n_rows, BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            result = _block(steps, columns, tables, rows)
            if tree.kind == "flag":
                values[rows] = result[0]
                known[rows] = result[0] | result[1]
            else:
                values[rows] = result
                known[rows] = ~np.isnan(result)
    return Values(values, known)


_Steps = list[tuple[Node, tuple[int, ...]]]


def _steps(tree: Node) -> _Steps:
    """The different nodes of a tree, operands first, each with the places of its operands."""
    places: dict[Node, int] = {}
    steps: _Steps = []

    def place(node: Node) -> int:
        if node not in places:
            args = node.args if isinstance(node, Operation) else ()
            # What a list holds is read from its node.
            operands = args[:1] if isinstance(node, Operation) and node.op == "in" else args
            own = tuple(place(arg) for arg in operands)
            places[node] = len(steps)
            steps.append((node, own))
        return places[node]

    place(tree)
    return steps


def _check_column(node: Column, columns: Mapping[str, Values], n_rows: int) -> None:
    if node.name not in columns:
        raise TableError(f"column {node.name} is not among {sorted(columns)}")
    column = columns[node.name]
    if column.kind != node.kind:
        raise TableError(f"column {node.name} holds {column.kind} values, not {node.kind}")
    if column.values.shape != (n_rows,) or column.known.shape != (n_rows,):
        raise TableError(f"column {node.name} has {len(column.values)} values for {n_rows} rows")


def _texts(tree: Node, columns: Mapping[str, Values], n_rows: int) -> Values:
    if isinstance(tree, Constant):
        return text_values(np.zeros(n_rows, np.int32), [str(tree.value)])
    assert isinstance(tree, Column), "no operation gives texts"
    return columns[tree.name]


def _is_looked_up(node: Operation) -> bool:
    return node.op in ("in", "==") and node.args[0].kind == "text"


def _table(node: Operation, columns: Mapping[str, Values]) -> npt.NDArray[Any]:  # Any: by the op
    """What each code of a text column means for one operation; its last entry is for unknown.

    For `in`, whether the word is listed. For `==`, the code that the second column's word has in
    the first column.
    """
    words = [columns[arg.name].words or () for arg in node.args if isinstance(arg, Column)]
    if node.op == "in":
        listed = {arg.value for arg in node.args if isinstance(arg, Constant)}
        return np.array([*(word in listed for word in words[0]), False])
    if words[0] == words[1]:
        return np.append(np.arange(len(words[0])), -1)
    codes = {word: code for code, word in enumerate(words[0])}
    return np.array([*(codes.get(word, _NO_CODE) for word in words[1]), -1])


def _block(
    steps: _Steps,
    columns: Mapping[str, Values],
    tables: Mapping[Node, npt.NDArray[Any]],  # Any: see _table
    rows: slice,
) -> _Part:
    parts: list[_Part] = []
    for node, places in steps:
        args = [parts[place] for place in places]
        if isinstance(node, Column):
            part = _loaded(columns[node.name], rows)
        elif isinstance(node, Constant):
            part = _constant(node)
        elif node.op in ARITHMETIC:
            part = ARITHMETIC[node.op](*args)
        elif node in tables:
            part = _looked_up(node, args, tables[node])
        else:
            part = _flags(node, args)
        parts.append(part)
    return parts[-1]


def _loaded(column: Values, rows: slice) -> _Part:
    values = column.values[rows]
    # For flags `>` is "and not".
    return (values, column.known[rows] > values) if column.kind == "flag" else values


def _constant(node: Constant) -> _Part:
    if node.kind == "flag":
        return np.bool_(node.value), np.bool_(not node.value)
    return np.float64(node.value)


def _looked_up(node: Operation, args: list[_Part], table: npt.NDArray[Any]) -> _Part:
    if node.op == "in":
        is_true = table[args[0]]
        return is_true, ~is_true & (args[0] >= 0)
    a, b = args[0], table[args[1]]
    return (a == b) & (a >= 0), (a != b) & (a >= 0) & (b != -1)


def _flags(node: Operation, args: list[_Part]) -> _Part:
    match node.op:
        case "and":
            trues, falses = zip(*args, strict=True)
            return reduce(np.logical_and, trues), reduce(np.logical_or, falses)
        case "or":
            trues, falses = zip(*args, strict=True)
            return reduce(np.logical_or, trues), reduce(np.logical_and, falses)
        case "not":
            return args[0][1], args[0][0]
        case "is null":
            return _null(node.args[0].kind, args[0])
        case "isfinite":
            return np.isfinite(args[0]), np.isinf(args[0])
        case "in":
            constants = [arg.value for arg in node.args[1:] if isinstance(arg, Constant)]
            is_true = reduce(np.logical_or, [args[0] == value for value in constants])
            return is_true, ~is_true & ~np.isnan(args[0])
        case "==" if node.args[0].kind == "flag":
            (a, not_a), (b, not_b) = args
            return (a & b) | (not_a & not_b), (a & not_b) | (not_a & b)
    a, b = args
    # Comparisons with NaN are false both ways, which is what unknown means here.
    is_true, is_false = _COMPARED[node.op]
    return is_true(a, b), is_false(a, b)


def _null(kind: Kind, part: _Part) -> _Part:
    if kind == "flag":
        known = part[0] | part[1]
        return ~known, known
    is_null = np.isnan(part) if kind == "number" else part < 0
    return is_null, ~is_null


_COMPARED: dict[str, tuple[Any, Any]] = {  # Any: numpy's functions of two arrays
    "<": (np.less, np.greater_equal),
    "<=": (np.less_equal, np.greater),
    ">": (np.greater, np.less_equal),
    ">=": (np.greater_equal, np.less),
    "==": (np.equal, lambda a, b: (a < b) | (a > b)),
}
