"""By how much the checks of clauses are missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from curate.boxes import Floats
from curate.definitions.evaluation import Values, evaluate
from curate.definitions.expressions import Column, Constant, Expression, Node, Operation

_LESS = ("<", "<=")
_MORE = (">", ">=")


def excess_of(check: Expression | None, columns: Mapping[str, Values], n_rows: int) -> Floats:
    """(N,) by how much a check is missed; NaN where no comparison of numbers is false.

    Shares of the limits, so that px and px^2 of one check can be told against each other; of a
    limit of 0 the amount itself.
    """
    if check is None:
        return np.full(n_rows, np.nan)
    return _excess(check, check.tree, columns, n_rows)


def _excess(check: Expression, node: Node, columns: Mapping[str, Values], n_rows: int) -> Floats:
    if isinstance(node, Operation) and node.op in ("and", "or"):
        parts = [_excess(check, arg, columns, n_rows) for arg in node.args]
        # All of `and` have to hold, the worst counts; of `or` the nearest would do.
        joined: Floats = (np.fmax if node.op == "and" else np.fmin).reduce(parts)
        return joined
    if not (isinstance(node, Operation) and node.op in _LESS + _MORE):
        return np.full(n_rows, np.nan)
    left, right = (
        evaluate(replace(check, kind="number", tree=arg), columns, n_rows).values
        for arg in node.args
    )
    limit = np.abs(left if limit_of(node) is node.args[0] else right)
    with np.errstate(invalid="ignore", over="ignore"):
        over = left - right if node.op in _LESS else right - left
        share = over / np.where(limit > 0, limit, 1.0)
        # A limit next to 0 makes shares that float64 cannot hold: the largest number ranks them.
        share = np.minimum(share, np.finfo(np.float64).max)
        return np.where(np.isfinite(over) & (over >= 0), share, np.nan)


def limit_of(comparison: Operation) -> Node:
    """The side of a comparison of two numbers that is its limit: the right one in `width >= 4`.

    The left one where it alone reads no column, as in `4 <= width`.
    """
    left, right = comparison.args
    return left if _reads(right) and not _reads(left) else right


def _reads(node: Node) -> bool:
    if isinstance(node, Operation):
        return any(map(_reads, node.args))
    return isinstance(node, Column)


def has_limits(node: Node) -> bool:
    """Whether anything is compared with a limit that is not 0, so that an excess is a share."""
    if not isinstance(node, Operation):
        return False
    if node.op in _LESS + _MORE:
        limit = limit_of(node)
        return not (isinstance(limit, Constant) and limit.value == 0)
    return node.op in ("and", "or") and any(map(has_limits, node.args))
