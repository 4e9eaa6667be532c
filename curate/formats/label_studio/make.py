"""Label Studio tasks made from the tables' columns, and what they cannot hold."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.label_studio.names import address_of, name_of
from curate.formats.label_studio.regions import Size, number_of
from curate.formats.label_studio.rows import RESERVED
from curate.formats.line_files import LineImage, line_images
from curate.formats.per_image import EDGES, BoxRow, box_rows
from curate.formats.record_files import ImageBoxes
from curate.formats.writing import IMPORTED, Lost
from curate.tables import hex_id

FILE = "label-studio.json"
# The names of the controls in the labelling configuration that the file goes with.
CONTROL, POINT, CHOICE, PICTURE = "label", "point", "choice", "image"
BOX_COLUMNS = frozenset(
    {
        "label", "source_label", *EDGES, "shape", "role", "score", "annotator", "attributes",
        "source_id",
    }
)  # fmt: skip
LACK = "Label Studio has no place for it"
ONE_CLASS = "Label Studio has one class name: the label is written"
ROLE = "Label Studio has no word for it"
USERS = "an annotator is a number or an e-mail address there"
ANSWERS = "only texts and numbers about a region, and what Label Studio states itself, are written"
NO_SIZE = "the size of their image is unknown, and places are percentages of it"
NO_PERCENT = "their place is no finite percentage"
_OF_HUMANS = ("annotation_id", "lead_time", "ground_truth", "was_cancelled")
_REGION_KEYS = {
    "origin": "origin", "image_rotation": "image_rotation", "parent_id": "parentID", "meta": "meta",
}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """What an annotation (or prediction) says of all its boxes; JSON texts."""

    is_prediction: bool
    annotator: str | None
    is_cancelled: bool
    stated: str


def holds(boxes: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row is a choice, or a shape with four finite edges, lines apart."""
    edges = np.isfinite(boxes[EDGES].to_numpy(np.float64)).all(axis=1)
    is_tag = (boxes["shape"] == "tag") & (boxes["label"].fillna("") != "")
    is_shape = boxes["shape"].isin(["box", "rotated", "polygon", "mask", "point"])
    found: pd.Series[bool] = is_tag | (is_shape & edges)
    return found


