"""The rule of matching that the definitions in force state.

A module of its own: what compiles the matching is slow to load.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from curate.definitions.loading import load
from curate.definitions.model import Definition, Definitions
from curate.errors import UsageError, quote
from curate.matching import MatchRule

SHIPPED = "detection"
# What the matching does; a definition that wants otherwise is refused, never taken for this.
_DONE: dict[tuple[str, str], Any] = {  # YAML values
    ("matching", "at_limit"): "match",
    ("matching", "assignment"): "greedy_by_score",
    ("matching", "tie_break"): ["score_desc", "iou_desc", "box_id_asc"],
    ("matching", "min_iou_by_class"): {},
    ("ignore", "of"): "prediction",
    ("ignore", "class_scope"): "same_or_any",
    ("ignore", "order"): "after_regular",
    ("ignore", "takes_several"): True,
}


def matching_definition(definitions: Definitions | None = None) -> Definition:
    """The definition of kind `matching` that is in force; without one the shipped `detection`.

    Raises
    ------
    UsageError
        When several are in force.
    """
    parts = () if definitions is None else definitions.parts
    found = [part for part in parts if part.kind == "matching"]
    if len(found) > 1:
        raise UsageError(
            f"{found[0].id} and {found[1].id} both say when a prediction is a detection, "
            "at most one can hold",
            place=found[1].place,
            mend="use one of them",
        )
    return found[0] if found else _shipped()


@lru_cache(maxsize=1)
def _shipped() -> Definition:
    """The shipped definition; reading it takes longer than matching 5,000 images."""
    return load([SHIPPED]).parts[-1]


def match_rule(definitions: Definitions | None = None) -> MatchRule:
    """The rule of matching that the definitions in force state; without one that of `detection`.

    Raises
    ------
    UsageError
        When several definitions of kind `matching` are in force, and for a way of matching that
        the schema knows and `curate.matching` does not do.
    """
    return rule_of(matching_definition(definitions))


def rule_of(part: Definition) -> MatchRule:
    """The rule that a definition of kind `matching` states.

    Raises
    ------
    UsageError
        For a way of matching that the schema knows and `curate.matching` does not do, and for
        objects that are ignored by what only a mapping tells.
    """
    for (section, key), done in _DONE.items():
        stated = part.values[section].get(key, done)
        if stated != done:
            raise UsageError(
                f"{section}.{key} of {part.id} is {quote(stated)}, should be {quote(done)}: "
                "nothing else is matched by yet",
                place=part.place,
                mend=f"write {quote(done)}" if done else "leave it out",
            )
    for number, row in enumerate(part.ignored_when):
        if "decision" in row.when.names:
            raise UsageError(
                f"ignored_when.{number}.when of {part.id} is {quote(row.when.text)}: objects are "
                "matched as their labels state them, before any mapping gives a decision",
                place=part.place,
                mend="ask for the label or the role instead",
            )
    matching = part.values["matching"]
    return MatchRule(
        min_iou=matching["min_iou"],
        ignore_min_ioa=part.values["ignore"]["min_ioa"],
        class_aware=matching["class_aware"],
        max_per_image=matching["max_per_image"],
    )
