"""Which reader takes what: the readers by name, and telling formats by content.

`READERS` is a plain dict from a format's name to its module's functions; modules load when they
are used.
"""

from __future__ import annotations

import codecs
import difflib
import importlib
import inspect
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from curate.errors import FormatError, Place, SourceError, UsageError, quote
from curate.formats.reading import HEAD_BYTES, Files
from curate.sources import Body
from curate.tree import Tree


@dataclass(frozen=True)
class Reader:
    """A reader: the module that has it, and the names of its functions there.

    `page` is the module whose docstring and `FORMAT` tell of the format; None: the same.
    """

    module: str
    claims: str = "claims"
    gather: str = "gather"
    page: str | None = None

    @property
    def told_in(self) -> str:
        """The name of the module that tells of the format."""
        return self.page or self.module

    def load(self) -> ModuleType:
        """The module, imported now."""
        return importlib.import_module(self.module)


READERS: dict[str, Reader] = {
    "coco": Reader("curate.formats.coco"),
    "coco-results": Reader(
        "curate.formats.coco", "claims_results", "gather_results", "curate.formats.coco.results"
    ),
    "voc": Reader("curate.formats.voc"),
    "kitti": Reader("curate.formats.kitti"),
    "kitti-tracking": Reader("curate.formats.kitti_tracking"),
    "mot": Reader("curate.formats.mot"),
    "text-dets": Reader("curate.formats.text_dets"),
    "csv": Reader("curate.formats.csv_table"),
    "open-images": Reader("curate.formats.open_images"),
    "yolo": Reader("curate.formats.yolo"),
    "makesense": Reader("curate.formats.makesense"),
    "crowdhuman": Reader("curate.formats.crowdhuman"),
    "caltech-vbb": Reader("curate.formats.caltech.vbb"),
    "caltech": Reader("curate.formats.caltech"),
    "eurocity": Reader("curate.formats.eurocity"),
    "citypersons": Reader("curate.formats.citypersons"),
    "label-studio": Reader("curate.formats.label_studio"),
    "cvat": Reader("curate.formats.cvat"),
}
# The endings of each reader's files, and what the first character of their text must be.
_ENDINGS = {
    "coco": (".json",),
    "coco-results": (".json",),
    "voc": (".xml",),
    "kitti": (".txt",),
    "kitti-tracking": (".txt",),
    "mot": (".txt",),
    "text-dets": (".txt",),
    "csv": (".csv",),
    "open-images": (".csv",),
    "yolo": (".txt",),
    "makesense": (".csv", ".json", ".txt", ".xml"),
    "crowdhuman": (".odgt", ".jsonl"),
    "caltech-vbb": (".txt", ".json", ".vbb"),
    "caltech": (".txt",),
    "eurocity": (".json",),
    "citypersons": (".json",),
    "label-studio": (".json",),
    "cvat": (".xml",),
}
_FIRST_BYTES = {".json": b"{[", ".xml": b"<"}
# Readers that can read what another claims when they are told to: XML or rows of one form.
_SAME_FORM = {
    "voc": {"voc", "makesense"},
    "makesense": {"voc", "makesense"},
    "yolo": {"yolo", "makesense", "text-dets"},
}
# What this reader claims by a description of the set is no other's, and need not be read again.
_FIRST = "yolo"
_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def rule(name: str) -> str:
    """By what a reader tells its files: the docstring of the very function that decides."""
    return inspect.getdoc(getattr(READERS[name].load(), READERS[name].claims)) or ""


def recognise(files: Files) -> dict[str, list[str]]:
    """The label files that each reader would take, by reader; those that take none are left out."""
    taken = {}
    for name in sorted(READERS, key=lambda name: name != _FIRST):
        claimed = getattr(READERS[name].load(), READERS[name].claims)(files)
        if claimed:
            taken[name] = claimed
        if claimed and name == _FIRST:
            files = _Without(files, set(claimed))
    return {name: taken[name] for name in READERS if name in taken}


@dataclass(frozen=True)
class Claim:
    """What one reader says of a source: how many files it takes of those it looked at, and why.

    `looked` counts the files with one of its `endings`; those that the description of a YOLO set
    names are YOLO's, and no other reader is asked about them. `rule` is what it takes files by,
    `files` are the first three that it takes.
    """

    reader: str
    taken: int
    looked: int
    endings: tuple[str, ...]
    rule: str
    files: tuple[str, ...]


def claims(files: Files, taken: Mapping[str, list[str]]) -> list[Claim]:
    """What each reader says of files of which `recognise` gave `taken`, takers first."""
    first = set(taken.get(_FIRST, ()))
    found = []
    for name, endings in _ENDINGS.items():
        own = taken.get(name, [])
        asked = set(files.files) - (set() if name == _FIRST else first)
        # An archive without members is Make Sense's, whatever its ending.
        looked = set(own) | {file for file in asked if file.lower().endswith(endings)}
        found.append(Claim(name, len(own), len(looked), endings, rule(name), tuple(own[:3])))
    return sorted(found, key=lambda claim: -claim.taken)


