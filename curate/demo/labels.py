"""The label files of the street set, in four formats and by two annotators.

`street_coco` (annotator a, exact, quarter pixels), `street_voc` (annotator b: the same things, 1 to
2 px off, whole pixels), `street_kitti` and `street_makesense` (a's boxes in other clothes). Each
format is written by hand from its own description, not by this project's writers, so that a fault
in one of them cannot hide behind the same fault here. The group of distant persons is a crowd in
COCO, DontCare in KITTI, and left out of the other two, which have no word for it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from curate.demo.figures import outline
from curate.demo.scene import LABELS, Box, Scene, Thing, area

SOURCES = ("street_coco", "street_voc", "street_kitti", "street_makesense")
MAKESENSE_FILE = "labels_street_2026-01-01-09-00-00.csv"
MAKESENSE_HEADER = (
    "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height"
)
KITTI_TYPES = {
    "person": "Pedestrian", "rider": "Cyclist", "car": "Car", "sign": "Misc", "group": "DontCare",
}  # fmt: skip
KITTI_UNSET = "-1 -1 -1 -1000 -1000 -1000 -10"
# A COCO category_id that the file does not list, for a label that is none of LABELS.
UNLISTED_CATEGORY_ID = 9
POSES = {"front": "Frontal", "rear": "Rear"}
SMALL_SIDE_PX = 24


@dataclass(frozen=True)
class Record:
    """One object in one label file.

    `key` names it within its source while faults are planted. `box` is in px edges, 0-based and
    half-open, whatever the format writes. `source_id` and `area_px2` are what COCO states;
    `image_id` overrides the page's. A cut record is written without its last fields.
    """

    key: int
    label: str | None
    box: Box
    thing: Thing
    source_id: int = 0
    area_px2: float = 0.0
    polygon: tuple[tuple[float, float], ...] = ()
    image_id: int | None = None
    is_cut: bool = False


@dataclass(frozen=True)
class Page:
    """What one source states about one picture; a cut page is written to its middle only."""

    name: str
    width: int
    height: int
    image_id: int
    scene: Scene
    records: tuple[Record, ...]
    is_cut: bool = False

    @property
    def stem(self) -> str:
        """The name without its extension."""
        return self.name.rsplit(".", 1)[0]


@dataclass(frozen=True)
class Spot:
    """Where a record stands: file relative to the source's folder, the id and line in it."""

    file: str
    source_id: str
    line: int | None


def clean_pages(scenes: list[Scene], seed: int) -> dict[str, list[Page]]:
    """The pages of every source, free of faults, in the order in which the source holds them."""
    rng = np.random.default_rng([seed, 1000])
    exact = [_page(scene, image_id) for image_id, scene in enumerate(scenes, start=1)]
    coco, n_records = [], 0
    for page in exact:
        coco.append(replace(page, records=tuple(
            _with_geometry(record, n_records + i) for i, record in enumerate(page.records, start=1)
        )))  # fmt: skip
        n_records += len(page.records)
    boxed = [
        replace(page, records=tuple(r for r in page.records if not r.thing.members))
        for page in exact
    ]
    voc = [
        replace(page, records=tuple(_by_other_hand(record, page, rng) for record in page.records))
        for page in boxed
    ]
    # The app lists pictures by UTF-16 code unit and leaves out those without a box.
    makesense = sorted(
        (page for page in boxed if page.records), key=lambda page: page.name.encode("utf-16-be")
    )
    return dict(zip(SOURCES, (coco, voc, exact, makesense), strict=True))


def render(source: str, pages: list[Page]) -> dict[str, str]:
    """The label files of a source: path relative to its folder, text."""
    if source == "street_coco":
        return {"instances.json": _coco_text(pages)}
    if source == "street_voc":
        return {f"Annotations/{page.stem}.xml": _voc_text(page) for page in pages}
    if source == "street_kitti":
        return {f"label_2/{page.stem}.txt": _kitti_text(page) for page in pages}
    rows = [_makesense_row(page, record) for page in pages for record in page.records]
    return {MAKESENSE_FILE: "\n".join([MAKESENSE_HEADER, *rows])}


def file_of(source: str, page: Page) -> str:
    """The label file that speaks of a page's picture, relative to the source's folder."""
    if source == "street_voc":
        return f"Annotations/{page.stem}.xml"
    if source == "street_kitti":
        return f"label_2/{page.stem}.txt"
    return "instances.json" if source == "street_coco" else MAKESENSE_FILE


def stated_name(source: str, page: Page) -> str:
    """The picture's name as the source states it: KITTI has no more than the stem."""
    return page.stem if source == "street_kitti" else page.name


