"""The bytes of one VOC file to plain text values with their places, in one pass of expat."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from curate.errors import quote
from curate.formats.xml_spans import Refusal, drive, end_of, new_parser

_KNOWN = frozenset({"name", "bndbox", "truncated", "occluded", "difficult"})


@dataclass
class VocObject:
    """One `<object>`: its span in bytes (half-open), its line from 1, and its texts.

    `fields` are the simple children, `corners` those of the first `<bndbox>`. `repeated` names
    known children that stand more than once, `uncarried` what no column holds.
    """

    start: int
    line: int
    end: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    corners: dict[str, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    n_boxes: int = 0
    repeated: list[str] = field(default_factory=list)
    uncarried: list[str] = field(default_factory=list)


@dataclass
class VocFile:
    """One annotation file. `error` is (what is wrong, mend, line from 1) of an unreadable one.

    `size` maps width and height to (text, line).
    """

    filename: str | None = None
    size: dict[str, tuple[str, int]] = field(default_factory=dict)
    objects: list[VocObject] = field(default_factory=list)
    uncarried: Counter[str] = field(default_factory=Counter)
    error: tuple[str, str, int] | None = None


def parse(body: bytes) -> VocFile:
    """The texts of one annotation file; nothing but its name is kept of an unreadable one."""
    handlers = _Handlers(body)
    error = drive(handlers.parser, body)
    # Without this each parser and its handlers hold each other until the collector runs.
    handlers.release()
    found = handlers.found
    return VocFile(filename=found.filename, error=error) if error else found


class _Handlers:
    """What expat calls: it follows the path of open elements and collects the texts."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.found = VocFile()
        self.parser = new_parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.text: list[str] = []
        self.parser.CharacterDataHandler = self.text.append
        self.path: list[str] = []
        self.object: VocObject | None = None
        self.is_leaf = False

    def release(self) -> None:
        """Lets the parser forget these handlers."""
        self.parser.StartElementHandler = None
        self.parser.EndElementHandler = None
        self.parser.CharacterDataHandler = None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        path = self.path
        if not path and name != "annotation":
            raise Refusal(
                f"its root element is {quote(name)}, should be 'annotation'",
                "give another --from, or take the file out of the folder",
            )
        if len(path) == 1 and name == "object":
            parser = self.parser
            self.object = VocObject(parser.CurrentByteIndex, parser.CurrentLineNumber)
        elif len(path) == 2 and name == "bndbox" and self.object is not None:
            self.object.n_boxes += 1
        if attributes:
            self.found.uncarried.update(f"{name}@{key}" for key in attributes)
        path.append(name)
        self.text.clear()
        self.is_leaf = True

    def _end(self, name: str) -> None:
        path, text = self.path, None
        if self.is_leaf:
            text = "".join(self.text).strip()
            self.is_leaf = False
        path.pop()
        if self.object is not None:
            self._end_in_object(self.object, name, text)
        elif len(path) == 1:
            if name == "filename":
                self.found.filename = self.found.filename or text
            elif name != "size" and text != "":
                self.found.uncarried[name] += 1
        elif len(path) == 2 and path[1] == "size":
            if name in ("width", "height") and text is not None:
                self.found.size.setdefault(name, (text, self.parser.CurrentLineNumber))
            else:
                self.found.uncarried[name] += 1

    def _end_in_object(self, record: VocObject, name: str, text: str | None) -> None:
        path = self.path
        depth = len(path)
        if depth == 2:
            _add_child(record, name, text)
        elif depth == 3 and path[2] == "bndbox":
            if record.n_boxes == 1 and text is not None:
                if name in record.corners:
                    record.repeated.append(name)
                record.corners.setdefault(name, text)
        elif depth == 3 and path[2] == "actions":
            if text is None or name in record.actions:
                record.uncarried.append("actions")
            record.actions.setdefault(name, text or "")
        elif depth == 1:
            record.end = end_of(self.body, self.parser, "object")
            self.found.objects.append(record)
            self.found.uncarried.update(record.uncarried)
            self.object = None


def _add_child(record: VocObject, name: str, text: str | None) -> None:
    is_repeated = name in record.fields or (name == "bndbox" and record.n_boxes > 1)
    if is_repeated and name in _KNOWN:
        record.repeated.append(name)
    elif is_repeated:
        record.uncarried.append(name)
    elif name == "bndbox" or (name == "actions" and not text):
        return
    elif text is None or name == "actions":
        record.uncarried.append(name)
    else:
        record.fields[name] = text
