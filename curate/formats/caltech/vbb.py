"""Caltech Pedestrian videos (vbb) as text and as JSON; MATLAB's binary `.vbb` is refused.

Specification: the Caltech Pedestrian code (vision.caltech.edu), `vbb.m` (vbbSaveTxt, version 1.4):

    % vbb version=1.400000
    nFrame=<n> n=<objects>
    log=[...]
    -----------------------------------
    lbl='person' id=1 str=5 end=6 hide=0
    pos =[l t w h; l t w h; ]        (a box per frame from str to end, frames from 1)
    posv=[...]  occl=[...]  lock=[...]

and the JSON of the public converter caltech-pedestrian-dataset-converter (convert_annotations.py):
{set: {video: {"nFrame", "frames": {"<frame from 0>": [{"id", "lbl", "pos", "posv", "occl", "lock",
"hide", ...}]}}}}.

Convention: 1-based px, x2 = x1 + width, upright image (pictures are video frames). Coordinates,
extents and classes are those of `curate.formats.caltech`.

Read: every frame of a video is an image, called `<video>/I00004` with frames from 0 as the
toolbox's vbbToFiles writes them; one without objects is empty. The object's id is its `track_id`,
within its video. `hide` and `lock` are in `boxes.attributes` where they are set.

Lost on read: nothing; `log`, `altered`, `init`, `str` and `end` stay in the kept bytes.

Written: there is no writer; `--to caltech` makes bbGt files, without tracks.
"""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from curate.assembly import Gathered
from curate.dataset import Dataset
from curate.errors import CurateError, SourceError, quote
from curate.formats.caltech.read import (
    GROUP,
    IGNORE,
    finite,
    frame_columns,
    one_based_edges,
)
from curate.formats.declared import Format
from curate.formats.json_document import open_document
from curate.formats.json_spans import BROKEN, Span, decoded, is_number, item_spans, member_spans
from curate.formats.object_rows import (
    UNKNOWN_EDGES,
    ObjectRows,
    ReadBox,
    ReadObject,
    Spot,
    attributes_text,
)
from curate.formats.reading import Files, Options, decode_text, line_numbers, text_lines
from curate.progress import track

FORMAT = Format(
    images=("group", "frame"),
    boxes=("extent", "is_group", "occluded", "track_id", "attributes", "source_id"),
    roles=("include", "ignore"),
)

NAME = "caltech-vbb"
# A video of 30 Hz and 55 minutes (Caltech's have one); more would be a mistake that exhausts
# memory, as would many such videos in one source.
MAX_FRAMES = 100_000
MAX_EMPTY_FRAMES = 500_000
_HEAD_BYTES = 1 << 12
_HEADER = re.compile(rb"\s*%\s*vbb\s+version\s*=")
_MATLAB = b"MATLAB 5.0 MAT-file"
_JSON = re.compile(
    rb'\s*\{\s*"[^"]{1,80}"\s*:\s*\{\s*"[^"]{1,80}"\s*:\s*\{.*?'
    rb'"(?:nFrame|maxObj|frames|logLen)"\s*:',
    re.DOTALL,
)
_OBJECT = re.compile(r"lbl='(.*)' id=(\d{1,9}) str=(\d{1,9}) end=(\d{1,9}) hide=(\d)", re.ASCII)
_LIST = re.compile(rb"(pos |posv|occl|lock)=\[(.*)\]\s*")
_FOUR = re.compile(rb"[^;\]]*[^;\]\s][^;\]]*")
_N_FRAMES = re.compile(rb"nFrame=(\d{1,9})\b")
_BINARY = "is MATLAB's binary form of a vbb file, should be one of its text forms"
_EXPORT = (
    "export it with the Caltech code, vbb('vbbToFiles', vbb('vbbLoad', file), folder) or"
    " vbbSaveTxt, or to JSON with a public converter"
)