def spots(source: str, pages: list[Page]) -> dict[int, Spot]:
    """Where each record stands, by its key: COCO's id, VOC's object index, the text's line."""
    found: dict[int, Spot] = {}
    row = 1  # the header of the CSV
    for page in pages:
        file = file_of(source, page)
        for place, record in enumerate(page.records):
            row += 1
            if source == "street_coco":
                found[record.key] = Spot(file, str(record.source_id), None)
            elif source == "street_voc":
                found[record.key] = Spot(file, str(place), None)
            else:
                line = place + 1 if source == "street_kitti" else row
                found[record.key] = Spot(file, str(line), line)
    return found


def detections(pages: list[Page], seed: int) -> str:
    """COCO results of a detector that does not exist: near hits, misses and false alarms."""
    rng = np.random.default_rng([seed, 2000])
    rows = []
    for page in pages:
        for record in page.records:
            side_px = min(record.box[2] - record.box[0], record.box[3] - record.box[1])
            sees = 0.97 if side_px >= SMALL_SIDE_PX else 0.7
            if rng.random() < (sees - 0.15 if page.scene.night else sees):
                edges = np.array(record.box) + rng.normal(0, 0.03 * side_px + 0.3, 4)
                label = record.label if rng.random() < 0.96 else LABELS[int(rng.integers(4))]
                rows.append(_result(page, str(label), edges, float(rng.uniform(0.45, 0.99))))
        for _ in range(int(rng.integers(0, 3))):
            x, y = rng.uniform(0, 0.8, 2) * (page.width, page.height)
            wide, high = rng.uniform(0.03, 0.2, 2) * (page.width, page.height)
            label = LABELS[int(rng.integers(4))]
            edges = np.array([x, y, x + wide, y + high])
            rows.append(_result(page, label, edges, float(rng.uniform(0.05, 0.5))))
    return _json_list(rows) + "\n"


def _result(page: Page, label: str, edges: Any, score: float) -> dict[str, Any]:  # numpy's floats
    limits = (page.width, page.height, page.width, page.height)
    x1, y1, x2, y2 = (
        round(min(max(float(e), 0.0), float(n)), 2) for e, n in zip(edges, limits, strict=True)
    )
    return {
        "image_id": page.image_id,
        "category_id": LABELS.index(label) + 1,
        "bbox": [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)],
        "score": round(score, 4),
    }


def _page(scene: Scene, image_id: int) -> Page:
    records = tuple(
        Record(1000 * image_id + place, thing.label, thing.box, thing)
        for place, thing in enumerate(scene.objects)
    )
    return Page(scene.name, scene.width, scene.height, image_id, scene, records)


def _with_geometry(record: Record, source_id: int) -> Record:
    """The record as annotator a keeps it: every second whole thing has a polygon."""
    thing = record.thing
    if thing.members:
        size = float(group_mask(thing).sum())
        return replace(record, source_id=source_id, area_px2=size)
    if thing.occluded == 0 and thing.truncated == 0 and source_id % 2:
        polygon = tuple(outline(thing))
        return replace(record, source_id=source_id, polygon=polygon, area_px2=shoelace(polygon))
    return replace(record, source_id=source_id, area_px2=area(record.box))


def _by_other_hand(record: Record, page: Page, rng: np.random.Generator) -> Record:
    """The record as annotator b drew it, 1 to 2 px off, in whole pixels."""
    side_px = min(record.box[2] - record.box[0], record.box[3] - record.box[1])
    reach_px = 1 if side_px < SMALL_SIDE_PX else 2
    off_px = rng.integers(-reach_px, reach_px + 1, 4)
    limits = (page.width, page.height, page.width, page.height)
    x1, y1, x2, y2 = (
        float(min(max(math.floor(edge + 0.5) + int(off), 0), limit))
        for edge, off, limit in zip(record.box, off_px, limits, strict=True)
    )
    return replace(record, box=(x1, y1, x2, y2))


def is_small(thing: Thing) -> bool:
    """Whether annotator b calls it difficult, so that checks of pairs leave it out."""
    return min(thing.x2 - thing.x1, thing.y2 - thing.y1) < SMALL_SIDE_PX / 2


def shoelace(polygon: tuple[tuple[float, float], ...]) -> float:
    """The area of a simple polygon, px^2."""
    following = (*polygon[1:], polygon[0])
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(polygon, following, strict=True))) / 2


def group_mask(thing: Thing) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """The region of a group within its own box: (height, width) bool, the union of its members."""
    mask = np.zeros((round(thing.y2 - thing.y1), round(thing.x2 - thing.x1)), dtype=np.bool_)
    for x1, y1, x2, y2 in thing.members:
        rows = slice(round(y1 - thing.y1), round(y2 - thing.y1))
        mask[rows, round(x1 - thing.x1) : round(x2 - thing.x1)] = True
    return mask


