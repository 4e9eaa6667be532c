"""XML text as bytes: safe parsing, where each element stands, edits that leave all else alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from curate.errors import quote

# Encodings in which every ASCII byte stands for itself, so that byte offsets and tags can be
# found and spliced without decoding. UTF-16 and the multi-byte ones are refused.
_ENCODINGS = {"utf-8", "utf8", "us-ascii", "ascii", "latin-1", "latin1"}
_ENCODING_FAMILIES = ("iso-8859-", "windows-125", "cp125", "koi8-")
_UTF16_STARTS = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
# XML 1.0, production 2 (Char).
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_START_TAG = re.compile(rb"<(?>[^>\"']|\"[^\"]*\"|'[^']*')*+>")
_SPACE = b" \t\r\n"


# An element: its tag, and its text or its children.
Node = tuple[str, "str | list[Node]"]
Edit = tuple[int, int, bytes]  # the bytes [start, end) give way to these


class Refusal(Exception):  # noqa: N818  # never leaves a reader: it becomes a finding
    """Raised inside expat's handlers for XML that is not read: what is wrong, and the mend."""

    def __init__(self, what: str, mend: str) -> None:
        self.what, self.mend = what, mend
        super().__init__(what)


def new_parser() -> expat.XMLParserType:
    """An expat parser that refuses a DTD (and so every entity) and encodings that shift bytes."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.XmlDeclHandler = check_encoding
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def drive(parser: expat.XMLParserType, body: bytes) -> tuple[str, str, int] | None:
    """Runs a parser over a whole file; what is wrong, the mend and the line, or None."""
    if body.startswith(_UTF16_STARTS):
        return "is UTF-16 text, should be UTF-8", "save the file as UTF-8", 1
    try:
        parser.Parse(body, True)
    except Refusal as refusal:
        return refusal.what, refusal.mend, parser.CurrentLineNumber
    except expat.ExpatError as error:
        what = f"is not well-formed XML: {expat.ErrorString(error.code)}"
        return what, "restore the file from a backup or export it again", error.lineno
    except (LookupError, ValueError) as error:
        # expat asks Python for encodings that it does not know.
        return f"cannot be decoded: {error}", "save the file as UTF-8", parser.CurrentLineNumber
    return None


def check_encoding(version: str, encoding: str | None, standalone: int) -> None:
    """Refuses an encoding in which tags and byte offsets cannot be told from the bytes."""
    name = (encoding or "utf-8").lower().replace("_", "-")
    if name not in _ENCODINGS and not name.startswith(_ENCODING_FAMILIES):
        raise Refusal(
            f"declares the encoding {quote(encoding)}, should be UTF-8", "save the file as UTF-8"
        )


def _refuse_doctype(
    name: str, system_id: str | None, public_id: str | None, has_subset: int
) -> None:
    raise Refusal(
        f"has a document type declaration ({quote(name)}); XML with a DTD or entities is refused",
        "remove the <!DOCTYPE ...> part, if you trust the file",
    )


def escape(text: str) -> str:
    """Text as it stands in XML; characters that XML forbids become U+FFFD."""
    text = _FORBIDDEN.sub("\ufffd", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")


def is_forbidden(text: str) -> bool:
    """Whether a text holds characters that XML forbids."""
    return _FORBIDDEN.search(text) is not None


def is_altered(text: str) -> bool:
    """Whether XML cannot hold a name as it is: forbidden characters, or white space around it."""
    return text != text.strip() or is_forbidden(text)


def end_of(body: bytes, parser: expat.XMLParserType, name: str) -> int:
    """The byte after the element that a parser's end handler is called for."""
    # At an end tag expat stands on its "<", at the end of <name/> behind its ">".
    index = parser.CurrentByteIndex
    if body.startswith(f"</{name}".encode(), index):
        return body.index(b">", index) + 1
    return index


def render(node: Node, indent: str, unit: str) -> str:
    """An element as text. `indent` stands before its end tag (line end and white space)."""
    tag, content = node
    if isinstance(content, str):
        return f"<{tag}>{escape(content)}</{tag}>"
    deeper = indent + unit
    inner = "".join(deeper + render(child, deeper, unit) for child in content)
    return f"<{tag}>{inner}{indent}</{tag}>"


def number(text: str) -> float | None:
    """The number that a text writes in ASCII, infinities and NaN included; None for other text."""
    try:
        value = float(text)
    except ValueError:
        return None
    # Python's float() also takes 1_000 and digits of other scripts.
    return value if text.isascii() and "_" not in text else None


@dataclass
class Element:
    """An element in bytes: [start, end) with its tags, [open_end, close_start) between them."""

    name: str
    start: int
    open_end: int
    close_start: int = 0
    end: int = 0
    children: list[Element] = field(default_factory=list)

    def leaves(self, name: str) -> list[Element]:
        """The children of this name that have none themselves: a reader takes the first's text."""
        return [child for child in self.children if child.name == name and not child.children]


