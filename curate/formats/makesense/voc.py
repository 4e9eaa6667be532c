"""Rectangles as VOC XML, one file per image, in Make Sense's own convention.

Edges are 0-based pixel edges rounded to whole numbers (VOC's are 1-based inclusive), read without
a shift. File and class names stand unescaped, so that a name with `&` or `<` makes a file that no
XML parser takes: such a file is read line by line. An empty line stands for each box without a
class. Folder, path, pose and depth are invented by the app and in no column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from curate.errors import quote
from curate.formats.makesense.rows import Rows, stem_of
from curate.formats.reading import Options, TextError, decode_text, text_lines
from curate.formats.sizes import pictures_of

EDGES = ("xmin", "ymin", "xmax", "ymax")
# Written up to 1.8.0 for truncated and difficult; a class of the name "undefined" up to 1.4.0.
UNSPECIFIED = "Unspecified"
UNDEFINED = "undefined"

# annotation / object / bndbox / xmin
MAX_DEPTH = 4

_FIELDS = ("name", "truncated", "difficult", *EDGES)
_SIZES = ("width", "height")
_FORBIDDEN = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_BLANK = re.compile(rb"\n(?=\r?\n)")
_FILENAME = re.compile(rb"<filename>(.*?)</filename>\r?\n[ \t]*<path>", re.DOTALL)
_FIELD = re.compile(rb"[ \t]*<(\w+)>(.*)</\1>[ \t]*")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_SIZE = re.compile(r"[0-9]{1,18}")


@dataclass
class _Object:
    """One `<object>`: its span in bytes, its line from 1, and the texts of its fields."""

    start: int
    line: int
    end: int = 0
    texts: dict[str, str] = field(default_factory=dict)


@dataclass
class _Document:
    """What one file states: texts of `filename`, `width`, `height`, and its objects."""

    texts: dict[str, str] = field(default_factory=dict)
    objects: list[_Object] = field(default_factory=list)


class _NotPlainError(Exception):
    """Raised for XML that holds markup where Make Sense writes a name."""


class _Refused(Exception):  # noqa: N818  # not an error of the program: the file is refused
    """Raised for XML with a DTD."""


def read_voc(rows: Rows, file: str, options: Options) -> None:
    """Reads the XML file `file` of `rows.files` into `rows`."""
    body = rows.files[file]
    document, why, line = _document(rows, file, body)
    if document is None:
        _say_unreadable(rows, file, why, line)
        return
    name = document.texts.get("filename") or None
    row = rows.add_image(name or stem_of(file), file=file, line=1, start=0, end=len(body))
    if name is None:
        _say_bad(rows, "the file has no <filename>, should name its image", file, 1, (row,))
    _set_size(rows, row, document.texts)
    for index, found in enumerate(document.objects):
        _add_object(rows, row, index, found)
    _say_lost(rows, row, body, len(document.objects))
    _say_same_stem(rows, row, options)


def _document(rows: Rows, file: str, body: bytes) -> tuple[_Document | None, str, int]:
    """What the file states, or None, the reason and its line; a repair is a fault in `rows`."""
    if found := _FORBIDDEN.search(body):
        why = "a DTD or entities, which are refused: they can read other files or explode"
        return None, why, body.count(b"\n", 0, found.start()) + 1
    try:
        return _parse(body), "", 1
    except _Refused:
        return None, "a DTD, which is refused: it can read other files or explode", 1
    except (expat.ExpatError, _NotPlainError, LookupError, ValueError) as error:
        why = str(error)
        line = error.lineno if isinstance(error, expat.ExpatError) else 1
    try:
        document = _read_lines(body, file)
    except TextError as error:
        return None, error.what, error.place.line or 1 if error.place else 1
    if document is None:
        return None, why, line
    rows.fault(
        "SRC-014",
        f"not well-formed ({why}), as Make Sense writes names with & and <: read line by line",
        "write it again with `curate export --to voc`",
        file=file,
    )
    return document, "", 1


class _Handler:
    """Collects the document from expat's events."""

    def __init__(self, body: bytes) -> None:
        self.document = _Document()
        self.path: list[str] = []
        self._body = body
        self._text: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _doctype(self, *_: object) -> None:
        raise _Refused

    def _start(self, tag: str, _: Mapping[str, str]) -> None:
        if not self.path and tag != "annotation":
            raise _NotPlainError(f"<{tag}> in the place of <annotation>")
        if self.path and self.path[-1] in ("name", "filename"):
            raise _NotPlainError(f"<{tag}> inside <{self.path[-1]}>")
        self.path.append(tag)
        self._text.clear()
        if self.path == ["annotation", "object"]:
            place = (self.parser.CurrentByteIndex, self.parser.CurrentLineNumber)
            self.document.objects.append(_Object(*place))

    def _data(self, text: str) -> None:
        self._text.append(text)

    def _end(self, tag: str) -> None:
        # Nothing deeper is of use, and comparing deep paths would take for ever.
        if len(self.path) <= MAX_DEPTH:
            self._keep(tag, "".join(self._text))
        self._text.clear()
        self.path.pop()

    def _keep(self, tag: str, text: str) -> None:
        at = self.path[:-1]
        if at in (["annotation", "object"], ["annotation", "object", "bndbox"]):
            if tag in _FIELDS:
                self.document.objects[-1].texts.setdefault(tag, text)
        elif self.path == ["annotation", "object"]:
            end = self._body.find(b">", self.parser.CurrentByteIndex) + 1
            self.document.objects[-1].end = end or len(self._body)
        elif at == ["annotation", "size"] or self.path == ["annotation", "filename"]:
            self.document.texts.setdefault(tag, text)


