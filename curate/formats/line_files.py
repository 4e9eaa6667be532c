"""What the writers of formats with a line per object and many images per file share.

A format gives a `LineFormat`; `write_lines` goes from there to the files. Files that were read come
back byte for byte but for the lines of boxes that were changed, removed or added: header lines,
comments, blank lines, byte order marks and line ends stay as they are. Where an image has a span,
that is a line of its own, which goes with the image.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from curate.dataset import Dataset
from curate.formats.image_names import names_below_source
from curate.formats.per_image import (
    BoxRow,
    Change,
    Output,
    box_rows,
    holds_box,
    image_losses,
    left_out,
    outline_losses,
    shape_losses,
    split_loss,
    state_losses,
)
from curate.formats.reading import TextError, decode_text
from curate.formats.writing import (
    Changes,
    LossReport,
    Lost,
    changes_since,
    losses_of,
    rows_to_count,
    unheld,
)

_TOKEN = re.compile(rb"[^ \t\n\r\x0b\x0c]+")
# Up to here a float64 has every whole number.
_MAX_EXACT = 2.0**53
_STAYS = "a box stays in the file of its image"
_NO_TEXT = "added to a file that is no UTF-8 text"
_NO_FILE = "added to an image that no label file tells of"


@dataclass(frozen=True)
class LineImage:
    """What a line may say of its image: name below its source, ids, size in px; None unknown.

    `width` and `height` are those of the frame that the boxes lie in.
    """

    image_id: int
    name: str
    source_id: str | None
    group: str | None
    frame: int | None
    split: str | None
    label_state: str
    width: int | None
    height: int | None
    source: str


@dataclass(frozen=True)
class Spot:
    """Where a line stands or is to stand.

    `first_line` is the first line of the file that is not blank (the header, where there is one),
    `like` a line of a record that a new line is to be like: the one it follows, else the last of
    the file; None in a file without records. Both are without BOM and line end.
    """

    file: str
    image: LineImage
    first_line: bytes
    like: bytes | None


def _every_image(dataset: Dataset) -> Collection[int]:
    ids: list[int] = dataset.images["image_id"].tolist()
    return ids


@dataclass(frozen=True)
class LineFormat:
    """What one format does in its own way.

    `lack` is said of a column that it has no place for, `no_line` of an image that no line tells
    of, `kept_images` of the image columns that its kept files do not take back. `image_columns`
    and `box_columns` are those that a line (or a file beside it) has a place for.

    `make` gives all files from the columns of a dataset that holds only what can be written.
    `change_line` gives the line of a changed box, in which only the bytes of changed values are
    new; `spot.image` is the image that the box lies in now. `new_line` gives a line, without its
    line end, for a box that was added, or None when there is none for it, which it counts under
    `boxes`. `beside` gives the kept files that hold no boxes (sizes, class lists). All of them
    count what they cannot hold. `placed` gives the ids of the images that `make` has a place for,
    `holds` tells the boxes that can be written at all. With `drops_files` a file goes when all its
    images have been removed.
    """

    name: str
    title: str
    lack: str
    no_line: str
    image_columns: frozenset[str]
    box_columns: frozenset[str]
    kept_images: Mapping[str, str]
    make: Callable[[Dataset, Lost], dict[str, bytes]]
    change_line: Callable[[bytes, Change, Spot, Lost], bytes]
    new_line: Callable[[BoxRow, Spot, Lost], bytes | None]
    beside: Callable[[Dataset, Dataset, Lost], dict[str, bytes]]
    holds: Callable[[pd.DataFrame], pd.Series[bool]] = holds_box
    held: str = "boxes with a class and four corners"
    placed: Callable[[Dataset], Collection[int]] = _every_image
    drops_files: bool = False


@dataclass
class LineChanges:
    """What is to be done to one file; lines are named by their span in bytes, half-open.

    `last` gives the end of the last line that tells of an image, by image id.
    """

    changed: dict[tuple[int, int], tuple[Change, LineImage]] = field(default_factory=dict)
    removed: set[tuple[int, int]] = field(default_factory=set)
    added: list[tuple[BoxRow, LineImage]] = field(default_factory=list)
    last: dict[int, int] = field(default_factory=dict)


def write_lines(
    kind: LineFormat, dataset: Dataset, folder: Path, original: Dataset | None
) -> LossReport:
    """Writes the files of a line format into an existing, empty folder.

    Parameters and errors are those of `per_image.write_files`.
    """
    output = _made(kind, dataset) if original is None else _kept(kind, dataset, original)
    return output.write(folder, kind.name)


def token_spans(line: bytes, separator: bytes | None) -> list[tuple[int, int]]:
    """Half-open byte spans of a line's tokens, without the white space around them.

    `separator` None is white space: then no token is empty.
    """
    if separator is None:
        return [match.span() for match in _TOKEN.finditer(line)]
    spans = []
    start = 0
    for token in line.split(separator):
        inner = start + len(token) - len(token.lstrip())
        spans.append((inner, max(inner, start + len(token.rstrip()))))
        start += len(token) + len(separator)
    return spans


def with_tokens(line: bytes, spans: Sequence[tuple[int, int]], texts: Mapping[int, str]) -> bytes:
    """The line with other tokens, by index into `spans`; every other byte stays."""
    for index in sorted(texts, reverse=True):
        start, end = spans[index]
        line = line[:start] + texts[index].encode() + line[end:]
    return line


def number_text(value: float) -> str:
    """A finite number as the shortest text that gives it back exactly; whole ones without point."""
    is_plain = value == int(value) and abs(value) < _MAX_EXACT
    return str(int(value)) if is_plain else repr(float(value))


def no_files_beside(dataset: Dataset, original: Dataset, lost: Lost) -> dict[str, bytes]:
    """No files: for formats whose files all hold boxes."""
    return {}


def _made(kind: LineFormat, dataset: Dataset) -> Output:
    """All files from the columns of the images whose labels are known and of those with boxes."""
    images, boxes = dataset.images, dataset.boxes
    written = boxes[kind.holds(boxes)]
    has_boxes = images["image_id"].isin(written["image_id"])
    told = images[images["label_state"].isin(["present", "empty"]) | has_boxes]
    part = rows_to_count(dataset, images=told, boxes=written)
    lost: Lost = Counter()
    files = kind.make(part, lost)
    placed = kind.placed(part)
    held = rows_to_count(
        dataset,
        images=told[told["image_id"].isin(placed)],
        boxes=written[written["image_id"].isin(placed)],
    )
    output = Output(files, len(told), len(written))
    _uncount(output, lost)
    output.losses += state_losses(images, told)
    output.losses += left_out(boxes, written, f"{kind.title} holds {kind.held}")
    output.losses += outline_losses(held.boxes)
    output.losses += unheld(kind, held)
    output.losses += losses_of(lost)
    return output


def _uncount(output: Output, lost: Lost) -> None:
    """Takes the images and boxes that were lost off the numbers of those written."""
    output.n_boxes -= sum(count for (name, _), count in lost.items() if name == "boxes")
    output.n_images -= sum(count for (name, _), count in lost.items() if name == "images")


def _kept(kind: LineFormat, dataset: Dataset, original: Dataset) -> Output:
    """The kept files with the changed, removed and added lines."""
    changes = changes_since(dataset, original)
    names = sorted(name for name, found in dataset.formats.items() if found == kind.name)
    lost: Lost = Counter()
    added = changes.added_boxes
    held = added[kind.holds(added)]
    todo = _changes_by_file(dataset, original, changes, held, lost)
    for name, ends in _last_ends(original).items():
        if name in todo:
            todo[name].last = ends
    output = Output(n_images=len(dataset.images), n_boxes=len(dataset.boxes))
    gone = _files_of_removed(original, changes) if kind.drops_files else frozenset()
    for name in names:
        if name in gone:
            continue
        body = dataset.sources.read(name)
        if name in todo:
            body = _edited(kind, name, body, todo[name], lost)
        output.files[name] = body
    output.files |= kind.beside(dataset, original, lost)
    bare = ~changes.added_images["image_id"].isin(held["image_id"])
    lost["images", kind.no_line] += int(bare.sum())
    _uncount(output, lost)
    output.n_boxes -= len(added) - len(held)
    output.losses += shape_losses(added, held, f"{kind.title} holds {kind.held}")
    part = rows_to_count(dataset, images=changes.added_images[~bare], boxes=held)
    output.losses += unheld(kind, part)
    output.losses += losses_of(lost)
    output.losses += image_losses(changes, kind.kept_images, kind.lack)
    output.losses.append(split_loss(dataset, original))
    return output


def _files_of_removed(original: Dataset, changes: Changes) -> frozenset[str]:
    """The files all of whose images have been removed."""
    own = original.images[original.images["file"].notna()]
    is_gone = own["image_id"].isin(list(changes.removed_images))
    return frozenset(own.loc[is_gone, "file"]) - frozenset(own.loc[~is_gone, "file"])


def _changes_by_file(
    dataset: Dataset, original: Dataset, changes: Changes, added: pd.DataFrame, lost: Lost
) -> dict[str, LineChanges]:
    """What is to be done to each file that was read."""
    todo: dict[str, LineChanges] = defaultdict(LineChanges)
    old = original.boxes
    gone_images = original.images["image_id"].isin(list(changes.removed_images))
    for table, gone in (
        (old, old["box_id"].isin(list(changes.removed_boxes))),
        (original.images, gone_images & original.images["start"].notna()),
    ):
        rows = table[gone]
        for file, start, end in zip(rows["file"], rows["start"], rows["end"], strict=True):
            todo[file].removed.add((int(start), int(end)))
    images = {image.image_id: image for image in line_images(dataset.images)}
    home_of = _homes(original)
    before = old[old["box_id"].isin(list(changes.changed))].sort_values("box_id")
    after = dataset.boxes[dataset.boxes["box_id"].isin(list(changes.changed))]
    after = after.sort_values("box_id")
    ids = ("box_id", "file", "start", "end", "origin")
    places = zip(*(before[name] for name in ids), after["image_id"], strict=True)
    for place, new, was in zip(places, box_rows(after), box_rows(before), strict=True):
        box_id, file, start, end, origin, image_id = place
        columns = changes.changed[box_id]
        if "image_id" in columns and home_of(images[image_id], origin) != file:
            lost["boxes.image_id", _STAYS] += 1
            columns -= {"image_id"}
        todo[file].changed[start, end] = Change(columns, new, was), images[image_id]
    rows_added = zip(added["image_id"], added["origin"], box_rows(added), strict=True)
    for image_id, origin, row in rows_added:
        home = home_of(images[image_id], origin)
        if home is None:
            lost["boxes", _NO_FILE] += 1
        else:
            todo[home].added.append((row, images[image_id]))
    return todo


def _homes(original: Dataset) -> Callable[[LineImage, str], str | None]:
    """Gives the file that a box of an image and an origin stands in.

    It is the file of a box of that image and origin, else of that group (video) and origin, else
    the image's own, else its group's, else the only one there is.
    """
    boxes, images = original.boxes, original.images
    files: dict[tuple[object, ...], str] = {}
    # Videos of two sources may have one name; an image without a video has none to share.
    groups = zip(images["source"], _objects(images["group"]), strict=True)
    group_of = dict(zip(images["image_id"], groups, strict=True))
    # The first of several files stays: tables are in the order of reading.
    places = boxes[["image_id", "origin", "file"]].drop_duplicates()
    for image_id, origin, file in places.itertuples(index=False):
        files.setdefault(("image", image_id, origin), file)
        files.setdefault(("group", group_of[image_id], origin), file)
    own = images[images["file"].notna()]
    for image_id, file in zip(own["image_id"], own["file"], strict=True):
        files.setdefault(("image", image_id), file)
        files.setdefault(("group", group_of[image_id]), file)
    every = sorted({file for file in files.values() if file in original.formats})
    only = every[0] if len(every) == 1 else None

    def home_of(image: LineImage, origin: str) -> str | None:
        keys: list[tuple[object, ...]] = [("image", image.image_id, origin)]
        group = (image.source, image.group)
        if image.group is not None:
            keys.append(("group", group, origin))
        keys.append(("image", image.image_id))
        if image.group is not None:
            keys.append(("group", group))
        return next((files[key] for key in keys if key in files), only)

    return home_of


def _last_ends(original: Dataset) -> dict[str, dict[int, int]]:
    """By file and image the end of the last line that tells of the image."""
    columns = ["file", "image_id", "end"]
    rows = pd.concat([original.boxes[columns], original.images[columns]]).dropna()
    rows = rows.sort_values("end").drop_duplicates(["file", "image_id"], keep="last")
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for file, image_id, end in zip(*(rows[name] for name in columns), strict=True):
        found[file][image_id] = int(end)
    return found


def _edited(kind: LineFormat, file: str, body: bytes, changes: LineChanges, lost: Lost) -> bytes:
    """One file with its lines changed, removed and added."""
    edits: list[_Edit] = []
    for start, end in changes.removed:
        edits.append(_Edit(*_whole_line(body, start, end)))
    first_line = _first_line(body)
    for (start, end), (change, image) in changes.changed.items():
        line = body[start:end]
        spot = Spot(file, image, first_line, line)
        edits.append(_Edit(start, end, kind.change_line(line, change, spot, lost)))
    if changes.added and not _is_text(body):
        lost["boxes", _NO_TEXT] += len(changes.added)
        return _joined(body, edits)
    added: dict[int, list[bytes]] = defaultdict(list)
    end_of_all = max(changes.last.values(), default=None)
    for row, image in changes.added:
        own_end = changes.last.get(image.image_id)
        near = end_of_all if own_end is None else own_end
        like = None if near is None else _line_at(body, near)
        new_line = kind.new_line(row, Spot(file, image, first_line, like), lost)
        if new_line is not None:
            added[len(body) if own_end is None else _after(body, own_end)].append(new_line)
    edits += [_Edit(place, place, lines=lines) for place, lines in added.items()]
    return _joined(body, edits)


@dataclass(frozen=True)
class _Edit:
    """Bytes for a span, and whole lines to follow them."""

    start: int
    end: int
    replaced: bytes = b""
    lines: Sequence[bytes] = ()


def _joined(body: bytes, edits: Iterable[_Edit]) -> bytes:
    """The bytes with the edits in them; new lines get the line end that the file has."""
    newline = b"\r\n" if b"\r\n" in body else b"\n"
    pieces: list[bytes] = []
    done = 0
    # A line put in where another one begins has the shorter span, and so comes first.
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        pieces += [body[done : edit.start], edit.replaced]
        done = edit.end
        if edit.lines:
            before = next((piece for piece in reversed(pieces) if piece), b"\n")
            is_open = not before.endswith(b"\n") and before != codecs.BOM_UTF8
            text = newline.join(edit.lines)
            pieces.append(newline + text if is_open else text + newline)
    return b"".join([*pieces, body[done:]])


def _whole_line(body: bytes, start: int, end: int) -> tuple[int, int]:
    """The span of the line that a record stands in, with its line end and without a BOM."""
    begin = body.rfind(b"\n", 0, start) + 1
    if begin == 0 and body.startswith(codecs.BOM_UTF8):
        begin = len(codecs.BOM_UTF8)
    return begin, _after(body, end)


def _after(body: bytes, end: int) -> int:
    """The byte after the line end of the line that ends at `end`."""
    return body.find(b"\n", end) + 1 or len(body)


def _line_at(body: bytes, end: int) -> bytes:
    """The line of a record that ends at `end`, without BOM and line end."""
    line = body[body.rfind(b"\n", 0, end) + 1 : _after(body, end)]
    return line.removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n")


def _first_line(body: bytes) -> bytes:
    start = len(codecs.BOM_UTF8) if body.startswith(codecs.BOM_UTF8) else 0
    while start < len(body):
        after = _after(body, start)
        line = body[start:after].rstrip(b"\r\n")
        if line.strip():
            return line
        start = after
    return b""


def _is_text(body: bytes) -> bool:
    if b"\0" in body or body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    try:
        decode_text(body, "")
    except TextError:
        return False
    return True


def line_images(images: pd.DataFrame) -> Iterator[LineImage]:
    """The images as rows, null as None, in the table's order."""
    is_stored = images["box_frame"] == "stored"
    # Values of many types.
    columns: dict[str, list[Any]] = {"name": list(names_below_source(images))}
    for side in ("width", "height"):
        declared = images[f"declared_{side}"]
        columns[side] = _objects(images[side].where(~is_stored | declared.isna(), declared))
    names = [column.name for column in fields(LineImage)]
    values = [columns[n] if n in columns else _objects(images[n]) for n in names]
    for row in zip(*values, strict=True):
        yield LineImage(*row)


def _objects(column: pd.Series[Any]) -> list[Any]:  # a column of any type
    values: list[Any] = column.astype(object).where(column.notna(), None).tolist()
    return values
