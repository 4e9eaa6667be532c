"""Reading YOLO label files: their rows as boxes, polygons and rotated boxes in px."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from curate.assembly import Fault, Gathered
from curate.errors import SourceError, quote
from curate.formats.reading import Files, Options, read_many
from curate.formats.sizes import ImageSize, image_sizes
from curate.formats.yolo.kinds import (
    BOX,
    CORNER_COLUMNS,
    POLYGON,
    ROTATED,
    Bools,
    Geometry,
    geometry_of,
    scheme_of,
)
from curate.formats.yolo.rows import Floats, Ints, Rows, parse_rows
from curate.formats.yolo.setup import Homes, Setup, find_homes, folder_of, label_name, read_setup
from curate.formats.yolo_rows import NO_CLASS
from curate.progress import track

NAME = "yolo"
# Corners are mostly rounded to whole px before they become fractions; of a small box the share
# of its diagonal counts.
_CORNER_PX = 1.0
_CORNER_FRAC = 0.02
_SHAPES = ("box", "polygon", "rotated", "box")
_CORRECT = "correct the line, or export again from the labelling tool"
_LABELS = "labels"


def gather(files: Files, names: Sequence[str], options: Options) -> Gathered:
    """The images and objects of YOLO label files, and those of lists that have no label file.

    Raises
    ------
    SourceError
        When there is a row and neither pictures nor a size were given: none could be placed.
    FormatError
        When the rows may be of several kinds and neither `options.kind` nor a yaml says which.
    """
    setup = read_setup(files, names, options)
    homes = find_homes(setup, files, names)
    bodies = _bodies(files, names, setup)
    kept = list(bodies)
    rows = parse_rows(list(bodies.values()))
    if len(rows) and not options.tells_sizes:
        raise SourceError(
            f"{kept[int(rows.file[0])]} gives its boxes as fractions of an image whose size it"
            " does not state",
            mend="give the pictures with --images DIR, or one size in px for all with --size WxH",
        )
    source = _Source(kept, rows, geometry_of(rows, scheme_of(rows, setup, options.kind)))
    images = _images(source, names, bodies, homes, options)
    boxes = _boxes(source, images)
    faults = [*setup.faults, *_label_column(source, setup, boxes)]
    faults += _row_faults(source) + _file_faults(source, images)
    return Gathered(
        n_images=len(images.names),
        n_boxes=len(rows),
        images=images.columns,
        boxes=boxes,
        faults=faults,
        classes=setup.classes,
        files={**setup.kept, **bodies},
        formats=dict.fromkeys(kept, NAME),
    )


@dataclass
class _Source:
    """The label files that were read, their rows, and what these are."""

    files: list[str]
    rows: Rows
    geometry: Geometry

    def place(self, row: int) -> dict[str, Any]:
        """The place of a row as the fields of a fault."""
        line = int(self.rows.line[row])
        file = int(self.rows.file[row])
        named = {"file": self.files[file], "line": line, "source_id": str(line)}
        return {**named, "images": (file,), "boxes": (row,)}


@dataclass
class _Images:
    """The images, those of label files first: names, sizes in px, columns of the table."""

    names: list[str]
    sizes: list[ImageSize]
    columns: dict[str, Any]  # columns of any type


def _bodies(files: Files, names: Sequence[str], setup: Setup) -> dict[str, bytes]:
    """The bytes of the label files; one that cannot be read has a fault and none."""
    bodies: dict[str, bytes] = {}
    broken: list[tuple[str, SourceError]] = []
    for name, body in track(read_many(files, names), len(names), "label files"):
        if isinstance(body, SourceError):
            broken.append((name, body))
        else:
            bodies[name] = body
    for row, (name, failure) in enumerate(broken, len(bodies)):
        mend = failure.mend or "restore the file from a backup"
        setup.faults.append(Fault("SRC-002", failure.what, mend, name, 1, images=(row,)))
    return bodies


def _images(
    source: _Source,
    names: Sequence[str],
    bodies: Mapping[str, bytes],
    homes: Homes,
    options: Options,
) -> _Images:
    """A row per label file, those that could not be read last, then the listed pictures without."""
    labels = [*source.files, *(name for name in names if name not in bodies)]
    stated = [homes.name_of.get(file) or label_name(file) for file in labels]
    taken = set(stated)
    missing = {name: split for name, split in homes.missing.items() if name not in taken}
    n_labels, n_missing = len(labels), len(missing)
    sizes = image_sizes(options, stated) + [ImageSize(options.size_wh, 0)] * n_missing
    n_rows = np.bincount(source.rows.file, minlength=n_labels).tolist()
    states = [
        "unreadable" if at in source.rows.no_text or file not in bodies
        else "present" if n_rows[at] else "empty"
        for at, file in enumerate(labels)
    ]  # fmt: skip
    of_all = [size.wh or (None, None) for size in sizes]
    none = [None] * n_missing
    every = [*stated, *missing]
    columns = {
        "image_name": every,
        "width": [wh[0] for wh in of_all],
        "height": [wh[1] for wh in of_all],
        "split": [*map(homes.split_of.get, labels), *missing.values()],
        "label_state": states + ["missing"] * n_missing,
        "file": [*labels, *none],
        "line": [1] * n_labels + none,
        "start": [0] * n_labels + none,
        "end": [len(bodies.get(file, b"")) for file in labels] + none,
    }
    return _Images(every, sizes, columns)


def _boxes(source: _Source, images: _Images) -> dict[str, Any]:  # columns of any type
    rows, geometry = source.rows, source.geometry
    sides = np.array([size.wh or (np.nan, np.nan) for size in images.sizes], np.float64)
    sizes = sides.reshape(-1, 2)[rows.file]
    edges, angles = _edges(rows, geometry, sizes)
    scores = np.full(len(rows), np.nan)
    for has_track in (False, True):
        own = np.flatnonzero(geometry.has_score & (geometry.has_track == has_track))
        scores[own] = rows.value(own, -2 if has_track else -1)
    predicted = geometry.has_score | geometry.has_track
    return {
        "image_row": rows.file,
        "shape": pa.array(_SHAPES).take(pa.array(geometry.shape)),
        **dict(zip(("x1", "y1", "x2", "y2"), edges.T.copy(), strict=True)),
        "angle_deg": angles,
        "score": scores,
        "origin": pa.array(["human", "detector"]).take(pa.array(predicted.astype(np.int8))),
        "track_id": _track_ids(rows, geometry),
        "attributes": _attributes(source, predicted),
        "source_id": rows.line,
        "file": pa.array(source.files or [""]).take(pa.array(rows.file)),
        "line": rows.line,
        "start": rows.start,
        "end": rows.end,
    }


def _edges(rows: Rows, geometry: Geometry, sizes: Floats) -> tuple[Floats, Floats]:
    """(N, 4) edges in px and (N,) angles in degrees; NaN where there are none."""
    edges, angles = np.full((len(rows), 4), np.nan), np.full(len(rows), np.nan)
    own = np.flatnonzero(geometry.shape == BOX)
    cx, cy, w, h = (rows.value(own, column) for column in (1, 2, 3, 4))
    fractions = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1)
    edges[own] = fractions * np.tile(sizes[own], 2)
    own = np.flatnonzero(geometry.shape == POLYGON)
    if len(own):
        edges[own] = bounds_of(rows, own, geometry.n_tail[own]) * np.tile(sizes[own], 2)
    own = np.flatnonzero(geometry.shape == ROTATED)
    if len(own):
        columns = [rows.value(own, column) for column in range(1, CORNER_COLUMNS)]
        corners = np.stack(columns, axis=1).reshape(-1, 4, 2) * sizes[own][:, None]
        edges[own] = np.hstack([corners.min(axis=1), corners.max(axis=1)])
        angles[own] = angles_of(corners)
    return edges, angles


def bounds_of(rows: Rows, own: Ints, n_tail: Ints) -> Floats:
    """(N, 4): the bounds of polygons, as fractions."""
    n_points = (rows.count[own] - 1 - n_tail) // 2
    begins = np.cumsum(n_points) - n_points
    at = np.arange(int(n_points.sum())) - np.repeat(begins, n_points)
    xs = np.repeat(rows.first[own] + 1, n_points) + 2 * at
    sides = [rows.values[xs], rows.values[xs + 1]]
    low = [np.minimum.reduceat(side, begins) for side in sides]
    high = [np.maximum.reduceat(side, begins) for side in sides]
    return np.stack(low + high, axis=1)


def angles_of(corners: Floats) -> Floats:
    """(N,) degrees in [0, 90): the turn of rectangles, clockwise; NaN for other quadrangles.

    Parameters
    ----------
    corners
        (N, 4, 2) x and y in px, in the order of going round.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        along, across = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
        diagonals = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
        lengths = [np.hypot(*diagonal.T) for diagonal in diagonals]
        allowed = np.minimum(_CORNER_PX, _CORNER_FRAC * lengths[0])
        # A parallelogram whose diagonals are equally long is a rectangle.
        off = np.abs(corners[:, 2] - (corners[:, 1] + across)).max(axis=1)
        is_rectangle = (off <= allowed) & (np.abs(lengths[0] - lengths[1]) <= allowed)
        angles = np.degrees(np.arctan2(along[:, 1], along[:, 0])) % 90.0
    # A hair below 0 becomes 90 by rounding.
    return np.where(is_rectangle, np.where(angles == 90.0, 0.0, angles), np.nan)


