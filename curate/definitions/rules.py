"""The mapping of a definition file: rules that say what boxes of the sources' classes are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from curate.definitions.model import ANY_CLASS, MapRule
from curate.definitions.records import BOX
from curate.errors import quote

if TYPE_CHECKING:
    from curate.definitions.building import Builder
    from curate.documents import KeyPath

# What a source's class can say beside what it is.
_SETTABLE = ("extent", "is_group", "occluded", "truncated", "difficult", "is_depiction",
             "is_reflection", "annotator")  # fmt: skip


def mapping_of(builder: Builder) -> dict[str, tuple[MapRule, ...]]:
    """Vocabulary to its rules.

    Raises
    ------
    UsageError
        For an unknown decision, column or word, and for a rule that no box can reach.
    """
    return {
        name: _vocabulary(builder, rules, ("mapping", name))
        for name, rules in builder.values.get("mapping", {}).items()
    }


def _vocabulary(
    builder: Builder, rules: list[dict[str, Any]], path: KeyPath
) -> tuple[MapRule, ...]:
    taken: dict[str | None, int] = {}
    made = []
    for number, raw in enumerate(rules):
        rule = _rule(builder, raw, (*path, number))
        _refuse_unreachable(builder, rule, taken, (*path, number))
        if rule.when is None:
            for name in rule.classes:
                taken.setdefault(name, rule.place.line or 0)
        made.append(rule)
    return tuple(made)


def _rule(builder: Builder, raw: dict[str, Any], path: KeyPath) -> MapRule:
    # Rules look at what the source says: nothing is decided yet, and labels are the source's.
    names = {name: column for name, column in BOX.items() if name not in ("decision", "n_inside")}
    builder.known(raw["as"], builder.decisions, "decision", (*path, "as"))
    for column, value in raw.get("set", {}).items():
        legal = [*_SETTABLE, *builder.columns]
        builder.known(column, legal, "column that a rule can set", (*path, "set", column))
        name = (names | builder.columns)[column]
        builder.refuse_bad_value(value, name, (*path, "set", column))
    label = raw.get("label", builder.values.get("class"))
    if label is not None and builder.context.labels is not None:
        builder.known(label, builder.context.labels, "class", (*path, "label"))
    classes = raw["class"] if isinstance(raw["class"], list) else [raw["class"]]
    return MapRule(
        classes=tuple(classes),
        when=builder.expression(raw["when"], names | builder.columns, (*path, "when"))
        if "when" in raw
        else None,
        decision=raw["as"],
        label=label,
        values=raw.get("set", {}),
        note=raw.get("note"),
        place=builder.document.place(*path),
    )


def _refuse_unreachable(
    builder: Builder, rule: MapRule, taken: dict[str | None, int], path: KeyPath
) -> None:
    gone = [name for name in rule.classes if name in taken]
    if ANY_CLASS in taken:
        gone = [name for name in rule.classes if name is not None] or gone
    if gone:
        line = taken.get(gone[0], taken.get(ANY_CLASS))
        raise builder.error(
            path,
            f"no box of class {quote(gone[0])} comes here: line {line} takes all of them",
            "put the narrower rule first, or take the class out",
        )
