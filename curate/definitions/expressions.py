"""The expression language of definitions: reading a text and checking it before any row is seen.

A small part of Python's grammar, parsed with `ast` and never run: what is not on the white list
is refused. `docs/expressions.md` is the manual page. What an expression gives on rows is in
`curate.definitions.evaluation`.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from curate.definitions.tokens import TOKEN, python_text
from curate.errors import ExpressionError, quote

Kind = Literal["number", "flag", "text"]

MAX_CHARS = 400
MAX_LEVELS = 40
MAX_NODES = 300


@dataclass(frozen=True)
class Name:
    """One column that expressions may read.

    Parameters
    ----------
    kind
        What its values are.
    meaning
        For people, with unit and range.
    nullable
        Whether a row can be without a value.
    words
        All words that a text column can hold; None when they are not known.
    """

    kind: Kind
    meaning: str
    nullable: bool = True
    words: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Constant:
    """A value that is the same for all rows."""

    kind: Kind
    value: float | bool | str


@dataclass(frozen=True)
class Column:
    """The value of a column."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Operation:
    """An operation on one or more nodes.

    `op` is a key of `ARITHMETIC` (numbers to number), or one of: `<` `<=` `>` `>=` (two numbers),
    `==` (two numbers, two flags or two text columns), `in` (a number or a text column, then
    constants), `is null` (any), `isfinite` (a number), `and` `or` (two or more flags), `not`.
    What else can be written is made of these.
    """

    kind: Kind
    op: str
    args: tuple[Node, ...]


Node = Constant | Column | Operation


@dataclass(frozen=True)
class Expression:
    """An expression that has passed all checks.

    Parameters
    ----------
    text
        As it was written.
    kind
        What it gives.
    names, params
        The columns and the parameters that it reads.
    tree
        Its operations; parameters stand in it with their values.
    """

    text: str
    kind: Kind
    names: frozenset[str]
    params: frozenset[str]
    tree: Node


def _divided(a: Any, b: Any) -> Any:  # Any: numpy's scalar or array of float64
    return np.divide(a, np.where(b == 0, np.nan, b))


def _logarithm(a: Any) -> Any:  # Any: as above
    return np.log(np.where(a <= 0, np.nan, a))


# NaN stands for unknown, in and out: numpy hands it on through all of these.
ARITHMETIC: dict[str, Callable[..., Any]] = {  # Any: numpy's scalar or array of float64
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": _divided,
    "negative": np.negative,
    "min": lambda *args: reduce(np.minimum, args),
    "max": lambda *args: reduce(np.maximum, args),
    "abs": np.abs,
    "sqrt": np.sqrt,
    "ln": _logarithm,
}
# Function -> fewest and most arguments.
_FUNCTIONS: dict[str, tuple[int, float]] = {
    "abs": (1, 1), "isfinite": (1, 1), "ln": (1, 1), "max": (2, math.inf), "min": (2, math.inf),
    "sqrt": (1, 1),
}  # fmt: skip
_SIGNS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Lt: "<", ast.LtE: "<=",
    ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.And: "and", ast.Or: "or",
}  # fmt: skip

_PARTS = {
    ast.Attribute: "a part of a name", ast.Subscript: "[ ] after a value", ast.List: "a list",
    ast.Tuple: "a comma", ast.Starred: "a star", ast.UnaryOp: "a plus sign before a value",
}  # fmt: skip
_PLURALS: dict[Kind, str] = {"number": "numbers", "flag": "flags", "text": "texts"}


def parse(
    text: str, names: Mapping[str, Name], params: Mapping[str, float | bool | str]
) -> Expression:
    """The expression of a text, with every name resolved and every kind checked.

    Parameters
    ----------
    text
        At most 400 characters.
    names
        The columns that it may read.
    params
        The parameters and their values.

    Raises
    ------
    ExpressionError
        At the first thing that is wrong: syntax, what is not of the language, unknown names and
        words, kinds that do not go together, division by 0, comparisons with one outcome for all
        rows, numbers that float64 cannot hold, an expression beyond the limits.
    """
    if len(text) > MAX_CHARS:
        raise ExpressionError(
            f"the expression has {len(text)} characters, {MAX_CHARS} are allowed",
            offset=MAX_CHARS,
            mend="split the clause in two",
        )
    checker = _Checker(python_text(text, {*names, *params}), names, params)
    tree = checker.tree()
    read = frozenset(checker.read)
    return Expression(text, tree.kind, read & set(names), read & set(params), tree)