def takers(tree: Tree, path: Path) -> list[str]:
    """The values of --from with which a source would be read, by trying each."""
    found = []
    for name in READERS:
        with suppress(FormatError):
            chosen(tree, path, name)
            found.append(name)
    return found


class _Without:
    """Files without some of them."""

    def __init__(self, files: Files, gone: set[str]) -> None:
        self._files = files
        self.files = {name: size for name, size in files.files.items() if name not in gone}

    def read(self, file: str) -> bytes:
        """All bytes of one file."""
        return self._files.read(file)

    def body(self, file: str) -> Body:
        """All bytes of one file, mapped when it is large."""
        return self._files.body(file)

    def head(self, file: str, n_bytes: int | None) -> bytes:
        """The first bytes of one file."""
        return self._files.head(file, n_bytes)


def chosen(
    tree: Tree, path: Path, wanted: str | None, *, has_truth: bool = False
) -> tuple[str, list[str]]:
    """The reader's name and the files it is to read.

    `wanted` is a reader's name or `makesense-<kind>`; `has_truth` says that the annotation file
    of a results file was named.

    Raises
    ------
    FormatError
        When no reader, or more than one, fits.
    UsageError
        When `wanted` is no name of a reader.
    """
    name, kind = ("", "") if wanted is None else named(wanted)
    only = next(iter(tree.files)) if len(tree.files) == 1 else None
    if only is not None and _is_utf16(tree, only):
        raise _utf16(path, [only])
    if tree.kind == "zip" and not tree.files and name in ("", "makesense"):
        # Make Sense exports an archive without members when nothing is annotated.
        return "makesense", []
    if wanted is not None:
        return name, _forced(tree, path, name, kind)
    if only is not None and (empty := _empty_json(tree, only)):
        if empty == b"[]" and has_truth:
            return "coco-results", [only]
        raise _empty_export(path, empty)
    return _recognised(tree, path)


def named(wanted: str) -> tuple[str, str]:
    """The reader's name and the kind that a value of --from says; no kind is "".

    Raises
    ------
    UsageError
        When it is no legal value.
    """
    if wanted in READERS:
        return wanted, ""
    # A reader's name may have a dash itself.
    fitting = [name for name in READERS if wanted.startswith(f"{name}-")]
    name = max(fitting, key=len, default=wanted.partition("-")[0])
    kind = wanted.removeprefix(name).removeprefix("-")
    kinds = getattr(READERS[name].load(), "KINDS", ()) if name in READERS else ()
    if kind in kinds:
        return name, kind
    if name in READERS and kind:
        raise _no_format(wanted, [name, *(f"{name}-{k}" for k in kinds)])
    raise _no_format(wanted, list(READERS))