def has_place(images: pd.DataFrame, boxes: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row is a choice, or has a place in percent of the size of its image."""
    sizes = {image.image_id: _size_of(image) for image in line_images(images)}
    rows = zip(box_rows(boxes), boxes["image_id"], strict=True)
    # Row by row, as the regions themselves are made.
    found = [_is_placed(row, sizes[image_id]) for row, image_id in rows]
    return pd.Series(found, index=boxes.index, dtype=bool)


def _size_of(image: LineImage) -> Size | None:
    return (int(image.width), int(image.height)) if image.width and image.height else None


def _is_placed(row: BoxRow, size: Size | None) -> bool:
    if row.shape == "tag":
        return True
    return size is not None and percent_of(row, size) is not None


def tells(images: pd.DataFrame) -> pd.DataFrame:
    """All images, by key: a task needs no annotation."""
    return images.sort_values("image_key")


def attribute_values(text: str | None) -> dict[str, Any] | None:  # JSON
    """The values of `boxes.attributes` by name; None for a text that is no JSON object."""
    try:
        values = {} if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def group_of(row: BoxRow) -> Group:
    """The annotation or prediction that a box goes into."""
    values = attribute_values(row.attributes) or {}
    is_prediction = row.origin == "detector"
    is_cancelled = row.role == "exclude" and not is_prediction
    if is_prediction:
        version = values.get("model_version")
        stated = {"model_version": version} if isinstance(version, str) and version else {}
    else:
        stated = {key: values[key] for key in _OF_HUMANS[:3] if is_plain(values.get(key))}
        stated = {"id" if k == "annotation_id" else k: v for k, v in stated.items()}
    annotator = None if is_prediction else row.annotator
    return Group(is_prediction, annotator, is_cancelled, json.dumps(stated, sort_keys=True))


def is_plain(value: object) -> bool:
    """Whether a value is a flag that is set, a finite number or a text that says something."""
    if isinstance(value, bool):
        return value
    return (isinstance(value, str) and value != "") or number_of(value) is not None


def user_of(annotator: str) -> int | dict[str, str] | None:
    """An annotator as `completed_by`; None for a name that is neither number nor e-mail."""
    if annotator.isascii() and annotator.isdecimal() and str(int(annotator[:18])) == annotator:
        return int(annotator)
    return {"email": annotator} if "@" in annotator else None


def answers_of(group: Group, results: list[dict[str, Any]]) -> dict[str, Any]:  # JSON
    """The annotation or prediction of a group."""
    stated = json.loads(group.stated)
    if group.is_prediction:
        # The whole prediction's score would be that of every region without one.
        drawn = [r for r in results if "original_width" in r or r["from_name"] == CHOICE]
        scores = [r["score"] for r in drawn if "score" in r]
        is_all = bool(scores) and len(scores) == len(drawn)
        score = {"score": sum(scores) / len(scores)} if is_all else {}
        return {**stated, "result": results, **score}
    # Label Studio takes what is imported without the key for ground truth.
    made = {"ground_truth": False, **stated, "result": results}
    user = None if group.annotator is None else user_of(group.annotator)
    made |= {} if user is None else {"completed_by": user}
    return made | ({"was_cancelled": True} if group.is_cancelled else {})


def results_of(row: BoxRow, size: Size) -> list[dict[str, Any]] | None:  # JSON
    """The results of a box that `holds`: its region, and the answers about it.

    None when its place is no finite percentage of the size (px).
    """
    values = attribute_values(row.attributes) or {}
    region_id = hex_id(row.box_id)
    kind = "keypoint" if row.shape == "point" else "rectangle"
    control = POINT if kind == "keypoint" else CONTROL
    named = {"id": region_id, "from_name": control, "to_name": PICTURE}
    classes = _classes(row, values)
    if row.shape == "tag":
        own = {"from_name": CHOICE, "type": "choices", "value": {"choices": classes}}
        return [{**named, **own, **_region_values(row, values)}]
    place = percent_of(row, size)
    if place is None:
        return None
    told: dict[str, Any] = {**place} if kind == "keypoint" else {**place, "rotation": 0}  # JSON
    # Also without a class: a region without the key would be of another control.
    told[f"{kind}labels"] = classes
    region = {
        **named,
        "type": f"{kind}labels",
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        **_region_values(row, values),
        "value": told,
    }
    answers = [
        {"id": region_id, "from_name": name, "to_name": PICTURE, "type": form,
         "value": {key: value}}
        for name, form, key, value in _answers(values)
    ]  # fmt: skip
    return [region, *answers]


def percent_of(row: BoxRow, size: Size) -> dict[str, float] | None:
    """x, y, width and height in percent of the size (px); without sides for a point."""
    x1, y1, x2, y2 = (math.nan if edge is None else edge for edge in row.edges)
    width, height = size
    place = {"x": x1 * 100 / width, "y": y1 * 100 / height}
    if row.shape == "point":
        place["width"] = 0.5  # the size that a point is drawn in: it is no part of its place
    else:
        place |= {"width": (x2 - x1) * 100 / width, "height": (y2 - y1) * 100 / height}
    return place if all(map(math.isfinite, place.values())) else None


def _classes(row: BoxRow, values: dict[str, Any]) -> list[str]:  # JSON
    if not row.label:
        return []
    listed = values.get("labels")
    if isinstance(listed, list) and _is_list_of_texts(listed) and listed[0] == row.label:
        return list(listed)
    return [row.label]


def _is_list_of_texts(value: Any) -> bool:  # JSON
    is_list = isinstance(value, list) and len(value) > 1
    return is_list and all(isinstance(item, str) and item for item in value)


def _region_values(row: BoxRow, values: dict[str, Any]) -> dict[str, Any]:  # JSON
    told = {
        key: values[name]
        for name, key in _REGION_KEYS.items()
        if _is_region_value(name, values.get(name))
    }
    if row.score is not None and math.isfinite(row.score):
        told["score"] = row.score
    return told


def _is_region_value(name: str, value: object) -> bool:
    if name == "origin" and value == "manual":
        return False
    return (name == "meta" and isinstance(value, dict) and bool(value)) or (
        name != "meta" and is_plain(value) and value != 0
    )


def _answers(values: dict[str, Any]) -> Iterator[tuple[str, str, str, Any]]:  # JSON
    """Name, type, key and value of each answer about a region that can be written."""
    for key, value in sorted(values.items()):
        bare = key.removeprefix("answer ")
        name = bare if bare in RESERVED else key
        if key in RESERVED:
            continue
        if isinstance(value, str):
            yield name, "choices", "choices", [value]
        elif _is_list_of_texts(value):
            yield name, "choices", "choices", value
        elif number_of(value) is not None:
            yield name, "number", "number", value


def row_losses(row: BoxRow) -> Iterator[tuple[str, str]]:
    """The fields of a box that its new region holds as another value, each with the reason."""
    if row.source_label is not None and row.source_label != row.label:
        yield "boxes.source_label", ONE_CLASS
    if row.label == "":
        yield "boxes.label", "an empty name is no class"
    if row.origin == "import":
        yield "boxes.origin", IMPORTED
    is_detector = row.origin == "detector"
    if row.role not in ("include", "exclude") or (row.role == "exclude" and is_detector):
        yield "boxes.role", ROLE
    if row.annotator is not None and (is_detector or user_of(row.annotator) is None):
        yield "boxes.annotator", USERS
    if row.score is not None and not math.isfinite(row.score):
        yield "boxes.score", "no finite number"
    if row.shape == "point" and row.edges[:2] != row.edges[2:]:
        yield "boxes.x2 y2", "a point has one place: x1 y1 is written"
    if row.source_id is not None and row.source_id != hex_id(row.box_id):
        yield "boxes.source_id", "regions are called by their box ids"
    if not _is_all_held(row):
        yield "boxes.attributes", ANSWERS


def _is_all_held(row: BoxRow) -> bool:
    values = attribute_values(row.attributes)
    if values is None:
        return False
    is_detector = row.origin == "detector"
    held = set(json.loads(group_of(row).stated))
    held = {"annotation_id" if key == "id" else key for key in held}
    held |= {"was_cancelled"} if row.role == "exclude" and not is_detector else set()
    held |= {n for n in _REGION_KEYS if _is_region_value(n, values.get(n))}
    if values.get("labels") == _classes(row, values) and "labels" in values:
        held.add("labels")
    if row.shape != "tag":
        names = {name for name, *_ in _answers(values)}
        held |= {key for key in values if key in names or key.removeprefix("answer ") in names}
    return values.keys() <= held and values.get("was_cancelled", True) is True


def task_of(image: LineImage, rows: Sequence[BoxRow], lost: Lost) -> dict[str, Any]:  # JSON
    """The task of an image; what it cannot hold is counted."""
    address = address_of(image.name)
    lost["images (name)", "no address gives it back"] += name_of(address) != image.name
    data: dict[str, Any] = {PICTURE: address}  # JSON
    if image.width and image.height:
        data |= {"width": int(image.width), "height": int(image.height)}
    elif image.width or image.height:
        lost["images.width", "of no use without the other side"] += 1
    task: dict[str, Any] = {"data": data}  # JSON
    if image.source_id is not None:
        number = user_of(image.source_id)
        task = {"id": number if isinstance(number, int) else image.source_id, **task}
    groups = grouped(rows, image, lost)
    for name, is_prediction in (("annotations", False), ("predictions", True)):
        made = [answers_of(g, r) for g, r in groups.items() if g.is_prediction == is_prediction]
        if made:
            task[name] = made
    has_answer = any(not g.is_prediction and not g.is_cancelled for g in groups)
    if not has_answer and image.label_state == "empty":
        looked = answers_of(Group(False, None, False, "{}"), [])
        task["annotations"] = [*task.get("annotations", []), looked]
    state = "present" if has_answer else "empty" if image.label_state == "empty" else "missing"
    if state != image.label_state:
        why = "a task tells it by its annotations: present with some, missing without"
        lost["images.label_state", why] += 1
    return task


def grouped(
    rows: Sequence[BoxRow], image: LineImage, lost: Lost
) -> dict[Group, list[dict[str, Any]]]:  # JSON
    """The results of boxes by annotation; what they cannot hold is counted."""
    size = _size_of(image)
    groups: dict[Group, list[dict[str, Any]]] = defaultdict(list)  # JSON
    for row in rows:
        if size is None and row.shape != "tag":
            lost["boxes", NO_SIZE] += 1
            continue
        results = results_of(row, size or (1, 1))
        if results is None:
            lost["boxes", NO_PERCENT] += 1
            continue
        lost.update(row_losses(row))
        groups[group_of(row)] += results
    return groups


def make(dataset: Dataset, images: ImageBoxes, lost: Lost) -> dict[str, bytes]:
    """The file of all tasks, one in a line."""
    lines = [json.dumps(task_of(image, rows, lost)) for image, rows in images]
    return {FILE: ("[\n" + ",\n".join(lines) + "\n]\n").encode()}
