"""Where each element of an XML file stands, and edits of its bytes that leave all others alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from curate.formats.voc.make import Node, escape, render
from curate.formats.voc.parse import check_encoding, drive, new_parser

_START_TAG = re.compile(rb"<(?>[^>\"']|\"[^\"]*\"|'[^']*')*+>")
_SPACE = b" \t\r\n"

Edit = tuple[int, int, bytes]  # the bytes [start, end) give way to these


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
