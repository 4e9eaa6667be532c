"""Which reader takes what: the readers by name, and telling formats by content.

`READERS` is a plain dict from a format's name to its module's functions; modules load when they
are used.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from curate.errors import FormatError, Place, UsageError, quote
from curate.formats.reading import Files
from curate.tree import Tree


@dataclass(frozen=True)
class Reader:
    """A reader: the module that has it, and the names of its functions there."""

    module: str
    claims: str = "claims"
    gather: str = "gather"

    def load(self) -> ModuleType:
        """The module, imported now."""
        return importlib.import_module(self.module)


READERS: dict[str, Reader] = {
    "coco": Reader("curate.formats.coco"),
    "coco-results": Reader("curate.formats.coco", "claims_results", "gather_results"),
    "voc": Reader("curate.formats.voc"),
    "kitti": Reader("curate.formats.kitti"),
    "makesense": Reader("curate.formats.makesense"),
}
# Where a reader is forced on a folder in which it recognises nothing, it gets these files.
_ENDINGS = {"coco": ".json", "coco-results": ".json", "voc": ".xml", "kitti": ".txt"}


def recognise(files: Files) -> dict[str, list[str]]:
    """The label files that each reader would take, by reader; those that take none are left out."""
    taken = {}
    for name, reader in READERS.items():
        claimed = getattr(reader.load(), reader.claims)(files)
        if claimed:
            taken[name] = claimed
    return taken


def chosen(tree: Tree, path: Path, wanted: str | None) -> tuple[str, list[str]]:
    """The reader's name and the files it is to read."""
    if wanted is not None:
        return _forced(tree, path, wanted)
    if tree.kind == "zip" and not tree.files:
        # Make Sense exports an archive without members when nothing is annotated.
        return "makesense", []
    taken = recognise(tree)
    place = Place(str(path))
    is_empty = not any(tree.files.values())
    # Only Make Sense writes files of 0 bytes on purpose: nothing was annotated.
    if not taken or (is_empty and "makesense" not in taken):
        what = "is empty" if is_empty else "is of no format that is known"
        raise FormatError(
            f"{what} ({_listing(list(tree.files))})",
            place=place,
            mend="give the path of the zip itself"
            if tree.kind == "folder" and any(name.lower().endswith(".zip") for name in tree.files)
            else f"name its format with --from: {', '.join(READERS)}",
        )
    kinds = _kinds(tree, taken)
    if len(kinds) > 1:
        found = "; ".join(f"{kind} ({_listing(names)})" for kind, names in kinds.items())
        raise FormatError(
            f"holds {len(kinds)} formats: {found}",
            place=place,
            mend="choose one with --from, or give the path of one of them",
        )
    return next(iter(taken.items()))


def _kinds(tree: Tree, taken: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The files by what they are, exports of one tool that repeat each other told apart."""
    kinds: dict[str, list[str]] = {}
    for name, files in taken.items():
        kind_of = getattr(READERS[name].load(), "kind_of", None)
        for file in files:
            kind = kind_of(tree, file) if kind_of else None
            kinds.setdefault(f"{name}-{kind}" if kind else name, []).append(file)
    return kinds


def _forced(tree: Tree, path: Path, wanted: str) -> tuple[str, list[str]]:
    name, _, kind = wanted.partition("-") if wanted not in READERS else (wanted, "", "")
    if name not in READERS:
        raise _no_format(wanted, list(READERS))
    reader = READERS[name]
    module = reader.load()
    kinds = getattr(module, "KINDS", ())
    if kind and kind not in kinds:
        raise _no_format(wanted, [name, *(f"{name}-{k}" for k in kinds)])
    claimed = getattr(module, reader.claims)(tree)
    kind_of = getattr(module, "kind_of", None)
    if kind and kind_of:
        # Files that the reader cannot tell apart by itself are of the kind that was named.
        claimed = [f for f in claimed if _is_kind(kind_of(tree, f), kind)]
    if not claimed:
        ending = _ENDINGS.get(name)
        claimed = [f for f in tree.files if tree.kind == "file" or f.lower().endswith(ending or f)]
        claimed = claimed if tree.kind == "file" or ending else []
    if not claimed:
        raise FormatError(
            f"no file in it can be read as {wanted} ({_listing(list(tree.files))})",
            place=Place(str(path)),
            mend="leave out --from, or give another path",
        )
    return name, claimed


def _is_kind(own: str | None, wanted: str) -> bool:
    # `rect` stands for a rectangle's exports of every form, `points` for `point-csv`.
    return own is None or own == wanted or own.startswith(wanted.rstrip("s") + "-")


def _no_format(wanted: str, legal: list[str]) -> UsageError:
    near = difflib.get_close_matches(wanted, legal, n=1)
    return UsageError(
        f"--from {quote(wanted)} is no format, should be one of {', '.join(legal)}",
        mend=f"did you mean {near[0]!r}?" if near else "leave out --from: content tells it",
    )


def _listing(files: Sequence[str]) -> str:
    shown = ", ".join(files[:3])
    return f"{shown}, … {len(files)} files" if len(files) > 3 else shown or "no files"


def reader(name: str) -> Reader:
    """The reader of a name that a dataset folder records. Raises FormatError for one unknown."""
    if name not in READERS:
        raise FormatError(
            f"{quote(name)} is no reader of this version", mend="use the version that wrote it"
        )
    return READERS[name]
