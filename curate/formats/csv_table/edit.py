"""Writing tables of boxes: from the columns, or back into the files that were read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from curate.dataset import Dataset
from curate.formats.csv_header import Layout, layout_of
from curate.formats.csv_rows import field_text, header_of, split_fields, with_fields
from curate.formats.csv_table.make import COLUMNS, NAME, table_bytes, write_table
from curate.formats.line_files import LineFormat, LineImage, Spot, write_lines
from curate.formats.per_image import BoxRow, Change
from curate.formats.reading import told_kind
from curate.formats.writing import LossReport, Lost
from curate.tables import hex_id

_LACK = "the table has no column for it"
_NO_ROW = "no row tells of an image that had boxes and has none"
_EDGES = ("x1", "y1", "x2", "y2")
_NO_EDGE = "no finite number of px: the field is left as it was"
_ONE_NAME = "the table has one class column: the label is written"
_NUMBERED = "the table numbers its classes: the number is left as it was"
# Columns whose values are written as they are.
_VALUES = (
    "source_label", "shape", "score", "role", "is_group", "occluded", "truncated", "difficult",
    "track_id", "annotator", "attributes", "source_id",
)  # fmt: skip


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `boxes.csv`, or the tables that were read with what changed, into a folder.

    Parameters and errors are those of `line_files.write_lines`.
    """
    if original is None:
        return write_table(dataset, folder)
    return write_lines(_format(dataset), dataset, folder, original)


def _format(dataset: Dataset) -> LineFormat:
    def layout(spot: Spot) -> Layout:
        return _layout(spot.first_line, spot.file, told_kind(dataset, NAME, spot.file))

    def change_line(line: bytes, change: Change, spot: Spot, lost: Lost) -> bytes:
        return _changed(line, change, spot, layout(spot), lost)

    def new_line(row: BoxRow, spot: Spot, lost: Lost) -> bytes | None:
        return _new(row, spot, layout(spot), lost)

    kept = "changed; the rows keep what they say of their image"
    return LineFormat(
        name=NAME,
        title="the table",
        lack=_LACK,
        no_line=_NO_ROW,
        image_columns=frozenset({"width", "height", "split", "label_state", "source_id"}),
        box_columns=frozenset({"label", *_EDGES, *_VALUES}),
        kept_images=dict.fromkeys(("width", "height", "label_state", "image_key"), kept),
        make=lambda part, lost: {"boxes.csv": table_bytes(part)[0]},
        change_line=change_line,
        new_line=new_line,
        beside=_beside,
    )


@lru_cache(maxsize=64)
def _layout(first_line: bytes, file: str, kind: str | None) -> Layout:
    return layout_of(header_of(first_line), file, kind)


def _beside(dataset: Dataset, original: Dataset, lost: Lost) -> dict[str, bytes]:
    """The lists of classes, and a count of the images that no row tells of any more."""
    old = original.boxes["image_id"]
    now = set(dataset.boxes["image_id"])
    own_row = original.images.loc[original.images["start"].notna(), "image_id"]
    told = set(own_row) | now
    bare = dataset.images["image_id"]
    bare = bare[bare.isin(old) & ~bare.isin(list(told))]
    lost["images", _NO_ROW] += len(bare)
    names = [name for name in dataset.sources.names() if name not in dataset.formats]
    return {name: dataset.sources.read(name) for name in names}


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _changed(line: bytes, change: Change, spot: Spot, layout: Layout, lost: Lost) -> bytes:
    new, columns = change.new, change.columns
    texts: dict[int, str] = {}
    if columns & set(_EDGES):
        texts |= _edge_texts(new, change.old, layout, columns, lost)
    if columns & {"label", "source_label"}:
        texts |= _class_texts(new, layout, columns, lost)
    for name in sorted(columns - {*_EDGES, "label", "source_label", "image_id"}):
        if name in layout.columns and name in _VALUES:
            texts[layout.columns[name]] = _text(getattr(new, name))
        elif name != "origin" or not _tells_origin(new, layout):
            lost[f"boxes.{name}", _LACK] += 1
    if "image_id" in columns:
        texts |= _image_texts(spot.image, layout)
    return with_fields(line, texts)


def _tells_origin(row: BoxRow, layout: Layout) -> bool:
    has_score = "score" in layout.columns and row.score is not None
    return row.origin == ("detector" if has_score else "human")


