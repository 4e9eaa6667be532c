"""Plants faults of known truth into the street set, each on boxes and pictures of its own.

A recipe changes one clean record (or adds one beside it) so that exactly one rule is broken. It is
only used on a record that no other touches, and on a page where nothing else was planted, so that
no fault brings a second one with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from curate.demo.labels import SOURCES, Page, Record, file_of, is_small, spots, stated_name
from curate.demo.scene import LABELS, Box, Scene, area, intersection, iou

COCO, VOC, KITTI, MAKESENSE = SOURCES
UNLISTED_IMAGE_ID = 9999
Make = Callable[[Page, Record], Record | None]


@dataclass(frozen=True)
class Recipe:
    """One fault: its check, what is done to a record, in which sources.

    `make` returns the record with the fault, or None where it would not show. The new record takes
    the old one's place, or with `is_added` stands beside it; the finding then names both, unless
    the new one is the whole fault (`is_alone`).
    """

    code: str
    name: str
    note: str
    make: Make
    sources: tuple[str, ...]
    is_added: bool = False
    is_alone: bool = False


@dataclass(frozen=True)
class PageRecipe:
    """One fault of a whole page: in which source, of which pages, and what it does to them."""

    code: str
    name: str
    note: str
    source: str
    suits: Callable[[Page], bool]
    make: Callable[[Page], Page]


@dataclass(frozen=True)
class Pictures:
    """The names of the pictures that are deleted, cut in half, and in no label file."""

    missing: str
    cut: str
    orphan: str


@dataclass(frozen=True)
class Mark:
    """One planted fault, before the lines of the finished files are known."""

    source: str
    code: str
    name: str
    note: str
    page: Page
    keys: tuple[int, ...] = ()


def choose_pictures(scenes: list[Scene], orphan: Scene, seed: int) -> Pictures:
    """Which pictures are harmed: plain ones, with objects and without an EXIF orientation."""
    plain = [
        scene.name
        for scene in scenes
        if scene.objects
        and scene.exif_orientation == 1
        and scene.name.startswith("street_")
        and not any(thing.members for thing in scene.objects)
    ]
    missing, cut = np.random.default_rng([seed, 3000]).permutation(len(plain))[:2]
    return Pictures(plain[missing], plain[cut], orphan.name)


def plant(
    clean: dict[str, list[Page]], pictures: Pictures, seed: int
) -> tuple[dict[str, list[Page]], list[dict[str, Any]]]:
    """The pages of every source with their faults, and the rows of `truth.json`."""
    faulty, truth = {}, []
    for number, source in enumerate(SOURCES):
        rng = np.random.default_rng([seed, 3001 + number])
        bed = _Bed(source, list(clean[source]), pictures, rng)
        _plant_in_pages(bed)
        for recipe in RECIPES:
            if source in recipe.sources:
                bed.plant(recipe)
        faulty[source] = bed.pages
        listed = {page.name for page in clean[source]}
        unlisted = sorted({page.name for page in clean[COCO]} - listed)
        marks = sorted(bed.marks, key=lambda mark: (mark.code, mark.page.name, mark.keys))
        truth += [_truth_row(mark, bed) for mark in marks]
        truth += _image_rows(source, bed, unlisted)
    return faulty, truth


class _Bed:
    """The pages of one source while faults are planted in them."""

    def __init__(
        self, source: str, pages: list[Page], pictures: Pictures, rng: np.random.Generator
    ) -> None:
        self.source = source
        self.pages = pages
        self.pictures = pictures
        self.marks: list[Mark] = []
        free = [
            place
            for place, page in enumerate(pages)
            if page.records and page.name not in (pictures.missing, pictures.cut)
        ]
        self.free = [free[i] for i in rng.permutation(len(free))]

    def plant(self, recipe: Recipe) -> None:
        """Uses the recipe on the first free page with a record that it fits."""
        for place in self.free:
            page = self.pages[place]
            for at, record in enumerate(page.records):
                is_apt = not record.thing.members and not is_small(record.thing)
                made = recipe.make(page, record) if is_apt else None
                if made is None or not _stands_alone(page, record, made):
                    continue
                records = list(page.records)
                if recipe.is_added:
                    made = replace(
                        made, key=-1 - len(self.marks), source_id=self._next_id(), polygon=()
                    )
                    records.append(made)
                else:
                    records[at] = made
                both = recipe.is_added and not recipe.is_alone
                keys = (record.key, made.key) if both else (made.key,)
                self.replace_page(place, replace(page, records=tuple(records)))
                self.mark(recipe.code, recipe.name, recipe.note, page, keys)
                return
        raise RuntimeError(f"{self.source}: no free page has a record for {recipe.name}")

    def replace_page(self, place: int, page: Page) -> None:
        """Puts the page with its fault in its place, which is then no longer free."""
        self.pages[place] = page
        self.free.remove(place)

    def mark(self, code: str, name: str, note: str, page: Page, keys: tuple[int, ...] = ()) -> None:
        """Notes down what was planted."""
        self.marks.append(Mark(self.source, code, name, note, page, keys))

    def _next_id(self) -> int:
        return 1 + max(record.source_id for page in self.pages for record in page.records)


def _stands_alone(page: Page, record: Record, made: Record) -> bool:
    """Whether the record, before and after, meets no other in a way that breaks a second rule."""
    return all(
        intersection(record.box, other.box) <= 0
        and (made.label != other.label or not intersection(made.box, other.box) > 0)
        and iou(made.box, other.box) < 0.5
        for other in page.records
        if other.key != record.key
    )


def _plant_in_pages(bed: _Bed) -> None:
    """What is wrong with a whole file or image record."""
    for recipe in PAGE_RECIPES:
        if recipe.source == bed.source:
            place = next(place for place in bed.free if recipe.suits(bed.pages[place]))
            page = bed.pages[place]
            bed.replace_page(place, recipe.make(page))
            bed.mark(recipe.code, recipe.name, recipe.note, page)
            if recipe.code == "IMG-006":
                twin_id = 1 + max(other.image_id for other in bed.pages)
                bed.pages.append(replace(page, image_id=twin_id, records=()))


def as_stored(page: Page) -> Page:
    """The page in the frame in which its picture is stored (EXIF orientation 6 or 8)."""
    width, height = page.width, page.height

    def turned(box: Box) -> Box:
        x1, y1, x2, y2 = box
        if page.scene.exif_orientation == 6:
            return y1, width - x2, y2, width - x1
        return height - y2, x1, height - y1, x2

    records = tuple(replace(record, box=turned(record.box)) for record in page.records)
    return replace(page, width=height, height=width, records=records)


def _truth_row(mark: Mark, bed: _Bed) -> dict[str, Any]:
    found = spots(bed.source, bed.pages)
    places = [found[key] for key in mark.keys]
    # A line of text that cannot be read has no box and so no id.
    is_unread = mark.code == "SRC-001" and mark.source in (KITTI, MAKESENSE)
    return {
        "source": mark.source,
        "file": file_of(mark.source, mark.page),
        "check": mark.code,
        "name": mark.name,
        "source_ids": [] if is_unread else [spot.source_id for spot in places],
        "image": None if mark.code == "SRC-005" else stated_name(mark.source, mark.page),
        "line": places[-1].line if places else None,
        "note": mark.note,
    }


def _image_rows(source: str, bed: _Bed, unlisted: list[str]) -> list[dict[str, Any]]:
    """The truth about the pictures themselves, seen from one source."""
    harmed = {
        bed.pictures.missing: ("IMG-001", "image-missing", "the picture was deleted"),
        bed.pictures.cut: ("IMG-003", "image-unreadable", "the picture was cut to half its bytes"),
    }
    rows = [
        _truth_row(Mark(source, *harmed[page.name], page), bed)
        for page in bed.pages
        if page.name in harmed
    ]
    orphans = [(bed.pictures.orphan, "a picture that no label file lists")]
    orphans += [(name, "an empty picture: this format leaves it out") for name in unlisted]
    for name, note in orphans:
        rows.append({
            "source": source, "file": None, "check": "IMG-002", "name": "image-orphan",
            "source_ids": [], "image": name, "line": None, "note": note,
        })  # fmt: skip
    return sorted(rows, key=lambda row: (row["check"], row["image"]))


def _with_box(record: Record, box: Box) -> Record:
    """The record with another box and the area of that box."""
    return replace(record, box=box, area_px2=area(box), polygon=())


def _size(record: Record) -> tuple[float, float]:
    x1, y1, x2, y2 = record.box
    return x2 - x1, y2 - y1


def _not_finite(page: Page, record: Record) -> Record | None:
    return None if record.polygon else replace(record, box=(math.nan, *record.box[1:]))


def _outside(page: Page, record: Record) -> Record | None:
    x1, y1, x2, y2 = record.box
    beyond_px = max(5.0, round(_size(record)[0] / 4))
    shift = page.width + beyond_px - x2 if x1 + x2 > page.width else -beyond_px - x1
    if record.polygon or _size(record)[0] < 16:
        return None
    return _with_box(record, (x1 + shift, y1, x2 + shift, y2))


def _flat(page: Page, record: Record) -> Record | None:
    x1, y1, _, y2 = record.box
    return None if record.polygon else _with_box(record, (x1, y1, x1, y2))


def _reversed(page: Page, record: Record) -> Record | None:
    x1, y1, x2, y2 = record.box
    return None if record.polygon else _with_box(record, (x2, y1, x1, y2))


def _thin(page: Page, record: Record) -> Record | None:
    x1, y1, _, y2 = record.box
    return None if record.polygon else _with_box(record, (x1, y1, x1 + 1, y2))


def _full_frame(page: Page, record: Record) -> Record | None:
    absent = sorted(set(LABELS) - {str(other.label) for other in page.records})
    if not absent:
        return None
    whole = (0.0, 0.0, float(page.width), float(page.height))
    return _with_box(replace(record, label=absent[0]), whole)


def _half_area(page: Page, record: Record) -> Record | None:
    return None if record.polygon else replace(record, area_px2=record.area_px2 / 2)


def _half_mask_area(page: Page, record: Record) -> Record | None:
    return replace(record, area_px2=record.area_px2 / 2) if record.polygon else None


def _off_its_mask(page: Page, record: Record) -> Record | None:
    x1, y1, x2, y2 = record.box
    cut_px = float(round((x2 - x1) / 3))
    if not record.polygon or cut_px < 8 or cut_px < 0.05 * max(_size(record)):
        return None
    return replace(record, box=(x1, y1, x2 - cut_px, y2))


def _twin(page: Page, record: Record) -> Record | None:
    return None if record.polygon else record


def _near_twin(page: Page, record: Record) -> Record | None:
    x1, y1, x2, y2 = record.box
    if record.polygon or min(_size(record)) < 30 or x2 + 1 > page.width:
        return None
    return _with_box(record, (x1 + 1, y1, x2 + 1, y2))


def _other_class(page: Page, record: Record) -> Record | None:
    other = LABELS[(LABELS.index(str(record.label)) + 1) % len(LABELS)]
    return None if record.polygon else replace(record, label=other)


def _inside(page: Page, record: Record) -> Record | None:
    x1, y1, x2, y2 = record.box
    if record.polygon or min(_size(record)) < 24:
        return None
    across, down = round((x2 - x1) / 4), round((y2 - y1) / 4)
    return _with_box(record, (x1 + across, y1 + down, x2 - across, y2 - down))


def _cut_line(page: Page, record: Record) -> Record | None:
    return replace(record, is_cut=True) if len(page.records) > 2 else None


def _same_id(page: Page, record: Record) -> Record | None:
    first = page.records[0]
    if record.key == first.key or first.thing.members:
        return None
    return replace(record, source_id=first.source_id)


RECIPES: tuple[Recipe, ...] = (
    Recipe("BOX-005", "box-full-frame", "a box as large as the picture was added", _full_frame,
           SOURCES, is_added=True, is_alone=True),
    Recipe("BOX-007", "box-mask-mismatch", "a third was cut off the box, not off its polygon",
           _off_its_mask, (COCO,)),
    Recipe("REL-002", "boxes-near-duplicate", "a copy was added, 1 px to the right", _near_twin,
           SOURCES, is_added=True),
    Recipe("REL-004", "box-inside-same-class", "a box of half the sides was added in its middle",
           _inside, SOURCES, is_added=True),
    Recipe("REL-001", "boxes-duplicate", "a copy was added", _twin, SOURCES, is_added=True),
    Recipe("REL-003", "boxes-two-classes", "a copy of another class was added", _other_class,
           SOURCES, is_added=True),
    Recipe("BOX-002", "box-outside-image", "the box was moved over the picture's edge", _outside,
           SOURCES),
    Recipe("BOX-006", "area-mismatch", "the area of a mask was halved", _half_mask_area, (COCO,)),
    Recipe("BOX-006", "area-mismatch", "the area of a box was halved", _half_area, (COCO,)),
    Recipe("SRC-001", "record-unreadable", "the left edge is no number", _not_finite, (COCO, VOC)),
    Recipe("BOX-003", "box-side-not-positive", "the width is 0", _flat, (COCO, KITTI, MAKESENSE)),
    Recipe("BOX-003", "box-side-not-positive", "left and right edge were exchanged", _reversed,
           (COCO, VOC)),
    Recipe("BOX-004", "box-side-small", "the width is 1 px", _thin, SOURCES),
    Recipe("SRC-001", "record-unreadable", "the line was cut short", _cut_line, (KITTI, MAKESENSE)),
    Recipe("SRC-004", "unknown-class", "a category_id that is not listed",
           lambda _, record: replace(record, label="unlisted"), (COCO,)),
    Recipe("SRC-005", "unknown-image", "an image_id that is not listed",
           lambda _, record: replace(record, image_id=UNLISTED_IMAGE_ID), (COCO,)),
    Recipe("SRC-006", "duplicate-id", "an id that another annotation has", _same_id, (COCO,)),
    Recipe("SRC-008", "annotation-id-zero", "the id is 0",
           lambda _, record: replace(record, source_id=0), (COCO,)),
    Recipe("SRC-009", "class-missing", "the class was taken away",
           lambda _, record: replace(record, label=None), (COCO, MAKESENSE)),
)  # fmt: skip


def _is_upright(page: Page) -> bool:
    return page.scene.exif_orientation == 1


# The pickiest first, in both lists: few pages suit it.
PAGE_RECIPES: tuple[PageRecipe, ...] = (
    PageRecipe("IMG-005", "image-frame-mismatch", "size and boxes are for the picture as stored",
               VOC, lambda page: page.scene.exif_orientation in (6, 8), as_stored),
    PageRecipe("IMG-004", "image-size-mismatch", "the declared height is a third too large", COCO,
               _is_upright, lambda page: replace(page, height=page.height * 4 // 3)),
    PageRecipe("IMG-004", "image-size-mismatch", "the declared width is twice the picture's", VOC,
               _is_upright, lambda page: replace(page, width=page.width * 2)),
    PageRecipe("IMG-006", "image-recorded-twice", "a second record with the same file_name", COCO,
               _is_upright, lambda page: page),
    PageRecipe("SRC-002", "file-unreadable", "the XML ends in its middle", VOC,
               lambda page: len(page.records) > 2, lambda page: replace(page, is_cut=True)),
)  # fmt: skip
