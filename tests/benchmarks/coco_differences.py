"""What differs between a COCO document and the same one after a conversion there and back.

Judges all tools alike: plain JSON in, counts by property out, nothing of curate is imported.
Images are paired by their name, else by its stem without folders; objects within their image by
class and nearest corners. `PROPERTIES` says what each count is of.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

Record = Mapping[str, Any]

# Of a float64 in px: what arithmetic alone may move.
SAME_PX = 1e-9
PROPERTIES = {
    "images lost": "images that are no longer there",
    "images added": "images that were not there",
    "empty images lost": "of the images lost, those without objects",
    "image names": "images whose file_name reads otherwise",
    "image ids": "images with another id",
    "image sizes": "images with another width or height",
    "image keys": "values of other keys of images that are gone or differ",
    "boxes lost": "objects that are no longer there",
    "boxes added": "objects that were not there",
    "boxes moved": f"objects of which a corner moved by more than {SAME_PX} px",
    "classes of boxes": "objects whose class has another name",
    "box ids": "objects with another id",
    "crowd flags": "objects with another iscrowd",
    "areas": "objects with another area (1e-9 relative)",
    "outlines lost": "objects that had a segmentation and have none",
    "outlines changed": "objects whose segmentation has other numbers (1e-9 px)",
    "outlines added": "objects that had no segmentation and have one",
    "attributes": "objects of which a value in `attributes` is gone or differs",
    "box keys": "values of other keys of objects that are gone or differ",
    "classes lost": "categories that are no longer there, by name",
    "classes added": "categories that were not there, by name",
    "class ids": "categories with another id",
    "supercategories": "categories with another supercategory",
    "class keys": "values of other keys of categories that are gone or differ",
    "licences": "licences that are gone or differ",
    "info": "values of `info` that are gone or differ",
    "other keys": "other keys of the document that are gone or differ",
}
_IMAGE_KEYS = {"id", "file_name", "width", "height"}
_BOX_KEYS = {
    "id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "attributes",
}  # fmt: skip
_CLASS_KEYS = {"id", "name", "supercategory"}
_TOP_KEYS = {"info", "licenses", "images", "annotations", "categories"}


@dataclass
class Differences:
    """How many things differ, by property, and the farthest that a corner moved, px."""

    counts: Counter[str] = field(default_factory=Counter)
    drift_px: float = 0.0


def compare(before: Record, after: Record) -> Differences:
    """The differences of two COCO documents."""
    found = Differences()
    pairs = _pair_images(before["images"], after["images"])
    _count_images(pairs, before, after, found)
    names = {c["id"]: c["name"] for c in before["categories"]}
    new_names = {c["id"]: c["name"] for c in after["categories"]}
    old_boxes, new_boxes = _by_image(before), _by_image(after)
    for old, new in pairs:
        here = [(names.get(box["category_id"]), box) for box in old_boxes.get(old["id"], [])]
        own = new_boxes.get(new["id"], []) if new is not None else []
        there = [(new_names.get(box["category_id"]), box) for box in own]
        _count_boxes(here, there, found)
    paired = sum(len(new_boxes.get(new["id"], [])) for _, new in pairs if new is not None)
    found.counts["boxes added"] += len(after["annotations"]) - paired
    _count_classes(before["categories"], after["categories"], found.counts)
    _count_rest(before, after, found.counts)
    return found


def _pair_images(
    before: Iterable[Record], after: Iterable[Record]
) -> list[tuple[Record, Record | None]]:
    rest = {image["file_name"]: image for image in after}
    pairs: list[tuple[Record, Record | None]] = []
    for image in before:
        pairs.append((image, rest.pop(image["file_name"], None)))
    stems = {_stem(name): name for name in rest}
    for at, (image, new) in enumerate(pairs):
        stem = _stem(image["file_name"])
        if new is None and stem in stems:
            pairs[at] = image, rest.pop(stems.pop(stem))
    return pairs


def _stem(name: str) -> str:
    path = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/"))
    # `a.b` is a stem already where the tool has dropped the ending.
    is_picture = path.suffix.lower() in (".jpg", ".jpeg", ".png")
    return path.stem if is_picture else path.name


def _count_images(
    pairs: list[tuple[Record, Record | None]], before: Record, after: Record, found: Differences
) -> None:
    counts = found.counts
    filled = {box["image_id"] for box in before["annotations"]}
    for old, new in pairs:
        if new is None:
            counts["images lost"] += 1
            counts["empty images lost"] += old["id"] not in filled
            continue
        counts["image names"] += new["file_name"] != old["file_name"]
        counts["image ids"] += new["id"] != old["id"]
        sizes = [(image.get("width"), image.get("height")) for image in (old, new)]
        counts["image sizes"] += sizes[0] != sizes[1]
        counts["image keys"] += _other_keys(old, new, _IMAGE_KEYS)
    n_kept = sum(new is not None for _, new in pairs)
    counts["images added"] += len(after["images"]) - n_kept


def _by_image(document: Record) -> dict[Any, list[Record]]:  # ids of any type
    boxes: dict[Any, list[Record]] = {}
    for box in document["annotations"]:
        boxes.setdefault(box["image_id"], []).append(box)
    return boxes


Named = tuple[str | None, Record]  # an object with its class's name


def _count_boxes(before: list[Named], after: list[Named], found: Differences) -> None:
    counts = found.counts
    pairs = list(_pair_boxes(before, after))
    counts["boxes lost"] += len(before) - len(pairs)
    counts["boxes added"] += len(after) - len(pairs)
    for old_at, new_at in pairs:
        (name, old), (new_name, new) = before[old_at], after[new_at]
        moved = _distance_px(old, new)
        found.drift_px = max(found.drift_px, moved)
        counts["boxes moved"] += moved > SAME_PX
        counts["classes of boxes"] += name != new_name
        counts["box ids"] += old["id"] != new["id"]
        counts["crowd flags"] += bool(old.get("iscrowd")) != bool(new.get("iscrowd"))
        counts["areas"] += not _same_area(old, new)
        counts.update(_outline_difference(old.get("segmentation"), new.get("segmentation")))
        own = [box.get("attributes") or {} for box in (old, new)]
        counts["attributes"] += _other_keys(own[0], own[1], set()) > 0
        counts["box keys"] += _other_keys(old, new, _BOX_KEYS)


def _pair_boxes(before: list[Named], after: list[Named]) -> Iterator[tuple[int, int]]:
    """Places of the objects that belong together: of one class first, then the nearest."""
    ranked = sorted(
        (name != new_name, _distance_px(old, new), old_at, new_at)
        for old_at, (name, old) in enumerate(before)
        for new_at, (new_name, new) in enumerate(after)
    )
    taken_old: set[int] = set()
    taken_new: set[int] = set()
    for _, _, old_at, new_at in ranked:
        if old_at not in taken_old and new_at not in taken_new:
            taken_old.add(old_at)
            taken_new.add(new_at)
            yield old_at, new_at


def _distance_px(old: Record, new: Record) -> float:
    """How far the corner that moved most has moved."""
    corners = []
    for box in (old, new):
        x, y, w, h = box["bbox"]
        corners.append((x, y, x + w, y + h))
    return max(abs(a - b) for a, b in zip(*corners, strict=True))


def _same_area(old: Record, new: Record) -> bool:
    was, now = old.get("area"), new.get("area")
    if was is None or now is None:
        return was is now
    return abs(was - now) <= 1e-9 * max(abs(was), abs(now))


def _outline_difference(old: Any, new: Any) -> list[str]:  # COCO segmentations
    if not old and not new:
        return []
    if not new:
        return ["outlines lost"]
    if not old:
        return ["outlines added"]
    return [] if _is_one_outline(old, new) else ["outlines changed"]


def _is_one_outline(old: Any, new: Any) -> bool:  # as above
    if old == new or not (isinstance(old, list) and isinstance(new, list)):
        return bool(old == new)
    if [len(ring) for ring in old] != [len(ring) for ring in new]:
        return False
    pairs = zip(chain.from_iterable(old), chain.from_iterable(new), strict=True)
    return all(abs(was - now) <= SAME_PX for was, now in pairs)


def _other_keys(old: Record, new: Record, known: set[str]) -> int:
    """How many values under keys that are not known say something and are gone or differ."""
    said = {key for key, value in old.items() if key not in known and value not in (None, "", [])}
    return sum(key not in new or new[key] != old[key] for key in said)


def _count_classes(before: Iterable[Record], after: Iterable[Record], counts: Counter[str]) -> None:
    new = {category["name"]: category for category in after}
    old = {category["name"]: category for category in before}
    counts["classes lost"] += len(old.keys() - new.keys())
    counts["classes added"] += len(new.keys() - old.keys())
    for name in old.keys() & new.keys():
        counts["class ids"] += old[name]["id"] != new[name]["id"]
        parents = [category.get("supercategory") or None for category in (old[name], new[name])]
        counts["supercategories"] += parents[0] is not None and parents[0] != parents[1]
        counts["class keys"] += _other_keys(old[name], new[name], _CLASS_KEYS)


def _count_rest(before: Record, after: Record, counts: Counter[str]) -> None:
    old, new = (
        {json.dumps(one, sort_keys=True) for one in document.get("licenses") or ()}
        for document in (before, after)
    )
    counts["licences"] += len(old - new)
    counts["info"] += _other_keys(before.get("info") or {}, after.get("info") or {}, set())
    counts["other keys"] += _other_keys(before, after, _TOP_KEYS)
