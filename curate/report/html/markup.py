"""HTML made of elements: every text in it is escaped, because there is no way not to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

# HTML has no place for them, not even as a reference (HTML Living Standard, 13.5).
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_VOID = frozenset({"meta", "img", "input", "br"})


@dataclass(frozen=True)
class Markup:
    """Text that is HTML already, all of it made by `element`."""

    html: str

    def __str__(self) -> str:
        return self.html


def shown(text: str) -> str:
    r"""The text with control characters written as escapes.

    Examples
    --------
    >>> shown("a\x1bb")
    'a\\x1bb'
    """
    return _NO_TEXT.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def element(tag: str, /, *inner: str | Markup, **attributes: str | float) -> Markup:
    """An element with its texts escaped.

    Parameters
    ----------
    inner
        What it holds: texts, which are escaped, and markup.
    attributes
        Values are escaped; `_` in a name stands for `-`, a `_` at its end for nothing. True is an
        attribute without a value, False and an empty class none.

    Examples
    --------
    >>> print(element("td", "<b>", class_="num", data_row=3))
    <td class="num" data-row="3">&lt;b&gt;</td>
    """
    start = f"<{tag}{''.join(map(_attribute, attributes, attributes.values()))}>"
    return Markup(start if tag in _VOID else f"{start}{joined(inner)}</{tag}>")


def joined(inner: Iterable[str | Markup]) -> Markup:
    """Texts, which are escaped, and markup one after the other."""
    parts = (part.html if isinstance(part, Markup) else escape(shown(part)) for part in inner)
    return Markup("".join(parts))


def _attribute(name: str, value: str | float) -> str:
    name = name.removesuffix("_").replace("_", "-")
    if isinstance(value, bool) or (name == "class" and not value):
        return f" {name}" if value else ""
    return f' {name}="{escape(shown(str(value)))}"'