def _run_lengths(page: Page, thing: Thing) -> list[int]:
    """Uncompressed RLE of a group in its picture: column by column, zeros first."""
    mask = np.zeros((page.height, page.width), dtype=np.bool_)
    mask[round(thing.y1) : round(thing.y2), round(thing.x1) : round(thing.x2)] = group_mask(thing)
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return [0, *lengths] if flat[0] else lengths


def _coco_text(pages: list[Page]) -> str:
    images = [
        {"id": p.image_id, "file_name": p.name, "width": p.width, "height": p.height} for p in pages
    ]
    annotations = [_coco_annotation(page, record) for page in pages for record in page.records]
    categories = [{"id": i, "name": label} for i, label in enumerate(LABELS, start=1)]
    return (
        '{"info": {"description": "A street that never was"},\n'
        f'"images": {_json_list(images)},\n'
        f'"annotations": {_json_list(annotations)},\n'
        f'"categories": {_json_list(categories)}}}\n'
    )


def _json_list(rows: list[dict[str, Any]]) -> str:  # JSON values
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[\n{lines}\n]"


def _coco_annotation(page: Page, record: Record) -> dict[str, Any]:  # JSON values
    x1, y1, x2, y2 = record.box
    annotation: dict[str, Any] = {  # JSON values
        "id": record.source_id,
        "image_id": page.image_id if record.image_id is None else record.image_id,
    }
    if record.label is not None:
        known = record.label in LABELS
        annotation["category_id"] = (
            LABELS.index(record.label) + 1 if known else UNLISTED_CATEGORY_ID
        )
    annotation["bbox"] = [x1, y1, x2 - x1, y2 - y1]
    annotation["area"] = record.area_px2
    annotation["iscrowd"] = int(bool(record.thing.members))
    if record.thing.members:
        counts = _run_lengths(page, record.thing)
        annotation["segmentation"] = {"size": [page.height, page.width], "counts": counts}
    elif record.polygon:
        annotation["segmentation"] = [[value for point in record.polygon for value in point]]
    annotation["annotator"] = "a"
    return annotation


def _voc_text(page: Page) -> str:
    lines = [
        "<annotation>",
        "\t<folder>images</folder>",
        f"\t<filename>{page.name}</filename>",
        "\t<source>\n\t\t<database>A street that never was</database>",
        "\t\t<annotation>b</annotation>\n\t</source>",
        f"\t<size>\n\t\t<width>{page.width}</width>\n\t\t<height>{page.height}</height>",
        "\t\t<depth>3</depth>\n\t</size>",
        "\t<segmented>0</segmented>",
        *(_voc_object(record) for record in page.records),
        "</annotation>\n",
    ]
    text = "\n".join(lines)
    return text[: len(text) // 2] if page.is_cut else text


def _voc_object(record: Record) -> str:
    x1, y1, x2, y2 = record.box
    # 1-based inclusive: the minima move by one, the maxima name the last pixel as they are.
    corners = {"xmin": x1 + 1, "ymin": y1 + 1, "xmax": x2, "ymax": y2}
    box = "".join(f"\t\t\t<{key}>{value:.0f}</{key}>\n" for key, value in corners.items())
    thing = record.thing
    return (
        f"\t<object>\n\t\t<name>{record.label}</name>\n"
        f"\t\t<pose>{POSES.get(thing.look, 'Unspecified')}</pose>\n"
        f"\t\t<truncated>{int(thing.truncated > 0.15)}</truncated>\n"
        f"\t\t<occluded>{int(thing.occluded > 0.05)}</occluded>\n"
        f"\t\t<difficult>{int(is_small(thing))}</difficult>\n"
        f"\t\t<bndbox>\n{box}\t\t</bndbox>\n\t</object>"
    )


def _kitti_text(page: Page) -> str:
    return "".join(_kitti_line(record) + "\n" for record in page.records)


def _kitti_line(record: Record) -> str:
    thing = record.thing
    box = " ".join(f"{edge:.2f}" for edge in record.box)
    if thing.members:
        return f"{KITTI_TYPES['group']} -1 -1 -10 {box} {KITTI_UNSET}"
    hidden = 0 if thing.occluded < 0.05 else 1 if thing.occluded < 0.4 else 2
    kind = KITTI_TYPES[str(record.label)]
    line = f"{kind} {thing.truncated:.2f} {hidden} -10 {box} {KITTI_UNSET}"
    return " ".join(line.split()[:7]) if record.is_cut else line


def _makesense_row(page: Page, record: Record) -> str:
    x1, y1, x2, y2 = record.box
    # JavaScript's Math.round: halves go up. Position and size are rounded each by itself.
    numbers = [math.floor(value + 0.5) for value in (x1, y1, x2 - x1, y2 - y1)]
    fields = [record.label or "", *map(str, numbers), page.name, str(page.width), str(page.height)]
    return ",".join(fields[:4] if record.is_cut else fields)
