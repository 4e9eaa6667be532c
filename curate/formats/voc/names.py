"""Names of pictures in VOC files that loaders may take for others: missing, unlike, and twins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from curate.assembly import Fault
from curate.errors import quote
from curate.formats.image_names import stem_of
from curate.tables import normal_key

_SHOWN = 3


def doubtful_names(
    files: Sequence[str], stated: Sequence[str | None], images: Sequence[str]
) -> list[Fault]:
    """The faults of the names of a source's images, one for each kind.

    Parameters
    ----------
    files
        The label file of each image.
    stated
        The text of its `<filename>`; None when there is none, or the file cannot be read.
    images
        The name that each image has in the tables.
    """
    unlike = [
        row
        for row, (file, name) in enumerate(zip(files, stated, strict=True))
        if name and PurePosixPath(normal_key(file)).stem not in _stems(name)
    ]
    missing = [row for row, name in enumerate(stated) if name == ""]
    twins = _twins(images)
    faults = []
    if missing:
        shown = _listed([files[row] for row in missing])
        what = f"{_count(missing)} no <filename>, should name the picture; the stem is taken"
        faults.append(_fault(f"{what}: {shown}", missing, files))
    if unlike:
        pairs = [f"{files[row]} names {quote(stated[row])}" for row in unlike]
        what = f"{_count(unlike)} a <filename> of another stem than the file's: {_listed(pairs)}"
        faults.append(_fault(what, unlike, files))
    if twins:
        rows = [row for group in twins for row in group]
        groups = [" and ".join(quote(images[row]) for row in group) for group in twins]
        what = f"names of pictures differ only in case or white space: {_listed(groups)}"
        faults.append(_fault(what, rows, files))
    return faults


def _stems(name: str) -> tuple[str, str]:
    """What a label file of this picture may be called: with and without the name's ending."""
    own = normal_key(name).replace("\\", "/").rpartition("/")[2]
    return own, stem_of(own)


def _twins(images: Sequence[str]) -> list[list[int]]:
    """Groups of rows, one for each of several names that are equal but for case and white space."""
    rows_of: dict[str, dict[str, int]] = defaultdict(dict)
    for row, name in enumerate(images):
        key = normal_key(name)
        rows_of["".join(key.split()).casefold()].setdefault(key, row)
    return [list(rows.values()) for rows in rows_of.values() if len(rows) > 1]


def _fault(what: str, rows: Sequence[int], files: Sequence[str]) -> Fault:
    mend = "state in <filename> the picture that the label file is named after"
    if what.startswith("names"):
        mend = "give each picture a name that differs in more than case and white space"
    file = files[rows[0]] if len(rows) == 1 else None
    return Fault("SRC-025", what, mend, file, images=tuple(rows))


def _count(rows: Sequence[int]) -> str:
    return "1 label file has" if len(rows) == 1 else f"{len(rows)} label files have"


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts[:_SHOWN]) + (", …" if len(texts) > _SHOWN else "")
