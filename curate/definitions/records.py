"""The records that clauses judge, and the columns that expressions may read of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from curate.definitions.expressions import Kind, Name
from curate.tables import BOX_COLUMNS, LABEL_STATES, ROLES, SHAPES

Record = Literal["box", "image", "pair", "track", "prediction", "dataset", "relation"]
RECORDS: tuple[Record, ...] = get_args(Record)
EXTENTS = ("visible", "full", "head")
ORIGINS = ("human", "detector", "import")
_WORDS = {"shape": SHAPES, "role": ROLES, "extent": EXTENTS, "origin": ORIGINS}
_KINDS: dict[str, Kind] = {"str": "text", "Int64": "number", "float64": "number", "boolean": "flag"}
# Where a record stood and what it is called are not what a definition is about.
_NOT_JUDGED = {"box_id", "image_id", "attributes", "source_id", "file", "line", "start", "end"}


def _number(meaning: str, *, nullable: bool = True) -> Name:
    return Name("number", meaning, nullable)


def _edges(prefix: str, of: str) -> dict[str, Name]:
    words = {"x1": "left", "y1": "top", "x2": "right", "y2": "bottom"}
    return {f"{prefix}_{edge}": _number(f"px, {word} edge of {of}") for edge, word in words.items()}


IMAGE_PART: dict[str, Name] = {
    "image_width": _number("px, width of the image in the frame of its boxes"),
    "image_height": _number("px, height of the image in the frame of its boxes"),
    "source": Name("text", "name of the source", nullable=False),
    "split": Name("text", "train, val, test ... as the source says"),
    "device": Name("text", "camera"),
}
_OF_TABLE: dict[str, Name] = {
    name: Name(_KINDS[column.dtype], column.meaning, column.null != "never", _WORDS.get(name))
    for name, column in BOX_COLUMNS.items()
    if name not in _NOT_JUDGED
}
OWN: dict[str, Name] = _OF_TABLE | {
    "width": _number("px, x2 - x1"),
    "height": _number("px, y2 - y1"),
    "area": _number("px^2, width times height"),
    "decision": Name("text", "the phenomenon that the mapping takes the box for"),
    "mask_area": _number("px^2, area of the outline"),
    **_edges("mask", "the outline"),
    **_edges("keypoint", "the visible keypoints"),
    **_edges("visible", "the visible box of the same object"),
    "visible_share": _number(
        "0..1, visible box over full box, or the share that the source states"
    ),
    "n_inside": _number(
        "boxes of its label that lie in a group box with 0.9 of their area, without excluded and "
        "found ones; 0 of boxes that are no group",
        nullable=False,
    ),
}
BOX: dict[str, Name] = OWN | IMAGE_PART
IMAGE: dict[str, Name] = IMAGE_PART | {
    "label_state": Name("text", "whether the image has labels", False, LABEL_STATES),
    "n_boxes": _number("boxes", nullable=False),
    "n_included": _number("boxes of role include", nullable=False),
    "n_ignored": _number("boxes of role ignore", nullable=False),
    "n_groups": _number("group boxes", nullable=False),
    "n_predicted": _number("boxes of a detector", nullable=False),
}
TRACK: dict[str, Name] = {
    "source": Name("text", "name of the source", nullable=False),
    "track_id": Name("text", "id of the track", nullable=False),
    "n_boxes": _number("boxes", nullable=False),
    "n_labels": _number("different labels", nullable=False),
    "n_frames": _number("frames from the first to the last; boxes without frames", nullable=False),
    "n_absent": _number("frames between them without the object", nullable=False),
    "max_absent": _number("frames of the longest absence", nullable=False),
    "min_height": _number("px, of the lowest box"),
    "max_height": _number("px, of the highest box"),
    "max_height_ratio": _number(
        "largest height of a box over that in the frame before, or under; null: no two frames"
    ),
}
DATASET: dict[str, Name] = {
    "n_images": _number("images", nullable=False),
    "n_boxes": _number("boxes", nullable=False),
    "n_included": _number("boxes of role include", nullable=False),
    "n_ignored": _number("boxes of role ignore", nullable=False),
    "n_excluded": _number("boxes of role exclude", nullable=False),
    "n_groups": _number("group boxes", nullable=False),
    "n_classes": _number("different labels of boxes that are not excluded", nullable=False),
    "n_predictions": _number("boxes with a score", nullable=False),
    "n_detectors": _number("names of detectors", nullable=False),
    "min_coco_id": _number("smallest annotation id of COCO files; null: there are none"),
}
_PAIR: dict[str, Name] = {
    "iou": _number("0..1, intersection over union", nullable=False),
    "ioa_a": _number("0..1, share of a inside b", nullable=False),
    "ioa_b": _number("0..1, share of b inside a", nullable=False),
    "groups_hold_boxes": Name(
        "flag", "whether single boxes may lie in a group by the rules of their format (COCO)", False
    ),
    "pair_allowed": Name("flag", "whether the project lets the two labels share a place", False),
}
_RELATION: dict[str, Name] = {
    "ioa_child": _number("0..1, share of the child inside its parent; 0 without", nullable=False),
    "n_children": _number("children of the parent; null: no parent"),
    "n_parents": _number("boxes of the parent's class in the image", nullable=False),
}


def names_of(
    record: Record,
    own: Mapping[str, Name] | None = None,
    *,
    labels: Iterable[str] | None = None,
    decisions: Iterable[str] | None = None,
) -> dict[str, Name]:
    """The columns that expressions over a record may read.

    Parameters
    ----------
    own
        Columns that the definition adds to boxes.
    labels, decisions
        All labels and decisions that there are; None: any word.
    """
    if record == "image":
        return IMAGE
    if record == "track":
        return TRACK
    if record == "dataset":
        return DATASET
    box = OWN | dict(own or {})
    for name, words in (("label", labels), ("decision", decisions)):
        if words is not None:
            box[name] = Name("text", box[name].meaning, box[name].nullable, tuple(words))
    if record in ("box", "prediction"):
        return box | IMAGE_PART
    if record == "pair":
        return _sides(box, "a_", "b_") | _PAIR | IMAGE_PART
    unknown = {n: Name(v.kind, v.meaning, nullable=True, words=v.words) for n, v in box.items()}
    return _sides(box, "child_", "") | _sides(unknown, "parent_", "") | _RELATION | IMAGE_PART


def _sides(box: Mapping[str, Name], first: str, second: str) -> dict[str, Name]:
    prefixes = [prefix for prefix in (first, second) if prefix]
    return {prefix + name: value for prefix in prefixes for name, value in box.items()}