def _track_ids(rows: Rows, geometry: Geometry) -> list[str | None] | None:
    tracked = np.flatnonzero(geometry.has_track)
    if not len(tracked):
        return None
    ids: list[str | None] = [None] * len(rows)
    for row, value in zip(tracked.tolist(), rows.value(tracked, -1).tolist(), strict=True):
        # One that is no whole number is told as it stands; no number is none.
        if math.isfinite(value):
            ids[row] = str(int(value)) if value.is_integer() else str(value)
    return ids


def _attributes(source: _Source, predicted: Bools) -> list[str | None] | None:
    """The run's name of predictions: Ultralytics writes them to `<run>/labels/`."""
    if not predicted.any():
        return None
    runs = [_run_of(file) for file in source.files]
    texts = [None if run is None else json.dumps({"detector": run}) for run in runs]
    is_told = predicted.tolist()
    return [texts[f] if told else None for f, told in zip(source.rows.file, is_told, strict=True)]


def _run_of(file: str) -> str | None:
    parts = file.split("/")[:-1]
    at = len(parts) - 1 - parts[::-1].index(_LABELS) if _LABELS in parts else 0
    return parts[at - 1] if at > 0 else None


def _label_column(source: _Source, setup: Setup, boxes: dict[str, Any]) -> list[Fault]:
    """Sets source_label and label; the faults of classes that are not listed or none."""
    rows = source.rows
    numbers, inverse = np.unique(rows.classes, return_inverse=True)
    texts = pa.array([str(number) for number in numbers], pa.large_string())
    names_of = _names_by_file(source, setup)
    labels: list[str | None] | None = None
    known: Bools = np.zeros(len(rows), np.bool_)
    if len({id(names) for names in names_of}) <= 1:
        names = names_of[0] if names_of else None
        listed = [_label(int(number), names) for number in numbers]
        column: Any = pa.array(listed, pa.large_string()).take(pa.array(inverse))
        known = np.array([label is not None for label in listed], np.bool_)[inverse]
    else:
        pairs = zip(rows.classes.tolist(), rows.file.tolist(), strict=True)
        labels = [_label(number, names_of[file]) for number, file in pairs]
        known = np.array([label is not None for label in labels], np.bool_)
        column = pa.array(labels, pa.large_string())
    written = texts.take(pa.array(inverse))
    if rows.texts:
        own: list[str | None] = written.to_pylist()
        for row, text in rows.texts.items():
            own[row] = text
        written = pa.array(own, pa.large_string())
    boxes |= {"source_label": written, "label": column}
    return [
        fault
        for row in np.flatnonzero(~known).tolist()
        if (fault := _class_fault(source, row, written[row].as_py(), names_of)) is not None
    ]


