"""Joining the pictures to the labels: sizes, orientation, and what is missing, extra or broken.

`--images` never changes an image key. Sizes become the measured, upright ones; where the boxes lie
in the stored frame of a rotated picture, they stay there, `box_frame` says so and one finding.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from curate.assembly import Fault, findings_table, sorted_findings
from curate.dataset import Dataset
from curate.errors import TableError, quote
from curate.images import SIDEWAYS, Picture, Pictures, same_bytes
from curate.tables import IMAGE_COLUMNS, key_hashes, make_table, normal_key

# What joining says, so that joining once more says it once.
_CODES = ("IMG-001", "IMG-002", "IMG-003", "IMG-004", "IMG-005", "IMG-007", "IMG-008", "IMG-009")

Stated = tuple[int | None, int | None]  # width and height as the label states them, px

_CLEAR_NAME = "state the picture's path in the label, or point --images at the right folder"


@dataclass
class _Join:
    """The columns of the images table while pictures are joined to it, and the faults met."""

    names: list[str]
    declared: list[Stated | None]
    files: list[str | None]
    lines: list[int | None]
    source_ids: list[str | None]
    paths: list[str | None] = field(default_factory=list)
    unclear: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)

    def tell(
        self, code: str, row: int, message: str, mend: str, *, cause: str | None = None
    ) -> None:
        """Adds the fault of one image."""
        self.faults.append(
            Fault(
                code,
                message,
                mend,
                self.files[row],
                self.lines[row],
                source_id=self.source_ids[row],
                images=(row,),
                cause=cause,
            )
        )


def join_pictures(dataset: Dataset, pictures: Pictures) -> Dataset:
    """The dataset with what its pictures say: path, size, orientation, findings, orphans.

    Adds a row with `label_state` missing for every picture that no label names. What an earlier
    join has said is replaced.
    """
    dataset = _unjoined(dataset)
    images = dataset.images
    join = _Join(
        names=_stated_names(images, pictures),
        declared=_declared(images),
        files=_with_none(images["file"]),
        lines=_with_none(images["line"]),
        source_ids=_with_none(images["source_id"]),
    )
    measured = pictures.measure(pictures.files)
    join.paths = [_chosen(join, row, pictures, measured) for row in range(len(images))]
    _part_shared(join, images["source"].tolist())
    for row, path in enumerate(join.paths):
        if path is not None:
            _tell_faults(join, row, measured[path])
    table = _with_sizes(images, join, measured)
    used = {path for path in join.paths if path is not None} | join.unclear
    orphans = [file for file in pictures.files if file not in used]
    table = _with_orphans(dataset, table, orphans, measured, join)
    joined = dataset.with_tables(images=table)
    _tell_duplicates(joined, join, pictures, measured)
    _tell_stored(join, images["source"].tolist(), images["image_key"].tolist())
    _tell_left_out(join, pictures)
    fresh = findings_table(join.faults, table, dataset.boxes, dataset.name)
    parts = [part for part in (dataset.findings, fresh) if len(part)]
    findings = pd.concat(parts, ignore_index=True) if parts else fresh
    return joined.with_tables(findings=sorted_findings(findings))


def _with_none(column: pd.Series[Any]) -> list[Any]:  # a column of any type
    return column.astype(object).where(column.notna(), None).tolist()


def _unjoined(dataset: Dataset) -> Dataset:
    """The dataset as it was before pictures were joined to it."""
    images, findings = dataset.images, dataset.findings
    said = findings["check"].isin(_CODES)
    if not said.any() and images["path"].isna().all():
        return dataset
    told = findings[findings["check"] == "IMG-002"]
    keys = {place["image"] for text in told["places"].dropna() for place in json.loads(text)}
    is_orphan = images["image_id"].isin(told["image_id"]) | images["image_key"].isin(keys)
    images = images[~is_orphan.to_numpy(bool)].reset_index(drop=True)
    had_picture = images["path"].notna()
    values: dict[str, object] = {name: images[name] for name in IMAGE_COLUMNS}
    for side in ("width", "height"):
        values[side] = images[side].mask(had_picture, images[f"declared_{side}"])
    values |= {"path": None, "exif_orientation": None, "box_frame": "upright"}
    images = make_table(IMAGE_COLUMNS, len(images), values)
    return dataset.with_tables(images=images, findings=findings[~said.to_numpy(bool)])


def _stated_names(images: pd.DataFrame, pictures: Pictures) -> list[str]:
    """The names that the labels state: the keys without source name and ordinal."""
    keys, sources = images["image_key"].tolist(), images["source"].tolist()
    names = [key.removeprefix(f"{source}/") for key, source in zip(keys, sources, strict=True)]
    known = set(keys)
    stated = []
    for key, name in zip(keys, names, strict=True):
        first, _, ordinal = key.rpartition("#")
        # `shot#2` is a name of its own where there is such a picture.
        is_ordinal = ordinal.isdecimal() and first in known and not pictures.find(name)
        stated.append(name.rpartition("#")[0] if is_ordinal else name)
    return stated


def _declared(images: pd.DataFrame) -> list[Stated | None]:
    # A declared 0 is not "not declared": a normalising loader divides by it.
    sides = zip(
        _with_none(images["declared_width"]), _with_none(images["declared_height"]), strict=True
    )
    return [None if w is None and h is None else (w, h) for w, h in sides]


def _fits(declared: Stated, width: int | None, height: int | None) -> bool:
    """Whether a picture has the sides that are declared."""
    return declared[0] in (None, width) and declared[1] in (None, height)


def _chosen(join: _Join, row: int, pictures: Pictures, measured: dict[str, Picture]) -> str | None:
    name, declared = join.names[row], join.declared[row]
    found = pictures.find(name)
    if len(found) > 1 and declared is not None:
        # Several pictures of one name are told apart by the size that the label declares.
        fitting = [f for f in found if _fits(declared, measured[f].width, measured[f].height)]
        found = fitting if len(fitting) == 1 else found
    if not found:
        _tell_missing(join, row)
        return None
    if len(found) > 1:
        join.unclear.update(found)
        join.tell(
            "IMG-007",
            row,
            f"{len(found)} pictures fit the name {quote(name)}: {', '.join(found[:3])}",
            _CLEAR_NAME,
            cause="several pictures fit",
        )
        return None
    return found[0]


def _tell_missing(join: _Join, row: int) -> None:
    join.tell(
        "IMG-001",
        row,
        f"no picture {quote(join.names[row])} is under the image folder, should be there",
        "add the picture, correct --images, or remove the record",
    )


def _part_shared(join: _Join, sources: list[str]) -> None:
    """Leaves a picture that several names of one source fit to the name that fits it best.

    `train/1.jpg` and `val/1.jpg` both fit a lone `train/1.jpg`, and only one of them is that.
    """
    names_of: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(dict)
    for row, path in enumerate(join.paths):
        if path is not None:
            names_of[sources[row], path].setdefault(join.names[row], []).append(row)
    for (_, path), rows_of in names_of.items():
        fits = {name: _fit(name, path) for name in rows_of} if len(rows_of) > 1 else {}
        best = [name for name, fit in fits.items() if fit == max(fits.values())]
        for name in fits:
            for row in rows_of[name] if best != [name] else ():
                join.paths[row] = None
                if name not in best:
                    _tell_missing(join, row)
                    continue
                join.unclear.add(path)
                message = f"{len(best)} names fit the picture {quote(path)}: {', '.join(best[:3])}"
                join.tell("IMG-007", row, message, _CLEAR_NAME, cause="several names fit")


def _fit(name: str, path: str) -> tuple[int, int]:
    """How well a name fits a picture: 2 the path itself, 1 but for the ending; equal end parts."""
    key = normal_key(path)
    stem = key[: key.rindex(".")]
    whole = 2 if name == key else 1 if name == stem else 0
    own = name.casefold().split("/")
    n_equal = 0
    for text in (key, stem):
        parts = text.casefold().split("/")
        shared = min(len(parts), len(own))
        n = next((i for i in range(shared) if parts[-1 - i] != own[-1 - i]), shared)
        n_equal = max(n_equal, n)
    return whole, n_equal


def _tell_faults(join: _Join, row: int, picture: Picture) -> None:
    if picture.error is not None:
        join.tell(
            "IMG-003",
            row,
            f"the picture {quote(picture.path)} cannot be opened: {picture.error}",
            "restore the picture from its source",
        )
        return
    declared = join.declared[row]
    if declared is None or _fits(declared, picture.width, picture.height):
        return
    stored = (picture.stored_width, picture.stored_height)
    if picture.exif_orientation in SIDEWAYS and _fits(declared, *stored):
        join.stored.append(row)
        return
    width, height = ("?" if side is None else side for side in declared)
    join.tell(
        "IMG-004",
        row,
        f"declared size {width} x {height} px, the picture is "
        f"{picture.width} x {picture.height} px",
        "find out at which resolution the boxes were drawn and scale them",
    )


def _tell_stored(join: _Join, sources: list[str], keys: list[str]) -> None:
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row in join.stored:
        rows_of[sources[row]].append(row)
    for rows in rows_of.values():
        shown = ", ".join(join.names[row] for row in rows[:3])
        more = ", …" if len(rows) > 3 else ""
        files = {join.files[row] for row in rows}
        fault = Fault(
            "IMG-005",
            f"{len(rows)} images ({shown}{more}) are declared at the size that the file stores,"
            " should be upright (EXIF orientation applied): their boxes lie in the stored frame",
            "rotate these boxes into the upright frame, or remove the EXIF orientation",
            file=files.pop() if len(files) == 1 else None,
            images=tuple(rows),
            places=tuple(
                {
                    "image": keys[row],
                    "file": join.files[row],
                    "line": join.lines[row],
                    "source_id": join.source_ids[row],
                }
                for row in rows
            ),
        )
        join.faults.append(fault)


def _tell_left_out(join: _Join, pictures: Pictures) -> None:
    left = pictures.left_out
    if not left:
        return
    shown = ", ".join(f"{quote(path)} ({why})" for path, why in list(left.items())[:3])
    place = {"image": None, "line": None, "source_id": None}
    fault = Fault(
        "IMG-009",
        f"no picture was looked for in {shown}{', …' if len(left) > 3 else ''}",
        "give yourself the right to read it, or put the folder itself in the link's place",
        places=tuple({**place, "file": path} for path in left),
    )
    join.faults.append(fault)


def _with_sizes(images: pd.DataFrame, join: _Join, measured: dict[str, Picture]) -> pd.DataFrame:
    own = [None if path is None else measured[path] for path in join.paths]
    usable = [p if p is not None and p.error is None else None for p in own]
    stored = set(join.stored)

    def column(
        of: Callable[[Picture], int | None], of_stored: Callable[[Picture], int | None]
    ) -> Any:
        values = [
            None if p is None else (of_stored if row in stored else of)(p)
            for row, p in enumerate(usable)
        ]
        return pd.array(values, dtype="Int64")

    width = column(lambda p: p.width, lambda p: p.stored_width)
    height = column(lambda p: p.height, lambda p: p.stored_height)
    frames = ["stored" if row in stored else "upright" for row in range(len(images))]
    values = {name: images[name] for name in IMAGE_COLUMNS} | {
        "path": join.paths,
        "width": pd.Series(width).fillna(images["width"]),
        "height": pd.Series(height).fillna(images["height"]),
        "exif_orientation": [None if p is None else p.exif_orientation for p in usable],
        "box_frame": frames,
    }
    return make_table(IMAGE_COLUMNS, len(images), {k: _whole(v) for k, v in values.items()})


def _whole(values: Any) -> Any:  # a column in any form
    return values.array if isinstance(values, pd.Series) else values


def _with_orphans(
    dataset: Dataset,
    images: pd.DataFrame,
    orphans: list[str],
    measured: dict[str, Picture],
    join: _Join,
) -> pd.DataFrame:
    source = dataset.images["source"].iloc[0] if len(dataset.images) else dataset.name
    taken = set(images["image_key"])
    keys = [_free_key(f"{source}/{normal_key(file)}", taken) for file in orphans]
    pictures = [measured[file] for file in orphans]
    first = len(images)
    for row, picture in enumerate(pictures, first):
        join.names.append(picture.path)
        join.paths.append(picture.path)
        join.files.append(None)
        join.lines.append(None)
        join.source_ids.append(None)
        join.tell(
            "IMG-002",
            row,
            f"no label names the picture {quote(picture.path)}",
            "label it, or write an empty label when someone looked and saw nothing",
        )
        if picture.error is not None:
            message = f"the picture {quote(picture.path)} cannot be opened: {picture.error}"
            join.tell("IMG-003", row, message, "restore the picture from its source")
    if not orphans:
        return images
    rows = make_table(
        IMAGE_COLUMNS,
        len(orphans),
        {
            "image_id": key_hashes(keys),
            "image_key": keys,
            "path": orphans,
            "width": [p.width for p in pictures],
            "height": [p.height for p in pictures],
            "exif_orientation": [None if p.error else p.exif_orientation for p in pictures],
            "box_frame": "upright",
            "source": source,
            "label_state": "missing",
        },
    )
    table = pd.concat([images, rows], ignore_index=True) if len(images) else rows
    if not table["image_id"].is_unique:
        raise TableError("an orphan picture has the id of another image")
    return table


def _free_key(key: str, taken: set[str]) -> str:
    ordinal = 1
    free = key
    while free in taken:
        free = f"{key}#orphan{ordinal}"
        ordinal += 1
    taken.add(free)
    return free


def _tell_duplicates(
    dataset: Dataset, join: _Join, pictures: Pictures, measured: dict[str, Picture]
) -> None:
    groups = same_bytes(pictures, measured)
    if not groups:
        return
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(join.paths):
        if path is not None:
            rows_of[path].append(row)
    image_ids = dataset.images["image_id"].tolist()
    boxes_of: dict[int, list[int]] = defaultdict(list)
    for box_row, image_id in enumerate(dataset.boxes["image_id"].tolist()):
        boxes_of[image_id].append(box_row)
    keys = dataset.images["image_key"].tolist()
    for files in groups:
        rows = [row for file in files for row in rows_of[file]]
        boxes = [boxes_of[image_ids[row]] for row in rows]
        counts = ", ".join(
            f"{join.names[row]} ({len(own)} boxes)" for row, own in zip(rows, boxes, strict=True)
        )
        places = tuple(
            {
                "image": keys[row],
                "file": join.files[row],
                "line": None,
                "source_id": None,
            }
            for row in rows
        )
        fault = Fault(
            "IMG-008",
            f"{len(files)} pictures are the same file byte for byte: {counts}",
            "keep one of them, and join or choose the labels",
            images=tuple(rows),
            boxes=tuple(box for own in boxes for box in own),
            places=places,
        )
        join.faults.append(replace(fault, file=places[0]["file"]))
