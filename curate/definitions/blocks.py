"""What a guide is made of, whichever way it is shown: headings, texts, tables, cards, rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Span:
    """A piece of text, and what it is."""

    words: str
    kind: Literal["plain", "strong", "code"] = "plain"


Line = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """Pieces of text in a row.

    Examples
    --------
    >>> line("see ", code("x > 0"))
    (Span(words='see ', kind='plain'), Span(words='x > 0', kind='code'))
    """
    return tuple(Span(part) if isinstance(part, str) else part for part in parts)


def code(words: str) -> Span:
    """A formula, a name of a column, a word of a file."""
    return Span(words, "code")


def strong(words: str) -> Span:
    """A word that is looked for."""
    return Span(words, "strong")


@dataclass(frozen=True)
class Heading:
    """The beginning of a section (level 2) or a part of one (level 3, 4)."""

    level: int
    words: str
    anchor: str | None = None


@dataclass(frozen=True)
class Paragraph:
    """A text; `is_small` is print for those who want to know exactly."""

    line: Line
    is_small: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list without order."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """A table: the words over its columns, and its rows."""

    header: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True)
class Card:
    """A phenomenon: its picture (SVG), its name, what is to know of it, and its role."""

    picture: str | None
    title: str
    lines: tuple[Line, ...]
    role: str


@dataclass(frozen=True)
class Cards:
    """Phenomena beside each other."""

    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Example:
    """A drawn scene (SVG): whether it is right, and what it shows."""

    picture: str
    note: str
    is_right: bool


@dataclass(frozen=True)
class Rule:
    """A numbered rule.

    Parameters
    ----------
    level
        error, warning or info.
    duty
        The level in a word for people.
    details
        What is told of it, each with its heading.
    small
        Formula and numbers.
    """

    number: int
    code: str
    title: str
    level: str
    duty: str
    details: tuple[tuple[str, Line], ...]
    small: tuple[tuple[str, Line], ...]
    examples: tuple[Example, ...]


Block = Heading | Paragraph | Bullets | Table | Cards | Rule


@dataclass(frozen=True)
class Page:
    """A whole guide; `stated` is the `id@version+hash` that it is of."""

    title: str
    stated: str
    head: tuple[Line, ...]
    blocks: tuple[Block, ...]
