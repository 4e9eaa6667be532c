"""Which definition files belong together: references, versions, what builds on what."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.definitions.model import digest_of
from curate.documents import Document, read_document, refuse_unfit
from curate.errors import Place, UsageError, quote
from curate.resources import rules_folder

SCHEMA = "curate.definition/1"
SCHEMA_FILE = "definition-1.schema.json"
_REFERENCE = re.compile(r"([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)(?:@([\^~]?)(\d+(?:\.\d+){0,2}))?")
_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class DefinitionFile:
    """A definition file that fits its schema, not yet looked into."""

    path: Path
    document: Document

    @property
    def values(self) -> dict[str, Any]:
        """The file's YAML values."""
        values: dict[str, Any] = self.document.values
        return values

    @property
    def id(self) -> str:
        """The definition's id."""
        return str(self.values["id"])

    @property
    def version(self) -> str:
        """The definition's version."""
        return str(self.values["version"])

    @property
    def references(self) -> list[tuple[str, Place]]:
        """What it extends or uses, each with its place."""
        key = "uses" if self.values["kind"] == "project" else "extends"
        return [
            (word, self.document.place(key, number))
            for number, word in enumerate(self.values.get(key, ()))
        ]


def shipped() -> list[str]:
    """The ids of the definitions that come with curate."""
    return sorted(path.stem for path in rules_folder().glob("*.yaml"))


def gather(words: Sequence[str | Path]) -> list[DefinitionFile]:
    """The files that some words name and all that they build on, those first.

    Parameters
    ----------
    words
        Paths of files, or references to shipped definitions: `person`, `person@^2.0`.

    Raises
    ------
    UsageError
        For a file that is not there or does not fit its schema, an unknown or unfitting reference,
        a cycle, and two files of one id that differ.
    """
    found: dict[str, DefinitionFile] = {}
    for word in words:
        _add(_named(word), found, ())
    return list(found.values())


def _named(word: str | Path) -> DefinitionFile:
    path = Path(word)
    if path.is_file() or path.suffix in _ENDINGS:
        return _read(path, str(word))
    return _referred(str(word), Place(), None)


def _read(path: Path, name: str) -> DefinitionFile:
    document = read_document(path, name)
    refuse_unfit(document, SCHEMA_FILE)
    return DefinitionFile(path, document)


def _add(
    file: DefinitionFile, found: dict[str, DefinitionFile], above: tuple[DefinitionFile, ...]
) -> None:
    """Puts a file after all that it builds on."""
    if file.id in found:
        other = found[file.id]
        if digest_of(other.values) != digest_of(file.values):
            raise UsageError(
                f"{file.id} is {file.version} here and {other.version} in {other.document.name}",
                place=file.document.place("id"),
                mend="give one of them",
            )
        return
    for reference, place in file.references:
        other = _referred(reference, place, file.path.parent)
        chain = [*above, file]
        if other.id in [link.id for link in chain]:
            words = " -> ".join([*(link.id for link in chain), other.id])
            raise UsageError(
                f"{words} is a cycle, should end", place=place, mend="take one of them out"
            )
        _add(other, found, tuple(chain))
    found[file.id] = file


def _referred(reference: str, place: Place, folder: Path | None) -> DefinitionFile:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UsageError(
            f"{quote(reference)} is neither a file nor a reference",
            place=place,
            mend="write a path that ends in .yaml, or id@^1.2",
        )
    wanted, sign, version = match.groups()
    for where in [folder, rules_folder()] if folder else [rules_folder()]:
        path = where / f"{wanted}.yaml"
        if path.is_file():
            is_shipped = path.parent == rules_folder()
            file = _read(path, f"rules/{path.name}" if is_shipped else str(path))
            if file.id != wanted:
                raise UsageError(
                    f"id is {file.id!r}, should be {wanted!r} as the file's name",
                    place=file.document.place("id"),
                    mend="rename one of them",
                )
            _refuse_version(file, reference, sign, version, place)
            return file
    known = [*shipped(), *(p.stem for p in sorted(folder.glob("*.yaml")))] if folder else shipped()
    near = difflib.get_close_matches(wanted, known, n=1)
    raise UsageError(
        f"there is no definition {quote(wanted)}",
        place=place,
        mend=f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}, or a file",
    )


def _refuse_version(
    file: DefinitionFile, reference: str, sign: str, version: str | None, place: Place
) -> None:
    if version is None or fits(file.version, sign, version):
        return
    major_minor = ".".join(file.version.split(".")[:2])
    raise UsageError(
        f"{reference} is wanted, {file.document.name} is version {file.version}",
        place=place,
        mend=f"write {file.id}@^{major_minor}, or keep the version wanted beside this file",
    )


def fits(version: str, sign: str, wanted: str) -> bool:
    """Whether a version is one of those wanted, by the rules of semantic versioning.

    Examples
    --------
    >>> fits("1.4.0", "^", "1.2"), fits("2.0.0", "^", "1.2"), fits("1.2.9", "~", "1.2")
    (True, False, True)
    >>> fits("0.5.0", "^", "0.4"), fits("1.2.3", "", "1.2")
    (False, True)
    """
    has = [int(part) for part in version.split(".")]
    wants = [int(part) for part in wanted.split(".")]
    if not sign:
        return has[: len(wants)] == wants
    n_fixed = min(len(wants), 2)
    if sign == "^":
        # Below 1.0 each minor version may change everything.
        n_fixed = 1 if wants[0] or len(wants) == 1 else n_fixed
    return has[:n_fixed] == wants[:n_fixed] and has >= wants
