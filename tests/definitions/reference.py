"""The expression language once more, row by row and plainly: what tests compare with.

Written from `docs/expressions.md` alone; shares nothing with `curate.definitions`. A row is a dict,
None is unknown.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

import numpy as np

Value = float | bool | str | None


def value_of(text: str, row: Mapping[str, Value], params: Mapping[str, Value]) -> Value:
    """What an expression gives in one row."""
    scope = {"true": True, "false": False, "null": None, **params, **row}
    return _value(ast.parse(text, mode="eval").body, scope)


def _value(node: ast.expr, scope: Mapping[str, Value]) -> Value:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else float(node.value)
    if isinstance(node, ast.Name):
        value = scope[node.id]
        return None if isinstance(value, float) and math.isnan(value) else value
    if isinstance(node, ast.BoolOp):
        flags = [_value(part, scope) for part in node.values]
        return _all(flags) if isinstance(node.op, ast.And) else _any(flags)
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, scope)
        if value is None:
            return None
        return (not value) if isinstance(node.op, ast.Not) else -value
    if isinstance(node, ast.BinOp):
        return _number(node.op, _value(node.left, scope), _value(node.right, scope))
    if isinstance(node, ast.Call):
        return _call(node.func.id, [_value(arg, scope) for arg in node.args])
    assert isinstance(node, ast.Compare)
    sides = [node.left, *node.comparators]
    pairs = zip(sides[:-1], node.ops, sides[1:], strict=True)
    return _all([_compare(left, op, right, scope) for left, op, right in pairs])


def _all(flags: list[Value]) -> Value:
    if any(flag is False for flag in flags):
        return False
    return None if any(flag is None for flag in flags) else True


def _any(flags: list[Value]) -> Value:
    if any(flag is True for flag in flags):
        return True
    return None if any(flag is None for flag in flags) else False


def _number(op: ast.operator, a: Value, b: Value) -> Value:
    if a is None or b is None:
        return None
    if isinstance(op, ast.Div):
        result = a / b if b != 0 else math.nan
    elif isinstance(op, ast.Mult):
        result = a * b
    else:
        result = a + b if isinstance(op, ast.Add) else a - b
    return None if math.isnan(result) else result


def _call(name: str, args: list[Value]) -> Value:
    if any(arg is None for arg in args):
        return None
    first = args[0]
    if name in ("min", "max"):
        return min(args) if name == "min" else max(args)
    if name == "isfinite":
        return math.isfinite(first)
    if name == "abs":
        return abs(first)
    if name == "sqrt":
        return math.sqrt(first) if first >= 0 else None
    assert name == "ln"
    # numpy's logarithm and the C library's may differ in the last bit; the rest is exact.
    return float(np.log(first)) if first > 0 else None


def _compare(left: ast.expr, op: ast.cmpop, right: ast.expr, scope: Mapping[str, Value]) -> Value:
    a = _value(left, scope)
    if isinstance(op, ast.Is | ast.IsNot):
        return (a is None) == isinstance(op, ast.Is)
    if isinstance(op, ast.In | ast.NotIn):
        if a is None:
            return None
        listed = [_value(part, scope) for part in right.elts]
        return (a in listed) == isinstance(op, ast.In)
    b = _value(right, scope)
    if a is None or b is None:
        return None
    if isinstance(op, ast.Eq | ast.NotEq):
        return (a == b) == isinstance(op, ast.Eq)
    if isinstance(op, ast.Lt | ast.GtE):
        return (a < b) == isinstance(op, ast.Lt)
    return (a > b) == isinstance(op, ast.Gt)