def claims(files: Files) -> list[str]:
    """The vbb files: text that begins with `% vbb` or its keys, JSON with nFrame or frames.

    MATLAB's binary files that end in .vbb are claimed too, to be refused with the mend.
    """
    names = [n for n in files.files if n.lower().endswith((".txt", ".json", ".vbb"))]
    return sorted(name for name in names if _form(files, name) is not None)


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a file that is not recognised may be one: a JSON object, or lines of objects."""
    try:
        head = files.head(name, _HEAD_BYTES)
    except SourceError:
        return True
    return head.lstrip()[:1] == b"{" or b"lbl='" in head or b"nFrame=" in head


def _form(files: Files, name: str) -> str | None:
    try:
        head = files.head(name, _HEAD_BYTES).removeprefix(codecs.BOM_UTF8)
    except SourceError:
        return None
    if head.startswith(_MATLAB):
        return "matlab" if name.lower().endswith(".vbb") else None
    if name.lower().endswith(".json"):
        return "json" if _JSON.match(head) else None
    return "text" if _HEADER.match(head) else None


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The frames and boxes of vbb files; `options.size_wh` gives the size of all frames."""
    rows = ObjectRows(options.size_wh)
    for name in track(names, len(names), "label files"):
        try:
            body = files.read(name)
            rows.kept[name] = body
            if body.startswith(_MATLAB):
                raise SourceError(_BINARY, mend=_EXPORT)
            if body.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{":
                _Json(rows, name, body).add()
            else:
                decode_text(body, name)
                _Text(rows, name, body).add()
        except CurateError as error:
            line = error.place.line if error.place and error.place.line else 1
            mend = error.mend or "restore the file from a backup"
            rows.tell("SRC-002", error.what, Spot(name, line, 0, 0), mend=mend)
        except BROKEN:
            what = "is no JSON of sets, videos and frames"
            rows.tell("SRC-002", what, Spot(name, 1, 0, 0), mend="export it again")
    return rows.gathered(NAME, names)


@dataclass(frozen=True)
class _Box:
    """An object in one frame: its values as they stand, and what it is called in its video."""

    key: str
    label: str | None
    pos: list[float] | None
    posv: list[float] | None
    occluded: float | None
    more: dict[str, Any]  # JSON values

    def read(self) -> ReadObject:
        """Its boxes."""
        read = ReadObject()
        text = attributes_text(self.key, self.more or None)
        role = "ignore" if self.label == IGNORE else "include"
        for extent, sides in (("full", self.pos), ("visible", self.posv)):
            if extent == "visible" and (sides is None or not any(sides)):
                continue
            edges = UNKNOWN_EDGES if sides is None else one_based_edges(sides)
            read.boxes.append(
                ReadBox(
                    extent, self.label, role, *edges, text, f"{self.key}:{extent}",
                    self.occluded, self.label == GROUP, track_id=self.key,
                )
            )  # fmt: skip
        if self.pos is None:
            read.problems.append("has a pos that is no four numbers: l, t, w, h")
        if self.label is None:
            read.problems.append("has no lbl, should have a class")
        return read


@dataclass
class _Video:
    """Gives the frames of one video as images."""

    rows: ObjectRows
    file: str
    name: str
    has_objects: dict[int, int] = field(default_factory=dict)

    def image(self, frame: int, line: int) -> int:
        """The row of a frame, from 0, that has an object."""
        if frame not in self.has_objects:
            self.has_objects[frame] = self._add(frame, "present", line)
        return self.has_objects[frame]

    def add_empty(self, n_frames: int) -> None:
        """Adds the frames without objects."""
        n_empty = len(self.rows.images["line"])
        for frame in range(min(n_frames, max(MAX_EMPTY_FRAMES - n_empty, 0))):
            if frame not in self.has_objects:
                self._add(frame, "empty", 1)

    def _add(self, frame: int, state: str, line: int) -> int:
        name = f"{self.name}/I{frame:05d}"
        columns = {"group": self.name, "frame": frame} | frame_columns(name)
        spot = Spot(self.file, line, None, None)  # type: ignore[arg-type]  # a frame has no record
        return self.rows.add_image(name, state, spot, columns)


class _Text:
    """Reads one video as text."""

    def __init__(self, rows: ObjectRows, file: str, body: bytes) -> None:
        self._rows, self._file, self._body = rows, file, body
        self._video = _Video(rows, file, PurePosixPath(file).with_suffix("").as_posix())
        self._head: re.Match[str] | None = None
        self._spot = Spot(file, 1, 0, 0)
        self._lists: dict[str, tuple[int, list[tuple[int, int, bytes]]]] = {}

    def add(self) -> None:
        """Adds the objects of all lines, then the frames without any."""
        n_frames = 0
        for line, start, end, raw in text_lines(self._body):
            spot = Spot(self._file, line, start, end)
            if raw.lstrip().startswith(b"lbl="):
                self._flush()
                self._begin(raw, spot)
            elif raw.startswith((b"pos", b"occl", b"lock")):
                self._take(raw, spot)
            elif found := _N_FRAMES.match(raw):
                n_frames = int(found[1])
        self._flush()
        if n_frames > MAX_FRAMES:
            what = f"has nFrame={n_frames}, should be at most {MAX_FRAMES}: no empty frame is read"
            self._rows.tell("SRC-001", what, Spot(self._file, 2, 0, 0))
            n_frames = 0
        self._video.add_empty(n_frames)

    def _begin(self, raw: bytes, spot: Spot) -> None:
        self._head = _OBJECT.fullmatch(raw.decode().strip())
        self._spot = spot
        if self._head is None:
            what = f"is {quote(raw.decode())}, should be lbl='...' id= str= end= hide="
            self._rows.tell("SRC-001", what, spot)

    def _take(self, raw: bytes, spot: Spot) -> None:
        found = _LIST.fullmatch(raw)
        if found is None:
            what = "is no list of numbers, should be pos =[...], posv=[...], occl=[...], lock=[...]"
            self._rows.tell("SRC-001", what, spot)
            return
        name, at = found[1].decode().strip(), spot.start + found.start(2)
        each = _FOUR if name.startswith("pos") else re.compile(rb"\S+")
        parts = [(at + m.start(), at + m.end(), m[0]) for m in each.finditer(found[2])]
        self._lists[name] = (spot.line, parts)

    def _flush(self) -> None:
        """Adds the object whose lines were read."""
        head, lists = self._head, self._lists
        self._head, self._lists = None, {}
        if head is None:
            return
        label, key, first, last, hide = head.groups()
        line, boxes = lists.get("pos", (self._spot.line, []))
        n_wanted = int(last) - int(first) + 1
        if len(boxes) != n_wanted or int(first) < 1:
            what = f"has {len(boxes)} boxes for frames {first} to {last}, should have {n_wanted}"
            self._rows.tell("SRC-001", what, self._spot)
        for at, (start, end, raw) in enumerate(boxes[: MAX_FRAMES if int(first) else 0]):
            own = {name: parts[at][2] for name, (_, parts) in lists.items() if at < len(parts)}
            more = {"hide": 1} if hide != "0" else {}
            more |= {"lock": 1} if own.get("lock", b"0") != b"0" else {}
            occluded = finite(own["occl"].decode()) if "occl" in own else math.nan
            box = _Box(
                key, label or None, _sides(raw), _sides(own.get("posv", b"")),
                None if math.isnan(occluded) else occluded, more,
            )  # fmt: skip
            row = self._video.image(int(first) - 1 + at, line)
            self._rows.add_object(row, box.read(), Spot(self._file, line, start, end))


def _sides(raw: bytes) -> list[float] | None:
    numbers = [finite(token) for token in raw.decode().split()]
    return numbers if len(numbers) == 4 and not any(map(math.isnan, numbers)) else None


class _Json:
    """Reads the JSON of many videos."""

    def __init__(self, rows: ObjectRows, file: str, body: bytes) -> None:
        self._rows, self._file, self._body = rows, file, body
        self._text = bytes(open_document(body, file).text)

    def add(self) -> None:
        """Adds the frames of all videos."""
        for set_name, videos in member_spans(self._text, 0, len(self._text)).items():
            try:
                named = member_spans(self._text, *videos)
            except BROKEN:
                self._tell(f"has {quote(set_name)}, which holds no videos", videos)
                continue
            for name, span in named.items():
                try:
                    self._add_video(f"{set_name}/{name}", member_spans(self._text, *span))
                except BROKEN:
                    self._tell(f"has {quote(name)}, which is no video with frames", span)

    def _tell(self, what: str, span: Span) -> None:
        line = int(line_numbers(self._body, [span[0]])[0])
        self._rows.tell("SRC-001", what, Spot(self._file, line, *span))

    def _add_video(self, name: str, members: dict[str, Span]) -> None:
        video = _Video(self._rows, self._file, name)
        frames = member_spans(self._text, *members["frames"]) if "frames" in members else {}
        for number, span in frames.items():
            if not number.isascii() or not number.isdecimal() or int(number[:9]) >= MAX_FRAMES:
                self._tell(f"has frame {quote(number)}, should be a number from 0", span)
                continue
            try:
                objects = item_spans(self._text, *span)
            except BROKEN:
                self._tell(f"has frame {number}, which is no list of objects", span)
                continue
            lines = line_numbers(self._body, [start for start, _ in objects]).tolist()
            for line, own in zip(lines, objects, strict=True):
                row = video.image(int(number[:9]), line)
                self._rows.add_object(row, self._read(own), Spot(self._file, line, *own))
        self._add_empty(video, members)

    def _add_empty(self, video: _Video, members: dict[str, Span]) -> None:
        n_frames = decoded(self._text, members["nFrame"]) if "nFrame" in members else 0
        if not isinstance(n_frames, int) or not 0 <= n_frames <= MAX_FRAMES:
            what = f"has nFrame {quote(n_frames)}, should be a number up to {MAX_FRAMES}"
            self._tell(what, members["nFrame"])
            return
        video.add_empty(n_frames)

    def _read(self, span: Span) -> ReadObject:
        value = decoded(self._text, span)
        if not isinstance(value, dict):
            what = f"is {quote(value)}, should be an object with id, lbl, pos"
            box = ReadBox(None, None, "include", *UNKNOWN_EDGES, shape="tag")
            return ReadObject([box], [what])
        own, label = value.get("id"), value.get("lbl")
        occluded = value.get("occl")
        more = {name: value[name] for name in ("hide", "lock") if value.get(name) == 1}
        return _Box(
            str(own) if isinstance(own, int) and abs(own) < 1 << 63 else "#",
            label if isinstance(label, str) and label else None,
            _four(value.get("pos")),
            _four(value.get("posv")),
            float(occluded) if occluded is not None and is_number(occluded) else None,
            more,
        ).read()


def _four(value: object) -> list[float] | None:
    if isinstance(value, list) and len(value) == 4 and all(map(is_number, value)):
        return [float(number) for number in value]
    return None


def extras(dataset: Dataset) -> Counter[str]:
    """Counts the logs of the labelling, which no column carries."""
    return Counter(_logs(dataset))


def _logs(dataset: Dataset) -> Iterator[str]:
    for file in (file for file, kind in dataset.formats.items() if kind == NAME):
        body = dataset.sources.read(file)
        yield from ["video.log"] * len(re.findall(rb'^log=\[.*[0-9]|"log"\s*:', body, re.M))
