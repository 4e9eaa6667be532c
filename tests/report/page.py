"""What a report as HTML holds, read by Python's own HTML parser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import accumulate, chain
from typing import Any


@dataclass
class Node:
    """An element: its tag, attributes, and what it holds."""

    tag: str
    attributes: dict[str, str | None]
    inner: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(part if isinstance(part, str) else part.text for part in self.inner)

    def find(self, tag: str, **attributes: str) -> list[Node]:
        """The elements below it of a tag, with these attributes."""
        own = [part for part in self.inner if isinstance(part, Node)]
        found = [
            part
            for part in own
            if part.tag == tag
            and all(part.attributes.get(k.strip("_")) == v for k, v in attributes.items())
        ]
        return found + [deep for part in own for deep in part.find(tag, **attributes)]

    def at(self, name: str) -> Node:
        """The element of an id."""
        return next(node for node in self.every() if node.attributes.get("id") == name)

    def every(self) -> list[Node]:
        """All elements below it."""
        own = [part for part in self.inner if isinstance(part, Node)]
        return own + [deep for part in own for deep in part.every()]


class _Parser(HTMLParser):
    _VOID = frozenset({"meta", "img", "input", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        node = Node(tag, dict(attrs))
        self._open[-1].inner.append(node)
        if tag not in self._VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].inner.append(data)


def parsed(text: str) -> Node:
    """The page as a tree; each element is closed where it should be."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    assert parser._open == [parser.root]
    return parser.root


def rows_of(page: Node, section: str) -> dict[str, list[str]]:
    """The table of a section: the first cell of each row to the others."""
    (body,) = page.at(section).find("tbody")
    rows = [[cell.text for cell in row.inner if isinstance(cell, Node)] for row in body.find("tr")]
    return {first: rest for first, *rest in rows}


def policy(page: Node) -> dict[str, list[str]]:
    """The Content-Security-Policy: directive to what it allows."""
    (meta,) = page.find("meta", **{"http-equiv": "Content-Security-Policy"})
    parts = [part.split() for part in (meta.attributes["content"] or "").split(";")]
    return {first: rest for first, *rest in parts}


def sha256(text: str) -> str:
    """The hash of an inline style or script as a policy names it (CSP 3, 2.3.1)."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def listed(page: Node) -> list[dict[str, Any]]:
    """The findings of the page's list, read back from its columns."""
    told = json.loads(page.at("data").text)
    columns = {name: _unrun(column) for name, column in told["columns"].items()}
    words = told["words"]
    for name in ("image", "file"):
        words[name] = _unfront(words[name])
        columns[name] = list(accumulate(columns[name]))
    ids = base64.b64decode(told["ids"])
    numbers = told["numbers"].split("|")
    found = []
    for row in range(len(columns["check"])):
        said = {
            name: None if columns[name][row] < 0 else words[name][columns[name][row]]
            for name in words
        }
        own = iter(numbers[row].split(" "))
        said["message"] = re.sub("\x1f", lambda _, own=own: next(own), said.pop("template"))
        said |= {
            "finding_id": ids[8 * row : 8 * row + 8].hex(),
            "level": told["levels"][columns["level"][row]],
            "classes": [told["classes"][n] for n in told["groups"][columns["group"][row]]],
            "members": columns["members"][row],
            "line": columns["line"][row],
            "source_id": None if columns["own"][row] is None else str(columns["own"][row]),
            "first": told["members"].get(str(row), []),
        }
        found.append(said)
    return found


def _unrun(column: Any) -> list[Any]:
    if isinstance(column, list):
        return column
    runs = column["runs"]
    return list(chain.from_iterable([v] * n for v, n in zip(runs[::2], runs[1::2], strict=True)))


def _unfront(coded: list[Any]) -> list[str]:
    words = [""]
    for n_same, rest in zip(coded[::2], coded[1::2], strict=True):
        words.append(words[-1][:n_same] + rest)
    return words[1:]