def _parse(body: bytes) -> _Document:
    handler = _Handler(body)
    handler.parser.Parse(body, True)  # expat takes it by position only
    return handler.document


def _read_lines(body: bytes, file: str) -> _Document | None:
    """The document by its lines, each with one element; None when some of it is missing."""
    decode_text(body, file)
    named = _FILENAME.search(body)
    if named is None or not body.rstrip().endswith(b"</annotation>"):
        return None
    document = _Document({"filename": named.group(1).decode("utf-8")})
    found: _Object | None = None
    for number, start, end, line in text_lines(body):
        text = line.strip()
        if text in (b"<object>", b"</annotation>") and found is not None:
            return None
        if text == b"<object>":
            found = _Object(end - len(line.lstrip()), number)
        elif text == b"</object>":
            if found is None:
                return None
            found.end = start + len(line.rstrip())
            document.objects.append(found)
            found = None
        elif match := _FIELD.fullmatch(line):
            _keep_line(document.texts, found, match)
    return document


def _keep_line(texts: dict[str, str], found: _Object | None, match: re.Match[bytes]) -> None:
    tag, value = match.group(1).decode("utf-8"), match.group(2).decode("utf-8")
    if found is None and tag in _SIZES:
        texts.setdefault(tag, value)
    elif found is not None and tag in _FIELDS:
        found.texts.setdefault(tag, value)


def _say_unreadable(rows: Rows, file: str, why: str, line: int) -> None:
    body = rows.files[file]
    named = _FILENAME.search(body)
    name = named.group(1).decode("utf-8", "backslashreplace") if named else ""
    row = rows.add_image(
        name or stem_of(file),
        label_state="unreadable",
        file=file,
        line=1,
        start=0,
        end=len(body),
    )
    rows.fault(
        "SRC-002",
        f"the file cannot be read as XML of Make Sense: {why}",
        "restore the file or export it again",
        file=file,
        line=line,
        images=(row,),
    )


def _say_bad(rows: Rows, what: str, file: str, line: int, images: tuple[int, ...]) -> None:
    rows.fault(
        "SRC-001", what, "correct the file or export it again", file=file, line=line, images=images
    )


