"""Reads the exports of Make Sense: one source, label files of one kind or of several."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import pandas as pd

from curate.assembly import Gathered
from curate.dataset import Dataset
from curate.errors import SourceError
from curate.formats.makesense.rows import NAME, Rows, stem_of
from curate.formats.makesense.sniff import EMPTY_ZIP, is_class_list, kind_of_bytes
from curate.formats.makesense.tables import ImageRows, decided_kind, has_header, read_table
from curate.formats.makesense.tags import read_tag_csv, read_tag_json
from curate.formats.makesense.vgg import read_vgg, ring_of, vgg_extras
from curate.formats.makesense.voc import read_voc
from curate.formats.makesense.yolo import read_yolo
from curate.formats.reading import HEAD_BYTES, Files, Options
from curate.progress import track

# What `options.kind` may say of a table without header, and the kind that it then is.
TABLE_KINDS = {
    "rect": "rect-csv",
    "line": "line-csv",
    "points": "point-csv",
    "tags": "tag-csv",
}
KINDS = (
    *("rect-yolo", "rect-voc", "rect-csv", "point-csv", "line-csv", "vgg", "tag-csv", "tag-json"),
    *TABLE_KINDS,
)
_BY_ENDING = {".txt": "rect-yolo", ".xml": "rect-voc"}
_EMPTY_JSON = {b"[]": "tag-json", b"{}": "vgg"}


def gather(files: Files, names: Sequence[str], options: Options) -> Gathered:
    """What the label files `names` hold; no name stands for a zip without members.

    `options.kind`, one of `KINDS`, says what the rows of a CSV without header are.

    Raises
    ------
    SourceError
        For YOLO text when neither pictures nor a size were given.
    FormatError
        For a table without header whose rows are rectangles as well as lines.
    """
    rows = Rows()
    image_rows = ImageRows()
    texts: dict[str, bytes] = {}
    for name in track(names, len(names), "label files"):
        body = _read(rows, files, name)
        if body is None or is_class_list(name):
            continue
        rows.files[name] = body
        rows.formats[name] = NAME
        kind = _kind(name, body, options)
        if kind == "rect-yolo":
            texts[name] = body
        else:
            _read_one(rows, name, kind, options, image_rows)
    read_yolo(rows, texts, files, options)
    if not names:
        rows.nothing_annotated(None)
    return rows.gathered()


def _read(rows: Rows, files: Files, name: str) -> bytes | None:
    try:
        return files.read(name)
    except SourceError as error:
        images: tuple[int, ...] = ()
        if PurePosixPath(name).suffix.lower() in _BY_ENDING:
            images = (rows.add_image(stem_of(name), label_state="unreadable", file=name),)
        rows.fault(
            "SRC-002",
            error.what,
            error.mend or "restore the file or export it again",
            file=name,
            line=1,
            images=images,
        )
        return None


def _kind(name: str, body: bytes, options: Options) -> str | None:
    kind = kind_of_bytes(name, body[:HEAD_BYTES])
    ending = PurePosixPath(name).suffix.lower()
    if ending == ".csv":
        return _table_kind(name, body, kind, options)
    if ending == ".json":
        text = b"".join(body.removeprefix(codecs.BOM_UTF8).split()) if kind is None else b""
        return kind or _EMPTY_JSON.get(text)
    return kind or _BY_ENDING.get(ending)


def _table_kind(name: str, body: bytes, kind: str | None, options: Options) -> str | None:
    told = TABLE_KINDS.get(options.kind or "", options.kind)
    if told in TABLE_KINDS.values() and not has_header(body):
        return told
    if not body.strip():
        # Nothing, or nothing but the empty lines of annotations without a class.
        return "point-csv"
    return kind and decided_kind(name, body, kind)


def _read_one(
    rows: Rows, name: str, kind: str | None, options: Options, image_rows: ImageRows
) -> None:
    if kind == "rect-voc":
        read_voc(rows, name, options)
    elif kind == "vgg":
        read_vgg(rows, name, options)
    elif kind == "tag-json":
        read_tag_json(rows, name)
    elif kind == "tag-csv":
        read_tag_csv(rows, name, options)
    elif kind is not None:
        read_table(rows, name, kind, options, image_rows)
    elif rows.files[name] == EMPTY_ZIP:
        rows.nothing_annotated(name)
    else:
        rows.fault(
            "SRC-002",
            "the file has none of the forms that Make Sense writes",
            "restore the file, or name its format with --from",
            file=name,
            line=1,
        )


def extras(dataset: Dataset) -> Counter[str]:
    """How many values the source records hold that no table column carries, by field name.

    `outline` are the points of polygons, of which the table carries the bounds; `folder` is the
    project's name in VOC; `size`, `fileref`, `base64_img_data` and `file_attributes` are VGG's.
    """
    counts: Counter[str] = Counter()
    for name in _own_files(dataset, ".xml"):
        counts["folder"] += int((dataset.images["file"] == name).any())
    for name in _vgg_files(dataset):
        body = dataset.sources.read(name)
        counts += vgg_extras(list(_records(dataset.images, name, body)))
    counts["outline"] = len(outlines(dataset))
    return +counts


def outlines(dataset: Dataset) -> dict[int, list[list[float]]]:
    """The rings of the polygons by box_id: x, y, x, y ... in px, not closed."""
    found = {}
    for name in _vgg_files(dataset):
        body = dataset.sources.read(name)
        polygons = dataset.boxes[dataset.boxes["shape"] == "polygon"]
        records = _records(polygons, name, body)
        ids = polygons.loc[polygons["file"] == name, "box_id"].tolist()
        for box_id, record in zip(ids, records, strict=True):
            ring = ring_of(record)
            if ring:
                found[box_id] = [ring]
    return found


def _own_files(dataset: Dataset, ending: str) -> list[str]:
    own = [name for name, taken_by in dataset.formats.items() if taken_by == NAME]
    return sorted(name for name in own if PurePosixPath(name).suffix.lower() == ending)


def _vgg_files(dataset: Dataset) -> list[str]:
    return [
        name
        for name in _own_files(dataset, ".json")
        if kind_of_bytes(name, dataset.sources.span(name, 0, HEAD_BYTES)) == "vgg"
    ]


def _records(table: pd.DataFrame, name: str, body: bytes) -> Iterator[bytes]:
    own = table[table["file"] == name]
    for start, end in zip(own["start"], own["end"], strict=True):
        yield b"" if pd.isna(start) else body[start:end]