def _edge_texts(
    new: BoxRow, old: BoxRow, layout: Layout, columns: Iterable[str], lost: Lost
) -> dict[int, str]:
    """The fields of the box; an edge that is no number leaves its fields as they were."""
    edges = [math.nan if edge is None else edge for edge in new.edges]
    before = [math.nan if edge is None else edge for edge in old.edges]
    texts: dict[int, str] = {}
    for axis in (0, 1):
        names = (_EDGES[axis], _EDGES[axis + 2])
        changed = [name for name in names if name in columns]
        low, high = edges[axis], edges[axis + 2]
        places = (layout.edges[axis], layout.edges[axis + 2])
        values = {
            "xyxy": (low, high),
            "xywh": (low, high - low),
            "cxcywh": ((low + high) / 2, high - low),
        }[layout.kind]
        for name, edge in zip(names, (low, high), strict=True):
            if name in changed and not math.isfinite(edge):
                lost[f"boxes.{name}", _NO_EDGE] += 1
        if layout.kind == "xyxy":
            pairs = zip(names, places, values, strict=True)
            texts |= {p: repr(v) for n, p, v in pairs if n in changed and math.isfinite(v)}
        elif changed and all(map(math.isfinite, (low, high))):
            same_low = layout.kind == "xywh" and low == before[axis]
            written = zip(places, values, strict=True)
            texts |= {p: repr(v) for p, v in written if not (same_low and p == places[0])}
    return texts


def _class_texts(
    new: BoxRow, layout: Layout, columns: frozenset[str], lost: Lost
) -> dict[int, str]:
    texts: dict[int, str] = {}
    own = layout.columns
    if "label" in own:
        if "label" in columns:
            texts[own["label"]] = new.label or ""
        if "source_label" in own:
            if "source_label" in columns:
                texts[own["source_label"]] = new.source_label or ""
        elif new.source_label != new.label:
            lost["boxes.source_label", _ONE_NAME] += 1
        return texts
    for name in sorted(columns & {"label", "source_label"}):
        lost[f"boxes.{name}", _NUMBERED if "class_id" in own else _LACK] += 1
    return texts


def _image_texts(image: LineImage, layout: Layout) -> dict[int, str]:
    """What a row says of its image, in the columns that the table has."""
    texts = {layout.image: image.name}
    if layout.size is not None:
        for place, side in zip(layout.size, (image.width, image.height), strict=True):
            texts[place] = _text(side)
    own = {"split": image.split, "label_state": image.label_state, "image_id": image.source_id}
    return texts | {
        layout.columns[name]: _text(value) for name, value in own.items() if name in layout.columns
    }


def _new(row: BoxRow, spot: Spot, layout: Layout, lost: Lost) -> bytes | None:
    if "label" not in layout.columns and "class_id" in layout.columns:
        lost["boxes", "added to a table that numbers its classes"] += 1
        return None
    fields = [""] * layout.n_columns
    for place, text in _new_image_texts(spot, layout).items():
        fields[place] = text
    blank = BoxRow(**{**vars(row), "x1": None, "y1": None, "x2": None, "y2": None})
    for place, text in _edge_texts(row, blank, layout, _EDGES, lost).items():
        fields[place] = text
    for place, text in _class_texts(
        row, layout, frozenset({"label", "source_label"}), lost
    ).items():
        fields[place] = text
    for name in (*_VALUES[1:], "angle_deg", "extent", "is_depiction", "is_reflection"):
        value = getattr(row, name)
        if name in layout.columns:
            fields[layout.columns[name]] = _text(value)
        elif _is_said(name, value):
            lost[f"boxes.{name}", _LACK] += 1
    if not _tells_origin(row, layout):
        lost["boxes.origin", "a row with a score is a detector's, any other a person's"] += 1
    return ",".join(map(field_text, fields)).encode()


def _is_said(name: str, value: object) -> bool:
    plain = {"shape": "box", "role": "include"}
    return value is not None and value != plain.get(name) and name != "source_id"


def _new_image_texts(spot: Spot, layout: Layout) -> dict[int, str]:
    """What a new row says of its image: the same as the row it follows, if that is the image's."""
    texts = _image_texts(spot.image, layout)
    like = [] if spot.like is None else split_fields(spot.like.decode("utf-8", "replace"))
    if len(like) == layout.n_columns and like[layout.image] == spot.image.name:
        return {place: like[place] for place in texts}
    if "image_id" in layout.columns and header_of(spot.first_line) == list(COLUMNS):
        texts[layout.columns["image_id"]] = hex_id(spot.image.image_id)
    return texts
