"""Reading CVAT: which files are of this format, and their shapes as rows."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from curate.assembly import Fault, Gathered
from curate.dataset import Dataset
from curate.errors import SourceError, quote
from curate.formats.cvat.geometry import (
    CORNERS,
    CUBOID_KEY,
    Keypoint,
    keypoints_of,
    place_of,
    ring_of,
)
from curate.formats.cvat.parse import CvatFile, CvatImage, CvatShape, parse
from curate.formats.reading import HEAD_BYTES, Files, Options
from curate.formats.xml_spans import number
from curate.progress import track

NAME = "cvat"
# XML attributes that stand in `boxes.attributes`, and what they say when nobody said anything.
IN_ATTRIBUTES = {"z_order": "0", "group_id": "", "source": "manual", "keyframe": ""}
ORIGINS = {"auto": "detector", "file": "import"}
_OUTLINED = {"mask": "mask outline", "ellipse": "ellipse outline", "cuboid": "cuboid outline"}
_KNOWN = frozenset(
    {
        "label", "occluded", "outside", "frame", "rotation", "points", *CORNERS, "left", "top",
        "width", "height", "rle", "cx", "cy", "rx", "ry", *IN_ATTRIBUTES,
    }
)  # fmt: skip
_POINT_KNOWN = frozenset({"label", "source", "keyframe", "outside", "occluded", "points"})
_IMAGE_KNOWN = frozenset({"id", "name", "width", "height", "subset"})
_MAX_SIDE_PX = 2**31 - 1
_MAX_FRAME = 2**53
_CORRECT = "correct it in the file, or export again from CVAT"
# Atomic groups: text that is made to backtrack for ever is no slower than any other.
_MISC = rb"(?>(?>\s+|<\?.*?\?>|<!--.*?-->|<![A-Z](?>\[.*?\]|[^>\[])*+>))*+"
_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?" + _MISC + rb"<annotations[\s/>]", re.DOTALL)


def claims(files: Files) -> list[str]:
    """The .xml files whose root element is `annotations`."""
    names = [name for name in files.files if name.lower().endswith(".xml")]
    return sorted(name for name in names if may_be(files, name, None))


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a file has CVAT's root element."""
    try:
        return _ROOT.match(files.head(name, HEAD_BYTES)) is not None
    except SourceError:
        return False


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The images and shapes of CVAT files.

    `options` hold nothing that CVAT needs: its coordinates are in px.
    """
    rows = _Rows()
    for name in track(names, len(names), "label files"):
        rows.add_file(name, files)
    return Gathered(
        n_images=len(rows.images["file"]),
        n_boxes=len(rows.boxes["line"]),
        images={**rows.images},
        boxes={**rows.boxes},
        faults=rows.faults,
        classes=rows.classes,
        files={**rows.kept},
        formats={name: NAME for name in names if name in rows.kept},
    )


def extras(dataset: Dataset) -> Counter[str]:
    """How many values the kept CVAT files hold that no column carries, by element name.

    An XML attribute is named `element@attribute`; `outline` counts what `outlines` gives.
    """
    counts: Counter[str] = Counter()
    for name, kind in dataset.formats.items():
        if kind != NAME:
            continue
        found = parse(dataset.sources.read(name))
        counts.update(found.uncarried)
        for image in found.images:
            counts.update(f"image@{key}" for key in image.fields.keys() - _IMAGE_KNOWN)
        for shape in found.shapes:
            counts.update(_uncarried(shape))
    return +counts


def _uncarried(shape: CvatShape) -> list[str]:
    fields, kind = shape.fields, shape.kind
    unknown = fields.keys() - _KNOWN
    lost = [f"{kind}@{key}" for key in unknown if not CUBOID_KEY.fullmatch(key)]
    if kind in _OUTLINED:
        lost.append(_OUTLINED[kind])
    elif kind == "skeleton":
        lost.append("keypoints")
        lost += [f"skeleton/points@{k}" for own in shape.points for k in own.keys() - _POINT_KNOWN]
    elif ring_of(kind, fields) is not None:
        lost.append("outline")
    elif kind in ("points", "polyline"):
        n_held = 1 if kind == "points" else 2
        lost += [f"{kind}@points"] * (fields.get("points", "").count(";") + 1 > n_held)
    return lost


def outlines(dataset: Dataset) -> dict[int, Any]:  # COCO segmentations
    """The outlines of polygons and turned boxes by box_id, as COCO's polygons in px."""
    rings = ((box_id, ring_of(shape.kind, shape.fields)) for box_id, shape in _shapes(dataset))
    return {box_id: [ring] for box_id, ring in rings if ring is not None}


def keypoints(dataset: Dataset) -> dict[int, list[Keypoint]]:
    """The keypoints of each skeleton by box_id, in the file's order."""
    return {
        box_id: keypoints_of(shape.points, [])[0]
        for box_id, shape in _shapes(dataset)
        if shape.kind == "skeleton"
    }


def _shapes(dataset: Dataset) -> Iterator[tuple[int, CvatShape]]:
    """The kept shapes with the box_id of their rows."""
    columns = (dataset.boxes[name].tolist() for name in ("file", "start", "box_id"))
    ids = {(file, start): box_id for file, start, box_id in zip(*columns, strict=True)}
    for name, kind in dataset.formats.items():
        for shape in parse(dataset.sources.read(name)).shapes if kind == NAME else ():
            if (name, shape.start) in ids:
                yield ids[name, shape.start], shape


class _Rows:
    """The columns that grow file by file."""

    def __init__(self) -> None:
        self.images: dict[str, list[Any]] = {  # values of many types
            name: []
            for name in (
                "image_name", "width", "height", "declared_width", "declared_height", "split",
                "group", "frame", "label_state", "source_id", "file", "line", "start", "end",
            )
        }  # fmt: skip
        self.boxes: dict[str, list[Any]] = {  # values of many types
            name: []
            for name in (
                "image_row", "shape", "source_label", "label", "role", "x1", "y1", "x2", "y2",
                "angle_deg", "origin", "occluded", "track_id", "attributes", "source_id", "file",
                "line", "start", "end",
            )
        }  # fmt: skip
        self.faults: list[Fault] = []
        self.classes: list[dict[str, str | None]] = []
        self.kept: dict[str, bytes] = {}

    def add_file(self, name: str, files: Files) -> None:
        """One more label file: its images, the frames of its tracks, and their shapes."""
        try:
            body = files.read(name)
        except SourceError as error:
            mend = error.mend or "restore the file"
            self.faults.append(Fault("SRC-002", error.what, mend, name, 1))
            return
        self.kept[name] = body
        found = parse(body)
        if found.error:
            what, mend, line = found.error
            self.faults.append(Fault("SRC-002", what, mend, name, line))
            return
        self.classes += [{"file": name, "label": label} for label in dict.fromkeys(found.labels)]
        first = len(self.images["file"])
        for image in found.images:
            self._add_image(name, image)
        rows = {str(image.fields.get("id")): first + row for row, image in enumerate(found.images)}
        self._add_frames(name, found, rows)
        shown: set[int] = set()
        labels = frozenset(found.labels)
        # Every shape has faults of its own, so that they are read one by one.
        for shape in found.shapes:
            row = rows.get(_frame_of(shape)) if shape.image is None else first + shape.image
            if row is None:
                self._lone(name, shape)
                continue
            self._add_shape(name, shape, row, labels)
            if self.boxes["role"][-1] != "exclude":
                shown.add(row)
        for row in range(first, len(self.images["file"])):
            self.images["label_state"][row] = "present" if row in shown else "empty"
        if not found.images and not found.shapes:
            message = "the file lists no image and no track"
            mend = "nothing, if that is so; else export it again"
            self.faults.append(Fault("SRC-018", message, mend, name))

    def _lone(self, name: str, shape: CvatShape) -> None:
        text = shape.fields.get("frame")
        what = f"<{shape.kind}> of a track has frame {quote(text)}, should be a frame's number"
        self.faults.append(Fault("SRC-001", what, _CORRECT, name, shape.line))

    def _add_image(self, file: str, image: CvatImage) -> None:
        row = len(self.images["file"])
        fields = image.fields
        sides = [
            self._side(fields.get(side, ""), side, file, (image.line, row))
            for side in ("width", "height")
        ]
        image_name = fields.get("name") or f"image-{fields.get('id', row)}"
        if not fields.get("name"):
            what = "<image> has no name, should name the picture"
            self.faults.append(Fault("SRC-001", what, _CORRECT, file, image.line, images=(row,)))
        values = (
            image_name, *sides, *sides, fields.get("subset") or None, None, None, "empty",
            fields.get("id") or None, file, image.line, image.start, image.end,
        )  # fmt: skip
        for column, value in zip(self.images.values(), values, strict=True):
            column.append(value)

    def _add_frames(self, file: str, found: CvatFile, rows: dict[str, int]) -> None:
        """The frames that only tracks tell of, in their order."""
        frames = {_frame_of(s) for s in found.shapes if s.image is None} - rows.keys() - {""}
        if not frames:
            return
        first = len(self.images["file"])
        sides = [
            self._side(found.size.get(side, ""), side, file, (1, first))
            for side in ("width", "height")
        ]
        for frame in sorted(map(int, frames)):
            rows[str(frame)] = len(self.images["file"])
            values = (
                f"frame_{frame:06d}", *sides, *sides, None, found.video, frame, "empty",
                str(frame), file, None, None, None,
            )  # fmt: skip
            for column, value in zip(self.images.values(), values, strict=True):
                column.append(value)

    def _side(self, text: str, side: str, file: str, place: tuple[int, int]) -> int | None:
        if text == "":
            return None
        value = number(text)
        if value is not None and 0 < value <= _MAX_SIDE_PX and value == int(value):
            return int(value)
        line, row = place
        what = f"the {side} is {quote(text)}, should be a whole number of px above 0"
        self.faults.append(Fault("SRC-001", what, _CORRECT, file, line, images=(row,)))
        return None

    def _add_shape(self, file: str, shape: CvatShape, row: int, labels: frozenset[str]) -> None:
        problems: list[str] = []
        told = {**(shape.track or {}), **shape.fields}
        is_outside = _flag(told, "outside", problems) == 1
        if shape.kind == "skeleton":
            form, angle = "box", None
            _, edges, is_seen = keypoints_of(shape.points, problems)
            # A skeleton of which no point is in the picture has left it.
            is_outside |= bool(shape.points) and not is_seen
        else:
            form, edges, angle = place_of(shape.kind, shape.fields, problems)
        label = told.get("label") or None
        occluded = _flag(told, "occluded", problems)
        is_unknown = label is not None and bool(labels) and label not in labels
        track_id = None if shape.track is None else shape.track.get("id")
        source_id = None if shape.track is None else f"{track_id}:{_frame_of(shape)}"
        values = (
            row, form, label, None if is_unknown else label,
            "exclude" if is_outside else "include", *edges,
            math.nan if angle is None else angle, ORIGINS.get(told.get("source", ""), "human"),
            occluded, track_id, _attributes(told, shape), source_id, file, shape.line,
            shape.start, shape.end,
        )  # fmt: skip
        box_row = len(self.boxes["line"])
        for column, value in zip(self.boxes.values(), values, strict=True):
            column.append(value)
        faults = [("SRC-001", problem, _CORRECT) for problem in problems]
        if label is None:
            faults.append(("SRC-009", "has no label, should name its class", "give it a class"))
        elif is_unknown:
            what = f"has label {quote(label)}, which is not among the task's labels"
            faults.append(("SRC-004", what, "correct the label, or add it to <labels>"))
        self.faults += [
            Fault(code, f"<{shape.kind}> {problem}", mend, file, shape.line, source_id,
                  images=(row,), boxes=(box_row,))
            for code, problem, mend in faults
        ]  # fmt: skip


def _frame_of(shape: CvatShape) -> str:
    """The frame of a track's shape as a plain number; "" for what is none."""
    value = number(shape.fields.get("frame", ""))
    is_good = value is not None and 0 <= value < _MAX_FRAME and value == int(value)
    return str(int(value)) if value is not None and is_good else ""


def _flag(fields: dict[str, str], name: str, problems: list[str]) -> float | None:
    text = fields.get(name, "")
    if text in ("0", "1"):
        return float(text)
    if text:
        problems.append(f"has {name} {quote(text)}, should be 0 or 1")
    return None


def _attributes(told: dict[str, str], shape: CvatShape) -> str | None:
    """The `<attribute>` texts and what IN_ATTRIBUTES names, as JSON; None when there is nothing."""
    values = {
        name: told[name] for name, plain in IN_ATTRIBUTES.items() if told.get(name, plain) != plain
    }
    if values.get("source") in ORIGINS:
        del values["source"]
    for name, text in shape.answers.items():
        values[f"attribute {name}" if name in IN_ATTRIBUTES else name] = text
    return json.dumps(values, ensure_ascii=False, sort_keys=True) if values else None
