"""Samples whose pictures the source no longer has: they go, but not what people did to them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from curate.browse.changes import labels_in, written_in
from curate.browse.database import MARK, FiftyOne, samples_of, written_of
from curate.browse.ids import from_bytes
from curate.browse.labels import FIELDS
from curate.browse.merging import CODE
from curate.browse.pulling import did_people_decide
from curate.errors import OutputError, Place

_LABELS = tuple(field for pair in FIELDS.values() for field in pair)


def there(target: FiftyOne) -> set[Any]:
    """ObjectIds of the samples that curate made."""
    ids = (document["_id"] for document in samples_of(target).find({}, {"_id": 1}))
    return {own for own in ids if from_bytes(own.binary) is not None}


def refuse_other(target: FiftyOne, source: str, own: set[Any], wanted: Collection[Any]) -> None:
    """Refuses a FiftyOne dataset of which the source has no picture: it shows another source.

    Parameters
    ----------
    own
        ObjectIds of the samples that curate made.
    wanted
        Those of the samples that the source has.

    Raises
    ------
    OutputError
        Where there are samples, and none of them is wanted.
    """
    if own and own.isdisjoint(wanted):
        raise OutputError(
            f"shows {len(own)} pictures, of which {source} has none: it is of another source",
            place=Place(id=target.name),
            mend="choose another name with --as, or delete that dataset in FiftyOne",
        )


def staying(target: FiftyOne, leaving: Collection[Any]) -> set[Any]:
    """Of samples that the source no longer has, by their ObjectIds, those that people worked on.

    They tagged it or a label of it, or edited, drew or deleted labels. A sample that they tagged
    `drop` is to go.
    """
    if not leaving:
        return set()
    notes = {d["_id"]: d for d in written_of(target).find({"_id": {"$in": list(leaving)}})}
    documents = samples_of(target).find({"_id": {"$in": list(notes)}})
    return {d["_id"] for d in documents if _is_worked_on(d, notes[d["_id"]])}


def _is_worked_on(document: dict[str, Any], note: dict[str, Any]) -> bool:
    written = written_in(note)
    tags = set(document.get("tags") or ()) - set(written.record.tags)
    if "drop" in tags:
        return False
    on_labels = (
        tag for _, label in labels_in(document, _LABELS) for tag in label.get("tags") or ()
    )
    is_tagged = bool(tags) or not all(CODE.fullmatch(tag) for tag in on_labels)
    return is_tagged or did_people_decide(document, written)


def moved(target: FiftyOne, folder: Path) -> list[str]:
    """That the pictures were shown from another folder until now, in words."""
    before = target.info[MARK].get("folder", str(folder))
    if before == str(folder):
        return []
    return [
        f"the pictures were those of {before} until now, they are those of {folder}: another "
        "source of this name needs --as"
    ]
