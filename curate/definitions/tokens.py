"""The words and signs of expressions: what is not one is refused before Python's parser sees it."""

from __future__ import annotations

import keyword
import re

from curate.errors import ExpressionError, quote

TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<text>'[^']*'|"[^"]*")
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>===|!==|\*\*|//|&&|\|\||<>|<<|>>|=>|=<|:=|==|!=|<=|>=|[-+*/<>()\[\],])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_LEGAL_SIGNS = {"==", "!=", "<=", ">=", *"-+*/<>()[],"}
_SIGN_MENDS = {
    "=": "write `==`", "===": "write `==`", ":=": "write `==`", "!==": "write `!=`",
    "<>": "write `!=`", "=>": "write `>=`", "=<": "write `<=`", "!": "write `not`",
    "~": "write `not`", "&&": "write `and`", "&": "write `and`", "||": "write `or`",
    "|": "write `or`", "**": "write `a * a` for a power", "^": "write `a * a` for a power",
    "//": "write `/`", "\\": "put the other quotation mark round a text that holds one",
    "'": "close the text with '", '"': 'close the text with "',
    ".": "names have no parts: take one of the columns", "{": "write a list in [ ]",
    "#": "leave out comments",
}  # fmt: skip
_WORD_MENDS = {
    "and": "and", "or": "or", "not": "not", "in": "in", "is": "is", "true": "true",
    "false": "false", "null": "null", "none": "null", "nil": "null", "nan": "null",
}  # fmt: skip


def python_text(text: str, known: set[str]) -> str:
    """The text with line breaks as spaces; refuses tokens that are not of the language."""
    pieces = []
    last = None
    for match in TOKEN.finditer(text):
        piece, at, token = match[0], match.start(), match.lastgroup
        if token == "space":
            pieces.append(" " * len(piece))
            continue
        if last is not None and token != "sign":
            _refuse_neighbours(last, match)
        if token == "text":
            _refuse_odd_text(piece, at)
        elif token == "name" and piece not in known:
            _refuse_word(piece, at)
        elif token == "other" or (token == "sign" and piece not in _LEGAL_SIGNS):
            mend = "put texts in quotation marks" if piece.isalpha() else None
            raise ExpressionError(
                f"{quote(piece)} is not part of the language",
                offset=at,
                mend=_SIGN_MENDS.get(piece, mend),
            )
        last = match
        pieces.append(piece)
    if last is None:
        raise ExpressionError("the expression is empty", offset=0, mend="write `true` for all rows")
    return "".join(pieces)


def _refuse_neighbours(before: re.Match[str], match: re.Match[str]) -> None:
    touching = before.end() == match.start()
    if before.lastgroup == "number" and touching:
        raise ExpressionError(
            f"{quote(before[0] + match[0])} is no number, expected digits as in 20, 0.5 or 1e-3",
            offset=before.start(),
        )
    if match.lastgroup != "text":
        return
    if before.lastgroup == "text":
        raise ExpressionError(
            f"two texts stand in a row: {quote(match[0][1:-1])} follows another",
            offset=match.start(),
            mend="put a comma between them",
        )
    if before.lastgroup == "name" and touching:
        raise ExpressionError(
            f"a text cannot begin with {quote(before[0])}",
            offset=before.start(),
            mend=f"write {match[0]}",
        )


def _refuse_odd_text(piece: str, at: int) -> None:
    for shift, char in enumerate(piece):
        # Half of a surrogate pair is no character: Python could not encode it.
        if char == "\\" or ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000:
            raise ExpressionError(
                f"a text holds {char!r}, expected characters that can be seen, without escapes",
                offset=at + shift,
            )


def _refuse_word(word: str, at: int) -> None:
    right = _WORD_MENDS.get(word.lower())
    if right not in (None, word):
        raise ExpressionError(
            f"{quote(word)} is not part of the language", offset=at, mend=f"write `{right}`"
        )
    if keyword.iskeyword(word) and right is None:
        raise ExpressionError(
            f"{quote(word)} is a word of Python and not part of the language",
            offset=at,
            mend="the column of classes is `label`" if word == "class" else None,
        )
