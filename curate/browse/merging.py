"""What a person did in FiftyOne to a sample that curate writes again: it stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from curate.browse.changes import TRUTH_FIELDS, Written, labels_in
from curate.browse.documents import CROPS, OWN_FIELDS
from curate.browse.ids import TRUTH, from_bytes
from curate.browse.labels import ATTRIBUTE_OF, EXTRAS, FIELDS, LISTS, MATCHES

# Codes of checks, which curate alone sets as tags of labels.
CODE = re.compile(r"[A-Z]{2,8}-[0-9]{3}")
# What is of the moment in which a sample was first written.
_FIRST = ("_id", "created_at", "_rand")
_CLASS_OF = {field: name for name, pair in FIELDS.items() for field in pair} | {CROPS: "Detections"}
# What curate writes into a label; the rest is somebody else's.
_OWN_KEYS = {
    "findings", "confidence", "mask", *MATCHES, *(ATTRIBUTE_OF.get(name, name) for name in EXTRAS),
    "status", "outcome", "det_id", "object_id", "iou",
}  # fmt: skip

Document = dict[str, Any]  # as FiftyOne's database keeps it


def update_of(new: Document, old: Mapping[str, Any], written: Written | None) -> Document:
    """The update of a sample: what curate says now, under what people did since it was written.

    Tags of people, their edits, deletions and drawings, and fields that are not curate's stay.

    Parameters
    ----------
    new
        The document as it would be for a new sample.
    old
        The one that is there.
    written
        What curate wrote into it; None: it is not known, and nothing is taken for an edit.
    """
    set_ = {key: value for key, value in new.items() if key not in _FIRST}
    known = set() if written is None else set(written.record.tags)
    own = new["tags"]
    set_["tags"] = own + [tag for tag in old.get("tags") or [] if tag not in {*own, *known}]
    there = {label["_id"] for _, label in labels_in(old, TRUTH_FIELDS)}
    if written is not None:
        there |= {label["_id"] for _, label in labels_in(new, tuple(sorted(written.lost)))}
    for field, kind in _CLASS_OF.items():
        labels = _merged(field, new, old, written, there)
        if labels:
            set_[field] = {"_cls": kind, LISTS[kind]: labels}
        else:
            set_.pop(field, None)
    gone = {field: "" for field in OWN_FIELDS if field in old and field not in set_}
    return {"$set": set_, "$unset": gone} if gone else {"$set": set_}


def _merged(
    field: str,
    new: Document,
    old: Mapping[str, Any],
    written: Written | None,
    there: set[Any],  # ObjectIds
) -> list[Document]:
    """The labels of a field: curate's, with what people did, and those that people drew."""
    before = {label["_id"]: label for _, label in labels_in(old, (field,))}
    labels = []
    for _, label in labels_in(new, (field,)):
        if label["_id"] in before:
            labels.append(_with_people(dict(label), before[label["_id"]], written))
        elif not _is_deleted(label, written, there):
            labels.append(dict(label))
    drawn = [dict(label) for key, label in before.items() if from_bytes(key.binary) is None]
    return [*labels, *drawn]


def _is_deleted(label: Mapping[str, Any], written: Written | None, there: set[Any]) -> bool:
    """Whether a person has deleted a label that curate had written."""
    kind, value = from_bytes(label["_id"].binary) or (None, 0)
    was_there = written is not None and kind == TRUTH and value in written.boxes
    return was_there and label["_id"] not in there


def _with_people(label: Document, before: Mapping[str, Any], written: Written | None) -> Document:
    """A label as curate writes it, with what people added to it or edited."""
    tags = before.get("tags") or []
    label["tags"] = label["tags"] + [tag for tag in tags if not CODE.fullmatch(tag)]
    theirs = {k: v for k, v in before.items() if k not in label and k not in _OWN_KEYS}
    if written is not None:
        kept = ["label"] * written.is_renamed(before)
        kept += ["bounding_box", "mask"] * written.is_moved(before)
        kept += ["points"] * written.is_redrawn(before)
        theirs |= {key: before[key] for key in kept if key in before}
    return label | theirs
