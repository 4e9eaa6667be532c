"""A second, plain audit of the street set: own parsers, slow loops, the rules as documented.

It shares no code with the package, so that what it finds can stand against the truth file.
"""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, ImageOps

ROW = re.compile(r"^(?P<label>.*?),(-?\d+),(-?\d+),(-?\d+),(-?\d+),(?P<image>.*),(\d+),(\d+)$")
LABELS = {1: "person", 2: "rider", 3: "car", 4: "sign"}


@dataclass
class Box:
    image: str
    id: str
    label: str | None
    edges: tuple[float, float, float, float]
    area: float | None = None
    polygon: list[float] = field(default_factory=list)
    is_ignored: bool = False

    @property
    def sides(self):
        x1, y1, x2, y2 = self.edges
        return x2 - x1, y2 - y1

    @property
    def bounds(self):
        xs, ys = self.polygon[0::2], self.polygon[1::2]
        return min(xs), min(ys), max(xs), max(ys)


@dataclass
class Sheet:
    """What one source says: declared sizes (None for none said), boxes, faults of the reading."""

    sizes: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)
    faults: list[tuple] = field(default_factory=list)


def shoelace(flat):
    xs, ys = flat[0::2], flat[1::2]
    n = len(xs)
    return abs(sum(xs[i] * ys[(i + 1) % n] - xs[(i + 1) % n] * ys[i] for i in range(n))) / 2


def read_coco(folder: Path) -> Sheet:
    sheet = Sheet()
    document = json.loads((folder / "instances.json").read_text(encoding="utf-8"))
    names = {image["id"]: image["file_name"] for image in document["images"]}
    for image in document["images"]:
        if image["file_name"] in sheet.sizes:
            sheet.faults.append(("IMG-006", image["file_name"], ()))
            continue
        sheet.sizes[image["file_name"]] = (image["width"], image["height"])
    ids = Counter(annotation["id"] for annotation in document["annotations"])
    known = {category["id"]: category["name"] for category in document["categories"]}
    assert known == LABELS
    for annotation in document["annotations"]:
        own, name = annotation["id"], names.get(annotation["image_id"])
        assert annotation["annotator"] == "a"
        if name is None:
            sheet.faults.append(("SRC-005", None, (str(own),)))
        if own == 0:
            sheet.faults.append(("SRC-008", name, ("0",)))
        if ids[own] > 1:
            sheet.faults.append(("SRC-006", name, (str(own),)))
        if "category_id" not in annotation:
            sheet.faults.append(("SRC-009", name, (str(own),)))
        elif annotation["category_id"] not in known:
            sheet.faults.append(("SRC-004", name, (str(own),)))
        x, y, w, h = annotation["bbox"]
        shape = annotation.get("segmentation")
        polygon = shape[0] if isinstance(shape, list) else []
        label = known.get(annotation.get("category_id"))
        sheet.boxes.append(
            Box(name or "", str(own), label, (x, y, x + w, y + h), annotation["area"], polygon,
                bool(annotation["iscrowd"]))
        )  # fmt: skip
    return sheet


def read_voc(folder: Path) -> Sheet:
    sheet = Sheet()
    for path in sorted(folder.glob("Annotations/*.xml")):
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError:
            sheet.sizes[path.stem + ".jpg"] = None
            sheet.faults.append(("SRC-002", path.stem + ".jpg", ()))
            continue
        name = root.findtext("filename")
        assert root.findtext("segmented") == "0"
        sheet.sizes[name] = (int(root.findtext("size/width")), int(root.findtext("size/height")))
        for i, thing in enumerate(root.findall("object")):
            for key in ("truncated", "difficult", "pose"):
                assert thing.findtext(key)
            x1, y1, x2, y2 = (
                float(thing.findtext(f"bndbox/{k}")) for k in ("xmin", "ymin", "xmax", "ymax")
            )
            edges = (x1 - 1, y1 - 1, x2, y2)
            is_difficult = thing.findtext("difficult") == "1"
            sheet.boxes.append(
                Box(name, str(i), thing.findtext("name"), edges, is_ignored=is_difficult)
            )
    return sheet


def read_kitti(folder: Path) -> Sheet:
    sheet = Sheet()
    for path in sorted(folder.glob("label_2/*.txt")):
        name = path.stem + ".jpg"
        sheet.sizes[name] = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            tokens = line.split(" ")
            if len(tokens) != 15:
                sheet.faults.append(("SRC-001", name, (number,)))
                continue
            assert all(re.fullmatch(r"-?\d+\.\d\d", token) for token in tokens[4:8])
            assert tokens[1] == "-1" or 0 <= float(tokens[1]) <= 1
            assert tokens[2] in ("-1", "0", "1", "2")
            edges = tuple(float(token) for token in tokens[4:8])
            is_ignored = tokens[0] == "DontCare"
            sheet.boxes.append(Box(name, str(number), tokens[0], edges, is_ignored=is_ignored))
    return sheet