def _recognised(tree: Tree, path: Path) -> tuple[str, list[str]]:
    taken = recognise(tree)
    place = Place(str(path))
    is_empty = not any(tree.files.values())
    # Only Make Sense writes files of 0 bytes on purpose: nothing was annotated.
    if not taken or (is_empty and "makesense" not in taken):
        if utf16 := [file for file in tree.files if _is_utf16(tree, file)]:
            raise _utf16(path, utf16)
        what = "is empty" if is_empty else "is of no format that is known"
        if tree.left_out:
            hidden = [f"{quote(left.path)} ({left.reason})" for left in tree.left_out]
            what += f", and some of it was not read: {_listing(hidden)}"
        raise FormatError(
            f"{what} ({_listing(list(tree.files))})",
            place=place,
            mend="give the path of the zip itself"
            if tree.kind == "folder" and any(name.lower().endswith(".zip") for name in tree.files)
            else f"name its format with --from: {_legal(list(READERS))}",
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


def _is_utf16(tree: Tree, file: str) -> bool:
    try:
        return tree.head(file, 2) in _UTF16_BOMS
    except SourceError:
        return False


def _utf16(path: Path, files: Sequence[str]) -> FormatError:
    what = f"is UTF-16 text, should be UTF-8 ({_listing(files)})"
    return FormatError(what, place=Place(str(path)), mend="save it as UTF-8")


def _empty_json(tree: Tree, file: str) -> bytes | None:
    """`[]` or `{}` when that is all there is in a JSON file."""
    if not file.lower().endswith(".json") or tree.files[file] > HEAD_BYTES:
        return None
    try:
        text = b"".join(tree.read(file).removeprefix(codecs.BOM_UTF8).split())
    except SourceError:
        return None
    return text if text in (b"[]", b"{}") else None


def _empty_export(path: Path, empty: bytes) -> FormatError:
    if empty == b"[]":
        what = "tags of Make Sense or COCO results"
        mend = "say which: --from makesense or --from coco-results (--truth FILE tells it as well)"
    else:
        what = "polygons of Make Sense or a COCO file that lost its content"
        mend = "say --from makesense if it is that export; else restore the file"
    return FormatError(
        f"holds nothing but {empty.decode()}: {what} without any record",
        place=Place(str(path)),
        mend=mend,
    )


def _kinds(tree: Tree, taken: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The files by what they are, exports of one tool that repeat each other told apart."""
    kinds: dict[str, list[str]] = {}
    for name, files in taken.items():
        kind_of = getattr(READERS[name].load(), "kind_of", None)
        for file in files:
            kind = kind_of(tree, file) if kind_of else None
            kinds.setdefault(f"{name}-{kind}" if kind else name, []).append(file)
    return kinds


def _forced(tree: Tree, path: Path, name: str, kind: str) -> list[str]:
    """The files that a reader is to read when it is named: its own, else those that may be."""
    module = READERS[name].load()
    claimed: list[str] = getattr(module, READERS[name].claims)(tree)
    kind_of = getattr(module, "kind_of", None)
    if kind and kind_of:
        # Files that the reader cannot tell apart by itself are of the kind that was named.
        claimed = [f for f in claimed if _is_kind(kind_of(tree, f), kind)]
    if claimed:
        return claimed
    taken = recognise(tree)
    possible = _possible(tree, name, kind, taken)
    if possible:
        return possible
    looks = _looks(tree, taken)
    raise FormatError(
        f"no file in it can be read as {f'{name}-{kind}' if kind else name}"
        f" ({_listing(list(tree.files))})" + (f": it looks like {looks}" if looks else ""),
        place=Place(str(path)),
        mend="leave out --from, or give another path"
        if taken
        else f"give another path (files of {name} end in {' or '.join(_ENDINGS[name])})",
    )


def _possible(tree: Tree, name: str, kind: str, taken: Mapping[str, list[str]]) -> list[str]:
    """The files that a reader does not recognise and may read when it is told to."""
    same = _SAME_FORM.get(name, {name})
    others = {file for other, files in taken.items() if other not in same for file in files}
    may_be = getattr(READERS[name].load(), "may_be", None)
    files = [
        file
        for file in tree.files
        if file not in others and file.lower().endswith(_ENDINGS[name])
        if may_be is None or may_be(tree, file, kind or None)
    ]
    if name == "makesense":
        # Its reader tells its forms by the ending, so that a file of another one will not do.
        return files if len(tree.files) == 1 else []
    if files or len(tree.files) != 1:
        return files
    return list(tree.files) if name in _by_content(tree) else []


@dataclass(frozen=True)
class _Renamed:
    """The one file of a source under another name."""

    tree: Tree
    files: dict[str, int]

    def read(self, file: str) -> bytes:
        """All its bytes."""
        return self.tree.read(next(iter(self.tree.files)))

    def body(self, file: str) -> Body:
        """All its bytes, mapped when it is large."""
        return self.tree.body(next(iter(self.tree.files)))

    def head(self, file: str, n_bytes: int | None) -> bytes:
        """Its first bytes."""
        return self.tree.head(next(iter(self.tree.files)), n_bytes)


def _by_content(tree: Tree) -> list[str]:
    """The readers that would take the one file of a source if it had their ending."""
    ((file, size),) = tree.files.items()
    head = tree.head(file, HEAD_BYTES).removeprefix(codecs.BOM_UTF8).lstrip()
    found: dict[str, None] = {}
    for ending in sorted({ending for endings in _ENDINGS.values() for ending in endings}):
        # Readers claim broken files too, which a file of another kind must not pass for.
        if head and head[:1] in _FIRST_BYTES.get(ending, head[:1]):
            found |= dict.fromkeys(recognise(_Renamed(tree, {f"{file}{ending}": size})))
    return list(found)


def _looks(tree: Tree, taken: Mapping[str, list[str]]) -> str:
    """What the files look like; nothing when no reader knows them."""
    if taken:
        return ", ".join(_kinds(tree, taken))
    if len(tree.files) != 1:
        return ""
    if found := _by_content(tree):
        return ", ".join(found)
    is_binary = b"\0" in tree.head(next(iter(tree.files)), HEAD_BYTES)
    return "a picture or another binary file" if is_binary else ""


def _is_kind(own: str | None, wanted: str) -> bool:
    # `rect` stands for a rectangle's exports of every form, `points` for `point-csv`.
    return own is None or own == wanted or own.startswith(wanted.rstrip("s") + "-")


def _no_format(wanted: str, legal: list[str]) -> UsageError:
    kinds = [f"makesense-{kind}" for kind in READERS["makesense"].load().KINDS]
    near = difflib.get_close_matches(wanted, [*legal, *kinds], n=1)
    return UsageError(
        f"--from {quote(wanted)} is no format, should be one of {_legal(legal)}",
        mend=f"did you mean {near[0]!r}?" if near else "leave out --from: content tells it",
    )


def _legal(names: list[str]) -> str:
    """Values of --from; with all readers among them, the kinds of Make Sense too."""
    listed = ", ".join(names)
    if len(names) < len(READERS) or "coco" not in names:
        return listed
    kinds = ", ".join(READERS["makesense"].load().KINDS)
    return f"{listed}, or makesense-KIND for one kind of its exports (KIND: {kinds})"


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
