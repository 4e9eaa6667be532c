"""The bytes of one VOC file to plain text values with their places, in one pass of expat."""

from __future__ import annotations

from curate.errors import quote
from curate.formats.voc.plain import parse_plain
from curate.formats.voc.records import VocFile, VocObject, add_action, add_child, add_corner
from curate.formats.xml_spans import Refusal, drive, end_of, new_parser


def parse(body: bytes) -> VocFile:
    """The texts of one annotation file; nothing but its name is kept of an unreadable one."""
    found = parse_plain(body)
    return parse_by_expat(body) if found is None else found


def parse_by_expat(body: bytes) -> VocFile:
    """As `parse`, of files in every form."""
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
            add_child(record, name, text)
        elif depth == 3 and path[2] == "bndbox":
            add_corner(record, name, text)
        elif depth == 3 and path[2] == "actions":
            add_action(record, name, text)
        elif depth == 1:
            record.end = end_of(self.body, self.parser, "object")
            self.found.objects.append(record)
            self.found.uncarried.update(record.uncarried)
            self.object = None
