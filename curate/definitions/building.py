"""One definition file as a definition: expressions parsed, every name and word looked up."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from curate.definitions.expressions import (
    Column,
    Constant,
    Expression,
    Kind,
    Name,
    Node,
    Operation,
    parse,
)
from curate.definitions.files import DefinitionFile
from curate.definitions.model import (
    Clause,
    Decision,
    Definition,
    Excepted,
    Question,
    Sample,
    Scene,
    TrainedClass,
    digest_of,
)
from curate.definitions.records import BOX, IMAGE_PART, OWN, Record, names_of
from curate.definitions.rules import mapping_of
from curate.documents import Document, KeyPath
from curate.errors import ExpressionError, UsageError, quote
from curate.limits import unit_fault

Words = dict[str, Any]  # YAML values by key
# Operations that can be unknown though no operand is: x / 0, sqrt(-1), inf - inf.
_PARTIAL = ("/", "sqrt", "ln")
_SETTABLE = ("label", "x1", "y1", "x2", "y2", "role", "extent", "is_group", "occluded",
             "truncated", "difficult", "is_depiction", "is_reflection", "annotator")  # fmt: skip

_WRITTEN: dict[Kind, str] = {
    "number": "write it as 4 or 0.5",
    "flag": "write true or false",
    "text": "put it in quotation marks",
}


@dataclass(frozen=True)
class Context:
    """What a file may speak of beside its own: what it builds on.

    `labels` is None where boxes of any class are judged; `definitions` are the ids below it, with
    the class that each is of.
    """

    columns: Mapping[str, Name] = field(default_factory=dict)
    decisions: Set[str] = frozenset()
    labels: frozenset[str] | None = None
    definitions: Mapping[str, str | None] = field(default_factory=dict)


class Builder:
    """A file with all that its expressions may read, and the place of each of its words."""

    def __init__(
        self, file: DefinitionFile, context: Context, given: Mapping[str, Mapping[str, float]]
    ) -> None:
        self.document: Document = file.document
        self.values: Words = file.values
        self.given = given
        self.context = context
        self.columns = {**context.columns, **_columns_of(file)}
        self.params: dict[str, float] = file.values.get("params", {})
        own = self.values.get("decisions", {})
        self.decisions = sorted({*context.decisions, *own})
        self.read_params: set[str] = set()

    def names(self, record: Record) -> dict[str, Name]:
        """The columns of a record, with the labels and decisions that there are as words."""
        labels = self.context.labels
        return names_of(
            record,
            self.columns,
            labels=None if labels is None else sorted(labels),
            decisions=self.decisions or None,
        )

    def expression(
        self,
        text: str,
        names: Mapping[str, Name],
        path: KeyPath,
        *,
        kind: Kind | None = "flag",
        params: Mapping[str, float] | None = None,
    ) -> Expression:
        """The expression at a place of the file, of the kind wanted (None: any)."""
        params = self.params if params is None else params
        try:
            expression = parse(text, names, params)
        except ExpressionError as error:
            raise self.error(path, error.what, error.mend) from error
        self.read_params |= expression.params
        if kind is not None and expression.kind != kind:
            raise self.error(
                path,
                f"{quote(text)} is a {expression.kind}, should be a {kind}",
                "compare it, as in `x > 0`" if kind == "flag" else None,
            )
        return expression

    def error(self, path: KeyPath, what: str, mend: str | None = None) -> UsageError:
        """An error at a place of the file."""
        where = ".".join(map(str, path))
        return UsageError(f"{where}: {what}", place=self.document.place(*path), mend=mend)

    def known(self, word: str, legal: Iterable[str], what: str, path: KeyPath) -> None:
        """Refuses a word that is not among the legal ones, with the nearest."""
        words = sorted(legal)
        if word in words:
            return
        near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
        mend = f"use one of {', '.join(words)}" if words else "there are none"
        if near:
            mend = f"did you mean {near[0]!r}?"
        raise self.error(path, f"there is no {what} {quote(word)}", mend)

    def refuse_bad_value(self, value: Any, column: Name, path: KeyPath) -> None:  # a YAML value
        """Refuses a value that a column cannot have."""
        if value is None and column.nullable:
            return
        kinds = {"number": (int, float), "flag": (bool,), "text": (str,)}
        fits = isinstance(value, kinds[column.kind])
        if not fits or (column.kind == "number" and isinstance(value, bool)):
            raise self.error(
                path, f"is {quote(value)}, should be a {column.kind}", _WRITTEN[column.kind]
            )
        if column.words is not None:
            self.known(value, column.words, "word", path)


def built(
    file: DefinitionFile, context: Context, given: Mapping[str, Mapping[str, float]]
) -> Definition:
    """The definition of a file; `given` are parameters that a project gives single clauses.

    Raises
    ------
    UsageError
        At the first thing that is wrong, with its line.
    """
    builder = Builder(file, context, given)
    values = file.values
    refuse_bad_params(builder.params, file.document, ("params",))
    _refuse_taken_columns(builder)
    scope = None
    if "scope" in values:
        scope = builder.expression(values["scope"], builder.names("box"), ("scope",))
    questions = {
        key: Question(one["text"], tuple(one["choices"]))
        for key, one in values.get("questions", {}).items()
    }
    stated = f"{file.id}@{file.version}+{digest_of(values)}"
    clauses = [
        _clause(builder, raw, ("clauses", number), stated, scope, questions)
        for number, raw in enumerate(values.get("clauses", ()))
    ]
    clauses += [
        _relation(builder, raw, ("relations", number), stated)
        for number, raw in enumerate(values.get("relations", ()))
    ]
    mapping = mapping_of(builder)
    ignored_when = _ignored_when(builder)
    for number, one in enumerate(values.get("classes", ())):
        if "definition" in one:
            at = ("classes", number, "definition")
            builder.known(one["definition"], context.definitions, "used definition", at)
            label = context.definitions[one["definition"]]
            if label is not None and one["name"] != label:
                raise builder.error(
                    ("classes", number, "name"),
                    f"{quote(one['name'])} is not the class of {one['definition']}",
                    f"write {label}",
                )
    for number, pair in enumerate(values.get("allowed_pairs", ())):
        for label in pair:
            builder.known(label, context.labels or (), "class", ("allowed_pairs", number))
    _refuse_idle_params(builder)
    return Definition(
        id=file.id,
        kind=values["kind"],
        version=file.version,
        status=values["status"],
        title=values["title"],
        digest=digest_of(values),
        place=file.document.place("id"),
        values=values,
        label=values.get("class"),
        extends=tuple(reference.partition("@")[0] for reference, _ in file.references),
        params=builder.params,
        columns=_columns_of(file),
        decisions={
            name: Decision(name, one["role"], one["note"])
            for name, one in values.get("decisions", {}).items()
        },
        mapping=mapping,
        clauses=tuple(clauses),
        questions=questions,
        classes=tuple(_trained(one) for one in values.get("classes", ())),
        ignored_when=ignored_when,
    )


def _ignored_when(builder: Builder) -> tuple[Excepted, ...]:
    names = builder.names("box")
    return tuple(
        Excepted(builder.expression(row["when"], names, ("ignored_when", number, "when")),
                 row["because"])
        for number, row in enumerate(builder.values.get("ignored_when", ()))
    )  # fmt: skip


def _columns_of(file: DefinitionFile) -> dict[str, Name]:
    return {
        name: Name(
            one["kind"], one["meaning"], True, tuple(one["words"]) if "words" in one else None
        )
        for name, one in file.values.get("columns", {}).items()
    }


def _refuse_taken_columns(builder: Builder) -> None:
    for name in builder.values.get("columns", {}):
        if name in BOX:
            raise builder.error(
                ("columns", name), f"{name!r} is a column of curate's own", "give it another name"
            )


def refuse_bad_params(params: Mapping[str, float], document: Document, path: KeyPath) -> None:
    """Refuses parameters that are out of the range of their unit.

    Raises
    ------
    UsageError
        With the line of the first.
    """
    for name, value in params.items():
        fault = unit_fault(name, value)
        if fault is not None:
            where = ".".join(map(str, (*path, name)))
            raise UsageError(
                f"{where}: is {quote(value)}, should be {fault[0]}",
                place=document.place(*path, name),
                mend=fault[1],
            )


def _refuse_idle_params(builder: Builder) -> None:
    for name in builder.params:
        if name not in builder.read_params:
            raise builder.error(
                ("params", name), f"no clause reads the parameter {name!r}", "take it out"
            )


def _trained(one: Words) -> TrainedClass:
    return TrainedClass(
        one["name"],
        one.get("definition"),
        one.get("extent"),
        tuple(one.get("include", ())),
        tuple(one.get("ignore", ())),
        tuple(one.get("exclude", ())),
    )


def _clause(
    builder: Builder,
    raw: Words,
    path: KeyPath,
    stated: str,
    scope: Expression | None,
    questions: Mapping[str, Question],
) -> Clause:
    names = builder.names(raw["record"])
    params = {**builder.params, **builder.given.get(raw["id"], {})}

    def read(text: str, *more: str | int, kind: Kind | None = "flag") -> Expression:
        return builder.expression(text, names, (*path, *more), kind=kind, params=params)

    check = read(raw["check"], "check") if "check" in raw else None
    when = read(raw["when"], "when") if "when" in raw else None
    if check is not None:
        _refuse_unsaid_missing(builder, raw, check, names, path)
    if "question" in raw:
        builder.known(raw["question"], questions, "question", (*path, "question"))
    exceptions = tuple(
        Excepted(read(one["when"], "exceptions", number, "when"), one["because"])
        for number, one in enumerate(raw.get("exceptions", ()))
    )
    fix = _fix(builder, raw, names, path, params)
    texts = [one for one in (check, when, *(e.when for e in exceptions), *fix.values()) if one]
    return Clause(
        id=raw["id"],
        title=raw["title"],
        record=raw["record"],
        severity=raw["severity"],
        action=raw["action"],
        rationale=raw["rationale"],
        place=builder.document.place(*path, "id"),
        stated_by=stated,
        when=when,
        check=check,
        missing=raw.get("missing"),
        scope=scope if raw["record"] in ("box", "prediction", "pair") else None,
        fix=fix,
        mend=raw.get("mend"),
        question=raw.get("question"),
        sample=_sample(builder, raw, names, path),
        replaces=tuple(raw.get("replaces", ())),
        source=tuple(raw.get("source", ())),
        exceptions=exceptions,
        examples=_scenes(builder, raw, "examples", path),
        counter_examples=_scenes(builder, raw, "counter_examples", path),
        params={name: params[name] for text in texts for name in sorted(text.params)},
    )


def _relation(builder: Builder, raw: Words, path: KeyPath, stated: str) -> Clause:
    for side in ("child", "parent"):
        builder.known(raw[side], builder.context.labels or (), "class", (*path, side))
    clause = _clause(
        builder, raw | {"record": "relation", "action": "flag"}, path, stated, None, {}
    )
    return Clause(**{**clause.__dict__, "sides": (raw["child"], raw["parent"])})


def _refuse_unsaid_missing(
    builder: Builder, raw: Words, check: Expression, names: Mapping[str, Name], path: KeyPath
) -> None:
    if "missing" in raw or not may_be_unknown(check.tree, names):
        return
    nullable = sorted(name for name in check.names if names[name].nullable)
    raise builder.error(
        path,
        f"{raw['id']} can be unknown, where {', '.join(nullable) or 'a divisor'} is, and has no "
        "'missing'",
        "add missing: skip, fail or review",
    )


def may_be_unknown(node: Node, names: Mapping[str, Name]) -> bool:
    """Whether an expression can be neither true nor false."""
    if isinstance(node, Constant):
        return False
    if isinstance(node, Column):
        return names[node.name].nullable
    assert isinstance(node, Operation)
    if node.op == "is null":
        return False
    return node.op in _PARTIAL or any(may_be_unknown(arg, names) for arg in node.args)


def _fix(
    builder: Builder,
    raw: Words,
    names: Mapping[str, Name],
    path: KeyPath,
    params: Mapping[str, float],
) -> dict[str, Expression]:
    fix: dict[str, Expression] = {}
    for column, text in raw.get("fix", {}).items():
        at = (*path, "fix", column)
        if raw["record"] not in ("box", "prediction"):
            raise builder.error(
                at, f"{raw['record']} records cannot be fixed", "use flag or review"
            )
        builder.known(column, _SETTABLE, "column that can be set", at)
        fix[column] = builder.expression(text, names, at, kind=OWN[column].kind, params=params)
        tree = fix[column].tree
        if isinstance(tree, Constant):
            builder.refuse_bad_value(tree.value, names[column], at)
    return fix


def _sample(
    builder: Builder, raw: Words, names: Mapping[str, Name], path: KeyPath
) -> Sample | None:
    if "sample" not in raw:
        return None
    for number, column in enumerate(raw["sample"]["by"]):
        builder.known(column, names, "column", (*path, "sample", "by", number))
    return Sample(tuple(raw["sample"]["by"]), raw["sample"]["n"])


def _scenes(builder: Builder, raw: Words, key: str, path: KeyPath) -> tuple[Scene, ...]:
    scenes = []
    box = builder.names("box")
    record: Record = raw["record"]
    for number, one in enumerate(raw.get(key, ())):
        at = (*path, key, number)
        _refuse_unfit_scene(builder, record, one, at)
        image = {f"image_{name}" if f"image_{name}" in IMAGE_PART else name: value
                 for name, value in one.get("image", {}).items()}  # fmt: skip
        parts = [
            ("image", image, IMAGE_PART),
            ("values", one.get("values", {}), builder.names(record)),
        ]
        parts += [("boxes", row, box) for row in one.get("boxes", ())]
        for part, given, legal in parts:
            for name, value in given.items():
                builder.known(name, legal, "column", (*at, part))
                builder.refuse_bad_value(value, legal[name], (*at, part))
        scenes.append(Scene(one["note"], image, tuple(one.get("boxes", ())), one.get("values", {})))
    return tuple(scenes)


def _refuse_unfit_scene(builder: Builder, record: Record, one: Words, at: KeyPath) -> None:
    n_boxes = len(one.get("boxes", ()))
    wanted = {"pair": 2, "box": 1, "prediction": 1, "relation": 1}.get(record, 0)
    if n_boxes < wanted:
        raise builder.error(
            at, f"shows {n_boxes} boxes, a {record} needs {wanted}", "add what is judged"
        )
    if not wanted and "values" not in one:
        raise builder.error(at, f"has no values of a {record}", "add values")
