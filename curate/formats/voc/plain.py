"""The texts of one VOC file in its plain form, without a parser's call for every tag.

Nearly all files are plain: ASCII, tags without attributes, nothing but texts between them, no
comments, entities or instructions after the declaration. What is not goes to expat, which gives the
same for a plain file (tests/formats/test_voc_plain.py holds one against the other).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter

from curate.formats.voc.records import VocFile, VocObject, add_action, add_child, add_corner

_PROLOG = re.compile(
    r"(?:<\?xml version=\"1\.0\"(?: encoding=\"(?:utf-8|UTF-8)\")?\?>)?[\t\n ]*+(?=<)"
)
# What stands in tags and texts; without `&`, and without the carriage return: a lone one is a
# line end to XML, and within a text it becomes a line feed.
_CHARACTERS = bytes({*range(0x20, 0x7F), *b"\t\n"} - {ord("&")})
# A tag and what follows it; of an element without children all of it in one match.
_TOKEN = re.compile(r"<(/?[A-Za-z_][A-Za-z0-9_]*+)>(?:([^<]*+)(</)\1>)?[^<]*+")
_OPEN, _CLOSE = "<object>", "</object>"

Token = tuple[str, str, str]


def parse_plain(body: bytes) -> VocFile | None:
    """The texts of a plain annotation file; None for one that a parser has to look at."""
    if body.translate(None, _CHARACTERS):
        return None
    text = body.decode("ascii")
    tokens = _tokens(text)
    # Nothing but space may follow the root.
    is_root = tokens[:1] == [("annotation", "", "")] and tokens[-1][0] == "/annotation"
    if not is_root or text[text.rindex(">") + 1 :].strip():
        return None
    found, places = VocFile(), _places(text)
    within = iter(tokens[1:-1])
    for name, value, is_leaf in within:
        if name == "object" and not is_leaf:
            record = next(places)
            if not _fill(record, within):
                return None
            found.objects.append(record)
            found.uncarried.update(record.uncarried)
        elif not _add(found, (name, value, is_leaf), within, text):
            return None
    return found if next(places, None) is None else None


def _tokens(text: str) -> list[Token]:
    """The tags with their texts; none where anything else stands between them."""
    prolog = _PROLOG.match(text)
    if prolog is None:
        return []
    found: list[Token] = _TOKEN.findall(text, prolog.end())
    n_tags = len(found) + sum(map(bool, map(itemgetter(2), found)))
    # Each bracket is one of a tag that was found: no comment, no attribute, none in a text.
    brackets = {text.count(bracket, prolog.end()) for bracket in "<>"}
    return found if brackets == {n_tags} else []


def _places(text: str) -> Iterator[VocObject]:
    """The objects in order, with their spans and lines; an object inside another has no end."""
    line, at = 1, 0
    start = text.find(_OPEN)
    while start >= 0:
        line += text.count("\n", at, start)
        end = text.find(_CLOSE, start) + len(_CLOSE)
        yield VocObject(start, line, end)
        at, start = start, text.find(_OPEN, start + 1)


def _add(found: VocFile, token: Token, tokens: Iterator[Token], text: str) -> bool:
    """Adds a child of the root that is no object; False for one that only expat can tell."""
    name, value, is_leaf = token
    if name in ("size", "object", "filename") and bool(is_leaf) != (name == "filename"):
        return False
    if name == "filename":
        found.filename = found.filename or value.strip()
        return True
    if is_leaf:
        found.uncarried[name] += bool(value.strip())
        return True
    leaves = _leaves(name, tokens)
    if leaves is None:
        return False
    if name == "size":
        return _add_size(found, leaves, text)
    # As `source`: neither the element nor its leaves have a column.
    found.uncarried[name] += 1
    return True


def _leaves(parent: str, tokens: Iterator[Token]) -> list[tuple[str, str]] | None:
    """The names and texts of an element's children; None when these have children, or no end."""
    end = f"/{parent}"
    leaves: list[tuple[str, str]] = []
    for name, value, is_leaf in tokens:
        if not is_leaf:
            return leaves if name == end else None
        leaves.append((name, value.strip()))
    return None


def _add_size(found: VocFile, leaves: list[tuple[str, str]], text: str) -> bool:
    for name, value in leaves:
        if name not in ("width", "height"):
            found.uncarried[name] += 1
        elif name in found.size:
            return False
        else:
            # The line of the end tag, as expat gives it.
            at = text.index(f"</{name}>", text.index("<size>"))
            found.size[name] = value, text.count("\n", 0, at) + 1
    return True


def _fill(record: VocObject, tokens: Iterator[Token]) -> bool:
    """Adds the children of an object; False where only expat can tell what they are."""
    for name, value, is_leaf in tokens:
        if name == "/object":
            return True
        if (name in ("bndbox", "actions")) == bool(is_leaf):
            return False
        if is_leaf:
            add_child(record, name, value.strip())
            continue
        leaves = _leaves(name, tokens)
        if leaves is None:
            return False
        record.n_boxes += name == "bndbox"
        add = add_corner if name == "bndbox" else add_action
        for leaf in leaves:
            add(record, *leaf)
        add_child(record, name, None)
    return False