@dataclass
class Markup:
    """A well-formed XML file: its bytes, its root, and how text of it is encoded."""

    body: bytes
    root: Element
    is_utf8: bool = True

    def encode(self, text: str) -> bytes:
        """Markup as bytes; in encodings other than UTF-8 by character references."""
        return text.encode() if self.is_utf8 else text.encode("ascii", "xmlcharrefreplace")

    def space_before(self, offset: int) -> bytes:
        """The white space that ends at a byte offset."""
        start = offset
        while start > 0 and self.body[start - 1] in _SPACE:
            start -= 1
        return self.body[start:offset]

    def cut(self, element: Element) -> Edit:
        """Removes an element with the white space before it."""
        return element.start - len(self.space_before(element.start)), element.end, b""

    def set_text(self, element: Element, text: str) -> Edit:
        """Gives an element another text; white space around the old one stays."""
        new = self.encode(escape(text))
        if element.open_end == element.end:
            tag = self.encode(element.name)
            return element.start, element.end, b"<" + tag + b">" + new + b"</" + tag + b">"
        old = self.body[element.open_end : element.close_start]
        stripped = old.strip(_SPACE)
        lead = len(old) - len(old.lstrip(_SPACE)) if stripped else 0
        start = element.open_end + lead
        return start, start + len(stripped), new

    def insert(self, parent: Element, nodes: Sequence[Node], before: Element | None) -> Edit:
        """Adds children before another one, or after the last; laid out as their neighbours are."""
        if before is not None:
            space = self.space_before(before.start)
            new = b"".join(self._laid_out(node, space) + space for node in nodes)
            return before.start, before.start, new
        if parent.children:
            last = parent.children[-1]
            space = self.space_before(last.start)
            new = b"".join(space + self._laid_out(node, space) for node in nodes)
            return last.end, last.end, new
        outer = self.space_before(parent.start)
        space = outer + self.unit().encode() if outer or parent is self.root else b""
        new = b"".join(space + self._laid_out(node, space) for node in nodes) + outer
        if parent.open_end == parent.end:
            tag = self.body[parent.start : parent.end].removesuffix(b"/>").rstrip()
            name = self.encode(parent.name)
            return parent.start, parent.end, tag + b">" + new + b"</" + name + b">"
        # Comments and stray text stay before the new children; white space gives way to theirs.
        stray = self.body[parent.open_end : parent.close_start].rstrip(_SPACE)
        return parent.open_end + len(stray), parent.close_start, new

    def _laid_out(self, node: Node, space: bytes) -> bytes:
        return self.encode(render(node, space.decode(), self.unit()))

    def unit(self) -> str:
        """What one level of depth adds to the indentation; a tab when the file does not say."""
        for parent in self.root.children:
            outer = self.space_before(parent.start)
            inner = self.space_before(parent.children[0].start) if parent.children else b""
            if parent.children and inner.startswith(outer):
                return inner[len(outer) :].decode()
        return "\t"


def read_markup(body: bytes) -> Markup | None:
    """The elements of a file with their places; None when it is not well-formed."""
    parser = new_parser()
    stack: list[Element] = []
    roots: list[Element] = []
    encodings: list[str] = []

    def declaration(version: str, encoding: str | None, standalone: int) -> None:
        check_encoding(version, encoding, standalone)
        encodings.append((encoding or "utf-8").lower().replace("_", "-"))

    def start(name: str, attributes: dict[str, str]) -> None:
        index = parser.CurrentByteIndex
        tag = _START_TAG.match(body, index)
        element = Element(name, index, tag.end() if tag else index)
        (stack[-1].children if stack else roots).append(element)
        stack.append(element)

    def end(name: str) -> None:
        element = stack.pop()
        index = parser.CurrentByteIndex
        if body.endswith(b"/>", element.start, element.open_end):
            element.close_start = element.end = element.open_end
        else:
            element.close_start, element.end = index, body.index(b">", index) + 1

    parser.XmlDeclHandler = declaration
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    if drive(parser, body) is not None or not roots:
        return None
    return Markup(body, roots[0], all(name in ("utf-8", "utf8") for name in encodings))


def apply_edits(body: bytes, edits: Iterable[Edit]) -> bytes:
    """The bytes with all edits made; edits at one place keep their order.

    Of two that overlap the later one begins where the earlier one ends: nothing comes back that
    was taken away, and no new text is lost.
    """
    parts, position = [], 0
    for start, end, new in sorted(edits, key=lambda edit: (edit[0], edit[1])):
        parts += [body[position:start], new]
        position = max(position, end)
    parts.append(body[position:])
    return b"".join(parts)
