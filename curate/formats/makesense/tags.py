"""Tags of whole images: CSV of a list per image (since 1.7.0), and JSON.

A tag is a row of shape `tag` without coordinates. In CSV neither names nor lists are escaped:
`[street,car, parked]` can be read in two ways, and only a list of classes tells which is right.
The CSV of 1.6.0 has one label per image: `label,image,width,height`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from curate.errors import quote
from curate.formats.makesense.rows import Rows, address_of, line_of, span_of
from curate.formats.makesense.tables import (
    Row,
    decoded_line,
    read_row,
    say_blank_lines,
    say_no_class,
    say_unfit,
)
from curate.formats.reading import Options, line_numbers, text_lines
from curate.formats.sizes import is_named

_BOM = b"\xef\xbb\xbf"


class _Record(msgspec.Struct):
    image: str
    annotations: list[msgspec.Raw]


def read_tag_csv(rows: Rows, file: str, options: Options) -> None:
    """Reads the table `file` of `rows.files` into `rows`.

    Its rows are `image,"[tag,tag]"`, or `label,image,width,height` of 1.6.0.
    """
    blank: list[int] = []
    is_known = is_named(options)
    n_before, n_faults = rows.n_images, len(rows.faults)
    for number, start, end, line in text_lines(rows.files[file]):
        place = {"file": file, "line": number, "start": start, "end": end}
        text = decoded_line(rows, line, place)
        if text is None:
            continue
        image, comma, listed = text.rpartition(',"[')
        old = None if comma else read_row(text, 0, is_known)
        if not text.strip():
            blank.append(number)
        elif image and listed.endswith(']"'):
            _add_list(rows, image, listed.removesuffix(']"'), place, options.classes)
        elif old is not None:
            _add_old(rows, old, place)
        else:
            say_unfit(rows, text, 'image,"[tag,tag]"', place)
    if blank:
        say_blank_lines(rows, file, blank)
    if rows.n_images == n_before and len(rows.faults) == n_faults:
        rows.nothing_annotated(file)


def _add_old(rows: Rows, row: Row, place: dict[str, object]) -> None:
    width, height = row.size_wh
    sizes = {"width": width, "height": height, "declared_width": width, "declared_height": height}
    image_row = rows.add_image(row.image, **sizes, **place)
    _add_tag(rows, image_row, row.label, place)


def _add_tag(rows: Rows, image_row: int, tag: str, place: dict[str, object]) -> int:
    box = rows.add_box(
        image_row,
        shape="tag",
        source_label=tag or None,
        label=tag or None,
        source_id=str(place["line"]),
        **place,
    )
    if not tag:
        say_no_class(rows, box)
    return box


def _add_list(
    rows: Rows,
    image: str,
    listed: str,
    place: dict[str, object],
    classes: tuple[str, ...] | None,
) -> None:
    image_row = rows.add_image(image, **place)
    if not listed:
        _say_no_tags(rows, image_row)
        return
    boxes = []
    for tag in split_tags(listed, classes or ()):
        boxes.append(_add_tag(rows, image_row, tag, place))
        if tag and classes is not None and tag not in classes:
            _say_unknown(rows, boxes[-1])
    if classes is None and ", " in listed:
        rows.fault(
            "SRC-001",
            f"the tags {quote(listed)} can be read in several ways: a comma followed by a space "
            "parts two tags or belongs to a name",
            "give the names with --classes FILE, or take the JSON export, which is exact",
            file=place["file"],
            line=place["line"],
            source_id=str(place["line"]),
            images=(image_row,),
            boxes=tuple(boxes),
        )


def _say_unknown(rows: Rows, box: int) -> None:
    tag = rows.boxes["label"][box]
    rows.boxes["label"][box] = None
    rows.fault(
        "SRC-004",
        f"tag {quote(tag)} is not in the list of classes",
        "add it to the list (--classes FILE) or correct the tag",
        file=rows.boxes["file"][box],
        line=rows.boxes["line"][box],
        source_id=rows.boxes["source_id"][box],
        images=(rows.boxes["image_row"][box],),
        boxes=(box,),
    )


def _say_no_tags(rows: Rows, image_row: int) -> None:
    rows.images["label_state"][image_row] = "missing"
    rows.fault(
        "SRC-017",
        "an image without any tag: Make Sense writes it for pictures that it never showed",
        "tag the image and export again",
        file=rows.images["file"][image_row],
        line=rows.images["line"][image_row],
        images=(image_row,),
    )


def split_tags(listed: str, classes: Sequence[str]) -> list[str]:
    """The tags of a list, joined by commas; names of `classes` are found first, longest first."""
    names = sorted({name for name in classes if "," in name}, key=len, reverse=True)
    text = listed + ","
    tags, start = [], 0
    while start < len(text):
        name = next((n for n in names if text.startswith(n + ",", start)), None)
        end = text.index(",", start) if name is None else start + len(name)
        tags.append(text[start:end])
        start = end + 1
    return tags


def read_tag_json(rows: Rows, file: str) -> None:
    """Reads `file` of `rows.files`, a JSON list of {image, annotations}, into `rows`."""
    body = rows.files[file]
    base = address_of(body)
    skip = len(_BOM) if body.startswith(_BOM) else 0
    try:
        records = msgspec.json.decode(memoryview(body)[skip:], type=list[msgspec.Raw])
    except (ValueError, RecursionError) as error:
        rows.fault(
            "SRC-002",
            f"the file is no JSON list: {error}",
            "restore the file or export it again",
            file=file,
            line=line_of(error, body, skip),
        )
        return
    spans = [span_of(raw, base) for raw in records]
    lines = line_numbers(body, np.array([start for start, _ in spans], np.int64)).tolist()
    for index, (raw, (start, end), line) in enumerate(zip(records, spans, lines, strict=True)):
        place = {"file": file, "line": line, "start": start, "end": end}
        try:
            record = msgspec.json.decode(raw, type=_Record)
        except (ValueError, RecursionError) as error:
            rows.fault(
                "SRC-001",
                f'record {index} is not {{"image": name, "annotations": [tag, ...]}}: {error}',
                "correct the record or export the file again",
                file=file,
                line=line,
                source_id=str(index),
            )
            continue
        _add_record(rows, record, place, base)
    if not records:
        rows.nothing_annotated(file)


def _add_record(rows: Rows, record: _Record, place: dict[str, object], base: int) -> None:
    image_row = rows.add_image(record.image, **place)
    if not record.annotations:
        _say_no_tags(rows, image_row)
    for index, raw in enumerate(record.annotations):
        start, end = span_of(raw, base)
        try:
            label = msgspec.json.decode(raw, type=str) or None
            error = None
        except (ValueError, RecursionError) as caught:
            label, error = None, caught
        box = rows.add_box(
            image_row,
            shape="tag",
            source_label=label,
            label=label,
            source_id=str(index),
            file=place["file"],
            line=place["line"],
            start=start,
            end=end,
        )
        if error is not None:
            rows.fault(
                "SRC-001",
                f"tag {index} of {quote(record.image)} is no text: {error}",
                "correct the tag or export the file again",
                file=place["file"],
                line=place["line"],
                source_id=str(index),
                images=(image_row,),
                boxes=(box,),
            )
        elif label is None:
            say_no_class(rows, box)