class _Checker:
    """Turns Python's tree into one of nodes; holds the text, for messages, and what is known."""

    def __init__(
        self,
        code: str,
        names: Mapping[str, Name],
        params: Mapping[str, float | bool | str],
    ) -> None:
        self._code = code.strip()
        self._indent = len(code) - len(code.lstrip())
        self._bytes = self._code.encode()
        self._names = names
        self._params = params
        self.read: set[str] = set()

    def tree(self) -> Node:
        """The checked tree of the whole text."""
        body = self._body()
        self._check_size(body)
        return self.node(body)

    def _body(self) -> ast.expr:
        try:
            return ast.parse(self._code, mode="eval").body
        except SyntaxError as error:
            # Python says 0 where the text ends too soon.
            at = error.offset - 1 if error.offset else len(self._code)
            match = TOKEN.match(self._code, at)
            there = quote(match[0]) if match else "the end"
            raise ExpressionError(
                f"{there} does not fit here ({error.msg})",
                offset=at + self._indent,
                mend="look at what stands before it, and at the brackets",
            ) from error

    def _check_size(self, body: ast.expr) -> None:
        n_nodes, n_levels, level = 0, 0, [body]
        while level:
            n_nodes, n_levels = n_nodes + len(level), n_levels + 1
            if n_levels > MAX_LEVELS or n_nodes > MAX_NODES:
                over = f"{MAX_LEVELS} levels" if n_levels > MAX_LEVELS else f"{MAX_NODES} parts"
                raise self._error(
                    level[0],
                    f"the expression has more than {over}",
                    "split the clause in two, or use fewer operations",
                )
            parts = [part for node in level for part in ast.iter_child_nodes(node)]
            level = [part for part in parts if isinstance(part, ast.expr)]

    def node(self, tree: ast.expr) -> Node:
        """The checked node of one part of the tree."""
        match tree:
            case ast.Constant():
                return self._constant(tree)
            case ast.Name():
                return self._name(tree)
            case ast.UnaryOp(op=ast.USub()):
                return self._arithmetic("negative", "-", tree, [tree.operand])
            case ast.UnaryOp(op=ast.Not()):
                return Operation("flag", "not", (self._of("flag", "`not`", tree.operand),))
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                sign = _SIGNS[type(tree.op)]
                return self._arithmetic(sign, sign, tree, [tree.left, tree.right])
            case ast.BoolOp():
                sign = _SIGNS[type(tree.op)]
                flags = tuple(self._of("flag", f"`{sign}`", value) for value in tree.values)
                return Operation("flag", sign, flags)
            case ast.Compare():
                return self._compare(tree)
            case ast.Call():
                return self._call(tree)
        part = _PARTS.get(type(tree), "this")
        raise self._error(tree, f"{quote(self._segment(tree))}: {part} has no sense here")

    def _error(self, tree: ast.expr, what: str, mend: str | None = None) -> ExpressionError:
        # Python counts bytes of UTF-8, people characters.
        at = len(self._bytes[: tree.col_offset].decode()) + self._indent
        return ExpressionError(what, offset=at, mend=mend)

    def _segment(self, tree: ast.expr, end: ast.expr | None = None) -> str:
        return self._bytes[tree.col_offset : (end or tree).end_col_offset].decode()

    def _constant(self, tree: ast.Constant) -> Constant:
        if isinstance(tree.value, str):
            return Constant("text", tree.value)
        assert isinstance(tree.value, int | float), "other constants are refused as tokens"
        return self._number(tree, tree.value)

    def _number(self, tree: ast.expr, value: float) -> Constant:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._error(tree, f"{quote(self._segment(tree))} is not a finite number")
        if number != value:
            raise self._error(
                tree,
                f"{quote(self._segment(tree))} is no number that float64 holds exactly",
                "whole numbers go to 2**53 = 9007199254740992",
            )
        return Constant("number", number)

    def _name(self, tree: ast.Name) -> Node:
        word = tree.id
        self.read.add(word)
        if word in self._names and word in self._params:
            raise self._error(
                tree, f"{quote(word)} is a column and a parameter", "rename the parameter"
            )
        if word in self._names:
            return Column(self._names[word].kind, word)
        if word in self._params:
            value = self._params[word]
            if isinstance(value, bool):
                return Constant("flag", value)
            return Constant("text", value) if isinstance(value, str) else self._number(tree, value)
        if word in ("true", "false"):
            return Constant("flag", word == "true")
        if word == "null":
            raise self._error(
                tree, "null is no value: it stands only after `is` or `is not`", "write `x is null`"
            )
        raise self._error(
            tree, f"{quote(word)} is neither a column nor a parameter", self._name_mend(word)
        )

    def _name_mend(self, word: str) -> str:
        if word in _FUNCTIONS:
            return f"write `{word}(...)`: it is a function"
        if any(word in (name.words or ()) for name in self._names.values()):
            return f"write texts in quotation marks: '{word}'"
        return _nearest(word, [*self._names, *self._params])

    def _of(self, kind: Kind, whose: str, tree: ast.expr) -> Node:
        node = self.node(tree)
        if node.kind == kind:
            return node
        mend = None
        if kind == "flag":
            mend = "compare it, as in `x > 0`, or ask `x is not null`"
        raise self._error(
            tree,
            f"{quote(self._segment(tree))} is a {node.kind}, {whose} needs {_PLURALS[kind]}",
            mend,
        )

    def _arithmetic(self, op: str, written: str, tree: ast.expr, parts: Sequence[ast.expr]) -> Node:
        args = tuple(self._of("number", f"`{written}`", part) for part in parts)
        if op == "/" and isinstance(args[1], Constant) and args[1].value == 0:
            raise self._error(
                parts[1],
                f"division by {quote(self._segment(parts[1]))}, which is 0",
                "give the divisor another value",
            )
        numbers = [np.float64(arg.value) for arg in args if isinstance(arg, Constant)]
        if len(numbers) < len(args):
            return Operation("number", op, args)
        with np.errstate(all="ignore"):
            return self._number(tree, float(ARITHMETIC[op](*numbers)))

    def _call(self, tree: ast.Call) -> Node:
        name = self._segment(tree.func)
        if name not in _FUNCTIONS:
            raise self._error(
                tree, f"{quote(name)} is not a function here", _nearest(name, _FUNCTIONS)
            )
        fewest, most = _FUNCTIONS[name]
        if not fewest <= len(tree.args) <= most:
            wanted = "one" if most == 1 else "two or more"
            values = "value" if len(tree.args) == 1 else "values"
            raise self._error(tree, f"`{name}` has {len(tree.args)} {values}, expected {wanted}")
        if name != "isfinite":
            return self._arithmetic(name, name, tree, tree.args)
        arg = self._of("number", "`isfinite`", tree.args[0])
        if isinstance(arg, Constant):
            raise self._settled(tree)
        return Operation("flag", name, (arg,))

    def _compare(self, tree: ast.Compare) -> Node:
        if len(tree.ops) > 1 and any(type(op) not in _SIGNS for op in tree.ops):
            raise self._error(
                tree,
                f"{quote(self._segment(tree))}: `is` and `in` are not part of a chain",
                "put brackets round one of them",
            )
        match tree.ops[0]:
            case ast.Is():
                return self._is_null(tree)
            case ast.IsNot():
                return Operation("flag", "not", (self._is_null(tree),))
            case ast.In():
                return self._is_in(tree)
            case ast.NotIn():
                return Operation("flag", "not", (self._is_in(tree),))
        sides = pairwise([tree.left, *tree.comparators])
        pairs = [
            self._pair(_SIGNS[type(op)], *two) for two, op in zip(sides, tree.ops, strict=True)
        ]
        return pairs[0] if len(pairs) == 1 else Operation("flag", "and", tuple(pairs))

    def _is_null(self, tree: ast.Compare) -> Node:
        asked = tree.comparators[0]
        if not (isinstance(asked, ast.Name) and asked.id == "null"):
            raise self._error(
                asked,
                f"{quote(self._segment(asked))} follows `is`, expected null or not null",
                "compare values with `==` or `!=`; a flag stands alone, as `x` or `not x`",
            )
        node = self.node(tree.left)
        if isinstance(node, Constant):
            raise self._settled(tree)
        if isinstance(node, Column) and not self._names[node.name].nullable:
            raise self._error(
                tree,
                f"{quote(node.name)} is never null, so all rows have one outcome",
                "leave it out",
            )
        return Operation("flag", "is null", (node,))

    def _is_in(self, tree: ast.Compare) -> Node:
        node, listed = self.node(tree.left), tree.comparators[0]
        if not isinstance(listed, ast.List) or not listed.elts:
            raise self._error(
                listed,
                f"{quote(self._segment(listed))} follows `in`, expected a list of constants",
                "write at least one, as in ['a', 'b'] or [1, 2]",
            )
        if node.kind == "flag":
            raise self._error(
                tree.left,
                f"{quote(self._segment(tree.left))} is a flag, `in` needs a number or a text",
                "a flag stands alone, as `x` or `not x`",
            )
        constants = []
        for part in listed.elts:
            constant = self._of(node.kind, f"this list after a {node.kind}", part)
            if not isinstance(constant, Constant):
                raise self._error(
                    part,
                    f"{quote(self._segment(part))} is not a constant, as the list needs",
                    "compare with `==` and join with `or`",
                )
            self._refuse_strange_word(node, constant, part)
            constants.append(constant)
        if isinstance(node, Constant):
            raise self._settled(tree)
        return Operation("flag", "in", (node, *constants))

    def _pair(self, sign: str, left: ast.expr, right: ast.expr) -> Node:
        for null, other in ((left, right), (right, left)):
            if isinstance(null, ast.Name) and null.id == "null":
                turned = "is not null" if sign == "!=" else "is null"
                raise self._error(
                    null,
                    f"nothing is `{sign}` null, known or not",
                    f"write `{self._segment(other)} {turned}`",
                )
        a, b = self.node(left), self.node(right)
        if a.kind != b.kind:
            raise self._unlike(sign, (left, a), (right, b))
        if sign not in ("==", "!=") and a.kind != "number":
            raise self._error(
                left,
                f"{_PLURALS[a.kind]} have no order: `{sign}` needs numbers",
                "write `==`, `!=` or `in [...]`",
            )
        if a == b or (isinstance(a, Constant) and isinstance(b, Constant)):
            raise self._settled(left, right)
        if sign not in ("==", "!="):
            return Operation("flag", sign, (a, b))
        if isinstance(a, Constant):
            (left, a), (right, b) = (right, b), (left, a)
        if isinstance(b, Constant):
            self._refuse_strange_word(a, b, right)
        # One word or many: a text column is looked up in a list either way.
        op = "in" if a.kind == "text" and isinstance(b, Constant) else "=="
        same = Operation("flag", op, (a, b))
        return Operation("flag", "not", (same,)) if sign == "!=" else same

    def _unlike(
        self, sign: str, left: tuple[ast.expr, Node], right: tuple[ast.expr, Node]
    ) -> ExpressionError:
        sides = " and ".join(
            f"the {node.kind} {quote(self._segment(tree))}" for tree, node in (left, right)
        )
        mend = "compare values of one kind"
        if {left[1].kind, right[1].kind} == {"flag", "number"}:
            mend = "a flag stands alone, as `x` or `not x`"
        return self._error(left[0], f"`{sign}` stands between {sides}", mend)

    def _settled(self, tree: ast.expr, end: ast.expr | None = None) -> ExpressionError:
        return self._error(
            tree,
            f"{quote(self._segment(tree, end))}: this comparison has one outcome for all rows",
            "compare with a column, or leave it out",
        )

    def _refuse_strange_word(self, node: Node, constant: Constant, tree: ast.expr) -> None:
        if not isinstance(node, Column):
            return
        words = self._names[node.name].words
        if words is None or constant.value in words:
            return
        written = self._segment(tree)
        whose = f" (parameter {written})" if isinstance(tree, ast.Name) else ""
        raise self._error(
            tree,
            f"{quote(constant.value)}{whose} is no word of the column {quote(node.name)}",
            _nearest(str(constant.value), words),
        )


def _nearest(word: str, legal: Iterable[str]) -> str:
    by_lower = {name.lower(): name for name in sorted(legal)}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    if near:
        return f"did you mean {by_lower[near[0]]!r}?"
    return f"choose one of {', '.join(sorted(legal))}" if by_lower else "there are none to choose"
