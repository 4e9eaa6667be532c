"""Elements of XML, SVG and HTML as texts, with everything in them escaped."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

# XML 1.0, section 2.2: no document may hold these, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INSTEAD = "\ufffd"
# In HTML only these may close themselves; the last row is of SVG and of labelling forms.
_CLOSED = frozenset(
    {"br", "meta"}
    | {"circle", "line", "path", "polygon", "polyline", "rect"}
    | {"Choice", "Image", "Label", "Header", "TextArea"}
)


def text(words: str) -> str:
    """Words as the content of an element.

    Examples
    --------
    >>> text("a < b & c")
    'a &lt; b &amp; c'
    """
    return escape(_FORBIDDEN.sub(_INSTEAD, words))


def element(name: str, /, *inside: str, **attributes: str | float | None) -> str:
    """An element round finished markup.

    Parameters
    ----------
    inside
        Markup: words go through `text` first.
    attributes
        Underscores stand for hyphens, one at the end for none; None: without the attribute.
        Numbers have two decimals at most.

    Examples
    --------
    >>> element("rect", x=1.0, stroke_width=0.126, class_="a<b")
    '<rect x="1" stroke-width="0.13" class="a&lt;b"/>'
    >>> element("p", text("x < 1"), element("br"))
    '<p>x &lt; 1<br/></p>'
    """
    words = "".join(
        f" {key.rstrip('_').replace('_', '-')}={_quoted(value)}"
        for key, value in attributes.items()
        if value is not None
    )
    if not inside and name in _CLOSED:
        return f"<{name}{words}/>"
    return f"<{name}{words}>{''.join(inside)}</{name}>"


def _quoted(value: str | float) -> str:
    if isinstance(value, str):
        return quoteattr(_FORBIDDEN.sub(_INSTEAD, value))
    return f'"{number(value)}"'


def number(value: float) -> str:
    """A number with two decimals at most.

    Examples
    --------
    >>> number(3), number(2.50), number(-0.001), number(1e-9)
    ('3', '2.5', '0', '0')
    """
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown
