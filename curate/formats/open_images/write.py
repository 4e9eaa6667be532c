"""Writing Open Images' tables of boxes: from the columns, or back into the files that were read."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from curate.dataset import Dataset
from curate.formats.csv_header import plain
from curate.formats.csv_rows import field_text, header_of, with_fields
from curate.formats.image_names import safe_part
from curate.formats.line_files import LineFormat, LineImage, Spot, line_images, write_lines
from curate.formats.open_images.read import ATTRIBUTES, EDGES, FLAGS, NAME
from curate.formats.per_image import BoxRow, Change, box_rows
from curate.formats.writing import LossReport, Lost

HEADER = (
    "ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax", "IsOccluded",
    "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside",
)  # fmt: skip

_LACK = "Open Images has no column for it"
_NO_COLUMN = "the table has no column for it"
_NO_ROW = "no row tells of an image without boxes"
_NO_SIZE = "the size of their image is not known: no fraction can be written"
_NO_EDGE = "no finite number of px of an image of known size: the field is left as it was"
_ONE_NAME = "a row has one name of its class"
_NO_FLAG = "a flag is 0 or 1: 1 is written for what is above 0"
_OTHERS = "only Source, Confidence and IsInside are written"
_STATE = "an image with a row is read as one with labels present"
_AS_TRUTH = "scores of 0 and 1 alone are read as those of drawn boxes"
_ORIGIN = "a row with a score is a detector's, any other a person's"
_BOX_EDGES = dict(zip(EDGES, ("x1", "y1", "x2", "y2"), strict=True))
_BOX_COLUMNS = frozenset(
    {
        "label", "source_label", "shape", *_BOX_EDGES.values(), *FLAGS.values(), "score", "origin",
        "attributes",
    }
)  # fmt: skip


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `annotations-bbox.csv`, one per split, or the tables that were read, into a folder.

    Parameters and errors are those of `line_files.write_lines`.
    """
    return write_lines(_format(dataset), dataset, folder, original)


def _format(dataset: Dataset) -> LineFormat:
    named = dataset.classes[dataset.classes["source_id"].notna()]
    token_of = dict(zip(named["label"], named["source_id"], strict=True))

    def change_line(line: bytes, change: Change, spot: Spot, lost: Lost) -> bytes:
        return _changed(line, change, spot, token_of, lost)

    def new_line(row: BoxRow, spot: Spot, lost: Lost) -> bytes | None:
        return _new(row, spot, token_of, lost)

    return LineFormat(
        name=NAME,
        title="Open Images",
        lack=_LACK,
        no_line=_NO_ROW,
        image_columns=frozenset({"split", "label_state"}),
        box_columns=_BOX_COLUMNS,
        kept_images={"image_key": "the rows keep their ImageID"},
        make=_made,
        placed=_placed,
        change_line=change_line,
        new_line=new_line,
        beside=_beside,
    )


def _beside(dataset: Dataset, original: Dataset, lost: Lost) -> dict[str, bytes]:
    """The lists of classes, and a count of the images that no row tells of any more."""
    bare = original.images["image_id"].isin(dataset.images["image_id"])
    bare &= ~original.images["image_id"].isin(dataset.boxes["image_id"])
    lost["images", _NO_ROW] += int(bare.sum())
    names = [name for name in dataset.sources.names() if name not in dataset.formats]
    return {name: dataset.sources.read(name) for name in names}


def _placed(dataset: Dataset) -> Collection[int]:
    images = dataset.images
    sized = (images["width"].fillna(0) > 0) & (images["height"].fillna(0) > 0)
    return set(images.loc[sized, "image_id"]) & set(dataset.boxes["image_id"])


def _made(dataset: Dataset, lost: Lost) -> dict[str, bytes]:
    """A table per split, rows in the order of the image keys and then of the boxes table."""
    order = dataset.images.sort_values("image_key")
    rows: dict[int, list[BoxRow]] = defaultdict(list)
    for image_id, row in zip(dataset.boxes["image_id"], box_rows(dataset.boxes), strict=True):
        rows[image_id].append(row)
    tables: dict[str, list[tuple[LineImage, BoxRow]]] = defaultdict(list)
    for image in line_images(order):
        here = rows[image.image_id]
        if not here:
            lost["images", _NO_ROW] += 1
        elif not image.width or not image.height:
            lost["images", _NO_SIZE] += 1
            lost["boxes", _NO_SIZE] += len(here)
        else:
            tables[_file_name(image, lost)] += [(image, row) for row in here]
            lost["images.label_state", _STATE] += image.label_state != "present"
    return {name: _table(pairs, lost) for name, pairs in sorted(tables.items())}


def _file_name(image: LineImage, lost: Lost) -> str:
    if image.split is None:
        return "annotations-bbox.csv"
    part = safe_part(image.split)
    lost["images.split", "written as a file name that every system takes"] += part != image.split
    return f"{part}-annotations-bbox.csv"


def _table(pairs: list[tuple[LineImage, BoxRow]], lost: Lost) -> bytes:
    scores = [row.score for _, row in pairs if row.score is not None]
    is_scored = any(score not in (0, 1) for score in scores)
    if not is_scored:
        lost["boxes.score", _AS_TRUTH] += len(scores)
    lines = [",".join(HEADER)]
    header = [plain(name) for name in HEADER]
    for image, row in pairs:
        cells = _cells(image, row, {}, lost)
        cells |= _told_cells(row, lost, is_scored=is_scored)
        is_found = is_scored and row.score is not None
        lost["boxes.origin", _ORIGIN] += row.origin != ("detector" if is_found else "human")
        if row.source_label is not None and row.source_label != cells["labelname"]:
            lost["boxes.source_label", _ONE_NAME] += 1
        lines.append(",".join(field_text(cells[name]) for name in header))
    return "".join(f"{line}\n" for line in lines).encode()


def _cells(
    image: LineImage, row: BoxRow, token_of: Mapping[str, str], lost: Lost
) -> dict[str, str]:
    """What a new row says of image, class, box and flags, by plain column name."""
    label = row.label or ""
    cells = {"imageid": image.name, "labelname": token_of.get(label, label)}
    for name, column in _BOX_EDGES.items():
        cells[name] = _fraction(getattr(row, column), _side(image, column)) or ""
    for name, column in FLAGS.items():
        value = getattr(row, column)
        cells[name] = _flag(value)
        if _is_grade(value):
            lost[f"boxes.{column}", _NO_FLAG] += 1
    return cells


def _told_cells(row: BoxRow, lost: Lost, *, is_scored: bool) -> dict[str, str]:
    """Source, Confidence and IsInside of a new row, by plain column name."""
    held, is_all = _held(row.attributes)
    cells = {"source": held.get("Source", ""), "confidence": held.get("Confidence", "")}
    cells["isinside"] = held.get("IsInside", "-1")
    if is_scored:
        is_all &= "Confidence" not in held
        cells["confidence"] = "" if row.score is None else repr(float(row.score))
    if not is_all:
        lost["boxes.attributes", _OTHERS] += 1
    return cells


def _side(image: LineImage, column: str) -> int | None:
    return image.width if column in ("x1", "x2") else image.height


def _fraction(edge: float | None, side: int | None) -> str | None:
    """An edge in px as a fraction of the image in its shortest exact form; None for none."""
    if edge is None or not side or not math.isfinite(edge):
        return None
    return repr(float(edge) / side)


def _flag(value: float | None) -> str:
    # A flag of the table is a bool, which is a number too.
    if value is None or math.isnan(value):
        return "-1"
    return "1" if value > 0 else "0"


def _is_grade(value: float | None) -> bool:
    return value is not None and value not in (0, 1)


def _held(text: str | None) -> tuple[dict[str, str], bool]:
    """Of `boxes.attributes`: the fields of a row by name, and whether that is all there is."""
    try:
        values: Any = (
            {} if text is None else json.loads(text, parse_float=_Number, parse_int=_Number)
        )
    except (ValueError, RecursionError):
        return {}, False
    if not isinstance(values, dict):
        return {}, False
    held = {}
    source, confidence, inside = (values.get(name) for name in ATTRIBUTES.values())
    if isinstance(source, str) and not isinstance(source, _Number) and source:
        held["Source"] = source
    if isinstance(confidence, _Number) and _is_number(confidence):
        held["Confidence"] = str(confidence)
    if isinstance(inside, bool):
        held["IsInside"] = "1" if inside else "0"
    return held, held.keys() == values.keys()


class _Number(str):
    """The text of a number in JSON, told from a string of the same characters."""

    __slots__ = ()


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _header(spot: Spot) -> dict[str, int]:
    """The place of each column of a file by its plain name."""
    names = [plain(name) for name in header_of(spot.first_line)]
    return {name: names.index(name) for name in names}


def _changed(
    line: bytes, change: Change, spot: Spot, token_of: Mapping[str, str], lost: Lost
) -> bytes:
    new, columns = change.new, change.columns
    cells: dict[str, str] = {}
    for name, column in _BOX_EDGES.items():
        text = _fraction(getattr(new, column), _side(spot.image, column))
        if column in columns and text is None:
            lost[f"boxes.{column}", _NO_EDGE] += 1
        elif column in columns and text is not None:
            cells[name] = text
    if columns & {"label", "source_label"}:
        cells |= _class_cells(new, change.old, token_of, columns, lost)
    for name, column in FLAGS.items():
        if column in columns:
            cells[name] = _flag(getattr(new, column))
            if _is_grade(getattr(new, column)):
                lost[f"boxes.{column}", _NO_FLAG] += 1
    if "image_id" in columns:
        cells["imageid"] = spot.image.name
    header = _header(spot)
    cells |= dict(_other_cells(new, columns, header, lost))
    for name in sorted(cells.keys() - header.keys()):
        lost[f"boxes.{FLAGS.get(name, 'attributes')}", _NO_COLUMN] += 1
    return with_fields(line, {header[n]: text for n, text in cells.items() if n in header})


def _class_cells(
    new: BoxRow, old: BoxRow, token_of: Mapping[str, str], columns: frozenset[str], lost: Lost
) -> dict[str, str]:
    cells = {}
    token = old.source_label
    if "label" in columns:
        if new.label is None:
            lost["boxes.label", "a row has a class: the old one stays"] += 1
        else:
            token = cells["labelname"] = token_of.get(new.label, new.label)
    if new.source_label != token:
        lost["boxes.source_label", _ONE_NAME] += 1
    return cells


def _other_cells(
    new: BoxRow, columns: frozenset[str], header: Mapping[str, int], lost: Lost
) -> Iterator[tuple[str, str]]:
    """Score and attributes, and a count of the changes that a row has no place for."""
    is_scored = new.score is not None
    may_be_truth = new.score in (0, 1) and "score" not in header
    if "score" in columns:
        name = "score" if "score" in header else "confidence"
        yield name, "" if new.score is None else repr(float(new.score))
        lost["boxes.score", _AS_TRUTH] += may_be_truth
    # The score alone tells who a box is by; of 0 and 1 it depends on the rows beside it.
    is_other = may_be_truth or new.origin != ("detector" if is_scored else "human")
    lost["boxes.origin", _ORIGIN] += bool(columns & {"score", "origin"}) and is_other
    if "attributes" in columns:
        held, is_all = _held(new.attributes)
        if not is_all:
            lost["boxes.attributes", _OTHERS] += 1
        yield "source", held.get("Source", "")
        yield "isinside", held.get("IsInside", "-1")
        if not is_scored:
            yield "confidence", held.get("Confidence", "")
    known = {"label", "source_label", "image_id", "score", "attributes", "origin"}
    for column in sorted(columns - known - set(_BOX_EDGES.values()) - set(FLAGS.values())):
        lost[f"boxes.{column}", _LACK] += 1


def _new(row: BoxRow, spot: Spot, token_of: Mapping[str, str], lost: Lost) -> bytes | None:
    if not spot.image.width or not spot.image.height:
        lost["boxes", _NO_SIZE] += 1
        return None
    cells = _cells(spot.image, row, token_of, lost)
    has_score = row.score is not None
    cells |= _told_cells(row, lost, is_scored=has_score)
    if has_score:
        cells["score"] = repr(float(row.score or 0.0))
    if row.source_label not in (None, cells["labelname"]):
        lost["boxes.source_label", _ONE_NAME] += 1
    header = _header(spot)
    fields = [""] * len(header_of(spot.first_line))
    for name, text in cells.items():
        if name in header:
            fields[header[name]] = text
    return ",".join(map(field_text, fields)).encode()