def _set_size(rows: Rows, row: int, texts: dict[str, str]) -> None:
    for name in _SIZES:
        text = texts.get(name, "").strip()
        if _SIZE.fullmatch(text):
            rows.images[name][row] = rows.images[f"declared_{name}"][row] = int(text)
            continue
        what = f"{name} {quote(text)}, should be the image's {name} in whole px"
        _say_bad(rows, what, rows.images["file"][row], 1, (row,))


def _add_object(rows: Rows, row: int, index: int, found: _Object) -> None:
    name = found.texts.get("name", "")
    faults: list[str] = []
    values = {
        "truncated": _flag(found.texts.get("truncated"), "truncated", faults),
        "difficult": _flag(found.texts.get("difficult"), "difficult", faults),
    }
    edges = [_edge(found.texts.get(edge), edge, faults) for edge in EDGES]
    box = rows.add_box(
        row,
        source_label=name or None,
        label=None if name in ("", UNDEFINED) else name,
        source_id=str(index),
        file=rows.images["file"][row],
        line=found.line,
        start=found.start,
        end=found.end,
        truncated=values["truncated"],
        difficult=None if values["difficult"] is None else values["difficult"] > 0,
        **dict(zip(("x1", "y1", "x2", "y2"), edges, strict=True)),
    )
    place = {
        "file": rows.images["file"][row],
        "line": found.line,
        "source_id": str(index),
        "images": (row,),
        "boxes": (box,),
    }
    if faults:
        mend = "correct the object or export the file again"
        rows.fault("SRC-001", "; ".join(faults), mend, **place)
    if name in ("", UNDEFINED):
        rows.fault(
            "SRC-009",
            f"the object's name is {quote(name)}: it has no class",
            "give it a class in Make Sense and export again",
            **place,
        )


def _edge(text: str | None, name: str, faults: list[str]) -> float | None:
    # Stripped for float() too: it leaves some white space that strip() takes (0x1C to 0x1F).
    number = (text or "").strip()
    value = float(number) if _NUMBER.fullmatch(number) else math.nan
    if math.isfinite(value):
        return value
    shown = "missing" if text is None else quote(text)
    faults.append(f"{name} is {shown}, should be a finite number of px")
    return None


def _flag(text: str | None, name: str, faults: list[str]) -> float | None:
    if text is None or text.strip() == UNSPECIFIED:
        return None
    if text.strip() in ("0", "1"):
        return float(text.strip())
    faults.append(f"{name} is {quote(text)}, should be 0, 1 or {UNSPECIFIED}")
    return None


def _say_lost(rows: Rows, row: int, body: bytes, n_objects: int) -> None:
    """Says how many boxes left an empty line, and that a file without objects is no negative."""
    file = rows.images["file"][row]
    inside = body[: body.rfind(b"</annotation>")]
    blank = [match.start() for match in _BLANK.finditer(inside)]
    if blank:
        rows.fault(
            "SRC-010",
            f"{len(blank)} empty lines, each in the place of a box without a class",
            "give every box a class in Make Sense and export again",
            file=file,
            line=body.count(b"\n", 0, blank[0]) + 2,
            images=(row,),
            value=float(len(blank)),
            limit=0.0,
            unit="annotations",
        )
    if n_objects == 0:
        rows.images["label_state"][row] = "missing"
        rows.fault(
            "SRC-017",
            "no object in the file, which Make Sense writes only for boxes without a class",
            "give the boxes a class and export again",
            file=file,
            images=(row,),
        )


def _say_same_stem(rows: Rows, row: int, options: Options) -> None:
    """Says when another picture's boxes were written to the same name and so are lost."""
    name = rows.images["image_name"][row]
    n_pictures = len(pictures_of(options, stem_of(name)))
    if n_pictures > 1:
        rows.fault(
            "SRC-010",
            f"{n_pictures} pictures are called {quote(stem_of(name))} but for folder or ending: "
            "Make Sense writes one file for all, so that the boxes of the others are lost",
            "give the pictures different names and export again, or export rectangles as CSV",
            file=rows.images["file"][row],
            images=(row,),
        )