def _names_by_file(source: _Source, setup: Setup) -> list[dict[int, str] | None]:
    by_folder: dict[str, dict[int, str] | None] = {}
    found = []
    for file in source.files:
        folder = folder_of(file)
        if folder not in by_folder:
            by_folder[folder] = setup.names_in(folder)
        found.append(by_folder[folder])
    return found


def _label(number: int, names: Mapping[int, str] | None) -> str | None:
    if number < 0:
        return None
    return str(number) if names is None else names.get(number)


def _class_fault(
    source: _Source, row: int, text: str | None, names_of: Sequence[Mapping[int, str] | None]
) -> Fault | None:
    if text is None:
        # Told with the other numbers of its row.
        return None
    if text in NO_CLASS:
        what = f"class {text}: the box has no class"
        mend = "give the box a class and export again"
        return Fault("SRC-009", what, mend, **source.place(row))
    names = names_of[int(source.rows.file[row])]
    should = "a whole number from 0"
    if names:
        should = f"one of {min(names)} to {max(names)}"
    what = f"class {quote(text)} is not in the list of classes, should be {should}"
    mend = "add the class to the list (data.yaml, --classes FILE) or correct the number"
    return Fault("SRC-004", what, mend, **source.place(row))


def _row_faults(source: _Source) -> list[Fault]:
    wrong = source.geometry.wrong | source.rows.problems
    return [
        Fault("SRC-001", what, _CORRECT, **source.place(row)) for row, what in sorted(wrong.items())
    ]


def _file_faults(source: _Source, images: _Images) -> list[Fault]:
    """Files that are no text, and pictures that are not found or not clear."""
    faults = []
    for file, (what, line) in sorted(source.rows.no_text.items()):
        what = f"no row of the file is a class and numbers: {what}"
        mend = "restore the file or export it again"
        faults.append(Fault("SRC-002", what, mend, source.files[file], line, images=(file,)))
    boxes_of: dict[int, list[int]] = defaultdict(list)
    unsized = [size.wh is None or size.n_pictures > 1 for size in images.sizes[: len(source.files)]]
    if any(unsized):
        for row in np.flatnonzero(np.array(unsized)[source.rows.file]).tolist():
            boxes_of[int(source.rows.file[row])].append(row)
    for file, boxes in boxes_of.items():
        name, n_pictures = images.names[file], images.sizes[file].n_pictures
        code = "SRC-011" if n_pictures > 1 else "SRC-015"
        what = f"no readable picture of the name {quote(name)}: its boxes cannot be placed"
        mend = "add the picture to --images DIR, or give the size with --size WxH"
        if n_pictures > 1:
            what = f"{n_pictures} pictures fit the name {quote(name)}: the boxes may belong to any"
            mend = "give the pictures different names, or point --images at the right folder"
        place: dict[str, Any] = {"file": source.files[file], "images": (file,)}
        faults.append(Fault(code, what, mend, **place, boxes=tuple(boxes)))
    return faults
