"""Files of a source that its reader did not take: none is left out without a word."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from curate.assembly import Fault
from curate.errors import quote
from curate.tree import LeftOut, ending_of

# What labels are stored in; pictures and documents are no one's loss.
LABEL_ENDINGS = frozenset({".json", ".xml", ".txt", ".csv"})
_SHOWN = 3


def skipped(files: Collection[str], labels: Sequence[str], read: Collection[str]) -> list[Fault]:
    """The faults of files that may hold labels and that nothing was read from, sorted by name.

    Parameters
    ----------
    files
        All files of the source.
    labels
        Those that the reader took for label files.
    read
        Those that it read, lists of classes and splits among them.
    """
    homes = {_home(name) for name in labels}
    unread = [
        name
        for name in sorted(set(files) - set(read) - set(labels))
        if ending_of(name) in LABEL_ENDINGS
    ]
    beside = [name for name in unread if _home(name) in homes]
    apart = [name for name in unread if _home(name) not in homes]
    faults = []
    if beside:
        what = f"{_count(beside)} beside label files and not read: {_listed(beside)}"
        mend = "look what is in them: give each its own format, or move them elsewhere"
        faults.append(Fault("SRC-020", what, mend, beside[0], places=_places(beside)))
    if apart:
        what = f"{_count(apart)} elsewhere in the source and not read: {_listed(apart)}"
        mend = "nothing, if they are no labels; else give their own path, or --from FORMAT"
        faults.append(Fault("SRC-021", what, mend, places=_places(apart)))
    return faults


def not_followed(left_out: Sequence[LeftOut]) -> list[Fault]:
    """The faults of folders that cannot be listed, and of links that are not followed.

    A link to a single file that is no label file by its ending is no one's loss.
    """
    unreadable = [left for left in left_out if left.kind == "unreadable"]
    links = [
        left
        for left in left_out
        if left.kind == "linked folder"
        or (left.kind == "link" and ending_of(left.path) in LABEL_ENDINGS)
    ]
    faults = []
    if unreadable:
        what = f"nothing was read from {_reasons(unreadable)}"
        mend = "give yourself the right to read it, or move it out of the source"
        places = _places([left.path for left in unreadable])
        faults.append(Fault("SRC-023", what, mend, unreadable[0].path, places=places))
    if links:
        what = f"links are not followed, and nothing was read from {_reasons(links)}"
        mend = "nothing, if no labels are there; else give what it leads to as a source, or copy it"
        places = _places([left.path for left in links])
        faults.append(Fault("SRC-024", what, mend, links[0].path, places=places))
    return faults


def _reasons(paths: Sequence[LeftOut]) -> str:
    return _listed([f"{quote(left.path)} ({left.reason})" for left in paths])


def _home(name: str) -> tuple[str, str]:
    return name.rpartition("/")[0], ending_of(name)


def _count(names: Sequence[str]) -> str:
    return "1 file stands" if len(names) == 1 else f"{len(names)} files stand"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _places(names: Sequence[str]) -> tuple[dict[str, str | None], ...]:
    return tuple({"image": None, "file": name, "line": None, "source_id": None} for name in names)
