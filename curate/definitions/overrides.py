"""What a project has otherwise than the definitions that it uses."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from curate.definitions.building import refuse_bad_params
from curate.definitions.files import DefinitionFile
from curate.definitions.model import Clause, Definition
from curate.errors import Place, UsageError, quote


def overridden(parts: Mapping[str, Definition], project: DefinitionFile) -> dict[str, Definition]:
    """The definitions with a project's overrides applied, each with its reason.

    Raises
    ------
    UsageError
        For a clause, parameter or decision that is not there, a decision that several definitions
        have, and what is no override at all.
    """
    result = dict(parts)
    for number, override in enumerate(project.values.get("overrides", ())):
        place = project.document.place("overrides", number)
        if "decision" in override:
            _decide(result, override, place)
        else:
            _set_clause(result, override, project, number)
    return result


def params_given(project: DefinitionFile | None) -> dict[str, dict[str, float]]:
    """Clause to the parameters that a project gives it; not yet looked at."""
    overrides = [] if project is None else project.values.get("overrides", ())
    given: dict[str, dict[str, float]] = {}
    for override in overrides:
        given.setdefault(override.get("clause", ""), {}).update(override.get("params", {}))
    return given


def _decide(parts: dict[str, Definition], override: Mapping[str, Any], place: Place) -> None:
    owner, _, name = str(override["decision"]).rpartition(".")
    having = [part for part in parts.values() if name in part.decisions and owner in ("", part.id)]
    if not having:
        known = {word for part in parts.values() for word in part.decisions}
        raise _unknown("decision", override["decision"], known, place)
    if len(having) > 1:
        words = " or ".join(f"{part.id}.{name}" for part in having)
        raise UsageError(f"several definitions decide {name!r}", place=place, mend=f"write {words}")
    part = having[0]
    decided = replace(part.decisions[name], role=override["role"], overridden=override["because"])
    parts[part.id] = replace(part, decisions={**part.decisions, name: decided})


def _set_clause(
    parts: dict[str, Definition], override: Mapping[str, Any], project: DefinitionFile, number: int
) -> None:
    place = project.document.place("overrides", number)
    word = override["clause"]
    owners = {clause.id: part for part in parts.values() for clause in part.clauses}
    if word not in owners:
        raise _unknown("clause", word, owners, place)
    part = owners[word]
    if not override.keys() - {"clause", "because"}:
        raise UsageError(
            f"override of {word} changes nothing",
            place=place,
            mend="say severity, params or disabled",
        )
    clauses = {clause.id: clause for clause in part.clauses}
    if override.get("disabled"):
        del clauses[word]
    else:
        stated_by = f"{part.stated} ({parts[project.id].stated})"
        changed = _changed(clauses[word], override, project, number)
        clauses[word] = replace(changed, stated_by=stated_by, overridden=override["because"])
    parts[part.id] = replace(part, clauses=tuple(clauses.values()))


def _changed(
    clause: Clause, override: Mapping[str, Any], project: DefinitionFile, number: int
) -> Clause:
    """The clause as the project has it; its parameters are what it was built with."""
    place = project.document.place("overrides", number)
    given = override.get("params", {})
    for name in given:
        if name not in clause.params:
            at = project.document.place("overrides", number, "params", name)
            raise _unknown(f"parameter of {clause.id}", name, clause.params, at)
    refuse_bad_params(given, project.document, ("overrides", number, "params"))
    action = override.get("action", clause.action)
    if action == "review" and clause.question is None:
        raise UsageError(
            f"{clause.id} has no question, so that nobody can review it",
            place=place,
            mend="use flag, set_ignore or reject",
        )
    if action == "set_ignore" and clause.record != "box":
        raise UsageError(
            f"{clause.id} judges a {clause.record}, only boxes can be ignored",
            place=place,
            mend="use flag or review",
        )
    # A clause without a check is a question: only its level can be otherwise.
    if clause.check is None and (action != "review" or "missing" in override):
        raise UsageError(
            f"{clause.id} is a question to a person",
            place=place,
            mend="change severity, or say disabled",
        )
    return replace(
        clause,
        severity=override.get("severity", clause.severity),
        missing=override.get("missing", clause.missing),
        action=action,
        fix=clause.fix if action == "fix" else {},
    )


def _unknown(what: str, word: str, legal: Iterable[str], place: Place) -> UsageError:
    known = sorted(legal)
    near = difflib.get_close_matches(word, known, n=1)
    mend = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"
    return UsageError(f"there is no {what} {quote(word)}", place=place, mend=mend)
