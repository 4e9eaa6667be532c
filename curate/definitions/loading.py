"""Definition files as the definitions in force: references followed, overrides applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from curate.definitions.building import Context, built
from curate.definitions.files import DefinitionFile, gather
from curate.definitions.model import Definition, Definitions
from curate.definitions.overrides import overridden, params_given
from curate.errors import UsageError

# Families of curate's own codes: what a clause is called must not be mistaken for one of them.
OWN_FAMILIES = ("SRC", "IMG", "BOX", "REL", "CONV", "SET", "TRK", "ULT", "WAI")


def load(words: Sequence[str | Path]) -> Definitions:
    """The definitions that some words name, with all that they build on.

    Parameters
    ----------
    words
        Paths of definition files, or references to shipped ones (`person`, `box.visible@^1.2`).
        At most one of them is a project; its overrides hold for all.

    Raises
    ------
    UsageError
        For anything wrong in any of the files: the file, its line, what is there, what would be
        right. Nothing is taken of definitions that are wrong somewhere.
    """
    files = gather(words)
    projects = [file for file in files if file.values["kind"] == "project"]
    if len(projects) > 1:
        raise UsageError(
            f"{projects[0].id} and {projects[1].id} are both projects, at most one can hold",
            place=projects[1].document.place("kind"),
            mend="give one of them",
        )
    parts: dict[str, Definition] = {}
    given = params_given(projects[0] if projects else None)
    for file in files:
        parts[file.id] = built(file, _context(file, parts), given)
    _refuse_clashes(parts, files)
    if projects:
        parts = overridden(parts, projects[0])
    pairs = projects[0].values.get("allowed_pairs", []) if projects else []
    return Definitions(tuple(parts.values()), tuple((first, second) for first, second in pairs))


def _context(file: DefinitionFile, parts: dict[str, Definition]) -> Context:
    """What a file may speak of: columns, decisions and labels of all that it builds on."""
    below: dict[str, Definition] = {}
    waiting = [reference.partition("@")[0] for reference, _ in file.references]
    while waiting:
        part = parts[waiting.pop()]
        below[part.id] = part
        waiting += part.extends
    labels = {part.label for part in below.values() if part.label is not None}
    if file.values["kind"] == "project":
        labels |= {one["name"] for one in file.values["classes"]}
    if "class" in file.values:
        labels.add(file.values["class"])
    return Context(
        columns={name: c for part in below.values() for name, c in part.columns.items()},
        decisions={name for part in below.values() for name in part.decisions},
        labels=frozenset(labels) or None,
        definitions={name: below[name].label for name in sorted(below)},
    )


def _refuse_clashes(parts: dict[str, Definition], files: Sequence[DefinitionFile]) -> None:
    """Refuses codes that stand twice or are curate's own, and columns of two meanings."""
    seen: dict[str, Definition] = {}
    for part in parts.values():
        for clause in part.clauses:
            family = clause.id.partition("-")[0]
            if family in OWN_FAMILIES:
                raise UsageError(
                    f"{clause.id}: {family} is a family of curate's own checks",
                    place=clause.place,
                    mend=f"use letters of your own; taken are {', '.join(OWN_FAMILIES)}",
                )
            if clause.id in seen:
                raise UsageError(
                    f"{clause.id} is a clause of {seen[clause.id].id} too",
                    place=clause.place,
                    mend="give one of them another number",
                )
            seen[clause.id] = part
    _refuse_two_questions(parts, files)
    columns: dict[str, str] = {}
    for file in files:
        part = parts[file.id]
        for name, column in part.columns.items():
            if name in columns and replace(column, meaning="") != replace(
                parts[columns[name]].columns[name], meaning=""
            ):
                raise UsageError(
                    f"column {name!r} is another kind of column in {columns[name]}",
                    place=file.document.place("columns", name),
                    mend="rename one of them",
                )
            columns[name] = part.id


def _refuse_two_questions(parts: dict[str, Definition], files: Sequence[DefinitionFile]) -> None:
    asked: dict[str, Definition] = {}
    for file in files:
        part = parts[file.id]
        for key, question in part.questions.items():
            other = asked.setdefault(key, part)
            if other.questions[key] != question:
                raise UsageError(
                    f"{key} is another question in {other.id}",
                    place=file.document.place("questions", key),
                    mend="rename one of them, or ask the same",
                )