def read_makesense(folder: Path) -> Sheet:
    sheet = Sheet()
    (path,) = folder.glob("labels_street_*.csv")
    text = path.read_bytes().decode("utf-8")
    assert "\r" not in text
    assert not text.endswith("\n")
    header, *rows = text.split("\n")
    assert header.startswith("label_name,bbox_x,")
    for number, row in enumerate(rows, 2):
        match = ROW.match(row)
        if match is None:
            sheet.faults.append(("SRC-001", None, (number,)))
            continue
        name = match["image"]
        if not match["label"]:
            sheet.faults.append(("SRC-009", name, (str(number),)))
        x, y, w, h = (int(match[i]) for i in range(2, 6))
        sheet.sizes[name] = (int(match[7]), int(match[8]))
        label = match["label"] or None
        sheet.boxes.append(Box(name, str(number), label, (x, y, x + w, y + h)))
    return sheet


READ = {
    "street_coco": read_coco,
    "street_voc": read_voc,
    "street_kitti": read_kitti,
    "street_makesense": read_makesense,
}


def intersection(a, b):
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def audit_pictures(sheet: Sheet, images: Path):
    """The faults of pictures, and the upright size of each that opens."""
    faults, sizes = [], {}
    present = {path.name for path in images.iterdir()}
    faults += [("IMG-001", name, ()) for name in sheet.sizes if name not in present]
    faults += [("IMG-002", name, ()) for name in present if name not in sheet.sizes]
    frames = {}
    for name in sorted(set(sheet.sizes) & present):
        with Image.open(images / name) as picture:
            stored = picture.size
            upright = ImageOps.exif_transpose(picture.copy()).size if _decodes(picture) else None
        if upright is None:
            faults.append(("IMG-003", name, ()))
            continue
        sizes[name] = upright
        declared = sheet.sizes[name]
        if declared not in (None, upright):
            code = "IMG-005" if declared == stored else "IMG-004"
            faults.append((code, name, ()))
            frames[name] = stored
    return faults, sizes, frames


def _decodes(picture):
    try:
        picture.load()
    except OSError:
        return False
    return True


def audit_boxes(sheet: Sheet, sizes, frames):
    for box in sheet.boxes:
        x1, y1, x2, y2 = box.edges
        w, h = box.sides
        if not all(map(math.isfinite, box.edges)):
            yield "SRC-001", box.image, (box.id,)
            continue
        if w <= 0 or h <= 0:
            yield "BOX-003", box.image, (box.id,)
        elif w < 2 or h < 2:
            yield "BOX-004", box.image, (box.id,)
        width, height = frames.get(box.image) or sizes.get(box.image) or (math.inf, math.inf)
        if x1 < -1 or y1 < -1 or x2 > width + 1 or y2 > height + 1:
            yield "BOX-002", box.image, (box.id,)
        elif x1 < 0 or y1 < 0 or x2 > width or y2 > height:
            yield "BOX-009", box.image, (box.id,)
        if (
            w > 0
            and h > 0
            and intersection(box.edges, (0, 0, width, height)) >= 0.98 * width * height
        ):
            yield "BOX-005", box.image, (box.id,)
        yield from audit_mask(box)


def audit_mask(box: Box):
    w, h = box.sides
    if box.area is not None and not box.is_ignored:
        right = [w * h] + ([shoelace(box.polygon)] if box.polygon else [])
        if all(abs(box.area - a) > max(4, 0.05 * abs(a)) for a in right):
            yield "BOX-006", box.image, (box.id,)
    if box.polygon:
        off = max(abs(a - b) for a, b in zip(box.edges, box.bounds, strict=True))
        if off > max(2, 0.02 * max(w, h)):
            yield "BOX-007", box.image, (box.id,)


def audit_pairs(sheet: Sheet):
    for a, b in combinations(sheet.boxes, 2):
        if a.image != b.image or not a.image:
            continue
        both = (a.id, b.id)
        if a.edges != b.edges and (a.is_ignored or b.is_ignored):
            continue
        shared = intersection(a.edges, b.edges)
        size_a, size_b = (math.prod(box.sides) for box in (a, b))
        if not (size_a > 0 and size_b > 0):
            continue
        overlap = shared / (size_a + size_b - shared)
        if a.label == b.label:
            if a.edges == b.edges:
                yield "REL-001", a.image, both
            elif overlap >= 0.9:
                yield "REL-002", a.image, both
            elif shared >= 0.98 * min(size_a, size_b):
                yield "REL-004", a.image, both
        elif overlap >= 0.95 and not (a.is_ignored or b.is_ignored):
            yield "REL-003", a.image, both


def audit(source: str, folder: Path, images: Path) -> set[tuple]:
    """All faults of a source as (check, picture or None, ids or line)."""
    sheet = READ[source](folder)
    faults, sizes, frames = audit_pictures(sheet, images)
    found = [*sheet.faults, *faults, *audit_boxes(sheet, sizes, frames), *audit_pairs(sheet)]
    return {(code, image, tuple(sorted(ids, key=str))) for code, image, ids in found}
